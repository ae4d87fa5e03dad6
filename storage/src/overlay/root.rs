//! A root: everything a reader needs to see the database as of one commit.

use super::{Base, Overlay, PageVersion};
use crate::disk::{BasePage, FileRole, MappedPage};
use crate::error::{Error, Result};
use crate::page::{PageBytes, PageId, PageLook, Sequence};
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The database as of one commit, or as a write transaction has left it so far.
///
/// As long as a root lives, the checkpointer overwrites no page that it resolves to the base file.
pub(crate) struct Root {
    /// The last commit it shows.
    pub(crate) sequence: Sequence,
    /// Pages of the file.
    pub(crate) page_count: u32,
    pub(crate) overlay: Overlay,
    pub(crate) base: Arc<Base>,
    /// The root that this one was made from.
    pub(crate) parent: Option<Parent>,
}

/// What a root that is not a commit's has behind it.
pub(crate) enum Parent {
    /// The committed root that an uncommitted one was made from: it keeps the base pages in place.
    Committed { _root: Arc<Root> },
    /// The root whose pages this one shows, and where each that is read is counted.
    Counted { root: Arc<Root>, visits: Arc<AtomicU64> },
}

impl Root {
    /// A root of the same commit that shows no page and keeps none.
    pub(crate) fn only_named(&self) -> Root {
        let (overlay, base) = (Overlay::default(), Arc::clone(&self.base));
        Root { sequence: self.sequence, page_count: 0, overlay, base, parent: None }
    }

    /// A root that shows the same and counts the pages read. It has no page of its own, so that each goes the way of
    /// those beyond the page count, and reading through other roots costs nothing more.
    pub(crate) fn counting(self: &Arc<Root>, visits: Arc<AtomicU64>) -> Root {
        Root {
            sequence: self.sequence,
            page_count: 0,
            overlay: Overlay::default(),
            base: Arc::clone(&self.base),
            parent: Some(Parent::Counted { root: Arc::clone(self), visits }),
        }
    }

    /// The root whose pages this one shows.
    pub(crate) fn shown(&self) -> &Root {
        match &self.parent {
            Some(Parent::Counted { root, .. }) => root,
            _ => self,
        }
    }

    /// The pages that can be read at most: a forged page count states what it likes. Asks the disk for the file's length.
    pub(crate) fn pages_max(&self) -> u64 {
        let at_rest = self.base.disk.length(FileRole::Base).unwrap_or(u64::MAX) / self.base.page_size as u64;
        at_rest.saturating_add(self.overlay.pages()).min(u64::from(self.page_count))
    }

    /// The page `id` as of this root.
    #[inline]
    pub(crate) fn page(self: &Arc<Root>, id: PageId) -> Result<PageRef> {
        if let Some(page) = self.overlay.get(id) {
            return page.read().map(PageRef::owned);
        }
        if id.0 >= self.page_count {
            return self.counted_page(id);
        }
        Ok(match self.base.page(id, self)? {
            BasePage::Mapped(page) => PageRef { bytes: Bytes::Mapped(page, Arc::clone(self)) },
            BasePage::Owned(bytes) => PageRef::owned(bytes),
        })
    }

    /// The page `id` as of this root, for as long as the root is borrowed.
    #[inline]
    pub(crate) fn look(&self, id: PageId) -> Result<PageLook<'_, PageRef>> {
        if let Some(page) = self.overlay.get(id) {
            return match page {
                PageVersion::Memory(bytes) => Ok(PageLook::Borrowed(bytes)),
                PageVersion::Temporary(page) => page.read().map(PageRef::owned).map(PageLook::Held),
            };
        }
        if id.0 >= self.page_count {
            return self.counted_look(id);
        }
        if let Some(bytes) = self.base.verified_page(id, self) {
            return Ok(PageLook::Borrowed(bytes));
        }
        self.first_look(id)
    }

    /// The way of pages that were not verified yet or are not mapped.
    fn first_look(&self, id: PageId) -> Result<PageLook<'_, PageRef>> {
        Ok(match self.base.page(id, self)? {
            BasePage::Mapped(page) => PageLook::Borrowed(page.bytes(self)),
            BasePage::Owned(bytes) => PageLook::Held(PageRef::owned(bytes)),
        })
    }

    #[cold]
    #[inline(never)]
    fn counted_page(&self, id: PageId) -> Result<PageRef> {
        self.counted(id)?.page(id)
    }

    #[cold]
    #[inline(never)]
    fn counted_look(&self, id: PageId) -> Result<PageLook<'_, PageRef>> {
        self.counted(id)?.look(id)
    }

    /// The root that has the page `id`, which this one has not.
    fn counted(&self, id: PageId) -> Result<&Arc<Root>> {
        match &self.parent {
            Some(Parent::Counted { root, visits }) => {
                visits.fetch_add(1, Ordering::Relaxed);
                Ok(root)
            }
            _ => {
                let detail = format!("a link leads there, but the file has {} pages", self.page_count);
                Err(Error::corrupt(id, detail))
            }
        }
    }
}

/// A page of a snapshot: it keeps its bytes alive and unchanged. A clone is one reference count.
#[derive(Clone)]
pub struct PageRef {
    bytes: Bytes,
}

#[derive(Clone)]
enum Bytes {
    Mapped(MappedPage, Arc<Root>),
    Owned(PageBytes),
}

impl PageRef {
    /// A handle on bytes in memory.
    pub(crate) fn owned(bytes: PageBytes) -> PageRef {
        PageRef { bytes: Bytes::Owned(bytes) }
    }
}

impl Deref for PageRef {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Mapped(page, root) => page.bytes(root),
            Bytes::Owned(bytes) => bytes,
        }
    }
}

impl fmt::Debug for PageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PageRef({} bytes)", self.len())
    }
}
