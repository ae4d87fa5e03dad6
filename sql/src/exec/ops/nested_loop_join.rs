//! Nested-loop join: for each left row the right side is started again, with the left columns it uses set as outer
//! columns. A right side that uses none is read once and kept; one that nothing around the join changes is kept
//! through restarts, until the join is stopped.

use super::columns::Columns;
use super::pairs::Pairs;
use super::{Builder, Operator, places};
use crate::error::{Error, Result};
use crate::exec::{BATCH_ROWS, Batch, Context, Vector};
use crate::ir::{ColumnId, Expr, JoinKind};
use crate::plan::{Node, is_closed};
use std::sync::Arc;

/// A join that can apply any condition.
pub(super) struct NestedLoopJoin {
    left: Box<dyn Operator>,
    right: Box<dyn Operator>,
    /// Left columns and the slots they are set in.
    outer: Vec<(usize, usize)>,
    pairs: Pairs,
    kept: Columns,
    /// The right rows, where they are kept.
    build: Vec<Arc<Vector>>,
    build_rows: usize,
    build_is_read: bool,
    /// True if a restart of the join finds the same right rows.
    right_is_closed: bool,
    loop_state: Option<Loop>,
}

/// A left batch being joined.
struct Loop {
    batch: Batch,
    rows: Vec<u32>,
    /// Which of `rows` is next.
    place: usize,
    /// Where in the right rows that one stands: the next kept row.
    right_row: usize,
    /// True while the right side is started for the row.
    is_started: bool,
}

impl NestedLoopJoin {
    pub(super) fn new(
        builder: Builder<'_>,
        node: &Node,
        kind: JoinKind,
        left: &Node,
        right: &Node,
        outer: &[ColumnId],
        on: Option<&Expr>,
    ) -> Result<NestedLoopJoin> {
        if matches!(kind, JoinKind::Right | JoinKind::Full) {
            return Err(Error::Misuse(
                "a nested-loop join cannot keep right rows without partners".to_owned(),
            ));
        }
        let conditions: Vec<&Expr> = on.into_iter().collect();
        let slots = places(outer, builder.outer)?;
        Ok(NestedLoopJoin {
            outer: places(outer, &left.columns)?.into_iter().zip(slots).collect(),
            pairs: Pairs::new(builder, kind, &node.columns, &left.columns, &right.columns, &conditions)?,
            kept: Columns::new(right.columns.len()),
            build: Vec::new(),
            build_rows: 0,
            build_is_read: false,
            right_is_closed: outer.is_empty() && is_closed(right, builder.subplans),
            loop_state: None,
            left: builder.build(left)?,
            right: builder.build(right)?,
        })
    }

    fn forget(&mut self) {
        self.build.clear();
        self.build_rows = 0;
        self.build_is_read = false;
    }

    fn read_right(&mut self, cx: &mut Context) -> Result<()> {
        self.right.reset(cx)?;
        while let Some(batch) = self.right.next(cx)? {
            cx.check_interrupt()?;
            self.kept.append_batch(&batch);
        }
        let kept = self.kept.take();
        (self.build, self.build_rows) = (kept.columns, kept.rows);
        self.build_is_read = true;
        Ok(())
    }

    /// Pairs the rows of `state` with the kept right rows until a batch is full.
    fn pair_kept(&mut self, state: &mut Loop) {
        while let Some(row) = state.rows.get(state.place).copied() {
            while state.right_row < self.build_rows && !self.pairs.row_is_decided() {
                if self.pairs.len() >= BATCH_ROWS {
                    return;
                }
                self.pairs.push(row, state.right_row as u32);
                state.right_row += 1;
            }
            self.pairs.end_row(row);
            state.right_row = 0;
            state.place += 1;
        }
    }

    /// Runs the right side for the rows of `state` until a batch is full. Its rows are collected in `kept`.
    fn pair_restarted(&mut self, state: &mut Loop, cx: &mut Context) -> Result<()> {
        while let Some(row) = state.rows.get(state.place).copied() {
            // Set again when a row is taken up anew: conditions above may have used the slots for rows of theirs.
            for (place, slot) in &self.outer {
                cx.set_outer(*slot, state.batch.get(*place, row as usize));
            }
            if !state.is_started {
                self.right.reset(cx)?;
                state.is_started = true;
            }
            while !self.pairs.row_is_decided() {
                if self.pairs.len() >= BATCH_ROWS {
                    return Ok(());
                }
                let Some(batch) = self.right.next(cx)? else { break };
                let first = self.kept.len();
                self.kept.append_batch(&batch);
                for right in first..self.kept.len() {
                    self.pairs.push(row, right as u32);
                }
            }
            self.pairs.end_row(row);
            state.is_started = false;
            state.place += 1;
            if self.pairs.len() >= BATCH_ROWS {
                return Ok(());
            }
        }
        Ok(())
    }
}

impl Operator for NestedLoopJoin {
    fn reset(&mut self, cx: &mut Context) -> Result<()> {
        self.pairs.clear();
        self.kept.clear();
        if !self.right_is_closed {
            self.forget();
        }
        self.loop_state = None;
        self.left.reset(cx)
    }

    fn next(&mut self, cx: &mut Context) -> Result<Option<Batch>> {
        loop {
            cx.check_interrupt()?;
            let Some(mut state) = self.loop_state.take() else {
                let Some(batch) = self.left.next(cx)? else { return Ok(None) };
                let rows = batch.selected().map(|row| row as u32).collect();
                self.loop_state = Some(Loop { batch, rows, place: 0, right_row: 0, is_started: false });
                continue;
            };
            let is_kept = self.outer.is_empty();
            if is_kept {
                if !self.build_is_read {
                    self.read_right(cx)?;
                }
                self.pair_kept(&mut state);
            } else {
                self.pair_restarted(&mut state, cx)?;
            }
            let mut given = None;
            if self.pairs.len() > 0 {
                let restarted;
                let right = if is_kept {
                    &self.build
                } else {
                    restarted = self.kept.take().columns;
                    &restarted
                };
                given = Some(self.pairs.finish(&state.batch, right, cx, None)?);
            } else {
                self.kept.clear();
            }
            if state.place < state.rows.len() {
                self.loop_state = Some(state);
            }
            if let Some(batch) = given.filter(|batch| batch.selected_rows() > 0) {
                return Ok(Some(batch));
            }
        }
    }

    fn stop(&mut self) {
        self.left.stop();
        self.right.stop();
        self.pairs.clear();
        self.kept.clear();
        self.forget();
        self.loop_state = None;
    }
}
