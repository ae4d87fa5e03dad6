//! Savepoints: states inside a write transaction to come back to.

use super::private_pages::Place;
use crate::page::file_header::FileState;

/// A state of a write transaction, by [`WriteTransaction::savepoint`](super::WriteTransaction::savepoint).
///
/// Savepoints nest. Dropping one does nothing: it stays open until it is released, rolled back over, or the
/// transaction ends.
#[derive(Debug, PartialEq, Eq)]
pub struct Savepoint {
    number: u64,
}

impl Savepoint {
    pub(super) fn new(number: u64) -> Savepoint {
        Savepoint { number }
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }
}

/// What is needed to go back to a savepoint.
pub(super) struct SavepointState {
    pub(super) number: u64,
    /// Images kept before it.
    pub(super) undo: usize,
    /// Private pages before it.
    pub(super) entries: usize,
    /// A page whose stamp is older was not touched since.
    pub(super) stamp: u64,
    pub(super) state: FileState,
}

/// A private page as it was when it was first touched after a savepoint.
pub(super) struct Undo {
    pub(super) at: usize,
    pub(super) place: Place,
    pub(super) stamp: u64,
    pub(super) freed: bool,
}
