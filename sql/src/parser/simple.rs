//! The statement loop's dispatch, and the statements that are a few words: transactions, PRAGMA, EXPLAIN, ANALYZE,
//! REINDEX, VACUUM, ATTACH and DETACH.

use super::ast::{Expr, Ident, ValueWithSpan};
use super::dialect::{Grammar, Parse};
use super::keyword::Keyword;
use super::literal::{literal_value, unquote};
use super::statement::{BeginMode, ExplainMode, PragmaArgument, Statement};
use super::stream::{Parser, Token};
use crate::value::Value;
use smol_str::SmolStr;

impl Grammar<'_> {
    /// One statement.
    pub(super) fn statement(&self, p: &mut Parser) -> Parse<Statement> {
        if p.parse_keyword(Keyword::EXPLAIN) {
            return self.explain(p);
        }
        self.unexplained(p)
    }

    fn unexplained(&self, p: &mut Parser) -> Parse<Statement> {
        use Keyword::*;
        let Token::Word(keyword) = p.peek() else {
            return self.unexpected(p, "a statement");
        };
        if matches!(keyword, SELECT | VALUES | WITH | INSERT | REPLACE | UPDATE | DELETE) {
            return self.query_or_write(p);
        }
        let known = matches!(
            keyword,
            CREATE
                | DROP
                | ALTER
                | BEGIN
                | COMMIT
                | END
                | ROLLBACK
                | SAVEPOINT
                | RELEASE
                | PRAGMA
                | ANALYZE
                | REINDEX
                | VACUUM
                | ATTACH
                | DETACH
        );
        if !known {
            return self.unexpected(p, "a statement");
        }
        p.advance();
        match keyword {
            CREATE => self.create(p),
            DROP => self.drop(p),
            ALTER => self.alter(p),
            BEGIN => Ok(Statement::Begin(self.begin(p)?)),
            COMMIT | END => {
                self.transaction_name(p)?;
                Ok(Statement::Commit)
            }
            ROLLBACK => self.rollback(p),
            SAVEPOINT => Ok(Statement::Savepoint(self.ident(p, "the name of a savepoint")?)),
            RELEASE => {
                // The word may be left out, and a savepoint may be named so.
                let _ = self.savepoint_word(p);
                Ok(Statement::Release(self.ident(p, "the name of a savepoint")?))
            }
            PRAGMA => self.pragma(p),
            ANALYZE => Ok(Statement::Analyze(self.optional_name(p)?)),
            REINDEX => Ok(Statement::Reindex(self.optional_name(p)?)),
            VACUUM => self.vacuum(p),
            ATTACH => self.attach(p),
            _ => {
                let _ = p.parse_keyword(DATABASE);
                Ok(Statement::Detach(self.ident(p, "the name of a database")?))
            }
        }
    }

    /// EXPLAIN, EXPLAIN QUERY PLAN and EXPLAIN ANALYZE.
    fn explain(&self, p: &mut Parser) -> Parse<Statement> {
        let mode = if p.parse_keyword(Keyword::QUERY) {
            self.keyword(p, Keyword::PLAN)?;
            ExplainMode::QueryPlan
        } else if p.peek_keyword(Keyword::ANALYZE)
            && matches!(p.peek_nth(1), Token::Word(word) if word != Keyword::NoKeyword)
        {
            p.advance();
            ExplainMode::Analyze
        } else {
            ExplainMode::Plan
        };
        Ok(Statement::Explain { mode, statement: Box::new(self.unexplained(p)?) })
    }

    fn begin(&self, p: &mut Parser) -> Parse<BeginMode> {
        use Keyword::{DEFERRED, EXCLUSIVE, IMMEDIATE};
        let mode = match p.parse_one_of_keywords(&[DEFERRED, IMMEDIATE, EXCLUSIVE]) {
            Some(IMMEDIATE) => BeginMode::Immediate,
            Some(EXCLUSIVE) => BeginMode::Exclusive,
            _ => BeginMode::Deferred,
        };
        self.transaction_name(p)?;
        Ok(mode)
    }

    /// `[TRANSACTION [name]]`, which says nothing.
    fn transaction_name(&self, p: &mut Parser) -> Parse<()> {
        if p.parse_keyword(Keyword::TRANSACTION) && self.peek_name(p) && !p.peek_keyword(Keyword::TO) {
            self.ident(p, "the name of a transaction")?;
        }
        Ok(())
    }

    fn savepoint_word(&self, p: &mut Parser) -> bool {
        p.peek_keyword(Keyword::SAVEPOINT)
            && p.peek_nth(1) != Token::EOF
            && p.parse_keyword(Keyword::SAVEPOINT)
    }

    fn rollback(&self, p: &mut Parser) -> Parse<Statement> {
        self.transaction_name(p)?;
        if !p.parse_keyword(Keyword::TO) {
            return Ok(Statement::Rollback { to: None });
        }
        let _ = self.savepoint_word(p);
        Ok(Statement::Rollback { to: Some(self.ident(p, "the name of a savepoint")?) })
    }

    fn optional_name(&self, p: &mut Parser) -> Parse<Option<super::Name>> {
        if p.peek() == Token::EOF { Ok(None) } else { self.qualified_name(p, "a name").map(Some) }
    }

    /// `PRAGMA name`, `PRAGMA name = value`, `PRAGMA name(value)`.
    fn pragma(&self, p: &mut Parser) -> Parse<Statement> {
        let name = self.qualified_name(p, "the name of a pragma")?;
        let argument = if p.consume(Token::Eq) {
            Some(self.pragma_argument(p)?)
        } else if p.consume(Token::LParen) {
            let argument = self.pragma_argument(p)?;
            self.token(p, Token::RParen)?;
            Some(argument)
        } else {
            None
        };
        Ok(Statement::Pragma { name, argument })
    }

    /// A word (ON, DELETE and DEFAULT too, though they are reserved), a string, or a signed number.
    fn pragma_argument(&self, p: &mut Parser) -> Parse<PragmaArgument> {
        let reserved = [Keyword::ON, Keyword::DELETE, Keyword::DEFAULT];
        if p.peek() == Token::Quoted {
            return Ok(PragmaArgument::Word(self.ident(p, "a value for the pragma")?));
        }
        if let Token::Word(word) = p.peek() {
            if !word.is_name() && !reserved.contains(&word) {
                return self.unexpected(p, "a value for the pragma");
            }
            p.advance();
            let span = p.last_place();
            let value = SmolStr::new(self.text_at(span));
            return Ok(PragmaArgument::Word(Ident { value, quoted: false, span }));
        }
        let minus = p.consume(Token::Minus);
        let plus = !minus && p.consume(Token::Plus);
        let value = match p.peek() {
            Token::Number if minus => super::literal::number_value(&format!("-{}", self.next_text(p))),
            Token::Number => super::literal::number_value(self.next_text(p)),
            Token::Text if !minus && !plus => Ok(Value::text(unquote(self.next_text(p)).as_str())),
            _ => return self.unexpected(p, "a value for the pragma"),
        };
        match value {
            Ok(value) => {
                p.advance();
                Ok(PragmaArgument::Literal(value))
            }
            Err(_) => self.unexpected(p, "a number"),
        }
    }

    fn vacuum(&self, p: &mut Parser) -> Parse<Statement> {
        let database = match self.peek_name(p) {
            true => Some(self.ident(p, "the name of a database")?),
            false => None,
        };
        let into = self.clause(p, Keyword::INTO)?;
        Ok(Statement::Vacuum { database, into })
    }

    fn attach(&self, p: &mut Parser) -> Parse<Statement> {
        // A file given as a column-like word, or the optional word DATABASE in front of it.
        let _ = p.parse_keyword(Keyword::DATABASE);
        let file = self.expr(p, 0)?;
        self.keyword(p, Keyword::AS)?;
        Ok(Statement::Attach { file, name: self.expr(p, 0)? })
    }

    /// A literal with its sign, for DEFAULT.
    pub(super) fn operand(&self, p: &mut Parser) -> Parse<Expr> {
        let minus = p.consume(Token::Minus);
        let plus = !minus && p.consume(Token::Plus);
        let place = self.next_span(p);
        let expr = *self.expr(p, u8::MAX)?;
        let literal = match &expr {
            Expr::Value(value) => literal_value(&value.value).ok().flatten().is_some(),
            Expr::Function(call) => call.args == super::ast::FunctionArguments::None,
            _ => false,
        };
        if !literal {
            return self.fail(crate::error::Error::syntax(
                "a default value is a literal or stands in parentheses",
                place,
            ));
        }
        if let (true, Expr::Value(value)) = (minus, &expr)
            && let super::ast::Value::Number(digits) = &value.value
        {
            let negative = super::ast::Value::Number(format!("-{digits}").into());
            return Ok(Expr::Value(ValueWithSpan { value: negative, span: value.span }));
        }
        if minus || plus {
            let op = match minus {
                true => super::ast::UnaryOperator::Minus,
                false => super::ast::UnaryOperator::Plus,
            };
            return Ok(Expr::UnaryOp { op, expr: Box::new(expr) });
        }
        Ok(expr)
    }
}
