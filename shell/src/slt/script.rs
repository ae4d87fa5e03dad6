//! Runs the records of one script against a fresh database in memory.

use super::cell::{Letter, render};
use super::compare::{Cells, is_hash};
use super::normalise::{is_our_label, normalise};
use super::{Failure, Outcome};
use sedge::{Connection, Database};
use sqllogictest::{
    Condition, Control, ExpectedError, QueryExpect, Record, SortMode, StatementExpect, parse_with_name,
};
use std::collections::HashMap;

/// A script that cannot be run at all.
pub(super) struct Broken {
    pub(super) line: u32,
    pub(super) detail: String,
}

/// Runs a script to its end or its `halt`.
pub(super) fn run(script: &str) -> Result<Outcome, Broken> {
    let records = parse_with_name::<Letter>(&normalise(script), "script").map_err(|error| Broken {
        line: error.location().line(),
        detail: format!("no such record: {}", error.kind()),
    })?;
    let open = Database::open_in_memory().and_then(|database| {
        let connection = database.connect()?;
        // The files were written for SQLite, which starts so.
        connection.execute("PRAGMA foreign_keys = OFF", ())?;
        Ok(connection)
    });
    let connection = open.map_err(|error| Broken { line: 0, detail: error.to_string() })?;
    let mut runner = Runner { connection, outcome: Outcome::default(), labels: HashMap::new(), sort: None };
    for record in records {
        if !runner.record(record) {
            break;
        }
    }
    Ok(runner.outcome)
}

struct Runner {
    connection: Connection,
    outcome: Outcome,
    /// The hash of the values that the first query with a label gave.
    labels: HashMap<String, String>,
    /// What `control sortmode` set.
    sort: Option<SortMode>,
}

impl Runner {
    /// Runs one record; false ends the script.
    fn record(&mut self, record: Record<Letter>) -> bool {
        match record {
            Record::Statement { loc, conditions, sql, expected, .. } => {
                if skipped(&conditions) {
                    self.outcome.skipped += 1;
                } else {
                    let verdict = self.statement(&sql, &expected);
                    self.tell(loc.line(), sql, verdict);
                }
            }
            Record::Query { loc, conditions, sql, expected, .. } => {
                let skip = skipped(&conditions);
                let verdict = self.query(&sql, &expected, skip);
                if skip && verdict.is_ok() {
                    self.outcome.skipped += 1;
                } else {
                    self.tell(loc.line(), sql, verdict);
                }
            }
            Record::Control(Control::SortMode(sort)) => self.sort = Some(sort),
            Record::Halt { .. } => return false,
            Record::System { loc, .. }
            | Record::Sleep { loc, .. }
            | Record::Include { loc, .. }
            | Record::Let { loc, .. } => {
                self.tell(loc.line(), String::new(), Err("this kind of record is not supported".to_string()));
            }
            _ => {}
        }
        true
    }

    fn tell(&mut self, line: u32, sql: String, verdict: Result<(), String>) {
        match verdict {
            Ok(()) => self.outcome.passed += 1,
            Err(detail) => self.outcome.failures.push(Failure { line, sql, detail }),
        }
    }

    fn statement(&self, sql: &str, expected: &StatementExpect) -> Result<(), String> {
        let run = self.connection.execute_batch(sql);
        match (expected, run) {
            (StatementExpect::Ok, Ok(())) => Ok(()),
            (StatementExpect::Count(expected), Ok(())) => {
                let changes = self.connection.changes();
                if i64::try_from(*expected) == Ok(changes) {
                    return Ok(());
                }
                Err(format!("wrong number of rows changed\nexpected: {expected}\nactual:   {changes}"))
            }
            (StatementExpect::Error(expected), Err(error)) => check_error(expected, &error.to_string()),
            (StatementExpect::Error(_), Ok(())) => {
                Err("the statement succeeded, an error was expected".to_string())
            }
            (_, Err(error)) => Err(format!("error: {}", error.display_in(sql))),
        }
    }

    fn query(&mut self, sql: &str, expected: &QueryExpect<Letter>, skip: bool) -> Result<(), String> {
        match expected {
            QueryExpect::Error(_) if skip => Ok(()),
            QueryExpect::Error(expected) => match self.rows(sql, &[]) {
                Rows { error: Some(error), .. } => check_error(expected, &error),
                _ => Err("the query succeeded, an error was expected".to_string()),
            },
            QueryExpect::Results { types, sort_mode, label, results, .. } => {
                let sort = sort_mode.or(self.sort);
                if skip {
                    // What the file expects of a skipped query still has to agree with its label.
                    let hash = match results.as_slice() {
                        [line] if is_hash(line) => line.clone(),
                        _ => Cells::new(results.clone(), types.len(), None).hash(),
                    };
                    return self.agree(label.as_deref(), hash);
                }
                let rows = self.rows(sql, types);
                if let Some(error) = rows.error.filter(|_| !rows.started || !results.is_empty()) {
                    return Err(format!("error: {error}"));
                }
                if rows.columns != types.len() && rows.started {
                    let detail = "wrong number of columns\nexpected";
                    return Err(format!("{detail}: {}\nactual:   {}", types.len(), rows.columns));
                }
                let cells = Cells::new(rows.values, types.len(), sort);
                cells.check(results)?;
                self.agree(label.as_deref(), cells.hash())
            }
        }
    }

    /// Queries with the same label give the same values.
    fn agree(&mut self, label: Option<&str>, hash: String) -> Result<(), String> {
        let Some(label) = label else { return Ok(()) };
        let first = self.labels.entry(label.to_string()).or_insert_with(|| hash.clone());
        if *first == hash {
            return Ok(());
        }
        Err(format!("other values than the first query labelled {label}\nfirst: {first}\nthis:  {hash}"))
    }

    fn rows(&self, sql: &str, types: &[Letter]) -> Rows {
        let mut rows = Rows { columns: 0, values: Vec::new(), started: false, error: None };
        if let Err(error) = rows.fill(&self.connection, sql, types) {
            rows.error = Some(error.display_in(sql).to_string());
        }
        rows
    }
}

/// The printed values of a query, and the error that ended it.
struct Rows {
    columns: usize,
    values: Vec<String>,
    /// True once the query was accepted: an error after that was one of evaluation.
    started: bool,
    error: Option<String>,
}

impl Rows {
    fn fill(&mut self, connection: &Connection, sql: &str, types: &[Letter]) -> sedge::Result<()> {
        let mut statement = connection.prepare(sql)?;
        self.columns = statement.column_count();
        self.started = true;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            for column in 0..row.column_count() {
                let letter = types.get(column).copied().unwrap_or(Letter::Text);
                self.values.push(render(row.get_ref(column)?, letter));
            }
        }
        Ok(())
    }
}

fn skipped(conditions: &[Condition]) -> bool {
    conditions.iter().any(|condition| match condition {
        Condition::SkipIf { label } => is_our_label(label),
        Condition::OnlyIf { label } => !is_our_label(label),
    })
}

fn check_error(expected: &ExpectedError, message: &str) -> Result<(), String> {
    if expected.is_match(message, None) {
        return Ok(());
    }
    Err(format!("wrong error\nexpected: {expected:?}\nactual:   {message}"))
}
