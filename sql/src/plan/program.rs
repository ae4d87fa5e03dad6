//! Programs that run for a row being changed, planned: triggers and the actions of foreign keys, for all tables that a
//! statement may change, directly or through other programs.

use super::rewrite::Rewriter;
use super::{Expressions, Plan, PlanContext, Statement, WritePlan, plan_query, plan_write};
use crate::catalog::{Reference, Table, TableKind};
use crate::databases::{DatabaseId, DatabaseSet, TreeId};
use crate::error::Result;
use crate::ir::{Bound, Expr, Query, Write};
use crate::parser::TriggerTime;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// The programs of all tables that a statement may change; a table without any is not in it.
#[derive(Debug, Default)]
pub struct Programs {
    /// By what they belong to.
    pub tables: FxHashMap<ProgramOwner, Arc<TablePrograms>>,
    /// The databases of the statement's table and of those that the programs may change.
    pub writes: DatabaseSet,
}

impl Programs {
    /// Those of a table, or of the view that it stands for.
    #[must_use]
    pub fn of(&self, table: &Table) -> Option<&Arc<TablePrograms>> {
        if self.tables.is_empty() { None } else { self.tables.get(&ProgramOwner::of(table)) }
    }
}

/// What programs belong to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ProgramOwner {
    /// A table, by its tree.
    Table(TreeId),
    /// A view, by its database and its name.
    View(DatabaseId, String),
}

impl ProgramOwner {
    /// A table, or the view that it stands for.
    #[must_use]
    pub fn of(table: &Table) -> ProgramOwner {
        match table.kind {
            TableKind::RowId | TableKind::Clustered => ProgramOwner::Table(table.root),
            TableKind::View => ProgramOwner::View(table.root.database, table.name.clone()),
        }
    }
}

/// What a change of a table's rows leads to.
#[derive(Debug, Default)]
pub struct TablePrograms {
    /// Triggers, in the order in which they fire.
    pub triggers: Vec<Arc<TriggerProgram>>,
    /// The table's own foreign keys.
    pub keys: Vec<Arc<Reference>>,
    /// Foreign keys of other tables, and of itself, that refer to it.
    pub children: Vec<Arc<ChildProgram>>,
}

/// What a trigger is fired by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowEvent {
    /// INSERT.
    Insert,
    /// UPDATE.
    Update,
    /// DELETE.
    Delete,
}

/// A trigger.
#[derive(Debug)]
pub struct TriggerProgram {
    /// When it fires.
    pub time: TriggerTime,
    /// What it is fired by.
    pub event: RowEvent,
    /// UPDATE OF: one of these must be assigned.
    pub columns: Option<Vec<usize>>,
    /// What it does; else why it cannot be fired.
    pub program: Result<Program, String>,
}

/// What becomes of the rows that refer to one that goes or changes its key.
#[derive(Debug)]
pub struct ChildProgram {
    /// The key.
    pub reference: Arc<Reference>,
    /// ON DELETE, where it changes rows.
    pub on_delete: Option<Result<Program, String>>,
    /// ON UPDATE, where it changes rows.
    pub on_update: Option<Result<Program, String>>,
}

/// Statements that run for one row.
#[derive(Debug)]
pub struct Program {
    /// Tells programs apart within one [`Programs`].
    pub id: usize,
    /// WHEN.
    pub condition: Option<(Expr, Expressions)>,
    /// The statements.
    pub steps: Vec<ProgramStep>,
}

/// One statement of a program.
#[derive(Debug)]
pub enum ProgramStep {
    /// SELECT.
    Query(Arc<Plan>),
    /// INSERT, UPDATE, DELETE.
    Write(Arc<WritePlan>),
}

/// Plans the condition of a program.
///
/// # Errors
/// As [`plan_query`].
pub fn plan_condition(bound: Bound<Expr>, cx: &PlanContext<'_>) -> Result<(Expr, Expressions)> {
    let Bound { root, subqueries, next_column, given, .. } = bound;
    let rewriter = Rewriter::new(subqueries, next_column, cx);
    let expressions = Statement::new(rewriter, [], given).condition(&root)?;
    Ok((root, expressions))
}

/// Plans a query of a program.
///
/// # Errors
/// As [`plan_query`].
pub fn plan_query_step(bound: Bound<Query>, cx: &PlanContext<'_>) -> Result<ProgramStep> {
    plan_query(bound, cx).map(|plan| ProgramStep::Query(Arc::new(plan)))
}

/// Plans a change of a program.
///
/// # Errors
/// As [`plan_write`].
pub fn plan_write_step(bound: Bound<Write>, cx: &PlanContext<'_>) -> Result<ProgramStep> {
    plan_write(bound, cx).map(|plan| ProgramStep::Write(Arc::new(plan)))
}
