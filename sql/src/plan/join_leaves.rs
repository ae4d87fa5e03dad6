//! The leaves of a region of joins: what is joined, the conditions between, and which leaves a set of columns is of.

use super::columns::{ColumnSet, inputs};
use super::conjuncts::peel;
use super::predicate::split;
use crate::ir::{Expr, JoinKind, Relation};

/// A set of leaves, a bit each.
pub(super) type Leaves = u128;

/// Adds the leaves of a region from left to right, and its conditions with the leaf that owns them.
pub(super) fn flatten<'r>(
    relation: &'r Relation,
    parts: &mut Vec<(&'r Relation, JoinKind)>,
    conditions: &mut Vec<(Expr, Option<usize>)>,
    joins_left: &mut usize,
) {
    let add = |expr: &Expr, owner: Option<usize>, conditions: &mut Vec<(Expr, Option<usize>)>| {
        let mut list = Vec::new();
        split(expr.clone(), &mut list);
        conditions.extend(list.into_iter().map(|e| (e, owner)));
    };
    let (base, filters) = peel(relation);
    match base {
        Relation::Join { kind: JoinKind::Inner, left, right, on } if *joins_left > 0 => {
            *joins_left -= 1;
            flatten(left, parts, conditions, joins_left);
            flatten(right, parts, conditions, joins_left);
            on.iter().for_each(|on| add(on, None, conditions));
            conditions.extend(filters.into_iter().map(|e| (e, None)));
        }
        Relation::Join {
            kind: kind @ (JoinKind::Left | JoinKind::Semi | JoinKind::Anti),
            left,
            right,
            on,
        } if *joins_left > 0 => {
            *joins_left -= 1;
            flatten(left, parts, conditions, joins_left);
            let owner = parts.len();
            parts.push((right, *kind));
            on.iter().for_each(|on| add(on, Some(owner), conditions));
            conditions.extend(filters.into_iter().map(|e| (e, None)));
        }
        _ => parts.push((relation, JoinKind::Inner)),
    }
}

/// True if a table function is called below, whose arguments may come from other leaves.
pub(super) fn calls_function(relation: &Relation) -> bool {
    let mut calls = matches!(relation, Relation::TableFunction(_));
    inputs(relation, &mut |input| calls |= calls_function(input));
    calls
}

/// The leaves that some of the columns are of.
pub(super) fn bits_of(uses: &ColumnSet, sets: &[ColumnSet]) -> Leaves {
    let mut bits = 0;
    for (at, set) in sets.iter().enumerate() {
        if uses.meets(set) {
            bits |= 1 << at;
        }
    }
    bits
}
