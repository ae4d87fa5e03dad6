//! `decimal(x)`: exact decimals from what is written, and their rounding.

use super::define::{Kinds, scalar};
use super::number::{Number, as_decimal, to_integer};
use super::text::{arg, null};
use super::{Datum, FunctionContext, ScalarDefinition};
use crate::decimal::Decimal;
use crate::error::Result;
use crate::value::ValueRef;

pub(super) const FUNCTIONS: &[ScalarDefinition] = &[scalar("decimal", 1, 2, Kinds::DECIMAL_OR_NULL, decimal)];

/// The decimal that a text, an integer or a real is written as, rounded to so many digits after the point where a
/// second argument says so; NULL for what is no number of 28 digits.
fn decimal<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Result<Datum<'a>> {
    let decimal = match arg(args, 0) {
        ValueRef::Decimal(decimal) => Some(decimal),
        ValueRef::Integer(integer) => Some(Decimal::from(integer)),
        other => as_decimal(other).and_then(Number::decimal),
    };
    let scaled = match args.get(1) {
        None => decimal,
        Some(ValueRef::Null) => None,
        Some(scale) => {
            let scale = to_integer(*scale).clamp(0, 28) as u8;
            decimal.and_then(|decimal| decimal.round(scale).rescale(scale))
        }
    };
    Ok(scaled.map_or(null(), |decimal| Datum::Borrowed(ValueRef::Decimal(decimal))))
}
