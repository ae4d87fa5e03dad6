//! `LeafAllocator`: every change of a node's records and fences happens here, in place.
//!
//! ```text
//! | header | slot 0 | slot 1 | ... | gap | record | hole | record | fence | record | ... |
//!                          slots end ^   ^ heap start                          heap end ^
//! ```
//! Opening is O(1): the header says where the gap is and how many bytes are dead. Where the holes are is found
//! out only when one must be filled, from the extents of the slots; both lists then stay with the page copy as
//! a snapshot, so that the next edit of the leaf scans nothing. Room for a record is sought in the gap, in the
//! hole that fits best, and by compaction; what then still does not fit is the tree's to share or split.
//!
//! Branches have the same layout and are edited by the same code. Each change of bytes is noted in the page's
//! edit list; may touch node bytes and that list, never another page.

mod extents;
mod free_regions;
mod snapshot;
mod split;
#[cfg(test)]
mod tests;

pub(crate) use snapshot::LeafAllocatorSnapshot;
pub(in crate::btree) use split::{Pending, Sequence, Shape, Split, rebuild_from_records, split_into};

use super::node::{Fence, NodeView, SLOT_SIZE, SLOTS_START, header};
use super::record::{Layout, RecordRef};
use crate::metrics::Counters;
use crate::page::{EditList, PageCopy};
use extents::{Extent, SlotExtents};
use free_regions::FreeRegions;

/// More moved blocks than this and a compaction is noted as written bytes: a move costs the log 6 bytes.
const NOTED_MOVES_MAX: usize = 8;

/// What edits of a transaction share: counters and buffers that are allocated once.
#[derive(Debug, Default)]
pub(in crate::btree) struct Workspace {
    pub(in crate::btree) counters: Counters,
    /// Heap extents by descending offset, with their owners, during a compaction.
    order: Vec<(Extent, Owner)>,
    /// Bytes of the pages that are being rebuilt.
    pub(in crate::btree) images: [Vec<u8>; 2],
    /// Running sums of record sizes while a cut is chosen.
    pub(in crate::btree) sums: Vec<u32>,
}

/// Whose bytes an extent of the heap is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Slot(u16),
    Fence(u8),
}

/// An insert or a replacement found no room; nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::btree) struct NotApplied;

/// Edits one node.
pub(in crate::btree) struct LeafAllocator<'a> {
    page: &'a mut [u8],
    edits: &'a mut EditList,
    home: &'a mut Option<LeafAllocatorSnapshot>,
    work: &'a mut Workspace,
    epoch: u64,
    extents: Option<SlotExtents>,
    regions: Option<FreeRegions>,
}

impl<'a> LeafAllocator<'a> {
    /// Opens the node of `copy`, from its snapshot where that is good.
    pub(in crate::btree) fn open(
        copy: &'a mut PageCopy,
        work: &'a mut Workspace,
        epoch: u64,
    ) -> LeafAllocator<'a> {
        let (page, edits, home) = copy.parts_mut();
        match home.take().filter(|snapshot| snapshot.describes(NodeView::new(page), epoch)) {
            Some(snapshot) => {
                work.counters.snapshot_reuses += 1;
                Self::from_snapshot((page, edits, home), work, epoch, snapshot)
            }
            None => {
                work.counters.allocator_builds += 1;
                LeafAllocator { page, edits, home, work, epoch, extents: None, regions: None }
            }
        }
    }

    fn from_snapshot(
        (page, edits, home): (&'a mut [u8], &'a mut EditList, &'a mut Option<LeafAllocatorSnapshot>),
        work: &'a mut Workspace,
        epoch: u64,
        snapshot: LeafAllocatorSnapshot,
    ) -> LeafAllocator<'a> {
        LeafAllocator { page, edits, home, work, epoch, extents: snapshot.extents, regions: snapshot.regions }
    }

    /// Ends the edit: what is known stays beside the page copy.
    pub(in crate::btree) fn finish(self) {
        let node = NodeView::new(self.page);
        assert_invariants(node, self.extents.as_ref(), self.regions.as_ref());
        *self.home = Some(LeafAllocatorSnapshot::new(node, self.epoch, self.extents, self.regions));
    }

    /// The node as it is now.
    pub(in crate::btree) fn node(&self) -> NodeView<'_> {
        NodeView::new(self.page)
    }

    /// Inserts `record` as `slot`.
    pub(in crate::btree) fn insert(&mut self, slot: usize, record: &RecordRef<'_>) -> Result<(), NotApplied> {
        self.suit_prefix(record)?;
        let (layout, prefix_length, count) =
            (self.node().layout(), self.node().prefix_length(), self.node().count());
        let length = record.encoded_length(layout, prefix_length);
        let offset = self.place(length, SLOT_SIZE).ok_or(NotApplied)?;
        record.encode(layout, prefix_length, &mut self.page[offset..offset + length]); // placed in the heap
        self.edits.note_write(offset, offset + length);
        let (at, end) = (SLOTS_START + slot * SLOT_SIZE, SLOTS_START + count * SLOT_SIZE);
        if at < end {
            self.page.copy_within(at..end, at + SLOT_SIZE);
            self.edits.note_move(at, at + SLOT_SIZE, end - at);
        }
        header::set_slot(self.page, slot, offset, record.head(prefix_length));
        self.edits.note_write(at, at + SLOT_SIZE);
        let (heap_start, dead) = (self.node().heap_start(), self.node().dead());
        self.set_counts(count + 1, heap_start, dead);
        if let Some(extents) = &mut self.extents {
            extents.insert(slot, Extent::new(offset, length));
        }
        self.work.counters.memcopy_bytes += length as u64;
        Ok(())
    }

    /// Gives the record of `slot` another value or tail; its key stays.
    pub(in crate::btree) fn replace(
        &mut self,
        slot: usize,
        record: &RecordRef<'_>,
    ) -> Result<(), NotApplied> {
        let node = self.node();
        let (layout, prefix_length) = (node.layout(), node.prefix_length());
        let (old_offset, old_length) = (node.slot_offset(slot), node.record_length(slot));
        let length = record.encoded_length(layout, prefix_length);
        let offset = if length <= old_length {
            if length < old_length {
                self.set_extent(slot, Extent::new(old_offset, length));
                self.free(Extent::new(old_offset + length, old_length - length));
            }
            old_offset
        } else {
            self.replace_longer(slot, Extent::new(old_offset, old_length), length)?
        };
        record.encode(layout, prefix_length, &mut self.page[offset..offset + length]); // placed in the heap
        self.edits.note_write(offset, offset + length);
        self.work.counters.memcopy_bytes += length as u64;
        Ok(())
    }

    /// Finds another place for the record of `slot` and frees the one it has.
    ///
    /// The old place counts as free from the first moment, and a compaction leaves the record out: freeing it
    /// afterwards would free what the compaction had moved there.
    fn replace_longer(&mut self, slot: usize, old: Extent, length: usize) -> Result<usize, NotApplied> {
        let node = self.node();
        if node.gap() + node.dead() + usize::from(old.length) < length {
            self.work.counters.failures_no_bytes += 1;
            return Err(NotApplied);
        }
        let offset = match self.place_without_compaction(length, 0) {
            Some(offset) => {
                self.free(old);
                offset
            }
            None => {
                let (count, heap_start, dead) =
                    (self.node().count(), self.node().heap_start(), self.node().dead());
                self.set_counts(count, heap_start, dead + usize::from(old.length));
                self.compact(Some(slot));
                self.take_from_gap(length)
            }
        };
        header::set_slot_offset(self.page, slot, offset);
        let at = SLOTS_START + slot * SLOT_SIZE;
        self.edits.note_write(at, at + 2);
        self.set_extent(slot, Extent::new(offset, length));
        Ok(offset)
    }

    /// Deletes the record of `slot`.
    pub(in crate::btree) fn delete(&mut self, slot: usize) {
        let node = self.node();
        let (count, offset, length) = (node.count(), node.slot_offset(slot), node.record_length(slot));
        let (at, end) = (SLOTS_START + slot * SLOT_SIZE, SLOTS_START + count * SLOT_SIZE);
        if at + SLOT_SIZE < end {
            self.page.copy_within(at + SLOT_SIZE..end, at);
            self.edits.note_move(at + SLOT_SIZE, at, end - at - SLOT_SIZE);
        }
        if let Some(extents) = &mut self.extents {
            extents.remove(slot);
        }
        let (heap_start, dead) = (self.node().heap_start(), self.node().dead());
        self.set_counts(count - 1, heap_start, dead);
        self.free(Extent::new(offset, length));
    }

    /// Drops the records from `count` on: what a split streams to the right.
    fn truncate(&mut self, count: usize) {
        let node = self.node();
        let (heap_start, mut dead) = (node.heap_start(), node.dead());
        dead += (count..node.count()).map(|slot| node.record_length(slot)).sum::<usize>();
        if let Some(extents) = &mut self.extents {
            extents.truncate(count);
        }
        self.regions = None;
        self.set_counts(count, heap_start, dead);
    }

    /// Sets the link to the right sibling.
    pub(in crate::btree) fn set_right_sibling(&mut self, sibling: crate::page::PageId) {
        let (start, end) = header::set_right_sibling(self.page, sibling);
        self.edits.note_write(start, end);
    }

    /// Sets the high fence. The prefix stays, though it could now be longer.
    fn set_high_fence(&mut self, fence: &Fence<'_>) -> Result<(), NotApplied> {
        if self.node().is_table() {
            let at = header::table_fence_place(1);
            self.page[at..at + fence.rest.len()].copy_from_slice(fence.rest); // 8 bytes in the header
            header::set_fence(self.page, 1, Some((at, fence.rest.len(), false)));
        } else {
            let kept = &fence.rest[self.node().prefix_length()..]; // both fences start with the prefix
            let old = self.node().fence_extents()[1]; // two fences
            header::set_fence(self.page, 1, None);
            if let Some((offset, length)) = old {
                self.free(Extent::new(offset, length));
            }
            let offset = self.place(kept.len(), 0).ok_or(NotApplied)?;
            self.page[offset..offset + kept.len()].copy_from_slice(kept); // placed in the heap
            self.edits.note_write(offset, offset + kept.len());
            header::set_fence(self.page, 1, Some((offset, kept.len(), fence.cut)));
        }
        self.edits.note_write(header::ALL.0, header::ALL.1);
        Ok(())
    }

    /// Makes the node's prefix suit a key to be inserted, as far as it is one of the present keys alone.
    fn suit_prefix(&mut self, record: &RecordRef<'_>) -> Result<(), NotApplied> {
        let node = self.node();
        let table = node.is_table();
        if table && node.count() == 0 {
            let upper = [0, 1, 2, 3].map(|index| record.key_byte(index).unwrap_or_default());
            header::set_table_prefix(self.page, &upper);
            self.edits.note_write(header::ALL.0, header::ALL.1);
            return Ok(());
        }
        let prefix = node.prefix();
        let common =
            prefix.iter().enumerate().take_while(|&(at, byte)| record.key_byte(at) == Some(*byte)).count();
        if common == prefix.len() {
            return Ok(());
        }
        let prefix_length = if table { 0 } else { common };
        let layout = Layout::of(table, prefix_length);
        // A longer key may also take a byte more to say its length.
        let growth = if table { 8 } else { prefix.len() - common + 1 };
        let needed = growth * node.count() + SLOT_SIZE + record.encoded_length(layout, prefix_length);
        if node.gap() + node.dead() < needed {
            self.work.counters.failures_no_bytes += 1;
            return Err(NotApplied);
        }
        split::shorten_prefix(self, prefix_length);
        Ok(())
    }

    /// Finds `length` bytes in the heap for a record that also needs `slot_bytes` of the gap.
    fn place(&mut self, length: usize, slot_bytes: usize) -> Option<usize> {
        let node = self.node();
        if node.gap() + node.dead() < length + slot_bytes {
            self.work.counters.failures_no_bytes += 1;
            return None;
        }
        if let Some(offset) = self.place_without_compaction(length, slot_bytes) {
            return Some(offset);
        }
        self.compact(None);
        Some(self.take_from_gap(length))
    }

    fn place_without_compaction(&mut self, length: usize, slot_bytes: usize) -> Option<usize> {
        let node = self.node();
        if node.gap() >= length + slot_bytes {
            return Some(self.take_from_gap(length));
        }
        if node.gap() < slot_bytes {
            self.work.counters.failures_no_slot += 1;
            return None;
        }
        if node.dead() < length {
            return None;
        }
        let offset = self.regions().take(length)?;
        let (count, heap_start, dead) = (self.node().count(), self.node().heap_start(), self.node().dead());
        self.set_counts(count, heap_start, dead - length);
        Some(offset)
    }

    fn take_from_gap(&mut self, length: usize) -> usize {
        let (count, heap_start, dead) = (self.node().count(), self.node().heap_start(), self.node().dead());
        self.set_counts(count, heap_start - length, dead);
        heap_start - length
    }

    /// The free regions, derived now if they are not known.
    fn regions(&mut self) -> &mut FreeRegions {
        let known = self.regions.take();
        let regions = known.unwrap_or_else(|| {
            self.fill_order(None);
            let node = NodeView::new(self.page);
            let used = self.work.order.iter().rev().map(|&(extent, _)| extent);
            FreeRegions::between(node.heap_start(), node.heap_end(), used)
        });
        self.work.counters.free_regions += regions.len() as u64;
        self.regions.insert(regions)
    }

    /// Lists what lies in the heap by descending offset, leaving the record of `without` out.
    fn fill_order(&mut self, without: Option<usize>) {
        let node = NodeView::new(self.page);
        if self.extents.is_none() {
            self.work.counters.slot_extent_builds += 1;
        }
        let extents = self.extents.get_or_insert_with(|| SlotExtents::scan(node));
        let order = &mut self.work.order;
        order.clear();
        order.extend(extents.iter().enumerate().map(|(slot, extent)| (extent, Owner::Slot(slot as u16))));
        if let Some(slot) = without {
            order.remove(slot);
        }
        for (which, fence) in node.fence_extents().into_iter().enumerate() {
            order.extend(
                fence.map(|(offset, length)| (Extent::new(offset, length), Owner::Fence(which as u8))),
            );
        }
        order.sort_unstable_by_key(|&(extent, _)| std::cmp::Reverse(extent.offset));
    }

    /// Joins all free bytes in the gap, leaving the record of `without` out.
    fn compact(&mut self, without: Option<usize>) {
        self.work.counters.compactions += 1;
        self.fill_order(without);
        let order = std::mem::take(&mut self.work.order);
        let mut target = self.node().heap_end();
        let (mut noted, mut moved, mut unnoted_end) = (0, 0, None);
        let mut index = 0;
        while let Some(&(first, _)) = order.get(index) {
            // Neighbours move as one block.
            let (mut start, mut next) = (first.start(), index + 1);
            while let Some(&(extent, _)) = order.get(next).filter(|(extent, _)| extent.end() == start) {
                start = extent.start();
                next += 1;
            }
            let length = first.end() - start;
            target -= length;
            if target != start {
                self.page.copy_within(start..start + length, target);
                moved += length;
                noted += 1;
                if noted <= NOTED_MOVES_MAX {
                    self.edits.note_move(start, target, length);
                } else {
                    unnoted_end = unnoted_end.or(Some(target + length));
                }
                for &(extent, owner) in &order[index..next] {
                    // index < next <= len
                    let offset = extent.start() - start + target;
                    self.relocate(owner, Extent::new(offset, usize::from(extent.length)));
                }
            }
            index = next;
        }
        self.work.order = order;
        let count = self.node().count();
        self.set_counts(count, target, 0);
        if moved > 0 {
            if let Some(end) = unnoted_end {
                self.edits.note_write(target, end);
            }
            self.edits.note_write(header::ALL.0, SLOTS_START + count * SLOT_SIZE);
            self.work.counters.bytes_moved += moved as u64;
            self.work.counters.memcopy_bytes += moved as u64;
        }
        self.regions = Some(FreeRegions::default());
    }

    fn relocate(&mut self, owner: Owner, extent: Extent) {
        match owner {
            Owner::Slot(slot) => {
                header::set_slot_offset(self.page, usize::from(slot), extent.start());
                self.set_extent(usize::from(slot), extent);
            }
            Owner::Fence(which) => header::move_fence(self.page, usize::from(which), extent.start()),
        }
    }

    /// Gives a stretch of the heap back: to the gap if it lies at its edge, else to the holes.
    fn free(&mut self, freed: Extent) {
        let (count, mut heap_start, mut dead) =
            (self.node().count(), self.node().heap_start(), self.node().dead());
        if freed.start() == heap_start {
            heap_start = freed.end();
            let more = self.regions.as_mut().map_or(0, |regions| regions.absorb(heap_start));
            heap_start += more;
            dead -= more;
        } else {
            dead += usize::from(freed.length);
            if let Some(regions) = &mut self.regions {
                regions.give(freed);
            }
        }
        self.set_counts(count, heap_start, dead);
    }

    fn set_extent(&mut self, slot: usize, extent: Extent) {
        if let Some(extents) = &mut self.extents {
            extents.set(slot, extent);
        }
    }

    fn set_counts(&mut self, count: usize, heap_start: usize, dead: usize) {
        header::set_counts(self.page, count, heap_start, dead);
        self.edits.note_write(header::COUNTS.0, header::COUNTS.1);
    }
}

/// What must hold after each edit; a debug build looks.
fn assert_invariants(node: NodeView<'_>, extents: Option<&SlotExtents>, regions: Option<&FreeRegions>) {
    if !cfg!(debug_assertions) {
        return;
    }
    debug_assert_eq!(super::first_touch::verify(node.bytes()), Ok(()));
    let scan = SlotExtents::scan(node);
    debug_assert!(extents.is_none_or(|kept| *kept == scan), "the extents kept are not those of the slots");
    let mut used: Vec<Extent> = scan.iter().collect();
    used.extend(
        node.fence_extents().into_iter().flatten().map(|(offset, length)| Extent::new(offset, length)),
    );
    used.sort_unstable_by_key(|extent| extent.offset);
    debug_assert!(used.windows(2).all(|pair| pair[0].end() <= pair[1].start()), "records overlap"); // pairs
    let holes = FreeRegions::between(node.heap_start(), node.heap_end(), used.into_iter());
    debug_assert_eq!(holes.iter().map(|hole| usize::from(hole.length)).sum::<usize>(), node.dead());
    debug_assert!(
        regions.is_none_or(|kept| *kept == holes),
        "the free regions kept are not those of the heap"
    );
    super::verify::assert_ordered(node);
}
