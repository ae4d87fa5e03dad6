//! The names of what is damaged: storage names pages and trees by number, a user knows tables and indexes.

use crate::catalog::{Catalog, ObjectKind};
use crate::error::Error;
use sedge_storage::Store;

/// The error with the name of the table or index that was being read, where it is about damage.
#[cold]
pub(super) fn named(error: Error, catalog: &Catalog) -> Error {
    let Error::Storage(sedge_storage::Error::Corrupt { page, tree: Some(root), detail }) = error else {
        return error;
    };
    let object = catalog.objects().find(|object| object.root.is_some_and(|tree| tree.0 == root));
    let object = match object {
        Some(object) => {
            let kind = if object.kind == ObjectKind::Index { "index" } else { "table" };
            format!("{kind} {}", object.name)
        }
        None if root == Store::SCHEMA_TREE.0 => "the schema".to_owned(),
        None => format!("tree {root}"),
    };
    Error::Damaged { page, object, detail }
}
