//! CREATE and DROP: a change of the schema tree and the trees it names, giving the next [`Catalog`].
//!
//! Each function leaves nothing behind where it fails. `Ok(None)` says that IF [NOT] EXISTS made it a no-op.

use super::define::{CollationNames, define_index, define_table, define_trigger, define_view, place};
use super::edit::quoted;
use super::listing::is_schema_table;
use super::schema::{Catalog, Index, Object, ObjectKind, Relation, Table, fold_name};
use super::sequence::{SEQUENCE_SQL, SEQUENCE_TABLE, forget_sequence};
use super::statistics::STATISTICS_TABLE;
use super::store::{APPLICATION_ID, USER_VERSION, parse_kept};
use super::written_name::written_name;
use crate::databases::{DatabaseId, WriteTransaction};
use crate::error::{Error, Result};
use crate::parser::ast::Ident;
use crate::parser::{
    CreateIndex, CreateTable, CreateTrigger, CreateView, DropKind, Name, Parsed, Statement, TriggerTime,
};
use crate::suggest::nearest;
use crate::types::ColumnType;
use sedge_storage::TreeKind;
use std::sync::Arc;

/// Binds what the expressions of a table (defaults, checks, index predicates) name: an error refuses the table.
pub type BindTable<'a> = dyn Fn(&Table) -> Result<()> + 'a;

/// Fills the tree of an index that has just been made over the rows of its table. The table has the index already.
pub type FillIndex<'a> = dyn FnMut(&mut WriteTransaction, &Arc<Table>, &Arc<Index>) -> Result<()> + 'a;

/// Runs a change of the schema; where it fails, nothing of it is left.
pub(super) fn whole<T>(
    txn: &mut WriteTransaction,
    change: impl FnOnce(&mut WriteTransaction) -> Result<T>,
) -> Result<T> {
    let savepoint = txn.savepoint();
    let result = change(txn);
    if result.is_err() {
        txn.rollback_to(&savepoint)?;
    }
    txn.release(savepoint)?;
    result
}

/// CREATE TABLE with its columns written out.
///
/// # Errors
/// [`Error::Name`] and [`Error::Invalid`] with their places; storage errors.
pub fn create_table(
    txn: &mut WriteTransaction,
    catalog: &Catalog,
    parsed: &Parsed,
    create: &CreateTable,
    bind: &BindTable<'_>,
) -> Result<Option<Catalog>> {
    if !is_free(catalog, &create.name, ObjectKind::Table, create.if_not_exists)? {
        return Ok(None);
    }
    let shape = define_table(
        create,
        kept_text("CREATE TABLE ", parsed, &create.name.name),
        CollationNames::Written(&catalog.functions.collations),
    )?;
    bind(&shape.table)?;
    for index in &shape.automatic {
        if let Some(taken) = taken_by(catalog, &index.name) {
            return Err(Error::name(format!("there is already {taken}"), place(&create.name.name)));
        }
    }
    whole(txn, |txn| {
        let mut next = catalog.next();
        let mut table = shape.table;
        if table.autoincrement && catalog.table(SEQUENCE_TABLE).is_none() {
            add_own_table(txn, &mut next, SEQUENCE_SQL)?;
        }
        table.root = txn.create_tree(catalog.database, table.tree_kind())?;
        next.keep(
            txn,
            Object {
                kind: ObjectKind::Table,
                name: table.name.clone(),
                table: table.name.clone(),
                root: Some(table.root.in_store()),
                sql: Some(table.sql.clone()),
            },
        )?;
        for mut index in shape.automatic {
            if table.is_clustered_by(&index) {
                index.root = table.root;
            } else {
                index.root = txn.create_tree(catalog.database, TreeKind::Index)?;
                next.keep(txn, index_object(&index))?;
            }
            table.add_index(index);
        }
        next.add_table(Arc::new(table));
        next.raise_schema_version(txn)?;
        Ok(Some(next))
    })
}

/// Makes a table whose name is no user's.
pub(super) fn add_own_table(txn: &mut WriteTransaction, next: &mut Catalog, sql: &str) -> Result<()> {
    let parsed = parse_kept(sql)?;
    let Statement::CreateTable(create) = &parsed.statement else {
        return Err(Error::Misuse("the statement of an own table makes no table".to_owned()));
    };
    let mut table =
        define_table(create, sql.to_owned(), CollationNames::Written(&next.functions.collations))?.table;
    table.root = txn.create_tree(next.database, TreeKind::Table)?;
    let (name, sql) = (table.name.clone(), Some(sql.to_owned()));
    next.keep(
        txn,
        Object { kind: ObjectKind::Table, table: name.clone(), name, root: Some(table.root.in_store()), sql },
    )?;
    next.add_table(Arc::new(table));
    Ok(())
}

/// CREATE TABLE AS SELECT: a table of these columns, without rows. `None` is a column that holds anything.
/// Names that occur twice get a number, as in SQLite.
///
/// # Errors
/// As [`create_table`].
pub fn create_table_as(
    txn: &mut WriteTransaction,
    catalog: &Catalog,
    create: &CreateTable,
    columns: &[(String, Option<ColumnType>)],
) -> Result<Option<Catalog>> {
    let mut names: Vec<String> = Vec::with_capacity(columns.len());
    for (name, _) in columns {
        let mut unique = name.clone();
        let mut number = 0;
        while names.iter().any(|taken| taken.eq_ignore_ascii_case(&unique)) {
            number += 1;
            unique = format!("{name}:{number}");
        }
        names.push(unique);
    }
    let definitions: Vec<String> = names
        .iter()
        .zip(columns)
        .map(|(name, (_, column_type))| match column_type {
            // The names of types that SQLite writes here.
            None | Some(ColumnType::Any) => written_name(name),
            Some(ColumnType::Integer) => format!("{} INT", written_name(name)),
            Some(ColumnType::Numeric) => format!("{} NUM", written_name(name)),
            Some(column_type) => format!("{} {column_type}", written_name(name)),
        })
        .collect();
    let table = written_name(&create.name.name.value);
    // As SQLite lays it out: what is long gets a line for each column.
    let length = names.iter().map(|name| quoted(name).len() + 5).sum::<usize>() + quoted(&table).len();
    let (open, between, close) = if length < 50 { ("", ",", "") } else { ("\n  ", ",\n  ", "\n") };
    let sql = format!("CREATE TABLE {table}({open}{}{close})", definitions.join(between));
    let parsed = parse_kept(&sql)?;
    let Statement::CreateTable(written) = &parsed.statement else {
        return Err(Error::Misuse("CREATE TABLE AS wrote no CREATE TABLE".to_owned()));
    };
    if !is_free(catalog, &create.name, ObjectKind::Table, create.if_not_exists)? {
        return Ok(None);
    }
    create_table(txn, catalog, &parsed, written, &|_| Ok(()))
}

/// CREATE INDEX; `fill` puts the rows that are there into it.
///
/// # Errors
/// As [`create_table`], and what `fill` says: [`Error::Constraint`] where a unique index would hold a key twice.
pub fn create_index(
    txn: &mut WriteTransaction,
    catalog: &Catalog,
    parsed: &Parsed,
    create: &CreateIndex,
    bind: &BindTable<'_>,
    fill: &mut FillIndex<'_>,
) -> Result<Option<Catalog>> {
    if !is_free(catalog, &create.name, ObjectKind::Index, create.if_not_exists)? {
        return Ok(None);
    }
    let table = match catalog.relation(&create.table.value) {
        Some(Relation::Table(table)) if table.name == STATISTICS_TABLE => {
            return Err(Error::invalid("table sqlite_stat1 may not be indexed", place(&create.table)));
        }
        Some(Relation::Table(table)) => table,
        Some(Relation::View(_)) => {
            return Err(Error::invalid("views may not be indexed", place(&create.table)));
        }
        None if is_schema_table(&create.table.value) => {
            return Err(Error::invalid("the schema table may not be indexed", place(&create.table)));
        }
        None => return Err(no_such("table", &create.table, relation_names(catalog))),
    };
    let sql_head = if create.unique { "CREATE UNIQUE INDEX " } else { "CREATE INDEX " };
    let mut index = define_index(
        table,
        create,
        kept_text(sql_head, parsed, &create.name.name),
        CollationNames::Written(&catalog.functions.collations),
    )?;
    let mut table = Table::clone(table);
    table.indexes.push(Arc::new(index.clone()));
    bind(&table)?;
    whole(txn, |txn| {
        let mut next = catalog.next();
        index.root = txn.create_tree(catalog.database, TreeKind::Index)?;
        next.keep(txn, index_object(&index))?;
        let index = Arc::new(index);
        table.indexes.pop();
        table.indexes.push(Arc::clone(&index));
        let table = Arc::new(table);
        fill(txn, &table, &index)?;
        next.add_table(table);
        next.raise_schema_version(txn)?;
        Ok(Some(next))
    })
}

/// CREATE VIEW. Its query is bound where it is used.
///
/// # Errors
/// As [`create_table`].
pub fn create_view(
    txn: &mut WriteTransaction,
    catalog: &Catalog,
    parsed: &Parsed,
    create: &CreateView,
) -> Result<Option<Catalog>> {
    if !is_free(catalog, &create.name, ObjectKind::View, create.if_not_exists)? {
        return Ok(None);
    }
    define_view(create, &parsed.hints, String::new())?;
    // Hints are by their places in the text kept, so that text is what counts.
    let sql = kept_text("CREATE VIEW ", parsed, &create.name.name);
    let kept = parse_kept(&sql)?;
    let Statement::CreateView(create) = &kept.statement else {
        return Err(Error::Misuse("the text kept of a view makes no view".to_owned()));
    };
    let mut view = define_view(create, &kept.hints, sql)?;
    view.database = catalog.database;
    whole(txn, |txn| {
        let mut next = catalog.next();
        next.keep(
            txn,
            Object {
                kind: ObjectKind::View,
                name: view.name.clone(),
                table: view.name.clone(),
                root: None,
                sql: Some(view.sql.clone()),
            },
        )?;
        next.relations.insert(fold_name(&view.name), Relation::View(Arc::new(view)));
        next.raise_schema_version(txn)?;
        Ok(Some(next))
    })
}

/// CREATE TRIGGER on a table or view of `watched`, which is another database only for a temporary trigger. Its
/// statements are bound where they are used.
///
/// # Errors
/// As [`create_table`].
pub fn create_trigger(
    txn: &mut WriteTransaction,
    catalog: &Catalog,
    watched: &Catalog,
    parsed: &Parsed,
    create: &CreateTrigger,
) -> Result<Option<Catalog>> {
    let name = &create.name;
    let is_it = |object: &&Object| {
        object.kind == ObjectKind::Trigger && object.name.eq_ignore_ascii_case(&name.name.value)
    };
    if let Some(taken) = catalog.objects().find(is_it) {
        let message = format!("there is already a trigger named {}", taken.name);
        return if create.if_not_exists { Ok(None) } else { Err(Error::name(message, place(&name.name))) };
    }
    refuse_reserved(&name.name)?;
    if !parsed.parameters.is_empty() {
        return Err(Error::invalid("a trigger cannot use parameters", place(&name.name)));
    }
    let qualified = create.body.iter().find_map(|step| match step {
        Statement::Insert(insert) => insert.table.database.as_ref(),
        Statement::Update(update) => update.table.database.as_ref(),
        Statement::Delete(delete) => delete.table.database.as_ref(),
        _ => None,
    });
    if let Some(database) = qualified.filter(|_| catalog.database != DatabaseId::TEMP) {
        let message = "qualified table names are not allowed on INSERT, UPDATE, and DELETE statements within \
                       triggers, other than temporary ones";
        return Err(Error::invalid(message, place(database)));
    }
    let is_instead = create.time == TriggerTime::InsteadOf;
    let on = match watched.relation(&create.table.value) {
        Some(Relation::Table(table)) if [SEQUENCE_TABLE, STATISTICS_TABLE].contains(&table.name.as_str()) => {
            return Err(Error::invalid("cannot create a trigger on a system table", place(&create.table)));
        }
        Some(Relation::Table(table)) if is_instead => {
            let message = format!("cannot create INSTEAD OF trigger on table {}", table.name);
            return Err(Error::invalid(message, place(&create.table)));
        }
        Some(Relation::View(view)) if !is_instead => {
            let time = if create.time == TriggerTime::Before { "BEFORE" } else { "AFTER" };
            let message = format!("cannot create {time} trigger on view {}", view.name);
            return Err(Error::invalid(message, place(&create.table)));
        }
        Some(Relation::Table(table)) => table.name.clone(),
        Some(Relation::View(view)) => view.name.clone(),
        None if is_schema_table(&create.table.value) => {
            return Err(Error::invalid("cannot create a trigger on a system table", place(&create.table)));
        }
        None => return Err(no_such("table", &create.table, relation_names(watched))),
    };
    // Places are those of the text kept.
    let sql = kept_text("CREATE TRIGGER ", parsed, &name.name);
    let mut trigger = define_trigger(&parse_kept(&sql)?, &sql)?;
    trigger.database = catalog.database;
    whole(txn, |txn| {
        let mut next = catalog.next();
        let (name, sql) = (trigger.name.clone(), Some(sql));
        next.keep(txn, Object { kind: ObjectKind::Trigger, name, table: on, root: None, sql })?;
        next.triggers.entry(fold_name(&trigger.table)).or_default().insert(0, Arc::new(trigger));
        next.raise_schema_version(txn)?;
        Ok(Some(next))
    })
}

/// DROP TABLE, INDEX, VIEW or TRIGGER. A table takes its indexes and triggers with it.
///
/// # Errors
/// [`Error::Name`] for what does not exist, [`Error::Invalid`] for what cannot be dropped so.
pub fn drop_object(
    txn: &mut WriteTransaction,
    catalog: &Catalog,
    kind: DropKind,
    name: &Name,
    if_exists: bool,
) -> Result<Option<Catalog>> {
    let wanted = match kind {
        DropKind::Table => ObjectKind::Table,
        DropKind::Index => ObjectKind::Index,
        DropKind::View => ObjectKind::View,
        DropKind::Trigger => ObjectKind::Trigger,
    };
    let ident = &name.name;
    if is_schema_table(&ident.value) || ident.value.eq_ignore_ascii_case(SEQUENCE_TABLE) {
        return Err(Error::invalid(format!("table {} may not be dropped", ident.value), place(ident)));
    }
    let same_name = |object: &&Object| object.name.eq_ignore_ascii_case(&ident.value);
    let Some(found) = catalog.objects().find(|object| object.kind == wanted && same_name(object)) else {
        return match catalog.objects().find(same_name) {
            Some(other) if is_relation(wanted) && is_relation(other.kind) => {
                let kind = other.kind.name();
                let message = format!("use DROP {} to drop {kind} {}", kind.to_uppercase(), other.name);
                Err(Error::invalid(message, place(ident)))
            }
            _ if if_exists => Ok(None),
            _ => {
                let of_kind = catalog.objects().filter(|object| object.kind == wanted);
                Err(no_such(wanted.name(), ident, of_kind.map(|object| object.name.as_str())))
            }
        };
    };
    if found.kind == ObjectKind::Index && found.sql.is_none() {
        let message = "an index of a UNIQUE or PRIMARY KEY constraint cannot be dropped";
        return Err(Error::invalid(message, place(ident)));
    }
    whole(txn, |txn| {
        let mut next = catalog.next();
        let watches_another = |object: &Object| {
            let mut triggers = catalog.triggers(&object.table).iter();
            let trigger = triggers.find(|trigger| trigger.name == object.name);
            let on = trigger.and_then(|trigger| trigger.create.on_database.as_ref());
            on.is_some_and(|on| !on.value.eq_ignore_ascii_case("temp"))
        };
        let goes = |object: &Object| match wanted {
            // A temporary trigger may be on a table of this name in another database.
            ObjectKind::Table | ObjectKind::View
                if catalog.database == DatabaseId::TEMP
                    && object.kind == ObjectKind::Trigger
                    && watches_another(object) =>
            {
                false
            }
            ObjectKind::Table => {
                object.kind != ObjectKind::View && object.table.eq_ignore_ascii_case(&found.name)
            }
            ObjectKind::View if object.kind == ObjectKind::Trigger => {
                object.table.eq_ignore_ascii_case(&found.name)
            }
            _ => object.kind == wanted && object.name == found.name,
        };
        for (number, object) in catalog.objects.iter().filter(|(_, object)| goes(object)) {
            if let Some(root) = object.root {
                txn.drop_tree(catalog.tree(root))?;
            }
            next.forget(txn, *number)?;
            match object.kind {
                ObjectKind::Index => drop(next.indexes.remove(&fold_name(&object.name))),
                ObjectKind::Table | ObjectKind::View => {
                    drop(next.relations.remove(&fold_name(&object.name)));
                }
                ObjectKind::Trigger => {
                    if let Some(triggers) = next.triggers.get_mut(&fold_name(&object.table)) {
                        triggers.retain(|trigger| trigger.name != object.name);
                    }
                }
            }
        }
        if let (ObjectKind::Table, Some(sequences)) = (wanted, catalog.table(SEQUENCE_TABLE))
            && catalog.table(&found.name).is_some_and(|table| table.autoincrement)
        {
            forget_sequence(txn, sequences, &found.name)?;
        }
        if wanted == ObjectKind::Index
            && let Some(table) = catalog.table(&found.table)
        {
            let mut table = Table::clone(table);
            table.indexes.retain(|index| index.name != found.name);
            next.add_table(Arc::new(table));
        }
        next.raise_schema_version(txn)?;
        Ok(Some(next))
    })
}

/// `PRAGMA user_version = n`.
///
/// # Errors
/// Storage errors.
pub fn set_user_version(txn: &mut WriteTransaction, catalog: &Catalog, number: i64) -> Result<Catalog> {
    let mut next = catalog.next();
    next.user_version = number;
    next.put_meta(txn, USER_VERSION, number)?;
    Ok(next)
}

/// `PRAGMA application_id = n`.
///
/// # Errors
/// Storage errors.
pub fn set_application_id(txn: &mut WriteTransaction, catalog: &Catalog, number: i64) -> Result<Catalog> {
    let mut next = catalog.next();
    next.application_id = number;
    next.put_meta(txn, APPLICATION_ID, number)?;
    Ok(next)
}

/// What the schema keeps of a statement: `head`, and the text from the name on.
fn kept_text(head: &str, parsed: &Parsed, name: &Ident) -> String {
    let rest = parsed.text.get(place(name).start..).unwrap_or(&parsed.text);
    format!("{head}{}", rest.trim_end().trim_end_matches(';').trim_end())
}

pub(super) fn index_object(index: &Index) -> Object {
    Object {
        kind: ObjectKind::Index,
        name: index.name.clone(),
        table: index.table.clone(),
        root: Some(index.root.in_store()),
        sql: index.sql.clone(),
    }
}

/// The names that objects of the database itself have.
fn refuse_reserved(ident: &Ident) -> Result<()> {
    let folded = fold_name(&ident.value);
    if folded.starts_with("sedge_") || folded.starts_with("sqlite_") {
        let message = format!("names that begin with sedge_ or sqlite_ are reserved: {}", ident.value);
        return Err(Error::name(message, place(ident)));
    }
    Ok(())
}

/// True if `name` can be created; false if it exists and that is well.
pub(super) fn is_free(catalog: &Catalog, name: &Name, kind: ObjectKind, if_not_exists: bool) -> Result<bool> {
    let ident = &name.name;
    if ident.value.is_empty() {
        return Err(Error::name(format!("a {} needs a name", kind.name()), place(ident)));
    }
    refuse_reserved(ident)?;
    match taken_by(catalog, &ident.value) {
        None => Ok(true),
        Some(_) if if_not_exists && exists_as(catalog, &ident.value, kind) => Ok(false),
        Some(taken) => Err(Error::name(format!("there is already {taken}"), place(ident))),
    }
}

/// What has this name: tables, views and indexes share one space.
fn taken_by(catalog: &Catalog, name: &str) -> Option<String> {
    match catalog.relation(name) {
        Some(Relation::Table(table)) => Some(format!("a table named {}", table.name)),
        Some(Relation::View(view)) => Some(format!("a view named {}", view.name)),
        None => catalog.index(name).map(|index| format!("an index named {}", index.name)),
    }
}

/// True if IF NOT EXISTS is content with what has the name: tables and views stand for each other, as in SQLite.
fn exists_as(catalog: &Catalog, name: &str, kind: ObjectKind) -> bool {
    match kind {
        ObjectKind::Table | ObjectKind::View => catalog.relation(name).is_some(),
        ObjectKind::Index => catalog.index(name).is_some(),
        // Triggers have names of their own.
        ObjectKind::Trigger => false,
    }
}

fn is_relation(kind: ObjectKind) -> bool {
    matches!(kind, ObjectKind::Table | ObjectKind::View)
}

pub(super) fn relation_names(catalog: &Catalog) -> impl Iterator<Item = &str> {
    catalog.objects().filter(|object| is_relation(object.kind)).map(|object| object.name.as_str())
}

pub(super) fn no_such<'a>(what: &str, name: &Ident, known: impl Iterator<Item = &'a str>) -> Error {
    let mut message = format!("no such {what}: {}", name.value);
    if let Some(near) = nearest(&name.value, known) {
        message.push_str(&format!("; did you mean {near}?"));
    }
    Error::name(message, place(name))
}
