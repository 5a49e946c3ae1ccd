//! How a client is told what it may still ask for: `RateLimit-Policy` and `RateLimit`, and the
//! problem when that is nothing (draft-ietf-httpapi-ratelimit-headers-11).
//!
//! Knows how the fields are spelled, not who counts what. The draft is kept in this one file.

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

/// Room for what is said of one policy.
const POLICY_BYTES: usize = 48;

/// Adds both fields; none where there is no policy.
pub fn mark<'a, Q>(headers: &mut HeaderMap, quotas: Q)
where
    Q: IntoIterator<Item = Quota<'a>> + Clone,
{
    let mut field = Vec::with_capacity(2 * POLICY_BYTES);
    list(&mut field, quotas.clone(), |field, quota| {
        parameter(field, b";q=", quota.allow);
        parameter(field, b";w=", quota.window_s.max(1));
    });
    if field.is_empty() {
        return;
    }
    headers.insert(RATELIMIT_POLICY, value(&field));
    field.clear();
    list(&mut field, quotas, |field, quota| {
        parameter(field, b";r=", quota.remaining);
        parameter(field, b";t=", quota.effective_s);
    });
    headers.insert(RATELIMIT, value(&field));
}

fn value(field: &[u8]) -> HeaderValue {
    HeaderValue::from_bytes(field).expect("printable ASCII was kept")
}

/// The policies by their names, each with what `say` says of it.
fn list<'a>(
    field: &mut Vec<u8>,
    quotas: impl IntoIterator<Item = Quota<'a>>,
    say: impl Fn(&mut Vec<u8>, &Quota<'a>),
) {
    for quota in quotas {
        if !field.is_empty() {
            field.extend_from_slice(b", ");
        }
        string(field, quota.policy);
        say(field, &quota);
    }
}

fn parameter(field: &mut Vec<u8>, name: &[u8], number: u64) {
    field.extend_from_slice(name);
    let mut digits = itoa::Buffer::new();
    field.extend_from_slice(digits.format(number.min(INTEGER_MAX)).as_bytes());
}

/// A string of a structured field (RFC 9651 §4.1.6), without what cannot stand in one.
fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    // No byte of a character beyond ASCII is among these.
    for byte in text.bytes().filter(|byte| matches!(byte, b' '..=b'~')) {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
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
