//! Answers as text, to be kept and given again byte for byte.
//!
//! ```text
//! 201
//! content-type: application/json
//! location: /v1/books/43
//!
//! {"id":43}
//! ```
//!
//! All of it is UTF-8: header fields of ours are visible ASCII, bodies JSON. What belongs to one
//! request alone (its id, CORS, compression, which of its preferences were followed) is added later
//! and not kept.

use std::sync::Arc;

use call::{Failure, Outcome, Scribe};
use http::header::{CONTENT_TYPE, ETAG, HeaderName};
use http::{HeaderValue, StatusCode};
use model::Model;
use serde_json::Value;
use value::ResourceId;
use web::{Body, Response};

use super::{PREFERENCE_APPLIED, Wish};
use crate::failure::Refusal;
use doorway::Credentials;

/// Says that the request had been carried out before.
pub const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Largest body that is kept. A page of records fits many times; a larger answer is kept without
/// its body, which the client can read again.
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Writes down how this door answers one request.
#[derive(Debug)]
pub struct Clerk {
    pub model: Arc<Model>,
    pub resource: ResourceId,
    pub credentials: Arc<Credentials>,
    /// The path that was asked for.
    pub path: String,
    pub wish: Wish,
}

impl Scribe for Clerk {
    fn write(&self, end: Result<&Outcome, &Failure>) -> String {
        let response = match end {
            Ok(outcome) => {
                let resource = self.model.resource(self.resource);
                super::written(outcome, &self.model, resource, self.wish)
            }
            Err(failure) => Refusal::from(failure.clone())
                .into_problem(&self.credentials)
                .instance(self.path.as_str())
                .respond(),
        };
        text(&response)
    }
}

fn text(response: &Response) -> String {
    let body = response.body().bytes().unwrap_or_default();
    let body = match std::str::from_utf8(body) {
        Ok(body) if body.len() <= BODY_BYTES_MAX => body,
        _ => "",
    };
    let mut status = response.status();
    if body.is_empty() && status == StatusCode::OK {
        status = StatusCode::NO_CONTENT;
    }
    let mut text = String::with_capacity(body.len() + 256);
    text.push_str(status.as_str());
    for (name, value) in response.headers() {
        // Without its body, an answer is of no type.
        if let Ok(value) = value.to_str()
            && !(body.is_empty() && name == CONTENT_TYPE)
            && name != PREFERENCE_APPLIED
        {
            for part in ["\n", name.as_str(), ": ", value] {
                text.push_str(part);
            }
        }
    }
    text.push_str("\n\n");
    text.push_str(body);
    text
}

/// The answer that was kept.
pub fn read(text: &str, replayed: bool, same_rights: bool) -> Result<Response, Refusal> {
    let mut response =
        parse(text).ok_or_else(|| Failure::internal("an answer that was kept cannot be read"))?;
    if replayed {
        let headers = response.headers_mut();
        headers.insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    }
    if !same_rights && response.status().is_success() {
        // That it was done may be told; what it came to might be shown to somebody who may not
        // see it any more.
        *response.body_mut() = Body::empty();
        response.headers_mut().remove(CONTENT_TYPE);
        response.headers_mut().remove(ETAG);
        if response.status() == StatusCode::OK {
            *response.status_mut() = StatusCode::NO_CONTENT;
        }
    }
    Ok(response)
}

/// Makes of a refusal what clients are sent that take a dialect of JSON alone, and may not be the
/// one that it was written for.
pub fn in_plain_json(response: &mut Response) {
    let body = response.body().bytes().unwrap_or_default();
    let Ok(Value::Object(mut problem)) = serde_json::from_slice(body) else {
        return;
    };
    if let Some(said) = problem.get("detail").or_else(|| problem.get("title")) {
        problem.insert("message".to_owned(), said.clone());
    }
    *response.body_mut() = Body::from(Value::Object(problem).to_string());
    response.headers_mut().insert(CONTENT_TYPE, super::JSON);
}

fn parse(text: &str) -> Option<Response> {
    let (head, body) = text.split_once("\n\n")?;
    let mut lines = head.split('\n');
    let mut response = Response::new(Body::from(body.to_owned()));
    *response.status_mut() = StatusCode::from_bytes(lines.next()?.as_bytes()).ok()?;
    for line in lines {
        let (name, value) = line.split_once(": ")?;
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        if name == PREFERENCE_APPLIED {
            // An earlier release kept it.
            continue;
        }
        let value = HeaderValue::from_str(value).ok()?;
        response.headers_mut().append(name, value);
    }
    Some(response)
}

#[cfg(test)]
mod tests {
    use http::header::LOCATION;

    use super::*;

    fn answer(status: u16, fields: &[(HeaderName, &'static str)], body: &str) -> Response {
        let mut response = Response::new(Body::from(body.to_owned()));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        for (name, value) in fields {
            let value = HeaderValue::from_static(value);
            response.headers_mut().append(name, value);
        }
        response
    }

    fn shown(response: &Response) -> (u16, Vec<String>, String) {
        let fields = response.headers().iter();
        let fields = fields.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
        // In no particular order.
        let fields: std::collections::BTreeSet<String> = fields.collect();
        let body = String::from_utf8(response.body().bytes().unwrap().to_vec()).unwrap();
        (
            response.status().as_u16(),
            fields.into_iter().collect(),
            body,
        )
    }

    #[test]
    fn answers_come_back_as_they_were() {
        for response in [
            answer(204, &[], ""),
            answer(
                201,
                &[
                    (CONTENT_TYPE, "application/json"),
                    (LOCATION, "/v1/books/a%20b"),
                    (ETAG, "\"1.a:b\""),
                ],
                "{\"title\":\"a\\n\\n: é\"}",
            ),
            answer(
                409,
                &[(CONTENT_TYPE, "application/problem+json")],
                "{}\n\n{}",
            ),
        ] {
            let read = read(&text(&response), false, true).unwrap();
            assert_eq!(shown(&read), shown(&response));
        }
    }

    #[test]
    fn too_large_a_body_is_not_kept() {
        let large = "x".repeat(BODY_BYTES_MAX + 1);
        let fields = [(CONTENT_TYPE, "application/json"), (ETAG, "\"1.a\"")];
        let read = |status| {
            let response = answer(status, &fields, &large);
            shown(&read(&text(&response), false, true).unwrap())
        };
        let etag = || vec!["etag: \"1.a\"".to_owned()];
        assert_eq!(read(200), (204, etag(), String::new()));
        assert_eq!(read(201), (201, etag(), String::new()));
    }

    #[test]
    fn who_may_see_something_else_by_now_is_told_only_that_it_was_done() {
        let fields = [
            (CONTENT_TYPE, "application/json"),
            (LOCATION, "/v1/books/1"),
            (ETAG, "\"1.a\""),
        ];
        let replayed = |status| {
            let response = answer(status, &fields, "{}");
            shown(&read(&text(&response), true, false).unwrap())
        };
        let marks = vec![
            "idempotency-replayed: true".to_owned(),
            "location: /v1/books/1".to_owned(),
        ];
        assert_eq!(replayed(201), (201, marks.clone(), String::new()));
        assert_eq!(replayed(200), (204, marks, String::new()));
        // Why it was refused is no secret to whom it was refused.
        assert_eq!(replayed(409).2, "{}");
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for text in ["", "200", "x\n\n", "200\nno colon\n\n", "200\na b: c\n\n"] {
            assert!(read(text, false, true).is_err(), "{text:?}");
        }
    }
}
