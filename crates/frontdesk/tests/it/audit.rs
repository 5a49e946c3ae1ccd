//! `audit`, and that what operators do is in it.

use std::path::Path;

use serde_json::{Value as Json, json};
use testkit::Output;

use crate::support::{LIBRARY, contract, on_sqlite, run, serve, write};

/// The entries, oldest first, as far as these columns go.
fn entries(folder: &Path) -> Vec<Json> {
    let exported = run(folder, &["audit", "export"]).expect(0).stdout;
    exported
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn actions(folder: &Path) -> Vec<String> {
    let actions = entries(folder).into_iter();
    actions
        .map(|entry| entry["action"].as_str().unwrap().to_owned())
        .collect()
}

fn verify(folder: &Path, more: &[&str], code: i32) -> Output {
    run(folder, &[&["audit", "verify"], more].concat()).expect(code)
}

fn with_master_key(text: &str) -> tempfile::TempDir {
    let place = contract(text);
    let key = run(place.path(), &["secret", "new-key"]).expect(0).stdout;
    write(place.path(), "key", &key);
    write(
        place.path(),
        "frontdesk.toml",
        "master_key_file = \"key\"\n",
    );
    place
}

#[test]
fn what_operators_do_is_written_down() {
    let place = with_master_key(LIBRARY);
    let folder = place.path();
    let made = run(
        folder,
        &["key", "create", "shop", "--scope", "books.read", "--json"],
    );
    let made: Json = serde_json::from_str(&made.expect(0).stdout).unwrap();
    let id = made["id"].as_str().unwrap();
    run(folder, &["key", "revoke", id]).expect(0);
    run(folder, &["key", "revoke", id]).expect(1);
    write(folder, "value", "correct-horse");
    run(folder, &["secret", "set", "PRINTER", "--file", "value"]).expect(0);
    run(folder, &["secret", "remove", "PRINTER"]).expect(0);
    write(folder, "authors.ndjson", "{\"name\": \"Lem\"}\n");
    run(
        folder,
        &["data", "import", "authors", "authors.ndjson", "--dry-run"],
    )
    .expect(0);
    run(folder, &["data", "import", "authors", "authors.ndjson"]).expect(0);
    run(folder, &["backup", "copy.db"]).expect(0);
    let all = entries(folder);
    let expected = [
        "key_created",
        "key_revoked",
        "secret_set",
        "secret_removed",
        "data_imported",
        "backup_made",
    ];
    assert_eq!(actions(folder), expected);
    assert_eq!(
        (&all[0]["subject"], &all[1]["subject"]),
        (&json!(id), &json!(id))
    );
    assert_eq!(all[0]["detail"]["scopes"], json!(["books.read"]));
    assert!(all[0]["actor"].as_str().unwrap().starts_with("operator:"));
    assert_eq!(all[4]["detail"]["records"], 1);
    let shown = serde_json::to_string(&all).unwrap();
    for secret in ["correct-horse", made["key"].as_str().unwrap()] {
        assert!(!shown.contains(secret), "{shown}");
    }
    let listed = run(folder, &["audit", "list", "--action", "key_created"])
        .expect(0)
        .stdout;
    assert_eq!(listed.lines().count(), 1, "{listed}");
    assert!(listed.contains(id), "{listed}");
    let wrong = run(folder, &["audit", "list", "--action", "key_create"]).expect(2);
    assert!(
        wrong.stderr.contains("did you mean key_created?"),
        "{}",
        wrong.stderr
    );
    let none = run(
        folder,
        &["audit", "list", "--since", "2100-01-01", "--json"],
    )
    .expect(0);
    assert_eq!(none.stdout.trim(), "{\"entries\":[]}");

    if on_sqlite() {
        run(folder, &["restore", "copy.db", "--data", "other"]).expect(0);
        let other = run(
            folder,
            &["audit", "list", "--data", "other", "--limit", "1"],
        );
        let other = other.expect(0).stdout;
        assert!(other.contains("backup_restored"), "{other}");
    }
}

#[test]
fn a_migration_that_loses_data_is_written_down() {
    let place = with_master_key(LIBRARY);
    let folder = place.path();
    run(folder, &["migrate", "apply"]).expect(0);
    write(folder, "authors.ndjson", "{\"name\": \"Lem\"}\n");
    run(folder, &["data", "import", "authors", "authors.ndjson"]).expect(0);
    let less = |name: &str| {
        LIBRARY
            .replace(
                "name: {type: string, maxLength: 100, index: true}",
                &format!("{name}: {{type: string, maxLength: 100, default: x}}"),
            )
            .replace(
                "    access: {read: public, write: staff}\n",
                &format!(
                    "    removed: [{}]\n    access: {{read: public, write: staff}}\n",
                    if name == "title" { "name" } else { "title" }
                ),
            )
    };
    write(folder, "frontdesk.yaml", &less("title"));
    run(folder, &["migrate", "apply"]).expect(1);
    run(folder, &["migrate", "apply", "--allow-data-loss"]).expect(0);
    let last = entries(folder).pop().unwrap();
    assert_eq!(last["action"], "migration_applied");
    assert!(last["detail"]["lost"][0].is_string(), "{last}");
    // Also by a server that starts.
    write(
        folder,
        "frontdesk.yaml",
        &less("heading").replace("removed: [title]", "removed: [title, name]"),
    );
    drop(serve(folder, &["--allow-data-loss"]));
    let mut last = entries(folder);
    assert_eq!(last.pop().unwrap()["action"], "contract_changed");
    let last = last.pop().unwrap();
    assert_eq!(
        (&last["action"], &last["actor"]),
        (&json!("migration_applied"), &json!("server"))
    );
    // The same contract again is no news.
    drop(serve(folder, &[]));
    let actions = actions(folder);
    let changes = actions
        .iter()
        .filter(|action| *action == "contract_changed");
    assert_eq!(changes.count(), 1, "{actions:?}");
}

#[test]
fn a_change_of_the_log_shows_with_its_place_and_its_exit_code() {
    let place = with_master_key(LIBRARY);
    let folder = place.path();
    run(folder, &["migrate", "apply"]).expect(0);
    write(folder, "value", "x");
    let set = || run(folder, &["secret", "set", "PRINTER", "--file", "value"]).expect(0);
    for _ in 0..3 {
        set();
    }
    let verdict: Json = serde_json::from_str(&verify(folder, &["--json"], 0).stdout).unwrap();
    assert_eq!(
        (&verdict["ok"], &verdict["entries"]),
        (&json!(true), &json!(3))
    );
    let head = verdict["head"].as_str().unwrap();
    let told = verify(folder, &[], 0);
    assert!(
        told.stdout.contains(head) && told.stdout.contains("3 entries as written"),
        "{told:?}"
    );
    assert!(!told.stderr.contains("without a master key"), "{told:?}");
    set();
    verify(folder, &["--expect", head], 0);
    verify(folder, &["--expect", "nonsense"], 2);

    change(
        folder,
        "DELETE FROM \"frontdesk_audit\" WHERE \"position\" >= 3",
    );
    verify(folder, &[], 0);
    let told = verify(folder, &["--expect", head], 1);
    assert!(
        told.stderr.contains("entry 3 was there once"),
        "{}",
        told.stderr
    );
    change(
        folder,
        "UPDATE \"frontdesk_audit\" SET \"subject\" = 'SCANNER' WHERE \"position\" = 2",
    );
    let told = verify(folder, &["--json"], 1);
    let verdict: Json = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(verdict["wrong"]["position"], 2);
    let refused = run(folder, &["audit", "prune", "--before", "0s"]).expect(1);
    assert!(
        refused.stderr.contains("--unverified"),
        "{}",
        refused.stderr
    );
    run(
        folder,
        &["audit", "prune", "--before", "0s", "--unverified"],
    )
    .expect(0);
    verify(folder, &[], 0);
    assert_eq!(actions(folder), ["audit_anchor", "audit_pruned"]);
}

#[test]
fn without_a_master_key_it_says_how_little_is_proved() {
    let place = contract(LIBRARY);
    let folder = place.path();
    run(folder, &["key", "create", "shop", "--scope", "books.read"]).expect(0);
    let told = verify(folder, &[], 0);
    assert!(
        told.stderr.contains("without a master key"),
        "{}",
        told.stderr
    );
}

#[track_caller]
fn change(folder: &Path, sql: &str) {
    use frontdesk::store::Driver;
    let script = [sql.to_owned()];
    let driver: Box<dyn Driver> = match testkit::target(folder) {
        Some(target) => Box::new(testdb::open(target)),
        None => {
            let file = folder.join(".frontdesk/frontdesk.db");
            Box::new(store_sqlite::SqliteDriver::open(&file, Default::default()).unwrap())
        }
    };
    testdb::wait(driver.migrate(&script)).unwrap();
}
