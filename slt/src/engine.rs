//! What runs the statements of a script, and Sedge as one of those.

use crate::cell::{Letter, render};
use sedge::{Connection, Database, Error, ValueRef};

/// A connection to a fresh database.
pub trait Engine {
    /// Runs statements to their end.
    ///
    /// # Errors
    /// Why the engine refused.
    fn execute(&mut self, sql: &str) -> Result<(), Refusal>;

    /// How many rows the last change changed.
    fn changes(&self) -> i64;

    /// Runs a query: says how many columns it has, then gives its values row by row.
    ///
    /// # Errors
    /// Why the engine refused; the rows before that are kept.
    fn query(&mut self, sql: &str, rows: &mut Rows<'_>) -> Result<(), Refusal>;
}

/// An error of an engine.
#[derive(Debug)]
pub struct Refusal {
    /// The message.
    pub message: String,
    /// The message for a reader, the place in the statement with it.
    pub shown: String,
}

/// The printed values of a query.
#[derive(Debug)]
pub struct Rows<'t> {
    types: &'t [Letter],
    pub(crate) columns: usize,
    pub(crate) values: Vec<String>,
    /// True once the query was accepted: an error after that was one of evaluation.
    pub(crate) started: bool,
}

impl<'t> Rows<'t> {
    pub(crate) fn new(types: &'t [Letter]) -> Rows<'t> {
        Rows { types, columns: 0, values: Vec::new(), started: false }
    }

    /// The query was accepted and has so many columns.
    pub fn start(&mut self, columns: usize) {
        (self.columns, self.started) = (columns, true);
    }

    /// The value of the next column.
    pub fn push(&mut self, column: usize, value: ValueRef<'_>) {
        let letter = self.types.get(column).copied().unwrap_or(Letter::Text);
        self.values.push(render(value, letter));
    }
}

impl Refusal {
    fn of(error: &Error, sql: &str) -> Refusal {
        Refusal { message: error.to_string(), shown: error.display_in(sql).to_string() }
    }
}

impl Engine for Connection {
    fn execute(&mut self, sql: &str) -> Result<(), Refusal> {
        self.execute_batch(sql).map_err(|error| Refusal::of(&error, sql))
    }

    fn changes(&self) -> i64 {
        Connection::changes(self)
    }

    fn query(&mut self, sql: &str, rows: &mut Rows<'_>) -> Result<(), Refusal> {
        fill(self, sql, rows).map_err(|error| Refusal::of(&error, sql))
    }
}

fn fill(connection: &Connection, sql: &str, out: &mut Rows<'_>) -> sedge::Result<()> {
    let mut statement = connection.prepare(sql)?;
    out.start(statement.column_count());
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        for column in 0..row.column_count() {
            out.push(column, row.get_ref(column)?);
        }
    }
    Ok(())
}

/// Sedge over a fresh database in memory.
///
/// # Errors
/// Those of opening it.
pub(crate) fn sedge() -> sedge::Result<Connection> {
    let connection = Database::open_in_memory()?.connect()?;
    // The files were written for SQLite, which starts so.
    connection.execute("PRAGMA foreign_keys = OFF", ())?;
    Ok(connection)
}
