//! AUTOINCREMENT: the table `sqlite_sequence`, which keeps the greatest row id that each such table ever had.
//!
//! It is a table like any other, which users may read and change; it has no index, since it has a row for each table
//! that counts.

use super::schema::Table;
use crate::databases::WriteTransaction;
use crate::encode::{RecordView, RecordWriter, row_key};
use crate::error::{Error, Result};
use crate::functions::number::{Number, text_as_number};
use crate::types::ColumnType;
use crate::value::ValueRef;

/// The table's name.
pub const SEQUENCE_TABLE: &str = "sqlite_sequence";
/// The statement that makes it.
pub(super) const SEQUENCE_SQL: &str = "CREATE TABLE sqlite_sequence(name,seq)";

/// What is kept for one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// The row of `sqlite_sequence`.
    pub row_id: i64,
    /// The greatest row id.
    pub last: i64,
}

fn as_integer(value: ValueRef<'_>) -> i64 {
    match value {
        ValueRef::Integer(integer) => integer,
        ValueRef::Real(real) => real as i64,
        ValueRef::Text(text) => match text_as_number(text).map(Number::value) {
            Some(number) => as_integer(number),
            None => 0,
        },
        _ => 0,
    }
}

/// What row `row_id` keeps, if it is about the table called `name`.
fn entry(txn: &WriteTransaction, sequences: &Table, row_id: i64, name: &str) -> Result<Option<Sequence>> {
    let read = |bytes: &[u8]| -> Result<Option<Sequence>> {
        let record = RecordView::new(bytes)?;
        let ValueRef::Text(own) = record.get(0, ColumnType::Any)? else { return Ok(None) };
        let last = as_integer(record.get(1, ColumnType::Any)?);
        Ok((own == name.as_bytes()).then_some(Sequence { row_id, last }))
    };
    Ok(txn.get(sequences.root, &row_key(row_id), read)?.transpose()?.flatten())
}

/// What is kept for the table called `name`. `hint` is the row where it was last time.
///
/// # Errors
/// Damaged pages and records, I/O errors.
pub fn find_sequence(
    txn: &WriteTransaction,
    sequences: &Table,
    name: &str,
    hint: Option<i64>,
) -> Result<Option<Sequence>> {
    if let Some(hint) = hint
        && let Some(found) = entry(txn, sequences, hint, name)?
    {
        return Ok(Some(found));
    }
    let mut next = Some(i64::MIN);
    while let Some(from) = next {
        let at = |key: &[u8]| -> Result<i64> {
            match <[u8; 8]>::try_from(key) {
                // The key of a row id is the number with its sign flipped.
                Ok(bytes) => Ok(i64::from_be_bytes(bytes) ^ i64::MIN),
                Err(_) => Err(Error::Misuse("a row id of other than eight bytes".to_owned())),
            }
        };
        let Some(row_id) = txn.first_key_at_or_after(sequences.root, &row_key(from), at)?.transpose()? else {
            return Ok(None);
        };
        if let Some(found) = entry(txn, sequences, row_id, name)? {
            return Ok(Some(found));
        }
        next = row_id.checked_add(1);
    }
    Ok(None)
}

/// Keeps `last` for the table called `name`, whose row is `known` if it has one. Gives the row.
///
/// # Errors
/// Storage errors.
pub fn keep_sequence(
    txn: &mut WriteTransaction,
    sequences: &Table,
    name: &str,
    known: Option<Sequence>,
    last: i64,
) -> Result<i64> {
    let row_id = match known {
        Some(known) => known.row_id,
        None => txn.last_row_id(sequences.root)?.map_or(1, |last| last.saturating_add(1)),
    };
    let mut writer = RecordWriter::new();
    let values = [ValueRef::Text(name.as_bytes()), ValueRef::Integer(last)];
    let record = writer.encode(values.into_iter().map(|value| (ColumnType::Any, value)))?;
    txn.put(sequences.root, &row_key(row_id), record)?;
    Ok(row_id)
}

/// Keeps under another name what is kept for a table that is renamed.
///
/// # Errors
/// Storage errors.
pub(super) fn rename_sequence(
    txn: &mut WriteTransaction,
    sequences: &Table,
    name: &str,
    next: &str,
) -> Result<()> {
    if let Some(found) = find_sequence(txn, sequences, name, None)? {
        keep_sequence(txn, sequences, next, Some(found), found.last)?;
    }
    Ok(())
}

/// Forgets what is kept for a table that is dropped.
///
/// # Errors
/// Storage errors.
pub(super) fn forget_sequence(txn: &mut WriteTransaction, sequences: &Table, name: &str) -> Result<()> {
    while let Some(found) = find_sequence(txn, sequences, name, None)? {
        txn.delete(sequences.root, &row_key(found.row_id))?;
    }
    Ok(())
}
