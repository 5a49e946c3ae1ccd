//! `init`: what it makes is good, and it destroys nothing.

use std::fs;

use crate::support::{folder, run};

#[test]
fn templates_are_good_contracts() {
    let place = folder(&[]);
    for template in ["notes", "bookstore"] {
        let made = run(place.path(), &["init", template, "--template", template]).expect(0);
        assert!(
            made.stdout.contains(&format!("frontdesk dev {template}")),
            "{}",
            made.stdout
        );
        let checked = run(place.path(), &["check", template]).expect(0);
        assert_eq!(checked.stderr, "", "no warnings");
        run(place.path(), &["fmt", "--check", template]).expect(0);
        run(place.path(), &["test", template]).expect(0);
    }
}

#[test]
fn the_default_is_seven_lines_here() {
    let place = folder(&[]);
    let made = run(place.path(), &["init"]).expect(0);
    assert!(
        made.stdout.trim_end().ends_with("frontdesk dev"),
        "{}",
        made.stdout
    );
    let contract = fs::read_to_string(place.path().join("frontdesk.yaml")).unwrap();
    assert_eq!(contract.lines().count(), 7);
}

#[test]
fn what_is_there_stays() {
    let place = folder(&[("README.md", "mine")]);
    run(place.path(), &["init"]).expect(0);
    assert_eq!(
        fs::read_to_string(place.path().join("README.md")).unwrap(),
        "mine"
    );
    let again = run(place.path(), &["init", "--template", "bookstore"]).expect(1);
    assert!(
        again.stderr.contains("holds a contract already"),
        "{}",
        again.stderr
    );
    let contract = fs::read_to_string(place.path().join("frontdesk.yaml")).unwrap();
    assert_eq!(contract.lines().count(), 7);
}

#[test]
fn a_contract_is_named_after_its_folder() {
    let place = folder(&[]);
    let check = |dir: &str, name: &str, next: &str| {
        let made = run(place.path(), &["init", dir]).expect(0);
        assert!(made.stdout.trim_end().ends_with(next), "{}", made.stdout);
        let contract = fs::read_to_string(place.path().join(dir).join("frontdesk.yaml")).unwrap();
        assert!(contract.contains(&format!("name: {name}\n")), "{contract}");
        let checked = run(place.path(), &["check", dir]).expect(0);
        assert_eq!(checked.stderr, "");
    };
    check("shop", "shop", "frontdesk dev shop");
    check("My App", "my_app", "frontdesk dev 'My App'");
    check("apis/2nd", "nd", "frontdesk dev apis/2nd");
    check("日本", "notes", "frontdesk dev '日本'");
}
