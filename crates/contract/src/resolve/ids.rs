//! How the ids of each resource are made.

use std::collections::HashMap;
use std::sync::Arc;

use diag::{Diagnostic, Diagnostics, Span};
use value::{IdKind, IdType};

use super::resource_id;
use crate::codes;
use crate::names::ResourceNames;
use crate::read::Item;
use crate::sections::Named;

/// What stands in front of a number in `BKG-77231`: a few letters, not a text.
const NUMBER_PREFIX_CHARS_MAX: usize = 20;

const DIGITS: [&str; 10] = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
];

/// The id types, in the order of the resources.
pub fn resolve(
    resources: &[Named<'_, '_>],
    names: &[ResourceNames],
    out: &mut Diagnostics,
) -> Vec<Arc<IdType>> {
    let mut prefixes: HashMap<String, (String, Span)> = HashMap::new();
    resources
        .iter()
        .zip(names)
        .enumerate()
        .map(|(at, ((key, item), names))| {
            let (kind, prefix, span) = one(item, &names.snake, key.span, out);
            if matches!(kind, IdKind::TypeId | IdKind::Random) {
                match prefixes.get(&prefix) {
                    Some((other, before)) => out.push(
                        Diagnostic::error(
                            codes::ID,
                            span,
                            format!(
                                "ids of `{other}` and `{}` both begin with `{prefix}_`",
                                key.value
                            ),
                        )
                        .label(format!("also `{prefix}_…`"))
                        .also(*before, format!("`{prefix}_…`"))
                        .help("give one of them another, for example `id: {prefix: other}`; it tells the ids of resources apart, in lower-case letters"),
                    ),
                    None => {
                        prefixes.insert(prefix.clone(), (key.value.clone(), span));
                    }
                }
            }
            Arc::new(IdType {
                resource: resource_id(at),
                resource_name: key.value.as_str().into(),
                kind,
                prefix: prefix.into(),
            })
        })
        .collect()
}

/// Whether the ids of a resource may be other than they seem, because some of it could not be
/// read.
pub fn unknown(resource: &Item<'_>) -> bool {
    match resource.entry("id") {
        Some(id) => id.item.is_broken() || id.item.odd,
        None => resource.is_broken() || resource.node.torn,
    }
}

fn one(item: &Item<'_>, snake: &str, key: Span, out: &mut Diagnostics) -> (IdKind, String, Span) {
    let Some(id) = item.get("id") else {
        return (IdKind::TypeId, own_prefix(snake), key);
    };
    let word = id.as_text().or_else(|| id.text("type"));
    let kind = match word.map(|word| word.as_str()) {
        Some("uuid") => IdKind::Uuid,
        Some("integer") => IdKind::Integer,
        Some("string") => IdKind::Text,
        Some("random") => IdKind::Random,
        _ => IdKind::TypeId,
    };
    let Some(written) = id.text("prefix") else {
        let prefix = match kind {
            IdKind::TypeId | IdKind::Random => own_prefix(snake),
            _ => String::new(),
        };
        return (kind, prefix, id.span());
    };
    let prefix = written.as_str();
    let problem = match kind {
        IdKind::Uuid | IdKind::Text => Some((
            "ids of this type have no prefix",
            "delete the prefix, or write `type: integer`".to_owned(),
        )),
        IdKind::Integer => {
            let safe = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~');
            let fine = prefix.len() <= NUMBER_PREFIX_CHARS_MAX
                && prefix.bytes().all(safe)
                && !prefix.ends_with(|c: char| c.is_ascii_digit());
            (!fine).then(|| {
                (
                    "cannot stand in a path in front of a number",
                    format!(
                        "use at most {NUMBER_PREFIX_CHARS_MAX} letters, digits, `-`, `_`, `.` and `~`, no digit last, as in `BKG-`"
                    ),
                )
            })
        }
        IdKind::TypeId | IdKind::Random => {
            let bare = prefix.trim_end_matches(['_', '-']);
            (!value::id::is_typeid_prefix(prefix)).then(|| {
                (
                    "lower-case letters, and `_` between them",
                    if value::id::is_typeid_prefix(bare) {
                        format!("write `prefix: {bare}`; the `_` behind it comes by itself")
                    } else {
                        format!(
                            "for numbered ids like `{prefix}17` add `type: integer`; otherwise use lower-case letters"
                        )
                    },
                )
            })
        }
    };
    if let Some((label, help)) = problem {
        out.push(
            Diagnostic::error(
                codes::ID,
                written.span(),
                format!("`{prefix}` cannot be the prefix of these ids"),
            )
            .label(label)
            .help(help),
        );
        return (kind, own_prefix(snake), written.span());
    }
    (kind, prefix.to_owned(), written.span())
}

/// TypeID knows no digits in prefixes, so they are spelt: `Phase2` and `Phase3` are not to meet.
fn own_prefix(snake: &str) -> String {
    let mut prefix = String::with_capacity(snake.len());
    let mut spelt = false;
    for c in snake.chars() {
        let word = c.to_digit(10).map(|digit| DIGITS[digit as usize]);
        let apart = word.is_some() || (spelt && c != '_');
        if apart && !prefix.ends_with('_') {
            prefix.push('_');
        }
        spelt = word.is_some();
        match word {
            Some(word) => prefix.push_str(word),
            None if c.is_ascii_lowercase() || c == '_' => prefix.push(c),
            None => {}
        }
    }
    let mut prefix = prefix.trim_matches('_').to_owned();
    // Too long, if anything: the digits of a long name, for example.
    while !prefix.is_empty() && !value::id::is_typeid_prefix(&prefix) {
        prefix.pop();
    }
    if prefix.is_empty() {
        "x".to_owned()
    } else {
        prefix
    }
}
