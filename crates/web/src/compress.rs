//! Compression of responses, chosen by Accept-Encoding.
//!
//! Bytes that are all there are compressed at once, a stream while it passes, in memory that does
//! not grow with it. Events go out as they are.

mod stream;

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    ETAG,
};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::conditional::Tag;
use crate::headers::vary;
use crate::media::{Coding, Codings};
use crate::response::{Body, Response};

/// Smaller bodies stay as they are: they fit into one packet anyway.
pub const LEAST_BYTES: usize = 1024;

/// Larger bodies stay as they are: compressing happens on the thread that serves, and other requests
/// should not wait for it longer than some tens of milliseconds.
pub const MOST_BYTES: usize = 2 * 1024 * 1024;

/// Where more effort costs much time and saves little.
const GZIP_LEVEL: u32 = 5;
const BROTLI_QUALITY: u32 = 4;

/// The window of brotli as a power of two: 256 KiB. Larger ones cost more memory per response than
/// most of our responses have bytes.
const BROTLI_WINDOW: u32 = 18;

/// Compresses a response if that is sensible and wanted by the request with these `headers`, and marks
/// what caches must know. Call it last, when the response is otherwise ready.
pub fn compress(headers: &HeaderMap, response: &mut Response) {
    // A 304 stands for a response that we do not have at hand, so it varies as that would.
    if response.status() == StatusCode::NOT_MODIFIED {
        vary(response.headers_mut(), "Accept-Encoding");
        return;
    }
    if !is_eligible(response) {
        return;
    }
    vary(response.headers_mut(), "Accept-Encoding");
    let coding = Codings::of(headers).best();
    let Some(plain) = response.body().bytes() else {
        if coding != Coding::Identity {
            mark(response.headers_mut(), coding);
            let plain = std::mem::take(response.body_mut());
            *response.body_mut() = stream::Coded::wrap(coding, plain);
        }
        return;
    };
    let coded = match coding {
        Coding::Identity => return,
        Coding::Gzip => gzip(plain),
        Coding::Brotli => brotli(plain),
    };
    let Some(coded) = coded.filter(|coded| coded.len() < plain.len()) else {
        return;
    };

    mark(response.headers_mut(), coding);
    *response.body_mut() = Body::from(coded);
}

/// Says that the body is coded.
fn mark(headers: &mut HeaderMap, coding: Coding) {
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
    headers.remove(CONTENT_LENGTH);
    headers.remove(ACCEPT_RANGES);
    // Other bytes need another strong tag.
    if let Some(tag) = headers
        .get(ETAG)
        .and_then(|value| Tag::parse(value.as_bytes()))
    {
        headers.insert(ETAG, tag.coded(coding).header());
    }
}

/// Whether the bytes of this response may be other ones for other clients.
fn is_eligible(response: &Response) -> bool {
    let headers = response.headers();
    let length = response.body().len();
    length.is_none_or(|length| (LEAST_BYTES..=MOST_BYTES).contains(&length))
        && !matches!(
            response.status(),
            StatusCode::NO_CONTENT | StatusCode::PARTIAL_CONTENT
        )
        && !headers.contains_key(CONTENT_ENCODING)
        && !headers.contains_key(CONTENT_RANGE)
        && headers.get(CONTENT_TYPE).is_some_and(is_compressible)
        && !is_no_transform(headers)
}

fn is_no_transform(headers: &HeaderMap) -> bool {
    headers.get_all(CACHE_CONTROL).iter().any(|value| {
        let mut directives = value.as_bytes().split(|byte| *byte == b',');
        directives.any(|directive| directive.trim_ascii().eq_ignore_ascii_case(b"no-transform"))
    })
}

/// Whether a media type stands for text of some kind.
fn is_compressible(media: &HeaderValue) -> bool {
    let bytes = media.as_bytes();
    let end = memchr::memchr(b';', bytes).unwrap_or(bytes.len());
    let media = bytes[..end].trim_ascii();
    let Some(slash) = memchr::memchr(b'/', media) else {
        return false;
    };
    let (main, sub) = (&media[..slash], &media[slash + 1..]);
    if main.eq_ignore_ascii_case(b"text") {
        // Events must arrive when they happen, not when a block of them is full.
        return !sub.eq_ignore_ascii_case(b"event-stream");
    }
    let suffix = memchr::memrchr(b'+', sub).map_or(sub, |plus| &sub[plus + 1..]);
    let known: [&[u8]; 6] = [
        b"json",
        b"xml",
        b"yaml",
        b"javascript",
        b"x-ndjson",
        b"wasm",
    ];
    known.iter().any(|name| suffix.eq_ignore_ascii_case(name))
}

fn gzip(plain: &[u8]) -> Option<Vec<u8>> {
    let coded = Vec::with_capacity(plain.len() / 2);
    let mut encoder = GzEncoder::new(coded, Compression::new(GZIP_LEVEL));
    // Writing to memory does not fail; if it did, the plain bytes would be just as right.
    encoder.write_all(plain).ok()?;
    encoder.finish().ok()
}

fn brotli(plain: &[u8]) -> Option<Vec<u8>> {
    let parameters = brotli::enc::BrotliEncoderParams {
        quality: BROTLI_QUALITY.cast_signed(),
        lgwin: BROTLI_WINDOW.cast_signed(),
        size_hint: plain.len(),
        ..Default::default()
    };
    let mut coded = Vec::with_capacity(plain.len() / 2);
    brotli::BrotliCompress(&mut &*plain, &mut coded, &parameters).ok()?;
    Some(coded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::{ACCEPT_ENCODING, VARY};
    use std::io::Read;

    fn json(length: usize) -> Response {
        let mut response = Response::new(Body::from("[1234567],".repeat(length / 10 + 1)));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ETAG, Tag::record(12, 0xa8f3).header());
        response
    }

    fn accepting(codings: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(codings));
        headers
    }

    fn check(codings: &'static str, mut response: Response) -> Response {
        compress(&accepting(codings), &mut response);
        response
    }

    fn is_plain(response: &Response) -> bool {
        !response.headers().contains_key(CONTENT_ENCODING)
            && response.headers()[ETAG] == "\"12.a8f3\""
    }

    #[test]
    fn gzip_goes_out_and_comes_back() {
        let plain = json(5000).body().bytes().unwrap().to_vec();
        let response = check("gzip", json(5000));
        assert_eq!(response.headers()[CONTENT_ENCODING], "gzip");
        assert_eq!(response.headers()[VARY], "Accept-Encoding");
        assert_eq!(response.headers()[ETAG], "\"12.a8f3-gzip\"");
        let mut again = Vec::new();
        let coded = response.body().bytes().unwrap();
        flate2::read::GzDecoder::new(coded)
            .read_to_end(&mut again)
            .unwrap();
        assert!(coded.len() < plain.len() / 4);
        assert_eq!(again, plain);
    }

    #[test]
    fn brotli_goes_out_and_comes_back() {
        let plain = json(5000).body().bytes().unwrap().to_vec();
        let response = check("gzip, br", json(5000));
        assert_eq!(response.headers()[CONTENT_ENCODING], "br");
        assert_eq!(response.headers()[ETAG], "\"12.a8f3-br\"");
        let mut again = Vec::new();
        let mut coded = response.body().bytes().unwrap();
        brotli::BrotliDecompress(&mut coded, &mut again).unwrap();
        assert_eq!(again, plain);
    }

    #[test]
    fn a_client_that_takes_none_gets_none_but_caches_know() {
        let response = check("", json(5000));
        assert!(is_plain(&response));
        assert_eq!(response.headers()[VARY], "Accept-Encoding");
    }

    #[test]
    fn small_and_huge_bodies_stay_as_they_are() {
        for length in [100, MOST_BYTES + 10] {
            let response = check("gzip", json(length));
            assert!(is_plain(&response));
            assert!(!response.headers().contains_key(VARY));
        }
    }

    #[test]
    fn some_responses_are_never_touched() {
        let with = |name, value| {
            let mut response = json(5000);
            response
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
            response
        };
        for response in [
            with(CACHE_CONTROL, "public, No-Transform"),
            with(CONTENT_TYPE, "image/png"),
            with(CONTENT_TYPE, "text/event-stream"),
            with(CONTENT_RANGE, "bytes 0-1/2"),
        ] {
            assert!(is_plain(&check("gzip", response)));
        }
        let response = check("gzip", with(CONTENT_ENCODING, "zstd"));
        assert_eq!(response.headers()[CONTENT_ENCODING], "zstd");
        let mut response = json(5000);
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        assert!(is_plain(&check("gzip", response)));
    }

    #[test]
    fn a_304_varies_like_the_answer_it_stands_for() {
        let mut response = Response::default();
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        let response = check("gzip", response);
        assert_eq!(response.headers()[VARY], "Accept-Encoding");
        assert!(!response.headers().contains_key(CONTENT_ENCODING));
    }

    #[test]
    fn what_does_not_shrink_stays_as_it_is() {
        let mut state = 1_u32;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .take(2000)
        .collect();
        let mut response = json(10);
        *response.body_mut() = Body::from(noise);
        assert!(is_plain(&check("gzip", response)));
    }

    #[test]
    fn text_is_told_from_the_rest() {
        for (media, output) in [
            ("application/json", true),
            ("application/problem+json; charset=utf-8", true),
            ("text/csv", true),
            ("TEXT/HTML;charset=utf-8", true),
            ("image/svg+xml", true),
            ("application/x-ndjson", true),
            ("application/octet-stream", false),
            ("application/jsonish", false),
            ("image/jpeg", false),
            ("nonsense", false),
        ] {
            assert_eq!(
                is_compressible(&HeaderValue::from_static(media)),
                output,
                "{media}"
            );
        }
    }
}
