//! Finding room for a record in a node, and giving it back: the gap, the holes, compaction.
//!
//! The steps keep the header's counts right and leave it to the edit they belong to to note them, once.

use super::extents::{Extent, SlotExtents};
use super::free_regions::FreeRegions;
use super::{LeafAllocator, Owner, Workspace};
use crate::btree::node::{NodeView, header};

/// More moved blocks than this and a compaction is noted as written bytes: a move costs the log 6 bytes.
const NOTED_MOVES_MAX: usize = 8;

impl LeafAllocator<'_> {
    /// Finds `length` bytes in the heap for a record that also needs `slot_bytes` of the gap.
    #[inline]
    pub(super) fn place(&mut self, length: usize, slot_bytes: usize) -> Option<usize> {
        if self.node().gap() >= length + slot_bytes {
            return Some(self.take_from_gap(length));
        }
        self.place_among_records(length, slot_bytes)
    }

    /// As [`LeafAllocator::place`] where the gap is too small: the hole that fits best, else compaction.
    #[inline(never)]
    fn place_among_records(&mut self, length: usize, slot_bytes: usize) -> Option<usize> {
        let node = self.node();
        if node.gap() + node.dead() < length + slot_bytes {
            let no_slot = node.gap() < slot_bytes;
            self.work.counters.failures_no_slot += u64::from(no_slot);
            self.work.counters.failures_no_bytes += u64::from(!no_slot);
            return None;
        }
        if let Some(offset) = self.place_as_it_is(length, slot_bytes) {
            return Some(offset);
        }
        self.compact(None);
        Some(self.take_from_gap(length))
    }

    /// Finds room without moving a record.
    pub(super) fn place_as_it_is(&mut self, length: usize, slot_bytes: usize) -> Option<usize> {
        let node = self.node();
        if node.gap() >= length + slot_bytes {
            return Some(self.take_from_gap(length));
        }
        if node.gap() < slot_bytes || node.dead() < length {
            return None;
        }
        let offset = self.regions().take(length)?;
        let (start, dead) = (self.node().heap_start(), self.node().dead());
        header::set_heap(self.page, start, dead - length);
        Some(offset)
    }

    #[inline]
    pub(super) fn take_from_gap(&mut self, length: usize) -> usize {
        let (start, dead) = (self.node().heap_start(), self.node().dead());
        header::set_heap(self.page, start - length, dead);
        start - length
    }

    /// The free regions, derived now if they are not known.
    fn regions(&mut self) -> &mut FreeRegions {
        if self.known.regions.is_none() {
            self.fill_order(None);
            let node = NodeView::new(self.page);
            let used = self.work.order.iter().rev().map(|&(extent, _)| extent);
            self.known.regions = Some(FreeRegions::between(node.heap_start(), node.heap_end(), used));
        }
        let regions = self.known.regions.get_or_insert_default();
        self.work.counters.free_regions += regions.len() as u64;
        regions
    }

    /// Lists what lies in the heap by descending offset, leaving the record of `without` out.
    fn fill_order(&mut self, without: Option<usize>) {
        let node = NodeView::new(self.page);
        let Workspace { counters, order, timer, .. } = &mut *self.work;
        let extents = self.known.extents.get_or_insert_with(|| {
            let mut timer = timer.started();
            let extents = SlotExtents::scan(node);
            counters.slot_extent_builds += 1;
            timer.lap(crate::profile::Phase::SlotExtents);
            extents
        });
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
    pub(super) fn compact(&mut self, without: Option<usize>) {
        crate::trace::span!("compaction");
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
        header::set_heap(self.page, target, 0);
        if moved > 0 {
            if let Some(end) = unnoted_end {
                self.edits.note_write(target, end);
            }
            let slots_end = self.node().slots_end();
            self.edits.note_write(header::ALL.0, slots_end);
            self.work.counters.bytes_moved += moved as u64;
            self.work.counters.memcopy_bytes += moved as u64;
        }
        self.known.regions.get_or_insert_default().clear();
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
    pub(super) fn free(&mut self, freed: Extent) {
        let (mut start, mut dead) = (self.node().heap_start(), self.node().dead());
        if freed.start() == start {
            start = freed.end();
            let more = self.known.regions.as_mut().map_or(0, |regions| regions.absorb(start));
            start += more;
            dead -= more;
        } else {
            dead += usize::from(freed.length);
            if let Some(regions) = &mut self.known.regions {
                regions.give(freed);
            }
        }
        header::set_heap(self.page, start, dead);
    }

    pub(super) fn set_extent(&mut self, slot: usize, extent: Extent) {
        if let Some(extents) = &mut self.known.extents {
            extents.set(slot, extent);
        }
    }
}
