//! How a real looks in text: the digits that SQLite 3.54 shows, and the layout of `%f`, `%e` and `%g`.

use super::decimal::decimal;
use super::number::scale;

/// The significant digits of a real.
#[derive(Debug)]
pub(crate) struct Digits {
    /// ASCII digits without trailing zeros, one at least.
    digits: Vec<u8>,
    /// Where the point stands: before the first digit for 0.
    point: i32,
}

/// How a number is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// `%f`.
    Fixed,
    /// `%e`, with the letter used.
    Exponent(u8),
    /// `%g`, with the letter used.
    Shorter(u8),
}

/// How reals are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RealFormat {
    /// The layout.
    pub(crate) layout: Layout,
    /// Digits after the point, or significant ones for `%g`.
    pub(crate) precision: usize,
    /// `#`: keep the point and trailing zeros.
    pub(crate) alternate: bool,
    /// `!`: up to 20 digits, and always a digit after the point.
    pub(crate) exact: bool,
    /// `,`: groups of three digits.
    pub(crate) thousands: bool,
}

/// Decodes a positive finite real. `round` above 0 is the number of significant digits, else its negation is the
/// number of digits after the point; never more than `digits_max` in all.
fn decode(real: f64, round: i32, digits_max: i32) -> Digits {
    let wanted = if round <= 0 || round >= 18 { 18 } else { round + 1 };
    let (number, exponent) = decimal(real, wanted);
    let mut digits = Vec::with_capacity(24);
    super::number::write_integer(number as i64, &mut digits);
    let mut point = digits.len() as i32 + exponent;
    let mut round = round;
    if round <= 0 {
        round = point - round;
        if round == 0 && digits.first().is_some_and(|d| *d >= b'5') {
            round = 1;
            digits.insert(0, b'0');
            point += 1;
        }
    }
    let length = digits.len() as i32;
    if round > 0 && (round < length || length > digits_max) {
        round = round.min(digits_max);
        if round == 17 {
            round = shorter(&digits, exponent, point, real).unwrap_or(17);
        }
        round_digits(&mut digits, round as usize, &mut point);
    }
    while digits.len() > 1 && digits.last() == Some(&b'0') {
        digits.pop();
    }
    Digits { digits, point }
}

fn round_digits(digits: &mut Vec<u8>, keep: usize, point: &mut i32) {
    let up = digits.get(keep).is_some_and(|d| *d >= b'5');
    digits.truncate(keep);
    if !up {
        return;
    }
    for digit in digits.iter_mut().rev() {
        if *digit < b'9' {
            *digit += 1;
            return;
        }
        *digit = b'0';
    }
    digits.insert(0, b'1');
    *point += 1;
}

/// Of 17 digits that end in nines or zeros, how many give the same real back.
fn shorter(digits: &[u8], exponent: i32, point: i32, real: f64) -> Option<i32> {
    let at = |i: usize| digits.get(i).copied().unwrap_or(0);
    let number =
        |count: usize| digits.iter().take(count).fold(0_u64, |n, d| n * 10 + u64::from(d.wrapping_sub(b'0')));
    let length = digits.len() as i32;
    let (count, mantissa);
    if at(15) == b'9' && at(14) == b'9' {
        count = (0..15).rev().take_while(|i| at(*i) == b'9').last().unwrap_or(14);
        mantissa = number(count) + 1;
    } else if point >= length || (at(15) == b'0' && at(14) == b'0' && at(13) == b'0') {
        count = 1 + (0..13).rev().find(|i| at(*i) != b'0').unwrap_or(0);
        mantissa = number(count);
    } else {
        return None;
    }
    (scale(mantissa, exponent + length - count as i32) == real).then_some(count as i32 + 1)
}

/// Appends a real as values print: 17 significant digits, fewer where they say the same.
pub(crate) fn write_real(real: f64, out: &mut Vec<u8>) {
    // Small integers and halves are by far the most common.
    if real.abs() < 1e15 && real == real.trunc() {
        let _ = std::io::Write::write_fmt(out, format_args!("{}.0", real as i64));
        return;
    }
    if real.is_infinite() {
        out.extend_from_slice(if real > 0.0 { b"Inf" } else { b"-Inf" });
        return;
    }
    if real < 0.0 {
        out.push(b'-');
    }
    let format = RealFormat {
        layout: Layout::Shorter(b'e'),
        precision: 17,
        alternate: false,
        exact: true,
        thousands: false,
    };
    write_magnitude(real.abs(), format, out);
}

/// Appends a real that is not negative; infinity as 9e999.
pub(crate) fn write_magnitude(real: f64, format: RealFormat, out: &mut Vec<u8>) {
    let RealFormat { mut layout, precision, alternate, exact, thousands } = format;
    let mut precision = precision as i32;
    let round = match layout {
        Layout::Fixed => -precision,
        Layout::Shorter(_) => {
            precision = precision.max(1);
            precision
        }
        Layout::Exponent(_) => precision + 1,
    };
    let decoded = if real == 0.0 {
        Digits { digits: vec![b'0'], point: 1 }
    } else if real.is_infinite() {
        Digits { digits: vec![b'9'], point: 1000 }
    } else {
        decode(real, round, if exact { 20 } else { 16 })
    };
    let exponent = decoded.point - 1;
    let mut drop_zeros = exact;
    if let Layout::Shorter(letter) = layout {
        precision -= 1;
        drop_zeros = !alternate;
        if exponent < -4 || exponent > precision {
            layout = Layout::Exponent(letter);
        } else {
            precision -= exponent;
            layout = Layout::Fixed;
        }
    }
    let mut whole = if matches!(layout, Layout::Exponent(_)) { 0 } else { exponent };
    let has_point = precision > 0 || alternate || exact;
    let mut digits = decoded.digits.iter().copied();
    if whole < 0 {
        out.push(b'0');
    } else {
        while whole >= 0 {
            out.push(digits.next().unwrap_or(b'0'));
            if thousands && whole % 3 == 0 && whole > 1 {
                out.push(b',');
            }
            whole -= 1;
        }
    }
    if has_point {
        let start = out.len();
        out.push(b'.');
        if whole < -1 {
            let zeros = (-1 - whole).min(precision);
            out.extend(std::iter::repeat_n(b'0', zeros as usize));
            precision -= zeros;
        }
        while precision > 0 {
            match digits.next() {
                Some(digit) => out.push(digit),
                None if drop_zeros => break,
                None => out.push(b'0'),
            }
            precision -= 1;
        }
        if drop_zeros {
            while out.len() > start + 1 && out.last() == Some(&b'0') {
                out.pop();
            }
            if out.last() == Some(&b'.') {
                if exact {
                    out.push(b'0');
                } else {
                    out.pop();
                }
            }
        }
    }
    if let Layout::Exponent(letter) = layout {
        out.push(letter);
        out.push(if exponent < 0 { b'-' } else { b'+' });
        let _ = std::io::Write::write_fmt(out, format_args!("{:02}", exponent.unsigned_abs()));
    }
}
