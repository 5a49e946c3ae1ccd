//! Writes for show (`dry_run`), and what a client prefers about the answer (`Prefer`).

use serde_json::{Value as Json, json};
use testkit::{Answer, App};

use crate::support::{Shared, feed};

static DESK: Shared = Shared::new(|| App::start(CONTRACT));

const CONTRACT: &str = "
frontdesk: 1
name: desk
resources:
  Task:
    id: integer
    fields:
      title: {type: string, minLength: 1}
      code?: {type: string, unique: true}
    access: {read: public, write: public}
  Other:
    id: integer
    fields: {title: string}
    access: {read: public, write: public}
  Charge:
    id: integer
    fields: {amount: integer}
    idempotency: required
    access: {read: public, write: public}
  Drop:
    fields: {text: string}
    access: {create: public}
";

#[test]
fn a_rehearsal_decides_everything_and_stores_nothing() {
    let app = App::start(CONTRACT);
    app.post("/v1/tasks", &json!({"title": "a", "code": "a"}))
        .expect(201);
    let before = feed(&app);
    let show = |answer: Answer| {
        assert_eq!(answer.header("dry-run").as_deref(), Some("true"));
        assert_eq!(
            (answer.header("location"), answer.header("etag")),
            (None, None)
        );
        answer
    };
    let shown = show(app.post("/v1/tasks?dry_run=true", &json!({"title": "b"}))).expect(200);
    assert_eq!(
        (&shown.json()["id"], &shown.json()["title"]),
        (&json!(2), &json!("b"))
    );
    app.post("/v1/tasks?dry_run=true", &json!({"title": ""}))
        .expect(422);
    let taken = json!({"title": "b", "code": "a"});
    assert_eq!(
        app.post("/v1/tasks?dry_run=true", &taken)
            .expect(409)
            .header("dry-run"),
        None
    );
    let path = "/v1/tasks/1?dry_run=true";
    let shown = show(app.patch(path, &json!({"title": "c"}))).expect(200);
    assert_eq!(shown.json()["title"], "c");
    show(app.put(path, &json!({"title": "d"}))).expect(200);
    show(app.delete(path)).expect(204);
    app.delete("/v1/tasks/9?dry_run=true").expect(404);
    show(app.post("/v1/drops?dry_run=true", &json!({"text": "a"}))).expect(204);
    let batch = json!({"create": [{"title": "x", "code": "x"}], "delete": [1]});
    let shown = show(app.post("/v1/tasks/batch?dry_run=true", &batch)).expect(200);
    assert_eq!(shown.json()["create"][0]["code"], "x");
    app.post("/v1/charges?dry_run=true", &json!({"amount": 1}))
        .expect(400);

    assert_eq!(feed(&app), before);
    assert_eq!(app.get("/v1/tasks/1").json()["title"], "a");
    // No key was used up, and no number.
    let keyed = |path: &str, title: &str| {
        app.request("POST", path)
            .header("idempotency-key", "show")
            .json(&json!({"title": title}))
            .send()
    };
    show(keyed("/v1/tasks?dry_run=true", "e")).expect(200);
    let made = keyed("/v1/tasks?dry_run=false", "f").expect(201);
    assert_eq!(made.header("dry-run"), None);
    if app.target().is_none() {
        // PostgreSQL counts on, whatever becomes of the write.
        assert_eq!(made.json()["id"], 2);
    }
    assert_eq!(
        app.get("/v1/tasks?dry_run=true").expect(400).faults(),
        ["?dry_run unknown_parameter"]
    );
}

fn preferring(app: &App, method: &str, path: &str, prefer: &str, body: &Json) -> (Answer, String) {
    let call = app.request(method, path).header("prefer", prefer);
    let answer = call.json(body).send();
    let applied = answer.header("preference-applied").unwrap_or_default();
    (answer, applied)
}

#[test]
fn preferences_are_followed_and_told() {
    let app = DESK.get();
    let minimal = "return=minimal";
    let (made, applied) = preferring(&app, "POST", "/v1/others", minimal, &json!({"title": "a"}));
    assert_eq!(
        (made.status, made.text(), applied.as_str()),
        (201, "", minimal)
    );
    assert_eq!(made.header("content-type"), None);
    let path = made.header("location").unwrap();
    assert_eq!(app.get(&path).etag(), made.etag());

    let change = json!({"title": "b"});
    let (changed, applied) = preferring(&app, "PATCH", &path, minimal, &change);
    assert_eq!(
        (changed.status, changed.text(), applied.as_str()),
        (204, "", minimal)
    );
    assert_eq!(app.get(&path).etag(), changed.etag());
    let batch = json!({"update": [{"id": app.get(&path).json()["id"], "title": "c"}]});
    let (done, applied) = preferring(&app, "POST", "/v1/others/batch", minimal, &batch);
    assert_eq!((done.status, applied.as_str()), (204, minimal));
    assert_eq!(app.get(&path).json()["title"], "c");

    let whole = "return=representation, handling=strict; x=1, unknown";
    let (changed, applied) = preferring(&app, "PATCH", &path, whole, &change);
    assert_eq!(changed.expect(200).json()["title"], "b");
    assert_eq!(applied, "return=representation, handling=strict");
    let (changed, applied) = preferring(&app, "PATCH", &path, "handling=lenient, foo", &change);
    assert_eq!((changed.status, applied.as_str()), (200, ""));
    // A refusal is what it is.
    let (refused, applied) = preferring(&app, "POST", "/v1/others", minimal, &json!({}));
    assert_eq!(
        (refused.expect(422).code().as_str(), applied.as_str()),
        ("invalid", "")
    );
    // Reads are not written, and answered as ever.
    let read = app.request("GET", &path).header("prefer", minimal).send();
    assert_eq!(read.expect(200).header("preference-applied"), None);
}
