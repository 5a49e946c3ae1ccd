//! Strict YAML 1.2 into a tree in which everything knows its place.
//!
//! What comes out is always equal to some JSON: anchors, aliases, tags, merge keys, keys that are
//! not text and further documents are refused, each with a diagnostic that says what to write
//! instead. Knows nothing of the contract's words. Start at [`parse`].
//!
//! The grammar is the parser crate's; this module turns its events into the tree (`build`),
//! decides what a bare word means (`scalar`), finds the exact place of everything (`place`), says
//! in plain words what was wrong with the syntax (`explain`), and reads on behind it (`mend`).

mod build;
pub mod codes;
mod explain;
mod lines;
mod mend;
mod outline;
mod place;
mod scalar;

use std::ops::Range;

use diag::{Diagnostics, FileId, Span, Spanned};

pub(crate) use place::{document_start, next_token};
pub(crate) use scalar::{differs_in_yaml_1_1, is_text, quoted};

/// A contract of 4 MiB is some hundred thousand lines: beyond it somebody sent the wrong file.
pub const BYTES_MAX: usize = 4 << 20;

/// The language needs about ten levels; recursion over a tree this flat cannot exhaust a stack.
pub const DEPTH_MAX: usize = 32;

/// Bounds the memory of the tree (about 50 MB) whatever the text looks like.
pub const NODES_MAX: usize = 500_000;

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub kind: Kind,
    /// Exactly the source of the value: with its quotes or brackets, without comments around it.
    /// A value that was left out has an empty span where it would stand. Of a map whose key stands
    /// twice (which has been reported), the first.
    pub span: Span,
    /// Some of it could not be read: of a list or map, there may be more than it holds; any other
    /// value is not what stands there. Why has been reported.
    pub torn: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Null,
    Bool(bool),
    Int(i64),
    /// Always finite. [`Node::source`] has the digits as they were written.
    Float(f64),
    String(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One `key: value`, in the order of the file; keys are unique within their map.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub key: Spanned<String>,
    pub value: Node,
}

/// Reads one document. An empty text is [`Kind::Null`].
///
/// Every problem is pushed to `out`. What is no YAML is left out of the tree, which is
/// [`Node::torn`] there, so that a tree with errors beside it is still good for finding more
/// mistakes. `None` means that nothing can be said of the text, because it exceeds a bound.
pub fn parse(file: FileId, text: &str, out: &mut Diagnostics) -> Option<Node> {
    mend::parse(file, text, out)
}

impl Node {
    fn new(kind: Kind, span: Span) -> Node {
        Node {
            kind,
            span,
            torn: false,
        }
    }

    /// Whether any of it could not be read.
    pub fn torn_inside(&self) -> bool {
        self.torn
            || match &self.kind {
                Kind::List(items) => items.iter().any(Node::torn_inside),
                Kind::Map(entries) => entries.iter().any(|entry| entry.value.torn_inside()),
                _ => false,
            }
    }

    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::String(value) => Some(value),
            _ => None,
        }
    }

    pub fn as_list(&self) -> Option<&[Node]> {
        match &self.kind {
            Kind::List(items) => Some(items),
            _ => None,
        }
    }

    pub fn as_map(&self) -> Option<&[Entry]> {
        match &self.kind {
            Kind::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The entry of a map with this key.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.as_map()?.iter().find(|entry| entry.key.value == key)
    }

    /// The value as it was written, of the text it was parsed from: `12.50`, `0x1F`, `'quoted'`.
    pub fn source<'t>(&self, text: &'t str) -> &'t str {
        text.get(self.span.range()).unwrap_or_default()
    }

    /// Where bytes `range` of a text value stand in the source it was parsed from.
    ///
    /// Exact for bare and quoted text (also through `''` and escapes) and, up to white space at
    /// the ends of the range, for text over several lines. The whole value's span where there is
    /// no telling.
    pub fn value_span(&self, text: &str, range: Range<usize>) -> Span {
        match &self.kind {
            Kind::String(value) => place::inside(text, self.span, value, range),
            Kind::Int(_) | Kind::Float(_) | Kind::Bool(_) => self.span.sub(range),
            Kind::Null | Kind::List(_) | Kind::Map(_) => self.span,
        }
    }
}

impl Kind {
    /// What a person would call it: "expected a list, found …".
    pub fn noun(&self) -> &'static str {
        match self {
            Kind::Null => "nothing",
            Kind::Bool(_) => "true or false",
            Kind::Int(_) => "a whole number",
            Kind::Float(_) => "a number",
            Kind::String(_) => "text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
        }
    }
}
