//! Addresses of others: where people are sent back to, and where keys and metadata are fetched.
//!
//! Secrets and people go there, so only encrypted addresses will do, but for those of the same
//! machine. They are compared as they are written, so nothing in them may have two spellings.

use diag::{Diagnostic, Diagnostics};

use crate::codes;
use crate::read::Text;

/// Longest address; servers and browsers stop at a few thousand.
const BYTES_MAX: usize = 2_000;

/// A label and what to write instead.
type Wrong = (&'static str, String);

/// An absolute URI, taken apart as far as is asked for (RFC 3986, section 3).
struct Uri<'t> {
    scheme: &'t str,
    /// Of `scheme://authority/…`.
    authority: Option<&'t str>,
    rest: &'t str,
}

impl<'t> Uri<'t> {
    fn read(text: &'t str) -> Result<Uri<'t>, Wrong> {
        let fine = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte);
        if text.len() > BYTES_MAX {
            return Err(("too long", format!("write at most {BYTES_MAX} characters")));
        }
        if text.contains('*') {
            return Err((
                "a pattern",
                "addresses are compared exactly: name each one".to_owned(),
            ));
        }
        if !text.bytes().all(fine) {
            return Err((
                "a character that no address has",
                "write it as a browser sends it, spaces as `%20`".to_owned(),
            ));
        }
        let is_scheme = |scheme: &str| {
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
        };
        let split = text.split_once(':').filter(|(scheme, rest)| {
            // `localhost:3000` is a host and its port.
            is_scheme(scheme) && !rest.starts_with(|c: char| c.is_ascii_digit())
        });
        let Some((scheme, rest)) = split else {
            let whole = match text.split(['/', ':']).next() {
                Some("") => format!("https://app.example{text}"),
                Some(host) if is_loopback(host) => format!("http://{text}"),
                _ => format!("https://{text}"),
            };
            return Err(("no scheme", format!("write all of it: `{whole}`")));
        };
        if scheme.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err((
                "capitals in the scheme",
                format!("write `{}:{rest}`", scheme.to_ascii_lowercase()),
            ));
        }
        if let Some((front, _)) = text.split_once('#') {
            return Err((
                "what stands behind `#` is never sent",
                format!("write `{front}`"),
            ));
        }
        let authority = rest.strip_prefix("//").map(|rest| {
            let end = rest.find(['/', '?']).unwrap_or(rest.len());
            rest.split_at(end)
        });
        Ok(match authority {
            Some((authority, rest)) => Uri {
                scheme,
                authority: Some(authority),
                rest,
            },
            None => Uri {
                scheme,
                authority: None,
                rest,
            },
        })
    }

    /// `https`, or `http` to the same machine.
    fn secure(&self) -> Result<(), Wrong> {
        let host = self.host()?;
        let encrypted = || {
            format!(
                "https://{}{}",
                self.authority.unwrap_or_default(),
                self.rest
            )
        };
        match self.scheme {
            "https" => Ok(()),
            "http" if is_loopback(host) => Ok(()),
            "http" => Err(("not encrypted", format!("write `{}`", encrypted()))),
            _ => Err((
                "not an address of the web",
                "write an address that begins with `https://`".to_owned(),
            )),
        }
    }

    fn host(&self) -> Result<&str, Wrong> {
        let authority = self.authority.unwrap_or_default();
        if authority.contains('@') {
            return Err((
                "a name or password in the address",
                "write the host alone, between `//` and the next `/`".to_owned(),
            ));
        }
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (authority, None),
        };
        let byte = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.[]:".contains(&b);
        if host.is_empty() || !host.bytes().all(byte) {
            return Err((
                "not a host",
                "write the host in lower case, as in `https://app.example`".to_owned(),
            ));
        }
        if port.is_some_and(|port| port.parse::<u16>().is_err()) {
            return Err((
                "not a port",
                "write a port from 1 to 65535, or leave it out".to_owned(),
            ));
        }
        Ok(host)
    }
}

fn is_loopback(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

/// Where people are sent back to. `public`: to an app on their own device, which may have a scheme
/// of its own (RFC 8252, section 7.1).
fn redirect(written: &str, public: bool) -> Result<(), Wrong> {
    let uri = Uri::read(written)?;
    match uri.scheme {
        "http" | "https" => uri.secure(),
        scheme if !scheme.contains('.') => Err((
            "a scheme that any app could take",
            "write an address that begins with `https://`; an app's own scheme is a domain of yours backwards, as in `com.example.app:/signed-in`"
                .to_owned(),
        )),
        _ if !public => Err((
            "the scheme of an app",
            "an app on people's devices keeps no secret: write `public: true` instead of `secret` or `jwks`"
                .to_owned(),
        )),
        _ => Ok(()),
    }
}

/// The addresses of a list that people may be sent back to.
pub fn redirects(list: &[Text<'_>], public: bool, out: &mut Diagnostics) -> Vec<String> {
    let mut found: Vec<String> = vec![];
    for text in list {
        let written = text.as_str();
        match redirect(written, public) {
            Ok(()) if found.iter().any(|known| known == written) => {}
            Ok(()) => found.push(written.to_owned()),
            Err((label, help)) => out.push(
                Diagnostic::error(
                    codes::REDIRECT,
                    text.span(),
                    "nobody can be sent back to this address",
                )
                .label(label)
                .help(help),
            ),
        }
    }
    found
}

/// An address that this server asks. `what`: as in "the issuer".
pub fn address(text: Text<'_>, what: &str, out: &mut Diagnostics) -> Option<String> {
    let checked = Uri::read(text.as_str()).and_then(|uri| uri.secure());
    told(checked, text, what, out)
}

/// As [`address`], of an issuer, which has no query either (RFC 8414, section 2).
pub fn issuer(text: Text<'_>, out: &mut Diagnostics) -> Option<String> {
    let written = text.as_str();
    let checked = Uri::read(written).and_then(|uri| {
        uri.secure()?;
        match written.split_once('?') {
            Some((front, _)) => Err(("issuers have no query", format!("write `{front}`"))),
            None => Ok(()),
        }
    });
    told(checked, text, "the issuer", out)
}

fn told(
    checked: Result<(), Wrong>,
    text: Text<'_>,
    what: &str,
    out: &mut Diagnostics,
) -> Option<String> {
    match checked {
        Ok(()) => Some(text.as_str().to_owned()),
        Err((label, help)) => {
            out.push(
                Diagnostic::error(
                    codes::ADDRESS,
                    text.span(),
                    format!("{what} cannot be asked at this address"),
                )
                .label(label)
                .help(help),
            );
            None
        }
    }
}
