//! Times beside the counters, for databases opened in a process started with `SEDGE_PROFILE=1`: reading a clock costs
//! as much as a good part of an insert, so they stand still otherwise.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// What is timed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Phase {
    /// Edits by leaf allocators.
    Allocator,
    /// Building lists of slot extents, a part of these.
    SlotExtents,
    /// Commits: sealing the pages that were touched.
    CommitSeal,
    /// Commits: writing records to the log.
    CommitLog,
    /// Commits: syncing the log.
    CommitSync,
    /// Commits: making the next root and publishing it.
    CommitPublish,
    /// Checkpoints.
    Checkpoint,
}

/// The names of the phases, in their order.
const NAMES: [&str; 7] =
    ["allocator", "slot_extents", "commit_seal", "commit_log", "commit_sync", "commit_publish", "checkpoint"];

const _: () = assert!(Phase::Checkpoint as usize + 1 == NAMES.len());

/// Where the time went since a database was opened, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times([u64; NAMES.len()]);

impl Times {
    /// Name and nanoseconds: of edits by leaf allocators (`allocator`), of these for building lists of slot extents,
    /// of the phases of commits, and of checkpoints.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        NAMES.into_iter().zip(self.0)
    }
}

/// A clock that runs only while profiling. Where it does not, each call costs one test.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timer {
    /// The sums of the database.
    sums: Option<Arc<[AtomicU64; NAMES.len()]>>,
    started: Option<Instant>,
}

impl Timer {
    /// A timer that runs if the process was started with `SEDGE_PROFILE=1`. Its clones add to the same sums.
    pub(crate) fn of_process() -> Timer {
        let on = std::env::var_os("SEDGE_PROFILE").is_some_and(|on| on == "1");
        Timer { sums: on.then(Arc::default), started: None }
    }

    /// Another one, started.
    pub(crate) fn started(&self) -> Timer {
        let mut timer = self.clone();
        timer.start();
        timer
    }

    #[inline]
    fn sums(&self) -> Option<&[AtomicU64; NAMES.len()]> {
        if cfg!(without_telemetry) { None } else { self.sums.as_deref() }
    }

    /// Starts to measure.
    #[inline]
    pub(crate) fn start(&mut self) {
        if self.sums().is_some() {
            self.started = Some(Instant::now());
        }
    }

    /// Adds the time since the start, or since the last lap, to that of `phase`, and goes on from here.
    #[inline]
    pub(crate) fn lap(&mut self, phase: Phase) {
        if self.sums().is_some() {
            self.add(phase);
        }
    }

    #[cold]
    fn add(&mut self, phase: Phase) {
        let now = Instant::now();
        if let (Some(sums), Some(started)) = (&self.sums, self.started.replace(now)) {
            let nanos = now.duration_since(started).as_nanos() as u64;
            sums[phase as usize].fetch_add(nanos, Ordering::Relaxed); // as many as there are phases
        }
    }

    /// The sums so far; `None` where no clock runs.
    pub(crate) fn times(&self) -> Option<Times> {
        Some(Times(self.sums()?.each_ref().map(|sum| sum.load(Ordering::Relaxed))))
    }
}
