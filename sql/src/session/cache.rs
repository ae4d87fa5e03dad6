//! The plans of a session, by the text they came from with its literals lifted out.

use super::prepare::Compiled;
use crate::catalog::Catalog;
use crate::value::Value;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// How many texts a session remembers.
const CAPACITY: usize = 256;
/// How many plans one text may have: texts that differ in literals which their plans depend on.
const PLANS_A_TEXT: usize = 8;

/// Plans of recent statements.
#[derive(Default)]
pub(super) struct StatementCache {
    entries: FxHashMap<Box<[u8]>, Entry>,
    clock: u64,
}

struct Entry {
    used: u64,
    plans: Vec<Arc<Compiled>>,
}

impl StatementCache {
    /// The plan for a text with this key and these literals under this catalog, if there is one.
    pub(super) fn find(
        &mut self,
        key: &[u8],
        literals: &[Value],
        catalog: &Arc<Catalog>,
    ) -> Option<Arc<Compiled>> {
        self.clock += 1;
        let entry = self.entries.get_mut(key)?;
        entry.used = self.clock;
        entry.plans.iter().find(|plan| plan.serves(literals, catalog)).cloned()
    }

    /// Remembers a plan; the text that was not used for longest goes if there are too many.
    pub(super) fn insert(&mut self, key: &[u8], plan: Arc<Compiled>) {
        self.clock += 1;
        if !self.entries.contains_key(key) && self.entries.len() >= CAPACITY {
            // A scan of a few hundred numbers, once for a text that is compiled anyway.
            let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                self.entries.remove(&oldest);
            }
        }
        let entry = self.entries.entry(key.into()).or_insert_with(|| Entry { used: 0, plans: Vec::new() });
        entry.used = self.clock;
        entry.plans.retain(|known| Arc::ptr_eq(known.catalog(), plan.catalog()));
        if entry.plans.len() >= PLANS_A_TEXT {
            entry.plans.remove(0);
        }
        entry.plans.push(plan);
    }
}
