//! What the planner asks about sizes, answered from the trees of a snapshot and by what ANALYZE has found; ANALYZE.

use super::Session;
use crate::catalog::{self, Index, IndexStatistics, Schemas, Table};
use crate::databases::{DatabaseId, DatabaseSet, Snapshot};
use crate::error::Result;
use crate::parser::Name;
use crate::parser::ast::Ident;
use crate::plan::{Statistics, default_rows_per_prefix};
use smallvec::SmallVec;
use std::sync::Arc;

/// Sizes as one snapshot has them.
pub(super) struct SnapshotStatistics {
    snapshot: Snapshot,
    /// What ANALYZE has found in each database.
    analyzed: SmallVec<[(DatabaseId, Arc<IndexStatistics>); 1]>,
}

impl SnapshotStatistics {
    /// Of `snapshot`, with what ANALYZE has found under `schemas`.
    pub(super) fn new(snapshot: Snapshot, schemas: &Schemas) -> SnapshotStatistics {
        let analyzed =
            schemas.lookup().listed().map(|(_, catalog)| (catalog.database, Arc::clone(&catalog.statistics)));
        SnapshotStatistics { snapshot, analyzed: analyzed.collect() }
    }
}

impl Statistics for SnapshotStatistics {
    fn rows(&self, table: &Table) -> f64 {
        // A page that cannot be read is told by the scan that meets it; an estimate needs no error.
        self.snapshot.cursor(table.root).estimate_rows().map_or(1000.0, |rows| rows as f64)
    }

    fn distinct(&self, index: &Index, columns: usize) -> f64 {
        let analyzed = self.analyzed.iter().find(|(database, _)| *database == index.root.database);
        match analyzed.and_then(|(_, found)| found.of(index)).and_then(|numbers| numbers.get(columns)) {
            Some(rows) => (*rows).max(1) as f64,
            None => default_rows_per_prefix(index, columns),
        }
    }
}

impl Session {
    /// ANALYZE: of all databases but the temporary one, of one, or of a table or an index.
    pub(super) fn analyze(&mut self, name: Option<&Name>) -> Result<()> {
        let Some(name) = name else {
            let mut databases: Vec<DatabaseId> = self.databases().collect();
            databases.retain(|database| *database != DatabaseId::TEMP);
            return databases.into_iter().try_for_each(|database| self.analyze_in(database, None));
        };
        if name.database.is_none()
            && let Some(catalog) = self.schemas()?.lookup().named(&name.name.value)
        {
            return self.analyze_in(catalog.database, None);
        }
        let database = self.database_of_indexed(name)?;
        self.analyze_in(database, Some(&name.name))
    }

    fn analyze_in(&mut self, database: DatabaseId, name: Option<&Ident>) -> Result<()> {
        self.write_to(DatabaseSet::only(database), |_, writing| {
            let catalog = writing.catalog(database)?;
            let next = catalog::analyze(&mut writing.storage, &catalog, name)?;
            writing.change_schema(Some(next));
            Ok(())
        })
    }

    /// `PRAGMA optimize`.
    pub(super) fn optimize(&mut self) -> Result<()> {
        self.write(|_, writing| {
            let next = catalog::optimize(&mut writing.storage, writing.schemas.main())?;
            writing.change_schema(next);
            Ok(())
        })
    }
}
