//! What a database must hold: a few trees and their records.
//!
//! The schema tree names the others, so that what a crash leaves tells its trees by itself.

use sedge_storage::{Cursor, ReadPages, Result, Snapshot, Store, TreeId, TreeKind};
use std::collections::BTreeMap;
use std::sync::Arc;

pub type Map = BTreeMap<Vec<u8>, Vec<u8>>;

/// The trees after some commit, by name; a clone shares their records.
#[derive(Clone, Default, Debug)]
pub struct State {
    pub trees: BTreeMap<u8, Tree>,
}

#[derive(Clone, Debug)]
pub struct Tree {
    pub id: TreeId,
    pub kind: TreeKind,
    pub rows: Arc<Map>,
}

/// The value that the schema tree has for a tree.
pub fn entry(id: TreeId) -> Vec<u8> {
    format!("{id:?}").into_bytes()
}

/// The first difference between a tree and its records, if there is one.
fn difference<P: ReadPages>(mut cursor: Cursor<P>, rows: &Map) -> Result<Option<String>> {
    let mut more = cursor.seek_first()?;
    for (key, value) in rows {
        if !more {
            return Ok(Some(format!("it ends in front of {key:?}")));
        }
        if cursor.key()? != key {
            return Ok(Some(format!("it has {:?} where {key:?} should be", cursor.key()?)));
        }
        if cursor.value()? != value {
            return Ok(Some(format!("{key:?} has another value")));
        }
        more = cursor.next()?;
    }
    Ok(more.then(|| "it has more than it should".into()))
}

impl State {
    /// Says what a snapshot shows that it should not.
    ///
    /// # Errors
    /// Those of reading.
    pub fn compare(&self, snapshot: &Snapshot) -> Result<Option<String>> {
        let schema: Map = self.trees.iter().map(|(name, tree)| (vec![*name], entry(tree.id))).collect();
        if let Some(wrong) = difference(snapshot.cursor(Store::SCHEMA_TREE), &schema)? {
            return Ok(Some(format!("the schema: {wrong}")));
        }
        for (name, tree) in &self.trees {
            if let Some(wrong) = difference(snapshot.cursor(tree.id), &tree.rows)? {
                return Ok(Some(format!("tree {name}: {wrong}")));
            }
        }
        Ok(None)
    }

    /// As [`State::compare`] for the newest commit, and says what a check of the whole store finds.
    ///
    /// # Errors
    /// Those of reading.
    pub fn verify(&self, store: &Store) -> Result<Option<String>> {
        if let Some(wrong) = self.compare(&store.snapshot())? {
            return Ok(Some(wrong));
        }
        let trees: Vec<(TreeId, TreeKind, String)> =
            self.trees.iter().map(|(name, tree)| (tree.id, tree.kind, format!("tree {name}"))).collect();
        let problems = store.check(&trees)?;
        Ok((!problems.is_empty()).then(|| problems.join("; ")))
    }
}
