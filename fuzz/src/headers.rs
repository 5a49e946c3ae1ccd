//! Header fields of a request: what the HTTP kit makes of them, and what the door answers.
//!
//! The input is a request head without its first line: `Name: value` on each line.

use std::io::Read;

use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use web::conditional::{self, Tag, Tags};
use web::media::{self, Coding, Codings, MediaType};
use web::{Body, Response};

use super::app::{App, Reply};

/// More than any limit on the number of elements.
const FIELDS_MAX: usize = 100;

pub fn run(data: &[u8]) {
    let headers = read(data);
    media_types(&headers);
    codings(&headers);
    conditions(&headers);
    browsers(&headers);
    compression(&headers);
    through_the_door(&headers);
}

fn read(data: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n').take(FIELDS_MAX) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            continue;
        };
        let name = HeaderName::from_bytes(line[..colon].trim_ascii());
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    headers
}

fn media_types(headers: &HeaderMap) {
    let offered = [
        "application/json",
        "text/html",
        "application/merge-patch+json",
    ];
    if let Ok(place) = media::accept(headers, &offered) {
        assert!(place < offered.len());
    }
    if let Ok(place) = media::content_type(headers, &offered) {
        let text = headers[CONTENT_TYPE].to_str().expect("it was read");
        assert!(
            MediaType::parse(text)
                .expect("it was read")
                .is(offered[place])
        );
    }
    for value in headers.values().filter_map(|value| value.to_str().ok()) {
        if let Some(media) = MediaType::parse(value) {
            let printed = media.to_string();
            assert_eq!(
                MediaType::parse(&printed),
                Some(media),
                "{value:?} is {printed:?}"
            );
        }
    }
}

fn codings(headers: &HeaderMap) {
    let codings = Codings::of(headers);
    assert!(
        [codings.identity, codings.gzip, codings.brotli]
            .iter()
            .all(|weight| *weight <= 1000)
    );
    let best = codings.best();
    assert!(best == Coding::Identity || codings.accepts(best));
    if !headers.contains_key(ACCEPT_ENCODING) {
        assert_eq!(best, Coding::Identity);
    }
}

fn conditions(headers: &HeaderMap) {
    for value in headers.values() {
        if let Some(tag) = Tag::parse(value.as_bytes()) {
            assert_eq!(Tag::parse(tag.to_string().as_bytes()), Some(tag.clone()));
            for coding in [Coding::Identity, Coding::Gzip, Coding::Brotli] {
                tag.coded(coding);
            }
            if let Some(version) = tag.version() {
                assert!(tag.opaque().starts_with(&format!("{version}.")));
            }
        }
    }
    let current = Tag::record(12, 0xa8f3);
    for tags in [
        conditional::if_match(headers),
        conditional::if_none_match(headers),
    ] {
        let Ok(Some(tags)) = tags else { continue };
        assert!(!tags.match_version(None) && !tags.match_strongly(None));
        if tags.match_strongly(Some(&current)) {
            assert!(tags.match_version(Some(12)) && weakly(&tags, &current));
        }
        if let Some(tag) = tags.still_good(&current, Codings::of(headers)) {
            assert!(tag.opaque().starts_with(current.opaque()));
            assert!(weakly(&tags, &current));
        }
    }
}

fn weakly(tags: &Tags, current: &Tag) -> bool {
    match tags {
        Tags::Any => true,
        Tags::List(tags) => tags.iter().any(|tag| {
            let opaque = tag.opaque();
            let opaque = opaque
                .strip_suffix("-gzip")
                .or(opaque.strip_suffix("-br"))
                .unwrap_or(opaque);
            opaque == current.opaque()
        }),
    }
}

fn browsers(headers: &HeaderMap) {
    for origins in [
        &[][..],
        &["*"],
        &["https://app.example", "http://localhost:3000"],
    ] {
        let Ok(cors) = web::cors::Cors::new(origins.iter().copied(), true) else {
            panic!("{origins:?} are origins");
        };
        cors.preflight(
            &Method::OPTIONS,
            headers,
            HeaderValue::from_static("GET, POST"),
        );
        let mut response = Response::default();
        cors.mark(headers, &mut response);
    }
}

/// Whatever is asked for, what is sent can be read as what was meant.
fn compression(headers: &HeaderMap) {
    let plain = "Far out in the uncharted backwaters. ".repeat(60);
    let mut response = Response::new(Body::from(plain.clone().into_bytes()));
    let own = response.headers_mut();
    own.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    own.insert(ETAG, Tag::record(1, 2).header());
    web::compress::compress(headers, &mut response);
    let sent = response.body().bytes().expect("no stream");
    let decoded = decode(response.headers(), sent);
    assert_eq!(decoded, plain.as_bytes());
    if response.headers().contains_key(CONTENT_ENCODING) {
        assert!(headers.contains_key(ACCEPT_ENCODING));
        assert_ne!(response.headers()[ETAG], Tag::record(1, 2).header());
    }
}

/// The bytes without their coding.
pub fn decode(headers: &HeaderMap, sent: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes) {
        None => plain.extend_from_slice(sent),
        Some(b"gzip") => {
            let mut reader = flate2::read::GzDecoder::new(sent);
            reader.read_to_end(&mut plain).expect("whole gzip");
        }
        Some(b"br") => {
            let mut reader = brotli::Decompressor::new(sent, 4096);
            reader.read_to_end(&mut plain).expect("whole brotli");
        }
        Some(other) => panic!("no coding of ours: {other:?}"),
    }
    plain
}

fn through_the_door(headers: &HeaderMap) {
    let app = App::shared();
    let read = app.ask(Method::GET, "/v1/books/1", headers.clone(), b"");
    sound(&read, headers);
    sound(
        &app.ask(Method::HEAD, "/v1/books/1", headers.clone(), b""),
        headers,
    );
    sound(
        &app.ask(Method::GET, "/v1/books", headers.clone(), b""),
        headers,
    );
    sound(
        &app.ask(Method::OPTIONS, "/v1/books/1", headers.clone(), b""),
        headers,
    );
    // Only what was there to begin with may be named as still good.
    if read.status == StatusCode::NOT_MODIFIED {
        assert!(headers.contains_key(IF_NONE_MATCH));
    }
    // Writes that must not happen, because of its body.
    let before = app.feed_end();
    for (method, path) in [
        (Method::POST, "/v1/books"),
        (Method::PUT, "/v1/books/1"),
        (Method::PATCH, "/v1/books/1"),
    ] {
        let reply = app.ask(method, path, headers.clone(), b"{\"title\": 1}");
        sound(&reply, headers);
        assert!(reply.status.is_client_error(), "{reply:?}");
    }
    assert_eq!(app.feed_end(), before);
    if let Ok(Some(tags)) = conditional::if_match(headers) {
        let current = app.version("/v1/books/1");
        let reply = app.ask(Method::PATCH, "/v1/books/1", headers.clone(), b"{}");
        sound(&reply, headers);
        if !tags.match_version(Some(current)) {
            assert!(!reply.status.is_success(), "{reply:?}");
        }
        assert_eq!(app.version("/v1/books/1"), current);
    }
    assert_eq!(app.feed_end(), before);
}

fn sound(reply: &Reply, headers: &HeaderMap) {
    reply.sound();
    if let Some(coding) = reply.headers.get(CONTENT_ENCODING) {
        let accepted = Codings::of(headers);
        let coding = if coding == "gzip" {
            Coding::Gzip
        } else {
            Coding::Brotli
        };
        assert!(accepted.accepts(coding), "{reply:?}");
    }
}
