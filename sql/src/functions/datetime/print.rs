//! Moments as text: the fixed forms of `date`, `time` and `datetime`, and `strftime`.

use super::moment::{DAY, Moment, UNIX_EPOCH};
use crate::functions::real::{Layout, RealFormat, write_magnitude};
use std::io::Write;

/// Appends formatted text. Writing to a vector never fails.
macro_rules! put {
    ($out:expr, $($form:tt)*) => {
        let _ = write!($out, $($form)*);
    };
}

/// `YYYY-MM-DD`.
pub(super) fn date(moment: &Moment, out: &mut Vec<u8>) {
    if moment.year < 0 {
        out.push(b'-');
    }
    put!(out, "{:04}-{:02}-{:02}", moment.year.abs() % 10_000, moment.month, moment.day);
}

/// `HH:MM:SS`, with milliseconds where the moment shows them.
pub(super) fn time(moment: &Moment, out: &mut Vec<u8>) {
    put!(out, "{:02}:{:02}:", moment.hour, moment.minute);
    if moment.subsecond {
        let millis = (1000.0 * moment.second + 0.5) as i64;
        put!(out, "{:02}.{:03}", millis / 1000 % 100, millis % 1000);
    } else {
        put!(out, "{:02}", moment.second as i64 % 100);
    }
}

/// A number of at least `width` characters, its sign among them.
pub(super) fn padded(number: i64, width: usize, out: &mut Vec<u8>) {
    put!(out, "{number:0width$}");
}

/// A real with so many digits after the point.
fn fixed(real: f64, digits: usize, out: &mut Vec<u8>) {
    let format = RealFormat {
        layout: Layout::Fixed,
        precision: digits,
        alternate: false,
        exact: false,
        thousands: false,
    };
    if real < 0.0 {
        out.push(b'-');
    }
    write_magnitude(real.abs(), format, out);
}

/// Seconds and milliseconds, two digits before the point.
pub(super) fn seconds(second: f64, out: &mut Vec<u8>) {
    if second < 9.9995 {
        out.push(b'0');
    }
    fixed(second, 3, out);
}

fn julian_day(julian: i64, out: &mut Vec<u8>) {
    let format = RealFormat {
        layout: Layout::Shorter(b'e'),
        precision: 16,
        alternate: false,
        exact: false,
        thousands: false,
    };
    write_magnitude(julian as f64 / DAY as f64, format, out);
}

/// `strftime`: the moment by a format; false for an unknown letter in it. Everything of the moment is computed.
pub(super) fn formatted(format: &[u8], moment: &Moment, out: &mut Vec<u8>) -> bool {
    let mut rest = format.split(|byte| *byte == 0).next().unwrap_or_default();
    while let Some(place) = rest.iter().position(|byte| *byte == b'%') {
        out.extend_from_slice(rest.get(..place).unwrap_or_default());
        let Some(letter) = rest.get(place + 1) else { return false };
        rest = rest.get(place + 2..).unwrap_or_default();
        if !part(*letter, moment, out) {
            return false;
        }
    }
    out.extend_from_slice(rest);
    true
}

fn part(letter: u8, moment: &Moment, out: &mut Vec<u8>) -> bool {
    let twelve = match moment.hour % 12 {
        0 => 12,
        hour => hour,
    };
    match letter {
        b'd' => padded(moment.day, 2, out),
        b'e' => {
            put!(out, "{:2}", moment.day);
        }
        b'f' => seconds(moment.second.min(59.999), out),
        b'F' => {
            padded(moment.year, 4, out);
            put!(out, "-{:02}-{:02}", moment.month, moment.day);
        }
        b'g' => padded(moment.thursday().year % 100, 2, out),
        b'G' => padded(moment.thursday().year, 4, out),
        b'H' => padded(moment.hour, 2, out),
        b'k' => {
            put!(out, "{:2}", moment.hour);
        }
        b'I' => padded(twelve, 2, out),
        b'l' => {
            put!(out, "{twelve:2}");
        }
        b'j' => padded(moment.day_of_year() + 1, 3, out),
        b'J' => julian_day(moment.julian, out),
        b'm' => padded(moment.month, 2, out),
        b'M' => padded(moment.minute, 2, out),
        b'p' => out.extend_from_slice(if moment.hour >= 12 { b"PM" } else { b"AM" }),
        b'P' => out.extend_from_slice(if moment.hour >= 12 { b"pm" } else { b"am" }),
        b'R' => {
            put!(out, "{:02}:{:02}", moment.hour, moment.minute);
        }
        b's' if moment.subsecond => fixed((moment.julian - UNIX_EPOCH) as f64 / 1000.0, 3, out),
        b's' => {
            put!(out, "{}", moment.julian / 1000 - UNIX_EPOCH / 1000);
        }
        b'S' => padded(moment.second as i64, 2, out),
        b'T' => {
            put!(out, "{:02}:{:02}:{:02}", moment.hour, moment.minute, moment.second as i64);
        }
        b'u' => {
            let day = moment.days_since_sunday();
            padded(if day == 0 { 7 } else { day }, 1, out);
        }
        b'w' => padded(moment.days_since_sunday(), 1, out),
        b'U' => padded((moment.day_of_year() - moment.days_since_sunday() + 7) / 7, 2, out),
        b'V' => padded(moment.thursday().day_of_year() / 7 + 1, 2, out),
        b'W' => padded((moment.day_of_year() - moment.days_since_monday() + 7) / 7, 2, out),
        b'Y' => padded(moment.year, 4, out),
        b'%' => out.push(b'%'),
        _ => return false,
    }
    true
}
