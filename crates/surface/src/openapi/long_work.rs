//! Writes that go on after their request: the path where one is looked at, and its schema.

use model::Model;
use serde_json::{Map, Value as Json, json};

use super::answers::{Answers, Shared, ok};
use super::headers::Marks;
use super::{OPERATION, OPERATION_ID, PROBLEM, reference, security};

/// What stands at the path.
pub fn path_item(model: &Model, answers: &Answers, marks: Marks) -> Json {
    let content = json!({"application/json": {"schema": reference("schemas", OPERATION)}});
    let fields = ["Cache-Control", "Retry-After"];
    let mut all = Map::new();
    all.insert(
        "200".to_owned(),
        ok("How it stands.", &fields, marks, Some(content)),
    );
    for shared in [
        Shared::BadRequest,
        Shared::Unauthorized,
        Shared::NotFound,
        Shared::NotAcceptable,
        Shared::UriTooLong,
        Shared::HeadersTooLarge,
        Shared::InternalError,
        Shared::Unavailable,
    ] {
        all.insert(shared.status().to_string(), answers.refer(shared, marks));
    }
    if marks.limited {
        let shared = Shared::TooManyRequests;
        all.insert(shared.status().to_string(), answers.refer(shared, marks));
    }
    json!({
        "parameters": [reference("parameters", "OperationId")],
        "get": {
            "tags": ["Operations"],
            "summary": "How an operation stands",
            "description": "A write that was sent with `Prefer: respond-async`, for whoever sent it. Operations are kept for 24 hours.",
            "operationId": OPERATION_ID,
            "responses": all,
            "security": security::of(model, None, true),
        },
    })
}

/// How an operation stands.
pub fn schema() -> Json {
    json!({
        "type": "object",
        "description": "A write that goes on after its request has been answered.",
        "properties": {
            "id": {"type": "string", "description": "Its name."},
            "state": {
                "type": "string",
                "enum": ["running", "succeeded", "failed"],
                "description": "How far it has come.",
            },
            "status": {"type": ["integer", "null"], "format": "int32", "description": "The status that it would have been answered with."},
            "location": {"type": ["string", "null"], "description": "The path of the record that it created."},
            "result": {"description": "What it would have been answered with, if it succeeded."},
            "problem": {
                "anyOf": [reference("schemas", PROBLEM), {"type": "null"}],
                "description": "Why it failed.",
            },
            "created_at": {"type": "string", "format": "date-time", "description": "When it began."},
            "ended_at": {"type": ["string", "null"], "format": "date-time", "description": "When it ended."},
        },
        "required": ["id", "state", "status", "location", "result", "problem", "created_at", "ended_at"],
    })
}
