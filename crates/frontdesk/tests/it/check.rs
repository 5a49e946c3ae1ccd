//! `check` and `fmt`: mistakes with their places, for people and programs.

use std::fs;

use serde_json::{Value as Json, json};

use crate::support::{LIBRARY, contract, folder, run, write};

const BROKEN: &str = "\
frontdesk: 1
name: notes
resources:
  Note:
    fields:
      text: strin
    acces: {read: public}
";

#[test]
fn a_good_contract_shows_who_can_do_what() {
    let place = contract(LIBRARY);
    let checked = run(place.path(), &["check"]).expect(0);
    assert_eq!(checked.stderr, "");
    for line in ["Author  list get", "staff", "mine || staff"] {
        assert!(
            checked.stdout.contains(line),
            "{line} in {}",
            checked.stdout
        );
    }
}

#[test]
fn all_mistakes_are_told_at_once_with_their_places() {
    let place = contract(BROKEN);
    let checked = run(place.path(), &["check"]).expect(1);
    assert_eq!(checked.stdout, "");
    for part in [
        "frontdesk.yaml:6:",
        "frontdesk.yaml:7:",
        "2 mistakes",
        "did you mean",
        "access",
    ] {
        assert!(
            checked.stderr.contains(part),
            "{part} in {}",
            checked.stderr
        );
    }
    assert!(
        !checked.stderr.contains('\u{1b}'),
        "colours without a terminal"
    );
}

#[test]
fn places_can_be_opened_from_where_one_stands() {
    let place = folder(&[("api/frontdesk.yaml", BROKEN)]);
    for dir in ["api", "./api", "api/frontdesk.yaml"] {
        let checked = run(place.path(), &["check", dir]).expect(1);
        assert!(
            checked.stderr.contains(" api/frontdesk.yaml:6:"),
            "{}",
            checked.stderr
        );
    }
}

#[test]
fn programs_get_json() {
    let place = contract(BROKEN);
    let checked = run(place.path(), &["check", "--json"]).expect(1);
    let found: Json = serde_json::from_str(&checked.stdout).unwrap();
    assert_eq!(found["ok"], false);
    assert_eq!(found["errors"], 2);
    assert_eq!(found["diagnostics"][0]["line"], 6);
    assert_eq!(found["access"], Json::Null);

    write(place.path(), "frontdesk.yaml", LIBRARY);
    let checked = run(place.path(), &["check", "--json"]).expect(0);
    let found: Json = serde_json::from_str(&checked.stdout).unwrap();
    assert_eq!(found["ok"], true);
    assert_eq!(found["access"][0]["actions"]["create"], "staff");
    assert_eq!(found["access"][1]["actions"]["replace"], "mine");
}

#[test]
fn workflows_get_annotations() {
    let place = contract(BROKEN);
    let checked = run(place.path(), &["check", "--github"]).expect(1);
    let first = checked.stdout.lines().next().unwrap();
    assert!(
        first.starts_with("::error file=frontdesk.yaml,line=6,col="),
        "{first}"
    );
    assert_eq!(checked.stdout.lines().count(), 2);
}

#[test]
fn includes_are_found_and_stay_inside_the_folder() {
    let main = "frontdesk: 1\nname: notes\ninclude: [resources/*.yaml]\nresources: {A: {fields: {x: string}, access: {read: public}}}\n";
    let part = "resources: {Note: {fields: {text: string}, access: {read: public}}}\n";
    let place = folder(&[
        ("api/frontdesk.yaml", main),
        ("api/resources/note.yaml", part),
    ]);
    let checked = run(place.path(), &["check", "api"]).expect(0);
    assert!(checked.stdout.contains("Note"), "{}", checked.stdout);

    write(place.path(), "secret.yaml", part);
    let link = place.path().join("api/resources/out.yaml");
    std::os::unix::fs::symlink(place.path().join("secret.yaml"), &link).unwrap();
    let checked = run(place.path(), &["check", "api"]).expect(1);
    assert!(
        checked
            .stderr
            .contains("leads out of the contract's folder"),
        "{}",
        checked.stderr
    );

    fs::remove_file(link).unwrap();
    write(
        place.path(),
        "api/resources/bad.yaml",
        "resources: {Other: {}}\n",
    );
    let checked = run(place.path(), &["check", "api"]).expect(1);
    assert!(
        checked.stderr.contains("api/resources/bad.yaml:1:"),
        "{}",
        checked.stderr
    );
}

#[test]
fn folders_without_a_contract_are_told_apart() {
    let place = folder(&[
        ("yml/frontdesk.yml", LIBRARY),
        ("empty/x", ""),
        ("file", ""),
    ]);
    for (dir, help) in [
        ("yml", "rename"),
        ("empty", "frontdesk init"),
        ("file", "give the folder"),
        ("nowhere", "does not exist"),
    ] {
        let checked = run(place.path(), &["check", dir]).expect(1);
        assert!(checked.stderr.contains(help), "{dir}: {}", checked.stderr);
    }
}

#[test]
fn formatting_changes_the_form_and_not_the_meaning() {
    let place = contract(
        "frontdesk:   1\nname: notes # mine\nresources:\n    Note:\n        fields: {text: string}\n        access: {read: public}\n",
    );
    let before = fs::read_to_string(place.path().join("frontdesk.yaml")).unwrap();
    let checked = run(place.path(), &["fmt", "--check"]).expect(1);
    assert!(
        checked.stderr.contains("frontdesk.yaml"),
        "{}",
        checked.stderr
    );
    assert_eq!(
        fs::read_to_string(place.path().join("frontdesk.yaml")).unwrap(),
        before
    );
    run(place.path(), &["fmt"]).expect(0);
    let after = fs::read_to_string(place.path().join("frontdesk.yaml")).unwrap();
    assert!(
        after.starts_with("frontdesk: 1\nname: notes  # mine\nresources:\n  Note:\n"),
        "{after}"
    );
    run(place.path(), &["fmt", "--check"]).expect(0);
    let again = run(place.path(), &["fmt"]).expect(0);
    assert_eq!(again.stdout, "");
}

#[test]
fn what_cannot_be_read_is_not_formatted() {
    let place = contract("frontdesk: [1\n");
    run(place.path(), &["fmt"]).expect(1);
    let text = fs::read_to_string(place.path().join("frontdesk.yaml")).unwrap();
    assert_eq!(text, "frontdesk: [1\n");
}

#[test]
fn programs_always_get_one_document() {
    let place = folder(&[("wrong/frontdesk.yaml", BROKEN)]);
    let check = |arguments: &[&str]| -> Json {
        let asked = run(place.path(), arguments).expect(1);
        assert_eq!(asked.stderr, "");
        let told: Json = serde_json::from_str(&asked.stdout).unwrap();
        assert_eq!(told["ok"], json!(false));
        told
    };
    let told = check(&["check", "--json", "nowhere"]);
    assert!(told["error"].as_str().unwrap().contains("nowhere"));
    let told = check(&["test", "--json", "nowhere"]);
    assert!(told["error"].as_str().unwrap().contains("nowhere"));
    let told = check(&["test", "--json", "wrong"]);
    assert_eq!(told["diagnostics"].as_array().unwrap().len(), 2);
    assert_eq!(told["tests"], json!([]));
}

#[test]
fn what_is_no_text_has_a_place_and_is_not_written_back() {
    let place = folder(&[]);
    let file = place.path().join("frontdesk.yaml");
    let bytes = b"frontdesk:   1\nname: caf\xe9\n";
    fs::write(&file, bytes).unwrap();
    let checked = run(place.path(), &["check"]).expect(1);
    for part in ["E0134", "frontdesk.yaml:2:10", "save the file as UTF-8"] {
        assert!(
            checked.stderr.contains(part),
            "{part} in {}",
            checked.stderr
        );
    }
    let checked = run(place.path(), &["check", "--json"]).expect(1);
    let told: Json = serde_json::from_str(&checked.stdout).unwrap();
    assert_eq!(told["diagnostics"][0]["code"], json!("E0134"));
    run(place.path(), &["fmt"]).expect(1);
    assert_eq!(fs::read(&file).unwrap(), bytes);
}

#[test]
fn a_fault_in_the_yaml_hides_no_other_mistake() {
    let text = "frontdesk: 1\nname: @shop\nresource: {}\ninclude: [part.yaml]\n";
    let place = folder(&[
        ("frontdesk.yaml", text),
        ("part.yaml", "resources:\n\tBook: {colour: red}\n"),
    ]);
    let checked = run(place.path(), &["check", "--json"]).expect(1);
    let told: Json = serde_json::from_str(&checked.stdout).unwrap();
    let codes: Vec<&str> = told["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| found["code"].as_str().unwrap())
        .collect();
    assert_eq!(
        codes,
        ["E0103", "E0040", "E0049", "E0108", "E0041", "E0040"]
    );
}

#[test]
fn what_could_not_be_checked_is_told() {
    let text = "frontdesk: 1\nname: shop\nresources: {\n  Book:\n    colour: red\n";
    let place = folder(&[("frontdesk.yaml", text)]);
    let told = run(place.path(), &["check"]).expect(1).stderr;
    assert!(
        told.contains("lines 4 to 5 have not been checked"),
        "{told}"
    );
}
