//! Rows of VALUES that nothing stands in the way of but the types of their columns and NOT NULL: their values go from
//! the statement straight into the record.
//!
//! Whatever is not as usual, a value of another type, NULL where none may be, a row id that is taken, is left to the
//! row-writer, which knows what becomes of it.

use super::row_writer::next_row_id;
use super::scalar::Scalar;
use crate::catalog::Table;
use crate::constraint::types::fits_as_it_is;
use crate::databases::WriteTransaction;
use crate::encode::{COLUMNS_MAX, RecordWriter, row_key};
use crate::error::Result;
use crate::exec::context::Context;
use crate::ir::InsertColumn;
use crate::types::ColumnType;
use crate::value::ValueRef;
use std::sync::Arc;

/// How rows of a table are made from those of a statement.
pub(super) struct PlainRow {
    table: Arc<Table>,
    columns: Vec<PlainColumn>,
    /// Place of the row id among the values, if it is given.
    row_id: Option<usize>,
    record: RecordWriter,
}

/// A column of the table.
struct PlainColumn {
    column_type: ColumnType,
    not_null: bool,
    /// Its place among the values; it is NULL in the record if it has none.
    value: Option<usize>,
}

impl PlainRow {
    /// For rows that give `columns` of `table`, the others being NULL; `None` where a value must be computed, or two are
    /// for the same column.
    pub(super) fn of(table: &Arc<Table>, columns: &[InsertColumn], rows: &[Vec<Scalar>]) -> Option<PlainRow> {
        if !rows.iter().flatten().all(Scalar::is_leaf) || table.columns.len() > COLUMNS_MAX {
            return None;
        }
        let mut plain = PlainRow {
            table: Arc::clone(table),
            columns: Vec::with_capacity(table.columns.len()),
            row_id: None,
            record: RecordWriter::new(),
        };
        for (place, column) in table.columns.iter().enumerate() {
            let is_row_id = table.row_id_column == Some(place);
            plain.columns.push(PlainColumn {
                column_type: column.column_type,
                not_null: column.not_null.is_some() && !is_row_id,
                value: None,
            });
        }
        for (value, column) in columns.iter().enumerate() {
            let home = match column {
                InsertColumn::Column(place) if table.row_id_column != Some(*place) => {
                    &mut plain.columns.get_mut(*place)?.value
                }
                _ => &mut plain.row_id,
            };
            if home.replace(value).is_some() {
                return None;
            }
        }
        Some(plain)
    }

    /// Inserts the row of these values and gives its row id; `None`, and nothing is done, if that is for the row-writer.
    #[inline]
    pub(super) fn insert(
        &mut self,
        values: &[Scalar],
        txn: &mut WriteTransaction,
        cx: &mut Context,
    ) -> Result<Option<i64>> {
        let row_id = match self.row_id.map(|place| values.get(place).and_then(|value| value.leaf(cx))) {
            Some(Some(ValueRef::Integer(row_id))) => row_id,
            None | Some(Some(ValueRef::Null)) => {
                let last = txn.last_row_id(self.table.root)?;
                next_row_id(txn, &self.table, last, cx)?
            }
            Some(_) => return Ok(None),
        };
        let given = |place: usize| values.get(place).and_then(|value| value.leaf(cx));
        let mut row = self.record.begin_short(self.columns.len());
        for column in &self.columns {
            let Some(value) = column.value.map_or(Some(ValueRef::Null), given) else { return Ok(None) };
            let is_usual = fits_as_it_is(value, column.column_type) && !(column.not_null && value.is_null());
            if !is_usual || !row.push(column.column_type, value)? {
                return Ok(None);
            }
        }
        let record = row.finish();
        Ok(txn.insert(self.table.root, &row_key(row_id), record)?.then_some(row_id))
    }
}
