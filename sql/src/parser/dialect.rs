//! The grammar: what its functions share while one statement is parsed, and the small rules that all of them use:
//! names, lists, keywords, errors.
//!
//! The rules are methods of [`Grammar`] over the tokens under a [`Parser`]: statements in `simple.rs`, `dml.rs`,
//! `ddl.rs` and `column.rs`, queries in `query.rs` and `from.rs`, expressions in `expr.rs`, `operand.rs` and `call.rs`.
//!
//! Limits: see [`HEIGHT_MAX`], [`NESTING_MAX`] and [`COMPOUND_MAX`].

use super::ast::{Expr, Ident, Place};
use super::keyword::Keyword;
use super::literal::unquote;
use super::place::span_of;
use super::statement::{Hints, Name};
use super::stream::{Parser, Token};
use super::tokens::Tokens;
use crate::error::{Error, Result, Span};
use crate::value::Value;
use smol_str::SmolStr;
use std::cell::{Cell, RefCell};

/// The greatest height of an expression's tree, chains of operators included (as in SQLite).
pub const HEIGHT_MAX: usize = 1_000;

/// How deep parentheses, calls and CASEs nest; a subquery counts as five of them, an ORDER BY as ten.
///
/// In a debug build one level takes at most 4 KiB of stack (measured: parentheses 2.5 KiB, subqueries 18 KiB), so
/// that parsing takes at most half of a stack of 2 MiB.
pub const NESTING_MAX: usize = 250;

/// How many levels of nesting one subquery takes.
pub(super) const SUBQUERY_NESTING: usize = 5;

/// How many levels of nesting the terms of an ORDER BY take.
pub(super) const ORDER_NESTING: usize = 10;

/// The greatest number of SELECTs in a compound, SQLite's. They are a list all the way, and take no stack each.
pub const COMPOUND_MAX: usize = 500;

/// A result of the parser's own functions. The error itself stands in [`Grammar::error`].
pub(super) type Parse<T> = Result<T, Failed>;

/// That parsing failed; why stands in [`Grammar::error`]. Without content, so that the frames of the recursion, which
/// hold a result for every call they make, stay small.
#[derive(Debug)]
pub(super) struct Failed;

/// What the functions of the grammar share while they parse one statement.
#[derive(Debug, Default)]
pub(super) struct Grammar<'a> {
    /// The statement's text, which places point into.
    pub text: &'a str,
    /// The lifted literals, for those that stand where a name is expected.
    pub literals: &'a [Value],
    /// The clauses that trees do not hold.
    pub hints: RefCell<Hints>,
    /// Lifted slots that were read as names.
    pub pinned: RefCell<Vec<usize>>,
    /// The first error.
    pub error: RefCell<Option<Error>>,
    /// How deep the functions call each other now.
    pub nesting: Cell<usize>,
    /// The height of the highest operand that the current expression has so far.
    pub height: Cell<usize>,
}

impl<'a> Grammar<'a> {
    /// Parses one token list with `rule`, which must use all of it.
    pub(super) fn run<T>(
        text: &'a str,
        literals: &'a [Value],
        tokens: Tokens,
        rule: impl Fn(&Grammar<'_>, &mut Parser) -> Parse<T>,
    ) -> Result<(T, Grammar<'a>)> {
        let grammar = Grammar { text, literals, ..Grammar::default() };
        let mut parser = Parser::new(tokens.list);
        let result = rule(&grammar, &mut parser).and_then(|value| match parser.peek() {
            Token::EOF => Ok(value),
            _ => grammar.unexpected(&parser, "the end of the statement"),
        });
        match result {
            Ok(value) => Ok((value, grammar)),
            // Whatever fails says why. A limit is passed where the parser stands.
            Err(Failed) => Err(grammar
                .error
                .take()
                .unwrap_or_else(|| Error::syntax("the statement is incomplete", None))
                .limit_at(span_of(parser.last_place()))),
        }
    }
}

impl Grammar<'_> {
    /// Fails with `error`.
    pub(super) fn fail<T>(&self, error: Error) -> Parse<T> {
        self.error.borrow_mut().get_or_insert(error);
        Err(Failed)
    }

    /// Fails at the next token, which is not what was expected.
    pub(super) fn unexpected<T>(&self, p: &Parser, expected: &str) -> Parse<T> {
        let span = self.next_span(p);
        let found = match self.text.get(span.start..span.end) {
            None | Some("") => "the end of the statement".to_owned(),
            Some(found) if found.chars().count() > 40 => {
                format!("\"{}...\"", found.chars().take(37).collect::<String>())
            }
            Some(found) => format!("\"{found}\""),
        };
        self.fail(Error::syntax(format!("expected {expected}, found {found}"), span))
    }

    /// The place of the next token; of the end of the text behind the last.
    pub(super) fn next_span(&self, p: &Parser) -> Span {
        match p.place_nth(0) {
            Some(place) => span_of(place),
            None => Span { start: self.text.len(), end: self.text.len() },
        }
    }

    /// The end of the token just consumed.
    pub(super) fn last_end(&self, p: &Parser) -> usize {
        span_of(p.last_place()).end
    }

    /// The text at a place.
    pub(super) fn text_at(&self, place: Place) -> &str {
        let span = span_of(place);
        self.text.get(span.start..span.end).unwrap_or("")
    }

    /// The text of the next token.
    pub(super) fn next_text(&self, p: &Parser) -> &str {
        p.place_nth(0).map_or("", |place| self.text_at(place))
    }

    /// The text from `start` to the end of the token just consumed.
    pub(super) fn text_from(&self, p: &Parser, start: usize) -> String {
        self.text.get(start..self.last_end(p)).unwrap_or("").to_owned()
    }

    /// Goes one call deeper, or says that the statement is nested too deep.
    pub(super) fn nested<T>(
        &self,
        weight: usize,
        p: &mut Parser,
        rule: impl FnOnce(&Self, &mut Parser) -> Parse<T>,
    ) -> Parse<T> {
        self.enter(weight)?;
        let result = rule(self, p);
        self.nesting.set(self.nesting.get() - weight);
        result
    }

    /// Counts `weight` levels of nesting; the caller takes them off again when it succeeds.
    pub(super) fn enter(&self, weight: usize) -> Parse<()> {
        let nesting = self.nesting.get() + weight;
        if nesting > NESTING_MAX {
            return self.fail(nested_too_deep());
        }
        self.nesting.set(nesting);
        Ok(())
    }

    /// Consumes a keyword or fails.
    pub(super) fn keyword(&self, p: &mut Parser, keyword: Keyword) -> Parse<()> {
        if p.parse_keyword(keyword) { Ok(()) } else { self.unexpected(p, &format!("{keyword:?}")) }
    }

    /// Consumes a token or fails.
    pub(super) fn token(&self, p: &mut Parser, token: Token) -> Parse<()> {
        if p.consume(token) { Ok(()) } else { self.unexpected(p, &format!("\"{}\"", token.written())) }
    }

    /// Whether the `n`th token behind the next is this word, which is no keyword.
    fn peek_word(&self, p: &Parser, n: usize, text: &str) -> bool {
        matches!((p.peek_nth(n), p.place_nth(n)), (Token::Word(_), Some(place))
            if self.text_at(place).eq_ignore_ascii_case(text))
    }

    /// Consumes this word if it is next.
    pub(super) fn word(&self, p: &mut Parser, text: &str) -> bool {
        let found = self.peek_word(p, 0, text);
        if found {
            p.advance();
        }
        found
    }

    /// Whether the next token can be a name behind AS and wherever only a name can stand.
    pub(super) fn peek_name(&self, p: &Parser) -> bool {
        self.name_token(p.peek(), Keyword::is_name)
    }

    /// Whether the next token can be an alias without AS.
    pub(super) fn peek_bare_alias(&self, p: &Parser) -> bool {
        if p.peek_keyword(Keyword::WINDOW)
            && matches!(p.peek_nth(1), Token::Word(_) | Token::Quoted)
            && p.peek_nth(2) == Token::Word(Keyword::AS)
        {
            return false;
        }
        self.name_token(p.peek(), Keyword::is_bare_alias)
    }

    fn name_token(&self, token: Token, accepts: fn(Keyword) -> bool) -> bool {
        match token {
            Token::Word(word) => accepts(word),
            Token::Quoted | Token::Text => true,
            Token::Slot(slot) => self.lifted_text(slot).is_some(),
            _ => false,
        }
    }

    /// The text of a lifted string.
    fn lifted_text(&self, slot: u32) -> Option<&str> {
        match self.literals.get(slot as usize) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// A name: an identifier, or a string that stands for one.
    pub(super) fn ident(&self, p: &mut Parser, what: &str) -> Parse<Ident> {
        if !self.peek_name(p) {
            return self.unexpected(p, what);
        }
        let token = p.peek();
        p.advance();
        let span = p.last_place();
        let text = self.text_at(span);
        let value = match token {
            Token::Word(_) => SmolStr::new(text),
            Token::Slot(slot) => {
                self.pinned.borrow_mut().push(slot as usize);
                SmolStr::new(self.lifted_text(slot).unwrap_or_default())
            }
            _ => unquote(text),
        };
        Ok(Ident { value, quoted: !matches!(token, Token::Word(_)), span })
    }

    /// `name` or `database.name`.
    pub(super) fn qualified_name(&self, p: &mut Parser, what: &str) -> Parse<Name> {
        let name = self.ident(p, what)?;
        if p.consume(Token::Period) {
            return Ok(Name { database: Some(name), name: self.ident(p, what)? });
        }
        Ok(Name { database: None, name })
    }

    /// `(a, b)`.
    pub(super) fn ident_list(&self, p: &mut Parser, what: &str) -> Parse<Vec<Ident>> {
        self.token(p, Token::LParen)?;
        let names = self.list(p, |g, p| g.ident(p, what))?;
        self.token(p, Token::RParen)?;
        Ok(names)
    }

    /// One or more of something with commas between.
    pub(super) fn list<T>(
        &self,
        p: &mut Parser,
        rule: impl Fn(&Self, &mut Parser) -> Parse<T>,
    ) -> Parse<Vec<T>> {
        let mut items = vec![rule(self, p)?];
        while p.consume(Token::Comma) {
            items.push(rule(self, p)?);
        }
        Ok(items)
    }

    /// One or more expressions with commas between.
    pub(super) fn expr_list(&self, p: &mut Parser) -> Parse<Vec<Expr>> {
        let mut items = Vec::new();
        loop {
            let expr = self.expr(p, 0)?;
            push_unboxed(&mut items, expr);
            if !p.consume(Token::Comma) {
                return Ok(items);
            }
        }
    }

    /// `IF EXISTS` and `IF NOT EXISTS`.
    pub(super) fn if_exists(&self, p: &mut Parser, negated: bool) -> bool {
        if negated {
            p.parse_keywords(&[Keyword::IF, Keyword::NOT, Keyword::EXISTS])
        } else {
            p.parse_keywords(&[Keyword::IF, Keyword::EXISTS])
        }
    }
}

/// Moves a tree out of its box in a frame of its own, so that the recursive callers' frames hold no tree.
#[allow(clippy::boxed_local, reason = "unboxing here is the point")]
pub(super) fn push_unboxed<T>(items: &mut Vec<T>, item: Box<T>) {
    items.push(*item);
}

/// The error about nesting.
fn nested_too_deep() -> Error {
    Error::limit(format!("the statement is nested more than {NESTING_MAX} levels deep"))
}
