//! Links between the pages lead somewhere.

use std::fs;

use super::page::{pages, root};

/// Pages whose blocks nobody runs.
const BESIDE: [&str; 6] = [
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "bench/README.md",
    "fuzz/README.md",
];

/// Targets of `[text](target)` and `src="target"`.
fn targets(text: &str) -> Vec<&str> {
    let between = |open: &'static str, close: char| {
        text.split(open)
            .skip(1)
            .filter_map(move |rest| Some(rest.split_once(close)?.0))
    };
    between("](", ')').chain(between("src=\"", '"')).collect()
}

/// What a heading is called in links.
fn anchor(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// A page without its code, which is full of brackets that are no links and `#` that head nothing.
fn prose(text: &str) -> String {
    let parts = text.split("\n```").enumerate();
    parts
        .filter_map(|(at, part)| (at % 2 == 0).then_some(part))
        .collect()
}

#[test]
fn a_page_that_begins_with_its_contents_lists_all_of_them() {
    let mut listing = vec![];
    for page in pages() {
        let prose = prose(&page.text);
        let headings = prose.lines().filter_map(|line| line.strip_prefix("## "));
        let wanted: Vec<String> = headings
            .map(|heading| format!("- [{heading}](#{})", anchor(heading)))
            .collect();
        let listed = prose
            .lines()
            .filter(|line| line.starts_with("- [") && line.contains("](#"));
        let listed: Vec<&str> = listed.collect();
        if !listed.is_empty() {
            assert_eq!(listed, wanted, "{}", page.path);
            listing.push(page.path);
        }
    }
    for page in ["contract", "rest", "operations", "reference"] {
        let path = format!("docs/{page}.md");
        assert!(
            listing.iter().any(|listing| listing.ends_with(&path)),
            "{path}"
        );
    }
}

#[test]
fn links_lead_somewhere() {
    let told = pages().into_iter().map(|page| (page.path, page.text));
    let beside = BESIDE.map(|path| {
        let text = fs::read_to_string(root().join(path)).unwrap();
        (path.to_owned(), text)
    });
    for (page, text) in told.chain(beside) {
        let folder = root().join(&page).parent().unwrap().to_owned();
        let prose = prose(&text);
        for target in targets(&prose) {
            if target.contains("://") || target.contains(' ') {
                continue;
            }
            let (path, fragment) = target.split_once('#').unwrap_or((target, ""));
            let file = match path {
                "" => root().join(&page),
                path => folder.join(path),
            };
            assert!(file.exists(), "{page}: `{target}` leads nowhere");
            if !fragment.is_empty() {
                let text = fs::read_to_string(&file).unwrap();
                let found = text
                    .lines()
                    .filter(|line| line.starts_with('#'))
                    .any(|line| anchor(line) == fragment);
                assert!(found, "{page}: `{target}` leads to no heading");
            }
        }
    }
}
