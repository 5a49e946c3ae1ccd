//! Several processes on one PostgreSQL database, and what they do when it goes away.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use serde_json::json;
use testkit::{Client, Process, eventually};

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

#[test]
fn a_database_that_goes_away_is_told_of_and_found_again() {
    if on_sqlite() {
        return;
    }
    const ALONE: &str = "FRONTDESK_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return lose_the_database();
    }
    // It stops the server, so it has one of its own, with its disk in earnest.
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/with-postgres");
    let done = Command::new(script)
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "nodes::a_database_that_goes_away_is_told_of_and_found_again",
        ])
        .env(ALONE, "1")
        .env("DURABLE", "1")
        .output()
        .unwrap();
    let said = [done.stdout, done.stderr].concat();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&said));
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
