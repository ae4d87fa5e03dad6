//! The one place with unsafe code: windows into the mapped base file, and hints to the processor about its bytes.
//!
//! The file is mapped in segments, each as long as all before it together, so that growth adds a segment and
//! never moves one. A segment may reach beyond the end of the file; nobody asks for a page there, since the disk
//! compares with the file's length first.
//!
//! Two invariants make a mapped page as good as a slice, both kept outside:
//! - no page is overwritten that a live root resolves to the base file (kept by the checkpointer, which waits for
//!   older roots to die, and by large transactions, which write behind every live root's page count alone), and none
//!   is cut off (checkpoints and transactions cut the file behind every live root's page count alone);
//! - the segments live as long as their disk, and every root holds its disk.
#![allow(unsafe_code)]

use crate::error::{Error, Result};
use memmap2::{Mmap, MmapOptions};
use std::fs::File;
use std::ptr::NonNull;
use std::sync::OnceLock;

/// Bytes of the first segment, and of the second.
const FIRST_SEGMENT: u64 = 64 << 20;
/// Enough segments for 2^32 pages of 64 KiB.
const SEGMENTS: usize = 24;

/// One page of a mapped file: a pointer that is read only through [`MappedPage::bytes`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct MappedPage {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: the memory behind the pointer is a read-only mapping that belongs to no thread.
unsafe impl Send for MappedPage {}
// SAFETY: as above; shared access only reads.
unsafe impl Sync for MappedPage {}

impl MappedPage {
    /// The bytes, for as long as `root` lives: the snapshot root that resolved the page to the base file.
    #[inline]
    pub(crate) fn bytes<'root, R>(&self, _root: &'root R) -> &'root [u8] {
        // SAFETY: start and length were cut from a live mapping by `window`. The root keeps its disk, so
        // the mapping lives; the checkpointer overwrites no page that a live root resolves to the base file, so
        // nothing writes to these bytes while the slice lives. Another process cannot write: it would need the
        // exclusive lock that this one holds, or that this one's shared lock excludes.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.length) }
    }
}

/// Asks the processor for the cache line at `offset` of `bytes`, without waiting for it.
#[inline(always)]
pub(crate) fn prefetch(bytes: &[u8], offset: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing and faults at no address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(bytes.as_ptr().wrapping_add(offset).cast()) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (bytes, offset);
}

/// The mapped segments of a file.
#[derive(Debug)]
pub(crate) struct Segments {
    segments: [OnceLock<Mmap>; SEGMENTS],
}

impl Segments {
    /// Nothing mapped yet.
    pub(crate) fn new() -> Segments {
        Segments { segments: [const { OnceLock::new() }; SEGMENTS] }
    }

    /// The page of `length` bytes at `offset`, which the file reaches; a page lies in one segment.
    pub(crate) fn page(&self, file: &File, offset: u64, length: usize) -> Result<MappedPage> {
        let (index, start) = Segments::place(offset);
        let segment = self
            .segments
            .get(index)
            .ok_or_else(|| Error::Full("the file is too long to be mapped".into()))?;
        let segment = match segment.get() {
            Some(segment) => segment,
            None => {
                let mapped = map(file, start, start.max(FIRST_SEGMENT))?;
                segment.get_or_init(|| mapped)
            }
        };
        window(segment, offset - start, length)
            .ok_or_else(|| Error::Misuse("a page crosses a mapped segment".into()))
    }

    /// The same, if its segment is mapped.
    #[inline]
    pub(crate) fn page_in_place(&self, offset: u64, length: usize) -> Option<MappedPage> {
        let (index, start) = Segments::place(offset);
        window(self.segments.get(index)?.get()?, offset - start, length)
    }

    /// The segment of an offset, and where that starts.
    #[inline]
    fn place(offset: u64) -> (usize, u64) {
        let index = (u64::BITS - (offset / FIRST_SEGMENT).leading_zeros()) as usize;
        (index, if index == 0 { 0 } else { FIRST_SEGMENT << (index - 1) })
    }
}

/// The page of `length` bytes at `offset` of a segment.
#[inline]
fn window(segment: &Mmap, offset: u64, length: usize) -> Option<MappedPage> {
    let window = segment.get(offset as usize..)?.get(..length)?;
    Some(MappedPage { start: NonNull::from(window).cast(), length })
}

fn map(file: &File, start: u64, length: u64) -> Result<Mmap> {
    // SAFETY: the mapping is read only, and its bytes are looked at through `MappedPage::bytes` alone, whose
    // comment says why they do not change meanwhile. What lies beyond the end of the file is never looked at.
    let mapped = unsafe { MmapOptions::new().offset(start).len(length as usize).map(file) };
    mapped.map_err(|source| Error::Io { context: "mapping the database file".into(), source })
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt;

    #[test]
    fn pages_of_every_segment_come_from_their_offset() {
        let file = tempfile::tempfile().unwrap();
        let segments = Segments::new();
        let offsets = [0, FIRST_SEGMENT - 4096, FIRST_SEGMENT, 2 * FIRST_SEGMENT, 3 * FIRST_SEGMENT, 5 << 30];
        file.set_len((5 << 30) + 4096).unwrap();
        for (i, offset) in offsets.iter().enumerate() {
            file.write_at(&[i as u8 + 1; 4096], *offset).unwrap();
            let page = segments.page(&file, *offset, 4096).unwrap();
            assert_eq!(page.bytes(&segments), [i as u8 + 1; 4096]);
        }
    }
}
