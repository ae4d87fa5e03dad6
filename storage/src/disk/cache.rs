//! A bounded cache of base pages for disks that are read instead of mapped.

use crate::page::{PageBytes, PageId};
use rustc_hash::FxHashMap;
use std::sync::{Mutex, PoisonError};

/// Parts of the cache with a lock each.
const SHARDS: usize = 16;

/// Pages by number; each shard evicts by the clock algorithm (a second chance for what was used since the hand
/// last came by).
#[derive(Debug)]
pub(crate) struct PageCache {
    shards: [Mutex<Shard>; SHARDS],
    shard_pages_max: usize,
}

#[derive(Debug, Default)]
struct Shard {
    index: FxHashMap<u32, usize>,
    entries: Vec<Entry>,
    hand: usize,
}

#[derive(Debug)]
struct Entry {
    id: PageId,
    page: PageBytes,
    used: bool,
}

impl PageCache {
    /// A cache of about `pages_max` pages.
    pub(crate) fn new(pages_max: usize) -> PageCache {
        PageCache { shards: Default::default(), shard_pages_max: (pages_max / SHARDS).max(4) }
    }

    /// The page, if it is here.
    pub(crate) fn get(&self, id: PageId) -> Option<PageBytes> {
        let mut shard = self.shard(id);
        let at = *shard.index.get(&id.0)?;
        let entry = shard.entries.get_mut(at)?;
        entry.used = true;
        Some(entry.page.clone())
    }

    /// Keeps the page, in the place of another where the cache is full.
    pub(crate) fn put(&self, id: PageId, page: PageBytes) {
        let mut guard = self.shard(id);
        let shard = &mut *guard;
        if shard.index.contains_key(&id.0) {
            return;
        }
        let entry = Entry { id, page, used: false };
        if shard.entries.len() < self.shard_pages_max {
            shard.index.insert(id.0, shard.entries.len());
            shard.entries.push(entry);
            return;
        }
        while let Some(seen) = shard.entries.get_mut(shard.hand) {
            if !seen.used {
                shard.index.remove(&seen.id.0);
                shard.index.insert(id.0, shard.hand);
                *seen = entry;
                shard.hand = (shard.hand + 1) % self.shard_pages_max;
                return;
            }
            seen.used = false;
            shard.hand = (shard.hand + 1) % self.shard_pages_max;
        }
    }

    /// Forgets the page: the file holds another version now.
    pub(crate) fn forget(&self, id: PageId) {
        let mut guard = self.shard(id);
        let shard = &mut *guard;
        if let Some(at) = shard.index.remove(&id.0) {
            shard.entries.swap_remove(at);
            if let Some(moved) = shard.entries.get(at) {
                shard.index.insert(moved.id.0, at);
            }
            shard.hand = 0;
        }
    }

    fn shard(&self, id: PageId) -> std::sync::MutexGuard<'_, Shard> {
        // The remainder is below the number of shards. A panic elsewhere leaves a cache, at worst, without an entry.
        self.shards[id.0 as usize % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_bounded_and_never_confuses_pages() {
        let cache = PageCache::new(64);
        for round in 0..3u8 {
            for id in 0..1000u32 {
                cache.put(PageId(id), PageBytes::from(vec![round, id as u8]));
                if id % 3 == 0 {
                    cache.forget(PageId(id / 2));
                }
                if let Some(page) = cache.get(PageId(id)) {
                    assert_eq!(page[1], id as u8);
                }
            }
        }
        let held: usize = cache.shards.iter().map(|shard| shard.lock().unwrap().entries.len()).sum();
        assert!(held <= 64);
        cache.put(PageId(7), PageBytes::from(vec![1, 2]));
        cache.forget(PageId(7));
        assert!(cache.get(PageId(7)).is_none());
    }
}
