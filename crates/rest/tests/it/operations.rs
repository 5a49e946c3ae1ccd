//! Long work: writes that go on after their request has been answered.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use frontdesk::{store, value};
use serde_json::{Value as Json, json};
use store::driver::{
    BoxFuture, Cost, Dialect, Driver, Statement, Storage, Transaction, Undo, Work,
};
use testkit::{Answer, App, Client, eventually};
use tokio::sync::oneshot;
use value::{Timestamp, Value};

use crate::support::{Shared, change};

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
    assert_eq!(ann.head(&path).expect(200).body, b"");
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
    let applied = |answer: &Answer| answer.header("preference-applied");
    assert_eq!(applied(&made).as_deref(), Some("wait=15"));
    let call = app.request("POST", "/v1/tasks").json(&body);
    let call = call.header("prefer", "respond-async, return=minimal, wait=1000");
    let made = call.send().expect(201);
    assert_eq!(applied(&made).as_deref(), Some("return=minimal, wait=20"));
    let begun = later(&app, "/v1/tasks", "respond-async, wait=0", &body).expect(202);
    assert_eq!(applied(&begun).as_deref(), Some("respond-async, wait=0"));
    ended(&app, &begun);
    // Alone it is no wish to be answered earlier.
    let made = later(&app, "/v1/tasks", "wait=1", &body).expect(201);
    assert_eq!(applied(&made), None);
}

/// The same create with a key, with these preferences or none.
fn keyed(app: &App, title: &str, prefer: &str) -> Answer {
    let call = app.request("POST", "/v1/tasks");
    let call = call.header("idempotency-key", "operation");
    let call = match prefer {
        "" => call,
        _ => call.header("prefer", prefer),
    };
    call.json(&json!({"title": title})).send()
}

/// Changes what is written down of all operations: `"state" = 'running'`.
fn rewrite(app: &App, what: &str) {
    change(app, format!("UPDATE \"frontdesk_operations\" SET {what}"));
}

#[test]
fn with_a_key_it_is_one_operation_and_its_end_the_answer() {
    let app = App::start(CONTRACT);
    let first = keyed(&app, "keyed", "respond-async, return=representation").expect(202);
    let end = ended(&app, &first);
    for (prefer, status, applied) in [
        ("respond-async", 201, None),
        ("", 201, None),
        ("wait=3", 201, None),
        ("respond-async, wait=3", 201, Some("wait=3")),
        (
            "return=representation, respond-async, wait=0",
            201,
            Some("return=representation, wait=0"),
        ),
        ("handling=strict", 201, Some("handling=strict")),
        ("return=minimal", 201, Some("return=minimal")),
    ] {
        let again = keyed(&app, "keyed", prefer).expect(status);
        assert_eq!(again.header("idempotency-replayed").unwrap(), "true");
        assert_eq!(
            again.header("preference-applied").as_deref(),
            applied,
            "{prefer}"
        );
        assert_eq!(again.header("location").unwrap(), end["location"]);
        assert!(again.header("etag").is_some());
        if prefer == "return=minimal" {
            assert_eq!(again.text(), "");
        } else {
            assert_eq!(again.json(), end["result"]);
        }
    }
    keyed(&app, "other", "respond-async").expect(422);
    keyed(&app, "other", "").expect(422);
    assert_eq!(app.get("/v1/tasks").items().len(), 1);
}

#[test]
fn what_still_runs_is_waited_for_or_told_of_again() {
    let app = App::start(CONTRACT);
    let first = keyed(&app, "keyed", "respond-async").expect(202);
    ended(&app, &first);
    // As if it had not ended yet.
    rewrite(&app, "\"state\" = 'running'");
    let refused = keyed(&app, "keyed", "").expect(409);
    assert_eq!(refused.code(), "idempotency_in_progress");
    assert_eq!(refused.header("retry-after").as_deref(), Some("1"));
    // To wait alone is no wish to be answered earlier.
    keyed(&app, "keyed", "wait=1").expect(409);
    keyed(&app, "other", "").expect(422);
    keyed(&app, "other", "respond-async").expect(422);
    for prefer in [
        "respond-async",
        "respond-async, wait=0",
        "respond-async, wait=1",
    ] {
        let asked = Instant::now();
        let again = keyed(&app, "keyed", prefer).expect(202);
        assert!(is_replayed(&first, &again));
        assert_eq!(again.header("preference-applied").as_deref(), Some(prefer));
        assert_eq!(again.header("retry-after").as_deref(), Some("1"));
        let waits = prefer.ends_with("=1");
        assert_eq!(asked.elapsed() >= Duration::from_secs(1), waits);
    }
    thread::scope(|scope| {
        // Of two that come at the very same time, one may be told to come again.
        let insist = |prefer: &'static str| {
            eventually("its turn", || {
                let answer = keyed(&app, "keyed", prefer);
                (answer.status != 409).then_some(answer)
            })
        };
        let waiting = scope.spawn(move || insist("respond-async, wait=20"));
        // Those who wait are in nobody's way.
        insist("respond-async, wait=1").expect(202);
        rewrite(&app, "\"state\" = 'succeeded'");
        let told = waiting.join().unwrap().expect(201);
        assert!(is_replayed(&first, &told) && told.json()["title"] == "keyed");
        assert_eq!(
            told.header("preference-applied").as_deref(),
            Some("wait=20")
        );
    });
}

/// A change of a record, with a key and as an operation.
fn rename(app: &App, path: &str, key: &str) -> Answer {
    app.request("PATCH", path)
        .header("prefer", "respond-async, wait=0")
        .header("idempotency-key", key)
        .json(&json!({"title": "renamed"}))
        .send()
}

/// Whether a second request with a key is answered as the first was, or with its end. Another
/// operation is another answer.
fn is_replayed(first: &Answer, second: &Answer) -> bool {
    let replayed = second.header("idempotency-replayed").is_some();
    if second.status == 202 {
        let same = first.header("location") == second.header("location");
        assert_eq!(replayed, same);
    }
    replayed
}

/// Locks records until it is told to go on.
struct Lock {
    locking: Arc<Statement>,
    locked: Option<oneshot::Sender<()>>,
    go_on: Option<oneshot::Receiver<()>>,
}

impl Work for Lock {
    fn run<'a>(
        &'a mut self,
        transaction: &'a mut dyn Transaction,
    ) -> BoxFuture<'a, Result<(), Undo>> {
        Box::pin(async move {
            transaction.query(&self.locking, &[]).await?;
            self.locked.take().unwrap().send(()).unwrap();
            drop(self.go_on.take().unwrap().await);
            Ok(())
        })
    }
}

#[test]
fn what_the_server_could_not_do_is_done_when_it_is_sent_again() {
    let app = App::start(CONTRACT);
    let driver = driver_of(&app);
    if driver.dialect() == Dialect::Sqlite {
        // There is one writer, and nobody can be in its way between two of its transactions. How a
        // key is released is tried below.
        return;
    }
    let path = app.post("/v1/tasks", &json!({"title": "a"})).expect(201);
    let path = path.header("location").unwrap();
    let (locked, is_locked) = oneshot::channel();
    let (open, go_on) = oneshot::channel();
    let lock = Lock {
        locking: Arc::new(Statement {
            text: "SELECT 1 FROM \"task\" FOR UPDATE".into(),
            parameters: vec![],
            columns: vec![Storage::Int],
            cost: Cost::Short,
        }),
        locked: Some(locked),
        go_on: Some(go_on),
    };
    let held = driver.write(Box::new(lock));
    let (first, end) = thread::scope(|scope| {
        let held = scope.spawn(|| app.wait(held));
        app.wait(is_locked).unwrap();
        let first = rename(&app, &path, "locked");
        let end = ended(&app, &first);
        open.send(()).unwrap();
        held.join().unwrap().unwrap();
        (first, end)
    });
    assert_eq!(
        (&end["state"], &end["status"]),
        (&json!("failed"), &json!(503))
    );
    let second = rename(&app, &path, "locked");
    assert!(!is_replayed(&first, &second));
    assert_eq!(ended(&app, &second)["state"], "succeeded");
    assert_eq!(app.get(&path).json()["title"], "renamed");
    // The first is told of as ever.
    assert_eq!(ended(&app, &first), end);
    let again = rename(&app, &path, "locked").expect(200);
    assert!(is_replayed(&second, &again));
}

#[test]
fn what_was_left_behind_is_done_when_it_is_sent_again() {
    let app = App::start(CONTRACT);
    let path = app.post("/v1/tasks", &json!({"title": "a"})).expect(201);
    let path = path.header("location").unwrap();
    let first = rename(&app, &path, "left");
    ended(&app, &first);
    // As if its process had been killed.
    let leave = |until: &str| {
        let what = "\"state\" = 'running', \"answer\" = NULL, \"ended\" = NULL";
        rewrite(&app, &format!("{what}, {until}"));
    };
    leave("\"until\" = \"began\"");
    let second = rename(&app, &path, "left").expect(202);
    assert!(!is_replayed(&first, &second));
    assert_eq!(ended(&app, &second)["state"], "succeeded");
    assert_eq!(ended(&app, &first)["problem"]["code"], "timed_out");
    // Its time is not over, but its process has no lease.
    let gone = match driver_of(&app).dialect() {
        Dialect::Sqlite => "\"node\" = zeroblob(16)",
        Dialect::Postgres => "\"node\" = '00000000-0000-0000-0000-000000000000'",
    };
    leave(gone);
    let plain = app
        .request("PATCH", &path)
        .header("idempotency-key", "left")
        .json(&json!({"title": "renamed"}));
    let third = plain.send().expect(200);
    assert!(!is_replayed(&second, &third));
    assert_eq!(third.json()["title"], "renamed");
    assert!(is_replayed(
        &third,
        &rename(&app, &path, "left").expect(200)
    ));
    assert_eq!(ended(&app, &second)["state"], "failed");
    // It was the data that refused this one, and that is how it stays.
    let again = |client: &Client| {
        let call = client.request("POST", "/v1/tasks");
        call.header("prefer", "respond-async")
            .header("idempotency-key", "taken")
            .json(&json!({"title": "a", "code": "once"}))
            .send()
    };
    app.post("/v1/tasks", &json!({"title": "a", "code": "once"}))
        .expect(201);
    let first = again(&app).expect(202);
    let end = ended(&app, &first);
    assert_eq!(end["status"], 409);
    let second = again(&app).expect(409);
    assert!(is_replayed(&first, &second));
    assert_eq!(second.header("preference-applied"), None);
    assert_eq!(second.json(), end["problem"]);
}

fn driver_of(app: &App) -> &Arc<dyn Driver> {
    app.inner().database().driver()
}

/// Makes every transaction that does this to the operations lose its connection at its commit.
fn lose_commits(app: &App, on: &str) {
    let trap = [
        "CREATE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql AS \
         'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(5); RETURN NULL; END'"
            .to_owned(),
        format!(
            "CREATE CONSTRAINT TRIGGER trap AFTER {on} ON \"frontdesk_operations\" DEFERRABLE \
             INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION trap()"
        ),
    ];
    app.wait(driver_of(app).migrate(&trap)).unwrap();
}

fn lose_no_commits(app: &App) {
    let untrap = ["DROP FUNCTION trap CASCADE".to_owned()];
    app.wait(driver_of(app).migrate(&untrap)).unwrap();
}

#[test]
fn what_the_database_lost_is_done_when_it_is_back() {
    let app = App::start(CONTRACT);
    if driver_of(&app).dialect() == Dialect::Sqlite {
        return;
    }
    lose_commits(&app, "UPDATE");
    let first = keyed(&app, "kept", "respond-async, wait=1").expect(202);
    let look = || {
        let path = first.header("location").unwrap();
        app.get(&path).expect(200).json()["state"].clone()
    };
    assert_eq!(look(), "running");
    lose_no_commits(&app);
    assert_eq!(ended(&app, &first)["state"], "succeeded");
    keyed(&app, "kept", "").expect(201);
    assert_eq!(app.get("/v1/tasks?title=kept").items().len(), 1);
}

#[test]
fn what_may_have_begun_is_given_up() {
    let app = App::start(CONTRACT);
    if driver_of(&app).dialect() == Dialect::Sqlite {
        return;
    }
    lose_commits(&app, "INSERT");
    let refused = keyed(&app, "begun", "respond-async").expect(500);
    let detail = refused.json()["detail"].to_string();
    assert!(detail.contains("may have been made or not"), "{detail}");
    lose_no_commits(&app);
    let begun = keyed(&app, "begun", "respond-async").expect(202);
    assert_eq!(ended(&app, &begun)["state"], "succeeded");
    assert_eq!(app.get("/v1/tasks?title=begun").items().len(), 1);
}

#[test]
fn an_operation_is_there_for_its_user_with_the_same_rights() {
    let app = App::builder()
        .file(frontdesk::FILE, HIDDEN)
        .private_listener()
        .start();
    let body = json!({"text": "a"});
    let begin = |client: &Client| {
        let begun = later(client, "/v1/secrets", "respond-async", &body).expect(202);
        assert_eq!(ended(client, &begun)["result"]["text"], "a");
        begun.header("location").unwrap()
    };
    // What is told in there stays in there, wherever who asked comes from.
    let inside = app.private();
    let path = begin(inside);
    app.get(&path).expect(404);
    assert_eq!(inside.get(&path).expect(200).json()["status"], 201);
    let ann = || app.key().user("ann").scope("secrets.write");
    let first = ann().scope("secrets.read").make();
    let path = begin(&inside.with_key(&first));
    app.with_key(&first).get(&path).expect(404);
    // Another key of hers that may do as much is as good, and no other.
    let (second, less) = (ann().scope("secrets.read").make(), ann().make());
    assert_eq!(
        inside.with_key(&second).get(&path).expect(200).json()["result"]["text"],
        "a"
    );
    let more = ann().scope("secrets.read").claim("role", "x").make();
    for other in [less, more] {
        inside.with_key(&other).get(&path).expect(404);
    }
    // Under other rules it is told that it was done.
    app.swap(&HIDDEN.replace("read: public", "read: user.id == 'bob'"))
        .unwrap();
    let end = inside.with_key(&first).get(&path).expect(200).json();
    assert_eq!(
        (&end["state"], &end["result"]),
        (&json!("succeeded"), &Json::Null)
    );
    assert!(!end["location"].is_null());
    let end = app.admin().get(&path).expect(200).json();
    assert_eq!(end["result"]["text"], "a");
}

const HIDDEN: &str = "
frontdesk: 1
name: desk
auth: {api_keys: true}
resources:
  Secret:
    id: integer
    audience: private
    fields: {text: string}
    access: {read: public, write: public}
";

#[test]
fn what_was_left_behind_has_failed() {
    let app = App::start(CONTRACT);
    let driver = driver_of(&app);
    let dialect = driver.dialect();
    let run = |statement, arguments| {
        let done = store::execute(&**driver, vec![(statement, arguments)]);
        app.wait(done).unwrap();
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
            Value::Null,
            Value::Null,
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
