//! Rows as their table keeps them: which bytes of the tree's key and of the record are which column.
//!
//! In a table keyed by row id, the INTEGER PRIMARY KEY column is the key and NULL in the record. A row of a clustered table
//! is an entry of its primary key: the record holds all columns, and those of the key are NULL in it where the key reads
//! back as they are stored. They are never NULL themselves.

use super::key::{KeyReader, decodes_exactly, row_id_of_key, row_key};
use super::record::{RecordView, RecordWriter};
use crate::catalog::{IndexColumn, IndexKey, Table};
use crate::error::Result;
use crate::types::{Collation, ColumnType};
use crate::value::ValueRef;
use smallvec::SmallVec;

/// The key of a row in its table's tree.
pub type RowKey = SmallVec<[u8; 24]>;

/// The key of the row with this id.
#[inline]
#[must_use]
pub fn key_of_row_id(row_id: i64) -> RowKey {
    RowKey::from_slice(&row_key(row_id))
}

/// The row id of a row with this key, where the table has row ids.
///
/// # Errors
/// [`sedge_storage::Error::Corrupt`] if the key is no row id.
#[inline]
pub fn row_id_in(table: &Table, key: &[u8]) -> Result<Option<i64>> {
    if table.has_row_id() { row_id_of_key(key).map(Some) } else { Ok(None) }
}

/// Hands each column of a row, by its place in the table, to `take`, in no order.
///
/// # Errors
/// [`sedge_storage::Error::Corrupt`] for bytes that are no row of the table, and what `take` says.
#[inline]
pub fn each_column(
    table: &Table,
    key: &[u8],
    record: &[u8],
    scratch: &mut Vec<u8>,
    mut take: impl FnMut(usize, ValueRef<'_>) -> Result<()>,
) -> Result<()> {
    let record = RecordView::new(record)?;
    let Some(primary) = &table.primary else {
        let row_id = row_id_of_key(key)?;
        for (place, column) in table.columns.iter().enumerate() {
            let value = match table.row_id_column {
                Some(row_id_column) if row_id_column == place => ValueRef::Integer(row_id),
                _ => record.get(place, column.column_type)?,
            };
            take(place, value)?;
        }
        return Ok(());
    };
    let mut reader = KeyReader::new(key);
    for (at, column) in primary.columns.iter().enumerate() {
        let IndexKey::Column(place) = column.key else { continue };
        let is_it = |known: &IndexColumn| matches!(known.key, IndexKey::Column(known) if known == place);
        // A key may hold a column twice, under two collations: the first is read back.
        let is_first = !primary.columns.iter().take(at).any(is_it);
        let column_type = type_of(table, place);
        if is_first && record.get(place, column_type)?.is_null() {
            take(place, reader.read(column_type, column.descending, scratch)?)?;
        } else {
            reader.skip(column.descending)?;
        }
    }
    for (place, column) in table.columns.iter().enumerate() {
        let value = record.get(place, column.column_type)?;
        if !(value.is_null() && table.primary_key.contains(&place)) {
            take(place, value)?;
        }
    }
    Ok(())
}

/// The record of a row whose columns `value` gives by their places.
///
/// # Errors
/// As [`RecordWriter::encode`].
#[inline]
pub fn encode_row<'v, 'w>(
    table: &Table,
    writer: &'w mut RecordWriter,
    value: impl Fn(usize) -> ValueRef<'v> + Copy,
) -> Result<&'w [u8]> {
    let columns = table.columns.iter().enumerate();
    match &table.primary {
        None => writer.encode(columns.map(|(place, column)| {
            let is_row_id = table.row_id_column == Some(place);
            (column.column_type, if is_row_id { ValueRef::Null } else { value(place) })
        })),
        Some(primary) => {
            let mut keyed: SmallVec<[(usize, Collation); 8]> = SmallVec::new();
            for column in &primary.columns {
                if let IndexKey::Column(place) = column.key
                    && !keyed.iter().any(|(known, _)| *known == place)
                {
                    keyed.push((place, column.collation));
                }
            }
            let keyed = &keyed;
            writer.encode(columns.map(|(place, column)| {
                let value = value(place);
                let in_key = keyed.iter().find(|(known, _)| *known == place);
                let is_told = in_key
                    .is_some_and(|(_, collation)| decodes_exactly(value, column.column_type, *collation));
                (column.column_type, if is_told { ValueRef::Null } else { value })
            }))
        }
    }
}

fn type_of(table: &Table, place: usize) -> ColumnType {
    table.columns.get(place).map_or(ColumnType::Any, |column| column.column_type)
}
