//! UPDATE: finds its rows, then gives each its next values.

use super::find::{Find, FoundRows, Subqueries};
use super::row_writer::{RowWriter, row_layout};
use super::scalar::Scalar;
use super::{ROWS_PER_CHECK, Written};
use crate::constraint::Refusal;
use crate::error::Result;
use crate::exec::context::Context;
use crate::exec::expr::Scope;
use crate::ir::{ColumnId, Expr, InsertColumn, Target};
use crate::parser::OnConflict;
use crate::plan::{Expressions, Plan};
use sedge_storage::WriteTransaction;

/// An UPDATE ready to run.
pub(super) struct Update {
    writer: RowWriter,
    find: Find,
    found: FoundRows,
    assignments: Vec<(InsertColumn, Scalar)>,
    subqueries: Subqueries,
}

impl Update {
    pub(super) fn new(
        target: &Target,
        find: &Plan,
        assignments: &[(InsertColumn, Expr)],
        expressions: &Expressions,
        on_conflict: Option<OnConflict>,
    ) -> Result<Update> {
        let scope = Scope { layout: &[], outer: &expressions.outer, subplans: &expressions.subplans };
        let mut writer = RowWriter::new(target, scope, on_conflict)?;
        let columns: Vec<InsertColumn> = assignments.iter().map(|(column, _)| *column).collect();
        writer.assigns(&columns);
        let mut layout: Vec<ColumnId> = row_layout(target);
        layout.extend(find.outputs.iter().skip(1).map(|output| output.column));
        let scope = Scope { layout: &layout, ..scope };
        let compile = |(column, value): &(InsertColumn, Expr)| Ok((*column, Scalar::compile(value, scope)?));
        Ok(Update {
            writer,
            find: Find::new(find)?,
            found: FoundRows::default(),
            assignments: assignments.iter().map(compile).collect::<Result<_>>()?,
            subqueries: Subqueries::of(expressions)?,
        })
    }

    /// Finds the rows; gives their number.
    pub(super) fn find(&mut self, txn: &mut WriteTransaction, cx: &mut Context) -> Result<usize, Refusal> {
        self.find.run(txn, cx, &mut self.found)
    }

    /// Changes the rows found.
    pub(super) fn run(
        &mut self,
        txn: &mut WriteTransaction,
        cx: &mut Context,
        written: &mut Written,
    ) -> Result<(), Refusal> {
        let Update { writer, found, assignments, subqueries, .. } = self;
        subqueries.with(txn, cx, |txn, cx| {
            for (i, (row_id, extras)) in found.rows().enumerate() {
                if i % ROWS_PER_CHECK == ROWS_PER_CHECK - 1 {
                    cx.check_interrupt()?;
                }
                let changed = writer.update(txn, cx, row_id, assignments, extras)?;
                written.changes += i64::from(changed);
            }
            Ok(())
        })
    }
}
