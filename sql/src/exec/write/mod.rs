//! Writing statements: INSERT, UPDATE and DELETE as plans that run.
//!
//! A statement works in two steps: `find` names its rows on a snapshot of the transaction as it stands, then
//! `row_writer` changes them one by one. `index_writer` keeps the indexes in step, `row_buffer` holds a row in flight,
//! `plain_row` has a short way for the usual INSERT, `view` hands the rows of a view to its triggers, `scalar` evaluates, `fill_index` makes an index over rows that are there and `rebuild` brings rows in line
//! with columns that have changed.
//!
//! A statement that fails leaves nothing behind, by a savepoint; one that changes a single row needs none, since all
//! that can refuse the row is looked at before its first change.

mod counter;
mod delete;
mod effects;
mod fill_index;
mod find;
mod index_writer;
mod insert;
mod plain_row;
mod program;
mod rebuild;
mod returning;
mod row_buffer;
mod row_writer;
mod scalar;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;
mod update;
mod upsert;
mod view;

pub(crate) use fill_index::fill_index;
pub(crate) use rebuild::{rebuild_rows, verify_rows};

use crate::catalog::TableKind;
use crate::constraint::Refusal;
use crate::constraint::foreign_key::Suspect;
use crate::databases::WriteTransaction;
use crate::error::{Error, Result};
use crate::exec::context::Context;
use crate::exec::expr::Scope;
use crate::ir;
use crate::parser::OnConflict;
use crate::plan::{Expressions, Programs, WritePlan};
use crate::value::Value;
use program::Effects;
use returning::Returning;
use std::sync::Arc;
use upsert::Clause;

/// What a statement has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    /// Rows inserted, updated or deleted.
    pub(crate) changes: i64,
    /// The row id of the last row inserted.
    pub(crate) last_row_id: Option<i64>,
}

/// A writing statement, ready to run any number of times.
pub(crate) struct WriteExecution {
    statement: Statement,
    effects: Effects,
    rolls_back: bool,
    /// True if the last run failed and what it did is kept all the same.
    keeps: bool,
    written: Written,
}

enum Statement {
    Insert(Box<insert::Insert>),
    Update(Box<update::Update>),
    Delete(Box<delete::Delete>),
    /// Any of them on a view.
    View(Box<view::ViewChange>),
}

impl Statement {
    /// Compiles a plan. `instead` stands for its OR clause where it says anything.
    fn new(plan: &WritePlan, programs: &Arc<Programs>, instead: Option<OnConflict>) -> Result<Statement> {
        let returning = |target, returning: &Option<ir::Returning>, expressions: &Expressions| {
            let list = returning.as_ref();
            list.map(|list| Returning::new(target, list, scope_of(expressions))).transpose()
        };
        if plan.target().table.kind == TableKind::View {
            return Ok(Statement::View(Box::new(view::ViewChange::new(plan, programs, instead)?)));
        }
        Ok(match plan {
            WritePlan::Insert {
                target,
                columns,
                source,
                on_conflict,
                upserts,
                excluded,
                returning: list,
                expressions,
            } => {
                let clause = |upsert| Clause::new(target, upsert, excluded, scope_of(expressions), programs);
                let clauses = upserts.iter().map(clause).collect::<Result<_>>()?;
                let insert = insert::Insert::new(
                    target,
                    columns,
                    source,
                    expressions,
                    programs,
                    instead.or(*on_conflict),
                )?;
                Statement::Insert(Box::new(insert.with(clauses, returning(target, list, expressions)?)))
            }
            WritePlan::Update {
                target,
                find,
                assignments,
                expressions,
                on_conflict,
                finds_twice,
                returning: list,
            } => {
                let update = update::Update::new(
                    target,
                    find,
                    assignments,
                    expressions,
                    programs,
                    instead.or(*on_conflict),
                )?;
                Statement::Update(Box::new(update.with(*finds_twice, returning(target, list, expressions)?)))
            }
            WritePlan::Delete { target, find, returning: list, expressions } => {
                let list = returning(target, list, expressions)?;
                Statement::Delete(Box::new(delete::Delete::new(target, find, expressions, programs, list)?))
            }
        })
    }

    /// True if nothing is changed before the one row that is inserted.
    fn inserts_last(&self) -> bool {
        matches!(self, Statement::Insert(insert) if insert.is_single_row() && !insert.replaces())
    }

    /// Finds the rows to change; gives how many there are at most.
    fn find(&mut self, txn: &mut WriteTransaction, cx: &mut Context) -> Result<usize, Refusal> {
        match self {
            Statement::Insert(insert) => Ok(if insert.is_single_row() { 1 } else { usize::MAX }),
            Statement::Update(update) => update.find(txn, cx),
            Statement::Delete(delete) => delete.find(txn, cx),
            Statement::View(change) => change.find(txn, cx),
        }
    }

    /// Changes the rows found.
    fn run(
        &mut self,
        txn: &mut WriteTransaction,
        cx: &mut Context,
        effects: &mut Effects,
        written: &mut Written,
    ) -> Result<(), Refusal> {
        match self {
            Statement::Insert(insert) => insert.run(txn, cx, effects, written),
            Statement::Update(update) => update.run(txn, cx, effects, written),
            Statement::Delete(delete) => delete.run(txn, cx, effects, written),
            // Changes of a view are not counted, those of its triggers are.
            Statement::View(change) => change.run(txn, cx, effects),
        }
    }

    fn returning(&mut self) -> Option<&mut Returning> {
        match self {
            Statement::Insert(insert) => insert.returning(),
            Statement::Update(update) => update.returning(),
            Statement::Delete(delete) => delete.returning(),
            Statement::View(change) => change.returning(),
        }
    }
}

/// What expressions outside a query need beside a row.
fn scope_of(expressions: &Expressions) -> Scope<'_> {
    Scope { layout: &[], outer: &expressions.outer, subplans: &expressions.subplans }
}

impl WriteExecution {
    /// Compiles a plan. `programs` are those of the tables that it may change.
    ///
    /// # Errors
    /// [`Error::Misuse`] for a plan that uses a column which nothing produces.
    pub(crate) fn new(plan: Arc<WritePlan>, programs: Arc<Programs>) -> Result<WriteExecution> {
        let statement = Statement::new(&plan, &programs, None)?;
        let effects = Effects::new(programs);
        Ok(WriteExecution {
            statement,
            effects,
            rolls_back: false,
            keeps: false,
            written: Written::default(),
        })
    }

    /// Rows that triggers and foreign keys have changed in the last run.
    pub(crate) fn changes_by_programs(&self) -> i64 {
        self.effects.changes
    }

    /// The keys to look at when the transaction ends.
    pub(crate) fn take_deferred(&mut self) -> Vec<Suspect> {
        std::mem::take(&mut self.effects.deferred)
    }

    /// The rows of RETURNING that the last run gave.
    pub(crate) fn take_returned(&mut self) -> Vec<Vec<Value>> {
        self.statement.returning().map_or_else(Vec::new, Returning::take)
    }

    /// True if the last run failed in a way that ends the transaction: by ON CONFLICT ROLLBACK, or because storage
    /// failed half-way. The caller rolls it back.
    pub(crate) fn rolls_back(&self) -> bool {
        self.rolls_back
    }

    /// True if the last run failed and what it did before is kept: by ON CONFLICT FAIL, or RAISE(FAIL).
    pub(crate) fn keeps(&self) -> bool {
        self.keeps
    }

    /// What the last run has done, also where it failed and kept some of it (ON CONFLICT FAIL).
    pub(crate) fn written(&self) -> Written {
        self.written
    }

    /// Runs the statement in `txn`.
    ///
    /// # Errors
    /// [`Error::Constraint`], those of evaluation, and storage errors. Nothing of the statement is left then, unless
    /// ON CONFLICT FAIL kept it, or [`WriteExecution::rolls_back`] asks for more.
    pub(crate) fn run(&mut self, txn: &mut WriteTransaction, cx: &mut Context) -> Result<Written> {
        self.rolls_back = false;
        self.keeps = false;
        self.written = Written::default();
        let found = self.statement.find(txn, cx);
        let rows = match found {
            Ok(rows) => rows,
            Err(Refusal::Error(error)) => return Err(error),
            Err(Refusal::Breach(constraint, _)) => return Err(Error::Constraint(constraint)),
        };
        // RETURNING and triggers may raise after the change.
        let returns = self.statement.returning().is_some();
        let has_effects = !self.effects.programs.tables.is_empty();
        if has_effects {
            self.effects.reset();
        }
        let savepoint = (rows > 1 || returns || has_effects).then(|| txn.savepoint());
        let mut result = self.statement.run(txn, cx, &mut self.effects, &mut self.written);
        if result.is_ok() {
            result = self.broken_key(txn).map_or(Ok(()), |broken| Err(Refusal::Error(broken)));
            if result.is_err() && self.statement.inserts_last() {
                // A single row without parent is refused before it is there.
                self.written.last_row_id = None;
            }
        }
        let (error, keeps) = match result {
            Ok(()) => {
                if let Some(savepoint) = savepoint {
                    txn.release(savepoint)?;
                }
                return Ok(self.written);
            }
            Err(Refusal::Breach(constraint, action)) => {
                self.rolls_back = action == OnConflict::Rollback;
                (Error::Constraint(constraint), action == OnConflict::Fail)
            }
            Err(Refusal::Error(error @ Error::Raised { action, .. })) => {
                self.rolls_back = action == OnConflict::Rollback;
                (error, action == OnConflict::Fail)
            }
            Err(Refusal::Error(error)) => {
                // Without a savepoint a row may be half written.
                self.rolls_back = savepoint.is_none() && matches!(error, Error::Storage(_));
                (error, false)
            }
        };
        // What FAIL keeps has to be sound.
        let (error, keeps) = match keeps.then(|| self.broken_key(txn)).flatten() {
            Some(broken) => (broken, false),
            None => (error, keeps),
        };
        drop(self.take_returned());
        self.keeps = keeps;
        if !keeps {
            // As in SQLite the row id stays known of a row that was inserted and is undone.
            self.written.changes = 0;
            self.effects.forget_keys();
        }
        if let Some(savepoint) = savepoint {
            let undone = if keeps { Ok(()) } else { txn.rollback_to(&savepoint) };
            if undone.and_then(|()| txn.release(savepoint)).is_err() {
                self.rolls_back = true;
            }
        }
        Err(error)
    }

    /// Why a key of the statement is broken, now that the statement ends.
    fn broken_key(&self, txn: &mut WriteTransaction) -> Option<Error> {
        self.effects.suspects.iter().find_map(|suspect| suspect.check(txn).err())
    }
}

/// How many rows are changed between two looks at the interrupt flag.
const ROWS_PER_CHECK: usize = 1024;
