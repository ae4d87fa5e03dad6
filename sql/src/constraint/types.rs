//! Column types: a value is converted where that loses nothing, else it is refused.

use crate::catalog::Table;
use crate::error::{Constraint, ConstraintKind};
use crate::functions::number::{Number, text_as_number, write_text};
use crate::types::ColumnType;
use crate::value::{Value, ValueRef, compare_integer_real};

/// A value as its column holds it.
#[derive(Debug)]
pub(crate) enum Fitted<'v> {
    /// As it is, or a number of the other kind.
    Value(ValueRef<'v>),
    /// A number's text.
    Text(Box<str>),
    /// The column cannot hold it.
    Refused,
}

/// Fits a value into a column of this type.
#[inline]
pub(crate) fn fit(value: ValueRef<'_>, column_type: ColumnType) -> Fitted<'_> {
    match (column_type, value) {
        (_, ValueRef::Null)
        | (ColumnType::Any, _)
        | (ColumnType::Integer, ValueRef::Integer(_))
        | (ColumnType::Real, ValueRef::Real(_))
        | (ColumnType::Text { max_chars: None }, ValueRef::Text(_))
        | (ColumnType::Blob, ValueRef::Blob(_))
        | (ColumnType::Numeric, ValueRef::Integer(_) | ValueRef::Real(_)) => Fitted::Value(value),
        _ => fit_slowly(value, column_type),
    }
}

fn fit_slowly(value: ValueRef<'_>, column_type: ColumnType) -> Fitted<'_> {
    let number = match (column_type, value) {
        (ColumnType::Text { max_chars }, ValueRef::Text(text)) => {
            return if fits_length(text, max_chars) { Fitted::Value(value) } else { Fitted::Refused };
        }
        (ColumnType::Text { max_chars }, ValueRef::Integer(_) | ValueRef::Real(_)) => {
            let text = number_text(value);
            let fits = fits_length(text.as_bytes(), max_chars);
            return if fits { Fitted::Text(text) } else { Fitted::Refused };
        }
        (_, ValueRef::Integer(_) | ValueRef::Real(_)) => value,
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
        ColumnType::Numeric => Some(number),
        ColumnType::Text { .. } | ColumnType::Blob | ColumnType::Any => None,
    };
    fitted.map_or(Fitted::Refused, Fitted::Value)
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
    let detail = format!("{} {} does not fit {column_type}", value.type_name(), shortened(value));
    Box::new(Constraint {
        kind: ConstraintKind::Type,
        table: table.name.clone(),
        columns: vec![column],
        name: None,
        detail: Some(detail),
    })
}

/// A value as SQL, short enough for a message.
fn shortened(value: ValueRef<'_>) -> String {
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
