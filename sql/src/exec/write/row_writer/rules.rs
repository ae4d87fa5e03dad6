//! What a row must obey before it is written: generated columns, NOT NULL, CHECK and UNIQUE, and the rows in the way of
//! REPLACE.

use super::RowWriter;
use super::hooks::Deleted;
use super::stored::{delete_row, load, set};
use crate::catalog::Table;
use crate::constraint::{Refusal, check, not_null, unique};
use crate::databases::WriteTransaction;
use crate::encode::RowKey;
use crate::error::{Error, Result};
use crate::exec::context::Context;
use crate::exec::write::index_writer::{IndexWriter, Side};
use crate::exec::write::program::Effects;
use crate::exec::write::upsert::Clause;
use crate::ir::{InsertColumn, UpsertTarget};
use crate::parser::OnConflict;

impl RowWriter {
    /// The first clause whose key another row has, and that row. The row id is asked where its clause stands, or with
    /// all that have no clause of their own.
    pub(super) fn claimed_by(
        &mut self,
        txn: &WriteTransaction,
        cx: &mut Context,
        clauses: &[Clause],
        key: &[u8],
        may_be_taken: bool,
    ) -> Result<Option<(usize, RowKey)>> {
        let RowWriter { indexes, row, .. } = self;
        for index in indexes.iter_mut() {
            index.encode(Side::After, row, cx)?;
        }
        let by_row_id = |table: &Table| -> Result<Option<RowKey>> {
            let taken = may_be_taken && txn.get(table.root, key, |_| ())?.is_some();
            Ok(taken.then(|| RowKey::from_slice(key)))
        };
        let by_index = |index: &IndexWriter| match index.key_to_claim(false) {
            Some(key) => index.holder(txn, key, None),
            None => Ok(None),
        };
        for (place, clause) in clauses.iter().enumerate() {
            let mut taken_by = None;
            match clause.target {
                Some(UpsertTarget::RowId) => taken_by = by_row_id(&self.table)?,
                Some(UpsertTarget::Index(at)) => {
                    if let Some(index) = self.indexes.get(at) {
                        taken_by = by_index(index)?;
                    }
                }
                None => {
                    taken_by = by_row_id(&self.table)?;
                    for index in self.indexes.iter().rev() {
                        if taken_by.is_none() {
                            taken_by = by_index(index)?;
                        }
                    }
                }
            }
            if let Some(taken_by) = taken_by {
                return Ok(Some((place, taken_by)));
            }
        }
        Ok(None)
    }

    /// Computes the generated columns.
    pub(super) fn generate(&mut self, cx: &mut Context) -> Result<()> {
        let RowWriter { table, generated, row, misfit, .. } = self;
        for (place, value) in generated {
            let value = value.with(row, cx, |value| Ok::<_, Error>(value.to_owned()))?;
            set(table, row, misfit, InsertColumn::Column(*place), value.as_ref());
        }
        Ok(())
    }

    /// NOT NULL and CHECK. False if the row is to be left out.
    pub(super) fn satisfies_row(&mut self, cx: &mut Context) -> Result<bool, Refusal> {
        if !self.generated.is_empty() {
            self.generate(cx)?;
        }
        for i in 0..self.not_null.len() {
            let Some((place, action)) = self.not_null.get(i).copied() else { break };
            if !self.row.is_null(place) {
                continue;
            }
            let action = match action {
                OnConflict::Ignore => return Ok(false),
                // REPLACE puts the default in the place of NULL; without one it cannot.
                OnConflict::Replace => {
                    self.set_default(place, cx)?;
                    if !self.row.is_null(place) {
                        continue;
                    }
                    OnConflict::Abort
                }
                action => action,
            };
            return Err(Refusal::Breach(not_null::breach(&self.table, place), action));
        }
        if let Some(misfit) = self.misfit.take() {
            // Conflict actions are not about types: there is no row to leave out or to replace.
            return Err(Refusal::Breach(misfit, OnConflict::Abort));
        }
        let RowWriter { checks, row, table, statement, .. } = self;
        for (place, check) in checks.iter_mut().enumerate() {
            // NULL breaks no check.
            if check.truth_row(row, cx)? == Some(false) {
                return match statement.unwrap_or_default() {
                    OnConflict::Ignore => Ok(false),
                    // There is no row to replace.
                    OnConflict::Replace => {
                        Err(Refusal::Breach(check::breach(table, place), OnConflict::Abort))
                    }
                    action => Err(Refusal::Breach(check::breach(table, place), action)),
                };
            }
        }
        Ok(true)
    }

    /// UNIQUE where the action is not REPLACE, the newest index first, as SQLite looks at them: which one a row breaks
    /// first decides what becomes of it. False if the row is to be left out. `own` is the row of an UPDATE.
    pub(super) fn claims_keys(&self, txn: &WriteTransaction, own: Option<&[u8]>) -> Result<bool, Refusal> {
        let refuses = |index: &&IndexWriter| index.touched && index.on_conflict != OnConflict::Replace;
        for index in self.indexes.iter().rev().filter(refuses) {
            let Some(key) = index.key_to_claim(own.is_some()) else { continue };
            if index.holder(txn, key, own)?.is_some() {
                return match index.on_conflict {
                    OnConflict::Ignore => Ok(false),
                    action => Err(Refusal::Breach(unique::breach(&self.table, &index.index), action)),
                };
            }
        }
        Ok(true)
    }

    /// UNIQUE where the action is REPLACE: deletes the rows in the way. True if there were any.
    pub(super) fn clear_way(
        &mut self,
        txn: &mut WriteTransaction,
        cx: &mut Context,
        effects: &mut Effects,
        own: Option<&[u8]>,
    ) -> Result<bool, Refusal> {
        let mut replaced = false;
        for i in 0..self.indexes.len() {
            let Some(index) = self.indexes.get(i) else { break };
            if !index.touched || index.on_conflict != OnConflict::Replace {
                continue;
            }
            let Some(key) = index.key_to_claim(false) else { continue };
            if let Some(victim) = index.holder(txn, key, own)? {
                replaced |= self.delete_victim(txn, cx, effects, &victim)?;
            }
        }
        Ok(replaced)
    }

    /// Deletes a row in the way, without touching the row that is being written. False if it is gone already.
    pub(super) fn delete_victim(
        &mut self,
        txn: &mut WriteTransaction,
        cx: &mut Context,
        effects: &mut Effects,
        key: &[u8],
    ) -> Result<bool, Refusal> {
        if self.effects.is_some() {
            if !load(txn, &self.table, key, &mut self.victim)? {
                return Ok(false);
            }
            return self.delete_with_effects(txn, cx, effects, key, Deleted::InTheWay);
        }
        let RowWriter { table, indexes, victim, .. } = self;
        if !load(txn, table, key, victim)? {
            return Ok(false);
        }
        Ok(delete_row(txn, table, indexes, key, victim, cx)?)
    }
}
