//! What the layouts of the page kinds say about a page: whether it is sound, and where its gap is.

use crate::btree;
use crate::error::{Error, Result};
use crate::page::file_header::FileState;
use crate::page::{CHECKSUM_SIZE, PageId, PageKind, kind_of};
use crate::space::freelist;

/// Checks the layout of a page whose checksum is right, at its first touch.
pub(crate) fn check_page(id: PageId, page: &[u8]) -> Result<()> {
    if id.0 == 0 {
        return FileState::read(page).map(drop);
    }
    let checked = match kind_of(id, page) {
        Some(PageKind::Freelist) => freelist::verify_page(page),
        Some(PageKind::FileHeader) => Err("it claims to be the file's header".to_owned()),
        Some(PageKind::Overflow) => Ok(()), // a link and content of any kind
        Some(_) => btree::verify_node(page),
        None => Err("it is of an unknown kind".to_owned()),
    };
    checked.map_err(|detail| Error::corrupt(id, detail))
}

/// The end of a page's front and the start of its heap; what lies between is zero or means nothing.
pub(crate) fn content_ranges(id: PageId, page: &[u8]) -> (usize, usize) {
    let end = page.len() - CHECKSUM_SIZE;
    match kind_of(id, page) {
        Some(PageKind::Freelist) => (freelist::content_end(page), end),
        Some(PageKind::Overflow) => {
            let used = page[..end].iter().rposition(|byte| *byte != 0); // a page is longer than its checksum
            (used.map_or(0, |last| last + 1), end)
        }
        Some(PageKind::FileHeader) | None => (end, end),
        Some(_) => {
            let (front, heap) = btree::content_ranges(page);
            (front.min(end), heap.min(end))
        }
    }
}
