//! What loads, long values and recoveries cost: memory besides the mapping, and bytes written.
//!
//! Both are counted by the kernel for the whole process, so this file is one test. The ordinary run is small; the long
//! one is that of a 4 GiB load, a value of 1 GiB and 1,000,000 rows, and needs 10 GiB of disk:
//!
//! ```text
//! SEDGE_LARGE=1 cargo test --release -p sedge-storage --test budgets -- --nocapture
//! ```
#![cfg(target_os = "linux")]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use sedge_storage::{Options, Store, TreeId, TreeKind, row_key};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const MIB: u64 = 1 << 20;

fn is_large() -> bool {
    std::env::var("SEDGE_LARGE").is_ok()
}

/// The number behind `name` in one of the process's files.
fn of_process(file: &str, name: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/self/{file}")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

fn memory() -> u64 {
    of_process("status", "RssAnon:") * 1024
}

/// Bytes handed to write calls, of any file.
fn written() -> u64 {
    of_process("io", "wchar:")
}

/// Runs `action` and gives the memory that the process had at most, beyond `before`.
fn peak<T>(before: u64, action: impl FnOnce() -> T) -> (T, u64) {
    let (stop, most) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let sampler = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                most.fetch_max(memory(), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        let done = action();
        stop.store(true, Ordering::Relaxed);
        sampler.join().unwrap();
        (done, most.load(Ordering::Relaxed).saturating_sub(before))
    })
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 20
    }

    fn key(&mut self) -> [u8; 20] {
        let mut key = [0; 20];
        key.iter_mut().for_each(|byte| *byte = b'a' + (self.next() % 26) as u8);
        key
    }
}

fn open(path: &Path, cache_size: u64) -> Store {
    Store::open(path, &Options { cache_size: cache_size as usize, ..Options::default() }).unwrap()
}

fn trees(store: &Store) -> [TreeId; 2] {
    let mut transaction = store.begin_write(Duration::ZERO).unwrap();
    let trees = [TreeKind::Table, TreeKind::Index].map(|kind| transaction.create_tree(kind).unwrap());
    transaction.commit().unwrap();
    trees
}

fn sizes(store: &Store) -> u64 {
    let metrics = store.metrics();
    u64::from(metrics.page_count) * u64::from(metrics.page_size)
}

/// Rows of a kilobyte in order, and for each fourth an entry somewhere in an index; a commit every `rows_a_commit`.
fn load(path: &Path, cache_size: u64, bytes: u64, rows_a_commit: u64) -> u64 {
    let store = open(path, cache_size);
    let [table, index] = trees(&store);
    let random = &mut Random(7);
    let mut row = 0;
    while row * 1000 < bytes {
        let mut transaction = store.begin_write(Duration::ZERO).unwrap();
        for _ in 0..rows_a_commit.min(bytes.div_ceil(1000) - row) {
            transaction.insert(table, &row_key(row as i64), &[row as u8; 990]).unwrap();
            if row % 4 == 0 {
                transaction.put(index, &random.key(), &row.to_be_bytes()).unwrap();
            }
            row += 1;
        }
        transaction.commit().unwrap();
    }
    let size = sizes(&store);
    store.close().unwrap();
    size
}

fn loads(folder: &Path) {
    let (bytes, cache_size, budget) =
        if is_large() { (4 << 30, 64 * MIB, 160 * MIB) } else { (16 * MIB, 2 * MIB, 12 * MIB) };
    for (what, rows_a_commit) in [("one transaction", u64::MAX), ("commits of 5,000 rows", 5_000)] {
        let path = folder.join("load.sedge");
        let started = Instant::now();
        let (size, memory) = peak(0, || load(&path, cache_size, bytes, rows_a_commit));
        println!(
            "load of {} MiB, {what}: {} MiB of memory, {:?}",
            size / MIB,
            memory / MIB,
            started.elapsed()
        );
        assert!(memory < budget, "{what}: {} MiB", memory / MIB);
        std::fs::remove_file(path).unwrap();
    }
}

/// A table alone, in one transaction: each of its pages is written once.
fn a_load_is_written_once(folder: &Path) {
    let rows = if is_large() { 1_000_000 } else { 50_000 };
    let path = folder.join("once.sedge");
    let before = written();
    // Its first megabytes are logged where the cache has room for them.
    let store = open(&path, if is_large() { 64 * MIB } else { 4 * MIB });
    let [table, _] = trees(&store);
    let mut transaction = store.begin_write(Duration::ZERO).unwrap();
    for row in 0..rows {
        transaction.insert(table, &row_key(row), &[row as u8; 100]).unwrap();
    }
    transaction.commit().unwrap();
    let size = sizes(&store);
    store.close().unwrap();
    let ratio = (written() - before) as f64 / size as f64;
    println!("load of {rows} rows: {ratio:.3} of {} MiB written", size / MIB);
    assert!(ratio <= 1.15, "{ratio}");
    std::fs::remove_file(path).unwrap();
}

/// Random keys of 20 bytes with values of 100, in commits of 1,000.
fn random_inserts_write_little(folder: &Path) {
    // A transaction changes almost every leaf of the small tree: the cache has room for them all.
    let (rows, cache_size) = if is_large() { (1_000_000, 256 * MIB) } else { (20_000, 26 * MIB) };
    let path = folder.join("random.sedge");
    let before = written();
    let store = open(&path, cache_size);
    let [_, index] = trees(&store);
    let random = &mut Random(1);
    for _ in 0..rows / 1000 {
        let mut transaction = store.begin_write(Duration::ZERO).unwrap();
        for _ in 0..1000 {
            transaction.put(index, &random.key(), &[5; 100]).unwrap();
        }
        transaction.commit().unwrap();
    }
    store.close().unwrap();
    let a_row = (written() - before) / rows;
    println!("{rows} random inserts: {a_row} bytes written a row");
    assert!(a_row <= 1024, "{a_row}");
    std::fs::remove_file(path).unwrap();
}

/// A value goes into and comes out of the file in pieces; what it takes beside itself does not grow with it.
fn a_long_value_streams(folder: &Path) {
    let length = if is_large() { 1 << 30 } else { 48 << 20 };
    let path = folder.join("value.sedge");
    let value: Vec<u8> = (0..length).map(|at: u32| (at / 7) as u8).collect();
    let (store, writing) = peak(memory(), || {
        let store = open(&path, 16 * MIB);
        let [table, _] = trees(&store);
        let mut transaction = store.begin_write(Duration::ZERO).unwrap();
        transaction.insert(table, &row_key(1), &value).unwrap();
        transaction.commit().unwrap();
        (store, table)
    });
    let (store, table) = store;
    let (same, reading) = peak(memory(), || store.snapshot().get(table, &row_key(1), |found| found == value));
    assert_eq!(same.unwrap(), Some(true));
    let beside = reading.saturating_sub(u64::from(length));
    println!(
        "value of {} MiB: {} MiB beside it to write, {} to read",
        length >> 20,
        writing / MIB,
        beside / MIB
    );
    assert!(writing < 40 * MIB && beside < 24 * MIB, "{writing} {beside}");
    drop(store);
    std::fs::remove_file(path).unwrap();
}

/// A log of many times the cache, since a reader keeps it from being checkpointed.
fn a_long_log_is_recovered(folder: &Path) {
    let (rows, cache_size) = if is_large() { (2_000_000, 32 * MIB) } else { (16_000, MIB) };
    let (path, copied) = (folder.join("log.sedge"), folder.join("copied.sedge"));
    let store = open(&path, cache_size);
    let [table, index] = trees(&store);
    let reader = store.snapshot();
    let (random, value) = (&mut Random(3), if is_large() { &[9; 100][..] } else { &[9; 500] });
    let rows_a_commit = if is_large() { 20_000 } else { 100 };
    for start in (0..rows).step_by(rows_a_commit) {
        let mut transaction = store.begin_write(Duration::ZERO).unwrap();
        for row in start..start + rows_a_commit as i64 {
            transaction.insert(table, &row_key(row), value).unwrap();
            transaction.put(index, &random.key(), &[]).unwrap();
        }
        transaction.commit().unwrap();
    }
    let log = |path: &Path, number: usize| PathBuf::from(format!("{}-wal{number}", path.display()));
    std::fs::copy(&path, &copied).unwrap();
    let lengths = [0, 1].map(|number| std::fs::copy(log(&path, number), log(&copied, number)).unwrap_or(0));
    drop((reader, store));
    let (store, memory) = peak(0, || open(&copied, cache_size));
    let bytes = store.recovery_report().unwrap().log_bytes;
    println!("recovery of {} MiB of log {lengths:?}: {} MiB of memory", bytes / MIB, memory / MIB);
    assert!(bytes > 4 * cache_size, "{bytes} bytes of log are no trial");
    assert!(memory < 2 * cache_size + 16 * MIB, "{} MiB", memory / MIB);
    let mut cursor = store.snapshot().cursor(table);
    assert!(cursor.seek_last().unwrap() && cursor.row_id() == rows - 1);
    drop((cursor, store));
    std::fs::remove_file(path).unwrap();
    std::fs::remove_file(copied).unwrap();
}

#[test]
fn memory_and_bytes_written_stay_within_their_budgets() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // First: what the allocator keeps of the others is not recovery's.
    a_long_log_is_recovered(folder);
    loads(folder);
    a_load_is_written_once(folder);
    random_inserts_write_little(folder);
    a_long_value_streams(folder);
}
