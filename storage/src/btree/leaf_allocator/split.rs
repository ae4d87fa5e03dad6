//! Streaming records from nodes into nodes: splits, merges and borrows. Touches the pages it is given.

use super::{LeafAllocator, LeafAllocatorSnapshot, NotApplied, Workspace};
use crate::btree::TreeKind;
use crate::btree::node::{
    Fence, NodeView, SLOT_SIZE, Slot, common_prefix, head_bytes_in, header, offset_in, page_kind,
};
use crate::btree::record::{self, Form, Layout, RecordRef};
use crate::page::{PageCopy, PageId};
use std::ops::Range;

/// Prefix bytes a node must gain in all before a split rewrites its left half for them.
const PREFIX_GAIN_MIN: usize = 128;

/// The records of one node or of two neighbours in order, with an insert that is still to be applied.
#[derive(Clone, Copy, Debug)]
pub(in crate::btree) struct Sequence<'a> {
    pub(in crate::btree) left: NodeView<'a>,
    /// The separator of two branches, whose child is the right one's first.
    pub(in crate::btree) middle: Option<RecordRef<'a>>,
    pub(in crate::btree) right: Option<NodeView<'a>>,
    /// Its slot counts through all of these.
    pub(in crate::btree) pending: Option<NotApplied<'a>>,
}

/// Records of a sequence that lie in one place.
enum Stretch<'a> {
    /// The pending record or the separator in the middle.
    One(RecordRef<'a>),
    /// Slots of a node.
    Slots(NodeView<'a>, Range<usize>),
}

impl<'a> Sequence<'a> {
    /// The records of one node and one to be inserted.
    pub(in crate::btree) fn of(left: NodeView<'a>, pending: Option<NotApplied<'a>>) -> Sequence<'a> {
        Sequence { left, middle: None, right: None, pending }
    }

    /// Number of records.
    pub(in crate::btree) fn len(&self) -> usize {
        self.left.count()
            + usize::from(self.middle.is_some())
            + self.right.map_or(0, |right| right.count())
            + usize::from(self.pending.is_some())
    }

    /// The records from `range.start` on, as many of `range` as lie in one place.
    fn stretch(&self, range: Range<usize>) -> Stretch<'a> {
        let Range { mut start, mut end } = range;
        if let Some(pending) = self.pending {
            match start.cmp(&pending.slot) {
                std::cmp::Ordering::Equal => return Stretch::One(pending.record),
                std::cmp::Ordering::Greater => (start, end) = (start - 1, end - 1),
                std::cmp::Ordering::Less => end = end.min(pending.slot),
            }
        }
        let count = self.left.count();
        if start < count {
            return Stretch::Slots(self.left, start..end.min(count));
        }
        (start, end) = (start - count, end - count);
        if let Some(middle) = self.middle {
            if start == 0 {
                return Stretch::One(middle);
            }
            (start, end) = (start - 1, end - 1);
        }
        // Without a right node the index is past the end, which no caller asks for.
        Stretch::Slots(self.right.unwrap_or(self.left), start..end)
    }

    /// The stretches of `range` in order.
    fn stretches(self, range: Range<usize>) -> impl Iterator<Item = Stretch<'a>> {
        let mut at = range.start;
        std::iter::from_fn(move || {
            let stretch = (at < range.end).then(|| self.stretch(at..range.end))?;
            at += match &stretch {
                Stretch::One(_) => 1,
                Stretch::Slots(_, slots) => slots.len(),
            };
            Some(stretch)
        })
    }

    /// The record at `index`.
    pub(in crate::btree) fn get(&self, index: usize) -> RecordRef<'a> {
        match self.stretch(index..index + 1) {
            Stretch::One(record) => record,
            Stretch::Slots(node, slots) => node.record(slots.start),
        }
    }

    /// How records in `range` between two fences are laid out.
    fn form(&self, range: Range<usize>, low: Option<Fence<'_>>, high: Option<Fence<'_>>) -> Form {
        if !self.left.is_table() {
            // Without a high fence the last key bounds the prefix as well, until a key comes that does not share it:
            // else leaves at the right edge would fill with whole keys and be left half empty by their split.
            let bound = match (low, high) {
                (Some(low), None) if !range.is_empty() => {
                    let last = self.get(range.end - 1);
                    let length = low.len().saturating_sub(1).min(last.local_key_length());
                    (0..length).take_while(|&index| low.byte(index) == last.key_byte(index)).count()
                }
                _ => common_prefix(low, high),
            };
            return Form::of(false, bound);
        }
        if range.is_empty() {
            return Form::of(true, 0);
        }
        let (first, last) = (self.get(range.start), self.get(range.end - 1));
        let narrow = (0..4).all(|index| first.key_byte(index) == last.key_byte(index));
        Form::of(true, if narrow { 4 } else { 0 })
    }

    /// Bytes that records in `range` between two fences use, fences included.
    pub(in crate::btree) fn size(
        &self,
        range: Range<usize>,
        low: Option<Fence<'_>>,
        high: Option<Fence<'_>>,
    ) -> usize {
        let form = self.form(range.clone(), low, high);
        let records: usize = self
            .stretches(range.clone())
            .map(|stretch| match stretch {
                Stretch::One(record) => record.encoded_length(form),
                Stretch::Slots(node, slots) => {
                    slots.map(|slot| node.record(slot).encoded_length(form)).sum::<usize>()
                }
            })
            .sum();
        records + SLOT_SIZE * range.len() + self.fences_size(form.prefix_length, low, high)
    }

    /// Bytes that the fences use.
    fn fences_size(&self, prefix_length: usize, low: Option<Fence<'_>>, high: Option<Fence<'_>>) -> usize {
        if self.left.is_table() {
            return 0;
        }
        low.map_or(0, |low| low.len()) + high.map_or(0, |high| high.len().saturating_sub(prefix_length))
    }

    /// An upper bound of [`Sequence::size`] from the sum of the records' sizes without any prefix.
    pub(in crate::btree) fn size_bound(
        &self,
        range: Range<usize>,
        sum: usize,
        low: Option<Fence<'_>>,
        high: Option<Fence<'_>>,
    ) -> usize {
        let Form { layout, prefix_length } = self.form(range.clone(), low, high);
        let keys = match layout {
            Layout::Narrow => sum,
            Layout::Wide => sum + 8 * range.len(),
            Layout::Index => sum.saturating_sub(range.len() * prefix_length),
        };
        keys + self.fences_size(prefix_length, low, high)
    }

    /// Calls `visit` for each record with its bytes and its slot's, without any prefix (nor, in a table, a key).
    pub(in crate::btree) fn each_plain_size(&self, mut visit: impl FnMut(usize)) {
        let plain = Form::of(self.left.is_table(), if self.left.is_table() { 4 } else { 0 });
        for stretch in self.stretches(0..self.len()) {
            match stretch {
                Stretch::One(record) => visit(record.encoded_length(plain) + SLOT_SIZE),
                Stretch::Slots(node, slots) => {
                    let form = node.form();
                    for slot in &node.slots()[slots] {
                        // slots of the node
                        visit(record::plain_length_at(node.bytes(), offset_in(*slot), form) + SLOT_SIZE);
                    }
                }
            }
        }
    }
}

/// What a rebuilt node is, beside its records.
#[derive(Clone, Copy, Debug)]
pub(in crate::btree) struct Shape<'a> {
    pub(in crate::btree) kind: TreeKind,
    pub(in crate::btree) level: u8,
    pub(in crate::btree) low: Option<Fence<'a>>,
    pub(in crate::btree) high: Option<Fence<'a>>,
    pub(in crate::btree) right_sibling: PageId,
    pub(in crate::btree) first_child: PageId,
}

/// Makes the page of `copy` a node of `shape` that holds the records in `range`.
///
/// The records must fit ([`Sequence::size`]) and may not lie in this very page.
pub(in crate::btree) fn rebuild_from_records(
    copy: &mut PageCopy,
    work: &mut Workspace,
    epoch: u64,
    shape: &Shape<'_>,
    records: &Sequence<'_>,
    range: Range<usize>,
) {
    work.timer.start();
    let (page, edits, home) = copy.parts_mut();
    edits.note_whole();
    work.counters.allocator_builds += 1;
    let form = records.form(range.clone(), shape.low, shape.high);
    fill(page, work, shape, records, range, form);
    let known = home.insert(LeafAllocatorSnapshot::of(NodeView::new(page), epoch));
    super::assert_invariants(NodeView::new(page), known, &mut work.proof);
    work.timer.lap(crate::profile::Phase::Allocator);
}

fn fill(
    page: &mut [u8],
    work: &mut Workspace,
    shape: &Shape<'_>,
    records: &Sequence<'_>,
    range: Range<usize>,
    form: Form,
) {
    header::set_kind(page, page_kind(shape.kind, shape.level), shape.level);
    header::set_right_sibling(page, shape.right_sibling);
    header::set_first_child(page, shape.first_child);
    header::set_prefix_length(page, form.prefix_length);
    let mut heap = page.len() - crate::page::CHECKSUM_SIZE;
    for (which, fence) in [shape.low, shape.high].into_iter().enumerate() {
        let Some(fence) = fence else {
            header::set_fence(page, which, None);
            continue;
        };
        let skipped = if which == 1 && form.layout == Layout::Index { form.prefix_length } else { 0 };
        let length = fence.len() - skipped;
        let at = if form.layout == Layout::Index {
            heap -= length;
            heap
        } else {
            header::table_fence_place(which)
        };
        let (first, second) = fence.from(skipped);
        page[at..at + first.len()].copy_from_slice(first); // in the heap or the header
        page[at + first.len()..at + length].copy_from_slice(second); // as above
        header::set_fence(page, which, Some((at, length, fence.cut)));
    }
    if form.layout == Layout::Narrow {
        let first = records.get(range.start); // a narrow node is not empty
        header::set_table_prefix(page, &[0, 1, 2, 3].map(|index| first.key_byte(index).unwrap_or_default()));
    }
    let (start, count) = (heap, range.len());
    let mut slot = 0;
    for stretch in records.stretches(range) {
        match stretch {
            Stretch::Slots(node, slots) if node.form() == form => {
                let slots = &node.slots()[slots]; // slots of the node
                heap = copy_blocks(page, node, slots, slot, heap);
                slot += slots.len();
            }
            Stretch::Slots(node, slots) => {
                for from in slots {
                    heap = encode_record(page, &node.record(from), slot, heap, form);
                    slot += 1;
                }
            }
            Stretch::One(record) => {
                heap = encode_record(page, &record, slot, heap, form);
                slot += 1;
            }
        }
    }
    work.counters.memcopy_bytes += (start - heap) as u64;
    header::set_count(page, count);
    header::set_heap(page, heap, 0);
    debug_assert!(slot == count && NodeView::new(page).slots_end() <= heap, "the caller saw that they fit");
}

/// Writes a record below `heap`, as `slot`; gives its offset.
#[inline]
pub(super) fn encode_record(
    page: &mut [u8],
    record: &RecordRef<'_>,
    slot: usize,
    heap: usize,
    form: Form,
) -> usize {
    let offset = heap - record.encoded_length(form);
    record.encode(form, &mut page[offset..heap]); // the caller saw that all fit
    header::set_slot(page, slot, offset, record.head(form.prefix_length));
    offset
}

/// Copies records of `node`, whose form the page shares, below `heap`, as the slots from `slot` on; gives the offset of
/// the last. Records that lie one below the other, as after ascending inserts or a rebuild, go as one block.
pub(super) fn copy_blocks(
    page: &mut [u8],
    node: NodeView<'_>,
    slots: &[Slot],
    mut slot: usize,
    mut heap: usize,
) -> usize {
    let (source, layout) = (node.bytes(), node.layout());
    let extent = |slot: &Slot| {
        let offset = offset_in(*slot);
        (offset, offset + record::length_at(source, offset, layout))
    };
    let mut rest = slots;
    let mut extents = slots.iter().map(extent);
    let mut next = extents.next();
    while let Some((mut low, end)) = next {
        let mut length = 1;
        next = extents.next();
        while let Some((offset, _)) = next.filter(|&(_, next_end)| next_end == low) {
            (low, length) = (offset, length + 1);
            next = extents.next();
        }
        let target = heap - (end - low);
        page[target..heap].copy_from_slice(&source[low..end]); // records of the node; all fit
        let (block, behind) = rest.split_at(length);
        for from in block {
            header::set_slot(page, slot, offset_in(*from) - low + target, head_bytes_in(*from));
            slot += 1;
        }
        (rest, heap) = (behind, target);
    }
    heap
}

/// Rewrites a node in another form. The caller saw that the records fit.
pub(super) fn rewrite(allocator: &mut LeafAllocator<'_>, form: Form) {
    let mut image = std::mem::take(&mut allocator.work.images[0]); // two images
    image.clear();
    image.extend_from_slice(allocator.page);
    let node = NodeView::new(&image);
    let shape = Shape::of(node, if node.is_table() { TreeKind::Table } else { TreeKind::Index });
    let records = Sequence::of(node, None);
    fill(allocator.page, allocator.work, &shape, &records, 0..records.len(), form);
    allocator.work.images[0] = image; // as above
    allocator.known.extents = None;
    allocator.known.regions = None;
    allocator.edits.note_whole();
}

/// How a node is to be split.
#[derive(Clone, Copy, Debug)]
pub(in crate::btree) struct Split<'a> {
    pub(in crate::btree) kind: TreeKind,
    /// The page of the right half.
    pub(in crate::btree) right_id: PageId,
    /// The first record of the right half, counted with the pending one in place.
    pub(in crate::btree) cut: usize,
    pub(in crate::btree) pending: NotApplied<'a>,
    /// The fence that both halves take between them.
    pub(in crate::btree) separator: Fence<'a>,
}

/// The two nodes that a split left behind; both have their snapshots.
#[derive(Clone, Copy, Debug)]
pub(in crate::btree) struct Halves<'a> {
    pub(in crate::btree) left: NodeView<'a>,
    pub(in crate::btree) right: NodeView<'a>,
    /// Whether the pending record went to the right, and its slot there; `None` where it went up as the separator.
    pub(in crate::btree) pending_at: Option<(bool, usize)>,
}

impl<'a> Halves<'a> {
    /// The least keys of both halves, as far as they lie in them.
    pub(in crate::btree) fn min_keys(&self) -> [Option<RecordRef<'a>>; 2] {
        [self.left, self.right].map(|node| node.records().next())
    }
}

/// Splits the node of `left`: records from the cut on go to `right`, the pending one where it belongs.
///
/// In a branch the record at the cut goes to neither half: it is the separator, and its child becomes the right
/// half's first. The left half's records stay where they are, unless a longer prefix is worth the rewriting.
pub(in crate::btree) fn split_into<'a>(
    left: &'a mut PageCopy,
    right: &'a mut PageCopy,
    work: &mut Workspace,
    epoch: u64,
    split: &Split<'_>,
) -> Halves<'a> {
    crate::trace::span!("split", right_page = split.right_id.0);
    work.counters.splits += 1;
    let &Split { kind, right_id, cut, pending, separator } = split;
    let node = NodeView::new(left.bytes());
    let records = Sequence::of(node, Some(pending));
    let branch = node.level() > 0;
    let right_from = if branch { cut + 1 } else { cut };
    let first_child = if branch { records.get(cut).child() } else { PageId::NONE };
    let shape = Shape { low: Some(separator), first_child, ..Shape::of(node, kind) };
    rebuild_from_records(right, work, epoch, &shape, &records, right_from..records.len());

    let prefix_length = node.prefix_length();
    let stays = node.is_table() || {
        let common = common_prefix(node.low_fence(), Some(separator));
        common >= prefix_length
            && common - prefix_length < 4
            && (common - prefix_length) * cut < PREFIX_GAIN_MIN
    };
    if !stays || !keep_left(left, work, epoch, split) {
        let mut images = std::mem::take(&mut work.images);
        images[0].clear(); // two images
        images[0].extend_from_slice(left.bytes()); // as above
        let node = NodeView::new(&images[0]); // as above
        let records = Sequence::of(node, Some(pending));
        let shape = Shape { high: Some(separator), right_sibling: right_id, ..Shape::of(node, kind) };
        rebuild_from_records(left, work, epoch, &shape, &records, 0..cut);
        work.images = images;
    }
    let (left, right) = (NodeView::new(left.bytes()), NodeView::new(right.bytes()));
    // Asserted where the heaps are made: what the headers say of them is all that the next edits go by.
    debug_assert!([left, right].iter().all(|half| half.slots_end() <= half.heap_start()));
    let pending_at = if pending.slot < cut {
        Some((false, pending.slot))
    } else {
        pending.slot.checked_sub(right_from).map(|slot| (true, slot))
    };
    Halves { left, right, pending_at }
}

/// Makes a node the left half of its split without moving a record. Where it fails, the node has lost only what went
/// to the right, and its high fence.
fn keep_left(left: &mut PageCopy, work: &mut Workspace, epoch: u64, split: &Split<'_>) -> bool {
    let goes_left = split.pending.slot < split.cut;
    let mut allocator = LeafAllocator::open(left, work, epoch);
    let stays = split.cut - usize::from(goes_left);
    allocator.remove_run(stays..allocator.node().count());
    allocator.set_right_sibling(split.right_id);
    if !allocator.set_high_fence(Some(&split.separator))
        || goes_left && allocator.insert(split.pending.slot, &split.pending.record).is_err()
    {
        return false;
    }
    allocator.finish();
    true
}

impl<'a> Shape<'a> {
    /// What `node` is.
    pub(in crate::btree) fn of(node: NodeView<'a>, kind: TreeKind) -> Shape<'a> {
        Shape {
            kind,
            level: node.level(),
            low: node.low_fence(),
            high: node.high_fence(),
            right_sibling: node.right_sibling(),
            first_child: node.first_child(),
        }
    }
}
