//! The one row-writer: what INSERT, UPDATE, DELETE and REPLACE do to one row of a table and its indexes.
//!
//! All constraints of a row are looked at before the first change for it, so a refused row leaves nothing behind.
//! Their order is SQLite's: NOT NULL, types, CHECK, row id, UNIQUE; those whose action is REPLACE come last, since
//! they delete the rows in the way. `rules` looks at them, `hooks` runs what triggers and foreign keys add, and
//! `stored` reads and makes records.

mod hooks;
mod rules;
mod stored;

pub(super) use stored::load_record;

use super::counter::Counter;
use super::effects::RowEffects;
use super::index_writer::{IndexWriter, Side};
use super::program::Effects;
use super::row_buffer::RowBuffer;
use super::scalar::Scalar;
use super::upsert::Clause;
use crate::catalog::Table;
use crate::constraint::{Refusal, not_null, unique};
use crate::databases::WriteTransaction;
use crate::encode::{RecordWriter, RowKey, encode_row, row_key};
use crate::error::{Constraint, Error, Result};
use crate::exec::context::Context;
use crate::exec::expr::{CompiledExpr, RowSource, Scope};
use crate::ir::{ColumnId, Expr, InsertColumn, Target};
use crate::parser::{OnConflict, TriggerTime};
use crate::plan::{Programs, RowEvent};
use crate::value::{Value, ValueRef};
use hooks::Deleted;
use std::sync::Arc;
use stored::{delete_row, load, lost_row, set};

pub(super) use stored::next_row_id;

/// Writes rows of one table.
pub(super) struct RowWriter {
    table: Arc<Table>,
    /// OR .. of the statement.
    statement: Option<OnConflict>,
    /// What a second row with the same row id leads to.
    row_id_conflict: OnConflict,
    not_null: Vec<(usize, OnConflict)>,
    /// DEFAULT of each column.
    defaults: Vec<Scalar>,
    checks: Vec<CompiledExpr>,
    /// Generated columns and their values, in the order in which they are computed.
    generated: Vec<(usize, Scalar)>,
    /// Triggers and foreign keys, where there are any.
    effects: Option<Box<RowEffects>>,
    /// What AUTOINCREMENT counts.
    counter: Option<Counter>,
    indexes: Vec<IndexWriter>,
    has_unique_index: bool,
    /// The row id of the row inserted last, also where what it led to fails.
    inserted: Option<i64>,
    record: RecordWriter,
    /// The first value of the row that does not fit its column.
    misfit: Option<Box<Constraint>>,
    /// The row to be written.
    row: RowBuffer,
    /// The row as it is in the table.
    old: RowBuffer,
    /// A row in the way of REPLACE.
    victim: RowBuffer,
}

/// The columns of the row being written: those of the table, then its row id.
pub(super) fn row_layout(target: &Target) -> Vec<ColumnId> {
    target.columns.iter().copied().chain([target.row_id]).collect()
}

/// True for an expression that is nothing but NULL.
fn is_null_constant(expr: &Expr) -> bool {
    matches!(expr, Expr::Constant(Value::Null))
}

impl RowWriter {
    /// Prepares to write rows of `target`; `scope` has what its expressions need beside the row, whose layout it
    /// leaves empty; `programs` are those of the tables that the statement may change.
    pub(super) fn new(
        target: &Target,
        scope: Scope<'_>,
        statement: Option<OnConflict>,
        programs: &Programs,
    ) -> Result<RowWriter> {
        let layout = row_layout(target);
        let scope = Scope { layout: &layout, ..scope };
        let table = Arc::clone(&target.table);
        let index = |index| IndexWriter::new(&table, index, scope, statement);
        let indexes: Vec<IndexWriter> = target.indexes.iter().map(index).collect::<Result<_>>()?;
        Ok(RowWriter {
            statement,
            row_id_conflict: statement.unwrap_or(table.row_id_conflict),
            not_null: not_null::columns(&table, statement),
            defaults: target
                .defaults
                .iter()
                .map(|expr| Scalar::compile(expr, scope))
                .collect::<Result<_>>()?,
            checks: target
                .checks
                .iter()
                .map(|expr| CompiledExpr::compile(expr, scope))
                .collect::<Result<_>>()?,
            generated: target
                .generated
                .iter()
                .map(|(place, value)| Ok((*place, Scalar::compile(value, scope)?)))
                .collect::<Result<_>>()?,
            counter: target.sequence.as_ref().map(Counter::new),
            effects: RowEffects::of(programs, &table, layout.len()),
            has_unique_index: indexes.iter().any(|index| index.index.unique),
            indexes,
            inserted: None,
            record: RecordWriter::new(),
            misfit: None,
            row: RowBuffer::default(),
            old: RowBuffer::default(),
            victim: RowBuffer::default(),
            table,
        })
    }

    /// The table, if nothing of its rows is looked at beside their columns' types and NOT NULL.
    pub(super) fn plain_table(&self) -> Option<&Arc<Table>> {
        // All fields by name: whatever else a row may have to satisfy must be thought of here.
        let RowWriter {
            table,
            checks,
            generated,
            counter,
            effects,
            indexes,
            statement: _,
            inserted: _,
            row_id_conflict: _,
            not_null: _,
            defaults: _,
            has_unique_index: _,
            record: _,
            misfit: _,
            row: _,
            old: _,
            victim: _,
        } = self;
        let is_plain = checks.is_empty()
            && generated.is_empty()
            && counter.is_none()
            && effects.is_none()
            && indexes.is_empty();
        is_plain.then_some(table)
    }

    /// Says which columns an UPDATE assigns: indexes that do not depend on them are left alone.
    pub(super) fn assigns(&mut self, columns: &[InsertColumn]) {
        let table = &self.table;
        let is_row_id = |column: &InsertColumn| match column {
            InsertColumn::RowId => true,
            InsertColumn::Column(place) => table.row_id_column == Some(*place),
        };
        // What leads from an index to its rows.
        let is_in_key = |column: &InsertColumn| matches!(column, InsertColumn::Column(place) if !table.has_row_id() && table.primary_key.contains(place));
        let moves = columns.iter().any(|column| is_row_id(column) || is_in_key(column));
        if let Some(effects) = &mut self.effects {
            effects.assigns(columns, table.row_id_column);
        }
        // A BEFORE trigger may have changed any column of the row meanwhile.
        let generates = !self.generated.is_empty() || self.effects.is_some();
        for index in &mut self.indexes {
            let ordered = |column: &InsertColumn| matches!(column, InsertColumn::Column(place) if index.orders_by(*place));
            // Which columns an expression reads is not kept: such an index is looked at every time.
            let touched =
                moves || generates || index.is_rows() || index.is_evaluated() || columns.iter().any(ordered);
            index.touched = touched;
        }
    }

    /// True under OR REPLACE.
    pub(super) fn replaces(&self) -> bool {
        self.statement == Some(OnConflict::Replace)
    }

    /// True if there are triggers or foreign keys.
    pub(super) fn has_effects(&self) -> bool {
        self.effects.is_some()
    }

    /// Place of the row id in a row.
    fn row_id_place(&self) -> usize {
        self.table.columns.len()
    }

    /// Begins a row of NULLs.
    pub(super) fn begin(&mut self) {
        self.misfit = None;
        self.row.reset(self.table.columns.len() + 1);
    }

    /// Columns that have a DEFAULT and are not among `given`.
    pub(super) fn defaults_beside(&self, given: &[InsertColumn], target: &Target) -> Vec<usize> {
        let missing = |place: &usize| !given.contains(&InsertColumn::Column(*place));
        let has_default = |place: &usize| target.defaults.get(*place).is_some_and(|d| !is_null_constant(d));
        (0..self.defaults.len()).filter(|place| missing(place) && has_default(place)).collect()
    }

    /// Gives a column its default.
    pub(super) fn set_default(&mut self, place: usize, cx: &mut Context) -> Result<()> {
        let RowWriter { table, misfit, defaults, row, .. } = self;
        let Some(default) = defaults.get_mut(place) else { return Ok(()) };
        let nothing: &[ValueRef<'_>] = &[];
        default.with(&nothing, cx, |value| {
            set(table, row, misfit, InsertColumn::Column(place), value);
            Ok(())
        })
    }

    /// Gives a column a value, converted to its type.
    #[inline]
    pub(super) fn set(&mut self, column: InsertColumn, value: ValueRef<'_>) {
        set(&self.table, &mut self.row, &mut self.misfit, column, value);
    }

    /// Gives a column the value of an expression without columns.
    #[inline]
    pub(super) fn set_to(
        &mut self,
        column: InsertColumn,
        value: &mut Scalar,
        cx: &mut Context,
    ) -> Result<()> {
        let RowWriter { table, misfit, row, .. } = self;
        let nothing: &[ValueRef<'_>] = &[];
        value.with(&nothing, cx, |value| {
            set(table, row, misfit, column, value);
            Ok(())
        })
    }

    /// The row id of the row inserted last into a table with triggers or foreign keys.
    pub(super) fn inserted(&self) -> Option<i64> {
        self.inserted
    }

    /// The row that was written last, or is about to be.
    pub(super) fn row(&self) -> &RowBuffer {
        &self.row
    }

    /// The row that was deleted last.
    pub(super) fn deleted(&self) -> &RowBuffer {
        &self.old
    }

    /// Inserts the row that was begun, unless a clause of `clauses` takes it.
    pub(super) fn insert(
        &mut self,
        txn: &mut WriteTransaction,
        cx: &mut Context,
        effects: &mut Effects,
        clauses: &[Clause],
    ) -> Result<Inserted, Refusal> {
        if self.effects.is_some() {
            return self.insert_with_effects(txn, cx, effects, clauses);
        }
        self.insert_alone(txn, cx, effects, clauses)
    }

    fn insert_alone(
        &mut self,
        txn: &mut WriteTransaction,
        cx: &mut Context,
        effects: &mut Effects,
        clauses: &[Clause],
    ) -> Result<Inserted, Refusal> {
        if !self.table.has_row_id() {
            return self.insert_clustered(txn, cx, effects, clauses);
        }
        let last = txn.last_row_id(self.table.root)?;
        if self.counter.is_some() {
            return self.insert_counted(txn, cx, effects, clauses, last);
        }
        let (row_id, is_given) = match self.row.get(self.row_id_place()) {
            ValueRef::Integer(row_id) => (row_id, true),
            _ => (next_row_id(txn, &self.table, last, cx)?, false),
        };
        // Beyond the last row there is none in the way.
        let may_be_taken = is_given && last.is_some_and(|last| row_id <= last);
        self.insert_at(txn, cx, effects, clauses, row_id, may_be_taken)
    }

    /// Inserts a row of a clustered table: it is an entry of its primary key, and goes through it.
    fn insert_clustered(
        &mut self,
        txn: &mut WriteTransaction,
        cx: &mut Context,
        effects: &mut Effects,
        clauses: &[Clause],
    ) -> Result<Inserted, Refusal> {
        if !self.satisfies_row(cx)? {
            return Ok(Inserted::LeftOut);
        }
        if !clauses.is_empty()
            && let Some((clause, taken_by)) = self.claimed_by(txn, cx, clauses, &[], false)?
        {
            return Ok(Inserted::Claimed { clause, taken_by });
        }
        let RowWriter { indexes, row, .. } = self;
        for index in indexes.iter_mut() {
            index.encode(Side::After, row, cx)?;
        }
        if !self.claims_keys(txn, None)? {
            return Ok(Inserted::LeftOut);
        }
        self.clear_way(txn, cx, effects, None)?;
        for index in &self.indexes {
            if !index.insert(txn)? {
                return Err(Refusal::Breach(unique::breach(&self.table, &index.index), index.on_conflict));
            }
        }
        Ok(Inserted::Row(None))
    }

    fn insert_at(
        &mut self,
        txn: &mut WriteTransaction,
        cx: &mut Context,
        effects: &mut Effects,
        clauses: &[Clause],
        row_id: i64,
        may_be_taken: bool,
    ) -> Result<Inserted, Refusal> {
        self.set_row_id(row_id);
        let key = row_key(row_id);
        if !self.satisfies_row(cx)? {
            return Ok(Inserted::LeftOut);
        }
        if !clauses.is_empty()
            && let Some((clause, taken_by)) = self.claimed_by(txn, cx, clauses, &key, may_be_taken)?
        {
            return Ok(Inserted::Claimed { clause, taken_by });
        }
        let mut replaces = false;
        if may_be_taken && txn.get(self.table.root, &key, |_| ())?.is_some() {
            match self.row_id_conflict {
                OnConflict::Ignore => return Ok(Inserted::LeftOut),
                OnConflict::Replace => replaces = true,
                action => return Err(Refusal::Breach(unique::row_id_breach(&self.table, row_id), action)),
            }
        }
        let RowWriter { indexes, row, .. } = self;
        for index in indexes.iter_mut() {
            index.encode(Side::After, row, cx)?;
        }
        if self.has_unique_index && !self.claims_keys(txn, None)? {
            return Ok(Inserted::LeftOut);
        }
        if replaces {
            self.delete_victim(txn, cx, effects, &key)?;
        }
        if self.has_unique_index {
            self.clear_way(txn, cx, effects, None)?;
        }
        let row = &self.row;
        let record = encode_row(&self.table, &mut self.record, |place| row.get(place))?;
        if !txn.insert(self.table.root, &key, record)? {
            return Err(Refusal::Breach(unique::row_id_breach(&self.table, row_id), self.row_id_conflict));
        }
        for index in &self.indexes {
            index.insert(txn)?;
        }
        Ok(Inserted::Row(Some(row_id)))
    }

    /// Changes the row with this key by the assignments, over the row as it was and then what stands `beside` it. False if the
    /// row is gone, left as it was, or `filter` is not true for it.
    pub(super) fn update(
        &mut self,
        txn: &mut WriteTransaction,
        cx: &mut Context,
        effects: &mut Effects,
        key: &[u8],
        change: Change<'_>,
    ) -> Result<bool, Refusal> {
        let Change { assignments, beside, filter } = change;
        if !load(txn, &self.table, key, &mut self.old)? {
            return Ok(false);
        }
        let row_id_place = self.row_id_place();
        let RowWriter { table, misfit, row, old, .. } = self;
        *misfit = None;
        row.copy_from(old);
        let source = UpdateRow { old, beside, width: row_id_place + 1 };
        if let Some(filter) = filter
            && filter.truth_row(&source, cx)? != Some(true)
        {
            return Ok(false);
        }
        for (column, value) in assignments {
            value.with(&source, cx, |value| {
                set(table, row, misfit, *column, value);
                Ok::<(), Error>(())
            })?;
        }
        if self.effects.is_some() && !self.fire_before_update(txn, cx, effects, key)? {
            return Ok(false);
        }
        let next_id = if self.table.has_row_id() { Some(self.next_row_id()?) } else { None };
        if !self.satisfies_row(cx)? {
            return Ok(false);
        }
        let next_key = next_id.map(row_key);
        let moves_to = next_key.as_ref().filter(|next| next.as_slice() != key);
        let (mut replaces, mut replaced) = (false, false);
        if let (Some(next), Some(next_id)) = (moves_to, next_id)
            && txn.get(self.table.root, next, |_| ())?.is_some()
        {
            match self.row_id_conflict {
                OnConflict::Ignore => return Ok(false),
                OnConflict::Replace => replaces = true,
                action => return Err(Refusal::Breach(unique::row_id_breach(&self.table, next_id), action)),
            }
        }
        let RowWriter { indexes, row, old, .. } = self;
        for index in indexes.iter_mut().filter(|index| index.touched) {
            index.encode(Side::Before, old, cx)?;
            index.encode(Side::After, row, cx)?;
        }
        if self.has_unique_index {
            if !self.claims_keys(txn, Some(key))? {
                return Ok(false);
            }
            replaced = self.clear_way(txn, cx, effects, Some(key))?;
        }
        if let Some(next) = moves_to.filter(|_| replaces) {
            replaced |= self.delete_victim(txn, cx, effects, next)?;
        }
        if replaced && self.effects.is_some() && !load(txn, &self.table, key, &mut self.old)? {
            // What the rows in the way led to has taken this one too.
            return Ok(false);
        }
        let RowWriter { table, indexes, old, .. } = self;
        for index in indexes.iter_mut().filter(|index| index.touched) {
            if replaced {
                // Deleting another row has used the place of the entry before.
                index.encode(Side::Before, old, cx)?;
            }
            if !index.update(txn)? {
                return Err(Refusal::Breach(unique::breach(table, &index.index), index.on_conflict));
            }
        }
        if let Some(next) = &next_key {
            let row = &self.row;
            let record = encode_row(&self.table, &mut self.record, |place| row.get(place))?;
            let done = if moves_to.is_some() {
                txn.delete(self.table.root, key)? && txn.insert(self.table.root, next, record)?
            } else {
                txn.replace(self.table.root, key, record)?
            };
            if !done {
                return Err(Refusal::Error(lost_row(&self.table)));
            }
        }
        if let Some(own) = &mut self.effects {
            own.check_parents(txn, cx, effects, &self.row, true)?;
            own.follow_children(txn, cx, effects, &self.old, Some(&self.row))?;
            let after = (TriggerTime::After, RowEvent::Update);
            own.fire((txn, cx, effects), after, self.statement, (Some(&self.old), Some(&self.row)))?;
        }
        Ok(true)
    }

    /// The row id of an UPDATE's row, which is then that of the row to be written.
    fn next_row_id(&mut self) -> Result<i64, Refusal> {
        match self.row.get(self.row_id_place()) {
            ValueRef::Integer(next_id) => {
                self.set_row_id(next_id);
                Ok(next_id)
            }
            // Only an INSERT finds a row id by itself.
            _ => {
                let place = self.table.row_id_column.unwrap_or(self.row_id_place());
                Err(Refusal::Breach(not_null::breach(&self.table, place), OnConflict::Abort))
            }
        }
    }

    /// Deletes the row with this key, which is loaded if `loads`. False if it is gone already, or to be left.
    pub(super) fn delete(
        &mut self,
        txn: &mut WriteTransaction,
        cx: &mut Context,
        effects: &mut Effects,
        key: &[u8],
        loads: bool,
    ) -> Result<bool, Refusal> {
        if self.effects.is_some() {
            if !load(txn, &self.table, key, &mut self.old)? {
                return Ok(false);
            }
            return self.delete_with_effects(txn, cx, effects, key, Deleted::Asked);
        }
        if loads || !self.indexes.is_empty() {
            let RowWriter { table, indexes, old, .. } = self;
            if !load(txn, table, key, old)? {
                return Ok(false);
            }
            return Ok(delete_row(txn, table, indexes, key, old, cx)?);
        }
        Ok(txn.delete(self.table.root, key)?)
    }

    /// Sets the row id, and the column that it is.
    fn set_row_id(&mut self, row_id: i64) {
        let place = self.row_id_place();
        self.row.set(place, ValueRef::Integer(row_id));
        if let Some(column) = self.table.row_id_column {
            self.row.set(column, ValueRef::Integer(row_id));
        }
    }
}

/// How a row is updated.
pub(super) struct Change<'a> {
    /// Columns and their next values, over the row as it was and then what stands `beside` it.
    pub(super) assignments: &'a mut [(InsertColumn, Scalar)],
    /// What the values may use beside the row.
    pub(super) beside: &'a dyn RowSource,
    /// The row is left as it is unless this is true for it.
    pub(super) filter: Option<&'a mut CompiledExpr>,
}

/// What became of a row to be inserted.
pub(super) enum Inserted {
    /// It is there, and has this row id if its table has them.
    Row(Option<i64>),
    /// It was left out.
    LeftOut,
    /// An ON CONFLICT clause takes it, for the key that another row has.
    Claimed { clause: usize, taken_by: RowKey },
}

/// The row of an UPDATE's expressions: the row as it was, then what stands beside it.
pub(super) struct UpdateRow<'a> {
    pub(super) old: &'a RowBuffer,
    pub(super) beside: &'a dyn RowSource,
    /// Columns of the row as it was, its row id included.
    pub(super) width: usize,
}

impl RowSource for UpdateRow<'_> {
    fn value(&self, column: usize) -> Result<ValueRef<'_>> {
        match column.checked_sub(self.width) {
            None => Ok(self.old.get(column)),
            Some(beside) => self.beside.value(beside),
        }
    }
}
