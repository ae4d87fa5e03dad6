//! `.import`: CSV into a table, in one transaction.

use crate::failure::Failure;
use crate::session::Session;
use sedge::{Connection, ConstraintKind, Value, params_from_iter};

/// How many records are loaded between two looks at Ctrl-C.
const RECORDS_PER_CHECK: u64 = 1024;

/// `.import [--csv] [--skip N] FILE TABLE`.
pub(crate) fn run(session: &Session, arguments: &[&str]) -> Result<(), Failure> {
    let mut skip = 0;
    let mut names = Vec::new();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match *word {
            // The one format there is; other shells need it said.
            "--csv" | "-csv" => {}
            "--skip" | "-skip" => {
                let count = words.next().and_then(|count| count.parse().ok());
                skip = count.ok_or("--skip takes the number of lines to leave out")?;
            }
            option if option.starts_with('-') => return Err(format!("there is no option {option}").into()),
            name => names.push(name),
        }
    }
    let [file, table] = names.as_slice() else {
        return Err("usage: .import [--csv] [--skip N] FILE TABLE".into());
    };
    let text = std::fs::read(file).map_err(|error| format!("{file}: {error}"))?;
    let import =
        Import { session, file, text: text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text), skip, table };
    let connection = &session.connection;
    let sql = |sql: &str| connection.execute(sql, ());
    let own = connection.is_autocommit();
    sql(if own { "BEGIN IMMEDIATE" } else { "SAVEPOINT import" })?;
    let loaded = import.load();
    match (&loaded, own) {
        (Ok(()), true) => sql("COMMIT")?,
        (Ok(()), false) => sql("RELEASE import")?,
        // A conflict clause of the table may have rolled back already.
        (Err(_), _) if connection.is_autocommit() => 0,
        (Err(_), true) => sql("ROLLBACK")?,
        (Err(_), false) => {
            sql("ROLLBACK TO import")?;
            sql("RELEASE import")?
        }
    };
    loaded
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// One file on its way into one table.
struct Import<'a> {
    session: &'a Session,
    file: &'a str,
    text: &'a [u8],
    /// Lines to leave out.
    skip: usize,
    table: &'a str,
}

impl Import<'_> {
    /// Loads the records. A table that is missing is made with TEXT columns named by the first record.
    fn load(&self) -> Result<(), Failure> {
        let connection = &self.session.connection;
        let start =
            self.text.split_inclusive(|byte| *byte == b'\n').take(self.skip).map(<[u8]>::len).sum::<usize>();
        let text = &self.text[start..];
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text);
        let mut record = csv::ByteRecord::new();
        let broken = |error: csv::Error| format!("{}: {error}", self.file);
        let mut columns = columns(connection, self.table)?;
        if columns.is_empty() {
            if !reader.read_byte_record(&mut record).map_err(broken)? {
                return Err(format!("{}: there is no line that could name the columns", self.file).into());
            }
            columns = self.create(&record)?;
        }
        let places = vec!["?"; columns.len()].join(", ");
        let mut insert =
            connection.prepare(&format!("INSERT INTO {} VALUES ({places})", quote(self.table)))?;
        let mut values: Vec<Value> = Vec::with_capacity(columns.len());
        let mut records = 0;
        while reader.read_byte_record(&mut record).map_err(broken)? {
            let place = record.position();
            let line = place.map_or(0, csv::Position::line) + self.skip as u64;
            let fail = |message: String| Err(format!("{}:{line}: {message}", self.file).into());
            if record.len() != columns.len() {
                let (fields, table, columns) = (record.len(), self.table, columns.len());
                return fail(format!(
                    "the number of fields is {fields}, table {table} has {columns} columns"
                ));
            }
            values.clear();
            for (at, (field, is_text)) in record.iter().zip(&columns).enumerate() {
                let raw = place
                    .and_then(|place| text.get(usize::try_from(place.byte()).ok()?..))
                    .unwrap_or_default();
                if field.is_empty() && !is_text && !is_quoted(raw, at) {
                    values.push(Value::Null);
                } else {
                    match std::str::from_utf8(field) {
                        Ok(field) => values.push(Value::text(field)),
                        Err(_) => return fail(format!("field {} is not UTF-8", at + 1)),
                    }
                }
            }
            if let Err(error) = insert.execute(params_from_iter(&values)) {
                let is_type = error.constraint().is_some_and(|broken| broken.kind == ConstraintKind::Type);
                let hint = if line == 1 && is_type { "; --skip 1 leaves out a line of names" } else { "" };
                return fail(format!("{error}{hint}"));
            }
            records += 1;
            if records % RECORDS_PER_CHECK == 0 && self.session.interrupt.pressed() {
                return Err("interrupted".into());
            }
        }
        Ok(())
    }

    /// Makes the table; for each column whether it holds text.
    fn create(&self, names: &csv::ByteRecord) -> Result<Vec<bool>, Failure> {
        let columns: Vec<String> =
            names.iter().map(|name| format!("{} TEXT", quote(&String::from_utf8_lossy(name)))).collect();
        let create = format!("CREATE TABLE {}({})", quote(self.table), columns.join(", "));
        self.session.connection.execute(&create, ())?;
        Ok(vec![true; columns.len()])
    }
}

/// For each column of `table` whether it holds text; none if there is no such table.
fn columns(connection: &Connection, table: &str) -> sedge::Result<Vec<bool>> {
    let mut info = connection.prepare(&format!("PRAGMA table_info({})", quote(table)))?;
    info.query(())?.map_rows(|row| {
        let declared: String = row.get("type")?;
        let declared = declared.to_ascii_uppercase();
        Ok(!declared.contains("INT")
            && ["CHAR", "CLOB", "TEXT", "STRING"].iter().any(|name| declared.contains(name)))
    })
}

/// True if field `at` of the record that `raw` begins with stands in quotes.
fn is_quoted(raw: &[u8], at: usize) -> bool {
    let (mut field, mut quoted, mut start) = (0, false, true);
    for byte in raw {
        if start && field == at {
            return *byte == b'"';
        }
        start = false;
        match byte {
            b'"' => quoted = !quoted,
            b',' if !quoted => (field, start) = (field + 1, true),
            b'\n' if !quoted => return false,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::is_quoted;

    #[test]
    fn an_empty_field_tells_whether_it_was_quoted() {
        let raw = b"1,\"a,\"\"b\",,\"\"\nnext";
        assert_eq!([0, 1, 2, 3, 4].map(|at| is_quoted(raw, at)), [false, true, false, true, false]);
    }
}
