//! Pragmas that set how a session works, and those that SQLite has and Sedge reads without effect.

use super::Session;
use super::pragma::{number, switch};
use crate::error::{Error, Result};
use crate::functions::{UserFunction, UserFunctions, aggregates, scalars};
use crate::parser::PragmaArgument;
use crate::value::Value;

/// The pragmas of this file, and their columns.
pub(super) const SETTINGS: &[(&str, &[&str])] = &[
    ("cache_size", &["cache_size"]),
    ("function_list", &["name", "builtin", "type", "enc", "narg", "flags"]),
    ("journal_size_limit", &["journal_size_limit"]),
    ("optimize", &[]),
    ("query_only", &["query_only"]),
    ("temp_store", &["temp_store"]),
    ("wal_autocheckpoint", &["wal_autocheckpoint"]),
];

/// Those that give no row when they are set.
pub(super) const SILENT_SETTINGS: &[&str] = &["cache_size", "query_only", "temp_store"];

/// Flags of SQLite's `function_list`: harmless in a schema, and equal for equal arguments.
const INNOCUOUS: i64 = 0x20_0000;
const DETERMINISTIC: i64 = 0x800;

/// What these pragmas have set.
#[derive(Debug)]
pub(super) struct Settings {
    /// `query_only`: nothing may be changed.
    pub(super) query_only: bool,
    /// Kept and shown. The memory for pages is that of the store, given when it is opened.
    cache_size: i64,
    /// Kept and shown. The bound of the logs follows from the memory for pages.
    journal_size_limit: i64,
    /// Kept and shown. What does not fit in memory goes to a file in any case.
    temp_store: i64,
    /// Kept and shown. A checkpoint comes when the log outweighs what it would write.
    wal_autocheckpoint: i64,
}

impl Default for Settings {
    fn default() -> Settings {
        // SQLite's values.
        Settings {
            query_only: false,
            cache_size: -2000,
            journal_size_limit: -1,
            temp_store: 0,
            wal_autocheckpoint: 1000,
        }
    }
}

impl Session {
    /// Runs a pragma of [`SETTINGS`]; `None` if it is none of them.
    pub(super) fn setting(
        &mut self,
        word: &str,
        argument: Option<&PragmaArgument>,
    ) -> Option<Result<Vec<Vec<Value>>>> {
        let settings = &mut self.settings;
        let (kept, least) = match word {
            "function_list" => return Some(Ok(function_list(&self.engine.functions()))),
            "optimize" => return Some(self.optimize().map(|()| Vec::new())),
            "query_only" => {
                let Some(argument) = argument else {
                    return Some(Ok(vec![vec![Value::Integer(i64::from(settings.query_only))]]));
                };
                settings.query_only = switch(argument).unwrap_or(false);
                return Some(Ok(Vec::new()));
            }
            "temp_store" => {
                if let Some(argument) = argument {
                    return Some(temp_store(argument).map(|number| {
                        settings.temp_store = number;
                        Vec::new()
                    }));
                }
                (&mut settings.temp_store, 0)
            }
            "cache_size" => (&mut settings.cache_size, i64::MIN),
            "journal_size_limit" => (&mut settings.journal_size_limit, -1),
            "wal_autocheckpoint" => (&mut settings.wal_autocheckpoint, 0),
            _ => return None,
        };
        if let Some(argument) = argument {
            match number(argument) {
                Ok(number) => *kept = number.max(least),
                Err(error) => return Some(Err(error)),
            }
        }
        Some(Ok(vec![vec![Value::Integer(*kept)]]))
    }
}

fn temp_store(argument: &PragmaArgument) -> Result<i64> {
    let word = match argument {
        PragmaArgument::Literal(Value::Integer(number @ 0..=2)) => return Ok(*number),
        PragmaArgument::Word(word) => word.value.to_ascii_lowercase(),
        PragmaArgument::Literal(_) => String::new(),
    };
    match word.as_str() {
        "default" => Ok(0),
        "file" => Ok(1),
        "memory" => Ok(2),
        _ => Err(Error::invalid("temp_store is DEFAULT, FILE or MEMORY", None)),
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
