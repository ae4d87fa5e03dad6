//! Modes that print a row as a line of cells, and values as plain text and as SQL literals.

use sedge::ValueRef;
use std::borrow::Cow;
use std::io::{Result, Write};
use unicode_width::UnicodeWidthStr;

/// A value as people read it; `null` stands for NULL.
pub(crate) fn plain<'v>(value: ValueRef<'v>, null: &'v str) -> Cow<'v, str> {
    match value {
        ValueRef::Null => null.into(),
        ValueRef::Integer(i) => i.to_string().into(),
        ValueRef::Real(r) => sedge::format_real(r).into(),
        ValueRef::Decimal(d) => d.to_string().into(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes),
        other => format!("{other:?}").into(),
    }
}

/// A value as a literal of SQL that gives it back.
pub(crate) fn literal(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".to_string(),
        // 9e999 overflows to the infinity it stands for.
        ValueRef::Real(r) if r.is_infinite() => if r > 0.0 { "9e999" } else { "-9e999" }.to_string(),
        ValueRef::Decimal(d) => format!("decimal('{d}')"),
        ValueRef::Text(_) => format!("'{}'", plain(value, "").replace('\'', "''")),
        ValueRef::Blob(bytes) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("x'{digits}'")
        }
        number => plain(number, "").into_owned(),
    }
}

pub(super) fn separated(
    values: &[ValueRef<'_>],
    separator: &str,
    null: &str,
    out: &mut dyn Write,
) -> Result<()> {
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            out.write_all(separator.as_bytes())?;
        }
        out.write_all(plain(*value, null).as_bytes())?;
    }
    out.write_all(b"\n")
}

/// A line of RFC 4180, quoted where a cell needs it.
pub(super) fn csv<'v>(cells: impl Iterator<Item = Cow<'v, str>>, out: &mut dyn Write) -> Result<()> {
    let mut writer =
        csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).flexible(true).from_writer(out);
    writer.write_record(cells.map(|cell| cell.into_owned()))?;
    writer.flush()
}

pub(super) fn named(
    names: &[String],
    values: &[ValueRef<'_>],
    null: &str,
    first: bool,
    out: &mut dyn Write,
) -> Result<()> {
    let width = names.iter().map(|name| name.width()).max().unwrap_or(0);
    if !first {
        writeln!(out)?;
    }
    for (name, value) in names.iter().zip(values) {
        let indent = " ".repeat(width - name.width());
        writeln!(out, "{indent}{name} = {}", plain(*value, null))?;
    }
    Ok(())
}

pub(super) fn quoted(values: &[ValueRef<'_>], out: &mut dyn Write) -> Result<()> {
    let cells: Vec<String> = values.iter().map(|value| literal(*value)).collect();
    writeln!(out, "{}", cells.join(","))
}

pub(super) fn insert(table: &str, values: &[ValueRef<'_>], out: &mut dyn Write) -> Result<()> {
    let cells: Vec<String> = values.iter().map(|value| literal(*value)).collect();
    writeln!(out, "INSERT INTO \"{table}\" VALUES({});", cells.join(","))
}
