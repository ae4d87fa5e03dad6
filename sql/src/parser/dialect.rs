//! The grammar: our dialect for sqlparser, and what its functions share while one statement is parsed.
//!
//! sqlparser's `Parser` walks the tokens and asks its dialect for each expression. Our dialect answers with whole
//! expressions (`expr.rs`), so that every function of sqlparser that parses an expression gets SQLite's operators.
//! Query bodies (`query.rs`) are ours too, because no hook reaches what they need: SQLite's compound operators have
//! one precedence, INDEXED BY, MATERIALIZED and EXCLUDE, ON behind a comma.
//!
//! Limits: see [`HEIGHT_MAX`], [`NESTING_MAX`] and [`COMPOUND_MAX`].

use super::Name;
use super::spans::span_of;
use super::statement::Hints;
use super::tokens::{Tokens, is_bare_alias, is_name};
use crate::error::{Error, Result, Span};
use crate::value::Value;
use sqlparser::ast::{Expr, Ident};
use sqlparser::dialect::Dialect;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, Word};
use std::cell::{Cell, RefCell};

/// The greatest height of an expression's tree, chains of operators included (as in SQLite).
pub const HEIGHT_MAX: usize = 1_000;

/// How deep parentheses, calls and CASEs nest; a subquery counts as five of them, an ORDER BY as ten.
///
/// In a debug build one level takes at most 4 KiB of stack (measured: parentheses 2.5 KiB, subqueries 18 KiB, an
/// ORDER BY through sqlparser's own function 40 KiB), so that parsing takes at most half of a stack of 2 MiB.
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

impl From<ParserError> for Failed {
    fn from(_: ParserError) -> Failed {
        Failed
    }
}

/// What the functions of the grammar share while they parse one statement.
#[derive(Debug, Default)]
pub(super) struct Grammar {
    /// The statement's text, which spans point into.
    pub text: String,
    /// The lifted literals, for those that stand where a name is expected.
    pub literals: Vec<Value>,
    /// The clauses that trees cannot hold.
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

impl Dialect for Grammar {
    fn is_identifier_start(&self, ch: char) -> bool {
        ch.is_ascii_alphabetic() || ch == '_' || !ch.is_ascii()
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        self.is_identifier_start(ch) || ch.is_ascii_digit() || ch == '$'
    }

    fn parse_prefix(&self, parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
        Some(self.expr(parser, 0).map(|expr| *expr).map_err(|Failed| ParserError::ParserError(String::new())))
    }

    /// The whole expression was parsed as a prefix: nothing is left for sqlparser's own operators.
    fn get_next_precedence(&self, _parser: &Parser) -> Option<Result<u8, ParserError>> {
        Some(Ok(0))
    }
}

impl Grammar {
    /// Parses one token list with `rule`, which must use all of it.
    pub(super) fn run<T>(
        text: String,
        literals: Vec<Value>,
        tokens: Tokens,
        rule: impl Fn(&Grammar, &mut Parser) -> Parse<T>,
    ) -> Result<(T, Grammar)> {
        let grammar = Grammar { text, literals, ..Grammar::default() };
        let result = {
            let mut parser = Parser::new(&grammar)
                .with_recursion_limit(usize::MAX)
                .with_tokens_with_locations(tokens.list);
            rule(&grammar, &mut parser).and_then(|value| {
                if parser.peek_token_ref().token == Token::EOF {
                    Ok(value)
                } else {
                    grammar.unexpected(&parser, "the end of the statement")
                }
            })
        };
        match result {
            Ok(value) => Ok((value, grammar)),
            // Only sqlparser's own functions fail without a word of ours.
            Err(Failed) => Err(grammar
                .error
                .take()
                .unwrap_or_else(|| Error::syntax("the statement is incomplete", None))),
        }
    }

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
        let token = p.peek_token_ref();
        if token.token == Token::EOF {
            Span { start: self.text.len(), end: self.text.len() }
        } else {
            span_of(token.span)
        }
    }

    /// The end of the token just consumed.
    pub(super) fn last_end(&self, p: &Parser) -> usize {
        span_of(p.get_current_token().span).end
    }

    /// The name that a word at `span` is. A bare word is its text, which its token does not hold.
    pub(super) fn word_ident(&self, word: &Word, span: sqlparser::tokenizer::Span) -> Ident {
        let value = match word.quote_style {
            None => self.text_at(span_of(span)).to_owned(),
            Some(_) => word.value.clone(),
        };
        Ident { value, quote_style: word.quote_style, span }
    }

    fn text_at(&self, span: Span) -> &str {
        self.text.get(span.start..span.end).unwrap_or("")
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
        rule: impl FnOnce(&Grammar, &mut Parser) -> Parse<T>,
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
    pub(super) fn token(&self, p: &mut Parser, token: &Token) -> Parse<()> {
        if p.consume_token(token) { Ok(()) } else { self.unexpected(p, &format!("\"{token}\"")) }
    }

    /// Whether the next token is this word, which sqlparser has no keyword for.
    pub(super) fn peek_word(&self, p: &Parser, n: usize, text: &str) -> bool {
        let token = p.peek_nth_token_ref(n);
        matches!(&token.token, Token::Word(word) if word.quote_style.is_none())
            && self.text_at(span_of(token.span)).eq_ignore_ascii_case(text)
    }

    /// Consumes this word if it is next.
    pub(super) fn word(&self, p: &mut Parser, text: &str) -> bool {
        let found = self.peek_word(p, 0, text);
        if found {
            p.advance_token();
        }
        found
    }

    /// Whether the next token can be a name behind AS and wherever only a name can stand.
    pub(super) fn peek_name(&self, p: &Parser) -> bool {
        self.name_token(&p.peek_token_ref().token, is_name)
    }

    /// Whether the next token can be an alias without AS.
    pub(super) fn peek_bare_alias(&self, p: &Parser) -> bool {
        if p.peek_keyword(Keyword::WINDOW)
            && matches!(p.peek_nth_token_ref(1).token, Token::Word(_))
            && matches!(&p.peek_nth_token_ref(2).token, Token::Word(word) if word.keyword == Keyword::AS)
        {
            return false;
        }
        self.name_token(&p.peek_token_ref().token, is_bare_alias)
    }

    fn name_token(&self, token: &Token, accepts: fn(&Word) -> bool) -> bool {
        match token {
            Token::Word(word) => accepts(word),
            Token::SingleQuotedString(_) => true,
            Token::Placeholder(slot) => self.lifted_text(slot).is_some(),
            _ => false,
        }
    }

    /// The slot and text of a lifted string.
    fn lifted_text(&self, placeholder: &str) -> Option<(usize, &str)> {
        let slot = placeholder.strip_prefix('#')?.parse().ok()?;
        match self.literals.get(slot) {
            Some(Value::Text(text)) => Some((slot, text)),
            _ => None,
        }
    }

    /// A name: an identifier, or a string that stands for one.
    pub(super) fn ident(&self, p: &mut Parser, what: &str) -> Parse<Ident> {
        if !self.peek_name(p) {
            return self.unexpected(p, what);
        }
        p.advance_token();
        let token = p.get_current_token();
        let span = token.span;
        Ok(match &token.token {
            Token::Word(word) => self.word_ident(word, span),
            Token::Placeholder(placeholder) => {
                let (slot, text) = self.lifted_text(placeholder).unwrap_or_default();
                self.pinned.borrow_mut().push(slot);
                Ident { value: text.to_owned(), quote_style: Some('"'), span }
            }
            Token::SingleQuotedString(text) => Ident { value: text.clone(), quote_style: Some('"'), span },
            _ => return self.unexpected(p, what),
        })
    }

    /// `name` or `database.name`.
    pub(super) fn qualified_name(&self, p: &mut Parser, what: &str) -> Parse<Name> {
        let name = self.ident(p, what)?;
        if p.consume_token(&Token::Period) {
            return Ok(Name { database: Some(name), name: self.ident(p, what)? });
        }
        Ok(Name { database: None, name })
    }

    /// `(a, b)`.
    pub(super) fn ident_list(&self, p: &mut Parser, what: &str) -> Parse<Vec<Ident>> {
        self.token(p, &Token::LParen)?;
        let names = self.list(p, |g, p| g.ident(p, what))?;
        self.token(p, &Token::RParen)?;
        Ok(names)
    }

    /// One or more of something with commas between.
    pub(super) fn list<T>(
        &self,
        p: &mut Parser,
        rule: impl Fn(&Grammar, &mut Parser) -> Parse<T>,
    ) -> Parse<Vec<T>> {
        let mut items = vec![rule(self, p)?];
        while p.consume_token(&Token::Comma) {
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
            if !p.consume_token(&Token::Comma) {
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
    Error::Limit(format!("the statement is nested more than {NESTING_MAX} levels deep"))
}
