//! Filter: rows for which a predicate is true.

use super::{Builder, Operator};
use crate::error::Result;
use crate::exec::expr::CompiledExpr;
use crate::exec::{Batch, Context};
use crate::ir::Expr;
use crate::plan::Node;

/// Narrows the selection of its input's batches; no value is moved.
pub(super) struct Filter {
    input: Box<dyn Operator>,
    predicate: CompiledExpr,
    passed: Vec<u32>,
}

impl Filter {
    pub(super) fn new(builder: Builder<'_>, input: &Node, predicate: &Expr) -> Result<Filter> {
        let predicate = builder.compile(predicate, &input.columns)?;
        Ok(Filter { input: builder.build(input)?, predicate, passed: Vec::new() })
    }
}

impl Operator for Filter {
    fn reset(&mut self, cx: &mut Context) -> Result<()> {
        self.input.reset(cx)
    }

    fn next(&mut self, cx: &mut Context) -> Result<Option<Batch>> {
        while let Some(mut batch) = self.input.next(cx)? {
            cx.check_interrupt()?;
            self.passed.clear();
            self.predicate.select(&batch, cx, &mut self.passed)?;
            if !self.passed.is_empty() {
                batch.select(&self.passed);
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }

    fn stop(&mut self) {
        self.input.stop();
    }
}
