//! The states of one aggregate call for many groups, side by side: grouping a batch costs no memory a row.

use super::vector::Vector;
use crate::error::Result;
use crate::functions::aggregate::{Sum, beats};
use crate::functions::{AggregateFunction, AggregateKind, AggregateState};
use crate::types::Collation;
use crate::value::{Value, ValueRef};
use smallvec::SmallVec;
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// To which group each row of a batch belongs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Groups<'a> {
    /// All to one.
    One(u32),
    /// One entry for each row of the batch, selected or not.
    Each(&'a [u32]),
}

impl Groups<'_> {
    #[inline(always)]
    fn of(self, row: usize) -> usize {
        match self {
            Groups::One(group) => group as usize,
            Groups::Each(groups) => groups.get(row).copied().unwrap_or_default() as usize,
        }
    }
}

/// The states of one call for all groups.
pub(crate) struct Accumulators {
    function: AggregateFunction,
    collation: Collation,
    states: States,
}

enum States {
    Counts(Vec<i64>),
    Sums(Vec<Sum>),
    Extremes(Vec<Value>, Ordering),
    Other(Vec<Box<dyn AggregateState>>),
}

impl fmt::Debug for Accumulators {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Accumulators({:?} x {})", self.function, self.groups())
    }
}

impl Accumulators {
    /// No group yet.
    pub(crate) fn new(function: &AggregateFunction, collation: Collation) -> Accumulators {
        let states = match function.0.kind {
            AggregateKind::CountRows | AggregateKind::Count => States::Counts(Vec::new()),
            AggregateKind::Sum | AggregateKind::Total | AggregateKind::Average => States::Sums(Vec::new()),
            AggregateKind::Min => States::Extremes(Vec::new(), Ordering::Less),
            AggregateKind::Max => States::Extremes(Vec::new(), Ordering::Greater),
            AggregateKind::Other => States::Other(Vec::new()),
        };
        Accumulators { function: function.clone(), collation, states }
    }

    /// How many groups there are.
    pub(crate) fn groups(&self) -> usize {
        match &self.states {
            States::Counts(states) => states.len(),
            States::Sums(states) => states.len(),
            States::Extremes(states, _) => states.len(),
            States::Other(states) => states.len(),
        }
    }

    /// Makes fresh states until there are `groups` of them. Call it before an update that names further groups.
    pub(crate) fn grow(&mut self, groups: usize) {
        let (function, collation) = (&self.function, self.collation);
        match &mut self.states {
            States::Counts(states) => states.resize(groups.max(states.len()), 0),
            States::Sums(states) => states.resize(groups.max(states.len()), Sum::default()),
            States::Extremes(states, _) => states.resize(groups.max(states.len()), Value::Null),
            States::Other(states) => {
                states.resize_with(groups.max(states.len()), || function.state(collation))
            }
        }
    }

    /// Takes the selected rows of a batch of `rows`. For min and max `replaced` is told, in order, each (group, row)
    /// that became the best: the last entry of a group is the row its bare columns come from.
    ///
    /// # Errors
    /// What a state raises.
    pub(crate) fn update(
        &mut self,
        groups: Groups<'_>,
        args: &[Arc<Vector>],
        rows: usize,
        selection: Option<&[u32]>,
        replaced: Option<&mut Vec<(u32, u32)>>,
    ) -> Result<()> {
        let kind = self.function.0.kind;
        let first = args.first().map(|vector| &**vector);
        match (&mut self.states, first) {
            (States::Counts(counts), first) => {
                let arg = if kind == AggregateKind::Count { first } else { None };
                count(counts, groups, arg, rows, selection);
            }
            (States::Sums(sums), Some(arg)) => sum(sums, groups, arg, rows, selection),
            (States::Extremes(best, wanted), Some(arg)) => {
                let wanted = *wanted;
                extreme(best, groups, arg, rows, selection, wanted, self.collation, replaced);
            }
            (States::Sums(_) | States::Extremes(..), None) => {}
            (States::Other(states), _) => {
                let mut values: SmallVec<[ValueRef<'_>; 2]> = SmallVec::new();
                let mut step = |row: usize| {
                    values.clear();
                    values.extend(args.iter().map(|arg| arg.get(row)));
                    match states.get_mut(groups.of(row)) {
                        Some(state) => state.step(&values),
                        None => Ok(()),
                    }
                };
                match selection {
                    None => (0..rows).try_for_each(step)?,
                    Some(selection) => selection.iter().try_for_each(|row| step(*row as usize))?,
                }
            }
        }
        Ok(())
    }

    /// The result of a group.
    ///
    /// # Errors
    /// An overflow of sum.
    pub(crate) fn finish(&mut self, group: usize) -> Result<Value> {
        Ok(match &mut self.states {
            States::Counts(counts) => Value::Integer(counts.get(group).copied().unwrap_or(0)),
            States::Sums(sums) => {
                let sum = sums.get(group).copied().unwrap_or_default();
                match self.function.0.kind {
                    AggregateKind::Total => sum.total(),
                    AggregateKind::Average => sum.average(),
                    _ => sum.sum()?,
                }
            }
            States::Extremes(best, _) => best.get(group).cloned().unwrap_or_default(),
            States::Other(states) => match states.get_mut(group) {
                Some(state) => state.finish()?,
                None => Value::Null,
            },
        })
    }
}

#[inline(always)]
fn for_each(rows: usize, selection: Option<&[u32]>, mut each: impl FnMut(usize)) {
    match selection {
        None => (0..rows).for_each(each),
        Some(selection) => selection.iter().for_each(|row| each(*row as usize)),
    }
}

fn count(
    counts: &mut [i64],
    groups: Groups<'_>,
    arg: Option<&Vector>,
    rows: usize,
    selection: Option<&[u32]>,
) {
    let may_be_null = match arg {
        None => false,
        Some(Vector::Int(numbers)) => numbers.nulls.is_some(),
        Some(Vector::Real(numbers)) => numbers.nulls.is_some(),
        Some(Vector::Text(views) | Vector::Blob(views)) => views.nulls.is_some(),
        Some(_) => true,
    };
    if let (Groups::One(group), false) = (groups, may_be_null) {
        if let Some(count) = counts.get_mut(group as usize) {
            *count += selection.map_or(rows, <[u32]>::len) as i64;
        }
        return;
    }
    for_each(rows, selection, |row| {
        if let Some(count) = counts.get_mut(groups.of(row)) {
            *count += i64::from(!may_be_null || arg.is_some_and(|arg| !arg.is_null(row)));
        }
    });
}

fn sum(sums: &mut [Sum], groups: Groups<'_>, arg: &Vector, rows: usize, selection: Option<&[u32]>) {
    if let (Vector::Int(numbers), Groups::One(group)) = (arg, groups)
        && numbers.nulls.is_none()
        && let Some(state) = sums.get_mut(group as usize)
    {
        // The plain loop over a batch; only where it overflows are the values added one by one.
        let (mut total, mut overflow, mut count) = (0_i64, false, 0_i64);
        for_each(rows, selection, |row| {
            let (sum, over) = total.overflowing_add(numbers.values.get(row).copied().unwrap_or_default());
            total = sum;
            overflow |= over;
            count += 1;
        });
        if !overflow && state.add_integers(total, count) {
            return;
        }
    }
    match arg {
        Vector::Int(numbers) if numbers.nulls.is_none() => for_each(rows, selection, |row| {
            if let (Some(state), Some(value)) = (sums.get_mut(groups.of(row)), numbers.values.get(row)) {
                state.add_integer(*value);
            }
        }),
        Vector::Real(numbers) if numbers.nulls.is_none() => for_each(rows, selection, |row| {
            if let (Some(state), Some(value)) = (sums.get_mut(groups.of(row)), numbers.values.get(row)) {
                state.add_real(*value);
            }
        }),
        _ => for_each(rows, selection, |row| {
            if let Some(state) = sums.get_mut(groups.of(row)) {
                state.add(arg.get(row));
            }
        }),
    }
}

#[allow(clippy::too_many_arguments, reason = "one inner loop; a struct would only rename them")]
fn extreme(
    best: &mut [Value],
    groups: Groups<'_>,
    arg: &Vector,
    rows: usize,
    selection: Option<&[u32]>,
    wanted: Ordering,
    collation: Collation,
    mut replaced: Option<&mut Vec<(u32, u32)>>,
) {
    for_each(rows, selection, |row| {
        let (group, value) = (groups.of(row), arg.get(row));
        if let Some(best) = best.get_mut(group)
            && beats(value, best.as_ref(), wanted, collation)
        {
            *best = value.to_owned();
            if let Some(replaced) = &mut replaced {
                replaced.push((group as u32, row as u32));
            }
        }
    });
}
