//! SQLite's binary JSON, which all JSON functions work on: a value is a header and its payload, one behind the other.
//! Bytes that were never checked are read here, so nothing is believed.
//!
//! ```text
//! first byte: size << 4 | kind     size 0..=11 is the payload's, 12..=15 say that 1, 2, 4 or 8 big-endian bytes follow
//! payload:    digits, text, the elements of an array, or labels and values of an object in turn
//! ```

pub(super) const NULL: u8 = 0;
pub(super) const TRUE: u8 = 1;
pub(super) const FALSE: u8 = 2;
/// An integer as RFC 8259 writes it.
pub(super) const INT: u8 = 3;
/// A hexadecimal integer of JSON5.
pub(super) const INT5: u8 = 4;
/// A number with a point or exponent.
pub(super) const FLOAT: u8 = 5;
/// One that JSON5 alone allows: `.5`, `5.`.
pub(super) const FLOAT5: u8 = 6;
/// Text that needs no escapes.
pub(super) const TEXT: u8 = 7;
/// Text with escapes of RFC 8259.
pub(super) const TEXTJ: u8 = 8;
/// Text with escapes of JSON5.
pub(super) const TEXT5: u8 = 9;
/// Text that is still to be escaped.
pub(super) const TEXTRAW: u8 = 10;
pub(super) const ARRAY: u8 = 11;
pub(super) const OBJECT: u8 = 12;

/// Arrays and objects nest no deeper.
pub(super) const DEPTH_MAX: usize = 1000;

/// Where a value's parts are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub kind: u8,
    /// Start of its payload.
    pub payload: usize,
    /// Behind its payload.
    pub end: usize,
}

impl Node {
    /// The payload.
    pub(super) fn bytes(self, json: &[u8]) -> &[u8] {
        json.get(self.payload..self.end).unwrap_or_default()
    }

    pub(super) fn is_empty(self) -> bool {
        self.payload == self.end
    }

    /// True for what may stand before a value in an object.
    pub(super) fn is_text(self) -> bool {
        (TEXT..=TEXTRAW).contains(&self.kind)
    }

    /// True for a text without escapes in it.
    pub(super) fn is_raw(self) -> bool {
        matches!(self.kind, TEXT | TEXTRAW)
    }
}

/// The byte at `at`; NUL behind the end.
pub(super) fn byte(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

/// The kind of the value at `at`.
pub(super) fn kind(json: &[u8], at: usize) -> u8 {
    byte(json, at) & 15
}

/// The value at `at`, whose payload lies in `json`; `None` if it does not.
pub(super) fn node(json: &[u8], at: usize) -> Option<Node> {
    let (head, size) = head(json, at)?;
    let payload = at + head;
    let end = payload.checked_add(size).filter(|end| *end <= json.len())?;
    Some(Node { kind: kind(json, at), payload, end })
}

/// Bytes of the header at `at`, and of the payload by it.
fn head(json: &[u8], at: usize) -> Option<(usize, usize)> {
    let first = *json.get(at)?;
    let wide = match first >> 4 {
        size @ 0..=11 => return Some((1, usize::from(size))),
        12 => 1,
        13 => 2,
        14 => 4,
        _ => 8,
    };
    let size = json.get(at + 1..at + 1 + wide)?;
    let size = size.iter().fold(0_u64, |size, byte| size << 8 | u64::from(*byte));
    Some((1 + wide, usize::try_from(size).ok().filter(|size| *size <= u32::MAX as usize)?))
}

/// Appends the header of a payload of `size` bytes.
pub(super) fn push_head(kind: u8, size: usize, out: &mut Vec<u8>) {
    let wide = size.to_be_bytes();
    let (code, bytes) = match size {
        0..=11 => (size as u8, 0),
        12..=0xff => (12, 1),
        0x100..=0xffff => (13, 2),
        _ => (14, 4),
    };
    out.push(code << 4 | kind);
    out.extend_from_slice(wide.get(wide.len() - bytes..).unwrap_or_default());
}

/// Appends a value.
pub(super) fn push(kind: u8, payload: &[u8], out: &mut Vec<u8>) {
    push_head(kind, payload.len(), out);
    out.extend_from_slice(payload);
}

/// Gives the header at `at` another size; the payload moves if the header grows or shrinks. Answers by how much.
pub(super) fn resize(json: &mut Vec<u8>, at: usize, size: usize) -> isize {
    let Some((old, _)) = head(json, at) else { return 0 };
    let mut new = Vec::with_capacity(9);
    push_head(kind(json, at), size, &mut new);
    let grown = new.len() as isize - old as isize;
    json.splice(at..at + old, new);
    grown
}

/// The size that the header at `at` tells, wherever the payload ends.
pub(super) fn told_size(json: &[u8], at: usize) -> usize {
    head(json, at).map_or(0, |(_, size)| size)
}

/// How many values the payload of `array` has.
pub(super) fn count(json: &[u8], array: Node) -> Option<usize> {
    let (mut at, mut found) = (array.payload, 0);
    while at < array.end {
        at = node(json, at)?.end;
        found += 1;
    }
    Some(found)
}

/// The name of a kind, as `json_type` says it.
pub(super) fn type_name(kind: u8) -> &'static str {
    match kind {
        NULL => "null",
        TRUE => "true",
        FALSE => "false",
        INT | INT5 => "integer",
        FLOAT | FLOAT5 => "real",
        TEXT..=TEXTRAW => "text",
        ARRAY => "array",
        OBJECT => "object",
        _ => "",
    }
}
