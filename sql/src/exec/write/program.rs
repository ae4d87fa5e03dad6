//! Programs of triggers and foreign keys, run for one row: OLD and NEW are set as outer columns of each statement, which
//! then runs like any other. What is compiled is kept for the next row; a program that runs within itself has another
//! copy.

use super::find::{QueryRun, Subqueries};
use super::row_buffer::RowBuffer;
use super::{Statement, Written, scope_of};
use crate::constraint::Refusal;
use crate::constraint::foreign_key::Suspect;
use crate::databases::WriteTransaction;
use crate::error::{Error, Result};
use crate::exec::context::Context;
use crate::exec::expr::CompiledExpr;
use crate::parser::OnConflict;
use crate::plan::{Program, ProgramStep, Programs};
use crate::value::{Value, ValueRef};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// How deep programs may run within each other, as in SQLite.
const DEPTH_MAX: usize = 1000;
/// So many of them share a stack; then another thread goes on, with a stack of its own.
const LEVELS_A_STACK: usize = 12;
const STACK_BYTES: usize = 4 << 20;

/// All that the programs of a statement need and leave behind.
#[derive(Default)]
pub(crate) struct Effects {
    /// The programs that may be run.
    pub(super) programs: Arc<Programs>,
    /// Compiled programs that are not running, by id, with what stands for their own OR clauses.
    idle: FxHashMap<usize, Vec<(Option<OnConflict>, Running)>>,
    /// The programs running, the innermost last.
    active: Vec<usize>,
    /// Keys to look at when the statement ends, and when its transaction does.
    pub(super) suspects: Vec<Suspect>,
    pub(super) deferred: Vec<Suspect>,
    /// Rows that programs changed.
    pub(super) changes: i64,
}

/// OLD and NEW of the row at hand.
#[derive(Clone, Copy)]
pub(super) struct Sides<'r> {
    pub(super) old: Option<&'r RowBuffer>,
    pub(super) new: Option<&'r RowBuffer>,
    /// Columns, the row id included.
    pub(super) width: usize,
}

impl Sides<'_> {
    /// The values of the outer columns that programs see.
    fn values(&self) -> Vec<Value> {
        let of = |row: Option<&RowBuffer>, place| row.map_or(ValueRef::Null, |row| row.get(place)).to_owned();
        let old = (0..self.width).map(|place| of(self.old, place));
        old.chain((0..self.width).map(|place| of(self.new, place))).collect()
    }
}

impl Effects {
    pub(super) fn new(programs: Arc<Programs>) -> Effects {
        Effects { programs, ..Effects::default() }
    }

    /// Begins another run of the statement.
    pub(super) fn reset(&mut self) {
        self.active.clear();
        self.suspects.clear();
        self.deferred.clear();
        self.changes = 0;
    }

    /// Forgets the keys of a statement that is undone. Its programs' changes are counted all the same, as in SQLite.
    pub(super) fn forget_keys(&mut self) {
        self.suspects.clear();
        self.deferred.clear();
    }

    /// True if the program runs already.
    pub(super) fn is_active(&self, program: &Program) -> bool {
        self.active.contains(&program.id)
    }

    /// Runs a program. `instead` stands for the OR clauses of its statements, where it says anything.
    pub(super) fn run(
        &mut self,
        txn: &mut WriteTransaction,
        cx: &mut Context,
        program: &Program,
        instead: Option<OnConflict>,
        sides: Sides<'_>,
    ) -> Result<(), Refusal> {
        if self.active.len() >= DEPTH_MAX {
            return Err(Error::limit("too many levels of trigger recursion").into());
        }
        let kept = self.idle.get_mut(&program.id);
        let at = kept.as_ref().and_then(|kept| kept.iter().position(|(own, _)| *own == instead));
        let mut running = match (kept, at) {
            (Some(kept), Some(at)) => kept.swap_remove(at).1,
            _ => Running::new(program, &self.programs, instead)?,
        };
        let values = sides.values();
        self.active.push(program.id);
        let result = if self.active.len().is_multiple_of(LEVELS_A_STACK) {
            self.run_apart(txn, cx, &mut running, &values)
        } else {
            running.run(txn, cx, self, &values)
        };
        self.active.pop();
        self.idle.entry(program.id).or_default().push((instead, running));
        result
    }

    /// Runs a program on a stack of its own.
    fn run_apart(
        &mut self,
        txn: &mut WriteTransaction,
        cx: &mut Context,
        running: &mut Running,
        values: &[Value],
    ) -> Result<(), Refusal> {
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
            let spawned = thread.spawn_scoped(scope, || running.run(txn, cx, self, values));
            let failed = || Error::limit("there is no thread for deeper triggers");
            spawned.map_err(|_| failed())?.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

/// A compiled program. Each of its parts has outer columns, and so a context, of its own.
struct Running {
    condition: Option<(CompiledExpr, Subqueries, Context)>,
    steps: Vec<(Step, Context)>,
}

enum Step {
    Query(QueryRun),
    Write(Statement),
}

impl Running {
    fn new(program: &Program, programs: &Arc<Programs>, instead: Option<OnConflict>) -> Result<Running> {
        let context = || Context::new(Arc::default());
        let condition = match &program.condition {
            None => None,
            Some((condition, expressions)) => {
                let compiled = CompiledExpr::compile(condition, scope_of(expressions))?;
                Some((compiled, Subqueries::of(expressions, false)?, context()))
            }
        };
        let mut steps = Vec::with_capacity(program.steps.len());
        for step in &program.steps {
            let step = match step {
                ProgramStep::Query(plan) => Step::Query(QueryRun::new(plan)?),
                ProgramStep::Write(plan) => Step::Write(Statement::new(plan, programs, instead)?),
            };
            steps.push((step, context()));
        }
        Ok(Running { condition, steps })
    }

    fn run(
        &mut self,
        txn: &mut WriteTransaction,
        cx: &mut Context,
        effects: &mut Effects,
        values: &[Value],
    ) -> Result<(), Refusal> {
        if let Some((condition, subqueries, own)) = &mut self.condition {
            own.follow(cx, values);
            let nothing: &[ValueRef<'_>] = &[];
            let truth = subqueries.with(txn, own, |_, own, _| condition.truth_row(&nothing, own))?;
            if truth != Some(true) {
                return Ok(());
            }
        }
        // What a program changes is known within it alone.
        let mut facts = cx.facts;
        for (step, own) in &mut self.steps {
            own.follow(cx, values);
            own.facts = facts;
            own.check_interrupt()?;
            match step {
                Step::Query(run) => run.each_batch(txn, own, |_, _, _| Ok(()))?,
                Step::Write(statement) => {
                    let mut written = Written::default();
                    statement.find(txn, own)?;
                    statement.run(txn, own, effects, &mut written)?;
                    effects.changes += written.changes;
                    facts.changes = written.changes;
                    facts.total_changes += written.changes;
                    facts.last_insert_rowid = written.last_row_id.unwrap_or(facts.last_insert_rowid);
                }
            }
        }
        Ok(())
    }
}
