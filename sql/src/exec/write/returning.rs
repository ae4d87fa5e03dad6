//! RETURNING: what each changed row gives, collected whole before the first of it is handed out.

use super::row_buffer::RowBuffer;
use super::row_writer::row_layout;
use crate::error::Result;
use crate::exec::context::Context;
use crate::exec::expr::{CompiledExpr, Scope};
use crate::functions::Datum;
use crate::ir::{self, Target};
use crate::value::Value;

/// The expressions of RETURNING, and the rows so far.
pub(super) struct Returning {
    exprs: Vec<CompiledExpr>,
    rows: Vec<Vec<Value>>,
}

impl Returning {
    /// Compiles the list; `scope` has what it needs beside the row.
    pub(super) fn new(target: &Target, returning: &ir::Returning, scope: Scope<'_>) -> Result<Returning> {
        let layout = row_layout(target);
        let scope = Scope { layout: &layout, ..scope };
        let exprs = returning.exprs.iter().map(|expr| CompiledExpr::compile(expr, scope));
        Ok(Returning { exprs: exprs.collect::<Result<_>>()?, rows: Vec::new() })
    }

    /// Adds what a changed row gives.
    pub(super) fn add(&mut self, row: &RowBuffer, cx: &mut Context) -> Result<()> {
        let mut values = Vec::with_capacity(self.exprs.len());
        for expr in &mut self.exprs {
            values.push(match expr.eval_row(row, cx)? {
                Datum::Borrowed(value) => value.to_owned(),
                Datum::Owned(value) => value,
            });
        }
        self.rows.push(values);
        Ok(())
    }

    /// The rows, which are gone from here then.
    pub(super) fn take(&mut self) -> Vec<Vec<Value>> {
        std::mem::take(&mut self.rows)
    }
}
