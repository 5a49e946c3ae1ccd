//! How a client is told what it may still ask for: `RateLimit-Policy` and `RateLimit`, and the
//! problem when that is nothing (draft-ietf-httpapi-ratelimit-headers-11).
//!
//! Knows how the fields are spelled, not who counts what. The draft is kept in this one file.

use std::fmt::Write as _;

use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};

/// §3: what the policies are.
pub const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// §4: what is left of them.
pub const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// §5.1: the type of the problem, and the member that names the policies.
pub const QUOTA_EXCEEDED: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";
pub const VIOLATED_POLICIES: &str = "violated-policies";

/// The largest integer of a structured field (RFC 9651 §3.3.1).
const INTEGER_MAX: u64 = 999_999_999_999_999;

/// One policy and what is left of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota<'a> {
    /// Printable ASCII.
    pub policy: &'a str,
    /// `q`: so many requests…
    pub allow: u64,
    /// `w`: … in so many seconds.
    pub window_s: u64,
    /// `r`: how many could be made now.
    pub remaining: u64,
    /// `t`: for so many seconds there will not be more than that.
    pub effective_s: u64,
}

/// Adds both fields; none where there is no policy.
pub fn mark<'a>(headers: &mut HeaderMap, quotas: impl IntoIterator<Item = Quota<'a>>) {
    let (mut policies, mut left) = (String::new(), String::new());
    for quota in quotas {
        if !policies.is_empty() {
            policies.push_str(", ");
            left.push_str(", ");
        }
        string(&mut policies, quota.policy);
        string(&mut left, quota.policy);
        let allow = quota.allow.min(INTEGER_MAX);
        let window = quota.window_s.clamp(1, INTEGER_MAX);
        let remaining = quota.remaining.min(INTEGER_MAX);
        let effective = quota.effective_s.min(INTEGER_MAX);
        // Writing to a string cannot fail.
        let _ = write!(policies, ";q={allow};w={window}");
        let _ = write!(left, ";r={remaining};t={effective}");
    }
    if policies.is_empty() {
        return;
    }
    for (name, text) in [(RATELIMIT_POLICY, policies), (RATELIMIT, left)] {
        let value = HeaderValue::try_from(text).expect("printable ASCII was kept");
        headers.insert(name, value);
    }
}

/// A string of a structured field (RFC 9651 §4.1.6), without what cannot stand in one.
fn string(out: &mut String, text: &str) {
    out.push('"');
    for char in text.chars().filter(|char| matches!(char, ' '..='~')) {
        if matches!(char, '"' | '\\') {
            out.push('\\');
        }
        out.push(char);
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(quotas: &[Quota<'_>], policy: Option<&str>, left: Option<&str>) {
        let mut headers = HeaderMap::new();
        mark(&mut headers, quotas.iter().copied());
        let field = |name| {
            headers
                .get(name)
                .map(|value: &HeaderValue| value.to_str().unwrap())
        };
        assert_eq!(field(RATELIMIT_POLICY), policy);
        assert_eq!(field(RATELIMIT), left);
    }

    #[test]
    fn fields_are_lists_of_strings_with_parameters() {
        let default = Quota {
            policy: "default",
            allow: 600,
            window_s: 60,
            remaining: 599,
            effective_s: 1,
        };
        check(&[], None, None);
        check(
            &[default],
            Some(r#""default";q=600;w=60"#),
            Some(r#""default";r=599;t=1"#),
        );
        let odd = Quota {
            policy: "a\"b\\c\ré",
            allow: u64::MAX,
            window_s: 0,
            remaining: 0,
            effective_s: u64::MAX,
        };
        check(
            &[odd, default],
            Some(r#""a\"b\\c";q=999999999999999;w=1, "default";q=600;w=60"#),
            Some(r#""a\"b\\c";r=0;t=999999999999999, "default";r=599;t=1"#),
        );
    }
}
