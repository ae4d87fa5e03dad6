//! Random operations on a tree and a `BTreeMap`, with commits and readings in between.

use super::store::{Bed, Numbers};
use crate::btree::{Cursor, LeafValue, TreeKind, clear, get, put, replace, row_id_of};
use proptest::prelude::*;
use std::collections::BTreeMap;

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

/// How keys and operations are drawn.
#[derive(Clone, Copy, Debug)]
struct Shape {
    kind: TreeKind,
    page_size: usize,
    /// Keys come from this many different ones.
    keys: u64,
    /// Long keys share their first part, and differ far behind.
    long_keys: bool,
    long_values: bool,
    /// Of ten operations, so many delete.
    deletes: u64,
}

fn key_of(shape: Shape, number: u64) -> Vec<u8> {
    let mixed = Numbers(number).next();
    if shape.kind == TreeKind::Table {
        // Some row ids are close together, some far apart.
        let row = if mixed.is_multiple_of(7) { mixed } else { (1 << 63) ^ number };
        return row.to_be_bytes().to_vec();
    }
    let mut key = match mixed % 5 {
        0 if shape.long_keys => {
            vec![b'k'; 400 + (mixed >> 8) as usize % 2 * 400 + (mixed >> 20) as usize % 5]
        }
        1 if shape.long_keys => vec![b'k'; (mixed >> 8) as usize % (3 * shape.page_size)],
        2 => vec![b'p'; (mixed >> 8) as usize % 9],
        _ => b"prefix/".to_vec(),
    };
    key.extend_from_slice(&number.to_be_bytes()[7 - (mixed % 3) as usize..]);
    key
}

fn value_of(shape: Shape, numbers: &mut Numbers) -> Vec<u8> {
    let drawn = numbers.next();
    let length = match drawn % 20 {
        0 if shape.long_values => (drawn >> 8) as usize % (3 * shape.page_size),
        1 if shape.long_values => shape.page_size / 4 - 40 + (drawn >> 8) as usize % 40,
        2..6 => (drawn >> 8) as usize % 300,
        _ => (drawn >> 8) as usize % 40,
    };
    vec![drawn as u8; length]
}

fn step(bed: &mut Bed, model: &mut Model, shape: Shape, numbers: &mut Numbers) {
    let key = key_of(shape, numbers.below(shape.keys));
    let drawn = numbers.below(10);
    if drawn < shape.deletes {
        assert_eq!(bed.delete(&key), model.remove(&key).is_some());
        return;
    }
    let value = value_of(shape, numbers);
    let (store, memory, tree) = (&mut bed.store, &mut bed.memory, bed.tree);
    match numbers.below(3) {
        0 => {
            let fresh = !model.contains_key(&key);
            assert_eq!(bed.insert(&key, &value), fresh);
            model.entry(key).or_insert(value);
        }
        1 => {
            let known = model.contains_key(&key);
            assert_eq!(replace(store, memory, tree, &key, &value).unwrap(), known);
            if known {
                model.insert(key, value);
            }
        }
        _ => {
            let fresh = put(store, memory, tree, &key, &value).unwrap();
            assert_eq!(fresh, model.insert(key, value).is_none());
        }
    }
}

/// Reads the tree in every way and compares.
fn compare(bed: &Bed, model: &Model, shape: Shape, numbers: &mut Numbers) {
    assert_eq!(bed.check(), model.len() as u64);
    let mut cursor = Cursor::new(&bed.store, bed.tree);
    let mut found = cursor.seek_first().unwrap();
    for (key, value) in model {
        assert!(found);
        assert_eq!(cursor.key().unwrap(), key);
        assert_eq!(cursor.value().unwrap(), value);
        if shape.kind == TreeKind::Table {
            assert_eq!(cursor.row_id(), row_id_of(key.as_slice().try_into().unwrap()));
        }
        found = cursor.next().unwrap();
    }
    assert!(!found && !cursor.is_valid());
    let mut found = cursor.seek_last().unwrap();
    for (key, value) in model.iter().rev() {
        assert!(found);
        assert_eq!(cursor.key().unwrap(), key);
        assert_eq!(cursor.value().unwrap(), value);
        found = cursor.prev().unwrap();
    }
    assert!(!found);
    let mut leaves = model.iter();
    let mut found = cursor.seek_first().unwrap();
    while found {
        let view = cursor.leaf().unwrap();
        for slot in 0..view.len() {
            let (key, value) = leaves.next().unwrap();
            assert!(
                key.starts_with(view.prefix()) && key[view.prefix().len()..].starts_with(view.key_rest(slot))
            );
            assert_eq!(
                view.has_whole_key(slot),
                key.len() == view.prefix().len() + view.key_rest(slot).len()
            );
            if let LeafValue::Local { bytes, offset_in_page } = view.value(slot) {
                assert_eq!(bytes, value);
                let page = view.page();
                assert_eq!(&page[offset_in_page..offset_in_page + bytes.len()], bytes);
            }
        }
        found = cursor.next_leaf().unwrap();
    }
    assert!(leaves.next().is_none());
    for _ in 0..50 {
        let key = key_of(shape, numbers.below(shape.keys));
        assert_eq!(get(&bed.store, bed.tree, &key, <[u8]>::to_vec).unwrap().as_ref(), model.get(&key));
        let at = model.range(key.clone()..).next();
        assert_eq!(cursor.seek(&key).unwrap(), at.is_some());
        if let Some((at, value)) = at {
            assert!(cursor.is_valid());
            assert_eq!(cursor.key().unwrap(), at);
            assert_eq!(cursor.value().unwrap(), value);
        }
        let before = model.range(..key.clone()).next_back();
        assert_eq!(cursor.seek_before(&key).unwrap(), before.is_some());
        if let Some((before, _)) = before {
            assert_eq!(cursor.key().unwrap(), before);
            let after = model.range(key.clone()..).next();
            assert_eq!(cursor.next().unwrap(), after.is_some());
        }
        assert_eq!(cursor.seek_exact(&key).unwrap(), model.contains_key(&key));
        assert_eq!(cursor.is_valid(), model.contains_key(&key));
    }
    let rows = cursor.estimate_rows().unwrap();
    assert!(model.len() < 50 || rows > 0, "no estimate for {} rows", model.len());
}

fn run(shape: Shape, seed: u64, steps: usize) {
    let mut bed = Bed::new(shape.kind, shape.page_size);
    let mut model = Model::new();
    let mut numbers = Numbers(seed);
    for index in 1..=steps {
        step(&mut bed, &mut model, shape, &mut numbers);
        if numbers.below(60) == 0 {
            bed.commit();
        }
        if index % (steps / 4) == 0 {
            compare(&bed, &model, shape, &mut numbers);
        }
    }
    bed.commit();
    for (index, key) in model.keys().enumerate() {
        assert!(bed.delete(key));
        if index % 100 == 0 {
            bed.commit();
        }
    }
    assert_eq!(bed.check(), 0);
    bed.insert(b"8 bytes.", b"once more");
    clear(&mut bed.store, &mut bed.memory, bed.tree).unwrap();
    assert_eq!((bed.check(), bed.store.page_count()), (0, 1));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn table_trees_are_maps(seed: u64, long_values: bool, deletes in 1u64..6) {
        let shape =
            Shape { kind: TreeKind::Table, page_size: 4096, keys: 2_000, long_keys: false, long_values, deletes };
        run(shape, seed, 3_000);
    }

    #[test]
    fn index_trees_are_maps(seed: u64, long_keys: bool, long_values: bool, deletes in 1u64..6) {
        let shape = Shape { kind: TreeKind::Index, page_size: 4096, keys: 1_500, long_keys, long_values, deletes };
        run(shape, seed, 3_000);
    }

    #[test]
    fn largest_pages_work_too(seed: u64, table: bool) {
        let kind = if table { TreeKind::Table } else { TreeKind::Index };
        let shape = Shape { kind, page_size: 65536, keys: 3_000, long_keys: true, long_values: true, deletes: 2 };
        run(shape, seed, 1_000);
    }
}
