//! How a record lies in a node's heap: lengths as varints, the key behind the node's prefix, the value.
//!
//! ```text
//! table, narrow:  value length | value
//! table, wide:    value length | key, 8 bytes | value
//! index:          key length | value length | [tail page u32, tail length u32] | key rest | value
//! ```
//! A length is doubled; its lowest bit says of a key that it goes on in an overflow run (the tail), of a value
//! that the record holds only the run's first page (u32). Touches byte slices only.

use crate::page::PageId;

/// The longest varint this format uses, in bytes: lengths are below 2^31.
const VARINT_MAX: usize = 5;

/// How records of a node keep their keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// A table node whose keys differ in the lower half only: the heads are the keys.
    Narrow,
    /// A table node whose records start with their whole key.
    Wide,
    /// An index node.
    Index,
}

impl Layout {
    #[inline]
    pub(super) fn of(table: bool, prefix_length: usize) -> Layout {
        match (table, prefix_length) {
            (true, 4) => Layout::Narrow,
            (true, _) => Layout::Wide,
            (false, _) => Layout::Index,
        }
    }
}

/// How records of a node lie: their layout, and how many bytes of prefix their keys leave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) layout: Layout,
    pub(super) prefix_length: usize,
}

impl Form {
    #[inline]
    pub(super) fn of(table: bool, prefix_length: usize) -> Form {
        Form { layout: Layout::of(table, prefix_length), prefix_length }
    }
}

/// The part of a long key that lies in an overflow run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tail {
    pub(super) page: PageId,
    pub(super) length: u32,
}

/// A value as its record holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RawValue<'a> {
    Local(&'a [u8]),
    /// A run that starts at `page` and holds `length` bytes.
    Overflow {
        page: PageId,
        length: u32,
    },
}

/// A record where it lies; nothing is copied.
#[derive(Clone, Copy, Debug)]
pub(super) struct RecordRef<'a> {
    /// The prefix of the node it lies in.
    pub(super) prefix: &'a [u8],
    /// The key behind the prefix, without its tail.
    pub(super) rest: &'a [u8],
    pub(super) tail: Option<Tail>,
    pub(super) value: RawValue<'a>,
    /// The record as it is encoded behind `prefix`; empty for one that is in no node yet.
    pub(super) raw: &'a [u8],
}

impl<'a> RecordRef<'a> {
    /// A record that is in no node yet, with all of its local key in one piece.
    pub(super) fn pending(key: &'a [u8], tail: Option<Tail>, value: RawValue<'a>) -> RecordRef<'a> {
        RecordRef { prefix: &[], rest: key, tail, value, raw: &[] }
    }

    /// The page number that a branch record holds.
    pub(super) fn child(&self) -> PageId {
        match self.value {
            RawValue::Local(&[a, b, c, d]) => PageId(u32::from_le_bytes([a, b, c, d])),
            _ => PageId::NONE,
        }
    }

    /// Bytes of the key without its tail.
    pub(super) fn local_key_length(&self) -> usize {
        self.prefix.len() + self.rest.len()
    }

    /// Appends the key without its tail.
    pub(super) fn append_local_key(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.prefix);
        out.extend_from_slice(self.rest);
    }

    /// The key from byte `from` on, without its tail, in two parts.
    pub(super) fn key_from(&self, from: usize) -> (&[u8], &[u8]) {
        let cut = from.min(self.prefix.len());
        (&self.prefix[cut..], &self.rest[(from - cut).min(self.rest.len())..]) // both cuts are within
    }

    /// The byte of the local key at `index`.
    pub(super) fn key_byte(&self, index: usize) -> Option<u8> {
        self.prefix.get(index).or_else(|| self.rest.get(index.checked_sub(self.prefix.len())?)).copied()
    }

    /// The head that the record gets in a node whose prefix has `prefix_length` bytes.
    #[inline]
    pub(super) fn head(&self, prefix_length: usize) -> [u8; 4] {
        let (first, second) = self.key_from(prefix_length);
        if first.is_empty()
            && let Some(head) = second.first_chunk()
        {
            return *head;
        }
        let mut head = [0; 4];
        for (target, source) in head.iter_mut().zip(first.iter().chain(second)) {
            *target = *source;
        }
        head
    }

    /// True where the record lies in a node of this very form: its bytes can be copied as they are.
    #[inline]
    pub(super) fn has_form(&self, form: Form) -> bool {
        !self.raw.is_empty() && self.prefix.len() == form.prefix_length
    }

    /// Bytes of the record in a node of `form`.
    #[inline]
    pub(super) fn encoded_length(&self, form: Form) -> usize {
        if self.has_form(form) {
            return self.raw.len();
        }
        let (value_code, value_bytes) = self.value_code();
        let key_bytes = match form.layout {
            Layout::Narrow => 0,
            Layout::Wide => 8,
            Layout::Index => {
                let rest = self.local_key_length().saturating_sub(form.prefix_length);
                varint_length(key_code(rest, self.tail)) + rest + if self.tail.is_some() { 8 } else { 0 }
            }
        };
        varint_length(value_code) + key_bytes + value_bytes
    }

    #[inline]
    fn value_code(&self) -> (u32, usize) {
        match self.value {
            RawValue::Local(bytes) => ((bytes.len() as u32) << 1, bytes.len()),
            RawValue::Overflow { length, .. } => (length << 1 | 1, 4),
        }
    }

    /// Writes the record to `out`, which has [`RecordRef::encoded_length`] bytes.
    #[inline]
    pub(super) fn encode(&self, form: Form, out: &mut [u8]) {
        // The row of a usual table: its length in one byte or two, then its value.
        if form.layout == Layout::Narrow
            && let RawValue::Local(bytes) = self.value
        {
            return encode_narrow(bytes, out);
        }
        self.encode_any(form, out);
    }

    fn encode_any(&self, form: Form, out: &mut [u8]) {
        if self.has_form(form) {
            out.copy_from_slice(self.raw);
            return;
        }
        let mut out = Output { out, at: 0 };
        let (value_code, _) = self.value_code();
        let (first, second) = self.key_from(form.prefix_length);
        match form.layout {
            Layout::Narrow => out.varint(value_code),
            Layout::Wide => {
                out.varint(value_code);
                out.put(first);
                out.put(second);
            }
            Layout::Index => {
                out.varint(key_code(first.len() + second.len(), self.tail));
                out.varint(value_code);
                if let Some(tail) = self.tail {
                    out.put(&tail.page.0.to_le_bytes());
                    out.put(&tail.length.to_le_bytes());
                }
                if !first.is_empty() {
                    out.put(first);
                }
                out.put(second);
            }
        }
        match self.value {
            RawValue::Local(bytes) => out.put(bytes),
            RawValue::Overflow { page, .. } => out.put(&page.0.to_le_bytes()),
        }
        debug_assert_eq!(out.at, out.out.len());
    }
}

/// Bytes of the record of a row whose value stands in it, in a narrow node.
#[inline]
pub(super) fn narrow_length(value: &[u8]) -> usize {
    varint_length((value.len() as u32) << 1) + value.len()
}

/// Writes that record to `out`, which has as many bytes.
#[inline]
pub(super) fn encode_narrow(value: &[u8], out: &mut [u8]) {
    let code = (value.len() as u32) << 1;
    let (length, rest) = out.split_at_mut(varint_length(code)); // sized by narrow_length
    match length {
        [only] => *only = code as u8,
        [first, second] => (*first, *second) = (code as u8 | 0x80, (code >> 7) as u8),
        more => Output { out: more, at: 0 }.varint(code),
    }
    rest.copy_from_slice(value);
}

/// Bytes being filled from the front.
struct Output<'a> {
    out: &'a mut [u8],
    at: usize,
}

impl Output<'_> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.out[self.at..self.at + bytes.len()].copy_from_slice(bytes); // sized by encoded_length
        self.at += bytes.len();
    }

    #[inline]
    fn varint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.out[self.at] = value as u8 | 0x80; // as above
            self.at += 1;
            value >>= 7;
        }
        self.out[self.at] = value as u8; // as above
        self.at += 1;
    }
}

#[inline]
fn key_code(rest: usize, tail: Option<Tail>) -> u32 {
    (rest as u32) << 1 | u32::from(tail.is_some())
}

#[inline]
fn varint_length(value: u32) -> usize {
    match value {
        0..0x80 => 1,
        0x80..0x4000 => 2,
        0x4000..0x20_0000 => 3,
        0x20_0000..0x1000_0000 => 4,
        _ => 5,
    }
}

/// The varint at `at` and the place behind it.
#[inline]
fn varint(page: &[u8], at: usize) -> (u32, usize) {
    let first = page[at]; // records were checked when the page was first touched
    if first < 0x80 {
        return (u32::from(first), at + 1);
    }
    let mut value = u32::from(first & 0x7f);
    for index in 1..VARINT_MAX {
        let byte = page[at + index]; // as above
        value |= u32::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            return (value, at + index + 1);
        }
    }
    (value, at + VARINT_MAX)
}

#[inline]
fn read_u32(page: &[u8], at: usize) -> u32 {
    page[at..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes)) // as above
}

/// Where the parts of a record lie.
struct Parts {
    key: (usize, usize),
    tail: Option<usize>,
    value_code: u32,
    value_start: usize,
}

#[inline]
fn parts(page: &[u8], offset: usize, layout: Layout) -> Parts {
    match layout {
        Layout::Narrow | Layout::Wide => {
            let (value_code, at) = varint(page, offset);
            let key_end = if layout == Layout::Wide { at + 8 } else { at };
            Parts { key: (at, key_end), tail: None, value_code, value_start: key_end }
        }
        Layout::Index => {
            let (key_code, at) = varint(page, offset);
            let (value_code, at) = varint(page, at);
            let (tail, start) = if key_code & 1 == 1 { (Some(at), at + 8) } else { (None, at) };
            let end = start + (key_code >> 1) as usize;
            Parts { key: (start, end), tail, value_code, value_start: end }
        }
    }
}

#[inline]
fn value_end(parts: &Parts) -> usize {
    parts.value_start + if parts.value_code & 1 == 1 { 4 } else { (parts.value_code >> 1) as usize }
}

/// The record at `offset` of a verified node.
#[inline]
pub(super) fn read<'a>(
    page: &'a [u8],
    offset: usize,
    layout: Layout,
    prefix: &'a [u8],
    head: &'a [u8],
) -> RecordRef<'a> {
    let parts = parts(page, offset, layout);
    let rest = if layout == Layout::Narrow { head } else { &page[parts.key.0..parts.key.1] }; // verified
    let tail = parts.tail.map(|at| Tail { page: PageId(read_u32(page, at)), length: read_u32(page, at + 4) });
    let value = if parts.value_code & 1 == 1 {
        let page = PageId(read_u32(page, parts.value_start));
        RawValue::Overflow { page, length: parts.value_code >> 1 }
    } else {
        RawValue::Local(&page[parts.value_start..value_end(&parts)]) // verified
    };
    RecordRef { prefix, rest, tail, value, raw: &page[offset..value_end(&parts)] } // verified
}

/// The key of the record at `offset` of a verified wide or index node: what follows the prefix, and its tail.
#[inline]
pub(super) fn key_at(page: &[u8], offset: usize, layout: Layout) -> (&[u8], Option<Tail>) {
    let parts = parts(page, offset, layout);
    let tail = parts.tail.map(|at| Tail { page: PageId(read_u32(page, at)), length: read_u32(page, at + 4) });
    (&page[parts.key.0..parts.key.1], tail) // verified
}

/// The page number that the branch record at `offset` of a verified node holds.
#[inline]
pub(super) fn child_at(page: &[u8], offset: usize, layout: Layout) -> PageId {
    // The length of a page number takes one byte.
    let at = match layout {
        Layout::Narrow => offset + 1,
        Layout::Wide => offset + 9,
        Layout::Index => parts(page, offset, layout).value_start,
    };
    PageId(read_u32(page, at))
}

/// Where the value of the record at `offset` lies; `None` where it is in an overflow run.
#[inline]
pub(super) fn local_value(page: &[u8], offset: usize, layout: Layout) -> Option<(usize, usize)> {
    let parts = parts(page, offset, layout);
    (parts.value_code & 1 == 0).then(|| (parts.value_start, value_end(&parts)))
}

/// Bytes that the record at `offset` of a verified node would need without the node's prefix, at most (in a table: and
/// without its key).
pub(super) fn plain_length_at(page: &[u8], offset: usize, form: Form) -> usize {
    let parts = parts(page, offset, form.layout);
    let length = value_end(&parts) - offset;
    match form.layout {
        Layout::Narrow => length,
        Layout::Wide => length - 8,
        // A longer key may take a byte more to say its length.
        Layout::Index => length + form.prefix_length + usize::from(form.prefix_length > 0),
    }
}

/// Bytes of the record at `offset` of a verified node.
#[inline]
pub(super) fn length_at(page: &[u8], offset: usize, layout: Layout) -> usize {
    value_end(&parts(page, offset, layout)) - offset
}

/// The length of the record at `offset`, if it lies inside `heap`, whose end nothing goes beyond, with all its parts and
/// reads as a record.
#[inline]
pub(super) fn check(heap: &[u8], offset: usize, layout: Layout, branch: bool) -> Option<usize> {
    let (first, mut at) = checked_varint(heap, offset)?;
    let value_code = if layout == Layout::Index {
        let (value_code, after) = checked_varint(heap, at)?;
        at = after + if first & 1 == 1 { 8 } else { 0 } + (first >> 1) as usize;
        value_code
    } else {
        at += if layout == Layout::Wide { 8 } else { 0 };
        first
    };
    if branch && value_code != 8 {
        return None;
    }
    at = at.checked_add(if value_code & 1 == 1 { 4 } else { (value_code >> 1) as usize })?;
    (at <= heap.len()).then_some(at - offset)
}

/// The varint at `at` and the place behind it, if it ends in time and is not too great.
#[inline]
fn checked_varint(heap: &[u8], at: usize) -> Option<(u32, usize)> {
    let first = *heap.get(at)?;
    if first < 0x80 {
        return Some((u32::from(first), at + 1));
    }
    let second = *heap.get(at + 1)?;
    if second < 0x80 {
        return Some((u32::from(first & 0x7f) | u32::from(second) << 7, at + 2));
    }
    checked_long_varint(heap, at)
}

#[cold]
fn checked_long_varint(heap: &[u8], at: usize) -> Option<(u32, usize)> {
    let (mut value, mut shift) = (0u64, 0);
    for (index, byte) in heap.get(at..)?.iter().take(VARINT_MAX).enumerate() {
        value |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if *byte < 0x80 {
            return Some((u32::try_from(value).ok()?, at + index + 1));
        }
    }
    None
}
