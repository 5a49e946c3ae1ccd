//! What a name that a resource does not have was probably meant to be.
//!
//! Told in parentheses behind the name. Whoever asks brings the names the caller may know, so that
//! nothing is told of what is not served to them.

use model::{Field, Resource};

/// `` (use `author_id`)`` or `` (did you mean `title`?)``; nothing where nothing is near.
///
/// `known`: the fields that would do. `prefix` stands in front of their names: `author.`.
pub fn field(
    resource: &Resource,
    name: &str,
    prefix: &str,
    known: impl Fn(&Field) -> bool,
) -> String {
    let relation = resource.relation_named(name);
    if let Some(field) = relation.filter(|field| known(field)) {
        return format!(" (use `{prefix}{}`)", field.name);
    }
    let names = resource.fields.iter().filter(|field| known(field));
    diag::suggest::nearest(name, names.map(|field| field.name.as_str()))
        .map_or_else(String::new, |near| {
            format!(" (did you mean `{prefix}{near}`?)")
        })
}

/// As [`field`], where a relation is needed: it has the name without `_id`. `behind` is what
/// followed the name: `.name`.
pub fn relation(name: &str, behind: &str, known: &[&str]) -> String {
    match name.strip_suffix("_id") {
        Some(bare) if known.contains(&bare) => format!(" (use `{bare}{behind}`)"),
        _ => diag::suggest::nearest(name, known.iter().copied()).map_or_else(String::new, |near| {
            format!(" (did you mean `{near}{behind}`?)")
        }),
    }
}
