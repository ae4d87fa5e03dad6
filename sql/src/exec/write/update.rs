//! UPDATE: finds its rows, then gives each its next values.

use super::find::{Find, FoundRows, Subqueries};
use super::program::Effects;
use super::returning::Returning;
use super::row_writer::{Change, RowWriter, row_layout};
use super::scalar::Scalar;
use super::{ROWS_PER_CHECK, Written, scope_of};
use crate::constraint::Refusal;
use crate::databases::WriteTransaction;
use crate::error::Result;
use crate::exec::context::Context;
use crate::exec::expr::Scope;
use crate::ir::{ColumnId, Expr, InsertColumn, Target};
use crate::parser::OnConflict;
use crate::plan::{Expressions, Plan, Programs};

/// An UPDATE ready to run.
pub(super) struct Update {
    writer: RowWriter,
    find: Find,
    found: FoundRows,
    finds_twice: bool,
    assignments: Vec<(InsertColumn, Scalar)>,
    subqueries: Subqueries,
    returning: Option<Returning>,
}

impl Update {
    pub(super) fn new(
        target: &Target,
        find: &Plan,
        assignments: &[(InsertColumn, Expr)],
        expressions: &Expressions,
        programs: &Programs,
        on_conflict: Option<OnConflict>,
    ) -> Result<Update> {
        let scope = scope_of(expressions);
        let mut writer = RowWriter::new(target, scope, on_conflict, programs)?;
        let columns: Vec<InsertColumn> = assignments.iter().map(|(column, _)| *column).collect();
        writer.assigns(&columns);
        let mut layout: Vec<ColumnId> = row_layout(target);
        let key_width = target.table.primary.as_ref().map_or(1, |primary| primary.columns.len());
        layout.extend(find.outputs.iter().skip(key_width).map(|output| output.column));
        let scope = Scope { layout: &layout, ..scope };
        let compile = |(column, value): &(InsertColumn, Expr)| Ok((*column, Scalar::compile(value, scope)?));
        Ok(Update {
            find: Find::new(find, &target.table)?,
            found: FoundRows::default(),
            finds_twice: false,
            assignments: assignments.iter().map(compile).collect::<Result<_>>()?,
            subqueries: Subqueries::of(expressions, writer.has_effects())?,
            returning: None,
            writer,
        })
    }

    /// Says that rows may be found several times, and what RETURNING asks for.
    pub(super) fn with(mut self, finds_twice: bool, returning: Option<Returning>) -> Update {
        self.finds_twice = finds_twice;
        self.returning = returning;
        self
    }

    /// Finds the rows; gives their number.
    pub(super) fn find(&mut self, txn: &mut WriteTransaction, cx: &mut Context) -> Result<usize, Refusal> {
        let count = self.find.run(txn, cx, &mut self.found)?;
        if self.finds_twice {
            self.found.keep_last();
        }
        Ok(count)
    }

    /// RETURNING, where there is one.
    pub(super) fn returning(&mut self) -> Option<&mut Returning> {
        self.returning.as_mut()
    }

    /// Changes the rows found.
    pub(super) fn run(
        &mut self,
        txn: &mut WriteTransaction,
        cx: &mut Context,
        effects: &mut Effects,
        written: &mut Written,
    ) -> Result<(), Refusal> {
        let Update { writer, found, assignments, subqueries, returning, .. } = self;
        subqueries.with(txn, cx, |txn, cx, live| {
            for (i, (key, extras)) in found.rows().enumerate() {
                if i % ROWS_PER_CHECK == ROWS_PER_CHECK - 1 {
                    cx.check_interrupt()?;
                }
                live.refresh(txn, cx);
                let change = Change { assignments, beside: &extras, filter: None };
                if !writer.update(txn, cx, effects, key, change)? {
                    continue;
                }
                written.changes += 1;
                if let Some(returning) = returning {
                    live.refresh_returning(txn, cx);
                    returning.add(writer.row(), cx)?;
                }
            }
            Ok(())
        })
    }
}
