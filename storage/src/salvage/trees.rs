//! Putting the sound leaves of table trees together again.
//!
//! A node that a root leads to belongs to that root's tree; so does the right neighbour of one that does, where the
//! fences between both agree. What is left over belongs to the one tree that has a hole, if it is certain that there
//! is only one; otherwise it becomes a tree of its own, named by the page where it was found.

use super::Salvage;
use crate::btree::{LoneNode, TreeId, TreeKind};
use crate::page::PageId;
use rustc_hash::FxHashSet;

/// The sound leaves of one table tree, or of a part of one.
#[derive(Clone, Debug)]
pub struct SalvagedTree {
    /// Its root, or for a part the page at its top.
    pub root: TreeId,
    /// True if the caller named this root.
    pub is_known: bool,
    /// True if nothing of it is missing but what overflow pages held.
    pub is_whole: bool,
    pub(super) leaves: Vec<PageId>,
}

/// Nodes put to trees so far.
struct Assembly<'a> {
    salvage: &'a Salvage,
    kind: TreeKind,
    claimed: FxHashSet<PageId>,
}

impl Salvage {
    /// The table trees: those at `known` roots, in that order, then the parts that no root leads to. `all_known` says
    /// that the caller knows the roots of all tables there are.
    pub fn table_trees(&self, known: &[TreeId], all_known: bool) -> Vec<SalvagedTree> {
        let mut assembly = Assembly { salvage: self, kind: TreeKind::Table, claimed: FxHashSet::default() };
        let mut trees: Vec<SalvagedTree> = known.iter().map(|root| assembly.tree(*root, true)).collect();
        let whole: Vec<bool> = trees.iter().map(|tree| tree.is_whole).collect();
        let mut parts = assembly.parts();
        let mut holes = (0..trees.len()).filter(|at| !whole[*at]); // as long as the trees
        if let (Some(hole), None, true, true) =
            (holes.next(), holes.next(), all_known, self.freelist_is_whole)
        {
            // A node without fences is the root of a tree that nobody knows.
            parts.retain(|part| {
                let is_part = self.nodes.get(&PageId(part.root.0)).is_some_and(|node| !is_root(node));
                if is_part && let Some(tree) = trees.get_mut(hole) {
                    tree.leaves.extend(&part.leaves);
                }
                !is_part
            });
        }
        trees.extend(parts);
        trees
    }

    /// What is left of the index tree at `root`, as far as it and siblings lead.
    #[must_use]
    pub fn index_tree(&self, root: TreeId) -> SalvagedTree {
        Assembly { salvage: self, kind: TreeKind::Index, claimed: FxHashSet::default() }.tree(root, true)
    }
}

/// True of a node that holds all keys there are on its level.
fn is_root(node: &LoneNode) -> bool {
    node.low.is_none() && node.high.is_none()
}

impl Assembly<'_> {
    fn node(&self, id: PageId) -> Option<&LoneNode> {
        self.salvage.nodes.get(&id).filter(|node| node.kind == self.kind && !self.claimed.contains(&id))
    }

    /// The nodes at and below `root`, and those that siblings lead to.
    fn tree(&mut self, root: TreeId, is_known: bool) -> SalvagedTree {
        let mut tree = SalvagedTree { root, is_known, is_whole: true, leaves: Vec::new() };
        let mut left = vec![(PageId(root.0), None)];
        // Nodes of the tree, and how many of them were asked for their right neighbours.
        let (mut seen, mut asked) = (Vec::new(), 0);
        loop {
            while let Some((id, level)) = left.pop() {
                let Some(node) = self.node(id).filter(|node| level.is_none_or(|level| node.level == level))
                else {
                    tree.is_whole = false;
                    continue;
                };
                left.extend(node.children.iter().rev().map(|&id| (id, Some(node.level.saturating_sub(1)))));
                if node.level == 0 {
                    tree.leaves.push(id);
                }
                self.claimed.insert(id);
                seen.push(id);
            }
            // Where all are there, every sibling is claimed already.
            while left.is_empty() {
                let Some(id) = seen.get(asked) else { return tree };
                asked += 1;
                left.extend(self.right_neighbour(*id));
            }
        }
    }

    /// The right neighbour of a claimed node, if it is sound, belongs there and is not claimed itself.
    fn right_neighbour(&self, id: PageId) -> Option<(PageId, Option<u8>)> {
        let node = self.salvage.nodes.get(&id)?;
        let right = self.node(node.right_sibling)?;
        let fits = right.level == node.level && node.high.is_some() && node.high == right.low;
        fits.then_some((node.right_sibling, Some(node.level)))
    }

    /// Trees of what is not claimed: from the top, and from the left.
    fn parts(&mut self) -> Vec<SalvagedTree> {
        let nodes = &self.salvage.nodes;
        let mut tops: Vec<(u8, &Option<Vec<u8>>, PageId)> = nodes
            .iter()
            .filter(|(id, _)| self.node(**id).is_some())
            .map(|(id, node)| (u8::MAX - node.level, &node.low, *id))
            .collect();
        tops.sort();
        let mut parts = Vec::new();
        for (.., id) in tops {
            if !self.claimed.contains(&id) {
                parts.push(self.tree(TreeId(id.0), false));
            }
        }
        parts
    }
}
