//! Scalar functions over texts and blobs.

use super::define::{Kinds, scalar};
use super::fold::{chars, fold_into, unfold_into};
use super::matching::Pattern;
use super::number::{text_of, to_integer, write_text};
use super::{Datum, FunctionContext, LENGTH_MAX, ScalarDefinition};
use crate::error::{Error, Result};
use crate::ir::MatchKind;
use crate::value::{Value, ValueRef};

type Call<'a> = Result<Datum<'a>>;

pub(super) const FUNCTIONS: &[ScalarDefinition] = &[
    scalar("char", 0, usize::MAX, Kinds::TEXT, char_),
    scalar("concat", 1, usize::MAX, Kinds::TEXT, concat),
    scalar("concat_ws", 2, usize::MAX, Kinds::TEXT_OR_NULL, concat_ws),
    scalar("glob", 2, 2, Kinds::INTEGER_OR_NULL, glob),
    scalar("hex", 1, 1, Kinds::TEXT, hex),
    scalar("instr", 2, 2, Kinds::INTEGER_OR_NULL, instr),
    scalar("length", 1, 1, Kinds::INTEGER_OR_NULL, length),
    scalar("like", 2, 3, Kinds::INTEGER_OR_NULL, like),
    scalar("lower", 1, 1, Kinds::TEXT_OR_NULL, lower),
    scalar("ltrim", 1, 2, Kinds::TEXT_OR_NULL, ltrim),
    scalar("octet_length", 1, 1, Kinds::INTEGER_OR_NULL, octet_length),
    scalar("quote", 1, 1, Kinds::TEXT, quote),
    scalar("replace", 3, 3, Kinds::TEXT_OR_NULL, replace),
    scalar("rtrim", 1, 2, Kinds::TEXT_OR_NULL, rtrim),
    scalar("soundex", 1, 1, Kinds::TEXT, soundex),
    scalar("substr", 2, 3, Kinds::TEXT_OR_BLOB, substr),
    scalar("substring", 2, 3, Kinds::TEXT_OR_BLOB, substr),
    scalar("trim", 1, 2, Kinds::TEXT_OR_NULL, trim),
    scalar("unhex", 1, 2, Kinds::BLOB_OR_NULL, unhex),
    scalar("unicode", 1, 1, Kinds::INTEGER_OR_NULL, unicode),
    scalar("upper", 1, 1, Kinds::TEXT_OR_NULL, upper),
    scalar("zeroblob", 1, 1, Kinds::BLOB, zeroblob),
];

/// Argument `place`; NULL where the call has fewer.
pub(super) fn arg<'a>(args: &[ValueRef<'a>], place: usize) -> ValueRef<'a> {
    args.get(place).copied().unwrap_or_default()
}

pub(super) const fn null<'a>() -> Datum<'a> {
    Datum::Borrowed(ValueRef::Null)
}

pub(super) fn integer<'a>(integer: i64) -> Datum<'a> {
    Datum::Borrowed(ValueRef::Integer(integer))
}

/// A text; bytes that came from a blob are mended where they are not UTF-8.
pub(super) fn text<'a>(text: Vec<u8>) -> Datum<'a> {
    Datum::Owned(match String::from_utf8(text) {
        Ok(text) => Value::text(text),
        Err(error) => ValueRef::Text(error.as_bytes()).to_owned(),
    })
}

/// A length within the limit.
pub(super) fn check_length(length: usize) -> Result<()> {
    if length > LENGTH_MAX { Err(Error::limit("string or blob too big")) } else { Ok(()) }
}

/// What C strings hold: everything before the first NUL.
fn before_nul(text: &[u8]) -> &[u8] {
    text.split(|byte| *byte == 0).next().unwrap_or_default()
}

fn char_<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    let mut out = Vec::with_capacity(args.len());
    let mut utf8 = [0; 4];
    for value in args {
        let c = u32::try_from(to_integer(*value)).ok().and_then(char::from_u32);
        out.extend_from_slice(c.unwrap_or(char::REPLACEMENT_CHARACTER).encode_utf8(&mut utf8).as_bytes());
    }
    Ok(text(out))
}

fn concat<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    let mut out = Vec::new();
    for value in args {
        write_text(*value, &mut out);
        check_length(out.len())?;
    }
    Ok(text(out))
}

fn concat_ws<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    let separator = arg(args, 0);
    if separator.is_null() {
        return Ok(null());
    }
    let mut out = Vec::new();
    let mut first = true;
    for value in args.iter().skip(1).filter(|value| !value.is_null()) {
        if !first {
            write_text(separator, &mut out);
        }
        first = false;
        write_text(*value, &mut out);
        check_length(out.len())?;
    }
    Ok(text(out))
}

fn matches(
    kind: MatchKind,
    pattern: ValueRef<'_>,
    value: ValueRef<'_>,
    escape: Option<char>,
) -> Datum<'static> {
    if pattern.is_null() || value.is_null() {
        return null();
    }
    let (mut pattern_text, mut value_text) = (Vec::new(), Vec::new());
    let pattern = Pattern::new(kind, text_of(pattern, &mut pattern_text), escape);
    integer(i64::from(pattern.matches(text_of(value, &mut value_text))))
}

fn glob<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    Ok(matches(MatchKind::Glob, arg(args, 0), arg(args, 1), None))
}

fn like<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    let escape = match args.get(2) {
        None => None,
        Some(ValueRef::Null) => return Ok(null()),
        Some(value) => {
            let mut scratch = Vec::new();
            let mut escape = chars(text_of(*value, &mut scratch));
            match (escape.next(), escape.next()) {
                (Some(c), None) => Some(c),
                _ => return Err(Error::Evaluation("ESCAPE expression must be a single character".into())),
            }
        }
    };
    Ok(matches(MatchKind::Like, arg(args, 0), arg(args, 1), escape))
}

fn hex<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    let mut scratch = Vec::new();
    let bytes = text_of(arg(args, 0), &mut scratch);
    check_length(bytes.len() * 2)?;
    let mut out = Vec::with_capacity(bytes.len() * 2);
    hex_into(bytes, &mut out);
    Ok(text(out))
}

fn hex_into(bytes: &[u8], out: &mut Vec<u8>) {
    let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 };
    for byte in bytes {
        out.extend([digit(byte >> 4), digit(byte & 15)]);
    }
}

fn unhex<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    if args.iter().any(|arg| arg.is_null()) {
        return Ok(null());
    }
    let (mut scratch, mut skipped_scratch) = (Vec::new(), Vec::new());
    let digits = text_of(arg(args, 0), &mut scratch);
    let skipped = text_of(arg(args, 1), &mut skipped_scratch);
    let nibble = |c: char| c.to_digit(16).map(|digit| digit as u8);
    let mut out = Vec::with_capacity(digits.len() / 2);
    let mut rest = chars(before_nul(digits));
    while let Some(c) = rest.next() {
        let Some(high) = nibble(c) else {
            if chars(skipped).any(|s| s == c) {
                continue;
            }
            return Ok(null());
        };
        let Some(low) = rest.next().and_then(nibble) else { return Ok(null()) };
        out.push(high << 4 | low);
    }
    Ok(Datum::Owned(Value::Blob(out.into())))
}

fn instr<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    let (haystack, needle) = (arg(args, 0), arg(args, 1));
    if haystack.is_null() || needle.is_null() {
        return Ok(null());
    }
    let bytes = matches!((haystack, needle), (ValueRef::Blob(_), ValueRef::Blob(_)));
    let (mut haystack_text, mut needle_text) = (Vec::new(), Vec::new());
    let haystack = text_of(haystack, &mut haystack_text);
    let needle = text_of(needle, &mut needle_text);
    if needle.is_empty() {
        return Ok(integer(1));
    }
    let found = haystack.windows(needle.len()).position(|window| window == needle);
    Ok(integer(match found {
        None => 0,
        Some(place) if bytes => place as i64 + 1,
        Some(place) => count_chars(haystack.get(..place).unwrap_or_default()) + 1,
    }))
}

/// Characters of a text: bytes that start one.
pub(super) fn count_chars(text: &[u8]) -> i64 {
    text.iter().filter(|byte| **byte & 0xc0 != 0x80).count() as i64
}

fn length<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    Ok(match arg(args, 0) {
        ValueRef::Null => null(),
        ValueRef::Blob(bytes) => integer(bytes.len() as i64),
        value => {
            let mut scratch = Vec::new();
            integer(count_chars(before_nul(text_of(value, &mut scratch))))
        }
    })
}

fn octet_length<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    let value = arg(args, 0);
    if value.is_null() {
        return Ok(null());
    }
    let mut scratch = Vec::new();
    Ok(integer(text_of(value, &mut scratch).len() as i64))
}

fn map_case<'a>(value: ValueRef<'a>, change: fn(&[u8], &mut Vec<u8>)) -> Call<'a> {
    if value.is_null() {
        return Ok(null());
    }
    let (mut scratch, mut out) = (Vec::new(), Vec::new());
    change(text_of(value, &mut scratch), &mut out);
    Ok(text(out))
}

fn lower<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    map_case(arg(args, 0), fold_into)
}

fn upper<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    map_case(arg(args, 0), unfold_into)
}

/// Trims the characters of the second argument, or spaces, at either end.
fn trim_ends<'a>(args: &[ValueRef<'a>], start: bool, end: bool) -> Call<'a> {
    let value = arg(args, 0);
    if value.is_null() || (args.len() > 1 && arg(args, 1).is_null()) {
        return Ok(null());
    }
    let mut set_text = Vec::new();
    let set = if args.len() > 1 { text_of(arg(args, 1), &mut set_text) } else { b" " };
    let trimmed = |text: &[u8]| {
        let mut range = 0..text.len();
        let is_member = |c: &[u8]| set_chars(set).any(|member| member == c);
        while let Some(c) = text.get(range.clone()).filter(|_| start).and_then(first_char)
            && is_member(c)
        {
            range.start += c.len();
        }
        while let Some(c) = text.get(range.clone()).filter(|_| end).and_then(last_char)
            && is_member(c)
        {
            range.end -= c.len();
        }
        range
    };
    if let ValueRef::Text(bytes) = value {
        let kept = bytes.get(trimmed(bytes)).unwrap_or_default();
        return Ok(Datum::Borrowed(ValueRef::Text(kept)));
    }
    let mut scratch = Vec::new();
    let bytes = text_of(value, &mut scratch);
    Ok(text(bytes.get(trimmed(bytes)).unwrap_or_default().to_vec()))
}

fn is_inner(byte: &u8) -> bool {
    byte & 0xc0 == 0x80
}

fn first_char(text: &[u8]) -> Option<&[u8]> {
    let length = text.iter().skip(1).take_while(|byte| is_inner(byte)).count() + 1;
    text.get(..length)
}

fn last_char(text: &[u8]) -> Option<&[u8]> {
    let start = text.iter().rposition(|byte| !is_inner(byte))?;
    text.get(start..)
}

fn set_chars(set: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = set;
    std::iter::from_fn(move || {
        let c = first_char(rest)?;
        rest = rest.get(c.len()..)?;
        Some(c)
    })
}

fn trim<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    trim_ends(args, true, true)
}

fn ltrim<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    trim_ends(args, true, false)
}

fn rtrim<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    trim_ends(args, false, true)
}

/// Appends a value as an SQL literal.
pub(super) fn quote_into(value: ValueRef<'_>, out: &mut Vec<u8>) {
    match value {
        ValueRef::Null => out.extend_from_slice(b"NULL"),
        ValueRef::Integer(_) => write_text(value, out),
        ValueRef::Decimal(_) => {
            out.extend_from_slice(b"decimal('");
            write_text(value, out);
            out.extend_from_slice(b"')");
        }
        ValueRef::Real(real) if real.is_infinite() => {
            out.extend_from_slice(if real > 0.0 { b"9.0e+999" } else { b"-9.0e+999" });
        }
        ValueRef::Real(_) => write_text(value, out),
        ValueRef::Text(bytes) => {
            out.push(b'\'');
            for byte in before_nul(bytes) {
                if *byte == b'\'' {
                    out.push(b'\'');
                }
                out.push(*byte);
            }
            out.push(b'\'');
        }
        ValueRef::Blob(bytes) => {
            out.extend_from_slice(b"X'");
            hex_into(bytes, out);
            out.push(b'\'');
        }
    }
}

fn quote<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    let mut out = Vec::new();
    quote_into(arg(args, 0), &mut out);
    check_length(out.len())?;
    Ok(text(out))
}

fn replace<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    if arg(args, 0).is_null() || arg(args, 1).is_null() {
        return Ok(null());
    }
    let (mut a, mut b, mut c) = (Vec::new(), Vec::new(), Vec::new());
    let (whole, pattern, with) =
        (text_of(arg(args, 0), &mut a), text_of(arg(args, 1), &mut b), text_of(arg(args, 2), &mut c));
    if pattern.first().is_none_or(|first| *first == 0) {
        return Ok(text(whole.to_vec()));
    }
    if arg(args, 2).is_null() {
        return Ok(null());
    }
    let mut out = Vec::with_capacity(whole.len());
    let mut rest = whole;
    while let Some(first) = rest.first() {
        match rest.strip_prefix(pattern) {
            Some(after) => {
                out.extend_from_slice(with);
                check_length(out.len())?;
                rest = after;
            }
            None => {
                out.push(*first);
                rest = rest.get(1..).unwrap_or_default();
            }
        }
    }
    Ok(text(out))
}

fn soundex<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    let mut scratch = Vec::new();
    let word = text_of(arg(args, 0), &mut scratch);
    let code = |byte: u8| match byte.to_ascii_lowercase() {
        b'b' | b'f' | b'p' | b'v' => b'1',
        b'c' | b'g' | b'j' | b'k' | b'q' | b's' | b'x' | b'z' => b'2',
        b'd' | b't' => b'3',
        b'l' => b'4',
        b'm' | b'n' => b'5',
        b'r' => b'6',
        _ => 0,
    };
    let mut letters =
        before_nul(word).iter().copied().skip_while(|byte| !byte.is_ascii_alphabetic()).peekable();
    let Some(first) = letters.peek().copied() else { return Ok(text(b"?000".to_vec())) };
    let mut out = vec![first.to_ascii_uppercase()];
    let mut previous = code(first);
    for letter in letters {
        let digit = code(letter);
        if digit != 0 && digit != previous && out.len() < 4 {
            out.push(digit);
        }
        previous = digit;
    }
    out.resize(4, b'0');
    Ok(text(out))
}

fn substr<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    let value = arg(args, 0);
    if args.iter().any(|arg| arg.is_null()) {
        return Ok(null());
    }
    let (start, count) = (to_integer(arg(args, 1)), args.get(2).map(|count| to_integer(*count)));
    if let ValueRef::Blob(bytes) = value {
        if bytes.is_empty() {
            // As SQLite, which cannot tell an empty blob from none here.
            return Ok(null());
        }
        let range = substr_range(start, count, bytes.len() as i64);
        return Ok(Datum::Borrowed(ValueRef::Blob(bytes.get(range).unwrap_or_default())));
    }
    let cut = |text: &[u8]| {
        let range = substr_range(start, count, count_chars(text));
        let from = char_offset(text, range.start);
        let rest = text.get(from..).unwrap_or_default();
        from..from + char_offset(rest, range.end - range.start)
    };
    if let ValueRef::Text(bytes) = value {
        let whole = before_nul(bytes);
        return Ok(Datum::Borrowed(ValueRef::Text(whole.get(cut(whole)).unwrap_or_default())));
    }
    let mut scratch = Vec::new();
    let whole = text_of(value, &mut scratch);
    Ok(text(whole.get(cut(whole)).unwrap_or_default().to_vec()))
}

/// The places, from 0, that `substr` takes of `length`: a negative start counts from the end, a negative count
/// takes what stands before the start, and place 0 is one before the first.
fn substr_range(start: i64, count: Option<i64>, length: i64) -> std::ops::Range<usize> {
    let length = i128::from(length);
    let mut from = i128::from(start);
    let mut count = i128::from(count.unwrap_or(i64::MAX));
    if from < 0 {
        from += length;
        if from < 0 {
            count = if count < 0 { 0 } else { count + from };
            from = 0;
        }
    } else if from > 0 {
        from -= 1;
    } else if count > 0 {
        count -= 1;
    }
    if count < 0 {
        count = if count < -from { from } else { -count };
        from -= count;
    }
    let from = from.clamp(0, length);
    let to = (from + count.max(0)).clamp(from, length);
    from as usize..to as usize
}

/// Byte offset of character `place`.
fn char_offset(text: &[u8], place: usize) -> usize {
    if text.is_ascii() {
        return place.min(text.len());
    }
    let mut starts = text.iter().enumerate().filter(|(_, byte)| !is_inner(byte)).map(|(offset, _)| offset);
    starts.nth(place).unwrap_or(text.len())
}

fn unicode<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    let value = arg(args, 0);
    let mut scratch = Vec::new();
    let first = chars(before_nul(text_of(value, &mut scratch))).next();
    Ok(first.map_or(null(), |c| integer(i64::from(u32::from(c)))))
}

fn zeroblob<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    let length = usize::try_from(to_integer(arg(args, 0))).unwrap_or(0);
    check_length(length)?;
    Ok(Datum::Owned(Value::Blob(vec![0; length].into())))
}
