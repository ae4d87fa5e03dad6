//! Freelist pages: a linked list whose pages each name many free ones.
//!
//! ```text
//! 0        16     20      24                                size-4
//! +--------+------+-------+-----------------------------+-----+
//! | common | next | count | page numbers ... | unused   | CRC |
//! +--------+------+-------+-----------------------------+-----+
//! ```
//! A page of the list is itself free: it is handed out when it names no other page.

use crate::error::{Error, Result};
use crate::page::{CHECKSUM_SIZE, HEADER_SIZE, PageCopy, PageId, PageKind, kind_of};

const NEXT_OFFSET: usize = HEADER_SIZE;
const COUNT_OFFSET: usize = NEXT_OFFSET + 4;
const NUMBERS_OFFSET: usize = COUNT_OFFSET + 4;

/// Page numbers that one page of `page_size` bytes holds.
pub(crate) fn capacity_of(page_size: usize) -> usize {
    (page_size - CHECKSUM_SIZE - NUMBERS_OFFSET) / 4
}

fn capacity(page: &[u8]) -> usize {
    capacity_of(page.len())
}

/// Checks that `page` is a sound page of the list; nothing below goes out of bounds then.
pub(crate) fn verify_page(page: &[u8]) -> Result<(), String> {
    if count(page) > capacity(page) {
        return Err(format!(
            "a freelist page counts {} pages and has room for {}",
            count(page),
            capacity(page)
        ));
    }
    Ok(())
}

/// The page as one of the list.
///
/// # Errors
/// [`Error::Corrupt`] if it is of another kind.
pub(crate) fn expect(id: PageId, page: &[u8]) -> Result<()> {
    if kind_of(id, page) != Some(PageKind::Freelist) {
        return Err(Error::corrupt(id, "the freelist leads there, but it is of another kind"));
    }
    verify_page(page).map_err(|detail| Error::corrupt(id, detail))
}

/// The next page of the list, or none.
pub(crate) fn next(page: &[u8]) -> PageId {
    PageId(u32_at(page, NEXT_OFFSET))
}

/// Free pages that this page names.
pub(crate) fn count(page: &[u8]) -> usize {
    u32_at(page, COUNT_OFFSET) as usize
}

/// The free pages that this page names.
pub(crate) fn numbers(page: &[u8]) -> impl Iterator<Item = PageId> {
    (0..count(page).min(capacity(page))).map(|at| PageId(u32_at(page, NUMBERS_OFFSET + at * 4)))
}

/// End of what the page holds; the rest is zero.
pub(crate) fn content_end(page: &[u8]) -> usize {
    NUMBERS_OFFSET + count(page).min(capacity(page)) * 4
}

/// Makes a fresh page the head of the list in front of `next`.
pub(crate) fn link(copy: &mut PageCopy, next: PageId) {
    let (page, edits, _) = copy.parts_mut();
    put_u32(page, NEXT_OFFSET, next.0);
    edits.note_write(NEXT_OFFSET, NUMBERS_OFFSET);
}

/// Adds a free page; false if there is no room.
pub(crate) fn push(copy: &mut PageCopy, id: PageId) -> bool {
    let count = count(copy.bytes());
    if count >= capacity(copy.bytes()) {
        return false;
    }
    let (page, edits, _) = copy.parts_mut();
    let at = NUMBERS_OFFSET + count * 4;
    put_u32(page, at, id.0);
    put_u32(page, COUNT_OFFSET, count as u32 + 1);
    edits.note_write(at, at + 4);
    edits.note_write(COUNT_OFFSET, NUMBERS_OFFSET);
    true
}

/// Keeps of the free pages that this page names those in front of `end`, in their order.
pub(crate) fn keep_below(copy: &mut PageCopy, end: PageId) {
    let before = count(copy.bytes());
    let kept: Vec<PageId> = numbers(copy.bytes()).filter(|id| *id < end).collect();
    let (page, edits, _) = copy.parts_mut();
    let at = |index: usize| NUMBERS_OFFSET + index * 4;
    for (index, id) in kept.iter().enumerate() {
        put_u32(page, at(index), id.0);
    }
    page[at(kept.len())..at(before)].fill(0); // fewer than before, which fit
    put_u32(page, COUNT_OFFSET, kept.len() as u32);
    edits.note_write(COUNT_OFFSET, at(before));
}

/// Takes the free page added last.
pub(crate) fn pop(copy: &mut PageCopy) -> Option<PageId> {
    let left = count(copy.bytes()).checked_sub(1)?;
    let at = NUMBERS_OFFSET + left * 4;
    let id = PageId(u32_at(copy.bytes(), at));
    let (page, edits, _) = copy.parts_mut();
    put_u32(page, at, 0);
    put_u32(page, COUNT_OFFSET, left as u32);
    edits.note_write(at, at + 4);
    edits.note_write(COUNT_OFFSET, NUMBERS_OFFSET);
    Some(id)
}

fn u32_at(page: &[u8], at: usize) -> u32 {
    let mut field = [0; 4];
    field.copy_from_slice(&page[at..at + 4]); // fields and numbers lie inside the page: `verify_page`
    u32::from_le_bytes(field)
}

fn put_u32(page: &mut [u8], at: usize, value: u32) {
    page[at..at + 4].copy_from_slice(&value.to_le_bytes()); // as above
}
