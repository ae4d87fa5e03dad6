//! Inserting and replacing records: in place where there is room, else by sharing with a neighbour or a split.

use super::branch::{Pair, Run, Spread, pair_of, split_node, spread};
use super::leaf::{TreeMemory, find_leaf, fold_counters};
use super::leaf_allocator::{LeafAllocator, Pending};
use super::node::{NodeView, SLOT_SIZE, capacity, local_key_max, local_record_max};
use super::overflow::{self, LENGTH_MAX};
use super::record::{RawValue, RecordRef, Tail};
use super::search::{Path, descend};
use super::{TreeId, delete::free_value};
use crate::error::{Error, Result};
use crate::page::{PageId, WritePages};

/// Two neighbours share instead of splitting one of them if this share (1/n) of a page is free in them.
const SHARE_FREE_SHARE: usize = 5;

/// What to do about a key that is there, or is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Only add.
    Insert,
    /// Only change.
    Replace,
    /// Either.
    Put,
}

/// Refuses keys and values that no tree can hold.
pub(super) fn check_sizes(key: &[u8], value: &[u8]) -> Result<()> {
    if key.len() > LENGTH_MAX || value.len() > LENGTH_MAX {
        return Err(Error::Misuse("keys and values hold at most 2,147,483,647 bytes".to_owned()));
    }
    Ok(())
}

fn check_table_key(leaf: PageId, node: NodeView<'_>, key: &[u8]) -> Result<()> {
    if node.is_table() && key.len() != 8 {
        let detail = format!("page {leaf} belongs to a table tree: its keys have 8 bytes, not {}", key.len());
        return Err(Error::Misuse(detail));
    }
    Ok(())
}

/// The value as its record will hold it; a long one is written to an overflow run.
pub(super) fn keep_value<'a, P: WritePages>(
    pages: &mut P,
    key: &[u8],
    value: &'a [u8],
) -> Result<RawValue<'a>> {
    let page_size = pages.page_size();
    if key.len().min(local_key_max(page_size)) + value.len() <= local_record_max(page_size) {
        return Ok(RawValue::Local(value));
    }
    if value.is_empty() {
        return Ok(RawValue::Local(value));
    }
    Ok(RawValue::Overflow { page: overflow::write_run(pages, value)?, length: value.len() as u32 })
}

/// The local part of a key, and its tail written to an overflow run.
pub(super) fn keep_key<'a, P: WritePages>(pages: &mut P, key: &'a [u8]) -> Result<(&'a [u8], Option<Tail>)> {
    let (local, rest) = key.split_at(key.len().min(local_key_max(pages.page_size())));
    if rest.is_empty() {
        return Ok((local, None));
    }
    Ok((local, Some(Tail { page: overflow::write_run(pages, rest)?, length: rest.len() as u32 })))
}

/// Adds or changes a record as `mode` says; tells whether the key was there.
pub(super) fn write<P: WritePages>(
    pages: &mut P,
    memory: &mut TreeMemory,
    tree: TreeId,
    key: &[u8],
    value: &[u8],
    mode: Mode,
) -> Result<bool> {
    check_sizes(key, value)?;
    let (leaf, found) = find_leaf(pages, memory, tree, key)?;
    if found.exact && mode == Mode::Insert || !found.exact && mode == Mode::Replace {
        return Ok(found.exact);
    }
    if found.exact {
        replace_at(pages, memory, tree, key, value, leaf, found.slot)?;
    } else {
        insert_at(pages, memory, tree, key, value, leaf, found.slot)?;
    }
    fold_counters(pages, memory);
    Ok(found.exact)
}

fn insert_at<P: WritePages>(
    pages: &mut P,
    memory: &mut TreeMemory,
    tree: TreeId,
    key: &[u8],
    value: &[u8],
    leaf: PageId,
    slot: usize,
) -> Result<()> {
    let epoch = pages.epoch();
    let kept = keep_value(pages, key, value)?;
    let (local, tail) = keep_key(pages, key)?;
    let record = RecordRef::pending(local, tail, kept);
    let copy = pages.edit(leaf)?;
    check_table_key(leaf, NodeView::new(copy.bytes()), key)?;
    let mut allocator = LeafAllocator::open(copy, &mut memory.work, epoch);
    let applied = allocator.insert(slot, &record);
    allocator.finish();
    if applied.is_ok() {
        memory.remember(tree, epoch, leaf, Some(slot));
        return Ok(());
    }
    let run = memory.run(tree, epoch, leaf, NodeView::new(pages.edit(leaf)?.bytes()), slot);
    make_room(pages, memory, tree, key, leaf, Pending { slot, record }, run)
}

fn replace_at<P: WritePages>(
    pages: &mut P,
    memory: &mut TreeMemory,
    tree: TreeId,
    key: &[u8],
    value: &[u8],
    leaf: PageId,
    slot: usize,
) -> Result<()> {
    let epoch = pages.epoch();
    let kept = keep_value(pages, key, value)?;
    let copy = pages.edit(leaf)?;
    let old = NodeView::new(copy.bytes()).record(slot);
    let (tail, old_run) = match old.value {
        RawValue::Overflow { page, length } => (old.tail, Some((page, length))),
        RawValue::Local(_) => (old.tail, None),
    };
    // The tail stays in its run, and the rest of the key in this very page: only the value is new.
    let local = &key[..old.local_key_length().min(key.len())]; // within the key
    let record = RecordRef::pending(local, tail, kept);
    let mut allocator = LeafAllocator::open(copy, &mut memory.work, epoch);
    let applied = allocator.replace(slot, &record);
    if applied.is_err() {
        allocator.delete(slot);
    }
    allocator.finish();
    if let Some((page, length)) = old_run {
        free_value(pages, page, length)?;
    }
    if applied.is_ok() {
        memory.remember(tree, epoch, leaf, None);
        return Ok(());
    }
    make_room(pages, memory, tree, key, leaf, Pending { slot, record }, Run::Random)
}

/// Applies an insert that leaf `leaf` has no room for.
fn make_room<P: WritePages>(
    pages: &mut P,
    memory: &mut TreeMemory,
    tree: TreeId,
    key: &[u8],
    leaf: PageId,
    pending: Pending<'_>,
    run: Run,
) -> Result<()> {
    let mut path = std::mem::take(&mut memory.path);
    if path.is_empty() && leaf != PageId(tree.0) {
        // The leaf was remembered: the way down is needed now.
        let (reached, _) = descend(&*pages, PageId(tree.0), key, &mut path)?;
        if reached != leaf {
            return Err(Error::corrupt(
                leaf,
                format!("its fences enclose a key that belongs to page {reached}"),
            ));
        }
    }
    memory.forget_leaf(tree);
    let result = match run {
        Run::Random if share(pages, memory, &mut path, pending)? => Ok(()),
        _ => split_node(pages, &mut memory.work, &mut path, leaf, pending, run),
    };
    path.clear();
    memory.path = path;
    result
}

/// Moves records to a neighbour, if one has room enough that it is worth while.
fn share<P: WritePages>(
    pages: &mut P,
    memory: &mut TreeMemory,
    path: &mut Path,
    pending: Pending<'_>,
) -> Result<bool> {
    let Some(&step) = path.last() else { return Ok(false) };
    let room = capacity(pages.page_size());
    let needed = pending.record.encoded_length(super::record::Layout::Index, 0) + SLOT_SIZE;
    let mut best: Option<(usize, Pair, Pending<'_>)> = None;
    for with_left in [true, false] {
        let Some(pair) = pair_of(&*pages, step, with_left)? else { continue };
        let (left, right) = (pages.page(pair.left)?, pages.page(pair.right)?);
        let (left, right) = (NodeView::new(&left), NodeView::new(&right));
        let used = left.used() + right.used() + needed;
        if used + room / SHARE_FREE_SHARE <= 2 * room && best.is_none_or(|(least, ..)| used < least) {
            let before = if with_left { left.count() } else { 0 };
            best = Some((used, pair, Pending { slot: pending.slot + before, ..pending }));
        }
    }
    let Some((_, pair, pending)) = best else { return Ok(false) };
    path.pop();
    if spread(pages, &mut memory.work, path, pair, Some(pending), Spread::Balance)? {
        return Ok(true);
    }
    path.push(step);
    Ok(false)
}
