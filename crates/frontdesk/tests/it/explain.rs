//! `explain`: tables, decisions, codes.

use serde_json::{Value as Json, json};

use crate::support::{LIBRARY, contract, folder, run, serve};

#[test]
fn the_table_says_who_can_do_what() {
    let place = folder(&[("api/frontdesk.yaml", LIBRARY)]);
    let whole = run(place.path(), &["explain", "api"]).expect(0);
    assert!(
        whole.stdout.contains("Author") && whole.stdout.contains("Book"),
        "{}",
        whole.stdout
    );
    let one = run(place.path(), &["explain", "api", "books"]).expect(0);
    assert!(
        !one.stdout.contains("Author") && one.stdout.contains("Book"),
        "{}",
        one.stdout
    );
    let data = run(place.path(), &["explain", "--dir", "api", "Book", "--json"]).expect(0);
    let data: Json = serde_json::from_str(&data.stdout).unwrap();
    assert_eq!(data[0]["actions"]["delete"], "mine || staff");
}

fn answer(place: &std::path::Path, arguments: &[&str]) -> Json {
    let mut all = vec!["explain", "--json"];
    all.extend(arguments);
    serde_json::from_str(&run(place, &all).expect(0).stdout).unwrap()
}

#[test]
fn decisions_depend_on_the_caller() {
    let place = contract(LIBRARY);
    for (arguments, expected) in [
        (&["Book", "list"][..], "allowed"),
        (&["Book", "create"], "refused"),
        (&["Book", "create", "--as", "user=ann"], "allowed"),
        (&["Book", "update", "--as", "user=ann"], "depends"),
        (&["Book", "update", "--as", "guest"], "refused"),
        (&["Book", "update", "--as", "admin"], "allowed"),
        (
            &["Author", "delete", "--as", "user=7,role=staff"],
            "allowed",
        ),
        (
            &["Author", "delete", "--as", "user=7,role=reader"],
            "refused",
        ),
    ] {
        assert_eq!(
            answer(place.path(), arguments)["answer"],
            expected,
            "{arguments:?}"
        );
    }
}

#[test]
fn the_sql_is_the_one_that_asks() {
    let place = contract(LIBRARY);
    let list = answer(place.path(), &["Book", "list"]);
    assert!(
        list["sql"]
            .as_str()
            .unwrap()
            .starts_with("SELECT t0.\"_version\", t0.\"id\", t0.\"title\""),
        "{list}"
    );
    let update = answer(place.path(), &["Book", "update", "--as", "user=ann"]);
    let sql = update["sql"].as_str().unwrap();
    assert!(sql.contains("\"owner\"") && !sql.contains("ann"), "{sql}");
    assert_eq!(update["scope"], "books.write");
}

#[test]
fn a_record_shows_why() {
    let place = contract(LIBRARY);
    let process = serve(place.path(), &[]);
    let key = |name: &str| {
        let arguments = [
            "key",
            "create",
            name,
            "--scope",
            "books.write",
            "--user",
            name,
            "--json",
        ];
        let made: Json =
            serde_json::from_str(&run(place.path(), &arguments).expect(0).stdout).unwrap();
        made["key"].as_str().unwrap().to_owned()
    };
    let ann = process.client().with_key(&key("ann"));
    let book = ann
        .post("/v1/books", &json!({"title": "Dune"}))
        .expect(201)
        .json();
    let id = book["id"].to_string();
    let hers = answer(
        place.path(),
        &["Book", "update", "--as", "user=ann", "--record", &id],
    );
    assert_eq!(hers["answer"], "allowed");
    let his = answer(
        place.path(),
        &["Book", "update", "--as", "user=bob", "--record", &id],
    );
    assert_eq!(his["answer"], "refused");
    let why = his["why"].as_str().unwrap();
    assert!(
        why.contains("mine") && why.contains("'ann'") && why.contains("'bob'"),
        "{why}"
    );

    let text = run(
        place.path(),
        &[
            "explain", "Book", "update", "--as", "user=bob", "--record", &id,
        ],
    );
    assert!(text.expect(0).stdout.contains("refused"));
    let none = run(
        place.path(),
        &["explain", "Book", "update", "--record", "99"],
    )
    .expect(1);
    assert!(
        none.stderr.contains("there is no Book `99`"),
        "{}",
        none.stderr
    );
}

#[test]
fn codes_are_explained_without_a_contract() {
    let place = folder(&[]);
    for code in ["E0040", "e0040", "W0401", "E0312"] {
        let explained = run(place.path(), &["explain", code]).expect(0);
        assert!(explained.stdout.len() > 100, "{}", explained.stdout);
    }
    run(place.path(), &["explain", "E9999"]).expect(1);
}

#[test]
fn misspelt_names_get_a_suggestion() {
    let place = contract(LIBRARY);
    let wrong = run(place.path(), &["explain", "Bok"]).expect(1);
    assert!(
        wrong.stderr.contains("did you mean `Book`?"),
        "{}",
        wrong.stderr
    );
    run(place.path(), &["explain", "Book", "read"]).expect(2);
}
