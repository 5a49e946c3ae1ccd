//! Media types, and the negotiation of types and codings (RFC 9110 section 12.5).

use std::fmt;

use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use serde_json::Value;

use crate::problem::{Place, Problem, kit};

/// Most elements of one Accept or Accept-Encoding that are looked at; browsers send about ten.
const ELEMENTS: usize = 64;

/// A media type, or a range of them, in lower case: `type/subtype;name=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaType {
    main: String,
    sub: String,
    parameters: Vec<(String, String)>,
}

impl MediaType {
    /// Parses what RFC 9110 section 8.3.1 allows, and `*` alone, which old Java clients send.
    pub fn parse(text: &str) -> Option<MediaType> {
        let mut pieces = split_unquoted(text, b';');
        let essence = pieces.next()?.trim_matches(BLANK);
        let (main, sub) = if essence == "*" {
            ("*", "*")
        } else {
            essence.split_once('/')?
        };
        if !is_token(main) || !is_token(sub) || (main == "*" && sub != "*") {
            return None;
        }
        let mut parameters = Vec::new();
        for piece in pieces {
            let piece = piece.trim_matches(BLANK);
            if piece.is_empty() {
                continue;
            }
            let (name, value) = piece.split_once('=')?;
            if !is_token(name) {
                return None;
            }
            parameters.push((name.to_ascii_lowercase(), unquote(value)?));
        }
        Some(MediaType {
            main: main.to_ascii_lowercase(),
            sub: sub.to_ascii_lowercase(),
            parameters,
        })
    }

    /// Whether this is the type `essence`, parameters aside. `essence` is in lower case.
    pub fn is(&self, essence: &str) -> bool {
        essence.split_once('/') == Some((&self.main, &self.sub))
    }

    /// The value of a parameter, given in lower case.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// How exactly this range names the offered type: not at all, or more with more words. What it
    /// says of a parameter that the type has must be so; others are passed over.
    fn names(&self, offered: &str) -> Option<u8> {
        let mut pieces = offered.split(';');
        let essence = pieces.next()?;
        let mut agreed = 0;
        for (name, value) in pieces.filter_map(|piece| piece.split_once('=')) {
            match self.parameter(name) {
                Some(asked) if asked.eq_ignore_ascii_case(value) => agreed += 1,
                Some(_) => return None,
                None => {}
            }
        }
        Some(self.covers(essence)?.saturating_add(agreed))
    }

    fn covers(&self, offered: &str) -> Option<u8> {
        let (main, sub) = offered.split_once('/')?;
        if self.main == main && self.sub == sub {
            Some(4)
        } else if offered == JSON && self.main == "application" && self.sub.ends_with("+json") {
            // A client that asks for some dialect of JSON can read JSON; we have no other.
            Some(3)
        } else if self.main == main && self.sub == "*" {
            Some(2)
        } else if self.main == "*" {
            Some(1)
        } else {
            None
        }
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.main, self.sub)?;
        for (name, value) in &self.parameters {
            if is_token(value) {
                write!(f, ";{name}={value}")?;
            } else {
                write!(
                    f,
                    ";{name}=\"{}\"",
                    value.replace('\\', "\\\\").replace('"', "\\\"")
                )?;
            }
        }
        Ok(())
    }
}

/// The type that every `application/…+json` in Accept may be answered with.
pub const JSON: &str = "application/json";

/// The type of a problem (RFC 9457).
const PROBLEM: &str = "application/problem+json";

/// No offered type is acceptable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAcceptable {
    pub offered: Vec<&'static str>,
}

/// Chooses one of the offered types, best first, in lower case: `text/csv;header=present`. Gives its
/// place in `offered`. Without Accept, or with an empty one, that is the first.
///
/// Elements that cannot be read are passed over: clients in use send such, and beside them what they mean.
pub fn accept(headers: &HeaderMap, offered: &[&'static str]) -> Result<usize, NotAcceptable> {
    let mut best: Option<(u16, usize)> = None;
    let ranges = ranges(headers);
    if ranges.is_empty() && headers.get_all(ACCEPT).iter().all(|value| value.is_empty()) {
        return Ok(0);
    }
    for (place, offer) in offered.iter().enumerate() {
        // The range that names the offer most exactly decides on its weight.
        let named = ranges
            .iter()
            .filter_map(|(range, weight)| Some((range.names(offer)?, *weight)));
        let Some((_, weight)) = named.max_by_key(|(exactness, _)| *exactness) else {
            continue;
        };
        if weight > 0 && best.is_none_or(|(most, _)| weight > most) {
            best = Some((weight, place));
        }
    }
    match best {
        Some((_, place)) => Ok(place),
        None => Err(NotAcceptable {
            offered: offered.to_vec(),
        }),
    }
}

/// Whether the client asks for a dialect of JSON of its own, such as `application/vnd.github+json`, and
/// for nothing that is in use elsewhere. It gets JSON; a problem too must then be called JSON, since
/// such clients look at the type before they read an error, and know two or three of them.
pub fn only_dialects(headers: &HeaderMap) -> bool {
    let ranges = ranges(headers);
    let is_dialect = |range: &MediaType| {
        range.main == "application" && range.sub.ends_with("+json") && !range.is(PROBLEM)
    };
    let known = [JSON, PROBLEM];
    ranges.iter().any(|(range, _)| is_dialect(range))
        && ranges.iter().all(|(range, _)| {
            is_dialect(range) || known.iter().all(|known| range.names(known).is_none())
        })
}

/// The ranges in Accept with their weights in thousandths.
fn ranges(headers: &HeaderMap) -> Vec<(MediaType, u16)> {
    let values = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let elements = values.flat_map(|value| split_unquoted(value, b','));
    elements
        .take(ELEMENTS)
        .filter_map(|element| {
            let mut range = MediaType::parse(element)?;
            let weight = match range.parameter("q") {
                Some(text) => weight(text)?,
                None => 1000,
            };
            range.parameters.retain(|(name, _)| name != "q");
            Some((range, weight))
        })
        .collect()
}

/// A weight in thousandths. `.2` is read as well, as old Java clients send it.
fn weight(text: &str) -> Option<u16> {
    let (whole, digits) = text.split_once('.').unwrap_or((text, ""));
    let whole = match whole {
        "0" => 0,
        "1" => 1000,
        "" if !digits.is_empty() => 0,
        _ => return None,
    };
    if digits.len() > 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths = digits.bytes().chain(*b"000").take(3);
    let part = thousandths.fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    (whole + part <= 1000).then_some(whole + part)
}

/// The body of a request is not of an accepted type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsupportedMediaType {
    pub reason: Unsupported,
    pub accepted: Vec<&'static str>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsupported {
    Missing,
    /// More than one Content-Type, or one that is no media type.
    Malformed,
    Type(String),
    /// A charset other than UTF-8.
    Charset(String),
}

/// Which of the accepted types the body of a request has, as its place in `accepted`; these are in
/// lower case and without parameters.
pub fn content_type(
    headers: &HeaderMap,
    accepted: &[&'static str],
) -> Result<usize, UnsupportedMediaType> {
    let refuse = |reason| {
        Err(UnsupportedMediaType {
            reason,
            accepted: accepted.to_vec(),
        })
    };
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let Some(value) = values.next() else {
        return refuse(Unsupported::Missing);
    };
    // The usual case, without taking it apart.
    if values.next().is_none() {
        let found = accepted
            .iter()
            .position(|known| value.as_bytes() == known.as_bytes());
        if let Some(place) = found {
            return Ok(place);
        }
    } else {
        return refuse(Unsupported::Malformed);
    }
    let Some(media) = value.to_str().ok().and_then(MediaType::parse) else {
        return refuse(Unsupported::Malformed);
    };
    let Some(place) = accepted.iter().position(|known| media.is(known)) else {
        return refuse(Unsupported::Type(format!("{}/{}", media.main, media.sub)));
    };
    match media.parameter("charset") {
        Some(charset) if !charset.eq_ignore_ascii_case("utf-8") => {
            refuse(Unsupported::Charset(charset.to_owned()))
        }
        _ => Ok(place),
    }
}

/// How a response body is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    Identity,
    Gzip,
    Brotli,
}

impl Coding {
    /// The name in Content-Encoding.
    pub const fn name(self) -> &'static str {
        match self {
            Coding::Identity => "identity",
            Coding::Gzip => "gzip",
            Coding::Brotli => "br",
        }
    }
}

/// What Accept-Encoding says of the codings we have: weights in thousandths, 0 for "not acceptable".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Codings {
    pub identity: u16,
    pub gzip: u16,
    pub brotli: u16,
}

impl Codings {
    /// Reads Accept-Encoding. Without it only identity is taken: many clients that do not name a
    /// coding cannot decode one, although the RFC would allow any.
    pub fn of(headers: &HeaderMap) -> Codings {
        let (mut identity, mut gzip, mut brotli, mut others) = (None, None, None, None);
        let values = headers
            .get_all(ACCEPT_ENCODING)
            .iter()
            .filter_map(|value| value.to_str().ok());
        for element in values.flat_map(|value| value.split(',')).take(ELEMENTS) {
            let (name, rest) = element.split_once(';').unwrap_or((element, ""));
            let weight = match rest.trim_matches(BLANK) {
                "" => Some(1000),
                text => text.strip_prefix(['q', 'Q']).and_then(|text| {
                    weight(
                        text.trim_matches(BLANK)
                            .strip_prefix('=')?
                            .trim_matches(BLANK),
                    )
                }),
            };
            let (name, Some(weight)) = (name.trim_matches(BLANK), weight) else {
                continue;
            };
            let coding = match () {
                () if name == "*" => &mut others,
                () if name.eq_ignore_ascii_case("identity") => &mut identity,
                () if name.eq_ignore_ascii_case("gzip") => &mut gzip,
                () if name.eq_ignore_ascii_case("x-gzip") => &mut gzip,
                () if name.eq_ignore_ascii_case("br") => &mut brotli,
                () => continue,
            };
            coding.get_or_insert(weight);
        }
        Codings {
            // Acceptable unless excluded, though never preferred to a coding that was asked for.
            identity: identity
                .or(others.filter(|weight| *weight == 0))
                .unwrap_or(1),
            gzip: gzip.or(others).unwrap_or(0),
            brotli: brotli.or(others).unwrap_or(0),
        }
    }

    /// The coding to use. Identity when nothing is acceptable: an answer is better than none.
    pub fn best(self) -> Coding {
        let Codings {
            identity,
            gzip,
            brotli,
        } = self;
        if brotli > 0 && brotli >= gzip && brotli >= identity {
            Coding::Brotli
        } else if gzip > 0 && gzip >= identity {
            Coding::Gzip
        } else {
            Coding::Identity
        }
    }

    pub fn accepts(self, coding: Coding) -> bool {
        match coding {
            Coding::Identity => self.identity > 0,
            Coding::Gzip => self.gzip > 0,
            Coding::Brotli => self.brotli > 0,
        }
    }
}

/// Optional white space in header fields.
const BLANK: [char; 2] = [' ', '\t'];

fn is_token(text: &str) -> bool {
    let is_token_byte =
        |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// A token, or the contents of a quoted string.
fn unquote(text: &str) -> Option<String> {
    let Some(inner) = text.strip_prefix('"') else {
        return is_token(text).then(|| text.to_owned());
    };
    let mut value = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    loop {
        match characters.next()? {
            '"' => break,
            '\\' => value.push(characters.next()?),
            other => value.push(other),
        }
    }
    characters.next().is_none().then_some(value)
}

/// Splits at a separator that is not inside a quoted string.
fn split_unquoted(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let (mut quoted, mut escaped) = (false, false);
        for (place, byte) in text.bytes().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                // The separators are ASCII, so both sides are whole characters.
                _ if byte == separator && !quoted => {
                    rest = Some(&text[place + 1..]);
                    return Some(&text[..place]);
                }
                _ => {}
            }
        }
        rest = None;
        Some(text)
    })
}

fn list(types: &[&'static str]) -> Value {
    Value::from(types.to_vec())
}

impl fmt::Display for NotAcceptable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "None of the types in Accept is offered here; offered: {}.",
            self.offered.join(", ")
        )
    }
}

impl std::error::Error for NotAcceptable {}

impl From<NotAcceptable> for Problem {
    fn from(error: NotAcceptable) -> Problem {
        Problem::of(&kit::NOT_ACCEPTABLE)
            .detail(error.to_string())
            .member("offered", list(&error.offered))
    }
}

impl fmt::Display for UnsupportedMediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Unsupported::Missing => f.write_str("The request body has no Content-Type")?,
            Unsupported::Malformed => f.write_str("Content-Type is not one media type")?,
            Unsupported::Type(name) => write!(f, "`{name}` is not accepted here")?,
            Unsupported::Charset(name) => {
                return write!(f, "The charset `{name}` is not accepted; send UTF-8.");
            }
        }
        write!(f, "; accepted: {}.", self.accepted.join(", "))
    }
}

impl std::error::Error for UnsupportedMediaType {}

impl From<UnsupportedMediaType> for Problem {
    fn from(error: UnsupportedMediaType) -> Problem {
        let code = match error.reason {
            Unsupported::Missing => "missing",
            Unsupported::Malformed => "malformed",
            Unsupported::Type(_) => "unsupported",
            Unsupported::Charset(_) => "unsupported_charset",
        };
        let accepted = HeaderValue::try_from(error.accepted.join(", "));
        let text = error.to_string();
        let problem = Problem::of(&kit::UNSUPPORTED_MEDIA_TYPE)
            .detail(text.clone())
            .fault(Place::Header("Content-Type".to_owned()), code, text)
            .member("accepted", list(&error.accepted));
        match accepted {
            // RFC 9110 section 15.5.16: Accept in a 415 names what would have been taken.
            Ok(value) => problem.header(ACCEPT, value),
            Err(_) => problem,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn headers(name: http::header::HeaderName, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(&name, HeaderValue::try_from(*value).unwrap());
        }
        headers
    }

    #[test]
    fn media_types_are_parsed_and_printed() {
        for (text, output) in [
            ("application/json", Some("application/json")),
            (
                " Text/HTML ; Charset=UTF-8 ",
                Some("text/html;charset=UTF-8"),
            ),
            ("a/b;x=\"y;\\\"z\";", Some("a/b;x=\"y;\\\"z\"")),
            ("*/*", Some("*/*")),
            ("*", Some("*/*")),
            ("text/*", Some("text/*")),
            ("*/json", None),
            ("", None),
            ("json", None),
            ("a/b/c", None),
            ("a/", None),
            ("a b/c", None),
            ("a/b;x", None),
            ("a/b;x=", None),
            ("a/b;x=\"y", None),
            ("a/b;x=\"y\"z", None),
        ] {
            let parsed = MediaType::parse(text).map(|media| media.to_string());
            assert_eq!(parsed.as_deref(), output, "{text:?}");
        }
    }

    #[test]
    fn accept_chooses_by_weight_and_exactness() {
        let offered = ["application/json", "text/csv", "application/x-ndjson"];
        let check = |values: &[&str]| {
            accept(&headers(ACCEPT, values), &offered)
                .ok()
                .map(|place| offered[place])
        };
        let (json, csv, lines) = (Some(offered[0]), Some(offered[1]), Some(offered[2]));
        for (values, output) in [
            (&[] as &[&str], json),
            (&[""], json),
            (&["*/*"], json),
            (&["text/csv"], csv),
            (&["TEXT/CSV;header=present"], csv),
            (&["text/*"], csv),
            (&["application/*"], json),
            (&["text/csv;q=0.5, application/x-ndjson;q=0.6"], lines),
            (&["text/csv;q=0.5", "application/x-ndjson;q=0.6"], lines),
            (&["application/json;q=0, */*"], csv),
            (&["*/*;q=0.1, application/json;q=0.001"], csv),
            (&["application/vnd.api+json"], json),
            (&["application/vnd.api+json;q=0.5, text/csv;q=0.4"], json),
            (
                &["application/json;q=0, application/hal+json"],
                csv.and(None),
            ),
            (&["text/html"], None),
            (&["text/html, image/gif, *; q=.2, */*; q=.2"], json),
            (&["text/csv;q=nonsense"], None),
            (&["text/csv;q=1.001, */*;q=0.1"], json),
            (&["nonsense, text/csv"], csv),
            (&["application/json;profile=\"a,b;c\""], json),
        ] {
            assert_eq!(check(values), output, "{values:?}");
        }
    }

    #[test]
    fn a_refusal_lists_what_is_offered() {
        let error = accept(
            &headers(ACCEPT, &["a/b"]),
            &["application/json", "text/csv"],
        )
        .unwrap_err();
        let response = Problem::from(error).respond();
        assert_eq!(response.status(), 406);
        let text = std::str::from_utf8(response.body().bytes().unwrap()).unwrap();
        assert!(
            text.contains(r#""offered":["application/json","text/csv"]"#),
            "{text}"
        );
    }

    #[test]
    fn the_type_of_a_body_is_checked() {
        let accepted = ["application/json", "application/merge-patch+json"];
        let check = |values: &[&str]| {
            content_type(&headers(CONTENT_TYPE, values), &accepted).map_err(|error| error.reason)
        };
        assert_eq!(check(&["application/json"]), Ok(0));
        assert_eq!(check(&["Application/JSON; charset=UTF-8"]), Ok(0));
        assert_eq!(
            check(&["application/merge-patch+json;charset=\"utf-8\""]),
            Ok(1)
        );
        assert_eq!(check(&[]), Err(Unsupported::Missing));
        assert_eq!(check(&["json"]), Err(Unsupported::Malformed));
        assert_eq!(
            check(&["application/json", "application/json"]),
            Err(Unsupported::Malformed)
        );
        assert_eq!(
            check(&["text/plain"]),
            Err(Unsupported::Type("text/plain".into()))
        );
        assert_eq!(
            check(&["a/x+json"]),
            Err(Unsupported::Type("a/x+json".into()))
        );
        assert_eq!(
            check(&["application/json; charset=latin1"]),
            Err(Unsupported::Charset("latin1".into()))
        );
        let error = content_type(&HeaderMap::new(), &accepted).unwrap_err();
        let response = Problem::from(error).respond();
        assert_eq!(response.status(), 415);
        assert_eq!(
            response.headers()[ACCEPT],
            "application/json, application/merge-patch+json"
        );
    }

    #[test]
    fn codings_are_chosen_by_weight() {
        let check = |values: &[&str]| Codings::of(&headers(ACCEPT_ENCODING, values)).best();
        use Coding::{Brotli, Gzip, Identity};
        for (values, output) in [
            (&[] as &[&str], Identity),
            (&[""], Identity),
            (&["gzip"], Gzip),
            (&["X-GZIP"], Gzip),
            (&["gzip, deflate, br, zstd"], Brotli),
            (&["gzip", "br"], Brotli),
            (&["gzip;q=1.0, br;q=0.9"], Gzip),
            (&["gzip ; Q = 0.5 , br;q=0"], Gzip),
            (&["*"], Brotli),
            (&["*;q=0"], Identity),
            (&["*;q=0, gzip"], Gzip),
            (&["br;q=0, *"], Gzip),
            (&["identity;q=1, gzip;q=0.5"], Identity),
            (&["identity;q=0"], Identity),
            (&["gzip;q=0"], Identity),
            (&["gzip;q=2"], Identity),
            (&["deflate"], Identity),
        ] {
            assert_eq!(check(values), output, "{values:?}");
        }
        let codings = Codings::of(&headers(ACCEPT_ENCODING, &["identity;q=0, gzip;q=0.1"]));
        assert!(codings.accepts(Gzip) && !codings.accepts(Identity) && !codings.accepts(Brotli));
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "[ -~]{0,80}|[a*/;=\",\\\\q0.1 é]{0,40}") {
            if let Some(media) = MediaType::parse(&text) {
                prop_assert_eq!(MediaType::parse(&media.to_string()), Some(media));
            }
            if let Ok(value) = HeaderValue::try_from(&text) {
                let mut all = HeaderMap::new();
                for name in [ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE] {
                    all.insert(name, value.clone());
                }
                let _ = accept(&all, &[JSON, "text/csv"]);
                let _ = content_type(&all, &[JSON]);
                let _ = Codings::of(&all).best();
            }
        }
    }
}
