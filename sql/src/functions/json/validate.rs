//! Is a blob binary JSON? At a glance, as every function asks, and in full, as `json_valid` can be asked to.

use super::escape::{INVALID, is_hex, is_plain, unescape};
use super::node::{
    ARRAY, DEPTH_MAX, FALSE, FLOAT, FLOAT5, INT, INT5, Node, OBJECT, TEXT, TEXT5, TEXTJ, TEXTRAW, byte, node,
};

/// True if the outermost value fills the blob. A short one that could as well be the text of JSON is looked at in full.
pub(super) fn is_json(bytes: &[u8]) -> bool {
    let Some(value) = node(bytes, 0) else { return false };
    let first = byte(bytes, 0);
    let could_be_text = matches!(first, b'{' | b'[' | b'0'..=b'9');
    value.kind <= OBJECT
        && value.end == bytes.len()
        && (value.kind > FALSE || value.is_empty())
        && (value.end - value.payload > 7 || !could_be_text || fault(bytes).is_none())
}

/// Where the first fault is, counted from 1.
pub(super) fn fault(bytes: &[u8]) -> Option<usize> {
    let value = node(bytes, 0)?;
    check(bytes, 0, value, 1).err()
}

/// Checks the value at `at`; an error is the place of a fault, counted from 1.
fn check(json: &[u8], at: usize, value: Node, depth: usize) -> Result<(), usize> {
    let wrong = at + 1;
    if depth > DEPTH_MAX {
        return Err(wrong);
    }
    match value.kind {
        ..=FALSE => (value.end == at + 1).then_some(()).ok_or(wrong),
        INT => check_integer(json, value, wrong),
        INT5 => check_hexadecimal(json, value, wrong),
        FLOAT | FLOAT5 => check_real(json, value, wrong),
        TEXT => {
            let special = value.bytes(json).iter().position(|byte| !is_plain(*byte) && *byte != b'\'');
            special.map_or(Ok(()), |place| Err(value.payload + place + 1))
        }
        TEXTJ | TEXT5 => check_text(json, value),
        TEXTRAW => Ok(()),
        ARRAY | OBJECT => {
            let (mut next, mut place) = (value.payload, 0_usize);
            while next < value.end {
                let part = node(json, next).filter(|part| part.end <= value.end).ok_or(next + 1)?;
                if value.kind == OBJECT && place % 2 == 0 && !part.is_text() {
                    return Err(next + 1);
                }
                check(json, next, part, depth + 1)?;
                next = part.end;
                place += 1;
            }
            if value.kind == OBJECT && place % 2 == 1 { Err(next + 1) } else { Ok(()) }
        }
        _ => Err(wrong),
    }
}

/// Where the digits start, behind a sign; a number without any is at fault as a whole.
fn digits(json: &[u8], value: Node, least: usize, wrong: usize) -> Result<usize, usize> {
    let size = value.end - value.payload;
    if size < least {
        return Err(wrong);
    }
    let signed = byte(json, value.payload) == b'-';
    if signed && size <= least { Err(wrong) } else { Ok(value.payload + usize::from(signed)) }
}

fn check_integer(json: &[u8], value: Node, wrong: usize) -> Result<(), usize> {
    let from = digits(json, value, 1, wrong)?;
    let stranger = (from..value.end).find(|at| !byte(json, *at).is_ascii_digit());
    stranger.map_or(Ok(()), |at| Err(at + 1))
}

fn check_hexadecimal(json: &[u8], value: Node, wrong: usize) -> Result<(), usize> {
    let from = digits(json, value, 3, wrong)?;
    if byte(json, from) != b'0' {
        return Err(wrong);
    }
    if !matches!(byte(json, from + 1), b'x' | b'X') {
        return Err(from + 2);
    }
    let stranger = (from + 2..value.end).find(|at| !byte(json, *at).is_ascii_hexdigit());
    stranger.map_or(Ok(()), |at| Err(at + 1))
}

fn check_real(json: &[u8], value: Node, wrong: usize) -> Result<(), usize> {
    let is_plain = value.kind == FLOAT;
    let mut at = digits(json, value, 2, wrong)?;
    let (mut has_point, mut has_exponent) = (false, false);
    match byte(json, at) {
        b'.' if is_plain || !byte(json, at + 1).is_ascii_digit() => return Err(at + 1),
        b'.' => {
            at += 2;
            has_point = true;
        }
        b'0' if is_plain => {
            if at + 3 > value.end || !matches!(byte(json, at + 1), b'.' | b'e' | b'E') {
                return Err(at + 1);
            }
            at += 1;
        }
        _ => {}
    }
    while at < value.end {
        match byte(json, at) {
            b'0'..=b'9' => {}
            b'.' if !has_point && !has_exponent => {
                if is_plain && (at + 1 == value.end || !byte(json, at + 1).is_ascii_digit()) {
                    return Err(at + 1);
                }
                has_point = true;
            }
            b'e' | b'E' if !has_exponent && at + 1 < value.end => {
                if matches!(byte(json, at + 1), b'+' | b'-') {
                    at += 1;
                    if at + 1 == value.end {
                        return Err(at + 1);
                    }
                }
                has_exponent = true;
            }
            _ => return Err(at + 1),
        }
        at += 1;
    }
    if has_point || has_exponent { Ok(()) } else { Err(wrong) }
}

fn check_text(json: &[u8], value: Node) -> Result<(), usize> {
    let is_five = value.kind == TEXT5;
    let mut at = value.payload;
    while at < value.end {
        let wrong = at + 1;
        let rest = json.get(at..value.end).unwrap_or_default();
        at += match byte(rest, 0) {
            c if is_plain(c) || c == b'\'' => 1,
            b'\\' if rest.len() > 1 => match byte(rest, 1) {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' | 0 => 2,
                b'u' if rest.len() > 5 && is_hex(rest, 2, 4) => 2,
                b'u' => return Err(wrong),
                _ if !is_five => return Err(wrong),
                _ => match unescape(rest) {
                    (INVALID, _) => return Err(wrong),
                    (_, length) => length,
                },
            },
            b'\\' => return Err(wrong),
            // Quotes and control characters.
            _ if is_five => 1,
            _ => return Err(wrong),
        };
    }
    Ok(())
}
