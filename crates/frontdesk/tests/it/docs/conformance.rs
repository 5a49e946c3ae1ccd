//! `docs/conformance.md` names tests that exist, and at least one for each line.

use std::collections::BTreeMap;
use std::fs;

use super::page::root;

const PAGE: &str = "docs/conformance.md";

/// The lines of all tables that end with tests: what holds, and the cell with their names.
fn promises(page: &str) -> Vec<(&str, &str)> {
    let rows = page.lines().filter_map(|line| {
        let cells: Vec<&str> = line
            .strip_prefix("| ")?
            .strip_suffix('|')?
            .split('|')
            .collect();
        let [what, _, tests] = cells[..] else {
            panic!("no three cells: {line}")
        };
        Some((what.trim(), tests.trim()))
    });
    rows.filter(|(what, _)| *what != "what holds").collect()
}

/// The names of the functions of a file that are tests.
fn tests(path: &str) -> Vec<String> {
    let Ok(text) = fs::read_to_string(root().join(path)) else {
        return vec![];
    };
    let mut names = vec![];
    let mut is_test = false;
    for line in text.lines() {
        is_test |= line == "#[test]" || line.starts_with("#[tokio::test");
        let line = line.strip_prefix("async ").unwrap_or(line);
        if let Some((name, _)) = line
            .strip_prefix("fn ")
            .and_then(|rest| rest.split_once('('))
            && is_test
        {
            names.push(name.to_owned());
            is_test = false;
        }
    }
    names
}

#[test]
fn what_is_promised_is_tested() {
    let page = fs::read_to_string(root().join(PAGE)).unwrap();
    let promises = promises(&page);
    assert!(promises.len() > 80, "{}", promises.len());
    let mut known: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut missing = vec![];
    for (what, names) in promises {
        for name in names.split(", ") {
            let plain = name
                .strip_prefix('`')
                .and_then(|name| name.strip_suffix('`'));
            let plain = plain.unwrap_or_else(|| panic!("{PAGE}: no test holds \"{what}\""));
            let (place, test) = plain.split_once("::").unwrap();
            let (of, module) = place.split_once(' ').unwrap_or(("rest", place));
            let path = format!("crates/{of}/tests/it/{module}.rs");
            let tests = known.entry(path).or_insert_with_key(|path| tests(path));
            if !tests.iter().any(|known| known == test) {
                missing.push(plain);
            }
        }
    }
    assert_eq!(missing, [""; 0], "{PAGE} names tests that are not there");
}
