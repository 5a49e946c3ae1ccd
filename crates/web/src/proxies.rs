//! Where a client is, and how it came, when proxies stand between: `Forwarded` (RFC 7239),
//! `X-Forwarded-For` and `X-Forwarded-Proto`.
//!
//! Anybody can write these fields. A proxy that is trusted adds, at the right, the address it was
//! asked from, so the client is the rightmost address that is not itself a trusted proxy; what
//! stands left of it is the client's own invention. Whatever cannot be understood says nothing:
//! then the client is the peer.
//!
//! What came is **secure** if nobody could listen on its way: TLS ends here, or a trusted proxy says that
//! it was asked by `https`, or it has not left this machine. A proxy on this machine that nobody trusts
//! is a connection from this machine like any other, but for the fields by which it gives itself away.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use http::HeaderMap;
#[cfg(test)]
use http::HeaderValue;
use http::header::{FORWARDED, HeaderName, VIA};
use ipnet::IpNet;

use crate::handler::Scheme;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// Proxies between us and a client at most, beyond which nothing is believed.
const HOPS_MAX: usize = 32;

/// The proxies whose word is taken: none unless they are named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    networks: Vec<IpNet>,
}

/// How a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// Where it was made.
    pub client: IpAddr,
    /// What its maker has put before the host, as far as that is known.
    pub scheme: Scheme,
    /// Whether nobody could listen.
    pub secure: bool,
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

    /// Whether nobody's word is taken.
    pub fn is_empty(&self) -> bool {
        self.networks.is_empty()
    }

    /// The networks, as they would be written.
    pub fn networks(&self) -> impl Iterator<Item = String> {
        self.networks.iter().map(IpNet::to_string)
    }

    /// How a request with these `headers` came, over a connection from `peer`, `secured` if with TLS.
    pub fn way(&self, peer: SocketAddr, secured: bool, headers: &HeaderMap) -> Way {
        let peer = peer.ip().to_canonical();
        let own = if secured { Scheme::Https } else { Scheme::Http };
        if !self.trusts(peer) {
            return Way {
                client: peer,
                scheme: own,
                secure: secured || (peer.is_loopback() && stays_here(headers)),
            };
        }
        let standard = self.behind(headers, &FORWARDED, forwarded);
        let common = self.behind(headers, &X_FORWARDED_FOR, plain);
        let client = match (&standard, &common) {
            (Told::Nothing, Told::Nothing) => peer,
            (Told::Client(hop), Told::Nothing) | (Told::Nothing, Told::Client(hop)) => hop.address,
            // A proxy that writes one field may pass the other on as the client wrote it, so a
            // difference is nothing to go by.
            (Told::Client(one), Told::Client(other)) if one.address == other.address => one.address,
            _ => peer,
        };
        let of_element = match standard {
            Told::Nothing => Proto::Nothing,
            Told::Client(hop) => hop.proto,
            Told::Nonsense => Proto::Nonsense,
        };
        let said = match (of_element, x_forwarded_proto(headers)) {
            (Proto::Nothing, said) | (said, Proto::Nothing) => said,
            (one, other) if one == other => one,
            _ => Proto::Nonsense,
        };
        let within = || (secured || peer.is_loopback()) && stays_here(headers);
        let (scheme, secure) = match said {
            Proto::Said(Scheme::Https) => (Scheme::Https, true),
            Proto::Said(Scheme::Http) => (Scheme::Http, within()),
            Proto::Nothing | Proto::Nonsense => (own, within()),
        };
        Way {
            client,
            scheme,
            secure,
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
        read: fn(&str) -> Option<Vec<Option<Hop>>>,
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
                    Some(hop) if !self.trusts(hop.address) => return Told::Client(hop),
                    // All of them are ours: then it is the first.
                    Some(hop) if hops <= HOPS_MAX => last = Told::Client(hop),
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
    Client(Hop),
    /// It is there, and no use.
    Nonsense,
}

/// One step of the way, as the proxy at its end has told it.
#[derive(Clone, Copy)]
struct Hop {
    address: IpAddr,
    proto: Proto,
}

/// What is said of the scheme.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Proto {
    Nothing,
    Said(Scheme),
    Nonsense,
}

impl Proto {
    fn read(text: &str) -> Proto {
        if text.eq_ignore_ascii_case("https") {
            Proto::Said(Scheme::Https)
        } else if text.eq_ignore_ascii_case("http") {
            Proto::Said(Scheme::Http)
        } else {
            Proto::Nonsense
        }
    }
}

/// `X-Forwarded-Proto`. Some proxies replace it and some add to it, so that several values count only
/// where they agree.
fn x_forwarded_proto(headers: &HeaderMap) -> Proto {
    let mut said = Proto::Nothing;
    for value in headers.get_all(X_FORWARDED_PROTO) {
        let Ok(text) = value.to_str() else {
            return Proto::Nonsense;
        };
        for part in text.split(',') {
            let part = Proto::read(part.trim());
            if said != Proto::Nothing && said != part {
                return Proto::Nonsense;
            }
            said = part;
        }
    }
    said
}

/// Whether no proxy gives itself away in these fields, or all the way they tell of is on this machine,
/// as with the proxy of a tool for development.
fn stays_here(headers: &HeaderMap) -> bool {
    let ways = [
        (FORWARDED, forwarded as fn(&str) -> _),
        (X_FORWARDED_FOR, plain),
    ];
    let mut told = false;
    for (name, read) in ways {
        for value in headers.get_all(name) {
            let hops: Option<Vec<Option<Hop>>> = value.to_str().ok().and_then(read);
            let is_here = |hop: Option<Hop>| hop.is_some_and(|hop| hop.address.is_loopback());
            if !hops.is_some_and(|hops| hops.into_iter().all(is_here)) {
                return false;
            }
            told = true;
        }
    }
    let marks = [X_FORWARDED_PROTO, X_FORWARDED_HOST, X_REAL_IP, VIA];
    told || !marks.iter().any(|name| headers.contains_key(name))
}

/// `X-Forwarded-For`: addresses with commas between them.
fn plain(value: &str) -> Option<Vec<Option<Hop>>> {
    let hop = |part: &str| {
        Some(Hop {
            address: address(part.trim())?,
            proto: Proto::Nothing,
        })
    };
    Some(value.split(',').map(hop).collect())
}

/// `Forwarded`: elements with commas between them, each of `name=value` with semicolons. Nothing
/// when a quoted string is not closed.
fn forwarded(value: &str) -> Option<Vec<Option<Hop>>> {
    let mut found = Vec::new();
    let mut rest = value;
    loop {
        let (element, after) = until(rest, b',')?;
        found.push(hop_of(element));
        match after {
            Some(after) => rest = after,
            None => return Some(found),
        }
    }
}

/// What one element says, if it says an address.
fn hop_of(element: &str) -> Option<Hop> {
    let mut rest = Some(element);
    let mut found = None;
    let mut proto = Proto::Nothing;
    while let Some(some) = rest {
        let (pair, after) = until(some, b';')?;
        rest = after;
        let Some((name, value)) = pair.split_once('=') else {
            continue;
        };
        let name = name.trim();
        let value = value.trim();
        // Neither an address nor a scheme needs an escape, so one with a backslash is none.
        let bare = || match value.strip_prefix('"') {
            Some(quoted) => quoted.strip_suffix('"'),
            None => Some(value),
        };
        // Twice in one element is an error.
        if name.eq_ignore_ascii_case("for") {
            if found.is_some() {
                return None;
            }
            found = Some(address(bare()?)?);
        } else if name.eq_ignore_ascii_case("proto") {
            if proto != Proto::Nothing {
                return None;
            }
            proto = Proto::read(bare()?);
        }
    }
    Some(Hop {
        address: found?,
        proto,
    })
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
    use proptest::prelude::*;

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
        let client = proxies.way(peer, false, &headers).client;
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
        assert_eq!(none.way(peer, false, &headers).client, peer.ip());
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

    /// `way` is the connection: where from, `+` if with TLS. Trusted are 10.0.0.0/8 and ::1.
    #[track_caller]
    fn comes(way: &str, fields: &[(&str, &str)], expected: &str) {
        let proxies = Proxies::new(["10.0.0.0/8", "::1"]).unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let name = HeaderName::try_from(*name).unwrap();
            headers.append(name, HeaderValue::try_from(*value).unwrap());
        }
        let (peer, secured) = match way.strip_suffix('+') {
            Some(peer) => (peer, true),
            None => (way, false),
        };
        let peer = SocketAddr::new(peer.parse().unwrap(), 4711);
        let way = proxies.way(peer, secured, &headers);
        let secure = if way.secure { "secure" } else { "open" };
        let found = format!("{} {secure}", way.scheme.as_str());
        assert_eq!(found, expected, "{peer} {fields:?}");
    }

    #[test]
    fn without_a_proxy_the_connection_says_it() {
        comes("192.0.2.9+", &[], "https secure");
        comes("192.0.2.9", &[], "http open");
        comes("127.0.0.1", &[], "http secure");
        comes("127.8.8.8", &[], "http secure");
        comes("::ffff:127.0.0.1", &[], "http secure");
        comes("::1", &[], "http secure");
    }

    #[test]
    fn a_trusted_proxy_says_how_it_was_asked() {
        let xff = ("x-forwarded-for", "192.0.2.1");
        let proto = |value: &'static str| ("x-forwarded-proto", value);
        for (value, expected) in [
            ("https", "https secure"),
            ("HTTPS", "https secure"),
            ("https, https", "https secure"),
            ("http", "http open"),
            ("http, https", "http open"),
            ("https, http", "http open"),
            ("wss", "http open"),
            ("", "http open"),
        ] {
            comes("10.0.0.1", &[xff, proto(value)], expected);
            comes("::1", &[xff, proto(value)], expected);
        }
        comes("10.0.0.1", &[proto("https")], "https secure");
        comes("10.0.0.1", &[xff], "http open");
        comes("10.0.0.1", &[], "http open");
        // TLS between the proxy and us says nothing of the client's way to it.
        comes("10.0.0.1+", &[xff, proto("http")], "http open");
        comes("10.0.0.1+", &[xff], "https open");
        comes("10.0.0.1+", &[], "https secure");
    }

    #[test]
    fn the_standard_field_says_it_of_the_clients_step() {
        for (value, expected) in [
            ("for=192.0.2.1;proto=https", "https secure"),
            (
                "for=192.0.2.1;proto=\"HTTPS\", for=10.0.0.2;proto=http",
                "https secure",
            ),
            (
                "for=192.0.2.1;proto=http, for=10.0.0.2;proto=https",
                "http open",
            ),
            ("for=6.6.6.6;proto=https, for=192.0.2.1", "http open"),
            ("for=192.0.2.1;proto=https;proto=https", "http open"),
            ("for=192.0.2.1;proto=gopher", "http open"),
            ("proto=https", "http open"),
        ] {
            comes("10.0.0.1", &[("forwarded", value)], expected);
        }
        let both = |proto| {
            [
                ("forwarded", "for=192.0.2.1;proto=https"),
                ("x-forwarded-proto", proto),
            ]
        };
        comes("10.0.0.1", &both("https"), "https secure");
        comes("10.0.0.1", &both("http"), "http open");
    }

    #[test]
    fn a_proxy_on_this_machine_that_nobody_trusts_gives_itself_away() {
        for field in [
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-for", "127.0.0.1, 192.0.2.1"),
            ("x-forwarded-for", "unknown"),
            ("forwarded", "for=192.0.2.1;proto=https"),
            ("forwarded", "proto=https"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "api.example"),
            ("x-real-ip", "127.0.0.1"),
            ("via", "1.1 cache"),
        ] {
            comes("127.0.0.1", &[field], "http open");
            comes("192.0.2.9+", &[field], "https secure");
        }
        // All of it was on this machine.
        let local = [
            ("x-forwarded-for", "127.0.0.1, ::1"),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-host", "localhost:3000"),
        ];
        comes("127.0.0.1", &local, "http secure");
        comes("::1", &local, "http secure");
        comes("10.0.0.1", &local, "http open");
    }

    #[test]
    fn networks_are_read() {
        for bad in ["", "10.0.0.0/33", "proxy", "10.0.0.0/8, 1.1.1.1"] {
            assert_eq!(Proxies::new([bad]).unwrap_err().text, bad);
        }
    }

    proptest! {
        /// Only what is trusted, or said by what is trusted, makes an open connection secure.
        #[test]
        fn strangers_say_nothing(
            forwarded in "[a-z0-9=;,\". :]{0,40}",
            proto in "(https?|[a-z, ]{0,10})",
            address in "[0-9.:a-f, ]{0,30}",
        ) {
            let proxies = Proxies::new(["10.0.0.0/8"]).unwrap();
            let mut headers = HeaderMap::new();
            headers.insert(FORWARDED, HeaderValue::try_from(forwarded).unwrap());
            headers.insert(X_FORWARDED_PROTO, HeaderValue::try_from(proto).unwrap());
            headers.insert(X_FORWARDED_FOR, HeaderValue::try_from(address).unwrap());
            let stranger = SocketAddr::from(([192, 0, 2, 9], 1));
            let way = proxies.way(stranger, false, &headers);
            prop_assert_eq!((way.client, way.secure), (stranger.ip(), false));
            let trusted = SocketAddr::from(([10, 0, 0, 1], 1));
            let way = proxies.way(trusted, false, &headers);
            prop_assert_eq!(way.secure, way.scheme == Scheme::Https);
        }
    }
}
