//! Contracts that are wrong: what is said about each is part of the product.
//!
//! Every file in `tests/wrong` is compiled and what is said about it kept beside it. Read a
//! changed answer as somebody who sees the language for the first time: can they mend it from
//! the message alone?

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use diag::Severity;

use crate::support::{Compiled, compile_files, compile_one, mendable};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wrong")
}

/// Name and text of every wrong contract.
fn contracts() -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = fs::read_dir(folder())
        .expect("the folder is in the repository")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|end| end == "yaml"))
        .map(|path| {
            let name = path
                .file_stem()
                .expect("named")
                .to_string_lossy()
                .into_owned();
            (name, fs::read_to_string(&path).expect("text"))
        })
        .collect();
    all.sort();
    all
}

#[test]
fn every_mistake_is_named_placed_and_mendable() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(folder());
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let contracts = contracts();
    assert!(contracts.len() >= 200, "{} contracts", contracts.len());
    for (name, text) in contracts {
        let compiled = compile_one(&text);
        let wrong = !compiled.codes(Severity::Error).is_empty();
        assert_eq!(wrong, !name.starts_with("warnings"), "{name}");
        assert_eq!(compiled.model.is_none(), wrong, "{name}");
        for found in compiled.found.iter() {
            assert!(mendable(found), "{name}: {found:?}");
        }
        settings.bind(|| insta::assert_snapshot!(name, compiled.rendered()));
    }
}

#[test]
fn every_code_is_explained_and_every_own_code_is_tried() {
    let mut seen: BTreeSet<&str> = contracts()
        .iter()
        .flat_map(|(_, text)| codes(&compile_one(text)))
        .collect();
    seen.extend(codes(&several_files()));
    let known: BTreeSet<&str> = contract::codes::all().map(|known| known.code).collect();
    let unexplained: Vec<&&str> = seen.difference(&known).collect();
    assert!(
        unexplained.is_empty(),
        "without explanation: {unexplained:?}"
    );
    // YAML and expressions have tests of their own.
    let untried: Vec<&&str> = known
        .difference(&seen)
        .filter(|code| !code.starts_with("E01") && !code.starts_with("E03"))
        .collect();
    assert_eq!(
        untried,
        [&contract::codes::TOO_MANY],
        "without a wrong contract"
    );
    assert!(contract::codes::explain("e0040").is_some());
    assert!(contract::codes::explain("E9999").is_none());
}

fn codes(compiled: &Compiled) -> Vec<&'static str> {
    compiled.found.iter().map(|found| found.code).collect()
}

fn several_files() -> Compiled {
    compile_files(
        "frontdesk: 1\nname: shop\ninclude: [resources/*.yaml, broken.yaml]\nresources:\n  Book: {fields: {title: string}, access: {read: public}}\n",
        &[
            (
                "resources/*.yaml",
                "resources/a.yaml",
                "name: other\ninclude: [more.yaml]\nbase: /v2\nresources:\n  Author: {fields: {name: string}, access: {read: public}}\n",
            ),
            (
                "resources/*.yaml",
                "resources/b.yaml",
                "resources:\n  Book: {fields: {name: string}, access: {read: public}}\n  Author: {fields: {nme: string}, access: {read: public}}\n",
            ),
            ("resources/*.yaml", "resources/empty.yaml", ""),
            ("broken.yaml", "broken.yaml", "resources: [\n"),
        ],
    )
}

#[test]
fn files_are_one_contract() {
    insta::assert_snapshot!(several_files().rendered());
}

#[test]
fn what_is_included_again_is_told() {
    let shop = |include: &str| {
        format!(
            "frontdesk: 1\nname: shop\ninclude: {include}\nresources: {{Book: {{fields: {{title: string}}, access: {{read: public}}}}}}\n"
        )
    };
    let part = "resources: {Author: {fields: {name: string}, access: {read: public}}}\n";
    let circle = "include: [frontdesk.yaml]\nresources: {Shelf: {fields: {name: string}, access: {read: public}}}\n";
    let files = [
        ("a.yaml", "a.yaml", part),
        ("./a.yaml", "./a.yaml", part),
        ("circle.yaml", "circle.yaml", circle),
        (
            "parts/*.yaml",
            "parts/b.yaml",
            "rules: {staff: user.role == 'staff'}\n",
        ),
        ("*.yaml", "a.yaml", part),
        ("*.yaml", "frontdesk.yaml", ""),
        ("only/*.yaml", "frontdesk.yaml", ""),
    ];
    let found = |include: &str| compile_files(&shop(include), &files);
    for fine in ["[a.yaml]", "['*.yaml', parts/*.yaml]"] {
        assert_eq!(found(fine).rendered(), "", "{fine}");
    }
    insta::assert_snapshot!(
        found("[frontdesk.yaml, a.yaml, a.yaml, ./a.yaml, '*.yaml', parts/*.yaml, parts/*.yaml, circle.yaml, only/*.yaml]").rendered()
    );
}

#[test]
fn too_much_is_refused_before_it_hurts() {
    use std::fmt::Write;
    let mut text = String::from("frontdesk: 1\nname: shop\nresources:\n");
    for at in 0..5_001 {
        writeln!(text, "  R{at}x: {{fields: {{a: string}}}}").expect("strings grow");
    }
    let compiled = compile_one(&text);
    assert!(compiled.model.is_none());
    assert!(compiled.codes(Severity::Error).contains(&"E0047"));

    let mut text = String::from("frontdesk: 1\nname: shop\nresources:\n  Book:\n    fields:\n");
    for at in 0..600 {
        writeln!(text, "      f{at}: string").expect("strings grow");
    }
    let compiled = compile_one(&text);
    assert_eq!(compiled.codes(Severity::Error), ["E0047"]);
}

#[test]
fn long_chains_of_rules_and_types_end_in_a_message() {
    use std::fmt::Write;
    let mut text = String::from(
        "frontdesk: 1\nname: chain\nresources:\n  Thing:\n    fields: {owner: string}\n    access: {read: r0}\n    rules:\n",
    );
    for at in 0..5_000 {
        writeln!(text, "      r{at}: r{} || this.owner == 'a'", at + 1).expect("strings grow");
    }
    text.push_str("      r5000: this.owner == user.id\n");
    let compiled = compile_one(&text);
    assert!(compiled.model.is_none());

    let mut text = String::from("frontdesk: 1\nname: chain\ntypes:\n");
    for at in 0..5_000 {
        writeln!(text, "  T{at}: {{next: T{}}}", at + 1).expect("strings grow");
    }
    text.push_str("  T5000: {end: string}\nresources:\n  A: {fields: {t: T0}}\n");
    let compiled = compile_one(&text);
    assert!(compiled.model.is_none());
}
