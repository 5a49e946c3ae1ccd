//! Every folder of `examples/` is an example: it checks, is formatted, is seeded, passes its own
//! tests, and the README leads to it.

use std::fs;
use std::path::PathBuf;

use serde_json::Value as Json;
use testkit::Process;

use crate::support::{BINARY, run};

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples"))
}

fn names() -> Vec<String> {
    let entries = fs::read_dir(folder()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    assert!(names.len() > 1, "{names:?}");
    names
}

#[test]
fn every_example_is_without_mistakes_and_in_order() {
    for name in names() {
        let checked = run(&folder(), &["check", &name]).expect(0);
        assert!(
            !checked.stdout.contains("warning"),
            "{name}: {}",
            checked.stdout
        );
        run(&folder(), &["fmt", "--check", &name]).expect(0);
    }
}

#[test]
fn every_example_passes_its_own_tests() {
    for name in names() {
        let tested = run(&folder(), &["test", &name, "--json"]).expect(0);
        let result: Json = serde_json::from_str(&tested.stdout).unwrap();
        let tests = result["tests"].as_array().unwrap();
        assert!(tests.len() >= 4, "{name}: {tests:?}");
    }
}

#[test]
fn every_example_starts_with_records_to_look_at() {
    for name in names() {
        let data = tempfile::tempdir().unwrap();
        let data = data.path().to_str().unwrap();
        let arguments = ["dev", &name, "--listen", "127.0.0.1:0", "--data", data];
        let process = Process::start(BINARY, &folder(), &arguments);
        let seeded = process.wait_until("Seeded", |said| {
            let whole = said.lines().take(said.matches('\n').count());
            let mut found = whole.filter_map(|line| line.split_once("Seeded "));
            found.next().map(|(_, seeded)| seeded.to_owned())
        });
        for seed in fs::read_dir(folder().join(&name).join("seed")).unwrap() {
            let path = seed.unwrap().path();
            let resource = path.file_stem().unwrap().to_str().unwrap();
            let text = fs::read_to_string(&path).unwrap();
            let records = text.lines().filter(|line| !line.trim().is_empty()).count();
            let count = format!("{records} {resource}");
            assert!(
                seeded.split(", ").any(|one| one == count),
                "{name}: {count} in {seeded}"
            );
        }
    }
}

#[test]
fn every_example_is_told_about() {
    let readme = fs::read_to_string(folder().join("../README.md")).unwrap();
    for name in names() {
        assert!(folder().join(&name).join("README.md").exists(), "{name}");
        let link = format!("](examples/{name}/README.md)");
        assert!(readme.contains(&link), "the README has no link to {name}");
    }
}
