//! Rows of a running query.

use crate::convert::FromValue;
use crate::error::{Error, ErrorCode, Result};
use crate::statement::Statement;
use sedge_sql::ValueRef;

/// The rows of a query, in order. They show the data as it was when the query started, whatever is written since.
///
/// A row is lent until the next call of [`Rows::next`]; [`Rows::map_rows`] collects owned values.
#[derive(Debug)]
pub struct Rows<'s> {
    statement: &'s mut Statement,
}

impl<'s> Rows<'s> {
    pub(crate) fn new(statement: &'s mut Statement) -> Rows<'s> {
        Rows { statement }
    }

    /// The next row, or `None` after the last.
    ///
    /// # Errors
    /// What the evaluation of the row meets; [`ErrorCode::Interrupted`] after an interrupt, or when a rollback
    /// undid changes that the query was reading.
    #[allow(clippy::should_implement_trait, reason = "a row is lent, which Iterator cannot express")]
    pub fn next(&mut self) -> Result<Option<Row<'_>>> {
        if self.statement.step()? { Ok(Some(Row { statement: self.statement })) } else { Ok(None) }
    }

    /// What `f` makes of each row that is left.
    ///
    /// ```
    /// # fn main() -> sedge::Result<()> {
    /// let mut conn = sedge::Database::open_in_memory()?.connect()?;
    /// let mut statement = conn.prepare("VALUES (1), (2)")?;
    /// let numbers: Vec<i64> = statement.query([])?.map_rows(|row| row.get(0))?;
    /// assert_eq!(numbers, [1, 2]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Rows::next`], and what `f` returns.
    pub fn map_rows<T>(&mut self, mut f: impl FnMut(&Row<'_>) -> Result<T>) -> Result<Vec<T>> {
        let mut mapped = Vec::new();
        while let Some(row) = self.next()? {
            mapped.push(f(&row)?);
        }
        Ok(mapped)
    }

    /// The names of the columns.
    #[must_use]
    pub fn column_names(&self) -> Vec<&str> {
        self.statement.column_names()
    }
}

impl Drop for Rows<'_> {
    fn drop(&mut self) {
        self.statement.stop();
    }
}

/// One row of a running query.
#[derive(Debug)]
pub struct Row<'r> {
    statement: &'r Statement,
}

impl Row<'_> {
    /// Column `column` (by place from 0 or by name) as a `T`.
    ///
    /// # Errors
    /// [`ErrorCode::Misuse`] if there is no such column, [`ErrorCode::Type`] if its value is no `T`.
    pub fn get<T: FromValue>(&self, column: impl ColumnIndex) -> Result<T> {
        let place = column.place(self.statement)?;
        T::from_value(self.statement.value(place)).map_err(|error| {
            let name = self.statement.column_names()[place];
            Error::new(error.code(), format!("column {name}: {error}"))
        })
    }

    /// Column `column` without a copy.
    ///
    /// # Errors
    /// [`ErrorCode::Misuse`] if there is no such column.
    pub fn get_ref(&self, column: impl ColumnIndex) -> Result<ValueRef<'_>> {
        Ok(self.statement.value(column.place(self.statement)?))
    }

    /// How many columns the row has.
    #[must_use]
    pub fn column_count(&self) -> usize {
        self.statement.column_count()
    }
}

/// A place from 0 or a name, by which a column is found.
pub trait ColumnIndex {
    /// The place.
    ///
    /// # Errors
    /// [`ErrorCode::Misuse`] if there is no such column.
    fn place(&self, statement: &Statement) -> Result<usize>;
}

impl ColumnIndex for usize {
    fn place(&self, statement: &Statement) -> Result<usize> {
        let count = statement.column_count();
        if *self < count {
            return Ok(*self);
        }
        Err(Error::new(ErrorCode::Misuse, format!("there is no column {self}: the row has {count}")))
    }
}

impl ColumnIndex for &str {
    fn place(&self, statement: &Statement) -> Result<usize> {
        let names = statement.column_names();
        names.iter().position(|name| name.eq_ignore_ascii_case(self)).ok_or_else(|| {
            Error::new(
                ErrorCode::Misuse,
                format!("there is no column {self}; there are {}", names.join(", ")),
            )
        })
    }
}
