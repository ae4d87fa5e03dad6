//! B-trees of byte keys and byte values, over any store of pages.
//!
//! The life of an insert: `leaf` finds the leaf, remembered or by `search` from the root; `insert` makes the
//! record, its long parts in `overflow` runs; `leaf_allocator` finds room in the leaf. Where there is none,
//! `branch` spreads records over a neighbour or splits, and enters the separator above. `delete` goes the same
//! way back, `cursor` reads, `bulk` fills an empty tree, `pack` fills leaves anew and
//! `relocate` follows pages that move, `verify` looks at all of it, and `stat` measures it.
//!
//! `node` and `record` know the bytes. Nothing here knows where pages come from: see `ReadPages`, `WritePages`.

mod branch;
mod bulk;
mod cursor;
mod delete;
mod first_touch;
mod insert;
mod leaf;
mod leaf_allocator;
mod lone;
mod node;
mod overflow;
mod pack;
mod record;
mod relocate;
mod search;
mod spread;
mod stat;
#[cfg(test)]
mod tests;
mod verify;

use crate::error::Result;
use crate::page::{PageId, ReadPages, WritePages};
pub use cursor::{Cursor, LeafValue, LeafView};
pub(crate) use first_touch::verify as verify_node;
pub(crate) use leaf::TreeMemory;
pub(crate) use leaf_allocator::LeafAllocatorSnapshot;
pub(crate) use lone::{LoneNode, leaf_records, lone_node};
pub(crate) use node::content_ranges;
pub(crate) use pack::{PackPlace, pack};
pub(crate) use relocate::{Referrers, is_run_page};
pub(crate) use stat::stat;
pub use stat::{FILL_STEPS, LevelStat, TreeStat};
pub(crate) use verify::{Problems, verify};

use insert::Mode;
use node::NodeView;
use record::RawValue;
use smallvec::SmallVec;

/// Names a tree: the number of its root page, which never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TreeId(pub u32);

/// What the keys of a tree are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TreeKind {
    /// Row ids: 8 bytes, big-endian with the sign flipped; the value is a record.
    Table,
    /// Byte strings of any length, in the order of memcmp.
    Index,
}

/// The row id that a table tree's key holds.
pub fn row_id_of(key: [u8; 8]) -> i64 {
    (u64::from_be_bytes(key) ^ (1 << 63)) as i64
}

/// The table tree's key of a row id.
pub fn row_key(row_id: i64) -> [u8; 8] {
    (row_id as u64 ^ (1 << 63)).to_be_bytes()
}

/// What the keys of a tree are.
pub(crate) fn kind_of<P: ReadPages>(pages: &P, tree: TreeId) -> Result<TreeKind> {
    let root = PageId(tree.0);
    search::kind_of_root(root, &pages.page(root)?).map(|(kind, _)| kind)
}

/// Makes an empty tree.
pub(crate) fn create(pages: &mut impl WritePages, kind: TreeKind) -> Result<TreeId> {
    let root = pages.allocate(node::page_kind(kind, 0), 0)?;
    create_at(pages, kind, root)
}

/// Makes an empty tree whose root is the already allocated page `root`.
pub(crate) fn create_at(pages: &mut impl WritePages, kind: TreeKind, root: PageId) -> Result<TreeId> {
    branch::format_root(pages.edit(root)?, kind, 0, PageId::NONE);
    Ok(TreeId(root.0))
}

/// Frees all pages of a tree, its root too.
pub(crate) fn drop_tree<P: WritePages>(pages: &mut P, memory: &mut TreeMemory, tree: TreeId) -> Result<()> {
    clear(pages, memory, tree)?;
    pages.free(PageId(tree.0)).map_err(|error| error.in_tree(PageId(tree.0)))
}

/// Removes all records of a tree.
pub(crate) fn clear<P: WritePages>(pages: &mut P, memory: &mut TreeMemory, tree: TreeId) -> Result<()> {
    memory.forget(tree);
    let root = PageId(tree.0);
    let (kind, level) = search::kind_of_root(root, &pages.page(root)?)?;
    free_below(pages, root, kind, level).map_err(|error| error.in_tree(root))?;
    create_at(pages, kind, root).map(|_| ())
}

/// Frees the overflow runs and children of a node.
fn free_below<P: WritePages>(pages: &mut P, id: PageId, kind: TreeKind, level: u8) -> Result<()> {
    let page = pages.page(id)?;
    search::check_node(id, &page, kind, level)?;
    let node = NodeView::new(&page);
    for record in node.records() {
        if let Some(tail) = record.tail {
            overflow::free_run(pages, tail.page, tail.length)?;
        }
        if let RawValue::Overflow { page, length } = record.value {
            overflow::free_run(pages, page, length)?;
        }
    }
    if level > 0 {
        for index in 0..=node.count() {
            let child = node.child(index);
            free_below(pages, child, kind, level - 1)?;
            pages.free(child)?;
        }
    }
    Ok(())
}

/// Hands the value of `key` to `with`; `None` where there is no such key. A local value is not copied.
pub(crate) fn get<P: ReadPages, R>(
    pages: &P,
    tree: TreeId,
    key: &[u8],
    with: impl FnOnce(&[u8]) -> R,
) -> Result<Option<R>> {
    search::descend_to(
        pages,
        PageId(tree.0),
        key,
        |_| (),
        |_, node| {
            let found = search::search(node, key, &pages)?;
            if !found.exact {
                return Ok(None);
            }
            let (page, offset) = (node.bytes(), node.slot_offset(found.slot));
            match record::local_value(page, offset, node.layout()) {
                Some((start, end)) => Ok(Some(with(&page[start..end]))), // verified
                None => {
                    let value = long_value(pages, node.record(found.slot));
                    value.map(|value| Some(with(&value))).map_err(|error| error.in_tree(PageId(tree.0)))
                }
            }
        },
    )
}

/// The value of a record that lies in an overflow run.
#[cold]
fn long_value<P: ReadPages>(pages: &P, record: record::RecordRef<'_>) -> Result<Vec<u8>> {
    let mut value = Vec::new();
    if let RawValue::Overflow { page, length } = record.value {
        overflow::read_run(pages, page, length, &mut value)?;
    }
    Ok(value)
}

/// Hands the first key that is `key` or greater to `with`; `None` where there is none. A key that lies in the leaf is
/// not copied, or only to the stack.
pub(crate) fn first_key_at_or_after<P: ReadPages, R>(
    pages: &P,
    tree: TreeId,
    key: &[u8],
    with: impl FnOnce(&[u8]) -> R,
) -> Result<Option<R>> {
    let mut with = Some(with);
    let found = search::descend_to(
        pages,
        PageId(tree.0),
        key,
        |_| (),
        |_, node| {
            let found = search::search(node, key, &pages)?;
            if found.slot == node.count() {
                return Ok(None);
            }
            let record = node.record(found.slot);
            if record.tail.is_some() {
                return Ok(None);
            }
            let Some(with) = with.take() else { return Ok(None) };
            if record.prefix.is_empty() {
                return Ok(Some(with(record.rest)));
            }
            let mut joined: SmallVec<[u8; 256]> = SmallVec::from_slice(record.prefix);
            joined.extend_from_slice(record.rest);
            Ok(Some(with(&joined)))
        },
    )?;
    let (None, Some(with)) = (&found, with) else { return Ok(found) };
    let mut cursor = Cursor::new(pages, tree);
    if cursor.seek(key)? { Ok(Some(with(cursor.key()?))) } else { Ok(None) }
}

/// Inserts a record; false where the key exists, and then nothing changes.
pub(crate) fn insert<P: WritePages>(
    pages: &mut P,
    memory: &mut TreeMemory,
    tree: TreeId,
    key: &[u8],
    value: &[u8],
) -> Result<bool> {
    insert::write(pages, memory, tree, key, value, Mode::Insert)
        .map_err(|error| error.in_tree(PageId(tree.0)))
        .map(|existed| !existed)
}

/// Gives `key` another value; false where there is no such key.
pub(crate) fn replace<P: WritePages>(
    pages: &mut P,
    memory: &mut TreeMemory,
    tree: TreeId,
    key: &[u8],
    value: &[u8],
) -> Result<bool> {
    insert::write(pages, memory, tree, key, value, Mode::Replace)
        .map_err(|error| error.in_tree(PageId(tree.0)))
}

/// Inserts or replaces; true where the key is new.
pub(crate) fn put<P: WritePages>(
    pages: &mut P,
    memory: &mut TreeMemory,
    tree: TreeId,
    key: &[u8],
    value: &[u8],
) -> Result<bool> {
    insert::write(pages, memory, tree, key, value, Mode::Put)
        .map_err(|error| error.in_tree(PageId(tree.0)))
        .map(|existed| !existed)
}

/// Deletes a record; false where there is no such key.
pub(crate) fn delete<P: WritePages>(
    pages: &mut P,
    memory: &mut TreeMemory,
    tree: TreeId,
    key: &[u8],
) -> Result<bool> {
    delete::delete(pages, memory, tree, key).map_err(|error| error.in_tree(PageId(tree.0)))
}

/// The greatest row id of a table tree; costs no descent while the last leaf is the one remembered.
pub(crate) fn last_row_id<P: WritePages>(
    pages: &P,
    memory: &mut TreeMemory,
    tree: TreeId,
) -> Result<Option<i64>> {
    let bits = |node: NodeView<'_>| (node.row_bits(node.count() - 1) ^ (1 << 63)) as i64; // asked of filled leaves
    if let Some(leaf) = memory.last_leaf(tree, pages.epoch()) {
        let page = pages.look(leaf)?;
        let node = NodeView::new(&page);
        if node.high_fence().is_none() && node.count() > 0 {
            return Ok(Some(bits(node)));
        }
    }
    let last = leaf::last_leaf(pages, PageId(tree.0)).map_err(|error| error.in_tree(PageId(tree.0)))?;
    Ok(last.map(|(_, page)| bits(NodeView::new(&page))))
}

/// Fills an empty tree from records in ascending order, which `next` puts into its two buffers, key and value,
/// until it answers false; gives their number.
pub(crate) fn bulk_load<P: WritePages>(
    pages: &mut P,
    memory: &mut TreeMemory,
    tree: TreeId,
    next: impl FnMut(&mut Vec<u8>, &mut Vec<u8>) -> Result<bool>,
) -> Result<u64> {
    bulk::load(pages, memory, tree, next).map_err(|error| error.in_tree(PageId(tree.0)))
}

/// Inserts records in ascending order, which `next` puts into its two buffers, key and value, until it answers false;
/// gives the number of those whose keys are new. Leaves are filled from left to right.
pub(crate) fn insert_sorted<P: WritePages>(
    pages: &mut P,
    memory: &mut TreeMemory,
    tree: TreeId,
    next: impl FnMut(&mut Vec<u8>, &mut Vec<u8>) -> Result<bool>,
) -> Result<u64> {
    bulk::insert_sorted(pages, memory, tree, next).map_err(|error| error.in_tree(PageId(tree.0)))
}
