//! Conditions that all branches of an OR share come out of it: `(a AND x) OR (a AND y)` is `a AND (x OR y)`. A
//! join condition that is repeated in every branch is then seen as one.

use super::super::columns::inputs_mut;
use super::super::predicate::{is_deterministic, join, may_raise, split};
use super::Rewriter;
use crate::ir::{Expr, Relation};

/// The pass.
pub(super) fn run(_rewriter: &mut Rewriter<'_>, relation: Relation) -> Relation {
    factored(relation)
}

fn factored(mut relation: Relation) -> Relation {
    inputs_mut(&mut relation, &mut |input| {
        *input = factored(std::mem::replace(input, Relation::OneRow));
    });
    match &mut relation {
        Relation::Filter { predicate, .. } => factor_conjuncts(predicate),
        Relation::Join { on: Some(on), .. } => factor_conjuncts(on),
        _ => {}
    }
    relation
}

fn factor_conjuncts(predicate: &mut Expr) {
    let mut conjuncts = Vec::new();
    split(std::mem::replace(predicate, Expr::Parameter(0)), &mut conjuncts);
    let factored: Vec<Expr> = conjuncts.into_iter().flat_map(factor).collect();
    // There was at least one conjunct, and factoring gives at least one for each.
    if let Some(all) = join(factored) {
        *predicate = all;
    }
}

fn factor(conjunct: Expr) -> Vec<Expr> {
    let Expr::Or(branches) = conjunct else { return vec![conjunct] };
    if !may_share(&branches) {
        return vec![Expr::Or(branches)];
    }
    let mut split_branches: Vec<Vec<Expr>> = branches
        .iter()
        .map(|branch| {
            let mut parts = Vec::new();
            split(branch.clone(), &mut parts);
            parts
        })
        .collect();
    let Some((first, others)) = split_branches.split_first() else { return vec![Expr::Or(branches)] };
    let common: Vec<Expr> = first
        .iter()
        .filter(|part| !may_raise(part) && is_deterministic(part))
        .filter(|part| others.iter().all(|other| other.contains(part)))
        .cloned()
        .collect();
    if common.is_empty() {
        return vec![Expr::Or(branches)];
    }
    let mut out = common.clone();
    let mut rest = Vec::new();
    for parts in &mut split_branches {
        parts.retain(|part| !common.contains(part));
        match join(std::mem::take(parts)) {
            Some(branch) => rest.push(branch),
            // Nothing is left of one branch: the shared conditions are all there is.
            None => return out,
        }
    }
    out.push(Expr::Or(rest));
    out
}

/// False if no condition can be in all branches, seen without taking them apart: the second has none of the first's.
fn may_share(branches: &[Expr]) -> bool {
    let [first, second, ..] = branches else { return true };
    let (first, second) = (parts(first), parts(second));
    // What is itself taken apart may share one of its halves.
    let is_compound = |part: &Expr| matches!(part, Expr::And(_) | Expr::Between { .. });
    first.iter().chain(second).any(is_compound) || first.iter().any(|part| second.contains(part))
}

fn parts(branch: &Expr) -> &[Expr] {
    match branch {
        Expr::And(list) => list,
        other => std::slice::from_ref(other),
    }
}
