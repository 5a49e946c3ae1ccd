//! `Prefer` (RFC 7240): what a client would like about the answer, and need not get.
//!
//! What is unknown, or does not fit, is passed over (section 2); what was followed is told in
//! `Preference-Applied`.

use http::HeaderMap;
use http::header::HeaderName;

pub const PREFER: HeaderName = HeaderName::from_static("prefer");

/// The preferences that are understood here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prefer {
    pub answer: Option<Return>,
    /// `handling=strict`: that is how everything is handled here. Nothing is ever lenient.
    pub strict: bool,
    /// `respond-async`: answer at once, and go on after that.
    pub later: bool,
    /// `wait`: but wait so many seconds for it; no more than anybody is kept waiting.
    pub wait_seconds: Option<u32>,
}

/// `return`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    Minimal,
    Representation,
}

impl Prefer {
    pub fn read(headers: &HeaderMap) -> Prefer {
        let mut prefer = Prefer::default();
        let mut seen = Vec::new();
        let texts = headers.get_all(PREFER).iter();
        for text in texts.filter_map(|value| value.to_str().ok()) {
            for (name, value) in preferences(text) {
                // Of one that is named twice, the first counts.
                if seen.contains(&name) {
                    continue;
                }
                match (name.as_str(), value.as_str()) {
                    ("return", "minimal") => prefer.answer = Some(Return::Minimal),
                    ("return", "representation") => prefer.answer = Some(Return::Representation),
                    ("handling", "strict") => prefer.strict = true,
                    ("respond-async", "") => prefer.later = true,
                    ("wait", text) => prefer.wait_seconds = seconds(text),
                    _ => {}
                }
                seen.push(name);
            }
        }
        prefer
    }
}

/// A number of seconds, however large it is (RFC 7240 §4.3 names no largest one).
fn seconds(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let most = engine::WAIT_SECONDS_MAX;
    is_number.then(|| text.parse().map_or(most, |seconds: u32| seconds.min(most)))
}

/// Names in lower case with their values; parameters are dropped, as none is defined.
fn preferences(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for item in split(text, ',') {
        let Some(first) = split(item, ';').into_iter().next() else {
            continue;
        };
        let (name, value) = first.split_once('=').unwrap_or((first, ""));
        let name = name.trim().to_ascii_lowercase();
        if !name.is_empty() {
            let value = value.trim();
            let inner = value
                .strip_prefix('"')
                .and_then(|value| value.strip_suffix('"'));
            found.push((name, inner.unwrap_or(value).to_owned()));
        }
    }
    found
}

/// Splits where no quotes are open.
fn split(text: &str, at: char) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(|c: char| {
        if escaped {
            escaped = false;
            return false;
        }
        match c {
            '"' => quoted = !quoted,
            '\\' if quoted => escaped = true,
            _ => {}
        }
        c == at && !quoted
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[track_caller]
    fn check(values: &[&'static str], answer: Option<Return>, strict: bool) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(PREFER, HeaderValue::from_static(value));
        }
        let found = Prefer::read(&headers);
        assert_eq!((found.answer, found.strict), (answer, strict), "{values:?}");
    }

    #[test]
    fn preferences_are_read_and_others_passed_over() {
        use Return::{Minimal, Representation};
        check(&[], None, false);
        check(&["return=minimal"], Some(Minimal), false);
        check(&["Return=\"representation\""], Some(Representation), false);
        check(&["foo; bar, return = minimal ;x=1"], Some(Minimal), false);
        check(&["handling=strict", "return=minimal"], Some(Minimal), true);
        check(
            &["return=minimal, return=representation"],
            Some(Minimal),
            false,
        );
        check(&["handling=lenient, return=tiny"], None, false);
        check(&["a=\"x, return=minimal\""], None, false);
        check(&["a=\"x\\\", return=minimal", "", ",,;="], None, false);
    }

    #[test]
    fn requests_may_go_on() {
        for (text, later, wait) in [
            ("respond-async", true, None),
            ("respond-async, wait=10", true, Some(10)),
            ("wait=5", false, Some(5)),
            ("wait=-1, respond-async=yes", false, None),
            ("wait=+1", false, None),
            ("wait=", false, None),
            ("respond-async, wait=\"0020\"", true, Some(20)),
            ("respond-async, wait=21", true, Some(20)),
            ("respond-async, wait=99999999999999999999", true, Some(20)),
        ] {
            let headers = HeaderMap::from_iter([(PREFER, HeaderValue::from_static(text))]);
            let found = Prefer::read(&headers);
            assert_eq!((found.later, found.wait_seconds), (later, wait), "{text}");
        }
    }
}
