//! `POST …/batch`: its path, and the schemas of what is sent and answered.

use std::collections::BTreeMap;

use model::{Action, Concurrency, Field, Idempotency, Model, Resource};
use serde_json::{Map, Value as Json, json};
use value::Type;

use super::answers::{Answers, Shared, ok};
use super::headers::{Marks, WRITTEN};
use super::names::Components;
use super::schemas::Schemas;
use super::{operations, reference, security};
use crate::access::{self, Opening};
use crate::words;

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
    answers: &Answers,
    resource: &Resource,
    names: &Components,
    operation_id: &str,
) -> Json {
    let needs_key = resource.idempotency == Idempotency::Required;
    let key = match needs_key {
        true => "IdempotencyKeyRequired",
        false => "IdempotencyKey",
    };
    let marks = Marks::of(model, resource);
    let content =
        json!({"application/json": {"schema": reference("schemas", &names.batch_answer)}});
    let done = "What became of each write, in the shape of the request.";
    let unseen = "It is done, and nothing is answered, as `Prefer: return=minimal` asks for.";
    let mut all = BTreeMap::from([
        (200, ok(done, &WRITTEN, marks, Some(content))),
        (204, ok(unseen, &WRITTEN, marks, None)),
    ]);
    let mut refuse = |when: bool, shared: Shared| {
        if when {
            all.insert(shared.status(), answers.refer(shared, marks));
        }
    };
    for shared in [
        Shared::Accepted,
        Shared::Unauthorized,
        Shared::ForbiddenWrite,
        Shared::NotFoundWrite,
        Shared::NotAcceptable,
        Shared::RequestTimeout,
        Shared::PreconditionFailed,
        Shared::ContentTooLarge,
        Shared::UriTooLong,
        Shared::UnsupportedPost,
        Shared::Unprocessable,
        Shared::HeadersTooLarge,
        Shared::InternalError,
        Shared::Unavailable,
    ] {
        refuse(true, shared);
    }
    refuse(
        resource.concurrency == Concurrency::Required,
        Shared::PreconditionRequired,
    );
    refuse(marks.limited, Shared::TooManyRequests);
    refuse(operations::has_sunset(model, resource), Shared::Gone);
    let mut unreadable = vec!["malformed"];
    unreadable.extend(needs_key.then_some("idempotency_required"));
    let offered = ACTIONS
        .into_iter()
        .filter(|action| access::of(resource, *action).is_some());
    let conflicts: Vec<&str> = offered
        .flat_map(|action| operations::conflicts(model, resource, action))
        // A merge patch always fits.
        .filter(|code| *code != "conflict")
        .collect();
    for (shared, codes) in [
        (Shared::BadRequest, unreadable),
        (Shared::Conflict, conflicts),
    ] {
        all.insert(shared.status(), answers.refer_to(shared, marks, &codes));
    }
    let answers: Map<String, Json> = all
        .into_iter()
        .map(|(status, answer)| (status.to_string(), answer))
        .collect();
    let open = |action: &Action| access::of(resource, *action).is_some_and(Opening::takes_guests);
    let guests = ACTIONS.iter().any(open);
    let security = security::of(model, Some(&resource.write_scope()), guests);
    let counts = match model.is_limited(resource) {
        true => " It counts as many as it has writes against rate limits, all of it or nothing.",
        false => "",
    };
    let mut operation = json!({
        "tags": [words::heading(&resource.plural)],
        "summary": format!("Write many {} at once", resource.nouns()),
        "description": format!(
            "Creates, changes and deletes {}, in this order, all of them or none. Each write is allowed to whom it would be allowed alone. `pointer` in a refusal says which one it was: `/update/3/title`.{counts}",
            resource.nouns()
        ),
        "operationId": operation_id,
        "parameters": [
            reference("parameters", "DryRun"),
            reference("parameters", key),
            reference("parameters", "Prefer"),
        ],
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
    // What names a record is what its path ends with.
    let key: Vec<(&Field, Json)> = resource
        .key_fields()
        .map(|field| match &field.shape.ty {
            Type::Id(id) => (field, schemas.id(id)),
            _ => (field, schemas.path_value(field)),
        })
        .collect();
    let members: Map<String, Json> = key
        .iter()
        .map(|(field, schema)| (field.name.clone(), schema.clone()))
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
        let mut members = members.clone();
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
                "properties": members,
                "required": members.keys().collect::<Vec<_>>(),
            },
        ],
    });
    let deleted = match key.as_slice() {
        [(_, alone)] => alone.clone(),
        _ => json!({
            "type": "object",
            "properties": members,
            "required": members.keys().collect::<Vec<_>>(),
        }),
    };
    let list = |items: &Json| json!({"type": "array", "items": items});
    out.insert(
        names.batch_answer.clone(),
        json!({
            "type": "object",
            "description": "What became of each write, in the order of the request.",
            "properties": {
                "create": list(&written),
                "update": list(&written),
                "delete": list(&deleted),
            },
            "required": ["create", "update", "delete"],
        }),
    );
}
