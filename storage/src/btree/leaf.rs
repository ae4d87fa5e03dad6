//! What a write transaction remembers of the leaves it edited last, and finding the leaf of a key.

use super::TreeId;
use super::branch::Run;
use super::leaf_allocator::Workspace;
use super::node::{NodeView, local_key_max};
use super::search::{Found, NoTails, Path, check_node, descend, kind_of_root, search};
use crate::error::{Error, Result};
use crate::page::{PageId, ReadPages, WritePages};

/// Trees whose last leaf is remembered; a statement that edits more finds some by descent.
const REMEMBERED_MAX: usize = 16;
/// Inserts side by side that make a run.
const RUN_MIN: i32 = 2;

/// The leaf of a tree that was edited last.
#[derive(Clone, Copy, Debug)]
struct Remembered {
    tree: TreeId,
    epoch: u64,
    leaf: PageId,
    /// The slot of the last insert.
    slot: usize,
    /// How many inserts went one behind the other (above 0) or one before the other (below 0).
    run: i32,
}

/// What a write transaction remembers between edits of its trees: buffers and the last leaves.
#[derive(Debug, Default)]
pub(crate) struct TreeMemory {
    pub(super) work: Workspace,
    pub(super) path: Path,
    leaves: Vec<Remembered>,
    /// Which entry gives way when the list is full.
    victim: usize,
}

impl TreeMemory {
    /// Forgets what is remembered of `tree`, whose pages may now belong to another.
    pub(crate) fn forget(&mut self, tree: TreeId) {
        self.leaves.retain(|leaf| leaf.tree != tree);
    }

    fn entry(&self, tree: TreeId, epoch: u64) -> Option<&Remembered> {
        self.leaves.iter().find(|leaf| leaf.tree == tree && leaf.epoch == epoch)
    }

    /// The leaf of `tree` that was edited last, if no rollback came between.
    pub(super) fn leaf(&self, tree: TreeId, epoch: u64) -> Option<PageId> {
        self.entry(tree, epoch).map(|leaf| leaf.leaf).filter(|&leaf| leaf != PageId::NONE)
    }

    /// Remembers `leaf` as the last one, and the slot of an insert there.
    pub(super) fn remember(&mut self, tree: TreeId, epoch: u64, leaf: PageId, slot: Option<usize>) {
        if let Some(known) = self.leaves.iter_mut().find(|known| known.tree == tree) {
            known.run = match slot {
                None => 0,
                // A split forgets the leaf, yet the run goes on in one of the halves.
                Some(_) if known.leaf == PageId::NONE => known.run,
                Some(slot) if known.leaf == leaf && slot == known.slot + 1 => {
                    known.run.max(0).saturating_add(1)
                }
                Some(slot) if known.leaf == leaf && slot == known.slot => known.run.min(0).saturating_sub(1),
                Some(_) => 0,
            };
            (known.leaf, known.epoch, known.slot) = (leaf, epoch, slot.unwrap_or_default());
            return;
        }
        let fresh = Remembered { tree, epoch, leaf, slot: slot.unwrap_or_default(), run: 0 };
        if self.leaves.len() < REMEMBERED_MAX {
            self.leaves.push(fresh);
        } else {
            self.victim = (self.victim + 1) % REMEMBERED_MAX;
            self.leaves[self.victim] = fresh; // the list is full
        }
    }

    /// Forgets the leaf of `tree`, which is being split, but not the run of inserts.
    pub(super) fn forget_leaf(&mut self, tree: TreeId) {
        if let Some(known) = self.leaves.iter_mut().find(|known| known.tree == tree) {
            known.leaf = PageId::NONE;
        }
    }

    /// How the inserts run that end with one as `slot` of `node`, the leaf `leaf`.
    pub(super) fn run(&self, tree: TreeId, epoch: u64, leaf: PageId, node: NodeView<'_>, slot: usize) -> Run {
        // At the tree's own edges one insert is sign enough: each transaction may bring only one.
        if slot == node.count() && node.high_fence().is_none() {
            return Run::Ascending;
        }
        if slot == 0 && node.low_fence().is_none() {
            return Run::Descending;
        }
        match self.entry(tree, epoch) {
            Some(known) if known.leaf == leaf && known.run >= RUN_MIN && slot == known.slot + 1 => {
                Run::Ascending
            }
            Some(known) if known.leaf == leaf && known.run <= -RUN_MIN && slot == known.slot => {
                Run::Descending
            }
            _ => Run::Random,
        }
    }
}

/// Folds what the trees counted into the transaction's counters.
pub(super) fn fold_counters(pages: &mut impl WritePages, memory: &mut TreeMemory) {
    pages.counters().add(&memory.work.counters);
    memory.work.counters = Default::default();
}

/// The leaf where `key` is or belongs: the remembered one if its fences enclose the key, else by descent.
///
/// The memory's path is the way there in the second case and empty in the first.
pub(super) fn find_leaf<P: WritePages>(
    pages: &mut P,
    memory: &mut TreeMemory,
    tree: TreeId,
    key: &[u8],
) -> Result<(PageId, Found)> {
    let epoch = pages.epoch();
    // The tails of longer keys lie in other pages, which cannot be read while this one is being edited.
    if let Some(leaf) = memory.leaf(tree, epoch).filter(|_| key.len() <= local_key_max(pages.page_size())) {
        let node = NodeView::new(pages.edit(leaf)?.bytes());
        if node.encloses(key) {
            let found = search(node, key, &NoTails)?;
            memory.path.clear();
            memory.work.counters.key_compares += found.compares;
            return Ok((leaf, found));
        }
    }
    let (leaf, page) = descend(&*pages, PageId(tree.0), key, &mut memory.path)?;
    let node = NodeView::new(&page);
    if node.excludes(key) {
        return Err(Error::corrupt(leaf, "a branch leads here for a key that lies outside the fences"));
    }
    let found = search(node, key, &&*pages)?;
    memory.work.counters.key_compares += found.compares;
    Ok((leaf, found))
}

/// The last leaf under `id` that holds a record, and the way there is not kept.
pub(super) fn last_leaf<P: ReadPages>(pages: &P, id: PageId) -> Result<Option<(PageId, P::Page)>> {
    let page = pages.page(id)?;
    let (kind, level) = kind_of_root(id, &page)?;
    let node = NodeView::new(&page);
    if level == 0 {
        return Ok((node.count() > 0).then(|| (id, page.clone())));
    }
    for index in (0..=node.count()).rev() {
        let child = node.child(index);
        check_node(child, &pages.page(child)?, kind, level - 1)?;
        if let Some(found) = last_leaf(pages, child)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}
