//! The proof that indexes agree with their tables, entry by entry: for `sedge check` and for tests.

use super::schema::{Catalog, Index, IndexColumn, IndexKey, Table};
use crate::encode::{EntryLayout, RecordWriter, each_column, row_id_in};
use crate::error::{Error, Result};
use crate::value::Value;
use sedge_storage::{Cursor, Snapshot};

/// What an index holds of a row, given by its columns and then its row id: the values of the index's columns, or `None`
/// where the row is outside it.
pub type Covers<'a> = dyn FnMut(&Table, &Index, &[Value]) -> Result<Option<Vec<Value>>> + 'a;

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

/// The row's columns and then its row id; NULL stands for what it lacks.
fn row_values(table: &Table, key: &[u8], record: &[u8]) -> Result<Vec<Value>> {
    let mut values = vec![Value::Null; table.columns.len() + 1];
    each_column(table, key, record, &mut Vec::new(), |place, value| {
        if let Some(slot) = values.get_mut(place) {
            *slot = value.to_owned();
        }
        Ok(())
    })?;
    if let (Some(row_id), Some(last)) = (row_id_in(table, key)?, values.last_mut()) {
        *last = Value::Integer(row_id);
    }
    Ok(values)
}

/// What a row is called in messages: its row id, or the values of its key.
fn name_of(table: &Table, row: &[Value]) -> String {
    let shown = |value: &Value| match value {
        Value::Integer(integer) => integer.to_string(),
        Value::Text(text) => format!("'{text}'"),
        other => format!("{other:?}"),
    };
    match &table.primary {
        None => row.last().map_or_else(String::new, shown),
        Some(primary) => {
            let values: Vec<String> = plain_values(&primary.columns, row).iter().map(shown).collect();
            format!("({})", values.join(", "))
        }
    }
}

/// True if what only an evaluation tells is asked of the index.
fn is_evaluated(index: &Index) -> bool {
    index.filter.is_some() || index.columns.iter().any(|column| matches!(column.key, IndexKey::Expression(_)))
}

/// The columns of an index over a row where they are the table's; NULL for an expression.
fn plain_values(columns: &[IndexColumn], row: &[Value]) -> Vec<Value> {
    let value = |column: &IndexColumn| match column.key {
        IndexKey::Column(i) => row.get(i).cloned().unwrap_or_default(),
        IndexKey::Expression(_) => Value::Null,
    };
    columns.iter().map(value).collect()
}

/// Rows of a clustered table stand under the keys that they say.
fn verify_clustered(
    snapshot: &Snapshot,
    table: &Table,
    index: &Index,
    problems: &mut Vec<String>,
) -> Result<()> {
    let layout = EntryLayout::of(table, index);
    let mut rows = Cursor::new(snapshot.clone(), table.root.in_store());
    let (mut key, mut expected) = (Vec::new(), Vec::new());
    let mut found = rows.seek_first()?;
    while found {
        key.clear();
        key.extend_from_slice(rows.key()?);
        let row = row_values(table, &key, rows.value()?)?;
        let values = plain_values(&index.columns, &row);
        layout.encode_key(&mut expected, values.iter().map(Value::as_ref), 0);
        if expected != key {
            let name = name_of(table, &row);
            problems.push(format!("row {name} of {} stands under the key of another", table.name));
        }
        found = rows.next()?;
    }
    Ok(())
}

/// What an index must hold of a row: whether the row is in it, where that is known, and the values of its columns.
fn expected_of(
    table: &Table,
    index: &Index,
    row: &[Value],
    covers: Option<&mut Covers<'_>>,
) -> Result<(Option<bool>, Vec<Value>)> {
    let (covered, mut values) = match covers {
        Some(covers) if is_evaluated(index) => match covers(table, index, row)? {
            Some(values) => (Some(true), values),
            None => (Some(false), plain_values(&index.columns, row)),
        },
        Some(_) => (Some(true), plain_values(&index.columns, row)),
        None => (index.filter.is_none().then_some(true), plain_values(&index.columns, row)),
    };
    values.extend(plain_values(&index.tail, row));
    Ok((covered, values))
}

fn verify_index(
    snapshot: &Snapshot,
    table: &Table,
    index: &Index,
    mut covers: Option<&mut Covers<'_>>,
    problems: &mut Vec<String>,
) -> Result<()> {
    if table.is_clustered_by(index) {
        return verify_clustered(snapshot, table, index, problems);
    }
    let layout = EntryLayout::of(table, index);
    let mut rows = Cursor::new(snapshot.clone(), table.root.in_store());
    let mut entries = Cursor::new(snapshot.clone(), index.root.in_store());
    let (mut key, mut restore) = (Vec::new(), RecordWriter::new());

    // Each row has its entry.
    let mut expected = 0_u64;
    let mut found = rows.seek_first()?;
    while found {
        key.clear();
        key.extend_from_slice(rows.key()?);
        let row = row_values(table, &key, rows.value()?)?;
        let (covered, values) = expected_of(table, index, &row, covers.as_deref_mut())?;
        let row_id = row_id_in(table, &key)?.unwrap_or(0);
        let value = layout.encode(&mut key, &mut restore, values.iter().map(Value::as_ref), row_id)?;
        let has_entry = entries.seek_exact(&key)?;
        if covered.unwrap_or(has_entry) {
            expected += 1;
        }
        let name = || name_of(table, &row);
        if covered == Some(true) && !has_entry {
            problems.push(format!("index {} has no entry for row {} of {}", index.name, name(), table.name));
        }
        if covered == Some(false) && has_entry {
            problems.push(format!("index {} has an entry for row {}, outside its WHERE", index.name, name()));
        }
        if has_entry && entries.value()? != value {
            problems.push(format!("index {} restores row {} wrongly", index.name, name()));
        }
        found = rows.next()?;
    }

    // No entry is left over, and none breaks the uniqueness that the index promises.
    let mut present = 0_u64;
    let (mut before, mut own): (Vec<u8>, Vec<u8>) = (Vec::new(), Vec::new());
    let mut assembled = Vec::new();
    let mut found = entries.seek_first()?;
    while found {
        present += 1;
        key.clear();
        key.extend_from_slice(entries.key()?);
        let row_key = layout.row_key(&key, &mut assembled)?;
        if !rows.seek_exact(row_key)? {
            problems.push(format!("index {} names a row which {} has not", index.name, table.name));
        } else if index.unique {
            let row = row_values(table, row_key, rows.value()?)?;
            let (_, values) = expected_of(table, index, &row, covers.as_deref_mut())?;
            let own_bytes = layout.encode_key(&mut own, values.iter().map(Value::as_ref), 0);
            own.truncate(own_bytes);
            let has_null = values.iter().take(index.columns.len()).any(Value::is_null);
            if own == before && !has_null {
                let name = name_of(table, &row);
                problems.push(format!("unique index {} holds the key of row {name} twice", index.name));
            }
            std::mem::swap(&mut before, &mut own);
        }
        found = entries.next()?;
    }
    if present != expected {
        problems
            .push(format!("index {} has {present} entries where {expected} rows belong in it", index.name));
    }
    Ok(())
}
