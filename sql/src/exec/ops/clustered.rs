//! Rows of a clustered table on their way into vectors: what the key restores is read with each row, the rest stays in
//! its page until the column is decoded.

use super::records::{Records, Source};
use crate::catalog::{IndexKey, Table};
use crate::encode::{KeyReader, RecordView};
use crate::error::Result;
use crate::exec::Vector;
use crate::exec::vector::VectorBuilder;
use crate::plan::ScanColumn;
use crate::types::ColumnType;
use crate::value::ValueRef;
use sedge_storage::{Cursor, LeafValue, Snapshot};
use std::sync::Arc;

/// The rows held.
pub(super) struct ClusteredRows {
    /// The columns of the table's key, up to the last that is wanted.
    keys: Vec<KeyColumn>,
    /// What each column of the scan is.
    columns: Vec<Column>,
    records: Records,
    key: Vec<u8>,
    scratch: Vec<u8>,
}

/// A column of the key.
struct KeyColumn {
    place: usize,
    column_type: ColumnType,
    descending: bool,
    /// Where its values go, if they are wanted.
    values: Option<VectorBuilder>,
}

/// Where a column of the scan comes from.
enum Column {
    /// The key column with this place among the wanted ones.
    Key(usize),
    /// The record.
    Record(Source),
}

impl ClusteredRows {
    pub(super) fn new(table: &Table, wanted: &[ScanColumn]) -> ClusteredRows {
        let mut keys: Vec<KeyColumn> = Vec::new();
        for column in table.primary.iter().flat_map(|primary| &primary.columns) {
            let IndexKey::Column(place) = column.key else { continue };
            let known = table.columns.get(place);
            let column_type = known.map_or(ColumnType::Any, |column| column.column_type);
            // A column that is there twice, under two collations, is read back from the first.
            let is_wanted =
                wanted.contains(&ScanColumn::Column(place)) && !keys.iter().any(|key| key.place == place);
            let values = is_wanted.then(|| VectorBuilder::new(column_type.type_set()));
            keys.push(KeyColumn { place, column_type, descending: column.descending, values });
        }
        while keys.last().is_some_and(|key| key.values.is_none()) {
            keys.pop();
        }
        let columns = wanted.iter().map(|column| {
            let is_it = |key: &KeyColumn| *column == ScanColumn::Column(key.place) && key.values.is_some();
            match keys.iter().position(is_it) {
                Some(at) => Column::Key(at),
                None => Column::Record(Source::of(table, *column)),
            }
        });
        let columns = columns.collect();
        ClusteredRows { keys, columns, records: Records::default(), key: Vec::new(), scratch: Vec::new() }
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// Adds the row under the cursor.
    pub(super) fn add(&mut self, rows: &mut Cursor<Snapshot>) -> Result<()> {
        let ClusteredRows { keys, records, key, scratch, .. } = self;
        if !keys.is_empty() {
            key.clear();
            key.extend_from_slice(rows.key()?);
            let record = RecordView::new(rows.value()?)?;
            let mut reader = KeyReader::new(key);
            for column in keys {
                let Some(values) = &mut column.values else {
                    reader.skip(column.descending)?;
                    continue;
                };
                let restored: ValueRef<'_> = record.get(column.place, column.column_type)?;
                if restored.is_null() {
                    values.push(reader.read(column.column_type, column.descending, scratch)?);
                } else {
                    reader.skip(column.descending)?;
                    values.push(restored);
                }
            }
        }
        let local = rows.leaf().and_then(|leaf| match leaf.value(leaf.slot()) {
            LeafValue::Local { bytes, offset_in_page } => Some((leaf.page(), offset_in_page, bytes.len())),
            LeafValue::Overflow => None,
        });
        match local {
            Some((page, offset, length)) => records.push(page, offset, length, 0),
            None => records.push_copy(rows.value()?, 0),
        }
        Ok(())
    }

    /// The columns of the rows held, which are then forgotten.
    pub(super) fn take_columns(&mut self) -> Result<Vec<Arc<Vector>>> {
        let ClusteredRows { keys, columns, records, .. } = self;
        let mut built: Vec<Option<Arc<Vector>>> = Vec::with_capacity(keys.len());
        for key in keys {
            built.push(key.values.as_mut().map(|values| Arc::new(values.take())));
        }
        let column = |column: &Column| match column {
            Column::Key(at) => {
                let vector = built.get(*at).and_then(Option::as_ref).map(Arc::clone);
                Ok(vector.unwrap_or_else(|| Arc::new(Vector::nulls(0))))
            }
            Column::Record(source) => records.decode(*source, None),
        };
        let taken = columns.iter().map(column).collect::<Result<Vec<_>>>();
        records.clear();
        taken
    }

    /// Forgets the rows.
    pub(super) fn clear(&mut self) {
        for values in self.keys.iter_mut().filter_map(|key| key.values.as_mut()) {
            drop(values.take());
        }
        self.records.clear();
    }
}
