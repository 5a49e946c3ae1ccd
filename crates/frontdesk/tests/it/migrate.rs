//! `migrate`: shown before it is done, and nothing is lost unasked.

use frontdesk::store::Driver as _;
use serde_json::{Value as Json, json};
use store_sqlite::{Options, SqliteDriver};

use crate::support::{LIBRARY, contract, folder, on_sqlite, run, serve, write};

fn plan(place: &std::path::Path) -> Json {
    serde_json::from_str(&run(place, &["migrate", "plan", "--json"]).expect(0).stdout).unwrap()
}

#[test]
fn the_first_migration_makes_the_tables() {
    let place = contract(LIBRARY);
    let planned = run(place.path(), &["migrate", "plan"]).expect(0);
    assert!(
        planned.stdout.contains("CREATE TABLE \"book\""),
        "{}",
        planned.stdout
    );
    assert!(
        planned.stdout.contains("`frontdesk migrate apply` does it"),
        "{}",
        planned.stdout
    );
    assert!(!plan(place.path())["steps"].as_array().unwrap().is_empty());
    run(place.path(), &["migrate", "apply"]).expect(0);
    assert_eq!(plan(place.path())["steps"], json!([]));
    let again = run(place.path(), &["migrate", "apply"]).expect(0);
    assert!(again.stdout.contains("the tables fit"), "{}", again.stdout);
}

#[test]
fn what_is_kept_is_asked_for() {
    let place = contract(LIBRARY);
    run(place.path(), &["migrate", "apply"]).expect(0);
    let without = LIBRARY.replace(
        "      title: {type: string, maxLength: 100}\n",
        "      name?: string\n",
    );
    write(place.path(), "frontdesk.yaml", &without);
    for command in ["plan", "apply"] {
        let refused = run(place.path(), &["migrate", command]).expect(1);
        assert!(
            refused.stderr.contains("title") && refused.stderr.contains("was:"),
            "{}",
            refused.stderr
        );
        let refused = run(place.path(), &["migrate", command, "--json"]).expect(1);
        let refused: Json = serde_json::from_str(&refused.stdout).unwrap();
        assert_eq!(refused["ok"], false);
        assert!(
            !refused["refusals"][0]["mend"]
                .as_array()
                .unwrap()
                .is_empty()
        );
    }
}

#[test]
fn losing_data_needs_permission() {
    let place = contract(LIBRARY);
    run(place.path(), &["migrate", "apply"]).expect(0);
    let removed = LIBRARY
        .replace("      title: {type: string, maxLength: 100}\n", "")
        .replace("  Book:\n", "  Book:\n    removed: [title]\n");
    write(place.path(), "frontdesk.yaml", &removed);
    let planned = run(place.path(), &["migrate", "plan"]).expect(0);
    assert!(planned.stdout.contains("loses"), "{}", planned.stdout);
    assert!(
        planned.stdout.contains("--allow-data-loss"),
        "{}",
        planned.stdout
    );
    let refused = run(place.path(), &["migrate", "apply"]).expect(1);
    assert!(
        refused.stderr.contains("--allow-data-loss"),
        "{}",
        refused.stderr
    );
    assert!(!plan(place.path())["steps"].as_array().unwrap().is_empty());
    run(place.path(), &["migrate", "apply", "--allow-data-loss"]).expect(0);
    assert_eq!(plan(place.path())["steps"], json!([]));
}

#[test]
fn a_renamed_field_keeps_its_data() {
    let notes = "frontdesk: 1\nname: n\nresources:\n  Note:\n    fields: {text: string}\n    access: {read: public, write: signed_in}\n";
    let place = contract(notes);
    {
        let process = serve(place.path(), &[]);
        let made = run(place.path(), &["key", "create", "a", "--admin"]).expect(0);
        let admin = process.client().with_key(made.stdout.trim());
        admin
            .post("/v1/notes", &json!({"text": "kept"}))
            .expect(201);
    }
    write(
        place.path(),
        "frontdesk.yaml",
        &notes.replace("text: string", "body: {type: string, was: text}"),
    );
    let process = serve(place.path(), &[]);
    assert_eq!(process.client().get("/v1/notes").items()[0]["body"], "kept");
}

#[test]
fn tables_of_a_newer_release_are_left_alone() {
    if !crate::support::on_sqlite() {
        return;
    }
    let place = contract(LIBRARY);
    run(place.path(), &["migrate", "apply"]).expect(0);
    crate::support::newer_release(place.path());
    for command in [&["migrate", "apply"][..], &["serve"], &["key", "list"]] {
        let refused = run(place.path(), command).expect(1).stderr;
        assert!(
            refused.contains("belongs to a newer frontdesk"),
            "{refused}"
        );
        assert!(refused.contains("restore a backup"), "{refused}");
        assert!(!refused.contains("damaged"), "{refused}");
    }
}

const TWO: &str = "\
frontdesk: 1
name: shop
resources:
  Order: {fields: {buyer: {type: string, maxLength: 9}}, access: {read: public}}
  Item: {fields: {weight: integer, size: integer}, access: {read: public}}
";

#[test]
fn what_may_be_renamed_is_asked_about_by_what_it_has_in_common() {
    let place = folder(&[("my shop/frontdesk.yaml", TWO)]);
    run(place.path(), &["migrate", "apply", "my shop"]).expect(0);
    let renamed = "\
frontdesk: 1
name: shop
resources:
  Ware: {fields: {weight: integer, size: integer}, access: {read: public}}
  Bought: {fields: {buyer: {type: string, maxLength: 9}}, access: {read: public}}
";
    write(place.path(), "my shop/frontdesk.yaml", renamed);
    let planned = run(place.path(), &["migrate", "plan", "my shop"]).expect(0);
    for part in [
        "if `Bought` is its new name, write `was: Order`",
        "if `Ware` is its new name, write `was: Item`",
        // Nobody loses what is not there.
        "`frontdesk migrate apply 'my shop'` does it",
    ] {
        assert!(
            planned.stdout.contains(part),
            "{part} in {}",
            planned.stdout
        );
    }
    run(place.path(), &["migrate", "apply", "my shop"]).expect(0);
}

#[test]
fn what_fails_on_the_way_is_told_and_nothing_else() {
    if !on_sqlite() {
        return;
    }
    let place = contract(LIBRARY);
    let data = place.path().join(".frontdesk");
    std::fs::create_dir(&data).unwrap();
    // Made by somebody else.
    let driver = SqliteDriver::open(&data.join("frontdesk.db"), Options::default()).unwrap();
    let script = ["CREATE TABLE \"book\" (\"x\" INTEGER)".to_owned()];
    testdb::wait(driver.migrate(&script)).unwrap();
    drop(driver);
    let failed = run(place.path(), &["migrate", "apply", "--json"]).expect(1);
    assert_eq!(failed.stdout, "");
    assert!(failed.stderr.contains("already exists"), "{failed:?}");
}
