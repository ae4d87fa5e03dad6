//! Bound INSERT, UPDATE and DELETE.

use super::expr::{ColumnId, Expr};
use super::query::{Output, Query};
use crate::catalog::{Index, Table};
use crate::parser::OnConflict;
use std::sync::Arc;

/// A statement that changes rows.
#[derive(Clone, Debug)]
pub enum Write {
    /// INSERT.
    Insert(Insert),
    /// UPDATE.
    Update(Update),
    /// DELETE.
    Delete(Delete),
}

impl Write {
    /// The table that is written.
    #[must_use]
    pub fn target(&self) -> &Target {
        match self {
            Write::Insert(insert) => &insert.target,
            Write::Update(update) => &update.target,
            Write::Delete(delete) => &delete.target,
        }
    }
}

/// A table as the target of a change: its rules, bound to the columns of the row being written.
#[derive(Clone, Debug)]
pub struct Target {
    /// The table.
    pub table: Arc<Table>,
    /// The id of each column of the row written, in the table's order.
    pub columns: Vec<ColumnId>,
    /// The id of its row id.
    pub row_id: ColumnId,
    /// DEFAULT of each column; a constant NULL where there is none.
    pub defaults: Vec<Expr>,
    /// CHECK conditions, in the order of [`Table::checks`].
    pub checks: Vec<Expr>,
    /// One for each index of the table, in its order.
    pub indexes: Vec<TargetIndex>,
    /// Generated columns and their values, each behind those that it is computed from.
    pub generated: Vec<(usize, Expr)>,
    /// The table that keeps the row ids given, where the table is AUTOINCREMENT.
    pub sequence: Option<Arc<Table>>,
}

/// What an index needs to know of a row written.
#[derive(Clone, Debug)]
pub struct TargetIndex {
    /// The index.
    pub index: Arc<Index>,
    /// What each of its columns is.
    pub columns: Vec<Expr>,
    /// The predicate of a partial index.
    pub filter: Option<Expr>,
}

/// INSERT: `source` gives rows as wide as `columns`.
#[derive(Clone, Debug)]
pub struct Insert {
    /// The table.
    pub target: Target,
    /// Where each value of a source row goes: a column of the table, or the row id.
    pub columns: Vec<InsertColumn>,
    /// The rows.
    pub source: InsertSource,
    /// OR ..; `None` leaves it to the constraints.
    pub on_conflict: Option<OnConflict>,
    /// ON CONFLICT clauses in order.
    pub upserts: Vec<Upsert>,
    /// What the columns of the row that was to be inserted are called in `upserts`, and then its row id: `excluded`.
    pub excluded: Vec<ColumnId>,
    /// RETURNING.
    pub returning: Option<Returning>,
}

/// One ON CONFLICT clause.
#[derive(Clone, Debug)]
pub struct Upsert {
    /// Which constraint it is about; `None` is any.
    pub target: Option<UpsertTarget>,
    /// DO UPDATE; `None` is DO NOTHING.
    pub update: Option<UpsertUpdate>,
}

/// The constraint that a clause names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpsertTarget {
    /// The row id.
    RowId,
    /// A unique index, by its place in [`Target::indexes`].
    Index(usize),
}

/// DO UPDATE.
#[derive(Clone, Debug)]
pub struct UpsertUpdate {
    /// Columns and their next values, over the row in the way (the target's columns) and [`Insert::excluded`].
    pub assignments: Vec<(InsertColumn, Expr)>,
    /// WHERE, over the same columns.
    pub filter: Option<Expr>,
}

/// RETURNING: what each changed row gives, over the target's columns: those of the row as it is then, or as it was if
/// it was deleted.
#[derive(Clone, Debug)]
pub struct Returning {
    /// The values.
    pub exprs: Vec<Expr>,
    /// What they are called; their column ids mean nothing.
    pub outputs: Vec<Output>,
}

/// Where a source value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InsertColumn {
    /// Column of the table.
    Column(usize),
    /// The row id, where it is not a column.
    RowId,
}

/// Where the rows come from.
#[derive(Clone, Debug)]
pub enum InsertSource {
    /// VALUES: expressions without columns.
    Rows(Vec<Vec<Expr>>),
    /// SELECT.
    Query(Query),
    /// DEFAULT VALUES: one row.
    Defaults,
}

/// UPDATE.
#[derive(Clone, Debug)]
pub struct Update {
    /// The table.
    pub target: Target,
    /// Which rows: the first output is the row id (in a clustered table the first are the columns of its key, for a view all
    /// of its columns), the others are what `assignments` use beside the row.
    pub find: Query,
    /// Column of the table (or the row id) and its next value, over `target.columns`, `target.row_id` (the row as it
    /// was) and the further outputs of `find`.
    pub assignments: Vec<(InsertColumn, Expr)>,
    /// OR ..
    pub on_conflict: Option<OnConflict>,
    /// True if FROM may find a row several times: the last finding counts, and rows are changed in order of row id.
    pub finds_twice: bool,
    /// RETURNING.
    pub returning: Option<Returning>,
}

/// DELETE.
#[derive(Clone, Debug)]
pub struct Delete {
    /// The table.
    pub target: Target,
    /// Which rows: its outputs are as the first of an UPDATE's.
    pub find: Query,
    /// RETURNING.
    pub returning: Option<Returning>,
}
