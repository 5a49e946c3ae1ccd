//! Cross-origin requests: which pages of other origins may read our answers.
//!
//! Off until origins are named. Credentials (cookies) are never allowed across origins: callers send
//! a token of their own accord, so no page can act with the rights of whoever looks at it.

use std::fmt;

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderName, ORIGIN,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use crate::headers::vary;
use crate::response::Response;

/// What scripts may read beside the few fields they always may.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "ETag, Location, Content-Location, Link, Retry-After, RateLimit, RateLimit-Policy, Deprecation, Sunset, Idempotency-Replayed, Preference-Applied, Dry-Run, X-Request-Id",
);

/// How long a browser may remember a preflight, in seconds: two hours, the most that Chrome takes.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// Longest list of header names a page may announce; real ones have a handful.
const ANNOUNCED_BYTES: usize = 1024;

/// Who may read our answers from elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cors {
    any: bool,
    origins: Vec<String>,
    localhost: bool,
}

/// Not an origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginError {
    pub origin: String,
}

impl Cors {
    /// A policy from exact origins such as `https://app.example`, or `*`. `allow_localhost` also admits
    /// every port of this machine, for development.
    pub fn new<'a>(
        origins: impl IntoIterator<Item = &'a str>,
        allow_localhost: bool,
    ) -> Result<Cors, OriginError> {
        let mut cors = Cors {
            localhost: allow_localhost,
            ..Cors::default()
        };
        for origin in origins {
            if origin == "*" {
                cors.any = true;
                continue;
            }
            if split_origin(origin).is_none() {
                return Err(OriginError {
                    origin: origin.to_owned(),
                });
            }
            // Browsers send scheme and host in lower case.
            cors.origins.push(origin.to_ascii_lowercase());
        }
        Ok(cors)
    }

    /// Whether any other origin is admitted at all.
    pub fn is_on(&self) -> bool {
        self.any || self.localhost || !self.origins.is_empty()
    }

    /// Answers a preflight; nothing when this is none, or CORS is off. `methods` are those the target
    /// allows, as in `Allow`. An origin that is not listed gets an answer without permission.
    pub fn preflight(
        &self,
        method: &Method,
        headers: &HeaderMap,
        methods: HeaderValue,
    ) -> Option<Response> {
        let is_preflight = self.is_on()
            && method == Method::OPTIONS
            && headers.contains_key(ORIGIN)
            && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        if !is_preflight {
            return None;
        }
        let mut response = Response::default();
        *response.status_mut() = StatusCode::NO_CONTENT;
        let answer = response.headers_mut();
        if let Some(origin) = self.admit(headers) {
            answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            answer.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
            answer.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
            // Which fields mean something is decided when the request comes; none is dangerous here.
            if let Some(names) = headers.get(ACCESS_CONTROL_REQUEST_HEADERS)
                && is_name_list(names)
            {
                answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
            }
        }
        vary(
            answer,
            "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
        );
        Some(response)
    }

    /// Marks an answer as readable for the origin of the request with these `headers`, if it is.
    pub fn mark(&self, headers: &HeaderMap, response: &mut Response) {
        if !self.is_on() {
            return;
        }
        let answer = response.headers_mut();
        if let Some(origin) = self.admit(headers) {
            answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
        // Also when there was no origin: a cache must not give this answer to a page.
        vary(answer, "Origin");
    }

    /// What to say in Access-Control-Allow-Origin; nothing when the origin is not admitted.
    fn admit(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let mut values = headers.get_all(ORIGIN).iter();
        let origin = values.next()?;
        if values.next().is_some() {
            return None;
        }
        if self.any {
            return Some(HeaderValue::from_static("*"));
        }
        let text = origin.to_str().ok()?;
        let listed = self.origins.iter().any(|known| known == text);
        (listed || (self.localhost && is_localhost(text))).then(|| origin.clone())
    }
}

/// Scheme and host of `scheme://host[:port]`; nothing when it is more, less or something else.
fn split_origin(origin: &str) -> Option<(&str, &str)> {
    let (scheme, authority) = origin.split_once("://")?;
    let scheme_ok = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (inner, port) = rest.split_once(']')?;
            if !inner
                .bytes()
                .all(|byte| byte.is_ascii_hexdigit() || b":.".contains(&byte))
            {
                return None;
            }
            (&authority[..inner.len() + 2], port)
        }
        None => match authority.find(':') {
            Some(colon) => authority.split_at(colon),
            None => (authority, ""),
        },
    };
    let host_ok = host.starts_with('[')
        || (!host.is_empty()
            && host
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)));
    let port_ok = port.is_empty()
        || port.strip_prefix(':').is_some_and(|digits| {
            digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u16>().is_ok()
        });
    (scheme_ok && host_ok && port_ok).then_some((scheme, host))
}

fn is_localhost(origin: &str) -> bool {
    let Some((scheme, host)) = split_origin(origin) else {
        return false;
    };
    let loopback =
        ["localhost", "127.0.0.1", "[::1]"].contains(&host) || host.ends_with(".localhost");
    loopback && (scheme == "http" || scheme == "https")
}

fn is_name_list(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    bytes.len() <= ANNOUNCED_BYTES
        && bytes
            .split(|byte| *byte == b',')
            .all(|name| HeaderName::from_bytes(name.trim_ascii()).is_ok())
}

impl fmt::Display for OriginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is not an origin; write `*`, or scheme, host and port only, such as `https://app.example` or `http://localhost:5173`",
            self.origin
        )
    }
}

impl std::error::Error for OriginError {}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::{ACCESS_CONTROL_ALLOW_CREDENTIALS, VARY};

    const METHODS: HeaderValue = HeaderValue::from_static("GET, POST");

    fn from(origin: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, HeaderValue::try_from(origin).unwrap());
        headers
    }

    fn marked(cors: &Cors, origin: &str) -> Option<String> {
        let mut response = Response::default();
        cors.mark(&from(origin), &mut response);
        let headers = response.headers();
        assert!(!headers.contains_key(ACCESS_CONTROL_ALLOW_CREDENTIALS));
        let admitted = headers.get(ACCESS_CONTROL_ALLOW_ORIGIN);
        assert_eq!(
            admitted.is_some(),
            headers.contains_key(ACCESS_CONTROL_EXPOSE_HEADERS)
        );
        admitted.map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn without_origins_nothing_happens() {
        let cors = Cors::new([], false).unwrap();
        let mut response = Response::default();
        cors.mark(&from("https://app.example"), &mut response);
        assert!(response.headers().is_empty());
        let mut headers = from("https://app.example");
        headers.insert(
            ACCESS_CONTROL_REQUEST_METHOD,
            HeaderValue::from_static("PUT"),
        );
        assert!(
            cors.preflight(&Method::OPTIONS, &headers, METHODS)
                .is_none()
        );
    }

    #[test]
    fn only_listed_origins_are_admitted() {
        let cors = Cors::new(["https://App.example", "http://b.example:8080"], false).unwrap();
        for (origin, admitted) in [
            ("https://app.example", true),
            ("http://b.example:8080", true),
            ("http://app.example", false),
            ("https://app.example:444", false),
            ("https://app.example.evil.example", false),
            ("https://evil-app.example", false),
            ("http://b.example", false),
            ("http://localhost:3000", false),
            ("null", false),
            ("", false),
        ] {
            let expected = admitted.then(|| origin.to_owned());
            assert_eq!(marked(&cors, origin), expected, "{origin}");
        }
        let mut twice = from("https://app.example");
        twice.append(ORIGIN, HeaderValue::from_static("https://app.example"));
        let mut response = Response::default();
        cors.mark(&twice, &mut response);
        assert!(!response.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
    }

    #[test]
    fn localhost_is_admitted_on_request() {
        let cors = Cors::new([], true).unwrap();
        for (origin, admitted) in [
            ("http://localhost:5173", true),
            ("https://localhost", true),
            ("http://127.0.0.1:80", true),
            ("http://[::1]:3000", true),
            ("http://app.localhost:1", true),
            ("http://localhost.evil.example", false),
            ("http://evil.example#localhost", false),
            ("http://localhost:99999", false),
            ("http://localhost:", false),
            ("file://localhost", false),
            ("http://evillocalhost", false),
        ] {
            assert_eq!(marked(&cors, origin).is_some(), admitted, "{origin}");
        }
    }

    #[test]
    fn a_star_is_never_an_echo() {
        let cors = Cors::new(["*", "https://app.example"], false).unwrap();
        assert_eq!(marked(&cors, "https://app.example").as_deref(), Some("*"));
        assert_eq!(marked(&cors, "null").as_deref(), Some("*"));
    }

    #[test]
    fn answers_vary_by_origin_even_without_one() {
        let cors = Cors::new(["https://app.example"], false).unwrap();
        let mut response = Response::default();
        cors.mark(&HeaderMap::new(), &mut response);
        assert_eq!(response.headers()[VARY], "Origin");
        assert_eq!(response.headers().len(), 1);
    }

    #[test]
    fn preflights_are_answered() {
        let cors = Cors::new(["https://app.example"], false).unwrap();
        let mut headers = from("https://app.example");
        assert!(
            cors.preflight(&Method::OPTIONS, &headers, METHODS)
                .is_none()
        );
        headers.insert(
            ACCESS_CONTROL_REQUEST_METHOD,
            HeaderValue::from_static("PATCH"),
        );
        let names = HeaderValue::from_static("authorization, if-match");
        headers.insert(ACCESS_CONTROL_REQUEST_HEADERS, names);
        assert!(cors.preflight(&Method::GET, &headers, METHODS).is_none());

        let response = cors.preflight(&Method::OPTIONS, &headers, METHODS).unwrap();
        assert_eq!(response.status(), 204);
        insta::assert_debug_snapshot!(response.headers(), @r#"
        {
            "access-control-allow-origin": "https://app.example",
            "access-control-allow-methods": "GET, POST",
            "access-control-max-age": "7200",
            "access-control-allow-headers": "authorization, if-match",
            "vary": "Origin",
            "vary": "Access-Control-Request-Method",
            "vary": "Access-Control-Request-Headers",
        }
        "#);

        let wrong = HeaderValue::from_static("a b, c");
        headers.insert(ACCESS_CONTROL_REQUEST_HEADERS, wrong);
        let response = cors.preflight(&Method::OPTIONS, &headers, METHODS).unwrap();
        assert!(
            !response
                .headers()
                .contains_key(ACCESS_CONTROL_ALLOW_HEADERS)
        );

        headers.insert(ORIGIN, HeaderValue::from_static("https://evil.example"));
        let response = cors.preflight(&Method::OPTIONS, &headers, METHODS).unwrap();
        assert_eq!(response.status(), 204);
        assert!(response.headers().keys().all(|name| name == VARY));
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for origin in [
            "",
            "app.example",
            "https://",
            "https://app.example/",
            "https://a.example/x",
            "https://*.example",
            "https://u@a.example",
            "https://a.example:x",
            "null",
        ] {
            assert!(Cors::new([origin], false).is_err(), "{origin}");
        }
    }
}
