use proptest::prelude::*;
use value::text::{parse, print};
use value::{Type, Value};

use crate::any::{any_type, enum_type, list, object, scalar_types, typed_scalar, typed_value};

fn check(ty: &Type, text: &str, printed: &str) {
    let value = parse(ty, text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    assert_eq!(print(ty, &value), printed, "{text}");
}

fn check_refused(ty: &Type, text: &str, expected: &str) {
    let error = parse(ty, text).expect_err(text);
    assert_eq!(error.pointer, "");
    assert_eq!(
        format!("{} {}", error.code, error.detail),
        expected,
        "{text}"
    );
}

#[test]
fn scalars_are_parsed_and_printed() {
    check(&Type::Bool, "true", "true");
    check(&Type::Bool, "false", "false");
    check(&Type::Int32, "-2147483648", "-2147483648");
    check(&Type::Int32, "-0", "0");
    check(&Type::Int53, "9007199254740991", "9007199254740991");
    check(&Type::Int64, "9223372036854775807", "9223372036854775807");
    check(&Type::Float, "2", "2.0");
    check(&Type::Float, "-0.5e-3", "-0.0005");
    check(&Type::Text, "", "");
    check(&Type::Text, "a \"b\"\n", "a \"b\"\n");
    check(&Type::Decimal, "12.50", "12.5");
    check(&Type::Money, "12.5 EUR", "12.50 EUR");
    check(&Type::Date, "2026-11-22", "2026-11-22");
    check(
        &Type::Timestamp,
        "2026-11-22T10:00:00Z",
        "2026-11-22T10:00:00.000Z",
    );
    check(&Type::Duration, "PT10M", "PT10M");
    check(&enum_type(&["a", "b"]), "a", "a");
}

#[test]
fn refusals_say_what_is_expected() {
    check_refused(&Type::Bool, "1", "invalid_format must be true or false");
    check_refused(&Type::Bool, "True", "invalid_format must be true or false");
    for text in [
        "", "abc", "+1", "1.0", "01", "-", "--1", " 1", "1e3", "٣", "0x1", "1_000",
    ] {
        check_refused(
            &Type::Int32,
            text,
            "invalid_format an integer is written with digits only, such as 42 or -7",
        );
    }
    for text in ["2147483648", "-99999999999999999999999"] {
        check_refused(
            &Type::Int32,
            text,
            "out_of_range must be between -2147483648 and 2147483647",
        );
    }
    for text in [
        "",
        "inf",
        "NaN",
        "-infinity",
        "+1",
        ".5",
        "5.",
        "1e",
        "e5",
        "01.5",
        "1e+-5",
        "0x1p3",
    ] {
        check_refused(
            &Type::Float,
            text,
            "invalid_format a number is written like 12.5 or -3",
        );
    }
    check_refused(
        &Type::Float,
        "1e999",
        "out_of_range the number is too large",
    );
    check_refused(
        &Type::Text,
        "a\0",
        "invalid_character text cannot contain the character U+0000",
    );
    check_refused(
        &Type::Decimal,
        "1e3",
        "invalid_format a decimal is written like 12.50 or -3",
    );
    check_refused(
        &Type::Money,
        "12.50",
        "invalid_format money is written like 12.50 EUR",
    );
    check_refused(
        &enum_type(&["a", "b"]),
        "",
        "not_in_enum must be one of a, b",
    );
    check_refused(
        &Type::Uuid,
        "x",
        "invalid_format a UUID is written like 01890a5d-ac96-774b-bcce-b302099a8057",
    );
}

#[test]
fn lists_objects_and_json_have_no_plain_text_to_parse() {
    for (ty, words) in [
        (list(Type::Text), "a list of strings"),
        (object(&[]), "an object"),
        (Type::Json, "JSON"),
    ] {
        check_refused(
            &ty,
            "[]",
            &format!("wrong_type {words} cannot be given as plain text"),
        );
    }
    let printed = print(&list(Type::Int64), &Value::List(vec![Value::Int(1)]));
    assert_eq!(printed, r#"["1"]"#);
    assert_eq!(print(&Type::Json, &Value::Json("{}".into())), "{}");
    assert_eq!(print(&Type::Text, &Value::Null), "");
}

proptest! {
    #[test]
    fn what_is_printed_parses((ty, value) in typed_scalar()) {
        let text = print(&ty, &value);
        prop_assert_eq!(parse(&ty, &text), Ok(value), "{}", text);
    }

    #[test]
    fn everything_prints((ty, value) in typed_value(), other in any_type()) {
        print(&ty, &value);
        print(&other, &value);
    }

    #[test]
    fn nothing_panics(text in any::<String>(), near in "[-+0-9.eETZ:a-z_ ]{0,30}") {
        for ty in scalar_types() {
            for text in [&text, &near] {
                if let Ok(value) = parse(&ty, text) {
                    prop_assert_eq!(parse(&ty, &print(&ty, &value)), Ok(value));
                }
            }
        }
    }
}
