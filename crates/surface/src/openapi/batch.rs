//! `POST …/batch`: its path, and the schemas of what is sent and answered.

use std::collections::BTreeMap;

use model::{Action, Concurrency, Field, Idempotency, Model, Resource};
use serde_json::{Map, Value as Json, json};
use value::Type;

use super::names::Components;
use super::operations::has_sunset;
use super::responses::{self, Shared};
use super::schemas::Schemas;
use super::{KEY, reference};
use crate::access::{self, Opening};
use crate::words::{self, many};

/// What a batch is made of.
const ACTIONS: [Action; 3] = [Action::Create, Action::Update, Action::Delete];

/// Whether the resource has a batch: whether anything of it is open to anybody.
pub fn is_offered(resource: &Resource) -> bool {
    ACTIONS
        .iter()
        .any(|action| access::of(resource, *action).is_some())
}

/// The description of its POST.
pub fn operation(
    model: &Model,
    resource: &Resource,
    names: &Components,
    operation_id: &str,
) -> Json {
    let key = match resource.idempotency {
        Idempotency::Required => "IdempotencyKeyRequired",
        Idempotency::Optional => "IdempotencyKey",
    };
    let mut answers = BTreeMap::from([(
        200,
        json!({
            "description": "What became of each write, in the shape of the request.",
            "headers": responses::headers(&["Cache-Control", "Idempotency-Replayed", "X-Request-Id"]),
            "content": {"application/json": {"schema": reference("schemas", &names.batch_answer)}},
        }),
    )]);
    let mut refusals = vec![
        Shared::Accepted,
        Shared::BadRequest,
        Shared::Unauthorized,
        Shared::Forbidden,
        Shared::NotFound,
        Shared::NotAcceptable,
        Shared::RequestTimeout,
        Shared::Conflict,
        Shared::PreconditionFailed,
        Shared::ContentTooLarge,
        Shared::UriTooLong,
        Shared::UnsupportedMediaType,
        Shared::Unprocessable,
        Shared::HeadersTooLarge,
        Shared::InternalError,
        Shared::Unavailable,
    ];
    if resource.concurrency == Concurrency::Required {
        refusals.push(Shared::PreconditionRequired);
    }
    if model.is_limited(resource) {
        refusals.push(Shared::TooManyRequests);
    }
    if has_sunset(model, resource) {
        refusals.push(Shared::Gone);
    }
    for shared in refusals {
        answers.insert(shared.status(), shared.reference());
    }
    let answers: Map<String, Json> = answers
        .into_iter()
        .map(|(status, answer)| (status.to_string(), answer))
        .collect();
    let mut security = vec![json!({KEY: []})];
    let open = |action: &Action| access::of(resource, *action).is_some_and(Opening::takes_guests);
    if ACTIONS.iter().any(open) {
        security.insert(0, json!({}));
    }
    let mut operation = json!({
        "tags": [words::heading(&resource.plural)],
        "summary": format!("Write many {} at once", many(resource)),
        "description": format!(
            "Creates, changes and deletes {}, in this order, all of them or none. Each write is allowed to whom it would be allowed alone. `pointer` in a refusal says which one it was: `/update/3/title`.",
            many(resource)
        ),
        "operationId": operation_id,
        "parameters": [reference("parameters", "DryRun"), reference("parameters", key)],
        "requestBody": {
            "required": true,
            "content": {"application/json": {"schema": reference("schemas", &names.batch)}},
        },
        "responses": answers,
        "security": security,
    });
    if resource.deprecated.is_some() {
        operation["deprecated"] = json!(true);
    }
    operation
}

/// What is sent, and what is answered.
pub fn components(
    schemas: &Schemas<'_>,
    resource: &Resource,
    names: &Components,
    batch_max: usize,
    out: &mut Map<String, Json>,
) {
    let id = schemas.id(&resource.id_type);
    // What names a record is what its path ends with.
    let key: Vec<(&Field, Json)> = resource
        .key_fields()
        .map(|field| match &field.shape.ty {
            Type::Id(id) => (field, schemas.id(id)),
            _ => (field, schemas.path_value(field)),
        })
        .collect();
    let etag = json!({
        "type": "string",
        "pattern": "^\"[^\"\\\\\\x00-\\x20\\x7f-\\uffff]+\"$",
        "description": "The record's entity tag as it was read. It is written only if nobody has changed it since.",
    });
    let mut named: Vec<&str> = key.iter().map(|(field, _)| field.name.as_str()).collect();
    if resource.concurrency == Concurrency::Required {
        named.push("etag");
    }
    let list = |items: Json| json!({"type": "array", "maxItems": batch_max, "items": items});
    let mut properties = Map::new();
    if access::of(resource, Action::Create).is_some() {
        properties.insert(
            "create".to_owned(),
            list(reference("schemas", &names.create)),
        );
    }
    if access::of(resource, Action::Update).is_some() {
        let mut update = out.get(&names.patch).cloned().unwrap_or_else(|| json!({}));
        if let Some(update) = update.as_object_mut() {
            update.remove("examples");
            update.insert("required".to_owned(), json!(named));
            update.insert(
                "description".to_owned(),
                json!(
                    "Which record, and what to change of it: what is left out stays, null clears."
                ),
            );
            if let Some(Json::Object(members)) = update.get_mut("properties") {
                for (field, schema) in &key {
                    members.insert(field.name.clone(), schema.clone());
                }
                members.insert("etag".to_owned(), etag.clone());
            }
        }
        properties.insert("update".to_owned(), list(update));
    }
    if access::of(resource, Action::Delete).is_some() {
        let mut members: Map<String, Json> = key
            .iter()
            .map(|(field, schema)| (field.name.clone(), schema.clone()))
            .collect();
        members.insert("etag".to_owned(), etag);
        let with_tag = json!({
            "type": "object",
            "properties": members,
            "required": named,
            "additionalProperties": false,
        });
        let items = match (resource.concurrency, key.as_slice()) {
            (Concurrency::Optional, [(_, alone)]) => json!({"anyOf": [alone, with_tag]}),
            _ => with_tag,
        };
        properties.insert("delete".to_owned(), list(items));
    }
    out.insert(
        names.batch.clone(),
        json!({
            "type": "object",
            "description": format!("Many writes, {batch_max} at most in all."),
            "properties": properties,
            "additionalProperties": false,
        }),
    );
    let written = json!({
        "anyOf": [
            {
                "allOf": [
                    reference("schemas", &names.read),
                    {
                        "type": "object",
                        "properties": {"etag": {"type": "string", "description": "The record's entity tag."}},
                        "required": ["etag"],
                    },
                ],
            },
            {
                "type": "object",
                "description": "A record that you may not see.",
                "properties": {"id": id},
                "required": ["id"],
            },
        ],
    });
    let list = |items: &Json| json!({"type": "array", "items": items});
    out.insert(
        names.batch_answer.clone(),
        json!({
            "type": "object",
            "description": "What became of each write, in the order of the request.",
            "properties": {
                "create": list(&written),
                "update": list(&written),
                "delete": list(&id),
            },
            "required": ["create", "update", "delete"],
        }),
    );
}
