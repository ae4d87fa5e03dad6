//! What a leaf allocator keeps beside the transaction's copy of its page between two edits.

use super::extents::SlotExtents;
use super::free_regions::FreeRegions;
use crate::btree::node::NodeView;

/// What a leaf allocator knows of a leaf. It is good for one state of one page, which its stamp tells.
#[derive(Clone, Debug)]
pub(crate) struct LeafAllocatorSnapshot {
    pub(super) extents: Option<SlotExtents>,
    pub(super) regions: Option<FreeRegions>,
    stamp: Stamp,
}

/// The state a snapshot belongs to. Every edit of a heap changes the counts or goes through the allocator,
/// and a rollback raises the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    epoch: u64,
    counts: [u8; 16],
}

impl Stamp {
    #[inline]
    fn of(node: NodeView<'_>, epoch: u64) -> Stamp {
        Stamp { epoch, counts: node.counts() }
    }
}

impl LeafAllocatorSnapshot {
    pub(super) fn new(
        node: NodeView<'_>,
        epoch: u64,
        extents: Option<SlotExtents>,
        regions: Option<FreeRegions>,
    ) -> LeafAllocatorSnapshot {
        LeafAllocatorSnapshot { extents, regions, stamp: Stamp::of(node, epoch) }
    }

    /// True if the snapshot describes `node` as it is.
    pub(super) fn describes(&self, node: NodeView<'_>, epoch: u64) -> bool {
        self.stamp == Stamp::of(node, epoch)
    }
}
