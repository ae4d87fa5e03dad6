//! Sorted streams. An empty tree is filled from the bottom up: each record goes behind the last, each full leaf stays
//! full and is entered above, and no key is searched for. A tree that holds records takes a batch from left to right:
//! the leaf of the last record is tried first, and a leaf that is split stays full.

use super::TreeId;
use super::branch::split_node;
use super::insert::{Mode, check_sizes, keep_key, keep_value, write};
use super::leaf::TreeMemory;
use super::leaf_allocator::{FenceIntent, LeafAllocator, NotApplied};
use super::node::NodeView;
use super::record::RecordRef;
use super::search::{Path, Step, kind_of_root};
use crate::error::{Error, Result};
use crate::page::{PageId, ReadPages, WritePages};

/// Fills the empty tree `tree` with the records that `next` puts into its buffers, until it answers false.
pub(super) fn load<P: WritePages>(
    pages: &mut P,
    memory: &mut TreeMemory,
    tree: TreeId,
    mut next: impl FnMut(&mut Vec<u8>, &mut Vec<u8>) -> Result<bool>,
) -> Result<u64> {
    let epoch = pages.epoch();
    let root = PageId(tree.0);
    let mut leaf = root;
    let table = {
        let page = pages.page(root)?;
        let (_, level) = kind_of_root(root, &page)?;
        let node = NodeView::new(&page);
        if level > 0 || node.count() > 0 {
            return Err(Error::Misuse("a bulk load needs an empty tree".to_owned()));
        }
        node.is_table()
    };
    memory.forget(tree);
    let (mut key, mut value, mut last) = (Vec::new(), Vec::new(), Vec::new());
    let mut count = 0;
    loop {
        key.clear();
        value.clear();
        if !next(&mut key, &mut value)? {
            return Ok(count);
        }
        check_sizes(&key, &value)?;
        if table && key.len() != 8 || count > 0 && key <= last {
            return Err(Error::Misuse(
                "a bulk load needs keys of the tree's kind in ascending order".to_owned(),
            ));
        }
        let kept = keep_value(pages, &key, &value)?;
        let (local, tail) = keep_key(pages, &key)?;
        let record = RecordRef::pending(local, tail, kept);
        let mut allocator = LeafAllocator::open(pages.edit(leaf)?, &mut memory.work, epoch);
        let slot = allocator.node().count();
        let applied = allocator.insert(slot, &record);
        allocator.finish();
        if let Err(pending) = applied {
            let mut path = Path::new();
            last_path(&*pages, root, &mut path)?;
            let pending = NotApplied { fences: FenceIntent::KeepLeft, ..pending };
            split_node(pages, &mut memory.work, &mut path, leaf, pending)?;
            leaf = last_path(&*pages, root, &mut path)?;
        }
        count += 1;
        std::mem::swap(&mut key, &mut last);
    }
}

/// Inserts the records that `next` puts into its buffers, in ascending order of their keys, until it answers false; gives
/// the number of those whose keys are new. The others change nothing.
pub(super) fn insert_sorted<P: WritePages>(
    pages: &mut P,
    memory: &mut TreeMemory,
    tree: TreeId,
    mut next: impl FnMut(&mut Vec<u8>, &mut Vec<u8>) -> Result<bool>,
) -> Result<u64> {
    let (mut key, mut value, mut last) = (Vec::new(), Vec::new(), None);
    let mut inserted = 0;
    loop {
        key.clear();
        value.clear();
        if !next(&mut key, &mut value)? {
            return Ok(inserted);
        }
        if last.as_ref().is_some_and(|last| key <= *last) {
            return Err(Error::Misuse("a sorted batch needs keys in ascending order".to_owned()));
        }
        inserted += u64::from(!write(pages, memory, tree, &key, &value, Mode::InsertSorted)?);
        key = std::mem::replace(last.get_or_insert_default(), key);
    }
}

/// The way to the last leaf, and that leaf.
fn last_path<P: ReadPages>(pages: &P, root: PageId, path: &mut Path) -> Result<PageId> {
    path.clear();
    let mut id = root;
    let (kind, mut level) = kind_of_root(root, &pages.page(root)?)?;
    loop {
        let page = pages.page(id)?;
        super::search::check_node(id, &page, kind, level)?;
        if level == 0 {
            return Ok(id);
        }
        let node = NodeView::new(&page);
        path.push(Step { page: id, child_index: node.count() });
        id = node.child(node.count());
        level -= 1;
    }
}
