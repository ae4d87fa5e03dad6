//! Rows as a JSON array of objects, one object a line.

use sedge::ValueRef;
use std::io::{Result, Write};

pub(super) fn row(names: &[String], values: &[ValueRef<'_>], first: bool, out: &mut dyn Write) -> Result<()> {
    out.write_all(if first { b"[" } else { b",\n" })?;
    out.write_all(b"{")?;
    for (at, (name, value)) in names.iter().zip(values).enumerate() {
        if at > 0 {
            out.write_all(b",")?;
        }
        serde_json::to_writer(&mut *out, name)?;
        out.write_all(b":")?;
        match value {
            ValueRef::Null => out.write_all(b"null")?,
            // JSON has no infinities: the number that overflows to one is what other tools print, too.
            ValueRef::Real(r) if r.is_infinite() => {
                out.write_all(if *r > 0.0 { b"9e999" } else { b"-9e999" })?
            }
            ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Decimal(_) => {
                out.write_all(super::plain(*value, "").as_bytes())?;
            }
            text => serde_json::to_writer(&mut *out, &super::plain(*text, ""))?,
        }
    }
    out.write_all(b"}")
}
