//! Aggregates over one group: count, sum, total, avg, min, max and group_concat, by SQLite's rules.

use super::number::{Number, argument_number, to_real, write_text};
use super::text::check_length;
use super::{AggregateDefinition, AggregateKind, AggregateState, States, fold};
use crate::decimal::Decimal;
use crate::error::{Error, Result};
use crate::types::{Collation, TypeSet};
use crate::value::{Value, ValueRef};
use std::borrow::Cow;
use std::cmp::Ordering;

type Make = fn(Collation) -> Box<dyn AggregateState>;

const fn aggregate(
    name: &'static str,
    kind: AggregateKind,
    args: (usize, usize),
    result: fn(&[TypeSet]) -> TypeSet,
    state: Make,
) -> AggregateDefinition {
    AggregateDefinition {
        name: Cow::Borrowed(name),
        kind,
        min_args: args.0,
        max_args: args.1,
        result,
        states: States::BuiltIn(state),
    }
}

pub(super) const FUNCTIONS: &[AggregateDefinition] = &[
    aggregate(
        "count",
        AggregateKind::CountRows,
        (0, 0),
        |_| TypeSet::INTEGER,
        |_| Box::new(Count::default()),
    ),
    aggregate("count", AggregateKind::Count, (1, 1), |_| TypeSet::INTEGER, |_| Box::new(Count::default())),
    aggregate("sum", AggregateKind::Sum, (1, 1), sum_kinds, |_| Box::new(SumState(Sum::default(), Sum::sum))),
    aggregate(
        "total",
        AggregateKind::Total,
        (1, 1),
        |_| TypeSet::REAL,
        |_| Box::new(SumState(Sum::default(), |sum| Ok(sum.total()))),
    ),
    aggregate(
        "avg",
        AggregateKind::Average,
        (1, 1),
        |_| TypeSet::REAL | TypeSet::NULL,
        |_| Box::new(SumState(Sum::default(), |sum| Ok(sum.average()))),
    ),
    aggregate("min", AggregateKind::Min, (1, 1), argument_kinds, |collation| {
        Box::new(Extreme { best: Value::Null, wanted: Ordering::Less, collation })
    }),
    aggregate("max", AggregateKind::Max, (1, 1), argument_kinds, |collation| {
        Box::new(Extreme { best: Value::Null, wanted: Ordering::Greater, collation })
    }),
    aggregate("group_concat", AggregateKind::Other, (1, 2), text_kinds, |_| Box::new(Concat::default())),
    aggregate("string_agg", AggregateKind::Other, (2, 2), text_kinds, |_| Box::new(Concat::default())),
];

fn text_kinds(_: &[TypeSet]) -> TypeSet {
    TypeSet::TEXT | TypeSet::NULL
}

fn argument_kinds(args: &[TypeSet]) -> TypeSet {
    args.first().copied().unwrap_or(TypeSet::ALL) | TypeSet::NULL
}

/// A sum of integers is an integer, and one of anything else may be either.
fn sum_kinds(args: &[TypeSet]) -> TypeSet {
    let kinds = args.first().copied().unwrap_or(TypeSet::ALL).without(TypeSet::NULL);
    if kinds.intersects(TypeSet::DECIMAL) {
        return TypeSet::INTEGER | TypeSet::REAL | TypeSet::DECIMAL | TypeSet::NULL;
    }
    if kinds == TypeSet::INTEGER {
        TypeSet::INTEGER | TypeSet::NULL
    } else if kinds == TypeSet::REAL {
        TypeSet::REAL | TypeSet::NULL
    } else {
        TypeSet::INTEGER | TypeSet::REAL | TypeSet::NULL
    }
}

#[derive(Debug, Default)]
struct Count(i64);

impl AggregateState for Count {
    fn step(&mut self, args: &[ValueRef<'_>]) -> Result<()> {
        if args.first().is_none_or(|value| !value.is_null()) {
            self.0 += 1;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<Value> {
        Ok(Value::Integer(self.0))
    }
}

/// A running sum: exact while all values are integers or decimals and fit, else by Kahan, Babuska and Neumaier in input
/// order.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sum {
    integer: i64,
    real: f64,
    error: f64,
    count: i64,
    /// The decimals alone, and how many there are.
    decimals: Decimal,
    decimal_count: i64,
    decimal_overflow: bool,
    /// The sum of the rest is in `real` and `error`.
    approximate: bool,
    /// Integers alone have overflowed.
    overflow: bool,
}

/// Integers from here on are added in two parts, each exact as a real.
const SPLIT: i64 = 4_503_599_627_370_496;

impl Sum {
    /// Adds a value; NULL is left out.
    pub(crate) fn add(&mut self, value: ValueRef<'_>) {
        match value {
            ValueRef::Null => {}
            ValueRef::Integer(integer) => self.add_integer(integer),
            ValueRef::Real(real) => self.add_real(real),
            ValueRef::Decimal(decimal) => self.add_decimal(decimal),
            other => match argument_number(other) {
                Some(Number::Integer(integer)) => self.add_integer(integer),
                Some(Number::Real(real)) => self.add_real(real),
                Some(Number::Decimal(decimal)) => self.add_decimal(decimal),
                None => self.add_real(to_real(other)),
            },
        }
    }

    /// Adds an integer.
    #[inline]
    pub(crate) fn add_integer(&mut self, integer: i64) {
        self.count += 1;
        if !self.approximate {
            if let Some(sum) = self.integer.checked_add(integer) {
                self.integer = sum;
                return;
            }
            self.overflow = true;
            self.start_real();
        }
        self.step_integer(integer);
    }

    /// Adds a real.
    #[inline]
    pub(crate) fn add_real(&mut self, real: f64) {
        self.count += 1;
        if self.approximate {
            self.overflow = false;
        } else {
            self.start_real();
        }
        self.step(real);
    }

    /// Adds a decimal.
    fn add_decimal(&mut self, decimal: Decimal) {
        self.count += 1;
        self.decimal_count += 1;
        match self.decimals.checked_add(decimal) {
            Some(sum) => self.decimals = sum,
            None => self.decimal_overflow = true,
        }
    }

    /// Takes out a value that was added, as the windows of SQLite do: what was a sum of reals stays one.
    pub(crate) fn remove(&mut self, value: ValueRef<'_>) {
        let number = match value {
            ValueRef::Null => return,
            ValueRef::Integer(integer) => Number::Integer(integer),
            ValueRef::Real(real) => Number::Real(real),
            ValueRef::Decimal(decimal) => Number::Decimal(decimal),
            other => argument_number(other).unwrap_or_else(|| Number::Real(to_real(other))),
        };
        self.count -= 1;
        match number {
            Number::Integer(integer) if !self.approximate => match self.integer.checked_sub(integer) {
                Some(sum) => self.integer = sum,
                None => (self.overflow, self.approximate) = (true, true),
            },
            Number::Integer(i64::MIN) => {
                self.step_integer(i64::MAX);
                self.step_integer(1);
            }
            Number::Integer(integer) => self.step_integer(-integer),
            Number::Real(real) => self.step(-real),
            Number::Decimal(decimal) => {
                self.decimal_count -= 1;
                match self.decimals.checked_sub(decimal) {
                    Some(sum) => self.decimals = sum,
                    None => self.decimal_overflow = true,
                }
            }
        }
    }

    /// Adds what another sum has added, behind its own.
    pub(crate) fn add_sum(&mut self, later: &Sum) {
        if later.count == 0 {
            return;
        }
        self.count += later.count;
        self.decimal_count += later.decimal_count;
        match self.decimals.checked_add(later.decimals) {
            Some(sum) => self.decimals = sum,
            None => self.decimal_overflow = true,
        }
        self.decimal_overflow |= later.decimal_overflow;
        if !self.approximate && !later.approximate {
            if let Some(sum) = self.integer.checked_add(later.integer) {
                self.integer = sum;
                return;
            }
            self.overflow = true;
        }
        if !self.approximate {
            self.start_real();
        }
        if later.approximate {
            self.overflow = self.overflow && later.overflow;
            self.step(later.real);
            self.step(later.error);
        } else {
            self.step_integer(later.integer);
        }
    }

    /// How many values were added.
    pub(crate) fn count(&self) -> i64 {
        self.count
    }

    /// Adds integers whose sum is known; false if it does not fit, and nothing was added.
    pub(crate) fn add_integers(&mut self, sum: i64, count: i64) -> bool {
        match self.integer.checked_add(sum) {
            Some(integer) if !self.approximate => {
                self.integer = integer;
                self.count += count;
                true
            }
            _ => false,
        }
    }

    fn start_real(&mut self) {
        self.approximate = true;
        if (1 - SPLIT..SPLIT).contains(&self.integer) {
            self.real = self.integer as f64;
            self.error = 0.0;
        } else {
            let small = self.integer % 16_384;
            self.real = (self.integer - small) as f64;
            self.error = small as f64;
        }
    }

    fn step_integer(&mut self, integer: i64) {
        if (1 - SPLIT..SPLIT).contains(&integer) {
            self.step(integer as f64);
        } else {
            let small = integer % 16_384;
            self.step((integer - small) as f64);
            self.step(small as f64);
        }
    }

    #[inline]
    fn step(&mut self, real: f64) {
        let (sum, total) = (self.real, self.real + real);
        self.error += if sum.abs() > real.abs() { (sum - total) + real } else { (real - total) + sum };
        self.real = total;
    }

    fn as_real(&self) -> f64 {
        let decimals = if self.decimal_count > 0 { self.decimals.to_real() } else { 0.0 };
        decimals + self.inexact_part()
    }

    /// The sum of all but the decimals.
    fn inexact_part(&self) -> f64 {
        if !self.approximate {
            self.integer as f64
        } else if self.error.is_finite() {
            self.real + self.error
        } else {
            self.real
        }
    }

    /// `sum`.
    ///
    /// # Errors
    /// Integers alone that overflow, and decimals that do.
    pub(crate) fn sum(&self) -> Result<Value> {
        if self.count == 0 {
            return Ok(Value::Null);
        }
        if self.decimal_count > 0 && !self.approximate {
            let sum =
                self.decimals.checked_add(Decimal::from(self.integer)).filter(|_| !self.decimal_overflow);
            return sum
                .map(Value::Decimal)
                .ok_or_else(|| Error::Evaluation("decimal overflow: more than 28 digits".into()));
        }
        if self.decimal_overflow {
            return Err(Error::Evaluation("decimal overflow: more than 28 digits".into()));
        }
        if !self.approximate {
            return Ok(Value::Integer(self.integer));
        }
        if self.overflow {
            return Err(Error::Evaluation("integer overflow".into()));
        }
        Ok(Value::real(self.as_real()))
    }

    /// `total`.
    pub(crate) fn total(&self) -> Value {
        Value::real(self.as_real())
    }

    /// `avg`.
    pub(crate) fn average(&self) -> Value {
        if self.count == 0 { Value::Null } else { Value::real(self.as_real() / self.count as f64) }
    }
}

struct SumState(Sum, fn(&Sum) -> Result<Value>);

impl AggregateState for SumState {
    fn step(&mut self, args: &[ValueRef<'_>]) -> Result<()> {
        if let Some(value) = args.first() {
            self.0.add(*value);
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<Value> {
        (self.1)(&self.0)
    }
}

/// True if `value` comes before (or after) the best so far; NULL never does, and anything beats NULL.
pub(crate) fn beats(value: ValueRef<'_>, best: ValueRef<'_>, wanted: Ordering, collation: Collation) -> bool {
    match (value, best) {
        (ValueRef::Null, _) => false,
        (_, ValueRef::Null) => true,
        (ValueRef::Integer(a), ValueRef::Integer(b)) => a.cmp(&b) == wanted,
        (ValueRef::Text(a), ValueRef::Text(b)) => fold::compare_text(a, b, collation) == wanted,
        (a, b) => a.total_cmp(b) == wanted,
    }
}

struct Extreme {
    best: Value,
    wanted: Ordering,
    collation: Collation,
}

impl AggregateState for Extreme {
    fn step(&mut self, args: &[ValueRef<'_>]) -> Result<()> {
        if let Some(value) = args.first()
            && beats(*value, self.best.as_ref(), self.wanted, self.collation)
        {
            self.best = (*value).to_owned();
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<Value> {
        Ok(self.best.clone())
    }
}

/// Texts in the order they come, with the separator of each row but the first before it.
#[derive(Debug, Default)]
struct Concat {
    text: Vec<u8>,
    started: bool,
}

impl AggregateState for Concat {
    fn step(&mut self, args: &[ValueRef<'_>]) -> Result<()> {
        let Some(value) = args.first().filter(|value| !value.is_null()) else { return Ok(()) };
        if self.started {
            match args.get(1) {
                None => self.text.push(b','),
                Some(separator) => write_text(*separator, &mut self.text),
            }
        }
        self.started = true;
        write_text(*value, &mut self.text);
        check_length(self.text.len())
    }

    fn finish(&mut self) -> Result<Value> {
        Ok(if self.started { ValueRef::Text(&self.text).to_owned() } else { Value::Null })
    }
}
