//! What a declared type means: SQLite's affinity rules made into types that are enforced.

use crate::decimal::DIGITS_MAX;
use crate::error::{Error, Result};
use crate::parser::DeclaredType;
use crate::suggest::nearest;
use crate::types::{ColumnType, TextForm};

/// Names that mean exactly one type.
const EXACT: [(&str, ColumnType); 17] = [
    ("ANY", ColumnType::Any),
    ("NUMERIC", ColumnType::Numeric),
    ("NUM", ColumnType::Numeric),
    ("BOOLEAN", ColumnType::Boolean),
    ("BOOL", ColumnType::Boolean),
    ("INTEGER", ColumnType::Integer),
    ("REAL", ColumnType::Real),
    ("BLOB", ColumnType::Blob),
    ("TEXT", ColumnType::Text { max_chars: None }),
    ("DECIMAL", ColumnType::Numeric),
    ("DEC", ColumnType::Numeric),
    ("DATE", ColumnType::Formatted(TextForm::Date)),
    ("TIME", ColumnType::Formatted(TextForm::Time)),
    ("DATETIME", ColumnType::Formatted(TextForm::DateTime)),
    ("TIMESTAMP", ColumnType::Formatted(TextForm::DateTime)),
    ("UUID", ColumnType::Formatted(TextForm::Uuid)),
    ("JSON", ColumnType::Formatted(TextForm::Json)),
];

/// Parts of names, in the order in which SQLite looks for them.
const PARTS: [(&str, ColumnType); 9] = [
    ("INT", ColumnType::Integer),
    ("CHAR", ColumnType::Text { max_chars: None }),
    ("CLOB", ColumnType::Text { max_chars: None }),
    ("TEXT", ColumnType::Text { max_chars: None }),
    ("STRING", ColumnType::Text { max_chars: None }),
    ("BLOB", ColumnType::Blob),
    ("REAL", ColumnType::Real),
    ("FLOA", ColumnType::Real),
    ("DOUB", ColumnType::Real),
];

/// Names of other systems, and what to write here.
const ELSEWHERE: [(&str, &str); 15] = [
    ("NUMBER", "NUMERIC"),
    ("MONEY", "NUMERIC"),
    ("BINARY", "BLOB"),
    ("VARBINARY", "BLOB"),
    ("BYTEA", "BLOB"),
    ("BYTES", "BLOB"),
    ("IMAGE", "BLOB"),
    ("LONG", "INTEGER"),
    ("SERIAL", "INTEGER PRIMARY KEY"),
    ("BIGSERIAL", "INTEGER PRIMARY KEY"),
    ("BIT", "BOOLEAN"),
    ("STR", "TEXT"),
    ("JSONB", "JSON"),
    ("TIMESTAMPTZ", "TIMESTAMP"),
    ("GUID", "UUID"),
];

/// The type of a column declared so; no declaration is ANY.
///
/// # Errors
/// [`Error::Invalid`] for a name that no rule knows, with what may be meant, and for a length below 1.
pub fn column_type(declared: Option<&DeclaredType>) -> Result<ColumnType> {
    let Some(declared) = declared else { return Ok(ColumnType::Any) };
    let name = declared.name.to_ascii_uppercase();
    if matches!(name.as_str(), "NUMERIC" | "DECIMAL" | "DEC") && !declared.arguments.is_empty() {
        return decimal(declared);
    }
    if let Some((_, exact)) = EXACT.iter().find(|(exact, _)| *exact == name) {
        return Ok(*exact);
    }
    match PARTS.iter().find(|(part, _)| name.contains(part)) {
        Some(("CHAR", _)) => text_with_length(declared),
        Some((_, by_part)) => Ok(*by_part),
        None => Err(unknown(declared, &name)),
    }
}

/// DECIMAL(p), which has no digit after its point, and DECIMAL(p,s).
fn decimal(declared: &DeclaredType) -> Result<ColumnType> {
    let digits = |place: usize| declared.arguments.get(place).map_or(Some(0), |n| u8::try_from(*n).ok());
    match (digits(0), digits(1)) {
        (Some(precision @ 1..=DIGITS_MAX), Some(scale)) if scale <= precision => {
            Ok(ColumnType::Decimal { precision, scale })
        }
        _ => {
            let name = &declared.name;
            let message =
                format!("{name}(p,s) takes 1 to {DIGITS_MAX} digits, of which 0 to p stand after the point");
            Err(Error::invalid(message, declared.span))
        }
    }
}

/// VARCHAR(n) and its like.
fn text_with_length(declared: &DeclaredType) -> Result<ColumnType> {
    let Some(length) = declared.arguments.first() else { return Ok(ColumnType::Text { max_chars: None }) };
    match u32::try_from(*length) {
        Ok(max_chars) if max_chars > 0 => Ok(ColumnType::Text { max_chars: Some(max_chars) }),
        _ => {
            let message = format!("the length of {}({length}) must be from 1 to {}", declared.name, u32::MAX);
            Err(Error::invalid(message, declared.span))
        }
    }
}

fn unknown(declared: &DeclaredType, name: &str) -> Error {
    let elsewhere = ELSEWHERE.iter().find(|(there, _)| *there == name).map(|(_, here)| *here);
    let known = EXACT.iter().map(|(exact, _)| *exact);
    let others = ["VARCHAR", "CHAR", "BIGINT", "SMALLINT", "DOUBLE", "FLOAT", "STRING", "CLOB"];
    let suggestion = elsewhere.or_else(|| nearest(name, known.chain(others)));
    let message = match suggestion {
        Some(suggestion) => format!("unknown column type {}; did you mean {suggestion}?", declared.name),
        None => format!(
            "unknown column type {}; the types are INTEGER, REAL, TEXT, VARCHAR(n), BLOB, BOOLEAN, NUMERIC, \
             DECIMAL(p,s), DATE, TIME, DATETIME, UUID, JSON and ANY",
            declared.name
        ),
    };
    Error::invalid(message, declared.span)
}
