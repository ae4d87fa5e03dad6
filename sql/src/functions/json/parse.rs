//! Text to binary JSON: RFC 8259 and JSON5, in one pass and into one buffer.

use super::escape::{is_hex, is_line_separator, is_plain};
use super::node::{
    ARRAY, DEPTH_MAX, FALSE, FLOAT, INT, NULL, OBJECT, TEXT, TEXT5, TEXTJ, TRUE, byte, kind, push, resize,
};

/// What a text comes to.
pub(super) struct Parsed {
    /// The value.
    pub json: Vec<u8>,
    /// It is JSON5 and no plain JSON.
    pub is_five: bool,
}

/// Why no value stands where one was looked for. Where that is, is in [`Parser::stopped`].
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// The text is over.
    End,
    Bad,
    Brace,
    Bracket,
    Comma,
    Colon,
}

type Place = Result<usize, Stop>;

struct Parser<'t> {
    text: &'t [u8],
    json: Vec<u8>,
    depth: usize,
    is_five: bool,
    stopped: usize,
}

/// The value that `text` is up to its end or its first NUL; else the offset of what is wrong.
pub(super) fn parse(text: &[u8]) -> Result<Parsed, usize> {
    let json = Vec::with_capacity(text.len() + 1);
    let mut parser = Parser { text, json, depth: 0, is_five: false, stopped: 0 };
    let Ok(mut end) = parser.value(0) else { return Err(parser.stopped) };
    end += plain_spaces(text, end);
    if byte(text, end) != 0 {
        end += spaces(text, end);
        if byte(text, end) != 0 {
            return Err(parser.stopped);
        }
        parser.is_five = true;
    }
    Ok(Parsed { json: parser.json, is_five: parser.is_five })
}

fn is_plain_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Bytes of plain JSON's spaces at `at`.
fn plain_spaces(text: &[u8], at: usize) -> usize {
    text.get(at..).unwrap_or_default().iter().take_while(|byte| is_plain_space(**byte)).count()
}

/// Bytes of JSON5's spaces and comments at `at`.
fn spaces(text: &[u8], at: usize) -> usize {
    let mut rest = text.get(at..).unwrap_or_default();
    let all = rest.len();
    loop {
        let length = match rest {
            [b'\t'..=b'\r' | b' ', ..] => 1,
            [b'/', b'*', body @ ..] => match comment(body) {
                Some(length) => 2 + length,
                None => break,
            },
            [b'/', b'/', body @ ..] => 2 + line(body),
            [0xc2, 0xa0, ..] => 2,
            [0xe1, 0x9a, 0x80, ..]
            | [0xe2, 0x80, 0x80..=0x8a | 0xa8 | 0xa9 | 0xaf, ..]
            | [0xe2, 0x81, 0x9f, ..]
            | [0xe3, 0x80, 0x80, ..]
            | [0xef, 0xbb, 0xbf, ..] => 3,
            _ => break,
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    all - rest.len()
}

/// Bytes of a comment and its end behind its start; `None` if it has no end.
fn comment(body: &[u8]) -> Option<usize> {
    let end = body.windows(2).position(|two| two == b"*/")?;
    let is_open = body.get(..end).is_some_and(|inside| inside.contains(&0));
    (!is_open).then_some(end + 2)
}

/// Bytes up to a line's end and with it.
fn line(body: &[u8]) -> usize {
    let mut at = 0;
    loop {
        match body.get(at..).unwrap_or_default() {
            [] | [0, ..] => return at,
            [b'\n' | b'\r', ..] => return at + 1,
            rest if is_line_separator(rest) => return at + 3,
            _ => at += 1,
        }
    }
}

impl Parser<'_> {
    fn at(&self, place: usize) -> u8 {
        byte(self.text, place)
    }

    fn is_digit(&self, place: usize) -> bool {
        self.at(place).is_ascii_digit()
    }

    fn stop(&mut self, place: usize, why: Stop) -> Place {
        self.stopped = place;
        Err(why)
    }

    fn bad(&mut self, place: usize) -> Place {
        self.stop(place, Stop::Bad)
    }

    /// Something else was due at `place`: what is bad already keeps its own.
    fn due(&mut self, found: Stop, place: usize) -> Place {
        if found == Stop::Bad { Err(found) } else { self.bad(place) }
    }

    /// Appends the value at `from` and answers where it ends.
    fn value(&mut self, from: usize) -> Place {
        let mut at = from;
        loop {
            match self.at(at) {
                b'{' => return self.nested(at, OBJECT),
                b'[' => return self.nested(at, ARRAY),
                b'"' | b'\'' => return self.string(at),
                b'0'..=b'9' | b'-' | b'+' | b'.' => return self.number(at),
                b'}' => return self.stop(at, Stop::Brace),
                b']' => return self.stop(at, Stop::Bracket),
                b',' => return self.stop(at, Stop::Comma),
                b':' => return self.stop(at, Stop::Colon),
                0 => return Err(Stop::End),
                b' ' | b'\t' | b'\n' | b'\r' => at += plain_spaces(self.text, at),
                0x0b | 0x0c | b'/' | 0xc2 | 0xe1 | 0xe2 | 0xe3 | 0xef => {
                    let skipped = spaces(self.text, at);
                    if skipped == 0 {
                        return self.bad(at);
                    }
                    at += skipped;
                    self.is_five = true;
                }
                _ => return self.word(at),
            }
        }
    }

    fn nested(&mut self, at: usize, container: u8) -> Place {
        let head = self.json.len();
        self.json.push(container);
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return self.bad(at);
        }
        let end = if container == OBJECT { self.object(at) } else { self.array(at) }?;
        let size = self.json.len() - head - 1;
        resize(&mut self.json, head, size);
        self.depth -= 1;
        Ok(end + 1)
    }

    /// The elements of an array; answers where its bracket is.
    fn array(&mut self, open: usize) -> Place {
        let start = self.json.len();
        let mut at = open + 1;
        loop {
            match self.value(at) {
                Ok(end) => at = end,
                Err(Stop::Bracket) => {
                    self.is_five |= self.json.len() != start;
                    return Ok(self.stopped);
                }
                Err(stop) => return self.due(stop, at),
            }
            match self.behind(at, b']', Stop::Bracket)? {
                (end, true) => return Ok(end),
                (comma, false) => at = comma + 1,
            }
        }
    }

    /// Behind a value: the comma or the end of what it stands in, and which of both.
    fn behind(&mut self, from: usize, close: u8, stop: Stop) -> Result<(usize, bool), Stop> {
        let at = from + plain_spaces(self.text, from);
        match self.at(at) {
            b',' => return Ok((at, false)),
            found if found == close => return Ok((at, true)),
            _ => {}
        }
        match self.value(at) {
            Err(Stop::Comma) => Ok((self.stopped, false)),
            Err(found) if found == stop => Ok((self.stopped, true)),
            _ => self.bad(at).map(|end| (end, true)),
        }
    }

    /// The labels and values of an object; answers where its brace is.
    fn object(&mut self, open: usize) -> Place {
        let start = self.json.len();
        let mut at = open + 1;
        loop {
            let label = self.json.len();
            let end = match self.value(at) {
                Ok(end) => end,
                Err(Stop::Brace) => {
                    self.is_five |= self.json.len() != start;
                    return Ok(self.stopped);
                }
                Err(stop) => self.bare_label(at, stop)?,
            };
            if !(TEXT..=TEXT5).contains(&kind(&self.json, label)) {
                return self.bad(at);
            }
            at = self.colon(end)? + 1;
            match self.value(at) {
                Ok(end) => at = end,
                Err(stop) => return self.due(stop, at),
            }
            match self.behind(at, b'}', Stop::Brace)? {
                (end, true) => return Ok(end),
                (comma, false) => at = comma + 1,
            }
        }
    }

    /// A label without quotes, where no value stands.
    fn bare_label(&mut self, from: usize, stop: Stop) -> Place {
        let at = from + spaces(self.text, from);
        let mut label = TEXT;
        let mut end = at;
        loop {
            let c = self.at(end);
            let is_word = c.is_ascii_alphabetic()
                || matches!(c, b'_' | b'$' | 0x80..)
                || end > at && c.is_ascii_digit();
            if c == b'\\' && self.at(end + 1) == b'u' && is_hex(self.text, end + 2, 4) {
                label = TEXTJ;
            } else if !is_word || end > at && spaces(self.text, end) > 0 {
                break;
            }
            end += 1;
        }
        if end == at {
            return self.due(stop, at);
        }
        push(label, self.text.get(at..end).unwrap_or_default(), &mut self.json);
        self.is_five = true;
        Ok(end)
    }

    /// The place of the colon behind a label.
    fn colon(&mut self, from: usize) -> Place {
        let at = from + plain_spaces(self.text, from);
        if self.at(at) == b':' {
            return Ok(at);
        }
        match self.value(at) {
            Err(Stop::Colon) => Ok(self.stopped),
            Err(stop) => self.due(stop, at),
            Ok(_) => self.bad(at),
        }
    }

    fn string(&mut self, open: usize) -> Place {
        let quote = self.at(open);
        self.is_five |= quote == b'\'';
        let mut kind = TEXT;
        let mut at = open + 1;
        loop {
            let rest = self.text.get(at..).unwrap_or_default();
            at += rest.iter().position(|byte| !is_plain(*byte)).unwrap_or(rest.len());
            match self.at(at) {
                c if c == quote => break,
                0 => return self.bad(at),
                b'\\' => {
                    at += 1;
                    match self.at(at) {
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => kind = kind.max(TEXTJ),
                        b'u' if is_hex(self.text, at + 1, 4) => kind = kind.max(TEXTJ),
                        c => {
                            let rest = self.text.get(at..).unwrap_or_default();
                            let is_known = matches!(c, b'\'' | b'v' | b'\n' | b'\r')
                                || c == b'0' && !self.is_digit(at + 1)
                                || c == b'x' && is_hex(self.text, at + 1, 2)
                                || is_line_separator(rest);
                            if !is_known {
                                return self.bad(at);
                            }
                            if rest.starts_with(b"\r\n") {
                                at += 1;
                            }
                            kind = TEXT5;
                            self.is_five = true;
                        }
                    }
                }
                1..b' ' => {
                    kind = TEXT5;
                    self.is_five = true;
                }
                b'"' => kind = TEXT5,
                _ => {}
            }
            at += 1;
        }
        push(kind, self.text.get(open + 1..at).unwrap_or_default(), &mut self.json);
        Ok(at + 1)
    }

    fn number(&mut self, start: usize) -> Place {
        let is_hexadecimal = |parser: &Self, zero: usize| {
            matches!(parser.at(zero + 1), b'x' | b'X') && parser.at(zero + 2).is_ascii_hexdigit()
        };
        let first = self.at(start);
        let is_signed = matches!(first, b'+' | b'-');
        let digits = start + usize::from(is_signed);
        let (mut is_five, mut is_float) = (false, false);
        self.is_five |= first == b'+';
        match self.at(digits) {
            b'0' if is_hexadecimal(self, digits) => {
                let rest = self.text.get(digits + 2..).unwrap_or_default();
                let end = digits + 2 + rest.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
                self.is_five = true;
                return Ok(self.number_node(start, end, INT + 1));
            }
            b'0' if self.is_digit(digits + 1) => return self.bad(digits + usize::from(!is_signed)),
            b'0'..=b'9' => {}
            b'.' if is_signed || self.is_digit(digits + 1) => {
                self.is_five = true;
                is_five = true;
            }
            b'i' | b'I' if is_signed && self.is_word(digits, b"inf") => {
                let infinite: &[u8] = if first == b'-' { b"-9e999" } else { b"9e999" };
                push(FLOAT, infinite, &mut self.json);
                self.is_five = true;
                return Ok(digits + if self.is_word(digits + 3, b"inity") { 8 } else { 3 });
            }
            _ => return self.bad(start),
        }
        let (mut at, mut has_exponent) = (digits, false);
        loop {
            match self.at(at) {
                b'0'..=b'9' => {}
                b'.' if is_float => return self.bad(at),
                b'.' => is_float = true,
                b'e' | b'E' => {
                    if !self.is_digit(at - 1) {
                        is_five = self.point_ends(start, at)?;
                    }
                    if has_exponent {
                        return self.bad(at);
                    }
                    (is_float, has_exponent) = (true, true);
                    at += usize::from(matches!(self.at(at + 1), b'+' | b'-'));
                    if !self.is_digit(at + 1) {
                        return self.bad(at);
                    }
                }
                _ => break,
            }
            at += 1;
        }
        if !self.is_digit(at - 1) {
            is_five = self.point_ends(start, at)?;
        }
        let kind = INT + u8::from(is_five) + 2 * u8::from(is_float);
        Ok(self.number_node(start, at, kind))
    }

    /// `5.`: a point without digits behind it, at `at - 1`, needs one before it.
    fn point_ends(&mut self, start: usize, at: usize) -> Result<bool, Stop> {
        if at >= start + 2 && self.is_digit(at - 2) {
            self.is_five = true;
            return Ok(true);
        }
        self.bad(at).map(|_| false)
    }

    fn number_node(&mut self, start: usize, end: usize, kind: u8) -> usize {
        let start = start + usize::from(self.at(start) == b'+');
        push(kind, self.text.get(start..end).unwrap_or_default(), &mut self.json);
        end
    }

    /// True if `word` stands at `at`, in any case.
    fn is_word(&self, at: usize, word: &[u8]) -> bool {
        self.text.get(at..at + word.len()).is_some_and(|found| found.eq_ignore_ascii_case(word))
    }

    /// `true`, `false`, `null` and what JSON5 calls numbers that are none.
    fn word(&mut self, at: usize) -> Place {
        let rest = self.text.get(at..).unwrap_or_default();
        for (word, kind) in [(&b"true"[..], TRUE), (b"false", FALSE), (b"null", NULL)] {
            if rest.starts_with(word) && !self.at(at + word.len()).is_ascii_alphanumeric() {
                self.json.push(kind);
                return Ok(at + word.len());
            }
        }
        if !matches!(self.at(at), b't' | b'f') {
            let words: [(&[u8], u8); 5] =
                [(b"inf", FLOAT), (b"infinity", FLOAT), (b"nan", NULL), (b"qnan", NULL), (b"snan", NULL)];
            for (word, kind) in words {
                if self.is_word(at, word) && !self.at(at + word.len()).is_ascii_alphanumeric() {
                    push(kind, if kind == FLOAT { b"9e999" } else { b"" }, &mut self.json);
                    self.is_five = true;
                    return Ok(at + word.len());
                }
            }
        }
        self.bad(at)
    }
}
