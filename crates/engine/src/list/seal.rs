//! What a cursor is bound to: the question that its page answered, whatever the page. With
//! another question it is refused.

use call::{Condition, Filter, Operand, Request};
use model::{Model, Resource};
use value::{FieldId, ResourceId, Value};

/// Of a list request.
pub fn seal(
    model: &Model,
    resource: &Resource,
    request: &Request,
    parent: Option<&(FieldId, Value)>,
) -> Vec<u8> {
    let query = &request.query;
    let filters: Vec<serde_json::Value> = query.filters.iter().map(filter_seal).collect();
    let sort: Vec<String> = query
        .sort
        .iter()
        .map(|key| format!("{}{}", if key.descending { "-" } else { "" }, key.field))
        .collect();
    let parent = parent.map(|(field, id)| {
        let ty = &resource.field(*field).shape.ty;
        (field.0, value::text::print(ty, id))
    });
    let rest = match &query.condition {
        None => serde_json::json!([filters, query.words, sort]),
        Some(condition) => {
            serde_json::json!([filters, query.words, sort, condition_seal(condition)])
        }
    };
    sealed(model, resource, parent, rest)
}

fn filter_seal(filter: &Filter) -> serde_json::Value {
    let operand = match &filter.operand {
        Operand::Text(text) => serde_json::Value::from(text.as_str()),
        Operand::Json(json) => serde_json::json!([json]),
    };
    serde_json::json!([
        filter.relation,
        filter.field,
        filter.operator.name(),
        operand
    ])
}

/// The question of a nested list without parameters, so that the cursor of an included list
/// continues it there.
pub fn question_of_children(
    model: &Model,
    resource: ResourceId,
    field: FieldId,
    parent: &str,
) -> Vec<u8> {
    let no_words: Option<String> = None;
    let plain = serde_json::json!([[], no_words, []]);
    sealed(
        model,
        model.resource(resource),
        Some((field.0, parent.to_owned())),
        plain,
    )
}

fn sealed(
    model: &Model,
    resource: &Resource,
    parent: Option<(u16, String)>,
    rest: serde_json::Value,
) -> Vec<u8> {
    serde_json::json!([model.base, resource.name, parent, rest])
        .to_string()
        .into_bytes()
}

fn condition_seal(condition: &Condition) -> serde_json::Value {
    let all = |parts: &[Condition]| parts.iter().map(condition_seal).collect::<Vec<_>>();
    match condition {
        Condition::Is(filter) => filter_seal(filter),
        Condition::All(parts) => serde_json::json!({"and": all(parts)}),
        Condition::Any(parts) => serde_json::json!({"or": all(parts)}),
        Condition::Not(inner) => serde_json::json!({"not": condition_seal(inner)}),
    }
}
