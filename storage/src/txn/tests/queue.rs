//! The queue of writers: order, time-outs, and that a checkpoint makes nobody give up.

use crate::txn::writer_queue::{Holder, WriterQueue};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(20);

#[test]
fn writers_come_in_the_order_of_their_asking() {
    let queue = Arc::new(WriterQueue::default());
    assert!(queue.acquire(Holder::Writer, Duration::ZERO));
    let order = Arc::new(Mutex::new(Vec::new()));
    let threads: Vec<_> = (0..8)
        .map(|number| {
            let thread = thread::spawn({
                let (queue, order) = (Arc::clone(&queue), Arc::clone(&order));
                move || {
                    assert!(queue.acquire(Holder::Writer, LONG));
                    order.lock().unwrap().push(number);
                    queue.release();
                }
            });
            while queue.waiting() <= number {
                thread::yield_now();
            }
            thread
        })
        .collect();
    queue.release();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn a_writer_gives_up_when_its_time_is_over_and_leaves_the_queue() {
    let queue = WriterQueue::default();
    assert!(queue.acquire(Holder::Writer, Duration::ZERO));
    for timeout in [0, 30].map(Duration::from_millis) {
        let asked = Instant::now();
        assert!(!queue.acquire(Holder::Writer, timeout));
        let waited = asked.elapsed();
        assert!(waited >= timeout && waited < timeout + Duration::from_secs(5), "{waited:?}");
        assert_eq!(queue.waiting(), 0);
    }
    queue.release();
    assert!(queue.acquire(Holder::Writer, Duration::ZERO), "who has given up is not handed the turn");
}

#[test]
fn nobody_gives_up_because_of_a_checkpoint() {
    let queue = WriterQueue::default();
    assert!(queue.acquire(Holder::Checkpoint, Duration::ZERO));
    thread::scope(|scope| {
        let writer = scope.spawn(|| queue.acquire(Holder::Writer, Duration::ZERO));
        while queue.waiting() == 0 {
            thread::yield_now();
        }
        thread::sleep(Duration::from_millis(10));
        assert!(!writer.is_finished());
        queue.release();
        assert!(writer.join().unwrap());
    });
    assert!(!queue.acquire(Holder::Checkpoint, Duration::ZERO), "a checkpoint does, because of a writer");
}

#[test]
fn no_writer_starves_beside_greedy_ones() {
    // Seven writers ask again the moment they have given the turn back; who comes last waits for one turn of each.
    const GREEDY: u64 = 7;
    let (queue, over, taken) = (WriterQueue::default(), AtomicBool::new(false), AtomicU64::new(0));
    let wait_for = |waiting: u64| {
        while (queue.waiting() as u64) < waiting {
            thread::yield_now();
        }
    };
    thread::scope(|scope| {
        for _ in 0..GREEDY {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    assert!(queue.acquire(Holder::Writer, LONG));
                    taken.fetch_add(1, Ordering::Relaxed);
                    queue.release();
                }
            });
        }
        for _ in 0..100 {
            assert!(queue.acquire(Holder::Writer, LONG));
            wait_for(GREEDY);
            let before = taken.load(Ordering::Relaxed);
            let last = scope.spawn(|| {
                assert!(queue.acquire(Holder::Writer, LONG));
                let at = taken.load(Ordering::Relaxed);
                queue.release();
                at
            });
            wait_for(GREEDY + 1);
            queue.release();
            assert_eq!(last.join().unwrap() - before, GREEDY);
        }
        over.store(true, Ordering::Relaxed);
    });
}
