//! Orders that rows have by themselves, and whether they serve an ORDER BY or a grouping.

use super::predicate::same;
use crate::ir::{Expr, SortKey};
use crate::types::Collation;

/// One key of an order that rows have.
#[derive(Clone, Debug)]
struct Key {
    /// Expressions that all have the key's value.
    exprs: Vec<Expr>,
    collation: Collation,
    descending: bool,
    /// True if it is never NULL, so that where NULLs go does not matter.
    never_null: bool,
    /// True if no two rows share it.
    distinct: bool,
}

/// The order in which a path gives a table's rows.
#[derive(Clone, Debug, Default)]
pub(super) struct PathOrder {
    keys: Vec<Key>,
    /// Expressions that are equal in all rows.
    pub(super) constants: Vec<(Expr, Collation)>,
    /// True if there is one row at most.
    pub(super) single: bool,
}

/// What is asked of an order.
#[derive(Clone, Copy, Debug)]
pub(super) enum Want<'a> {
    /// Exactly this order.
    Sort(&'a [SortKey]),
    /// Equal groups together.
    Groups(&'a [(Expr, Collation)]),
}

impl PathOrder {
    /// The order of a table.
    pub(super) fn row_id(exprs: Vec<Expr>) -> PathOrder {
        let mut order = PathOrder::default();
        order.end_with_row_id(exprs);
        order
    }

    /// Adds a key.
    pub(super) fn push(&mut self, expr: Expr, collation: Collation, descending: bool, never_null: bool) {
        self.keys.push(Key { exprs: vec![expr], collation, descending, never_null, distinct: false });
    }

    /// Adds the row id, after which nothing is left to order.
    pub(super) fn end_with_row_id(&mut self, exprs: Vec<Expr>) {
        let collation = Collation::Binary;
        self.keys.push(Key { exprs, collation, descending: false, never_null: true, distinct: true });
    }

    /// Whether the order serves: `Some(true)` if read backwards.
    pub(super) fn serves(&self, want: Want<'_>) -> Option<bool> {
        match want {
            Want::Sort(keys) => self.serves_sort(keys),
            Want::Groups(groups) => self.serves_groups(groups).then_some(false),
        }
    }

    fn is_constant(&self, expr: &Expr, collation: Collation) -> bool {
        self.constants.iter().any(|(e, c)| same(e, expr) && *c == collation)
    }

    fn serves_sort(&self, wanted: &[SortKey]) -> Option<bool> {
        if self.single {
            return Some(false);
        }
        let mut reverse = None;
        let mut keys = self.keys.iter();
        for want in wanted {
            if self.is_constant(&want.expr, want.collation) {
                continue;
            }
            let key = keys.next()?;
            // The row id is an integer: it has no texts to collate.
            let collates = key.distinct || key.collation == want.collation;
            if !collates || !key.exprs.iter().any(|e| same(e, &want.expr)) {
                return None;
            }
            let backwards = key.descending != want.descending;
            if *reverse.get_or_insert(backwards) != backwards {
                return None;
            }
            // NULLs come first in ascending order and last in descending order.
            if !key.never_null && want.nulls_first == want.descending {
                return None;
            }
            if key.distinct {
                break;
            }
        }
        Some(reverse.unwrap_or(false))
    }

    fn serves_groups(&self, groups: &[(Expr, Collation)]) -> bool {
        if self.single {
            return true;
        }
        let mut open: Vec<&(Expr, Collation)> =
            groups.iter().filter(|(e, c)| !self.is_constant(e, *c)).collect();
        for key in &self.keys {
            if open.is_empty() {
                return true;
            }
            let before = open.len();
            open.retain(|(e, c)| {
                let collates = key.distinct || key.collation == *c;
                !(collates && key.exprs.iter().any(|k| same(k, e)))
            });
            if key.distinct {
                return open.len() < before || open.is_empty();
            }
            if open.len() == before {
                return false;
            }
        }
        open.is_empty()
    }
}
