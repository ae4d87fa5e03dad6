//! What is checked of a node when its page is first read: all that readers and editors then take for granted.
//!
//! Offsets and lengths stay inside the page, no byte belongs to two records, and keys ascend between the fences as far
//! as their local parts tell. A page whose checksum is right can fail only if it was forged or written by a wrong
//! program; what it then gives is an error and never a panic. Reads page bytes only.

use super::node::{FENCE_CUT, Fence, HIGH_FENCE, LOW_FENCE, NodeView, TABLE_FENCES, local_key_max, read_u16};
use super::record::{self, Layout};
use crate::page::{KIND_OFFSET, PageKind};

/// Checks a node.
///
/// # Errors
/// What was found, in words. Pages that are no tree nodes are refused.
pub(crate) fn verify(page: &[u8]) -> Result<(), String> {
    // One bit for each byte of the page: the greatest page needs eight times as many as the usual one.
    match page.len() {
        4096..=8192 => verify_with(page, &mut Taken { words: [0; 128] }),
        8193..=65536 => verify_with(page, &mut Taken { words: [0; 1024] }),
        length => Err(format!("a node of {length} bytes")),
    }
}

fn verify_with<const N: usize>(page: &[u8], taken: &mut Taken<N>) -> Result<(), String> {
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
    let mut live = verify_fences(page, node, table, taken)?;
    let layout = node.layout();
    for slot in 0..node.count() {
        let offset = node.slot_offset(slot);
        let length =
            if offset < heap_start { None } else { record::check(page, offset, heap_end, layout, branch) };
        let Some(length) = length else {
            return Err(format!("the record of slot {slot} at {offset} lies outside the heap"));
        };
        if !taken.take(offset, length) {
            return Err(format!("the record of slot {slot} shares bytes with another"));
        }
        live += length;
    }
    if live + node.dead() != heap_end - heap_start {
        let dead = node.dead();
        return Err(format!("{live} live and {dead} dead bytes in a heap of {}", heap_end - heap_start));
    }
    verify_order(node, layout)
}

/// Checks where fences and prefix lie; gives the bytes of the heap that they use.
fn verify_fences<const N: usize>(
    page: &[u8],
    node: NodeView<'_>,
    table: bool,
    taken: &mut Taken<N>,
) -> Result<usize, String> {
    let (heap_start, heap_end) = (node.heap_start(), node.heap_end());
    let mut live = 0;
    for (place, at) in [(TABLE_FENCES, LOW_FENCE), (TABLE_FENCES + 8, HIGH_FENCE)] {
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
        } else if !taken.take(offset, length) {
            return Err("the fences share bytes".to_owned());
        } else {
            live += length;
        }
    }
    let (prefix_length, low_length) = (node.prefix_length(), node.low_fence().map_or(0, |low| low.len()));
    if table && prefix_length != 0 && prefix_length != 4 || !table && prefix_length > low_length {
        return Err(format!("a prefix of {prefix_length} bytes"));
    }
    Ok(live)
}

/// Checks that heads are those of their keys, and that keys ascend from the low fence to below the high one.
fn verify_order(node: NodeView<'_>, layout: Layout) -> Result<(), String> {
    let count = node.count();
    let unordered = |slot: usize| Err(format!("the key of slot {slot} is out of order"));
    if layout == Layout::Narrow {
        if let Some(slot) = (1..count).find(|&slot| node.head(slot - 1) >= node.head(slot)) {
            return unordered(slot);
        }
    } else {
        let mut before: Option<&[u8]> = None;
        for slot in 0..count {
            let (rest, tail) = record::key_at(node.bytes(), node.slot_offset(slot), layout);
            let mut head = [0; 4];
            for (target, source) in head.iter_mut().zip(rest) {
                *target = *source;
            }
            if node.head_bytes(slot) != head {
                return Err(format!("the head of slot {slot} is not that of its key"));
            }
            if before.is_some_and(|before| before > rest || before == rest && tail.is_none()) {
                return unordered(slot);
            }
            before = Some(rest);
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

/// Which bytes of a page belong to something already.
struct Taken<const N: usize> {
    words: [u64; N],
}

impl<const N: usize> Taken<N> {
    /// Takes `length` bytes; false if one of them was taken before.
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
