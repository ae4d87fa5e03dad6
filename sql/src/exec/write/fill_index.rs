//! CREATE INDEX over rows that are there: encode every entry, sort, load the tree in one pass.

use super::ROWS_PER_CHECK;
use super::index_writer::{IndexWriter, Side};
use super::row_buffer::RowBuffer;
use super::row_writer::{load_record, row_layout};
use crate::catalog::{Index, Table};
use crate::constraint::unique;
use crate::databases::WriteTransaction;
use crate::error::{Error, Result};
use crate::exec::context::Context;
use crate::exec::expr::Scope;
use crate::ir::{Target, TargetIndex};

/// Entries in one buffer, so that a million of them are one allocation and sort by their places.
#[derive(Default)]
pub(super) struct Entries {
    bytes: Vec<u8>,
    places: Vec<Place>,
}

/// Where an entry lies: its key, then its value up to the next.
#[derive(Clone, Copy)]
struct Place {
    start: usize,
    key_bytes: u32,
    value_bytes: u32,
    /// Bytes of the columns if they must be unique, else 0.
    unique_bytes: u32,
}

impl Entries {
    fn key(&self, place: &Place) -> &[u8] {
        self.bytes.get(place.start..place.start + place.key_bytes as usize).unwrap_or_default()
    }

    fn value(&self, place: &Place) -> &[u8] {
        let start = place.start + place.key_bytes as usize;
        self.bytes.get(start..start + place.value_bytes as usize).unwrap_or_default()
    }

    fn unique(&self, place: &Place) -> Option<&[u8]> {
        (place.unique_bytes > 0).then(|| self.key(place).get(..place.unique_bytes as usize)).flatten()
    }

    fn push(&mut self, key: &[u8], value: &[u8], unique_bytes: usize) -> Result<()> {
        let length = |length: usize| {
            u32::try_from(length).map_err(|_| Error::limit("an index entry of 4 GiB is too large"))
        };
        self.places.push(Place {
            start: self.bytes.len(),
            key_bytes: length(key.len())?,
            value_bytes: length(value.len())?,
            unique_bytes: length(unique_bytes)?,
        });
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value);
        Ok(())
    }

    /// Adds the entry that `writer` has encoded, if there is one.
    pub(super) fn add(&mut self, writer: &IndexWriter) -> Result<()> {
        let unique_bytes = writer.unique_bytes().unwrap_or(0);
        match writer.entry() {
            Some((key, value)) => self.push(key, value, unique_bytes),
            None => Ok(()),
        }
    }

    /// Sorts the entries and loads them into the empty tree of `index`.
    pub(super) fn load(mut self, txn: &mut WriteTransaction, table: &Table, index: &Index) -> Result<()> {
        let mut places = std::mem::take(&mut self.places);
        places.sort_unstable_by(|a, b| self.key(a).cmp(self.key(b)));
        let twice = |pair: &[Place]| match pair {
            [a, b] => self.unique(a).is_some() && self.unique(a) == self.unique(b),
            _ => false,
        };
        if places.windows(2).any(twice) {
            return Err(Error::Constraint(unique::breach(table, index)));
        }
        let mut sorted = places.iter();
        txn.bulk_load(index.root, |key, value| {
            let Some(place) = sorted.next() else { return Ok(false) };
            key.clear();
            key.extend_from_slice(self.key(place));
            value.clear();
            value.extend_from_slice(self.value(place));
            Ok(true)
        })?;
        Ok(())
    }
}

/// Fills the empty tree of `index` from the rows of its table. `target` is the table as bound for writing; only its
/// columns count.
///
/// # Errors
/// [`Error::Constraint`] if a unique index would hold a key twice; those of evaluating a predicate; storage errors.
pub(crate) fn fill_index(
    txn: &mut WriteTransaction,
    target: &Target,
    index: &TargetIndex,
    cx: &mut Context,
) -> Result<()> {
    let table = &target.table;
    let layout = row_layout(target);
    let scope = Scope { layout: &layout, ..Scope::default() };
    let mut writer = IndexWriter::new(table, index, scope, None)?;
    let mut entries = Entries::default();
    let (mut row, mut row_key) = (RowBuffer::default(), Vec::new());
    let mut cursor = txn.snapshot().cursor(table.root);
    let mut found = cursor.seek_first()?;
    let mut rows = 0_usize;
    while found {
        if rows.is_multiple_of(ROWS_PER_CHECK) {
            cx.check_interrupt()?;
        }
        rows += 1;
        row_key.clear();
        row_key.extend_from_slice(cursor.key()?);
        load_record(table, &row_key, cursor.value()?, &mut row)?;
        writer.encode(Side::After, &row, cx)?;
        entries.add(&writer)?;
        found = cursor.next()?;
    }
    drop(cursor);
    entries.load(txn, table, &index.index)
}
