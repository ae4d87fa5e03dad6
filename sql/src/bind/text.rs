//! The text of a statement: the places of errors, and the scanner that finds where
//! the expressions of a select list begin and end. Touches nothing but the text.

use crate::error::Span;
use crate::parser::ast::Place;
use crate::parser::span_of;

/// A text; or none, for expressions whose text is not at hand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text<'a> {
    text: Option<&'a str>,
}

impl<'a> Text<'a> {
    pub(super) fn new(text: &'a str) -> Text<'a> {
        Text { text: Some(text) }
    }

    pub(super) fn none() -> Text<'a> {
        Text { text: None }
    }

    /// The bytes that a place of the tree stands for; `None` where the parser knew no place.
    pub(super) fn span(&self, place: Place) -> Option<Span> {
        let span = span_of(place);
        (self.text.is_some() && span.start < span.end).then_some(span)
    }

    /// The text of each expression of the select list behind the SELECT at `select`, aliases included.
    pub(super) fn select_items(&self, select: Place) -> Vec<&'a str> {
        self.span(select).map_or_else(Vec::new, |span| self.items_from(span.end))
    }

    /// The text of each expression of the list that begins at byte `start`.
    pub(super) fn items_from(&self, start: usize) -> Vec<&'a str> {
        let Some(text) = self.text else { return Vec::new() };
        let mut items = Vec::new();
        let mut depth = 0_usize;
        let mut bounds: Option<(usize, usize)> = None;
        let mut previous = "";
        for token in Tokens::new(text, start) {
            let word = text.get(token.start..token.end).unwrap_or("");
            match word {
                "(" => depth += 1,
                ")" if depth > 0 => depth -= 1,
                ")" | ";" => break,
                "," if depth == 0 => {
                    items.extend(bounds.take().and_then(|(start, end)| text.get(start..end)));
                    previous = word;
                    continue;
                }
                _ if depth == 0 && token.is_word => {
                    if bounds.is_none() && is_one_of(word, &["distinct", "all"]) {
                        continue;
                    }
                    // FROM ends the list, but not that of IS [NOT] DISTINCT FROM.
                    if is_one_of(word, LIST_END)
                        && !(word.eq_ignore_ascii_case("from") && previous.eq_ignore_ascii_case("distinct"))
                    {
                        break;
                    }
                }
                _ => {}
            }
            bounds = Some((bounds.map_or(token.start, |(start, _)| start), token.end));
            previous = word;
        }
        items.extend(bounds.and_then(|(start, end)| text.get(start..end)));
        items
    }
}

const LIST_END: &[&str] =
    &["from", "where", "group", "having", "window", "order", "limit", "union", "intersect", "except"];

fn is_one_of(word: &str, words: &[&str]) -> bool {
    words.iter().any(|other| other.eq_ignore_ascii_case(word))
}

/// One token: its bytes, and whether it is a bare word.
struct Token {
    start: usize,
    end: usize,
    is_word: bool,
}

/// The tokens of SQL, as coarse as finding names and parentheses needs. Comments are skipped.
struct Tokens<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Tokens<'a> {
    fn new(text: &'a str, at: usize) -> Tokens<'a> {
        Tokens { bytes: text.as_bytes(), at }
    }

    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// The offset of the first byte from `at` on that `keep` refuses.
    fn run(&self, at: usize, keep: impl Fn(u8) -> bool) -> usize {
        let rest = self.bytes.get(at..).unwrap_or(&[]);
        at + rest.iter().position(|&byte| !keep(byte)).unwrap_or(rest.len())
    }

    /// The offset behind a quoted run that opened at `at`; a doubled quote stands for itself.
    fn quoted(&self, at: usize, close: u8) -> usize {
        let mut end = at + 1;
        loop {
            end = self.run(end, |byte| byte != close) + 1;
            if end >= self.bytes.len() {
                return self.bytes.len();
            }
            if close == b']' || self.byte(end) != close {
                return end;
            }
            end += 1;
        }
    }

    fn skip_space(&mut self) {
        loop {
            self.at = self.run(self.at, |byte| byte.is_ascii_whitespace());
            match (self.byte(self.at), self.byte(self.at + 1)) {
                (b'-', b'-') => self.at = self.run(self.at, |byte| byte != b'\n'),
                (b'/', b'*') => {
                    let mut end = self.at + 2;
                    while end < self.bytes.len() && (self.byte(end), self.byte(end + 1)) != (b'*', b'/') {
                        end += 1;
                    }
                    self.at = (end + 2).min(self.bytes.len());
                }
                _ => return,
            }
        }
    }
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        self.skip_space();
        let start = self.at;
        let first = *self.bytes.get(start)?;
        let end = match first {
            b'\'' | b'"' | b'`' => self.quoted(start, first),
            b'[' => self.quoted(start, b']'),
            _ if is_word_byte(first) => self.run(start, |byte| is_word_byte(byte) || byte == b'$'),
            _ => start + 1,
        };
        self.at = end;
        Some(Token { start, end, is_word: is_word_byte(first) })
    }
}
