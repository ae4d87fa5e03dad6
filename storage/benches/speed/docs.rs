//! Steps over few rows, most in memory: what the trees alone cost, without log and disk.

use super::{Report, WAIT, long_key, scattered};
use sedge_storage::{Options, Store, Synchronous, TreeId, TreeKind, WriteTransaction, row_key};
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

const DOCS: u64 = 10_000;
const VALUE: [u8; 100] = [7; 100];

fn rounds_wanted() -> u32 {
    std::env::var("SPEED_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(30)
}

/// What a step does with a transaction over the tree it prepared; how often it did it.
type Work<'a> = &'a dyn Fn(&mut WriteTransaction, TreeId) -> u64;

/// Runs `work` on a new store for each round, after `prepare`; prints the least time of a round.
fn rounds(report: &Report, name: &str, kind: TreeKind, prepare: Work<'_>, work: Work<'_>) {
    if !report.wants(name) {
        return;
    }
    let mut least = f64::INFINITY;
    let mut counted = String::new();
    for _ in 0..rounds_wanted() {
        let store = Store::open_in_memory(&Options::default()).unwrap();
        let mut transaction = store.begin_write(WAIT).unwrap();
        let tree = transaction.create_tree(kind).unwrap();
        prepare(&mut transaction, tree);
        transaction.commit().unwrap();
        let mut transaction = store.begin_write(WAIT).unwrap();
        let started = Instant::now();
        let times = black_box(work(&mut transaction, tree));
        least = least.min(started.elapsed().as_nanos() as f64 / times as f64);
        let counters = transaction.counters();
        let counts = counters.iter().filter(|(_, count)| *count > 0);
        counted = counts.map(|(name, count)| format!(" {name}={count}")).collect();
        transaction.commit().unwrap();
    }
    println!("{name:<28} {least:>10.1} ns;{counted}");
}

fn key(index: u64) -> [u8; 8] {
    row_key(index as i64)
}

/// Rows in ascending order.
fn load(transaction: &mut WriteTransaction, tree: TreeId) -> u64 {
    for index in 0..DOCS {
        transaction.insert(tree, &key(index), &VALUE).unwrap();
    }
    DOCS
}

/// Texts of 20 bytes in no order.
fn load_texts(transaction: &mut WriteTransaction, tree: TreeId) -> u64 {
    for index in 0..DOCS {
        transaction.insert(tree, &long_key(index), &VALUE).unwrap();
    }
    DOCS
}

fn nothing(_: &mut WriteTransaction, _: TreeId) -> u64 {
    0
}

/// A load of all rows into a new file, with its commit.
fn load_files(report: &Report, folder: &Path) {
    let name = "docs-load-file";
    if !report.wants(name) {
        return;
    }
    std::fs::create_dir_all(folder).unwrap();
    let (mut least, mut bytes) = (f64::INFINITY, 0);
    for round in 0..rounds_wanted() {
        let options = Options { synchronous: Synchronous::Off, ..Options::default() };
        let path = folder.join(format!("{round}.sedge"));
        let store = Store::open(&path, &options).unwrap();
        let mut transaction = store.begin_write(WAIT).unwrap();
        let tree = transaction.create_tree(TreeKind::Table).unwrap();
        transaction.commit().unwrap();
        let started = Instant::now();
        let mut transaction = store.begin_write(WAIT).unwrap();
        let times = load(&mut transaction, tree);
        transaction.commit().unwrap();
        least = least.min(started.elapsed().as_nanos() as f64 / times as f64);
        drop(store);
        bytes = std::fs::metadata(&path).unwrap().len();
        std::fs::remove_file(&path).unwrap();
    }
    println!("{name:<28} {least:>10.1} ns; {bytes} bytes at rest");
}

/// All steps of this file.
pub(super) fn steps(report: &Report, folder: &Path) {
    load_files(report, folder);
    let table = |name, prepare, work| rounds(report, name, TreeKind::Table, prepare, work);
    let index = |name, prepare, work| rounds(report, name, TreeKind::Index, prepare, work);
    table("docs-insert-ascending", &nothing, &load);
    table("docs-insert-scattered", &nothing, &|transaction, tree| {
        for index in 0..DOCS {
            transaction.insert(tree, &key(scattered(index) >> 20), &VALUE).unwrap();
        }
        DOCS
    });
    table("docs-update", &load, &|transaction, tree| {
        for index in 0..DOCS {
            transaction.replace(tree, &key(scattered(index) % DOCS), &[8; 100]).unwrap();
        }
        DOCS
    });
    table("docs-update-longer", &load, &|transaction, tree| {
        for index in 0..DOCS {
            transaction.replace(tree, &key(scattered(index) % DOCS), &[8; 110]).unwrap();
        }
        DOCS
    });
    table("docs-delete-ascending", &load, &|transaction, tree| {
        for index in 0..DOCS {
            transaction.delete(tree, &key(index)).unwrap();
        }
        DOCS
    });
    table("docs-delete-scattered", &load, &|transaction, tree| {
        (0..DOCS).filter(|&index| transaction.delete(tree, &key(scattered(index) % DOCS)).unwrap()).count()
            as u64
    });
    table("docs-churn", &load, &|transaction, tree| {
        for index in 0..DOCS {
            let key = key(scattered(index) % DOCS);
            if !transaction.delete(tree, &key).unwrap() {
                transaction.insert(tree, &key, &VALUE).unwrap();
            }
        }
        DOCS
    });
    index("docs-texts-insert", &nothing, &load_texts);
    index("docs-texts-update", &load_texts, &|transaction, tree| {
        for index in 0..DOCS {
            transaction.replace(tree, &long_key(scattered(index) % DOCS), &[8; 100]).unwrap();
        }
        DOCS
    });
    index("docs-texts-delete", &load_texts, &|transaction, tree| {
        for index in 0..DOCS {
            transaction.delete(tree, &long_key(index)).unwrap();
        }
        DOCS
    });
    index("docs-texts-get", &load_texts, &|transaction, tree| {
        for index in 0..DOCS {
            black_box(transaction.get(tree, &long_key(scattered(index) % DOCS), <[u8]>::len).unwrap());
        }
        DOCS
    });
    let name = |index: u64| format!("customer-{:07}", scattered(index) % 3_000_000).into_bytes();
    let load_names = |transaction: &mut WriteTransaction, tree| {
        (0..DOCS).filter(|&index| transaction.insert(tree, &name(index), &VALUE[..20]).unwrap()).count()
            as u64
    };
    index("docs-names-insert", &nothing, &load_names);
    index("docs-names-get", &load_names, &|transaction, tree| {
        for index in 0..DOCS {
            black_box(transaction.get(tree, &name(scattered(index) % DOCS), <[u8]>::len).unwrap());
        }
        DOCS
    });
    table("docs-get", &load, &|transaction, tree| {
        for index in 0..DOCS {
            black_box(transaction.get(tree, &key(scattered(index) % DOCS), <[u8]>::len).unwrap());
        }
        DOCS
    });
    table("docs-scan", &load, &|transaction, tree| {
        let mut cursor = transaction.snapshot().cursor(tree);
        let (mut more, mut sum) = (cursor.seek_first().unwrap(), 0);
        while more {
            sum += cursor.row_id() as usize + cursor.value().unwrap().len();
            more = cursor.next().unwrap();
        }
        black_box(sum);
        DOCS
    });
    table("docs-scan-by-leaf", &load, &|transaction, tree| {
        let mut cursor = transaction.snapshot().cursor(tree);
        let (mut more, mut sum) = (cursor.seek_first().unwrap(), 0);
        while more {
            let leaf = cursor.leaf().unwrap();
            for (slot, place) in leaf.places(0..leaf.len()).enumerate() {
                sum += leaf.row_id(slot) as usize + place.map_or(0, |(start, end)| end - start);
            }
            more = cursor.next_leaf().unwrap();
        }
        black_box(sum);
        DOCS
    });
    table("docs-ranges-of-100", &load, &|transaction, tree| {
        let mut cursor = transaction.snapshot().cursor(tree);
        for index in 0..DOCS / 100 {
            let mut more = cursor.seek_row((scattered(index) % (DOCS - 100)) as i64).unwrap();
            for _ in 0..100 {
                black_box(cursor.value().unwrap());
                more = more && cursor.next().unwrap();
            }
        }
        DOCS / 100 * 100
    });
}
