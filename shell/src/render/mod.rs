//! Rows as text: one file a family of modes.

mod json;
mod lines;
pub(crate) mod number;
mod table;

use sedge::ValueRef;
use std::io::{Result, Write};

/// How rows are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// `a|b`.
    List,
    /// RFC 4180.
    Csv,
    /// Tabs between columns.
    Tabs,
    /// An array of objects.
    Json,
    /// A table with borders that fits the terminal.
    Table,
    /// `name = value`, a line each.
    Line,
    /// INSERT statements.
    Insert,
    /// SQL literals.
    Quote,
}

impl Mode {
    /// Every mode and its name.
    pub(crate) const ALL: [(Mode, &'static str); 8] = [
        (Mode::List, "list"),
        (Mode::Csv, "csv"),
        (Mode::Tabs, "tabs"),
        (Mode::Json, "json"),
        (Mode::Table, "table"),
        (Mode::Line, "line"),
        (Mode::Insert, "insert"),
        (Mode::Quote, "quote"),
    ];

    /// The mode called `name`.
    pub(crate) fn from_name(name: &str) -> Option<Mode> {
        let name = if name == "box" { "table" } else { name };
        Mode::ALL.iter().find(|(_, known)| *known == name).map(|(mode, _)| *mode)
    }
}

/// Prints the rows of one query.
pub(crate) struct Printer<'a> {
    mode: Mode,
    headers: bool,
    null: &'a str,
    names: Vec<String>,
    rows: u64,
    table: table::TableRows,
}

impl<'a> Printer<'a> {
    pub(crate) fn new(mode: Mode, headers: bool, null: &'a str, names: Vec<String>) -> Printer<'a> {
        Printer { mode, headers, null, names, rows: 0, table: table::TableRows::default() }
    }

    /// Prints one row, or keeps it where the mode needs them all.
    pub(crate) fn row(&mut self, values: &[ValueRef<'_>], out: &mut dyn Write) -> Result<()> {
        if self.rows == 0 && self.headers {
            self.header(out)?;
        }
        let first = self.rows == 0;
        self.rows += 1;
        match self.mode {
            Mode::List => lines::separated(values, "|", self.null, out),
            Mode::Tabs => lines::separated(values, "\t", self.null, out),
            Mode::Csv => lines::csv(values.iter().map(|value| plain(*value, self.null)), out),
            Mode::Line => lines::named(&self.names, values, self.null, first, out),
            Mode::Quote => lines::quoted(values, out),
            Mode::Insert => lines::insert("table", values, out),
            Mode::Json => json::row(&self.names, values, first, out),
            Mode::Table => {
                self.table.push(values, if self.null.is_empty() { "NULL" } else { self.null });
                Ok(())
            }
        }
    }

    fn header(&self, out: &mut dyn Write) -> Result<()> {
        match self.mode {
            Mode::List => writeln!(out, "{}", self.names.join("|")),
            Mode::Tabs => writeln!(out, "{}", self.names.join("\t")),
            Mode::Csv => lines::csv(self.names.iter().map(|name| name.as_str().into()), out),
            Mode::Quote => lines::quoted(
                &self.names.iter().map(|name| ValueRef::Text(name.as_bytes())).collect::<Vec<_>>(),
                out,
            ),
            Mode::Json | Mode::Table | Mode::Line | Mode::Insert => Ok(()),
        }
    }

    /// Prints what was kept.
    pub(crate) fn finish(&mut self, out: &mut dyn Write) -> Result<()> {
        match self.mode {
            Mode::Json => out.write_all(if self.rows > 0 { b"]\n" } else { b"[]\n" }),
            Mode::Table => self.table.print(&self.names, out),
            _ => Ok(()),
        }
    }
}

pub(crate) use lines::{literal, plain};
