//! Digests and encodings of bytes: `sha256`, `base64` and `unbase64`.

use super::define::{Kinds, scalar};
use super::number::text_of;
use super::text::{arg, check_length, null, text};
use super::{Datum, FunctionContext, ScalarDefinition};
use crate::error::Result;
use crate::value::{Value, ValueRef};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use std::fmt::Write;

type Call<'a> = Result<Datum<'a>>;

pub(super) const FUNCTIONS: &[ScalarDefinition] = &[
    scalar("base64", 1, 1, Kinds::TEXT_OR_NULL, base64),
    scalar("sha256", 1, 1, Kinds::TEXT_OR_NULL, sha256),
    scalar("unbase64", 1, 1, Kinds::BLOB_OR_NULL, unbase64),
];

/// The SHA-256 of a blob's bytes, or of a text's in UTF-8, as 64 hexadecimal digits in lower case.
fn sha256<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    let value = arg(args, 0);
    if value.is_null() {
        return Ok(null());
    }
    let mut scratch = Vec::new();
    let mut out = String::with_capacity(64);
    for byte in Sha256::digest(text_of(value, &mut scratch)) {
        // Writing to a string never fails.
        let _ = write!(out, "{byte:02x}");
    }
    Ok(text(out.into_bytes()))
}

/// Bytes as base64 with padding (RFC 4648).
fn base64<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    let value = arg(args, 0);
    if value.is_null() {
        return Ok(null());
    }
    let mut scratch = Vec::new();
    let bytes = text_of(value, &mut scratch);
    check_length(bytes.len() / 3 * 4 + 4)?;
    Ok(text(STANDARD.encode(bytes).into_bytes()))
}

/// The bytes of base64, spaces and line ends aside; NULL for what is none.
fn unbase64<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    let value = arg(args, 0);
    if value.is_null() {
        return Ok(null());
    }
    let mut scratch = Vec::new();
    let digits: Vec<u8> =
        text_of(value, &mut scratch).iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    Ok(match STANDARD.decode(digits) {
        Ok(bytes) => Datum::Owned(Value::Blob(bytes.into())),
        Err(_) => null(),
    })
}
