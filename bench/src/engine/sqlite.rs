//! SQLite: prepared and cached statements, WAL, and the memory and mapping that Sedge has.
//!
//! `--sync`: `synchronous` FULL, NORMAL or OFF. A transaction of one change is the statement alone. Text keys stand in a
//! table WITHOUT ROWID, its best for them.

use super::{CACHE_BYTES, Change, Engine, MAP_BYTES, Reads, Session, Settings, Sync, WAIT, sql};
use crate::Outcome;
use crate::documents::{Checksum, Documents, KeyKind};
use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Connection, Params};
use std::path::{Path, PathBuf};

const TABLE_BY_TEXT: &str = "CREATE TABLE document(key TEXT PRIMARY KEY, text TEXT) WITHOUT ROWID";

pub(super) struct Sqlite {
    path: PathBuf,
    settings: Settings,
    /// Keeps the log until the end: the last connection that closes removes it.
    connection: std::sync::Mutex<Connection>,
}

fn connect(path: &Path, settings: Settings) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    let level = match settings.sync {
        Sync::Full => "FULL",
        Sync::Normal => "NORMAL",
        Sync::Off => "OFF",
    };
    connection.execute_batch(&format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = {level}; PRAGMA cache_size = -{}; PRAGMA mmap_size = {MAP_BYTES}; \
         PRAGMA wal_autocheckpoint = {};",
        CACHE_BYTES >> 10,
        settings.sqlite_log_pages,
    ))?;
    connection.busy_timeout(WAIT)?;
    Ok(connection)
}

impl Sqlite {
    pub(super) fn open(folder: &Path, keys: KeyKind, settings: Settings) -> Outcome<Sqlite> {
        let path = folder.join("documents.sqlite");
        let connection = connect(&path, settings)?;
        connection.execute_batch(if keys == KeyKind::Id { sql::TABLE_BY_ID } else { TABLE_BY_TEXT })?;
        Ok(Sqlite { path, settings, connection: connection.into() })
    }
}

impl Engine for Sqlite {
    fn session(&self) -> Outcome<Box<dyn Session + '_>> {
        Ok(Box::new(Connected { connection: connect(&self.path, self.settings)? }))
    }

    fn settle(&self) -> Outcome<()> {
        let connection = self.connection.lock().map_err(|_| "another thread failed")?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))?;
        Ok(())
    }

    fn close(self: Box<Self>) -> Outcome<()> {
        let connection = self.connection.into_inner().map_err(|_| "another thread failed")?;
        connection.close().map_err(|(_, error)| error)?;
        Ok(())
    }
}

struct Connected {
    connection: Connection,
}

impl Connected {
    fn run(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute(()).map(drop)
    }
}

fn take(statement: &mut CachedStatement<'_>, params: impl Params, sum: &mut Checksum) -> Outcome<()> {
    let mut rows = statement.query(params)?;
    while let Some(row) = rows.next()? {
        match row.get_ref(0)? {
            ValueRef::Integer(id) => sum.id(id as u64),
            key => sum.key(key.as_bytes()?),
        }
        sum.value(row.get_ref(1)?.as_bytes()?);
    }
    Ok(())
}

impl Session for Connected {
    fn write(&mut self, documents: &Documents, changes: &[Change], commit_every: usize) -> Outcome<()> {
        let mut insert = self.connection.prepare_cached(sql::INSERT)?;
        let mut update = self.connection.prepare_cached(sql::UPDATE)?;
        let mut delete = self.connection.prepare_cached(sql::DELETE)?;
        let mut apply = |change: Change| {
            let (document, version) = match change {
                Change::Insert(document) => (document, 0),
                Change::Update(document, version) => (document, version),
                Change::Delete(document) => (document, 0),
            };
            let value = documents.value(document, version);
            match (change, documents.text_key(document)) {
                (Change::Insert(_), Some(key)) => insert.execute((key, value)),
                (Change::Insert(_), None) => insert.execute((document, value)),
                (Change::Update(..), Some(key)) => update.execute((value, key)),
                (Change::Update(..), None) => update.execute((value, document)),
                (Change::Delete(_), Some(key)) => delete.execute([key]),
                (Change::Delete(_), None) => delete.execute([document]),
            }
        };
        for batch in changes.chunks(commit_every) {
            if commit_every > 1 {
                self.run("BEGIN IMMEDIATE")?;
            }
            for change in batch {
                if apply(*change)? != 1 {
                    return Err(format!("{change:?} found the document in the wrong state").into());
                }
            }
            if commit_every > 1 {
                self.run("COMMIT")?;
            }
        }
        Ok(())
    }

    fn read(&mut self, documents: &Documents, wanted: &[u32], reads: Reads) -> Outcome<Checksum> {
        let mut sum = Checksum::default();
        let mut select = self.connection.prepare_cached(sql::SELECT)?;
        if reads == Reads::Together {
            self.run("BEGIN")?;
        }
        for document in wanted {
            let mut rows = match documents.text_key(*document) {
                Some(key) => select.query([key])?,
                None => select.query([*document])?,
            };
            match rows.next()? {
                Some(row) => sum.value(row.get_ref(0)?.as_bytes()?),
                None => sum.missing(),
            }
        }
        if reads == Reads::Together {
            self.run("COMMIT")?;
        }
        Ok(sum)
    }

    fn scan(&mut self, _: &Documents) -> Outcome<Checksum> {
        let mut sum = Checksum::default();
        take(&mut self.connection.prepare_cached(sql::SCAN)?, (), &mut sum)?;
        Ok(sum)
    }

    fn ranges(&mut self, documents: &Documents, starts: &[u32], length: usize) -> Outcome<Checksum> {
        let mut sum = Checksum::default();
        let mut range = self.connection.prepare_cached(sql::RANGE)?;
        self.run("BEGIN")?;
        for start in starts {
            match documents.text_key(*start) {
                Some(key) => take(&mut range, (key, length as i64), &mut sum)?,
                None => take(&mut range, (*start, length as i64), &mut sum)?,
            }
        }
        self.run("COMMIT")?;
        Ok(sum)
    }
}
