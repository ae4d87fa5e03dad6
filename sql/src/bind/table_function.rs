//! Table functions in FROM. Their arguments may name columns of all of FROM, so they are bound when it is known.

use super::Binder;
use super::from::From;
use super::scope::{Source, SourceColumn};
use super::typed::ColumnInfo;
use super::walk::{columns_of, for_each_node, subquery_of};
use crate::catalog::{self, Lookup};
use crate::error::{Error, Result, Span};
use crate::functions::{Asked, TableFunction, listing, lookup_table_function};
use crate::ir::{ColumnId, ColumnSet, Expr, JoinKind, Relation, Subquery, TableCall};
use crate::parser::ast;
use crate::suggest::{nearest, suggest};
use crate::types::{Affinity, Collation, TypeSet};
use crate::value::Value;
use std::rc::Rc;

/// The arguments of a call that are still to be bound; the call is known by its first column.
pub(super) struct PendingCall<'a> {
    column: ColumnId,
    args: Vec<&'a ast::Expr>,
}

/// The pragmas that show the catalog, and whether they take the name of a table or index.
const PRAGMAS: [(&str, bool); 12] = [
    ("table_info", true),
    ("table_xinfo", true),
    ("table_list", true),
    ("index_list", true),
    ("index_info", true),
    ("index_xinfo", true),
    ("foreign_key_list", true),
    ("collation_list", false),
    ("schema_version", false),
    ("user_version", false),
    ("application_id", false),
    ("encoding", false),
];

impl<'a> Binder<'a> {
    /// The table function called `name`, or one that is named without arguments.
    pub(super) fn table_function(&self, name: &str) -> Option<TableFunction> {
        lookup_table_function(name).or_else(|| {
            // A view's query may name the pragmas, which would have to describe it: within it views have no columns.
            let is_within_view = !self.views.is_empty();
            pragma_function(self.cx.catalog, name, is_within_view)
        })
    }

    /// A call in FROM.
    pub(super) fn called_table(
        &mut self,
        function: TableFunction,
        args: &'a [ast::Expr],
        shown: String,
        span: Option<Span>,
    ) -> Result<From> {
        self.count_source()?;
        let exprs: Vec<&ast::Expr> = args.iter().collect();
        let definition = &function.0;
        if exprs.len() > definition.max_args {
            let message =
                format!("too many arguments on {}() - max {}", definition.name, definition.max_args);
            return Err(Error::invalid(message, span));
        }
        if exprs.len() < definition.min_args {
            return Err(super::function::wrong_count(&definition.name, span));
        }
        let columns: Vec<SourceColumn> = definition
            .columns
            .iter()
            .map(|name| SourceColumn {
                id: self.fresh_column(),
                info: Rc::new(ColumnInfo { name: name.into(), column_type: None, origin: None }),
                types: TypeSet::ALL,
                affinity: Affinity::Blob,
                collation: Some(Collation::Binary),
                hidden: false,
            })
            .collect();
        if matches!(definition.name.as_str(), "json_each" | "json_tree")
            && let [_, value, kind, ..] = columns.as_slice()
        {
            self.json_parts.insert(value.id, kind.id);
        }
        if let Some(first) = columns.first()
            && !exprs.is_empty()
        {
            self.pending_calls.push(PendingCall { column: first.id, args: exprs });
        }
        let ids = columns.iter().map(|column| column.id).collect();
        let relation = Relation::TableFunction(TableCall {
            function,
            args: Vec::new(),
            columns: ids,
            alias: shown.clone(),
        });
        let source = Source {
            name: Some(shown),
            database: None,
            columns,
            is_table: false,
            row_id: None,
            nullable: false,
        };
        Ok(From { relation, sources: vec![source], merged: Vec::new() })
    }

    /// Binds the arguments of calls in `relation`, over all of whose columns we are.
    pub(super) fn bind_pending(
        &mut self,
        calls: Vec<PendingCall<'a>>,
        relation: &mut Relation,
    ) -> Result<()> {
        for call in calls {
            let args = call.args.iter().map(|arg| Ok(self.expr(arg)?.expr)).collect::<Result<Vec<Expr>>>()?;
            set_arguments(relation, call.column, args);
        }
        check_cycles(relation, &self.subqueries)?;
        self.check_calls(relation)
    }

    /// A function runs once for each row of what its arguments come from, which must come first.
    fn check_calls(&self, relation: &Relation) -> Result<()> {
        match relation {
            Relation::Filter { input, .. } => self.check_calls(input),
            Relation::Join { kind, left, right, .. } => {
                let turned = matches!(kind, JoinKind::Right | JoinKind::Full);
                let fixed = !matches!(kind, JoinKind::Inner);
                let takes = |from, other| takes_from(from, other, &self.subqueries);
                if turned && takes(right, left) || fixed && takes(left, right) {
                    let message = "a table function may not take columns from behind an outer join";
                    return Err(Error::invalid(message, None));
                }
                self.check_calls(left)?;
                self.check_calls(right)
            }
            _ => Ok(()),
        }
    }

    /// The error of a call of something that is no table function.
    pub(super) fn no_table_function(&self, name: &str, span: Option<Span>) -> Error {
        if self.cx.catalog.relation(name).is_some() {
            return Error::invalid(format!("'{name}' is not a function"), span);
        }
        let pragmas = PRAGMAS.iter().map(|(pragma, _)| format!("pragma_{pragma}")).collect::<Vec<_>>();
        let known = ["generate_series", "json_each", "json_tree"]
            .into_iter()
            .chain(pragmas.iter().map(String::as_str));
        Error::name(suggest(format!("no such table: {name}"), nearest(name, known)), span)
    }
}

/// Calls stand in the FROM of one query alone: below joins and the filters between them.
fn set_arguments(relation: &mut Relation, column: ColumnId, args: Vec<Expr>) {
    let mut places = vec![relation];
    while let Some(place) = places.pop() {
        match place {
            Relation::TableFunction(call) if call.columns.first() == Some(&column) => {
                call.args = args;
                return;
            }
            Relation::Join { left, right, .. } => places.extend([&mut **left, &mut **right]),
            Relation::Filter { input, .. } | Relation::Project { input, .. } => places.push(input),
            _ => {}
        }
    }
}

/// A call that takes a column of its own, directly or through others, can never run.
fn check_cycles(relation: &Relation, subqueries: &[Subquery]) -> Result<()> {
    let mut calls = Vec::new();
    let mut places = vec![relation];
    while let Some(place) = places.pop() {
        match place {
            Relation::TableFunction(call) => calls.push(call),
            Relation::Join { left, right, .. } => places.extend([&**left, &**right]),
            Relation::Filter { input, .. } => places.push(input),
            _ => {}
        }
    }
    while !calls.is_empty() {
        let mut waiting = ColumnSet::default();
        calls.iter().flat_map(|call| &call.columns).for_each(|id| waiting.insert(*id));
        let before = calls.len();
        calls.retain(|call| takes_any(call, &waiting, subqueries));
        if calls.len() == before {
            return Err(Error::invalid("a table function may not take its own columns", None));
        }
    }
    Ok(())
}

/// True if an argument of the call reads one of `columns`, itself or by a subquery.
fn takes_any(call: &TableCall, columns: &ColumnSet, subqueries: &[Subquery]) -> bool {
    let mut takes = false;
    for arg in &call.args {
        for_each_node(&mut arg.clone(), &mut |node| {
            takes |= match node {
                Expr::Column(id, _) => columns.contains(id),
                _ => subquery_of(node)
                    .and_then(|id| subqueries.get(id.0 as usize))
                    .is_some_and(|subquery| subquery.outer.iter().any(|id| columns.contains(id))),
            };
        });
    }
    takes
}

/// True if a call in `relation` takes a column of `other`.
fn takes_from(relation: &Relation, other: &Relation, subqueries: &[Subquery]) -> bool {
    match relation {
        Relation::TableFunction(call) => {
            let mut columns = ColumnSet::default();
            columns_of(other, &mut columns);
            takes_any(call, &columns, subqueries)
        }
        Relation::Filter { input, .. } => takes_from(input, other, subqueries),
        Relation::Join { left, right, .. } => {
            takes_from(left, other, subqueries) || takes_from(right, other, subqueries)
        }
        _ => false,
    }
}

/// `pragma_x` as a function: the rows of the pragma for everything that it can be asked of.
fn pragma_function(catalog: Lookup<'_>, name: &str, is_within_view: bool) -> Option<TableFunction> {
    let describe = |view: &catalog::View| match is_within_view {
        true => None,
        false => super::view_table(catalog, view).ok(),
    };
    let name = name.to_ascii_lowercase();
    let pragma = name.strip_prefix("pragma_")?;
    let (_, takes_name) = PRAGMAS.iter().find(|(known, _)| *known == pragma)?;
    let (columns, plain) = catalog::pragma_rows(catalog, None, pragma, None, &describe)?;
    let mut rows: Vec<(Asked, Vec<Value>)> = Vec::new();
    if *takes_name && pragma != "table_list" {
        let mut names: Vec<&str> = super::from::relation_names(catalog).collect();
        for relation in catalog.relations() {
            if let catalog::Relation::Table(table) = relation {
                names.extend(table.indexes.iter().map(|index| index.name.as_str()));
            }
        }
        names.sort_unstable();
        names.dedup_by(|a, b| a.eq_ignore_ascii_case(b));
        let databases = || catalog.listed().map(|(name, database)| (Some(name), Some(database)));
        for of in names {
            for (database, within) in std::iter::once((None, None)).chain(databases()) {
                let found = catalog::pragma_rows(catalog, within, pragma, Some(of), &describe);
                let found = found.map(|(_, rows)| rows);
                let asked: Asked = (Some(of.to_owned()), database.map(str::to_owned));
                rows.extend(found.into_iter().flatten().map(|row| (asked.clone(), row)));
            }
        }
    } else {
        // The list of tables can be asked of one table.
        for row in plain {
            if let (true, Some(Value::Text(table))) = (*takes_name, row.get(1)) {
                rows.push(((Some(table.to_string()), None), row.clone()));
            }
            rows.push(((None, None), row));
        }
    }
    Some(listing(&name, columns, rows))
}
