//! From bound queries to physical plans.
//!
//! A statement's subqueries and query go through the passes of [`rewrite`]: constants are folded, projections
//! dissolve, subqueries become joins, conjuncts move down. Then [`planner`] chooses: [`access`] a way into each
//! table, [`join_order`] the order and methods of joins, [`order`] where a sort is spared, by the prices of
//! [`cost`]. What subqueries are left become subplans, innermost first. [`explain`] prints the result, with the
//! [`figures`] of its run where there are any, and in debug
//! builds [`validate`] proves that each column is there where it is used.

mod access;
mod choices;
mod columns;
mod conjuncts;
mod cost;
mod explain;
mod figures;
mod join_leaves;
mod join_order;
mod nodes;
mod order;
mod physical;
mod planner;
mod predicate;
mod program;
mod recursive;
mod rewrite;
mod stats;
#[cfg(test)]
mod tests;
#[cfg(debug_assertions)]
mod validate;
mod window;
mod write;

pub use choices::{Choices, JoinMethod};
pub use explain::{explain, explain_query_plan, explain_query_plan_of_write, explain_write};
pub use figures::{Figures, Work};
pub use physical::*;
pub use program::*;
pub use stats::{DEFAULT_TABLE_ROWS, DefaultStatistics, PlanContext, Statistics, default_rows_per_prefix};
pub use write::plan_write;

use crate::error::Result;
use crate::ir::{Bound, ColumnId, Expr, Query, Relation, Subquery};
use columns::{expressions, in_order, inputs, place, subquery_of, walk};
pub(crate) use nodes::is_closed;
use nodes::{node_expressions, node_free, walk_nodes};
use planner::Planner;
use rewrite::Rewriter;
use std::collections::BTreeSet;

/// Plans a query.
///
/// # Errors
/// An INDEXED BY that names an index which cannot answer.
pub fn plan_query(bound: Bound<Query>, cx: &PlanContext<'_>) -> Result<Plan> {
    let Bound { root, subqueries, next_column, given, .. } = bound;
    let mut rewriter = Rewriter::new(subqueries, next_column, cx);
    let query = rewriter.query(root);
    let mut statement = Statement::new(rewriter, [&query.relation], given);
    statement.plan(query)
}

/// A rewritten statement on its way to plans.
struct Statement<'a> {
    planner: Planner<'a>,
    subqueries: Vec<Subquery>,
    subplans: Vec<Option<Subplan>>,
    /// Columns that are set from outside the statement.
    given: Vec<ColumnId>,
}

impl<'a> Statement<'a> {
    fn new<'r>(
        rewriter: Rewriter<'a>,
        roots: impl IntoIterator<Item = &'r Relation>,
        given: Vec<ColumnId>,
    ) -> Statement<'a> {
        let Rewriter { cx, subqueries, outers, .. } = rewriter;
        let mut planner = Planner { cx, outers, types: planner::ColumnTypes::default() };
        for subquery in &subqueries {
            planner.note_types(&subquery.query.relation);
        }
        roots.into_iter().for_each(|root| planner.note_types(root));
        let subplans = vec![None; subqueries.len()];
        Statement { planner, subqueries, subplans, given }
    }

    /// Plans a query and the subqueries that it runs.
    fn plan(&mut self, query: Query) -> Result<Plan> {
        self.need(&query.relation)?;
        let Query { relation, outputs } = query;
        let root = self.planner.query(relation, &outputs)?;
        let mut used = BTreeSet::new();
        self.add_run_by(&root, &mut used);
        let given = self.given.clone();
        let (subplans, outer) = self.share(used, &[&root], &given);
        let plan = Plan { root, outputs, subplans, outer };
        #[cfg(debug_assertions)]
        validate::check(&plan, &given);
        Ok(plan)
    }

    /// Plans the subqueries that a relation runs, directly or not, innermost first.
    fn need(&mut self, relation: &Relation) -> Result<()> {
        if self.subqueries.is_empty() {
            return Ok(());
        }
        let mut wanted = BTreeSet::new();
        add_subqueries(relation, &mut wanted);
        self.need_all(wanted)
    }

    /// Plans the subqueries that expressions run.
    fn need_for<'e>(&mut self, exprs: impl Iterator<Item = &'e Expr>) -> Result<()> {
        let mut wanted = BTreeSet::new();
        exprs.for_each(|e| walk(e, &mut |e| wanted.extend(subquery_of(e).map(place))));
        self.need_all(wanted)
    }

    fn need_all(&mut self, wanted: BTreeSet<usize>) -> Result<()> {
        for at in wanted {
            if self.subplans.get(at).is_none_or(Option::is_some) {
                continue;
            }
            let query = self.subqueries[at].query.clone(); // `subplans` is as long as `subqueries`.
            self.need(&query.relation)?;
            let root = self.planner.query(query.relation, &query.outputs)?;
            let columns = query.outputs.iter().map(|output| output.column).collect();
            let outer = in_order(&node_free(&root, &self.planner.outers));
            self.planner.outers[at].clone_from(&outer);
            self.subplans[at] = Some(Subplan { root, columns, outer });
        }
        Ok(())
    }

    /// Adds the subqueries that a node runs, directly or not.
    fn add_run_by(&self, root: &Node, used: &mut BTreeSet<usize>) {
        if self.subqueries.is_empty() {
            return;
        }
        walk_nodes(root, &mut |node| node_expressions(node, &mut |e| self.add_run_by_expr(e, used)));
    }

    fn add_run_by_expr(&self, expr: &Expr, used: &mut BTreeSet<usize>) {
        walk(expr, &mut |e| {
            if let Some(at) = subquery_of(e).map(place)
                && used.insert(at)
                && let Some(Some(subplan)) = self.subplans.get(at)
            {
                self.add_run_by(&subplan.root, used);
            }
        });
    }

    /// The subplans that are run, each at its place, and all outer columns of these and of `roots`, each once.
    /// `given` are columns that are set from outside.
    fn share(
        &self,
        used: BTreeSet<usize>,
        roots: &[&Node],
        given: &[ColumnId],
    ) -> (Vec<Option<Subplan>>, Vec<ColumnId>) {
        let mut outer: BTreeSet<ColumnId> = given.iter().copied().collect();
        let mut subplans = vec![None; self.subplans.len()];
        for at in used {
            if let Some(Some(subplan)) = self.subplans.get(at) {
                outer.extend(&subplan.outer);
                add_outer(&subplan.root, &mut outer);
                subplans[at] = Some(subplan.clone());
            }
        }
        roots.iter().for_each(|root| add_outer(root, &mut outer));
        (subplans, outer.into_iter().collect())
    }
}

fn add_outer(root: &Node, outer: &mut BTreeSet<ColumnId>) {
    walk_nodes(root, &mut |node| {
        if let Operator::NestedLoopJoin { outer: set, .. } = &node.operator {
            outer.extend(set);
        }
    });
}

fn add_subqueries(relation: &Relation, out: &mut BTreeSet<usize>) {
    expressions(relation, &mut |e| walk(e, &mut |e| out.extend(subquery_of(e).map(place))));
    inputs(relation, &mut |input| add_subqueries(input, out));
}
