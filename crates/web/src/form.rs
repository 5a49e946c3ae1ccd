//! What an HTML form sends: `application/x-www-form-urlencoded` (WHATWG URL Standard §5), read strictly.
//!
//! A field that is there twice is refused, since two programs could each believe another one of them
//! (and RFC 6749 §3.1 and §3.2 forbid it), unless the reader names it as one that may repeat.

use std::borrow::Cow;
use std::fmt;

use crate::body::BodyError;
use crate::handler::Request;
use crate::media::{self, UnsupportedMediaType};
use crate::problem::{Problem, kit};
use crate::query::{self, Fault, shorten};

pub const MEDIA_TYPE: &str = "application/x-www-form-urlencoded";

/// Largest body. Beside a signed assertion of a few KiB everything in such a form is short.
pub const BODY_BYTES: usize = 64 * 1024;

/// Most fields; the largest form of a protocol has some twenty.
pub const FIELDS: usize = 100;

/// Longest name, in bytes, decoded.
pub const NAME_BYTES: usize = 256;

/// The fields of a form, decoded.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Form {
    fields: Vec<(String, String)>,
}

/// Why a form is refused. Names are as they were sent, shortened; values are never told, as they may
/// be secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FormError {
    /// Another media type, or none.
    MediaType(UnsupportedMediaType),
    /// The body cannot be read.
    Body(BodyError),
    /// A `%` without two hexadecimal digits after it.
    Percent(String),
    /// What the encoding stands for is not UTF-8.
    Encoding(String),
    Repeated(String),
    /// A name longer than any field has.
    TooLong(String),
    TooMany,
}

impl Form {
    /// Reads the body of a request. Only fields of `repeatable` may be there more than once.
    ///
    /// # Errors
    /// When it is no form, too large, too slow, or can be read in two ways.
    pub async fn read(request: &mut Request, repeatable: &[&str]) -> Result<Form, FormError> {
        media::content_type(&request.head.headers, &[MEDIA_TYPE]).map_err(FormError::MediaType)?;
        let body = request.body.read(BODY_BYTES).await;
        Form::parse(&body.map_err(FormError::Body)?, repeatable)
    }

    /// Reads fields from a body, or from what follows the `?` of a URL where a protocol says that it
    /// is written like a form. Empty pieces (`a=1&&b=2`) are passed over; a name without `=` has the
    /// empty value.
    ///
    /// # Errors
    /// When it can be read in two ways.
    pub fn parse(text: &[u8], repeatable: &[&str]) -> Result<Form, FormError> {
        let mut fields: Vec<(String, String)> = Vec::new();
        for piece in text
            .split(|byte| *byte == b'&')
            .filter(|piece| !piece.is_empty())
        {
            if fields.len() == FIELDS {
                return Err(FormError::TooMany);
            }
            let equals = memchr::memchr(b'=', piece);
            let (name, value) = match equals {
                Some(at) => (&piece[..at], &piece[at + 1..]),
                None => (piece, &b""[..]),
            };
            let shown = || shorten(&String::from_utf8_lossy(name));
            let told = |fault| match fault {
                Fault::Percent => FormError::Percent(shown()),
                Fault::Encoding => FormError::Encoding(shown()),
            };
            let decoded = decode(name).map_err(told)?;
            let value = decode(value).map_err(told)?;
            if decoded.len() > NAME_BYTES {
                return Err(FormError::TooLong(shown()));
            }
            // Few enough that comparing all pairs is the quickest way.
            let known = fields.iter().any(|(known, _)| *known == decoded);
            if known && !repeatable.contains(&&*decoded) {
                return Err(FormError::Repeated(shown()));
            }
            fields.push((decoded.into_owned(), value.into_owned()));
        }
        Ok(Form { fields })
    }

    /// What was sent under this name, the empty text too. Of several the first.
    pub fn field(&self, name: &str) -> Option<&str> {
        let known = self.fields.iter().find(|(known, _)| known == name);
        known.map(|(_, value)| value.as_str())
    }

    /// The same, where what is empty counts as left out (RFC 6749 §3.1).
    pub fn filled(&self, name: &str) -> Option<&str> {
        self.field(name).filter(|value| !value.is_empty())
    }

    /// All that was sent under a name that may repeat.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let fields = self.fields.iter();
        fields.filter_map(move |(known, value)| (known == name).then_some(value.as_str()))
    }

    /// Everything, in the order it came.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let fields = self.fields.iter();
        fields.map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, Fault> {
    // A body may hold any bytes; those of a name are mostly letters.
    let text = std::str::from_utf8(bytes).map_err(|_| Fault::Encoding)?;
    query::decode(text)
}

/// Values may be passwords.
impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.fields.iter().map(|(name, _)| name);
        f.debug_list().entries(names).finish()
    }
}

impl fmt::Display for FormError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FormError::MediaType(_) => write!(f, "Send the form as `{MEDIA_TYPE}`."),
            FormError::Body(_) => f.write_str("The form cannot be read."),
            FormError::Percent(name) => write!(
                f,
                "The field `{name}` has a `%` that is not followed by two hexadecimal digits; write \
                 `%25` for a percent sign."
            ),
            FormError::Encoding(name) => write!(f, "The field `{name}` is not UTF-8."),
            FormError::Repeated(name) => write!(f, "The field `{name}` is given more than once."),
            FormError::TooLong(name) => {
                write!(
                    f,
                    "The name `{name}` is too long: at most {NAME_BYTES} bytes."
                )
            }
            FormError::TooMany => write!(f, "There are more than {FIELDS} fields."),
        }
    }
}

impl std::error::Error for FormError {}

impl From<FormError> for Problem {
    fn from(error: FormError) -> Problem {
        match error {
            FormError::Body(error) => error.into(),
            FormError::MediaType(error) => error.into(),
            error => Problem::of(&kit::INVALID_FORM).detail(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let form = Form::parse(text.as_bytes(), &["resource"]).unwrap();
        assert_eq!(form.iter().collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn fields_are_decoded() {
        check("", &[]);
        check("a=1&b=", &[("a", "1"), ("b", "")]);
        check("&&a&", &[("a", "")]);
        check("a=b=c", &[("a", "b=c")]);
        check(
            "p%C3%A4ss=+%2B%26%3D&mail=a%40b",
            &[("p\u{e4}ss", " +&="), ("mail", "a@b")],
        );
        check("a[b]=1", &[("a[b]", "1")]);
        check(
            "resource=x&a=1&resource=y",
            &[("resource", "x"), ("a", "1"), ("resource", "y")],
        );
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        let named = |name: &str| name.to_owned();
        for (text, expected) in [
            (&b"a=1&a=1"[..], FormError::Repeated(named("a"))),
            (b"a=1&%61=2", FormError::Repeated(named("%61"))),
            (b"a=%4", FormError::Percent(named("a"))),
            (b"%zz=1", FormError::Percent(named("%zz"))),
            (b"a=%ff", FormError::Encoding(named("a"))),
            (b"a=\xff", FormError::Encoding(named("a"))),
        ] {
            assert_eq!(Form::parse(text, &["resource"]), Err(expected));
        }
        let long = format!("{}=1", "n".repeat(NAME_BYTES + 1));
        assert!(matches!(
            Form::parse(long.as_bytes(), &[]),
            Err(FormError::TooLong(_))
        ));
        let many: String = (0..=FIELDS).map(|at| format!("f{at}=1&")).collect();
        assert_eq!(Form::parse(many.as_bytes(), &[]), Err(FormError::TooMany));
    }

    #[test]
    fn empty_may_count_as_left_out() {
        let form = Form::parse(b"a=&b=1", &[]).unwrap();
        assert_eq!((form.field("a"), form.filled("a")), (Some(""), None));
        assert_eq!((form.field("c"), form.filled("b")), (None, Some("1")));
    }

    #[test]
    fn values_are_not_shown() {
        let form = Form::parse(b"password=secret", &[]).unwrap();
        assert_eq!(format!("{form:?}"), r#"["password"]"#);
        let refused = Form::parse(b"password=secret%", &[]).unwrap_err();
        assert!(!format!("{refused} {refused:?}").contains("secret"));
    }

    proptest! {
        #[test]
        fn whatever_is_encoded_comes_back(
            fields in prop::collection::btree_map("\\PC{1,20}", any::<String>(), 0..10)
        ) {
            let encode = |text: &str| {
                text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>()
            };
            let pieces: Vec<String> = fields
                .iter()
                .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
                .collect();
            let form = Form::parse(pieces.join("&").as_bytes(), &[]).unwrap();
            let read = form.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
            prop_assert_eq!(read.collect::<std::collections::BTreeMap<_, _>>(), fields);
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes in any::<Vec<u8>>()) {
            let _ = Form::parse(&bytes, &["a"]);
        }
    }
}
