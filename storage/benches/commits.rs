//! What reading and committing cost beside the trees' own work: snapshots, page copies, log records, checkpoints.
//! Prints, for each step, nanoseconds of processor time and of the wall clock, and the bytes of log and base file
//! that one operation wrote.
//!
//! ```text
//! cargo bench -p sedge-storage --bench commits [-- STEP...]
//! ```
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

use sedge_storage::{Options, Store, Synchronous, TreeId, TreeKind, row_key};
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

const DOCS: u64 = 10_000;
const ROWS: u64 = 1_000_000;
const READS: u64 = 1_000_000;
const COMMITS: u64 = 20_000;
const BATCH: u64 = 1000;
const ROUNDS: usize = 5;
const VALUE: [u8; 100] = [7; 100];
const WAIT: Duration = Duration::from_secs(1);

fn open(path: &Path) -> Store {
    let options = Options { cache_size: 256 << 20, synchronous: Synchronous::Normal, ..Options::default() };
    Store::open(path, &options).unwrap()
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

/// A text key of 20 bytes at a random place.
fn text_key(index: u64) -> [u8; 20] {
    let mut key = [0; 20];
    let mut digits = u128::from(scattered(index)) << 20 | u128::from(index & 0xf_ffff);
    for byte in key.iter_mut().rev() {
        *byte = b"0123456789abcdefghijklmnopqrstuv"[(digits % 32) as usize];
        digits /= 32;
    }
    key
}

/// Nanoseconds that this thread has run, where the system tells.
fn processor_nanos() -> u64 {
    let line = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    line.split_whitespace().next().and_then(|field| field.parse().ok()).unwrap_or_default()
}

/// Runs a step on `store` a few times and prints the best round; `run` says how many operations it did.
fn report(name: &str, store: &Store, rounds: usize, mut run: impl FnMut() -> u64) {
    let (mut wall, mut cpu) = (f64::MAX, f64::MAX);
    let (before, mut total) = (store.metrics().counters, 0);
    for _ in 0..rounds {
        let (started, started_cpu) = (Instant::now(), processor_nanos());
        let times = run();
        wall = wall.min(started.elapsed().as_nanos() as f64 / times as f64);
        cpu = cpu.min((processor_nanos() - started_cpu) as f64 / times as f64);
        total += times;
    }
    let spent = store.metrics().counters.since(&before);
    let each = |count: u64| count as f64 / total as f64;
    println!(
        "{name:<24} {cpu:>9.1} ns cpu {wall:>9.1} ns wall {:>8.1} log bytes {:>7.3} pages written {:>7.4} copied",
        each(spent.wal_bytes),
        each(spent.pages_written),
        each(spent.pages_copied),
    );
}

/// Steps over one database.
type Group = fn(&Path);

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let folder = tempfile::tempdir().unwrap();
    let groups: [(&str, Group); 8] = [
        ("read", reads),
        ("one-row", one_row_commits),
        ("one-commit", one_large_commit),
        ("ascending", ascending),
        ("random", random),
        ("savepoint", savepoints),
        ("group", group_commits),
        ("load", loads),
    ];
    for (name, run) in groups {
        if wanted.is_empty() || wanted.iter().any(|word| word == name) {
            run(&folder.path().join(name));
        }
    }
}

fn fill(store: &Store, rows: TreeId, count: u64) {
    let mut transaction = store.begin_write(WAIT).unwrap();
    for row in 0..count {
        transaction.insert(rows, &row_key(row as i64), &VALUE).unwrap();
    }
    transaction.commit().unwrap();
}

fn reads(path: &Path) {
    let store = open(path);
    let rows = tree(&store, TreeKind::Table);
    fill(&store, rows, DOCS);
    for place in ["overlay", "base"] {
        report(&format!("snapshot-{place}"), &store, ROUNDS, || {
            for _ in 0..READS {
                black_box(store.snapshot());
            }
            READS
        });
        report(&format!("read-each-{place}"), &store, ROUNDS, || {
            for index in 0..READS {
                let key = row_key((scattered(index) % DOCS) as i64);
                black_box(store.snapshot().get(rows, &key, <[u8]>::len).unwrap());
            }
            READS
        });
        report(&format!("read-in-one-{place}"), &store, ROUNDS, || {
            let snapshot = store.snapshot();
            for index in 0..READS {
                let key = row_key((scattered(index) % DOCS) as i64);
                black_box(snapshot.get(rows, &key, <[u8]>::len).unwrap());
            }
            READS
        });
        store.checkpoint().unwrap();
    }
}

fn one_row_commits(path: &Path) {
    let store = open(path);
    store.set_synchronous(Synchronous::Off);
    let rows = tree(&store, TreeKind::Table);
    let mut row = 0;
    report("one-row-ascending", &store, ROUNDS, || {
        for _ in 0..COMMITS {
            let mut transaction = store.begin_write(WAIT).unwrap();
            transaction.insert(rows, &row_key(row), &VALUE).unwrap();
            transaction.commit().unwrap();
            row += 1;
        }
        COMMITS
    });
    let keys = tree(&store, TreeKind::Index);
    let mut next = 0;
    report("one-row-random", &store, ROUNDS, || {
        for _ in 0..COMMITS {
            let mut transaction = store.begin_write(WAIT).unwrap();
            transaction.insert(keys, &text_key(next), &VALUE).unwrap();
            transaction.commit().unwrap();
            next += 1;
        }
        COMMITS
    });
    report("begin-and-drop", &store, ROUNDS, || {
        for _ in 0..COMMITS {
            black_box(store.begin_write(WAIT).unwrap());
        }
        COMMITS
    });
}

/// The processor's clock ticks too coarsely for one transaction: the best of many by the wall.
fn one_large_commit(path: &Path) {
    let store = open(path);
    let (mut insert, mut commit) = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS * 20 {
        let rows = tree(&store, TreeKind::Table);
        let mut transaction = store.begin_write(WAIT).unwrap();
        let started = Instant::now();
        for row in 0..DOCS {
            transaction.insert(rows, &row_key(row as i64), &VALUE).unwrap();
        }
        let inserted = Instant::now();
        transaction.commit().unwrap();
        insert = insert.min((inserted - started).as_nanos() as f64 / DOCS as f64);
        commit = commit.min(inserted.elapsed().as_nanos() as f64 / DOCS as f64);
    }
    println!("one-commit               {insert:>9.1} ns to insert {commit:>9.1} ns to commit, wall, a row");
}

fn ascending(path: &Path) {
    let store = open(path);
    let rows = tree(&store, TreeKind::Table);
    report("ascending-by-1000", &store, 1, || {
        for batch in 0..ROWS / BATCH {
            let mut transaction = store.begin_write(WAIT).unwrap();
            for row in batch * BATCH..(batch + 1) * BATCH {
                transaction.insert(rows, &row_key(row as i64), &VALUE).unwrap();
            }
            transaction.commit().unwrap();
        }
        ROWS
    });
}

fn random(path: &Path) {
    let store = open(path);
    let keys = tree(&store, TreeKind::Index);
    let mut batch = 0;
    for quarter in 1..=4 {
        report(&format!("random-by-1000-{quarter}/4"), &store, 1, || {
            while batch < ROWS / BATCH * quarter / 4 {
                let mut transaction = store.begin_write(WAIT).unwrap();
                for index in batch * BATCH..(batch + 1) * BATCH {
                    transaction.insert(keys, &text_key(index), &VALUE).unwrap();
                }
                transaction.commit().unwrap();
                batch += 1;
            }
            ROWS / 4
        });
    }
    report("final-checkpoint", &store, 1, || {
        store.checkpoint().unwrap();
        1
    });
    println!("{:<24} {:>9} bytes", "file", std::fs::metadata(path).unwrap().len());
}

/// Memory of this process beside its file mappings, in MiB, where the system tells.
fn memory_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kib: Option<u64> = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    kib.unwrap_or_default() / 1024
}

/// Bytes that this process had written to devices, where the system tells.
fn device_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("write_bytes:"));
    line.and_then(|line| line.trim().parse().ok()).unwrap_or_default()
}

/// One transaction much larger than the cache: ascending, and with keys in no order.
fn loads(path: &Path) {
    for (name, kind, rows) in
        [("load-ascending", TreeKind::Table, ROWS), ("load-random", TreeKind::Index, ROWS / 10)]
    {
        let path = path.with_extension(name);
        let store = Store::open(&path, &Options::default()).unwrap();
        let tree = tree(&store, kind);
        let (started, before, written) = (Instant::now(), memory_mib(), device_bytes());
        let mut transaction = store.begin_write(WAIT).unwrap();
        let mut peak = 0;
        for row in 0..rows {
            match kind {
                TreeKind::Table => transaction.insert(tree, &row_key(row as i64), &[7; 1000]).unwrap(),
                TreeKind::Index => transaction.insert(tree, &text_key(row), &[7; 1000]).unwrap(),
            };
            if row % 10_000 == 0 {
                peak = memory_mib().max(peak);
            }
        }
        transaction.commit().unwrap();
        peak = memory_mib().max(peak);
        store.close().unwrap();
        let length = std::fs::metadata(&path).unwrap().len();
        println!(
            "{name:<24} {:>6} MiB in {:.1} s, {} MiB of memory, {:.2} bytes written for a byte of the file",
            length >> 20,
            started.elapsed().as_secs_f64(),
            peak - before,
            (device_bytes() - written) as f64 / length as f64,
        );
    }
}

/// Commits of one row at FULL by threads that each insert rows of their own.
fn group_commits(path: &Path) {
    const EACH: u64 = 2000;
    let store = open(path);
    store.set_synchronous(Synchronous::Full);
    let rows = tree(&store, TreeKind::Table);
    let mut row = 0;
    for threads in [1, 2, 4, 8] {
        let before = store.metrics().counters;
        let started = Instant::now();
        let commits = EACH * 4 / threads;
        let mut waits: Vec<Duration> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads)
                .map(|thread| {
                    let (store, first) = (&store, row + thread * commits);
                    scope.spawn(move || {
                        let insert = |row: u64| {
                            let started = Instant::now();
                            let mut transaction = store.begin_write(WAIT).unwrap();
                            transaction.insert(rows, &row_key(row as i64), &VALUE).unwrap();
                            transaction.commit().unwrap();
                            started.elapsed()
                        };
                        (first..first + commits).map(insert).collect::<Vec<_>>()
                    })
                })
                .collect();
            workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
        });
        let seconds = started.elapsed().as_secs_f64();
        row += threads * commits;
        waits.sort_unstable();
        let at = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize].as_micros();
        let spent = store.metrics().counters.since(&before);
        println!(
            "full, {threads} threads {:>8.0} commits/s, waits p10 {} p50 {} p99 {} max {} us, {:.2} syncs each",
            (threads * commits) as f64 / seconds,
            at(0.1),
            at(0.5),
            at(0.99),
            at(1.0),
            spent.fsyncs as f64 / (threads * commits) as f64,
        );
    }
}

fn savepoints(path: &Path) {
    let store = open(path);
    let keys = tree(&store, TreeKind::Index);
    let mut next = 0;
    for (name, kept) in [("insert-plain", false), ("insert-with-savepoint", true)] {
        report(name, &store, ROUNDS, || {
            let mut transaction = store.begin_write(WAIT).unwrap();
            for _ in 0..DOCS {
                let savepoint = kept.then(|| transaction.savepoint());
                transaction.insert(keys, &text_key(next), &VALUE).unwrap();
                if let Some(savepoint) = savepoint {
                    transaction.release(savepoint).unwrap();
                }
                next += 1;
            }
            transaction.commit().unwrap();
            DOCS
        });
    }
}
