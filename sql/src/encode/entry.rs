//! Index entries: the key of an index over one row, and the value that restores what the key has changed.
//!
//! The value is empty where the key reads back as the columns are stored, which is nearly always. Else it is a record
//! of the index's columns in which those that the key gives are NULL.

use super::key::{KeyReader, decodes_exactly, encode_value, push_row_id, row_id_of_entry};
use super::record::{RecordView, RecordWriter};
use crate::catalog::{Index, IndexKey, Table};
use crate::error::Result;
use crate::types::{Collation, ColumnType};
use crate::value::ValueRef;

/// One column of an index, as it is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryColumn {
    /// The type of what is indexed; ANY for an expression.
    pub column_type: ColumnType,
    /// How texts are ordered.
    pub collation: Collation,
    /// True for DESC.
    pub descending: bool,
}

/// How the entries of one index are encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryLayout {
    columns: Vec<EntryColumn>,
}

impl EntryLayout {
    /// The layout of an index over these columns.
    #[must_use]
    pub fn new(columns: Vec<EntryColumn>) -> EntryLayout {
        EntryLayout { columns }
    }

    /// The layout of an index of `table`.
    #[must_use]
    pub fn of(table: &Table, index: &Index) -> EntryLayout {
        let columns = index.columns.iter().map(|column| EntryColumn {
            column_type: match &column.key {
                IndexKey::Column(place) => {
                    table.columns.get(*place).map_or(ColumnType::Any, |column| column.column_type)
                }
                IndexKey::Expression(_) => ColumnType::Any,
            },
            collation: column.collation,
            descending: column.descending,
        });
        EntryLayout { columns: columns.collect() }
    }

    /// The columns in order.
    #[must_use]
    pub fn columns(&self) -> &[EntryColumn] {
        &self.columns
    }

    /// Encodes the columns alone into `key`, which is cleared first: the prefix of all entries with these values.
    #[inline]
    pub fn encode_prefix<'v>(&self, key: &mut Vec<u8>, values: impl Iterator<Item = ValueRef<'v>>) {
        key.clear();
        for (column, value) in self.columns.iter().zip(values) {
            encode_value(key, value, column.collation, column.descending);
        }
    }

    /// Encodes an entry: its key into `key`, and returns its value, which lives in `restore` if it is not empty.
    ///
    /// # Errors
    /// As [`RecordWriter::encode`].
    #[inline]
    pub fn encode<'v, 'r>(
        &self,
        key: &mut Vec<u8>,
        restore: &'r mut RecordWriter,
        values: impl Iterator<Item = ValueRef<'v>> + Clone,
        row_id: i64,
    ) -> Result<&'r [u8]> {
        self.encode_prefix(key, values.clone());
        push_row_id(key, row_id);
        self.encode_restore(restore, values)
    }

    /// The value of the entry over `values`: empty, or what restores them.
    ///
    /// # Errors
    /// As [`RecordWriter::encode`].
    #[inline]
    pub fn encode_restore<'v, 'r>(
        &self,
        restore: &'r mut RecordWriter,
        values: impl Iterator<Item = ValueRef<'v>> + Clone,
    ) -> Result<&'r [u8]> {
        let columns = self.columns.iter().zip(values);
        let exact =
            |column: &EntryColumn, value| decodes_exactly(value, column.column_type, column.collation);
        if columns.clone().all(|(column, value)| exact(column, value)) {
            return Ok(&[]);
        }
        restore.encode(columns.map(|(column, value)| {
            (column.column_type, if exact(column, value) { ValueRef::Null } else { value })
        }))
    }
}

/// Reads the columns of one entry in order, as they are stored in the row.
#[derive(Clone, Copy, Debug)]
pub struct EntryReader<'a> {
    key: KeyReader<'a>,
    restore: Option<RecordView<'a>>,
    row_id: i64,
    next: usize,
}

impl<'a> EntryReader<'a> {
    /// Reads the entry of `key` and `value`.
    ///
    /// # Errors
    /// [`sedge_storage::Error::Corrupt`] if it is no entry.
    #[inline]
    pub fn new(key: &'a [u8], value: &'a [u8]) -> Result<EntryReader<'a>> {
        let restore = if value.is_empty() { None } else { Some(RecordView::new(value)?) };
        Ok(EntryReader { key: KeyReader::new(key), restore, row_id: row_id_of_entry(key)?, next: 0 })
    }

    /// The row id.
    #[inline]
    #[must_use]
    pub fn row_id(&self) -> i64 {
        self.row_id
    }

    /// The next column, in the order of the index. A text that the key does not hold as it is comes in `scratch`.
    ///
    /// # Errors
    /// [`sedge_storage::Error::Corrupt`] for bytes that are no key.
    #[inline]
    pub fn read<'s>(&mut self, column: &EntryColumn, scratch: &'s mut Vec<u8>) -> Result<ValueRef<'s>>
    where
        'a: 's,
    {
        let place = self.next;
        self.next += 1;
        if let Some(restore) = &self.restore {
            let restored = restore.get(place, column.column_type)?;
            if !restored.is_null() {
                self.key.skip(column.descending)?;
                return Ok(restored);
            }
        }
        self.key.read(column.column_type, column.descending, scratch)
    }

    /// Passes over the next column.
    ///
    /// # Errors
    /// [`sedge_storage::Error::Corrupt`] for bytes that are no key.
    #[inline]
    pub fn skip(&mut self, column: &EntryColumn) -> Result<()> {
        self.next += 1;
        self.key.skip(column.descending)
    }
}
