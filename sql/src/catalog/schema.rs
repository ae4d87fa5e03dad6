//! What a schema holds: immutable, shared descriptions of tables, indexes and views.

use crate::databases::{DatabaseId, TreeId};
use crate::functions::UserFunctions;
use crate::parser::ast::{Expr, Query};
use crate::parser::{CreateTrigger, ForeignAction, OnConflict};
use crate::types::{Collation, ColumnType};
use rustc_hash::FxHashMap;
use sedge_storage::{Store, TreeId as StoreTree, TreeKind};
use std::sync::Arc;

/// All objects of a database at one schema version. A schema change makes another catalog.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// The database of the connection whose objects these are; main, unless it is told otherwise.
    pub database: DatabaseId,
    /// Every catalog made in this process has a version of its own, also where a change was rolled back; cached plans
    /// belong to one version.
    pub version: u64,
    /// `PRAGMA schema_version`: kept in the file, raised by every schema change.
    pub schema_version: i64,
    /// `PRAGMA user_version`: the application's own.
    pub user_version: i64,
    /// `PRAGMA application_id`: the application's own.
    pub application_id: i64,
    /// Number of the next object created: objects are listed in order of their numbers.
    pub(crate) next_object: u64,
    /// Every object by its number.
    pub(crate) objects: std::collections::BTreeMap<u64, Object>,
    /// Tables and views by folded name.
    pub(crate) relations: FxHashMap<String, Relation>,
    /// Indexes by folded name.
    pub(crate) indexes: FxHashMap<String, Arc<Index>>,
    /// What ANALYZE has found.
    pub(crate) statistics: Arc<super::statistics::IndexStatistics>,
    /// Triggers by the folded name of their table, the newest first: the order in which they fire.
    pub(crate) triggers: FxHashMap<String, Vec<Arc<Trigger>>>,
    /// The program's own functions and collations, which are no part of the file.
    pub functions: Arc<UserFunctions>,
}

/// One object of the schema as it is kept: a row of the schema table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// What it is.
    pub kind: ObjectKind,
    /// Its name.
    pub name: String,
    /// The table it belongs to; its own name for tables and views.
    pub table: String,
    /// Its tree; views have none.
    pub root: Option<StoreTree>,
    /// The statement that makes it; indexes of constraints have none.
    pub sql: Option<String>,
}

/// Kinds of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the variants are the kinds of schema objects")]
pub enum ObjectKind {
    Table,
    Index,
    View,
    Trigger,
}

impl ObjectKind {
    /// Its name in the schema table and in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ObjectKind::Table => "table",
            ObjectKind::Index => "index",
            ObjectKind::View => "view",
            ObjectKind::Trigger => "trigger",
        }
    }
}

/// What a name in FROM can stand for.
#[derive(Clone, Debug)]
pub enum Relation {
    /// A table.
    Table(Arc<Table>),
    /// A view.
    View(Arc<View>),
}

impl Catalog {
    /// A tree of this database.
    #[must_use]
    pub fn tree(&self, tree: StoreTree) -> TreeId {
        TreeId::of(self.database, tree)
    }

    /// The tree that holds the schema.
    #[must_use]
    pub fn schema_tree(&self) -> TreeId {
        self.tree(Store::SCHEMA_TREE)
    }

    /// The table or view called `name`, in any case.
    #[must_use]
    pub fn relation(&self, name: &str) -> Option<&Relation> {
        self.relations.get(&fold_name(name))
    }

    /// The table called `name`, in any case.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&Arc<Table>> {
        match self.relation(name) {
            Some(Relation::Table(table)) => Some(table),
            _ => None,
        }
    }

    /// The index called `name`, in any case.
    #[must_use]
    pub fn index(&self, name: &str) -> Option<&Arc<Index>> {
        self.indexes.get(&fold_name(name))
    }

    /// The triggers of the table or view called `name`, in the order in which they fire.
    #[must_use]
    pub fn triggers(&self, name: &str) -> &[Arc<Trigger>] {
        self.triggers.get(&fold_name(name)).map_or(&[], Vec::as_slice)
    }

    /// The foreign keys that refer to the table called `name`, each with its table.
    pub fn references_to<'c>(
        &'c self,
        name: &'c str,
    ) -> impl Iterator<Item = (&'c Arc<Table>, &'c Arc<ForeignKey>)> {
        let keys = self.tables().flat_map(|table| table.foreign_keys.iter().map(move |key| (table, key)));
        keys.filter(move |(_, key)| key.parent.eq_ignore_ascii_case(name))
    }

    /// All tables and views, in no order.
    pub fn relations(&self) -> impl Iterator<Item = &Relation> {
        self.relations.values()
    }

    /// All objects in order of creation.
    pub fn objects(&self) -> impl Iterator<Item = &Object> {
        self.objects.values()
    }

    /// All tables in order of creation.
    pub fn tables(&self) -> impl Iterator<Item = &Arc<Table>> {
        self.objects().filter(|object| object.kind == ObjectKind::Table).filter_map(|o| self.table(&o.name))
    }
}

/// The form under which names are compared: identifiers fold ASCII letters only, as in SQLite.
#[must_use]
pub fn fold_name(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// How the rows of a table are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TableKind {
    /// In a tree keyed by row id.
    #[default]
    RowId,
    /// WITHOUT ROWID: in the tree of its primary key, each row as an entry of it.
    Clustered,
    /// Not at all: it stands for a view in a statement that changes it, which INSTEAD OF triggers carry out.
    View,
}

/// A table.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its name as created.
    pub name: String,
    /// How its rows are kept.
    pub kind: TableKind,
    /// Its tree, keyed by row id; that of its primary key where the table is clustered.
    pub root: TreeId,
    /// Its columns in order.
    pub columns: Vec<Column>,
    /// The INTEGER PRIMARY KEY column, which is the row id and is not stored in records.
    pub row_id_column: Option<usize>,
    /// Columns of the primary key in order, whichever way it is kept; empty if there is none.
    pub primary_key: Vec<usize>,
    /// True if no row id is given twice, also after its row was deleted.
    pub autoincrement: bool,
    /// What a duplicate row id does when the statement does not say.
    pub row_id_conflict: OnConflict,
    /// CHECK constraints of columns and table.
    pub checks: Vec<Check>,
    /// Its foreign keys in order.
    pub foreign_keys: Vec<Arc<ForeignKey>>,
    /// The index of the primary key whose entries are the rows, where the table is clustered. It is among `indexes`.
    pub primary: Option<Arc<Index>>,
    /// Its indexes in order of creation, those of UNIQUE and PRIMARY KEY included.
    pub indexes: Vec<Arc<Index>>,
    /// The text of CREATE TABLE.
    pub sql: String,
}

/// A column.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its name as created.
    pub name: String,
    /// What it enforces.
    pub column_type: ColumnType,
    /// The type as written.
    pub declared: Option<String>,
    /// NOT NULL, with what its breach does.
    pub not_null: Option<OnConflict>,
    /// DEFAULT.
    pub default: Option<SqlExpr>,
    /// COLLATE.
    pub collation: Collation,
    /// GENERATED ALWAYS AS.
    pub generated: Option<Generated>,
}

/// What a generated column is computed from. The value is kept in the row in both forms: VIRTUAL is a word.
#[derive(Debug, Clone)]
pub struct Generated {
    /// The expression over the row's other columns.
    pub expr: SqlExpr,
    /// STORED.
    pub stored: bool,
}

/// An expression of the schema and its text.
#[derive(Debug, Clone)]
pub struct SqlExpr {
    /// Parsed, with columns by name.
    pub expr: Expr,
    /// As written.
    pub text: String,
}

/// A CHECK constraint.
#[derive(Debug, Clone)]
pub struct Check {
    /// CONSTRAINT name.
    pub name: Option<String>,
    /// The condition.
    pub condition: SqlExpr,
}

/// Where an index comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexOrigin {
    /// CREATE INDEX.
    Create,
    /// A UNIQUE constraint.
    Unique,
    /// A PRIMARY KEY constraint.
    PrimaryKey,
}

/// An index: a tree whose keys are the encoded columns, and then what leads to the row: the row id, or in a clustered
/// table the columns of the primary key that are not among them.
#[derive(Debug, Clone)]
pub struct Index {
    /// Its name; `sqlite_autoindex_T_N` for those of constraints.
    pub name: String,
    /// Its table's name.
    pub table: String,
    /// Its tree.
    pub root: TreeId,
    /// What it orders by.
    pub columns: Vec<IndexColumn>,
    /// Columns of a clustered table's primary key behind those.
    pub tail: Vec<IndexColumn>,
    /// True if no two rows may have equal columns (NULLs never equal).
    pub unique: bool,
    /// What a duplicate does when the statement does not say.
    pub on_conflict: OnConflict,
    /// WHERE of a partial index.
    pub filter: Option<SqlExpr>,
    /// Where it comes from.
    pub origin: IndexOrigin,
    /// CONSTRAINT name of the constraint that it serves.
    pub constraint: Option<String>,
    /// The text of CREATE INDEX.
    pub sql: Option<String>,
}

/// One column of an index.
#[derive(Debug, Clone)]
pub struct IndexColumn {
    /// What is indexed.
    pub key: IndexKey,
    /// How texts are ordered.
    pub collation: Collation,
    /// True for DESC.
    pub descending: bool,
}

/// What an index column indexes.
#[derive(Debug, Clone)]
pub enum IndexKey {
    /// A column of the table, by its place.
    Column(usize),
    /// An expression over the table's columns.
    Expression(Box<SqlExpr>),
}

/// A foreign key, as its table says it. Whether there is such a parent is known where it is used.
#[derive(Debug, Clone)]
pub struct ForeignKey {
    /// CONSTRAINT name.
    pub name: Option<String>,
    /// Columns of the table.
    pub columns: Vec<usize>,
    /// The parent table.
    pub parent: String,
    /// Its columns; none means its primary key.
    pub parent_columns: Vec<String>,
    /// ON DELETE.
    pub on_delete: ForeignAction,
    /// ON UPDATE.
    pub on_update: ForeignAction,
    /// DEFERRABLE INITIALLY DEFERRED.
    pub deferred: bool,
}

/// A trigger.
#[derive(Debug)]
pub struct Trigger {
    /// The database that keeps it.
    pub database: DatabaseId,
    /// Its name.
    pub name: String,
    /// Its table or view.
    pub table: String,
    /// Its statement, parsed.
    pub create: CreateTrigger,
    /// Clauses of its statements that their trees cannot hold.
    pub hints: crate::parser::Hints,
    /// The text of CREATE TRIGGER.
    pub sql: String,
}

/// A view.
#[derive(Debug)]
pub struct View {
    /// The database that keeps it.
    pub database: DatabaseId,
    /// Its name.
    pub name: String,
    /// Its column names, if written.
    pub columns: Vec<String>,
    /// Its query.
    pub query: Query,
    /// Clauses of the query that its tree cannot hold.
    pub hints: crate::parser::Hints,
    /// The text of CREATE VIEW.
    pub sql: String,
}

impl Table {
    /// True if its rows have a row id.
    #[must_use]
    pub fn has_row_id(&self) -> bool {
        self.kind == TableKind::RowId
    }

    /// The kind of its tree.
    #[must_use]
    pub(super) fn tree_kind(&self) -> TreeKind {
        if self.has_row_id() { TreeKind::Table } else { TreeKind::Index }
    }

    /// Adds an index whose tree is known; the primary key's is the table's own.
    pub(super) fn add_index(&mut self, index: Index) {
        let index = Arc::new(index);
        if self.is_clustered_by(&index) {
            self.primary = Some(Arc::clone(&index));
        }
        self.indexes.push(index);
    }

    /// True if the entries of `index` are the rows of the table.
    #[must_use]
    pub fn is_clustered_by(&self, index: &Index) -> bool {
        self.kind == TableKind::Clustered && index.origin == IndexOrigin::PrimaryKey
    }

    /// The place of the column called `name`, in any case.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name))
    }
}

/// True if `name` is one by which every table has its row id, unless a column is called so.
#[must_use]
pub fn is_row_id_name(name: &str) -> bool {
    ["rowid", "oid", "_rowid_"].iter().any(|row_id| row_id.eq_ignore_ascii_case(name))
}
