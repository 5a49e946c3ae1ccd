use std::time::UNIX_EPOCH;

use proptest::prelude::*;
use value::time::TimeError;
use value::{Date, Duration, Timestamp};

#[test]
fn every_week_of_the_calendar_agrees_with_another_calendar() {
    let epoch = jiff::civil::date(1970, 1, 1);
    for days in (Date::MIN.0..=Date::MAX.0).step_by(7).chain([Date::MAX.0]) {
        let date = Date(days);
        let text = date.to_string();
        let other = epoch
            .checked_add(jiff::Span::new().days(days))
            .expect("the other calendar ends in 9999 too");
        assert_eq!(text, other.to_string());
        assert_eq!(Date::parse(&text), Ok(date));
    }
}

#[test]
fn a_clock_is_taken_by_its_milliseconds() {
    let day = std::time::Duration::from_secs(24 * 60 * 60);
    let millis = std::time::Duration::from_micros(1_500);
    for (clock, shown) in [
        (UNIX_EPOCH, "1970-01-01T00:00:00.000Z"),
        (UNIX_EPOCH + day + millis, "1970-01-02T00:00:00.001Z"),
        (UNIX_EPOCH - day, "1969-12-31T00:00:00.000Z"),
        (UNIX_EPOCH + day * 3_000_000, "9999-12-31T23:59:59.999Z"),
        (UNIX_EPOCH - day * 3_000_000, "0001-01-01T00:00:00.000Z"),
    ] {
        assert_eq!(Timestamp::from(clock).to_string(), shown);
    }
}

#[test]
fn dates_are_strict() {
    assert_eq!(Date::parse("1970-01-01"), Ok(Date(0)));
    assert_eq!(Date::parse("0001-01-01"), Ok(Date::MIN));
    assert_eq!(Date::parse("9999-12-31"), Ok(Date::MAX));
    assert_eq!(Date::parse("2024-02-29").map(Date::ymd), Ok((2024, 2, 29)));
    assert!(Date::parse("2000-02-29").is_ok());
    use TimeError::{DateForm, NoSuchDate, OutOfRange};
    for (text, error) in [
        ("2023-02-29", NoSuchDate),
        ("1900-02-29", NoSuchDate),
        ("2026-04-31", NoSuchDate),
        ("2026-13-01", NoSuchDate),
        ("2026-00-01", NoSuchDate),
        ("2026-01-00", NoSuchDate),
        ("0000-01-01", OutOfRange),
        ("", DateForm),
        ("2026-1-1", DateForm),
        ("2026-11-2", DateForm),
        ("20261122", DateForm),
        ("2026/11/22", DateForm),
        ("22.11.2026", DateForm),
        (" 2026-11-22", DateForm),
        ("2026-11-22 ", DateForm),
        ("2026-11-22T", DateForm),
        ("-026-11-22", DateForm),
        ("+026-11-22", DateForm),
        ("12026-11-22", DateForm),
        ("2026-11-2²", DateForm),
        ("２026-11-22", DateForm),
    ] {
        assert_eq!(Date::parse(text), Err(error), "{text:?}");
    }
}

#[test]
fn dates_are_days_of_the_calendar() {
    let date = Date::parse("2026-11-22").expect("a date");
    assert_eq!(date.midnight().to_string(), "2026-11-22T00:00:00.000Z");
    assert_eq!(Date::from_ymd(2026, 2, 30), None);
    assert_eq!(Date::from_ymd(0, 1, 1), None);
    assert_eq!(Date::from_ymd(10_000, 1, 1), None);
}

#[test]
fn instants_come_with_any_offset_and_leave_in_utc() {
    for (text, printed) in [
        ("2026-11-22T10:00:00Z", "2026-11-22T10:00:00.000Z"),
        ("2026-11-22t10:00:00z", "2026-11-22T10:00:00.000Z"),
        ("2026-11-22T10:00:00+00:00", "2026-11-22T10:00:00.000Z"),
        ("2026-11-22T10:00:00-00:00", "2026-11-22T10:00:00.000Z"),
        ("2026-11-22T10:00:00+01:30", "2026-11-22T08:30:00.000Z"),
        ("2026-11-22T23:59:59.999-00:01", "2026-11-23T00:00:59.999Z"),
        ("2026-11-22T10:00:00.1Z", "2026-11-22T10:00:00.100Z"),
        ("2026-11-22T10:00:00.12Z", "2026-11-22T10:00:00.120Z"),
        ("2026-11-22T10:00:00.123456789Z", "2026-11-22T10:00:00.123Z"),
        (
            "2026-11-22T10:00:00.999999999999999999999999Z",
            "2026-11-22T10:00:00.999Z",
        ),
        ("1969-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.999Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"),
        ("0001-01-01T23:59:00+23:59", "0001-01-01T00:00:00.000Z"),
        ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
        ("9999-12-31T00:00:59.999-23:59", "9999-12-31T23:59:59.999Z"),
    ] {
        assert_eq!(
            Timestamp::parse(text).expect(text).to_string(),
            printed,
            "{text}"
        );
    }
    assert_eq!(Timestamp::parse("1970-01-01T00:00:00Z"), Ok(Timestamp(0)));
    assert_eq!(
        Timestamp::parse("1969-12-31T23:59:59.999Z"),
        Ok(Timestamp(-1))
    );
    assert_eq!(Timestamp::parse("0001-01-01T00:00:00Z"), Ok(Timestamp::MIN));
    assert_eq!(
        Timestamp::parse("9999-12-31T23:59:59.999Z"),
        Ok(Timestamp::MAX)
    );
}

#[test]
fn other_spellings_of_instants_are_refused_with_the_reason() {
    use TimeError::{
        LeapSecond, NoSuchDate, NoSuchOffset, NoSuchTime, OffsetMissing, OutOfRange, TimestampForm,
    };
    for (text, error) in [
        ("", TimestampForm),
        ("2026-11-22", TimestampForm),
        ("2026-11-22T10:00Z", TimestampForm),
        ("2026-11-22 10:00:00Z", TimestampForm),
        ("2026-11-22T10:00:00.Z", TimestampForm),
        ("2026-11-22T10:00:00,5Z", TimestampForm),
        ("2026-11-22T10:00:00+0100", TimestampForm),
        ("2026-11-22T10:00:00+01", TimestampForm),
        ("2026-11-22T10:00:00+1:00", TimestampForm),
        ("2026-11-22T10:00:00 01:00", TimestampForm),
        ("2026-11-22T10:00:00Z ", TimestampForm),
        ("2026-11-22T10:00:00ZZ", TimestampForm),
        ("2026-11-22T1o:00:00Z", TimestampForm),
        ("2026-11-22T10:00:00€", TimestampForm),
        ("2026-11-22T10:00:0€", TimestampForm),
        ("2026/11/22T10:00:00Z", TimestampForm),
        ("2026-11-22T10:00:00", OffsetMissing),
        ("2026-11-22T10:00:00.5", OffsetMissing),
        ("2026-02-30T10:00:00Z", NoSuchDate),
        ("2026-11-22T24:00:00Z", NoSuchTime),
        ("2026-11-22T10:60:00Z", NoSuchTime),
        ("2026-11-22T10:00:61Z", NoSuchTime),
        ("2016-12-31T23:59:60Z", LeapSecond),
        ("2026-11-22T10:00:00+24:00", NoSuchOffset),
        ("2026-11-22T10:00:00+10:60", NoSuchOffset),
        ("0000-01-01T00:00:00Z", OutOfRange),
        ("0001-01-01T00:00:00+00:01", OutOfRange),
        ("9999-12-31T23:59:59-00:01", OutOfRange),
    ] {
        assert_eq!(Timestamp::parse(text), Err(error), "{text:?}");
    }
    assert_eq!(
        OffsetMissing.to_string(),
        "a date-time ends with its offset from UTC, such as Z or +01:00"
    );
}

#[test]
fn instants_and_durations_meet_within_the_range_only() {
    let ten = Timestamp::parse("2026-11-22T10:00:00Z").expect("valid");
    let minutes = Duration::parse_short("10m").expect("valid");
    assert_eq!(
        ten.checked_add(minutes).map(|t| t.to_string()).as_deref(),
        Some("2026-11-22T10:10:00.000Z")
    );
    assert_eq!(
        ten.checked_sub(minutes).map(|t| t.to_string()).as_deref(),
        Some("2026-11-22T09:50:00.000Z")
    );
    assert_eq!(
        ten.since(ten.checked_sub(minutes).expect("in range")),
        minutes
    );
    assert_eq!(ten.date().to_string(), "2026-11-22");
    assert_eq!(Timestamp::MAX.checked_add(Duration(1)), None);
    assert_eq!(Timestamp::MIN.checked_sub(Duration(1)), None);
    assert_eq!(Timestamp::MAX.checked_add(Duration(i64::MAX)), None);
    assert_eq!(Timestamp::MIN.checked_sub(Duration(i64::MAX)), None);
    assert_eq!(Timestamp::MAX.since(Timestamp::MIN), Duration::MAX);
    assert_eq!(
        Timestamp::MIN.checked_add(Duration::MAX),
        Some(Timestamp::MAX)
    );
    assert_eq!(Duration::MAX.checked_add(Duration(1)), None);
    assert_eq!(Duration::MIN.checked_sub(Duration(1)), None);
    assert_eq!(Duration(i64::MAX).checked_mul(2), None);
    assert_eq!(minutes.checked_mul(6), Some(Duration(3_600_000)));
}

#[test]
fn numbers_out_of_range_still_print() {
    assert_eq!(Date(i32::MAX).to_string(), "9999-12-31");
    assert_eq!(Date(i32::MIN).to_string(), "0001-01-01");
    assert_eq!(Timestamp(i64::MAX).to_string(), "9999-12-31T23:59:59.999Z");
    assert_eq!(Timestamp(i64::MIN).to_string(), "0001-01-01T00:00:00.000Z");
    assert_eq!(
        Timestamp(i64::MAX).since(Timestamp(i64::MIN)),
        Duration::MAX
    );
    assert_eq!(
        Duration(i64::MIN).to_string(),
        "-P106751991167DT7H12M55.808S"
    );
}

#[test]
fn durations_are_iso_8601_without_months_and_years() {
    for (text, milliseconds, printed) in [
        ("PT0S", 0, "PT0S"),
        ("P0D", 0, "PT0S"),
        ("-PT0S", 0, "PT0S"),
        ("PT10M", 600_000, "PT10M"),
        ("PT90M", 5_400_000, "PT1H30M"),
        ("P1DT2H", 93_600_000, "P1DT2H"),
        ("P2W", 1_209_600_000, "P14D"),
        ("P1W1D", 691_200_000, "P8D"),
        ("PT0.5S", 500, "PT0.5S"),
        ("PT0.0019S", 1, "PT0.001S"),
        ("PT1M0.25S", 60_250, "PT1M0.25S"),
        ("-PT10M", -600_000, "-PT10M"),
        ("PT36H", 129_600_000, "P1DT12H"),
    ] {
        let duration = Duration::parse(text).expect(text);
        assert_eq!(duration.millis(), milliseconds, "{text}");
        assert_eq!(duration.to_string(), printed, "{text}");
    }
    use TimeError::{DurationCalendar, DurationForm, DurationOutOfRange};
    for (text, error) in [
        ("", DurationForm),
        ("P", DurationForm),
        ("PT", DurationForm),
        ("P1DT", DurationForm),
        ("10M", DurationForm),
        ("pt10m", DurationForm),
        ("P10", DurationForm),
        ("PT1S1M", DurationForm),
        ("PT1M1M", DurationForm),
        ("P1H", DurationForm),
        ("PT1D", DurationForm),
        ("PT1.5M", DurationForm),
        ("PT1.S", DurationForm),
        ("PT.5S", DurationForm),
        ("PT-5S", DurationForm),
        ("PT5S ", DurationForm),
        ("--PT5S", DurationForm),
        ("+PT5S", DurationForm),
        ("PT5€", DurationForm),
        ("PT1Y", DurationForm),
        ("P1M", DurationCalendar),
        ("P1Y", DurationCalendar),
        ("P1Y2M3DT4H", DurationCalendar),
        ("P9999999D", DurationOutOfRange),
        ("PT99999999999999999999S", DurationOutOfRange),
        ("P9223372036854775807D", DurationOutOfRange),
    ] {
        assert_eq!(Duration::parse(text), Err(error), "{text:?}");
    }
}

#[test]
fn contracts_write_durations_short() {
    for (text, milliseconds) in [
        ("500ms", 500),
        ("0s", 0),
        ("45s", 45_000),
        ("10m", 600_000),
        ("24h", 86_400_000),
        ("30d", 2_592_000_000),
        ("2w", 1_209_600_000),
    ] {
        assert_eq!(
            Duration::parse_short(text),
            Ok(Duration(milliseconds)),
            "{text}"
        );
    }
    for text in [
        "", "10", "m", "-10m", "10 m", "10min", "1.5h", "1h30m", "10M", "1y", "PT10M",
    ] {
        assert_eq!(
            Duration::parse_short(text),
            Err(TimeError::ShortDurationForm),
            "{text}"
        );
    }
    for text in ["99999999999999999999s", "9223372036854775807w", "9999999d"] {
        assert_eq!(
            Duration::parse_short(text),
            Err(TimeError::DurationOutOfRange),
            "{text}"
        );
    }
}

proptest! {
    #[test]
    fn instants_survive_their_text(ms in Timestamp::MIN.0..=Timestamp::MAX.0) {
        let timestamp = Timestamp(ms);
        prop_assert_eq!(Timestamp::parse(&timestamp.to_string()), Ok(timestamp));
    }

    #[test]
    fn instants_agree_with_another_reader(
        (year, month, day) in (1..=9999, 1..=12, 1..=31),
        (hour, minute, second) in (0..=24, 0..=60, 0..=59),
        fraction in "(\\.[0-9]{1,9})?",
        offset in "Z|[+-](0[0-9]|1[0-9]|2[0-3]):[0-5][0-9]",
    ) {
        let text = format!(
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}{offset}"
        );
        let ours = Timestamp::parse(&text);
        // The other one stops a day before the year 10000 ends.
        if (2..9999).contains(&year) {
            let theirs = text.parse::<jiff::Timestamp>();
            prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{}", text);
            if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
                let floor = theirs.as_nanosecond().div_euclid(1_000_000);
                prop_assert_eq!(i128::from(ours.0), floor, "{}", text);
            }
        }
    }

    #[test]
    fn nothing_panics(text in any::<String>(), near in "[-+PT0-9:.ZtWDHMSms]{0,30}") {
        for text in [&text, &near] {
            let _ = Date::parse(text);
            let _ = Timestamp::parse(text);
            let _ = Duration::parse(text);
            let _ = Duration::parse_short(text);
        }
    }

    #[test]
    fn durations_survive_their_text(ms in Duration::MIN.0..=Duration::MAX.0) {
        let duration = Duration(ms);
        let text = duration.to_string();
        prop_assert_eq!(Duration::parse(&text), Ok(duration));
        let theirs: jiff::SignedDuration =
            jiff::Span::to_duration(&text.parse().expect("ISO 8601"), jiff::SpanRelativeTo::days_are_24_hours())
                .expect("a fixed length");
        prop_assert_eq!(theirs.as_millis(), i128::from(ms));
    }
}
