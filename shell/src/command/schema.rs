//! Commands that tell what the database holds.

use crate::failure::Failure;
use crate::session::Session;
use sedge::params;
use std::io::Write;
use unicode_width::UnicodeWidthStr;

/// How wide a list of names is printed.
const LIST_COLUMNS: usize = 80;

/// The databases of the connection, by name, and their files: main, temp if there is one, the attached ones.
fn names(session: &Session) -> Result<Vec<(String, String)>, Failure> {
    Ok(session.connection.query("PRAGMA database_list", (), |row| Ok((row.get(1)?, row.get(2)?)))?)
}

/// An identifier that may hold anything, as SQL.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// What to write before the name of an object of `database`: nothing in main.
fn prefix(database: &str) -> String {
    let is_word = database.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !database.starts_with(|c: char| c.is_ascii_digit());
    match database {
        "main" => String::new(),
        name if is_word => format!("{name}."),
        name => format!("{}.", quoted(name)),
    }
}

pub(super) fn databases(session: &Session, out: &mut dyn Write) -> Result<(), Failure> {
    for (name, file) in names(session)? {
        let file = if file.is_empty() { "\"\"" } else { &file };
        writeln!(out, "{name}: {file}")?;
    }
    Ok(())
}

pub(super) fn tables(session: &Session, out: &mut dyn Write) -> Result<(), Failure> {
    let mut found = Vec::new();
    for (database, _) in names(session)? {
        let sql = format!(
            "SELECT name FROM {}.sedge_schema WHERE type IN ('table', 'view') ORDER BY name",
            quoted(&database)
        );
        let prefix = prefix(&database);
        found.extend(session.connection.query(
            &sql,
            (),
            |row| Ok(prefix.clone() + &row.get::<String>(0)?),
        )?);
    }
    let width = found.iter().map(|name| name.width()).max().unwrap_or(0) + 2;
    for line in found.chunks((LIST_COLUMNS / width).max(1)) {
        let cells: String =
            line.iter().map(|name| format!("{name}{}", " ".repeat(width - name.width()))).collect();
        writeln!(out, "{}", cells.trim_end())?;
    }
    Ok(())
}

pub(super) fn indexes(session: &Session, table: Option<&str>, out: &mut dyn Write) -> Result<(), Failure> {
    for (database, _) in names(session)? {
        let sql = format!(
            "SELECT name FROM {}.sedge_schema WHERE type = 'index' \
             AND (?1 IS NULL OR lower(tbl_name) = lower(?1)) ORDER BY name",
            quoted(&database)
        );
        let prefix = prefix(&database);
        for name in session.connection.query(&sql, params![table], |row| row.get::<String>(0))? {
            writeln!(out, "{prefix}{name}")?;
        }
    }
    Ok(())
}

pub(super) fn schema(session: &Session, name: Option<&str>, out: &mut dyn Write) -> Result<(), Failure> {
    for (database, _) in names(session)? {
        let sql = format!(
            "SELECT sql FROM {}.sedge_schema WHERE sql IS NOT NULL \
             AND (?1 IS NULL OR lower(tbl_name) = lower(?1) OR lower(name) = lower(?1))",
            quoted(&database)
        );
        let prefix = prefix(&database);
        for text in session.connection.query(&sql, params![name], |row| row.get::<String>(0))? {
            writeln!(out, "{};", in_database(&text, &prefix))?;
        }
    }
    Ok(())
}

/// A text of the schema with the database before the name that it makes: the schema keeps it without.
fn in_database(text: &str, prefix: &str) -> String {
    const HEADS: [&str; 5] =
        ["CREATE TABLE ", "CREATE INDEX ", "CREATE UNIQUE INDEX ", "CREATE VIEW ", "CREATE TRIGGER "];
    let head = HEADS.into_iter().find_map(|head| Some((head, text.strip_prefix(head)?)));
    head.map_or_else(|| text.to_owned(), |(head, rest)| format!("{head}{prefix}{rest}"))
}
