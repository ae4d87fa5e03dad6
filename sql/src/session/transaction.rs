//! Transactions of a session: BEGIN, COMMIT, ROLLBACK, savepoints, and the one that each statement outside them has.
//!
//! A transaction spans all databases of the session. Each that a statement writes to joins it as a writer when the first
//! such statement runs. No commit is atomic over two files, so only one file may be changed; databases in memory, temp
//! among them, have nothing to lose in a crash, and commit behind it.

use super::others::Other;
use super::{Engine, Session};
use crate::catalog::{Catalog, NamedCatalog, Schemas};
use crate::collation::panics_so_far;
use crate::constraint::foreign_key::Suspect;
use crate::databases::{DatabaseId, DatabaseSet, Savepoint, Snapshot, WriteTransaction};
use crate::error::{Error, Result};
use crate::parser::BeginMode;
use sedge_storage::Counters;
use smallvec::SmallVec;
use std::sync::Arc;

/// What a session has open.
pub(super) enum Transaction {
    /// Nothing: each statement commits by itself.
    None,
    /// A transaction that has only read so far: nothing at all, or from one snapshot.
    Read {
        /// What it reads, from its first statement on.
        seen: Option<(Snapshot, Schemas)>,
        /// Names of the savepoints.
        savepoints: Vec<String>,
    },
    /// A transaction that writes.
    Write(Box<Writing>),
}

impl Transaction {
    /// Lets the open transaction see another database, where it has begun to see any.
    pub(super) fn add(&mut self, id: DatabaseId, engine: &Engine, named: NamedCatalog) {
        match self {
            Transaction::None | Transaction::Read { seen: None, .. } => {}
            Transaction::Read { seen: Some((snapshot, schemas)), .. } => {
                snapshot.add(id, engine.store().snapshot());
                *schemas = schemas.and(named);
            }
            Transaction::Write(writing) => {
                writing.storage.add(id, engine.store().snapshot());
                for (_, _, schemas) in &mut writing.savepoints {
                    *schemas = schemas.and(named.clone());
                }
                writing.schemas = writing.schemas.and(named);
            }
        }
    }
}

/// A transaction that writes.
pub(super) struct Writing {
    pub(super) storage: WriteTransaction,
    pub(super) schemas: Schemas,
    /// The databases that a statement has changed, or tried to.
    changed: DatabaseSet,
    /// Those whose schema was changed.
    changed_schemas: DatabaseSet,
    /// Deferred foreign keys that were broken when they were met.
    pub(super) suspects: Vec<Suspect>,
    savepoints: Vec<(String, Savepoint, Schemas)>,
}

impl Writing {
    fn new(storage: WriteTransaction, schemas: Schemas) -> Writing {
        Writing {
            storage,
            schemas,
            changed: DatabaseSet::EMPTY,
            changed_schemas: DatabaseSet::EMPTY,
            suspects: Vec::new(),
            savepoints: Vec::new(),
        }
    }

    /// Takes over the catalog that a change of a schema made; `None` where nothing changed.
    pub(super) fn change_schema(&mut self, next: Option<Catalog>) {
        if let Some(next) = next {
            self.changed_schemas = self.changed_schemas.with(next.database);
            self.schemas = self.schemas.with(Arc::new(next));
        }
    }

    /// The catalog of a database.
    ///
    /// # Errors
    /// [`Error::Misuse`] for one that is not attached.
    pub(super) fn catalog(&self, database: DatabaseId) -> Result<Arc<Catalog>> {
        let catalog = self.schemas.get(database);
        catalog.map(Arc::clone).ok_or_else(|| Error::Misuse("the database is not attached".to_owned()))
    }
}

impl Session {
    /// The schemas that the next statement sees.
    pub(super) fn schemas(&mut self) -> Result<Schemas> {
        self.take_functions();
        match &self.transaction {
            Transaction::Read { seen: Some((_, schemas)), .. } => Ok(schemas.clone()),
            Transaction::Write(writing) => Ok(writing.schemas.clone()),
            Transaction::None | Transaction::Read { seen: None, .. } => {
                let newest = self.newest();
                self.schemas_of(&newest)
            }
        }
    }

    /// The state that a query starting now reads, and whether it holds changes that a rollback could undo.
    pub(super) fn read_snapshot(&mut self) -> Result<(Snapshot, bool)> {
        match &mut self.transaction {
            Transaction::None => Ok((self.newest(), false)),
            Transaction::Read { seen: Some((snapshot, _)), .. } => Ok((snapshot.clone(), false)),
            Transaction::Read { seen: None, .. } => {
                let snapshot = self.newest();
                let schemas = self.schemas_of(&snapshot)?;
                if let Transaction::Read { seen, .. } = &mut self.transaction {
                    *seen = Some((snapshot.clone(), schemas));
                }
                Ok((snapshot, false))
            }
            Transaction::Write(write) => Ok((write.storage.snapshot(), true)),
        }
    }

    /// Runs `change` of main in the open transaction, or in one of its own: see [`Session::write_to`].
    pub(super) fn write<T>(
        &mut self,
        change: impl FnOnce(&mut Session, &mut Writing) -> Result<T>,
    ) -> Result<T> {
        self.write_to(DatabaseSet::MAIN, change)
    }

    /// Runs a change of these databases in the open transaction, or in one of its own that is committed when it succeeds.
    /// The change itself leaves nothing behind when it fails.
    pub(super) fn write_to<T>(
        &mut self,
        databases: DatabaseSet,
        change: impl FnOnce(&mut Session, &mut Writing) -> Result<T>,
    ) -> Result<T> {
        if self.settings.query_only {
            return Err(sedge_storage::Error::ReadOnly.into());
        }
        let own = self.is_autocommit();
        let mut writing = self.take_writing(databases)?;
        writing.changed = writing.changed.and(databases);
        let moment = panics_so_far();
        let mut done = change(self, &mut writing);
        if let Err(panic) = writing.schemas.main().functions.collations.check_since(moment) {
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

    /// The open transaction, taken out of the session, as one that writes to these databases; made now where there is
    /// none yet. Where it fails, the session keeps the transaction as it was.
    fn take_writing(&mut self, databases: DatabaseSet) -> Result<Box<Writing>> {
        let before = match &self.transaction {
            Transaction::Write(writing) => writing.changed,
            _ => DatabaseSet::EMPTY,
        };
        self.refuse_two_files(before.and(databases))?;
        let timeout = self.busy_timeout;
        match std::mem::replace(&mut self.transaction, Transaction::None) {
            Transaction::Write(mut writing) => {
                let joined = databases
                    .iter()
                    .filter(|database| !writing.storage.writes(*database))
                    .collect::<SmallVec<[DatabaseId; 2]>>()
                    .into_iter()
                    .try_for_each(|database| self.join(&mut writing, database));
                match joined {
                    Ok(()) => Ok(writing),
                    Err(error) => {
                        self.transaction = Transaction::Write(writing);
                        Err(error)
                    }
                }
            }
            Transaction::None if databases == DatabaseSet::MAIN && self.others.list.is_empty() => {
                let mut storage = self.engine.store().begin_write(timeout)?;
                let main = self.engine.catalog(&storage.snapshot())?;
                Ok(Box::new(Writing::new(storage.into(), Schemas::new(main, Vec::new()))))
            }
            Transaction::None => self.begin_writing(databases),
            Transaction::Read { seen: None, savepoints } => match self.begin_writing(databases) {
                Ok(writing) => Ok(with_savepoints(writing, savepoints)),
                Err(error) => {
                    self.transaction = Transaction::Read { seen: None, savepoints };
                    Err(error)
                }
            },
            Transaction::Read { seen: Some((snapshot, schemas)), savepoints } => {
                let storage = WriteTransaction::from(snapshot.clone());
                let mut writing = Box::new(Writing::new(storage, schemas.clone()));
                let joined = databases.iter().try_for_each(|database| self.join(&mut writing, database));
                match joined {
                    Ok(()) => Ok(with_savepoints(writing, savepoints)),
                    Err(error) => {
                        self.transaction = Transaction::Read { seen: Some((snapshot, schemas)), savepoints };
                        Err(error)
                    }
                }
            }
        }
    }

    /// A transaction over the newest state of all databases, which writes to some of them.
    fn begin_writing(&mut self, databases: DatabaseSet) -> Result<Box<Writing>> {
        let mut storage = WriteTransaction::from(self.newest());
        for database in databases.iter() {
            storage.begin(database, self.store_of(database)?.begin_write(self.busy_timeout)?);
        }
        let schemas = self.schemas_of(&storage.snapshot())?;
        Ok(Box::new(Writing::new(storage, schemas)))
    }

    /// Lets a transaction that reads `database` write to it.
    fn join(&mut self, writing: &mut Writing, database: DatabaseId) -> Result<()> {
        let store = self.store_of(database)?;
        let mut storage = match writing.storage.snapshot().database(database) {
            Some(seen) => store.begin_write_from(seen, self.busy_timeout)?,
            None => store.begin_write(self.busy_timeout)?,
        };
        // It was not written to before, so each savepoint is its state at the start.
        for (_, savepoint, _) in &mut writing.savepoints {
            savepoint.add(database, storage.savepoint());
        }
        writing.storage.begin(database, storage);
        Ok(())
    }

    /// Fails if more than one of the databases is a file.
    fn refuse_two_files(&self, databases: DatabaseSet) -> Result<()> {
        if databases == DatabaseSet::MAIN {
            return Ok(());
        }
        let is_file = |id: &DatabaseId| self.engine_of(*id).is_some_and(|engine| engine.is_file());
        let mut files = databases.iter().filter(is_file);
        let (Some(first), Some(second)) = (files.next(), files.next()) else { return Ok(()) };
        let (first, second) = (self.name_of(first), self.name_of(second));
        Err(Error::invalid(
            format!(
                "a transaction changes one database file, and this one would change both {first} and {second}: \
                 COMMIT between the changes of one and those of the other"
            ),
            None,
        ))
    }

    /// The name that the session has for a database.
    pub(super) fn name_of(&self, database: DatabaseId) -> &str {
        let other = self.others.list.iter().find(|other| other.id == database);
        other.map_or("main", |other| &*other.name)
    }

    fn commit_writing(&mut self, writing: Writing) -> Result<()> {
        let Writing { storage, schemas, changed_schemas, .. } = writing;
        let mut parts: SmallVec<[_; 1]> = storage.into_written().collect();
        if parts.len() > 1 {
            // The file first: once it is committed, nothing that comes can be lost in a crash alone.
            parts.sort_by_key(|(database, _)| {
                !self.engine_of(*database).is_some_and(|engine| engine.is_file())
            });
        }
        for (database, storage) in parts {
            if !changed_schemas.contains(database) {
                storage.commit()?;
                continue;
            }
            let Some(catalog) = schemas.get(database) else { continue };
            let mut catalog = Arc::clone(catalog);
            let other = self.others.list.iter_mut().find(|other: &&mut Other| other.id == database);
            let engine = match other {
                Some(other) => {
                    catalog = other.as_shared(catalog)?;
                    &other.engine
                }
                None => &self.engine,
            };
            let sequence = storage.base_sequence() + 1;
            engine.announce(sequence, catalog);
            storage.commit().inspect_err(|_| engine.retract(sequence))?;
        }
        Ok(())
    }

    /// What the open transaction has counted; nothing if it has not written yet.
    #[must_use]
    pub fn transaction_counters(&mut self) -> Counters {
        match &mut self.transaction {
            Transaction::Write(writing) => writing.storage.counters(),
            Transaction::None | Transaction::Read { .. } => Counters::default(),
        }
    }

    /// BEGIN.
    pub(super) fn begin(&mut self, mode: BeginMode) -> Result<()> {
        if !self.is_autocommit() {
            return Err(Error::Misuse("a transaction is open already".to_string()));
        }
        self.transaction = Transaction::Read { seen: None, savepoints: Vec::new() };
        self.begun_by_savepoint = false;
        if mode != BeginMode::Deferred {
            match self.take_writing(DatabaseSet::MAIN) {
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
                self.transaction = Transaction::Read { seen: None, savepoints: vec![name.to_string()] };
                self.begun_by_savepoint = true;
            }
            Transaction::Read { savepoints, .. } => savepoints.push(name.to_string()),
            Transaction::Write(writing) => {
                let point = writing.storage.savepoint();
                writing.savepoints.push((name.to_string(), point, writing.schemas.clone()));
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
                if let Some((_, point, schemas)) = writing.savepoints.last() {
                    writing.storage.rollback_to(point)?;
                    writing.schemas = schemas.clone();
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

/// The savepoints of a transaction that has only read: each is the state at its start.
fn with_savepoints(mut writing: Box<Writing>, names: Vec<String>) -> Box<Writing> {
    for name in names {
        let (point, schemas) = (writing.storage.savepoint(), writing.schemas.clone());
        writing.savepoints.push((name, point, schemas));
    }
    writing
}
