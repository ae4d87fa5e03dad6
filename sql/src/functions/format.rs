//! `printf`, also called `format`.

use super::define::{Kinds, scalar};
use super::json::write_quoted;
use super::number::{text_of, to_integer, to_real};
use super::real::{Layout, RealFormat, write_magnitude};
use super::text::{arg, check_length, null, text};
use super::{Datum, FunctionContext, ScalarDefinition};
use crate::error::Result;
use crate::value::ValueRef;

pub(super) const FUNCTIONS: &[ScalarDefinition] = &[
    scalar("format", 0, usize::MAX, Kinds::TEXT_OR_NULL, printf),
    scalar("printf", 0, usize::MAX, Kinds::TEXT_OR_NULL, printf),
];

/// What stands between `%` and the letter.
#[derive(Debug, Default)]
struct Flags {
    left: bool,
    sign: Option<u8>,
    alternate: bool,
    exact: bool,
    zero_pad: bool,
    thousands: bool,
    width: usize,
    precision: Option<usize>,
}

/// The arguments, handed out one by one; NULL when they run out.
struct Arguments<'a, 'b> {
    args: &'b [ValueRef<'a>],
    used: usize,
}

impl<'a> Arguments<'a, '_> {
    fn next(&mut self) -> ValueRef<'a> {
        self.used += 1;
        arg(self.args, self.used)
    }
}

fn printf<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Result<Datum<'a>> {
    if arg(args, 0).is_null() {
        return Ok(null());
    }
    let mut scratch = Vec::new();
    let format = text_of(arg(args, 0), &mut scratch);
    let mut arguments = Arguments { args, used: 0 };
    let mut out = Vec::with_capacity(format.len());
    let mut rest = format.split(|byte| *byte == 0).next().unwrap_or_default();
    while let Some(place) = rest.iter().position(|byte| *byte == b'%') {
        out.extend_from_slice(rest.get(..place).unwrap_or_default());
        rest = rest.get(place + 1..).unwrap_or_default();
        if rest.is_empty() {
            out.push(b'%');
            break;
        }
        let (flags, letter, after) = flags(rest, &mut arguments)?;
        rest = after;
        let Some(letter) = letter else { break };
        if !convert(letter, flags, &mut arguments, &mut out) {
            // An unknown letter ends the output, as in SQLite.
            return Ok(text(out));
        }
        check_length(out.len())?;
    }
    out.extend_from_slice(rest);
    Ok(text(out))
}

fn flags<'f>(format: &'f [u8], arguments: &mut Arguments<'_, '_>) -> Result<(Flags, Option<u8>, &'f [u8])> {
    let mut flags = Flags::default();
    let mut rest = format;
    let next = |rest: &mut &'f [u8]| {
        let (first, after) = rest.split_first()?;
        *rest = after;
        Some(*first)
    };
    let digits = |rest: &mut &'f [u8]| {
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (number, after) = rest.split_at_checked(count).unwrap_or_default();
        *rest = after;
        number.iter().fold(0_usize, |n, digit| n.saturating_mul(10).saturating_add(usize::from(digit - b'0')))
    };
    loop {
        match rest.first() {
            Some(b'-') => flags.left = true,
            Some(b'+') => flags.sign = Some(b'+'),
            Some(b' ') => flags.sign = Some(b' '),
            Some(b'#') => flags.alternate = true,
            Some(b'!') => flags.exact = true,
            Some(b'0') => flags.zero_pad = true,
            Some(b',') => flags.thousands = true,
            _ => break,
        }
        next(&mut rest);
    }
    if rest.first() == Some(&b'*') {
        next(&mut rest);
        // 32 bits of it count, as in SQLite.
        let width = to_integer(arguments.next()) as i32;
        flags.left |= width < 0;
        flags.width = width.unsigned_abs() as usize;
    } else {
        flags.width = digits(&mut rest);
    }
    if rest.first() == Some(&b'.') {
        next(&mut rest);
        flags.precision = Some(if rest.first() == Some(&b'*') {
            next(&mut rest);
            (to_integer(arguments.next()) as i32).unsigned_abs() as usize
        } else {
            digits(&mut rest)
        });
    }
    while rest.first() == Some(&b'l') {
        next(&mut rest);
    }
    check_length(flags.width)?;
    check_length(flags.precision.unwrap_or(0))?;
    let letter = next(&mut rest);
    Ok((flags, letter, rest))
}

/// Appends one conversion; false for a letter that is none.
fn convert(letter: u8, flags: Flags, arguments: &mut Arguments<'_, '_>, out: &mut Vec<u8>) -> bool {
    match letter {
        b'%' => pad(b"%", true, &flags, out),
        b'd' | b'i' => {
            let value = to_integer(arguments.next());
            let sign = if value < 0 { Some(b'-') } else { flags.sign };
            integer(value.unsigned_abs(), 10, false, sign, b"", &flags, out);
        }
        b'u' => integer(to_integer(arguments.next()) as u64, 10, false, None, b"", &flags, out),
        b'x' | b'X' | b'p' => {
            let upper = letter != b'x';
            let prefix: &[u8] = if letter == b'X' { b"0X" } else { b"0x" };
            integer(to_integer(arguments.next()) as u64, 16, upper, None, prefix, &flags, out);
        }
        b'o' => integer(to_integer(arguments.next()) as u64, 8, false, None, b"0", &flags, out),
        b'r' => ordinal(to_integer(arguments.next()), &flags, out),
        b'f' => real(to_real(arguments.next()), Layout::Fixed, &flags, out),
        b'e' | b'E' => real(to_real(arguments.next()), Layout::Exponent(letter), &flags, out),
        b'g' => real(to_real(arguments.next()), Layout::Shorter(b'e'), &flags, out),
        b'G' => real(to_real(arguments.next()), Layout::Shorter(b'E'), &flags, out),
        b'c' => {
            let mut scratch = Vec::new();
            let value = arguments.next();
            let whole = text_of(value, &mut scratch);
            // Without a character SQLite gives its terminator.
            let one = if whole.is_empty() { b"\0" } else { take_chars(whole, 1) };
            let repeated = one.repeat(flags.precision.unwrap_or(1).max(1));
            pad(&repeated, true, &flags, out);
        }
        b's' | b'z' => {
            let mut scratch = Vec::new();
            let whole = text_of(arguments.next(), &mut scratch);
            pad(shortened(whole, &flags), flags.exact, &flags, out);
        }
        b'q' | b'Q' | b'w' => {
            let value = arguments.next();
            let mut scratch = Vec::new();
            let mut quoted = Vec::new();
            if value.is_null() {
                let word: &[u8] = if letter == b'Q' { b"NULL" } else { b"(NULL)" };
                quoted.extend_from_slice(shortened(word, &flags));
            } else {
                quote(letter, shortened(text_of(value, &mut scratch), &flags), &flags, &mut quoted);
            }
            pad(&quoted, flags.exact, &flags, out);
        }
        b'j' | b'J' => {
            let value = arguments.next();
            let mut scratch = Vec::new();
            let mut escaped = Vec::new();
            if !value.is_null() {
                let text = text_of(value, &mut scratch).split(|byte| *byte == 0).next().unwrap_or_default();
                write_quoted(shortened(text, &flags), &mut escaped);
            }
            let field = match letter {
                b'j' => escaped.get(1..escaped.len().saturating_sub(1)).unwrap_or_default(),
                _ if value.is_null() => b"null",
                _ => &escaped,
            };
            pad(field, flags.exact, &flags, out);
        }
        b'n' => {}
        _ => return false,
    }
    true
}

/// `%q`, `%Q` and `%w`: quotes doubled. With `#` control characters are escaped as `unistr` reads them, by `%Q` where
/// there are any.
fn quote(letter: u8, text: &[u8], flags: &Flags, out: &mut Vec<u8>) {
    let quote = if letter == b'w' { b'"' } else { b'\'' };
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    let is_control = |byte: &u8| *byte < 0x20;
    let escapes = flags.alternate && (letter == b'q' || letter == b'Q' && text.iter().any(is_control));
    if letter == b'Q' {
        out.extend_from_slice(if escapes { b"unistr('" } else { b"'" });
    }
    for byte in text {
        match byte {
            byte if *byte == quote => out.extend([quote, quote]),
            b'\\' if escapes => out.extend_from_slice(b"\\\\"),
            byte if escapes && is_control(byte) => {
                use std::io::Write;
                // Writing to a vector never fails.
                let _ = write!(out, "\\u{byte:04x}");
            }
            byte => out.push(*byte),
        }
    }
    if letter == b'Q' {
        out.extend_from_slice(if escapes { b"')" } else { b"'" });
    }
}

fn take_chars(text: &[u8], count: usize) -> &[u8] {
    let mut starts =
        text.iter().enumerate().filter(|(_, byte)| **byte & 0xc0 != 0x80).map(|(place, _)| place);
    let end = starts.nth(count).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// The text cut to the precision, in bytes or, with `!`, in characters.
fn shortened<'a>(text: &'a [u8], flags: &Flags) -> &'a [u8] {
    match flags.precision {
        None => text,
        Some(count) if flags.exact => take_chars(text, count),
        Some(count) => text.get(..count).unwrap_or(text),
    }
}

/// Appends `field` filled with spaces to the width, which counts bytes or characters.
fn pad(field: &[u8], in_chars: bool, flags: &Flags, out: &mut Vec<u8>) {
    let length = if in_chars { super::text::count_chars(field) as usize } else { field.len() };
    let fill = std::iter::repeat_n(b' ', flags.width.saturating_sub(length));
    if flags.left {
        out.extend_from_slice(field);
        out.extend(fill);
    } else {
        out.extend(fill);
        out.extend_from_slice(field);
    }
}

fn digits_of(mut magnitude: u64, base: u64, upper: bool) -> Vec<u8> {
    let mut digits = Vec::with_capacity(24);
    loop {
        let digit = (magnitude % base) as u8;
        digits.push(match digit {
            0..=9 => b'0' + digit,
            _ if upper => b'A' + digit - 10,
            _ => b'a' + digit - 10,
        });
        magnitude /= base;
        if magnitude == 0 {
            digits.reverse();
            return digits;
        }
    }
}

fn integer(
    magnitude: u64,
    base: u64,
    upper: bool,
    sign: Option<u8>,
    prefix: &[u8],
    flags: &Flags,
    out: &mut Vec<u8>,
) {
    let mut precision = flags.precision.unwrap_or(0);
    if flags.zero_pad {
        precision = precision.max(flags.width - usize::from(sign.is_some()).min(flags.width));
    }
    let digits = digits_of(magnitude, base, upper);
    let zeros = precision.saturating_sub(digits.len());
    let length = zeros + digits.len();
    let mut field = Vec::with_capacity(length + 2);
    field.extend(sign);
    if flags.alternate && magnitude != 0 {
        field.extend_from_slice(prefix);
    }
    for (place, digit) in std::iter::repeat_n(b'0', zeros).chain(digits).enumerate() {
        if flags.thousands && base == 10 && place > 0 && (length - place).is_multiple_of(3) {
            field.push(b',');
        }
        field.push(digit);
    }
    pad(&field, false, flags, out);
}

fn ordinal(value: i64, flags: &Flags, out: &mut Vec<u8>) {
    let magnitude = value.unsigned_abs();
    let suffix: &[u8] = match (magnitude % 10, magnitude / 10 % 10) {
        (_, 1) => b"th",
        (1, _) => b"st",
        (2, _) => b"nd",
        (3, _) => b"rd",
        _ => b"th",
    };
    let mut field: Vec<u8> = if value < 0 { vec![b'-'] } else { flags.sign.into_iter().collect() };
    field.extend(digits_of(magnitude, 10, false));
    field.extend_from_slice(suffix);
    pad(&field, false, flags, out);
}

/// Appends a real with its sign, filled to the width.
fn real(value: f64, layout: Layout, flags: &Flags, out: &mut Vec<u8>) {
    let mut sign = if value < 0.0 { Some(b'-') } else { flags.sign };
    let mut field = Vec::new();
    if value.is_infinite() && !flags.zero_pad {
        field.extend(sign);
        field.extend_from_slice(b"Inf");
        pad(&field, false, flags, out);
        return;
    }
    let format = RealFormat {
        layout,
        precision: flags.precision.unwrap_or(6),
        alternate: flags.alternate,
        exact: flags.exact,
        thousands: flags.thousands,
    };
    write_magnitude(value.abs(), format, &mut field);
    let is_zero = field.iter().all(|byte| matches!(byte, b'0' | b'.' | b','));
    if flags.alternate && layout == Layout::Fixed && is_zero && flags.sign.is_none() {
        sign = None;
    }
    if flags.zero_pad && !flags.left {
        let length = field.len() + usize::from(sign.is_some());
        out.extend(sign);
        out.extend(std::iter::repeat_n(b'0', flags.width.saturating_sub(length)));
        out.extend_from_slice(&field);
        return;
    }
    let mut signed: Vec<u8> = sign.into_iter().collect();
    signed.append(&mut field);
    pad(&signed, false, flags, out);
}
