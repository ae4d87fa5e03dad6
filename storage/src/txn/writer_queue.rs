//! The queue of those who want to write: one writer at a time, first come, first served.
//!
//! Its threads and locks come from `super::sync`, so that `storage/tests/interleavings` can put those of a model checker
//! there and try every order of events.

use super::sync::atomic::{AtomicBool, Ordering};
use super::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::collections::VecDeque;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

/// How long one who must not wait any more waits for a checkpoint to hand on the turn before looking again.
const LOOK: Duration = Duration::from_millis(1);

/// A fair lock whose holder is no thread but a transaction, which may move between threads.
///
/// Checkpoints take turns too, but only for a moment: nobody gives up because of one.
#[derive(Debug, Default)]
pub(crate) struct WriterQueue {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    holder: Option<Holder>,
    waiting: VecDeque<Arc<Waiter>>,
}

/// Who has the turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// For as long as it likes.
    Writer,
    /// For a moment.
    Checkpoint,
}

/// One who waits. Each is woken alone: a release that woke all would cost all but one a turn of the processor.
#[derive(Debug)]
struct Waiter {
    wants: Holder,
    has_turn: AtomicBool,
    changed: Condvar,
}

impl WriterQueue {
    /// Waits for the turn; false if another had it for `timeout`.
    pub(crate) fn acquire(&self, wants: Holder, timeout: Duration) -> bool {
        let mut state = self.state();
        if state.holder.is_none() {
            state.holder = Some(wants);
            return true;
        }
        let own = Arc::new(Waiter { wants, has_turn: AtomicBool::new(false), changed: Condvar::new() });
        state.waiting.push_back(Arc::clone(&own));
        let deadline = Instant::now().checked_add(timeout);
        loop {
            // Set and read under the lock.
            if own.has_turn.load(Ordering::Relaxed) {
                return true;
            }
            let mut left = match deadline {
                Some(deadline) => deadline.saturating_duration_since(Instant::now()),
                None => Duration::from_secs(3600),
            };
            if left.is_zero() {
                if state.holder != Some(Holder::Checkpoint) {
                    state.waiting.retain(|waiting| !Arc::ptr_eq(waiting, &own));
                    return false;
                }
                left = LOOK;
            }
            state = own.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Hands the turn to who waits longest; where nobody does it costs no call of the system.
    pub(crate) fn release(&self) {
        let mut state = self.state();
        let next = state.waiting.pop_front();
        state.holder = next.as_ref().map(|next| next.wants);
        if let Some(next) = next {
            next.has_turn.store(true, Ordering::Relaxed);
            drop(state);
            next.changed.notify_one();
        }
    }

    /// How many wait.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.state().waiting.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change of the state is one step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
