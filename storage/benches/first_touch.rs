//! What the first touch of pages costs: a sum over tables that were just opened, and the same sum again.
//!
//! ```text
//! cargo bench -p sedge-storage --bench first_touch
//! perf record cargo bench ... && perf report    # how much of it are checksum and structure
//! ```
//! The file lies in the system's cache, so the first sum pays for the checks and for mapping its pages. Rows of 100 bytes,
//! loaded in order and in random order, and an index of 16-byte keys in random order; the least of several openings.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use sedge_storage::{LeafValue, Options, Store, TreeId, TreeKind, row_key};
use std::path::Path;
use std::time::{Duration, Instant};

const ROWS: u64 = 500_000;
const OPENINGS: usize = 9;

/// Makes a database of one tree.
fn make(path: &Path, kind: TreeKind, in_order: bool) -> TreeId {
    let store = Store::open(path, &Options { cache_size: 1 << 30, ..Options::default() }).unwrap();
    let mut transaction = store.begin_write(Duration::ZERO).unwrap();
    let tree = transaction.create_tree(kind).unwrap();
    for row in 0..ROWS {
        // A bijection of the rows, since the factor is odd and shares nothing with their number.
        let row = if in_order { row } else { row * 318_311 % ROWS };
        match kind {
            TreeKind::Table => transaction.insert(tree, &row_key(row as i64), &[row as u8; 100]),
            TreeKind::Index => {
                let key = row.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes().repeat(2);
                transaction.insert(tree, &key, &[])
            }
        }
        .unwrap();
    }
    transaction.commit().unwrap();
    store.close().unwrap();
    tree
}

/// Adds up a byte of each record.
fn sum(store: &Store, tree: TreeId) -> u64 {
    let mut cursor = store.snapshot().cursor(tree);
    let (mut more, mut sum) = (cursor.seek_first().unwrap(), 0);
    while more {
        let leaf = cursor.leaf().unwrap();
        for slot in 0..leaf.len() {
            if let LeafValue::Local { bytes, .. } = leaf.value(slot) {
                sum += u64::from(bytes.first().copied().unwrap_or(1));
            }
        }
        more = cursor.next_leaf().unwrap();
    }
    sum
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        ("table-in-order", TreeKind::Table, true),
        ("table-at-random", TreeKind::Table, false),
        ("index-at-random", TreeKind::Index, false),
    ];
    println!("{:<16} {:>8} {:>14} {:>14}", "", "pages", "first us/page", "again us/page");
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    for (name, kind, in_order) in cases {
        if !wanted.is_empty() && !wanted.iter().any(|wanted| wanted == name) {
            continue;
        }
        let path = folder.path().join(name);
        let tree = make(&path, kind, in_order);
        let mut least = [Duration::MAX; 2];
        let mut pages = 0;
        for _ in 0..OPENINGS {
            let store = Store::open(&path, &Options::default()).unwrap();
            pages = store.metrics().page_count;
            let mut answers = [0; 2];
            for (least, answer) in least.iter_mut().zip(&mut answers) {
                let started = Instant::now();
                *answer = sum(&store, tree);
                *least = started.elapsed().min(*least);
            }
            assert!(answers[0] == answers[1] && answers[0] > 0);
            store.close().unwrap();
        }
        let [first, again] = least.map(|time| time.as_secs_f64() * 1e6 / f64::from(pages));
        println!("{name:<16} {pages:>8} {first:>14.3} {again:>14.3}");
    }
}
