//! Sessions: where parser, binder, planner and executor meet.
//!
//! ```text
//! text -> lift -> cache -> [ parse -> bind -> plan ] -> Prepared -> start -> step, step, step
//!                          `------ on a miss ------'
//! ```
//!
//! An [`Engine`] is a store and the catalogs of its newest commits; every connection has a [`Session`] on it and on the
//! databases that it attaches, with the transaction it has open and a cache of plans; a [`Prepared`] is one statement of a session, which runs without
//! it once it has started.

mod alter;
mod analyze;
mod attach;
mod cache;
mod damage;
mod engine;
mod explain;
mod foreign_keys;
mod others;
mod place;
mod pragma;
mod prepare;
mod prepared;
mod programs;
mod run;
mod schema;
mod setting;
mod stat;
mod statistics;
mod transaction;
mod vacuum;

pub use engine::Engine;
pub use prepared::Prepared;
pub use stat::{DatabaseStat, ObjectStat, StatKind};

use crate::error::{Error, Result};
use crate::parser::LiftScratch;
use crate::plan::Choices;
use cache::StatementCache;
use others::Others;
use programs::ProgramCache;
use setting::Settings;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use transaction::Transaction;

/// One connection's transaction, plans and counts.
pub struct Session {
    engine: Arc<Engine>,
    /// The databases beside main.
    others: Others,
    transaction: Transaction,
    /// True if the transaction was begun by a SAVEPOINT, whose RELEASE commits it.
    begun_by_savepoint: bool,
    cache: StatementCache,
    /// Triggers and foreign keys, planned.
    programs: ProgramCache,
    /// `PRAGMA foreign_keys`, `defer_foreign_keys` and `recursive_triggers`.
    foreign_keys: bool,
    defer_foreign_keys: bool,
    recursive_triggers: bool,
    settings: Settings,
    /// Buffers of the lifter, reused.
    scratch: LiftScratch,
    interrupt: Arc<AtomicBool>,
    /// Raised when changes that a running query may be reading are undone.
    undone: Arc<AtomicU64>,
    changes: i64,
    total_changes: i64,
    last_insert_rowid: i64,
    busy_timeout: std::time::Duration,
    /// What a test asks of the planner.
    choices: Choices,
}

impl Session {
    /// A session outside any transaction.
    ///
    /// # Errors
    /// Damage that keeps the schema from being read.
    pub fn new(engine: Arc<Engine>) -> Result<Session> {
        let busy_timeout = engine.busy_timeout();
        Ok(Session {
            engine,
            others: Others::default(),
            transaction: Transaction::None,
            begun_by_savepoint: false,
            cache: StatementCache::default(),
            programs: ProgramCache::default(),
            foreign_keys: true,
            defer_foreign_keys: false,
            recursive_triggers: false,
            settings: Settings::default(),
            scratch: LiftScratch::default(),
            interrupt: Arc::default(),
            undone: Arc::default(),
            changes: 0,
            total_changes: 0,
            last_insert_rowid: 0,
            busy_timeout,
            choices: Choices::default(),
        })
    }

    /// The flag that stops whatever the session runs.
    #[must_use]
    pub fn interrupt_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.interrupt)
    }

    /// Narrows the planner's freedom for the statements that are prepared from now on.
    #[cfg(feature = "testing")]
    pub fn choose_plans(&mut self, choices: Choices) {
        self.choices = choices;
        self.cache = StatementCache::default();
    }

    /// True outside BEGIN .. COMMIT.
    #[must_use]
    pub fn is_autocommit(&self) -> bool {
        matches!(self.transaction, Transaction::None)
    }

    /// Rows changed by the last INSERT, UPDATE or DELETE.
    #[must_use]
    pub fn changes(&self) -> i64 {
        self.changes
    }

    /// Rows changed since the session began.
    #[must_use]
    pub fn total_changes(&self) -> i64 {
        self.total_changes
    }

    /// The row id of the last insert.
    #[must_use]
    pub fn last_insert_rowid(&self) -> i64 {
        self.last_insert_rowid
    }

    /// Makes an open transaction see the functions that the program has registered since it began.
    fn take_functions(&mut self) {
        let schemas = match &mut self.transaction {
            Transaction::None | Transaction::Read { seen: None, .. } => return,
            Transaction::Read { seen: Some((_, schemas)), .. } => schemas,
            Transaction::Write(write) => &mut write.schemas,
        };
        let functions = self.engine.functions();
        if !Arc::ptr_eq(&schemas.main().functions, &functions) {
            *schemas = schemas.with_functions(&functions);
        }
    }

    /// Tells running queries that what they read in the open transaction is gone.
    fn note_undone(&self) {
        self.undone.fetch_add(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("autocommit", &self.is_autocommit()).finish_non_exhaustive()
    }
}

/// The error for a statement that this version cannot run.
fn unsupported(what: &str) -> Error {
    Error::invalid(format!("{what} is not supported yet"), None)
}
