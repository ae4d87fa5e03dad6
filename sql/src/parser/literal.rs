//! What literals mean: numbers, strings and blobs from their text. Used by the lifter and, for what was not lifted,
//! by the binder.

use super::ast::Value as TreeValue;
use crate::error::{Error, Result};
use crate::value::Value;
use smol_str::SmolStr;
use std::borrow::Cow;

/// The value of a literal in a tree; `None` for slots and parameters, which have none yet.
///
/// # Errors
/// A hexadecimal integer of more than 64 bits.
pub fn literal_value(value: &TreeValue) -> Result<Option<Value>> {
    Ok(Some(match value {
        TreeValue::Number(text) => number_value(text)?,
        TreeValue::SingleQuotedString(text) => Value::text(text.as_str()),
        TreeValue::HexStringLiteral(digits) => Value::Blob(blob_bytes(digits.as_bytes())),
        TreeValue::Boolean(truth) => Value::Integer(i64::from(*truth)),
        TreeValue::Null => Value::Null,
        TreeValue::Slot(_) | TreeValue::Parameter(_) => return Ok(None),
    }))
}

/// The value of a number literal, a sign in front allowed. A decimal integer too big for 64 bits is a real; a
/// hexadecimal one wraps to a negative number.
///
/// # Errors
/// A hexadecimal integer of more than 64 bits.
pub fn number_value(text: &str) -> Result<Value> {
    let plain = plain_number(text);
    let text = &*plain;
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        let significant = digits.trim_start_matches('0');
        if significant.len() > 16 {
            return Err(Error::syntax(format!("hex literal too big: {text}"), None));
        }
        let bits = if significant.is_empty() { Ok(0) } else { u64::from_str_radix(significant, 16) };
        return bits
            .map(|bits| Value::Integer(bits.cast_signed()))
            .map_err(|_| Error::syntax(format!("{text} is not a number"), None));
    }
    if let Ok(integer) = text.parse() {
        return Ok(Value::Integer(integer));
    }
    text.parse().map(Value::real).map_err(|_| Error::syntax(format!("{text} is not a number"), None))
}

/// The bytes of a blob literal's digits, whose number is even.
pub(super) fn blob_bytes(digits: &[u8]) -> Box<[u8]> {
    let nibble = |digit: u8| (digit as char).to_digit(16).map_or(0, |nibble| nibble as u8);
    digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, &digit| byte << 4 | nibble(digit))).collect()
}

/// The inside of a quoted token: without its quotes, doubled ones made single.
pub(super) fn unquote(token: &str) -> SmolStr {
    let inside = token.get(1..token.len().saturating_sub(1)).unwrap_or("");
    let (doubled, single) = match token.as_bytes().first() {
        Some(b'\'') => ("''", "'"),
        Some(b'"') => ("\"\"", "\""),
        Some(b'`') => ("``", "`"),
        _ => return SmolStr::new(inside),
    };
    if inside.contains(doubled) { inside.replace(doubled, single).into() } else { SmolStr::new(inside) }
}

/// The text of a number without the underscores between its digits.
pub(super) fn plain_number(text: &str) -> Cow<'_, str> {
    if text.contains('_') { text.replace('_', "").into() } else { text.into() }
}
