//! From text to [`Statement`]s.
//!
//! ```text
//! text --scan--> tokens --grammar--> Statement, with the trees of `ast` inside
//!   \--lift--> cache key + literals        (what a cached plan needs; nothing is parsed)
//! ```
//!
//! [`parse_one`] takes the first statement of a text; [`lift`] finds the key under which it may be cached already;
//! [`statement_end`] and [`is_complete`] only look for its semicolon. Every span of a tree converts to bytes by
//! [`span_of`]. This folder knows values and errors, and nothing of catalogs or plans.

pub mod ast;
mod call;
mod column;
mod ddl;
mod dialect;
mod dml;
mod expr;
mod from;
mod keyword;
mod lift;
mod literal;
mod operand;
mod place;
mod query;
mod scan;
mod simple;
mod statement;
mod stream;
#[cfg(test)]
mod tests;
mod tokens;

pub use call::is_unnamed;
pub use dialect::{COMPOUND_MAX, HEIGHT_MAX, NESTING_MAX};
pub use lift::{LiftScratch, LiftedRef, Slots, lift};
pub use literal::{literal_value, number_value};
pub use place::span_of;
pub use scan::{is_blank, is_complete, statement_end};
pub use statement::*;

use crate::error::{Error, Result, Span};

use ast::Expr;
use dialect::{Grammar, Parse};
use scan::{Kind, scan, skip_blanks};
use stream::Parser;

/// Parses the first statement of `text` and says how many bytes it took, its semicolon and what stands before it
/// included. `None` when only blanks, comments and semicolons remain.
///
/// With `lifted`, what [`lift`] found in the same text, its literals become slots.
///
/// # Errors
/// [`Error::Syntax`] with the place in `text`, and [`Error::Limit`] for what is nested or chained too deep.
pub fn parse_one(text: &str, lifted: Option<Slots<'_>>) -> Result<Option<(Parsed, usize)>> {
    let bytes = text.as_bytes();
    let mut start = skip_blanks(bytes, 0);
    while start < bytes.len() && scan(bytes, start).0 == Kind::Semicolon {
        start = skip_blanks(bytes, start + 1);
    }
    if start >= bytes.len() {
        return Ok(None);
    }
    let (statement, grammar, parameters, end) =
        parse_with(text, start, lifted, |grammar, parser| grammar.statement(parser))?;
    let parsed = Parsed {
        statement,
        hints: grammar.hints.into_inner(),
        parameters,
        pinned: grammar.pinned.into_inner(),
        text: grammar.text.to_owned(),
        start,
    };
    Ok(Some((parsed, end)))
}

/// Parses an expression alone: a CHECK, a DEFAULT, an indexed expression, the predicate of a partial index.
///
/// # Errors
/// As [`parse_one`].
pub fn parse_expr_text(text: &str) -> Result<Expr> {
    let (expr, _, _, end) = parse_with(text, 0, None, |grammar, parser| grammar.expr(parser, 0))?;
    if end < text.len() {
        let rest = Span { start: end, end: text.len() };
        return Err(Error::syntax("expected one expression alone", rest));
    }
    Ok(*expr)
}

/// Parses a text that is one query: a view's.
///
/// # Errors
/// As [`parse_one`]; also if the text is another statement or more than one.
pub fn parse_query_text(text: &str) -> Result<Parsed> {
    let Some((parsed, end)) = parse_one(text, None)? else {
        return Err(Error::syntax("expected a query, found nothing", Span::default()));
    };
    if !matches!(parsed.statement, Statement::Query(_)) {
        return Err(Error::syntax("expected a query", Span { start: parsed.start, end }));
    }
    match parse_one(&text[end..], None)? {
        None => Ok(parsed),
        Some(_) => Err(Error::syntax("expected one query alone", Span { start: end, end: text.len() })),
    }
}

/// Tokens, then `rule` over all of them; spans of errors made relative to `text`.
fn parse_with<'a, T>(
    text: &'a str,
    start: usize,
    lifted: Option<Slots<'a>>,
    rule: impl Fn(&Grammar<'_>, &mut Parser) -> Parse<T>,
) -> Result<(T, Grammar<'a>, Vec<Option<String>>, usize)> {
    let mut tokens = tokens::tokenize(text, start, lifted)?;
    let source = text.get(start..tokens.text_end).unwrap_or("");
    let literals = lifted.map_or(&[][..], |slots| slots.literals);
    let parameters = std::mem::take(&mut tokens.parameters);
    let end = tokens.end;
    match Grammar::run(source, literals, tokens, rule) {
        Ok((value, grammar)) => Ok((value, grammar, parameters, end)),
        Err(error) => Err(error.shifted(start)),
    }
}
