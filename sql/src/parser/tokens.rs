//! The token list that drives sqlparser: our own scan of the text, in sqlparser's token type.
//!
//! sqlparser's tokenizer reads `~~x`, `n'..'`, `b'..'`, `@a` and `:a` otherwise than SQLite, and knows about a
//! thousand keywords, of which each takes a name away (`top`, `lateral`, `sample`). Here only SQLite's keywords are
//! keywords, parameters carry their number, and lifted literals are placeholders `#n`.

use super::lift::Slots;
use super::literal::unquote;
use super::scan::{Boundary, Kind, scan};
use super::spans::tree_span;
use crate::error::{Error, Result, Span};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

/// The largest parameter number, as in SQLite.
const PARAMETER_MAX: usize = 32_766;

/// One statement's tokens.
pub(super) struct Tokens {
    /// The tokens without the semicolon; their spans are relative to the start given. Bare words have no text of
    /// their own: it is what stands at their span.
    pub list: Vec<TokenWithSpan>,
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
    let list = Vec::with_capacity((bytes.len() - start) / 3 + 8);
    let mut tokens = Tokens { list, parameters: Vec::new(), text_end: start, end: text.len() };
    let mut boundary = Boundary::default();
    let mut places = lifted.map_or(&[][..], |slots| slots.places).iter().enumerate().peekable();
    let mut at = start;
    while at < bytes.len() {
        let (kind, end) = scan(bytes, at);
        if kind == Kind::Blank {
            at = end;
            continue;
        }
        if boundary.ends_with(kind, &bytes[at..end]) {
            tokens.end = end;
            break;
        }
        let span = Span { start: at, end };
        let source = text.get(at..end).ok_or_else(|| illegal(text, at))?;
        let token = if let Some((slot, _)) = places.next_if(|&(_, &place)| place == at) {
            Token::Placeholder(slot_name(slot))
        } else {
            match kind {
                Kind::Parameter => number_parameter(source, span, &mut tokens.parameters)?,
                Kind::Illegal => return Err(illegal(text, at)),
                _ => token_of(kind, source),
            }
        };
        tokens.list.push(TokenWithSpan::new(token, tree_span(at - start, end - start)));
        tokens.text_end = end;
        at = end;
    }
    Ok(tokens)
}

/// The placeholder of a lifted literal.
fn slot_name(slot: usize) -> String {
    // Most statements have few; `format!` is a tenth of the time that their tokens take.
    match (slot, u8::try_from(slot)) {
        (0..10, Ok(digit)) => ['#', char::from(b'0' + digit)].iter().collect(),
        _ => format!("#{slot}"),
    }
}

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

/// The token of everything but parameters.
fn token_of(kind: Kind, source: &str) -> Token {
    match kind {
        Kind::Word => {
            // A bare word is copied when it becomes a name; the two that are told by their text are copied now.
            let told_by_text = [ISNULL, INDEXED].iter().any(|word| source.eq_ignore_ascii_case(word));
            let value = if told_by_text { source.to_owned() } else { String::new() };
            Token::Word(Word { value, quote_style: None, keyword: keyword_of(source) })
        }
        Kind::Quoted => {
            Token::Word(Word { value: unquote(source), quote_style: Some('"'), keyword: Keyword::NoKeyword })
        }
        Kind::Text => Token::SingleQuotedString(unquote(source)),
        Kind::Blob => Token::HexStringLiteral(source[2..source.len() - 1].to_owned()),
        Kind::Integer | Kind::Real => Token::Number(source.replace('_', ""), false),
        _ => operator_token(source),
    }
}

fn operator_token(source: &str) -> Token {
    match source {
        "(" => Token::LParen,
        ")" => Token::RParen,
        "," => Token::Comma,
        "." => Token::Period,
        ";" => Token::SemiColon,
        "=" | "==" => Token::Eq,
        "<>" | "!=" => Token::Neq,
        "<" => Token::Lt,
        ">" => Token::Gt,
        "<=" => Token::LtEq,
        ">=" => Token::GtEq,
        "+" => Token::Plus,
        "-" => Token::Minus,
        "*" => Token::Mul,
        "/" => Token::Div,
        "%" => Token::Mod,
        "||" => Token::StringConcat,
        "|" => Token::Pipe,
        "&" => Token::Ampersand,
        "~" => Token::Tilde,
        "<<" => Token::ShiftLeft,
        ">>" => Token::ShiftRight,
        "->" => Token::Arrow,
        "->>" => Token::LongArrow,
        other => Token::Char(other.chars().next().unwrap_or(' ')),
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
        return Ok(Token::Placeholder(format!("?{number}")));
    }
    if !parameters.iter().any(|name| name.as_deref() == Some(source)) {
        if parameters.len() >= PARAMETER_MAX {
            return Err(out_of_range());
        }
        parameters.push(Some(source.to_owned()));
    }
    Ok(Token::Placeholder(source.to_owned()))
}

macro_rules! keywords {
    ($($keyword:ident)*) => {
        /// SQLite's keywords and the few words that sqlparser's own functions look for, in order.
        const KEYWORDS: &[(&str, Keyword)] = &[$((stringify!($keyword), Keyword::$keyword)),*];
    };
}

keywords! {
    ABORT ACTION ADD AFTER ALL ALTER ALWAYS ANALYZE AND AS ASC ATTACH AUTOINCREMENT BEFORE BEGIN BETWEEN BY
    CASCADE CASE CAST CHECK COLLATE COLUMN COMMIT CONFLICT CONSTRAINT CREATE CROSS CURRENT CURRENT_DATE
    CURRENT_TIME CURRENT_TIMESTAMP DATABASE DEFAULT DEFERRABLE DEFERRED DELETE DESC DETACH DISTINCT DO DROP EACH
    ELSE END ESCAPE EXCEPT EXCLUDE EXCLUSIVE EXISTS EXPLAIN FAIL FALSE FILTER FIRST FOLLOWING FOR FOREIGN FROM FULL
    GENERATED GLOB GROUP GROUPS HAVING IF IGNORE IMMEDIATE IN INDEX INITIALLY INNER INSERT INSTEAD INTERSECT
    INTO IS JOIN KEY LAST LEFT LIKE LIMIT MATCH MATERIALIZED NATURAL NO NOT NOTHING NOTNULL NULL NULLS OF OFFSET
    ON OR ORDER OUTER OVER PARTITION PLAN PRAGMA PRECEDING PRIMARY QUERY RAISE RANGE RECURSIVE REFERENCES
    REGEXP REINDEX RELEASE RENAME REPLACE RESTRICT RETURNING RIGHT ROLLBACK ROW ROWS SAVEPOINT SELECT SET
    TABLE TEMP TEMPORARY THEN TIES TO TRANSACTION TRIGGER TRUE UNBOUNDED UNION UNIQUE UPDATE USING VACUUM VALUES VIEW
    VIRTUAL WHEN WHERE WINDOW WITH WITHOUT
}

/// Words that sqlparser has no keyword for and that are no names, or no aliases.
const ISNULL: &str = "ISNULL";
const INDEXED: &str = "INDEXED";

/// The keyword that a bare word is. `INDEXED`, `ISNULL` and `OTHERS`, which sqlparser lacks, are told by their text.
fn keyword_of(word: &str) -> Keyword {
    let mut upper = [0; 17];
    let Some(upper) = upper.get_mut(..word.len()) else { return Keyword::NoKeyword };
    upper.copy_from_slice(word.as_bytes());
    upper.make_ascii_uppercase();
    let Some(letter) = upper.first().and_then(|first| first.checked_sub(b'A')).map(usize::from) else {
        return Keyword::NoKeyword;
    };
    let same_letter = match (LETTERS.get(letter), LETTERS.get(letter + 1)) {
        (Some(&from), Some(&to)) => KEYWORDS.get(from..to).unwrap_or_default(),
        _ => &[],
    };
    same_letter
        .iter()
        .find(|(name, _)| name.as_bytes() == &*upper)
        .map_or(Keyword::NoKeyword, |(_, keyword)| *keyword)
}

/// Where the keywords of each letter begin, and where those of Z end.
const LETTERS: [usize; 27] = {
    let mut letters = [0; 27];
    let mut letter = 0;
    while letter < 27 {
        let mut at = 0;
        while at < KEYWORDS.len() && ((KEYWORDS[at].0.as_bytes()[0] - b'A') as usize) < letter {
            at += 1;
        }
        letters[letter] = at;
        letter += 1;
    }
    letters
};

/// Whether a word can be a name at all: quoted, no keyword, or a keyword that SQLite lets be a name.
pub(super) fn is_name(word: &Word) -> bool {
    use Keyword::*;
    word.quote_style.is_some()
        || match word.keyword {
            NoKeyword => !word.value.eq_ignore_ascii_case(ISNULL),
            ADD | ALL | ALTER | AND | AS | AUTOINCREMENT | BETWEEN | CASE | CHECK | COLLATE | COMMIT
            | CONSTRAINT | CREATE | DEFAULT | DEFERRABLE | DELETE | DISTINCT | DROP | ELSE | ESCAPE
            | EXCEPT | EXISTS | FOREIGN | FROM | GROUP | HAVING | IN | INDEX | INSERT | INTERSECT | INTO
            | IS | JOIN | LIMIT | NOT | NOTHING | NOTNULL | NULL | ON | OR | ORDER | PRIMARY | REFERENCES
            | RETURNING | SELECT | SET | TABLE | THEN | TO | TRANSACTION | UNION | UNIQUE | UPDATE
            | USING | VALUES | WHEN | WHERE => false,
            _ => true,
        }
}

/// Whether a word can be a name where no AS announces it: not one that begins a join or an index hint.
pub(super) fn is_bare_alias(word: &Word) -> bool {
    use Keyword::*;
    is_name(word)
        && (word.quote_style.is_some()
            || !matches!(word.keyword, CROSS | FULL | INNER | LEFT | NATURAL | OUTER | RIGHT)
                && !word.value.eq_ignore_ascii_case(INDEXED))
}

#[cfg(test)]
mod tests {
    use super::{KEYWORDS, Keyword, keyword_of};

    #[test]
    fn each_keyword_is_found_in_any_case() {
        assert!(KEYWORDS.is_sorted());
        for (name, keyword) in KEYWORDS {
            assert_eq!(keyword_of(name), *keyword);
            assert_eq!(keyword_of(&name.to_lowercase()), *keyword);
            assert_eq!(keyword_of(&name[1..]), keyword_of(&name[1..].to_lowercase()));
        }
        for name in ["", "_", "sel", "selects", "[", "zz", "1select", "\u{e9}t\u{e9}"] {
            assert_eq!(keyword_of(name), Keyword::NoKeyword, "{name}");
        }
    }
}
