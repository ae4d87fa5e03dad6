//! LMDB: one unnamed database, a map of the size that SQLite may map, `put` without overwriting. Ids are its own integer
//! keys, which it compares faster than bytes. The crate is lmdb-rkv, since heed opens an environment by unsafe code alone,
//! which the house forbids; both are thin layers over the same C.
//!
//! `--sync`: full is LMDB's default; normal and off are `MDB_NOSYNC`.

use super::{Change, Engine, MAP_BYTES, Reads, Session, Sync};
use crate::Outcome;
use crate::documents::{Checksum, Documents, KeyKind};
use lmdb::{
    Cursor, Database, DatabaseFlags, Environment, EnvironmentFlags, Error, RoTransaction, RwTransaction,
    Transaction, WriteFlags,
};
use std::path::Path;

pub(super) struct Lmdb {
    environment: Environment,
    database: Database,
}

impl Lmdb {
    pub(super) fn open(folder: &Path, keys: KeyKind, sync: Sync) -> Outcome<Lmdb> {
        let flags = if sync == Sync::Full { EnvironmentFlags::empty() } else { EnvironmentFlags::NO_SYNC };
        let environment = Environment::new().set_map_size(MAP_BYTES).set_flags(flags).open(folder)?;
        let database = environment.create_db(
            None,
            match keys {
                KeyKind::Id => DatabaseFlags::INTEGER_KEY,
                KeyKind::Text => DatabaseFlags::empty(),
            },
        )?;
        Ok(Lmdb { environment, database })
    }
}

impl Engine for Lmdb {
    fn session(&self) -> Outcome<Box<dyn Session + '_>> {
        Ok(Box::new(Connected { environment: &self.environment, database: self.database }))
    }

    fn close(self: Box<Self>) -> Outcome<()> {
        Ok(self.environment.sync(true)?)
    }
}

/// Hands the key of a document to `with`: the text, or the number as the processor holds it.
#[inline]
#[expect(
    clippy::disallowed_methods,
    reason = "LMDB's integer keys are in the host's order; no file of ours holds them"
)]
fn with_key<R>(documents: &Documents, document: u32, with: impl FnOnce(&[u8]) -> R) -> R {
    match documents.text_key(document) {
        Some(key) => with(key.as_bytes()),
        None => with(&u64::from(document).to_ne_bytes()),
    }
}

/// Takes in a record that a cursor came to.
#[inline]
#[expect(
    clippy::disallowed_methods,
    reason = "LMDB's integer keys are in the host's order; no file of ours holds them"
)]
fn take(key: &[u8], value: &[u8], keys: KeyKind, sum: &mut Checksum) {
    match (keys, key.first_chunk()) {
        (KeyKind::Id, Some(id)) => sum.id(u64::from_ne_bytes(*id)),
        _ => sum.key(key),
    }
    sum.value(value);
}

struct Connected<'e> {
    environment: &'e Environment,
    database: Database,
}

impl Connected<'_> {
    fn change(
        &self,
        transaction: &mut RwTransaction<'_>,
        documents: &Documents,
        change: Change,
    ) -> lmdb::Result<()> {
        match change {
            Change::Insert(document) => with_key(documents, document, |key| {
                let value = documents.value(document, 0);
                transaction.put(self.database, &key, &value, WriteFlags::NO_OVERWRITE)
            }),
            Change::Update(document, version) => with_key(documents, document, |key| {
                let value = documents.value(document, version);
                transaction.put(self.database, &key, &value, WriteFlags::empty())
            }),
            Change::Delete(document) => {
                with_key(documents, document, |key| transaction.del(self.database, &key, None))
            }
        }
    }

    fn get(&self, transaction: &RoTransaction<'_>, key: &[u8], sum: &mut Checksum) -> lmdb::Result<()> {
        match transaction.get(self.database, &key) {
            Ok(value) => sum.value(value),
            Err(Error::NotFound) => sum.missing(),
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

impl Session for Connected<'_> {
    fn write(&mut self, documents: &Documents, changes: &[Change], commit_every: usize) -> Outcome<()> {
        for batch in changes.chunks(commit_every) {
            let mut transaction = self.environment.begin_rw_txn()?;
            for change in batch {
                self.change(&mut transaction, documents, *change)?;
            }
            transaction.commit()?;
        }
        Ok(())
    }

    fn read(&mut self, documents: &Documents, wanted: &[u32], reads: Reads) -> Outcome<Checksum> {
        let mut sum = Checksum::default();
        let mut transaction = self.environment.begin_ro_txn()?;
        for document in wanted {
            with_key(documents, *document, |key| self.get(&transaction, key, &mut sum))?;
            if reads == Reads::Apart {
                // The documented way to read often: the reader's slot is kept, the snapshot is a new one.
                transaction = transaction.reset().renew()?;
            }
        }
        Ok(sum)
    }

    fn scan(&mut self, documents: &Documents) -> Outcome<Checksum> {
        let mut sum = Checksum::default();
        let transaction = self.environment.begin_ro_txn()?;
        let mut cursor = transaction.open_ro_cursor(self.database)?;
        for record in cursor.iter_start() {
            let (key, value) = record?;
            take(key, value, documents.key_kind(), &mut sum);
        }
        Ok(sum)
    }

    fn ranges(&mut self, documents: &Documents, starts: &[u32], length: usize) -> Outcome<Checksum> {
        let mut sum = Checksum::default();
        let transaction = self.environment.begin_ro_txn()?;
        let mut cursor = transaction.open_ro_cursor(self.database)?;
        for start in starts {
            for record in with_key(documents, *start, |key| cursor.iter_from(key)).take(length) {
                let (key, value) = record?;
                take(key, value, documents.key_kind(), &mut sum);
            }
        }
        Ok(sum)
    }
}
