//! `serve`: starts only when it can, ends as it should.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value as Json, json};
use testkit::{PATIENCE, eventually};

use crate::support::{LIBRARY, contract, on_sqlite, run, serve, write};

#[test]
fn contracts_with_mistakes_are_not_served() {
    let place = contract("frontdesk: 1\nname: a\nresources: {}\n");
    let refused = run(place.path(), &["serve", "--listen", "127.0.0.1:0"]).expect(1);
    assert!(
        refused.stderr.contains("frontdesk.yaml:3:"),
        "{}",
        refused.stderr
    );
    assert!(!place.path().join(".frontdesk").exists());
}

#[test]
fn tables_are_only_changed_when_asked() {
    let place = contract(LIBRARY);
    let refused = run(place.path(), &["serve", "--listen", "127.0.0.1:0"]).expect(1);
    assert!(
        refused.stderr.contains("CREATE TABLE"),
        "{}",
        refused.stderr
    );
    assert!(
        refused.stderr.contains("frontdesk migrate apply"),
        "{}",
        refused.stderr
    );
    drop(serve(place.path(), &[]));
    // Now they fit, and nothing has to be asked.
    let process = testkit::Process::start(
        crate::support::BINARY,
        place.path(),
        &["serve", "--listen", "127.0.0.1:0"],
    );
    process.client().get("/v1/books").expect(200);
}

#[test]
fn data_is_not_lost_by_migrate_alone() {
    let place = contract(LIBRARY);
    drop(serve(place.path(), &[]));
    let removed = LIBRARY
        .replace("      title: {type: string, maxLength: 100}\n", "")
        .replace("  Book:\n", "  Book:\n    removed: [title]\n");
    write(place.path(), "frontdesk.yaml", &removed);
    let refused = run(
        place.path(),
        &["serve", "--migrate", "--listen", "127.0.0.1:0"],
    )
    .expect(1);
    assert!(
        refused.stderr.contains("--allow-data-loss"),
        "{}",
        refused.stderr
    );
    drop(serve(place.path(), &["--allow-data-loss"]));
}

#[test]
fn the_log_is_json_lines_for_programs() {
    let place = contract(LIBRARY);
    let process = serve(place.path(), &[]);
    process.client().get("/v1/books?limit=1").expect(200);
    let line = process.wait_until("a line about the request", |said| {
        said.lines()
            .find(|line| line.contains("\"answered\""))
            .map(str::to_owned)
    });
    let line: Json = serde_json::from_str(&line).unwrap();
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["method"], "GET");
    assert_eq!(line["path"], "/v1/books");
    assert_eq!(line["status"], 200);
    assert!(line["timestamp"].is_string());
}

#[test]
fn health_is_told_to_anybody() {
    let place = contract(LIBRARY);
    let process = serve(place.path(), &[]);
    let client = process.client();
    for path in ["/healthz", "/readyz"] {
        let answer = client.get(path).expect(200);
        assert_eq!(answer.json(), json!({"status": "ok"}));
        assert_eq!(answer.header("cache-control").as_deref(), Some("no-store"));
        assert_eq!(client.head(path).expect(200).body, b"");
        let refused = client.delete(path).expect(405);
        assert_eq!(refused.code(), "method_not_allowed");
        assert_eq!(refused.json()["instance"], path);
        for answer in [refused, client.options(path).expect(204)] {
            let allow = answer.header("allow");
            assert_eq!(allow.as_deref(), Some("GET, HEAD, OPTIONS"));
        }
    }
    if !on_sqlite() {
        return;
    }
    // The database moves away under it.
    let file = place.path().join(".frontdesk/frontdesk.db");
    fs::rename(&file, file.with_extension("gone")).unwrap();
    eventually("being unready", || {
        (client.get("/readyz").status == 503).then_some(())
    });
    client.get("/healthz").expect(200);
}

#[test]
fn a_signal_ends_it_gently() {
    let place = contract(LIBRARY);
    let mut process = serve(place.path(), &["--drain", "2"]);
    let client = process.client();
    client.get("/readyz").expect(200);
    process.signal("TERM");
    let answer = eventually("being unready", || {
        let answer = client.get("/readyz");
        (answer.status == 503).then_some(answer)
    });
    assert_eq!(answer.json()["reason"], "stopping");
    // Load balancers have not noticed yet: what they send is still answered.
    client.get("/v1/books").expect(200);
    client.get("/healthz").expect(200);
    assert_eq!(process.ended().code(), Some(0));
    assert!(client.request("GET", "/healthz").try_send().is_err());
    // Closed as it should be: nothing is left to be recovered.
    assert!(!place.path().join(".frontdesk/frontdesk.db-wal").exists());
}

#[test]
fn requests_that_were_begun_are_finished() {
    let place = contract(LIBRARY);
    let key = run(
        place.path(),
        &["key", "create", "k", "--admin", "--user", "ann"],
    )
    .expect(0)
    .stdout;
    let mut process = serve(place.path(), &["--drain", "0"]);
    let mut stream = TcpStream::connect(process.client().address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let body = r#"{"title": "Dune"}"#;
    let (first, rest) = body.split_at(5);
    let head = format!(
        "POST /v1/books HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
        key.trim(),
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    // The server has begun with it once it asks for the body.
    let mut ask = [0; 25];
    stream.read_exact(&mut ask).unwrap();
    assert!(
        ask.starts_with(b"HTTP/1.1 100"),
        "{}",
        String::from_utf8_lossy(&ask)
    );
    stream.write_all(first.as_bytes()).unwrap();
    process.signal("INT");
    process.wait_for("stopping");
    stream.write_all(rest.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert_eq!(process.ended().code(), Some(0));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let place = contract(LIBRARY);
    let mut process = serve(place.path(), &["--drain", "3000"]);
    process.signal("TERM");
    process.wait_for("stopping");
    process.signal("TERM");
    assert_eq!(process.ended().code(), Some(1));
}

#[test]
fn records_survive_a_kill() {
    let place = contract(LIBRARY);
    let key = run(
        place.path(),
        &["key", "create", "k", "--admin", "--user", "ann"],
    )
    .expect(0)
    .stdout;
    let mut process = serve(place.path(), &[]);
    let admin = process.client().with_key(key.trim());
    let made = admin
        .post("/v1/books", &json!({"title": "Dune"}))
        .expect(201)
        .json();
    process.signal("KILL");
    process.ended();
    let process = serve(place.path(), &[]);
    assert_eq!(process.client().get("/v1/books").items(), [made]);
}

#[test]
fn less_durability_is_asked_for_and_warned_of() {
    let place = contract(LIBRARY);
    let relaxed = ["serve", "--durability", "relaxed"];
    if !on_sqlite() {
        let refused = run(place.path(), &relaxed).expect(2);
        assert!(refused.stderr.contains("synchronous_commit"), "{refused:?}");
        return;
    }
    let warning = "a power cut may take back writes that were answered";
    let process = serve(place.path(), &[]);
    assert!(!process.said().contains(warning));
    drop(process);
    let mut process = serve(place.path(), &relaxed[1..]);
    process.wait_for(warning);
    let key = run(
        place.path(),
        &["key", "create", "x", "--admin", "--user", "ann"],
    )
    .expect(0);
    let client = process.client().with_key(key.stdout.trim());
    let made = client.post("/v1/books", &json!({"title": "Dune"}));
    let path = made.expect(201).header("location").unwrap();
    // What the process has handed over outlives it.
    process.signal("KILL");
    process.ended();
    let process = serve(place.path(), &[]);
    process.client().get(&path).expect(200);
}

#[test]
fn a_port_that_is_taken_is_told_with_a_way_out() {
    let place = contract(LIBRARY);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for command in ["serve", "dev"] {
        let refused = run(place.path(), &[command, "--listen", &address]).expect(1);
        assert!(refused.stderr.contains(&address), "{}", refused.stderr);
        assert!(
            refused.stderr.contains("--listen 127.0.0.1:"),
            "{}",
            refused.stderr
        );
    }
}

#[test]
fn services_have_a_listener_of_their_own_and_both_end_together() {
    let contract_text = LIBRARY.replace("  Author:\n", "  Author:\n    audience: private\n");
    let place = contract(&contract_text);
    let mut process = serve(
        place.path(),
        &["--private-listen", "127.0.0.1:0", "--drain", "0"],
    );
    let inside = process.wait_until("the private address", |said| {
        let (_, rest) = said.split_once("for your own services on http://")?;
        rest.lines().next()?.trim().parse().ok()
    });
    let (outside, inside) = (process.client(), testkit::Client::guest(inside));
    outside.get("/v1/authors").expect(404);
    inside.get("/v1/authors").expect(200);
    inside.get("/readyz").expect(200);
    process.signal("TERM");
    assert_eq!(process.ended().code(), Some(0));
    for client in [outside, inside] {
        assert!(client.request("GET", "/healthz").try_send().is_err());
    }
}
