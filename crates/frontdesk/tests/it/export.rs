//! `export`: the documents as files.

use std::fs;

use serde_json::Value as Json;

use crate::support::{LIBRARY, contract, run};

#[test]
fn the_openapi_document_is_written() {
    let place = contract(LIBRARY);
    let exported = run(place.path(), &["export", "openapi"]).expect(0);
    let document: Json = serde_json::from_str(&exported.stdout).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["paths"]["/v1/books/{id}"]["get"].is_object());

    run(place.path(), &["export", "openapi", "-o", "api.json"]).expect(0);
    let written = fs::read_to_string(place.path().join("api.json")).unwrap();
    assert_eq!(serde_json::from_str::<Json>(&written).unwrap(), document);

    let yaml = run(place.path(), &["export", "openapi", ".", "--yaml"]).expect(0);
    assert!(
        yaml.stdout.starts_with("openapi: \"3.1.0\"\n"),
        "{}",
        yaml.stdout
    );
}

#[test]
fn each_audience_gets_its_own_document() {
    let private = "frontdesk: 1\nname: a\nresources:\n  Secret: {audience: private, fields: {x: string}, access: {read: public}}\n  Open: {fields: {x: string}, access: {read: public}}\n";
    let place = contract(private);
    let has_secrets = |audience: &str| {
        let exported = run(place.path(), &["export", "openapi", "--audience", audience]).expect(0);
        let document: Json = serde_json::from_str(&exported.stdout).unwrap();
        assert!(document["paths"]["/v1/opens"].is_object());
        document["paths"]["/v1/secrets"].is_object()
    };
    assert!(!has_secrets("public"));
    assert!(!has_secrets("partner"));
    assert!(has_secrets("private"));
}

#[test]
fn the_language_has_a_schema() {
    let place = contract("nothing");
    let exported = run(place.path(), &["export", "schema"]).expect(0);
    let schema: Json = serde_json::from_str(&exported.stdout).unwrap();
    assert!(schema["properties"]["resources"].is_object());
    let included = run(place.path(), &["export", "schema", "--included"]).expect(0);
    let included: Json = serde_json::from_str(&included.stdout).unwrap();
    assert_ne!(schema, included);
}

#[test]
fn a_contract_with_mistakes_has_no_document() {
    let place = contract("frontdesk: 1\n");
    let exported = run(place.path(), &["export", "openapi", "-o", "api.json"]).expect(1);
    assert!(exported.stderr.contains("E0041"), "{}", exported.stderr);
    assert!(!place.path().join("api.json").exists());
}

#[test]
fn the_name_of_the_file_says_what_it_holds() {
    let place = contract(LIBRARY);
    for name in ["api.yaml", "api.yml"] {
        run(place.path(), &["export", "openapi", "-o", name]).expect(0);
        let text = fs::read_to_string(place.path().join(name)).unwrap();
        assert!(text.starts_with("openapi:"), "{text}");
    }
}
