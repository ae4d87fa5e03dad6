//! Index entries: the key of an index over one row, and the value that restores what the key has changed.
//!
//! The value is empty where the key reads back as the columns are stored, which is nearly always. Else it is a record
//! of the index's columns in which those that the key gives are NULL.

use super::damaged;
use super::key::{KeyReader, decodes_exactly, encode_value, push_row_id, row_id_of_entry};
use super::record::{RecordView, RecordWriter};
use crate::catalog::{Index, IndexKey, Table};
use crate::error::{Error, Result};
use crate::types::{Collation, ColumnType};
use crate::value::ValueRef;
use smallvec::SmallVec;

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
    /// The index's own, then those of its tail.
    columns: Vec<EntryColumn>,
    /// How many of them are its own.
    own: usize,
    row: RowReference,
}

/// What of an entry leads to its row.
#[derive(Clone, Debug, PartialEq, Eq)]
enum RowReference {
    /// The row id at its end.
    RowId,
    /// Columns of it: for each column of the table's key its place, and whether its bytes are to be inverted.
    Columns(Vec<(usize, bool)>),
}

impl EntryLayout {
    /// The layout of an index over these columns.
    #[must_use]
    pub fn new(columns: Vec<EntryColumn>) -> EntryLayout {
        EntryLayout { own: columns.len(), columns, row: RowReference::RowId }
    }

    /// The layout of an index of `table`.
    #[must_use]
    pub fn of(table: &Table, index: &Index) -> EntryLayout {
        let all = || index.columns.iter().chain(&index.tail);
        let columns = all().map(|column| EntryColumn {
            column_type: match &column.key {
                IndexKey::Column(place) => {
                    table.columns.get(*place).map_or(ColumnType::Any, |column| column.column_type)
                }
                IndexKey::Expression(_) => ColumnType::Any,
            },
            collation: column.collation,
            descending: column.descending,
        });
        let row = match &table.primary {
            None => RowReference::RowId,
            // The tail holds what the index lacks, so that each is found.
            Some(primary) => RowReference::Columns(
                primary
                    .columns
                    .iter()
                    .filter_map(|key| {
                        let found = all().enumerate().find(|(_, column)| match (&column.key, &key.key) {
                            (IndexKey::Column(a), IndexKey::Column(b)) => {
                                a == b && column.collation == key.collation
                            }
                            _ => false,
                        });
                        found.map(|(place, column)| (place, column.descending != key.descending))
                    })
                    .collect(),
            ),
        };
        EntryLayout { columns: columns.collect(), own: index.columns.len(), row }
    }

    /// The key of the row that an entry leads to, in its table's tree: a part of the entry's key, or put together in
    /// `assembled`.
    ///
    /// # Errors
    /// [`sedge_storage::Error::Corrupt`] for bytes that are no key of this index.
    pub fn row_key<'k>(&self, entry: &'k [u8], assembled: &'k mut Vec<u8>) -> Result<&'k [u8]> {
        let RowReference::Columns(parts) = &self.row else {
            return entry.last_chunk::<8>().map(<[u8; 8]>::as_slice).ok_or_else(too_short);
        };
        let mut pieces: SmallVec<[&[u8]; 8]> = SmallVec::new();
        let mut reader = KeyReader::new(entry);
        for column in &self.columns {
            let before = reader.rest();
            reader.skip(column.descending)?;
            let length = before.len() - reader.rest().len();
            pieces.push(before.get(..length).unwrap_or_default());
        }
        assembled.clear();
        for (place, inverted) in parts {
            let piece = pieces.get(*place).copied().unwrap_or_default();
            match inverted {
                false => assembled.extend_from_slice(piece),
                true => assembled.extend(piece.iter().map(|byte| !byte)),
            }
        }
        Ok(assembled)
    }

    /// The columns in order, those of the tail included.
    #[must_use]
    pub fn columns(&self) -> &[EntryColumn] {
        &self.columns
    }

    /// Encodes the key of an entry into `key`, which is cleared first: the columns, and the row id where the rows have
    /// one. Gives the number of bytes of the index's own columns, the prefix of all entries with these values.
    #[inline]
    pub fn encode_key<'v>(
        &self,
        key: &mut Vec<u8>,
        values: impl Iterator<Item = ValueRef<'v>>,
        row_id: i64,
    ) -> usize {
        key.clear();
        let mut own_bytes = 0;
        for (place, (column, value)) in self.columns.iter().zip(values).enumerate() {
            encode_value(key, value, column.collation, column.descending);
            if place < self.own {
                own_bytes = key.len();
            }
        }
        if self.row == RowReference::RowId {
            push_row_id(key, row_id);
        }
        own_bytes
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
        self.encode_key(key, values.clone(), row_id);
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

#[cold]
fn too_short() -> Error {
    damaged("an index key without its row id")
}

/// Reads the columns of one entry in order, as they are stored in the row.
#[derive(Clone, Copy, Debug)]
pub struct EntryReader<'a> {
    key: KeyReader<'a>,
    restore: Option<RecordView<'a>>,
    whole: &'a [u8],
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
        Ok(EntryReader { key: KeyReader::new(key), restore, whole: key, next: 0 })
    }

    /// The row id at its end.
    ///
    /// # Errors
    /// [`sedge_storage::Error::Corrupt`] if the key is too short.
    #[inline]
    pub fn row_id(&self) -> Result<i64> {
        row_id_of_entry(self.whole)
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
