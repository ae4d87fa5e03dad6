//! The queue of those who want to write: one writer at a time, first come, first served.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A fair lock whose holder is no thread but a transaction, which may move between threads.
#[derive(Debug, Default)]
pub(crate) struct WriterQueue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    held: bool,
    next_ticket: u64,
    waiting: VecDeque<u64>,
}

impl WriterQueue {
    /// Waits for the turn; false if it did not come within `timeout`.
    pub(crate) fn acquire(&self, timeout: Duration) -> bool {
        let mut state = self.state();
        if !state.held && state.waiting.is_empty() {
            state.held = true;
            return true;
        }
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        state.waiting.push_back(ticket);
        let deadline = Instant::now().checked_add(timeout);
        loop {
            if !state.held && state.waiting.front() == Some(&ticket) {
                state.waiting.pop_front();
                state.held = true;
                return true;
            }
            let left = match deadline {
                Some(deadline) => deadline.saturating_duration_since(Instant::now()),
                None => Duration::from_secs(3600),
            };
            if left.is_zero() {
                state.waiting.retain(|waiting| *waiting != ticket);
                self.wake(state);
                return false;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Lets the next one write.
    pub(crate) fn release(&self) {
        let mut state = self.state();
        state.held = false;
        self.wake(state);
    }

    /// Lets those who wait look again; where nobody does it costs no call of the system.
    fn wake(&self, state: MutexGuard<'_, State>) {
        let is_awaited = !state.waiting.is_empty();
        drop(state);
        if is_awaited {
            self.changed.notify_all();
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
    use std::sync::Arc;

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
