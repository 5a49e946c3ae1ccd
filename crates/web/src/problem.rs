//! Refusals as RFC 9457 problems.

use std::borrow::Cow;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use crate::headers::{NO_STORE, NOSNIFF, NOSNIFF_NAME};
use crate::response::{Body, Response};

/// The media type of a problem.
pub const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Where the pages that explain problems are expected: `type` is this and the code, unless
/// [`Problem::type_`] says otherwise. Relative, so it works behind every host name.
pub const TYPE_PREFIX: &str = "/problems/";

/// What all problems with one code have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// Stable; what programs compare.
    pub code: &'static str,
    pub status: StatusCode,
    /// The same words for every problem of this kind.
    pub title: &'static str,
    /// For the page behind `type`: what it means and what to do.
    pub explanation: &'static str,
}

/// One refusal.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    code: Cow<'static, str>,
    status: StatusCode,
    title: Cow<'static, str>,
    type_: Option<String>,
    detail: Option<Cow<'static, str>>,
    instance: Option<String>,
    errors: Vec<Fault>,
    extra: Vec<(Cow<'static, str>, Value)>,
    headers: HeaderMap,
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub place: Place,
    pub code: Cow<'static, str>,
    pub detail: Cow<'static, str>,
}

/// Where in a request something is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the body: an RFC 6901 pointer.
    Pointer(String),
    /// In the query string or the path.
    Parameter(String),
    /// In a header field.
    Header(String),
}

impl Problem {
    /// A problem with a code of the caller's own.
    pub fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        title: impl Into<Cow<'static, str>>,
    ) -> Problem {
        Problem {
            code: code.into(),
            status,
            title: title.into(),
            type_: None,
            detail: None,
            instance: None,
            errors: Vec::new(),
            extra: Vec::new(),
            headers: HeaderMap::new(),
        }
    }

    /// A problem of a known kind.
    pub fn of(kind: &Kind) -> Problem {
        Problem::new(kind.status, kind.code, kind.title)
    }

    /// What is wrong this time, and how to mend it.
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Problem {
        self.detail = Some(detail.into());
        self
    }

    /// The URL that explains this kind of problem.
    pub fn type_(mut self, url: impl Into<String>) -> Problem {
        self.type_ = Some(url.into());
        self
    }

    /// What names this very occurrence, such as a request id.
    pub fn instance(mut self, instance: impl Into<String>) -> Problem {
        self.instance = Some(instance.into());
        self
    }

    /// One more thing that is wrong.
    pub fn fault(
        mut self,
        place: Place,
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Problem {
        self.errors.push(Fault {
            place,
            code: code.into(),
            detail: detail.into(),
        });
        self
    }

    /// One more member. The standard ones cannot be replaced by it.
    pub fn member(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<Value>,
    ) -> Problem {
        let name = name.into();
        if !STANDARD.contains(&&*name) && self.extra.iter().all(|(known, _)| *known != name) {
            self.extra.push((name, value.into()));
        }
        self
    }

    /// What is wrong, as `message`: the one member that readers of other dialects know.
    pub fn with_message(self) -> Problem {
        let message = self.detail.as_ref().unwrap_or(&self.title).clone();
        self.member("message", message)
    }

    /// A header field of the response: `WWW-Authenticate`, `Retry-After`, `Allow`, …
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Problem {
        self.headers.append(name, value);
        self
    }

    pub fn status(&self) -> StatusCode {
        self.status
    }

    pub fn code(&self) -> &str {
        &self.code
    }

    pub fn faults(&self) -> &[Fault] {
        &self.errors
    }

    /// The response that says it.
    pub fn respond(self) -> Response {
        let body = serde_json::to_vec(&self)
            .expect("strings and JSON values can always be written to memory");
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, MEDIA_TYPE);
        headers.entry(CACHE_CONTROL).or_insert(NO_STORE);
        headers.insert(NOSNIFF_NAME, NOSNIFF);
        response
    }
}

/// The members this module writes itself.
const STANDARD: [&str; 7] = [
    "type", "title", "status", "detail", "instance", "code", "errors",
];

/// The members, always in the same order.
impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        match &self.type_ {
            Some(url) => members.serialize_entry("type", url)?,
            None => members.serialize_entry("type", &format_args!("{TYPE_PREFIX}{}", self.code))?,
        }
        members.serialize_entry("title", &self.title)?;
        members.serialize_entry("status", &self.status.as_u16())?;
        if let Some(detail) = &self.detail {
            members.serialize_entry("detail", detail)?;
        }
        if let Some(instance) = &self.instance {
            members.serialize_entry("instance", instance)?;
        }
        members.serialize_entry("code", &self.code)?;
        if !self.errors.is_empty() {
            members.serialize_entry("errors", &self.errors)?;
        }
        for (name, value) in &self.extra {
            members.serialize_entry(name, value)?;
        }
        members.end()
    }
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(Some(3))?;
        match &self.place {
            Place::Pointer(pointer) => members.serialize_entry("pointer", pointer)?,
            Place::Parameter(name) => members.serialize_entry("parameter", name)?,
            Place::Header(name) => members.serialize_entry("header", name)?,
        }
        members.serialize_entry("code", &self.code)?;
        members.serialize_entry("detail", &self.detail)?;
        members.end()
    }
}

/// The problems this kit itself can answer with, so that a door can serve their pages.
pub mod kit {
    use super::Kind;
    use http::StatusCode;

    macro_rules! kinds {
        ($($name:ident: $code:literal, $status:ident, $title:literal, $explanation:literal;)*) => {
            $(pub const $name: Kind = Kind {
                code: $code,
                status: StatusCode::$status,
                title: $title,
                explanation: $explanation,
            };)*
            /// All of them.
            pub const ALL: &[Kind] = &[$($name),*];
        };
    }

    kinds! {
        AMBIGUOUS_FRAMING: "ambiguous_framing", BAD_REQUEST, "The length of the request is ambiguous",
            "Two programs could disagree about where this request ends, for example because it has both Content-Length and Transfer-Encoding. Such requests are refused and the connection is closed.";
        TRANSFER_CODING: "transfer_coding_unsupported", NOT_IMPLEMENTED, "Unsupported transfer coding",
            "The only transfer coding this server reads is `chunked`.";
        HOST: "invalid_host", BAD_REQUEST, "Missing, repeated or invalid Host",
            "Every HTTP/1.1 request has exactly one Host field, with a name or an address and perhaps a port. In HTTP/2 it may be left out, and must not differ from :authority.";
        NOT_HTTP: "malformed_http", BAD_REQUEST, "Not well-formed HTTP",
            "The request line or a header field is not as RFC 9112 describes it, so nothing of the request was read. The connection is closed.";
        HTTPS_EXPECTED: "https_expected", BAD_REQUEST, "HTTPS is spoken here",
            "The request came in plain HTTP to a port where TLS is spoken. Nothing of it was read. Write `https://` before the host, and replace a credential that was sent in the clear.";
        HEAD_TOO_SLOW: "head_too_slow", REQUEST_TIMEOUT, "Request head too slow",
            "The request line and header fields did not arrive within the time limit. The connection is closed.";
        HEADER_NAME: "invalid_header_name", BAD_REQUEST, "Header name refused",
            "Header names may have ASCII letters, digits and `-` only. Other characters, above all `_`, are read as `-` by some programs, so a field could be mistaken for another.";
        HEAD_TOO_LARGE: "header_fields_too_large", REQUEST_HEADER_FIELDS_TOO_LARGE, "Header fields too large",
            "The request has more header fields, or larger ones, than this server reads. A pile of cookies is the usual cause.";
        URL_TOO_LONG: "url_too_long", URI_TOO_LONG, "URL too long",
            "The URL is longer than this server reads. Send long conditions in a request body.";
        CONNECT: "connect_not_supported", NOT_IMPLEMENTED, "CONNECT is not supported",
            "This server is not a tunnel.";
        TIMEOUT: "timed_out", SERVICE_UNAVAILABLE, "The request took too long",
            "The server could not finish the request within its time limit. If it was a write, read before you try again.";
        INTERNAL: "internal", INTERNAL_SERVER_ERROR, "Something went wrong here",
            "This is a fault of the server, not of the request. It has been logged. If it was a write, read before you try again.";
        BODY_TOO_LARGE: "body_too_large", PAYLOAD_TOO_LARGE, "Request body too large",
            "The request body is larger than allowed here.";
        OVERLOADED: "overloaded", SERVICE_UNAVAILABLE, "Too many large requests at once",
            "The bodies of the requests that are being answered take as much memory as they may all together. Nothing was changed; send the request again after `Retry-After` seconds.";
        BODY_TOO_SLOW: "body_too_slow", REQUEST_TIMEOUT, "Request body too slow",
            "The request body did not arrive within the time limit, or slower than the least rate.";
        BODY_ENCODED: "content_encoding_unsupported", UNSUPPORTED_MEDIA_TYPE, "Content-Encoding not supported",
            "Request bodies are read as they are. Send them without Content-Encoding.";
        BODY_BROKEN: "body_incomplete", BAD_REQUEST, "Request body incomplete",
            "The request body ended before its announced end, or its chunks are not well-formed.";
        INVALID_JSON: "invalid_json", BAD_REQUEST, "Not valid JSON",
            "The request body is not JSON as RFC 8259 describes it, has an object with the same member twice, or is nested too deeply. The detail says where.";
        NOT_ACCEPTABLE: "not_acceptable", NOT_ACCEPTABLE, "No acceptable media type",
            "None of the media types in Accept is offered here; `offered` lists those that are.";
        UNSUPPORTED_MEDIA_TYPE: "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "Unsupported media type",
            "The Content-Type of the request body is missing or not one of those accepted here; `accepted` lists those that are.";
        INVALID_PRECONDITION: "invalid_precondition", BAD_REQUEST, "Precondition not understood",
            "If-Match or If-None-Match is neither `*` nor a list of entity tags such as `\"12.a8f3\"`.";
        INVALID_FORM: "invalid_form", BAD_REQUEST, "Form not understood",
            "The form has a broken percent-encoding, bytes that are not UTF-8, more fields than any form here, or a field twice. The detail names it.";
        CROSS_SITE: "cross_site", FORBIDDEN, "Not asked for by a page of this server",
            "A browser sent its cookies with a request that a page elsewhere made, or did not say which page made it. Nothing was done. Pages use this server from its own origin; programs send a token instead of a cookie.";
        INVALID_QUERY: "invalid_query", BAD_REQUEST, "Query string not understood",
            "The query string has a broken percent-encoding, a repeated parameter, or a name that is not `name` or `name[operator]`.";
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::{ALLOW, RETRY_AFTER};

    fn text(problem: Problem) -> String {
        let response = problem.respond();
        String::from_utf8(response.body().bytes().unwrap().to_vec()).unwrap()
    }

    #[test]
    fn the_least_problem() {
        insta::assert_snapshot!(
            text(Problem::of(&kit::HOST)),
            @r#"{"type":"/problems/invalid_host","title":"Missing, repeated or invalid Host","status":400,"code":"invalid_host"}"#
        );
    }

    #[test]
    fn all_members_in_a_stable_order() {
        let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "Not valid")
            .member("hint", "use a title")
            .fault(
                Place::Pointer("/a~1b".into()),
                "required",
                "is \"required\"",
            )
            .fault(Place::Parameter("limit".into()), "range", "1 to 200")
            .fault(Place::Header("prefer".into()), "unknown", "?")
            .instance("req_1")
            .member("code", "other")
            .member("hint", "twice")
            .type_("https://example.com/p")
            .detail("No.");
        insta::assert_snapshot!(
            text(problem),
            @r#"{"type":"https://example.com/p","title":"Not valid","status":422,"detail":"No.","instance":"req_1","code":"invalid","errors":[{"pointer":"/a~1b","code":"required","detail":"is \"required\""},{"parameter":"limit","code":"range","detail":"1 to 200"},{"header":"prefer","code":"unknown","detail":"?"}],"hint":"use a title"}"#
        );
    }

    #[test]
    fn a_message_is_the_detail_or_else_the_title() {
        for (problem, expected) in [
            (Problem::of(&kit::HOST), kit::HOST.title),
            (
                Problem::of(&kit::HOST).detail("Two of them."),
                "Two of them.",
            ),
        ] {
            let text = text(problem.with_message());
            assert!(
                text.ends_with(&format!(r#""message":"{expected}"}}"#)),
                "{text}"
            );
        }
    }

    #[test]
    fn header_fields_are_attached() {
        let response = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "x", "X")
            .header(ALLOW, HeaderValue::from_static("GET, HEAD"))
            .header(RETRY_AFTER, HeaderValue::from_static("3"))
            .respond();
        assert_eq!(response.status(), 405);
        assert_eq!(response.headers()[ALLOW], "GET, HEAD");
        assert_eq!(response.headers()[RETRY_AFTER], "3");
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
    }

    #[test]
    fn codes_of_the_kit_are_unique_words() {
        for (place, kind) in kit::ALL.iter().enumerate() {
            assert!(kind.status.as_u16() >= 400);
            assert!(
                kind.code
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            );
            assert!(
                kit::ALL[..place]
                    .iter()
                    .all(|other| other.code != kind.code)
            );
        }
    }
}
