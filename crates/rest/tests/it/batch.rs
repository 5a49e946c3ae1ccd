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
            "/update/0/title too_short",
            "/update/1/till check_failed",
        ],
    );
    // Whatever it takes to find them: the body alone, the contract, or what is stored.
    check(
        json!({
            "delete": [null, id, {"id": 1, "x": 2}],
            "update": [{"id": id, "etag": 3, "title": ""}, {"id": id, "from": 3, "till": 1}, {"done": true}],
            "create": [1, {"title": ""}, {"title": "ok"}],
            "more": [],
        }),
        422,
        &[
            "/more unknown_field",
            "/create/0 wrong_type",
            "/create/1/title too_short",
            "/update/0/etag invalid",
            "/update/0/title too_short",
            "/update/1/till check_failed",
            "/update/2/id required",
            "/delete/0 wrong_type",
            "/delete/2/x unknown_field",
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
        &["/more unknown_field", "/create wrong_type"],
    );
    check(
        json!({
            "a/b": [],
            "update": [1, {"done": true}, {"id": [], "etag": 3}, {"id": "1"}],
            "delete": [null, "1", {"id": 1, "x": 2}],
        }),
        422,
        &[
            "/a~1b unknown_field",
            "/update/0 wrong_type",
            "/update/1/id required",
            "/update/2/etag invalid",
            "/update/2/id wrong_type",
            "/update/3/id wrong_type",
            "/delete/0 wrong_type",
            "/delete/1 wrong_type",
            "/delete/2/x unknown_field",
        ],
    );
    // An id that no record can have is a mistake like the others.
    check(
        json!({
            "create": [{"title": ""}],
            "update": [{"id": 2.5, "done": true}, {"id": 0, "title": ""}],
            "delete": [1.5, -1, {"id": 1e300}, 9_007_199_254_740_992_u64],
        }),
        422,
        &[
            "/create/0/title too_short",
            "/update/0/id invalid_format",
            "/update/1/id invalid_format",
            "/delete/0 invalid_format",
            "/delete/1 invalid_format",
            "/delete/2/id invalid_format",
            "/delete/3 invalid_format",
        ],
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
    // Who may do nothing here is not told what is wrong with it.
    let unreadable = json!({"create": [1], "update": [{"text": 3}]});
    app.post("/v1/notes/batch", &unreadable).expect(401);
    bob.post("/v1/notes/batch", &unreadable).expect(422);
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

const PATHS: &str = "
frontdesk: 1
name: paths
auth: {api_keys: true}
resources:
  Repo:
    key: [owner, name]
    soft_delete: 30d
    fields:
      owner: string
      name:  string
      stars: {type: integer, default: 0}
      open:  {type: boolean, default: true}
    access: {read: this.open, write: public}
  Issue:
    within: Repo
    key: number
    fields:
      repo:   Repo
      number: {type: integer, sequence: Repo}
      title:  {type: string, maxLength: 20}
    access: {read: public, write: public}
  Comment:
    within: Issue
    id: integer
    fields: {issue: Issue, body: text}
    access: {read: public, write: public}
  Serial:
    key: serial
    fields:
      serial: {type: integer, format: int64}
      note?:  string
    access: {read: public, write: public}
";

#[test]
fn records_are_named_as_their_path_names_them() {
    let app = App::start(PATHS);
    let repo = |name: &str| json!({"owner": "o", "name": name});
    let made = batch(
        &app,
        "repos",
        &json!({"create": [repo("a"), repo("b"), repo("c")]}),
    );
    let made = made.expect(200).json()["create"].clone();
    let answer = batch(
        &app,
        "repos",
        &json!({
            "update": [
                {"owner": "o", "name": "a", "stars": 1},
                // What was read can be sent back.
                {"id": made[1]["id"], "owner": "o", "name": "b", "stars": 2, "etag": made[1]["etag"]},
            ],
            "delete": [{"owner": "o", "name": "c"}],
        }),
    );
    let answer = answer.expect(200).json();
    assert_eq!(answer["update"][0]["stars"], 1);
    assert_eq!(answer["update"][1]["stars"], 2);
    // And what is answered leads to it, as its id would not.
    assert_eq!(answer["delete"], json!([{"owner": "o", "name": "c"}]));
    assert_eq!(app.get("/v1/repos/o/b").expect(200).json()["stars"], 2);
    app.get("/v1/repos/o/c").expect(404);

    let check = |path: &str, body: Json, status: u16, faults: &[&str]| {
        let answer = batch(&app, path, &body).expect(status);
        assert_eq!(answer.faults(), faults, "{body}");
    };
    check(
        "repos",
        json!({
            "update": [{"owner": "o", "stars": 1}, {"id": made[0]["id"], "stars": 1}, {"owner": 1, "name": "a"}],
            "delete": ["o", {"owner": "o", "name": "a", "stars": 1}],
        }),
        422,
        &[
            "/update/0/name required",
            "/update/1/owner required",
            "/update/1/name required",
            "/update/2/owner wrong_type",
            "/delete/0 wrong_type",
            "/delete/1/stars unknown_field",
        ],
    );
    check(
        "repos",
        json!({"update": [{"owner": "o", "name": "none"}]}),
        404,
        &["/update/0 not_found"],
    );
    check(
        "repos",
        json!({"update": [{"id": made[0]["id"], "owner": "o", "name": "b"}]}),
        422,
        &["/update/0/id read_only"],
    );
    batch(
        &app,
        "serials",
        &json!({"create": [{"serial": "7"}, {"serial": "8"}]}),
    )
    .expect(200);
    batch(
        &app,
        "serials",
        &json!({"update": [{"serial": "7", "note": "n"}], "delete": ["8"]}),
    )
    .expect(200);
    check(
        "serials",
        json!({"delete": [7]}),
        422,
        &["/delete/0 wrong_type"],
    );
    check(
        "serials",
        json!({"create": [{"serial": 1}, {"note": 1}], "delete": ["x", {"serial": "1e3"}, "07"]}),
        422,
        &[
            "/create/1/serial required",
            "/create/1/note wrong_type",
            "/delete/0 invalid_format",
            "/delete/1/serial invalid_format",
            "/delete/2 invalid_format",
        ],
    );
    assert_eq!(app.get("/v1/serials/7").expect(200).json()["note"], "n");
}

#[test]
fn records_within_others_are_written_where_they_are() {
    let app = App::start(PATHS);
    for name in ["a", "b", "hidden"] {
        let made = app.post("/v1/repos", &json!({"owner": "o", "name": name}));
        made.expect(201);
        let issues = json!({"create": [{"title": "first"}, {"title": "second"}]});
        let made = batch(&app, &format!("repos/o/{name}/issues"), &issues);
        assert_eq!(made.expect(200).json()["create"][1]["number"], 2);
    }
    app.patch("/v1/repos/o/hidden", &json!({"open": false}))
        .expect(204);
    let answer = batch(
        &app,
        "repos/o/a/issues",
        &json!({
            "create": [{"title": "third"}],
            "update": [{"number": 1, "title": "changed"}],
            "delete": [2],
        }),
    );
    let answer = answer.expect(200).json();
    assert_eq!(answer["create"][0]["number"], 3);
    assert_eq!(answer["update"][0]["title"], "changed");
    assert_eq!(answer["delete"], json!([2]));
    let told = |name: &str| {
        let list = app.get(&format!("/v1/repos/o/{name}/issues")).expect(200);
        let told = list.items().into_iter();
        told.map(|issue| format!("{} {}", issue["number"], issue["title"]))
            .collect::<Vec<_>>()
    };
    assert_eq!(told("a"), ["1 \"changed\"", "3 \"third\""]);
    assert_eq!(told("b"), ["1 \"first\"", "2 \"second\""]);

    // Where there is no record around them, or none to be seen, there is nothing to be written.
    for name in ["none", "hidden"] {
        for body in [
            json!({"create": [{"title": "a"}]}),
            json!({"update": [{"number": 1, "title": "a"}]}),
            json!({"delete": [1]}),
            json!({}),
        ] {
            let answer = batch(&app, &format!("repos/o/{name}/issues"), &body);
            assert_eq!(answer.expect(404).code(), "not_found", "{body}");
        }
    }
    let deeper = "repos/o/a/issues/1/comments";
    let made = batch(
        &app,
        deeper,
        &json!({"create": [{"body": "a"}, {"body": "b"}]}),
    );
    let made = made.expect(200).json()["create"].clone();
    let elsewhere = batch(
        &app,
        "repos/o/a/issues/3/comments",
        &json!({"delete": [made[0]["id"]]}),
    );
    assert_eq!(elsewhere.expect(404).faults(), ["/delete/0 not_found"]);
    let answer = batch(
        &app,
        deeper,
        &json!({"update": [{"id": made[0]["id"], "body": "c"}], "delete": [made[1]["id"]]}),
    );
    assert_eq!(answer.expect(200).json()["delete"], json!([made[1]["id"]]));
    let options = app.options("/v1/repos/o/a/issues/batch").expect(204);
    assert_eq!(options.header("allow").unwrap(), "POST, OPTIONS");
}

#[test]
fn what_a_batch_deletes_softly_can_be_restored() {
    let app = App::start(PATHS);
    let repo = |name: &str| json!({"owner": "o", "name": name});
    let both = json!({"create": [repo("a"), repo("b")]});
    batch(&app, "repos", &both).expect(200);
    batch(&app, "repos", &json!({"delete": [repo("a"), repo("b")]})).expect(200);
    app.get("/v1/repos/o/a").expect(404);
    // It is not there for another batch either, and its key stays taken.
    let gone = batch(&app, "repos", &json!({"delete": [repo("a")]}));
    assert_eq!(gone.expect(404).faults(), ["/delete/0 not_found"]);
    let mut change = repo("a");
    change["stars"] = json!(1);
    let gone = batch(&app, "repos", &json!({"update": [change]}));
    assert_eq!(gone.expect(404).faults(), ["/update/0 not_found"]);
    let taken = batch(&app, "repos", &json!({"create": [repo("a")]})).expect(409);
    assert_eq!(
        taken.faults(),
        [
            "/create/0/owner already_exists",
            "/create/0/name already_exists"
        ]
    );
    // Who could restore it is told so, for each part as for a single create.
    assert!(
        taken.text().contains("it is the deleted repo"),
        "{}",
        taken.text()
    );
    batch(&app, "repos", &json!({"create": [repo("c")]})).expect(200);
    let taken = app
        .patch("/v1/repos/o/c", &json!({"name": "a"}))
        .expect(409);
    assert!(
        taken.text().contains("it is the deleted repo"),
        "{}",
        taken.text()
    );
    let both = json!({"create": [repo("d"), repo("c")]});
    let taken = batch(&app, "repos", &both).expect(409);
    assert!(!taken.text().contains("deleted"), "{}", taken.text());
    app.request("POST", "/v1/repos/o/a/restore")
        .send()
        .expect(200);
    app.get("/v1/repos/o/a").expect(200);
    app.get("/v1/repos/o/b").expect(404);
    // What is refused later in the same batch takes a delete back.
    let refused = batch(&app, "repos", &json!({"delete": [repo("a"), repo("b")]}));
    assert_eq!(refused.expect(404).faults(), ["/delete/1 not_found"]);
    app.get("/v1/repos/o/a").expect(200);
}

#[test]
fn a_batch_of_nothing_is_for_whoever_could_write_something() {
    let app = DESK.get();
    let ann = app.key().all_scopes().user("ann").client();
    let reader = app.key().scope("notes.read").user("ann").client();
    for body in [json!({}), json!({"create": [], "update": [], "delete": []})] {
        let done = ann.post("/v1/notes/batch", &body).expect(200).json();
        assert_eq!(done, json!({"create": [], "update": [], "delete": []}));
        assert_eq!(
            reader.post("/v1/notes/batch", &body).expect(403).code(),
            "insufficient_scope"
        );
        app.post("/v1/notes/batch", &body).expect(401);
        // Guests may create a drop.
        app.post("/v1/drops/batch", &body).expect(200);
    }
}

#[test]
fn a_part_has_one_entity_tag() {
    let app = DESK.get();
    for etag in [
        "",
        "*",
        "3.a",
        "\"",
        "\"\"",
        "\"3.a\", \"4.b\"",
        "W/\"3.a\"",
    ] {
        let body = json!({"delete": [{"id": 1, "etag": etag}]});
        let refused = batch(&app, "tasks", &body).expect(422);
        assert_eq!(refused.faults(), ["/delete/0/etag invalid"], "{etag}");
    }
}
