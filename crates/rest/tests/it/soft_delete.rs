//! Soft delete: what is deleted is gone for everybody, its unique values and references hold, and who
//! may delete may bring it back.

use std::sync::Arc;

use serde_json::{Value as Json, json};
use testkit::{Answer, App, Client};

use crate::support::feed;

const CONTRACT: &str = "
frontdesk: 1
name: lists
auth: {api_keys: true}
rules: {staff: user.role == 'staff'}
resources:
  List:
    id: integer
    soft_delete: 30d
    fields:
      name:  {type: string, index: true}
      slug?: {type: string, unique: true}
      owner: {type: string, set: =user.id}
    lists: {tasks: Task.list, notes: Note.list}
    access: {read: public, create: signed_in, update: staff, delete: this.owner == user.id || staff}
  Task:
    id: integer
    soft_delete: 30d
    fields:
      list:  List
      after?: Task
      title: {type: string, index: true}
      open:  {type: boolean, default: true, index: true}
      list_name: {type: string, value: =this.list.name}
    search: [title]
    unique: [[list, title]]
    check: [{rule: 'this.list.tasks.filter(t, t.open).size() <= 3', message: at most three open tasks, at: open}]
    rules: {quiet: '!this.list.tasks.exists(t, t.title == \"noise\")'}
    lists: {followers: Task.after}
    access: {read: public, write: public}
  Note:
    id: integer
    fields: {list: List, text: string}
    access: {read: 'this.list.tasks.size() > 0 || staff', write: public}
  Page:
    id: string
    soft_delete: 1d
    fields: {text: {type: string, unique: true}}
    access: {read: public, write: public}
  Plain:
    id: integer
    fields: {text: string}
    access: {read: public, write: public}
";

struct World {
    app: App,
    ann: Client,
    bob: Client,
    staff: Client,
    guest: Client,
}

fn world() -> World {
    let app = App::start(CONTRACT);
    let user = |name: &str| app.key().all_scopes().user(name).client();
    World {
        ann: user("ann"),
        bob: user("bob"),
        staff: app
            .key()
            .all_scopes()
            .user("sue")
            .claim("role", "staff")
            .client(),
        guest: Client::guest(app.address()),
        app,
    }
}

impl World {
    fn list(&self, name: &str) -> String {
        let made = self.ann.post("/v1/lists", &json!({"name": name}));
        made.expect(201).header("location").unwrap()
    }

    fn task(&self, list: i64, title: &str) -> String {
        let body = json!({"list_id": list, "title": title});
        let made = self.guest.post("/v1/tasks", &body);
        made.expect(201).header("location").unwrap()
    }
}

fn restore(client: &Client, record: &str) -> Answer {
    client.request("POST", &format!("{record}/restore")).send()
}

fn titles(answer: &Answer) -> Vec<Json> {
    answer
        .items()
        .iter()
        .map(|item| item["title"].clone())
        .collect()
}

#[test]
fn what_is_deleted_is_nowhere() {
    let world = world();
    world.list("home");
    let (first, second) = (world.task(1, "wash"), world.task(1, "dry"));
    let link = json!({"after_id": 1});
    world.guest.patch(&second, &link).expect(200);
    world
        .guest
        .patch(&second, &json!({"after_id": null}))
        .expect(200);
    world.guest.delete(&first).expect(204);
    assert_eq!(world.guest.delete(&first).status, 404);
    let gone = |path: &str| assert_eq!(world.guest.get(path).status, 404, "{path}");
    gone(&first);
    gone("/v1/tasks/1/followers");
    for path in [
        "/v1/tasks",
        "/v1/tasks?sort=-title",
        "/v1/tasks?sort=title&title[gte]=a",
        "/v1/tasks?open=true",
        "/v1/lists/1/tasks",
        "/v1/tasks?id[in]=1,2",
        "/v1/tasks?list.name=home",
    ] {
        assert_eq!(
            titles(&world.guest.get(path).expect(200)),
            ["dry"],
            "{path}"
        );
    }
    for path in ["/v1/tasks?q=wash", "/v1/tasks?title=wash", "/v1/tasks?id=1"] {
        assert!(
            world.guest.get(path).expect(200).items().is_empty(),
            "{path}"
        );
    }
    let total = world.guest.get("/v1/tasks?total=true&limit=1").json();
    assert_eq!(
        (&total["total"], &total["next_cursor"]),
        (&json!(1), &Json::Null)
    );
    let list = world.guest.get("/v1/lists/1?include=tasks").json();
    assert_eq!(list["tasks"]["items"].as_array().unwrap().len(), 1);
    for (method, body) in [
        ("PATCH", json!({"title": "x"})),
        ("PUT", json!({"list_id": 1, "title": "x"})),
    ] {
        let call = world.guest.request(method, &first).json(&body);
        assert_eq!(call.send().status, 404, "{method}");
    }
    // Nothing new may point to it.
    let body = json!({"list_id": 1, "title": "iron", "after_id": 1});
    let refused = world.guest.post("/v1/tasks", &body);
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (409, "unknown_reference")
    );
    assert_eq!(refused.faults(), ["/after_id unknown_reference"]);
    let refused = world.guest.patch(&second, &json!({"after_id": 1}));
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (409, "unknown_reference")
    );
}

#[test]
fn rules_and_checks_count_what_is_there() {
    let world = world();
    world.list("home");
    let tasks: Vec<String> = ["a", "b", "c"].map(|title| world.task(1, title)).to_vec();
    let fourth = json!({"list_id": 1, "title": "d"});
    assert_eq!(world.guest.post("/v1/tasks", &fourth).status, 422);
    world.guest.delete(&tasks[0]).expect(204);
    let made = world.guest.post("/v1/tasks", &fourth).expect(201);
    // What comes back is held against the checks like anything that is written.
    let refused = restore(&world.guest, &tasks[0]);
    assert_eq!(
        (refused.status, refused.faults()),
        (422, vec!["/open check_failed".to_owned()])
    );
    world
        .guest
        .delete(&made.header("location").unwrap())
        .expect(204);
    let restored = restore(&world.guest, &tasks[0]).expect(200);
    let place = restored.header("content-location");
    assert_eq!(place.as_deref(), Some(&*tasks[0]));
    // A rule over the list's tasks sees none that is deleted.
    world
        .guest
        .post("/v1/notes", &json!({"list_id": 1, "text": "hm"}))
        .expect(201);
    assert_eq!(world.guest.get("/v1/notes").items().len(), 1);
    for task in &tasks {
        world.guest.delete(task).expect(204);
    }
    assert!(world.guest.get("/v1/notes").items().is_empty());
    assert_eq!(world.guest.get("/v1/notes/1").status, 404);
}

#[test]
fn what_is_pointed_at_stays() {
    let world = world();
    let list = world.list("home");
    let task = world.task(1, "wash");
    let refused = world.ann.delete(&list);
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (409, "still_referenced")
    );
    assert!(
        refused.text().contains("tasks by `list_id`"),
        "{}",
        refused.text()
    );
    world.guest.delete(&task).expect(204);
    // A deleted task is no reason to keep its list, but it cannot come back without it.
    world.ann.delete(&list).expect(204);
    let refused = restore(&world.guest, &task);
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (409, "unknown_reference")
    );
    assert_eq!(refused.faults(), ["/list_id unknown_reference"]);
    restore(&world.ann, &list).expect(200);
    restore(&world.guest, &task).expect(200);
    // What points to itself is no obstacle.
    world
        .guest
        .patch(&task, &json!({"after_id": 1}))
        .expect(200);
    world.guest.delete(&task).expect(204);
    restore(&world.guest, &task).expect(200);
}

#[test]
fn who_may_delete_may_restore() {
    let world = world();
    let list = world.list("home");
    let before = world.ann.get(&list).expect(200);
    // AIP-164: what has not been deleted cannot be restored, for whoever may see it.
    let refused = restore(&world.ann, &list).expect(409);
    assert_eq!(refused.code(), "conflict");
    assert_eq!(refused.json()["title"], "The record is in another state");
    world.ann.delete(&list).expect(204);
    assert_eq!(restore(&world.guest, &list).status, 401);
    let refused = restore(&world.bob, &list);
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (403, "forbidden")
    );
    assert_eq!(refused.json()["rule"], "this.owner == user.id || staff");
    let reader = world.app.key().scope("lists.read").user("ann").client();
    assert_eq!(restore(&reader, &list).code(), "insufficient_scope");
    assert_eq!(restore(&world.ann, "/v1/lists/99").status, 404);
    let restored = restore(&world.ann, &list).expect(200);
    assert_eq!(restored.json()["name"], "home");
    assert!(restored.etag().starts_with("\"3."), "{}", restored.etag());
    assert_ne!(restored.etag(), before.etag());
    assert_eq!(world.ann.get(&list).etag(), restored.etag());
    assert_eq!(restore(&world.ann, &list).status, 409);
    world.staff.delete(&list).expect(204);
    restore(&world.app.admin(), &list).expect(200);
    let versions: Vec<String> = feed(&world.app);
    assert_eq!(
        versions,
        [
            "create List 1 v1",
            "delete List 1 v2",
            "restore List 1 v3",
            "delete List 1 v4",
            "restore List 1 v5"
        ]
    );
}

#[test]
fn restoring_is_an_operation_of_the_record() {
    let world = world();
    let list = world.list("home");
    world.ann.delete(&list).expect(204);
    let path = format!("{list}/restore");
    let options = world.ann.options(&path).expect(204);
    assert_eq!(options.header("allow").unwrap(), "POST, OPTIONS");
    let wrong = world.ann.get(&path);
    assert_eq!(
        (wrong.status, wrong.header("allow")),
        (405, Some("POST, OPTIONS".to_owned()))
    );
    for (name, value) in [
        ("if-match", "*"),
        ("if-match", "\"1.0\""),
        ("if-none-match", "*"),
    ] {
        let call = world.ann.request("POST", &path).header(name, value);
        assert_eq!(call.send().status, 400, "{name}: {value}");
    }
    assert_eq!(world.ann.post(&path, &json!({"name": "x"})).status, 400);
    assert_eq!(
        world
            .ann
            .request("POST", &format!("{path}?x=1"))
            .send()
            .status,
        400
    );
    let some = world
        .ann
        .request("POST", &format!("{path}?fields=name"))
        .send();
    assert_eq!(some.expect(200).json(), json!({"name": "home"}));
    // Without `soft_delete` there is no such path.
    let made = world
        .guest
        .post("/v1/plains", &json!({"text": "x"}))
        .expect(201);
    let plain = made.header("location").unwrap();
    assert_eq!(restore(&world.guest, &plain).status, 404);
    world.guest.delete(&plain).expect(204);
    assert_eq!(restore(&world.guest, &plain).status, 404);
}

#[test]
fn restoring_is_a_write_like_any_other() {
    let world = world();
    let list = world.list("home");
    let path = format!("{list}/restore");
    let send = |query: &str, name: &str, value: &str| {
        let call = world.ann.request("POST", &format!("{path}{query}"));
        call.header(name, value).send()
    };
    world.ann.delete(&list).expect(204);
    let shown = send("?dry_run=true", "accept", "*/*").expect(200);
    assert_eq!(shown.header("dry-run").as_deref(), Some("true"));
    world.ann.get(&list).expect(404);

    let first = send("", "idempotency-key", "back").expect(200);
    let second = send("", "idempotency-key", "back").expect(200);
    assert_eq!(first.text(), second.text());
    let replayed = |answer: &Answer| answer.header("idempotency-replayed");
    assert_eq!((replayed(&first), first.etag()), (None, second.etag()));
    assert_eq!(replayed(&second).as_deref(), Some("true"));
    world.ann.get(&list).expect(200);

    world.ann.delete(&list).expect(204);
    let silent = send("", "prefer", "return=minimal").expect(204);
    assert_eq!(silent.header("content-location").as_deref(), Some(&*list));
    assert_eq!(world.ann.get(&list).etag(), silent.etag());

    world.ann.delete(&list).expect(204);
    let begun = send("", "prefer", "respond-async, wait=0").expect(202);
    let operation = begun.header("location").unwrap();
    let end = testkit::eventually("the end", || {
        let json = world.ann.get(&operation).expect(200).json();
        (json["state"] != "running").then_some(json)
    });
    assert_eq!(
        (&end["state"], &end["status"]),
        (&json!("succeeded"), &json!(200))
    );
    assert_eq!(end["result"]["name"], "home");
    world.ann.get(&list).expect(200);
}

#[test]
fn unique_values_stay_taken() {
    let world = world();
    let body = json!({"name": "a", "slug": "one"});
    let list = world
        .ann
        .post("/v1/lists", &body)
        .expect(201)
        .header("location")
        .unwrap();
    world.ann.delete(&list).expect(204);
    // Who could restore it is told that this is what stands in the way.
    for client in [&world.ann, &world.staff] {
        let refused = client.post("/v1/lists", &body);
        assert_eq!(
            (refused.status, refused.faults()),
            (409, vec!["/slug already_exists".to_owned()])
        );
        assert!(
            refused.text().contains("deleted list `1`"),
            "{}",
            refused.text()
        );
    }
    let refused = world.bob.post("/v1/lists", &body);
    assert_eq!(
        (refused.status, refused.faults()),
        (409, vec!["/slug already_exists".to_owned()])
    );
    assert!(!refused.text().contains("deleted"), "{}", refused.text());
    restore(&world.ann, &list).expect(200);
    let refused = world.ann.post("/v1/lists", &body);
    assert_eq!(refused.status, 409);
    assert!(!refused.text().contains("deleted"), "{}", refused.text());
}

#[test]
fn put_of_a_new_record_meets_deleted_and_other_ones() {
    let world = world();
    let put = |path: &str, text: &str| {
        let call = world
            .guest
            .request("PUT", path)
            .header("if-none-match", "*");
        call.json(&json!({"text": text})).send()
    };
    put("/v1/pages/a", "first").expect(201);
    // RFC 9110 section 13.1.2: false because the target exists, whatever else is wrong with it.
    assert_eq!(put("/v1/pages/a", "first").status, 412);
    assert_eq!(put("/v1/pages/a", "other").status, 412);
    // The target does not exist; another record has the value.
    let refused = put("/v1/pages/b", "first");
    assert_eq!(
        (refused.status, refused.faults()),
        (409, vec!["/text already_exists".to_owned()])
    );
    world.guest.delete("/v1/pages/a").expect(204);
    let refused = put("/v1/pages/a", "second");
    assert_eq!(
        (refused.status, refused.faults()),
        (409, vec!["/id already_exists".to_owned()])
    );
    restore(&world.guest, "/v1/pages/a").expect(200);
    assert_eq!(put("/v1/pages/a", "second").status, 412);
}

#[test]
fn the_documents_say_it() {
    let world = world();
    let document = world.guest.get("/v1/openapi.json").expect(200).json();
    let operation = &document["paths"]["/v1/lists/{id}/restore"]["post"];
    assert_eq!(operation["operationId"], "restoreList");
    assert!(document["paths"]["/v1/plains/{id}/restore"].is_null());
    let delete = &document["paths"]["/v1/lists/{id}"]["delete"]["description"];
    assert!(delete.as_str().unwrap().contains("30 days"), "{delete}");
}

#[test]
fn data_that_is_there_can_become_restorable_and_back() {
    let contract = |soft: &str| {
        format!(
            "frontdesk: 1\nname: x\nresources:\n  A:\n    id: integer\n{soft}    fields: {{name: {{type: string, unique: true}}, size: {{type: integer, index: true}}}}\n    lists: {{bs: B.a}}\n    access: {{read: public, write: public}}\n  B:\n    id: integer\n{soft}    fields: {{a: A}}\n    access: {{read: public, write: public}}\n"
        )
    };
    let app = App::start(&contract(""));
    let guest = Client::guest(app.address());
    for n in 1..=3 {
        guest
            .post("/v1/as", &json!({"name": n.to_string(), "size": n}))
            .expect(201);
    }
    guest.post("/v1/bs", &json!({"a_id": 1})).expect(201);
    app.swap(&contract("    soft_delete: 1d\n")).unwrap();
    guest.delete("/v1/as/2").expect(204);
    restore(&guest, "/v1/as/2").expect(200);
    guest.delete("/v1/as/2").expect(204);
    assert_eq!(guest.get("/v1/as?sort=-size").items().len(), 2);
    // Without it what is deleted would be there again, so it must be let go.
    let error = app.swap(&contract("")).unwrap_err();
    assert!(
        format!("{error}").contains("goes for good")
            || format!("{error:?}").contains("goes for good"),
        "{error}"
    );
    assert_eq!(guest.get("/v1/as").items().len(), 2);
}

#[test]
fn many_restore_at_once_and_one_does() {
    let world = Arc::new(world());
    let list = world.list("home");
    world.ann.delete(&list).expect(204);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| restore(&world.ann, &list).status))
            .collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(
        statuses.iter().filter(|status| **status == 200).count(),
        1,
        "{statuses:?}"
    );
    assert!(
        statuses.iter().all(|status| matches!(status, 200 | 409)),
        "{statuses:?}"
    );
}
