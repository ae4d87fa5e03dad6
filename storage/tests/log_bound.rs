//! How long the logs get: under a writer and short readers they stay within a bound for ever; a reader that stays makes
//! them grow, and they shrink when it goes. `SEDGE_TEST_SECONDS` makes it a long run.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use sedge_storage::{Options, Store, Synchronous, TreeId, TreeKind, row_key};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const WAIT: Duration = Duration::from_secs(60);
const CACHE: u64 = 4 << 20;
const ROWS: i64 = 1500;
/// Bytes that each transaction writes, about.
const TRANSACTION: u64 = 100 * 1000;
/// How long a reader sleeps; on a busy machine it holds its snapshot for longer.
const HOLD: Duration = Duration::from_millis(30);

fn seconds() -> f64 {
    std::env::var("SEDGE_TEST_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1.0)
}

fn open(folder: &Path) -> (Store, TreeId, PathBuf) {
    let path = folder.join("bound.sedge");
    let options = Options { cache_size: CACHE as usize, synchronous: Synchronous::Off, ..Options::default() };
    let store = Store::open(&path, &options).unwrap();
    let mut transaction = store.begin_write(WAIT).unwrap();
    let tree = transaction.create_tree(TreeKind::Table).unwrap();
    for row in 0..ROWS {
        transaction.insert(tree, &row_key(row), &[0; 1000]).unwrap();
    }
    transaction.commit().unwrap();
    (store, tree, path)
}

/// One transaction, of rows that lie beside each other.
fn write(store: &Store, tree: TreeId, round: i64) {
    let mut transaction = store.begin_write(WAIT).unwrap();
    for row in 0..100 {
        transaction.replace(tree, &row_key((round * 100 + row) % ROWS), &[round as u8; 1000]).unwrap();
    }
    transaction.commit().unwrap();
}

/// Bytes that the log files take on the disk.
fn files(path: &Path) -> u64 {
    let length =
        |suffix| std::fs::metadata(format!("{}{suffix}", path.display())).map_or(0, |file| file.len());
    length("-wal0") + length("-wal1")
}

#[test]
fn short_readers_leave_the_logs_within_their_bound_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let (store, tree, path) = open(folder.path());
    // What was written to the log while a reader held its snapshot: the logs may grow by so much before it goes.
    let (over, held_most) = (AtomicBool::new(false), AtomicU64::new(0));
    let logged = || store.metrics().counters.wal_bytes;
    let (mut longest, mut longest_files, mut round) = (0, 0, 0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let (mut held, mut since) = (store.snapshot(), logged());
                while !over.load(Ordering::Relaxed) {
                    // The next one is there before the last one goes.
                    std::thread::sleep(HOLD);
                    let (next, next_since) = (store.snapshot(), logged());
                    let get = |row| held.get(tree, &row_key(row), |value| value[0]).unwrap().unwrap();
                    assert_eq!(get(0), get(99), "each transaction writes a hundred rows");
                    held = next;
                    held_most.fetch_max(logged() - since, Ordering::Relaxed);
                    since = next_since;
                }
            });
        }
        let until = Instant::now() + Duration::from_secs_f64(seconds());
        while Instant::now() < until || store.metrics().counters.checkpoints < 10 {
            write(&store, tree, round);
            round += 1;
            longest = longest.max(store.metrics().wal_size);
            longest_files = longest_files.max(files(&path));
        }
        over.store(true, Ordering::Relaxed);
    });
    let written = store.metrics().counters.wal_bytes;
    assert!(written > 2 * longest, "{written} bytes of log in {round} transactions, {longest} at a time");
    let held_most = held_most.load(Ordering::Relaxed);
    let bound = 4 * CACHE + TRANSACTION + held_most;
    println!("{longest} bytes of log at most, {written} in all; {held_most} while a reader held on");
    assert!(longest <= bound, "{longest} bytes of log, {bound} at most; {round} transactions");
    assert!(longest_files <= bound + (2 << 20), "{longest_files} bytes of files");
}

#[test]
fn a_long_reader_makes_the_logs_grow_and_they_shrink_when_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let (store, tree, path) = open(folder.path());
    write(&store, tree, 0);
    let reader = store.snapshot();
    let target = 10 * CACHE;
    let mut round = 1;
    while store.metrics().wal_size < target {
        write(&store, tree, round);
        round += 1;
    }
    assert!(files(&path) >= target);
    assert_eq!(reader.get(tree, &row_key(0), |value| value[0]).unwrap(), Some(0), "it still sees its commit");
    drop(reader);
    // Nobody writes: what waited for the reader goes on by itself.
    let until = Instant::now() + Duration::from_secs(30);
    while (store.metrics().wal_size > CACHE || files(&path) > 4 * CACHE) && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
    let (logs, files) = (store.metrics().wal_size, files(&path));
    assert!(logs <= CACHE && files <= 4 * CACHE, "{logs} bytes of log in files of {files}");
    let value = store.snapshot().get(tree, &row_key((round - 1) * 100 % ROWS), |value| value[0]).unwrap();
    assert_eq!(value, Some((round - 1) as u8));
    store.close().unwrap();
    assert_eq!(self::files(&path), 0);
}
