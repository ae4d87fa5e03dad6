//! The queue of those who want to write: one writer at a time, first come, first served.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A fair lock whose holder is no thread but a transaction, which may move between threads.
#[derive(Debug, Default)]
pub(crate) struct WriterQueue {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    held: bool,
    waiting: VecDeque<Arc<Waiter>>,
}

/// One who waits. Each is woken alone: a release that woke all would cost all but one a turn of the processor.
#[derive(Debug, Default)]
struct Waiter {
    has_turn: AtomicBool,
    changed: Condvar,
}

impl WriterQueue {
    /// Waits for the turn; false if it did not come within `timeout`.
    pub(crate) fn acquire(&self, timeout: Duration) -> bool {
        let mut state = self.state();
        if !state.held {
            state.held = true;
            return true;
        }
        let own = Arc::new(Waiter::default());
        state.waiting.push_back(Arc::clone(&own));
        let deadline = Instant::now().checked_add(timeout);
        loop {
            // Set and read under the lock.
            if own.has_turn.load(Ordering::Relaxed) {
                return true;
            }
            let left = match deadline {
                Some(deadline) => deadline.saturating_duration_since(Instant::now()),
                None => Duration::from_secs(3600),
            };
            if left.is_zero() {
                state.waiting.retain(|waiting| !Arc::ptr_eq(waiting, &own));
                return false;
            }
            state = own.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Hands the turn to who waits longest; where nobody does it costs no call of the system.
    pub(crate) fn release(&self) {
        let mut state = self.state();
        match state.waiting.pop_front() {
            Some(next) => {
                next.has_turn.store(true, Ordering::Relaxed);
                drop(state);
                next.changed.notify_one();
            }
            None => state.held = false,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change of the state is one step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn writers_come_in_order_and_give_up_in_time() {
        let queue = Arc::new(WriterQueue::default());
        assert!(queue.acquire(Duration::ZERO));
        assert!(!queue.acquire(Duration::from_millis(5)));
        let order = Arc::new(Mutex::new(Vec::new()));
        let threads: Vec<_> = (0..4)
            .map(|number| {
                let thread = std::thread::spawn({
                    let (queue, order) = (Arc::clone(&queue), Arc::clone(&order));
                    move || {
                        assert!(queue.acquire(Duration::from_secs(10)));
                        order.lock().unwrap().push(number);
                        queue.release();
                    }
                });
                while queue.state().waiting.len() <= number {
                    std::thread::yield_now();
                }
                thread
            })
            .collect();
        queue.release();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3]);
    }
}
