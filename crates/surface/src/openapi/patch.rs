//! JSON Patch (RFC 6902) for one resource: the operations that make sense of its fields.
//!
//! Paths are spelled out, so that a client knows what it can change and with which values. Lists
//! are changed at their end and whole; deeper paths work too, but which of them exist depends on
//! the record.

use model::{Audience, Field, Resource, Shape};
use serde_json::{Map, Value as Json, json};
use value::Type;

use super::schemas::{Schemas, Side, is_read_only};
use crate::{access, example, words};

pub fn json_patch(
    schemas: &Schemas<'_>,
    resource: &Resource,
    audience: Audience,
    operations_max: usize,
) -> Json {
    let mut operations = Vec::new();
    let mut removable = Vec::new();
    let mut readable = Vec::new();
    let mut example = None;
    for field in access::fields(resource, audience) {
        let path = format!("/{}", field.name);
        // What a caller may not see is no part of the document that the patch speaks of; it can
        // be put in, but neither be looked at nor be taken away.
        let seen = field.read.is_none() && !field.write_only;
        if seen && field.is_stored() {
            readable.push(path.clone());
        }
        if is_read_only(field) || field.immutable {
            continue;
        }
        let ways = if seen {
            json!({"enum": ["add", "replace"]})
        } else {
            json!({"const": "add"})
        };
        operations.push(operation(
            ways,
            json!({"const": path}),
            Some(apart(schemas.field(field, Side::Input))),
        ));
        if seen && field.shape.nullable {
            removable.push(path.clone());
        }
        if let Some(items) = appendable(field) {
            let item = schemas.item(items);
            operations.push(operation(
                json!({"const": "add"}),
                json!({"const": format!("{path}/-")}),
                Some(item),
            ));
        }
        if example.is_none()
            && let Some(value) = example::of_field(field)
        {
            example = Some(
                json!({"op": if seen { "replace" } else { "add" }, "path": path, "value": value}),
            );
        }
    }
    if !removable.is_empty() {
        operations.push(operation(
            json!({"const": "remove"}),
            json!({"enum": removable}),
            None,
        ));
    }
    if !readable.is_empty() {
        operations.push(operation(
            json!({"const": "test"}),
            json!({"enum": readable}),
            Some(json!({"description": "What stands there."})),
        ));
    }
    let mut schema = json!({
        "type": "array",
        "description": format!(
            "Changes to {} in order (RFC 6902), all or none. `move`, `copy` and deeper paths are taken as well, as far as the result is valid.",
            words::a(&resource.noun())
        ),
        "maxItems": operations_max,
        "items": {"anyOf": operations},
    });
    if let Some(example) = example {
        schema["examples"] = json!([[example]]);
    }
    schema
}

fn operation(op: Json, path: Json, value: Option<Json>) -> Json {
    let mut required = vec!["op", "path"];
    let mut properties = json!({"op": typed(op), "path": typed(path)});
    if let Some(value) = value {
        required.push("value");
        properties["value"] = value;
    }
    json!({"type": "object", "properties": properties, "required": required})
}

fn typed(mut text: Json) -> Json {
    text["type"] = json!("string");
    text
}

/// Null as an alternative of its own: inside alternatives some tools see only the first of several
/// types, and forget about its format.
fn apart(schema: Json) -> Json {
    let Json::Object(mut members) = schema else {
        return schema;
    };
    let ty = match members
        .get("type")
        .and_then(Json::as_array)
        .map(Vec::as_slice)
    {
        Some([ty, null]) if null == "null" => ty.clone(),
        _ => return Json::Object(members),
    };
    let mut whole = Map::new();
    for word in [
        "description",
        "default",
        "deprecated",
        "examples",
        "writeOnly",
    ] {
        if let Some(value) = members.remove(word) {
            whole.insert(word.to_owned(), value);
        }
    }
    members.insert("type".to_owned(), ty);
    if let Some(Json::Array(values)) = members.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    whole.insert("anyOf".to_owned(), json!([members, {"type": "null"}]));
    Json::Object(whole)
}

/// The items of a list that always has room for one more.
fn appendable(field: &Field) -> Option<&Shape> {
    let constraints = &field.shape.constraints;
    let roomy = constraints.max_items.is_none() && !constraints.unique_items;
    let list = matches!(field.shape.ty, Type::List(_)) && !field.shape.nullable;
    (roomy && list && field.read.is_none() && !field.write_only)
        .then_some(field.shape.items.as_deref())?
}
