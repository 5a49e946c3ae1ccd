//! What is served beside the API, and to whom.

use serde_json::Value as Json;
use testkit::App;

const OPEN: &str = "\
frontdesk: 1
name: shop
title: The shop
resources:
  Thing: {fields: {name: string}, access: {read: public}}
  Offer: {audience: partner, fields: {price: integer}, access: {read: public}}
";

#[test]
fn people_find_pages() {
    let app = App::start(OPEN);
    for (path, part) in [
        ("/", "The shop"),
        ("/docs", "/v1/openapi.json"),
        ("/problems", "/problems/not_found"),
        ("/problems/not_found", "404"),
        ("/problems/invalid", "422"),
    ] {
        let page = app.get(path).expect(200);
        assert!(page.text().contains(part), "{path}: {}", page.text());
        assert_eq!(
            page.header("content-type").as_deref(),
            Some("text/html; charset=utf-8")
        );
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
    }
}

#[test]
fn who_comes_without_a_path_finds_the_way() {
    let app = App::start(OPEN);
    let ask = |path: &str, accept: &str| app.request("GET", path).header("accept", accept).send();
    for (path, accept, is_page) in [
        ("/", "*/*", true),
        ("/", "application/json", false),
        ("/v1", "*/*", false),
        ("/v1/", "application/json", false),
        ("/v1", "text/html,application/xhtml+xml,*/*;q=0.8", true),
        ("/v1/", "text/html", true),
    ] {
        let answer = ask(path, accept).expect(200);
        if is_page {
            assert!(answer.text().contains("<h1>The shop</h1>"), "{path}");
            continue;
        }
        assert_eq!(
            answer.json(),
            serde_json::json!({
                "title": "The shop",
                "resources": [{"name": "Thing", "path": "/v1/things"}],
                "openapi": "/v1/openapi.json",
                "documentation": "/docs",
            })
        );
    }
    let operator = app.admin().get("/v1").expect(200);
    assert!(operator.text().contains("/v1/offers"));
    let bare = App::start(&OPEN.replace("title: The shop", "title: The shop\nbase: /"));
    let index = bare
        .request("GET", "/")
        .header("accept", "application/json");
    assert_eq!(index.send().json()["resources"][0]["path"], "/things");
    let closed = App::start(&OPEN.replace("title: The shop", "docs: off"));
    closed.get("/v1").expect(404);
}

#[test]
fn pages_load_nothing_that_is_not_here() {
    let app = App::start(OPEN);
    for path in ["/", "/docs", "/problems", "/problems/stale"] {
        let page = app.get(path).expect(200);
        for (attribute, _) in [("href=\"", 0), ("src=\"", 0)] {
            for part in page.text().split(attribute).skip(1) {
                let target = part.split('"').next().unwrap();
                let target = target.split('#').next().unwrap();
                if !target.is_empty() {
                    assert!(target.starts_with('/'), "{path} leads to {target}");
                    app.get(target).expect(200);
                }
            }
        }
    }
    app.get("/favicon.ico").expect(200);
}

#[test]
fn every_refusal_leads_to_its_page() {
    let app = App::start(OPEN);
    for answer in [
        app.get("/v1/nothing"),
        app.delete("/v1/things"),
        app.get("/v1/things?sort=x"),
        app.post("/v1/things", &serde_json::json!({})),
        app.get("/v1/things/x"),
    ] {
        let kind = answer.json()["type"].as_str().unwrap().to_owned();
        app.get(&kind).expect(200);
    }
}

#[test]
fn the_document_is_there_in_both_forms() {
    let app = App::start(OPEN);
    let json = app.get("/v1/openapi.json").expect(200);
    assert_eq!(
        json.header("content-type").as_deref(),
        Some("application/json")
    );
    assert_eq!(json.json()["info"]["title"], "The shop");
    let yaml = app.get("/v1/openapi.yaml").expect(200);
    assert_eq!(
        yaml.header("content-type").as_deref(),
        Some("application/yaml")
    );
    assert!(yaml.text().starts_with("openapi:"));
    let again = app
        .request("GET", "/v1/openapi.json")
        .header("if-none-match", json.etag());
    again.send().expect(304);
}

#[test]
fn partners_things_are_not_shown_to_the_public() {
    let app = App::start(OPEN);
    let has_offers = |document: &Json| document["paths"]["/v1/offers"].is_object();
    let public = app.get("/v1/openapi.json").expect(200);
    assert!(!has_offers(&public.json()));
    assert!(!app.get("/").text().contains("/v1/offers"));
    // An administrator may see everything there is.
    let admin = app.admin();
    let all = admin.get("/v1/openapi.json").expect(200);
    assert!(has_offers(&all.json()));
    assert!(admin.get("/").text().contains("/v1/offers"));
    assert_ne!(public.etag(), all.etag());
}

#[test]
fn documents_follow_the_contract() {
    let app = App::start(OPEN);
    app.swap(&OPEN.replace("name: string", "name: string, size?: integer"))
        .unwrap();
    let document = app.get("/v1/openapi.json").expect(200).json();
    assert!(document.to_string().contains("\"size\""));
}

#[test]
fn documents_can_be_for_callers_only() {
    let app = App::start(&OPEN.replace("title:", "docs: signed_in\ntitle:"));
    let caller = app.key().client();
    for path in ["/", "/docs", "/v1/openapi.json", "/v1/openapi.yaml"] {
        app.get(path).expect(401);
        caller.get(path).expect(200);
    }
    app.get("/problems/unauthenticated").expect(200);
    app.get("/v1/things").expect(200);
}

#[test]
fn documents_can_be_off() {
    let app = App::start(&OPEN.replace("title:", "docs: off\ntitle:"));
    for path in [
        "/",
        "/docs",
        "/docs/docs.js",
        "/v1/openapi.json",
        "/v1/openapi.yaml",
    ] {
        app.admin().get(path).expect(404);
    }
    app.get("/problems/not_found").expect(200);
}

#[test]
fn an_unversioned_api_has_its_document_at_the_root() {
    let app = App::start(&OPEN.replace("title:", "base: /\ntitle:"));
    app.get("/openapi.json").expect(200);
    assert!(app.get("/docs").text().contains("\"/openapi.json\""));
    app.get("/things").expect(200);
}

#[test]
fn declared_errors_have_pages() {
    let app = App::start(&OPEN.replace(
        "title:",
        "errors: {sold_out: {status: 409, title: Nothing is left}}\ntitle:",
    ));
    assert!(
        app.get("/problems/sold_out")
            .expect(200)
            .text()
            .contains("Nothing is left")
    );
}
