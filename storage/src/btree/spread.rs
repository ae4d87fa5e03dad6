//! Spreading the records of two neighbours: sharing before a split, borrowing and merging after deletes.
//!
//! Records move in place: one node takes a run of them at its edge, the other gives it up, and what stays is not
//! touched. Only where a node's prefix does not suit what it takes are both written anew.

use super::branch::{choose_cut, enter_separator, fullest_cut, keep_tail, separator_at};
use super::leaf_allocator::{
    FenceIntent, LeafAllocator, NotApplied, Sequence, Shape, Workspace, move_run, rebuild_from_records,
};
use super::node::{Fence, NodeView, capacity};
use super::overflow;
use super::record::{RawValue, RecordRef, Tail};
use super::search::{Path, Step, check_node, kind_of_root};
use crate::error::{Error, Result};
use crate::page::{PageId, ReadPages, WritePages};

/// Two neighbours under one branch, by the branch and the index of the left one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub(super) parent: PageId,
    pub(super) left_index: usize,
    pub(super) left: PageId,
    pub(super) right: PageId,
}

/// The pair of child `index` and its neighbour to the left or right, if there is one.
pub(super) fn pair_of<P: ReadPages>(pages: &P, step: Step, with_left: bool) -> Result<Option<Pair>> {
    let page = pages.look(step.page)?;
    let node = NodeView::new(&page);
    let left_index = match (with_left, step.child_index.checked_sub(1)) {
        (true, None) => return Ok(None),
        (true, Some(index)) => index,
        (false, _) => step.child_index,
    };
    if left_index >= node.count() {
        return Ok(None);
    }
    let (left, right) = (node.child(left_index), node.child(left_index + 1));
    Ok(Some(Pair { parent: step.page, left_index, left, right }))
}

/// Checks that two pages are the neighbours that the branch above says they are; gives the tail of what parts them.
fn check_pair<P: ReadPages>(pages: &P, pair: Pair) -> Result<Option<Tail>> {
    let (left_page, right_page, parent) =
        (pages.look(pair.left)?, pages.look(pair.right)?, pages.look(pair.parent)?);
    let (kind, level) = kind_of_root(pair.left, &left_page)?;
    check_node(pair.right, &right_page, kind, level)?;
    let (left, right) = (NodeView::new(&left_page), NodeView::new(&right_page));
    let above = NodeView::new(&parent).record(pair.left_index);
    let parts = |fence: Option<Fence<'_>>| {
        fence.is_some_and(|fence| {
            let same = |index| fence.byte(index) == above.key_byte(index);
            fence.len() == above.local_key_length() && (0..fence.len()).all(same)
        })
    };
    if !parts(left.high_fence()) || !parts(right.low_fence()) {
        return Err(Error::corrupt(pair.right, "its low fence is not what parts it from its neighbour"));
    }
    // In a leaf the separator goes for good; in a branch it comes down with its tail.
    Ok(above.tail.filter(|_| level == 0))
}

/// Makes one node of a pair, if all fits it and leaves a share of 1/n of the room free (0: none need be).
///
/// Gives false, and has done nothing, where it does not.
pub(super) fn merge<P: WritePages>(
    pages: &mut P,
    work: &mut Workspace,
    pair: Pair,
    spare_share: usize,
) -> Result<bool> {
    crate::trace::span!("merge", left_page = pair.left.0, right_page = pair.right.0);
    let tail = check_pair(&*pages, pair)?;
    let epoch = pages.epoch();
    let room = capacity(pages.page_size());
    let leaf = NodeView::new(&pages.look(pair.left)?).level() == 0;
    let spare = room.checked_div(spare_share).unwrap_or(0);
    let merged = leaf && {
        let [left, right] = pages.edit_many([pair.left, pair.right])?;
        move_run::merge_leaves(left, right, work, epoch, spare)
    };
    if !merged && !merge_anew(pages, work, pair, spare)? {
        return Ok(false);
    }
    work.counters.merges += 1;
    delete_separator(pages, work, pair, tail)?;
    pages.free(pair.right)?;
    Ok(true)
}

/// Writes the left node of a pair anew with all records of both; false, and nothing is done, where they do not fit.
fn merge_anew<P: WritePages>(pages: &mut P, work: &mut Workspace, pair: Pair, spare: usize) -> Result<bool> {
    with_images(pages, work, pair, |pages, work, [left, right]| {
        let parent = pages.page(pair.parent)?;
        let (kind, _) = kind_of_root(pair.left, left.bytes())?;
        let child = right.first_child().0.to_le_bytes();
        let middle = middle_of(left, NodeView::new(&parent).record(pair.left_index), &child);
        let records = Sequence { left, middle, right: Some(right), pending: None };
        let (low, high) = (left.low_fence(), right.high_fence());
        if records.size(0..records.len(), low, high) + spare > capacity(pages.page_size()) {
            return Ok(false);
        }
        let shape = Shape { high, right_sibling: right.right_sibling(), ..Shape::of(left, kind) };
        let epoch = pages.epoch();
        rebuild_from_records(pages.edit(pair.left)?, work, epoch, &shape, &records, 0..records.len());
        Ok(true)
    })
}

/// The separator of two branches, which comes down between them with the key it has above.
fn middle_of<'a>(left: NodeView<'_>, above: RecordRef<'a>, child: &'a [u8; 4]) -> Option<RecordRef<'a>> {
    (left.level() > 0).then_some(RecordRef { value: RawValue::Local(child), raw: &[], ..above })
}

/// Runs `with` on copies of the nodes of a pair, while their pages may be edited.
fn with_images<P: WritePages, R>(
    pages: &mut P,
    work: &mut Workspace,
    pair: Pair,
    with: impl FnOnce(&mut P, &mut Workspace, [NodeView<'_>; 2]) -> Result<R>,
) -> Result<R> {
    let mut images = std::mem::take(&mut work.images);
    for (image, id) in images.iter_mut().zip([pair.left, pair.right]) {
        image.clear();
        image.extend_from_slice(&pages.look(id)?);
    }
    let done = with(pages, work, images.each_ref().map(|image| NodeView::new(image)));
    work.images = images;
    done
}

/// Spreads the records of a pair so that both nodes weigh about the same, with `pending` among them (its slot counts
/// through both nodes).
///
/// Gives false, and has done nothing, where the records do not fit.
pub(super) fn balance<P: WritePages>(
    pages: &mut P,
    work: &mut Workspace,
    path: &mut Path,
    pair: Pair,
    pending: Option<NotApplied<'_>>,
) -> Result<bool> {
    spread(pages, work, path, pair, pending, choose_cut)
}

/// Moves records of a pair to the left node until it is full; `path` holds the branches above the pair's.
///
/// Gives false, and has done nothing, where it takes none.
pub(super) fn fill_left<P: WritePages>(
    pages: &mut P,
    work: &mut Workspace,
    path: &mut Path,
    pair: Pair,
) -> Result<bool> {
    spread(pages, work, path, pair, None, fullest_cut)
}

/// Chooses where to cut the records of two nodes, given the page size, their outer fences and a buffer for sums.
type ChooseCut =
    for<'a> fn(&Sequence<'a>, usize, Option<Fence<'_>>, Option<Fence<'_>>, &mut Vec<u32>) -> Option<usize>;

/// Spreads the records of a pair, with `pending` among them, over both nodes, cut where `choose` says.
fn spread<P: WritePages>(
    pages: &mut P,
    work: &mut Workspace,
    path: &mut Path,
    pair: Pair,
    pending: Option<NotApplied<'_>>,
    choose: ChooseCut,
) -> Result<bool> {
    let tail = check_pair(&*pages, pair)?;
    let epoch = pages.epoch();
    let planned = {
        let (left, right, parent) =
            (pages.look(pair.left)?, pages.look(pair.right)?, pages.look(pair.parent)?);
        let (left, right) = (NodeView::new(&left), NodeView::new(&right));
        let child = right.first_child().0.to_le_bytes();
        let middle = middle_of(left, NodeView::new(&parent).record(pair.left_index), &child);
        let records = Sequence { left, middle, right: Some(right), pending };
        let fences = (left.low_fence(), right.high_fence());
        match choose(&records, pages.page_size(), fences.0, fences.1, &mut work.sums) {
            Some(cut) => Some((cut, left.level(), separator_at(&*pages, &records, cut)?)),
            None => None,
        }
    };
    let Some((cut, level, (mut separator, long))) = planned else { return Ok(false) };
    work.counters.key_decodes += 1;
    keep_tail(pages, &mut separator, &long)?;
    let fence = separator.fence();
    let moved = level == 0 && {
        let [left, right] = pages.edit_many([pair.left, pair.right])?;
        move_run::balance_leaves(left, right, work, epoch, cut, &fence, pending)
    };
    if !moved {
        balance_anew(pages, work, pair, cut, fence, pending)?;
    }
    work.counters.borrows += 1;
    delete_separator(pages, work, pair, tail)?;
    let step = Step { page: pair.parent, child_index: pair.left_index };
    enter_separator(pages, work, path, step, &separator, pair.right, FenceIntent::Balance)?;
    Ok(true)
}

/// Writes both nodes of a pair anew, cut as planned.
fn balance_anew<P: WritePages>(
    pages: &mut P,
    work: &mut Workspace,
    pair: Pair,
    cut: usize,
    fence: Fence<'_>,
    pending: Option<NotApplied<'_>>,
) -> Result<()> {
    with_images(pages, work, pair, |pages, work, [left, right]| {
        let parent = pages.page(pair.parent)?;
        let (kind, level) = kind_of_root(pair.left, left.bytes())?;
        let child = right.first_child().0.to_le_bytes();
        let middle = middle_of(left, NodeView::new(&parent).record(pair.left_index), &child);
        let records = Sequence { left, middle, right: Some(right), pending };
        let (right_from, first_child) =
            if level > 0 { (cut + 1, records.get(cut).child()) } else { (cut, PageId::NONE) };
        let shape = Shape { right_sibling: right.right_sibling(), ..Shape::of(left, kind) };
        let left_shape = Shape { high: Some(fence), right_sibling: pair.right, ..shape };
        let right_shape = Shape { low: Some(fence), high: right.high_fence(), first_child, ..shape };
        let epoch = pages.epoch();
        let [left_copy, right_copy] = pages.edit_many([pair.left, pair.right])?;
        rebuild_from_records(left_copy, work, epoch, &left_shape, &records, 0..cut);
        rebuild_from_records(right_copy, work, epoch, &right_shape, &records, right_from..records.len());
        Ok(())
    })
}

fn delete_separator<P: WritePages>(
    pages: &mut P,
    work: &mut Workspace,
    pair: Pair,
    tail: Option<Tail>,
) -> Result<()> {
    let epoch = pages.epoch();
    let mut allocator = LeafAllocator::open(pages.edit(pair.parent)?, work, epoch);
    allocator.delete(pair.left_index);
    allocator.finish();
    match tail {
        Some(tail) => overflow::free_run(pages, tail.page, tail.length),
        None => Ok(()),
    }
}
