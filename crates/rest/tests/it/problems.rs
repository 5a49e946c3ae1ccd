//! Refusals: their shape, their codes and statuses, and the pages that explain them.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value as Json, json};
use testkit::{Answer, App};

use crate::support::{Shared, members, raw};

static SHOP: Shared = Shared::new(|| App::start(CONTRACT));

const CONTRACT: &str = "
frontdesk: 1
name: shop
auth: {api_keys: true}
resources:
  Maker:
    id: integer
    fields: {name: {type: string, unique: true, maxLength: 10}}
    access: {read: public, write: public}
  Item:
    id: integer
    fields: {maker: Maker, text?: string}
    concurrency: required
    access: {read: public, write: public}
  Diary:
    id: integer
    fields: {text: string}
    access: {read: public, write: signed_in, delete: nobody}
";

/// One of every refusal that can be provoked, with the status and code it has.
fn refusals(app: &App) -> Vec<(u16, &'static str, Answer)> {
    // Tests that share the server each have a name of their own.
    static NAMES: AtomicU32 = AtomicU32::new(0);
    let name = format!("m{}", NAMES.fetch_add(1, Ordering::Relaxed));
    let maker = app.post("/v1/makers", &json!({"name": name}));
    let maker = maker.expect(201).json();
    let item = app
        .post("/v1/items", &json!({"maker_id": maker["id"]}))
        .expect(201);
    let item_path = item.header("location").unwrap();
    let maker_path = format!("/v1/makers/{}", maker["id"]);
    let admin = app.admin();
    let diary = admin.post("/v1/diaries", &json!({"text": "x"})).expect(201);
    let diary_path = diary.header("location").unwrap();
    let writer = app.key().scope("diaries.write").client();
    let body = |media: &str, text: &str| app.request("POST", "/v1/makers").body(media, text).send();
    let json_text = |text: &str| body("application/json", text);
    let patch = |path: &str, tag: &str| {
        let request = app.request("PATCH", path).json(&json!({"text": "y"}));
        request.header("if-match", tag).send()
    };
    let test = app.request("PATCH", &maker_path);
    let test = test.body(
        "application/json-patch+json",
        r#"[{"op": "test", "path": "/name", "value": 1}]"#,
    );
    let head = |line: &str, fields: &str| {
        raw(
            app,
            format!("{line} HTTP/1.1\r\n{fields}Connection: close\r\n\r\n"),
        )
    };
    vec![
        (400, "malformed", json_text("{")),
        (400, "malformed", app.get("/v1/makers?limit=x")),
        (400, "malformed", app.get("/v1/makers/%zz")),
        (400, "malformed", app.request("POST", "/v1/makers").send()),
        (
            400,
            "malformed",
            app.request("GET", "/v1/makers").json(&json!({})).send(),
        ),
        (
            400,
            "malformed",
            app.request("GET", &maker_path)
                .header("if-match", "x")
                .send(),
        ),
        (400, "cursor_mismatch", app.get("/v1/makers?cursor=x")),
        (
            401,
            "unauthenticated",
            app.post("/v1/diaries", &json!({"text": "x"})),
        ),
        (
            401,
            "unauthenticated",
            app.with_key("wrong").get("/v1/makers"),
        ),
        (
            403,
            "insufficient_scope",
            app.key()
                .client()
                .post("/v1/diaries", &json!({"text": "x"})),
        ),
        (403, "forbidden", writer.delete(&diary_path)),
        (404, "not_found", app.get("/v1/makers/0")),
        (404, "not_found", app.get("/v1/nothing")),
        (405, "method_not_allowed", app.delete("/v1/makers")),
        (
            406,
            "not_acceptable",
            app.request("GET", "/v1/makers")
                .header("accept", "image/png")
                .send(),
        ),
        (
            409,
            "already_exists",
            app.post("/v1/makers", &json!({"name": maker["name"]})),
        ),
        (
            409,
            "unknown_reference",
            app.post("/v1/items", &json!({"maker_id": 99999})),
        ),
        (409, "still_referenced", app.delete(&maker_path)),
        (409, "conflict", test.send()),
        (412, "stale", patch(&item_path, "\"99.1\"")),
        (413, "body_too_large", json_text(&" ".repeat(1_100_000))),
        (
            414,
            "url_too_long",
            app.get(&format!("/v1/makers?q={}", "x".repeat(9000))),
        ),
        (415, "unsupported_media_type", body("text/plain", "{}")),
        (
            415,
            "content_encoding_unsupported",
            app.request("POST", "/v1/makers")
                .header("content-encoding", "gzip")
                .json(&json!({}))
                .send(),
        ),
        (422, "invalid", json_text("{}")),
        (422, "invalid", json_text("[]")),
        (428, "precondition_required", app.delete(&item_path)),
        (
            400,
            "invalid_header_name",
            app.request("GET", "/v1/makers").header("x_y", "1").send(),
        ),
        (400, "invalid_host", head("GET /v1/makers", "")),
        (
            400,
            "ambiguous_framing",
            head(
                "POST /v1/makers",
                "Host: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n",
            ),
        ),
        (
            501,
            "transfer_coding_unsupported",
            head(
                "POST /v1/makers",
                "Host: x\r\nTransfer-Encoding: gzip, chunked\r\n",
            ),
        ),
        (
            501,
            "connect_not_supported",
            head("CONNECT x:80", "Host: x:80\r\n"),
        ),
    ]
}

#[test]
fn every_refusal_is_a_problem_of_its_kind() {
    let app = SHOP.get();
    for (place, (status, code, answer)) in refusals(&app).into_iter().enumerate() {
        assert_eq!(answer.status, status, "{place} {code}: {answer:?}");
        assert_eq!(
            answer.header("content-type").unwrap(),
            "application/problem+json",
            "{place}"
        );
        assert_eq!(
            answer.header("cache-control").unwrap(),
            "no-store",
            "{place}"
        );
        assert_eq!(
            answer.header("x-content-type-options").unwrap(),
            "nosniff",
            "{place}"
        );
        let problem = answer.json();
        assert_eq!(problem["code"], code, "{place}");
        assert_eq!(problem["type"], format!("/problems/{code}"), "{place}");
        assert_eq!(problem["status"], status, "{place}");
        assert!(
            problem["title"]
                .as_str()
                .is_some_and(|title| !title.is_empty()),
            "{place}"
        );
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.ends_with(['.', '?', '!']),
            "{place}: {detail:?} is no sentence"
        );
        for fault in problem["errors"].as_array().into_iter().flatten() {
            let (first, rest) = (members(fault)[0], &members(fault)[1..]);
            assert!(
                ["pointer", "parameter", "header"].contains(&first),
                "{place}: {fault}"
            );
            assert_eq!(rest, ["code", "detail"], "{place}");
        }
    }
}

#[test]
fn a_problem_names_the_path_it_happened_at() {
    let app = SHOP.get();
    let problem = app.get("/v1/makers/0?fields=id").expect(404).json();
    assert_eq!(problem["instance"], "/v1/makers/0");
    assert_eq!(
        members(&problem),
        ["type", "title", "status", "detail", "instance", "code"]
    );
    let problem = app
        .post("/v1/makers", &json!({"colour": 1}))
        .expect(422)
        .json();
    assert_eq!(
        members(&problem),
        [
            "type", "title", "status", "detail", "instance", "code", "errors"
        ]
    );
    assert_eq!(problem["detail"], "2 faults; see `errors`.");
}

#[test]
fn the_type_of_every_problem_is_a_page() {
    let app = SHOP.get();
    let mut types: Vec<String> = refusals(&app)
        .into_iter()
        .map(|(_, _, answer)| answer.json()["type"].as_str().unwrap().to_owned())
        .collect();
    types.extend(
        rest::problem_kinds()
            .iter()
            .map(|kind| format!("/problems/{}", kind.code)),
    );
    types.sort();
    types.dedup();
    assert!(types.len() >= rest::problem_kinds().len());
    for path in types {
        let page = app
            .request("GET", &path)
            .header("accept", "text/html")
            .send()
            .expect(200);
        assert_eq!(
            page.header("content-type").unwrap(),
            "text/html; charset=utf-8",
            "{path}"
        );
        assert!(page.header("content-security-policy").is_some(), "{path}");
        let code = path.rsplit('/').next().unwrap();
        assert!(page.text().contains(code), "{path}: {}", page.text());
        let head = app.head(&path).expect(200);
        assert_eq!(head.body, b"", "{path}");
    }
    app.get("/problems/no_such_thing").expect(404);
}

#[test]
fn what_is_not_understood_is_400_and_what_breaks_the_contract_422() {
    let app = SHOP.get();
    let post = |text: &[u8]| {
        app.request("POST", "/v1/makers")
            .body("application/json", text)
            .send()
    };
    for (text, status, faults) in [
        (&b"{"[..], 400, " syntax"),
        (b"{'name': 1}", 400, " syntax"),
        (b"{\"name\": 1,}", 400, " syntax"),
        (b"{\"name\": NaN}", 400, "/name syntax"),
        (b"{\"name\": 01}", 400, "/name syntax"),
        (b"{\"name\": \"\\ud800\"}", 400, "/name syntax"),
        (b"{} {}", 400, " syntax"),
        (b"  ", 400, " empty"),
        (b"\xff", 400, " invalid_encoding"),
        (b"\xef\xbb\xbf{}", 400, " invalid_encoding"),
        (b"{\"name\": \"a\", \"name\": \"b\"}", 400, "/name repeated"),
        (
            b"{\"name\": {\"a\": [{\"b\": 1, \"b\": 2}]}}",
            400,
            "/name/a/0/b repeated",
        ),
        (b"[]", 422, " wrong_type"),
        (b"\"name\"", 422, " wrong_type"),
        (b"null", 422, " wrong_type"),
        (b"{}", 422, "/name required"),
        (b"{\"name\": null}", 422, "/name not_null"),
        (b"{\"name\": 1}", 422, "/name wrong_type"),
        (b"{\"name\": \"far too long\"}", 422, "/name too_long"),
        (b"{\"name\": \"a\\u0000\"}", 422, "/name invalid_character"),
    ] {
        let shown = String::from_utf8_lossy(text).into_owned();
        let refused = post(text);
        assert_eq!(refused.status, status, "{shown}: {refused:?}");
        assert_eq!(
            refused.code(),
            if status == 400 {
                "malformed"
            } else {
                "invalid"
            },
            "{shown}"
        );
        assert_eq!(refused.faults().join(", "), faults, "{shown}");
    }
}

#[test]
fn a_refusal_says_what_would_mend_it() {
    let app = SHOP.get();
    let detail = |answer: Answer| answer.json()["detail"].as_str().unwrap().to_owned();
    let at = |answer: &Answer, name: &str| answer.header(name).unwrap_or_default();
    assert_eq!(
        detail(app.get("/v1/maker")),
        "There is nothing at this path. Did you mean `/v1/makers`? `/docs` describes the API."
    );
    let refused = app.delete("/v1/makers").expect(405);
    assert_eq!(at(&refused, "allow"), "GET, HEAD, QUERY, POST, OPTIONS");
    let refused = app
        .request("POST", "/v1/makers")
        .body("text/plain", "x")
        .send()
        .expect(415);
    assert_eq!(at(&refused, "accept-post"), "application/json");
    assert_eq!(refused.json()["accepted"], json!(["application/json"]));
    let refused = app
        .request("PATCH", "/v1/makers/1")
        .body("text/plain", "x")
        .send()
        .expect(415);
    assert_eq!(
        at(&refused, "accept-patch"),
        "application/merge-patch+json, application/json-patch+json, application/json"
    );
    let refused = app
        .request("GET", "/v1/makers/1")
        .header("accept", "text/csv")
        .send()
        .expect(406);
    assert_eq!(refused.json()["offered"], json!(["application/json"]));
}

/// Nothing that a client sends comes back as anything but text in JSON.
#[test]
fn what_a_client_sends_is_told_back_safely_and_shortened() {
    let app = SHOP.get();
    let long = "x".repeat(2000);
    for target in [
        format!("/v1/makers?{long}=1"),
        format!("/v1/makers?sort={long}"),
        format!("/v1/makers?name[{long}]=1"),
        format!("/v1/makers/{long}"),
        format!("/v1/{long}"),
        "/v1/makers?%3Cscript%3E=1".to_owned(),
        "/v1/makers?sort=%22%0a".to_owned(),
    ] {
        let refused = app.get(&target);
        assert!([400, 404].contains(&refused.status), "{refused:?}");
        let problem: Json = refused.json();
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.len() < 1000, "{detail}");
    }
}

#[test]
fn details_name_what_they_are_about() {
    let app = App::start(
        "
frontdesk: 1
name: shop
resources:
  Author: {id: integer, fields: {name: string}, access: {read: public}}
  Book:
    id: integer
    fields:
      price: {type: integer, index: true}
      due: {type: date-time, index: true}
      tags?: {type: array, items: string, maxItems: 8, uniqueItems: true}
      author?: Author
    access: {read: public, write: public}
",
    );
    for (query, expected) in [
        (
            "price=abc",
            "`price`: an integer is written with digits only, such as 42 or -7.",
        ),
        (
            "fields=foo",
            "`fields`: Book has no field `foo`; it has id, ",
        ),
        (
            "include=foo",
            "`include`: there is no relation `foo`; Book has author.",
        ),
        (
            "due[gt]=2026-11-22T08:00:00+01:00",
            "In a URL `+` is a space: write `%2B` for a plus.",
        ),
        ("colour=red", "There is no parameter `colour`. Allowed: "),
        // What other APIs call it.
        (
            "page=2",
            "Did you mean `cursor`? It takes the `next_cursor` of the page before.",
        ),
        (
            "sort=-price,,",
            "a name is missing before, between or after the commas.",
        ),
        (
            "fields=",
            "After `fields=` a name is missing; write one, or leave `fields` out.",
        ),
        (
            "include=,author",
            "a name is missing before, between or after the commas.",
        ),
        ("per_page=2", "Did you mean `limit`?"),
        ("order_by=price", "Did you mean `sort`?"),
        ("expand=author", "Did you mean `include`?"),
        (
            "colour=red",
            "author.FIELD; FIELD stands for an indexed field of the related record.",
        ),
    ] {
        let refused = app.get(&format!("/v1/books?{query}")).expect(400);
        let detail = refused.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(expected), "{query}: {detail}");
    }
    app.get("/v1/books?due[gt]=2026-11-22T08:00:00%2B01:00")
        .expect(200);
    let twice = json!({"price": 1, "due": "2026-11-22T08:00:00Z", "tags": ["a", "a"]});
    let refused = app.post("/v1/books", &twice).expect(422);
    assert!(refused.text().contains("Item 1 repeats an earlier one"));
    let misspelt = json!({"prise": 1, "due": "2026-11-22T08:00:00Z"});
    let refused = app.post("/v1/books", &misspelt).expect(422);
    let meant =
        "Book has no field `prise` (did you mean `price`?); it has price, due, tags, author_id";
    assert!(refused.text().contains(meant), "{}", refused.text());
    // Header fields are spelt as they are registered, whatever is wrong with them.
    let post = app.request("POST", "/v1/books").body("text/plain", "x");
    let refused = post.send().expect(415);
    assert_eq!(refused.json()["errors"][0]["header"], "Content-Type");
    let get = app.request("GET", "/v1/books").header("if-match", "x");
    let refused = get.send().expect(400);
    assert_eq!(refused.json()["errors"][0]["header"], "If-Match");
}
