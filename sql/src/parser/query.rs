//! Queries: WITH, compounds, SELECT and VALUES, ORDER BY and LIMIT. FROM is in `from.rs`, calls and windows in
//! `call.rs`.

use super::ast::{
    Cte, Expr, OrderByExpr, OrderByOptions, Place, Query, Select, SelectItem, SetExpr, SetOperator,
    TableAlias, TableFactor, TableWithJoins, Values, ValuesRow, With,
};
use super::dialect::{COMPOUND_MAX, Grammar, ORDER_NESTING, Parse, push_unboxed};
use super::keyword::Keyword;
use super::place::span_of;
use super::statement::Name;
use super::stream::{Parser, Token};
use crate::error::Error;

/// A LIMIT and the OFFSET behind it.
pub(super) type Limit = (Expr, Option<Expr>);

/// A query around a body.
fn query_of(body: Box<SetExpr>) -> Box<Query> {
    Box::new(Query { with: None, body, order_by: Vec::new(), limit: None, offset: None })
}

/// `SELECT * FROM table`.
pub(super) fn simple_query(table: TableFactor) -> Box<Query> {
    query_of(Box::new(SetExpr::Select(Select {
        projection: vec![SelectItem::Wildcard(Place::default())],
        from: vec![TableWithJoins { relation: table, joins: Vec::new() }],
        ..Select::default()
    })))
}

/// Puts a clause into its place, in a frame of its own.
fn set_unboxed(place: &mut Option<Expr>, clause: Option<Box<Expr>>) {
    *place = clause.map(|expr| *expr);
}

impl Grammar<'_> {
    /// A query with its WITH.
    pub(super) fn query(&self, p: &mut Parser) -> Parse<Box<Query>> {
        let with = self.with(p)?;
        self.query_after_with(p, with)
    }

    /// A query whose WITH was read.
    pub(super) fn query_after_with(&self, p: &mut Parser, with: Option<With>) -> Parse<Box<Query>> {
        let mut query = query_of(self.compound(p)?);
        query.with = with;
        query.order_by = self.order_by(p)?;
        if let Some((limit, offset)) = self.limit(p)? {
            (query.limit, query.offset) = (Some(limit), offset);
        }
        Ok(query)
    }

    /// `WITH [RECURSIVE] ..`, if it is next.
    pub(super) fn with(&self, p: &mut Parser) -> Parse<Option<With>> {
        if !p.parse_keyword(Keyword::WITH) {
            return Ok(None);
        }
        let recursive = p.parse_keyword(Keyword::RECURSIVE);
        let cte_tables = self.list(p, |g, p| g.cte(p))?;
        for (at, cte) in cte_tables.iter().enumerate() {
            let name = &cte.alias.name;
            if cte_tables
                .iter()
                .take(at)
                .any(|before| before.alias.name.value.eq_ignore_ascii_case(&name.value))
            {
                let message = format!("duplicate WITH table name: {}", name.value);
                return self.fail(Error::invalid(message, span_of(name.span)));
            }
        }
        Ok(Some(With { recursive, cte_tables }))
    }

    fn cte(&self, p: &mut Parser) -> Parse<Cte> {
        let name = self.ident(p, "the name of a common table expression")?;
        let columns = match p.peek() {
            Token::LParen => self.ident_list(p, "a column name")?,
            _ => Vec::new(),
        };
        self.keyword(p, Keyword::AS)?;
        if p.parse_keyword(Keyword::MATERIALIZED) {
            self.hints.borrow_mut().materialized.push((span_of(name.span), true));
        } else if p.parse_keyword(Keyword::NOT) {
            self.keyword(p, Keyword::MATERIALIZED)?;
            self.hints.borrow_mut().materialized.push((span_of(name.span), false));
        }
        self.token(p, Token::LParen)?;
        let query = self.subquery(p)?;
        self.token(p, Token::RParen)?;
        Ok(Cte { alias: TableAlias { name, columns }, query })
    }

    /// SELECTs and VALUES with UNION, INTERSECT and EXCEPT between them, all of one precedence from left to right.
    fn compound(&self, p: &mut Parser) -> Parse<Box<SetExpr>> {
        let mut body = self.select_or_values(p)?;
        for count in 2.. {
            let op = match p.parse_one_of_keywords(&[Keyword::UNION, Keyword::INTERSECT, Keyword::EXCEPT]) {
                Some(Keyword::UNION) => SetOperator::Union,
                Some(Keyword::INTERSECT) => SetOperator::Intersect,
                Some(_) => SetOperator::Except,
                None => break,
            };
            if count > COMPOUND_MAX {
                return self.fail(Error::limit(format!("a compound has more than {COMPOUND_MAX} SELECTs")));
            }
            let all = op == SetOperator::Union && p.parse_keyword(Keyword::ALL);
            let right = self.select_or_values(p)?;
            body = Box::new(SetExpr::SetOperation { left: body, op, all, right });
        }
        Ok(body)
    }

    fn select_or_values(&self, p: &mut Parser) -> Parse<Box<SetExpr>> {
        if p.parse_keyword(Keyword::SELECT) {
            return self.select(p);
        }
        if p.parse_keyword(Keyword::VALUES) {
            return self.values(p);
        }
        self.unexpected(p, "SELECT or VALUES")
    }

    fn values(&self, p: &mut Parser) -> Parse<Box<SetExpr>> {
        let mut width = None;
        let rows = self.list(p, |g, p| {
            g.token(p, Token::LParen)?;
            let open = p.last_place();
            let content = g.expr_list(p)?;
            g.token(p, Token::RParen)?;
            Ok(ValuesRow { open, close: p.last_place(), content })
        })?;
        for row in &rows {
            if *width.get_or_insert(row.content.len()) != row.content.len() {
                let place = span_of(row.open);
                return self
                    .fail(Error::invalid("all rows of VALUES must have the same number of terms", place));
            }
        }
        Ok(Box::new(SetExpr::Values(Values { rows })))
    }

    /// A SELECT behind its keyword, up to ORDER BY.
    fn select(&self, p: &mut Parser) -> Parse<Box<SetExpr>> {
        let mut body =
            Box::new(SetExpr::Select(Select { select_token: p.last_place(), ..Select::default() }));
        let SetExpr::Select(select) = &mut *body else { return Ok(body) };
        let word = p.parse_one_of_keywords(&[Keyword::DISTINCT, Keyword::ALL]);
        select.distinct = word == Some(Keyword::DISTINCT);
        select.projection = self.select_list(p)?;
        if p.parse_keyword(Keyword::FROM) {
            select.from = self.from(p)?;
        }
        set_unboxed(&mut select.selection, self.clause(p, Keyword::WHERE)?);
        if p.parse_keyword(Keyword::GROUP) {
            self.keyword(p, Keyword::BY)?;
            select.group_by = self.expr_list(p)?;
        }
        set_unboxed(&mut select.having, self.clause(p, Keyword::HAVING)?);
        if p.parse_keyword(Keyword::WINDOW) {
            select.named_window = self.list(p, |g, p| g.named_window(p))?;
        }
        Ok(body)
    }

    /// A keyword and an expression, if the keyword is next.
    pub(super) fn clause(&self, p: &mut Parser, keyword: Keyword) -> Parse<Option<Box<Expr>>> {
        if p.parse_keyword(keyword) { self.expr(p, 0).map(Some) } else { Ok(None) }
    }

    /// The columns of SELECT or RETURNING.
    pub(super) fn select_list(&self, p: &mut Parser) -> Parse<Vec<SelectItem>> {
        let mut items = Vec::new();
        loop {
            let item = self.select_item(p)?;
            push_unboxed(&mut items, item);
            if !p.consume(Token::Comma) {
                return Ok(items);
            }
        }
    }

    fn select_item(&self, p: &mut Parser) -> Parse<Box<SelectItem>> {
        if let Some(wildcard) = self.wildcard(p)? {
            return Ok(wildcard);
        }
        let start = self.next_span(p).start;
        let expr = self.expr(p, 0)?;
        let place = Place::new(start, self.last_end(p));
        if p.parse_keyword(Keyword::AS) || self.peek_bare_alias(p) {
            let alias = self.ident(p, "an alias")?;
            return Ok(Box::new(SelectItem::ExprWithAlias { expr: *expr, alias }));
        }
        Ok(Box::new(SelectItem::UnnamedExpr(*expr, place)))
    }

    /// `*` or `table.*`, if it is next.
    fn wildcard(&self, p: &mut Parser) -> Parse<Option<Box<SelectItem>>> {
        if p.consume(Token::Mul) {
            return Ok(Some(Box::new(SelectItem::Wildcard(p.last_place()))));
        }
        let qualified = p.peek_nth(1) == Token::Period && p.peek_nth(2) == Token::Mul && self.peek_name(p);
        if qualified {
            let table = Name { database: None, name: self.ident(p, "the name of a table")? };
            p.advance();
            p.advance();
            return Ok(Some(Box::new(SelectItem::QualifiedWildcard(Box::new(table), p.last_place()))));
        }
        Ok(None)
    }

    /// ORDER BY, if it is next.
    pub(super) fn order_by(&self, p: &mut Parser) -> Parse<Vec<OrderByExpr>> {
        if !p.parse_keyword(Keyword::ORDER) {
            return Ok(Vec::new());
        }
        self.keyword(p, Keyword::BY)?;
        self.nested(ORDER_NESTING, p, |g, p| g.list(p, |g, p| g.order_term(p)))
    }

    /// `x [ASC | DESC] [NULLS FIRST | LAST]`.
    fn order_term(&self, p: &mut Parser) -> Parse<OrderByExpr> {
        let expr = *self.expr(p, 0)?;
        let descending = self.direction(p);
        let mut nulls_first = None;
        if p.parse_keyword(Keyword::NULLS) {
            nulls_first = match p.parse_one_of_keywords(&[Keyword::FIRST, Keyword::LAST]) {
                Some(word) => Some(word == Keyword::FIRST),
                None => return self.unexpected(p, "FIRST or LAST behind NULLS"),
            };
        }
        Ok(OrderByExpr { expr, options: OrderByOptions { descending, nulls_first } })
    }

    /// LIMIT and OFFSET, if they are next.
    pub(super) fn limit(&self, p: &mut Parser) -> Parse<Option<Limit>> {
        if !p.parse_keyword(Keyword::LIMIT) {
            return Ok(None);
        }
        let first = *self.expr(p, 0)?;
        if p.consume(Token::Comma) {
            return Ok(Some((*self.expr(p, 0)?, Some(first))));
        }
        let offset = self.clause(p, Keyword::OFFSET)?.map(|expr| *expr);
        Ok(Some((first, offset)))
    }
}
