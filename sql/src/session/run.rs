//! Starting a statement: queries get their snapshot, writes run to their end, the rest is done at once.

use super::Session;
use super::damage;
use super::prepare::{Compiled, Kind, Machine, WriteMachine};
use super::prepared::{Prepared, Reading, Run};
use super::transaction::{Transaction, Writing};
use crate::catalog::{ObjectKind, Schemas};
use crate::collation::panics_so_far;
use crate::databases::DatabaseSet;
use crate::error::{Error, Result};
use crate::exec::context::ConnectionFacts;
use crate::exec::{Context, Execution, Reader};
use crate::parser::{Parsed, Statement};
use crate::value::Value;
use crate::value_list::ValueList;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// How often a statement is planned again because the schema changed between its look at it and its turn to write.
const SCHEMA_RETRIES: usize = 8;

impl Session {
    /// Starts a run with these parameters, which are taken in exchange for those of an earlier run. A write has run to
    /// its end when this returns; a query's rows come from [`Prepared::step`].
    ///
    /// # Errors
    /// What the start meets; a failed write has changed nothing.
    pub fn start(&mut self, prepared: &mut Prepared, parameters: &mut ValueList) -> Result<()> {
        let started = self.start_run(prepared, parameters);
        started.map_err(|error| damage::named(error, prepared.compiled.schemas()))
    }

    fn start_run(&mut self, prepared: &mut Prepared, parameters: &mut ValueList) -> Result<()> {
        prepared.stop();
        let expected = prepared.compiled.parameters.len();
        if parameters.len() != expected {
            return Err(Error::Misuse(format!(
                "{expected} parameters are needed, {} are given",
                parameters.len()
            )));
        }
        // An interrupt stops what runs when it comes, not what starts after it.
        self.interrupt.store(false, Ordering::Relaxed);
        prepared.changes = 0;
        self.take_functions();
        for _ in 0..SCHEMA_RETRIES {
            match &prepared.compiled.kind {
                Kind::Query(_) => {
                    if self.start_query(prepared, parameters)? {
                        return Ok(());
                    }
                    self.prepare_again(prepared)?;
                }
                Kind::Write(_) => {
                    // A write of its own learns the schema when its turn has come.
                    let may_run = self.is_autocommit() || self.is_current(prepared.compiled.schemas())?;
                    if may_run && self.run_write(prepared, parameters)? {
                        return Ok(());
                    }
                    self.prepare_again(prepared)?;
                }
                Kind::Other(parsed, columns) => {
                    let has_rows = !columns.is_empty();
                    let rows = self.run_other(parsed, &prepared.compiled, parameters)?;
                    if has_rows {
                        prepared.run = Run::Rows(rows, None);
                    }
                    return Ok(());
                }
            }
        }
        Err(Error::Storage(sedge_storage::Error::Conflict))
    }

    /// Gives a run what it takes from outside. The parameters change places with those of the run before, so that no
    /// text in them is copied.
    pub(super) fn fill_context(&self, context: &mut Context, parameters: &mut ValueList, literals: &[Value]) {
        std::mem::swap(&mut context.parameters, parameters);
        // A machine may come from another statement with the same plan; most plans have no literal.
        if context.literals != literals {
            context.literals.clear();
            context.literals.extend_from_slice(literals);
        }
        if !Arc::ptr_eq(&context.interrupt, &self.interrupt) {
            context.interrupt = Arc::clone(&self.interrupt);
        }
        context.facts = ConnectionFacts {
            changes: self.changes,
            total_changes: self.total_changes,
            last_insert_rowid: self.last_insert_rowid,
            foreign_keys: self.foreign_keys,
            defer_foreign_keys: self.defer_foreign_keys,
            recursive_triggers: self.recursive_triggers,
        };
    }

    /// A context for a run of its own.
    pub(super) fn context(&self) -> Context {
        let mut context = Context::new(Arc::clone(&self.interrupt));
        self.fill_context(&mut context, &mut ValueList::default(), &[]);
        context
    }

    /// Starts a query; false if its plan is not of the schema that it would read.
    pub(super) fn start_query(
        &mut self,
        prepared: &mut Prepared,
        parameters: &mut ValueList,
    ) -> Result<bool> {
        let mut execution = match (prepared.take_machine(), &prepared.compiled.kind) {
            (Some(Machine::Query(execution)), _) => execution,
            (_, Kind::Query(plan)) => Box::new(Execution::new(Arc::clone(plan))?),
            _ => return Err(Error::Misuse("a change was started as a query".to_owned())),
        };
        prepared.started = panics_so_far();
        let schemas = prepared.compiled.schemas();
        let started = if execution.looks_up() {
            self.look_up(&mut execution, schemas, parameters, &prepared.literals)
        } else {
            self.start_execution(&mut execution, schemas, parameters, &prepared.literals)
        };
        prepared.machine = Some(Machine::Query(execution));
        match started? {
            Some(run) => prepared.run = run,
            None => return Ok(false),
        }
        Ok(true)
    }

    /// Starts a query over a snapshot; `None` if its plan is not of the schema that it would read.
    fn start_execution(
        &mut self,
        execution: &mut Execution,
        schemas: &Schemas,
        parameters: &mut ValueList,
        literals: &[Value],
    ) -> Result<Option<Run>> {
        let (snapshot, uncommitted) = self.read_snapshot()?;
        let is_current = match &self.transaction {
            Transaction::None => self.are_schemas_of(&snapshot, schemas)?,
            _ => self.is_current(schemas)?,
        };
        if !is_current {
            return Ok(None);
        }
        self.fill_context(execution.context_mut(), parameters, literals);
        execution.start(snapshot)?;
        Ok(Some(Run::Query(uncommitted.then(|| self.reading()))))
    }

    /// Runs a query for one row at hand, where the state it reads stands: a snapshot of its own would be taken and let go
    /// for a single look-up, and one of an open transaction costs more than the look-up.
    fn look_up(
        &mut self,
        execution: &mut Execution,
        schemas: &Schemas,
        parameters: &mut ValueList,
        literals: &[Value],
    ) -> Result<Option<Run>> {
        if matches!(self.transaction, Transaction::Read { seen: None, .. }) {
            // The transaction reads from its first statement on.
            self.read_snapshot()?;
        }
        let newest = match &self.transaction {
            Transaction::None => Some(self.newest()),
            _ => None,
        };
        let is_current = match &newest {
            Some(newest) => self.are_schemas_of(newest, schemas)?,
            None => self.is_current(schemas)?,
        };
        if !is_current {
            return Ok(None);
        }
        self.fill_context(execution.context_mut(), parameters, literals);
        let reading = match (&self.transaction, &newest) {
            (Transaction::Write(writing), _) => {
                execution.look_up(Reader::Transaction(&writing.storage))?;
                Some(self.reading())
            }
            (Transaction::Read { seen: Some((snapshot, _)), .. }, _) | (_, Some(snapshot)) => {
                execution.look_up(Reader::Snapshot(snapshot))?;
                None
            }
            (Transaction::None | Transaction::Read { seen: None, .. }, None) => return Ok(None),
        };
        Ok(Some(Run::Query(reading)))
    }

    /// What a run knows of changes in the open transaction that it reads.
    fn reading(&self) -> Reading {
        Reading { undone: Arc::clone(&self.undone), at_start: self.undone.load(Ordering::Relaxed) }
    }

    /// True if `schemas` are those that the next statement sees.
    fn is_current(&mut self, schemas: &Schemas) -> Result<bool> {
        match &self.transaction {
            Transaction::Write(writing) => Ok(writing.schemas.same(schemas)),
            Transaction::Read { seen: Some((_, known)), .. } => Ok(known.same(schemas)),
            Transaction::None | Transaction::Read { seen: None, .. } => {
                let newest = self.newest();
                self.are_schemas_of(&newest, schemas)
            }
        }
    }

    /// Runs a write to its end; false if the schema changed meanwhile and nothing was done.
    pub(super) fn run_write(&mut self, prepared: &mut Prepared, parameters: &mut ValueList) -> Result<bool> {
        let mut machine = match (prepared.take_machine(), &prepared.compiled.kind) {
            (Some(Machine::Write(machine)), _) => machine,
            (_, Kind::Write(plan)) => {
                Box::new(WriteMachine::new(plan, &prepared.compiled.programs, self.context())?)
            }
            _ => return Err(Error::Misuse("a query was started as a change".to_owned())),
        };
        self.fill_context(&mut machine.context, parameters, &prepared.literals);
        let returns = matches!(&prepared.compiled.kind, Kind::Write(plan) if !plan.outputs().is_empty());
        let schemas = prepared.compiled.schemas();
        let mut run = |writing: &mut Writing| {
            if !writing.schemas.same(schemas) {
                return Ok(None);
            }
            let run = machine.execution.run(&mut writing.storage, &mut machine.context);
            writing.suspects.extend(machine.execution.take_deferred());
            match run {
                // OR FAIL keeps the rows before the one that failed: they are committed, then the error is told.
                Err(error) if machine.execution.keeps() => Ok(Some(Err(error))),
                run => run.map(|_| Some(Ok(()))),
            }
        };
        let done = self.write_to(prepared.compiled.writes, |_, writing| run(writing));
        let done = match done {
            Ok(Some(Err(error))) => Err(error),
            Ok(Some(Ok(()))) => Ok(Some(())),
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        if matches!(done, Ok(None)) {
            // The next try takes them again.
            std::mem::swap(&mut machine.context.parameters, parameters);
        }
        let mut written = machine.execution.written();
        if done.is_err() && !machine.execution.keeps() {
            // A deferred foreign key may fail the commit.
            written.changes = 0;
        }
        if matches!(done, Ok(Some(_))) && returns {
            prepared.run = Run::Rows(machine.execution.take_returned(), None);
        }
        let machine_changes = machine.execution.changes_by_programs();
        let rolls_back = done.is_err() && machine.execution.rolls_back();
        prepared.machine = Some(Machine::Write(machine));
        if !matches!(done, Ok(None)) {
            self.changes = written.changes;
            self.total_changes += written.changes + machine_changes;
            if let Some(row_id) = written.last_row_id {
                self.last_insert_rowid = row_id;
            }
            prepared.changes = written.changes;
        }
        if rolls_back && !self.is_autocommit() {
            self.rollback()?;
        }
        Ok(done?.is_some())
    }

    /// Runs what is not planned; rows for what shows something.
    fn run_other(
        &mut self,
        parsed: &Parsed,
        compiled: &Compiled,
        parameters: &mut ValueList,
    ) -> Result<Vec<Vec<Value>>> {
        match &parsed.statement {
            Statement::Begin(mode) => self.begin(*mode)?,
            Statement::Commit => self.commit()?,
            Statement::Rollback { to: None } => self.rollback()?,
            Statement::Rollback { to: Some(name) } => self.rollback_to(&name.value)?,
            Statement::Savepoint(name) => self.savepoint(&name.value)?,
            Statement::Release(name) => self.release(&name.value)?,
            Statement::Pragma { name, argument } => return self.run_pragma(name, argument.as_ref()),
            Statement::Explain { mode, statement } => {
                return self.run_explain(*mode, statement, parsed, compiled.schemas(), parameters);
            }
            Statement::CreateTable(_)
            | Statement::CreateIndex(_)
            | Statement::CreateView(_)
            | Statement::CreateTrigger(_)
            | Statement::Drop { .. } => self.run_schema_change(parsed)?,
            Statement::AlterTable { table, operation } => {
                let database = self.database_of(ObjectKind::Table, table)?;
                self.write_to(DatabaseSet::only(database), |session, writing| {
                    session.alter_table(parsed, table, operation, database, writing)
                })?;
            }
            Statement::Analyze(name) => self.analyze(name.as_ref())?,
            Statement::Reindex(name) => self.reindex(name.as_ref())?,
            Statement::Vacuum { database, into } => {
                self.run_vacuum(database.as_ref(), into.as_deref(), parsed, parameters)?;
            }
            Statement::Attach { file, name } => self.attach(file, name, parsed, parameters)?,
            Statement::Detach(name) => self.detach(name)?,
            // These are planned.
            Statement::Query(_) | Statement::Insert(_) | Statement::Update(_) | Statement::Delete(_) => {}
        }
        Ok(Vec::new())
    }
}
