//! The token list under a cursor: what the grammar peeks at and consumes. Knows keywords and places, and nothing of
//! grammar.

use super::keyword::Keyword;
use super::place::Place;

/// A token. What a name, a string or a number says is the text at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::upper_case_acronyms, reason = "EOF is written so")]
pub(super) enum Token {
    /// Behind the last.
    EOF,
    /// A bare word.
    Word(Keyword),
    /// An identifier in quotes.
    Quoted,
    /// A string literal.
    Text,
    /// A blob literal.
    Blob,
    /// A number literal.
    Number,
    /// A parameter, its number from 0.
    Parameter(u32),
    /// A lifted literal, its place among them.
    Slot(u32),
    LParen,
    RParen,
    Comma,
    Period,
    SemiColon,
    Eq,
    Neq,
    Lt,
    Gt,
    LtEq,
    GtEq,
    Plus,
    Minus,
    Mul,
    Div,
    Mod,
    StringConcat,
    Pipe,
    Ampersand,
    Tilde,
    ShiftLeft,
    ShiftRight,
    Arrow,
    LongArrow,
}

impl Token {
    /// How the punctuation is written that errors ask for.
    pub(super) fn written(self) -> &'static str {
        match self {
            Token::LParen => "(",
            Token::RParen => ")",
            Token::Comma => ",",
            Token::Period => ".",
            Token::SemiColon => ";",
            Token::Eq => "=",
            _ => "another token",
        }
    }
}

/// A token and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lexeme {
    pub token: Token,
    pub place: Place,
}

const _: () = assert!(size_of::<Lexeme>() == 16);

/// The tokens of a statement, and how many of them are consumed.
pub(super) struct Parser {
    tokens: Vec<Lexeme>,
    at: usize,
}

impl Parser {
    pub(super) fn new(tokens: Vec<Lexeme>) -> Parser {
        Parser { tokens, at: 0 }
    }

    /// The next token.
    pub(super) fn peek(&self) -> Token {
        self.peek_nth(0)
    }

    /// The `n`th token behind the next.
    pub(super) fn peek_nth(&self, n: usize) -> Token {
        self.tokens.get(self.at + n).map_or(Token::EOF, |lexeme| lexeme.token)
    }

    /// Where the `n`th token behind the next stands.
    pub(super) fn place_nth(&self, n: usize) -> Option<Place> {
        self.tokens.get(self.at + n).map(|lexeme| lexeme.place)
    }

    /// The token consumed last, if there is one.
    fn last(&self) -> Option<Lexeme> {
        self.at.checked_sub(1).and_then(|last| self.tokens.get(last)).copied()
    }

    /// Where the token consumed last stands.
    pub(super) fn last_place(&self) -> Place {
        self.last().map(|lexeme| lexeme.place).unwrap_or_default()
    }

    pub(super) fn advance(&mut self) {
        self.at += 1;
    }

    /// Consumes `token` if it is next.
    pub(super) fn consume(&mut self, token: Token) -> bool {
        let found = self.peek() == token;
        self.at += usize::from(found);
        found
    }

    pub(super) fn peek_keyword(&self, keyword: Keyword) -> bool {
        self.peek() == Token::Word(keyword)
    }

    /// Which of these keywords is next.
    pub(super) fn peek_one_of_keywords(&self, keywords: &[Keyword]) -> Option<Keyword> {
        match self.peek() {
            Token::Word(word) if keywords.contains(&word) => Some(word),
            _ => None,
        }
    }

    /// Consumes a keyword if it is next.
    pub(super) fn parse_keyword(&mut self, keyword: Keyword) -> bool {
        self.consume(Token::Word(keyword))
    }

    /// Consumes these keywords if all of them are next.
    pub(super) fn parse_keywords(&mut self, keywords: &[Keyword]) -> bool {
        let found = keywords.iter().enumerate().all(|(n, keyword)| self.peek_nth(n) == Token::Word(*keyword));
        if found {
            self.at += keywords.len();
        }
        found
    }

    /// Consumes one of these keywords if it is next.
    pub(super) fn parse_one_of_keywords(&mut self, keywords: &[Keyword]) -> Option<Keyword> {
        let found = self.peek_one_of_keywords(keywords);
        self.at += usize::from(found.is_some());
        found
    }
}
