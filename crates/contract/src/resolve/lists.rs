//! `lists:`: the other side of relations.

use diag::{Diagnostic, Diagnostics, suggest};
use model::{FieldKind, ListRelation};
use value::{FieldId, ResourceId};

use super::{Property, ResourceDraft};
use crate::codes;
use crate::read::{Item, Text, names_of};

/// What is to be written into one resource.
struct Resolved {
    name: String,
    list: Option<ListRelation>,
}

/// Resolves the lists of all resources. `torn`: some resources could not be read.
pub fn resolve(drafts: &mut [ResourceDraft<'_, '_>], torn: bool, out: &mut Diagnostics) {
    let resolved: Vec<Vec<Resolved>> = drafts
        .iter()
        .map(|draft| {
            let entries = draft
                .item
                .get("lists")
                .map(Item::entries)
                .unwrap_or_default();
            entries
                .iter()
                .map(|entry| Resolved {
                    name: entry.name.to_owned(),
                    list: entry
                        .item
                        .as_text()
                        .and_then(|text| one(drafts, draft, text, torn, out))
                        .map(|(resource, field)| ListRelation {
                            name: entry.name.to_owned(),
                            resource,
                            field,
                        }),
                })
                .collect()
        })
        .collect();
    for (draft, lists) in drafts.iter_mut().zip(resolved) {
        for Resolved { name, list } in lists {
            let Some(list) = list else { continue };
            // Only where the name was free when names were given out.
            if let Some(property @ Property::Broken) = draft.properties.get_mut(&name) {
                *property = Property::List(draft.lists.len());
            }
            draft.lists.push(list);
        }
    }
}

fn one(
    drafts: &[ResourceDraft<'_, '_>],
    owner: &ResourceDraft<'_, '_>,
    text: Text<'_>,
    torn: bool,
    out: &mut Diagnostics,
) -> Option<(ResourceId, FieldId)> {
    let written = text.as_str();
    let pointing = |draft: &ResourceDraft<'_, '_>| -> Vec<String> {
        draft
            .fields
            .iter()
            .filter_map(|field| match &field.field.kind {
                FieldKind::Relation { relation, target } if *target == owner.id => {
                    Some(relation.clone())
                }
                _ => None,
            })
            .collect()
    };
    let wrong = |message: String| Diagnostic::error(codes::LIST, text.span(), message);
    let Some((name, relation)) = written.split_once('.') else {
        let found = wrong(format!("`{written}` does not name a relation"));
        let found = match drafts.iter().find(|draft| draft.name() == written) {
            Some(target) => match pointing(target).as_slice() {
                [] => found
                    .label(format!("`{written}` has no relation to `{}`", owner.name()))
                    .help(format!(
                        "give `{written}` a field `{}: {}`, then write `{written}.{}`",
                        owner.names.snake,
                        owner.name(),
                        owner.names.snake
                    )),
                [first, ..] => found
                    .label("which of its relations?")
                    .help(format!("write `{written}.{first}`")),
            },
            None => found.label("a resource, a dot, a relation").help(
                "write it like `Book.author`: the records of `Book` whose `author` is this one",
            ),
        };
        out.push(found);
        return None;
    };
    let Some(target) = drafts.iter().find(|draft| draft.name() == name) else {
        if torn {
            return None;
        }
        let known: Vec<&str> = drafts.iter().map(ResourceDraft::name).collect();
        let found = wrong(format!("there is no resource `{name}`"));
        out.push(match suggest::nearest(name, known.iter().copied()) {
            Some(near) => found
                .label(format!("did you mean `{near}`?"))
                .help(format!("write `{near}.{relation}`")),
            None => found.label("not a resource of this contract").help(
                "write it like `Book.author`: the records of `Book` whose `author` is this one",
            ),
        });
        return None;
    };
    let bare = relation.strip_suffix("_id").unwrap_or(relation);
    match target.properties.get(relation) {
        Some(Property::Relation(field)) => {
            if let FieldKind::Relation { target: to, .. } = target.field(*field).field.kind
                && to != owner.id
            {
                let other = drafts[usize::from(to.0)].name();
                out.push(
                    wrong(format!("`{written}` does not point here"))
                        .label(format!("it points to `{other}`"))
                        .help(match pointing(target).first() {
                            Some(first) => format!("write `{name}.{first}`"),
                            None => format!(
                                "give `{name}` a relation to `{}`, or move this list to `{other}`",
                                owner.name()
                            ),
                        }),
                );
                return None;
            }
            Some((target.id, *field))
        }
        Some(Property::Broken) => None,
        None if target.torn => None,
        other => {
            let found = wrong(format!("`{name}` has no relation `{relation}`"));
            let candidates = pointing(target);
            let known = candidates.iter().map(String::as_str);
            let found = if candidates.iter().any(|candidate| candidate == bare) {
                found
                    .label("a relation is named without `_id`")
                    .help(format!("write `{name}.{bare}`"))
            } else if let Some(near) = suggest::nearest(relation, known.clone()) {
                found
                    .label(format!("did you mean `{near}`?"))
                    .help(format!("write `{name}.{near}`"))
            } else if candidates.is_empty() {
                found
                    .label(match other {
                        Some(_) => "not a relation",
                        None => "no such field",
                    })
                    .help(format!(
                        "give `{name}` a field `{}: {}`, whose list this is",
                        owner.names.snake,
                        owner.name()
                    ))
            } else {
                found.label("no such relation").help(format!(
                    "its relations to this resource are {}",
                    names_of(known)
                ))
            };
            out.push(found);
            None
        }
    }
}
