//! Resources of which no first record can be created, because each record needs another that is
//! there before.

use diag::{Diagnostic, Diagnostics};
use model::{Action, Model, Resource};
use value::{FieldId, IdKind};

use crate::codes;
use crate::resolve::Draft;

/// A relation that every record has: the field, and the place of the resource it leads to.
type Need = (FieldId, usize);

pub fn about(model: &Model, draft: &Draft<'_, '_>, out: &mut Diagnostics) {
    let needs: Vec<Vec<Need>> = model.resources.iter().map(needs).collect();
    for circle in circles(&needs) {
        tell(model, draft, &circle, out);
    }
}

/// What a record of the resource needs, if it comes into being by a request.
fn needs(resource: &Resource) -> Vec<Need> {
    let create = resource.access.rule(Action::Create);
    let closed = create.is_none_or(|rule| rule.condition.as_const_bool() == Some(false));
    if closed || create.is_some_and(|rule| rule.text == "nobody") {
        // Its records come in another way, and so may the first.
        return vec![];
    }
    let needed = |field: &model::Field| {
        let (_, target) = field.relation()?;
        // Who chooses the id can name the record itself.
        let itself = target == resource.id && resource.id_type.kind == IdKind::Text;
        (!field.shape.nullable && !itself).then_some((field.id, usize::from(target.0)))
    };
    resource.fields.iter().filter_map(needed).collect()
}

/// One circle for each need that closes one: without those, there is none left. Each as the
/// resources on the way and the field that leads on from them; the last leads to the first.
fn circles(needs: &[Vec<Need>]) -> Vec<Vec<(usize, FieldId)>> {
    #[derive(Clone, Copy, PartialEq)]
    enum Seen {
        Never,
        /// It is on the way, at this place.
        Here(usize),
        Done,
    }
    let mut seen = vec![Seen::Never; needs.len()];
    let mut found = vec![];
    for start in 0..needs.len() {
        if seen[start] != Seen::Never {
            continue;
        }
        // The way from `start`, with how many needs of each resource have been looked at.
        let mut way: Vec<(usize, usize)> = vec![(start, 0)];
        seen[start] = Seen::Here(0);
        while let Some((at, next)) = way.last_mut() {
            let Some((_, target)) = needs[*at].get(*next).copied() else {
                seen[*at] = Seen::Done;
                way.pop();
                continue;
            };
            *next += 1;
            match seen[target] {
                Seen::Never => {
                    seen[target] = Seen::Here(way.len());
                    way.push((target, 0));
                }
                Seen::Here(from) => found.push(
                    way[from..]
                        .iter()
                        .map(|(at, next)| (*at, needs[*at][next - 1].0))
                        .collect(),
                ),
                Seen::Done => {}
            }
        }
    }
    found
}

fn tell(model: &Model, draft: &Draft<'_, '_>, circle: &[(usize, FieldId)], out: &mut Diagnostics) {
    let declared = |(at, field): (usize, FieldId)| draft.resources[at].field(field).declared;
    let steps: Vec<String> = circle
        .iter()
        .filter_map(|step| {
            let name = declared(*step)?.name;
            Some(format!("`{}.{name}`", model.resources[step.0].name))
        })
        .collect();
    // The first of them in the file.
    let Some(last) = circle.iter().min_by_key(|(at, _)| *at).copied() else {
        return;
    };
    let Some(place) = declared(last) else { return };
    let name = &model.resources[last.0].name;
    let target = model.resources[last.0]
        .field(last.1)
        .relation()
        .map_or(name, |(_, target)| &model.resource(target).name);
    let message = match circle {
        [_] => format!("no first `{name}` can be created: it needs one that is there before"),
        _ => format!("no first `{name}` can be created: what it needs needs one itself"),
    };
    let mut found = Diagnostic::warning(codes::NO_FIRST, place.span, message)
        .label(match circle {
            [_] => "every record needs another".to_owned(),
            _ => format!("{} → `{name}`", steps.join(" → ")),
        })
        .help(match circle {
            [_] => format!("write `{}?: {target}`, so that a record can stand alone", place.name),
            _ => format!(
                "write `{}?: {target}`, or a `?` behind another of them, so that one can be created before the other",
                place.name
            ),
        });
    /// More would hide the first.
    const SHOWN_MAX: usize = 5;
    for step in circle.iter().filter(|step| **step != last).take(SHOWN_MAX) {
        if let Some(other) = declared(*step) {
            found = found.also(other.span, "needed too");
        }
    }
    out.push(found);
}
