//! Constants: what can be computed while planning is, unless it raises; filters that are always or never true
//! disappear, the latter with their input.

use super::super::columns::{expressions_mut, inputs_mut};
use super::super::predicate::{is_constant, is_constant_operator, join, split};
use super::{Rewriter, nothing};
use crate::ir::{Expr, Relation, children_mut};
use crate::value::Value;

/// The pass.
pub(super) fn run(rewriter: &mut Rewriter<'_>, mut relation: Relation) -> Relation {
    inputs_mut(&mut relation, &mut |input| {
        *input = run(rewriter, std::mem::replace(input, Relation::OneRow));
    });
    expressions_mut(&mut relation, &mut |expr| fold(rewriter, expr));
    match relation {
        Relation::Filter { input, predicate } => {
            let mut conjuncts = Vec::new();
            split(predicate, &mut conjuncts);
            let mut kept = Vec::new();
            for conjunct in conjuncts {
                match truth(rewriter, &conjunct) {
                    Some(true) => {}
                    Some(false) => return nothing(&input),
                    None => kept.push(conjunct),
                }
            }
            super::filtered(*input, kept)
        }
        Relation::Join { kind, left, right, on: Some(on) } => {
            let mut conjuncts = Vec::new();
            split(on, &mut conjuncts);
            conjuncts.retain(|conjunct| truth(rewriter, conjunct) != Some(true));
            Relation::Join { kind, left, right, on: join(conjuncts) }
        }
        other => other,
    }
}

/// Whether a constant is true; `None` if it is no constant.
fn truth(rewriter: &Rewriter<'_>, expr: &Expr) -> Option<bool> {
    if !is_constant(expr) {
        return None;
    }
    let test = Expr::IsTruth { expr: Box::new(expr.clone()), truth: true, negated: false };
    match (rewriter.cx.fold)(&test)? {
        Value::Integer(answer) => Some(answer != 0),
        _ => None,
    }
}

/// Folds the largest constants in an expression.
fn fold(rewriter: &Rewriter<'_>, expr: &mut Expr) {
    if fold_below(rewriter, expr) {
        replace(rewriter, expr);
    }
}

/// Folds what is constant below an expression that is not; true, and nothing folded, if it is constant itself. From
/// the leaves up, so that each is looked at once.
fn fold_below(rewriter: &Rewriter<'_>, expr: &mut Expr) -> bool {
    // Most of what there is needs no look at what it is made of.
    match expr {
        Expr::Constant(_) => return true,
        Expr::Column(..) | Expr::Literal { .. } | Expr::Parameter(_) => return false,
        _ => {}
    }
    let (mut operands, mut constants) = (0, 0);
    children_mut(expr, &mut |child| {
        operands += 1;
        if fold_below(rewriter, child) {
            constants += 1;
        }
    });
    if constants == operands && is_constant_operator(expr) {
        return true;
    }
    if constants > 0 {
        children_mut(expr, &mut |child| {
            if is_constant(child) {
                replace(rewriter, child);
            }
        });
    }
    false
}

/// Puts the value of a constant in its place; where that raises, the values of those of its parts that do not.
fn replace(rewriter: &Rewriter<'_>, expr: &mut Expr) {
    if matches!(expr, Expr::Constant(_)) {
        return;
    }
    match (rewriter.cx.fold)(expr) {
        Some(value) => *expr = Expr::Constant(value),
        None => children_mut(expr, &mut |child| replace(rewriter, child)),
    }
}
