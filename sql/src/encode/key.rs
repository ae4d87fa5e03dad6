//! Keys: bytes whose memcmp order is the order of the values, NULL < numbers < texts < blobs.
//!
//! Each column's bytes are prefix-free, so columns are simply put one after another, and a DESC column is the same
//! bytes inverted. A key of an index ends in the row id, 8 bytes big-endian with the sign flipped, which are the
//! keys of a table tree too.
//!
//! *Numbers.* Integers, reals and decimals share one space and compare exactly. A number between -2^53 and 2^53 is
//! written as `twice`: two times its floor, plus one if it has a fraction. Small ones are the tag byte itself, others
//! follow it in as few big-endian bytes as it takes, whose number is in the tag. A fraction is followed by the bits of
//! the real. Beyond 2^53 no real has a fraction: integers are 8 bytes, and reals beyond 64 bits their own bits.
//!
//! In these 8 bytes the sign is known from what stands before, so they are written one bit to the left. The bit that
//! this frees is 0 where the number is all told. It is 1 in a decimal that no real equals: the 8 bytes are those of
//! the greatest integer or real below it, and what tells it from others like it follows in 12 or 16 bytes.
//!
//! *Texts and blobs* end in a 0; a 0 inside becomes `1 1`, a 1 becomes `1 2`. Texts are written as their collation
//! sees them (case folded, trailing spaces gone), so what is read back may differ from the text: `entry` knows.

use super::damaged;
use crate::decimal::Decimal;
use crate::error::Result;
use crate::functions::fold::{chars, fold_char};
use crate::types::{Collation, ColumnType};
use crate::value::ValueRef;

const TAG_NULL: u8 = 0x05;
/// Reals, and decimals, below -2^63.
const TAG_REAL_LOW: u8 = 0x10;
/// Integers below -2^53, and the decimals above each.
const TAG_INTEGER_LOW: u8 = 0x11;
/// `TAG_ZERO + twice` for these many values of `twice` on either side.
const TAG_ZERO: u8 = 0x80;
const DIRECT: i64 = 48;
/// `twice` above the direct ones in n bytes, 1 to 7: this plus n.
const TAG_POSITIVE: u8 = TAG_ZERO + DIRECT as u8 - 1;
/// `twice` below the direct ones in n bytes: this minus n.
const TAG_NEGATIVE: u8 = TAG_ZERO - DIRECT as u8;
/// Integers from 2^53 on, and the decimals above each.
const TAG_INTEGER_HIGH: u8 = 0xc0;
/// Reals, and decimals, from 2^63 on.
const TAG_REAL_HIGH: u8 = 0xc1;
const TAG_TEXT: u8 = 0xd0;
const TAG_BLOB: u8 = 0xe0;

// The tags are in the order of what they stand for, and two ranges never meet.
const _: () = assert!(TAG_NULL < TAG_REAL_LOW && TAG_INTEGER_LOW < TAG_NEGATIVE - 7);
const _: () = assert!(TAG_POSITIVE + 7 < TAG_INTEGER_HIGH && TAG_REAL_HIGH < TAG_TEXT);

/// Within this distance of zero a real may have a fraction.
const FRACTION_LIMIT: i64 = 1 << 53;

const TERMINATOR: u8 = 0;
const ESCAPE: u8 = 1;

/// The key of a row in a table tree.
#[inline]
#[must_use]
pub fn row_key(row_id: i64) -> [u8; 8] {
    (row_id ^ i64::MIN).to_be_bytes()
}

/// The row id of a table tree's key.
///
/// # Errors
/// [`sedge_storage::Error::Corrupt`] if the key is not 8 bytes long.
#[inline]
pub fn row_id_of_key(key: &[u8]) -> Result<i64> {
    match <[u8; 8]>::try_from(key) {
        Ok(bytes) => Ok(i64::from_be_bytes(bytes) ^ i64::MIN),
        Err(_) => Err(damaged("a row's key that is not 8 bytes long")),
    }
}

/// Ends an index key with the row id.
#[inline]
pub fn push_row_id(key: &mut Vec<u8>, row_id: i64) {
    key.extend_from_slice(&row_key(row_id));
}

/// The row id at the end of an index key.
///
/// # Errors
/// [`sedge_storage::Error::Corrupt`] if the key is too short.
#[inline]
pub fn row_id_of_entry(key: &[u8]) -> Result<i64> {
    match key.last_chunk::<8>() {
        Some(bytes) => Ok(i64::from_be_bytes(*bytes) ^ i64::MIN),
        None => Err(damaged("an index key without its row id")),
    }
}

/// Makes of a prefix the least key that is greater than every key beginning with it. False if there is none.
pub fn prefix_successor(prefix: &mut Vec<u8>) -> bool {
    while let Some(last) = prefix.last_mut() {
        if *last < 0xff {
            *last += 1;
            return true;
        }
        prefix.pop();
    }
    false
}

/// Appends one column to a key.
#[inline]
pub fn encode_value(key: &mut Vec<u8>, value: ValueRef<'_>, collation: Collation, descending: bool) {
    let start = key.len();
    match value {
        ValueRef::Null => key.push(TAG_NULL),
        ValueRef::Integer(integer) => push_integer(key, integer),
        ValueRef::Real(real) => push_real(key, real),
        ValueRef::Decimal(decimal) => push_decimal(key, decimal),
        ValueRef::Text(text) => {
            key.push(TAG_TEXT);
            match collation {
                Collation::Binary => push_bytes(key, text),
                Collation::RTrim => push_bytes(key, trim_trailing_spaces(text)),
                Collation::NoCase => push_folded(key, text),
                Collation::User(own) => {
                    let mut sort_key = Vec::new();
                    own.sort_key_into(text, &mut sort_key);
                    push_bytes(key, &sort_key);
                }
            }
            key.push(TERMINATOR);
        }
        ValueRef::Blob(blob) => {
            key.push(TAG_BLOB);
            push_bytes(key, blob);
            key.push(TERMINATOR);
        }
    }
    if descending {
        for byte in key.iter_mut().skip(start) {
            *byte = !*byte;
        }
    }
}

/// True if reading the key back gives exactly the value in a column of this type.
#[inline]
#[must_use]
pub fn decodes_exactly(value: ValueRef<'_>, column_type: ColumnType, collation: Collation) -> bool {
    match value {
        ValueRef::Real(real) => match column_type {
            ColumnType::Real => real != 0.0 || real.is_sign_positive(),
            // Whole numbers are read back as integers.
            _ => real.is_finite() && real.fract() != 0.0,
        },
        ValueRef::Text(text) => match collation {
            Collation::Binary => true,
            Collation::RTrim => text.last() != Some(&b' '),
            Collation::NoCase => is_folded(text),
            Collation::User(_) => false,
        },
        // The column knows how many digits stand after the point.
        ValueRef::Decimal(decimal) => {
            matches!(column_type, ColumnType::Decimal { scale, .. } if scale == decimal.scale())
        }
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Blob(_) => true,
    }
}

#[inline]
fn push_integer(key: &mut Vec<u8>, integer: i64) {
    if (-FRACTION_LIMIT..FRACTION_LIMIT).contains(&integer) {
        push_twice(key, integer << 1);
    } else {
        key.push(if integer < 0 { TAG_INTEGER_LOW } else { TAG_INTEGER_HIGH });
        key.extend_from_slice(&((integer as u64) << 1).to_be_bytes());
    }
}

fn push_real(key: &mut Vec<u8>, real: f64) {
    const LIMIT: f64 = FRACTION_LIMIT as f64;
    if (-LIMIT..LIMIT).contains(&real) {
        let floor = real.floor();
        let has_fraction = floor != real;
        push_twice(key, ((floor as i64) << 1) | i64::from(has_fraction));
        if has_fraction {
            push_real_bits(key, real);
        }
    } else if real < -9_223_372_036_854_775_808.0 {
        key.push(TAG_REAL_LOW);
        push_real_bits(key, real);
    } else if real >= 9_223_372_036_854_775_808.0 {
        key.push(TAG_REAL_HIGH);
        push_real_bits(key, real);
    } else if real.is_nan() {
        key.push(TAG_NULL);
    } else {
        push_integer(key, real as i64);
    }
}

/// The bits of a real whose sign is known from what stands before: for negative ones the order is turned round.
fn push_real_bits(key: &mut Vec<u8>, real: f64) {
    let bits = real.to_bits();
    key.extend_from_slice(&((if real < 0.0 { !bits } else { bits }) << 1).to_be_bytes());
}

fn push_decimal(key: &mut Vec<u8>, decimal: Decimal) {
    let (floor, above) = decimal.split();
    let (real, is_equal) = decimal.real_at_or_below();
    let limit = i128::from(FRACTION_LIMIT);
    if above == 0
        && let Ok(integer) = i64::try_from(floor)
    {
        push_integer(key, integer);
    } else if (-limit..limit).contains(&floor) {
        push_twice(key, ((floor as i64) << 1) | 1);
        push_real_bits(key, real);
        if !is_equal {
            mark(key);
            push_above(key, above);
        }
    } else if let Ok(integer) = i64::try_from(floor) {
        push_integer(key, integer);
        mark(key);
        push_above(key, above);
    } else {
        key.push(if floor < 0 { TAG_REAL_LOW } else { TAG_REAL_HIGH });
        push_real_bits(key, real);
        if !is_equal {
            mark(key);
            // From 2^63 on there is room for 9 digits after the point at most.
            let scaled = floor * BEYOND_UNIT + above as i128 / (10_i128.pow(28) / BEYOND_UNIT);
            key.extend_from_slice(&(scaled ^ i128::MIN).to_be_bytes());
        }
    }
}

/// What one stands for in the 16 bytes of a decimal beyond 64 bits.
const BEYOND_UNIT: i128 = 1_000_000_000;

/// Says that the number is above the one just written.
fn mark(key: &mut [u8]) {
    if let Some(last) = key.last_mut() {
        *last |= 1;
    }
}

/// What is above the floor, in units of 10^-28: 94 bits.
fn push_above(key: &mut Vec<u8>, above: u128) {
    key.extend(above.to_be_bytes().into_iter().skip(4));
}

#[inline]
fn push_twice(key: &mut Vec<u8>, twice: i64) {
    if (-DIRECT..DIRECT).contains(&twice) {
        key.push((i64::from(TAG_ZERO) + twice) as u8);
        return;
    }
    // The bytes that differ from those of the sign.
    let significant_bits = 64 - (twice ^ (twice >> 63)).leading_zeros() as usize;
    let length = significant_bits.div_ceil(8);
    let tag = if twice < 0 { TAG_NEGATIVE - length as u8 } else { TAG_POSITIVE + length as u8 };
    key.push(tag);
    key.extend(twice.to_be_bytes().into_iter().skip(8 - length));
}

fn push_bytes(key: &mut Vec<u8>, bytes: &[u8]) {
    let mut rest = bytes;
    while let Some(place) = rest.iter().position(|byte| *byte <= ESCAPE) {
        let (plain, from_special) = rest.split_at(place);
        key.extend_from_slice(plain);
        if let [special, after @ ..] = from_special {
            key.extend_from_slice(&[ESCAPE, special + 1]);
            rest = after;
        }
    }
    key.extend_from_slice(rest);
}

/// `text` as RTRIM sees it.
#[inline]
#[must_use]
pub fn trim_trailing_spaces(text: &[u8]) -> &[u8] {
    let mut text = text;
    while let [rest @ .., b' '] = text {
        text = rest;
    }
    text
}

fn push_folded(key: &mut Vec<u8>, text: &[u8]) {
    let from = key.len();
    push_bytes(key, text);
    // Folding never makes one of the bytes that are escaped, so ASCII folds in place.
    if text.is_ascii() {
        if let Some(appended) = key.get_mut(from..) {
            appended.make_ascii_lowercase();
        }
    } else {
        key.truncate(from);
        let mut utf8 = [0; 4];
        for folded in chars(text).map(fold_char) {
            push_bytes(key, folded.encode_utf8(&mut utf8).as_bytes());
        }
    }
}

fn is_folded(text: &[u8]) -> bool {
    if text.is_ascii() {
        return !text.iter().any(u8::is_ascii_uppercase);
    }
    std::str::from_utf8(text).is_ok_and(|text| text.chars().all(|c| fold_char(c) == c))
}

/// A decimal read from a key, as its column holds it. One that cannot be is a damaged one: NULL, as a real that is
/// none.
fn decimal<'a>(column_type: ColumnType, decimal: Option<Decimal>) -> ValueRef<'a> {
    let decimal = match column_type {
        ColumnType::Decimal { scale, .. } => decimal.and_then(|decimal| decimal.rescale(scale)),
        _ => decimal,
    };
    decimal.map_or(ValueRef::Null, ValueRef::Decimal)
}

fn real_as_column<'a>(real: f64, column_type: ColumnType) -> ValueRef<'a> {
    match column_type {
        ColumnType::Decimal { .. } => decimal(column_type, Decimal::from_exact_real(real)),
        _ => ValueRef::Real(real),
    }
}

/// The fraction of a decimal beyond 64 bits, in units of 10^-28.
fn beyond_fraction(scaled: i128) -> u128 {
    scaled.rem_euclid(BEYOND_UNIT) as u128 * (10_u128.pow(28) / BEYOND_UNIT as u128)
}

/// Reads the columns of a key one after another.
#[derive(Clone, Copy, Debug)]
pub struct KeyReader<'a> {
    rest: &'a [u8],
}

impl<'a> KeyReader<'a> {
    /// At the first column of `key`.
    #[inline]
    #[must_use]
    pub fn new(key: &'a [u8]) -> KeyReader<'a> {
        KeyReader { rest: key }
    }

    /// The bytes not yet read.
    #[inline]
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Reads a column of type `column_type`. A text or blob is borrowed from the key where it stands there as it is,
    /// and from `scratch` otherwise.
    ///
    /// # Errors
    /// [`sedge_storage::Error::Corrupt`] for bytes that are no key.
    #[inline]
    pub fn read<'s>(
        &mut self,
        column_type: ColumnType,
        descending: bool,
        scratch: &'s mut Vec<u8>,
    ) -> Result<ValueRef<'s>>
    where
        'a: 's,
    {
        let flip = if descending { 0xff } else { 0 };
        let tag = self.byte(flip)?;
        let as_column = |integer: i64| match column_type {
            ColumnType::Real => ValueRef::Real(integer as f64),
            ColumnType::Decimal { .. } => decimal(column_type, Some(Decimal::from(integer))),
            _ => ValueRef::Integer(integer),
        };
        Ok(match tag {
            TAG_NULL => ValueRef::Null,
            TAG_INTEGER_LOW | TAG_INTEGER_HIGH => {
                let (bits, is_above) = self.marked(flip)?;
                // The bit that was shifted out is the sign.
                let integer = if tag == TAG_INTEGER_LOW { (bits | 1 << 63) as i64 } else { bits as i64 };
                if is_above {
                    decimal(column_type, Decimal::join(i128::from(integer), self.above(flip)?))
                } else {
                    as_column(integer)
                }
            }
            TAG_REAL_LOW | TAG_REAL_HIGH => {
                let (real, is_above) = self.real_bits(tag == TAG_REAL_LOW, flip)?;
                if is_above {
                    let scaled = self.wide(16, flip)? as i128 ^ i128::MIN;
                    let found = Decimal::join(scaled.div_euclid(BEYOND_UNIT), beyond_fraction(scaled));
                    decimal(column_type, found)
                } else {
                    real_as_column(real, column_type)
                }
            }
            TAG_TEXT => ValueRef::Text(self.bytes(flip, scratch)?),
            TAG_BLOB => ValueRef::Blob(self.bytes(flip, scratch)?),
            _ => {
                let twice = self.twice(tag, flip)?;
                if twice & 1 == 0 {
                    return Ok(as_column(twice >> 1));
                }
                let (real, is_above) = self.real_bits(twice < 0, flip)?;
                if is_above {
                    decimal(column_type, Decimal::join(i128::from(twice >> 1), self.above(flip)?))
                } else {
                    real_as_column(real, column_type)
                }
            }
        })
    }

    /// Passes over a column.
    ///
    /// # Errors
    /// [`sedge_storage::Error::Corrupt`] for bytes that are no key.
    pub fn skip(&mut self, descending: bool) -> Result<()> {
        let flip = if descending { 0xff } else { 0 };
        let tag = self.byte(flip)?;
        match tag {
            TAG_NULL => Ok(()),
            TAG_INTEGER_LOW | TAG_INTEGER_HIGH => self.skip_marked(12, flip),
            TAG_REAL_LOW | TAG_REAL_HIGH => self.skip_marked(16, flip),
            TAG_TEXT | TAG_BLOB => {
                let end = self.rest.iter().position(|byte| byte ^ flip == TERMINATOR);
                self.take(end.map_or(usize::MAX, |end| end + 1)).map(drop)
            }
            _ => {
                let twice = self.twice(tag, flip)?;
                if twice & 1 == 1 { self.skip_marked(12, flip) } else { Ok(()) }
            }
        }
    }

    #[inline]
    fn byte(&mut self, flip: u8) -> Result<u8> {
        match self.rest {
            [first, rest @ ..] => {
                self.rest = rest;
                Ok(first ^ flip)
            }
            [] => Err(damaged("a key that ends too early")),
        }
    }

    #[inline]
    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        match self.rest.split_at_checked(length) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(damaged("a key that ends too early")),
        }
    }

    /// Up to 8 big-endian bytes without their sign.
    #[inline]
    fn number(&mut self, length: usize, flip: u8) -> Result<i64> {
        let bytes = self.take(length)?;
        Ok(bytes.iter().fold(0, |number, byte| (number << 8) | i64::from(byte ^ flip)))
    }

    /// The `twice` that a tag begins.
    #[inline]
    fn twice(&mut self, tag: u8, flip: u8) -> Result<i64> {
        let direct = i64::from(tag) - i64::from(TAG_ZERO);
        if (-DIRECT..DIRECT).contains(&direct) {
            return Ok(direct);
        }
        if (TAG_POSITIVE + 1..=TAG_POSITIVE + 7).contains(&tag) {
            return self.number(usize::from(tag - TAG_POSITIVE), flip);
        }
        if (TAG_NEGATIVE - 7..TAG_NEGATIVE).contains(&tag) {
            let length = usize::from(TAG_NEGATIVE - tag);
            // The bytes left out are those of a negative sign.
            return Ok(self.number(length, flip)? | (-1_i64 << (8 * length)));
        }
        Err(damaged("a key with an unknown tag"))
    }

    /// 8 bytes that were written one bit to the left, and whether a decimal above them follows.
    #[inline]
    fn marked(&mut self, flip: u8) -> Result<(u64, bool)> {
        let bits = self.number(8, flip)? as u64;
        Ok((bits >> 1, bits & 1 == 1))
    }

    /// Passes over 8 bytes, and over `more` where they are marked.
    fn skip_marked(&mut self, more: usize, flip: u8) -> Result<()> {
        let (_, is_above) = self.marked(flip)?;
        if is_above { self.take(more).map(drop) } else { Ok(()) }
    }

    /// Up to 16 big-endian bytes.
    fn wide(&mut self, length: usize, flip: u8) -> Result<u128> {
        let bytes = self.take(length)?;
        Ok(bytes.iter().fold(0, |number, byte| (number << 8) | u128::from(byte ^ flip)))
    }

    /// What a decimal is above its floor.
    fn above(&mut self, flip: u8) -> Result<u128> {
        self.wide(12, flip)
    }

    fn real_bits(&mut self, negative: bool, flip: u8) -> Result<(f64, bool)> {
        let (bits, is_above) = self.marked(flip)?;
        let real = f64::from_bits(if negative { !bits } else { bits });
        if real.is_nan() {
            return Err(damaged("a key with a number that is none"));
        }
        Ok((real, is_above))
    }

    /// The bytes up to the terminator.
    fn bytes<'s>(&mut self, flip: u8, scratch: &'s mut Vec<u8>) -> Result<&'s [u8]>
    where
        'a: 's,
    {
        let end = self.rest.iter().position(|byte| byte ^ flip == TERMINATOR);
        let Some(end) = end else { return Err(damaged("a text in a key without an end")) };
        let raw = self.take(end)?;
        self.take(1)?;
        if flip == 0 && !raw.contains(&ESCAPE) {
            return Ok(raw);
        }
        scratch.clear();
        let mut bytes = raw.iter().map(|byte| byte ^ flip);
        while let Some(byte) = bytes.next() {
            if byte != ESCAPE {
                scratch.push(byte);
                continue;
            }
            match bytes.next() {
                Some(escaped @ 1..=2) => scratch.push(escaped - 1),
                _ => return Err(damaged("a text in a key with a bad escape")),
            }
        }
        Ok(scratch)
    }
}
