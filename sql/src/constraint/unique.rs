//! UNIQUE and PRIMARY KEY: whether a key is there already, and what to say of it.

use crate::catalog::{Index, IndexKey, IndexOrigin, Table};
use crate::databases::{TreeId, WriteTransaction};
use crate::error::{Constraint, ConstraintKind, Result};

/// True if there is an entry of the unique index that begins with `prefix`: the encoded columns, none of them NULL.
#[inline]
pub(crate) fn exists(txn: &WriteTransaction, index: TreeId, prefix: &[u8]) -> Result<bool> {
    let found = txn.first_key_at_or_after(index, prefix, |key| key.starts_with(prefix))?;
    Ok(found == Some(true))
}

/// What is broken by a second row with the key of `index`.
#[cold]
pub(crate) fn breach(table: &Table, index: &Index) -> Box<Constraint> {
    let columns = index.columns.iter().filter_map(|column| match &column.key {
        IndexKey::Column(place) => table.columns.get(*place).map(|column| column.name.clone()),
        IndexKey::Expression(_) => None,
    });
    Box::new(Constraint {
        kind: match index.origin {
            IndexOrigin::PrimaryKey => ConstraintKind::PrimaryKey,
            IndexOrigin::Create | IndexOrigin::Unique => ConstraintKind::Unique,
        },
        table: table.name.clone(),
        columns: columns.collect(),
        name: match index.origin {
            IndexOrigin::Create => Some(index.name.clone()),
            IndexOrigin::Unique | IndexOrigin::PrimaryKey => index.constraint.clone(),
        },
        detail: None,
    })
}

/// What is broken by a second row with the same row id.
#[cold]
pub(crate) fn row_id_breach(table: &Table, row_id: i64) -> Box<Constraint> {
    let column = table.row_id_column.and_then(|place| table.columns.get(place));
    Box::new(Constraint {
        kind: ConstraintKind::PrimaryKey,
        table: table.name.clone(),
        columns: vec![column.map_or_else(|| "rowid".to_owned(), |column| column.name.clone())],
        name: None,
        detail: Some(format!("{row_id} is there already")),
    })
}
