//! Deleting records, and merging nodes that have become nearly empty.
//!
//! A node is looked at when it is less than a third full, and merged only if a quarter of the result stays
//! free: so a split's halves are far from a merge, and a merge's result is far from a split. The last leaf of a
//! tree may stay nearly or wholly empty, since that is what an ascending insert leaves behind.

use super::TreeId;
use super::branch::shrink_root;
use super::leaf::{Edited, TreeMemory, find_leaf};
use super::leaf_allocator::LeafAllocator;
use super::node::{NodeView, capacity};
use super::overflow;
use super::record::RawValue;
use super::search::{Path, descend};
use super::spread::{Pair, balance, merge, pair_of};
use crate::error::Result;
use crate::page::{PageId, ReadPages, WritePages};

/// A node that uses less than this share (1/n) of its room is merged if that can be.
const MERGE_BELOW_SHARE: usize = 3;
/// A leaf that uses less than this share and cannot be merged takes records from a neighbour.
const BORROW_BELOW_SHARE: usize = 6;
/// The share of a merged node that stays free.
const MERGE_SPARE_SHARE: usize = 4;

/// Frees the run of a value.
pub(super) fn free_value<P: WritePages>(pages: &mut P, page: PageId, length: u32) -> Result<()> {
    overflow::free_run(pages, page, length)
}

/// Deletes the record of `key`; false where there is none.
pub(super) fn delete<P: WritePages>(
    pages: &mut P,
    memory: &mut TreeMemory,
    tree: TreeId,
    key: &[u8],
) -> Result<bool> {
    let (leaf, found) = find_leaf(pages, memory, tree, key)?;
    if !found.exact {
        return Ok(false);
    }
    let epoch = pages.epoch();
    let room = capacity(pages.page_size());
    let copy = pages.edit(leaf)?;
    let old = NodeView::new(copy.bytes()).record(found.slot);
    let tail = old.tail;
    let run = if let RawValue::Overflow { page, length } = old.value { Some((page, length)) } else { None };
    let mut allocator = LeafAllocator::open(copy, &mut memory.work, epoch);
    allocator.delete(found.slot);
    let low = allocator.node().used() < room / MERGE_BELOW_SHARE;
    allocator.finish();
    memory.remember(tree, epoch, leaf, Edited::Deleted(found.slot));
    for (page, length) in run.into_iter().chain(tail.map(|tail| (tail.page, tail.length))) {
        overflow::free_run(pages, page, length)?;
    }
    if low && leaf != PageId(tree.0) {
        rebalance(pages, memory, tree, key, leaf)?;
    }
    Ok(true)
}

fn rebalance<P: WritePages>(
    pages: &mut P,
    memory: &mut TreeMemory,
    tree: TreeId,
    key: &[u8],
    leaf: PageId,
) -> Result<()> {
    let mut path = std::mem::take(&mut memory.path);
    if path.is_empty() {
        descend(&*pages, PageId(tree.0), key, &mut path)?;
    }
    let mut id = leaf;
    let mut changed = false;
    while let Some(step) = path.pop() {
        match join(pages, memory, &mut path, step, id)? {
            Joined::Not => break,
            Joined::Merged => changed = true,
            Joined::Borrowed => {
                changed = true;
                break;
            }
        }
        id = step.page;
    }
    path.clear();
    memory.path = path;
    if changed {
        memory.forget(tree);
        shrink_root(pages, PageId(tree.0))?;
    }
    Ok(())
}

/// What became of a node that may have been low.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Joined {
    /// Nothing.
    Not,
    /// It is one with a neighbour: the branch above has a record less.
    Merged,
    /// It took records from a neighbour.
    Borrowed,
}

/// Joins node `id`, the child that `step` took, with a neighbour if it is low.
fn join<P: WritePages>(
    pages: &mut P,
    memory: &mut TreeMemory,
    path: &mut Path,
    step: super::search::Step,
    id: PageId,
) -> Result<Joined> {
    let room = capacity(pages.page_size());
    let (used, empty, leaf, last) = {
        let page = pages.look(id)?;
        let node = NodeView::new(&page);
        (node.used(), node.count() == 0, node.level() == 0, node.high_fence().is_none())
    };
    if used >= room / MERGE_BELOW_SHARE && !empty {
        return Ok(Joined::Not);
    }
    let pairs = [pair_of(&*pages, step, true)?, pair_of(&*pages, step, false)?];
    // An empty node must go, however full its neighbour is; but see the file's header for the last leaf.
    let spare_share = if empty && !(leaf && last) { 0 } else { MERGE_SPARE_SHARE };
    for pair in pairs.into_iter().flatten() {
        if used_by(&*pages, pair)? + room.checked_div(spare_share).unwrap_or(0) <= room
            && merge(pages, &mut memory.work, pair, spare_share)?
        {
            return Ok(Joined::Merged);
        }
    }
    let borrows = if leaf { used < room / BORROW_BELOW_SHARE && !last } else { empty };
    if borrows {
        for pair in pairs.into_iter().flatten() {
            if balance(pages, &mut memory.work, path, pair, None)? {
                return Ok(Joined::Borrowed);
            }
        }
    }
    Ok(Joined::Not)
}

/// Bytes that the nodes of a pair use: a merged node needs no less, but for one fence.
pub(super) fn used_by<P: ReadPages>(pages: &P, pair: Pair) -> Result<usize> {
    let (left, right) = (pages.look(pair.left)?, pages.look(pair.right)?);
    let (left, right) = (NodeView::new(&left), NodeView::new(&right));
    let fences = left.fence_extents().into_iter().chain(right.fence_extents()).flatten();
    Ok(left.used() + right.used() - fences.map(|(_, length)| length).sum::<usize>())
}
