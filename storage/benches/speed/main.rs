//! What the storage engine's common steps cost, in nanoseconds each, without SQL: by the wall clock, and, on Linux,
//! of the processor's time alone.
//!
//! ```text
//! cargo bench -p sedge-storage --bench speed [-- STEP...]
//! ```
//! The steps that start with `docs-` work on 10,000 rows of 100 bytes, each round in a new store in memory, and give
//! the least of `SPEED_ROUNDS` rounds (30); the others run once over 1,000,000 rows in a file.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

use sedge_storage::{Options, Store, Synchronous, TreeId, TreeKind, row_key};
mod docs;

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

const ROWS: u64 = 1_000_000;
const LOOKUPS: u64 = 1_000_000;
const COMMITS: u64 = 2_000;
const WAIT: Duration = Duration::from_secs(1);

fn open(path: &Path) -> Store {
    Store::open(path, &Options { cache_size: 256 << 20, ..Options::default() }).unwrap()
}

fn tree(store: &Store, kind: TreeKind) -> TreeId {
    let mut transaction = store.begin_write(WAIT).unwrap();
    let tree = transaction.create_tree(kind).unwrap();
    transaction.commit().unwrap();
    tree
}

/// A number that looks random, for each `index` another (splitmix64).
fn scattered(index: u64) -> u64 {
    let mut n = index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// A key of 20 bytes.
fn long_key(index: u64) -> [u8; 20] {
    let mut key = [0; 20];
    key[..8].copy_from_slice(&scattered(index).to_be_bytes());
    key[8..16].copy_from_slice(&index.to_be_bytes());
    key
}

/// Nanoseconds that this thread has run, where the system tells.
fn processor_nanos() -> u64 {
    let line = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    line.split_whitespace().next().and_then(|field| field.parse().ok()).unwrap_or_default()
}

/// Steps over one database.
type Group = fn(&Report, &Path);

struct Report {
    wanted: Vec<String>,
}

impl Report {
    fn wants(&self, name: &str) -> bool {
        self.wanted.is_empty() || self.wanted.iter().any(|word| name.starts_with(word.as_str()))
    }

    /// Runs a step that later ones need, wanted or not; it answers how often it did what is measured.
    fn needed(&self, name: &str, run: impl FnOnce() -> u64) {
        if self.wants(name) {
            self.step(name, run);
        } else {
            run();
        }
    }

    /// Runs a step if it is wanted.
    fn step(&self, name: &str, run: impl FnOnce() -> u64) {
        if self.wants(name) {
            let (started, started_cpu) = (Instant::now(), processor_nanos());
            let times = run() as f64;
            let nanos = started.elapsed().as_nanos() as f64 / times;
            let cpu = (processor_nanos() - started_cpu) as f64 / times;
            println!("{name:<28} {nanos:>10.1} ns {cpu:>10.1} ns on the processor");
        }
    }
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let report = Report { wanted };
    let folder = tempfile::tempdir().unwrap();
    let groups: [(&[&str], Group); 4] = [
        (&["docs-"], docs::steps),
        (&["insert-a", "insert-w", "point", "scan"], ascending),
        (&["insert-r", "first", "delete"], random),
        (&["commit"], commits),
    ];
    for (starts, run) in groups {
        let wanted = |name: &String| {
            starts.iter().any(|start| name.starts_with(start) || start.starts_with(name.as_str()))
        };
        if report.wanted.is_empty() || report.wanted.iter().any(wanted) {
            run(&report, &folder.path().join(starts.concat()));
        }
    }
}

fn ascending(report: &Report, path: &Path) {
    let store = open(path);
    let rows = tree(&store, TreeKind::Table);
    let value = [7; 40];
    let fill = |savepoints: bool, from: u64| {
        let mut transaction = store.begin_write(WAIT).unwrap();
        for row in from..from + ROWS / 2 {
            let savepoint = savepoints.then(|| transaction.savepoint());
            transaction.insert(rows, &row_key(row as i64), &value).unwrap();
            if let Some(savepoint) = savepoint {
                transaction.release(savepoint).unwrap();
            }
        }
        let inserted = Instant::now();
        transaction.commit().unwrap();
        println!("{:<28} {:>10.1} ms", "  its commit", inserted.elapsed().as_secs_f64() * 1e3);
        ROWS / 2
    };
    report.needed("insert-ascending", || fill(false, 0));
    report.needed("insert-with-savepoints", || fill(true, ROWS / 2));
    for place in ["overlay", "base"] {
        report.step(&format!("point-fresh-cursor-{place}"), || {
            for index in 0..LOOKUPS {
                let snapshot = store.snapshot();
                let mut cursor = snapshot.cursor(rows);
                if cursor.seek_row((scattered(index) % ROWS) as i64).unwrap() {
                    black_box(cursor.value().unwrap());
                }
            }
            LOOKUPS
        });
        report.step(&format!("point-get-{place}"), || {
            for index in 0..LOOKUPS {
                let key = row_key((scattered(index) % ROWS) as i64);
                black_box(store.snapshot().get(rows, &key, <[u8]>::len).unwrap());
            }
            LOOKUPS
        });
        report.step(&format!("point-kept-cursor-{place}"), || {
            let mut cursor = store.snapshot().cursor(rows);
            for index in 0..LOOKUPS {
                if cursor.seek_row((scattered(index) % ROWS) as i64).unwrap() {
                    black_box(cursor.value().unwrap());
                }
            }
            LOOKUPS
        });
        report.step(&format!("scan-{place}"), || {
            let mut cursor = store.snapshot().cursor(rows);
            let (mut more, mut sum, mut count) = (cursor.seek_first().unwrap(), 0, 0);
            while more {
                sum += cursor.value().unwrap().len();
                count += 1;
                more = cursor.next().unwrap();
            }
            black_box(sum);
            count
        });
        store.checkpoint().unwrap();
    }
}

fn random(report: &Report, path: &Path) {
    let store = open(path);
    store.set_synchronous(Synchronous::Normal);
    let keys = tree(&store, TreeKind::Index);
    report.needed("insert-random", || {
        for batch in 0..ROWS / 1000 {
            let mut transaction = store.begin_write(WAIT).unwrap();
            for index in batch * 1000..batch * 1000 + 1000 {
                transaction.insert(keys, &long_key(index), &[]).unwrap();
            }
            transaction.commit().unwrap();
        }
        ROWS
    });
    report.step("first-key-in-transaction", || {
        let transaction = store.begin_write(WAIT).unwrap();
        for index in 0..LOOKUPS {
            black_box(transaction.first_key_at_or_after(keys, &long_key(index), <[u8]>::len).unwrap());
        }
        LOOKUPS
    });
    report.step("delete-random", || {
        for batch in 0..ROWS / 2000 {
            let mut transaction = store.begin_write(WAIT).unwrap();
            for index in batch * 1000..batch * 1000 + 1000 {
                transaction.delete(keys, &long_key(index)).unwrap();
            }
            transaction.commit().unwrap();
        }
        ROWS / 2
    });
}

fn commits(report: &Report, path: &Path) {
    let store = open(path);
    let rows = tree(&store, TreeKind::Table);
    for (name, level) in [("commit-synced", Synchronous::Full), ("commit-unsynced", Synchronous::Off)] {
        store.set_synchronous(level);
        let base = if level == Synchronous::Full { 0 } else { COMMITS };
        report.step(name, || {
            for row in base..base + COMMITS {
                let mut transaction = store.begin_write(WAIT).unwrap();
                transaction.insert(rows, &row_key(row as i64), &[7; 40]).unwrap();
                transaction.commit().unwrap();
            }
            COMMITS
        });
    }
}
