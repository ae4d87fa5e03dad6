//! Batches: about a thousand rows in columns, and which of them still count.

use super::vector::Vector;
use crate::value::ValueRef;
use std::sync::Arc;

/// How many rows a batch aims at: the vectors of a few columns stay in the first two caches.
pub(crate) const BATCH_ROWS: usize = 1024;

/// Rows in columns. Each column is `rows` long; if there is a selection, only the rows it names exist.
#[derive(Clone, Debug, Default)]
pub(crate) struct Batch {
    /// The columns, shared with whoever else hands them on.
    pub(crate) columns: Vec<Arc<Vector>>,
    /// Length of every column.
    pub(crate) rows: usize,
    /// The rows that count, ascending; `None` is all.
    pub(crate) selection: Option<Arc<[u32]>>,
}

impl Batch {
    /// A batch of whole columns.
    pub(crate) fn new(columns: Vec<Arc<Vector>>, rows: usize) -> Batch {
        debug_assert!(columns.iter().all(|column| column.len() == rows));
        Batch { columns, rows, selection: None }
    }

    /// How many rows count.
    pub(crate) fn selected_rows(&self) -> usize {
        self.selection.as_ref().map_or(self.rows, |selection| selection.len())
    }

    /// The rows that count, as a slice.
    pub(crate) fn selection(&self) -> Option<&[u32]> {
        self.selection.as_deref()
    }

    /// The rows that count, ascending.
    pub(crate) fn selected(&self) -> impl Iterator<Item = usize> + '_ {
        let all = if self.selection.is_none() { self.rows } else { 0 };
        let some = self.selection.as_deref().unwrap_or_default();
        (0..all).chain(some.iter().map(|row| *row as usize))
    }

    /// The value of `column` in `row`.
    pub(crate) fn get(&self, column: usize, row: usize) -> ValueRef<'_> {
        self.columns.get(column).map_or(ValueRef::Null, |column| column.get(row))
    }

    /// Leaves only the rows of `selection`, which are rows of this batch that counted before.
    pub(crate) fn select(&mut self, selection: &[u32]) {
        if self.selection.is_some() || selection.len() < self.rows {
            self.selection = Some(selection.into());
        }
    }

    /// The batch without the rows that do not count.
    pub(crate) fn compact(self) -> Batch {
        let Some(selection) = &self.selection else { return self };
        let columns = self.columns.iter().map(|column| Arc::new(column.gather(selection))).collect();
        Batch { columns, rows: selection.len(), selection: None }
    }
}
