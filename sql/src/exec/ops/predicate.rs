//! The filter of a scan, conjunct by conjunct: a column is decoded when the first conjunct that reads it is reached, and
//! only for the rows that have passed until then.

use super::Builder;
use crate::error::Result;
use crate::exec::expr::CompiledExpr;
use crate::ir::{ColumnId, Expr, children};
use crate::plan::Node;
use crate::types::TypeSet;

/// A compiled filter over a scan's columns: all of its conjuncts must be true.
pub(super) struct Predicate {
    pub(super) conjuncts: Vec<Conjunct>,
}

/// One condition of a filter.
pub(super) struct Conjunct {
    pub(super) expr: CompiledExpr,
    /// For each column of the scan: true if the condition may read it.
    pub(super) reads: Vec<bool>,
}

impl Predicate {
    pub(super) fn new(builder: Builder<'_>, node: &Node, filter: &Expr) -> Result<Predicate> {
        let mut parts: Vec<&Expr> = match filter {
            Expr::And(parts) => parts.iter().collect(),
            single => vec![single],
        };
        // Comparisons of numbers come first: they are cheap, and they never raise, so nothing is lost by it. The
        // others keep their order.
        parts.sort_by_key(|part| !compares_numbers(part));
        let conjunct = |part: &&Expr| {
            let mut reads = vec![false; node.columns.len()];
            let mut note = |column: Option<ColumnId>| {
                for (read, id) in reads.iter_mut().zip(&node.columns) {
                    // A subquery may read any of them.
                    *read |= column.is_none_or(|column| column == *id);
                }
            };
            visit_columns(part, &mut note);
            Ok(Conjunct { expr: builder.compile(part, &node.columns)?, reads })
        };
        Ok(Predicate { conjuncts: parts.iter().map(conjunct).collect::<Result<_>>()? })
    }
}

/// True if threads may evaluate the filter side by side, each with a context of its own: it has no subquery, whose
/// runner there is but once, and no function that answers differently each time.
pub(super) fn is_thread_safe(filter: &Expr) -> bool {
    let mut safe = match filter {
        Expr::ScalarSubquery { .. } | Expr::Exists { .. } | Expr::InSubquery { .. } => false,
        Expr::Function { function, .. } => function.0.deterministic,
        _ => true,
    };
    children(filter, &mut |operand| safe = safe && is_thread_safe(operand));
    safe
}

/// True for a comparison of a column of numbers with a value.
fn compares_numbers(expr: &Expr) -> bool {
    let number = |expr: &Expr| match expr {
        Expr::Column(_, types) => !types.intersects(TypeSet::TEXT | TypeSet::BLOB),
        _ => false,
    };
    let value = |expr: &Expr| matches!(expr, Expr::Constant(_) | Expr::Literal { .. } | Expr::Parameter(_));
    match expr {
        Expr::Compare { left, right, .. } => {
            number(left) && (value(right) || number(right)) || value(left) && number(right)
        }
        _ => false,
    }
}

/// Tells `visit` each column that `expr` reads itself, and `None` where a subquery stands.
fn visit_columns(expr: &Expr, visit: &mut dyn FnMut(Option<ColumnId>)) {
    match expr {
        Expr::Column(column, _) => visit(Some(*column)),
        Expr::ScalarSubquery { .. } | Expr::Exists { .. } | Expr::InSubquery { .. } => visit(None),
        _ => {}
    }
    children(expr, &mut |operand| visit_columns(operand, visit));
}
