//! HTML pages of our own: how they are answered, and what browsers are told about them.
//!
//! For pages that people type passwords into: nothing of others is loaded, nobody frames them, no cache
//! keeps them. Knows no page.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, LOCATION, REFERRER_POLICY};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::headers::{NO_REFERRER, NO_STORE, protect_page};
use crate::response::{Body, Response};

pub const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

// No `form-action` in either policy, deliberately: browsers hold the redirect that answers a form
// against it as well, so it would stop people from coming back to the app that sent them here to sign in,
// and there is no list of where all those are. Without scripts of others nothing can write a form.

/// For a page without scripts.
const STILL: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'",
);

/// For a page with a script of ours, from a file of its own, that may ask this server.
const SCRIPTED: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'",
);

/// What browsers offer and no page here uses. Passkeys are left as they are: for this origin alone.
const PERMISSIONS: HeaderValue = HeaderValue::from_static(
    "accelerometer=(), autoplay=(), camera=(), display-capture=(), fullscreen=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=()",
);
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

/// Whether a page brings a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scripts {
    None,
    /// From this server, in a file of its own.
    Own,
}

/// Answers with a page.
pub fn page(status: StatusCode, html: impl Into<Body>, scripts: Scripts) -> Response {
    let mut response = Response::new(html.into());
    *response.status_mut() = status;
    protect(response.headers_mut(), scripts);
    response
}

/// What goes with every page.
pub fn protect(headers: &mut HeaderMap, scripts: Scripts) {
    let policy = match scripts {
        Scripts::None => STILL,
        Scripts::Own => SCRIPTED,
    };
    protect_page(headers, policy);
    headers.insert(CONTENT_TYPE, MEDIA_TYPE);
    headers.insert(CACHE_CONTROL, NO_STORE);
    headers.insert(PERMISSIONS_POLICY, PERMISSIONS);
}

/// Sends a browser to another page with GET, whatever it came with (RFC 9110 §15.4.4); nothing when
/// `location` is not a URL that can be written into a field. That it leads to a place people may be
/// sent to is for the caller to know.
pub fn see_other(location: &str) -> Option<Response> {
    // Visible ASCII alone; a URL has nothing else, and no field could be begun by it.
    if location.is_empty() || !location.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let mut response = Response::default();
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    headers.insert(LOCATION, HeaderValue::try_from(location).ok()?);
    // It may hold a code that is good once.
    headers.insert(CACHE_CONTROL, NO_STORE);
    headers.insert(REFERRER_POLICY, NO_REFERRER);
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(response: &Response) -> String {
        let mut lines: Vec<String> = response
            .headers()
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        lines.sort();
        format!("{}\n{}", response.status().as_u16(), lines.join("\n"))
    }

    #[test]
    fn a_page_is_protected() {
        let response = page(StatusCode::OK, "<!doctype html>", Scripts::None);
        insta::assert_snapshot!(shown(&response), @r"
        200
        cache-control: no-store
        content-security-policy: default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'
        content-type: text/html; charset=utf-8
        permissions-policy: accelerometer=(), autoplay=(), camera=(), display-capture=(), fullscreen=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=()
        referrer-policy: no-referrer
        x-content-type-options: nosniff
        ");
    }

    #[test]
    fn only_ones_own_script_runs() {
        for (scripts, expected) in [(Scripts::None, false), (Scripts::Own, true)] {
            let response = page(StatusCode::OK, "", scripts);
            let policy = response.headers()["content-security-policy"]
                .to_str()
                .unwrap();
            assert_eq!(policy.contains("script-src 'self'"), expected, "{policy}");
            assert!(policy.starts_with("default-src 'none'"), "{policy}");
            assert!(!policy.contains("unsafe"), "{policy}");
            // See above: it would break signing in for other apps.
            assert!(!policy.contains("form-action"), "{policy}");
        }
    }

    #[test]
    fn people_are_sent_elsewhere_with_nothing_left_behind() {
        let response = see_other("https://app.example/back?code=1&state=x").unwrap();
        insta::assert_snapshot!(shown(&response), @r"
        303
        cache-control: no-store
        location: https://app.example/back?code=1&state=x
        referrer-policy: no-referrer
        ");
        for bad in ["", "/a b", "/a\r\nx: y", "/é", "/\u{7f}"] {
            assert!(see_other(bad).is_none(), "{bad:?}");
        }
    }
}
