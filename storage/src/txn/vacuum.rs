//! Vacuuming inside a write transaction, and a vacuum as a row of transactions of its own.

use super::{Snapshot, WriteTransaction};
use crate::btree::{self, TreeId, TreeKind};
use crate::error::Result;
use crate::space::{Vacuum, VacuumStep};

impl WriteTransaction {
    /// Does the next part of `vacuum`: bounded work, after which the transaction should be committed. `trees` are all
    /// trees of the database, the schema's too; pages of one that is left out stay where they are, and so does all in
    /// front of them.
    ///
    /// A tree whose root moves is found under its new number alone: whoever keeps the former one changes it in this very
    /// transaction. Snapshots taken before see the tree under the number it had.
    ///
    /// # Errors
    /// As [`WriteTransaction::create_tree`].
    pub fn vacuum(&mut self, vacuum: &mut Vacuum, trees: &[TreeId]) -> Result<VacuumStep> {
        let (pages, memory) = self.pages_and_memory();
        vacuum.step(pages, memory, trees)
    }
}

impl Snapshot {
    /// What the keys of a tree are.
    ///
    /// # Errors
    /// As [`Snapshot::get`].
    pub fn kind_of(&self, tree: TreeId) -> Result<TreeKind> {
        btree::kind_of(self, tree)
    }
}
