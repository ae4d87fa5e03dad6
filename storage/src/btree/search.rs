//! Finding a key in a node and the way from the root to a leaf. Reads pages, changes none.

use super::TreeKind;
use super::node::{NodeView, local_key_max, page_kind};
use super::overflow;
use super::record::{self, Layout, Tail};
use crate::error::{Error, Result};
use crate::page::{KIND_OFFSET, PageId, PageLook, ReadPages};
use smallvec::SmallVec;
use std::cmp::Ordering;

/// No tree is higher: each level at least doubles the number of pages, and page numbers have 32 bits.
pub(super) const LEVELS_MAX: usize = 40;

/// Where a key is in a node, or where it would go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    /// The first slot whose key is not below the sought one.
    pub(super) slot: usize,
    /// True where that slot's key is the sought one.
    pub(super) exact: bool,
    /// Key comparisons that the heads did not settle.
    pub(super) compares: u64,
}

impl Found {
    /// The child of a branch under which the key lies.
    pub(super) fn child_index(&self) -> usize {
        self.slot + usize::from(self.exact)
    }
}

/// Compares the tails of long keys, which lie outside the node.
pub(super) trait Tails {
    /// How the tail stands to `rest`.
    fn compare(&self, tail: Tail, rest: &[u8]) -> Result<Ordering>;
}

impl<P: ReadPages> Tails for &P {
    fn compare(&self, tail: Tail, rest: &[u8]) -> Result<Ordering> {
        overflow::compare_run(*self, tail.page, tail.length, rest)
    }
}

/// Stands in where the sought key is short enough that no tail can matter.
pub(super) struct NoTails;

impl Tails for NoTails {
    fn compare(&self, tail: Tail, _: &[u8]) -> Result<Ordering> {
        Err(Error::corrupt(tail.page, "a key's overflow run hangs on a short key"))
    }
}

/// The first slot in `from..to` whose head is not below `head`.
#[inline]
fn lower_bound(node: NodeView<'_>, from: usize, to: usize, head: u32) -> usize {
    let (mut base, mut size) = (from, to - from);
    // No branch depends on a comparison: half of them would be guessed wrong.
    while size > 1 {
        let half = size / 2;
        base += half * usize::from(node.head(base + half - 1) < head);
        size -= half;
    }
    base + usize::from(size == 1 && node.head(base) < head)
}

/// As [`lower_bound`] over all of a narrow table node, whose heads are its keys.
///
/// Row ids are mostly dense, so the place is computed from the fences and looked for around that: a leaf that is not
/// in the processor's cache costs one miss for its header and one for a slot (measured over 1,000,000 rows: 150 ns
/// less than by halving).
#[inline]
fn lower_bound_of_row(node: NodeView<'_>, count: usize, head: u32) -> usize {
    let (low, high) = node.row_bounds();
    let span = u64::from(high - low) + 1;
    let guess = (u64::from(head.clamp(low, high) - low) * count as u64 / span) as usize;
    let mut step = 1;
    if node.head(guess) < head {
        let mut from = guess + 1;
        while from + step <= count && node.head(from + step - 1) < head {
            from += step;
            step *= 2;
        }
        lower_bound(node, from, count.min(from + step - 1), head)
    } else {
        let mut to = guess;
        while step <= to && node.head(to - step) >= head {
            to -= step;
            step *= 2;
        }
        lower_bound(node, (to + 1).saturating_sub(step), to, head)
    }
}

/// Finds a row id, by the bits of its key, in a verified narrow table node.
#[inline]
fn search_row(node: NodeView<'_>, bits: u64) -> Found {
    let (count, base) = (node.count(), node.row_base());
    let head = bits as u32;
    if count == 0 || bits >> 32 != base >> 32 {
        let slot = if bits < base { 0 } else { count };
        return Found { slot, exact: false, compares: 1 };
    }
    let slot = lower_bound_of_row(node, count, head);
    Found { slot, exact: slot < count && node.head(slot) == head, compares: 0 }
}

/// How a record's key, kept and tail, stands to `rest`, both without the node's prefix.
#[inline]
fn compare_key(kept: &[u8], tail: Option<Tail>, rest: &[u8], tails: &impl Tails) -> Result<Ordering> {
    let Some(tail) = tail else { return Ok(kept.cmp(rest)) };
    match rest.get(..kept.len()) {
        Some(start) if rest.len() > start.len() => match kept.cmp(start) {
            Ordering::Equal => tails.compare(tail, &rest[start.len()..]), // within rest
            unequal => Ok(unequal),
        },
        _ => Ok(kept.cmp(rest).then(Ordering::Greater)),
    }
}

/// Finds `key` in a verified node.
pub(super) fn search(node: NodeView<'_>, key: &[u8], tails: &impl Tails) -> Result<Found> {
    let layout = node.layout();
    if layout == Layout::Narrow
        && let Ok(bits) = key.try_into().map(u64::from_be_bytes)
    {
        return Ok(search_row(node, bits));
    }
    let count = node.count();
    let prefix = node.prefix();
    if !key.starts_with(prefix) {
        let slot = if key < prefix { 0 } else { count };
        return Ok(Found { slot, exact: false, compares: 1 });
    }
    let rest = &key[prefix.len()..]; // key starts with it
    // A head never reaches into the tail of a long key.
    let local = local_key_max(node.bytes().len()).saturating_sub(prefix.len());
    let mut head = [0; 4];
    for (target, source) in head.iter_mut().zip(rest.iter().take(local)) {
        *target = *source;
    }
    let head = u32::from_be_bytes(head);
    // Appending is common enough to look at the end first.
    if count == 0 || node.head(count - 1) < head {
        return Ok(Found { slot: count, exact: false, compares: 0 });
    }
    let mut slot = lower_bound(node, 0, count, head);
    if node.head(slot) != head || layout == Layout::Narrow {
        // A narrow node holds whole keys of 8 bytes, and this one is longer or shorter.
        return Ok(Found { slot, exact: false, compares: 0 });
    }
    let mut end = match head.checked_add(1) {
        Some(above) => lower_bound(node, slot, count, above),
        None => count,
    };
    let mut compares = 0;
    while slot < end {
        // The last first: appending to equal heads is as common.
        let middle = if compares == 0 { end - 1 } else { slot + (end - slot) / 2 };
        compares += 1;
        let (kept, tail) = record::key_at(node.bytes(), node.slot_offset(middle), layout);
        match compare_key(kept, tail, rest, tails)? {
            Ordering::Less => slot = middle + 1,
            Ordering::Equal => return Ok(Found { slot: middle, exact: true, compares }),
            Ordering::Greater => end = middle,
        }
    }
    Ok(Found { slot, exact: false, compares })
}

/// One step of the way down: a branch and which of its children was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) page: PageId,
    pub(super) child_index: usize,
}

/// The branches from the root to a leaf.
pub(super) type Path = SmallVec<[Step; 8]>;

/// The tree's kind and height, as its root page says.
pub(super) fn kind_of_root(root: PageId, page: &[u8]) -> Result<(TreeKind, u8)> {
    let node = NodeView::new(page);
    let kind = if node.is_table() { TreeKind::Table } else { TreeKind::Index };
    check_node(root, page, kind, node.level())?;
    Ok((kind, node.level()))
}

/// Refuses a page that is not a node of a `kind` tree at `level`.
#[inline]
pub(super) fn check_node(id: PageId, page: &[u8], kind: TreeKind, level: u8) -> Result<()> {
    let node = NodeView::new(page);
    if page[KIND_OFFSET] != page_kind(kind, level) as u8
        || node.level() != level
        || usize::from(level) > LEVELS_MAX
    {
        let detail = format!("expected a {kind:?} tree node of level {level}");
        return Err(Error::corrupt(id, detail));
    }
    Ok(())
}

/// Goes down from `root` to the leaf in whose range `key` lies.
pub(super) fn descend<'a, P: ReadPages>(
    pages: &'a P,
    root: PageId,
    key: &[u8],
    path: &mut Path,
) -> Result<(PageId, PageLook<'a, P::Page>)> {
    path.clear();
    let mut id = root;
    let mut page = pages.look(id)?;
    let (kind, mut level) = kind_of_root(id, &page)?;
    while level > 0 {
        let node = NodeView::new(&page);
        let child_index = search(node, key, &pages)?.child_index();
        path.push(Step { page: id, child_index });
        id = node.child(child_index);
        level -= 1;
        page = pages.look(id)?;
        check_node(id, &page, kind, level)?;
    }
    Ok((id, page))
}
