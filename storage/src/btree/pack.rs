//! Packing a tree: its records move to the left until the leaves are full, and nodes that fit one page become one.
//!
//! It goes from left to right through the leaves, then through each level of branches, by keys: between two calls the
//! tree may change in any way. Neighbours under one branch are joined or share by `spread`; the last node under a branch
//! stays as full as it is, which is one in a hundred or so.

use super::TreeId;
use super::branch::{append_key, shrink_root};
use super::delete::used_by;
use super::leaf::TreeMemory;
use super::node::{NodeView, capacity};
use super::search::{Path, Step, check_node, kind_of_root, search};
use super::spread::{Pair, fill_left, merge, pair_of};
use crate::error::Result;
use crate::page::{PageId, ReadPages, WritePages};

/// A leaf with less than this share (1/n) of its room free is left as it is.
const FREE_SHARE: usize = 16;

/// Where packing a tree goes on.
#[derive(Clone, Debug, Default)]
pub(crate) struct PackPlace {
    level: u8,
    /// The node that holds this key; the first of its level if there is none.
    key: Option<Vec<u8>>,
}

/// Packs up to `nodes_max` nodes of `tree` from `place` on, which moves behind them; true once the whole tree is packed.
/// `nodes_max` goes down by those that were looked at.
pub(crate) fn pack<P: WritePages>(
    pages: &mut P,
    memory: &mut TreeMemory,
    tree: TreeId,
    place: &mut PackPlace,
    nodes_max: &mut u32,
) -> Result<bool> {
    let root = PageId(tree.0);
    memory.forget(tree);
    let mut path = Path::new();
    while let Some(left) = nodes_max.checked_sub(1) {
        *nodes_max = left;
        if !descend(&*pages, root, place, &mut path)? {
            // What was merged may have left the root a single child.
            shrink_root(pages, root)?;
            return Ok(true);
        }
        let Some(step) = path.pop() else { return Ok(true) };
        let pair = pair_of(&*pages, step, false)?;
        if let Some(pair) = pair
            && pack_pair(pages, memory, &mut path, root, place.level, pair)?
        {
            continue; // what is above may have been split, and the node may take from its next neighbour too
        }
        path.push(step);
        *place = behind(&*pages, &path, place.level)?;
    }
    Ok(false)
}

/// Goes down to the place's level and notes the steps; false if the tree is not as high.
fn descend<P: ReadPages>(pages: &P, root: PageId, place: &PackPlace, path: &mut Path) -> Result<bool> {
    path.clear();
    let mut id = root;
    let (kind, mut level) = kind_of_root(root, &pages.page(root)?)?;
    if level <= place.level {
        return Ok(false);
    }
    while level > place.level {
        let page = pages.page(id)?;
        check_node(id, &page, kind, level)?;
        let node = NodeView::new(&page);
        let child_index = match &place.key {
            Some(key) => search(node, key, &pages)?.child_index(),
            None => 0,
        };
        path.push(Step { page: id, child_index });
        id = node.child(child_index);
        level -= 1;
    }
    check_node(id, &pages.page(id)?, kind, level)?;
    Ok(true)
}

/// The place behind the node to which the path leads: its neighbour, or the first node of the next level.
fn behind<P: ReadPages>(pages: &P, path: &Path, level: u8) -> Result<PackPlace> {
    for step in path.iter().rev() {
        let page = pages.page(step.page)?;
        let node = NodeView::new(&page);
        if step.child_index < node.count() {
            let mut key = Vec::new();
            append_key(pages, &node.record(step.child_index), &mut key)?;
            return Ok(PackPlace { level, key: Some(key) });
        }
    }
    Ok(PackPlace { level: level + 1, key: None })
}

/// Makes one node of a pair, or fills the left one; true if the left one is to be looked at again.
fn pack_pair<P: WritePages>(
    pages: &mut P,
    memory: &mut TreeMemory,
    path: &mut Path,
    root: PageId,
    level: u8,
    pair: Pair,
) -> Result<bool> {
    let room = capacity(pages.page_size());
    // A branch keeps two children at least, but for the root, which then shrinks.
    let may_merge = pair.parent == root || NodeView::new(&pages.look(pair.parent)?).count() > 1;
    if may_merge && used_by(&*pages, pair)? <= room && merge(pages, &mut memory.work, pair, 0)? {
        return Ok(true);
    }
    let used = NodeView::new(&pages.look(pair.left)?).used();
    if level == 0 && used + room / FREE_SHARE <= room {
        return fill_left(pages, &mut memory.work, path, pair);
    }
    Ok(false)
}
