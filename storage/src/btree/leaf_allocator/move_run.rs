//! Moving runs of records between two neighbouring leaves in place: borrows and merges.
//!
//! The leaf that takes a run gets it at its edge, in blocks; the one that gives it up only forgets it. Each function
//! answers false where the records cannot move like that, and then both leaves together still hold what they held.

use super::extents::Extent;
use super::split::{copy_blocks, encode_record};
use super::{LeafAllocator, NotApplied, Workspace};
use crate::btree::node::{Fence, NodeView, SLOT_SIZE, SLOTS_START, header, offset_in};
use crate::btree::record::{self, Form, Layout};
use crate::page::PageCopy;
use std::ops::Range;

/// Puts all records of `right` behind those of `left`, which takes its fence and link, if `spare` bytes stay free.
pub(in crate::btree) fn merge_leaves(
    left: &mut PageCopy,
    right: &PageCopy,
    work: &mut Workspace,
    epoch: u64,
    spare: usize,
) -> bool {
    let (node, source) = (NodeView::new(left.bytes()), NodeView::new(right.bytes()));
    let (count, high) = (source.count(), source.high_fence());
    let fence_length = match high {
        _ if node.is_table() => 0,
        Some(high) => high.len().saturating_sub(node.prefix_length()),
        None => 0,
    };
    let suits = match (high, count.checked_sub(1)) {
        (Some(high), _) => may_bound(node, &high),
        (None, Some(last)) => {
            let last = source.record(last);
            node.prefix().iter().enumerate().all(|(at, byte)| last.key_byte(at) == Some(*byte))
        }
        (None, None) => true,
    };
    if !suits || !may_take(node, source) {
        return false;
    }
    let needed = run_length(node.form(), source, 0..count) + count * SLOT_SIZE + fence_length + spare;
    if node.gap() + node.dead() < needed {
        return false;
    }
    let mut allocator = LeafAllocator::open(left, work, epoch);
    let behind = allocator.node().count();
    let moved = allocator.insert_run(behind, source, 0..count);
    if moved {
        allocator.set_right_sibling(source.right_sibling());
        let bounded = allocator.set_high_fence(high.as_ref());
        debug_assert!(bounded, "its room was counted");
    }
    allocator.finish();
    moved
}

/// Moves records between two leaves so that the left one ends before `cut`, counted through both with `pending` in its
/// place, and applies `pending`; `fence` comes between them.
pub(in crate::btree) fn balance_leaves(
    left: &mut PageCopy,
    right: &mut PageCopy,
    work: &mut Workspace,
    epoch: u64,
    cut: usize,
    fence: &Fence<'_>,
    pending: Option<NotApplied<'_>>,
) -> bool {
    let (left_node, right_node) = (NodeView::new(left.bytes()), NodeView::new(right.bytes()));
    let count = left_node.count();
    // The cut among the records that are there.
    let kept = cut - usize::from(pending.is_some_and(|pending| pending.slot < cut));
    let suit = may_bound(left_node, fence) && may_bound(right_node, fence);
    let (taker, giver) = if kept < count { (right_node, left_node) } else { (left_node, right_node) };
    if !suit || !may_take(taker, giver) {
        return false;
    }
    // Once the run is taken it must be given up: a failure after that leaves only fences or the pending record wrong.
    let fenced = if kept < count {
        let taken = take_run(right, work, epoch, |right| {
            right.insert_run(0, left_node, kept..count).then(|| right.set_low_fence(fence))
        });
        let Some(fenced) = taken else { return false };
        fenced & give_run(left, work, epoch, kept..count, |left| left.set_high_fence(Some(fence)))
    } else {
        let run = 0..kept - count;
        let taken = take_run(left, work, epoch, |left| {
            left.insert_run(count, right_node, run.clone()).then(|| left.set_high_fence(Some(fence)))
        });
        let Some(fenced) = taken else { return false };
        fenced & give_run(right, work, epoch, run, |right| right.set_low_fence(fence))
    };
    let Some(pending) = pending.filter(|_| fenced) else { return fenced };
    let (half, slot) = if pending.slot < cut { (left, pending.slot) } else { (right, pending.slot - cut) };
    let mut allocator = LeafAllocator::open(half, work, epoch);
    let applied = allocator.insert(slot, &pending.record).is_ok();
    allocator.finish();
    applied
}

/// Runs `take` on the leaf that takes records: `None` where it could not, else whether the fence was set too.
fn take_run(
    leaf: &mut PageCopy,
    work: &mut Workspace,
    epoch: u64,
    take: impl FnOnce(&mut LeafAllocator<'_>) -> Option<bool>,
) -> Option<bool> {
    let mut allocator = LeafAllocator::open(leaf, work, epoch);
    let taken = take(&mut allocator);
    // A leaf with a wrong fence is about to be written anew and leaves no snapshot.
    if taken != Some(false) {
        allocator.finish();
    }
    taken
}

/// Drops the records of `run` from a leaf and sets its fence; false where there is no room for the fence.
fn give_run(
    leaf: &mut PageCopy,
    work: &mut Workspace,
    epoch: u64,
    run: Range<usize>,
    set_fence: impl FnOnce(&mut LeafAllocator<'_>) -> bool,
) -> bool {
    let mut allocator = LeafAllocator::open(leaf, work, epoch);
    allocator.remove_run(run);
    let fenced = set_fence(&mut allocator);
    if fenced {
        allocator.finish();
    }
    fenced
}

/// True where `fence` can be one of `node`'s while its prefix stays. The fence keeps a byte behind the prefix, as all do.
fn may_bound(node: NodeView<'_>, fence: &Fence<'_>) -> bool {
    let prefix = node.prefix();
    node.is_table()
        || fence.len() > prefix.len()
            && prefix.iter().enumerate().all(|(at, byte)| fence.byte(at) == Some(*byte))
}

/// True where `node` can hold records of `source` in its own form.
fn may_take(node: NodeView<'_>, source: NodeView<'_>) -> bool {
    match node.layout() {
        Layout::Index => true,
        Layout::Narrow => source.form() == node.form() && source.row_base() == node.row_base(),
        Layout::Wide => source.form() == node.form() && node.count() > 0,
    }
}

/// Bytes of the records in `slots` of `source` in a node of `form`.
fn run_length(form: Form, source: NodeView<'_>, slots: Range<usize>) -> usize {
    if source.form() != form {
        return slots.map(|slot| source.record(slot).encoded_length(form)).sum();
    }
    let length = |slot: &_| record::length_at(source.bytes(), offset_in(*slot), form.layout);
    source.slots()[slots].iter().map(length).sum() // slots of the node
}

impl LeafAllocator<'_> {
    /// Inserts the records in `slots` of `source` before `slot`; false where there is no room for all.
    fn insert_run(&mut self, slot: usize, source: NodeView<'_>, slots: Range<usize>) -> bool {
        let form = self.node().form();
        let (count, slot_bytes) = (slots.len(), slots.len() * SLOT_SIZE);
        let length = run_length(form, source, slots.clone());
        if self.node().gap() + self.node().dead() < length + slot_bytes {
            return false;
        }
        if self.node().gap() < length + slot_bytes {
            self.compact(None);
        }
        let (at, end) = (SLOTS_START + slot * SLOT_SIZE, self.node().slots_end());
        if at < end && count > 0 {
            self.page.copy_within(at..end, at + slot_bytes);
            self.edits.note_move(at, at + slot_bytes, end - at);
        }
        let (heap_start, dead) = (self.node().heap_start(), self.node().dead());
        let mut heap = heap_start;
        if source.form() == form {
            heap = copy_blocks(self.page, source, &source.slots()[slots], slot, heap); // slots of the node
        } else {
            for (to, from) in slots.enumerate() {
                heap = encode_record(self.page, &source.record(from), slot + to, heap, form);
            }
        }
        self.edits.note_write(heap, heap_start);
        self.edits.note_write(at, at + slot_bytes);
        header::set_count(self.page, self.node().count() + count);
        header::set_heap(self.page, heap, dead);
        self.note_counts();
        if let Some(extents) = &mut self.known.extents {
            let node = NodeView::new(self.page);
            extents.insert_run(slot, (slot..slot + count).map(|slot| Extent::of(node, slot)));
        }
        self.work.counters.memcopy_bytes += (heap_start - heap) as u64;
        true
    }

    /// Drops the records of `run`, which went to another node.
    pub(super) fn remove_run(&mut self, run: Range<usize>) {
        let node = self.node();
        let (count, mut heap_start, mut dead) = (node.count(), node.heap_start(), node.dead());
        // After ascending inserts the last records lie first in the heap: then the gap grows.
        for slot in run.clone().rev() {
            let extent = Extent::of(node, slot);
            if extent.start() == heap_start {
                heap_start = extent.end();
            } else {
                dead += usize::from(extent.length);
            }
        }
        let (at, from) = (SLOTS_START + run.start * SLOT_SIZE, SLOTS_START + run.end * SLOT_SIZE);
        let end = self.node().slots_end();
        if from < end && !run.is_empty() {
            self.page.copy_within(from..end, at);
            self.edits.note_move(from, at, end - from);
        }
        header::set_count(self.page, count - run.len());
        header::set_heap(self.page, heap_start, dead);
        self.note_counts();
        if let Some(extents) = &mut self.known.extents {
            extents.remove_run(run);
        }
        self.known.regions = None;
    }
}
