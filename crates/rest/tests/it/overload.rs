//! A server with more to do than it can: it says so at once, and whatever needs no turn is
//! answered as ever.

use std::net::SocketAddr;
use std::task::Poll;
use std::time::Duration;

use frontdesk::store::driver::{BoxFuture, Driver, StoreError, Transaction, Undo, Work};
use frontdesk::web::{self, Limits};
use serde_json::json;
use testkit::{App, Client, eventually};

use crate::held::{Waiting, hold, poll};

const CONTRACT: &str = "
frontdesk: 1
name: busy
resources:
  Thing:
    id: integer
    fields: {text: string}
    access: {read: public, write: public}
";

/// Waits its turn and does nothing.
struct Idle;

impl Work for Idle {
    fn run<'a>(&'a mut self, _: &'a mut dyn Transaction) -> BoxFuture<'a, Result<(), Undo>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Hands over writes until there is no room for more.
fn fill(driver: &dyn Driver) -> Vec<Waiting<'_>> {
    let mut waiting = Vec::new();
    // More than any queue is long.
    for _ in 0..10_000 {
        let mut one = driver.write(Box::new(Idle));
        match poll(&mut one) {
            Poll::Pending => waiting.push(one),
            Poll::Ready(_) => return waiting,
        }
    }
    // Whether there is room is told a moment later.
    eventually("a refusal", || {
        let before = waiting.len();
        waiting.retain_mut(|one| poll(one).is_pending());
        (waiting.len() < before).then_some(())
    });
    waiting
}

/// With one place for writes, whatever the database.
fn busy() -> App {
    App::builder()
        .file(frontdesk::FILE, CONTRACT)
        .connections(3)
        .start()
}

#[test]
fn a_full_queue_refuses_writes_at_once_and_nothing_else() {
    let app = busy();
    app.post("/v1/things", &json!({"text": "first"}))
        .expect(201);
    let driver = &**app.inner().database().driver();
    let (held, open) = hold(driver);
    let waiting = fill(driver);
    assert!(waiting.len() > 100);

    let keyed = || {
        app.request("POST", "/v1/things")
            .header("idempotency-key", "full")
            .json(&json!({"text": "second"}))
            .send()
    };
    for _ in 0..5 {
        keyed().expect(503);
        let refused = app.post("/v1/things", &json!({"text": "x"})).expect(503);
        assert_eq!(refused.code(), "unavailable");
        assert_eq!(refused.header("retry-after").as_deref(), Some("1"));
        app.request("DELETE", "/v1/things/1").send().expect(503);
        app.get("/v1/things/1").expect(200);
        assert_eq!(app.get("/v1/things?sort=-id").expect(200).items().len(), 1);
        app.get("/healthz").expect(200);
        app.get("/readyz").expect(200);
        app.get("/v1/openapi.json").expect(200);
    }

    open.send(()).unwrap();
    app.wait(async {
        held.await.unwrap();
        for one in waiting {
            match one.await {
                // On a server nobody waits for longer than a few seconds.
                Ok(()) | Err(Undo::Store(StoreError::Overloaded)) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
    });
    // That there was no room is no answer to be given again.
    let made = keyed().expect(201);
    assert_eq!(made.header("idempotency-replayed"), None);
    assert_eq!(app.get("/v1/things").expect(200).items().len(), 2);
}

/// The app behind a listener whose patience is short.
fn impatient(app: &App) -> SocketAddr {
    let short = Duration::from_millis(60);
    let limits = Limits {
        request_time: short,
        body_time: short,
        ..Limits::default()
    };
    let inner = app.inner().clone();
    app.wait(async move {
        let listener = web::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(web::Server::run(
            listener,
            inner,
            limits,
            std::future::pending(),
        ));
        address
    })
}

#[test]
fn a_write_that_was_given_up_in_the_queue_is_not_done_later() {
    let app = busy();
    let client = Client::guest(impatient(&app));
    let driver = &**app.inner().database().driver();
    let (held, open) = hold(driver);
    for _ in 0..3 {
        let given_up = client.post("/v1/things", &json!({"text": "x"})).expect(503);
        assert_eq!(given_up.code(), "timed_out");
        assert!(given_up.header("retry-after").is_some());
        assert!(given_up.header("x-request-id").is_some());
        assert!(given_up.text().contains("the outcome is open"));
    }
    client.get("/v1/things").expect(200);
    open.send(()).unwrap();
    app.wait(async {
        held.await.unwrap();
        // Whatever came before has had its turn by then.
        driver.write(Box::new(Idle)).await.unwrap();
    });
    assert_eq!(app.get("/v1/things").expect(200).items().len(), 0);
    assert_eq!(crate::support::feed(&app), [""; 0]);
    client
        .post("/v1/things", &json!({"text": "again"}))
        .expect(201);
}
