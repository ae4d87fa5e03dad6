//! Queries: WITH, compounds, SELECT and VALUES, ORDER BY and LIMIT. FROM is in `from.rs`, calls and windows in
//! `call.rs`.

use super::dialect::{COMPOUND_MAX, Grammar, ORDER_NESTING, Parse, push_unboxed};
use super::spans::span_of;
use crate::error::Error;
use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    Cte, Distinct, Expr, GroupByExpr, LimitClause, ObjectName, Offset, OffsetRows, OrderBy, OrderByExpr,
    OrderByKind, Parens, Query, Select, SelectFlavor, SelectItem, SelectItemQualifiedWildcardKind, SetExpr,
    SetOperator, SetQuantifier, TableAlias, TableAliasColumnDef, TableFactor, TableWithJoins, Values,
    WildcardAdditionalOptions, With,
};
use sqlparser::keywords::Keyword;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

/// A LIMIT and the OFFSET behind it.
pub(super) type Limit = (Expr, Option<Expr>);

/// A query around a body.
pub(super) fn query_of(body: Box<SetExpr>) -> Box<Query> {
    Box::new(Query {
        with: None,
        body,
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: Vec::new(),
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: Vec::new(),
    })
}

/// `SELECT * FROM table`.
pub(super) fn simple_query(table: TableFactor) -> Box<Query> {
    let mut select = empty_select(AttachedToken::empty());
    select.projection = vec![SelectItem::Wildcard(WildcardAdditionalOptions::default())];
    select.from = vec![TableWithJoins { relation: table, joins: Vec::new() }];
    query_of(Box::new(SetExpr::Select(select)))
}

fn empty_select(select_token: AttachedToken) -> Box<Select> {
    Box::new(Select {
        select_token,
        optimizer_hints: Vec::new(),
        distinct: None,
        select_modifiers: None,
        top: None,
        top_before_distinct: false,
        projection: Vec::new(),
        exclude: None,
        into: None,
        from: Vec::new(),
        lateral_views: Vec::new(),
        prewhere: None,
        selection: None,
        connect_by: Vec::new(),
        group_by: GroupByExpr::Expressions(Vec::new(), Vec::new()),
        cluster_by: Vec::new(),
        distribute_by: Vec::new(),
        sort_by: Vec::new(),
        having: None,
        named_window: Vec::new(),
        window_before_qualify: false,
        qualify: None,
        value_table_mode: None,
        flavor: SelectFlavor::Standard,
    })
}

/// Puts a clause into its place, in a frame of its own.
fn set_unboxed(place: &mut Option<Expr>, clause: Option<Box<Expr>>) {
    *place = clause.map(|expr| *expr);
}

impl Grammar {
    /// A query with its WITH.
    pub(super) fn query(&self, p: &mut Parser) -> Parse<Box<Query>> {
        let with = self.with(p)?;
        self.query_after_with(p, with)
    }

    /// A query whose WITH was read.
    pub(super) fn query_after_with(&self, p: &mut Parser, with: Option<With>) -> Parse<Box<Query>> {
        let mut query = query_of(self.compound(p)?);
        query.with = with;
        let order_by = self.order_by(p)?;
        if !order_by.is_empty() {
            query.order_by = Some(OrderBy { kind: OrderByKind::Expressions(order_by), interpolate: None });
        }
        query.limit_clause = self.limit_clause(p)?;
        Ok(query)
    }

    /// `WITH [RECURSIVE] ..`, if it is next.
    pub(super) fn with(&self, p: &mut Parser) -> Parse<Option<With>> {
        if !p.parse_keyword(Keyword::WITH) {
            return Ok(None);
        }
        let with_token = AttachedToken(p.get_current_token().clone());
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
        Ok(Some(With { with_token, recursive, cte_tables }))
    }

    fn cte(&self, p: &mut Parser) -> Parse<Cte> {
        let name = self.ident(p, "the name of a common table expression")?;
        let columns = match p.peek_token_ref().token {
            Token::LParen => self.ident_list(p, "a column name")?,
            _ => Vec::new(),
        };
        let columns = columns.into_iter().map(|name| TableAliasColumnDef { name, data_type: None }).collect();
        self.keyword(p, Keyword::AS)?;
        if p.parse_keyword(Keyword::MATERIALIZED) {
            self.hints.borrow_mut().materialized.push((span_of(name.span), true));
        } else if p.parse_keyword(Keyword::NOT) {
            self.keyword(p, Keyword::MATERIALIZED)?;
            self.hints.borrow_mut().materialized.push((span_of(name.span), false));
        }
        self.token(p, &Token::LParen)?;
        let query = self.subquery(p)?;
        self.token(p, &Token::RParen)?;
        let closing_paren_token = AttachedToken(p.get_current_token().clone());
        let alias = TableAlias { explicit: false, name, columns, at: None };
        Ok(Cte { alias, query, from: None, materialized: None, closing_paren_token })
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
                return self.fail(Error::Limit(format!("a compound has more than {COMPOUND_MAX} SELECTs")));
            }
            let all = op == SetOperator::Union && p.parse_keyword(Keyword::ALL);
            let set_quantifier = if all { SetQuantifier::All } else { SetQuantifier::None };
            let right = self.select_or_values(p)?;
            body = Box::new(SetExpr::SetOperation { left: body, op, set_quantifier, right });
        }
        Ok(body)
    }

    fn select_or_values(&self, p: &mut Parser) -> Parse<Box<SetExpr>> {
        if p.parse_keyword(Keyword::SELECT) {
            let select = self.select(p)?;
            return Ok(Box::new(SetExpr::Select(select)));
        }
        if p.parse_keyword(Keyword::VALUES) {
            return self.values(p);
        }
        self.unexpected(p, "SELECT or VALUES")
    }

    fn values(&self, p: &mut Parser) -> Parse<Box<SetExpr>> {
        let mut width = None;
        let rows = self.list(p, |g, p| {
            g.token(p, &Token::LParen)?;
            let opening_token = AttachedToken(p.get_current_token().clone());
            let content = g.expr_list(p)?;
            g.token(p, &Token::RParen)?;
            let closing_token = AttachedToken(p.get_current_token().clone());
            Ok(Parens { opening_token, content, closing_token })
        })?;
        for row in &rows {
            if *width.get_or_insert(row.content.len()) != row.content.len() {
                let place = span_of(row.opening_token.0.span);
                return self
                    .fail(Error::invalid("all rows of VALUES must have the same number of terms", place));
            }
        }
        Ok(Box::new(SetExpr::Values(Values { explicit_row: false, value_keyword: false, rows })))
    }

    /// A SELECT behind its keyword, up to ORDER BY.
    fn select(&self, p: &mut Parser) -> Parse<Box<Select>> {
        let mut select = empty_select(AttachedToken(p.get_current_token().clone()));
        if p.parse_keyword(Keyword::DISTINCT) {
            select.distinct = Some(Distinct::Distinct);
        } else if p.parse_keyword(Keyword::ALL) {
            select.distinct = Some(Distinct::All);
        }
        select.projection = self.select_list(p)?;
        if p.parse_keyword(Keyword::FROM) {
            select.from = self.from(p)?;
        }
        set_unboxed(&mut select.selection, self.clause(p, Keyword::WHERE)?);
        if p.parse_keyword(Keyword::GROUP) {
            self.keyword(p, Keyword::BY)?;
            select.group_by = GroupByExpr::Expressions(self.expr_list(p)?, Vec::new());
        }
        set_unboxed(&mut select.having, self.clause(p, Keyword::HAVING)?);
        if p.parse_keyword(Keyword::WINDOW) {
            select.named_window = self.list(p, |g, p| g.named_window(p))?;
        }
        Ok(select)
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
            if !p.consume_token(&Token::Comma) {
                return Ok(items);
            }
        }
    }

    fn select_item(&self, p: &mut Parser) -> Parse<Box<SelectItem>> {
        if let Some(wildcard) = self.wildcard(p)? {
            return Ok(wildcard);
        }
        let expr = self.expr(p, 0)?;
        if p.parse_keyword(Keyword::AS) || self.peek_bare_alias(p) {
            let alias = self.ident(p, "an alias")?;
            return Ok(Box::new(SelectItem::ExprWithAlias { expr: *expr, alias }));
        }
        Ok(Box::new(SelectItem::UnnamedExpr(*expr)))
    }

    /// `*` or `table.*`, if it is next.
    fn wildcard(&self, p: &mut Parser) -> Parse<Option<Box<SelectItem>>> {
        if p.consume_token(&Token::Mul) {
            return Ok(Some(Box::new(SelectItem::Wildcard(WildcardAdditionalOptions {
                wildcard_token: AttachedToken(p.get_current_token().clone()),
                ..WildcardAdditionalOptions::default()
            }))));
        }
        let qualified = p.peek_nth_token_ref(1).token == Token::Period
            && p.peek_nth_token_ref(2).token == Token::Mul
            && self.peek_name(p);
        if qualified {
            let table = ObjectName::from(self.ident(p, "the name of a table")?);
            p.advance_token();
            p.advance_token();
            let options = WildcardAdditionalOptions {
                wildcard_token: AttachedToken(p.get_current_token().clone()),
                ..WildcardAdditionalOptions::default()
            };
            return Ok(Some(Box::new(SelectItem::QualifiedWildcard(
                SelectItemQualifiedWildcardKind::ObjectName(table),
                options,
            ))));
        }
        Ok(None)
    }

    /// ORDER BY, if it is next.
    pub(super) fn order_by(&self, p: &mut Parser) -> Parse<Vec<OrderByExpr>> {
        if !p.parse_keyword(Keyword::ORDER) {
            return Ok(Vec::new());
        }
        self.keyword(p, Keyword::BY)?;
        // sqlparser's rule asks our dialect for the expression, and reads ASC, DESC and NULLS itself.
        self.nested(ORDER_NESTING, p, |g, p| g.list(p, |_, p| Ok(p.parse_order_by_expr()?)))
    }

    /// LIMIT, as the tree of a query keeps it.
    fn limit_clause(&self, p: &mut Parser) -> Parse<Option<LimitClause>> {
        let Some((limit, offset, comma)) = self.limit_parts(p)? else { return Ok(None) };
        Ok(Some(match offset {
            Some(offset) if comma => LimitClause::OffsetCommaLimit { offset, limit },
            offset => LimitClause::LimitOffset {
                limit: Some(limit),
                offset: offset.map(|value| Offset { value, rows: OffsetRows::None }),
                limit_by: Vec::new(),
            },
        }))
    }

    /// LIMIT and OFFSET of UPDATE and DELETE.
    pub(super) fn limit(&self, p: &mut Parser) -> Parse<Option<Limit>> {
        Ok(self.limit_parts(p)?.map(|(limit, offset, _)| (limit, offset)))
    }

    /// The limit, the offset, and whether a comma stood between them.
    fn limit_parts(&self, p: &mut Parser) -> Parse<Option<(Expr, Option<Expr>, bool)>> {
        if !p.parse_keyword(Keyword::LIMIT) {
            return Ok(None);
        }
        let first = *self.expr(p, 0)?;
        if p.consume_token(&Token::Comma) {
            return Ok(Some((*self.expr(p, 0)?, Some(first), true)));
        }
        let offset = self.clause(p, Keyword::OFFSET)?.map(|expr| *expr);
        Ok(Some((first, offset, false)))
    }
}
