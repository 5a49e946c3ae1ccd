//! Where a server is reached: scheme, host and port, as browsers write them in `Origin` (RFC 6454).
//!
//! Says nothing of who may come from where; see [`cors`](crate::cors) and [`csrf`](crate::csrf).

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// `https://api.example`, `http://127.0.0.1:8080`: in lower case, without a path and without the
/// port that the scheme has anyway, so that equal origins are equal texts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    text: Box<str>,
    /// The first byte of the host within `text`, and the first after it.
    host: (usize, usize),
}

/// Not the origin of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginError {
    pub text: String,
}

impl Origin {
    /// Where a server is reached that listens here.
    pub fn of(address: SocketAddr, secure: bool) -> Origin {
        let scheme = if secure { "https" } else { "http" };
        format!("{scheme}://{address}")
            .parse()
            .expect("an address has the form of a host and a port")
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn is_secure(&self) -> bool {
        self.text.starts_with("https:")
    }

    /// A name or an address; one of version 6 in brackets.
    pub fn host(&self) -> &str {
        &self.text[self.host.0..self.host.1]
    }

    /// Whether only this machine reaches it, so that nothing crosses a network on the way.
    pub fn is_loopback(&self) -> bool {
        let host = self.host();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        match bare.parse::<IpAddr>() {
            Ok(address) => address.to_canonical().is_loopback(),
            // RFC 6761 §6.3: the name never means another machine.
            Err(_) => host == "localhost" || host.ends_with(".localhost"),
        }
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Origin, OriginError> {
        let refused = || OriginError {
            text: text.to_owned(),
        };
        let lower = text.trim().to_ascii_lowercase();
        let whole = lower.strip_suffix('/').unwrap_or(&lower);
        let (scheme, authority) = whole.split_once("://").ok_or_else(refused)?;
        let usual = match scheme {
            "http" => 80,
            "https" => 443,
            _ => return Err(refused()),
        };
        let (host, port) = split(authority).ok_or_else(refused)?;
        let from = scheme.len() + "://".len();
        let text = match port {
            Some(port) if port != usual => format!("{scheme}://{host}:{port}"),
            _ => format!("{scheme}://{host}"),
        };
        Ok(Origin {
            text: text.into(),
            host: (from, from + host.len()),
        })
    }
}

/// The host and the port of an authority without a user; the host is a name of DNS or an address.
fn split(authority: &str) -> Option<(&str, Option<u16>)> {
    let end = match authority.strip_prefix('[') {
        Some(rest) => {
            let inner = &rest[..rest.find(']')?];
            inner.parse::<std::net::Ipv6Addr>().ok()?;
            inner.len() + 2
        }
        None => {
            let end = authority.find(':').unwrap_or(authority.len());
            let is_label = |label: &str| {
                !label.is_empty()
                    && label
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            };
            if !authority[..end].split('.').all(is_label) {
                return None;
            }
            end
        }
    };
    let (host, rest) = authority.split_at(end);
    match rest.strip_prefix(':') {
        None if rest.is_empty() => Some((host, None)),
        // Written once only: `parse` would take a sign.
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some((host, Some(port.parse().ok()?)))
        }
        _ => None,
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for OriginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is not where a server is reached; write scheme and host, and the port if it is not \
             the usual one: `https://api.example`",
            self.text
        )
    }
}

impl std::error::Error for OriginError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn equal_origins_are_equal_texts() {
        for (written, expected, loopback) in [
            ("https://api.example", "https://api.example", false),
            ("HTTPS://API.Example:443/", "https://api.example", false),
            ("https://api.example:80", "https://api.example:80", false),
            ("http://a_b.example:0080", "http://a_b.example", false),
            ("http://localhost:8080", "http://localhost:8080", true),
            ("http://photos.localhost", "http://photos.localhost", true),
            ("http://127.0.0.9:1", "http://127.0.0.9:1", true),
            ("https://[::1]:8443", "https://[::1]:8443", true),
            ("https://[2001:db8::1]", "https://[2001:db8::1]", false),
            ("http://notlocalhost", "http://notlocalhost", false),
        ] {
            let origin: Origin = written.parse().unwrap();
            assert_eq!(origin.as_str(), expected);
            assert_eq!(origin.is_loopback(), loopback, "{written}");
            assert_eq!(origin.is_secure(), expected.starts_with("https"));
        }
    }

    #[test]
    fn what_is_more_or_less_is_refused() {
        for written in [
            "",
            "api.example",
            "https://",
            "https://:443",
            "ftp://api.example",
            "https://user@api.example",
            "https://api.example/v1",
            "https://api.example?a",
            "https://api.example#a",
            "https://api..example",
            "https://api.example:",
            "https://api.example:+1",
            "https://api.example:99999",
            "https://[::1",
            "https://[]",
            "https://::1",
            "https://a b",
            "null",
        ] {
            assert!(written.parse::<Origin>().is_err(), "{written}");
        }
    }

    #[test]
    fn the_host_of_a_listener() {
        let origin = Origin::of(([127, 0, 0, 1], 443).into(), true);
        assert_eq!(
            (origin.as_str(), origin.host()),
            ("https://127.0.0.1", "127.0.0.1")
        );
        let origin = Origin::of("[::1]:80".parse().unwrap(), false);
        assert_eq!((origin.as_str(), origin.host()), ("http://[::1]", "[::1]"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_harm(text in "(https?://)?[\\[\\]a-zA-Z0-9:./é-]{0,20}") {
            if let Ok(origin) = text.parse::<Origin>() {
                prop_assert_eq!(&origin.as_str().parse::<Origin>().unwrap(), &origin);
                prop_assert!(origin.as_str().contains(origin.host()));
            }
        }
    }
}
