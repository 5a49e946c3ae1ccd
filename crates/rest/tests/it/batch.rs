//! Many writes in one request: all of them or none.

use std::time::Instant;

use serde_json::{Value as Json, json};
use testkit::{Answer, App};

use crate::support::{Shared, feed};

static DESK: Shared = Shared::new(|| App::start(CONTRACT));

const CONTRACT: &str = "
frontdesk: 1
name: desk
auth: {api_keys: true}
resources:
  Task:
    id: integer
    fields:
      title: {type: string, minLength: 1, maxLength: 40, index: true}
      code?: {type: string, unique: true}
      owner?: Person
      done:  {type: boolean, default: false}
      from?: integer
      till?: integer
    check:
      - {rule: this.from == null || this.till == null || this.from <= this.till, message: ends before it begins, at: till}
    access: {read: public, write: public}
  Person:
    id: string
    fields: {name: string}
    access: {read: public, write: public}
  Law:
    id: integer
    fields: {text: string}
    concurrency: required
    access: {read: public, write: public}
  Charge:
    id: integer
    fields: {amount: integer}
    idempotency: required
    access: {read: public, write: public}
  Note:
    id: integer
    fields:
      text:  string
      owner: {type: string, set: =user.id}
    rules: {mine: this.owner == user.id}
    access: {read: mine, create: signed_in, update: mine, delete: mine}
  Drop:
    id: integer
    fields: {text: string}
    access: {create: public}
";

fn batch(app: &App, path: &str, body: &Json) -> Answer {
    app.post(&format!("/v1/{path}/batch"), body)
}

#[test]
fn all_is_done_and_answered_in_the_same_shape() {
    let app = DESK.get();
    let made = ["a", "b", "c"].map(|title| {
        let made = app.post("/v1/tasks", &json!({"title": title})).expect(201);
        (made.json()["id"].clone(), made.etag())
    });
    let answer = batch(
        &app,
        "tasks",
        &json!({
            "create": [{"title": "d", "code": "shape"}, {"title": "e"}],
            "update": [
                {"id": made[0].0, "etag": made[0].1, "done": true},
                {"id": made[1].0, "title": "b"},
            ],
            "delete": [made[2].0],
        }),
    );
    let json = answer.expect(200).json();
    assert_eq!(json["create"][0]["title"], "d");
    assert_eq!(json["create"][1]["title"], "e");
    assert_eq!(json["update"][0]["done"], true);
    assert_eq!(json["update"][1]["title"], "b");
    assert_eq!(json["delete"], json!([made[2].0]));
    // The tag of each is the one that a GET answers with.
    for record in [&json["create"][0], &json["update"][0], &json["update"][1]] {
        let read = app.get(&format!("/v1/tasks/{}", record["id"])).expect(200);
        assert_eq!(record["etag"], read.etag());
    }
    app.get(&format!("/v1/tasks/{}", made[2].0)).expect(404);
    // One entry for each change, and none for what was as it should be.
    let told = feed(&app);
    let of = |id: &Json| {
        let of = format!(" Task {id} ");
        let told = told.iter().filter(|entry| entry.contains(&of));
        told.map(|entry| entry.split(' ').next().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(of(&json["create"][1]["id"]), ["create"]);
    assert_eq!(of(&made[0].0), ["create", "update"]);
    assert_eq!(of(&made[1].0), ["create"]);
    assert_eq!(of(&made[2].0), ["create", "delete"]);

    let fields = app.post(
        "/v1/tasks/batch?fields=title",
        &json!({"create": [{"title": "f"}]}),
    );
    let fields = fields.expect(200).json();
    assert_eq!(fields["create"][0]["title"], "f");
    assert_eq!(fields["create"][0]["id"], Json::Null);
    let empty = batch(&app, "tasks", &json!({})).expect(200);
    assert_eq!(
        empty.json(),
        json!({"create": [], "update": [], "delete": []})
    );
}

#[test]
fn of_what_is_refused_nothing_is_done() {
    let app = DESK.get();
    let first = app
        .post("/v1/tasks", &json!({"title": "a", "code": "none-1"}))
        .expect(201);
    let id = &first.json()["id"];
    let before = feed(&app)
        .into_iter()
        .filter(|entry| entry.contains(" Task "))
        .count();
    let total = || app.get("/v1/tasks?total=true").json()["total"].clone();
    let check = |body: Json, status: u16, faults: &[&str]| {
        let answer = batch(&app, "tasks", &body).expect(status);
        assert_eq!(answer.faults(), faults, "{body}");
    };
    // All faults of the input at once.
    check(
        json!({
            "create": [{"title": "ok"}, {"title": "", "more": 1}, {"title": "x", "from": 2, "till": 1}],
            "update": [{"id": id, "title": ""}, {"id": id, "from": 3, "till": 1}],
        }),
        422,
        &[
            "/create/1/more unknown_field",
            "/create/1/title too_short",
            "/create/2/till check_failed",
        ],
    );
    check(
        json!({
            "create": [{"title": "ok"}],
            "update": [{"id": id, "title": ""}, {"id": id, "from": 3, "till": 1}, {"id": id, "id2": 1}],
        }),
        422,
        &[
            "/update/0/title too_short",
            "/update/1/till check_failed",
            "/update/2/id2 unknown_field",
        ],
    );
    check(
        json!({"create": [{"title": "ok", "code": "none-2"}, {"title": "b", "code": "none-1"}]}),
        409,
        &["/create/1/code already_exists"],
    );
    check(
        json!({"create": [{"title": "ok", "code": "none-2"}, {"title": "b", "code": "none-2"}]}),
        409,
        &["/create/1/code already_exists"],
    );
    check(
        json!({"create": [{"title": "ok"}, {"title": "b", "owner_id": "nobody"}]}),
        409,
        &["/create/1/owner_id unknown_reference"],
    );
    check(
        json!({"create": [{"title": "ok"}], "update": [{"id": 4_000_000, "done": true}]}),
        404,
        &["/update/0 not_found"],
    );
    check(
        json!({"create": [{"title": "ok"}], "delete": [id, id]}),
        404,
        &["/delete/1 not_found"],
    );
    check(
        json!({"create": [{"title": "ok"}], "delete": [{"id": id, "etag": "\"7.a\""}]}),
        412,
        &["/delete/0 stale"],
    );
    check(
        json!({"create": 1, "more": []}),
        422,
        &["/create wrong_type", "/more unknown_field"],
    );
    let many = vec![json!({"title": "a"}); 1001];
    check(json!({"create": many}), 422, &[" too_many_items"]);
    let now = feed(&app)
        .into_iter()
        .filter(|entry| entry.contains(" Task "))
        .count();
    assert_eq!(before, now, "{}", total());
}

#[test]
fn preconditions_keys_and_rules_hold_for_every_part() {
    let app = DESK.get();
    let law = app.post("/v1/laws", &json!({"text": "a"})).expect(201);
    let id = &law.json()["id"];
    let update = |etag: Option<String>| {
        let mut part = json!({"id": id, "text": "b"});
        if let Some(etag) = etag {
            part["etag"] = json!(etag);
        }
        batch(&app, "laws", &json!({"update": [part]}))
    };
    assert_eq!(
        update(None).expect(428).faults(),
        ["/update/0 precondition_required"]
    );
    update(Some("\"9.a\"".to_owned())).expect(412);
    update(Some(law.etag())).expect(200);

    let body = json!({"create": [{"amount": 1}, {"amount": 2}]});
    assert_eq!(
        batch(&app, "charges", &body).expect(400).code(),
        "idempotency_required"
    );
    let keyed = || {
        let call = app.request("POST", "/v1/charges/batch");
        call.header("idempotency-key", "batch")
            .json(&body)
            .send()
            .expect(200)
    };
    let (first, second) = (keyed(), keyed());
    assert_eq!(first.text(), second.text());
    assert_eq!(
        second.header("idempotency-replayed").as_deref(),
        Some("true")
    );
    assert_eq!(app.get("/v1/charges").items().len(), 2);

    let (ann, bob) = (
        app.key().all_scopes().user("ann").client(),
        app.key().all_scopes().user("bob").client(),
    );
    let note = ann.post("/v1/notes", &json!({"text": "a"})).expect(201);
    let id = &note.json()["id"];
    let body = json!({"create": [{"text": "b"}], "update": [{"id": id, "text": "c"}]});
    bob.post("/v1/notes/batch", &body).expect(404);
    app.post("/v1/notes/batch", &body).expect(401);
    let reader = app.key().scope("notes.read").user("ann").client();
    assert_eq!(
        reader.post("/v1/notes/batch", &body).expect(403).code(),
        "insufficient_scope"
    );
    assert_eq!(bob.get("/v1/notes").items().len(), 0);
    ann.post("/v1/notes/batch", &body).expect(200);
    // Who may not see what was made is told what it is called.
    let dropped = batch(&app, "drops", &json!({"create": [{"text": "a"}]})).expect(200);
    assert_eq!(dropped.json()["create"], json!([{"id": 1}]));
    assert_eq!(
        batch(&app, "drops", &json!({"delete": [1]}))
            .expect(401)
            .code(),
        "unauthenticated"
    );
}

#[test]
fn the_path_is_not_in_the_way_of_an_id() {
    let app = DESK.get();
    let path = "/v1/people/batch";
    app.request("PUT", path)
        .header("if-none-match", "*")
        .json(&json!({"name": "Batch"}))
        .send()
        .expect(201);
    assert_eq!(app.get(path).expect(200).json()["name"], "Batch");
    let made = app.post(path, &json!({"create": [{"id": "b2", "name": "B"}]}));
    assert_eq!(made.expect(200).json()["create"][0]["id"], "b2");
    app.delete(path).expect(204);
    // Where ids are numbers, none is called so.
    assert_eq!(
        app.get("/v1/tasks/batch")
            .expect(405)
            .header("allow")
            .unwrap(),
        "POST, OPTIONS"
    );
}

#[test]
fn a_thousand_records_are_written_at_once() {
    let app = App::start(CONTRACT);
    let many: Vec<Json> = (0..1000)
        .map(|n| json!({"title": format!("t{n}")}))
        .collect();
    let started = Instant::now();
    let answer = batch(&app, "tasks", &json!({"create": many})).expect(200);
    // Generous: even unoptimised it is a fraction of this.
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
    assert_eq!(answer.json()["create"].as_array().unwrap().len(), 1000);
    assert_eq!(answer.json()["create"][999]["id"], 1000);
    assert_eq!(feed(&app).len(), 1000);
}
