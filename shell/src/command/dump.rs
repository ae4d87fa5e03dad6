//! `.dump`: a database as the SQL that makes it again.

use crate::failure::Failure;
use crate::render::literal;
use crate::session::Session;
use std::io::{BufWriter, Write};

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
    writeln!(out, "BEGIN;")?;
    for object in objects.iter().filter(wanted).filter(|object| object.kind == "table") {
        writeln!(out, "{};", object.sql.as_deref().unwrap_or_default())?;
        rows(session, &object.name, &mut out)?;
    }
    for object in objects.iter().filter(wanted).filter(|object| object.kind != "table") {
        if let Some(sql) = &object.sql {
            writeln!(out, "{sql};")?;
        }
    }
    writeln!(out, "COMMIT;")?;
    Ok(out.flush()?)
}

fn rows(session: &Session, table: &str, out: &mut dyn Write) -> Result<(), Failure> {
    let name = format!("\"{}\"", table.replace('"', "\"\""));
    let mut select = session.connection.prepare(&format!("SELECT * FROM {name}"))?;
    let mut rows = select.query(())?;
    while let Some(row) = rows.next()? {
        let values = (0..row.column_count()).map(|column| row.get_ref(column).map(literal));
        writeln!(
            out,
            "INSERT INTO {name} VALUES({});",
            values.collect::<sedge::Result<Vec<_>>>()?.join(",")
        )?;
    }
    Ok(())
}
