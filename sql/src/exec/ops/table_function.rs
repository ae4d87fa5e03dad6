//! TableFunction: the rows of a function called in FROM. Its arguments may be outer columns, set by the join around it.

use super::values::one_row;
use super::{Builder, Operator};
use crate::error::Result;
use crate::exec::expr::CompiledExpr;
use crate::exec::vector::VectorBuilder;
use crate::exec::{BATCH_ROWS, Batch, Context};
use crate::functions::{TableFunction as Function, TableSource};
use crate::ir::Expr;
use crate::plan::Node;
use crate::types::TypeSet;
use crate::value::Value;
use std::sync::Arc;

/// A call.
pub(super) struct TableFunction {
    source: Box<dyn TableSource>,
    args: Vec<CompiledExpr>,
    builders: Vec<VectorBuilder>,
    row: Vec<Value>,
    is_running: bool,
}

impl TableFunction {
    pub(super) fn new(
        builder: Builder<'_>,
        node: &Node,
        function: &Function,
        args: &[Expr],
    ) -> Result<TableFunction> {
        Ok(TableFunction {
            source: (function.0.source)(),
            args: builder.compile_all(args, &[])?,
            builders: node.columns.iter().map(|_| VectorBuilder::new(TypeSet::EMPTY)).collect(),
            row: Vec::new(),
            is_running: false,
        })
    }
}

impl Operator for TableFunction {
    fn reset(&mut self, cx: &mut Context) -> Result<()> {
        let over = one_row();
        let mut values = Vec::with_capacity(self.args.len());
        for arg in &mut self.args {
            values.push(arg.eval(&over, cx)?);
        }
        let values: Vec<_> = values.iter().map(|value| value.get(0)).collect();
        self.source.start(&values)?;
        self.is_running = true;
        Ok(())
    }

    fn next(&mut self, cx: &mut Context) -> Result<Option<Batch>> {
        cx.check_interrupt()?;
        let mut rows = 0;
        while rows < BATCH_ROWS && self.is_running {
            self.row.clear();
            if !self.source.next(&mut self.row)? {
                self.is_running = false;
                break;
            }
            for (builder, value) in self.builders.iter_mut().zip(&self.row) {
                builder.push(value.as_ref());
            }
            rows += 1;
        }
        if rows == 0 {
            return Ok(None);
        }
        let columns = self.builders.iter_mut().map(|builder| Arc::new(builder.take())).collect();
        Ok(Some(Batch::new(columns, rows)))
    }

    fn stop(&mut self) {
        self.is_running = false;
    }
}
