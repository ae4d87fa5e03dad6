//! INSERT, REPLACE, UPDATE and DELETE.

use super::ast::{Ident, JoinConstraint, JoinOperator, Query, SetExpr, With};
use super::dialect::{Grammar, Parse};
use super::keyword::Keyword;
use super::statement::{Assignment, Delete, Insert, OnConflict, Returning, Statement, Update, Upsert};
use super::stream::{Parser, Token};

impl Grammar<'_> {
    /// A query or a writing statement, its WITH included.
    pub(super) fn query_or_write(&self, p: &mut Parser) -> Parse<Statement> {
        let with = self.with(p)?;
        if p.parse_keyword(Keyword::INSERT) {
            let on_conflict = self.or_conflict(p)?;
            return self.insert(p, with, on_conflict);
        }
        if p.parse_keyword(Keyword::REPLACE) {
            return self.insert(p, with, Some(OnConflict::Replace));
        }
        if p.parse_keyword(Keyword::UPDATE) {
            return self.update(p, with);
        }
        if p.parse_keyword(Keyword::DELETE) {
            return self.delete(p, with);
        }
        Ok(Statement::Query(self.query_after_with(p, with)?))
    }

    /// `OR REPLACE` and the like.
    fn or_conflict(&self, p: &mut Parser) -> Parse<Option<OnConflict>> {
        if p.parse_keyword(Keyword::OR) { self.resolution(p).map(Some) } else { Ok(None) }
    }

    /// ROLLBACK, ABORT, FAIL, IGNORE or REPLACE.
    pub(super) fn resolution(&self, p: &mut Parser) -> Parse<OnConflict> {
        use Keyword::{ABORT, FAIL, IGNORE, REPLACE, ROLLBACK};
        Ok(match p.parse_one_of_keywords(&[ROLLBACK, ABORT, FAIL, IGNORE, REPLACE]) {
            Some(ROLLBACK) => OnConflict::Rollback,
            Some(ABORT) => OnConflict::Abort,
            Some(FAIL) => OnConflict::Fail,
            Some(IGNORE) => OnConflict::Ignore,
            Some(_) => OnConflict::Replace,
            None => return self.unexpected(p, "ROLLBACK, ABORT, FAIL, IGNORE or REPLACE"),
        })
    }

    fn insert(
        &self,
        p: &mut Parser,
        with: Option<With>,
        on_conflict: Option<OnConflict>,
    ) -> Parse<Statement> {
        self.keyword(p, Keyword::INTO)?;
        let table = self.qualified_name(p, "the name of a table")?;
        let alias = self.explicit_alias(p)?;
        let columns = match p.peek() {
            Token::LParen => Some(self.ident_list(p, "a column name")?),
            _ => None,
        };
        let mut upserts = Vec::new();
        let source = if columns.is_none() && p.parse_keyword(Keyword::DEFAULT) {
            self.keyword(p, Keyword::VALUES)?;
            None
        } else if self.peek_query(p) {
            let query = self.query(p)?;
            if p.peek_keyword(Keyword::ON) && takes_condition(&query) {
                return self.unexpected(p, "WHERE or another clause between FROM and ON CONFLICT");
            }
            while p.parse_keyword(Keyword::ON) {
                upserts.push(self.upsert(p)?);
            }
            Some(query)
        } else {
            return self.unexpected(p, "VALUES, SELECT or DEFAULT VALUES");
        };
        let returning = self.returning(p)?;
        Ok(Statement::Insert(Box::new(Insert {
            with,
            on_conflict,
            table,
            alias,
            columns,
            source,
            upserts,
            returning,
        })))
    }

    /// `CONFLICT [(target) [WHERE ..]] DO NOTHING | DO UPDATE SET .. [WHERE ..]`, behind ON.
    fn upsert(&self, p: &mut Parser) -> Parse<Upsert> {
        self.keyword(p, Keyword::CONFLICT)?;
        let target = if p.peek() == Token::LParen {
            let columns = self.indexed_columns(p)?;
            Some((columns, self.clause(p, Keyword::WHERE)?.map(|expr| *expr)))
        } else {
            None
        };
        self.keyword(p, Keyword::DO)?;
        if p.parse_keyword(Keyword::NOTHING) {
            return Ok(Upsert { target, update: None });
        }
        if !p.parse_keyword(Keyword::UPDATE) {
            return self.unexpected(p, "NOTHING or UPDATE");
        }
        let assignments = self.assignments(p)?;
        Ok(Upsert { target, update: Some((assignments, self.clause(p, Keyword::WHERE)?.map(|expr| *expr))) })
    }

    /// SET and its assignments.
    fn assignments(&self, p: &mut Parser) -> Parse<Vec<Assignment>> {
        self.keyword(p, Keyword::SET)?;
        self.list(p, |g, p| {
            let columns = match p.peek() {
                Token::LParen => g.ident_list(p, "a column name")?,
                _ => vec![g.ident(p, "a column name")?],
            };
            g.token(p, Token::Eq)?;
            Ok(Assignment { columns, value: *g.expr(p, 0)? })
        })
    }

    fn explicit_alias(&self, p: &mut Parser) -> Parse<Option<Ident>> {
        if p.parse_keyword(Keyword::AS) { self.ident(p, "an alias").map(Some) } else { Ok(None) }
    }

    fn returning(&self, p: &mut Parser) -> Parse<Option<Returning>> {
        if !p.parse_keyword(Keyword::RETURNING) {
            return Ok(None);
        }
        Ok(Some(Returning { items: self.select_list(p)? }))
    }

    fn update(&self, p: &mut Parser, with: Option<With>) -> Parse<Statement> {
        let on_conflict = self.or_conflict(p)?;
        let table = self.qualified_name(p, "the name of a table")?;
        let alias = self.explicit_alias(p)?;
        let indexed = self.indexed(p)?;
        let assignments = self.assignments(p)?;
        let from = if p.parse_keyword(Keyword::FROM) { self.from(p)? } else { Vec::new() };
        let filter = self.clause(p, Keyword::WHERE)?.map(|expr| *expr);
        // RETURNING stands before or behind ORDER BY and LIMIT.
        let mut returning = self.returning(p)?;
        let order_by = self.order_by(p)?;
        let limit = self.limit(p)?;
        if returning.is_none() {
            returning = self.returning(p)?;
        }
        Ok(Statement::Update(Box::new(Update {
            with,
            on_conflict,
            table,
            alias,
            indexed,
            assignments,
            from,
            filter,
            order_by,
            limit,
            returning,
        })))
    }

    fn delete(&self, p: &mut Parser, with: Option<With>) -> Parse<Statement> {
        self.keyword(p, Keyword::FROM)?;
        let table = self.qualified_name(p, "the name of a table")?;
        let alias = self.explicit_alias(p)?;
        let indexed = self.indexed(p)?;
        let filter = self.clause(p, Keyword::WHERE)?.map(|expr| *expr);
        let mut returning = self.returning(p)?;
        let order_by = self.order_by(p)?;
        let limit = self.limit(p)?;
        if returning.is_none() {
            returning = self.returning(p)?;
        }
        Ok(Statement::Delete(Box::new(Delete {
            with,
            table,
            alias,
            indexed,
            filter,
            order_by,
            limit,
            returning,
        })))
    }
}

/// True for a query that ends in a table of FROM, where ON would begin the condition of a join.
fn takes_condition(query: &Query) -> bool {
    let mut body = &*query.body;
    while let SetExpr::SetOperation { right, .. } = body {
        body = right;
    }
    let SetExpr::Select(select) = body else { return false };
    let is_last = select.selection.is_none()
        && select.group_by.is_empty()
        && select.having.is_none()
        && select.named_window.is_empty()
        && query.order_by.is_empty()
        && query.limit.is_none();
    let Some(last) = select.from.last().filter(|_| is_last) else { return false };
    last.joins.last().is_none_or(|join| {
        use JoinOperator::{CrossJoin, FullOuter, Inner, Join, LeftOuter, RightOuter};
        let (Join(condition)
        | Inner(condition)
        | LeftOuter(condition)
        | RightOuter(condition)
        | FullOuter(condition)
        | CrossJoin(condition)) = &join.join_operator;
        matches!(condition, JoinConstraint::None | JoinConstraint::Natural)
    })
}
