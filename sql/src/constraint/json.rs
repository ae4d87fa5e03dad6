//! JSON as its columns hold it: one value by RFC 8259, without spaces between its parts.

/// How deep arrays and objects may nest, as in SQLite.
const DEPTH_MAX: usize = 1000;

/// Where in a value the reader is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Value,
    /// A value, or the end of an empty array.
    ValueOrEnd,
    Key,
    /// A key, or the end of an empty object.
    KeyOrEnd,
    /// What follows a value: a comma, or the end of what it stands in.
    After,
}

/// The value without spaces between its parts; `None` if the text is no JSON.
pub(super) fn minified(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut closers = Vec::new();
    let mut expected = Expected::Value;
    let mut rest = text;
    loop {
        rest = skip_spaces(rest);
        let Some((first, after)) = rest.split_first() else { break };
        use Expected::{After, Key, KeyOrEnd, Value, ValueOrEnd};
        let length = match (expected, first) {
            (Value | ValueOrEnd, b'{' | b'[') => {
                if closers.len() == DEPTH_MAX {
                    return None;
                }
                let is_object = *first == b'{';
                closers.push(if is_object { b'}' } else { b']' });
                expected = if is_object { KeyOrEnd } else { ValueOrEnd };
                1
            }
            (After | KeyOrEnd, b'}') | (After | ValueOrEnd, b']') => {
                if closers.pop() != Some(*first) {
                    return None;
                }
                expected = After;
                1
            }
            (After, b',') => {
                expected = if *closers.last()? == b'}' { Key } else { Value };
                1
            }
            (Key | KeyOrEnd, b'"') => {
                let length = string(after)? + 1;
                let colon = skip_spaces(rest.get(length..)?);
                out.extend_from_slice(rest.get(..length)?);
                rest = colon;
                if rest.first() != Some(&b':') {
                    return None;
                }
                expected = Value;
                1
            }
            (Value | ValueOrEnd, b'"') => {
                expected = After;
                string(after)? + 1
            }
            (Value | ValueOrEnd, _) => {
                expected = After;
                ["true", "false", "null"]
                    .into_iter()
                    .find(|word| rest.starts_with(word.as_bytes()))
                    .map(str::len)
                    .or_else(|| number(rest))?
            }
            _ => return None,
        };
        out.extend_from_slice(rest.get(..length)?);
        rest = rest.get(length..)?;
    }
    (expected == Expected::After && closers.is_empty()).then_some(out)
}

fn skip_spaces(text: &[u8]) -> &[u8] {
    let length = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
    text.get(length..).unwrap_or_default()
}

/// The length of a string up to its closing quote and with it, from behind the opening one.
fn string(text: &[u8]) -> Option<usize> {
    let mut place = 0;
    loop {
        match text.get(place)? {
            b'"' => return Some(place + 1),
            b'\\' => match text.get(place + 1)? {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => place += 2,
                b'u' if text.get(place + 2..place + 6)?.iter().all(u8::is_ascii_hexdigit) => place += 6,
                _ => return None,
            },
            0..0x20 => return None,
            _ => place += 1,
        }
    }
}

/// The length of a number.
fn number(text: &[u8]) -> Option<usize> {
    let digits = |from: usize| {
        text.get(from..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let start = usize::from(text.first() == Some(&b'-'));
    let whole = digits(start);
    // No zero stands before another digit.
    if whole == 0 || (whole > 1 && text.get(start) == Some(&b'0')) {
        return None;
    }
    let mut place = start + whole;
    if text.get(place) == Some(&b'.') {
        let fraction = digits(place + 1);
        if fraction == 0 {
            return None;
        }
        place += 1 + fraction;
    }
    if matches!(text.get(place), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(place + 1), Some(b'+' | b'-')));
        let exponent = digits(place + 1 + sign);
        if exponent == 0 {
            return None;
        }
        place += 1 + sign + exponent;
    }
    Some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_loses_its_spaces_and_nothing_else() {
        let cases = [
            (" 1 ", "1"),
            ("[ 1 , -2.5e+3,\"a b\\u00e9\" , null ]", "[1,-2.5e+3,\"a b\\u00e9\",null]"),
            ("{ \"a\" : { } , \"b\":[ ] ,\n\"a\": true}", "{\"a\":{},\"b\":[],\"a\":true}"),
            ("\"\"", "\"\""),
        ];
        for (text, expected) in cases {
            assert_eq!(minified(text.as_bytes()).as_deref(), Some(expected.as_bytes()), "{text}");
        }
        let wrong = [
            "",
            " ",
            "{",
            "[1,]",
            "[,1]",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "'a'",
            "01",
            "1.",
            ".5",
            "+1",
            "1e",
            "nul",
            "nulls",
            "1 2",
            "[1}",
            "\"a",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\t\"",
            "]",
            "[1]]",
            "NaN",
        ];
        for text in wrong {
            assert_eq!(minified(text.as_bytes()), None, "{text}");
        }
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(
            minified(nested(DEPTH_MAX).as_bytes()).is_some()
                && minified(nested(DEPTH_MAX + 1).as_bytes()).is_none()
        );
    }
}
