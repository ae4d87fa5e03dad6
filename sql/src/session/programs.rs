//! Triggers and foreign keys of the tables that a statement may change, bound and planned once for each catalog.
//!
//! From the statement's table the search goes on to every table that a program of one found before may change. The
//! actions of foreign keys are statements like those of triggers, written here as SQL.

use super::Session;
use crate::bind::{self, BoundStep, ProgramText};
use crate::catalog::{Lookup, Reference, Schemas, Table, TableKind, Trigger};
use crate::error::{Error, Result};
use crate::parser::{ForeignAction, Hints, Statement, TriggerEvent, parse_one};
use crate::plan::{
    self, ChildProgram, PlanContext, Program, ProgramOwner, ProgramStep, Programs, RowEvent, TablePrograms,
    TriggerProgram,
};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// The programs found under one catalog, by the table that they begin at.
#[derive(Default)]
pub(super) struct ProgramCache {
    schemas: Option<Schemas>,
    sets: FxHashMap<ProgramOwner, Arc<Programs>>,
}

impl Session {
    /// The programs of `table` and of all that they lead to.
    pub(super) fn programs(&mut self, schemas: &Schemas, table: &Arc<Table>) -> Result<Arc<Programs>> {
        if !self.programs.schemas.as_ref().is_some_and(|known| known.same(schemas)) {
            self.programs = ProgramCache { schemas: Some(schemas.clone()), ..ProgramCache::default() };
        }
        let owner = ProgramOwner::of(table);
        if let Some(known) = self.programs.sets.get(&owner) {
            return Ok(Arc::clone(known));
        }
        let programs = self.plan(|cx| Ok(Arc::new(find_programs(schemas.lookup(), table, cx))))?;
        self.programs.sets.insert(owner, Arc::clone(&programs));
        Ok(programs)
    }
}

/// The programs of `table` and of all that they lead to.
pub(super) fn find_programs(catalog: Lookup<'_>, table: &Arc<Table>, cx: &PlanContext<'_>) -> Programs {
    let mut search = Search { catalog, cx, next_id: 0, waiting: vec![Arc::clone(table)] };
    let mut programs = Programs::default();
    let mut seen = Vec::new();
    while let Some(table) = search.waiting.pop() {
        let owner = ProgramOwner::of(&table);
        if seen.contains(&owner) {
            continue;
        }
        seen.push(owner.clone());
        if table.kind != TableKind::View {
            programs.writes = programs.writes.with(table.root.database);
        }
        let found = search.of_table(&table);
        if !found.triggers.is_empty() || !found.keys.is_empty() || !found.children.is_empty() {
            programs.tables.insert(owner, Arc::new(found));
        }
    }
    programs
}

struct Search<'a> {
    catalog: Lookup<'a>,
    cx: &'a PlanContext<'a>,
    next_id: usize,
    /// Tables that programs may change.
    waiting: Vec<Arc<Table>>,
}

impl Search<'_> {
    fn of_table(&mut self, table: &Arc<Table>) -> TablePrograms {
        let triggers: Vec<_> = self.catalog.triggers(table.root.database, &table.name).collect();
        let triggers = triggers.into_iter().map(|trigger| Arc::new(self.trigger(table, trigger))).collect();
        let Some(catalog) = self.catalog.get(table.root.database) else { return TablePrograms::default() };
        let reference = |key| Arc::new(Reference::new(catalog, table, key));
        let keys = table.foreign_keys.iter().map(reference).collect();
        // The newest first, as in SQLite.
        let mut children: Vec<_> = catalog.references_to(&table.name).collect();
        if table.kind == TableKind::View {
            // What refers to a view refers to no key; who changes the view is not to blame.
            children.clear();
        }
        children.reverse();
        let child = |(child, key)| Arc::new(self.child(table, Arc::new(Reference::new(catalog, child, key))));
        let children = children.into_iter().map(child).collect();
        TablePrograms { triggers, keys, children }
    }

    fn trigger(&mut self, table: &Arc<Table>, trigger: &Trigger) -> TriggerProgram {
        let create = &trigger.create;
        let (event, columns) = match &create.event {
            TriggerEvent::Insert => (RowEvent::Insert, &[][..]),
            TriggerEvent::Delete => (RowEvent::Delete, &[][..]),
            TriggerEvent::Update(columns) => (RowEvent::Update, columns.as_slice()),
        };
        let unknown = columns.iter().find(|column| table.column(&column.value).is_none());
        let program = match unknown {
            Some(column) => Err(Error::name(format!("no such column: {}", column.value), None)),
            None => self.program(&ProgramText {
                home: trigger.database,
                table,
                sides: (event != RowEvent::Insert, event != RowEvent::Delete),
                condition: create.condition.as_ref(),
                body: &create.body,
                text: &trigger.sql,
                hints: &trigger.hints,
            }),
        };
        let places = columns.iter().filter_map(|column| table.column(&column.value));
        TriggerProgram {
            time: create.time,
            event,
            columns: (!columns.is_empty()).then(|| places.collect()),
            program: program.map_err(|error| format!("trigger {}: {error}", trigger.name)),
        }
    }

    fn child(&mut self, parent: &Arc<Table>, reference: Arc<Reference>) -> ChildProgram {
        let key = Arc::clone(&reference.key);
        let on_delete = self.action(parent, &reference, key.on_delete, false);
        let on_update = self.action(parent, &reference, key.on_update, true);
        ChildProgram { reference, on_delete, on_update }
    }

    /// The statement by which a foreign key changes the rows that refer to one.
    fn action(
        &mut self,
        parent: &Arc<Table>,
        reference: &Reference,
        action: ForeignAction,
        updates: bool,
    ) -> Option<Result<Program, String>> {
        if reference.lookup.is_err() || matches!(action, ForeignAction::NoAction | ForeignAction::Restrict) {
            return None;
        }
        let program = action_statement(parent, reference, action, updates).and_then(|(text, body)| {
            self.program(&ProgramText {
                home: parent.root.database,
                table: parent,
                sides: (true, updates),
                condition: None,
                body: &[body],
                text: &text,
                hints: &Hints::default(),
            })
        });
        Some(program.map_err(|error| error.to_string()))
    }

    fn program(&mut self, text: &ProgramText<'_>) -> Result<Program> {
        let bound = bind::bind_program(self.catalog, text)?;
        let condition = bound.condition.map(|bound| plan::plan_condition(bound, self.cx)).transpose()?;
        let mut steps = Vec::with_capacity(bound.steps.len());
        for step in bound.steps {
            steps.push(match step {
                BoundStep::Query(bound) => plan::plan_query_step(*bound, self.cx)?,
                BoundStep::Write(bound) => plan::plan_write_step(*bound, self.cx)?,
            });
        }
        for step in &steps {
            if let ProgramStep::Write(plan) = step {
                self.waiting.push(Arc::clone(&plan.target().table));
            }
        }
        self.next_id += 1;
        Ok(Program { id: self.next_id, condition, steps })
    }
}

/// An action as SQL, and parsed.
fn action_statement(
    parent: &Table,
    reference: &Reference,
    action: ForeignAction,
    updates: bool,
) -> Result<(String, Statement)> {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let child = &reference.child;
    let table = quoted(&child.name);
    let pairs: Vec<(usize, String, String)> = reference
        .key
        .columns
        .iter()
        .zip(&reference.parent_columns)
        .filter_map(|(below, above)| {
            let names = (child.columns.get(*below)?, parent.columns.get(*above)?);
            Some((*below, quoted(&names.0.name), quoted(&names.1.name)))
        })
        .collect();
    let same = pairs.iter().map(|(_, below, above)| format!("OLD.{above} = {table}.{below}"));
    let same = same.collect::<Vec<_>>().join(" AND ");
    let text = if action == ForeignAction::Cascade && !updates {
        format!("DELETE FROM {table} WHERE {same}")
    } else {
        let set = pairs.iter().map(|(_, below, above)| match action {
            ForeignAction::Cascade => format!("{below} = NEW.{above}"),
            _ => format!("{below} = NULL"),
        });
        format!("UPDATE {table} SET {} WHERE {same}", set.collect::<Vec<_>>().join(", "))
    };
    let Some((parsed, _)) = parse_one(&text, None)? else {
        return Err(Error::Misuse("the action of a foreign key is no statement".to_owned()));
    };
    let mut statement = parsed.statement;
    if let (Statement::Update(update), ForeignAction::SetDefault) = (&mut statement, action) {
        for (assignment, (below, ..)) in update.assignments.iter_mut().zip(&pairs) {
            let default = child.columns.get(*below).and_then(|column| column.default.as_ref());
            if let Some(default) = default {
                assignment.value = default.expr.clone();
            }
        }
    }
    Ok((text, statement))
}
