//! Tables as sources and targets, and the expressions that the schema holds about them: checks, defaults, indexed
//! expressions and the predicates of partial indexes.

use super::collations::{missing_collation, unusable_index};
use super::scope::{Clause, Scope, Source, SourceColumn};
use super::text::Text;
use super::typed::{ColumnInfo, Typed};
use super::{BindContext, Binder, NO_HINTS};
use crate::catalog::{Index, IndexKey, Lookup, SqlExpr, Table, TableKind};
use crate::error::{Error, Result};
use crate::functions::UserFunctions;
use crate::ir::{BoundIndex, ColumnId, Expr, IndexHint, TableRows, Target, TargetIndex};
use crate::parser::ast;
use crate::types::{Affinity, Collation, ColumnType, TypeSet};
use crate::value::Value;
use rustc_hash::FxHashSet;
use smol_str::SmolStr;
use std::rc::Rc;
use std::sync::Arc;

/// What an expression of the schema is for, which decides what may stand in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableExprUse {
    /// A CHECK constraint.
    Check,
    /// A column of an expression index.
    IndexColumn,
    /// WHERE of a partial index.
    IndexPredicate,
    /// DEFAULT, which sees no columns.
    Default,
    /// A generated column.
    Generated,
}

impl TableExprUse {
    pub(super) fn place(self) -> &'static str {
        match self {
            TableExprUse::Check => "CHECK constraints",
            TableExprUse::IndexColumn => "index expressions",
            TableExprUse::IndexPredicate => "partial index WHERE clauses",
            TableExprUse::Default => "DEFAULT values",
            TableExprUse::Generated => "generated columns",
        }
    }

    /// One of those, as messages about values call it.
    pub(super) fn noun(self) -> &'static str {
        match self {
            TableExprUse::Check => "a CHECK constraint",
            TableExprUse::IndexColumn | TableExprUse::IndexPredicate => "an index",
            TableExprUse::Default => "a DEFAULT",
            TableExprUse::Generated => "a generated column",
        }
    }

    /// True if its value is looked for again later, so that it must be the same then.
    pub(super) fn is_computed_again(self) -> bool {
        !matches!(self, TableExprUse::Check | TableExprUse::Default)
    }
}

/// An expression over the columns of one table.
#[derive(Clone, Debug)]
pub struct BoundTableExpr {
    /// The expression.
    pub expr: Expr,
    /// The kinds of values it gives.
    pub types: TypeSet,
    /// Its affinity.
    pub affinity: Affinity,
    /// Its collation.
    pub collation: Collation,
    /// The id of each column of the table, in its order.
    pub columns: Vec<ColumnId>,
    /// The id of the row id.
    pub row_id: ColumnId,
}

/// Binds an expression of the schema, to check it when it is created. Places in errors are those of the text that
/// `expr` was parsed from.
///
/// # Errors
/// An unknown name, or what may not stand there: a subquery, an aggregate, a parameter, in an index a function that
/// is not deterministic.
pub fn bind_table_expr(
    table: &Table,
    expr: &ast::Expr,
    usage: TableExprUse,
    functions: &Arc<UserFunctions>,
) -> Result<BoundTableExpr> {
    let cx = BindContext { catalog: Lookup::nowhere(functions), literals: &[] };
    let mut binder = Binder::of_schema(&cx);
    let (source, row_id) = binder.source(table, table.name.clone());
    let columns = source.columns.iter().map(|column| column.id).collect();
    let typed = binder.schema_expr(&source, expr, usage, Text::new(""))?;
    let collation = typed.collation_or_binary();
    Ok(BoundTableExpr {
        expr: typed.expr,
        types: typed.types,
        affinity: typed.affinity,
        collation,
        columns,
        row_id,
    })
}

/// Binds what the schema says about the rows of `table`, for a change of them.
///
/// # Errors
/// An expression of the schema that cannot be bound.
pub fn bind_target(table: &Arc<Table>, functions: &Arc<UserFunctions>) -> Result<Target> {
    let cx = BindContext { catalog: Lookup::nowhere(functions), literals: &[] };
    let (target, _) = Binder::of_schema(&cx).target(table, table.name.clone())?;
    Ok(target)
}

/// Binds each expression of the schema of a table that is about to be made, for the errors and their places.
///
/// # Errors
/// As [`bind_table_expr`].
pub fn bind_table(table: &Table, functions: &Arc<UserFunctions>) -> Result<()> {
    let bind = |expr: &SqlExpr, usage| bind_table_expr(table, &expr.expr, usage, functions).map(drop);
    for default in table.columns.iter().filter_map(|column| column.default.as_ref()) {
        bind(default, TableExprUse::Default)?;
    }
    for check in &table.checks {
        bind(&check.condition, TableExprUse::Check)?;
    }
    for generated in table.columns.iter().filter_map(|column| column.generated.as_ref()) {
        bind(&generated.expr, TableExprUse::Generated)?;
    }
    let cx = BindContext { catalog: Lookup::nowhere(functions), literals: &[] };
    let mut binder = Binder::of_schema(&cx);
    let (source, _) = binder.source(table, table.name.clone());
    binder.generated(table, &source)?;
    for index in &table.indexes {
        for column in &index.columns {
            if let IndexKey::Expression(expr) = &column.key {
                bind(expr, TableExprUse::IndexColumn)?;
            }
        }
        if let Some(filter) = &index.filter {
            bind(filter, TableExprUse::IndexPredicate)?;
        }
    }
    Ok(())
}

impl<'a> Binder<'a> {
    /// The rows of a table in FROM.
    pub(super) fn table_rows(
        &mut self,
        table: &'a Arc<Table>,
        shown: String,
        hint: IndexHint,
    ) -> Result<(TableRows, Source)> {
        let (source, row_id) = self.source(table, shown.clone());
        let mut bound_indexes = Vec::with_capacity(table.indexes.len());
        for index in &table.indexes {
            // What the program has not registered makes an index useless, not the table.
            let depth = self.depth;
            let (columns, filter) = match missing_collation(index) {
                // The rows of a clustered table can be read all the same.
                Some(_) if !table.is_clustered_by(index) => continue,
                _ => match self.index_exprs(&source, index) {
                    Err(Error::Name { .. }) => {
                        self.depth = depth;
                        continue;
                    }
                    bound => bound?,
                },
            };
            let terms = columns.iter().chain(&filter).filter(|term| has_constant(term));
            terms.for_each(|term| note_columns(term, &mut self.indexed_terms));
            bound_indexes.push(BoundIndex { index: index.clone(), columns, filter });
        }
        let columns = source.columns.iter().map(|column| column.id).collect();
        let rows = TableRows { table: table.clone(), columns, row_id, hint, bound_indexes, alias: shown };
        Ok((rows, source))
    }

    /// A table that is written to, and the row being written as a source.
    pub(super) fn target(&mut self, table: &'a Arc<Table>, shown: String) -> Result<(Target, Source)> {
        let (source, row_id) = self.source(table, shown);
        let mut defaults = Vec::with_capacity(table.columns.len());
        for column in &table.columns {
            defaults.push(match &column.default {
                None => Expr::Constant(Value::Null),
                Some(default) => {
                    self.schema_expr(&source, &default.expr, TableExprUse::Default, Text::none())?.expr
                }
            });
        }
        let mut checks = Vec::with_capacity(table.checks.len());
        for check in &table.checks {
            let condition = &check.condition.expr;
            checks.push(self.schema_expr(&source, condition, TableExprUse::Check, Text::none())?.expr);
        }
        let mut indexes = Vec::with_capacity(table.indexes.len());
        for index in &table.indexes {
            if let Some(collation) = missing_collation(index) {
                return Err(unusable_index(index, collation));
            }
            let (columns, filter) = self.index_exprs(&source, index)?;
            indexes.push(TargetIndex { index: index.clone(), columns, filter });
        }
        let columns = source.columns.iter().map(|column| column.id).collect();
        let generated = self.generated(table, &source)?;
        let sequence = match table.autoincrement {
            true => self.cx.catalog.sequences(table).cloned(),
            false => None,
        };
        let table = table.clone();
        let target = Target { table, columns, row_id, defaults, checks, indexes, generated, sequence };
        Ok((target, source))
    }

    /// Generated columns and their values over the columns of `source`, each behind those that it is computed from.
    fn generated(&mut self, table: &'a Table, source: &Source) -> Result<Vec<(usize, Expr)>> {
        let mut waiting = Vec::new();
        for (place, column) in table.columns.iter().enumerate() {
            if let Some(generated) = &column.generated {
                let expr = &generated.expr.expr;
                let value = self.schema_expr(source, expr, TableExprUse::Generated, Text::none())?.expr;
                let mut read = FxHashSet::default();
                note_columns(&value, &mut read);
                waiting.push((place, value, read));
            }
        }
        let mut ready = Vec::with_capacity(waiting.len());
        while !waiting.is_empty() {
            let ids: FxHashSet<ColumnId> = waiting
                .iter()
                .filter_map(|(place, ..)| source.columns.get(*place).map(|column| column.id))
                .collect();
            let (now, later): (Vec<_>, Vec<_>) =
                waiting.into_iter().partition(|(_, _, read)| read.is_disjoint(&ids));
            if let (true, Some((place, ..))) = (now.is_empty(), later.first()) {
                let name = table.columns.get(*place).map_or("", |column| &column.name);
                return Err(Error::invalid(format!("generated column loop on {name}"), None));
            }
            ready.extend(now.into_iter().map(|(place, value, _)| (place, value)));
            waiting = later;
        }
        Ok(ready)
    }

    /// A table's columns under fresh ids, and the id of its row id.
    pub(super) fn source(&mut self, table: &Table, shown: String) -> (Source, ColumnId) {
        let mut columns = Vec::with_capacity(table.columns.len());
        let table_name = SmolStr::new(&table.name);
        for (place, column) in table.columns.iter().enumerate() {
            let is_row_id = table.row_id_column == Some(place);
            let not_null = is_row_id || column.not_null.is_some();
            // What is written to a view is converted to no type.
            let is_view = table.kind == TableKind::View;
            let types = if is_view { TypeSet::ALL } else { column.column_type.type_set() };
            columns.push(SourceColumn {
                id: self.fresh_column(),
                info: Rc::new(ColumnInfo {
                    name: SmolStr::new(&column.name),
                    column_type: Some(column.column_type),
                    origin: Some((table_name.clone(), SmolStr::new(&column.name))),
                }),
                types: if not_null { types.without(TypeSet::NULL) } else { types },
                affinity: column.column_type.affinity(),
                collation: (!is_row_id).then_some(column.collation),
                hidden: false,
            });
        }
        let row_id = self.fresh_column();
        // The INTEGER PRIMARY KEY column goes by the names of the row id too.
        let named = table.row_id_column.and_then(|place| columns.get(place).cloned());
        let named = named.unwrap_or_else(|| SourceColumn {
            id: row_id,
            info: Rc::new(ColumnInfo {
                name: SmolStr::new_static("rowid"),
                column_type: Some(ColumnType::Integer),
                origin: Some((table_name, SmolStr::new_static("rowid"))),
            }),
            types: TypeSet::INTEGER,
            affinity: Affinity::Integer,
            collation: None,
            hidden: false,
        });
        let source = Source {
            name: Some(shown),
            database: Some(table.root.database),
            columns,
            is_table: table.kind != TableKind::View,
            row_id: table.has_row_id().then_some(named),
            nullable: false,
        };
        (source, row_id)
    }

    /// What an index's columns are, and its predicate, over the columns of `source`.
    fn index_exprs(&mut self, source: &Source, index: &'a Index) -> Result<(Vec<Expr>, Option<Expr>)> {
        let mut columns = Vec::with_capacity(index.columns.len());
        for column in &index.columns {
            columns.push(match &column.key {
                IndexKey::Column(place) => match source.columns.get(*place) {
                    Some(column) => column.typed(false).expr,
                    None => {
                        let message = format!("index {} names a column that its table has not", index.name);
                        return Err(Error::invalid(message, None));
                    }
                },
                IndexKey::Expression(indexed) => {
                    self.schema_expr(source, &indexed.expr, TableExprUse::IndexColumn, Text::none())?.expr
                }
            });
        }
        let filter = match &index.filter {
            None => None,
            Some(filter) => {
                let usage = TableExprUse::IndexPredicate;
                Some(self.schema_expr(source, &filter.expr, usage, Text::none())?.expr)
            }
        };
        Ok((columns, filter))
    }

    /// An expression of the schema over the columns of `source`, apart from the statement around it.
    pub(super) fn schema_expr(
        &mut self,
        source: &Source,
        expr: &'a ast::Expr,
        usage: TableExprUse,
        text: Text<'a>,
    ) -> Result<Typed> {
        if let Some(word) = default_word(expr, usage) {
            return Ok(word);
        }
        let sources = if usage == TableExprUse::Default { Vec::new() } else { vec![source.clone()] };
        let text = std::mem::replace(&mut self.text, text);
        let hints = std::mem::replace(&mut self.hints, &NO_HINTS);
        let parameters = self.parameters.take();
        let prohibited = self.subqueries_prohibited.replace(usage.place());
        let kept = (usage != TableExprUse::Default).then_some(usage);
        let kept_as = std::mem::replace(&mut self.kept_as, kept);
        let typed = self.within(0, |binder| {
            binder.scopes.push(Scope::new(sources, Clause::Row));
            binder.expr(expr)
        });
        (self.text, self.hints, self.parameters) = (text, hints, parameters);
        self.subqueries_prohibited = prohibited;
        self.kept_as = kept_as;
        let mut typed = typed?;
        self.check_expr_collations(&mut typed.expr)?;
        Ok(typed)
    }
}

/// `DEFAULT word`: a bare word that is no constant's name stands for its text, as in SQLite.
fn default_word(expr: &ast::Expr, usage: TableExprUse) -> Option<Typed> {
    match expr {
        ast::Expr::Identifier(word) if usage == TableExprUse::Default => {
            let is_truth = ["true", "false"].iter().any(|truth| truth.eq_ignore_ascii_case(&word.value));
            (!is_truth || word.quoted).then(|| Typed::constant(Value::text(word.value.as_str())))
        }
        _ => None,
    }
}

/// True if an expression of the schema holds a literal.
fn has_constant(expr: &Expr) -> bool {
    let mut found = matches!(expr, Expr::Constant(_));
    crate::ir::children(expr, &mut |child| found |= has_constant(child));
    found
}

/// Notes the columns that an expression of the schema reads.
fn note_columns(expr: &Expr, found: &mut FxHashSet<ColumnId>) {
    if let Expr::Column(id, _) = expr {
        found.insert(*id);
    }
    crate::ir::children(expr, &mut |child| note_columns(child, found));
}
