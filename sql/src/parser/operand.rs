//! Operands: literals, names, calls, parentheses, CASE, CAST, EXISTS, and the operators that stand in front.

use super::ast::{
    Case, CaseWhen, Expr, Function, FunctionArguments, Ident, Place, UnaryOperator, Value, ValueWithSpan,
};
use super::dialect::{Grammar, HEIGHT_MAX, Parse, push_unboxed};
use super::expr::{NOT, unary};
use super::keyword::Keyword;
use super::literal::{plain_number, unquote};
use super::place::span_of;
use super::stream::{Parser, Token};
use crate::error::Error;
use smol_str::SmolStr;

impl Grammar<'_> {
    /// An operand, with the operators in front of it.
    pub(super) fn prefix(&self, p: &mut Parser) -> Parse<Box<Expr>> {
        match p.peek() {
            Token::Minus | Token::Plus | Token::Tilde => self.signed(p),
            Token::LParen => self.parenthesis(p),
            Token::Word(word) => match word {
                Keyword::NOT => self.not(p),
                Keyword::CASE => self.case(p),
                Keyword::CAST => self.cast(p),
                Keyword::EXISTS => self.exists(p),
                Keyword::RAISE => self.raise(p),
                Keyword::NULL => Ok(self.constant(p, Value::Null)),
                Keyword::TRUE if self.is_constant_word(p) => Ok(self.constant(p, Value::Boolean(true))),
                Keyword::FALSE if self.is_constant_word(p) => Ok(self.constant(p, Value::Boolean(false))),
                Keyword::CURRENT_DATE | Keyword::CURRENT_TIME | Keyword::CURRENT_TIMESTAMP => {
                    let name = self.ident(p, "a function")?;
                    Ok(function(name, FunctionArguments::None))
                }
                _ if word.is_name() => self.named(p),
                _ => self.unexpected(p, "an expression"),
            },
            Token::Quoted => self.named(p),
            _ => self.literal(p),
        }
    }

    /// Whether TRUE or FALSE is next as a constant and not as the name of a table or function.
    fn is_constant_word(&self, p: &Parser) -> bool {
        !matches!(p.peek_nth(1), Token::Period | Token::LParen)
    }

    fn constant(&self, p: &mut Parser, value: Value) -> Box<Expr> {
        p.advance();
        Box::new(Expr::Value(ValueWithSpan { value, span: p.last_place() }))
    }

    /// A number, string, blob or parameter; a string may also be the first part of a name.
    fn literal(&self, p: &mut Parser) -> Parse<Box<Expr>> {
        let value = match p.peek() {
            Token::Number => {
                let text = plain_number(self.next_text(p));
                if let Err(error) = super::literal::number_value(&text) {
                    return self.fail(Error::syntax(error.to_string(), self.next_span(p)));
                }
                Value::Number(SmolStr::new(text))
            }
            Token::Text | Token::Slot(_) if p.peek_nth(1) == Token::Period && self.peek_name(p) => {
                return self.named(p);
            }
            Token::Slot(slot) => Value::Slot(slot as usize),
            Token::Parameter(place) => Value::Parameter(place as usize),
            Token::Text => Value::SingleQuotedString(unquote(self.next_text(p))),
            // The digits stand between x' and '.
            Token::Blob => Value::HexStringLiteral(unquote(self.next_text(p).get(1..).unwrap_or(""))),
            _ => return self.unexpected(p, "an expression"),
        };
        Ok(self.constant(p, value))
    }

    /// `-x`, `+x`, `~x`, in a row. The least integer is one literal: its digits alone would be a real.
    fn signed(&self, p: &mut Parser) -> Parse<Box<Expr>> {
        let mut operators = Vec::new();
        loop {
            let op = match p.peek() {
                Token::Minus => UnaryOperator::Minus,
                Token::Plus => UnaryOperator::Plus,
                Token::Tilde => UnaryOperator::BitwiseNot,
                _ => break,
            };
            operators.push(op);
            p.advance();
            if operators.len() > HEIGHT_MAX {
                self.grow(HEIGHT_MAX + 1)?;
            }
        }
        let least = p.peek() == Token::Number && plain_number(self.next_text(p)) == "9223372036854775808";
        let mut expr = if least && operators.last() == Some(&UnaryOperator::Minus) {
            operators.pop();
            self.constant(p, Value::Number(SmolStr::new_static("-9223372036854775808")))
        } else {
            self.prefix(p)?
        };
        self.grow(operators.len())?;
        while let Some(op) = operators.pop() {
            expr = unary(op, expr);
        }
        Ok(expr)
    }

    /// `NOT x`, in a row. `NOT EXISTS (..)` is one tree.
    fn not(&self, p: &mut Parser) -> Parse<Box<Expr>> {
        let mut count = 0;
        while p.parse_keyword(Keyword::NOT) {
            count += 1;
            if count > HEIGHT_MAX {
                self.grow(count)?;
            }
        }
        let mut expr = self.expr(p, NOT)?;
        if let Expr::Exists { negated: negated @ false, .. } = expr.as_mut() {
            *negated = true;
            count -= 1;
        }
        self.grow(count)?;
        for _ in 0..count {
            expr = unary(UnaryOperator::Not, expr);
        }
        Ok(expr)
    }

    /// A subquery, a row value, or an expression in parentheses.
    fn parenthesis(&self, p: &mut Parser) -> Parse<Box<Expr>> {
        p.advance();
        if self.peek_query(p) {
            let query = self.subquery(p)?;
            self.token(p, Token::RParen)?;
            return Ok(Box::new(Expr::Subquery(query)));
        }
        let first = self.expr(p, 0)?;
        if p.peek() != Token::Comma {
            self.token(p, Token::RParen)?;
            return Ok(Box::new(Expr::Nested(first)));
        }
        let mut row = Vec::new();
        push_unboxed(&mut row, first);
        while p.consume(Token::Comma) {
            let term = self.expr(p, 0)?;
            push_unboxed(&mut row, term);
        }
        self.token(p, Token::RParen)?;
        Ok(Box::new(Expr::Tuple(row)))
    }

    /// `RAISE(IGNORE)` or `RAISE(ABORT, message)`, as a call.
    fn raise(&self, p: &mut Parser) -> Parse<Box<Expr>> {
        let name = self.ident(p, "RAISE")?;
        self.token(p, Token::LParen)?;
        let actions = [Keyword::IGNORE, Keyword::ROLLBACK, Keyword::ABORT, Keyword::FAIL];
        let Some(action) = p.peek_one_of_keywords(&actions) else {
            return self.unexpected(p, "IGNORE, ROLLBACK, ABORT or FAIL");
        };
        let mut args = vec![Expr::Identifier(self.ident(p, "an action")?)];
        if action != Keyword::IGNORE {
            self.token(p, Token::Comma)?;
            let message = self.expr(p, 0)?;
            push_unboxed(&mut args, message);
        }
        self.token(p, Token::RParen)?;
        Ok(function(name, FunctionArguments::List { distinct: false, args, order_by: Vec::new() }))
    }

    fn exists(&self, p: &mut Parser) -> Parse<Box<Expr>> {
        p.advance();
        self.token(p, Token::LParen)?;
        if !self.peek_query(p) {
            return self.unexpected(p, "a query behind EXISTS");
        }
        let subquery = self.subquery(p)?;
        self.token(p, Token::RParen)?;
        Ok(Box::new(Expr::Exists { subquery, negated: false }))
    }

    fn case(&self, p: &mut Parser) -> Parse<Box<Expr>> {
        p.advance();
        let start = span_of(p.last_place()).start;
        let operand = match p.peek_keyword(Keyword::WHEN) {
            true => None,
            false => Some(self.expr(p, 0)?),
        };
        let mut conditions = Vec::new();
        self.keyword(p, Keyword::WHEN)?;
        loop {
            let condition = self.expr(p, 0)?;
            self.keyword(p, Keyword::THEN)?;
            let result = self.expr(p, 0)?;
            push_when(&mut conditions, condition, result);
            if !p.parse_keyword(Keyword::WHEN) {
                break;
            }
        }
        let else_result = match p.parse_keyword(Keyword::ELSE) {
            true => Some(self.expr(p, 0)?),
            false => None,
        };
        if !p.parse_keyword(Keyword::END) {
            return self.unexpected(p, "WHEN, ELSE or END");
        }
        let place = Place::new(start, self.last_end(p));
        Ok(case_tree(place, operand, conditions, else_result))
    }

    /// `CAST(x AS type)`; the type is kept as it is written.
    fn cast(&self, p: &mut Parser) -> Parse<Box<Expr>> {
        p.advance();
        self.token(p, Token::LParen)?;
        let expr = self.expr(p, 0)?;
        self.cast_type(p, expr)
    }

    /// The rest of a CAST behind its operand.
    fn cast_type(&self, p: &mut Parser, expr: Box<Expr>) -> Parse<Box<Expr>> {
        self.keyword(p, Keyword::AS)?;
        let start = self.next_span(p).start;
        let declared = self.type_name(p)?;
        let span = Place::new(start, self.last_end(p).max(start));
        self.token(p, Token::RParen)?;
        let value = declared.map_or_else(SmolStr::default, |declared| declared.name.into());
        Ok(Box::new(Expr::Cast { expr, type_name: Box::new(Ident { value, quoted: false, span }) }))
    }

    /// A column, perhaps qualified, or a function call.
    fn named(&self, p: &mut Parser) -> Parse<Box<Expr>> {
        let first = self.ident(p, "an expression")?;
        match p.peek() {
            Token::LParen => self.call(p, first),
            Token::Period => {
                let mut parts = vec![first];
                while parts.len() < 3 && p.consume(Token::Period) {
                    parts.push(self.ident(p, "a name behind the point")?);
                }
                Ok(Box::new(Expr::CompoundIdentifier(parts)))
            }
            _ => Ok(Box::new(Expr::Identifier(first))),
        }
    }
}

/// A call without FILTER and OVER.
pub(super) fn function(name: Ident, args: FunctionArguments) -> Box<Expr> {
    Box::new(Expr::Function(Box::new(Function { name, args, within_group: false, filter: None, over: None })))
}

/// The tree of a CASE, in a frame of its own.
fn case_tree(
    place: Place,
    operand: Option<Box<Expr>>,
    conditions: Vec<CaseWhen>,
    else_result: Option<Box<Expr>>,
) -> Box<Expr> {
    let (operand, else_result) = (operand.map(|expr| *expr), else_result.map(|expr| *expr));
    Box::new(Expr::Case(Box::new(Case { place, operand, conditions, else_result })))
}

/// Adds `WHEN condition THEN result`.
#[allow(clippy::boxed_local, reason = "unboxing here is the point")]
fn push_when(conditions: &mut Vec<CaseWhen>, condition: Box<Expr>, result: Box<Expr>) {
    conditions.push(CaseWhen { condition: *condition, result: *result });
}
