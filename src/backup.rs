//! Copies of a whole database: into a file, and out of another database.

use crate::database::Database;
use crate::error::{Error, ErrorCode, Result};
use sedge_sql::session::Session;
use sedge_storage::BackupProgress;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

impl Database {
    /// Copies the database as the newest commit has it to a new file at `path`, while readers and writers go on. The copy
    /// is a database of its own, at rest and on the medium when this returns. `progress` is told now and then how far it
    /// is, and may end it.
    ///
    /// The copy has the pages as they are here, free ones too; `VACUUM INTO` makes one that is as small as can be. What is
    /// committed meanwhile stays in the log until the copy is done.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::ops::ControlFlow;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("copy.sedge");
    /// let db = sedge::Database::open_in_memory()?;
    /// db.connect()?.execute_batch("CREATE TABLE t(a INTEGER); INSERT INTO t VALUES (42)")?;
    /// db.backup(&path, |progress| {
    ///     println!("{} of {} pages", progress.done, progress.total);
    ///     ControlFlow::Continue(())
    /// })?;
    ///
    /// let copy = sedge::Database::open(&path)?;
    /// let answer: i64 = copy.connect()?.query_row("SELECT a FROM t", [], |row| row.get(0))?;
    /// assert_eq!(answer, 42);
    /// assert!(copy.check()?.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorCode::Misuse`] if there is such a file already that is not empty, [`ErrorCode::Interrupted`] where
    /// `progress` ended it, [`ErrorCode::Corrupt`] for a page that is damaged here, [`ErrorCode::Full`] and
    /// [`ErrorCode::Io`]. No file is left behind then.
    pub fn backup(
        &self,
        path: impl AsRef<Path>,
        mut progress: impl FnMut(BackupProgress) -> ControlFlow<()>,
    ) -> Result<()> {
        match self.engine().store().backup(path.as_ref(), &mut |done| progress(done).is_continue())? {
            true => Ok(()),
            false => Err(Error::new(ErrorCode::Interrupted, "the backup was ended by its caller")),
        }
    }

    /// Puts what `source` holds, as its newest commit has it, in the place of everything that this database holds, in one
    /// transaction: readers see either, and a crash leaves either. The page sizes may differ. `progress` is told now and
    /// then how far it is, and may end it.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use sedge::Database;
    /// use std::ops::ControlFlow;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("copy.sedge");
    /// let db = Database::open_in_memory()?;
    /// let conn = db.connect()?;
    /// conn.execute_batch("CREATE TABLE t(a INTEGER); INSERT INTO t VALUES (42)")?;
    /// db.backup(&path, |_| ControlFlow::Continue(()))?;
    /// conn.execute_batch("DROP TABLE t")?;
    /// db.restore(&Database::open(&path)?, |_| ControlFlow::Continue(()))?;
    /// assert_eq!(conn.query_row("SELECT a FROM t", [], |row| row.get::<i64>(0))?, 42);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorCode::Busy`] if another writer does not end in time, [`ErrorCode::Interrupted`] where `progress` ended it,
    /// [`ErrorCode::Misuse`] if both are the same database, [`ErrorCode::Corrupt`], [`ErrorCode::Full`] and
    /// [`ErrorCode::Io`]. Nothing is changed then.
    pub fn restore(
        &self,
        source: &Database,
        mut progress: impl FnMut(BackupProgress) -> ControlFlow<()>,
    ) -> Result<()> {
        let mut session = Session::new(Arc::clone(self.engine()))?;
        Ok(session.restore(source.engine(), &mut |done| progress(done).is_continue())?)
    }
}
