//! Local time: the zone that the system, or the variable `TZ`, names.

use super::moment::{Moment, UNIX_EPOCH};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// 1970-01-01, and 2038-01-18 15:59:59 and something: SQLite asks its C library for nothing outside of them.
const KNOWN: std::ops::RangeInclusive<i64> = 210_866_760_000_000..=213_014_145_600_000;

/// Moves a moment of UTC to local time. Years outside 1970 to 2037 are taken for one inside that leaps alike.
/// Where the system names no zone, UTC is local.
pub(super) fn to_local(moment: &mut Moment) {
    moment.need_julian();
    let mut years_off = 0;
    let mut known = *moment;
    if !KNOWN.contains(&moment.julian) {
        known.need_fields();
        years_off = 2000 + known.year % 4 - known.year;
        known.year += years_off;
        known.has_julian = false;
        known.need_julian();
    }
    let seconds = known.julian / 1000 - UNIX_EPOCH / 1000;
    // The year is one between 1970 and 2037 by now, which a time stamp holds.
    let local = TimeZone::system().to_datetime(Timestamp::from_second(seconds).unwrap_or_default());
    moment.year = i64::from(local.year()) - years_off;
    moment.month = i64::from(local.month());
    moment.day = i64::from(local.day());
    moment.hour = i64::from(local.hour());
    moment.minute = i64::from(local.minute());
    moment.second = f64::from(local.second()) + (moment.julian % 1000) as f64 * 0.001;
    moment.has_date = true;
    moment.has_time = true;
    moment.has_julian = false;
    moment.is_number = false;
    moment.offset_minutes = 0;
    moment.has_failed = false;
}
