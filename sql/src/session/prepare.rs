//! From text to a plan: on a miss of the cache, everything between parser and planner.

use super::Session;
use super::prepared::Prepared;
use super::statistics::SnapshotStatistics;
use crate::bind::{self, BindContext};
use crate::catalog::Schemas;
use crate::databases::DatabaseSet;
use crate::error::{Error, Result};
use crate::exec::expr::{CompiledExpr, Scope};
use crate::exec::write::WriteExecution;
use crate::exec::{Context, Execution};
use crate::functions::Datum;
use crate::ir::{Expr, Output, Write};
use crate::parser::{self, Parsed, Statement};
use crate::plan::{self, Plan, PlanContext, Programs, RowEvent, WritePlan};
use crate::value::Value;
use std::sync::{Arc, Mutex};

/// A statement bound and planned under the schemas of one moment.
pub(super) struct Compiled {
    pub(super) kind: Kind,
    /// Triggers and foreign keys of the tables that a write may change.
    pub(super) programs: Arc<Programs>,
    schemas: Schemas,
    /// The databases that a run may change.
    pub(super) writes: DatabaseSet,
    /// Literals on whose values the plan depends.
    pinned: Vec<(usize, Value)>,
    pub(super) parameters: Vec<Option<String>>,
    /// The operators of a run that has ended, for the next one.
    pub(super) idle: Mutex<Option<Machine>>,
}

/// What a statement is.
pub(super) enum Kind {
    /// A query.
    Query(Arc<Plan>),
    /// INSERT, UPDATE, DELETE.
    Write(Arc<WritePlan>),
    /// All that is not planned, and the columns of what it shows.
    Other(Box<Parsed>, Vec<Output>),
}

/// Operators ready to run.
pub(super) enum Machine {
    /// Of a query.
    Query(Box<Execution>),
    /// Of a write.
    Write(Box<WriteMachine>),
}

/// A write and the context of its runs.
pub(super) struct WriteMachine {
    pub(super) execution: WriteExecution,
    pub(super) context: Context,
}

impl WriteMachine {
    pub(super) fn new(
        plan: &Arc<WritePlan>,
        programs: &Arc<Programs>,
        context: Context,
    ) -> Result<WriteMachine> {
        let execution = WriteExecution::new(Arc::clone(plan), Arc::clone(programs))?;
        Ok(WriteMachine { execution, context })
    }
}

impl Compiled {
    /// The schemas that the names were resolved by.
    pub(super) fn schemas(&self) -> &Schemas {
        &self.schemas
    }

    /// True if the plan is right for a text with these literals under these schemas.
    pub(super) fn serves(&self, literals: &[Value], schemas: &Schemas) -> bool {
        self.schemas.same(schemas)
            && self.pinned.iter().all(|(slot, value)| literals.get(*slot) == Some(value))
    }
}

impl Session {
    /// Prepares the first statement of `text`; the number of bytes it takes is given with it. `None` if only blanks
    /// and comments are left.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn prepare(&mut self, text: &str) -> Result<Option<(Prepared, usize)>> {
        let schemas = self.schemas()?;
        let mut scratch = std::mem::take(&mut self.scratch);
        let done = self.prepare_lifted(text, &schemas, &mut scratch);
        self.scratch = scratch;
        done
    }

    fn prepare_lifted(
        &mut self,
        text: &str,
        schemas: &Schemas,
        scratch: &mut parser::LiftScratch,
    ) -> Result<Option<(Prepared, usize)>> {
        let without_lifting = self.choices.without_lifting;
        let Some(lifted) = parser::lift(text, scratch).filter(|_| !without_lifting) else {
            let Some((parsed, used)) = parser::parse_one(text, None)? else { return Ok(None) };
            let compiled = Arc::new(self.compile_in(parsed, &[], schemas)?);
            return Ok(Some((Prepared::new(&text[..used], compiled, Vec::new()), used)));
        };
        let literals = lifted.literals.to_vec();
        let end = lifted.end;
        if let Some(compiled) = self.cache.find(lifted.key, &literals, schemas) {
            return Ok(Some((Prepared::new(&text[..end], compiled, literals), end)));
        }
        let Some((parsed, used)) = parser::parse_one(text, Some(lifted.slots()))? else {
            return Ok(None);
        };
        let compiled = Arc::new(self.compile_in(parsed, &literals, schemas)?);
        self.cache.insert(lifted.key, Arc::clone(&compiled));
        Ok(Some((Prepared::new(&text[..used], compiled, literals), used)))
    }

    /// Prepares a statement again after the schema has changed.
    pub(super) fn prepare_again(&mut self, prepared: &mut Prepared) -> Result<()> {
        let text = Arc::clone(prepared.shared_text());
        match self.prepare(&text)? {
            Some((next, _)) => prepared.replace_plan(next),
            None => return Err(Error::Misuse("the statement has gone".to_string())),
        }
        Ok(())
    }

    /// Compiles a statement; errors point into the text that it was parsed from.
    pub(super) fn compile_in(
        &mut self,
        parsed: Parsed,
        literals: &[Value],
        schemas: &Schemas,
    ) -> Result<Compiled> {
        let start = parsed.start;
        self.compile(parsed, literals, schemas).map_err(|error| error.shifted(start))
    }

    /// Binds and plans a statement.
    pub(super) fn compile(
        &mut self,
        parsed: Parsed,
        literals: &[Value],
        schemas: &Schemas,
    ) -> Result<Compiled> {
        let parameters = parsed.parameters.clone();
        let mut read = parsed.pinned.clone();
        let mut programs: Arc<Programs> = Arc::default();
        let (kind, pinned) = match &parsed.statement {
            Statement::Query(query) => {
                let bound = bind::bind_query(&parsed, query, &bind_context(schemas, literals))?;
                let pinned = bound.pinned.clone();
                (Kind::Query(Arc::new(self.plan(|cx| plan::plan_query(bound, cx))?)), pinned)
            }
            Statement::Insert(_) | Statement::Update(_) | Statement::Delete(_) => {
                let bound = bind::bind_write(&parsed, &parsed.statement, &bind_context(schemas, literals))?;
                let pinned = bound.pinned.clone();
                programs = self.programs(schemas, &bound.root.target().table)?;
                fired_programs(&bound.root, &programs, self.foreign_keys)?;
                (Kind::Write(Arc::new(self.plan(|cx| plan::plan_write(bound, cx))?)), pinned)
            }
            _ => {
                let columns = self.result_columns(&parsed, schemas)?;
                (Kind::Other(Box::new(parsed), columns), Vec::new())
            }
        };
        read.extend(pinned);
        // A pinned slot beyond the literals cannot be: the binder pins what it has read.
        let pinned = read.into_iter().filter_map(|slot| Some((slot, literals.get(slot)?.clone()))).collect();
        Ok(Compiled {
            kind,
            writes: programs.writes,
            programs,
            schemas: schemas.clone(),
            pinned,
            parameters,
            idle: Mutex::new(None),
        })
    }

    /// Runs the planner with what the present snapshot tells of sizes.
    pub(super) fn plan<T>(&mut self, plan: impl FnOnce(&PlanContext<'_>) -> Result<T>) -> Result<T> {
        let schemas = self.schemas()?;
        let statistics = SnapshotStatistics::new(self.read_snapshot()?.0, &schemas);
        plan(&PlanContext { statistics: &statistics, fold: &fold, choices: self.choices })
    }
}

/// Fails if a trigger that the statement fires cannot run, or a foreign key that it meets fits no parent.
fn fired_programs(write: &Write, programs: &Programs, foreign_keys: bool) -> Result<()> {
    let event = match write {
        Write::Insert(_) => RowEvent::Insert,
        Write::Update(_) => RowEvent::Update,
        Write::Delete(_) => RowEvent::Delete,
    };
    let Some(own) = programs.of(&write.target().table) else { return Ok(()) };
    let mismatch = match event {
        RowEvent::Insert => own.keys.iter().find_map(|key| key.lookup.as_ref().err()),
        RowEvent::Delete => own.children.iter().find_map(|child| child.reference.lookup.as_ref().err()),
        // Which keys an UPDATE meets depends on what it assigns.
        RowEvent::Update => None,
    };
    if let Some(why) = mismatch.filter(|_| foreign_keys) {
        return Err(Error::invalid(why.clone(), None));
    }
    let mut fired = own.triggers.iter().filter(|t| t.event == event && t.columns.is_none());
    match fired.find_map(|trigger| trigger.program.as_ref().err()) {
        Some(why) => Err(Error::name(why.clone(), None)),
        None => Ok(()),
    }
}

/// What the binder sees of the databases.
pub(super) fn bind_context<'a>(schemas: &'a Schemas, literals: &'a [Value]) -> BindContext<'a> {
    BindContext { catalog: schemas.lookup(), literals }
}

/// Evaluates a constant expression for the planner; `None` if it raises.
pub(super) fn fold(expr: &Expr) -> Option<Value> {
    let mut context = Context::new(Arc::default());
    let mut compiled = CompiledExpr::compile(expr, Scope::default()).ok()?;
    let row: &[Value] = &[];
    let value = match compiled.eval_row(&row, &mut context).ok()? {
        Datum::Borrowed(value) => value.to_owned(),
        Datum::Owned(value) => value,
    };
    Some(value)
}
