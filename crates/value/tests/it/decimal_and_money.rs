use proptest::prelude::*;
use value::currency::CODES;
use value::decimal::DecimalError;
use value::{Currency, Decimal, Money};

use crate::any::{any_currency, any_decimal};

fn decimal(text: &str) -> Decimal {
    Decimal::parse(text).expect(text)
}

fn money(text: &str) -> Money {
    Money::parse(text).expect(text)
}

#[test]
fn decimals_are_read_exactly_and_printed_without_trailing_zeros() {
    for (text, millionths, printed) in [
        ("0", 0, "0"),
        ("-0", 0, "0"),
        ("0.000000", 0, "0"),
        ("12.5", 12_500_000, "12.5"),
        ("12.50", 12_500_000, "12.5"),
        ("-12.50", -12_500_000, "-12.5"),
        ("0.000001", 1, "0.000001"),
        ("-0.000001", -1, "-0.000001"),
        ("100", 100_000_000, "100"),
        ("007.70", 7_700_000, "7.7"),
        ("0.102030", 102_030, "0.10203"),
        (
            "999999999999.999999",
            999_999_999_999_999_999,
            "999999999999.999999",
        ),
        (
            "-999999999999.999999",
            -999_999_999_999_999_999,
            "-999999999999.999999",
        ),
    ] {
        assert_eq!(decimal(text).millionths(), millionths, "{text}");
        assert_eq!(decimal(text).to_string(), printed, "{text}");
    }
    assert_eq!(decimal("999999999999.999999"), Decimal::MAX);
    assert_eq!(decimal("-999999999999.999999"), Decimal::MIN);
}

#[test]
fn anything_else_is_not_a_decimal() {
    use DecimalError::{Form, TooManyFractionDigits, TooManyIntegerDigits};
    for (text, error) in [
        ("", Form),
        ("-", Form),
        (".", Form),
        ("5.", Form),
        (".5", Form),
        ("-.5", Form),
        ("+5", Form),
        ("--5", Form),
        ("1e3", Form),
        ("1,5", Form),
        ("1.2.3", Form),
        (" 1", Form),
        ("1 ", Form),
        ("0x1", Form),
        ("NaN", Form),
        ("١٢", Form),
        ("12\0", Form),
        ("1000000000000", TooManyIntegerDigits),
        ("0000000000000", TooManyIntegerDigits),
        ("1.0000000", TooManyFractionDigits),
        ("0.1234567", TooManyFractionDigits),
    ] {
        assert_eq!(Decimal::parse(text), Err(error), "{text:?}");
    }
    assert_eq!(
        TooManyFractionDigits.to_string(),
        "a decimal has at most 6 digits after the point"
    );
}

#[test]
fn arithmetic_stops_at_the_edges() {
    let tiny = decimal("0.000001");
    assert_eq!(Decimal::MAX.checked_add(tiny), None);
    assert_eq!(Decimal::MIN.checked_sub(tiny), None);
    assert_eq!(
        Decimal::MAX.checked_sub(tiny),
        Some(decimal("999999999999.999998"))
    );
    assert_eq!(Decimal::MAX.checked_neg(), Some(Decimal::MIN));
    assert_eq!(-Decimal::MIN, Decimal::MAX);
    assert_eq!(decimal("0.5").checked_mul_int(3), Some(decimal("1.5")));
    assert_eq!(Decimal::MAX.checked_mul_int(2), None);
    assert_eq!(tiny.checked_mul_int(i64::MAX), None);
    assert_eq!(Decimal::from_millionths(1_000_000_000_000_000_000), None);
    assert_eq!(Decimal::from_millionths(i64::MIN), None);
    assert_eq!(
        Decimal::from_int(999_999_999_999),
        Some(decimal("999999999999"))
    );
    assert_eq!(Decimal::from_int(1_000_000_000_000), None);
    assert_eq!(Decimal::from_int(i64::MAX), None);
    assert_eq!(Decimal::from(i32::MIN), decimal("-2147483648"));
    assert_eq!(Decimal::MAX.checked_mul(Decimal::MAX), None);
}

#[test]
fn products_are_rounded_half_to_even() {
    for (a, b, product) in [
        ("1.5", "2.5", "3.75"),
        ("0.000001", "0.5", "0"),
        ("0.000003", "0.5", "0.000002"),
        ("0.000005", "0.5", "0.000002"),
        ("0.000005", "0.500001", "0.000003"),
        ("-0.000001", "0.5", "0"),
        ("-0.000003", "0.5", "-0.000002"),
        ("-0.000005", "0.5", "-0.000002"),
        ("999999999999.999999", "-1", "-999999999999.999999"),
    ] {
        assert_eq!(
            decimal(a).checked_mul(decimal(b)),
            Some(decimal(product)),
            "{a} * {b}"
        );
    }
}

#[test]
fn digits_are_rounded_half_to_even() {
    for (text, digits, rounded) in [
        ("12.5", 2, "12.5"),
        ("12.5", 0, "12"),
        ("13.5", 0, "14"),
        ("-12.5", 0, "-12"),
        ("-13.5", 0, "-14"),
        ("-0.4", 0, "0"),
        ("-0.004", 2, "0"),
        ("0.005", 2, "0"),
        ("0.015", 2, "0.02"),
        ("0.015001", 2, "0.02"),
        ("0.000001", 6, "0.000001"),
        ("2.345", 2, "2.34"),
        ("2.345", 9, "2.345"),
    ] {
        let found = decimal(text).round(digits);
        assert_eq!(found, Some(decimal(rounded)), "{text}");
    }
    assert_eq!(Decimal::MAX.round(2), None);
    assert_eq!(Decimal::MAX.round(0), None);
}

#[test]
fn the_currency_table_is_sorted_and_knows_its_minor_digits() {
    assert!(CODES.is_sorted_by(|a, b| a < b));
    assert_eq!(CODES.len(), 180);
    for code in CODES {
        let currency = Currency::parse(code).expect(code);
        assert_eq!(currency.as_str(), *code);
        assert!(currency.minor_digits() <= 4);
    }
    for (code, digits) in [
        ("EUR", 2),
        ("USD", 2),
        ("JPY", 0),
        ("KRW", 0),
        ("KWD", 3),
        ("TND", 3),
        ("CLF", 4),
    ] {
        assert_eq!(
            Currency::parse(code).expect(code).minor_digits(),
            digits,
            "{code}"
        );
    }
    for not_a_code in ["", "eur", "EURO", "EU", "DEM", "ZZZ", "E\0R", "€€€", "€"] {
        assert!(Currency::parse(not_a_code).is_err(), "{not_a_code}");
    }
}

#[test]
fn money_shows_at_least_its_minor_digits() {
    for (text, printed, minor) in [
        ("12.5 EUR", "12.50 EUR", Some(1250)),
        ("12.50 EUR", "12.50 EUR", Some(1250)),
        ("-0.01 EUR", "-0.01 EUR", Some(-1)),
        ("0.0125 EUR", "0.0125 EUR", None),
        ("3000 JPY", "3000 JPY", Some(3000)),
        ("0.5 JPY", "0.5 JPY", None),
        ("1 KWD", "1.000 KWD", Some(1000)),
        ("1 CLF", "1.0000 CLF", Some(10_000)),
        ("0 EUR", "0.00 EUR", Some(0)),
    ] {
        assert_eq!(money(text).to_string(), printed);
        assert_eq!(money(text).minor(), minor, "{text}");
    }
    for text in [
        "",
        "12.50",
        "12.50EUR",
        "12.50  EUR",
        "EUR 12.50",
        "12.50 eur",
        "1e2 EUR",
    ] {
        assert!(Money::parse(text).is_err(), "{text}");
    }
}

#[test]
fn money_is_added_only_within_one_currency() {
    assert_eq!(
        money("1.10 EUR").checked_add(money("2.20 EUR")),
        Some(money("3.30 EUR"))
    );
    assert_eq!(
        money("1.10 EUR").checked_sub(money("2.20 EUR")),
        Some(money("-1.10 EUR"))
    );
    assert_eq!(money("1.10 EUR").checked_add(money("2.20 USD")), None);
    assert_eq!(money("1.10 EUR").checked_sub(money("1.10 USD")), None);
    assert_eq!(money("1.10 EUR").checked_mul(3), Some(money("3.30 EUR")));
    assert_eq!(money("999999999999 EUR").checked_mul(2), None);
    let euro = money("1 EUR").currency;
    assert_eq!(Money::from_minor(1250, euro), Some(money("12.50 EUR")));
    assert_eq!(Money::from_minor(i64::MAX, euro), None);
}

proptest! {
    #[test]
    fn decimals_survive_their_text(decimal in any_decimal()) {
        prop_assert_eq!(Decimal::parse(&decimal.to_string()), Ok(decimal));
    }

    #[test]
    fn decimals_never_panic(text in "[-+.0-9e]{0,24}") {
        if let Ok(decimal) = Decimal::parse(&text) {
            prop_assert_eq!(decimal.to_f64(), text.parse::<f64>().expect("a float too"));
        }
    }

    #[test]
    fn products_are_within_half_a_millionth(a in any_decimal(), b in any_decimal()) {
        if let Some(product) = a.checked_mul(b) {
            let exact = i128::from(a.millionths()) * i128::from(b.millionths());
            let error = i128::from(product.millionths()) * 1_000_000 - exact;
            prop_assert!(error.abs() <= 500_000);
        }
    }

    #[test]
    fn money_survives_its_minor_units(minor in -99_999_999_999_i64..99_999_999_999, currency in any_currency()) {
        let money = Money::from_minor(minor, currency).expect("in range");
        prop_assert_eq!(money.minor(), Some(minor));
        prop_assert_eq!(Money::parse(&money.to_string()), Ok(money));
    }
}
