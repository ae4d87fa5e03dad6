//! How every tree of a database fills its pages.

use super::Engine;
use crate::catalog::{self, ObjectKind};
use crate::error::Result;
use sedge_storage::{Store, TreeStat};

/// A database, tree by tree, as of one commit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DatabaseStat {
    /// Bytes of a page.
    pub page_size: u32,
    /// Pages of the database: page 0, those of the trees, and free ones.
    pub page_count: u32,
    /// Pages on the freelist, those that hold the list too.
    pub free_pages: u32,
    /// The schema's tree, then those of tables and indexes in order of their creation.
    pub objects: Vec<ObjectStat>,
}

/// The tree of one table or index.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectStat {
    /// What the tree holds.
    pub kind: StatKind,
    /// The name of the table or index.
    pub name: String,
    /// The table that it belongs to.
    pub table: String,
    /// How it fills its pages.
    pub tree: TreeStat,
}

/// What a tree holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatKind {
    /// The schema itself.
    Schema,
    /// The rows of a table.
    Table,
    /// The entries of an index.
    Index,
}

impl StatKind {
    /// Its name in reports: `schema`, `table` or `index`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            StatKind::Schema => "schema",
            StatKind::Table => "table",
            StatKind::Index => "index",
        }
    }
}

impl Engine {
    /// Walks every tree of the newest commit and measures it. Reads all pages that are not free.
    ///
    /// # Errors
    /// Damage that keeps a tree from being walked, and I/O errors.
    pub fn stat(&self) -> Result<DatabaseStat> {
        let snapshot = self.store().snapshot();
        let catalog = catalog::load(&snapshot, &self.functions())?;
        let schema = "sedge_schema".to_owned();
        let mut objects = vec![ObjectStat {
            kind: StatKind::Schema,
            name: schema.clone(),
            table: schema,
            tree: snapshot.stat(Store::SCHEMA_TREE)?,
        }];
        for object in catalog.objects() {
            let kind = match object.kind {
                ObjectKind::Table => StatKind::Table,
                ObjectKind::Index => StatKind::Index,
                ObjectKind::View | ObjectKind::Trigger => continue,
            };
            let Some(root) = object.root else { continue };
            let (name, table) = (object.name.clone(), object.table.clone());
            objects.push(ObjectStat { kind, name, table, tree: snapshot.stat(root)? });
        }
        Ok(DatabaseStat {
            page_size: self.store().metrics().page_size,
            page_count: snapshot.page_count(),
            free_pages: snapshot.free_pages()?,
            objects,
        })
    }
}
