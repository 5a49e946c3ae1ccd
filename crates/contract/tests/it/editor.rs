//! The JSON Schema that editors use: it agrees with the compiler about keys and kinds.

use std::fs;
use std::path::Path;

use contract::Part;
use contract::schema::json_schema;
use diag::{Diagnostics, Severity, Sources};
use serde_json::Value;

use crate::support::compile_one;

fn validator(part: Part) -> jsonschema::Validator {
    let schema = json_schema(part);
    assert!(
        jsonschema::meta::is_valid(&schema),
        "the schema is itself a schema"
    );
    jsonschema::validator_for(&schema).expect("a schema")
}

/// The JSON that a contract is equal to.
fn json(text: &str) -> Option<Value> {
    fn plain(node: &contract::yaml::Node) -> Value {
        use contract::yaml::Kind;
        match &node.kind {
            Kind::Null => Value::Null,
            Kind::Bool(value) => (*value).into(),
            Kind::Int(value) => (*value).into(),
            Kind::Float(value) => (*value).into(),
            Kind::String(value) => value.as_str().into(),
            Kind::List(items) => items.iter().map(plain).collect(),
            Kind::Map(entries) => entries
                .iter()
                .map(|entry| (entry.key.value.clone(), plain(&entry.value)))
                .collect(),
        }
    }
    let mut sources = Sources::new();
    let file = sources.add("contract.yaml", text.to_owned());
    let mut found = Diagnostics::new();
    let tree = contract::yaml::parse(file, text, &mut found)?;
    (!found.has_errors()).then(|| plain(&tree))
}

#[test]
fn what_compiles_is_right_for_editors_too() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let validator = validator(Part::Main);
    let mut tried = 0;
    let folders = [here.join("tests/ok"), here.join("../../examples/bookstore")];
    for entry in folders
        .iter()
        .flat_map(|folder| fs::read_dir(folder).expect("a folder"))
    {
        let path = entry.expect("readable").path();
        if path.extension().is_none_or(|end| end != "yaml") {
            continue;
        }
        let value = json(&fs::read_to_string(&path).expect("text")).expect("YAML");
        let wrong: Vec<String> = validator
            .iter_errors(&value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(wrong.is_empty(), "{}: {wrong:?}", path.display());
        tried += 1;
    }
    assert_eq!(tried, 6);
}

#[test]
fn keys_and_kinds_that_are_wrong_are_wrong_for_editors_too() {
    let validator = validator(Part::Main);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wrong");
    let mut agreed = 0;
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("readable").path();
        if path.extension().is_none_or(|end| end != "yaml") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("text");
        let Some(value) = json(&text) else { continue };
        // What is about keys and kinds; names and meaning an editor cannot know.
        let structural = compile_one(&text)
            .codes(Severity::Error)
            .iter()
            .any(|code| {
                matches!(
                    *code,
                    "E0040" | "E0041" | "E0042" | "E0043" | "E0044" | "E0049"
                )
            });
        if structural {
            assert!(
                !validator.is_valid(&value),
                "{} is right for editors",
                path.display()
            );
            agreed += 1;
        }
    }
    assert!(agreed >= 60, "{agreed} wrong contracts");
}

/// The keys of every object in the schema, with what is said about them.
fn keys<'v>(value: &'v Value, found: &mut Vec<(&'v String, &'v Value)>) {
    match value {
        Value::Object(map) => {
            // A map of keys has keys called `type` and `properties` itself; those are no words.
            if map.get("type").is_some_and(|kind| kind == "object")
                && let Some(Value::Object(properties)) = map.get("properties")
            {
                found.extend(properties);
            }
            map.values().for_each(|value| keys(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| keys(value, found)),
        _ => {}
    }
}

#[test]
fn editors_show_a_sentence_about_every_key() {
    let schema = json_schema(Part::Main);
    let mut all = vec![];
    keys(&schema, &mut all);
    for (key, value) in &all {
        let said = value
            .get("description")
            .and_then(Value::as_str)
            .unwrap_or_default();
        assert!(said.ends_with('.'), "`{key}` has no sentence: {said:?}");
    }
    assert!(all.len() > 100, "{} keys", all.len());
}

#[test]
fn every_key_that_editors_offer_is_read_by_the_compiler() {
    // Each key is written once, where it belongs, in a contract that compiles; together they
    // are all there are.
    let text = include_str!("../ok/everything.yaml");
    let value = json(text).expect("YAML");
    let schema = json_schema(Part::Main);
    let mut written = std::collections::BTreeSet::new();
    fn collect(value: &Value, written: &mut std::collections::BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    written.insert(key.clone());
                    collect(value, written);
                }
            }
            Value::Array(items) => items.iter().for_each(|value| collect(value, written)),
            _ => {}
        }
    }
    collect(&value, &mut written);
    let mut offered = vec![];
    keys(&schema, &mut offered);
    let untried: Vec<&String> = offered
        .into_iter()
        .map(|(key, _)| key)
        .filter(|key| !written.contains(*key) && *key != "include")
        .collect();
    assert!(untried.is_empty(), "never tried: {untried:?}");
}

#[test]
fn included_files_have_a_schema_of_their_own() {
    let validator = validator(Part::Included);
    let part = json("rules: {staff: user.role == 'staff'}\n").expect("YAML");
    assert!(validator.is_valid(&part));
    let main = json("frontdesk: 1\nname: shop\n").expect("YAML");
    assert!(!validator.is_valid(&main));
}
