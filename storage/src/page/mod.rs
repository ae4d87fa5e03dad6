//! What a page is: fixed-size bytes with a common header in front and a CRC-32 at the end.
//!
//! ```text
//! 0        8     9      10        16                                  size-4   size
//! +--------+-----+------+---------+--------------------------------------+------+
//! | seq    |kind |level | reserved| the kind's own header, slots, heap   | CRC  |
//! +--------+-----+------+---------+--------------------------------------+------+
//! ```
//! `seq` is the commit sequence of the page's last change. The CRC covers all before it and the page number.
//! Page 0 starts with the file's identity instead; its common header stands behind that.

mod buffer;
mod checksum;
mod copy;
mod edits;
pub(crate) mod file_header;

pub(crate) use buffer::{BufferPool, PageBytes};

pub(crate) use checksum::{seal, verify};
pub(crate) use copy::{PageCopy, WritePages};
pub use copy::{PageLook, ReadPages};
pub(crate) use edits::{EditList, replay};
use std::fmt;

/// Number of a page in the file; 0 is the file header and doubles as "none" in links.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageId(pub u32);

impl PageId {
    /// No page.
    pub(crate) const NONE: PageId = PageId(0);
}

impl fmt::Display for PageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A commit sequence number: the first commit after creation is 1.
pub(crate) type Sequence = u64;

/// No database comes to have more commits, so that the next number is always there: a greater one is damage.
pub(crate) const SEQUENCE_MAX: Sequence = u64::MAX >> 1;

/// Where the sequence stands in every page (u64, little-endian).
pub(crate) const SEQUENCE_OFFSET: usize = 0;
/// Where the kind stands in every page.
pub(crate) const KIND_OFFSET: usize = 8;
/// Where the tree level stands in every page (0 = leaf).
pub(crate) const LEVEL_OFFSET: usize = 9;
/// Bytes of the common header; the kind's own content starts here.
pub(crate) const HEADER_SIZE: usize = 16;
/// Bytes of the checksum at the end of a page.
pub(crate) const CHECKSUM_SIZE: usize = 4;
/// The page size of a new database unless told otherwise.
pub(crate) const DEFAULT_PAGE_SIZE: usize = 8192;

/// What a page holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum PageKind {
    /// Page 0.
    FileHeader = 1,
    /// A leaf of a table tree (8-byte keys).
    TableLeaf = 2,
    /// A branch of a table tree.
    TableBranch = 3,
    /// A leaf of an index tree (keys of any length).
    IndexLeaf = 4,
    /// A branch of an index tree.
    IndexBranch = 5,
    /// One page of a long value or key.
    Overflow = 6,
    /// A list of free page numbers.
    Freelist = 7,
}

impl PageKind {
    /// The kind of a page by its byte, or `None` for a byte that names none.
    pub(crate) fn from_byte(byte: u8) -> Option<PageKind> {
        Some(match byte {
            1 => PageKind::FileHeader,
            2 => PageKind::TableLeaf,
            3 => PageKind::TableBranch,
            4 => PageKind::IndexLeaf,
            5 => PageKind::IndexBranch,
            6 => PageKind::Overflow,
            7 => PageKind::Freelist,
            _ => return None,
        })
    }
}

/// Where the common header of page `id` starts.
fn header_start(id: PageId) -> usize {
    if id.0 == 0 { file_header::IDENTITY_SIZE } else { 0 }
}

/// Where the sequence of page `id` stands.
pub(crate) fn sequence_range(id: PageId) -> std::ops::Range<usize> {
    let start = header_start(id) + SEQUENCE_OFFSET;
    start..start + 8
}

/// The sequence in the bytes of page `id`.
pub(crate) fn sequence_of(id: PageId, page: &[u8]) -> Sequence {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&page[sequence_range(id)]); // a page is never shorter than 4 KiB
    u64::from_le_bytes(bytes)
}

/// Sets the sequence in the bytes of page `id`.
pub(crate) fn set_sequence(id: PageId, page: &mut [u8], sequence: Sequence) {
    page[sequence_range(id)].copy_from_slice(&sequence.to_le_bytes()); // as above
}

/// The kind in the bytes of page `id`.
pub(crate) fn kind_of(id: PageId, page: &[u8]) -> Option<PageKind> {
    page.get(header_start(id) + KIND_OFFSET).copied().and_then(PageKind::from_byte)
}
