//! Rows as a table that fits the terminal.

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use sedge::ValueRef;
use std::io::{Result, Write};
use unicode_width::UnicodeWidthStr;

/// How many rows a table shows: of longer results the first and the last of them, with a line between.
const SHOWN_ROWS: usize = 2000;

/// How many characters of a value a cell shows.
const SHOWN_CHARACTERS: usize = 2000;

/// Columns narrower than this do not make a table that can be read.
const COLUMN_WIDTH_MIN: usize = 5;

/// What a column takes beside its text: a border and two blanks.
const FRAME_WIDTH: usize = 3;

/// The cells of a row.
type Row = Vec<(String, CellAlignment)>;

/// The rows of a table, kept until all are there.
#[derive(Default)]
pub(super) struct TableRows {
    rows: Vec<Row>,
    total: u64,
}

impl TableRows {
    pub(super) fn push(&mut self, values: &[ValueRef<'_>], null: &str) {
        self.total += 1;
        let row = values.iter().map(|value| {
            let alignment = match value {
                ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Decimal(_) => CellAlignment::Right,
                _ => CellAlignment::Left,
            };
            (cell(*value, null), alignment)
        });
        self.rows.push(row.collect());
        if self.rows.len() > 2 * SHOWN_ROWS {
            // The first half stays; of the second half the older part can go.
            self.rows.drain(SHOWN_ROWS / 2..SHOWN_ROWS / 2 + SHOWN_ROWS);
        }
    }

    pub(super) fn print(&self, names: &[String], out: &mut dyn Write) -> Result<()> {
        if self.total == 0 {
            return writeln!(out, "0 rows");
        }
        let narrowest = names.len() * (COLUMN_WIDTH_MIN + FRAME_WIDTH);
        if terminal_width().is_some_and(|width| narrowest > width.into() && self.width(names) > width.into())
        {
            return self.print_records(names, out);
        }
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
        if let Some(width) = terminal_width() {
            table.set_width(width);
        }
        table.set_header(names);
        let (head, tail) = self.shown();
        let cells = |row: &Row| -> Vec<Cell> {
            row.iter().map(|(text, alignment)| Cell::new(text).set_alignment(*alignment)).collect()
        };
        head.iter().for_each(|row| {
            table.add_row(cells(row));
        });
        if !tail.is_empty() {
            table.add_row(names.iter().map(|_| Cell::new("…")).collect::<Vec<_>>());
        }
        tail.iter().for_each(|row| {
            table.add_row(cells(row));
        });
        writeln!(out, "{table}")?;
        self.print_count(out)
    }

    /// The rows that are shown: all, or the first and the last of many.
    fn shown(&self) -> (&[Row], &[Row]) {
        if self.rows.len() <= SHOWN_ROWS {
            return (&self.rows, &[]);
        }
        (&self.rows[..SHOWN_ROWS / 2], &self.rows[self.rows.len() - SHOWN_ROWS / 2..])
    }

    /// How wide the table would be with every cell on one line.
    fn width(&self, names: &[String]) -> usize {
        let (head, tail) = self.shown();
        let cell = |row: &Row, column: usize| row.get(column).map_or(0, |(text, _)| text.width());
        let column = |(at, name): (usize, &String)| {
            let cells = head.iter().chain(tail).map(|row| cell(row, at)).max();
            cells.unwrap_or(0).max(name.width()) + FRAME_WIDTH
        };
        names.iter().enumerate().map(column).sum::<usize>() + 1
    }

    /// A column a line: for rows with more columns than fit side by side.
    fn print_records(&self, names: &[String], out: &mut dyn Write) -> Result<()> {
        let width = names.iter().map(|name| name.width()).max().unwrap_or(0);
        let (head, tail) = self.shown();
        let skipped =
            usize::try_from(self.total).unwrap_or(usize::MAX).saturating_sub(head.len() + tail.len());
        let numbers = (1..=head.len()).chain(head.len() + skipped + 1..);
        for (number, row) in numbers.zip(head.iter().chain(tail)) {
            writeln!(out, "── row {number} ──")?;
            for (name, (text, _)) in names.iter().zip(row) {
                writeln!(out, "{name}{} │ {text}", " ".repeat(width - name.width()))?;
            }
        }
        self.print_count(out)
    }

    fn print_count(&self, out: &mut dyn Write) -> Result<()> {
        match self.total {
            1 => writeln!(out, "1 row"),
            total if total > SHOWN_ROWS as u64 => writeln!(out, "{total} rows ({SHOWN_ROWS} shown)"),
            total => writeln!(out, "{total} rows"),
        }
    }
}

/// A value as a cell shows it: blobs in hexadecimal, nothing that would move the cursor, nothing endless.
fn cell(value: ValueRef<'_>, null: &str) -> String {
    let text = match value {
        ValueRef::Blob(_) => super::literal(value).into(),
        other => super::plain(other, null),
    };
    let mut shown = String::with_capacity(text.len().min(SHOWN_CHARACTERS));
    for (at, c) in text.chars().enumerate() {
        match c {
            _ if at == SHOWN_CHARACTERS => {
                shown.push('…');
                break;
            }
            '\n' => shown.push('\n'),
            '\t' => shown.push_str("    "),
            c if c.is_control() => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    shown
}

/// Columns of the terminal, where there is one.
fn terminal_width() -> Option<u16> {
    terminal_size::terminal_size().map(|(terminal_size::Width(width), _)| width)
}
