//! `unique:`, `index:` and `search:` of a resource, and warnings about indexes that exist anyway.

use diag::{Diagnostic, Diagnostics, Span, suggest};
use model::FieldKind;
use value::{FieldId, Type};

use super::fields::not_indexable;
use super::{Lookup, ResourceDraft};
use crate::codes;
use crate::read::{Item, Text, names_of};

/// Databases stop at 16 to 32 columns in an index; useful ones have two or three.
const KEY_FIELDS_MAX: usize = 8;
/// Each index makes every write slower.
const KEYS_MAX: usize = 50;

pub fn resolve(draft: &mut ResourceDraft<'_, '_>, out: &mut Diagnostics) {
    draft.unique = several(draft, "unique", out);
    draft.index = several(draft, "index", out);
    draft.search = search(draft, out);
}

fn several(draft: &ResourceDraft<'_, '_>, key: &str, out: &mut Diagnostics) -> Vec<Vec<FieldId>> {
    let Some(list) = draft.item.get(key) else {
        return vec![];
    };
    let mut all: Vec<(Vec<FieldId>, Span)> = vec![];
    for entry in list.items().iter().filter(|item| !item.is_broken()) {
        let names: Vec<Text<'_>> = entry.items().iter().filter_map(Item::as_text).collect();
        let whole = names.len() == entry.items().len();
        let found: Vec<Option<FieldId>> = names
            .iter()
            .map(|name| field(draft, *name, key, out))
            .collect();
        let Some(fields) = found.into_iter().collect::<Option<Vec<FieldId>>>() else {
            continue;
        };
        if !whole {
            continue;
        }
        let problem = if fields.len() == 1 {
            let name = names[0].as_str();
            Some((
                format!("`{key}` beside `fields` is about several fields together"),
                "only one field",
                format!("write `{key}: true` at the field `{name}`, or name a second field"),
            ))
        } else if fields.len() > KEY_FIELDS_MAX {
            Some((
                format!("more than {KEY_FIELDS_MAX} fields together"),
                "too many fields",
                "name the few that tell records apart".to_owned(),
            ))
        } else if (1..fields.len()).any(|at| fields[..at].contains(&fields[at])) {
            Some((
                "the same field twice".to_owned(),
                "a field stands twice",
                "each field once is enough".to_owned(),
            ))
        } else {
            None
        };
        if let Some((message, label, help)) = problem {
            out.push(
                Diagnostic::error(codes::UNKNOWN_FIELD, entry.span(), message)
                    .label(label)
                    .help(help),
            );
            continue;
        }
        if let Some((_, before)) = all.iter().find(|(other, _)| *other == fields) {
            out.push(
                Diagnostic::error(codes::UNKNOWN_FIELD, entry.span(), "the same fields again")
                    .label("already there")
                    .also(*before, "here")
                    .help("delete one of them"),
            );
            continue;
        }
        all.push((fields, entry.span()));
    }
    if let Some((_, span)) = all.get(KEYS_MAX) {
        out.push(
            Diagnostic::error(
                codes::TOO_MANY,
                *span,
                format!("`{key}` has more than {KEYS_MAX} entries"),
            )
            .label("one too many")
            .help("every index makes every write slower; keep those that lists use"),
        );
    }
    all.into_iter().map(|(fields, _)| fields).collect()
}

/// A field that can stand in an index.
fn field(
    draft: &ResourceDraft<'_, '_>,
    name: Text<'_>,
    key: &str,
    out: &mut Diagnostics,
) -> Option<FieldId> {
    let id = stored(draft, name, key, out)?;
    let field = &draft.field(id).field;
    let is_id = matches!(field.kind, FieldKind::System(model::SystemField::Id));
    let reason = if is_id {
        Some((
            "unique by itself",
            "delete it: no two records have the same id",
        ))
    } else {
        not_indexable(field, false)
    };
    if let Some((why, help)) = reason {
        out.push(
            Diagnostic::error(
                codes::NOT_INDEXABLE,
                name.span(),
                format!("`{}` cannot stand in `{key}`", name.as_str()),
            )
            .label(why)
            .help(help),
        );
        return None;
    }
    Some(id)
}

/// A stored field by name; what is not one is reported.
pub fn stored(
    draft: &ResourceDraft<'_, '_>,
    name: Text<'_>,
    key: &str,
    out: &mut Diagnostics,
) -> Option<FieldId> {
    let written = name.as_str();
    let (label, help) = match draft.stored(written) {
        Lookup::Found(id) => return Some(id),
        Lookup::Broken => return None,
        Lookup::Computed => (
            "computed when read, not stored".to_owned(),
            "name stored fields only".to_owned(),
        ),
        Lookup::Other(what) => (format!("this is {what}"), "name a field".to_owned()),
        Lookup::Unknown => {
            let bare = written.strip_suffix('?').unwrap_or(written);
            if bare != written && matches!(draft.stored(bare), Lookup::Found(_)) {
                (
                    "the `?` is not part of the name".to_owned(),
                    format!("write `{bare}`"),
                )
            } else {
                match suggest::nearest(written, draft.field_names()) {
                    Some(near) => (format!("did you mean `{near}`?"), format!("write `{near}`")),
                    None => (
                        format!("not a field of `{}`", draft.name()),
                        format!("its fields are {}", names_of(draft.field_names())),
                    ),
                }
            }
        }
    };
    out.push(
        Diagnostic::error(
            codes::UNKNOWN_FIELD,
            name.span(),
            format!(
                "`{key}` names `{written}`, which is not a stored field of `{}`",
                draft.name()
            ),
        )
        .label(label)
        .help(help),
    );
    None
}

fn search(draft: &ResourceDraft<'_, '_>, out: &mut Diagnostics) -> Vec<FieldId> {
    let mut found: Vec<FieldId> = vec![];
    for name in draft.item.texts("search") {
        let Some(id) = stored(draft, name, "search", out) else {
            continue;
        };
        let draft_field = draft.field(id);
        let field = &draft_field.field;
        let hidden = draft_field
            .declared
            .and_then(|declared| declared.item.get("access"))
            .is_some_and(|access| access.entry("read").is_some());
        let (why, help) = if field.shape.ty != Type::Text {
            (
                "not text",
                "search looks through `string` and `text` fields; other fields are filtered by: give them `index: true`",
            )
        } else if field.write_only || hidden {
            (
                "not everybody may read it",
                "leave it out: finding a record by it would reveal it",
            )
        } else if found.contains(&id) {
            ("already there", "name each field once")
        } else {
            found.push(id);
            continue;
        };
        out.push(
            Diagnostic::error(
                codes::SEARCH,
                name.span(),
                format!("`{}` cannot be searched", name.as_str()),
            )
            .label(why)
            .help(help),
        );
    }
    found
}

/// Indexes that are there anyway. Only asked of contracts without errors.
pub fn warn(draft: &ResourceDraft<'_, '_>, out: &mut Diagnostics) {
    for field in &draft.fields {
        let Some(declared) = field.declared else {
            continue;
        };
        let Some(index) = declared
            .item
            .entry("index")
            .filter(|_| declared.item.flag("index"))
        else {
            continue;
        };
        let why = if field.field.unique {
            "a unique field has an index anyway"
        } else if field.field.relation().is_some() {
            "a relation has an index anyway"
        } else {
            continue;
        };
        out.push(
            Diagnostic::warning(
                codes::REDUNDANT_INDEX,
                index.key.span,
                format!("`index` on `{}` adds nothing", declared.name),
            )
            .label(why)
            .help("delete `index: true`"),
        );
    }
}
