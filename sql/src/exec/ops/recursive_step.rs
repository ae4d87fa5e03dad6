//! A step of a recursion that only filters and computes, run over one row of values at a time.

use super::Builder;
use crate::error::Result;
use crate::exec::Context;
use crate::exec::expr::{CompiledExpr, RowSource};
use crate::plan::{Node, Operator as Planned};
use crate::value::{Value, ValueRef};

/// Conditions and the columns of the row made.
pub(super) struct RowStep {
    conditions: Vec<CompiledExpr>,
    columns: Vec<CompiledExpr>,
}

/// A row of the queue; its number, the column behind the others, is 0, for it is the only one.
struct QueueRow<'a>(&'a [Value]);

impl RowSource for QueueRow<'_> {
    fn value(&self, column: usize) -> Result<ValueRef<'_>> {
        Ok(self.0.get(column).map_or(ValueRef::Integer(0), Value::as_ref))
    }
}

impl RowStep {
    /// The step, if it is a projection over filters over the queue.
    pub(super) fn new(builder: Builder<'_>, step: &Node) -> Result<Option<RowStep>> {
        let (exprs, mut below) = match &step.operator {
            Planned::Project { input, exprs } => (Some(exprs), &**input),
            _ => (None, step),
        };
        let mut conditions = Vec::new();
        while let Planned::Filter { input, predicate } = &below.operator {
            // The inner filter was there first.
            conditions.insert(0, predicate);
            below = input;
        }
        if !matches!(below.operator, Planned::Queue { .. }) || step.figures.is_some() {
            return Ok(None);
        }
        let layout = &below.columns;
        let Some((_, columns)) = step.columns.split_last() else { return Ok(None) };
        let columns = match exprs {
            Some(exprs) => builder.compile_all(exprs.iter().take(columns.len()), layout)?,
            None => {
                let handed =
                    columns.iter().map(|id| crate::ir::Expr::Column(*id, crate::types::TypeSet::ALL));
                builder.compile_all(&handed.collect::<Vec<_>>(), layout)?
            }
        };
        Ok(Some(RowStep { conditions: builder.compile_all(conditions, layout)?, columns }))
    }

    /// Adds the row made of `row` to `made`; false if a condition is not true.
    pub(super) fn run(&mut self, row: &[Value], made: &mut Vec<Value>, cx: &mut Context) -> Result<bool> {
        let row = QueueRow(row);
        for condition in &mut self.conditions {
            if condition.truth_row(&row, cx)? != Some(true) {
                return Ok(false);
            }
        }
        for column in &mut self.columns {
            made.push(column.eval_row(&row, cx)?.into_value());
        }
        Ok(true)
    }
}
