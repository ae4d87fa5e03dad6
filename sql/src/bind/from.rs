//! FROM: tables, views, common tables, subqueries and joins, and the columns that each makes visible.

use super::scope::{Clause, Found, Merged, Scope, Source, SourceColumn};
use super::select::{Naming, Selected};
use super::typed::{ColumnInfo, Typed, comparison};
use super::{Binder, operators};
use crate::catalog::{self, Catalog, Lookup, View, schema_rows};
use crate::databases::DatabaseId;
use crate::error::{Error, Result, Span};
use crate::ir::{CompareOp, Expr, IndexHint, JoinKind, Relation};
use crate::parser::ast::{self, JoinConstraint, JoinOperator, TableFactor};
use crate::suggest::{nearest, suggest};
use crate::types::{Collation, ColumnType, TypeSet};
use crate::value::Value;
use std::rc::Rc;

/// What (a part of) FROM was bound to.
pub(super) struct From {
    pub relation: Relation,
    pub sources: Vec<Source>,
    pub merged: Vec<Merged>,
}

impl From {
    fn one(relation: Relation, source: Source) -> From {
        From { relation, sources: vec![source], merged: Vec::new() }
    }
}

/// How many tables one FROM lists at most, as in SQLite.
const JOINED_MAX: usize = 64;

/// The columns of the schema table.
const SCHEMA_COLUMNS: [(&str, ColumnType); 5] = [
    ("type", ColumnType::Text { max_chars: None }),
    ("name", ColumnType::Text { max_chars: None }),
    ("tbl_name", ColumnType::Text { max_chars: None }),
    ("rootpage", ColumnType::Integer),
    ("sql", ColumnType::Text { max_chars: None }),
];

impl<'a> Binder<'a> {
    /// All of FROM; one row without columns where there is none.
    pub(super) fn from(&mut self, tables: &'a [ast::TableWithJoins]) -> Result<From> {
        let mut joined: Option<From> = None;
        let is_turned = tables
            .iter()
            .flat_map(|table| &table.joins)
            .any(|join| matches!(join_kind(&join.join_operator).0, JoinKind::Right | JoinKind::Full));
        if tables.iter().map(|table| 1 + table.joins.len()).sum::<usize>() > JOINED_MAX {
            return Err(Error::limit(format!("at most {JOINED_MAX} tables in a join")));
        }
        for table in tables {
            let first = self.factor(&table.relation)?;
            let mut left = match joined {
                Some(left) => {
                    self.join(left, first, (JoinKind::Inner, &JoinConstraint::None), is_turned, None)?
                }
                None => first,
            };
            for join in &table.joins {
                let right = self.factor(&join.relation)?;
                let span = self.place(&join.relation);
                let how = join_kind(&join.join_operator);
                left = self.join(left, right, how, is_turned, span)?;
            }
            joined = Some(left);
        }
        Ok(joined.unwrap_or(From { relation: Relation::OneRow, sources: Vec::new(), merged: Vec::new() }))
    }

    fn factor(&mut self, factor: &'a TableFactor) -> Result<From> {
        match factor {
            TableFactor::Table { name, alias, args, .. } => match args {
                Some(args) => self.called(name, args, alias.as_ref()),
                None => self.named(name, alias.as_ref()),
            },
            TableFactor::Derived { subquery, alias } => {
                let selected = self.query(subquery, Naming::Source)?;
                let columns: Vec<&str> = alias_columns(alias.as_ref());
                let name = alias.as_ref().map(|alias| alias.name.value.to_string());
                self.derived(selected, name, &columns, self.place(&**subquery))
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                let inner = self.from(std::slice::from_ref(table_with_joins))?;
                match alias {
                    None => Ok(inner),
                    Some(alias) => self.renamed_join(inner, &alias.name.value),
                }
            }
        }
    }

    /// `(a JOIN b) AS x`: one source with the columns that `*` gives.
    fn renamed_join(&mut self, inner: From, name: &str) -> Result<From> {
        let mut scope = Scope::new(inner.sources, Clause::On);
        scope.merged = inner.merged;
        let mut items = Vec::new();
        scope.star(&mut items);
        let selected = self.project_items(inner.relation, items);
        self.derived(selected, Some(name.to_owned()), &[], None)
    }

    /// A table, view or common table by its name.
    fn named(&mut self, name: &'a ast::Name, alias: Option<&'a ast::TableAlias>) -> Result<From> {
        let span = self.place(name);
        let ast::Name { database, name: table } = name;
        let shown = alias.map_or(&table.value, |alias| &alias.name.value).to_string();
        let columns = alias_columns(alias);
        let database = match database {
            None => {
                if let Some(place) = self.ctes.iter().rposition(|frame| named(frame.cte, &table.value)) {
                    return self.common_table(place, name, shown, &columns, span);
                }
                None
            }
            Some(database) => Some(database),
        };
        match self.relation(database, table)? {
            Some(catalog::Relation::Table(found)) => {
                self.count_source()?;
                let place = alias.map_or(table, |alias| &alias.name);
                let hint = self.index_hint(found, place)?;
                let (rows, source) = self.table_rows(found, shown, hint)?;
                self.note_table(table, found, alias.and(source.columns.first()));
                Ok(From::one(Relation::Table(rows), source))
            }
            Some(catalog::Relation::View(view)) => self.view(view, shown, &columns, span),
            None => {
                let written = database.map(|database| database.value.as_str());
                if let Some(catalog) = self.cx.catalog.schema_table(self.home, written, &table.value) {
                    return self.schema_table(catalog, shown);
                }
                if let Some(function) = self.table_function(&table.value).filter(|_| written.is_none()) {
                    return self.called_table(function, &[], shown, span);
                }
                let ctes = self.ctes.iter().map(|frame| frame.cte.alias.name.value.as_str());
                let known = nearest(&table.value, relation_names(self.cx.catalog).chain(ctes));
                Err(Error::name(suggest(format!("no such table: {name}"), known), span))
            }
        }
    }

    /// The table or view that a name stands for in the text being bound.
    ///
    /// # Errors
    /// [`Error::Name`] for a database that there is not, or that the text may not look into.
    pub(super) fn relation(
        &self,
        database: Option<&ast::Ident>,
        name: &ast::Ident,
    ) -> Result<Option<&'a catalog::Relation>> {
        let lookup = self.cx.catalog;
        if let Some(database) = database {
            let span = self.place_of(database);
            let Some(found) = lookup.named(&database.value) else {
                let known = nearest(&database.value, lookup.listed().map(|(name, _)| name));
                let (database, name) = (&database.value, &name.value);
                let message = format!("no such table: {database}.{name}; there is no database {database}");
                return Err(Error::name(suggest(message, known), span));
            };
            if self.home != DatabaseId::TEMP && found.database != self.home {
                let (home, other) = (lookup.name_of(self.home), &database.value);
                self.crossed.replace(Some(other.to_string()));
                let message =
                    format!("what database {home} keeps cannot reference objects in database {other}");
                return Err(Error::name(message, span));
            }
        }
        let written = database.map(|database| database.value.as_str());
        let mut meant = lookup.meant(self.home, written);
        Ok(meant.find_map(|catalog| catalog.relation(&name.value)))
    }

    /// A call by its name.
    fn called(
        &mut self,
        name: &'a ast::Name,
        args: &'a [ast::Expr],
        alias: Option<&'a ast::TableAlias>,
    ) -> Result<From> {
        let span = self.place(name);
        if name.database.is_some() {
            return Err(Error::name(format!("no such table: {name}"), span));
        }
        let word = name.name.value.as_str();
        let shown = alias.map_or(word, |alias| alias.name.value.as_str()).to_owned();
        match self.table_function(word) {
            Some(function) => self.called_table(function, args, shown, span),
            None => Err(self.no_table_function(word, span)),
        }
    }

    /// INDEXED BY or NOT INDEXED behind the name or alias at `place`.
    fn index_hint(&self, table: &catalog::Table, place: &ast::Ident) -> Result<IndexHint> {
        let Some(span) = self.place_of(place) else { return Ok(IndexHint::None) };
        match self.hints.indexed.iter().find(|(at, _)| at.start == span.start) {
            Some((_, index)) => self.hinted_index(table, index.as_ref()),
            None => Ok(IndexHint::None),
        }
    }

    /// The hint that names `index`, or NOT INDEXED.
    pub(super) fn hinted_index(
        &self,
        table: &catalog::Table,
        index: Option<&ast::Ident>,
    ) -> Result<IndexHint> {
        let Some(index) = index else { return Ok(IndexHint::NotIndexed) };
        let found = table.indexes.iter().find(|known| known.name.eq_ignore_ascii_case(&index.value));
        match found {
            Some(found) => Ok(IndexHint::IndexedBy(found.clone())),
            None => {
                let known = nearest(&index.value, table.indexes.iter().map(|known| known.name.as_str()));
                let message = suggest(format!("no such index: {}", index.value), known);
                Err(Error::name(message, self.place_of(index)))
            }
        }
    }

    /// A common table: its query is bound again, where its WITH stood.
    fn common_table(
        &mut self,
        place: usize,
        reference: &'a ast::Name,
        shown: String,
        columns: &[&str],
        span: Option<Span>,
    ) -> Result<From> {
        let Some(frame) = self.ctes.get_mut(place) else {
            return Err(Error::name(format!("no such table: {shown}"), span));
        };
        let (cte, visible, scopes) = (frame.cte, frame.visible, frame.scopes);
        if frame.is_in_progress {
            return match &frame.queue {
                Some(queue) if queue.is_named_at(reference) => Ok(queue.source(shown)),
                _ => Err(Error::name(format!("{}: {}", frame.refusal, cte.alias.name.value), span)),
            };
        }
        frame.is_in_progress = true;
        let later = self.ctes.split_off(visible.min(self.ctes.len()));
        let selected = self.within(scopes, |binder| binder.common_query(place, cte));
        self.ctes.extend(later);
        if let Some(frame) = self.ctes.get_mut(place) {
            frame.is_in_progress = false;
            frame.refusal = "circular reference";
        }
        let named: Vec<&str> = cte.alias.columns.iter().map(|column| column.value.as_str()).collect();
        let columns = if columns.is_empty() { &named } else { columns };
        self.derived(selected?, Some(shown), columns, span)
    }

    /// A view: its query is bound in its own text, seeing nothing of the statement around it.
    pub(super) fn view(
        &mut self,
        view: &'a View,
        shown: String,
        columns: &[&str],
        span: Option<Span>,
    ) -> Result<From> {
        let is_it = |(database, name): &(DatabaseId, &str)| {
            *database == view.database && name.eq_ignore_ascii_case(&view.name)
        };
        if self.views.iter().any(is_it) {
            return Err(Error::invalid(format!("view {} is circularly defined", view.name), span));
        }
        self.views.push((view.database, &view.name));
        let home = std::mem::replace(&mut self.home, view.database);
        let text = std::mem::replace(&mut self.text, super::text::Text::new(&view.sql));
        let hints = std::mem::replace(&mut self.hints, &view.hints);
        let parameters = self.parameters.take();
        let ctes = std::mem::take(&mut self.ctes);
        let selected = self.within(0, |binder| binder.query(&view.query, Naming::Source));
        (self.text, self.hints, self.parameters) = (text, hints, parameters);
        self.ctes = ctes;
        self.views.pop();
        self.home = home;
        // A place in the view's text is none in the statement's: the view's name is.
        let selected = selected.map_err(|error| match error {
            Error::Name { message, .. } => Error::name(format!("view {}: {message}", view.name), span),
            Error::Invalid { message, .. } => Error::invalid(format!("view {}: {message}", view.name), span),
            error => error,
        })?;
        let named: Vec<&str> = view.columns.iter().map(String::as_str).collect();
        let columns = if columns.is_empty() { &named } else { columns };
        self.derived(selected, Some(shown), columns, span)
    }

    /// `sedge_schema` of a database, a table of constants.
    fn schema_table(&mut self, catalog: &Catalog, shown: String) -> Result<From> {
        self.count_source()?;
        let rows = schema_rows(catalog);
        // The row id is the object's number, counted from one.
        let numbers = catalog.objects.keys().map(|number| Value::Integer(*number as i64 + 1));
        let rows = numbers
            .zip(rows)
            .map(|(number, row)| row.into_iter().chain([number]).map(Expr::Constant).collect())
            .collect();
        let columns: Vec<SourceColumn> = SCHEMA_COLUMNS
            .iter()
            .map(|&(name, column_type)| SourceColumn {
                id: self.fresh_column(),
                info: Rc::new(ColumnInfo { name: name.into(), column_type: Some(column_type), origin: None }),
                types: column_type.type_set(),
                affinity: column_type.affinity(),
                collation: Some(Collation::Binary),
                hidden: false,
            })
            .collect();
        let row_id = SourceColumn {
            id: self.fresh_column(),
            info: Rc::new(ColumnInfo {
                name: "rowid".into(),
                column_type: Some(ColumnType::Integer),
                origin: None,
            }),
            types: TypeSet::INTEGER,
            affinity: ColumnType::Integer.affinity(),
            collation: None,
            hidden: false,
        };
        let ids = columns.iter().chain([&row_id]).map(|column| column.id).collect();
        let relation = Relation::Values { rows, columns: ids };
        let source = Source {
            name: Some(shown),
            database: Some(catalog.database),
            columns,
            is_table: false,
            row_id: Some(row_id),
            nullable: false,
        };
        Ok(From::one(relation, source))
    }

    /// A bound query as a source; `names` replace those of its columns.
    fn derived(
        &mut self,
        selected: Selected,
        name: Option<String>,
        names: &[&str],
        span: Option<Span>,
    ) -> Result<From> {
        if !names.is_empty() && names.len() != selected.columns.len() {
            let shown = name.as_deref().unwrap_or("the subquery");
            let message = wrong_width(shown, selected.columns.len(), names.len());
            return Err(Error::invalid(message, span));
        }
        let mut columns: Vec<SourceColumn> = Vec::with_capacity(selected.columns.len());
        let mut taken = rustc_hash::FxHashSet::default();
        for (place, column) in selected.columns.into_iter().enumerate() {
            let name = names.get(place).map_or(column.name, |name| (*name).to_owned());
            let name = unused_name(name, &mut taken);
            let known = column.typed.column.as_ref();
            let info = ColumnInfo {
                name: name.into(),
                column_type: known.and_then(|info| info.column_type),
                origin: known.and_then(|info| info.origin.clone()),
            };
            columns.push(SourceColumn {
                id: column.id,
                info: Rc::new(info),
                types: column.typed.types,
                affinity: column.typed.affinity,
                collation: Some(column.typed.collation_or_binary()),
                hidden: false,
            });
        }
        let source = Source { name, database: None, columns, is_table: false, row_id: None, nullable: false };
        Ok(From::one(selected.relation, source))
    }

    /// Puts conditions of inner joins that name what stands behind them over the whole FROM, as SQLite does.
    pub(super) fn bind_conditions(
        &mut self,
        conditions: Vec<(&'a ast::Expr, Error)>,
        mut relation: Relation,
    ) -> Result<Relation> {
        for (condition, error) in conditions {
            if !joins_forward(&relation) {
                return Err(error);
            }
            let Ok(Typed { expr: predicate, .. }) = self.expr(condition) else { return Err(error) };
            relation = Relation::Filter { input: Box::new(relation), predicate };
        }
        Ok(relation)
    }

    /// Two sides of a join; `is_turned` says that a join of this FROM is RIGHT or FULL.
    fn join(
        &mut self,
        left: From,
        mut right: From,
        (kind, constraint): (JoinKind, &'a JoinConstraint),
        is_turned: bool,
        span: Option<Span>,
    ) -> Result<From> {
        let left_count = left.sources.len();
        let mut scope = Scope::new(left.sources, Clause::On);
        scope.merged = left.merged;
        let common = match constraint {
            JoinConstraint::Using(names) => {
                names.iter().map(|ident| (ident.value.to_string(), self.place_of(ident))).collect()
            }
            JoinConstraint::Natural => {
                common_columns(&scope, &right).into_iter().map(|name| (name, span)).collect()
            }
            JoinConstraint::On(_) | JoinConstraint::None => Vec::new(),
        };
        let mut conditions: Vec<Typed> = Vec::with_capacity(common.len());
        for (name, span) in common {
            // SQLite takes the first of several columns of the left side, but where rows of the right side may
            // stand alone.
            if !is_turned || !matches!(scope.find(None, None, &name), Found::Several) {
                conditions.push(using(&mut scope, &mut right, left_count, kind, &name, span)?);
            } else {
                let message = format!("ambiguous reference to {name} in USING()");
                return Err(Error::name(message, span));
            }
        }
        for merged in right.merged {
            let parts = merged.parts.iter().map(|(source, column)| (source + left_count, *column)).collect();
            scope.merged.push(Merged { parts, ..merged });
        }
        scope.sources.extend(right.sources);
        let mut on = operators::all_of(conditions).map(|all| all.expr);
        if let JoinConstraint::On(condition) = constraint {
            self.scopes.push(scope);
            let bound = self.expr(condition);
            let Some(back) = self.scopes.pop() else {
                return Err(Error::invalid("a join outside of a query", span));
            };
            scope = back;
            match bound {
                Ok(typed) => on = Some(typed.expr),
                Err(error @ Error::Name { .. }) if kind == JoinKind::Inner => {
                    self.pending_conditions.push((condition, error));
                }
                Err(error) => return Err(error),
            }
        }
        // The condition sees the rows before the join fills up with NULLs; everything behind it sees them after.
        let filled = |place: usize| match kind {
            JoinKind::Left => place >= left_count,
            JoinKind::Right => place < left_count,
            JoinKind::Full => true,
            JoinKind::Inner | JoinKind::Semi | JoinKind::Anti => false,
        };
        for (place, source) in scope.sources.iter_mut().enumerate() {
            source.nullable |= filled(place);
        }
        let relation =
            Relation::Join { kind, left: Box::new(left.relation), right: Box::new(right.relation), on };
        Ok(From { relation, sources: scope.sources, merged: scope.merged })
    }
}

/// True if no join of FROM fills its left side up with NULLs: a condition may then be asked of all its rows.
fn joins_forward(relation: &Relation) -> bool {
    match relation {
        Relation::Filter { input, .. } => joins_forward(input),
        Relation::Join { kind: JoinKind::Right | JoinKind::Full, .. } => false,
        Relation::Join { left, right, .. } => joins_forward(left) && joins_forward(right),
        _ => true,
    }
}

/// One column of USING or NATURAL: the condition, after which the right column hides behind the left one.
fn using(
    scope: &mut Scope<'_>,
    right: &mut From,
    left_count: usize,
    kind: JoinKind,
    name: &str,
    span: Option<Span>,
) -> Result<Typed> {
    let absent = || {
        let message = format!("cannot join using column {name} - column not present in both tables");
        Error::name(message, span)
    };
    let place = |sources: &[Source]| {
        sources.iter().enumerate().find_map(|(s, source)| {
            let is_it = |column: &SourceColumn| !column.hidden && column.info.name.eq_ignore_ascii_case(name);
            Some((s, source.columns.iter().position(is_it)?))
        })
    };
    let left_place = place(&scope.sources).ok_or_else(absent)?;
    let known = scope.merged.iter().position(|merged| merged.name.eq_ignore_ascii_case(name));
    let left_typed = match known.and_then(|at| scope.merged.get(at)) {
        Some(merged) => scope.joined(merged),
        None => {
            let source = scope.sources.get(left_place.0).ok_or_else(absent)?;
            source.columns.get(left_place.1).ok_or_else(absent)?.typed(source.nullable)
        }
    };
    let right_place = place(&right.sources).ok_or_else(absent)?;
    let source = right.sources.get_mut(right_place.0).ok_or_else(absent)?;
    let nullable = source.nullable;
    let column = source.columns.get_mut(right_place.1).ok_or_else(absent)?;
    column.hidden = true;
    let right_typed = column.typed(nullable);
    if matches!(kind, JoinKind::Right | JoinKind::Full) {
        let right_part = (right_place.0 + left_count, right_place.1);
        let mut merged = match known {
            Some(at) => scope.merged.swap_remove(at),
            None => Merged { name: name.to_owned(), parts: vec![left_place], replaced: 0 },
        };
        // A right join gives all rows of its right side, so its column is never the one that is missing.
        if kind == JoinKind::Right {
            merged.replaced = merged.parts.len();
        }
        merged.parts.push(right_part);
        scope.merged.push(merged);
    }
    let rule = comparison(&left_typed, &right_typed);
    let types = TypeSet::INTEGER | left_typed.null() | right_typed.null();
    let (left, right) = (Box::new(left_typed.expr), Box::new(right_typed.expr));
    Ok(Typed::plain(Expr::Compare { op: CompareOp::Equal, left, right, rule }, types))
}

/// The names that both sides of a NATURAL join have, in the order of the right side.
fn common_columns(left: &Scope<'_>, right: &From) -> Vec<String> {
    let visible = |sources: &[Source]| {
        let columns = sources.iter().flat_map(|source| source.columns.iter().filter(|column| !column.hidden));
        columns.map(|column| column.info.name.to_string()).collect::<Vec<_>>()
    };
    let left = visible(&left.sources);
    visible(&right.sources)
        .into_iter()
        .filter(|name| left.iter().any(|l| l.eq_ignore_ascii_case(name)))
        .collect()
}

fn join_kind(operator: &JoinOperator) -> (JoinKind, &JoinConstraint) {
    match operator {
        JoinOperator::Join(on) | JoinOperator::Inner(on) | JoinOperator::CrossJoin(on) => {
            (JoinKind::Inner, on)
        }
        JoinOperator::LeftOuter(on) => (JoinKind::Left, on),
        JoinOperator::RightOuter(on) => (JoinKind::Right, on),
        JoinOperator::FullOuter(on) => (JoinKind::Full, on),
    }
}

/// The column names of `AS t(a, b)`.
fn alias_columns(alias: Option<&ast::TableAlias>) -> Vec<&str> {
    alias.map_or_else(Vec::new, |alias| alias.columns.iter().map(|column| column.value.as_str()).collect())
}

fn named(cte: &ast::Cte, name: &str) -> bool {
    cte.alias.name.value.eq_ignore_ascii_case(name)
}

/// The names of all tables and views.
pub(super) fn relation_names(catalog: Lookup<'_>) -> impl Iterator<Item = &str> {
    catalog.relations().map(|relation| match relation {
        catalog::Relation::Table(table) => table.name.as_str(),
        catalog::Relation::View(view) => view.name.as_str(),
    })
}

/// What is wrong with a column list.
pub(super) fn wrong_width(table: &str, values: usize, names: usize) -> String {
    format!("table {table} has {values} values for {names} columns")
}

/// The names of a source's columns, each its own.
pub(super) fn distinct_names(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut taken = rustc_hash::FxHashSet::default();
    names.map(|name| unused_name(name, &mut taken)).collect()
}

/// `name`, or `name:1` and so on where it is taken: the columns of a source all have names of their own.
fn unused_name(name: String, taken: &mut rustc_hash::FxHashSet<String>) -> String {
    let mut candidate = name.clone();
    let mut count = 0;
    while !taken.insert(catalog::fold_name(&candidate)) {
        count += 1;
        candidate = format!("{name}:{count}");
    }
    candidate
}
