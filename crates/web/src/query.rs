//! Strict query strings: `a=1&b[op]=x`.
//!
//! Everything that could be read in two ways is refused: broken percent-encodings, bytes that are not
//! UTF-8, control characters in names, repeated parameters, and brackets that do not form `name[operator]`.
//! `+` means a space, since that is what forms, browsers and most HTTP clients send.

use std::borrow::Cow;
use std::fmt;

use crate::problem::{Place, Problem, kit};

/// Most parameters. Filters, sort, fields and paging together are far fewer.
pub const PARAMETERS: usize = 100;

/// Longest name and longest value, in bytes, decoded. Values hold cursors and lists of ids.
pub const NAME_BYTES: usize = 256;
pub const VALUE_BYTES: usize = 8 * 1024;

/// One parameter, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter<'a> {
    pub name: Cow<'a, str>,
    /// What stands in brackets after the name.
    pub bracket: Option<Cow<'a, str>>,
    pub value: Cow<'a, str>,
}

/// Why a query string is refused. The text is the parameter as it was sent, shortened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueryError {
    /// A `%` without two hexadecimal digits after it.
    Percent(String),
    /// What the percent-encoding stands for is not UTF-8.
    Encoding(String),
    /// A name with a control character.
    Control(String),
    /// Not `name` or `name[operator]`.
    Name(String),
    /// The same parameter again.
    Repeated(String),
    TooLong(String),
    TooMany,
}

/// Parses what follows the `?`, in order. Empty pieces (`a=1&&b=2`) are passed over; a name without
/// `=` has the empty value.
pub fn parse(query: Option<&str>) -> Result<Vec<Parameter<'_>>, QueryError> {
    let mut parameters: Vec<Parameter<'_>> = Vec::new();
    for piece in query
        .unwrap_or_default()
        .split('&')
        .filter(|piece| !piece.is_empty())
    {
        if parameters.len() == PARAMETERS {
            return Err(QueryError::TooMany);
        }
        let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
        let decoded = decode(name).map_err(|fault| fault.of(name))?;
        if decoded.bytes().any(|byte| byte.is_ascii_control()) {
            return Err(QueryError::Control(shorten(name)));
        }
        let value = decode(value).map_err(|fault| fault.of(name))?;
        if decoded.len() > NAME_BYTES || value.len() > VALUE_BYTES {
            return Err(QueryError::TooLong(shorten(name)));
        }
        let (plain, bracket) = split(decoded).ok_or_else(|| QueryError::Name(shorten(name)))?;
        let parameter = Parameter {
            name: plain,
            bracket,
            value,
        };
        // Few enough that comparing all pairs is the quickest way.
        if parameters.iter().any(|other| other.is_like(&parameter)) {
            return Err(QueryError::Repeated(parameter.to_string()));
        }
        parameters.push(parameter);
    }
    Ok(parameters)
}

impl Parameter<'_> {
    fn is_like(&self, other: &Parameter<'_>) -> bool {
        self.name == other.name && self.bracket == other.bracket
    }
}

/// The parameter without its value, as one would write it.
impl fmt::Display for Parameter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match &self.bracket {
            Some(bracket) => write!(f, "[{bracket}]"),
            None => Ok(()),
        }
    }
}

/// Splits `name[bracket]`; nothing when it is neither that nor a plain name.
fn split(name: Cow<'_, str>) -> Option<(Cow<'_, str>, Option<Cow<'_, str>>)> {
    let Some(open) = name.find('[') else {
        let plain = !name.is_empty() && !name.contains(']');
        return plain.then_some((name, None));
    };
    let inner = name[open + 1..].strip_suffix(']')?;
    if open == 0 || inner.is_empty() || inner.contains(['[', ']']) || name[..open].contains(']') {
        return None;
    }
    Some(match name {
        Cow::Borrowed(name) => {
            let bracket = &name[open + 1..name.len() - 1];
            (Cow::Borrowed(&name[..open]), Some(Cow::Borrowed(bracket)))
        }
        Cow::Owned(mut name) => {
            let bracket = name[open + 1..name.len() - 1].to_owned();
            name.truncate(open);
            (Cow::Owned(name), Some(Cow::Owned(bracket)))
        }
    })
}

pub(crate) enum Fault {
    Percent,
    Encoding,
}

impl Fault {
    fn of(self, name: &str) -> QueryError {
        let name = shorten(name);
        match self {
            Fault::Percent => QueryError::Percent(name),
            Fault::Encoding => QueryError::Encoding(name),
        }
    }
}

/// Decodes `%XX` and `+`.
pub(crate) fn decode(text: &str) -> Result<Cow<'_, str>, Fault> {
    if !text.bytes().any(|byte| byte == b'%' || byte == b'+') {
        return Ok(Cow::Borrowed(text));
    }
    let decoded = unescape(text, true).ok_or(Fault::Percent)?;
    String::from_utf8(decoded)
        .map(Cow::Owned)
        .map_err(|_| Fault::Encoding)
}

/// Decodes one segment of a path; nothing when its percent-encoding is broken or is not UTF-8.
pub fn decode_segment(segment: &str) -> Option<Cow<'_, str>> {
    if !segment.contains('%') {
        return Some(Cow::Borrowed(segment));
    }
    String::from_utf8(unescape(segment, false)?)
        .ok()
        .map(Cow::Owned)
}

/// The bytes that a percent-encoding stands for; nothing when it is broken.
fn unescape(text: &str, plus_is_space: bool) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => (hex(bytes.next())? << 4) | hex(bytes.next())?,
            b'+' if plus_is_space => b' ',
            other => other,
        });
    }
    Some(decoded)
}

fn hex(digit: Option<u8>) -> Option<u8> {
    match digit? {
        digit @ b'0'..=b'9' => Some(digit - b'0'),
        digit @ b'a'..=b'f' => Some(digit - b'a' + 10),
        digit @ b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Enough of a name to find it again.
pub(crate) fn shorten(name: &str) -> String {
    const CHARACTERS: usize = 60;
    match name.char_indices().nth(CHARACTERS) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            QueryError::Percent(name) => write!(
                f,
                "The parameter `{name}` has a `%` that is not followed by two hexadecimal digits; write `%25` for a percent sign."
            ),
            QueryError::Encoding(name) => write!(f, "The parameter `{name}` is not UTF-8."),
            QueryError::Control(name) => {
                write!(
                    f,
                    "The name of the parameter `{name}` contains a control character."
                )
            }
            QueryError::Name(name) => write!(
                f,
                "`{name}` is not a parameter name; write `name=value` or `name[operator]=value`."
            ),
            QueryError::Repeated(name) => {
                write!(f, "The parameter `{name}` is given more than once.")
            }
            QueryError::TooLong(name) => write!(
                f,
                "The parameter `{name}` is too long; names have at most {NAME_BYTES} bytes, values {VALUE_BYTES}."
            ),
            QueryError::TooMany => write!(f, "There are more than {PARAMETERS} parameters."),
        }
    }
}

impl std::error::Error for QueryError {}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Problem {
        let text = error.to_string();
        let problem = Problem::of(&kit::INVALID_QUERY).detail(text.clone());
        let (code, name) = match error {
            QueryError::Percent(name) | QueryError::Encoding(name) | QueryError::Control(name) => {
                ("invalid_encoding", name)
            }
            QueryError::Name(name) => ("invalid_name", name),
            QueryError::Repeated(name) => ("repeated_parameter", name),
            QueryError::TooLong(name) => ("too_long", name),
            QueryError::TooMany => return problem,
        };
        problem.fault(Place::Parameter(name), code, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(query: &str) -> String {
        match parse(Some(query)) {
            Ok(parameters) => {
                let texts: Vec<_> = parameters
                    .iter()
                    .map(|it| format!("{it}={:?}", it.value))
                    .collect();
                texts.join(" ")
            }
            Err(error) => format!("{error:?}"),
        }
    }

    #[test]
    fn parameters_keep_their_order() {
        assert_eq!(parse(None), Ok(Vec::new()));
        for (query, output) in [
            ("", ""),
            ("&&", ""),
            ("b=1&a=2", r#"b="1" a="2""#),
            ("flag&x=", r#"flag="" x="""#),
            (
                "price[lte]=20&price[gte]=5&price=7",
                r#"price[lte]="20" price[gte]="5" price="7""#,
            ),
            ("price%5Blte%5D=20", r#"price[lte]="20""#),
            ("author.name=a+b%2Bc", r#"author.name="a b+c""#),
            ("q=%C3%A9&q2=é", r#"q="é" q2="é""#),
            ("a=b=c", r#"a="b=c""#),
            ("a=b%0Ac", r#"a="b\nc""#),
            ("sort=-published,title", r#"sort="-published,title""#),
        ] {
            assert_eq!(check(query), output, "{query}");
        }
    }

    #[test]
    fn what_is_unclear_is_refused() {
        for (query, output) in [
            ("a=%", r#"Percent("a")"#),
            ("a=%4", r#"Percent("a")"#),
            ("a=%zz", r#"Percent("a")"#),
            ("%g0=1", r#"Percent("%g0")"#),
            ("a=%ff", r#"Encoding("a")"#),
            ("a=%c0%80", r#"Encoding("a")"#),
            ("a%0a=1", r#"Control("a%0a")"#),
            ("=1", r#"Name("")"#),
            ("[a]=1", r#"Name("[a]")"#),
            ("a[]=1", r#"Name("a[]")"#),
            ("a[b=1", r#"Name("a[b")"#),
            ("a]b=1", r#"Name("a]b")"#),
            ("a[b][c]=1", r#"Name("a[b][c]")"#),
            ("a[b]c=1", r#"Name("a[b]c")"#),
            ("a=1&b=2&a=3", r#"Repeated("a")"#),
            ("a[x]=1&a%5bx%5d=3", r#"Repeated("a[x]")"#),
        ] {
            assert_eq!(check(query), output, "{query}");
        }
    }

    #[test]
    fn sizes_are_bounded() {
        let many: Vec<_> = (0..=PARAMETERS)
            .map(|number| format!("p{number}=1"))
            .collect();
        assert_eq!(parse(Some(&many.join("&"))), Err(QueryError::TooMany));
        assert!(parse(Some(&many[1..].join("&"))).is_ok());
        let long = "x".repeat(NAME_BYTES + 1);
        let short = format!("{}…", "x".repeat(60));
        assert_eq!(parse(Some(&long)), Err(QueryError::TooLong(short)));
        let value = format!("a={}", "x".repeat(VALUE_BYTES + 1));
        assert_eq!(parse(Some(&value)), Err(QueryError::TooLong("a".into())));
    }

    #[test]
    fn path_segments_keep_their_plus() {
        assert_eq!(decode_segment("a+b").as_deref(), Some("a+b"));
        assert_eq!(decode_segment("a%2Fb+").as_deref(), Some("a/b+"));
        assert_eq!(decode_segment("a%2"), None);
        assert_eq!(decode_segment("%ff"), None);
    }

    #[test]
    fn the_problem_names_the_parameter() {
        let problem = Problem::from(parse(Some("a=%")).unwrap_err());
        assert_eq!(problem.status(), 400);
        assert_eq!(problem.faults()[0].place, Place::Parameter("a".into()));
    }

    proptest! {
        #[test]
        fn any_text_is_survived(query in "[a%\\[\\]=&+.\u{0}é0-9]{0,60}") {
            if let Ok(parameters) = parse(Some(&query)) {
                for parameter in parameters {
                    prop_assert!(!parameter.name.is_empty());
                    prop_assert!(!parameter.name.contains(['[', ']']));
                }
            }
            let _ = decode_segment(&query);
        }
    }
}
