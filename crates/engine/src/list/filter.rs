//! One filter, checked: the field it asks about, its operator, its values.

use call::{Failure, FieldProblem, Filter, Operand, Operator, Place, Request};
use model::{Action, Field, Model, Resource};
use store::select;
use value::{FieldId, Type, Value};

use super::IN_MAX;
use super::question::at;
use crate::Core;
use crate::access::{Residual, Verdict, admit};
use crate::meant;

/// A filter, checked.
pub struct Leaf {
    pub filter: select::Filter,
    pub values: Vec<Value>,
    /// What the statement depends on.
    pub shape: [Option<u64>; 2],
}

impl Core {
    /// One filter, or why it is none.
    pub(super) fn filter(
        &self,
        resource: &Resource,
        request: &Request,
        filter: &Filter,
        problems: &mut Vec<FieldProblem>,
    ) -> Result<Option<Leaf>, Failure> {
        let (target, via, via_restrict) = match &filter.relation {
            None => (resource, None, Verdict::Open),
            Some(name) => {
                let relation = resource
                    .relation_named(name)
                    .filter(|field| is_served_relation(&self.model, request, field))
                    .and_then(|field| field.relation().map(|(_, target)| (field.id, target)));
                let Some((via, target)) = relation else {
                    problems.push(unknown(&self.model, resource, request, filter));
                    return Ok(None);
                };
                let target = self.model.resource(target);
                self.readable_field(resource, request, resource.field(via))?;
                let gate = self.plans.resource(target.id).gate(Action::Get);
                let verdict = admit(target, gate, Action::Get, &request.caller, request.now)?;
                (target, Some(via), verdict)
            }
        };
        let field = target
            .field_named(&filter.field)
            .filter(|field| field.indexed && field.audience <= request.caller.served_audience());
        let Some(field) = field else {
            problems.push(unknown(&self.model, resource, request, filter));
            return Ok(None);
        };
        self.readable_field(target, request, field)?;
        if !filter
            .operator
            .applies_to(&field.shape.ty, field.shape.nullable)
        {
            let allowed: Vec<&str> = Operator::ALL
                .into_iter()
                .filter(|operator| operator.applies_to(&field.shape.ty, field.shape.nullable))
                .map(Operator::name)
                .collect();
            problems.push(at(
                &filter.place,
                "operator_not_allowed",
                format!(
                    "`{}` cannot be asked of `{}`; it takes {}",
                    filter.operator.name(),
                    field.name,
                    allowed.join(", ")
                ),
            ));
            return Ok(None);
        }
        let Some((operator, values)) = operands(filter, &field.shape.ty, problems) else {
            return Ok(None);
        };
        let residual = match via_restrict {
            Verdict::Open => None,
            Verdict::Rows(residual) => Some(residual),
            // None of the relation's records may be read, so none fulfils anything.
            Verdict::Closed => Some(Residual::never()),
        };
        let sight = match &residual {
            None => Some(0),
            Some(residual) => residual.id,
        };
        Ok(Some(Leaf {
            shape: [Some(shape_number(via, field.id, operator)), sight],
            values,
            filter: select::Filter {
                via,
                field: field.id,
                operator,
                via_restrict: residual.map(|residual| residual.expr),
            },
        }))
    }
}

fn operands(
    filter: &Filter,
    ty: &Type,
    problems: &mut Vec<FieldProblem>,
) -> Option<(select::Operator, Vec<Value>)> {
    let mut read = |ty: &Type, operand: &Operand, place: &Place| {
        let result = match operand {
            Operand::Text(text) => value::text::parse(ty, text).map_err(|mismatch| vec![mismatch]),
            Operand::Json(json) => value::json::read(ty, json),
        };
        result
            .map_err(|mismatches| {
                problems.extend(
                    mismatches
                        .into_iter()
                        .map(|mismatch| at(place, mismatch.code, mismatch.detail)),
                );
            })
            .ok()
    };
    use select::Operator as To;
    let mut one = |operator: To| {
        let value = read(ty, &filter.operand, &filter.place);
        value.map(|value| (operator, vec![value]))
    };
    match filter.operator {
        Operator::Eq => one(To::Eq),
        Operator::Ne => one(To::Ne),
        Operator::Lt => one(To::Lt),
        Operator::Lte => one(To::Lte),
        Operator::Gt => one(To::Gt),
        Operator::Gte => one(To::Gte),
        Operator::Contains => one(To::Contains),
        Operator::StartsWith => one(To::StartsWith),
        Operator::IsNull => match read(&Type::Bool, &filter.operand, &filter.place)? {
            Value::Bool(wanted) => Some((To::IsNull(wanted), Vec::new())),
            _ => None,
        },
        Operator::In => {
            let parts: Vec<(Operand, Place)> = match &filter.operand {
                Operand::Text(text) => split_list(text)
                    .into_iter()
                    .map(|part| (Operand::Text(part), filter.place.clone()))
                    .collect(),
                Operand::Json(serde_json::Value::Array(items)) => items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| {
                        (Operand::Json(item.clone()), within(&filter.place, index))
                    })
                    .collect(),
                Operand::Json(_) => {
                    let detail = "`in` takes a list".to_owned();
                    problems.push(at(&filter.place, "wrong_type", detail));
                    return None;
                }
            };
            if parts.len() > IN_MAX {
                problems.push(at(
                    &filter.place,
                    "too_many",
                    format!("{} values; the most is {IN_MAX}", parts.len()),
                ));
                return None;
            }
            let values: Vec<Option<Value>> = parts
                .iter()
                .map(|(part, place)| read(ty, part, place))
                .collect();
            let values: Vec<Value> = values.into_iter().collect::<Option<_>>()?;
            let count = u16::try_from(values.len()).unwrap_or(u16::MAX);
            Some((To::In(count), values))
        }
    }
}

/// The place of an item of what stands at `place`.
fn within(place: &Place, index: usize) -> Place {
    match place {
        Place::Pointer(pointer) => Place::Pointer(format!("{pointer}/{index}")),
        other => other.clone(),
    }
}

/// `a,b` is two; a comma or backslash that belongs to a value has a backslash before it.
fn split_list(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            ',' => parts.push(String::new()),
            '\\' => parts
                .last_mut()
                .expect("there is one from the start")
                .extend(chars.next()),
            c => parts
                .last_mut()
                .expect("there is one from the start")
                .push(c),
        }
    }
    parts
}

/// Whether a relation and the records it leads to are there for this caller.
fn is_served_relation(model: &Model, request: &Request, field: &Field) -> bool {
    let audience = request.caller.served_audience();
    field.audience <= audience
        && field
            .relation()
            .is_some_and(|(_, target)| model.resource(target).audience <= audience)
}

fn unknown(model: &Model, resource: &Resource, request: &Request, filter: &Filter) -> FieldProblem {
    let mut allowed: Vec<String> = Vec::new();
    if let Place::Parameter(_) = filter.place {
        allowed.push(resource.list.limit.clone());
        allowed.extend(["cursor", "sort", "fields", "include"].map(str::to_owned));
        if !resource.list.bare {
            allowed.push("total".to_owned());
        }
        if !resource.search.is_empty() {
            allowed.push("q".to_owned());
        }
    }
    let served = |field: &&Field| field.audience <= request.caller.served_audience();
    allowed.extend(
        resource
            .fields
            .iter()
            .filter(served)
            .filter(|field| field.indexed)
            .map(|field| field.name.clone()),
    );
    let own = allowed.len();
    allowed.extend(
        resource
            .fields
            .iter()
            .filter(|field| is_served_relation(model, request, field))
            .filter_map(|field| field.relation())
            .map(|(relation, _)| format!("{relation}.FIELD")),
    );
    let meant = match &filter.relation {
        None => meant::field(resource, &filter.field, "", |field| {
            served(&field) && field.indexed
        }),
        Some(name) => {
            let relation = resource
                .relation_named(name)
                .filter(|field| is_served_relation(model, request, field))
                .and_then(Field::relation);
            match relation {
                Some((_, target)) => {
                    let target = model.resource(target);
                    meant::field(target, &filter.field, &format!("{name}."), |field| {
                        served(&field) && field.indexed
                    })
                }
                None => {
                    let relations: Vec<&str> = resource
                        .fields
                        .iter()
                        .filter(|field| is_served_relation(model, request, field))
                        .filter_map(|field| field.relation().map(|(name, _)| name))
                        .collect();
                    meant::relation(name, &format!(".{}", filter.field), &relations)
                }
            }
        }
    };
    let exists =
        filter.relation.is_none() && resource.field_named(&filter.field).filter(served).is_some();
    let (code, why) = match &filter.place {
        _ if exists => (
            "not_filterable",
            format!(
                "`{}` cannot be filtered by: only indexed fields can",
                filter.field
            ),
        ),
        Place::Parameter(name) => (
            "unknown_parameter",
            format!("there is no parameter `{name}`{meant}"),
        ),
        Place::Pointer(_) | Place::Header(_) => (
            "unknown_field",
            match &filter.relation {
                None => format!("there is no field `{}`{meant}", filter.field),
                Some(relation) => format!("there is no field `{relation}.{}`{meant}", filter.field),
            },
        ),
    };
    at(
        &filter.place,
        code,
        format!(
            "{why}. Allowed: {}{}",
            allowed.join(", "),
            if allowed.len() > own {
                "; FIELD stands for an indexed field of the related record"
            } else {
                ""
            }
        ),
    )
}

fn shape_number(via: Option<FieldId>, field: FieldId, operator: select::Operator) -> u64 {
    use select::Operator as To;
    let (kind, count) = match operator {
        To::Eq => (0, 0),
        To::Ne => (1, 0),
        To::Lt => (2, 0),
        To::Lte => (3, 0),
        To::Gt => (4, 0),
        To::Gte => (5, 0),
        To::In(count) => (6, count),
        To::Contains => (7, 0),
        To::StartsWith => (8, 0),
        To::IsNull(wanted) => (9, u16::from(wanted)),
    };
    let via = via.map_or(u64::from(u16::MAX), |field| u64::from(field.0));
    via << 48 | u64::from(field.0) << 32 | u64::from(count) << 8 | kind
}

#[cfg(test)]
mod tests {
    use super::split_list;

    #[test]
    fn lists_in_one_parameter() {
        assert_eq!(split_list("a,b"), ["a", "b"]);
        assert_eq!(split_list(r"a\,b,c\\"), ["a,b", r"c\"]);
        assert_eq!(split_list(""), [""]);
        assert_eq!(split_list(r"a\"), ["a"]);
    }
}
