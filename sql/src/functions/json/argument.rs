//! Arguments of JSON functions: what is JSON, what is a value to be put into JSON, and the errors of both.

use super::node::{FLOAT, INT, NULL, TEXTRAW, push};
use super::parse::parse;
use super::render::{no_blob, write_sql};
use super::validate::is_json;
use crate::error::{Error, Result};
use crate::functions::number::text_of;
use crate::functions::text::check_length;
use crate::functions::{Datum, text};
use crate::value::{Value, ValueRef};
use std::borrow::Cow;

/// How a function hands out JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    Binary,
}

pub(super) fn malformed() -> Error {
    Error::Evaluation("malformed JSON".into())
}

pub(super) fn too_deep() -> Error {
    Error::Evaluation("JSON nested too deep".into())
}

/// An argument that is JSON, in its binary form; `None` for NULL.
pub(super) fn json_of(value: ValueRef<'_>) -> Result<Option<Cow<'_, [u8]>>> {
    match value {
        ValueRef::Null => Ok(None),
        ValueRef::Blob(bytes) if is_json(bytes) => Ok(Some(Cow::Borrowed(bytes))),
        other => {
            let mut scratch = Vec::new();
            let parsed = parse(text_of(other, &mut scratch)).map_err(|_| malformed())?;
            Ok(Some(Cow::Owned(parsed.json)))
        }
    }
}

/// An SQL value as the JSON that it is put into a document as.
pub(super) fn inserted(value: ValueRef<'_>) -> Result<Cow<'_, [u8]>> {
    let mut json = Vec::new();
    match value {
        ValueRef::Null => json.push(NULL),
        ValueRef::Blob(bytes) if is_json(bytes) => return Ok(Cow::Borrowed(bytes)),
        ValueRef::Blob(_) => return Err(no_blob()),
        ValueRef::Text(bytes) => push(TEXTRAW, bytes, &mut json),
        ValueRef::Real(real) if real.is_infinite() => {
            push(FLOAT, if real > 0.0 { b"9e999" } else { b"-9e999" }, &mut json);
        }
        number => {
            let mut digits = Vec::new();
            write_sql(number, &mut digits)?;
            let kind = if digits.contains(&b'.') { FLOAT } else { INT };
            push(kind, &digits, &mut json);
        }
    }
    Ok(Cow::Owned(json))
}

/// A path or another text argument up to its first NUL; `None` for NULL.
pub(super) fn path_text(value: ValueRef<'_>, scratch: &mut Vec<u8>) -> Option<Vec<u8>> {
    if value.is_null() {
        return None;
    }
    let text = text_of(value, scratch);
    Some(text.split(|byte| *byte == 0).next().unwrap_or_default().to_vec())
}

/// Hands out JSON text.
pub(super) fn give_text<'a>(written: Vec<u8>, form: Form) -> Result<Datum<'a>> {
    check_length(written.len())?;
    match form {
        Form::Text => Ok(text::text(written)),
        Form::Binary => {
            let json = parse(&written).map_err(|_| malformed())?.json;
            Ok(Datum::Owned(Value::Blob(json.into())))
        }
    }
}

/// Hands out binary JSON.
pub(super) fn give_json<'a>(json: Cow<'_, [u8]>, form: Form) -> Result<Datum<'a>> {
    check_length(json.len())?;
    match form {
        Form::Binary => Ok(Datum::Owned(Value::Blob(json.into_owned().into()))),
        Form::Text => {
            let mut written = Vec::with_capacity(json.len() + 16);
            super::render::write(&json, 0, 0, &mut written)?;
            give_text(written, form)
        }
    }
}
