//! VACUUM, VACUUM INTO and `PRAGMA incremental_vacuum`, and whole databases copied tree by tree.
//!
//! In place, a vacuum is a row of transactions, each of bounded work; trees whose roots move are noted in the schema by the
//! transaction that moves them. A copy reads one snapshot while writers go on.

use super::prepare::{bind_context, fold};
use super::statistics::SnapshotStatistics;
use super::transaction::{Transaction, Writing};
use super::{Engine, Session};
use crate::bind;
use crate::catalog;
use crate::databases::{DatabaseId, DatabaseSet, WriteTransaction};
use crate::error::{Error, Result};
use crate::exec::Execution;
use crate::parser::ast::{Expr, Ident, Place, SelectItem, SetExpr};
use crate::parser::{Parsed, Statement, parse_one};
use crate::plan::{self, PlanContext};
use crate::value::ValueRef;
use crate::value_list::ValueList;
use sedge_storage::{BackupProgress, Options, Snapshot, Store, Vacuum};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

impl Session {
    /// VACUUM, and VACUUM INTO a file.
    pub(super) fn run_vacuum(
        &mut self,
        database: Option<&Ident>,
        into: Option<&Expr>,
        parsed: &Parsed,
        parameters: &mut ValueList,
    ) -> Result<()> {
        let database = match database {
            Some(name) => self.database_named(name)?,
            None => DatabaseId::MAIN,
        };
        let database = self.ready(database)?;
        if !self.is_autocommit() {
            return Err(Error::Misuse("cannot VACUUM from within a transaction".to_owned()));
        }
        let Some(into) = into else {
            self.vacuum(database, Vacuum::full())?;
            // The file gets shorter now, unless a reader still sees its end: then a later checkpoint cuts it off.
            return match self.store_of(database)?.checkpoint() {
                Err(sedge_storage::Error::Busy(_)) => Ok(()),
                done => Ok(done?),
            };
        };
        let file = self.text_of(into, parsed, parameters)?;
        let file = file.ok_or_else(|| Error::invalid("non-text filename", None))?;
        let interrupt = Arc::clone(&self.interrupt);
        let Some(engine) = self.engine_of(database) else { return Ok(()) };
        engine.copy_into(Path::new(&file), &mut |_| !interrupt.load(Ordering::Relaxed))
    }

    /// Runs a vacuum to its end: in the open transaction, else in one for each of its steps.
    pub(super) fn vacuum(&mut self, database: DatabaseId, mut vacuum: Vacuum) -> Result<()> {
        loop {
            if self.interrupt.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            let is_own = self.is_autocommit();
            let is_done = self.write_to(DatabaseSet::only(database), |_, writing| {
                if is_own {
                    return step(writing, database, &mut vacuum);
                }
                // A step that fails has moved some pages and not others.
                let savepoint = writing.storage.savepoint();
                let stepped = step(writing, database, &mut vacuum);
                if stepped.is_err() {
                    writing.storage.rollback_to(&savepoint)?;
                }
                writing.storage.release(savepoint)?;
                stepped
            })?;
            if is_done {
                return Ok(());
            }
        }
    }

    /// Pages of a database and free ones among them, as the next statement sees it.
    pub(super) fn page_counts(&mut self, database: DatabaseId) -> Result<(u32, u32)> {
        if let Transaction::Write(writing) = &mut self.transaction
            && writing.storage.writes(database)
        {
            let storage = writing.storage.database(database)?;
            return Ok((storage.page_count(), storage.free_pages()));
        }
        let (snapshot, _) = self.read_snapshot()?;
        match snapshot.database(database) {
            Some(snapshot) => Ok((snapshot.page_count(), snapshot.free_pages()?)),
            None => Ok((0, 0)),
        }
    }

    /// The text that an expression outside any row gives; `None` for another value.
    pub(super) fn text_of(
        &mut self,
        expr: &Expr,
        parsed: &Parsed,
        parameters: &mut ValueList,
    ) -> Result<Option<String>> {
        // It is a query of one row: SELECT, and the expression.
        let select = parse_one("SELECT NULL", None)?;
        let Some((Parsed { statement: Statement::Query(mut query), .. }, _)) = select else {
            return Err(Error::Misuse("a SELECT was parsed as something else".to_owned()));
        };
        if let SetExpr::Select(select) = &mut *query.body {
            select.projection = vec![SelectItem::UnnamedExpr(expr.clone(), Place::default())];
        }
        let schemas = self.schemas()?;
        let bound = bind::bind_query(parsed, &query, &bind_context(&schemas, &[]))?;
        let (snapshot, _) = self.read_snapshot()?;
        let statistics = SnapshotStatistics::new(snapshot.clone(), &schemas);
        let plan = plan::plan_query(
            bound,
            &PlanContext { statistics: &statistics, fold: &fold, choices: self.choices },
        )?;
        let mut execution = Execution::new(Arc::new(plan))?;
        self.fill_context(execution.context_mut(), parameters, &[]);
        execution.start(snapshot)?;
        if execution.step()?
            && let ValueRef::Text(name) = execution.value(0)
            && let Ok(name) = std::str::from_utf8(name)
        {
            return Ok(Some(name.to_owned()));
        }
        Ok(None)
    }

    /// Puts what `source` shows in the place of all that this database holds, in one transaction. `progress` ends it by
    /// answering false.
    ///
    /// # Errors
    /// [`Error::Misuse`] inside a transaction, [`Error::Interrupted`] where `progress` ended it, and what storage meets.
    /// Nothing is changed then.
    pub fn restore(
        &mut self,
        source: &Engine,
        progress: &mut dyn FnMut(BackupProgress) -> bool,
    ) -> Result<()> {
        if !self.is_autocommit() {
            return Err(Error::Misuse("cannot restore from within a transaction".to_owned()));
        }
        let snapshot = source.store().snapshot();
        if source.store().identity() == self.engine.store().identity() {
            return Err(Error::Misuse("a database cannot be restored from itself".to_owned()));
        }
        self.write(|session, writing| {
            catalog::clear_database(&mut writing.storage, writing.schemas.main())?;
            copy(snapshot, &mut writing.storage, progress)?;
            let next = catalog::load(writing.storage.snapshot().main(), &session.engine.functions())?;
            writing.change_schema(Some(next));
            Ok(())
        })
    }
}

impl Engine {
    /// Copies the newest commit, tree by tree, to a new file at `path`: as small as it can be, and on the medium when this
    /// returns. `progress` ends it by answering false; where it ends early it leaves no file behind.
    ///
    /// # Errors
    /// [`sedge_storage::Error::Misuse`] if there is such a file already that is not empty, [`Error::Interrupted`] where
    /// `progress` ended it, and what storage meets.
    pub fn copy_into(&self, path: &Path, progress: &mut dyn FnMut(BackupProgress) -> bool) -> Result<()> {
        let page_size = self.store().metrics().page_size as usize;
        let snapshot = self.store().snapshot();
        Store::make(path, &Options { page_size, ..Options::default() }, |store| {
            let mut txn = WriteTransaction::from(store.begin_write(self.busy_timeout())?);
            copy(snapshot, &mut txn, progress)?;
            Ok(txn.commit()?)
        })
    }
}

/// One step of a vacuum, and the schema after it; true if it was the last.
fn step(writing: &mut Writing, database: DatabaseId, vacuum: &mut Vacuum) -> Result<bool> {
    let catalog = writing.catalog(database)?;
    let step = writing.storage.database(database)?.vacuum(vacuum, &catalog.trees())?;
    if !step.moved_trees.is_empty() {
        let next = catalog.with_moved_trees(&mut writing.storage, &step.moved_trees)?;
        writing.change_schema(Some(next));
    }
    Ok(step.is_done)
}

/// Copies what `snapshot` shows into a database without objects, and reports by the pages that were read for it.
fn copy(
    snapshot: Snapshot,
    txn: &mut WriteTransaction,
    progress: &mut dyn FnMut(BackupProgress) -> bool,
) -> Result<()> {
    let total = snapshot.page_count() - snapshot.free_pages()?;
    let visits = Arc::new(AtomicU64::new(0));
    let counting = snapshot.counting(Arc::clone(&visits));
    let mut report = |done: u32| {
        if progress(BackupProgress { done, total }) { Ok(()) } else { Err(Error::Interrupted) }
    };
    // Some pages are read more than once.
    let read = || u32::try_from(visits.load(Ordering::Relaxed)).unwrap_or(u32::MAX).min(total);
    catalog::copy_database(&counting, (txn, DatabaseId::MAIN), &mut || report(read()))?;
    report(total)
}
