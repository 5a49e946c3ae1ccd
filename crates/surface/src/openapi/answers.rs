//! Answers: the good ones, and the statuses that operations share.

use call::Code;
use serde_json::{Map, Value as Json, json};

use super::headers::{self, Marks};
use super::{PROBLEM, reference};
use crate::pages::problem_type;

/// A status that operations share, by its component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shared {
    Accepted,
    NotModified,
    BadRequest,
    Unauthorized,
    Forbidden,
    /// A refusal of a write can be kept with its idempotency key.
    ForbiddenWrite,
    NotFound,
    NotFoundWrite,
    NotAcceptable,
    RequestTimeout,
    Conflict,
    Gone,
    PreconditionFailed,
    /// The same on reads, which are not kept.
    PreconditionFailedRead,
    ContentTooLarge,
    UriTooLong,
    UnsupportedMediaType,
    UnsupportedPatch,
    UnsupportedPost,
    UnsupportedQuery,
    Unprocessable,
    PreconditionRequired,
    TooManyRequests,
    HeadersTooLarge,
    InternalError,
    Unavailable,
}

/// A code of a problem, and when it comes.
type Said = (&'static str, &'static str);

const BODY_TYPES: &[Said] = &[
    (
        "unsupported_media_type",
        "the body is of a type that is not taken here; `accepted` lists those that are",
    ),
    (
        "content_encoding_unsupported",
        "the body is compressed in a way that is not read here",
    ),
];

impl Shared {
    const ALL: [Shared; 26] = [
        Shared::Accepted,
        Shared::NotModified,
        Shared::BadRequest,
        Shared::Unauthorized,
        Shared::Forbidden,
        Shared::ForbiddenWrite,
        Shared::NotFound,
        Shared::NotFoundWrite,
        Shared::NotAcceptable,
        Shared::RequestTimeout,
        Shared::Conflict,
        Shared::Gone,
        Shared::PreconditionFailed,
        Shared::PreconditionFailedRead,
        Shared::ContentTooLarge,
        Shared::UriTooLong,
        Shared::UnsupportedMediaType,
        Shared::UnsupportedPatch,
        Shared::UnsupportedPost,
        Shared::UnsupportedQuery,
        Shared::Unprocessable,
        Shared::PreconditionRequired,
        Shared::TooManyRequests,
        Shared::HeadersTooLarge,
        Shared::InternalError,
        Shared::Unavailable,
    ];

    /// Status, component, and the codes of its problems.
    fn describe(self) -> (u16, &'static str, &'static [Said]) {
        match self {
            Shared::Accepted => (202, "Accepted", &[]),
            Shared::NotModified => (304, "NotModified", &[]),
            Shared::BadRequest => (
                400,
                "BadRequest",
                &[
                    (
                        "malformed",
                        "a parameter, a header field or the body cannot be read; `errors` says which",
                    ),
                    (
                        "cursor_mismatch",
                        "the cursor belongs to another list, filter or sort",
                    ),
                    (
                        "idempotency_required",
                        "this is only written with an `Idempotency-Key`",
                    ),
                ],
            ),
            Shared::Unauthorized => (
                401,
                "Unauthorized",
                &[(
                    "unauthenticated",
                    "there is no credential where one is needed, or the one sent is not valid",
                )],
            ),
            Shared::Forbidden | Shared::ForbiddenWrite => (
                403,
                match self {
                    Shared::Forbidden => "Forbidden",
                    _ => "ForbiddenWrite",
                },
                &[
                    ("forbidden", "the rule named in `rule` does not allow it"),
                    (
                        "insufficient_scope",
                        "the credential lacks the scope named in `scope`",
                    ),
                    (
                        "insecure_transport",
                        "the credential came in the clear, so it was not looked at; replace it",
                    ),
                ],
            ),
            Shared::NotFound | Shared::NotFoundWrite => (
                404,
                match self {
                    Shared::NotFound => "NotFound",
                    _ => "NotFoundWrite",
                },
                &[(
                    "not_found",
                    "there is no such record, or the caller may not see it",
                )],
            ),
            Shared::NotAcceptable => (
                406,
                "NotAcceptable",
                &[(
                    "not_acceptable",
                    "`Accept` names nothing that is offered; `offered` lists what is",
                )],
            ),
            Shared::RequestTimeout => (
                408,
                "RequestTimeout",
                &[("body_too_slow", "the body did not arrive in time")],
            ),
            Shared::Conflict => (
                409,
                "Conflict",
                &[
                    (
                        "already_exists",
                        "another record has a value that must be unique",
                    ),
                    (
                        "unknown_reference",
                        "a reference leads to no record, or to none that the caller may see",
                    ),
                    ("still_referenced", "other records refer to this one"),
                    (
                        "conflict",
                        "the record is in another state: the patch does not fit it (a `test` failed, or a path leads nowhere), or what is to be restored has not been deleted",
                    ),
                    (
                        "idempotency_in_progress",
                        "the first request with this `Idempotency-Key` still runs; send it again after `Retry-After` seconds",
                    ),
                ],
            ),
            Shared::Gone => (
                410,
                "Gone",
                &[(
                    "gone",
                    "the day that `Sunset` announced has come. `successor`, if there is one, is the path to use instead",
                )],
            ),
            Shared::PreconditionFailed | Shared::PreconditionFailedRead => (
                412,
                match self {
                    Shared::PreconditionFailed => "PreconditionFailed",
                    _ => "PreconditionFailedRead",
                },
                &[(
                    "stale",
                    "what is asked about is not in the state that the request names",
                )],
            ),
            Shared::ContentTooLarge => (
                413,
                "ContentTooLarge",
                &[("body_too_large", "the body is larger than is taken here")],
            ),
            Shared::UriTooLong => (
                414,
                "UriTooLong",
                &[("url_too_long", "the URL is longer than is read here")],
            ),
            Shared::UnsupportedMediaType => (415, "UnsupportedMediaType", BODY_TYPES),
            Shared::UnsupportedPatch => (415, "UnsupportedPatch", BODY_TYPES),
            Shared::UnsupportedPost => (415, "UnsupportedPost", BODY_TYPES),
            Shared::UnsupportedQuery => (415, "UnsupportedQuery", BODY_TYPES),
            Shared::Unprocessable => (
                422,
                "Unprocessable",
                &[
                    (
                        "invalid",
                        "the request was understood but breaks the contract; `errors` lists every fault",
                    ),
                    (
                        "idempotency_mismatch",
                        "the `Idempotency-Key` was used for another request",
                    ),
                ],
            ),
            Shared::PreconditionRequired => (
                428,
                "PreconditionRequired",
                &[(
                    "precondition_required",
                    "a record is only changed if its state is named",
                )],
            ),
            Shared::TooManyRequests => (
                429,
                "TooManyRequests",
                &[(
                    "rate_limited",
                    "more requests than the limits in `violated-policies` allow. Nothing was done; there is room again after `Retry-After` seconds",
                )],
            ),
            Shared::HeadersTooLarge => (
                431,
                "HeaderFieldsTooLarge",
                &[(
                    "header_fields_too_large",
                    "there are more header fields, or larger ones, than are read here",
                )],
            ),
            Shared::InternalError => (
                500,
                "InternalError",
                &[("internal", "a fault of the server, which is in its log")],
            ),
            Shared::Unavailable => (
                503,
                "Unavailable",
                &[
                    (
                        "unavailable",
                        "the server has too much to do, or its database is away; try again after `Retry-After` seconds",
                    ),
                    (
                        "timed_out",
                        "it took too long. Nothing was changed, unless `detail` says that the outcome is open",
                    ),
                ],
            ),
        }
    }

    pub fn status(self) -> u16 {
        self.describe().0
    }

    fn description(self) -> String {
        match self {
            Shared::Accepted => "It goes on, as `Prefer: respond-async` asked for: `Location` leads to the operation, which tells how it ends.".to_owned(),
            Shared::NotModified => "The copy that `If-None-Match` named is still good.".to_owned(),
            _ => sentence(self.describe().2),
        }
    }

    /// Answered before it is known what the request is about.
    fn is_of_server(self) -> bool {
        matches!(self, Shared::UriTooLong | Shared::HeadersTooLarge)
    }

    /// What the example shows, for those that are problems.
    fn example(self) -> Option<Json> {
        let other = |code: &str, title: &str, detail: &str| {
            json!({
                "type": problem_type(code),
                "title": title,
                "status": self.status(),
                "detail": detail,
                "code": code,
            })
        };
        let of = |code: Code, detail: &str| other(code.name(), code.title(), detail);
        let mut example = match self {
            Shared::Accepted | Shared::NotModified => return None,
            Shared::BadRequest => of(Code::Malformed, "`limit` is a whole number, 1 or more."),
            Shared::Unauthorized => of(Code::Unauthenticated, "Send `Authorization: Bearer KEY`."),
            Shared::Forbidden | Shared::ForbiddenWrite => of(
                Code::Forbidden,
                "The rule `staff` does not let you do this.",
            ),
            Shared::NotFound | Shared::NotFoundWrite => of(
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
            Shared::Conflict => of(
                Code::IdempotencyInProgress,
                "The first request with this key still runs; try again in 1 s.",
            ),
            Shared::Gone => of(
                Code::Gone,
                "Novels are not served since 2027-11-01; use `Book`.",
            ),
            Shared::PreconditionFailed | Shared::PreconditionFailedRead => of(
                Code::Stale,
                "The record has another ETag by now: read it again, decide again, and send the new one.",
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
            Shared::UnsupportedMediaType
            | Shared::UnsupportedPatch
            | Shared::UnsupportedPost
            | Shared::UnsupportedQuery => other(
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
                "You have used up the limit `default` (600 per minute); there is room again in 1 s.",
            ),
            Shared::HeadersTooLarge => other(
                "header_fields_too_large",
                "Header fields too large",
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
            Shared::Forbidden | Shared::ForbiddenWrite => example["rule"] = json!("staff"),
            Shared::TooManyRequests => example["violated-policies"] = json!(["default"]),
            Shared::Gone => example["successor"] = json!("/v1/books"),
            Shared::Unprocessable => {
                example["errors"] = json!([{"pointer": "/title", "code": "too_short", "detail": example["detail"]}]);
            }
            _ => {}
        }
        Some(example)
    }

    /// The header fields that belong to this status.
    fn fields(self) -> &'static [&'static str] {
        match self {
            Shared::Accepted => &[
                "Location",
                "Retry-After",
                "Preference-Applied",
                "Idempotency-Replayed",
                "Cache-Control",
            ],
            Shared::NotModified => &["ETag", "Cache-Control", "Vary"],
            Shared::Unauthorized | Shared::Forbidden => &["WWW-Authenticate"],
            Shared::ForbiddenWrite => &["WWW-Authenticate", "Idempotency-Replayed"],
            Shared::NotFoundWrite | Shared::PreconditionFailed => &["Idempotency-Replayed"],
            Shared::Conflict => &["Retry-After", "Idempotency-Replayed"],
            Shared::Unavailable | Shared::TooManyRequests => &["Retry-After"],
            Shared::UnsupportedMediaType => &["Accept", "Accept-Encoding"],
            Shared::UnsupportedPatch => &["Accept", "Accept-Encoding", "Accept-Patch"],
            Shared::UnsupportedPost => &["Accept", "Accept-Encoding", "Accept-Post"],
            Shared::UnsupportedQuery => &["Accept", "Accept-Encoding", "Accept-Query"],
            _ => &[],
        }
    }

    fn component(self, marks: Marks) -> Json {
        let mut fields = self.fields().to_vec();
        let example = self.example();
        if example.is_some() {
            fields.push("Cache-Control");
        }
        let marks = match self.is_of_server() {
            true => Marks::default(),
            false => marks,
        };
        let content = example.map(|example| {
            json!({
                "application/problem+json": {
                    "schema": reference("schemas", PROBLEM),
                    "example": example,
                },
            })
        });
        ok(&self.description(), &fields, marks, content)
    }
}

/// One answer.
pub fn ok(description: &str, fields: &[&str], marks: Marks, content: Option<Json>) -> Json {
    let mut headers = headers::named(fields);
    headers.extend(headers::named(&["X-Request-Id"]));
    marks.put(&mut headers);
    let mut answer = json!({"description": description, "headers": headers});
    if let Some(content) = content {
        answer["content"] = content;
    }
    answer
}

/// The components of answers that operations share. There are more than one for a status where
/// resources differ in their [`Marks`].
pub struct Answers {
    marks: Vec<Marks>,
}

impl Answers {
    /// `marks`: all that there are.
    pub fn new(marks: Vec<Marks>) -> Answers {
        Answers { marks }
    }

    /// All of them.
    pub fn components(&self) -> Map<String, Json> {
        let all = Shared::ALL.into_iter().flat_map(|shared| {
            let marks = self.marks.iter();
            marks.map(move |marks| (self.key(shared, *marks), shared.component(*marks)))
        });
        all.collect()
    }

    pub fn refer(&self, shared: Shared, marks: Marks) -> Json {
        reference("responses", &self.key(shared, marks))
    }

    /// For an operation that can answer with some of the codes only.
    pub fn refer_to(&self, shared: Shared, marks: Marks, codes: &[&str]) -> Json {
        let mut answer = self.refer(shared, marks);
        let all = shared.describe().2;
        let said: Vec<Said> = all
            .iter()
            .filter(|(code, _)| codes.contains(code))
            .copied()
            .collect();
        if said.len() < all.len() {
            answer["description"] = json!(sentence(&said));
        }
        answer
    }

    /// The plain name, unless there are resources with other marks.
    fn key(&self, shared: Shared, marks: Marks) -> String {
        let mut key = String::new();
        if !shared.is_of_server() {
            if marks.limited && !self.marks.iter().all(|other| other.limited) {
                key.push_str("Limited");
            }
            if marks.deprecated && !self.marks.iter().all(|other| other.deprecated) {
                key.push_str("Deprecated");
            }
        }
        key.push_str(shared.describe().1);
        key
    }
}

/// `` `malformed`: …. `cursor_mismatch`: …. ``
fn sentence(said: &[Said]) -> String {
    let parts: Vec<String> = said
        .iter()
        .map(|(code, when)| format!("`{code}`: {when}"))
        .collect();
    format!("{}.", parts.join(". "))
}
