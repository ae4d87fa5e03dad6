//! Date and time functions, by SQLite's rules: a moment in any of its forms, modifiers one after another, and a text
//! or number of the outcome. Whatever is no moment, leaves the years -4713 to 9999, or is modified by what is no
//! modifier, is NULL.
//!
//! `moment` holds the calendar, `parse` reads what is written, `modifier` changes it, `zone` knows local time, and
//! `print` writes it down. Values of the columns DATE, TIME and DATETIME come through [`normalise`].

mod modifier;
mod moment;
mod normal;
mod parse;
mod print;
#[cfg(test)]
mod tests;
mod zone;

pub(crate) use normal::{Kind, normalise};

use super::define::{Kinds, timely};
use super::number::text_of;
use super::text::{arg, integer, null, text};
use super::{Datum, FunctionContext, ScalarDefinition};
use crate::error::{Error, Result};
use crate::value::{Value, ValueRef};
use moment::{DAY, Moment, UNIX_EPOCH, is_in_range};

type Call<'a> = Result<Datum<'a>>;

pub(super) const FUNCTIONS: &[ScalarDefinition] = &[
    timely("current_date", 0, 0, Kinds::TEXT, date),
    timely("current_time", 0, 0, Kinds::TEXT, time),
    timely("current_timestamp", 0, 0, Kinds::TEXT, datetime),
    timely("date", 0, usize::MAX, Kinds::TEXT_OR_NULL, date),
    timely("date_trunc", 2, 2, Kinds::TEXT_OR_NULL, date_trunc),
    timely("datetime", 0, usize::MAX, Kinds::TEXT_OR_NULL, datetime),
    timely("julianday", 0, usize::MAX, Kinds::REAL_OR_NULL, julianday),
    timely("strftime", 0, usize::MAX, Kinds::TEXT_OR_NULL, strftime),
    timely("time", 0, usize::MAX, Kinds::TEXT_OR_NULL, time),
    timely("timediff", 2, 2, Kinds::TEXT_OR_NULL, timediff),
    timely("unixepoch", 0, usize::MAX, Kinds::NUMBER_OR_NULL, unixepoch),
];

/// The moment that arguments name, with its Julian day computed and in range; none is now.
fn moment_of(cx: &dyn FunctionContext, args: &[ValueRef<'_>]) -> Result<Option<Moment>> {
    let Some((first, modifiers)) = args.split_first() else {
        return Ok(Some(Moment::now(cx.now_millis())));
    };
    let mut scratch = Vec::new();
    let mut moment = match first {
        ValueRef::Null => return Ok(None),
        ValueRef::Integer(i) => number(*i as f64),
        ValueRef::Real(r) => number(*r),
        other => match parse::moment(text_of(*other, &mut scratch), || cx.now_millis()) {
            Some(moment) => moment,
            None => return Ok(None),
        },
    };
    for (place, modifier) in modifiers.iter().enumerate() {
        let word = text_of(*modifier, &mut scratch);
        if modifier.is_null() || !modifier::apply(word, place == 0, &mut moment) {
            return Ok(None);
        }
        if [b"localtime".as_slice(), b"utc"].iter().any(|zoned| zoned.eq_ignore_ascii_case(word)) {
            cx.uses_zone();
        }
    }
    moment.need_julian();
    if moment.has_failed || !is_in_range(moment.julian) {
        return Ok(None);
    }
    if modifiers.is_empty() && moment.has_date && moment.day > 28 {
        // The 31st of February is the 3rd of March.
        moment.has_date = false;
    }
    Ok(Some(moment))
}

fn number(number: f64) -> Moment {
    let mut moment = Moment::default();
    moment.set_number(number);
    moment
}

fn date<'a>(cx: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    printed(cx, args, |moment, out| {
        moment.need_date();
        print::date(moment, out);
    })
}

fn time<'a>(cx: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    printed(cx, args, |moment, out| {
        moment.need_time();
        print::time(moment, out);
    })
}

fn datetime<'a>(cx: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    printed(cx, args, |moment, out| {
        moment.need_fields();
        print::date(moment, out);
        out.push(b' ');
        print::time(moment, out);
    })
}

/// `date_trunc(unit, moment)`: where the unit that the moment is in begins, as `datetime` writes it. Weeks begin on
/// Monday.
fn date_trunc<'a>(cx: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    let mut scratch = Vec::new();
    if arg(args, 0).is_null() {
        return Ok(null());
    }
    let unit = text_of(arg(args, 0), &mut scratch).to_ascii_lowercase();
    let Some(mut moment) = moment_of(cx, args.get(1..).unwrap_or_default())? else { return Ok(null()) };
    moment.need_fields();
    let days_since_monday = moment.days_since_monday();
    let parts = [b"second".as_slice(), b"minute", b"hour", b"day", b"month", b"year", b"quarter", b"week"];
    let Some(part) = parts.iter().position(|part| *part == unit) else {
        let message = "date_trunc() knows second, minute, hour, day, week, month, quarter and year";
        return Err(Error::Evaluation(message.into()));
    };
    moment.second = if part == 0 { moment.second.trunc() } else { 0.0 };
    moment.minute = if part <= 1 { moment.minute } else { 0 };
    moment.hour = if part <= 2 { moment.hour } else { 0 };
    match unit.as_slice() {
        b"month" => moment.day = 1,
        b"quarter" => (moment.month, moment.day) = ((moment.month - 1) / 3 * 3 + 1, 1),
        b"year" => (moment.month, moment.day) = (1, 1),
        b"week" => {
            moment.has_julian = false;
            moment.need_julian();
            moment.add_millis(-days_since_monday * DAY);
            moment.forget_fields();
            moment.need_fields();
        }
        _ => {}
    }
    if moment.has_failed {
        return Ok(null());
    }
    let mut out = Vec::with_capacity(24);
    print::date(&moment, &mut out);
    out.push(b' ');
    print::time(&moment, &mut out);
    Ok(text(out))
}

fn printed<'a>(
    cx: &dyn FunctionContext,
    args: &[ValueRef<'a>],
    print: impl FnOnce(&mut Moment, &mut Vec<u8>),
) -> Call<'a> {
    let Some(mut moment) = moment_of(cx, args)? else { return Ok(null()) };
    let mut out = Vec::with_capacity(24);
    print(&mut moment, &mut out);
    Ok(text(out))
}

fn julianday<'a>(cx: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    Ok(match moment_of(cx, args)? {
        Some(moment) => Datum::Borrowed(ValueRef::Real(moment.julian as f64 / DAY as f64)),
        None => null(),
    })
}

fn unixepoch<'a>(cx: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    Ok(match moment_of(cx, args)? {
        Some(moment) if moment.subsecond => {
            Datum::Owned(Value::Real((moment.julian - UNIX_EPOCH) as f64 / 1000.0))
        }
        Some(moment) => integer(moment.julian / 1000 - UNIX_EPOCH / 1000),
        None => null(),
    })
}

fn strftime<'a>(cx: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    let Some((format, args)) = args.split_first().filter(|(format, _)| !format.is_null()) else {
        return Ok(null());
    };
    let Some(mut moment) = moment_of(cx, args)? else { return Ok(null()) };
    moment.need_fields();
    let (mut scratch, mut out) = (Vec::new(), Vec::new());
    let known = print::formatted(text_of(*format, &mut scratch), &moment, &mut out);
    Ok(if known { text(out) } else { null() })
}

/// What must be added to the second moment to get the first, in years, months, days and time of day.
fn timediff<'a>(cx: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    let one = |place: usize| moment_of(cx, &[arg(args, place)]);
    let (Some(mut to), Some(mut from)) = (one(0)?, one(1)?) else { return Ok(null()) };
    to.need_fields();
    from.need_fields();
    let is_forward = to.julian >= from.julian;
    let direction = if is_forward { 1 } else { -1 };
    let mut years = direction * (to.year - from.year);
    if years != 0 {
        from.year = to.year;
        from.has_julian = false;
        from.need_julian();
    }
    let mut months = direction * (to.month - from.month);
    if months < 0 {
        years -= 1;
        months += 12;
    }
    if months != 0 {
        from.month = to.month;
        from.has_julian = false;
        from.need_julian();
    }
    // A step too far is taken back, month by month.
    while direction * (to.julian - from.julian) < 0 {
        months -= 1;
        if months < 0 {
            months = 11;
            years -= 1;
        }
        from.month -= direction;
        if from.month < 1 {
            from.month = 12;
            from.year -= 1;
        } else if from.month > 12 {
            from.month = 1;
            from.year += 1;
        }
        from.has_julian = false;
        from.need_julian();
    }
    // The first of some month as day 0, so that the rest reads as days and a time.
    const DAY_ZERO: i64 = 148_699_540_800_000;
    let mut rest = Moment {
        julian: direction * (to.julian - from.julian) + DAY_ZERO,
        has_julian: true,
        ..Moment::default()
    };
    rest.need_fields();
    let mut out = vec![if is_forward { b'+' } else { b'-' }];
    print::padded(years, 4, &mut out);
    for (before, number) in [(b'-', months), (b'-', rest.day - 1), (b' ', rest.hour), (b':', rest.minute)] {
        out.push(before);
        print::padded(number, 2, &mut out);
    }
    out.push(b':');
    print::seconds(rest.second, &mut out);
    Ok(text(out))
}
