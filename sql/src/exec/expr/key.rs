//! Equality keys: bytes that are the same exactly where `=` holds, for hash joins, grouping and DISTINCT.
//!
//! ```text
//! NULL      0
//! number    1, 8 bytes of the integer        (a real that is an integer in range, too)
//!           2, 8 bytes of the real           (all other reals, and the decimals that equal one)
//!           5, scale, 16 bytes of the digits (all other decimals)
//! text      3, length as u32, bytes          (folded or trimmed by the collation)
//! blob      4, length as u32, bytes
//! ```
//! A key ends where its kind and length say, so keys of several columns are written one after the other.

use super::scalar::with_affinity;
use crate::decimal::Decimal;
use crate::functions::fold::sort_key_into;
use crate::types::{Affinity, Collation};
use crate::value::ValueRef;

/// Appends the key of `value` once `affinity` is applied. NULLs have equal keys; who needs `=` leaves them out.
pub(crate) fn hash_key(value: ValueRef<'_>, affinity: Affinity, collation: Collation, out: &mut Vec<u8>) {
    with_affinity(value, affinity, |value| match value {
        ValueRef::Null => out.push(0),
        ValueRef::Integer(integer) => integer_key(integer, out),
        ValueRef::Real(real) => match exact_integer(real) {
            Some(integer) => integer_key(integer, out),
            None => {
                out.push(2);
                out.extend_from_slice(&real.to_bits().to_le_bytes());
            }
        },
        ValueRef::Decimal(decimal) => decimal_key(decimal, out),
        ValueRef::Text(text) => {
            out.push(3);
            with_length(out, |out| sort_key_into(text, collation, out));
        }
        ValueRef::Blob(blob) => {
            out.push(4);
            with_length(out, |out| out.extend_from_slice(blob));
        }
    });
}

/// A decimal is equal to the integer or the real that it is, and to itself with more zeros.
fn decimal_key(decimal: Decimal, out: &mut Vec<u8>) {
    if let Some(integer) = decimal.exact_integer() {
        return integer_key(integer, out);
    }
    if let (real, true) = decimal.real_at_or_below() {
        out.push(2);
        out.extend_from_slice(&real.to_bits().to_le_bytes());
        return;
    }
    let shortest = decimal.normalized();
    out.extend_from_slice(&[5, shortest.scale()]);
    out.extend_from_slice(&shortest.coefficient().to_le_bytes());
}

fn integer_key(integer: i64, out: &mut Vec<u8>) {
    out.push(1);
    out.extend_from_slice(&integer.to_le_bytes());
}

/// The integer that a real is, if it is one (0 for -0.0).
fn exact_integer(real: f64) -> Option<i64> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    ((-LIMIT..LIMIT).contains(&real) && real == real.trunc()).then_some(real as i64)
}

fn with_length(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let place = out.len();
    out.extend_from_slice(&[0; 4]);
    write(out);
    let length = (out.len() - place - 4) as u32;
    if let Some(bytes) = out.get_mut(place..place + 4) {
        bytes.copy_from_slice(&length.to_le_bytes());
    }
}
