//! A small page store in memory: committed pages, private copies, and a proof of each edit list at commit.

use crate::btree::{Problems, TreeId, TreeKind, TreeMemory, first_touch, node, verify};
use crate::error::{Error, Result};
use crate::metrics::Counters;
use crate::page::{KIND_OFFSET, LEVEL_OFFSET, PageBytes, PageCopy, PageId, PageKind, ReadPages, WritePages};
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;

/// The store. Page 0 is never handed out.
#[derive(Debug)]
pub(super) struct Store {
    page_size: usize,
    committed: FxHashMap<u32, PageBytes>,
    copies: FxHashMap<u32, PageCopy>,
    free: Vec<u32>,
    next: u32,
    pub(super) epoch: u64,
}

impl Store {
    pub(super) fn new(page_size: usize) -> Store {
        Store {
            page_size,
            committed: FxHashMap::default(),
            copies: FxHashMap::default(),
            free: Vec::new(),
            next: 1,
            epoch: 0,
        }
    }

    /// Proves each edit list on the committed page and takes the copies over.
    pub(super) fn commit(&mut self) {
        for (id, copy) in std::mem::take(&mut self.copies) {
            if let Some(before) = self.committed.get(&id).filter(|_| !copy.fresh) {
                assert!(
                    copy.edits.is_whole() || copy.edits.proves(PageId(id), before, copy.bytes()),
                    "the edit list of page {id} misses a change"
                );
            }
            self.committed.insert(id, copy.share());
        }
    }

    pub(super) fn page_count(&self) -> usize {
        self.next as usize - 1 - self.free.len()
    }

    /// The pages that are nodes of trees.
    pub(super) fn node_ids(&self) -> Vec<u32> {
        let ids = (1..self.next).filter(|id| !self.free.contains(id));
        ids.filter(|&id| self.page(PageId(id)).unwrap()[KIND_OFFSET] != PageKind::Overflow as u8).collect()
    }

    /// The number of nodes of a level, and what share of their room they use.
    pub(super) fn fill(&self, level: u8) -> (usize, f64) {
        let pages = self.node_ids().into_iter().map(|id| self.page(PageId(id)).unwrap());
        let nodes = pages.filter(|page| page[LEVEL_OFFSET] == level);
        let used: Vec<usize> = nodes.map(|page| node::NodeView::new(&page).used()).collect();
        let room = node::capacity(self.page_size) * used.len();
        (used.len(), used.iter().sum::<usize>() as f64 / room as f64)
    }

    /// What share of all nodes' room is holes.
    pub(super) fn dead_share(&self) -> f64 {
        let pages = self.node_ids().into_iter().map(|id| self.page(PageId(id)).unwrap());
        let dead: Vec<usize> = pages.map(|page| node::NodeView::new(&page).dead()).collect();
        dead.iter().sum::<usize>() as f64 / (node::capacity(self.page_size) * dead.len()) as f64
    }

    /// Verifies a tree that owns all pages of the store; gives its records.
    pub(super) fn check(&self, tree: TreeId, kind: TreeKind) -> u64 {
        let (mut problems, mut owned) = (Problems::new(10), BTreeSet::new());
        let records = verify(
            self,
            tree,
            kind,
            &mut |id| {
                assert!(owned.insert(id.0), "page {id} is owned twice");
                Ok(())
            },
            "it",
            &mut problems,
        );
        assert_eq!(problems.into_list(), Vec::<String>::new());
        for id in &self.free {
            assert!(owned.insert(*id), "page {id} is free and owned");
        }
        assert_eq!(owned.len(), self.next as usize - 1, "pages leak");
        records.unwrap()
    }

    /// Flips bits of a committed page.
    pub(super) fn damage(&mut self, id: u32, offset: usize, bits: u8) {
        let page = self.committed.get_mut(&id).unwrap();
        page.make_mut()[offset] ^= bits;
    }
}

impl ReadPages for Store {
    type Page = PageBytes;

    fn page(&self, id: PageId) -> Result<PageBytes> {
        if let Some(copy) = self.copies.get(&id.0) {
            return Ok(copy.share());
        }
        let page = self.committed.get(&id.0).ok_or_else(|| Error::corrupt(id, "no such page"))?;
        if page[KIND_OFFSET] != PageKind::Overflow as u8 {
            first_touch::verify(page).map_err(|detail| Error::corrupt(id, detail))?;
        }
        Ok(page.clone())
    }

    fn page_size(&self) -> usize {
        self.page_size
    }

    fn pages_max(&self) -> u64 {
        (self.committed.len() + self.copies.len()) as u64
    }
}

impl WritePages for Store {
    fn edit(&mut self, id: PageId) -> Result<&mut PageCopy> {
        if !self.copies.contains_key(&id.0) {
            let bytes = self.page(id)?;
            self.copies.insert(id.0, PageCopy::new(bytes, 1, false));
        }
        Ok(self.copies.get_mut(&id.0).unwrap())
    }

    fn edit_again(&mut self, id: PageId) -> Option<&mut PageCopy> {
        self.copies.get_mut(&id.0)
    }

    fn edit_many<const N: usize>(&mut self, ids: [PageId; N]) -> Result<[&mut PageCopy; N]> {
        for id in ids {
            self.edit(id)?;
        }
        let found = self.copies.get_disjoint_mut(ids.each_ref().map(|id| &id.0));
        Ok(found.map(|copy| copy.expect("the ids differ")))
    }

    fn allocate(&mut self, kind: PageKind, level: u8) -> Result<PageId> {
        let id = self.free.pop().unwrap_or_else(|| {
            self.next += 1;
            self.next - 1
        });
        let mut page = vec![0; self.page_size];
        page[KIND_OFFSET] = kind as u8;
        page[LEVEL_OFFSET] = level;
        self.copies.insert(id, PageCopy::new(page.into(), 0, true));
        Ok(PageId(id))
    }

    fn free(&mut self, id: PageId) -> Result<()> {
        assert!(!self.free.contains(&id.0), "page {id} is freed twice");
        self.copies.remove(&id.0);
        self.committed.remove(&id.0);
        self.free.push(id.0);
        Ok(())
    }

    fn epoch(&self) -> u64 {
        self.epoch
    }
}

/// A store with one tree in it, and what its transaction remembers.
pub(super) struct Bed {
    pub(super) store: Store,
    pub(super) memory: TreeMemory,
    pub(super) tree: TreeId,
    pub(super) kind: TreeKind,
    /// What ended transactions counted.
    counted: Counters,
}

impl Bed {
    pub(super) fn new(kind: TreeKind, page_size: usize) -> Bed {
        let mut store = Store::new(page_size);
        let tree = crate::btree::create(&mut store, kind).unwrap();
        Bed { store, memory: TreeMemory::default(), tree, kind, counted: Counters::default() }
    }

    pub(super) fn insert(&mut self, key: &[u8], value: &[u8]) -> bool {
        crate::btree::insert(&mut self.store, &mut self.memory, self.tree, key, value).unwrap()
    }

    pub(super) fn delete(&mut self, key: &[u8]) -> bool {
        crate::btree::delete(&mut self.store, &mut self.memory, self.tree, key).unwrap()
    }

    /// Ends the transaction: the copies become the committed pages, and nothing is remembered.
    pub(super) fn commit(&mut self) {
        self.store.commit();
        self.counted = self.counts();
        self.memory = TreeMemory::default();
    }

    pub(super) fn counts(&self) -> Counters {
        let mut counts = self.counted;
        counts.add(self.memory.counters());
        counts
    }

    pub(super) fn check(&self) -> u64 {
        self.store.check(self.tree, self.kind)
    }
}

/// A generator of numbers that repeats by its seed (splitmix64).
pub(super) struct Numbers(pub(super) u64);

impl Numbers {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}
