//! Header fields that many responses carry, and the care some of them need.

use std::time::SystemTime;

use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue};

pub(crate) const NOSNIFF_NAME: HeaderName = X_CONTENT_TYPE_OPTIONS;
/// Browsers must believe our Content-Type.
pub const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
/// For answers that belong to one moment or one person.
pub const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// Ids and search terms in our URLs are nobody else's business.
pub const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");
/// For answers that are not pages: nothing in them may run, and nobody may frame them.
pub const NOTHING_RUNS: HeaderValue =
    HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// For data: what keeps a browser from treating it as a page.
pub fn protect_data(headers: &mut HeaderMap) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
}

/// For pages: `policy` is the page's own Content-Security-Policy.
pub fn protect_page(headers: &mut HeaderMap, policy: HeaderValue) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    headers.insert(REFERRER_POLICY, NO_REFERRER);
    headers.insert(CONTENT_SECURITY_POLICY, policy);
}

/// Forbids every cache to keep the answer.
pub fn no_store(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, NO_STORE);
}

/// Adds field names to `Vary`, each once. `Vary: *` already says more.
pub fn vary(headers: &mut HeaderMap, names: &'static str) {
    for name in names.split(',').map(str::trim) {
        let mut known = headers.get_all(VARY).iter().flat_map(|value| {
            value
                .as_bytes()
                .split(|byte| *byte == b',')
                .map(<[u8]>::trim_ascii)
        });
        if !known.any(|other| other == b"*" || other.eq_ignore_ascii_case(name.as_bytes())) {
            headers.append(VARY, HeaderValue::from_static(name));
        }
    }
}

/// A moment as an HTTP date, for `Last-Modified`, `Sunset` and the like.
pub fn date(moment: SystemTime) -> HeaderValue {
    HeaderValue::try_from(httpdate::fmt_http_date(moment)).expect("an HTTP date is visible ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn vary_names_each_field_once() {
        let mut headers = HeaderMap::new();
        headers.insert(VARY, HeaderValue::from_static("accept,  ORIGIN"));
        vary(&mut headers, "Origin");
        vary(&mut headers, "Accept, Accept-Encoding");
        let all: Vec<_> = headers.get_all(VARY).iter().collect();
        assert_eq!(all, ["accept,  ORIGIN", "Accept-Encoding"]);

        headers.insert(VARY, HeaderValue::from_static("*"));
        vary(&mut headers, "Origin");
        assert_eq!(headers.get_all(VARY).iter().count(), 1);
    }

    #[test]
    fn moments_are_written_as_http_dates() {
        let moment = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let value = date(moment);
        assert_eq!(value, "Sun, 06 Nov 1994 08:49:37 GMT");
    }

    #[test]
    fn pages_and_data_are_protected() {
        let mut headers = HeaderMap::new();
        protect_page(&mut headers, NOTHING_RUNS);
        no_store(&mut headers);
        assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(headers[REFERRER_POLICY], "no-referrer");
        assert_eq!(
            headers[CONTENT_SECURITY_POLICY],
            "default-src 'none'; frame-ancestors 'none'"
        );
        assert_eq!(headers[CACHE_CONTROL], "no-store");
        let mut headers = HeaderMap::new();
        protect_data(&mut headers);
        assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
    }
}
