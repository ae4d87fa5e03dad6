//! Pragmas: those of the catalog are answered there, those of session and store here.

use super::Session;
use super::setting::{SETTINGS, SILENT_SETTINGS};
use crate::catalog::{self, Schemas};
use crate::databases::{DatabaseId, DatabaseSet};
use crate::error::{Error, Result};
use crate::ir::{ColumnId, Output};
use crate::parser::{ExplainMode, Name, Parsed, PragmaArgument, Statement};
use crate::suggest::nearest;
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
    ("incremental_vacuum", &[]),
    ("integrity_check", &["integrity_check"]),
    ("journal_mode", &["journal_mode"]),
    ("page_count", &["page_count"]),
    ("page_size", &["page_size"]),
    ("quick_check", &["quick_check"]),
    ("recursive_triggers", &["recursive_triggers"]),
    ("synchronous", &["synchronous"]),
    ("wal_checkpoint", &["busy", "log", "checkpointed"]),
];

/// The number of `auto_vacuum = INCREMENTAL`.
const INCREMENTAL: i64 = 2;

/// Pragmas that are set by `= value` and then give no row.
const SILENT_WHEN_SET: &[&str] = &[
    "application_id",
    "auto_vacuum",
    "defer_foreign_keys",
    "foreign_keys",
    "recursive_triggers",
    "synchronous",
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
                if argument.is_some()
                    && SILENT_WHEN_SET.iter().chain(SILENT_SETTINGS).any(|silent| *silent == word)
                {
                    &[]
                } else if let Some((names, _)) = catalog::pragma_rows(schemas.lookup(), None, &word, None) {
                    names
                } else {
                    let known = PRAGMAS.iter().chain(SETTINGS).find(|(known, _)| *known == word);
                    known.ok_or_else(|| unknown(name))?.1
                }
            }
            _ => &[],
        };
        Ok(names.iter().map(|name| column(name)).collect())
    }

    /// Runs a pragma; its rows.
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
            return self.set_number(database, &word, number(argument)?).map(|()| Vec::new());
        }
        let schemas = self.schemas()?;
        let text = argument.map(|argument| match argument {
            PragmaArgument::Word(word) => word.value.to_string(),
            PragmaArgument::Literal(Value::Text(text)) => text.to_string(),
            PragmaArgument::Literal(Value::Integer(i)) => i.to_string(),
            PragmaArgument::Literal(other) => format!("{other:?}"),
        });
        let asked = written.and_then(|database| schemas.get(database)).map(|catalog| &**catalog);
        if let Some((_, rows)) = catalog::pragma_rows(schemas.lookup(), asked, &word, text.as_deref()) {
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
                if let Some(argument) = argument {
                    // Negative means not to wait, as in SQLite.
                    self.busy_timeout = Duration::from_millis(u64::try_from(number(argument)?).unwrap_or(0));
                }
                integer(i64::try_from(self.busy_timeout.as_millis()).unwrap_or(i64::MAX))
            }
            ("compile_options", None) => Ok(Vec::new()),
            ("data_version", None) => {
                let snapshot = self.read_snapshot()?.0;
                let sequence = snapshot.database(database).map_or(0, |snapshot| snapshot.sequence());
                integer(i64::try_from(sequence).unwrap_or(i64::MAX))
            }
            ("database_list", None) => Ok(self.database_list()),
            ("foreign_keys", None) => integer(i64::from(self.foreign_keys)),
            ("foreign_keys", Some(argument)) => {
                // Within a transaction it has no effect, as in SQLite.
                if self.is_autocommit() {
                    self.foreign_keys = switch(argument).unwrap_or(false);
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
                self.defer_foreign_keys = switch(argument).unwrap_or(false);
                Ok(Vec::new())
            }
            ("recursive_triggers", None) => integer(i64::from(self.recursive_triggers)),
            ("recursive_triggers", Some(argument)) => {
                self.recursive_triggers = switch(argument).unwrap_or(false);
                Ok(Vec::new())
            }
            ("freelist_count", None) => integer(i64::from(self.page_counts(database)?.1)),
            ("incremental_vacuum", argument) => {
                // Less than one page means all of them, as in SQLite.
                let pages = argument.map(number).transpose()?.filter(|pages| *pages > 0);
                let pages = pages.map_or(u32::MAX, |pages| u32::try_from(pages).unwrap_or(u32::MAX));
                self.vacuum(database, Vacuum::incremental(pages)).map(|()| Vec::new())
            }
            ("page_count", None) => integer(i64::from(self.page_counts(database)?.0)),
            ("page_size", None) => integer(i64::from(self.store_of(database)?.metrics().page_size)),
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
                self.store_of(database)?.set_synchronous(synchronous(argument)?);
                Ok(Vec::new())
            }
            ("wal_checkpoint", _) => {
                for id in self.databases().filter(|id| written.is_none_or(|written| written == *id)) {
                    self.store_of(id)?.checkpoint()?;
                }
                Ok(vec![vec![Value::Integer(0), Value::Integer(0), Value::Integer(0)]])
            }
            _ if PRAGMAS.iter().any(|(known, _)| *known == word) => {
                Err(Error::invalid(format!("PRAGMA {word} cannot be set"), None))
            }
            _ => Err(unknown(name)),
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

fn unknown(name: &Name) -> Error {
    let word = &name.name.value;
    let known = PRAGMAS.iter().chain(SETTINGS).map(|(known, _)| *known);
    match nearest(word, known) {
        Some(near) => Error::name(format!("there is no pragma {word}; did you mean {near}?"), None),
        None => Error::name(format!("there is no pragma {word}"), None),
    }
}

pub(super) fn number(argument: &PragmaArgument) -> Result<i64> {
    match argument {
        PragmaArgument::Literal(Value::Integer(i)) => Ok(*i),
        _ => Err(Error::invalid("the pragma takes an integer", None)),
    }
}

pub(super) fn switch(argument: &PragmaArgument) -> Option<bool> {
    match argument {
        PragmaArgument::Literal(Value::Integer(i)) => Some(*i != 0),
        PragmaArgument::Word(word) => match word.value.to_ascii_lowercase().as_str() {
            "on" | "true" | "yes" => Some(true),
            "off" | "false" | "no" => Some(false),
            _ => None,
        },
        PragmaArgument::Literal(_) => None,
    }
}

fn synchronous(argument: &PragmaArgument) -> Result<Synchronous> {
    let level = match argument {
        PragmaArgument::Literal(Value::Integer(0)) => Some(Synchronous::Off),
        PragmaArgument::Literal(Value::Integer(1)) => Some(Synchronous::Normal),
        // EXTRA guards a rollback journal that does not exist here: FULL is all there is.
        PragmaArgument::Literal(Value::Integer(2 | 3)) => Some(Synchronous::Full),
        PragmaArgument::Word(word) => match word.value.to_ascii_lowercase().as_str() {
            "off" => Some(Synchronous::Off),
            "normal" => Some(Synchronous::Normal),
            "full" | "extra" => Some(Synchronous::Full),
            _ => None,
        },
        PragmaArgument::Literal(_) => None,
    };
    level.ok_or_else(|| Error::invalid("synchronous is OFF, NORMAL or FULL", None))
}
