//! Runs the records of one script against a fresh database.

use crate::cell::Letter;
use crate::compare::{Cells, is_hash};
use crate::engine::{self, Engine, Rows};
use crate::normalise::{is_our_label, normalise};
use sqllogictest::{
    Condition, Control, ExpectedError, QueryExpect, Record, SortMode, StatementExpect, parse_with_name,
};
use std::collections::HashMap;

/// What running one script came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Records that did what the script says.
    pub passed: usize,
    /// Records that are for others.
    pub skipped: usize,
    /// Records that did something else.
    pub failures: Vec<Failure>,
}

/// A record that did not do what its file says.
#[derive(Debug)]
pub struct Failure {
    /// Where it stands; 0 if it is about the whole file.
    pub line: u32,
    /// Its statement.
    pub sql: String,
    /// What is wrong, what was expected and what came, each on lines of its own.
    pub detail: String,
}

/// A script that cannot be run at all.
#[derive(Debug)]
pub struct Broken {
    /// Where it goes wrong; 0 if it is about the whole file.
    pub line: u32,
    /// What is wrong.
    pub detail: String,
}

/// The records of a file.
#[derive(Debug)]
pub struct Script {
    records: Vec<Record<Letter>>,
}

impl Script {
    /// Reads a file.
    ///
    /// # Errors
    /// Bytes that are no text, and records of no known form.
    pub fn parse(bytes: &[u8]) -> Result<Script, Broken> {
        let records = parse_with_name::<Letter>(&normalise(text(bytes)?), "script").map_err(|error| {
            Broken { line: error.location().line(), detail: format!("no such record: {}", error.kind()) }
        })?;
        Ok(Script { records })
    }

    /// Runs the script to its end or its `halt` on Sedge, over a fresh database in memory.
    ///
    /// # Errors
    /// The database cannot be opened.
    pub fn run(&self) -> Result<Outcome, Broken> {
        match engine::sedge() {
            Ok(mut connection) => Ok(self.run_on(&mut connection)),
            Err(error) => Err(Broken { line: 0, detail: error.to_string() }),
        }
    }

    /// Runs the script to its end or its `halt`.
    pub fn run_on(&self, engine: &mut dyn Engine) -> Outcome {
        let mut runner = Runner { engine, outcome: Outcome::default(), labels: HashMap::new(), sort: None };
        for record in &self.records {
            if !runner.record(record) {
                break;
            }
        }
        runner.outcome
    }
}

/// The script as text; one that is none cannot be run, and the line where it goes wrong is told.
fn text(bytes: &[u8]) -> Result<&str, Broken> {
    std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        Broken { line: u32::try_from(line).unwrap_or(u32::MAX), detail: "the line is not UTF-8".to_string() }
    })
}

struct Runner<'e> {
    engine: &'e mut dyn Engine,
    outcome: Outcome,
    /// The hash of the values that the first query with a label gave.
    labels: HashMap<String, String>,
    /// What `control sortmode` set.
    sort: Option<SortMode>,
}

impl Runner<'_> {
    /// Runs one record; false ends the script.
    fn record(&mut self, record: &Record<Letter>) -> bool {
        match record {
            Record::Statement { loc, conditions, sql, expected, .. } => {
                if skipped(conditions) {
                    self.outcome.skipped += 1;
                } else {
                    let verdict = self.statement(sql, expected);
                    self.tell(loc.line(), sql, verdict);
                }
            }
            Record::Query { loc, conditions, sql, expected, .. } => {
                let skip = skipped(conditions);
                let verdict = self.query(sql, expected, skip);
                if skip && verdict.is_ok() {
                    self.outcome.skipped += 1;
                } else {
                    self.tell(loc.line(), sql, verdict);
                }
            }
            Record::Control(Control::SortMode(sort)) => self.sort = Some(*sort),
            Record::Halt { .. } => return false,
            Record::System { loc, .. }
            | Record::Sleep { loc, .. }
            | Record::Include { loc, .. }
            | Record::Let { loc, .. } => {
                self.tell(loc.line(), "", Err("this kind of record is not supported".to_string()));
            }
            _ => {}
        }
        true
    }

    fn tell(&mut self, line: u32, sql: &str, verdict: Result<(), String>) {
        match verdict {
            Ok(()) => self.outcome.passed += 1,
            Err(detail) => self.outcome.failures.push(Failure { line, sql: sql.to_owned(), detail }),
        }
    }

    fn statement(&mut self, sql: &str, expected: &StatementExpect) -> Result<(), String> {
        let run = self.engine.execute(sql);
        match (expected, run) {
            (StatementExpect::Ok, Ok(())) => Ok(()),
            (StatementExpect::Count(expected), Ok(())) => {
                let changes = self.engine.changes();
                if i64::try_from(*expected) == Ok(changes) {
                    return Ok(());
                }
                Err(format!("wrong number of rows changed\nexpected: {expected}\nactual:   {changes}"))
            }
            (StatementExpect::Error(expected), Err(error)) => check_error(expected, &error.message),
            (StatementExpect::Error(_), Ok(())) => {
                Err("the statement succeeded, an error was expected".to_string())
            }
            (_, Err(error)) => Err(format!("error: {}", error.shown)),
        }
    }

    fn query(&mut self, sql: &str, expected: &QueryExpect<Letter>, skip: bool) -> Result<(), String> {
        match expected {
            QueryExpect::Error(_) if skip => Ok(()),
            QueryExpect::Error(expected) => match self.engine.query(sql, &mut Rows::new(&[])) {
                Err(error) => check_error(expected, &error.shown),
                Ok(()) => Err("the query succeeded, an error was expected".to_string()),
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
                let mut rows = Rows::new(types);
                let run = self.engine.query(sql, &mut rows);
                if let Some(error) = run.err().filter(|_| !rows.started || !results.is_empty()) {
                    return Err(format!("error: {}", error.shown));
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
