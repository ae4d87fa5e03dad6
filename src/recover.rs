//! Salvage: a new database from what is sound of a damaged one.

use crate::connection::Connection;
use crate::database::Options;
use crate::error::{Error, ErrorCode, Result};
use crate::params::params_from_iter;
use crate::statement::Statement;
use sedge_sql::Value;
use sedge_sql::catalog::{
    Object, ObjectKind, SEQUENCE_TABLE, STATISTICS_TABLE, SchemaRecord, Table, salvaged_row, salvaged_table,
    schema_record,
};
use sedge_sql::encode::row_id_of_key;
use sedge_storage::{Salvage, SalvagedTree, SkippedPage};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::path::Path;

/// What [`recover`] has saved, and what it could not.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SalvageReport {
    /// The tables whose descriptions were found, in order of creation.
    pub tables: Vec<SalvagedTable>,
    /// The table that took the rows of no known table, if there are such rows, and their number.
    pub lost_and_found: Option<(String, u64)>,
    /// Pages that could not be used, and why.
    pub skipped: Vec<SkippedPage>,
    /// What else was found to be wrong, a sentence each.
    pub notes: Vec<String>,
    /// Pages that the damaged database has.
    pub pages: u32,
}

/// What was saved of one table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SalvagedTable {
    /// Its name.
    pub name: String,
    /// Rows saved into it.
    pub rows: u64,
    /// Rows that were found but not saved, because a part of them is on a page that is not sound.
    pub rows_unreadable: u64,
    /// Rows that the new table refused, by a constraint: they are in the lost and found.
    pub rows_refused: u64,
    /// False if a page of its tree is missing, and rows with it.
    pub is_whole: bool,
}

impl fmt::Display for SalvageReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for table in &self.tables {
            write!(f, "table {}: {} rows saved", table.name, table.rows)?;
            if table.rows_unreadable > 0 {
                write!(f, ", {} unreadable", table.rows_unreadable)?;
            }
            if table.rows_refused > 0 {
                write!(f, ", {} refused", table.rows_refused)?;
            }
            writeln!(f, "{}", if table.is_whole { "" } else { "; pages of it are missing" })?;
        }
        if let Some((name, rows)) = &self.lost_and_found {
            writeln!(f, "table {name}: {rows} rows of no known table")?;
        }
        for skipped in &self.skipped {
            writeln!(f, "skipped {}", skipped.reason)?;
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        write!(f, "{} of {} pages skipped", self.skipped.len(), self.pages)
    }
}

/// Makes a new database at `good` of every row that stands on sound pages of the damaged one at `bad`.
///
/// Page 0, the schema, the inner pages of trees, the freelist and the logs may all be damaged: what is left of them is
/// used, and rows are found page by page. Rows whose table is not known go into a table `lost_and_found` with their
/// root page, their row id and their record as it is kept. Indexes are made anew from the rows. `bad` is only read.
///
/// ```
/// # fn main() -> sedge::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let (bad, good) = (folder.path().join("bad.sedge"), folder.path().join("good.sedge"));
/// let db = sedge::Database::open(&bad)?;
/// db.connect()?.execute_batch("CREATE TABLE t(a INTEGER); INSERT INTO t VALUES (1), (2)")?;
/// db.close()?;
/// let report = sedge::recover(&bad, &good)?;
/// assert_eq!((report.tables[0].name.as_str(), report.tables[0].rows), ("t", 2));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`ErrorCode::Misuse`] if there is a file at `good`; [`ErrorCode::Corrupt`] if no page of `bad` is sound or it is not a
/// Sedge database; [`ErrorCode::Busy`] while it is open for writing; I/O errors, after which `good` holds a part.
pub fn recover(bad: impl AsRef<Path>, good: impl AsRef<Path>) -> Result<SalvageReport> {
    let good = good.as_ref();
    if good.symlink_metadata().is_ok() {
        let message = format!("{} exists already; what is saved goes into a new file", good.display());
        return Err(Error::new(ErrorCode::Misuse, message));
    }
    let salvage = Salvage::open(bad.as_ref())?;
    let mut schema = Schema::read(&salvage)?;
    let database = Options::new().page_size(salvage.page_size()).open(good)?;
    let connection = database.connect()?;
    // Rows come in any order, and those they refer to may be lost.
    connection.execute("PRAGMA foreign_keys = OFF", ())?;
    let taken = schema.objects.values().map(|object| object.name.clone()).collect();
    let mut saving =
        Saving { salvage: &salvage, connection, taken, lost: None, report: SalvageReport::default() };
    let tables = saving.make_tables(&mut schema)?;
    let by_row_id = tables.iter().filter(|table| table.has_row_id());
    let roots: Vec<_> = by_row_id.map(|table| table.root.in_store()).collect();
    let mut trees = salvage.table_trees(&roots, schema.is_whole).into_iter();
    for table in &tables {
        let tree = match table.has_row_id() {
            true => trees.next(),
            false => Some(salvage.index_tree(table.root.in_store())),
        };
        if let Some(tree) = tree {
            saving.save_tree(Some(table), &tree)?;
        }
    }
    for part in trees {
        saving.save_tree(None, &part)?;
    }
    saving.make_the_rest(&schema)?;
    let Saving { connection, report: mut saved, lost, .. } = saving;
    saved.lost_and_found = lost.map(|lost| (lost.name, lost.rows));
    drop(connection);
    saved.notes.splice(0..0, schema.notes.into_iter().chain(salvage.notes().iter().cloned()));
    saved.skipped = salvage.skipped().to_vec();
    saved.pages = salvage.page_count();
    database.close()?;
    Ok(saved)
}

/// What is left of the schema.
struct Schema {
    objects: BTreeMap<u64, Object>,
    meta: Vec<(String, i64)>,
    /// True if every table that there was is among the objects.
    is_whole: bool,
    notes: Vec<String>,
}

impl Schema {
    fn read(salvage: &Salvage) -> Result<Schema> {
        let (mut objects, mut meta, mut notes) = (BTreeMap::new(), Vec::new(), Vec::new());
        let mut bad = 0;
        let belongs = |key: &[u8], value: &[u8]| schema_record(key, value).is_ok();
        let mut is_whole =
            salvage.schema_records(&belongs, |key, value| match schema_record(key, value) {
                Ok(SchemaRecord::Object(number, object)) => drop(objects.insert(number, object)),
                Ok(SchemaRecord::Meta(name, number)) => meta.push((name, number)),
                Err(error) => {
                    bad += 1;
                    notes.push(error.to_string());
                }
            })?;
        is_whole &= bad == 0;
        if !is_whole {
            notes.push("a part of the schema is lost".to_owned());
        }
        Ok(Schema { objects, meta, is_whole, notes })
    }
}

/// The table for rows of no known table.
struct LostAndFound {
    name: String,
    insert: Statement,
    rows: u64,
}

/// A salvage on its way into the new database.
struct Saving<'a> {
    salvage: &'a Salvage,
    connection: Connection,
    /// Names of the schema.
    taken: Vec<String>,
    lost: Option<LostAndFound>,
    report: SalvageReport,
}

impl Saving<'_> {
    /// Makes the tables whose descriptions are sound.
    fn make_tables(&mut self, schema: &mut Schema) -> Result<Vec<Table>> {
        let mut tables: Vec<Table> = Vec::new();
        for object in schema.objects.values().filter(|object| object.kind == ObjectKind::Table) {
            let made = salvaged_table(object).map_err(Error::from).and_then(|table| {
                // What AUTOINCREMENT counts in comes with the tables that count.
                match table.name.as_str() {
                    SEQUENCE_TABLE => {}
                    // Nobody may make it by name.
                    STATISTICS_TABLE => drop(self.connection.execute("ANALYZE sqlite_schema", ())?),
                    _ => drop(self.connection.execute(&table.sql, ())?),
                }
                Ok(table)
            });
            match made {
                Ok(table) => tables.push(table),
                Err(error) if is_fatal(&error) => return Err(error),
                Err(error) => {
                    schema.is_whole = false;
                    schema.notes.push(format!("table {} cannot be made: {error}", object.name));
                }
            }
        }
        Ok(tables)
    }

    /// Saves the rows of one tree, in one transaction, into `table` or the lost and found.
    fn save_tree(&mut self, table: Option<&Table>, tree: &SalvagedTree) -> Result<()> {
        let mut saved = SalvagedTable { is_whole: tree.is_whole, ..SalvagedTable::default() };
        let mut inserts: BTreeMap<usize, Statement> = BTreeMap::new();
        let mut row = Vec::new();
        let salvage = self.salvage;
        self.connection.execute("BEGIN", ())?;
        salvage.records(tree, |found| -> Result<()> {
            let Ok((key, record)) = found else {
                saved.rows_unreadable += 1;
                return Ok(());
            };
            let row_id = row_id_of_key(key).ok().filter(|_| table.is_none_or(Table::has_row_id));
            let called = row_id.map_or_else(|| Value::Blob(key.into()), Value::Integer);
            let Some(table) = table else { return self.lose(tree, called, record) };
            let inserted = salvaged_row(table, key, record, &mut row).map_err(Error::from).and_then(|()| {
                let insert = match inserts.entry(row.len()) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(place) => {
                        place.insert(self.connection.prepare(&insert_text(table, row.len()))?)
                    }
                };
                if table.name == SEQUENCE_TABLE {
                    // The rows saved so far have been counted anew.
                    let forget = "DELETE FROM sqlite_sequence WHERE name = ?";
                    self.connection.execute(forget, params_from_iter(row.iter().take(1).cloned()))?;
                }
                let row_id = row_id.filter(|_| row_id_name(table).is_some()).map(Value::Integer);
                let written =
                    row.drain(..).zip(&table.columns).filter(|(_, column)| column.generated.is_none());
                let values = written.map(|(value, _)| value);
                insert.execute(params_from_iter(row_id.into_iter().chain(values)))
            });
            match inserted {
                Ok(_) => saved.rows += 1,
                Err(error) if is_fatal(&error) => return Err(error),
                Err(_) => {
                    saved.rows_refused += 1;
                    self.lose(tree, called, record)?;
                }
            }
            Ok(())
        })?;
        self.connection.execute("COMMIT", ())?;
        match table {
            Some(table) => {
                saved.name.clone_from(&table.name);
                self.report.tables.push(saved);
            }
            None if saved.rows_unreadable > 0 => {
                let note =
                    format!("{} rows below page {} are unreadable", saved.rows_unreadable, tree.root.0);
                self.report.notes.push(note);
            }
            None => {}
        }
        Ok(())
    }

    /// Puts a row into the lost and found, under its row id or the key that its table's tree has it by.
    fn lose(&mut self, tree: &SalvagedTree, called: Value, record: &[u8]) -> Result<()> {
        let lost = match self.lost.take() {
            Some(lost) => lost,
            None => {
                let names = (0..).map(|n| match n {
                    0 => "lost_and_found".to_owned(),
                    n => format!("lost_and_found_{n}"),
                });
                let is_free =
                    |name: &String| !self.taken.iter().any(|taken| taken.eq_ignore_ascii_case(name));
                let name = names.take(self.taken.len() + 1).find(is_free).unwrap_or_default(); // one of them is
                self.connection.execute(
                    &format!("CREATE TABLE {name}(root_page INTEGER, row_id ANY, record BLOB)"),
                    (),
                )?;
                let insert = self.connection.prepare(&format!("INSERT INTO {name} VALUES (?, ?, ?)"))?;
                LostAndFound { name, insert, rows: 0 }
            }
        };
        let lost = self.lost.insert(lost);
        lost.insert.execute((i64::from(tree.root.0), called, record))?;
        lost.rows += 1;
        Ok(())
    }

    /// Makes indexes and views, and the numbers that the schema keeps.
    fn make_the_rest(&mut self, schema: &Schema) -> Result<()> {
        let rest = schema.objects.values().filter(|object| object.kind != ObjectKind::Table);
        for (object, sql) in rest.filter_map(|object| Some((object, object.sql.as_ref()?))) {
            match self.connection.execute(sql, ()) {
                Ok(_) => {}
                Err(error) if is_fatal(&error) => return Err(error),
                Err(error) => {
                    let kind = object.kind.name();
                    self.report.notes.push(format!("{kind} {} cannot be made: {error}", object.name));
                }
            }
        }
        for (name, number) in &schema.meta {
            if ["user_version", "application_id"].contains(&name.as_str()) {
                self.connection.execute(&format!("PRAGMA {name} = {number}"), ())?;
            }
        }
        Ok(())
    }
}

/// True of errors that the next row will meet as well.
fn is_fatal(error: &Error) -> bool {
    matches!(error.code(), ErrorCode::Io | ErrorCode::Full | ErrorCode::Busy | ErrorCode::ReadOnly)
}

/// By which name the row ids of a table can be given apart from its columns, if they can.
fn row_id_name(table: &Table) -> Option<&'static str> {
    if table.name == SEQUENCE_TABLE || !table.has_row_id() {
        return None;
    }
    let free = ["rowid", "_rowid_", "oid"].into_iter().find(|name| table.column(name).is_none());
    free.filter(|_| table.row_id_column.is_none())
}

/// The INSERT of a row's first `columns` columns, its row id in front where it can be given.
fn insert_text(table: &Table, columns: usize) -> String {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let row_id = row_id_name(table).map(str::to_owned);
    let written = table.columns.iter().take(columns).filter(|column| column.generated.is_none());
    let columns = written.map(|column| quoted(&column.name));
    let names: Vec<String> = row_id.into_iter().chain(columns).collect();
    let marks = vec!["?"; names.len()].join(", ");
    format!("INSERT INTO {}({}) VALUES ({marks})", quoted(&table.name), names.join(", "))
}
