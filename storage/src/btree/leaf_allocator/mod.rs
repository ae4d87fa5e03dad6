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

mod append;
mod extents;
mod free_regions;
pub(in crate::btree) mod move_run;
#[cfg(test)]
mod neighbour_tests;
mod room;
mod snapshot;
mod split;
#[cfg(test)]
mod tests;

pub(crate) use snapshot::LeafAllocatorSnapshot;
pub(in crate::btree) use split::{Sequence, Shape, Split, rebuild_from_records, split_into};

use super::node::{Fence, NodeView, SLOT_SIZE, SLOTS_START, header};
use super::record::{Form, RecordRef};
use crate::metrics::Counters;
use crate::page::{EditList, PageCopy};
use extents::Extent;
use free_regions::FreeRegions;

/// What edits of a transaction share: counters and buffers that are allocated once.
#[derive(Debug, Default)]
pub(in crate::btree) struct Workspace {
    pub(in crate::btree) counters: Counters,
    /// Runs from the opening of an allocator to its end.
    timer: crate::profile::Timer,
    /// Heap extents by descending offset, with their owners, during a compaction.
    order: Vec<(Extent, Owner)>,
    /// What a debug build proves an edit with.
    proof: Vec<Extent>,
    /// Bytes of the pages that are being rebuilt.
    pub(in crate::btree) images: [Vec<u8>; 2],
    /// Running sums of record sizes while a cut is chosen.
    pub(in crate::btree) sums: Vec<u32>,
}

impl Workspace {
    /// Empty; allocators are timed by `timer`.
    pub(in crate::btree) fn new(timer: crate::profile::Timer) -> Workspace {
        Workspace { timer, ..Workspace::default() }
    }
}

/// Whose bytes an extent of the heap is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Slot(u16),
    Fence(u8),
}

/// Where the fence between the halves of a split is wanted, and with it the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::btree) enum FenceIntent {
    /// Anywhere: the halves weigh the same.
    Balance,
    /// Next to a record that ends an ascending run: the left half stays full.
    KeepLeft,
    /// Next to a record that ends a descending run: the right half stays full.
    KeepRight,
}

/// A record that an allocator found no room for, with all that was found out about it: where it goes, how a split
/// should run, and the record as it will lie in a page, its long parts in their runs already. It travels to the
/// neighbour or the half that takes it and is encoded once, there. The node is unchanged.
#[derive(Clone, Copy, Debug)]
pub(in crate::btree) struct NotApplied<'r> {
    /// The slot it was to take.
    pub(in crate::btree) slot: usize,
    pub(in crate::btree) fences: FenceIntent,
    pub(in crate::btree) record: RecordRef<'r>,
}

/// Edits one node.
pub(in crate::btree) struct LeafAllocator<'a> {
    page: &'a mut [u8],
    edits: &'a mut EditList,
    /// What is known of the node; it lies beside the page copy and stays there.
    known: &'a mut LeafAllocatorSnapshot,
    work: &'a mut Workspace,
    epoch: u64,
}

impl<'a> LeafAllocator<'a> {
    /// Opens the node of `copy`: from its snapshot where that is good, else with what the header says.
    #[inline]
    pub(in crate::btree) fn open(
        copy: &'a mut PageCopy,
        work: &'a mut Workspace,
        epoch: u64,
    ) -> LeafAllocator<'a> {
        work.timer.start();
        let (page, edits, home) = copy.parts_mut();
        let node = NodeView::new(page);
        let known = home.get_or_insert_default();
        if known.describes(node, epoch) {
            work.counters.snapshot_reuses += 1;
        } else {
            work.counters.allocator_builds += 1;
            *known = LeafAllocatorSnapshot::of(node, epoch);
        }
        LeafAllocator { page, edits, known, work, epoch }
    }

    /// Ends the edit: the snapshot beside the page copy is now that of the node as it was left.
    #[inline]
    pub(in crate::btree) fn finish(self) {
        let node = NodeView::new(self.page);
        self.known.stamp(node, self.epoch);
        assert_invariants(node, self.known, &mut self.work.proof);
        self.work.timer.lap(crate::profile::Phase::Allocator);
    }

    /// The node as it is now.
    #[inline]
    pub(in crate::btree) fn node(&self) -> NodeView<'_> {
        NodeView::new(self.page)
    }

    /// Inserts `record` as `slot`.
    #[inline]
    pub(in crate::btree) fn insert<'r>(
        &mut self,
        slot: usize,
        record: &RecordRef<'r>,
    ) -> Result<(), NotApplied<'r>> {
        if !self.suits_prefix(record) && !self.suit_prefix(record) {
            return Err(self.not_applied(slot, record));
        }
        let node = self.node();
        let (form, count) = (node.form(), node.count());
        let length = record.encoded_length(form);
        let Some(offset) = self.place(length, SLOT_SIZE) else { return Err(self.not_applied(slot, record)) };
        record.encode(form, &mut self.page[offset..offset + length]); // placed in the heap
        self.edits.note_write(offset, offset + length);
        let (at, end) = (SLOTS_START + slot * SLOT_SIZE, SLOTS_START + count * SLOT_SIZE);
        if at < end {
            self.page.copy_within(at..end, at + SLOT_SIZE);
            self.edits.note_move(at, at + SLOT_SIZE, end - at);
        }
        header::set_slot(self.page, slot, offset, record.head(form.prefix_length));
        self.edits.note_write(at, at + SLOT_SIZE);
        header::set_count(self.page, count + 1);
        self.note_counts();
        if let Some(extents) = &mut self.known.extents {
            extents.insert(slot, Extent::new(offset, length));
        }
        self.work.counters.memcopy_bytes += length as u64;
        Ok(())
    }

    /// What a failed insert hands on.
    #[cold]
    fn not_applied<'r>(&self, slot: usize, record: &RecordRef<'r>) -> NotApplied<'r> {
        // At the tree's own edges one insert is sign enough of a run: each transaction may bring only one.
        let node = self.node();
        let fences = if slot == node.count() && node.high_fence().is_none() {
            FenceIntent::KeepLeft
        } else if slot == 0 && node.low_fence().is_none() {
            FenceIntent::KeepRight
        } else {
            FenceIntent::Balance
        };
        NotApplied { slot, fences, record: *record }
    }

    /// Gives the record of `slot` another value or tail; its key stays.
    pub(in crate::btree) fn replace<'r>(
        &mut self,
        slot: usize,
        record: &RecordRef<'r>,
    ) -> Result<(), NotApplied<'r>> {
        let node = self.node();
        let form = node.form();
        let (old_offset, old_length) = (node.slot_offset(slot), node.record_length(slot));
        let length = record.encoded_length(form);
        let offset = if length <= old_length {
            if length < old_length {
                self.set_extent(slot, Extent::new(old_offset, length));
                self.free(Extent::new(old_offset + length, old_length - length));
                self.note_counts();
            }
            old_offset
        } else {
            let Some(offset) = self.replace_longer(slot, Extent::new(old_offset, old_length), length) else {
                return Err(NotApplied { slot, fences: FenceIntent::Balance, record: *record });
            };
            offset
        };
        record.encode(form, &mut self.page[offset..offset + length]); // placed in the heap
        self.edits.note_write(offset, offset + length);
        self.work.counters.memcopy_bytes += length as u64;
        Ok(())
    }

    /// Finds another place for the record of `slot` and frees the one it has.
    ///
    /// The old place counts as free from the first moment, and a compaction leaves the record out: freeing it
    /// afterwards would free what the compaction had moved there.
    fn replace_longer(&mut self, slot: usize, old: Extent, length: usize) -> Option<usize> {
        let node = self.node();
        if node.gap() + node.dead() + usize::from(old.length) < length {
            self.work.counters.failures_no_bytes += 1;
            return None;
        }
        let offset = match self.place_as_it_is(length, 0) {
            Some(offset) => {
                self.free(old);
                offset
            }
            None => {
                let (start, dead) = (self.node().heap_start(), self.node().dead());
                header::set_heap(self.page, start, dead + usize::from(old.length));
                self.compact(Some(slot));
                self.take_from_gap(length)
            }
        };
        header::set_slot_offset(self.page, slot, offset);
        let at = SLOTS_START + slot * SLOT_SIZE;
        self.edits.note_write(at, at + 2);
        self.note_counts();
        self.set_extent(slot, Extent::new(offset, length));
        Some(offset)
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
        if let Some(extents) = &mut self.known.extents {
            extents.remove(slot);
        }
        header::set_count(self.page, count - 1);
        self.free(Extent::new(offset, length));
        self.note_counts();
    }

    /// Sets the link to the right sibling.
    pub(in crate::btree) fn set_right_sibling(&mut self, sibling: crate::page::PageId) {
        let (start, end) = header::set_right_sibling(self.page, sibling);
        self.edits.note_write(start, end);
    }

    /// Sets the high fence, or takes it away; false where there is no room for it, and then the node has none. The
    /// prefix stays, though it could now be longer.
    fn set_high_fence(&mut self, fence: Option<&Fence<'_>>) -> bool {
        if !self.node().is_table() {
            let old = self.node().fence_extents()[1]; // two fences
            header::set_fence(self.page, 1, None);
            if let Some((offset, length)) = old {
                self.free(Extent::new(offset, length));
            }
        }
        let skipped = self.node().prefix_length();
        let set = fence.is_none_or(|fence| self.place_fence(1, fence, skipped));
        if !set || fence.is_none() {
            header::set_fence(self.page, 1, None);
        }
        self.edits.note_write(header::ALL.0, header::ALL.1);
        set
    }

    /// Sets the low fence, which starts with the prefix; false, and nothing is done, where there is no room for it.
    fn set_low_fence(&mut self, fence: &Fence<'_>) -> bool {
        // The old one holds the prefix until the other has its place.
        let set = self.place_fence(0, fence, 0);
        self.edits.note_write(header::ALL.0, header::ALL.1);
        set
    }

    /// Finds room for a fence without the first `skipped` bytes, which the prefix has, points the header there, and gives
    /// the room of the former one back.
    fn place_fence(&mut self, which: usize, fence: &Fence<'_>, skipped: usize) -> bool {
        let table = self.node().is_table();
        let (first, second) = fence.from(if table { 0 } else { skipped });
        let length = first.len() + second.len();
        let place = if table { Some(header::table_fence_place(which)) } else { self.place(length, 0) };
        let Some(at) = place else { return false };
        let old = self.node().fence_extents()[which]; // two fences
        self.page[at..at + first.len()].copy_from_slice(first); // placed in the heap, or 8 bytes in the header
        self.page[at + first.len()..at + length].copy_from_slice(second); // as above
        self.edits.note_write(at, at + length);
        header::set_fence(self.page, which, Some((at, length, fence.cut)));
        if let Some((offset, length)) = old {
            self.free(Extent::new(offset, length));
        }
        true
    }

    /// True where the node's prefix is one of the record's key as well.
    #[inline]
    fn suits_prefix(&self, record: &RecordRef<'_>) -> bool {
        let node = self.node();
        let prefix = node.prefix();
        let starts = if prefix.is_empty() {
            true
        } else if record.prefix.is_empty() {
            record.rest.starts_with(prefix)
        } else {
            prefix.iter().enumerate().all(|(at, byte)| record.key_byte(at) == Some(*byte))
        };
        // The first record of a table node brings the prefix with it.
        starts && (node.count() > 0 || !node.is_table())
    }

    /// Makes the node's prefix suit a key to be inserted; false where that leaves no room for it.
    #[cold]
    fn suit_prefix(&mut self, record: &RecordRef<'_>) -> bool {
        let node = self.node();
        let table = node.is_table();
        if table && node.count() == 0 {
            let upper = [0, 1, 2, 3].map(|index| record.key_byte(index).unwrap_or_default());
            header::set_table_prefix(self.page, &upper);
            self.edits.note_write(header::ALL.0, header::ALL.1);
            return true;
        }
        let prefix = node.prefix();
        let common =
            prefix.iter().enumerate().take_while(|&(at, byte)| record.key_byte(at) == Some(*byte)).count();
        let form = Form::of(table, if table { 0 } else { common });
        // A longer key may also take a byte more to say its length.
        let growth = if table { 8 } else { prefix.len() - common + 1 };
        let needed = growth * node.count() + SLOT_SIZE + record.encoded_length(form);
        if node.gap() + node.dead() < needed {
            self.work.counters.failures_no_bytes += 1;
            return false;
        }
        split::rewrite(self, form);
        true
    }

    /// Notes that the counts of the header changed: once an edit.
    #[inline]
    fn note_counts(&mut self) {
        self.edits.note_write(header::COUNTS.0, header::COUNTS.1);
    }
}

/// What must hold after each edit; a debug build looks. `used` is scratch: the proof allocates no more than the edit.
#[inline]
fn assert_invariants(node: NodeView<'_>, known: &LeafAllocatorSnapshot, used: &mut Vec<Extent>) {
    if !cfg!(debug_assertions) {
        return;
    }
    debug_assert_eq!(super::first_touch::verify(node.bytes()), Ok(()));
    let scanned = || (0..node.count()).map(|slot| Extent::of(node, slot));
    let LeafAllocatorSnapshot { extents, regions, .. } = known;
    debug_assert!(
        extents.as_ref().is_none_or(|kept| kept.iter().eq(scanned())),
        "the extents kept are not those of the slots"
    );
    used.clear();
    used.extend(scanned());
    used.extend(
        node.fence_extents().into_iter().flatten().map(|(offset, length)| Extent::new(offset, length)),
    );
    used.sort_unstable_by_key(|extent| extent.offset);
    debug_assert!(used.windows(2).all(|pair| pair[0].end() <= pair[1].start()), "records overlap"); // pairs
    let mut at = node.heap_start();
    let ends = used.iter().map(|extent| (extent.start(), extent.end()));
    let holes = ends.chain([(node.heap_end(), node.heap_end())]).filter_map(|(start, end)| {
        let hole = (start > at).then(|| Extent::new(at, start - at));
        at = end;
        hole
    });
    let mut dead = 0;
    let mut kept = regions.as_ref().map(FreeRegions::iter);
    for hole in holes {
        dead += usize::from(hole.length);
        let same = kept.as_mut().is_none_or(|kept| kept.next() == Some(hole));
        debug_assert!(same, "the free regions kept are not those of the heap");
    }
    debug_assert!(kept.is_none_or(|mut kept| kept.next().is_none()), "a free region is none");
    debug_assert_eq!(dead, node.dead());
    super::verify::assert_ordered(node);
}
