//! Rewrites of bound queries, as an ordered list of passes. Each takes a relation and gives one with the same rows;
//! an expression that can raise is never evaluated for rows for which it was not before.

mod decorrelate;
mod factor;
mod flatten;
mod fold;
mod push_down;

use super::columns::{
    Replacements, expressions, expressions_mut, free, in_order, inputs, inputs_mut, place, subquery_of,
    touches, walk,
};
use super::stats::PlanContext;
use crate::ir::{ColumnId, Expr, Query, Relation, Subquery, children_mut};

/// One pass.
type Pass = fn(&mut Rewriter<'_>, Relation) -> Relation;

/// The passes in order. Flattening comes twice: joins made of subqueries bring projections of their own.
const PASSES: [Pass; 6] =
    [fold::run, flatten::run, factor::run, decorrelate::run, flatten::run, push_down::run];

/// Those of a statement without subqueries.
const PLAIN_PASSES: [Pass; 4] = [fold::run, flatten::run, factor::run, push_down::run];

/// The statement while it is rewritten.
pub(super) struct Rewriter<'a> {
    pub(super) cx: &'a PlanContext<'a>,
    pub(super) subqueries: Vec<Subquery>,
    /// For each subquery, the columns that it takes from around it.
    pub(super) outers: Vec<Vec<ColumnId>>,
    pub(super) next_column: u32,
    /// For each subquery, in how many places it is run; counted anew by whoever takes subqueries out of theirs.
    uses: Vec<usize>,
}

impl<'a> Rewriter<'a> {
    /// Takes a statement's subqueries and rewrites them, innermost first.
    pub(super) fn new(subqueries: Vec<Subquery>, next_column: u32, cx: &'a PlanContext<'a>) -> Rewriter<'a> {
        let count = subqueries.len();
        let mut rewriter =
            Rewriter { cx, subqueries, outers: vec![Vec::new(); count], next_column, uses: Vec::new() };
        for at in 0..count {
            rewriter.refresh(at);
        }
        for at in 0..count {
            let relation = std::mem::replace(&mut rewriter.subqueries[at].query.relation, Relation::OneRow);
            let relation = rewriter.rewrite(relation);
            rewriter.subqueries[at].query.relation = relation;
            rewriter.refresh(at);
        }
        rewriter
    }

    /// Rewrites a query of the statement.
    pub(super) fn query(&mut self, mut query: Query) -> Query {
        query.relation = self.rewrite(query.relation);
        query
    }

    fn rewrite(&mut self, relation: Relation) -> Relation {
        let passes: &[Pass] = if self.subqueries.is_empty() { &PLAIN_PASSES } else { &PASSES };
        passes.iter().fold(
            relation,
            |relation, pass| {
                if self.is_left_out(*pass) { relation } else { pass(self, relation) }
            },
        )
    }

    /// True if a test asks to go without this pass.
    fn is_left_out(&self, pass: Pass) -> bool {
        let choices = &self.cx.choices;
        let asked = [
            (choices.without_flattening, flatten::run as Pass),
            (choices.without_decorrelation, decorrelate::run),
            (choices.without_push_down, push_down::run),
        ];
        asked.iter().any(|(without, run)| *without && std::ptr::fn_addr_eq(*run, pass))
    }

    /// Learns anew what a subquery takes from around it.
    fn refresh(&mut self, at: usize) {
        self.outers[at] = in_order(&free(&self.subqueries[at].query.relation, &self.outers));
    }

    fn fresh_column(&mut self) -> ColumnId {
        let id = ColumnId(self.next_column);
        self.next_column += 1;
        id
    }

    /// Replaces columns in an expression and in the subqueries that it runs.
    fn substitute(&mut self, expr: &mut Expr, map: &Replacements) {
        if map.is_empty() {
            return;
        }
        replace(expr, map);
        let mut found = Vec::new();
        walk(expr, &mut |e| found.extend(subquery_of(e).map(place)));
        for at in found {
            if self.outers.get(at).is_some_and(|outer| outer.iter().any(|id| map.contains_key(id))) {
                let mut relation =
                    std::mem::replace(&mut self.subqueries[at].query.relation, Relation::OneRow);
                self.substitute_all(&mut relation, map);
                self.subqueries[at].query.relation = relation;
                self.refresh(at);
            }
        }
    }

    fn substitute_all(&mut self, relation: &mut Relation, map: &Replacements) {
        inputs_mut(relation, &mut |input| self.substitute_all(input, map));
        expressions_mut(relation, &mut |expr| self.substitute(expr, map));
    }

    /// Counts where each subquery is run: by the expressions of a relation, and by those of the subqueries.
    fn count_uses(&mut self, relation: &Relation) {
        let mut uses = vec![0; self.subqueries.len()];
        add_uses(relation, &mut uses);
        for subquery in &self.subqueries {
            add_uses(&subquery.query.relation, &mut uses);
        }
        self.uses = uses;
    }
}

fn add_uses(relation: &Relation, uses: &mut [usize]) {
    expressions(relation, &mut |expr| {
        walk(expr, &mut |e| {
            if let Some(count) = subquery_of(e).and_then(|query| uses.get_mut(place(query))) {
                *count += 1;
            }
        });
    });
    inputs(relation, &mut |input| add_uses(input, uses));
}

/// Replaces columns in an expression, its subqueries apart.
pub(super) fn replace(expr: &mut Expr, map: &Replacements) {
    if let Expr::Column(id, _) = expr {
        if let Some(with) = map.get(id) {
            *expr = with.clone();
        }
        return;
    }
    children_mut(expr, &mut |child| replace(child, map));
}

/// No row, with the columns of a relation.
fn nothing(relation: &Relation) -> Relation {
    Relation::Values { rows: Vec::new(), columns: super::columns::produced(relation) }
}

/// A relation under the AND of conjuncts.
fn filtered(relation: Relation, conjuncts: Vec<Expr>) -> Relation {
    match super::predicate::join(conjuncts) {
        Some(predicate) => Relation::Filter { input: Box::new(relation), predicate },
        None => relation,
    }
}
