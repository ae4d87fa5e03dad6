//! Calls that fail: which one, and how.

use super::medium::{SECTOR, mix};
use std::io;

/// One call that fails, by its number since the disk was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The first call is number 0.
    pub call: u64,
    /// How it fails.
    pub kind: FaultKind,
}

/// How a call fails. Calls that cannot fail that way succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// An error of the device (EIO). A write may have been done in part, or whole; a sync leaves what it covered unsure.
    Error,
    /// No room (ENOSPC), and this call alone: writes, growth and new files. A write may have been done in part.
    Full,
    /// A signal came (EINTR): reads and writes.
    Interrupted,
    /// Less was read or written than asked for.
    Short,
}

/// What a call is, as far as faults go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    Read,
    Write,
    /// It needs room: a file is made or lengthened.
    Grow,
    Other,
}

/// The faults that are to come.
#[derive(Debug, Default)]
pub(super) struct Faults {
    planned: Vec<Fault>,
    calls: u64,
}

/// What becomes of a call.
pub(super) struct Effect {
    pub(super) result: io::Result<()>,
    /// How much of it is done, from 0 to 1.
    pub(super) share: f64,
}

impl Effect {
    /// So many of `length` bytes from `offset` on. A call that ends early ends between two sectors.
    pub(super) fn part_of(&self, offset: u64, length: usize) -> usize {
        if self.share >= 1.0 {
            return length;
        }
        let end = offset as usize + (length as f64 * self.share) as usize;
        (end - end % SECTOR).saturating_sub(offset as usize).min(length)
    }
}

impl Faults {
    pub(super) fn add(&mut self, fault: Fault) {
        self.planned.push(fault);
    }

    pub(super) fn calls(&self) -> u64 {
        self.calls
    }

    /// What becomes of the next call.
    pub(super) fn next(&mut self, doing: Doing) -> Effect {
        let call = self.calls;
        self.calls += 1;
        let fine = Effect { result: Ok(()), share: 1.0 };
        let Some(fault) = self.planned.iter().find(|fault| fault.call == call) else { return fine };
        let share = [0.0, 0.3, 0.6, 1.0][(mix(call, 7) % 4) as usize]; // one of four
        let failed = |kind: io::ErrorKind, share: f64| Effect { result: Err(kind.into()), share };
        let takes_room = matches!(doing, Doing::Write | Doing::Grow);
        let is_partial = matches!(doing, Doing::Write | Doing::Read);
        match fault.kind {
            FaultKind::Error => Effect { result: Err(io::Error::other("the device failed")), share },
            FaultKind::Full if takes_room => failed(io::ErrorKind::StorageFull, share.min(0.3)),
            FaultKind::Interrupted if is_partial => failed(io::ErrorKind::Interrupted, 0.0),
            FaultKind::Short if is_partial => Effect { result: Ok(()), share: share.clamp(0.3, 0.6) },
            _ => fine,
        }
    }
}
