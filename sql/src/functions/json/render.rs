//! Binary JSON and SQL values as JSON text.

use super::argument::{malformed, too_deep};
use super::escape::{is_line_separator, is_plain, write_control, write_quoted};
use super::node::{
    ARRAY, DEPTH_MAX, FALSE, FLOAT, FLOAT5, INT, INT5, NULL, Node, OBJECT, TEXT, TEXT5, TEXTJ, TEXTRAW, TRUE,
    byte, node,
};
use crate::error::{Error, Result};
use crate::functions::number::write_text;
use crate::value::ValueRef;

/// Appends the value at `at` as text and answers where it ends.
pub(super) fn write(json: &[u8], at: usize, depth: usize, out: &mut Vec<u8>) -> Result<usize> {
    let value = node(json, at).ok_or_else(malformed)?;
    let bytes = value.bytes(json);
    match value.kind {
        NULL => out.extend_from_slice(b"null"),
        TRUE => out.extend_from_slice(b"true"),
        FALSE => out.extend_from_slice(b"false"),
        INT..=FLOAT5 if bytes.is_empty() => return Err(malformed()),
        INT | FLOAT => out.extend_from_slice(bytes),
        INT5 => write_hexadecimal(bytes, out)?,
        FLOAT5 => write_open_real(bytes, out)?,
        TEXT | TEXTJ => {
            out.push(b'"');
            out.extend_from_slice(bytes);
            out.push(b'"');
        }
        TEXT5 => write_text5(bytes, out)?,
        TEXTRAW => write_quoted(bytes, out),
        ARRAY | OBJECT => return write_parts(json, value, depth + 1, out),
        _ => return Err(malformed()),
    }
    // A word has no payload; what its header may tell is not looked at.
    Ok(if value.kind <= FALSE { at + 1 } else { value.end })
}

/// The elements of an array, or labels and values of an object, in their brackets.
fn write_parts(json: &[u8], container: Node, depth: usize, out: &mut Vec<u8>) -> Result<usize> {
    if depth > DEPTH_MAX {
        return Err(too_deep());
    }
    let is_object = container.kind == OBJECT;
    out.push(if is_object { b'{' } else { b'[' });
    let (mut at, mut place) = (container.payload, 0_usize);
    while at < container.end {
        if place > 0 {
            out.push(if is_object && place % 2 == 1 { b':' } else { b',' });
        }
        at = write(json, at, depth, out)?;
        place += 1;
    }
    if at > container.end || is_object && place % 2 == 1 {
        return Err(malformed());
    }
    out.push(if is_object { b'}' } else { b']' });
    Ok(container.end)
}

fn write_hexadecimal(bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let digits = match bytes {
        [b'-', rest @ ..] => {
            out.push(b'-');
            rest
        }
        [b'+', rest @ ..] => rest,
        all => all,
    };
    let mut value = Some(0_u64);
    for digit in digits.get(2..).unwrap_or_default() {
        let digit = (*digit as char).to_digit(16).ok_or_else(malformed)?;
        value = value.filter(|value| value >> 60 == 0).map(|value| value * 16 + u64::from(digit));
    }
    match value {
        Some(value) => out.extend_from_slice(value.to_string().as_bytes()),
        None => out.extend_from_slice(b"9.0e999"),
    }
    Ok(())
}

/// A real with the digits that JSON asks for around its point.
fn write_open_real(bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let digits = match bytes {
        [b'-'] => return Err(malformed()),
        [b'-', rest @ ..] => {
            out.push(b'-');
            rest
        }
        all => all,
    };
    if byte(digits, 0) == b'.' {
        out.push(b'0');
    }
    for (place, digit) in digits.iter().enumerate() {
        out.push(*digit);
        if *digit == b'.' && !byte(digits, place + 1).is_ascii_digit() {
            out.push(b'0');
        }
    }
    Ok(())
}

/// A text of JSON5 with the escapes of plain JSON.
fn write_text5(bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
    out.push(b'"');
    let mut rest = bytes;
    while let Some(&first) = rest.first() {
        let length = match first {
            b'"' => {
                out.extend_from_slice(b"\\\"");
                1
            }
            ..b' ' => {
                write_control(first, out);
                1
            }
            b'\\' => write_escape(rest, out)?,
            _ => {
                let length =
                    rest.iter().position(|byte| !is_plain(*byte) && *byte != b'\'').unwrap_or(rest.len());
                out.extend_from_slice(rest.get(..length).unwrap_or_default());
                length
            }
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    out.push(b'"');
    Ok(())
}

/// The escape at the start of `text` as plain JSON writes it; answers how many bytes it has.
fn write_escape(text: &[u8], out: &mut Vec<u8>) -> Result<usize> {
    let escape: &[u8] = match text {
        [_, b'\'', ..] => b"'",
        [_, b'v', ..] => b"\\u000b",
        [_, b'0', ..] => b"\\u0000",
        [_, b'x', high, low, ..] => {
            out.extend_from_slice(b"\\u00");
            out.extend([*high, *low]);
            return Ok(4);
        }
        [_, b'\r', b'\n', ..] => return Ok(3),
        [_, b'\r' | b'\n', ..] => return Ok(2),
        [_, rest @ ..] if is_line_separator(rest) => return Ok(4),
        [_, b'x' | 0xe2, ..] | [_] | [] => return Err(malformed()),
        [_, _, ..] => text.get(..2).unwrap_or_default(),
    };
    out.extend_from_slice(escape);
    Ok(2)
}

/// Appends the value at `at` over several lines, and answers where it ends.
pub(super) fn write_pretty(
    json: &[u8],
    at: usize,
    indent: &[u8],
    depth: usize,
    out: &mut Vec<u8>,
) -> Result<usize> {
    let value = node(json, at).ok_or_else(malformed)?;
    let is_object = value.kind == OBJECT;
    if !is_object && value.kind != ARRAY || value.is_empty() {
        return write(json, at, depth, out);
    }
    let depth = depth + 1;
    if depth >= DEPTH_MAX {
        return Err(too_deep());
    }
    out.extend_from_slice(if is_object { b"{\n" } else { b"[\n" });
    let mut at = value.payload;
    loop {
        out.extend((0..depth).flat_map(|_| indent));
        if is_object {
            at = write(json, at, depth, out)?;
            if at > value.end {
                return Err(malformed());
            }
            out.extend_from_slice(b": ");
        }
        at = write_pretty(json, at, indent, depth, out)?;
        if at >= value.end {
            break;
        }
        out.extend_from_slice(b",\n");
    }
    if at > value.end {
        return Err(malformed());
    }
    out.push(b'\n');
    out.extend((1..depth).flat_map(|_| indent));
    out.push(if is_object { b'}' } else { b']' });
    Ok(value.end)
}

/// Appends an SQL value: what is binary JSON stands as JSON, a text as a string.
pub(super) fn write_sql(value: ValueRef<'_>, out: &mut Vec<u8>) -> Result<()> {
    match value {
        ValueRef::Null => out.extend_from_slice(b"null"),
        ValueRef::Real(real) if real.is_infinite() => {
            out.extend_from_slice(if real > 0.0 { b"9.0e+999" } else { b"-9.0e+999" });
        }
        ValueRef::Text(text) => write_quoted(text, out),
        ValueRef::Blob(bytes) if super::validate::is_json(bytes) => {
            write(bytes, 0, 0, out)?;
        }
        ValueRef::Blob(_) => return Err(no_blob()),
        number => write_text(number, out),
    }
    Ok(())
}

pub(super) fn no_blob() -> Error {
    Error::Evaluation("JSON cannot hold BLOB values".into())
}
