//! Snapshots that count the pages read through them.

#![allow(missing_docs, clippy::unwrap_used)]

use sedge_storage::{Options, Store, TreeKind, row_key};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

#[test]
fn a_counting_snapshot_shows_the_same_and_counts_each_page() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("a.sedge"), &Options::default()).unwrap();
    let mut transaction = store.begin_write(Duration::ZERO).unwrap();
    let tree = transaction.create_tree(TreeKind::Table).unwrap();
    for row in 0..5_000 {
        transaction.insert(tree, &row_key(row), &[7; 100]).unwrap();
    }
    // An open transaction's state, the log's, and the base file's.
    let open = transaction.snapshot();
    transaction.commit().unwrap();
    let logged = store.snapshot();
    for (snapshot, checkpointed) in [(open, false), (logged, false), (store.snapshot(), true)] {
        let snapshot = if checkpointed {
            drop(snapshot);
            store.checkpoint().unwrap();
            store.snapshot()
        } else {
            snapshot
        };
        let visits = Arc::new(AtomicU64::new(0));
        let counting = snapshot.clone().counting(Arc::clone(&visits));
        assert_eq!(
            (counting.page_count(), counting.sequence()),
            (snapshot.page_count(), snapshot.sequence())
        );
        assert_eq!(counting.get(tree, &row_key(77), <[u8]>::len).unwrap(), Some(100));
        let depth = snapshot.stat(tree).unwrap().depth() as u64;
        assert_eq!(visits.swap(0, Ordering::Relaxed), depth);
        let stat = counting.stat(tree).unwrap();
        assert_eq!(stat, snapshot.stat(tree).unwrap());
        // The root is read twice: for its kind first.
        assert_eq!(visits.swap(0, Ordering::Relaxed), stat.pages() + 1);
        let mut cursor = counting.cursor(tree);
        let (mut more, mut rows) = (cursor.seek_first().unwrap(), 0);
        while more {
            rows += 1;
            more = cursor.next().unwrap();
        }
        assert_eq!(rows, 5_000);
        assert!(visits.load(Ordering::Relaxed) >= stat.pages());
        snapshot.get(tree, &row_key(77), <[u8]>::len).unwrap();
        let before = visits.load(Ordering::Relaxed);
        drop(counting);
        assert_eq!(visits.load(Ordering::Relaxed), before, "another snapshot was counted");
    }
}
