//! Projections dissolve into what stands above them, so that joins and filters of subqueries in FROM and of views
//! become one region. A projection stays where its columns are needed as such (results, DISTINCT, compounds),
//! where outer joins would turn computed values into NULLs, and where it computes something that must be computed
//! once a row: subqueries and functions that change.

use super::super::columns::{Replacements, has_subquery};
use super::super::predicate::is_deterministic;
use super::Rewriter;
use crate::ir::{ColumnId, Expr, JoinKind, Relation};

/// Which projections must stay.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Keep {
    /// None that can dissolve.
    None,
    /// Those that compute.
    Computed,
    /// All.
    All,
}

/// The pass.
pub(super) fn run(rewriter: &mut Rewriter<'_>, relation: Relation) -> Relation {
    let mut map = Replacements::default();
    flatten(rewriter, relation, Keep::All, &mut map)
}

fn flatten(rewriter: &mut Rewriter<'_>, relation: Relation, keep: Keep, map: &mut Replacements) -> Relation {
    match relation {
        Relation::Project { input, mut columns } => {
            let input = flatten(rewriter, *input, Keep::None, map);
            for (_, expr) in &mut columns {
                rewriter.substitute(expr, map);
            }
            let dissolves = columns.iter().all(|(_, expr)| match keep {
                Keep::None => is_deterministic(expr) && !has_subquery(expr),
                Keep::Computed => matches!(expr, Expr::Column(..)),
                Keep::All => false,
            });
            if !dissolves {
                made_here(columns.iter().map(|(id, _)| *id), map);
                return Relation::Project { input: Box::new(input), columns };
            }
            map.extend(
                columns.into_iter().filter(|(id, expr)| !matches!(expr, Expr::Column(from, _) if from == id)),
            );
            input
        }
        Relation::Filter { input, mut predicate } => {
            let input = Box::new(flatten(rewriter, *input, keep, map));
            rewriter.substitute(&mut predicate, map);
            Relation::Filter { input, predicate }
        }
        Relation::Join { kind, left, right, mut on } => {
            let computed = keep.max(Keep::Computed);
            let (keep_left, keep_right) = match kind {
                JoinKind::Inner => (keep, keep),
                JoinKind::Left => (keep, computed),
                JoinKind::Right => (computed, keep),
                JoinKind::Full => (computed, computed),
                JoinKind::Semi | JoinKind::Anti => (keep, Keep::None),
            };
            let left = Box::new(flatten(rewriter, *left, keep_left, map));
            let right = Box::new(flatten(rewriter, *right, keep_right, map));
            if let Some(on) = &mut on {
                rewriter.substitute(on, map);
            }
            let mut left = left;
            substitute_in_calls(rewriter, &mut left, map);
            Relation::Join { kind, left, right, on }
        }
        Relation::Sort { input, mut keys } => {
            let input = Box::new(flatten(rewriter, *input, keep, map));
            for key in &mut keys {
                rewriter.substitute(&mut key.expr, map);
            }
            Relation::Sort { input, keys }
        }
        Relation::Window { input, mut window, mut calls } => {
            let input = Box::new(flatten(rewriter, *input, keep, map));
            window.expressions_mut(&mut |expr| rewriter.substitute(expr, map));
            for (_, call) in &mut calls {
                call.expressions_mut(&mut |expr| rewriter.substitute(expr, map));
            }
            Relation::Window { input, window, calls }
        }
        Relation::Limit { input, limit, offset } => {
            let input = Box::new(flatten(rewriter, *input, keep, map));
            Relation::Limit { input, limit, offset }
        }
        Relation::Aggregate { input, mut groups, mut calls, bare, bare_from } => {
            // Bare columns are named, not computed.
            let keep = if bare.is_empty() { Keep::None } else { Keep::All };
            let input = Box::new(flatten(rewriter, *input, keep, map));
            for (_, expr, _) in &mut groups {
                rewriter.substitute(expr, map);
            }
            for (_, call) in &mut calls {
                for expr in call.args.iter_mut().chain(&mut call.filter) {
                    rewriter.substitute(expr, map);
                }
                for key in &mut call.order_by {
                    rewriter.substitute(&mut key.expr, map);
                }
            }
            made_here(groups.iter().map(|(id, ..)| *id), map);
            Relation::Aggregate { input, groups, calls, bare, bare_from }
        }
        Relation::Distinct { input, columns } => {
            let input = Box::new(flatten(rewriter, *input, Keep::All, map));
            Relation::Distinct { input, columns }
        }
        Relation::SetOperation { mut members, columns } => {
            for member in &mut members {
                let relation = std::mem::replace(&mut member.relation, Relation::OneRow);
                member.relation = flatten(rewriter, relation, Keep::All, map);
            }
            Relation::SetOperation { members, columns }
        }
        Relation::Recursive(mut recursive) => {
            recursive.anchor.0 = flatten(rewriter, recursive.anchor.0, Keep::All, map);
            let keep_all = |(step, ids)| (flatten(rewriter, step, Keep::All, map), ids);
            recursive.steps = recursive.steps.into_iter().map(keep_all).collect();
            Relation::Recursive(recursive)
        }
        Relation::TableFunction(mut call) => {
            call.args.iter_mut().for_each(|arg| rewriter.substitute(arg, map));
            Relation::TableFunction(call)
        }
        other @ (Relation::OneRow | Relation::Table(_) | Relation::Values { .. } | Relation::Queue(_)) => {
            other
        }
    }
}

/// The arguments of table functions may be columns of what stands to their right.
fn substitute_in_calls(rewriter: &mut Rewriter<'_>, relation: &mut Relation, map: &Replacements) {
    match relation {
        Relation::TableFunction(call) => {
            call.args.iter_mut().for_each(|arg| rewriter.substitute(arg, map));
        }
        Relation::Filter { input, .. } => substitute_in_calls(rewriter, input, map),
        Relation::Join { left, right, .. } => {
            substitute_in_calls(rewriter, left, map);
            substitute_in_calls(rewriter, right, map);
        }
        _ => {}
    }
}

/// What stands above a relation that hands columns on under their own names takes them from it, and no longer what
/// they were computed from.
fn made_here(columns: impl Iterator<Item = ColumnId>, map: &mut Replacements) {
    for id in columns {
        map.remove(&id);
    }
}
