//! Functions over texts that SQLite has not, and its escapes of Unicode characters.

use super::define::{Kinds, scalar};
use super::fold::chars;
use super::number::{text_of, to_integer};
use super::text::{arg, check_length, count_chars, integer, null, quote_into, text};
use super::{Datum, FunctionContext, ScalarDefinition};
use crate::error::{Error, Result};
use crate::value::ValueRef;
use std::io::Write;

type Call<'a> = Result<Datum<'a>>;

pub(super) const FUNCTIONS: &[ScalarDefinition] = &[
    scalar("lpad", 2, 3, Kinds::TEXT_OR_NULL, lpad),
    scalar("repeat", 2, 2, Kinds::TEXT_OR_NULL, repeat),
    scalar("reverse", 1, 1, Kinds::TEXT_OR_NULL, reverse),
    scalar("rpad", 2, 3, Kinds::TEXT_OR_NULL, rpad),
    scalar("starts_with", 2, 2, Kinds::INTEGER_OR_NULL, starts_with),
    scalar("unistr", 1, 1, Kinds::TEXT_OR_NULL, unistr),
    scalar("unistr_quote", 1, 1, Kinds::TEXT, unistr_quote),
];

/// `lpad(text, length, fill)`: exactly `length` characters, filled at the start or cut at the end; spaces fill where
/// nothing else is given, and with an empty fill a short text stays short.
fn lpad<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    padded(args, |text, filling| filling + text)
}

fn rpad<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    padded(args, |text, filling| text.to_owned() + &filling)
}

fn padded<'a>(args: &[ValueRef<'a>], join: fn(&str, String) -> String) -> Call<'a> {
    if args.iter().any(|arg| arg.is_null()) {
        return Ok(null());
    }
    let (mut text_scratch, mut fill_scratch) = (Vec::new(), Vec::new());
    let whole = text_of(arg(args, 0), &mut text_scratch);
    let fill = if args.len() > 2 { text_of(arg(args, 2), &mut fill_scratch) } else { b" " };
    let length = usize::try_from(to_integer(arg(args, 1))).unwrap_or(0);
    check_length(length)?;
    let kept: String = chars(whole).take(length).collect();
    let missing = length.saturating_sub(count_chars(whole) as usize);
    let fill: Vec<char> = chars(fill).collect();
    let filling: String = fill.iter().cycle().take(missing).collect();
    let joined = join(&kept, filling);
    check_length(joined.len())?;
    Ok(text(joined.into_bytes()))
}

/// `repeat(text, count)`.
fn repeat<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    if args.iter().any(|arg| arg.is_null()) {
        return Ok(null());
    }
    let mut scratch = Vec::new();
    let whole = text_of(arg(args, 0), &mut scratch);
    let count = usize::try_from(to_integer(arg(args, 1))).unwrap_or(0);
    check_length(whole.len().saturating_mul(count))?;
    Ok(text(whole.repeat(count)))
}

/// The characters from last to first.
fn reverse<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    if arg(args, 0).is_null() {
        return Ok(null());
    }
    let mut scratch = Vec::new();
    let mut all: Vec<char> = chars(text_of(arg(args, 0), &mut scratch)).collect();
    all.reverse();
    Ok(text(all.into_iter().collect::<String>().into_bytes()))
}

/// `starts_with(text, start)`, letter by letter.
fn starts_with<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    if args.iter().any(|arg| arg.is_null()) {
        return Ok(null());
    }
    let (mut a, mut b) = (Vec::new(), Vec::new());
    let found = text_of(arg(args, 0), &mut a).starts_with(text_of(arg(args, 1), &mut b));
    Ok(integer(i64::from(found)))
}

/// `\1234`, `\u1234`, `\+123456` and `\U12345678`, digits in hexadecimal, stand for characters, `\\` for a backslash.
fn unistr<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    if arg(args, 0).is_null() {
        return Ok(null());
    }
    let mut scratch = Vec::new();
    let mut rest = text_of(arg(args, 0), &mut scratch);
    let mut out = Vec::with_capacity(rest.len());
    while let Some(place) = rest.iter().position(|byte| *byte == b'\\') {
        out.extend_from_slice(rest.get(..place).unwrap_or_default());
        let escape = rest.get(place + 1..).unwrap_or_default();
        let (skipped, digits) = match escape.first() {
            Some(b'\\') => {
                out.push(b'\\');
                rest = escape.get(1..).unwrap_or_default();
                continue;
            }
            Some(b'+') => (1, 6),
            Some(b'u') => (1, 4),
            Some(b'U') => (1, 8),
            _ => (0, 4),
        };
        let code =
            escape.get(skipped..skipped + digits).filter(|code| code.iter().all(u8::is_ascii_hexdigit));
        let code = code.and_then(|code| u32::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok());
        let Some(code) = code else { return Err(Error::Evaluation("invalid Unicode escape".into())) };
        let c = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        rest = escape.get(skipped + digits..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    Ok(text(out))
}

/// As `quote`, but a text with control characters becomes a call of `unistr`.
fn unistr_quote<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    let mut out = Vec::new();
    let is_control = |byte: &u8| (1..0x20).contains(byte);
    match arg(args, 0) {
        ValueRef::Text(bytes) if bytes.iter().take_while(|byte| **byte != 0).any(is_control) => {
            out.extend_from_slice(b"unistr('");
            for byte in bytes.iter().take_while(|byte| **byte != 0) {
                match byte {
                    b'\'' => out.extend_from_slice(b"''"),
                    b'\\' => out.extend_from_slice(b"\\\\"),
                    byte if is_control(byte) => {
                        // Writing to a vector never fails.
                        let _ = write!(out, "\\u{byte:04x}");
                    }
                    byte => out.push(*byte),
                }
            }
            out.extend_from_slice(b"')");
        }
        value => quote_into(value, &mut out),
    }
    check_length(out.len())?;
    Ok(text(out))
}
