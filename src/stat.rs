//! How full a database is: its trees, their pages, and what the leaf allocator made of these.

use crate::database::{Database, Options};
use crate::error::Result;
use std::path::Path;

pub use sedge_sql::session::{DatabaseStat, ObjectStat, StatKind};
pub use sedge_storage::{LevelStat, TreeStat};

/// Opens the database at `path` for reading alone and measures every tree of it, as `sedge stat` does.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("cities.sedge");
/// let db = sedge::Database::open(&path)?;
/// let conn = db.connect()?;
/// conn.execute_batch("CREATE TABLE city(id INTEGER PRIMARY KEY, name TEXT); CREATE INDEX by_name ON city(name)")?;
/// conn.execute("INSERT INTO city(name) VALUES ('Lisbon'), ('Porto')", [])?;
/// # drop(conn);
/// db.close()?;
///
/// let stat = sedge::stat(&path)?;
/// for object in &stat.objects {
///     let leaves = object.tree.leaves();
///     println!(
///         "{} {}: {} records in {} pages, leaves {:.0}% full, {} bytes in {} holes",
///         object.kind.name(),
///         object.name,
///         object.tree.records(),
///         object.tree.pages(),
///         100.0 * leaves.fill(),
///         leaves.dead_bytes,
///         leaves.holes,
///     );
/// }
/// let city = stat.objects.iter().find(|object| object.name == "city").expect("it was created");
/// assert_eq!((city.tree.records(), city.tree.depth()), (2, 1));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`Database::open`] and [`Database::stat`]; [`crate::ErrorCode::Io`] if there is no such file.
pub fn stat(path: impl AsRef<Path>) -> Result<DatabaseStat> {
    Options::new().read_only(true).create(false).open(path)?.stat()
}

impl Database {
    /// Walks every tree of the newest commit and tells how it fills its pages. Readers and writers go on meanwhile.
    ///
    /// ```
    /// # fn main() -> sedge::Result<()> {
    /// let db = sedge::Database::open_in_memory()?;
    /// db.connect()?.execute("CREATE TABLE t(a)", [])?;
    /// let stat = db.stat()?;
    /// let owned: u64 = stat.objects.iter().map(|object| object.tree.pages()).sum();
    /// assert_eq!(owned + u64::from(stat.free_pages) + 1, u64::from(stat.page_count));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`crate::ErrorCode::Corrupt`] if damage keeps a tree from being walked; [`crate::ErrorCode::Io`].
    pub fn stat(&self) -> Result<DatabaseStat> {
        Ok(self.engine().stat()?)
    }
}
