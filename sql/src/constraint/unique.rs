//! UNIQUE and PRIMARY KEY: finding the row that holds a key already.

use crate::catalog::{Index, IndexKey, IndexOrigin, Table};
use crate::encode::row_id_of_entry;
use crate::error::{Constraint, ConstraintKind, Result};
use sedge_storage::{TreeId, WriteTransaction};

/// The row, other than `own`, whose entry in the unique index begins with `prefix`: the encoded columns, none of
/// them NULL.
#[inline]
pub(crate) fn holder(
    txn: &WriteTransaction,
    index: TreeId,
    prefix: &[u8],
    own: Option<i64>,
) -> Result<Option<i64>> {
    let found = txn.first_key_at_or_after(index, prefix, |key| {
        key.starts_with(prefix).then(|| row_id_of_entry(key)).transpose()
    })?;
    Ok(found.transpose()?.flatten().filter(|row_id| Some(*row_id) != own))
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
