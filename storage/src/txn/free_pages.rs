//! The free pages of a transaction as a whole: cutting them off the end of the file, and laying the freelist anew.
//!
//! A commit never leaves a free page at the end of the file: those are taken off the freelist and the page count goes
//! down to the last page in use. So the page count of a commit says where its file may end, and it is the checkpoint's
//! to say when (see `Core::cut_tail`).

use super::private_pages::PrivatePages;
use crate::error::{Error, Result};
use crate::page::file_header::SCHEMA_ROOT;
use crate::page::{PageId, PageKind, ReadPages, WritePages};
use crate::space::freelist;

/// How far from the end of the file the search for free pages goes at first, in pages.
const WINDOW: u32 = 1024;

/// One page of the freelist, its number and what it says.
struct ListPage {
    id: PageId,
    next: PageId,
    numbers: Vec<PageId>,
}

impl PrivatePages {
    /// Pages of the file, as the transaction has it.
    pub(crate) fn page_count(&self) -> u32 {
        self.state.page_count
    }

    /// Pages on the freelist, as the transaction has it.
    pub(crate) fn free_count(&self) -> u32 {
        self.state.free_count
    }

    /// Forgets the private copy of a page whose content means nothing any more.
    pub(super) fn discard(&mut self, id: PageId) -> Result<()> {
        if let Some(at) = self.place_of(id) {
            self.touch(at)?;
            if let Some(entry) = self.entries.get_mut(at) {
                entry.freed = true;
            }
        }
        Ok(())
    }

    /// Hands each page of the freelist to `with`, from its head on.
    fn walk_freelist(&self, mut with: impl FnMut(ListPage) -> Result<()>) -> Result<()> {
        let (mut head, mut left) = (self.state.freelist_head, self.state.free_count as usize);
        while head != PageId::NONE {
            let page = self.page(head)?;
            freelist::expect(head, &page)?;
            let listed = ListPage {
                id: head,
                next: freelist::next(&page),
                numbers: freelist::numbers(&page).collect(),
            };
            // A list that runs in a circle names more pages than there are.
            let named = left.checked_sub(listed.numbers.len() + 1);
            left = named.ok_or_else(|| {
                Error::corrupt(head, "the freelist names more pages than the file header counts")
            })?;
            let is_foreign = |id: &PageId| *id <= SCHEMA_ROOT || id.0 >= self.state.page_count;
            let foreign = listed.numbers.iter().chain([&listed.id]).copied().find(is_foreign);
            if let Some(id) = foreign {
                let detail = format!("the freelist names page {id} of {}", self.state.page_count);
                return Err(Error::corrupt(head, detail));
            }
            head = listed.next;
            with(listed)?;
        }
        Ok(())
    }

    /// Where the free pages at the end of the file begin: the page count if the last page is in use.
    fn end_of_use(&self) -> Result<u32> {
        let count = self.state.page_count;
        let mut window = WINDOW.min(count);
        loop {
            let start = count - window;
            let mut free = vec![false; window as usize];
            self.walk_freelist(|page| {
                for id in page.numbers.iter().chain([&page.id]) {
                    let place = id.0.checked_sub(start).and_then(|at| free.get_mut(at as usize));
                    place.into_iter().for_each(|is_free| *is_free = true);
                }
                Ok(())
            })?;
            match free.iter().rposition(|is_free| !is_free) {
                Some(used) => return Ok(start + used as u32 + 1),
                None if window == count => return Err(Error::corrupt(PageId(0), "all pages are free")),
                None => window = window.saturating_mul(8).min(count),
            }
        }
    }

    /// Takes the free pages at the end of the file off the freelist, and lowers the page count to those that stay.
    pub(super) fn cut_free_tail(&mut self) -> Result<()> {
        if !std::mem::take(&mut self.tail_freed) {
            return Ok(());
        }
        let end = PageId(self.end_of_use()?);
        if end.0 == self.state.page_count {
            return Ok(());
        }
        let mut pages = Vec::new();
        self.walk_freelist(|page| {
            pages.push((page.id, page.next, page.numbers.iter().any(|id| *id >= end)));
            Ok(())
        })?;
        let (mut before, mut spare, mut count) = (PageId::NONE, Vec::new(), 0);
        for (id, next, names_cut) in pages {
            if id >= end {
                let page = self.page(id)?;
                spare.extend(freelist::numbers(&page).filter(|id| *id < end));
                if before == PageId::NONE {
                    self.state.freelist_head = next;
                } else {
                    freelist::link(self.edit(before)?, next);
                }
                self.discard(id)?;
                continue;
            }
            if names_cut {
                freelist::keep_below(self.edit(id)?, end);
            }
            count += freelist::count(&self.page(id)?) as u32 + 1;
            before = id;
        }
        for at in end.0..self.state.page_count {
            self.discard(PageId(at))?;
        }
        (self.state.page_count, self.state.free_count) = (end.0, count);
        spare.into_iter().try_for_each(|id| self.free(id))
    }

    /// Takes all pages off the freelist, in the order of their numbers. They are lost unless they are used or given to
    /// [`PrivatePages::put_free_pages`].
    pub(crate) fn take_free_pages(&mut self) -> Result<Vec<PageId>> {
        let (mut free, mut lists) = (Vec::with_capacity(self.state.free_count as usize), Vec::new());
        self.walk_freelist(|page| {
            lists.push(page.id);
            free.push(page.id);
            free.extend(page.numbers);
            Ok(())
        })?;
        free.sort_unstable();
        if let Some(twice) = free.windows(2).find(|pair| pair[0] == pair[1]) {
            // pairs
            return Err(Error::corrupt(twice[0], "the freelist names it twice"));
        }
        lists.into_iter().try_for_each(|id| self.discard(id))?;
        (self.state.freelist_head, self.state.free_count) = (PageId::NONE, 0);
        Ok(free)
    }

    /// Makes `free`, in ascending order, the freelist, which holds no page now. The lowest is handed out first; those at
    /// the end of the file are cut off.
    pub(crate) fn put_free_pages(&mut self, mut free: Vec<PageId>) -> Result<()> {
        while free.last().is_some_and(|last| last.0 == self.state.page_count - 1) {
            free.pop();
            self.state.page_count -= 1;
        }
        self.state.free_count = free.len() as u32;
        let group = freelist::capacity_of(self.page_size()) + 1;
        let mut next = PageId::NONE;
        for ids in free.chunks(group).rev() {
            // The page of the list is handed out after those that it names.
            let Some((list, named)) = ids.split_last() else { continue };
            self.make(*list, PageKind::Freelist, 0)?;
            let copy = self.edit(*list)?;
            freelist::link(copy, next);
            for id in named.iter().rev() {
                let fits = freelist::push(copy, *id);
                debug_assert!(fits, "a group is as large as a page of the list");
            }
            next = *list;
        }
        self.state.freelist_head = next;
        Ok(())
    }

    /// Makes `to`, which is on no list, what page `from` is, and forgets `from`, which the caller puts among the free.
    pub(crate) fn move_page(&mut self, from: PageId, to: PageId) -> Result<()> {
        self.evict_if_due()?;
        let page = self.page(from)?;
        // The kind stands behind the sequence, which is the commit's to set.
        self.make(to, PageKind::Overflow, 0)?;
        let (copy, edits, _) = self.edit(to)?.parts_mut();
        let content = crate::page::KIND_OFFSET;
        copy[content..].copy_from_slice(&page[content..]); // equal sizes
        edits.note_whole();
        self.discard(from)
    }
}
