//! Rows between their buffers and the table's tree: values converted to their columns, records read and made, row ids.

use crate::catalog::Table;
use crate::constraint::types::{self, Fitted, fit};
use crate::encode::{RecordView, RecordWriter, row_key};
use crate::error::{Constraint, Error, Result};
use crate::exec::context::Context;
use crate::exec::write::index_writer::{IndexWriter, Side};
use crate::exec::write::row_buffer::RowBuffer;
use crate::functions::FunctionContext;
use crate::ir::InsertColumn;
use crate::types::{Collation, ColumnType};
use crate::value::ValueRef;
use sedge_storage::WriteTransaction;

/// How often a random row id is tried once the greatest one is taken.
const RANDOM_TRIES: usize = 100;

/// Puts a value into `row`, converted to the type of its column; the first that does not fit is kept in `misfit`.
#[inline]
pub(super) fn set(
    table: &Table,
    row: &mut RowBuffer,
    misfit: &mut Option<Box<Constraint>>,
    column: InsertColumn,
    value: ValueRef<'_>,
) {
    let row_id_place = table.columns.len();
    let (place, column_type) = match column {
        InsertColumn::Column(place) => {
            (place, table.columns.get(place).map_or(ColumnType::Any, |column| column.column_type))
        }
        InsertColumn::RowId => (row_id_place, ColumnType::Integer),
    };
    let is_row_id = table.row_id_column == Some(place);
    match fit(value, column_type) {
        Fitted::Value(fitted) => {
            row.set(place, fitted);
            if is_row_id {
                row.set(row_id_place, fitted);
            }
        }
        Fitted::Text(text) => row.set(place, ValueRef::Text(text.as_bytes())),
        Fitted::Refused => {
            misfit.get_or_insert_with(|| types::breach(table, place, column_type, value));
            // Not NULL, whatever it is: NOT NULL is looked at before types.
            row.set(place, ValueRef::Integer(0));
        }
    }
}

/// Loads a row of the table. False if it is not there.
pub(super) fn load(txn: &WriteTransaction, table: &Table, row_id: i64, row: &mut RowBuffer) -> Result<bool> {
    let found = txn.get(table.root, &row_key(row_id), |bytes| load_record(table, row_id, bytes, row))?;
    found.transpose().map(|found| found.is_some())
}

/// Loads the columns of a record, and the row id.
pub(in crate::exec::write) fn load_record(
    table: &Table,
    row_id: i64,
    bytes: &[u8],
    row: &mut RowBuffer,
) -> Result<()> {
    let record = RecordView::new(bytes)?;
    row.reset(table.columns.len() + 1);
    for (place, column) in table.columns.iter().enumerate() {
        row.set(place, record.get(place, column.column_type)?);
    }
    if let Some(place) = table.row_id_column {
        row.set(place, ValueRef::Integer(row_id));
    }
    row.set(table.columns.len(), ValueRef::Integer(row_id));
    Ok(())
}

/// The record of a row, in which the row id's column is NULL.
#[inline]
pub(super) fn encode_record<'w>(
    table: &Table,
    writer: &'w mut RecordWriter,
    row: &RowBuffer,
) -> Result<&'w [u8]> {
    writer.encode(table.columns.iter().enumerate().map(|(place, column)| {
        let value = if table.row_id_column == Some(place) { ValueRef::Null } else { row.get(place) };
        (column.column_type, value)
    }))
}

pub(super) fn delete_entries(
    txn: &mut WriteTransaction,
    indexes: &mut [IndexWriter],
    row: &RowBuffer,
    row_id: i64,
    cx: &mut Context,
) -> Result<()> {
    for index in indexes {
        index.encode(Side::Before, row, row_id, cx)?;
        index.delete(txn)?;
    }
    Ok(())
}

/// One more than the greatest row id; a random one where that is the greatest possible.
pub(in crate::exec::write) fn next_row_id(
    txn: &WriteTransaction,
    table: &Table,
    last: Option<i64>,
    cx: &mut Context,
) -> Result<i64> {
    match last {
        None => return Ok(1),
        Some(last) if last < i64::MAX => return Ok(last + 1),
        Some(_) => {}
    }
    for _ in 0..RANDOM_TRIES {
        // Positive, and not too large for a next row after it.
        let row_id = ((cx.function_scope(Collation::Binary).random() >> 2) as i64) + 1;
        if txn.get(table.root, &row_key(row_id), |_| ())?.is_none() {
            return Ok(row_id);
        }
    }
    Err(Error::Storage(sedge_storage::Error::Full(format!("table {} has no free row id", table.name))))
}

#[cold]
pub(super) fn lost_row(table: &Table, row_id: i64) -> Error {
    let detail = format!("row {row_id} of table {} vanished while it was being changed", table.name);
    Error::Storage(sedge_storage::Error::Corrupt { page: table.root.0, tree: Some(table.root.0), detail })
}
