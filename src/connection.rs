//! Connections: where statements are run.

use crate::error::{Error, ErrorCode, Result};
use crate::params::Params;
use crate::rows::Row;
use crate::statement::Statement;
use crate::transaction::Transaction;
use sedge_sql::session::{Engine, Session};
use sedge_storage::Counters;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A session shared between a connection and its statements.
pub(crate) type SharedSession = Arc<Mutex<Session>>;

/// Locks the session. A panic of a user's callback leaves nothing half-done that a later statement could see.
pub(crate) fn lock(session: &SharedSession) -> MutexGuard<'_, Session> {
    session.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A connection to a database: one transaction at a time, and a cache of prepared statements.
#[derive(Debug)]
pub struct Connection {
    session: SharedSession,
    interrupt: Arc<AtomicBool>,
}

impl Connection {
    pub(crate) fn new(engine: Arc<Engine>) -> Result<Connection> {
        let session = Session::new(engine)?;
        let interrupt = session.interrupt_flag();
        Ok(Connection { session: Arc::new(Mutex::new(session)), interrupt })
    }

    /// Runs one statement to its end and gives the number of rows it inserted, updated or deleted.
    ///
    /// ```
    /// # fn main() -> sedge::Result<()> {
    /// let conn = sedge::Database::open_in_memory()?.connect()?;
    /// conn.execute("CREATE TABLE t(a INTEGER)", [])?;
    /// assert_eq!(conn.execute("INSERT INTO t VALUES (?), (?)", [1, 2])?, 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// What is wrong with the statement, and what its execution meets; nothing is changed then.
    /// [`ErrorCode::Misuse`] if the text holds more than one statement.
    pub fn execute(&self, sql: &str, params: impl Params) -> Result<usize> {
        self.prepare(sql)?.execute(params)
    }

    /// Runs all statements of `sql` in order, without parameters; rows are thrown away.
    ///
    /// # Errors
    /// That of the first statement that fails, its place counted in the whole text; those before it have taken effect.
    pub fn execute_batch(&self, sql: &str) -> Result<()> {
        let mut at = 0;
        let moved = |at: usize| move |error: Error| error.moved(at);
        while let Some((mut statement, used)) = self.prepare_first(&sql[at..]).map_err(moved(at))? {
            statement.execute(()).map_err(moved(at))?;
            at += used;
        }
        Ok(())
    }

    /// Prepares the one statement of `sql`. Texts that differ in white space and literals alone share a plan.
    ///
    /// # Errors
    /// [`ErrorCode::Syntax`], [`ErrorCode::Name`], [`ErrorCode::Invalid`], and [`ErrorCode::Misuse`] if there is no
    /// statement, or more than one.
    pub fn prepare(&self, sql: &str) -> Result<Statement> {
        let Some((statement, used)) = self.prepare_first(sql)? else {
            return Err(Error::new(ErrorCode::Misuse, "the text holds no statement"));
        };
        if !sedge_sql::parser::is_blank(&sql[used..]) {
            return Err(Error::new(
                ErrorCode::Misuse,
                "the text holds more than one statement; execute_batch runs them all",
            ));
        }
        Ok(statement)
    }

    /// Prepares the first statement of `sql`, and tells how many bytes it takes with its semicolon; `None` if only
    /// blanks and comments are left.
    ///
    /// # Errors
    /// As [`Connection::prepare`].
    pub fn prepare_first(&self, sql: &str) -> Result<Option<(Statement, usize)>> {
        let prepared = lock(&self.session).prepare(sql)?;
        Ok(prepared.map(|(prepared, used)| (Statement::new(Arc::clone(&self.session), prepared), used)))
    }

    /// What `f` makes of the first row of a query.
    ///
    /// ```
    /// # fn main() -> sedge::Result<()> {
    /// let conn = sedge::Database::open_in_memory()?.connect()?;
    /// let shout: String = conn.query_row("SELECT upper(?)", ["sedge"], |row| row.get(0))?;
    /// assert_eq!(shout, "SEDGE");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorCode::NoRows`] if there is none, and all that [`Connection::prepare`] and [`crate::Rows::next`] meet.
    pub fn query_row<T>(
        &self,
        sql: &str,
        params: impl Params,
        f: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<T> {
        self.prepare(sql)?.query_row(params, f)
    }

    /// What `f` makes of each row of a query.
    ///
    /// # Errors
    /// As [`Connection::query_row`], without [`ErrorCode::NoRows`].
    pub fn query<T>(
        &self,
        sql: &str,
        params: impl Params,
        f: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        self.prepare(sql)?.query(params)?.map_rows(f)
    }

    /// Begins a transaction that becomes a writer at its first change. If another has committed between its first
    /// read and its first write, that write fails with [`ErrorCode::Busy`].
    ///
    /// # Errors
    /// [`ErrorCode::Misuse`] inside a transaction.
    pub fn transaction(&mut self) -> Result<Transaction<'_>> {
        Transaction::begin(self, "BEGIN")
    }

    /// Begins a transaction that is a writer from the start.
    ///
    /// # Errors
    /// [`ErrorCode::Busy`] if another writer does not end in time, [`ErrorCode::Misuse`] inside a transaction.
    pub fn immediate_transaction(&mut self) -> Result<Transaction<'_>> {
        Transaction::begin(self, "BEGIN IMMEDIATE")
    }

    /// Narrows the planner's freedom for the statements that are prepared from now on.
    #[cfg(feature = "testing")]
    pub fn choose_plans(&self, choices: sedge_sql::plan::Choices) {
        lock(&self.session).choose_plans(choices);
    }

    /// True outside a transaction: each statement commits by itself.
    #[must_use]
    pub fn is_autocommit(&self) -> bool {
        lock(&self.session).is_autocommit()
    }

    /// The row id of the last insert of this connection, 0 before the first.
    #[must_use]
    pub fn last_insert_rowid(&self) -> i64 {
        lock(&self.session).last_insert_rowid()
    }

    /// How many rows the last INSERT, UPDATE or DELETE changed.
    #[must_use]
    pub fn changes(&self) -> i64 {
        lock(&self.session).changes()
    }

    /// How many rows were changed since the connection was opened.
    #[must_use]
    pub fn total_changes(&self) -> i64 {
        lock(&self.session).total_changes()
    }

    /// What the open transaction has made the engine do so far; [`crate::Metrics::counters`] has it once it ends. All are
    /// 0 outside of a transaction, and in one that has only read.
    ///
    /// ```
    /// # fn main() -> sedge::Result<()> {
    /// let conn = sedge::Database::open_in_memory()?.connect()?;
    /// conn.execute_batch("CREATE TABLE t(a); BEGIN; INSERT INTO t VALUES (1)")?;
    /// assert_eq!(conn.transaction_counters().allocator_builds, 1);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn transaction_counters(&self) -> Counters {
        lock(&self.session).transaction_counters()
    }

    /// A handle by which another thread, or a signal handler's thread, stops what this connection runs.
    #[must_use]
    pub fn interrupt_handle(&self) -> InterruptHandle {
        InterruptHandle { flag: Arc::clone(&self.interrupt) }
    }
}

/// Stops the running statement of a connection.
#[derive(Clone, Debug)]
pub struct InterruptHandle {
    flag: Arc<AtomicBool>,
}

impl InterruptHandle {
    /// The statement that runs now ends with [`ErrorCode::Interrupted`]; one started later is not affected.
    pub fn interrupt(&self) {
        self.flag.store(true, Ordering::Relaxed);
    }
}
