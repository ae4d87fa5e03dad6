//! Aggregate queries: which query an aggregate belongs to, and the groups put between what is bound over the rows
//! of FROM and what stands above the groups. There, an expression equal to a grouping one becomes the group's
//! column, and any other column of FROM a *bare* one, taken from some row of the group.

use super::Binder;
use super::typed::Typed;
use super::walk::{for_each_child, for_each_expr, for_each_node, subquery_of};
use crate::functions::AggregateKind;
use crate::ir::{AggregateCall, ColumnId, Expr, Relation, Subquery, SubqueryId};
use crate::types::TypeSet;
use rustc_hash::FxHashMap;
use std::ops::Range;

/// The aggregates of one query, each with the column that holds its result.
#[derive(Debug, Default)]
pub(super) struct Aggregates {
    calls: Vec<(ColumnId, AggregateCall)>,
}

impl Aggregates {
    /// Adds a call under the id `next`, or finds the equal one that is there.
    pub(super) fn add(&mut self, next: ColumnId, call: AggregateCall) -> ColumnId {
        if let Some((id, _)) = self.calls.iter().find(|(_, known)| *known == call) {
            return *id;
        }
        self.calls.push((next, call));
        next
    }

    pub(super) fn len(&self) -> usize {
        self.calls.len()
    }

    /// True if `id` holds the result of one of them.
    pub(super) fn holds(&self, id: ColumnId) -> bool {
        self.calls.iter().any(|(known, _)| *known == id)
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.calls.truncate(len);
    }

    pub(super) fn into_calls(self) -> Vec<(ColumnId, AggregateCall)> {
        self.calls
    }
}

/// The query that an aggregate belongs to: the innermost of those whose columns its arguments name (`used`, a bit
/// each), or the one around it where they name none.
pub(super) fn owner_of(used: u128, innermost: usize) -> usize {
    let visible = if innermost >= 127 { used } else { used & ((1 << (innermost + 1)) - 1) };
    match 127_u32.checked_sub(visible.leading_zeros()) {
        Some(highest) => (highest as usize).min(innermost),
        None => innermost,
    }
}

impl Binder<'_> {
    /// Groups `input`, whose own columns have ids in `own`, and moves `above`, bound over it, onto the result.
    pub(super) fn group(
        &mut self,
        input: Relation,
        own: Range<u32>,
        groups: Vec<Typed>,
        calls: Vec<(ColumnId, AggregateCall)>,
        above: &mut [&mut Typed],
    ) -> Relation {
        let groups: Vec<(ColumnId, Typed)> =
            groups.into_iter().map(|group| (self.fresh_column(), group)).collect();
        self.unify_literals(&groups, above);
        let mut mover = Mover {
            // Without GROUP BY there is one row even where there are none to take a bare column from.
            bare_null: if groups.is_empty() { TypeSet::NULL } else { TypeSet::EMPTY },
            groups: &groups,
            own,
            bare: FxHashMap::default(),
            next_column: &mut self.next_column,
            subqueries: &mut self.subqueries,
        };
        for typed in above {
            let bare_before = mover.bare_uses();
            mover.lift(&mut typed.expr);
            if mover.bare_uses() != bare_before {
                typed.types = typed.types | mover.bare_null;
            }
        }
        let mut bare: Vec<(ColumnId, ColumnId)> =
            mover.bare.into_iter().map(|(from, (to, _))| (to, from)).collect();
        bare.sort_unstable();
        let extremes = |(_, call): &(ColumnId, AggregateCall)| {
            matches!(call.function.0.kind, AggregateKind::Min | AggregateKind::Max)
        };
        // Of several the last decides, as in SQLite.
        let bare_from = if bare.is_empty() { None } else { calls.iter().rposition(extremes) };
        let groups = groups
            .into_iter()
            .map(|(id, group)| {
                let collation = group.collation_or_binary();
                (id, group.expr, collation)
            })
            .collect();
        Relation::Aggregate { input: Box::new(input), groups, calls, bare, bare_from }
    }

    /// Gives equal lifted literals in grouping expressions and above them the same slot, so that the expressions
    /// are equal; what is changed by that is pinned.
    pub(super) fn unify_literals(&mut self, groups: &[(ColumnId, Typed)], above: &mut [&mut Typed]) {
        let mut slots = Vec::new();
        for (_, group) in groups {
            for_each_node(&mut group.expr.clone(), &mut |node| slots.extend(slot_of(node)));
        }
        if slots.is_empty() {
            return;
        }
        let literals = self.cx.literals;
        let mut pinned = Vec::new();
        for typed in above {
            for_each_node(&mut typed.expr, &mut |node| {
                let Expr::Literal { slot, .. } = node else { return };
                let same = |&&other: &&usize| other == *slot || literals.get(other) == literals.get(*slot);
                if let Some(&other) = slots.iter().find(same).filter(|&&other| other != *slot) {
                    pinned.extend([other, *slot]);
                    *slot = other;
                }
            });
        }
        self.pinned.extend(pinned);
    }
}

fn slot_of(node: &Expr) -> Option<usize> {
    match node {
        Expr::Literal { slot, .. } => Some(*slot),
        _ => None,
    }
}

/// Moves expressions from the rows of FROM onto the groups.
struct Mover<'m> {
    groups: &'m [(ColumnId, Typed)],
    own: Range<u32>,
    /// For each column taken bare: its column above the groups, and how often it was met.
    bare: FxHashMap<ColumnId, (ColumnId, usize)>,
    bare_null: TypeSet,
    next_column: &'m mut u32,
    subqueries: &'m mut Vec<Subquery>,
}

impl Mover<'_> {
    fn lift(&mut self, expr: &mut Expr) {
        if let Some((id, group)) = self.groups.iter().find(|(_, group)| group.expr == *expr) {
            *expr = Expr::Column(*id, group.types);
            return;
        }
        match expr {
            Expr::Column(id, types) if self.own.contains(&id.0) => {
                *id = self.bare_column(*id);
                *types = *types | self.bare_null;
            }
            _ => {
                if let Some(id) = subquery_of(expr) {
                    self.lift_subquery(id);
                }
                for_each_child(expr, &mut |child| self.lift(child));
            }
        }
    }

    fn bare_uses(&self) -> usize {
        self.bare.values().map(|(_, uses)| uses).sum()
    }

    fn bare_column(&mut self, id: ColumnId) -> ColumnId {
        let next_column = &mut *self.next_column;
        let (to, uses) = self.bare.entry(id).or_insert_with(|| {
            *next_column += 1;
            (ColumnId(*next_column - 1), 0)
        });
        *uses += 1;
        *to
    }

    /// Makes a subquery that uses columns of FROM use those above the groups.
    fn lift_subquery(&mut self, id: SubqueryId) {
        let Some(subquery) = self.subqueries.get(id.0 as usize) else { return };
        let own: Vec<ColumnId> =
            subquery.outer.iter().copied().filter(|outer| self.own.contains(&outer.0)).collect();
        let mut moved = FxHashMap::default();
        for outer in own {
            let group = self.groups.iter().find(|(_, group)| group.column_id() == Some(outer));
            let to = match group {
                Some((id, _)) => *id,
                None => self.bare_column(outer),
            };
            moved.insert(outer, to);
        }
        if !moved.is_empty() {
            self.substitute(id, &moved);
        }
    }

    fn substitute(&mut self, id: SubqueryId, moved: &FxHashMap<ColumnId, ColumnId>) {
        let Some(subquery) = self.subqueries.get_mut(id.0 as usize) else { return };
        for outer in &mut subquery.outer {
            *outer = moved.get(outer).copied().unwrap_or(*outer);
        }
        subquery.outer.sort_unstable();
        subquery.outer.dedup();
        let bare_null = self.bare_null;
        let mut nested = Vec::new();
        for_each_expr(&mut subquery.query.relation, &mut |expr| {
            for_each_node(expr, &mut |node| {
                if let Expr::Column(id, types) = node
                    && let Some(to) = moved.get(id)
                {
                    *id = *to;
                    *types = *types | bare_null;
                }
                nested.extend(subquery_of(node));
            });
        });
        for id in nested {
            self.substitute(id, moved);
        }
    }
}
