//! What the planner asks about sizes, answered from the trees of a snapshot.

use crate::catalog::{Index, Table};
use crate::plan::{Statistics, default_rows_per_prefix};
use sedge_storage::Snapshot;

/// Sizes as one snapshot has them.
pub(super) struct SnapshotStatistics {
    snapshot: Snapshot,
}

impl SnapshotStatistics {
    pub(super) fn new(snapshot: Snapshot) -> SnapshotStatistics {
        SnapshotStatistics { snapshot }
    }
}

impl Statistics for SnapshotStatistics {
    fn rows(&self, table: &Table) -> f64 {
        // A page that cannot be read is told by the scan that meets it; an estimate needs no error.
        self.snapshot.cursor(table.root).estimate_rows().map_or(1000.0, |rows| rows as f64)
    }

    fn distinct(&self, index: &Index, columns: usize) -> f64 {
        default_rows_per_prefix(index, columns)
    }
}
