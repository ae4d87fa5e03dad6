//! What a node tells by itself, where the tree around it may be damaged. Reads only.

use super::TreeKind;
use super::branch::append_key;
use super::node::{Fence, NodeView};
use super::overflow;
use super::record::RawValue;
use crate::error::Result;
use crate::page::{PageId, PageKind, ReadPages, kind_of};

/// A node without its records.
#[derive(Debug)]
pub(crate) struct LoneNode {
    pub(crate) kind: TreeKind,
    /// 0 for a leaf.
    pub(crate) level: u8,
    /// Of a branch, from left to right.
    pub(crate) children: Vec<PageId>,
    pub(crate) right_sibling: PageId,
    /// The least key it may hold, as far as the node keeps it; none at the tree's left edge.
    pub(crate) low: Option<Vec<u8>>,
    /// The least key above it; none at the tree's right edge.
    pub(crate) high: Option<Vec<u8>>,
}

/// The node in page `id`, whose structure was verified; `None` if the page holds something else.
pub(crate) fn lone_node(id: PageId, page: &[u8]) -> Option<LoneNode> {
    let kind = match kind_of(id, page)? {
        PageKind::TableLeaf | PageKind::TableBranch => TreeKind::Table,
        PageKind::IndexLeaf | PageKind::IndexBranch => TreeKind::Index,
        _ => return None,
    };
    let node = NodeView::new(page);
    let bytes = |fence: Fence<'_>| {
        let (first, second) = fence.from(0);
        [first, second].concat()
    };
    let children =
        if node.level() > 0 { (0..=node.count()).map(|at| node.child(at)).collect() } else { Vec::new() };
    Some(LoneNode {
        kind,
        level: node.level(),
        children,
        right_sibling: node.right_sibling(),
        low: node.low_fence().map(bytes),
        high: node.high_fence().map(bytes),
    })
}

/// Hands key and value of each record of a leaf to `with`, or what keeps the record from being read.
///
/// # Errors
/// What `with` returns.
pub(crate) fn leaf_records<P: ReadPages, E>(
    pages: &P,
    leaf: &[u8],
    mut with: impl FnMut(Result<(&[u8], &[u8])>) -> Result<(), E>,
) -> Result<(), E> {
    let (mut key, mut long) = (Vec::new(), Vec::new());
    for record in NodeView::new(leaf).records() {
        key.clear();
        long.clear();
        let value = append_key(pages, &record, &mut key).and_then(|()| match record.value {
            RawValue::Local(bytes) => Ok(bytes),
            RawValue::Overflow { page, length } => {
                overflow::read_run(pages, page, length, &mut long).map(|()| long.as_slice())
            }
        });
        with(value.map(|value| (key.as_slice(), value)))?;
    }
    Ok(())
}
