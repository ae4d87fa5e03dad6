//! Whole queries: WITH, compounds, VALUES and LIMIT around the SELECTs.

use super::order::{CompoundOrder, Order};
use super::recursive::QueueSource;
use super::scope::{Clause, Scope};
use super::select::{Naming, OutColumn, Selected, check_width};
use super::typed::Typed;
use super::{Binder, QUERY_DEPTH, unsupported};
use crate::error::{Error, Result};
use crate::ir::{Expr, Member, Relation, SetOp};
use crate::parser::ast::{self, SetExpr};
use crate::types::{Affinity, TypeSet};

/// A common table expression that can be named. Each use binds its query anew.
#[derive(Clone, Debug)]
pub(super) struct CteFrame<'a> {
    pub cte: &'a ast::Cte,
    /// How many of the common tables its own query sees: those of its WITH and of the ones around it.
    pub visible: usize,
    /// How many scopes there are around its WITH.
    pub scopes: usize,
    /// True while its own query is bound.
    pub is_in_progress: bool,
    /// What naming it then is called.
    pub refusal: &'static str,
    /// What it stands for in those places of its own query that read its queue.
    pub queue: Option<QueueSource<'a>>,
}

/// LIMIT and OFFSET as the tree holds them.
#[derive(Default)]
pub(super) struct Limits<'a> {
    pub limit: Option<&'a ast::Expr>,
    pub offset: Option<&'a ast::Expr>,
}

impl<'a> Limits<'a> {
    /// Those of a query.
    pub(super) fn of(query: &'a ast::Query) -> Limits<'a> {
        Limits { limit: query.limit.as_ref(), offset: query.offset.as_ref() }
    }
}

impl<'a> Binder<'a> {
    /// Binds a query, its WITH, ORDER BY and LIMIT included.
    pub(super) fn query(&mut self, query: &'a ast::Query, naming: Naming) -> Result<Selected> {
        self.around(query, |binder| binder.limited_query(query, naming))
    }

    /// Binds what stands inside a query by `bind`, under its WITH.
    pub(super) fn around(
        &mut self,
        query: &'a ast::Query,
        bind: impl FnOnce(&mut Self) -> Result<Selected>,
    ) -> Result<Selected> {
        self.count_source()?;
        self.descend(QUERY_DEPTH)?;
        let outside = self.ctes.len();
        self.open_with(query.with.as_ref());
        let selected = bind(self);
        self.depth -= QUERY_DEPTH;
        self.ctes.truncate(outside);
        selected
    }

    /// Makes the common tables of a WITH known. The caller takes them off again.
    pub(super) fn open_with(&mut self, with: Option<&'a ast::With>) {
        let ctes = with.map_or(&[][..], |with| &with.cte_tables);
        let visible = self.ctes.len() + ctes.len();
        let scopes = self.scopes.len();
        self.ctes.extend(ctes.iter().map(|cte| CteFrame {
            cte,
            visible,
            scopes,
            is_in_progress: false,
            refusal: "circular reference",
            queue: None,
        }));
    }

    fn limited_query(&mut self, query: &'a ast::Query, naming: Naming) -> Result<Selected> {
        let terms = query.order_by.as_slice();
        let selected = match &*query.body {
            SetExpr::Select(select) => self.select(select, naming, Order::Terms(terms))?,
            body => self.compound(body, naming, terms)?,
        };
        self.limit(selected, &Limits::of(query))
    }

    /// LIMIT and OFFSET, which see no columns.
    pub(super) fn limit(&mut self, mut selected: Selected, limits: &Limits<'a>) -> Result<Selected> {
        if limits.limit.is_none() && limits.offset.is_none() {
            return Ok(selected);
        }
        let (limit, offset) = self.limit_exprs(limits)?;
        selected.relation = Relation::Limit { input: Box::new(selected.relation), limit, offset };
        Ok(selected)
    }

    /// The number of rows and of those left out.
    pub(super) fn limit_exprs(&mut self, limits: &Limits<'a>) -> Result<(Option<Expr>, Option<Expr>)> {
        let mut part = |expr: Option<&'a ast::Expr>| {
            expr.map(|expr| self.within(0, |binder| Ok(binder.expr(expr)?.expr))).transpose()
        };
        Ok((part(limits.limit)?, part(limits.offset)?))
    }

    /// SELECTs and VALUES with UNION and the like between them, in order.
    fn compound(
        &mut self,
        body: &'a SetExpr,
        naming: Naming,
        terms: &'a [ast::OrderByExpr],
    ) -> Result<Selected> {
        let mut order = CompoundOrder::new(terms);
        let mut result = self.members(body, naming, &mut order)?;
        let keys = self.compound_keys(&order, &result.columns)?;
        if !keys.is_empty() {
            result.relation = Relation::Sort { input: Box::new(result.relation), keys };
        }
        Ok(result)
    }

    /// The members of a compound, from left to right.
    pub(super) fn members(
        &mut self,
        body: &'a SetExpr,
        naming: Naming,
        order: &mut CompoundOrder<'a>,
    ) -> Result<Selected> {
        let mut branches = Vec::new();
        let mut rest = body;
        while let SetExpr::SetOperation { left, op, all, right } = rest {
            branches.push((set_op(*op, *all), &**right));
            rest = left;
        }
        let mut result = self.branch(rest, naming, order)?;
        for (op, body) in branches.into_iter().rev() {
            let right = self.branch(body, Naming::None, order)?;
            self.check_width(op, result.columns.len(), right.columns.len(), body)?;
            result = self.set_operation(op, result, right);
        }
        Ok(result)
    }

    pub(super) fn check_width(&self, op: SetOp, left: usize, right: usize, body: &SetExpr) -> Result<()> {
        if left == right {
            return Ok(());
        }
        let message = format!(
            "SELECTs to the left and right of {} do not have the same number of result columns",
            op_name(op)
        );
        Err(Error::invalid(message, self.place(body)))
    }

    pub(super) fn branch(
        &mut self,
        body: &'a SetExpr,
        naming: Naming,
        order: &mut CompoundOrder<'a>,
    ) -> Result<Selected> {
        match body {
            SetExpr::Select(select) => self.select(select, naming, Order::Compound(order)),
            SetExpr::Values(values) => self.values(values),
            SetExpr::SetOperation { .. } => Err(unsupported("this form of a query", self.place(body))),
        }
    }

    fn set_operation(&mut self, op: SetOp, left: Selected, right: Selected) -> Selected {
        let ids = |columns: &[OutColumn]| columns.iter().map(|column| column.id).collect::<Vec<_>>();
        let (left_ids, right_ids) = (ids(&left.columns), ids(&right.columns));
        let columns: Vec<OutColumn> =
            left.columns.into_iter().zip(&right.columns).map(|(l, r)| self.merged_column(op, l, r)).collect();
        let collations = columns.iter().map(|column| column.typed.collation_or_binary()).collect();
        let mut members = match left.relation {
            // What is combined already goes on as one list.
            Relation::SetOperation { members, columns } if columns == left_ids => members,
            relation => {
                vec![Member { op: SetOp::UnionAll, collations: Vec::new(), relation, columns: left_ids }]
            }
        };
        members.push(Member { op, collations, relation: right.relation, columns: right_ids });
        Selected { relation: Relation::SetOperation { members, columns: ids(&columns) }, columns }
    }

    /// A column of a compound: the left side says what it is called, how it compares and which affinity it has,
    /// unless values of another kind make that affinity meaningless.
    pub(super) fn merged_column(&mut self, op: SetOp, left: OutColumn, right: &OutColumn) -> OutColumn {
        let id = self.fresh_column();
        let types = match op {
            SetOp::UnionAll | SetOp::Union => left.typed.types | right.typed.types,
            SetOp::Intersect | SetOp::Except => left.typed.types,
        };
        // As in SQLite, what a function or a column without affinity gives counts as any kind.
        let is_open = right.is_open || (left.is_open && left.typed.affinity == Affinity::None);
        // A first member without affinity takes on the next one's.
        let first = match left.typed.affinity {
            Affinity::None => right.typed.affinity,
            affinity => affinity,
        };
        let right = &right.typed;
        let kinds = of_affinity(&left.typed) | if is_open { TypeSet::ALL } else { of_affinity(right) };
        let unlike = match first {
            Affinity::Text => kinds.intersects(TypeSet::INTEGER | TypeSet::REAL | TypeSet::DECIMAL),
            affinity if affinity.is_numeric() => kinds.intersects(TypeSet::TEXT),
            _ => false,
        };
        let affinity = if unlike { Affinity::Blob } else { first };
        let collation = left.typed.collation.or(right.collation);
        let typed =
            Typed { expr: Expr::Column(id, types), types, affinity, collation, column: left.typed.column };
        OutColumn {
            id,
            typed,
            name: left.name,
            last: Some((right.affinity, right.collation)),
            is_open: is_open && affinity == Affinity::None,
        }
    }

    /// VALUES: a table of expressions.
    fn values(&mut self, values: &'a ast::Values) -> Result<Selected> {
        check_width(values.rows.first().map_or(0, |row| row.content.len()))?;
        let rows = self.value_rows(values)?;
        let width = rows.first().map_or(0, Vec::len);
        let mut columns: Vec<OutColumn> = Vec::with_capacity(width);
        for place in 0..width {
            let id = self.fresh_column();
            let cells = || rows.iter().filter_map(|row| row.get(place));
            let types = cells().fold(TypeSet::EMPTY, |types, cell| types | cell.types);
            let first = cells().next();
            let typed = Typed {
                affinity: first.map(|cell| cell.affinity).unwrap_or_default(),
                collation: cells().find_map(|cell| cell.collation),
                ..Typed::plain(Expr::Column(id, types), types)
            };
            let name = format!("column{}", place + 1);
            let is_open = cells().skip(1).any(Typed::is_open);
            columns.push(OutColumn { id, typed, name, last: None, is_open });
        }
        let rows = rows.into_iter().map(|row| row.into_iter().map(|cell| cell.expr).collect()).collect();
        let relation = Relation::Values { rows, columns: columns.iter().map(|column| column.id).collect() };
        Ok(Selected { relation, columns })
    }

    /// The rows of VALUES, all of one width. They see what is around them, and no columns of their own.
    pub(super) fn value_rows(&mut self, values: &'a ast::Values) -> Result<Vec<Vec<Typed>>> {
        self.scopes.push(Scope::new(Vec::new(), Clause::Row));
        let rows: Result<Vec<Vec<Typed>>> =
            values.rows.iter().map(|row| row.content.iter().map(|cell| self.expr(cell)).collect()).collect();
        self.scopes.pop();
        let rows = rows?;
        let width = rows.first().map_or(0, Vec::len);
        if let Some(place) = rows.iter().position(|row| row.len() != width) {
            let span = values.rows.get(place).and_then(|row| self.text.span(row.open));
            return Err(Error::invalid("all VALUES must have the same number of terms", span));
        }
        Ok(rows)
    }
}

/// The kinds that an expression counts as: its affinity says more than what may have slipped in.
fn of_affinity(typed: &Typed) -> TypeSet {
    match typed.affinity {
        Affinity::Text => typed.types.without(TypeSet::INTEGER | TypeSet::REAL),
        affinity if affinity.is_numeric() => typed.types.without(TypeSet::TEXT),
        _ => typed.types,
    }
}

fn set_op(op: ast::SetOperator, all: bool) -> SetOp {
    match op {
        ast::SetOperator::Union if all => SetOp::UnionAll,
        ast::SetOperator::Union => SetOp::Union,
        ast::SetOperator::Intersect => SetOp::Intersect,
        ast::SetOperator::Except => SetOp::Except,
    }
}

fn op_name(op: SetOp) -> &'static str {
    match op {
        SetOp::UnionAll => "UNION ALL",
        SetOp::Union => "UNION",
        SetOp::Intersect => "INTERSECT",
        SetOp::Except => "EXCEPT",
    }
}
