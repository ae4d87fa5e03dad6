//! Inserting and replacing records: in place where there is room, else by sharing with a neighbour or a split.

use super::branch::split_node;
use super::leaf::{Edited, TreeMemory, find_leaf};
use super::leaf_allocator::{FenceIntent, LeafAllocator, NotApplied};
use super::node::{NodeView, SLOT_SIZE, capacity, local_key_max, local_record_max};
use super::overflow::{self, LENGTH_MAX};
use super::record::{Form, RawValue, RecordRef, Tail};
use super::search::{Path, descend};
use super::spread::{Pair, balance, pair_of};
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
    /// Only add, and greater keys follow: leaves are left full.
    InsertSorted,
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

#[cold]
fn not_a_row(leaf: PageId, key: &[u8]) -> Error {
    Error::Misuse(format!("page {leaf} belongs to a table tree: its keys have 8 bytes, not {}", key.len()))
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
    if mode != Mode::Replace && append(pages, memory, tree, key, value) {
        return Ok(false);
    }
    check_sizes(key, value)?;
    let (leaf, found) = find_leaf(pages, memory, tree, key)?;
    let adds = matches!(mode, Mode::Insert | Mode::InsertSorted);
    if found.exact && adds || !found.exact && mode == Mode::Replace {
        return Ok(found.exact);
    }
    if found.exact {
        replace_at(pages, memory, tree, key, value, leaf, found.slot)?;
    } else {
        insert_at(pages, memory, tree, (key, value), (leaf, found.slot), mode)?;
    }
    Ok(found.exact)
}

/// Adds a row where the run of ascending inserts goes on; false, and nothing is done, where it does not belong there.
#[inline]
fn append<P: WritePages>(
    pages: &mut P,
    memory: &mut TreeMemory,
    tree: TreeId,
    key: &[u8],
    value: &[u8],
) -> bool {
    let epoch = pages.epoch();
    let Ok(key) = <[u8; 8]>::try_from(key) else { return false };
    let Some((leaf, slot)) = memory.run(tree, epoch) else { return false };
    if key.len() + value.len() > local_record_max(pages.page_size()) {
        return false;
    }
    let Some(copy) = pages.edit_again(leaf) else { return false };
    let row = (slot, u64::from_be_bytes(key));
    let appended = LeafAllocator::append(copy, &mut memory.work, epoch, row, value);
    if appended {
        memory.run_on(tree);
    }
    appended
}

fn insert_at<P: WritePages>(
    pages: &mut P,
    memory: &mut TreeMemory,
    tree: TreeId,
    (key, value): (&[u8], &[u8]),
    (leaf, slot): (PageId, usize),
    mode: Mode,
) -> Result<()> {
    let kept = keep_value(pages, key, value)?;
    let (local, tail) = keep_key(pages, key)?;
    let record = RecordRef::pending(local, tail, kept);
    let epoch = pages.epoch();
    let copy = pages.edit(leaf)?;
    if key.len() != 8 && NodeView::new(copy.bytes()).is_table() {
        return Err(not_a_row(leaf, key));
    }
    let mut allocator = LeafAllocator::open(copy, &mut memory.work, epoch);
    let applied = allocator.insert(slot, &record);
    allocator.finish();
    match applied {
        Ok(()) => {
            memory.remember(tree, epoch, leaf, Edited::Inserted(slot));
            Ok(())
        }
        Err(pending) => {
            let fences = match mode {
                Mode::InsertSorted => FenceIntent::KeepLeft,
                _ => memory.intent(tree, epoch, leaf, &pending),
            };
            make_room(pages, memory, tree, key, leaf, NotApplied { fences, ..pending })
        }
    }
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
    match applied {
        Ok(()) => {
            memory.remember(tree, epoch, leaf, Edited::Replaced(slot));
            Ok(())
        }
        Err(pending) => make_room(pages, memory, tree, key, leaf, pending),
    }
}

/// Applies an insert that leaf `leaf` has no room for.
fn make_room<P: WritePages>(
    pages: &mut P,
    memory: &mut TreeMemory,
    tree: TreeId,
    key: &[u8],
    leaf: PageId,
    pending: NotApplied<'_>,
) -> Result<()> {
    let mut path = std::mem::take(&mut memory.path);
    if path.is_empty() && leaf != PageId(tree.0) {
        // The leaf was remembered: the way down is needed now.
        let reached = descend(&*pages, PageId(tree.0), key, &mut path)?;
        if reached != leaf {
            return Err(Error::corrupt(
                leaf,
                format!("its fences enclose a key that belongs to page {reached}"),
            ));
        }
    }
    memory.forget_leaf(tree);
    let epoch = pages.epoch();
    if pending.fences != FenceIntent::Balance || !share(pages, memory, &mut path, pending)? {
        let work = &mut memory.work;
        if let Some((leaf, slot)) = split_node(pages, work, &mut path, leaf, pending)? {
            memory.remember(tree, epoch, leaf, Edited::Inserted(slot));
        }
    }
    path.clear();
    memory.path = path;
    Ok(())
}

/// Moves records to a neighbour, if one has room enough that it is worth while.
fn share<P: WritePages>(
    pages: &mut P,
    memory: &mut TreeMemory,
    path: &mut Path,
    pending: NotApplied<'_>,
) -> Result<bool> {
    let Some(&step) = path.last() else { return Ok(false) };
    let room = capacity(pages.page_size());
    let needed = pending.record.encoded_length(Form::of(false, 0)) + SLOT_SIZE;
    let mut best: Option<(usize, Pair, NotApplied<'_>)> = None;
    for with_left in [true, false] {
        let Some(pair) = pair_of(&*pages, step, with_left)? else { continue };
        let (left, right) = (pages.look(pair.left)?, pages.look(pair.right)?);
        let (left, right) = (NodeView::new(&left), NodeView::new(&right));
        let used = left.used() + right.used() + needed;
        if used + room / SHARE_FREE_SHARE <= 2 * room && best.is_none_or(|(least, ..)| used < least) {
            let before = if with_left { left.count() } else { 0 };
            best = Some((used, pair, NotApplied { slot: pending.slot + before, ..pending }));
        }
    }
    let Some((_, pair, pending)) = best else { return Ok(false) };
    path.pop();
    if balance(pages, &mut memory.work, path, pair, Some(pending))? {
        return Ok(true);
    }
    path.push(step);
    Ok(false)
}
