//! Plans of statements that change rows: the rows are found as any query finds them; what is computed for a row
//! being written (next values, defaults, checks) keeps its subqueries beside it.

use super::nodes::walk_nodes;
use super::physical::{Expressions, Node, Operator, Plan, WritePlan, WriteSource};
use super::rewrite::Rewriter;
use super::stats::PlanContext;
use super::{Statement, Subplan};
use crate::catalog::Table;
use crate::error::Result;
use crate::ir::{Bound, Expr, InsertSource, Target, Write};
use std::collections::BTreeSet;

/// Plans a statement that changes rows.
///
/// # Errors
/// An INDEXED BY that names an index which cannot answer.
pub fn plan_write(bound: Bound<Write>, cx: &PlanContext<'_>) -> Result<WritePlan> {
    let Bound { root, subqueries, next_column, .. } = bound;
    let mut rewriter = Rewriter::new(subqueries, next_column, cx);
    match root {
        Write::Insert(insert) => match insert.source {
            InsertSource::Query(query) => {
                let query = rewriter.query(query);
                let mut statement = Statement::new(rewriter, [&query.relation]);
                let plan = Box::new(statement.plan(query)?);
                let spool = reads(&plan, &insert.target.table);
                Ok(WritePlan::Insert {
                    target: insert.target,
                    columns: insert.columns,
                    source: WriteSource::Query { plan, spool },
                    on_conflict: insert.on_conflict,
                })
            }
            InsertSource::Rows(rows) => {
                let mut statement = Statement::new(rewriter, []);
                let exprs = rows.iter().flatten().chain(of_target(&insert.target));
                let expressions = statement.expressions(exprs)?;
                Ok(WritePlan::Insert {
                    target: insert.target,
                    columns: insert.columns,
                    source: WriteSource::Rows(rows, expressions),
                    on_conflict: insert.on_conflict,
                })
            }
            InsertSource::Defaults => Ok(WritePlan::Insert {
                target: insert.target,
                columns: insert.columns,
                source: WriteSource::Defaults,
                on_conflict: insert.on_conflict,
            }),
        },
        Write::Update(update) => {
            let find = rewriter.query(update.find);
            let mut statement = Statement::new(rewriter, [&find.relation]);
            let find = statement.plan(find)?;
            let exprs = update.assignments.iter().map(|(_, e)| e).chain(of_target(&update.target));
            let expressions = statement.expressions(exprs)?;
            Ok(WritePlan::Update {
                target: update.target,
                find,
                assignments: update.assignments,
                expressions,
                on_conflict: update.on_conflict,
            })
        }
        Write::Delete(delete) => {
            let find = rewriter.query(delete.find);
            let mut statement = Statement::new(rewriter, [&find.relation]);
            Ok(WritePlan::Delete { target: delete.target, find: statement.plan(find)? })
        }
    }
}

fn of_target(target: &Target) -> impl Iterator<Item = &Expr> + Clone {
    target.defaults.iter().chain(&target.checks)
}

impl Statement<'_> {
    /// What expressions outside a plan need: their subqueries, and slots for the columns that these take from the
    /// row at hand.
    fn expressions<'e>(&mut self, exprs: impl Iterator<Item = &'e Expr> + Clone) -> Result<Expressions> {
        self.need_for(exprs.clone())?;
        let mut used = BTreeSet::new();
        exprs.for_each(|e| self.add_run_by_expr(e, &mut used));
        let mut given = Vec::new();
        for at in &used {
            if let Some(outer) = self.planner.outers.get(*at) {
                given.extend(outer);
            }
        }
        let (subplans, outer) = self.share(used, &[], &given);
        Ok(Expressions { subplans, outer })
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
