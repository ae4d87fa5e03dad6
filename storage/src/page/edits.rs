//! The notes of what a transaction changed in one page, their encoding for the log and their replay.
//!
//! Replaying a list on the page's last committed state gives the page as it is: each move in order, then the
//! written ranges with their final content. The sequence in front of the page and the checksum behind it are
//! not part of the notes: the log record carries the one, the disk write computes the other.

use super::{CHECKSUM_SIZE, PageId};
use crate::error::{Error, Result};
use smallvec::SmallVec;

/// Moves kept in a list; beyond it the target of a move counts as written.
const MOVES_MAX: usize = 48;
/// Written ranges kept in a list before neighbours are joined over small distances.
const RANGES_MAX: usize = 96;
/// Distance over which ranges are always joined: naming a range costs as much.
const JOIN_DISTANCE: u32 = 4;
/// Distance over which ranges are joined once there are too many of them.
const JOIN_DISTANCE_WIDE: u32 = 24;
/// Encoded bytes of one move; a shorter one is cheaper as a write.
const MOVE_SIZE: usize = 6;
/// Encoded bytes of a range beside its content.
const RANGE_SIZE: usize = 4;
/// Encoded bytes before the first move: the two counts.
const COUNTS_SIZE: usize = 4;

/// The ranges of a page that changed since its last committed state: moves first, then written ranges.
///
/// Marking too much as written is only wasteful, marking too little is a lost change (debug builds replay and
/// compare at commit).
#[derive(Clone, Debug, Default)]
pub(crate) struct EditList {
    moves: SmallVec<[Move; 2]>,
    /// Sorted, disjoint, more than `JOIN_DISTANCE` apart.
    written: SmallVec<[Range; 4]>,
    /// True once the list outgrew its use: the page is logged whole.
    whole: bool,
}

/// `length` bytes copied from `source` to `target` inside a page (they may overlap).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Move {
    source: u16,
    target: u16,
    length: u16,
}

/// The bytes `start..end` of a page; `end` may be the page size, 65,536 at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    start: u32,
    end: u32,
}

impl EditList {
    /// The list of a page that is logged whole: notes cost nothing.
    pub(crate) fn whole() -> EditList {
        EditList { whole: true, ..EditList::default() }
    }

    /// True if nothing was noted.
    pub(crate) fn is_empty(&self) -> bool {
        !self.whole && self.moves.is_empty() && self.written.is_empty()
    }

    /// True if the page must be logged whole.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole
    }

    /// Notes that most of the page changed: it will be logged whole.
    pub(crate) fn note_whole(&mut self) {
        self.whole = true;
        self.moves.clear();
        self.written.clear();
    }

    /// Notes that the bytes `start..end` were written.
    #[inline]
    pub(crate) fn note_write(&mut self, start: usize, end: usize) {
        debug_assert!(start <= end && end <= 1 << 16, "a page offset fits 16 bits");
        if self.whole || start == end {
            return;
        }
        self.mark(Range { start: start as u32, end: end as u32 });
    }

    /// Notes that `length` bytes were copied from `source` to `target`, as by `copy_within`.
    ///
    /// The replay moves before it writes, so what of the source was written before is marked as written at the
    /// target too; what was written at the target before is overwritten by the move and no longer marked.
    pub(crate) fn note_move(&mut self, source: usize, target: usize, length: usize) {
        debug_assert!(
            source + length <= 1 << 16 && target + length <= 1 << 16,
            "a move stays inside the page"
        );
        if self.whole || length == 0 || source == target {
            return;
        }
        let from = Range { start: source as u32, end: (source + length) as u32 };
        let to = Range { start: target as u32, end: (target + length) as u32 };
        let all_written = self.written.iter().any(|range| range.start <= from.start && from.end <= range.end);
        let fits = source <= 0xffff && target <= 0xffff && length <= 0xffff;
        if length <= MOVE_SIZE || all_written || self.moves.len() == MOVES_MAX || !fits {
            return self.mark(to);
        }
        // Room on the stack for all: an edit allocates nothing.
        let mut carried: SmallVec<[Range; 128]> = SmallVec::new();
        for range in &self.written {
            let (start, end) = (range.start.max(from.start), range.end.min(from.end));
            if start < end {
                carried
                    .push(Range { start: start - from.start + to.start, end: end - from.start + to.start });
            }
        }
        self.unmark(to);
        for range in carried {
            self.mark(range);
        }
        if !self.whole {
            self.moves.push(Move { source: source as u16, target: target as u16, length: length as u16 });
        }
    }

    /// Adds a range to the written ones, joining what it meets.
    #[inline(never)]
    fn mark(&mut self, range: Range) {
        // Few ranges, and the newest write is mostly near the front (header and slots): a scan beats a search.
        let first = self
            .written
            .iter()
            .position(|known| known.end + JOIN_DISTANCE >= range.start)
            .unwrap_or(self.written.len());
        match self.written.get_mut(first) {
            Some(known) if known.start <= range.start && range.end <= known.end => {}
            Some(known) if known.start <= range.end + JOIN_DISTANCE => {
                let mut joined = Range { start: known.start.min(range.start), end: known.end.max(range.end) };
                let mut last = first + 1;
                while let Some(next) = self.written.get(last)
                    && next.start <= joined.end + JOIN_DISTANCE
                {
                    joined.end = joined.end.max(next.end);
                    last += 1;
                }
                self.written[first] = joined; // `first` is the index of a range
                self.written.drain(first + 1..last);
            }
            _ => {
                self.written.insert(first, range);
                if self.written.len() > RANGES_MAX {
                    self.join_wide();
                }
            }
        }
    }

    /// Joins ranges over a wider distance, and gives up on the list where that does not help.
    #[cold]
    fn join_wide(&mut self) {
        self.written.dedup_by(|range, last| {
            let near = range.start <= last.end + JOIN_DISTANCE_WIDE;
            if near {
                last.end = range.end;
            }
            near
        });
        if self.written.len() > RANGES_MAX / 2 {
            self.note_whole();
        }
    }

    /// Takes `range` out of the written ones.
    fn unmark(&mut self, range: Range) {
        let Some(first) = self.written.iter().position(|known| known.end > range.start) else { return };
        let met = self.written[first..].iter().take_while(|known| known.start < range.end).count(); // an index
        let (Some(&head), Some(&tail)) =
            (self.written.get(first), self.written.get(first + met.saturating_sub(1)))
        else {
            return;
        };
        if met == 0 {
            return;
        }
        // What is left of the first and of the last; all between is gone.
        let before = (head.start < range.start).then_some(Range { start: head.start, end: range.start });
        let after = (tail.end > range.end).then_some(Range { start: range.end, end: tail.end });
        self.written.drain(first..first + met);
        self.written.insert_many(first, before.into_iter().chain(after));
    }

    /// Bytes that [`EditList::encode`] appends; meaningless for a whole page.
    pub(crate) fn encoded_size(&self) -> usize {
        let content: usize = self.written.iter().map(|range| (range.end - range.start) as usize).sum();
        COUNTS_SIZE + self.moves.len() * MOVE_SIZE + self.written.len() * RANGE_SIZE + content
    }

    /// Appends the list with the written content, which stands in `page` now.
    ///
    /// The list must not be whole; ranges are cut at the checksum.
    pub(crate) fn encode(&self, page: &[u8], output: &mut Vec<u8>) {
        let limit = (page.len() - CHECKSUM_SIZE) as u32;
        output.extend_from_slice(&(self.moves.len() as u16).to_le_bytes());
        output.extend_from_slice(&(self.written.len() as u16).to_le_bytes());
        for step in &self.moves {
            output.extend_from_slice(&step.source.to_le_bytes());
            output.extend_from_slice(&step.target.to_le_bytes());
            output.extend_from_slice(&step.length.to_le_bytes());
        }
        let cut = |range: &Range| (range.start.min(limit), range.end.min(limit));
        for range in &self.written {
            let (start, end) = cut(range);
            output.extend_from_slice(&(start as u16).to_le_bytes());
            output.extend_from_slice(&((end - start) as u16).to_le_bytes());
        }
        for range in &self.written {
            let (start, end) = cut(range);
            output.extend_from_slice(&page[start as usize..end as usize]); // cut to the page above
        }
    }

    /// True if replaying the list on `before` gives `after`, but for sequence and checksum.
    pub(crate) fn proves(&self, id: PageId, before: &[u8], after: &[u8]) -> bool {
        if self.whole {
            return true;
        }
        let mut encoded = Vec::new();
        self.encode(after, &mut encoded);
        let mut page = before.to_vec();
        if replay(id, &encoded, &mut page).is_err() {
            return false;
        }
        let sequence = super::sequence_range(id);
        let content = page.len() - CHECKSUM_SIZE;
        page[..sequence.start] == after[..sequence.start]
            && page[sequence.end..content] == after[sequence.end..content]
    }
}

/// Replays an encoded list on a page.
///
/// # Errors
/// [`Error::Corrupt`] where the list names bytes outside the page; the page is then half changed.
pub(crate) fn replay(id: PageId, encoded: &[u8], page: &mut [u8]) -> Result<()> {
    try_replay(encoded, page).ok_or_else(|| Error::corrupt(id, "a log record edits bytes outside the page"))
}

fn try_replay(encoded: &[u8], page: &mut [u8]) -> Option<()> {
    let limit = page.len() - CHECKSUM_SIZE;
    let (counts, rest) = encoded.split_at_checked(COUNTS_SIZE)?;
    let (move_count, range_count) = (read_u16(counts, 0)?, read_u16(counts, 2)?);
    let (moves, rest) = rest.split_at_checked(move_count * MOVE_SIZE)?;
    let (ranges, mut content) = rest.split_at_checked(range_count * RANGE_SIZE)?;
    for step in moves.chunks_exact(MOVE_SIZE) {
        let (source, target, length) = (read_u16(step, 0)?, read_u16(step, 2)?, read_u16(step, 4)?);
        if source + length > limit || target + length > limit {
            return None;
        }
        page.copy_within(source..source + length, target);
    }
    for range in ranges.chunks_exact(RANGE_SIZE) {
        let (start, length) = (read_u16(range, 0)?, read_u16(range, 2)?);
        let (bytes, rest) = content.split_at_checked(length)?;
        page[..limit].get_mut(start..start + length)?.copy_from_slice(bytes);
        content = rest;
    }
    content.is_empty().then_some(())
}

fn read_u16(bytes: &[u8], at: usize) -> Option<usize> {
    let pair = bytes.get(at..at + 2)?;
    Some(usize::from(u16::from_le_bytes([pair[0], pair[1]]))) // two bytes by the range above
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        Write(usize, Vec<u8>),
        Move(usize, usize, usize),
    }

    fn steps(size: usize) -> impl Strategy<Value = Vec<Step>> {
        let write =
            (0..size, prop::collection::vec(any::<u8>(), 1..40)).prop_map(|(at, b)| Step::Write(at, b));
        let shift = (0..size, 0..size, 1..200usize).prop_map(|(s, t, l)| Step::Move(s, t, l));
        let near = (0..size, 0..12usize, 1..200usize).prop_map(|(s, d, l)| Step::Move(s, s + d, l));
        prop::collection::vec(prop_oneof![write, shift, near], 0..120)
    }

    fn run(size: usize, steps: &[Step]) {
        let content = size - CHECKSUM_SIZE;
        let before: Vec<u8> = (0..size).map(|i| (i * 7 + i / 256) as u8).collect();
        let mut page = before.clone();
        let mut edits = EditList::default();
        for step in steps {
            match step {
                Step::Write(at, bytes) => {
                    let end = (at + bytes.len()).min(content);
                    let start = (*at).min(end);
                    page[start..end].copy_from_slice(&bytes[..end - start]);
                    edits.note_write(start, end);
                }
                Step::Move(source, target, length) => {
                    let length = (*length).min(content.saturating_sub(*source.max(target)));
                    if length == 0 {
                        continue;
                    }
                    page.copy_within(*source..source + length, *target);
                    edits.note_move(*source, *target, length);
                }
            }
            for pair in edits.written.windows(2) {
                assert!(pair[0].end < pair[1].start, "ranges are sorted and disjoint");
            }
        }
        let mut encoded = Vec::new();
        if !edits.is_whole() {
            edits.encode(&page, &mut encoded);
            assert_eq!(encoded.len(), edits.encoded_size());
        }
        assert!(edits.proves(PageId(1), &before, &page));
    }

    proptest! {
        #[test]
        fn replay_gives_the_edited_page(steps in steps(1024)) {
            run(1024, &steps);
        }

        #[test]
        fn replay_gives_a_large_edited_page(steps in steps(65536)) {
            run(65536, &steps);
        }

        #[test]
        fn replay_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = replay(PageId(1), &bytes, &mut [0; 512]);
        }
    }

    #[test]
    fn an_unmarked_change_is_not_proven() {
        let before = [0; 512];
        let mut after = before;
        after[100] = 1;
        assert!(!EditList::default().proves(PageId(1), &before, &after));
    }

    #[test]
    fn ascending_inserts_stay_three_ranges() {
        let mut edits = EditList::default();
        for i in 0..50 {
            edits.note_write(16, 40);
            edits.note_write(40 + i * 6, 46 + i * 6);
            edits.note_write(8188 - (i + 1) * 108, 8188 - i * 108);
        }
        assert!(edits.written.len() <= 3);
    }

    #[test]
    fn many_scattered_writes_make_the_page_whole() {
        let mut edits = EditList::default();
        for i in 0..2000 {
            edits.note_write(i * 30, i * 30 + 1);
        }
        assert!(edits.is_whole() && !edits.is_empty());
    }
}
