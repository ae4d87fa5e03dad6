//! What a declared type means: SQLite's affinity rules made into types that are enforced.

use crate::error::{Error, Result};
use crate::parser::DeclaredType;
use crate::suggest::nearest;
use crate::types::ColumnType;

/// Names that mean exactly one type.
const EXACT: [(&str, ColumnType); 8] = [
    ("ANY", ColumnType::Any),
    ("NUMERIC", ColumnType::Numeric),
    ("BOOLEAN", ColumnType::Boolean),
    ("BOOL", ColumnType::Boolean),
    ("INTEGER", ColumnType::Integer),
    ("REAL", ColumnType::Real),
    ("BLOB", ColumnType::Blob),
    ("TEXT", ColumnType::Text { max_chars: None }),
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

/// First words of types that the format has a place for and this version does not know.
const LATER: [&str; 9] = ["DECIMAL", "DEC", "DATE", "TIME", "DATETIME", "TIMESTAMP", "UUID", "JSON", "JSONB"];

/// Names of other systems, and what to write here.
const ELSEWHERE: [(&str, &str); 12] = [
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
];

/// The type of a column declared so; no declaration is ANY.
///
/// # Errors
/// [`Error::Invalid`] for a name that no rule knows, with what may be meant, and for a length below 1.
pub fn column_type(declared: Option<&DeclaredType>) -> Result<ColumnType> {
    let Some(declared) = declared else { return Ok(ColumnType::Any) };
    let name = declared.name.to_ascii_uppercase();
    let first_word = name.split(' ').next().unwrap_or_default();
    let later = |what: &str| {
        let message = format!("columns of type {what} are not supported yet");
        Err(Error::invalid(message, declared.span))
    };
    if LATER.contains(&first_word) {
        return later(first_word);
    }
    if name == "NUMERIC" && !declared.arguments.is_empty() {
        return later("NUMERIC with a precision");
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
            "unknown column type {}; the types are INTEGER, REAL, TEXT, VARCHAR(n), BLOB, BOOLEAN, NUMERIC and ANY",
            declared.name
        ),
    };
    Error::invalid(message, declared.span)
}
