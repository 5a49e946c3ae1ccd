//! Where may be asked: what belongs to the internet, and what the contract names.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use http::Uri;

/// Hosts, with their ports, that the contract names: there whoever wrote the contract wants us to
/// ask, wherever it is.
#[derive(Clone, Debug, Default)]
pub struct Named(Arc<BTreeSet<(String, u16)>>);

impl Named {
    /// Those of these URLs. What is no URL names nothing.
    pub fn of<'a>(urls: impl IntoIterator<Item = &'a str>) -> Named {
        let places = urls.into_iter().filter_map(|url| place(&url.parse().ok()?));
        Named(Arc::new(places.collect()))
    }

    fn has(&self, host: &str, port: u16) -> bool {
        self.0.contains(&(host.to_owned(), port))
    }
}

/// The host of a URL, as it is compared, and its port.
pub(crate) fn place(url: &Uri) -> Option<(String, u16)> {
    let default = match url.scheme_str()? {
        "https" => 443,
        "http" => 80,
        _ => return None,
    };
    let host = url.host()?;
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    Some((host, url.port_u16().unwrap_or(default)))
}

/// Whether a URL may be asked, as far as it can be told before its host's addresses are known.
///
/// # Errors
/// Why not, in a sentence.
pub(crate) fn check(url: &Uri, named: &Named) -> Result<(), String> {
    let (host, port) = place(url).ok_or("it is no URL over HTTP")?;
    if url
        .authority()
        .is_some_and(|all| all.as_str().contains('@'))
    {
        return Err("it holds a name or password".to_owned());
    }
    // In the clear anybody on the way could put in keys of theirs.
    if url.scheme_str() == Some("http") && !named.has(&host, port) {
        return Err("it is not https, and the contract does not name it".to_owned());
    }
    Ok(())
}

/// Whether this address of a host may be reached.
pub(crate) fn may_reach(host: &str, address: IpAddr, port: u16, named: &Named) -> bool {
    is_of_the_internet(address) || named.has(host, port)
}

/// Whether an address is one of the internet's (the registries of special-purpose addresses, RFC
/// 6890), also where it is wrapped in another.
pub fn is_of_the_internet(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_global_v4(address),
        IpAddr::V6(address) => is_global_v6(address),
    }
}

fn is_global_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        // Multicast, reserved, broadcast.
        || first >= 224
        // This network.
        || first == 0
        // Behind a carrier's address translation.
        || (first == 100 && (64..128).contains(&second))
        // Protocol assignments; benchmarks; the former relay of 6to4.
        || (first == 192 && second == 0 && third == 0)
        || (first == 198 && (18..20).contains(&second))
        || (first == 192 && second == 88 && third == 99))
}

fn is_global_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let last = || {
        let [.., a, b, c, d] = address.octets();
        is_global_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // IPv4 as IPv6, mapped and translated.
        [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => last(),
        // 6to4 carries the address in front.
        [0x2002, high, low, ..] => {
            let [a, b] = high.to_be_bytes();
            let [c, d] = low.to_be_bytes();
            is_global_v4(Ipv4Addr::new(a, b, c, d))
        }
        // Protocol assignments (Teredo among them), documentation.
        [0x2001, second, ..] => second >= 0x200 && second != 0xdb8,
        [0x3fff, second, ..] => second >= 0x1000,
        // Global unicast is all that is left (RFC 4291 §2.4).
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_internet_is_the_internet() {
        for (address, expected) in [
            ("93.184.215.14", true),
            ("100.63.255.255", true),
            ("198.17.255.255", true),
            ("0.0.0.0", false),
            ("10.1.2.3", false),
            ("100.64.0.1", false),
            ("127.0.0.1", false),
            ("127.255.255.255", false),
            ("169.254.169.254", false),
            ("172.16.0.1", false),
            ("192.168.1.1", false),
            ("192.0.0.8", false),
            ("192.0.2.1", false),
            ("198.18.0.1", false),
            ("224.0.0.1", false),
            ("240.0.0.1", false),
            ("255.255.255.255", false),
            ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", true),
            ("2a00:1450:4001::1", true),
            ("::", false),
            ("::1", false),
            ("::127.0.0.1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:169.254.169.254", false),
            ("::ffff:93.184.215.14", true),
            ("64:ff9b::a00:1", false),
            ("64:ff9b:1::a00:1", false),
            ("2002:7f00:1::", false),
            ("2001::1", false),
            ("2001:db8::1", false),
            ("3fff::1", false),
            ("fc00::1", false),
            ("fd12:3456::1", false),
            ("fe80::1", false),
            ("fec0::1", false),
            ("ff02::1", false),
            ("100::1", false),
        ] {
            let parsed = address.parse().unwrap();
            assert_eq!(is_of_the_internet(parsed), expected, "{address}");
        }
    }

    #[test]
    fn what_may_be_asked_is_told_by_its_url() {
        let named = Named::of(["http://localhost:8080/x", "https://id.intern/", "?"]);
        let check = |url: &str, may: bool| {
            let checked = check(&url.parse().unwrap(), &named);
            assert_eq!(checked.is_ok(), may, "{url}: {checked:?}");
        };
        check("https://a.example/keys", true);
        check("http://a.example/keys", false);
        check("http://localhost:8080/keys", true);
        check("http://LOCALHOST.:8080/keys", true);
        check("http://localhost:8081/keys", false);
        check("http://localhost/keys", false);
        check("https://ann@a.example/keys", false);
        check("https://ann:secret@a.example/keys", false);
        check("ftp://a.example/keys", false);
        check("/keys", false);
    }

    #[test]
    fn the_contract_opens_a_place_and_not_a_machine() {
        let named = Named::of(["https://id.intern/", "http://[::1]:9000/"]);
        let check = |host: &str, address: &str, port: u16, may: bool| {
            let address = address.parse().unwrap();
            assert_eq!(may_reach(host, address, port, &named), may, "{host}:{port}");
        };
        check("id.intern", "10.0.0.7", 443, true);
        check("id.intern", "10.0.0.7", 5432, false);
        check("other.intern", "10.0.0.7", 443, false);
        check("::1", "::1", 9000, true);
        check("a.example", "169.254.169.254", 443, false);
        check("a.example", "93.184.215.14", 443, true);
    }
}
