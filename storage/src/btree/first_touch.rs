//! What is checked of a node when its page is first read: all that readers and editors then take for granted.
//!
//! Offsets and lengths stay inside the page, no byte belongs to two records, and keys ascend between the fences as far
//! as their local parts tell. A page whose checksum is right can fail only if it was forged or written by a wrong
//! program; what it then gives is an error and never a panic. Reads page bytes only.

use super::node::{
    FENCE_CUT, Fence, HIGH_FENCE, LOW_FENCE, NodeView, Slot, TABLE_FENCES, head_bytes_in, head_in,
    local_key_max, offset_in, read_u16,
};
use super::record::{self, Layout};
use crate::page::{KIND_OFFSET, PageKind};
use std::cmp::Ordering;

/// Checks a node.
///
/// # Errors
/// What was found, in words. Pages that are no tree nodes are refused.
pub(crate) fn verify(page: &[u8]) -> Result<(), String> {
    let kind = page.get(KIND_OFFSET).copied().and_then(PageKind::from_byte);
    let (table, branch) = match kind {
        Some(PageKind::TableLeaf) => (true, false),
        Some(PageKind::TableBranch) => (true, true),
        Some(PageKind::IndexLeaf) => (false, false),
        Some(PageKind::IndexBranch) => (false, true),
        _ => return Err("the page is no tree node".to_owned()),
    };
    let node = NodeView::new(page);
    if branch != (node.level() > 0) {
        return Err(format!("level {} does not suit the page kind", node.level()));
    }
    let (heap_start, heap_end) = (node.heap_start(), node.heap_end());
    if node.slots_end() > heap_start || heap_start > heap_end {
        return Err(format!("{} slots and a heap from {heap_start} do not fit", node.count()));
    }
    let fences = verify_fences(page, node, table)?;
    let live = match verify_extents(page, node, branch, &fences, &mut Descending { from: heap_end }) {
        Err(Unsound::Shared(_)) => verify_marked(page, node, branch, &fences),
        verified => verified,
    };
    let live = live.map_err(|unsound| unsound.in_words(node))?;
    if live + node.dead() != heap_end - heap_start {
        let dead = node.dead();
        return Err(format!("{live} live and {dead} dead bytes in a heap of {}", heap_end - heap_start));
    }
    verify_order(node, node.layout())
}

/// Checks extents that lie in no order.
fn verify_marked(page: &[u8], node: NodeView<'_>, branch: bool, fences: &Extents) -> Result<usize, Unsound> {
    // One bit for each byte of the page: the greatest page needs eight times as many as the usual one.
    match page.len() {
        4096..=8192 => verify_extents(page, node, branch, fences, &mut Taken { words: [0; 128] }),
        8193..=65536 => verify_extents(page, node, branch, fences, &mut Taken { words: [0; 1024] }),
        length => Err(Unsound::Size(length)),
    }
}

/// What is wrong with the extents of a node.
enum Unsound {
    /// The record of a slot lies outside the heap.
    Outside(usize),
    /// The record of a slot, or a fence, uses a byte of another, or does not lie where it would be quick to tell.
    Shared(Option<usize>),
    /// The page has so many bytes.
    Size(usize),
}

impl Unsound {
    fn in_words(&self, node: NodeView<'_>) -> String {
        match self {
            Unsound::Outside(slot) => {
                let offset = node.slot_offset(*slot);
                format!("the record of slot {slot} at {offset} lies outside the heap")
            }
            Unsound::Shared(Some(slot)) => format!("the record of slot {slot} shares bytes with another"),
            Unsound::Shared(None) => "the fences share bytes".to_owned(),
            Unsound::Size(length) => format!("a node of {length} bytes"),
        }
    }
}

/// Which bytes of a page belong to something already.
trait Territory {
    /// Takes `length` bytes; false if one of them was taken before, or it cannot be told.
    fn take(&mut self, start: usize, length: usize) -> bool;
}

/// For extents that lie each in front of the one before it, as in a node that was filled in order: whatever is in front
/// of the last one is free.
struct Descending {
    from: usize,
}

impl Territory for Descending {
    #[inline]
    fn take(&mut self, start: usize, length: usize) -> bool {
        let is_free = start + length <= self.from;
        self.from = start;
        is_free
    }
}

/// For extents in any order.
struct Taken<const N: usize> {
    words: [u64; N],
}

impl<const N: usize> Territory for Taken<N> {
    #[inline]
    fn take(&mut self, start: usize, length: usize) -> bool {
        let end = start + length;
        let mut at = start;
        while at < end {
            let Some(word) = self.words.get_mut(at / 64) else { return false };
            let bits = (end - at).min(64 - at % 64);
            let mask = (u64::MAX >> (64 - bits)) << (at % 64);
            if *word & mask != 0 {
                return false;
            }
            *word |= mask;
            at += bits;
        }
        true
    }
}

/// Offset and length of the fences that lie in the heap, the one behind the other first; of none, where there is none.
type Extents = [(usize, usize); 2];

/// Checks that fences and records lie inside the heap, each in bytes of its own; gives the bytes that they use.
fn verify_extents(
    page: &[u8],
    node: NodeView<'_>,
    branch: bool,
    fences: &Extents,
    territory: &mut impl Territory,
) -> Result<usize, Unsound> {
    let mut live = 0;
    for (offset, length) in fences.iter().filter(|(_, length)| *length > 0) {
        if !territory.take(*offset, *length) {
            return Err(Unsound::Shared(None));
        }
        live += length;
    }
    // Each layout gets a loop of its own.
    let records = match node.layout() {
        Layout::Narrow => verify_records(page, node, Layout::Narrow, branch, territory),
        Layout::Wide => verify_records(page, node, Layout::Wide, branch, territory),
        Layout::Index => verify_records(page, node, Layout::Index, branch, territory),
    };
    Ok(live + records?)
}

/// Checks where the records lie; gives their bytes.
#[inline(always)]
fn verify_records(
    page: &[u8],
    node: NodeView<'_>,
    layout: Layout,
    branch: bool,
    territory: &mut impl Territory,
) -> Result<usize, Unsound> {
    let heap_start = node.heap_start();
    let heap = &page[..node.heap_end()]; // its end is a checksum's length in front of the page's
    let mut live = 0;
    for (at, slot) in node.slots().iter().enumerate() {
        let offset = offset_in(*slot);
        let length = if offset < heap_start { None } else { record::check(heap, offset, layout, branch) };
        let Some(length) = length else { return Err(Unsound::Outside(at)) };
        if !territory.take(offset, length) {
            return Err(Unsound::Shared(Some(at)));
        }
        live += length;
    }
    Ok(live)
}

/// Checks where fences and prefix lie; gives the extents of those in the heap.
fn verify_fences(page: &[u8], node: NodeView<'_>, table: bool) -> Result<Extents, String> {
    let (heap_start, heap_end) = (node.heap_start(), node.heap_end());
    let mut extents = Extents::default();
    let fences = [(TABLE_FENCES, LOW_FENCE), (TABLE_FENCES + 8, HIGH_FENCE)];
    for ((place, at), extent) in fences.into_iter().zip(&mut extents) {
        let offset = read_u16(node.header(), at);
        let length = read_u16(node.header(), at + 2) & usize::from(!FENCE_CUT);
        if offset == 0 {
            continue;
        }
        if table {
            if offset != place || length != 8 || read_u16(node.header(), at + 2) != 8 {
                return Err("a fence of a table node is not where it belongs".to_owned());
            }
        } else if offset < heap_start || offset + length > heap_end || length > local_key_max(page.len()) {
            return Err(format!("a fence of {length} bytes at {offset} lies outside the heap"));
        } else {
            *extent = (offset, length);
        }
    }
    let (prefix_length, low_length) = (node.prefix_length(), node.low_fence().map_or(0, |low| low.len()));
    if table && prefix_length != 0 && prefix_length != 4 || !table && prefix_length > low_length {
        return Err(format!("a prefix of {prefix_length} bytes"));
    }
    extents.sort_unstable_by(|one, other| other.cmp(one));
    Ok(extents)
}

/// Checks that heads are those of their keys, and that keys ascend from the low fence to below the high one.
fn verify_order(node: NodeView<'_>, layout: Layout) -> Result<(), String> {
    let (count, slots) = (node.count(), node.slots());
    let unordered = |slot: usize| Err(format!("the key of slot {slot} is out of order"));
    if layout == Layout::Narrow {
        // All are looked at, without a branch for each: it is rare that one is wrong.
        let ascends = |pair: &[Slot; 2]| head_in(pair[0]) < head_in(pair[1]); // both are there
        let pairs = || slots.array_windows::<2>();
        if !pairs().fold(true, |all, pair| all & ascends(pair)) {
            return unordered(1 + pairs().position(|pair| !ascends(pair)).unwrap_or(0));
        }
    } else {
        let mut before: Option<(u32, &[u8])> = None;
        for (at, slot) in slots.iter().enumerate() {
            let (rest, tail) = record::key_at(node.bytes(), offset_in(*slot), layout);
            if head_bytes_in(*slot) != head_of(rest) {
                return Err(format!("the head of slot {at} is not that of its key"));
            }
            // Heads are padded with zeros: where they differ, the keys differ in the same way.
            let head = head_in(*slot);
            let ascends = before.is_none_or(|(head_before, before)| match head_before.cmp(&head) {
                Ordering::Less => true,
                Ordering::Equal => before < rest || before == rest && tail.is_some(),
                Ordering::Greater => false,
            });
            if !ascends {
                return unordered(at);
            }
            before = Some((head, rest));
        }
    }
    if count == 0 {
        return Ok(());
    }
    let (low, high) = (node.low_fence(), node.high_fence());
    let (below_low, above_high) = if node.is_table() {
        let key = |slot: usize| node.row_bits(slot).to_be_bytes();
        (
            low.is_some_and(|low| key(0).as_slice() < low.rest),
            high.is_some_and(|high| key(count - 1).as_slice() >= high.rest),
        )
    } else {
        // Prefixes are shared, and keys that go on elsewhere do not tell.
        let (first, last, skipped) = (node.record(0), node.record(count - 1), node.prefix_length());
        let below = |low: Fence<'_>| first.tail.is_none() && first.rest < low.from(skipped).1;
        let above = |high: Fence<'_>| !high.cut && last.tail.is_none() && last.rest >= high.rest;
        (low.is_some_and(below), high.is_some_and(above))
    };
    if below_low || above_high {
        return Err("a key lies outside the fences".to_owned());
    }
    Ok(())
}

/// The head of a key whose bytes behind the prefix are `rest`.
#[inline]
fn head_of(rest: &[u8]) -> [u8; 4] {
    if let Some(head) = rest.first_chunk() {
        return *head;
    }
    let mut head = [0; 4];
    for (target, source) in head.iter_mut().zip(rest) {
        *target = *source;
    }
    head
}
