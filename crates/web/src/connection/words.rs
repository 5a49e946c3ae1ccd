//! Our words in place of the parser's own: it answers what is not HTTP with a bare status, and
//! gives nobody a say in it.
//!
//! ```text
//!   parser ──► "HTTP/1.1 400 Bad Request" and nothing else ──► [`Words::instead`] ──► a problem
//! ```
//!
//! Such an answer is known by its whole form, and looked for only where a message begins, so no
//! body can be taken for one. Where it comes together with an earlier answer, it stays bare.

use std::io::Write as _;
use std::sync::Arc;
use std::time::SystemTime;

use http::header::{CONNECTION, CONTENT_LENGTH, DATE};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::handler::Handler;
use crate::limits::{HEAD_BYTES_LEAST, Limits};
use crate::problem::{Problem, kit};

/// Longer than any bare answer.
const BARE_BYTES_MAX: usize = 200;

/// How refusals are worded that no handler sees.
pub(crate) struct Words(Box<dyn Fn(StatusCode) -> Vec<u8> + Send>);

impl Words {
    pub fn of<H: Handler>(handler: Arc<H>, limits: &Limits) -> Words {
        let limits = limits.clone();
        Words(Box::new(move |status| answer(&*handler, &limits, status)))
    }

    /// A whole answer with this status, after which the connection is closed.
    pub fn say(&self, status: StatusCode) -> Vec<u8> {
        (self.0)(status)
    }

    /// The same to somebody who speaks plain HTTP where TLS is spoken.
    pub fn say_https<H: Handler>(handler: &H) -> Vec<u8> {
        let problem = Problem::of(&kit::HTTPS_EXPECTED)
            .detail("Write `https://` before the host. What came in the clear may have been read by others: replace a credential that was in it.");
        written(handler, problem)
    }

    /// What to write instead of these bytes, which begin a message. `in_line` if the request line
    /// has not ended yet: then the head is not too large by its fields.
    pub fn instead(&self, bytes: &[u8], in_line: bool) -> Option<Vec<u8>> {
        let status = match bare(bytes)? {
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE if in_line => StatusCode::URI_TOO_LONG,
            status => status,
        };
        Some(self.say(status))
    }
}

fn answer<H: Handler>(handler: &H, limits: &Limits, status: StatusCode) -> Vec<u8> {
    let kind = match status {
        StatusCode::URI_TOO_LONG => &kit::URL_TOO_LONG,
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => &kit::HEAD_TOO_LARGE,
        StatusCode::REQUEST_TIMEOUT => &kit::HEAD_TOO_SLOW,
        _ => &kit::NOT_HTTP,
    };
    written(handler, Problem::of(kind).detail(detail(limits, status)))
}

/// A whole answer in HTTP/1.1.
fn written<H: Handler>(handler: &H, problem: Problem) -> Vec<u8> {
    let mut response = problem.respond();
    handler.complete(&HeaderMap::new(), &mut response);
    let (mut head, body) = response.into_parts();
    let body = body.bytes().unwrap_or_default();
    let date = HeaderValue::try_from(httpdate::fmt_http_date(SystemTime::now()));
    head.headers
        .insert(CONNECTION, HeaderValue::from_static("close"));
    head.headers
        .insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    if let Ok(date) = date {
        head.headers.insert(DATE, date);
    }
    let mut bytes = Vec::with_capacity(512 + body.len());
    let reason = head.status.canonical_reason().unwrap_or_default();
    // Writing to memory cannot fail.
    let _ = write!(bytes, "HTTP/1.1 {} {reason}\r\n", head.status.as_u16());
    for (name, value) in &head.headers {
        let _ = write!(bytes, "{name}: ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes
}

/// What the parser found, as far as it tells.
fn detail(limits: &Limits, status: StatusCode) -> String {
    match status {
        StatusCode::URI_TOO_LONG => {
            format!(
                "The URL is longer than the {} bytes that are accepted.",
                limits.url_bytes
            )
        }
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => format!(
            "The request line and header fields together may have {} bytes, in at most {} fields; \
             a pile of cookies is the usual cause.",
            limits.head_bytes.max(HEAD_BYTES_LEAST),
            limits.head_fields
        ),
        StatusCode::REQUEST_TIMEOUT => format!(
            "The request line and header fields did not arrive within {} s.",
            limits.head_time.as_secs_f64()
        ),
        _ => "What came is no request of HTTP 1.1: a line of its head is not as RFC 9112 has it. The \
              usual causes are a space, a quote or `<` or `>` in the URL that is not percent-encoded, \
              and HTTPS where plain HTTP is spoken."
            .to_owned(),
    }
}

/// The status of an answer that says nothing but that a request is refused.
fn bare(bytes: &[u8]) -> Option<StatusCode> {
    if bytes.len() > BARE_BYTES_MAX || !bytes.starts_with(b"HTTP/1.") {
        return None;
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let mut lines = text.strip_suffix("\r\n\r\n")?.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?;
    let status: StatusCode = status.parse().ok()?;
    let mut empty = false;
    for line in lines {
        let (name, value) = line.split_once(':')?;
        match name.to_ascii_lowercase().as_str() {
            "connection" | "date" => {}
            "content-length" => empty = value.trim() == "0",
            _ => return None,
        }
    }
    (empty && status.is_client_error()).then_some(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bare_refusals_are_bare() {
        let bare = |text: &str| bare(text.as_bytes()).map(|status| status.as_u16());
        let fields = "connection: close\r\ncontent-length: 0\r\ndate: x\r\n\r\n";
        assert_eq!(
            bare(&format!("HTTP/1.1 400 Bad Request\r\n{fields}")),
            Some(400)
        );
        assert_eq!(bare(&format!("HTTP/1.0 431 A B C\r\n{fields}")), Some(431));
        for other in [
            format!("HTTP/1.1 200 OK\r\n{fields}"),
            format!("HTTP/1.1 400 Bad Request\r\nallow: GET\r\n{fields}"),
            format!("HTTP/1.1 400 Bad Request\r\n{fields}x"),
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 5\r\n\r\n".to_owned(),
            "HTTP/1.1 400 Bad Request\r\n\r\n".to_owned(),
            "HTTP/1.1 100 Continue\r\n\r\n".to_owned(),
            "HTTP/1.1".to_owned(),
            String::new(),
        ] {
            assert_eq!(bare(&other), None, "{other}");
        }
    }
}
