//! The sums of `stat` beside a naive count, byte by byte, of trees that were shaken first.

use super::store::{Bed, Numbers};
use crate::btree::node::{self, NodeView};
use crate::btree::{LevelStat, TreeKind, TreeStat, replace, stat};
use crate::error::Error;
use crate::page::{LEVEL_OFFSET, PageId, ReadPages};

/// What a level should be, by marking every byte of its pages.
fn naive(bed: &Bed, level: u8) -> (u64, u64, u64, u64) {
    let (mut pages, mut dead, mut holes, mut gap) = (0, 0, 0, 0);
    for id in bed.store.node_ids() {
        let page = bed.store.page(PageId(id)).unwrap();
        if page[LEVEL_OFFSET] != level {
            continue;
        }
        let node = NodeView::new(&page);
        let mut used = vec![false; node.heap_end()];
        let records = (0..node.count()).map(|slot| (node.slot_offset(slot), node.record_length(slot)));
        for (offset, length) in records.chain(node.fence_extents().into_iter().flatten()) {
            used[offset..offset + length].fill(true);
        }
        let heap = &used[node.heap_start()..];
        pages += 1;
        dead += heap.iter().filter(|used| !**used).count() as u64;
        holes += heap.split(|used| *used).filter(|hole| !hole.is_empty()).count() as u64;
        gap += (node.heap_start() - node::SLOTS_START - node.count() * node::SLOT_SIZE) as u64;
    }
    (pages, dead, holes, gap)
}

/// Asserts that the sums agree with the naive count and with each other.
fn checked(bed: &Bed) -> TreeStat {
    let found = stat(&bed.store, bed.tree, bed.store.page_count() as u32).unwrap();
    for (level, sums) in (0u8..).zip(&found.levels) {
        let LevelStat { pages, dead_bytes, holes, gap_bytes, .. } = *sums;
        assert_eq!((pages, dead_bytes, holes, gap_bytes), naive(bed, level));
        let shared = sums.slot_bytes + sums.record_bytes + sums.fence_bytes + dead_bytes + gap_bytes;
        assert_eq!(shared, sums.capacity_bytes);
        let (_, fill) = bed.store.fill(level);
        assert!((sums.fill() - fill).abs() < 1e-9);
    }
    assert_eq!(found.leaf_fill.iter().sum::<u64>(), found.leaves().pages);
    assert_eq!(found.pages(), bed.store.page_count() as u64);
    assert_eq!(found.records(), bed.check());
    found
}

#[test]
fn an_empty_tree_is_one_empty_leaf() {
    let found = checked(&Bed::new(TreeKind::Table, 8192));
    assert_eq!((found.depth(), found.pages(), found.records(), found.leaf_fill[0]), (1, 1, 0, 1));
    assert_eq!((found.leaves().fill(), found.record_bytes_average()), (0.0, 0.0));
}

#[test]
fn an_ascending_load_leaves_full_leaves_without_holes() {
    let mut bed = Bed::new(TreeKind::Table, 8192);
    for row in 0..10_000 {
        bed.insert(&crate::btree::row_key(row), &[7; 100]);
    }
    let found = checked(&bed);
    assert_eq!((found.depth(), found.leaves().holes, found.overflow_pages), (2, 0, 0));
    assert!(found.leaf_fill[9] >= found.leaves().pages - 1, "{found:?}");
    assert_eq!(found.record_bytes_average(), 102.0); // the value and two bytes of its length
}

#[test]
fn holes_and_overflow_are_counted_as_they_lie() {
    for kind in [TreeKind::Table, TreeKind::Index] {
        let mut bed = Bed::new(kind, 4096);
        let mut numbers = Numbers(7);
        let mut long = 0;
        for round in 0..4_000 {
            let key = numbers.below(1_500).to_be_bytes();
            let length = if round % 100 == 0 { 9_000 } else { numbers.below(300) as usize };
            let value = vec![7; length];
            match round % 3 {
                0 => drop(bed.delete(&key)),
                1 => drop(replace(&mut bed.store, &mut bed.memory, bed.tree, &key, &value).unwrap()),
                _ => long += u64::from(bed.insert(&key, &value) && length == 9_000),
            }
        }
        let found = checked(&bed);
        assert!(found.depth() > 1 && found.leaves().holes > 0 && long > 0, "{found:?}");
        // Three pages hold 9,000 bytes; other long values may have come by replacement.
        assert_eq!(found.overflow_bytes, found.overflow_pages / 3 * 9_000);
        assert!(found.leaves().fragmentation() > 0.0 && found.leaves().fragmentation() < 1.0);
    }
}

#[test]
fn a_tree_that_leads_to_too_many_pages_is_corrupt() {
    let mut bed = Bed::new(TreeKind::Index, 4096);
    for row in 0..2_000u64 {
        bed.insert(&row.to_be_bytes(), &[7; 40]);
    }
    let pages = bed.store.page_count() as u32;
    assert!(matches!(stat(&bed.store, bed.tree, pages - 1), Err(Error::Corrupt { .. })));
}
