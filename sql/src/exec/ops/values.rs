//! Rows that come from no table: one row without columns, none at all, VALUES.

use super::{Builder, Operator};
use crate::error::Result;
use crate::exec::expr::CompiledExpr;
use crate::exec::vector::VectorBuilder;
use crate::exec::{BATCH_ROWS, Batch, Context};
use crate::ir::Expr;
use crate::plan::Node;
use crate::types::TypeSet;
use std::sync::Arc;

/// One row without columns.
#[derive(Debug, Default)]
pub(super) struct OneRow {
    is_done: bool,
}

impl Operator for OneRow {
    fn reset(&mut self, _cx: &mut Context) -> Result<()> {
        self.is_done = false;
        Ok(())
    }

    fn next(&mut self, _cx: &mut Context) -> Result<Option<Batch>> {
        Ok((!std::mem::replace(&mut self.is_done, true)).then(one_row))
    }

    fn stop(&mut self) {
        self.is_done = true;
    }
}

/// One row without columns: what expressions without columns are evaluated over.
pub(super) fn one_row() -> Batch {
    Batch::new(Vec::new(), 1)
}

/// No row.
#[derive(Debug)]
pub(super) struct Empty;

impl Operator for Empty {
    fn reset(&mut self, _cx: &mut Context) -> Result<()> {
        Ok(())
    }

    fn next(&mut self, _cx: &mut Context) -> Result<Option<Batch>> {
        Ok(None)
    }

    fn stop(&mut self) {}
}

/// Rows of expressions.
pub(super) struct Values {
    rows: Vec<Vec<CompiledExpr>>,
    builders: Vec<VectorBuilder>,
    next_row: usize,
}

impl Values {
    pub(super) fn new(builder: Builder<'_>, node: &Node, rows: &[Vec<Expr>]) -> Result<Values> {
        let rows = rows.iter().map(|row| builder.compile_all(row, &[])).collect::<Result<Vec<_>>>()?;
        let builders = node.columns.iter().map(|_| VectorBuilder::new(TypeSet::EMPTY)).collect();
        Ok(Values { next_row: rows.len(), rows, builders })
    }
}

impl Operator for Values {
    fn reset(&mut self, _cx: &mut Context) -> Result<()> {
        self.next_row = 0;
        Ok(())
    }

    fn next(&mut self, cx: &mut Context) -> Result<Option<Batch>> {
        cx.check_interrupt()?;
        let end = self.rows.len().min(self.next_row.saturating_add(BATCH_ROWS));
        let rows = self.rows.get_mut(self.next_row..end).unwrap_or_default();
        let count = rows.len();
        if count == 0 {
            return Ok(None);
        }
        let over = one_row();
        for row in rows {
            for (expr, builder) in row.iter_mut().zip(&mut self.builders) {
                builder.push(expr.eval(&over, cx)?.get(0));
            }
        }
        self.next_row = end;
        let columns = self.builders.iter_mut().map(|builder| Arc::new(builder.take())).collect();
        Ok(Some(Batch::new(columns, count)))
    }

    fn stop(&mut self) {
        self.next_row = self.rows.len();
    }
}
