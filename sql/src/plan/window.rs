//! Planning windows: the sort below each, spared where the rows come in its order already.

use super::columns::ColumnSet;
use super::cost;
use super::nodes::node;
use super::physical::{Node, Operator};
use super::planner::Planner;
use super::predicate::{same, weight};
use crate::error::Result;
use crate::ir::{ColumnId, Relation, SortKey};

impl Planner<'_> {
    /// Plans a window; calls that nobody needs are not made.
    pub(super) fn windowed(&mut self, relation: &Relation, needed: &ColumnSet) -> Result<Node> {
        let Relation::Window { input, window, calls } = relation else {
            return self.plan(relation, needed);
        };
        let calls: Vec<_> = calls.iter().filter(|(id, _)| needed.contains(id)).collect();
        if calls.is_empty() {
            return self.plan(input, needed);
        }
        let mut exprs = Vec::new();
        window.expressions(&mut |expr| exprs.push(expr));
        calls.iter().for_each(|(_, call)| call.expressions(&mut |expr| exprs.push(expr)));
        let work: f64 = 1.0 + exprs.iter().map(|expr| weight(expr)).sum::<f64>();
        let mut below = needed.clone();
        below.add(&self.used_by(exprs.into_iter()));
        let keys = window.sort_keys();
        let rows = if keys.is_empty() || gives_order(input, &keys) {
            self.plan(input, &below)?
        } else {
            self.sorted(input, &keys, &below, None)?
        };
        let count = rows.rows;
        let price = rows.cost + count * (cost::GROUP_SORTED + work * cost::OPERATOR) * calls.len() as f64;
        let ids: Vec<ColumnId> =
            rows.columns.iter().copied().chain(calls.iter().map(|(id, _)| *id)).collect();
        let calls = calls.into_iter().map(|(_, call)| call.clone()).collect();
        let operator = Operator::Window { input: Box::new(rows), window: window.clone(), calls };
        Ok(node(operator, ids, count, price))
    }
}

/// True if a relation is made of windows whose rows come in an order by themselves.
pub(super) fn gives_order(relation: &Relation, wanted: &[SortKey]) -> bool {
    let Relation::Window { input, window, .. } = relation else { return false };
    let keys = window.sort_keys();
    if keys.is_empty() {
        return gives_order(input, wanted);
    }
    wanted.len() <= keys.len()
        && wanted.iter().zip(&keys).all(|(want, have)| {
            same(&want.expr, &have.expr)
                && (want.collation, want.descending, want.nulls_first)
                    == (have.collation, have.descending, have.nulls_first)
        })
}
