//! FROM: tables, subqueries, parentheses and joins.
//!
//! A comma is a join like any other in SQLite and may carry ON or USING, so a FROM is always one chain of joins,
//! a comma being a plain JOIN. (CROSS JOIN stays apart: it fixes the join order.)

use super::ast::{Expr, Ident, Join, JoinConstraint, JoinOperator, TableAlias, TableFactor, TableWithJoins};
use super::dialect::{Grammar, Parse, push_unboxed};
use super::keyword::Keyword;
use super::place::span_of;
use super::stream::{Parser, Token};
use crate::error::Error;

/// A kind of join: what makes its operator from its constraint.
type JoinKind = fn(JoinConstraint) -> JoinOperator;

impl Grammar<'_> {
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
                JoinConstraint::Using(columns)
            } else if natural {
                JoinConstraint::Natural
            } else {
                JoinConstraint::None
            };
            if natural && constraint != JoinConstraint::Natural {
                return self.natural_with_constraint(place);
            }
            joins.push(Join { relation: *relation, join_operator: operator(constraint) });
        }
        Ok(Box::new(TableWithJoins { relation: *first, joins }))
    }

    fn natural_with_constraint<T>(&self, place: crate::error::Span) -> Parse<T> {
        self.fail(Error::invalid("a NATURAL join may not have an ON or USING clause", place))
    }

    /// A comma or the words up to JOIN; the flag is NATURAL.
    fn join_operator(&self, p: &mut Parser) -> Parse<Option<(JoinKind, bool)>> {
        use Keyword::*;
        if p.consume(Token::Comma) {
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
        if !p.consume(Token::LParen) {
            return self.aliased_table(p);
        }
        if self.peek_query(p) {
            let subquery = self.subquery(p)?;
            self.token(p, Token::RParen)?;
            let alias = self.table_alias(p)?;
            return Ok(Box::new(TableFactor::Derived { subquery, alias }));
        }
        let inside = self.nested(super::dialect::SUBQUERY_NESTING, p, |g, p| g.joined(p))?;
        self.token(p, Token::RParen)?;
        let outer = self.table_alias(p)?;
        Ok(parenthesized(inside, outer))
    }

    /// A table or call with its alias and index hint.
    fn aliased_table(&self, p: &mut Parser) -> Parse<Box<TableFactor>> {
        let mut table = self.plain_table(p)?;
        let alias = self.table_alias(p)?;
        if let TableFactor::Table { name, alias: slot, .. } = &mut table {
            let place = alias.as_ref().map_or(name.name.span, |alias| alias.name.span);
            *slot = alias;
            if let Some(index) = self.indexed(p)? {
                self.hints.borrow_mut().indexed.push((span_of(place), index));
            }
        }
        Ok(Box::new(table))
    }

    /// `[database.]name[(arguments)]`, without alias.
    pub(super) fn plain_table(&self, p: &mut Parser) -> Parse<TableFactor> {
        let name = self.qualified_name(p, "the name of a table")?;
        let args = match p.consume(Token::LParen) {
            true => {
                let args = match p.peek() {
                    Token::RParen => Vec::new(),
                    _ => self.expr_list(p)?,
                };
                self.token(p, Token::RParen)?;
                Some(args)
            }
            false => None,
        };
        Ok(TableFactor::Table { name, alias: None, args })
    }

    fn table_alias(&self, p: &mut Parser) -> Parse<Option<TableAlias>> {
        if !p.parse_keyword(Keyword::AS) && !self.peek_bare_alias(p) {
            return Ok(None);
        }
        let name = self.ident(p, "an alias")?;
        Ok(Some(TableAlias { name, columns: Vec::new() }))
    }

    /// `INDEXED BY i` (`Some(Some(i))`) or `NOT INDEXED` (`Some(None)`).
    pub(super) fn indexed(&self, p: &mut Parser) -> Parse<Option<Option<Ident>>> {
        if p.parse_keywords(&[Keyword::NOT, Keyword::INDEXED]) {
            return Ok(Some(None));
        }
        if p.parse_keyword(Keyword::INDEXED) {
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
#[allow(clippy::boxed_local, reason = "unboxing here is the point")]
fn push_join(joins: &mut Vec<Join>, relation: Box<TableFactor>, operator: JoinKind, condition: Box<Expr>) {
    let join_operator = operator(JoinConstraint::On(*condition));
    joins.push(Join { relation: *relation, join_operator });
}
