//! Sedge through its library: statements prepared once a connection. `--sync` is its own `synchronous`.
//!
//! A transaction of one change is the statement alone, which commits by itself.

use super::{CACHE_BYTES, Change, Engine, Reads, Session, Sync, WAIT, sql, synchronous};
use crate::Outcome;
use crate::documents::{Checksum, Documents, KeyKind};
use sedge::{Connection, Counters, Database, Options, Params, Statement, ValueRef};
use std::path::Path;

/// Rows are found by an index of their text keys: Sedge has no table without row ids yet.
const TABLE_BY_TEXT: &str = "CREATE TABLE document(key TEXT PRIMARY KEY, text TEXT)";

pub(super) struct SedgeSql {
    database: Database,
}

impl SedgeSql {
    pub(super) fn open(folder: &Path, keys: KeyKind, sync: Sync) -> Outcome<SedgeSql> {
        let options =
            Options::new().cache_size(CACHE_BYTES).synchronous(synchronous(sync)).busy_timeout(WAIT);
        let database = options.open(folder.join("documents.sedge"))?;
        let table = if keys == KeyKind::Id { sql::TABLE_BY_ID } else { TABLE_BY_TEXT };
        database.connect()?.execute(table, ())?;
        Ok(SedgeSql { database })
    }
}

impl Engine for SedgeSql {
    fn session(&self) -> Outcome<Box<dyn Session + '_>> {
        Ok(Box::new(Connected::new(self.database.connect()?)?))
    }

    fn settle(&self) -> Outcome<()> {
        Ok(self.database.checkpoint()?)
    }

    fn counters(&self) -> Option<Counters> {
        Some(self.database.metrics().counters)
    }

    fn close(self: Box<Self>) -> Outcome<()> {
        Ok(self.database.close()?)
    }
}

struct Connected {
    begin_write: Statement,
    begin_read: Statement,
    commit: Statement,
    insert: Statement,
    update: Statement,
    delete: Statement,
    select: Statement,
    scan: Statement,
    range: Statement,
}

impl Connected {
    fn new(connection: Connection) -> Outcome<Connected> {
        Ok(Connected {
            begin_write: connection.prepare("BEGIN IMMEDIATE")?,
            begin_read: connection.prepare("BEGIN")?,
            commit: connection.prepare("COMMIT")?,
            insert: connection.prepare(sql::INSERT)?,
            update: connection.prepare(sql::UPDATE)?,
            delete: connection.prepare(sql::DELETE)?,
            select: connection.prepare(sql::SELECT)?,
            scan: connection.prepare(sql::SCAN)?,
            range: connection.prepare(sql::RANGE)?,
        })
    }

    fn change(&mut self, documents: &Documents, change: Change) -> sedge::Result<usize> {
        let (document, version) = match change {
            Change::Insert(document) => (document, 0),
            Change::Update(document, version) => (document, version),
            Change::Delete(document) => (document, 0),
        };
        let value = documents.value(document, version);
        match (change, documents.text_key(document)) {
            (Change::Insert(_), Some(key)) => self.insert.execute((key, value)),
            (Change::Insert(_), None) => self.insert.execute((document, value)),
            (Change::Update(..), Some(key)) => self.update.execute((value, key)),
            (Change::Update(..), None) => self.update.execute((value, document)),
            (Change::Delete(_), Some(key)) => self.delete.execute([key]),
            (Change::Delete(_), None) => self.delete.execute([document]),
        }
    }
}

fn take(statement: &mut Statement, params: impl Params, sum: &mut Checksum) -> Outcome<()> {
    let mut rows = statement.query(params)?;
    while let Some(row) = rows.next()? {
        match row.get_ref(0)? {
            ValueRef::Integer(id) => sum.id(id as u64),
            ValueRef::Text(key) => sum.key(key),
            other => return Err(format!("{other:?} is no key").into()),
        }
        take_text(row.get_ref(1)?, sum)?;
    }
    Ok(())
}

fn take_text(value: ValueRef<'_>, sum: &mut Checksum) -> Outcome<()> {
    let ValueRef::Text(text) = value else { return Err(format!("{value:?} is no text").into()) };
    sum.value(text);
    Ok(())
}

impl Session for Connected {
    fn write(&mut self, documents: &Documents, changes: &[Change], commit_every: usize) -> Outcome<()> {
        for batch in changes.chunks(commit_every) {
            if commit_every > 1 {
                self.begin_write.execute(())?;
            }
            for change in batch {
                if self.change(documents, *change)? != 1 {
                    return Err(format!("{change:?} found the document in the wrong state").into());
                }
            }
            if commit_every > 1 {
                self.commit.execute(())?;
            }
        }
        Ok(())
    }

    fn read(&mut self, documents: &Documents, wanted: &[u32], reads: Reads) -> Outcome<Checksum> {
        let mut sum = Checksum::default();
        if reads == Reads::Together {
            self.begin_read.execute(())?;
        }
        for document in wanted {
            let mut rows = match documents.text_key(*document) {
                Some(key) => self.select.query([key])?,
                None => self.select.query([*document])?,
            };
            match rows.next()? {
                Some(row) => take_text(row.get_ref(0)?, &mut sum)?,
                None => sum.missing(),
            }
        }
        if reads == Reads::Together {
            self.commit.execute(())?;
        }
        Ok(sum)
    }

    fn scan(&mut self, _: &Documents) -> Outcome<Checksum> {
        let mut sum = Checksum::default();
        take(&mut self.scan, (), &mut sum)?;
        Ok(sum)
    }

    fn ranges(&mut self, documents: &Documents, starts: &[u32], length: usize) -> Outcome<Checksum> {
        let mut sum = Checksum::default();
        self.begin_read.execute(())?;
        for start in starts {
            match documents.text_key(*start) {
                Some(key) => take(&mut self.range, (key, length as i64), &mut sum)?,
                None => take(&mut self.range, (*start, length as i64), &mut sum)?,
            }
        }
        self.commit.execute(())?;
        Ok(sum)
    }
}
