//! Cookies of this origin alone (RFC 6265, and the `__Host-` prefix of RFC 6265bis §4.1.3).
//!
//! A [`Cookie`] is read and written by the same value, so that name, path and attributes cannot come
//! apart. Knows nothing of what a value means.

use std::borrow::Cow;
use std::fmt::Write;
use std::time::Duration;

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

use crate::origin::Origin;
use crate::query::decode_segment;

/// Pairs of one request that are looked at. Browsers keep some 180 for a site; of ours there are a few,
/// and what other programs on the same host have set comes along.
const PAIRS_MAX: usize = 200;

/// Only over TLS, only from this very host, for every path: a neighbouring host cannot set it.
const PREFIX: &str = "__Host-";

/// One cookie a server sets and reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cookie {
    name: Box<str>,
    secure: bool,
}

impl Cookie {
    /// The cookie with this name where `origin` is served. A plain one, as on the machine of a
    /// developer, can have neither the prefix nor `Secure`: browsers would drop it.
    ///
    /// `name` is a token (RFC 9110 §5.6.2) of the program's own.
    pub fn new(name: &'static str, origin: &Origin) -> Cookie {
        let secure = origin.is_secure();
        let prefix = if secure { PREFIX } else { "" };
        Cookie {
            name: format!("{prefix}{name}").into(),
            secure,
        }
    }

    /// As it stands in the fields.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value in these fields of a request. One that is there twice says nothing: somebody has put
    /// a second beside ours, and it cannot be told which is which.
    pub fn read<'a>(&self, headers: &'a HeaderMap) -> Option<Cow<'a, str>> {
        // HTTP/2 may send several fields (RFC 9113 §8.2.3).
        let pairs = headers.get_all(COOKIE).iter().flat_map(|value| {
            let bytes = value.as_bytes();
            bytes.split(|byte| *byte == b';').map(<[u8]>::trim_ascii)
        });
        let mut found = None;
        for pair in pairs.take(PAIRS_MAX) {
            let Some(value) = pair
                .strip_prefix(self.name.as_bytes())
                .and_then(|rest| rest.strip_prefix(b"="))
            else {
                continue;
            };
            if found.is_some() {
                return None;
            }
            found = Some(value);
        }
        let value = std::str::from_utf8(found?).ok()?;
        let bare = match value.strip_prefix('"') {
            Some(quoted) => quoted.strip_suffix('"')?,
            None => value,
        };
        decode_segment(bare)
    }

    /// `Set-Cookie` that gives it this value for so long, or until the browser is closed. What a value
    /// cannot hold is percent-encoded. Browsers pass over more than 4 KiB.
    pub fn set(&self, value: &str, lasts: Option<Duration>) -> HeaderValue {
        let mut text = format!("{}=", self.name);
        for byte in value.bytes() {
            if is_octet(byte) {
                text.push(char::from(byte));
            } else {
                // Writing to a string cannot fail.
                let _ = write!(text, "%{byte:02X}");
            }
        }
        text.push_str("; Path=/; HttpOnly; SameSite=Lax");
        if self.secure {
            text.push_str("; Secure");
        }
        if let Some(lasts) = lasts {
            let _ = write!(text, "; Max-Age={}", lasts.as_secs());
        }
        HeaderValue::try_from(text).expect("everything but visible ASCII was encoded")
    }

    /// `Set-Cookie` that makes the browser forget it.
    pub fn clear(&self) -> HeaderValue {
        self.set("", Some(Duration::ZERO))
    }
}

/// RFC 6265 §4.1.1's cookie-octet, without the `%` that encodes the others.
fn is_octet(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\",;\\%".contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secure() -> Cookie {
        Cookie::new("session", &"https://api.example".parse().unwrap())
    }

    #[track_caller]
    fn check(fields: &[&'static [u8]], expected: Option<&str>) {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(COOKIE, HeaderValue::from_bytes(field).unwrap());
        }
        assert_eq!(secure().read(&headers).as_deref(), expected, "{fields:?}");
    }

    #[test]
    fn the_value_that_is_there_once() {
        check(&[], None);
        check(&[b"__Host-session=abc"], Some("abc"));
        check(&[b"a=1; __Host-session=a=b; c"], Some("a=b"));
        check(&[b"a=1;__Host-session=abc ;"], Some("abc"));
        check(&[b"a=1", b"__Host-session=abc"], Some("abc"));
        check(&[b"__Host-session=\"abc\""], Some("abc"));
        check(&[b"__Host-session=%C3%A9%3B"], Some("\u{e9};"));
        check(&[b"__Host-session="], Some(""));
    }

    #[test]
    fn what_is_not_ours_or_unclear_says_nothing() {
        check(&[b"session=abc"], None);
        check(&[b"__host-session=abc"], None);
        check(&[b"__Host-session"], None);
        check(&[b"__Host-session2=abc"], None);
        check(&[b"__Host-session=a; __Host-session=a"], None);
        check(&[b"__Host-session=a", b"__Host-session=b"], None);
        check(&[b"__Host-session=\"abc"], None);
        check(&[b"__Host-session=%4"], None);
        check(&[b"__Host-session=\xff"], None);
        check(&[b"a=\xff; __Host-session=abc"], Some("abc"));
    }

    #[test]
    fn pairs_are_not_looked_at_without_end() {
        let text = format!("{}__Host-session=abc", "a=1; ".repeat(PAIRS_MAX));
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::try_from(text).unwrap());
        assert_eq!(secure().read(&headers), None);
    }

    #[test]
    fn set_for_the_host_alone() {
        let day = Some(Duration::from_secs(86_400));
        assert_eq!(
            secure().set("ab-_c", day),
            "__Host-session=ab-_c; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=86400"
        );
        assert_eq!(
            secure().clear(),
            "__Host-session=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0"
        );
        let plain = Cookie::new("session", &"http://127.0.0.1:8080".parse().unwrap());
        assert_eq!(
            plain.set("abc", None),
            "session=abc; Path=/; HttpOnly; SameSite=Lax"
        );
    }

    proptest! {
        #[test]
        fn any_value_comes_back(value in any::<String>(), before in "[ -~]{0,20}") {
            let set = secure().set(&value, None);
            let pair = set.to_str().unwrap().split(';').next().unwrap();
            let mut headers = HeaderMap::new();
            let field = format!("{before}; {pair}");
            headers.insert(COOKIE, HeaderValue::try_from(field).unwrap());
            let read = secure().read(&headers);
            prop_assert_eq!(read.as_deref(), Some(value.as_str()));
        }

        #[test]
        fn any_field_is_read_without_harm(bytes in prop::collection::vec(32_u8.., 0..100)) {
            let mut headers = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                headers.insert(COOKIE, value);
            }
            secure().read(&headers);
        }
    }
}
