//! Where people go after they have signed in: places of our own alone, so that nobody is sent
//! elsewhere by a link that looks like ours (RFC 9700 §4.11).

use std::fmt::Write;

/// Longest way back; a request for authorization has all its parameters in it.
const CHARS_MAX: usize = 4096;

/// Whether it is a path of this very origin, and nothing that browsers read as another's.
pub fn is_ours(path: &str) -> bool {
    let plain = path
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let before_query = path.split(['?', '#']).next().unwrap_or_default();
    plain && path.len() <= CHARS_MAX && path.starts_with('/') && !before_query.contains("//")
}

/// As a value in a query.
pub fn encoded(text: &str) -> String {
    let mut coded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            coded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(coded, "%{byte:02X}");
        }
    }
    coded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_ones_own_are_followed() {
        for path in [
            "/",
            "/account",
            "/oauth2/authorize?client_id=a&redirect_uri=https://app.example/back&state=%2F",
        ] {
            assert!(is_ours(path), "{path}");
        }
        for path in [
            "",
            "account",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/a//evil.example",
            "/.//evil.example",
            "https://evil.example",
            "https:/evil.example",
            "javascript:alert(1)",
            " /account",
            "/\t/evil.example",
            "/\n/evil.example",
            "/ä",
        ] {
            assert!(!is_ours(path), "{path}");
        }
        assert!(!is_ours(&format!("/{}", "a".repeat(CHARS_MAX))));
    }

    #[test]
    fn a_way_back_survives_a_query() {
        assert_eq!(encoded("/a?b=c&d=é#+"), "/a%3Fb%3Dc%26d%3D%C3%A9%23%2B");
    }
}
