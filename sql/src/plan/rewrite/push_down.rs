//! Conjuncts move down to where their columns come from: into the sides of joins, through projections, groupings
//! by their keys, and compounds. On the way outer joins whose NULL-extended rows a conjunct rejects become inner
//! ones, constants spread over equal columns, and what an OR implies for one side of a join is handed to that side.
//!
//! A conjunct that can raise, or that changes from call to call, stays where it was written.

use super::super::columns::{ColumnSet, Replacements, has_subquery, produced_set, used};
use super::super::predicate::{
    converts_nothing, is_deterministic, join, may_raise, mirror_rule, moves_over_joins, rejects_null, split,
    types_of,
};
use super::{Rewriter, filtered, replace, touches};
use crate::ir::{ColumnId, CompareOp, Comparison, Expr, JoinKind, Relation, SetOp};
use crate::types::{Collation, TypeSet};

/// The pass.
pub(super) fn run(rewriter: &mut Rewriter<'_>, relation: Relation) -> Relation {
    push(rewriter, relation, Vec::new())
}

fn may_move(expr: &Expr) -> bool {
    !may_raise(expr) && is_deterministic(expr)
}

fn push(rewriter: &mut Rewriter<'_>, relation: Relation, mut conjuncts: Vec<Expr>) -> Relation {
    match relation {
        Relation::Filter { input, predicate } => {
            let mut all = Vec::new();
            split(predicate, &mut all);
            // Those from above were applied after this filter's own.
            all.append(&mut conjuncts);
            push(rewriter, *input, all)
        }
        Relation::Project { input, columns } if conjuncts.is_empty() => {
            let input = Box::new(push(rewriter, *input, conjuncts));
            Relation::Project { input, columns }
        }
        Relation::Project { input, columns } => {
            let map: Replacements = columns.iter().cloned().collect();
            let plain = columns.iter().all(|(_, e)| is_deterministic(e) && !has_subquery(e));
            let (down, stay): (Vec<_>, Vec<_>) =
                conjuncts.into_iter().partition(|e| plain && may_move(e) && !has_subquery(e));
            let mut down = down;
            down.iter_mut().for_each(|e| replace(e, &map));
            let (down, late): (Vec<_>, Vec<_>) = down.into_iter().partition(may_move);
            let mut input = push(rewriter, *input, down);
            if !late.is_empty() {
                input = filtered(input, late);
            }
            filtered(Relation::Project { input: Box::new(input), columns }, stay)
        }
        Relation::Join { kind, left, right, on } => push_join(rewriter, kind, *left, *right, on, conjuncts),
        Relation::Aggregate { input, groups, calls, bare, bare_from } if conjuncts.is_empty() => {
            let input = Box::new(push(rewriter, *input, conjuncts));
            Relation::Aggregate { input, groups, calls, bare, bare_from }
        }
        Relation::Aggregate { input, groups, calls, bare, bare_from } => {
            let keys: Replacements = groups
                .iter()
                .filter(|(_, expr, collation)| *collation == Collation::Binary && one_form(types_of(expr)))
                .map(|(id, expr, _)| (*id, expr.clone()))
                .collect();
            let on_keys = |e: &Expr, outers: &[Vec<ColumnId>], produced: &ColumnSet| {
                let uses = used(e, outers);
                may_move(e)
                    && !has_subquery(e)
                    && uses.iter().any(|id| keys.contains_key(&id))
                    && uses.iter().all(|id| keys.contains_key(&id) || !produced.contains(&id))
            };
            let made: ColumnSet = groups
                .iter()
                .map(|(id, ..)| *id)
                .chain(calls.iter().map(|(id, _)| *id))
                .chain(bare.iter().map(|(id, _)| *id))
                .collect();
            let (mut down, stay): (Vec<_>, Vec<_>) =
                conjuncts.into_iter().partition(|e| on_keys(e, &rewriter.outers, &made));
            down.iter_mut().for_each(|e| replace(e, &keys));
            let input = Box::new(push(rewriter, *input, down));
            filtered(Relation::Aggregate { input, groups, calls, bare, bare_from }, stay)
        }
        Relation::Distinct { input, columns } => {
            let exact: ColumnSet =
                columns.iter().filter(|(_, c)| *c == Collation::Binary).map(|(id, _)| *id).collect();
            let (down, stay): (Vec<_>, Vec<_>) =
                conjuncts.into_iter().partition(|e| may_move(e) && over_exact(e, &exact) && !has_subquery(e));
            let input = Box::new(push(rewriter, *input, down));
            filtered(Relation::Distinct { input, columns }, stay)
        }
        Relation::Window { input, window, calls } => {
            // Whole partitions may go before they are looked at, single rows may not.
            let mut made = produced_set(&input);
            made.extend(calls.iter().map(|(id, _)| *id));
            let whole: ColumnSet = window
                .partition
                .iter()
                .filter_map(|(expr, collation)| match expr {
                    Expr::Column(id, types) if *collation == Collation::Binary && one_form(*types) => {
                        Some(*id)
                    }
                    _ => None,
                })
                .collect();
            let (down, stay): (Vec<_>, Vec<_>) = conjuncts.into_iter().partition(|e| {
                let uses = used(e, &rewriter.outers);
                may_move(e)
                    && !has_subquery(e)
                    && uses.meets(&whole)
                    && uses.iter().all(|id| whole.contains(&id) || !made.contains(&id))
            });
            let input = Box::new(push(rewriter, *input, down));
            filtered(Relation::Window { input, window, calls }, stay)
        }
        Relation::Sort { input, keys } => {
            let (down, stay): (Vec<_>, Vec<_>) = conjuncts.into_iter().partition(may_move);
            let input = Box::new(push(rewriter, *input, down));
            filtered(Relation::Sort { input, keys }, stay)
        }
        Relation::Limit { input, limit, offset } => {
            let input = Box::new(push(rewriter, *input, Vec::new()));
            filtered(Relation::Limit { input, limit, offset }, conjuncts)
        }
        Relation::SetOperation { mut members, columns } => {
            let combined = members.get(1..).unwrap_or_default();
            let keeps_all = combined.iter().all(|member| member.op == SetOp::UnionAll);
            let is_exact = |at: usize| {
                combined.iter().all(|member| member.collations.get(at) == Some(&Collation::Binary))
            };
            let exact: ColumnSet =
                columns.iter().enumerate().filter(|(at, _)| is_exact(*at)).map(|(_, id)| *id).collect();
            let (down, stay): (Vec<_>, Vec<_>) = conjuncts
                .into_iter()
                .partition(|e| may_move(e) && (keeps_all || over_exact(e, &exact)) && !has_subquery(e));
            for member in &mut members {
                let map: Replacements = columns
                    .iter()
                    .zip(&member.columns)
                    .map(|(id, from)| (*id, Expr::Column(*from, TypeSet::ALL)))
                    .collect();
                let mut down = down.clone();
                down.iter_mut().for_each(|e| replace_columns(e, &map));
                let relation = std::mem::replace(&mut member.relation, Relation::OneRow);
                member.relation = push(rewriter, relation, down);
            }
            filtered(Relation::SetOperation { members, columns }, stay)
        }
        Relation::Recursive(mut recursive) => {
            recursive.anchor.0 = push(rewriter, recursive.anchor.0, Vec::new());
            let inside = |(step, ids)| (push(rewriter, step, Vec::new()), ids);
            recursive.steps = recursive.steps.into_iter().map(inside).collect();
            filtered(Relation::Recursive(recursive), conjuncts)
        }
        other @ (Relation::OneRow
        | Relation::Table(_)
        | Relation::Values { .. }
        | Relation::TableFunction(_)
        | Relation::Queue(_)) => filtered(other, conjuncts),
    }
}

/// Renames columns; the kinds of values noted at their uses stay.
fn replace_columns(expr: &mut Expr, map: &Replacements) {
    if let Expr::Column(id, _) = expr {
        if let Some(Expr::Column(with, _)) = map.get(id) {
            *id = *with;
        }
        return;
    }
    crate::ir::children_mut(expr, &mut |child| replace_columns(child, map));
}

/// True if values of these kinds that are equal are the same: no integer beside the real it equals.
fn one_form(types: TypeSet) -> bool {
    let both = types.intersects(TypeSet::INTEGER) && types.intersects(TypeSet::REAL);
    !both && !types.intersects(TypeSet::DECIMAL)
}

/// True if all columns used are in `exact` and have one form a value.
fn over_exact(expr: &Expr, exact: &ColumnSet) -> bool {
    let mut fits = true;
    super::super::columns::walk(expr, &mut |e| {
        if let Expr::Column(id, types) = e {
            fits &= exact.contains(id) && one_form(*types);
        }
    });
    fits
}

fn push_join(
    rewriter: &mut Rewriter<'_>,
    kind: JoinKind,
    left: Relation,
    right: Relation,
    on: Option<Expr>,
    conjuncts: Vec<Expr>,
) -> Relation {
    let (left_set, right_set) = (produced_set(&left), produced_set(&right));
    let rejects = |set: &ColumnSet| conjuncts.iter().any(|e| rejects_null(e, set));
    let kind = match kind {
        JoinKind::Left if rejects(&right_set) => JoinKind::Inner,
        JoinKind::Right if rejects(&left_set) => JoinKind::Inner,
        JoinKind::Full => match (rejects(&left_set), rejects(&right_set)) {
            (true, true) => JoinKind::Inner,
            // Rows without a left partner go, those without a right one stay.
            (true, false) => JoinKind::Left,
            (false, true) => JoinKind::Right,
            (false, false) => JoinKind::Full,
        },
        kind => kind,
    };
    if kind == JoinKind::Right {
        return push_join(rewriter, JoinKind::Left, right, left, on, conjuncts);
    }
    let mut conditions = Vec::new();
    on.into_iter().for_each(|on| split(on, &mut conditions));
    let (mut to_left, mut to_right) = (Vec::new(), Vec::new());
    let (mut kept_on, mut above) = (Vec::new(), Vec::new());
    match kind {
        JoinKind::Inner => {
            let mut all = conditions;
            all.extend(conjuncts);
            spread_constants(&mut all);
            for e in all {
                let over =
                    (touches(&e, &left_set, &rewriter.outers), touches(&e, &right_set, &rewriter.outers));
                match over {
                    _ if !moves_over_joins(&e, &rewriter.outers) => above.push(e),
                    (true, false) => to_left.push(e),
                    (false, true) => to_right.push(e),
                    (false, false) => above.push(e),
                    (true, true) => {
                        to_left.extend(implied(&e, &left_set, &right_set, rewriter));
                        to_right.extend(implied(&e, &right_set, &left_set, rewriter));
                        kept_on.push(e);
                    }
                }
            }
        }
        JoinKind::Left | JoinKind::Semi | JoinKind::Anti => {
            for e in conjuncts {
                let on_left = touches(&e, &left_set, &rewriter.outers);
                let on_right = touches(&e, &right_set, &rewriter.outers);
                if on_left && !on_right && moves_over_joins(&e, &rewriter.outers) {
                    to_left.push(e)
                } else {
                    above.push(e)
                }
            }
            for e in conditions {
                let on_left = touches(&e, &left_set, &rewriter.outers);
                let on_right = touches(&e, &right_set, &rewriter.outers);
                if on_right && !on_left && moves_over_joins(&e, &rewriter.outers) {
                    to_right.push(e)
                } else {
                    kept_on.push(e)
                }
            }
        }
        JoinKind::Full | JoinKind::Right => {
            kept_on = conditions;
            above = conjuncts;
        }
    }
    let left = Box::new(push(rewriter, left, to_left));
    let right = Box::new(push(rewriter, right, to_right));
    filtered(Relation::Join { kind, left, right, on: join(kept_on) }, above)
}

/// What an OR over both sides says of one side: the OR of what each branch says of it.
fn implied(expr: &Expr, side: &ColumnSet, other: &ColumnSet, rewriter: &Rewriter<'_>) -> Option<Expr> {
    let Expr::Or(branches) = expr else { return None };
    if has_subquery(expr) {
        return None;
    }
    let mut out = Vec::with_capacity(branches.len());
    for branch in branches {
        let mut parts = Vec::new();
        split(branch.clone(), &mut parts);
        parts.retain(|part| {
            may_move(part) && touches(part, side, &rewriter.outers) && !touches(part, other, &rewriter.outers)
        });
        out.push(join(parts)?);
    }
    Some(Expr::Or(out))
}

/// `a = b AND a = 5` also says `b = 5`, where the columns are of the same kind and compared alike.
fn spread_constants(conjuncts: &mut Vec<Expr>) {
    let mut pairs: Vec<(ColumnId, ColumnId, TypeSet, Comparison)> = Vec::new();
    let mut constants: Vec<(ColumnId, Expr, Comparison)> = Vec::new();
    for conjunct in conjuncts.iter() {
        let Expr::Compare { op: CompareOp::Equal, left, right, rule } = conjunct else { continue };
        match (&**left, &**right) {
            (Expr::Column(a, at), Expr::Column(b, bt))
                if at.without(TypeSet::NULL) == bt.without(TypeSet::NULL)
                    && converts_nothing(rule.left, *at)
                    && converts_nothing(rule.right, *bt)
                    && one_form(*at) =>
            {
                pairs.push((*a, *b, *at, *rule));
            }
            (Expr::Column(a, _), value @ (Expr::Constant(_) | Expr::Literal { .. } | Expr::Parameter(_))) => {
                constants.push((*a, value.clone(), *rule));
            }
            (value @ (Expr::Constant(_) | Expr::Literal { .. } | Expr::Parameter(_)), Expr::Column(a, _)) => {
                constants.push((*a, value.clone(), mirror_rule(*rule)));
            }
            _ => {}
        }
    }
    let mut next = 0;
    while let Some((known, value, rule)) = constants.get(next).cloned() {
        next += 1;
        for (a, b, types, pair_rule) in &pairs {
            let other = if *a == known { *b } else { *a };
            let connects = *a == known || *b == known;
            if !connects
                || pair_rule.collation != rule.collation
                || constants.iter().any(|(id, ..)| *id == other)
            {
                continue;
            }
            conjuncts.push(Expr::Compare {
                op: CompareOp::Equal,
                left: Box::new(Expr::Column(other, *types)),
                right: Box::new(value.clone()),
                rule,
            });
            constants.push((other, value.clone(), rule));
        }
    }
}
