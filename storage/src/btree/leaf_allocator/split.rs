//! Streaming records from nodes into nodes: splits, merges and borrows. Touches the pages it is given.

use super::{LeafAllocator, LeafAllocatorSnapshot, NotApplied, Workspace};
use crate::btree::TreeKind;
use crate::btree::node::{Fence, NodeView, SLOT_SIZE, common_prefix, header, page_kind};
use crate::btree::record::{Layout, RecordRef};
use crate::page::{PageCopy, PageId};
use std::ops::Range;

/// Prefix bytes a node must gain in all before a split rewrites its left half for them.
const PREFIX_GAIN_MIN: usize = 128;

/// An insert that found no room: the record and its place in the sequence it belongs to.
#[derive(Clone, Copy, Debug)]
pub(in crate::btree) struct Pending<'a> {
    pub(in crate::btree) slot: usize,
    pub(in crate::btree) record: RecordRef<'a>,
}

/// The records of one node or of two neighbours in order, with an insert that is still to be applied.
#[derive(Clone, Copy, Debug)]
pub(in crate::btree) struct Sequence<'a> {
    pub(in crate::btree) left: NodeView<'a>,
    /// The separator of two branches, whose child is the right one's first.
    pub(in crate::btree) middle: Option<RecordRef<'a>>,
    pub(in crate::btree) right: Option<NodeView<'a>>,
    pub(in crate::btree) pending: Option<Pending<'a>>,
}

impl<'a> Sequence<'a> {
    /// The records of one node and one to be inserted.
    pub(in crate::btree) fn of(left: NodeView<'a>, pending: Option<Pending<'a>>) -> Sequence<'a> {
        Sequence { left, middle: None, right: None, pending }
    }

    /// Number of records.
    pub(in crate::btree) fn len(&self) -> usize {
        self.left.count()
            + usize::from(self.middle.is_some())
            + self.right.map_or(0, |right| right.count())
            + usize::from(self.pending.is_some())
    }

    /// The record at `index`.
    pub(in crate::btree) fn get(&self, mut index: usize) -> RecordRef<'a> {
        if let Some(pending) = self.pending {
            match index.cmp(&pending.slot) {
                std::cmp::Ordering::Equal => return pending.record,
                std::cmp::Ordering::Greater => index -= 1,
                std::cmp::Ordering::Less => {}
            }
        }
        if index < self.left.count() {
            return self.left.record(index);
        }
        index -= self.left.count();
        if let Some(middle) = self.middle {
            if index == 0 {
                return middle;
            }
            index -= 1;
        }
        // Without a right node the index is past the end, which no caller asks for.
        self.right.unwrap_or(self.left).record(index)
    }

    /// How records in `range` between two fences are laid out: the layout and the prefix length.
    fn layout(
        &self,
        range: Range<usize>,
        low: Option<Fence<'_>>,
        high: Option<Fence<'_>>,
    ) -> (Layout, usize) {
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
            return (Layout::Index, bound);
        }
        if range.is_empty() {
            return (Layout::Wide, 0);
        }
        let (first, last) = (self.get(range.start), self.get(range.end - 1));
        let narrow = (0..4).all(|index| first.key_byte(index) == last.key_byte(index));
        if narrow { (Layout::Narrow, 4) } else { (Layout::Wide, 0) }
    }

    /// Bytes that records in `range` between two fences use, fences included.
    pub(in crate::btree) fn size(
        &self,
        range: Range<usize>,
        low: Option<Fence<'_>>,
        high: Option<Fence<'_>>,
    ) -> usize {
        let (layout, prefix_length) = self.layout(range.clone(), low, high);
        let records = range.map(|index| SLOT_SIZE + self.get(index).encoded_length(layout, prefix_length));
        records.sum::<usize>() + self.fences_size(prefix_length, low, high)
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
        let (layout, prefix_length) = self.layout(range.clone(), low, high);
        let keys = match layout {
            Layout::Narrow => sum,
            Layout::Wide => sum + 8 * range.len(),
            Layout::Index => sum.saturating_sub(range.len() * prefix_length),
        };
        keys + self.fences_size(prefix_length, low, high)
    }

    /// Bytes of the record at `index` and its slot, without any prefix (nor, in a table, a key).
    pub(in crate::btree) fn plain_size(&self, index: usize) -> usize {
        let record = self.get(index);
        let plain = if self.left.is_table() {
            record.encoded_length(Layout::Narrow, 4)
        } else {
            // Where the raw record has another prefix, its length is that much shorter than the plain one.
            record.encoded_length(Layout::Index, 0)
        };
        plain + SLOT_SIZE
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
    let (page, edits, home) = copy.parts_mut();
    edits.note_whole();
    work.counters.allocator_builds += 1;
    let layout = records.layout(range.clone(), shape.low, shape.high);
    fill(page, work, shape, records, range, layout);
    *home = Some(LeafAllocatorSnapshot::new(NodeView::new(page), epoch, None, None));
    super::assert_invariants(NodeView::new(page), None, None);
}

fn fill(
    page: &mut [u8],
    work: &mut Workspace,
    shape: &Shape<'_>,
    records: &Sequence<'_>,
    range: Range<usize>,
    (layout, prefix_length): (Layout, usize),
) {
    header::set_kind(page, page_kind(shape.kind, shape.level), shape.level);
    header::set_right_sibling(page, shape.right_sibling);
    header::set_first_child(page, shape.first_child);
    header::set_prefix_length(page, prefix_length);
    let mut heap = page.len() - crate::page::CHECKSUM_SIZE;
    for (which, fence) in [shape.low, shape.high].into_iter().enumerate() {
        let Some(fence) = fence else {
            header::set_fence(page, which, None);
            continue;
        };
        let skipped = if which == 1 && layout == Layout::Index { prefix_length } else { 0 };
        let length = fence.len() - skipped;
        let at = if layout == Layout::Index {
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
    if layout == Layout::Narrow {
        let first = records.get(range.start); // a narrow node is not empty
        header::set_table_prefix(page, &[0, 1, 2, 3].map(|index| first.key_byte(index).unwrap_or_default()));
    }
    let (start, count) = (heap, range.len());
    for (slot, index) in range.enumerate() {
        let record = records.get(index);
        let length = record.encoded_length(layout, prefix_length);
        heap -= length;
        record.encode(layout, prefix_length, &mut page[heap..heap + length]); // the caller saw that they fit
        header::set_slot(page, slot, heap, record.head(prefix_length));
    }
    work.counters.memcopy_bytes += (start - heap) as u64;
    header::set_counts(page, count, heap, 0);
}

/// Rewrites a node with a shorter prefix. The caller saw that the records fit.
pub(super) fn shorten_prefix(allocator: &mut LeafAllocator<'_>, prefix_length: usize) {
    let mut image = std::mem::take(&mut allocator.work.images[0]); // two images
    image.clear();
    image.extend_from_slice(allocator.page);
    let node = NodeView::new(&image);
    let table = node.is_table();
    let shape = Shape::of(node, if table { TreeKind::Table } else { TreeKind::Index });
    let records = Sequence::of(node, None);
    let layout = (Layout::of(table, prefix_length), prefix_length);
    fill(allocator.page, allocator.work, &shape, &records, 0..records.len(), layout);
    allocator.work.images[0] = image; // as above
    allocator.extents = None;
    allocator.regions = None;
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
    pub(in crate::btree) pending: Pending<'a>,
    /// The fence that both halves take between them.
    pub(in crate::btree) separator: Fence<'a>,
}

/// Splits the node of `left`: records from the cut on go to `right`, the pending one where it belongs.
///
/// In a branch the record at the cut goes to neither half: it is the separator, and its child becomes the right
/// half's first. The left half's records stay where they are, unless a longer prefix is worth the rewriting.
pub(in crate::btree) fn split_into(
    [left, right]: [&mut PageCopy; 2],
    work: &mut Workspace,
    epoch: u64,
    split: &Split<'_>,
) {
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
    if stays && keep_left(left, work, epoch, split).is_ok() {
        return;
    }
    let mut images = std::mem::take(&mut work.images);
    images[0].clear(); // two images
    images[0].extend_from_slice(left.bytes()); // as above
    let node = NodeView::new(&images[0]); // as above
    let records = Sequence::of(node, Some(pending));
    let shape = Shape { high: Some(separator), right_sibling: right_id, ..Shape::of(node, kind) };
    rebuild_from_records(left, work, epoch, &shape, &records, 0..cut);
    work.images = images;
}

/// Makes a node the left half of its split without moving a record; where it fails the records are still there.
fn keep_left(
    left: &mut PageCopy,
    work: &mut Workspace,
    epoch: u64,
    split: &Split<'_>,
) -> Result<(), NotApplied> {
    let goes_left = split.pending.slot < split.cut;
    let mut allocator = LeafAllocator::open(left, work, epoch);
    allocator.truncate(split.cut - usize::from(goes_left));
    allocator.set_right_sibling(split.right_id);
    allocator.set_high_fence(&split.separator)?;
    if goes_left {
        allocator.insert(split.pending.slot, &split.pending.record)?;
    }
    allocator.finish();
    Ok(())
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
