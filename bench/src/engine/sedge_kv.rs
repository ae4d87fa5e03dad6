//! Sedge's storage crate: one tree. `--sync` is its own `synchronous`.

use super::{CACHE_BYTES, Change, Engine, Reads, Session, Sync, WAIT, synchronous};
use crate::Outcome;
use crate::documents::{Checksum, Documents, KeyKind};
use sedge_storage::{
    Counters, Cursor, LeafValue, Options, Snapshot, Store, TreeId, TreeKind, WriteTransaction, row_key,
};
use std::path::Path;

pub(super) struct SedgeKv {
    store: Store,
    tree: TreeId,
}

impl SedgeKv {
    pub(super) fn open(folder: &Path, keys: KeyKind, sync: Sync) -> Outcome<SedgeKv> {
        let options =
            Options { cache_size: CACHE_BYTES, synchronous: synchronous(sync), ..Options::default() };
        let store = Store::open(&folder.join("documents.sedge"), &options)?;
        let kind = if keys == KeyKind::Id { TreeKind::Table } else { TreeKind::Index };
        let mut transaction = store.begin_write(WAIT)?;
        let tree = transaction.create_tree(kind)?;
        transaction.commit()?;
        Ok(SedgeKv { store, tree })
    }
}

impl Engine for SedgeKv {
    fn session(&self) -> Outcome<Box<dyn Session + '_>> {
        Ok(Box::new(Connected { store: &self.store, tree: self.tree }))
    }

    fn settle(&self) -> Outcome<()> {
        Ok(self.store.checkpoint()?)
    }

    fn counters(&self) -> Option<Counters> {
        Some(self.store.metrics().counters)
    }

    fn close(self: Box<Self>) -> Outcome<()> {
        Ok(self.store.close()?)
    }
}

struct Connected<'e> {
    store: &'e Store,
    tree: TreeId,
}

/// Hands the key of a document to `with`: a row's, or the text.
#[inline]
fn with_key<R>(documents: &Documents, document: u32, with: impl FnOnce(&[u8]) -> R) -> R {
    match documents.text_key(document) {
        Some(key) => with(key.as_bytes()),
        None => with(&row_key(i64::from(document))),
    }
}

impl Connected<'_> {
    fn change(
        &self,
        transaction: &mut WriteTransaction,
        documents: &Documents,
        change: Change,
    ) -> sedge_storage::Result<bool> {
        match change {
            Change::Insert(document) => with_key(documents, document, |key| {
                transaction.insert(self.tree, key, documents.value(document, 0).as_bytes())
            }),
            Change::Update(document, version) => with_key(documents, document, |key| {
                transaction.replace(self.tree, key, documents.value(document, version).as_bytes())
            }),
            Change::Delete(document) => {
                with_key(documents, document, |key| transaction.delete(self.tree, key))
            }
        }
    }

    fn get(&self, snapshot: &Snapshot, key: &[u8], sum: &mut Checksum) -> Outcome<()> {
        if snapshot.get(self.tree, key, |value| sum.value(value))?.is_none() {
            sum.missing();
        }
        Ok(())
    }
}

impl Session for Connected<'_> {
    fn write(&mut self, documents: &Documents, changes: &[Change], commit_every: usize) -> Outcome<()> {
        for batch in changes.chunks(commit_every) {
            let mut transaction = self.store.begin_write(WAIT)?;
            for change in batch {
                if !self.change(&mut transaction, documents, *change)? {
                    return Err(format!("{change:?} found the document in the wrong state").into());
                }
            }
            transaction.commit()?;
        }
        Ok(())
    }

    fn read(&mut self, documents: &Documents, wanted: &[u32], reads: Reads) -> Outcome<Checksum> {
        let mut sum = Checksum::default();
        let shared = self.store.snapshot();
        for document in wanted {
            with_key(documents, *document, |key| match reads {
                Reads::Together => self.get(&shared, key, &mut sum),
                Reads::Apart => self.get(&self.store.snapshot(), key, &mut sum),
            })?;
        }
        Ok(sum)
    }

    fn scan(&mut self, documents: &Documents) -> Outcome<Checksum> {
        let mut sum = Checksum::default();
        let mut cursor = self.store.snapshot().cursor(self.tree);
        if cursor.seek_first()? {
            take(&mut cursor, documents.key_kind(), usize::MAX, &mut sum)?;
        }
        Ok(sum)
    }

    fn ranges(&mut self, documents: &Documents, starts: &[u32], length: usize) -> Outcome<Checksum> {
        let mut sum = Checksum::default();
        let mut cursor = self.store.snapshot().cursor(self.tree);
        for start in starts {
            if with_key(documents, *start, |key| cursor.seek(key))? {
                take(&mut cursor, documents.key_kind(), length, &mut sum)?;
            }
        }
        Ok(sum)
    }
}

/// Reads `wanted` records from the cursor on, a leaf at a time.
fn take(cursor: &mut Cursor<Snapshot>, keys: KeyKind, mut wanted: usize, sum: &mut Checksum) -> Outcome<()> {
    loop {
        let mut long = None;
        let Some(leaf) = cursor.leaf() else { return Ok(()) };
        let slots = leaf.slot()..leaf.len().min(leaf.slot().saturating_add(wanted));
        for slot in slots.clone() {
            let LeafValue::Local { bytes, .. } = leaf.value(slot) else {
                long = Some(slot);
                break;
            };
            match keys {
                KeyKind::Id => sum.id(leaf.row_id(slot) as u64),
                KeyKind::Text => sum.key(&joined(leaf.prefix(), leaf.key_rest(slot))),
            }
            sum.value(bytes);
        }
        let done = long.unwrap_or(slots.end) - slots.start;
        wanted -= done;
        if let Some(slot) = long {
            // A value in an overflow run is read by itself.
            cursor.set_slot(slot);
            match keys {
                KeyKind::Id => sum.id(cursor.row_id() as u64),
                KeyKind::Text => sum.key(cursor.key()?),
            }
            sum.value(cursor.value()?);
            wanted -= 1;
            if wanted == 0 || !cursor.next()? {
                return Ok(());
            }
        } else if wanted == 0 || !cursor.next_leaf()? {
            return Ok(());
        }
    }
}

/// The first eight bytes of a key that is handed out in two parts.
#[inline]
fn joined(prefix: &[u8], rest: &[u8]) -> [u8; 8] {
    let mut key = [0; 8];
    let (start, end) = key.split_at_mut(prefix.len().min(8));
    start.copy_from_slice(&prefix[..start.len()]); // as long at least
    let length = end.len().min(rest.len());
    end[..length].copy_from_slice(&rest[..length]); // as long at least, both
    key
}
