//! The engines, behind the few calls that the workloads make: each through its library's prepared statements.

use std::error::Error;
use std::path::Path;

/// What a workload asks of an engine.
pub(crate) trait Engine {
    /// Runs statements without parameters.
    fn batch(&mut self, sql: &str) -> Result<(), Box<dyn Error>>;
    /// Runs one prepared statement for each row of parameters, in one transaction.
    fn load(&mut self, sql: &str, rows: &mut dyn Iterator<Item = Row>) -> Result<(), Box<dyn Error>>;
    /// Runs a prepared query with one integer for each of `keys`, and sums up the integers of the first column.
    fn lookups(&mut self, sql: &str, keys: &mut dyn Iterator<Item = i64>) -> Result<i64, Box<dyn Error>>;
    /// Runs a query to its end: the number of rows and the last row as text.
    fn query(&mut self, sql: &str) -> Result<String, Box<dyn Error>>;
}

/// A row that is loaded.
pub(crate) struct Row {
    pub(crate) id: i64,
    pub(crate) group: i64,
    pub(crate) quantity: i64,
    pub(crate) amount: f64,
    pub(crate) discount: f64,
    pub(crate) day: String,
    pub(crate) status: &'static str,
    pub(crate) name: String,
}

/// Sedge.
pub(crate) struct Sedge {
    connection: sedge::Connection,
}

impl Sedge {
    pub(crate) fn open(path: &Path) -> Result<Sedge, Box<dyn Error>> {
        Ok(Sedge { connection: sedge::Options::new().cache_size(256 << 20).open(path)?.connect()? })
    }
}

impl Engine for Sedge {
    fn batch(&mut self, sql: &str) -> Result<(), Box<dyn Error>> {
        Ok(self.connection.execute_batch(sql)?)
    }

    fn load(&mut self, sql: &str, rows: &mut dyn Iterator<Item = Row>) -> Result<(), Box<dyn Error>> {
        let transaction = self.connection.transaction()?;
        let mut insert = transaction.prepare(sql)?;
        for row in rows {
            let Row { id, group, quantity, amount, discount, day, status, name } = row;
            insert.execute((id, group, quantity, amount, discount, day, status, name))?;
        }
        Ok(transaction.commit()?)
    }

    fn lookups(&mut self, sql: &str, keys: &mut dyn Iterator<Item = i64>) -> Result<i64, Box<dyn Error>> {
        let mut select = self.connection.prepare(sql)?;
        let mut sum = 0;
        for key in keys {
            sum += select.query_row([key], |row| row.get::<i64>(0))?;
        }
        Ok(sum)
    }

    fn query(&mut self, sql: &str) -> Result<String, Box<dyn Error>> {
        let mut select = self.connection.prepare(sql)?;
        let columns = select.column_count();
        let (mut count, mut last) = (0_u64, Vec::new());
        let mut rows = select.query(())?;
        while let Some(row) = rows.next()? {
            count += 1;
            last =
                (0..columns).map(|column| row.get(column)).collect::<sedge::Result<Vec<sedge::Value>>>()?;
        }
        let last: Vec<String> = last.iter().map(show).collect();
        Ok(format!("{count}: {}", last.join("|")))
    }
}

fn show(value: &sedge::Value) -> String {
    match value {
        sedge::Value::Integer(i) => i.to_string(),
        sedge::Value::Real(r) => format!("{r:.6e}"),
        sedge::Value::Text(t) => t.to_string(),
        other => format!("{other:?}"),
    }
}

/// SQLite in WAL mode.
pub(crate) struct Sqlite {
    connection: rusqlite::Connection,
}

impl Sqlite {
    pub(crate) fn open(path: &Path) -> Result<Sqlite, Box<dyn Error>> {
        let connection = rusqlite::Connection::open(path)?;
        // The same cache and mapping that Sedge has.
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -262144; \
             PRAGMA mmap_size = 4294967296;",
        )?;
        Ok(Sqlite { connection })
    }
}

impl Engine for Sqlite {
    fn batch(&mut self, sql: &str) -> Result<(), Box<dyn Error>> {
        Ok(self.connection.execute_batch(sql)?)
    }

    fn load(&mut self, sql: &str, rows: &mut dyn Iterator<Item = Row>) -> Result<(), Box<dyn Error>> {
        let transaction = self.connection.transaction()?;
        let mut insert = transaction.prepare(sql)?;
        for row in rows {
            let Row { id, group, quantity, amount, discount, day, status, name } = row;
            insert.execute((id, group, quantity, amount, discount, day, status, name))?;
        }
        drop(insert);
        Ok(transaction.commit()?)
    }

    fn lookups(&mut self, sql: &str, keys: &mut dyn Iterator<Item = i64>) -> Result<i64, Box<dyn Error>> {
        let mut select = self.connection.prepare(sql)?;
        let mut sum = 0;
        for key in keys {
            sum += select.query_row([key], |row| row.get::<_, i64>(0))?;
        }
        Ok(sum)
    }

    fn query(&mut self, sql: &str) -> Result<String, Box<dyn Error>> {
        use rusqlite::types::Value;
        let mut select = self.connection.prepare(sql)?;
        let columns = select.column_count();
        let (mut count, mut last) = (0_u64, Vec::new());
        let mut rows = select.query(())?;
        while let Some(row) = rows.next()? {
            count += 1;
            last = (0..columns).map(|column| row.get(column)).collect::<rusqlite::Result<Vec<Value>>>()?;
        }
        let last: Vec<String> = last
            .iter()
            .map(|value| match value {
                Value::Integer(i) => i.to_string(),
                Value::Real(r) => format!("{r:.6e}"),
                Value::Text(t) => t.clone(),
                other => format!("{other:?}"),
            })
            .collect();
        Ok(format!("{count}: {}", last.join("|")))
    }
}
