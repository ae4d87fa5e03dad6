//! LIKE and GLOB. A constant pattern is taken apart once: most are a fixed text, a prefix, a suffix or a text
//! anywhere, for which no backtracking is needed.

use super::fold::fold_char;
use crate::ir::MatchKind;

/// A pattern ready to match.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    shape: Shape,
    folded: bool,
}

#[derive(Clone, Debug)]
enum Shape {
    /// The text itself.
    Exact(Vec<u8>),
    /// The text and anything after it.
    Prefix(Vec<u8>),
    /// Anything and then the text.
    Suffix(Vec<u8>),
    /// The text anywhere.
    Contains(Vec<u8>),
    /// Everything else.
    General(Vec<Token>),
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Char(char),
    /// `_` or `?`.
    AnyOne,
    /// `%` or `*`.
    AnyRun,
    /// `[..]` of GLOB.
    Set {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
    /// A set without an end: nothing matches.
    Never,
}

impl Pattern {
    /// Takes a pattern apart.
    pub(crate) fn new(kind: MatchKind, pattern: &[u8], escape: Option<char>) -> Pattern {
        let text = String::from_utf8_lossy(pattern);
        let (tokens, folded) = match kind {
            MatchKind::Like => (like_tokens(&text, escape), true),
            MatchKind::Glob | MatchKind::Regexp => (glob_tokens(&text), false),
        };
        Pattern { shape: shape(tokens), folded }
    }

    /// True if the text matches as a whole.
    pub(crate) fn matches(&self, text: &[u8]) -> bool {
        if let Shape::General(tokens) = &self.shape {
            return match_tokens(tokens, text, self.folded);
        }
        if self.folded && !text.is_ascii() {
            return self.matches_unicode(text);
        }
        let equal = |a: &[u8], b: &[u8]| if self.folded { a.eq_ignore_ascii_case(b) } else { a == b };
        match &self.shape {
            Shape::Exact(fixed) => equal(text, fixed),
            Shape::Prefix(fixed) => text.get(..fixed.len()).is_some_and(|start| equal(start, fixed)),
            Shape::Suffix(fixed) => {
                text.len() >= fixed.len()
                    && text.get(text.len() - fixed.len()..).is_some_and(|end| equal(end, fixed))
            }
            Shape::Contains(fixed) => contains(text, fixed, self.folded),
            Shape::General(_) => false,
        }
    }

    /// Letters beyond ASCII fold too, and to ones of another length.
    fn matches_unicode(&self, text: &[u8]) -> bool {
        let mut folded = Vec::with_capacity(text.len());
        super::fold::fold_into(text, &mut folded);
        match &self.shape {
            Shape::Exact(fixed) => folded == *fixed,
            Shape::Prefix(fixed) => folded.starts_with(fixed),
            Shape::Suffix(fixed) => folded.ends_with(fixed),
            Shape::Contains(fixed) => contains(&folded, fixed, false),
            Shape::General(_) => false,
        }
    }
}

fn contains(text: &[u8], fixed: &[u8], folded: bool) -> bool {
    let Some(first) = fixed.first() else { return true };
    if text.len() < fixed.len() {
        return false;
    }
    let last_start = text.len() - fixed.len();
    let starts = text.get(..=last_start).unwrap_or_default();
    starts.iter().enumerate().any(|(start, byte)| {
        if !folded {
            return byte == first && text.get(start..start + fixed.len()) == Some(fixed);
        }
        byte.eq_ignore_ascii_case(first)
            && text.get(start..start + fixed.len()).is_some_and(|part| part.eq_ignore_ascii_case(fixed))
    })
}

fn like_tokens(pattern: &str, escape: Option<char>) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if Some(c) == escape {
            match chars.next() {
                Some(literal) => tokens.push(Token::Char(fold_char(literal))),
                None => tokens.push(Token::Never),
            }
        } else if c == '%' {
            push_run(&mut tokens);
        } else if c == '_' {
            tokens.push(Token::AnyOne);
        } else {
            tokens.push(Token::Char(fold_char(c)));
        }
    }
    tokens
}

fn push_run(tokens: &mut Vec<Token>) {
    if tokens.last() != Some(&Token::AnyRun) {
        tokens.push(Token::AnyRun);
    }
}

fn glob_tokens(pattern: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' => push_run(&mut tokens),
            '?' => tokens.push(Token::AnyOne),
            '[' => tokens.push(glob_set(&mut chars)),
            _ => tokens.push(Token::Char(c)),
        }
    }
    tokens
}

/// The set after `[`: a `]` at its start is a member, as is a `-` at either end.
fn glob_set(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Token {
    let negated = chars.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    let mut previous = None;
    if chars.next_if_eq(&']').is_some() {
        ranges.push((']', ']'));
    }
    loop {
        let Some(c) = chars.next() else { return Token::Never };
        if c == ']' {
            return Token::Set { negated, ranges };
        }
        match (c, previous, chars.peek().copied()) {
            ('-', Some(low), Some(high)) if high != ']' => {
                chars.next();
                ranges.push((low, high));
                previous = None;
            }
            _ => {
                ranges.push((c, c));
                previous = Some(c);
            }
        }
    }
}

fn shape(tokens: Vec<Token>) -> Shape {
    let is_char = |token: &Token| matches!(token, Token::Char(_));
    let fixed = |tokens: &[Token]| {
        let mut text = String::new();
        for token in tokens {
            if let Token::Char(c) = token {
                text.push(*c);
            }
        }
        text.into_bytes()
    };
    match tokens.as_slice() {
        all if all.iter().all(is_char) => Shape::Exact(fixed(all)),
        [start @ .., Token::AnyRun] if start.iter().all(is_char) => Shape::Prefix(fixed(start)),
        [Token::AnyRun, end @ ..] if end.iter().all(is_char) => Shape::Suffix(fixed(end)),
        [Token::AnyRun, middle @ .., Token::AnyRun] if middle.iter().all(is_char) => {
            Shape::Contains(fixed(middle))
        }
        _ => Shape::General(tokens),
    }
}

fn match_one(token: &Token, c: char, folded: bool) -> bool {
    match token {
        Token::Char(expected) => *expected == c || (folded && *expected == fold_char(c)),
        Token::AnyOne => true,
        Token::Set { negated, ranges } => {
            ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated
        }
        Token::AnyRun | Token::Never => false,
    }
}

/// The next character of a text and what follows it.
fn split_char(text: &[u8]) -> Option<(char, &[u8])> {
    let first = *text.first()?;
    if first < 0x80 {
        return Some((char::from(first), text.get(1..)?));
    }
    let c = super::fold::chars(text.get(..text.len().min(4))?).next()?;
    let length = if c == char::REPLACEMENT_CHARACTER && !text.starts_with("\u{fffd}".as_bytes()) {
        1
    } else {
        c.len_utf8()
    };
    Some((c, text.get(length..)?))
}

/// Going back to the last run alone is enough: an earlier run never has to give up what it took.
fn match_tokens(tokens: &[Token], text: &[u8], folded: bool) -> bool {
    let (mut token, mut rest) = (0, text);
    let mut retry: Option<(usize, &[u8])> = None;
    loop {
        match (tokens.get(token), split_char(rest)) {
            (Some(Token::AnyRun), _) => {
                token += 1;
                if token == tokens.len() {
                    return true;
                }
                retry = Some((token, rest));
                continue;
            }
            (Some(wanted), Some((c, after))) if match_one(wanted, c, folded) => {
                token += 1;
                rest = after;
                continue;
            }
            (None, None) => return true,
            (_, None) => return false,
            _ => {}
        }
        let Some((run, from)) = retry else { return false };
        let Some((_, after)) = split_char(from) else { return false };
        retry = Some((run, after));
        token = run;
        rest = after;
    }
}
