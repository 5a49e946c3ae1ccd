//! What other processes do to the data that is being served.

use serde_json::json;
use testkit::{Client, Process, eventually};

use crate::support::{BINARY, contract, dev, newer_migration, on_sqlite, run, serve, write};

const NOTES: &str = "\
frontdesk: 1
name: notes
resources:
  Note:
    id: integer
    fields:
      text: {type: string, maxLength: 40}
      old?: {type: string, maxLength: 40}
    access: {read: public, write: public}
";

fn without_old() -> String {
    NOTES
        .replace("      old?: {type: string, maxLength: 40}\n", "")
        .replace("    id: integer\n", "    id: integer\n    removed: [old]\n")
}

/// Every request is told that the tables are another contract's, and nothing worse.
#[track_caller]
fn refuses_everything(client: &Client) {
    let note = json!({"text": "a"});
    for answer in [
        client.get("/v1/notes"),
        client.get("/v1/notes/1"),
        client.post("/v1/notes", &note),
        client.patch("/v1/notes/1", &note),
        client.delete("/v1/notes/1"),
        client
            .request("GET", "/v1/notes")
            .header("accept", "text/csv")
            .send(),
    ] {
        let answer = answer.expect(503);
        assert_eq!(answer.code(), "unavailable");
        let detail = answer.json()["detail"].to_string();
        assert!(detail.contains("another contract"), "{detail}");
        assert!(answer.header("retry-after").is_some());
    }
    let ready = client.get("/readyz").expect(503);
    assert_eq!(ready.json()["reason"], "migrated");
    client.get("/healthz").expect(200);
}

#[test]
fn a_migration_under_a_running_server_is_noticed() {
    let place = contract(NOTES);
    let mut servers = vec![serve(place.path(), &[])];
    if !on_sqlite() {
        servers.push(serve(place.path(), &[]));
    }
    for server in &servers {
        let client = server.client();
        client.post("/v1/notes", &json!({"text": "a"})).expect(201);
        client.get("/v1/notes").expect(200);
        client.get("/readyz").expect(200);
    }
    let before = servers[0].client().get("/v1/notes/1").expect(200).etag();
    write(place.path(), "frontdesk.yaml", &without_old());
    run(place.path(), &["migrate", "apply", "--allow-data-loss"]).expect(0);
    for server in &servers {
        refuses_everything(&server.client());
        server.wait_for("another process has brought the tables");
    }
    // Who reads the contract that the tables belong to serves it.
    if !on_sqlite() {
        let new = serve(place.path(), &[]);
        new.client().get("/v1/notes").expect(200);
        new.client().get("/readyz").expect(200);
        refuses_everything(&servers[0].client());
    }
    // And back: the same contract, but not the same records as before.
    write(place.path(), "frontdesk.yaml", NOTES);
    run(place.path(), &["migrate", "apply"]).expect(0);
    for server in &servers {
        let client = server.client();
        eventually("its own tables", || {
            (client.get("/v1/notes").status == 200).then_some(())
        });
        client.get("/readyz").expect(200);
    }
    let after = servers[0].client().get("/v1/notes/1").expect(200).etag();
    assert_ne!(before, after);
}

#[test]
fn a_migration_that_breaks_no_statement_is_noticed_too() {
    let place = contract(NOTES);
    let server = serve(place.path(), &[]);
    let narrower = NOTES.replace(
        "text: {type: string, maxLength: 40}",
        "text: {type: string, maxLength: 20}",
    );
    write(place.path(), "frontdesk.yaml", &narrower);
    run(place.path(), &["migrate", "apply"]).expect(0);
    let client = server.client();
    eventually("the refusal", || {
        let answer = client.post("/v1/notes", &json!({"text": "a".repeat(30)}));
        (answer.status == 503).then_some(())
    });
    refuses_everything(&client);
}

#[test]
fn a_data_folder_is_served_by_one_process() {
    if !on_sqlite() {
        return;
    }
    let place = contract(NOTES);
    let mut first = serve(place.path(), &[]);
    let arguments = |command| vec![command, "--listen", "127.0.0.1:0"];
    let address = first.client().address().to_string();
    for command in ["serve", "dev"] {
        let refused = run(place.path(), &arguments(command)).expect(1);
        for word in ["already served", "process ", &address, "--data"] {
            assert!(refused.stderr.contains(word), "{}", refused.stderr);
        }
    }
    // What does not serve goes on beside it.
    run(place.path(), &["key", "create", "k"]).expect(0);
    run(place.path(), &["backup", "copy.db"]).expect(0);
    run(place.path(), &["data", "export", "notes", "notes.ndjson"]).expect(0);
    run(place.path(), &["migrate", "plan"]).expect(0);
    // Elsewhere it is another folder.
    drop(Process::start(
        BINARY,
        place.path(),
        &[
            "serve",
            "--migrate",
            "--listen",
            "127.0.0.1:0",
            "--data",
            "other",
        ],
    ));
    // However it ends, nothing is left in the way.
    first.signal("KILL");
    first.ended();
    let second = dev(place.path());
    second.client().get("/v1/notes").expect(200);
    let refused = run(place.path(), &arguments("serve")).expect(1);
    let address = second.client().address().to_string();
    assert!(refused.stderr.contains(&address), "{}", refused.stderr);
}

#[test]
fn tables_that_a_newer_release_has_taken_over_are_let_go() {
    let place = contract(NOTES);
    let server = serve(place.path(), &[]);
    let client = server.client();
    client.get("/v1/notes").expect(200);
    newer_migration(place.path());
    eventually("the refusal", || {
        (client.get("/readyz").status == 503).then_some(())
    });
    refuses_everything(&client);
}
