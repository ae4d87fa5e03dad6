//! Damaged files: a flipped byte gives an error that names the page, or untouched results; bytes that were
//! changed together with their checksum may lie, but nothing panics.
//!
//! `SEDGE_TEST_RUNS` sets the number of damages.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use sedge_storage::{Error, Options, Result, Snapshot, Store, TreeId, TreeKind, row_key};
use std::path::Path;
use std::time::Duration;

const PAGE_SIZE: usize = 4096;
const ROWS: i64 = 1500;

fn runs(usual: u64) -> u64 {
    std::env::var("SEDGE_TEST_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(usual)
}

fn next(random: &mut u64) -> usize {
    *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*random >> 33) as usize
}

type Rows = Vec<(Vec<u8>, Vec<u8>)>;

/// A database with a table of rows, some of them long, an index of them, and free pages.
fn sample(path: &Path) -> [TreeId; 2] {
    let store = Store::open(path, &Options { page_size: PAGE_SIZE, ..Options::default() }).unwrap();
    let mut transaction = store.begin_write(Duration::ZERO).unwrap();
    let table = transaction.create_tree(TreeKind::Table).unwrap();
    let index = transaction.create_tree(TreeKind::Index).unwrap();
    for row in 0..ROWS {
        let length = if row % 100 == 0 { 9000 } else { row as usize % 90 };
        transaction.insert(table, &row_key(row), &vec![row as u8; length]).unwrap();
        transaction.insert(index, format!("key {:05}", row * 7919 % ROWS).as_bytes(), &[]).unwrap();
    }
    for row in 300..500 {
        transaction.delete(table, &row_key(row)).unwrap();
    }
    transaction.commit().unwrap();
    store.close().unwrap();
    [table, index]
}

fn read(snapshot: &Snapshot, tree: TreeId, backwards: bool) -> Result<Rows> {
    let mut cursor = snapshot.cursor(tree);
    let mut rows = Rows::new();
    let mut more = if backwards { cursor.seek_last()? } else { cursor.seek_first()? };
    // A circle of pages must be noticed by the reader of a check; here it must only not go on for ever.
    while more && rows.len() < 3 * ROWS as usize {
        let key = cursor.key()?.to_vec();
        rows.push((key, cursor.value()?.to_vec()));
        more = if backwards { cursor.prev()? } else { cursor.next()? };
    }
    Ok(rows)
}

fn named(trees: &[TreeId; 2]) -> Vec<(TreeId, TreeKind, String)> {
    vec![
        (Store::SCHEMA_TREE, TreeKind::Index, "schema".into()),
        (trees[0], TreeKind::Table, "table".into()),
        (trees[1], TreeKind::Index, "index".into()),
    ]
}

#[test]
fn a_flipped_byte_is_an_error_or_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("whole.sedge");
    let trees = sample(&path);
    let store = Store::open(&path, &Options::default()).unwrap();
    let expected = trees.map(|tree| read(&store.snapshot(), tree, false).unwrap());
    assert_eq!(store.check(&named(&trees)).unwrap(), Vec::<String>::new());
    store.close().unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let random = &mut 99;
    for run in 0..runs(200) {
        let damaged = folder.path().join(format!("damaged{run}.sedge"));
        let mut changed = bytes.clone();
        let at = next(random) % bytes.len();
        changed[at] ^= 1 << (next(random) % 8);
        std::fs::write(&damaged, changed).unwrap();
        let page = (at / PAGE_SIZE) as u32;
        let options = Options { mmap: run % 2 == 0, ..Options::default() };
        let store = match Store::open(&damaged, &options) {
            Ok(store) => store,
            Err(error) => {
                let foreign = matches!(error, Error::NotADatabase { .. });
                assert!(page == 0 && (foreign || matches!(error, Error::Corrupt { page: 0, .. })), "{error}");
                continue;
            }
        };
        let mut harmed = false;
        for (tree, expected) in trees.iter().zip(&expected) {
            for backwards in [false, true] {
                match read(&store.snapshot(), *tree, backwards) {
                    Ok(mut rows) => {
                        if backwards {
                            rows.reverse();
                        }
                        assert!(rows == *expected, "byte {at}: wrong rows");
                    }
                    Err(Error::Corrupt { page: named, .. }) => {
                        assert_eq!(named, page, "byte {at}");
                        harmed = true;
                    }
                    Err(error) => panic!("byte {at}: {error}"),
                }
            }
        }
        let problems = store.check(&named(&trees)).unwrap();
        assert!(
            !harmed || problems.iter().any(|problem| problem.contains(&format!("page {page}"))),
            "{problems:?}"
        );
        drop(store);
        std::fs::remove_file(damaged).unwrap();
    }
}

#[test]
fn forged_pages_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("whole.sedge");
    let trees = sample(&path);
    let bytes = std::fs::read(&path).unwrap();
    let random = &mut 7;
    for run in 0..runs(400) {
        let forged = folder.path().join(format!("forged{}.sedge", run % 8));
        let mut changed = bytes.clone();
        for _ in 0..1 + next(random) % 3 {
            let id = 1 + next(random) % (bytes.len() / PAGE_SIZE - 1);
            let page = &mut changed[id * PAGE_SIZE..(id + 1) * PAGE_SIZE];
            for _ in 0..1 + next(random) % 4 {
                // Mostly the header and the slots, where offsets and counts stand.
                let reach = if next(random).is_multiple_of(4) { PAGE_SIZE - 4 } else { 120 };
                page[8 + next(random) % (reach - 8)] = next(random) as u8;
            }
            let mut hasher = crc32fast::Hasher::new_with_initial(crc32fast::hash(&(id as u32).to_le_bytes()));
            hasher.update(&page[..PAGE_SIZE - 4]);
            page[PAGE_SIZE - 4..].copy_from_slice(&hasher.finalize().to_le_bytes());
        }
        std::fs::write(&forged, changed).unwrap();
        let store = Store::open(&forged, &Options::default()).unwrap();
        for tree in trees {
            let _ = read(&store.snapshot(), tree, false);
            let _ = read(&store.snapshot(), tree, true);
        }
        let _ = store.check(&named(&trees));
        let mut transaction = store.begin_write(Duration::ZERO).unwrap();
        for row in 0..200 {
            let row = row * 13 % ROWS;
            let edited = match row % 3 {
                0 => transaction.delete(trees[0], &row_key(row)),
                1 => transaction.put(trees[0], &row_key(row), &[1; 300]),
                _ => transaction.delete(trees[1], format!("key {row:05}").as_bytes()),
            };
            if edited.is_err() {
                break;
            }
        }
        let _ = transaction.clear_tree(trees[1]);
        drop(transaction);
    }
}
