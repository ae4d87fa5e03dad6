//! Column types: a value is converted where that loses nothing, else it is refused.

use super::form::{formed, uuid_of};
use crate::catalog::Table;
use crate::decimal::Decimal;
use crate::error::{Constraint, ConstraintKind};
use crate::functions::number::{Number, as_decimal, text_as_number, write_text};
use crate::types::{ColumnType, TextForm};
use crate::value::{Value, ValueRef, compare_integer_real};

/// A value as its column holds it.
#[derive(Debug)]
pub(crate) enum Fitted<'v> {
    /// As it is, or a number of the other kind.
    Value(ValueRef<'v>),
    /// A number's text, or a text in the form of its column.
    Text(Box<str>),
    /// The column cannot hold it.
    Refused,
}

/// Fits a value into a column of this type.
#[inline]
pub(crate) fn fit(value: ValueRef<'_>, column_type: ColumnType) -> Fitted<'_> {
    if fits_as_it_is(value, column_type) { Fitted::Value(value) } else { fit_slowly(value, column_type) }
}

/// True where [`fit`] would give back the value itself at once.
#[inline]
pub(crate) fn fits_as_it_is(value: ValueRef<'_>, column_type: ColumnType) -> bool {
    matches!(
        (column_type, value),
        (_, ValueRef::Null)
            | (ColumnType::Any, _)
            | (ColumnType::Integer, ValueRef::Integer(_))
            | (ColumnType::Real, ValueRef::Real(_))
            | (ColumnType::Text { max_chars: None }, ValueRef::Text(_))
            | (ColumnType::Blob, ValueRef::Blob(_))
            | (ColumnType::Numeric, ValueRef::Integer(_) | ValueRef::Real(_))
    )
}

fn fit_slowly(value: ValueRef<'_>, column_type: ColumnType) -> Fitted<'_> {
    let number = match (column_type, value) {
        (ColumnType::Text { max_chars }, ValueRef::Text(text)) => {
            return if fits_length(text, max_chars) { Fitted::Value(value) } else { Fitted::Refused };
        }
        (ColumnType::Formatted(form), _) => return fit_form(value, form),
        (ColumnType::Decimal { precision, scale }, _) => {
            let decimal = decimal_of(value).and_then(|decimal| decimal.rescale(scale));
            let fits = |decimal: &Decimal| decimal.coefficient().abs() < 10_i128.pow(u32::from(precision));
            return match decimal.filter(fits) {
                Some(decimal) => Fitted::Value(ValueRef::Decimal(decimal)),
                None => Fitted::Refused,
            };
        }
        (ColumnType::Text { max_chars }, ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Decimal(_)) => {
            let text = number_text(value);
            let fits = fits_length(text.as_bytes(), max_chars);
            return if fits { Fitted::Text(text) } else { Fitted::Refused };
        }
        (_, ValueRef::Integer(_) | ValueRef::Real(_)) => value,
        (_, ValueRef::Decimal(decimal)) => inexact(decimal, column_type),
        (_, ValueRef::Text(text)) => match number_of(text) {
            Some(number) => number,
            None => return Fitted::Refused,
        },
        _ => return Fitted::Refused,
    };
    let fitted = match column_type {
        ColumnType::Integer => as_integer(number).map(ValueRef::Integer),
        ColumnType::Boolean => as_integer(number).filter(|i| matches!(i, 0 | 1)).map(ValueRef::Integer),
        ColumnType::Real => as_real(number).map(ValueRef::Real),
        ColumnType::Numeric => Some(number).filter(|number| !matches!(number, ValueRef::Decimal(_))),
        ColumnType::Text { .. }
        | ColumnType::Blob
        | ColumnType::Any
        | ColumnType::Decimal { .. }
        | ColumnType::Formatted(_) => None,
    };
    fitted.map_or(Fitted::Refused, Fitted::Value)
}

/// A text that is brought into its column's form. A number is JSON of its own, 16 bytes are a UUID.
fn fit_form(value: ValueRef<'_>, form: TextForm) -> Fitted<'_> {
    let formed = match (value, form) {
        (ValueRef::Text(text), _) => match formed(form, text) {
            Some(same) if same.as_bytes() == text => return Fitted::Value(value),
            formed => formed,
        },
        (ValueRef::Blob(bytes), TextForm::Uuid) => bytes.try_into().ok().and_then(uuid_of),
        (ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Decimal(_), TextForm::Json) => {
            formed(form, number_text(value).as_bytes())
        }
        _ => None,
    };
    formed.map_or(Fitted::Refused, Fitted::Text)
}

/// The decimal that a value is written as.
fn decimal_of(value: ValueRef<'_>) -> Option<Decimal> {
    match value {
        ValueRef::Integer(integer) => Some(Decimal::from(integer)),
        ValueRef::Decimal(decimal) => Some(decimal),
        other => as_decimal(other).and_then(Number::decimal),
    }
}

/// A decimal for a column of other numbers: an integer, or the real that is written alike, if it is either.
fn inexact(decimal: Decimal, column_type: ColumnType) -> ValueRef<'static> {
    let real = decimal.to_real();
    match decimal.exact_integer() {
        Some(integer) => ValueRef::Integer(integer),
        None if column_type != ColumnType::Integer
            && Decimal::from_real(real) == Some(decimal.normalized()) =>
        {
            ValueRef::Real(real)
        }
        None => ValueRef::Decimal(decimal),
    }
}

fn fits_length(text: &[u8], max_chars: Option<u32>) -> bool {
    let Some(max_chars) = max_chars else { return true };
    let max_chars = max_chars as usize;
    // A character has at least one byte; continuation bytes begin none.
    text.len() <= max_chars || text.iter().filter(|byte| **byte & 0xc0 != 0x80).count() <= max_chars
}

/// The integer that a number is, exactly.
fn as_integer(number: ValueRef<'_>) -> Option<i64> {
    match number {
        ValueRef::Integer(integer) => Some(integer),
        ValueRef::Real(real) => {
            let integer = real as i64;
            compare_integer_real(integer, real).is_eq().then_some(integer)
        }
        _ => None,
    }
}

/// The real that a number is, exactly.
fn as_real(number: ValueRef<'_>) -> Option<f64> {
    match number {
        ValueRef::Real(real) => Some(real),
        ValueRef::Integer(integer) => {
            let real = integer as f64;
            compare_integer_real(integer, real).is_eq().then_some(real)
        }
        _ => None,
    }
}

/// What is broken by a value that its column cannot hold. `place` is beyond the columns for the row id.
#[cold]
pub(crate) fn breach(
    table: &Table,
    place: usize,
    column_type: ColumnType,
    value: ValueRef<'_>,
) -> Box<Constraint> {
    let column = table.columns.get(place).map_or_else(|| "rowid".to_owned(), |column| column.name.clone());
    let mut detail = format!("{} {} does not fit {column_type}", value.type_name(), shortened(value));
    if let (
        ColumnType::Formatted(TextForm::Date | TextForm::Time | TextForm::DateTime),
        ValueRef::Integer(_) | ValueRef::Real(_),
    ) = (column_type, value)
    {
        let function = column_type.to_string().to_ascii_lowercase();
        let hint = format!("; {function}({}, 'unixepoch') reads it as seconds since 1970", shortened(value));
        detail.push_str(&hint);
    }
    Box::new(Constraint {
        kind: ConstraintKind::Type,
        table: table.name.clone(),
        columns: vec![column],
        name: None,
        detail: Some(detail),
    })
}

/// A value as SQL, short enough for a message.
pub(crate) fn shortened(value: ValueRef<'_>) -> String {
    const CHARS_MAX: usize = 40;
    match value.to_owned() {
        Value::Text(text) => {
            let mut short: String = text.chars().take(CHARS_MAX).collect();
            if short.len() < text.len() {
                short.push_str("..");
            }
            format!("'{}'", short.replace('\'', "''"))
        }
        Value::Blob(blob) => format!("of {} bytes", blob.len()),
        Value::Null => "NULL".to_owned(),
        number => number_text(number.as_ref()).into(),
    }
}

/// The number that a text is, and nothing but spaces around it.
fn number_of(text: &[u8]) -> Option<ValueRef<'static>> {
    text_as_number(text).map(Number::value)
}

/// A number as it prints.
fn number_text(value: ValueRef<'_>) -> Box<str> {
    let mut text = Vec::new();
    write_text(value, &mut text);
    String::from_utf8_lossy(&text).into()
}
