//! One SELECT: its clauses in the order of their evaluation, and the names of its columns.

use super::Binder;
use super::aggregate::Aggregates;
use super::order::{Key, KeyTarget, Order};
use super::scope::{Clause, Scope};
use super::typed::{OwnCollation, Typed};
use super::walk::columns_of;
use super::window::Windows;
use crate::error::{Error, Result};
use crate::ir::{ColumnId, ColumnSet, Expr, Relation, SortKey};
use crate::parser::ast;
use crate::types::Affinity;
use rustc_hash::FxHashSet;

/// A bound query inside the binder.
#[derive(Debug)]
pub(super) struct Selected {
    pub relation: Relation,
    pub columns: Vec<OutColumn>,
}

/// One column of a bound query; `typed.expr` is the column `id`.
#[derive(Clone, Debug)]
pub(super) struct OutColumn {
    pub id: ColumnId,
    pub typed: Typed,
    pub name: String,
    /// Affinity and collation of the last member of a compound: by these it compares where it is a subquery of an
    /// expression. A query of one member has none of its own.
    pub last: Option<(Affinity, Option<OwnCollation>)>,
    /// True if it may give values of any kind for all that its text says: a function, a parameter, or a column
    /// without affinity.
    pub is_open: bool,
}

/// How the columns of a query are named where no alias does: SQLite has one rule for results and one for what
/// stands in FROM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Naming {
    /// A result: a column by its name, anything else by its text.
    Result,
    /// A view, subquery or common table: the same, but COLLATE and likely() do not hide a column.
    Source,
    /// Nobody asks for names.
    None,
}

/// One column of the select list, stars expanded.
pub(super) struct Item {
    pub typed: Typed,
    pub name: String,
    /// True if it has its name by AS or from a star, so that ORDER BY finds it by the name.
    pub named: bool,
}

/// The expression that the select list calls `name` by AS.
pub(super) fn aliased<'a>(select: &'a ast::Select, name: &str) -> Option<&'a ast::Expr> {
    select.projection.iter().find_map(|item| match item {
        ast::SelectItem::ExprWithAlias { expr, alias } if alias.value.eq_ignore_ascii_case(name) => {
            Some(expr)
        }
        _ => None,
    })
}

impl<'a> Binder<'a> {
    /// Binds one SELECT and its ORDER BY.
    pub(super) fn select(
        &mut self,
        select: &'a ast::Select,
        naming: Naming,
        order: Order<'a, '_>,
    ) -> Result<Selected> {
        let sequence = self.step_sequence.take();
        let own_start = self.next_column;
        let around = std::mem::take(&mut self.pending_calls);
        let conditions_around = std::mem::take(&mut self.pending_conditions);
        let from = self.from(&select.from);
        let calls = std::mem::replace(&mut self.pending_calls, around);
        let conditions = std::mem::replace(&mut self.pending_conditions, conditions_around);
        let mut from = from?;
        let own = own_start..self.next_column;
        let mut scope = Scope::new(from.sources, Clause::Where);
        scope.merged = from.merged;
        scope.select = Some(select);
        scope.named_windows = &select.named_window;
        self.scopes.push(scope);
        let bound = self
            .bind_pending(calls, &mut from.relation)
            .and_then(|()| self.bind_conditions(conditions, from.relation))
            .and_then(|relation| self.clauses(select, naming, order, relation));
        // What clauses() binds leaves the scopes as they were, whether it fails or not.
        let scope = self.scopes.pop();
        let mut bound = bound?;
        let (aggregates, mut windows) = match scope {
            Some(scope) => (scope.aggregates, scope.windows),
            None => (Aggregates::default(), Windows::default()),
        };
        let calls = aggregates.into_calls();
        let mut relation = bound.relation;
        if let Some(sequence) = sequence {
            if !calls.is_empty() || !bound.groups.is_empty() {
                let span = self.text.span(select.select_token);
                return Err(Error::invalid("recursive aggregate queries not supported", span));
            }
            if !windows.is_empty() {
                let span = self.text.span(select.select_token);
                return Err(Error::invalid("cannot use window functions in recursive queries", span));
            }
            bound.items.push(Self::sequence_item(sequence));
        }
        if !calls.is_empty() || !bound.groups.is_empty() {
            let mut above: Vec<&mut Typed> = bound.items.iter_mut().map(|item| &mut item.typed).collect();
            above.extend(bound.having.iter_mut());
            above.extend(bound.keys.iter_mut().filter_map(Key::expr_mut));
            above.extend(windows.typed_mut());
            relation = self.group(relation, own, bound.groups, calls, &mut above);
        }
        if let Some(having) = bound.having {
            relation = Relation::Filter { input: Box::new(relation), predicate: having.expr };
        }
        let relation = windows.over(relation);
        Ok(self.project(relation, bound.items, bound.keys, select.distinct))
    }

    fn clauses(
        &mut self,
        select: &'a ast::Select,
        naming: Naming,
        order: Order<'a, '_>,
        mut relation: Relation,
    ) -> Result<Clauses> {
        if let Some(filter) = &select.selection {
            let predicate = self.expr(filter)?.expr;
            relation = Relation::Filter { input: Box::new(relation), predicate };
        }
        self.enter(Clause::Items);
        let items = self.items(select, naming)?;
        self.enter(Clause::GroupBy);
        let groups = self.groups(&select.group_by, &items)?;
        self.enter(Clause::Having);
        let is_grouped = !groups.is_empty() || self.own_aggregates() > 0;
        if select.having.is_some() && !is_grouped {
            return Err(Error::invalid("HAVING clause on a non-aggregate query", None));
        }
        let having = select.having.as_ref().map(|having| self.expr(having)).transpose()?;
        self.enter(Clause::OrderBy);
        let keys = match order {
            Order::Terms(terms) => {
                let keys = self.order_keys(terms, &items)?;
                if !is_grouped && self.own_aggregates() > 0 {
                    return Err(Error::invalid(
                        "misuse of aggregate: the rows of this query are no groups",
                        None,
                    ));
                }
                keys
            }
            Order::Compound(order) => {
                self.order_in_branch(order, &items);
                Vec::new()
            }
        };
        Ok(Clauses { relation, items, groups, having, keys })
    }

    /// How many aggregates of the innermost query were met.
    fn own_aggregates(&self) -> usize {
        self.scopes.last().map_or(0, |scope| scope.aggregates.len())
    }

    /// Goes on to another clause of the innermost query; gives the one before.
    pub(super) fn enter(&mut self, clause: Clause) -> Clause {
        match self.scopes.last_mut() {
            Some(scope) => std::mem::replace(&mut scope.clause, clause),
            None => clause,
        }
    }

    /// The select list.
    fn items(&mut self, select: &'a ast::Select, naming: Naming) -> Result<Vec<Item>> {
        let mut items = Vec::with_capacity(select.projection.len());
        for item in &select.projection {
            match item {
                ast::SelectItem::UnnamedExpr(expr, place) => {
                    let literals_before = self.literals_seen.len();
                    let typed = self.expr(expr)?;
                    let name = match (naming, column_name(expr, &typed, naming)) {
                        (Naming::None, _) => String::new(),
                        (_, Some(name)) => name,
                        (_, None) => {
                            self.pinned
                                .extend_from_slice(self.literals_seen.get(literals_before..).unwrap_or(&[]));
                            self.text.at(*place).to_owned()
                        }
                    };
                    items.push(Item { typed, name, named: false });
                }
                ast::SelectItem::ExprWithAlias { expr, alias } => {
                    let typed = self.expr(expr)?;
                    items.push(Item { typed, name: alias.value.to_string(), named: true });
                }
                ast::SelectItem::Wildcard(_) => self.star(select, &mut items)?,
                ast::SelectItem::QualifiedWildcard(name, _) => self.table_star(name, &mut items)?,
            }
            check_width(items.len())?;
        }
        Ok(items)
    }

    /// `*`: the columns of all sources, those joined by USING once.
    fn star(&self, select: &ast::Select, items: &mut Vec<Item>) -> Result<()> {
        let scope = self.scopes.last().filter(|scope| !scope.sources.is_empty());
        let Some(scope) = scope else {
            return Err(Error::invalid("no tables specified", self.text.span(select.select_token)));
        };
        if let Some(name) = scope.ambiguous_in_star() {
            let message = format!("ambiguous column name: {name}");
            return Err(Error::name(message, self.text.span(select.select_token)));
        }
        scope.star(items);
        Ok(())
    }

    /// `t.*`: all columns of one source.
    fn table_star(&mut self, name: &ast::Name, items: &mut Vec<Item>) -> Result<()> {
        let wanted = name.name.value.as_str();
        let written = name.database.as_ref().map(|database| self.cx.catalog.named(&database.value));
        let database = written.map(|found| found.map(|catalog| catalog.database));
        let sources = self.scopes.last().map_or(&[][..], |scope| &scope.sources);
        let source = sources.iter().find(|source| {
            let named = source.name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(wanted));
            named && database.is_none_or(|database| database.is_some() && source.database == database)
        });
        let Some(source) = source else {
            let known =
                crate::suggest::nearest(wanted, sources.iter().filter_map(|source| source.name.as_deref()));
            let message = crate::suggest::suggest(format!("no such table: {name}"), known);
            return Err(Error::name(message, self.place(name)));
        };
        for column in &source.columns {
            let typed = column.typed(source.nullable);
            items.push(Item { typed, name: column.info.name.to_string(), named: true });
        }
        if let Some(names) = &mut self.names {
            names.note_qualifier(&self.text, self.views.len(), source, &name.name);
        }
        Ok(())
    }

    /// GROUP BY: expressions, or places in the select list.
    fn groups(&mut self, exprs: &'a [ast::Expr], items: &[Item]) -> Result<Vec<Typed>> {
        let mut groups = Vec::with_capacity(exprs.len());
        for (i, expr) in exprs.iter().enumerate() {
            let typed = match self.written_ordinal(expr) {
                Some(ordinal) => {
                    let item = usize::try_from(ordinal).ok().and_then(|n| items.get(n.checked_sub(1)?));
                    let Some(item) = item else {
                        return Err(super::order::out_of_range(i, "GROUP BY", items.len(), self.place(expr)));
                    };
                    item.typed.clone()
                }
                None => self.expr(expr)?,
            };
            if self.holds_own_aggregate(&typed) {
                let message = "aggregate functions are not allowed in the GROUP BY clause";
                return Err(Error::invalid(message, self.place(expr)));
            }
            groups.push(typed);
        }
        Ok(groups)
    }

    fn holds_own_aggregate(&self, typed: &Typed) -> bool {
        let Some(scope) = self.scopes.last().filter(|scope| scope.aggregates.len() > 0) else { return false };
        let mut found = false;
        super::walk::for_each_node(&mut typed.expr.clone(), &mut |node| {
            found |= matches!(node, Expr::Column(id, _) if scope.aggregates.holds(*id));
        });
        found
    }

    /// Columns and nothing else over `relation`.
    pub(super) fn project_items(&mut self, relation: Relation, items: Vec<Item>) -> Selected {
        self.project(relation, items, Vec::new(), false)
    }

    /// The select list over `relation`: computed columns, DISTINCT and the order.
    fn project(&mut self, relation: Relation, items: Vec<Item>, keys: Vec<Key>, distinct: bool) -> Selected {
        let mut own = ColumnSet::default();
        columns_of(&relation, &mut own);
        let plain = |typed: &Typed| typed.column_id().filter(|id| own.contains(id));
        let computed = items.iter().any(|item| plain(&item.typed).is_none());
        let foreign_keys = keys.iter().any(|key| matches!(key.target, KeyTarget::Expr(_)));
        let mut projected: Vec<(ColumnId, Expr)> = Vec::new();
        let mut taken = FxHashSet::default();
        let mut columns: Vec<OutColumn> = Vec::with_capacity(items.len());
        for item in items {
            let id = plain(&item.typed).unwrap_or_else(|| self.fresh_column());
            let column = Expr::Column(id, item.typed.types);
            let is_open = item.typed.is_open();
            // Outside its query JSON is a text like any other, as in SQLite.
            self.json_columns.remove(&id);
            if taken.insert(id) {
                projected.push((id, item.typed.expr));
            }
            let typed = Typed { expr: column, ..item.typed };
            columns.push(OutColumn { id, typed, name: item.name, last: None, is_open });
        }
        let mut sort: Vec<SortKey> = Vec::with_capacity(keys.len());
        let mut extra: Vec<ColumnId> = Vec::new();
        for key in keys {
            let Key { target, collation, descending, nulls_first } = key;
            let expr = match target {
                KeyTarget::Item(place) => match columns.get(place) {
                    Some(column) => column.typed.expr.clone(),
                    None => continue,
                },
                KeyTarget::Expr(typed) if computed || distinct => {
                    let id = plain(&typed).unwrap_or_else(|| self.fresh_column());
                    if taken.insert(id) {
                        projected.push((id, typed.expr));
                        extra.push(id);
                    }
                    Expr::Column(id, typed.types)
                }
                KeyTarget::Expr(typed) => typed.expr,
            };
            sort.push(SortKey { expr, collation, descending, nulls_first });
        }
        let mut relation = relation;
        if computed || (distinct && foreign_keys) {
            relation = Relation::Project { input: Box::new(relation), columns: projected };
        }
        if distinct {
            relation = self.distinct(relation, &mut columns, &mut sort, &extra);
        }
        if !sort.is_empty() {
            relation = Relation::Sort { input: Box::new(relation), keys: sort };
        }
        Selected { relation, columns }
    }

    /// DISTINCT. Where the order needs columns that are not shown, each row keeps those of the first of its equals.
    fn distinct(
        &mut self,
        relation: Relation,
        columns: &mut [OutColumn],
        sort: &mut [SortKey],
        extra: &[ColumnId],
    ) -> Relation {
        let input = Box::new(relation);
        if extra.is_empty() {
            let columns = columns.iter().map(|c| (c.id, c.typed.collation_or_binary())).collect();
            return Relation::Distinct { input, columns };
        }
        let mut moved = rustc_hash::FxHashMap::default();
        let mut groups = Vec::with_capacity(columns.len());
        for column in columns {
            let id = self.fresh_column();
            moved.insert(column.id, id);
            let collation = column.typed.collation_or_binary();
            let grouped = std::mem::replace(&mut column.typed.expr, Expr::Column(id, column.typed.types));
            groups.push((id, grouped, collation));
            column.id = id;
        }
        let mut bare = Vec::with_capacity(extra.len());
        for &from in extra {
            let id = self.fresh_column();
            moved.insert(from, id);
            bare.push((id, from));
        }
        for key in sort {
            if let Expr::Column(id, _) = &mut key.expr {
                *id = moved.get(id).copied().unwrap_or(*id);
            }
        }
        Relation::Aggregate { input, groups, calls: Vec::new(), bare, bare_from: None }
    }
}

/// What the clauses of one SELECT were bound to, before any grouping.
struct Clauses {
    /// FROM and WHERE.
    relation: Relation,
    items: Vec<Item>,
    groups: Vec<Typed>,
    having: Option<Typed>,
    keys: Vec<Key>,
}

/// How many columns a query has at most, as in SQLite.
const COLUMNS_MAX: usize = 2_000;

/// Refuses more columns than a query may have.
pub(super) fn check_width(columns: usize) -> Result<()> {
    match columns > COLUMNS_MAX {
        true => Err(Error::limit(format!("too many columns in the result: {COLUMNS_MAX} at most"))),
        false => Ok(()),
    }
}

/// The name of a column that is named after the table's column it is.
pub(super) fn column_name(expr: &ast::Expr, typed: &Typed, naming: Naming) -> Option<String> {
    let mut bare = expr;
    loop {
        bare = match bare {
            ast::Expr::Nested(inner) => inner,
            ast::Expr::Collate { expr, .. } if naming == Naming::Source => expr,
            ast::Expr::Identifier(_) | ast::Expr::CompoundIdentifier(_) => {
                return typed.column.as_ref().map(|info| info.name.to_string());
            }
            _ => return None,
        };
    }
}
