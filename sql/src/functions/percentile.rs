//! `median`, `percentile`, `percentile_cont` and `percentile_disc`, as SQLite's percentile extension has them.

use super::number::argument_number;
use super::{AggregateDefinition, AggregateKind, AggregateState, States};
use crate::error::{Error, Result};
use crate::types::{Collation, TypeSet};
use crate::value::{Value, ValueRef};
use std::borrow::Cow;

const fn aggregate(
    name: &'static str,
    args: usize,
    state: fn(Collation) -> Box<dyn AggregateState>,
) -> AggregateDefinition {
    AggregateDefinition {
        name: Cow::Borrowed(name),
        kind: AggregateKind::Other,
        min_args: args,
        max_args: args,
        result: kinds,
        states: States::BuiltIn(state),
    }
}

pub(super) const FUNCTIONS: &[AggregateDefinition] = &[
    aggregate("median", 1, |_| Percentile::state("median", 1.0, false)),
    aggregate("percentile", 2, |_| Percentile::state("percentile", 100.0, false)),
    aggregate("percentile_cont", 2, |_| Percentile::state("percentile_cont", 1.0, false)),
    aggregate("percentile_disc", 2, |_| Percentile::state("percentile_disc", 1.0, true)),
];

fn kinds(_: &[TypeSet]) -> TypeSet {
    TypeSet::REAL | TypeSet::NULL
}

/// The values of a group, and which of them is asked for.
struct Percentile {
    name: &'static str,
    /// The greatest value of the second argument.
    whole: f64,
    /// Gives a value that was there, never one between two.
    is_discrete: bool,
    /// From 0 to 1.
    fraction: Option<f64>,
    values: Vec<f64>,
}

impl Percentile {
    fn state(name: &'static str, whole: f64, is_discrete: bool) -> Box<dyn AggregateState> {
        Box::new(Percentile { name, whole, is_discrete, fraction: None, values: Vec::new() })
    }

    /// The fraction of this row, which must be that of all rows.
    fn check_fraction(&mut self, asked: Option<ValueRef<'_>>) -> Result<()> {
        let fraction = match asked {
            None => Some(0.5),
            Some(asked) => argument_number(asked).map(|number| number.real() / self.whole),
        };
        let name = self.name;
        let Some(fraction) = fraction.filter(|fraction| (0.0..=1.0).contains(fraction)) else {
            let message =
                format!("the fraction argument to {name}() is not between 0.0 and {:.1}", self.whole);
            return Err(Error::Evaluation(message));
        };
        let known = *self.fraction.get_or_insert(fraction);
        if (known - fraction).abs() > 0.001 {
            let message = format!("the fraction argument to {name}() is not the same for all input rows");
            return Err(Error::Evaluation(message));
        }
        Ok(())
    }
}

impl AggregateState for Percentile {
    fn step(&mut self, args: &[ValueRef<'_>]) -> Result<()> {
        self.check_fraction(args.get(1).copied())?;
        let value = match args.first() {
            None | Some(ValueRef::Null) => return Ok(()),
            Some(ValueRef::Integer(integer)) => *integer as f64,
            Some(ValueRef::Real(real)) => *real,
            Some(ValueRef::Decimal(decimal)) => decimal.to_real(),
            Some(ValueRef::Text(_) | ValueRef::Blob(_)) => {
                return Err(Error::Evaluation(format!("input to {}() is not numeric", self.name)));
            }
        };
        if value.is_infinite() {
            return Err(Error::Evaluation(format!("Inf input to {}()", self.name)));
        }
        self.values.push(value);
        Ok(())
    }

    fn finish(&mut self) -> Result<Value> {
        let (Some(last), Some(fraction)) = (self.values.len().checked_sub(1), self.fraction) else {
            return Ok(Value::Null);
        };
        let place = fraction * last as f64;
        let below = place as usize;
        // Only the value at the place and the least of those behind it are asked for.
        let (_, low, behind) = self.values.select_nth_unstable_by(below, f64::total_cmp);
        if self.is_discrete || place == below as f64 {
            return Ok(Value::real(*low));
        }
        let next = behind.iter().copied().min_by(f64::total_cmp).unwrap_or(*low);
        Ok(Value::real(*low + (next - *low) * (place - below as f64)))
    }
}
