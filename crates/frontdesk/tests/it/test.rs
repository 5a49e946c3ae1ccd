//! `test`: the contract's own tests, and what failing ones say.

use serde_json::Value as Json;

use crate::support::{contract, folder, run};

fn with_tests(tests: &str) -> String {
    format!(
        "\
frontdesk: 1
name: lists
rules:
  staff: user.role == 'staff'
resources:
  List:
    fields: {{title: string, owner: string}}
    rules: {{mine: this.owner == user.id}}
    access: {{read: mine || staff, create: signed_in, update: mine}}
  Task:
    id: integer
    fields:
      list: List
      text: {{type: string, minLength: 1}}
      code: {{type: string, pattern: '^[A-Z]{{3}}$', unique: true}}
      done: {{type: boolean, default: false, access: {{write: staff}}}}
    access: {{read: this.list.mine, create: signed_in, update: this.list.mine}}
    tests:
{tests}"
    )
}

const SEED: &str =
    "{\"id\": \"list_01h455vb4pex5vsknk084sn02q\", \"title\": \"Home\", \"owner\": \"ann\"}\n";

fn outcome(tests: &str) -> Vec<(bool, String)> {
    let place = folder(&[
        ("frontdesk.yaml", &with_tests(tests)),
        ("seed/lists.ndjson", SEED),
    ]);
    let run = run(place.path(), &["test", "--json"]);
    let result: Json = serde_json::from_str(&run.stdout)
        .unwrap_or_else(|_| panic!("{}\n{}", run.stdout, run.stderr));
    let tests = result["tests"].as_array().unwrap();
    assert_eq!(run.code == 0, tests.iter().all(|test| test["ok"] == true));
    tests
        .iter()
        .map(|test| {
            let failure = test["failure"].as_str().unwrap_or_default().to_owned();
            (test["ok"] == true, failure)
        })
        .collect()
}

#[track_caller]
fn check(test: &str, expected: Option<&str>) {
    let outcomes = outcome(&format!("      - {{{test}}}\n"));
    match expected {
        None => assert_eq!(outcomes, [(true, String::new())], "{test}"),
        Some(part) => {
            assert!(!outcomes[0].0, "{test} should fail");
            assert!(outcomes[0].1.contains(part), "{}", outcomes[0].1);
        }
    }
}

const HERS: &str = "record: {list_id: list_01h455vb4pex5vsknk084sn02q}";

#[test]
fn outcomes_are_told_apart() {
    let ann = "as: {user: {id: ann}}";
    let bob = "as: {user: {id: bob}}";
    for (test, expected) in [
        (format!("{ann}, action: get, {HERS}, expect: allowed"), None),
        (format!("{bob}, action: get, {HERS}, expect: hidden"), None),
        (
            format!("{ann}, action: list, {HERS}, expect: allowed"),
            None,
        ),
        (format!("{bob}, action: list, {HERS}, expect: hidden"), None),
        (
            format!("{ann}, action: update, {HERS}, input: {{text: x}}, expect: allowed"),
            None,
        ),
        (
            format!("{bob}, action: update, {HERS}, input: {{text: x}}, expect: hidden"),
            None,
        ),
        (
            format!("{ann}, action: replace, {HERS}, expect: allowed"),
            None,
        ),
        (
            format!(
                "{ann}, action: update, {HERS}, input: {{done: true}}, expect: refused by staff"
            ),
            None,
        ),
        (
            format!("{ann}, action: delete, {HERS}, expect: refused"),
            None,
        ),
        (
            "as: guest, action: create, expect: refused by signed_in".to_owned(),
            None,
        ),
        (format!("{ann}, action: create, expect: allowed"), None),
        (
            format!("{ann}, action: get, {HERS}, expect: hidden"),
            Some("allowed by `this.list.mine`"),
        ),
        (
            format!("{bob}, action: get, {HERS}, expect: allowed"),
            Some("hidden by `this.list.mine`"),
        ),
        (
            format!("{ann}, action: create, expect: refused"),
            Some("allowed by `signed_in`"),
        ),
        (
            "as: {user: {role: staff}}, action: create, expect: allowed".to_owned(),
            None,
        ),
        (
            format!("{ann}, action: delete, {HERS}, expect: allowed"),
            Some("refused by `nobody`"),
        ),
    ] {
        check(&test, expected);
    }
}

#[test]
fn what_makes_asking_again_safe_is_not_asked_for() {
    let test = "as: {user: {id: ann}}, action: create, expect: allowed";
    let tests = with_tests(&format!("      - {{{test}}}\n"));
    let tests = tests.replace(
        "    id: integer\n",
        "    id: integer\n    idempotency: required\n",
    );
    let place = contract(&tests);
    run(place.path(), &["test"]).expect(0);
}

#[test]
fn failures_show_place_rule_and_reason() {
    let tests =
        format!("      - {{as: {{user: {{id: bob}}}}, action: get, {HERS}, expect: allowed}}\n");
    let place = folder(&[
        ("api/frontdesk.yaml", &with_tests(&tests)),
        ("api/seed/lists.ndjson", SEED),
    ]);
    let tested = run(place.path(), &["test", "api"]).expect(1);
    for part in [
        "✗ Task · get as user bob: allowed",
        "api/frontdesk.yaml:19",
        "hidden by `this.list.mine`",
        "this.owner is 'ann'",
        "1 test, 1 failed",
    ] {
        assert!(tested.stdout.contains(part), "{part} in\n{}", tested.stdout);
    }
}

#[test]
fn no_tests_are_no_failure_and_leave_no_data() {
    let place = contract(crate::support::LIBRARY);
    let tested = run(place.path(), &["test"]).expect(0);
    assert!(tested.stdout.contains("no tests"), "{}", tested.stdout);
    assert!(!place.path().join(".frontdesk").exists());
}

#[test]
fn what_is_made_up_is_nothing_that_a_seed_has() {
    let place = folder(&[
        (
            "frontdesk.yaml",
            "\
frontdesk: 1
name: made
resources:
  List:
    fields: {title: {type: string, unique: true}, rank: {type: integer, unique: true}}
    access: {read: public, create: signed_in}
    tests:
      - {action: get, record: {title: Mine}, expect: allowed}
      - {action: get, expect: allowed}
      - {as: {user: {id: ann}}, action: create, expect: allowed}
      - {action: get, record: {id: list_01h455vb4pex5vsknk084sn02q}, expect: allowed}
  Label:
    id: string
    key: [owner, name]
    fields: {owner: string, name: string, mail: {type: string, format: email, unique: true}}
    access: {read: public, create: signed_in}
    tests:
      - {action: get, expect: allowed}
      - {as: {user: {id: ann}}, action: create, expect: allowed}
",
        ),
        (
            "seed/lists.ndjson",
            "{\"id\": \"list_01h455vb4pex5vsknk084sn02q\", \"title\": \"A good title\", \"rank\": 1}\n",
        ),
        (
            "seed/labels.ndjson",
            "{\"id\": \"example\", \"owner\": \"Owner\", \"name\": \"Ada Lovelace\", \"mail\": \"ada@example.com\"}\n",
        ),
    ]);
    let tested = run(place.path(), &["test"]).expect(0);
    assert!(
        tested.stdout.contains("6 tests, all well"),
        "{}",
        tested.stdout
    );
}
