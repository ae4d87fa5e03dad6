//! What operators cost, in units of one row read from a leaf in sequence (about 40 ns), and how many rows pass a
//! predicate. The constants are ratios of what such steps take on one core; only their proportions matter.

use super::predicate::types_of;
use crate::catalog::Table;
use crate::ir::{CompareOp, Expr};
use crate::types::TypeSet;

/// Going down a tree to a key.
pub(super) const SEEK: f64 = 8.0;
/// Fetching a table row by its row id from an index entry: a random descent.
pub(super) const FETCH: f64 = 10.0;
/// Starting the right side of a nested-loop join once.
pub(super) const RESTART: f64 = 2.0;
/// One operator of an expression on one row of a batch.
pub(super) const OPERATOR: f64 = 0.1;
/// Adding a row to a hash table.
pub(super) const BUILD: f64 = 2.0;
/// Looking a row up in a hash table.
pub(super) const PROBE: f64 = 1.0;
/// Handing a joined row up.
pub(super) const EMIT: f64 = 0.3;
/// Rereading a kept row in a nested loop, condition included.
pub(super) const REREAD: f64 = 0.3;
/// Left rows that a nested loop is priced for at least where a hash join is possible.
pub(super) const LOOPED_ROWS_MIN: f64 = 16.0;
/// A row of a grouped aggregate by hashing.
pub(super) const GROUP_HASH: f64 = 1.5;
/// A row of an aggregate over sorted input, or without groups.
pub(super) const GROUP_SORTED: f64 = 0.5;
/// One comparison of a sort.
pub(super) const SORT_STEP: f64 = 0.25;
/// Rows that a step of a recursion is assumed to find in its queue. Steps are many, so what they read anew should be
/// little: with this many rows, looking up wins over reading a table, and keeping a small table over looking up.
pub(super) const QUEUE_ROWS: f64 = 100.0;
/// Rows assumed where LIMIT is not known while planning.
pub(super) const LIMIT_GUESS: f64 = 20.0;

/// Rows that equal a value where nothing is known of a column.
const EQUAL_FRACTION: f64 = 0.05;
/// Rows on one side of a bound.
const RANGE_FRACTION: f64 = 0.3;

/// Reading one row of a table: wider rows mean fewer rows a page.
pub(super) fn table_row(table: &Table) -> f64 {
    0.6 + 0.05 * table.columns.len() as f64
}

/// Reading one row of a clustered table, its key decoded.
pub(super) fn clustered_row(table: &Table) -> f64 {
    table_row(table) + 0.4
}

/// Reading one entry of an index of so many columns.
pub(super) fn index_entry(columns: usize) -> f64 {
    0.5 + 0.05 * columns as f64
}

/// Sorting; `kept` is the number of rows that matter.
pub(super) fn sort(rows: f64, kept: f64) -> f64 {
    rows * (1.0 + SORT_STEP * kept.min(rows).max(2.0).log2())
}

/// The fraction of rows for which a predicate is true.
pub(super) fn selectivity(predicate: &Expr) -> f64 {
    match predicate {
        Expr::Compare { op, .. } => match op {
            CompareOp::Equal | CompareOp::Is => EQUAL_FRACTION,
            CompareOp::NotEqual | CompareOp::IsNot => 0.9,
            _ => RANGE_FRACTION,
        },
        Expr::CompareRows { op: CompareOp::Equal | CompareOp::Is, .. } => EQUAL_FRACTION * 0.2,
        Expr::CompareRows { .. } => RANGE_FRACTION,
        Expr::Between { .. } => RANGE_FRACTION * RANGE_FRACTION,
        Expr::IsNull { negated: false, .. } => 0.05,
        Expr::IsNull { negated: true, .. } => 0.95,
        Expr::Match { .. } => 0.1,
        Expr::InList { list, negated, .. } => {
            let fraction = (EQUAL_FRACTION * list.len() as f64).min(0.5);
            if *negated { 1.0 - fraction } else { fraction }
        }
        Expr::And(list) => list.iter().map(selectivity).product(),
        Expr::Or(list) => list.iter().map(selectivity).sum::<f64>().min(0.9),
        Expr::Not(x) => 1.0 - selectivity(x),
        Expr::IsTruth { expr, negated, truth } => {
            let fraction = selectivity(expr);
            if *negated == *truth { 1.0 - fraction } else { fraction }
        }
        other if types_of(other) == TypeSet::NULL => 0.0,
        _ => 0.5,
    }
    .clamp(0.0, 1.0)
}
