//! Addresses of apps: which may be registered, and which mean the same.
//!
//! Compared as they are written, so nothing in them may have two spellings; what a contract may
//! say is checked by its compiler in the same way.

/// Longest address; servers and browsers stop at a few thousand.
const BYTES_MAX: usize = 2_000;

/// An address taken apart as far as is needed (RFC 3986 §3).
struct Parts<'a> {
    scheme: &'a str,
    /// Of `scheme://authority/…`.
    host: Option<&'a str>,
    port: Option<&'a str>,
    rest: &'a str,
}

fn split(uri: &str) -> Option<Parts<'_>> {
    let (scheme, after) = uri.split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b));
    if !is_scheme {
        return None;
    }
    let Some(after) = after.strip_prefix("//") else {
        return Some(Parts {
            scheme,
            host: None,
            port: None,
            rest: after,
        });
    };
    let end = after.find(['/', '?', '#']).unwrap_or(after.len());
    let (authority, rest) = after.split_at(end);
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    Some(Parts {
        scheme,
        host: Some(host),
        port,
        rest,
    })
}

impl Parts<'_> {
    fn is_loopback(&self) -> bool {
        self.scheme == "http" && matches!(self.host, Some("localhost" | "127.0.0.1" | "[::1]"))
    }
}

/// Whether it leads to the person's own machine.
pub fn is_loopback(uri: &str) -> bool {
    split(uri).is_some_and(|parts| parts.is_loopback())
}

/// Whether it leads to an app on the person's own device: to that machine, or by a scheme of the
/// app's own (RFC 8252 §7).
pub fn is_native(uri: &str) -> bool {
    split(uri).is_some_and(|parts| parts.is_loopback() || !is_web(parts.scheme))
}

/// Whether both lead to the person's own machine and differ in the port alone.
pub(super) fn is_same_loopback(known: &str, uri: &str) -> bool {
    let (Some(known), Some(uri)) = (split(known), split(uri)) else {
        return false;
    };
    let port_fine = uri.port.is_none_or(|port| {
        port.parse::<u16>()
            .is_ok_and(|number| number.to_string() == port)
    });
    known.is_loopback()
        && uri.is_loopback()
        && known.host == uri.host
        && known.rest == uri.rest
        && port_fine
}

/// Where its pages come from, as browsers write it; nothing for a scheme of an app's own.
pub fn origin_of(uri: &str) -> Option<String> {
    let parts = split(uri).filter(|parts| is_web(parts.scheme))?;
    let (scheme, host) = (parts.scheme, parts.host?);
    let usual = match scheme {
        "https" => "443",
        _ => "80",
    };
    Some(
        match parts.port.filter(|port| *port != usual && !port.is_empty()) {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        },
    )
}

fn is_web(scheme: &str) -> bool {
    scheme == "https" || scheme == "http"
}

/// Whether people or secrets may be sent there; why not, in a sentence. `public`: an app on
/// people's own devices, which may have a scheme of its own.
pub(super) fn check(uri: &str, public: bool) -> Result<(), String> {
    let refused = |why: &str| Err(format!("`{uri}` cannot be an address of an app: {why}"));
    if uri.len() > BYTES_MAX {
        return refused("it is too long");
    }
    let fine = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}*".contains(&byte);
    if !uri.bytes().all(fine) {
        return refused("write it as a browser sends it, without `*`");
    }
    if uri.contains('#') {
        return refused("what stands behind `#` is never sent");
    }
    let Some(parts) = split(uri) else {
        return refused("write all of it, as in `https://app.example/signed-in`");
    };
    if !is_web(parts.scheme) {
        return match (public, parts.scheme.contains('.')) {
            (true, true) => Ok(()),
            (true, false) => refused(
                "any app could take that scheme; use a domain of yours backwards, as in `com.example.app:/signed-in`",
            ),
            (false, _) => refused("it must begin with `https://`"),
        };
    }
    let host = parts.host.unwrap_or_default();
    let host_byte = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.[]:".contains(&b);
    if host.is_empty() || !host.bytes().all(host_byte) {
        return refused("write a host in lower case, without a name or password before it");
    }
    if parts.port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return refused("its port is none");
    }
    if parts.scheme == "http" && !parts.is_loopback() {
        return refused("it is not encrypted; write `https://`");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_may_be_registered() {
        for (uri, public, fine) in [
            ("https://app.example/back", false, true),
            ("https://app.example:8443/back?a=b", false, true),
            ("http://127.0.0.1/back", true, true),
            ("http://localhost:3000/back", false, true),
            ("com.example.app:/back", true, true),
            ("com.example.app:/back", false, false),
            ("myapp:/back", true, false),
            ("http://app.example/back", false, false),
            ("https://app.example/back#x", false, false),
            ("https://*.example/back", false, false),
            ("https://user@app.example/back", false, false),
            ("https://App.example/back", false, false),
            ("javascript:alert(1)", true, false),
            ("data:text/html,x", true, false),
            ("//app.example/back", false, false),
            ("https://", false, false),
            ("https://app.example:99999/", false, false),
        ] {
            assert_eq!(check(uri, public).is_ok(), fine, "{uri}");
        }
    }

    #[test]
    fn only_the_port_of_ones_own_machine_may_differ() {
        for (known, uri, same) in [
            ("http://127.0.0.1/back", "http://127.0.0.1:5555/back", true),
            (
                "http://127.0.0.1:1/back",
                "http://127.0.0.1:5555/back",
                true,
            ),
            ("http://[::1]/back", "http://[::1]:5555/back", true),
            ("http://127.0.0.1/back", "http://127.0.0.1:5555/else", false),
            (
                "http://127.0.0.1/back",
                "http://127.0.0.1:5555/back?x",
                false,
            ),
            ("http://127.0.0.1/back", "http://localhost:5555/back", false),
            (
                "http://127.0.0.1/back",
                "https://127.0.0.1:5555/back",
                false,
            ),
            (
                "http://127.0.0.1/back",
                "http://127.0.0.1:5555@evil.example/back",
                false,
            ),
            (
                "http://127.0.0.1/back",
                "http://127.0.0.1.evil.example/back",
                false,
            ),
            ("http://127.0.0.1/back", "http://127.0.0.1:+5/back", false),
            (
                "https://app.example/back",
                "https://app.example:444/back",
                false,
            ),
        ] {
            assert_eq!(is_same_loopback(known, uri), same, "{known} {uri}");
        }
    }

    #[test]
    fn where_pages_come_from() {
        for (uri, expected) in [
            ("https://app.example/back", Some("https://app.example")),
            ("https://app.example:443/back", Some("https://app.example")),
            ("http://127.0.0.1:3000/x", Some("http://127.0.0.1:3000")),
            ("com.example.app:/back", None),
        ] {
            assert_eq!(origin_of(uri).as_deref(), expected);
        }
        assert!(is_native("com.example.app:/back") && is_native("http://[::1]/x"));
        assert!(!is_native("https://app.example/back"));
    }
}
