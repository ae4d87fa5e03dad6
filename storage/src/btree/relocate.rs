//! What leads to the pages at the end of the file, and leading it elsewhere when one of them moves.
//!
//! A page in use has one place that owns it: a branch its child, a node the first page of a run, a page of a run the
//! next one. A node that is not the first of its level is linked to by its left neighbour too. One walk through the trees
//! finds these places; each is looked at again before it is changed, since commits may have come between. Edits the
//! pages that link, never the page that moves.

use super::leaf_allocator::LeafAllocator;
use super::node::{NodeView, header};
use super::overflow;
use super::record::{RawValue, RecordRef, Tail};
use super::search::{check_node, kind_of_root};
use super::{TreeId, TreeKind, TreeMemory};
use crate::error::{Error, Result};
use crate::page::{PageId, PageKind, ReadPages, WritePages, kind_of};
use rustc_hash::FxHashMap;

/// The pages that lead to those from a certain one on.
#[derive(Debug)]
pub(crate) struct Referrers {
    from: PageId,
    with_runs: bool,
    /// By page: the branch above a node, what a page of a run hangs on.
    owners: FxHashMap<PageId, PageId>,
    /// By node: its left neighbour.
    lefts: FxHashMap<PageId, PageId>,
    /// Where pages went that moved since the walk.
    moved: FxHashMap<PageId, PageId>,
}

/// A walk that collects them.
struct Walk<'a, P> {
    pages: &'a P,
    kind: TreeKind,
    found: &'a mut Referrers,
    /// By level, the node seen last.
    last: Vec<PageId>,
    /// Pages that may still be visited: a damaged tree has no end otherwise.
    left: u64,
}

/// True if page `id` belongs to an overflow run.
pub(crate) fn is_run_page(id: PageId, page: &[u8]) -> bool {
    kind_of(id, page) == Some(PageKind::Overflow)
}

impl Referrers {
    /// Walks `trees` and notes what leads to pages from `from` on; pages of overflow runs are not looked for unless
    /// `with_runs`, for then every leaf must be read. `page_count` bounds the walk.
    pub(crate) fn find<P: ReadPages>(
        pages: &P,
        trees: &[TreeId],
        from: PageId,
        with_runs: bool,
        page_count: u32,
    ) -> Result<Referrers> {
        let mut found = Referrers {
            from,
            with_runs,
            owners: FxHashMap::default(),
            lefts: FxHashMap::default(),
            moved: FxHashMap::default(),
        };
        let mut left = u64::from(page_count);
        for tree in trees {
            let root = PageId(tree.0);
            let (kind, level) = kind_of_root(root, &pages.page(root)?)?;
            let last = vec![PageId::NONE; usize::from(level) + 1];
            let mut walk = Walk { pages, kind, found: &mut found, last, left };
            walk.node(root, level)?;
            left = walk.left;
        }
        Ok(found)
    }

    /// True if it knows of pages from `from` on, and of those of runs where that is asked.
    pub(crate) fn covers(&self, from: PageId, with_runs: bool) -> bool {
        self.from <= from && (self.with_runs || !with_runs)
    }

    /// Where a page is that was at `id` during the walk.
    fn now(&self, id: PageId) -> PageId {
        self.moved.get(&id).copied().unwrap_or(id)
    }

    /// Leads what led to page `id` to page `to`, where its content is to be; false, and nothing is done, where that is not
    /// known any more. `is_free` tells of pages whose content means nothing.
    pub(crate) fn redirect<P: WritePages>(
        &mut self,
        pages: &mut P,
        memory: &mut TreeMemory,
        id: PageId,
        to: PageId,
        is_free: impl Fn(PageId) -> bool,
    ) -> Result<bool> {
        let Some(owner) = self.owners.get(&id).map(|owner| self.now(*owner)) else { return Ok(false) };
        if is_free(owner) {
            return Ok(false);
        }
        let page = pages.page(id)?;
        let redirected = if is_run_page(id, &page) {
            redirect_run(pages, memory, owner, id, to)?
        } else {
            let (kind, level) = kind_of_root(id, &page)?;
            let left = self.lefts.get(&id).map(|left| self.now(*left));
            // The first node of a level has no low fence.
            let first = NodeView::new(&page).low_fence().is_none();
            match left {
                Some(left) if first || is_free(left) || !links(pages, left, kind, level, id)? => {
                    return Ok(false);
                }
                None if !first => return Ok(false),
                _ => {}
            }
            let redirected = redirect_child(pages, memory, owner, (kind, level), id, to)?;
            if let Some(left) = left.filter(|_| redirected) {
                let epoch = pages.epoch();
                let mut allocator = LeafAllocator::open(pages.edit(left)?, &mut memory.work, epoch);
                allocator.set_right_sibling(to);
                allocator.finish();
            }
            redirected
        };
        if redirected {
            self.moved.insert(id, to);
        }
        Ok(redirected)
    }

    /// Notes that a page moved which nothing leads to: the root of a tree.
    pub(crate) fn note_moved(&mut self, id: PageId, to: PageId) {
        self.moved.insert(id, to);
    }
}

impl<P: ReadPages> Walk<'_, P> {
    fn visit(&mut self, id: PageId) -> Result<()> {
        let left = self.left.checked_sub(1);
        self.left = left.ok_or_else(|| Error::corrupt(id, "the trees have more pages than the file"))?;
        Ok(())
    }

    /// Notes what node `id` leads to, and what the nodes below lead to.
    fn node(&mut self, id: PageId, level: u8) -> Result<()> {
        self.visit(id)?;
        let page = self.pages.page(id)?;
        check_node(id, &page, self.kind, level)?;
        let node = NodeView::new(&page);
        if self.found.with_runs {
            for record in node.records() {
                if let Some(tail) = record.tail {
                    self.run(id, tail.page, tail.length)?;
                }
                if let RawValue::Overflow { page, length } = record.value {
                    self.run(id, page, length)?;
                }
            }
        }
        let Some(below) = level.checked_sub(1) else { return Ok(()) };
        for index in 0..=node.count() {
            let child = node.child(index);
            let last = &mut self.last[usize::from(below)]; // as long as the tree is high
            let left = std::mem::replace(last, child);
            if child >= self.found.from {
                self.found.owners.insert(child, id);
                if left != PageId::NONE {
                    self.found.lefts.insert(child, left);
                }
            }
            if below > 0 || self.found.with_runs {
                self.node(child, below)?;
            }
        }
        Ok(())
    }

    /// Notes what leads to the pages of a run that hangs on page `owner`.
    fn run(&mut self, owner: PageId, first: PageId, length: u32) -> Result<()> {
        let (pages, mut before) = (self.pages, owner);
        overflow::pages_of_run(pages, first, length, &mut |page| {
            self.visit(page)?;
            if page >= self.found.from {
                self.found.owners.insert(page, before);
            }
            before = page;
            Ok(())
        })
    }
}

/// True if page `left` is a node of that kind and level whose right sibling is `id`.
fn links<P: ReadPages>(pages: &P, left: PageId, kind: TreeKind, level: u8, id: PageId) -> Result<bool> {
    let page = pages.page(left)?;
    Ok(check_node(left, &page, kind, level).is_ok() && NodeView::new(&page).right_sibling() == id)
}

/// Gives the branch `owner` the child `to` in place of `id`, a node of that kind and level; false where it has no such
/// child.
fn redirect_child<P: WritePages>(
    pages: &mut P,
    memory: &mut TreeMemory,
    owner: PageId,
    (kind, level): (TreeKind, u8),
    id: PageId,
    to: PageId,
) -> Result<bool> {
    let page = pages.page(owner)?;
    if check_node(owner, &page, kind, level + 1).is_err() {
        return Ok(false);
    }
    let node = NodeView::new(&page);
    let Some(index) = (0..=node.count()).find(|index| node.child(*index) == id) else { return Ok(false) };
    let Some(slot) = index.checked_sub(1) else {
        let (page, edits, _) = pages.edit(owner)?.parts_mut();
        let (start, end) = header::set_first_child(page, to);
        edits.note_write(start, end);
        return Ok(true);
    };
    let record = node.record(slot);
    let child = to.0.to_le_bytes();
    replace_record(
        pages,
        memory,
        owner,
        slot,
        RecordRef { value: RawValue::Local(&child), raw: &[], ..record },
    )?;
    Ok(true)
}

/// Hangs the rest of a run that starts with page `id` on `to`; false where page `owner` does not lead there.
fn redirect_run<P: WritePages>(
    pages: &mut P,
    memory: &mut TreeMemory,
    owner: PageId,
    id: PageId,
    to: PageId,
) -> Result<bool> {
    let page = pages.page(owner)?;
    if is_run_page(owner, &page) {
        return overflow::relink(pages, owner, id, to);
    }
    let Ok((kind, level)) = kind_of_root(owner, &page) else { return Ok(false) };
    check_node(owner, &page, kind, level)?;
    for (slot, record) in NodeView::new(&page).records().enumerate() {
        let tail =
            record.tail.map(|tail| Tail { page: if tail.page == id { to } else { tail.page }, ..tail });
        let value = match record.value {
            RawValue::Overflow { page, length } if page == id => RawValue::Overflow { page: to, length },
            value => value,
        };
        if tail != record.tail || value != record.value {
            replace_record(pages, memory, owner, slot, RecordRef { tail, value, raw: &[], ..record })?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// Puts `record`, which is as long as the one there and has its key, into a slot.
fn replace_record<P: WritePages>(
    pages: &mut P,
    memory: &mut TreeMemory,
    id: PageId,
    slot: usize,
    record: RecordRef<'_>,
) -> Result<()> {
    let epoch = pages.epoch();
    let mut allocator = LeafAllocator::open(pages.edit(id)?, &mut memory.work, epoch);
    let replaced = allocator.replace(slot, &record).is_ok();
    allocator.finish();
    if replaced { Ok(()) } else { Err(Error::corrupt(id, "a link takes more room than before")) }
}
