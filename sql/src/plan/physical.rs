//! Physical plans: what the executor runs. Expressions still name columns by [`ColumnId`]; each node lists the
//! columns it hands up, in order, and the executor compiles expressions against its inputs' lists.
//!
//! An expression inside a node may use a column that no input of it produces: an *outer* column. Its value is set
//! by the nested-loop join or the subquery around the node before the node is (re)started, and stays for the run.

use super::figures::Figures;
use crate::catalog::{Index, Table};
use crate::ir::{
    AggregateCall, ColumnId, Comparison, Expr, InsertColumn, JoinKind, Output, RecursionId, Returning, SetOp,
    SortKey, TableFunction, Target, Upsert, Window, WindowCall,
};
use crate::parser::OnConflict;
use crate::types::Collation;
use std::sync::Arc;

/// A query to run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The rows.
    pub root: Node,
    /// Which columns of the root are handed out, in order.
    pub outputs: Vec<Output>,
    /// Subqueries of expressions, by [`crate::ir::SubqueryId`]; `None` where a rewrite made them a join.
    pub subplans: Vec<Option<Subplan>>,
    /// Every column used as an outer column somewhere, each once: its slot is its place here.
    pub outer: Vec<ColumnId>,
}

/// A subquery of an expression.
#[derive(Clone, Debug)]
pub struct Subplan {
    /// Its rows.
    pub root: Node,
    /// Its columns, in order.
    pub columns: Vec<ColumnId>,
    /// The outer columns it depends on: equal values give equal rows. Empty: it runs once.
    pub outer: Vec<ColumnId>,
}

/// One operator and its inputs.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it does.
    pub operator: Operator,
    /// The columns it hands up, in order.
    pub columns: Vec<ColumnId>,
    /// Rows expected.
    pub rows: f64,
    /// Cost expected, in units of a row read from a leaf.
    pub cost: f64,
    /// What it did, where that is to be measured.
    pub figures: Option<Arc<Figures>>,
}

/// What a node does.
#[derive(Clone, Debug)]
pub enum Operator {
    /// One row without columns.
    OneRow,
    /// No row.
    Empty,
    /// Rows of expressions.
    Values {
        /// Each as wide as the node.
        rows: Vec<Vec<Expr>>,
    },
    /// The rows of a function; its arguments use no columns but outer ones.
    TableFunction {
        /// The function.
        function: TableFunction,
        /// Its arguments.
        args: Vec<Expr>,
        /// Its name in the statement.
        alias: String,
    },
    /// A table, in order of row id.
    TableScan(TableScan),
    /// A table through one of its indexes, in the index's order.
    IndexScan(IndexScan),
    /// Rows for which a predicate is true.
    Filter {
        /// The rows.
        input: Box<Node>,
        /// The predicate.
        predicate: Expr,
    },
    /// Computed columns; a column handed through is an `Expr::Column`.
    Project {
        /// The rows.
        input: Box<Node>,
        /// One for each column of the node.
        exprs: Vec<Expr>,
    },
    /// For each left row the right side is restarted, with the left columns it uses set as outer columns, and its
    /// rows joined. Inner, Left, Semi and Anti.
    NestedLoopJoin {
        /// Which pairs.
        kind: JoinKind,
        /// Left rows.
        left: Box<Node>,
        /// Right rows.
        right: Box<Node>,
        /// Left columns that the right side uses: set before each restart. Empty: its rows are kept and reread.
        outer: Vec<ColumnId>,
        /// A condition over both sides beyond what the right side applied itself.
        on: Option<Expr>,
    },
    /// The right side is kept in a hash table by its keys.
    HashJoin {
        /// Which pairs; every kind.
        kind: JoinKind,
        /// Left rows (probe side).
        left: Box<Node>,
        /// Right rows (build side).
        right: Box<Node>,
        /// Pairs of equal expressions: over the left side, over the right side.
        keys: Vec<(Expr, Expr, Comparison)>,
        /// A condition over both sides.
        residual: Option<Expr>,
        /// True for a NOT IN: a NULL among the keys makes the comparison unknown, so an Anti join drops the row.
        null_aware: bool,
    },
    /// Groups. The node's columns are the groups', then the calls', then the bare ones.
    Aggregate {
        /// The rows.
        input: Box<Node>,
        /// Grouping expressions and how they are compared; none: one row always.
        groups: Vec<(Expr, Collation)>,
        /// The aggregates.
        calls: Vec<AggregateCall>,
        /// Input columns taken from some row of the group.
        bare: Vec<ColumnId>,
        /// The call whose row these come from.
        bare_from: Option<usize>,
        /// True if equal groups come together in the input.
        sorted: bool,
    },
    /// Rows sorted by a window's keys, with the results of its functions behind their columns.
    Window {
        /// The rows.
        input: Box<Node>,
        /// Partition and order.
        window: Window,
        /// The calls.
        calls: Vec<WindowCall>,
    },
    /// Rows without duplicates over all columns of the node.
    Distinct {
        /// The rows.
        input: Box<Node>,
        /// How each of the node's columns is compared.
        collations: Vec<Collation>,
    },
    /// Rows in order; stable.
    Sort {
        /// The rows.
        input: Box<Node>,
        /// The order.
        keys: Vec<SortKey>,
        /// Only this many are needed (limit plus offset): keep no more. Evaluated once at the start.
        top: Option<Expr>,
    },
    /// Some of the rows.
    Limit {
        /// The rows.
        input: Box<Node>,
        /// How many; all if negative.
        limit: Option<Expr>,
        /// How many are left out first; none if negative.
        offset: Option<Expr>,
    },
    /// A common table that reads itself; see [`crate::ir::Recursive`].
    Recursive(Box<RecursiveNode>),
    /// The rows of a recursion that its steps work on, then the number of each. `alias` is the name in the statement.
    Queue {
        /// Whose.
        recursion: RecursionId,
        /// Its name in the statement.
        alias: String,
    },
    /// Compounds. Inputs are as wide as the node, column by column.
    SetOperation {
        /// Two or more, each combined with what those before it give.
        members: Vec<PlannedMember>,
    },
}

/// A member of a compound.
#[derive(Clone, Debug)]
pub struct PlannedMember {
    /// How it is combined with what the members before it give; of the first it says nothing.
    pub op: SetOp,
    /// How columns are compared for that.
    pub collations: Vec<Collation>,
    /// Its rows.
    pub input: Node,
}

/// A recursion to run. The anchor is as wide as the node, column by column; the steps hand up the number of the
/// queue's row behind these columns.
#[derive(Clone, Debug)]
pub struct RecursiveNode {
    /// By this its queue knows it.
    pub recursion: RecursionId,
    /// The first rows.
    pub anchor: Node,
    /// What is made of the rows of the queue.
    pub steps: Vec<Node>,
    /// True if a row enters the queue only once.
    pub distinct: bool,
    /// Which row of the queue leaves next: places of the node's columns, and how they order.
    pub order: Vec<(usize, SortKey)>,
    /// Places of the columns in which integers become reals.
    pub reals: Vec<usize>,
    /// How many rows; all if negative.
    pub limit: Option<Expr>,
    /// How many are left out first; none if negative.
    pub offset: Option<Expr>,
    /// How columns are compared.
    pub collations: Vec<Collation>,
}

/// A column that a scan decodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanColumn {
    /// A column of the table.
    Column(usize),
    /// The row id.
    RowId,
}

/// A scan of a table.
#[derive(Clone, Debug)]
pub struct TableScan {
    /// The table.
    pub table: Arc<Table>,
    /// What to decode: one for each column of the node.
    pub columns: Vec<ScanColumn>,
    /// Which row ids.
    pub range: RowIdRange,
    /// A predicate over the node's columns, applied before rows are handed up.
    pub filter: Option<Expr>,
    /// From the greatest row id down.
    pub reverse: bool,
    /// The name in the statement.
    pub alias: String,
}

/// Which row ids a scan visits. The expressions have no columns but outer ones; each is converted by
/// SQLite's rules for comparing with an integer column, and one that cannot be met (NULL, text) gives no rows.
#[derive(Clone, Debug)]
pub enum RowIdRange {
    /// All.
    All,
    /// Those between the bounds; each with whether it is itself included.
    Between(Option<(Expr, bool)>, Option<(Expr, bool)>),
    /// Those equal to one of the expressions, each row once, in order of row id.
    OneOf(Vec<Expr>),
}

/// A scan of a table through an index.
#[derive(Clone, Debug)]
pub struct IndexScan {
    /// The table.
    pub table: Arc<Table>,
    /// The index.
    pub index: Arc<Index>,
    /// What to decode: one for each column of the node.
    pub columns: Vec<ScanColumn>,
    /// True if the index alone answers: all of `columns` are in it or are the row id.
    pub covering: bool,
    /// Which entries: those of any range, each once; ranges are sorted and merged at the start of the scan.
    pub ranges: Vec<IndexRange>,
    /// A predicate over the node's columns.
    pub filter: Option<Expr>,
    /// From the last entry back.
    pub reverse: bool,
    /// The name in the statement.
    pub alias: String,
}

/// Entries whose first columns equal `equal` and whose next column lies between the bounds. The expressions have no
/// columns but outer ones. A NULL in `equal` gives no entry unless its place is in `null_safe`; bounds leave out NULLs.
#[derive(Clone, Debug, Default)]
pub struct IndexRange {
    /// Values of the first columns.
    pub equal: Vec<Expr>,
    /// For each of `equal`: true if NULL finds NULL (IS, IS NULL).
    pub null_safe: Vec<bool>,
    /// Lower bound of the next column in terms of its values (whatever its direction), and whether it is included.
    pub lower: Option<(Expr, bool)>,
    /// Upper bound.
    pub upper: Option<(Expr, bool)>,
}

/// A statement that changes rows.
#[derive(Clone, Debug)]
pub enum WritePlan {
    /// INSERT.
    Insert {
        /// The table.
        target: Target,
        /// Where the source's values go.
        columns: Vec<InsertColumn>,
        /// The rows.
        source: WriteSource,
        /// OR ..
        on_conflict: Option<OnConflict>,
        /// ON CONFLICT clauses in order.
        upserts: Vec<Upsert>,
        /// The columns and the row id of `excluded`; none without `upserts`.
        excluded: Vec<ColumnId>,
        /// RETURNING.
        returning: Option<Returning>,
        /// Subqueries and outer columns of all expressions but those of a query.
        expressions: Expressions,
    },
    /// UPDATE.
    Update {
        /// The table.
        target: Target,
        /// Which rows.
        find: Plan,
        /// The next values.
        assignments: Vec<(InsertColumn, Expr)>,
        /// Subqueries and outer columns of `assignments`, `returning`, defaults and checks.
        expressions: Expressions,
        /// OR ..
        on_conflict: Option<OnConflict>,
        /// True if `find` may give a row several times: the last counts, and rows are changed in order of row id.
        finds_twice: bool,
        /// RETURNING.
        returning: Option<Returning>,
    },
    /// DELETE.
    Delete {
        /// The table.
        target: Target,
        /// Which rows.
        find: Plan,
        /// RETURNING.
        returning: Option<Returning>,
        /// Subqueries and outer columns of `returning`.
        expressions: Expressions,
    },
}

impl WritePlan {
    /// The table that is written.
    #[must_use]
    pub fn target(&self) -> &Target {
        match self {
            WritePlan::Insert { target, .. }
            | WritePlan::Update { target, .. }
            | WritePlan::Delete { target, .. } => target,
        }
    }

    /// The columns of RETURNING.
    #[must_use]
    pub fn outputs(&self) -> &[Output] {
        match self {
            WritePlan::Insert { returning, .. }
            | WritePlan::Update { returning, .. }
            | WritePlan::Delete { returning, .. } => {
                returning.as_ref().map_or(&[], |returning| &returning.outputs)
            }
        }
    }
}

/// Where inserted rows come from.
#[derive(Clone, Debug)]
pub enum WriteSource {
    /// VALUES.
    Rows(Vec<Vec<Expr>>),
    /// SELECT; spooled first where it reads the target.
    Query {
        /// The rows.
        plan: Box<Plan>,
        /// True if the rows must all be read before the first is written.
        spool: bool,
    },
    /// One row of defaults.
    Defaults,
}

/// What expressions outside a [`Plan`] need to run.
#[derive(Clone, Debug, Default)]
pub struct Expressions {
    /// Subqueries, by [`crate::ir::SubqueryId`].
    pub subplans: Vec<Option<Subplan>>,
    /// Outer columns, by slot.
    pub outer: Vec<ColumnId>,
    /// True if a subquery reads the table being written.
    pub is_live: bool,
    /// Subqueries that see the rows changed before, if any does: those that depend on the row at hand. The others are
    /// run once.
    pub live: Vec<usize>,
    /// The subqueries of RETURNING, which are run for each row if any sees the rows changed before.
    pub returned: Vec<usize>,
}
