//! Programs that run for a row being changed: triggers, and the actions of foreign keys. Their statements see the row
//! as it was and as it will be as OLD and NEW, in a scope around all others.
//!
//! Columns of OLD have the ids from 0 on, in the order of the table's and then the row id; those of NEW follow.

use super::function::Arguments;
use super::names::Names;
use super::scope::{Clause, Scope};
use super::select::Naming;
use super::text::Text;
use super::typed::Typed;
use super::view::view_table;
use super::{BindContext, Binder};
use crate::catalog::{Lookup, Relation, Table, Trigger};
use crate::databases::DatabaseId;
use crate::error::{Error, Result, Span};
use crate::functions::{raise_action, raise_function};
use crate::ir::{Bound, ColumnId, Expr, Query, Write};
use crate::parser::ast;
use crate::parser::{Hints, Statement};
use crate::types::{Collation, TypeSet};
use crate::value::Value;
use std::sync::Arc;

/// A program as it is written.
#[derive(Clone, Copy, Debug)]
pub struct ProgramText<'a> {
    /// The database that keeps it.
    pub home: DatabaseId,
    /// The table whose rows it runs for.
    pub table: &'a Arc<Table>,
    /// True if there is an OLD, and a NEW.
    pub sides: (bool, bool),
    /// WHEN.
    pub condition: Option<&'a ast::Expr>,
    /// The statements.
    pub body: &'a [Statement],
    /// The text that their places are in.
    pub text: &'a str,
    /// Clauses that their trees cannot hold.
    pub hints: &'a Hints,
}

/// A bound program. Each part has ids of its own, but for those of OLD and NEW.
#[derive(Debug)]
pub struct BoundProgram {
    /// WHEN.
    pub condition: Option<Bound<Expr>>,
    /// The statements.
    pub steps: Vec<BoundStep>,
}

/// A statement of a program.
#[derive(Debug)]
pub enum BoundStep {
    /// SELECT, whose rows go nowhere.
    Query(Box<Bound<Query>>),
    /// INSERT, UPDATE, DELETE.
    Write(Box<Bound<Write>>),
}

/// Binds a program.
///
/// # Errors
/// As [`super::bind_query`] and [`super::bind_write`].
pub fn bind_program(catalog: Lookup<'_>, program: &ProgramText<'_>) -> Result<BoundProgram> {
    bind_noting(catalog, program, &mut None)
}

/// Binds a program and adds the names in it to those noted.
pub(super) fn bind_noting(
    catalog: Lookup<'_>,
    program: &ProgramText<'_>,
    names: &mut Option<Names>,
) -> Result<BoundProgram> {
    let cx = BindContext { catalog, literals: &[] };
    let condition = match program.condition {
        None => None,
        Some(condition) => {
            let (mut binder, given) = Binder::of_program(&cx, program, names);
            let bound = binder.expr(condition)?.expr;
            *names = binder.names.take();
            Some(Bound { given, ..binder.finish(bound) })
        }
    };
    let mut steps = Vec::with_capacity(program.body.len());
    for statement in program.body {
        let (mut binder, given) = Binder::of_program(&cx, program, names);
        let returning = |returning: &Option<crate::parser::Returning>| match returning {
            None => Ok(()),
            Some(_) => Err(Error::invalid("cannot use RETURNING in a trigger", None)),
        };
        let write = match statement {
            Statement::Query(query) => {
                let selected = binder.query(query, Naming::None)?;
                let root = binder.finish_query(selected);
                *names = binder.names.take();
                steps.push(BoundStep::Query(Box::new(Bound { given, ..binder.finish(root) })));
                continue;
            }
            Statement::Insert(insert) => {
                returning(&insert.returning)?;
                binder.insert(insert)?
            }
            Statement::Update(update) => {
                returning(&update.returning)?;
                binder.update(update)?
            }
            Statement::Delete(delete) => {
                returning(&delete.returning)?;
                binder.delete(delete)?
            }
            _ => return Err(Error::invalid("a trigger may only query and change rows", None)),
        };
        *names = binder.names.take();
        steps.push(BoundStep::Write(Box::new(Bound { given, ..binder.finish(write) })));
    }
    Ok(BoundProgram { condition, steps })
}

/// What a trigger is for: its table, or the table that stands for its view.
pub(super) fn triggered(catalog: Lookup<'_>, trigger: &Trigger) -> Result<Arc<Table>> {
    let watched = catalog.watched(trigger).and_then(|database| catalog.get(database));
    match watched.and_then(|watched| watched.relation(&trigger.table)) {
        Some(Relation::Table(table)) => Ok(Arc::clone(table)),
        Some(Relation::View(view)) => view_table(catalog, view),
        None => Err(Error::name(format!("no such table: {}", trigger.table), None)),
    }
}

impl<'a> Binder<'a> {
    /// A binder inside a program, and the columns of OLD and NEW.
    fn of_program(
        cx: &'a BindContext<'a>,
        program: &ProgramText<'a>,
        names: &mut Option<Names>,
    ) -> (Binder<'a>, Vec<ColumnId>) {
        let mut binder = Binder::of_schema(cx);
        binder.text = Text::new(program.text);
        binder.hints = program.hints;
        binder.in_trigger = true;
        binder.home = program.home;
        binder.names = names.take();
        binder.names.iter_mut().for_each(Names::next_binder);
        let mut given = Vec::new();
        let mut scope = Scope::new(Vec::new(), Clause::Row);
        for (name, is_there) in [("old", program.sides.0), ("new", program.sides.1)] {
            let (mut source, row_id) = binder.source(program.table, name.to_owned());
            given.extend(source.columns.iter().map(|column| column.id));
            given.push(row_id);
            source.database = None;
            for column in &mut source.columns {
                // Neither goes without its name before it, and a trigger may see what no constraint has seen.
                column.hidden = true;
                column.types = column.types | TypeSet::NULL;
            }
            if is_there {
                scope.sources.push(source);
            }
        }
        binder.scopes.push(scope);
        (binder, given)
    }

    /// `RAISE(action, message)`.
    pub(super) fn raise(&mut self, call: &'a ast::Function, span: Option<Span>) -> Result<Typed> {
        if !self.in_trigger {
            return Err(Error::invalid("RAISE() may only be used within a trigger-program", span));
        }
        let Arguments { exprs, .. } = self.call_arguments(call, "raise", span)?;
        let action = match exprs.first() {
            Some(ast::Expr::Identifier(word)) => raise_action(&word.value),
            _ => None,
        };
        let Some(action) = action else { return Err(Error::invalid("RAISE() needs an action", span)) };
        let message = match exprs.get(1) {
            Some(message) => self.expr(message)?.expr,
            None => Expr::Constant(Value::Null),
        };
        let args = vec![Expr::Constant(Value::Integer(action)), message];
        let call = Expr::Function { function: raise_function(), args, collation: Collation::Binary };
        Ok(Typed::plain(call, TypeSet::ALL))
    }
}
