//! The names of what is damaged: storage names pages and trees by number, a user knows tables and indexes.

use crate::catalog::{ObjectKind, Schemas};
use crate::error::Error;
use sedge_storage::Store;

/// The error with the name of the table or index that was being read, where it is about damage.
#[cold]
pub(super) fn named(error: Error, schemas: &Schemas) -> Error {
    let Error::Storage(sedge_storage::Error::Corrupt { page, tree: Some(root), detail }) = error else {
        return error;
    };
    // Storage does not say which of the databases it is: what any of them has there is named.
    let objects = schemas.lookup().listed().flat_map(|(_, catalog)| catalog.objects());
    let objects = objects.filter(|object| object.root.is_some_and(|tree| tree.0 == root)).map(|object| {
        let kind = if object.kind == ObjectKind::Index { "index" } else { "table" };
        format!("{kind} {}", object.name)
    });
    let named: Vec<String> = objects.collect();
    let object = match named.as_slice() {
        [_, ..] => named.join(" or "),
        [] if root == Store::SCHEMA_TREE.0 => "the schema".to_owned(),
        [] => format!("tree {root}"),
    };
    Error::Damaged { page, object, detail }
}
