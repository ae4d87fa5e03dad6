//! Pages changed together with their checksum: what they give may be wrong, but nothing panics.

use super::sample::{PAGE_SIZE, next, read, runs, trees_of, write_sample};
use sedge_storage::{Error, Options, Salvage, Store, row_key};
use std::time::Duration;

const ROWS: i64 = 1500;

#[test]
fn forged_pages_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("whole.sedge");
    let trees = write_sample(&path, ROWS);
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
        let _ = store.check(&trees_of(&trees));
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
        drop(store);
        let salvage = Salvage::open(&forged).unwrap();
        for tree in salvage.table_trees(&trees[..1], true) {
            salvage.records(&tree, |_| Ok::<(), Error>(())).unwrap();
        }
        salvage.schema_records(&|_, _| true, |_, _| {}).unwrap();
    }
}
