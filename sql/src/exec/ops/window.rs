//! Window: the rows as they come, partition by partition, with the results of window functions behind their columns.
//!
//! The input is sorted by the window's keys. All of it is read, then each call makes a column of results, a partition
//! after the other.

use super::columns::Columns;
use super::window_aggregate::OverFrames;
use super::window_call::{Partition, compute_own};
use super::window_frame::FrameRule;
use super::{Builder, Operator};
use crate::error::Result;
use crate::exec::expr::CompiledExpr;
use crate::exec::expr::scalar::compare_values;
use crate::exec::vector::VectorBuilder;
use crate::exec::{BATCH_ROWS, Batch, Context, Vector};
use crate::ir::{Comparison, OwnWindowFunction, Window as Planned, WindowCall, WindowFunction};
use crate::plan::Node;
use crate::types::{Collation, TypeSet};
use std::cmp::Ordering;
use std::sync::Arc;

/// Window functions over one partition and order.
pub(super) struct Window {
    input: Box<dyn Operator>,
    width: usize,
    partition: Vec<(CompiledExpr, Collation)>,
    order: Vec<(CompiledExpr, Collation)>,
    /// Whether the first key of the order descends, and whether its NULLs come first: for frames by distance.
    direction: (bool, bool),
    calls: Vec<Call>,
    kept: Columns,
    /// The input's columns and the results, once all rows are read.
    result: Option<Batch>,
    given: usize,
}

/// One call, compiled.
struct Call {
    args: Vec<CompiledExpr>,
    filter: Option<CompiledExpr>,
    frame: FrameRule,
    body: Body,
}

enum Body {
    Own(OwnWindowFunction),
    Aggregate(OverFrames),
}

impl Window {
    pub(super) fn new(
        builder: Builder<'_>,
        input: &Node,
        window: &Planned,
        calls: &[WindowCall],
    ) -> Result<Window> {
        let layout = &input.columns;
        let mut partition = Vec::with_capacity(window.partition.len());
        for (expr, collation) in &window.partition {
            partition.push((builder.compile(expr, layout)?, *collation));
        }
        let mut order = Vec::with_capacity(window.order.len());
        for key in &window.order {
            order.push((builder.compile(&key.expr, layout)?, key.collation));
        }
        let compile = |call: &WindowCall| -> Result<Call> {
            Ok(Call {
                args: builder.compile_all(&call.args, layout)?,
                filter: call.filter.as_ref().map(|filter| builder.compile(filter, layout)).transpose()?,
                frame: FrameRule::new(builder, &call.frame)?,
                body: match &call.function {
                    WindowFunction::Own(own) => Body::Own(*own),
                    WindowFunction::Aggregate(function) => {
                        Body::Aggregate(OverFrames::new(function, call.collation))
                    }
                },
            })
        };
        Ok(Window {
            width: layout.len(),
            partition,
            order,
            direction: window.order.first().map_or((false, true), |key| (key.descending, key.nulls_first)),
            calls: calls.iter().map(compile).collect::<Result<_>>()?,
            kept: Columns::new(layout.len()),
            result: None,
            given: 0,
            input: builder.build(input)?,
        })
    }

    fn read_all(&mut self, cx: &mut Context) -> Result<Batch> {
        while let Some(batch) = self.input.next(cx)? {
            cx.check_interrupt()?;
            self.kept.append_batch(&batch);
        }
        let batch = self.kept.take();
        let partition_starts = starts(&mut self.partition, &batch, cx)?;
        let mut peer_starts = starts(&mut self.order, &batch, cx)?;
        // A partition ends a group of peers, whatever the values.
        for (peer, partition) in peer_starts.iter_mut().zip(&partition_starts) {
            *peer |= *partition;
        }
        let order_values = match self.order.as_mut_slice() {
            [(only, _)] => Some(only.eval(&batch, cx)?),
            _ => None,
        };
        let partitions = partitions(&partition_starts, &peer_starts);
        let mut columns = batch.columns.clone();
        for call in &mut self.calls {
            cx.check_interrupt()?;
            columns.push(Arc::new(call.compute(
                &batch,
                &partitions,
                order_values.as_deref(),
                self.direction,
                cx,
            )?));
        }
        Ok(Batch::new(columns, batch.rows))
    }
}

impl Call {
    fn compute(
        &mut self,
        batch: &Batch,
        partitions: &[Partition],
        order_values: Option<&Vector>,
        direction: (bool, bool),
        cx: &mut Context,
    ) -> Result<Vector> {
        let mut args = Vec::with_capacity(self.args.len());
        for arg in &mut self.args {
            args.push(arg.eval(batch, cx)?);
        }
        let mut passed = None;
        if let Some(filter) = &mut self.filter {
            let mut chosen = Vec::new();
            filter.select(batch, cx, &mut chosen)?;
            let mut passes = vec![false; batch.rows];
            for row in chosen {
                passes[row as usize] = true; // A row of the batch.
            }
            passed = Some(passes);
        }
        let mut results = VectorBuilder::new(TypeSet::EMPTY);
        results.reserve(batch.rows);
        if batch.rows > 0 {
            self.frame.evaluate(cx)?;
        }
        for partition in partitions {
            cx.check_interrupt()?;
            match &mut self.body {
                Body::Own(own) if !takes_frame(*own) => {
                    compute_own(*own, partition, &args, None, &mut results)?;
                }
                Body::Own(own) => {
                    let frames = self.frame.frames(partition, order_values, direction);
                    compute_own(*own, partition, &args, Some(&frames), &mut results)?;
                }
                Body::Aggregate(over) => {
                    let frames = self.frame.frames(partition, order_values, direction);
                    over.compute(partition, &frames, &args, passed.as_deref(), &mut results, cx)?;
                }
            }
        }
        Ok(results.finish())
    }
}

/// The functions that look at the frame; the others see the whole partition.
fn takes_frame(function: OwnWindowFunction) -> bool {
    use OwnWindowFunction as Own;
    matches!(function, Own::FirstValue | Own::LastValue | Own::NthValue)
}

/// For each row: whether it differs from the row before it in some key.
fn starts(keys: &mut [(CompiledExpr, Collation)], batch: &Batch, cx: &mut Context) -> Result<Vec<bool>> {
    let mut starts = vec![false; batch.rows];
    if let Some(first) = starts.first_mut() {
        *first = true;
    }
    for (key, collation) in keys {
        let values = key.eval(batch, cx)?;
        let rule = Comparison { collation: *collation, ..Comparison::default() };
        for (row, start) in starts.iter_mut().enumerate().skip(1) {
            let (before, value) = (values.get(row - 1), values.get(row));
            let equal = match compare_values(before, value, rule) {
                Some(order) => order == Ordering::Equal,
                None => before.is_null() && value.is_null(),
            };
            *start |= !equal;
        }
    }
    Ok(starts)
}

/// The partitions and the groups of peers in each.
fn partitions(partition_starts: &[bool], peer_starts: &[bool]) -> Vec<Partition> {
    let mut partitions: Vec<Partition> = Vec::new();
    for (row, (starts_partition, starts_group)) in partition_starts.iter().zip(peer_starts).enumerate() {
        if *starts_partition {
            partitions.push(Partition { start: row, end: row, groups: Vec::new() });
        }
        if let Some(partition) = partitions.last_mut() {
            if *starts_group {
                partition.groups.push(row);
            }
            partition.end = row + 1;
        }
    }
    partitions
}

impl Operator for Window {
    fn reset(&mut self, cx: &mut Context) -> Result<()> {
        self.kept.clear();
        self.result = None;
        self.given = 0;
        self.input.reset(cx)
    }

    fn next(&mut self, cx: &mut Context) -> Result<Option<Batch>> {
        if self.result.is_none() {
            let result = self.read_all(cx)?;
            debug_assert_eq!(result.columns.len(), self.width + self.calls.len());
            self.result = Some(result);
        }
        cx.check_interrupt()?;
        let Some(result) = &self.result else { return Ok(None) };
        let end = result.rows.min(self.given + BATCH_ROWS);
        if self.given >= end {
            return Ok(None);
        }
        let rows: Vec<u32> = (self.given as u32..end as u32).collect();
        self.given = end;
        let columns = result.columns.iter().map(|column| Arc::new(column.gather(&rows))).collect();
        Ok(Some(Batch::new(columns, rows.len())))
    }

    fn stop(&mut self) {
        self.input.stop();
        self.kept.clear();
        self.result = Some(Batch::default());
        self.given = 0;
    }
}
