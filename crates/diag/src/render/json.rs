//! The form for a program: plain JSON, stable names.

use serde_json::{Map, Value};

use crate::{Diagnostic, Sources, Span};

/// An array with one object per diagnostic: `severity`, `code`, `message`, the place (`file`,
/// `line`, `column`, `end_line`, `end_column`; from 1, columns in characters, the end exclusive),
/// `help` and `note` (may be null), and `labels`: every explained place, the primary one first.
pub fn json(sources: &Sources, diagnostics: &(impl AsRef<[Diagnostic]> + ?Sized)) -> Value {
    diagnostics
        .as_ref()
        .iter()
        .map(|diagnostic| object(sources, diagnostic))
        .collect()
}

fn object(sources: &Sources, diagnostic: &Diagnostic) -> Value {
    let mut object = Map::new();
    object.insert("severity".into(), diagnostic.severity.as_str().into());
    object.insert("code".into(), diagnostic.code.into());
    object.insert("message".into(), diagnostic.message.as_str().into());
    place(sources, diagnostic.primary.span, &mut object);
    object.insert("help".into(), diagnostic.help.as_deref().into());
    object.insert("note".into(), diagnostic.note.as_deref().into());
    let primary = Some(&diagnostic.primary).filter(|label| !label.text.is_empty());
    let labels = primary
        .into_iter()
        .chain(&diagnostic.secondary)
        .map(|label| {
            let mut object = Map::new();
            object.insert("message".into(), label.text.as_str().into());
            place(sources, label.span, &mut object);
            Value::Object(object)
        });
    object.insert("labels".into(), labels.collect());
    Value::Object(object)
}

fn place(sources: &Sources, span: Span, object: &mut Map<String, Value>) {
    let (line, column) = sources.line_column(span);
    let (end_line, end_column) = sources.end_line_column(span);
    object.insert("file".into(), sources.path(span.file).into());
    for (name, number) in [
        ("line", line),
        ("column", column),
        ("end_line", end_line),
        ("end_column", end_column),
    ] {
        object.insert(name.into(), number.into());
    }
}
