//! Dates, instants and durations: RFC 3339 in and out, integers inside.
//!
//! Written by hand because the forms are few and strict and the writers are on the way of
//! every answer. There is no clock here and no time zone: an offset in a text is applied
//! and forgotten.

use std::fmt;
use std::time::SystemTime;

/// Days since 1970-01-01, years 0001 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Date(pub i32);

/// Milliseconds since the Unix epoch, UTC, years 0001 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(pub i64);

/// Milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Duration(pub i64);

const SECOND_MS: i64 = 1000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
const WEEK_MS: i64 = 7 * DAY_MS;

const DATE_LEN: usize = "2026-11-22".len();
const TIMESTAMP_LEN: usize = "2026-11-22T10:00:00.000Z".len();

/// Why a text is not a date, an instant or a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeError {
    DateForm,
    /// Well written, but there is no such day.
    NoSuchDate,
    TimestampForm,
    /// Well written up to the end, where the offset is missing.
    OffsetMissing,
    /// An hour, minute or second that no day has.
    NoSuchTime,
    NoSuchOffset,
    /// `23:59:60`. Refused: Unix time has no place for it, and clamping would make two
    /// different instants equal without telling anybody.
    LeapSecond,
    /// Outside the years 0001 to 9999, perhaps only after the offset was applied.
    OutOfRange,
    DurationForm,
    /// Years and months have no fixed length.
    DurationCalendar,
    ShortDurationForm,
    DurationOutOfRange,
}

impl TimeError {
    /// Whether the text was well written and only its size is refused.
    pub fn is_range(self) -> bool {
        matches!(self, TimeError::OutOfRange | TimeError::DurationOutOfRange)
    }
}

impl fmt::Display for TimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TimeError::DateForm => "a date is written like 2026-11-22",
            TimeError::NoSuchDate => "there is no such day in the calendar",
            TimeError::TimestampForm => "a date-time is written like 2026-11-22T10:00:00Z",
            TimeError::OffsetMissing => {
                "a date-time ends with its offset from UTC, such as Z or +01:00"
            }
            TimeError::NoSuchTime => "there is no such time of day",
            TimeError::NoSuchOffset => "an offset from UTC lies between -23:59 and +23:59",
            TimeError::LeapSecond => "leap seconds cannot be stored; send second 59 instead",
            TimeError::OutOfRange => "the year must be between 0001 and 9999",
            TimeError::DurationForm => "a duration is written like PT10M or P1DT2H",
            TimeError::DurationCalendar => {
                "a duration cannot have years or months, as their length varies; use days"
            }
            TimeError::ShortDurationForm => {
                "a duration is a number with a unit (ms, s, m, h, d or w), such as 10m"
            }
            TimeError::DurationOutOfRange => "a duration must be shorter than 9999 years",
        })
    }
}

impl std::error::Error for TimeError {}

impl Date {
    /// 0001-01-01
    pub const MIN: Date = Date(-719_162);
    /// 9999-12-31
    pub const MAX: Date = Date(2_932_896);

    /// Exactly `2026-11-22`.
    pub fn parse(text: &str) -> Result<Date, TimeError> {
        let bytes = text.as_bytes();
        if bytes.len() != DATE_LEN {
            return Err(TimeError::DateForm);
        }
        parse_date(bytes)
    }

    /// `None` when there is no such day, or the year is not between 1 and 9999.
    pub fn from_ymd(year: i32, month: u8, day: u8) -> Option<Date> {
        if !(1..=9999).contains(&year)
            || !(1..=12).contains(&month)
            || day < 1
            || day > days_in_month(year, month)
        {
            return None;
        }
        Some(Date(days_from_civil(year, month, day)))
    }

    /// `None` outside the years 0001 to 9999.
    pub fn from_days(days: i32) -> Option<Date> {
        (Date::MIN..=Date::MAX)
            .contains(&Date(days))
            .then_some(Date(days))
    }

    /// Days since 1970-01-01.
    pub fn days(self) -> i32 {
        self.0
    }

    /// Year, month and day.
    pub fn ymd(self) -> (i32, u8, u8) {
        civil_from_days(self.in_range().0)
    }

    /// The first instant of the day, in UTC.
    pub fn midnight(self) -> Timestamp {
        Timestamp(i64::from(self.in_range().0) * DAY_MS)
    }

    /// Appends `2026-11-22`.
    pub fn write_into(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.text());
    }

    fn text(self) -> [u8; DATE_LEN] {
        let (year, month, day) = self.ymd();
        let mut text = *b"0000-00-00";
        put_digits(&mut text[0..4], year.unsigned_abs());
        put_digits(&mut text[5..7], u32::from(month));
        put_digits(&mut text[8..10], u32::from(day));
        text
    }

    /// The field is public, so a number out of range must still be printable.
    fn in_range(self) -> Date {
        self.clamp(Date::MIN, Date::MAX)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.text()).expect("digits are ASCII"))
    }
}

/// What a clock shows, which whoever may read one passes here. A clock outside the years 0001 to
/// 9999 is broken; it shows the first or last moment of them.
impl From<SystemTime> for Timestamp {
    fn from(clock: SystemTime) -> Timestamp {
        let millis = match clock.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
        };
        Timestamp(millis).in_range()
    }
}

impl Timestamp {
    /// 0001-01-01T00:00:00.000Z
    pub const MIN: Timestamp = Timestamp(Date::MIN.0 as i64 * DAY_MS);
    /// 9999-12-31T23:59:59.999Z
    pub const MAX: Timestamp = Timestamp((Date::MAX.0 as i64 + 1) * DAY_MS - 1);

    /// Any RFC 3339 date-time: `T` and `Z` in either case, any offset, any number of
    /// fraction digits. What is finer than a millisecond is cut off, not rounded, so that
    /// an instant never moves into the next second.
    pub fn parse(text: &str) -> Result<Timestamp, TimeError> {
        // All indexes below lie within these 19 bytes or are looked up with `get`.
        let bytes = text.as_bytes();
        let time_end = "2026-11-22T10:00:00".len();
        let (Some(date), Some(time)) = (bytes.get(..DATE_LEN), bytes.get(DATE_LEN..time_end))
        else {
            return Err(TimeError::TimestampForm);
        };
        let (Some(hour), Some(minute), Some(second)) = (
            digits(&time[1..3]),
            digits(&time[4..6]),
            digits(&time[7..9]),
        ) else {
            return Err(TimeError::TimestampForm);
        };
        if !matches!(time[0], b'T' | b't') || time[3] != b':' || time[6] != b':' {
            return Err(TimeError::TimestampForm);
        }
        let date = parse_date(date).map_err(|error| match error {
            TimeError::DateForm => TimeError::TimestampForm,
            other => other,
        })?;

        // The bytes before are ASCII by now, so this is a character boundary.
        let mut rest = &text[time_end..];
        let mut milliseconds = 0;
        if let Some(after) = rest.strip_prefix('.') {
            let (fraction, after) = split_digits(after);
            if fraction.is_empty() {
                return Err(TimeError::TimestampForm);
            }
            milliseconds = first_three_digits(fraction);
            rest = after;
        }
        let offset_minutes = match rest.as_bytes() {
            [] => return Err(TimeError::OffsetMissing),
            b"Z" | b"z" => 0,
            [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
                let (Some(hours), Some(minutes)) = (digits(&[*h1, *h2]), digits(&[*m1, *m2]))
                else {
                    return Err(TimeError::TimestampForm);
                };
                if hours > 23 || minutes > 59 {
                    return Err(TimeError::NoSuchOffset);
                }
                let minutes = i64::from(hours * 60 + minutes);
                if *sign == b'-' { -minutes } else { minutes }
            }
            _ => return Err(TimeError::TimestampForm),
        };
        if hour > 23 || minute > 59 || second > 60 {
            return Err(TimeError::NoSuchTime);
        }
        if second == 60 {
            return Err(TimeError::LeapSecond);
        }
        let of_day = i64::from(hour) * HOUR_MS
            + i64::from(minute) * MINUTE_MS
            + i64::from(second) * SECOND_MS
            + i64::from(milliseconds);
        let local = i64::from(date.0) * DAY_MS + of_day;
        Timestamp::from_millis(local - offset_minutes * MINUTE_MS).ok_or(TimeError::OutOfRange)
    }

    /// `None` outside the years 0001 to 9999.
    pub fn from_millis(milliseconds: i64) -> Option<Timestamp> {
        let timestamp = Timestamp(milliseconds);
        (Timestamp::MIN..=Timestamp::MAX)
            .contains(&timestamp)
            .then_some(timestamp)
    }

    /// Milliseconds since the Unix epoch.
    pub fn millis(self) -> i64 {
        self.0
    }

    /// The day it falls on in UTC.
    pub fn date(self) -> Date {
        self.days_and_millis().0
    }

    pub fn checked_add(self, duration: Duration) -> Option<Timestamp> {
        Timestamp::from_millis(self.0.checked_add(duration.0)?)
    }

    pub fn checked_sub(self, duration: Duration) -> Option<Timestamp> {
        Timestamp::from_millis(self.0.checked_sub(duration.0)?)
    }

    /// The time from `earlier` to this; negative when that is later.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration(self.in_range().0 - earlier.in_range().0)
    }

    /// Appends `2026-11-22T10:00:00.000Z`.
    pub fn write_into(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.text());
    }

    fn text(self) -> [u8; TIMESTAMP_LEN] {
        let (date, of_day) = self.days_and_millis();
        let mut text = *b"0000-00-00T00:00:00.000Z";
        text[..DATE_LEN].copy_from_slice(&date.text());
        put_digits(&mut text[11..13], of_day / 3_600_000);
        put_digits(&mut text[14..16], of_day / 60_000 % 60);
        put_digits(&mut text[17..19], of_day / 1000 % 60);
        put_digits(&mut text[20..23], of_day % 1000);
        text
    }

    fn days_and_millis(self) -> (Date, u32) {
        let milliseconds = self.in_range().0;
        let days = i32::try_from(milliseconds.div_euclid(DAY_MS)).expect("within range");
        let of_day = u32::try_from(milliseconds.rem_euclid(DAY_MS)).expect("less than a day");
        (Date(days), of_day)
    }

    /// The field is public, so a number out of range must still be printable.
    fn in_range(self) -> Timestamp {
        self.clamp(Timestamp::MIN, Timestamp::MAX)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.text()).expect("digits are ASCII"))
    }
}

impl Duration {
    pub const ZERO: Duration = Duration(0);
    /// From the first representable instant to the last.
    pub const MAX: Duration = Duration(Timestamp::MAX.0 - Timestamp::MIN.0);
    pub const MIN: Duration = Duration(-Duration::MAX.0);

    /// ISO 8601: `PT10M`, `P1DT2H`, `P2W`, `PT0.5S`, `-PT10M`. Only seconds may have a
    /// fraction; what is finer than a millisecond is cut off.
    pub fn parse(text: &str) -> Result<Duration, TimeError> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let body = unsigned.strip_prefix('P').ok_or(TimeError::DurationForm)?;
        let (days, times) = match body.split_once('T') {
            Some((_, "")) => return Err(TimeError::DurationForm),
            Some((days, times)) => (days, times),
            None if body.is_empty() => return Err(TimeError::DurationForm),
            None => (body, ""),
        };
        let days = components(days, &[('W', WEEK_MS), ('D', DAY_MS)])?;
        let times = components(times, &[('H', HOUR_MS), ('M', MINUTE_MS), ('S', SECOND_MS)])?;
        let total = days
            .checked_add(times)
            .filter(|total| *total <= Duration::MAX.0)
            .ok_or(TimeError::DurationOutOfRange)?;
        Ok(Duration(if negative { -total } else { total }))
    }

    /// The shorthand of contracts: `500ms`, `45s`, `10m`, `24h`, `30d`, `2w`.
    pub fn parse_short(text: &str) -> Result<Duration, TimeError> {
        let unit_at = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(unit_at);
        let unit = match unit {
            "ms" => 1,
            "s" => SECOND_MS,
            "m" => MINUTE_MS,
            "h" => HOUR_MS,
            "d" => DAY_MS,
            "w" => WEEK_MS,
            _ => return Err(TimeError::ShortDurationForm),
        };
        if number.is_empty() {
            return Err(TimeError::ShortDurationForm);
        }
        number
            .parse::<i64>()
            .ok()
            .and_then(|number| number.checked_mul(unit))
            .filter(|total| *total <= Duration::MAX.0)
            .map(Duration)
            .ok_or(TimeError::DurationOutOfRange)
    }

    /// `None` when longer than all representable time.
    pub fn from_millis(milliseconds: i64) -> Option<Duration> {
        let duration = Duration(milliseconds);
        (Duration::MIN..=Duration::MAX)
            .contains(&duration)
            .then_some(duration)
    }

    pub fn millis(self) -> i64 {
        self.0
    }

    pub fn checked_add(self, other: Duration) -> Option<Duration> {
        Duration::from_millis(self.0.checked_add(other.0)?)
    }

    pub fn checked_sub(self, other: Duration) -> Option<Duration> {
        Duration::from_millis(self.0.checked_sub(other.0)?)
    }

    pub fn checked_mul(self, factor: i64) -> Option<Duration> {
        Duration::from_millis(self.0.checked_mul(factor)?)
    }

    /// Appends the ISO 8601 form, `P1DT2H`.
    pub fn write_into(self, out: &mut Vec<u8>) {
        let mut left = self.0.unsigned_abs();
        if self.0 < 0 {
            out.push(b'-');
        }
        out.push(b'P');
        if left == 0 {
            out.extend_from_slice(b"T0S");
            return;
        }
        let mut number = itoa::Buffer::new();
        let mut component = |amount: u64, unit: u8, out: &mut Vec<u8>| {
            if amount != 0 {
                out.extend_from_slice(number.format(amount).as_bytes());
                out.push(unit);
            }
        };
        component(left / DAY_MS.unsigned_abs(), b'D', out);
        left %= DAY_MS.unsigned_abs();
        if left == 0 {
            return;
        }
        out.push(b'T');
        component(left / HOUR_MS.unsigned_abs(), b'H', out);
        component(left / MINUTE_MS.unsigned_abs() % 60, b'M', out);
        let (seconds, milliseconds) = (left / 1000 % 60, left % 1000);
        if milliseconds == 0 {
            component(seconds, b'S', out);
            return;
        }
        out.extend_from_slice(number.format(seconds).as_bytes());
        let mut fraction = *b".000";
        put_digits(
            &mut fraction[1..],
            u32::try_from(milliseconds).expect("below 1000"),
        );
        let zeros = fraction.iter().rev().take_while(|b| **b == b'0').count();
        out.extend_from_slice(&fraction[..fraction.len() - zeros]);
        out.push(b'S');
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(32);
        self.write_into(&mut text);
        f.write_str(std::str::from_utf8(&text).expect("digits are ASCII"))
    }
}

/// Adds up one half of an ISO 8601 duration: numbers with units, each unit at most once and
/// in order.
/// Whether a text is a duration as `format: duration` of JSON Schema wants it (RFC 3339 appendix A):
/// `P1Y2M3D`, `PT1H30M`, `P2W`. Numbers are whole; as in ISO 8601, any part may be left out.
///
/// Unlike a [`Duration`] it may count years and months, which have no fixed length.
pub fn is_iso_duration(text: &str) -> bool {
    let Some(body) = text.strip_prefix('P').filter(|body| !body.is_empty()) else {
        return false;
    };
    if body.ends_with('W') {
        return are_whole_parts(body, "W");
    }
    match body.split_once('T') {
        Some((_, "")) => false,
        Some((days, times)) => are_whole_parts(days, "YMD") && are_whole_parts(times, "HMS"),
        None => are_whole_parts(body, "YMD"),
    }
}

/// Whether a text is made of numbers with units, each at most once and in their order.
fn are_whole_parts(mut text: &str, units: &str) -> bool {
    let mut units = units.chars();
    while !text.is_empty() {
        let (number, after) = split_digits(text);
        let mut after = after.chars();
        let fits = |unit| units.any(|known| known == unit);
        if number.is_empty() || !after.next().is_some_and(fits) {
            return false;
        }
        text = after.as_str();
    }
    true
}

fn components(text: &str, units: &[(char, i64)]) -> Result<i64, TimeError> {
    let (mut rest, mut units) = (text, units);
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let (whole, after) = split_digits(rest);
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => {
                let (fraction, after) = split_digits(after);
                (Some(fraction), after)
            }
            None => (None, after),
        };
        let mut chars = after.chars();
        let unit = chars.next().ok_or(TimeError::DurationForm)?;
        if whole.is_empty() || fraction == Some("") || (fraction.is_some() && unit != 'S') {
            return Err(TimeError::DurationForm);
        }
        let Some(at) = units.iter().position(|(name, _)| *name == unit) else {
            let of_days = units.iter().any(|(name, _)| *name == 'D');
            return Err(if of_days && matches!(unit, 'Y' | 'M') {
                TimeError::DurationCalendar
            } else {
                TimeError::DurationForm
            });
        };
        total = whole
            .parse::<i64>()
            .ok()
            .and_then(|number| number.checked_mul(units[at].1))
            .and_then(|amount| {
                let fraction = fraction.map_or(0, first_three_digits);
                amount.checked_add(i64::from(fraction))
            })
            .and_then(|amount| total.checked_add(amount))
            .ok_or(TimeError::DurationOutOfRange)?;
        units = &units[at + 1..];
        rest = chars.as_str();
    }
    Ok(total)
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

/// Milliseconds of a fraction of a second, cut off.
fn first_three_digits(fraction: &str) -> u32 {
    let mut milliseconds = 0;
    for at in 0..3 {
        let digit = fraction
            .as_bytes()
            .get(at)
            .map_or(0, |byte| u32::from(byte - b'0'));
        milliseconds = milliseconds * 10 + digit;
    }
    milliseconds
}

fn parse_date(bytes: &[u8]) -> Result<Date, TimeError> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = bytes else {
        return Err(TimeError::DateForm);
    };
    let (Some(year), Some(month), Some(day)) = (
        digits(&[*y1, *y2, *y3, *y4]),
        digits(&[*m1, *m2]),
        digits(&[*d1, *d2]),
    ) else {
        return Err(TimeError::DateForm);
    };
    if year == 0 {
        return Err(TimeError::OutOfRange);
    }
    // At most four and two digits, so nothing is cut off.
    Date::from_ymd(year as i32, month as u8, day as u8).ok_or(TimeError::NoSuchDate)
}

/// At most four digits, so that it cannot overflow.
fn digits(bytes: &[u8]) -> Option<u32> {
    bytes.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit()
            .then(|| number * 10 + u32::from(byte - b'0'))
    })
}

/// Right-aligned; the zeros are there already.
fn put_digits(text: &mut [u8], mut number: u32) {
    for byte in text.iter_mut().rev() {
        *byte = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

fn days_in_month(year: i32, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

// The two conversions count from 0000-03-01, so that the leap day is the last of its year
// and a month's first day is a straight line: (153 * m + 2) / 5 with March as 0.

/// Days from 0000-03-01 to 1970-01-01.
const EPOCH: i32 = 719_468;
/// Days in 400 years.
const ERA: i32 = 146_097;

/// Takes a valid date.
fn days_from_civil(year: i32, month: u8, day: u8) -> i32 {
    let (month, day) = (i32::from(month), i32::from(day));
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * month + 2) / 5 + day - 1;
    era * ERA + of_era * 365 + of_era / 4 - of_era / 100 + of_year - EPOCH
}

/// Takes days within [`Date::MIN`] and [`Date::MAX`].
fn civil_from_days(days: i32) -> (i32, u8, u8) {
    let days = days + EPOCH;
    let (era, of_era) = (days.div_euclid(ERA), days.rem_euclid(ERA));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (year, month) = if month < 10 {
        (year, month + 3)
    } else {
        (year + 1, month - 9)
    };
    (era * 400 + year, month as u8, day as u8)
}
