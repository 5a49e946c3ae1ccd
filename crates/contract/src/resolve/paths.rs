//! `key:`, `within:` and `sequence:`: what stands in a record's path besides its word, and what
//! is counted there.

use diag::{Diagnostic, Diagnostics, suggest};
use model::{FieldKind, SystemField, Within};
use value::{FieldId, ResourceId, Type};

use super::keys::stored;
use super::{Property, ResourceDraft};
use crate::codes;
use crate::form::one_of;
use crate::read::{Item, Text};

/// Paths are read and typed by people; two values are usual.
const KEY_FIELDS_MAX: usize = 4;
/// Characters of a text in a path. Percent-encoded they may be twelve times as many bytes, and
/// proxies cut a request's first line at 8 KiB.
const KEY_CHARS_MAX: u32 = 255;
/// Resources around a resource: each adds a lookup to every request.
const WITHIN_MAX: usize = 4;

/// Resolves the paths of all resources. `torn`: some resources could not be read.
pub fn resolve(drafts: &mut [ResourceDraft<'_, '_>], torn: bool, out: &mut Diagnostics) {
    let within: Vec<Option<Within>> = drafts
        .iter()
        .map(|draft| within(drafts, draft, torn, out))
        .collect();
    for (draft, within) in drafts.iter_mut().zip(within) {
        draft.within = within;
    }
    bound(drafts, out);
    for draft in drafts.iter_mut() {
        key(draft, out);
    }
    let counted: Vec<Vec<(FieldId, FieldId)>> = drafts
        .iter()
        .map(|draft| sequences(drafts, draft, torn, out))
        .collect();
    for (draft, counted) in drafts.iter_mut().zip(counted) {
        imply(draft, &counted);
    }
    collisions(drafts, out);
}

fn within(
    drafts: &[ResourceDraft<'_, '_>],
    draft: &ResourceDraft<'_, '_>,
    torn: bool,
    out: &mut Diagnostics,
) -> Option<Within> {
    let text = draft.item.text("within")?;
    let (resource, field) = parent(drafts, draft, text, Asked::WITHIN, torn, out)?;
    let declared = draft.field(field).declared?;
    let told = &draft.field(field).field;
    // What stands in a path is seen by whoever sees the path.
    let hides = |key: &str| declared.item.entry(key).map(|entry| entry.key.span);
    let read = declared
        .item
        .get("access")
        .and_then(|access| access.entry("read"))
        .map(|entry| entry.key.span);
    let audience = (told.audience > super::audience(draft.item))
        .then(|| hides("audience"))
        .flatten();
    for (span, word, label) in [
        (read, "access: {read: …}", "the path tells it anyway"),
        (audience, "audience", "the path tells it anyway"),
        (hides("set"), "set", "the path gives it"),
        (hides("readOnly"), "readOnly", "the path gives it"),
        (hides("writeOnly"), "writeOnly", "the path tells it anyway"),
        (
            hides("immutable"),
            "immutable",
            "what is within a record stays there anyway",
        ),
    ] {
        if let Some(span) = span {
            out.push(
                Diagnostic::error(
                    codes::WITHIN,
                    span,
                    format!(
                        "`{word}` on `{}`, which the path of every record holds",
                        declared.name
                    ),
                )
                .label(label)
                .also(text.span(), "because of `within`")
                .help(format!("delete `{word}`, or `within`")),
            );
        }
    }
    Some(Within { resource, field })
}

/// Who asks for a relation to another resource, for messages.
struct Asked {
    word: &'static str,
    code: &'static str,
    /// Why the relation must always be there.
    always: &'static str,
}

impl Asked {
    const WITHIN: Asked = Asked {
        word: "within",
        code: codes::WITHIN,
        always: "a record without it would have no path",
    };
    const SEQUENCE: Asked = Asked {
        word: "sequence",
        code: codes::SEQUENCE,
        always: "a record without it could not be counted",
    };
}

/// The relation that `within: Repo`, `within: repo` and `sequence:` mean.
fn parent(
    drafts: &[ResourceDraft<'_, '_>],
    draft: &ResourceDraft<'_, '_>,
    text: Text<'_>,
    asked: Asked,
    torn: bool,
    out: &mut Diagnostics,
) -> Option<(ResourceId, FieldId)> {
    let Asked { word, code, always } = asked;
    let written = text.as_str();
    let wrong = |message: String| Diagnostic::error(code, text.span(), message);
    let relations: Vec<(&str, ResourceId, FieldId)> = draft
        .fields
        .iter()
        .filter(|field| !field.broken)
        .filter_map(|field| match &field.field.kind {
            FieldKind::Relation { relation, target } => {
                Some((relation.as_str(), *target, field.field.id))
            }
            _ => None,
        })
        .collect();
    let target = drafts.iter().find(|known| known.name() == written);
    let named = relations.iter().find(|(relation, ..)| *relation == written);
    let leading: Vec<&(&str, ResourceId, FieldId)> = match (target, named) {
        (Some(target), _) => relations
            .iter()
            .filter(|(_, to, _)| *to == target.id)
            .collect(),
        (None, Some(relation)) => vec![relation],
        (None, None) => {
            if torn || draft.torn || matches!(draft.properties.get(written), Some(Property::Broken))
            {
                return None;
            }
            let bare = written.strip_suffix("_id").unwrap_or(written);
            let known = relations
                .iter()
                .map(|(relation, ..)| *relation)
                .chain(drafts.iter().map(ResourceDraft::name));
            let found = wrong(format!("`{word}: {written}` leads to no resource"));
            out.push(match suggest::nearest(bare, known) {
                Some(near) => found
                    .label(format!("did you mean `{near}`?"))
                    .help(format!("write `{word}: {near}`")),
                None => found.label("no resource and no relation of this one").help(
                    "name a resource of this contract, such as `Repo`, or the relation to it, such as `repo`",
                ),
            });
            return None;
        }
    };
    // What it is within is also what it is counted by.
    let inside = draft
        .within
        .and_then(|within| leading.iter().find(|(.., field)| *field == within.field));
    let (relation, to, field) = match (leading.as_slice(), inside) {
        ([only], _) | (_, Some(only)) => **only,
        ([], _) => {
            let target = target?;
            if draft.torn || draft.fields.iter().any(|field| field.broken) {
                return None;
            }
            let relation = &target.names.snake;
            out.push(
                wrong(format!("`{}` has no relation to `{written}`", draft.name()))
                    .label("which record would that be?")
                    .help(format!(
                        "give `{}` a field `{relation}: {written}`",
                        draft.name()
                    )),
            );
            return None;
        }
        (several, _) => {
            let choices: Vec<String> = several
                .iter()
                .map(|(relation, ..)| format!("`{word}: {relation}`"))
                .collect();
            out.push(
                wrong(format!(
                    "`{}` has several relations to `{written}`",
                    draft.name()
                ))
                .label("which of them?")
                .help(format!("name the relation: {}", one_of(&choices))),
            );
            return None;
        }
    };
    let declared = draft.field(field).declared?;
    if draft.field(field).field.shape.nullable {
        out.push(
            Diagnostic::error(
                code,
                declared.span,
                format!("`{relation}` may be empty, but `{word}` needs it"),
            )
            .label(always)
            .also(text.span(), format!("needed by this `{word}`"))
            .help(format!("write `{relation}:` without `?`")),
        );
        return None;
    }
    Some((to, field))
}

/// What one meets on the way from a resource to the outermost around it.
enum Climb {
    /// So many resources around it.
    Ends(usize),
    /// It is around itself: the resources on the way.
    Circle(Vec<usize>),
    /// One around it is around itself.
    Lost,
}

fn climb(drafts: &[ResourceDraft<'_, '_>], start: usize) -> Climb {
    let mut path = vec![start];
    while let Some(within) = drafts[path[path.len() - 1]].within {
        let next = usize::from(within.resource.0);
        if next == start {
            return Climb::Circle(path);
        }
        if path.contains(&next) {
            return Climb::Lost;
        }
        path.push(next);
    }
    Climb::Ends(path.len() - 1)
}

/// No record is around itself, and none lies too deep.
fn bound(drafts: &mut [ResourceDraft<'_, '_>], out: &mut Diagnostics) {
    let climbs: Vec<Climb> = (0..drafts.len()).map(|at| climb(drafts, at)).collect();
    for (at, climb) in climbs.iter().enumerate() {
        let draft = &drafts[at];
        let Some(text) = draft.item.text("within") else {
            continue;
        };
        let wrong = |message: String| Diagnostic::error(codes::WITHIN, text.span(), message);
        match climb {
            Climb::Ends(around) if *around <= WITHIN_MAX => continue,
            Climb::Ends(_) => out.push(
                wrong(format!(
                    "`{}` lies within more than {WITHIN_MAX} others",
                    draft.name()
                ))
                .label("too deep")
                .help("give it a path of its own: delete `within`, and reach it by a list"),
            ),
            // A circle is told once, at the first in the file.
            Climb::Circle(path) if path.iter().all(|other| *other >= at) => {
                let names: Vec<&str> = path
                    .iter()
                    .chain([&at])
                    .map(|at| drafts[*at].name())
                    .collect();
                out.push(
                    wrong(format!("`{}` would be within itself", draft.name()))
                        .label(names.join(" → "))
                        .help("delete `within` in one of them, so that a path can begin"),
                );
            }
            Climb::Circle(_) | Climb::Lost => {}
        }
        // Nobody after this follows a path without an end.
        drafts[at].within = None;
    }
}

fn key(draft: &mut ResourceDraft<'_, '_>, out: &mut Diagnostics) {
    let Some(item) = draft.item.get("key") else {
        return;
    };
    let names: Vec<Text<'_>> = match item.as_text() {
        Some(one) => vec![one],
        None => item.items().iter().filter_map(Item::as_text).collect(),
    };
    if let Some(extra) = names.get(KEY_FIELDS_MAX) {
        out.push(
            Diagnostic::error(
                codes::KEY,
                extra.span(),
                format!("a key has at most {KEY_FIELDS_MAX} fields"),
            )
            .label("one too many")
            .help("name the few that tell records apart"),
        );
    }
    let mut found: Vec<FieldId> = vec![];
    let mut whole = !names.is_empty();
    for name in names.iter().take(KEY_FIELDS_MAX) {
        match key_field(draft, *name, out) {
            Some(id) if found.contains(&id) => {
                out.push(
                    Diagnostic::error(
                        codes::KEY,
                        name.span(),
                        format!("`{}` stands in the key twice", name.as_str()),
                    )
                    .label("already there")
                    .help("each field once is enough"),
                );
                whole = false;
            }
            Some(id) => found.push(id),
            None => whole = false,
        }
    }
    if whole {
        draft.path_key = found;
    }
}

/// A field whose value can stand in a path.
fn key_field(
    draft: &mut ResourceDraft<'_, '_>,
    name: Text<'_>,
    out: &mut Diagnostics,
) -> Option<FieldId> {
    let id = stored(draft, name, "key", out)?;
    let known = draft.field(id);
    if known.broken {
        return None;
    }
    let field = &known.field;
    let called = name.as_str();
    let hidden = known
        .declared
        .and_then(|declared| declared.item.get("access"))
        .is_some_and(|access| access.entry("read").is_some());
    let reason = match (&field.kind, &field.shape.ty) {
        (FieldKind::System(SystemField::Id), _) => Some((
            "the path has it anyway",
            "delete `key`: without it the id stands in the path".to_owned(),
        )),
        (FieldKind::System(_), _) => Some((
            "two records may be made at the same time",
            "name fields that tell records apart".to_owned(),
        )),
        (FieldKind::Relation { target, .. }, _) => Some((
            "it holds an id",
            format!(
                "write `within: {}` to put the other record's path in front, and name the rest here",
                if *target == draft.id { "…" } else { called }
            ),
        )),
        (_, Type::Text | Type::Enum(_) | Type::Uuid | Type::Date)
        | (_, Type::Int32 | Type::Int53 | Type::Int64) => None,
        _ => Some((
            "has no one spelling in a path",
            "keys are text, enums, integers, uuids or dates".to_owned(),
        )),
    };
    let reason = reason.or_else(|| {
        if field.shape.nullable {
            Some((
                "may be empty",
                format!("write `{called}:` without `?`, so that every record has a path"),
            ))
        } else if field.write_only || hidden || field.audience > super::audience(draft.item) {
            Some((
                "not everybody who reads the record may see it",
                "leave it out: the path would tell it".to_owned(),
            ))
        } else {
            None
        }
    });
    if let Some((label, help)) = reason {
        out.push(
            Diagnostic::error(
                codes::KEY,
                name.span(),
                format!("`{called}` cannot stand in a path"),
            )
            .label(label)
            .help(help),
        );
        return None;
    }
    if field.shape.ty == Type::Text {
        let longest = known
            .declared
            .and_then(|declared| declared.item.entry("maxLength"))
            .map_or(name.span(), |entry| entry.item.span());
        let at = usize::from(id.0);
        let constraints = &mut draft.fields[at].field.shape.constraints;
        if let Some(most) = constraints.max_length.filter(|most| *most > KEY_CHARS_MAX) {
            out.push(
                Diagnostic::error(
                    codes::KEY,
                    longest,
                    format!("`{called}` may have {most} characters, which is too long for a path"),
                )
                .label(format!("at most {KEY_CHARS_MAX} in a key"))
                .also(name.span(), "it stands in the path")
                .help(format!("write `maxLength: {KEY_CHARS_MAX}` or less")),
            );
        }
        constraints.max_length = Some(constraints.max_length.unwrap_or(KEY_CHARS_MAX));
        constraints.min_length = Some(constraints.min_length.unwrap_or(1).max(1));
        constraints.path_segment = true;
    }
    Some(id)
}

/// The counted fields and the relations they are counted by.
fn sequences(
    drafts: &[ResourceDraft<'_, '_>],
    draft: &ResourceDraft<'_, '_>,
    torn: bool,
    out: &mut Diagnostics,
) -> Vec<(FieldId, FieldId)> {
    let mut counted = vec![];
    for known in draft.fields.iter().filter(|known| !known.broken) {
        let Some(declared) = known.declared else {
            continue;
        };
        let Some(text) = declared.item.text("sequence") else {
            continue;
        };
        let field = &known.field;
        let is_whole = matches!(field.shape.ty, Type::Int32 | Type::Int53 | Type::Int64);
        let wrong = if !is_whole {
            Some(("not an integer", "write `type: integer`".to_owned()))
        } else if field.shape.nullable {
            Some((
                "never empty: the server counts it",
                format!("write `{}:` without `?`", declared.name),
            ))
        } else {
            None
        };
        if let Some((label, help)) = wrong {
            out.push(
                Diagnostic::error(
                    codes::SEQUENCE,
                    declared.span,
                    format!("`{}` cannot be counted", declared.name),
                )
                .label(label)
                .also(text.span(), "counted because of this")
                .help(help),
            );
            continue;
        }
        if let Some((_, relation)) = parent(drafts, draft, text, Asked::SEQUENCE, torn, out) {
            counted.push((field.id, relation));
        }
    }
    counted
}

/// What follows from a path or a sequence: what cannot change, and what is unique.
fn imply(draft: &mut ResourceDraft<'_, '_>, counted: &[(FieldId, FieldId)]) {
    let mut unique: Vec<Vec<FieldId>> = vec![];
    if let Some(within) = draft.within {
        draft.fields[usize::from(within.field.0)].field.immutable = true;
    }
    if !draft.path_key.is_empty() {
        let around = draft.within.map(|within| within.field);
        unique.push(
            around
                .into_iter()
                .chain(draft.path_key.iter().copied())
                .collect(),
        );
    }
    for (field, relation) in counted {
        draft.fields[usize::from(field.0)].field.sequence = Some(*relation);
        draft.fields[usize::from(relation.0)].field.immutable = true;
        unique.push(vec![*relation, *field]);
    }
    for fields in unique {
        match fields.as_slice() {
            [one] => {
                let field = &mut draft.fields[usize::from(one.0)].field;
                field.unique = true;
                field.indexed = true;
            }
            _ if !draft.unique.contains(&fields) => draft.unique.push(fields),
            _ => {}
        }
    }
}

/// What is within one resource has paths of its own there. A path that a record's list has cannot
/// be that of what is within it either, unless they are the same records.
fn collisions(drafts: &[ResourceDraft<'_, '_>], out: &mut Diagnostics) {
    for (at, draft) in drafts.iter().enumerate() {
        let (Some(within), Some(text)) = (draft.within, draft.item.text("within")) else {
            continue;
        };
        let around = &drafts[usize::from(within.resource.0)];
        let is_beside = |other: &&ResourceDraft<'_, '_>| {
            let same_place = other.within.map(|within| within.resource) == Some(around.id);
            same_place && other.names.path == draft.names.path
        };
        if let Some(before) = drafts[..at].iter().find(is_beside) {
            let span = |draft: &ResourceDraft<'_, '_>| {
                let path = draft.item.text("path");
                path.map_or(draft.key.span, Text::span)
            };
            out.push(
                Diagnostic::error(
                    codes::RESOURCE_COLLISION,
                    span(draft),
                    format!(
                        "`{}` and `{}` have the same path `/{}` within `{}`",
                        before.name(),
                        draft.name(),
                        draft.names.path,
                        around.name()
                    ),
                )
                .label(format!("also `/{}`", draft.names.path))
                .also(span(before), format!("`/{}`", draft.names.path))
                .help("give one of them another `path:`"),
            );
        }
        let lists = around.item.get("lists").map(Item::entries);
        for list in &around.lists {
            let same = list.resource == draft.id && list.field == within.field;
            if list.path() != draft.names.path || same {
                continue;
            }
            let span = lists
                .and_then(|lists| lists.iter().find(|entry| entry.name == list.name))
                .map_or(around.key.span, |entry| entry.key.span);
            out.push(
                Diagnostic::error(
                    codes::RESOURCE_COLLISION,
                    span,
                    format!(
                        "the list `{}` and `{}` have the same path `/{}` within `{}`",
                        list.name,
                        draft.name(),
                        draft.names.path,
                        around.name()
                    ),
                )
                .label(format!("also `/{}`", draft.names.path))
                .also(text.span(), format!("`{}` stands there", draft.name()))
                .help(format!(
                    "rename the list, or give `{}` another `path:`",
                    draft.name()
                )),
            );
        }
    }
}
