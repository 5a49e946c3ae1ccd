//! `docs/errors.md` is what the compiler says about its own diagnostics.

use std::fmt::Write;
use std::fs;

use frontdesk::contract::codes;

use super::page::{root, updating};

const PAGE: &str = "docs/errors.md";

const HEAD: &str = "\
# What the compiler says

Every diagnostic has a code that keeps its meaning. `frontdesk check` shows the place, the reason
and what to write instead; `frontdesk explain E0040` prints the paragraph that stands here.

This page is written by a test from the compiler's own texts.

";

const PARTS: [(&str, &str); 6] = [
    ("E00", "The structure of the file"),
    ("E01", "YAML"),
    ("E02", "Names, types and fields"),
    ("E03", "Conditions and formulas"),
    ("E04", "Access, checks, limits and tests"),
    ("W", "Warnings"),
];

fn text() -> String {
    let mut text = HEAD.to_owned();
    for (prefix, title) in PARTS {
        let _ = writeln!(text, "## {title}\n");
        for known in codes::all().filter(|known| known.code.starts_with(prefix)) {
            let _ = writeln!(
                text,
                "### {}: {}\n\n{}\n",
                known.code, known.title, known.text
            );
        }
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}

#[test]
fn every_code_has_its_paragraph() {
    let all = codes::all().count();
    let in_parts = PARTS
        .iter()
        .flat_map(|(prefix, _)| codes::all().filter(move |known| known.code.starts_with(prefix)));
    assert_eq!(
        in_parts.count(),
        all,
        "a code belongs to no part of the page"
    );
    let path = root().join(PAGE);
    if updating() {
        fs::write(&path, text()).unwrap();
    }
    let page = fs::read_to_string(&path).unwrap();
    assert!(
        page == text(),
        "{PAGE} is old; UPDATE_DOCS=1 writes it anew"
    );
}
