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

/// The way along a run, which a forged file may have bent to a circle or left without an end.
struct Way {
    id: PageId,
    /// Bytes of content from `id` on.
    left: usize,
    /// A page that was passed: who comes to it again goes in a circle. It is another one after 1, 2, 4, 8 ... pages
    /// (Brent's way of finding a circle), so that a circle is passed three times at most.
    passed: PageId,
    pages: u32,
}

impl Way {
    fn new(first: PageId, length: u32) -> Way {
        Way { id: first, left: length as usize, passed: PageId::NONE, pages: 0 }
    }

    /// Goes on from a page that holds `size` bytes of the content and links to `next`.
    fn step(&mut self, size: usize, next: PageId) -> Result<()> {
        if self.pages.is_power_of_two() {
            self.passed = self.id;
        }
        self.pages += 1; // lengths are below 2^31
        self.left -= size.min(self.left);
        if self.left == 0 && next != PageId::NONE {
            return Err(Error::corrupt(self.id, "an overflow run goes on behind its last byte"));
        }
        if next == self.passed && next != PageId::NONE {
            return Err(Error::corrupt(self.id, format!("an overflow run leads back to page {next}")));
        }
        self.id = next;
        Ok(())
    }
}

/// Hands the run's pieces to `with`, in order, until it answers false.
fn walk<P: ReadPages>(
    pages: &P,
    first: PageId,
    length: u32,
    mut with: impl FnMut(PageId, &[u8]) -> bool,
) -> Result<()> {
    let mut way = Way::new(first, length);
    while way.left > 0 {
        let page = pages.page(way.id)?;
        let next = next_of(way.id, &page)?;
        let size = way.left.min(content_size(page.len()));
        if !with(way.id, &page[CONTENT..CONTENT + size]) {
            break;
        }
        way.step(size, next)?;
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
    let mut way = Way::new(first, length);
    while way.left > 0 {
        let id = way.id;
        let next = next_of(id, &pages.page(id)?)?;
        way.step(content_size(pages.page_size()), next)?;
        pages.free(id)?;
    }
    Ok(())
}

/// Makes page `id` of a run go on with page `to` in place of `next`; false where it goes on with another.
pub(super) fn relink<P: WritePages>(pages: &mut P, id: PageId, next: PageId, to: PageId) -> Result<bool> {
    if next_of(id, &pages.page(id)?)? != next {
        return Ok(false);
    }
    let (page, edits, _) = pages.edit(id)?.parts_mut();
    page[NEXT..NEXT + 4].copy_from_slice(&to.0.to_le_bytes()); // inside the page
    edits.note_write(NEXT, NEXT + 4);
    Ok(true)
}
