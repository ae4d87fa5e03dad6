//! Finding the sound nodes of a damaged file, and the leaves of its schema.

use super::{Salvage, SkippedPage};
use crate::btree::{TreeKind, leaf_records, lone_node};
use crate::error::{Error, Result};
use crate::page::{PageId, ReadPages};

impl Salvage {
    /// Reads every page that is not free: sound tree nodes are kept, unsound pages are noted.
    pub(super) fn find_nodes(&mut self) -> Result<()> {
        for id in (1..self.page_count()).map(PageId) {
            if self.free.contains(&id) {
                continue;
            }
            match self.page(id) {
                Ok(page) => {
                    if let Some(node) = lone_node(id, &page) {
                        self.nodes.insert(id, node);
                    }
                }
                // What a device cannot read is lost as what it reads wrongly.
                Err(error @ (Error::Corrupt { .. } | Error::Io { .. })) => {
                    self.skipped.push(SkippedPage { page: id.0, reason: error.to_string() });
                }
                Err(error) => return Err(error),
            }
        }
        self.skipped.sort_by_key(|skipped| skipped.page);
        self.skipped.dedup_by_key(|skipped| skipped.page);
        Ok(())
    }

    /// The leaves of the index tree at `root` in order, and whether they are all.
    pub(super) fn index_leaves(&self, root: PageId) -> (Vec<PageId>, bool) {
        let (mut leaves, mut is_whole) = (Vec::new(), true);
        let mut left = vec![(root, None)];
        let mut looked_at = 0;
        while let Some((id, level)) = left.pop() {
            looked_at += 1;
            let node = self.nodes.get(&id).filter(|node| node.kind == TreeKind::Index);
            match node.filter(|node| level.is_none_or(|level| node.level == level)) {
                // A forged tree may lead in circles, but not through more nodes than there are.
                Some(_) if looked_at > self.nodes.len() => return (leaves, false),
                Some(node) if node.level == 0 => leaves.push(id),
                Some(node) => left.extend(node.children.iter().rev().map(|&id| (id, Some(node.level - 1)))),
                None => is_whole = false,
            }
        }
        (leaves, is_whole)
    }

    /// The leaves of index trees all of whose records satisfy `belongs`.
    pub(super) fn leaves_where(&self, belongs: &dyn Fn(&[u8], &[u8]) -> bool) -> Result<Vec<PageId>> {
        let mut found = Vec::new();
        for (id, node) in &self.nodes {
            if node.kind != TreeKind::Index || node.level > 0 {
                continue;
            }
            let (mut records, mut others) = (0, 0);
            leaf_records(self, &self.page(*id)?, |record| -> Result<()> {
                records += 1;
                others += u32::from(!record.is_ok_and(|(key, value)| belongs(key, value)));
                Ok(())
            })?;
            if records > 0 && others == 0 {
                found.push(*id);
            }
        }
        found.sort_unstable();
        Ok(found)
    }
}
