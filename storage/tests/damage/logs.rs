//! Damage to the log files of a database whose process was killed.
//!
//! Allowed are an error that names the file and the place, the rows of the last commit, or those of an earlier one
//! where no intact record and no intact header states that a later one was durable.

use super::sample::{PAGE_SIZE, Rows, chosen, insert, open, read};
use sedge_storage::{Error, Options, Store, TreeId, TreeKind, row_key};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Rows by commit: this many in all, a few with each.
const ROWS: i64 = 120;
/// Bytes in front of a log's records.
const RECORDS_START: usize = 8192;
/// Bytes of a log header's sector that say something.
const HEADER_SIZE: usize = 96;

/// The files of a killed process, and what each of its commits had made.
struct Killed {
    base: Vec<u8>,
    logs: [Vec<u8>; 2],
    trees: [TreeId; 2],
    /// By commit, from the first that made the trees.
    states: Vec<[Rows; 2]>,
}

fn log_path(path: &Path, log: usize) -> PathBuf {
    PathBuf::from(format!("{}-wal{log}", path.display()))
}

fn read_or_empty(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_default()
}

fn state(store: &Store, trees: &[TreeId; 2]) -> [Rows; 2] {
    trees.map(|tree| read(&store.snapshot(), tree, false).unwrap())
}

/// What stands on the disk at three moments: before a checkpoint, in the middle of one, and some commits after it.
fn killed() -> [Killed; 3] {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("killed.sedge");
    let files = || (read_or_empty(&path), [0, 1].map(|log| read_or_empty(&log_path(&path, log))));
    let store = open(&path).unwrap();
    let mut transaction = store.begin_write(Duration::ZERO).unwrap();
    let trees = [
        transaction.create_tree(TreeKind::Table).unwrap(),
        transaction.create_tree(TreeKind::Index).unwrap(),
    ];
    transaction.commit().unwrap();
    let mut states = vec![state(&store, &trees)];
    let mut row = 0;
    let mut commit_rows = |count: i64, states: &mut Vec<[Rows; 2]>| {
        let mut transaction = store.begin_write(Duration::ZERO).unwrap();
        for row in row..row + count {
            insert(&mut transaction, &trees, row, ROWS);
        }
        transaction.delete(trees[0], &row_key(row / 2)).unwrap();
        transaction.commit().unwrap();
        row += count;
        states.push(state(&store, &trees));
    };
    for _ in 0..6 {
        commit_rows(10, &mut states);
    }
    let (base, logs) = files();
    let before = Killed { base: base.clone(), logs, trees, states: states.clone() };
    store.checkpoint().unwrap();
    let (flushed, mut logs) = files();
    // The base file is half written, and the header that says it is whole was torn.
    let mut half = flushed;
    for page in (0..half.len().min(base.len()) / PAGE_SIZE).step_by(2) {
        let range = page * PAGE_SIZE..(page + 1) * PAGE_SIZE;
        half[range.clone()].copy_from_slice(&base[range]);
    }
    logs[1][..HEADER_SIZE].fill(0);
    let amid = Killed { base: half, logs, trees, states: states.clone() };
    for _ in 0..6 {
        commit_rows(10, &mut states);
    }
    let (base, logs) = files();
    let after = Killed { base, logs, trees, states };
    store.close().unwrap();
    // Each record tells of the commits before it, and a header of those up to the checkpoint.
    assert_eq!([&before, &amid, &after].map(|killed| proven(killed, 0, &(0..0))), [6, 7, 12]);
    [before, amid, after]
}

/// The highest commit that a record header or a log header which is still intact states to be durable. `damage` are
/// the bytes of `log` that were changed.
fn proven(killed: &Killed, log: usize, damage: &std::ops::Range<usize>) -> u64 {
    let u64_at = |bytes: &[u8], at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    let mut proven = 0;
    for (at_log, bytes) in killed.logs.iter().enumerate() {
        let is_intact = |from: usize, to: usize| at_log != log || to <= damage.start || damage.end <= from;
        for sector in [0, 4096] {
            if bytes.get(sector..sector + 8) == Some(b"SedgeLog") && is_intact(sector, sector + HEADER_SIZE) {
                proven = proven.max(u64_at(bytes, sector + 72));
            }
        }
        for at in (RECORDS_START..bytes.len().saturating_sub(40)).step_by(8) {
            if bytes[at..].starts_with(b"rec\x01") && is_intact(at, at + 40) {
                proven = proven.max(u64_at(bytes, at + 28));
            }
        }
    }
    proven
}

/// Opens what is left when `log` holds `bytes` and holds it to the rules.
fn examine(killed: &Killed, log: usize, bytes: &[u8], damage: std::ops::Range<usize>, what: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.sedge");
    std::fs::write(&path, &killed.base).unwrap();
    for (at, sound) in killed.logs.iter().enumerate() {
        std::fs::write(log_path(&path, at), if at == log { bytes } else { sound }).unwrap();
    }
    // Recovery in memory mostly: a writing open ends with syncs, each of which takes as long as a hundred others.
    let options = Options { read_only: !damage.start.is_multiple_of(16), ..Options::default() };
    let newest = killed.states.len() as u64;
    match Store::open(&path, &options) {
        Err(Error::Corrupt { page, detail, .. }) => {
            let names_log = (0..2).any(|log| detail.contains(&format!("damaged.sedge-wal{log}")));
            assert!(page != 0 || names_log && detail.contains("byte "), "{what}: {detail}");
        }
        Err(error) => panic!("{what}: {error}"),
        Ok(store) => {
            let snapshot = store.snapshot();
            let commit = snapshot.sequence();
            assert!(commit <= newest, "{what}: commit {commit} of {newest}");
            let least = proven(killed, log, &damage);
            assert!(commit >= least, "{what}: commit {commit} is shown, {least} was durable");
            // Before the first commit there are no trees.
            if let Some(state_of_commit) = (commit as usize).checked_sub(1).map(|at| &killed.states[at]) {
                let shown = state(&store, &killed.trees);
                assert!(shown == *state_of_commit, "{what}: not the rows of commit {commit}");
            }
            if commit < newest {
                // Where a file ends, or all is zero, that is how a log ends.
                let told = store.recovery_report().is_some_and(|report| report.last_sequence == commit);
                assert!(told, "{what}: nothing tells that commit {commit} is the last");
                let is_cut = bytes[damage.start.min(bytes.len())..].iter().take(40).all(|byte| *byte == 0);
                let ended_by = store.recovery_report().and_then(|report| report.ended_by.clone());
                assert!(is_cut || ended_by.is_some(), "{what}: no reason is given");
            }
            store.close().unwrap();
        }
    }
}

fn sweep(mut damage: impl FnMut(&Killed, usize, &str)) {
    for (killed, moment) in killed().iter().zip(["before", "amid", "after"]) {
        for log in 0..2 {
            if !killed.logs[log].is_empty() {
                damage(killed, log, &format!("{moment} a checkpoint, log {log}"));
            }
        }
    }
}

#[test]
fn every_flipped_byte_of_a_log_is_found_or_changes_nothing_that_was_durable() {
    sweep(|killed, log, moment| {
        let mut bytes = killed.logs[log].clone();
        // Behind the last record lie zeros alike: the first page of them stands for all.
        let used = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
        for at in chosen((used + 4096).min(bytes.len()), 150) {
            let mask = [1, 0x80, 0xff, 0x10][at % 4];
            bytes[at] ^= mask;
            examine(killed, log, &bytes, at..at + 1, &format!("{moment}: byte {at} flipped by {mask:#x}"));
            bytes[at] ^= mask;
        }
    });
}

#[test]
fn a_log_cut_anywhere_ends_with_a_whole_commit_or_is_refused() {
    sweep(|killed, log, moment| {
        let whole = &killed.logs[log];
        let used = whole.iter().rposition(|byte| *byte != 0).unwrap() + 1;
        let lengths = (0..used / 64 + 2).flat_map(|step| [step * 64, step * 64 + 1]);
        // Where one log is all there is, an empty one is what a clean close leaves for a moment.
        let least = usize::from(killed.logs[1].is_empty());
        let lengths: Vec<usize> = lengths.filter(|length| (least..whole.len()).contains(length)).collect();
        for at in chosen(lengths.len(), 60) {
            let length = lengths[at];
            examine(killed, log, &whole[..length], length..usize::MAX, &format!("{moment}: cut to {length}"));
        }
    });
}

#[test]
fn pages_of_a_log_that_are_zeroed_or_moved_are_no_other_commits() {
    sweep(|killed, log, moment| {
        let whole = &killed.logs[log];
        let used = whole.iter().rposition(|byte| *byte != 0).unwrap() / PAGE_SIZE + 1;
        let range = |page: usize| page * PAGE_SIZE..((page + 1) * PAGE_SIZE).min(whole.len());
        for page in 0..used {
            let mut bytes = whole.clone();
            bytes[range(page)].fill(0);
            examine(killed, log, &bytes, range(page), &format!("{moment}: page {page} zeroed"));
        }
        for pair in chosen(used * used, 40) {
            let (first, second) = (pair / used, pair % used);
            if first == second || range(first).len() != range(second).len() {
                continue;
            }
            let mut bytes = whole.clone();
            bytes.copy_within(range(first), range(second).start);
            let what = format!("{moment}: page {first} copied over page {second}");
            examine(killed, log, &bytes, range(second), &what);
            bytes[range(first)].copy_from_slice(&whole[range(second)]);
            let both = range(first.min(second)).start..range(first.max(second)).end;
            examine(killed, log, &bytes, both, &format!("{moment}: pages {first} and {second} swapped"));
        }
    });
}

#[test]
fn a_log_that_is_gone_is_missed_where_the_other_tells_of_it() {
    let [_, _, killed] = killed();
    for gone in [Vec::new(), vec![0; killed.logs[1].len()]] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("damaged.sedge");
        std::fs::write(&path, &killed.base).unwrap();
        std::fs::write(log_path(&path, 0), &killed.logs[0]).unwrap();
        std::fs::write(log_path(&path, 1), gone).unwrap();
        match open(&path) {
            Err(Error::Corrupt { detail, .. }) => assert!(detail.contains("damaged.sedge-wal1"), "{detail}"),
            other => panic!("{other:?}"),
        }
    }
}
