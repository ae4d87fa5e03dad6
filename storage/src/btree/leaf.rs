//! What a write transaction remembers of the leaves it edited last, and finding the leaf of a key.

use super::TreeId;
use super::leaf_allocator::{FenceIntent, NotApplied, Workspace};
use super::node::{NodeView, local_key_max};
use super::search::{Found, NoTails, Path, check_node, descend_to, kind_of_root, search, search_near};
use crate::error::{Error, Result};
use crate::metrics::Counters;
use crate::page::{PageId, ReadPages, WritePages};

/// Trees whose last leaf is remembered; a statement that edits more finds some by descent.
const REMEMBERED_MAX: usize = 16;
/// Edits elsewhere after which the remembered leaf is no longer tried: keys come in no order.
const MISSES_MAX: u8 = 4;
/// Inserts side by side that make a run.
const RUN_MIN: i32 = 2;

/// The leaf of a tree that was edited last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Remembered {
    tree: TreeId,
    epoch: u64,
    leaf: PageId,
    /// The slot of the last insert.
    slot: usize,
    /// Where the next edit is expected.
    next: usize,
    /// How many edits in a row were not in the leaf of the edit before.
    misses: u8,
    /// How many inserts went one behind the other (above 0) or one before the other (below 0).
    run: i32,
}

/// What was done in a slot of a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edited {
    Inserted(usize),
    Replaced(usize),
    Deleted(usize),
}

/// What a write transaction remembers between edits of its trees: buffers, counts and the last leaves.
#[derive(Debug, Default)]
pub(crate) struct TreeMemory {
    pub(super) work: Workspace,
    pub(super) path: Path,
    leaves: Vec<Remembered>,
    /// The entry that was asked for last.
    recent: usize,
    /// Which entry gives way when the list is full.
    victim: usize,
}

impl TreeMemory {
    /// Nothing yet; edits are timed by `timer`.
    pub(crate) fn new(timer: crate::profile::Timer) -> TreeMemory {
        TreeMemory { work: Workspace::new(timer), ..TreeMemory::default() }
    }

    /// What the transaction's edits of trees have counted so far.
    pub(crate) fn counters(&self) -> &Counters {
        &self.work.counters
    }

    /// Forgets what is remembered of `tree`, whose pages may now belong to another.
    pub(crate) fn forget(&mut self, tree: TreeId) {
        self.leaves.retain(|leaf| leaf.tree != tree);
    }

    /// What is remembered of `tree`.
    #[inline]
    fn entry(&mut self, tree: TreeId) -> Option<&mut Remembered> {
        if self.leaves.get(self.recent).is_none_or(|known| known.tree != tree) {
            self.recent = self.leaves.iter().position(|known| known.tree == tree)?;
        }
        self.leaves.get_mut(self.recent)
    }

    /// The leaf of `tree` that was edited last, if no rollback came between.
    #[inline]
    pub(super) fn leaf(&mut self, tree: TreeId, epoch: u64) -> Option<Remembered> {
        self.entry(tree).filter(|known| known.epoch == epoch && known.leaf != PageId::NONE).copied()
    }

    /// The page of that leaf.
    pub(super) fn last_leaf(&mut self, tree: TreeId, epoch: u64) -> Option<PageId> {
        self.leaf(tree, epoch).map(|known| known.leaf)
    }

    /// Remembers `leaf` as the last one, and what was done there.
    #[inline]
    pub(super) fn remember(&mut self, tree: TreeId, epoch: u64, leaf: PageId, edited: Edited) {
        let Some(known) = self.entry(tree) else { return self.remember_first(tree, epoch, leaf, edited) };
        let same = known.leaf == leaf;
        match edited {
            Edited::Inserted(slot) => {
                known.run = match known.run {
                    // A split forgets the leaf, yet the run goes on in one of the halves.
                    run if known.leaf == PageId::NONE => run,
                    run if same && slot == known.slot + 1 => run.max(0).saturating_add(1),
                    run if same && slot == known.slot => run.min(0).saturating_sub(1),
                    _ => 0,
                };
                (known.slot, known.next) = (slot, slot + usize::from(known.run >= 0));
            }
            Edited::Replaced(slot) => (known.run, known.slot, known.next) = (0, 0, slot + 1),
            Edited::Deleted(slot) => (known.run, known.slot, known.next) = (0, 0, slot),
        }
        known.misses = if same { 0 } else { known.misses.saturating_add(1) };
        (known.leaf, known.epoch) = (leaf, epoch);
    }

    /// Where the run of ascending inserts into `tree` goes on: its leaf, and the slot behind the last insert.
    #[inline]
    pub(super) fn run(&mut self, tree: TreeId, epoch: u64) -> Option<(PageId, usize)> {
        let known = self.entry(tree)?;
        (known.run > 0 && known.epoch == epoch && known.leaf != PageId::NONE)
            .then(|| (known.leaf, known.slot + 1))
    }

    /// Remembers that the run went on there.
    #[inline]
    pub(super) fn run_on(&mut self, tree: TreeId) {
        if let Some(known) = self.entry(tree) {
            (known.slot, known.next) = (known.slot + 1, known.slot + 2);
            known.run = known.run.saturating_add(1);
        }
    }

    #[cold]
    fn remember_first(&mut self, tree: TreeId, epoch: u64, leaf: PageId, edited: Edited) {
        let (slot, next) = match edited {
            Edited::Inserted(slot) => (slot, slot + 1),
            Edited::Replaced(slot) => (0, slot + 1),
            Edited::Deleted(slot) => (0, slot),
        };
        let fresh = Remembered { tree, epoch, leaf, slot, next, misses: 0, run: 0 };
        if self.leaves.len() < REMEMBERED_MAX {
            self.leaves.push(fresh);
        } else {
            self.victim = (self.victim + 1) % REMEMBERED_MAX;
            self.leaves[self.victim] = fresh; // the list is full
        }
    }

    /// Forgets the leaf of `tree`, which is being split, but not the run of inserts.
    pub(super) fn forget_leaf(&mut self, tree: TreeId) {
        if let Some(known) = self.entry(tree) {
            known.leaf = PageId::NONE;
        }
    }

    /// The fence intent of an insert that failed in `leaf`, in the light of the inserts before it.
    pub(super) fn intent(
        &mut self,
        tree: TreeId,
        epoch: u64,
        leaf: PageId,
        pending: &NotApplied<'_>,
    ) -> FenceIntent {
        match self.leaf(tree, epoch) {
            _ if pending.fences != FenceIntent::Balance => pending.fences,
            Some(known) if known.leaf == leaf && known.run >= RUN_MIN && pending.slot == known.slot + 1 => {
                FenceIntent::KeepLeft
            }
            Some(known) if known.leaf == leaf && known.run <= -RUN_MIN && pending.slot == known.slot => {
                FenceIntent::KeepRight
            }
            _ => FenceIntent::Balance,
        }
    }
}

/// The leaf where `key` is or belongs: the remembered one if its fences enclose the key, else by descent.
///
/// The memory's path is the way there in the second case and empty in the first.
#[inline]
pub(super) fn find_leaf<P: WritePages>(
    pages: &P,
    memory: &mut TreeMemory,
    tree: TreeId,
    key: &[u8],
) -> Result<(PageId, Found)> {
    if let Some(known) = memory.leaf(tree, pages.epoch()).filter(|known| known.misses < MISSES_MAX) {
        // As in a descent, the look is not moved.
        let look = pages.look(known.leaf);
        let node = match look {
            Ok(ref look) => NodeView::new(look),
            Err(error) => return Err(error),
        };
        // A look at the tails of longer keys is left to the descent.
        let enclosed =
            node.encloses(key) && (key.len() == 8 || key.len() <= local_key_max(node.bytes().len()));
        if enclosed {
            let found = search_near(node, key, known.next, &NoTails)?;
            memory.path.clear();
            memory.work.counters.key_compares += found.compares;
            return Ok((known.leaf, found));
        }
    }
    find_by_descent(pages, memory, tree, key)
}

fn find_by_descent<P: WritePages>(
    pages: &P,
    memory: &mut TreeMemory,
    tree: TreeId,
    key: &[u8],
) -> Result<(PageId, Found)> {
    let TreeMemory { path, work, .. } = memory;
    path.clear();
    descend_to(
        pages,
        PageId(tree.0),
        key,
        |step| path.push(step),
        |leaf, node| {
            if node.excludes(key) {
                return Err(Error::corrupt(
                    leaf,
                    "a branch leads here for a key that lies outside the fences",
                ));
            }
            let found = search(node, key, &pages)?;
            work.counters.key_compares += found.compares;
            Ok((leaf, found))
        },
    )
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
