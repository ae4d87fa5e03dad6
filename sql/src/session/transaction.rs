//! Transactions of a session: BEGIN, COMMIT, ROLLBACK, savepoints, and the one that each statement outside them has.

use super::Session;
use crate::catalog::Catalog;
use crate::collation::panics_so_far;
use crate::constraint::foreign_key::Suspect;
use crate::error::{Error, Result};
use crate::parser::BeginMode;
use sedge_storage::{Counters, Savepoint, Snapshot, WriteTransaction};
use std::sync::Arc;

/// What a session has open.
pub(super) enum Transaction {
    /// Nothing: each statement commits by itself.
    None,
    /// A transaction that has only read so far: nothing at all, or from one snapshot.
    Read {
        /// What it reads, from its first statement on.
        catalog: Option<(Snapshot, Arc<Catalog>)>,
        /// Names of the savepoints.
        savepoints: Vec<String>,
    },
    /// A transaction that writes.
    Write(Box<Writing>),
}

/// A transaction that writes.
pub(super) struct Writing {
    pub(super) storage: WriteTransaction,
    pub(super) catalog: Arc<Catalog>,
    /// True once the schema was changed.
    pub(super) schema_changed: bool,
    /// Deferred foreign keys that were broken when they were met.
    pub(super) suspects: Vec<Suspect>,
    savepoints: Vec<(String, Savepoint, Arc<Catalog>)>,
}

impl Writing {
    /// Takes over the catalog that a change of the schema made; `None` where nothing changed.
    pub(super) fn change_schema(&mut self, next: Option<Catalog>) {
        if let Some(next) = next {
            self.catalog = Arc::new(next);
            self.schema_changed = true;
        }
    }
}

impl Session {
    /// The state that a query starting now reads, and whether it holds changes that a rollback could undo.
    pub(super) fn read_snapshot(&mut self) -> Result<(Snapshot, bool)> {
        match &mut self.transaction {
            Transaction::None => Ok((self.engine.store().snapshot(), false)),
            Transaction::Read { catalog: Some((snapshot, _)), .. } => Ok((snapshot.clone(), false)),
            Transaction::Read { catalog: first @ None, .. } => {
                let snapshot = self.engine.store().snapshot();
                *first = Some((snapshot.clone(), self.engine.catalog(&snapshot)?));
                Ok((snapshot, false))
            }
            Transaction::Write(write) => Ok((write.storage.snapshot(), true)),
        }
    }

    /// Runs `change` in the open transaction, or in one of its own that is committed when it succeeds. The change
    /// itself leaves nothing behind when it fails.
    pub(super) fn write<T>(
        &mut self,
        change: impl FnOnce(&mut Session, &mut Writing) -> Result<T>,
    ) -> Result<T> {
        if self.settings.query_only {
            return Err(sedge_storage::Error::ReadOnly.into());
        }
        let own = self.is_autocommit();
        let mut writing = self.take_writing()?;
        let moment = panics_so_far();
        let mut done = change(self, &mut writing);
        if let Err(panic) = writing.catalog.functions.collations.check_since(moment) {
            // Nobody noticed, so nothing of the change was undone: the whole transaction goes.
            self.note_undone();
            return Err(panic);
        }
        if own && done.is_ok() {
            done = writing.check_deferred().and(done);
        }
        match done {
            Ok(value) if own => {
                self.commit_writing(*writing)?;
                Ok(value)
            }
            Err(error) if own => {
                writing.storage.rollback();
                Err(error)
            }
            done => {
                self.transaction = Transaction::Write(writing);
                done
            }
        }
    }

    /// The writing side of the open transaction, taken out of the session; made now where there is none yet.
    fn take_writing(&mut self) -> Result<Box<Writing>> {
        let timeout = self.busy_timeout;
        match std::mem::replace(&mut self.transaction, Transaction::None) {
            Transaction::Write(writing) => Ok(writing),
            Transaction::None => {
                let mut storage = self.engine.store().begin_write(timeout)?;
                let catalog = self.engine.catalog(&storage.snapshot())?;
                Ok(Box::new(Writing {
                    storage,
                    catalog,
                    schema_changed: false,
                    suspects: Vec::new(),
                    savepoints: Vec::new(),
                }))
            }
            Transaction::Read { catalog, savepoints } => {
                let begun = match &catalog {
                    Some((snapshot, _)) => self.engine.store().begin_write_from(snapshot, timeout),
                    None => self.engine.store().begin_write(timeout),
                };
                let mut storage = match begun {
                    Ok(storage) => storage,
                    Err(error) => {
                        self.transaction = Transaction::Read { catalog, savepoints };
                        return Err(error.into());
                    }
                };
                let catalog = match catalog {
                    Some((_, catalog)) => catalog,
                    None => self.engine.catalog(&storage.snapshot())?,
                };
                // Nothing was written before, so each savepoint is the state at the start.
                let savepoints = savepoints
                    .into_iter()
                    .map(|name| (name, storage.savepoint(), Arc::clone(&catalog)))
                    .collect();
                Ok(Box::new(Writing {
                    storage,
                    catalog,
                    schema_changed: false,
                    suspects: Vec::new(),
                    savepoints,
                }))
            }
        }
    }

    fn commit_writing(&mut self, writing: Writing) -> Result<()> {
        let Writing { storage, catalog, schema_changed, .. } = writing;
        if !schema_changed {
            return Ok(storage.commit()?);
        }
        let sequence = storage.base_sequence() + 1;
        self.engine.announce(sequence, catalog);
        storage.commit().map_err(|error| {
            self.engine.retract(sequence);
            error.into()
        })
    }

    /// What the open transaction has counted; nothing if it has not written yet.
    #[must_use]
    pub fn transaction_counters(&self) -> Counters {
        match &self.transaction {
            Transaction::Write(writing) => writing.storage.counters(),
            Transaction::None | Transaction::Read { .. } => Counters::default(),
        }
    }

    /// BEGIN.
    pub(super) fn begin(&mut self, mode: BeginMode) -> Result<()> {
        if !self.is_autocommit() {
            return Err(Error::Misuse("a transaction is open already".to_string()));
        }
        self.transaction = Transaction::Read { catalog: None, savepoints: Vec::new() };
        self.begun_by_savepoint = false;
        if mode != BeginMode::Deferred {
            match self.take_writing() {
                Ok(writing) => self.transaction = Transaction::Write(writing),
                Err(error) => {
                    self.transaction = Transaction::None;
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// COMMIT.
    pub(super) fn commit(&mut self) -> Result<()> {
        match std::mem::replace(&mut self.transaction, Transaction::None) {
            Transaction::None => Err(Error::Misuse("there is no transaction to commit".to_string())),
            Transaction::Read { .. } => {
                self.defer_foreign_keys = false;
                Ok(())
            }
            Transaction::Write(mut writing) => {
                if let Err(error) = writing.check_deferred() {
                    // The transaction stays open, to be mended.
                    self.transaction = Transaction::Write(writing);
                    return Err(error);
                }
                self.defer_foreign_keys = false;
                self.commit_writing(*writing)
            }
        }
    }

    /// ROLLBACK of all.
    pub(super) fn rollback(&mut self) -> Result<()> {
        self.defer_foreign_keys = false;
        match std::mem::replace(&mut self.transaction, Transaction::None) {
            Transaction::None => Err(Error::Misuse("there is no transaction to roll back".to_string())),
            Transaction::Read { .. } => Ok(()),
            Transaction::Write(writing) => {
                self.note_undone();
                writing.storage.rollback();
                Ok(())
            }
        }
    }

    /// SAVEPOINT, which begins a transaction where there is none.
    pub(super) fn savepoint(&mut self, name: &str) -> Result<()> {
        match &mut self.transaction {
            Transaction::None => {
                self.transaction = Transaction::Read { catalog: None, savepoints: vec![name.to_string()] };
                self.begun_by_savepoint = true;
            }
            Transaction::Read { savepoints, .. } => savepoints.push(name.to_string()),
            Transaction::Write(writing) => {
                let point = writing.storage.savepoint();
                writing.savepoints.push((name.to_string(), point, Arc::clone(&writing.catalog)));
            }
        }
        Ok(())
    }

    /// RELEASE: forgets the savepoint and those after it. The outermost one, if it began the transaction, commits.
    pub(super) fn release(&mut self, name: &str) -> Result<()> {
        let at = self.find_savepoint(name)?;
        let commits = at == 0 && self.begun_by_savepoint;
        match &mut self.transaction {
            Transaction::None => {}
            Transaction::Write(writing) if commits => writing.check_deferred()?,
            Transaction::Read { .. } | Transaction::Write(_) => {}
        }
        match &mut self.transaction {
            Transaction::None => {}
            Transaction::Read { savepoints, .. } => savepoints.truncate(at),
            Transaction::Write(writing) => {
                while writing.savepoints.len() > at {
                    if let Some((_, point, _)) = writing.savepoints.pop() {
                        writing.storage.release(point)?;
                    }
                }
            }
        }
        if commits { self.commit() } else { Ok(()) }
    }

    /// ROLLBACK TO: undoes what came after the savepoint, which stays.
    pub(super) fn rollback_to(&mut self, name: &str) -> Result<()> {
        let at = self.find_savepoint(name)?;
        self.note_undone();
        match &mut self.transaction {
            Transaction::None => {}
            Transaction::Read { savepoints, .. } => savepoints.truncate(at + 1),
            Transaction::Write(writing) => {
                while writing.savepoints.len() > at + 1 {
                    if let Some((_, point, _)) = writing.savepoints.pop() {
                        writing.storage.release(point)?;
                    }
                }
                if let Some((_, point, catalog)) = writing.savepoints.last() {
                    writing.storage.rollback_to(point)?;
                    writing.catalog = Arc::clone(catalog);
                }
            }
        }
        Ok(())
    }

    /// The newest savepoint called `name`.
    fn find_savepoint(&self, name: &str) -> Result<usize> {
        let found = match &self.transaction {
            Transaction::None => None,
            Transaction::Read { savepoints, .. } => {
                savepoints.iter().rposition(|n| n.eq_ignore_ascii_case(name))
            }
            Transaction::Write(writing) => {
                writing.savepoints.iter().rposition(|(n, ..)| n.eq_ignore_ascii_case(name))
            }
        };
        found.ok_or_else(|| Error::name(format!("no such savepoint: {name}"), None))
    }
}
