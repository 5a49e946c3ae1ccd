//! Header fields of answers: their components, and those that depend on the resource alone.

use model::{DocsAccess, Limit, Model, Resource};
use serde_json::{Map, Value as Json, json};

use super::reference;

/// What every answer to a write can have beside what was written.
pub const WRITTEN: [&str; 4] = [
    "Cache-Control",
    "Dry-Run",
    "Idempotency-Replayed",
    "Preference-Applied",
];

/// What answers say beside what they answer: how the caller stands with the limits, and that the
/// resource goes away. It is the same on every answer about one resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Requests are counted, anybody's.
    pub limited: bool,
    pub deprecated: bool,
    /// There is a page to read about it, or something to use instead.
    guide: bool,
}

impl Marks {
    pub fn of(model: &Model, resource: &Resource) -> Marks {
        let deprecated = resource.deprecated.is_some();
        Marks {
            limited: model.is_limited(resource),
            deprecated,
            guide: deprecated
                && (model.docs != DocsAccess::Off || model.successor(resource).is_some()),
        }
    }

    /// Those of operations, which belong to no resource.
    pub fn of_operations(model: &Model) -> Marks {
        let reserved = [Limit::GUESTS, Limit::DEFAULT];
        Marks {
            limited: reserved.iter().any(|name| model.limit(name).is_some()),
            ..Marks::default()
        }
    }

    /// Puts the fields in.
    pub fn put(self, headers: &mut Map<String, Json>) {
        let mut put = |when: bool, name: &str| {
            if when {
                headers.insert(name.to_owned(), reference("headers", name));
            }
        };
        put(self.limited, "RateLimit-Policy");
        put(self.limited, "RateLimit");
        put(self.deprecated, "Deprecation");
        put(self.deprecated, "Sunset");
        if self.guide {
            // Lists have links of their own.
            let component = match headers.contains_key("Link") {
                true => "PageAndDeprecationLink",
                false => "DeprecationLink",
            };
            headers.insert("Link".to_owned(), reference("headers", component));
        }
    }
}

/// References to the components of these header fields.
pub fn named(names: &[&str]) -> Map<String, Json> {
    let fields = names
        .iter()
        .map(|name| ((*name).to_owned(), reference("headers", name)));
    fields.collect()
}

/// The components of all header fields.
pub fn components() -> Map<String, Json> {
    let text =
        |description: &str| json!({"description": description, "schema": {"type": "string"}});
    let fields = [
        (
            "Accept",
            text("The media types that are taken here (RFC 9110)."),
        ),
        (
            "Accept-Encoding",
            text("The codings that are taken here (RFC 9110)."),
        ),
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
                "`private, no-cache` on what is read: it may be kept, and is asked about before it is used again; `max-age=…` where it is the same for everybody. `no-store` on what is nobody's copy: problems, rehearsals, answers that change by themselves.",
            ),
        ),
        (
            "Content-Location",
            json!({
                "description": "The record's path, where that is not the path that was asked (RFC 9110 §8.7): it was restored, or what names it has changed.",
                "schema": {"type": "string", "format": "uri-reference"},
            }),
        ),
        (
            "Deprecation",
            json!({
                "description": "Since when this is deprecated, in seconds since 1970 (RFC 9745); not there if no day is known.",
                "schema": {"type": "string", "pattern": "^@-?[0-9]+$"},
                "example": "@1793491200",
            }),
        ),
        (
            "DeprecationLink",
            json!({
                "description": "With `rel=\"deprecation\"`: where to read about it (RFC 9745); with `rel=\"successor-version\"`: what to use instead (RFC 5829).",
                "schema": {"type": "string"},
                "example": "</docs>; rel=\"deprecation\"",
            }),
        ),
        (
            "Dry-Run",
            json!({
                "description": "There if it was done only for show, as `dry_run=true` asks for.",
                "schema": {"const": "true"},
            }),
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
            "PageAndDeprecationLink",
            json!({
                "description": "The next page, with `rel=\"next\"`, unless this is the last one; `rel=\"first\"` unless this is the first (RFC 8288). With `rel=\"deprecation\"`: where to read that the list goes away (RFC 9745); with `rel=\"successor-version\"`: what to use instead (RFC 5829).",
                "schema": {"type": "string"},
                "example": "</v1/things?limit=50&cursor=AbC>; rel=\"next\"",
            }),
        ),
        (
            "Preference-Applied",
            json!({
                "description": "Which of the preferences in `Prefer` were followed (RFC 7240).",
                "schema": {"type": "string"},
                "example": "return=minimal",
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
            "Retry-After",
            json!({
                "description": "Seconds after which it is worth another try.",
                "schema": {"type": "integer", "minimum": 0},
            }),
        ),
        (
            "Sunset",
            json!({
                "description": "When this goes away (RFC 8594); not there if no day is known.",
                "schema": {"type": "string"},
                "example": "Mon, 01 Nov 2027 00:00:00 GMT",
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
