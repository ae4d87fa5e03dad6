//! How the schema is kept: one index tree, and reading it back into a [`Catalog`].
//!
//! | key                           | value: a record of                                             |
//! |-------------------------------|----------------------------------------------------------------|
//! | `m` and a name                | one INTEGER: schema_version, user_version, application_id, ..  |
//! | `o` and a number, big-endian  | kind, name, table (TEXT), root (INTEGER), statement (TEXT)     |
//!
//! Objects are numbered in order of creation, and a table's automatic indexes follow it in the order of its
//! constraints.

use super::define::{CollationNames, define_index, define_table, define_trigger, define_view};
use super::schema::{Catalog, Object, ObjectKind, Relation, Table, fold_name};
use super::statistics::load_statistics;
use crate::databases::{DatabaseId, TreeId, WriteTransaction};
use crate::encode::{RecordView, RecordWriter};
use crate::error::{Error, Result};
use crate::functions::UserFunctions;
use crate::parser::{Parsed, Statement, parse_one};
use crate::types::ColumnType;
use crate::value::ValueRef;
use sedge_storage::{Cursor, Snapshot, Store, TreeId as StoreTree};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(super) const META: u8 = b'm';
pub(super) const OBJECT: u8 = b'o';

/// The meta values, by name.
pub(super) const SCHEMA_VERSION: &str = "schema_version";
pub(super) const USER_VERSION: &str = "user_version";
pub(super) const APPLICATION_ID: &str = "application_id";
const NEXT_OBJECT: &str = "next_object";

const TEXT: ColumnType = ColumnType::Text { max_chars: None };
const OBJECT_TYPES: [ColumnType; 5] = [TEXT, TEXT, TEXT, ColumnType::Integer, TEXT];

/// A version that no other catalog of this process has.
fn next_version() -> u64 {
    static VERSION: AtomicU64 = AtomicU64::new(1);
    VERSION.fetch_add(1, Ordering::Relaxed)
}

pub(super) fn corrupt(detail: String) -> Error {
    Error::Storage(sedge_storage::Error::Corrupt {
        page: Store::SCHEMA_TREE.0,
        tree: Some(Store::SCHEMA_TREE.0),
        detail,
    })
}

/// Reads the schema as `snapshot` has it, for a program with these functions.
///
/// # Errors
/// [`sedge_storage::Error::Corrupt`] where the schema tree holds what no version of ours wrote; I/O errors.
pub fn load(snapshot: &Snapshot, functions: &Arc<UserFunctions>) -> Result<Catalog> {
    let mut catalog = Catalog { functions: Arc::clone(functions), ..Catalog::default() };
    let mut cursor = Cursor::new(snapshot.clone(), Store::SCHEMA_TREE);
    let mut found = cursor.seek_first()?;
    while found {
        let key = cursor.key()?.to_vec();
        let value = cursor.value()?.to_vec();
        let record = RecordView::new(&value)?;
        match key.split_first() {
            Some((&META, name)) => {
                let number = record.integer(0)?.unwrap_or(0);
                match std::str::from_utf8(name).unwrap_or_default() {
                    SCHEMA_VERSION => catalog.schema_version = number,
                    USER_VERSION => catalog.user_version = number,
                    APPLICATION_ID => catalog.application_id = number,
                    NEXT_OBJECT => catalog.next_object = number.max(0) as u64,
                    // A later version may keep more.
                    _ => {}
                }
            }
            Some((&OBJECT, number)) => {
                let Ok(number) = <[u8; 8]>::try_from(number) else {
                    return Err(corrupt("a schema object without a number".to_owned()));
                };
                catalog.objects.insert(u64::from_be_bytes(number), read_object(&record)?);
            }
            _ => return Err(corrupt("an unknown kind of schema record".to_owned())),
        }
        found = cursor.next()?;
    }
    catalog.resolve()?;
    catalog.statistics = load_statistics(snapshot, &catalog)?;
    Ok(catalog)
}

pub(super) fn read_object(record: &RecordView<'_>) -> Result<Object> {
    let text = |i| -> Result<Option<String>> {
        match record.get(i, TEXT)? {
            ValueRef::Text(text) => match std::str::from_utf8(text) {
                Ok(text) => Ok(Some(text.to_owned())),
                Err(_) => Err(corrupt("a schema text that is not UTF-8".to_owned())),
            },
            _ => Ok(None),
        }
    };
    let kind = match text(0)?.as_deref() {
        Some("table") => ObjectKind::Table,
        Some("index") => ObjectKind::Index,
        Some("view") => ObjectKind::View,
        Some("trigger") => ObjectKind::Trigger,
        other => return Err(corrupt(format!("a schema object of kind {other:?}"))),
    };
    let root = match record.integer(3)? {
        Some(root) => match u32::try_from(root) {
            Ok(root) => Some(StoreTree(root)),
            Err(_) => return Err(corrupt(format!("a schema object with root page {root}"))),
        },
        None => None,
    };
    let mut name = text(1)?.unwrap_or_default();
    // Files written before these indexes had SQLite's names.
    if kind == ObjectKind::Index && name.starts_with("sedge_autoindex_") {
        name.replace_range(.."sedge".len(), "sqlite");
    }
    Ok(Object { kind, table: text(2)?.unwrap_or_default(), name, root, sql: text(4)? })
}

impl Catalog {
    /// Builds relations and indexes from the objects' statements, under a version of its own.
    pub(super) fn resolve(&mut self) -> Result<()> {
        self.version = next_version();
        let collations = CollationNames::Kept(&self.functions.collations);
        self.relations.clear();
        self.indexes.clear();
        self.triggers.clear();
        let objects: Vec<&Object> = self.objects.values().collect();
        let mut tables: Vec<Table> = Vec::new();
        for object in &objects {
            let bad = |error: Error| corrupt(format!("the {} {}: {error}", object.kind.name(), object.name));
            match (object.kind, object.root, &object.sql) {
                (ObjectKind::Table, Some(root), Some(sql)) => {
                    let tree = TreeId::of(self.database, root);
                    tables.push(table_of(object, tree, sql, &objects, collations).map_err(bad)?);
                }
                (ObjectKind::View, _, Some(sql)) => {
                    let parsed = parse_kept(sql).map_err(bad)?;
                    let Statement::CreateView(create) = &parsed.statement else {
                        return Err(bad(Error::Misuse("its statement makes no view".to_owned())));
                    };
                    let mut view = define_view(create, &parsed.hints, sql.clone()).map_err(bad)?;
                    view.database = self.database;
                    self.relations.insert(fold_name(&object.name), Relation::View(Arc::new(view)));
                }
                (ObjectKind::Trigger, _, Some(sql)) => {
                    let parsed = parse_kept(sql).map_err(bad)?;
                    let mut trigger = define_trigger(&parsed, sql).map_err(bad)?;
                    trigger.database = self.database;
                    self.triggers.entry(fold_name(&trigger.table)).or_default().insert(0, Arc::new(trigger));
                }
                // Automatic indexes came with their tables.
                (ObjectKind::Index, _, None) => {}
                (ObjectKind::Index, Some(root), Some(sql)) => {
                    let parsed = parse_kept(sql).map_err(bad)?;
                    let table = tables.iter_mut().find(|t| t.name.eq_ignore_ascii_case(&object.table));
                    let (Statement::CreateIndex(create), Some(table)) = (&parsed.statement, table) else {
                        return Err(bad(Error::Misuse("no index or no table".to_owned())));
                    };
                    let mut index = define_index(table, create, sql.clone(), collations).map_err(bad)?;
                    index.root = TreeId::of(self.database, root);
                    table.indexes.push(Arc::new(index));
                }
                _ => return Err(bad(Error::Misuse("it lacks its tree or its statement".to_owned()))),
            }
        }
        for table in tables {
            self.add_table(Arc::new(table));
        }
        Ok(())
    }

    /// This catalog with other functions, under a version of its own.
    #[must_use]
    pub fn with_functions(&self, functions: &Arc<UserFunctions>) -> Catalog {
        Catalog { functions: Arc::clone(functions), ..self.next() }
    }

    /// The same schema as that of `database` of a connection, whose program has these functions.
    ///
    /// # Errors
    /// As [`load`].
    pub fn in_database(&self, database: DatabaseId, functions: &Arc<UserFunctions>) -> Result<Catalog> {
        let mut catalog = self.clone();
        catalog.database = database;
        catalog.functions = Arc::clone(functions);
        catalog.resolve()?;
        Ok(catalog)
    }

    /// Adds a table and its indexes, in place of what had its name.
    pub(super) fn add_table(&mut self, table: Arc<Table>) {
        for index in &table.indexes {
            self.indexes.insert(fold_name(&index.name), Arc::clone(index));
        }
        self.relations.insert(fold_name(&table.name), Relation::Table(table));
    }

    /// This catalog to be changed: the next one, with a version of its own.
    pub(super) fn next(&self) -> Catalog {
        Catalog { version: next_version(), ..self.clone() }
    }

    /// Keeps another object, and gives it the next number.
    pub(super) fn keep(&mut self, txn: &mut WriteTransaction, object: Object) -> Result<()> {
        let number = self.next_object;
        self.next_object += 1;
        self.put_object(txn, number, object)?;
        self.put_meta(txn, NEXT_OBJECT, self.next_object as i64)
    }

    /// Keeps an object under its number.
    pub(super) fn put_object(
        &mut self,
        txn: &mut WriteTransaction,
        number: u64,
        object: Object,
    ) -> Result<()> {
        txn.put(self.schema_tree(), &object_key(number), &object.record()?)?;
        self.objects.insert(number, object);
        Ok(())
    }

    /// Forgets an object; its trees are the caller's business.
    pub(super) fn forget(&mut self, txn: &mut WriteTransaction, number: u64) -> Result<()> {
        txn.delete(self.schema_tree(), &object_key(number))?;
        self.objects.remove(&number);
        Ok(())
    }

    /// Keeps a meta value; the caller sets the catalog's own.
    pub(super) fn put_meta(&self, txn: &mut WriteTransaction, name: &str, number: i64) -> Result<()> {
        let key: Vec<u8> = std::iter::once(META).chain(name.bytes()).collect();
        let mut writer = RecordWriter::new();
        let record = writer.encode(std::iter::once((ColumnType::Integer, ValueRef::Integer(number))))?;
        txn.put(self.schema_tree(), &key, record)?;
        Ok(())
    }

    /// Raises the schema version that the file keeps.
    pub(super) fn raise_schema_version(&mut self, txn: &mut WriteTransaction) -> Result<()> {
        self.schema_version = self.schema_version.wrapping_add(1);
        self.put_meta(txn, SCHEMA_VERSION, self.schema_version)
    }
}

impl Object {
    /// The object as the schema tree keeps it.
    pub(super) fn record(&self) -> Result<Vec<u8>> {
        let values = [
            ValueRef::Text(self.kind.name().as_bytes()),
            ValueRef::Text(self.name.as_bytes()),
            ValueRef::Text(self.table.as_bytes()),
            self.root.map_or(ValueRef::Null, |root| ValueRef::Integer(i64::from(root.0))),
            self.sql.as_deref().map_or(ValueRef::Null, |sql| ValueRef::Text(sql.as_bytes())),
        ];
        Ok(RecordWriter::new().encode(OBJECT_TYPES.into_iter().zip(values))?.to_vec())
    }
}

fn object_key(number: u64) -> Vec<u8> {
    std::iter::once(OBJECT).chain(number.to_be_bytes()).collect()
}

/// Parses a statement that the schema keeps.
pub(super) fn parse_kept(sql: &str) -> Result<Parsed> {
    match parse_one(sql, None)? {
        Some((parsed, _)) => Ok(parsed),
        None => Err(corrupt("a schema object with an empty statement".to_owned())),
    }
}

fn table_of(
    object: &Object,
    root: TreeId,
    sql: &str,
    objects: &[&Object],
    collations: CollationNames<'_>,
) -> Result<Table> {
    let parsed = parse_kept(sql)?;
    let Statement::CreateTable(create) = &parsed.statement else {
        return Err(Error::Misuse("its statement makes no table".to_owned()));
    };
    let shape = define_table(create, sql.to_owned(), collations)?;
    let mut table = shape.table;
    table.root = root;
    for mut index in shape.automatic {
        if table.is_clustered_by(&index) {
            index.root = root;
            table.add_index(index);
            continue;
        }
        let kept = objects
            .iter()
            .find(|kept| kept.kind == ObjectKind::Index && kept.sql.is_none() && kept.name == index.name);
        let tree = kept.and_then(|kept| kept.root).ok_or_else(|| {
            corrupt(format!("the index {} of table {} has no tree", index.name, object.name))
        })?;
        index.root = TreeId::of(root.database, tree);
        table.add_index(index);
    }
    Ok(table)
}
