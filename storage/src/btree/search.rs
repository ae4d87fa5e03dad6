//! Finding a key in a node and the way from the root to a leaf. Reads pages, changes none.

use super::TreeKind;
use super::node::{
    NodeView, SLOT_SIZE, SLOTS_START, Slot, capacity, head_in, local_key_max, offset_in, page_kind,
};
use super::overflow;
use super::record::{self, Layout, Tail};
use crate::error::{Error, Result};
use crate::page::{KIND_OFFSET, PageId, ReadPages};
use smallvec::SmallVec;
use std::cmp::Ordering;
use std::hint::select_unpredictable;
use std::ops::Range;

/// No tree is higher: each level at least doubles the number of pages, and page numbers have 32 bits.
pub(super) const LEVELS_MAX: usize = 40;

/// Slots below which halving finds a head as soon as a computed guess.
const SPREAD_MIN: usize = 32;

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

/// The first of `slots` whose head is not below `head`.
#[inline]
fn lower_bound(slots: &[Slot], head: u32) -> usize {
    let (mut base, mut size) = (0, slots.len());
    // No branch may depend on a comparison: half of them would be guessed wrong. A sum or a product of the outcome
    // becomes a branch again in the compiler's hands.
    while size > 1 {
        let half = size / 2;
        let below = head_in(slots[base + half - 1]) < head; // base + size <= len
        base = select_unpredictable(below, base + half, base);
        size -= half;
    }
    base + usize::from(size == 1 && head_in(slots[base]) < head) // as above
}

/// As [`lower_bound`] over slots that are not empty and whose heads lie in `low..=high`.
///
/// Row ids are mostly dense, and the heads of other keys spread over a node without great gaps, so the place is computed
/// and looked for around that: a leaf that is not in the processor's cache costs one miss for its header and one for a
/// slot (measured over 1,000,000 rows: 150 ns less than by halving).
#[inline]
fn lower_bound_near(slots: &[Slot], (low, high): (u32, u32), head: u32) -> usize {
    let count = slots.len();
    let span = u64::from(high - low) + 1;
    let guess = (u64::from(head.clamp(low, high) - low) * count as u64 / span) as usize;
    let mut step = 1;
    // The guess is below the count, since what it multiplies is below the span.
    if head_in(slots[guess]) < head {
        let mut from = guess + 1;
        while from + step <= count && head_in(slots[from + step - 1]) < head {
            from += step;
            step *= 2;
        }
        from + lower_bound(&slots[from..count.min(from + step - 1)], head) // from <= count
    } else {
        let mut to = guess;
        while step <= to && head_in(slots[to - step]) >= head {
            to -= step;
            step *= 2;
        }
        let from = (to + 1).saturating_sub(step);
        from + lower_bound(&slots[from..to], head) // from <= to, since step >= 1
    }
}

/// Finds a row id, by the bits of its key, in a verified narrow table node.
#[inline]
fn search_row(node: NodeView<'_>, bits: u64) -> Found {
    let (slots, base) = (node.slots(), node.row_base());
    let head = bits as u32;
    if slots.is_empty() || bits >> 32 != base >> 32 {
        let slot = if bits < base { 0 } else { slots.len() };
        return Found { slot, exact: false, compares: 1 };
    }
    let slot = lower_bound_near(slots, node.row_bounds(), head);
    Found { slot, exact: slots.get(slot).is_some_and(|at| head_in(*at) == head), compares: 0 }
}

/// Finds `key` in a verified node; looks at `slot` first, where the last edit makes it likely.
#[inline]
pub(super) fn search_near(node: NodeView<'_>, key: &[u8], slot: usize, tails: &impl Tails) -> Result<Found> {
    if node.layout() == Layout::Narrow
        && let Ok(bits) = key.try_into().map(u64::from_be_bytes)
        && bits >> 32 == node.row_base() >> 32
    {
        let (slots, head) = (node.slots(), bits as u32);
        let behind = match slot.checked_sub(1) {
            Some(before) => slots.get(before).is_some_and(|before| head_in(*before) < head),
            None => true,
        };
        match slots.get(slot).map(|at| head.cmp(&head_in(*at))) {
            None if behind => return Ok(Found { slot, exact: false, compares: 0 }),
            Some(order @ (Ordering::Less | Ordering::Equal)) if behind => {
                return Ok(Found { slot, exact: order == Ordering::Equal, compares: 0 });
            }
            _ => {}
        }
    }
    search(node, key, tails)
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
    let slots = node.slots();
    let count = slots.len();
    let prefix = node.prefix();
    // Most nodes of keys in no order have no prefix.
    if !prefix.is_empty() && !key.starts_with(prefix) {
        let slot = if key < prefix { 0 } else { count };
        return Ok(Found { slot, exact: false, compares: 1 });
    }
    let rest = &key[prefix.len()..]; // key starts with it
    // A head never reaches into the tail of a long key.
    let local = local_key_max(node.bytes().len()).saturating_sub(prefix.len());
    let head = match rest.first_chunk() {
        Some(head) if local >= head.len() => u32::from_be_bytes(*head),
        _ => short_head(&rest[..rest.len().min(local)]), // within rest
    };
    // Appending is common enough to look at the end first.
    let Some(last) = slots.last().map(|last| head_in(*last)).filter(|last| head <= *last) else {
        return Ok(Found { slot: count, exact: false, compares: 0 });
    };
    let mut slot = match slots.first() {
        Some(first) if count >= SPREAD_MIN => lower_bound_near(slots, (head_in(*first), last), head),
        _ => lower_bound(slots, head),
    };
    // The last head is not below the sought one, so there is such a slot.
    if head_in(slots[slot]) != head || layout == Layout::Narrow {
        // A narrow node holds whole keys of 8 bytes, and this one is longer or shorter.
        return Ok(Found { slot, exact: false, compares: 0 });
    }
    // Equal heads are mostly few: found one by one they cost less than a second search.
    let mut end = slot + 1;
    let mut step = 1;
    while slots.get(end + step - 1).is_some_and(|at| head_in(*at) == head) {
        end += step;
        step *= 2;
    }
    end += slots[end..count.min(end + step - 1)].iter().take_while(|at| head_in(**at) == head).count(); // end <= count
    let mut compares = 0;
    while slot < end {
        // The last first: appending to equal heads is as common.
        let middle = if compares == 0 { end - 1 } else { slot + (end - slot) / 2 };
        compares += 1;
        let (kept, tail) = record::key_at(node.bytes(), offset_in(slots[middle]), layout); // middle < end <= count
        match compare_key(kept, tail, rest, tails)? {
            Ordering::Less => slot = middle + 1,
            Ordering::Equal => return Ok(Found { slot: middle, exact: true, compares }),
            Ordering::Greater => end = middle,
        }
    }
    Ok(Found { slot, exact: false, compares })
}

/// The head of a key of less than four bytes.
fn short_head(rest: &[u8]) -> u32 {
    let mut head = [0; 4];
    for (target, source) in head.iter_mut().zip(rest) {
        *target = *source;
    }
    u32::from_be_bytes(head)
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
    if node.header()[KIND_OFFSET] == page_kind(kind, level) as u8
        && node.level() == level
        && usize::from(level) <= LEVELS_MAX
    {
        return Ok(());
    }
    Err(not_the_node(id, kind, level))
}

#[cold]
fn not_the_node(id: PageId, kind: TreeKind, level: u8) -> Error {
    Error::corrupt(id, format!("expected a {kind:?} tree node of level {level}"))
}

/// Bytes of a line of the processor's cache, nearly everywhere.
const LINE: usize = 64;
/// Lines of a record that are asked for before it is found.
const LINES_AHEAD: usize = 4;

/// Where a row is likely to lie in its leaf.
struct Likely {
    /// Where its slot starts.
    slot: usize,
    /// From where to where its record may reach.
    record: Range<usize>,
}

/// Where a row's slot and record would lie in a full leaf of all rows between the separators around child `child_index`
/// of a `branch`, loaded in order; `None` where there cannot be as many.
#[inline]
fn likely_places(branch: NodeView<'_>, child_index: usize, key: &[u8]) -> Option<Likely> {
    let bits = key.try_into().map(u64::from_be_bytes).ok()?;
    let slots = branch.slots();
    let (low, high) = (slots.get(child_index.checked_sub(1)?)?, slots.get(child_index)?);
    let (low, high) = (u64::from(head_in(*low)), u64::from(head_in(*high)));
    let (rows, before) = ((high - low) as usize, (bits as u32 as usize).wrapping_sub(low as usize));
    let room = capacity(branch.bytes().len());
    if branch.layout() != Layout::Narrow || before >= rows || rows > room / SLOT_SIZE {
        return None;
    }
    // One more row would not have fitted, so that records take between room / (rows + 1) and room / rows with their slots.
    let (longest, shortest) = (room / rows - SLOT_SIZE, (room / (rows + 1)).saturating_sub(SLOT_SIZE)); // rows > before
    let end = SLOTS_START + room;
    let record = end - (before + 1) * longest..end - before * shortest;
    Some(Likely { slot: SLOTS_START + before * SLOT_SIZE, record })
}

impl Likely {
    /// Asks for what a look-up in the leaf will read.
    #[inline]
    fn prefetch<P: ReadPages>(&self, page: &[u8]) {
        P::prefetch(page, self.slot);
        let lines = self.record.clone().step_by(LINE).take(LINES_AHEAD);
        lines.for_each(|offset| P::prefetch(page, offset));
    }
}

/// Goes down from `root` to the leaf in whose range `key` lies; gives its number and notes the steps in `path`.
pub(super) fn descend<P: ReadPages>(pages: &P, root: PageId, key: &[u8], path: &mut Path) -> Result<PageId> {
    path.clear();
    descend_to(pages, root, key, |step| path.push(step), |id, _| Ok(id))
}

/// Goes down from `root` to the leaf in whose range `key` lies, tells `note` each step, and runs `at_leaf` there.
#[inline]
pub(super) fn descend_to<P: ReadPages, R>(
    pages: &P,
    root: PageId,
    key: &[u8],
    mut note: impl FnMut(Step),
    at_leaf: impl FnOnce(PageId, NodeView<'_>) -> Result<R>,
) -> Result<R> {
    let mut id = root;
    let mut known = None;
    let mut likely = None;
    loop {
        // The look stays where it was put: moving it costs more than the search (measured: 30 ns a lookup).
        let look = pages.look(id);
        let page = match look {
            Ok(ref look) => &**look,
            Err(error) => return Err(error.in_tree(root)),
        };
        // The leaf's header, the slot and the record follow from each other, and out of the cache each is a miss: where
        // rows are dense and were loaded in order, all three are asked for at once (a look-up among 1,000,000 rows:
        // 0.52 us became 0.47).
        if let Some(likely) = likely.take() {
            Likely::prefetch::<P>(&likely, page);
        }
        let (kind, level) = match known {
            Some((kind, level)) => {
                check_node(id, page, kind, level).map_err(|error| error.in_tree(root))?;
                (kind, level)
            }
            None => kind_of_root(id, page)?,
        };
        let node = NodeView::new(page);
        if level == 0 {
            return at_leaf(id, node);
        }
        let child_index = search(node, key, &pages).map_err(|error| error.in_tree(root))?.child_index();
        note(Step { page: id, child_index });
        if level == 1 && kind == TreeKind::Table {
            likely = likely_places(node, child_index, key);
        }
        id = node.child(child_index);
        known = Some((kind, level - 1));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn slots_of(heads: &[u32]) -> Vec<Slot> {
        let slot = |head: &u32| {
            let [a, b, c, d] = head.to_be_bytes();
            [0, 0, a, b, c, d]
        };
        heads.iter().map(slot).collect()
    }

    proptest! {
        #[test]
        fn a_computed_guess_finds_what_halving_finds(
            mut heads in prop::collection::vec(prop_oneof![0u32..40, any::<u32>(), Just(u32::MAX)], 1..300),
            sought in prop_oneof![0u32..40, any::<u32>()],
            there: prop::sample::Index,
        ) {
            heads.sort_unstable();
            let slots = slots_of(&heads);
            for head in [sought, *there.get(&heads), 0, u32::MAX] {
                let expected = heads.partition_point(|known| *known < head);
                prop_assert_eq!(lower_bound(&slots, head), expected);
                let bounds = (heads[0], heads[heads.len() - 1]);
                prop_assert_eq!(lower_bound_near(&slots, bounds, head), expected);
                prop_assert_eq!(lower_bound_near(&slots, (0, u32::MAX), head), expected);
            }
        }
    }
}
