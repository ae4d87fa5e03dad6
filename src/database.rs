//! Databases: a file, or memory, that any number of connections share.

use crate::connection::Connection;
use crate::error::{Error, ErrorCode, Result};
use crate::transaction::Transaction;
use sedge_sql::session::Engine;
use sedge_storage::{Metrics, RecoveryReport, Store, Synchronous};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How a database is opened. Each setting has the default that most programs want.
///
/// ```
/// # fn main() -> sedge::Result<()> {
/// let db = sedge::Options::new().page_size(16 * 1024).open_in_memory()?;
/// assert_eq!(db.metrics().page_size, 16 * 1024);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Options {
    storage: sedge_storage::Options,
}

impl Options {
    /// The defaults: reading and writing, created if it is missing, pages of 8 KiB, a cache of 64 MiB, commits that
    /// return after their sync.
    #[must_use]
    pub fn new() -> Options {
        Options::default()
    }

    /// Bytes of a page, of a database that is created: a power of two from 4 to 64 KiB.
    #[must_use]
    pub fn page_size(mut self, bytes: usize) -> Options {
        self.storage.page_size = bytes;
        self
    }

    /// Bytes of memory for pages that are not in the base file.
    #[must_use]
    pub fn cache_size(mut self, bytes: usize) -> Options {
        self.storage.cache_size = bytes;
        self
    }

    /// When commits are synced to disk.
    #[must_use]
    pub fn synchronous(mut self, synchronous: Synchronous) -> Options {
        self.storage.synchronous = synchronous;
        self
    }

    /// True: nothing is written, not even to recover.
    #[must_use]
    pub fn read_only(mut self, read_only: bool) -> Options {
        self.storage.read_only = read_only;
        self
    }

    /// False: a missing file is an error.
    #[must_use]
    pub fn create(mut self, create: bool) -> Options {
        self.storage.create = create;
        self
    }

    /// False: pages are read into a cache instead of being mapped.
    #[must_use]
    pub fn mmap(mut self, mmap: bool) -> Options {
        self.storage.mmap = mmap;
        self
    }

    /// How long a writer waits for another before [`ErrorCode::Busy`]; five seconds unless told.
    #[must_use]
    pub fn busy_timeout(mut self, timeout: Duration) -> Options {
        self.storage.busy_timeout = timeout;
        self
    }

    /// Opens the file at `path`.
    ///
    /// # Errors
    /// As [`Database::open`].
    pub fn open(&self, path: impl AsRef<Path>) -> Result<Database> {
        Database::from_store(Store::open(path.as_ref(), &self.storage)?, self.storage.busy_timeout)
    }

    /// Opens a database in memory, empty, that goes with its last handle.
    ///
    /// # Errors
    /// [`ErrorCode::Misuse`] for a page size that cannot be.
    pub fn open_in_memory(&self) -> Result<Database> {
        Database::from_store(Store::open_in_memory(&self.storage)?, self.storage.busy_timeout)
    }
}

/// A database. Clones are handles to the same one; any thread may hold them.
#[derive(Clone, Debug)]
pub struct Database {
    engine: Arc<Engine>,
}

impl Database {
    fn from_store(store: Store, busy_timeout: Duration) -> Result<Database> {
        Ok(Database { engine: Arc::new(Engine::new(store, busy_timeout)?) })
    }

    /// What all connections share.
    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Opens the file at `path` with the default [`Options`], creating it if it is missing. What an interrupted
    /// process left in the log is recovered first.
    ///
    /// # Errors
    /// [`ErrorCode::Busy`] while another process has it open for writing, [`ErrorCode::Corrupt`] if it is damaged or
    /// no Sedge database, [`ErrorCode::Io`] if it cannot be opened.
    pub fn open(path: impl AsRef<Path>) -> Result<Database> {
        Options::new().open(path)
    }

    /// Opens a database in memory with the default [`Options`].
    ///
    /// # Errors
    /// None are known.
    pub fn open_in_memory() -> Result<Database> {
        Options::new().open_in_memory()
    }

    /// A new connection.
    ///
    /// # Errors
    /// [`ErrorCode::Corrupt`] if the schema cannot be read.
    pub fn connect(&self) -> Result<Connection> {
        Connection::new(Arc::clone(&self.engine))
    }

    /// Runs `f` in a write transaction of its own and commits it. Writers take turns: it waits for its own, so what
    /// `f` reads is what it changes. When `f` itself meets [`ErrorCode::Busy`], its changes are rolled back and it
    /// runs again.
    ///
    /// ```
    /// # fn main() -> sedge::Result<()> {
    /// let db = sedge::Database::open_in_memory()?;
    /// let id = db.write(|tx| {
    ///     tx.execute_batch("CREATE TABLE t(id INTEGER PRIMARY KEY)")?;
    ///     tx.execute("INSERT INTO t DEFAULT VALUES", [])?;
    ///     Ok(tx.last_insert_rowid())
    /// })?;
    /// assert_eq!(id, 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorCode::Busy`] if another writer does not end in time, or `f` was busy 16 times; what `f` returns and the
    /// commit meets (nothing is changed then).
    pub fn write<T>(&self, mut f: impl FnMut(&mut Transaction<'_>) -> Result<T>) -> Result<T> {
        const TRIES: u32 = 16;
        let mut connection = self.connect()?;
        let mut tried = 0;
        loop {
            tried += 1;
            let mut transaction = connection.immediate_transaction()?;
            match f(&mut transaction) {
                Ok(value) => return transaction.commit().map(|()| value),
                Err(error) if error.is_retryable() && tried < TRIES => transaction.rollback()?,
                Err(error) => return Err(error),
            }
        }
    }

    /// What the engine has done since the database was opened.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.engine.store().metrics()
    }

    /// What opening the database had to recover; `None` after a clean close.
    #[must_use]
    pub fn recovery_report(&self) -> Option<RecoveryReport> {
        self.engine.store().recovery_report().cloned()
    }

    /// Brings all commits into the base file and empties the log. This happens by itself now and then; call it where
    /// the log should be small, before a copy of the file, say.
    ///
    /// # Errors
    /// [`ErrorCode::Busy`] if a transaction is writing, or a query reads an older state, for longer than the busy
    /// timeout; [`ErrorCode::Io`] and [`ErrorCode::Full`]. The log keeps what it has then.
    pub fn checkpoint(&self) -> Result<()> {
        Ok(self.engine.store().checkpoint()?)
    }

    /// Verifies every page, tree and index, and says what is wrong; nothing if all is well.
    ///
    /// # Errors
    /// [`ErrorCode::Corrupt`] when the damage keeps the schema itself from being read, and I/O errors.
    pub fn check(&self) -> Result<Vec<String>> {
        Ok(self.engine.check()?)
    }

    /// Closes the database when this is its last handle, and tells what the final checkpoint met, which a drop
    /// cannot.
    ///
    /// # Errors
    /// [`ErrorCode::Misuse`] while connections are open; [`ErrorCode::Io`] and [`ErrorCode::Full`] from the checkpoint
    /// (nothing is lost: the log keeps it for the next open).
    pub fn close(self) -> Result<()> {
        match Arc::try_unwrap(self.engine) {
            Ok(engine) => Ok(engine.close()?),
            Err(_) => {
                Err(Error::new(ErrorCode::Misuse, "the database has other handles or connections open"))
            }
        }
    }
}
