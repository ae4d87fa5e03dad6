//! The calls of a run, to be done again up to any one of them.

use super::super::FileRole;
use super::SimDisk;
use super::medium::Medium;
use std::fmt;
use std::sync::Arc;

/// A call that changes something.
#[derive(Clone, Debug)]
pub(super) enum Call {
    Write(FileRole, u64, Arc<[u8]>),
    SetLength(FileRole, u64),
    Sync(FileRole),
    SyncFailed(FileRole),
    Create(FileRole),
    Remove(FileRole),
    SyncDirectory,
}

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// The process is killed; the system's cache stays.
    Kill,
    /// The power fails, and this seed says what is on the platter.
    PowerFailure(u64),
}

/// The calls of a run, and the disk before the first of them.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    start: Medium,
    calls: Vec<Call>,
}

impl Recording {
    pub(super) fn new(start: Medium) -> Recording {
        Recording { start, calls: Vec::new() }
    }

    pub(super) fn push(&mut self, call: Call) {
        self.calls.push(call);
    }

    /// How many calls there were.
    pub fn len(&self) -> usize {
        self.calls.len()
    }

    /// True if nothing was called.
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// The run from its beginning.
    pub fn replay(&self) -> Replay<'_> {
        Replay { medium: self.start.clone(), recording: self, done: 0 }
    }

    /// What call number `at` was, in a few words.
    pub fn describe(&self, at: usize) -> String {
        self.calls.get(at).map_or_else(|| "nothing".into(), Call::to_string)
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Call::Write(file, offset, bytes) => write!(f, "write {file:?} {offset}+{}", bytes.len()),
            Call::SetLength(file, length) => write!(f, "cut {file:?} to {length}"),
            Call::Sync(file) => write!(f, "sync {file:?}"),
            Call::SyncFailed(file) => write!(f, "failed sync of {file:?}"),
            Call::Create(file) => write!(f, "create {file:?}"),
            Call::Remove(file) => write!(f, "remove {file:?}"),
            Call::SyncDirectory => write!(f, "sync the directory"),
        }
    }
}

/// A run done again, up to some call.
#[derive(Clone, Debug)]
pub struct Replay<'a> {
    medium: Medium,
    recording: &'a Recording,
    done: usize,
}

impl Replay<'_> {
    /// Calls done so far.
    pub fn done(&self) -> usize {
        self.done
    }

    /// Does the next call; false behind the last.
    pub fn step(&mut self) -> bool {
        let Some(call) = self.recording.calls.get(self.done) else { return false };
        self.medium.apply(call);
        self.done += 1;
        true
    }

    /// The disk as a crash behind the last call leaves it.
    pub fn crash(&self, crash: Crash) -> SimDisk {
        match crash {
            Crash::Kill => {
                let mut medium = self.medium.clone();
                medium.forget_temporary();
                SimDisk::of(medium)
            }
            Crash::PowerFailure(seed) => SimDisk::of(self.medium.after_power_failure(seed)),
        }
    }
}
