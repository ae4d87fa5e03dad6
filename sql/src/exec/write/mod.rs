//! Writing statements: INSERT, UPDATE and DELETE as plans that run.
//!
//! A statement works in two steps: `find` names its rows on a snapshot of the transaction as it stands, then
//! `row_writer` changes them one by one. `index_writer` keeps the indexes in step, `row_buffer` holds a row in flight,
//! `plain_row` has a short way for the usual INSERT, `scalar` evaluates, and `fill_index` makes an index over rows that are there.
//!
//! A statement that fails leaves nothing behind, by a savepoint; one that changes a single row needs none, since all
//! that can refuse the row is looked at before its first change.

mod counter;
mod delete;
mod fill_index;
mod find;
mod index_writer;
mod insert;
mod plain_row;
mod returning;
mod row_buffer;
mod row_writer;
mod scalar;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;
mod update;
mod upsert;

pub(crate) use fill_index::fill_index;

use crate::constraint::Refusal;
use crate::error::{Error, Result};
use crate::exec::context::Context;
use crate::exec::expr::Scope;
use crate::ir;
use crate::parser::OnConflict;
use crate::plan::{Expressions, WritePlan};
use crate::value::Value;
use returning::Returning;
use sedge_storage::WriteTransaction;
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
    rolls_back: bool,
    written: Written,
}

enum Statement {
    Insert(Box<insert::Insert>),
    Update(Box<update::Update>),
    Delete(Box<delete::Delete>),
}

impl Statement {
    fn returning(&mut self) -> Option<&mut Returning> {
        match self {
            Statement::Insert(insert) => insert.returning(),
            Statement::Update(update) => update.returning(),
            Statement::Delete(delete) => delete.returning(),
        }
    }
}

/// What expressions outside a query need beside a row.
fn scope_of(expressions: &Expressions) -> Scope<'_> {
    Scope { layout: &[], outer: &expressions.outer, subplans: &expressions.subplans }
}

impl WriteExecution {
    /// Compiles a plan.
    ///
    /// # Errors
    /// [`Error::Misuse`] for a plan that uses a column which nothing produces.
    pub(crate) fn new(plan: Arc<WritePlan>) -> Result<WriteExecution> {
        let returning = |target, returning: &Option<ir::Returning>, expressions: &Expressions| {
            let list = returning.as_ref();
            list.map(|list| Returning::new(target, list, scope_of(expressions))).transpose()
        };
        let statement = match &*plan {
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
                let clause = |upsert| Clause::new(target, upsert, excluded, scope_of(expressions));
                let clauses = upserts.iter().map(clause).collect::<Result<_>>()?;
                let insert = insert::Insert::new(target, columns, source, expressions, *on_conflict)?;
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
                let update = update::Update::new(target, find, assignments, expressions, *on_conflict)?;
                Statement::Update(Box::new(update.with(*finds_twice, returning(target, list, expressions)?)))
            }
            WritePlan::Delete { target, find, returning: list, expressions } => {
                let list = returning(target, list, expressions)?;
                Statement::Delete(Box::new(delete::Delete::new(target, find, expressions, list)?))
            }
        };
        Ok(WriteExecution { statement, rolls_back: false, written: Written::default() })
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
        self.written = Written::default();
        let found = match &mut self.statement {
            Statement::Insert(insert) => Ok(if insert.is_single_row() { 1 } else { usize::MAX }),
            Statement::Update(update) => update.find(txn, cx),
            Statement::Delete(delete) => delete.find(txn, cx),
        };
        let rows = match found {
            Ok(rows) => rows,
            Err(Refusal::Error(error)) => return Err(error),
            Err(Refusal::Breach(constraint, _)) => return Err(Error::Constraint(constraint)),
        };
        // RETURNING may raise after the change.
        let returns = self.statement.returning().is_some();
        let savepoint = (rows > 1 || returns).then(|| txn.savepoint());
        let result = match &mut self.statement {
            Statement::Insert(insert) => insert.run(txn, cx, &mut self.written),
            Statement::Update(update) => update.run(txn, cx, &mut self.written),
            Statement::Delete(delete) => delete.run(txn, cx, &mut self.written),
        };
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
            Err(Refusal::Error(error)) => {
                // Without a savepoint a row may be half written.
                self.rolls_back = savepoint.is_none() && matches!(error, Error::Storage(_));
                (error, false)
            }
        };
        drop(self.take_returned());
        if !keeps {
            // As in SQLite the row id stays known of a row that was inserted and is undone.
            self.written.changes = 0;
        }
        if let Some(savepoint) = savepoint {
            let undone = if keeps { Ok(()) } else { txn.rollback_to(&savepoint) };
            if undone.and_then(|()| txn.release(savepoint)).is_err() {
                self.rolls_back = true;
            }
        }
        Err(error)
    }
}

/// How many rows are changed between two looks at the interrupt flag.
const ROWS_PER_CHECK: usize = 1024;
