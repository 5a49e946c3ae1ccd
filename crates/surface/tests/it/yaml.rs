//! YAML is read back by an independent parser and must mean the same JSON.

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value, json};

use crate::support::documents;

/// What YAML 1.2's core schema makes of a text.
fn read(yaml: &str) -> Value {
    let mut events = Parser::new_from_str(yaml).map(|event| event.expect("it is YAML").0);
    let mut skip = |count: usize| (0..count).for_each(|_| drop(events.next()));
    skip(2);
    let first = events.next().unwrap();
    node(first, &mut events)
}

fn node<'e>(event: Event<'e>, events: &mut impl Iterator<Item = Event<'e>>) -> Value {
    match event {
        Event::Scalar(text, ScalarStyle::Plain, ..) => plain(&text),
        Event::Scalar(text, ..) => Value::String(text.into_owned()),
        Event::SequenceStart(..) => {
            let mut items = Vec::new();
            loop {
                match events.next().unwrap() {
                    Event::SequenceEnd => return Value::Array(items),
                    event => items.push(node(event, events)),
                }
            }
        }
        Event::MappingStart(..) => {
            let mut members = Map::new();
            loop {
                match events.next().unwrap() {
                    Event::MappingEnd => return Value::Object(members),
                    event => {
                        let Value::String(key) = node(event, events) else {
                            panic!("a key is no string")
                        };
                        let event = events.next().unwrap();
                        let value = node(event, events);
                        assert!(members.insert(key, value).is_none(), "a key stands twice");
                    }
                }
            }
        }
        other => panic!("{other:?}"),
    }
}

fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => json!(true),
        "false" | "False" | "FALSE" => json!(false),
        text => match serde_json::from_str(text) {
            Ok(number @ Value::Number(_)) => number,
            _ => Value::String(text.to_owned()),
        },
    }
}

#[track_caller]
fn check(json: Value) {
    let yaml = surface::yaml::write(&json);
    assert!(yaml.ends_with('\n'), "{yaml}");
    assert_eq!(read(&yaml), json, "{yaml}");
}

#[test]
fn documents_mean_the_same() {
    for (_, document) in documents() {
        check(document);
    }
}

#[test]
fn scalars_keep_their_type() {
    for text in [
        "",
        " ",
        "a",
        "a b",
        " a",
        "a ",
        "null",
        "Null",
        "~",
        "true",
        "no",
        "No",
        "y",
        "N",
        "on",
        "OFF",
        "0",
        "1.5",
        "1e3",
        "0x1f",
        "0o7",
        "1_000",
        ".5",
        "+1",
        "-1",
        "-",
        "- a",
        "?",
        "? a",
        ":",
        "a: b",
        "a:",
        "a #b",
        "#a",
        "&a",
        "*a",
        "!a",
        "|",
        ">",
        "%a",
        "@a",
        "`a`",
        "{a}",
        "[a]",
        "a, b",
        "'a'",
        "\"a\"",
        "\\",
        "a\\nb",
        "=",
        "<<",
        "2026-11-22",
        "12:30",
        "---",
        "...",
        "a\tb",
        "\ta",
        "a\u{0}b",
        "a\u{7f}b",
        "a\u{85}b",
        "a\u{a0}b",
        "a\u{2028}b",
        "\u{feff}a",
        "é",
        "日本語",
        "😀",
        "\u{10ffff}",
        "/v1/books/{id}",
        "$ref",
        "#/components/x",
        ".inf",
        ".nan",
        "/a",
        "yes please",
    ] {
        check(json!(text));
        check(json!({"key": text}));
        check(json!({text: "value"}));
        check(json!([text, [text], {"a": text}]));
    }
}

#[test]
fn texts_of_several_lines() {
    for text in [
        "a\nb",
        "a\n\nb",
        "a\nb\n",
        "\na",
        "a\n",
        "a\n b",
        " a\nb",
        "a \nb",
        "a\n\tb",
        "a\n# b\n- c: d",
        "a\r\nb",
        "a\n\n\n  b\n\nc",
        "a\n---\nb",
        "a\n...",
        "---\na",
        "a\n ",
        "\n",
        "\n\n",
        "é\n日本語",
        "a\n\u{2028}b",
    ] {
        check(json!(text));
        check(json!({"a": {"b": text, "c": 1}}));
        check(json!([[text], {"a": [text]}, 1]));
    }
}

#[test]
fn numbers_and_empty_things() {
    for json in [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(1e16),
        json!(1.5e-9),
        json!(-1e300),
        json!(u64::MAX),
        json!(i64::MIN),
        json!([]),
        json!({}),
        json!([[]]),
        json!([{}]),
        json!({"a": []}),
        json!({"a": {}}),
        json!([[[1]], [2]]),
        json!([{"a": {"b": [1]}, "c": 2}, 3]),
    ] {
        check(json);
    }
}

#[test]
fn very_long_keys() {
    check(json!({"k".repeat(2000): 1, "b": {"é\n".repeat(900): [1, 2]}}));
}

#[test]
fn it_is_pleasant_to_read() {
    let json = json!({
        "openapi": "3.1.0",
        "info": {"title": "Book store", "description": "One.\n\nTwo: three.", "empty": {}},
        "tags": [{"name": "Books", "x": [1, 2]}, "no"],
        "200": {"$ref": "#/a/b"},
    });
    insta::assert_snapshot!(surface::yaml::write(&json), @r##"
openapi: "3.1.0"
info:
  title: Book store
  description: |-
    One.

    Two: three.
  empty: {}
tags:
  - name: Books
    x:
      - 1
      - 2
  - "no"
"200":
  $ref: "#/a/b"
"##);
}
