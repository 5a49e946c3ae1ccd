//! The schema of every refusal.

use serde_json::{Value as Json, json};

/// The schema of every refusal (RFC 9457).
pub fn schema() -> Json {
    json!({
        "type": "object",
        "description": "Why a request was not carried out (RFC 9457). More members may be there.",
        "properties": {
            "type": {
                "type": "string",
                "format": "uri-reference",
                "description": "The page that explains this kind of problem.",
            },
            "title": {"type": "string", "description": "The kind of problem, in words."},
            "status": {
                "type": "integer",
                "format": "int32",
                "minimum": 400,
                "maximum": 599,
                "description": "The status of the answer.",
            },
            "detail": {"type": "string", "description": "What was wrong this time, and what would mend it."},
            "instance": {
                "type": "string",
                "format": "uri-reference",
                "description": "The path that was asked for.",
            },
            "code": {
                "type": "string",
                "pattern": "^[a-z][a-z0-9_]*$",
                "description": "The kind of problem, for programs. It never changes.",
            },
            "errors": {
                "type": "array",
                "description": "Every single fault of the request.",
                "items": {
                    "type": "object",
                    "properties": {
                        "pointer": {"type": "string", "description": "Where in the body: a JSON Pointer (RFC 6901)."},
                        "parameter": {"type": "string", "description": "Which parameter of the query."},
                        "header": {"type": "string", "description": "Which header field."},
                        "code": {"type": "string", "description": "The kind of fault, for programs."},
                        "detail": {"type": "string", "description": "What is wrong, in words."},
                    },
                    "required": ["code", "detail"],
                },
            },
            "rule": {"type": "string", "description": "The rule of the contract that refused."},
            "scope": {"type": "string", "description": "The scope that the credential lacks."},
            "successor": {
                "type": "string",
                "format": "uri-reference",
                "description": "The path to use instead of what is gone.",
            },
            "offered": {
                "type": "array",
                "description": "The media types that can be answered.",
                "items": {"type": "string"},
            },
            "accepted": {
                "type": "array",
                "description": "The media types or codings that are taken.",
                "items": {"type": "string"},
            },
            "violated-policies": {
                "type": "array",
                "description": "The limits that are used up.",
                "items": {"type": "string"},
            },
        },
        "required": ["type", "title", "status", "code"],
    })
}
