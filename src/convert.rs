//! Between Rust's types and SQL's values.

use crate::error::{Error, ErrorCode, Result};
use sedge_sql::{Decimal, Value, ValueList, ValueRef};

/// A type that can be bound to a parameter.
///
/// ```
/// use sedge::{ToValue, Value};
/// assert_eq!(42_u8.to_value()?, Value::Integer(42));
/// assert_eq!(None::<&str>.to_value()?, Value::Null);
/// assert!(u64::MAX.to_value().is_err());
/// # Ok::<(), sedge::Error>(())
/// ```
pub trait ToValue {
    /// The value.
    ///
    /// # Errors
    /// [`ErrorCode::Type`] where no SQL value is equal, as for integers beyond 64 bits with sign.
    fn to_value(&self) -> Result<Value>;

    /// Adds the value to those that are bound to a statement. Types that hold bytes lend them, so that they are copied
    /// once and nothing is allocated.
    ///
    /// # Errors
    /// As [`ToValue::to_value`].
    fn bind_to(&self, target: &mut ValueList) -> Result<()> {
        target.push(self.to_value()?.as_ref());
        Ok(())
    }
}

/// A type that a column's value can be read as.
///
/// ```
/// use sedge::{FromValue, ValueRef};
/// assert_eq!(i64::from_value(ValueRef::Integer(7))?, 7);
/// assert_eq!(Option::<String>::from_value(ValueRef::Null)?, None);
/// assert!(i64::from_value(ValueRef::Text(b"7")).is_err());
/// # Ok::<(), sedge::Error>(())
/// ```
pub trait FromValue: Sized {
    /// The value as this type; nothing is converted that would lose or invent something.
    ///
    /// # Errors
    /// [`ErrorCode::Type`] where the value is of another kind or out of range.
    fn from_value(value: ValueRef<'_>) -> Result<Self>;
}

fn unexpected(expected: &str, value: ValueRef<'_>) -> Error {
    Error::new(ErrorCode::Type, format!("expected {expected}, the value is {}", value.type_name()))
}

macro_rules! integers {
    ($($type:ty),*) => {$(
        impl ToValue for $type {
            #[inline]
            fn to_value(&self) -> Result<Value> {
                i64::try_from(*self).map(Value::Integer).map_err(|_| {
                    Error::new(ErrorCode::Type, format!("{self} does not fit a 64-bit signed integer"))
                })
            }
        }
        impl FromValue for $type {
            fn from_value(value: ValueRef<'_>) -> Result<$type> {
                match value {
                    ValueRef::Integer(i) => <$type>::try_from(i).map_err(|_| {
                        Error::new(ErrorCode::Type, format!("{i} does not fit {}", stringify!($type)))
                    }),
                    other => Err(unexpected("an integer", other)),
                }
            }
        }
    )*};
}
integers!(i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);

macro_rules! to_value {
    ($($type:ty: |$value:ident| $body:expr;)*) => {$(
        impl ToValue for $type {
            fn to_value(&self) -> Result<Value> {
                let $value = self;
                Ok($body)
            }
        }
    )*};
}
to_value! {
    bool: |v| Value::Integer(i64::from(*v));
    f64: |v| Value::real(*v);
    f32: |v| Value::real(f64::from(*v));
    Decimal: |v| Value::Decimal(*v);
}

/// Types whose bytes are lent when they are bound.
macro_rules! lent {
    ($($type:ty: |$value:ident| $owned:expr, $lent:expr;)*) => {$(
        impl ToValue for $type {
            fn to_value(&self) -> Result<Value> {
                let $value = self;
                Ok($owned)
            }
            #[inline]
            fn bind_to(&self, target: &mut ValueList) -> Result<()> {
                let $value = self;
                target.push($lent);
                Ok(())
            }
        }
    )*};
}
lent! {
    str: |v| Value::text(v), ValueRef::Text(v.as_bytes());
    String: |v| Value::text(v.as_str()), ValueRef::Text(v.as_bytes());
    Box<str>: |v| Value::Text(v.clone()), ValueRef::Text(v.as_bytes());
    std::borrow::Cow<'_, str>: |v| Value::text(&**v), ValueRef::Text(v.as_bytes());
    [u8]: |v| Value::Blob(v.into()), ValueRef::Blob(v);
    Vec<u8>: |v| Value::Blob(v.as_slice().into()), ValueRef::Blob(v);
    Value: |v| v.clone(), v.as_ref();
}

impl<const N: usize> ToValue for [u8; N] {
    fn to_value(&self) -> Result<Value> {
        Ok(Value::Blob(self.as_slice().into()))
    }
    #[inline]
    fn bind_to(&self, target: &mut ValueList) -> Result<()> {
        self.as_slice().bind_to(target)
    }
}

impl<T: ToValue + ?Sized> ToValue for &T {
    fn to_value(&self) -> Result<Value> {
        (**self).to_value()
    }
    #[inline]
    fn bind_to(&self, target: &mut ValueList) -> Result<()> {
        (**self).bind_to(target)
    }
}

impl<T: ToValue> ToValue for Option<T> {
    fn to_value(&self) -> Result<Value> {
        self.as_ref().map_or(Ok(Value::Null), ToValue::to_value)
    }
    #[inline]
    fn bind_to(&self, target: &mut ValueList) -> Result<()> {
        match self {
            Some(value) => value.bind_to(target),
            None => Value::Null.bind_to(target),
        }
    }
}

impl FromValue for bool {
    fn from_value(value: ValueRef<'_>) -> Result<bool> {
        match value {
            ValueRef::Integer(0) => Ok(false),
            ValueRef::Integer(1) => Ok(true),
            other => Err(unexpected("0 or 1", other)),
        }
    }
}

impl FromValue for f64 {
    /// An integer is read as the real it equals; one that no real equals is an error.
    fn from_value(value: ValueRef<'_>) -> Result<f64> {
        match value {
            ValueRef::Real(r) => Ok(r),
            ValueRef::Integer(i) if sedge_sql::compare_integer_real(i, i as f64).is_eq() => Ok(i as f64),
            other => Err(unexpected("a real", other)),
        }
    }
}

impl FromValue for Decimal {
    /// An integer is read as the decimal it equals.
    fn from_value(value: ValueRef<'_>) -> Result<Decimal> {
        match value {
            ValueRef::Decimal(d) => Ok(d),
            ValueRef::Integer(i) => Ok(Decimal::from(i)),
            other => Err(unexpected("a decimal", other)),
        }
    }
}

impl FromValue for String {
    fn from_value(value: ValueRef<'_>) -> Result<String> {
        match value {
            ValueRef::Text(t) => String::from_utf8(t.to_vec())
                .map_err(|_| Error::new(ErrorCode::Corrupt, "a text of the database is not UTF-8")),
            other => Err(unexpected("a text", other)),
        }
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: ValueRef<'_>) -> Result<Vec<u8>> {
        match value {
            ValueRef::Blob(b) => Ok(b.to_vec()),
            other => Err(unexpected("a blob", other)),
        }
    }
}

impl FromValue for Value {
    fn from_value(value: ValueRef<'_>) -> Result<Value> {
        Ok(value.to_owned())
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: ValueRef<'_>) -> Result<Option<T>> {
        if value.is_null() { Ok(None) } else { T::from_value(value).map(Some) }
    }
}
