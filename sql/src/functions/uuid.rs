//! UUIDs: random ones (version 4) and ones that ascend with time (version 7), as RFC 9562 has them.

use super::define::{Kinds, volatile};
use super::{Datum, FunctionContext, ScalarDefinition};
use crate::error::Result;
use crate::value::{Value, ValueRef};
use std::fmt::Write;

pub(super) const FUNCTIONS: &[ScalarDefinition] = &[
    volatile("gen_random_uuid", 0, 0, Kinds::TEXT, uuid4),
    volatile("uuid", 0, 0, Kinds::TEXT, uuid4),
    volatile("uuid4", 0, 0, Kinds::TEXT, uuid4),
    volatile("uuid7", 0, 0, Kinds::TEXT, uuid7),
];

/// The text of a UUID: 32 hexadecimal digits in lower case, and four hyphens.
pub(crate) fn uuid_text(bytes: [u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (place, byte) in bytes.iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        // Writing to a string never fails.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Puts version and variant into 128 bits.
fn stamped(bits: u128, version: u128) -> Datum<'static> {
    let bits = bits & !(0xf << 76) & !(0b11 << 62) | version << 76 | 0b10 << 62;
    Datum::Owned(Value::text(uuid_text(bits.to_be_bytes())))
}

fn random(cx: &dyn FunctionContext) -> u128 {
    u128::from(cx.random()) << 64 | u128::from(cx.random())
}

fn uuid4<'a>(cx: &dyn FunctionContext, _: &[ValueRef<'a>]) -> Result<Datum<'a>> {
    Ok(stamped(random(cx), 4))
}

/// Milliseconds since 1970 in the first 48 bits; the rest is random.
fn uuid7<'a>(cx: &dyn FunctionContext, _: &[ValueRef<'a>]) -> Result<Datum<'a>> {
    const RANDOM_BITS: u32 = 80;
    let random = random(cx) & ((1 << RANDOM_BITS) - 1);
    Ok(stamped((cx.now_millis() as u128) << RANDOM_BITS | random, 7))
}
