//! When two URLs are the same to a proof: by RFC 3986 §6.2.2 and §6.2.3, without query and
//! fragment (RFC 9449 §4.3).

/// Whether both are the URL of the same thing.
pub(super) fn are_equal(one: &str, other: &str) -> bool {
    one == other || normal(one).is_some_and(|one| normal(other).is_some_and(|other| one == other))
}

/// `None` when it is no absolute URL over HTTP.
fn normal(url: &str) -> Option<String> {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let (scheme, rest) = url[..end].split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let default_port = match scheme.as_str() {
        "https" => ":443",
        "http" => ":80",
        _ => return None,
    };
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, "/"),
    };
    let authority = authority.to_ascii_lowercase();
    let authority = authority.strip_suffix(default_port).unwrap_or(&authority);
    if authority.is_empty() {
        return None;
    }
    Some(format!("{scheme}://{authority}{}", decoded(path)?))
}

/// With `%41` as `A` and `%2f` as `%2F`: what need not be escaped is not, what must be is in
/// capitals.
fn decoded(path: &str) -> Option<String> {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let digits = after.get(..2)?;
        let byte = u8::from_str_radix(digits, 16).ok()?;
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push_str(&digits.to_ascii_uppercase());
        }
        rest = &after[2..];
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_differently_may_be_the_same() {
        for (one, other, equal) in [
            ("https://a.example/x", "https://a.example/x", true),
            ("https://a.example/x?q=1#f", "https://a.example/x", true),
            ("HTTPS://A.Example:443/x", "https://a.example/x", true),
            ("http://a.example:80", "http://a.example/", true),
            ("https://a.example/%7Ex", "https://a.example/~x", true),
            ("https://a.example/a%2fb", "https://a.example/a%2Fb", true),
            ("https://a.example/a%2fb", "https://a.example/a/b", false),
            ("https://a.example/X", "https://a.example/x", false),
            ("https://a.example:80/x", "https://a.example/x", false),
            ("http://a.example/x", "https://a.example/x", false),
            ("https://a.example/x/", "https://a.example/x", false),
            ("https://b.example/x", "https://a.example/x", false),
            ("/x", "https://a.example/x", false),
            ("https:///x", "https://a.example/x", false),
            ("https://a.example/%", "https://a.example/x", false),
            ("https://a.example/%é", "https://a.example/x", false),
            ("https://a.example/%+1", "https://a.example/x", false),
            ("", "", true),
        ] {
            assert_eq!(are_equal(one, other), equal, "{one} {other}");
        }
    }
}
