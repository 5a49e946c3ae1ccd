//! Several processes on one PostgreSQL database, and what they do when it goes away.

use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;

use frontdesk::{store, value};
use serde_json::json;
use store::driver::{BoxFuture, Cost, Driver, Statement, Storage, Transaction, Undo, Work};
use testkit::{Answer, Client, Process, eventually};
use tokio::sync::oneshot;
use value::Value;

use crate::support::{BINARY, LIBRARY, contract, on_sqlite, run};

const SERVE: [&str; 4] = ["serve", "--migrate", "--listen", "127.0.0.1:0"];

const NOTES: &str = "\
frontdesk: 1
name: notes
resources:
  Note:
    id: integer
    fields: {text: {type: string, maxLength: 40}}
    access: {read: public, write: public}
";

#[test]
fn nodes_share_records_and_keys_and_migrate_once() {
    if on_sqlite() {
        return;
    }
    let place = contract(LIBRARY);
    // All at the same moment, on a database without tables.
    let nodes: Vec<Process> = thread::scope(|scope| {
        let starting: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| Process::start(BINARY, place.path(), &SERVE)))
            .collect();
        starting
            .into_iter()
            .map(|node| node.join().unwrap())
            .collect()
    });
    let key = [
        "key",
        "create",
        "k",
        "--scope",
        "authors.write",
        "--claim",
        "role=staff",
        "--json",
    ];
    let made = run(place.path(), &key).expect(0);
    let made: serde_json::Value = serde_json::from_str(&made.stdout).unwrap();
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    for (at, node) in nodes.iter().enumerate() {
        let writer = node.client().with_key(key);
        let body = json!({"name": format!("author {at}")});
        let path = writer
            .post("/v1/authors", &body)
            .expect(201)
            .header("location")
            .unwrap();
        for other in &nodes {
            other.client().get(&path).expect(200);
        }
    }
    run(place.path(), &["key", "revoke", id]).expect(0);
    for node in &nodes {
        let writer = node.client().with_key(key);
        eventually("the key's end everywhere", || {
            let answer = writer.post("/v1/authors", &json!({"name": "x"}));
            (answer.status == 401).then_some(())
        });
    }
}

#[test]
fn what_is_sent_to_several_nodes_with_one_key_is_done_once() {
    const KEYS: usize = 40;
    if on_sqlite() {
        return;
    }
    let place = contract(NOTES);
    let nodes = [(); 2].map(|()| Process::start(BINARY, place.path(), &SERVE));
    let clients = || nodes.iter().chain(&nodes).map(Process::client);
    let start = Barrier::new(clients().count());
    let send = |client: &Client, key: usize| {
        let call = client.request("POST", "/v1/notes");
        let call = call.header("idempotency-key", key.to_string());
        let call = call.json(&json!({"text": key.to_string()}));
        eventually("its turn", || {
            let answer = call.clone().send();
            (answer.status != 409).then_some(answer)
        })
    };
    let told: Vec<Vec<Answer>> = thread::scope(|scope| {
        let (start, send) = (&start, &send);
        let sending: Vec<_> = clients()
            .map(|client| {
                scope.spawn(move || {
                    let each = (0..KEYS).map(|key| {
                        start.wait();
                        send(&client, key).expect(201)
                    });
                    each.collect()
                })
            })
            .collect();
        sending.into_iter().map(|one| one.join().unwrap()).collect()
    });
    for key in 0..KEYS {
        let of_key = || told.iter().map(|told| &told[key]);
        assert!(of_key().all(|answer| answer.text() == told[0][key].text()));
        let firsts = of_key().filter(|answer| answer.header("idempotency-replayed").is_none());
        assert_eq!(firsts.count(), 1);
    }
    let there = nodes[0].client().get("/v1/notes?limit=100").items().len();
    assert_eq!(there, KEYS);
}

/// What one client was told.
#[derive(Default)]
struct Told {
    made: Vec<i64>,
    refused: u64,
    doubtful: u64,
}

fn write_on(client: &Client, over: &AtomicBool, answers: &AtomicU64) -> Told {
    let mut told = Told::default();
    while !over.load(Ordering::Acquire) {
        let answer = client.post("/v1/notes", &json!({"text": "a"}));
        answers.fetch_add(1, Ordering::Relaxed);
        match answer.status {
            201 => told.made.push(answer.json()["id"].as_i64().unwrap()),
            503 => {
                assert_eq!(answer.json()["code"], "unavailable");
                assert!(answer.header("retry-after").is_some());
                told.refused += 1;
            }
            500 => {
                let detail = answer.json()["detail"].to_string();
                assert!(detail.contains("may have been made or not"), "{detail}");
                told.doubtful += 1;
            }
            other => panic!("{other}: {}", answer.text()),
        }
    }
    told
}

/// Runs a test that stops the server with one of its own, its disk in earnest.
fn alone(name: &str, test: fn()) {
    const ALONE: &str = "FRONTDESK_TEST_ALONE";
    if on_sqlite() {
        return;
    }
    if std::env::var_os(ALONE).is_some() {
        return test();
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/with-postgres");
    let done = Command::new(script)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &format!("nodes::{name}")])
        .env(ALONE, "1")
        .env("DURABLE", "1")
        .output()
        .unwrap();
    let said = [done.stdout, done.stderr].concat();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&said));
}

#[test]
fn a_database_that_goes_away_is_told_of_and_found_again() {
    alone(
        "a_database_that_goes_away_is_told_of_and_found_again",
        lose_the_database,
    );
}

#[test]
fn operations_go_on_when_the_database_is_back() {
    alone(
        "operations_go_on_when_the_database_is_back",
        lose_operations,
    );
}

fn lose_the_database() {
    let place = contract(NOTES);
    let process = Process::start(BINARY, place.path(), &SERVE);
    let client = process.client();
    let (over, answers) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
    );
    let told: Vec<Told> = thread::scope(|scope| {
        let writers: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| write_on(&process.client(), &over, &answers)))
            .collect();
        for mode in ["immediate", "fast"] {
            let before = answers.load(Ordering::Relaxed);
            eventually("writes", || {
                (answers.load(Ordering::Relaxed) > before + 100).then_some(())
            });
            testdb::control(&["stop", "--mode", mode]);
            client.get("/healthz").expect(200);
            eventually("being unready", || {
                (client.get("/readyz").status == 503).then_some(())
            });
            assert_eq!(client.get("/v1/notes").status, 503);
            testdb::control(&["start"]);
            eventually("being ready again", || {
                (client.get("/readyz").status == 200).then_some(())
            });
        }
        client
            .post("/v1/notes", &json!({"text": "after"}))
            .expect(201);
        over.store(true, Ordering::Release);
        writers
            .into_iter()
            .map(|writer| writer.join().unwrap())
            .collect()
    });
    let made: Vec<i64> = told.iter().flat_map(|told| told.made.clone()).collect();
    let refused: u64 = told.iter().map(|told| told.refused).sum();
    let doubtful: u64 = told.iter().map(|told| told.doubtful).sum();
    assert!(made.len() > 100 && refused > 0, "{} {refused}", made.len());
    // Whatever was acknowledged is there, and nothing that was refused.
    for id in &made {
        client.get(&format!("/v1/notes/{id}")).expect(200);
    }
    let total = client
        .get("/v1/notes?total=true&limit=1")
        .expect(200)
        .json()["total"]
        .as_u64();
    let least = made.len() as u64 + 1;
    assert!(
        total.unwrap() >= least && total.unwrap() <= least + doubtful,
        "{total:?} of {least} + {doubtful}"
    );
}

/// Holds all notes until it is told to let go.
struct Hold {
    held: mpsc::Sender<()>,
    let_go: Option<oneshot::Receiver<()>>,
}

impl Work for Hold {
    fn run<'a>(
        &'a mut self,
        transaction: &'a mut dyn Transaction,
    ) -> BoxFuture<'a, Result<(), Undo>> {
        Box::pin(async move {
            let locking = statement("SELECT id FROM note FOR UPDATE", vec![Storage::Int]);
            transaction.query(&locking, &[]).await?;
            self.held.send(()).unwrap();
            if let Some(let_go) = self.let_go.take() {
                drop(let_go.await);
            }
            Err(Undo::Refused)
        })
    }
}

fn statement(text: &'static str, columns: Vec<Storage>) -> Arc<Statement> {
    Arc::new(Statement {
        text: text.into(),
        parameters: vec![],
        columns,
        cost: Cost::Short,
    })
}

/// Asks until the answer is no longer 0.
fn eventually_counts(driver: &dyn Driver, what: &str, sql: &'static str) {
    let counting = statement(sql, vec![Storage::Int]);
    eventually(what, || {
        let found = testdb::wait(driver.query(&counting, &[])).unwrap();
        (found.cells != [Value::Int(0)]).then_some(())
    });
}

fn lose_operations() {
    let place = contract(NOTES);
    let process = Process::start(BINARY, place.path(), &SERVE);
    let client = process.client();
    let driver = testdb::open(testkit::target(place.path()).unwrap());
    let path = client.post("/v1/notes", &json!({"text": "a"})).expect(201);
    let path = path.header("location").unwrap();
    let write = |text: &str, prefer: &str| {
        let call = client.request("PATCH", &path).json(&json!({"text": text}));
        let call = call.header("idempotency-key", text);
        call.header("prefer", prefer).send()
    };
    // Carries this out while an operation, begun by a request that waits for it, waits in turn for
    // what somebody else holds.
    let meanwhile = |text: &str, happens: &dyn Fn(oneshot::Sender<()>)| {
        let (held, is_held) = mpsc::channel();
        let (let_go, go_on) = oneshot::channel();
        let hold = Hold {
            held,
            let_go: Some(go_on),
        };
        thread::scope(|scope| {
            let holder = scope.spawn(|| drop(testdb::wait(driver.write(Box::new(hold)))));
            is_held.recv().unwrap();
            let first = scope.spawn(|| write(text, "respond-async, wait=20"));
            let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted";
            eventually_counts(&driver, "the operation", waits);
            happens(let_go);
            holder.join().unwrap();
            let done = first.join().unwrap().expect(200).json();
            assert_eq!(done["text"], text);
            assert_eq!(write(text, "").expect(200).json(), done);
        });
    };
    for (mode, text) in [("immediate", "b"), ("fast", "c")] {
        meanwhile(text, &|_| {
            testdb::control(&["stop", "--mode", mode]);
            eventually("being unready", || {
                (client.get("/readyz").status == 503).then_some(())
            });
            testdb::control(&["start"]);
        });
    }
    // It is committed, and its connection lost before anybody is told: the server waits for a
    // standby that does not exist.
    meanwhile("d", &|let_go| {
        let set = |sql| {
            testdb::wait(driver.query(&statement(sql, vec![]), &[])).unwrap();
            let reload = statement("SELECT pg_reload_conf()", vec![Storage::Bool]);
            testdb::wait(driver.query(&reload, &[])).unwrap();
        };
        set("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
        eventually_counts(
            &driver,
            "the setting",
            "SELECT count(*) FROM pg_settings \
             WHERE name = 'synchronous_standby_names' AND setting = 'nobody'",
        );
        let_go.send(()).unwrap();
        eventually_counts(
            &driver,
            "the loss",
            "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity \
             WHERE wait_event = 'SyncRep'",
        );
        set("ALTER SYSTEM RESET synchronous_standby_names");
    });
    let note = client.get(&path);
    assert_eq!(note.etag()[..3], *"\"4.", "each was done once");
}
