//! Which names of a text stand for a table or for one of its columns, and where: what RENAME rewrites.
//!
//! Binding resolves every name, so it is asked to note those of tables. A name that stands for the column of a subquery
//! or a view is none of them.

use super::scope::{Source, SourceColumn};
use super::select::Naming;
use super::table::TableExprUse;
use super::text::Text;
use super::trigger::{ProgramText, bind_noting, triggered};
use super::{BindContext, Binder};
use crate::catalog::{Lookup, NameUse, Table, TableKind, Trigger, View};
use crate::error::{Error, Result};
use crate::functions::UserFunctions;
use crate::ir::ColumnId;
use crate::parser::TriggerEvent;
use crate::parser::ast;
use rustc_hash::FxHashSet;
use std::sync::Arc;

/// The names noted so far.
#[derive(Debug, Default)]
pub(super) struct Names {
    found: Vec<NameUse>,
    /// First columns of the tables that go by an alias.
    aliased: FxHashSet<ColumnId>,
    /// How many views are being bound where the text asked about is.
    level: usize,
}

impl Names {
    fn note(&mut self, text: &Text<'_>, views: usize, ident: &ast::Ident, table: &str, column: Option<&str>) {
        if let Some(span) = text.span(ident.span).filter(|_| views == self.level) {
            let column = column.map(str::to_owned);
            self.found.push(NameUse { span, table: table.to_owned(), column });
        }
    }

    /// Notes the `t` of `t.c` and `t.*`, unless it is an alias.
    pub(super) fn note_qualifier(
        &mut self,
        text: &Text<'_>,
        views: usize,
        source: &Source,
        qualifier: &ast::Ident,
    ) {
        let Some(first) = source.columns.first().filter(|_| source.is_table) else { return };
        let Some((table, _)) = &first.info.origin else { return };
        if !self.aliased.contains(&first.id) && table.eq_ignore_ascii_case(&qualifier.value) {
            self.note(text, views, qualifier, &table.clone(), None);
        }
    }

    /// Forgets the aliases of one binder before the next, whose columns have the same ids.
    pub(super) fn next_binder(&mut self) {
        self.aliased.clear();
    }

    fn into_uses(mut self) -> Vec<NameUse> {
        // What is bound twice, as a common table at each of its uses, was noted twice.
        self.found.sort_by_key(|name| name.span.start);
        self.found.dedup_by_key(|name| name.span.start);
        self.found
    }
}

/// The names of tables and columns in a view, in the order of its text.
///
/// # Errors
/// As [`super::bind_query`]: a view may name what is no more.
pub fn names_in_view(catalog: Lookup<'_>, view: &View) -> Result<Vec<NameUse>> {
    let cx = BindContext { catalog, literals: &[] };
    let mut binder = Binder::of_schema(&cx);
    binder.text = Text::new(&view.sql);
    binder.hints = &view.hints;
    binder.home = view.database;
    binder.views.push((view.database, &view.name));
    binder.names = Some(Names { level: 1, ..Names::default() });
    binder.query(&view.query, Naming::Source)?;
    Ok(binder.names.take().map(Names::into_uses).unwrap_or_default())
}

/// The database that a view names although it may not look into it: only a temporary view looks into others.
pub fn database_crossed_to(catalog: Lookup<'_>, view: &View) -> Option<String> {
    let cx = BindContext { catalog, literals: &[] };
    let mut binder = Binder::of_schema(&cx);
    binder.text = Text::new(&view.sql);
    binder.hints = &view.hints;
    binder.home = view.database;
    // Else a view may name what is not there yet.
    match binder.query(&view.query, Naming::Source) {
        Ok(_) => None,
        Err(_) => binder.crossed.take(),
    }
}

/// The names of tables and columns in a trigger, in the order of its text.
///
/// # Errors
/// As [`super::bind_program`]: what a trigger names may be missing.
pub fn names_in_trigger(catalog: Lookup<'_>, trigger: &Trigger) -> Result<Vec<NameUse>> {
    let create = &trigger.create;
    let table = triggered(catalog, trigger)?;
    let is_view = table.kind == TableKind::View;
    let (sides, columns) = match &create.event {
        TriggerEvent::Insert => ((false, true), &[][..]),
        TriggerEvent::Delete => ((true, false), &[][..]),
        TriggerEvent::Update(columns) => ((true, true), columns.as_slice()),
    };
    let text = Text::new(&trigger.sql);
    let mut names = Names::default();
    if !is_view {
        names.note(&text, 0, &create.table, &table.name, None);
    }
    for ident in columns.iter().filter(|_| !is_view) {
        let column = table.column(&ident.value).and_then(|place| table.columns.get(place));
        let Some(column) = column else {
            return Err(Error::name(format!("no such column: {}", ident.value), None));
        };
        names.note(&text, 0, ident, &table.name, Some(&column.name));
    }
    let program = ProgramText {
        home: trigger.database,
        table: &table,
        sides,
        condition: create.condition.as_ref(),
        body: &create.body,
        text: &trigger.sql,
        hints: &trigger.hints,
    };
    let mut names = Some(names);
    bind_noting(catalog, &program, &mut names)?;
    Ok(names.map(Names::into_uses).unwrap_or_default())
}

/// The names in an expression of the schema over `table`: a check, an indexed expression, a generated column.
///
/// # Errors
/// As [`super::bind_table_expr`].
pub fn names_in_expr(
    table: &Table,
    expr: &ast::Expr,
    functions: &Arc<UserFunctions>,
) -> Result<Vec<NameUse>> {
    let cx = BindContext { catalog: Lookup::nowhere(functions), literals: &[] };
    let mut binder = Binder::of_schema(&cx);
    binder.names = Some(Names::default());
    let (source, _) = binder.source(table, table.name.clone());
    binder.schema_expr(&source, expr, TableExprUse::Check, Text::new(""))?;
    Ok(binder.names.take().map(Names::into_uses).unwrap_or_default())
}

impl<'a> Binder<'a> {
    /// Notes the name of a table in FROM; `aliased` is its first column if it goes by an alias.
    pub(super) fn note_table(&mut self, ident: &ast::Ident, table: &Table, aliased: Option<&SourceColumn>) {
        let Some(names) = &mut self.names else { return };
        names.aliased.extend(aliased.map(|column| column.id));
        names.note(&self.text, self.views.len(), ident, &table.name, None);
    }

    /// Notes the name of a column that is written to.
    pub(super) fn note_written(&mut self, table: &Table, ident: &ast::Ident) {
        let Some(names) = &mut self.names else { return };
        if let Some(column) = table.column(&ident.value).and_then(|place| table.columns.get(place)) {
            names.note(&self.text, self.views.len(), ident, &table.name, Some(&column.name));
        }
    }

    /// Notes a column's name that was found in the scope at `level`, and the table's in front of it.
    pub(super) fn note_column(&mut self, level: usize, qualifier: Option<&ast::Ident>, ident: &ast::Ident) {
        let (Some(names), Some(scope)) = (&mut self.names, self.scopes.get(level)) else { return };
        let table = qualifier.map(|qualifier| qualifier.value.as_str());
        let tables = scope.sources.iter().filter(|source| source.is_table);
        for source in tables.filter(|source| source.goes_by(None, table)) {
            let found = source.columns.iter().find(|column| {
                (table.is_some() || !column.hidden) && column.info.name.eq_ignore_ascii_case(&ident.value)
            });
            if let Some((table, column)) = found.and_then(|column| column.info.origin.clone()) {
                names.note(&self.text, self.views.len(), ident, &table, Some(&column));
            } else if table.is_none() {
                continue;
            }
            if let Some(qualifier) = qualifier {
                names.note_qualifier(&self.text, self.views.len(), source, qualifier);
            }
            return;
        }
    }
}
