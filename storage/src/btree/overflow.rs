//! Overflow runs: chains of pages that hold a long value or the rest of a long key.
//!
//! ```text
//! 0            16          20                                    size-4
//! | page header| next page | content, as much as is left or fits | - |
//! ```
//! The length stands where the run hangs. Touches overflow pages only.

use crate::error::{Error, Result};
use crate::page::{CHECKSUM_SIZE, HEADER_SIZE, KIND_OFFSET, PageId, PageKind, ReadPages, WritePages};
use std::cmp::Ordering;

const NEXT: usize = HEADER_SIZE;
const CONTENT: usize = HEADER_SIZE + 4;

/// The greatest length of a value or a key.
pub(super) const LENGTH_MAX: usize = (1 << 31) - 1;

fn content_size(page_size: usize) -> usize {
    page_size - CONTENT - CHECKSUM_SIZE
}

/// Writes `content`, which is not empty, to new pages; gives the first.
pub(super) fn write_run(pages: &mut impl WritePages, content: &[u8]) -> Result<PageId> {
    // Back to front, so that each page knows the next when it is written.
    let mut next = PageId::NONE;
    for chunk in content.chunks(content_size(pages.page_size())).rev() {
        let id = pages.allocate(PageKind::Overflow, 0)?;
        let (page, edits, _) = pages.edit(id)?.parts_mut();
        page[NEXT..NEXT + 4].copy_from_slice(&next.0.to_le_bytes()); // inside the page
        page[CONTENT..CONTENT + chunk.len()].copy_from_slice(chunk); // as above
        edits.note_write(NEXT, CONTENT + chunk.len());
        next = id;
    }
    Ok(next)
}

fn next_of(id: PageId, page: &[u8]) -> Result<PageId> {
    if id == PageId::NONE || page[KIND_OFFSET] != PageKind::Overflow as u8 {
        return Err(Error::corrupt(id, "expected an overflow page"));
    }
    Ok(PageId(u32::from_le_bytes([page[NEXT], page[NEXT + 1], page[NEXT + 2], page[NEXT + 3]]))) // in the page
}

/// Hands the run's pieces to `with`, in order, until it answers false.
fn walk<P: ReadPages>(
    pages: &P,
    first: PageId,
    length: u32,
    mut with: impl FnMut(PageId, &[u8]) -> bool,
) -> Result<()> {
    let (mut id, mut left) = (first, length as usize);
    while left > 0 {
        let page = pages.page(id)?;
        let next = next_of(id, &page)?;
        let size = left.min(content_size(page.len()));
        if !with(id, &page[CONTENT..CONTENT + size]) {
            break;
        }
        left -= size;
        id = next;
    }
    Ok(())
}

/// Appends the run's content to `out`.
pub(super) fn read_run<P: ReadPages>(pages: &P, first: PageId, length: u32, out: &mut Vec<u8>) -> Result<()> {
    walk(pages, first, length, |_, piece| {
        out.extend_from_slice(piece);
        true
    })
}

/// How the run's content stands to `other`.
pub(super) fn compare_run<P: ReadPages>(
    pages: &P,
    first: PageId,
    length: u32,
    other: &[u8],
) -> Result<Ordering> {
    let (mut rest, mut order) = (other, Ordering::Equal);
    walk(pages, first, length, |_, piece| {
        let (start, end) = rest.split_at(piece.len().min(rest.len()));
        order = piece.cmp(start);
        rest = end;
        order == Ordering::Equal
    })?;
    Ok(order.then(if rest.is_empty() { Ordering::Equal } else { Ordering::Less }))
}

/// Hands each page of the run to `with`.
pub(super) fn pages_of_run<P: ReadPages>(
    pages: &P,
    first: PageId,
    length: u32,
    with: &mut dyn FnMut(PageId) -> Result<()>,
) -> Result<()> {
    let mut result = Ok(());
    walk(pages, first, length, |id, _| {
        result = with(id);
        result.is_ok()
    })?;
    result
}

/// Frees the run's pages.
pub(super) fn free_run<P: WritePages>(pages: &mut P, first: PageId, length: u32) -> Result<()> {
    let (mut id, mut left) = (first, length as usize);
    while left > 0 {
        let next = next_of(id, &pages.page(id)?)?;
        left -= left.min(content_size(pages.page_size()));
        pages.free(id)?;
        id = next;
    }
    Ok(())
}
