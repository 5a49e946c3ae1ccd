//! Paths in header fields: `Link` to the next page, `Location` of a new record.

use call::RecordKey;
use http::HeaderValue;
use model::{Model, Resource};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

/// What cannot stand between `<` and `>` of a `Link`: what RFC 3986 has in no path or query, which
/// many send raw nevertheless. The rest was sent as part of a URL and is
/// kept as it came, its percent-encoding included.
const UNSAFE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'[')
    .add(b'\\')
    .add(b']')
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

/// The next page of a list, and the first one where this is another (RFC 8288); nothing on the
/// only page. One field with all of them, as clients that look for `rel="next"` expect.
pub fn pages(path: &str, query: Option<&str>, next: Option<&str>) -> Option<HeaderValue> {
    let mut links = String::new();
    if let Some(cursor) = next {
        page(&mut links, path, query, Some(cursor), "next");
    }
    if query.is_some_and(|query| pieces(query).any(is_cursor)) {
        page(&mut links, path, query, None, "first");
    }
    if links.is_empty() {
        return None;
    }
    Some(HeaderValue::try_from(links).expect("everything but visible ASCII has been encoded"))
}

/// One link to the same list, from `cursor` on.
fn page(out: &mut String, path: &str, query: Option<&str>, cursor: Option<&str>, rel: &str) {
    if !out.is_empty() {
        out.push_str(", ");
    }
    out.push('<');
    out.extend(utf8_percent_encode(path, UNSAFE));
    let mut between = '?';
    for piece in pieces(query.unwrap_or_default()).filter(|piece| !is_cursor(piece)) {
        out.push(between);
        between = '&';
        out.extend(utf8_percent_encode(piece, UNSAFE));
    }
    if let Some(cursor) = cursor {
        out.push(between);
        out.push_str("cursor=");
        out.extend(utf8_percent_encode(cursor, SEGMENT));
    }
    out.push_str(">; rel=\"");
    out.push_str(rel);
    out.push('"');
}

fn pieces(query: &str) -> impl Iterator<Item = &str> {
    query.split('&').filter(|piece| !piece.is_empty())
}

fn is_cursor(piece: &str) -> bool {
    let name = piece.split_once('=').map_or(piece, |(name, _)| name);
    web::query::decode_segment(name).as_deref() == Some("cursor")
}

/// Where a record is, if its key tells.
pub fn location(model: &Model, resource: &Resource, key: &RecordKey) -> Option<HeaderValue> {
    let lineage = model.lineage(resource.id);
    let values = match key {
        RecordKey::Id(_) if resource.has_own_path() => return None,
        RecordKey::Id(id) => std::slice::from_ref(id),
        RecordKey::Natural(values) => values,
    };
    let mut values = values.iter();
    let mut location = String::with_capacity(64);
    location.push_str(&model.base);
    for around in lineage {
        location.push('/');
        location.extend(utf8_percent_encode(&around.path, UNSAFE));
        for value in values.by_ref().take(around.key_fields().count()) {
            location.push('/');
            location.extend(utf8_percent_encode(value, SEGMENT));
        }
    }
    let location = HeaderValue::try_from(location);
    Some(location.expect("everything but visible ASCII has been encoded"))
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
                "</v1/books?price%5Blte%5D=20&q=a+b%2Bc&cursor=a%2B%2F%3D%26>; rel=\"next\"",
            ),
            (
                "/v1/authors/a%20b/books",
                Some("cursor[eq]=1&q=é\"<>"),
                "c",
                "</v1/authors/a%20b/books?cursor%5Beq%5D=1&q=%C3%A9%22%3C%3E&cursor=c>; rel=\"next\"",
            ),
        ] {
            let links = pages(path, query, Some(cursor)).unwrap();
            let links = links.to_str().unwrap();
            assert_eq!(
                links.split_once(", ").map_or(links, |(next, _)| next),
                expected
            );
        }
    }

    #[test]
    fn the_first_page_is_linked_from_all_others() {
        for (query, next, expected) in [
            (None, None, None),
            (Some("limit=2"), None, None),
            (Some("cursor=a"), None, Some("</v1/books>; rel=\"first\"")),
            (
                Some("sort=id&cursor=a&limit=2"),
                Some("b"),
                Some(
                    "</v1/books?sort=id&limit=2&cursor=b>; rel=\"next\", </v1/books?sort=id&limit=2>; rel=\"first\"",
                ),
            ),
        ] {
            let links = pages("/v1/books", query, next);
            let links = links.as_ref().map(|links| links.to_str().unwrap());
            assert_eq!(links, expected);
        }
    }
}
