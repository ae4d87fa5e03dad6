//! Commands that tell what the database holds.

use crate::failure::Failure;
use crate::session::Session;
use sedge::params;
use std::io::Write;
use unicode_width::UnicodeWidthStr;

/// How wide a list of names is printed.
const LIST_COLUMNS: usize = 80;

pub(super) fn tables(session: &Session, out: &mut dyn Write) -> Result<(), Failure> {
    let sql = "SELECT name FROM sedge_schema WHERE type IN ('table', 'view') ORDER BY name";
    let names = session.connection.query(sql, (), |row| row.get::<String>(0))?;
    let width = names.iter().map(|name| name.width()).max().unwrap_or(0) + 2;
    for line in names.chunks((LIST_COLUMNS / width).max(1)) {
        let cells: String =
            line.iter().map(|name| format!("{name}{}", " ".repeat(width - name.width()))).collect();
        writeln!(out, "{}", cells.trim_end())?;
    }
    Ok(())
}

pub(super) fn indexes(session: &Session, table: Option<&str>, out: &mut dyn Write) -> Result<(), Failure> {
    let sql = "SELECT name FROM sedge_schema WHERE type = 'index' AND (?1 IS NULL OR lower(tbl_name) = lower(?1)) \
               ORDER BY name";
    let names = session.connection.query(sql, params![table], |row| row.get::<String>(0))?;
    Ok(names.iter().try_for_each(|name| writeln!(out, "{name}"))?)
}

pub(super) fn schema(session: &Session, name: Option<&str>, out: &mut dyn Write) -> Result<(), Failure> {
    let sql = "SELECT sql FROM sedge_schema WHERE sql IS NOT NULL \
               AND (?1 IS NULL OR lower(tbl_name) = lower(?1) OR lower(name) = lower(?1))";
    let texts = session.connection.query(sql, params![name], |row| row.get::<String>(0))?;
    Ok(texts.iter().try_for_each(|text| writeln!(out, "{text};"))?)
}
