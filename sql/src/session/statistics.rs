//! What the planner asks about sizes, answered from the trees of a snapshot and by what ANALYZE has found; ANALYZE.

use super::Session;
use crate::catalog::{self, Catalog, Index, IndexStatistics, Table};
use crate::error::Result;
use crate::parser::Name;
use crate::plan::{Statistics, default_rows_per_prefix};
use sedge_storage::Snapshot;
use std::sync::Arc;

/// Sizes as one snapshot has them.
pub(super) struct SnapshotStatistics {
    snapshot: Snapshot,
    analyzed: Arc<IndexStatistics>,
}

impl SnapshotStatistics {
    /// Of `snapshot`, with what ANALYZE has found under `catalog`.
    pub(super) fn new(snapshot: Snapshot, catalog: &Catalog) -> SnapshotStatistics {
        SnapshotStatistics { snapshot, analyzed: Arc::clone(&catalog.statistics) }
    }
}

impl Statistics for SnapshotStatistics {
    fn rows(&self, table: &Table) -> f64 {
        // A page that cannot be read is told by the scan that meets it; an estimate needs no error.
        self.snapshot.cursor(table.root).estimate_rows().map_or(1000.0, |rows| rows as f64)
    }

    fn distinct(&self, index: &Index, columns: usize) -> f64 {
        match self.analyzed.of(index).and_then(|numbers| numbers.get(columns)) {
            Some(rows) => (*rows).max(1) as f64,
            None => default_rows_per_prefix(index, columns),
        }
    }
}

impl Session {
    /// ANALYZE.
    pub(super) fn analyze(&mut self, name: Option<&Name>) -> Result<()> {
        self.write(|_, writing| {
            let next = catalog::analyze(&mut writing.storage, &writing.catalog, name)?;
            writing.change_schema(Some(next));
            Ok(())
        })
    }

    /// `PRAGMA optimize`.
    pub(super) fn optimize(&mut self) -> Result<()> {
        self.write(|_, writing| {
            let next = catalog::optimize(&mut writing.storage, &writing.catalog)?;
            writing.change_schema(next);
            Ok(())
        })
    }
}
