//! Pragmas that set how a session works, and those that SQLite has and Sedge reads without effect.

use super::Session;
use super::pragma::{number, switch, text_of};
use crate::error::Result;
use crate::functions::{UserFunction, UserFunctions, aggregates, scalars};
use crate::parser::PragmaArgument;
use crate::value::Value;

/// The pragmas of this file, and their columns.
pub(super) const SETTINGS: &[(&str, &[&str])] = &[
    ("function_list", &["name", "builtin", "type", "enc", "narg", "flags"]),
    ("optimize", &["optimize"]),
    ("query_only", &["query_only"]),
    ("temp_store", &["temp_store"]),
];

/// Those that give no row when they are set.
pub(super) const SILENT_SETTINGS: &[&str] = &["query_only", "temp_store"];

/// A pragma whose value is kept and shown, and changes nothing.
#[derive(Debug)]
pub(super) struct Kept {
    /// The name of the pragma.
    pub(super) name: &'static str,
    /// The name of its column.
    pub(super) column: &'static str,
    /// What it is until it is set.
    initial: i64,
    values: Values,
    /// True if setting it gives no row.
    pub(super) is_silent: bool,
}

/// What a kept value may be.
#[derive(Debug)]
enum Values {
    Switch,
    /// A number, and what a lesser one becomes.
    From(i64),
    /// A number that is not negative; anything else leaves it as it is.
    Natural,
}

const fn switch_of(name: &'static str, initial: i64) -> Kept {
    Kept { name, column: name, initial, values: Values::Switch, is_silent: true }
}

const fn number_of(name: &'static str, initial: i64, least: i64) -> Kept {
    Kept { name, column: name, initial, values: Values::From(least), is_silent: false }
}

const fn natural(name: &'static str, initial: i64) -> Kept {
    Kept { name, column: name, initial, values: Values::Natural, is_silent: false }
}

/// The pragmas that are kept, with SQLite's values at first. What they are about is decided elsewhere: the memory for
/// pages is given when a store is opened, a checkpoint comes when the log outweighs what it would write, columns are
/// named in one way, and every page is checked.
pub(super) const KEPT: &[Kept] = &[
    natural("analysis_limit", 0),
    switch_of("automatic_index", 1),
    Kept { is_silent: true, ..number_of("cache_size", -2000, i64::MIN) },
    switch_of("cache_spill", 1),
    switch_of("cell_size_check", 0),
    switch_of("checkpoint_fullfsync", 0),
    switch_of("count_changes", 0),
    Kept { column: "cache_size", is_silent: true, ..number_of("default_cache_size", -2000, i64::MIN) },
    switch_of("empty_result_callbacks", 0),
    switch_of("full_column_names", 0),
    switch_of("fullfsync", 0),
    number_of("journal_size_limit", -1, -1),
    switch_of("legacy_alter_table", 0),
    number_of("mmap_size", 0, 0),
    switch_of("read_uncommitted", 0),
    switch_of("reverse_unordered_selects", 0),
    Kept { is_silent: false, ..switch_of("secure_delete", 0) },
    switch_of("short_column_names", 1),
    natural("threads", 0),
    switch_of("trusted_schema", 1),
    number_of("wal_autocheckpoint", 1000, 0),
    switch_of("writable_schema", 0),
];

/// Flags of SQLite's `function_list`: harmless in a schema, and equal for equal arguments.
const INNOCUOUS: i64 = 0x20_0000;
const DETERMINISTIC: i64 = 0x800;

/// What these pragmas have set.
#[derive(Debug)]
pub(super) struct Settings {
    /// `query_only`: nothing may be changed.
    pub(super) query_only: bool,
    /// Kept and shown. What does not fit in memory goes to a file in any case.
    temp_store: i64,
    /// The values of [`KEPT`].
    kept: Vec<i64>,
}

impl Default for Settings {
    fn default() -> Settings {
        let kept = KEPT.iter().map(|kept| kept.initial).collect();
        Settings { query_only: false, temp_store: 0, kept }
    }
}

impl Session {
    /// Runs a pragma of [`SETTINGS`] or [`KEPT`]; `None` if it is none of them.
    pub(super) fn setting(
        &mut self,
        word: &str,
        argument: Option<&PragmaArgument>,
    ) -> Option<Result<Vec<Vec<Value>>>> {
        let settings = &mut self.settings;
        let number = match (word, argument) {
            ("function_list", _) => return Some(Ok(function_list(&self.engine.functions()))),
            ("optimize", _) => return Some(self.optimize().map(|()| Vec::new())),
            ("query_only", None) => i64::from(settings.query_only),
            ("query_only", Some(argument)) => {
                settings.query_only = switch(argument);
                return Some(Ok(Vec::new()));
            }
            ("temp_store", None) => settings.temp_store,
            ("temp_store", Some(argument)) => {
                settings.temp_store = temp_store(argument);
                return Some(Ok(Vec::new()));
            }
            _ => {
                let (kept, value) =
                    KEPT.iter().zip(&mut settings.kept).find(|(kept, _)| kept.name == word)?;
                if let Some(argument) = argument {
                    *value = match kept.values {
                        Values::Switch => i64::from(switch(argument)),
                        Values::From(least) => number(argument).max(least),
                        Values::Natural => {
                            text_of(argument).parse().ok().filter(|n| *n >= 0).unwrap_or(*value)
                        }
                    };
                    if kept.is_silent {
                        return Some(Ok(Vec::new()));
                    }
                }
                *value
            }
        };
        Some(Ok(vec![vec![Value::Integer(number)]]))
    }
}

/// The number of where temporary tables lie: DEFAULT for what is no other, as in SQLite.
fn temp_store(argument: &PragmaArgument) -> i64 {
    match text_of(argument).to_ascii_lowercase().as_str() {
        "1" | "file" => 1,
        "2" | "memory" => 2,
        _ => 0,
    }
}

/// Every function once for each number of arguments that it takes; -1 is any number.
fn function_list(own: &UserFunctions) -> Vec<Vec<Value>> {
    // Name, whether it is built in, kind, arguments, whether it is deterministic.
    let mut functions = Vec::new();
    for function in scalars() {
        let args = (function.0.min_args, function.0.max_args);
        functions.push((&*function.0.name, true, "s", args, function.0.deterministic));
    }
    for function in aggregates() {
        functions.push((&function.0.name, true, "w", (function.0.min_args, function.0.max_args), true));
    }
    for function in own.functions() {
        functions.push(match function {
            UserFunction::Scalar(function) => {
                let args = (function.0.min_args, function.0.max_args);
                (&function.0.name, false, "s", args, function.0.deterministic)
            }
            UserFunction::Aggregate(function) => {
                (&function.0.name, false, "w", (function.0.min_args, function.0.max_args), false)
            }
        });
    }
    functions.sort_unstable();
    let mut rows = Vec::new();
    for (name, built_in, kind, (min_args, max_args), is_deterministic) in functions {
        let flags = if is_deterministic { DETERMINISTIC } else { 0 } | if built_in { INNOCUOUS } else { 0 };
        let is_bounded = max_args - min_args < 8;
        let counts = if is_bounded { min_args as i64..=max_args as i64 } else { -1..=-1 };
        for count in counts {
            rows.push(vec![
                Value::text(name),
                Value::Integer(i64::from(built_in)),
                Value::text(kind),
                Value::text("utf8"),
                Value::Integer(count),
                Value::Integer(flags),
            ]);
        }
    }
    rows
}
