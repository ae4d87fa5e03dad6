//! Expressions of a writing statement, one value at a time.

use crate::error::{Error, Result};
use crate::exec::context::Context;
use crate::exec::expr::{CompiledExpr, RowSource, Scope};
use crate::functions::Datum;
use crate::ir::Expr;
use crate::value::ValueRef;

/// An expression ready to run for one row after another.
#[derive(Debug)]
pub(super) struct Scalar(CompiledExpr);

impl Scalar {
    /// Compiles `expr` against `scope`.
    pub(super) fn compile(expr: &Expr, scope: Scope<'_>) -> Result<Scalar> {
        CompiledExpr::compile(expr, scope).map(Scalar)
    }

    /// The value of what comes straight from the statement: a constant, a literal, a parameter.
    #[inline(always)]
    pub(super) fn leaf<'a>(&'a self, cx: &'a Context) -> Option<ValueRef<'a>> {
        self.0.leaf(cx)
    }

    /// True if [`Scalar::leaf`] gives a value.
    pub(super) fn is_leaf(&self) -> bool {
        self.0.is_leaf()
    }

    /// Evaluates it and hands the value to `with`. What comes straight from the statement is read in place.
    #[inline]
    pub(super) fn with<R, E: From<Error>>(
        &mut self,
        row: &dyn RowSource,
        cx: &mut Context,
        with: impl FnOnce(ValueRef<'_>) -> Result<R, E>,
    ) -> Result<R, E> {
        if let Some(value) = self.0.leaf(cx) {
            return with(value);
        }
        match self.0.eval_row(row, cx)? {
            Datum::Borrowed(value) => with(value),
            Datum::Owned(value) => with(value.as_ref()),
        }
    }
}
