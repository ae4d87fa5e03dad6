//! Both engines over the same rows: what a statement gives in each, and whether that is the same.

use crate::family::{Effect, Statement};
use crate::generator::TABLES;
use crate::schema::SCHEMA;
use sedge::{Database, ErrorCode, Value};

/// A value, comparable to the last bit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    Null,
    Integer(i64),
    /// Its bits.
    Real(u64),
    Text(String),
    Blob(Vec<u8>),
    /// A kind of value that SQLite lacks.
    Other(String),
}

/// What a statement gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub names: Vec<String>,
    pub rows: Vec<Vec<Cell>>,
    pub changes: i64,
}

/// Why a statement failed: the class that both engines must agree on, and the message.
#[derive(Clone, Debug)]
pub struct Failure {
    pub class: Class,
    pub message: String,
}

/// The classes of errors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Class {
    /// A row that breaks a constraint, or a value that its column does not take.
    Constraint,
    /// All else that a statement's author did wrong.
    Statement,
    /// What no statement of the generator may meet: not supported, damaged, full, misused.
    Unexpected,
}

/// A difference between the engines.
#[derive(Clone, Debug)]
pub struct Difference {
    /// What differs, in a word that stays while the statement is made smaller.
    pub what: &'static str,
    /// Sedge's error, if it is one.
    pub error: Option<String>,
    /// Both sides.
    pub detail: String,
}

/// What a statement of which both sides say the same did.
#[derive(Clone, Copy)]
pub struct Outcome {
    pub accepted: bool,
    /// It gave or changed a row.
    pub moved_rows: bool,
}

pub struct Pair {
    database: Database,
    connection: sedge::Connection,
    peer: rusqlite::Connection,
}

fn failure(error: &sedge::Error) -> Failure {
    let class = match error.code() {
        ErrorCode::Constraint => Class::Constraint,
        // Of LIMIT and OFFSET.
        ErrorCode::Type | ErrorCode::Invalid if error.to_string().starts_with("datatype mismatch") => {
            Class::Constraint
        }
        ErrorCode::Syntax | ErrorCode::Name | ErrorCode::Invalid | ErrorCode::Type | ErrorCode::Misuse => {
            if error.to_string().contains("not supported yet") {
                Class::Unexpected
            } else {
                Class::Statement
            }
        }
        _ => Class::Unexpected,
    };
    Failure { class, message: error.to_string() }
}

fn peer_failure(error: &rusqlite::Error) -> Failure {
    use rusqlite::ErrorCode;
    let class = match error.sqlite_error_code() {
        Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch) => Class::Constraint,
        Some(ErrorCode::Unknown | ErrorCode::TooBig) | None => Class::Statement,
        Some(_) => Class::Unexpected,
    };
    Failure { class, message: error.to_string() }
}

impl Pair {
    /// Both with the tables that each run starts with.
    pub fn new() -> Pair {
        let pair = Pair::empty();
        for sql in SCHEMA {
            pair.connection.execute(sql, ()).unwrap_or_else(|e| panic!("{sql}: {e}"));
            pair.peer.execute(sql, ()).unwrap_or_else(|e| panic!("{sql}: {e}"));
        }
        pair
    }

    /// Both without a table.
    pub fn empty() -> Pair {
        let database = Database::open_in_memory().unwrap();
        let connection = database.connect().unwrap();
        let peer = rusqlite::Connection::open_in_memory().unwrap();
        Pair { database, connection, peer }
    }

    /// Runs a statement in both without a look at what it gives.
    pub fn replay(&self, sql: &str) {
        let (_, _) = (self.ours(sql), self.theirs(sql));
    }

    pub fn ours(&self, sql: &str) -> Result<Answer, Failure> {
        self.try_ours(sql).map_err(|e| failure(&e))
    }

    fn try_ours(&self, sql: &str) -> sedge::Result<Answer> {
        let mut statement = self.connection.prepare(sql)?;
        let names: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
        let columns = names.len();
        let mut found = Vec::new();
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let cell = |column| {
                Ok(match row.get::<Value>(column)? {
                    Value::Null => Cell::Null,
                    Value::Integer(i) => Cell::Integer(i),
                    Value::Real(r) => Cell::Real(r.to_bits()),
                    Value::Text(t) => Cell::Text(t.to_string()),
                    Value::Blob(b) => Cell::Blob(b.to_vec()),
                    other => Cell::Other(format!("{other:?}")),
                })
            };
            found.push((0..columns).map(cell).collect::<sedge::Result<Vec<_>>>()?);
        }
        drop(rows);
        Ok(Answer { names, rows: found, changes: self.connection.changes() })
    }

    fn theirs(&self, sql: &str) -> Result<Answer, Failure> {
        self.try_theirs(sql).map_err(|e| peer_failure(&e))
    }

    fn try_theirs(&self, sql: &str) -> rusqlite::Result<Answer> {
        use rusqlite::types::ValueRef;
        let mut statement = self.peer.prepare(sql)?;
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let columns = names.len();
        let mut found = Vec::new();
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let cell = |column| {
                Ok(match row.get_ref(column)? {
                    ValueRef::Null => Cell::Null,
                    ValueRef::Integer(i) => Cell::Integer(i),
                    ValueRef::Real(r) => Cell::Real(r.to_bits()),
                    ValueRef::Text(t) => Cell::Text(String::from_utf8_lossy(t).into_owned()),
                    ValueRef::Blob(b) => Cell::Blob(b.to_vec()),
                })
            };
            found.push((0..columns).map(cell).collect::<rusqlite::Result<Vec<_>>>()?);
        }
        drop(rows);
        Ok(Answer { names, rows: found, changes: self.peer.changes() as i64 })
    }

    /// Runs a statement in both and compares all there is to see.
    pub fn compare(&self, statement: &Statement) -> Result<Outcome, Difference> {
        let (us, them) = (self.ours(&statement.sql), self.theirs(&statement.sql));
        let outcome = match (us, them) {
            (Ok(us), Ok(them)) => {
                let differ = |what, us: String, them: String| {
                    let detail = format!("sedge:  {us}\nsqlite: {them}");
                    Err(Difference { what, error: None, detail })
                };
                if us.names != them.names {
                    return differ("names", format!("{:?}", us.names), format!("{:?}", them.names));
                }
                if !agree(&us.rows, &them.rows, statement) {
                    return differ("rows", shown(&us.rows), shown(&them.rows));
                }
                let changes = statement.effect != Effect::None;
                if let Effect::Table(_) = statement.effect
                    && us.changes != them.changes
                {
                    return differ("changes", us.changes.to_string(), them.changes.to_string());
                }
                let moved_rows = if changes { us.changes > 0 } else { !us.rows.is_empty() };
                Outcome { accepted: true, moved_rows }
            }
            (Err(us), Err(them)) if us.class == them.class && us.class != Class::Unexpected => {
                Outcome { accepted: false, moved_rows: false }
            }
            (us, them) => {
                let error = us.as_ref().err().map(|e| e.message.clone());
                let side = |side: Result<Answer, Failure>| match side {
                    Ok(answer) => shown(&answer.rows),
                    Err(e) => format!("{:?}: {}", e.class, e.message),
                };
                let detail = format!("sedge:  {}\nsqlite: {}", side(us), side(them));
                return Err(Difference { what: "errors", error, detail });
            }
        };
        match statement.effect {
            Effect::None => {}
            Effect::Table(table) => self.compare_table(table)?,
            Effect::All => self.compare_all()?,
        }
        Ok(outcome)
    }

    fn compare_table(&self, table: &str) -> Result<(), Difference> {
        let all = match table {
            // It has no row ids.
            "t6" => format!("SELECT * FROM {table} ORDER BY c, a DESC"),
            _ => format!("SELECT rowid, * FROM {table} ORDER BY rowid"),
        };
        let (us, them) = (self.ours(&all), self.theirs(&all));
        match (us, them) {
            (Ok(us), Ok(them)) if us.rows == them.rows => Ok(()),
            // While a failure is made smaller, tables may be gone.
            (Err(_), Err(_)) => Ok(()),
            (us, them) => {
                let side = |side: Result<Answer, Failure>| {
                    side.map_or_else(|e| e.message, |answer| shown(&answer.rows))
                };
                let detail = format!("{table} holds\nsedge:  {}\nsqlite: {}", side(us), side(them));
                Err(Difference { what: "contents", error: None, detail })
            }
        }
    }

    /// Compares what all tables hold.
    pub fn compare_all(&self) -> Result<(), Difference> {
        TABLES.iter().chain(&["t5"]).try_for_each(|table| self.compare_table(table))
    }

    /// Compares the contents at the end of a run, and has the database checked.
    pub fn finish(&self) -> Result<(), Difference> {
        self.replay("ROLLBACK");
        self.compare_all()?;
        match self.database.check().unwrap() {
            wrong if wrong.is_empty() => Ok(()),
            wrong => Err(Difference { what: "check", error: None, detail: wrong.join("\n") }),
        }
    }

    /// Narrows the freedom of Sedge's planner.
    #[cfg(feature = "testing")]
    pub fn choose_plans(&self, choices: sedge::Choices) {
        self.connection.choose_plans(choices);
    }

    /// Sedge's plan of a statement.
    pub fn plan(&self, sql: &str) -> String {
        self.ours(&format!("EXPLAIN {sql}")).map_or_else(|e| e.message, |answer| shown(&answer.rows))
    }
}

/// True if the rows are the same. Where one of several equal values stands for all of them, such as 2 and 2.0 or
/// 'a' and 'A', which of them a DISTINCT, a group, a compound or min and max give is free: there, and only there, these
/// are held for one. So is the order in which an ORDER BY gives rows of equal terms, and which of them a LIMIT leaves.
pub fn agree(us: &[Vec<Cell>], them: &[Vec<Cell>], statement: &Statement) -> bool {
    if us == them {
        return true;
    }
    if us.len() != them.len() {
        return false;
    }
    let chooses =
        ["min(", "max(", "DISTINCT", "GROUP BY", "UNION", "INTERSECT", "EXCEPT", "USING", "NATURAL"];
    let folds = chooses.iter().any(|word| statement.sql.contains(word));
    let limits = statement.is_ordered && statement.sql.contains("LIMIT");
    let exact = |rows: &[Vec<Cell>]| {
        let mut rows = rows.to_vec();
        rows.sort_unstable();
        rows
    };
    if !folds && !limits && exact(us) != exact(them) {
        return false;
    }
    let alike = |rows: &[Vec<Cell>]| {
        let mut rows: Vec<Vec<Cell>> =
            rows.iter().map(|row| row.iter().map(|cell| representative(cell, folds)).collect()).collect();
        if !statement.is_ordered || folds {
            rows.sort_unstable();
        }
        rows
    };
    (!statement.is_ordered && !folds) || alike(us) == alike(them)
}

/// The one that stands for all that are equal to a value under some collation.
fn representative(cell: &Cell, folds: bool) -> Cell {
    match cell {
        Cell::Real(bits) => {
            let real = f64::from_bits(*bits);
            // Exact up to 2^53: beyond, a real stays itself.
            if real == real.trunc() && real.abs() < 9e15 { Cell::Integer(real as i64) } else { cell.clone() }
        }
        Cell::Text(text) if folds => Cell::Text(text.trim_end_matches(' ').to_ascii_lowercase()),
        _ => cell.clone(),
    }
}

fn shown(rows: &[Vec<Cell>]) -> String {
    let cell = |cell: &Cell| match cell {
        Cell::Null => "NULL".to_owned(),
        Cell::Integer(i) => i.to_string(),
        Cell::Real(bits) => format!("{:?}", f64::from_bits(*bits)),
        Cell::Text(text) => format!("'{text}'"),
        Cell::Blob(bytes) => format!("x'{}'", bytes.iter().map(|b| format!("{b:02x}")).collect::<String>()),
        Cell::Other(text) => text.clone(),
    };
    let mut lines: Vec<String> =
        rows.iter().take(40).map(|row| row.iter().map(cell).collect::<Vec<_>>().join("|")).collect();
    if rows.len() > 40 {
        lines.push(format!(".. {} rows", rows.len()));
    }
    lines.join("\n        ")
}
