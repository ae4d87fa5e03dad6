//! A plan with all it needs to run: operators, context, and the row it stands on.
//!
//! It is built once for a prepared statement. [`Execution::start`] runs it over a snapshot, as often as one likes;
//! [`Execution::stop`] lets go of snapshot and pages and keeps the rest.

use super::Batch;
use super::context::Context;
use super::ops::{Builder, Operator, build_subqueries};
use super::point::{Point, Reader};
use crate::databases::Snapshot;
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::value::ValueRef;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A query that runs.
pub(crate) struct Execution {
    plan: Arc<Plan>,
    root: Root,
    /// Places of the outputs in the root's columns.
    outputs: Vec<usize>,
    context: Context,
    batch: Batch,
    /// How many rows of the batch were stepped over.
    stepped: usize,
    /// The row of the batch that it stands on.
    row: usize,
    state: State,
}

/// The two ways to run a plan.
enum Root {
    /// At most one row, found by its key: no batch is built.
    Point(Box<Point>),
    Operators(Box<dyn Operator>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Stopped,
    /// Started, and not yet at the end.
    Running,
    /// At the end, or stopped by an error.
    Ended,
}

impl fmt::Debug for Execution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Execution")
            .field("plan", &self.plan)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl Execution {
    /// Builds what runs `plan`.
    ///
    /// # Errors
    /// [`Error::Misuse`] for a plan that uses a column where nothing produces it.
    pub(crate) fn new(plan: Arc<Plan>) -> Result<Execution> {
        let builder = Builder { outer: &plan.outer, subplans: &plan.subplans };
        let mut context = Context::new(Arc::new(AtomicBool::new(false)));
        context.subqueries = build_subqueries(&plan.subplans, &plan.outer)?;
        let root = match Point::new(builder, &plan)? {
            Some(point) => Root::Point(Box::new(point)),
            None => Root::Operators(builder.build(&plan.root)?),
        };
        let columns = &plan.root.columns;
        let place = |output: &crate::ir::Output| {
            columns
                .iter()
                .position(|column| *column == output.column)
                .ok_or_else(|| Error::Misuse(format!("the plan does not produce its output {}", output.name)))
        };
        let outputs = plan.outputs.iter().map(place).collect::<Result<_>>()?;
        Ok(Execution {
            root,
            outputs,
            context,
            batch: Batch::default(),
            stepped: 0,
            row: 0,
            state: State::Stopped,
            plan,
        })
    }

    /// What the run takes from outside: parameters, literals, the interrupt flag and the connection's facts are set
    /// here before [`Execution::start`].
    pub(crate) fn context_mut(&mut self) -> &mut Context {
        &mut self.context
    }

    /// What the run knows beside its plan.
    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    /// Goes before the first row of a run over `snapshot`.
    ///
    /// # Errors
    /// Those of evaluating bounds and limits.
    pub(crate) fn start(&mut self, snapshot: Snapshot) -> Result<()> {
        if self.state != State::Stopped {
            self.stop();
        }
        self.context.begin_run(snapshot);
        self.state = State::Running;
        let started = match &mut self.root {
            Root::Point(point) => {
                point.reset();
                Ok(())
            }
            Root::Operators(root) => root.reset(&mut self.context),
        };
        if started.is_err() {
            self.stop();
        }
        started
    }

    /// True if [`Execution::look_up`] does for [`Execution::start`].
    pub(crate) fn looks_up(&self) -> bool {
        matches!(&self.root, Root::Point(point) if point.looks_up()) && !self.context.counts_pages()
    }

    /// Goes before the first row of a run over what `reader` shows now, which is not kept.
    ///
    /// # Errors
    /// Those of reading pages.
    pub(crate) fn look_up(&mut self, reader: Reader<'_>) -> Result<()> {
        if self.state != State::Stopped {
            self.stop();
        }
        if let Root::Point(point) = &mut self.root {
            point.look_up(&mut self.context, reader)?;
            self.state = State::Running;
        }
        Ok(())
    }

    /// Goes to the next row; false at the end.
    ///
    /// # Errors
    /// Those of evaluation and of reading pages, and [`Error::Interrupted`]. The run is then over.
    #[inline]
    pub(crate) fn step(&mut self) -> Result<bool> {
        if let Root::Point(point) = &mut self.root {
            if self.state != State::Running {
                return Ok(false);
            }
            let found = point.next(&mut self.context);
            if !matches!(found, Ok(true)) {
                self.state = State::Ended;
            }
            return found;
        }
        if self.stepped < self.batch.selected_rows() {
            self.row = match self.batch.selection() {
                Some(selection) => selection[self.stepped] as usize, // There are so many selected rows.
                None => self.stepped,
            };
            self.stepped += 1;
            return Ok(true);
        }
        self.step_on()
    }

    fn step_on(&mut self) -> Result<bool> {
        match self.root_batch()? {
            Some(batch) => {
                self.batch = batch;
                self.stepped = 0;
                self.step()
            }
            None => Ok(false),
        }
    }

    /// The next batch that has a row.
    fn root_batch(&mut self) -> Result<Option<Batch>> {
        self.batch = Batch::default();
        self.stepped = 0;
        let Root::Operators(root) = &mut self.root else { return Ok(None) };
        while self.state == State::Running {
            match root.next(&mut self.context) {
                Ok(Some(batch)) if batch.selected_rows() == 0 => {}
                Ok(Some(batch)) => return Ok(Some(batch)),
                Ok(None) => self.state = State::Ended,
                Err(error) => {
                    self.state = State::Ended;
                    return Err(error);
                }
            }
        }
        Ok(None)
    }

    /// The value of output `column` in the row it stands on; NULL where it stands on none.
    #[inline]
    pub(crate) fn value(&self, column: usize) -> ValueRef<'_> {
        match &self.root {
            Root::Point(point) => point.value(column),
            Root::Operators(_) => match self.outputs.get(column) {
                Some(place) => self.batch.get(*place, self.row),
                None => ValueRef::Null,
            },
        }
    }

    /// Ends the run: snapshot and pages are let go.
    pub(crate) fn stop(&mut self) {
        self.state = State::Stopped;
        match &mut self.root {
            Root::Point(point) => {
                point.reset();
                if self.context.snapshot.is_some() {
                    self.context.end_run();
                }
                return;
            }
            Root::Operators(root) => root.stop(),
        }
        self.context.end_run();
        self.batch = Batch::default();
        self.stepped = 0;
    }
}
