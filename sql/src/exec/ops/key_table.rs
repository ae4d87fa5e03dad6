//! Hash tables that number distinct keys from 0 in order of arrival: one over byte strings, one over integers.
//!
//! Grouping, DISTINCT, compounds, hash joins and IN lists all need just this: a dense number for each distinct key,
//! so that whatever belongs to a key can live in flat arrays beside the table. Keys of bytes lie in one buffer, so
//! adding one allocates nothing but the growth of the buffers.

use rustc_hash::FxHasher;
use std::hash::Hasher;

/// The number that no key has.
pub(super) const NONE: u32 = u32::MAX;

/// Slots of a fresh table; a power of two.
const SLOTS_MIN: usize = 64;

/// Distinct byte strings, numbered.
#[derive(Debug, Default)]
pub(super) struct ByteKeys {
    /// Number plus one of the key in each slot; 0 is free. A power of two of them, at most half full.
    slots: Vec<u32>,
    /// Hash of each key, so that growth hashes nothing again and most misses compare no bytes.
    hashes: Vec<u64>,
    /// Where each key ends in `bytes`; it starts where the one before ends.
    ends: Vec<usize>,
    bytes: Vec<u8>,
}

fn hash_bytes(key: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(key);
    hasher.finish()
}

/// The slot a hash starts at: its high bits, which a multiplicative hash mixes best.
fn first_slot(hash: u64, slots: usize) -> usize {
    // A table has at least two slots, so the shift is below 64.
    (hash.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - slots.trailing_zeros())) as usize
}

impl ByteKeys {
    /// Number of distinct keys.
    pub(super) fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Forgets all keys and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.slots.fill(0);
        self.hashes.clear();
        self.ends.clear();
        self.bytes.clear();
    }

    /// The key numbered `id`.
    pub(super) fn key(&self, id: u32) -> &[u8] {
        let id = id as usize;
        let start = if id == 0 { 0 } else { self.ends[id - 1] };
        &self.bytes[start..self.ends[id]]
    }

    /// The number of `key`, or [`NONE`].
    pub(super) fn find(&self, key: &[u8]) -> u32 {
        if self.slots.is_empty() {
            return NONE;
        }
        let hash = hash_bytes(key);
        let mask = self.slots.len() - 1;
        let mut slot = first_slot(hash, self.slots.len());
        loop {
            match self.slots[slot] {
                0 => return NONE,
                taken => {
                    let id = taken - 1;
                    if self.hashes[id as usize] == hash && self.key(id) == key {
                        return id;
                    }
                }
            }
            slot = (slot + 1) & mask;
        }
    }

    /// The number of `key`, and whether it is a new one.
    pub(super) fn insert(&mut self, key: &[u8]) -> (u32, bool) {
        if (self.hashes.len() + 1) * 2 > self.slots.len() {
            self.grow();
        }
        let hash = hash_bytes(key);
        let mask = self.slots.len() - 1;
        let mut slot = first_slot(hash, self.slots.len());
        loop {
            match self.slots[slot] {
                0 => break,
                taken => {
                    let id = taken - 1;
                    if self.hashes[id as usize] == hash && self.key(id) == key {
                        return (id, false);
                    }
                }
            }
            slot = (slot + 1) & mask;
        }
        let id = self.hashes.len() as u32;
        self.slots[slot] = id + 1;
        self.hashes.push(hash);
        self.bytes.extend_from_slice(key);
        self.ends.push(self.bytes.len());
        (id, true)
    }

    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(SLOTS_MIN);
        self.slots.clear();
        self.slots.resize(size, 0);
        let mask = size - 1;
        for (id, hash) in self.hashes.iter().enumerate() {
            let mut slot = first_slot(*hash, size);
            while self.slots[slot] != 0 {
                slot = (slot + 1) & mask;
            }
            self.slots[slot] = id as u32 + 1;
        }
    }
}

/// Distinct integers, each with the number it was added under.
#[derive(Debug, Default)]
pub(super) struct IntKeys {
    /// Number plus one, beside its key, so that a hit touches one cache line. A power of two, at most half full.
    slots: Vec<(i64, u32)>,
    count: usize,
}

impl IntKeys {
    /// The keys and their numbers, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (i64, u32)> {
        self.slots.iter().filter(|(_, taken)| *taken != 0).map(|(key, taken)| (*key, taken - 1))
    }

    /// Forgets all keys and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.slots.fill((0, 0));
        self.count = 0;
    }

    /// The number of `key`, or [`NONE`].
    #[inline]
    pub(super) fn find(&self, key: i64) -> u32 {
        if self.slots.is_empty() {
            return NONE;
        }
        let mask = self.slots.len() - 1;
        let mut slot = first_slot(key as u64, self.slots.len());
        loop {
            match self.slots[slot] {
                (_, 0) => return NONE,
                (found, taken) if found == key => return taken - 1,
                _ => slot = (slot + 1) & mask,
            }
        }
    }

    /// The number of `key`, which is added as `next` if it is a new one.
    #[inline]
    pub(super) fn insert(&mut self, key: i64, next: u32) -> u32 {
        if (self.count + 1) * 2 > self.slots.len() {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut slot = first_slot(key as u64, self.slots.len());
        loop {
            match self.slots[slot] {
                (_, 0) => break,
                (found, taken) if found == key => return taken - 1,
                _ => slot = (slot + 1) & mask,
            }
        }
        self.slots[slot] = (key, next + 1);
        self.count += 1;
        next
    }

    #[cold]
    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(SLOTS_MIN);
        let old = std::mem::replace(&mut self.slots, vec![(0, 0); size]);
        let mask = size - 1;
        for entry in old.into_iter().filter(|(_, taken)| *taken != 0) {
            let mut slot = first_slot(entry.0 as u64, size);
            while self.slots[slot].1 != 0 {
                slot = (slot + 1) & mask;
            }
            self.slots[slot] = entry;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ByteKeys, IntKeys, NONE};
    use std::collections::HashMap;

    #[test]
    fn keys_are_numbered_in_order_of_arrival() {
        let mut model: HashMap<i64, u32> = HashMap::new();
        let (mut ints, mut bytes) = (IntKeys::default(), ByteKeys::default());
        let mut seed = 1_u64;
        for _ in 0..20_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let key = ((seed >> 33) % 5_000) as i64 * 1024 - 77;
            let next = model.len() as u32;
            let fresh = !model.contains_key(&key);
            let id = *model.entry(key).or_insert(next);
            assert_eq!(ints.insert(key, next), id);
            assert_eq!(bytes.insert(key.to_string().as_bytes()), (id, fresh));
        }
        for (key, id) in &model {
            assert_eq!(ints.find(*key), *id);
            assert_eq!(bytes.find(key.to_string().as_bytes()), *id);
            assert_eq!(bytes.key(*id), key.to_string().as_bytes());
        }
        assert_eq!(ints.iter().collect::<HashMap<_, _>>(), model);
        assert_eq!(ints.find(-1), NONE);
        assert_eq!(bytes.find(b"x"), NONE);
        ints.clear();
        bytes.clear();
        assert_eq!((ints.iter().count(), bytes.len()), (0, 0));
        assert_eq!((ints.find(-77), bytes.find(b"-77")), (NONE, NONE));
        assert_eq!(bytes.insert(b""), (0, true));
        assert_eq!(bytes.key(0), b"");
    }
}
