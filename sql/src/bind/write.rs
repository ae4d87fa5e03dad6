//! INSERT, UPDATE and DELETE: the table written to, the rows found, and the values they take.

use super::Binder;
use super::compound::Limits;
use super::from::{From, relation_names};
use super::scope::{Clause, Merged, Scope, Source, SourceColumn};
use super::select::{Naming, Selected};
use super::typed::Typed;
use super::view::view_table;
use super::walk::{columns_of, for_each_node, subquery_of};
use crate::catalog::{IndexColumn, IndexKey, Relation as Object, Table, TableKind, View, is_row_id_name};
use crate::error::{Error, Result};
use crate::ir::{
    self, ColumnId, ColumnSet, Expr, IndexHint, InsertColumn, InsertSource, JoinKind, Output, Query,
    Relation, TableRows, Target, Write,
};
use crate::parser::ast;
use crate::parser::{Assignment, Delete, Insert, Name, TriggerEvent, Update};
use crate::suggest::{nearest, suggest};
use crate::types::{Affinity, Collation, ColumnType, TypeSet};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a statement changes.
pub(super) enum Written<'a> {
    Table(&'a Arc<Table>),
    /// A view, and the table that stands for it.
    View(&'a View, Arc<Table>),
}

impl Written<'_> {
    fn table(&self) -> &Arc<Table> {
        match self {
            Written::Table(table) => table,
            Written::View(_, table) => table,
        }
    }
}

/// The clauses by which UPDATE and DELETE find their rows.
struct Finding<'a> {
    indexed: Option<&'a Option<ast::Ident>>,
    from: &'a [ast::TableWithJoins],
    filter: Option<&'a ast::Expr>,
    order_by: &'a [ast::OrderByExpr],
    limit: Option<&'a (ast::Expr, Option<ast::Expr>)>,
}

impl<'a> Binder<'a> {
    pub(super) fn insert(&mut self, insert: &'a Insert) -> Result<Write> {
        let written = self.written(&insert.table)?;
        let table = written.table();
        self.note_table(&insert.table.name, table, None);
        self.must_have_trigger(table, &insert.table, |event| matches!(event, TriggerEvent::Insert))?;
        let shown = insert.alias.as_ref().unwrap_or(&insert.table.name).value.to_string();
        let (target, row) = self.target_of(&written, shown)?;
        // DEFAULT VALUES gives no column a value.
        let columns = match &insert.source {
            None => Vec::new(),
            Some(_) => self.insert_columns(table, insert.columns.as_deref())?,
        };
        self.open_with(insert.with.as_ref());
        let source = match &insert.source {
            None => InsertSource::Defaults,
            Some(query) => self.insert_source(query, table, columns.len(), insert.columns.is_some())?,
        };
        if table.kind == TableKind::View && !insert.upserts.is_empty() {
            return Err(Error::invalid("cannot UPSERT a view", self.place_of(&insert.table.name)));
        }
        let (upserts, excluded) = self.upserts(&target, &row, &insert.upserts)?;
        let returning = self.returning(table, &row, insert.returning.as_ref())?;
        let on_conflict = insert.on_conflict;
        Ok(Write::Insert(ir::Insert { target, columns, source, on_conflict, upserts, excluded, returning }))
    }

    pub(super) fn update(&mut self, update: &'a Update) -> Result<Write> {
        let written = self.written(&update.table)?;
        let table = written.table();
        self.note_table(&update.table.name, table, None);
        let assigned = update.assignments.iter().flat_map(|assignment| &assignment.columns);
        self.must_have_trigger(table, &update.table, |event| match event {
            TriggerEvent::Update(columns) if columns.is_empty() => true,
            // RETURNING asks for no more than that there is one.
            TriggerEvent::Update(columns) => {
                let is_column = |name: &ast::Ident| {
                    columns.iter().any(|column| column.value.eq_ignore_ascii_case(&name.value))
                };
                update.returning.is_some() || assigned.clone().any(is_column)
            }
            TriggerEvent::Insert | TriggerEvent::Delete => false,
        })?;
        let shown = update.alias.as_ref().unwrap_or(&update.table.name).value.to_string();
        self.open_with(update.with.as_ref());
        let finding = Finding {
            indexed: update.indexed.as_ref(),
            from: &update.from,
            filter: update.filter.as_ref(),
            order_by: &update.order_by,
            limit: update.limit.as_ref(),
        };
        let (mut find, from) = self.find(&written, shown.clone(), &finding)?;
        let (target, row) = self.target_of(&written, shown)?;
        let mut scope = Scope::new(vec![row.clone()], Clause::Row);
        scope.sources.extend(from.sources);
        // Places count from the target on.
        for merged in from.merged {
            let parts = merged.parts.iter().map(|(source, column)| (source + 1, *column)).collect();
            scope.merged.push(Merged { parts, ..merged });
        }
        self.scopes.push(scope);
        let assignments = self.assignments(table, &update.assignments);
        self.scopes.pop();
        let assignments = assignments?;
        if !update.from.is_empty() {
            self.hand_up_used(&mut find, &target, &assignments);
        }
        let returning = self.returning(table, &row, update.returning.as_ref())?;
        Ok(Write::Update(ir::Update {
            target,
            find,
            assignments,
            on_conflict: update.on_conflict,
            // A view's row is changed as often as it is found.
            finds_twice: !update.from.is_empty() && table.kind != TableKind::View,
            returning,
        }))
    }

    pub(super) fn delete(&mut self, delete: &'a Delete) -> Result<Write> {
        let written = self.written(&delete.table)?;
        let table = written.table();
        self.note_table(&delete.table.name, table, None);
        self.must_have_trigger(table, &delete.table, |event| matches!(event, TriggerEvent::Delete))?;
        let shown = delete.alias.as_ref().unwrap_or(&delete.table.name).value.to_string();
        self.open_with(delete.with.as_ref());
        let finding = Finding {
            indexed: delete.indexed.as_ref(),
            from: &[],
            filter: delete.filter.as_ref(),
            order_by: &delete.order_by,
            limit: delete.limit.as_ref(),
        };
        let (find, _) = self.find(&written, shown.clone(), &finding)?;
        let (target, row) = self.target_of(&written, shown)?;
        let returning = self.returning(table, &row, delete.returning.as_ref())?;
        Ok(Write::Delete(ir::Delete { target, find, returning }))
    }

    /// The table or view that a statement changes.
    fn written(&self, name: &Name) -> Result<Written<'a>> {
        let span = self.place_of(&name.name);
        let written = &name.name.value;
        let catalog = self.cx.catalog;
        match self.relation(name.database.as_ref(), &name.name)? {
            Some(Object::Table(table)) => Ok(Written::Table(table)),
            Some(Object::View(view)) => match view_table(catalog, view) {
                Ok(table) => Ok(Written::View(view, table)),
                Err(Error::Name { message, .. }) => Err(Error::name(message, span)),
                Err(Error::Invalid { message, .. }) => Err(Error::invalid(message, span)),
                Err(error) => Err(error),
            },
            None if self.is_schema_table(name) => {
                Err(Error::invalid(format!("table {written} may not be modified"), span))
            }
            None => {
                let known = nearest(written, relation_names(catalog));
                Err(Error::name(suggest(format!("no such table: {written}"), known), span))
            }
        }
    }

    fn is_schema_table(&self, name: &Name) -> bool {
        let database = name.database.as_ref().map(|database| database.value.as_str());
        self.cx.catalog.schema_table(self.home, database, &name.name.value).is_some()
    }

    /// Refuses a change of a view without an INSTEAD OF trigger that carries it out.
    fn must_have_trigger(
        &self,
        table: &Table,
        name: &Name,
        carries_out: impl Fn(&TriggerEvent) -> bool,
    ) -> Result<()> {
        let mut triggers = self.cx.catalog.triggers(table.root.database, &table.name);
        if table.kind != TableKind::View || triggers.any(|trigger| carries_out(&trigger.create.event)) {
            return Ok(());
        }
        let message = format!(
            "cannot modify {} because it is a view; an INSTEAD OF trigger can say what to change instead",
            table.name
        );
        Err(Error::invalid(message, self.place_of(&name.name)))
    }

    /// What is written to, and the row being written as a source.
    fn target_of(&mut self, written: &Written<'a>, shown: String) -> Result<(Target, Source)> {
        match written {
            Written::Table(table) => self.target(table, shown),
            Written::View(_, table) => Ok(self.view_target(table, shown)),
        }
    }

    /// Where the values of an INSERT go: the columns named, or all.
    fn insert_columns(&mut self, table: &Table, named: Option<&[ast::Ident]>) -> Result<Vec<InsertColumn>> {
        let Some(named) = named else {
            let given = table.columns.iter().enumerate().filter(|(_, column)| column.generated.is_none());
            return Ok(given.map(|(place, _)| InsertColumn::Column(place)).collect());
        };
        let mut columns = Vec::with_capacity(named.len());
        for ident in named {
            let Some(column) = written_column(table, &ident.value) else {
                let known = nearest(&ident.value, table.columns.iter().map(|column| column.name.as_str()));
                let message = format!("table {} has no column named {}", table.name, ident.value);
                return Err(Error::name(suggest(message, known), self.place_of(ident)));
            };
            self.refuse_generated(table, column, "INSERT into", ident)?;
            self.note_written(table, ident);
            if columns.contains(&column) {
                return Err(Error::name(
                    format!("column {} is named twice", ident.value),
                    self.place_of(ident),
                ));
            }
            columns.push(column);
        }
        Ok(columns)
    }

    fn refuse_generated(
        &self,
        table: &Table,
        column: InsertColumn,
        what: &str,
        ident: &ast::Ident,
    ) -> Result<()> {
        let InsertColumn::Column(place) = column else { return Ok(()) };
        match table.columns.get(place).filter(|column| column.generated.is_some()) {
            None => Ok(()),
            Some(column) => {
                let message = format!("cannot {what} generated column {}", column.name);
                Err(Error::invalid(message, self.place_of(ident)))
            }
        }
    }

    fn insert_source(
        &mut self,
        query: &'a ast::Query,
        table: &Table,
        width: usize,
        named: bool,
    ) -> Result<InsertSource> {
        let plain = query.with.is_none() && query.order_by.is_empty() && query.limit.is_none();
        let (found, source) = match &*query.body {
            ast::SetExpr::Values(values) if plain => {
                let rows = self.value_rows(values)?;
                let found = rows.first().map_or(0, Vec::len);
                let exprs = |row: Vec<Typed>| row.into_iter().map(|cell| cell.expr).collect();
                (found, InsertSource::Rows(rows.into_iter().map(exprs).collect()))
            }
            _ => {
                let selected = self.query(query, Naming::None)?;
                (selected.columns.len(), InsertSource::Query(self.finish_query(selected)))
            }
        };
        if found == width {
            return Ok(source);
        }
        let message = if named {
            format!("{found} values for {width} columns")
        } else {
            format!("table {} has {width} columns but {found} values were supplied", table.name)
        };
        Err(Error::invalid(message, self.place(query)))
    }

    /// The rows that UPDATE or DELETE changes: a query that gives their row ids, and the rows of FROM beside them.
    fn find(&mut self, written: &Written<'a>, shown: String, finding: &Finding<'a>) -> Result<(Query, From)> {
        let hint = match finding.indexed {
            None => IndexHint::None,
            Some(index) => self.hinted_index(written.table(), index.as_ref())?,
        };
        let (mut relation, source, outputs) = match written {
            Written::Table(table) => {
                let (rows, source) = self.table_rows(table, shown.clone(), hint)?;
                let outputs = key_outputs(&rows);
                (Relation::Table(rows), source, outputs)
            }
            Written::View(view, _) => {
                let From { relation, mut sources, .. } = self.view(view, shown.clone(), &[], None)?;
                let Some(source) = sources.pop() else {
                    return Err(Error::invalid(format!("view {} has no columns", view.name), None));
                };
                let outputs = source.columns.iter().map(column_output).collect();
                (relation, source, outputs)
            }
        };
        let mut sources = vec![source];
        let mut from = From { relation: Relation::OneRow, sources: Vec::new(), merged: Vec::new() };
        let mut merged = Vec::new();
        if !finding.from.is_empty() {
            from = self.from(finding.from)?;
            let named =
                |source: &Source| source.name.as_deref().is_some_and(|n| n.eq_ignore_ascii_case(&shown));
            if from.sources.iter().any(named) {
                let message = format!("the target {shown} may not stand in FROM again; give one an alias");
                return Err(Error::name(message, finding.from.first().and_then(|t| self.place(&t.relation))));
            }
            sources.extend(from.sources.iter().cloned());
            for known in &from.merged {
                let parts = known.parts.iter().map(|(source, column)| (source + 1, *column)).collect();
                merged.push(Merged { parts, ..known.clone() });
            }
            let right = std::mem::replace(&mut from.relation, Relation::OneRow);
            let (left, right) = (Box::new(relation), Box::new(right));
            relation = Relation::Join { kind: JoinKind::Inner, left, right, on: None };
        }
        let mut scope = Scope::new(sources, Clause::Where);
        scope.merged = merged;
        self.scopes.push(scope);
        let calls = std::mem::take(&mut self.pending_calls);
        let conditions = std::mem::take(&mut self.pending_conditions);
        let relation = self
            .bind_pending(calls, &mut relation)
            .and_then(|()| self.bind_conditions(conditions, relation))
            .and_then(|relation| self.found_rows(relation, finding));
        self.scopes.pop();
        let (limit, offset) = match finding.limit {
            None => (None, None),
            Some((limit, offset)) => (Some(limit), offset.as_ref()),
        };
        let selected = Selected { relation: relation?, columns: Vec::new() };
        let selected = self.limit(selected, &Limits { limit, offset })?;
        Ok((Query { relation: selected.relation, outputs }, from))
    }

    fn found_rows(&mut self, mut relation: Relation, finding: &Finding<'a>) -> Result<Relation> {
        if let Some(filter) = finding.filter {
            let predicate = self.expr(filter)?.expr;
            relation = Relation::Filter { input: Box::new(relation), predicate };
        }
        if !finding.order_by.is_empty() {
            let keys = self.sort_keys(finding.order_by)?;
            relation = Relation::Sort { input: Box::new(relation), keys };
        }
        Ok(relation)
    }

    /// Makes the query that finds rows give what the assignments use of FROM.
    fn hand_up_used(&self, find: &mut Query, target: &Target, assignments: &[(InsertColumn, Expr)]) {
        let mut made = ColumnSet::default();
        columns_of(&find.relation, &mut made);
        let mut used = BTreeSet::new();
        for (_, value) in assignments {
            for_each_node(&mut value.clone(), &mut |node| match node {
                Expr::Column(id, _) => used.extend(Some(*id)),
                _ => {
                    let nested = subquery_of(node).and_then(|id| self.subqueries.get(id.0 as usize));
                    used.extend(nested.iter().flat_map(|nested| nested.outer.iter().copied()));
                }
            });
        }
        used.retain(|id| made.contains(id) && !target.columns.contains(id));
        find.outputs.extend(used.into_iter().map(found_output));
    }

    /// SET: the columns assigned and their next values. Of several values for one column the last counts.
    pub(super) fn assignments(
        &mut self,
        table: &Table,
        assignments: &'a [Assignment],
    ) -> Result<Vec<(InsertColumn, Expr)>> {
        let mut bound: Vec<(InsertColumn, Expr)> = Vec::with_capacity(assignments.len());
        for assignment in assignments {
            let values = match assignment.columns.as_slice() {
                [_] => vec![self.expr(&assignment.value)?],
                _ => self.row(&assignment.value)?,
            };
            if values.len() != assignment.columns.len() {
                let message =
                    format!("{} columns assigned {} values", assignment.columns.len(), values.len());
                return Err(Error::invalid(message, self.place(&assignment.value)));
            }
            for (ident, value) in assignment.columns.iter().zip(values) {
                let Some(column) = written_column(table, &ident.value) else {
                    let known =
                        nearest(&ident.value, table.columns.iter().map(|column| column.name.as_str()));
                    let message = suggest(format!("no such column: {}", ident.value), known);
                    return Err(Error::name(message, self.place_of(ident)));
                };
                self.refuse_generated(table, column, "UPDATE", ident)?;
                self.note_written(table, ident);
                bound.retain(|(known, _)| *known != column);
                bound.push((column, value.expr));
            }
        }
        Ok(bound)
    }
}

/// The column that is written under `name`. The row id of a table that has a column for it is that column.
fn written_column(table: &Table, name: &str) -> Option<InsertColumn> {
    if let Some(place) = table.column(name) {
        return Some(InsertColumn::Column(place));
    }
    (table.has_row_id() && is_row_id_name(name))
        .then(|| table.row_id_column.map_or(InsertColumn::RowId, InsertColumn::Column))
}

/// A column of a view's row.
fn column_output(column: &SourceColumn) -> Output {
    found_output(column.id)
}

/// What is found beside a row's id.
fn found_output(column: ColumnId) -> Output {
    Output {
        column,
        name: String::new(),
        types: TypeSet::ALL,
        affinity: Affinity::None,
        collation: Collation::Binary,
        column_type: None,
        origin: None,
    }
}

/// What leads to a row: its row id, or the columns of a clustered table's key.
fn key_outputs(rows: &TableRows) -> Vec<Output> {
    match &rows.table.primary {
        None => vec![Output {
            name: "rowid".to_owned(),
            types: TypeSet::INTEGER,
            affinity: Affinity::Integer,
            column_type: Some(ColumnType::Integer),
            ..found_output(rows.row_id)
        }],
        Some(primary) => {
            let place = |column: &IndexColumn| match column.key {
                IndexKey::Column(place) => rows.columns.get(place).copied(),
                IndexKey::Expression(_) => None,
            };
            primary.columns.iter().filter_map(place).map(found_output).collect()
        }
    }
}
