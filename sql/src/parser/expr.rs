//! Expressions: SQLite's operators between their operands (`operand.rs`), into the trees of `ast.rs`.
//!
//! Operators from loosest to tightest, all left-associative:
//!
//! | level | operators                                                                                       |
//! |-------|-------------------------------------------------------------------------------------------------|
//! | 10    | OR                                                                                              |
//! | 20    | AND                                                                                             |
//! | 30    | NOT (in front)                                                                                  |
//! | 40    | = == <> != IS [NOT] [DISTINCT FROM] BETWEEN IN MATCH LIKE REGEXP GLOB ISNULL NOTNULL NOT NULL   |
//! | 50    | < > <= >=                                                                                       |
//! | 60    | & \| << >>                                                                                      |
//! | 70    | + -                                                                                             |
//! | 80    | * / %                                                                                           |
//! | 90    | \|\| -> ->>                                                                                     |
//! | 100   | COLLATE                                                                                         |
//! | 110   | ~ + - (in front)                                                                                |
//!
//! Each operator's function is its own, so that the frames of the recursion stay small.

use super::ast::{BinaryOperator, Expr, Ident, TableFactor, UnaryOperator, Value};
use super::dialect::{Grammar, HEIGHT_MAX, Parse, SUBQUERY_NESTING};
use super::keyword::Keyword;
use super::query::simple_query;
use super::statement::Name;
use super::stream::{Parser, Token};
use crate::error::Error;
use crate::functions::ARRAY_EACH;

const OR: u8 = 10;
const AND: u8 = 20;
pub(super) const NOT: u8 = 30;
const EQUALITY: u8 = 40;
const COMPARISON: u8 = 50;
const BITS: u8 = 60;
const SUM: u8 = 70;
const PRODUCT: u8 = 80;
const CONCAT: u8 = 90;
const COLLATE: u8 = 100;

/// An operator that follows its left operand.
enum Operator {
    Binary(BinaryOperator),
    Is,
    IsNull,
    NotNull,
    /// IN, BETWEEN, LIKE, GLOB, MATCH or REGEXP, perhaps behind NOT.
    Word(Keyword),
    Collate,
}

/// The operator that the next token begins, and its level.
fn peek_operator(p: &Parser) -> Option<(Operator, u8)> {
    use BinaryOperator as B;
    let binary = |operator, level| Some((Operator::Binary(operator), level));
    match p.peek() {
        Token::Eq => binary(B::Eq, EQUALITY),
        Token::Neq => binary(B::NotEq, EQUALITY),
        Token::Lt => binary(B::Lt, COMPARISON),
        Token::Gt => binary(B::Gt, COMPARISON),
        Token::LtEq => binary(B::LtEq, COMPARISON),
        Token::GtEq => binary(B::GtEq, COMPARISON),
        Token::Ampersand => binary(B::BitwiseAnd, BITS),
        Token::Pipe => binary(B::BitwiseOr, BITS),
        Token::ShiftLeft => binary(B::ShiftLeft, BITS),
        Token::ShiftRight => binary(B::ShiftRight, BITS),
        Token::Plus => binary(B::Plus, SUM),
        Token::Minus => binary(B::Minus, SUM),
        Token::Mul => binary(B::Multiply, PRODUCT),
        Token::Div => binary(B::Divide, PRODUCT),
        Token::Mod => binary(B::Modulo, PRODUCT),
        Token::StringConcat => binary(B::StringConcat, CONCAT),
        Token::Arrow => binary(B::Arrow, CONCAT),
        Token::LongArrow => binary(B::LongArrow, CONCAT),
        Token::Word(word) => match word {
            Keyword::AND => binary(B::And, AND),
            Keyword::OR => binary(B::Or, OR),
            Keyword::IS => Some((Operator::Is, EQUALITY)),
            Keyword::ISNULL => Some((Operator::IsNull, EQUALITY)),
            Keyword::NOTNULL => Some((Operator::NotNull, EQUALITY)),
            Keyword::COLLATE => Some((Operator::Collate, COLLATE)),
            keyword if is_word_operator(keyword) => Some((Operator::Word(keyword), EQUALITY)),
            Keyword::NOT => match p.peek_nth(1) {
                Token::Word(Keyword::NULL) => Some((Operator::NotNull, EQUALITY)),
                Token::Word(word) if is_word_operator(word) => Some((Operator::Word(word), EQUALITY)),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

fn is_word_operator(keyword: Keyword) -> bool {
    use Keyword::*;
    matches!(keyword, IN | BETWEEN | LIKE | GLOB | MATCH | REGEXP)
}

impl Grammar<'_> {
    /// An expression of operators that bind tighter than `level`.
    pub(super) fn expr(&self, p: &mut Parser, level: u8) -> Parse<Box<Expr>> {
        self.enter(1)?;
        let before = self.height.replace(0);
        let mut left = self.prefix(p)?;
        self.grow(1)?;
        while let Some((operator, next)) = peek_operator(p) {
            if next <= level {
                break;
            }
            left = self.infix(p, left, operator, next)?;
            self.grow(1)?;
        }
        self.height.set(before.max(self.height.get()));
        self.nesting.set(self.nesting.get() - 1);
        Ok(left)
    }

    /// Makes the current tree higher by `levels`.
    pub(super) fn grow(&self, levels: usize) -> Parse<()> {
        let height = self.height.get() + levels;
        if height > HEIGHT_MAX {
            return self.fail(Error::limit(format!("an expression is more than {HEIGHT_MAX} levels deep")));
        }
        self.height.set(height);
        Ok(())
    }

    /// What follows `left`: the operator and its other operands.
    fn infix(&self, p: &mut Parser, left: Box<Expr>, operator: Operator, level: u8) -> Parse<Box<Expr>> {
        match operator {
            Operator::Binary(op) => {
                p.advance();
                let right = self.expr(p, level)?;
                Ok(binary(left, op, right))
            }
            Operator::Is => self.is(p, left),
            Operator::IsNull => {
                p.advance();
                Ok(Box::new(Expr::IsNull(left)))
            }
            Operator::NotNull => {
                // NOTNULL is one word, NOT NULL two.
                if p.parse_keyword(Keyword::NOT) {
                    self.keyword(p, Keyword::NULL)?;
                } else {
                    p.advance();
                }
                Ok(Box::new(Expr::IsNotNull(left)))
            }
            Operator::Word(keyword) => {
                let negated = p.parse_keyword(Keyword::NOT);
                p.advance();
                match keyword {
                    Keyword::IN => self.in_list(p, left, negated),
                    Keyword::BETWEEN => self.between(p, left, negated),
                    Keyword::LIKE => self.like(p, left, negated),
                    Keyword::GLOB => self.pattern(p, left, BinaryOperator::Glob, negated),
                    Keyword::MATCH => self.pattern(p, left, BinaryOperator::Match, negated),
                    _ => self.pattern(p, left, BinaryOperator::Regexp, negated),
                }
            }
            Operator::Collate => {
                p.advance();
                let collation = self.ident(p, "the name of a collation")?;
                Ok(Box::new(Expr::Collate { expr: left, collation: Box::new(collation) }))
            }
        }
    }

    /// `IS [NOT] [DISTINCT FROM] x`, with trees of their own for NULL, TRUE and FALSE.
    fn is(&self, p: &mut Parser, left: Box<Expr>) -> Parse<Box<Expr>> {
        p.advance();
        let not = p.parse_keyword(Keyword::NOT);
        let distinct = p.parse_keywords(&[Keyword::DISTINCT, Keyword::FROM]);
        let right = self.expr(p, EQUALITY)?;
        Ok(Box::new(is_tree(left, not, distinct, right)))
    }

    fn between(&self, p: &mut Parser, left: Box<Expr>, negated: bool) -> Parse<Box<Expr>> {
        let low = self.expr(p, AND)?;
        self.keyword(p, Keyword::AND)?;
        let high = self.expr(p, EQUALITY)?;
        Ok(Box::new(Expr::Between { expr: left, negated, low, high }))
    }

    fn like(&self, p: &mut Parser, left: Box<Expr>, negated: bool) -> Parse<Box<Expr>> {
        let pattern = self.expr(p, EQUALITY)?;
        let escape_char = match p.parse_keyword(Keyword::ESCAPE) {
            true => Some(self.expr(p, EQUALITY)?),
            false => None,
        };
        Ok(Box::new(Expr::Like { negated, expr: left, pattern, escape_char }))
    }

    /// GLOB, MATCH and REGEXP.
    fn pattern(
        &self,
        p: &mut Parser,
        left: Box<Expr>,
        op: BinaryOperator,
        negated: bool,
    ) -> Parse<Box<Expr>> {
        let right = self.expr(p, EQUALITY)?;
        let matches = binary(left, op, right);
        Ok(if negated { unary(UnaryOperator::Not, matches) } else { matches })
    }

    /// `IN (list)`, `IN (SELECT ..)`, `IN table` and `IN table_function(..)`.
    fn in_list(&self, p: &mut Parser, left: Box<Expr>, negated: bool) -> Parse<Box<Expr>> {
        let expr = left;
        if p.consume(Token::LParen) {
            if self.peek_query(p) {
                let subquery = self.subquery(p)?;
                self.token(p, Token::RParen)?;
                return Ok(Box::new(Expr::InSubquery { expr, subquery, negated }));
            }
            let list = match p.peek() {
                Token::RParen => Vec::new(),
                _ => self.expr_list(p)?,
            };
            self.token(p, Token::RParen)?;
            return Ok(Box::new(Expr::InList { expr, list, negated }));
        }
        if let Token::Parameter(_) = p.peek() {
            return self.in_parameter(p, expr, negated);
        }
        if !self.peek_name(p) {
            return self.unexpected(p, "\"(\", a parameter or the name of a table behind IN");
        }
        self.in_table(p, expr, negated)
    }

    /// `IN ?1`: the values of the list that is bound, as IN over the rows of a table function.
    fn in_parameter(&self, p: &mut Parser, expr: Box<Expr>, negated: bool) -> Parse<Box<Expr>> {
        let span = p.place_nth(0).unwrap_or_default();
        let parameter = self.expr(p, COLLATE)?;
        let name = Ident { value: ARRAY_EACH.into(), quoted: false, span };
        let name = Name { database: None, name };
        let subquery = simple_query(TableFactor::Table { name, alias: None, args: Some(vec![*parameter]) });
        Ok(Box::new(Expr::InSubquery { expr, subquery, negated }))
    }

    /// `IN table`, as IN over its rows.
    fn in_table(&self, p: &mut Parser, expr: Box<Expr>, negated: bool) -> Parse<Box<Expr>> {
        let subquery = simple_query(self.plain_table(p)?);
        Ok(Box::new(Expr::InSubquery { expr, subquery, negated }))
    }

    /// A query that nests in an expression or a FROM.
    pub(super) fn subquery(&self, p: &mut Parser) -> Parse<Box<super::ast::Query>> {
        self.nested(SUBQUERY_NESTING, p, |g, p| g.query(p))
    }

    /// Whether a query is next.
    pub(super) fn peek_query(&self, p: &Parser) -> bool {
        p.peek_one_of_keywords(&[Keyword::SELECT, Keyword::VALUES, Keyword::WITH]).is_some()
    }
}

/// The tree of `left IS [NOT] [DISTINCT FROM] right`.
fn is_tree(left: Box<Expr>, not: bool, distinct: bool, right: Box<Expr>) -> Expr {
    let constant = match right.as_ref() {
        Expr::Value(value) if !distinct => Some(&value.value),
        _ => None,
    };
    match (constant, not) {
        (Some(Value::Null), false) => Expr::IsNull(left),
        (Some(Value::Null), true) => Expr::IsNotNull(left),
        (Some(Value::Boolean(true)), false) => Expr::IsTrue(left),
        (Some(Value::Boolean(true)), true) => Expr::IsNotTrue(left),
        (Some(Value::Boolean(false)), false) => Expr::IsFalse(left),
        (Some(Value::Boolean(false)), true) => Expr::IsNotFalse(left),
        _ if not == distinct => Expr::IsNotDistinctFrom(left, right),
        _ => Expr::IsDistinctFrom(left, right),
    }
}

/// `left op right`, in a frame of its own.
fn binary(left: Box<Expr>, op: BinaryOperator, right: Box<Expr>) -> Box<Expr> {
    Box::new(Expr::BinaryOp { left, op, right })
}

/// `op expr`.
pub(super) fn unary(op: UnaryOperator, expr: Box<Expr>) -> Box<Expr> {
    Box::new(Expr::UnaryOp { op, expr })
}
