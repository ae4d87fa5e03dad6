//! The one evaluator: expressions compiled once, run over batches or over single rows.
//!
//! `node` is the compiled form, `scalar` says what an operator does to single values, `row` and `columns` run an
//! expression over a row and over a batch, `select` runs predicates, `kernels` holds the hot loops, and `key` makes
//! the bytes by which values are equal.

mod columns;
mod kernels;
pub(crate) mod key;
mod node;
mod row;
pub(crate) mod scalar;
mod select;
#[cfg(test)]
mod tests;

use super::batch::Batch;
use super::context::Context;
use super::vector::Vector;
use crate::error::Result;
use crate::functions::Datum;
use crate::ir::{ColumnId, Expr};
use crate::plan::Subplan;
use crate::value::{Value, ValueRef};
use node::Node;
use std::sync::Arc;

/// One row as row mode reads it.
pub(crate) trait RowSource {
    /// The value of column `column` of the layout.
    ///
    /// # Errors
    /// Where the row is decoded on demand: the bytes are damaged.
    fn value(&self, column: usize) -> Result<ValueRef<'_>>;
}

impl RowSource for &[ValueRef<'_>] {
    fn value(&self, column: usize) -> Result<ValueRef<'_>> {
        Ok(self.get(column).copied().unwrap_or_default())
    }
}

impl RowSource for &[Value] {
    fn value(&self, column: usize) -> Result<ValueRef<'_>> {
        Ok(self.get(column).map_or(ValueRef::Null, Value::as_ref))
    }
}

/// A row of a batch.
pub(crate) struct BatchRow<'a> {
    /// The batch.
    pub(crate) batch: &'a Batch,
    /// The row.
    pub(crate) row: usize,
}

impl RowSource for BatchRow<'_> {
    fn value(&self, column: usize) -> Result<ValueRef<'_>> {
        Ok(self.batch.get(column, self.row))
    }
}

/// What the names in an expression stand for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Scope<'a> {
    /// The columns of the row, in order.
    pub(crate) layout: &'a [ColumnId],
    /// Outer columns; the slot of each is its place.
    pub(crate) outer: &'a [ColumnId],
    /// The statement's subqueries.
    pub(crate) subplans: &'a [Option<Subplan>],
}

/// An expression ready to run.
#[derive(Debug)]
pub(crate) struct CompiledExpr {
    node: Node,
}

impl CompiledExpr {
    /// Compiles `expr` against `scope`.
    ///
    /// # Errors
    /// [`crate::Error::Misuse`] if it uses a column that is neither in the layout nor an outer one, or a subquery
    /// without a plan: the planner made a mistake.
    pub(crate) fn compile(expr: &Expr, scope: Scope<'_>) -> Result<CompiledExpr> {
        Ok(CompiledExpr { node: node::compile(expr, scope)? })
    }

    /// The values for the selected rows of `batch`, in a vector as long as the batch; at other rows stands anything.
    ///
    /// # Errors
    /// What evaluating a selected row raises.
    pub(crate) fn eval(&mut self, batch: &Batch, cx: &mut Context) -> Result<Arc<Vector>> {
        // One row needs no vectors on the way to its value.
        if batch.rows == 1 && batch.selection.is_none() && !matches!(self.node, Node::Column(_)) {
            let value = row::eval(&mut self.node, &BatchRow { batch, row: 0 }, cx)?.into_value();
            return Ok(Arc::new(Vector::Constant(value, 1)));
        }
        columns::eval(&mut self.node, batch, batch.selection(), cx)
    }

    /// Puts into `out`, which is emptied first, the selected rows of `batch` for which the expression is true,
    /// ascending.
    ///
    /// # Errors
    /// What evaluating a selected row raises.
    pub(crate) fn select(&mut self, batch: &Batch, cx: &mut Context, out: &mut Vec<u32>) -> Result<()> {
        out.clear();
        select::select(&mut self.node, batch, batch.selection(), cx, out)
    }

    /// The value for one row. Texts are borrowed from the row where they come from it.
    ///
    /// # Errors
    /// What evaluating the row raises.
    pub(crate) fn eval_row<'a>(&'a mut self, row: &'a dyn RowSource, cx: &mut Context) -> Result<Datum<'a>> {
        row::eval(&mut self.node, row, cx)
    }

    /// True where [`CompiledExpr::leaf`] gives a value.
    pub(crate) fn is_leaf(&self) -> bool {
        self.node.is_leaf()
    }

    /// The value where the expression is a constant, a literal, a parameter or an outer column: nothing is copied.
    #[inline(always)]
    pub(crate) fn leaf<'a>(&'a self, cx: &'a Context) -> Option<ValueRef<'a>> {
        self.node.leaf(cx)
    }

    /// Whether the expression is true, false or unknown for one row.
    ///
    /// # Errors
    /// What evaluating the row raises.
    pub(crate) fn truth_row(&mut self, row: &dyn RowSource, cx: &mut Context) -> Result<Option<bool>> {
        row::truth_of(&mut self.node, row, cx)
    }
}
