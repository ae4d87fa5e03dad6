//! The engines, behind the few calls that the modes make.
//!
//! A call takes a whole list of operations, so that an engine runs them in a loop of its own, in the way its library
//! wants it, and nothing of ours stands between two operations.

mod fjall;
mod lmdb;
mod redb;
mod sedge_kv;
mod sedge_sql;
mod sqlite;

use crate::Outcome;
use crate::documents::{Checksum, Documents, KeyKind};
use clap::ValueEnum;
use sedge::Counters;
use std::path::Path;
use std::time::Duration;

/// Memory for pages that each engine may use where it lets one say so.
const CACHE_BYTES: usize = 256 << 20;

/// Address space for each mapping where an engine asks for it in advance.
const MAP_BYTES: usize = 16 << 30;

/// How long a writer waits for the others.
const WAIT: Duration = Duration::from_secs(60);

/// One change of one document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Stores the first version.
    Insert(u32),
    /// Stores the given version in place of the one before.
    Update(u32, u32),
    /// Takes it away.
    Delete(u32),
}

/// When commits reach the disk. What each engine makes of it stands in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Sync {
    /// One sync per commit.
    Full,
    /// None per commit.
    Normal,
    /// None at all, where an engine can do that.
    Off,
}

/// How the engines are opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// When commits reach the disk.
    pub sync: Sync,
    /// Pages of log after which SQLite checkpoints: its `wal_autocheckpoint`.
    pub sqlite_log_pages: u32,
}

impl Settings {
    /// As the engines come, but for the sync.
    pub fn new(sync: Sync) -> Settings {
        Settings { sync, sqlite_log_pages: 1000 }
    }
}

/// How reads are gathered in transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// All in one.
    Together,
    /// Each in its own.
    Apart,
}

/// An open database with one table of documents. Dropping it closes it; [`Engine::close`] also tells what went wrong.
pub trait Engine: std::marker::Sync {
    /// A connection for one thread.
    fn session(&self) -> Outcome<Box<dyn Session + '_>>;

    /// Brings what is committed from logs into the main files, as far as the engine can be told to.
    fn settle(&self) -> Outcome<()> {
        Ok(())
    }

    /// Sedge's own counts.
    fn counters(&self) -> Option<Counters> {
        None
    }

    /// Closes the database.
    fn close(self: Box<Self>) -> Outcome<()>;
}

/// One thread's connection.
pub trait Session {
    /// Makes the changes in order, with a commit after each `commit_every` and after the last.
    fn write(&mut self, documents: &Documents, changes: &[Change], commit_every: usize) -> Outcome<()>;

    /// Looks the wanted documents up.
    fn read(&mut self, documents: &Documents, wanted: &[u32], reads: Reads) -> Outcome<Checksum>;

    /// Reads all documents in the order of their keys.
    fn scan(&mut self, documents: &Documents) -> Outcome<Checksum>;

    /// From each of `starts` on, reads `length` documents in the order of their keys, in one transaction.
    fn ranges(&mut self, documents: &Documents, starts: &[u32], length: usize) -> Outcome<Checksum>;
}

/// Names an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EngineKind {
    /// Sedge's storage crate.
    SedgeKv,
    /// Sedge's library, by prepared statements.
    SedgeSql,
    /// SQLite as rusqlite bundles it, by prepared and cached statements, in WAL mode.
    Sqlite,
    /// redb.
    Redb,
    /// LMDB.
    Lmdb,
    /// fjall, an LSM tree.
    Fjall,
}

impl EngineKind {
    /// The name as it is written on the command line.
    pub fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Opens a new database in an empty folder.
    pub fn open(self, folder: &Path, keys: KeyKind, settings: Settings) -> Outcome<Box<dyn Engine>> {
        let sync = settings.sync;
        Ok(match self {
            EngineKind::SedgeKv => Box::new(sedge_kv::SedgeKv::open(folder, keys, sync)?),
            EngineKind::SedgeSql => Box::new(sedge_sql::SedgeSql::open(folder, keys, sync)?),
            EngineKind::Sqlite => Box::new(sqlite::Sqlite::open(folder, keys, settings)?),
            EngineKind::Redb => Box::new(redb::Redb::open(folder, sync)?),
            EngineKind::Lmdb => Box::new(lmdb::Lmdb::open(folder, keys, sync)?),
            EngineKind::Fjall => Box::new(fjall::Fjall::open(folder, sync)?),
        })
    }
}

/// Sedge's level for a `--sync`.
fn synchronous(sync: Sync) -> sedge::Synchronous {
    match sync {
        Sync::Full => sedge::Synchronous::Full,
        Sync::Normal => sedge::Synchronous::Normal,
        Sync::Off => sedge::Synchronous::Off,
    }
}

/// The statements that both SQL engines run; their tables differ by a word.
mod sql {
    pub(super) const INSERT: &str = "INSERT INTO document VALUES (?, ?)";
    pub(super) const UPDATE: &str = "UPDATE document SET text = ? WHERE key = ?";
    pub(super) const DELETE: &str = "DELETE FROM document WHERE key = ?";
    pub(super) const SELECT: &str = "SELECT text FROM document WHERE key = ?";
    pub(super) const SCAN: &str = "SELECT key, text FROM document ORDER BY key";
    pub(super) const RANGE: &str = "SELECT key, text FROM document WHERE key >= ? ORDER BY key LIMIT ?";
    pub(super) const TABLE_BY_ID: &str = "CREATE TABLE document(key INTEGER PRIMARY KEY, text TEXT)";
}
