//! ON CONFLICT clauses of an INSERT: which of them is about the key that a row would take, and DO UPDATE of the row in
//! the way.
//!
//! The clauses are asked in order before the constraints without one, so the first key that has a clause decides. A
//! clause without target stands for every key that is left.

use super::program::Effects;
use super::row_buffer::RowBuffer;
use super::row_writer::{Change, RowWriter, row_layout};
use super::scalar::Scalar;
use crate::constraint::Refusal;
use crate::databases::WriteTransaction;
use crate::error::Result;
use crate::exec::context::Context;
use crate::exec::expr::{CompiledExpr, Scope};
use crate::ir::{ColumnId, InsertColumn, Target, Upsert, UpsertTarget};
use crate::parser::OnConflict;
use crate::plan::Programs;

/// One clause.
pub(super) struct Clause {
    /// The constraint it is about; `None` is any.
    pub(super) target: Option<UpsertTarget>,
    update: Option<Box<Update>>,
}

/// DO UPDATE.
struct Update {
    writer: RowWriter,
    assignments: Vec<(InsertColumn, Scalar)>,
    filter: Option<CompiledExpr>,
}

impl Clause {
    /// Prepares a clause. `excluded` are the columns and the row id of the row that was to be inserted.
    pub(super) fn new(
        target: &Target,
        upsert: &Upsert,
        excluded: &[ColumnId],
        scope: Scope<'_>,
        programs: &Programs,
    ) -> Result<Clause> {
        let update = match &upsert.update {
            None => None,
            Some(update) => {
                // Whatever the INSERT says of conflicts, those of its DO UPDATE abort it.
                let mut writer = RowWriter::new(target, scope, Some(OnConflict::Abort), programs)?;
                let columns: Vec<InsertColumn> =
                    update.assignments.iter().map(|(column, _)| *column).collect();
                writer.assigns(&columns);
                let layout: Vec<ColumnId> =
                    row_layout(target).into_iter().chain(excluded.iter().copied()).collect();
                let scope = Scope { layout: &layout, ..scope };
                let assignments = update.assignments.iter();
                let assignments =
                    assignments.map(|(column, value)| Ok((*column, Scalar::compile(value, scope)?)));
                let filter = update.filter.as_ref().map(|filter| CompiledExpr::compile(filter, scope));
                let assignments = assignments.collect::<Result<_>>()?;
                Some(Box::new(Update { writer, assignments, filter: filter.transpose()? }))
            }
        };
        Ok(Clause { target: upsert.target, update })
    }

    /// Updates the row in the way of `excluded`; gives the row as it is then. `None` if WHERE leaves it alone.
    pub(super) fn update(
        &mut self,
        txn: &mut WriteTransaction,
        cx: &mut Context,
        effects: &mut Effects,
        key: &[u8],
        excluded: &RowBuffer,
    ) -> Result<Option<&RowBuffer>, Refusal> {
        let Some(update) = &mut self.update else { return Ok(None) };
        let Update { writer, assignments, filter } = &mut **update;
        let change = Change { assignments, beside: excluded, filter: filter.as_mut() };
        let changed = writer.update(txn, cx, effects, key, change)?;
        Ok(if changed { Some(writer.row()) } else { None })
    }
}
