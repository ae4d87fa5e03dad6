//! What each operator does to single values. Row mode calls these; the loops over vectors that have no kernel of
//! their own do too.

use crate::decimal::Decimal;
use crate::error::{Error, Result};
use crate::functions::fold::compare_text;
use crate::functions::number::{
    Number, as_decimal, cast_numeric, convert, text_as_number, to_integer, to_number, to_real, write_text,
};
use crate::functions::{Datum, LENGTH_MAX};
use crate::ir::{ArithmeticOp, CompareOp, Comparison};
use crate::types::{Affinity, Collation};
use crate::value::{Value, ValueRef, compare_integer_real};
use std::cmp::Ordering;

/// An arithmetic or bit operator; NULL where an operand is NULL, a divisor is 0 or the result is NaN.
///
/// # Errors
/// [`Error::Evaluation`] for an exact decimal of more digits than there may be.
pub(crate) fn arithmetic(
    op: ArithmeticOp,
    left: ValueRef<'_>,
    right: ValueRef<'_>,
) -> Result<ValueRef<'static>> {
    use ArithmeticOp as Op;
    if matches!(op, Op::BitAnd | Op::BitOr | Op::ShiftLeft | Op::ShiftRight) {
        if left.is_null() || right.is_null() {
            return Ok(ValueRef::Null);
        }
        let (a, b) = (to_integer(left), to_integer(right));
        return Ok(ValueRef::Integer(match op {
            Op::BitAnd => a & b,
            Op::BitOr => a | b,
            Op::ShiftLeft => shift(a, b),
            _ => shift(a, b.saturating_neg()),
        }));
    }
    let (Some(a), Some(b)) = (to_number(left), to_number(right)) else { return Ok(ValueRef::Null) };
    if op == Op::Remainder {
        return Ok(remainder(left, right, a, b));
    }
    if let (Number::Integer(x), Number::Integer(y)) = (a, b) {
        let exact = match op {
            Op::Add => x.checked_add(y),
            Op::Subtract => x.checked_sub(y),
            Op::Multiply => x.checked_mul(y),
            Op::Divide if y == 0 => return Ok(ValueRef::Null),
            _ => x.checked_div(y),
        };
        if let Some(integer) = exact {
            return Ok(ValueRef::Integer(integer));
        }
    }
    if op != Op::Divide
        && (matches!(a, Number::Decimal(_)) || matches!(b, Number::Decimal(_)))
        && let (Some(x), Some(y)) = (a.decimal(), b.decimal())
    {
        return exact(op, x, y).map(ValueRef::Decimal);
    }
    let (x, y) = (a.real(), b.real());
    let real = match op {
        Op::Add => x + y,
        Op::Subtract => x - y,
        Op::Multiply => x * y,
        _ if y == 0.0 => return Ok(ValueRef::Null),
        _ => x / y,
    };
    Ok(Number::Real(real).value())
}

/// Decimals among each other, and with integers.
fn exact(op: ArithmeticOp, left: Decimal, right: Decimal) -> Result<Decimal> {
    let result = match op {
        ArithmeticOp::Add => left.checked_add(right),
        ArithmeticOp::Subtract => left.checked_sub(right),
        _ => left.checked_mul(right),
    };
    result.ok_or_else(|| Error::Evaluation("decimal overflow: more than 28 digits".into()))
}

/// `%`: both operands are cast to integers; the result is a real where one of them was.
fn remainder(left: ValueRef<'_>, right: ValueRef<'_>, a: Number, b: Number) -> ValueRef<'static> {
    let (x, y, real) = match (a, b) {
        (Number::Integer(x), Number::Integer(y)) => (x, y, false),
        (Number::Decimal(_), Number::Integer(_) | Number::Decimal(_))
        | (Number::Integer(_), Number::Decimal(_)) => (to_integer(left), to_integer(right), false),
        _ => (to_integer(left), to_integer(right), true),
    };
    if y == 0 {
        return ValueRef::Null;
    }
    let rest = x.wrapping_rem(y);
    if real { ValueRef::Real(rest as f64) } else { ValueRef::Integer(rest) }
}

/// Shifts left, or right by a negative count; a count beyond the width leaves only the sign.
pub(crate) fn shift(integer: i64, count: i64) -> i64 {
    match count {
        0..=63 => integer << count,
        64.. => 0,
        -63..0 => integer >> -count,
        _ => integer >> 63,
    }
}

/// `-x`.
pub(crate) fn negate(value: ValueRef<'_>) -> ValueRef<'static> {
    match value {
        // A subtraction as in SQLite: of zero it gives zero, not a negative one.
        ValueRef::Real(real) => ValueRef::Real(0.0 - real),
        other => match to_number(other) {
            None => ValueRef::Null,
            Some(Number::Integer(integer)) => match integer.checked_neg() {
                Some(negated) => ValueRef::Integer(negated),
                None => ValueRef::Real(0.0 - integer as f64),
            },
            Some(Number::Real(real)) => Number::Real(0.0 - real).value(),
            Some(Number::Decimal(decimal)) => ValueRef::Decimal(decimal.negated()),
        },
    }
}

/// `~x`.
pub(crate) fn bit_not(value: ValueRef<'_>) -> ValueRef<'static> {
    if value.is_null() { ValueRef::Null } else { ValueRef::Integer(!to_integer(value)) }
}

/// The order of two values that are not NULL, once affinities have been applied.
fn order(left: ValueRef<'_>, right: ValueRef<'_>, collation: Collation) -> Ordering {
    match (left, right) {
        (ValueRef::Integer(a), ValueRef::Integer(b)) => a.cmp(&b),
        (ValueRef::Integer(a), ValueRef::Real(b)) => compare_integer_real(a, b),
        (ValueRef::Text(a), ValueRef::Text(b)) => compare_text(a, b, collation),
        (a, b) => a.total_cmp(b),
    }
}

/// Applies an affinity, then calls `next`. Only a number that becomes text needs memory.
pub(crate) fn with_affinity<T>(
    value: ValueRef<'_>,
    affinity: Affinity,
    next: impl FnOnce(ValueRef<'_>) -> T,
) -> T {
    match (affinity, value) {
        (Affinity::Integer | Affinity::Real | Affinity::Numeric, ValueRef::Text(text)) => {
            match text_as_number(text) {
                Some(number) => next(number.value()),
                None => next(value),
            }
        }
        (Affinity::Decimal, ValueRef::Text(_) | ValueRef::Real(_)) => match as_decimal(value) {
            Some(number) => next(number.value()),
            None => next(value),
        },
        (Affinity::Text, ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Decimal(_)) => {
            let mut text = Vec::with_capacity(24);
            write_text(value, &mut text);
            next(ValueRef::Text(&text))
        }
        _ => next(value),
    }
}

/// How two values compare under a rule; `None` if one is NULL.
pub(crate) fn compare_values(left: ValueRef<'_>, right: ValueRef<'_>, rule: Comparison) -> Option<Ordering> {
    if left.is_null() || right.is_null() {
        return None;
    }
    // Most pairs are of one kind of number already.
    if let (ValueRef::Integer(a), ValueRef::Integer(b)) = (left, right)
        && rule.left != Affinity::Text
        && rule.right != Affinity::Text
    {
        return Some(a.cmp(&b));
    }
    Some(with_affinity(left, rule.left, |a| {
        with_affinity(right, rule.right, |b| order(a, b, rule.collation))
    }))
}

/// What an operator makes of an order.
pub(crate) fn holds(op: CompareOp, order: Ordering) -> bool {
    match op {
        CompareOp::Equal | CompareOp::Is => order == Ordering::Equal,
        CompareOp::NotEqual | CompareOp::IsNot => order != Ordering::Equal,
        CompareOp::Less => order == Ordering::Less,
        CompareOp::LessOrEqual => order != Ordering::Greater,
        CompareOp::Greater => order == Ordering::Greater,
        CompareOp::GreaterOrEqual => order != Ordering::Less,
    }
}

/// A comparison; `None` is unknown.
pub(crate) fn compare(
    op: CompareOp,
    left: ValueRef<'_>,
    right: ValueRef<'_>,
    rule: Comparison,
) -> Option<bool> {
    match op {
        CompareOp::Is | CompareOp::IsNot if left.is_null() || right.is_null() => {
            Some((left.is_null() && right.is_null()) == (op == CompareOp::Is))
        }
        _ => compare_values(left, right, rule).map(|order| holds(op, order)),
    }
}

/// Compares rows: unequal pairs decide an equality at once, the first unequal pair decides an order.
pub(crate) fn compare_rows(
    op: CompareOp,
    rules: &[Comparison],
    mut pair: impl FnMut(usize) -> Result<(Value, Value)>,
) -> Result<Option<bool>> {
    let equality = matches!(op, CompareOp::Equal | CompareOp::NotEqual | CompareOp::Is | CompareOp::IsNot);
    let mut unknown = false;
    for (place, rule) in rules.iter().enumerate() {
        let (left, right) = pair(place)?;
        let (left, right) = (left.as_ref(), right.as_ref());
        if equality {
            let same =
                if matches!(op, CompareOp::Is | CompareOp::IsNot) { CompareOp::Is } else { CompareOp::Equal };
            match compare(same, left, right, *rule) {
                Some(true) => {}
                Some(false) => return Ok(Some(matches!(op, CompareOp::NotEqual | CompareOp::IsNot))),
                None => unknown = true,
            }
            continue;
        }
        match compare_values(left, right, *rule) {
            None => return Ok(None),
            Some(Ordering::Equal) => {}
            Some(order) => return Ok(Some(holds(op, order))),
        }
    }
    if unknown {
        return Ok(None);
    }
    Ok(Some(matches!(
        op,
        CompareOp::Equal | CompareOp::Is | CompareOp::LessOrEqual | CompareOp::GreaterOrEqual
    )))
}

/// Three-valued truth as a value.
pub(crate) fn boolean(truth: Option<bool>) -> ValueRef<'static> {
    truth.map_or(ValueRef::Null, |truth| ValueRef::Integer(i64::from(truth)))
}

/// CAST.
pub(crate) fn cast(value: ValueRef<'_>, to: Affinity) -> Datum<'_> {
    Datum::Borrowed(match (to, value) {
        (_, ValueRef::Null) | (Affinity::None, _) => value,
        (Affinity::Integer, _) => ValueRef::Integer(to_integer(value)),
        (Affinity::Real, _) => ValueRef::Real(to_real(value)),
        (Affinity::Numeric | Affinity::Decimal, _) => {
            cast_numeric(value).map_or(ValueRef::Null, Number::value)
        }
        (Affinity::Text, ValueRef::Text(_)) | (Affinity::Blob, ValueRef::Blob(_)) => value,
        (Affinity::Text, ValueRef::Blob(bytes)) if std::str::from_utf8(bytes).is_ok() => {
            ValueRef::Text(bytes)
        }
        (Affinity::Blob, ValueRef::Text(bytes)) => ValueRef::Blob(bytes),
        (Affinity::Text | Affinity::Blob, _) => {
            let mut text = Vec::with_capacity(24);
            write_text(value, &mut text);
            return Datum::Owned(match to {
                Affinity::Text => ValueRef::Text(&text).to_owned(),
                _ => Value::Blob(text.into_boxed_slice()),
            });
        }
    })
}

/// Adds an operand of `||` to the text so far; false for NULL.
///
/// # Errors
/// [`Error::Limit`] where the text grows beyond what a value may hold.
pub(crate) fn concat_onto(text: &mut Vec<u8>, value: ValueRef<'_>) -> Result<bool> {
    if value.is_null() {
        return Ok(false);
    }
    if let ValueRef::Text(bytes) | ValueRef::Blob(bytes) = value
        && text.len() + bytes.len() > LENGTH_MAX
    {
        return Err(Error::limit("string or blob too big"));
    }
    write_text(value, text);
    Ok(true)
}

/// A value with an affinity applied, as an owned value.
pub(crate) fn apply_affinity(value: Value, affinity: Affinity) -> Value {
    convert(value.as_ref(), affinity).unwrap_or(value)
}
