//! Entity tags and the conditions on them (RFC 9110 sections 8.8.3 and 13), as pure functions.
//!
//! A record's tag is `"VERSION.VIEW"`: the version of the row, and a hash of the view it is shown in.
//! `If-Match` protects a write, so it looks at the version alone: whoever read the record through
//! another view has still seen the newest row. `If-None-Match` saves a transfer, so it compares all.
//! A compressed answer has `"VERSION.VIEW-gzip"`, since its bytes are others.

use std::borrow::Cow;
use std::fmt;

use http::header::{ETAG, HeaderName, IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::headers::vary;
use crate::media::{Coding, Codings};
use crate::problem::{Place, Problem, kit};
use crate::response::Response;

/// Most tags in one condition. Caches send one, clients with several copies a few.
const TAGS: usize = 64;

/// An entity tag. The opaque part has no quotes around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    weak: bool,
    opaque: Cow<'static, str>,
}

impl Tag {
    /// The strong tag of a record: the version of its row, and a hash of the view.
    pub fn record(version: u64, view: u32) -> Tag {
        Tag {
            weak: false,
            opaque: format!("{version}.{view:x}").into(),
        }
    }

    /// A strong tag with any opaque text; nothing when it has characters a tag cannot have.
    pub fn strong(opaque: impl Into<Cow<'static, str>>) -> Option<Tag> {
        let opaque = opaque.into();
        opaque.bytes().all(is_tag_byte).then_some(Tag {
            weak: false,
            opaque,
        })
    }

    pub fn opaque(&self) -> &str {
        &self.opaque
    }

    /// Parses one tag, as in ETag.
    pub fn parse(text: &[u8]) -> Option<Tag> {
        let (tag, rest) = one(text)?;
        rest.is_empty().then_some(tag)
    }

    /// The version of the row, if this is the strong tag of a record.
    pub fn version(&self) -> Option<u64> {
        if self.weak {
            return None;
        }
        let (version, _view) = self.opaque.split_once('.')?;
        let number = version.parse::<u64>().ok()?;
        // `+1` and `01` parse, but no tag of ours was ever written so.
        (number.to_string() == version).then_some(number)
    }

    /// This tag for an answer with a content coding. Weak tags are shared by all codings.
    pub fn coded(&self, coding: Coding) -> Tag {
        if self.weak || coding == Coding::Identity {
            return self.clone();
        }
        Tag {
            weak: false,
            opaque: format!("{}-{}", self.opaque, coding.name()).into(),
        }
    }

    /// The opaque text without the coding, and the coding.
    fn uncoded(&self) -> (&str, Coding) {
        for coding in [Coding::Gzip, Coding::Brotli] {
            let bare = self.opaque.strip_suffix(coding.name());
            if let Some(bare) = bare.and_then(|bare| bare.strip_suffix('-')) {
                return (bare, coding);
            }
        }
        (&self.opaque, Coding::Identity)
    }

    /// The value of the ETag field.
    pub fn header(&self) -> HeaderValue {
        HeaderValue::try_from(self.to_string()).expect("a tag has only bytes that fields may have")
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}\"{}\"",
            if self.weak { "W/" } else { "" },
            self.opaque
        )
    }
}

/// Printable ASCII without the quote. The RFC allows bytes above as well; we make none, so a tag with
/// such bytes is none of ours.
fn is_tag_byte(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x7e)
}

/// A list of tags, or any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tags {
    /// `*`: whatever there is, but something.
    Any,
    List(Vec<Tag>),
}

/// A condition that is not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionError {
    pub field: HeaderName,
}

/// Reads If-Match; nothing when it was not sent.
pub fn if_match(headers: &HeaderMap) -> Result<Option<Tags>, ConditionError> {
    read(headers, &IF_MATCH)
}

/// Reads If-None-Match; nothing when it was not sent.
pub fn if_none_match(headers: &HeaderMap) -> Result<Option<Tags>, ConditionError> {
    read(headers, &IF_NONE_MATCH)
}

fn read(headers: &HeaderMap, field: &HeaderName) -> Result<Option<Tags>, ConditionError> {
    let wrong = || ConditionError {
        field: field.clone(),
    };
    let mut values = headers.get_all(field).iter();
    let Some(first) = values.next() else {
        return Ok(None);
    };
    let several = values.next().is_some();
    if !several && first.as_bytes().trim_ascii() == b"*" {
        return Ok(Some(Tags::Any));
    }
    let mut tags = Vec::new();
    for value in headers.get_all(field) {
        let mut rest = value.as_bytes().trim_ascii_start();
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix(b",") {
                // Empty elements are allowed in lists.
                rest = after.trim_ascii_start();
                continue;
            }
            let (tag, after) = one(rest).ok_or_else(wrong)?;
            if tags.len() == TAGS {
                return Err(wrong());
            }
            tags.push(tag);
            rest = after.trim_ascii_start();
            if !rest.is_empty() && !rest.starts_with(b",") {
                return Err(wrong());
            }
        }
    }
    // A list without elements (RFC 9110 §5.6.1) names no state, and so none that could match.
    Ok(Some(Tags::List(tags)))
}

/// The tag at the beginning, and what follows it.
fn one(text: &[u8]) -> Option<(Tag, &[u8])> {
    let (weak, text) = match text.strip_prefix(b"W/") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let text = text.strip_prefix(b"\"")?;
    let end = memchr::memchr(b'"', text)?;
    // Above ASCII is allowed in tags, and none of ours: it must be read, and matches nothing.
    let opaque = &text[..end];
    if !opaque
        .iter()
        .all(|byte| is_tag_byte(*byte) || *byte >= 0x80)
    {
        return None;
    }
    let opaque = String::from_utf8_lossy(opaque).into_owned().into();
    Some((Tag { weak, opaque }, &text[end + 1..]))
}

impl Tags {
    /// The versions that an If-Match lets pass; nothing stands for "any". Weak tags and tags that are
    /// no record's contribute none, so the list may be empty, and then nothing passes.
    pub fn versions(&self) -> Option<Vec<u64>> {
        match self {
            Tags::Any => None,
            Tags::List(tags) => Some(tags.iter().filter_map(Tag::version).collect()),
        }
    }

    /// Evaluates If-Match for a record: `current` is the version of its row, if there is one.
    pub fn match_version(&self, current: Option<u64>) -> bool {
        match (self, current) {
            (_, None) => false,
            (Tags::Any, Some(_)) => true,
            (Tags::List(tags), Some(version)) => {
                tags.iter().any(|tag| tag.version() == Some(version))
            }
        }
    }

    /// Evaluates If-Match for something that is not a record, by the strong comparison.
    pub fn match_strongly(&self, current: Option<&Tag>) -> bool {
        match (self, current) {
            (_, None) => false,
            (Tags::Any, Some(_)) => true,
            (Tags::List(tags), Some(current)) => tags
                .iter()
                .any(|tag| !tag.weak && !current.weak && tag.uncoded().0 == current.opaque),
        }
    }

    /// Evaluates If-None-Match for a read, by the weak comparison: the tag of the client's copy that is
    /// still good, which is the one to send in the 304. `current` is the tag without any coding. A copy
    /// in a coding counts only when this request accepts that coding.
    pub fn still_good(&self, current: &Tag, codings: Codings) -> Option<Tag> {
        let tags = match self {
            Tags::Any => return Some(current.clone()),
            Tags::List(tags) => tags,
        };
        tags.iter().find_map(|tag| {
            if tag.opaque == current.opaque {
                return Some(current.clone());
            }
            let (bare, coding) = tag.uncoded();
            let good = !current.weak && bare == current.opaque && codings.accepts(coding);
            good.then(|| current.coded(coding))
        })
    }
}

/// A 304 with the tag of the client's copy. Fields that a 200 would have and that matter to caches
/// (Cache-Control, Content-Location, Vary) are the caller's to add.
pub fn not_modified(tag: &Tag) -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    response.headers_mut().insert(ETAG, tag.header());
    vary(response.headers_mut(), "Accept-Encoding");
    response
}

impl fmt::Display for ConditionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` must be `*` or a list of at most {TAGS} entity tags in double quotes, such as `\"12.a8f3\"`.",
            self.name()
        )
    }
}

impl ConditionError {
    /// The field's name as it is registered.
    pub fn name(&self) -> &'static str {
        match self.field {
            IF_MATCH => "If-Match",
            _ => "If-None-Match",
        }
    }
}

impl std::error::Error for ConditionError {}

impl From<ConditionError> for Problem {
    fn from(error: ConditionError) -> Problem {
        let text = error.to_string();
        Problem::of(&kit::INVALID_PRECONDITION)
            .detail(text.clone())
            .fault(Place::Header(error.name().to_owned()), "malformed", text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::{ACCEPT_ENCODING, VARY};
    use proptest::prelude::*;

    fn with(field: HeaderName, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(&field, HeaderValue::try_from(*value).unwrap());
        }
        headers
    }

    fn tags(text: &str) -> Tags {
        if_match(&with(IF_MATCH, &[text])).unwrap().unwrap()
    }

    #[test]
    fn tags_are_parsed_and_printed() {
        assert_eq!(Tag::record(12, 0xa8f3).to_string(), "\"12.a8f3\"");
        assert_eq!(Tag::strong("a b"), None);
        assert_eq!(Tag::strong("a\"b"), None);
        for (text, good) in [
            ("\"\"", true),
            ("\"a,b\"", true),
            ("W/\"x\"", true),
            ("w/\"x\"", false),
            ("x", false),
            ("\"x", false),
            ("\"x\" ", false),
            ("\"x y\"", false),
            ("W/ \"x\"", false),
        ] {
            let tag = Tag::parse(text.as_bytes());
            assert_eq!(tag.is_some(), good, "{text}");
            assert!(tag.is_none_or(|tag| tag.to_string() == text));
        }
    }

    #[test]
    fn lists_are_read() {
        let check = |values: &[&str]| match if_match(&with(IF_MATCH, values)) {
            Ok(None) => "none".to_owned(),
            Ok(Some(Tags::Any)) => "any".to_owned(),
            Ok(Some(Tags::List(tags))) => tags
                .iter()
                .map(Tag::to_string)
                .collect::<Vec<_>>()
                .join(" "),
            Err(_) => "error".to_owned(),
        };
        for (values, output) in [
            (&[] as &[&str], "none"),
            (&["*"], "any"),
            (&[" * "], "any"),
            (&["\"a\""], "\"a\""),
            (&["\"a\",W/\"b\" , \"c,d\""], "\"a\" W/\"b\" \"c,d\""),
            (&["\"a\"", ",\"b\","], "\"a\" \"b\""),
            (&[""], ""),
            (&[","], ""),
            (&["*", "\"a\""], "error"),
            (&["*,\"a\""], "error"),
            (&["\"a\" \"b\""], "error"),
            (&["a"], "error"),
            (&["\"a"], "error"),
        ] {
            assert_eq!(check(values), output, "{values:?}");
        }
        let many = vec!["\"a\""; TAGS + 1].join(",");
        assert_eq!(check(&[&many]), "error");
    }

    #[test]
    fn if_match_compares_the_version_only() {
        for (text, current, holds) in [
            ("\"12.a8f3\"", Some(12), true),
            ("\"12.ffff\"", Some(12), true),
            ("\"12.a8f3-gzip\"", Some(12), true),
            ("\"11.a8f3\", \"12.0\"", Some(12), true),
            ("\"11.a8f3\"", Some(12), false),
            ("W/\"12.a8f3\"", Some(12), false),
            ("\"12\"", Some(12), false),
            ("\"+12.a\"", Some(12), false),
            ("\"012.a\"", Some(12), false),
            ("\"other\"", Some(12), false),
            ("\"12.a8f3\"", None, false),
            ("*", Some(12), true),
            ("*", None, false),
        ] {
            assert_eq!(tags(text).match_version(current), holds, "{text}");
        }
        assert_eq!(tags("*").versions(), None);
        assert_eq!(
            tags("\"1.a\", W/\"2.a\", \"x\", \"3.b-br\"").versions(),
            Some(vec![1, 3])
        );
    }

    #[test]
    fn if_match_on_other_things_is_strong() {
        let current = Tag::strong("abc").unwrap();
        assert!(tags("\"abc\"").match_strongly(Some(&current)));
        assert!(tags("\"abc-br\"").match_strongly(Some(&current)));
        assert!(!tags("W/\"abc\"").match_strongly(Some(&current)));
        let weak = Tag::parse(b"W/\"abc\"").unwrap();
        assert!(!tags("\"abc\"").match_strongly(Some(&weak)));
        assert!(!tags("\"abd\"").match_strongly(Some(&current)));
        assert!(!tags("*").match_strongly(None));
    }

    #[test]
    fn if_none_match_compares_all_weakly() {
        let codings = |text: &'static str| Codings::of(&with(ACCEPT_ENCODING, &[text]));
        let current = Tag::record(12, 0xa8f3);
        for (text, accepted, output) in [
            ("\"12.a8f3\"", "", Some("\"12.a8f3\"")),
            ("W/\"12.a8f3\"", "", Some("\"12.a8f3\"")),
            ("\"12.a8f3\"", "gzip", Some("\"12.a8f3\"")),
            ("\"12.a8f3-gzip\"", "gzip", Some("\"12.a8f3-gzip\"")),
            ("W/\"12.a8f3-gzip\"", "gzip", Some("\"12.a8f3-gzip\"")),
            ("\"12.a8f3-gzip\"", "", None),
            ("\"12.a8f3-gzip\"", "br", None),
            ("\"x\", \"12.a8f3-br\"", "gzip, br", Some("\"12.a8f3-br\"")),
            ("\"12.ffff\"", "", None),
            ("\"11.a8f3\"", "", None),
            ("*", "", Some("\"12.a8f3\"")),
        ] {
            let good = tags(text).still_good(&current, codings(accepted));
            assert_eq!(
                good.map(|tag| tag.to_string()).as_deref(),
                output,
                "{text} {accepted}"
            );
        }
    }

    #[test]
    fn a_304_has_tag_and_vary_and_nothing_to_read() {
        let response = not_modified(&Tag::record(1, 2));
        assert_eq!(response.status(), 304);
        assert_eq!(response.headers()[ETAG], "\"1.2\"");
        assert_eq!(response.headers()[VARY], "Accept-Encoding");
        assert!(response.body().is_empty());
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let mut headers = HeaderMap::new();
                headers.insert(IF_NONE_MATCH, value);
                if let Ok(Some(tags)) = if_none_match(&headers) {
                    let _ = tags.still_good(&Tag::record(1, 1), Codings::of(&headers));
                    let _ = tags.versions();
                }
            }
        }

        #[test]
        fn what_is_printed_is_read_again(version in any::<u64>(), view in any::<u32>()) {
            let tag = Tag::record(version, view);
            let again = Tag::parse(tag.coded(Coding::Brotli).to_string().as_bytes()).unwrap();
            prop_assert_eq!(again.version(), Some(version));
            prop_assert_eq!(again.uncoded(), (tag.opaque(), Coding::Brotli));
        }
    }
}
