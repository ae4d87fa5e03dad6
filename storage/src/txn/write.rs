//! Write transactions.

use super::core::Logged;
use super::engine::Engine;
use super::private_pages::PrivatePages;
use super::{Savepoint, Snapshot};
use crate::btree::{self, TreeId, TreeKind, TreeMemory};
use crate::error::Result;
use crate::metrics::Counters;
use crate::overlay::Root;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

/// The one write transaction of a store: it works on private copies of pages, and rolls back when dropped.
///
/// It is owned and may move between threads. The open transaction counts as a snapshot of the commit it started
/// from.
pub struct WriteTransaction {
    /// Boxed, since both are large and callers move the transaction about (a kilobyte and a half, eight times in a
    /// statement that commits by itself).
    pub(super) pages: Box<PrivatePages>,
    memory: Box<TreeMemory>,
    engine: Arc<Engine>,
    /// Given back when nothing of the transaction is left.
    turn: Option<Turn>,
}

/// The writer's turn.
struct Turn(Arc<Engine>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.release_turn();
    }
}

impl WriteTransaction {
    /// A transaction over the newest root; the caller has acquired the writer's turn, which ends with it.
    pub(super) fn begin(engine: Arc<Engine>, root: Arc<Root>) -> Result<WriteTransaction> {
        let turn = Turn(Arc::clone(&engine));
        let direct = engine.direct(&root);
        let pages = Box::new(PrivatePages::new(root, direct, engine.memory())?);
        let memory = Box::new(TreeMemory::new(engine.timer.clone()));
        Ok(WriteTransaction { pages, memory, engine, turn: Some(turn) })
    }

    /// The pages, and what is remembered of the trees in them.
    pub(super) fn pages_and_memory(&mut self) -> (&mut PrivatePages, &mut TreeMemory) {
        (&mut *self.pages, &mut self.memory)
    }

    /// The commit that the transaction started from.
    pub fn base_sequence(&self) -> u64 {
        self.pages.root().sequence
    }

    /// Pages of the database, as the transaction has left it so far.
    pub fn page_count(&self) -> u32 {
        self.pages.page_count()
    }

    /// Of these, pages on the freelist.
    pub fn free_pages(&self) -> u32 {
        self.pages.free_count()
    }

    /// A stable view of what the transaction has done so far; later edits do not change it, and it may outlive
    /// the transaction. Costs time by the pages touched since the last call, and later a copy for each page
    /// edited again.
    pub fn snapshot(&mut self) -> Snapshot {
        let root = self.pages.show();
        if self.pages.direct.is_written() {
            self.engine.roots.register(&root);
        }
        Snapshot::new(root, Arc::clone(&self.engine))
    }

    /// Makes an empty tree.
    ///
    /// # Errors
    /// As all edits: [`crate::Error::Corrupt`], [`crate::Error::Full`] and I/O errors. An edit that fails may
    /// have been half done; roll back to a savepoint, or all.
    pub fn create_tree(&mut self, kind: TreeKind) -> Result<TreeId> {
        btree::create(&mut *self.pages, kind)
    }

    /// Frees all pages of a tree, its root too.
    ///
    /// # Errors
    /// As [`WriteTransaction::create_tree`].
    pub fn drop_tree(&mut self, tree: TreeId) -> Result<()> {
        btree::drop_tree(&mut *self.pages, &mut self.memory, tree)
    }

    /// Removes all records of a tree.
    ///
    /// # Errors
    /// As [`WriteTransaction::create_tree`].
    pub fn clear_tree(&mut self, tree: TreeId) -> Result<()> {
        btree::clear(&mut *self.pages, &mut self.memory, tree)
    }

    /// Hands the value of `key` to `with`; `None` where there is no such key.
    ///
    /// # Errors
    /// As [`WriteTransaction::create_tree`].
    pub fn get<R>(&self, tree: TreeId, key: &[u8], with: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        btree::get(&*self.pages, tree, key, with)
    }

    /// Hands the first key that is `key` or greater to `with`; `None` where there is none.
    ///
    /// # Errors
    /// As [`WriteTransaction::create_tree`].
    pub fn first_key_at_or_after<R>(
        &self,
        tree: TreeId,
        key: &[u8],
        with: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>> {
        btree::first_key_at_or_after(&*self.pages, tree, key, with)
    }

    /// Inserts a record; false where the key exists, and then nothing changes.
    ///
    /// # Errors
    /// As [`WriteTransaction::create_tree`].
    pub fn insert(&mut self, tree: TreeId, key: &[u8], value: &[u8]) -> Result<bool> {
        btree::insert(&mut *self.pages, &mut self.memory, tree, key, value)
    }

    /// Gives `key` another value; false where there is no such key.
    ///
    /// # Errors
    /// As [`WriteTransaction::create_tree`].
    pub fn replace(&mut self, tree: TreeId, key: &[u8], value: &[u8]) -> Result<bool> {
        btree::replace(&mut *self.pages, &mut self.memory, tree, key, value)
    }

    /// Inserts or replaces; true where the key is new.
    ///
    /// # Errors
    /// As [`WriteTransaction::create_tree`].
    pub fn put(&mut self, tree: TreeId, key: &[u8], value: &[u8]) -> Result<bool> {
        btree::put(&mut *self.pages, &mut self.memory, tree, key, value)
    }

    /// Deletes a record; false where there is no such key.
    ///
    /// # Errors
    /// As [`WriteTransaction::create_tree`].
    pub fn delete(&mut self, tree: TreeId, key: &[u8]) -> Result<bool> {
        btree::delete(&mut *self.pages, &mut self.memory, tree, key)
    }

    /// The greatest key of a table tree.
    ///
    /// # Errors
    /// As [`WriteTransaction::create_tree`].
    pub fn last_row_id(&mut self, tree: TreeId) -> Result<Option<i64>> {
        btree::last_row_id(&*self.pages, &mut self.memory, tree)
    }

    /// Fills an empty tree from records in ascending order of their keys; gives their number. `next` puts key and
    /// value into the buffers and says whether there was one more.
    ///
    /// # Errors
    /// As [`WriteTransaction::create_tree`], and those of `next`.
    pub fn bulk_load(
        &mut self,
        tree: TreeId,
        next: impl FnMut(&mut Vec<u8>, &mut Vec<u8>) -> Result<bool>,
    ) -> Result<u64> {
        btree::bulk_load(&mut *self.pages, &mut self.memory, tree, next)
    }

    /// Inserts records in ascending order of their keys into a tree that may hold others; gives the number of those
    /// whose keys are new, the others change nothing. `next` puts key and value into the buffers and says whether there
    /// was one more. Leaves are filled from left to right and left full.
    ///
    /// # Errors
    /// As [`WriteTransaction::create_tree`], [`crate::Error::Misuse`] for keys out of order, and those of `next`.
    pub fn insert_sorted(
        &mut self,
        tree: TreeId,
        next: impl FnMut(&mut Vec<u8>, &mut Vec<u8>) -> Result<bool>,
    ) -> Result<u64> {
        btree::insert_sorted(&mut *self.pages, &mut self.memory, tree, next)
    }

    /// Marks the present state to come back to. Savepoints nest.
    pub fn savepoint(&mut self) -> Savepoint {
        self.pages.savepoint()
    }

    /// Undoes all since the savepoint, which stays open; those made after it are gone.
    ///
    /// # Errors
    /// [`crate::Error::Misuse`] if the savepoint is no longer open.
    pub fn rollback_to(&mut self, savepoint: &Savepoint) -> Result<()> {
        self.pages.rollback_to(savepoint)
    }

    /// Forgets the savepoint, and those made after it; what was done since stays.
    ///
    /// # Errors
    /// [`crate::Error::Misuse`] if the savepoint is no longer open.
    pub fn release(&mut self, savepoint: Savepoint) -> Result<()> {
        self.pages.release(&savepoint)
    }

    /// Makes all edits visible, and durable as the store's `synchronous` says, at once.
    ///
    /// # Errors
    /// [`crate::Error::Full`] and I/O errors: the transaction is rolled back, the store usable.
    /// [`crate::Error::OutcomeUnknown`] if the log's sync failed: the store takes no more writes.
    pub fn commit(mut self) -> Result<()> {
        let started = Instant::now();
        let before = self.base_sequence();
        let logged = self.engine.commit(&mut self.pages)?;
        let sequence = self.base_sequence();
        if logged == Logged::CheckpointDue && !self.engine.options().background {
            self.engine.settle(sequence)?;
            self.engine.checkpoint_in_turn();
        } else {
            // The next writer need not wait for the sync, and shares it if it is quick.
            self.turn = None;
            self.engine.settle(sequence)?;
            match logged {
                Logged::Well => {}
                Logged::CheckpointDue => self.engine.checkpoint_soon(),
                Logged::TooLong => self.engine.checkpoint_and_wait(),
            }
        }
        if sequence > before {
            self.engine.record_commit(started.elapsed());
        }
        Ok(())
    }

    /// Forgets all edits, as dropping the transaction does.
    pub fn rollback(mut self) {
        self.pages.counters.rollbacks += 1;
    }

    /// What the transaction has done so far.
    pub fn counters(&self) -> Counters {
        let mut counters = self.pages.counters;
        counters.add(self.memory.counters());
        counters
    }
}

impl Drop for WriteTransaction {
    fn drop(&mut self) {
        // A tail of the base file that means nothing does no harm where it cannot be cut off.
        let _ = self.engine.take_back(&mut self.pages);
        self.engine.counters.fold(&self.counters());
        self.turn = None;
        // What was read may be a commit that no reader sees yet. If it never comes to be seen, its committer is told.
        let _ = self.engine.settle(self.base_sequence());
    }
}

impl fmt::Debug for WriteTransaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WriteTransaction(since commit {})", self.base_sequence())
    }
}
