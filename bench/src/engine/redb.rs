//! redb: one table whose keys have a fixed width, which it stores and compares faster than slices.
//!
//! `--sync`: full is `Durability::Immediate`; normal and off are `Durability::None`, with one durable commit at the end,
//! without which nothing would be in the file.

use super::{CACHE_BYTES, Change, Engine, Reads, Session, Sync};
use crate::Outcome;
use crate::documents::{Checksum, Documents, KeyKind, TEXT_KEY_BYTES};
use redb::{Database, Durability, ReadableDatabase, ReadableTable, TableDefinition};
use std::path::Path;

/// The table of documents whose keys have `N` bytes.
const fn table<const N: usize>() -> TableDefinition<'static, &'static [u8; N], &'static [u8]> {
    TableDefinition::new("document")
}

pub(super) struct Redb {
    database: Database,
    durability: Durability,
}

impl Redb {
    pub(super) fn open(folder: &Path, sync: Sync) -> Outcome<Redb> {
        let database =
            Database::builder().set_cache_size(CACHE_BYTES).create(folder.join("documents.redb"))?;
        let durability = if sync == Sync::Full { Durability::Immediate } else { Durability::None };
        Ok(Redb { database, durability })
    }
}

impl Engine for Redb {
    fn session(&self) -> Outcome<Box<dyn Session + '_>> {
        Ok(Box::new(Connected { database: &self.database, durability: self.durability }))
    }

    fn settle(&self) -> Outcome<()> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        Ok(transaction.commit()?)
    }

    fn close(self: Box<Self>) -> Outcome<()> {
        self.settle()
    }
}

struct Connected<'e> {
    database: &'e Database,
    durability: Durability,
}

/// The key of a document as an array of `N` bytes, which it has.
#[inline]
fn key<const N: usize>(documents: &Documents, document: u32) -> [u8; N] {
    documents.with_key(document, |bytes| bytes.first_chunk().copied().unwrap_or([0; N]))
}

impl Connected<'_> {
    fn write_keys<const N: usize>(
        &self,
        documents: &Documents,
        changes: &[Change],
        commit_every: usize,
    ) -> Outcome<()> {
        for batch in changes.chunks(commit_every) {
            let mut transaction = self.database.begin_write()?;
            transaction.set_durability(self.durability)?;
            let mut table = transaction.open_table(table::<N>())?;
            for change in batch {
                let existed = match *change {
                    Change::Insert(document) | Change::Update(document, _) => {
                        let version = if let Change::Update(_, version) = *change { version } else { 0 };
                        let value = documents.value(document, version).as_bytes();
                        table.insert(&key::<N>(documents, document), value)?.is_some()
                    }
                    Change::Delete(document) => table.remove(&key::<N>(documents, document))?.is_some(),
                };
                if existed == matches!(change, Change::Insert(_)) {
                    return Err(format!("{change:?} found the document in the wrong state").into());
                }
            }
            drop(table);
            transaction.commit()?;
        }
        Ok(())
    }

    fn read_keys<const N: usize>(
        &self,
        documents: &Documents,
        wanted: &[u32],
        reads: Reads,
    ) -> Outcome<Checksum> {
        let mut sum = Checksum::default();
        let shared = self.database.begin_read()?.open_table(table::<N>())?;
        for document in wanted {
            let key = key::<N>(documents, *document);
            let value = match reads {
                Reads::Together => shared.get(&key)?,
                Reads::Apart => {
                    let table = self.database.begin_read()?.open_table(table::<N>())?;
                    table.get(&key)?
                }
            };
            match value {
                Some(value) => sum.value(value.value()),
                None => sum.missing(),
            }
        }
        Ok(sum)
    }

    fn scan_keys<const N: usize>(&self) -> Outcome<Checksum> {
        let mut sum = Checksum::default();
        for record in self.database.begin_read()?.open_table(table::<N>())?.iter()? {
            let (key, value) = record?;
            sum.key(key.value());
            sum.value(value.value());
        }
        Ok(sum)
    }

    fn range_keys<const N: usize>(
        &self,
        documents: &Documents,
        starts: &[u32],
        length: usize,
    ) -> Outcome<Checksum> {
        let mut sum = Checksum::default();
        let table = self.database.begin_read()?.open_table(table::<N>())?;
        for start in starts {
            for record in table.range::<&[u8; N]>(&key(documents, *start)..)?.take(length) {
                let (key, value) = record?;
                sum.key(key.value());
                sum.value(value.value());
            }
        }
        Ok(sum)
    }
}

impl Session for Connected<'_> {
    fn write(&mut self, documents: &Documents, changes: &[Change], commit_every: usize) -> Outcome<()> {
        match documents.key_kind() {
            KeyKind::Id => self.write_keys::<8>(documents, changes, commit_every),
            KeyKind::Text => self.write_keys::<TEXT_KEY_BYTES>(documents, changes, commit_every),
        }
    }

    fn read(&mut self, documents: &Documents, wanted: &[u32], reads: Reads) -> Outcome<Checksum> {
        match documents.key_kind() {
            KeyKind::Id => self.read_keys::<8>(documents, wanted, reads),
            KeyKind::Text => self.read_keys::<TEXT_KEY_BYTES>(documents, wanted, reads),
        }
    }

    fn scan(&mut self, documents: &Documents) -> Outcome<Checksum> {
        match documents.key_kind() {
            KeyKind::Id => self.scan_keys::<8>(),
            KeyKind::Text => self.scan_keys::<TEXT_KEY_BYTES>(),
        }
    }

    fn ranges(&mut self, documents: &Documents, starts: &[u32], length: usize) -> Outcome<Checksum> {
        match documents.key_kind() {
            KeyKind::Id => self.range_keys::<8>(documents, starts, length),
            KeyKind::Text => self.range_keys::<TEXT_KEY_BYTES>(documents, starts, length),
        }
    }
}
