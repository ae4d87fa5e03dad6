//! Every limit of the engine, tried at it, below it and above it.
//!
//! Values of two gigabytes are tried with `SEDGE_LARGE=1`: they take as much memory.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use sedge_storage::{Error, Options, Store, TreeId, TreeKind, row_key};
use std::path::Path;
use std::time::Duration;

const PAGE_SIZES: [usize; 5] = [4096, 8192, 16384, 32768, 65536];

fn options(page_size: usize) -> Options {
    Options { page_size, ..Options::default() }
}

fn trees(store: &Store) -> [TreeId; 2] {
    let mut transaction = store.begin_write(Duration::ZERO).unwrap();
    let trees = [TreeKind::Table, TreeKind::Index].map(|kind| transaction.create_tree(kind).unwrap());
    transaction.commit().unwrap();
    trees
}

fn assert_sound(store: &Store, [table, index]: [TreeId; 2]) {
    let named = [(table, TreeKind::Table, "table".to_owned()), (index, TreeKind::Index, "index".to_owned())];
    assert_eq!(store.check(&named).unwrap(), Vec::<String>::new());
}

/// Bytes whose neighbours differ, so that a piece in a wrong place is noticed.
fn content(length: usize, seed: usize) -> Vec<u8> {
    (0..length).map(|at| ((at * 31 + at / 251 + seed * 7) % 256) as u8).collect()
}

#[test]
fn pages_are_powers_of_two_from_four_to_sixty_four_kibibytes() {
    for size in [0, 1, 512, 2048, 4095, 4097, 6144, 8191, 65535, 65537, 131_072, usize::MAX] {
        let error = Store::open_in_memory(&options(size)).unwrap_err();
        assert!(
            matches!(error, Error::Misuse(_)) && error.to_string().contains("power of two"),
            "{size}: {error}"
        );
        let folder = tempfile::tempdir().unwrap();
        assert!(
            Store::open(&folder.path().join("x"), &options(size)).is_err()
                && !folder.path().join("x").exists()
        );
    }
    for size in PAGE_SIZES {
        let store = Store::open_in_memory(&options(size)).unwrap();
        assert_eq!(store.metrics().page_size as usize, size);
    }
}

/// Lengths around those at which a key or a value is kept otherwise: in the node, partly in a run, in runs of one page
/// more.
fn lengths(page_size: usize) -> Vec<usize> {
    let piece = page_size - 24;
    let eighth = page_size / 8;
    let mut around =
        vec![1, 4, 8, 127, 128, 255, 256, eighth, page_size / 4, page_size, piece, 2 * piece, 5 * piece];
    around.extend([eighth + piece, eighth + 2 * piece]);
    let mut all: Vec<usize> = around.iter().flat_map(|at| at.saturating_sub(3)..at + 4).collect();
    all.sort_unstable();
    all.dedup();
    all
}

#[test]
fn keys_and_values_of_every_length_come_back() {
    for page_size in PAGE_SIZES {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lengths.sedge");
        let store = Store::open(&path, &options(page_size)).unwrap();
        let [table, index] = trees(&store);
        let lengths = lengths(page_size);
        let mut transaction = store.begin_write(Duration::ZERO).unwrap();
        for (at, length) in lengths.iter().enumerate() {
            let bytes = content(*length, at);
            assert!(transaction.insert(table, &row_key(at as i64), &bytes).unwrap());
            // As a key, and as a value beside a short key and beside a long one.
            let (short, long) =
                ([&[1], &(at as u32).to_be_bytes()[..]].concat(), [&[2], &bytes[..]].concat());
            assert!(transaction.insert(index, &bytes, &[]).unwrap(), "{length}");
            assert!(transaction.insert(index, &short, &bytes).unwrap());
            assert!(transaction.put(index, &long, &bytes).unwrap());
        }
        transaction.commit().unwrap();
        store.close().unwrap();
        let store = Store::open(&path, &options(page_size)).unwrap();
        assert_sound(&store, [table, index]);
        let snapshot = store.snapshot();
        for (at, length) in lengths.iter().enumerate() {
            let bytes = content(*length, at);
            let (short, long) =
                ([&[1], &(at as u32).to_be_bytes()[..]].concat(), [&[2], &bytes[..]].concat());
            let is = |tree: TreeId, key: &[u8], value: &[u8]| {
                snapshot.get(tree, key, |found| found == value).unwrap() == Some(true)
            };
            assert!(is(table, &row_key(at as i64), &bytes), "{page_size}: {length}");
            assert!(
                is(index, &bytes, &[]) && is(index, &short, &bytes) && is(index, &long, &bytes),
                "{length}"
            );
        }
        drop(snapshot);
        let mut transaction = store.begin_write(Duration::ZERO).unwrap();
        transaction.clear_tree(table).unwrap();
        transaction.clear_tree(index).unwrap();
        transaction.commit().unwrap();
        assert_sound(&store, [table, index]);
    }
}

#[test]
fn a_key_of_a_table_tree_has_eight_bytes() {
    let store = Store::open_in_memory(&options(4096)).unwrap();
    let [table, index] = trees(&store);
    let mut transaction = store.begin_write(Duration::ZERO).unwrap();
    for row in [i64::MIN, -1, 0, 1, i64::MAX] {
        assert!(transaction.insert(table, &row_key(row), &[]).unwrap());
    }
    assert_eq!(transaction.last_row_id(table).unwrap(), Some(i64::MAX));
    for key in [&[][..], &[0; 7], &[0; 9]] {
        assert!(matches!(transaction.insert(table, key, &[]), Err(Error::Misuse(_))));
        assert!(transaction.insert(index, key, &[]).unwrap());
    }
}

#[test]
fn the_longest_value_is_two_gibibytes_less_one() {
    let store = Store::open_in_memory(&options(65536)).unwrap();
    let [table, index] = trees(&store);
    // Zeros that are never looked at take no memory.
    let long = vec![0; 1 << 31];
    let mut transaction = store.begin_write(Duration::ZERO).unwrap();
    for refused in [
        transaction.insert(table, &row_key(1), &long),
        transaction.put(index, &[1], &long),
        transaction.insert(index, &long, &[]),
    ] {
        assert!(refused.unwrap_err().to_string().contains("at most 2,147,483,647 bytes"));
    }
    assert_eq!(store.metrics().page_count, 4);
    if std::env::var("SEDGE_LARGE").is_ok() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("large.sedge"), &options(65536)).unwrap();
        let [table, _] = trees(&store);
        let mut transaction = store.begin_write(Duration::ZERO).unwrap();
        transaction.insert(table, &row_key(1), &long[1..]).unwrap();
        transaction.commit().unwrap();
        let found = store.snapshot().get(table, &row_key(1), <[u8]>::len).unwrap();
        assert_eq!(found, Some(i32::MAX as usize));
    }
}

#[test]
fn thousands_of_trees_live_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trees.sedge");
    let store = Store::open(&path, &options(4096)).unwrap();
    let mut transaction = store.begin_write(Duration::ZERO).unwrap();
    let trees: Vec<TreeId> = (0..5_000).map(|_| transaction.create_tree(TreeKind::Table).unwrap()).collect();
    for (at, tree) in trees.iter().enumerate() {
        transaction.insert(*tree, &row_key(at as i64), b"its row").unwrap();
    }
    transaction.commit().unwrap();
    let named: Vec<_> = trees.iter().map(|tree| (*tree, TreeKind::Table, format!("{tree:?}"))).collect();
    assert_eq!(store.check(&named).unwrap(), Vec::<String>::new());
    let mut transaction = store.begin_write(Duration::ZERO).unwrap();
    trees.iter().for_each(|tree| transaction.drop_tree(*tree).unwrap());
    transaction.commit().unwrap();
    assert_eq!(store.check(&[]).unwrap(), Vec::<String>::new());
}

/// States in page 0 of a database at rest that it has `page_count` pages.
fn set_page_count(path: &Path, page_size: usize, page_count: u32) {
    let mut bytes = std::fs::read(path).unwrap();
    let first = &mut bytes[..page_size];
    // Behind the identity's sector and the page's header.
    first[528..532].copy_from_slice(&page_count.to_le_bytes());
    let mut hasher = crc32fast::Hasher::new_with_initial(crc32fast::hash(&0u32.to_le_bytes()));
    hasher.update(&first[..page_size - 4]);
    first[page_size - 4..].copy_from_slice(&hasher.finalize().to_le_bytes());
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_database_grows_past_four_gibibytes() {
    // The pages between are a hole in the file: as if they belonged to a table that nobody reads.
    for (page_size, mmap) in [(4096, true), (65536, true), (8192, false)] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sparse.sedge");
        let options = Options { mmap, ..options(page_size) };
        let store = Store::open(&path, &options).unwrap();
        let [table, index] = trees(&store);
        store.close().unwrap();
        // Two rows of a page each short of 2^32 bytes.
        let count = ((1u64 << 32) / page_size as u64 - 2) as u32;
        set_page_count(&path, page_size, count);
        std::fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(u64::from(count) * page_size as u64)
            .unwrap();
        let store = Store::open(&path, &options).unwrap();
        let mut transaction = store.begin_write(Duration::ZERO).unwrap();
        for row in 0..200 {
            transaction.insert(table, &row_key(row), &content(page_size, row as usize)).unwrap();
            transaction.insert(index, &content(page_size / 2, row as usize), &[]).unwrap();
        }
        transaction.commit().unwrap();
        store.checkpoint().unwrap();
        store.close().unwrap();
        assert!(std::fs::metadata(&path).unwrap().len() > (1 << 32) + 100 * page_size as u64);
        let store = Store::open(&path, &options).unwrap();
        let snapshot = store.snapshot();
        for row in 0..200 {
            let is = |found: &[u8]| found == content(page_size, row as usize);
            assert_eq!(snapshot.get(table, &row_key(row), is).unwrap(), Some(true));
            let key = content(page_size / 2, row as usize);
            assert_eq!(snapshot.get(index, &key, |_| ()).unwrap(), Some(()));
        }
    }
}

#[test]
fn page_numbers_end_with_an_error_that_says_so() {
    for left in [0u32, 1, 7] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("full.sedge");
        let store = Store::open(&path, &options(4096)).unwrap();
        let [table, _] = trees(&store);
        store.close().unwrap();
        set_page_count(&path, 4096, u32::MAX - left);
        let store = Store::open(&path, &options(4096)).unwrap();
        let mut transaction = store.begin_write(Duration::ZERO).unwrap();
        // What fits into a page that is there needs no new one; each run below takes a page.
        transaction.insert(table, &row_key(0), b"short").unwrap();
        for row in 1..=i64::from(left) {
            transaction.insert(table, &row_key(row), &[7; 3000]).unwrap();
        }
        let savepoint = transaction.savepoint();
        let error = transaction.insert(table, &row_key(100), &[7; 3000]).unwrap_err();
        assert!(matches!(&error, Error::Full(why) if why.contains("the most pages")), "{error}");
        transaction.rollback_to(&savepoint).unwrap();
        // Pages that come free are used again.
        if left > 0 {
            transaction.delete(table, &row_key(1)).unwrap();
            transaction.insert(table, &row_key(100), &[7; 3000]).unwrap();
        }
        assert_eq!(
            transaction.get(table, &row_key(0), <[u8]>::to_vec).unwrap().as_deref(),
            Some(&b"short"[..])
        );
    }
}

#[test]
fn a_page_count_that_is_forged_takes_no_memory_and_no_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("forged.sedge");
    let store = Store::open(&path, &options(4096)).unwrap();
    let [table, index] = trees(&store);
    store.close().unwrap();
    set_page_count(&path, 4096, u32::MAX);
    let store = Store::open(&path, &Options { read_only: true, ..options(4096) }).unwrap();
    let problems = store.check(&[(table, TreeKind::Table, "t".into()), (index, TreeKind::Index, "i".into())]);
    let problems = problems.unwrap();
    assert!(problems.iter().any(|problem| problem.contains("counts 4294967295 pages")), "{problems:?}");
    store.close().unwrap();
    let salvage = sedge_storage::Salvage::open(&path).unwrap();
    assert_eq!(salvage.table_trees(&[table], true).len(), 1);
}
