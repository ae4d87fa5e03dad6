//! The byte layout of a tree node, and the read view of it. Touches page bytes only.
//!
//! ```text
//! 0            16                        64            heap start           size-4
//! +------------+-------------------------+-------+-----+-----------------------+---+
//! | page header| counts, prefix, fences, | slots | gap | heap: records, fences | - |
//! |            | links                   |  -->  |     |  <--                  |   |
//! +------------+-------------------------+-------+-----+-----------------------+---+
//! ```
//! A slot is the record's offset (u16) and the first four bytes of its key behind the prefix, as they are,
//! padded with zeros: comparing heads as big-endian numbers settles nearly every comparison.
//!
//! In a table tree all keys have 8 bytes. Where those of a node share their upper half, that half stands once in
//! the header and the heads are the lower half: the records hold no key at all (*narrow*). Else the prefix is
//! empty and each record starts with its whole key. An index tree's prefix is common to the node's fences,
//! or to its low fence and its last key while there is no high one.
//!
//! Branch and leaf records look alike; a branch's value is the page number of the child that holds the keys
//! from the separator on. What is below the first separator lies under the header's first child.

use super::TreeKind;
use super::record::{self, Form, Layout, RecordRef};
use crate::page::{CHECKSUM_SIZE, KIND_OFFSET, LEVEL_OFFSET, PageId, PageKind};
use std::cmp::Ordering;

const SLOT_COUNT: usize = 16;
const HEAP_START: usize = 18;
const DEAD: usize = 20;
const PREFIX_LENGTH: usize = 22;
pub(super) const LOW_FENCE: usize = 24;
pub(super) const HIGH_FENCE: usize = 28;
const RIGHT_SIBLING: usize = 32;
const FIRST_CHILD: usize = 36;
const TABLE_PREFIX: usize = 40;
/// Where a table node keeps its two fences, so that setting one never needs room in the heap.
pub(super) const TABLE_FENCES: usize = 48;
/// Where the slots start.
pub(super) const SLOTS_START: usize = 64;
/// Bytes of a slot.
pub(super) const SLOT_SIZE: usize = 6;
/// Set in a fence's length where the fence is only the start of a longer key.
pub(super) const FENCE_CUT: u16 = 0x8000;

const _: () = assert!(
    HEAP_START == SLOT_COUNT + 2 && DEAD == SLOT_COUNT + 4 && PREFIX_LENGTH == SLOT_COUNT + 6,
    "the counts are one word"
);
const _: () = assert!(TABLE_PREFIX + 4 <= TABLE_FENCES && TABLE_FENCES + 16 == SLOTS_START);

/// The page kind of a node of `kind` trees at `level`.
pub(super) fn page_kind(kind: TreeKind, level: u8) -> PageKind {
    match (kind, level) {
        (TreeKind::Table, 0) => PageKind::TableLeaf,
        (TreeKind::Table, _) => PageKind::TableBranch,
        (TreeKind::Index, 0) => PageKind::IndexLeaf,
        (TreeKind::Index, _) => PageKind::IndexBranch,
    }
}

/// The greatest number of key bytes that a node holds; the rest lies in an overflow run.
pub(super) fn local_key_max(page_size: usize) -> usize {
    page_size / 8
}

/// The greatest number of key and value bytes of a record that a node holds.
///
/// Four such records, two longest fences and all headers fit a page, so every split succeeds.
pub(super) fn local_record_max(page_size: usize) -> usize {
    page_size / 4 - 32
}

/// Bytes that slots and heap share.
pub(super) fn capacity(page_size: usize) -> usize {
    page_size - SLOTS_START - CHECKSUM_SIZE
}

/// The first bytes of a page, up to the slots.
pub(super) type Header = [u8; SLOTS_START];

#[inline]
pub(super) fn read_u16(header: &Header, at: usize) -> usize {
    usize::from(u16::from_le_bytes([header[at], header[at + 1]])) // callers name fields of the header
}

#[inline]
fn read_u32(header: &Header, at: usize) -> u32 {
    u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]) // as above
}

#[inline]
fn write_u16(page: &mut [u8], at: usize, value: usize) {
    debug_assert!(value <= usize::from(u16::MAX));
    page[at..at + 2].copy_from_slice(&(value as u16).to_le_bytes()); // places lie inside the page
}

/// A fence: keys of the node are not below its low one and below its high one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fence<'a> {
    /// The first part of the fence; the node's prefix where `rest` leaves it out, else empty.
    pub(super) start: &'a [u8],
    /// What follows.
    pub(super) rest: &'a [u8],
    /// True where the fence goes on beyond what is kept: a key that starts with it may lie on either side.
    pub(super) cut: bool,
}

impl<'a> Fence<'a> {
    pub(super) fn len(&self) -> usize {
        self.start.len() + self.rest.len()
    }

    /// The byte at `index`.
    pub(super) fn byte(&self, index: usize) -> Option<u8> {
        self.start.get(index).or_else(|| self.rest.get(index.checked_sub(self.start.len())?)).copied()
    }

    /// How `key` stands to the fence, or `None` where the fence was cut too early to tell.
    #[inline]
    pub(super) fn compare(&self, key: &[u8]) -> Option<Ordering> {
        if self.start.is_empty() && !self.cut {
            return Some(key.cmp(self.rest));
        }
        self.compare_parts(key)
    }

    fn compare_parts(&self, key: &[u8]) -> Option<Ordering> {
        let first = key.len().min(self.start.len());
        let order = key[..first].cmp(self.start).then_with(|| key[first..].cmp(self.rest)); // first <= len
        if !self.cut {
            return Some(order);
        }
        let common = self.len() <= key.len()
            && key.starts_with(self.start)
            && key[self.start.len()..].starts_with(self.rest); // in range by the first term
        if common { None } else { Some(order) }
    }

    /// The kept bytes from `skipped` on, in two parts.
    pub(super) fn from(&self, skipped: usize) -> (&'a [u8], &'a [u8]) {
        let cut = skipped.min(self.start.len());
        (&self.start[cut..], &self.rest[(skipped - cut).min(self.rest.len())..]) // both are within
    }
}

/// Length of the prefix that two fences have in common; none where one is missing.
///
/// It leaves a byte of each, which matters where two fences were cut to the same bytes.
pub(super) fn common_prefix(low: Option<Fence<'_>>, high: Option<Fence<'_>>) -> usize {
    let (Some(low), Some(high)) = (low, high) else { return 0 };
    (0..low.len().min(high.len()).saturating_sub(1))
        .take_while(|&index| low.byte(index) == high.byte(index))
        .count()
}

/// The read view of a node whose page was verified.
#[derive(Clone, Copy, Debug)]
pub(super) struct NodeView<'a> {
    page: &'a [u8],
    /// The same bytes by their known length: its fields are read without a check of bounds.
    header: &'a Header,
}

/// A slot's bytes: offset and head.
pub(super) type Slot = [u8; SLOT_SIZE];

/// Where the record of `slot` starts.
#[inline]
pub(super) fn offset_in(slot: Slot) -> usize {
    usize::from(u16::from_le_bytes([slot[0], slot[1]])) // a slot has six bytes
}

/// The head of `slot` as a number that orders as its bytes do.
#[inline]
pub(super) fn head_in(slot: Slot) -> u32 {
    u32::from_be_bytes([slot[2], slot[3], slot[4], slot[5]]) // as above
}

/// The head of `slot` as it stands there.
#[inline]
pub(super) fn head_bytes_in(slot: Slot) -> [u8; 4] {
    [slot[2], slot[3], slot[4], slot[5]] // as above
}

impl<'a> NodeView<'a> {
    /// A view of `page`, which must have passed [`verify`](super::first_touch::verify).
    #[inline]
    pub(super) fn new(page: &'a [u8]) -> NodeView<'a> {
        // No page is shorter than the header, so the zeroes stand in for none.
        NodeView { page, header: page.first_chunk().unwrap_or(&[0; SLOTS_START]) }
    }

    #[inline]
    pub(super) fn header(&self) -> &'a Header {
        self.header
    }

    #[inline]
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.page
    }

    #[inline]
    pub(super) fn is_table(&self) -> bool {
        let kind = self.header[KIND_OFFSET]; // a field of the header
        kind == PageKind::TableLeaf as u8 || kind == PageKind::TableBranch as u8
    }

    #[inline]
    pub(super) fn level(&self) -> u8 {
        self.header[LEVEL_OFFSET] // as above
    }

    /// The part of the header that says how the node's bytes are shared out: counts and prefix, as one number.
    #[inline]
    pub(super) fn counts(&self) -> u64 {
        self.header[SLOT_COUNT..].first_chunk().map_or(0, |word| u64::from_le_bytes(*word)) // inside the header
    }

    /// Number of records.
    #[inline]
    pub(super) fn count(&self) -> usize {
        read_u16(self.header, SLOT_COUNT)
    }

    #[inline]
    pub(super) fn heap_start(&self) -> usize {
        read_u16(self.header, HEAP_START)
    }

    /// Bytes of the heap that no record and no fence uses.
    #[inline]
    pub(super) fn dead(&self) -> usize {
        read_u16(self.header, DEAD)
    }

    #[inline]
    pub(super) fn slots_end(&self) -> usize {
        SLOTS_START + self.count() * SLOT_SIZE
    }

    #[inline]
    pub(super) fn gap(&self) -> usize {
        self.heap_start() - self.slots_end()
    }

    /// Bytes that slots, records and fences use.
    #[inline]
    pub(super) fn used(&self) -> usize {
        capacity(self.page.len()) - self.gap() - self.dead()
    }

    #[inline]
    pub(super) fn heap_end(&self) -> usize {
        self.page.len() - CHECKSUM_SIZE
    }

    #[inline]
    pub(super) fn right_sibling(&self) -> PageId {
        PageId(read_u32(self.header, RIGHT_SIBLING))
    }

    #[inline]
    pub(super) fn first_child(&self) -> PageId {
        PageId(read_u32(self.header, FIRST_CHILD))
    }

    #[inline]
    pub(super) fn prefix_length(&self) -> usize {
        read_u16(self.header, PREFIX_LENGTH)
    }

    /// What all keys of the node start with.
    #[inline]
    pub(super) fn prefix(&self) -> &'a [u8] {
        let length = self.prefix_length();
        if length == 0 {
            return &[];
        }
        let start = if self.is_table() { TABLE_PREFIX } else { read_u16(self.header, LOW_FENCE) };
        &self.page[start..start + length] // verified
    }

    #[inline]
    pub(super) fn layout(&self) -> Layout {
        Layout::of(self.is_table(), self.prefix_length())
    }

    #[inline]
    pub(super) fn form(&self) -> Form {
        Form::of(self.is_table(), self.prefix_length())
    }

    /// Offset and length of a fence's bytes in the heap; table nodes keep theirs in the header.
    pub(super) fn fence_extents(&self) -> [Option<(usize, usize)>; 2] {
        [LOW_FENCE, HIGH_FENCE].map(|at| {
            let offset = read_u16(self.header, at);
            let length = read_u16(self.header, at + 2) & usize::from(!FENCE_CUT);
            (offset >= SLOTS_START && length > 0).then_some((offset, length))
        })
    }

    #[inline]
    fn fence(&self, at: usize, start: &'a [u8]) -> Option<Fence<'a>> {
        let offset = read_u16(self.header, at);
        if offset == 0 {
            return None;
        }
        let length = read_u16(self.header, at + 2);
        let cut = length & usize::from(FENCE_CUT) != 0;
        let length = length & usize::from(!FENCE_CUT);
        Some(Fence { start, rest: &self.page[offset..offset + length], cut }) // verified
    }

    /// The low fence; `None` at the tree's left edge.
    #[inline]
    pub(super) fn low_fence(&self) -> Option<Fence<'a>> {
        self.fence(LOW_FENCE, &[])
    }

    /// The high fence; `None` at the tree's right edge.
    #[inline]
    pub(super) fn high_fence(&self) -> Option<Fence<'a>> {
        let start = if self.is_table() { &[] } else { self.prefix() };
        self.fence(HIGH_FENCE, start)
    }

    /// True where the row id with these key bits belongs in this node of a table tree.
    #[inline]
    pub(super) fn encloses_row(&self, bits: u64) -> bool {
        self.fence_bits(0).is_none_or(|low| low <= bits) && self.fence_bits(1).is_none_or(|high| bits < high)
    }

    /// True where the fences say for certain that `key` belongs here.
    #[inline]
    pub(super) fn encloses(&self, key: &[u8]) -> bool {
        if let (true, Ok(bits)) = (self.is_table(), key.try_into()) {
            return self.encloses_row(u64::from_be_bytes(bits));
        }
        self.low_fence()
            .is_none_or(|low| matches!(low.compare(key), Some(Ordering::Greater | Ordering::Equal)))
            && self.high_fence().is_none_or(|high| high.compare(key) == Some(Ordering::Less))
    }

    /// True where a fence says for certain that `key` does not belong here.
    #[inline]
    pub(super) fn excludes(&self, key: &[u8]) -> bool {
        if let (true, Ok(bits)) = (self.is_table(), key.try_into()) {
            return !self.encloses_row(u64::from_be_bytes(bits));
        }
        self.low_fence().is_some_and(|low| low.compare(key) == Some(Ordering::Less))
            || self
                .high_fence()
                .is_some_and(|high| matches!(high.compare(key), Some(Ordering::Greater | Ordering::Equal)))
    }

    /// All slots.
    #[inline]
    pub(super) fn slots(&self) -> &'a [Slot] {
        self.page[SLOTS_START..self.slots_end()].as_chunks().0 // verified
    }

    /// What lies at the place of `slot`, which is below the count: else it is no slot.
    #[inline]
    fn slot(&self, slot: usize) -> &'a Slot {
        let at = SLOTS_START + slot * SLOT_SIZE;
        self.page.get(at..at + SLOT_SIZE).and_then(<[u8]>::first_chunk).unwrap_or(&[0; SLOT_SIZE])
    }

    #[inline]
    pub(super) fn slot_offset(&self, slot: usize) -> usize {
        offset_in(*self.slot(slot))
    }

    /// The head's bytes in the page.
    #[inline]
    pub(super) fn head_bytes(&self, slot: usize) -> &'a [u8] {
        &self.slot(slot)[2..] // a slot has six bytes
    }

    /// The head as a number that orders as the bytes do.
    #[inline]
    pub(super) fn head(&self, slot: usize) -> u32 {
        head_in(*self.slot(slot))
    }

    /// The record of `slot`, which is below the count.
    #[inline]
    pub(super) fn record(&self, slot: usize) -> RecordRef<'a> {
        debug_assert!(slot < self.count());
        record::read(self.page, self.slot_offset(slot), self.layout(), self.prefix(), self.head_bytes(slot))
    }

    /// Bytes of the record of `slot` in the heap.
    #[inline]
    pub(super) fn record_length(&self, slot: usize) -> usize {
        record::length_at(self.page, self.slot_offset(slot), self.layout())
    }

    /// All records in order.
    pub(super) fn records(self) -> impl Iterator<Item = RecordRef<'a>> {
        (0..self.count()).map(move |slot| self.record(slot))
    }

    /// What all keys of a narrow table node have in their upper half.
    #[inline]
    pub(super) fn row_base(&self) -> u64 {
        let at = TABLE_PREFIX;
        let upper = [self.header[at], self.header[at + 1], self.header[at + 2], self.header[at + 3]]; // a field
        u64::from(u32::from_be_bytes(upper)) << 32
    }

    /// The least and the greatest lower half that a key of a narrow table node can have, as far as its fences say, else
    /// as its records do; the node is not empty.
    #[inline]
    pub(super) fn row_bounds(&self) -> (u32, u32) {
        let upper = self.row_base() >> 32;
        let low = match self.fence_bits(0) {
            Some(low) if low >> 32 == upper => low as u32,
            _ => self.head(0),
        };
        let high = match self.fence_bits(1) {
            Some(high) if high >> 32 == upper => (high as u32).saturating_sub(1),
            _ => self.head(self.count() - 1),
        };
        (low, high.max(low))
    }

    /// The low (0) or high (1) fence of a table node as a number.
    #[inline]
    fn fence_bits(&self, which: usize) -> Option<u64> {
        let offset = [LOW_FENCE, HIGH_FENCE][which]; // 0 or 1
        if read_u16(self.header, offset) == 0 {
            return None;
        }
        let at = TABLE_FENCES + 8 * which;
        self.header[at..].first_chunk().map(|bits| u64::from_be_bytes(*bits)) // inside the header
    }

    /// True where the row id with these key bits belongs in this narrow table node, behind the last record there is.
    #[inline]
    pub(super) fn is_behind_last(&self, bits: u64) -> bool {
        bits >> 32 == self.row_base() >> 32
            && self.slots().last().is_some_and(|last| head_in(*last) < bits as u32)
            && self.fence_bits(1).is_none_or(|high| bits < high)
    }

    /// The key of `slot` of a table node as a number.
    #[inline]
    pub(super) fn row_bits(&self, slot: usize) -> u64 {
        match self.layout() {
            Layout::Narrow => self.row_base() | u64::from(self.head(slot)),
            layout => {
                let (key, _) = record::key_at(self.page, self.slot_offset(slot), layout);
                key.try_into().map_or(0, u64::from_be_bytes)
            }
        }
    }

    /// The child at `index`: 0 is the first child, n the one of slot n - 1.
    #[inline]
    pub(super) fn child(&self, index: usize) -> PageId {
        match index.checked_sub(1) {
            None => self.first_child(),
            Some(slot) => record::child_at(self.page, self.slot_offset(slot), self.layout()),
        }
    }
}

/// End of the slots and start of the heap of a node: the gap between them holds nothing.
pub(crate) fn content_ranges(page: &[u8]) -> (usize, usize) {
    let node = NodeView::new(page);
    let (start, end) = (node.slots_end(), node.heap_start());
    if start <= end && end <= page.len() { (start, end) } else { (page.len(), page.len()) }
}

/// The header fields that edits set. Each setter notes nothing: the editor notes the header once.
pub(super) mod header {
    use super::*;

    /// The part of the header that changes with records and fences.
    pub(in crate::btree) const COUNTS: (usize, usize) = (SLOT_COUNT, DEAD + 2);
    /// The whole node header.
    pub(in crate::btree) const ALL: (usize, usize) = (SLOT_COUNT, SLOTS_START);

    /// Changes the bits of `mask` in the word of counts.
    ///
    /// The word is written whole, since it is soon read whole: a read over narrower writes waits for them to leave the
    /// processor (measured: 12 ns an insert).
    #[inline]
    fn set_in_counts(page: &mut [u8], mask: u64, bits: u64) {
        if let Some(word) = page[SLOT_COUNT..].first_chunk_mut() {
            // every page is longer than its header
            let counts = u64::from_le_bytes(*word);
            *word = (counts & !mask | bits & mask).to_le_bytes();
        }
    }

    #[inline]
    pub(in crate::btree) fn set_count(page: &mut [u8], count: usize) {
        set_in_counts(page, 0xffff, count as u64);
    }

    #[inline]
    pub(in crate::btree) fn set_heap(page: &mut [u8], start: usize, dead: usize) {
        debug_assert!(start <= usize::from(u16::MAX) && dead <= usize::from(u16::MAX));
        set_in_counts(page, 0xffff_ffff_0000, (start as u64) << 16 | (dead as u64) << 32);
    }

    #[inline]
    pub(in crate::btree) fn set_counts(page: &mut [u8], count: usize, heap_start: usize, dead: usize) {
        debug_assert!(heap_start <= usize::from(u16::MAX) && dead <= usize::from(u16::MAX));
        let bits = count as u64 | (heap_start as u64) << 16 | (dead as u64) << 32;
        set_in_counts(page, 0xffff_ffff_ffff, bits);
    }

    pub(in crate::btree) fn set_right_sibling(page: &mut [u8], sibling: PageId) -> (usize, usize) {
        page[RIGHT_SIBLING..RIGHT_SIBLING + 4].copy_from_slice(&sibling.0.to_le_bytes()); // inside the header
        (RIGHT_SIBLING, RIGHT_SIBLING + 4)
    }

    pub(in crate::btree) fn set_first_child(page: &mut [u8], child: PageId) -> (usize, usize) {
        page[FIRST_CHILD..FIRST_CHILD + 4].copy_from_slice(&child.0.to_le_bytes()); // inside the header
        (FIRST_CHILD, FIRST_CHILD + 4)
    }

    pub(in crate::btree) fn set_prefix_length(page: &mut [u8], length: usize) {
        write_u16(page, PREFIX_LENGTH, length);
    }

    /// Sets the upper half that all keys of a narrow table node share.
    pub(in crate::btree) fn set_table_prefix(page: &mut [u8], prefix: &[u8]) {
        write_u16(page, PREFIX_LENGTH, prefix.len());
        page[TABLE_PREFIX..TABLE_PREFIX + prefix.len()].copy_from_slice(prefix); // 0 or 4 bytes
    }

    /// Points the low (0) or high (1) fence at its bytes; `None` takes it away.
    pub(in crate::btree) fn set_fence(page: &mut [u8], which: usize, place: Option<(usize, usize, bool)>) {
        let at = [LOW_FENCE, HIGH_FENCE][which]; // 0 or 1
        let (offset, length, cut) = place.unwrap_or((0, 0, false));
        write_u16(page, at, offset);
        write_u16(page, at + 2, length | if cut { usize::from(FENCE_CUT) } else { 0 });
    }

    /// Tells that a fence's bytes now start at `offset`.
    pub(in crate::btree) fn move_fence(page: &mut [u8], which: usize, offset: usize) {
        write_u16(page, [LOW_FENCE, HIGH_FENCE][which], offset); // 0 or 1
    }

    /// Where a table node keeps its low (0) or high (1) fence.
    pub(in crate::btree) fn table_fence_place(which: usize) -> usize {
        TABLE_FENCES + 8 * which
    }

    #[inline]
    pub(in crate::btree) fn set_slot(page: &mut [u8], slot: usize, offset: usize, head: [u8; 4]) {
        let at = SLOTS_START + slot * SLOT_SIZE;
        write_u16(page, at, offset);
        page[at + 2..at + SLOT_SIZE].copy_from_slice(&head); // a slot below the gap
    }

    #[inline]
    pub(in crate::btree) fn set_slot_offset(page: &mut [u8], slot: usize, offset: usize) {
        write_u16(page, SLOTS_START + slot * SLOT_SIZE, offset);
    }

    /// Zeroes all header fields of a node.
    pub(in crate::btree) fn clear(page: &mut [u8]) {
        page[SLOT_COUNT..SLOTS_START].fill(0); // inside the header
    }

    /// Sets kind and level of a node.
    pub(in crate::btree) fn set_kind(page: &mut [u8], kind: PageKind, level: u8) {
        page[KIND_OFFSET] = kind as u8; // inside the header
        page[LEVEL_OFFSET] = level; // as above
    }
}
