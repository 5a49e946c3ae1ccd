//! From [`Outcome`] to the wire.

mod body;
pub mod kept;
mod link;
pub mod operation;
pub mod stream;
pub mod tag;

use call::{Outcome, Page, Record, Standings, ViewTag};
use http::header::{
    CACHE_CONTROL, CONTENT_LOCATION, CONTENT_TYPE, ETAG, HeaderName, LINK, LOCATION, VARY,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use model::{Model, Resource};
use web::Response;
use web::headers::{no_store, protect_data};
use web::quota::{self, Quota};

use crate::failure::Refusal;
use crate::request::prefer::{Prefer, Return};
use stream::{Format, Stream};
use tag::Tag;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What is read may be kept by the reader alone, and is asked about before it is used again.
const REVALIDATE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// What an answer to a read depends on.
const VARIES: HeaderValue =
    HeaderValue::from_static("Accept, Accept-Encoding, Authorization, Origin");

/// Room for the fields of an answer, those that are added later included.
const FIELDS: usize = 14;

/// Tells how the caller stands with the limits that the request counted against.
pub fn standing(standings: &Standings, headers: &mut HeaderMap) {
    let quotas = standings.iter().map(|standing| Quota {
        policy: &standing.limit,
        allow: standing.allow.into(),
        window_s: standing.window_seconds.into(),
        remaining: standing.remaining.into(),
        effective_s: standing.next_seconds,
    });
    quota::mark(headers, quotas);
    // The policies are the same for all who are given this answer again; what is left of them is
    // one caller's.
    if headers.get(CACHE_CONTROL).is_some_and(is_shared) {
        headers.remove(quota::RATELIMIT);
    }
}

/// Whether caches that many share may keep the answer.
fn is_shared(control: &HeaderValue) -> bool {
    control.as_bytes().starts_with(b"max-age=")
}

/// Says that a write was only rehearsed.
const DRY_RUN: HeaderName = HeaderName::from_static("dry-run");

/// Which preferences were followed (RFC 7240 section 3).
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// How a request is to be answered.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wish {
    pub prefer: Prefer,
    pub dry_run: bool,
    /// For how many seconds what is read may be given to anybody.
    pub shared: Option<u32>,
}

/// Writes an outcome as the answer to a request with this `head`.
pub fn write(
    outcome: Outcome,
    head: &Parts,
    model: &Model,
    resource: &Resource,
    wish: Wish,
) -> Result<Response, Refusal> {
    match outcome {
        Outcome::Record(record) if head.method.is_safe() => {
            read_record(&record, &head.headers, wish.shared)
        }
        Outcome::Page(page) => read_page(&page, head, resource, wish.shared),
        Outcome::Kept {
            answer,
            replayed,
            same_rights,
        } => {
            let mut response = kept::read(&answer, replayed, same_rights)?;
            if response.status().is_client_error() && web::media::only_dialects(&head.headers) {
                kept::in_plain_json(&mut response);
            }
            if response.status().is_success() {
                prefer(&mut response, wish);
            }
            Ok(response)
        }
        outcome => Ok(written(&outcome, model, resource, wish)),
    }
}

/// The answer to a write.
pub fn written(outcome: &Outcome, model: &Model, resource: &Resource, wish: Wish) -> Response {
    let mut response = match outcome {
        Outcome::Record(record) => written_record(record, StatusCode::OK),
        Outcome::Created { key, record, .. } => {
            let mut response = match record {
                Some(record) => written_record(record, StatusCode::CREATED),
                None => empty(StatusCode::CREATED),
            };
            if let Some(location) = link::location(model, resource, key) {
                response.headers_mut().insert(LOCATION, location);
            }
            response
        }
        Outcome::Elsewhere { key, record } => {
            let mut response = match record {
                Some(record) => written_record(record, StatusCode::OK),
                None => empty(StatusCode::NO_CONTENT),
            };
            if let Some(location) = link::location(model, resource, key) {
                response.headers_mut().insert(CONTENT_LOCATION, location);
            }
            response
        }
        Outcome::Batch(batch) => {
            let tag = |record: &Record| {
                known_tag(record).unwrap_or_else(|| {
                    Tag::record(record.version, tag::hash(&body::record(record)))
                })
            };
            let mut response = plain_json(StatusCode::OK, body::batch(batch, model, resource, tag));
            no_store(response.headers_mut());
            response
        }
        Outcome::Started(started) => operation::begun(started, &model.base),
        Outcome::Written | Outcome::Deleted | Outcome::Page(_) | Outcome::Kept { .. } => {
            empty(StatusCode::NO_CONTENT)
        }
    };
    if wish.dry_run {
        // There is nothing that these could name.
        let headers = response.headers_mut();
        headers.remove(LOCATION);
        headers.remove(CONTENT_LOCATION);
        headers.remove(ETAG);
        headers.insert(DRY_RUN, HeaderValue::from_static("true"));
        no_store(headers);
        *response.status_mut() = match response.body().is_empty() {
            true => StatusCode::NO_CONTENT,
            false => StatusCode::OK,
        };
    }
    prefer(&mut response, wish);
    response
}

/// Answers as the client would like it, and says so: only what this request has asked for, also
/// where the answer is one that was kept.
fn prefer(response: &mut Response, wish: Wish) {
    let prefer = wish.prefer;
    let mut applied = Vec::new();
    let goes_on = response.status() == StatusCode::ACCEPTED;
    match prefer.answer {
        // Nothing is there yet of what it is about.
        _ if goes_on => {}
        Some(Return::Minimal) => {
            *response.body_mut() = web::Body::empty();
            response.headers_mut().remove(CONTENT_TYPE);
            if response.status() == StatusCode::OK {
                *response.status_mut() = StatusCode::NO_CONTENT;
            }
            applied.push("return=minimal".to_owned());
        }
        Some(Return::Representation) if !response.body().is_empty() => {
            applied.push("return=representation".to_owned());
        }
        _ => {}
    }
    if goes_on && prefer.later {
        applied.push("respond-async".to_owned());
    }
    if prefer.strict {
        applied.push("handling=strict".to_owned());
    }
    // It has been waited for, if need be. What is only rehearsed is not.
    if let Some(seconds) = prefer.wait_seconds
        && prefer.later
        && !wish.dry_run
    {
        applied.push(format!("wait={seconds}"));
    }
    if !applied.is_empty() {
        let applied = HeaderValue::try_from(applied.join(", ")).expect("these words are ASCII");
        response.headers_mut().insert(PREFERENCE_APPLIED, applied);
    }
}

fn read_record(
    record: &Record,
    headers: &HeaderMap,
    shared: Option<u32>,
) -> Result<Response, Refusal> {
    let mut response = match known_tag(record) {
        // Asked before anything is written.
        Some(tag) => match tag.consider(headers)? {
            Some(not_modified) => not_modified,
            None => json(StatusCode::OK, body::record(record), &tag),
        },
        None => {
            let body = body::record(record);
            let tag = Tag::record(record.version, tag::hash(&body));
            match tag.consider(headers)? {
                Some(not_modified) => not_modified,
                None => json(StatusCode::OK, body, &tag),
            }
        }
    };
    mark_read(&mut response, shared);
    Ok(response)
}

fn written_record(record: &Record, status: StatusCode) -> Response {
    let body = body::record(record);
    let tag = known_tag(record).unwrap_or_else(|| Tag::record(record.version, tag::hash(&body)));
    json(status, body, &tag)
}

/// The answer whose body is read while it is sent.
pub fn streamed(stream: Stream, format: Format, head: &Parts, shared: Option<u32>) -> Response {
    let mut response = Response::new(web::Body::stream(stream));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, format.content_type());
    protect_data(headers);
    if head.method == Method::POST {
        no_store(headers);
    } else {
        mark_read(&mut response, shared);
    }
    response
}

fn read_page(
    page: &Page,
    head: &Parts,
    resource: &Resource,
    shared: Option<u32>,
) -> Result<Response, Refusal> {
    // Where the query came as a body, the cursor has no other place than the envelope.
    let by_url = matches!(head.method, Method::GET | Method::HEAD);
    let bare = resource.list.bare && by_url;
    let write = || match bare {
        true => body::array(page),
        false => body::page(page),
    };
    if head.method == Method::POST {
        // What POST answers is nobody's representation: there is nothing to compare or to keep.
        let mut response = plain_json(StatusCode::OK, write());
        no_store(response.headers_mut());
        return Ok(response);
    }
    let mut response = match tag::of_page(page, bare) {
        // Asked before anything is written.
        Some(tag) => match tag.consider(&head.headers)? {
            Some(not_modified) => not_modified,
            None => json(StatusCode::OK, write(), &tag),
        },
        None => {
            let body = write();
            let tag = Tag::content(&body);
            match tag.consider(&head.headers)? {
                Some(not_modified) => not_modified,
                None => json(StatusCode::OK, body, &tag),
            }
        }
    };
    // A link is followed by GET, which would not send the query that came as a body. A copy that is
    // still good has its links.
    if by_url
        && response.status() == StatusCode::OK
        && let Some(links) = link::pages(
            head.uri.path(),
            head.uri.query(),
            page.next_cursor.as_deref(),
        )
    {
        response.headers_mut().insert(LINK, links);
    }
    mark_read(&mut response, shared);
    Ok(response)
}

/// The tag, where the row version and the view determine the bytes.
fn known_tag(record: &Record) -> Option<Tag> {
    match record.view.tag {
        ViewTag::Fixed(view) => Some(Tag::record(record.version, view)),
        ViewTag::Content => None,
    }
}

fn json(status: StatusCode, body: Vec<u8>, tag: &Tag) -> Response {
    let mut response = plain_json(status, body);
    response.headers_mut().insert(ETAG, tag.header());
    response
}

fn plain_json(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = Response::new(web::Body::from(body));
    *response.status_mut() = status;
    let mut headers = HeaderMap::with_capacity(FIELDS);
    headers.insert(CONTENT_TYPE, JSON);
    protect_data(&mut headers);
    *response.headers_mut() = headers;
    response
}

fn empty(status: StatusCode) -> Response {
    let mut response = Response::default();
    *response.status_mut() = status;
    response
}

fn mark_read(response: &mut Response, shared: Option<u32>) {
    let headers = response.headers_mut();
    let control = match shared {
        None => REVALIDATE,
        // `public` would only add answers to requests with a credential (RFC 9111 §3.5).
        Some(seconds) => HeaderValue::try_from(format!("max-age={seconds}"))
            .expect("words and digits are visible ASCII"),
    };
    headers.insert(CACHE_CONTROL, control);
    headers.insert(VARY, VARIES);
}
