//! Scalar functions of no family: choice among values, facts of the connection, random values.

use super::define::{Kinds, scalar, volatile};
use super::number::{Number, argument_number, real_to_integer, to_integer, to_real};
use super::real::{Layout, RealFormat, write_magnitude};
use super::text::{arg, check_length, integer, null};
use super::{Datum, FunctionContext, ScalarDefinition, fold};
use crate::error::{Error, Result};
use crate::types::TypeSet;
use crate::value::{Value, ValueRef};
use std::cmp::Ordering;

type Call<'a> = Result<Datum<'a>>;

pub(super) const FUNCTIONS: &[ScalarDefinition] = &[
    scalar("abs", 1, 1, Kinds::ALIKE, abs),
    volatile("changes", 0, 0, Kinds::INTEGER, changes),
    // Evaluated lazily by the compiler of expressions; the bodies serve calls that come another way.
    scalar("coalesce", 2, usize::MAX, Kinds::ANY_ARGUMENT, coalesce),
    scalar("greatest", 1, usize::MAX, Kinds::ANY_ARGUMENT, greatest),
    scalar("if", 2, usize::MAX, Kinds::ANY_ARGUMENT, iif),
    scalar("ifnull", 2, 2, Kinds::ANY_ARGUMENT, coalesce),
    scalar("iif", 2, usize::MAX, Kinds::ANY_ARGUMENT, iif),
    volatile("last_insert_rowid", 0, 0, Kinds::INTEGER, last_insert_rowid),
    scalar("least", 1, usize::MAX, Kinds::ANY_ARGUMENT, least),
    scalar("likelihood", 2, 2, Kinds::ANY_ARGUMENT, first),
    scalar("likely", 1, 1, Kinds::ANY_ARGUMENT, first),
    scalar("max", 2, usize::MAX, Kinds::ANY_ARGUMENT, max),
    scalar("min", 2, usize::MAX, Kinds::ANY_ARGUMENT, min),
    scalar("nullif", 2, 2, Kinds::ANY_ARGUMENT, nullif),
    volatile("random", 0, 0, Kinds::INTEGER, random),
    volatile("randomblob", 1, 1, Kinds::BLOB, randomblob),
    scalar("round", 1, 2, round_kinds, round),
    scalar("sign", 1, 1, Kinds::INTEGER_OR_NULL, sign),
    scalar("sqlite_log", 2, 2, Kinds::TEXT_OR_NULL, sqlite_log),
    scalar("sqlite_source_id", 0, 0, Kinds::TEXT, sqlite_source_id),
    scalar("sqlite_version", 0, 0, Kinds::TEXT, sqlite_version),
    // No value here carries a subtype.
    scalar("subtype", 1, 1, Kinds::INTEGER, |_, _| Ok(integer(0))),
    volatile("total_changes", 0, 0, Kinds::INTEGER, total_changes),
    scalar("typeof", 1, 1, Kinds::TEXT, type_of),
    scalar("unlikely", 1, 1, Kinds::ANY_ARGUMENT, first),
];

fn abs<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    Ok(match arg(args, 0) {
        ValueRef::Null => null(),
        ValueRef::Integer(i) => match i.checked_abs() {
            Some(i) => integer(i),
            None => return Err(Error::Evaluation("integer overflow".into())),
        },
        ValueRef::Decimal(d) if d.coefficient() < 0 => Datum::Borrowed(ValueRef::Decimal(d.negated())),
        ValueRef::Decimal(d) => Datum::Borrowed(ValueRef::Decimal(d)),
        value => Datum::Borrowed(ValueRef::Real(to_real(value).abs())),
    })
}

fn changes<'a>(cx: &dyn FunctionContext, _: &[ValueRef<'a>]) -> Call<'a> {
    Ok(integer(cx.changes()))
}

fn total_changes<'a>(cx: &dyn FunctionContext, _: &[ValueRef<'a>]) -> Call<'a> {
    Ok(integer(cx.total_changes()))
}

fn last_insert_rowid<'a>(cx: &dyn FunctionContext, _: &[ValueRef<'a>]) -> Call<'a> {
    Ok(integer(cx.last_insert_rowid()))
}

fn coalesce<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    Ok(Datum::Borrowed(args.iter().copied().find(|arg| !arg.is_null()).unwrap_or_default()))
}

fn iif<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    for pair in args.chunks(2) {
        match pair {
            [when, then] if super::number::truth(*when) == Some(true) => return Ok(Datum::Borrowed(*then)),
            [otherwise] => return Ok(Datum::Borrowed(*otherwise)),
            _ => {}
        }
    }
    Ok(null())
}

fn first<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    Ok(Datum::Borrowed(arg(args, 0)))
}

/// The order by the call's collation.
fn order(cx: &dyn FunctionContext, left: ValueRef<'_>, right: ValueRef<'_>) -> Ordering {
    match (left, right) {
        (ValueRef::Text(a), ValueRef::Text(b)) => fold::compare_text(a, b, cx.collation()),
        (a, b) => a.total_cmp(b),
    }
}

/// The argument that comes first or last, as `better` says of its order to the best so far; NULL if one is NULL.
fn extreme<'a>(cx: &dyn FunctionContext, args: &[ValueRef<'a>], better: fn(Ordering) -> bool) -> Call<'a> {
    let mut best = arg(args, 0);
    for value in args {
        if value.is_null() {
            return Ok(null());
        }
        if better(order(cx, *value, best)) {
            best = *value;
        }
    }
    Ok(Datum::Borrowed(best))
}

fn max<'a>(cx: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    extreme(cx, args, Ordering::is_gt)
}

fn min<'a>(cx: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    // Of equal ones the last, as in SQLite.
    extreme(cx, args, Ordering::is_le)
}

/// As `max`, but NULLs are passed over.
fn greatest<'a>(cx: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    let present: Vec<ValueRef<'a>> = args.iter().copied().filter(|arg| !arg.is_null()).collect();
    max(cx, &present)
}

/// As `min`, but NULLs are passed over.
fn least<'a>(cx: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    let present: Vec<ValueRef<'a>> = args.iter().copied().filter(|arg| !arg.is_null()).collect();
    min(cx, &present)
}

fn nullif<'a>(cx: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    let (left, right) = (arg(args, 0), arg(args, 1));
    if left.is_null() || (!right.is_null() && order(cx, left, right) == Ordering::Equal) {
        return Ok(null());
    }
    Ok(Datum::Borrowed(left))
}

fn random<'a>(cx: &dyn FunctionContext, _: &[ValueRef<'a>]) -> Call<'a> {
    // abs() of the result must not overflow.
    let bits = cx.random() as i64;
    Ok(integer(if bits == i64::MIN { 0 } else { bits }))
}

fn randomblob<'a>(cx: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    let length = usize::try_from(to_integer(arg(args, 0))).unwrap_or(0).max(1);
    check_length(length)?;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend_from_slice(&cx.random().to_le_bytes());
    }
    bytes.truncate(length);
    Ok(Datum::Owned(Value::Blob(bytes.into())))
}

/// A decimal stays one, everything else becomes a real.
fn round_kinds(args: &[TypeSet]) -> TypeSet {
    match args.first() {
        Some(kinds) if !kinds.intersects(TypeSet::DECIMAL) => TypeSet::REAL | TypeSet::NULL,
        _ => TypeSet::REAL | TypeSet::DECIMAL | TypeSet::NULL,
    }
}

fn round<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    if args.iter().any(|arg| arg.is_null()) {
        return Ok(null());
    }
    let digits = args.get(1).map_or(0, |digits| to_integer(*digits)).clamp(0, 30);
    if let ValueRef::Decimal(decimal) = arg(args, 0) {
        return Ok(Datum::Borrowed(ValueRef::Decimal(decimal.round(digits.min(28) as u8))));
    }
    let real = to_real(arg(args, 0));
    // Beyond 2^52 there is no fraction to round.
    const WHOLE: f64 = 4_503_599_627_370_496.0;
    let rounded = if !(-WHOLE..=WHOLE).contains(&real) {
        real
    } else if digits == 0 {
        real_to_integer(real + if real < 0.0 { -0.5 } else { 0.5 }) as f64
    } else {
        let mut text = Vec::new();
        let format = RealFormat {
            layout: Layout::Fixed,
            precision: digits as usize,
            alternate: false,
            exact: true,
            thousands: false,
        };
        write_magnitude(real.abs(), format, &mut text);
        let magnitude = super::number::parse_real(&text).real;
        if real < 0.0 { -magnitude } else { magnitude }
    };
    Ok(Datum::Borrowed(Number::Real(rounded).value()))
}

fn sign<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    let number = argument_number(arg(args, 0));
    Ok(number.map_or(null(), |number| {
        let real = number.real();
        integer(if real > 0.0 {
            1
        } else if real < 0.0 {
            -1
        } else {
            0
        })
    }))
}

/// The version of SQLite whose dialect this is.
fn sqlite_version<'a>(_: &dyn FunctionContext, _: &[ValueRef<'a>]) -> Call<'a> {
    Ok(Datum::Borrowed(ValueRef::Text(b"3.54.0")))
}

/// What this is in place of SQLite's sources.
fn sqlite_source_id<'a>(_: &dyn FunctionContext, _: &[ValueRef<'a>]) -> Call<'a> {
    Ok(Datum::Borrowed(ValueRef::Text(concat!("Sedge ", env!("CARGO_PKG_VERSION")).as_bytes())))
}

/// A message for the program's error log. As in SQLite without one, it goes nowhere.
fn sqlite_log<'a>(_: &dyn FunctionContext, _: &[ValueRef<'a>]) -> Call<'a> {
    Ok(null())
}

fn type_of<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    Ok(Datum::Borrowed(ValueRef::Text(arg(args, 0).type_name().as_bytes())))
}
