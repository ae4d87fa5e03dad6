//! The one error of the library.

use sedge_sql::{Constraint, Span};
use std::fmt;
use unicode_width::UnicodeWidthChar;

/// The result of a library call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of error it is. The kinds are stable: programs may branch on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// The text is not SQL.
    Syntax,
    /// A name stands for nothing, or is taken.
    Name,
    /// The statement can have no meaning.
    Invalid,
    /// A value cannot be computed, or is not of the type asked for.
    Type,
    /// A row broke a constraint: [`Error::constraint`] tells which.
    Constraint,
    /// Another writer is in the way, or the data has changed since the transaction began: retry.
    Busy,
    /// The database is open read-only.
    ReadOnly,
    /// The statement was interrupted.
    Interrupted,
    /// The disk is full, or a limit is reached.
    Full,
    /// The file is damaged, or no Sedge database.
    Corrupt,
    /// The operating system refused.
    Io,
    /// A function of the program's own failed; [`Error::source`](std::error::Error::source) is what it returned.
    Function,
    /// The library was called in a way its documentation excludes.
    Misuse,
    /// [`crate::Connection::query_row`] found no row.
    NoRows,
}

/// An error of the library.
///
/// ```
/// # fn main() -> sedge::Result<()> {
/// let mut conn = sedge::Database::open_in_memory()?.connect()?;
/// let error = conn.execute("SELEC 1", []).unwrap_err();
/// assert_eq!(error.code(), sedge::ErrorCode::Syntax);
/// assert_eq!(error.span().map(|span| span.start), Some(0));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    code: ErrorCode,
    message: String,
    span: Option<Span>,
    constraint: Option<Box<Constraint>>,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Error {
        Error { code, message: message.into(), span: None, constraint: None, source: None }
    }

    /// What a function of the program's own returns for an error of any other kind.
    ///
    /// ```
    /// # fn main() -> sedge::Result<()> {
    /// let db = sedge::Database::open_in_memory()?;
    /// db.create_scalar_function("parse", Some(1), sedge::FunctionFlags::DETERMINISTIC, |args| {
    ///     args.get::<String>(0)?.parse::<i64>().map_err(sedge::Error::function)
    /// })?;
    /// let error = db.connect()?.execute("SELECT parse('x')", []).unwrap_err();
    /// assert_eq!(error.code(), sedge::ErrorCode::Function);
    /// assert_eq!(error.to_string(), "parse(): invalid digit found in string");
    /// # Ok(())
    /// # }
    /// ```
    pub fn function(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        let source = error.into();
        let message = source.to_string();
        Error { source: Some(source), ..Error::new(ErrorCode::Function, message) }
    }

    /// The error of a statement that begins `by` bytes into a longer text.
    pub(crate) fn moved(mut self, by: usize) -> Error {
        self.span = self.span.map(|span| Span { start: span.start + by, end: span.end + by });
        self
    }

    /// What kind of error it is.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// Where in the statement's text the error is, in bytes, where it has a place.
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        self.span
    }

    /// The line of `text` (the statement's text) where the error is, counted from 1, where it has a place.
    #[must_use]
    pub fn line_in(&self, text: &str) -> Option<usize> {
        let before = text.get(..self.span?.start)?;
        Some(before.matches('\n').count() + 1)
    }

    /// The constraint that was broken.
    #[must_use]
    pub fn constraint(&self) -> Option<&Constraint> {
        self.constraint.as_deref()
    }

    /// True if the same transaction may succeed when it is tried again.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.code == ErrorCode::Busy
    }

    /// The message with the line of `text` where the error is, and a caret under the place.
    ///
    /// ```
    /// # fn main() -> sedge::Result<()> {
    /// let mut conn = sedge::Database::open_in_memory()?.connect()?;
    /// let text = "SELECT nmae FROM sedge_schema";
    /// let shown = conn.execute(text, []).unwrap_err().display_in(text).to_string();
    /// assert!(shown.contains("  SELECT nmae FROM sedge_schema\n         ^^^^"), "{shown}");
    /// # Ok(())
    /// # }
    /// ```
    pub fn display_in<'a>(&'a self, text: &'a str) -> impl fmt::Display + 'a {
        InText { error: self, text }
    }
}

/// An error beside the text it is about.
struct InText<'a> {
    error: &'a Error,
    text: &'a str,
}

/// Terminal columns that are shown of a line; longer ones show a window around the place.
const SHOWN_COLUMNS: usize = 100;
/// How much of that stands before the place, where the line is cut.
const SHOWN_BEFORE: usize = 40;

impl fmt::Display for InText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.error.message)?;
        let Some(span) = self.error.span else { return Ok(()) };
        let (Some(before), Some(inside)) = (self.text.get(..span.start), self.text.get(span.start..)) else {
            return Ok(());
        };
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        let line_end = inside.find('\n').map_or(self.text.len(), |i| span.start + i);
        let (before, after) = (&before[line_start..], &self.text[span.start..line_end]);
        let whole = width(before) <= SHOWN_COLUMNS - SHOWN_BEFORE;
        let before = if whole { before } else { last_columns(before, SHOWN_BEFORE) };
        let column = width(before);
        let after = first_columns(after, SHOWN_COLUMNS - column);
        let marked = after.get(..span.end.saturating_sub(span.start)).unwrap_or(after);
        let shown: String = before.chars().chain(after.trim_end().chars()).map(visible).collect();
        write!(f, "\n  {shown}\n  {}{}", " ".repeat(column), "^".repeat(width(marked).max(1)))
    }
}

/// Terminal columns that `text` takes once its characters are made [`visible`].
fn width(text: &str) -> usize {
    text.chars().map(|c| visible(c).width().unwrap_or(0)).sum()
}

/// The beginning of `text` that fits `columns`.
fn first_columns(text: &str, columns: usize) -> &str {
    let mut used = 0;
    let end = text.char_indices().find(|(_, c)| {
        used += visible(*c).width().unwrap_or(0);
        used > columns
    });
    &text[..end.map_or(text.len(), |(at, _)| at)]
}

/// The end of `text` that fits `columns`.
fn last_columns(text: &str, columns: usize) -> &str {
    let mut used = 0;
    let start = text.char_indices().rev().find(|(_, c)| {
        used += visible(*c).width().unwrap_or(0);
        used > columns
    });
    &text[start.map_or(0, |(at, c)| at + c.len_utf8())..]
}

/// Control characters would move what follows them: they show as a blank.
fn visible(c: char) -> char {
    if c.is_control() { ' ' } else { c }
}

impl From<sedge_sql::Error> for Error {
    fn from(error: sedge_sql::Error) -> Error {
        use sedge_sql::Error as Sql;
        let code = match &error {
            Sql::Syntax { .. } => ErrorCode::Syntax,
            Sql::Name { .. } => ErrorCode::Name,
            Sql::Invalid { .. } => ErrorCode::Invalid,
            Sql::Evaluation(_) => ErrorCode::Type,
            Sql::Function { source, .. } => {
                source.downcast_ref::<Error>().map_or(ErrorCode::Function, Error::code)
            }
            Sql::Constraint(_) | Sql::Raised { .. } => ErrorCode::Constraint,
            Sql::Limit { .. } => ErrorCode::Full,
            Sql::Interrupted => ErrorCode::Interrupted,
            Sql::Damaged { .. } => ErrorCode::Corrupt,
            Sql::Storage(storage) => storage_code(storage),
            _ => ErrorCode::Misuse,
        };
        let (message, span) = (error.to_string(), error.span());
        let constraint = match &error {
            Sql::Constraint(constraint) => Some(constraint.clone()),
            _ => None,
        };
        Error { code, message, span, constraint, source: Some(Box::new(error)) }
    }
}

impl From<sedge_storage::Error> for Error {
    fn from(error: sedge_storage::Error) -> Error {
        Error {
            code: storage_code(&error),
            message: error.to_string(),
            span: None,
            constraint: None,
            source: Some(Box::new(error)),
        }
    }
}

fn storage_code(error: &sedge_storage::Error) -> ErrorCode {
    use sedge_storage::Error as Storage;
    match error {
        Storage::Corrupt { .. } | Storage::NotADatabase { .. } => ErrorCode::Corrupt,
        Storage::Busy(_) | Storage::Conflict => ErrorCode::Busy,
        Storage::ReadOnly => ErrorCode::ReadOnly,
        Storage::Full(_) => ErrorCode::Full,
        Storage::Misuse(_) => ErrorCode::Misuse,
        _ => ErrorCode::Io,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, place: &str) -> String {
        let start = text.find(place).unwrap_or(text.len());
        let span = Some(Span { start, end: start + place.len() });
        Error { span, ..Error::new(ErrorCode::Name, "oops") }.display_in(text).to_string()
    }

    #[test]
    fn the_caret_stands_under_the_place() {
        assert_eq!(shown("SELECT a;\n", "a"), "oops\n  SELECT a;\n         ^");
        assert_eq!(shown("SELECT 1,\n\tabc,\r\n  2", "abc"), "oops\n   abc,\n   ^^^");
        assert_eq!(shown("SELECT '日本', é, x", "x"), "oops\n  SELECT '日本', é, x\n                    ^");
        assert_eq!(shown("SELECT", "nowhere"), "oops\n  SELECT\n        ^");
        // A place that goes on in the next line is marked to the end of its first.
        assert_eq!(shown("SELECT (1\n+ 2)", "(1\n+ 2)"), "oops\n  SELECT (1\n         ^^");
    }

    #[test]
    fn a_long_line_shows_a_window() {
        let text = format!("SELECT {}abc{}", "x, ".repeat(100), ", y".repeat(100));
        let message = shown(&text, "abc");
        let lines: Vec<&str> = message.lines().collect();
        assert_eq!(lines[1].len(), SHOWN_COLUMNS + 2);
        assert_eq!(lines[2].find('^'), lines[1].find("abc"));
    }
}
