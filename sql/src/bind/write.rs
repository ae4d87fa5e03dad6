//! INSERT, UPDATE and DELETE: the table written to, the rows found, and the values they take.

use super::compound::Limits;
use super::from::{is_schema_name, relation_names};
use super::scope::{Clause, Scope, Source};
use super::select::{Naming, Selected};
use super::typed::Typed;
use super::{Binder, unsupported};
use crate::catalog::{Relation as Object, Table, is_main, is_row_id_name};
use crate::error::{Error, Result};
use crate::ir::{
    self, Expr, IndexHint, InsertColumn, InsertSource, Output, Query, Relation, TableRows, Write,
};
use crate::parser::{Assignment, Delete, Insert, Name, Update};
use crate::suggest::{nearest, suggest};
use crate::types::{Affinity, Collation, ColumnType, TypeSet};
use sqlparser::ast;
use std::sync::Arc;

/// The clauses by which UPDATE and DELETE find their rows.
struct Finding<'a> {
    indexed: Option<&'a Option<ast::Ident>>,
    filter: Option<&'a ast::Expr>,
    order_by: &'a [ast::OrderByExpr],
    limit: Option<&'a (ast::Expr, Option<ast::Expr>)>,
}

impl<'a> Binder<'a> {
    pub(super) fn insert(&mut self, insert: &'a Insert) -> Result<Write> {
        if !insert.upserts.is_empty() {
            return Err(unsupported("ON CONFLICT", self.place_of(&insert.table.name)));
        }
        self.refuse_returning(insert.returning.as_deref())?;
        let table = self.written_table(&insert.table)?;
        let shown = insert.alias.as_ref().unwrap_or(&insert.table.name).value.clone();
        let (target, _) = self.target(table, shown)?;
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
        Ok(Write::Insert(ir::Insert { target, columns, source, on_conflict: insert.on_conflict }))
    }

    pub(super) fn update(&mut self, update: &'a Update) -> Result<Write> {
        if !update.from.is_empty() {
            return Err(unsupported("UPDATE FROM", self.place_of(&update.table.name)));
        }
        self.refuse_returning(update.returning.as_deref())?;
        let table = self.written_table(&update.table)?;
        let shown = update.alias.as_ref().unwrap_or(&update.table.name).value.clone();
        self.open_with(update.with.as_ref());
        let finding = Finding {
            indexed: update.indexed.as_ref(),
            filter: update.filter.as_ref(),
            order_by: &update.order_by,
            limit: update.limit.as_ref(),
        };
        let find = self.find(table, shown.clone(), &finding)?;
        let (target, source) = self.target(table, shown)?;
        let assignments = self.assignments(table, source, &update.assignments)?;
        Ok(Write::Update(ir::Update { target, find, assignments, on_conflict: update.on_conflict }))
    }

    pub(super) fn delete(&mut self, delete: &'a Delete) -> Result<Write> {
        self.refuse_returning(delete.returning.as_deref())?;
        let table = self.written_table(&delete.table)?;
        let shown = delete.alias.as_ref().unwrap_or(&delete.table.name).value.clone();
        self.open_with(delete.with.as_ref());
        let finding = Finding {
            indexed: delete.indexed.as_ref(),
            filter: delete.filter.as_ref(),
            order_by: &delete.order_by,
            limit: delete.limit.as_ref(),
        };
        let find = self.find(table, shown.clone(), &finding)?;
        let (target, _) = self.target(table, shown)?;
        Ok(Write::Delete(ir::Delete { target, find }))
    }

    fn refuse_returning(&self, returning: Option<&[ast::SelectItem]>) -> Result<()> {
        match returning.map(<[_]>::first) {
            None => Ok(()),
            Some(first) => Err(unsupported("RETURNING", first.and_then(|item| self.place(item)))),
        }
    }

    /// The table that a statement changes.
    fn written_table(&self, name: &Name) -> Result<&'a Arc<Table>> {
        let span = self.place_of(&name.name);
        let written = &name.name.value;
        let catalog = self.cx.catalog;
        match catalog.relation(written).filter(|_| is_main(name)) {
            Some(Object::Table(table)) => Ok(table),
            Some(Object::View(view)) => {
                Err(Error::invalid(format!("cannot modify {} because it is a view", view.name), span))
            }
            None if is_schema_name(written) => {
                Err(Error::invalid(format!("table {written} may not be modified"), span))
            }
            None => {
                let known = nearest(written, relation_names(catalog));
                Err(Error::name(suggest(format!("no such table: {written}"), known), span))
            }
        }
    }

    /// Where the values of an INSERT go: the columns named, or all.
    fn insert_columns(&self, table: &Table, named: Option<&[ast::Ident]>) -> Result<Vec<InsertColumn>> {
        let Some(named) = named else {
            return Ok((0..table.columns.len()).map(InsertColumn::Column).collect());
        };
        let mut columns = Vec::with_capacity(named.len());
        for ident in named {
            let Some(column) = written_column(table, &ident.value) else {
                let known = nearest(&ident.value, table.columns.iter().map(|column| column.name.as_str()));
                let message = format!("table {} has no column named {}", table.name, ident.value);
                return Err(Error::name(suggest(message, known), self.place_of(ident)));
            };
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

    fn insert_source(
        &mut self,
        query: &'a ast::Query,
        table: &Table,
        width: usize,
        named: bool,
    ) -> Result<InsertSource> {
        let plain = query.with.is_none() && query.order_by.is_none() && query.limit_clause.is_none();
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

    /// The rows that UPDATE or DELETE changes: a query that gives their row ids.
    fn find(&mut self, table: &'a Arc<Table>, shown: String, finding: &Finding<'a>) -> Result<Query> {
        let hint = match finding.indexed {
            None => IndexHint::None,
            Some(index) => self.hinted_index(table, index.as_ref())?,
        };
        let (rows, source) = self.table_rows(table, shown, hint)?;
        let output = row_id_output(&rows);
        self.scopes.push(Scope::new(vec![source], Clause::Where));
        let relation = self.found_rows(rows, finding);
        self.scopes.pop();
        let (limit, offset) = match finding.limit {
            None => (None, None),
            Some((limit, offset)) => (Some(limit), offset.as_ref()),
        };
        let selected = Selected { relation: relation?, columns: Vec::new() };
        let selected = self.limit(selected, &Limits { limit, offset })?;
        Ok(Query { relation: selected.relation, outputs: vec![output] })
    }

    fn found_rows(&mut self, rows: TableRows, finding: &Finding<'a>) -> Result<Relation> {
        let mut relation = Relation::Table(rows);
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

    /// SET: the columns assigned and their next values. Of several values for one column the last counts.
    fn assignments(
        &mut self,
        table: &Table,
        source: Source,
        assignments: &'a [Assignment],
    ) -> Result<Vec<(InsertColumn, Expr)>> {
        self.scopes.push(Scope::new(vec![source], Clause::Row));
        let bound = self.assigned(table, assignments);
        self.scopes.pop();
        bound
    }

    fn assigned(
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
    is_row_id_name(name).then(|| table.row_id_column.map_or(InsertColumn::RowId, InsertColumn::Column))
}

fn row_id_output(rows: &TableRows) -> Output {
    Output {
        column: rows.row_id,
        name: "rowid".to_owned(),
        types: TypeSet::INTEGER,
        affinity: Affinity::Integer,
        collation: Collation::Binary,
        column_type: Some(ColumnType::Integer),
        origin: None,
    }
}
