//! Creating, changing, replacing and deleting records.

use frontdesk::store;
use serde_json::{Value as Json, json};
use testkit::{Answer, App};

use crate::support::Shared;

/// Open to everybody: who may write is shown elsewhere.
static SHOP: Shared = Shared::new(|| App::start(CONTRACT));

const CONTRACT: &str = "
frontdesk: 1
name: shop
types:
  Size:
    width: {type: integer, minimum: 1}
    unit:  {enum: [cm, in], default: cm}
resources:
  Maker:
    id: integer
    fields: {name: {type: string, unique: true}}
    lists: {items: Item.maker}
    access: {read: public, write: public}
  Item:
    id: integer
    fields:
      name:    {type: string, minLength: 1, maxLength: 10}
      code?:   {type: string, immutable: true}
      maker?:  Maker
      note?:   {type: string, default: none}
      tags:    {type: array, items: {type: string}, default: []}
      size?:   Size
      extra?:  json
      state:   {enum: [new, used], default: new, readOnly: true}
      pin?:    {type: string, writeOnly: true}
      label:   {type: string, value: '=this.name + \"!\"'}
    access: {read: public, write: public}
  Setting:
    id: string
    fields: {value: string, note?: string}
    access: {read: public, write: public}
";

const JSON_PATCH: &str = "application/json-patch+json";

/// A new item of this name, and its path.
fn item(app: &App, name: &str) -> (Answer, String) {
    let made = app.post("/v1/items", &json!({"name": name})).expect(201);
    let path = made.header("location").unwrap();
    (made, path)
}

#[test]
fn a_created_record_comes_back_whole_with_its_place_and_tag() {
    let app = SHOP.get();
    let (made, path) = item(&app, "chair");
    let id = made.json()["id"].as_i64().unwrap();
    assert_eq!(path, format!("/v1/items/{id}"));
    assert_eq!(made.header("content-type").unwrap(), "application/json");
    let read = app.get(&path).expect(200);
    assert_eq!(read.json(), made.json());
    assert_eq!(read.etag(), made.etag());
    let record = made.json();
    assert_eq!(
        record,
        json!({
            "id": id, "name": "chair", "code": null, "maker_id": null, "note": "none", "tags": [],
            "size": null, "extra": null, "state": "new", "label": "chair!",
            "created_at": record["created_at"], "updated_at": record["created_at"],
        })
    );
}

#[test]
fn the_answer_to_a_write_has_the_view_asked_for() {
    let app = SHOP.get();
    let maker = app
        .post("/v1/makers?fields=id,name", &json!({"name": "view"}))
        .expect(201);
    let maker_id = maker.json()["id"].clone();
    assert_eq!(maker.json(), json!({"id": maker_id, "name": "view"}));
    let made = app.post(
        "/v1/items?fields=name,maker.name",
        &json!({"name": "sofa", "maker_id": maker_id}),
    );
    let shown = json!({"name": "sofa", "maker": {"name": "view"}});
    assert_eq!(made.expect(201).json(), shown);
    let path = format!("/v1/makers/{maker_id}?fields=id");
    assert_eq!(
        app.patch(&path, &json!({"name": "views"}))
            .expect(200)
            .json(),
        json!({"id": maker_id})
    );
    let refused = app
        .post("/v1/items?limit=1", &json!({"name": "x"}))
        .expect(400);
    assert_eq!(refused.faults(), ["?limit unknown_parameter"]);
}

#[test]
fn a_record_is_created_in_a_nested_collection() {
    let app = SHOP.get();
    let maker = app.post("/v1/makers", &json!({"name": "nest"})).expect(201);
    let path = format!("{}/items", maker.header("location").unwrap());
    let made = app.post(&path, &json!({"name": "lamp"})).expect(201);
    assert_eq!(made.json()["maker_id"], maker.json()["id"]);
    let at = made.header("location").unwrap();
    assert_eq!(at, format!("/v1/items/{}", made.json()["id"]));
    assert_eq!(app.get(&at).expect(200).etag(), made.etag());
    let same = json!({"name": "lamp", "maker_id": maker.json()["id"]});
    app.post(&path, &same).expect(201);
    let other = app
        .post(&path, &json!({"name": "lamp", "maker_id": null}))
        .expect(422);
    assert_eq!(other.faults(), ["/maker_id conflicts_with_path"]);
    app.post("/v1/makers/99999/items", &json!({"name": "lamp"}))
        .expect(404);
}

#[test]
fn a_merge_patch_keeps_what_is_absent_and_clears_what_is_null() {
    let app = SHOP.get();
    let (_, path) = item(&app, "merge");
    let patch = |body: serde_json::Value| app.patch(&path, &body).expect(200).json();
    let item = patch(
        json!({"note": "hi", "size": {"width": 3}, "tags": ["a", "b"], "extra": {"a": {"b": 1, "c": 2}}}),
    );
    assert_eq!(
        (&item["name"], &item["note"]),
        (&json!("merge"), &json!("hi"))
    );
    assert_eq!(item["size"], json!({"width": 3, "unit": "cm"}));
    // Inside objects as well; arrays are replaced.
    let item = patch(
        json!({"note": null, "size": {"unit": "in"}, "tags": ["c"], "extra": {"a": {"b": null}}}),
    );
    assert_eq!(
        (&item["note"], &item["size"]),
        (&json!(null), &json!({"width": 3, "unit": "in"}))
    );
    assert_eq!(
        (&item["tags"], &item["extra"]),
        (&json!(["c"]), &json!({"a": {"c": 2}}))
    );
    let refused = app
        .patch(&path, &json!({"name": null, "size": {"width": null}}))
        .expect(422);
    assert_eq!(refused.faults(), ["/name not_null", "/size/width required"]);
}

#[test]
fn plain_json_is_a_merge_patch() {
    let app = SHOP.get();
    let (_, path) = item(&app, "plain");
    for media in [
        "application/json",
        "application/json; charset=utf-8",
        "application/merge-patch+json",
        "Application/Merge-Patch+JSON",
    ] {
        let note = format!("by {media}");
        let patch = app
            .request("PATCH", &path)
            .body(media, json!({"note": note}).to_string());
        assert_eq!(patch.send().expect(200).json()["note"], *note);
    }
}

#[test]
fn a_json_patch_is_carried_out_step_by_step_or_not_at_all() {
    let app = SHOP.get();
    let (_, path) = item(&app, "steps");
    let patch = |operations: serde_json::Value| {
        let request = app.request("PATCH", &path);
        request.body(JSON_PATCH, operations.to_string()).send()
    };
    let item = patch(json!([
        {"op": "test", "path": "/name", "value": "steps"},
        {"op": "replace", "path": "/note", "value": "a"},
        {"op": "add", "path": "/tags/-", "value": "x"},
        {"op": "add", "path": "/tags/0", "value": "w"},
        {"op": "add", "path": "/size", "value": {"width": 2}},
        {"op": "copy", "from": "/note", "path": "/tags/0"},
    ]));
    let item = item.expect(200).json();
    assert_eq!(item["tags"], json!(["a", "w", "x"]));
    assert_eq!(
        (&item["note"], &item["size"]),
        (&json!("a"), &json!({"width": 2, "unit": "cm"}))
    );
    let item = patch(
        json!([{"op": "remove", "path": "/note"}, {"op": "move", "from": "/tags/2", "path": "/tags/0"}]),
    );
    let item = item.expect(200);
    assert_eq!(
        (&item.json()["note"], &item.json()["tags"]),
        (&json!(null), &json!(["x", "a", "w"]))
    );

    for (operations, status, code, fault) in [
        (
            json!([{"op": "replace", "path": "/note", "value": "b"}, {"op": "test", "path": "/name", "value": "no"}]),
            409,
            "conflict",
            "/1 patch_failed",
        ),
        (
            json!([{"op": "remove", "path": "/tags/9"}]),
            409,
            "conflict",
            "/0 patch_failed",
        ),
        (
            json!([{"op": "replace", "path": "/colour", "value": 1}]),
            409,
            "conflict",
            "/0 patch_failed",
        ),
        (
            json!([{"op": "add", "path": "/colour", "value": 1}]),
            422,
            "invalid",
            "/colour unknown_field",
        ),
        (
            json!([{"op": "replace", "path": "/state", "value": "used"}]),
            422,
            "invalid",
            "/state read_only",
        ),
        (
            json!([{"op": "replace", "path": "/id", "value": 0}]),
            422,
            "invalid",
            "/id read_only",
        ),
        (
            json!([{"op": "add", "path": "/label", "value": "x"}]),
            422,
            "invalid",
            "/label read_only",
        ),
        (
            json!([{"op": "remove", "path": "/name"}]),
            422,
            "invalid",
            "/name not_null",
        ),
        (
            json!([{"op": "replace", "path": "/name", "value": "much too long"}]),
            422,
            "invalid",
            "/name too_long",
        ),
        (
            json!([{"op": "put", "path": "/name"}]),
            400,
            "malformed",
            "/0/op unknown_operation",
        ),
        (
            json!([{"op": "add", "path": "name", "value": 1}]),
            400,
            "malformed",
            "/0/path not_a_pointer",
        ),
        (
            json!([{"op": "add", "path": "/name"}]),
            400,
            "malformed",
            "/0/value required",
        ),
        (json!({"name": "x"}), 400, "malformed", " wrong_type"),
        (
            json!([{"op": "replace", "path": "", "value": 1}]),
            400,
            "malformed",
            " invalid_patch",
        ),
    ] {
        let refused = patch(operations.clone()).expect(status);
        assert_eq!(refused.code(), code, "{operations}");
        assert_eq!(refused.faults(), [fault], "{operations}");
    }
    assert_eq!(app.get(&path).expect(200).etag(), item.etag());
    let long = format!("/tags/{}", "9".repeat(2_000));
    for (operation, why) in [
        (
            json!({"op": "test", "path": "/name", "value": "no"}),
            "`/name` has another value.",
        ),
        (
            json!({"op": "replace", "path": "/colour", "value": 1}),
            "there is nothing at `/colour`.",
        ),
        (
            json!({"op": "move", "from": "/tags/9", "path": "/note"}),
            "there is nothing at `/tags/9`.",
        ),
        (
            json!({"op": "copy", "from": "/colour", "path": "/note"}),
            "there is nothing at `/colour`.",
        ),
        (
            json!({"op": "move", "from": "/size", "path": "/size/unit"}),
            "a value cannot be moved into itself.",
        ),
        (
            json!({"op": "add", "path": "/colour/x", "value": 1}),
            "there is no place for a value at `/colour/x`.",
        ),
        (
            json!({"op": "add", "path": "/tags/99", "value": "x"}),
            "there is no place for a value at `/tags/99`.",
        ),
        (
            json!({"op": "remove", "path": long}),
            "there is nothing at `/tags/9999",
        ),
    ] {
        let refused = patch(json!([operation])).expect(409).json();
        let detail = refused["detail"].as_str().unwrap();
        let expected = format!("Operation 0 does not apply: {why}");
        assert!(
            detail.starts_with(&expected) && detail.len() < 200,
            "{detail}"
        );
    }
}

#[test]
fn a_json_patch_cannot_grow_without_bounds() {
    let app = SHOP.get();
    let (made, path) = item(&app, "bomb");
    let mut operations = vec![json!({"op": "add", "path": "/extra", "value": ["x".repeat(1000)]})];
    operations.extend((0..40).map(|_| json!({"op": "copy", "from": "/extra", "path": "/extra/-"})));
    let patch = |operations: &[serde_json::Value]| {
        let body = serde_json::to_vec(operations).unwrap();
        app.request("PATCH", &path).body(JSON_PATCH, body).send()
    };
    assert_eq!(patch(&operations).expect(400).code(), "malformed");
    let many = vec![json!({"op": "test", "path": "/name", "value": "bomb"}); 101];
    assert_eq!(patch(&many).expect(400).code(), "malformed");
    assert_eq!(app.get(&path).expect(200).etag(), made.etag());
}

#[test]
fn a_put_replaces_everything_a_client_can_set() {
    let app = SHOP.get();
    let maker = app
        .post("/v1/makers", &json!({"name": "put"}))
        .expect(201)
        .json()["id"]
        .clone();
    let body = json!({"name": "full", "code": "C1", "maker_id": maker, "note": "n", "tags": ["t"], "size": {"width": 1}, "pin": "1234"});
    let made = app.post("/v1/items", &body).expect(201);
    let path = made.header("location").unwrap();
    let item = app.put(&path, &json!({"name": "bare"})).expect(200).json();
    // Back to the defaults; what cannot be set, or not seen, stays.
    assert_eq!(
        (
            &item["name"],
            &item["maker_id"],
            &item["note"],
            &item["tags"],
            &item["size"]
        ),
        (
            &json!("bare"),
            &json!(null),
            &json!("none"),
            &json!([]),
            &json!(null)
        )
    );
    assert_eq!(
        (&item["code"], &item["created_at"]),
        (&json!("C1"), &made.json()["created_at"])
    );
    let driver = app.inner().database().driver();
    let feed = app.wait(store::feed::read(&**driver, 0, 100_000)).unwrap();
    let id = made.json()["id"].to_string();
    let put = feed
        .iter()
        .rev()
        .find(|entry| (&*entry.resource, &*entry.action, &entry.record) == ("Item", "update", &id));
    let stored: Json = serde_json::from_str(put.unwrap().after.as_ref().unwrap()).unwrap();
    assert_eq!(stored["pin"], "1234");
    let refused = app.put(&path, &json!({"note": "x"})).expect(422);
    assert_eq!(refused.faults(), ["/name required"]);
    app.put("/v1/items/99999", &json!({"name": "x"}))
        .expect(404);
}

#[test]
fn what_was_read_can_be_sent_back() {
    let app = SHOP.get();
    let (made, path) = item(&app, "round");
    for method in ["PUT", "PATCH"] {
        let same = app
            .request(method, &path)
            .json(&made.json())
            .send()
            .expect(200);
        assert_eq!(same.json(), made.json(), "{method}");
        assert_eq!(same.etag(), made.etag(), "{method}");
    }
    let mut changed = made.json();
    changed["name"] = json!("rounder");
    let put = app.put(&path, &changed).expect(200);
    assert_eq!(
        (&put.json()["name"], &put.json()["label"]),
        (&json!("rounder"), &json!("rounder!"))
    );
    for (member, value, code) in [
        ("id", json!(0), "read_only"),
        ("created_at", json!("2020-01-01T00:00:00Z"), "read_only"),
        ("updated_at", json!(null), "read_only"),
        ("state", json!("used"), "read_only"),
        ("code", json!("C9"), "immutable"),
    ] {
        for method in ["PUT", "PATCH"] {
            let mut body = put.json();
            body[member] = value.clone();
            let refused = app.request(method, &path).json(&body).send().expect(422);
            assert_eq!(refused.faults(), [format!("/{member} {code}")], "{method}");
        }
    }
}

#[test]
fn unknown_and_read_only_members_are_refused_where_they_stand() {
    let app = SHOP.get();
    let body = json!({
        "name": "x", "colour": "red", "a/b~c": 1, "id": 7, "created_at": null, "label": "x",
        "state": "used", "maker": 1, "size": {"width": 1, "depth": 2},
    });
    let refused = app.post("/v1/items", &body).expect(422);
    assert_eq!(refused.code(), "invalid");
    let mut faults = refused.faults();
    faults.sort();
    assert_eq!(
        faults,
        [
            "/a~1b~0c unknown_field",
            "/colour unknown_field",
            "/created_at read_only",
            "/id read_only",
            "/label read_only",
            "/maker unknown_field",
            "/size/depth unknown_member",
            "/state read_only",
        ]
    );
    let detail = |pointer: &str| {
        let problem = refused.json();
        let errors = problem["errors"].as_array().unwrap();
        let fault = errors
            .iter()
            .find(|fault| fault["pointer"] == pointer)
            .unwrap();
        fault["detail"].as_str().unwrap().to_owned()
    };
    assert!(detail("/maker").contains("`maker_id`"));
    assert!(detail("/colour").contains("name, code, maker_id"));
}

#[test]
fn a_client_that_chooses_ids_creates_with_put() {
    let app = SHOP.get();
    let put = |id: &str, body: serde_json::Value| {
        let request = app
            .request("PUT", &format!("/v1/settings/{id}"))
            .json(&body);
        request.header("if-none-match", "*").send()
    };
    let made = put("theme", json!({"value": "dark"})).expect(201);
    assert_eq!(made.header("location").unwrap(), "/v1/settings/theme");
    assert_eq!(
        (&made.json()["id"], &made.json()["note"]),
        (&json!("theme"), &json!(null))
    );
    assert_eq!(
        app.get("/v1/settings/theme").expect(200).etag(),
        made.etag()
    );
    assert_eq!(
        put("theme", json!({"value": "light"})).expect(412).code(),
        "stale"
    );
    // Without the condition it is a replacement, and there is nothing to replace.
    let nothing = app.put("/v1/settings/font", &json!({"value": "x"}));
    let nothing = nothing.expect(404);
    let told = nothing.text();
    assert!(told.contains("send `If-None-Match: *`"), "{told}");
    // Who wants to change what is there does not want to create it.
    let change = app.request("PUT", "/v1/settings/font");
    let change = change.header("if-match", "*").json(&json!({"value": "x"}));
    let nothing = change.send().expect(404);
    let told = nothing.text();
    assert!(!told.contains("If-None-Match"), "{told}");
    assert_eq!(
        app.put("/v1/settings/theme", &json!({"value": "light"}))
            .expect(200)
            .json()["value"],
        "light"
    );
    let refused = put("font", json!({"value": "x", "id": "face"})).expect(422);
    assert_eq!(refused.faults(), ["/id conflicts_with_path"]);
    app.get("/v1/settings/font").expect(404);
    // The path may spell the same id in another way.
    let same = put("f%6Fnt", json!({"value": "x", "id": "font"})).expect(201);
    assert_eq!(same.header("location").unwrap(), "/v1/settings/font");
    put("a%20b", json!({"value": "x"})).expect(404);

    // POST names the id in the body.
    app.post("/v1/settings", &json!({"id": "size", "value": "1"}))
        .expect(201);
    let taken = app
        .post("/v1/settings", &json!({"id": "size", "value": "2"}))
        .expect(409);
    assert_eq!(
        (&*taken.code(), taken.faults()),
        ("already_exists", vec!["/id already_exists".to_owned()])
    );
    let without = app.post("/v1/settings", &json!({"value": "2"})).expect(422);
    assert_eq!(without.faults(), ["/id required"]);
    // Where the server gives the ids there is nothing to create so.
    let request = app
        .request("PUT", "/v1/items/99999")
        .json(&json!({"name": "x"}));
    request.header("if-none-match", "*").send().expect(404);
}

#[test]
fn what_is_deleted_is_gone() {
    let app = SHOP.get();
    let (_, path) = item(&app, "gone");
    let deleted = app.delete(&path).expect(204);
    assert_eq!(
        (deleted.body.len(), deleted.header("content-type")),
        (0, None)
    );
    assert_eq!(deleted.header("etag"), None);
    app.get(&path).expect(404);
    app.delete(&path).expect(404);
    app.patch(&path, &json!({"name": "x"})).expect(404);
    app.put(&path, &json!({"name": "x"})).expect(404);
    // Its number is never given again.
    let (next, _) = item(&app, "next");
    let gone: i64 = path.rsplit('/').next().unwrap().parse().unwrap();
    assert!(next.json()["id"].as_i64().unwrap() > gone);
    let refused = app.delete("/v1/items?name=x").expect(405);
    assert_eq!(refused.code(), "method_not_allowed");
    assert_eq!(
        app.delete(&format!("{path}?fields=id"))
            .expect(400)
            .faults(),
        ["?fields unknown_parameter"]
    );
}

#[test]
fn unique_values_and_references_are_kept() {
    let app = SHOP.get();
    let ikea = app
        .post("/v1/makers", &json!({"name": "unique"}))
        .expect(201);
    let taken = app
        .post("/v1/makers", &json!({"name": "unique"}))
        .expect(409);
    assert_eq!(
        (&*taken.code(), taken.faults()),
        ("already_exists", vec!["/name already_exists".to_owned()])
    );
    let other = app
        .post("/v1/makers", &json!({"name": "other"}))
        .expect(201);
    let other = other.header("location").unwrap();
    assert_eq!(
        app.patch(&other, &json!({"name": "unique"}))
            .expect(409)
            .code(),
        "already_exists"
    );
    assert_eq!(
        app.put(&other, &json!({"name": "unique"}))
            .expect(409)
            .code(),
        "already_exists"
    );
    // A record may keep its own.
    app.put(&other, &json!({"name": "other"})).expect(200);

    let missing = app
        .post("/v1/items", &json!({"name": "x", "maker_id": 99999}))
        .expect(409);
    assert_eq!(missing.code(), "unknown_reference");
    assert_eq!(missing.faults(), ["/maker_id unknown_reference"]);
    let item = app
        .post(
            "/v1/items",
            &json!({"name": "x", "maker_id": ikea.json()["id"]}),
        )
        .expect(201);
    let maker = ikea.header("location").unwrap();
    let kept = app.delete(&maker).expect(409);
    assert_eq!(kept.code(), "still_referenced");
    let kept = kept.json();
    let detail = kept["detail"].as_str().unwrap();
    assert!(detail.contains("items by `maker_id`"), "{detail}");
    app.delete(&item.header("location").unwrap()).expect(204);
    app.delete(&maker).expect(204);
}

#[test]
fn a_change_that_changes_nothing_is_no_new_version() {
    let app = SHOP.get();
    let (made, path) = item(&app, "same");
    let same = app.patch(&path, &json!({"name": "same"})).expect(200);
    assert_eq!((same.etag(), same.json()), (made.etag(), made.json()));
    assert_eq!(app.patch(&path, &json!({})).expect(200).etag(), made.etag());
    let other = app.patch(&path, &json!({"name": "other"})).expect(200);
    assert_ne!(other.etag(), made.etag());
    assert!(other.json()["updated_at"].as_str() >= made.json()["updated_at"].as_str());
}

#[test]
fn all_faults_of_a_body_are_told_at_once() {
    let app = App::start(
        "
frontdesk: 1
name: forms
resources:
  Form:
    id: integer
    fields:
      title:  {type: string, maxLength: 3}
      count:  {type: integer, minimum: 1}
      tags?:  {type: array, items: {type: string, maxLength: 2}, maxItems: 4, uniqueItems: true}
      place?:
        type: object
        properties:
          street: {type: string, maxLength: 3}
          number: {type: integer, minimum: 1}
    access: {read: public, write: public}
",
    );
    let body = json!({
        "title": "too long",
        "count": "no number",
        "tags": [1, "x", "long", 2, "x"],
        "place": {"street": "too long", "number": "one", "town": "x"},
        "colour": 1,
    });
    let expected = [
        "/colour unknown_field",
        "/count wrong_type",
        "/place/number wrong_type",
        "/place/street too_long",
        "/place/town unknown_member",
        "/tags duplicate_item",
        "/tags too_many_items",
        "/tags/0 wrong_type",
        "/tags/2 too_long",
        "/tags/3 wrong_type",
        "/title too_long",
    ];
    let faults = |answer: testkit::Answer| {
        let mut faults = answer.expect(422).faults();
        faults.sort();
        faults
    };
    assert_eq!(faults(app.post("/v1/forms", &body)), expected);
    let made = json!({"title": "x", "count": 1});
    app.post("/v1/forms", &made).expect(201);
    assert_eq!(faults(app.put("/v1/forms/1", &body)), expected);
    assert_eq!(faults(app.patch("/v1/forms/1", &body)), expected);
}

#[test]
fn a_json_patch_may_put_another_document_in_place_as_put_does() {
    let app = App::start(
        "
frontdesk: 1
name: notes
resources:
  Note:
    id: integer
    fields:
      text:   string
      aside?: string
      kind:   {type: string, default: plain}
    access: {read: public, write: public}
",
    );
    let made = json!({"text": "x", "aside": "y", "kind": "loud"});
    let made = app.post("/v1/notes", &made).expect(201).json();
    let patch = |operations: Json| {
        let request = app.request("PATCH", "/v1/notes/1");
        request
            .body("application/json-patch+json", operations.to_string())
            .send()
    };
    for op in ["replace", "add"] {
        let whole = json!([{"op": op, "path": "", "value": {"text": op}}]);
        let now = patch(whole).expect(200).json();
        let mut expected = made.clone();
        expected["text"] = op.into();
        expected["aside"] = Json::Null;
        expected["kind"] = "plain".into();
        expected["updated_at"] = now["updated_at"].clone();
        assert_eq!(now, expected);
    }
    for (value, fault) in [
        (json!({}), "/text required"),
        (json!({"text": "x", "id": 2}), "/id read_only"),
        (json!({"text": "x", "colour": 1}), "/colour unknown_field"),
    ] {
        let refused = patch(json!([{"op": "replace", "path": "", "value": value}]));
        assert_eq!(refused.expect(422).faults(), [fault]);
    }
    // What is taken out by name is still said to be kept by the server.
    let refused = patch(json!([{"op": "remove", "path": "/created_at"}]));
    assert_eq!(refused.expect(422).faults(), ["/created_at read_only"]);
}

/// Whatever its id is, and whoever counts it: what is found to be changed is what was said to be
/// there.
#[test]
fn what_was_created_is_in_the_feed_as_it_is() {
    let fields = "
    fields: {text: string, tags?: {type: array, items: {type: string}}, price?: money, extra?: json}
    search: [text]
    access: {read: public, write: public}";
    let ids = [
        ("Counted", "integer"),
        ("Numbered", "{prefix: \"BKG-\", type: integer}"),
        ("Typed", "{prefix: ty}"),
        ("Universal", "uuid"),
        ("Named", "string"),
    ];
    let resources = ids.map(|(name, id)| format!("  {name}:\n    id: {id}{fields}\n"));
    let app = App::start(&format!(
        "frontdesk: 1\nname: ids\nresources:\n{}",
        resources.concat()
    ));
    for (name, kind) in ids {
        let mut body = json!({
            "text": "a \"quoted\" \\ text: é", "tags": ["x", "y"],
            "price": {"amount": "12.50", "currency": "EUR"}, "extra": {"n": 1.0},
        });
        if kind == "string" {
            body["id"] = json!("dune");
        }
        let path = format!("/v1/{}s", name.to_lowercase());
        let made = app.post(&path, &body).expect(201).json();
        let id = match &made["id"] {
            Json::String(id) => id.clone(),
            id => id.to_string(),
        };
        app.delete(&format!("{path}/{id}")).expect(204);
        let driver = app.inner().database().driver();
        let entries = app.wait(store::feed::read(&**driver, 0, 1000)).unwrap();
        let [.., created, deleted] = &entries[..] else {
            panic!("{entries:?}");
        };
        assert_eq!((&*created.action, &*deleted.action), ("create", "delete"));
        assert_eq!((&created.record, &created.before), (&id, &None));
        assert_eq!(
            (&created.resource, &created.record, created.version),
            (&deleted.resource, &deleted.record, deleted.version)
        );
        assert!(created.after.is_some());
        assert_eq!(created.after, deleted.before);
        assert_eq!(created.caller, deleted.caller);
    }
}
