use std::cmp::Ordering::{self, Equal, Greater, Less};
use std::sync::Arc;

use proptest::prelude::*;
use value::{Date, Decimal, Duration, IdKind, Member, Money, ObjectType, Timestamp, Type, Value};

use crate::any::{enum_type, id_type, list, names, object, scalar_type, value_of};

fn check(a: Value, b: Value, expected: Option<Ordering>) {
    assert_eq!(a.compare(&b), expected, "{a:?} {b:?}");
    assert_eq!(
        b.compare(&a),
        expected.map(Ordering::reverse),
        "{b:?} {a:?}"
    );
}

#[test]
fn values_of_one_type_are_ordered() {
    let text = |text: &str| Value::Text(text.into());
    check(Value::Bool(false), Value::Bool(true), Some(Less));
    check(Value::Int(-1), Value::Int(1), Some(Less));
    check(Value::Float(-0.0), Value::Float(0.0), Some(Equal));
    check(text("a"), text("B"), Some(Greater));
    check(text("a"), text("ab"), Some(Less));
    // UTF-16 would say otherwise.
    check(text("\u{ffff}"), text("\u{10000}"), Some(Less));
    check(Value::Date(Date(1)), Value::Date(Date(2)), Some(Less));
    check(
        Value::Timestamp(Timestamp(-1)),
        Value::Timestamp(Timestamp(0)),
        Some(Less),
    );
    check(
        Value::Duration(Duration(2)),
        Value::Duration(Duration(1)),
        Some(Greater),
    );
    check(Value::Uuid([0; 16]), Value::Uuid([255; 16]), Some(Less));
    check(
        Value::Decimal(Decimal::MIN),
        Value::Decimal(Decimal::MAX),
        Some(Less),
    );
    let money = |text| Value::Money(Money::parse(text).expect("money"));
    check(money("9.99 EUR"), money("10 EUR"), Some(Less));
    check(money("9.99 EUR"), money("10 USD"), None);
}

#[test]
fn integers_and_floats_compare_by_their_exact_numbers() {
    check(Value::Int(2), Value::Float(2.0), Some(Equal));
    check(Value::Int(2), Value::Float(2.5), Some(Less));
    check(Value::Int(-2), Value::Float(-2.5), Some(Greater));
    check(Value::Int(0), Value::Float(-0.0), Some(Equal));
    check(
        Value::Int((1 << 53) + 1),
        Value::Float((1_i64 << 53) as f64),
        Some(Greater),
    );
    check(
        Value::Int(i64::MAX),
        Value::Float(i64::MAX as f64),
        Some(Less),
    );
    check(
        Value::Int(i64::MIN),
        Value::Float(i64::MIN as f64),
        Some(Equal),
    );
    check(Value::Int(i64::MIN), Value::Float(f64::MIN), Some(Greater));
    check(Value::Int(1), Value::Float(f64::NAN), None);
}

#[test]
fn unlike_values_nulls_and_structures_have_no_order() {
    check(Value::Null, Value::Null, None);
    check(Value::Null, Value::Int(1), None);
    check(Value::Int(1), Value::Text("1".into()), None);
    check(Value::Int(1), Value::Bool(true), None);
    check(Value::Date(Date(0)), Value::Timestamp(Timestamp(0)), None);
    check(Value::List(vec![]), Value::List(vec![]), None);
    check(Value::Object(vec![]), Value::Object(vec![]), None);
    check(Value::Json("1".into()), Value::Json("1".into()), None);
}

#[test]
fn types_have_words() {
    let id = |name| Type::Id(Arc::new(id_type(IdKind::TypeId, name, "x")));
    let named = Type::Object(Arc::new(ObjectType {
        name: Some("Address".into()),
        members: vec![Member {
            name: "city".into(),
            ty: Type::Text,
            nullable: false,
        }],
    }));
    for (ty, name, words) in [
        (Type::Bool, "boolean", "true or false"),
        (Type::Int32, "integer", "an integer"),
        (Type::Int53, "int53", "an integer"),
        (Type::Int64, "int64", "an integer"),
        (Type::Float, "number", "a number"),
        (Type::Text, "string", "a string"),
        (Type::Decimal, "decimal", "a decimal"),
        (Type::Money, "money", "money"),
        (Type::Date, "date", "a date"),
        (Type::Timestamp, "date-time", "a date-time"),
        (Type::Duration, "duration", "a duration"),
        (Type::Uuid, "uuid", "a UUID"),
        (Type::Json, "json", "JSON"),
        (id("Book"), "book id", "a book id"),
        (id("Author"), "author id", "an author id"),
        (id("User"), "user id", "a user id"),
        (id("OrderLine"), "order line id", "an order line id"),
        (enum_type(&["a", "b", "c"]), "enum", "one of a, b, c"),
        (list(Type::Text), "list of strings", "a list of strings"),
        (
            list(list(id("Book"))),
            "list of lists of book ids",
            "a list of lists of book ids",
        ),
        (list(Type::Bool), "list of booleans", "a list of booleans"),
        (list(Type::Int64), "list of integers", "a list of integers"),
        (list(Type::Money), "list of money", "a list of money"),
        (
            list(enum_type(&["a"])),
            "list of any of a",
            "a list of any of a",
        ),
        (object(&[]), "object", "an object"),
        (list(object(&[])), "list of objects", "a list of objects"),
        (named.clone(), "Address", "an Address object"),
        (
            list(named),
            "list of Address objects",
            "a list of Address objects",
        ),
    ] {
        assert_eq!(ty.name(), name);
        assert_eq!(ty.describe(), words);
    }
}

proptest! {
    #[test]
    fn order_is_total_within_a_type(
        values in scalar_type()
            .prop_filter("money has an order within one currency", |ty| *ty != Type::Money)
            .prop_flat_map(|ty| proptest::collection::vec(value_of(&ty), 2..8))
    ) {
        let mut sorted = values;
        sorted.sort_by(|a, b| a.compare(b).expect("one type"));
        for pair in sorted.windows(2) {
            prop_assert_ne!(pair[0].compare(&pair[1]), Some(Greater));
        }
        for value in &sorted {
            prop_assert_eq!(value.compare(value), Some(Equal));
        }
    }

    #[test]
    fn long_enums_are_cut_short(names in names(25)) {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let words = enum_type(&names).describe();
        prop_assert!(words.ends_with(" and 15 more"), "{}", words);
    }
}
