//! Where the records of a leaf lie: (offset, length) by slot. Reads node bytes, changes none.

use crate::btree::node::NodeView;
use std::ops::Range;

/// A stretch of the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) offset: u16,
    pub(super) length: u16,
}

impl Extent {
    pub(super) fn new(offset: usize, length: usize) -> Extent {
        debug_assert!(offset + length <= 65536);
        Extent { offset: offset as u16, length: length as u16 }
    }

    /// Where the record of `slot` lies.
    pub(super) fn of(node: NodeView<'_>, slot: usize) -> Extent {
        Extent::new(node.slot_offset(slot), node.record_length(slot))
    }

    pub(super) fn start(self) -> usize {
        usize::from(self.offset)
    }

    pub(super) fn end(self) -> usize {
        self.start() + usize::from(self.length)
    }
}

/// The extents of a leaf's records, in slot order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SlotExtents {
    by_slot: Vec<Extent>,
}

impl SlotExtents {
    /// Reads them off the slots and the lengths beside the records.
    pub(super) fn scan(node: NodeView<'_>) -> SlotExtents {
        // Room for a few more, so that the inserts that made a scan worth while do not grow it at once.
        let mut by_slot = Vec::with_capacity(node.count() + 16);
        by_slot.extend((0..node.count()).map(|slot| Extent::of(node, slot)));
        SlotExtents { by_slot }
    }

    pub(super) fn insert(&mut self, slot: usize, extent: Extent) {
        self.by_slot.insert(slot, extent);
    }

    pub(super) fn remove(&mut self, slot: usize) {
        self.by_slot.remove(slot);
    }

    pub(super) fn set(&mut self, slot: usize, extent: Extent) {
        self.by_slot[slot] = extent; // one extent a slot
    }

    pub(super) fn insert_run(&mut self, slot: usize, run: impl Iterator<Item = Extent>) {
        self.by_slot.splice(slot..slot, run);
    }

    pub(super) fn remove_run(&mut self, run: Range<usize>) {
        self.by_slot.drain(run);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Extent> {
        self.by_slot.iter().copied()
    }
}
