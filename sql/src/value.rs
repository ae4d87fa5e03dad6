//! Values: what a column, a parameter or an expression holds.

use crate::decimal::Decimal;
use std::cmp::Ordering;

/// An owned value.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Value {
    /// SQL NULL.
    #[default]
    Null,
    /// A 64-bit signed integer.
    Integer(i64),
    /// A 64-bit float; NaN is stored as NULL.
    Real(f64),
    /// An exact decimal.
    Decimal(Decimal),
    /// UTF-8 text.
    Text(Box<str>),
    /// Bytes.
    Blob(Box<[u8]>),
}

/// A borrowed value. Text is bytes that were UTF-8 when they were stored.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub enum ValueRef<'a> {
    /// SQL NULL.
    #[default]
    Null,
    /// A 64-bit signed integer.
    Integer(i64),
    /// A 64-bit float, never NaN.
    Real(f64),
    /// An exact decimal.
    Decimal(Decimal),
    /// UTF-8 text.
    Text(&'a [u8]),
    /// Bytes.
    Blob(&'a [u8]),
}

impl Value {
    /// The value, borrowed.
    #[inline]
    #[must_use]
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Value::Null => ValueRef::Null,
            Value::Integer(i) => ValueRef::Integer(*i),
            Value::Real(r) => ValueRef::Real(*r),
            Value::Decimal(d) => ValueRef::Decimal(*d),
            Value::Text(t) => ValueRef::Text(t.as_bytes()),
            Value::Blob(b) => ValueRef::Blob(b),
        }
    }

    /// Text from a string.
    #[must_use]
    pub fn text(text: impl Into<Box<str>>) -> Value {
        Value::Text(text.into())
    }

    /// A real; NaN becomes NULL.
    #[must_use]
    pub fn real(real: f64) -> Value {
        if real.is_nan() { Value::Null } else { Value::Real(real) }
    }

    /// True for NULL.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }
}

impl ValueRef<'_> {
    /// An owned copy. Text whose bytes are not UTF-8 (a damaged file that its checksum did not catch) is mended
    /// with replacement characters.
    #[must_use]
    pub fn to_owned(self) -> Value {
        match self {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(i) => Value::Integer(i),
            ValueRef::Real(r) => Value::real(r),
            ValueRef::Decimal(d) => Value::Decimal(d),
            ValueRef::Text(t) => Value::Text(String::from_utf8_lossy(t).into_owned().into_boxed_str()),
            ValueRef::Blob(b) => Value::Blob(b.into()),
        }
    }

    /// True for NULL.
    #[inline]
    #[must_use]
    pub fn is_null(self) -> bool {
        matches!(self, ValueRef::Null)
    }

    /// What `typeof` answers.
    #[must_use]
    pub fn type_name(self) -> &'static str {
        match self {
            ValueRef::Null => "null",
            ValueRef::Integer(_) => "integer",
            ValueRef::Real(_) => "real",
            ValueRef::Decimal(_) => "decimal",
            ValueRef::Text(_) => "text",
            ValueRef::Blob(_) => "blob",
        }
    }

    /// SQLite's storage order: NULL, numbers, text (by bytes), blobs. NULLs are equal here.
    #[must_use]
    pub fn total_cmp(self, other: ValueRef<'_>) -> Ordering {
        fn rank(value: ValueRef<'_>) -> u8 {
            match value {
                ValueRef::Null => 0,
                ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Decimal(_) => 1,
                ValueRef::Text(_) => 2,
                ValueRef::Blob(_) => 3,
            }
        }
        match (self, other) {
            (ValueRef::Integer(a), ValueRef::Integer(b)) => a.cmp(&b),
            (ValueRef::Real(a), ValueRef::Real(b)) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
            (ValueRef::Integer(a), ValueRef::Real(b)) => compare_integer_real(a, b),
            (ValueRef::Real(a), ValueRef::Integer(b)) => compare_integer_real(b, a).reverse(),
            (ValueRef::Text(a), ValueRef::Text(b)) | (ValueRef::Blob(a), ValueRef::Blob(b)) => a.cmp(b),
            (ValueRef::Decimal(a), ValueRef::Decimal(b)) => a.compare(b),
            (ValueRef::Decimal(a), ValueRef::Integer(b)) => a.compare(Decimal::from(b)),
            (ValueRef::Integer(a), ValueRef::Decimal(b)) => Decimal::from(a).compare(b),
            (ValueRef::Decimal(a), ValueRef::Real(b)) => a.compare_real(b),
            (ValueRef::Real(a), ValueRef::Decimal(b)) => b.compare_real(a).reverse(),
            (a, b) => rank(a).cmp(&rank(b)),
        }
    }
}

// Batches and rows hold many of them.
const _: () = assert!(size_of::<Value>() == 24 && size_of::<ValueRef<'_>>() == 24);

/// Compares exactly, without rounding the integer: 2^53+1 is greater than 2^53 as a real.
#[must_use]
pub fn compare_integer_real(integer: i64, real: f64) -> Ordering {
    if real.is_nan() || real < -9_223_372_036_854_775_808.0 {
        return Ordering::Greater;
    }
    if real >= 9_223_372_036_854_775_808.0 {
        return Ordering::Less;
    }
    // In range: the truncation is exact, and the fraction decides a tie.
    let truncated = real as i64;
    integer.cmp(&truncated).then_with(|| {
        let fraction = real - truncated as f64;
        0.0_f64.partial_cmp(&fraction).unwrap_or(Ordering::Equal)
    })
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        self.as_ref() == other.as_ref()
    }
}

impl PartialEq for ValueRef<'_> {
    /// Equal in type and content (1 and 1.0 differ, NULLs are the same).
    fn eq(&self, other: &ValueRef<'_>) -> bool {
        match (*self, *other) {
            (ValueRef::Null, ValueRef::Null) => true,
            (ValueRef::Integer(a), ValueRef::Integer(b)) => a == b,
            (ValueRef::Real(a), ValueRef::Real(b)) => a.to_bits() == b.to_bits(),
            (ValueRef::Decimal(a), ValueRef::Decimal(b)) => a == b,
            (ValueRef::Text(a), ValueRef::Text(b)) | (ValueRef::Blob(a), ValueRef::Blob(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Value {}

impl std::hash::Hash for Value {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        match self {
            Value::Null => state.write_u8(0),
            Value::Integer(i) => state.write_i64(*i),
            Value::Real(r) => state.write_u64(r.to_bits()),
            Value::Decimal(d) => d.hash(state),
            Value::Text(t) => state.write(t.as_bytes()),
            Value::Blob(b) => state.write(b),
        }
    }
}
