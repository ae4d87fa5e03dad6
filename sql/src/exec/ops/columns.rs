//! Rows kept for later, as whole columns: the build side of a join, the rows of a sort.

use crate::exec::{Batch, Vector};
use std::sync::Arc;

/// Rows in columns that grow.
#[derive(Debug, Default)]
pub(super) struct Columns {
    vectors: Vec<Vector>,
    rows: usize,
}

impl Columns {
    /// No row yet, `width` columns.
    pub(super) fn new(width: usize) -> Columns {
        Columns { vectors: (0..width).map(|_| Vector::nulls(0)).collect(), rows: 0 }
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.rows
    }

    /// The columns.
    pub(super) fn vectors(&self) -> &[Vector] {
        &self.vectors
    }

    /// Lets go of all rows.
    pub(super) fn clear(&mut self) {
        for vector in &mut self.vectors {
            *vector = Vector::nulls(0);
        }
        self.rows = 0;
    }

    /// Adds rows of `source`, whose vectors are all `rows` long: those that `selection` names, or all.
    pub(super) fn append<'v>(
        &mut self,
        source: impl Iterator<Item = &'v Arc<Vector>>,
        rows: usize,
        selection: Option<&[u32]>,
    ) {
        for (kept, vector) in self.vectors.iter_mut().zip(source) {
            match selection {
                Some(selection) => kept.append(&vector.gather(selection)),
                None => kept.append(vector),
            }
        }
        self.rows += selection.map_or(rows, <[u32]>::len);
    }

    /// Adds the rows of a batch that count.
    pub(super) fn append_batch(&mut self, batch: &Batch) {
        self.append(batch.columns.iter(), batch.rows, batch.selection());
    }

    /// Keeps the rows that `order` names, in its order.
    pub(super) fn reorder(&mut self, order: &[u32]) {
        for vector in &mut self.vectors {
            *vector = vector.gather(order);
        }
        self.rows = order.len();
    }

    /// The rows that `order` names, as a batch.
    pub(super) fn gather(&self, order: &[u32]) -> Batch {
        let columns = self.vectors.iter().map(|vector| Arc::new(vector.gather(order))).collect();
        Batch::new(columns, order.len())
    }

    /// The rows as a batch; the columns become empty.
    pub(super) fn take(&mut self) -> Batch {
        let take = |vector: &mut Vector| Arc::new(std::mem::replace(vector, Vector::nulls(0)));
        let columns = self.vectors.iter_mut().map(take).collect();
        Batch::new(columns, std::mem::take(&mut self.rows))
    }
}
