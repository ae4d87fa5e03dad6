//! A moment on its way through a date function: what is known of it (a Julian day, a date, a time of day, a bare
//! number), and the arithmetic that gets one from the other. Like SQLite's, it is proleptic Gregorian, counts
//! milliseconds from noon of 24 November 4714 BC, and keeps what was written as long as nothing asks for more: the
//! 31st of February is one until a day is computed.

/// Milliseconds of a day.
pub(super) const DAY: i64 = 86_400_000;

/// The Julian day of 1970-01-01 00:00:00 in milliseconds.
pub(super) const UNIX_EPOCH: i64 = 210_866_760_000_000;

/// The last millisecond of the year 9999.
const LAST: i64 = 464_269_060_799_999;

/// A moment, more or less computed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moment {
    /// Milliseconds since Julian day 0.
    pub(super) julian: i64,
    /// True if `julian` is right.
    pub(super) has_julian: bool,
    /// The date.
    pub(super) year: i64,
    /// From 1, with room for what a modifier adds.
    pub(super) month: i64,
    /// From 1.
    pub(super) day: i64,
    /// True if the date is right.
    pub(super) has_date: bool,
    /// The time of day.
    pub(super) hour: i64,
    /// Minutes.
    pub(super) minute: i64,
    /// Seconds and their fraction; or, while `is_number`, the number that was given.
    pub(super) second: f64,
    /// True if the time of day is right.
    pub(super) has_time: bool,
    /// Minutes by which the time is ahead of UTC.
    pub(super) offset_minutes: i64,
    /// `second` is a number of unknown meaning: a Julian day or seconds since 1970.
    pub(super) is_number: bool,
    /// Days by which the day is beyond its month, for `floor`.
    pub(super) days_beyond_month: i64,
    /// Out of range once.
    pub(super) has_failed: bool,
    /// Show milliseconds.
    pub(super) subsecond: bool,
    /// Known to be UTC.
    pub(super) is_utc: bool,
    /// Known to be local time.
    pub(super) is_local: bool,
}

/// True for a Julian day, in milliseconds, of the years -4713 to 9999.
pub(super) fn is_in_range(julian: i64) -> bool {
    (0..=LAST).contains(&julian)
}

/// Number of days of a month.
pub(super) fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        // A month 0 never has more days than are asked for either.
        _ => 31,
    }
}

impl Moment {
    /// The moment of the statement.
    pub(super) fn now(millis: i64) -> Moment {
        Moment { julian: millis + UNIX_EPOCH, has_julian: true, is_utc: true, ..Moment::default() }
    }

    /// Takes a number whose meaning a modifier may still tell; without one it is a Julian day.
    pub(super) fn set_number(&mut self, number: f64) {
        self.second = number;
        self.is_number = true;
        if (0.0..5_373_484.5).contains(&number) {
            self.julian = (number * DAY as f64 + 0.5) as i64;
            self.has_julian = true;
        }
    }

    /// Nothing is known any more.
    fn fail(&mut self) {
        *self = Moment { has_failed: true, ..Moment::default() };
    }

    /// Only the Julian day counts from here on.
    pub(super) fn forget_fields(&mut self) {
        self.has_date = false;
        self.has_time = false;
        self.offset_minutes = 0;
    }

    /// Computes the Julian day (Meeus, Astronomical Algorithms, chapter 7).
    pub(super) fn need_julian(&mut self) {
        if self.has_julian {
            return;
        }
        let (mut year, mut month, mut day) = (self.year, self.month, self.day);
        if !self.has_date {
            // A time alone is one of the first of January 2000.
            (year, month, day) = (2000, 1, 1);
            if self.has_time && self.hour == 24 {
                self.hour = 0;
                day = 2;
            }
        }
        if !(-4713..=9999).contains(&year) || self.is_number {
            self.fail();
            return;
        }
        if month <= 2 {
            year -= 1;
            month += 12;
        }
        let century = (year + 4800) / 100;
        let leap_days = 38 - century + century / 4;
        let days_of_years = 36_525 * (year + 4716) / 100;
        let days_of_months = 306_001 * (month + 1) / 10_000;
        let days = (days_of_years + days_of_months + day + leap_days) as f64 - 1524.5;
        self.julian = (days * DAY as f64) as i64;
        self.has_julian = true;
        if self.has_time {
            self.julian += self.hour * 3_600_000 + self.minute * 60_000 + (self.second * 1000.0 + 0.5) as i64;
            if self.offset_minutes != 0 {
                self.julian -= self.offset_minutes * 60_000;
                self.forget_fields();
                self.is_utc = true;
                self.is_local = false;
            }
        }
    }

    /// Computes the date.
    pub(super) fn need_date(&mut self) {
        if self.has_date {
            return;
        }
        if !self.has_julian {
            (self.year, self.month, self.day) = (2000, 1, 1);
        } else if !is_in_range(self.julian) {
            self.fail();
            return;
        } else {
            let days = (self.julian + DAY / 2) / DAY;
            let alpha = ((days as f64 + 32_044.75) / 36_524.25) as i64 - 52;
            let a = days + 1 + alpha - (alpha + 100) / 4 + 25;
            let b = a + 1524;
            let c = ((b as f64 - 122.1) / 365.25) as i64;
            let d = 36_525 * (c & 32_767) / 100;
            let e = ((b - d) as f64 / 30.6001) as i64;
            self.day = b - d - (30.6001 * e as f64) as i64;
            self.month = if e < 14 { e - 1 } else { e - 13 };
            self.year = if self.month > 2 { c - 4716 } else { c - 4715 };
        }
        self.has_date = true;
    }

    /// Computes the time of day.
    pub(super) fn need_time(&mut self) {
        if self.has_time {
            return;
        }
        self.need_julian();
        let millis = (self.julian + DAY / 2) % DAY;
        self.second = (millis % 60_000) as f64 / 1000.0;
        self.minute = millis / 60_000 % 60;
        self.hour = millis / 3_600_000;
        self.is_number = false;
        self.has_time = true;
    }

    /// Computes date and time of day.
    pub(super) fn need_fields(&mut self) {
        self.need_date();
        self.need_time();
    }

    /// Notes by how many days the day is beyond its month.
    pub(super) fn note_days_beyond_month(&mut self) {
        self.days_beyond_month = (self.day - days_of_month(self.year, self.month)).max(0);
    }

    /// Brings a month beyond December, or before January, into its year.
    pub(super) fn carry_months(&mut self) {
        let years = if self.month > 0 { (self.month - 1) / 12 } else { (self.month - 12) / 12 };
        self.year += years;
        self.month -= years * 12;
        self.note_days_beyond_month();
    }

    /// Adds milliseconds to the Julian day. What leaves its range is found out at the end.
    pub(super) fn add_millis(&mut self, millis: i64) {
        self.julian = self.julian.saturating_add(millis);
    }

    /// Days since the first of January, from 0.
    pub(super) fn day_of_year(&self) -> i64 {
        let mut first = Moment { has_julian: false, month: 1, day: 1, ..*self };
        first.need_julian();
        (self.julian - first.julian + DAY / 2) / DAY
    }

    /// Days since Monday, from 0.
    pub(super) fn days_since_monday(&self) -> i64 {
        (self.julian + DAY / 2) / DAY % 7
    }

    /// Days since Sunday, from 0.
    pub(super) fn days_since_sunday(&self) -> i64 {
        (self.julian + DAY + DAY / 2) / DAY % 7
    }

    /// The Thursday of the same week, which tells the week's year and number.
    pub(super) fn thursday(&self) -> Moment {
        let days = 3 - self.days_since_monday();
        let mut thursday = Moment { has_date: false, julian: self.julian + days * DAY, ..*self };
        thursday.need_date();
        thursday
    }
}
