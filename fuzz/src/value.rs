//! Values of every type: what is read can be written, and what is written is read as the same.
//!
//! The first byte chooses the type, the rest is the text.

use std::sync::{Arc, LazyLock};

use ::value::json::{self, MISMATCHES_MAX};
use ::value::{IdKind, IdType, Member, ObjectType, ResourceId, Type, Value, text};

static TYPES: LazyLock<Vec<Type>> = LazyLock::new(types);

pub fn run(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    let Ok(input) = std::str::from_utf8(rest) else {
        return;
    };
    // Letters are easy to type into a seed.
    let ty = &TYPES[usize::from(first.wrapping_sub(b'a')) % TYPES.len()];
    as_text(ty, input);
    as_json(ty, input);
}

/// As in a URL or a contract.
fn as_text(ty: &Type, input: &str) {
    let value = match text::parse(ty, input) {
        Ok(value) => value,
        Err(problem) => return assert!(!problem.detail.is_empty()),
    };
    let printed = text::print(ty, &value);
    assert_eq!(
        text::parse(ty, &printed).as_ref(),
        Ok(&value),
        "{printed:?}"
    );
    // What was parsed from text has a JSON form too, which says the same.
    round_trip(ty, &value);
}

fn as_json(ty: &Type, input: &str) {
    let Ok(parsed) = serde_json::from_str::<serde_json::Value>(input) else {
        // The text of a `json` field is only stored: a number in it may be too large for any type.
        assert!(*ty == Type::Json || json::from_json_text(ty, input).is_err());
        return;
    };
    match json::read(ty, &parsed) {
        Ok(value) => {
            round_trip(ty, &value);
            if *ty != Type::Json {
                assert_eq!(json::from_json_text(ty, input).as_ref(), Ok(&value));
            }
        }
        Err(mismatches) => {
            assert!((1..=MISMATCHES_MAX).contains(&mismatches.len()));
            for mismatch in mismatches {
                // A pointer leads somewhere, or to a member that is not there.
                let parent = mismatch
                    .pointer
                    .rfind('/')
                    .map_or("", |at| &mismatch.pointer[..at]);
                assert!(parsed.pointer(parent).is_some(), "{mismatch:?}");
                assert!(!mismatch.detail.is_empty());
            }
        }
    }
    // The strict reader for bodies finds the same as the usual parser, or refuses.
    if let Ok(strict) = web::json::parse(input.as_bytes()) {
        assert_eq!(strict, parsed);
    }
}

fn round_trip(ty: &Type, value: &Value) {
    assert!(!value.is_null());
    let written = json::to_json_text(ty, value);
    let parsed: serde_json::Value = serde_json::from_str(&written)
        .unwrap_or_else(|error| panic!("{error}: {written:?} of {value:?}"));
    assert_eq!(
        json::from_json_text(ty, &written).as_ref(),
        Ok(value),
        "{written:?}"
    );
    let again = json::read(ty, &parsed).unwrap_or_else(|found| panic!("{found:?}: {written:?}"));
    // The text of a `json` field is kept as it was stored; read from a body it is written anew.
    if !matches!(ty, Type::Json) {
        assert_eq!(again, *value, "{written:?}");
    }
    assert_eq!(json::to_json_text(ty, &again), written);
    // Texts that are the same value are written in the same way.
    if !matches!(ty, Type::Json | Type::List(_) | Type::Object(_)) {
        let printed = text::print(ty, value);
        assert_eq!(text::parse(ty, &printed).as_ref(), Ok(value), "{printed:?}");
    }
}

/// One of each, and some of one another.
fn types() -> Vec<Type> {
    let id = |kind, prefix: &str| {
        Type::Id(Arc::new(IdType {
            resource: ResourceId(0),
            resource_name: "Book".into(),
            kind,
            prefix: prefix.into(),
        }))
    };
    let words = |words: &[&str]| Type::Enum(words.iter().map(|word| Box::from(*word)).collect());
    let list = |item| Type::List(Arc::new(item));
    let object = |members: &[(&str, Type, bool)]| {
        let member = |(name, ty, nullable): &(&str, Type, bool)| Member {
            name: (*name).into(),
            ty: ty.clone(),
            nullable: *nullable,
        };
        Type::Object(Arc::new(ObjectType {
            name: None,
            members: members.iter().map(member).collect(),
        }))
    };
    let point = object(&[("x", Type::Float, false), ("y", Type::Int32, true)]);
    vec![
        Type::Bool,
        Type::Int32,
        Type::Int53,
        Type::Int64,
        Type::Float,
        Type::Text,
        Type::Decimal,
        Type::Money,
        Type::Date,
        Type::Timestamp,
        Type::Duration,
        Type::Uuid,
        id(IdKind::TypeId, "book"),
        id(IdKind::Random, "book_copy"),
        id(IdKind::Uuid, ""),
        id(IdKind::Integer, ""),
        id(IdKind::Integer, "BKG-"),
        id(IdKind::Text, ""),
        words(&["draft", "in_print", "sold \"out\"", "ünïcode"]),
        Type::Json,
        list(Type::Text),
        list(Type::Money),
        list(point.clone()),
        object(&[
            ("a", Type::Text, false),
            ("b", Type::Decimal, true),
            ("point", point.clone(), true),
            ("many", list(list(Type::Date)), true),
            ("any", Type::Json, true),
        ]),
        object(&[]),
    ]
}
