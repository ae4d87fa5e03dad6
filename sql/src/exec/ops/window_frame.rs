//! Frames: which rows of its partition a window function sees from each row.

use super::Builder;
use super::values::one_row;
use super::window_call::Partition;
use crate::error::{Error, Result};
use crate::exec::expr::CompiledExpr;
use crate::exec::expr::scalar::{apply_affinity, arithmetic, compare_values};
use crate::exec::{Context, Vector};
use crate::functions::number::to_real;
use crate::ir::{ArithmeticOp, Comparison, Frame, FrameBound, FrameUnit};
use crate::parser::Exclude;
use crate::types::Affinity;
use crate::value::{Value, ValueRef};
use smallvec::SmallVec;
use std::cmp::Ordering;

/// A frame clause, compiled.
pub(super) struct FrameRule {
    unit: FrameUnit,
    start: Bound,
    end: Bound,
    exclude: Option<Exclude>,
}

/// One end of a frame.
struct Bound {
    place: Place,
    /// For an end that is counted: how far it is away.
    distance: Option<CompiledExpr>,
    value: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    First,
    Before,
    Current,
    Behind,
    Last,
}

/// The frames of a partition's rows, by place of the row in it: first row, and row behind the last.
pub(super) struct Frames {
    pub(super) bounds: Vec<(usize, usize)>,
    pub(super) exclude: Option<Exclude>,
    /// For EXCLUDE: the group of peers of each row.
    peers: Vec<(usize, usize)>,
    /// True where rows enter the sum before others leave it, as in SQLite's frames by distance.
    pub(super) enters_first: bool,
    /// True if rows may leave.
    pub(super) slides: bool,
}

/// The parts of one frame, in order, none empty.
pub(super) type Parts = SmallVec<[(usize, usize); 3]>;

impl Frames {
    /// The rows that the row at `place` of the partition sees.
    pub(super) fn parts(&self, partition: &Partition, place: usize) -> Parts {
        let (start, end) = self.bounds.get(place).copied().unwrap_or_default();
        let row = partition.start + place;
        let (peers_start, peers_end) = self.peers.get(place).copied().unwrap_or((row, row + 1));
        let holes: &[(usize, usize)] = match self.exclude {
            None | Some(Exclude::NoOthers) => &[],
            Some(Exclude::CurrentRow) => &[(row, row + 1)],
            Some(Exclude::Group) => &[(peers_start, peers_end)],
            Some(Exclude::Ties) => &[(peers_start, row), (row + 1, peers_end)],
        };
        let mut parts = Parts::new();
        let mut next = start;
        for (hole_start, hole_end) in holes {
            if next < (*hole_start).min(end) {
                parts.push((next, (*hole_start).min(end)));
            }
            next = next.max(*hole_end);
        }
        if next < end {
            parts.push((next, end));
        }
        parts
    }
}

impl FrameRule {
    pub(super) fn new(builder: Builder<'_>, frame: &Frame) -> Result<FrameRule> {
        let bound = |bound: &FrameBound| -> Result<Bound> {
            let (place, distance) = match bound {
                FrameBound::UnboundedPreceding => (Place::First, None),
                FrameBound::Preceding(expr) => (Place::Before, Some(builder.compile(expr, &[])?)),
                FrameBound::CurrentRow => (Place::Current, None),
                FrameBound::Following(expr) => (Place::Behind, Some(builder.compile(expr, &[])?)),
                FrameBound::UnboundedFollowing => (Place::Last, None),
            };
            Ok(Bound { place, distance, value: Value::Null })
        };
        let (start, end) = (bound(&frame.start)?, bound(&frame.end)?);
        Ok(FrameRule { unit: frame.unit, start, end, exclude: frame.exclude })
    }

    /// Computes how far the ends are away.
    pub(super) fn evaluate(&mut self, cx: &mut Context) -> Result<()> {
        let by_value = self.unit == FrameUnit::Range;
        for (bound, name) in [(&mut self.start, "starting"), (&mut self.end, "ending")] {
            let Some(distance) = &mut bound.distance else { continue };
            let value = apply_affinity(distance.eval(&one_row(), cx)?.get(0).to_owned(), Affinity::Numeric);
            bound.value = match value {
                Value::Real(real) if !by_value && real == real.trunc() && real.abs() < 9e18 => {
                    Value::Integer(real as i64)
                }
                value => value,
            };
            let fits = match &bound.value {
                Value::Integer(integer) => *integer >= 0,
                Value::Real(real) => by_value && *real >= 0.0,
                Value::Decimal(decimal) => by_value && decimal.to_real() >= 0.0,
                _ => false,
            };
            if !fits {
                let kind = if by_value { "number" } else { "integer" };
                let message = format!("frame {name} offset must be a non-negative {kind}");
                return Err(Error::Evaluation(message));
            }
        }
        Ok(())
    }

    /// The frames of all rows of a partition. `order` are the values of the only key, for frames by distance, and
    /// `direction` whether it descends and whether its NULLs come first.
    pub(super) fn frames(
        &self,
        partition: &Partition,
        order: Option<&Vector>,
        direction: (bool, bool),
    ) -> Frames {
        let mut bounds = Vec::with_capacity(partition.end - partition.start);
        let mut peers = Vec::new();
        for (group, (peers_start, peers_end)) in partition.peer_groups().enumerate() {
            for row in peers_start..peers_end {
                let at = At { partition, order, direction, row, group, peers: (peers_start, peers_end) };
                let start = self.start.start(self.unit, &at);
                let end = self.end.end(self.unit, &at);
                bounds.push((start.min(partition.end), end.max(start).min(partition.end)));
                if self.exclude.is_some() {
                    peers.push((peers_start, peers_end));
                }
            }
        }
        let enters_first = self.unit == FrameUnit::Range;
        let slides = self.start.place != Place::First;
        Frames { bounds, exclude: self.exclude, peers, enters_first, slides }
    }
}

/// A row, and what is around it.
struct At<'p> {
    partition: &'p Partition,
    order: Option<&'p Vector>,
    direction: (bool, bool),
    row: usize,
    group: usize,
    peers: (usize, usize),
}

impl Bound {
    fn count(&self) -> usize {
        match self.value {
            Value::Integer(count) => usize::try_from(count).unwrap_or(usize::MAX),
            _ => 0,
        }
    }

    /// The frame's first row.
    fn start(&self, unit: FrameUnit, at: &At<'_>) -> usize {
        let (first, behind) = (at.partition.start, at.partition.end);
        match (self.place, unit) {
            (Place::First, _) => first,
            (Place::Last, _) => behind,
            (Place::Current, FrameUnit::Rows) => at.row,
            (Place::Current, _) => at.peers.0,
            (Place::Before, FrameUnit::Rows) => at.row.saturating_sub(self.count()).max(first),
            (Place::Behind, FrameUnit::Rows) => at.row.saturating_add(self.count()).min(behind),
            (Place::Before, FrameUnit::Groups) => {
                at.partition.group_start(at.group.saturating_sub(self.count()))
            }
            (Place::Behind, FrameUnit::Groups) => {
                at.partition.group_start(at.group.saturating_add(self.count()))
            }
            (Place::Before | Place::Behind, FrameUnit::Range) => match self.edge(at) {
                Some(edge) => at.search(|order| order == Ordering::Less, &edge),
                None => at.peers.0,
            },
        }
    }

    /// The row behind the frame's last.
    fn end(&self, unit: FrameUnit, at: &At<'_>) -> usize {
        let (first, behind) = (at.partition.start, at.partition.end);
        match (self.place, unit) {
            (Place::First, _) => first,
            (Place::Last, _) => behind,
            (Place::Current, FrameUnit::Rows) => at.row + 1,
            (Place::Current, _) => at.peers.1,
            (Place::Before, FrameUnit::Rows) => (at.row + 1).saturating_sub(self.count()).max(first),
            (Place::Behind, FrameUnit::Rows) => (at.row + 1).saturating_add(self.count()).min(behind),
            (Place::Before, FrameUnit::Groups) => match at.group.checked_sub(self.count()) {
                Some(group) => at.partition.group_start(group + 1),
                None => first,
            },
            (Place::Behind, FrameUnit::Groups) => {
                at.partition.group_start(at.group.saturating_add(self.count()).saturating_add(1))
            }
            (Place::Before | Place::Behind, FrameUnit::Range) => match self.edge(at) {
                Some(edge) => at.search(|order| order != Ordering::Greater, &edge),
                None => at.peers.1,
            },
        }
    }

    /// The value that lies at the distance from the row's; `None` for a NULL, whose frame is its peers. A text or
    /// blob has no distance from others.
    fn edge(&self, at: &At<'_>) -> Option<Value> {
        let value = at.order.map(|order| order.get(at.row)).unwrap_or_default();
        match value {
            ValueRef::Null => None,
            ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Decimal(_) => {
                let adds = (self.place == Place::Behind) != at.direction.0;
                let op = if adds { ArithmeticOp::Add } else { ArithmeticOp::Subtract };
                let distance = self.value.as_ref();
                let edge = arithmetic(op, value, distance).unwrap_or_else(|_| {
                    // Beyond what a decimal holds the nearest real is behind every decimal, too.
                    let (value, distance) = (to_real(value), to_real(distance));
                    ValueRef::Real(if adds { value + distance } else { value - distance })
                });
                Some(edge.to_owned())
            }
            other => Some(other.to_owned()),
        }
    }
}

impl At<'_> {
    /// The first row of the partition whose order to `edge`, in the direction of the key, is not `before`.
    fn search(&self, before: impl Fn(Ordering) -> bool, edge: &Value) -> usize {
        let (descending, nulls_first) = self.direction;
        let is_before = |row: usize| {
            let value = self.order.map(|order| order.get(row)).unwrap_or_default();
            match compare_values(value, edge.as_ref(), Comparison::default()) {
                None => nulls_first,
                Some(order) => before(if descending { order.reverse() } else { order }),
            }
        };
        let (mut low, mut high) = (self.partition.start, self.partition.end);
        while low < high {
            let middle = low + (high - low) / 2;
            if is_before(middle) { low = middle + 1 } else { high = middle }
        }
        low
    }
}
