//! Aggregates over frames, in one pass.
//!
//! A frame that only grows is added to. Where rows leave it too, counts and sums take them out again as SQLite does,
//! and min and max keep a line of those rows that may still become the best. Frames with holes (EXCLUDE) ask a tree
//! of partial results. Other aggregates start anew where rows leave: what they give is as long as the frame.

use super::window_call::Partition;
use super::window_frame::Frames;
use crate::error::Result;
use crate::exec::vector::VectorBuilder;
use crate::exec::{Context, Vector};
use crate::functions::aggregate::{Sum, beats};
use crate::functions::{AggregateFunction, AggregateKind, AggregateState};
use crate::types::Collation;
use crate::value::{Value, ValueRef};
use smallvec::SmallVec;
use std::cmp::Ordering;
use std::collections::VecDeque;
use std::sync::Arc;

/// Frames computed between two questions after an interrupt.
const FRAMES_PER_CHECK: usize = 4096;

/// One aggregate over frames.
pub(super) struct OverFrames {
    function: AggregateFunction,
    collation: Collation,
}

/// The rows of a partition as an aggregate takes them.
#[derive(Clone, Copy)]
struct Input<'a> {
    args: &'a [Arc<Vector>],
    passed: Option<&'a [bool]>,
}

impl<'a> Input<'a> {
    /// The first argument of a row that counts.
    fn value(&self, row: usize) -> Option<ValueRef<'a>> {
        self.counts(row).then(|| self.args.first().map(|arg| arg.get(row)).unwrap_or_default())
    }

    fn counts(&self, row: usize) -> bool {
        self.passed.is_none_or(|passed| passed.get(row).copied().unwrap_or(false))
    }
}

/// What rows enter and, in order, leave.
trait Sliding {
    fn enter(&mut self, row: usize, input: Input<'_>) -> Result<()>;
    /// Takes out the row that entered first. False if that cannot be done.
    fn leave(&mut self, row: usize, input: Input<'_>) -> bool;
    fn result(&mut self, input: Input<'_>) -> Result<Value>;
    fn clear(&mut self);
}

/// Partial results of ranges of rows.
trait Mergeable: Clone {
    fn merge(&mut self, later: &Self, input: Input<'_>);
}

impl OverFrames {
    pub(super) fn new(function: &AggregateFunction, collation: Collation) -> OverFrames {
        OverFrames { function: function.clone(), collation }
    }

    /// Adds the results for the rows of a partition.
    pub(super) fn compute(
        &self,
        partition: &Partition,
        frames: &Frames,
        args: &[Arc<Vector>],
        passed: Option<&[bool]>,
        results: &mut VectorBuilder,
        cx: &Context,
    ) -> Result<()> {
        let input = Input { args, passed };
        let kind = self.function.0.kind;
        if frames.exclude.is_some() {
            return self.with_holes(partition, frames, input, results, cx);
        }
        match kind {
            AggregateKind::CountRows | AggregateKind::Count => {
                let of_rows = kind == AggregateKind::CountRows;
                slide(&mut Count { count: 0, of_rows }, partition, frames, input, results, cx)
            }
            AggregateKind::Sum | AggregateKind::Total | AggregateKind::Average => {
                slide(&mut Running { sum: Sum::default(), kind }, partition, frames, input, results, cx)
            }
            AggregateKind::Min | AggregateKind::Max => {
                let mut best = Best {
                    line: VecDeque::new(),
                    wanted: wanted(kind),
                    collation: self.collation,
                    takes_last: frames.slides,
                };
                slide(&mut best, partition, frames, input, results, cx)
            }
            AggregateKind::Other => {
                let mut whole = Whole::new(&self.function, self.collation);
                slide(&mut whole, partition, frames, input, results, cx)
            }
        }
    }

    /// EXCLUDE: each frame is up to three ranges.
    fn with_holes(
        &self,
        partition: &Partition,
        frames: &Frames,
        input: Input<'_>,
        results: &mut VectorBuilder,
        cx: &Context,
    ) -> Result<()> {
        let kind = self.function.0.kind;
        match kind {
            AggregateKind::CountRows
            | AggregateKind::Count
            | AggregateKind::Sum
            | AggregateKind::Total
            | AggregateKind::Average => {
                let leaf = |row: usize| {
                    let mut sum = Sum::default();
                    match input.value(row) {
                        Some(_) if kind == AggregateKind::CountRows => sum.add_integer(0),
                        Some(value) if kind == AggregateKind::Count && !value.is_null() => sum.add_integer(0),
                        Some(value) if kind != AggregateKind::Count => sum.add(value),
                        _ => {}
                    }
                    sum
                };
                let tree = Tree::new(partition, Sum::default(), leaf, input);
                for place in 0..partition.rows() {
                    check(place, cx)?;
                    let mut sum = Sum::default();
                    for (start, end) in frames.parts(partition, place) {
                        tree.query(start, end, &mut sum, input);
                    }
                    results.push(summed(&sum, kind)?.as_ref());
                }
            }
            AggregateKind::Min | AggregateKind::Max => {
                let empty = BestRow { row: None, wanted: wanted(kind), collation: self.collation };
                let leaf = |row: usize| {
                    let present = input.value(row).is_some_and(|value| !value.is_null());
                    BestRow { row: present.then_some(row), ..empty }
                };
                let tree = Tree::new(partition, empty, leaf, input);
                for place in 0..partition.rows() {
                    check(place, cx)?;
                    let mut best = empty;
                    for (start, end) in frames.parts(partition, place) {
                        tree.query(start, end, &mut best, input);
                    }
                    results.push(best.row.and_then(|row| input.value(row)).unwrap_or_default());
                }
            }
            AggregateKind::Other => {
                let mut whole = Whole::new(&self.function, self.collation);
                for place in 0..partition.rows() {
                    cx.check_interrupt()?;
                    whole.clear();
                    for (start, end) in frames.parts(partition, place) {
                        for row in start..end {
                            whole.enter(row, input)?;
                        }
                    }
                    results.push(whole.result(input)?.as_ref());
                }
            }
        }
        Ok(())
    }
}

fn check(place: usize, cx: &Context) -> Result<()> {
    if place.is_multiple_of(FRAMES_PER_CHECK) { cx.check_interrupt() } else { Ok(()) }
}

fn wanted(kind: AggregateKind) -> Ordering {
    if kind == AggregateKind::Min { Ordering::Less } else { Ordering::Greater }
}

/// Moves a frame over the partition. Its ends never go back.
fn slide(
    state: &mut dyn Sliding,
    partition: &Partition,
    frames: &Frames,
    input: Input<'_>,
    results: &mut VectorBuilder,
    cx: &Context,
) -> Result<()> {
    state.clear();
    let (mut first, mut behind) = (partition.start, partition.start);
    let mut last: Option<((usize, usize), Value)> = None;
    for (place, bounds) in frames.bounds.iter().enumerate() {
        check(place, cx)?;
        if let Some((same, value)) = &last
            && same == bounds
        {
            results.push(value.as_ref());
            continue;
        }
        let (start, end) = *bounds;
        if frames.enters_first {
            while behind < end.max(start) {
                state.enter(behind, input)?;
                behind += 1;
            }
        }
        let mut starts_anew = false;
        while first < start.min(behind) && !starts_anew {
            starts_anew = !state.leave(first, input);
            first += 1;
        }
        if starts_anew {
            state.clear();
            (first, behind) = (start, start);
        }
        while behind < end {
            if behind < start && starts_anew {
                behind = start;
                continue;
            }
            state.enter(behind, input)?;
            behind += 1;
        }
        while behind < start {
            state.enter(behind, input)?;
            behind += 1;
        }
        while first < start {
            if !state.leave(first, input) {
                state.clear();
                first = start;
                for row in start..behind {
                    state.enter(row, input)?;
                }
                break;
            }
            first += 1;
        }
        let value = state.result(input)?;
        results.push(value.as_ref());
        last = Some((*bounds, value));
    }
    Ok(())
}

/// count.
struct Count {
    count: i64,
    of_rows: bool,
}

impl Count {
    fn of(&self, row: usize, input: Input<'_>) -> i64 {
        i64::from(input.value(row).is_some_and(|value| self.of_rows || !value.is_null()))
    }
}

impl Sliding for Count {
    fn enter(&mut self, row: usize, input: Input<'_>) -> Result<()> {
        self.count += self.of(row, input);
        Ok(())
    }

    fn leave(&mut self, row: usize, input: Input<'_>) -> bool {
        self.count -= self.of(row, input);
        true
    }

    fn result(&mut self, _: Input<'_>) -> Result<Value> {
        Ok(Value::Integer(self.count))
    }

    fn clear(&mut self) {
        self.count = 0;
    }
}

/// sum, total and avg.
struct Running {
    sum: Sum,
    kind: AggregateKind,
}

fn summed(sum: &Sum, kind: AggregateKind) -> Result<Value> {
    match kind {
        AggregateKind::CountRows | AggregateKind::Count => Ok(Value::Integer(sum.count())),
        AggregateKind::Total => Ok(sum.total()),
        AggregateKind::Average => Ok(sum.average()),
        _ => sum.sum(),
    }
}

impl Sliding for Running {
    fn enter(&mut self, row: usize, input: Input<'_>) -> Result<()> {
        if let Some(value) = input.value(row) {
            self.sum.add(value);
        }
        Ok(())
    }

    fn leave(&mut self, row: usize, input: Input<'_>) -> bool {
        if let Some(value) = input.value(row) {
            self.sum.remove(value);
        }
        true
    }

    fn result(&mut self, _: Input<'_>) -> Result<Value> {
        summed(&self.sum, self.kind)
    }

    fn clear(&mut self) {
        self.sum = Sum::default();
    }
}

/// min and max: the rows that nothing behind them beats, best first. Of equal ones SQLite gives the last where rows
/// may leave the frame, else the first.
struct Best {
    line: VecDeque<usize>,
    wanted: Ordering,
    collation: Collation,
    takes_last: bool,
}

impl Sliding for Best {
    fn enter(&mut self, row: usize, input: Input<'_>) -> Result<()> {
        let Some(value) = input.value(row).filter(|value| !value.is_null()) else { return Ok(()) };
        while let Some(last) = self.line.back() {
            let known = input.value(*last).unwrap_or_default();
            let stays = if self.takes_last {
                beats(known, value, self.wanted, self.collation)
            } else {
                !beats(value, known, self.wanted, self.collation)
            };
            if stays {
                break;
            }
            self.line.pop_back();
        }
        self.line.push_back(row);
        Ok(())
    }

    fn leave(&mut self, row: usize, _: Input<'_>) -> bool {
        if self.line.front() == Some(&row) {
            self.line.pop_front();
        }
        true
    }

    fn result(&mut self, input: Input<'_>) -> Result<Value> {
        let best = self.line.front().and_then(|row| input.value(*row));
        Ok(best.unwrap_or_default().to_owned())
    }

    fn clear(&mut self) {
        self.line.clear();
    }
}

/// An aggregate of which no row can be taken out.
struct Whole<'a> {
    state: Box<dyn AggregateState>,
    function: &'a AggregateFunction,
    collation: Collation,
}

impl Whole<'_> {
    fn new(function: &AggregateFunction, collation: Collation) -> Whole<'_> {
        Whole { state: function.state(collation), function, collation }
    }
}

impl Sliding for Whole<'_> {
    fn enter(&mut self, row: usize, input: Input<'_>) -> Result<()> {
        if !input.counts(row) {
            return Ok(());
        }
        let values: SmallVec<[ValueRef<'_>; 2]> = input.args.iter().map(|arg| arg.get(row)).collect();
        self.state.step(&values)
    }

    fn leave(&mut self, row: usize, input: Input<'_>) -> bool {
        if !input.counts(row) {
            return true;
        }
        let values: SmallVec<[ValueRef<'_>; 2]> = input.args.iter().map(|arg| arg.get(row)).collect();
        self.state.leave(&values)
    }

    fn result(&mut self, _: Input<'_>) -> Result<Value> {
        self.state.finish()
    }

    fn clear(&mut self) {
        self.state = self.function.state(self.collation);
    }
}

impl Mergeable for Sum {
    fn merge(&mut self, later: &Sum, _: Input<'_>) {
        self.add_sum(later);
    }
}

/// The row of the best value; of equal ones the first.
#[derive(Clone, Copy)]
struct BestRow {
    row: Option<usize>,
    wanted: Ordering,
    collation: Collation,
}

impl Mergeable for BestRow {
    fn merge(&mut self, later: &BestRow, input: Input<'_>) {
        let Some(row) = later.row else { return };
        let value = |row: usize| input.value(row).unwrap_or_default();
        if self.row.is_none_or(|best| beats(value(row), value(best), self.wanted, self.collation)) {
            self.row = Some(row);
        }
    }
}

/// A segment tree: the partial result of each run of rows whose length is a power of two and which starts at a
/// multiple of it. Any range is the merge of at most two runs of each length, from left to right.
struct Tree<T> {
    first: usize,
    /// Runs by length, from single rows up.
    levels: Vec<Vec<T>>,
}

impl<T: Mergeable> Tree<T> {
    fn new(partition: &Partition, empty: T, leaf: impl Fn(usize) -> T, input: Input<'_>) -> Tree<T> {
        let mut levels: Vec<Vec<T>> = vec![(partition.start..partition.end).map(leaf).collect()];
        while let Some(below) = levels.last().filter(|below| below.len() > 1) {
            let above = below
                .chunks(2)
                .map(|pair| {
                    let mut run = empty.clone();
                    pair.iter().for_each(|part| run.merge(part, input));
                    run
                })
                .collect();
            levels.push(above);
        }
        Tree { first: partition.start, levels }
    }

    /// Merges the rows from `start` up to `end` behind `into`.
    fn query(&self, start: usize, end: usize, into: &mut T, input: Input<'_>) {
        let (mut start, mut end) = (start - self.first, end - self.first);
        // Runs at the right end are found from short to long and merged the other way round.
        let mut right: SmallVec<[&T; 32]> = SmallVec::new();
        for level in &self.levels {
            if start >= end {
                break;
            }
            if start % 2 == 1 {
                level.get(start).into_iter().for_each(|run| into.merge(run, input));
                start += 1;
            }
            if end % 2 == 1 {
                end -= 1;
                right.extend(level.get(end));
            }
            (start, end) = (start / 2, end / 2);
        }
        right.into_iter().rev().for_each(|run| into.merge(run, input));
    }
}
