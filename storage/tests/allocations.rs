//! A steady edit or lookup allocates no heap memory: all of it is counted by an allocator of this test's own.
//!
//! Alone in its file, since whatever another test allocated meanwhile would be counted too.
#![forbid(unsafe_code)]
#![allow(missing_docs, clippy::unwrap_used)]

use sedge_storage::{Options, Store, TreeId, TreeKind, WriteTransaction, row_key};
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const ROWS: u64 = 2_000;

/// A number that looks random, for each `index` another (splitmix64).
fn scattered(index: u64) -> u64 {
    let mut n = index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

fn key(kind: TreeKind, index: u64) -> [u8; 24] {
    let mut key = [b'k'; 24];
    match kind {
        TreeKind::Table => key[..8].copy_from_slice(&row_key(index as i64 * 3)),
        TreeKind::Index => key[..8].copy_from_slice(&scattered(index).to_be_bytes()),
    }
    key
}

fn bytes(kind: TreeKind, key: &[u8; 24]) -> &[u8] {
    if kind == TreeKind::Table { &key[..8] } else { key }
}

/// Each kind of edit and lookup once for every row, in an order of no pattern; no leaf is split or merged.
fn edits(transaction: &mut WriteTransaction, kind: TreeKind, tree: TreeId, seed: u64) {
    for index in 0..ROWS {
        let key = key(kind, scattered(seed + index) % ROWS);
        let key = bytes(kind, &key);
        let long = if index % 2 == 0 { 100 } else { 90 };
        assert!(transaction.replace(tree, key, &[7; 100][..long]).unwrap());
        assert!(transaction.delete(tree, key).unwrap());
        assert!(transaction.insert(tree, key, &[8; 100][..long]).unwrap());
        assert!(!transaction.put(tree, key, &[9; 100]).unwrap());
        assert_eq!(transaction.get(tree, key, <[u8]>::len).unwrap(), Some(100));
        let found = transaction.first_key_at_or_after(tree, key, |found| found == key).unwrap();
        assert_eq!(found, Some(true));
    }
}

#[test]
fn a_steady_edit_or_lookup_allocates_nothing() {
    let profiler = dhat::Profiler::builder().testing().build();
    for kind in [TreeKind::Table, TreeKind::Index] {
        let store = Store::open_in_memory(&Options::default()).unwrap();
        let mut transaction = store.begin_write(Duration::from_secs(1)).unwrap();
        let tree = transaction.create_tree(kind).unwrap();
        for index in 0..ROWS {
            let key = key(kind, scattered(index) % ROWS);
            transaction.put(tree, bytes(kind, &key), &[1; 100]).unwrap();
        }
        for index in 0..ROWS {
            transaction.put(tree, bytes(kind, &key(kind, index)), &[1; 100]).unwrap();
        }
        transaction.commit().unwrap();
        let mut transaction = store.begin_write(Duration::from_secs(1)).unwrap();
        // What belongs to a page or to the transaction is allocated here: copies, lists, buffers.
        for round in 0..5 {
            edits(&mut transaction, kind, tree, round * ROWS);
        }
        let (counts, before) = (transaction.counters(), dhat::HeapStats::get());
        edits(&mut transaction, kind, tree, 5 * ROWS);
        let since = transaction.counters().since(&counts);
        let after = dhat::HeapStats::get();
        assert_eq!(since.splits + since.merges + since.borrows, 0, "{kind:?}: not a steady state: {since:?}");
        assert_eq!(after.total_blocks - before.total_blocks, 0, "{kind:?}: {since:?}");

        let snapshot = transaction.snapshot();
        let mut cursor = snapshot.cursor(tree);
        assert!(cursor.seek_first().unwrap() && !cursor.key().unwrap().is_empty());
        let before = dhat::HeapStats::get();
        let mut rows = 1;
        while cursor.next().unwrap() {
            assert_eq!(cursor.value().unwrap().len(), 100);
            rows += u64::from(!cursor.key().unwrap().is_empty());
        }
        for index in 0..ROWS {
            let key = key(kind, index);
            assert_eq!(snapshot.get(tree, bytes(kind, &key), <[u8]>::len).unwrap(), Some(100));
            assert!(cursor.seek_exact(bytes(kind, &key)).unwrap());
        }
        assert_eq!(rows, ROWS);
        assert_eq!(dhat::HeapStats::get().total_blocks - before.total_blocks, 0, "{kind:?}: reading");
    }
    drop(profiler);
}
