//! Small databases to damage, reading all of them, and which damages a run tries.

use sedge_storage::{Options, WriteTransaction};
use sedge_storage::{Result, Snapshot, Store, TreeId, TreeKind, row_key};
use std::path::Path;
use std::time::Duration;

pub const PAGE_SIZE: usize = 4096;

/// More records than any database here has: a circle of pages must not be walked for ever.
const RECORDS_MAX: usize = 10_000;

pub type Rows = Vec<(Vec<u8>, Vec<u8>)>;

pub fn runs(usual: u64) -> u64 {
    std::env::var("SEDGE_TEST_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(usual)
}

pub fn next(random: &mut u64) -> usize {
    *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*random >> 33) as usize
}

/// Of `count` damages a seeded sample of `usual`, or all.
pub fn chosen(count: usize, usual: usize) -> Vec<usize> {
    if std::env::var("SEDGE_DAMAGE").is_ok_and(|which| which == "all") || count <= usual {
        return (0..count).collect();
    }
    let random = &mut 2026;
    (0..usual).map(|_| next(random) % count).collect()
}

pub fn open(path: &Path) -> Result<Store> {
    Store::open(path, &Options { page_size: PAGE_SIZE, ..Options::default() })
}

pub fn insert(transaction: &mut WriteTransaction, trees: &[TreeId; 2], row: i64, rows: i64) {
    let length = if row % 100 == 0 { 9000 } else { row as usize % 90 };
    transaction.insert(trees[0], &row_key(row), &vec![row as u8; length]).unwrap();
    transaction.insert(trees[1], format!("key {:05}", row * 7919 % rows).as_bytes(), &[]).unwrap();
}

/// Makes a database with a table of rows, some of them long, an index of them, and free pages.
pub fn write_sample(path: &Path, rows: i64) -> [TreeId; 2] {
    let store = open(path).unwrap();
    let mut transaction = store.begin_write(Duration::ZERO).unwrap();
    let table = transaction.create_tree(TreeKind::Table).unwrap();
    let index = transaction.create_tree(TreeKind::Index).unwrap();
    for row in 0..rows {
        insert(&mut transaction, &[table, index], row, rows);
    }
    for row in rows / 4..rows / 2 {
        transaction.delete(table, &row_key(row)).unwrap();
    }
    transaction.put(Store::SCHEMA_TREE, b"table", &table.0.to_le_bytes()).unwrap();
    transaction.put(Store::SCHEMA_TREE, b"index", &index.0.to_le_bytes()).unwrap();
    transaction.commit().unwrap();
    store.close().unwrap();
    [table, index]
}

pub fn read(snapshot: &Snapshot, tree: TreeId, backwards: bool) -> Result<Rows> {
    let mut cursor = snapshot.cursor(tree);
    let mut rows = Rows::new();
    let mut more = if backwards { cursor.seek_last()? } else { cursor.seek_first()? };
    while more && rows.len() < RECORDS_MAX {
        let key = cursor.key()?.to_vec();
        rows.push((key, cursor.value()?.to_vec()));
        more = if backwards { cursor.prev()? } else { cursor.next()? };
    }
    Ok(rows)
}

pub fn trees_of(trees: &[TreeId; 2]) -> Vec<(TreeId, TreeKind, String)> {
    vec![
        (Store::SCHEMA_TREE, TreeKind::Index, "schema".into()),
        (trees[0], TreeKind::Table, "table".into()),
        (trees[1], TreeKind::Index, "index".into()),
    ]
}

/// The pages on the freelist that are not part of the list itself: nothing that counts stands in them.
pub fn free_pages(bytes: &[u8]) -> Vec<u32> {
    let u32_at = |page: &[u8], at: usize| u32::from_le_bytes(page[at..at + 4].try_into().unwrap());
    let lists = bytes.chunks(PAGE_SIZE).skip(1).filter(|page| page[8] == 7);
    lists.flat_map(|page| (0..u32_at(page, 20) as usize).map(|at| u32_at(page, 24 + at * 4))).collect()
}
