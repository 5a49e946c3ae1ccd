//! Examples are what people copy: every one must fit its schema.

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::support::{documents, walk};

/// A validator for the schema at `pointer`, with the whole document at hand for references.
#[track_caller]
fn validator(document: &Value, pointer: &str) -> Validator {
    let mut schema = document.clone();
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["$ref"] = json!(format!("#{pointer}"));
    jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap_or_else(|error| panic!("{pointer}: {error}"))
}

#[test]
fn every_example_fits_its_schema() {
    for (name, document) in documents() {
        let mut seen = 0;
        let mut check = |schema: &str, example: &Value| {
            let errors: Vec<String> = validator(&document, schema)
                .iter_errors(example)
                .map(|error| format!("{} at {}", error, error.instance_path()))
                .collect();
            assert!(
                errors.is_empty(),
                "{name}: {schema}: {example}: {errors:#?}"
            );
            seen += 1;
        };
        walk(&document, "", &mut |pointer, value| {
            // `examples` beside `type` or `properties` is JSON Schema's; a field may be called so.
            if let (Some(schema), Value::Array(examples)) =
                (pointer.strip_suffix("/examples"), value)
                && !schema.ends_with("/properties")
            {
                examples.iter().for_each(|example| check(schema, example));
            }
            if let Some(holder) = pointer.strip_suffix("/example")
                && document.pointer(&format!("{holder}/schema")).is_some()
            {
                check(&format!("{holder}/schema"), value);
            }
            if let Some(schema) = pointer.strip_suffix("/default")
                && !schema.ends_with("/properties")
            {
                check(schema, value);
            }
        });
        assert!(seen > 20, "{name}: {seen}");
    }
}

#[test]
fn bodies_have_examples() {
    for (name, document) in documents() {
        for schema in document["components"]["schemas"].as_object().unwrap() {
            let (component, schema) = schema;
            if component.ends_with("Create")
                || component.ends_with("Patch")
                || component.ends_with("Replace")
            {
                let is_type = component == "AddressPatch";
                assert!(
                    is_type || schema.get("examples").is_some(),
                    "{name}: {component}"
                );
            }
        }
    }
}

#[test]
fn bodies_are_judged_as_the_server_judges_them() {
    let document = crate::support::describe(crate::support::bookstore(), model::Audience::Public);
    let check = |component: &str, body: Value, good: bool| {
        let validator = validator(&document, &format!("/components/schemas/{component}"));
        assert_eq!(validator.is_valid(&body), good, "{component}: {body}");
    };
    let book = || json!({"title": "Dune", "price": 1500, "currency": "JPY"});
    let with = |name: &str, value: Value| {
        let mut body = book();
        body[name] = value;
        body
    };
    check("BookCreate", book(), true);
    check("BookCreate", with("author_id", json!(7)), true);
    check("BookCreate", with("author_id", json!(null)), true);
    check("BookCreate", with("author_id", json!("7")), false);
    check("BookCreate", with("author_id", json!(0)), false);
    check("BookCreate", with("title", json!("")), false);
    check("BookCreate", with("title", json!("a\u{0}b")), false);
    check("BookCreate", with("title", json!("x".repeat(301))), false);
    check("BookCreate", with("price", json!(3.0)), true);
    check("BookCreate", with("price", json!(-1)), false);
    check("BookCreate", with("price", json!(2_147_483_648_u32)), false);
    check("BookCreate", with("isbn", json!("9781449373320")), true);
    check("BookCreate", with("isbn", json!("1781449373320")), false);
    check("BookCreate", with("published", json!("2026-11-22")), true);
    check("BookCreate", with("published", json!("22.11.2026")), false);
    check("BookCreate", with("id", json!(1)), false);
    check("BookCreate", with("rating", json!(1)), false);
    check("BookCreate", with("colour", json!("red")), false);
    check("BookCreate", json!({"title": "Dune", "price": 1500}), false);
    check("BookPatch", json!({}), true);
    check("BookPatch", json!({"isbn": null}), true);
    check("BookPatch", json!({"title": null}), false);
    check("AuthorBooksCreate", book(), true);
    check("AuthorBooksCreate", with("author_id", json!(7)), false);
    let patch = |op: &str, path: &str| json!([{"op": op, "path": path, "value": "Dune"}]);
    check("BookJsonPatch", patch("replace", "/title"), true);
    check("BookJsonPatch", patch("add", "/title"), true);
    check("BookJsonPatch", patch("test", "/title"), true);
    check("BookJsonPatch", patch("replace", "/price"), false);
    check("BookJsonPatch", patch("replace", "/id"), false);
    check("BookJsonPatch", patch("remove", "/title"), false);
    check("BookJsonPatch", patch("remove", "/isbn"), true);
    check("BookJsonPatch", json!({}), false);
}
