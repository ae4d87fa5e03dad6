//! Constants: what can be computed while planning is, unless it raises; filters that are always or never true
//! disappear, the latter with their input.

use super::super::columns::{expressions_mut, inputs_mut};
use super::super::predicate::{is_constant, join, split};
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

fn fold(rewriter: &Rewriter<'_>, expr: &mut Expr) {
    if matches!(expr, Expr::Constant(_)) {
        return;
    }
    if is_constant(expr)
        && let Some(value) = (rewriter.cx.fold)(expr)
    {
        *expr = Expr::Constant(value);
        return;
    }
    children_mut(expr, &mut |child| fold(rewriter, child));
}
