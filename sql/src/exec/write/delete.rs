//! DELETE: finds its rows, then takes each away.

use super::find::{Find, FoundRows};
use super::row_writer::RowWriter;
use super::{ROWS_PER_CHECK, Written};
use crate::constraint::Refusal;
use crate::error::Result;
use crate::exec::context::Context;
use crate::exec::expr::Scope;
use crate::ir::Target;
use crate::plan::Plan;
use sedge_storage::WriteTransaction;

/// A DELETE ready to run.
pub(super) struct Delete {
    writer: RowWriter,
    find: Find,
    found: FoundRows,
}

impl Delete {
    pub(super) fn new(target: &Target, find: &Plan) -> Result<Delete> {
        let writer = RowWriter::new(target, Scope::default(), None)?;
        Ok(Delete { writer, find: Find::new(find)?, found: FoundRows::default() })
    }

    /// Finds the rows; gives their number.
    pub(super) fn find(&mut self, txn: &mut WriteTransaction, cx: &mut Context) -> Result<usize, Refusal> {
        self.find.run(txn, cx, &mut self.found)
    }

    /// Deletes the rows found.
    pub(super) fn run(
        &mut self,
        txn: &mut WriteTransaction,
        cx: &mut Context,
        written: &mut Written,
    ) -> Result<(), Refusal> {
        for (i, (row_id, _)) in self.found.rows().enumerate() {
            if i % ROWS_PER_CHECK == ROWS_PER_CHECK - 1 {
                cx.check_interrupt()?;
            }
            written.changes += i64::from(self.writer.delete(txn, cx, row_id)?);
        }
        Ok(())
    }
}
