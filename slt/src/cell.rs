//! Values as sqllogictest prints them, by the letter that the query gives their column.

use sedge::ValueRef;

/// What a column is printed as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Letter {
    /// `I`: the low 32 bits as a signed integer.
    Integer,
    /// `R`: three decimals.
    Real,
    /// `T`, and every other letter: text.
    Text,
}

impl sqllogictest::ColumnType for Letter {
    fn from_char(letter: char) -> Option<Letter> {
        Some(match letter {
            'I' => Letter::Integer,
            'R' => Letter::Real,
            _ => Letter::Text,
        })
    }

    fn to_char(&self) -> char {
        match self {
            Letter::Integer => 'I',
            Letter::Real => 'R',
            Letter::Text => 'T',
        }
    }
}

/// `value` as a column of `letter` shows it.
pub(crate) fn render(value: ValueRef<'_>, letter: Letter) -> String {
    match (letter, value) {
        (_, ValueRef::Null) => "NULL".to_string(),
        (Letter::Integer, value) => (integer(value) as i32).to_string(),
        (Letter::Real, value) => three_decimals(real(value)),
        (Letter::Text, ValueRef::Integer(i)) => i.to_string(),
        (Letter::Text, ValueRef::Decimal(d)) => d.to_string(),
        (Letter::Text, ValueRef::Real(r)) => printable(sedge::format_real(r).as_bytes()),
        (Letter::Text, ValueRef::Text(bytes) | ValueRef::Blob(bytes)) => printable(bytes),
        (Letter::Text, other) => printable(format!("{other:?}").as_bytes()),
    }
}

fn printable(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "(empty)".to_string();
    }
    bytes.iter().map(|b| if (b' '..=b'~').contains(b) { char::from(*b) } else { '@' }).collect()
}

/// The integer that a text begins with, else the value cut to one.
fn integer(value: ValueRef<'_>) -> i64 {
    match value {
        ValueRef::Integer(i) => i,
        ValueRef::Real(r) => r as i64,
        ValueRef::Decimal(d) => d.to_integer(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            let text = leading(bytes, |at, b| b.is_ascii_digit() || (at == 0 && (b == b'-' || b == b'+')));
            // Digits beyond 64 bits saturate; a lone sign or nothing is 0.
            text.parse().unwrap_or_else(|_| text.parse::<f64>().map_or(0, |r| r as i64))
        }
        _ => 0,
    }
}

fn real(value: ValueRef<'_>) -> f64 {
    match value {
        ValueRef::Integer(i) => i as f64,
        ValueRef::Real(r) => r,
        ValueRef::Decimal(d) => d.to_real(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            let text =
                leading(bytes, |_, b| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E'));
            (0..=text.len()).rev().find_map(|end| text[..end].parse().ok()).unwrap_or(0.0)
        }
        _ => 0.0,
    }
}

/// The longest beginning of `bytes`, blanks in front aside, whose bytes all pass.
fn leading(bytes: &[u8], mut pass: impl FnMut(usize, u8) -> bool) -> String {
    let bytes = bytes.trim_ascii_start();
    bytes.iter().enumerate().take_while(|(at, b)| pass(*at, **b)).map(|(_, b)| char::from(*b)).collect()
}

/// `%.3f` as SQLite prints it: of the decimal digits 16 at most count, and halves go away from zero.
fn three_decimals(real: f64) -> String {
    if real.is_infinite() {
        return if real > 0.0 { "Inf" } else { "-Inf" }.to_string();
    }
    // 16 significant digits, d.ddddddddddddddde±x: 1.0005, a hair below the half as a float, is a half from here on.
    let scientific = format!("{:.15e}", real.abs());
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let mut point = exponent.parse::<i32>().unwrap_or(0) + 1;
    let mut digits: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect();
    match usize::try_from(point + 3) {
        Ok(kept) if kept < digits.len() => {
            let round_up = digits[kept] >= 5;
            digits.truncate(kept);
            if round_up {
                match digits.iter().rposition(|d| *d != 9) {
                    Some(at) => {
                        digits[at] += 1;
                        digits[at + 1..].fill(0);
                    }
                    None => {
                        digits.fill(0);
                        digits.insert(0, 1);
                        point += 1;
                    }
                }
            }
        }
        Ok(_) => {}
        // All of it lies behind the third decimal.
        Err(_) => digits.clear(),
    }
    let digit = |at: i32| {
        usize::try_from(at).ok().and_then(|at| digits.get(at)).map_or('0', |d| char::from(b'0' + d))
    };
    let whole: String = if point <= 0 { "0".to_string() } else { (0..point).map(digit).collect() };
    let fraction: String = (point..point + 3).map(digit).collect();
    let sign = if real.is_sign_negative() && digits.iter().any(|d| *d != 0) { "-" } else { "" };
    format!("{sign}{whole}.{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_decide_how_values_print() {
        let cases: [(Letter, ValueRef<'_>, &str); 12] = [
            (Letter::Integer, ValueRef::Real(2.9), "2"),
            (Letter::Integer, ValueRef::Text(b"12abc"), "12"),
            (Letter::Integer, ValueRef::Text(b"abc"), "0"),
            (Letter::Integer, ValueRef::Integer(1 << 32 | 5), "5"),
            (Letter::Integer, ValueRef::Null, "NULL"),
            (Letter::Real, ValueRef::Integer(3), "3.000"),
            (Letter::Real, ValueRef::Real(0.0005), "0.001"),
            (Letter::Real, ValueRef::Real(-999.9996), "-1000.000"),
            (Letter::Real, ValueRef::Text(b"1.5e1x"), "15.000"),
            (Letter::Text, ValueRef::Text(b""), "(empty)"),
            (Letter::Text, ValueRef::Text("é".as_bytes()), "@@"),
            (Letter::Text, ValueRef::Integer(-7), "-7"),
        ];
        for (letter, value, expected) in cases {
            assert_eq!(render(value, letter), expected, "{letter:?} {value:?}");
        }
    }

    #[test]
    fn reals_show_sixteen_digits_at_most() {
        assert_eq!(three_decimals(1e15), "1000000000000000.000");
        assert_eq!(three_decimals(123_456_789_012_345_680.0), "123456789012345700.000");
        assert_eq!(three_decimals(0.0), "0.000");
        assert_eq!(three_decimals(-0.0001), "0.000");
        assert_eq!(three_decimals(1.0005), "1.001");
        assert_eq!(three_decimals(0.0004), "0.000");
        assert_eq!(three_decimals(9.9996), "10.000");
    }
}
