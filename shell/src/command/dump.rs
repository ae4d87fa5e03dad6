//! `.dump`: a database as the SQL that makes it again.

use crate::failure::Failure;
use crate::render::literal;
use crate::session::Session;
use std::io::{BufWriter, Write};

/// What AUTOINCREMENT counts in.
const SEQUENCE_TABLE: &str = "sqlite_sequence";

/// One object of the schema.
struct Object {
    kind: String,
    name: String,
    table: String,
    sql: Option<String>,
}

/// Prints all tables with their rows, then indexes and views; or those of `tables` alone. One read of the database:
/// what is written meanwhile is not in it.
pub(super) fn dump(session: &Session, tables: &[&str]) -> Result<(), Failure> {
    let begun = session.connection.is_autocommit();
    if begun {
        session.connection.execute("BEGIN", ())?;
    }
    let done = print(session, tables);
    if begun {
        session.connection.execute("COMMIT", ())?;
    }
    done
}

fn print(session: &Session, tables: &[&str]) -> Result<(), Failure> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let objects =
        session.connection.query("SELECT type, name, tbl_name, sql FROM sedge_schema", (), |row| {
            Ok(Object { kind: row.get(0)?, name: row.get(1)?, table: row.get(2)?, sql: row.get(3)? })
        })?;
    for table in tables {
        if !objects.iter().any(|object| object.name.eq_ignore_ascii_case(table)) {
            return Err(format!("there is no table {table}").into());
        }
    }
    let wanted = |object: &&Object| {
        let named =
            |table: &&str| [&object.table, &object.name].iter().any(|name| name.eq_ignore_ascii_case(table));
        tables.is_empty() || tables.iter().any(named)
    };
    if refers(session, &objects)? {
        // Rows may come before those that they refer to.
        writeln!(out, "PRAGMA foreign_keys=OFF;")?;
    }
    writeln!(out, "BEGIN;")?;
    let is_sequence = |object: &&Object| object.name == SEQUENCE_TABLE;
    let tables = || objects.iter().filter(wanted).filter(|object| object.kind == "table");
    for object in tables().filter(|object| !is_sequence(object)) {
        match object.name.as_str() {
            // Nobody may make it by name.
            "sqlite_stat1" => writeln!(out, "ANALYZE sqlite_schema;")?,
            _ => writeln!(out, "{};", object.sql.as_deref().unwrap_or_default())?,
        }
        rows(session, &object.name, &mut out)?;
    }
    if let Some(sequence) = tables().find(is_sequence) {
        // It came with the tables that count in it.
        writeln!(out, "DELETE FROM {SEQUENCE_TABLE};")?;
        rows(session, &sequence.name, &mut out)?;
    }
    for object in objects.iter().filter(wanted).filter(|object| object.kind != "table") {
        if let Some(sql) = &object.sql {
            writeln!(out, "{sql};")?;
        }
    }
    writeln!(out, "COMMIT;")?;
    Ok(out.flush()?)
}

/// True if one of the tables has a foreign key.
fn refers(session: &Session, objects: &[Object]) -> Result<bool, Failure> {
    for object in objects.iter().filter(|object| object.kind == "table") {
        let name = object.name.replace('"', "\"\"");
        let pragma = format!("PRAGMA foreign_key_list(\"{name}\")");
        if !session.connection.query(&pragma, (), |_| Ok(()))?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn rows(session: &Session, table: &str, out: &mut dyn Write) -> Result<(), Failure> {
    let name = format!("\"{}\"", table.replace('"', "\"\""));
    let columns = |pragma: &str| {
        session.connection.query(&format!("PRAGMA {pragma}({name})"), (), |row| row.get::<String>(1))
    };
    let given = columns("table_info")?;
    let quoted = given.iter().map(|column| format!("\"{}\"", column.replace('"', "\"\"")));
    let list = quoted.collect::<Vec<_>>().join(",");
    // Generated columns are computed again.
    let into = if columns("table_xinfo")?.len() == given.len() { String::new() } else { format!("({list})") };
    let mut select = session.connection.prepare(&format!("SELECT {list} FROM {name}"))?;
    let mut rows = select.query(())?;
    while let Some(row) = rows.next()? {
        let values = (0..row.column_count()).map(|column| row.get_ref(column).map(literal));
        writeln!(
            out,
            "INSERT INTO {name}{into} VALUES({});",
            values.collect::<sedge::Result<Vec<_>>>()?.join(",")
        )?;
    }
    Ok(())
}
