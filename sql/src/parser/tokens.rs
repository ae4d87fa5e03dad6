//! From text to the token list: our scan of the text, with SQLite's keywords told from names, parameters numbered and
//! lifted literals in the places of their texts.

use super::keyword::keyword_of;
use super::lift::Slots;
use super::place::Place;
use super::scan::{Boundary, Kind, scan};
use super::stream::{Lexeme, Token};
use crate::error::{Error, Result, Span};

/// The largest parameter number, as in SQLite.
const PARAMETER_MAX: usize = 32_766;

/// One statement's tokens.
pub(super) struct Tokens {
    /// The tokens without the semicolon; their places are relative to the start given.
    pub list: Vec<Lexeme>,
    /// The parameters by number: names with their sigil, `None` for bare ones.
    pub parameters: Vec<Option<String>>,
    /// The end of the last token.
    pub text_end: usize,
    /// The end of the statement, semicolon included.
    pub end: usize,
}

/// Reads the statement that begins at `start`. Spans in errors are offsets into `text`.
pub(super) fn tokenize(text: &str, start: usize, lifted: Option<Slots<'_>>) -> Result<Tokens> {
    let bytes = text.as_bytes();
    if bytes.len() - start >= u32::MAX as usize {
        return Err(Error::limit("the statement is longer than 4 GiB"));
    }
    // Four bytes a token, blanks included, are few; a list that grows is copied.
    let guess = || ((bytes.len() - start) / 4).min(LIST_MAX) + 8;
    let list = Vec::with_capacity(lifted.map_or_else(guess, |slots| slots.scanned.len()));
    let mut tokens = Tokens { list, parameters: Vec::new(), text_end: start, end: text.len() };
    let mut boundary = Boundary::default();
    let places = lifted.map_or(&[][..], |slots| slots.places);
    let mut scanned = lifted.map_or(&[][..], |slots| slots.scanned).iter();
    if let Some(slots) = lifted {
        tokens.end = slots.end;
    }
    let mut slot = 0;
    let mut next = start;
    while next < bytes.len() {
        let at = next;
        let (kind, at, end) = match (lifted, scanned.next()) {
            (Some(_), None) => break,
            (_, Some(known)) => (known.kind, known.start as usize, known.end as usize),
            (None, None) => {
                let (kind, end) = scan(bytes, at);
                (kind, at, end)
            }
        };
        next = end;
        if kind == Kind::Blank {
            continue;
        }
        let source = bytes.get(at..end).ok_or_else(|| illegal(text, at))?;
        if boundary.ends_with(kind, source) {
            tokens.end = end;
            break;
        }
        let token = if places.get(slot as usize) == Some(&at) {
            slot += 1;
            Token::Slot(slot - 1)
        } else {
            match kind {
                Kind::Word => Token::Word(keyword_of(text.get(at..end).ok_or_else(|| illegal(text, at))?)),
                Kind::Quoted => Token::Quoted,
                Kind::Text => Token::Text,
                Kind::Blob => Token::Blob,
                Kind::Integer | Kind::Real => Token::Number,
                Kind::Parameter => {
                    let source = text.get(at..end).ok_or_else(|| illegal(text, at))?;
                    number_parameter(source, Span { start: at, end }, &mut tokens.parameters)?
                }
                Kind::Semicolon => Token::SemiColon,
                Kind::Operator => operator_token(source),
                Kind::Blank | Kind::Illegal => return Err(illegal(text, at)),
            }
        };
        tokens.list.push(Lexeme { token, place: Place::new(at - start, end - start) });
        tokens.text_end = end;
    }
    Ok(tokens)
}

/// How many tokens are made room for at once, however long the text is.
const LIST_MAX: usize = 4_096;

/// The error about bytes that begin no token.
fn illegal(text: &str, at: usize) -> Error {
    let rest = text.get(at..).unwrap_or("");
    let mut chars = rest.chars();
    let (what, length) = match chars.next() {
        Some('\'') => ("a string without its closing quote".to_owned(), rest.len()),
        Some('"' | '`' | '[') => ("a quoted name without its closing quote".to_owned(), rest.len()),
        Some('x' | 'X') => {
            ("a blob literal that is not x'..' with pairs of hexadecimal digits".to_owned(), 2)
        }
        Some('0'..='9' | '.') => {
            let length =
                rest.find(|c: char| !c.is_alphanumeric() && c != '.' && c != '_').unwrap_or(rest.len());
            (format!("{:?} is not a number", &rest[..length]), length)
        }
        Some(c) => (format!("the character {c:?} begins no token"), c.len_utf8()),
        None => ("nothing".to_owned(), 0),
    };
    Error::syntax(what, Span { start: at, end: (at + length).min(text.len()) })
}

fn operator_token(source: &[u8]) -> Token {
    match source {
        b"(" => Token::LParen,
        b")" => Token::RParen,
        b"," => Token::Comma,
        b"." => Token::Period,
        b"=" | b"==" => Token::Eq,
        b"<>" | b"!=" => Token::Neq,
        b"<" => Token::Lt,
        b">" => Token::Gt,
        b"<=" => Token::LtEq,
        b">=" => Token::GtEq,
        b"+" => Token::Plus,
        b"-" => Token::Minus,
        b"*" => Token::Mul,
        b"/" => Token::Div,
        b"%" => Token::Mod,
        b"||" => Token::StringConcat,
        b"|" => Token::Pipe,
        b"&" => Token::Ampersand,
        b"<<" => Token::ShiftLeft,
        b">>" => Token::ShiftRight,
        b"->" => Token::Arrow,
        b"->>" => Token::LongArrow,
        // The scan knows no other operator.
        _ => Token::Tilde,
    }
}

/// Gives a parameter its number: `?` the next one, `?N` its own, a name the one it had before or the next.
fn number_parameter(source: &str, span: Span, parameters: &mut Vec<Option<String>>) -> Result<Token> {
    let out_of_range =
        || Error::syntax(format!("parameter numbers are between ?1 and ?{PARAMETER_MAX}"), Some(span));
    if let Some(digits) = source.strip_prefix('?') {
        let number = if digits.is_empty() { parameters.len() + 1 } else { digits.parse().unwrap_or(0) };
        if number == 0 || number > PARAMETER_MAX {
            return Err(out_of_range());
        }
        parameters.resize(parameters.len().max(number), None);
        return Ok(Token::Parameter(number as u32 - 1)); // At most PARAMETER_MAX, and not 0.
    }
    let known = parameters.iter().position(|name| name.as_deref() == Some(source));
    let place = known.unwrap_or(parameters.len());
    if known.is_none() {
        if place >= PARAMETER_MAX {
            return Err(out_of_range());
        }
        parameters.push(Some(source.to_owned()));
    }
    Ok(Token::Parameter(place as u32)) // Below PARAMETER_MAX.
}
