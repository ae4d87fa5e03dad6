//! The functions that only windows have: numbers of rows, ranks, and values of other rows.

use super::window_frame::Frames;
use crate::error::{Error, Result};
use crate::exec::Vector;
use crate::exec::expr::scalar::{apply_affinity, arithmetic};
use crate::exec::vector::VectorBuilder;
use crate::functions::number::to_integer;
use crate::ir::{ArithmeticOp, OwnWindowFunction as Own};
use crate::types::Affinity;
use crate::value::{Value, ValueRef};
use std::sync::Arc;

/// Rows that belong together: from `start` up to `end`.
#[derive(Debug)]
pub(super) struct Partition {
    pub(super) start: usize,
    pub(super) end: usize,
    /// The first row of each group of peers.
    pub(super) groups: Vec<usize>,
}

impl Partition {
    pub(super) fn rows(&self) -> usize {
        self.end - self.start
    }

    /// The first row of a group of peers; the end behind the last.
    pub(super) fn group_start(&self, group: usize) -> usize {
        self.groups.get(group).copied().unwrap_or(self.end)
    }

    /// The groups of peers: first row, and row behind the last.
    pub(super) fn peer_groups(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.groups.iter().enumerate().map(|(group, start)| (*start, self.group_start(group + 1)))
    }
}

/// Computes a function for the rows of a partition.
pub(super) fn compute_own(
    function: Own,
    partition: &Partition,
    args: &[Arc<Vector>],
    frames: Option<&Frames>,
    results: &mut VectorBuilder,
) -> Result<()> {
    let rows = partition.rows();
    match function {
        Own::RowNumber => (1..=rows as i64).for_each(|number| results.push_int(number)),
        Own::Rank => {
            by_group(partition, |_, start, _| Value::Integer((start - partition.start) as i64 + 1), results)
        }
        Own::DenseRank => by_group(partition, |group, _, _| Value::Integer(group as i64 + 1), results),
        Own::PercentRank => by_group(
            partition,
            |_, start, _| {
                let others = rows.saturating_sub(1).max(1);
                Value::Real((start - partition.start) as f64 / others as f64)
            },
            results,
        ),
        Own::CumeDist => by_group(
            partition,
            |_, _, end| Value::Real((end - partition.start) as f64 / rows as f64),
            results,
        ),
        Own::Ntile => ntile(partition, args, results)?,
        Own::Lag => shifted(ArithmeticOp::Subtract, partition, args, results),
        Own::Lead => shifted(ArithmeticOp::Add, partition, args, results),
        Own::FirstValue | Own::LastValue | Own::NthValue => {
            if let (Some(frames), Some(values)) = (frames, args.first()) {
                of_frame(function, partition, values, args.get(1), frames, results)?;
            }
        }
    }
    Ok(())
}

/// One value for all rows of a group of peers, by the group's number, its first row and the row behind its last.
fn by_group(
    partition: &Partition,
    value: impl Fn(usize, usize, usize) -> Value,
    results: &mut VectorBuilder,
) {
    for (group, (start, end)) in partition.peer_groups().enumerate() {
        let value = value(group, start, end);
        (start..end).for_each(|_| results.push(value.as_ref()));
    }
}

fn ntile(partition: &Partition, args: &[Arc<Vector>], results: &mut VectorBuilder) -> Result<()> {
    let buckets = args.first().map_or(0, |arg| to_integer(arg.get(partition.start)));
    if buckets <= 0 {
        return Err(Error::Evaluation("argument of ntile must be a positive integer".to_owned()));
    }
    let rows = partition.rows() as i64;
    let size = rows / buckets;
    // The first buckets take the rows that are left over, one each.
    let large = rows % buckets;
    let in_large = large * (size + 1);
    for row in 0..rows {
        let bucket = if size == 0 {
            row
        } else if row < in_large {
            row / (size + 1)
        } else {
            large + (row - in_large) / size
        };
        results.push_int(bucket + 1);
    }
    Ok(())
}

/// A real as the whole number that it is, if it can name a row.
fn whole(real: f64) -> Option<i64> {
    (real == real.trunc() && real.abs() < 9e15).then_some(real as i64)
}

/// The value of the row so many rows away, or the default of the row at hand.
fn shifted(op: ArithmeticOp, partition: &Partition, args: &[Arc<Vector>], results: &mut VectorBuilder) {
    let Some(values) = args.first() else { return };
    let rows = partition.rows() as i64;
    for place in 0..rows {
        let row = partition.start + place as usize;
        let distance = args.get(1).map_or(ValueRef::Integer(1), |arg| arg.get(row));
        // Any number may be a distance; one that names no row finds none.
        let target = arithmetic(op, ValueRef::Integer(place), distance);
        let target = match target {
            Ok(ValueRef::Integer(target)) => Some(target),
            Ok(ValueRef::Decimal(target)) => whole(target.to_real()),
            Ok(ValueRef::Real(real)) => whole(real),
            _ => None,
        };
        match target.filter(|target| (0..rows).contains(target)) {
            Some(target) => results.push(values.get(partition.start + target as usize)),
            None => results.push(args.get(2).map(|arg| arg.get(row)).unwrap_or_default()),
        }
    }
}

fn of_frame(
    function: Own,
    partition: &Partition,
    values: &Vector,
    number: Option<&Arc<Vector>>,
    frames: &Frames,
    results: &mut VectorBuilder,
) -> Result<()> {
    for place in 0..partition.rows() {
        let parts = frames.parts(partition, place);
        let row = match function {
            Own::FirstValue => parts.first().map(|(start, _)| *start),
            Own::LastValue => parts.last().map(|(_, end)| end - 1),
            _ => {
                let mut left =
                    positive(number.map(|n| n.get(partition.start + place)).unwrap_or_default())? - 1;
                parts.iter().find_map(|(start, end)| {
                    let here = (end - start) as i64;
                    if left < here {
                        return Some(start + left as usize);
                    }
                    left -= here;
                    None
                })
            }
        };
        results.push(row.map(|row| values.get(row)).unwrap_or_default());
    }
    Ok(())
}

/// The number of the value asked for.
fn positive(value: ValueRef<'_>) -> Result<i64> {
    let number = match apply_affinity(value.to_owned(), Affinity::Numeric) {
        Value::Integer(number) => number,
        Value::Real(real) if real == real.trunc() && real.abs() < 9e18 => real as i64,
        _ => 0,
    };
    if number > 0 {
        return Ok(number);
    }
    Err(Error::Evaluation("second argument to nth_value must be a positive integer".to_owned()))
}
