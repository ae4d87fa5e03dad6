//! The writers' queue: one holder at a time, nobody is forgotten, and who asked first comes first.

use super::check;
use super::writer_queue::{Holder, WriterQueue};
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Arc, Mutex};
use loom::thread;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(1000);

#[test]
fn one_writer_at_a_time_and_each_gets_its_turn() {
    check(|| {
        let queue = Arc::new(WriterQueue::default());
        let inside = Arc::new(AtomicUsize::new(0));
        let kinds = [Holder::Writer, Holder::Writer, Holder::Checkpoint];
        let threads = kinds.map(|kind| {
            let (queue, inside) = (Arc::clone(&queue), Arc::clone(&inside));
            thread::spawn(move || {
                assert!(queue.acquire(kind, LONG));
                assert_eq!(inside.fetch_add(1, Ordering::Relaxed), 0, "two have the turn");
                inside.fetch_sub(1, Ordering::Relaxed);
                queue.release();
            })
        });
        // A turn that is lost on its way leaves somebody waiting for ever, which the checker reports.
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(queue.acquire(Holder::Writer, Duration::ZERO), "the turn is free in the end");
    });
}

#[test]
fn one_who_gives_up_takes_no_turn_away() {
    check(|| {
        let queue = Arc::new(WriterQueue::default());
        assert!(queue.acquire(Holder::Writer, Duration::ZERO));
        let hasty = thread::spawn({
            let queue = Arc::clone(&queue);
            move || {
                if queue.acquire(Holder::Writer, Duration::ZERO) {
                    queue.release();
                }
            }
        });
        let patient = thread::spawn({
            let queue = Arc::clone(&queue);
            move || {
                assert!(queue.acquire(Holder::Writer, LONG));
                queue.release();
            }
        });
        queue.release();
        hasty.join().unwrap();
        patient.join().unwrap();
        assert!(queue.acquire(Holder::Writer, Duration::ZERO));
    });
}

#[test]
fn the_turn_goes_to_who_asked_first() {
    check(|| {
        let queue = Arc::new(WriterQueue::default());
        let order = Arc::new(Mutex::new(Vec::new()));
        assert!(queue.acquire(Holder::Writer, Duration::ZERO));
        let ask = |number: u32| {
            let (queue, order) = (Arc::clone(&queue), Arc::clone(&order));
            thread::spawn(move || {
                assert!(queue.acquire(Holder::Writer, LONG));
                order.lock().unwrap().push(number);
                queue.release();
            })
        };
        let first = ask(1);
        while queue.waiting() < 1 {
            thread::yield_now();
        }
        let second = ask(2);
        while queue.waiting() < 2 {
            thread::yield_now();
        }
        queue.release();
        first.join().unwrap();
        second.join().unwrap();
        assert_eq!(*order.lock().unwrap(), [1, 2]);
    });
}
