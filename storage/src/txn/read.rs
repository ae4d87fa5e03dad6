//! Read snapshots.

use super::Engine;
use crate::btree::{self, Cursor, TreeId, TreeStat};
use crate::disk;
use crate::error::Result;
use crate::overlay::{PageRef, Root};
use crate::page::file_header::FileState;
use crate::page::{PageId, PageLook, ReadPages};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// A stable view of the database as of one commit, or of a write transaction as it was at one moment.
///
/// It costs two reference counts, takes no lock and blocks nobody, except that the log cannot be reused while it
/// lives. A snapshot keeps its store open.
#[derive(Clone)]
pub struct Snapshot {
    root: Arc<Root>,
    engine: Arc<Engine>,
}

impl Snapshot {
    pub(crate) fn new(root: Arc<Root>, engine: Arc<Engine>) -> Snapshot {
        Snapshot { root, engine }
    }

    /// The last commit it shows.
    pub fn sequence(&self) -> u64 {
        self.root.sequence
    }

    /// Pages of the database.
    pub fn page_count(&self) -> u32 {
        self.root.shown().page_count
    }

    /// Of these, pages on the freelist.
    ///
    /// # Errors
    /// As [`Snapshot::get`].
    pub fn free_pages(&self) -> Result<u32> {
        Ok(FileState::read(&self.page(PageId(0))?)?.free_count)
    }

    /// Hands the value of `key` to `with`; `None` where there is no such key.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] and I/O errors.
    pub fn get<R>(&self, tree: TreeId, key: &[u8], with: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        btree::get(self, tree, key, with)
    }

    /// Hands the first key that is `key` or greater to `with`; `None` where there is none.
    ///
    /// # Errors
    /// As [`Snapshot::get`].
    pub fn first_key_at_or_after<R>(
        &self,
        tree: TreeId,
        key: &[u8],
        with: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>> {
        btree::first_key_at_or_after(self, tree, key, with)
    }

    /// A cursor over a tree that stands nowhere yet.
    pub fn cursor(&self, tree: TreeId) -> Cursor<Snapshot> {
        Cursor::new(self.clone(), tree)
    }

    /// How a tree fills its pages; reads all of them.
    ///
    /// # Errors
    /// As [`Snapshot::get`].
    pub fn stat(&self, tree: TreeId) -> Result<TreeStat> {
        btree::stat(self, tree, self.page_count())
    }

    /// The same view; `visits` counts each page that is read through it.
    #[must_use]
    pub fn counting(self, visits: Arc<AtomicU64>) -> Snapshot {
        Snapshot { root: Arc::new(self.root.counting(visits)), engine: self.engine }
    }

    /// True if `other` is a snapshot of the same store.
    pub fn is_of_the_same_store(&self, other: &Snapshot) -> bool {
        Arc::ptr_eq(&self.engine, &other.engine)
    }

    pub(crate) fn root(&self) -> &Arc<Root> {
        &self.root
    }
}

impl ReadPages for Snapshot {
    type Page = PageRef;

    #[inline]
    fn page(&self, id: PageId) -> Result<PageRef> {
        self.root.page(id)
    }

    #[inline]
    fn look(&self, id: PageId) -> Result<PageLook<'_, PageRef>> {
        self.root.look(id)
    }

    fn page_size(&self) -> usize {
        self.root.base.page_size
    }

    fn pages_max(&self) -> u64 {
        self.root.shown().pages_max()
    }

    #[inline(always)]
    fn prefetch(page: &[u8], offset: usize) {
        disk::prefetch(page, offset);
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Snapshot(as of commit {}, {} pages)", self.sequence(), self.page_count())
    }
}
