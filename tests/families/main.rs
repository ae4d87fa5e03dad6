//! Whole families of SQL beside SQLite: fixed statements that show each rule, and seeded random ones.
//!
//! `SEDGE_MODEL_STEPS` sets how many random statements each family runs, `SEDGE_MODEL_SEED` the seed.

#![allow(missing_docs, clippy::unwrap_used)]

mod recursive;
mod table_functions;
mod window;

use sedge::{Database, Value};

/// Rows as lines, or the fact that there was an error.
type Answer = Result<Vec<String>, String>;

/// A small generator of random numbers (splitmix64): the same everywhere for a seed.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len() as u64) as usize]
    }
}

pub fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Both engines over the same rows.
pub struct Pair {
    connection: sedge::Connection,
    peer: rusqlite::Connection,
    found: Vec<String>,
    asked: usize,
}

impl Pair {
    /// Both with the tables that `schema` makes.
    pub fn new(schema: &[&str]) -> Pair {
        let connection = Database::open_in_memory().unwrap().connect().unwrap();
        let peer = rusqlite::Connection::open_in_memory().unwrap();
        for sql in schema {
            connection.execute(sql, ()).unwrap_or_else(|e| panic!("{sql}: {e}"));
            peer.execute(sql, ()).unwrap();
        }
        Pair { connection, peer, found: Vec::new(), asked: 0 }
    }

    fn ours(&self, sql: &str) -> Answer {
        let mut statement = self.connection.prepare(sql).map_err(|e| e.to_string())?;
        let columns = statement.column_count();
        let mut rows = statement.query(()).map_err(|e| e.to_string())?;
        rows.map_rows(|row| {
            let cells = (0..columns).map(|column| Ok(shown(row.get::<Value>(column)?)));
            cells.collect::<sedge::Result<Vec<_>>>().map(|cells| cells.join("|"))
        })
        .map_err(|e| e.to_string())
    }

    fn theirs(&self, sql: &str) -> Answer {
        use rusqlite::types::ValueRef;
        let describe = |e: rusqlite::Error| match e {
            rusqlite::Error::SqlInputError { msg, .. } => msg,
            other => other.to_string(),
        };
        let mut statement = self.peer.prepare(sql).map_err(describe)?;
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
                    ValueRef::Blob(b) => format!("b{b:02x?}"),
                })
                .collect();
            lines.push(cells.join("|"));
        }
        Ok(lines)
    }

    /// Runs a query in both; the rows must be the same, in the same order.
    pub fn same(&mut self, sql: &str) {
        self.compare(sql, |lines| lines);
    }

    /// As [`Pair::same`], in any order.
    pub fn same_rows(&mut self, sql: &str) {
        self.compare(sql, |mut lines| {
            lines.sort();
            lines
        });
    }

    fn compare(&mut self, sql: &str, order: impl Fn(Vec<String>) -> Vec<String>) {
        self.asked += 1;
        if std::env::var_os("SEDGE_MODEL_TRACE").is_some() {
            eprintln!("{sql}");
        }
        let (us, them) = (self.ours(sql).map(&order), self.theirs(sql).map(&order));
        let agree = match (&us, &them) {
            (Ok(us), Ok(them)) => us == them,
            (Err(us), Err(_)) => !us.contains("misuse:") && !us.contains("not supported yet"),
            _ => false,
        };
        if !agree {
            self.found.push(format!("{sql}\nsedge:  {us:?}\nsqlite: {them:?}"));
        }
    }

    /// Both must refuse, and with this message.
    pub fn refused(&mut self, sql: &str, message: &str) {
        self.asked += 1;
        let (us, them) = (self.ours(sql), self.theirs(sql));
        let fits = |answer: &Answer| answer.as_ref().is_err_and(|error| error.contains(message));
        if !fits(&us) || !fits(&them) {
            self.found.push(format!("{sql}\nwanted: {message}\nsedge:  {us:?}\nsqlite: {them:?}"));
        }
    }

    /// Runs a change in both; it must succeed in both or in neither.
    pub fn change(&mut self, sql: &str) {
        let (us, them) = (self.connection.execute(sql, ()), self.peer.execute(sql, ()));
        if us.is_ok() != them.is_ok() {
            self.found.push(format!("{sql}\nsedge:  {us:?}\nsqlite: {them:?}"));
        }
    }

    /// True once there is enough to read.
    pub fn is_done(&self) -> bool {
        self.found.len() >= 12
    }

    pub fn finish(self) {
        assert!(self.asked > 0, "nothing was compared");
        assert!(self.found.is_empty(), "{} differ:\n\n{}", self.found.len(), self.found.join("\n\n"));
    }
}

fn shown(value: Value) -> String {
    match value {
        Value::Null => "NULL".to_string(),
        Value::Integer(i) => format!("i{i}"),
        Value::Real(r) => format!("r{r:?}"),
        Value::Text(t) => format!("t{t}"),
        Value::Blob(b) => format!("b{b:02x?}"),
        other => format!("{other:?}"),
    }
}
