//! The record: the columns of one row as the value of a table tree.
//!
//! ```text
//! | flags | column count | nulls        | end 0 | end 1 | .. | payload 0 | payload 1 | ..
//!   1 byte  varint         1 bit a column   1, 2 or 4 bytes each
//! ```
//!
//! Ends are offsets from the first payload, so each column is found from two of them, the last as fast as the
//! first. A record may have fewer columns than its table has now: the missing ones are NULL.
//!
//! | column type     | payload                                                                            |
//! |-----------------|------------------------------------------------------------------------------------|
//! | INTEGER BOOLEAN | the fewest little-endian bytes that sign-extend to the value; none for 0           |
//! | REAL            | 8 bytes; fewer are an integer of equal value                                       |
//! | TEXT BLOB DATE..| the bytes                                                                          |
//! | DECIMAL         | its digits as an integer, as above; the column says how many follow the point      |
//! | ANY NUMERIC     | a tag byte, then as above; a decimal has its scale in a byte before its digits     |

use super::damaged;
use crate::decimal::Decimal;
use crate::error::{Error, Result};
use crate::types::ColumnType;
use crate::value::ValueRef;
use std::ops::Range;

const TAG_INTEGER: u8 = 1;
const TAG_REAL: u8 = 2;
const TAG_TEXT: u8 = 3;
const TAG_BLOB: u8 = 4;
const TAG_DECIMAL: u8 = 5;

/// The bits of the flag byte that hold the width of the ends: 0, 1, 2 for 1, 2, 4 bytes. The rest is zero.
const WIDTH_MASK: u8 = 0b11;

/// The most columns a record can have.
pub const COLUMNS_MAX: usize = 32_767;

/// The most bytes of payload a record can have; ends are 4 bytes at most.
const PAYLOAD_BYTES_MAX: usize = u32::MAX as usize;

/// Makes records in a buffer that is reused from row to row.
#[derive(Debug, Default)]
pub struct RecordWriter {
    bytes: Vec<u8>,
}

impl RecordWriter {
    /// A writer with an empty buffer.
    #[must_use]
    pub fn new() -> RecordWriter {
        RecordWriter::default()
    }

    /// The record made last.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Encodes one row. Each value is NULL or of the kind its column holds; an integer may stand in a REAL column.
    ///
    /// # Errors
    /// [`Error::Limit`] for a row of 4 GiB or more; [`Error::Misuse`] for a value that the column does not hold.
    pub fn encode<'v>(
        &mut self,
        columns: impl Iterator<Item = (ColumnType, ValueRef<'v>)> + Clone,
    ) -> Result<&[u8]> {
        let count = columns.clone().count();
        if count > COLUMNS_MAX {
            return Err(Error::limit(format!("a row of {count} columns is too wide")));
        }
        // Nearly all rows fit ends of one byte: they are written in one pass, and others again with wider ends.
        for code in 0..=2 {
            let mut row = self.begin(code, count);
            let mut fits = true;
            for (column_type, value) in columns.clone() {
                fits = row.push(column_type, value)?;
                if !fits {
                    break;
                }
            }
            if fits {
                return Ok(&self.bytes);
            }
        }
        Err(Error::limit("a row of 4 GiB or more is too large"))
    }

    /// Begins a row of `count` columns, [`COLUMNS_MAX`] at most, with ends of one byte, to be pushed one by one.
    #[inline]
    pub fn begin_short(&mut self, count: usize) -> RecordRow<'_> {
        self.begin(0, count)
    }

    /// Begins a row with ends of `1 << code` bytes.
    #[inline]
    fn begin(&mut self, code: u8, count: usize) -> RecordRow<'_> {
        let bytes = &mut self.bytes;
        let nulls_at = if count < 0x80 { 2 } else { 1 + varint_length(count as u32) };
        let ends_at = nulls_at + count.div_ceil(8);
        let payload_at = ends_at + (count << code);
        // Of the record before, only what is not written below is cleared: the buffer hardly ever grows.
        if bytes.len() < payload_at {
            bytes.resize(payload_at, 0);
        }
        bytes.truncate(payload_at);
        bytes[0] = code; // the header's own length was made room for
        put_varint(&mut bytes[1..nulls_at], count as u32); // as above
        bytes[nulls_at..ends_at].fill(0); // as above
        RecordRow { bytes, code, nulls_at, ends_at, payload_at, column: 0 }
    }
}

/// A row whose columns are being written.
#[derive(Debug)]
pub struct RecordRow<'w> {
    bytes: &'w mut Vec<u8>,
    /// The ends have `1 << code` bytes.
    code: u8,
    nulls_at: usize,
    ends_at: usize,
    payload_at: usize,
    /// The column that comes next.
    column: usize,
}

impl<'w> RecordRow<'w> {
    /// Writes the next column; false if the ends are too narrow for it, and then the row is to be begun anew. No more
    /// columns are pushed than the row was begun for.
    ///
    /// # Errors
    /// [`Error::Misuse`] for a value that the column does not hold.
    #[inline(always)]
    pub fn push(&mut self, column_type: ColumnType, value: ValueRef<'_>) -> Result<bool> {
        let column = self.column;
        self.column += 1;
        if value.is_null() {
            self.bytes[self.nulls_at + column / 8] |= 1 << (column % 8); // the header was made for so many columns
        } else {
            push_payload(self.bytes, column_type, value)?;
        }
        let end = self.bytes.len() - self.payload_at;
        let end_at = self.ends_at + (column << self.code);
        match self.code {
            0 if end <= 0xff => self.bytes[end_at] = end as u8, // as above
            1 if end <= 0xffff => {
                self.bytes[end_at..end_at + 2].copy_from_slice(&(end as u16).to_le_bytes()); // as above
            }
            2 if end <= PAYLOAD_BYTES_MAX => {
                self.bytes[end_at..end_at + 4].copy_from_slice(&(end as u32).to_le_bytes()); // as above
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The record, once all columns were pushed.
    #[inline]
    #[must_use]
    pub fn finish(self) -> &'w [u8] {
        self.bytes
    }
}

/// Bytes of the shortest sign-extended form of an integer.
#[inline]
fn integer_length(integer: i64) -> usize {
    if integer == 0 {
        return 0;
    }
    let significant_bits = 65 - (integer ^ (integer >> 63)).leading_zeros() as usize;
    significant_bits.div_ceil(8)
}

/// The integer by which a real is stored in fewer than 8 bytes, if it has one. Minus zero has none.
#[inline]
fn real_as_short_integer(real: f64) -> Option<i64> {
    // The cast saturates, so the comparison fails for what is out of range.
    let integer = real as i64;
    let same = integer as f64 == real && (integer != 0 || real.is_sign_positive());
    (same && integer_length(integer) < 8).then_some(integer)
}

#[inline]
fn push_integer(bytes: &mut Vec<u8>, integer: i64) {
    let (length, start) = (integer_length(integer), bytes.len());
    // All eight bytes are put, and those too many are taken back: cheaper than a copy of variable length.
    bytes.extend_from_slice(&integer.to_le_bytes());
    bytes.truncate(start + length);
}

/// The fewest bytes of a decimal's digits.
fn push_digits(bytes: &mut Vec<u8>, decimal: Decimal) {
    let coefficient = decimal.coefficient();
    let significant_bits = 129 - (coefficient ^ (coefficient >> 127)).leading_zeros() as usize;
    let length = if coefficient == 0 { 0 } else { significant_bits.div_ceil(8) };
    bytes.extend(coefficient.to_le_bytes().into_iter().take(length));
}

#[inline]
fn push_real(bytes: &mut Vec<u8>, real: f64) {
    match real_as_short_integer(real) {
        Some(integer) => push_integer(bytes, integer),
        None => bytes.extend_from_slice(&real.to_bits().to_le_bytes()),
    }
}

/// Appends the payload of a value that is not NULL.
///
/// # Errors
/// [`Error::Misuse`] for a value that the column does not hold.
#[inline]
fn push_payload(bytes: &mut Vec<u8>, column_type: ColumnType, value: ValueRef<'_>) -> Result<()> {
    match (column_type, value) {
        (ColumnType::Integer | ColumnType::Boolean, ValueRef::Integer(i)) => push_integer(bytes, i),
        (ColumnType::Real, ValueRef::Real(r)) => push_real(bytes, r),
        (ColumnType::Real, ValueRef::Integer(i)) => push_real(bytes, i as f64),
        (ColumnType::Text { .. } | ColumnType::Formatted(_), ValueRef::Text(payload))
        | (ColumnType::Blob, ValueRef::Blob(payload)) => bytes.extend_from_slice(payload),
        (ColumnType::Decimal { scale, .. }, ValueRef::Decimal(decimal)) if decimal.scale() == scale => {
            push_digits(bytes, decimal);
        }
        (ColumnType::Any | ColumnType::Numeric, value) => match value {
            ValueRef::Null => {}
            ValueRef::Integer(i) => {
                bytes.push(TAG_INTEGER);
                push_integer(bytes, i);
            }
            ValueRef::Real(r) => {
                bytes.push(TAG_REAL);
                push_real(bytes, r);
            }
            ValueRef::Decimal(decimal) => {
                bytes.extend_from_slice(&[TAG_DECIMAL, decimal.scale()]);
                push_digits(bytes, decimal);
            }
            ValueRef::Text(text) => {
                bytes.push(TAG_TEXT);
                bytes.extend_from_slice(text);
            }
            ValueRef::Blob(blob) => {
                bytes.push(TAG_BLOB);
                bytes.extend_from_slice(blob);
            }
        },
        (column_type, value) => {
            return Err(Error::Misuse(format!("a record's {column_type} column cannot hold {value:?}")));
        }
    }
    Ok(())
}

/// Bytes of a number in 7-bit groups.
fn varint_length(number: u32) -> usize {
    (u32::BITS - (number | 1).leading_zeros()).div_ceil(7) as usize
}

/// Puts a number in 7-bit groups, the lowest first, into as many bytes as it takes.
#[inline]
fn put_varint(bytes: &mut [u8], mut number: u32) {
    for byte in bytes {
        *byte = number as u8 & 0x7f | if number >= 0x80 { 0x80 } else { 0 };
        number >>= 7;
    }
}

/// What a record holds of one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// The record is older than the column, and so NULL.
    Missing,
    /// NULL.
    Null,
    /// The payload's place in the record's bytes.
    Payload(Range<usize>),
}

/// A record being read. Making one checks its header; each column is checked when it is asked for.
#[derive(Clone, Copy, Debug)]
pub struct RecordView<'a> {
    bytes: &'a [u8],
    count: u32,
    width_code: u8,
    nulls_at: u32,
    ends_at: u32,
    payload_at: u32,
}

/// Where one of the first 48 columns lies in records of the common shape: as many columns as the table has, fewer than
/// 128, with ends of one byte. A scan finds the shape's constants once, so that each row costs three loads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommonField {
    /// The bits of a record's first eight bytes that tell its shape, and what they are.
    shape_mask: u64,
    shape: u64,
    /// Of the same bytes, the bit that is set where the column is NULL.
    null_bit: u64,
    /// Where the end of the column before stands; the column's own follows.
    ends_at: u8,
    /// Keeps the end of the column before; zero for the first column, which starts at the first payload.
    start_mask: u8,
    payload_at: u8,
}

/// What [`CommonField::find`] sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Where the payload starts, and its length.
    Payload(usize, u8),
    /// NULL.
    Null,
    /// The record has another shape: [`RecordView`] reads it.
    Other,
}

impl CommonField {
    /// Column `i` of a table with `columns` of them; `None` where there is no such shape.
    #[must_use]
    pub fn new(columns: usize, i: usize) -> Option<CommonField> {
        let ends_at = 2 + columns.div_ceil(8);
        let count = u8::try_from(columns).ok().filter(|count| *count < 0x80 && i < columns)?;
        // Behind the flags, which are 0, and the number of columns.
        let null_bit = u32::try_from(16 + i).ok().and_then(|bit| 1_u64.checked_shl(bit))?;
        Some(CommonField {
            shape_mask: 0xffff,
            shape: u64::from(count) << 8,
            null_bit,
            ends_at: u8::try_from(ends_at + i - 1).ok()?,
            start_mask: if i == 0 { 0 } else { 0xff },
            payload_at: u8::try_from(ends_at + columns).ok()?,
        })
    }

    /// The column in the record that starts at `record` in `page`.
    #[inline(always)]
    #[must_use]
    pub fn find(&self, page: &[u8], record: u16) -> Found {
        let record = usize::from(record);
        let Some(header) = chunk(page, record) else { return Found::Other };
        let header = u64::from_le_bytes(header);
        if header & (self.shape_mask | self.null_bit) != self.shape {
            let is_common = header & self.shape_mask == self.shape;
            return if is_common { Found::Null } else { Found::Other };
        }
        let Some([before, end]) = chunk(page, record + usize::from(self.ends_at)) else {
            return Found::Other;
        };
        let start = before & self.start_mask;
        match end.checked_sub(start) {
            Some(length) => {
                Found::Payload(record + usize::from(self.payload_at) + usize::from(start), length)
            }
            None => Found::Other,
        }
    }
}

/// The bytes at `at`, which is far below the greatest address: so one comparison is enough.
#[inline(always)]
fn chunk<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

/// The word that starts at `at`, cut to `length` bytes and sign-extended: an integer's payload. `None` where fewer than
/// 8 bytes follow, or for a greater length.
#[inline(always)]
#[must_use]
pub fn short_integer(bytes: &[u8], at: usize, length: u8) -> Option<i64> {
    let word = i64::from_le_bytes(chunk(bytes, at)?);
    if length > 8 {
        return None;
    }
    // Zero has no byte: the shift by 64 is then one by 0, and the mask clears the word.
    let shift = (64 - 8 * u32::from(length)) & 63;
    Some(((word << shift) >> shift) & -i64::from(length != 0))
}

/// As [`short_integer`], a real's payload: eight bytes are the real itself, fewer an integer of equal value.
#[inline(always)]
#[must_use]
pub fn short_real(bytes: &[u8], at: usize, length: u8) -> Option<f64> {
    let word = short_integer(bytes, at, length)?;
    Some(if length == 8 { f64::from_bits(word as u64) } else { word as f64 })
}

impl<'a> RecordView<'a> {
    /// Reads the header.
    ///
    /// # Errors
    /// [`sedge_storage::Error::Corrupt`] if the bytes are no record.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Result<RecordView<'a>> {
        let (flags, first) = match bytes {
            [flags, first, ..] => (*flags, *first),
            _ => return Err(damaged("a record without a header")),
        };
        let (count, nulls_at) = if first < 0x80 { (u32::from(first), 2) } else { long_count(bytes)? };
        if flags > 2 {
            return Err(damaged("a record with unknown flags"));
        }
        let ends_at = nulls_at + count.div_ceil(8);
        let payload_at = ends_at + (count << flags);
        if payload_at as usize > bytes.len() {
            return Err(damaged("a record shorter than its header"));
        }
        Ok(RecordView { bytes, count, width_code: flags & WIDTH_MASK, nulls_at, ends_at, payload_at })
    }

    /// Number of columns the record has.
    #[inline]
    #[must_use]
    pub fn columns(&self) -> usize {
        self.count as usize
    }

    /// Where column `i` is.
    ///
    /// # Errors
    /// [`sedge_storage::Error::Corrupt`] if its ends do not lie in the record.
    #[inline]
    pub fn field(&self, i: usize) -> Result<Field> {
        if i >= self.count as usize {
            return Ok(Field::Missing);
        }
        let nulls = self.bytes.get(self.nulls_at as usize + i / 8).copied().unwrap_or(0);
        if nulls >> (i % 8) & 1 == 1 {
            return Ok(Field::Null);
        }
        let start = if i == 0 { Some(0) } else { self.end(i - 1) };
        let base = self.payload_at as usize;
        match (start, self.end(i)) {
            (Some(start), Some(end)) if start <= end && end <= self.bytes.len() - base => {
                Ok(Field::Payload(base + start..base + end))
            }
            _ => Err(damaged("a record whose columns do not lie inside it")),
        }
    }

    /// The end of column `i`, from the first payload.
    #[inline]
    fn end(&self, i: usize) -> Option<usize> {
        let at = self.ends_at as usize + (i << self.width_code);
        let bytes = self.bytes.get(at..)?;
        Some(match self.width_code {
            0 => usize::from(*bytes.first()?),
            1 => usize::from(u16::from_le_bytes(*bytes.first_chunk()?)),
            _ => u32::from_le_bytes(*bytes.first_chunk()?) as usize,
        })
    }

    /// The bytes of column `i`; `None` if it is NULL or missing.
    ///
    /// # Errors
    /// [`sedge_storage::Error::Corrupt`] as [`RecordView::field`].
    #[inline]
    pub fn payload(&self, i: usize) -> Result<Option<&'a [u8]>> {
        match self.field(i)? {
            Field::Payload(range) => Ok(self.bytes.get(range)),
            Field::Missing | Field::Null => Ok(None),
        }
    }

    /// An INTEGER or BOOLEAN column; `None` if it is NULL or missing.
    ///
    /// # Errors
    /// [`sedge_storage::Error::Corrupt`] for bytes that are no integer.
    #[inline]
    pub fn integer(&self, i: usize) -> Result<Option<i64>> {
        match self.field(i)? {
            Field::Payload(range) => {
                let length = range.len();
                // One load of 8 bytes and a shift, where the record does not end within them.
                match self.bytes.get(range.start..).and_then(|bytes| bytes.first_chunk::<8>()) {
                    Some(chunk) if (1..=8).contains(&length) => {
                        let shift = 64 - 8 * length;
                        Ok(Some((i64::from_le_bytes(*chunk) << shift) >> shift))
                    }
                    _ => decode_integer(self.bytes.get(range).unwrap_or_default()).map(Some),
                }
            }
            Field::Missing | Field::Null => Ok(None),
        }
    }

    /// A REAL column; `None` if it is NULL or missing.
    ///
    /// # Errors
    /// [`sedge_storage::Error::Corrupt`] for bytes that are no real.
    #[inline]
    pub fn real(&self, i: usize) -> Result<Option<f64>> {
        self.payload(i)?.map(decode_real).transpose()
    }

    /// Any column by its type; NULL if it is NULL or missing. Where records may be older than a column, ask
    /// [`RecordView::columns`] first.
    ///
    /// # Errors
    /// [`sedge_storage::Error::Corrupt`] for bytes that are no value of the type.
    #[inline]
    pub fn get(&self, i: usize, column_type: ColumnType) -> Result<ValueRef<'a>> {
        match self.payload(i)? {
            None => Ok(ValueRef::Null),
            Some(payload) => decode_payload(payload, column_type),
        }
    }
}

/// A column count of more than one byte, and where the bytes after it begin.
#[cold]
fn long_count(bytes: &[u8]) -> Result<(u32, u32)> {
    let mut count = 0_u32;
    for (place, byte) in bytes.iter().skip(1).take(3).enumerate() {
        count |= u32::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            if count as usize > COLUMNS_MAX {
                break;
            }
            return Ok((count, 2 + place as u32));
        }
    }
    Err(damaged("a record with a bad number of columns"))
}

/// Decodes a payload by the type of its column. Reals are never NaN: a damaged one is NULL.
///
/// # Errors
/// [`sedge_storage::Error::Corrupt`] for bytes that are no value of the type.
#[inline]
pub fn decode_payload(payload: &[u8], column_type: ColumnType) -> Result<ValueRef<'_>> {
    Ok(match column_type {
        ColumnType::Integer | ColumnType::Boolean => ValueRef::Integer(decode_integer(payload)?),
        ColumnType::Real => real_value(decode_real(payload)?),
        ColumnType::Text { .. } | ColumnType::Formatted(_) => ValueRef::Text(payload),
        ColumnType::Decimal { scale, .. } => ValueRef::Decimal(decode_decimal(payload, scale)?),
        ColumnType::Blob => ValueRef::Blob(payload),
        ColumnType::Any | ColumnType::Numeric => match payload {
            [TAG_INTEGER, rest @ ..] => ValueRef::Integer(decode_integer(rest)?),
            [TAG_REAL, rest @ ..] => real_value(decode_real(rest)?),
            [TAG_DECIMAL, scale, rest @ ..] => ValueRef::Decimal(decode_decimal(rest, *scale)?),
            [TAG_TEXT, rest @ ..] => ValueRef::Text(rest),
            [TAG_BLOB, rest @ ..] => ValueRef::Blob(rest),
            _ => return Err(damaged("a value with an unknown tag")),
        },
    })
}

#[inline]
fn real_value<'a>(real: f64) -> ValueRef<'a> {
    if real.is_nan() { ValueRef::Null } else { ValueRef::Real(real) }
}

/// Decodes the payload of an INTEGER.
///
/// # Errors
/// [`sedge_storage::Error::Corrupt`] for more than 8 bytes.
#[inline]
pub fn decode_integer(payload: &[u8]) -> Result<i64> {
    let mut bytes = match payload.last() {
        Some(high) if *high >= 0x80 => [0xff; 8],
        _ => [0; 8],
    };
    match bytes.get_mut(..payload.len()) {
        Some(target) => target.copy_from_slice(payload),
        None => return Err(damaged("an integer of more than 8 bytes")),
    }
    Ok(i64::from_le_bytes(bytes))
}

/// Decodes the digits of a decimal.
fn decode_decimal(payload: &[u8], scale: u8) -> Result<Decimal> {
    let mut bytes = match payload.last() {
        Some(high) if *high >= 0x80 => [0xff; 16],
        _ => [0; 16],
    };
    if let Some(target) = bytes.get_mut(..payload.len()) {
        target.copy_from_slice(payload);
        if let Some(decimal) = Decimal::new(i128::from_le_bytes(bytes), scale) {
            return Ok(decimal);
        }
    }
    Err(damaged("a decimal of more than 28 digits"))
}

/// Decodes the payload of a REAL.
///
/// # Errors
/// [`sedge_storage::Error::Corrupt`] for more than 8 bytes.
#[inline]
pub fn decode_real(payload: &[u8]) -> Result<f64> {
    match <[u8; 8]>::try_from(payload) {
        Ok(bytes) => Ok(f64::from_bits(u64::from_le_bytes(bytes))),
        Err(_) => decode_integer(payload).map(|integer| integer as f64),
    }
}
