//! Texts in one form: what a column of dates, times, UUIDs or JSON makes of the text that it is given.

use super::json;
use crate::functions::datetime::{Kind, normalise};
use crate::types::TextForm;

/// The text in the form of its column; `None` if it is nothing of that kind.
pub(super) fn formed(form: TextForm, text: &[u8]) -> Option<Box<str>> {
    match form {
        TextForm::Date => normalise(Kind::Date, text),
        TextForm::Time => normalise(Kind::Time, text),
        TextForm::DateTime => normalise(Kind::DateTime, text),
        TextForm::Uuid => uuid(text),
        TextForm::Json => {
            json::minified(text).and_then(|json| String::from_utf8(json).ok()).map(String::into)
        }
    }
}

/// A UUID from its 32 digits, in upper or lower case, with hyphens in their four places or none, in braces or not.
fn uuid(text: &[u8]) -> Option<Box<str>> {
    let inner = text.strip_prefix(b"{").and_then(|text| text.strip_suffix(b"}")).unwrap_or(text);
    let has_hyphens = inner.len() == 36;
    let mut digits = Vec::with_capacity(32);
    for (place, byte) in inner.iter().enumerate() {
        let is_hyphen = has_hyphens && matches!(place, 8 | 13 | 18 | 23);
        if is_hyphen != (*byte == b'-') || !(is_hyphen || byte.is_ascii_hexdigit()) {
            return None;
        }
        digits.extend((!is_hyphen).then_some(*byte));
    }
    let bytes: Vec<u8> = digits
        .chunks(2)
        .map_while(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    uuid_of(bytes.as_slice().try_into().ok()?)
}

/// The text of a UUID's bytes.
pub(super) fn uuid_of(bytes: [u8; 16]) -> Option<Box<str>> {
    Some(crate::functions::uuid_text(bytes).into())
}
