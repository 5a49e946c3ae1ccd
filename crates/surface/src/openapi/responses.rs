//! Answers: headers, and the refusals that operations share.

use call::Code;
use serde_json::{Map, Value as Json, json};

use super::reference;
use crate::pages::problem_type;

/// A status that operations share, by its component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shared {
    Accepted,
    NoContent,
    NotModified,
    BadRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    NotAcceptable,
    RequestTimeout,
    Conflict,
    Gone,
    PreconditionFailed,
    ContentTooLarge,
    UriTooLong,
    UnsupportedMediaType,
    Unprocessable,
    PreconditionRequired,
    TooManyRequests,
    HeadersTooLarge,
    InternalError,
    Unavailable,
}

impl Shared {
    const ALL: [Shared; 21] = [
        Shared::Accepted,
        Shared::NoContent,
        Shared::NotModified,
        Shared::BadRequest,
        Shared::Unauthorized,
        Shared::Forbidden,
        Shared::NotFound,
        Shared::NotAcceptable,
        Shared::RequestTimeout,
        Shared::Conflict,
        Shared::Gone,
        Shared::PreconditionFailed,
        Shared::ContentTooLarge,
        Shared::UriTooLong,
        Shared::UnsupportedMediaType,
        Shared::Unprocessable,
        Shared::PreconditionRequired,
        Shared::TooManyRequests,
        Shared::HeadersTooLarge,
        Shared::InternalError,
        Shared::Unavailable,
    ];

    /// Status, component and description.
    fn describe(self) -> (u16, &'static str, &'static str) {
        match self {
            Shared::Accepted => (
                202,
                "Accepted",
                "It goes on, as `Prefer: respond-async` asked for: `Location` leads to the operation, which tells how it ends.",
            ),
            Shared::NoContent => (
                204,
                "NoContent",
                "It is done, and there is nothing to answer with.",
            ),
            Shared::NotModified => (
                304,
                "NotModified",
                "The copy that `If-None-Match` named is still good.",
            ),
            Shared::BadRequest => (
                400,
                "BadRequest",
                "The request could not be understood: `malformed` (a parameter, header or body is not readable; `errors` says which), `cursor_mismatch`, or `idempotency_required` (the resource is only written with `Idempotency-Key`).",
            ),
            Shared::Unauthorized => (
                401,
                "Unauthorized",
                "`unauthenticated`: there is no credential where one is needed, or the one sent is not valid.",
            ),
            Shared::Forbidden => (
                403,
                "Forbidden",
                "`forbidden`: the rule named in `rule` does not allow it; or `insufficient_scope`: the credential lacks the scope named in `scope`.",
            ),
            Shared::NotFound => (
                404,
                "NotFound",
                "`not_found`: there is no such record, or the caller may not see it.",
            ),
            Shared::NotAcceptable => (
                406,
                "NotAcceptable",
                "`not_acceptable`: `Accept` names nothing that is offered; `offered` lists what is.",
            ),
            Shared::RequestTimeout => (
                408,
                "RequestTimeout",
                "`body_too_slow`: the body did not arrive in time.",
            ),
            Shared::Conflict => (
                409,
                "Conflict",
                "The request does not fit the state of the data: `already_exists` (a unique value is taken), `still_referenced` (others refer to the record), `conflict`, or `idempotency_in_progress` (the first request with this `Idempotency-Key` still runs; try again after `Retry-After` seconds).",
            ),
            Shared::Gone => (
                410,
                "Gone",
                "`gone`: the day that `Sunset` announced has come. `successor`, if there is one, is the path to use instead.",
            ),
            Shared::PreconditionFailed => (
                412,
                "PreconditionFailed",
                "`stale`: the record is not in the state that the request names.",
            ),
            Shared::ContentTooLarge => (
                413,
                "ContentTooLarge",
                "`body_too_large`: the body is larger than is taken here.",
            ),
            Shared::UriTooLong => (
                414,
                "UriTooLong",
                "`url_too_long`: the URL is longer than is read here.",
            ),
            Shared::UnsupportedMediaType => (
                415,
                "UnsupportedMediaType",
                "`unsupported_media_type`: the body is of a type that is not taken here; `accepted` lists those that are. Or `content_encoding_unsupported`.",
            ),
            Shared::Unprocessable => (
                422,
                "Unprocessable",
                "`invalid`: the body was understood but breaks the contract; `errors` lists every fault. Or `idempotency_mismatch`: the `Idempotency-Key` was used for another request.",
            ),
            Shared::PreconditionRequired => (
                428,
                "PreconditionRequired",
                "`precondition_required`: the record is only changed with `If-Match`.",
            ),
            Shared::TooManyRequests => (
                429,
                "TooManyRequests",
                "`rate_limited`: more requests than the limits in `violated-policies` allow. Nothing was done; there is room again after `Retry-After` seconds.",
            ),
            Shared::HeadersTooLarge => (
                431,
                "HeaderFieldsTooLarge",
                "`header_fields_too_large`: there are more header fields, or larger ones, than are read here.",
            ),
            Shared::InternalError => (
                500,
                "InternalError",
                "`internal`: a fault of the server, which is in its log.",
            ),
            Shared::Unavailable => (
                503,
                "Unavailable",
                "`unavailable` or `timed_out`: the server has too much to do or its database is away. Nothing was changed, unless `detail` says that the outcome is open; try again after `Retry-After` seconds.",
            ),
        }
    }

    pub fn status(self) -> u16 {
        self.describe().0
    }

    pub fn reference(self) -> Json {
        reference("responses", self.describe().1)
    }

    /// What the example shows, for those that are problems.
    fn example(self) -> Option<Json> {
        let of = |code: Code, detail: &str| {
            json!({
                "type": problem_type(code.name()),
                "title": code.title(),
                "status": self.status(),
                "detail": detail,
                "code": code.name(),
            })
        };
        let other = |code: &str, title: &str, detail: &str| {
            json!({
                "type": problem_type(code),
                "title": title,
                "status": self.status(),
                "detail": detail,
                "code": code,
            })
        };
        let mut example = match self {
            Shared::Accepted | Shared::NoContent | Shared::NotModified => return None,
            Shared::BadRequest => of(Code::Malformed, "`limit` is a whole number, 1 or more."),
            Shared::Unauthorized => of(Code::Unauthenticated, "Send `Authorization: Bearer KEY`."),
            Shared::Forbidden => of(
                Code::Forbidden,
                "The rule `staff` does not let you do this.",
            ),
            Shared::NotFound => of(
                Code::NotFound,
                "There is no such record, or you may not see it.",
            ),
            Shared::NotAcceptable => other(
                "not_acceptable",
                "No acceptable media type",
                "`application/json` is offered.",
            ),
            Shared::RequestTimeout => other(
                "body_too_slow",
                "Request body too slow",
                "The request body did not arrive within the time limit.",
            ),
            Shared::Conflict => of(Code::AlreadyExists, "Another record has this value."),
            Shared::Gone => of(
                Code::Gone,
                "Novels are not served since 2027-11-01; use `Book`.",
            ),
            Shared::PreconditionFailed => of(
                Code::Stale,
                "The record is at version 3 now; read it again.",
            ),
            Shared::ContentTooLarge => other(
                "body_too_large",
                "Request body too large",
                "The request body is larger than allowed here.",
            ),
            Shared::UriTooLong => other(
                "url_too_long",
                "URL too long",
                "The URL is longer than this server reads.",
            ),
            Shared::UnsupportedMediaType => other(
                "unsupported_media_type",
                "Unsupported media type",
                "Send `Content-Type: application/json`.",
            ),
            Shared::Unprocessable => of(Code::Invalid, "Has 0 characters; the fewest is 1."),
            Shared::PreconditionRequired => of(
                Code::PreconditionRequired,
                "Send `If-Match` with the ETag of the record.",
            ),
            Shared::TooManyRequests => of(
                Code::RateLimited,
                "You have used up the limit `default` (600 in 60 s); there is room again in 1 s.",
            ),
            Shared::HeadersTooLarge => other(
                "header_fields_too_large",
                "Too many header fields",
                "The request has more header fields than this server reads.",
            ),
            Shared::InternalError => of(
                Code::Internal,
                "The request failed for a reason that is not yours.",
            ),
            Shared::Unavailable => of(
                Code::Unavailable,
                "The database cannot take this now; try again.",
            ),
        };
        match self {
            Shared::BadRequest => {
                example["errors"] =
                    json!([{"parameter": "limit", "code": "invalid", "detail": example["detail"]}]);
            }
            Shared::Forbidden => example["rule"] = json!("staff"),
            Shared::TooManyRequests => example["violated-policies"] = json!(["default"]),
            Shared::Gone => example["successor"] = json!("/v1/books"),
            Shared::Unprocessable => {
                example["errors"] = json!([{"pointer": "/title", "code": "too_short", "detail": example["detail"]}]);
            }
            _ => {}
        }
        Some(example)
    }

    fn component(self, limited: bool) -> Json {
        let (_, _, description) = self.describe();
        let mut fields = vec!["X-Request-Id"];
        if limited {
            fields.extend(LIMITS);
        }
        match self {
            Shared::Accepted => {
                fields.extend([
                    "Location",
                    "Retry-After",
                    "Preference-Applied",
                    "Cache-Control",
                ]);
            }
            Shared::NotModified => fields.extend(["ETag", "Cache-Control", "Vary"]),
            Shared::Unauthorized | Shared::Forbidden => fields.push("WWW-Authenticate"),
            Shared::Unavailable | Shared::Conflict | Shared::TooManyRequests => {
                fields.push("Retry-After");
            }
            Shared::UnsupportedMediaType => {
                fields.extend(["Accept-Patch", "Accept-Post", "Accept-Query"])
            }
            _ => {}
        }
        let example = self.example();
        if example.is_some() {
            fields.push("Cache-Control");
        }
        let mut response = json!({"description": description, "headers": headers(&fields)});
        if let Some(example) = example {
            response["content"] = json!({
                "application/problem+json": {
                    "schema": reference("schemas", super::PROBLEM),
                    "example": example,
                },
            });
        }
        response
    }
}

/// The components of all shared answers. `limited`: whether any request is counted.
pub fn shared(limited: bool, out: &mut Map<String, Json>) {
    for shared in Shared::ALL {
        out.insert(shared.describe().1.to_owned(), shared.component(limited));
    }
}

/// How the caller stands with the limits: on every answer to a request that was counted.
pub const LIMITS: [&str; 2] = ["RateLimit-Policy", "RateLimit"];

/// References to the components of these header fields.
pub fn headers(names: &[&str]) -> Json {
    let fields = names
        .iter()
        .map(|name| ((*name).to_owned(), reference("headers", name)));
    Json::Object(fields.collect())
}

/// The components of all header fields.
pub fn header_components() -> Map<String, Json> {
    let text =
        |description: &str| json!({"description": description, "schema": {"type": "string"}});
    let fields = [
        (
            "Accept-Patch",
            text("The media types that PATCH takes (RFC 5789)."),
        ),
        ("Accept-Post", text("The media type that POST takes.")),
        (
            "Accept-Query",
            text("The media type that a query in a body has (RFC 10008)."),
        ),
        (
            "Cache-Control",
            text(
                "`private, no-cache` on what is read: it may be kept, and is asked about before it is used again; `public, max-age=…` where it is the same for everybody. `no-store` on problems.",
            ),
        ),
        (
            "ETag",
            json!({
                "description": "The state of what is answered, for `If-Match` and `If-None-Match`.",
                "schema": {"type": "string", "pattern": "^\"[^\"]+\"$"},
                "example": "\"12.a8f3\"",
            }),
        ),
        (
            "Idempotency-Replayed",
            json!({
                "description": "There if the request had been carried out before: this is what was answered then.",
                "schema": {"const": "true"},
            }),
        ),
        (
            "Link",
            json!({
                "description": "The next page, with `rel=\"next\"`, unless this is the last one; `rel=\"first\"` unless this is the first (RFC 8288).",
                "schema": {"type": "string"},
                "example": "</v1/things?limit=50&cursor=AbC>; rel=\"next\"",
            }),
        ),
        (
            "Location",
            json!({
                "description": "The path of the new record, or of the operation that has begun.",
                "required": true,
                "schema": {"type": "string", "format": "uri-reference"},
            }),
        ),
        (
            "RateLimit",
            json!({
                "description": "What is left of each limit that the request counted against: `r` more requests now, and no more than that for `t` seconds (draft-ietf-httpapi-ratelimit-headers-11).",
                "schema": {"type": "string"},
                "example": "\"default\";r=599;t=1",
            }),
        ),
        (
            "RateLimit-Policy",
            json!({
                "description": "Those limits: `q` requests in `w` seconds (draft-ietf-httpapi-ratelimit-headers-11).",
                "schema": {"type": "string"},
                "example": "\"default\";q=600;w=60",
            }),
        ),
        (
            "Preference-Applied",
            text("Which of the preferences in `Prefer` were followed (RFC 7240)."),
        ),
        (
            "Retry-After",
            json!({
                "description": "Seconds after which it is worth another try.",
                "schema": {"type": "integer", "minimum": 0},
            }),
        ),
        (
            "Vary",
            text("The request's header fields that the answer depends on."),
        ),
        (
            "WWW-Authenticate",
            text("How to send a credential, and what was wrong with the one sent (RFC 6750)."),
        ),
        (
            "X-Request-Id",
            text(
                "Names this request in the server's log. A decent one in the request is taken over.",
            ),
        ),
    ];
    fields
        .into_iter()
        .map(|(name, header)| (name.to_owned(), header))
        .collect()
}

/// The path of an operation, and its schema.
pub fn operation() -> (Json, Json) {
    let mut answers = Map::new();
    answers.insert(
        "200".to_owned(),
        json!({
            "description": "How it stands.",
            "headers": headers(&["Cache-Control", "Retry-After", "X-Request-Id"]),
            "content": {"application/json": {"schema": reference("schemas", super::OPERATION)}},
        }),
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
        answers.insert(shared.status().to_string(), shared.reference());
    }
    let path = json!({
        "parameters": [{
            "name": "id",
            "in": "path",
            "required": true,
            "description": "The id of an operation: what stands at the end of `Location`.",
            "schema": {"type": "string", "pattern": "^operation_[0-7][0-9a-hjkmnp-tv-z]{25}$"},
        }],
        "get": {
            "tags": ["Operations"],
            "summary": "How an operation stands",
            "description": "A write that was sent with `Prefer: respond-async`, for whoever sent it. Operations are kept for 24 hours.",
            "operationId": super::OPERATION_ID,
            "responses": answers,
            "security": [{}, {super::KEY: []}],
        },
    });
    let time = |what: &str| json!({"type": ["string", "null"], "format": "date-time", "description": what});
    let schema = json!({
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
                "anyOf": [reference("schemas", super::PROBLEM), {"type": "null"}],
                "description": "Why it failed.",
            },
            "created_at": time("When it began."),
            "ended_at": time("When it ended."),
        },
        "required": ["id", "state", "status", "location", "result", "problem", "created_at", "ended_at"],
    });
    (path, schema)
}

/// The schema of every refusal (RFC 9457).
pub fn problem() -> Json {
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
            "violated-policies": {
                "type": "array",
                "description": "The limits that are used up.",
                "items": {"type": "string"},
            },
        },
        "required": ["type", "title", "status", "code"],
    })
}
