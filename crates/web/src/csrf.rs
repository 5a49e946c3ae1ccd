//! Whether a request that a browser sent with cookies was made by a page of our own.
//!
//! Cookies come along whoever makes the request, so whatever changes something by their right must
//! have been asked for by us. Browsers say where a request comes from in `Sec-Fetch-Site`, or, when they
//! are older, in `Origin`; a page cannot write either (Fetch Standard, forbidden request-headers). Holds
//! for requests whose caller is known by a cookie, and for forms that sign somebody in.

use std::fmt;

use http::header::{HeaderName, ORIGIN};
use http::{HeaderMap, HeaderValue, Method};

use crate::origin::Origin;
use crate::problem::{Problem, kit};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The request was made by another site, or nobody says by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CrossSite;

/// Lets through what changes nothing, and what was asked for by a page of `own`.
///
/// A program that is no browser and sends a cookie all the same has to say `Origin` itself.
///
/// # Errors
/// When it was another's page, a neighbouring host's too, or it is not said whose.
pub fn check(method: &Method, headers: &HeaderMap, own: &Origin) -> Result<(), CrossSite> {
    if is_safe(method) {
        return Ok(());
    }
    // Before `Origin`, which a page that sends no referrer makes `null`, its own forms too.
    let ours = match only(headers, &SEC_FETCH_SITE) {
        // `none`: the user's own doing, such as sending a form once more after a restart.
        Said::One(site) => site == "same-origin" || site == "none",
        Said::Several => false,
        Said::Nothing => match only(headers, &ORIGIN) {
            Said::One(origin) => origin == own.as_str(),
            Said::Several | Said::Nothing => false,
        },
    };
    if ours { Ok(()) } else { Err(CrossSite) }
}

/// RFC 9110 §9.2.1, and QUERY (RFC 10008).
fn is_safe(method: &Method) -> bool {
    method.is_safe() || method.as_str() == "QUERY"
}

enum Said<'a> {
    Nothing,
    One(&'a HeaderValue),
    Several,
}

fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Said<'a> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Said::Nothing,
        (Some(value), None) => Said::One(value),
        (Some(_), Some(_)) => Said::Several,
    }
}

impl fmt::Display for CrossSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "This request was not made by a page of this server. Open the page here and try again; a \
             program sends a token instead of a cookie.",
        )
    }
}

impl std::error::Error for CrossSite {}

impl From<CrossSite> for Problem {
    fn from(error: CrossSite) -> Problem {
        Problem::of(&kit::CROSS_SITE).detail(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(method: &str, fields: &[(&'static str, &'static str)], expected: bool) {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let name = HeaderName::from_static(name);
            headers.append(name, HeaderValue::from_static(value));
        }
        let own = "https://api.example".parse().unwrap();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let found = super::check(&method, &headers, &own).is_ok();
        assert_eq!(found, expected, "{method} {fields:?}");
    }

    #[test]
    fn what_changes_nothing_is_let_through() {
        for method in ["GET", "HEAD", "OPTIONS", "QUERY"] {
            check(method, &[("sec-fetch-site", "cross-site")], true);
        }
    }

    #[test]
    fn what_changes_something_is_asked_for_by_us() {
        for method in ["POST", "PUT", "PATCH", "DELETE", "post", "PURGE"] {
            check(method, &[("sec-fetch-site", "same-origin")], true);
            check(method, &[("sec-fetch-site", "none")], true);
            check(method, &[("sec-fetch-site", "cross-site")], false);
            check(method, &[("sec-fetch-site", "same-site")], false);
            check(method, &[("sec-fetch-site", "")], false);
            check(method, &[], false);
        }
    }

    #[test]
    fn origin_counts_where_nothing_better_is_said() {
        for (origin, expected) in [
            ("https://api.example", true),
            ("http://api.example", false),
            ("https://api.example:444", false),
            ("https://api.example.evil", false),
            ("https://evil.example", false),
            ("null", false),
            ("", false),
        ] {
            check("POST", &[("origin", origin)], expected);
            let own_form = [("sec-fetch-site", "same-origin"), ("origin", origin)];
            check("POST", &own_form, true);
            let foreign = [("sec-fetch-site", "cross-site"), ("origin", origin)];
            check("POST", &foreign, false);
        }
    }

    #[test]
    fn said_twice_is_not_said() {
        let twice = |name, value| [(name, value), (name, value)];
        check("POST", &twice("sec-fetch-site", "same-origin"), false);
        check("POST", &twice("origin", "https://api.example"), false);
    }
}
