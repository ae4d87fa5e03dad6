//! The one row-writer: what INSERT, UPDATE, DELETE and REPLACE do to one row of a table and its indexes.
//!
//! All constraints of a row are looked at before the first change for it, so a refused row leaves nothing behind.
//! Their order is SQLite's: NOT NULL, types, CHECK, row id, UNIQUE; those whose action is REPLACE come last, since
//! they delete the rows in the way.

use super::counter::Counter;
use super::index_writer::{IndexWriter, Side};
use super::row_buffer::RowBuffer;
use super::scalar::Scalar;
use super::upsert::Clause;
use crate::catalog::Table;
use crate::constraint::types::{Fitted, fit};
use crate::constraint::{Refusal, check, not_null, types, unique};
use crate::encode::{RecordView, RecordWriter, row_key};
use crate::error::{Constraint, Error, Result};
use crate::exec::context::Context;
use crate::exec::expr::{CompiledExpr, RowSource, Scope};
use crate::functions::FunctionContext;
use crate::ir::{ColumnId, Expr, InsertColumn, Target, UpsertTarget};
use crate::parser::OnConflict;
use crate::types::{Collation, ColumnType};
use crate::value::{Value, ValueRef};
use sedge_storage::WriteTransaction;
use std::sync::Arc;

/// How often a random row id is tried once the greatest one is taken.
const RANDOM_TRIES: usize = 100;

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
    /// What AUTOINCREMENT counts.
    counter: Option<Counter>,
    indexes: Vec<IndexWriter>,
    has_unique_index: bool,
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
    /// leaves empty.
    pub(super) fn new(target: &Target, scope: Scope<'_>, statement: Option<OnConflict>) -> Result<RowWriter> {
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
            counter: target.sequence.as_ref().map(|sequences| Counter::new(sequences)),
            has_unique_index: indexes.iter().any(|index| index.index.unique),
            indexes,
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
            indexes,
            statement: _,
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
        let is_plain = checks.is_empty() && generated.is_empty() && counter.is_none() && indexes.is_empty();
        is_plain.then_some(table)
    }

    /// Says which columns an UPDATE assigns: indexes that do not depend on them are left alone.
    pub(super) fn assigns(&mut self, columns: &[InsertColumn]) {
        let table = &self.table;
        let is_row_id = |column: &InsertColumn| match column {
            InsertColumn::RowId => true,
            InsertColumn::Column(place) => table.row_id_column == Some(*place),
        };
        let moves = columns.iter().any(is_row_id);
        let generates = !self.generated.is_empty();
        for index in &mut self.indexes {
            let ordered = |column: &InsertColumn| matches!(column, InsertColumn::Column(place) if index.orders_by(*place));
            // Which columns an expression reads is not kept: such an index is looked at every time.
            let touched = moves || generates || index.is_evaluated() || columns.iter().any(ordered);
            index.touched = touched;
        }
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
        clauses: &[Clause],
    ) -> Result<Inserted, Refusal> {
        let last = txn.last_row_id(self.table.root)?;
        if self.counter.is_some() {
            return self.insert_counted(txn, cx, clauses, last);
        }
        let (row_id, is_given) = match self.row.get(self.row_id_place()) {
            ValueRef::Integer(row_id) => (row_id, true),
            _ => (next_row_id(txn, &self.table, last, cx)?, false),
        };
        // Beyond the last row there is none in the way.
        let may_be_taken = is_given && last.is_some_and(|last| row_id <= last);
        self.insert_at(txn, cx, clauses, row_id, may_be_taken)
    }

    /// Inserts a row into an AUTOINCREMENT table. As in SQLite a row id counts as given also where the row is left out.
    fn insert_counted(
        &mut self,
        txn: &mut WriteTransaction,
        cx: &mut Context,
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
        let inserted = self.insert_at(txn, cx, clauses, row_id, may_be_taken)?;
        if let Some(counter) = &mut self.counter {
            counter.note(txn, &self.table, row_id)?;
        }
        Ok(inserted)
    }

    fn insert_at(
        &mut self,
        txn: &mut WriteTransaction,
        cx: &mut Context,
        clauses: &[Clause],
        row_id: i64,
        may_be_taken: bool,
    ) -> Result<Inserted, Refusal> {
        self.set_row_id(row_id);
        if !self.satisfies_row(cx)? {
            return Ok(Inserted::LeftOut);
        }
        if !clauses.is_empty()
            && let Some((clause, taken_by)) = self.claimed_by(txn, cx, clauses, row_id, may_be_taken)?
        {
            return Ok(Inserted::Claimed { clause, taken_by });
        }
        let mut replaces = false;
        if may_be_taken && txn.get(self.table.root, &row_key(row_id), |_| ())?.is_some() {
            match self.row_id_conflict {
                OnConflict::Ignore => return Ok(Inserted::LeftOut),
                OnConflict::Replace => replaces = true,
                action => return Err(Refusal::Breach(unique::row_id_breach(&self.table, row_id), action)),
            }
        }
        let RowWriter { indexes, row, .. } = self;
        for index in indexes.iter_mut() {
            index.encode(Side::After, row, row_id, cx)?;
        }
        if self.has_unique_index && !self.claims_keys(txn, None)? {
            return Ok(Inserted::LeftOut);
        }
        if replaces {
            self.delete_victim(txn, cx, row_id)?;
        }
        if self.has_unique_index {
            self.clear_way(txn, cx, None)?;
        }
        let record = encode_record(&self.table, &mut self.record, &self.row)?;
        if !txn.insert(self.table.root, &row_key(row_id), record)? {
            return Err(Refusal::Breach(unique::row_id_breach(&self.table, row_id), self.row_id_conflict));
        }
        for index in &self.indexes {
            index.insert(txn)?;
        }
        Ok(Inserted::Row(row_id))
    }

    /// The first clause whose key another row has, and that row. The row id is asked where its clause stands, or with
    /// all that have no clause of their own.
    fn claimed_by(
        &mut self,
        txn: &WriteTransaction,
        cx: &mut Context,
        clauses: &[Clause],
        row_id: i64,
        may_be_taken: bool,
    ) -> Result<Option<(usize, i64)>> {
        let RowWriter { indexes, row, .. } = self;
        for index in indexes.iter_mut() {
            index.encode(Side::After, row, row_id, cx)?;
        }
        let by_row_id = |table: &Table| -> Result<Option<i64>> {
            let taken = may_be_taken && txn.get(table.root, &row_key(row_id), |_| ())?.is_some();
            Ok(taken.then_some(row_id))
        };
        let by_index = |index: &IndexWriter| match index.key_to_claim(false) {
            Some(key) => unique::holder(txn, index.index.root, key, None),
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

    /// Changes row `row_id` by the assignments, over the row as it was and then what stands `beside` it. False if the
    /// row is gone, left as it was, or `filter` is not true for it.
    pub(super) fn update(
        &mut self,
        txn: &mut WriteTransaction,
        cx: &mut Context,
        row_id: i64,
        assignments: &mut [(InsertColumn, Scalar)],
        beside: &dyn RowSource,
        filter: Option<&mut CompiledExpr>,
    ) -> Result<bool, Refusal> {
        if !load(txn, &self.table, row_id, &mut self.old)? {
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
        let next_id = match self.row.get(row_id_place) {
            ValueRef::Integer(next_id) => next_id,
            // Only an INSERT finds a row id by itself.
            _ => {
                let place = self.table.row_id_column.unwrap_or(row_id_place);
                return Err(Refusal::Breach(not_null::breach(&self.table, place), OnConflict::Abort));
            }
        };
        self.set_row_id(next_id);
        if !self.satisfies_row(cx)? {
            return Ok(false);
        }
        let moves = next_id != row_id;
        let (mut replaces, mut replaced) = (false, false);
        if moves && txn.get(self.table.root, &row_key(next_id), |_| ())?.is_some() {
            match self.row_id_conflict {
                OnConflict::Ignore => return Ok(false),
                OnConflict::Replace => replaces = true,
                action => return Err(Refusal::Breach(unique::row_id_breach(&self.table, next_id), action)),
            }
        }
        let RowWriter { indexes, row, old, .. } = self;
        for index in indexes.iter_mut().filter(|index| index.touched) {
            index.encode(Side::Before, old, row_id, cx)?;
            index.encode(Side::After, row, next_id, cx)?;
        }
        if self.has_unique_index {
            if !self.claims_keys(txn, Some(row_id))? {
                return Ok(false);
            }
            replaced = self.clear_way(txn, cx, Some(row_id))?;
        }
        if replaces {
            replaced |= self.delete_victim(txn, cx, next_id)?;
        }
        let RowWriter { indexes, old, .. } = self;
        for index in indexes.iter_mut().filter(|index| index.touched) {
            if replaced {
                // Deleting another row has used the place of the entry before.
                index.encode(Side::Before, old, row_id, cx)?;
            }
            index.update(txn)?;
        }
        let record = encode_record(&self.table, &mut self.record, &self.row)?;
        let done = if moves {
            txn.delete(self.table.root, &row_key(row_id))?
                && txn.insert(self.table.root, &row_key(next_id), record)?
        } else {
            txn.replace(self.table.root, &row_key(row_id), record)?
        };
        if done { Ok(true) } else { Err(Refusal::Error(lost_row(&self.table, row_id))) }
    }

    /// Deletes row `row_id`, which is loaded if `loads`. False if it is gone already.
    pub(super) fn delete(
        &mut self,
        txn: &mut WriteTransaction,
        cx: &mut Context,
        row_id: i64,
        loads: bool,
    ) -> Result<bool> {
        if loads || !self.indexes.is_empty() {
            let RowWriter { table, indexes, old, .. } = self;
            if !load(txn, table, row_id, old)? {
                return Ok(false);
            }
            delete_entries(txn, indexes, old, row_id, cx)?;
        }
        Ok(txn.delete(self.table.root, &row_key(row_id))?)
    }

    /// Sets the row id, and the column that it is.
    fn set_row_id(&mut self, row_id: i64) {
        let place = self.row_id_place();
        self.row.set(place, ValueRef::Integer(row_id));
        if let Some(column) = self.table.row_id_column {
            self.row.set(column, ValueRef::Integer(row_id));
        }
    }

    /// Computes the generated columns.
    fn generate(&mut self, cx: &mut Context) -> Result<()> {
        let RowWriter { table, generated, row, misfit, .. } = self;
        for (place, value) in generated {
            let value = value.with(row, cx, |value| Ok::<_, Error>(value.to_owned()))?;
            set(table, row, misfit, InsertColumn::Column(*place), value.as_ref());
        }
        Ok(())
    }

    /// NOT NULL and CHECK. False if the row is to be left out.
    fn satisfies_row(&mut self, cx: &mut Context) -> Result<bool, Refusal> {
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
    fn claims_keys(&self, txn: &WriteTransaction, own: Option<i64>) -> Result<bool, Refusal> {
        let refuses = |index: &&IndexWriter| index.touched && index.on_conflict != OnConflict::Replace;
        for index in self.indexes.iter().rev().filter(refuses) {
            let Some(key) = index.key_to_claim(own.is_some()) else { continue };
            if unique::holder(txn, index.index.root, key, own)?.is_some() {
                return match index.on_conflict {
                    OnConflict::Ignore => Ok(false),
                    action => Err(Refusal::Breach(unique::breach(&self.table, &index.index), action)),
                };
            }
        }
        Ok(true)
    }

    /// UNIQUE where the action is REPLACE: deletes the rows in the way. True if there were any.
    fn clear_way(&mut self, txn: &mut WriteTransaction, cx: &mut Context, own: Option<i64>) -> Result<bool> {
        let mut replaced = false;
        for i in 0..self.indexes.len() {
            let Some(index) = self.indexes.get(i) else { break };
            if !index.touched || index.on_conflict != OnConflict::Replace {
                continue;
            }
            let Some(key) = index.key_to_claim(false) else { continue };
            if let Some(victim) = unique::holder(txn, index.index.root, key, own)? {
                replaced |= self.delete_victim(txn, cx, victim)?;
            }
        }
        Ok(replaced)
    }

    /// Deletes a row in the way, without touching the row that is being written. False if it is gone already.
    fn delete_victim(&mut self, txn: &mut WriteTransaction, cx: &mut Context, row_id: i64) -> Result<bool> {
        let RowWriter { table, indexes, victim, .. } = self;
        if !load(txn, table, row_id, victim)? {
            return Ok(false);
        }
        delete_entries(txn, indexes, victim, row_id, cx)?;
        Ok(txn.delete(table.root, &row_key(row_id))?)
    }
}

/// What became of a row to be inserted.
pub(super) enum Inserted {
    /// It has this row id.
    Row(i64),
    /// It was left out.
    LeftOut,
    /// An ON CONFLICT clause takes it, for the key that another row has.
    Claimed { clause: usize, taken_by: i64 },
}

/// The row of an UPDATE's expressions: the row as it was, then what stands beside it.
struct UpdateRow<'a> {
    old: &'a RowBuffer,
    beside: &'a dyn RowSource,
    width: usize,
}

impl RowSource for UpdateRow<'_> {
    fn value(&self, column: usize) -> Result<ValueRef<'_>> {
        match column.checked_sub(self.width) {
            None => Ok(self.old.get(column)),
            Some(beside) => self.beside.value(beside),
        }
    }
}

/// Puts a value into `row`, converted to the type of its column; the first that does not fit is kept in `misfit`.
#[inline]
fn set(
    table: &Table,
    row: &mut RowBuffer,
    misfit: &mut Option<Box<Constraint>>,
    column: InsertColumn,
    value: ValueRef<'_>,
) {
    let row_id_place = table.columns.len();
    let (place, column_type) = match column {
        InsertColumn::Column(place) => {
            (place, table.columns.get(place).map_or(ColumnType::Any, |column| column.column_type))
        }
        InsertColumn::RowId => (row_id_place, ColumnType::Integer),
    };
    let is_row_id = table.row_id_column == Some(place);
    match fit(value, column_type) {
        Fitted::Value(fitted) => {
            row.set(place, fitted);
            if is_row_id {
                row.set(row_id_place, fitted);
            }
        }
        Fitted::Text(text) => row.set(place, ValueRef::Text(text.as_bytes())),
        Fitted::Refused => {
            misfit.get_or_insert_with(|| types::breach(table, place, column_type, value));
            // Not NULL, whatever it is: NOT NULL is looked at before types.
            row.set(place, ValueRef::Integer(0));
        }
    }
}

/// Loads a row of the table. False if it is not there.
fn load(txn: &WriteTransaction, table: &Table, row_id: i64, row: &mut RowBuffer) -> Result<bool> {
    let found = txn.get(table.root, &row_key(row_id), |bytes| load_record(table, row_id, bytes, row))?;
    found.transpose().map(|found| found.is_some())
}

/// Loads the columns of a record, and the row id.
pub(super) fn load_record(table: &Table, row_id: i64, bytes: &[u8], row: &mut RowBuffer) -> Result<()> {
    let record = RecordView::new(bytes)?;
    row.reset(table.columns.len() + 1);
    for (place, column) in table.columns.iter().enumerate() {
        row.set(place, record.get(place, column.column_type)?);
    }
    if let Some(place) = table.row_id_column {
        row.set(place, ValueRef::Integer(row_id));
    }
    row.set(table.columns.len(), ValueRef::Integer(row_id));
    Ok(())
}

/// The record of a row, in which the row id's column is NULL.
#[inline]
fn encode_record<'w>(table: &Table, writer: &'w mut RecordWriter, row: &RowBuffer) -> Result<&'w [u8]> {
    writer.encode(table.columns.iter().enumerate().map(|(place, column)| {
        let value = if table.row_id_column == Some(place) { ValueRef::Null } else { row.get(place) };
        (column.column_type, value)
    }))
}

fn delete_entries(
    txn: &mut WriteTransaction,
    indexes: &mut [IndexWriter],
    row: &RowBuffer,
    row_id: i64,
    cx: &mut Context,
) -> Result<()> {
    for index in indexes {
        index.encode(Side::Before, row, row_id, cx)?;
        index.delete(txn)?;
    }
    Ok(())
}

/// One more than the greatest row id; a random one where that is the greatest possible.
pub(super) fn next_row_id(
    txn: &WriteTransaction,
    table: &Table,
    last: Option<i64>,
    cx: &mut Context,
) -> Result<i64> {
    match last {
        None => return Ok(1),
        Some(last) if last < i64::MAX => return Ok(last + 1),
        Some(_) => {}
    }
    for _ in 0..RANDOM_TRIES {
        // Positive, and not too large for a next row after it.
        let row_id = ((cx.function_scope(Collation::Binary).random() >> 2) as i64) + 1;
        if txn.get(table.root, &row_key(row_id), |_| ())?.is_none() {
            return Ok(row_id);
        }
    }
    Err(Error::Storage(sedge_storage::Error::Full(format!("table {} has no free row id", table.name))))
}

#[cold]
fn lost_row(table: &Table, row_id: i64) -> Error {
    let detail = format!("row {row_id} of table {} vanished while it was being changed", table.name);
    Error::Storage(sedge_storage::Error::Corrupt { page: table.root.0, tree: Some(table.root.0), detail })
}
