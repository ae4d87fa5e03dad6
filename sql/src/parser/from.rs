//! FROM: tables, subqueries, parentheses and joins.
//!
//! A comma is a join like any other in SQLite and may carry ON or USING, so a FROM is always one chain of joins,
//! a comma being a plain JOIN. (CROSS JOIN stays apart: it fixes the join order.)

use super::dialect::{Grammar, Parse, push_unboxed};
use super::spans::span_of;
use crate::error::Error;
use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, Join, JoinConstraint, JoinOperator, ObjectName,
    ObjectNamePart, TableAlias, TableFactor, TableFunctionArgs, TableWithJoins,
};
use sqlparser::keywords::Keyword;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

/// A kind of join: what makes its operator from its constraint.
type JoinKind = fn(JoinConstraint) -> JoinOperator;

impl Grammar {
    /// What follows FROM.
    pub(super) fn from(&self, p: &mut Parser) -> Parse<Vec<TableWithJoins>> {
        let mut from = Vec::new();
        let joined = self.joined(p)?;
        push_unboxed(&mut from, joined);
        Ok(from)
    }

    fn joined(&self, p: &mut Parser) -> Parse<Box<TableWithJoins>> {
        let first = self.table_factor(p)?;
        let mut joins = Vec::new();
        while let Some((operator, natural)) = self.join_operator(p)? {
            let relation = self.table_factor(p)?;
            let place = self.next_span(p);
            let constraint = if p.parse_keyword(Keyword::ON) {
                let condition = self.expr(p, 0)?;
                push_join(&mut joins, relation, operator, condition);
                if natural {
                    return self.natural_with_constraint(place);
                }
                continue;
            } else if p.parse_keyword(Keyword::USING) {
                let columns = self.ident_list(p, "a column name")?;
                JoinConstraint::Using(columns.into_iter().map(ObjectName::from).collect())
            } else if natural {
                JoinConstraint::Natural
            } else {
                JoinConstraint::None
            };
            if natural && constraint != JoinConstraint::Natural {
                return self.natural_with_constraint(place);
            }
            joins.push(Join { relation: *relation, global: false, join_operator: operator(constraint) });
        }
        Ok(Box::new(TableWithJoins { relation: *first, joins }))
    }

    fn natural_with_constraint<T>(&self, place: crate::error::Span) -> Parse<T> {
        self.fail(Error::invalid("a NATURAL join may not have an ON or USING clause", place))
    }

    /// A comma or the words up to JOIN; the flag is NATURAL.
    fn join_operator(&self, p: &mut Parser) -> Parse<Option<(JoinKind, bool)>> {
        use Keyword::*;
        if p.consume_token(&Token::Comma) {
            return Ok(Some((JoinOperator::Join, false)));
        }
        let start = self.next_span(p).start;
        let words = [NATURAL, LEFT, RIGHT, FULL, OUTER, INNER, CROSS];
        let mut found = [false; 7];
        let mut any = false;
        while let Some(word) = p.parse_one_of_keywords(&words) {
            any = true;
            for (seen, keyword) in found.iter_mut().zip(words) {
                *seen |= keyword == word;
            }
        }
        if !any && !p.peek_keyword(JOIN) {
            return Ok(None);
        }
        let [natural, left, right, full, outer, inner, cross] = found;
        let side = left || right || full;
        let operator: JoinKind = match (left, right, full) {
            _ if side && (inner || cross) || outer && !side => {
                let kind = self.text_from(p, start);
                let span = crate::error::Span { start, end: self.last_end(p) };
                return self.fail(Error::syntax(format!("there is no join of the kind {kind}"), span));
            }
            (_, _, true) | (true, true, _) => JoinOperator::FullOuter,
            (true, ..) => JoinOperator::LeftOuter,
            (_, true, _) => JoinOperator::RightOuter,
            _ if cross => JoinOperator::CrossJoin,
            _ if inner => JoinOperator::Inner,
            _ => JoinOperator::Join,
        };
        self.keyword(p, JOIN)?;
        Ok(Some((operator, natural)))
    }

    /// One table, call, subquery or parenthesis, with its alias.
    fn table_factor(&self, p: &mut Parser) -> Parse<Box<TableFactor>> {
        if !p.consume_token(&Token::LParen) {
            return self.aliased_table(p);
        }
        if self.peek_query(p) {
            let subquery = self.subquery(p)?;
            self.token(p, &Token::RParen)?;
            let alias = self.table_alias(p)?;
            return Ok(Box::new(TableFactor::Derived { lateral: false, subquery, alias, sample: None }));
        }
        let inside = self.nested(super::dialect::SUBQUERY_NESTING, p, |g, p| g.joined(p))?;
        self.token(p, &Token::RParen)?;
        let outer = self.table_alias(p)?;
        Ok(parenthesized(inside, outer))
    }

    /// A table or call with its alias and index hint.
    fn aliased_table(&self, p: &mut Parser) -> Parse<Box<TableFactor>> {
        let mut table = self.plain_table(p)?;
        let alias = self.table_alias(p)?;
        let place = alias.as_ref().map(|alias| alias.name.span);
        if let TableFactor::Table { name, alias: slot, .. } = &mut table {
            let place = place.or_else(|| name.0.last()?.as_ident().map(|ident| ident.span));
            *slot = alias;
            if let Some(index) = self.indexed(p)?
                && let Some(place) = place
            {
                self.hints.borrow_mut().indexed.push((span_of(place), index));
            }
        }
        Ok(Box::new(table))
    }

    /// `[database.]name[(arguments)]`, without alias.
    pub(super) fn plain_table(&self, p: &mut Parser) -> Parse<TableFactor> {
        let table = self.qualified_name(p, "the name of a table")?;
        let parts = table.database.into_iter().chain([table.name]).map(ObjectNamePart::Identifier);
        let name = ObjectName(parts.collect());
        let args = match p.consume_token(&Token::LParen) {
            true => {
                let args = match p.peek_token_ref().token {
                    Token::RParen => Vec::new(),
                    _ => {
                        self.list(p, |g, p| Ok(FunctionArg::Unnamed(FunctionArgExpr::Expr(*g.expr(p, 0)?))))?
                    }
                };
                self.token(p, &Token::RParen)?;
                Some(TableFunctionArgs { args, settings: None })
            }
            false => None,
        };
        Ok(TableFactor::Table {
            name,
            alias: None,
            args,
            with_hints: Vec::new(),
            version: None,
            with_ordinality: false,
            partitions: Vec::new(),
            json_path: None,
            sample: None,
            index_hints: Vec::new(),
        })
    }

    fn table_alias(&self, p: &mut Parser) -> Parse<Option<TableAlias>> {
        let explicit = p.parse_keyword(Keyword::AS);
        if !explicit && !self.peek_bare_alias(p) {
            return Ok(None);
        }
        let name = self.ident(p, "an alias")?;
        Ok(Some(TableAlias { explicit, name, columns: Vec::new(), at: None }))
    }

    /// `INDEXED BY i` (`Some(Some(i))`) or `NOT INDEXED` (`Some(None)`).
    pub(super) fn indexed(&self, p: &mut Parser) -> Parse<Option<Option<Ident>>> {
        if p.peek_keyword(Keyword::NOT) && self.peek_word(p, 1, "INDEXED") {
            p.advance_token();
            p.advance_token();
            return Ok(Some(None));
        }
        if self.word(p, "INDEXED") {
            self.keyword(p, Keyword::BY)?;
            return Ok(Some(Some(self.ident(p, "the name of an index")?)));
        }
        Ok(None)
    }
}

/// A FROM in parentheses: a join of its own, or one relation that an alias behind the parenthesis renames.
fn parenthesized(inside: Box<TableWithJoins>, outer: Option<TableAlias>) -> Box<TableFactor> {
    if !inside.joins.is_empty() {
        return Box::new(TableFactor::NestedJoin { table_with_joins: inside, alias: outer });
    }
    let mut relation = inside.relation;
    if let (
        Some(outer),
        TableFactor::Table { alias, .. }
        | TableFactor::Derived { alias, .. }
        | TableFactor::NestedJoin { alias, .. },
    ) = (outer, &mut relation)
    {
        *alias = Some(outer);
    }
    Box::new(relation)
}

/// Adds a join with ON, in a frame of its own.
fn push_join(joins: &mut Vec<Join>, relation: Box<TableFactor>, operator: JoinKind, condition: Box<Expr>) {
    let join_operator = operator(JoinConstraint::On(*condition));
    joins.push(Join { relation: *relation, global: false, join_operator });
}
