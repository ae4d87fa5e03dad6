//! What a change of a row leads to: triggers before and after it, and foreign keys on both sides. The row writer asks
//! at the right moments; a table without any of this has none.

use super::program::{Effects, Sides};
use super::row_buffer::RowBuffer;
use crate::catalog::Table;
use crate::constraint::Refusal;
use crate::constraint::foreign_key::{KeyProbe, Suspect, breach};
use crate::databases::WriteTransaction;
use crate::error::{Error, Result};
use crate::exec::context::Context;
use crate::ir::InsertColumn;
use crate::parser::{ForeignAction, OnConflict, TriggerTime};
use crate::plan::{ChildProgram, Program, Programs, RowEvent, TablePrograms};
use crate::value::{Value, ValueRef};
use smallvec::SmallVec;
use std::sync::Arc;

/// Key values of one row.
type KeyValues<'r> = SmallVec<[ValueRef<'r>; 4]>;

/// What became of the row that triggers were fired for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// It is changed.
    Go,
    /// RAISE(IGNORE): it is left as it is.
    Skip,
}

/// What changes of one table's rows lead to.
pub(super) struct RowEffects {
    programs: Arc<TablePrograms>,
    /// The table's own keys.
    keys: Vec<KeyProbe>,
    /// Keys that refer to it, as `programs.children` has them.
    children: Vec<KeyProbe>,
    /// Columns, the row id included.
    width: usize,
    /// The columns that an UPDATE assigns.
    assigned: Vec<usize>,
}

impl RowEffects {
    /// The effects of `table`, whose rows are `width` wide with their row id; `None` if there are none.
    pub(super) fn of(programs: &Programs, table: &Table, width: usize) -> Option<Box<RowEffects>> {
        let programs = programs.of(table)?;
        Some(Box::new(RowEffects {
            keys: programs.keys.iter().map(KeyProbe::new).collect(),
            children: programs.children.iter().map(|child| KeyProbe::new(&child.reference)).collect(),
            programs: Arc::clone(programs),
            width,
            assigned: Vec::new(),
        }))
    }

    /// Says which columns an UPDATE assigns. `row_id` is the column that is the row id.
    pub(super) fn assigns(&mut self, columns: &[InsertColumn], row_id: Option<usize>) {
        let place = |column: &InsertColumn| match column {
            InsertColumn::Column(place) => Some(*place),
            InsertColumn::RowId => row_id,
        };
        self.assigned = columns.iter().filter_map(place).collect();
    }

    /// True if the column is among those assigned.
    pub(super) fn is_assigned(&self, place: usize) -> bool {
        self.assigned.contains(&place)
    }

    /// True if a trigger is fired at this time by this event.
    pub(super) fn fires(&self, time: TriggerTime, event: RowEvent) -> bool {
        self.programs.triggers.iter().any(|trigger| trigger.time == time && trigger.event == event)
    }

    /// Fires the triggers of this time and event.
    pub(super) fn fire(
        &self,
        (txn, cx, effects): (&mut WriteTransaction, &mut Context, &mut Effects),
        (time, event): (TriggerTime, RowEvent),
        statement: Option<OnConflict>,
        (old, new): (Option<&RowBuffer>, Option<&RowBuffer>),
    ) -> Result<Flow, Refusal> {
        for trigger in self.programs.triggers.iter().filter(|t| t.time == time && t.event == event) {
            if let Some(columns) = &trigger.columns
                && !columns.iter().any(|column| self.assigned.contains(column))
            {
                continue;
            }
            let program = known(&trigger.program)?;
            if effects.is_active(program) && !cx.facts.recursive_triggers {
                continue;
            }
            let sides = Sides { old, new, width: self.width };
            match effects.run(txn, cx, program, statement, sides) {
                Ok(()) => {}
                Err(Refusal::Error(Error::Raised { action: OnConflict::Ignore, .. })) => {
                    return Ok(Flow::Skip);
                }
                Err(refusal) => return Err(refusal),
            }
        }
        Ok(Flow::Go)
    }

    /// Looks whether the parents of a row that was written are there; after an UPDATE, those of the keys it assigns.
    pub(super) fn check_parents(
        &mut self,
        txn: &WriteTransaction,
        cx: &Context,
        effects: &mut Effects,
        row: &RowBuffer,
        updates: bool,
    ) -> Result<()> {
        if !cx.facts.foreign_keys {
            return Ok(());
        }
        for probe in &mut self.keys {
            let reference = Arc::clone(&probe.reference);
            if updates && !reference.key.columns.iter().any(|column| self.assigned.contains(column)) {
                continue;
            }
            let values = key_values(row, &reference.key.columns);
            if let Err(why) = &reference.lookup {
                return Err(Error::invalid(why.clone(), None));
            }
            if values.iter().any(|value| value.is_null()) {
                continue;
            }
            if !probe.parent_has(txn, &values)? {
                let values = values.iter().map(|value| (*value).to_owned()).collect();
                suspect(cx, effects, Suspect { reference, values });
            }
        }
        Ok(())
    }

    /// Does what the keys say that refer to a row which is deleted (`new` is `None`) or has been changed.
    pub(super) fn follow_children(
        &mut self,
        txn: &mut WriteTransaction,
        cx: &mut Context,
        effects: &mut Effects,
        old: &RowBuffer,
        new: Option<&RowBuffer>,
    ) -> Result<(), Refusal> {
        if !cx.facts.foreign_keys {
            return Ok(());
        }
        let programs = Arc::clone(&self.programs);
        for (child, probe) in programs.children.iter().zip(&mut self.children) {
            let reference = &child.reference;
            if let Err(why) = &reference.lookup {
                return Err(Error::invalid(why.clone(), None).into());
            }
            let values = key_values(old, &reference.parent_columns);
            if values.iter().any(|value| value.is_null()) {
                continue;
            }
            if let Some(new) = new {
                let next = key_values(new, &reference.parent_columns);
                if next == values || probe.are_same(&values, &next) {
                    continue;
                }
            }
            if let Some(program) = action_program(child, new.is_some()) {
                let sides = Sides { old: Some(old), new, width: self.width };
                effects.run(txn, cx, known(program)?, Some(OnConflict::Abort), sides)?;
                continue;
            }
            // What refers to the row itself is gone or changed with it.
            if !probe.child_has(txn, &values)? {
                continue;
            }
            let action = if new.is_some() { reference.key.on_update } else { reference.key.on_delete };
            if action == ForeignAction::Restrict && !cx.facts.defer_foreign_keys {
                let broken = breach(reference, &values);
                return Err(Refusal::Breach(broken, OnConflict::Abort));
            }
            let values: Vec<Value> = values.iter().map(|value| (*value).to_owned()).collect();
            suspect(cx, effects, Suspect { reference: Arc::clone(reference), values });
        }
        Ok(())
    }
}

/// The program that changes the rows which refer to one, where there is one.
fn action_program(child: &ChildProgram, updates: bool) -> Option<&Result<Program, String>> {
    if updates { child.on_update.as_ref() } else { child.on_delete.as_ref() }
}

/// A program, or the error of one that could not be made.
fn known(program: &Result<Program, String>) -> Result<&Program> {
    program.as_ref().map_err(|why| Error::name(why.clone(), None))
}

/// Notes a key to be looked at when the statement or the transaction ends.
fn suspect(cx: &Context, effects: &mut Effects, suspect: Suspect) {
    if suspect.reference.key.deferred || cx.facts.defer_foreign_keys {
        effects.deferred.push(suspect);
    } else {
        effects.suspects.push(suspect);
    }
}

fn key_values<'r>(row: &'r RowBuffer, columns: &[usize]) -> KeyValues<'r> {
    columns.iter().map(|place| row.get(*place)).collect()
}
