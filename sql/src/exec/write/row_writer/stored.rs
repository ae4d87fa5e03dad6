//! Rows between their buffers and the table's tree: values converted to their columns, records read and made, row ids.

use crate::catalog::Table;
use crate::constraint::types::{self, Fitted, fit};
use crate::databases::WriteTransaction;
use crate::encode::{each_column, row_id_in, row_key};
use crate::error::{Constraint, Error, Result};
use crate::exec::context::Context;
use crate::exec::write::index_writer::{IndexWriter, Side};
use crate::exec::write::row_buffer::RowBuffer;
use crate::functions::FunctionContext;
use crate::ir::InsertColumn;
use crate::types::{Collation, ColumnType};
use crate::value::ValueRef;

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
pub(super) fn load(txn: &WriteTransaction, table: &Table, key: &[u8], row: &mut RowBuffer) -> Result<bool> {
    let found = txn.get(table.root, key, |bytes| load_record(table, key, bytes, row))?;
    found.transpose().map(|found| found.is_some())
}

/// Loads the columns of a row, and its row id.
pub(in crate::exec::write) fn load_record(
    table: &Table,
    key: &[u8],
    bytes: &[u8],
    row: &mut RowBuffer,
) -> Result<()> {
    row.reset(table.columns.len() + 1);
    // Only a text of a key with a character of zero needs it.
    let mut scratch = Vec::new();
    each_column(table, key, bytes, &mut scratch, |place, value| {
        row.set(place, value);
        Ok(())
    })?;
    if let Some(row_id) = row_id_in(table, key)? {
        row.set(table.columns.len(), ValueRef::Integer(row_id));
    }
    Ok(())
}

/// Deletes the entries of a row, and the row where it is one of them.
pub(super) fn delete_entries(
    txn: &mut WriteTransaction,
    indexes: &mut [IndexWriter],
    row: &RowBuffer,
    cx: &mut Context,
) -> Result<()> {
    for index in indexes {
        index.encode(Side::Before, row, cx)?;
        index.delete(txn)?;
    }
    Ok(())
}

/// Deletes a row that was loaded, and its entries.
pub(super) fn delete_row(
    txn: &mut WriteTransaction,
    table: &Table,
    indexes: &mut [IndexWriter],
    key: &[u8],
    row: &RowBuffer,
    cx: &mut Context,
) -> Result<bool> {
    delete_entries(txn, indexes, row, cx)?;
    Ok(!table.has_row_id() || txn.delete(table.root, key)?)
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
pub(super) fn lost_row(table: &Table) -> Error {
    let detail = format!("a row of table {} vanished while it was being changed", table.name);
    Error::Storage(sedge_storage::Error::Corrupt {
        page: table.root.number,
        tree: Some(table.root.number),
        detail,
    })
}
