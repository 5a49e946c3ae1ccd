//! The layout itself, without the check that would hide its mistakes, on texts of every kind.

use diag::{Diagnostics, FileId};
use proptest::prelude::*;

use super::{layout, says_the_same};
use crate::yaml::{self, Node};

/// Lays a text out if it is valid, and checks what must hold of every layout.
fn check(text: &str) -> Option<String> {
    let root = read(text)?;
    let done = layout::layout(text, &root);
    assert!(
        says_the_same(text, &root, &done),
        "changed:\n{text}\n--- became\n{done}"
    );
    let again = read(&done).expect("a layout is valid");
    let twice = layout::layout(&done, &again);
    assert_eq!(done, twice, "not stable:\n{text}");
    assert!(
        done.is_empty() || done.ends_with('\n'),
        "{done:?} from {text:?}"
    );
    Some(done)
}

fn read(text: &str) -> Option<Node> {
    let mut out = Diagnostics::new();
    yaml::parse(FileId(0), text, &mut out).filter(|_| !out.has_errors())
}

/// A random document: what it holds, before deciding how it is written.
#[derive(Clone, Debug)]
enum Doc {
    Scalar(&'static str),
    /// Text over several lines, its style chosen by the writer.
    Lines(Vec<&'static str>),
    List(Vec<Doc>),
    Map(Vec<Doc>),
}

const SCALARS: &[&str] = &[
    "a",
    "true",
    "12.50",
    "~",
    "yes",
    "'it''s # no comment'",
    "\"a\\n: b\"",
    "=this.x == 'y'",
    "on",
    "http://x.example/y#z",
    "2026-11-01",
    "12:30",
    "ä ö",
    "'- a'",
    "'{'",
    "\"]\"",
    "a - b",
    "x{}y",
    "''",
];

fn doc() -> impl Strategy<Value = Doc> {
    let leaf = prop_oneof![
        4 => prop::sample::select(SCALARS).prop_map(Doc::Scalar),
        1 => prop::collection::vec(prop::sample::select(&["one", "# two", " three", "", "a: b", "- c", "d "][..]), 1..5)
            .prop_map(Doc::Lines),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Doc::List),
            prop::collection::vec(inner, 0..4).prop_map(Doc::Map),
        ]
    })
}

/// Writes a document in a style chosen by `noise`.
struct Writer<'n> {
    noise: std::iter::Cycle<std::slice::Iter<'n, u8>>,
    out: String,
    comments: usize,
}

impl Writer<'_> {
    fn roll(&mut self, sides: u8) -> u8 {
        self.noise.next().map_or(0, |byte| byte % sides)
    }

    fn spaces(&mut self, least: usize) {
        let more = usize::from(self.roll(4).saturating_sub(1));
        self.out.push_str(&" ".repeat(least + more));
    }

    fn comment(&mut self) {
        self.comments += 1;
        self.out.push_str(&format!("# {} é: - [\"", self.comments));
    }

    fn end_of_line(&mut self) {
        match self.roll(4) {
            0 => {
                self.spaces(1);
                self.comment();
            }
            1 => self.spaces(0),
            _ => {}
        }
        let line_break = if self.roll(16) == 0 { "\r\n" } else { "\n" };
        self.out.push_str(line_break);
        for _ in 0..usize::from(self.roll(12).saturating_sub(8)) {
            if self.roll(2) == 0 {
                self.spaces(0);
                self.comment();
            }
            self.out.push('\n');
        }
    }

    fn block(&mut self, doc: &Doc, indent: usize) {
        match doc {
            Doc::List(items) if !items.is_empty() => {
                for item in items {
                    self.out.push_str(&" ".repeat(indent));
                    self.out.push('-');
                    self.behind(item, indent, true);
                }
            }
            Doc::Map(values) if !values.is_empty() => {
                for (at, value) in values.iter().enumerate() {
                    self.out.push_str(&" ".repeat(indent));
                    self.key(at);
                    self.behind(value, indent, false);
                }
            }
            _ => self.behind(doc, indent, false),
        }
    }

    fn key(&mut self, at: usize) {
        let keys = [
            "name",
            "on",
            "'x y'",
            "\"q\"",
            "last?",
            "'true'",
            "\"a\\tb\"",
        ];
        self.out.push_str(keys.get(at).copied().unwrap_or("more"));
        self.spaces(0);
        self.out.push(':');
    }

    /// A value behind `-` or `key:`.
    fn behind(&mut self, doc: &Doc, indent: usize, dash: bool) {
        match doc {
            Doc::List(inner) | Doc::Map(inner) if !inner.is_empty() && self.roll(3) > 0 => {
                let compact = dash && self.roll(2) == 0;
                if compact {
                    // `- key: value`, with everything below lined up behind the dash.
                    let gap = 1 + usize::from(self.roll(3));
                    let mut nested = Writer {
                        noise: self.noise.clone(),
                        out: String::new(),
                        comments: self.comments,
                    };
                    nested.block(doc, indent + 1 + gap);
                    self.comments = nested.comments;
                    self.noise = nested.noise;
                    let written = nested.out;
                    self.out.push_str(&" ".repeat(gap));
                    self.out.push_str(written.trim_start_matches(' '));
                    return;
                }
                self.end_of_line();
                let flat = !dash && matches!(doc, Doc::List(_)) && self.roll(2) == 0;
                let deeper = if flat {
                    0
                } else {
                    1 + usize::from(self.roll(4))
                };
                self.block(doc, indent + deeper);
            }
            Doc::Lines(lines) => self.text(lines, indent),
            _ => {
                if self.roll(6) == 0 {
                    self.end_of_line();
                    self.out.push_str(&" ".repeat(indent + 1));
                }
                self.spaces(1);
                self.flow(doc, indent + 1);
                self.end_of_line();
            }
        }
    }

    fn text(&mut self, lines: &[&str], indent: usize) {
        let style = ["|", ">", "|-", ">-", "|+", ">+"][usize::from(self.roll(6))];
        self.spaces(1);
        self.out.push_str(style);
        if lines[0].starts_with(' ') || lines[0].is_empty() {
            self.out.push('2');
        }
        if self.roll(3) == 0 {
            self.spaces(1);
            self.comment();
        }
        self.out.push('\n');
        for line in lines {
            if !line.is_empty() || self.roll(2) == 0 {
                self.out.push_str(&" ".repeat(indent + 2));
            }
            self.out.push_str(line);
            self.out.push('\n');
        }
        for _ in 0..self.roll(3) {
            self.out.push('\n');
        }
    }

    fn flow(&mut self, doc: &Doc, indent: usize) {
        match doc {
            Doc::Scalar(text) => self.out.push_str(text),
            Doc::Lines(lines) => {
                self.out.push('"');
                let words: Vec<_> = lines.iter().map(|line| line.trim()).collect();
                let glue = if self.roll(2) == 0 {
                    " ".to_owned()
                } else {
                    format!("\n{}", " ".repeat(indent + 1))
                };
                self.out.push_str(&words.join(&glue));
                self.out.push('"');
            }
            Doc::List(items) => {
                self.out.push('[');
                self.flow_gap(indent);
                for (at, item) in items.iter().enumerate() {
                    self.flow(item, indent + 1);
                    self.flow_comma(at + 1 < items.len(), indent);
                }
                self.out.push(']');
            }
            Doc::Map(values) => {
                self.out.push('{');
                self.flow_gap(indent);
                for (at, value) in values.iter().enumerate() {
                    self.key(at);
                    self.out.push(' ');
                    self.flow_gap(indent);
                    self.flow(value, indent + 1);
                    self.flow_comma(at + 1 < values.len(), indent);
                }
                self.out.push('}');
            }
        }
    }

    fn flow_comma(&mut self, more: bool, indent: usize) {
        self.flow_gap(indent);
        if more || self.roll(4) == 0 {
            self.out.push(',');
            self.flow_gap(indent);
        }
    }

    fn flow_gap(&mut self, indent: usize) {
        self.spaces(0);
        if self.roll(8) == 0 {
            self.out.push(' ');
            self.end_of_line();
            self.out.push_str(&" ".repeat(indent + 1));
            self.spaces(0);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 800, ..ProptestConfig::default() })]

    #[test]
    fn every_document_keeps_its_meaning_and_comments(
        doc in doc(),
        noise in prop::collection::vec(any::<u8>(), 1..200),
    ) {
        let mut writer = Writer { noise: noise.iter().cycle(), out: String::new(), comments: 0 };
        if writer.roll(4) == 0 {
            writer.comment();
            writer.out.push_str("\n---");
            writer.end_of_line();
        }
        writer.block(&doc, 0);
        let (text, comments) = (writer.out, writer.comments);
        let done = check(&text);
        // Some styles do not go together (a blank line in front of an indented text, say); most
        // texts are valid, which the test below makes sure of.
        if let Some(done) = done {
            for at in 1..=comments {
                prop_assert!(done.contains(&format!("# {at} é: - [\"")), "comment {at} of\n{text}");
            }
        }
    }

    #[test]
    fn a_rearranged_contract_keeps_its_meaning_and_comments(
        name in prop::sample::select(vec!["bookstore", "cinema", "travel", "todo", "versions"]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(vec![
            " ", "\n", "\n\n\n", " # new\n", "\n# new\n", "{", "}", "[", "]", ",", "- ", "  ", "''", "\"", "|\n", ": ",
        ])), 1..4),
    ) {
        let path = format!("{}/tests/yaml/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
        let mut text = std::fs::read_to_string(path).expect("the example is part of the repository");
        for (at, inserted) in changes {
            text.insert_str(text.floor_char_boundary(at.index(text.len())), inserted);
        }
        check(&text);
    }

    #[test]
    fn a_soup_that_happens_to_be_valid_keeps_its_meaning(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "\n", "\n  ", "\n    ", " ", ": ", "- ", ", ", "[", "]", "{", "}", "'", "\"", " # c\n", "|\n  x\n",
            ">+\n  y\n\n", "---\n", "a", "b: ", "yes", "1", "ä", "\r\n", "...\n", "\\ \n", "\t",
        ]), 0..14),
    ) {
        check(&pieces.concat());
    }
}

#[test]
fn most_random_documents_are_valid() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let strategy = (doc(), prop::collection::vec(any::<u8>(), 1..200));
    let valid = (0..500)
        .filter(|_| {
            let (doc, noise) = strategy
                .new_tree(&mut runner)
                .expect("no filter is used")
                .current();
            let mut writer = Writer {
                noise: noise.iter().cycle(),
                out: String::new(),
                comments: 0,
            };
            writer.block(&doc, 0);
            check(&writer.out).is_some()
        })
        .count();
    assert!(valid > 350, "only {valid} of 500");
}
