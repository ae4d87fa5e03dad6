//! Cursors: two-way movement over the records of a tree, and reading a leaf at a time.

use super::branch::append_key;
use super::node::{NodeView, offset_in};
use super::overflow;
use super::record::{self, Layout, RawValue};
use super::search::{Path, Step, check_node, kind_of_root, search};
use super::{TreeId, TreeKind, row_key};
use crate::error::{Error, Result};
use crate::page::{PageId, ReadPages};
use std::ops::Range;

/// A place among the records of a tree.
///
/// A cursor sees the pages as they were when it came to them: after its own transaction changed the tree it must
/// seek again. A failed move leaves it nowhere.
pub struct Cursor<P: ReadPages> {
    pages: P,
    tree: TreeId,
    kind: TreeKind,
    /// The branches above the leaf. Their pages are looked up again when they are needed: once a leaf.
    path: Path,
    leaf: Option<P::Page>,
    /// Leaves come to in this direction since it was told where to go.
    entered: u64,
    forwards: bool,
    /// The leaf behind it, while the cursor moves leaf by leaf.
    ahead: Option<P::Page>,
    /// Records of the leaf and how they lie; none where there is no leaf.
    count: usize,
    layout: Layout,
    slot: usize,
    key: Vec<u8>,
    value: Vec<u8>,
}

/// Leaves that a cursor comes to before it asks how many pages there are.
const ENTERED_FREELY: u64 = 4096;

impl<P: ReadPages> Cursor<P> {
    /// A cursor that stands nowhere yet.
    pub fn new(pages: P, tree: TreeId) -> Cursor<P> {
        Cursor {
            pages,
            tree,
            kind: TreeKind::Table,
            path: Path::new(),
            leaf: None,
            entered: 0,
            forwards: true,
            ahead: None,
            count: 0,
            layout: Layout::Index,
            slot: 0,
            key: Vec::new(),
            value: Vec::new(),
        }
    }

    /// Forgets its place and the pages it holds, so that the next seek sees the tree as it is.
    pub fn reset(&mut self) {
        self.leave();
        self.ahead = None;
        self.entered = 0;
        self.path.clear();
    }

    fn leave(&mut self) {
        self.leaf = None;
        self.count = 0;
    }

    /// Counts leaves that are come to in one direction. A tree whose branches share children, which only a forged file
    /// has, leads to more than there are pages: without this a walk through it would never end.
    fn count_entered(&mut self, leaves: usize, forwards: bool) -> Result<()> {
        if self.forwards != forwards {
            (self.entered, self.forwards) = (0, forwards);
        }
        self.entered += leaves as u64;
        // Few trees are so large that the pages need be counted.
        if self.entered > ENTERED_FREELY && self.entered > self.pages.pages_max() {
            let detail = "the tree leads to more leaves than there are pages";
            return Err(Error::corrupt(PageId(self.tree.0), detail));
        }
        Ok(())
    }

    /// Makes `leaf` the current one; gives the number of its records.
    #[inline]
    fn enter_leaf(&mut self, leaf: P::Page) -> usize {
        let node = NodeView::new(&leaf);
        (self.count, self.layout) = (node.count(), node.layout());
        self.leaf = Some(leaf);
        self.count
    }

    /// True while the cursor stands on a record.
    #[inline]
    pub fn is_valid(&self) -> bool {
        self.slot < self.count
    }

    /// Goes down to a leaf from the root; `choose` names the child at each branch.
    fn descend(&mut self, choose: impl FnMut(&P, NodeView<'_>) -> Result<usize>) -> Result<P::Page> {
        self.reset();
        let root = PageId(self.tree.0);
        let level = {
            let page = self.pages.look(root).map_err(named(self.tree))?;
            let (kind, level) = kind_of_root(root, &page).map_err(named(self.tree))?;
            self.kind = kind;
            level
        };
        self.descend_from(root, level, choose)
    }

    /// Goes down to a leaf from page `id`, a node of `level` whose kind is checked.
    fn descend_from(
        &mut self,
        mut id: PageId,
        mut level: u8,
        mut choose: impl FnMut(&P, NodeView<'_>) -> Result<usize>,
    ) -> Result<P::Page> {
        while level > 0 {
            // As in `search::descend_to`, the look is not moved.
            let look = self.pages.look(id);
            let page = match look {
                Ok(ref look) => &**look,
                Err(error) => return Err(named(self.tree)(error)),
            };
            check_node(id, page, self.kind, level).map_err(named(self.tree))?;
            let node = NodeView::new(page);
            let child_index = choose(&self.pages, node).map_err(named(self.tree))?;
            self.path.push(Step { page: id, child_index });
            id = node.child(child_index);
            level -= 1;
        }
        let leaf = self.pages.page(id).map_err(named(self.tree))?;
        check_node(id, &leaf, self.kind, 0).map_err(named(self.tree))?;
        Ok(leaf)
    }

    /// Goes to the first record; false where there is none.
    pub fn seek_first(&mut self) -> Result<bool> {
        let leaf = self.descend(|_, _| Ok(0))?;
        self.stand_or_go_on(leaf, 0)
    }

    /// Goes to the last record; false where there is none.
    pub fn seek_last(&mut self) -> Result<bool> {
        let leaf = self.descend(|_, node| Ok(node.count()))?;
        self.stand_before(leaf, None)
    }

    /// Stands on `slot` of `leaf`, or on the first record behind it.
    fn stand_or_go_on(&mut self, leaf: P::Page, slot: usize) -> Result<bool> {
        self.slot = slot;
        if slot < self.enter_leaf(leaf) { Ok(true) } else { self.next_leaf() }
    }

    /// Stands on the record before `slot` of `leaf` (`None`: its end), or on the last record before it.
    fn stand_before(&mut self, leaf: P::Page, slot: Option<usize>) -> Result<bool> {
        let count = self.enter_leaf(leaf);
        match slot.unwrap_or(count).checked_sub(1) {
            Some(slot) => {
                self.slot = slot;
                Ok(true)
            }
            None => self.prev_leaf(),
        }
    }

    /// Brings the leaf of `key` up and finds the key there: its slot, and whether it is the key.
    fn locate(&mut self, key: &[u8]) -> Result<(P::Page, usize, bool)> {
        // Seeks that come in order mostly stay in the leaf.
        let leaf = match self.leaf.take() {
            Some(leaf) if NodeView::new(&leaf).encloses(key) => leaf,
            _ => self.descend(|pages, node| Ok(search(node, key, &pages)?.child_index()))?,
        };
        let found = search(NodeView::new(&leaf), key, &&self.pages).map_err(named(self.tree))?;
        Ok((leaf, found.slot, found.exact))
    }

    /// Goes to the first record whose key is `key` or greater; false where there is none.
    pub fn seek(&mut self, key: &[u8]) -> Result<bool> {
        let (leaf, slot, _) = self.locate(key)?;
        self.stand_or_go_on(leaf, slot)
    }

    /// Goes to the last record whose key is less than `key`; false where there is none.
    pub fn seek_before(&mut self, key: &[u8]) -> Result<bool> {
        let (leaf, slot, _) = self.locate(key)?;
        self.stand_before(leaf, Some(slot))
    }

    /// Goes to the record of exactly `key`; where there is none the cursor is not on a record.
    pub fn seek_exact(&mut self, key: &[u8]) -> Result<bool> {
        let (leaf, slot, exact) = self.locate(key)?;
        // Off a record, but still in the leaf: the next seek may find its key here.
        self.enter_leaf(leaf);
        self.slot = if exact { slot } else { usize::MAX };
        Ok(exact)
    }

    /// Goes to row `row_id` of a table tree; where there is none the cursor is not on a record.
    pub fn seek_row(&mut self, row_id: i64) -> Result<bool> {
        self.seek_exact(&row_key(row_id))
    }

    /// Goes to the next record; false at the end, where the cursor is not on a record.
    #[allow(clippy::should_implement_trait)] // a cursor lends its records, which no Iterator can
    #[inline]
    pub fn next(&mut self) -> Result<bool> {
        if self.slot.saturating_add(1) < self.count {
            self.slot += 1;
            return Ok(true);
        }
        if self.leaf.is_none() { Ok(false) } else { self.next_leaf() }
    }

    /// Goes to the record before; false at the start, where the cursor is not on a record.
    pub fn prev(&mut self) -> Result<bool> {
        if !self.is_valid() {
            return Ok(false);
        }
        if self.slot > 0 {
            self.slot -= 1;
            return Ok(true);
        }
        self.prev_leaf()
    }

    /// Goes to the first record of the next leaf that has one.
    pub fn next_leaf(&mut self) -> Result<bool> {
        loop {
            self.leave();
            let Some(step) = self.path.pop() else { return Ok(false) };
            let Some(leaf) = self.enter(step.page, step.child_index.checked_add(1), true, |_, _| Ok(0))?
            else {
                continue;
            };
            self.slot = 0;
            if self.enter_leaf(leaf) > 0 {
                return Ok(true);
            }
        }
    }

    /// Goes to the last record of the leaf before that has one.
    pub fn prev_leaf(&mut self) -> Result<bool> {
        loop {
            self.leave();
            let Some(step) = self.path.pop() else { return Ok(false) };
            let before = step.child_index.checked_sub(1);
            let Some(leaf) = self.enter(step.page, before, false, |_, node| Ok(node.count()))? else {
                continue;
            };
            if let Some(last) = self.enter_leaf(leaf).checked_sub(1) {
                self.slot = last;
                return Ok(true);
            }
        }
    }

    /// Goes down to a leaf below child `index` of the branch `branch`; `None` where it has no such child.
    fn enter(
        &mut self,
        branch: PageId,
        index: Option<usize>,
        forwards: bool,
        choose: impl FnMut(&P, NodeView<'_>) -> Result<usize>,
    ) -> Result<Option<P::Page>> {
        let Some(child_index) = index else { return Ok(None) };
        self.count_entered(1, forwards)?;
        self.ahead = None;
        let (child, level) = {
            let page = self.pages.look(branch).map_err(named(self.tree))?;
            let node = NodeView::new(&page);
            if child_index > node.count() {
                return Ok(None);
            }
            if node.level() == 1 && child_index < node.count() {
                self.ahead = self.pages.page(node.child(child_index + 1)).ok();
            }
            (node.child(child_index), node.level().saturating_sub(1))
        };
        self.path.push(Step { page: branch, child_index });
        self.descend_from(child, level, choose).map(Some)
    }

    /// A cursor over the same tree that stands nowhere.
    #[must_use]
    pub fn fork(&self) -> Cursor<P>
    where
        P: Clone,
    {
        Cursor { kind: self.kind, ..Cursor::new(self.pages.clone(), self.tree) }
    }

    /// Passes over leaves and notes the numbers of their pages, `count` of them or as many as are left: the current
    /// one first, if the cursor stands on a record, then those behind it. No leaf is read; the cursor then stands
    /// behind the last. A tree of a single leaf has none to pass.
    ///
    /// # Errors
    /// As the moves.
    pub fn pass_leaves(&mut self, count: usize, leaves: &mut Vec<PageId>) -> Result<()> {
        let before = leaves.len();
        self.pass(count, leaves).map_err(named(self.tree))?;
        self.count_entered(leaves.len() - before, true)
    }

    fn pass(&mut self, count: usize, leaves: &mut Vec<PageId>) -> Result<()> {
        if self.leaf.is_some()
            && let Some(step) = self.path.last_mut()
        {
            step.child_index = step.child_index.wrapping_sub(1);
        }
        self.leave();
        let wanted = leaves.len() + count;
        while leaves.len() < wanted {
            let Some(step) = self.path.pop() else { break };
            let page = self.pages.look(step.page)?;
            let node = NodeView::new(&page);
            let next = step.child_index.wrapping_add(1);
            if next > node.count() {
                continue;
            }
            if node.level() == 1 {
                let end = (node.count() + 1).min(next + wanted - leaves.len());
                leaves.extend((next..end).map(|index| node.child(index)));
                self.path.push(Step { page: step.page, child_index: end - 1 });
            } else {
                self.path.push(Step { page: step.page, child_index: next });
                let (mut id, mut level) = (node.child(next), node.level().saturating_sub(1));
                while level > 0 {
                    let page = self.pages.look(id)?;
                    check_node(id, &page, self.kind, level)?;
                    // The branch above the leaves is entered before its first child.
                    self.path.push(Step { page: id, child_index: if level == 1 { usize::MAX } else { 0 } });
                    id = NodeView::new(&page).child(0);
                    level -= 1;
                }
            }
        }
        Ok(())
    }

    /// Stands on the first record of a leaf that [`Cursor::pass_leaves`] has named; false where it has none. `ahead` is
    /// the leaf that will be entered next. There is no way from this leaf to its neighbours.
    pub fn stand_in_leaf(&mut self, leaf: PageId, ahead: Option<PageId>) -> Result<bool> {
        self.reset();
        let page = self.pages.page(leaf).map_err(named(self.tree))?;
        check_node(leaf, &page, self.kind, 0).map_err(named(self.tree))?;
        self.ahead = ahead.and_then(|ahead| self.pages.page(ahead).ok());
        self.stand_or_go_on(page, 0)
    }

    #[inline]
    fn current(&self) -> Result<NodeView<'_>> {
        match &self.leaf {
            Some(leaf) if self.is_valid() => Ok(NodeView::new(leaf)),
            _ => Err(nowhere()),
        }
    }

    /// The whole key, joined in a reused buffer.
    ///
    /// # Errors
    /// [`Error::Misuse`] where the cursor is not on a record.
    pub fn key(&mut self) -> Result<&[u8]> {
        let mut key = std::mem::take(&mut self.key);
        key.clear();
        let record = self.current()?.record(self.slot);
        append_key(&self.pages, &record, &mut key).map_err(named(self.tree))?;
        self.key = key;
        Ok(&self.key)
    }

    /// The row id of the record (table trees); 0 where the cursor is not on one.
    #[inline]
    pub fn row_id(&self) -> i64 {
        let Some(leaf) = self.leaf.as_ref().filter(|_| self.is_valid()) else { return 0 };
        let node = NodeView::new(leaf);
        let bits = match self.layout {
            Layout::Narrow => node.row_base() | u64::from(node.head(self.slot)),
            _ => node.row_bits(self.slot),
        };
        (bits ^ (1 << 63)) as i64
    }

    /// The whole value; one that lies in an overflow run is read into a reused buffer.
    ///
    /// # Errors
    /// [`Error::Misuse`] where the cursor is not on a record.
    #[inline]
    pub fn value(&mut self) -> Result<&[u8]> {
        let node = self.current()?;
        let Some((start, end)) = record::local_value(node.bytes(), node.slot_offset(self.slot), self.layout)
        else {
            return self.overflow_value();
        };
        Ok(&self.current()?.bytes()[start..end]) // verified
    }

    fn overflow_value(&mut self) -> Result<&[u8]> {
        self.value.clear();
        if let RawValue::Overflow { page, length } = self.current()?.record(self.slot).value {
            overflow::read_run(&self.pages, page, length, &mut self.value).map_err(named(self.tree))?;
        }
        Ok(&self.value)
    }

    /// The current leaf, for reading many records at once.
    pub fn leaf(&self) -> Option<LeafView<'_, P>> {
        let page = self.leaf.as_ref()?;
        let node = NodeView::new(page);
        let (layout, prefix) = (node.layout(), node.prefix());
        let ahead = self.ahead.as_deref().unwrap_or_default();
        Some(LeafView { page, ahead, node, layout, prefix, row_base: node.row_base(), slot: self.slot })
    }

    /// Moves to `slot` of the current leaf; beyond its last the cursor is not on a record.
    pub fn set_slot(&mut self, slot: usize) {
        self.slot = slot;
    }

    /// A guess at the number of records, from the fan-out along one path.
    pub fn estimate_rows(&self) -> Result<u64> {
        let share = self.share_before(None).map_err(named(self.tree))?;
        Ok(share.rows)
    }

    /// A guess at the number of records whose keys are in `low..high`; `None` leaves a side open.
    pub fn estimate_range(&self, low: Option<&[u8]>, high: Option<&[u8]>) -> Result<u64> {
        self.estimate_between(low, high).map_err(named(self.tree))
    }

    fn estimate_between(&self, low: Option<&[u8]>, high: Option<&[u8]>) -> Result<u64> {
        let from = match low {
            Some(low) => self.share_before(Some(low))?.before,
            None => 0.0,
        };
        let (to, rows) = match high {
            Some(high) => {
                let share = self.share_before(Some(high))?;
                (share.before, share.rows)
            }
            None => (1.0, self.share_before(None)?.rows),
        };
        Ok(((to - from).max(0.0) * rows as f64).round() as u64)
    }

    /// Walks to `key`, or down the middle, and estimates the tree's size and the share of it that lies before.
    fn share_before(&self, key: Option<&[u8]>) -> Result<Share> {
        let mut id = PageId(self.tree.0);
        let mut page = self.pages.page(id)?;
        let (kind, mut level) = kind_of_root(id, &page)?;
        let (mut rows, mut before, mut width) = (1.0, 0.0, 1.0);
        loop {
            let node = NodeView::new(&page);
            let children = node.count() + usize::from(level > 0);
            rows *= children as f64;
            let index = match key {
                Some(key) => {
                    let found = search(node, key, &&self.pages)?;
                    if level > 0 { found.child_index() } else { found.slot }
                }
                None => children / 2,
            };
            width /= children.max(1) as f64;
            before += index as f64 * width;
            if level == 0 {
                return Ok(Share { rows: rows as u64, before });
            }
            level -= 1;
            id = node.child(index);
            let below = self.pages.page(id)?;
            check_node(id, &below, kind, level)?;
            page = below;
        }
    }
}

/// Says of damage that it was met in this tree.
fn named(tree: TreeId) -> impl Fn(Error) -> Error {
    move |error| error.in_tree(PageId(tree.0))
}

#[cold]
fn nowhere() -> Error {
    Error::Misuse("the cursor is not on a record".to_owned())
}

/// A guess: the rows of a tree, and the share of them before a key.
struct Share {
    rows: u64,
    before: f64,
}

/// The records of one leaf, read in place.
pub struct LeafView<'a, P: ReadPages> {
    page: &'a P::Page,
    /// The bytes of the next leaf, as far as it is known.
    ahead: &'a [u8],
    node: NodeView<'a>,
    layout: Layout,
    prefix: &'a [u8],
    /// The upper half of all row ids of a narrow leaf, before their sign is flipped back.
    row_base: u64,
    slot: usize,
}

/// Slots are numbered from 0; asking for one that the leaf does not have is the caller's mistake and panics or
/// gives bytes of no meaning.
impl<'a, P: ReadPages> LeafView<'a, P> {
    /// Number of records in the leaf.
    pub fn len(&self) -> usize {
        self.node.count()
    }

    /// True where the leaf holds no record.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The cursor's slot.
    pub fn slot(&self) -> usize {
        self.slot
    }

    /// What all keys of the leaf start with.
    pub fn prefix(&self) -> &'a [u8] {
        self.prefix
    }

    /// The key of `slot` behind the prefix; where [`LeafView::has_whole_key`] is false only its first part.
    #[inline]
    pub fn key_rest(&self, slot: usize) -> &'a [u8] {
        record::read(
            self.node.bytes(),
            self.node.slot_offset(slot),
            self.layout,
            &[],
            self.node.head_bytes(slot),
        )
        .rest
    }

    /// False where a part of the key lies in an overflow run: then only [`Cursor::key`] gives all of it.
    pub fn has_whole_key(&self, slot: usize) -> bool {
        self.node.record(slot).tail.is_none()
    }

    /// The row id of `slot` (table trees).
    #[inline]
    pub fn row_id(&self, slot: usize) -> i64 {
        let bits = match self.layout {
            Layout::Narrow => self.row_base | u64::from(self.node.head(slot)),
            _ => self.node.row_bits(slot),
        };
        (bits ^ (1 << 63)) as i64
    }

    /// Where in the page the value of each of `slots` starts and ends, in their order; `None` where it lies in an
    /// overflow run. The loop of every scan: rows of short values cost two loads each, and meanwhile the next leaf is
    /// fetched from memory.
    #[inline(always)]
    pub fn places(
        &self,
        slots: Range<usize>,
    ) -> impl DoubleEndedIterator<Item = Option<(usize, usize)>> + ExactSizeIterator + use<'a, P> {
        let (page, layout, ahead) = (self.node.bytes(), self.layout, self.ahead);
        let share = ahead.len() / self.len().max(1);
        self.node.slots()[slots.clone()].iter().zip(slots).map(move |(entry, slot)| {
            P::prefetch(ahead, slot * share);
            let offset = offset_in(*entry);
            let first = page[offset]; // verified
            if layout == Layout::Narrow && first & 0x81 == 0 {
                return Some((offset + 1, offset + 1 + usize::from(first >> 1)));
            }
            record::local_value(page, offset, layout)
        })
    }

    /// The value of `slot`.
    #[inline]
    pub fn value(&self, slot: usize) -> LeafValue<'a> {
        match record::local_value(self.node.bytes(), self.node.slot_offset(slot), self.layout) {
            Some((start, end)) => {
                LeafValue::Local { bytes: &self.node.bytes()[start..end], offset_in_page: start }
            } // verified
            None => LeafValue::Overflow,
        }
    }

    /// A handle that keeps the leaf's bytes alive.
    pub fn page(&self) -> P::Page {
        self.page.clone()
    }
}

/// Where a value of a leaf lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeafValue<'a> {
    /// In the leaf.
    Local {
        /// The value.
        bytes: &'a [u8],
        /// Where it starts in the page.
        offset_in_page: usize,
    },
    /// In an overflow run: [`Cursor::value`] reads it.
    Overflow,
}
