//! Paths in header fields: `Link` to the next page, `Location` of a new record.

use std::fmt::Write;

use http::HeaderValue;
use model::Resource;
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_encode, utf8_percent_encode};
use value::Value;

/// What cannot stand between `<` and `>` of a `Link`. The rest was sent as part of a URL and is
/// kept as it came, its percent-encoding included.
const UNSAFE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// What is encoded in a segment of a path: all but RFC 3986's unreserved characters.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The same list from `cursor` on.
pub fn next(path: &str, query: Option<&str>, cursor: &str) -> HeaderValue {
    let mut link =
        String::with_capacity(path.len() + query.map_or(0, str::len) + cursor.len() + 32);
    link.push('<');
    link.extend(utf8_percent_encode(path, UNSAFE));
    link.push('?');
    for piece in query
        .unwrap_or_default()
        .split('&')
        .filter(|piece| !piece.is_empty())
    {
        let name = piece.split_once('=').map_or(piece, |(name, _)| name);
        if web::query::decode_segment(name).as_deref() != Some("cursor") {
            link.extend(utf8_percent_encode(piece, UNSAFE));
            link.push('&');
        }
    }
    link.push_str("cursor=");
    link.extend(utf8_percent_encode(cursor, SEGMENT));
    link.push_str(">; rel=\"next\"");
    HeaderValue::try_from(link).expect("everything but visible ASCII has been encoded")
}

/// Where a record is.
pub fn location(base: &str, resource: &Resource, id: &Value) -> HeaderValue {
    let mut text = Vec::with_capacity(40);
    resource.id_type.write_text(id, &mut text);
    let mut location = String::with_capacity(base.len() + resource.path.len() + text.len() + 8);
    let path = utf8_percent_encode(&resource.path, UNSAFE);
    write!(location, "{base}/{path}/{}", percent_encode(&text, SEGMENT))
        .expect("writing to a string does not fail");
    HeaderValue::try_from(location).expect("everything but visible ASCII has been encoded")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_keeps_the_query_but_its_cursor() {
        for (path, query, cursor, expected) in [
            (
                "/v1/books",
                None,
                "abc",
                "</v1/books?cursor=abc>; rel=\"next\"",
            ),
            (
                "/v1/books",
                Some(""),
                "abc",
                "</v1/books?cursor=abc>; rel=\"next\"",
            ),
            (
                "/v1/books",
                Some("limit=2&cursor=old&sort=-title"),
                "a_b-c.d~",
                "</v1/books?limit=2&sort=-title&cursor=a_b-c.d~>; rel=\"next\"",
            ),
            (
                "/v1/books",
                Some("%63ursor=old&&cursor&price[lte]=20&q=a+b%2Bc"),
                "a+/=&",
                "</v1/books?price[lte]=20&q=a+b%2Bc&cursor=a%2B%2F%3D%26>; rel=\"next\"",
            ),
            (
                "/v1/authors/a%20b/books",
                Some("cursor[eq]=1&q=é\"<>"),
                "c",
                "</v1/authors/a%20b/books?cursor[eq]=1&q=%C3%A9%22%3C%3E&cursor=c>; rel=\"next\"",
            ),
        ] {
            assert_eq!(next(path, query, cursor), expected);
        }
    }
}
