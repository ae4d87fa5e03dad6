//! Dates and times in text: `YYYY-MM-DD`, `HH:MM[:SS[.SSS]]`, both with a space or `T` between them, `Z` or an offset
//! behind them, the words `now` and `subsec`, and plain numbers.

use super::moment::{Moment, days_of_month};
use crate::functions::number::{is_space, parse_real};

/// A text being read byte by byte; what follows the end, or a NUL, is 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a [u8]) -> Reader<'a> {
        Reader { rest: text.split(|byte| *byte == 0).next().unwrap_or_default() }
    }

    /// The byte at `place` from here.
    pub(super) fn at(&self, place: usize) -> u8 {
        self.rest.get(place).copied().unwrap_or(0)
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn skip(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or_default();
    }

    pub(super) fn skip_spaces(&mut self) {
        while is_space(self.at(0)) {
            self.skip(1);
        }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Exactly `digits` digits that make a number of this range.
    pub(super) fn number(&mut self, digits: usize, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let text = self.rest.get(..digits)?;
        if !text.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let number = text.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0'));
        self.skip(digits);
        range.contains(&number).then_some(number)
    }

    /// The byte `wanted`.
    pub(super) fn byte(&mut self, wanted: u8) -> Option<()> {
        (self.at(0) == wanted).then(|| self.skip(1))
    }
}

/// The years that four or five digits may tell; -4713 is the first.
pub(super) const YEAR: std::ops::RangeInclusive<i64> = 0..=14_712;

/// `Z`, `+HH:MM`, `-HH:MM` or nothing up to the end of the text.
fn offset(mut text: Reader<'_>, moment: &mut Moment) -> Option<()> {
    text.skip_spaces();
    moment.offset_minutes = 0;
    let sign = match text.at(0) {
        b'-' => -1,
        b'+' => 1,
        b'Z' | b'z' => 0,
        _ => return text.is_at_end().then_some(()),
    };
    text.skip(1);
    if sign != 0 {
        let hours = text.number(2, 0..=14)?;
        text.byte(b':')?;
        let minutes = text.number(2, 0..=59)?;
        moment.offset_minutes = sign * (hours * 60 + minutes);
    }
    if moment.offset_minutes == 0 {
        moment.is_local = false;
        moment.is_utc = true;
    }
    text.skip_spaces();
    text.is_at_end().then_some(())
}

/// `HH:MM`, `HH:MM:SS` or `HH:MM:SS.SSS`, and an offset.
pub(super) fn time(text: Reader<'_>, moment: &mut Moment) -> Option<()> {
    let mut text = text;
    let hour = text.number(2, 0..=24)?;
    text.byte(b':')?;
    let minute = text.number(2, 0..=59)?;
    let (mut second, mut fraction) = (0, 0.0);
    if text.at(0) == b':' {
        text.skip(1);
        second = text.number(2, 0..=59)?;
        if text.at(0) == b'.' && text.at(1).is_ascii_digit() {
            text.skip(1);
            let mut scale = 1.0;
            while text.at(0).is_ascii_digit() {
                fraction = fraction * 10.0 + f64::from(text.at(0) - b'0');
                scale *= 10.0;
                text.skip(1);
            }
            fraction /= scale;
            // More digits than a real can count.
            if fraction.is_nan() {
                return None;
            }
            // Or it would be rounded to the next second.
            fraction = fraction.min(0.999);
        }
    }
    if hour == 24 && (minute != 0 || second != 0 || fraction != 0.0) {
        return None;
    }
    moment.has_julian = false;
    moment.is_number = false;
    moment.has_time = true;
    (moment.hour, moment.minute, moment.second) = (hour, minute, second as f64 + fraction);
    offset(text, moment)
}

/// `YYYY-MM-DD`, and a time perhaps.
fn date(text: Reader<'_>, moment: &mut Moment) -> Option<()> {
    let mut text = text;
    let is_negative = text.byte(b'-').is_some();
    let mut year = text.number(4, YEAR)?;
    text.byte(b'-')?;
    let mut month = text.number(2, 1..=12)?;
    text.byte(b'-')?;
    let mut day = text.number(2, 1..=31)?;
    while is_space(text.at(0)) || text.at(0) == b'T' {
        text.skip(1);
    }
    if time(text, moment).is_some() {
        if moment.hour == 24 {
            moment.hour = 0;
            day += 1;
            let last = days_of_month(year, month);
            if day > last {
                day -= last;
                month += 1;
                if month > 12 {
                    month = 1;
                    year += 1;
                }
            }
        }
    } else if text.is_at_end() {
        moment.has_time = false;
    } else {
        return None;
    }
    moment.has_julian = false;
    moment.has_date = true;
    (moment.year, moment.month, moment.day) = (if is_negative { -year } else { year }, month, day);
    moment.note_days_beyond_month();
    if moment.offset_minutes != 0 {
        moment.need_julian();
    }
    Some(())
}

/// Any of the forms that a first argument has.
pub(super) fn moment(text: &[u8], now_millis: impl FnOnce() -> i64) -> Option<Moment> {
    let text = Reader::new(text);
    let mut moment = Moment::default();
    if date(text, &mut moment).is_some() || time(text, &mut moment).is_some() {
        return Some(moment);
    }
    let word = text.rest();
    if word.eq_ignore_ascii_case(b"now") {
        return Some(Moment::now(now_millis()));
    }
    let number = parse_real(word);
    if number.whole {
        moment.set_number(number.real);
        return Some(moment);
    }
    if word.eq_ignore_ascii_case(b"subsec") || word.eq_ignore_ascii_case(b"subsecond") {
        return Some(Moment { subsecond: true, ..Moment::now(now_millis()) });
    }
    None
}
