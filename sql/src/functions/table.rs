//! Table functions: functions whose result is rows, called in FROM.

use super::number::to_integer;
use crate::error::Result;
use crate::value::{Value, ValueRef};
use std::fmt;
use std::sync::Arc;

/// What a table function gives, row by row.
pub trait TableSource: Send {
    /// Goes before the first row for these arguments.
    ///
    /// # Errors
    /// Arguments that make no sense.
    fn start(&mut self, args: &[ValueRef<'_>]) -> Result<()>;

    /// Puts the next row's values behind those in `row`; false at the end.
    ///
    /// # Errors
    /// What the function raises.
    fn next(&mut self, row: &mut Vec<Value>) -> Result<bool>;
}

/// A table function.
#[derive(Clone)]
pub struct TableFunction(pub Arc<TableDefinition>);

/// What a table function is.
pub struct TableDefinition {
    /// Its name in lower case.
    pub name: String,
    /// The fewest arguments.
    pub min_args: usize,
    /// The most arguments.
    pub max_args: usize,
    /// Its columns.
    pub columns: Vec<String>,
    /// Rows that a call gives, about.
    pub rows: f64,
    /// A fresh source of rows.
    pub source: Box<dyn Fn() -> Box<dyn TableSource> + Send + Sync>,
}

impl fmt::Debug for TableFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.name)
    }
}

/// The built-in table function called `name`, in any case.
#[must_use]
pub fn lookup_table_function(name: &str) -> Option<TableFunction> {
    let name = name.to_ascii_lowercase();
    match name.as_str() {
        "generate_series" => Some(TableFunction(Arc::new(TableDefinition {
            name,
            min_args: 1,
            max_args: 3,
            columns: vec!["value".to_owned()],
            rows: 1000.0,
            source: Box::new(|| Box::new(Series::default())),
        }))),
        super::ARRAY_EACH => Some(super::array::table_function()),
        _ => super::json::lookup_table(&name),
    }
}

/// The arguments under which a row is listed: the name of an object, and that of a database.
pub type Asked = (Option<String>, Option<String>);

/// A function whose rows are known: those under its arguments, in any case; what is not given fits rows without it.
#[must_use]
pub fn listing(name: &str, columns: &[&str], rows: Vec<(Asked, Vec<Value>)>) -> TableFunction {
    let about = rows.len() as f64;
    let rows = Arc::new(rows);
    TableFunction(Arc::new(TableDefinition {
        name: name.to_owned(),
        min_args: 0,
        max_args: 2,
        columns: columns.iter().map(|column| (*column).to_owned()).collect(),
        rows: about.min(20.0),
        source: Box::new(move || {
            Box::new(Listing { rows: Arc::clone(&rows), wanted: Asked::default(), next: 0 })
        }),
    }))
}

/// Integers from a start to an end, by steps.
#[derive(Debug, Default)]
struct Series {
    next: Option<i64>,
    stop: i64,
    step: i64,
}

/// Where a series ends that names no end, as in SQLite.
const SERIES_STOP: i64 = 4_294_967_295;

impl TableSource for Series {
    fn start(&mut self, args: &[ValueRef<'_>]) -> Result<()> {
        self.next = None;
        if args.iter().any(|arg| arg.is_null()) {
            return Ok(());
        }
        let part = |place: usize, default: i64| args.get(place).map_or(default, |arg| to_integer(*arg));
        let start = part(0, 0);
        (self.stop, self.step) = (part(1, SERIES_STOP), part(2, 1));
        if self.step == 0 {
            self.step = 1;
        }
        let any = if self.step > 0 { start <= self.stop } else { start >= self.stop };
        self.next = any.then_some(start);
        Ok(())
    }

    fn next(&mut self, row: &mut Vec<Value>) -> Result<bool> {
        let Some(value) = self.next else { return Ok(false) };
        row.push(Value::Integer(value));
        let ends = |next: &i64| if self.step > 0 { *next <= self.stop } else { *next >= self.stop };
        self.next = value.checked_add(self.step).filter(ends);
        Ok(true)
    }
}

/// Rows that were known before.
struct Listing {
    rows: Arc<Vec<(Asked, Vec<Value>)>>,
    wanted: Asked,
    next: usize,
}

impl TableSource for Listing {
    fn start(&mut self, args: &[ValueRef<'_>]) -> Result<()> {
        self.next = 0;
        self.wanted = Asked::default();
        for (arg, wanted) in args.iter().zip([&mut self.wanted.0, &mut self.wanted.1]) {
            match arg {
                ValueRef::Text(text) => *wanted = Some(String::from_utf8_lossy(text).into_owned()),
                _ => self.next = self.rows.len(),
            }
        }
        Ok(())
    }

    fn next(&mut self, row: &mut Vec<Value>) -> Result<bool> {
        while let Some((under, values)) = self.rows.get(self.next) {
            self.next += 1;
            let fits = |under: &Option<String>, wanted: &Option<String>| match (under, wanted) {
                (Some(under), Some(wanted)) => under.eq_ignore_ascii_case(wanted),
                (under, wanted) => under.is_none() && wanted.is_none(),
            };
            if fits(&under.0, &self.wanted.0) && fits(&under.1, &self.wanted.1) {
                row.extend(values.iter().cloned());
                return Ok(true);
            }
        }
        Ok(false)
    }
}
