//! What things were called before, what is gone, and what is about to go.

use std::collections::HashMap;

use diag::{Diagnostic, Diagnostics, Span};

use super::fields::deprecated;
use super::{Lookup, ResourceDraft};
use crate::codes;

/// `torn`: some resources could not be read.
pub fn resolve(drafts: &mut [ResourceDraft<'_, '_>], torn: bool, out: &mut Diagnostics) {
    let names: Vec<String> = drafts.iter().map(|draft| draft.name().to_owned()).collect();
    let mut before: HashMap<String, Span> = HashMap::new();
    for draft in drafts.iter_mut() {
        let item = draft.item;
        draft.was = item.text("was").and_then(|was| {
            let old = was.as_str();
            old_name(
                old,
                was.span(),
                names.iter().any(|name| name == old),
                "resource",
                &mut before,
                out,
            )
            .then(|| old.to_owned())
        });
        let known = |name: &str| torn || names.iter().any(|other| other == name);
        draft.deprecated = deprecated(item, known, "resource", out);
        fields(draft, out);
        removed(draft, out);
    }
}

fn fields(draft: &mut ResourceDraft<'_, '_>, out: &mut Diagnostics) {
    let mut before: HashMap<String, Span> = HashMap::new();
    let mut found = vec![];
    for field in &draft.fields {
        let Some(declared) = field.declared else {
            found.push(None);
            continue;
        };
        if let Some(was) = declared.item.text("was") {
            let exists = draft.properties.contains_key(was.as_str());
            old_name(was.as_str(), was.span(), exists, "field", &mut before, out);
        }
        let known = |name: &str| !matches!(draft.stored(name), Lookup::Unknown);
        found.push(deprecated(declared.item, known, "field", out));
    }
    for (field, deprecated) in draft.fields.iter_mut().zip(found) {
        field.field.deprecated = deprecated;
    }
}

/// Whether a former name can be one.
fn old_name(
    old: &str,
    span: Span,
    exists: bool,
    what: &str,
    before: &mut HashMap<String, Span>,
    out: &mut Diagnostics,
) -> bool {
    if exists {
        out.push(
            Diagnostic::error(
                codes::HISTORY,
                span,
                format!("`was` names `{old}`, which still exists"),
            )
            .label(format!("there is a {what} of this name"))
            .help(format!(
                "`was` is what this {what} was called before; delete it if it was not renamed"
            )),
        );
        return false;
    }
    if let Some(other) = before.insert(old.to_owned(), span) {
        out.push(
            Diagnostic::error(
                codes::HISTORY,
                span,
                format!("two {what}s cannot both have been `{old}`"),
            )
            .label("again here")
            .also(other, "first here")
            .help("keep `was` where the data belongs"),
        );
        return false;
    }
    true
}

fn removed(draft: &mut ResourceDraft<'_, '_>, out: &mut Diagnostics) {
    let mut gone: Vec<String> = vec![];
    for name in draft.item.texts("removed") {
        let written = name.as_str();
        let was = draft.fields.iter().any(|field| {
            field
                .declared
                .and_then(|declared| declared.item.text("was"))
                .is_some_and(|was| was.as_str() == written)
        });
        let (message, help) = if draft.properties.contains_key(written) {
            (
                format!("`removed` names `{written}`, which still exists"),
                "`removed` lists fields that are gone on purpose; delete the field, or this entry",
            )
        } else if was {
            (
                format!("`{written}` is both removed and renamed"),
                "`was` keeps its data, `removed` lets it go: delete one of them",
            )
        } else if gone.iter().any(|other| other == written) {
            (
                format!("`removed` names `{written}` twice"),
                "once is enough",
            )
        } else {
            gone.push(written.to_owned());
            continue;
        };
        out.push(
            Diagnostic::error(codes::HISTORY, name.span(), message)
                .label("not gone")
                .help(help),
        );
    }
    draft.removed = gone;
}
