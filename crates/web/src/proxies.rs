//! Where a client is, when proxies stand between: `Forwarded` (RFC 7239) and `X-Forwarded-For`.
//!
//! Anybody can write these fields. A proxy that is trusted adds, at the right, the address it was
//! asked from, so the client is the rightmost address that is not itself a trusted proxy; what
//! stands left of it is the client's own invention. Whatever cannot be understood says nothing:
//! then the client is the peer.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use http::HeaderMap;
#[cfg(test)]
use http::HeaderValue;
use http::header::{FORWARDED, HeaderName};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Proxies between us and a client at most, beyond which nothing is believed.
const HOPS_MAX: usize = 32;

/// The proxies whose word is taken: none unless they are named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    networks: Vec<IpNet>,
}

/// Neither an address nor a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkError {
    pub text: String,
}

impl std::fmt::Display for NetworkError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "`{}` is neither an address nor a network such as `10.0.0.0/8`",
            self.text
        )
    }
}

impl std::error::Error for NetworkError {}

impl Proxies {
    /// From addresses (`127.0.0.1`, `::1`) and networks (`10.0.0.0/8`, `fd00::/8`).
    ///
    /// # Errors
    /// The first that is neither.
    pub fn new<'a>(networks: impl IntoIterator<Item = &'a str>) -> Result<Proxies, NetworkError> {
        let network = |text: &str| {
            let text = text.trim();
            let address = IpAddr::from_str(text).map(|address| IpNet::from(address.to_canonical()));
            address
                .ok()
                .or_else(|| text.parse().ok())
                .ok_or_else(|| NetworkError {
                    text: text.to_owned(),
                })
        };
        let networks = networks
            .into_iter()
            .map(network)
            .collect::<Result<_, _>>()?;
        Ok(Proxies { networks })
    }

    /// The networks, as they would be written.
    pub fn networks(&self) -> impl Iterator<Item = String> {
        self.networks.iter().map(IpNet::to_string)
    }

    /// Where a request with these `headers`, which came from `peer`, was made.
    pub fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.ip().to_canonical();
        if !self.trusts(peer) {
            return peer;
        }
        let standard = self.behind(headers, &FORWARDED, forwarded);
        let common = self.behind(headers, &X_FORWARDED_FOR, plain);
        match (standard, common) {
            (Told::Nothing, Told::Nothing) => peer,
            (Told::Client(client), Told::Nothing) | (Told::Nothing, Told::Client(client)) => client,
            // A proxy that writes one field may pass the other on as the client wrote it, so a
            // difference is nothing to go by.
            (Told::Client(one), Told::Client(other)) if one == other => one,
            _ => peer,
        }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.networks
            .iter()
            .any(|network| network.contains(&address))
    }

    /// Walks one field from its right end, over the proxies that are trusted.
    fn behind(
        &self,
        headers: &HeaderMap,
        name: &HeaderName,
        read: fn(&str) -> Option<Vec<Option<IpAddr>>>,
    ) -> Told {
        let mut last = Told::Nothing;
        let mut hops = 0;
        for value in headers.get_all(name).iter().rev() {
            let Some(hops_told) = value.to_str().ok().and_then(read) else {
                return Told::Nonsense;
            };
            for hop in hops_told.into_iter().rev() {
                hops += 1;
                match hop {
                    Some(address) if !self.trusts(address) => return Told::Client(address),
                    // All of them are ours: then it is the first.
                    Some(address) if hops <= HOPS_MAX => last = Told::Client(address),
                    _ => return Told::Nonsense,
                }
            }
        }
        last
    }
}

/// What one field says of the client.
enum Told {
    /// It is not there.
    Nothing,
    Client(IpAddr),
    /// It is there, and no use.
    Nonsense,
}

/// `X-Forwarded-For`: addresses with commas between them.
fn plain(value: &str) -> Option<Vec<Option<IpAddr>>> {
    Some(value.split(',').map(|part| address(part.trim())).collect())
}

/// `Forwarded`: elements with commas between them, each of `name=value` with semicolons. Nothing
/// when a quoted string is not closed.
fn forwarded(value: &str) -> Option<Vec<Option<IpAddr>>> {
    let mut found = Vec::new();
    let mut rest = value;
    loop {
        let (element, after) = until(rest, b',')?;
        found.push(for_of(element));
        match after {
            Some(after) => rest = after,
            None => return Some(found),
        }
    }
}

/// The address in one element, if it says one.
fn for_of(element: &str) -> Option<IpAddr> {
    let mut rest = Some(element);
    let mut found = None;
    while let Some(some) = rest {
        let (pair, after) = until(some, b';')?;
        rest = after;
        let Some((name, value)) = pair.split_once('=') else {
            continue;
        };
        if !name.trim().eq_ignore_ascii_case("for") {
            continue;
        }
        // Twice in one element is an error.
        if found.is_some() {
            return None;
        }
        let value = value.trim();
        let bare = match value.strip_prefix('"') {
            Some(quoted) => quoted.strip_suffix('"')?,
            None => value,
        };
        // An address needs no escape, so one with a backslash is none.
        found = Some(address(bare)?);
    }
    found
}

/// What stands before the first such mark outside of quotes, and what behind it.
fn until(text: &str, mark: u8) -> Option<(&str, Option<&str>)> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        if escaped {
            escaped = false;
        } else if quoted && byte == b'\\' {
            escaped = true;
        } else if byte == b'"' {
            quoted = !quoted;
        } else if byte == mark && !quoted {
            return Some((&text[..at], Some(&text[at + 1..])));
        }
    }
    (!quoted).then_some((text, None))
}

/// An address, with a port or without: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`,
/// `[2001:db8::1]:80`. Not `unknown`, and no name that hides one.
fn address(text: &str) -> Option<IpAddr> {
    let found = match text.strip_prefix('[') {
        Some(inner) => {
            let (inside, port) = inner.split_once(']')?;
            is_port(port)
                .then(|| inside.parse::<std::net::Ipv6Addr>().ok())??
                .into()
        }
        None => match text.parse::<IpAddr>() {
            Ok(address) => address,
            Err(_) => {
                let colon = text.rfind(':')?;
                let (host, port) = text.split_at(colon);
                is_port(port)
                    .then(|| host.parse::<std::net::Ipv4Addr>().ok())??
                    .into()
            }
        },
    };
    Some(found.to_canonical())
}

/// Nothing, or a colon and digits. A port may be hidden as well (RFC 7239 §6).
fn is_port(text: &str) -> bool {
    match text.strip_prefix(':') {
        None => text.is_empty(),
        Some(port) => {
            (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit())
                || port.starts_with('_')
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(peer: &str, fields: &[(&str, &str)], expected: &str) {
        let proxies = Proxies::new(["10.0.0.0/8", "::1", " 127.0.0.1 ", "fd00::/8"]).unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let name = HeaderName::try_from(*name).unwrap();
            headers.append(name, HeaderValue::try_from(*value).unwrap());
        }
        let peer = SocketAddr::new(peer.parse().unwrap(), 4711);
        let client = proxies.client(peer, &headers);
        assert_eq!(client.to_string(), expected, "{peer} {fields:?}");
    }

    #[test]
    fn the_rightmost_that_is_not_trusted() {
        let xff = |value: &'static str| [("x-forwarded-for", value)];
        check("10.0.0.1", &[], "10.0.0.1");
        check("10.0.0.1", &xff("192.0.2.1"), "192.0.2.1");
        check("::ffff:10.0.0.1", &xff("192.0.2.1"), "192.0.2.1");
        check("::1", &xff("1.1.1.1, 192.0.2.1"), "192.0.2.1");
        check(
            "10.0.0.1",
            &xff("1.1.1.1,192.0.2.1 , 10.2.3.4"),
            "192.0.2.1",
        );
        check("10.0.0.1", &xff("10.9.9.9, 10.2.3.4"), "10.9.9.9");
        check("10.0.0.1", &xff("2001:db8::1"), "2001:db8::1");
        check("10.0.0.1", &xff("192.0.2.1:80"), "192.0.2.1");
        check("10.0.0.1", &xff("[2001:db8::1]:80"), "2001:db8::1");
        // What a client invents is left of what our proxy saw.
        check("10.0.0.1", &xff("rubbish, \", 192.0.2.1"), "192.0.2.1");
        check(
            "10.0.0.1",
            &[
                ("x-forwarded-for", "6.6.6.6"),
                ("x-forwarded-for", "192.0.2.1"),
            ],
            "192.0.2.1",
        );
    }

    #[test]
    fn the_standard_field_too() {
        let forwarded = |value: &'static str| [("forwarded", value)];
        check("10.0.0.1", &forwarded("for=192.0.2.1"), "192.0.2.1");
        check(
            "10.0.0.1",
            &forwarded("for=6.6.6.6, FOR=\"192.0.2.1:80\";proto=https; by=10.0.0.1"),
            "192.0.2.1",
        );
        check(
            "10.0.0.1",
            &forwarded("for=\"[2001:db8::1]\""),
            "2001:db8::1",
        );
        check(
            "10.0.0.1",
            &forwarded("by=\"a,b;c\";for=192.0.2.1"),
            "192.0.2.1",
        );
        check(
            "10.0.0.1",
            &[
                ("forwarded", "for=\"6.6.6.6"),
                ("forwarded", "for=192.0.2.1"),
            ],
            "192.0.2.1",
        );
    }

    #[test]
    fn whoever_is_not_trusted_can_write_what_they_like() {
        check("192.0.2.9", &[("x-forwarded-for", "1.1.1.1")], "192.0.2.9");
        check("192.0.2.9", &[("forwarded", "for=1.1.1.1")], "192.0.2.9");
        let none = Proxies::default();
        let mut headers = HeaderMap::new();
        headers.insert(X_FORWARDED_FOR, HeaderValue::from_static("1.1.1.1"));
        let peer = SocketAddr::from(([127, 0, 0, 1], 1));
        assert_eq!(none.client(peer, &headers), peer.ip());
    }

    #[test]
    fn what_cannot_be_understood_says_nothing() {
        for value in [
            "",
            "unknown",
            "_hidden",
            "999.1.1.1",
            "1.1.1.1:x",
            "[::1",
            "1.1.1.1,",
        ] {
            check("10.0.0.1", &[("x-forwarded-for", value)], "10.0.0.1");
        }
        for value in [
            "",
            "for",
            "for=unknown",
            "for=_hidden",
            "by=1.1.1.1",
            "for=\"1.1.1.1",
            "for=1.1.1.1;for=2.2.2.2",
            "for=\"1.1.1\\.1\"",
        ] {
            check("10.0.0.1", &[("forwarded", value)], "10.0.0.1");
        }
        let long = ["10.0.0.2"; HOPS_MAX + 1].join(",");
        check("10.0.0.1", &[("x-forwarded-for", &long)], "10.0.0.1");
    }

    #[test]
    fn two_fields_must_agree() {
        let both = |one: &'static str, other: &'static str| {
            [("forwarded", one), ("x-forwarded-for", other)]
        };
        check("10.0.0.1", &both("for=1.1.1.1", "1.1.1.1"), "1.1.1.1");
        check("10.0.0.1", &both("for=6.6.6.6", "1.1.1.1"), "10.0.0.1");
        check("10.0.0.1", &both("for=unknown", "1.1.1.1"), "10.0.0.1");
    }

    #[test]
    fn networks_are_read() {
        for bad in ["", "10.0.0.0/33", "proxy", "10.0.0.0/8, 1.1.1.1"] {
            assert_eq!(Proxies::new([bad]).unwrap_err().text, bad);
        }
    }
}
