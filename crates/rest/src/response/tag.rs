//! Entity tags of records and pages, and the conditions of reads on them.
//!
//! `"12.a8f3"`: row version 12, seen in the view a8f3. `If-Match` compares the version alone (see
//! [`web::conditional`]).

use call::{Cell, Code, Failure, Page, ViewTag};
use http::header::{IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue};
use sha2::{Digest, Sha256};
use value::{IdKind, Type, Value};
use web::Response;
use web::conditional::{self, Tag as WebTag};
use web::media::Codings;

use crate::failure::Refusal;
use crate::request::precondition::unreadable;

/// Quotes, a version of 19 digits with its sign, a dot and 16 hexadecimal digits fit.
const BYTES: usize = 48;

/// A strong tag, with its quotes. Kept in place: every answer has one.
#[derive(Clone, Copy, Debug)]
pub struct Tag {
    bytes: [u8; BYTES],
    length: usize,
    version: Option<i64>,
}

impl Tag {
    /// Of a record: the view is a number or a hash.
    pub fn record(version: i64, view: u64) -> Tag {
        let mut tag = Tag {
            bytes: [0; BYTES],
            length: 0,
            version: Some(version),
        };
        tag.push(b"\"");
        tag.push(itoa::Buffer::new().format(version).as_bytes());
        tag.push(b".");
        tag.push_hex(view);
        tag.push(b"\"");
        tag
    }

    /// Of anything else: a hash of its bytes.
    pub fn content(bytes: &[u8]) -> Tag {
        Tag::of_hash(hash(bytes))
    }

    fn of_hash(hash: u64) -> Tag {
        let mut tag = Tag {
            bytes: [0; BYTES],
            length: 0,
            version: None,
        };
        tag.push(b"\"");
        tag.push_hex(hash);
        tag.push(b"\"");
        tag
    }

    fn push(&mut self, piece: &[u8]) {
        self.bytes[self.length..self.length + piece.len()].copy_from_slice(piece);
        self.length += piece.len();
    }

    fn push_hex(&mut self, number: u64) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digits = (64 - number.leading_zeros()).div_ceil(4).max(1);
        for place in (0..digits).rev() {
            // Masked to 16 values.
            self.push(&[DIGITS[(number >> (place * 4) & 0xf) as usize]]);
        }
    }

    /// As it stands in a header field, quotes included.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).expect("quotes, digits and a dot")
    }

    pub fn header(&self) -> HeaderValue {
        HeaderValue::from_bytes(&self.bytes[..self.length]).expect("quotes, digits and a dot")
    }

    /// Looks at `If-Match` and `If-None-Match` of a read: nothing, a 304, or a refusal.
    pub fn consider(&self, headers: &HeaderMap) -> Result<Option<Response>, Refusal> {
        if headers.contains_key(IF_MATCH)
            && let Some(tags) = conditional::if_match(headers).map_err(unreadable)?
        {
            let current = self.version.and_then(|version| u64::try_from(version).ok());
            let passes = match current {
                Some(_) => tags.match_version(current),
                None => tags.match_strongly(Some(&self.web())),
            };
            if !passes {
                let detail = "None of the tags in `If-Match` is the current one.";
                return Err(Failure::new(Code::Stale, detail).into());
            }
        }
        // One that cannot be read names no copy that could still be good (RFC 9110 §13.1.2): what was
        // asked for is sent, and all that is lost is a transfer. `If-Match` is another matter: who
        // sends it wants this state or none.
        if headers.contains_key(IF_NONE_MATCH)
            && let Ok(Some(tags)) = conditional::if_none_match(headers)
            && let Some(good) = tags.still_good(&self.web(), Codings::of(headers))
        {
            return Ok(Some(conditional::not_modified(&good)));
        }
        Ok(None)
    }

    fn web(&self) -> WebTag {
        let opaque = &self.bytes[1..self.length - 1];
        let opaque = String::from_utf8_lossy(opaque).into_owned();
        WebTag::strong(opaque).expect("digits and a dot may stand in a tag")
    }
}

/// The tag of a page that its records' versions determine, without its bytes.
///
/// An id and a version can come again where clients choose the ids: a record is deleted, another
/// made under its id. Otherwise only a restored backup could do that; so the moment of the last
/// change counts as well, and must be in the view.
pub fn of_page(page: &Page, bare: bool) -> Option<Tag> {
    let ViewTag::Fixed(view) = page.view.tag else {
        return None;
    };
    if matches!(&page.view.id_type, Type::Id(id) if id.kind == IdKind::Text) {
        return None;
    }
    let changed = page
        .view
        .slots
        .iter()
        .position(|slot| slot.ty == Type::Timestamp && slot.name == "updated_at")?;
    let mut hashed = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hashed.update((bytes.len() as u64).to_be_bytes());
        hashed.update(bytes);
    };
    part(&view.to_be_bytes());
    part(&[u8::from(bare)]);
    for slot in &page.view.slots {
        part(&slot.key);
    }
    let mut id = Vec::new();
    for item in &page.items {
        let Some(Cell::Value(Value::Timestamp(moment))) = item.cells.get(changed) else {
            return None;
        };
        id.clear();
        value::text::write(&page.view.id_type, &item.id, &mut id);
        part(&id);
        part(&item.version.to_be_bytes());
        part(&moment.0.to_be_bytes());
    }
    part(page.next_cursor.as_deref().unwrap_or_default().as_bytes());
    if let Some(total) = page.total {
        part(&total.to_be_bytes());
    }
    Some(Tag::of_hash(first_bytes(&hashed.finalize())))
}

/// A hash that is the same on every node and after every restart. Nobody can make two bodies with
/// the same one on purpose at a cost that is worth a stale copy.
pub fn hash(bytes: &[u8]) -> u64 {
    first_bytes(&Sha256::digest(bytes))
}

fn first_bytes(digest: &[u8]) -> u64 {
    digest
        .iter()
        .take(8)
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use http::header::{ACCEPT_ENCODING, ETAG, HeaderName};

    use super::*;

    fn text(tag: Tag) -> String {
        tag.header().to_str().unwrap().to_owned()
    }

    #[test]
    fn tags_are_written() {
        assert_eq!(text(Tag::record(12, 0xa8f3)), "\"12.a8f3\"");
        assert_eq!(text(Tag::record(1, 0)), "\"1.0\"");
        assert_eq!(text(Tag::record(1, 0x10)), "\"1.10\"");
        assert_eq!(
            text(Tag::record(i64::MIN, u64::MAX)),
            "\"-9223372036854775808.ffffffffffffffff\""
        );
        // The first bytes of SHA-256 of nothing, as the standard gives them.
        assert_eq!(text(Tag::content(b"")), "\"e3b0c44298fc1c14\"");
        assert_ne!(text(Tag::content(b"a")), text(Tag::content(b"b")));
    }

    /// `200`, `304 TAG` or the code of a refusal.
    #[track_caller]
    fn check(tag: Tag, fields: &[(HeaderName, &'static str)], expected: &str) {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name, HeaderValue::from_static(value));
        }
        let found = match tag.consider(&headers) {
            Ok(None) => "200".to_owned(),
            Ok(Some(response)) => {
                assert_eq!(response.status(), 304);
                format!("304 {}", response.headers()[ETAG].to_str().unwrap())
            }
            Err(refusal) => refusal.problem().code().to_owned(),
        };
        assert_eq!(found, expected, "{fields:?}");
    }

    #[test]
    fn conditions_on_records() {
        let tag = Tag::record(12, 0xa8f3);
        check(tag, &[], "200");
        check(tag, &[(IF_NONE_MATCH, "\"12.a8f3\"")], "304 \"12.a8f3\"");
        check(
            tag,
            &[(IF_NONE_MATCH, "W/\"12.a8f3\", \"x\"")],
            "304 \"12.a8f3\"",
        );
        check(tag, &[(IF_NONE_MATCH, "*")], "304 \"12.a8f3\"");
        check(tag, &[(IF_NONE_MATCH, "\"12.a8f4\"")], "200");
        check(tag, &[(IF_NONE_MATCH, "\"11.a8f3\"")], "200");
        check(tag, &[(IF_NONE_MATCH, "\"12.a8f3-gzip\"")], "200");
        check(
            tag,
            &[
                (IF_NONE_MATCH, "\"12.a8f3-gzip\""),
                (ACCEPT_ENCODING, "gzip"),
            ],
            "304 \"12.a8f3-gzip\"",
        );
        for unreadable in ["12.a8f3", "\"12.a8f3", "*, \"12.a8f3\"", "\"12.a8f3\" x"] {
            check(tag, &[(IF_NONE_MATCH, unreadable)], "200");
            check(tag, &[(IF_MATCH, unreadable)], "malformed");
        }
        check(tag, &[(IF_NONE_MATCH, "")], "200");
        check(tag, &[(IF_MATCH, "")], "stale");
        check(tag, &[(IF_MATCH, "W/\"12.a8f3\"")], "stale");
        check(tag, &[(IF_MATCH, "\"12.ffff\"")], "200");
        check(tag, &[(IF_MATCH, "\"11.a8f3\"")], "stale");
        check(
            tag,
            &[(IF_MATCH, "*"), (IF_NONE_MATCH, "\"12.a8f3\"")],
            "304 \"12.a8f3\"",
        );
    }

    #[test]
    fn conditions_on_pages() {
        let tag = Tag::content(b"");
        check(
            tag,
            &[(IF_NONE_MATCH, "\"e3b0c44298fc1c14\"")],
            "304 \"e3b0c44298fc1c14\"",
        );
        check(tag, &[(IF_NONE_MATCH, "\"12.a8f3\"")], "200");
        check(tag, &[(IF_MATCH, "\"e3b0c44298fc1c14\"")], "200");
        check(tag, &[(IF_MATCH, "W/\"e3b0c44298fc1c14\"")], "stale");
        check(tag, &[(IF_MATCH, "\"12.a8f3\"")], "stale");
    }
}
