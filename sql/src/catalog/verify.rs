//! The proof that indexes agree with their tables, entry by entry: for `sedge check` and for tests.

use super::schema::{Catalog, Index, IndexColumn, IndexKey, Table};
use crate::encode::{EntryLayout, EntryReader, RecordView, RecordWriter, row_key};
use crate::error::{Error, Result};
use crate::value::Value;
use sedge_storage::{Cursor, Snapshot};

/// What an index holds of a row, given by its id and its columns: the values of the index's columns, or `None` where
/// the row is outside it.
pub type Covers<'a> = dyn FnMut(&Table, &Index, i64, &[Value]) -> Result<Option<Vec<Value>>> + 'a;

/// No more than these many problems of one index are told.
const PROBLEMS_MAX: usize = 10;

/// What is wrong with the indexes of `catalog`, in words; empty if nothing is. Rows are checked against every index,
/// and every entry against its row. Without `covers` a partial index may lack rows unnoticed, and indexes on expressions
/// are passed over.
///
/// # Errors
/// Damaged pages and records, I/O errors.
pub fn verify_indexes(
    snapshot: &Snapshot,
    catalog: &Catalog,
    mut covers: Option<&mut Covers<'_>>,
) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for table in catalog.tables() {
        for index in &table.indexes {
            let computes = index.columns.iter().any(|column| matches!(column.key, IndexKey::Expression(_)));
            if computes && covers.is_none() {
                continue;
            }
            let mut found = Vec::new();
            let missing = index.columns.iter().find(|column| column.collation.is_missing());
            if let Some(column) = missing {
                let collation = column.collation.name();
                problems.push(format!(
                    "index {} was not checked: no such collation sequence: {collation}",
                    index.name
                ));
                continue;
            }
            match verify_index(snapshot, table, index, covers.as_deref_mut(), &mut found) {
                // A function that the program has not registered.
                Err(Error::Name { message, .. }) => {
                    found.push(format!("index {} was not checked: {message}", index.name));
                }
                done => done?,
            }
            let more = found.len().saturating_sub(PROBLEMS_MAX);
            found.truncate(PROBLEMS_MAX);
            if more > 0 {
                found.push(format!("index {}: {more} more problems", index.name));
            }
            problems.append(&mut found);
        }
    }
    Ok(problems)
}

/// The row's columns, those that its record lacks being NULL and the row id in its place.
fn row_values(table: &Table, row_id: i64, record: &[u8]) -> Result<Vec<Value>> {
    let record = RecordView::new(record)?;
    let mut values = Vec::with_capacity(table.columns.len());
    for (i, column) in table.columns.iter().enumerate() {
        values.push(match table.row_id_column {
            Some(row_id_column) if row_id_column == i => Value::Integer(row_id),
            _ => record.get(i, column.column_type)?.to_owned(),
        });
    }
    Ok(values)
}

/// True if what only an evaluation tells is asked of the index.
fn is_evaluated(index: &Index) -> bool {
    index.filter.is_some() || index.columns.iter().any(|column| matches!(column.key, IndexKey::Expression(_)))
}

/// The columns of an index over a row where they are the table's; NULL for an expression.
fn plain_values(index: &Index, row: &[Value]) -> Vec<Value> {
    let value = |column: &IndexColumn| match column.key {
        IndexKey::Column(i) => row.get(i).cloned().unwrap_or_default(),
        IndexKey::Expression(_) => Value::Null,
    };
    index.columns.iter().map(value).collect()
}

fn verify_index(
    snapshot: &Snapshot,
    table: &Table,
    index: &Index,
    mut covers: Option<&mut Covers<'_>>,
    problems: &mut Vec<String>,
) -> Result<()> {
    let layout = EntryLayout::of(table, index);
    let mut rows = Cursor::new(snapshot.clone(), table.root);
    let mut entries = Cursor::new(snapshot.clone(), index.root);
    let (mut key, mut restore) = (Vec::new(), RecordWriter::new());

    // Each row has its entry.
    let mut expected = 0_u64;
    let mut found = rows.seek_first()?;
    while found {
        let row_id = rows.row_id();
        let row = row_values(table, row_id, rows.value()?)?;
        let (covered, values) = match covers.as_deref_mut() {
            Some(covers) if is_evaluated(index) => match covers(table, index, row_id, &row)? {
                Some(values) => (Some(true), values),
                None => (Some(false), plain_values(index, &row)),
            },
            Some(_) => (Some(true), plain_values(index, &row)),
            None => (index.filter.is_none().then_some(true), plain_values(index, &row)),
        };
        let value = layout.encode(&mut key, &mut restore, values.iter().map(Value::as_ref), row_id)?;
        let has_entry = entries.seek_exact(&key)?;
        if covered.unwrap_or(has_entry) {
            expected += 1;
        }
        if covered == Some(true) && !has_entry {
            problems.push(format!("index {} has no entry for row {row_id} of {}", index.name, table.name));
        }
        if covered == Some(false) && has_entry {
            problems.push(format!("index {} has an entry for row {row_id}, outside its WHERE", index.name));
        }
        if has_entry && entries.value()? != value {
            problems.push(format!("index {} restores row {row_id} wrongly", index.name));
        }
        found = rows.next()?;
    }

    // No entry is left over, and none breaks the uniqueness that the index promises.
    let mut present = 0_u64;
    let mut before: Vec<u8> = Vec::new();
    let mut found = entries.seek_first()?;
    while found {
        present += 1;
        key.clear();
        key.extend_from_slice(entries.key()?);
        let row_id = EntryReader::new(&key, &[])?.row_id();
        if !rows.seek_exact(&row_key(row_id))? {
            problems.push(format!("index {} names row {row_id}, which {} has not", index.name, table.name));
        } else if index.unique {
            let row = row_values(table, row_id, rows.value()?)?;
            let prefix = key.len().saturating_sub(8);
            let twice = before.get(..before.len().saturating_sub(8)) == key.get(..prefix);
            let values = match covers.as_deref_mut() {
                Some(covers) if is_evaluated(index) => {
                    covers(table, index, row_id, &row)?.unwrap_or_default()
                }
                _ => plain_values(index, &row),
            };
            if twice && !before.is_empty() && values.iter().all(|value| !value.is_null()) {
                problems.push(format!("unique index {} holds the key of row {row_id} twice", index.name));
            }
        }
        std::mem::swap(&mut before, &mut key);
        found = entries.next()?;
    }
    if present != expected {
        problems
            .push(format!("index {} has {present} entries where {expected} rows belong in it", index.name));
    }
    Ok(())
}
