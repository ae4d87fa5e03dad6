//! Recursive: rows leave a queue one after the other, become rows of the result, and are handed to the steps, whose
//! rows enter the queue.
//!
//! ```text
//! anchor --> queue --> result
//!              ^  |
//!              |  v
//!             steps
//! ```
//! Steps that only filter and compute run row by row over values, without any batch: a chain of a million steps then
//! costs what its expressions cost. Steps that join take up to a batch of the queue at once, since it makes no
//! difference: their rows are put back into the order of the queue's rows that they came of. Where an ORDER BY decides
//! which row is next they take one.

use super::limit::row_count;
use super::recursive_queue::{Order, Rows};
use super::recursive_step::RowStep;
use super::row_keys::{KeyRule, NullKeys, RowKeys};
use super::{Builder, Operator};
use crate::error::Result;
use crate::exec::expr::CompiledExpr;
use crate::exec::vector::VectorBuilder;
use crate::exec::{BATCH_ROWS, Batch, Context, Vector};
use crate::ir::RecursionId;
use crate::plan::{Node, RecursiveNode};
use crate::types::TypeSet;
use crate::value::Value;
use std::sync::Arc;

/// Rows of the first batch handed up; those that follow double, so that who wants few rows computes few.
const FIRST_BATCH_ROWS: usize = 16;

/// Rows looked at between two questions after an interrupt.
const ROWS_PER_CHECK: u32 = 1024;

/// A running recursion.
pub(super) struct Recursive {
    recursion: RecursionId,
    anchor: Box<dyn Operator>,
    steps: Steps,
    width: usize,
    /// The rows that have entered, for UNION.
    seen: Option<RowKeys>,
    queue: Rows,
    /// Places of the columns in which integers become reals.
    reals: Vec<usize>,
    limit: Option<CompiledExpr>,
    offset: Option<CompiledExpr>,
    /// Rows still to leave out.
    skip: u64,
    /// Rows still to give.
    left: u64,
    batch_rows: usize,
    is_anchored: bool,
    builders: Vec<VectorBuilder>,
    /// The row that left the queue last.
    row: Vec<Value>,
    /// What the steps made of it.
    made: Vec<Value>,
}

/// What makes rows of rows.
enum Steps {
    /// Expressions over one row.
    Rows(Vec<RowStep>),
    /// Plans over a batch of the queue.
    Plans(Vec<Box<dyn Operator>>),
}

impl Recursive {
    pub(super) fn new(builder: Builder<'_>, node: &Node, recursive: &RecursiveNode) -> Result<Recursive> {
        let width = node.columns.len();
        let mut by_row = Vec::with_capacity(recursive.steps.len());
        for step in &recursive.steps {
            by_row.extend(RowStep::new(builder, step)?);
        }
        let steps = if by_row.len() == recursive.steps.len() {
            Steps::Rows(by_row)
        } else {
            Steps::Plans(recursive.steps.iter().map(|step| builder.build(step)).collect::<Result<_>>()?)
        };
        let rules = || recursive.collations.iter().map(|collation| KeyRule::by(*collation)).collect();
        let count =
            |expr: &Option<crate::ir::Expr>| expr.as_ref().map(|expr| builder.compile(expr, &[])).transpose();
        Ok(Recursive {
            recursion: recursive.recursion,
            anchor: builder.build(&recursive.anchor)?,
            steps,
            width,
            seen: recursive.distinct.then(|| RowKeys::new(rules(), NullKeys::Equal)),
            queue: Rows::new(width, Order::of(&recursive.order)),
            reals: recursive.reals.clone(),
            limit: count(&recursive.limit)?,
            offset: count(&recursive.offset)?,
            skip: 0,
            left: 0,
            batch_rows: FIRST_BATCH_ROWS,
            is_anchored: false,
            builders: (0..width).map(|_| VectorBuilder::new(TypeSet::EMPTY)).collect(),
            row: Vec::new(),
            made: Vec::new(),
        })
    }

    /// Puts the rows of a batch into the queue; its columns are those of the result, and further ones do not count.
    fn enter_batch(&mut self, batch: &Batch) {
        let (queue, row, reals) = (&mut self.queue, &mut self.row, &self.reals);
        let mut enter = |place: usize| {
            row.clear();
            row.extend(batch.columns.iter().take(queue.width()).map(|column| column.get(place).to_owned()));
            make_real(row, reals);
            queue.push(row);
        };
        match &mut self.seen {
            None => batch.selected().for_each(enter),
            Some(seen) => {
                let columns = batch.columns.get(..self.width).unwrap_or_default();
                let mut fresh = Vec::new();
                seen.insert(columns, batch.selected(), |place, _, is_new| {
                    if is_new {
                        fresh.push(place);
                    }
                });
                // NULLs are numbered after the rest.
                fresh.sort_unstable();
                fresh.into_iter().for_each(&mut enter);
            }
        }
    }

    fn read_anchor(&mut self, cx: &mut Context) -> Result<()> {
        self.anchor.reset(cx)?;
        while let Some(batch) = self.anchor.next(cx)? {
            cx.check_interrupt()?;
            self.enter_batch(&batch);
        }
        self.is_anchored = true;
        Ok(())
    }

    /// Hands the row in `row` up, unless it is to be left out.
    fn give(&mut self) -> bool {
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        self.left -= 1;
        for (builder, value) in self.builders.iter_mut().zip(&self.row) {
            builder.push(value.as_ref());
        }
        true
    }

    /// Runs rows through the queue until `wanted` have come out. How many have.
    fn run_rows(&mut self, wanted: usize, cx: &mut Context) -> Result<usize> {
        let (mut given, mut looked_at) = (0, 0_u32);
        while given < wanted && self.left > 0 && self.queue.pop(&mut self.row) {
            looked_at = looked_at.wrapping_add(1);
            if looked_at.is_multiple_of(ROWS_PER_CHECK) {
                cx.check_interrupt()?;
            }
            given += usize::from(self.give());
            if self.left == 0 {
                break;
            }
            let Steps::Rows(steps) = &mut self.steps else { break };
            for step in steps {
                self.made.clear();
                if !step.run(&self.row, &mut self.made, cx)? {
                    continue;
                }
                make_real(&mut self.made, &self.reals);
                if let Some(seen) = &mut self.seen
                    && !seen.insert_values(&self.made)
                {
                    continue;
                }
                self.queue.push(&mut self.made);
            }
        }
        Ok(given)
    }

    /// As [`Recursive::run_rows`] for steps that are plans: they get a batch of the queue each time.
    fn run_plans(&mut self, wanted: usize, cx: &mut Context) -> Result<usize> {
        let mut given = 0;
        while given < wanted && self.left > 0 {
            cx.check_interrupt()?;
            let most = if self.queue.is_ordered() { 1 } else { wanted.min(BATCH_ROWS) };
            let mut taken: Vec<VectorBuilder> =
                (0..self.width).map(|_| VectorBuilder::new(TypeSet::EMPTY)).collect();
            let mut rows = 0;
            while rows < most && self.left > 0 && self.queue.pop(&mut self.row) {
                for (builder, value) in taken.iter_mut().zip(&self.row) {
                    builder.push(value.as_ref());
                }
                rows += 1;
                given += usize::from(self.give());
            }
            if rows == 0 || self.left == 0 {
                break;
            }
            let mut columns: Vec<Arc<Vector>> =
                taken.into_iter().map(|builder| Arc::new(builder.finish())).collect();
            columns.push(Arc::new(Vector::from_ints((0..rows as i64).collect())));
            cx.set_queue(self.recursion, Batch::new(columns, rows));
            self.run_steps(cx)?;
        }
        Ok(given)
    }

    fn run_steps(&mut self, cx: &mut Context) -> Result<()> {
        let mut made = super::columns::Columns::new(self.width + 1);
        let Steps::Plans(steps) = &mut self.steps else { return Ok(()) };
        for step in steps {
            step.reset(cx)?;
            while let Some(batch) = step.next(cx)? {
                cx.check_interrupt()?;
                made.append_batch(&batch);
            }
        }
        let mut batch = made.take();
        // What came of a row stands before what came of the next, whatever the plan or the step.
        if let Some((sequence, _)) = batch.columns.last().and_then(|column| column.as_int())
            && !sequence.is_sorted()
        {
            let mut order: Vec<u32> = (0..sequence.len() as u32).collect();
            order.sort_by_key(|row| sequence.get(*row as usize).copied());
            let columns = batch.columns.iter().map(|column| Arc::new(column.gather(&order))).collect();
            batch = Batch::new(columns, order.len());
        }
        self.enter_batch(&batch);
        Ok(())
    }
}

/// Integers become reals in the columns at `places`.
fn make_real(row: &mut [Value], places: &[usize]) {
    for place in places {
        if let Some(value) = row.get_mut(*place)
            && let Value::Integer(integer) = value
        {
            *value = Value::Real(*integer as f64);
        }
    }
}

impl Operator for Recursive {
    fn reset(&mut self, cx: &mut Context) -> Result<()> {
        let count = |expr: &mut Option<CompiledExpr>, cx: &mut Context| match expr {
            Some(expr) => row_count(expr, cx),
            None => Ok(None),
        };
        self.left = count(&mut self.limit, cx)?.unwrap_or(u64::MAX);
        self.skip = count(&mut self.offset, cx)?.unwrap_or(0);
        self.queue.clear();
        if let Some(seen) = &mut self.seen {
            seen.clear();
        }
        self.batch_rows = FIRST_BATCH_ROWS;
        self.is_anchored = false;
        Ok(())
    }

    fn next(&mut self, cx: &mut Context) -> Result<Option<Batch>> {
        cx.check_interrupt()?;
        if self.left == 0 {
            return Ok(None);
        }
        if !self.is_anchored {
            self.read_anchor(cx)?;
        }
        let wanted = self.batch_rows;
        self.batch_rows = (wanted * 2).min(BATCH_ROWS);
        let given = match self.steps {
            Steps::Rows(_) => self.run_rows(wanted, cx)?,
            Steps::Plans(_) => self.run_plans(wanted, cx)?,
        };
        if given == 0 {
            return Ok(None);
        }
        let columns = self.builders.iter_mut().map(|builder| Arc::new(builder.take())).collect();
        Ok(Some(Batch::new(columns, given)))
    }

    fn stop(&mut self) {
        self.anchor.stop();
        if let Steps::Plans(steps) = &mut self.steps {
            steps.iter_mut().for_each(|step| step.stop());
        }
        self.queue.clear();
        self.left = 0;
    }
}
