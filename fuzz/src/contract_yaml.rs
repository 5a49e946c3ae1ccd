//! Any text as a contract: read, formatted, compiled.
//!
//! What has a tree without errors keeps its meaning and its comments when it is formatted, and every
//! diagnostic points into its text; so does every tree, also what is left of one behind a fault.

use contract::yaml::{self, Kind, Node};
use diag::{Diagnostics, FileId, Sources};
use model::Model;

pub fn run(data: &[u8]) {
    // Files that are not UTF-8 are refused before anything here sees them.
    let text = String::from_utf8_lossy(data);
    let tree = tree(&text);
    let first = compile(&text);
    first.check();
    let formatted = match contract::fmt::format(&text) {
        Ok(formatted) => formatted,
        Err(errors) => {
            assert!(tree.is_none() && errors.has_errors());
            return;
        }
    };
    let tree = tree.expect("what can be formatted can be read");
    format_keeps(&text, &tree, &formatted);
    let second = compile(&formatted);
    assert_eq!(
        codes(&first.found),
        codes(&second.found),
        "{text:?}\n{formatted}"
    );
    assert_eq!(first.table(), second.table(), "{text:?}\n{formatted}");
}

/// The tree of a text without errors.
fn tree(text: &str) -> Option<Node> {
    let mut found = Diagnostics::new();
    let tree = yaml::parse(FileId(0), text, &mut found);
    if let Some(root) = &tree {
        places(text, root);
        assert!(
            !root.torn_inside() || found.has_errors(),
            "torn without a word: {text:?}"
        );
    }
    tree.filter(|_| !found.has_errors())
}

/// Every place lies in the text, and what is inside lies inside.
fn places(text: &str, node: &Node) {
    let range = node.span.range();
    assert!(text.get(range.clone()).is_some(), "{node:?} in {text:?}");
    let within = |inner: std::ops::Range<usize>| {
        assert!(
            range.start <= inner.start && inner.end <= range.end,
            "{inner:?} in {node:?} of {text:?}"
        );
    };
    match &node.kind {
        Kind::List(items) => {
            for item in items {
                within(item.span.range());
                places(text, item);
            }
        }
        Kind::Map(entries) => {
            for entry in entries {
                within(entry.key.span.range());
                assert!(
                    text.get(entry.key.span.range()).is_some(),
                    "{entry:?} in {text:?}"
                );
                within(entry.value.span.range());
                places(text, &entry.value);
            }
        }
        Kind::String(value) => {
            for range in [0..0, 0..value.len(), value.len() / 2..value.len()] {
                let span = node.value_span(text, range);
                within(span.range());
                assert!(text.get(span.range()).is_some(), "{span:?} in {text:?}");
            }
        }
        _ => {}
    }
}

fn format_keeps(text: &str, tree: &Node, formatted: &str) {
    let again = self::tree(formatted).unwrap_or_else(|| panic!("{text:?} became {formatted:?}"));
    assert!(same(tree, &again), "{text:?} became {formatted:?}");
    let twice = contract::fmt::format(formatted);
    assert_eq!(
        twice.as_deref(),
        Ok(formatted),
        "{text:?} became {formatted:?}"
    );
    // The formatter gives a text back untouched rather than spoil it; that has to be rare to the
    // point of never. Behind a comment without a line break it would show.
    let marked = format!("{text}\n#end");
    if let Ok(formatted) = contract::fmt::format(&marked) {
        assert!(
            formatted.ends_with('\n'),
            "could not be formatted: {marked:?}"
        );
    }
}

fn same(a: &Node, b: &Node) -> bool {
    match (&a.kind, &b.kind) {
        (Kind::List(a), Kind::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Kind::Map(a), Kind::Map(b)) => {
            let pair = |(a, b): (&yaml::Entry, &yaml::Entry)| {
                a.key.value == b.key.value && same(&a.value, &b.value)
            };
            a.len() == b.len() && a.iter().zip(b).all(pair)
        }
        (a, b) => a == b,
    }
}

/// A contract, compiled.
pub struct Compiled {
    pub sources: Sources,
    pub found: Diagnostics,
    pub model: Option<Model>,
}

pub fn compile(text: &str) -> Compiled {
    let mut sources = Sources::new();
    let main = sources.add("frontdesk.yaml", text.to_owned());
    let mut found = Diagnostics::new();
    let mut load = |pattern: &str| match pattern {
        "locked.yaml" => Err("permission denied".to_owned()),
        // The contract itself once more: everything in it is there twice.
        "again.yaml" => Ok(vec![("again.yaml".to_owned(), text.to_owned())]),
        "part.yaml" => Ok(vec![("part.yaml".to_owned(), PART.to_owned())]),
        _ => Ok(vec![]),
    };
    let model = contract::compile(main, &mut sources, &mut load, &mut found);
    Compiled {
        sources,
        found,
        model,
    }
}

const PART: &str = "frontdesk: 1\nresources:\n  Part:\n    fields: {of?: Part, text: string}\n    access: {read: public}\n";

impl Compiled {
    /// What holds for every outcome.
    pub fn check(&self) {
        assert_eq!(self.model.is_none(), self.found.has_errors());
        for found in &self.found {
            for label in found.secondary.iter().chain([&found.primary]) {
                let text = self.sources.text(label.span.file);
                assert!(
                    text.get(label.span.range()).is_some(),
                    "{found:?} in {text:?}"
                );
            }
            assert!(
                !found.message.is_empty() && !found.message.contains('\n'),
                "{found:?}"
            );
            assert!(contract::codes::explain(found.code).is_some(), "{found:?}");
        }
        diag::render::text(&self.sources, &self.found, false);
        diag::render::json(&self.sources, &self.found);
        diag::render::github(&self.sources, &self.found);
    }

    /// Who can do what.
    pub fn table(&self) -> Option<String> {
        self.model
            .as_ref()
            .map(|model| contract::who::who(model).to_text())
    }
}

/// Texts are wrong in the same way, wherever.
fn codes(found: &Diagnostics) -> Vec<&'static str> {
    let mut codes: Vec<_> = found.iter().map(|found| found.code).collect();
    codes.sort_unstable();
    codes
}
