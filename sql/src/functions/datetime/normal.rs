//! What columns of dates and times hold: ISO-8601 text in one form each, so that order by text is order in time
//! (for the years 0000 to 9999).

use super::moment::{Moment, days_of_month};
use super::parse::{Reader, YEAR};
use crate::functions::number::is_space;
use std::fmt::Write;

/// Which part of a moment a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `YYYY-MM-DD`.
    Date,
    /// `HH:MM:SS[.fraction]`.
    Time,
    /// Both, with a space between them.
    DateTime,
}

/// A time of day as written.
#[derive(Debug, Default)]
struct Clock<'a> {
    hour: i64,
    minute: i64,
    second: i64,
    /// Digits after the point, without zeros at the end.
    fraction: &'a [u8],
}

/// The text of a moment in the one form of its kind, in UTC where an offset was given; `None` if it is no moment of
/// this kind.
pub(crate) fn normalise(kind: Kind, text: &[u8]) -> Option<Box<str>> {
    if text.contains(&0) {
        return None;
    }
    let mut text = Reader::new(text);
    let mut day =
        Moment { has_date: true, has_time: true, year: 2000, month: 1, day: 1, ..Moment::default() };
    if kind != Kind::Time {
        day.year = text.number(4, YEAR)?;
        text.byte(b'-')?;
        day.month = text.number(2, 1..=12)?;
        text.byte(b'-')?;
        day.day = text.number(2, 1..=days_of_month(day.year, day.month))?;
    }
    let mut clock = Clock::default();
    if kind == Kind::Time {
        clock = time(&mut text)?;
    } else if kind == Kind::DateTime && (text.at(0) == b'T' || is_space(text.at(0))) {
        text.skip(1);
        clock = time(&mut text)?;
    }
    (day.hour, day.minute) = (clock.hour, clock.minute);
    if kind == Kind::DateTime {
        day.offset_minutes = offset(&mut text)?;
    }
    if !text.is_at_end() {
        return None;
    }
    if day.offset_minutes != 0 {
        day.need_julian();
        day.need_fields();
        if day.has_failed || !(0..=9999).contains(&day.year) {
            return None;
        }
    }
    Some(print(kind, &day, &clock))
}

fn time<'a>(text: &mut Reader<'a>) -> Option<Clock<'a>> {
    let hour = text.number(2, 0..=23)?;
    text.byte(b':')?;
    let mut clock = Clock { hour, minute: text.number(2, 0..=59)?, ..Clock::default() };
    if text.byte(b':').is_some() {
        clock.second = text.number(2, 0..=59)?;
        if text.at(0) == b'.' && text.at(1).is_ascii_digit() {
            text.skip(1);
            let digits = text.rest();
            let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
            text.skip(length);
            let zeros = digits.iter().take(length).rev().take_while(|digit| **digit == b'0').count();
            clock.fraction = digits.get(..length - zeros)?;
        }
    }
    Some(clock)
}

/// `Z` or `±HH:MM`, perhaps behind a space; nothing is UTC.
fn offset(text: &mut Reader<'_>) -> Option<i64> {
    if text.is_at_end() {
        return Some(0);
    }
    text.skip_spaces();
    let sign = match text.at(0) {
        b'Z' | b'z' => {
            text.skip(1);
            return Some(0);
        }
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    text.skip(1);
    let hours = text.number(2, 0..=14)?;
    text.byte(b':')?;
    Some(sign * (hours * 60 + text.number(2, 0..=59)?))
}

fn print(kind: Kind, day: &Moment, clock: &Clock<'_>) -> Box<str> {
    let mut out = String::with_capacity(32);
    // Writing to a string never fails.
    if kind != Kind::Time {
        let _ = write!(out, "{:04}-{:02}-{:02}", day.year, day.month, day.day);
    }
    if kind == Kind::DateTime {
        out.push(' ');
    }
    if kind != Kind::Date {
        let _ = write!(out, "{:02}:{:02}:{:02}", day.hour, day.minute, clock.second);
        if !clock.fraction.is_empty() {
            let _ = write!(out, ".{}", String::from_utf8_lossy(clock.fraction));
        }
    }
    out.into_boxed_str()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(kind: Kind, text: &str) -> Option<String> {
        normalise(kind, text.as_bytes()).map(String::from)
    }

    #[test]
    fn every_form_comes_out_as_one() {
        let moment = |text| of(Kind::DateTime, text).unwrap();
        assert_eq!(moment("2024-02-29"), "2024-02-29 00:00:00");
        assert_eq!(moment("2024-02-29T23:30+01:00"), "2024-02-29 22:30:00");
        assert_eq!(moment("2024-02-29T23:30:01.250Z"), "2024-02-29 23:30:01.25");
        assert_eq!(moment("2023-12-31 20:00:05.000 -06:00"), "2024-01-01 02:00:05");
        assert_eq!(of(Kind::Time, "07:05").unwrap(), "07:05:00");
        assert_eq!(of(Kind::Date, "0001-01-31").unwrap(), "0001-01-31");
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in ["", "now", "2023-02-29", "2024-13-01", "2024-1-01", "24:00:00", "2024-01-01 24:00"] {
            assert_eq!(of(Kind::DateTime, text), None, "{text}");
        }
        for text in ["2024-01-01 00:00:00", "2024-01-01Z", "2024-01-32", "20240101", " 2024-01-01"] {
            assert_eq!(of(Kind::Date, text), None, "{text}");
        }
        for text in ["7:05", "07:60", "07:05:00.", "07:05 ", "07:05+01:00"] {
            assert_eq!(of(Kind::Time, text), None, "{text}");
        }
        // Over the edge of the years that have four digits.
        assert_eq!(of(Kind::DateTime, "9999-12-31 23:30-01:00"), None);
        assert_eq!(of(Kind::DateTime, "0000-01-01 00:30+01:00"), None);
    }
}
