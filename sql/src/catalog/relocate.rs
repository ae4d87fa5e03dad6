//! Trees that move: what the schema keeps of them when their roots get other numbers, and when a whole database is copied
//! tree by tree.

use super::schema::{Catalog, Object};
use super::store::{OBJECT, read_object};
use crate::databases::{DatabaseId, TreeId as Tree, WriteTransaction};
use crate::encode::RecordView;
use crate::error::Result;
use sedge_storage::{Cursor, Snapshot, Store, TreeId};

/// Records copied between two calls of what wants to know how far it is.
const REPORT_RECORDS: u64 = 4096;

impl Catalog {
    /// All trees of the database, the schema's first.
    #[must_use]
    pub fn trees(&self) -> Vec<TreeId> {
        std::iter::once(Store::SCHEMA_TREE).chain(self.objects().filter_map(|object| object.root)).collect()
    }

    /// The catalog after trees have moved: each from the first to the second number of a pair. The schema tree keeps the
    /// numbers too.
    ///
    /// # Errors
    /// What storage meets.
    pub fn with_moved_trees(
        &self,
        txn: &mut WriteTransaction,
        moved: &[(TreeId, TreeId)],
    ) -> Result<Catalog> {
        let mut next = self.next();
        let numbers: Vec<u64> = next.objects.keys().copied().collect();
        for number in numbers {
            let Some(object) = next.objects.get(&number) else { continue };
            let Some((_, root)) = moved.iter().find(|(before, _)| object.root == Some(*before)) else {
                continue;
            };
            let object = Object { root: Some(*root), ..object.clone() };
            next.put_object(txn, number, object)?;
        }
        next.raise_schema_version(txn)?;
        next.resolve()?;
        Ok(next)
    }
}

/// Removes all objects of `catalog`, with their trees and all that the schema tree holds.
///
/// # Errors
/// What storage meets.
pub fn clear_database(txn: &mut WriteTransaction, catalog: &Catalog) -> Result<()> {
    for tree in catalog.trees().into_iter().filter(|tree| *tree != Store::SCHEMA_TREE) {
        txn.drop_tree(catalog.tree(tree))?;
    }
    Ok(txn.clear_tree(catalog.schema_tree())?)
}

/// Copies every tree that `source` shows, and the schema with it, into a database without objects: leaves are full and
/// lie in the order of their keys. The copy is what `database` of the transaction holds then. `go_on` is asked now and then.
///
/// # Errors
/// What storage meets, and what `go_on` says.
pub fn copy_database(
    source: &Snapshot,
    (txn, database): (&mut WriteTransaction, DatabaseId),
    go_on: &mut dyn FnMut() -> Result<()>,
) -> Result<()> {
    let schema_copy = Tree::of(database, Store::SCHEMA_TREE);
    let mut schema = source.cursor(Store::SCHEMA_TREE);
    let mut found = schema.seek_first()?;
    while found {
        let (key, value) = (schema.key()?.to_vec(), schema.value()?.to_vec());
        let object = match key.split_first() {
            Some((&OBJECT, _)) => Some(read_object(&RecordView::new(&value)?)?),
            _ => None,
        };
        match object {
            Some(object @ Object { root: Some(root), .. }) => {
                let copy = copy_tree(source, root, (txn, database), go_on)?;
                let object = Object { root: Some(copy), ..object };
                txn.put(schema_copy, &key, &object.record()?)?;
            }
            // Views, and all that belongs to no tree.
            _ => {
                txn.put(schema_copy, &key, &value)?;
            }
        }
        found = schema.next()?;
    }
    go_on()
}

/// Copies a tree; gives the copy.
fn copy_tree(
    source: &Snapshot,
    tree: TreeId,
    (txn, database): (&mut WriteTransaction, DatabaseId),
    go_on: &mut dyn FnMut() -> Result<()>,
) -> Result<TreeId> {
    let copy = txn.create_tree(database, source.kind_of(tree)?)?;
    let mut cursor: Cursor<Snapshot> = source.cursor(tree);
    let (mut more, mut records, mut ended) = (cursor.seek_first()?, 0u64, Ok(()));
    txn.bulk_load(copy, |key, value| {
        if records.is_multiple_of(REPORT_RECORDS) {
            ended = go_on();
        }
        if !more || ended.is_err() {
            return Ok(false);
        }
        key.extend_from_slice(cursor.key()?);
        value.extend_from_slice(cursor.value()?);
        records += 1;
        more = cursor.next()?;
        Ok(true)
    })?;
    ended.map(|()| copy.in_store())
}
