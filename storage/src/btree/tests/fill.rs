//! How full leaves are, and what the allocator counts, under the usual ways to load a tree.

use super::store::{Bed, Numbers};
use crate::btree::{Cursor, TreeKind, bulk_load, get, insert_sorted, last_row_id, row_key};
use std::collections::BTreeMap;

const VALUE: [u8; 100] = [7; 100];

#[test]
fn ascending_inserts_fill_leaves_and_build_nothing() {
    let mut bed = Bed::new(TreeKind::Table, 8192);
    for row in 0..10_000 {
        assert!(bed.insert(&row_key(row), &VALUE));
    }
    assert_eq!(bed.check(), 10_000);
    let (leaves, fill) = bed.store.fill(0);
    assert!(fill > 0.97, "leaves are {fill} full");
    let counts = bed.counts();
    let pages = bed.store.page_count() as u64;
    assert!(counts.allocator_builds <= pages + 5, "{} builds for {pages} pages", counts.allocator_builds);
    assert_eq!(counts.slot_extent_builds, 0);
    assert_eq!(counts.compactions, 0);
    assert!(counts.splits < leaves as u64 + 5);
    assert_eq!(counts.borrows, 0);
    // Each refusal is a split, and hands on what it found out: the leaf is not sought again.
    assert_eq!(counts.failures_no_slot + counts.failures_no_bytes, counts.splits);
    assert_eq!((counts.key_compares, counts.key_decodes), (0, counts.splits));
    assert!(counts.memcopy_bytes <= 10_000 * 103 + 16 * pages, "{counts:?}");
    let last = last_row_id(&bed.store, &mut bed.memory, bed.tree).unwrap();
    assert_eq!(last, Some(9_999));
    // 107 bytes a row, with slot, key and length, where the value takes 100.
    assert!(leaves <= 10_000 / (8108 / 108) + 2, "{leaves} leaves");
}

#[test]
fn runs_of_rows_go_among_others_and_over_them() {
    let (mut bed, mut model, mut numbers) = (Bed::new(TreeKind::Table, 4096), BTreeMap::new(), Numbers(7));
    for _ in 0..300 {
        // The upper half of the key changes in some of the runs.
        let start = if numbers.next() % 6 == 0 { (1 << 32) - 60 } else { numbers.next() % 15_000 };
        let (step, rows) = (1 + numbers.next() % 3, 1 + numbers.next() % 120);
        for row in (0..rows).map(|at| (start + at * step) as i64) {
            let length = if numbers.next() % 60 == 0 { 2000 } else { numbers.next() % 200 };
            let value = vec![row as u8; length as usize];
            assert_eq!(bed.insert(&row_key(row), &value), !model.contains_key(&row), "row {row}");
            model.entry(row).or_insert(value);
            if numbers.next() % 40 == 0 {
                assert!(bed.delete(&row_key(row)));
                model.remove(&row);
            }
        }
        if numbers.next() % 20 == 0 {
            bed.commit();
        }
    }
    assert_eq!(bed.check(), model.len() as u64);
    for (row, value) in model {
        let found = get(&bed.store, bed.tree, &row_key(row), <[u8]>::to_vec).unwrap();
        assert_eq!(found, Some(value), "row {row}");
    }
}

#[test]
fn descending_inserts_fill_leaves() {
    let mut bed = Bed::new(TreeKind::Table, 8192);
    for row in (0..10_000).rev() {
        assert!(bed.insert(&row_key(row), &VALUE));
    }
    assert_eq!(bed.check(), 10_000);
    let (_, fill) = bed.store.fill(0);
    assert!(fill > 0.95, "leaves are {fill} full");
}

#[test]
fn single_row_transactions_fill_leaves_too() {
    let mut bed = Bed::new(TreeKind::Index, 4096);
    for row in 0..3_000 {
        assert!(bed.insert(format!("customer/{row:08}").as_bytes(), b"x"));
        bed.commit();
    }
    assert_eq!(bed.check(), 3_000);
    let (_, fill) = bed.store.fill(0);
    assert!(fill > 0.9, "leaves are {fill} full");
}

#[test]
fn random_inserts_leave_leaves_four_fifths_full() {
    for (kind, length) in [(TreeKind::Table, 100), (TreeKind::Index, 20)] {
        let mut bed = Bed::new(kind, 8192);
        let mut numbers = Numbers(1);
        for _ in 0..20_000 {
            let number = numbers.next();
            bed.insert(&number.to_be_bytes(), &VALUE[..length]);
        }
        assert_eq!(bed.check(), 20_000);
        let (leaves, fill) = bed.store.fill(0);
        println!("{kind:?}: {leaves} leaves, {fill:.3} full, {:?}", bed.counts());
        assert!(fill > 0.795, "leaves of {kind:?} are {fill} full");
    }
}

#[test]
fn runs_in_the_middle_fill_leaves() {
    let mut bed = Bed::new(TreeKind::Index, 8192);
    for group in [5, 1, 9, 3, 7, 2, 8, 4, 6] {
        for item in 0..1_000 {
            assert!(bed.insert(format!("{group}/{item:06}").as_bytes(), &VALUE[..40]));
        }
    }
    assert_eq!(bed.check(), 9_000);
    let (_, fill) = bed.store.fill(0);
    assert!(fill > 0.8, "leaves are {fill} full");
}

#[test]
fn sorted_batches_fill_leaves_from_left_to_right() {
    for (kind, page_size) in [(TreeKind::Table, 8192), (TreeKind::Index, 4096)] {
        let mut bed = Bed::new(kind, page_size);
        let mut expected = 0;
        // Each batch falls between the records of those before it.
        for batch in [0, 40, 20, 60, 30] {
            let mut index = 0;
            let inserted = insert_sorted(&mut bed.store, &mut bed.memory, bed.tree, |key, value| {
                index += 1;
                key.extend_from_slice(&row_key(batch * 1_000_000 + index));
                value.extend_from_slice(&VALUE);
                Ok(index <= 4_000)
            });
            assert_eq!(inserted.unwrap(), 4_000);
            expected += 4_000;
        }
        assert_eq!(bed.check(), expected);
        let (leaves, fill) = bed.store.fill(0);
        assert!(fill > 0.94, "leaves of {kind:?} are {fill} full");
        let counts = bed.counts();
        assert!(counts.borrows == 0 && counts.splits <= leaves as u64 + 5, "{counts:?}");
        // Keys that exist stay as they are, and disorder is refused.
        let mut keys = [row_key(20_000_001), row_key(20_000_002), row_key(5)].into_iter();
        let mut next = |key: &mut Vec<u8>, _: &mut Vec<u8>| Ok(keys.next().map(|k| key.extend(k)).is_some());
        let refused = insert_sorted(&mut bed.store, &mut bed.memory, bed.tree, &mut next);
        assert!(refused.is_err());
        assert_eq!(bed.check(), expected);
    }
}

#[test]
fn bulk_loads_fill_leaves() {
    for kind in [TreeKind::Table, TreeKind::Index] {
        let mut bed = Bed::new(kind, 8192);
        let mut row = 0;
        let count = bulk_load(&mut bed.store, &mut bed.memory, bed.tree, |key, value| {
            row += 1;
            key.extend_from_slice(&row_key(row * 3));
            value.extend_from_slice(&VALUE[..(row % 100) as usize]);
            Ok(row <= 20_000)
        });
        assert_eq!(count.unwrap(), 20_000);
        assert_eq!(bed.check(), 20_000);
        let (_, fill) = bed.store.fill(0);
        assert!(fill > 0.95, "leaves of {kind:?} are {fill} full");
        assert!(bulk_load(&mut bed.store, &mut bed.memory, bed.tree, |_, _| Ok(false)).is_err());
    }
}

#[test]
fn a_boundary_does_not_thrash() {
    for ascending in [true, false] {
        let mut bed = Bed::new(TreeKind::Table, 8192);
        let mut numbers = Numbers(3);
        for row in 0..2_000 {
            let row = if ascending { row } else { (numbers.next() >> 2) as i64 };
            bed.insert(&row_key(row), &VALUE);
        }
        // Grow until a split, then go back and forth over it.
        let splits = bed.counts().splits;
        let mut row = 1_000_000;
        while bed.counts().splits == splits {
            row += 1;
            bed.insert(&row_key(row), &VALUE);
        }
        let before = bed.counts();
        for _ in 0..500 {
            for back in 0..3 {
                assert!(bed.delete(&row_key(row - back)));
            }
            for back in (0..3).rev() {
                assert!(bed.insert(&row_key(row - back), &VALUE));
            }
        }
        let since = bed.counts().since(&before);
        assert!(since.splits + since.merges + since.borrows <= 3, "{since:?}");
        bed.check();
    }
}

#[test]
fn rounds_of_deletes_and_inserts_stay_within_bounds() {
    for kind in [TreeKind::Table, TreeKind::Index] {
        let mut bed = Bed::new(kind, 8192);
        let mut numbers = Numbers(4);
        let keys: Vec<[u8; 8]> = (0..8_000).map(|row| row_key(row * 7)).collect();
        for key in &keys {
            assert!(bed.insert(key.as_slice(), &VALUE[..40 + numbers.below(60) as usize]));
        }
        bed.commit();
        let mut pages = Vec::new();
        for round in 0..10 {
            let gone: Vec<_> = keys.iter().filter(|_| numbers.below(2) == 0).collect();
            for key in &gone {
                assert!(bed.delete(key.as_slice()));
            }
            for key in &gone {
                assert!(bed.insert(key.as_slice(), &VALUE[..40 + numbers.below(60) as usize]));
            }
            bed.commit();
            let dead = bed.store.dead_share();
            assert!(dead < 0.2, "{kind:?}: {dead} of the leaves is dead after round {round}");
            pages.push(bed.store.page_count());
        }
        assert_eq!(bed.check(), 8_000);
        assert!(pages[9] <= pages[1] + pages[1] / 20, "{kind:?}: the tree grows: {pages:?}");
    }
}

#[test]
fn a_third_full_leaf_does_not_thrash() {
    let mut bed = Bed::new(TreeKind::Table, 8192);
    for row in 0..1_000 {
        bed.insert(&row_key(row), &VALUE);
    }
    // Empty the middle until leaves merge, then go back and forth there.
    let mut row = 300;
    while bed.counts().merges == 0 {
        row += 1;
        assert!(bed.delete(&row_key(row)));
    }
    let before = bed.counts();
    for _ in 0..300 {
        for back in 0..4 {
            assert!(bed.insert(&row_key(row - back), &VALUE));
        }
        for back in 0..4 {
            assert!(bed.delete(&row_key(row - back)));
        }
    }
    let since = bed.counts().since(&before);
    assert!(since.splits + since.merges + since.borrows <= 3, "{since:?}");
    bed.check();
}

#[test]
fn random_deletes_give_pages_back() {
    let mut bed = Bed::new(TreeKind::Table, 8192);
    let mut rows: Vec<i64> = (0..20_000).collect();
    for &row in &rows {
        bed.insert(&row_key(row), &VALUE);
    }
    let full = bed.store.page_count();
    let mut numbers = Numbers(9);
    while rows.len() > 2_000 {
        let row = rows.swap_remove(numbers.below(rows.len() as u64) as usize);
        assert!(bed.delete(&row_key(row)));
    }
    assert_eq!(bed.check(), 2_000);
    let (_, fill) = bed.store.fill(0);
    assert!(fill > 0.33, "leaves are {fill} full");
    assert!(bed.store.page_count() < full / 2);
    for row in rows {
        assert!(bed.delete(&row_key(row)));
    }
    assert_eq!(bed.check(), 0);
    assert_eq!(bed.store.page_count(), 1, "only the root is left");
}

#[test]
fn estimates_are_near() {
    let mut bed = Bed::new(TreeKind::Table, 8192);
    for row in 0..20_000 {
        bed.insert(&row_key(row * 2), &VALUE);
    }
    let cursor = Cursor::new(&bed.store, bed.tree);
    let rows = cursor.estimate_rows().unwrap();
    assert!((15_000..25_000).contains(&rows), "{rows} rows");
    for (low, high) in [(0, 4_000), (10_000, 10_200), (39_000, 40_000), (5, 7)] {
        let (from, to) = (row_key(low), row_key(high));
        let range = cursor.estimate_range(Some(&from), Some(&to)).unwrap();
        let truth = (high - low) as u64 / 2;
        assert!(range >= truth / 2 && range <= truth * 2 + 40, "{range} for {truth} rows in {low}..{high}");
    }
    let all = cursor.estimate_range(None, None).unwrap();
    assert!(all == rows, "{all} of {rows}");
}
