//! Filters joined by AND, OR and NOT.
//!
//! Each filter is checked like one in a URL. What is only joined by AND becomes plain filters,
//! which an index may answer; the rest is a condition on rows, written so that no comparison in
//! it is ever unknown: NOT finds exactly what its inside does not, nulls included.

use call::{Condition, Failure, FieldProblem, Place, Request};
use model::Resource;
use store::select::Where;
use value::Value;

use super::filter::Leaf;
use super::question::{Question, at};
use crate::Core;

/// How deep AND, OR and NOT may nest. What people write has two or three levels.
pub const DEPTH_MAX: usize = 8;
/// The same in a [`Condition`]: around each of them can be an object, whose members must all hold, and
/// whoever writes one does not count that.
const LEVELS_MAX: usize = 2 * DEPTH_MAX + 1;
/// Comparisons in one query, of the URL and of the body. Programs that put conditions together are
/// far below it, and a plan for so many is still made within milliseconds.
pub const PARTS_MAX: usize = 256;
/// Values in all filters of a condition together: far below what a statement takes.
pub const VALUES_MAX: usize = 2_000;

impl Core {
    pub(super) fn condition(
        &self,
        resource: &Resource,
        request: &Request,
        condition: &Condition,
        question: &mut Question,
        problems: &mut Vec<FieldProblem>,
    ) -> Result<(), Failure> {
        if depth(condition) > LEVELS_MAX {
            problems.push(at(
                &place(condition),
                "too_deep",
                format!("conditions nest more than {DEPTH_MAX} levels deep"),
            ));
            return Ok(());
        }
        let parts = size(condition).saturating_add(request.query.filters.len());
        if parts > PARTS_MAX {
            problems.push(at(
                &place(condition),
                "too_many",
                format!("{parts} conditions; the most is {PARTS_MAX}"),
            ));
            return Ok(());
        }
        let mut conjuncts = Vec::new();
        flatten(condition, &mut conjuncts);
        let mut rest = Rest::default();
        let mut matching = Vec::new();
        for conjunct in conjuncts {
            if let Condition::Is(filter) = conjunct {
                if let Some(leaf) = self.filter(resource, request, filter, problems)? {
                    question.shape.extend(leaf.shape);
                    question.values.extend(leaf.values);
                    question.filters.push(leaf.filter);
                }
            } else {
                let part = self.lower(resource, request, conjunct, &mut rest, problems)?;
                matching.extend(part);
            }
        }
        if question.values.len() + rest.values.len() > VALUES_MAX {
            let values = question.values.len() + rest.values.len();
            problems.push(at(
                &place(condition),
                "too_many",
                format!("{values} values in all filters; the most is {VALUES_MAX}"),
            ));
        }
        if !matching.is_empty() {
            question.values.extend(rest.values);
            question.matching = Some(Where::All(matching));
            // There is no end of such conditions, so their statements are not kept.
            question.shape.push(None);
        }
        Ok(())
    }

    /// `None` if something in it is wrong.
    fn lower(
        &self,
        resource: &Resource,
        request: &Request,
        condition: &Condition,
        rest: &mut Rest,
        problems: &mut Vec<FieldProblem>,
    ) -> Result<Option<Where>, Failure> {
        let mut all = |parts: &[Condition], rest: &mut Rest| {
            let mut lowered = Vec::with_capacity(parts.len());
            for part in parts {
                lowered.extend(self.lower(resource, request, part, rest, problems)?);
            }
            Ok::<_, Failure>(lowered)
        };
        Ok(match condition {
            Condition::All(parts) => Some(Where::All(all(parts, rest)?)),
            Condition::Any(parts) => Some(Where::Any(all(parts, rest)?)),
            Condition::Not(inner) => self
                .lower(resource, request, inner, rest, problems)?
                .map(|inner| Where::Not(Box::new(inner))),
            Condition::Is(filter) => {
                let leaf = self.filter(resource, request, filter, problems)?;
                leaf.map(|Leaf { filter, values, .. }| {
                    rest.values.extend(values);
                    Where::Filter(filter)
                })
            }
        })
    }
}

/// What is gathered of the part that is not plain filters.
#[derive(Default)]
struct Rest {
    /// In the order of the filters, depth first.
    values: Vec<Value>,
}

fn flatten<'a>(condition: &'a Condition, out: &mut Vec<&'a Condition>) {
    match condition {
        Condition::All(parts) => parts.iter().for_each(|part| flatten(part, out)),
        other => out.push(other),
    }
}

fn depth(condition: &Condition) -> usize {
    match condition {
        Condition::Is(_) => 0,
        Condition::All(parts) | Condition::Any(parts) => {
            1 + parts.iter().map(depth).max().unwrap_or(0)
        }
        Condition::Not(inner) => 1 + depth(inner),
    }
}

/// Comparisons and empty lists. What joins them is not counted: there is no more of it than levels
/// above each of them.
fn size(condition: &Condition) -> usize {
    match condition {
        Condition::Is(_) => 1,
        Condition::All(parts) | Condition::Any(parts) => {
            parts.iter().map(size).sum::<usize>().max(1)
        }
        Condition::Not(inner) => size(inner),
    }
}

/// Where the first filter of a condition stands, to say where it is too large.
fn place(condition: &Condition) -> Place {
    match condition {
        Condition::Is(filter) => filter.place.clone(),
        Condition::All(parts) | Condition::Any(parts) => parts
            .first()
            .map_or_else(|| Place::Parameter("where".to_owned()), place),
        Condition::Not(inner) => place(inner),
    }
}
