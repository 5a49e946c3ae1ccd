//! `backup` and `restore`: beside a busy server, and killed at any moment.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value as Json, json};
use tempfile::TempDir;
use testkit::{Output, eventually};

use crate::crash::Dice;
use crate::support::{BINARY, contract, count, count_in, on_sqlite, run, serve, write};

const CONTRACT: &str = "\
frontdesk: 1
name: kept
resources:
  Note:
    id: integer
    fields:
      text: {type: text, maxLength: 10000}
    access: {read: public, write: public}
";

fn place() -> TempDir {
    contract(CONTRACT)
}

fn database(place: &Path) -> PathBuf {
    place.join(".frontdesk/frontdesk.db")
}

#[test]
fn a_backup_of_the_other_kind_of_database_is_told_from_a_damaged_one() {
    let place = place();
    let file = place.path().join("backup");
    let refused = |marks: &[u8], more: &[&str]| {
        fs::write(&file, marks).unwrap();
        let mut words = vec!["restore", file.to_str().unwrap(), "--dir", "."];
        words.extend(more);
        run(place.path(), &words).expect(1).stderr
    };
    let nowhere = ["--database", "postgres://nobody@127.0.0.1:1/nothing"];
    let stderr = refused(b"SQLite format 3\0", &nowhere);
    assert!(stderr.contains("a backup of a data folder"), "{stderr}");
    assert!(stderr.contains("without `--database`"), "{stderr}");
    // Elsewhere the tests' own database is where it goes.
    if on_sqlite() {
        let stderr = refused(b"PGDMP\x01", &["--data", "new"]);
        assert!(
            stderr.contains("a backup of a PostgreSQL database"),
            "{stderr}"
        );
        assert!(stderr.contains("`--database"), "{stderr}");
        assert!(!place.path().join("new").exists());
    }
}

/// Brings some megabytes in.
fn fill(place: &Path, records: usize) {
    let mut text = String::new();
    let long = "word ".repeat(800);
    for number in 0..records {
        writeln!(text, "{{\"text\":\"{number} {long}\"}}").unwrap();
    }
    write(place, "notes.ndjson", &text);
    run(place, &["migrate", "apply"]).expect(0);
    run(place, &["data", "import", "notes", "notes.ndjson"]).expect(0);
}

/// That a database file is whole, and that its feed tells of each record once. How many there
/// are.
#[track_caller]
fn check_file(file: &Path) -> u64 {
    store_sqlite::backup::check(file).unwrap();
    let notes = count(file, "SELECT COUNT(*) FROM note");
    let told = "SELECT COUNT(DISTINCT record) FROM frontdesk_feed WHERE action = 'create'";
    assert_eq!(count(file, told), notes, "feed and records agree");
    let untold = "SELECT COUNT(*) FROM note WHERE CAST(id AS TEXT) NOT IN \
                  (SELECT record FROM frontdesk_feed)";
    assert_eq!(count(file, untold), 0);
    notes
}

#[test]
fn a_backup_beside_a_busy_server_holds_what_was_acknowledged() {
    if !on_sqlite() {
        return;
    }
    let place = place();
    fill(place.path(), 2_000);
    let process = serve(place.path(), &[]);
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..4)
        .map(|_| {
            let (client, acknowledged, stop) = (
                process.client(),
                Arc::clone(&acknowledged),
                Arc::clone(&stop),
            );
            thread::spawn(move || {
                let mut writes = 0;
                while !stop.load(Ordering::Relaxed) {
                    let made = client.post("/v1/notes", &json!({"text": "while it is copied"}));
                    let id = made.expect(201).json()["id"].as_u64().unwrap();
                    acknowledged.lock().unwrap().push(id);
                    writes += 1;
                }
                writes
            })
        })
        .collect();
    for round in 0..3 {
        let seen = acknowledged.lock().unwrap().len();
        eventually("writes", || {
            (acknowledged.lock().unwrap().len() > seen + 20).then_some(())
        });
        let before = acknowledged.lock().unwrap().clone();
        let name = format!("copy-{round}.db");
        let made = run(place.path(), &["backup", &name, "--json"]).expect(0);
        let summary: Json = serde_json::from_str(&made.stdout).unwrap();
        let after = acknowledged.lock().unwrap().len();
        let copy = place.path().join(&name);
        assert_eq!(summary["bytes"], fs::metadata(&copy).unwrap().len());
        // One file, and nothing beside it.
        let beside = fs::read_dir(place.path()).unwrap().filter(|entry| {
            let found = entry.as_ref().unwrap().file_name().into_string().unwrap();
            found.contains("copy-") && found.contains("-wal") || found.contains(".part")
        });
        assert_eq!(beside.count(), 0);

        let other = self::place();
        let restored = run(other.path(), &["restore", copy.to_str().unwrap(), "--json"]);
        restored.expect(0);
        let notes = check_file(&database(other.path()));
        assert!(notes >= 2_000 + before.len() as u64 && notes <= 2_000 + after as u64 + 4);
        let served = serve(other.path(), &[]);
        for id in &before {
            served.client().get(&format!("/v1/notes/{id}")).expect(200);
        }
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        assert!(writer.join().unwrap() > 0);
    }
}

#[test]
fn what_is_there_is_not_written_over_unasked() {
    if !on_sqlite() {
        return;
    }
    let place = place();
    assert!(
        run(place.path(), &["backup", "a.db"])
            .expect(1)
            .stderr
            .contains("no database")
    );
    fill(place.path(), 10);
    run(place.path(), &["backup", "a.db"]).expect(0);
    let again = run(place.path(), &["backup", "a.db"]).expect(1);
    assert!(again.stderr.contains("--force"), "{}", again.stderr);
    run(place.path(), &["backup", "a.db", "--force"]).expect(0);
    run(place.path(), &["backup", "none/a.db"]).expect(1);

    let process = serve(place.path(), &[]);
    let refused = run(place.path(), &["restore", "a.db", "--force"]).expect(1);
    assert!(refused.stderr.contains("in use"), "{}", refused.stderr);
    process
        .client()
        .post("/v1/notes", &json!({"text": "later"}))
        .expect(201);
    drop(process);
    let refused = run(place.path(), &["restore", "a.db"]).expect(1);
    assert!(refused.stderr.contains("--force"), "{}", refused.stderr);
    assert_eq!(check_file(&database(place.path())), 11);
    let restored = run(place.path(), &["restore", "a.db", "--force", "--json"]).expect(0);
    assert_eq!(check_file(&database(place.path())), 10);
    // What was there is kept, with what was only in its log.
    let summary: Json = serde_json::from_str(&restored.stdout).unwrap();
    let before = place.path().join(summary["before"].as_str().unwrap());
    assert_eq!(check_file(&before), 11);
    // And can itself be restored.
    let before = before.to_str().unwrap();
    run(place.path(), &["restore", before, "--force"]).expect(0);
    assert_eq!(check_file(&database(place.path())), 11);
}

#[test]
fn what_is_no_backup_is_not_restored() {
    if !on_sqlite() {
        return;
    }
    let place = place();
    fill(place.path(), 200);
    run(place.path(), &["backup", "good.db"]).expect(0);
    let good = fs::read(place.path().join("good.db")).unwrap();
    let cut = &good[..good.len() / 2];
    let mut broken = good.clone();
    let middle = broken.len() / 2;
    for byte in &mut broken[middle..middle + 5_000] {
        *byte ^= 0x55;
    }
    for (name, bytes) in [
        ("empty.db", &[][..]),
        (
            "text.db",
            &b"this is no database, however long it may be"[..],
        ),
        ("cut.db", cut),
        ("broken.db", &broken),
    ] {
        fs::write(place.path().join(name), bytes).unwrap();
        let refused = run(place.path(), &["restore", name, "--force"]).expect(1);
        assert!(refused.stderr.contains(name), "{}", refused.stderr);
        assert_eq!(check_file(&database(place.path())), 200, "{name}");
    }
    let missing = run(place.path(), &["restore", "none.db", "--force"]).expect(1);
    assert!(missing.stderr.contains("none.db"), "{}", missing.stderr);
    // Nothing is left of the attempts.
    let left = fs::read_dir(place.path().join(".frontdesk")).unwrap();
    let left: Vec<_> = left
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("part") || name.contains("before"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_damaged_database_makes_way_and_is_kept() {
    if !on_sqlite() {
        return;
    }
    let place = place();
    fill(place.path(), 10);
    run(place.path(), &["backup", "good.db"]).expect(0);
    fs::write(database(place.path()), "nothing of it is left").unwrap();
    let restored = run(place.path(), &["restore", "good.db", "--force", "--json"]).expect(0);
    assert_eq!(check_file(&database(place.path())), 10);
    let summary: Json = serde_json::from_str(&restored.stdout).unwrap();
    let before = place.path().join(summary["before"].as_str().unwrap());
    assert_eq!(fs::read_to_string(before).unwrap(), "nothing of it is left");
}

/// Starts a command and kills it some time later. Whether it had ended before.
fn cut_short(place: &Path, arguments: &[&str], after: Duration) -> bool {
    let mut child = Command::new(BINARY)
        .current_dir(place)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    thread::park_timeout(after);
    let ended = child.try_wait().unwrap();
    drop(child.kill());
    child.wait().unwrap();
    match ended {
        None => false,
        Some(status) => {
            assert!(status.success(), "{status}");
            true
        }
    }
}

#[test]
fn killed_at_any_moment_there_is_the_old_file_or_the_new_one() {
    if !on_sqlite() {
        return;
    }
    let mut dice = Dice::new(7);
    let place = place();
    let other = self::place();
    fill(place.path(), 1_000);
    run(place.path(), &["backup", "thousand.db"]).expect(0);
    fill(other.path(), 500);
    run(other.path(), &["backup", "five.db"]).expect(0);
    let thousand = place.path().join("thousand.db");
    let five = other.path().join("five.db");
    let copy = place.path().join("copy.db");
    let mut finished = 0;
    for round in 0..40 {
        // A little longer each time, so that every step has its turn.
        let after = Duration::from_micros(round * 8_000 + dice.below(8_000));
        let (from, expected) = match round % 2 {
            0 => (&thousand, 1_000),
            _ => (&five, 500),
        };
        let known = check_file(&database(place.path()));
        let done = cut_short(
            place.path(),
            &["restore", from.to_str().unwrap(), "--force"],
            after,
        );
        let found = check_file(&database(place.path()));
        assert!(
            found == expected || (found == known && !done),
            "{known} became {found}"
        );
        finished += u32::from(done);

        let there = copy.exists();
        let done = cut_short(place.path(), &["backup", "copy.db", "--force"], after);
        assert!(copy.exists() || !(there || done));
        if copy.exists() {
            let copied = check_file(&copy);
            assert!(copied == 1_000 || copied == 500);
            assert!(!done || copied == found);
            fs::remove_file(copy.with_file_name("copy.db-lock")).unwrap_or_default();
        }
        for entry in fs::read_dir(place.path().join(".frontdesk")).unwrap() {
            let path = entry.unwrap().path();
            if path.to_string_lossy().contains(".before-") {
                fs::remove_file(path).unwrap();
            }
        }
    }
    // However fast the machine is, in the end they go through.
    run(
        place.path(),
        &["restore", five.to_str().unwrap(), "--force"],
    )
    .expect(0);
    assert_eq!(check_file(&database(place.path())), 500);
    run(place.path(), &["backup", "copy.db", "--force"]).expect(0);
    assert_eq!(check_file(&copy), 500);
    assert!(finished < 40, "nothing was ever cut short");
}

#[track_caller]
fn assert_said(output: &Output, what: &str) {
    let said = &output.stderr;
    assert!(said.contains(what), "`{what}` is not in: {said}");
}

/// The notes, as an export writes them.
#[track_caller]
fn exported(place: &Path) -> String {
    run(place, &["data", "export", "notes", "out.ndjson", "--force"]).expect(0);
    fs::read_to_string(place.join("out.ndjson")).unwrap()
}

#[test]
fn a_database_on_a_server_is_backed_up_and_restored_by_its_own_programs() {
    if on_sqlite() {
        return;
    }
    let (place, other) = (place(), self::place());
    let nothing = run(place.path(), &["backup", "monday.dump"]).expect(1);
    assert_said(&nothing, "there are no tables of frontdesk in `postgres://");
    fill(place.path(), 500);
    let process = serve(place.path(), &[]);
    let before = exported(place.path());
    let done = run(place.path(), &["backup", "monday.dump", "--json"]).expect(0);
    let told: Json = serde_json::from_str(&done.stdout).unwrap();
    let dump = place.path().join("monday.dump");
    assert_eq!(told["bytes"], fs::metadata(&dump).unwrap().len());
    // What comes later is not in it.
    let late = json!({"text": "late"});
    process.client().post("/v1/notes", &late).expect(201);
    let twice = run(place.path(), &["backup", "monday.dump"]).expect(1);
    assert_said(&twice, "--force writes over it");
    run(place.path(), &["backup", "tuesday.dump"]).expect(0);

    // A database in use is never written over.
    let dump = dump.to_str().unwrap();
    let taken = run(place.path(), &["restore", dump, "--force"]).expect(1);
    assert_said(&taken, "make an empty database");
    process.client().get("/v1/notes?limit=1").expect(200);

    let restored = run(other.path(), &["restore", dump, "--json"]).expect(0);
    let again: Json = serde_json::from_str(&restored.stdout).unwrap();
    assert_eq!(
        (&again["contract"], &again["bytes"]),
        (&told["contract"], &told["bytes"])
    );
    assert_eq!(exported(other.path()), before);
    let served = serve(other.path(), &[]);
    served.client().post("/v1/notes", &late).expect(201);
    let told = "SELECT COUNT(DISTINCT record) FROM frontdesk_feed WHERE action = 'create'";
    assert_eq!(count_in(other.path(), told), 501);
}

#[test]
fn what_is_no_dump_is_not_restored() {
    if on_sqlite() {
        return;
    }
    let place = place();
    write(place.path(), "broken.dump", "PGDMP and no more");
    let broken = run(place.path(), &["restore", "broken.dump"]).expect(1);
    assert_said(&broken, "pg_restore: ");
    let missing = run(place.path(), &["restore", "missing.dump"]).expect(1);
    assert_said(&missing, "missing.dump");
    // Nothing was half done: a server finds an empty database.
    let process = serve(place.path(), &[]);
    assert_eq!(process.client().get("/v1/notes").items().len(), 0);
    let bare = testkit::command(BINARY, place.path(), &["backup", "x.dump"])
        .env("PATH", place.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&bare.stderr);
    assert!(said.contains("`pg_dump` is not installed"), "{said}");
    assert!(!place.path().join("x.dump").exists());
}
