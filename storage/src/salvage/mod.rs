//! Reading what is sound of a damaged database, whatever of its header, its freelist, its trees and its logs is lost.
//!
//! ```text
//! open:   identity  from page 0, else from a log, else from the page size under which most pages verify
//!         logs      as at any open, up to what is damaged in them
//!         freelist  as far as it goes: what is on it is not looked at
//!         nodes     every other page that is a sound tree node
//! trees:  from each root down and along siblings; nodes that no root leads to are trees of their own
//! ```
//! Nothing is written. Keys and values are bytes here: what they mean is the caller's business.

mod nodes;
mod open;
mod trees;

pub use trees::SalvagedTree;

use crate::btree::{LoneNode, TreeId, leaf_records};
use crate::disk::Registration;
use crate::error::Result;
use crate::overlay::{PageRef, Root};
use crate::page::file_header::SCHEMA_ROOT;
use crate::page::{PageId, ReadPages};
use rustc_hash::{FxHashMap, FxHashSet};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// A page that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SkippedPage {
    /// Its number.
    pub page: u32,
    /// What is wrong with it.
    pub reason: String,
}

/// What is sound of a damaged database.
pub struct Salvage {
    root: Arc<Root>,
    /// Every sound tree node that is not on the freelist.
    nodes: FxHashMap<PageId, LoneNode>,
    free: FxHashSet<PageId>,
    /// True if the whole freelist could be read: no node is what is left of a freed one then.
    freelist_is_whole: bool,
    skipped: Vec<SkippedPage>,
    notes: Vec<String>,
    /// Keeps the file from being opened otherwise in this process.
    _registration: Registration,
}

impl Salvage {
    /// Reads every page of the file at `path` and of its logs. It needs a lock as any reader.
    ///
    /// # Errors
    /// [`crate::Error::NotADatabase`] where no page is sound or the format is another one, [`crate::Error::Busy`]
    /// while it is open for writing or open in this process, I/O errors. Damage is none: see [`Salvage::skipped`].
    pub fn open(path: &Path) -> Result<Salvage> {
        open::open(path)
    }

    /// Pages that cannot be used, those on the freelist aside, and why.
    pub fn skipped(&self) -> &[SkippedPage] {
        &self.skipped
    }

    /// What else is wrong, a sentence each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Pages looked at.
    pub fn page_count(&self) -> u32 {
        self.root.page_count
    }

    /// Bytes of a page.
    pub fn page_size(&self) -> usize {
        self.root.base.page_size
    }

    /// Hands the records of the schema tree to `with`, key and value, and tells whether they are all. Where its root is
    /// lost, its leaves are those whose records all satisfy `belongs`.
    ///
    /// # Errors
    /// None but I/O errors.
    pub fn schema_records(
        &self,
        belongs: &dyn Fn(&[u8], &[u8]) -> bool,
        mut with: impl FnMut(&[u8], &[u8]),
    ) -> Result<bool> {
        let (mut leaves, mut is_whole) = self.index_leaves(PageId(Self::SCHEMA_ROOT.0));
        if leaves.is_empty() {
            is_whole = false;
            leaves = self.leaves_where(belongs)?;
        }
        for leaf in leaves {
            leaf_records(self, &self.page(leaf)?, |record| -> Result<()> {
                match record {
                    Ok((key, value)) => with(key, value),
                    Err(_) => is_whole = false,
                }
                Ok(())
            })?;
        }
        Ok(is_whole)
    }

    /// The root of the schema tree.
    const SCHEMA_ROOT: TreeId = TreeId(SCHEMA_ROOT.0);

    /// Hands the records of a tree to `with`: key and value, or what keeps a record from being read.
    ///
    /// # Errors
    /// What `with` returns, and I/O errors.
    pub fn records<E: From<crate::Error>>(
        &self,
        tree: &SalvagedTree,
        mut with: impl FnMut(Result<(&[u8], &[u8])>) -> Result<(), E>,
    ) -> Result<(), E> {
        for leaf in &tree.leaves {
            leaf_records(self, &self.page(*leaf)?, &mut with)?;
        }
        Ok(())
    }
}

impl ReadPages for Salvage {
    type Page = PageRef;

    fn page(&self, id: PageId) -> Result<PageRef> {
        self.root.page(id)
    }

    fn page_size(&self) -> usize {
        self.root.base.page_size
    }

    fn pages_max(&self) -> u64 {
        self.root.pages_max()
    }
}

impl fmt::Debug for Salvage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Salvage({}, {} sound nodes)", self.root.base.disk.path().display(), self.nodes.len())
    }
}
