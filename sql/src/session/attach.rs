//! ATTACH and DETACH.

use super::others::Other;
use super::transaction::Transaction;
use super::{Engine, Session};
use crate::databases::DatabaseId;
use crate::error::{Error, Result};
use crate::parser::ast::{Expr, Ident};
use crate::parser::{Parsed, span_of};
use crate::value_list::ValueList;
use sedge_storage::{Options, Store};
use std::path::Path;
use std::sync::Arc;

/// How many databases may be attached: as many as in SQLite.
const ATTACHED_MAX: u8 = 10;

impl Session {
    /// ATTACH: a file, which is made if there is none, or a database in memory.
    pub(super) fn attach(
        &mut self,
        file: &Expr,
        name: &Expr,
        parsed: &Parsed,
        parameters: &mut ValueList,
    ) -> Result<()> {
        let file = self.word(file, parsed, parameters)?;
        let name = self.word(name, parsed, parameters)?;
        let places = (0..ATTACHED_MAX).map(DatabaseId::attached);
        let Some(id) = places.into_iter().find(|id| self.engine_of(*id).is_none()) else {
            return Err(Error::limit(format!("too many attached databases - max {ATTACHED_MAX}")));
        };
        let is_taken = |known: &str| known.eq_ignore_ascii_case(&name);
        if is_taken("main") || is_taken("temp") || self.others.list.iter().any(|other| is_taken(&other.name))
        {
            return Err(Error::name(format!("database {name} is already in use"), None));
        }
        let main = self.engine.store();
        let options = Options {
            synchronous: main.synchronous(),
            read_only: main.is_read_only(),
            create: !main.is_read_only(),
            busy_timeout: self.busy_timeout,
            ..Options::default()
        };
        let store = if file.is_empty() || file == ":memory:" {
            Store::open_in_memory(&Options { read_only: false, ..options })?
        } else {
            Store::open(Path::new(&file), &options)?
        };
        let known = std::iter::once(("main", &self.engine));
        let mut known = known.chain(self.others.list.iter().map(|other| (&*other.name, &other.engine)));
        if let Some((twin, _)) = known.find(|(_, engine)| engine.store().identity() == store.identity()) {
            return Err(Error::invalid(format!("database {file} is already attached, as {twin}"), None));
        }
        let engine = Arc::new(Engine::new(store, self.busy_timeout)?);
        self.add_other(Other::new(id, &name, engine, &self.engine.functions())?)
    }

    /// DETACH. A file is closed, unless others of this process have it open.
    pub(super) fn detach(&mut self, name: &Ident) -> Result<()> {
        let (word, span) = (&name.value, span_of(name.span));
        if word.eq_ignore_ascii_case("main") || word.eq_ignore_ascii_case("temp") {
            return Err(Error::invalid(format!("cannot detach database {word}"), span));
        }
        let place = self.others.list.iter().position(|other| other.name.eq_ignore_ascii_case(word));
        let Some(place) = place else {
            return Err(Error::name(format!("no such database: {word}"), span));
        };
        if !matches!(self.transaction, Transaction::None | Transaction::Read { seen: None, .. }) {
            return Err(Error::invalid(format!("database {word} is locked: a transaction is open"), span));
        }
        let other = self.others.list.remove(place);
        self.others.forget_last();
        // Queries that still run hold the store; it is closed with the last of them.
        match Arc::try_unwrap(other.engine) {
            Ok(engine) => engine.close(),
            Err(_) => Ok(()),
        }
    }

    /// The text of an operand of ATTACH, in which a bare word stands for itself.
    fn word(&mut self, expr: &Expr, parsed: &Parsed, parameters: &mut ValueList) -> Result<String> {
        match expr {
            Expr::Identifier(word) => Ok(word.value.to_string()),
            expr => self.text_of(expr, parsed, parameters)?.ok_or_else(|| {
                Error::invalid("ATTACH takes the name of a file and that of a database, as texts", None)
            }),
        }
    }
}
