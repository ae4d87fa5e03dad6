//! What holds leaves together: splitting a node, entering its separator above, growing and shrinking the root.
//! Leaves and branches alike go through here.

use super::TreeKind;
use super::leaf_allocator::{FenceIntent, LeafAllocator, NotApplied, Sequence, Split, Workspace, split_into};
use super::node::{Fence, NodeView, capacity, header, local_key_max, page_kind};
use super::overflow;
use super::record::{RawValue, RecordRef, Tail};
use super::search::{Path, Step, kind_of_root};
use crate::error::{Error, Result};
use crate::page::{PageId, ReadPages, WritePages};
use smallvec::SmallVec;
use std::cmp::Ordering;

/// Bytes on either side of a cut within which a shorter separator is preferred: 1/16 of a page.
const SEPARATOR_WINDOW_SHARE: usize = 16;

/// The key between two nodes: all of it, its tail perhaps in an overflow run.
#[derive(Clone, Debug, Default)]
pub(super) struct Separator {
    key: SmallVec<[u8; 64]>,
    tail: Option<Tail>,
}

impl Separator {
    pub(super) fn fence(&self) -> Fence<'_> {
        Fence { start: &[], rest: &self.key, cut: self.tail.is_some() }
    }

    /// The branch record that leads to `child`.
    fn record<'a>(&'a self, child: &'a [u8; 4]) -> RecordRef<'a> {
        RecordRef::pending(&self.key, self.tail, RawValue::Local(child))
    }
}

/// Whole key of a record, its tail read.
pub(super) fn append_key<P: ReadPages>(pages: &P, record: &RecordRef<'_>, out: &mut Vec<u8>) -> Result<()> {
    record.append_local_key(out);
    match record.tail {
        Some(tail) => overflow::read_run(pages, tail.page, tail.length, out),
        None => Ok(()),
    }
}

/// Number of bytes of the shortest key that parts two neighbouring leaf records, if their local keys tell.
fn separator_length(before: &RecordRef<'_>, after: &RecordRef<'_>) -> Option<usize> {
    let common = if before.prefix == after.prefix {
        before.prefix.len()
            + before.rest.iter().zip(after.rest).take_while(|(one, other)| one == other).count()
    } else {
        let shorter = before.local_key_length().min(after.local_key_length());
        (0..shorter).take_while(|&index| before.key_byte(index) == after.key_byte(index)).count()
    };
    (common < after.local_key_length()).then_some(common + 1)
}

/// The key that parts the records before `cut` from those behind. In a branch it is the record at the cut.
pub(super) fn separator_at<P: WritePages>(
    pages: &P,
    records: &Sequence<'_>,
    cut: usize,
) -> Result<(Separator, Vec<u8>)> {
    let (level, table) = (records.left.level(), records.left.is_table());
    let after = records.get(cut);
    let (first, second) = after.key_from(0);
    let mut separator = Separator::default();
    if level > 0 || table {
        separator.key.extend_from_slice(first);
        separator.key.extend_from_slice(second);
        separator.tail = after.tail;
        return Ok((separator, Vec::new()));
    }
    let before = records.get(cut - 1);
    if let Some(length) = separator_length(&before, &after) {
        separator.key.extend_from_slice(first);
        separator.key.extend_from_slice(second);
        separator.key.truncate(length);
        return Ok((separator, Vec::new()));
    }
    let mut keys = [Vec::new(), Vec::new()];
    append_key(pages, &before, &mut keys[0])?; // two keys
    append_key(pages, &after, &mut keys[1])?; // as above
    let [before, mut after] = keys;
    let common = before.iter().zip(&after).take_while(|(one, other)| one == other).count();
    after.truncate(common + 1);
    let long = after.split_off(local_key_max(pages.page_size()).min(after.len()));
    separator.key.extend_from_slice(&after);
    Ok((separator, long))
}

/// Writes the part of a new separator that its branch record cannot hold.
pub(super) fn keep_tail(pages: &mut impl WritePages, separator: &mut Separator, long: &[u8]) -> Result<()> {
    if !long.is_empty() {
        separator.tail = Some(Tail { page: overflow::write_run(pages, long)?, length: long.len() as u32 });
    }
    Ok(())
}

/// The fence that a cut before `after` gives, as far as its length matters.
fn fence_at<'a>(records: &Sequence<'a>, cut: usize, after: &'a RecordRef<'a>, page_size: usize) -> Fence<'a> {
    let (start, rest) = after.key_from(0);
    let mut kept = local_key_max(page_size);
    if records.left.level() == 0 && !records.left.is_table() {
        kept = separator_length(&records.get(cut - 1), after).unwrap_or(kept);
    }
    let length = kept.min(start.len() + rest.len());
    let from_start = length.min(start.len());
    // Both parts are cut within.
    let (start, rest) = (&start[..from_start], &rest[..length - from_start]);
    Fence { start, rest, cut: after.tail.is_some() && kept >= length }
}

/// True where a leaf can stay as it is when its pending record, the last of all, goes to the right half alone.
fn keeps_all(records: &Sequence<'_>, page_size: usize) -> bool {
    let node = records.left;
    let Some(pending) = records.pending.filter(|pending| pending.slot == node.count()) else { return false };
    if node.level() > 0 || records.right.is_some() || node.count() == 0 {
        return false;
    }
    if node.is_table() {
        return true;
    }
    // The separator takes the place of the high fence, if there is one.
    let fence = fence_at(records, node.count(), &pending.record, page_size);
    let old = node.fence_extents()[1].map_or(0, |(_, length)| length); // two fences
    let prefix = node.prefix();
    prefix.iter().enumerate().all(|(index, byte)| fence.byte(index) == Some(*byte))
        && node.used() - old + fence.len() - prefix.len() <= capacity(page_size)
}

/// Where to cut `records` in two nodes between the fences `low` and `high`; `None` if no cut fits.
pub(super) fn choose_cut(
    records: &Sequence<'_>,
    page_size: usize,
    low: Option<Fence<'_>>,
    high: Option<Fence<'_>>,
    sums: &mut Vec<u32>,
) -> Option<usize> {
    let total = records.len();
    let branch = records.left.level() > 0;
    let (slot, fences) = records.pending.map_or((0, FenceIntent::Balance), |p| (p.slot, p.fences));
    if fences == FenceIntent::KeepLeft && keeps_all(records, page_size) {
        return Some(slot);
    }
    let last = if branch { total.checked_sub(2)? } else { total.checked_sub(1)? };
    sums.clear();
    sums.push(0);
    let mut sum = 0;
    records.each_plain_size(|size| {
        sum += size as u32;
        sums.push(sum);
    });
    let wanted = match fences {
        FenceIntent::Balance => sums.partition_point(|&before| before < sum / 2),
        FenceIntent::KeepLeft if slot + 1 == total => slot,
        FenceIntent::KeepLeft => slot + 1,
        FenceIntent::KeepRight if slot == 0 => 1,
        FenceIntent::KeepRight => slot,
    }
    .clamp(1, last.max(1));
    let fits = |cut: usize| {
        if cut < 1 || cut > last {
            return None;
        }
        let after = records.get(cut);
        let fence = fence_at(records, cut, &after, page_size);
        let right_from = if branch { cut + 1 } else { cut };
        let sum_of = |from: usize, to: usize| (sums[to] - sums[from]) as usize; // one sum more than records
        let left_size = records.size_bound(0..cut, sum_of(0, cut), low, Some(fence));
        let right_size = records.size_bound(right_from..total, sum_of(right_from, total), Some(fence), high);
        let room = capacity(page_size);
        (left_size <= room && right_size <= room).then_some(fence.len())
    };
    if fences == FenceIntent::Balance && !branch && !records.left.is_table() {
        let window = (page_size / SEPARATOR_WINDOW_SHARE) as u32;
        let from = sums.partition_point(|&before| before + window < sums[wanted]); // wanted <= last < sums' length
        let to = sums.partition_point(|&before| before <= sums[wanted] + window); // as above
        let near = (from..to).filter_map(|cut| Some((fits(cut)?, cut.abs_diff(wanted), cut))).min();
        if let Some((_, _, cut)) = near {
            return Some(cut);
        }
    }
    (0..=total).find_map(|distance| {
        [wanted.checked_sub(distance), Some(wanted + distance)]
            .into_iter()
            .flatten()
            .find(|&cut| fits(cut).is_some())
    })
}

/// The cut of two nodes' `records` that leaves the left one as full as can be; `None` where it can take none.
pub(super) fn fullest_cut(
    records: &Sequence<'_>,
    page_size: usize,
    low: Option<Fence<'_>>,
    high: Option<Fence<'_>>,
    sums: &mut Vec<u32>,
) -> Option<usize> {
    let (count, total) = (records.left.count(), records.len());
    sums.clear();
    sums.push(0);
    let mut sum = 0;
    records.each_plain_size(|size| {
        sum += size as u32;
        sums.push(sum);
    });
    let room = capacity(page_size);
    let fits = |cut: usize| {
        let after = records.get(cut);
        let fence = fence_at(records, cut, &after, page_size);
        let sum_of = |from: usize, to: usize| (sums[to] - sums[from]) as usize; // one sum more than records
        records.size_bound(0..cut, sum_of(0, cut), low, Some(fence)) <= room
            && records.size_bound(cut..total, sum_of(cut, total), Some(fence), high) <= room
    };
    // A prefix may end with the next record, so the first cut that does not fit says nothing of those behind it; but what
    // fits there is hardly more.
    let end = (count + 1..total).find(|cut| !fits(*cut)).unwrap_or(total);
    (end > count + 1).then(|| end - 1)
}

/// Splits node `id`, which has no room for `pending`, and enters the new half above; gives the page and the slot that
/// the record went to, unless it went up.
///
/// `path` holds the branches above the node; it is used up.
pub(super) fn split_node<P: WritePages>(
    pages: &mut P,
    work: &mut Workspace,
    path: &mut Path,
    id: PageId,
    pending: NotApplied<'_>,
) -> Result<Option<(PageId, usize)>> {
    let (id, step) = match path.pop() {
        Some(step) => (id, step),
        None => (grow_root(pages, id)?, Step { page: id, child_index: 0 }),
    };
    let page_size = pages.page_size();
    let (kind, level, cut, mut separator, long) = {
        let page = pages.look(id)?;
        let (kind, level) = kind_of_root(id, &page)?;
        let node = NodeView::new(&page);
        let records = Sequence::of(node, Some(pending));
        let cut = choose_cut(&records, page_size, node.low_fence(), node.high_fence(), &mut work.sums);
        let cut = cut.ok_or_else(|| Error::corrupt(id, "the node can be split nowhere"))?;
        let (separator, long) = separator_at(&*pages, &records, cut)?;
        work.counters.key_decodes += 1;
        (kind, level, cut, separator, long)
    };
    keep_tail(pages, &mut separator, &long)?;
    let right_id = pages.allocate(page_kind(kind, level), level)?;
    let epoch = pages.epoch();
    let split = Split { kind, right_id, cut, pending, separator: separator.fence() };
    let [left, right] = pages.edit_many([id, right_id])?;
    let halves = split_into(left, right, work, epoch, &split);
    let [left_min, right_min] = halves.min_keys();
    let side = |key: Option<RecordRef<'_>>| key.and_then(|key| key_beside(&key, &separator));
    debug_assert!(side(left_min).is_none_or(Ordering::is_lt) && side(right_min).is_none_or(Ordering::is_ge));
    let pending_at = halves.pending_at.map(|(right, slot)| (if right { right_id } else { id }, slot));
    enter_separator(pages, work, path, step, &separator, right_id, pending.fences)?;
    Ok(pending_at)
}

/// How the key of `record` stands to a separator, if the parts of both that lie in nodes tell.
fn key_beside(record: &RecordRef<'_>, separator: &Separator) -> Option<Ordering> {
    if separator.tail.is_some() {
        return None;
    }
    let key = Fence { start: record.prefix, rest: record.rest, cut: record.tail.is_some() };
    key.compare(&separator.key).map(Ordering::reverse)
}

/// Enters `child`, the new right neighbour of the child that `step` took, into the branch above.
pub(super) fn enter_separator<P: WritePages>(
    pages: &mut P,
    work: &mut Workspace,
    path: &mut Path,
    step: Step,
    separator: &Separator,
    child: PageId,
    fences: FenceIntent,
) -> Result<()> {
    let child = child.0.to_le_bytes();
    let record = separator.record(&child);
    let epoch = pages.epoch();
    let copy = pages.edit(step.page)?;
    let node = NodeView::new(copy.bytes());
    // Its place is known from the way down; its neighbours must agree.
    let before = step.child_index.checked_sub(1).map(|slot| node.record(slot));
    let after = (step.child_index < node.count()).then(|| node.record(step.child_index));
    if before.and_then(|key| key_beside(&key, separator)).is_some_and(Ordering::is_ge)
        || after.and_then(|key| key_beside(&key, separator)).is_some_and(Ordering::is_le)
    {
        return Err(Error::corrupt(step.page, "its keys are not the fences of the nodes below"));
    }
    let mut allocator = LeafAllocator::open(copy, work, epoch);
    let applied = allocator.insert(step.child_index, &record);
    allocator.finish();
    match applied {
        Ok(()) => Ok(()),
        Err(pending) => {
            // What ran in the leaves runs here too.
            let fences = if pending.fences == FenceIntent::Balance { fences } else { pending.fences };
            split_node(pages, work, path, step.page, NotApplied { fences, ..pending }).map(drop)
        }
    }
}

/// Moves the root's content to a new page and makes the root a branch above it; gives that page.
fn grow_root<P: WritePages>(pages: &mut P, root: PageId) -> Result<PageId> {
    let (kind, level) = kind_of_root(root, &pages.page(root)?)?;
    let below = pages.allocate(page_kind(kind, level), level)?;
    let [root_copy, below_copy] = pages.edit_many([root, below])?;
    let (page, edits, home) = below_copy.parts_mut();
    page[crate::page::HEADER_SIZE..].copy_from_slice(&root_copy.bytes()[crate::page::HEADER_SIZE..]); // equal sizes
    edits.note_whole();
    *home = root_copy.leaf.take();
    format_root(root_copy, kind, level + 1, below);
    Ok(below)
}

/// Makes a page an empty node without fences.
pub(super) fn format_root(copy: &mut crate::page::PageCopy, kind: TreeKind, level: u8, first_child: PageId) {
    let (page, edits, home) = copy.parts_mut();
    header::clear(page);
    header::set_kind(page, page_kind(kind, level), level);
    header::set_first_child(page, first_child);
    let heap_end = page.len() - crate::page::CHECKSUM_SIZE;
    header::set_count(page, 0);
    header::set_heap(page, heap_end, 0);
    edits.note_write(crate::page::KIND_OFFSET, header::ALL.1);
    *home = None;
}

/// While the root is a branch with a single child, takes that child's content in its place.
pub(super) fn shrink_root<P: WritePages>(pages: &mut P, root: PageId) -> Result<()> {
    loop {
        let child = {
            let page = pages.page(root)?;
            let node = NodeView::new(&page);
            if node.level() == 0 || node.count() > 0 {
                return Ok(());
            }
            let child = node.first_child();
            let (kind, level) = kind_of_root(root, &page)?;
            super::search::check_node(child, &pages.page(child)?, kind, level - 1)?;
            child
        };
        let [root_copy, child_copy] = pages.edit_many([root, child])?;
        let (page, edits, home) = root_copy.parts_mut();
        let from = crate::page::KIND_OFFSET;
        page[from..].copy_from_slice(&child_copy.bytes()[from..]); // equal sizes
        edits.note_whole();
        *home = child_copy.leaf.take();
        pages.free(child)?;
    }
}
