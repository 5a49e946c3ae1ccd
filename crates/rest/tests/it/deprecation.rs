//! Row 37: a deprecated resource says so on every answer, to those whom it is for.

use serde_json::json;
use testkit::{Answer, App};

const CONTRACT: &str = "
frontdesk: 1
name: shop
auth: {api_keys: true}
cors: [\"https://app.example\"]
resources:
  Book:
    id: integer
    fields: {title: {type: string, deprecated: {since: 2026-01-01}}}
    lists: {novels: Novel.book}
    access: {read: public, write: public}
  Novel:
    id: integer
    deprecated: {since: 2026-11-01, sunset: 2099-11-01, use: Book}
    fields: {text: string, book?: Book}
    access: {read: public, create: signed_in}
  Draft:
    id: integer
    deprecated: true
    audience: private
    fields: {text: string}
    access: {read: public}
";

fn said(answer: &Answer) -> [Option<String>; 2] {
    ["deprecation", "sunset"].map(|name| answer.header(name))
}

#[test]
fn every_answer_of_a_deprecated_resource_says_so() {
    let app = App::start(CONTRACT);
    app.post("/v1/books", &json!({"title": "Dune"})).expect(201);
    let expected = ["@1793491200", "Sun, 01 Nov 2099 00:00:00 GMT"];
    let expected = expected.map(|text| Some(text.to_owned()));
    for (method, path, status) in [
        ("GET", "/v1/novels", 200),
        ("HEAD", "/v1/novels", 200),
        ("OPTIONS", "/v1/novels", 204),
        ("GET", "/v1/books/1/novels", 200),
        ("GET", "/v1/novels/1", 404),
        ("GET", "/v1/novels?x=1", 400),
        ("POST", "/v1/novels", 400),
        ("DELETE", "/v1/novels", 405),
    ] {
        let answer = app.request(method, path).send();
        assert_eq!(
            (answer.status, said(&answer)),
            (status, expected.clone()),
            "{method} {path}"
        );
        let link = answer.header("link").unwrap_or_default();
        assert!(
            link.contains("</docs>; rel=\"deprecation\""),
            "{method} {path}: {link}"
        );
    }
    // A field is marked in the documents, and what is not there says nothing.
    for path in ["/v1/books", "/v1/books/1", "/v1/drafts", "/v1/nothing"] {
        let answer = app.get(path);
        assert_eq!(said(&answer), [None, None], "{path}");
        assert_eq!(answer.header("link"), None, "{path}");
    }
    let answer = app
        .request("GET", "/v1/novels")
        .header("origin", "https://app.example");
    let exposed = answer
        .send()
        .header("access-control-expose-headers")
        .unwrap();
    assert!(exposed.contains("Deprecation, Sunset"), "{exposed}");
}
