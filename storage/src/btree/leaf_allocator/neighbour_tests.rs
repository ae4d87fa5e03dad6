//! A row of sibling leaves against plain vectors: every operation of the allocator in every mix, splits, merges and
//! borrows among them, with fences, links, snapshots and edit lists looked at after each.
//!
//! `SEDGE_LEAF_OPERATIONS` sets how many operations are tried in all: 20,000 unless told otherwise.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::move_run::{balance_leaves, merge_leaves};
use super::*;
use crate::btree::TreeKind;
use crate::btree::branch::format_root;
use crate::btree::node::{capacity, local_key_max, local_record_max};
use crate::btree::record::RawValue;
use crate::page::{PageBytes, PageId};
use proptest::prelude::*;

type Records = Vec<(Vec<u8>, Vec<u8>)>;

/// A leaf, what it should hold, and its page as it was last committed.
struct Leaf {
    copy: PageCopy,
    committed: PageBytes,
    records: Records,
    /// The fence below its keys.
    low: Option<Vec<u8>>,
    number: u32,
}

/// Which keys come up.
#[derive(Clone, Copy, Debug)]
enum Keys {
    /// Row ids near each other.
    Rows,
    /// Row ids of which some are far apart.
    WideRows,
    /// Texts that share their start.
    Prefixed,
    /// Few bytes of the least and the greatest value, none at all among them, and the longest local keys.
    Edges,
}

/// A generator of numbers that repeats by its seed (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }
}

struct Bed {
    kind: TreeKind,
    keys: Keys,
    page_size: usize,
    work: Workspace,
    epoch: u64,
    leaves: Vec<Leaf>,
    numbers: Numbers,
    made: u32,
}

impl Bed {
    fn new(keys: Keys, page_size: usize, seed: u64) -> Bed {
        let kind =
            if matches!(keys, Keys::Rows | Keys::WideRows) { TreeKind::Table } else { TreeKind::Index };
        let numbers = Numbers(seed);
        let work = Workspace::default();
        let mut bed = Bed { kind, keys, page_size, work, epoch: 0, leaves: Vec::new(), numbers, made: 1 };
        let mut copy = bed.blank();
        format_root(&mut copy, kind, 0, PageId::NONE);
        let committed = copy.share();
        bed.leaves.push(Leaf { copy, committed, records: Records::new(), low: None, number: 1 });
        bed
    }

    fn blank(&self) -> PageCopy {
        PageCopy::new(vec![0; self.page_size].into(), 1, false)
    }

    fn key(&mut self) -> Vec<u8> {
        let numbers = &mut self.numbers;
        match self.keys {
            Keys::Rows => (numbers.below(2_000) as u64).to_be_bytes().to_vec(),
            Keys::WideRows => {
                let shift = [0, 0, 0, 31, 40][numbers.below(5)];
                ((numbers.below(500) as u64) << shift).to_be_bytes().to_vec()
            }
            Keys::Prefixed => {
                let group = ["", "a", "customer/", "customer/0000/", "customer/0000/item/"][numbers.below(5)];
                format!("{group}{}", numbers.below(400)).into_bytes()
            }
            Keys::Edges => {
                let length = [0, 1, 2, 3, 4, 5, 9, local_key_max(self.page_size)][numbers.below(8)];
                let mut key: Vec<u8> = (0..length).map(|_| [0x00, 0xff][numbers.below(2)]).collect();
                if length > 9 {
                    // A long run, and a difference near its end.
                    key.fill(0xff);
                    key[length - 1 - numbers.below(4)] = numbers.below(256) as u8;
                }
                key
            }
        }
    }

    fn value(&mut self, key: &[u8]) -> Vec<u8> {
        let room = local_record_max(self.page_size).saturating_sub(key.len()).min(1_500);
        let length = match self.numbers.below(4) {
            0 => 0,
            3 => self.numbers.below(room + 1),
            _ => self.numbers.below(120),
        };
        vec![self.numbers.below(256) as u8; length]
    }

    /// The leaf whose fences enclose `key`, and the key's place there.
    fn place(&self, key: &[u8]) -> (usize, Result<usize, usize>) {
        let at =
            self.leaves.iter().rposition(|leaf| leaf.low.as_deref().is_none_or(|low| low <= key)).unwrap();
        (at, self.leaves[at].records.binary_search_by(|(known, _)| known.as_slice().cmp(key)))
    }

    fn separator(&self, before: &[u8], after: &[u8]) -> Vec<u8> {
        let common = before.iter().zip(after).take_while(|(one, other)| one == other).count();
        if self.kind == TreeKind::Table { after.to_vec() } else { after[..common + 1].to_vec() }
    }

    /// The cuts of `records`, which lie in `nodes`, at which both sides fit a page.
    fn cuts(&self, sequence: &Sequence<'_>, records: &Records) -> Vec<usize> {
        let (low, high) = (sequence.left.low_fence(), sequence.right.unwrap_or(sequence.left).high_fence());
        let fits = |cut: &usize| {
            let key = self.separator(&records[cut - 1].0, &records[*cut].0);
            let fence = Fence { start: &[], rest: &key, cut: false };
            let sizes = [
                sequence.size(0..*cut, low, Some(fence)),
                sequence.size(*cut..records.len(), Some(fence), high),
            ];
            sizes.iter().all(|size| *size <= capacity(self.page_size))
        };
        (1..records.len()).filter(fits).collect()
    }

    /// Splits leaf `at`, which should come to hold `records`, `pending` among them.
    fn split(&mut self, at: usize, records: Records, pending: NotApplied<'_>) {
        let node = NodeView::new(self.leaves[at].copy.bytes());
        let cuts = self.cuts(&Sequence::of(node, Some(pending)), &records);
        assert!(!cuts.is_empty(), "every split has a place");
        let cut = cuts[self.numbers.below(cuts.len())];
        let key = self.separator(&records[cut - 1].0, &records[cut].0);
        self.made += 1;
        let mut right = PageCopy::new(vec![0; self.page_size].into(), 0, true);
        let separator = Fence { start: &[], rest: &key, cut: false };
        let (kind, right_id) = (self.kind, PageId(self.made));
        let split = Split { kind, right_id, cut, pending, separator };
        let left = &mut self.leaves[at].copy;
        let halves = split_into(left, &mut right, &mut self.work, self.epoch, &split);
        let mins = halves.min_keys().map(|min| key_of(&min.unwrap()));
        assert_eq!(mins, [records[0].0.clone(), records[cut].0.clone()]);
        let (in_right, slot) = halves.pending_at.unwrap();
        assert_eq!(slot + if in_right { cut } else { 0 }, pending.slot);
        let (left_records, right_records) = records.split_at(cut);
        self.leaves[at].records = left_records.to_vec();
        let committed = right.share();
        right.edits = EditList::whole();
        let number = self.made;
        let records = right_records.to_vec();
        self.leaves.insert(at + 1, Leaf { copy: right, committed, records, low: Some(key), number });
        let builds = self.work.counters.allocator_builds;
        for half in [at, at + 1] {
            LeafAllocator::open(&mut self.leaves[half].copy, &mut self.work, self.epoch).finish();
        }
        assert_eq!(self.work.counters.allocator_builds, builds, "both halves have their snapshots");
    }

    fn insert(&mut self) {
        let key = self.key();
        let value = self.value(&key);
        let (at, Err(slot)) = self.place(&key) else { return };
        let record = RecordRef::pending(&key, None, RawValue::Local(&value));
        let mut records = self.leaves[at].records.clone();
        records.insert(slot, (key.clone(), value.clone()));
        let mut allocator = LeafAllocator::open(&mut self.leaves[at].copy, &mut self.work, self.epoch);
        let applied = allocator.insert(slot, &record);
        allocator.finish();
        match applied {
            Ok(()) => self.leaves[at].records = records,
            Err(pending) => {
                assert_eq!((pending.slot, key_of(&pending.record)), (slot, key.clone()));
                self.split(at, records, pending);
            }
        }
    }

    fn replace(&mut self, at: usize) {
        let Some(slot) = self.some_slot(at) else { return };
        let key = self.leaves[at].records[slot].0.clone();
        let value = self.value(&key);
        let record = RecordRef::pending(&key, None, RawValue::Local(&value));
        let mut records = self.leaves[at].records.clone();
        records[slot].1 = value.clone();
        let mut allocator = LeafAllocator::open(&mut self.leaves[at].copy, &mut self.work, self.epoch);
        let applied = allocator.replace(slot, &record);
        if applied.is_err() {
            allocator.delete(slot);
        }
        allocator.finish();
        match applied {
            Ok(()) => self.leaves[at].records = records,
            Err(pending) => self.split(at, records, pending),
        }
    }

    fn delete(&mut self, at: usize) {
        let Some(slot) = self.some_slot(at) else { return };
        let mut allocator = LeafAllocator::open(&mut self.leaves[at].copy, &mut self.work, self.epoch);
        allocator.delete(slot);
        allocator.finish();
        self.leaves[at].records.remove(slot);
    }

    fn some_slot(&mut self, at: usize) -> Option<usize> {
        let count = self.leaves[at].records.len();
        (count > 0).then(|| self.numbers.below(count))
    }

    /// Merges leaf `at` with the next: in place where that can be, else by writing it anew.
    fn merge(&mut self, at: usize) {
        let records = [self.leaves[at].records.clone(), self.leaves[at + 1].records.clone()].concat();
        let right = self.leaves.remove(at + 1);
        let (kind, page_size) = (self.kind, self.page_size);
        let left = &mut self.leaves[at];
        if !merge_leaves(&mut left.copy, &right.copy, &mut self.work, self.epoch, 0) {
            let image = left.copy.share();
            let (node, next) = (NodeView::new(&image), NodeView::new(right.copy.bytes()));
            let sequence = Sequence { left: node, middle: None, right: Some(next), pending: None };
            let (low, high) = (node.low_fence(), next.high_fence());
            if sequence.size(0..sequence.len(), low, high) > capacity(page_size) {
                self.leaves.insert(at + 1, right);
                return;
            }
            let shape = Shape { high, right_sibling: next.right_sibling(), ..Shape::of(node, kind) };
            let range = 0..sequence.len();
            rebuild_from_records(&mut left.copy, &mut self.work, self.epoch, &shape, &sequence, range);
        }
        left.records = records;
    }

    /// Cuts the records of leaf `at` and the next anew, with an insert among them or not.
    fn balance(&mut self, at: usize) {
        let mut records = [self.leaves[at].records.clone(), self.leaves[at + 1].records.clone()].concat();
        let (key, first) = (self.key(), self.leaves[at].records.len());
        let value = self.value(&key);
        let (home, slot) = self.place(&key);
        let record = RecordRef::pending(&key, None, RawValue::Local(&value));
        let pending = match slot {
            Err(slot) if home == at || home == at + 1 => {
                let slot = if home == at { slot } else { slot + first };
                records.insert(slot, (key.clone(), value.clone()));
                Some(NotApplied { slot, fences: FenceIntent::Balance, record })
            }
            _ => None,
        };
        let images = [at, at + 1].map(|at| self.leaves[at].copy.share());
        let nodes = images.each_ref().map(|image| NodeView::new(image));
        let sequence = Sequence { left: nodes[0], middle: None, right: Some(nodes[1]), pending };
        let cuts = self.cuts(&sequence, &records);
        if cuts.is_empty() {
            return;
        }
        let cut = cuts[self.numbers.below(cuts.len())];
        let low = self.separator(&records[cut - 1].0, &records[cut].0);
        let fence = Fence { start: &[], rest: &low, cut: false };
        let (kind, epoch) = (self.kind, self.epoch);
        let [left, right] = self.leaves.get_disjoint_mut([at, at + 1]).unwrap();
        let (left_copy, right_copy) = (&mut left.copy, &mut right.copy);
        if !balance_leaves(left_copy, right_copy, &mut self.work, epoch, cut, &fence, pending) {
            // Whatever was done by then, both leaves together hold what they held.
            let images = [left_copy.share(), right_copy.share()];
            let nodes = images.each_ref().map(|image| NodeView::new(image));
            let sequence = Sequence { left: nodes[0], middle: None, right: Some(nodes[1]), pending };
            assert_eq!(sequence.len(), records.len());
            let high = nodes[1].high_fence();
            let shape = Shape { right_sibling: PageId(right.number), ..Shape::of(nodes[0], kind) };
            let right_sibling = nodes[1].right_sibling();
            let left_shape = Shape { high: Some(fence), ..shape };
            let right_shape = Shape { low: Some(fence), high, right_sibling, ..shape };
            let all = records.len();
            rebuild_from_records(left_copy, &mut self.work, epoch, &left_shape, &sequence, 0..cut);
            rebuild_from_records(right_copy, &mut self.work, epoch, &right_shape, &sequence, cut..all);
        }
        right.records = records.split_off(cut);
        left.records = records;
        right.low = Some(low);
    }

    /// Proves each edit list and starts others.
    fn commit(&mut self) {
        for leaf in &mut self.leaves {
            let Leaf { copy, committed, number, .. } = leaf;
            let proven = copy.edits.is_whole() || copy.edits.proves(PageId(*number), committed, copy.bytes());
            assert!(proven, "the edit list of leaf {number} misses a change");
            *committed = copy.share();
            copy.edits = EditList::default();
        }
    }

    fn step(&mut self) {
        let at = self.numbers.below(self.leaves.len());
        let pair = self.leaves.len().checked_sub(1).filter(|&pairs| pairs > 0);
        match (self.numbers.below(40), pair) {
            // Few leaves, so that all are looked at after each step.
            (0..16, _) if self.leaves.len() > LEAVES_MAX => self.delete(at),
            (0..16, _) => self.insert(),
            (16..24, _) => self.replace(at),
            (24..32, _) => self.delete(at),
            (32..34, Some(pairs)) => {
                let at = self.numbers.below(pairs);
                self.merge(at);
            }
            (34..37, Some(pairs)) => {
                let at = self.numbers.below(pairs);
                self.balance(at);
            }
            (37, _) => self.leaves[at].copy.leaf = None,
            (38, _) => self.epoch += 1,
            (39, _) => self.commit(),
            _ => {}
        }
        self.check();
    }

    fn check(&self) {
        let low = |at: usize| self.leaves.get(at).and_then(|leaf| leaf.low.as_deref());
        for (at, leaf) in self.leaves.iter().enumerate() {
            let node = NodeView::new(leaf.copy.bytes());
            assert_eq!(crate::btree::first_touch::verify(leaf.copy.bytes()), Ok(()));
            let value_of = |record: RecordRef<'_>| match record.value {
                RawValue::Local(value) => value.to_vec(),
                RawValue::Overflow { .. } => panic!("no value of this test is long"),
            };
            let found: Records = node.records().map(|r| (key_of(&r), value_of(r))).collect();
            assert_eq!(found, leaf.records);
            let whole = |fence: Fence<'_>| [fence.start, fence.rest].concat();
            assert_eq!(node.low_fence().map(whole).as_deref(), low(at), "the low fence of leaf {at}");
            assert_eq!(node.high_fence().map(whole).as_deref(), low(at + 1), "the high fence of leaf {at}");
            let next = self.leaves.get(at + 1).map_or(0, |next| next.number);
            assert_eq!(node.right_sibling(), PageId(next));
            let some = self.numbers.0 as usize % 8;
            for (slot, (key, _)) in leaf.records.iter().enumerate().skip(some).step_by(8) {
                let found = crate::btree::search::search(node, key, &crate::btree::search::NoTails).unwrap();
                assert!(found.exact && found.slot == slot, "{key:?} is in slot {slot}");
            }
        }
    }
}

fn key_of(record: &RecordRef<'_>) -> Vec<u8> {
    [record.prefix, record.rest].concat()
}

const CASES: usize = 40;
/// With more leaves than this, inserts become deletes.
const LEAVES_MAX: usize = 6;

fn operations() -> usize {
    std::env::var("SEDGE_LEAF_OPERATIONS").ok().and_then(|number| number.parse().ok()).unwrap_or(20_000)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES as u32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn neighbours_are_vectors(seed: u64, keys in 0usize..4, shift in 0u32..5) {
        let keys = [Keys::Rows, Keys::WideRows, Keys::Prefixed, Keys::Edges][keys];
        // Small pages split and merge most; the largest are tried as well.
        let page_size = [4096, 4096, 8192, 16384, 65536][shift as usize];
        let mut bed = Bed::new(keys, page_size, seed);
        for _ in 0..operations() / CASES {
            bed.step();
        }
        bed.commit();
    }
}

/// Every place of the pending record, at every cut that fits.
#[test]
fn a_split_takes_its_pending_record_anywhere() {
    for (keys, page_size) in [(Keys::Rows, 4096), (Keys::WideRows, 4096), (Keys::Prefixed, 4096)] {
        let value = vec![5; 150];
        let mut bed = Bed::new(keys, page_size, 1);
        let mut all: Vec<Vec<u8>> = (0..3_000).map(|_| bed.key()).collect();
        all.sort();
        all.dedup();
        all.truncate(if bed.kind == TreeKind::Table { 25 } else { 22 });
        for slot in 0..all.len() {
            for seed in 0..all.len() as u64 {
                let mut bed = Bed::new(keys, page_size, seed);
                let mut records: Records = all.iter().map(|key| (key.clone(), value.clone())).collect();
                let pending_key = records.remove(slot).0;
                let mut allocator = LeafAllocator::open(&mut bed.leaves[0].copy, &mut bed.work, 0);
                for (at, (key, value)) in records.iter().enumerate() {
                    let record = RecordRef::pending(key, None, RawValue::Local(value));
                    assert!(allocator.insert(at, &record).is_ok());
                }
                allocator.finish();
                let record = RecordRef::pending(&pending_key, None, RawValue::Local(&value));
                records.insert(slot, (pending_key.clone(), value.clone()));
                bed.split(0, records, NotApplied { slot, fences: FenceIntent::Balance, record });
                bed.check();
            }
        }
    }
}
