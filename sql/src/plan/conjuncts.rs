//! Conjuncts on their way into a plan: taken from filters, put into an order, seen as equalities of two sides.

use super::columns::{ColumnSet, used};
use super::predicate::{may_raise, mirror_rule, split, weight};
use crate::ir::{ColumnId, CompareOp, Comparison, Expr, Relation};

/// As [`peel`], of a relation that nobody needs afterwards.
pub(super) fn take_filters(mut relation: Relation) -> (Relation, Vec<Expr>) {
    let mut conjuncts = Vec::new();
    while let Relation::Filter { input, predicate } = relation {
        let mut below = Vec::new();
        split(predicate, &mut below);
        below.append(&mut conjuncts);
        conjuncts = below;
        relation = *input;
    }
    (relation, conjuncts)
}

/// A relation without its filters, and their conjuncts.
pub(super) fn peel(mut relation: &Relation) -> (&Relation, Vec<Expr>) {
    let mut conjuncts = Vec::new();
    while let Relation::Filter { input, predicate } = relation {
        // An inner filter was there first.
        let mut below = Vec::new();
        split(predicate.clone(), &mut below);
        below.append(&mut conjuncts);
        conjuncts = below;
        relation = input;
    }
    (relation, conjuncts)
}

/// Cheap conjuncts first; those that can raise keep their places after all that came before them.
pub(super) fn in_cheap_order(conjuncts: Vec<Expr>) -> Vec<Expr> {
    if conjuncts.len() < 2 {
        return conjuncts;
    }
    let (raising, mut safe): (Vec<_>, Vec<_>) = conjuncts.into_iter().partition(may_raise);
    safe.sort_by(|a, b| weight(a).total_cmp(&weight(b)));
    safe.extend(raising);
    safe
}

/// An equality between an expression over one side and one over the other, the first side's first.
pub(super) fn equality(
    conjunct: &Expr,
    left_columns: &ColumnSet,
    right_columns: &ColumnSet,
    outers: &[Vec<ColumnId>],
) -> Option<(Expr, Expr, Comparison)> {
    let Expr::Compare { op: CompareOp::Equal, left, right, rule } = conjunct else { return None };
    let (l, r) = (used(left, outers), used(right, outers));
    let over = |uses: &ColumnSet, side: &ColumnSet, other: &ColumnSet| uses.meets(side) && !uses.meets(other);
    if over(&l, left_columns, right_columns) && over(&r, right_columns, left_columns) {
        Some(((**left).clone(), (**right).clone(), *rule))
    } else if over(&r, left_columns, right_columns) && over(&l, right_columns, left_columns) {
        Some(((**right).clone(), (**left).clone(), mirror_rule(*rule)))
    } else {
        None
    }
}
