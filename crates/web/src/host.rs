//! What a Host field may hold: `uri-host [ ":" port ]` of RFC 9110 §7.2, with the characters of
//! RFC 3986 §3.2.2. Says nothing of whose host it is.

/// Whether this is a host, and perhaps a port. Empty is right where there is no authority.
pub(crate) fn is_valid(value: &[u8]) -> bool {
    let (host, rest) = match value {
        [b'[', rest @ ..] => {
            let Some(end) = memchr::memchr(b']', rest) else {
                return false;
            };
            if !is_literal(&rest[..end]) {
                return false;
            }
            (&b""[..], &rest[end + 1..])
        }
        _ => {
            let end = memchr::memchr(b':', value).unwrap_or(value.len());
            value.split_at(end)
        }
    };
    is_name(host)
        && match rest {
            [] => true,
            [b':', port @ ..] => port.iter().all(u8::is_ascii_digit),
            _ => false,
        }
}

/// What stands between brackets: an IPv6 address, or one of a later kind.
fn is_literal(text: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(text) else {
        return false;
    };
    match text.strip_prefix(['v', 'V']) {
        None => text.parse::<std::net::Ipv6Addr>().is_ok(),
        Some(future) => future.split_once('.').is_some_and(|(version, address)| {
            let is_hex = |byte: u8| byte.is_ascii_hexdigit();
            !version.is_empty()
                && version.bytes().all(is_hex)
                && !address.is_empty()
                && address.bytes().all(|byte| byte == b':' || is_plain(byte))
        }),
    }
}

fn is_name(name: &[u8]) -> bool {
    let mut rest = name;
    loop {
        rest = match rest {
            [] => return true,
            [b'%', high, low, rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                rest
            }
            [byte, rest @ ..] if is_plain(*byte) => rest,
            _ => return false,
        };
    }
}

/// RFC 3986's unreserved characters and sub-delimiters.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for valid in [
            "",
            "x",
            "api.example",
            "API.example:8080",
            "127.0.0.1",
            "127.0.0.1:80",
            "[::1]",
            "[::1]:8080",
            "[2001:db8::1]",
            "[v1.a:b]",
            "a_b",
            "x:",
            "%41.example",
            "a'b",
        ] {
            assert!(is_valid(valid.as_bytes()), "{valid}");
        }
        for invalid in [
            "evil\"><script>",
            "a b",
            "a/b",
            "a?b",
            "a#b",
            "user@host",
            "a:b",
            "a:1:2",
            "[::1",
            "::1",
            "[::1]x",
            "[::g]",
            "[]",
            "[v.a]",
            "%4",
            "%zz",
            "a\\b",
            "ä",
            "a,b c",
            "[v1.]",
        ] {
            assert!(!is_valid(invalid.as_bytes()), "{invalid}");
        }
    }
}
