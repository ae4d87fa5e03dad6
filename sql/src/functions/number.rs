//! Numbers in texts and texts of numbers, by SQLite's rules: which prefix of a text is a number, when a text is one
//! as a whole, how a real becomes an integer, and what a number looks like in text.

use super::real::write_real;
use crate::decimal::Decimal;
use crate::types::Affinity;
use crate::value::{Value, ValueRef};

/// A number of any kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    /// An integer.
    Integer(i64),
    /// A real, perhaps infinite, never NaN where it came from a value.
    Real(f64),
    /// An exact decimal.
    Decimal(Decimal),
}

impl Number {
    /// As a real.
    pub(crate) fn real(self) -> f64 {
        match self {
            Number::Integer(i) => i as f64,
            Number::Real(r) => r,
            Number::Decimal(d) => d.to_real(),
        }
    }

    /// As an exact decimal, unless it is a real.
    pub(crate) fn decimal(self) -> Option<Decimal> {
        match self {
            Number::Integer(i) => Some(Decimal::from(i)),
            Number::Real(_) => None,
            Number::Decimal(d) => Some(d),
        }
    }

    /// As a value; NaN is NULL.
    pub(crate) fn value(self) -> ValueRef<'static> {
        match self {
            Number::Integer(i) => ValueRef::Integer(i),
            Number::Real(r) if r.is_nan() => ValueRef::Null,
            Number::Real(r) => ValueRef::Real(r),
            Number::Decimal(d) => ValueRef::Decimal(d),
        }
    }
}

/// What reading a text as a real found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ParsedReal {
    /// The number at the start of the text, 0 if there is none.
    pub(crate) real: f64,
    /// True if the text is a number and nothing but spaces around it.
    pub(crate) whole: bool,
    /// True if the number has neither a point nor an exponent.
    pub(crate) integer_form: bool,
}

/// The spaces that may surround a number.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// Largest mantissa to which a further digit may be added: about 19 digits count, as in SQLite.
const MANTISSA_FULL: u64 = (u64::MAX - 9) / 10;

/// Reads the longest prefix of `text` that is a number.
pub(crate) fn parse_real(text: &[u8]) -> ParsedReal {
    // A NUL ends the number as the end of the text does.
    let at = |i: usize| text.get(i).copied().unwrap_or(0);
    let mut i = 0;
    while is_space(at(i)) {
        i += 1;
    }
    let negative = at(i) == b'-';
    if negative || at(i) == b'+' {
        i += 1;
    }
    let (mut mantissa, mut exponent, mut digits, mut integer_form) = (0_u64, 0_i32, false, true);
    let mut full = false;
    while at(i).is_ascii_digit() {
        digits = true;
        if full {
            exponent = exponent.saturating_add(1);
        } else {
            mantissa = mantissa * 10 + u64::from(at(i) - b'0');
            full = mantissa >= MANTISSA_FULL;
        }
        i += 1;
    }
    if at(i) == b'.' {
        i += 1;
        while at(i).is_ascii_digit() {
            digits = true;
            if mantissa < MANTISSA_FULL {
                mantissa = mantissa * 10 + u64::from(at(i) - b'0');
                exponent = exponent.saturating_sub(1);
            }
            i += 1;
        }
        integer_form = false;
    }
    if !digits {
        return ParsedReal { real: 0.0, whole: false, integer_form: true };
    }
    if at(i) | 0x20 == b'e' {
        let mut j = i + 1;
        let negative_exponent = at(j) == b'-';
        if negative_exponent || at(j) == b'+' {
            j += 1;
        }
        if at(j).is_ascii_digit() {
            let mut power = 0_i32;
            while at(j).is_ascii_digit() {
                power = if power < 10_000 { power * 10 + i32::from(at(j) - b'0') } else { 10_000 };
                j += 1;
            }
            exponent = exponent.saturating_add(if negative_exponent { -power } else { power });
            integer_form = false;
            i = j;
        }
    }
    while is_space(at(i)) {
        i += 1;
    }
    let real = scale(mantissa, exponent);
    ParsedReal { real: if negative { -real } else { real }, whole: at(i) == 0, integer_form }
}

/// The real nearest to `mantissa * 10^exponent`.
pub(crate) fn scale(mantissa: u64, exponent: i32) -> f64 {
    const POWERS: [f64; 23] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
        1e18, 1e19, 1e20, 1e21, 1e22,
    ];
    if mantissa == 0 {
        return 0.0;
    }
    // Both factors are exact, so one operation rounds once.
    if mantissa < 1 << 53
        && let Some(power) = POWERS.get(exponent.unsigned_abs() as usize)
    {
        return if exponent < 0 { mantissa as f64 / power } else { mantissa as f64 * power };
    }
    if exponent < -400 {
        return 0.0;
    }
    if exponent > 400 {
        return f64::INFINITY;
    }
    let mut text = Stack::<32>::default();
    text.push_integer(i128::from(mantissa));
    text.push(b"e");
    text.push_integer(i128::from(exponent));
    // Digits, an e and digits always parse.
    std::str::from_utf8(text.bytes()).ok().and_then(|text| text.parse().ok()).unwrap_or(0.0)
}

/// A few bytes on the stack, for texts of numbers.
#[derive(Debug)]
pub(crate) struct Stack<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Default for Stack<N> {
    fn default() -> Self {
        Stack { bytes: [0; N], length: 0 }
    }
}

impl<const N: usize> Stack<N> {
    /// What was pushed.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Adds bytes, as many as there is room for.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let room = self.bytes.get_mut(self.length..).unwrap_or_default();
        let taken = room.len().min(bytes.len());
        for (to, from) in room.iter_mut().zip(bytes) {
            *to = *from;
        }
        self.length += taken;
    }

    fn push_integer(&mut self, integer: i128) {
        use std::fmt::Write;
        // Writing to this never fails.
        let _ = write!(self, "{integer}");
    }
}

impl<const N: usize> std::fmt::Write for Stack<N> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

/// How far a text was an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IntegerFit {
    /// No digit.
    None,
    /// As a whole.
    Whole,
    /// Other text follows.
    Prefix,
    /// It does not fit: the value is the nearest that does.
    TooLarge,
    /// 9223372036854775808 exactly, without a sign.
    MinMagnitude,
}

/// Reads the longest prefix of `text` that is an integer; one that does not fit is clamped.
pub(crate) fn parse_integer(text: &[u8]) -> (i64, IntegerFit) {
    let start = text.iter().position(|b| !is_space(*b)).unwrap_or(text.len());
    let mut rest = text.get(start..).unwrap_or_default();
    let negative = rest.first() == Some(&b'-');
    if let [b'-' | b'+', after @ ..] = rest {
        rest = after;
    }
    let (mut magnitude, mut digits, mut overflow) = (0_u64, 0_usize, false);
    for byte in rest {
        if !byte.is_ascii_digit() {
            break;
        }
        digits += 1;
        match magnitude.checked_mul(10).and_then(|m| m.checked_add(u64::from(byte - b'0'))) {
            Some(next) => magnitude = next,
            None => overflow = true,
        }
    }
    let tail = rest.get(digits..).unwrap_or_default();
    let fit = if digits == 0 {
        IntegerFit::None
    } else if tail.iter().all(|b| is_space(*b)) {
        IntegerFit::Whole
    } else {
        IntegerFit::Prefix
    };
    const MIN_MAGNITUDE: u64 = 1 << 63;
    if overflow || magnitude > MIN_MAGNITUDE {
        return (if negative { i64::MIN } else { i64::MAX }, IntegerFit::TooLarge);
    }
    if magnitude == MIN_MAGNITUDE {
        return if negative { (i64::MIN, fit) } else { (i64::MAX, IntegerFit::MinMagnitude) };
    }
    (if negative { -(magnitude as i64) } else { magnitude as i64 }, fit)
}

/// Truncates towards zero and clamps.
pub(crate) fn real_to_integer(real: f64) -> i64 {
    real as i64
}

/// True if the real is an integer that is kept exactly both ways (SQLite's bound of 51 bits).
fn same_as_integer(real: f64, integer: i64) -> bool {
    const BOUND: i64 = 2_251_799_813_685_248;
    real == 0.0 || (real.to_bits() == (integer as f64).to_bits() && (-BOUND..BOUND).contains(&integer))
}

/// The value as an integer: reals are truncated, of texts and blobs the integer prefix counts.
pub(crate) fn to_integer(value: ValueRef<'_>) -> i64 {
    match value {
        ValueRef::Null => 0,
        ValueRef::Integer(i) => i,
        ValueRef::Real(r) => real_to_integer(r),
        ValueRef::Decimal(d) => d.to_integer(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => parse_integer(bytes).0,
    }
}

/// The value as a real: of texts and blobs the numeric prefix counts.
pub(crate) fn to_real(value: ValueRef<'_>) -> f64 {
    match value {
        ValueRef::Null => 0.0,
        ValueRef::Integer(i) => i as f64,
        ValueRef::Real(r) => r,
        ValueRef::Decimal(d) => d.to_real(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => parse_real(bytes).real,
    }
}

/// The number that arithmetic sees; `None` for NULL.
pub(crate) fn to_number(value: ValueRef<'_>) -> Option<Number> {
    Some(match value {
        ValueRef::Null => return None,
        ValueRef::Integer(i) => Number::Integer(i),
        ValueRef::Real(r) => Number::Real(r),
        ValueRef::Decimal(d) => Number::Decimal(d),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            let parsed = parse_real(bytes);
            if !parsed.integer_form {
                return Some(Number::Real(parsed.real));
            }
            match (parse_integer(bytes), parsed.whole) {
                ((i, IntegerFit::Whole), _) => Number::Integer(i),
                ((i, IntegerFit::None | IntegerFit::Prefix), false) => Number::Integer(i),
                _ => Number::Real(parsed.real),
            }
        }
    })
}

/// The number that a text is as a whole; `None` leaves the text alone.
pub(crate) fn text_number(text: &[u8]) -> Option<Number> {
    let parsed = parse_real(text);
    if !parsed.whole {
        return None;
    }
    if parsed.integer_form {
        let truncated = real_to_integer(parsed.real);
        if same_as_integer(parsed.real, truncated) {
            return Some(Number::Integer(truncated));
        }
        if let (i, IntegerFit::Whole) = parse_integer(text) {
            return Some(Number::Integer(i));
        }
    }
    Some(Number::Real(parsed.real))
}

/// As [`text_number`], with integers preferred: '48.00' is 48. So a numeric affinity converts.
pub(crate) fn text_as_number(text: &[u8]) -> Option<Number> {
    Some(match text_number(text)? {
        Number::Real(real) => prefer_integer(real),
        integer => integer,
    })
}

/// What a text or a real is to a decimal: the decimal it is written as, or else a number of another kind.
pub(crate) fn as_decimal(value: ValueRef<'_>) -> Option<Number> {
    match value {
        ValueRef::Real(real) => Decimal::from_real(real).map(Number::Decimal),
        ValueRef::Text(text) => {
            let decimal = std::str::from_utf8(text.trim_ascii()).ok().and_then(|text| text.parse().ok());
            decimal.map(Number::Decimal).or_else(|| text_as_number(text))
        }
        _ => None,
    }
}

/// The number that an argument is: a text counts only if it is one as a whole, a blob never.
pub(crate) fn argument_number(value: ValueRef<'_>) -> Option<Number> {
    match value {
        ValueRef::Integer(i) => Some(Number::Integer(i)),
        ValueRef::Real(r) => Some(Number::Real(r)),
        ValueRef::Decimal(d) => Some(Number::Decimal(d)),
        ValueRef::Text(text) => text_number(text),
        _ => None,
    }
}

/// A real that is an integer, as that integer.
pub(crate) fn prefer_integer(real: f64) -> Number {
    let truncated = real_to_integer(real);
    if truncated as f64 == real && truncated > i64::MIN && truncated < i64::MAX {
        Number::Integer(truncated)
    } else {
        Number::Real(real)
    }
}

/// CAST AS NUMERIC; `None` for NULL.
pub(crate) fn cast_numeric(value: ValueRef<'_>) -> Option<Number> {
    Some(match value {
        ValueRef::Null => return None,
        ValueRef::Integer(i) => Number::Integer(i),
        ValueRef::Real(r) => Number::Real(r),
        ValueRef::Decimal(d) => Number::Decimal(d),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            let parsed = parse_real(bytes);
            if parsed.integer_form
                && let (i, IntegerFit::None | IntegerFit::Whole | IntegerFit::Prefix) = parse_integer(bytes)
            {
                return Some(Number::Integer(i));
            }
            let truncated = real_to_integer(parsed.real);
            if same_as_integer(parsed.real, truncated) {
                Number::Integer(truncated)
            } else {
                Number::Real(parsed.real)
            }
        }
    })
}

/// True, false or NULL: texts and blobs count by their numeric prefix.
pub(crate) fn truth(value: ValueRef<'_>) -> Option<bool> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(i) => Some(i != 0),
        other => Some(to_real(other) != 0.0),
    }
}

/// Appends the value as text: numbers as they print, bytes as they are, nothing for NULL.
pub(crate) fn write_text(value: ValueRef<'_>, out: &mut Vec<u8>) {
    match value {
        ValueRef::Null => {}
        ValueRef::Integer(i) => write_integer(i, out),
        ValueRef::Real(r) => write_real(r, out),
        ValueRef::Decimal(d) => {
            use std::io::Write;
            // Writing to a vector never fails.
            let _ = write!(out, "{d}");
        }
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => out.extend_from_slice(bytes),
    }
}

/// Appends an integer in decimal.
pub(crate) fn write_integer(integer: i64, out: &mut Vec<u8>) {
    use std::io::Write;
    // Writing to a vector never fails.
    let _ = write!(out, "{integer}");
}

/// The value as text, borrowed where it is bytes already; `scratch` holds the text of a number.
pub(crate) fn text_of<'a>(value: ValueRef<'a>, scratch: &'a mut Vec<u8>) -> &'a [u8] {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes,
        other => {
            scratch.clear();
            write_text(other, scratch);
            scratch
        }
    }
}

/// What an affinity makes of a value where that differs from the value itself. Blobs and NULL have no affinity.
pub(crate) fn convert(value: ValueRef<'_>, affinity: Affinity) -> Option<Value> {
    match (affinity, value) {
        (Affinity::Text, ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Decimal(_)) => {
            let mut text = Vec::with_capacity(24);
            write_text(value, &mut text);
            Some(ValueRef::Text(&text).to_owned())
        }
        (Affinity::Decimal, ValueRef::Text(_) | ValueRef::Real(_)) => {
            as_decimal(value).map(|number| number.value().to_owned())
        }
        (Affinity::Integer | Affinity::Real | Affinity::Numeric, ValueRef::Text(text)) => {
            text_as_number(text).map(|number| number.value().to_owned())
        }
        _ => None,
    }
}
