//! Which page versions leave the memory when the overlay has too many there.

use super::{Base, Node, Overlay, PageVersion};
use crate::error::Result;
use crate::page::{LEVEL_OFFSET, PageBytes, PageId};

/// More leave at once than must: the part of those that may stay, one in so many.
const AHEAD_SHARE: u64 = 8;

impl Overlay {
    /// Moves versions to the temporary file until `in_memory_max` are left in memory. The search goes on at `hand`,
    /// round the page numbers. Nodes above the leaves stay: they are few, and every descent reads them.
    ///
    /// # Errors
    /// I/O errors. The map is sound then, and more than wanted stay in memory.
    pub(crate) fn spill(&mut self, base: &Base, in_memory_max: u64, hand: &mut u32) -> Result<()> {
        let Some(excess) = self.in_memory.checked_sub(in_memory_max).filter(|excess| *excess > 0) else {
            return Ok(());
        };
        self.settle();
        let wanted = (excess + in_memory_max / AHEAD_SHARE) as usize;
        let mut leaving: Vec<(PageId, PageBytes)> = Vec::with_capacity(wanted);
        for from in [*hand, 0] {
            self.visit_from(PageId(from), &mut |id, page| {
                if leaving.len() < wanted
                    && let PageVersion::Memory(bytes) = page
                    && may_leave(id, bytes)
                {
                    leaving.push((id, bytes.clone()));
                }
                leaving.len() < wanted
            });
        }
        for (id, bytes) in leaving {
            // A search that came round may have found a page twice.
            if self.get(id).is_some_and(PageVersion::is_in_memory) {
                self.insert(id, PageVersion::Temporary(base.temporary.put(id, None, &bytes)?));
            }
            *hand = id.0.wrapping_add(1);
        }
        Ok(())
    }

    /// Visits the pages from `from` on, in the order of their numbers, until `visit` answers false.
    pub(crate) fn visit_from(&self, from: PageId, visit: &mut impl FnMut(PageId, &PageVersion) -> bool) {
        let settled = self.settled();
        if let Some(top) = &settled.top {
            walk_from(top, settled.height, 0, from, visit);
        }
    }
}

/// Page 0 is written by every checkpoint, and page 0's level is no level.
fn may_leave(id: PageId, page: &[u8]) -> bool {
    id.0 != 0 && page.get(LEVEL_OFFSET) == Some(&0)
}

/// False if the visit is over.
fn walk_from(
    node: &Node,
    height: u32,
    prefix: u64,
    from: PageId,
    visit: &mut impl FnMut(PageId, &PageVersion) -> bool,
) -> bool {
    // The first number behind a child, which may be one more than the last page has.
    let behind = |at: usize| (prefix + at as u64 + 1) << (height * super::BITS);
    match node {
        Node::Branch(children) => children.iter().enumerate().all(|(at, child)| match child {
            Some(child) if behind(at) > u64::from(from.0) => {
                walk_from(child, height - 1, (prefix + at as u64) << super::BITS, from, visit)
            }
            _ => true,
        }),
        Node::Leaf(pages) => pages.iter().enumerate().all(|(at, page)| match page {
            Some(page) if behind(at) > u64::from(from.0) => visit(PageId((prefix + at as u64) as u32), page),
            _ => true,
        }),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::disk::MemoryDisk;
    use std::sync::Arc;

    #[test]
    fn the_search_goes_round_and_what_left_is_read_back() {
        let base = Base::new(Arc::new(MemoryDisk::default()), 4096, 0, |_, _| Ok(()));
        let mut overlay = Overlay::default();
        for id in (0..100).map(|at| at * 37) {
            let mut page = vec![0; 4096];
            page[20] = id as u8;
            page[LEVEL_OFFSET] = u8::from(id == 37);
            overlay.insert(PageId(id), PageBytes::from(page));
        }
        let whole = overlay.clone();
        let mut hand = 0;
        for left in [80, 40, 16] {
            overlay.spill(&base, left, &mut hand).unwrap();
            assert!(overlay.in_memory() <= left && overlay.in_memory() > left - left / 8 - 1, "{left}");
            assert_eq!(overlay.pages(), 100);
        }
        overlay.spill(&base, 0, &mut hand).unwrap();
        assert_eq!(overlay.in_memory(), 2, "page 0 and the node above the leaves");
        overlay.for_each(&mut |id, page| assert_eq!(page.read().unwrap()[20], id.0 as u8));
        assert_eq!((whole.in_memory(), base.temporary.in_use()), (100, 98));
        for id in (0..100).map(|at| at * 37) {
            overlay.insert(PageId(id), PageBytes::from(vec![0; 4096]));
        }
        assert_eq!((overlay.in_memory(), overlay.pages(), base.temporary.in_use()), (100, 100, 0));
    }
}
