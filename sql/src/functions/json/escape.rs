//! Characters of JSON texts: escapes written and read, labels compared.

use super::node::byte;
use crate::functions::fold::chars;

/// What an escape that says nothing stands for.
pub(super) const INVALID: u32 = 0x99999;

/// True for characters that stand for themselves in every kind of text.
pub(super) fn is_plain(byte: u8) -> bool {
    byte >= b' ' && !matches!(byte, b'"' | b'\'' | b'\\')
}

/// Appends `text` in quotes and with escapes.
pub(in crate::functions) fn write_quoted(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text;
    while let Some(special) = rest.iter().position(|byte| !is_plain(*byte)) {
        let (plain, from) = rest.split_at(special);
        out.extend_from_slice(plain);
        match byte(from, 0) {
            quoted @ (b'"' | b'\\') => out.extend([b'\\', quoted]),
            b'\'' => out.push(b'\''),
            control => write_control(control, out),
        }
        rest = from.get(1..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// Appends the escape of a control character.
pub(super) fn write_control(control: u8, out: &mut Vec<u8>) {
    let letter = match control {
        8 => b'b',
        9 => b't',
        10 => b'n',
        12 => b'f',
        13 => b'r',
        _ => {
            let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
            out.extend_from_slice(b"\\u00");
            out.extend([digit(control >> 4), digit(control & 15)]);
            return;
        }
    };
    out.extend([b'\\', letter]);
}

/// The value of hexadecimal digits that were checked before, or of whatever stands there.
fn hex(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |value, digit| value << 4 | (*digit as char).to_digit(16).unwrap_or(0))
}

/// True if `count` hexadecimal digits stand at `at`.
pub(super) fn is_hex(text: &[u8], at: usize, count: usize) -> bool {
    text.get(at..at + count).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
}

/// True for the bytes of U+2028 and U+2029.
pub(super) fn is_line_separator(text: &[u8]) -> bool {
    matches!(text, [0xe2, 0x80, 0xa8 | 0xa9, ..])
}

/// The character that the escape at the start of `text` stands for and how many bytes it has.
pub(super) fn unescape(text: &[u8]) -> (u32, usize) {
    let all = text.len();
    match byte(text, 1) {
        _ if all < 2 => (INVALID, all),
        b'u' => {
            let Some(digits) = text.get(2..6) else { return (INVALID, all) };
            let high = hex(digits);
            if high & 0xfc00 == 0xd800
                && let Some([b'\\', b'u', digits @ ..]) = text.get(6..12)
                && hex(digits) & 0xfc00 == 0xdc00
            {
                return (((high & 0x3ff) << 10) + (hex(digits) & 0x3ff) + 0x10000, 12);
            }
            (high, 6)
        }
        b'b' => (8, 2),
        b'f' => (12, 2),
        b'n' => (10, 2),
        b'r' => (13, 2),
        b't' => (9, 2),
        b'v' => (11, 2),
        b'0' => (if byte(text, 2).is_ascii_digit() { INVALID } else { 0 }, 2),
        same @ (b'\'' | b'"' | b'/' | b'\\') => (u32::from(same), 2),
        b'x' => text.get(2..4).map_or((INVALID, all), |digits| (hex(digits), 4)),
        b'\n' | b'\r' | 0xe2 => {
            let skipped = continued(text);
            match text.get(skipped..) {
                _ if skipped == 0 => (INVALID, all),
                None | Some([]) => (0, all),
                // A further line continuation was skipped, so this is another escape.
                Some(rest @ [b'\\', ..]) => {
                    let (c, length) = unescape(rest);
                    (c, skipped + length)
                }
                Some(rest) => {
                    let c = chars(rest).next().map_or(0, u32::from);
                    let length = char::from_u32(c).map_or(1, char::len_utf8);
                    (c, (skipped + length).min(all))
                }
            }
        }
        _ => (INVALID, 2),
    }
}

/// Bytes of the escaped line ends at the start of `text`, which stand for nothing.
fn continued(text: &[u8]) -> usize {
    let mut at = 0;
    while at + 1 < text.len() {
        at += match text.get(at..) {
            Some([b'\\', b'\r', b'\n', ..]) => 3,
            Some([b'\\', b'\n' | b'\r', ..]) => 2,
            Some([b'\\', rest @ ..]) if is_line_separator(rest) => 4,
            _ => break,
        };
    }
    at
}

/// Appends a text with its escapes resolved. Half a surrogate pair is what SQLite makes of it: bytes that are no UTF-8.
pub(super) fn write_unescaped(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(&first) = rest.first() {
        if first != b'\\' {
            out.push(first);
            rest = rest.get(1..).unwrap_or_default();
            continue;
        }
        let (c, length) = unescape(rest);
        match c {
            INVALID => {}
            0..=0x7f => out.push(c as u8),
            _ => match char::from_u32(c) {
                Some(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                None => {
                    out.extend([0xe0 | (c >> 12) as u8, 0x80 | (c >> 6 & 63) as u8, 0x80 | (c & 63) as u8])
                }
            },
        }
        rest = rest.get(length..).unwrap_or_default();
    }
}

/// True if two labels are the same text; a raw one holds no escapes.
pub(super) fn same_label(left: &[u8], left_raw: bool, right: &[u8], right_raw: bool) -> bool {
    if left_raw && right_raw {
        return left == right;
    }
    let (mut left, mut right) = (left, right);
    loop {
        let c = next(&mut left, left_raw);
        if c != next(&mut right, right_raw) {
            return false;
        }
        if c == 0 {
            return true;
        }
    }
}

/// Takes a character off a label; 0 at its end.
fn next(label: &mut &[u8], raw: bool) -> u32 {
    let (c, length) = match label {
        [] => return 0,
        [b'\\', ..] if !raw => unescape(label),
        [first @ 0..0xc0, ..] => (u32::from(*first), 1),
        _ => {
            let c = chars(label).next().unwrap_or_default();
            (u32::from(c), c.len_utf8())
        }
    };
    *label = label.get(length.max(1)..).unwrap_or_default();
    c
}
