//! What a name stands for: the sources of each query around an expression, and the search through them from the
//! inside out. A query's FROM fills a [`Scope`]; SQLite's rules say what is found: columns, then the row id, then
//! the aliases of the select list, then the same one query further out.

use super::aggregate::Aggregates;
use super::select::Item;
use super::typed::{ColumnInfo, OwnCollation, Typed};
use super::window::Windows;
use super::{Binder, select};
use crate::catalog::is_row_id_name;
use crate::databases::DatabaseId;
use crate::error::{Error, Result};
use crate::ir::{ColumnId, Expr};
use crate::parser::ast;
use crate::suggest::{nearest, suggest};
use crate::types::{Affinity, Collation, TypeSet};
use std::rc::Rc;

/// What one query lets its expressions see.
#[derive(Debug)]
pub(super) struct Scope<'a> {
    /// What FROM lists, from left to right.
    pub sources: Vec<Source>,
    /// Columns joined by USING or NATURAL in a RIGHT or FULL join: the first of their parts that is not NULL.
    pub merged: Vec<Merged>,
    /// The query, for its aliases; `None` where they cannot be used.
    pub select: Option<&'a ast::Select>,
    /// The clause being bound.
    pub clause: Clause,
    /// The aggregates met so far.
    pub aggregates: Aggregates,
    /// The windows met so far.
    pub windows: Windows,
    /// Those of the WINDOW clause.
    pub named_windows: &'a [ast::NamedWindowDefinition],
}

/// The clause being bound, which decides what may stand in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clause {
    /// ON.
    On,
    Where,
    GroupBy,
    /// The select list.
    Items,
    Having,
    OrderBy,
    /// The argument of an aggregate.
    Aggregate,
    /// The arguments and the definition of a window function.
    Window,
    /// Expressions outside a SELECT: VALUES, SET, LIMIT, the schema.
    Row,
}

impl Clause {
    /// True if an aggregate may stand in it.
    pub(super) fn takes_aggregates(self) -> bool {
        matches!(self, Clause::Items | Clause::Having | Clause::OrderBy | Clause::Window)
    }

    /// True if aliases of the select list may be named in it.
    fn sees_aliases(self) -> bool {
        matches!(self, Clause::Where | Clause::GroupBy | Clause::Having | Clause::OrderBy)
    }
}

/// One table, view or subquery in FROM.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// The name it goes by; none for a subquery without alias.
    pub name: Option<String>,
    /// The database whose name may stand before its own.
    pub database: Option<DatabaseId>,
    /// Its columns.
    pub columns: Vec<SourceColumn>,
    /// True for a table, whose columns a rename may be about.
    pub is_table: bool,
    /// Its row id.
    pub row_id: Option<SourceColumn>,
    /// True if an outer join may fill it with NULLs.
    pub nullable: bool,
}

/// A column of a source.
#[derive(Clone, Debug)]
pub(super) struct SourceColumn {
    pub id: ColumnId,
    pub info: Rc<ColumnInfo>,
    pub types: TypeSet,
    pub affinity: Affinity,
    /// None for a row id, which has no text to order: what stands beside it decides.
    pub collation: Option<Collation>,
    /// True if it was joined by USING or NATURAL with one further left, which stands for both.
    pub hidden: bool,
}

/// A column that stands for several.
#[derive(Clone, Debug)]
pub(super) struct Merged {
    /// Its name.
    pub name: String,
    /// The columns, as places in the scope: source, column. A further join by this name compares with the first of
    /// them that is not NULL.
    pub parts: Vec<(usize, usize)>,
    /// How many of them the name does not show, since a right join put its own column in their place.
    pub replaced: usize,
}

impl SourceColumn {
    /// The column as an expression; `nullable` if its source may be filled with NULLs.
    pub(super) fn typed(&self, nullable: bool) -> Typed {
        let types = if nullable { self.types | TypeSet::NULL } else { self.types };
        Typed {
            expr: Expr::Column(self.id, types),
            types,
            affinity: self.affinity,
            collation: self.collation.map(|collation| OwnCollation { collation, explicit: false }),
            column: Some(self.info.clone()),
        }
    }
}

impl Source {
    pub(super) fn goes_by(&self, database: Option<DatabaseId>, table: Option<&str>) -> bool {
        let database_fits = database.is_none_or(|database| self.database == Some(database));
        let table_fits = table
            .is_none_or(|table| self.name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(table)));
        database_fits && table_fits
    }
}

impl<'a> Scope<'a> {
    /// A scope over `sources`, in which nothing else can be named.
    pub(super) fn new(sources: Vec<Source>, clause: Clause) -> Scope<'a> {
        Scope {
            sources,
            merged: Vec::new(),
            select: None,
            clause,
            aggregates: Aggregates::default(),
            windows: Windows::default(),
            named_windows: &[],
        }
    }

    /// The columns that an unqualified or qualified name stands for; merged ones once.
    pub(super) fn find(&self, database: Option<DatabaseId>, table: Option<&str>, column: &str) -> Found {
        let mut found = Found::Nothing;
        // Names of one length that differ mostly do so at their ends.
        let last = |name: &str| name.as_bytes().last().map(u8::to_ascii_lowercase);
        let end = last(column);
        let is_it =
            |name: &str| name.len() == column.len() && last(name) == end && name.eq_ignore_ascii_case(column);
        for source in self.sources.iter().filter(|source| source.goes_by(database, table)) {
            let columns = source.columns.iter().filter(|c| table.is_some() || !c.hidden);
            for candidate in columns.filter(|c| is_it(&c.info.name)) {
                if !matches!(found, Found::Nothing) {
                    return Found::Several;
                }
                let merged =
                    self.merged.iter().find(|m| table.is_none() && m.name.eq_ignore_ascii_case(column));
                found = Found::Column(match merged {
                    Some(merged) => self.shown(merged),
                    None => candidate.typed(source.nullable),
                });
            }
        }
        if matches!(found, Found::Nothing) && is_row_id_name(column) {
            let sources = self.sources.iter().filter(|source| source.goes_by(database, table));
            let mut row_ids = sources.filter_map(|source| Some((source.row_id.as_ref()?, source.nullable)));
            return match (row_ids.next(), row_ids.next()) {
                (Some((row_id, nullable)), None) => Found::Column(row_id.typed(nullable)),
                (Some(_), Some(_)) => Found::Several,
                _ => Found::Nothing,
            };
        }
        found
    }

    /// What `*` stands for: the columns of all sources, those joined by USING once.
    pub(super) fn star(&self, items: &mut Vec<Item>) {
        for (s, source) in self.sources.iter().enumerate() {
            for (c, column) in source.columns.iter().enumerate().filter(|(_, column)| !column.hidden) {
                let merged = self.merged.iter().find(|merged| merged.parts.first() == Some(&(s, c)));
                let typed = match merged {
                    Some(merged) => self.shown(merged),
                    None => column.typed(source.nullable),
                };
                items.push(Item { typed, name: column.info.name.to_string(), named: true });
            }
        }
    }

    /// A column of `*` that stands for several by its bare name, which another source has as well.
    pub(super) fn ambiguous_in_star(&self) -> Option<&str> {
        let names = self.merged.iter().map(|merged| merged.name.as_str());
        names.into_iter().find(|name| matches!(self.find(None, None, name), Found::Several))
    }

    /// What a merged column's name stands for.
    fn shown(&self, merged: &Merged) -> Typed {
        self.coalesced(merged.parts.get(merged.replaced..).unwrap_or_default())
    }

    /// What a further join by a merged column's name compares.
    pub(super) fn joined(&self, merged: &Merged) -> Typed {
        self.coalesced(&merged.parts)
    }

    /// `coalesce` over columns, which compares as the first of them does.
    fn coalesced(&self, places: &[(usize, usize)]) -> Typed {
        let mut parts: Vec<Typed> = places
            .iter()
            .filter_map(|&(source, column)| {
                let source = self.sources.get(source)?;
                Some(source.columns.get(column)?.typed(source.nullable))
            })
            .collect();
        if parts.len() == 1
            && let Some(only) = parts.pop()
        {
            return only;
        }
        let first = parts.first().map(|first| (first.affinity, first.collation));
        let (affinity, collation) = first.unwrap_or_default();
        Typed { affinity, collation, ..super::operators::coalesce(parts) }
    }

    /// The names of all its columns, for suggestions.
    fn column_names<'s>(&'s self, table: Option<&'s str>) -> impl Iterator<Item = &'s str> {
        let sources = self.sources.iter().filter(move |source| source.goes_by(None, table));
        sources.flat_map(|source| source.columns.iter().map(|column| column.info.name.as_str()))
    }
}

/// What a name was found to be in one scope.
pub(super) enum Found {
    Nothing,
    Column(Typed),
    /// More than one column.
    Several,
}

/// A column name as written, in its parts.
struct ColumnName<'n> {
    database: Option<&'n ast::Ident>,
    table: Option<&'n ast::Ident>,
    column: &'n ast::Ident,
}

impl ColumnName<'_> {
    fn written(&self) -> String {
        let parts = [self.database, self.table, Some(self.column)];
        parts.into_iter().flatten().map(|part| part.value.as_str()).collect::<Vec<_>>().join(".")
    }
}

impl<'a> Binder<'a> {
    /// An unqualified name.
    pub(super) fn identifier(&mut self, ident: &'a ast::Ident) -> Result<Typed> {
        self.resolve(&ColumnName { database: None, table: None, column: ident })
    }

    /// `t.c` or `main.t.c`.
    pub(super) fn compound_identifier(&mut self, parts: &'a [ast::Ident]) -> Result<Typed> {
        match parts {
            [table, column] => self.resolve(&ColumnName { database: None, table: Some(table), column }),
            [database, table, column] => {
                self.resolve(&ColumnName { database: Some(database), table: Some(table), column })
            }
            _ => {
                let name = parts.iter().map(|part| part.value.as_str()).collect::<Vec<_>>().join(".");
                let span = parts.first().and_then(|part| self.place_of(part));
                Err(Error::name(format!("no such column: {name}"), span))
            }
        }
    }

    fn resolve(&mut self, name: &ColumnName<'_>) -> Result<Typed> {
        let table = name.table.map(|table| table.value.as_str());
        let database = match name.database {
            None => None,
            Some(written) => match self.cx.catalog.named(&written.value) {
                Some(catalog) => Some(catalog.database),
                None => return self.word(name),
            },
        };
        for level in (0..self.scopes.len()).rev() {
            let Some(scope) = self.scopes.get(level) else { continue };
            match scope.find(database, table, &name.column.value) {
                Found::Column(typed) => {
                    self.note_column(level, name.table, name.column);
                    self.use_scope(level);
                    return Ok(typed);
                }
                Found::Several => {
                    let message = format!("ambiguous column name: {}", name.written());
                    let message = if table.is_none() {
                        format!("{message}; put the table's name before it, as in t.{}", name.column.value)
                    } else {
                        message
                    };
                    return Err(Error::name(message, self.place_of_name(name)));
                }
                Found::Nothing if table.is_none() && scope.clause.sees_aliases() => {
                    let alias = scope.select.and_then(|s| select::aliased(s, &name.column.value));
                    if let Some(expr) = alias {
                        return self.alias(level, expr);
                    }
                }
                Found::Nothing => {}
            }
        }
        self.word(name)
    }

    /// An alias of the select list of the query at `level`: its expression is bound again, in that query.
    fn alias(&mut self, level: usize, expr: &'a ast::Expr) -> Result<Typed> {
        self.within(level + 1, |binder| {
            // An alias stands for an expression in which no alias can be named: this ends the recursion.
            let select = binder.scopes.last_mut().and_then(|scope| scope.select.take());
            let typed = binder.expr(expr);
            if let Some(scope) = binder.scopes.last_mut() {
                scope.select = select;
            }
            typed
        })
    }

    /// Binds something that sees the outermost `levels` scopes alone.
    pub(super) fn within<T>(
        &mut self,
        levels: usize,
        bind: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let inner = self.scopes.split_off(levels.min(self.scopes.len()));
        let used = std::mem::take(&mut self.scopes_used);
        let bound = bind(self);
        self.scopes.truncate(levels);
        self.scopes.extend(inner);
        // Scopes opened meanwhile had the numbers of those put aside: what they saw does not count.
        let outer = if levels >= 128 { u128::MAX } else { (1 << levels) - 1 };
        self.scopes_used = used | self.scopes_used & outer;
        bound
    }

    /// TRUE and FALSE where nothing is called so; else the error of an unknown column.
    fn word(&self, name: &ColumnName<'_>) -> Result<Typed> {
        let word = &name.column.value;
        if name.table.is_none() && !name.column.quoted {
            for (text, truth) in [("true", 1), ("false", 0)] {
                if word.eq_ignore_ascii_case(text) {
                    return Ok(Typed::constant(crate::value::Value::Integer(truth)));
                }
            }
        }
        let message = format!("no such column: {}", name.written());
        let span = self.place_of_name(name);
        if let Some(table) = name.table.filter(|table| !self.has_source(&table.value)) {
            let sources = self.scopes.iter().flat_map(|scope| &scope.sources);
            let message = match nearest(&table.value, sources.filter_map(|source| source.name.as_deref())) {
                Some(source) => suggest(message, Some(&format!("{source}.{word}"))),
                None => format!("{message}; {} is no table of this query", table.value),
            };
            return Err(Error::name(message, span));
        }
        let qualifier = name.table.map(|table| table.value.as_str());
        let known = self.scopes.iter().rev().flat_map(|scope| scope.column_names(qualifier));
        let message = match nearest(word, known) {
            None if name.column.quoted => {
                format!("{message}; \"double quotes\" name columns, strings take 'single quotes'")
            }
            suggestion => suggest(message, suggestion),
        };
        Err(Error::name(message, span))
    }

    fn has_source(&self, table: &str) -> bool {
        self.scopes.iter().any(|scope| scope.sources.iter().any(|source| source.goes_by(None, Some(table))))
    }

    fn place_of_name(&self, name: &ColumnName<'_>) -> Option<crate::error::Span> {
        let end = self.place_of(name.column)?;
        let first = name.database.or(name.table).and_then(|part| self.place_of(part)).unwrap_or(end);
        Some(crate::error::Span { start: first.start, end: end.end })
    }

    /// Notes that the expression being bound uses the scope at `level`.
    pub(super) fn use_scope(&mut self, level: usize) {
        self.scopes_used |= 1 << level.min(127);
    }
}
