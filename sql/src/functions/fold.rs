//! Case folding and the comparison of texts by collation: the one place that knows which letters are the same.
//!
//! Letters fold one to one to lower case; a letter whose lower case is several characters stays as it is.

use crate::types::Collation;
use std::cmp::Ordering;

/// The lower case of a character, where that is one character.
pub(crate) fn fold_char(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    let mut lower = c.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

/// The upper case of a character, where that is one character.
pub(crate) fn unfold_char(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_uppercase();
    }
    let mut upper = c.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

/// The characters of a text; a damaged byte gives a replacement character.
pub(crate) fn chars(text: &[u8]) -> impl Iterator<Item = char> + '_ {
    text.utf8_chunks().flat_map(|chunk| {
        chunk.valid().chars().chain((!chunk.invalid().is_empty()).then_some(char::REPLACEMENT_CHARACTER))
    })
}

/// Appends the folded text.
pub(crate) fn fold_into(text: &[u8], out: &mut Vec<u8>) {
    map_into(text, out, |byte| byte.to_ascii_lowercase(), fold_char);
}

/// Appends the text in upper case.
pub(crate) fn unfold_into(text: &[u8], out: &mut Vec<u8>) {
    map_into(text, out, |byte| byte.to_ascii_uppercase(), unfold_char);
}

fn map_into(text: &[u8], out: &mut Vec<u8>, ascii: fn(u8) -> u8, unicode: fn(char) -> char) {
    if text.is_ascii() {
        out.extend(text.iter().map(|byte| ascii(*byte)));
        return;
    }
    let mut utf8 = [0; 4];
    for c in chars(text) {
        out.extend_from_slice(unicode(c).encode_utf8(&mut utf8).as_bytes());
    }
}

/// The text without trailing spaces.
pub(crate) fn trim_spaces(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1);
    text.get(..end).unwrap_or_default()
}

/// How two texts compare.
pub(crate) fn compare_text(left: &[u8], right: &[u8], collation: Collation) -> Ordering {
    match collation {
        Collation::Binary => left.cmp(right),
        Collation::RTrim => trim_spaces(left).cmp(trim_spaces(right)),
        Collation::NoCase if left.is_ascii() && right.is_ascii() => {
            let fold = |byte: &u8| byte.to_ascii_lowercase();
            left.iter().map(fold).cmp(right.iter().map(fold))
        }
        // Order by code point is order by byte in UTF-8.
        Collation::NoCase => chars(left).map(fold_char).cmp(chars(right).map(fold_char)),
        Collation::User(own) => own.compare(left, right),
    }
}

/// Appends a text of which equal bytes mean an equal text, and whose order is that of the texts.
pub(crate) fn sort_key_into(text: &[u8], collation: Collation, out: &mut Vec<u8>) {
    match collation {
        Collation::Binary => out.extend_from_slice(text),
        Collation::RTrim => out.extend_from_slice(trim_spaces(text)),
        Collation::NoCase => fold_into(text, out),
        Collation::User(own) => own.sort_key_into(text, out),
    }
}
