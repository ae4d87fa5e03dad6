//! Vacuum: a compact file, by ordinary transactions of bounded work.
//!
//! ```text
//!   | header | used | free | used | used | free | used |        pages in use at the end go to free places in front,
//!                      ^-----------------------------'          and the end is cut off by the commit
//! ```
//! First the records of every tree are packed into full leaves (`btree::pack`), which frees pages here and there. Then
//! each step takes the whole freelist, moves the pages in use behind the future end of the file to the lowest free places,
//! leads whatever led to them there (`btree::Referrers`), and lays the list anew in ascending order, so that writers who
//! come between the steps use the low places too.
//!
//! A step is a transaction like any other: it is whole or not at all after a crash, readers go on with what they saw, and
//! the base file gets shorter only when a checkpoint finds nobody who looks at its end (`txn::Engine`).
//!
//! The root of a tree names it. A root moves like any page, but who keeps its number must be told: the step says which
//! moved, and the caller notes them in the same transaction.

use super::freelist;
use crate::btree::{self, PackPlace, Referrers, TreeId, TreeMemory};
use crate::error::Result;
use crate::page::{PageId, ReadPages};
use crate::txn::PrivatePages;
use rustc_hash::FxHashSet;

/// Pages that one step packs or moves, unless the freelist is so long that writing it anew would cost more.
const STEP_PAGES: u32 = 1024;
/// Moved pages for each page of the freelist that is written anew.
const MOVES_PER_LIST_PAGE: u32 = 8;

/// A vacuum under way: what it has done, and what it found out about pages that will move.
#[derive(Debug)]
pub struct Vacuum {
    /// The tree that is being packed, and where; none once all are packed.
    packing: Option<(TreeId, PackPlace)>,
    /// Pages by which the file may still get shorter.
    pages_left: u32,
    referrers: Option<Referrers>,
}

/// What one step of a vacuum has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VacuumStep {
    /// Trees whose root page has another number now: the former one and the present one.
    pub moved_trees: Vec<(TreeId, TreeId)>,
    /// True if nothing is left to do.
    pub is_done: bool,
}

impl Vacuum {
    /// Packs all trees and makes the file as short as can be.
    #[must_use]
    pub fn full() -> Vacuum {
        let packing = Some((TreeId(0), PackPlace::default()));
        Vacuum { packing, pages_left: u32::MAX, referrers: None }
    }

    /// Makes the file shorter by up to `pages` pages; trees keep the pages they have.
    #[must_use]
    pub fn incremental(pages: u32) -> Vacuum {
        Vacuum { packing: None, pages_left: pages, referrers: None }
    }

    /// Does a bounded part of it in the transaction that `pages` is; `trees` are all there are.
    pub(crate) fn step(
        &mut self,
        pages: &mut PrivatePages,
        memory: &mut TreeMemory,
        trees: &[TreeId],
    ) -> Result<VacuumStep> {
        if self.packing.is_some() {
            self.pack(pages, memory, trees)?;
            return Ok(VacuumStep::default());
        }
        let before = pages.page_count();
        let moved_trees = self.move_tail(pages, memory, trees)?;
        let cut = before - pages.page_count();
        self.pages_left -= cut.min(self.pages_left);
        // A page that nothing leads to stays, and all in front of it: `check` tells of those.
        let is_done = cut == 0 || self.pages_left == 0 || pages.free_count() == 0;
        Ok(VacuumStep { moved_trees, is_done })
    }

    /// Packs trees in the order of their numbers.
    fn pack(&mut self, pages: &mut PrivatePages, memory: &mut TreeMemory, trees: &[TreeId]) -> Result<()> {
        let mut nodes_max = STEP_PAGES;
        while let Some((tree, place)) = &mut self.packing {
            // The tree may have been dropped since the last step.
            if trees.contains(tree) && !btree::pack(pages, memory, *tree, place, &mut nodes_max)? {
                return Ok(());
            }
            let next = trees.iter().filter(|next| **next > *tree).min();
            self.packing = next.map(|next| (*next, PackPlace::default()));
        }
        Ok(())
    }

    /// Moves pages from the end to the front, and cuts the end off; gives the trees whose roots moved.
    fn move_tail(
        &mut self,
        pages: &mut PrivatePages,
        memory: &mut TreeMemory,
        trees: &[TreeId],
    ) -> Result<Vec<(TreeId, TreeId)>> {
        let free = pages.take_free_pages()?;
        let (count, free_count) = (pages.page_count(), free.len() as u32);
        let list_pages = free_count / freelist::capacity_of(pages.page_size()) as u32;
        let cut = self.pages_left.min(free_count).min(STEP_PAGES.max(list_pages * MOVES_PER_LIST_PAGE));
        let end = PageId(count - cut);
        let used = |from: PageId| {
            let free = &free;
            (from.0..count).rev().map(PageId).filter(move |id| free.binary_search(id).is_err())
        };
        let roots: FxHashSet<PageId> = trees.iter().map(|tree| PageId(tree.0)).collect();
        let mut waiting: Vec<PageId> = used(end).collect();
        let has_runs = any_run(pages, waiting.iter().copied())?;
        if !self.referrers.as_ref().is_some_and(|known| known.covers(end, has_runs)) {
            // One walk serves all steps that follow.
            let last_end = PageId(count - self.pages_left.min(free_count));
            let with_runs = has_runs || any_run(pages, used(last_end))?;
            self.referrers = Some(Referrers::find(&*pages, trees, last_end, with_runs, count)?);
        }
        let mut moves = Moves { places: &free, used: 0, freed: FxHashSet::default() };
        let mut moved_trees = Vec::new();
        for is_second in [false, true] {
            let Some(referrers) = &mut self.referrers else { break };
            let mut unknown = Vec::new();
            for id in waiting {
                let Some(to) = moves.next_place() else { break };
                if roots.contains(&id) {
                    referrers.note_moved(id, to);
                    moved_trees.push((TreeId(id.0), TreeId(to.0)));
                } else if !referrers.redirect(pages, memory, id, to, |id| moves.is_free(id))? {
                    unknown.push(id);
                    continue;
                }
                pages.move_page(id, to)?;
                moves.note(id);
            }
            if unknown.is_empty() || is_second {
                break;
            }
            // Commits of others came between: what leads there must be found again.
            waiting = unknown;
            let trees: Vec<TreeId> = trees.iter().map(|tree| now(&moved_trees, *tree)).collect();
            *referrers = Referrers::find(&*pages, &trees, end, true, count)?;
        }
        trees.iter().for_each(|tree| memory.forget(*tree));
        let mut left: Vec<PageId> = free.get(moves.used..).unwrap_or_default().to_vec();
        left.extend(moves.freed);
        left.sort_unstable();
        pages.put_free_pages(left)?;
        Ok(moved_trees)
    }
}

/// What the tree `tree` is called after `moved`.
fn now(moved: &[(TreeId, TreeId)], tree: TreeId) -> TreeId {
    moved.iter().find(|(before, _)| *before == tree).map_or(tree, |(_, now)| *now)
}

/// True if one of the pages belongs to an overflow run.
fn any_run(pages: &PrivatePages, ids: impl Iterator<Item = PageId>) -> Result<bool> {
    for id in ids {
        if btree::is_run_page(id, &pages.page(id)?) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The moves of a step: which free places they took, and which pages became free.
struct Moves<'a> {
    /// All that were free, in ascending order.
    places: &'a [PageId],
    /// How many of them are taken, from the lowest on.
    used: usize,
    freed: FxHashSet<PageId>,
}

impl Moves<'_> {
    /// The place for the next page that moves.
    fn next_place(&self) -> Option<PageId> {
        self.places.get(self.used).copied()
    }

    /// Notes that page `id` went to the next place.
    fn note(&mut self, id: PageId) {
        self.used += 1;
        self.freed.insert(id);
    }

    /// True if the content of a page means nothing.
    fn is_free(&self, id: PageId) -> bool {
        self.freed.contains(&id) || self.places.binary_search(&id).is_ok_and(|at| at >= self.used)
    }
}
