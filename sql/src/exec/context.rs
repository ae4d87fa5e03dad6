//! What a run of a statement needs beside its plan: inputs, outer values, facts of the connection, subqueries and
//! the interrupt flag.

use super::Batch;
use super::expr::RowSource;
use crate::databases::Snapshot;
use crate::error::{Error, Result};
use crate::functions::FunctionContext;
use crate::ir::{Comparison, RecursionId, SubqueryId};
use crate::types::Collation;
use crate::value::{Value, ValueRef};
use crate::value_list::ValueList;
use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Facts of the connection that functions tell.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ConnectionFacts {
    /// Rows changed by the last statement.
    pub(crate) changes: i64,
    /// Rows changed since the connection was opened.
    pub(crate) total_changes: i64,
    /// The row id of the last insert.
    pub(crate) last_insert_rowid: i64,
    /// `PRAGMA foreign_keys`.
    pub(crate) foreign_keys: bool,
    /// `PRAGMA defer_foreign_keys`.
    pub(crate) defer_foreign_keys: bool,
    /// `PRAGMA recursive_triggers`.
    pub(crate) recursive_triggers: bool,
}

/// Runs one subquery of an expression. Its outer values stand in the context's slots when it is called; it keeps
/// what it computed for as long as those that it uses are equal.
pub(crate) trait SubqueryRunner: Send {
    /// Forgets what it computed, and lets go of snapshot and pages.
    fn forget(&mut self);

    /// The value of `column` in the first row, or NULL.
    ///
    /// # Errors
    /// Whatever running the subquery raises.
    fn scalar(&mut self, column: usize, cx: &mut Context) -> Result<Value>;

    /// True if there is a row.
    ///
    /// # Errors
    /// Whatever running the subquery raises.
    fn exists(&mut self, cx: &mut Context) -> Result<bool>;

    /// True if a row equals `row` under `rules`; `None` (unknown) if only NULLs stand in the way. The affinity of
    /// each rule's left side is already applied to `row`, that of the right side is for the runner to apply.
    ///
    /// # Errors
    /// Whatever running the subquery raises.
    fn contains(
        &mut self,
        row: &[ValueRef<'_>],
        rules: &[Comparison],
        cx: &mut Context,
    ) -> Result<Option<bool>>;
}

/// The state of one run. Operators and expressions pass it down by `&mut`.
pub(crate) struct Context {
    /// The statement's parameters, by number from 0; what was never bound is NULL.
    pub(crate) parameters: ValueList,
    /// The literals lifted from its text, by slot.
    pub(crate) literals: Vec<Value>,
    /// The values of outer columns, by slot ([`crate::plan::Plan::outer`]).
    pub(crate) outer: Vec<Value>,
    /// The subqueries, by [`SubqueryId`]. A runner is taken out while it runs, so that it may use the context.
    pub(crate) subqueries: Vec<Option<Box<dyn SubqueryRunner>>>,
    /// What the steps of recursions are to work on, by [`RecursionId`].
    queues: Vec<Batch>,
    /// What the run sees of the database.
    pub(crate) snapshot: Option<Snapshot>,
    /// Counts the pages that runs visit, where somebody wants to know.
    pages: Option<Arc<AtomicU64>>,
    /// Raised from another thread to end the run.
    pub(crate) interrupt: Arc<AtomicBool>,
    /// What functions tell of the connection.
    pub(crate) facts: ConnectionFacts,
    /// Time of the statement in milliseconds since 1970; read from the clock at first use.
    now_millis: Cell<Option<i64>>,
    /// State of the random generator.
    random: Cell<u64>,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("parameters", &self.parameters)
            .field("literals", &self.literals)
            .field("outer", &self.outer)
            .field("subqueries", &self.subqueries.len())
            .finish_non_exhaustive()
    }
}

impl Context {
    /// A context without parameters and literals.
    pub(crate) fn new(interrupt: Arc<AtomicBool>) -> Context {
        Context {
            parameters: ValueList::default(),
            literals: Vec::new(),
            outer: Vec::new(),
            subqueries: Vec::new(),
            queues: Vec::new(),
            snapshot: None,
            pages: None,
            interrupt,
            facts: ConnectionFacts::default(),
            now_millis: Cell::new(None),
            random: Cell::new(0),
        }
    }

    /// The context for a thread that takes part in the run. It has no subqueries and random numbers of its own.
    pub(crate) fn for_thread(&self) -> Context {
        Context {
            parameters: self.parameters.clone(),
            literals: self.literals.clone(),
            outer: self.outer.clone(),
            subqueries: Vec::new(),
            queues: Vec::new(),
            snapshot: self.snapshot.clone(),
            pages: self.pages.clone(),
            interrupt: Arc::clone(&self.interrupt),
            facts: self.facts,
            now_millis: Cell::new(Some(self.statement_millis())),
            random: Cell::new(0),
        }
    }

    /// What the run sees of the database.
    ///
    /// # Errors
    /// [`Error::Misuse`] outside a run.
    pub(crate) fn snapshot(&self) -> Result<&Snapshot> {
        self.snapshot.as_ref().ok_or_else(|| Error::Misuse("a table is read outside a run".to_owned()))
    }

    /// Starts another run over `snapshot`: the clock is read anew, and subqueries forget what they computed.
    pub(crate) fn begin_run(&mut self, snapshot: Snapshot) {
        self.snapshot = Some(match &self.pages {
            Some(pages) => snapshot.counting(pages),
            None => snapshot,
        });
        self.now_millis.set(None);
        self.forget_subqueries();
    }

    /// Makes this the context of a program within the run of `outer`; `given` are the first outer columns.
    pub(crate) fn follow(&mut self, outer: &Context, given: &[Value]) {
        self.facts = outer.facts;
        self.pages.clone_from(&outer.pages);
        if !Arc::ptr_eq(&self.interrupt, &outer.interrupt) {
            self.interrupt = Arc::clone(&outer.interrupt);
        }
        self.outer.resize(self.outer.len().max(given.len()), Value::Null);
        for (place, value) in self.outer.iter_mut().zip(given) {
            place.clone_from(value);
        }
    }

    /// Goes on with another snapshot; these subqueries forget what they computed over the one before.
    pub(crate) fn look_again(&mut self, snapshot: Snapshot, subqueries: &[usize]) {
        self.snapshot = Some(match &self.pages {
            Some(pages) => snapshot.counting(pages),
            None => snapshot,
        });
        for place in subqueries {
            if let Some(Some(runner)) = self.subqueries.get_mut(*place) {
                runner.forget();
            }
        }
    }

    /// Makes the runs that begin from now on count the pages they visit.
    pub(crate) fn count_pages(&mut self) {
        self.pages.get_or_insert_default();
    }

    /// True if runs count the pages they visit.
    pub(crate) fn counts_pages(&self) -> bool {
        self.pages.is_some()
    }

    /// Pages visited since the counting began.
    pub(crate) fn pages_visited(&self) -> u64 {
        self.pages.as_ref().map_or(0, |pages| pages.load(Ordering::Relaxed))
    }

    /// Sets the rows that the steps of a recursion are to work on.
    pub(crate) fn set_queue(&mut self, recursion: RecursionId, rows: Batch) {
        let place = recursion.0 as usize;
        if place >= self.queues.len() {
            self.queues.resize_with(place + 1, Batch::default);
        }
        if let Some(queue) = self.queues.get_mut(place) {
            *queue = rows;
        }
    }

    /// The rows that the steps of a recursion are to work on.
    pub(crate) fn queue(&self, recursion: RecursionId) -> Option<&Batch> {
        self.queues.get(recursion.0 as usize)
    }

    /// Ends the run: no page is held any longer.
    pub(crate) fn end_run(&mut self) {
        self.snapshot = None;
        self.queues.clear();
        self.forget_subqueries();
    }

    /// Makes subqueries run again, since what they read may have changed.
    pub(crate) fn forget_subqueries(&mut self) {
        for runner in self.subqueries.iter_mut().flatten() {
            runner.forget();
        }
    }

    /// Fails if the interrupt flag is up. Every loop over batches or rows asks this once a batch.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub(crate) fn check_interrupt(&self) -> Result<()> {
        if self.interrupt.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
    }

    /// Sets the outer column at `slot`.
    pub(crate) fn set_outer(&mut self, slot: usize, value: ValueRef<'_>) {
        if slot >= self.outer.len() {
            self.outer.resize(slot + 1, Value::Null);
        }
        if let Some(place) = self.outer.get_mut(slot) {
            *place = value.to_owned();
        }
    }

    /// Runs `run` with the runner of `query`.
    fn with_subquery<T>(
        &mut self,
        query: SubqueryId,
        run: impl FnOnce(&mut dyn SubqueryRunner, &mut Context) -> Result<T>,
    ) -> Result<T> {
        let place = query.0 as usize;
        let Some(mut runner) = self.subqueries.get_mut(place).and_then(Option::take) else {
            return Err(Error::Misuse(format!("subquery {place} has no plan in this run")));
        };
        let result = run(runner.as_mut(), self);
        if let Some(home) = self.subqueries.get_mut(place) {
            *home = Some(runner);
        }
        result
    }

    /// `(SELECT ..)`: see [`SubqueryRunner::scalar`].
    ///
    /// # Errors
    /// Whatever running the subquery raises.
    pub(crate) fn scalar_subquery(&mut self, query: SubqueryId, column: usize) -> Result<Value> {
        self.with_subquery(query, |runner, cx| runner.scalar(column, cx))
    }

    /// `EXISTS (SELECT ..)`: see [`SubqueryRunner::exists`].
    ///
    /// # Errors
    /// Whatever running the subquery raises.
    pub(crate) fn exists_subquery(&mut self, query: SubqueryId) -> Result<bool> {
        self.with_subquery(query, |runner, cx| runner.exists(cx))
    }

    /// `row IN (SELECT ..)`: see [`SubqueryRunner::contains`].
    ///
    /// # Errors
    /// Whatever running the subquery raises.
    pub(crate) fn subquery_contains(
        &mut self,
        query: SubqueryId,
        row: &[ValueRef<'_>],
        rules: &[Comparison],
    ) -> Result<Option<bool>> {
        self.with_subquery(query, |runner, cx| runner.contains(row, rules, cx))
    }

    /// What a function called with arguments of this collation may ask.
    pub(crate) fn function_scope(&self, collation: Collation) -> FunctionScope<'_> {
        FunctionScope { cx: self, collation }
    }

    /// Sets the outer columns that subqueries read from the row being evaluated.
    pub(crate) fn set_outer_from(&mut self, bindings: &[(usize, usize)], row: &dyn RowSource) -> Result<()> {
        for (column, slot) in bindings {
            let value = row.value(*column)?;
            self.set_outer(*slot, value);
        }
        Ok(())
    }

    /// Milliseconds since 1970, the same for the whole run.
    pub(crate) fn statement_millis(&self) -> i64 {
        if let Some(now) = self.now_millis.get() {
            return now;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
        self.now_millis.set(Some(now));
        now
    }

    /// 64 random bits: splitmix64, seeded once a run from the standard library's per-process random keys.
    fn random_bits(&self) -> u64 {
        use std::hash::{BuildHasher, RandomState};
        let mut state = self.random.get();
        if state == 0 {
            state = RandomState::new().hash_one(self.statement_millis()) | 1;
        }
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.random.set(state);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// The context as one function call sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FunctionScope<'a> {
    cx: &'a Context,
    collation: Collation,
}

impl FunctionContext for FunctionScope<'_> {
    fn collation(&self) -> Collation {
        self.collation
    }
    fn changes(&self) -> i64 {
        self.cx.facts.changes
    }
    fn total_changes(&self) -> i64 {
        self.cx.facts.total_changes
    }
    fn last_insert_rowid(&self) -> i64 {
        self.cx.facts.last_insert_rowid
    }
    fn random(&self) -> u64 {
        self.cx.random_bits()
    }
    fn now_millis(&self) -> i64 {
        self.cx.statement_millis()
    }
}
