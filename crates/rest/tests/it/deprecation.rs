//! Deprecation: a deprecated resource says so on every answer, to those whom it is for.

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
    let document = app.get("/v1/openapi.json").expect(200).json();
    let marked = |at: &str| document.pointer(at).map(|part| part["deprecated"] == true);
    for (at, expected) in [
        ("/paths/~1v1~1novels/get", true),
        ("/paths/~1v1~1novels/post", true),
        ("/paths/~1v1~1novels~1query/post", true),
        ("/paths/~1v1~1novels~1batch/post", true),
        ("/paths/~1v1~1books~1{book_id}~1novels/get", true),
        ("/paths/~1v1~1books/get", false),
        ("/components/schemas/Book/properties/title", true),
        ("/components/schemas/BookCreate/properties/title", true),
        ("/components/schemas/BookPatch/properties/title", true),
        ("/components/schemas/Book/properties/id", false),
    ] {
        assert_eq!(marked(at), Some(expected), "{at}");
    }
    let exposed = answer
        .send()
        .header("access-control-expose-headers")
        .unwrap();
    assert!(exposed.contains("Deprecation, Sunset"), "{exposed}");
}

const GONE: &str = "
frontdesk: 1
name: shop
auth: {api_keys: true}
resources:
  Book:
    id: integer
    fields: {title: string, novel?: Novel}
    lists: {novels: Novel.book}
    access: {read: public, write: public}
  Novel:
    id: integer
    deprecated: {since: 2020-01-01, sunset: 2020-06-01, use: Book, why: all are books}
    fields: {text: string, book?: Book}
    lists: {notes: Note.novel, books: Book.novel}
    soft_delete: 30d
    access: {read: public, write: public}
  Note:
    within: Novel
    id: integer
    fields: {novel: Novel, text: string}
    access: {read: public, write: public}
  Leaf:
    id: integer
    deprecated: {sunset: 2020-06-01, use: Secret}
    fields: {text: string}
    access: {read: public}
  Secret:
    id: integer
    audience: private
    fields: {text: string}
    access: {read: public}
  Later:
    id: integer
    deprecated: {sunset: 9999-12-31}
    fields: {text: string}
    access: {read: public}
";

#[test]
fn after_its_sunset_it_is_gone_and_the_successor_named() {
    let app = App::builder()
        .file("frontdesk.yaml", GONE)
        .file("seed/novels.ndjson", "{\"id\": 1, \"text\": \"Dune\"}\n")
        .file(
            "seed/books.ndjson",
            "{\"id\": 1, \"title\": \"a\", \"novel_id\": 1}\n",
        )
        .start();
    let body = json!({"text": "x"});
    for (method, path, has_body) in [
        ("GET", "/v1/novels", false),
        ("HEAD", "/v1/novels", false),
        ("GET", "/v1/novels/1", false),
        ("GET", "/v1/novels/2", false),
        ("POST", "/v1/novels", true),
        ("PATCH", "/v1/novels/1", true),
        ("PUT", "/v1/novels/1", true),
        ("DELETE", "/v1/novels/1", false),
        ("POST", "/v1/novels/1/restore", false),
        ("GET", "/v1/books/1/novels", false),
        ("GET", "/v1/novels/1/books", false),
        ("GET", "/v1/novels/1/notes", false),
        ("POST", "/v1/novels/1/notes", true),
        ("GET", "/v1/novels/1/notes/1", false),
    ] {
        for client in [&*app, &app.admin()] {
            let mut call = client.request(method, path);
            if has_body {
                call = call.json(&body);
            }
            let answer = call.send().expect(410);
            if method == "HEAD" {
                continue;
            }
            let problem = answer.json();
            assert_eq!(problem["code"], "gone", "{method} {path}");
            assert_eq!(problem["successor"], "/v1/books", "{method} {path}");
            assert_eq!(
                problem["detail"],
                "Novels are not served since 2020-06-01; use `Book`: all are books."
            );
        }
    }
    for (path, body) in [
        ("/v1/novels/query", json!({})),
        ("/v1/novels/batch", json!({"delete": [1]})),
        ("/v1/novels/1/notes/batch", json!({})),
    ] {
        assert_eq!(app.post(path, &body).expect(410).code(), "gone", "{path}");
    }
    let csv = app
        .request("GET", "/v1/novels")
        .header("accept", "text/csv");
    csv.send().expect(410);
    let answer = app.get("/v1/novels/1");
    assert_eq!(
        answer.header("sunset").unwrap(),
        "Mon, 01 Jun 2020 00:00:00 GMT"
    );
    let links = answer.header("link").unwrap();
    assert!(
        links.contains("</v1/books>; rel=\"successor-version\""),
        "{links}"
    );
    // Nobody is told of what they are not served.
    let leaf = app.get("/v1/leafs").expect(410);
    assert_eq!(leaf.json()["successor"], json!(null));
    assert!(!leaf.text().contains("Secret"), "{leaf:?}");
    app.get("/v1/laters").expect(200);
    // The others go on, with what they refer to.
    let book = app.get("/v1/books/1?include=novel").expect(200).json();
    assert_eq!(book["novel"]["text"], "Dune");
    app.request("OPTIONS", "/v1/novels").send().expect(204);

    let document = app.get("/v1/openapi.json").expect(200).json();
    let gone = |path: &str, method: &str| {
        document["paths"][path][method]["responses"]["410"]["$ref"].is_string()
    };
    for (path, method, expected) in [
        ("/v1/novels", "get", true),
        ("/v1/novels/{id}", "patch", true),
        ("/v1/novels/query", "post", true),
        ("/v1/novels/batch", "post", true),
        ("/v1/novels/{id}/restore", "post", true),
        ("/v1/books/{book_id}/novels", "get", true),
        ("/v1/novels/{novel_id}/notes", "get", true),
        ("/v1/novels/{novel_id}/books", "get", true),
        ("/v1/books", "get", false),
        ("/v1/laters", "get", true),
    ] {
        assert!(
            document["paths"][path][method].is_object(),
            "{method} {path}"
        );
        assert_eq!(gone(path, method), expected, "{method} {path}");
    }
    let page = app.get("/problems/gone").expect(200);
    assert!(page.text().contains("Sunset"));
}
