//! Bound queries: relations and what they give.

use super::expr::{AggregateCall, ColumnId, Expr};
use super::window::{Window, WindowCall};
use crate::catalog::{Index, Table};
pub use crate::functions::TableFunction;
use crate::functions::{ARRAY_EACH, affinity_code};
use crate::types::{Affinity, Collation, ColumnType, TypeSet};
use crate::value::Value;
use std::sync::Arc;

/// A bound statement's arena and its query.
#[derive(Clone, Debug)]
pub struct Bound<T> {
    /// What was bound.
    pub root: T,
    /// Its subqueries in expressions, innermost first.
    pub subqueries: Vec<Subquery>,
    /// The next unused column id; the planner takes its own from here.
    pub next_column: u32,
    /// Number of parameters.
    pub parameters: usize,
    /// Lifted literals whose values the binder has read: a cached plan serves only texts that agree on them.
    pub pinned: Vec<usize>,
    /// Columns that are set from outside: OLD and NEW of a trigger. They have the first ids, so that they have the first
    /// slots of outer columns too.
    pub given: Vec<ColumnId>,
}

/// A subquery inside an expression.
#[derive(Clone, Debug)]
pub struct Subquery {
    /// Its query.
    pub query: Query,
    /// Columns from around it that it uses; empty if it is not correlated.
    pub outer: Vec<ColumnId>,
}

/// A query: a relation and the columns of it that are handed out, in order.
#[derive(Clone, Debug)]
pub struct Query {
    /// Where the rows come from.
    pub relation: Relation,
    /// What is shown of them.
    pub outputs: Vec<Output>,
}

/// One column of a result.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// Which column of the relation.
    pub column: ColumnId,
    /// Its name in the result.
    pub name: String,
    /// The kinds of values it gives.
    pub types: TypeSet,
    /// Its affinity when it is used in a query around this one.
    pub affinity: Affinity,
    /// Its collation.
    pub collation: Collation,
    /// The column type, where it is a table's column.
    pub column_type: Option<ColumnType>,
    /// The table and column it is, where it is one.
    pub origin: Option<(String, String)>,
}

/// A relation: a bag of rows, in an order only where it says so.
#[derive(Clone, Debug)]
pub enum Relation {
    /// One row without columns.
    OneRow,
    /// The rows of a table.
    Table(TableRows),
    /// Rows of expressions.
    Values {
        /// Each as wide as `columns`.
        rows: Vec<Vec<Expr>>,
        /// What the columns are called.
        columns: Vec<ColumnId>,
    },
    /// The rows of a function.
    TableFunction(TableCall),
    /// The rows for which a predicate is true.
    Filter {
        /// The rows.
        input: Box<Relation>,
        /// The predicate.
        predicate: Expr,
    },
    /// New columns computed beside nothing else: only `columns` are left.
    Project {
        /// The rows.
        input: Box<Relation>,
        /// The columns.
        columns: Vec<(ColumnId, Expr)>,
    },
    /// Pairs of rows. The right side may not use columns of the left.
    Join {
        /// Which pairs.
        kind: JoinKind,
        /// Left rows.
        left: Box<Relation>,
        /// Right rows.
        right: Box<Relation>,
        /// The condition; `None` is true.
        on: Option<Expr>,
    },
    /// Groups. Without `groups` there is always one row.
    Aggregate {
        /// The rows.
        input: Box<Relation>,
        /// Grouping expressions and the collation by which they are equal.
        groups: Vec<(ColumnId, Expr, Collation)>,
        /// Aggregates.
        calls: Vec<(ColumnId, AggregateCall)>,
        /// Columns of the input taken from some row of the group: (result, input column).
        bare: Vec<(ColumnId, ColumnId)>,
        /// The min or max among `calls` whose row the bare columns come from.
        bare_from: Option<usize>,
    },
    /// The rows in the window's order, with the results of window functions behind their columns.
    Window {
        /// The rows.
        input: Box<Relation>,
        /// Partition and order.
        window: Window,
        /// The calls.
        calls: Vec<(ColumnId, WindowCall)>,
    },
    /// The rows without duplicates over all columns of the input, which are those of `columns`.
    Distinct {
        /// The rows.
        input: Box<Relation>,
        /// The columns compared, and how; the rest of the input is dropped.
        columns: Vec<(ColumnId, Collation)>,
    },
    /// The rows in order.
    Sort {
        /// The rows.
        input: Box<Relation>,
        /// The order.
        keys: Vec<SortKey>,
    },
    /// Some of the rows, in order.
    Limit {
        /// The rows.
        input: Box<Relation>,
        /// How many; negative or NULL-free evaluation rules are SQLite's. `None` is all.
        limit: Option<Expr>,
        /// How many are left out first.
        offset: Option<Expr>,
    },
    /// The rows of a common table that reads itself.
    Recursive(Box<Recursive>),
    /// Inside a [`Recursive`]: the rows that its steps are about to work on.
    Queue(Queue),
    /// `UNION [ALL]`, `INTERSECT`, `EXCEPT`.
    ///
    /// A list and no tree, since a compound may have hundreds of members.
    SetOperation {
        /// Two or more, each combined with what those before it give.
        members: Vec<Member>,
        /// The result's columns.
        columns: Vec<ColumnId>,
    },
}

/// A call in FROM. Its arguments may be columns of what it is joined with: it then runs once for each row of that.
#[derive(Clone, Debug)]
pub struct TableCall {
    /// The function.
    pub function: TableFunction,
    /// Its arguments.
    pub args: Vec<Expr>,
    /// What its columns are called.
    pub columns: Vec<ColumnId>,
    /// The name it goes by in the statement, for EXPLAIN.
    pub alias: String,
}

impl TableCall {
    /// True if it gives the values of a list: what stands behind `x IN ?`.
    #[must_use]
    pub fn is_list(&self) -> bool {
        self.function.0.name == ARRAY_EACH
    }

    /// Makes a list give its values with an affinity applied, and each of them once.
    pub fn convert_list(&mut self, affinity: Affinity, collation: Collation) {
        self.args.truncate(1);
        self.args.push(Expr::Constant(Value::Integer(affinity_code(affinity))));
        self.args.push(Expr::Constant(Value::text(collation.name())));
    }
}

/// A member of a compound.
#[derive(Clone, Debug)]
pub struct Member {
    /// How it is combined with what the members before it give; of the first it says nothing.
    pub op: SetOp,
    /// How columns are compared for that.
    pub collations: Vec<Collation>,
    /// Its rows.
    pub relation: Relation,
    /// Which of the relation's columns, in order.
    pub columns: Vec<ColumnId>,
}

/// Which recursion of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RecursionId(pub u32);

/// A common table that reads itself: its first rows go into a queue; each row that leaves the queue is a row of the
/// table, and what the steps make of it goes into the queue.
#[derive(Clone, Debug)]
pub struct Recursive {
    /// By this its queue knows it.
    pub recursion: RecursionId,
    /// The first rows, and which of the columns in order.
    pub anchor: (Relation, Vec<ColumnId>),
    /// What is made of the rows of the [`Queue`], and which of the columns in order; the last one is the queue's
    /// `sequence`, so that what came of a row can be told from what came of the next.
    pub steps: Vec<(Relation, Vec<ColumnId>)>,
    /// True for UNION: a row enters the queue only once.
    pub distinct: bool,
    /// Which row of the queue leaves next, in terms of `columns`; without keys the one that entered first.
    pub order: Vec<SortKey>,
    /// Places of the columns of REAL affinity, which hold no integers.
    pub reals: Vec<usize>,
    /// How many rows there are at most.
    pub limit: Option<Expr>,
    /// How many rows are left out first; the steps see them all the same.
    pub offset: Option<Expr>,
    /// The result's columns, and how they are compared.
    pub columns: Vec<(ColumnId, Collation)>,
}

/// The rows of a recursion that its steps work on.
#[derive(Clone, Debug)]
pub struct Queue {
    /// Whose.
    pub recursion: RecursionId,
    /// What the columns are called.
    pub columns: Vec<ColumnId>,
    /// The number of each row, ascending.
    pub sequence: ColumnId,
    /// The name it goes by in the statement, for EXPLAIN.
    pub alias: String,
}

/// The rows of a table.
#[derive(Clone, Debug)]
pub struct TableRows {
    /// The table.
    pub table: Arc<Table>,
    /// The id of each of its columns, in the table's order.
    pub columns: Vec<ColumnId>,
    /// The id of its row id. An INTEGER PRIMARY KEY column has an id of its own and the same values.
    pub row_id: ColumnId,
    /// INDEXED BY or NOT INDEXED.
    pub hint: IndexHint,
    /// The predicates of its partial indexes, and the expressions of its expression indexes, bound to these columns.
    pub bound_indexes: Vec<BoundIndex>,
    /// The name it goes by in the statement, for EXPLAIN.
    pub alias: String,
}

/// An index of a table as the planner sees it: `columns` order its entries.
#[derive(Clone, Debug)]
pub struct BoundIndex {
    /// The index.
    pub index: Arc<Index>,
    /// What each index column is, in terms of the table's column ids.
    pub columns: Vec<Expr>,
    /// The predicate of a partial index.
    pub filter: Option<Expr>,
}

/// What the text says of indexes.
#[derive(Clone, Debug, Default)]
pub enum IndexHint {
    /// Nothing.
    #[default]
    None,
    /// NOT INDEXED.
    NotIndexed,
    /// INDEXED BY.
    IndexedBy(Arc<Index>),
}

/// Which pairs a join gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JoinKind {
    /// Those for which the condition is true.
    Inner,
    /// These, and each left row without a partner, its right columns NULL.
    Left,
    /// These, and each right row without a partner.
    Right,
    /// Left and Right.
    Full,
    /// Each left row that has a partner, once; no right columns.
    Semi,
    /// Each left row that has none; no right columns.
    Anti,
}

/// One key of an order.
#[derive(Clone, Debug, PartialEq)]
pub struct SortKey {
    /// What is ordered by.
    pub expr: Expr,
    /// The order of texts.
    pub collation: Collation,
    /// DESC.
    pub descending: bool,
    /// True if NULLs come first (the default of ascending keys).
    pub nulls_first: bool,
}

/// Which compound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the variants are the operators of SQL")]
pub enum SetOp {
    UnionAll,
    Union,
    Intersect,
    Except,
}
