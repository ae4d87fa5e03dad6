//! What the line editor asks: whether the input is complete, and how a word may go on.

use crate::session::Session;
use rustyline::completion::Completer;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper, Highlighter, Hinter};

const KEYWORDS: &[&str] = &[
    "ANALYZE",
    "AND",
    "AS",
    "ASC",
    "BEGIN",
    "BETWEEN",
    "BY",
    "CASE",
    "CAST",
    "CHECK",
    "COLLATE",
    "COMMIT",
    "CREATE",
    "CROSS",
    "DEFAULT",
    "DELETE",
    "DESC",
    "DISTINCT",
    "DROP",
    "ELSE",
    "END",
    "ESCAPE",
    "EXCEPT",
    "EXISTS",
    "EXPLAIN",
    "FROM",
    "GLOB",
    "GROUP",
    "HAVING",
    "INDEX",
    "INNER",
    "INSERT",
    "INTEGER",
    "INTERSECT",
    "INTO",
    "JOIN",
    "KEY",
    "LEFT",
    "LIKE",
    "LIMIT",
    "NATURAL",
    "NOT",
    "NULL",
    "OFFSET",
    "ORDER",
    "PRIMARY",
    "REAL",
    "RELEASE",
    "REPLACE",
    "ROLLBACK",
    "SAVEPOINT",
    "SELECT",
    "SET",
    "TABLE",
    "TEXT",
    "THEN",
    "UNION",
    "UNIQUE",
    "UPDATE",
    "USING",
    "VALUES",
    "VIEW",
    "WHEN",
    "WHERE",
    "WITH",
];

/// What the editor knows: the words of the schema.
#[derive(Helper, Highlighter, Hinter, Default)]
pub(super) struct ShellHelper {
    names: Vec<String>,
    /// Of which database and which version of its schema the names are.
    learned: Option<(u64, i64)>,
}

impl ShellHelper {
    /// Learns the tables and columns that there are now, unless they are known.
    pub(super) fn learn(&mut self, session: &Session) {
        // In a transaction a query of ours would fix what the user's statements see.
        if !session.connection.is_autocommit() {
            return;
        }
        let version = session.connection.query_row("PRAGMA schema_version", (), |row| row.get(0));
        let learned = version.ok().map(|version| (session.opened, version));
        if learned.is_some() && learned == self.learned {
            return;
        }
        self.learned = learned;
        let mut names = Vec::new();
        let tables = session.connection.query(
            "SELECT name FROM sedge_schema WHERE type IN ('table', 'view')",
            (),
            |row| row.get::<String>(0),
        );
        // Completion without names is better than an error about them at the prompt.
        for table in tables.unwrap_or_default() {
            let columns = format!("PRAGMA table_info(\"{}\")", table.replace('"', "\"\""));
            let columns = session.connection.query(&columns, (), |row| row.get::<String>("name"));
            names.extend(columns.unwrap_or_default());
            names.push(table);
        }
        names.sort();
        names.dedup();
        self.names = names;
    }
}

impl Completer for ShellHelper {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let before = &line[..at];
        let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
        let start = before
            .rfind(|c| !is_word(c))
            .map_or(0, |i| i + before[i..].chars().next().map_or(1, char::len_utf8));
        let word = &before[start..];
        if start == 0 && word.starts_with('.') {
            return Ok((
                0,
                crate::command::names().filter(|name| name.starts_with(word)).map(String::from).collect(),
            ));
        }
        // Behind a dot only a column can follow: complete what comes after it.
        let (start, word) = match word.rfind('.') {
            Some(dot) => (start + dot + 1, &word[dot + 1..]),
            None => (start, word),
        };
        if word.is_empty() {
            return Ok((start, Vec::new()));
        }
        let begins = |name: &str| name.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
        let keywords = KEYWORDS.iter().filter(|keyword| begins(keyword)).map(|keyword| {
            if word.chars().all(char::is_lowercase) { keyword.to_lowercase() } else { (*keyword).to_string() }
        });
        let names = self.names.iter().filter(|name| begins(name)).cloned();
        Ok((start, names.chain(keywords).collect()))
    }
}

impl Validator for ShellHelper {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let input = context.input();
        let is_command = input.starts_with('.') || super::plain_command(input).is_some();
        let complete = input.trim().is_empty() || is_command || sedge::is_complete(input);
        Ok(if complete { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}
