//! Prepared statements.

use crate::connection::{SharedSession, lock};
use crate::error::{Error, ErrorCode, Result};
use crate::params::Params;
use crate::rows::{Row, Rows};
use sedge_sql::ValueRef;
use sedge_sql::session::Prepared;
use std::fmt;

/// A prepared statement. It owns its text and plan and may be kept beside its connection, in a struct or another
/// thread; each run takes part in whatever transaction the connection has open then.
pub struct Statement {
    session: SharedSession,
    prepared: Prepared,
    parameters: sedge_sql::ValueList,
}

impl Statement {
    pub(crate) fn new(session: SharedSession, prepared: Prepared) -> Statement {
        Statement { session, prepared, parameters: sedge_sql::ValueList::default() }
    }

    /// Runs the statement to its end and gives the number of rows it changed; rows of a query are thrown away.
    ///
    /// # Errors
    /// What the execution meets; nothing is changed then.
    #[inline]
    pub fn execute(&mut self, params: impl Params) -> Result<usize> {
        params.bind(self.prepared.parameter_names(), &mut self.parameters)?;
        self.run_to_end()
    }

    fn run_to_end(&mut self) -> Result<usize> {
        self.start()?;
        let changes = self.prepared.changes();
        if self.prepared.column_count() > 0 {
            while self.step()? {}
            self.stop();
        }
        Ok(usize::try_from(changes).unwrap_or(0))
    }

    /// Starts the statement; its rows come from what is returned.
    ///
    /// # Errors
    /// What the start meets: [`ErrorCode::Misuse`] for wrong parameters, errors of a statement that changes data.
    #[inline]
    pub fn query(&mut self, params: impl Params) -> Result<Rows<'_>> {
        params.bind(self.prepared.parameter_names(), &mut self.parameters)?;
        self.start()?;
        Ok(Rows::new(self))
    }

    /// What `f` makes of the first row.
    ///
    /// # Errors
    /// [`ErrorCode::NoRows`] if there is none, and what the execution meets.
    pub fn query_row<T>(&mut self, params: impl Params, f: impl FnOnce(&Row<'_>) -> Result<T>) -> Result<T> {
        match self.query(params)?.next()? {
            Some(row) => f(&row),
            None => Err(Error::new(ErrorCode::NoRows, "the query returned no row")),
        }
    }

    /// The names of the columns it gives, none if it gives no rows.
    #[must_use]
    pub fn column_names(&self) -> Vec<&str> {
        self.prepared.column_names()
    }

    /// How many columns it gives, 0 if it gives no rows.
    #[must_use]
    pub fn column_count(&self) -> usize {
        self.prepared.column_count()
    }

    /// The names of its parameters in order: with their sigil, `None` for `?` and `?NNN`.
    #[must_use]
    pub fn parameter_names(&self) -> &[Option<String>] {
        self.prepared.parameter_names()
    }

    /// True if it changes neither data nor schema.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.prepared.is_read_only()
    }

    /// Starts with what is bound.
    fn start(&mut self) -> Result<()> {
        Ok(lock(&self.session).start(&mut self.prepared, &mut self.parameters)?)
    }

    pub(crate) fn step(&mut self) -> Result<bool> {
        Ok(self.prepared.step()?)
    }

    pub(crate) fn stop(&mut self) {
        self.prepared.stop();
    }

    pub(crate) fn value(&self, column: usize) -> ValueRef<'_> {
        self.prepared.value(column)
    }
}

impl fmt::Debug for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Statement").field("sql", &self.prepared.text()).finish_non_exhaustive()
    }
}
