//! ALTER TABLE: the texts of the schema changed, and the objects that they describe brought in line. What is left to do
//! with the rows is told to the caller.
//!
//! A change is one of the table's text, from which the table is then defined like any other: so there is one way from
//! text to table, and what CREATE TABLE refuses no ALTER lets in.

use super::alter_text::{OwnChange, own_change};
use super::ddl::{index_object, is_free, no_such, relation_names};
use super::define::{CollationNames, define_table, place};
use super::edit::NameUse;
use super::listing::is_schema_table;
use super::rename::{KeptNames, Rename, Renamed, kept_names};
use super::schema::{Catalog, Index, IndexKey, Object, ObjectKind, Relation, Table, Trigger, View};
use super::sequence::{SEQUENCE_TABLE, rename_sequence};
use super::store::parse_kept;
use crate::databases::WriteTransaction;
use crate::error::{Error, Result};
use crate::parser::ast::{Expr, Ident};
use crate::parser::{AlterOperation, CreateTable, Name, Parsed, Statement};
use sedge_storage::TreeKind;
use std::sync::Arc;

/// Resolves the names in the texts of the schema.
pub struct NamesIn<'a> {
    /// Those of an expression over a table's columns.
    pub in_expr: &'a dyn Fn(&Table, &Expr) -> Result<Vec<NameUse>>,
    /// Those of a view.
    pub in_view: &'a dyn Fn(&Catalog, &View) -> Result<Vec<NameUse>>,
    /// Those of a trigger.
    pub in_trigger: &'a dyn Fn(&Catalog, &Trigger) -> Result<Vec<NameUse>>,
}

/// What ALTER TABLE leaves to be done with the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowWork {
    /// Nothing: the records stay as they are.
    Nothing,
    /// Each row has to satisfy NOT NULL and CHECK.
    Verify,
    /// Each row is written anew.
    Rewrite,
}

/// A table that was altered, in a schema whose trees are not in line with it yet.
pub struct Altered {
    /// The schema.
    pub catalog: Catalog,
    /// The table as it was.
    pub before: Arc<Table>,
    /// The table as it is.
    pub table: Arc<Table>,
    /// Of each column, where it stood before; `None` for one that was not there.
    pub places: Vec<Option<usize>>,
    /// What to do with the rows.
    pub rows: RowWork,
    /// The indexes that have to be filled anew, by name.
    pub stale: Vec<String>,
}

/// The next text of an object.
pub(super) struct TextChange {
    pub(super) number: u64,
    pub(super) sql: String,
}

/// ALTER TABLE, but for the rows.
///
/// # Errors
/// [`Error::Name`] and [`Error::Invalid`] with their places; storage errors. The transaction is then to be rolled back to
/// where it was.
pub fn alter_table(
    txn: &mut WriteTransaction,
    catalog: &Catalog,
    parsed: &Parsed,
    (name, operation): (&Name, &AlterOperation),
    names: &NamesIn<'_>,
) -> Result<Altered> {
    // Resolved from the kept texts, so that each place is one of theirs.
    let mut catalog = catalog.clone();
    catalog.resolve()?;
    let before = Arc::clone(altered_table(&catalog, name)?);
    let all = || (0..before.columns.len()).map(Some).collect();
    let change = match operation {
        AlterOperation::RenameTable(next) => {
            let free = Name { database: None, name: next.clone() };
            is_free(&catalog, &free, ObjectKind::Table, false)?;
            let rename = Rename { table: &before, what: Renamed::Table, next };
            let changed = renamed_catalog(txn, &catalog, &rename, names)?;
            if before.autoincrement
                && let Some(sequences) = catalog.table(SEQUENCE_TABLE)
            {
                rename_sequence(txn, sequences, &before.name, &next.value)?;
            }
            return finished(changed, before.clone(), &next.value, all(), RowWork::Nothing);
        }
        AlterOperation::RenameColumn { from, to } => {
            let column = column_called(&before, from)?;
            if before.column(&to.value).is_some_and(|taken| taken != column) {
                return Err(Error::name(format!("duplicate column name: {}", to.value), place(to)));
            }
            let was = before.columns.get(column).map_or("", |column| column.name.as_str());
            let rename = Rename { table: &before, what: Renamed::Column(was), next: to };
            let changed = renamed_catalog(txn, &catalog, &rename, names)?;
            return finished(changed, before.clone(), &before.name, all(), RowWork::Nothing);
        }
        operation => {
            let has_rows = txn.first_key_at_or_after(before.root, &[], |_| ())?.is_some();
            own_change(&catalog, &before, parsed, operation, has_rows, names)?
        }
    };
    let OwnChange { sql, places, rows, is_retyped, here } = change;
    let unplaced = |error| placed(error, here);
    let kept = match operation {
        AlterOperation::DropColumn(_) => kept_names(&catalog, names, "")?,
        _ => KeptNames::new(),
    };
    let number = number_of(&catalog, &before)?;
    let (next, mut stale) =
        changed(txn, &catalog, &before, &before.name, vec![TextChange { number, sql }], &places)
            .map_err(unplaced)?;
    if !kept.is_empty() {
        kept_names(&next, names, " after drop column")?;
    }
    let mut altered = finished((next, Vec::new()), before.clone(), &before.name, places, rows)?;
    let row_id = altered.table.row_id_column.and_then(|column| altered.places.get(column).copied().flatten());
    if row_id != before.row_id_column {
        let message = "a column cannot become the row id of a table, nor cease to be it";
        return Err(Error::invalid(message, here));
    }
    if is_retyped {
        stale = altered.table.indexes.iter().map(|index| index.name.clone()).collect();
    }
    altered.stale = stale;
    Ok(altered)
}

/// An error about a text of the schema as one about the statement.
fn placed(error: Error, here: crate::error::Span) -> Error {
    match error {
        Error::Name { message, .. } => Error::name(message, here),
        Error::Invalid { message, .. } => Error::invalid(message, here),
        Error::Syntax { message, .. } => Error::syntax(message, here),
        error => error,
    }
}

/// The table that ALTER TABLE names.
fn altered_table<'c>(catalog: &'c Catalog, name: &Name) -> Result<&'c Arc<Table>> {
    let ident = &name.name;
    let refused =
        |what: &str| Err(Error::invalid(format!("{what} {} may not be altered", ident.value), place(ident)));
    if is_schema_table(&ident.value) || ident.value.eq_ignore_ascii_case(SEQUENCE_TABLE) {
        return refused("table");
    }
    match catalog.relation(&ident.value) {
        Some(Relation::Table(table)) => Ok(table),
        Some(Relation::View(_)) => refused("view"),
        None => Err(no_such("table", ident, relation_names(catalog))),
    }
}

/// The place of the column called so.
pub(super) fn column_called(table: &Table, ident: &Ident) -> Result<usize> {
    table
        .column(&ident.value)
        .ok_or_else(|| no_such("column", ident, table.columns.iter().map(|column| column.name.as_str())))
}

/// The statement and the table of an object as its text has them.
pub(super) fn kept_table(catalog: &Catalog, object: &Object) -> Result<(CreateTable, Arc<Table>)> {
    let sql = object.sql.as_deref().unwrap_or_default();
    match (parse_kept(sql)?.statement, catalog.table(&object.name)) {
        (Statement::CreateTable(create), Some(table)) => Ok((*create, Arc::clone(table))),
        _ => Err(Error::Misuse(format!("the statement of table {} makes no table", object.name))),
    }
}

/// The object that a table is.
pub(super) fn number_of(catalog: &Catalog, table: &Table) -> Result<u64> {
    let is_it = |object: &Object| object.kind == ObjectKind::Table && object.name == table.name;
    let found = catalog.objects.iter().find(|(_, object)| is_it(object));
    found
        .map(|(number, _)| *number)
        .ok_or_else(|| Error::Misuse(format!("the schema does not hold table {}", table.name)))
}

/// The schema after a rename, which leaves every view and trigger with the meaning that it had.
fn renamed_catalog(
    txn: &mut WriteTransaction,
    catalog: &Catalog,
    rename: &Rename<'_>,
    names: &NamesIn<'_>,
) -> Result<(Catalog, Vec<String>)> {
    let kept = kept_names(catalog, names, "")?;
    let texts = rename.texts(catalog, &kept, names)?;
    let next_name = match rename.what {
        Renamed::Table => rename.next.value.as_str(),
        Renamed::Column(_) => rename.table.name.as_str(),
    };
    let places: Vec<_> = (0..rename.table.columns.len()).map(Some).collect();
    let changed = changed(txn, catalog, rename.table, next_name, texts, &places)
        .map_err(|error| placed(error, place(rename.next)))?;
    let after = kept_names(&changed.0, names, " after rename")?;
    rename.verify(&kept, &after, catalog)?;
    Ok(changed)
}

fn finished(
    (catalog, stale): (Catalog, Vec<String>),
    before: Arc<Table>,
    name: &str,
    places: Vec<Option<usize>>,
    rows: RowWork,
) -> Result<Altered> {
    let Some(table) = catalog.table(name).map(Arc::clone) else {
        return Err(Error::Misuse(format!("the altered schema does not hold table {name}")));
    };
    Ok(Altered { catalog, before, table, places, rows, stale })
}

/// The schema with these texts in it, and the indexes of constraints made, renamed and dropped as the table's text has
/// them. Those that were made are told: they are empty.
fn changed(
    txn: &mut WriteTransaction,
    catalog: &Catalog,
    before: &Table,
    name: &str,
    texts: Vec<TextChange>,
    places: &[Option<usize>],
) -> Result<(Catalog, Vec<String>)> {
    let own = number_of(catalog, before)?;
    let mut next = catalog.next();
    for TextChange { number, sql } in texts {
        if let Some(object) = next.objects.get(&number) {
            let object = Object { sql: Some(sql), ..object.clone() };
            next.put_object(txn, number, object)?;
        }
    }
    if before.name != name {
        let numbers: Vec<u64> = next.objects.keys().copied().collect();
        for number in numbers {
            let Some(object) = next.objects.get(&number) else { continue };
            if object.kind == ObjectKind::View || !object.table.eq_ignore_ascii_case(&before.name) {
                continue;
            }
            let own_name = if number == own { name.to_owned() } else { object.name.clone() };
            let object = Object { name: own_name, table: name.to_owned(), ..object.clone() };
            next.put_object(txn, number, object)?;
        }
    }
    let sql = next.objects.get(&own).and_then(|object| object.sql.clone()).unwrap_or_default();
    let Statement::CreateTable(create) = parse_kept(&sql)?.statement else {
        return Err(Error::Misuse("the altered statement makes no table".to_owned()));
    };
    let shape = define_table(&create, sql, CollationNames::Written(&catalog.functions.collations))?;
    let mut kept: Vec<(u64, Arc<Index>)> = Vec::new();
    for (number, object) in &catalog.objects {
        if object.kind == ObjectKind::Index
            && object.sql.is_none()
            && let Some(index) = before.indexes.iter().find(|index| index.name == object.name)
        {
            kept.push((*number, Arc::clone(index)));
        }
    }
    let mut made = Vec::new();
    for mut index in shape.automatic {
        if shape.table.is_clustered_by(&index) {
            // It has the table's tree, and no object of its own.
            continue;
        }
        match kept.iter().position(|(_, known)| same_key(known, &index, places)) {
            Some(at) => {
                let (number, known) = kept.remove(at);
                index.root = known.root;
                next.put_object(txn, number, index_object(&index))?;
            }
            None => {
                index.root = txn.create_tree(next.database, TreeKind::Index)?;
                next.keep(txn, index_object(&index))?;
                made.push(index.name);
            }
        }
    }
    for (number, index) in kept {
        txn.drop_tree(index.root)?;
        next.forget(txn, number)?;
    }
    next.raise_schema_version(txn)?;
    next.resolve()?;
    Ok((next, made))
}

/// True if `index` orders by what `known` did, whose columns stood elsewhere.
fn same_key(known: &Index, index: &Index, places: &[Option<usize>]) -> bool {
    known.columns.len() == index.columns.len()
        && known.columns.iter().zip(&index.columns).all(|(known, column)| match (&known.key, &column.key) {
            (IndexKey::Column(known_place), IndexKey::Column(place)) => {
                places.get(*place).copied().flatten() == Some(*known_place)
                    && known.collation == column.collation
                    && known.descending == column.descending
            }
            _ => false,
        })
}
