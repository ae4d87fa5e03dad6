//! Binary JSON as SQL values: numbers, texts, and arrays and objects as JSON again.

use super::argument::{Form, malformed};
use super::escape::write_unescaped;
use super::node::{
    ARRAY, FALSE, FLOAT, FLOAT5, INT, INT5, NULL, OBJECT, TEXT, TEXT5, TEXTJ, TEXTRAW, TRUE, node,
};
use super::render::write;
use crate::error::Result;
use crate::functions::number::parse_real;
use crate::value::{Value, ValueRef};

/// The value at `at`; an array or object in the form asked for.
pub(super) fn sql_value(json: &[u8], at: usize, form: Form) -> Result<Value> {
    let value = node(json, at).ok_or_else(malformed)?;
    let bytes = value.bytes(json);
    Ok(match value.kind {
        NULL | TRUE | FALSE if !value.is_empty() => return Err(malformed()),
        NULL => Value::Null,
        TRUE => Value::Integer(1),
        FALSE => Value::Integer(0),
        INT | INT5 => integer(bytes)?,
        FLOAT | FLOAT5 => real(bytes)?,
        TEXT | TEXTRAW => ValueRef::Text(bytes).to_owned(),
        TEXTJ | TEXT5 => {
            let mut text = Vec::with_capacity(bytes.len());
            write_unescaped(bytes, &mut text);
            ValueRef::Text(&text).to_owned()
        }
        ARRAY | OBJECT => match form {
            Form::Binary => Value::Blob(json.get(at..value.end).unwrap_or_default().into()),
            Form::Text => {
                let mut text = Vec::with_capacity(value.end - at + 16);
                write(json, at, 0, &mut text)?;
                ValueRef::Text(&text).to_owned()
            }
        },
        _ => return Err(malformed()),
    })
}

/// An integer, or the nearest real where it has more than 64 bits.
fn integer(bytes: &[u8]) -> Result<Value> {
    let (negative, digits) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        all => (false, all),
    };
    let hexadecimal = match digits {
        [b'0', b'x' | b'X', rest @ ..] => Some(rest),
        _ => None,
    };
    let radix = if hexadecimal.is_some() { 16 } else { 10 };
    let text = std::str::from_utf8(hexadecimal.unwrap_or(digits)).map_err(|_| malformed())?;
    if !text.bytes().all(|digit| (digit as char).is_digit(radix)) || text.is_empty() {
        return Err(malformed());
    }
    match u64::from_str_radix(text, radix) {
        Ok(magnitude) => match i64::try_from(magnitude) {
            Ok(integer) => Ok(Value::Integer(if negative { -integer } else { integer })),
            Err(_) if hexadecimal.is_some() => {
                let real = magnitude as f64;
                Ok(Value::Real(if negative { -real } else { real }))
            }
            Err(_) if negative && magnitude == 1 << 63 => Ok(Value::Integer(i64::MIN)),
            Err(_) => real(bytes),
        },
        Err(_) => real(bytes),
    }
}

fn real(bytes: &[u8]) -> Result<Value> {
    let parsed = parse_real(bytes);
    if parsed.whole { Ok(Value::real(parsed.real)) } else { Err(malformed()) }
}
