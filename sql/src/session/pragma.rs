//! Pragmas: those of the catalog are answered there, those of session and store here.

use super::Session;
use super::setting::{KEPT, SETTINGS, SILENT_SETTINGS};
use crate::bind;
use crate::catalog::{self, Schemas};
use crate::databases::{DatabaseId, DatabaseSet};
use crate::error::Result;
use crate::ir::{ColumnId, Output};
use crate::parser::{ExplainMode, Name, Parsed, PragmaArgument, Statement};
use crate::types::{Affinity, Collation, TypeSet};
use crate::value::Value;
use sedge_storage::{Synchronous, Vacuum};
use std::time::Duration;

/// The pragmas of session and store, and their columns.
const PRAGMAS: &[(&str, &[&str])] = &[
    ("auto_vacuum", &["auto_vacuum"]),
    ("busy_timeout", &["timeout"]),
    ("compile_options", &["compile_options"]),
    ("data_version", &["data_version"]),
    ("database_list", &["seq", "name", "file"]),
    ("defer_foreign_keys", &["defer_foreign_keys"]),
    ("foreign_key_check", &["table", "rowid", "parent", "fkid"]),
    ("foreign_keys", &["foreign_keys"]),
    ("freelist_count", &["freelist_count"]),
    ("hard_heap_limit", &["hard_heap_limit"]),
    ("ignore_check_constraints", &["ignore_check_constraints"]),
    ("integrity_check", &["integrity_check"]),
    ("journal_mode", &["journal_mode"]),
    ("locking_mode", &["locking_mode"]),
    ("max_page_count", &["max_page_count"]),
    ("module_list", &["name"]),
    ("page_count", &["page_count"]),
    ("page_size", &["page_size"]),
    ("pragma_list", &["name"]),
    ("quick_check", &["quick_check"]),
    ("recursive_triggers", &["recursive_triggers"]),
    ("soft_heap_limit", &["soft_heap_limit"]),
    ("synchronous", &["synchronous"]),
    ("temp_store_directory", &["temp_store_directory"]),
    ("wal_checkpoint", &["busy", "log", "checkpointed"]),
];

/// Pragmas that show nothing: LIKE never heeds the case of letters, and memory is given back as it comes free.
const WITHOUT_ROWS: &[&str] = &["case_sensitive_like", "incremental_vacuum", "shrink_memory"];

/// The pragmas that are answered from the catalog.
const OF_CATALOG: &[&str] = &[
    "application_id",
    "collation_list",
    "encoding",
    "foreign_key_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "schema_version",
    "table_info",
    "table_list",
    "table_xinfo",
    "user_version",
];

/// The tables that are no tables of the schema.
const MODULES: &[&str] = &["generate_series", "json_each", "json_tree", "jsonb_each", "jsonb_tree"];

/// The most pages that a database can have.
const PAGES_MAX: i64 = u32::MAX as i64;

/// The number of `auto_vacuum = INCREMENTAL`.
const INCREMENTAL: i64 = 2;

/// Pragmas that are set by `= value` and then give no row.
const SILENT_WHEN_SET: &[&str] = &[
    "application_id",
    "auto_vacuum",
    "defer_foreign_keys",
    "encoding",
    "foreign_keys",
    "ignore_check_constraints",
    "page_size",
    "recursive_triggers",
    "schema_version",
    "synchronous",
    "temp_store_directory",
    "user_version",
];

/// A result column called `name` that is no table's.
fn column(name: &str) -> Output {
    Output {
        column: ColumnId(0),
        name: name.to_string(),
        types: TypeSet::ALL,
        affinity: Affinity::None,
        collation: Collation::Binary,
        column_type: None,
        origin: None,
    }
}

impl Session {
    /// The columns of a statement that is not planned; none if it shows nothing.
    pub(super) fn result_columns(&self, parsed: &Parsed, schemas: &Schemas) -> Result<Vec<Output>> {
        let names: &[&str] = match &parsed.statement {
            Statement::Explain { mode: ExplainMode::QueryPlan, .. } => &["id", "parent", "notused", "detail"],
            Statement::Explain { .. } => &["plan"],
            Statement::Pragma { name, argument } => {
                let word = name.name.value.to_ascii_lowercase();
                let of_catalog = catalog::pragma_rows(schemas.lookup(), None, &word, None, &|_| None);
                if argument.is_some() && is_silent_when_set(&word) {
                    &[]
                } else if let Some((names, _)) = of_catalog {
                    names
                } else if let Some(kept) = KEPT.iter().find(|kept| kept.name == word) {
                    std::slice::from_ref(&kept.column)
                } else {
                    let known = PRAGMAS.iter().chain(SETTINGS).find(|(known, _)| *known == word);
                    known.map_or(&[], |(_, columns)| columns)
                }
            }
            _ => &[],
        };
        Ok(names.iter().map(|name| column(name)).collect())
    }

    /// Runs a pragma; its rows. One that is unknown does nothing, as in SQLite.
    pub(super) fn run_pragma(
        &mut self,
        name: &Name,
        argument: Option<&PragmaArgument>,
    ) -> Result<Vec<Vec<Value>>> {
        let written = match &name.database {
            Some(database) => Some(self.database_named(database)?),
            None => None,
        };
        let database = self.ready(written.unwrap_or(DatabaseId::MAIN))?;
        let word = name.name.value.to_ascii_lowercase();
        if let (Some(argument), "user_version" | "application_id") = (argument, word.as_str()) {
            return self.set_number(database, &word, number(argument)).map(|()| Vec::new());
        }
        // What a database was made with stays.
        if let (Some(_), "encoding" | "page_size" | "schema_version") = (argument, word.as_str()) {
            return Ok(Vec::new());
        }
        let schemas = self.schemas()?;
        let text = argument.map(text_of);
        let asked = written.and_then(|database| schemas.get(database)).map(|catalog| &**catalog);
        let describe = |view: &catalog::View| bind::view_table(schemas.lookup(), view).ok();
        let of_catalog = catalog::pragma_rows(schemas.lookup(), asked, &word, text.as_deref(), &describe);
        if let Some((_, rows)) = of_catalog {
            return Ok(rows);
        }
        if let Some(done) = self.setting(&word, argument) {
            return done;
        }
        let one = |value: Value| Ok(vec![vec![value]]);
        let integer = |i: i64| Ok(vec![vec![Value::Integer(i)]]);
        match (word.as_str(), argument) {
            // Free pages can be given back at any time, in steps: what SQLite calls INCREMENTAL. Asking for another way
            // keeps it, as SQLite does where it cannot change.
            ("auto_vacuum", None) => integer(INCREMENTAL),
            ("auto_vacuum", Some(_)) => Ok(Vec::new()),
            ("busy_timeout", argument) => {
                // A word is no time, as in SQLite; a negative one means not to wait.
                if let Some(wait) = argument.and_then(integer_of) {
                    self.busy_timeout = Duration::from_millis(u64::try_from(wait).unwrap_or(0));
                }
                integer(i64::try_from(self.busy_timeout.as_millis()).unwrap_or(i64::MAX))
            }
            ("compile_options" | "temp_store_directory", _) => Ok(Vec::new()),
            ("data_version", _) => {
                let snapshot = self.read_snapshot()?.0;
                let sequence = snapshot.database(database).map_or(0, |snapshot| snapshot.sequence());
                integer(i64::try_from(sequence).unwrap_or(i64::MAX))
            }
            ("database_list", _) => Ok(self.database_list()),
            ("foreign_keys", None) => integer(i64::from(self.foreign_keys)),
            ("foreign_keys", Some(argument)) => {
                // Within a transaction it has no effect, as in SQLite.
                if self.is_autocommit() {
                    self.foreign_keys = switch(argument);
                }
                Ok(Vec::new())
            }
            ("foreign_key_check", _) => {
                let lookup = schemas.lookup();
                let named = text.as_deref().filter(|_| written.is_none());
                let found = named.and_then(|table| lookup.searched().find(|c| c.table(table).is_some()));
                match found.or(lookup.get(database)) {
                    Some(catalog) => self.foreign_key_check(catalog, text.as_deref()),
                    None => Ok(Vec::new()),
                }
            }
            ("defer_foreign_keys", None) => integer(i64::from(self.defer_foreign_keys)),
            ("defer_foreign_keys", Some(argument)) => {
                self.defer_foreign_keys = switch(argument);
                Ok(Vec::new())
            }
            ("recursive_triggers", None) => integer(i64::from(self.recursive_triggers)),
            ("recursive_triggers", Some(argument)) => {
                self.recursive_triggers = switch(argument);
                Ok(Vec::new())
            }
            ("freelist_count", _) => integer(i64::from(self.page_counts(database)?.1)),
            ("incremental_vacuum", argument) => {
                // Less than one page means all of them, as in SQLite.
                let pages = argument.map(number).filter(|pages| *pages > 0);
                let pages = pages.map_or(u32::MAX, |pages| u32::try_from(pages).unwrap_or(u32::MAX));
                self.vacuum(database, Vacuum::incremental(pages)).map(|()| Vec::new())
            }
            ("page_count", _) => integer(i64::from(self.page_counts(database)?.0)),
            ("page_size", _) => integer(i64::from(self.store_of(database)?.metrics().page_size)),
            // No limit is kept, and no constraint is ever passed over.
            ("hard_heap_limit" | "soft_heap_limit", _) => integer(0),
            ("ignore_check_constraints", None) => integer(0),
            // A process that writes keeps all others out.
            ("locking_mode", _) => one(Value::text("exclusive")),
            ("max_page_count", _) => integer(PAGES_MAX),
            ("module_list", _) => Ok(MODULES.iter().map(|name| vec![Value::text(*name)]).collect()),
            ("pragma_list", _) => Ok(pragma_list()),
            // There is one way of journaling; asking for another keeps it, as SQLite does where it cannot change.
            ("journal_mode", _) => one(Value::text("wal")),
            ("integrity_check" | "quick_check", _) => {
                let mut problems = Vec::new();
                for id in self.databases().filter(|id| written.is_none_or(|written| written == *id)) {
                    if let Some(engine) = self.engine_of(id) {
                        problems.extend(engine.check()?);
                    }
                }
                if problems.is_empty() {
                    return one(Value::text("ok"));
                }
                Ok(problems.into_iter().map(|problem| vec![Value::text(problem)]).collect())
            }
            ("synchronous", None) => integer(match self.store_of(database)?.synchronous() {
                Synchronous::Off => 0,
                Synchronous::Normal => 1,
                Synchronous::Full => 2,
            }),
            ("synchronous", Some(argument)) => {
                self.store_of(database)?.set_synchronous(synchronous(argument));
                Ok(Vec::new())
            }
            ("wal_checkpoint", _) => {
                for id in self.databases().filter(|id| written.is_none_or(|written| written == *id)) {
                    self.store_of(id)?.checkpoint()?;
                }
                Ok(vec![vec![Value::Integer(0), Value::Integer(0), Value::Integer(0)]])
            }
            _ => Ok(Vec::new()),
        }
    }

    /// The rows of `PRAGMA database_list`.
    fn database_list(&self) -> Vec<Vec<Value>> {
        let has_temp = self.engine_of(DatabaseId::TEMP).is_some();
        let row = |(place, id): (usize, DatabaseId)| {
            // The number 1 is temp's, also while there is none.
            let seq = if has_temp || id == DatabaseId::MAIN { place } else { place + 1 };
            let file = self.engine_of(id).and_then(|engine| engine.file());
            let file = file.map_or_else(String::new, |file| file.display().to_string());
            vec![Value::Integer(seq as i64), Value::text(self.name_of(id)), Value::text(file)]
        };
        self.databases().enumerate().map(row).collect()
    }

    fn set_number(&mut self, database: DatabaseId, word: &str, number: i64) -> Result<()> {
        self.write_to(DatabaseSet::only(database), |_, writing| {
            let set =
                if word == "user_version" { catalog::set_user_version } else { catalog::set_application_id };
            let catalog = writing.catalog(database)?;
            let next = set(&mut writing.storage, &catalog, number)?;
            writing.change_schema(Some(next));
            Ok(())
        })
    }
}

/// True for a pragma that gives no row, and has no columns, when it is given a value.
fn is_silent_when_set(word: &str) -> bool {
    SILENT_WHEN_SET.iter().chain(SILENT_SETTINGS).any(|silent| *silent == word)
        || KEPT.iter().any(|kept| kept.name == word && kept.is_silent)
}

/// The names of all pragmas, in order.
fn pragma_list() -> Vec<Vec<Value>> {
    let with_columns = PRAGMAS.iter().chain(SETTINGS).map(|(name, _)| *name);
    let plain = WITHOUT_ROWS.iter().chain(OF_CATALOG).copied();
    let mut names: Vec<&str> = with_columns.chain(plain).chain(KEPT.iter().map(|kept| kept.name)).collect();
    names.sort_unstable();
    names.into_iter().map(|name| vec![Value::text(name)]).collect()
}

/// What is written as the value, as a text.
pub(super) fn text_of(argument: &PragmaArgument) -> String {
    match argument {
        PragmaArgument::Word(word) => word.value.to_string(),
        PragmaArgument::Literal(Value::Text(text)) => text.to_string(),
        PragmaArgument::Literal(Value::Integer(i)) => i.to_string(),
        PragmaArgument::Literal(Value::Real(r)) => r.to_string(),
        PragmaArgument::Literal(other) => format!("{other:?}"),
    }
}

/// The integer that the value begins with, if it begins with one.
fn integer_of(argument: &PragmaArgument) -> Option<i64> {
    let text = text_of(argument);
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(&text)),
    };
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits.get(..end)?.parse::<i64>().ok().map(|number| sign * number)
}

/// The number that a pragma is given; a word counts as 0, as in SQLite.
pub(super) fn number(argument: &PragmaArgument) -> i64 {
    integer_of(argument).unwrap_or(0)
}

/// True for a positive number and the words for it; everything else is false, as in SQLite.
pub(super) fn switch(argument: &PragmaArgument) -> bool {
    let word = text_of(argument).to_ascii_lowercase();
    matches!(word.as_str(), "on" | "yes" | "true") || number(argument) > 0
}

/// The level of a word or number; what is none of them means NORMAL, as in SQLite.
fn synchronous(argument: &PragmaArgument) -> Synchronous {
    match (text_of(argument).to_ascii_lowercase().as_str(), integer_of(argument)) {
        ("off" | "no" | "false", _) | (_, Some(0)) => Synchronous::Off,
        // EXTRA guards a rollback journal that does not exist here: FULL is all there is.
        ("full" | "extra", _) | (_, Some(2..)) => Synchronous::Full,
        _ => Synchronous::Normal,
    }
}
