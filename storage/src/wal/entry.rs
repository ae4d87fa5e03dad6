//! The entries of a record, one a page: what the commit did to it, or what it holds.

use crate::page::{EditList, PageId, Sequence};
use std::ops::Range;

/// Most bytes of an entry beside page content.
pub(crate) const ENTRY_OVERHEAD_MAX: usize = 32;

const DELTA: u8 = 1;
const WHOLE: u8 = 2;
const IMAGE: u8 = 3;
const DIRECT: u8 = 4;

/// One entry; ranges are places in the record's entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) page: PageId,
    pub(crate) change: Change,
}

/// What an entry says of its page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Edits of the page as it was at `base_sequence`.
    Delta { base_sequence: Sequence, edits: Range<usize> },
    /// The whole content as of this commit: a created page, or one that changed nearly everywhere.
    Whole(Content),
    /// The whole content as of `sequence`, written before the page is overwritten in place.
    Image { sequence: Sequence, content: Content },
    /// The page was written to the base file before this commit; there it has this checksum.
    Direct { checksum: u32 },
}

/// A page without its gap: bytes at its front, and bytes that end where the checksum starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) front: Range<usize>,
    pub(crate) heap: Range<usize>,
}

/// Appends the edits of a page.
pub(crate) fn put_delta(output: &mut Vec<u8>, id: PageId, base: Sequence, edits: &EditList, page: &[u8]) {
    put_page(output, DELTA, id);
    output.extend_from_slice(&base.to_le_bytes());
    let place = output.len();
    output.extend_from_slice(&[0; 4]);
    edits.encode(page, output);
    let length = (output.len() - place - 4) as u32;
    output[place..place + 4].copy_from_slice(&length.to_le_bytes()); // the space was made above
}

/// Appends the whole content of a page.
pub(crate) fn put_whole(output: &mut Vec<u8>, id: PageId, front: &[u8], heap: &[u8]) {
    put_page(output, WHOLE, id);
    put_content(output, front, heap);
}

/// Appends the checksum of a page that stands in the base file already.
pub(crate) fn put_direct(output: &mut Vec<u8>, id: PageId, checksum: u32) {
    put_page(output, DIRECT, id);
    output.extend_from_slice(&checksum.to_le_bytes());
}

/// Appends the image of a page.
pub(crate) fn put_image(output: &mut Vec<u8>, id: PageId, sequence: Sequence, front: &[u8], heap: &[u8]) {
    put_page(output, IMAGE, id);
    output.extend_from_slice(&sequence.to_le_bytes());
    put_content(output, front, heap);
}

fn put_page(output: &mut Vec<u8>, kind: u8, id: PageId) {
    output.push(kind);
    output.extend_from_slice(&id.0.to_le_bytes());
}

fn put_content(output: &mut Vec<u8>, front: &[u8], heap: &[u8]) {
    output.extend_from_slice(&(front.len() as u32).to_le_bytes());
    output.extend_from_slice(&(heap.len() as u32).to_le_bytes());
    output.extend_from_slice(front);
    output.extend_from_slice(heap);
}

/// Reads all entries of a record, or `None` if they do not fill it exactly.
pub(crate) fn read_all(entries: &[u8]) -> Option<Vec<Entry>> {
    let mut reader = Reader { bytes: entries, at: 0 };
    let mut all = Vec::new();
    while reader.at < entries.len() {
        all.push(reader.entry()?);
    }
    Some(all)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn entry(&mut self) -> Option<Entry> {
        let [kind] = self.array()?;
        let page = PageId(self.u32()?);
        let change = match kind {
            DELTA => {
                let base_sequence = self.u64()?;
                let length = self.u32()? as usize;
                Change::Delta { base_sequence, edits: self.range(length)? }
            }
            WHOLE => Change::Whole(self.content()?),
            IMAGE => Change::Image { sequence: self.u64()?, content: self.content()? },
            DIRECT => Change::Direct { checksum: self.u32()? },
            _ => return None,
        };
        Some(Entry { page, change })
    }

    fn content(&mut self) -> Option<Content> {
        let (front, heap) = (self.u32()? as usize, self.u32()? as usize);
        Some(Content { front: self.range(front)?, heap: self.range(heap)? })
    }

    fn range(&mut self, length: usize) -> Option<Range<usize>> {
        let range = self.at..self.at.checked_add(length)?;
        self.bytes.get(range.clone())?;
        self.at = range.end;
        Some(range)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let range = self.range(N)?;
        self.bytes.get(range)?.first_chunk().copied()
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn entries_come_back() {
        let mut page = vec![0; 4096];
        page[100..104].copy_from_slice(b"edit");
        let mut edits = EditList::default();
        edits.note_write(100, 104);
        let mut bytes = Vec::new();
        put_delta(&mut bytes, PageId(7), 5, &edits, &page);
        put_whole(&mut bytes, PageId(8), b"front", b"heap");
        put_image(&mut bytes, PageId(9), 4, b"", b"h");
        put_direct(&mut bytes, PageId(10), 513);
        let all = read_all(&bytes).unwrap();
        assert_eq!(all.iter().map(|entry| entry.page.0).collect::<Vec<_>>(), [7, 8, 9, 10]);
        assert!(matches!(&all[0].change, Change::Delta { base_sequence: 5, .. }));
        assert!(matches!(&all[1].change, Change::Whole(content) if &bytes[content.heap.clone()] == b"heap"));
        assert!(matches!(&all[2].change, Change::Image { sequence: 4, .. }));
        assert_eq!(all[3].change, Change::Direct { checksum: 513 });
        assert!(read_all(&bytes[..bytes.len() - 1]).is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(0..12u8, 0..100)) {
            let _ = read_all(&bytes);
        }
    }
}
