//! The lexical rules of SQLite, over bytes: where a token ends and what kind it is; where a statement ends.
//! Allocates nothing and touches no other part of the parser; the token list, the lifter and the statement splitter
//! all read the text through [`scan`], so they cannot disagree.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// White space, a comment, a byte order mark.
    Blank,
    /// A keyword or a bare identifier.
    Word,
    /// An identifier in double quotes, backticks or brackets.
    Quoted,
    /// A string literal.
    Text,
    /// `x'ab'`.
    Blob,
    /// A decimal or hexadecimal integer literal, whatever its size.
    Integer,
    /// A literal with a point or an exponent.
    Real,
    /// `?`, `?1`, `:a`, `@a`, `$a`.
    Parameter,
    /// `;`
    Semicolon,
    /// Any other punctuation: one operator, parenthesis, comma or point.
    Operator,
    /// Bytes that begin no token, or a quote without end.
    Illegal,
}

const SPACE: u8 = 1;
const WORD_START: u8 = 2;
const WORD: u8 = 4;
const DIGIT: u8 = 8;
const HEX: u8 = 16;

/// What each byte may be part of.
const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        class[byte] = match byte as u8 {
            b' ' | b'\t' | b'\n' | b'\r' | 0x0c => SPACE,
            b'a'..=b'f' | b'A'..=b'F' => WORD_START | WORD | HEX,
            b'g'..=b'z' | b'G'..=b'Z' | b'_' | 0x80.. => WORD_START | WORD,
            b'0'..=b'9' => WORD | DIGIT | HEX,
            b'$' => WORD,
            _ => 0,
        };
        byte += 1;
    }
    class
};

/// The byte at `at`; 0, which is in no class, past the end.
fn byte(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

fn is(bytes: &[u8], at: usize, class: u8) -> bool {
    CLASS[usize::from(byte(bytes, at))] & class != 0
}

fn skip(bytes: &[u8], mut at: usize, class: u8) -> usize {
    while is(bytes, at, class) {
        at += 1;
    }
    at
}

/// The token that begins at `at`, which is inside the text: its kind and the offset of its end.
pub(super) fn scan(bytes: &[u8], at: usize) -> (Kind, usize) {
    let first = byte(bytes, at);
    let second = byte(bytes, at + 1);
    match first {
        b'x' | b'X' if second == b'\'' => scan_blob(bytes, at + 2),
        0xef if bytes[at..].starts_with(b"\xef\xbb\xbf") => (Kind::Blank, at + 3),
        _ if CLASS[usize::from(first)] & WORD_START != 0 => (Kind::Word, skip(bytes, at + 1, WORD)),
        _ if CLASS[usize::from(first)] & SPACE != 0 => (Kind::Blank, skip(bytes, at + 1, SPACE)),
        b'0'..=b'9' => scan_number(bytes, at),
        b'.' if second.is_ascii_digit() => scan_number(bytes, at),
        b'\'' => scan_quoted(bytes, at, Kind::Text),
        b'"' | b'`' => scan_quoted(bytes, at, Kind::Quoted),
        b'[' => match bytes[at..].iter().position(|&b| b == b']') {
            Some(length) => (Kind::Quoted, at + length + 1),
            None => (Kind::Illegal, bytes.len()),
        },
        b'-' if second == b'-' => {
            let end = bytes[at..].iter().position(|&b| b == b'\n').map_or(bytes.len(), |length| at + length);
            (Kind::Blank, end)
        }
        b'/' if second == b'*' && at + 2 < bytes.len() => {
            // A comment that nobody closes reaches to the end of the text, as in SQLite.
            let end = bytes[at + 2..].windows(2).position(|pair| pair == b"*/");
            (Kind::Blank, end.map_or(bytes.len(), |length| at + length + 4))
        }
        b'?' => (Kind::Parameter, skip(bytes, at + 1, DIGIT)),
        b':' | b'@' | b'$' => {
            let end = skip(bytes, at + 1, WORD);
            (if end > at + 1 { Kind::Parameter } else { Kind::Illegal }, end)
        }
        b';' => (Kind::Semicolon, at + 1),
        b'-' if second == b'>' => (Kind::Operator, at + if byte(bytes, at + 2) == b'>' { 3 } else { 2 }),
        b'<' if matches!(second, b'=' | b'>' | b'<') => (Kind::Operator, at + 2),
        b'>' if matches!(second, b'=' | b'>') => (Kind::Operator, at + 2),
        b'=' | b'!' if second == b'=' => (Kind::Operator, at + 2),
        b'|' if second == b'|' => (Kind::Operator, at + 2),
        b'<' | b'>' | b'=' | b'|' | b'-' | b'+' | b'*' | b'/' | b'%' | b'&' | b'~' | b'(' | b')' | b','
        | b'.' => (Kind::Operator, at + 1),
        _ => (Kind::Illegal, at + 1),
    }
}

/// A literal or identifier between two equal quotes, which are doubled inside.
fn scan_quoted(bytes: &[u8], at: usize, kind: Kind) -> (Kind, usize) {
    let quote = bytes[at];
    let mut end = at + 1;
    while end < bytes.len() {
        if bytes[end] == quote {
            if byte(bytes, end + 1) != quote {
                return (kind, end + 1);
            }
            end += 1;
        }
        end += 1;
    }
    (Kind::Illegal, bytes.len())
}

/// A blob literal whose digits begin at `at`.
fn scan_blob(bytes: &[u8], at: usize) -> (Kind, usize) {
    let end = skip(bytes, at, HEX);
    if byte(bytes, end) == b'\'' {
        (if (end - at).is_multiple_of(2) { Kind::Blob } else { Kind::Illegal }, end + 1)
    } else {
        (Kind::Illegal, end.max(at))
    }
}

/// Digits with single underscores between them.
fn scan_digits(bytes: &[u8], mut at: usize, class: u8) -> usize {
    loop {
        at = skip(bytes, at, class);
        if byte(bytes, at) == b'_' && at > 0 && is(bytes, at - 1, class) && is(bytes, at + 1, class) {
            at += 1;
        } else {
            return at;
        }
    }
}

fn scan_number(bytes: &[u8], at: usize) -> (Kind, usize) {
    let mut kind = Kind::Integer;
    let mut end = at;
    if bytes[at] == b'0' && matches!(byte(bytes, at + 1), b'x' | b'X') && is(bytes, at + 2, HEX) {
        end = scan_digits(bytes, at + 2, HEX);
    } else {
        end = scan_digits(bytes, end, DIGIT);
        if byte(bytes, end) == b'.' {
            kind = Kind::Real;
            end = scan_digits(bytes, end + 1, DIGIT);
        }
        let sign = usize::from(matches!(byte(bytes, end + 1), b'+' | b'-'));
        if matches!(byte(bytes, end), b'e' | b'E') && is(bytes, end + 1 + sign, DIGIT) {
            kind = Kind::Real;
            end = scan_digits(bytes, end + 1 + sign, DIGIT);
        }
    }
    if is(bytes, end, WORD) {
        return (Kind::Illegal, skip(bytes, end, WORD));
    }
    (kind, end)
}

/// Finds the semicolon that ends a statement: inside CREATE TRIGGER only the one behind `; END`.
#[derive(Debug, Default)]
pub(super) struct Boundary {
    /// How far the head of the statement was read.
    head: Head,
    /// The last two tokens were `;` and `END` (2), or the last was `;` (1).
    tail: u8,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Head {
    #[default]
    Start,
    Explain,
    Create,
    Trigger,
    Other,
}

impl Boundary {
    /// Takes the next token that is not blank; true when it ends the statement.
    pub(super) fn ends_with(&mut self, kind: Kind, token: &[u8]) -> bool {
        if self.head == Head::Other {
            return kind == Kind::Semicolon;
        }
        let word = |text: &str| kind == Kind::Word && token.eq_ignore_ascii_case(text.as_bytes());
        if self.head == Head::Trigger {
            let ends = kind == Kind::Semicolon && self.tail == 2;
            self.tail = match (kind, self.tail) {
                (Kind::Semicolon, _) => 1,
                (_, 1) if word("END") => 2,
                _ => 0,
            };
            return ends;
        }
        self.head = match self.head {
            Head::Start | Head::Explain if word("CREATE") => Head::Create,
            Head::Start if word("EXPLAIN") => Head::Explain,
            Head::Explain if word("QUERY") || word("PLAN") => Head::Explain,
            Head::Create if word("TEMP") || word("TEMPORARY") => Head::Create,
            Head::Create if word("TRIGGER") => Head::Trigger,
            _ => Head::Other,
        };
        kind == Kind::Semicolon
    }
}

/// The offset behind the first statement's semicolon, semicolons in strings, comments and triggers apart; `None`
/// when the text ends before it.
#[must_use]
pub fn statement_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut boundary = Boundary::default();
    let mut at = 0;
    while at < bytes.len() {
        let (kind, end) = scan(bytes, at);
        if kind != Kind::Blank && boundary.ends_with(kind, &bytes[at..end]) {
            return Some(end);
        }
        at = end;
    }
    None
}

/// Whether the text holds no statement: blanks, comments and semicolons alone.
#[must_use]
pub fn is_blank(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = skip_blanks(bytes, 0);
    while at < bytes.len() {
        let (kind, end) = scan(bytes, at);
        if kind != Kind::Semicolon {
            return false;
        }
        at = skip_blanks(bytes, end);
    }
    true
}

/// Whether the text holds at least one statement and ends behind a semicolon that completes it; blanks may follow.
#[must_use]
pub fn is_complete(text: &str) -> bool {
    let mut rest = text;
    while let Some(end) = statement_end(rest) {
        rest = &rest[end..];
        if skip_blanks(rest.as_bytes(), 0) == rest.len() {
            return true;
        }
    }
    false
}

/// The offset of the first token at or behind `at` that is not blank.
pub(super) fn skip_blanks(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() {
        match scan(bytes, at) {
            (Kind::Blank, end) => at = end,
            _ => break,
        }
    }
    at
}
