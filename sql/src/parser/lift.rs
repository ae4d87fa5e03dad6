//! Lifting: the key under which a statement is cached, and the literals that stand apart from it.
//!
//! One pass over the bytes. In the key a run of blanks is one space, a literal is one marker byte for its kind, and
//! all else is as written: `SELECT a FROM t WHERE id = 7` gives ``SELECT a FROM t WHERE id = \x01`` and `[7]`. Signs
//! and parameters stay in the key. Every literal is lifted but two: an argument of a type name
//! (`CAST(x AS VARCHAR(10))`), which the tree keeps as text, and 9223372036854775808, which is an integer behind a
//! minus and a real elsewhere.

use super::literal::{blob_bytes, number_value, unquote};
use super::scan::{Kind, scan, skip_blanks};
use crate::value::Value;

/// Marker bytes: control characters, which begin no token, so no other text gives the same key.
const INTEGER: u8 = 1;
const REAL: u8 = 2;
const TEXT: u8 = 3;
const BLOB: u8 = 4;

/// Buffers that [`lift`] reuses from statement to statement.
#[derive(Debug, Default)]
pub struct LiftScratch {
    key: Vec<u8>,
    literals: Vec<Value>,
    places: Vec<usize>,
    scanned: Vec<Scanned>,
}

/// A token as the scan found it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scanned {
    pub kind: Kind,
    pub start: u32,
    pub end: u32,
}

/// What [`lift`] found, in the scratch buffers.
#[derive(Debug)]
pub struct LiftedRef<'a> {
    /// The cache key.
    pub key: &'a [u8],
    /// The lifted literals in order; they may be taken.
    pub literals: &'a mut Vec<Value>,
    /// The offset of each literal in the text.
    pub places: &'a [usize],
    /// The tokens, blanks and the semicolon apart.
    scanned: &'a [Scanned],
    /// The bytes of the statement in the text, its semicolon included.
    pub end: usize,
}

/// What the parser needs to put slots for literals.
#[derive(Clone, Copy, Debug)]
pub struct Slots<'a> {
    /// The lifted literals in order.
    pub literals: &'a [Value],
    /// The offset of each in the text.
    pub places: &'a [usize],
    /// The tokens of the statement, which need not be looked for again.
    pub(super) scanned: &'a [Scanned],
    /// Where it ends, its semicolon included.
    pub(super) end: usize,
}

impl LiftedRef<'_> {
    /// The literals and where they stand.
    #[must_use]
    pub fn slots(&self) -> Slots<'_> {
        Slots { literals: self.literals, places: self.places, scanned: self.scanned, end: self.end }
    }
}

/// How far a type name was read: `AS`, its words, its parenthesis.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TypeName {
    No,
    Words,
    Arguments,
}

/// Lifts the literals of the first statement of `text`, if it is a SELECT, VALUES, WITH, INSERT, REPLACE, UPDATE or
/// DELETE without a lexical error; else `None`, and the text is parsed as it is.
///
/// Numbers allocate nothing; a string or blob literal is one allocation, its value. Measured: 134 ns for a point select
/// of 38 bytes, 223 ns for an INSERT of three columns with a string, where parsing takes 2.3 and 2.0 us.
pub fn lift<'a>(text: &str, scratch: &'a mut LiftScratch) -> Option<LiftedRef<'a>> {
    let bytes = text.as_bytes();
    scratch.key.clear();
    scratch.literals.clear();
    scratch.places.clear();
    scratch.scanned.clear();
    if u32::try_from(bytes.len()).is_err() {
        return None;
    }
    let mut at = skip_blanks(bytes, 0);
    let (kind, end) = if at < bytes.len() { scan(bytes, at) } else { return None };
    if kind != Kind::Word || !is_lifted_head(&bytes[at..end]) {
        return None;
    }
    // Lengths fit: the text's does.
    let note = |scratch: &mut LiftScratch, kind, start: usize, end: usize| {
        scratch.scanned.push(Scanned { kind, start: start as u32, end: end as u32 });
    };
    note(scratch, kind, at, end);
    // What the key takes over as it is goes there in runs: from `run` to the end of the last token, `taken`.
    let (mut run, mut taken) = (at, end);
    at = end;
    let mut type_name = TypeName::No;
    while at < bytes.len() {
        let (kind, end) = scan(bytes, at);
        let token = &bytes[at..end];
        if kind == Kind::Blank {
            at = end;
            continue;
        }
        if kind == Kind::Semicolon {
            at = end;
            break;
        }
        note(scratch, kind, at, end);
        if at > taken && &bytes[taken..at] != b" " {
            scratch.key.extend_from_slice(&bytes[run..taken]);
            scratch.key.push(b' ');
            run = at;
        }
        let arguments = type_name == TypeName::Arguments;
        type_name = match (kind, type_name) {
            (Kind::Word, _) if token.eq_ignore_ascii_case(b"AS") => TypeName::Words,
            (Kind::Word | Kind::Quoted | Kind::Text, TypeName::Words) => TypeName::Words,
            (Kind::Operator, TypeName::Words) if token == b"(" => TypeName::Arguments,
            (Kind::Operator, TypeName::Arguments) if token != b")" => TypeName::Arguments,
            (Kind::Integer | Kind::Real, TypeName::Arguments) => TypeName::Arguments,
            _ => TypeName::No,
        };
        match kind {
            Kind::Illegal => return None,
            Kind::Integer | Kind::Real | Kind::Text | Kind::Blob if !arguments => {
                scratch.key.extend_from_slice(&bytes[run..at]);
                lift_literal(text.get(at..end)?, kind, at, scratch)?;
                run = end;
            }
            _ => {}
        }
        taken = end;
        at = end;
    }
    scratch.key.extend_from_slice(&bytes[run..taken]);
    let LiftScratch { key, literals, places, scanned } = scratch;
    Some(LiftedRef { key, literals, places, scanned, end: at })
}

/// Whether statements that begin with this word are lifted.
fn is_lifted_head(word: &[u8]) -> bool {
    let heads: [&[u8]; 7] = [b"SELECT", b"INSERT", b"UPDATE", b"DELETE", b"WITH", b"VALUES", b"REPLACE"];
    heads.iter().any(|head| word.eq_ignore_ascii_case(head))
}

/// Puts one literal into the scratch buffers; `None` if it has no value.
fn lift_literal(token: &str, kind: Kind, at: usize, scratch: &mut LiftScratch) -> Option<()> {
    let value = match kind {
        Kind::Text => {
            let inside = token.get(1..token.len() - 1)?;
            Value::text(if inside.contains('\'') {
                unquote(token).as_str().into()
            } else {
                Box::<str>::from(inside)
            })
        }
        Kind::Blob => Value::Blob(blob_bytes(token.get(2..token.len() - 1)?.as_bytes())),
        _ => number_value(token).ok()?,
    };
    let marker = match &value {
        Value::Real(real) if kind == Kind::Integer && *real == 9_223_372_036_854_775_808.0 => {
            scratch.key.extend_from_slice(token.as_bytes());
            return Some(());
        }
        Value::Integer(_) => INTEGER,
        Value::Text(_) => TEXT,
        Value::Blob(_) => BLOB,
        Value::Real(_) | Value::Decimal(_) | Value::Null => REAL,
    };
    scratch.key.push(marker);
    scratch.literals.push(value);
    scratch.places.push(at);
    Some(())
}
