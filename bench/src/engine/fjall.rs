//! fjall: one keyspace, a batch a commit. It stores changes without looking whether the document is there.
//!
//! `--sync`: full is `PersistMode::SyncData` at each commit; normal and off are `PersistMode::Buffer`. Its threads flush
//! and compact on: what they do until the clock stops is in the CPU time.

use super::{CACHE_BYTES, Change, Engine, Reads, Session, Sync};
use crate::Outcome;
use crate::documents::{Checksum, Documents};
use fjall::{Database, Guard, Keyspace, KeyspaceCreateOptions, PersistMode, Readable};
use std::path::Path;

pub(super) struct Fjall {
    database: Database,
    keyspace: Keyspace,
    mode: PersistMode,
}

impl Fjall {
    pub(super) fn open(folder: &Path, sync: Sync) -> Outcome<Fjall> {
        let database = Database::builder(folder).cache_size(CACHE_BYTES as u64).open()?;
        let keyspace = database.keyspace("document", KeyspaceCreateOptions::default)?;
        let mode = if sync == Sync::Full { PersistMode::SyncData } else { PersistMode::Buffer };
        Ok(Fjall { database, keyspace, mode })
    }
}

impl Engine for Fjall {
    fn session(&self) -> Outcome<Box<dyn Session + '_>> {
        Ok(Box::new(Connected { engine: self }))
    }

    fn settle(&self) -> Outcome<()> {
        Ok(self.keyspace.rotate_memtable_and_wait()?)
    }

    fn close(self: Box<Self>) -> Outcome<()> {
        Ok(self.database.persist(PersistMode::SyncAll)?)
    }
}

struct Connected<'e> {
    engine: &'e Fjall,
}

fn take(records: impl Iterator<Item = Guard>, sum: &mut Checksum) -> Outcome<()> {
    for record in records {
        let (key, value) = record.into_inner()?;
        sum.key(&key);
        sum.value(&value);
    }
    Ok(())
}

impl Session for Connected<'_> {
    fn write(&mut self, documents: &Documents, changes: &[Change], commit_every: usize) -> Outcome<()> {
        let Fjall { database, keyspace, mode } = self.engine;
        for changes in changes.chunks(commit_every) {
            let mut batch = database.batch().durability(Some(*mode));
            for change in changes {
                match *change {
                    Change::Insert(document) => {
                        let value = documents.value(document, 0);
                        documents.with_key(document, |key| batch.insert(keyspace, key, value));
                    }
                    Change::Update(document, version) => {
                        let value = documents.value(document, version);
                        documents.with_key(document, |key| batch.insert(keyspace, key, value));
                    }
                    Change::Delete(document) => {
                        documents.with_key(document, |key| batch.remove(keyspace, key));
                    }
                }
            }
            batch.commit()?;
        }
        Ok(())
    }

    fn read(&mut self, documents: &Documents, wanted: &[u32], reads: Reads) -> Outcome<Checksum> {
        let Fjall { database, keyspace, .. } = self.engine;
        let mut sum = Checksum::default();
        let shared = database.snapshot();
        for document in wanted {
            let value = documents.with_key(*document, |key| match reads {
                Reads::Together => shared.get(keyspace, key),
                Reads::Apart => keyspace.get(key),
            })?;
            match value {
                Some(value) => sum.value(&value),
                None => sum.missing(),
            }
        }
        Ok(sum)
    }

    fn scan(&mut self, _: &Documents) -> Outcome<Checksum> {
        let mut sum = Checksum::default();
        take(self.engine.database.snapshot().iter(&self.engine.keyspace), &mut sum)?;
        Ok(sum)
    }

    fn ranges(&mut self, documents: &Documents, starts: &[u32], length: usize) -> Outcome<Checksum> {
        let Fjall { database, keyspace, .. } = self.engine;
        let mut sum = Checksum::default();
        let snapshot = database.snapshot();
        for start in starts {
            let range = documents.with_key(*start, |key| snapshot.range(keyspace, key..));
            take(range.take(length), &mut sum)?;
        }
        Ok(sum)
    }
}
