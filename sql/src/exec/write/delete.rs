//! DELETE: finds its rows, then takes each away.

use super::find::{Find, FoundRows, Subqueries};
use super::program::Effects;
use super::returning::Returning;
use super::row_writer::RowWriter;
use super::{ROWS_PER_CHECK, Written, scope_of};
use crate::constraint::Refusal;
use crate::databases::WriteTransaction;
use crate::error::Result;
use crate::exec::context::Context;
use crate::ir::Target;
use crate::plan::{Expressions, Plan, Programs};

/// A DELETE ready to run.
pub(super) struct Delete {
    writer: RowWriter,
    find: Find,
    found: FoundRows,
    subqueries: Subqueries,
    returning: Option<Returning>,
}

impl Delete {
    pub(super) fn new(
        target: &Target,
        find: &Plan,
        expressions: &Expressions,
        programs: &Programs,
        returning: Option<Returning>,
    ) -> Result<Delete> {
        let writer = RowWriter::new(target, scope_of(expressions), None, programs)?;
        let subqueries = Subqueries::of(expressions, writer.has_effects())?;
        Ok(Delete {
            writer,
            find: Find::new(find, &target.table)?,
            found: FoundRows::default(),
            subqueries,
            returning,
        })
    }

    /// Finds the rows; gives their number.
    pub(super) fn find(&mut self, txn: &mut WriteTransaction, cx: &mut Context) -> Result<usize, Refusal> {
        self.find.run(txn, cx, &mut self.found)
    }

    /// RETURNING, where there is one.
    pub(super) fn returning(&mut self) -> Option<&mut Returning> {
        self.returning.as_mut()
    }

    /// Deletes the rows found.
    pub(super) fn run(
        &mut self,
        txn: &mut WriteTransaction,
        cx: &mut Context,
        effects: &mut Effects,
        written: &mut Written,
    ) -> Result<(), Refusal> {
        let Delete { writer, found, subqueries, returning, .. } = self;
        subqueries.with(txn, cx, |txn, cx, live| {
            for (i, (key, _)) in found.rows().enumerate() {
                if i % ROWS_PER_CHECK == ROWS_PER_CHECK - 1 {
                    cx.check_interrupt()?;
                }
                if !writer.delete(txn, cx, effects, key, returning.is_some())? {
                    continue;
                }
                written.changes += 1;
                if let Some(returning) = returning {
                    live.refresh_returning(txn, cx);
                    returning.add(writer.deleted(), cx)?;
                }
            }
            Ok(())
        })
    }
}
