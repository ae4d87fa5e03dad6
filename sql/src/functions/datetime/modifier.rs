//! Modifiers of a moment, in the order in which a call gives them: steps, starts and ends of units, weekdays, what a
//! bare number means, and local time.

use super::moment::{DAY, Moment, UNIX_EPOCH};
use super::parse::{Reader, YEAR, time};
use super::zone;
use crate::functions::number::{is_space, parse_real};

/// Units of steps: name, the largest step, and milliseconds each.
///
/// The bounds are floats of 32 bits in SQLite, so they are here.
const UNITS: [(&[u8], f32, f64); 6] = [
    (b"second", 4.6427e14, 1000.0),
    (b"minute", 7.7379e12, 60_000.0),
    (b"hour", 1.2897e11, 3_600_000.0),
    (b"day", 5_373_485.0, 86_400_000.0),
    (b"month", 176_546.0, 2_592_000_000.0),
    (b"year", 14_713.0, 31_536_000_000.0),
];

/// Applies a modifier, the first one of its call perhaps. False if it is none, or does not suit the moment.
pub(super) fn apply(text: &[u8], is_first: bool, moment: &mut Moment) -> bool {
    let text = Reader::new(text);
    let word = text.rest().to_ascii_lowercase();
    let applied = match word.as_slice() {
        b"auto" if is_first => {
            take_for_either(moment);
            Some(())
        }
        b"ceiling" => {
            moment.need_julian();
            moment.forget_fields();
            moment.days_beyond_month = 0;
            Some(())
        }
        b"floor" => {
            moment.need_julian();
            moment.add_millis(-moment.days_beyond_month * DAY);
            moment.forget_fields();
            Some(())
        }
        b"julianday" if is_first && moment.has_julian && moment.is_number => {
            moment.is_number = false;
            Some(())
        }
        b"unixepoch" if is_first && moment.is_number => take_for_seconds(moment),
        b"localtime" => {
            if !moment.is_local {
                zone::to_local(moment);
            }
            moment.is_utc = false;
            moment.is_local = true;
            Some(())
        }
        b"utc" => {
            if !moment.is_utc {
                *moment = to_utc(*moment);
            }
            Some(())
        }
        b"subsec" | b"subsecond" => {
            moment.subsecond = true;
            Some(())
        }
        word => match word.first() {
            Some(b'+' | b'-' | b'0'..=b'9') => step(text, moment),
            Some(b'e') => word.strip_prefix(b"end of ").and_then(|unit| end_of(unit, moment)),
            Some(b's') => word.strip_prefix(b"start of ").and_then(|unit| start_of(unit, moment)),
            Some(b'w') => word.strip_prefix(b"weekday ").and_then(|day| weekday(day, moment)),
            _ => None,
        },
    };
    applied.is_some()
}

/// A number is a Julian day if it can be one, else seconds since 1970.
fn take_for_either(moment: &mut Moment) {
    const FIRST: f64 = -210_866_760_000.0;
    const LAST: f64 = 253_402_300_799.0;
    if !moment.is_number || moment.has_julian {
        moment.is_number = false;
    } else if (FIRST..=LAST).contains(&moment.second) {
        set_seconds(moment, moment.second * 1000.0 + UNIX_EPOCH as f64);
    }
}

fn take_for_seconds(moment: &mut Moment) -> Option<()> {
    let millis = moment.second * 1000.0 + UNIX_EPOCH as f64;
    (0.0..464_269_060_800_000.0).contains(&millis).then(|| set_seconds(moment, millis))
}

fn set_seconds(moment: &mut Moment, millis: f64) {
    moment.forget_fields();
    moment.julian = (millis + 0.5) as i64;
    moment.has_julian = true;
    moment.is_number = false;
}

/// The moment that is this one in local time: guessed, and mended by what the guess is off.
fn to_utc(mut moment: Moment) -> Moment {
    moment.need_julian();
    let local = moment.julian;
    let (mut guess, mut off) = (local, 0);
    for _ in 0..4 {
        guess -= off;
        let mut tried = Moment { julian: guess, has_julian: true, ..Moment::default() };
        zone::to_local(&mut tried);
        tried.need_julian();
        off = tried.julian - local;
        if off == 0 {
            break;
        }
    }
    Moment { julian: guess, has_julian: true, is_utc: true, ..Moment::default() }
}

fn is_known(moment: &Moment) -> bool {
    moment.has_julian || moment.has_date || moment.has_time
}

/// The date as it is with another time of day.
fn set_time(moment: &mut Moment, hour: i64, minute: i64, second: f64) {
    moment.need_date();
    moment.has_time = true;
    (moment.hour, moment.minute, moment.second) = (hour, minute, second);
    moment.is_number = false;
    moment.offset_minutes = 0;
    moment.has_julian = false;
}

fn start_of(unit: &[u8], moment: &mut Moment) -> Option<()> {
    if !is_known(moment) {
        return None;
    }
    set_time(moment, 0, 0, 0.0);
    match unit {
        b"day" => {}
        b"month" => moment.day = 1,
        b"year" => (moment.month, moment.day) = (1, 1),
        _ => return None,
    }
    Some(())
}

fn end_of(unit: &[u8], moment: &mut Moment) -> Option<()> {
    if !is_known(moment) {
        return None;
    }
    set_time(moment, 23, 59, 59.999);
    match unit {
        b"day" => {}
        b"month" => {
            moment.day = 1;
            moment.month += 1;
            if moment.month > 12 {
                moment.year += 1;
                moment.month = 1;
            }
            moment.note_days_beyond_month();
            moment.need_julian();
            moment.add_millis(-(moment.days_beyond_month + 1) * DAY);
            moment.forget_fields();
        }
        b"year" => (moment.month, moment.day) = (12, 31),
        _ => return None,
    }
    Some(())
}

/// The next such weekday from the moment on, or with a minus the last one up to it.
fn weekday(text: &[u8], moment: &mut Moment) -> Option<()> {
    let number = parse_real(text);
    let wanted = number.real as i64;
    if !number.whole || !(-6.0..=6.0).contains(&number.real) || wanted as f64 != number.real {
        return None;
    }
    moment.need_fields();
    moment.offset_minutes = 0;
    moment.has_julian = false;
    moment.need_julian();
    let wanted = wanted.abs();
    let mut today = moment.days_since_sunday();
    if today != wanted {
        if today > wanted {
            today -= 7;
        }
        moment.add_millis((wanted - today) * DAY);
        if text.contains(&b'-') {
            moment.add_millis(-7 * DAY);
        }
    }
    moment.forget_fields();
    Some(())
}

/// `±NNN unit`, `±HH:MM[:SS.SSS]` or `±YYYY-MM-DD [HH:MM[:SS.SSS]]`.
fn step(text: Reader<'_>, moment: &mut Moment) -> Option<()> {
    let sign = text.at(0);
    let mut length = 1;
    loop {
        match text.at(length) {
            0 | b':' => break,
            byte if is_space(byte) => break,
            b'-' if length == 5 || length == 6 => {
                let mut year = text;
                year.skip(1);
                if year.number(length - 1, YEAR).is_some() {
                    break;
                }
            }
            _ => {}
        }
        length += 1;
    }
    let number = parse_real(text.rest().get(..length).unwrap_or_default());
    if !number.whole {
        return None;
    }
    match text.at(length) {
        b'-' => step_by_date(text, length, sign, moment),
        b':' => step_by_time(text, sign, moment),
        _ => {
            let mut unit = text;
            unit.skip(length);
            unit.skip_spaces();
            step_by_unit(number.real, unit.rest(), moment)
        }
    }
}

fn step_by_date(text: Reader<'_>, year_end: usize, sign: u8, moment: &mut Moment) -> Option<()> {
    let direction = match sign {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let mut text = text;
    text.skip(1);
    let years = text.number(year_end - 1, YEAR)?;
    text.byte(b'-')?;
    let months = text.number(2, 0..=11)?;
    text.byte(b'-')?;
    let days = text.number(2, 0..=30)?;
    moment.need_fields();
    moment.has_julian = false;
    moment.year += direction * years;
    moment.month += direction * months;
    moment.carry_months();
    moment.need_julian();
    moment.has_time = false;
    moment.has_date = false;
    moment.add_millis(direction * days * DAY);
    if text.is_at_end() {
        return Some(());
    }
    if !is_space(text.at(0)) {
        return None;
    }
    text.skip(1);
    step_by_time(text, sign, moment)
}

fn step_by_time(text: Reader<'_>, sign: u8, moment: &mut Moment) -> Option<()> {
    let mut text = text;
    if !text.at(0).is_ascii_digit() {
        text.skip(1);
    }
    let mut step = Moment::default();
    time(text, &mut step)?;
    step.need_julian();
    let millis = (step.julian - DAY / 2) % DAY;
    moment.need_julian();
    moment.forget_fields();
    moment.add_millis(if sign == b'-' { -millis } else { millis });
    Some(())
}

fn step_by_unit(count: f64, unit: &[u8], moment: &mut Moment) -> Option<()> {
    if !(3..=10).contains(&unit.len()) {
        return None;
    }
    let unit = unit.to_ascii_lowercase();
    let singular = unit.strip_suffix(b"s").unwrap_or(&unit);
    moment.need_julian();
    moment.days_beyond_month = 0;
    let known = UNITS.iter().find(|(name, largest, _)| {
        let largest = f64::from(*largest);
        *name == singular && count > -largest && count < largest
    });
    let Some((name, _, millis)) = known else {
        moment.forget_fields();
        return None;
    };
    let mut rest = count;
    if matches!(*name, b"month" | b"year") {
        moment.need_fields();
        if *name == b"month" {
            moment.month += count as i64;
            moment.carry_months();
        } else {
            moment.year += count as i64;
            moment.note_days_beyond_month();
        }
        moment.has_julian = false;
        rest -= count.trunc();
    }
    moment.need_julian();
    // In the order in which SQLite multiplies, since that decides the last bit.
    let rounder = if count < 0.0 { -0.5 } else { 0.5 };
    moment.add_millis((rest * 1000.0 * (millis / 1000.0) + rounder) as i64);
    moment.forget_fields();
    Some(())
}
