//! Operators: what runs a physical plan, a batch of rows at a time. One file an operator.
//!
//! An operator is built once from its [`Node`] and owns its inputs. [`Operator::reset`] starts it, and starts it
//! again: for another execution of the statement, for the next outer row of a join or a subquery. All buffers stay,
//! so a restart allocates nothing. [`Operator::next`] then gives batches whose columns are those of the node, in its
//! order, until it gives none.
//!
//! Beside the operators live what several of them need: `row_keys` and `key_table` number equal rows, `columns`
//! keeps rows for later, `records` decodes records into vectors, `key_range` and `row_id_range` turn bounds
//! into places of a tree.

mod aggregate;
mod aggregate_call;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod aggregate_tests;
mod clustered;
mod columns;
mod distinct;
mod filter;
mod hash_join;
mod index_scan;
mod key_range;
mod key_table;
mod limit;
mod lookup_join;
mod measured;
mod nested_loop_join;
mod pairs;
mod parallel_scan;
mod predicate;
mod project;
mod queue;
mod records;
mod recursive;
mod recursive_queue;
mod recursive_step;
mod row_id_range;
mod row_keys;
mod set_operation;
mod sort;
mod sort_key;
mod subquery;
mod table_function;
mod table_scan;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod table_tests;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;
mod values;
mod window;
mod window_aggregate;
mod window_call;
mod window_frame;

pub(crate) use records::Source;
pub(crate) use row_id_range::equal_row_id;
pub(crate) use subquery::build_subqueries;

use crate::error::{Error, Result};
use crate::exec::expr::{CompiledExpr, Scope};
use crate::exec::{Batch, Context};
use crate::ir::{ColumnId, Expr};
use crate::plan::{Node, Operator as Planned, Subplan};
use measured::Measured;
use std::sync::Arc;

/// A running node of a plan.
pub(crate) trait Operator: Send {
    /// Goes back before the first row. Outer columns that the node uses are set in `cx` by now and stay as they are
    /// until the next reset.
    ///
    /// # Errors
    /// Those of evaluating bounds and limits.
    fn reset(&mut self, cx: &mut Context) -> Result<()>;

    /// The next rows; `None` at the end, and from then on until the next reset. A batch may have no selected row.
    ///
    /// # Errors
    /// Those of evaluation and of reading pages, and [`Error::Interrupted`].
    fn next(&mut self, cx: &mut Context) -> Result<Option<Batch>>;

    /// Lets go of snapshot, pages and rows; a reset makes the operator usable again.
    fn stop(&mut self);
}

/// What building operators needs to know of the plan around a node.
#[derive(Clone, Copy)]
pub(crate) struct Builder<'p> {
    /// The outer columns by slot.
    pub(crate) outer: &'p [ColumnId],
    /// The statement's subqueries.
    pub(crate) subplans: &'p [Option<Subplan>],
}

impl Builder<'_> {
    /// Builds the operator of `node` and those below it, to be measured where the plan asks for that.
    ///
    /// # Errors
    /// [`Error::Misuse`] for a plan that names a column nobody produces.
    pub(crate) fn build(self, node: &Node) -> Result<Box<dyn Operator>> {
        let operator = self.operator(node)?;
        Ok(match &node.figures {
            Some(figures) => Box::new(Measured::new(operator, Arc::clone(figures))),
            None => operator,
        })
    }

    fn operator(self, node: &Node) -> Result<Box<dyn Operator>> {
        Ok(match &node.operator {
            Planned::OneRow => Box::new(values::OneRow::default()),
            Planned::Empty => Box::new(values::Empty),
            Planned::Values { rows } => Box::new(values::Values::new(self, node, rows)?),
            Planned::TableScan(scan) => Box::new(table_scan::TableScan::new(self, node, scan)?),
            Planned::IndexScan(scan) => Box::new(index_scan::IndexScan::new(self, node, scan)?),
            Planned::Filter { input, predicate } => Box::new(filter::Filter::new(self, input, predicate)?),
            Planned::Project { input, exprs } => Box::new(project::Project::new(self, input, exprs)?),
            Planned::NestedLoopJoin { kind, left, right, outer, on } => {
                match lookup_join::LookupJoin::new(self, node, *kind, left, right, on.as_ref())? {
                    Some(join) => Box::new(join),
                    None => Box::new(nested_loop_join::NestedLoopJoin::new(
                        self,
                        node,
                        *kind,
                        left,
                        right,
                        outer,
                        on.as_ref(),
                    )?),
                }
            }
            Planned::HashJoin { .. } => Box::new(hash_join::HashJoin::new(self, node)?),
            Planned::Aggregate { .. } => Box::new(aggregate::Aggregate::new(self, node)?),
            Planned::Window { input, window, calls } => {
                Box::new(window::Window::new(self, input, window, calls)?)
            }
            Planned::Distinct { input, collations } => {
                Box::new(distinct::Distinct::new(self, input, collations)?)
            }
            Planned::Sort { input, keys, top } => {
                Box::new(sort::Sort::new(self, node, input, keys, top.as_ref())?)
            }
            Planned::Limit { input, limit, offset } => {
                Box::new(limit::Limit::new(self, input, limit.as_ref(), offset.as_ref())?)
            }
            Planned::TableFunction { function, args, .. } => {
                Box::new(table_function::TableFunction::new(self, node, function, args)?)
            }
            Planned::Queue { recursion, .. } => Box::new(queue::Queue::new(*recursion)),
            Planned::Recursive(recursive) => Box::new(recursive::Recursive::new(self, node, recursive)?),
            Planned::SetOperation { members } => Box::new(set_operation::SetOperation::new(self, members)?),
        })
    }

    /// Compiles an expression over rows with the columns of `layout`.
    pub(crate) fn compile(self, expr: &Expr, layout: &[ColumnId]) -> Result<CompiledExpr> {
        CompiledExpr::compile(expr, Scope { layout, outer: self.outer, subplans: self.subplans })
    }

    /// Compiles several.
    pub(crate) fn compile_all<'e>(
        self,
        exprs: impl IntoIterator<Item = &'e Expr>,
        layout: &[ColumnId],
    ) -> Result<Vec<CompiledExpr>> {
        exprs.into_iter().map(|expr| self.compile(expr, layout)).collect()
    }
}

/// The places in `from` of the columns `wanted`.
///
/// # Errors
/// [`Error::Misuse`] if one is missing: the planner has made a plan that cannot run.
fn places(wanted: &[ColumnId], from: &[ColumnId]) -> Result<Vec<usize>> {
    wanted
        .iter()
        .map(|column| {
            from.iter().position(|c| c == column).ok_or_else(|| {
                Error::Misuse(format!("the plan uses column {} where nothing produces it", column.0))
            })
        })
        .collect()
}
