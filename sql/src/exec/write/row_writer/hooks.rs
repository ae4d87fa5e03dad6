//! The row writer where there is more to a row than its table: triggers, foreign keys and AUTOINCREMENT around the
//! change itself.

use super::stored::{delete_row, load};
use super::{Inserted, RowWriter};
use crate::constraint::Refusal;
use crate::databases::WriteTransaction;
use crate::error::Result;
use crate::exec::context::Context;
use crate::exec::write::effects::Flow;
use crate::exec::write::program::Effects;
use crate::exec::write::upsert::Clause;
use crate::parser::TriggerTime;
use crate::plan::RowEvent;
use crate::value::ValueRef;

/// Why a row is deleted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Deleted {
    /// By a DELETE.
    Asked,
    /// By REPLACE.
    InTheWay,
}

impl RowWriter {
    /// Inserts a row between its triggers, and looks for its parents.
    pub(super) fn insert_with_effects(
        &mut self,
        txn: &mut WriteTransaction,
        cx: &mut Context,
        effects: &mut Effects,
        clauses: &[Clause],
    ) -> Result<Inserted, Refusal> {
        self.inserted = None;
        let before = (TriggerTime::Before, RowEvent::Insert);
        if self.effects.as_ref().is_some_and(|own| own.fires(before.0, before.1)) {
            let place = self.row_id_place();
            let is_given = !self.table.has_row_id() || !self.row.is_null(place);
            if !is_given {
                // As in SQLite: the row id is not known yet.
                self.set_row_id(-1);
            }
            self.generate(cx)?;
            let row = (None, Some(&self.row));
            if let Some(own) = &self.effects
                && own.fire((txn, cx, effects), before, self.statement, row)? == Flow::Skip
            {
                return Ok(Inserted::LeftOut);
            }
            if !is_given {
                self.row.set(place, ValueRef::Null);
                if let Some(column) = self.table.row_id_column {
                    self.row.set(column, ValueRef::Null);
                }
            }
        }
        let inserted = self.insert_alone(txn, cx, effects, clauses)?;
        if let (Inserted::Row(row_id), Some(own)) = (&inserted, &mut self.effects) {
            self.inserted = *row_id;
            own.check_parents(txn, cx, effects, &self.row, false)?;
            let after = (TriggerTime::After, RowEvent::Insert);
            own.fire((txn, cx, effects), after, self.statement, (None, Some(&self.row)))?;
        }
        Ok(inserted)
    }

    /// Inserts a row into an AUTOINCREMENT table. As in SQLite a row id counts as given also where the row is left out.
    pub(super) fn insert_counted(
        &mut self,
        txn: &mut WriteTransaction,
        cx: &mut Context,
        effects: &mut Effects,
        clauses: &[Clause],
        last: Option<i64>,
    ) -> Result<Inserted, Refusal> {
        let given = match self.row.get(self.row_id_place()) {
            ValueRef::Integer(row_id) => Some(row_id),
            _ => None,
        };
        let Some(counter) = &mut self.counter else { return Ok(Inserted::LeftOut) };
        counter.look(txn, &self.table)?;
        let row_id = match given {
            Some(row_id) => row_id,
            None => counter.next(&self.table, last)?,
        };
        let may_be_taken = given.is_some() && last.is_some_and(|last| row_id <= last);
        let inserted = self.insert_at(txn, cx, effects, clauses, row_id, may_be_taken)?;
        if let Some(counter) = &mut self.counter {
            counter.note(txn, &self.table, row_id)?;
        }
        Ok(inserted)
    }

    /// Fires the triggers before an UPDATE. Columns that it does not assign are as the triggers leave them then. False
    /// if the row is to be left as it is, or is gone.
    pub(super) fn fire_before_update(
        &mut self,
        txn: &mut WriteTransaction,
        cx: &mut Context,
        effects: &mut Effects,
        key: &[u8],
    ) -> Result<bool, Refusal> {
        let before = (TriggerTime::Before, RowEvent::Update);
        if !self.effects.as_ref().is_some_and(|own| own.fires(before.0, before.1)) {
            return Ok(true);
        }
        self.generate(cx)?;
        let Some(own) = &self.effects else { return Ok(true) };
        let rows = (Some(&self.old), Some(&self.row));
        if own.fire((txn, cx, effects), before, self.statement, rows)? == Flow::Skip
            || !load(txn, &self.table, key, &mut self.old)?
        {
            return Ok(false);
        }
        for place in (0..self.table.columns.len()).filter(|place| !own.is_assigned(*place)) {
            if self.table.row_id_column != Some(place) {
                self.row.set(place, self.old.get(place));
            }
        }
        Ok(true)
    }

    /// Deletes a row between its triggers, and does what the keys say that refer to it. The row stands in its buffer.
    pub(super) fn delete_with_effects(
        &mut self,
        txn: &mut WriteTransaction,
        cx: &mut Context,
        effects: &mut Effects,
        key: &[u8],
        why: Deleted,
    ) -> Result<bool, Refusal> {
        let RowWriter { table, indexes, old, victim, effects: own, statement, .. } = self;
        let Some(own) = own else { return Ok(false) };
        let row = if why == Deleted::Asked { old } else { victim };
        // As in SQLite, rows in the way go without triggers unless these are recursive.
        let fires = why == Deleted::Asked || cx.facts.recursive_triggers;
        let before = (TriggerTime::Before, RowEvent::Delete);
        if fires && own.fires(before.0, before.1) {
            let flow = own.fire((txn, cx, effects), before, *statement, (Some(row), None))?;
            if flow == Flow::Skip || !load(txn, table, key, row)? {
                return Ok(false);
            }
        }
        if !delete_row(txn, table, indexes, key, row, cx)? {
            return Ok(false);
        }
        own.follow_children(txn, cx, effects, row, None)?;
        if fires {
            let after = (TriggerTime::After, RowEvent::Delete);
            own.fire((txn, cx, effects), after, *statement, (Some(row), None))?;
        }
        Ok(true)
    }
}
