//! Transactions that end with their scope.

use crate::connection::Connection;
use crate::error::Result;
use std::ops::{Deref, DerefMut};

/// A transaction of a connection: rolled back when it is dropped without [`Transaction::commit`].
///
/// ```
/// # fn main() -> sedge::Result<()> {
/// let mut conn = sedge::Database::open_in_memory()?.connect()?;
/// conn.execute_batch("CREATE TABLE t(a INTEGER)")?;
/// {
///     let mut tx = conn.transaction()?;
///     tx.execute("INSERT INTO t VALUES (1)", [])?;
/// }
/// assert_eq!(conn.query_row("SELECT count(*) FROM t", [], |row| row.get::<i64>(0))?, 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Transaction<'c> {
    connection: &'c mut Connection,
    open: bool,
}

impl<'c> Transaction<'c> {
    pub(crate) fn begin(connection: &'c mut Connection, begin: &str) -> Result<Transaction<'c>> {
        connection.execute(begin, ())?;
        Ok(Transaction { connection, open: true })
    }

    /// Makes the changes durable and visible.
    ///
    /// # Errors
    /// [`crate::ErrorCode::Full`] and [`crate::ErrorCode::Io`] when the log cannot be written: nothing is changed.
    pub fn commit(mut self) -> Result<()> {
        self.open = false;
        let done = self.connection.execute("COMMIT", ());
        if done.is_err() && !self.connection.is_autocommit() {
            self.connection.execute("ROLLBACK", ())?;
        }
        done.map(drop)
    }

    /// Undoes the changes.
    ///
    /// # Errors
    /// None are known; the log is not written.
    pub fn rollback(mut self) -> Result<()> {
        self.open = false;
        self.connection.execute("ROLLBACK", ()).map(drop)
    }
}

impl Deref for Transaction<'_> {
    type Target = Connection;
    fn deref(&self) -> &Connection {
        self.connection
    }
}

impl DerefMut for Transaction<'_> {
    fn deref_mut(&mut self) -> &mut Connection {
        self.connection
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if self.open && !self.connection.is_autocommit() {
            // A rollback writes nothing, so there is nothing that could fail and be told.
            let _ = self.connection.execute("ROLLBACK", ());
        }
    }
}
