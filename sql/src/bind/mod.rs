//! Binding: from parsed statements to the IR, every name resolved.
//!
//! A query is bound clause by clause in the order of evaluation: FROM (`from`), WHERE, the select list, GROUP BY,
//! HAVING, ORDER BY (`select`, `order`), with `aggregate` moving what stands above the groups onto their columns.
//! `expr`, `operators` and `function` give each expression its kinds of values, its affinity and its collation,
//! three separate things; `scope` finds what a name stands for, through the queries around it. `write` binds
//! changes, with `upsert` and `returning`; `table` the expressions that a schema holds; `names` tells which names of a
//! text stand for tables and columns, so that they can be renamed.
//!
//! Knows the catalog, the functions' signatures and the IR; no plan and no row.

mod aggregate;
mod collations;
mod compound;
mod expr;
mod from;
mod function;
mod json;
mod literal;
mod names;
mod operators;
mod order;
mod recursive;
mod returning;
mod scope;
mod select;
mod subquery;
mod table;
mod table_function;
mod text;
mod trigger;
mod typed;
mod upsert;
mod view;
mod walk;
mod window;
mod write;

#[cfg(test)]
mod tests;

use crate::catalog::Lookup;
use crate::databases::DatabaseId;
use crate::error::{Error, Result, Span};
use crate::ir::{Bound, ColumnId, InsertSource, Output, Query, Subquery, Write};
use crate::parser::ast;
use crate::parser::{Hints, Parsed, Statement};
use crate::value::Value;
use compound::CteFrame;
use rustc_hash::{FxHashMap, FxHashSet};
use scope::Scope;
use select::Naming;
use std::cell::RefCell;
use table_function::PendingCall;
use text::Text;

pub use names::{database_crossed_to, names_in_expr, names_in_trigger, names_in_view};
pub use table::{BoundTableExpr, TableExprUse, bind_table, bind_table_expr, bind_target};
pub use trigger::{BoundProgram, BoundStep, ProgramText, bind_program};
pub use view::view_table;

/// What binding looks at beside the statement.
pub struct BindContext<'a> {
    /// The tables, indexes and views of all databases.
    pub catalog: Lookup<'a>,
    /// The values of the statement's lifted literals.
    pub literals: &'a [Value],
}

/// How deep expressions and queries may nest, views and common tables expanded; a query counts as several. What a
/// stack of 2 MiB holds in a debug build.
const DEPTH_MAX: usize = 300;
const QUERY_DEPTH: usize = 5;

/// How many tables and subqueries one statement may name, views and common tables expanded at each use.
const SOURCES_MAX: usize = 20_000;

/// Binds a query.
///
/// # Errors
/// A name that stands for nothing or for two things, a clause without meaning, or one that is not supported.
pub fn bind_query(parsed: &Parsed, query: &ast::Query, cx: &BindContext<'_>) -> Result<Bound<Query>> {
    let mut binder = Binder::of_statement(parsed, cx);
    let selected = binder.query(query, Naming::Result)?;
    let mut root = binder.finish_query(selected);
    binder.check_collations(Some(&mut root.relation))?;
    Ok(binder.finish(root))
}

/// Binds INSERT, UPDATE or DELETE. `statement` is that of `parsed`, or the one inside its EXPLAIN.
///
/// # Errors
/// As [`bind_query`]; other statements are refused as invalid.
pub fn bind_write(parsed: &Parsed, statement: &Statement, cx: &BindContext<'_>) -> Result<Bound<Write>> {
    let mut binder = Binder::of_statement(parsed, cx);
    let mut root = match statement {
        Statement::Insert(insert) => binder.insert(insert)?,
        Statement::Update(update) => binder.update(update)?,
        Statement::Delete(delete) => binder.delete(delete)?,
        _ => return Err(Error::invalid("only INSERT, UPDATE and DELETE change rows", None)),
    };
    let found = match &mut root {
        Write::Insert(insert) => match &mut insert.source {
            InsertSource::Query(query) => Some(query),
            InsertSource::Rows(_) | InsertSource::Defaults => None,
        },
        Write::Update(update) => Some(&mut update.find),
        Write::Delete(delete) => Some(&mut delete.find),
    };
    binder.check_collations(found.map(|query| &mut query.relation))?;
    Ok(binder.finish(root))
}

/// The state of one statement's binding.
struct Binder<'a> {
    cx: &'a BindContext<'a>,
    /// The text that spans refer to: the statement's, or a view's while the view is bound.
    text: Text<'a>,
    hints: &'a Hints,
    /// The user's parameters; `None` inside the schema's own expressions, which may hold none.
    parameters: Option<&'a [Option<String>]>,
    next_column: u32,
    subqueries: Vec<Subquery>,
    pinned: Vec<usize>,
    /// Slots of lifted literals in the order in which they were bound.
    literals_seen: Vec<usize>,
    /// The columns in those predicates and expressions of indexes that hold literals, for the tables bound so far.
    /// Such an index serves a condition by what its literals say, so these are pinned while there are such columns.
    indexed_terms: FxHashSet<ColumnId>,
    /// The aggregates and window functions of open queries that give JSON.
    json_columns: FxHashSet<ColumnId>,
    /// The columns `value` of json_each and json_tree, each with the column that tells whether it is JSON.
    json_parts: FxHashMap<ColumnId, ColumnId>,
    /// The column that the literal being bound is compared with, if nothing stands between the two.
    beside: Option<ColumnId>,
    /// The queries around the expression being bound, the innermost last.
    scopes: Vec<Scope<'a>>,
    /// Which of the scopes the names resolved so far belong to, a bit each.
    scopes_used: u128,
    ctes: Vec<CteFrame<'a>>,
    /// How many recursions there are.
    recursions: u32,
    /// Calls in the FROM being bound whose arguments are not yet.
    pending_calls: Vec<PendingCall<'a>>,
    /// Conditions of inner joins in the FROM being bound that name what stands behind them, each with the error that
    /// it is if the whole FROM does not know the name either.
    pending_conditions: Vec<(&'a ast::Expr, Error)>,
    /// Where the next SELECT is a step of a recursion: the number of the queue's row, which it hands up as well.
    step_sequence: Option<ColumnId>,
    /// The views being bound, the innermost last.
    views: Vec<(DatabaseId, &'a str)>,
    /// The database that keeps the text being bound, which decides where its names are looked for. What no schema keeps
    /// sees all databases, as temp does.
    home: DatabaseId,
    /// The database that a text named although it may not look into it.
    crossed: RefCell<Option<String>>,
    depth: usize,
    /// True within a trigger, where RAISE may stand.
    in_trigger: bool,
    sources_bound: usize,
    /// Where subqueries are not allowed: what to call the place.
    subqueries_prohibited: Option<&'static str>,
    /// Within an expression of the schema whose value, or what follows from it, is kept.
    kept_as: Option<TableExprUse>,
    /// The names met and what they stand for, where somebody asks.
    names: Option<names::Names>,
}

/// The hints of expressions that have none.
static NO_HINTS: Hints = Hints { indexed: Vec::new(), materialized: Vec::new(), exclude: Vec::new() };

impl<'a> Binder<'a> {
    fn of_statement(parsed: &'a Parsed, cx: &'a BindContext<'a>) -> Binder<'a> {
        let mut binder = Binder::of_schema(cx);
        binder.text = Text::new(&parsed.text);
        binder.hints = &parsed.hints;
        binder.parameters = Some(&parsed.parameters);
        binder.pinned.extend_from_slice(&parsed.pinned);
        binder
    }

    /// A binder of expressions that stand in the schema: without text, hints and parameters.
    fn of_schema(cx: &'a BindContext<'a>) -> Binder<'a> {
        Binder {
            cx,
            text: Text::none(),
            hints: &NO_HINTS,
            parameters: None,
            next_column: 0,
            subqueries: Vec::new(),
            pinned: Vec::new(),
            literals_seen: Vec::new(),
            indexed_terms: FxHashSet::default(),
            json_columns: FxHashSet::default(),
            json_parts: FxHashMap::default(),
            beside: None,
            scopes: Vec::new(),
            scopes_used: 0,
            ctes: Vec::new(),
            recursions: 0,
            pending_calls: Vec::new(),
            pending_conditions: Vec::new(),
            step_sequence: None,
            views: Vec::new(),
            home: DatabaseId::TEMP,
            crossed: RefCell::default(),
            depth: 0,
            in_trigger: false,
            sources_bound: 0,
            subqueries_prohibited: None,
            kept_as: None,
            names: None,
        }
    }

    fn finish<T>(mut self, root: T) -> Bound<T> {
        self.pinned.sort_unstable();
        self.pinned.dedup();
        Bound {
            root,
            subqueries: self.subqueries,
            next_column: self.next_column,
            parameters: self.parameters.map_or(0, <[_]>::len),
            pinned: self.pinned,
            given: Vec::new(),
        }
    }

    fn finish_query(&mut self, selected: select::Selected) -> Query {
        let outputs = selected
            .columns
            .into_iter()
            .map(|column| Output {
                column: column.id,
                types: column.typed.types,
                affinity: column.typed.affinity,
                collation: column.typed.collation_or_binary(),
                column_type: column.typed.column.as_ref().and_then(|info| info.column_type),
                origin: column.typed.column.as_ref().and_then(|info| info.origin_names()),
                name: column.name,
            })
            .collect();
        Query { relation: selected.relation, outputs }
    }

    fn fresh_column(&mut self) -> ColumnId {
        let id = ColumnId(self.next_column);
        self.next_column += 1;
        id
    }

    /// The place of an expression in the statement's text.
    fn place(&self, node: &impl ast::Spanned) -> Option<Span> {
        self.text.span(node.span())
    }

    fn place_of(&self, ident: &ast::Ident) -> Option<Span> {
        self.text.span(ident.span)
    }

    /// Goes `levels` deeper; whoever does comes up again when it succeeds.
    fn descend(&mut self, levels: usize) -> Result<()> {
        self.depth += levels;
        if self.depth > DEPTH_MAX {
            return Err(Error::limit("the statement is nested too deep, the views it reads included"));
        }
        Ok(())
    }

    /// Counts a table or subquery against the statement's limit, which bounds what nested common tables expand to.
    fn count_source(&mut self) -> Result<()> {
        self.sources_bound += 1;
        if self.sources_bound > SOURCES_MAX {
            return Err(Error::limit(format!("the statement reads more than {SOURCES_MAX} tables")));
        }
        Ok(())
    }
}

/// The error of a clause that this version does not know.
fn unsupported(what: &str, span: Option<Span>) -> Error {
    Error::invalid(format!("{what} is not supported yet"), span)
}
