//! Edits of one tree as the input says, each held to what a map in memory makes of it.

use arbitrary::Arbitrary;
use sedge_storage::{Result, Snapshot, TreeId, TreeKind, WriteTransaction, row_key};
use std::collections::BTreeMap;

/// A key, in few bytes of input.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Key {
    /// Which of a few starts the key has.
    start: u8,
    number: u16,
    /// Repeats of the start, for keys that go on in overflow runs.
    repeats: u8,
}

/// One edit or one question.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Step {
    Insert(Key, u16),
    Put(Key, u16),
    Replace(Key, u16),
    Delete(Key),
    /// A run of neighbouring keys, up or down.
    Run(Key, u8, bool, u8),
    DeleteRun(Key, u8),
    Sorted(Key, u8, u8),
    Look(Key),
}

/// What a tree should hold.
pub type Map = BTreeMap<Vec<u8>, Vec<u8>>;

fn bytes_of(kind: TreeKind, key: Key) -> Vec<u8> {
    match kind {
        TreeKind::Table => {
            let shift = if key.start % 8 == 0 { 33 } else { 0 };
            row_key(i64::from(key.number as i16) << shift).to_vec()
        }
        TreeKind::Index => {
            let start: &[u8] =
                [&b""[..], b"\xff", b"\x00", b"group/", b"a longer common start/"][key.start as usize % 5];
            let repeats = if key.repeats > 250 { key.repeats } else { key.repeats % 3 };
            [start.repeat(repeats.into()), key.number.to_be_bytes().to_vec()].concat()
        }
    }
}

fn value_of(length: u16) -> Vec<u8> {
    // Mostly short, at times beyond what a leaf keeps.
    let length = if length % 64 == 63 { length % 9_000 } else { length % 300 };
    vec![length as u8; length.into()]
}

/// One tree and what it should hold.
#[derive(Clone)]
pub struct Pair {
    pub kind: TreeKind,
    pub tree: TreeId,
    pub map: Map,
}

impl Pair {
    /// Does the step to both, and holds what the tree answers to what the map does.
    pub fn step(&mut self, transaction: &mut WriteTransaction, step: Step) -> Result<()> {
        let Pair { kind, tree, map } = self;
        let (kind, tree) = (*kind, *tree);
        match step {
            Step::Insert(key, length) => {
                let (key, value) = (bytes_of(kind, key), value_of(length));
                assert_eq!(transaction.insert(tree, &key, &value)?, !map.contains_key(&key));
                map.entry(key).or_insert(value);
            }
            Step::Put(key, length) => {
                let (key, value) = (bytes_of(kind, key), value_of(length));
                assert_eq!(transaction.put(tree, &key, &value)?, map.insert(key, value).is_none());
            }
            Step::Replace(key, length) => {
                let (key, value) = (bytes_of(kind, key), value_of(length));
                assert_eq!(transaction.replace(tree, &key, &value)?, map.contains_key(&key));
                map.entry(key).and_modify(|old| *old = value);
            }
            Step::Delete(key) => {
                let key = bytes_of(kind, key);
                assert_eq!(transaction.delete(tree, &key)?, map.remove(&key).is_some());
            }
            Step::Run(key, count, up, length) => {
                for index in 0..u16::from(count) {
                    let number =
                        if up { key.number.wrapping_add(index) } else { key.number.wrapping_sub(index) };
                    self.step(transaction, Step::Insert(Key { number, ..key }, length.into()))?;
                }
            }
            Step::DeleteRun(key, count) => {
                for index in 0..u16::from(count) {
                    let number = key.number.wrapping_add(index);
                    self.step(transaction, Step::Delete(Key { number, ..key }))?;
                }
            }
            Step::Sorted(key, count, length) => self.insert_sorted(transaction, key, count, length)?,
            Step::Look(key) => {
                let key = bytes_of(kind, key);
                assert_eq!(transaction.get(tree, &key, <[u8]>::to_vec)?.as_ref(), map.get(&key));
                let found = transaction.first_key_at_or_after(tree, &key, <[u8]>::to_vec)?;
                assert_eq!(found.as_ref(), map.range(key..).next().map(|(key, _)| key));
            }
        }
        Ok(())
    }

    fn insert_sorted(
        &mut self,
        transaction: &mut WriteTransaction,
        key: Key,
        count: u8,
        length: u8,
    ) -> Result<()> {
        let keys = (0..count).map(|index| Key { number: key.number.wrapping_add(index.into()), ..key });
        let mut keys: Vec<_> = keys.map(|key| bytes_of(self.kind, key)).collect();
        keys.sort();
        keys.dedup();
        let fresh = keys.iter().filter(|key| !self.map.contains_key(*key)).count() as u64;
        let mut next = keys.iter();
        let inserted = transaction.insert_sorted(self.tree, |key, value| {
            let found = next.next();
            key.extend_from_slice(found.map_or(&[], |found| found));
            value.extend(value_of(length.into()));
            Ok(found.is_some())
        })?;
        assert_eq!(inserted, fresh);
        for key in keys {
            self.map.entry(key).or_insert_with(|| value_of(length.into()));
        }
        Ok(())
    }

    /// Holds all of the tree to the map, in both directions.
    pub fn compare(&self, snapshot: &Snapshot) -> Result<()> {
        let mut cursor = snapshot.cursor(self.tree);
        let mut more = cursor.seek_first()?;
        for (key, value) in &self.map {
            assert!(more && cursor.key()? == key && cursor.value()? == value);
            more = cursor.next()?;
        }
        assert!(!more, "a record too many");
        more = cursor.seek_last()?;
        for key in self.map.keys().rev() {
            assert!(more && cursor.key()? == key);
            more = cursor.prev()?;
        }
        assert!(!more, "a record too many, backwards");
        Ok(())
    }
}
