//! What is kept for a time, and gone after it: answers to keys, operations, deleted records.

use frontdesk::Stopping;
use frontdesk::store::driver::Dialect;
use serde_json::json;
use testkit::{Answer, App, eventually};

use crate::support::change;

const CONTRACT: &str = "
frontdesk: 1
name: desk
auth: {api_keys: true}
resources:
  Task:
    id: integer
    soft_delete: 30d
    fields:
      title: string
      code?: {type: string, unique: true}
    access: {read: public, write: public}
";

/// As if so many hours had passed for everything in a table.
fn pass(app: &App, hours: i64, table: &str, column: &str) {
    let driver = app.inner().database().driver();
    let then = match driver.dialect() {
        Dialect::Sqlite => (hours * 3_600_000).to_string(),
        Dialect::Postgres => format!("interval '{hours} hours'"),
    };
    let text = format!("UPDATE \"{table}\" SET \"{column}\" = \"{column}\" - {then}");
    change(app, text);
}

/// Another server on the same data, which looks after it as it begins.
fn look_after(app: &App) {
    let again = app.wait(app.another().open()).unwrap();
    app.wait(async move {
        let listener = frontdesk::listen("127.0.0.1:0").unwrap();
        tokio::spawn(async move {
            let never = std::future::pending();
            again.serve(listener, Stopping::at_once(), never).await;
        });
    });
}

#[test]
fn answers_and_operations_are_kept_for_a_day() {
    let app = App::start(CONTRACT);
    let send = |key: &str, prefer: &str| {
        let call = app
            .request("POST", "/v1/tasks")
            .header("idempotency-key", key);
        let call = call.header("prefer", prefer);
        call.json(&json!({"title": key})).send()
    };
    let replayed = |answer: &Answer| answer.header("idempotency-replayed").is_some();
    let first = send("young", "return=minimal").expect(201);
    let begun = send("operation", "respond-async, wait=0").expect(202);
    let operation = begun.header("location").unwrap();
    let tables = [
        ("frontdesk_answers", "at"),
        ("frontdesk_operations", "began"),
    ];
    for (table, column) in tables {
        pass(&app, 23, table, column);
    }
    look_after(&app);
    let again = send("young", "return=minimal").expect(201);
    assert_eq!(
        (replayed(&again), again.header("location")),
        (true, first.header("location"))
    );
    app.get(&operation).expect(200);

    for (table, column) in tables {
        pass(&app, 2, table, column);
    }
    look_after(&app);
    let anew = eventually("the key to be forgotten", || {
        let answer = send("young", "return=minimal").expect(201);
        (!replayed(&answer)).then_some(answer)
    });
    assert_ne!(anew.header("location"), first.header("location"));
    eventually("the operation to be forgotten", || {
        (app.get(&operation).status == 404).then_some(())
    });
}

#[test]
fn what_was_deleted_goes_for_good_when_its_time_is_over() {
    let app = App::start(CONTRACT);
    let make = |code: &str| app.post("/v1/tasks", &json!({"title": "a", "code": code}));
    let restore = |path: &str| app.request("POST", &format!("{path}/restore")).send();
    let paths = ["one", "two"].map(|code| {
        let path = make(code).expect(201).header("location").unwrap();
        app.delete(&path).expect(204);
        path
    });
    pass(&app, 29 * 24, "task", "_deleted_at");
    look_after(&app);
    restore(&paths[0]).expect(200);
    make("two").expect(409);

    pass(&app, 48, "task", "_deleted_at");
    // Whether it is still stored or not.
    assert_eq!(restore(&paths[1]).expect(404).code(), "not_found");
    look_after(&app);
    eventually("the value to be free", || {
        (make("two").status == 201).then_some(())
    });
    restore(&paths[1]).expect(404);
    assert_eq!(app.get(&paths[0]).expect(200).json()["code"], "one");
}
