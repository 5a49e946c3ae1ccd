//! Long work: writes that go on after their request has been answered.

use frontdesk::{store, value};
use serde_json::{Value as Json, json};
use store::Prepared;
use store::driver::{BoxFuture, Transaction, Undo, Work};
use testkit::{Answer, App, Client, eventually};
use value::{Timestamp, Value};

use crate::support::Shared;

static DESK: Shared = Shared::new(|| App::start(CONTRACT));

const CONTRACT: &str = "
frontdesk: 1
name: desk
auth: {api_keys: true}
resources:
  Task:
    id: integer
    fields:
      title: {type: string, minLength: 1, index: true}
      code?: {type: string, unique: true}
    access: {read: public, write: public}
";

fn later(client: &Client, path: &str, prefer: &str, body: &Json) -> Answer {
    let call = client.request("POST", path).header("prefer", prefer);
    call.json(body).send()
}

/// How it ended.
fn ended(client: &Client, begun: &Answer) -> Json {
    let path = begun.header("location").unwrap();
    eventually("the end", || {
        let answer = client.get(&path).expect(200);
        assert_eq!(answer.header("cache-control").as_deref(), Some("no-store"));
        let json = answer.json();
        let running = json["state"] == "running";
        assert_eq!(answer.header("retry-after").is_some(), running);
        assert_eq!(json["ended_at"].is_null(), running);
        (!running).then_some(json)
    })
}

#[test]
fn a_write_goes_on_and_its_end_can_be_asked_for() {
    let app = DESK.get();
    let ann = app.key().all_scopes().user("ann").client();
    let body = json!({"create": [{"title": "on"}, {"title": "on"}]});
    let begun = later(&ann, "/v1/tasks/batch", "respond-async", &body).expect(202);
    assert_eq!(begun.header("retry-after").as_deref(), Some("1"));
    assert_eq!(
        begun.header("preference-applied").as_deref(),
        Some("respond-async")
    );
    assert_eq!(begun.text(), "");
    let path = begun.header("location").unwrap();
    let end = ended(&ann, &begun);
    assert_eq!(
        path,
        format!("/v1/operations/{}", end["id"].as_str().unwrap())
    );
    assert_eq!(
        (&end["state"], &end["status"]),
        (&json!("succeeded"), &json!(200))
    );
    assert_eq!(end["result"]["create"].as_array().unwrap().len(), 2);
    assert_eq!(end["problem"], Json::Null);
    assert_eq!(app.get("/v1/tasks?title=on").items().len(), 2);

    // It is nobody else's.
    let bob = app.key().all_scopes().user("bob").client();
    assert_eq!(bob.get(&path).expect(404).code(), "not_found");
    app.get(&path).expect(404);
    app.admin().get(&path).expect(200);
    app.get("/v1/operations/operation_00041061050r3gg28a1c60t3gf")
        .expect(404);
    app.get("/v1/operations/x").expect(404);
    ann.delete(&path).expect(405);
    assert_eq!(
        ann.options(&path).header("allow").as_deref(),
        Some("GET, HEAD, OPTIONS")
    );
    // A guest's is found from where it was begun.
    let made = later(
        &app,
        "/v1/tasks",
        "respond-async",
        &json!({"title": "guest"}),
    )
    .expect(202);
    let end = ended(&app, &made);
    assert_eq!(end["status"], 201);
    assert_eq!(
        end["location"],
        format!("/v1/tasks/{}", end["result"]["id"])
    );
}

#[test]
fn what_is_refused_in_the_end_is_told_there() {
    let app = DESK.get();
    let body = json!({"title": "a", "code": "once"});
    app.post("/v1/tasks", &body).expect(201);
    let begun = later(&app, "/v1/tasks", "respond-async", &body).expect(202);
    let end = ended(&app, &begun);
    assert_eq!(
        (&end["state"], &end["status"]),
        (&json!("failed"), &json!(409))
    );
    assert_eq!(end["problem"]["code"], "already_exists");
    assert_eq!(end["problem"]["instance"], "/v1/tasks");
    assert_eq!(end["result"], Json::Null);
    // What needs no look at the data is refused at once.
    later(&app, "/v1/tasks", "respond-async", &json!({"title": ""})).expect(422);
}

#[test]
fn who_waits_a_little_is_answered_as_ever() {
    let app = DESK.get();
    let body = json!({"title": "waited"});
    let made = later(&app, "/v1/tasks", "respond-async, wait=15", &body).expect(201);
    assert_eq!(made.json()["title"], "waited");
    assert_eq!(made.header("preference-applied"), None);
    // Alone it is no wish to be answered earlier.
    later(&app, "/v1/tasks", "wait=1", &body).expect(201);
}

#[test]
fn with_a_key_it_is_one_operation() {
    let app = DESK.get();
    let send = |title: &str| {
        app.request("POST", "/v1/tasks")
            .header("prefer", "respond-async")
            .header("idempotency-key", "operation")
            .json(&json!({"title": title}))
            .send()
    };
    let first = send("keyed").expect(202);
    assert_eq!(ended(&app, &first)["state"], "succeeded");
    let second = send("keyed").expect(202);
    assert_eq!(
        second.header("idempotency-replayed").as_deref(),
        Some("true")
    );
    assert_eq!(first.header("location"), second.header("location"));
    assert_eq!(app.get("/v1/tasks?title=keyed").items().len(), 1);
    send("other").expect(422);
}

/// A statement as a transaction of its own.
struct Run(Prepared, Vec<Value>);

impl Work for Run {
    fn run<'a>(
        &'a mut self,
        transaction: &'a mut dyn Transaction,
    ) -> BoxFuture<'a, Result<(), Undo>> {
        Box::pin(async move {
            let parameters = self.0.bind_args(&self.1);
            transaction.execute(&self.0.statement, &parameters).await?;
            Ok(())
        })
    }
}

#[test]
fn what_was_left_behind_has_failed() {
    let app = App::start(CONTRACT);
    let driver = app.inner().database().driver();
    let dialect = driver.dialect();
    let run = |statement, arguments: Vec<Value>| {
        let work = Box::new(Run(statement, arguments));
        app.wait(driver.write(work)).unwrap();
    };
    // Written down by another process: what it is called, until when it may run, and where.
    let begin = |number: u8, until: i64, node: Option<[u8; 16]>| {
        let mut id = [number; 16];
        (id[6], id[8]) = (0x47, 0x87);
        let now = frontdesk::now().0;
        let arguments = vec![
            Value::Uuid(id),
            Value::Uuid([0; 16]),
            Value::Timestamp(Timestamp(now - 60_000)),
            Value::Timestamp(Timestamp(now + until)),
            node.map_or(Value::Null, Value::Uuid),
        ];
        run(store::operations::begin(dialect), arguments);
        let kind = value::IdType {
            resource: value::ResourceId(0),
            resource_name: "Operation".into(),
            kind: value::IdKind::Random,
            prefix: "operation".into(),
        };
        format!("/v1/operations/{}", kind.to_text(&Value::Uuid(id)))
    };
    let (gone, alive) = ([1; 16], [2; 16]);
    let renew = || run(store::leases::renew(dialect), vec![Value::Uuid(alive)]);
    renew();
    renew();
    let admin = app.admin();
    for (number, until, node, runs) in [
        (1, -1_000, None, false),
        (2, 60_000, None, true),
        (3, -1_000, Some(alive), false),
        (4, 60_000, Some(alive), true),
        (5, 60_000, Some(gone), false),
    ] {
        let path = begin(number, until, node);
        app.get(&path).expect(404);
        let end = admin.get(&path).expect(200).json();
        if runs {
            assert_eq!(end["state"], "running", "{number}");
            continue;
        }
        assert_eq!(end["state"], "failed", "{number}");
        assert_eq!(end["status"], 503);
        assert_eq!(end["problem"]["code"], "timed_out");
        assert!(!end["ended_at"].is_null());
        // It stays so: whoever comes with its write finds it ended.
        assert_eq!(admin.get(&path).expect(200).json(), end);
    }
    let path = begin(6, 60_000, Some(alive));
    assert_eq!(admin.get(&path).expect(200).json()["state"], "running");
    run(store::leases::end_all(dialect), vec![]);
    assert_eq!(admin.get(&path).expect(200).json()["state"], "failed");
}
