//! Limit: some of the rows, by number.

use super::row_id_range::equal_row_id;
use super::values::one_row;
use super::{Builder, Operator};
use crate::error::{Error, Result};
use crate::exec::expr::CompiledExpr;
use crate::exec::expr::scalar::with_affinity;
use crate::exec::{Batch, Context};
use crate::ir::Expr;
use crate::plan::Node;
use crate::types::Affinity;

/// Leaves out the first rows, gives the next, and asks for no more than it needs.
pub(super) struct Limit {
    input: Box<dyn Operator>,
    limit: Option<CompiledExpr>,
    offset: Option<CompiledExpr>,
    /// Rows still to leave out.
    skip: u64,
    /// Rows still to give.
    left: u64,
    chosen: Vec<u32>,
}

impl Limit {
    pub(super) fn new(
        builder: Builder<'_>,
        input: &Node,
        limit: Option<&Expr>,
        offset: Option<&Expr>,
    ) -> Result<Limit> {
        let compile = |expr: Option<&Expr>| expr.map(|expr| builder.compile(expr, &[])).transpose();
        Ok(Limit {
            limit: compile(limit)?,
            offset: compile(offset)?,
            input: builder.build(input)?,
            skip: 0,
            left: 0,
            chosen: Vec::new(),
        })
    }
}

/// The number of rows that `expr` says; `None` if it is negative.
pub(super) fn row_count(expr: &mut CompiledExpr, cx: &mut Context) -> Result<Option<u64>> {
    let value = expr.eval(&one_row(), cx)?;
    match with_affinity(value.get(0), Affinity::Integer, equal_row_id) {
        Some(count) => Ok(u64::try_from(count).ok()),
        None => Err(Error::Evaluation("datatype mismatch: LIMIT and OFFSET take integers".to_owned())),
    }
}

impl Operator for Limit {
    fn reset(&mut self, cx: &mut Context) -> Result<()> {
        let count = |expr: &mut Option<CompiledExpr>, cx: &mut Context| match expr {
            Some(expr) => row_count(expr, cx),
            None => Ok(None),
        };
        self.left = count(&mut self.limit, cx)?.unwrap_or(u64::MAX);
        self.skip = count(&mut self.offset, cx)?.unwrap_or(0);
        if self.left > 0 { self.input.reset(cx) } else { Ok(()) }
    }

    fn next(&mut self, cx: &mut Context) -> Result<Option<Batch>> {
        while self.left > 0 {
            let Some(mut batch) = self.input.next(cx)? else {
                self.left = 0;
                break;
            };
            let rows = batch.selected_rows() as u64;
            if self.skip >= rows {
                self.skip -= rows;
                continue;
            }
            let given = self.left.min(rows - self.skip);
            if given < rows {
                self.chosen.clear();
                // Both numbers are at most the rows of a batch.
                let some = batch.selected().skip(self.skip as usize).take(given as usize);
                self.chosen.extend(some.map(|row| row as u32));
                batch.select(&self.chosen);
            }
            self.skip = 0;
            self.left -= given;
            return Ok(Some(batch));
        }
        Ok(None)
    }

    fn stop(&mut self) {
        self.input.stop();
        self.left = 0;
    }
}
