//! How a tree fills its pages: depth, pages and bytes by level, holes, overflow. Reads only.
//!
//! A node's bytes are shared out five ways, and the sums here keep them apart:
//!
//! ```text
//! capacity = slots + records + fences + dead (holes of the heap) + gap (between slots and heap)
//! ```

use super::node::{self, NodeView, SLOT_SIZE};
use super::overflow;
use super::record::RawValue;
use super::search::{check_node, kind_of_root};
use super::{TreeId, TreeKind};
use crate::error::{Error, Result};
use crate::page::{PageId, ReadPages};

/// Steps of the histogram in [`TreeStat::leaf_fill`].
pub const FILL_STEPS: usize = 10;

/// How one tree fills its pages.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TreeStat {
    /// What its keys are.
    pub kind: TreeKind,
    /// Its levels, the leaves first and the root last: as many as the tree is deep.
    pub levels: Vec<LevelStat>,
    /// Leaves by how full they are: below 10% of their capacity, below 20%, and so on to 100%.
    pub leaf_fill: [u64; FILL_STEPS],
    /// Pages of long keys and values.
    pub overflow_pages: u64,
    /// Bytes of keys and values that lie in these.
    pub overflow_bytes: u64,
}

/// How one level of a tree fills its pages; bytes are sums over its pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LevelStat {
    /// Its nodes, a page each.
    pub pages: u64,
    /// Records of leaves, separators of branches.
    pub records: u64,
    /// Bytes that slots, records and fences can take: pages without their headers and checksums.
    pub capacity_bytes: u64,
    /// Bytes of slots.
    pub slot_bytes: u64,
    /// Bytes of records in the nodes' heaps.
    pub record_bytes: u64,
    /// Bytes of fences in the nodes' heaps; table trees keep theirs in the headers.
    pub fence_bytes: u64,
    /// Bytes of holes between records: free, but only for what fits them, until a compaction joins them.
    pub dead_bytes: u64,
    /// How many holes there are.
    pub holes: u64,
    /// Bytes between slots and heap, free for any record.
    pub gap_bytes: u64,
}

impl TreeStat {
    /// Levels from root to leaf; a tree of one page has one.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.levels.len()
    }

    /// The level of the leaves.
    #[must_use]
    pub fn leaves(&self) -> LevelStat {
        self.levels.first().copied().unwrap_or_default()
    }

    /// Records of the tree.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.leaves().records
    }

    /// Pages of the tree, nodes and overflow.
    #[must_use]
    pub fn pages(&self) -> u64 {
        self.levels.iter().map(|level| level.pages).sum::<u64>() + self.overflow_pages
    }

    /// Bytes of an average record, key and value, the slot left out and overflow included; 0 without records.
    #[must_use]
    pub fn record_bytes_average(&self) -> f64 {
        let leaves = self.leaves();
        ratio(leaves.record_bytes + self.overflow_bytes, leaves.records)
    }
}

impl LevelStat {
    /// The share of the capacity that slots, records and fences use, from 0 to 1.
    #[must_use]
    pub fn fill(&self) -> f64 {
        ratio(self.slot_bytes + self.record_bytes + self.fence_bytes, self.capacity_bytes)
    }

    /// The share of the free bytes that lie in holes and not in a gap, from 0 to 1.
    #[must_use]
    pub fn fragmentation(&self) -> f64 {
        ratio(self.dead_bytes, self.dead_bytes + self.gap_bytes)
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Walks a tree of a database of `page_count` pages.
///
/// # Errors
/// [`Error::Corrupt`] and I/O errors: the sums of a tree that cannot be walked would tell nothing.
pub(crate) fn stat<P: ReadPages>(pages: &P, tree: TreeId, page_count: u32) -> Result<TreeStat> {
    let root = PageId(tree.0);
    let (kind, level) = kind_of_root(root, &pages.page(root)?)?;
    let stat = TreeStat {
        kind,
        levels: vec![LevelStat::default(); usize::from(level) + 1],
        leaf_fill: [0; FILL_STEPS],
        overflow_pages: 0,
        overflow_bytes: 0,
    };
    let mut walk = Walk { pages, stat, extents: Vec::new(), left: page_count };
    walk.node(root, level)?;
    Ok(walk.stat)
}

struct Walk<'a, P> {
    pages: &'a P,
    stat: TreeStat,
    /// Offsets and lengths of what lies in a node's heap; kept for its memory.
    extents: Vec<(usize, usize)>,
    /// Pages that may still come.
    left: u32,
}

/// Counts one page of the walk. A file forged to lead to a page again and again ends the walk here.
fn count_down(left: &mut u32, id: PageId) -> Result<()> {
    let fewer = left.checked_sub(1);
    *left = fewer.ok_or_else(|| Error::corrupt(id, "a tree leads to more pages than the file has"))?;
    Ok(())
}

impl<P: ReadPages> Walk<'_, P> {
    fn node(&mut self, id: PageId, level: u8) -> Result<()> {
        count_down(&mut self.left, id)?;
        let page = self.pages.page(id)?;
        check_node(id, &page, self.stat.kind, level)?;
        let node = NodeView::new(&page);
        self.add(node, level);
        for record in node.records() {
            if let Some(tail) = record.tail {
                self.run(tail.page, tail.length)?;
            }
            if let RawValue::Overflow { page, length } = record.value {
                self.run(page, length)?;
            }
        }
        if level > 0 {
            for index in 0..=node.count() {
                self.node(node.child(index), level - 1)?;
            }
        }
        Ok(())
    }

    /// Adds the bytes of a node to those of its level.
    fn add(&mut self, node: NodeView<'_>, level: u8) {
        self.extents.clear();
        self.extents.extend((0..node.count()).map(|slot| (node.slot_offset(slot), node.record_length(slot))));
        let record_bytes: usize = self.extents.iter().map(|(_, length)| length).sum();
        self.extents.extend(node.fence_extents().into_iter().flatten());
        let all_bytes: usize = self.extents.iter().map(|(_, length)| length).sum();
        self.extents.sort_unstable();
        let (mut holes, mut end) = (0, node.heap_start());
        for &(offset, length) in &self.extents {
            holes += u64::from(offset > end);
            end = offset + length;
        }
        holes += u64::from(node.heap_end() > end);
        let capacity = node::capacity(node.bytes().len());
        if level == 0 {
            let step = node.used() * FILL_STEPS / capacity;
            if let Some(leaves) = self.stat.leaf_fill.get_mut(step.min(FILL_STEPS - 1)) {
                *leaves += 1;
            }
        }
        let Some(sums) = self.stat.levels.get_mut(usize::from(level)) else { return };
        sums.pages += 1;
        sums.records += node.count() as u64;
        sums.capacity_bytes += capacity as u64;
        sums.slot_bytes += (node.count() * SLOT_SIZE) as u64;
        sums.record_bytes += record_bytes as u64;
        sums.fence_bytes += (all_bytes - record_bytes) as u64;
        sums.dead_bytes += node.dead() as u64;
        sums.holes += holes;
        sums.gap_bytes += node.gap() as u64;
    }

    fn run(&mut self, first: PageId, length: u32) -> Result<()> {
        self.stat.overflow_bytes += u64::from(length);
        let Walk { pages, stat, left, .. } = self;
        overflow::pages_of_run(*pages, first, length, &mut |id| {
            stat.overflow_pages += 1;
            count_down(left, id)
        })
    }
}
