//! Plans of statements that change rows: the rows are found as any query finds them; what is computed for a row
//! being written (next values, defaults, checks) keeps its subqueries beside it.

use super::nodes::walk_nodes;
use super::physical::{Expressions, Node, Operator, Plan, WritePlan, WriteSource};
use super::rewrite::Rewriter;
use super::stats::PlanContext;
use super::{Statement, Subplan};
use crate::catalog::Table;
use crate::error::Result;
use crate::ir::{self, Bound, Expr, InsertSource, Returning, Target, Write};
use std::collections::BTreeSet;

/// Plans a statement that changes rows.
///
/// # Errors
/// An INDEXED BY that names an index which cannot answer.
pub fn plan_write(bound: Bound<Write>, cx: &PlanContext<'_>) -> Result<WritePlan> {
    let Bound { root, subqueries, next_column, given, .. } = bound;
    let mut rewriter = Rewriter::new(subqueries, next_column, cx);
    match root {
        Write::Insert(insert) => {
            let ir::Insert { target, columns, source, on_conflict, upserts, excluded, returning } = insert;
            let (mut statement, source) = match source {
                InsertSource::Query(query) => {
                    let query = rewriter.query(query);
                    let mut statement = Statement::new(rewriter, [&query.relation], given);
                    let plan = Box::new(statement.plan(query)?);
                    let spool = reads(&plan, &target.table);
                    (statement, WriteSource::Query { plan, spool })
                }
                InsertSource::Rows(rows) => (Statement::new(rewriter, [], given), WriteSource::Rows(rows)),
                InsertSource::Defaults => (Statement::new(rewriter, [], given), WriteSource::Defaults),
            };
            let rows = match &source {
                WriteSource::Rows(rows) => rows.as_slice(),
                WriteSource::Query { .. } | WriteSource::Defaults => &[],
            };
            let updates = upserts.iter().filter_map(|upsert| upsert.update.as_ref());
            let of_updates = updates
                .flat_map(|update| update.assignments.iter().map(|(_, value)| value).chain(&update.filter));
            let exprs = rows.iter().flatten().chain(of_target(&target)).chain(of_updates);
            let expressions = statement.expressions(exprs, &returning, &target.table)?;
            Ok(WritePlan::Insert {
                target,
                columns,
                source,
                on_conflict,
                upserts,
                excluded,
                returning,
                expressions,
            })
        }
        Write::Update(update) => {
            let ir::Update { target, find, assignments, on_conflict, finds_twice, returning } = update;
            let find = rewriter.query(find);
            let mut statement = Statement::new(rewriter, [&find.relation], given);
            let find = statement.plan(find)?;
            let exprs = assignments.iter().map(|(_, e)| e).chain(of_target(&target));
            let expressions = statement.expressions(exprs, &returning, &target.table)?;
            Ok(WritePlan::Update {
                target,
                find,
                assignments,
                expressions,
                on_conflict,
                finds_twice,
                returning,
            })
        }
        Write::Delete(delete) => {
            let ir::Delete { target, find, returning } = delete;
            let find = rewriter.query(find);
            let mut statement = Statement::new(rewriter, [&find.relation], given);
            let find = statement.plan(find)?;
            let expressions = statement.expressions(std::iter::empty(), &returning, &target.table)?;
            Ok(WritePlan::Delete { target, find, returning, expressions })
        }
    }
}

fn of_target(target: &Target) -> impl Iterator<Item = &Expr> + Clone {
    target.defaults.iter().chain(&target.checks).chain(target.generated.iter().map(|(_, value)| value))
}

fn of_returning(returning: &Option<Returning>) -> impl Iterator<Item = &Expr> + Clone {
    returning.iter().flat_map(|returning| &returning.exprs)
}

impl Statement<'_> {
    /// What a condition needs.
    pub(super) fn condition(&mut self, condition: &Expr) -> Result<Expressions> {
        self.need_for(std::iter::once(condition))?;
        let mut used = BTreeSet::new();
        self.add_run_by_expr(condition, &mut used);
        let given = self.given.clone();
        let (subplans, outer) = self.share(used, &[], &given);
        Ok(Expressions { subplans, outer, ..Expressions::default() })
    }

    /// What expressions outside a plan need: their subqueries, and slots for the columns that these take from the
    /// row at hand. `written` is the table that they are evaluated for.
    fn expressions<'e>(
        &mut self,
        exprs: impl Iterator<Item = &'e Expr> + Clone,
        returning: &'e Option<Returning>,
        written: &Table,
    ) -> Result<Expressions> {
        let exprs = exprs.chain(of_returning(returning));
        self.need_for(exprs.clone())?;
        let mut used = BTreeSet::new();
        of_returning(returning).for_each(|e| self.add_run_by_expr(e, &mut used));
        let returned: Vec<usize> = used.iter().copied().collect();
        exprs.for_each(|e| self.add_run_by_expr(e, &mut used));
        let mut given = self.given.clone();
        for at in &used {
            if let Some(outer) = self.planner.outers.get(*at) {
                given.extend(outer);
            }
        }
        let (subplans, outer) = self.share(used, &[], &given);
        let reads =
            |subplan: &Option<Subplan>| subplan.as_ref().is_some_and(|s| node_reads(&s.root, written));
        let is_live = subplans.iter().any(reads);
        let correlated =
            subplans.iter().enumerate().filter(|(_, s)| s.as_ref().is_some_and(|s| !s.outer.is_empty()));
        let live = correlated.map(|(place, _)| place).collect();
        Ok(Expressions { subplans, outer, is_live, live, returned })
    }
}

/// True if a plan reads a table anywhere, subplans included.
fn reads(plan: &Plan, table: &Table) -> bool {
    let subplans = plan.subplans.iter().flatten().map(|subplan: &Subplan| &subplan.root);
    subplans.chain([&plan.root]).any(|root| node_reads(root, table))
}

fn node_reads(root: &Node, table: &Table) -> bool {
    let mut found = false;
    walk_nodes(root, &mut |node| {
        found |= match &node.operator {
            Operator::TableScan(scan) => scan.table.root == table.root,
            Operator::IndexScan(scan) => scan.table.root == table.root,
            _ => false,
        };
    });
    found
}
