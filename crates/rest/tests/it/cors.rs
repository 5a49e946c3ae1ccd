//! Which pages of other origins may read answers.

use serde_json::json;
use testkit::{Answer, App};

const APP: &str = "https://app.example";

fn app(cors: &str) -> testkit::Builder {
    let contract = format!(
        "
frontdesk: 1
name: desk
auth: {{api_keys: true}}
{cors}
resources:
  Note:
    id: integer
    fields: {{text: string}}
    access: {{read: public, write: signed_in}}
"
    );
    App::builder().file("frontdesk.yaml", &contract)
}

fn from(app: &App, origin: &str, target: &str) -> Answer {
    app.request("GET", target).header("origin", origin).send()
}

fn preflight(app: &App, origin: &str, target: &str, method: &str) -> Answer {
    let request = app.request("OPTIONS", target).header("origin", origin);
    let request = request.header("access-control-request-method", method);
    request
        .header(
            "access-control-request-headers",
            "authorization,content-type,if-match",
        )
        .send()
}

fn permissions(answer: &Answer) -> Vec<&str> {
    let names = answer.headers.iter().map(|(name, _)| name.as_str());
    names
        .filter(|name| name.starts_with("access-control-"))
        .collect()
}

#[test]
fn no_origin_is_admitted_unless_the_contract_names_it() {
    let app = app("").start();
    for origin in [APP, "http://localhost:3000", "null"] {
        for answer in [
            from(&app, origin, "/v1/notes"),
            from(&app, origin, "/v1/notes/1"),
            preflight(&app, origin, "/v1/notes", "POST"),
        ] {
            assert_eq!(permissions(&answer), [""; 0], "{answer:?}");
        }
    }
    let options = preflight(&app, APP, "/v1/notes", "POST").expect(204);
    assert_eq!(
        options.header("allow").unwrap(),
        "GET, HEAD, QUERY, POST, OPTIONS"
    );
}

#[test]
fn a_named_origin_may_read_every_answer() {
    let app = app("cors: [https://app.example, 'http://localhost:5173']").start();
    let writer = app.key().scope("notes.write").client();
    let made = writer
        .request("POST", "/v1/notes")
        .header("origin", APP)
        .json(&json!({"text": "a"}))
        .send();
    let tag = made.clone().expect(201).etag();
    let changed = app
        .request("GET", "/v1/notes/1")
        .header("origin", APP)
        .header("if-none-match", tag);
    for answer in [
        made,
        from(&app, APP, "/v1/notes").expect(200),
        from(&app, APP, "/v1/notes/1").expect(200),
        changed.send().expect(304),
        // Refusals too, or a page could not tell why.
        from(&app, APP, "/v1/notes/2").expect(404),
        from(&app, APP, "/v1/notes?x=1").expect(400),
        from(&app, APP, "/v1/nothing").expect(404),
        app.request("POST", "/v1/notes")
            .header("origin", APP)
            .json(&json!({"text": "a"}))
            .send()
            .expect(401),
        app.request("DELETE", "/v1/notes")
            .header("origin", APP)
            .send()
            .expect(405),
        from(&app, "http://localhost:5173", "/v1/notes").expect(200),
    ] {
        let allowed = answer.header("access-control-allow-origin").unwrap();
        assert!([APP, "http://localhost:5173"].contains(&&*allowed));
        assert_eq!(
            answer.header("access-control-expose-headers").unwrap(),
            "ETag, Location, Content-Location, Link, Retry-After, RateLimit, RateLimit-Policy, Deprecation, Sunset, Idempotency-Replayed, Preference-Applied, Dry-Run, X-Request-Id"
        );
        assert_eq!(answer.header("access-control-allow-credentials"), None);
        let vary = answer.header("vary").unwrap();
        assert_eq!(
            vary.split(", ").filter(|name| *name == "Origin").count(),
            1,
            "{vary}"
        );
    }
    for origin in [
        "https://app.example.evil.example",
        "http://app.example",
        "https://app.example:8443",
        "null",
        "http://localhost:3000",
    ] {
        let answer = from(&app, origin, "/v1/notes").expect(200);
        assert_eq!(permissions(&answer), [""; 0], "{origin}");
        let vary = answer.header("vary").unwrap();
        assert!(vary.contains("Origin"), "{vary}");
    }
}

#[test]
fn a_preflight_says_what_a_page_may_send() {
    let app = app("cors: [https://app.example]").start();
    for (target, method, methods) in [
        ("/v1/notes", "POST", "GET, HEAD, QUERY, POST, OPTIONS"),
        (
            "/v1/notes/1",
            "PATCH",
            "GET, HEAD, PUT, PATCH, DELETE, OPTIONS",
        ),
    ] {
        let answer = preflight(&app, APP, target, method).expect(204);
        assert_eq!(answer.header("access-control-allow-origin").unwrap(), APP);
        assert_eq!(
            answer.header("access-control-allow-methods").unwrap(),
            methods
        );
        assert_eq!(
            answer.header("access-control-allow-headers").unwrap(),
            "authorization,content-type,if-match"
        );
        assert!(answer.header("access-control-max-age").is_some());
        assert_eq!(answer.header("allow").unwrap(), methods);
        let vary = answer.header("vary").unwrap();
        for name in [
            "Origin",
            "Access-Control-Request-Method",
            "Access-Control-Request-Headers",
        ] {
            assert_eq!(
                vary.split(", ").filter(|known| *known == name).count(),
                1,
                "{vary}"
            );
        }
    }
    let refused = preflight(&app, "https://evil.example", "/v1/notes", "POST");
    assert_eq!(permissions(&refused), [""; 0]);
}

#[test]
fn pages_on_this_machine_are_admitted_in_development_only() {
    let app = app("").development().start();
    for (origin, admitted) in [
        ("http://localhost:3000", true),
        ("http://127.0.0.1:5173", true),
        ("https://app.localhost", true),
        (APP, false),
        ("http://localhost.evil.example", false),
        ("null", false),
    ] {
        let answer = from(&app, origin, "/v1/notes").expect(200);
        let allowed = answer.header("access-control-allow-origin");
        assert_eq!(allowed.as_deref(), admitted.then_some(origin));
        let answer = preflight(&app, origin, "/v1/notes", "POST").expect(204);
        assert_eq!(
            answer.header("access-control-allow-origin").is_some(),
            admitted,
            "{origin}"
        );
    }
}
