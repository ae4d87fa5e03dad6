//! Parallel scan: the rest of a long table scan, shared among threads.
//!
//! The leaves that are left are dealt out in shares of about two batches. Each thread reads and filters a share by itself;
//! its batch goes into a queue at the place of its share, so batches come out in the order of the rows, as from one
//! thread: no result depends on the number of threads. Whoever reads the scan works too while the next batch is not
//! there, and the others stop when they are far ahead.

use super::predicate::Predicate;
use super::records::{Records, Source};
use super::table_scan::{add_slots, decode_batch};
use crate::error::{Error, Result};
use crate::exec::{BATCH_ROWS, Batch, Context};
use sedge_storage::{Cursor, PageId, Snapshot};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;

/// Rows that a scan reads alone first: a shorter one would wait for its threads longer than they help.
pub(super) const ROWS_ALONE: usize = if cfg!(test) { 700 } else { 16_384 };

/// More threads than this wait for memory, not for each other.
const THREADS_MAX: usize = 8;

/// How many shares a thread may be ahead of the reader.
const SHARES_AHEAD: usize = 8;

/// How many threads may scan beside the one that reads. The system is asked once: it reads files to answer.
pub(super) fn helpers() -> usize {
    static THREADS: OnceLock<usize> = OnceLock::new();
    let threads = *THREADS.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from));
    threads.clamp(if cfg!(test) { 2 } else { 1 }, THREADS_MAX) - 1
}

/// What one thread scans with.
pub(super) struct Reader {
    pub(super) sources: Vec<Source>,
    /// True if one of the columns is the row id.
    pub(super) wants_row_ids: bool,
    predicate: Option<Predicate>,
    pub(super) records: Records,
    passed: Vec<u32>,
    /// The share that it works on.
    leaves: Vec<PageId>,
}

impl Reader {
    pub(super) fn new(sources: Vec<Source>, predicate: Option<Predicate>) -> Reader {
        Reader {
            wants_row_ids: sources.contains(&Source::RowId),
            sources,
            predicate,
            records: Records::default(),
            passed: Vec::new(),
            leaves: Vec::new(),
        }
    }

    /// The rows of a share that pass.
    fn work(&mut self, cursor: &mut Cursor<Snapshot>, cx: &mut Context) -> Result<Batch> {
        cx.check_interrupt()?;
        self.records.clear();
        for (at, leaf) in self.leaves.iter().enumerate() {
            if cursor.stand_in_leaf(*leaf, self.leaves.get(at + 1).copied())? {
                let slots = 0..cursor.leaf().map_or(0, |leaf| leaf.len());
                add_slots(cursor, slots, false, self.wants_row_ids, &mut self.records)?;
            }
        }
        self.decode_batch(cx)
    }

    /// The rows of the records that pass.
    pub(super) fn decode_batch(&mut self, cx: &mut Context) -> Result<Batch> {
        decode_batch(&mut self.records, &self.sources, self.predicate.as_mut(), &mut self.passed, cx)
    }

    /// Takes shares until none is left.
    fn run(mut self, mut cursor: Cursor<Snapshot>, mut cx: Context, shares: Arc<Shares>) -> Reader {
        let state = shares.lock();
        let mut claimed = shares.claim(state, &mut self.leaves, true);
        while let Some(claim) = claimed.take() {
            let result = self.work(&mut cursor, &mut cx);
            let state = claim.give(result);
            claimed = shares.claim(state, &mut self.leaves, true);
        }
        self.records.clear();
        self
    }
}

/// The work that is left, and its results.
struct Shares {
    state: Mutex<State>,
    changed: Condvar,
    ahead_max: usize,
}

struct State {
    /// Stands before the next leaf to be dealt out.
    cursor: Cursor<Snapshot>,
    /// Leaves of a share.
    size: usize,
    /// Results in the order of the shares; `None` while somebody works on one.
    results: VecDeque<Option<Result<Batch>>>,
    /// Number of the share whose result comes first.
    first: u64,
    /// No leaf is left, or nobody wants more.
    is_end: bool,
    /// Threads that wait for a change: waking nobody costs a call of the system too.
    waiting: usize,
}

/// A share that somebody works on. Dropped without a result, by a thread that panics, it gives an error.
struct Claim<'a> {
    shares: &'a Shares,
    number: u64,
    is_given: bool,
}

impl<'a> Claim<'a> {
    fn give(mut self, result: Result<Batch>) -> MutexGuard<'a, State> {
        self.is_given = true;
        self.shares.give(self.number, result)
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if !self.is_given {
            drop(self.shares.give(self.number, Err(Error::Misuse("a thread of a scan has panicked".into()))));
        }
    }
}

impl Shares {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A claim's result is one assignment: no panic leaves the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the next share; `None` where none is left, or where too many wait for the reader and `may_wait` is false.
    fn claim<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        leaves: &mut Vec<PageId>,
        may_wait: bool,
    ) -> Option<Claim<'a>> {
        while !state.is_end && state.results.len() >= self.ahead_max {
            if !may_wait {
                return None;
            }
            state = self.wait(state);
        }
        if state.is_end {
            return None;
        }
        leaves.clear();
        let State { cursor, size, results, first, is_end, .. } = &mut *state;
        match cursor.pass_leaves(*size, leaves) {
            Ok(()) if leaves.is_empty() => *is_end = true,
            Ok(()) => {
                results.push_back(None);
                let number = *first + results.len() as u64 - 1;
                return Some(Claim { shares: self, number, is_given: false });
            }
            Err(error) => {
                results.push_back(Some(Err(error.into())));
                *is_end = true;
            }
        }
        self.wake(&state);
        None
    }

    fn give(&self, number: u64, result: Result<Batch>) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        let place = number.checked_sub(state.first);
        if let Some(home) = place.and_then(|place| state.results.get_mut(place as usize)) {
            *home = Some(result);
        }
        self.wake(&state);
        state
    }

    fn wait<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        state.waiting += 1;
        let mut state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        state.waiting -= 1;
        state
    }

    fn wake(&self, state: &State) {
        if state.waiting > 0 {
            self.changed.notify_all();
        }
    }
}

/// A scan that several threads work on.
pub(super) struct ParallelScan {
    shares: Arc<Shares>,
    threads: Vec<JoinHandle<Reader>>,
    /// Reads the leaves that the reader itself takes.
    cursor: Cursor<Snapshot>,
}

impl ParallelScan {
    /// Shares the leaves from the one that `cursor` stands in with `readers`, which it takes.
    pub(super) fn start(cursor: Cursor<Snapshot>, readers: &mut Vec<Reader>, cx: &Context) -> ParallelScan {
        let rows = cursor.leaf().map_or(1, |leaf| leaf.len()).max(1);
        let (own, size) = (cursor.fork(), (2 * BATCH_ROWS / rows).max(1));
        let state = State { cursor, size, results: VecDeque::new(), first: 0, is_end: false, waiting: 0 };
        let shares = Arc::new(Shares {
            state: Mutex::new(state),
            changed: Condvar::new(),
            ahead_max: (readers.len() + 1) * SHARES_AHEAD,
        });
        let spawn = |reader: Reader| {
            let (shares, cursor, cx) = (Arc::clone(&shares), own.fork(), cx.for_thread());
            // Where the system gives no thread there is one less.
            std::thread::Builder::new()
                .name("sedge-scan".to_owned())
                .spawn(move || reader.run(cursor, cx, shares))
                .ok()
        };
        let threads = readers.drain(..).filter_map(spawn).collect();
        ParallelScan { shares, threads, cursor: own }
    }

    /// The next rows. While nobody has them yet, `reader` takes a share.
    pub(super) fn next(&mut self, reader: &mut Reader, cx: &mut Context) -> Result<Option<Batch>> {
        loop {
            cx.check_interrupt()?;
            let mut state = self.shares.lock();
            if let Some(Some(_)) = state.results.front() {
                let result = state.results.pop_front().flatten();
                state.first += 1;
                // The others may stand idle until the queue is half empty: then there is work for more than a moment.
                if state.results.len() * 2 <= self.shares.ahead_max {
                    self.shares.wake(&state);
                }
                return result.transpose();
            }
            if state.results.is_empty() && state.is_end {
                return Ok(None);
            }
            match self.shares.claim(state, &mut reader.leaves, false) {
                Some(claim) => {
                    let result = reader.work(&mut self.cursor, cx);
                    drop(claim.give(result));
                }
                None => {
                    let mut state = self.shares.lock();
                    while matches!(state.results.front(), Some(None)) {
                        state = self.shares.wait(state);
                    }
                }
            }
        }
    }

    /// Ends the threads, and gives their readers back.
    pub(super) fn stop(mut self, readers: &mut Vec<Reader>) {
        self.end();
        readers.extend(self.threads.drain(..).filter_map(|thread| thread.join().ok()));
    }

    fn end(&self) {
        let mut state = self.shares.lock();
        state.is_end = true;
        self.shares.wake(&state);
    }
}

impl Drop for ParallelScan {
    fn drop(&mut self) {
        self.end();
        for thread in self.threads.drain(..) {
            // One that has panicked has left its error in the queue.
            let _ = thread.join();
        }
    }
}
