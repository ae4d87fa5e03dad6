//! ANALYZE and the table `sqlite_stat1`: how many entries the indexes have, and how many of them share their first
//! columns.
//!
//! A row is about one index: `tbl`, `idx` and `stat`, a text of numbers: the entries, then for one column, for two and so on
//! how many entries agree in them on average. The table is one like any other, to be read and changed; what stands in it
//! counts from the next ANALYZE or opening on, as in SQLite.

use super::ddl::{add_own_table, whole};
use super::listing::is_schema_table;
use super::schema::{Catalog, Index, Table, fold_name};
use crate::databases::{Snapshot, WriteTransaction};
use crate::encode::{EntryLayout, KeyReader, RecordView, RecordWriter, row_key};
use crate::error::{Error, Result};
use crate::parser::ast::Ident;
use crate::parser::span_of;
use crate::types::ColumnType;
use crate::value::ValueRef;
use rustc_hash::FxHashMap;
use sedge_storage::{Cursor, Snapshot as StoreSnapshot};
use std::sync::Arc;

/// The table's name.
pub const STATISTICS_TABLE: &str = "sqlite_stat1";
const STATISTICS_SQL: &str = "CREATE TABLE sqlite_stat1(tbl,idx,stat)";
/// Rows that a table must have gained or lost, as a factor, before its numbers are gathered again.
const CHANGE_FACTOR: u64 = 10;

/// What ANALYZE has found of the indexes.
#[derive(Debug, Default)]
pub struct IndexStatistics {
    /// By the folded names of table and index.
    numbers: FxHashMap<(String, String), Vec<u64>>,
}

impl IndexStatistics {
    /// The entries of an index, then how many agree in its first column, its first two, and so on.
    #[must_use]
    pub fn of(&self, index: &Index) -> Option<&[u64]> {
        if self.numbers.is_empty() {
            return None;
        }
        let known = (fold_name(&index.table), fold_name(&index.name));
        self.numbers.get(&known).map(Vec::as_slice)
    }
}

/// The rows of the table, each with its row id.
fn rows_of(mut cursor: Cursor<StoreSnapshot>) -> Result<Vec<(i64, [String; 3])>> {
    let mut rows = Vec::new();
    let mut found = cursor.seek_first()?;
    while found {
        let row_id = cursor.row_id();
        let record = RecordView::new(cursor.value()?)?;
        let text = |place| -> Result<String> {
            Ok(match record.get(place, ColumnType::Any)? {
                ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                ValueRef::Integer(integer) => integer.to_string(),
                _ => String::new(),
            })
        };
        rows.push((row_id, [text(0)?, text(1)?, text(2)?]));
        found = cursor.next()?;
    }
    Ok(rows)
}

/// Reads what the table says.
pub(super) fn load_statistics(snapshot: &StoreSnapshot, catalog: &Catalog) -> Result<Arc<IndexStatistics>> {
    let mut statistics = IndexStatistics::default();
    let Some(table) = catalog.table(STATISTICS_TABLE).filter(|table| table.columns.len() == 3) else {
        return Ok(Arc::default());
    };
    for (_, [owner, index, stat]) in rows_of(snapshot.cursor(table.root.in_store()))? {
        // Behind the numbers may stand words.
        let numbers = stat.split(' ').map_while(|word| word.parse().ok());
        let Some(owner) = catalog.table(&owner) else { continue };
        // The key of a clustered table goes by the table's name.
        let index = match &owner.primary {
            Some(primary) if index.eq_ignore_ascii_case(&owner.name) => primary.name.clone(),
            _ => index,
        };
        statistics.numbers.insert((fold_name(&owner.name), fold_name(&index)), numbers.collect());
    }
    Ok(Arc::new(statistics))
}

/// ANALYZE in one database: of all its tables, or of the table or index of that name.
///
/// # Errors
/// [`Error::Name`] for what does not exist; storage errors, after which the transaction is to be rolled back to where it
/// was.
pub fn analyze(txn: &mut WriteTransaction, catalog: &Catalog, name: Option<&Ident>) -> Result<Catalog> {
    let mut wanted = Vec::new();
    let mut only = None;
    match name {
        None => wanted.extend(catalog.tables()),
        Some(name) if is_schema_table(&name.value) => {}
        Some(name) => {
            let index = catalog.index(&name.value);
            let table = index.map_or(name.value.as_str(), |index| &index.table);
            let Some(table) = catalog.table(table) else {
                return Err(Error::name(format!("no such table: {}", name.value), span_of(name.span)));
            };
            wanted.push(table);
            only = index.map(|index| index.name.clone());
        }
    }
    whole(txn, |txn| gather(txn, catalog, &wanted, only.as_deref()))
}

/// `PRAGMA optimize`: ANALYZE of the tables with indexes of which nothing is known, or whose rows have become ten times
/// more or fewer since. `None` if there is none.
///
/// # Errors
/// Storage errors.
pub fn optimize(txn: &mut WriteTransaction, catalog: &Catalog) -> Result<Option<Catalog>> {
    let snapshot = txn.snapshot();
    let mut wanted = Vec::new();
    for table in catalog.tables() {
        let rows = snapshot.cursor(table.root).estimate_rows()?;
        let is_stale = |index: &Arc<Index>| match catalog.statistics.of(index).and_then(<[u64]>::first) {
            None => rows > 0,
            Some(known) if index.filter.is_some() => *known == 0 && rows > 0,
            Some(known) => rows > known * CHANGE_FACTOR || rows * CHANGE_FACTOR < *known,
        };
        if table.indexes.iter().any(is_stale) {
            wanted.push(table);
        }
    }
    drop(snapshot);
    match wanted.is_empty() {
        true => Ok(None),
        false => whole(txn, |txn| gather(txn, catalog, &wanted, None)).map(Some),
    }
}

fn gather(
    txn: &mut WriteTransaction,
    catalog: &Catalog,
    tables: &[&Arc<Table>],
    only: Option<&str>,
) -> Result<Catalog> {
    let mut next = catalog.next();
    if next.table(STATISTICS_TABLE).is_none() {
        add_own_table(txn, &mut next, STATISTICS_SQL)?;
    }
    // Also where nothing else is written: a commit without changes would keep the catalog before.
    next.raise_schema_version(txn)?;
    let Some(kept) = next.table(STATISTICS_TABLE).map(Arc::clone) else {
        return Err(Error::Misuse("the table of statistics could not be made".to_owned()));
    };
    let snapshot = txn.snapshot();
    let mut found = Vec::new();
    for table in tables.iter().filter(|table| !fold_name(&table.name).starts_with("sqlite_")) {
        let mut counts_rows = false;
        for index in table.indexes.iter().filter(|index| only.is_none_or(|only| index.name == only)) {
            counts_rows |= index.filter.is_none();
            let name = if table.is_clustered_by(index) { &table.name } else { &index.name };
            if let Some(stat) = stat_of(&snapshot, table, index)? {
                found.push((table.name.as_str(), Some(name.as_str()), stat));
            }
        }
        let rows = count(&snapshot, table)?;
        if only.is_none() && !counts_rows && rows > 0 {
            found.push((table.name.as_str(), None, rows.to_string()));
        }
    }
    for (row_id, [owner, index, _]) in rows_of(snapshot.cursor(kept.root))? {
        let is_own = |table: &&Arc<Table>| table.name.eq_ignore_ascii_case(&owner);
        let is_asked = only.is_none_or(|only| only.eq_ignore_ascii_case(&index));
        if is_asked && tables.iter().any(is_own) {
            txn.delete(kept.root, &row_key(row_id))?;
        }
    }
    let mut writer = RecordWriter::new();
    for (owner, index, stat) in &found {
        let row_id = txn.last_row_id(kept.root)?.map_or(1, |last| last.saturating_add(1));
        let values = [
            ValueRef::Text(owner.as_bytes()),
            index.map_or(ValueRef::Null, |index| ValueRef::Text(index.as_bytes())),
            ValueRef::Text(stat.as_bytes()),
        ];
        let record = writer.encode(values.into_iter().map(|value| (ColumnType::Any, value)))?;
        txn.put(kept.root, &row_key(row_id), record)?;
    }
    drop(snapshot);
    if let Some(seen) = txn.snapshot().database(next.database) {
        next.statistics = load_statistics(seen, &next)?;
    }
    Ok(next)
}

fn count(snapshot: &Snapshot, table: &Table) -> Result<u64> {
    let mut cursor = snapshot.cursor(table.root);
    let (mut rows, mut found) = (0, cursor.seek_first()?);
    while found {
        rows += 1;
        found = cursor.next()?;
    }
    Ok(rows)
}

/// What SQLite would say of an index; `None` if it has no entry.
fn stat_of(snapshot: &Snapshot, table: &Table, index: &Index) -> Result<Option<String>> {
    let layout = EntryLayout::of(table, index);
    let width = index.columns.len();
    // How many different beginnings of each length there are.
    let mut distinct = vec![0_u64; width];
    let (mut rows, mut before) = (0_u64, Vec::new());
    let mut cursor = snapshot.cursor(index.root);
    let mut found = cursor.seek_first()?;
    while found {
        let key = cursor.key()?.to_vec();
        let mut reader = KeyReader::new(&key);
        for (column, count) in layout.columns().iter().zip(&mut distinct) {
            reader.skip(column.descending)?;
            let end = key.len() - reader.rest().len();
            // A column ends where it says, so that no beginning is that of another value.
            *count += u64::from(rows == 0 || key.get(..end) != before.get(..end));
        }
        rows += 1;
        before = key;
        found = cursor.next()?;
    }
    if rows == 0 {
        return Ok(None);
    }
    let mut stat = rows.to_string();
    for count in distinct {
        let mut average = rows.div_ceil(count.max(1));
        if average == 2 && rows * 10 <= count * 11 {
            // Nearly unique is unique.
            average = 1;
        }
        stat.push_str(&format!(" {average}"));
    }
    Ok(Some(stat))
}
