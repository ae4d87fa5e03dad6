//! Scripts of `tests/oracle/` on Sedge and on SQLite, side by side: each statement gives the same rows under the same
//! names, or fails on both; and after each of them the counts of changes, the last row id and every table are equal.
//!
//! A statement ends with a semicolon at the end of a line, one that creates a trigger with `END;`.

#![allow(missing_docs, clippy::unwrap_used)]

use sedge::{Database, Value};
use std::path::Path;

/// Names and rows of a statement, or why it failed.
type Answer = Result<(Vec<String>, Vec<String>), String>;

fn ours(connection: &sedge::Connection, sql: &str) -> Answer {
    let mut statement = connection.prepare(sql).map_err(|e| e.to_string())?;
    let names: Vec<String> = statement.column_names().iter().map(|name| (*name).to_owned()).collect();
    let rows = statement.query(()).and_then(|mut rows| {
        rows.map_rows(|row| {
            let cells = (0..names.len()).map(|column| {
                Ok(match row.get::<Value>(column)? {
                    Value::Null => "NULL".to_owned(),
                    Value::Integer(i) => i.to_string(),
                    Value::Real(r) => format!("{r:?}"),
                    Value::Text(t) => format!("'{t}'"),
                    other => format!("{other:?}"),
                })
            });
            cells.collect::<sedge::Result<Vec<_>>>().map(|cells| cells.join("|"))
        })
    });
    Ok((names, rows.map_err(|e| e.to_string())?))
}

fn theirs(connection: &rusqlite::Connection, sql: &str) -> Answer {
    use rusqlite::types::ValueRef;
    let describe = |e: rusqlite::Error| e.to_string();
    let mut statement = connection.prepare(sql).map_err(describe)?;
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut rows = statement.query(()).map_err(describe)?;
    let mut lines = Vec::new();
    while let Some(row) = rows.next().map_err(describe)? {
        let cells = (0..names.len()).map(|column| match row.get_ref(column).unwrap() {
            ValueRef::Null => "NULL".to_owned(),
            ValueRef::Integer(i) => i.to_string(),
            ValueRef::Real(r) => format!("{r:?}"),
            ValueRef::Text(t) => format!("'{}'", String::from_utf8_lossy(t)),
            ValueRef::Blob(b) => format!("Blob({b:?})"),
        });
        lines.push(cells.collect::<Vec<_>>().join("|"));
    }
    Ok((names, lines))
}

/// The statements of a script, each with the number of its first line.
fn statements(script: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut text = String::new();
    let mut first = 0;
    for (number, line) in script.lines().enumerate() {
        if text.is_empty() {
            first = number + 1;
            if line.trim().is_empty() || line.starts_with("--") {
                continue;
            }
        }
        text.push_str(line);
        text.push('\n');
        let is_trigger = text.to_ascii_uppercase().starts_with("CREATE ")
            && text.split_whitespace().take(3).any(|word| word.eq_ignore_ascii_case("TRIGGER"));
        let ends = if is_trigger { line.trim_end() == "END;" } else { line.trim_end().ends_with(';') };
        if ends {
            found.push((first, std::mem::take(&mut text)));
        }
    }
    assert!(text.is_empty(), "the script ends within a statement: {text}");
    found
}

fn sorted(answer: &Answer) -> Answer {
    answer.clone().map(|(names, mut rows)| {
        rows.sort();
        (names, rows)
    })
}

/// Runs a script on both; what differs, a line each.
fn differences(path: &Path) -> Vec<String> {
    let script = std::fs::read_to_string(path).unwrap();
    let connection = Database::open_in_memory().unwrap().connect().unwrap();
    let peer = rusqlite::Connection::open_in_memory().unwrap();
    let mut found = Vec::new();
    let statements = statements(&script);
    assert!(!statements.is_empty(), "{} holds no statement", path.display());
    for (line, sql) in statements {
        let (us, them) = (ours(&connection, &sql), theirs(&peer, &sql));
        let mut differ = |what: &str, us: String, them: String| {
            if us != them {
                let name = path.file_name().unwrap().to_string_lossy();
                found.push(format!("{name}:{line}: {what}\n  sedge:  {us}\n  sqlite: {them}\n{sql}"));
            }
        };
        let is_ordered = sql.to_ascii_uppercase().contains("ORDER BY");
        match (if is_ordered { us } else { sorted(&us) }, if is_ordered { them } else { sorted(&them) }) {
            (Err(_), Err(_)) => {}
            (us, them) => differ("answers differ", format!("{us:?}"), format!("{them:?}")),
        }
        let counts = |changes: u64, total: u64, row_id: i64| {
            format!("changes {changes}, total {total}, row id {row_id}")
        };
        differ(
            "counts differ",
            counts(
                connection.changes() as u64,
                connection.total_changes() as u64,
                connection.last_insert_rowid(),
            ),
            counts(peer.changes(), peer.total_changes(), peer.last_insert_rowid()),
        );
        let tables =
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_s%' ORDER BY name";
        let (_, tables) = theirs(&peer, tables).unwrap();
        for table in tables {
            let table = table.trim_matches('\'').to_owned();
            let mut all = format!("SELECT rowid AS rowid, * FROM \"{table}\" ORDER BY 1");
            if theirs(&peer, &all).is_err() {
                // A table without row ids.
                all = format!("SELECT * FROM \"{table}\"");
            }
            let (us, them) = (ours(&connection, &all), theirs(&peer, &all));
            differ(&table, format!("{:?}", sorted(&us)), format!("{:?}", sorted(&them)));
        }
        // One difference makes others.
        if found.len() >= 6 {
            break;
        }
    }
    let (_, check) = ours(&connection, "PRAGMA integrity_check").unwrap();
    assert_eq!(check, ["'ok'"], "{}", path.display());
    found
}

#[test]
fn scripts_run_as_on_sqlite() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    let wanted = std::env::var("SEDGE_ORACLE_SCRIPT").unwrap_or_default();
    let paths = paths.iter().filter(|path| path.to_string_lossy().contains(&wanted));
    let found: Vec<String> = paths.flat_map(|path| differences(path)).collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}
