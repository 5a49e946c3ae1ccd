//! HEAD, OPTIONS, 405, paths that are none, and bodies where none belongs.

use serde_json::json;
use testkit::{Answer, App};

use crate::support::{Connection, LIBRARY, raw};

const READS: [&str; 10] = [
    "/v1/books",
    "/v1/books?limit=1",
    "/v1/events?limit=200",
    "/v1/books/1",
    "/v1/books/1?include=author,reviews",
    "/v1/authors/1/books",
    "/v1/books/99",
    "/v1/books?x=1",
    "/v1/notes",
    "/v1/nothing",
];

/// Names and values but for those that differ between any two answers.
fn stable(answer: &Answer) -> Vec<(String, String)> {
    let mut headers = answer.headers.clone();
    headers.retain(|(name, _)| !["date", "x-request-id"].contains(&&**name));
    headers.sort();
    headers
}

#[test]
fn head_is_get_without_the_body() {
    let app = LIBRARY.get();
    for target in READS {
        for coding in ["identity", "gzip", "br"] {
            let ask = |method: &str| {
                let request = app.request(method, target);
                request.header("accept-encoding", coding).send()
            };
            let (get, head) = (ask("GET"), ask("HEAD"));
            assert_eq!(head.status, get.status, "{target}");
            assert_eq!(head.body, b"", "{target}");
            assert_eq!(stable(&head), stable(&get), "{target} {coding}");
            let length = get.header("content-length").unwrap();
            assert_eq!(length, get.body.len().to_string(), "{target} {coding}");
        }
    }
}

#[test]
fn head_leaves_the_connection_in_order() {
    let app = LIBRARY.get();
    let mut connection = Connection::open(app.address());
    connection.send("HEAD /v1/books HTTP/1.1\r\nHost: x\r\n\r\nGET /v1/books/1?fields=id HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(connection.head().status, 200);
    assert_eq!(connection.answer().json(), json!({"id": 1}));
}

#[test]
fn methods_are_written_in_capitals() {
    let app = LIBRARY.get();
    let told = |method: &str| {
        let refused = app.request(method, "/v1/books").send().expect(405).json();
        refused["detail"].as_str().unwrap().to_owned()
    };
    let capitals = "`get` is no method; write it in capitals: GET.";
    assert_eq!(told("get"), capitals);
    let none = "foo is not offered here; the methods are GET, HEAD, ";
    assert!(told("foo").starts_with(none), "{}", told("foo"));
}

#[test]
fn options_lists_what_there_is() {
    let app = LIBRARY.get();
    for (target, allow, name, media) in [
        (
            "/v1/books",
            "GET, HEAD, QUERY, POST, OPTIONS",
            "accept-post",
            "application/json",
        ),
        (
            "/v1/books?limit=1",
            "GET, HEAD, QUERY, POST, OPTIONS",
            "accept-post",
            "application/json",
        ),
        (
            "/v1/authors/1/books",
            "GET, HEAD, QUERY, POST, OPTIONS",
            "accept-post",
            "application/json",
        ),
        (
            "/v1/books/1",
            "GET, HEAD, PUT, PATCH, DELETE, OPTIONS",
            "accept-patch",
            "application/merge-patch+json, application/json-patch+json, application/json",
        ),
    ] {
        let answer = app.options(target).expect(204);
        assert_eq!(answer.header("allow").unwrap(), allow, "{target}");
        assert_eq!(answer.header(name).unwrap(), media, "{target}");
        assert_eq!(answer.body, b"");
        assert_eq!(answer.header("content-length"), None);
    }
    app.options("/v1/nothing").expect(404);
    raw(
        &app,
        "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    )
    .expect(204);
}

#[test]
fn other_methods_are_refused_with_those_there_are() {
    let app = LIBRARY.get();
    for (methods, target) in [
        (
            &["PUT", "PATCH", "DELETE", "TRACE", "BREW", "get"][..],
            "/v1/books",
        ),
        (
            &["POST", "QUERY", "TRACE", "PROPFIND", "G-T"],
            "/v1/books/1",
        ),
        (&["PUT", "DELETE"], "/v1/authors/1/books"),
    ] {
        let allow = app.options(target).header("allow").unwrap();
        for method in methods {
            let refused = app
                .request(method, target)
                .json(&json!({}))
                .send()
                .expect(405);
            assert_eq!(refused.code(), "method_not_allowed", "{method} {target}");
            assert_eq!(refused.header("allow").unwrap(), allow, "{method} {target}");
        }
    }
}

#[test]
fn what_is_no_path_is_not_found_and_names_what_was_meant() {
    let app = LIBRARY.get();
    for (path, meant) in [
        ("/v1/books/", Some("/v1/books")),
        ("/v1/books/1/", Some("/v1/books/1")),
        ("/v1//books", Some("/v1/books")),
        ("//v1/books", Some("/v1/books")),
        ("/books", Some("/v1/books")),
        ("/v1/boks", Some("/v1/books")),
        ("/v1/boks/1", Some("/v1/books/1")),
        ("/v1/authors/1/boks", Some("/v1/authors/1/books")),
        ("/v1/books/1/reviews/", Some("/v1/books/1/reviews")),
        ("/v1/books/1/author", None),
        ("/v1/books/1/reviews/1", None),
        ("/v1/Books", None),
        ("/v2/books", None),
        ("/v1//", Some("/v1")),
        ("/v1/books/1/2/3/4", None),
        ("/v1/../v1/books", None),
        ("/v1/./books", None),
        ("/v1/books%2F1", None),
        ("/v1/books;x=1", None),
        ("/etc/passwd", None),
    ] {
        let refused = app.get(path).expect(404);
        assert_eq!(refused.code(), "not_found", "{path}");
        let problem = refused.json();
        let detail = problem["detail"].as_str().unwrap();
        if let Some(meant) = meant {
            assert!(
                detail.contains(&format!("Did you mean `{meant}`?")),
                "{path}: {detail}"
            );
        }
    }
}

#[test]
fn a_path_may_be_percent_encoded_and_must_be_so_rightly() {
    let app = LIBRARY.get();
    for path in ["/v1/%62ooks", "/v1/books/%31", "/v1/authors/1/b%6foks"] {
        app.get(path).expect(200);
    }
    for path in [
        "/v1/books/%",
        "/v1/books/%4",
        "/v1/books/%zz",
        "/v1/books/%ff",
        "/v1/%c3",
        "/v1/authors/1/%",
    ] {
        let refused = app.get(path).expect(400);
        assert_eq!(refused.code(), "malformed", "{path}");
    }
    // Bytes that no URL has.
    for path in ["/v1/books/\u{e9}", "/v1/books/a b"] {
        let refused = raw(
            &app,
            format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
        );
        assert!([400, 404].contains(&refused.status), "{refused:?}");
    }
}

#[test]
fn the_whole_url_may_stand_in_the_request_line() {
    let app = LIBRARY.get();
    let answer = raw(
        &app,
        "GET http://x/v1/books/1?fields=id HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    );
    assert_eq!(answer.expect(200).json(), json!({"id": 1}));
}

#[test]
fn a_body_is_refused_where_it_would_mean_nothing() {
    let app = LIBRARY.get();
    for (method, target) in [
        ("GET", "/v1/books"),
        ("GET", "/v1/books/1"),
        ("HEAD", "/v1/books/1"),
        ("DELETE", "/v1/books/1"),
    ] {
        let refused = app
            .admin()
            .request(method, target)
            .json(&json!({"a": 1}))
            .send();
        assert_eq!(refused.status, 400, "{method} {target}");
        // None is none, however it is said.
        if method != "DELETE" {
            app.request(method, target)
                .body("application/json", "")
                .send()
                .expect(200);
        }
    }
    app.get("/v1/books/1").expect(200);
    let chunked = "GET /v1/books/1?fields=id HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n";
    assert_eq!(raw(&app, chunked).expect(200).json(), json!({"id": 1}));
    let admin = app.admin();
    for request in [
        admin.request("POST", "/v1/books"),
        admin.request("PATCH", "/v1/books/1"),
        admin.request("PUT", "/v1/books/1"),
    ] {
        assert_eq!(request.send().expect(400).code(), "malformed");
    }
}

#[test]
fn documents_answer_to_the_same_methods() {
    let app = LIBRARY.get();
    for target in [
        "/",
        "/v1",
        "/v1/openapi.json",
        "/v1/openapi.yaml",
        "/docs",
        "/problems/not_found",
    ] {
        let get = app.get(target).expect(200);
        let head = app.head(target).expect(200);
        assert_eq!(
            (head.body.len(), stable(&head)),
            (0, stable(&get)),
            "{target}"
        );
        let options = app.options(target).expect(204);
        assert_eq!(
            options.header("allow").unwrap(),
            "GET, HEAD, OPTIONS",
            "{target}"
        );
        let refused = app.post(target, &json!({})).expect(405);
        assert_eq!(
            refused.header("allow").unwrap(),
            "GET, HEAD, OPTIONS",
            "{target}"
        );
        let request = app
            .request("GET", target)
            .header("if-none-match", get.etag());
        assert_eq!(request.send().expect(304).etag(), get.etag(), "{target}");
    }
    assert_eq!(
        app.get("/v1/openapi.json").json()["openapi"]
            .as_str()
            .unwrap()
            .split('.')
            .next(),
        Some("3")
    );
}

#[test]
fn an_api_may_live_anywhere() {
    for (base, path) in [("/", ""), ("/shop/v2", "/shop/v2")] {
        let app = App::start(&format!(
            "
frontdesk: 1
name: anywhere
base: {base}
resources:
  Author:
    id: integer
    path: people
    fields: {{name: string}}
    lists: {{books: Book.author}}
    access: {{read: public, write: public}}
  Book:
    id: integer
    fields: {{title: string, author: Author}}
    access: {{read: public, write: public}}
"
        ));
        let made = app
            .post(&format!("{path}/people"), &json!({"name": "Ann"}))
            .expect(201);
        assert_eq!(made.header("location").unwrap(), format!("{path}/people/1"));
        for _ in 0..2 {
            let made = app
                .post(&format!("{path}/people/1/books"), &json!({"title": "x"}))
                .expect(201);
            app.get(&made.header("location").unwrap()).expect(200);
        }
        let first = app
            .get(&format!("{path}/people/1/books?limit=1"))
            .expect(200);
        let second = app.get(&crate::support::next(&first).unwrap()).expect(200);
        assert_eq!(crate::support::ids(&second), [2]);
        app.get(&format!("{path}/openapi.json")).expect(200);
        let refused = app.get(&format!("{path}/people/9")).expect(404).json();
        let page = app.get(refused["type"].as_str().unwrap()).expect(200);
        assert!(
            page.header("content-type")
                .unwrap()
                .starts_with("text/html")
        );
        app.get("/v1/people").expect(404);
    }
}
