//! Sedge beside SQLite: seeded random statements over the same tables must change and give the same rows.
//!
//! `SEDGE_MODEL_STEPS` sets how many statements each seed runs, `SEDGE_MODEL_SEED` the first seed and
//! `SEDGE_MODEL_SEEDS` how many. A failure prints each query of its run that differed, and ends the run at the first
//! change that did.

#![allow(missing_docs, clippy::unwrap_used)]

mod generator;
mod wide;

use generator::{Generator, Random, SCHEMA, Select, TABLES};
use sedge::{Database, Value};

/// Rows as lines, or the fact that there was an error.
type Answer = Result<Vec<String>, String>;

fn ours(connection: &sedge::Connection, sql: &str) -> Answer {
    let mut statement = connection.prepare(sql).map_err(|e| e.to_string())?;
    let columns = statement.column_count();
    let lines = statement
        .query(())
        .and_then(|mut rows| {
            rows.map_rows(|row| {
                (0..columns)
                    .map(|column| {
                        Ok(match row.get::<Value>(column)? {
                            Value::Null => "NULL".to_string(),
                            Value::Integer(i) => format!("i{i}"),
                            Value::Real(r) => format!("r{r:?}"),
                            Value::Text(t) => format!("t{t}"),
                            Value::Blob(b) => format!("b{b:?}"),
                            other => format!("{other:?}"),
                        })
                    })
                    .collect::<sedge::Result<Vec<_>>>()
                    .map(|cells| cells.join("|"))
            })
        })
        .map_err(|e| e.to_string())?;
    Ok(lines)
}

fn theirs(connection: &rusqlite::Connection, sql: &str) -> Answer {
    use rusqlite::types::ValueRef;
    let describe = |e: rusqlite::Error| e.to_string();
    let mut statement = connection.prepare(sql).map_err(describe)?;
    let columns = statement.column_count();
    let mut rows = statement.query(()).map_err(describe)?;
    let mut lines = Vec::new();
    while let Some(row) = rows.next().map_err(describe)? {
        let cells: Vec<String> = (0..columns)
            .map(|column| match row.get_ref(column).unwrap() {
                ValueRef::Null => "NULL".to_string(),
                ValueRef::Integer(i) => format!("i{i}"),
                ValueRef::Real(r) => format!("r{r:?}"),
                ValueRef::Text(t) => format!("t{}", String::from_utf8_lossy(t)),
                ValueRef::Blob(b) => format!("b{b:?}"),
            })
            .collect();
        lines.push(cells.join("|"));
    }
    Ok(lines)
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn sorted(answer: Answer) -> Answer {
    answer.map(|mut lines| {
        lines.sort();
        lines
    })
}

/// Rows in which one of several equal values stands for all of them, such as 2 and 2.0: which of them a DISTINCT,
/// a group or min and max give is free, and so is their order in a sort.
fn alike(lines: &[String], select: &Select) -> Vec<String> {
    let chooses = ["min(", "max(", "DISTINCT", "GROUP BY", "UNION", "INTERSECT", "EXCEPT", "USING"];
    let folds = chooses.iter().any(|word| select.sql.contains(word));
    let cell = |cell: &str| match cell.strip_prefix('r') {
        Some("-0.0") => "i0".to_string(),
        Some(real) => format!("i{}", real.strip_suffix(".0").unwrap_or(real)),
        None if folds => cell.trim_end().to_lowercase(),
        None => cell.to_string(),
    };
    let row = |line: &String| line.split('|').map(cell).collect::<Vec<_>>().join("|");
    let mut lines: Vec<String> = lines.iter().map(row).collect();
    if folds || !select.is_ordered {
        lines.sort();
    }
    lines
}

/// Both engines over the same rows.
struct Pair {
    database: Database,
    connection: sedge::Connection,
    peer: rusqlite::Connection,
    /// What differed.
    found: Vec<String>,
}

impl Pair {
    fn new() -> Pair {
        let database = Database::open_in_memory().unwrap();
        let connection = database.connect().unwrap();
        let peer = rusqlite::Connection::open_in_memory().unwrap();
        for sql in SCHEMA {
            connection.execute(sql, ()).unwrap_or_else(|e| panic!("{sql}: {e}"));
            peer.execute(sql, ()).unwrap();
        }
        Pair { database, connection, peer, found: Vec::new() }
    }

    fn compare(&mut self, select: &Select, place: &str) {
        let sql = &select.sql;
        let (mut us, mut them) = (ours(&self.connection, sql), theirs(&self.peer, sql));
        if !select.is_ordered {
            (us, them) = (sorted(us), sorted(them));
        }
        let agree = match (&us, &them) {
            (Ok(us), Ok(them)) => us == them || alike(us, select) == alike(them, select),
            (Err(us), Err(_)) => !us.contains("misuse"),
            _ => false,
        };
        if !agree {
            let plan = ours(&self.connection, &format!("EXPLAIN {sql}")).map(|lines| lines.join("\n"));
            let plan = plan.unwrap_or_else(|e| e);
            self.found.push(format!("{place}: {sql}\nsedge: {us:?}\nsqlite: {them:?}\nplan:\n{plan}"));
        }
    }

    /// Runs a change in both; how many rows it changed, or nothing where the engines part.
    fn change(&mut self, sql: &str, place: &str) -> Option<u64> {
        let us = self.connection.execute(sql, ()).map_err(|e| e.to_string());
        let them = self.peer.execute(sql, ());
        let agree = match (&us, &them) {
            // After COMMIT and the like the peer still counts the statement before it.
            (Ok(us), Ok(them)) => us == them || !sql.contains(" t"),
            (Err(_), Err(_)) => true,
            _ => false,
        };
        if !agree {
            self.found.push(format!("{place}: {sql}\nsedge: {us:?}\nsqlite: {them:?}"));
            return None;
        }
        for table in TABLES {
            let all = format!("SELECT rowid, * FROM {table} ORDER BY rowid");
            let (ours, theirs) = (ours(&self.connection, &all), theirs(&self.peer, &all));
            if ours != theirs {
                self.found.push(format!(
                    "{place}: {table} after {sql} ({us:?})\nsedge: {ours:?}\nsqlite: {theirs:?}"
                ));
                return None;
            }
        }
        Some(us.unwrap_or(0) as u64)
    }
}

fn run(seed: u64) -> Vec<String> {
    let mut pair = Pair::new();
    let mut generator = Generator(Random(seed));
    let mut changes = 0;
    for step in 0..setting("SEDGE_MODEL_STEPS", 1500) {
        let place = format!("seed {seed} step {step}");
        if step < 80 || generator.0.one_in(4) {
            let sql = if step >= 80 && generator.0.one_in(4) {
                generator.transaction().to_string()
            } else {
                generator.change()
            };
            let Some(changed) = pair.change(&sql, &place) else { break };
            changes += u64::from(changed > 0);
        } else {
            let mut select = match generator.0.below(8) {
                0 | 1 => generator.ordered_scan(),
                2 => generator.rare_select(),
                _ => generator.select(),
            };
            pair.compare(&select, &place);
            // Ordinals are no literals.
            if generator.0.one_in(4)
                && !select.sql.contains("GROUP BY")
                && !select.sql.contains("ORDER BY 1")
                && !select.sql.contains(" COLLATE BINARY")
            {
                select.sql = generator.with_other_literals(&select.sql);
                pair.compare(&select, &place);
            }
        }
        if pair.found.len() >= 6 {
            break;
        }
    }
    if pair.found.is_empty() {
        assert!(changes > 20, "seed {seed} changed next to nothing");
        let _ = pair.connection.execute("ROLLBACK", ());
        pair.found
            .extend(pair.database.check().unwrap().into_iter().map(|wrong| format!("seed {seed}: {wrong}")));
    }
    pair.found
}

#[test]
fn random_statements_agree_with_sqlite() {
    let first = setting("SEDGE_MODEL_SEED", 1);
    let found: Vec<String> = (first..first + setting("SEDGE_MODEL_SEEDS", 4)).flat_map(run).collect();
    assert!(found.is_empty(), "{}", found.join("\n\n"));
}
