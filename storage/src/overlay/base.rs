//! The base file behind the overlay, and the memory of which of its pages were verified.

use crate::disk::{BasePage, Disk, FileRole, TemporaryPages};
use crate::error::{Error, Result};
use crate::page::{self, BufferPool, PageId};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Looks at a page that is read for the first time: whether its layout is sound. The checksum was right.
pub(crate) type PageCheck = fn(PageId, &[u8]) -> Result<()>;

/// The part of the cache's memory that free buffers may take: one in so many.
const BUFFERS_SHARE: usize = 8;

/// The pages at rest.
pub(crate) struct Base {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) page_size: usize,
    /// Where the versions of its pages in memory come from.
    pub(crate) buffers: Arc<BufferPool>,
    /// Where versions go that the memory has no room for.
    pub(crate) temporary: Arc<TemporaryPages>,
    check: PageCheck,
    verified: Bitmap,
    first_reads: AtomicU64,
    /// Only one sync of the file runs at a time.
    syncing: Mutex<()>,
    /// Syncs of the file that failed.
    sync_failures: AtomicU64,
}

impl Base {
    /// Pages of `page_size` bytes on `disk`, and free buffers for versions of them in a part of `cache_size`.
    pub(crate) fn new(disk: Arc<dyn Disk>, page_size: usize, cache_size: usize, check: PageCheck) -> Base {
        let buffers = Arc::new(BufferPool::new(page_size, cache_size / BUFFERS_SHARE));
        let temporary = TemporaryPages::new(Arc::clone(&disk), Arc::clone(&buffers), page_size);
        let temporary = Arc::new(temporary);
        Base {
            disk,
            page_size,
            buffers,
            temporary,
            check,
            verified: Bitmap::new(),
            first_reads: AtomicU64::new(0),
            syncing: Mutex::new(()),
            sync_failures: AtomicU64::new(0),
        }
    }

    /// How many syncs of the file have failed: to be asked before the first of the writes that a sync is for.
    pub(crate) fn sync_failures(&self) -> u64 {
        self.sync_failures.load(Ordering::Acquire)
    }

    /// Makes durable what was written to the file since it had so many `failures`.
    ///
    /// # Errors
    /// Those of the disk, and that another's sync failed meanwhile: the system tells of a write that failed only once,
    /// to whoever syncs first.
    pub(crate) fn sync(&self, failures: u64) -> Result<()> {
        let _alone = self.syncing.lock().unwrap_or_else(PoisonError::into_inner);
        let synced = self.disk.sync_data(FileRole::Base);
        if synced.is_err() {
            self.sync_failures.fetch_add(1, Ordering::AcqRel);
            self.forget_verified();
        }
        if synced.is_ok() && self.sync_failures() != failures {
            let context = format!("syncing {}", self.disk.path().display());
            let source = std::io::Error::other("another sync of the file failed meanwhile");
            return Err(Error::Io { context, source });
        }
        synced
    }

    /// A page, verified if this is its first touch. `keeper` is what keeps a mapped page as it is.
    #[inline]
    pub(crate) fn page<R>(&self, id: PageId, keeper: &R) -> Result<BasePage> {
        let page = self.disk.page(id, self.page_size)?;
        if !self.verified.contains(id) {
            let bytes = match &page {
                BasePage::Mapped(mapped) => mapped.bytes(keeper),
                BasePage::Owned(bytes) => bytes,
            };
            self.first_touch(id, bytes)?;
        }
        Ok(page)
    }

    /// The bytes of a page that was verified before, where they can be looked at in place: the shortest way, which nearly
    /// all looks go (the two pages of a look-up: 430 instructions became 290).
    #[inline]
    pub(crate) fn verified_page<'root, R>(&self, id: PageId, keeper: &'root R) -> Option<&'root [u8]> {
        if !self.verified.contains(id) {
            return None;
        }
        self.disk.page_in_place(id, self.page_size).map(|page| page.bytes(keeper))
    }

    #[cold]
    fn first_touch(&self, id: PageId, bytes: &[u8]) -> Result<()> {
        page::verify(id, bytes)?;
        (self.check)(id, bytes)?;
        self.verified.insert(id);
        self.first_reads.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Pages verified so far.
    pub(crate) fn first_reads(&self) -> u64 {
        self.first_reads.load(Ordering::Relaxed)
    }

    /// Forgets that a page was verified: it gets another content.
    pub(crate) fn forget(&self, id: PageId) {
        self.verified.remove(id);
    }

    /// Forgets what was verified: a failed sync leaves the file's content unknown.
    pub(crate) fn forget_verified(&self) {
        self.verified.clear();
    }
}

/// A set of page numbers that grows without moving: chunk n holds as many bits as all before it together.
struct Bitmap {
    chunks: [OnceLock<Box<[AtomicU64]>>; CHUNKS],
}

/// Words of the first chunk.
const FIRST_WORDS: u32 = 64;
/// Enough chunks for all page numbers.
const CHUNKS: usize = 21;

impl Bitmap {
    fn new() -> Bitmap {
        Bitmap { chunks: [const { OnceLock::new() }; CHUNKS] }
    }

    /// Chunk, word and bit of a page number.
    #[inline]
    fn place(id: PageId) -> (usize, usize, u64) {
        let word = id.0 / 64;
        let chunk = u32::BITS - (word / FIRST_WORDS).leading_zeros();
        let start = if chunk == 0 { 0 } else { FIRST_WORDS << (chunk - 1) };
        (chunk as usize, (word - start) as usize, 1 << (id.0 % 64))
    }

    #[inline]
    fn contains(&self, id: PageId) -> bool {
        let (chunk, word, bit) = Bitmap::place(id);
        let words = self.chunks.get(chunk).and_then(OnceLock::get);
        words.and_then(|words| words.get(word)).is_some_and(|word| word.load(Ordering::Relaxed) & bit != 0)
    }

    fn insert(&self, id: PageId) {
        let (chunk, word, bit) = Bitmap::place(id);
        let Some(words) = self.chunks.get(chunk) else { return };
        let length = FIRST_WORDS << chunk.saturating_sub(1);
        let words = words.get_or_init(|| (0..length).map(|_| AtomicU64::new(0)).collect());
        if let Some(word) = words.get(word) {
            word.fetch_or(bit, Ordering::Relaxed);
        }
    }

    fn remove(&self, id: PageId) {
        let (chunk, word, bit) = Bitmap::place(id);
        let words = self.chunks.get(chunk).and_then(OnceLock::get);
        if let Some(word) = words.and_then(|words| words.get(word)) {
            word.fetch_and(!bit, Ordering::Relaxed);
        }
    }

    fn clear(&self) {
        for word in self.chunks.iter().filter_map(OnceLock::get).flatten() {
            word.store(0, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn the_bitmap_holds_what_was_put_in() {
        let bitmap = Bitmap::new();
        let ids = [0, 1, 63, 64, 4095, 4096, 8191, 8192, 100_000, 1 << 24];
        for id in ids {
            assert!(!bitmap.contains(PageId(id)), "{id}");
            bitmap.insert(PageId(id));
            assert!(bitmap.contains(PageId(id)), "{id}");
        }
        assert!(!bitmap.contains(PageId(2)));
        assert!(Bitmap::place(PageId(u32::MAX)).0 < CHUNKS);
        bitmap.remove(PageId(63));
        bitmap.remove(PageId(5000));
        assert!(!bitmap.contains(PageId(63)) && bitmap.contains(PageId(64)));
        bitmap.clear();
        assert!(ids.iter().all(|id| !bitmap.contains(PageId(*id))));
    }
}
