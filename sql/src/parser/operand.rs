//! Operands: literals, names, calls, parentheses, CASE, CAST, EXISTS, and the operators that stand in front.

use super::dialect::{Grammar, HEIGHT_MAX, Parse, push_unboxed};
use super::expr::{NOT, unary};
use super::tokens::is_name;
use crate::error::Error;
use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    CaseWhen, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
    FunctionArguments, Ident, ObjectName, ObjectNamePart, UnaryOperator, Value,
};
use sqlparser::keywords::Keyword;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

impl Grammar {
    /// An operand, with the operators in front of it.
    pub(super) fn prefix(&self, p: &mut Parser) -> Parse<Box<Expr>> {
        match &p.peek_token_ref().token {
            Token::Minus | Token::Plus | Token::Tilde => self.signed(p),
            Token::LParen => self.parenthesis(p),
            Token::Word(word) if word.quote_style.is_none() => match word.keyword {
                Keyword::NOT => self.not(p),
                Keyword::CASE => self.case(p),
                Keyword::CAST if p.peek_nth_token_ref(1).token == Token::LParen => self.cast(p),
                Keyword::EXISTS => self.exists(p),
                Keyword::RAISE if p.peek_nth_token_ref(1).token == Token::LParen => self.raise(p),
                Keyword::NULL => Ok(self.constant(p, Value::Null)),
                Keyword::TRUE if self.is_constant_word(p) => Ok(self.constant(p, Value::Boolean(true))),
                Keyword::FALSE if self.is_constant_word(p) => Ok(self.constant(p, Value::Boolean(false))),
                Keyword::CURRENT_DATE | Keyword::CURRENT_TIME | Keyword::CURRENT_TIMESTAMP => {
                    let name = self.ident(p, "a function")?;
                    Ok(function(name, FunctionArguments::None))
                }
                _ if is_name(word) => self.named(p),
                _ => self.unexpected(p, "an expression"),
            },
            Token::Word(_) => self.named(p),
            _ => self.literal(p),
        }
    }

    /// Whether TRUE or FALSE is next as a constant and not as the name of a table or function.
    fn is_constant_word(&self, p: &Parser) -> bool {
        !matches!(p.peek_nth_token_ref(1).token, Token::Period | Token::LParen)
    }

    fn constant(&self, p: &mut Parser, value: Value) -> Box<Expr> {
        p.advance_token();
        Box::new(Expr::Value(value.with_span(p.get_current_token().span)))
    }

    /// A number, string, blob or parameter; a string may also be the first part of a name.
    fn literal(&self, p: &mut Parser) -> Parse<Box<Expr>> {
        let value = match &p.peek_token_ref().token {
            Token::Number(text, _) => {
                if let Err(error) = super::literal::number_value(text) {
                    return self.fail(Error::syntax(error.to_string(), self.next_span(p)));
                }
                Value::Number(text.clone(), false)
            }
            Token::SingleQuotedString(_) | Token::Placeholder(_)
                if p.peek_nth_token_ref(1).token == Token::Period && self.peek_name(p) =>
            {
                return self.named(p);
            }
            Token::SingleQuotedString(text) => Value::SingleQuotedString(text.clone()),
            Token::HexStringLiteral(digits) => Value::HexStringLiteral(digits.clone()),
            Token::Placeholder(name) => Value::Placeholder(name.clone()),
            _ => return self.unexpected(p, "an expression"),
        };
        Ok(self.constant(p, value))
    }

    /// `-x`, `+x`, `~x`, in a row. The least integer is one literal: its digits alone would be a real.
    fn signed(&self, p: &mut Parser) -> Parse<Box<Expr>> {
        let mut operators = Vec::new();
        loop {
            let op = match &p.peek_token_ref().token {
                Token::Minus => UnaryOperator::Minus,
                Token::Plus => UnaryOperator::Plus,
                Token::Tilde => UnaryOperator::BitwiseNot,
                _ => break,
            };
            operators.push(op);
            p.advance_token();
            if operators.len() > HEIGHT_MAX {
                self.grow(HEIGHT_MAX + 1)?;
            }
        }
        let least = matches!(&p.peek_token_ref().token,
            Token::Number(text, _) if text == "9223372036854775808");
        let mut expr = if least && operators.last() == Some(&UnaryOperator::Minus) {
            operators.pop();
            self.constant(p, Value::Number("-9223372036854775808".to_owned(), false))
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
        p.advance_token();
        if self.peek_query(p) {
            let query = self.subquery(p)?;
            self.token(p, &Token::RParen)?;
            return Ok(Box::new(Expr::Subquery(query)));
        }
        let first = self.expr(p, 0)?;
        if p.peek_token_ref().token != Token::Comma {
            self.token(p, &Token::RParen)?;
            return Ok(Box::new(Expr::Nested(first)));
        }
        let mut row = Vec::new();
        push_unboxed(&mut row, first);
        while p.consume_token(&Token::Comma) {
            let term = self.expr(p, 0)?;
            push_unboxed(&mut row, term);
        }
        self.token(p, &Token::RParen)?;
        Ok(Box::new(Expr::Tuple(row)))
    }

    /// `RAISE(IGNORE)` or `RAISE(ABORT, message)`, as a call.
    fn raise(&self, p: &mut Parser) -> Parse<Box<Expr>> {
        let name = self.ident(p, "RAISE")?;
        p.advance_token();
        let actions = [Keyword::IGNORE, Keyword::ROLLBACK, Keyword::ABORT, Keyword::FAIL];
        let Some(action) = p.peek_one_of_keywords(&actions) else {
            return self.unexpected(p, "IGNORE, ROLLBACK, ABORT or FAIL");
        };
        let mut args = vec![Expr::Identifier(self.ident(p, "an action")?)];
        if action != Keyword::IGNORE {
            self.token(p, &Token::Comma)?;
            let message = self.expr(p, 0)?;
            push_unboxed(&mut args, message);
        }
        self.token(p, &Token::RParen)?;
        let args = args.into_iter().map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg))).collect();
        let list = FunctionArgumentList { duplicate_treatment: None, args, clauses: Vec::new() };
        Ok(function(name, FunctionArguments::List(list)))
    }

    fn exists(&self, p: &mut Parser) -> Parse<Box<Expr>> {
        p.advance_token();
        self.token(p, &Token::LParen)?;
        if !self.peek_query(p) {
            return self.unexpected(p, "a query behind EXISTS");
        }
        let subquery = self.subquery(p)?;
        self.token(p, &Token::RParen)?;
        Ok(Box::new(Expr::Exists { subquery, negated: false }))
    }

    fn case(&self, p: &mut Parser) -> Parse<Box<Expr>> {
        p.advance_token();
        let case_token = AttachedToken(p.get_current_token().clone());
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
        let end_token = AttachedToken(p.get_current_token().clone());
        Ok(Box::new(Expr::Case { case_token, end_token, operand, conditions, else_result }))
    }

    /// `CAST(x AS type)`; the type is kept as it is written.
    fn cast(&self, p: &mut Parser) -> Parse<Box<Expr>> {
        p.advance_token();
        self.token(p, &Token::LParen)?;
        let expr = self.expr(p, 0)?;
        self.cast_type(p, expr)
    }

    /// The rest of a CAST behind its operand.
    fn cast_type(&self, p: &mut Parser, expr: Box<Expr>) -> Parse<Box<Expr>> {
        self.keyword(p, Keyword::AS)?;
        let start = self.next_span(p).start;
        let declared = self.type_name(p)?;
        let span = super::spans::tree_span(start, self.last_end(p).max(start));
        self.token(p, &Token::RParen)?;
        let (name, arguments) = declared.map_or_else(Default::default, |declared| {
            (declared.name, declared.arguments.iter().map(i64::to_string).collect())
        });
        let name =
            ObjectName(vec![ObjectNamePart::Identifier(Ident { value: name, quote_style: None, span })]);
        Ok(Box::new(Expr::Cast {
            kind: CastKind::Cast,
            expr,
            data_type: DataType::Custom(name, arguments),
            format: None,
        }))
    }

    /// A column, perhaps qualified, or a function call.
    fn named(&self, p: &mut Parser) -> Parse<Box<Expr>> {
        let first = self.ident(p, "an expression")?;
        match p.peek_token_ref().token {
            Token::LParen => self.call(p, first),
            Token::Period => {
                let mut parts = vec![first];
                while parts.len() < 3 && p.consume_token(&Token::Period) {
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
    Box::new(Expr::Function(Function {
        name: name.into(),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args,
        within_group: Vec::new(),
        filter: None,
        null_treatment: None,
        over: None,
    }))
}

/// Adds `WHEN condition THEN result`.
fn push_when(conditions: &mut Vec<CaseWhen>, condition: Box<Expr>, result: Box<Expr>) {
    conditions.push(CaseWhen { condition: *condition, result: *result });
}
