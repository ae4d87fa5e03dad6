//! A store beside two `BTreeMap`s: random edits of a table tree and an index tree, with savepoints, rollbacks,
//! held snapshots, checkpoints, reopenings and copies of the files of the running store.
//!
//! `SEDGE_TEST_RUNS` sets the number of runs, `SEDGE_TEST_STEPS` their length.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use sedge_storage::{
    Cursor, Options, ReadPages, Snapshot, Store, TreeId, TreeKind, WriteTransaction, row_id_of, row_key,
};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

type Map = BTreeMap<Vec<u8>, Vec<u8>>;

/// What a table tree and an index tree hold.
#[derive(Clone, Default, PartialEq)]
struct Model {
    trees: [Map; 2],
}

/// Number `name` of the environment, or `usual`.
fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(usual)
}

/// A small generator of pseudo-random numbers (xorshift64*).
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Random {
        Random((seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn key(&mut self, kind: TreeKind, range: u64) -> Vec<u8> {
        let number = self.below(range);
        match kind {
            TreeKind::Table => row_key(number as i64 - range as i64 / 3).to_vec(),
            TreeKind::Index => {
                let mut key = format!("{:03}/{}", number % 7, number / 7).into_bytes();
                // A few keys are longer than a node may hold.
                let more = if number.is_multiple_of(50) { 3000 } else { number % 40 };
                key.extend((0..more).map(|at| (number + at) as u8));
                key
            }
        }
    }

    fn value(&mut self) -> Vec<u8> {
        let length = match self.below(40) {
            0 => 4000 + self.below(30_000),
            1..4 => self.below(2500),
            _ => self.below(150),
        };
        let byte = self.next();
        (0..length).map(|at| (byte + at / 5) as u8).collect()
    }
}

const KINDS: [TreeKind; 2] = [TreeKind::Table, TreeKind::Index];

fn named(trees: &[TreeId; 2]) -> Vec<(TreeId, TreeKind, String)> {
    vec![
        (Store::SCHEMA_TREE, TreeKind::Index, "schema".into()),
        (trees[0], KINDS[0], "table".into()),
        (trees[1], KINDS[1], "index".into()),
    ]
}

fn edit(
    random: &mut Random,
    transaction: &mut WriteTransaction,
    trees: &[TreeId; 2],
    model: &mut Model,
    range: u64,
) {
    let which = random.below(2) as usize;
    let (tree, map) = (trees[which], &mut model.trees[which]);
    let key = random.key(KINDS[which], range);
    let known = map.contains_key(&key);
    match random.below(100) {
        0..35 => {
            let value = random.value();
            assert_eq!(transaction.insert(tree, &key, &value).unwrap(), !known);
            map.entry(key).or_insert(value);
        }
        35..50 => {
            let value = random.value();
            assert_eq!(transaction.replace(tree, &key, &value).unwrap(), known);
            if known {
                map.insert(key, value);
            }
        }
        50..65 => {
            let value = random.value();
            assert_eq!(transaction.put(tree, &key, &value).unwrap(), !known);
            map.insert(key, value);
        }
        65..99 => {
            assert_eq!(transaction.delete(tree, &key).unwrap(), known);
            map.remove(&key);
        }
        _ if random.below(20) == 0 => {
            transaction.clear_tree(tree).unwrap();
            map.clear();
        }
        _ => {
            let found = transaction.get(tree, &key, <[u8]>::to_vec).unwrap();
            assert_eq!(found.as_ref(), map.get(&key));
        }
    }
}

fn assert_walks<P: ReadPages>(mut cursor: Cursor<P>, kind: TreeKind, map: &Map) {
    let mut more = cursor.seek_first().unwrap();
    for (key, value) in map {
        assert!(more, "the cursor ends early");
        assert_eq!(cursor.key().unwrap(), key);
        if kind == TreeKind::Table {
            assert_eq!(cursor.row_id(), row_id_of(key[..].try_into().unwrap()));
        }
        assert_eq!(cursor.value().unwrap(), value);
        more = cursor.next().unwrap();
    }
    assert!(!more, "the cursor goes on too long");
    let mut more = cursor.seek_last().unwrap();
    for key in map.keys().rev() {
        assert!(more, "the cursor ends early backwards");
        assert_eq!(cursor.key().unwrap(), key);
        more = cursor.prev().unwrap();
    }
    assert!(!more);
}

fn assert_shows(snapshot: &Snapshot, trees: &[TreeId; 2], model: &Model) {
    for ((tree, kind), map) in trees.iter().zip(KINDS).zip(&model.trees) {
        assert_walks(snapshot.cursor(*tree), kind, map);
        for key in map.keys().step_by(7) {
            assert_eq!(snapshot.get(*tree, key, <[u8]>::to_vec).unwrap().as_ref(), map.get(key));
        }
    }
}

fn transaction(random: &mut Random, store: &Store, trees: &[TreeId; 2], model: &mut Model, range: u64) {
    let mut transaction = store.begin_write(Duration::ZERO).unwrap();
    let mut private = model.clone();
    let (mut savepoints, mut shown) = (Vec::new(), Vec::new());
    for _ in 0..1 + random.below(150) {
        match random.below(60) {
            0 => savepoints.push((transaction.savepoint(), private.clone())),
            1 | 2 if !savepoints.is_empty() => {
                savepoints.truncate(random.below(savepoints.len() as u64) as usize + 1);
                let (savepoint, state) = savepoints.last().unwrap();
                transaction.rollback_to(savepoint).unwrap();
                private = state.clone();
            }
            3 => {
                if let Some((savepoint, _)) = savepoints.pop() {
                    transaction.release(savepoint).unwrap();
                }
            }
            4 => shown.push((transaction.snapshot(), private.clone())),
            _ => edit(random, &mut transaction, trees, &mut private, range),
        }
    }
    if random.below(5) == 0 {
        transaction.rollback();
    } else {
        transaction.commit().unwrap();
        *model = private;
    }
    for (snapshot, seen) in shown {
        assert_shows(&snapshot, trees, &seen);
    }
}

/// Opens a copy of the files as they lie there, as after a crash of the process.
fn assert_crash_copy_shows(path: &Path, trees: &[TreeId; 2], model: &Model) {
    let folder = tempfile::tempdir().unwrap();
    let copied = folder.path().join("copied.sedge");
    for suffix in ["", "-wal0", "-wal1"] {
        let named = |path: &Path| format!("{}{suffix}", path.display());
        if Path::new(&named(path)).exists() {
            std::fs::copy(named(path), named(&copied)).unwrap();
        }
    }
    let store = Store::open(&copied, &Options::default()).unwrap();
    assert_shows(&store.snapshot(), trees, model);
    assert_eq!(store.check(&named(trees)).unwrap(), Vec::<String>::new());
}

fn run(seed: u64, options: &Options, steps: u64) {
    let random = &mut Random::new(seed);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.sedge");
    let mut store = Store::open(&path, options).unwrap();
    let mut creation = store.begin_write(Duration::ZERO).unwrap();
    let trees = KINDS.map(|kind| creation.create_tree(kind).unwrap());
    creation.commit().unwrap();
    let mut model = Model::default();
    let mut held: Vec<(Snapshot, Model)> = Vec::new();
    let range = 20 + random.below(600);
    for _ in 0..steps {
        match random.below(30) {
            0 => {
                held.clear();
                store.close().unwrap();
                assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "one file at rest");
                store = Store::open(&path, options).unwrap();
                assert_eq!(store.recovery_report(), None);
                assert_shows(&store.snapshot(), &trees, &model);
            }
            1 => drop(store.checkpoint()),
            2 => held.push((store.snapshot(), model.clone())),
            3 => {
                if let Some((snapshot, seen)) = held.pop() {
                    assert_shows(&snapshot, &trees, &seen);
                }
            }
            4 => assert_crash_copy_shows(&path, &trees, &model),
            _ => transaction(random, &store, &trees, &mut model, range),
        }
    }
    assert_shows(&store.snapshot(), &trees, &model);
    assert_eq!(store.check(&named(&trees)).unwrap(), Vec::<String>::new());
    for (snapshot, seen) in held {
        assert_shows(&snapshot, &trees, &seen);
    }
}

#[test]
fn a_store_is_two_ordered_maps() {
    let (runs, steps) = (setting("SEDGE_TEST_RUNS", 4), setting("SEDGE_TEST_STEPS", 60));
    for seed in 0..runs {
        run(seed, &Options { page_size: 4096, ..Options::default() }, steps);
    }
}

#[test]
fn page_sizes_and_unmapped_reads_change_nothing() {
    let steps = setting("SEDGE_TEST_STEPS", 60) / 2;
    run(21, &Options { page_size: 8192, mmap: false, cache_size: 1 << 20, ..Options::default() }, steps);
    run(22, &Options { page_size: 65536, ..Options::default() }, steps);
}

#[test]
fn trees_come_and_go_and_leave_no_page_behind() {
    let store = Store::open_in_memory(&Options::default()).unwrap();
    let mut transaction = store.begin_write(Duration::ZERO).unwrap();
    let trees = KINDS.map(|kind| transaction.create_tree(kind).unwrap());
    for number in 0..5000u32 {
        let key = row_key(i64::from(number));
        transaction.insert(trees[0], &key, &[1; 200]).unwrap();
        transaction.insert(trees[1], &number.to_be_bytes(), &[]).unwrap();
    }
    transaction.commit().unwrap();
    assert!(store.metrics().page_count > 100);
    let mut transaction = store.begin_write(Duration::ZERO).unwrap();
    transaction.drop_tree(trees[0]).unwrap();
    transaction.drop_tree(trees[1]).unwrap();
    transaction.commit().unwrap();
    let metrics = store.metrics();
    assert_eq!((metrics.free_pages, metrics.page_count), (0, 2), "free pages at the end are cut off");
    let schema = [(Store::SCHEMA_TREE, TreeKind::Index, "schema".to_owned())];
    assert_eq!(store.check(&schema).unwrap(), Vec::<String>::new());
}
