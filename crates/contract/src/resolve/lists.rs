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
                        .and_then(|text| {
                            let ends = Ends {
                                drafts,
                                owner: draft,
                                text,
                            };
                            ends.relation(torn).unwrap_or_else(|found| {
                                out.push(*found);
                                None
                            })
                        })
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

const LIKE: &str = "write it like `Book.author`: the records of `Book` whose `author` is this one";

/// A list as it is written, and between what it may be.
struct Ends<'t, 'r, 'a> {
    drafts: &'t [ResourceDraft<'r, 'a>],
    owner: &'t ResourceDraft<'r, 'a>,
    text: Text<'t>,
}

impl<'t, 'r, 'a> Ends<'t, 'r, 'a> {
    /// The relation that is the other side. `None` if what could not be read may hold it.
    fn relation(&self, torn: bool) -> Result<Option<(ResourceId, FieldId)>, Box<Diagnostic>> {
        let Some((name, relation)) = self.text.as_str().split_once('.') else {
            return Err(Box::new(self.no_relation_named()));
        };
        let Some(target) = self.drafts.iter().find(|draft| draft.name() == name) else {
            return match torn {
                true => Ok(None),
                false => Err(Box::new(self.unknown_resource(name, relation))),
            };
        };
        match target.properties.get(relation) {
            Some(Property::Relation(field)) => match target.field(*field).field.kind {
                FieldKind::Relation { target: to, .. } if to != self.owner.id => {
                    Err(Box::new(self.points_elsewhere(target, to)))
                }
                _ => Ok(Some((target.id, *field))),
            },
            Some(Property::Broken) => Ok(None),
            None if target.torn => Ok(None),
            other => Err(Box::new(self.not_a_relation(
                target,
                relation,
                other.is_some(),
            ))),
        }
    }

    /// `books: Book`
    fn no_relation_named(&self) -> Diagnostic {
        let (written, owner) = (self.text.as_str(), self.owner);
        let found = self.wrong(format!("`{written}` does not name a relation"));
        let Some(target) = self.drafts.iter().find(|draft| draft.name() == written) else {
            return found.label("a resource, a dot, a relation").help(LIKE);
        };
        let snake = &owner.names.snake;
        match self.pointing_here(target).first() {
            None => found
                .label(format!("`{written}` has no relation to `{}`", owner.name()))
                .help(format!(
                    "give `{written}` a field `{snake}: {}`, then write `{written}.{snake}`",
                    owner.name()
                )),
            Some(first) => found
                .label("which of its relations?")
                .help(format!("write `{written}.{first}`")),
        }
    }

    /// `books: Bok.author`
    fn unknown_resource(&self, name: &str, relation: &str) -> Diagnostic {
        let found = self.wrong(format!("there is no resource `{name}`"));
        match suggest::nearest(name, self.drafts.iter().map(ResourceDraft::name)) {
            Some(near) => found
                .label(format!("did you mean `{near}`?"))
                .help(format!("write `{near}.{relation}`")),
            None => found.label("not a resource of this contract").help(LIKE),
        }
    }

    /// `books: Book.publisher` in the resource of authors.
    fn points_elsewhere(&self, target: &ResourceDraft<'_, '_>, to: ResourceId) -> Diagnostic {
        let other = self.drafts[usize::from(to.0)].name();
        let name = target.name();
        self.wrong(format!("`{}` does not point here", self.text.as_str()))
            .label(format!("it points to `{other}`"))
            .help(match self.pointing_here(target).first() {
                Some(first) => format!("write `{name}.{first}`"),
                None => format!(
                    "give `{name}` a relation to `{}`, or move this list to `{other}`",
                    self.owner.name()
                ),
            })
    }

    /// `books: Book.title`, `books: Book.author_id`
    fn not_a_relation(
        &self,
        target: &ResourceDraft<'_, '_>,
        relation: &str,
        exists: bool,
    ) -> Diagnostic {
        let name = target.name();
        let found = self.wrong(format!("`{name}` has no relation `{relation}`"));
        let candidates = self.pointing_here(target);
        let known = candidates.iter().copied();
        let bare = relation.strip_suffix("_id").unwrap_or(relation);
        if candidates.contains(&bare) {
            return found
                .label("a relation is named without `_id`")
                .help(format!("write `{name}.{bare}`"));
        }
        if let Some(near) = suggest::nearest(relation, known.clone()) {
            return found
                .label(format!("did you mean `{near}`?"))
                .help(format!("write `{name}.{near}`"));
        }
        if candidates.is_empty() {
            return found
                .label(match exists {
                    true => "not a relation",
                    false => "no such field",
                })
                .help(format!(
                    "give `{name}` a field `{}: {}`, whose list this is",
                    self.owner.names.snake,
                    self.owner.name()
                ));
        }
        found.label("no such relation").help(format!(
            "its relations to this resource are {}",
            names_of(known)
        ))
    }

    /// The relations of a resource whose other side a list here may be.
    fn pointing_here<'d>(&self, draft: &'d ResourceDraft<'_, '_>) -> Vec<&'d str> {
        let relations = draft
            .fields
            .iter()
            .filter_map(|field| match &field.field.kind {
                FieldKind::Relation { relation, target } if *target == self.owner.id => {
                    Some(relation.as_str())
                }
                _ => None,
            });
        relations.collect()
    }

    fn wrong(&self, message: String) -> Diagnostic {
        Diagnostic::error(codes::LIST, self.text.span(), message)
    }
}
