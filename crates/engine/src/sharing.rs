//! Which answers are the same for everybody, so that caches may give them to others (`cache:`).
//!
//! An answer is shared only if everything in it is: the resource itself, the records around it, the
//! record that a nested list belongs to, what is included, and what is filtered by in relations. All of it is opened
//! literally to everybody, and what is shown of other resources may be used again as well. Then
//! the shortest time counts.

use std::collections::BTreeSet;

use call::{Condition, Filter, Request};
use model::{Action, Model, Resource};

/// For how many seconds the answer to this request may be used again, for anybody at all.
pub fn seconds(model: &Model, request: &Request) -> Option<u32> {
    let resource = model.resource(request.resource);
    let mut shortest = resource.cache_seconds?;
    // Whoever proves who they are may be shown more.
    if !request.caller.is_guest() || resource.differs(request.action).is_some() {
        return None;
    }
    // What is around it must be there for everybody too.
    let mut around = model.lineage(resource.id);
    around.pop();
    if let Some(parent) = &request.parent {
        around.extend(model.lineage(parent.resource));
    }
    if around
        .iter()
        .any(|around| around.differs(Action::Get).is_some())
    {
        return None;
    }
    let mut asked_by = BTreeSet::new();
    request
        .query
        .filters
        .iter()
        .for_each(|filter| relation(filter, &mut asked_by));
    if let Some(condition) = &request.query.condition {
        relations(condition, &mut asked_by);
    }
    for name in asked_by {
        let target = target(model, resource, name)?;
        if target.0.differs(target.1).is_some() {
            return None;
        }
    }
    let included = request.view.include.iter().map(String::as_str);
    let fields = request.view.fields.iter().flatten().map(String::as_str);
    for path in included.chain(fields) {
        let mut at = resource;
        for name in path.split('.') {
            // The last name of a path in `fields` is a field, and has been looked at.
            let Some((target, action)) = target(model, at, name) else {
                break;
            };
            if target.differs(action).is_some() {
                return None;
            }
            shortest = shortest.min(target.cache_seconds?);
            at = target;
        }
    }
    Some(shortest)
}

/// What a relation or list leads to, and how it is read.
fn target<'m>(model: &'m Model, of: &Resource, name: &str) -> Option<(&'m Resource, Action)> {
    if let Some((_, target)) = of.relation_named(name).and_then(|field| field.relation()) {
        return Some((model.resource(target), Action::Get));
    }
    let list = of.list_named(name)?;
    Some((model.resource(list.resource), Action::List))
}

fn relation<'r>(filter: &'r Filter, out: &mut BTreeSet<&'r str>) {
    out.extend(filter.relation.as_deref());
}

fn relations<'r>(condition: &'r Condition, out: &mut BTreeSet<&'r str>) {
    match condition {
        Condition::Is(filter) => relation(filter, out),
        Condition::All(parts) | Condition::Any(parts) => {
            parts.iter().for_each(|part| relations(part, out));
        }
        Condition::Not(inner) => relations(inner, out),
    }
}
