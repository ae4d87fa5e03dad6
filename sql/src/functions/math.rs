//! The mathematical functions. Outside of a function's domain the result is NULL.

use super::define::{Kinds, scalar};
use super::number::{Number, argument_number};
use super::text::{arg, null};
use super::{Datum, FunctionContext, ScalarDefinition};
use crate::error::Result;
use crate::value::ValueRef;

type Call<'a> = Result<Datum<'a>>;

/// A function of one real.
macro_rules! real_functions {
    ($($name:literal $ident:ident = $body:expr;)*) => {
        $(fn $ident<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
            let body: fn(f64) -> f64 = $body;
            Ok(match argument_number(arg(args, 0)) {
                Some(x) => Datum::Borrowed(Number::Real(body(x.real())).value()),
                None => null(),
            })
        })*
        const REAL: &[ScalarDefinition] = &[$(scalar($name, 1, 1, Kinds::REAL_OR_NULL, $ident),)*];
    };
}

real_functions! {
    "acos" acos = f64::acos;
    "acosh" acosh = f64::acosh;
    "asin" asin = f64::asin;
    "asinh" asinh = f64::asinh;
    "atan" atan = f64::atan;
    "atanh" atanh = f64::atanh;
    "cos" cos = f64::cos;
    "cosh" cosh = f64::cosh;
    "degrees" degrees = |x| x * (180.0 / std::f64::consts::PI);
    "exp" exp = f64::exp;
    "ln" ln = |x| if x > 0.0 { x.ln() } else { f64::NAN };
    "log10" log10 = |x| if x > 0.0 { x.log10() } else { f64::NAN };
    "log2" log2 = |x| if x > 0.0 { x.log2() } else { f64::NAN };
    "radians" radians = |x| x * (std::f64::consts::PI / 180.0);
    "sin" sin = f64::sin;
    "sinh" sinh = f64::sinh;
    "sqrt" sqrt = f64::sqrt;
    "tan" tan = f64::tan;
    "tanh" tanh = f64::tanh;
}

const OTHER: &[ScalarDefinition] = &[
    scalar("atan2", 2, 2, Kinds::REAL_OR_NULL, atan2),
    scalar("ceil", 1, 1, Kinds::NUMBER_OR_NULL, ceil),
    scalar("ceiling", 1, 1, Kinds::NUMBER_OR_NULL, ceil),
    scalar("floor", 1, 1, Kinds::NUMBER_OR_NULL, floor),
    scalar("log", 1, 2, Kinds::REAL_OR_NULL, log),
    scalar("mod", 2, 2, Kinds::REAL_OR_NULL, mod_),
    scalar("pi", 0, 0, Kinds::REAL, pi),
    scalar("pow", 2, 2, Kinds::REAL_OR_NULL, pow),
    scalar("power", 2, 2, Kinds::REAL_OR_NULL, pow),
    scalar("trunc", 1, 1, Kinds::NUMBER_OR_NULL, trunc),
];

/// All of them.
pub(super) const FUNCTIONS: &[&[ScalarDefinition]] = &[REAL, OTHER];

fn two<'a>(args: &[ValueRef<'a>], body: fn(f64, f64) -> f64) -> Call<'a> {
    Ok(match (argument_number(arg(args, 0)), argument_number(arg(args, 1))) {
        (Some(x), Some(y)) => Datum::Borrowed(Number::Real(body(x.real(), y.real())).value()),
        _ => null(),
    })
}

/// Integers stay integers.
fn to_whole<'a>(args: &[ValueRef<'a>], body: fn(f64) -> f64) -> Call<'a> {
    Ok(match argument_number(arg(args, 0)) {
        Some(Number::Integer(i)) => Datum::Borrowed(ValueRef::Integer(i)),
        Some(number) => Datum::Borrowed(Number::Real(body(number.real())).value()),
        None => null(),
    })
}

fn atan2<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    two(args, f64::atan2)
}

fn ceil<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    to_whole(args, f64::ceil)
}

fn floor<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    to_whole(args, f64::floor)
}

fn trunc<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    to_whole(args, f64::trunc)
}

/// `log(x)` to base 10, `log(base, x)` to any.
fn log<'a>(cx: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    if args.len() < 2 {
        return log10(cx, args);
    }
    two(args, |base, x| {
        let base = if base > 0.0 { base.ln() } else { f64::NAN };
        if base > 0.0 && x > 0.0 { x.ln() / base } else { f64::NAN }
    })
}

fn mod_<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    two(args, |x, y| x % y)
}

fn pow<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    two(args, f64::powf)
}

fn pi<'a>(_: &dyn FunctionContext, _: &[ValueRef<'a>]) -> Call<'a> {
    Ok(Datum::Borrowed(ValueRef::Real(std::f64::consts::PI)))
}
