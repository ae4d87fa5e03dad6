//! Private copies of pages that a write transaction edits, and the two traits through which trees see pages.

use super::{EditList, PageBytes, PageId, PageKind, Sequence};
use crate::btree::LeafAllocatorSnapshot;
use crate::error::Result;
use std::ops::Deref;

/// Where trees read pages: a snapshot, or the newest state inside a write transaction.
pub trait ReadPages {
    /// A handle that keeps the page's bytes alive and unchanged; cloning it is one reference count.
    type Page: Deref<Target = [u8]> + Clone;

    /// The page `id`, whose checksum was verified when it was first touched. The bytes exclude nothing:
    /// header and checksum are there.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] where the page is damaged or beyond the page count, and I/O errors.
    fn page(&self, id: PageId) -> Result<Self::Page>;

    /// The page `id` for a short look: where it can be borrowed no reference is counted.
    ///
    /// # Errors
    /// As [`ReadPages::page`].
    #[inline]
    fn look(&self, id: PageId) -> Result<PageLook<'_, Self::Page>> {
        self.page(id).map(PageLook::Held)
    }

    /// Bytes of a page.
    fn page_size(&self) -> usize;

    /// No more pages than this can be read, whatever the file states of itself: a walk that comes to more goes in
    /// circles.
    fn pages_max(&self) -> u64;

    /// Asks for the cache line at `offset` of `page`, which will be read soon, without waiting for it.
    #[inline]
    fn prefetch(page: &[u8], offset: usize) {
        let _ = (page, offset);
    }
}

/// A page that is looked at for as long as its source is borrowed.
#[derive(Debug)]
pub enum PageLook<'a, P> {
    /// The source keeps the bytes.
    Borrowed(&'a [u8]),
    /// The look keeps them itself.
    Held(P),
}

impl<P: Deref<Target = [u8]>> Deref for PageLook<'_, P> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            PageLook::Borrowed(bytes) => bytes,
            PageLook::Held(page) => page,
        }
    }
}

impl<P: ReadPages> ReadPages for &P {
    type Page = P::Page;

    fn page(&self, id: PageId) -> Result<Self::Page> {
        (**self).page(id)
    }

    #[inline]
    fn look(&self, id: PageId) -> Result<PageLook<'_, Self::Page>> {
        (**self).look(id)
    }

    fn page_size(&self) -> usize {
        (**self).page_size()
    }

    fn pages_max(&self) -> u64 {
        (**self).pages_max()
    }
}

/// Where trees edit pages: a write transaction.
pub(crate) trait WritePages: ReadPages {
    /// The transaction's private copy of page `id`, made now if there is none.
    fn edit(&mut self, id: PageId) -> Result<&mut PageCopy>;

    /// The copy of page `id` if it is the one that was edited last and nothing has to be noticed of this edit.
    fn edit_again(&mut self, id: PageId) -> Option<&mut PageCopy>;

    /// Several copies at once; the ids differ.
    fn edit_many<const N: usize>(&mut self, ids: [PageId; N]) -> Result<[&mut PageCopy; N]>;

    /// A new zeroed page of `kind`, its copy already made (kind and level stand in its header).
    fn allocate(&mut self, kind: PageKind, level: u8) -> Result<PageId>;

    /// Gives page `id` back. It may be handed out again at once.
    fn free(&mut self, id: PageId) -> Result<()>;

    /// Raised by every rollback to a savepoint: what was remembered under another epoch is void.
    fn epoch(&self) -> u64;
}

/// A write transaction's copy of one page.
///
/// The bytes are shared with every handle given out before, so an edit first copies what somebody holds.
#[derive(Debug)]
pub(crate) struct PageCopy {
    bytes: PageBytes,
    /// What changed since the page's last committed state.
    pub(crate) edits: EditList,
    /// The allocator state that the last edit of this leaf left behind.
    pub(crate) leaf: Option<LeafAllocatorSnapshot>,
    /// Sequence of the committed state this copy started from (0 for a fresh page).
    pub(crate) base_sequence: Sequence,
    /// True if the page was allocated by this transaction: it is logged whole.
    pub(crate) fresh: bool,
}

impl PageCopy {
    /// A copy that starts as `bytes`.
    pub(crate) fn new(bytes: PageBytes, base_sequence: Sequence, fresh: bool) -> PageCopy {
        let edits = if fresh { EditList::whole() } else { EditList::default() };
        PageCopy { bytes, edits, leaf: None, base_sequence, fresh }
    }

    /// What this copy is now, to come back to; its leaf's allocator state is not kept.
    pub(crate) fn image(&self) -> PageCopy {
        PageCopy {
            bytes: self.share(),
            edits: self.edits.clone(),
            leaf: None,
            base_sequence: self.base_sequence,
            fresh: self.fresh,
        }
    }

    /// Sets the commit sequence, which the log record carries and no edit list notes.
    pub(crate) fn set_sequence(&mut self, id: PageId, sequence: Sequence) {
        super::set_sequence(id, self.bytes.make_mut(), sequence);
    }

    /// Takes the bytes out, for as long as the copy is not in memory, and forgets the allocator's state.
    pub(crate) fn take_bytes(&mut self) -> PageBytes {
        self.leaf = None;
        std::mem::replace(&mut self.bytes, PageBytes::from(Vec::new()))
    }

    /// Puts the bytes back that [`PageCopy::take_bytes`] gave.
    pub(crate) fn put_bytes(&mut self, bytes: PageBytes) {
        self.bytes = bytes;
    }

    /// The bytes for reading.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// A handle to the bytes as they are now; later edits do not change what it shows.
    pub(crate) fn share(&self) -> PageBytes {
        self.bytes.clone()
    }

    /// The bytes for writing beside the list in which each change must be noted and the allocator's snapshot.
    pub(crate) fn parts_mut(&mut self) -> (&mut [u8], &mut EditList, &mut Option<LeafAllocatorSnapshot>) {
        (self.bytes.make_mut(), &mut self.edits, &mut self.leaf)
    }
}
