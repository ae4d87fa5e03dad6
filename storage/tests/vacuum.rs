//! Vacuum and backup against `BTreeMap`s: trees that come, go, shrink and move, with readers that hold old snapshots,
//! writers between the steps, reopenings and copies of the files of the running store.
//!
//! `SEDGE_TEST_RUNS` sets the number of runs.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use sedge_storage::{Options, Snapshot, Store, TreeId, TreeKind, Vacuum, WriteTransaction, row_key};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

type Map = BTreeMap<Vec<u8>, Vec<u8>>;

/// Trees by the number of their making: where each is now, what it is, and what it holds.
#[derive(Clone, Default)]
struct Model {
    trees: BTreeMap<u32, (TreeId, TreeKind, Map)>,
    made: u32,
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
}

fn runs(usual: u64) -> u64 {
    std::env::var("SEDGE_TEST_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(usual)
}

fn key(kind: TreeKind, number: u64) -> Vec<u8> {
    match kind {
        TreeKind::Table => row_key(number as i64 - 300).to_vec(),
        TreeKind::Index => {
            let mut key = format!("{:03}/{}", number % 7, number / 7).into_bytes();
            // Some keys are longer than a node may hold, and some of their separators.
            let more = if number.is_multiple_of(40) { 1500 + number } else { number % 40 };
            key.extend((0..more).map(|at| if at < 1400 { 7 } else { (number + at) as u8 }));
            key
        }
    }
}

fn value(random: &mut Random) -> Vec<u8> {
    let length = match random.below(60) {
        0 => 4000 + random.below(40_000),
        1..5 => random.below(2500),
        _ => random.below(150),
    };
    let byte = random.next();
    (0..length).map(|at| (byte + at / 5) as u8).collect()
}

fn assert_shows(snapshot: &Snapshot, model: &Model) {
    for (tree, _, map) in model.trees.values() {
        let mut cursor = snapshot.cursor(*tree);
        let mut more = cursor.seek_first().unwrap();
        for (key, value) in map {
            assert!(more, "the cursor ends early");
            assert_eq!(cursor.key().unwrap(), key);
            assert_eq!(cursor.value().unwrap(), value);
            more = cursor.next().unwrap();
        }
        assert!(!more, "the cursor goes on too long");
        let mut more = cursor.seek_last().unwrap();
        for key in map.keys().rev() {
            assert!(more && cursor.key().unwrap() == key);
            more = cursor.prev().unwrap();
        }
    }
}

fn assert_sound(store: &Store, model: &Model) {
    let trees: Vec<_> =
        model.trees.values().map(|(tree, kind, _)| (*tree, *kind, format!("{tree:?}"))).collect();
    assert_eq!(store.check(&trees).unwrap(), Vec::<String>::new());
    assert_shows(&store.snapshot(), model);
}

fn trees(model: &Model) -> Vec<TreeId> {
    let known = model.trees.values().map(|(tree, ..)| *tree);
    [Store::SCHEMA_TREE].into_iter().chain(known).collect()
}

/// Some inserts, or mostly deletes, or a tree that comes or goes.
fn edit(random: &mut Random, transaction: &mut WriteTransaction, model: &mut Model) {
    if model.trees.len() < 2 || random.below(9) == 0 && model.trees.len() < 6 {
        let kind = if random.below(2) == 0 { TreeKind::Table } else { TreeKind::Index };
        let tree = transaction.create_tree(kind).unwrap();
        model.trees.insert(model.made, (tree, kind, Map::new()));
        model.made += 1;
    }
    let which = *model.trees.keys().nth(random.below(model.trees.len() as u64) as usize).unwrap();
    if random.below(25) == 0 {
        let (tree, ..) = model.trees.remove(&which).unwrap();
        return transaction.drop_tree(tree).unwrap();
    }
    let (tree, kind, map) = model.trees.get_mut(&which).unwrap();
    let inserts = random.below(2) == 0;
    for _ in 0..1 + random.below(300) {
        let key = key(*kind, random.below(900));
        if inserts {
            let value = value(random);
            transaction.put(*tree, &key, &value).unwrap();
            map.insert(key, value);
        } else {
            let known = map.remove(&key).is_some();
            assert_eq!(transaction.delete(*tree, &key).unwrap(), known);
        }
    }
}

fn transaction(random: &mut Random, store: &Store, model: &mut Model) {
    let mut transaction = store.begin_write(Duration::ZERO).unwrap();
    let mut private = model.clone();
    for _ in 0..1 + random.below(4) {
        edit(random, &mut transaction, &mut private);
    }
    if random.below(6) == 0 {
        transaction.rollback();
    } else {
        transaction.commit().unwrap();
        *model = private;
    }
}

/// One step of a vacuum, committed or rolled back; true when all is done.
fn step(random: &mut Random, store: &Store, vacuum: &mut Vacuum, model: &mut Model) -> bool {
    let mut transaction = store.begin_write(Duration::ZERO).unwrap();
    let step = transaction.vacuum(vacuum, &trees(model)).unwrap();
    if random.below(12) == 0 {
        // What it had found out is of no use then, and it must find that out too.
        transaction.rollback();
        return false;
    }
    transaction.commit().unwrap();
    for (before, now) in step.moved_trees {
        model.trees.values_mut().filter(|(tree, ..)| *tree == before).for_each(|(tree, ..)| *tree = now);
    }
    step.is_done
}

/// Opens a copy of the files as they lie there, as after a crash of the process.
fn assert_crash_copy_shows(path: &Path, model: &Model) {
    let folder = tempfile::tempdir().unwrap();
    let copied = folder.path().join("copied.sedge");
    for suffix in ["", "-wal0", "-wal1"] {
        let named = |path: &Path| format!("{}{suffix}", path.display());
        if Path::new(&named(path)).exists() {
            std::fs::copy(named(path), named(&copied)).unwrap();
        }
    }
    assert_sound(&Store::open(&copied, &Options::default()).unwrap(), model);
}

fn assert_backup_shows(store: &Store, model: &Model) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("backup.sedge");
    assert!(store.backup(&path, &mut |_| true).unwrap());
    let copy = Store::open(&path, &Options::default()).unwrap();
    assert_eq!(copy.recovery_report(), None);
    assert_sound(&copy, model);
    let mut model = model.clone();
    transaction(&mut Random::new(model.made.into()), &copy, &mut model);
    copy.close().unwrap();
    assert_sound(&Store::open(&path, &Options::default()).unwrap(), &model);
}

fn run(seed: u64, options: &Options) {
    let random = &mut Random::new(seed);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vacuum.sedge");
    let mut store = Store::open(&path, options).unwrap();
    let mut model = Model::default();
    let mut held: Vec<(Snapshot, Model)> = Vec::new();
    let mut vacuum = None;
    for _ in 0..120 {
        match random.below(32) {
            0 => {
                held.clear();
                store.close().unwrap();
                store = Store::open(&path, options).unwrap();
                assert_eq!(store.recovery_report(), None);
                let length = std::fs::metadata(&path).unwrap().len();
                let pages = store.snapshot().page_count();
                assert_eq!(length, u64::from(pages) * store.metrics().page_size as u64, "the end was kept");
            }
            1 | 2 => drop(store.checkpoint()),
            3 => held.push((store.snapshot(), model.clone())),
            4 => {
                if let Some((snapshot, seen)) = held.pop() {
                    assert_shows(&snapshot, &seen);
                }
            }
            5 => assert_crash_copy_shows(&path, &model),
            6 => assert_backup_shows(&store, &model),
            7 | 8 => vacuum = Some(Vacuum::incremental(random.below(200) as u32)),
            9 => vacuum = Some(Vacuum::full()),
            10..20 => {
                if let Some(running) = &mut vacuum
                    && step(random, &store, running, &mut model)
                {
                    vacuum = None;
                }
            }
            _ => transaction(random, &store, &mut model),
        }
        if random.below(20) == 0 {
            assert_sound(&store, &model);
        }
    }
    let mut vacuum = Vacuum::full();
    while !step(random, &store, &mut vacuum, &mut model) {}
    assert_sound(&store, &model);
    assert_eq!(store.metrics().free_pages, 0, "nothing is left to cut");
    for (snapshot, seen) in held {
        assert_shows(&snapshot, &seen);
    }
    store.checkpoint().unwrap();
    let length = u64::from(store.snapshot().page_count()) * u64::from(store.metrics().page_size);
    // A checkpoint that readers had put off before leaves the log as it is, and with it the end of the file.
    store.close().unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().len(), length);
}

#[test]
fn a_vacuumed_store_is_a_row_of_ordered_maps() {
    for seed in 0..runs(3) {
        run(seed, &Options { page_size: 4096, ..Options::default() });
    }
}

#[test]
fn a_small_cache_and_unmapped_reads_change_nothing() {
    for seed in 0..runs(1) {
        run(100 + seed, &Options { page_size: 4096, cache_size: 16 << 12, ..Options::default() });
        run(200 + seed, &Options { page_size: 8192, mmap: false, cache_size: 1 << 20, ..Options::default() });
    }
}

#[test]
fn a_store_in_memory_gives_its_pages_back() {
    let store = Store::open_in_memory(&Options::default()).unwrap();
    let (mut model, random) = (Model::default(), &mut Random::new(5));
    for _ in 0..40 {
        transaction(random, &store, &mut model);
    }
    let mut vacuum = Vacuum::full();
    while !step(random, &store, &mut vacuum, &mut model) {}
    assert_sound(&store, &model);
    let metrics = store.metrics();
    assert_eq!((metrics.free_pages, metrics.overlay_pages), (0, u64::from(metrics.page_count)));
    assert_backup_shows(&store, &model);
}

/// Pages of a database of 60,000 rows in random order and an index, of which every second was deleted, before and after
/// a vacuum, and of one that was loaded with the same rows in order.
#[test]
fn after_a_vacuum_the_file_is_as_small_as_a_load() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("half.sedge");
    let store = Store::open(&path, &Options::default()).unwrap();
    let random = &mut Random::new(9);
    let mut transaction = store.begin_write(Duration::ZERO).unwrap();
    let trees = [TreeKind::Table, TreeKind::Index].map(|kind| transaction.create_tree(kind).unwrap());
    let mut rows: Vec<u64> = (0..60_000).collect();
    (1..rows.len()).rev().for_each(|at| rows.swap(at, random.below(at as u64 + 1) as usize));
    let index_key = |row: u64| row.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes().repeat(2);
    for row in &rows {
        transaction.insert(trees[0], &row_key(*row as i64), &[*row as u8; 100]).unwrap();
        transaction.insert(trees[1], &index_key(*row), &[]).unwrap();
    }
    transaction.commit().unwrap();
    let mut transaction = store.begin_write(Duration::ZERO).unwrap();
    let (gone, left) = rows.split_at(rows.len() / 2);
    for row in gone {
        transaction.delete(trees[0], &row_key(*row as i64)).unwrap();
        transaction.delete(trees[1], &index_key(*row)).unwrap();
    }
    transaction.commit().unwrap();
    let before = store.metrics().page_count;
    let (mut vacuum, mut all) = (Vacuum::full(), vec![Store::SCHEMA_TREE, trees[0], trees[1]]);
    loop {
        let step = store.vacuum_step(&mut vacuum, &all, Duration::ZERO).unwrap();
        for (before, now) in step.moved_trees {
            all.iter_mut().filter(|tree| **tree == before).for_each(|tree| *tree = now);
        }
        if step.is_done {
            break;
        }
    }
    let after = store.metrics().page_count;
    let loaded = Store::open_in_memory(&Options::default()).unwrap();
    let mut transaction = loaded.begin_write(Duration::ZERO).unwrap();
    let trees = [TreeKind::Table, TreeKind::Index].map(|kind| transaction.create_tree(kind).unwrap());
    let mut keys: Vec<Vec<Vec<u8>>> = vec![
        left.iter().map(|row| row_key(*row as i64).to_vec()).collect(),
        left.iter().map(|row| index_key(*row)).collect(),
    ];
    for ((tree, keys), size) in trees.iter().zip(&mut keys).zip([100, 0]) {
        keys.sort();
        let mut keys = keys.iter();
        let next = |key: &mut Vec<u8>, value: &mut Vec<u8>| {
            let Some(next) = keys.next() else { return Ok(false) };
            key.extend_from_slice(next);
            value.resize(size, 7);
            Ok(true)
        };
        transaction.bulk_load(*tree, next).unwrap();
    }
    transaction.commit().unwrap();
    let fresh = loaded.metrics().page_count;
    println!("pages: {before} before, {after} after, {fresh} of a load");
    assert!(after <= fresh + fresh / 20, "{after} pages, a load has {fresh}");
    store.checkpoint().unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().len(), u64::from(after) * 8192);
}

#[test]
fn a_backup_under_a_writer_is_one_state_of_many() {
    const ACCOUNTS: u64 = 3000;
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("bank.sedge"), &Options::default()).unwrap();
    let mut transaction = store.begin_write(Duration::ZERO).unwrap();
    let tree = transaction.create_tree(TreeKind::Table).unwrap();
    for account in 0..ACCOUNTS {
        transaction.insert(tree, &row_key(account as i64), &100u64.to_le_bytes().repeat(20)).unwrap();
    }
    transaction.commit().unwrap();
    let amount = |bytes: &[u8]| u64::from_le_bytes(bytes[..8].try_into().unwrap());
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let random = &mut Random::new(3);
            while !stop.load(Ordering::Relaxed) {
                let mut transaction = store.begin_write(Duration::from_secs(5)).unwrap();
                let [from, to] = [(); 2].map(|()| row_key(random.below(ACCOUNTS) as i64));
                let held = transaction.get(tree, &from, amount).unwrap().unwrap();
                let moved = random.below(held + 1);
                transaction.replace(tree, &from, &(held - moved).to_le_bytes().repeat(20)).unwrap();
                let held = transaction.get(tree, &to, amount).unwrap().unwrap();
                transaction.replace(tree, &to, &(held + moved).to_le_bytes().repeat(20)).unwrap();
                transaction.commit().unwrap();
            }
        });
        for round in 0..5 {
            let path = folder.path().join(format!("copy{round}.sedge"));
            let mut reports = Vec::new();
            let mut progress = |progress| {
                reports.push(progress);
                std::thread::sleep(Duration::from_millis(5));
                true
            };
            assert!(store.backup(&path, &mut progress).unwrap());
            assert!(reports.len() > 1 && reports.is_sorted_by_key(|progress| progress.done));
            let copy = Store::open(&path, &Options::default()).unwrap();
            assert_eq!(
                copy.check(&[(tree, TreeKind::Table, "accounts".into())]).unwrap(),
                Vec::<String>::new()
            );
            let snapshot = copy.snapshot();
            let mut cursor = snapshot.cursor(tree);
            let (mut sum, mut more) = (0, cursor.seek_first().unwrap());
            while more {
                sum += amount(cursor.value().unwrap());
                more = cursor.next().unwrap();
            }
            assert_eq!(sum, 100 * ACCOUNTS);
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_backup_that_ends_early_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("a.sedge"), &Options::default()).unwrap();
    let copy = folder.path().join("b.sedge");
    assert!(!store.backup(&copy, &mut |_| false).unwrap());
    assert!(!copy.exists());
    std::fs::write(&copy, "something").unwrap();
    let refused = store.backup(&copy, &mut |_| true).unwrap_err();
    assert!(refused.to_string().contains("is not empty"), "{refused}");
    assert_eq!(std::fs::read(&copy).unwrap(), b"something");
    let itself = store.backup(&folder.path().join("a.sedge"), &mut |_| true).unwrap_err();
    assert!(matches!(itself, sedge_storage::Error::Busy(_)), "{itself}");
}
