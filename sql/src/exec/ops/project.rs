//! Project: computed columns.

use super::{Builder, Operator};
use crate::error::Result;
use crate::exec::expr::CompiledExpr;
use crate::exec::{Batch, Context};
use crate::ir::Expr;
use crate::plan::Node;
use std::sync::Arc;

/// Evaluates one expression a column; the selection stays.
pub(super) struct Project {
    input: Box<dyn Operator>,
    columns: Vec<Column>,
}

enum Column {
    /// A column of the input as it is.
    Same(usize),
    Computed(CompiledExpr),
}

impl Project {
    pub(super) fn new(builder: Builder<'_>, input: &Node, exprs: &[Expr]) -> Result<Project> {
        let column = |expr: &Expr| {
            if let Expr::Column(id, _) = expr
                && let Some(place) = input.columns.iter().position(|column| column == id)
            {
                return Ok(Column::Same(place));
            }
            builder.compile(expr, &input.columns).map(Column::Computed)
        };
        let columns = exprs.iter().map(column).collect::<Result<Vec<_>>>()?;
        Ok(Project { input: builder.build(input)?, columns })
    }
}

impl Operator for Project {
    fn reset(&mut self, cx: &mut Context) -> Result<()> {
        self.input.reset(cx)
    }

    fn next(&mut self, cx: &mut Context) -> Result<Option<Batch>> {
        let Some(batch) = self.input.next(cx)? else { return Ok(None) };
        cx.check_interrupt()?;
        let mut columns = Vec::with_capacity(self.columns.len());
        for column in &mut self.columns {
            columns.push(match column {
                Column::Same(place) => Arc::clone(&batch.columns[*place]), // A place of the input's columns.
                Column::Computed(expr) => expr.eval(&batch, cx)?,
            });
        }
        Ok(Some(Batch { columns, rows: batch.rows, selection: batch.selection }))
    }

    fn stop(&mut self) {
        self.input.stop();
    }
}
