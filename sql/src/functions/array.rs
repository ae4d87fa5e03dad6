//! Lists as one value: what stands behind `IN` without parentheses, and `array_each`, which gives its values as rows.
//!
//! A program binds a list that [`encode_array`] has made, of values of any kind; JSON arrays, as text or in the binary
//! form, are taken as well. A list begins with a byte that no binary JSON begins with.

use super::number::convert;
use super::{TableDefinition, TableFunction, TableSource, json};
use crate::decimal::Decimal;
use crate::encode::encode_value;
use crate::error::{Error, Result};
use crate::types::{Affinity, Collation};
use crate::value::{Value, ValueRef};
use rustc_hash::FxHashSet;
use std::sync::Arc;

/// The table function behind `x IN ?`.
pub const ARRAY_EACH: &str = "array_each";

/// The first byte of a list.
const LIST: u8 = 0xff;

const NULL: u8 = 0;
const INTEGER: u8 = 1;
const REAL: u8 = 2;
const DECIMAL: u8 = 3;
const TEXT: u8 = 4;
const BLOB: u8 = 5;

/// The list of these values, as the blob that is bound.
#[must_use]
pub fn encode_array<'v>(values: impl IntoIterator<Item = ValueRef<'v>>) -> Vec<u8> {
    let mut out = vec![LIST];
    for value in values {
        let (tag, bytes): (u8, &[u8]) = match value {
            ValueRef::Null => (NULL, &[]),
            ValueRef::Integer(integer) => {
                out.push(INTEGER);
                out.extend(integer.to_le_bytes());
                continue;
            }
            ValueRef::Real(real) => {
                out.push(REAL);
                out.extend(real.to_le_bytes());
                continue;
            }
            ValueRef::Decimal(decimal) => {
                let text = decimal.to_string();
                push_bytes(&mut out, DECIMAL, text.as_bytes());
                continue;
            }
            ValueRef::Text(text) => (TEXT, text),
            ValueRef::Blob(blob) => (BLOB, blob),
        };
        match tag {
            NULL => out.push(NULL),
            _ => push_bytes(&mut out, tag, bytes),
        }
    }
    out
}

fn push_bytes(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    out.extend((bytes.len() as u64).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// How a second argument of `array_each` names an affinity that its values are to have. A third one names the collation
/// by which it gives each value once. Only the planner gives these.
#[must_use]
pub fn affinity_code(affinity: Affinity) -> i64 {
    match affinity {
        Affinity::None | Affinity::Blob => 0,
        Affinity::Text => 1,
        Affinity::Numeric | Affinity::Integer | Affinity::Real => 2,
        Affinity::Decimal => 3,
    }
}

pub(super) fn table_function() -> TableFunction {
    TableFunction(Arc::new(TableDefinition {
        name: ARRAY_EACH.to_owned(),
        min_args: 1,
        max_args: 1,
        columns: vec!["value".to_owned()],
        rows: 20.0,
        source: Box::new(|| Box::new(Elements::default())),
    }))
}

/// The values of a list.
#[derive(Default)]
struct Elements {
    from: From,
    affinity: Affinity,
    /// Gives each value once, texts by this collation.
    once: Option<Collation>,
    /// The keys of those given.
    given: FxHashSet<Vec<u8>>,
}

#[derive(Default)]
enum From {
    #[default]
    Nothing,
    /// A list and the place of its next value.
    List(Vec<u8>, usize),
    /// A JSON array, by `json_each`.
    Json(Box<dyn TableSource>, Vec<Value>),
}

fn no_array(found: &str) -> Error {
    Error::Evaluation(format!("a list is needed, bound as one value or as a JSON array; this is {found}"))
}

impl TableSource for Elements {
    fn start(&mut self, args: &[ValueRef<'_>]) -> Result<()> {
        self.affinity = match args.get(1) {
            Some(ValueRef::Integer(1)) => Affinity::Text,
            Some(ValueRef::Integer(2)) => Affinity::Numeric,
            Some(ValueRef::Integer(3)) => Affinity::Decimal,
            _ => Affinity::None,
        };
        self.once = match args.get(2) {
            Some(ValueRef::Text(name)) => std::str::from_utf8(name).ok().and_then(Collation::built_in),
            _ => None,
        };
        self.given.clear();
        let value = args.first().copied().unwrap_or_default();
        let is_json = match value {
            ValueRef::Null => {
                self.from = From::Nothing;
                return Ok(());
            }
            ValueRef::Blob([LIST, ..]) => false,
            // 11 in the low half of its first byte is an array in the binary form.
            ValueRef::Blob([first, ..]) => first & 15 == 11,
            ValueRef::Text(text) => text.trim_ascii_start().first() == Some(&b'['),
            _ => false,
        };
        self.from = match value {
            ValueRef::Blob(list @ [LIST, ..]) => From::List(list.to_vec(), 1),
            _ if is_json => {
                let Some(each) = json::lookup_table("json_each") else { return Err(no_array("JSON")) };
                let mut source = (each.0.source)();
                source.start(&[value])?;
                From::Json(source, Vec::new())
            }
            ValueRef::Text(_) => return Err(no_array("another text")),
            ValueRef::Blob(_) => return Err(no_array("another blob")),
            other => return Err(no_array(other.type_name())),
        };
        Ok(())
    }

    fn next(&mut self, row: &mut Vec<Value>) -> Result<bool> {
        while let Some(value) = self.element()? {
            if let Some(collation) = self.once {
                let mut key = Vec::new();
                encode_value(&mut key, value.as_ref(), collation, false);
                if !self.given.insert(key) {
                    continue;
                }
            }
            row.push(value);
            return Ok(true);
        }
        Ok(false)
    }
}

impl Elements {
    /// The next value of the list.
    fn element(&mut self) -> Result<Option<Value>> {
        let value = match &mut self.from {
            From::Nothing => return Ok(None),
            From::List(list, at) => match list.get(*at..).unwrap_or_default() {
                [] => return Ok(None),
                rest => {
                    let (value, used) = element(rest).ok_or_else(|| no_array("a damaged list"))?;
                    *at += used;
                    value
                }
            },
            From::Json(source, parts) => {
                parts.clear();
                if !source.next(parts)? {
                    return Ok(None);
                }
                // Behind the key stands the value.
                parts.get_mut(1).map(std::mem::take).unwrap_or_default()
            }
        };
        Ok(Some(convert(value.as_ref(), self.affinity).unwrap_or(value)))
    }
}

/// The first value of what is left of a list, and the bytes it takes.
fn element(rest: &[u8]) -> Option<(Value, usize)> {
    let (tag, rest) = rest.split_first()?;
    if *tag == NULL {
        return Some((Value::Null, 1));
    }
    let word: [u8; 8] = rest.get(..8)?.try_into().ok()?;
    match *tag {
        INTEGER => return Some((Value::Integer(i64::from_le_bytes(word)), 9)),
        REAL => return Some((Value::real(f64::from_le_bytes(word)), 9)),
        _ => {}
    }
    let length = usize::try_from(u64::from_le_bytes(word)).ok()?;
    let bytes = rest.get(8..)?.get(..length)?;
    let value = match *tag {
        DECIMAL => Value::Decimal(std::str::from_utf8(bytes).ok()?.parse::<Decimal>().ok()?),
        TEXT => Value::text(std::str::from_utf8(bytes).ok()?),
        BLOB => Value::Blob(bytes.into()),
        _ => return None,
    };
    Some((value, 9 + length))
}
