//! What a leaf allocator keeps beside the transaction's copy of its page between two edits.

use super::extents::SlotExtents;
use super::free_regions::FreeRegions;
use crate::btree::node::NodeView;

/// What a leaf allocator knows of a leaf. It is good for one state of one page, which its stamp tells.
///
/// It stays where it is, beside the page copy: an allocator that opens the page borrows it and edits it there.
#[derive(Clone, Debug, Default)]
pub(crate) struct LeafAllocatorSnapshot {
    pub(super) extents: Option<SlotExtents>,
    pub(super) regions: Option<FreeRegions>,
    stamp: Stamp,
}

/// The state a snapshot belongs to. Every edit of a heap changes the counts or goes through the allocator,
/// and a rollback raises the epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stamp {
    epoch: u64,
    counts: u64,
}

impl LeafAllocatorSnapshot {
    /// A snapshot of `node` that knows only its header.
    pub(super) fn of(node: NodeView<'_>, epoch: u64) -> LeafAllocatorSnapshot {
        let mut snapshot = LeafAllocatorSnapshot::default();
        snapshot.stamp(node, epoch);
        snapshot
    }

    /// Makes this the snapshot of `node` as it is now.
    #[inline]
    pub(super) fn stamp(&mut self, node: NodeView<'_>, epoch: u64) {
        self.stamp = Stamp { epoch, counts: node.counts() };
    }

    /// True if the snapshot describes `node` as it is.
    #[inline]
    pub(super) fn describes(&self, node: NodeView<'_>, epoch: u64) -> bool {
        self.stamp == Stamp { epoch, counts: node.counts() }
    }
}
