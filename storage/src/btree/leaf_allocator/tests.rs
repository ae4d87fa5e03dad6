//! The allocator of one leaf against a plain `Vec`, every operation in every mix, with a proof of the edit list.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::btree::TreeKind;
use crate::btree::branch::format_root;
use crate::btree::record::{RawValue, Tail};
use crate::page::PageId;
use proptest::prelude::*;

const PAGE_SIZE: usize = 4096;

/// Key, tail and value of a record.
type Model = Vec<(Vec<u8>, Option<Tail>, Vec<u8>)>;

fn empty_leaf(kind: TreeKind) -> PageCopy {
    let mut copy = PageCopy::new(vec![0; PAGE_SIZE].into(), 1, false);
    format_root(&mut copy, kind, 0, PageId::NONE);
    copy
}

fn records_of(node: NodeView<'_>) -> Model {
    let owned = node.records().map(|record| {
        let mut key = Vec::new();
        record.append_local_key(&mut key);
        let RawValue::Local(value) = record.value else { panic!("no value of these tests is long") };
        (key, record.tail, value.to_vec())
    });
    owned.collect()
}

fn key_of(kind: TreeKind, number: u16) -> Vec<u8> {
    match kind {
        // The highest numbers do not share the upper half of the others.
        TreeKind::Table => {
            u64::from(number).wrapping_mul(if number > 65_000 { 1 << 40 } else { 1 }).to_be_bytes().to_vec()
        }
        TreeKind::Index => format!("key{:.*}", usize::from(number % 5), "/////").into_bytes(),
    }
    .into_iter()
    .chain(if kind == TreeKind::Index { number.to_be_bytes().to_vec() } else { Vec::new() })
    .collect()
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u16, usize),
    Replace(u16, usize),
    Delete(u16),
    Reopen,
    Forget,
    Commit,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let length = prop_oneof![4 => 0usize..60, 2 => 100usize..300, 1 => 600usize..900];
    let number = prop_oneof![8 => 0u16..200, 1 => 65_000u16..65_010];
    let step = prop_oneof![
        5 => (number.clone(), length.clone()).prop_map(|(number, length)| Step::Insert(number, length)),
        4 => (any::<u16>(), length).prop_map(|(place, length)| Step::Replace(place, length)),
        3 => any::<u16>().prop_map(Step::Delete),
        1 => Just(Step::Reopen),
        1 => Just(Step::Forget),
        1 => Just(Step::Commit),
    ];
    proptest::collection::vec(step, 1..400)
}

/// Runs the steps on a leaf and on a `Vec`; both must agree after each.
fn run(kind: TreeKind, steps: &[Step]) {
    let mut copy = empty_leaf(kind);
    let mut committed = copy.share();
    copy.edits = EditList::default();
    let mut work = Workspace::default();
    let mut model = Model::new();
    let mut epoch = 0;
    for (index, step) in steps.iter().enumerate() {
        let fill = vec![index as u8; PAGE_SIZE];
        let mut allocator = LeafAllocator::open(&mut copy, &mut work, epoch);
        let before = records_of(allocator.node());
        match *step {
            Step::Insert(number, length) => {
                let key = key_of(kind, number);
                let tail = (kind == TreeKind::Index && number % 7 == 0)
                    .then_some(Tail { page: PageId(u32::from(number)), length: 9 });
                if let Err(slot) = model.binary_search_by(|(known, ..)| known.cmp(&key)) {
                    let record = RecordRef::pending(&key, tail, RawValue::Local(&fill[..length]));
                    let free = allocator.node().gap() + allocator.node().dead();
                    match allocator.insert(slot, &record) {
                        Ok(()) => model.insert(slot, (key, tail, fill[..length].to_vec())),
                        // A refusal changes nothing, and room enough for all keys in full is never refused.
                        Err(_) => {
                            assert_eq!(records_of(allocator.node()), before);
                            assert!(
                                free < length + key.len() + 8 * (model.len() + 3),
                                "refused with {free} free"
                            );
                        }
                    }
                }
            }
            Step::Replace(place, length) if !model.is_empty() => {
                let slot = usize::from(place) % model.len();
                let (key, tail, value) = model[slot].clone();
                let record = RecordRef::pending(&key, tail, RawValue::Local(&fill[..length]));
                let free = allocator.node().gap() + allocator.node().dead() + value.len();
                match allocator.replace(slot, &record) {
                    Ok(()) => model[slot].2 = fill[..length].to_vec(),
                    Err(_) => {
                        assert_eq!(records_of(allocator.node()), before);
                        assert!(free < length + 2, "refused with {free} free");
                    }
                }
            }
            Step::Delete(place) if !model.is_empty() => {
                let slot = usize::from(place) % model.len();
                allocator.delete(slot);
                model.remove(slot);
            }
            Step::Forget => epoch += 1,
            _ => {}
        }
        assert_eq!(records_of(allocator.node()), model);
        allocator.finish();
        match step {
            Step::Reopen => copy.leaf = None,
            Step::Commit => {
                assert!(
                    copy.edits.is_whole() || copy.edits.proves(PageId(1), &committed, copy.bytes()),
                    "step {index}"
                );
                committed = copy.share();
                copy.edits = EditList::default();
            }
            _ => {}
        }
    }
    assert!(copy.edits.is_whole() || copy.edits.proves(PageId(1), &committed, copy.bytes()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn leaves_are_vectors(steps in steps(), table: bool) {
        run(if table { TreeKind::Table } else { TreeKind::Index }, &steps);
    }

    #[test]
    fn halves_hold_what_the_whole_held(
        lengths in proptest::collection::vec(0usize..200, 4..40), pending_slot: usize, cut: usize, high: bool
    ) {
        let mut copy = empty_leaf(TreeKind::Index);
        let mut work = Workspace::default();
        let bytes = [9; 256];
        let mut model = Model::new();
        let pending_slot = pending_slot % lengths.len();
        for (slot, &length) in lengths.iter().enumerate() {
            let key = key_of(TreeKind::Index, slot as u16 * 5);
            model.push((key, None, bytes[..length].to_vec()));
        }
        let (key, _, value) = model.remove(pending_slot);
        // A high fence only where all fit below it: it is the first split's separator.
        let mut allocator = LeafAllocator::open(&mut copy, &mut work, 0);
        for (slot, (key, _, value)) in model.iter().enumerate() {
            if allocator.insert(slot, &RecordRef::pending(key, None, RawValue::Local(value))).is_err() {
                return Ok(());
            }
        }
        if high {
            let fence = Fence { start: &[], rest: b"key/////z", cut: false };
            if !allocator.set_high_fence(Some(&fence)) {
                return Ok(());
            }
        }
        allocator.finish();
        let record = RecordRef::pending(&key, None, RawValue::Local(&value));
        model.insert(pending_slot, (key.clone(), None, value.clone()));
        let cut = 1 + cut % (model.len() - 1);
        let pending = NotApplied { slot: pending_slot, fences: FenceIntent::Balance, record };
        let separator = Fence { start: &[], rest: &model[cut].0, cut: false };
        let total = model.iter().map(|(key, _, value)| key.len() + value.len() + 10).sum::<usize>();
        prop_assume!(total < 3_900);
        let mut right = PageCopy::new(vec![0; PAGE_SIZE].into(), 0, true);
        let split = Split { kind: TreeKind::Index, right_id: PageId(2), cut, pending, separator };
        split_into(&mut copy, &mut right, &mut work, 0, &split);
        for (half, expected) in [(&copy, &model[..cut]), (&right, &model[cut..])] {
            let node = NodeView::new(half.bytes());
            prop_assert_eq!(records_of(node), expected);
            prop_assert_eq!(crate::btree::first_touch::verify(half.bytes()), Ok(()));
        }
        prop_assert_eq!(NodeView::new(copy.bytes()).right_sibling(), PageId(2));
        let between = NodeView::new(copy.bytes()).high_fence().unwrap();
        prop_assert_eq!(between.compare(&model[cut].0), Some(std::cmp::Ordering::Equal));
        // Both snapshots are good: the next edits build nothing.
        let builds = work.counters.allocator_builds;
        LeafAllocator::open(&mut copy, &mut work, 0).finish();
        LeafAllocator::open(&mut right, &mut work, 0).finish();
        prop_assert_eq!(work.counters.allocator_builds, builds);
    }
}

#[test]
fn a_snapshot_of_another_state_is_refused() {
    let mut copy = empty_leaf(TreeKind::Table);
    let mut work = Workspace::default();
    let key = key_of(TreeKind::Table, 1);
    let mut allocator = LeafAllocator::open(&mut copy, &mut work, 7);
    allocator.insert(0, &RecordRef::pending(&key, None, RawValue::Local(b"one"))).unwrap();
    allocator.finish();
    assert_eq!((work.counters.allocator_builds, work.counters.snapshot_reuses), (1, 0));
    LeafAllocator::open(&mut copy, &mut work, 7).finish();
    assert_eq!((work.counters.allocator_builds, work.counters.snapshot_reuses), (1, 1));
    LeafAllocator::open(&mut copy, &mut work, 8).finish();
    assert_eq!(work.counters.allocator_builds, 2, "another epoch");
    let (page, ..) = copy.parts_mut();
    format_page(page);
    LeafAllocator::open(&mut copy, &mut work, 8).finish();
    assert_eq!(work.counters.allocator_builds, 3, "other content");
}

fn format_page(page: &mut [u8]) {
    let heap_end = NodeView::new(page).heap_end();
    header::set_count(page, 0);
    header::set_heap(page, heap_end, 0);
}

#[test]
fn a_hole_is_filled_before_anything_moves() {
    let mut copy = empty_leaf(TreeKind::Table);
    let mut work = Workspace::default();
    let value = [1; 200];
    let mut allocator = LeafAllocator::open(&mut copy, &mut work, 0);
    let mut count = 0;
    loop {
        let key = key_of(TreeKind::Table, count as u16);
        if allocator.insert(count, &RecordRef::pending(&key, None, RawValue::Local(&value))).is_err() {
            break;
        }
        count += 1;
    }
    // The slot of a deleted record makes room for one more slot, its hole for the record.
    allocator.delete(5);
    let key = key_of(TreeKind::Table, 5);
    allocator.insert(5, &RecordRef::pending(&key, None, RawValue::Local(&value))).unwrap();
    allocator.finish();
    assert_eq!((work.counters.compactions, work.counters.slot_extent_builds), (0, 1));
    // Two holes that are too small alone are joined by a compaction, and the extents are still known.
    let mut allocator = LeafAllocator::open(&mut copy, &mut work, 0);
    allocator.delete(9);
    allocator.delete(3);
    let long = [2; 390];
    let key = key_of(TreeKind::Table, 3);
    allocator.insert(3, &RecordRef::pending(&key, None, RawValue::Local(&long))).unwrap();
    allocator.finish();
    assert_eq!((work.counters.compactions, work.counters.slot_extent_builds), (1, 1));
}
