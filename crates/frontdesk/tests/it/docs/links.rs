//! Links between the pages lead somewhere.

use std::fs;

use super::page::{pages, root};

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

#[test]
fn links_lead_somewhere() {
    for page in pages() {
        let folder = root().join(&page.path).parent().unwrap().to_owned();
        // Code is full of brackets that are no links.
        let mut prose = String::new();
        for (at, part) in page.text.split("\n```").enumerate() {
            if at % 2 == 0 {
                prose.push_str(part);
            }
        }
        for target in targets(&prose) {
            if target.contains("://") || target.contains(' ') {
                continue;
            }
            let (path, fragment) = target.split_once('#').unwrap_or((target, ""));
            let file = match path {
                "" => root().join(&page.path),
                path => folder.join(path),
            };
            assert!(file.exists(), "{}: `{target}` leads nowhere", page.path);
            if !fragment.is_empty() {
                let text = fs::read_to_string(&file).unwrap();
                let found = text
                    .lines()
                    .filter(|line| line.starts_with('#'))
                    .any(|line| anchor(line) == fragment);
                assert!(found, "{}: `{target}` leads to no heading", page.path);
            }
        }
    }
}
