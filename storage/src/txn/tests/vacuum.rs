//! Crashes at every I/O call of a workload of trees that are filled, emptied, vacuumed and loaded anew: the end of the file
//! is cut off, and a large transaction writes straight to where it was.

use super::crash::{Call, NotingDisk, SMALL_CACHE, after_crash};
use super::{Random, SMALLEST_CACHE, options, runs};
use crate::btree::{TreeId, TreeKind, row_key};
use crate::disk::{Disk, FileRole};
use crate::page::{PageId, ReadPages};
use crate::space::Vacuum;
use crate::store::{Options, Store};
use crate::txn::{Layout, Snapshot, Synchronous};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Where the two trees are and what they hold.
#[derive(Clone)]
struct State {
    trees: [TreeId; 2],
    maps: [BTreeMap<Vec<u8>, Vec<u8>>; 2],
}

const KINDS: [TreeKind; 2] = [TreeKind::Table, TreeKind::Index];

fn open(disk: &Arc<dyn Disk>, options: &Options) -> Store {
    Store::on_disk(Arc::clone(disk), options, Layout::TREES).unwrap()
}

fn key(kind: TreeKind, number: usize) -> Vec<u8> {
    match kind {
        TreeKind::Table => row_key(number as i64).to_vec(),
        TreeKind::Index => number.to_be_bytes().repeat(if number.is_multiple_of(29) { 90 } else { 2 }),
    }
}

/// Adds records to both trees, or takes most of them away.
fn transaction(random: &mut Random, store: &Store, state: &mut State, records: usize) {
    let mut transaction = store.begin_write(Duration::ZERO).unwrap();
    let deletes = random.one_in(2) && state.maps[0].len() > records;
    for ((tree, kind), map) in state.trees.iter().zip(KINDS).zip(&mut state.maps) {
        if deletes {
            let gone: Vec<Vec<u8>> = map.keys().filter(|_| !random.one_in(4)).cloned().collect();
            for key in gone {
                assert!(transaction.delete(*tree, &key).unwrap());
                map.remove(&key);
            }
            continue;
        }
        for _ in 0..records {
            let key = key(kind, random.below(3000));
            let length = if random.one_in(30) { 9000 } else { random.below(300) };
            let value = vec![random.next() as u8; length];
            transaction.put(*tree, &key, &value).unwrap();
            map.insert(key, value);
        }
    }
    transaction.commit().unwrap();
}

/// Vacuums to the end; pushes the state after each step that changed something.
fn vacuum(store: &Store, states: &mut Vec<State>) {
    let mut vacuum = Vacuum::full();
    loop {
        let mut state = states.last().unwrap().clone();
        let trees = [Store::SCHEMA_TREE, state.trees[0], state.trees[1]];
        let step = store.vacuum_step(&mut vacuum, &trees, Duration::ZERO).unwrap();
        for (before, now) in step.moved_trees {
            state.trees.iter_mut().filter(|tree| **tree == before).for_each(|tree| *tree = now);
        }
        push(store, states, state);
        if step.is_done {
            break;
        }
    }
}

/// Keeps the state of a commit, unless there was none.
fn push(store: &Store, states: &mut Vec<State>, state: State) {
    if store.snapshot().sequence() as usize == states.len() {
        states.push(state);
    }
}

fn workload(random: &mut Random, disk: &Arc<NotingDisk>, options: &Options) -> Vec<State> {
    let shared = Arc::clone(disk) as Arc<dyn Disk>;
    let mut store = open(&shared, options);
    let mut creation = store.begin_write(Duration::ZERO).unwrap();
    let trees = KINDS.map(|kind| creation.create_tree(kind).unwrap());
    creation.commit().unwrap();
    let empty = State { trees, maps: Default::default() };
    let mut states = vec![empty.clone(), empty];
    for _ in 0..12 {
        match random.below(8) {
            0 => {
                store.close().unwrap();
                store = open(&shared, options);
            }
            1 | 2 => store.checkpoint().unwrap(),
            3 | 4 => {
                vacuum(&store, &mut states);
                if random.one_in(2) {
                    store.checkpoint().unwrap();
                }
            }
            _ => {
                let mut state = states.last().unwrap().clone();
                let records = if random.one_in(2) { 20 } else { 150 };
                transaction(random, &store, &mut state, records);
                push(&store, &mut states, state);
            }
        }
        if options.synchronous == Synchronous::Full {
            disk.note(Call::Acknowledged(states.len() - 1));
        }
    }
    states
}

fn assert_shows(snapshot: &Snapshot, state: &State) {
    for (tree, map) in state.trees.iter().zip(&state.maps) {
        let mut cursor = snapshot.cursor(*tree);
        let mut more = cursor.seek_first().unwrap();
        for (key, value) in map {
            assert!(more);
            assert_eq!(cursor.key().unwrap(), key);
            assert_eq!(cursor.value().unwrap(), value);
            more = cursor.next().unwrap();
        }
        assert!(!more);
    }
}

fn run(seed: u64, synchronous: Synchronous, cache_size: usize) {
    let random = &mut Random::new(seed);
    let disk = Arc::new(NotingDisk::default());
    let states = workload(random, &disk, &Options { synchronous, cache_size, ..options() });
    let calls = disk.calls.lock().unwrap().clone();
    for point in 0..=calls.len() {
        let survived = &calls[..point];
        let acknowledged = survived.iter().filter_map(|call| match call {
            Call::Acknowledged(commit) => Some(*commit),
            _ => None,
        });
        let least = acknowledged.max().unwrap_or(0);
        let crashed: Arc<dyn Disk> = Arc::new(after_crash(survived, random));
        let store = match Store::on_disk(Arc::clone(&crashed), &options(), Layout::TREES) {
            Ok(store) => store,
            Err(error) => panic!("seed {seed}, crash after call {point} of {}: {error}", calls.len()),
        };
        let sequence = store.snapshot().sequence() as usize;
        assert!(sequence >= least, "seed {seed}, crash after call {point}: commit {least} is lost");
        if sequence == 0 {
            continue;
        }
        let state = &states[sequence];
        let named = |at: usize| (state.trees[at], KINDS[at], format!("tree {at}"));
        let problems = store.check(&[named(0), named(1)]).unwrap();
        assert_eq!(problems, Vec::<String>::new(), "seed {seed}, crash after call {point}");
        assert_shows(&store.snapshot(), state);
    }
}

#[test]
fn a_crash_at_any_call_of_a_vacuum_loses_nothing() {
    (0..runs(2)).for_each(|seed| run(300 + seed, Synchronous::Full, 64 << 20));
    (0..runs(1)).for_each(|seed| run(330 + seed, Synchronous::Normal, SMALL_CACHE));
}

#[test]
fn a_load_to_where_the_file_was_cut_off_survives_a_crash_at_any_call() {
    (0..runs(2)).for_each(|seed| run(360 + seed, Synchronous::Full, SMALL_CACHE));
    (0..runs(1)).for_each(|seed| run(390 + seed, Synchronous::Off, SMALLEST_CACHE));
}

#[test]
fn the_file_is_cut_when_the_last_reader_of_its_end_is_gone() {
    // The end of the file went while a log that a recovery would read still named pages there.
    let disk = Arc::new(NotingDisk::default());
    let shared = Arc::clone(&disk) as Arc<dyn Disk>;
    let store = open(&shared, &options());
    let mut creation = store.begin_write(Duration::ZERO).unwrap();
    let tree = creation.create_tree(TreeKind::Table).unwrap();
    for row in 0..2000 {
        creation.insert(tree, &row_key(row), &[7; 200]).unwrap();
    }
    creation.commit().unwrap();
    store.checkpoint().unwrap();
    let before = store.snapshot();
    let length = disk.length(FileRole::Base).unwrap();
    let mut transaction = store.begin_write(Duration::ZERO).unwrap();
    transaction.clear_tree(tree).unwrap();
    transaction.commit().unwrap();
    assert_eq!(store.snapshot().page_count(), 3);
    assert!(store.checkpoint().is_err());
    assert_eq!(disk.length(FileRole::Base).unwrap(), length, "a reader still sees the end");
    assert!(before.page(PageId(before.page_count() - 1)).is_ok());
    drop(before);
    disk.calls.lock().unwrap().clear();
    store.checkpoint().unwrap();
    assert_eq!(disk.length(FileRole::Base).unwrap(), 3 * 4096);
    let calls = disk.calls.lock().unwrap();
    let cut = calls.iter().position(|call| matches!(call, Call::Truncate(FileRole::Base, _))).unwrap();
    assert!(
        matches!(calls[cut - 1], Call::Sync(FileRole::Log0 | FileRole::Log1)),
        "the checkpoint is stated durably first"
    );
}
