//! The plans of a session, by the text they came from with its literals lifted out.

use super::prepare::Compiled;
use crate::catalog::Schemas;
use crate::value::Value;
use rustc_hash::{FxBuildHasher, FxHashMap};
use std::hash::BuildHasher;
use std::sync::Arc;

/// How many texts a session remembers.
const CAPACITY: usize = 256;
/// How many plans one text may have: texts that differ in literals which their plans depend on.
const PLANS_A_TEXT: usize = 8;
/// How many hashes of texts met once are remembered.
const MET_ONCE: usize = 1024;

/// Plans of recent statements. Which text makes room for another is told by a hand that goes round over them and
/// passes each that was used since its last round (second chance: Corbato, 1968).
///
/// A text enters when it is met for the second time (the doorkeeper of TinyLFU: Einziger and others, 2017). Texts that
/// never come again are most of what a script runs; kept, they would drive out those that do, and memory that lies in
/// the cache for 256 statements comes back to the allocator cold and in pieces.
#[derive(Default)]
pub(super) struct StatementCache {
    /// The hashes of texts met once, each at the place that it says.
    met: Vec<u64>,
    places: FxHashMap<Arc<[u8]>, usize>,
    entries: Vec<Entry>,
    hand: usize,
}

struct Entry {
    key: Arc<[u8]>,
    used: bool,
    plans: Vec<Arc<Compiled>>,
}

impl StatementCache {
    /// The plan for a text with this key and these literals under these schemas, if there is one.
    pub(super) fn find(
        &mut self,
        key: &[u8],
        literals: &[Value],
        schemas: &Schemas,
    ) -> Option<Arc<Compiled>> {
        let entry = self.entries.get_mut(*self.places.get(key)?)?;
        entry.used = true;
        entry.plans.iter().find(|plan| plan.serves(literals, schemas)).cloned()
    }

    /// Remembers a plan; the plans of another text go if there are too many.
    pub(super) fn insert(&mut self, key: &[u8], plan: Arc<Compiled>) {
        if let Some(entry) = self.places.get(key).and_then(|place| self.entries.get_mut(*place)) {
            entry.plans.retain(|known| known.schemas().same(plan.schemas()));
            if entry.plans.len() >= PLANS_A_TEXT {
                entry.plans.remove(0);
            }
            entry.plans.push(plan);
            return;
        }
        if self.is_first_meeting(key) {
            return;
        }
        let entry = Entry { key: Arc::from(key), used: false, plans: vec![plan] };
        let place = self.free_place();
        self.places.insert(Arc::clone(&entry.key), place);
        match self.entries.get_mut(place) {
            Some(old) => {
                self.places.remove(&old.key);
                *old = entry;
            }
            None => self.entries.push(entry),
        }
    }

    /// Notes the text; false if it was noted before.
    fn is_first_meeting(&mut self, key: &[u8]) -> bool {
        let hash = FxBuildHasher.hash_one(key);
        self.met.resize(MET_ONCE, 0);
        match self.met.get_mut(hash as usize % MET_ONCE) {
            Some(met) => std::mem::replace(met, hash) != hash,
            None => false,
        }
    }

    /// The place of the next text: behind the others, or where the hand stops.
    fn free_place(&mut self) -> usize {
        if self.entries.len() < CAPACITY {
            return self.entries.len();
        }
        loop {
            self.hand = (self.hand + 1) % CAPACITY;
            let entry = self.entries.get_mut(self.hand);
            if !entry.is_some_and(|entry| std::mem::take(&mut entry.used)) {
                return self.hand;
            }
        }
    }
}
