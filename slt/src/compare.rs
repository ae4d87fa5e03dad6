//! The verdict on a query's rows: sorting, hashing, and the two ways in which files write results down.

use md5::{Digest, Md5};
use sqllogictest::SortMode;
use std::fmt::Write;

/// How many lines of a result a failure shows.
const SHOWN_LINES: usize = 20;

/// The printed cells of a result, in the order in which they are compared.
pub(crate) struct Cells {
    columns: usize,
    values: Vec<String>,
}

impl Cells {
    /// Orders `values` (row by row, `columns` wide) as `sort` says, on the printed bytes.
    pub(crate) fn new(mut values: Vec<String>, columns: usize, sort: Option<SortMode>) -> Cells {
        let columns = columns.max(1);
        match sort {
            None | Some(SortMode::NoSort) => {}
            Some(SortMode::RowSort) => {
                let mut rows: Vec<&mut [String]> = values.chunks_mut(columns).collect();
                rows.sort();
                let sorted: Vec<String> =
                    rows.into_iter().flat_map(|row| row.iter_mut().map(std::mem::take)).collect();
                values = sorted;
            }
            Some(SortMode::ValueSort) => values.sort(),
        }
        Cells { columns, values }
    }

    /// What a file writes for a long result.
    pub(crate) fn hash(&self) -> String {
        let mut md5 = Md5::new();
        for value in &self.values {
            md5.update(value.as_bytes());
            md5.update(b"\n");
        }
        let mut line = format!("{} values hashing to ", self.values.len());
        for byte in md5.finalize() {
            // Writing to a String cannot fail.
            let _ = write!(line, "{byte:02x}");
        }
        line
    }

    /// Compares with the lines of a file: a hash, a value a line, or a row a line.
    pub(crate) fn check(&self, expected: &[String]) -> Result<(), String> {
        let agree = match expected {
            [line] if is_hash(line) => return self.check_hash(line),
            _ if expected.len() == self.values.len() => expected == self.values,
            _ => false,
        };
        if agree || self.agrees_by_rows(expected) {
            return Ok(());
        }
        Err(format!("wrong result\nexpected:\n{}actual:\n{}", shown(expected), shown(&self.values)))
    }

    fn check_hash(&self, expected: &str) -> Result<(), String> {
        let actual = self.hash();
        if actual == expected {
            return Ok(());
        }
        Err(format!("wrong result\nexpected: {expected}\nactual:   {actual}\n{}", shown(&self.values)))
    }

    fn agrees_by_rows(&self, expected: &[String]) -> bool {
        self.columns > 1
            && expected.len() * self.columns == self.values.len()
            && self.values.chunks(self.columns).zip(expected).all(|(row, line)| {
                row.iter().flat_map(|cell| cell.split_whitespace()).eq(line.split_whitespace())
            })
    }
}

/// True for `N values hashing to HEX`.
pub(crate) fn is_hash(line: &str) -> bool {
    line.split_once(" values hashing to ").is_some_and(|(count, hash)| {
        count.bytes().all(|b| b.is_ascii_digit())
            && hash.len() == 32
            && hash.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

fn shown(lines: &[String]) -> String {
    let mut text: String = lines.iter().take(SHOWN_LINES).map(|line| format!("  {line}\n")).collect();
    if lines.len() > SHOWN_LINES {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  ... {} lines in all", lines.len());
    }
    text
}
