use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;
use value::json::{
    JSON_DEPTH_MAX, MISMATCHES_MAX, from_json_text, read, to_json_text, write, write_string,
};
use value::{IdKind, Type, Value};

use crate::any::{
    any_json, any_text, any_type, enum_type, id_type, list, object, scalar_types, typed_value,
};

fn written(ty: &Type, value: &Value) -> String {
    let mut out = Vec::new();
    write(ty, value, &mut out);
    String::from_utf8(out).expect("UTF-8")
}

/// Reads and writes again.
fn check(ty: &Type, json: serde_json::Value, expected: &str) {
    let value = read(ty, &json).unwrap_or_else(|errors| panic!("{json}: {errors:?}"));
    assert_eq!(written(ty, &value), expected, "{json}");
}

/// One line per mismatch: code, pointer, detail.
fn refused(ty: &Type, json: &serde_json::Value) -> Vec<String> {
    let errors = read(ty, json).expect_err(&json.to_string());
    assert!(!errors.is_empty());
    let line = |e: &value::json::Mismatch| format!("{} {:?} {}", e.code, e.pointer, e.detail);
    errors.iter().map(line).collect()
}

fn check_refused(ty: &Type, json: serde_json::Value, expected: &str) {
    assert_eq!(refused(ty, &json), [expected], "{json}");
}

#[test]
fn scalars_are_read_and_written() {
    check(&Type::Bool, json!(true), "true");
    check(&Type::Int32, json!(-2_147_483_648_i64), "-2147483648");
    check(&Type::Int32, json!(3.0), "3");
    check(&Type::Int32, json!(-0.0), "0");
    check(
        &Type::Int53,
        json!(9_007_199_254_740_991_i64),
        "9007199254740991",
    );
    check(&Type::Int53, json!(1e15), "1000000000000000");
    check(
        &Type::Int64,
        json!("-9223372036854775808"),
        "\"-9223372036854775808\"",
    );
    check(&Type::Int64, json!(42), "\"42\"");
    check(&Type::Int64, json!(42.0), "\"42\"");
    check(&Type::Float, json!(2), "2.0");
    check(&Type::Float, json!(2.5), "2.5");
    check(&Type::Text, json!(""), "\"\"");
    check(
        &Type::Text,
        json!("\u{1}\u{7f}\"\\/\n"),
        "\"\\u0001\u{7f}\\\"\\\\/\\n\"",
    );
    check(&Type::Decimal, json!("12.50"), "\"12.5\"");
    check(&Type::Date, json!("2026-11-22"), "\"2026-11-22\"");
    check(
        &Type::Timestamp,
        json!("2026-11-22T11:00:00+01:00"),
        "\"2026-11-22T10:00:00.000Z\"",
    );
    check(&Type::Duration, json!("PT90M"), "\"PT1H30M\"");
    check(
        &Type::Uuid,
        json!("01890A5D-AC96-774B-BCCE-B302099A8057"),
        "\"01890a5d-ac96-774b-bcce-b302099a8057\"",
    );
    check(&enum_type(&["a", "b"]), json!("b"), "\"b\"");
    check(
        &Type::Json,
        json!({"b": [1, 2.5, null], "a": "x"}),
        r#"{"b":[1,2.5,null],"a":"x"}"#,
    );
    check(&Type::Json, json!(false), "false");
}

#[test]
fn money_is_an_object_of_two_strings() {
    let money = |amount: &str, currency: &str| json!({"amount": amount, "currency": currency});
    check(
        &Type::Money,
        money("12.5", "EUR"),
        r#"{"amount":"12.50","currency":"EUR"}"#,
    );
    check(
        &Type::Money,
        money("3000", "JPY"),
        r#"{"amount":"3000","currency":"JPY"}"#,
    );
    check(
        &Type::Money,
        money("0.0125", "EUR"),
        r#"{"amount":"0.0125","currency":"EUR"}"#,
    );
    assert_eq!(
        refused(
            &Type::Money,
            &json!({"amount": 12.5, "currency": "eur", "vat": 1})
        ),
        [
            r#"wrong_type "/amount" expected a string, got a number"#,
            r#"invalid_format "/currency" a currency is an ISO 4217 code in capitals, such as EUR"#,
            r#"unknown_member "/vat" there is no such member; known are amount, currency"#,
        ]
    );
    assert_eq!(
        refused(&Type::Money, &json!({"curency": "EUR", "amount": null})),
        [
            r#"wrong_type "/amount" expected a string, got null"#,
            r#"required "/currency" money needs its currency"#,
            r#"unknown_member "/curency" there is no such member; did you mean currency?"#,
        ]
    );
    check_refused(
        &Type::Money,
        json!("12.50"),
        r#"wrong_type "" expected an object such as {"amount": "12.50", "currency": "EUR"}, got a string"#,
    );
}

#[test]
fn other_json_types_are_named() {
    check_refused(
        &Type::Text,
        json!(3),
        r#"wrong_type "" expected a string, got a number"#,
    );
    check_refused(
        &Type::Bool,
        json!("true"),
        r#"wrong_type "" expected true or false, got a string"#,
    );
    check_refused(
        &Type::Int32,
        json!("3"),
        r#"wrong_type "" expected an integer, got a string"#,
    );
    check_refused(
        &Type::Int32,
        json!(3.5),
        r#"wrong_type "" expected an integer, got 3.5"#,
    );
    check_refused(
        &Type::Int32,
        json!(true),
        r#"wrong_type "" expected an integer, got true"#,
    );
    check_refused(
        &Type::Float,
        json!([]),
        r#"wrong_type "" expected a number, got a list"#,
    );
    check_refused(
        &Type::Decimal,
        json!(12.5),
        r#"wrong_type "" expected a string such as "12.50", got a number"#,
    );
    check_refused(
        &list(Type::Text),
        json!({}),
        r#"wrong_type "" expected a list, got an object"#,
    );
    check_refused(
        &object(&[]),
        json!([]),
        r#"wrong_type "" expected an object, got a list"#,
    );
    check_refused(
        &Type::Int64,
        json!(0.5),
        r#"wrong_type "" expected an integer, got 0.5"#,
    );
}

#[test]
fn numbers_beyond_their_type_are_out_of_range() {
    let check = |ty: &Type, json: &str, detail: &str| {
        let json: serde_json::Value = serde_json::from_str(json).expect(json);
        assert_eq!(
            refused(ty, &json),
            [format!("out_of_range \"\" {detail}")],
            "{json}"
        );
    };
    for json in [
        "2147483648",
        "-2147483649",
        "18446744073709551615",
        "1e300",
        "-1e19",
    ] {
        check(
            &Type::Int32,
            json,
            "must be between -2147483648 and 2147483647",
        );
    }
    for json in [
        "9007199254740992",
        "-9007199254740992",
        "9223372036854775808",
        "9.3e18",
    ] {
        check(
            &Type::Int53,
            json,
            "must be between -9007199254740991 and 9007199254740991",
        );
        check(
            &Type::Int64,
            json,
            "a JSON number beyond 9007199254740991 may have lost digits on its way; \
             send it as a string",
        );
    }
    check(
        &Type::Int64,
        "\"9223372036854775808\"",
        "must be between -9223372036854775808 and 9223372036854775807",
    );
    check(
        &Type::Timestamp,
        "\"0001-01-01T00:00:00+01:00\"",
        "the year must be between 0001 and 9999",
    );
}

#[test]
fn null_is_a_value_of_no_type() {
    check_refused(
        &Type::Text,
        json!(null),
        r#"not_null "" must be a string, not null"#,
    );
    check_refused(
        &Type::Json,
        json!(null),
        r#"not_null "" must be JSON, not null"#,
    );
    check_refused(
        &list(Type::Date),
        json!(["2026-11-22", null]),
        r#"not_null "/1" must be a date, not null"#,
    );
    // Inside of JSON it is just JSON.
    check(&Type::Json, json!([null]), "[null]");
}

#[test]
fn everything_that_does_not_fit_is_reported_at_once() {
    let line = object(&[
        ("sku", Type::Text, false),
        ("count", Type::Int32, false),
        ("note", Type::Text, true),
    ]);
    let order = object(&[
        ("lines", list(line), false),
        ("state", enum_type(&["open", "paid"]), false),
        ("a/b~c", Type::Date, true),
    ]);
    let json = json!({
        "lines": [
            {"sku": "x", "count": 1},
            {"sku": 7, "count": "2", "note": null},
            {"count": 2.5, "nota": "?"},
            [],
        ],
        "state": "piad",
        "a/b~c": "2026-02-30",
        "zzz~/": 1,
    });
    assert_eq!(
        refused(&order, &json),
        [
            r#"wrong_type "/lines/1/sku" expected a string, got a number"#,
            r#"wrong_type "/lines/1/count" expected an integer, got a string"#,
            r#"required "/lines/2/sku" a string is required"#,
            r#"wrong_type "/lines/2/count" expected an integer, got 2.5"#,
            r#"unknown_member "/lines/2/nota" there is no such member; did you mean note?"#,
            r#"wrong_type "/lines/3" expected an object, got a list"#,
            r#"not_in_enum "/state" must be one of open, paid; did you mean paid?"#,
            r#"invalid_format "/a~1b~0c" there is no such day in the calendar"#,
            r#"unknown_member "/zzz~0~1" there is no such member; known are lines, state, a/b~c"#,
        ]
    );
}

#[test]
fn absent_and_null_members_are_null_only_when_they_may_be() {
    let ty = object(&[("a", Type::Text, true), ("b", Type::Int32, false)]);
    check(&ty, json!({"b": 1}), r#"{"a":null,"b":1}"#);
    check(&ty, json!({"b": 1, "a": null}), r#"{"a":null,"b":1}"#);
    check(&ty, json!({"b": 1, "a": "x"}), r#"{"a":"x","b":1}"#);
    check_refused(
        &ty,
        json!({"a": "x"}),
        r#"required "/b" an integer is required"#,
    );
    check_refused(
        &ty,
        json!({"a": "x", "b": null}),
        r#"not_null "/b" must be an integer, not null"#,
    );
}

#[test]
fn reports_are_bounded() {
    let many = serde_json::Value::Array(vec![json!(1); 5000]);
    assert_eq!(refused(&list(Type::Text), &many).len(), MISMATCHES_MAX);
    let members: serde_json::Map<_, _> = (0..5000).map(|n| (format!("m{n}"), json!(1))).collect();
    let many = serde_json::Value::Object(members);
    assert_eq!(refused(&object(&[]), &many).len(), MISMATCHES_MAX);
    assert_eq!(refused(&Type::Money, &many).len(), MISMATCHES_MAX);
}

#[test]
fn long_enums_are_not_listed_whole() {
    let values: Vec<String> = (0..30).map(|n| format!("value_{n}")).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    check_refused(
        &enum_type(&values),
        json!("VALUE_29"),
        "not_in_enum \"\" must be one of value_0, value_1, value_2, value_3, value_4, value_5, \
         value_6, value_7, value_8, value_9 and 20 more; did you mean value_29?",
    );
}

#[test]
fn databases_cannot_hold_u0000_so_it_is_refused_everywhere() {
    let detail = "text cannot contain the character U+0000";
    for (ty, json) in [
        (Type::Text, json!("a\0b")),
        (Type::Json, json!({"a": ["\0"]})),
        (Type::Json, json!({"\0": 1})),
    ] {
        assert_eq!(
            refused(&ty, &json),
            [format!("invalid_character \"\" {detail}")]
        );
    }
    // The letters are fine.
    check(&Type::Text, json!("\\u0000"), r#""\\u0000""#);
}

#[test]
fn json_fields_have_a_depth() {
    let nested = |depth: usize| (0..depth).fold(json!(1), |inner, _| json!([inner]));
    assert!(read(&Type::Json, &nested(JSON_DEPTH_MAX)).is_ok());
    let too_deep = nested(JSON_DEPTH_MAX + 1);
    check_refused(
        &Type::Json,
        too_deep,
        r#"too_deep "" nested more than 100 levels deep"#,
    );
}

#[test]
fn ids_in_json_follow_their_kind() {
    let id = |kind, prefix| Type::Id(Arc::new(id_type(kind, "Book", prefix)));
    let number = id(IdKind::Integer, "");
    check(&number, json!(17), "17");
    check(&number, json!(17.0), "17");
    check_refused(
        &number,
        json!("17"),
        r#"wrong_type "" expected a number, got a string"#,
    );
    for json in [
        json!(0),
        json!(-1),
        json!(1.5),
        json!(9_007_199_254_740_992_i64),
    ] {
        check_refused(
            &number,
            json,
            r#"invalid_format "" a book id is an integer from 1 to 9007199254740991"#,
        );
    }
    check(&id(IdKind::Integer, "BKG-"), json!("BKG-17"), "\"BKG-17\"");
    check_refused(
        &id(IdKind::Integer, "BKG-"),
        json!(17),
        r#"wrong_type "" expected a string, got a number"#,
    );
    check_refused(
        &id(IdKind::TypeId, "book"),
        json!("author_01h455vb4pex5vsknk084sn02q"),
        r#"invalid_format "" this is an author id; a book id is expected"#,
    );
}

#[test]
fn stored_json_keeps_its_spelling_and_broken_json_is_refused() {
    let text = r#"{"b": 1.10, "a": [12345678901234567890123]}"#;
    assert_eq!(
        from_json_text(&Type::Json, text),
        Ok(Value::Json(text.into()))
    );
    for broken in ["", "{", "[1,]", "nul", "1 2"] {
        for ty in [Type::Json, list(Type::Int32)] {
            let errors = from_json_text(&ty, broken).expect_err(broken);
            assert_eq!(errors[0].code, "invalid_format");
            assert!(errors[0].detail.starts_with("this is not JSON: "));
        }
    }
}

#[test]
fn mismatches_print_with_their_place() {
    let errors = read(&list(Type::Text), &json!([1])).expect_err("a number");
    assert_eq!(errors[0].to_string(), "/0: expected a string, got a number");
}

#[test]
fn strings_are_escaped_wherever_the_character_stands() {
    for special in [
        '"', '\\', '\n', '\u{1f}', '\u{0}', '\u{20}', '\u{7f}', 'é', '€', '𝄞',
    ] {
        for before in 0..20 {
            for after in 0..10 {
                let text = format!("{}{special}{}", "a".repeat(before), "é".repeat(after));
                let mut out = Vec::new();
                write_string(&text, &mut out);
                assert_eq!(out, serde_json::to_vec(&text).expect("a string"));
            }
        }
    }
}

#[test]
fn a_value_of_another_type_is_still_written_as_json() {
    let values = [
        Value::Null,
        Value::Int(1),
        Value::Float(f64::NAN),
        Value::Text("\"".into()),
        Value::Uuid([7; 16]),
        Value::List(vec![Value::Bool(true), Value::Int(2)]),
        Value::Object(vec![Value::Null]),
        Value::Json("[1]".into()),
    ];
    let mut types = scalar_types();
    types.push(list(Type::Int64));
    types.push(object(&[
        ("a", Type::Text, false),
        ("b", Type::Text, false),
    ]));
    for value in &values {
        for ty in &types {
            let text = written(ty, value);
            assert!(
                serde_json::from_str::<serde_json::Value>(&text).is_ok(),
                "{ty:?} {text}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn what_is_written_reads_back((ty, value) in typed_value()) {
        let text = written(&ty, &value);
        let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        prop_assert_eq!(read(&ty, &json), Ok(value.clone()), "{}", text);
        prop_assert_eq!(&to_json_text(&ty, &value), &text);
        prop_assert_eq!(from_json_text(&ty, &text), Ok(value));
    }

    #[test]
    fn floats_come_back_to_the_last_bit(number in crate::any::finite()) {
        let text = written(&Type::Float, &Value::Float(number));
        // There is one zero.
        let number = number + 0.0;
        prop_assert_eq!(&text, &serde_json::to_string(&number).expect("finite"));
        let back = from_json_text(&Type::Float, &text);
        let Ok(Value::Float(back)) = back else { panic!("{text}") };
        prop_assert_eq!(back.to_bits(), number.to_bits());
    }

    #[test]
    fn strings_are_escaped_like_elsewhere(text in any_text(), any in any::<String>()) {
        for text in [text, any] {
            let mut out = Vec::new();
            write_string(&text, &mut out);
            prop_assert_eq!(out, serde_json::to_vec(&text).expect("a string"));
        }
    }

    #[test]
    fn any_json_is_read_or_refused_with_reasons(ty in any_type(), json in any_json()) {
        match read(&ty, &json) {
            Ok(value) => {
                let text = written(&ty, &value);
                let again: serde_json::Value = serde_json::from_str(&text).expect("JSON");
                prop_assert_eq!(read(&ty, &again), Ok(value));
            }
            Err(errors) => {
                prop_assert!(!errors.is_empty());
                for error in errors {
                    // Every pointer leads somewhere, except to what is missing.
                    let found = json.pointer(&error.pointer).is_some();
                    prop_assert_eq!(found, error.code != "required", "{:?}", error);
                }
            }
        }
    }
}
