//! One statement of a session, and its run.

use super::damage;
use super::prepare::{Compiled, Kind, Machine};
use crate::error::{Error, Result};
use crate::exec::Execution;
use crate::ir::Output;
use crate::parser::{ExplainMode, Statement};
use crate::value::{Value, ValueRef};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A prepared statement. Once started it runs by itself: it holds its snapshot, its operators and its values.
pub struct Prepared {
    text: Arc<str>,
    pub(super) compiled: Arc<Compiled>,
    pub(super) literals: Vec<Value>,
    pub(super) machine: Option<Machine>,
    pub(super) run: Run,
    pub(super) changes: i64,
    /// When the run started, in panics of collations.
    pub(super) started: u64,
}

/// Where a run stands.
pub(super) enum Run {
    /// Not started, or at its end.
    Idle,
    /// A query's machine has rows to give. Changes undone since it started end it, where it reads them.
    Query(Option<Reading>),
    /// Rows that were made at once, and the one that is shown.
    Rows(Vec<Vec<Value>>, Option<usize>),
}

/// A run that reads changes of an open transaction.
pub(super) struct Reading {
    pub(super) undone: Arc<AtomicU64>,
    pub(super) at_start: u64,
}

impl Prepared {
    pub(super) fn new(text: &str, compiled: Arc<Compiled>, literals: Vec<Value>) -> Prepared {
        Prepared {
            text: text.into(),
            compiled,
            literals,
            machine: None,
            run: Run::Idle,
            changes: 0,
            started: 0,
        }
    }

    /// The statement's text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn shared_text(&self) -> &Arc<str> {
        &self.text
    }

    /// The operators of the last run, or those that another statement with the same text has left behind.
    pub(super) fn take_machine(&mut self) -> Option<Machine> {
        self.machine.take().or_else(|| self.compiled.idle.try_lock().ok().and_then(|mut idle| idle.take()))
    }

    pub(super) fn replace_plan(&mut self, mut other: Prepared) {
        self.stop();
        self.give_back();
        std::mem::swap(&mut self.compiled, &mut other.compiled);
        std::mem::swap(&mut self.literals, &mut other.literals);
        // What `other` holds now has no machine, so dropping it gives nothing back.
    }

    /// The columns of its result, none if it gives no rows.
    #[must_use]
    pub fn columns(&self) -> &[Output] {
        match &self.compiled.kind {
            Kind::Query(plan) => &plan.outputs,
            Kind::Write(plan) => plan.outputs(),
            Kind::Other(_, columns) => columns,
        }
    }

    /// How many columns a row has.
    #[must_use]
    pub fn column_count(&self) -> usize {
        self.columns().len()
    }

    /// The names of the columns.
    #[must_use]
    pub fn column_names(&self) -> Vec<&str> {
        self.columns().iter().map(|column| column.name.as_str()).collect()
    }

    /// The names of the parameters in order.
    #[must_use]
    pub fn parameter_names(&self) -> &[Option<String>] {
        &self.compiled.parameters
    }

    /// True for queries and what only shows.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        match &self.compiled.kind {
            Kind::Query(_) => true,
            Kind::Write(_) => false,
            Kind::Other(parsed, columns) => !columns.is_empty() && !writes_when_explained(&parsed.statement),
        }
    }

    /// Rows changed by the last run.
    #[must_use]
    pub fn changes(&self) -> i64 {
        self.changes
    }

    /// Moves to the next row; false after the last.
    ///
    /// # Errors
    /// What the evaluation meets.
    pub fn step(&mut self) -> Result<bool> {
        let stepped = match &mut self.run {
            Run::Idle => return Ok(false),
            Run::Rows(rows, shown) => {
                let next = shown.map_or(0, |shown| shown + 1);
                *shown = Some(next);
                Ok(next < rows.len())
            }
            Run::Query(reading) => {
                let gone = reading.as_ref().is_some_and(|r| r.undone.load(Ordering::Relaxed) != r.at_start);
                match &mut self.machine {
                    Some(Machine::Query(_)) if gone => Err(Error::Interrupted),
                    Some(Machine::Query(execution)) => execution.step().and_then(|more| {
                        // All databases of a connection use the functions of main.
                        let functions = &self.compiled.schemas().main().functions;
                        functions.collations.check_since(self.started).map(|()| more)
                    }),
                    _ => Ok(false),
                }
            }
        };
        match stepped {
            Ok(true) => Ok(true),
            ended => {
                self.stop();
                ended.map_err(|error| damage::named(error, self.compiled.schemas()))
            }
        }
    }

    /// Column `column` of the row that is shown; NULL where there is none.
    #[must_use]
    pub fn value(&self, column: usize) -> ValueRef<'_> {
        match (&self.run, &self.machine) {
            (Run::Rows(rows, Some(shown)), _) => {
                rows.get(*shown).and_then(|row| row.get(column)).map_or(ValueRef::Null, Value::as_ref)
            }
            (Run::Query(_), Some(Machine::Query(execution))) => execution.value(column),
            _ => ValueRef::Null,
        }
    }

    /// Ends the run: its snapshot and the pages it holds are let go.
    pub fn stop(&mut self) {
        if let (Run::Query(_), Some(Machine::Query(execution))) = (&self.run, &mut self.machine) {
            Execution::stop(execution);
        }
        self.run = Run::Idle;
    }

    /// Leaves the machine with the plan, for the next statement with the same text.
    fn give_back(&mut self) {
        if let Some(machine) = self.machine.take()
            && let Ok(mut idle) = self.compiled.idle.try_lock()
        {
            *idle = Some(machine);
        }
    }
}

/// True for EXPLAIN ANALYZE of a statement that changes rows: it changes them.
fn writes_when_explained(statement: &Statement) -> bool {
    matches!(statement, Statement::Explain { mode: ExplainMode::Analyze, statement } if !matches!(**statement, Statement::Query(_)))
}

impl Drop for Prepared {
    fn drop(&mut self) {
        self.stop();
        self.give_back();
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared").field("text", &self.text).finish_non_exhaustive()
    }
}
