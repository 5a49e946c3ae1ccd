//! What `$NAME` stands for.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use testdb::{Fresh, wait};
use value::Timestamp;
use vault::{Secret, SecretError, Secrets, check_name};

use crate::support::{NOW, database, execute, select, vault};

fn secret(text: &str) -> Secret {
    Secret::of(text.as_bytes().to_vec().into()).unwrap()
}

/// Secrets with this environment and nothing else of it.
fn secrets(database: &Fresh, environment: &[(&str, &str)]) -> Secrets {
    let variables: BTreeMap<String, String> = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Secrets::new(database.driver.clone(), Some(vault(&[1])))
        .with_environment(Arc::new(move |name| variables.get(name).cloned()))
}

fn resolved(secrets: &Secrets, name: &str) -> Option<String> {
    let found = wait(secrets.resolve(name)).unwrap();
    found.map(|secret| secret.reveal().to_owned())
}

#[test]
fn the_environment_wins_over_a_file_over_the_table() {
    let database = database();
    let file = database.folder.path().join("printer");
    fs::write(&file, "from a file\n").unwrap();
    let file = file.to_str().unwrap();
    wait(secrets(&database, &[]).set("PRINTER", &secret("from the table"), NOW)).unwrap();
    for (environment, expected) in [
        (&[][..], Some("from the table")),
        (&[("PRINTER_FILE", file)], Some("from a file")),
        (
            &[("PRINTER", ""), ("PRINTER_FILE", "")],
            Some("from the table"),
        ),
        (
            &[("PRINTER", "from the environment"), ("PRINTER_FILE", file)],
            Some("from the environment"),
        ),
    ] {
        let secrets = secrets(&database, environment);
        assert_eq!(resolved(&secrets, "PRINTER").as_deref(), expected);
        assert_eq!(resolved(&secrets, "SCANNER"), None);
    }
}

#[test]
fn a_file_that_is_named_and_cannot_be_read_is_an_error() {
    let database = database();
    wait(secrets(&database, &[]).set("PRINTER", &secret("x"), NOW)).unwrap();
    let check = |content: Option<&[u8]>, expected: &str| {
        let path = database.folder.path().join("secret");
        let _ = fs::remove_file(&path);
        if let Some(content) = content {
            fs::write(&path, content).unwrap();
        }
        let secrets = secrets(&database, &[("PRINTER_FILE", path.to_str().unwrap())]);
        let error = wait(secrets.resolve("PRINTER")).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(None, "which PRINTER_FILE names, cannot be read");
    check(Some(b"\n"), "at least one character");
    check(Some(b"\xff\xfe"), "text in UTF-8");
    check(Some(&[b'x'; 100_000]), "at most 65536 bytes");
}

#[test]
fn secrets_are_kept_changed_listed_and_removed() {
    let database = database();
    let secrets = secrets(&database, &[]);
    let later = Timestamp(NOW.0 + 1);
    wait(secrets.set("B", &secret("one"), NOW)).unwrap();
    wait(secrets.set("A", &secret("two"), NOW)).unwrap();
    wait(secrets.set("B", &secret("three"), later)).unwrap();
    wait(vault::sealed_key(
        &*database.driver,
        &vault(&[1]),
        "audit",
        NOW,
    ))
    .unwrap();
    assert_eq!(resolved(&secrets, "B").as_deref(), Some("three"));
    let listed: Vec<_> = wait(secrets.list())
        .unwrap()
        .into_iter()
        .map(|kept| (kept.name, kept.created_at, kept.updated_at))
        .collect();
    assert_eq!(listed, [("A".into(), NOW, NOW), ("B".into(), NOW, later)]);
    assert!(wait(secrets.remove("B")).unwrap());
    assert!(!wait(secrets.remove("B")).unwrap());
    assert_eq!(resolved(&secrets, "B"), None);
    // The server's own are none of theirs.
    assert!(wait(secrets.remove("frontdesk/audit")).is_err());
}

#[test]
fn a_row_that_was_swapped_or_changed_is_refused() {
    let database = database();
    let secrets = secrets(&database, &[]);
    wait(secrets.set("A", &secret("a long secret"), NOW)).unwrap();
    wait(secrets.set("B", &secret("another one"), NOW)).unwrap();
    let stored = select(&database, "SELECT \"value\" FROM \"frontdesk_sealed\"");
    assert!(stored.iter().all(|value| !value.contains("secret")));
    execute(
        &database,
        "UPDATE \"frontdesk_sealed\" SET \"name\" = CASE \"name\" WHEN 'A' THEN 'C' ELSE 'A' END",
    );
    for name in ["A", "C"] {
        let found = wait(secrets.resolve(name));
        assert!(matches!(found, Err(SecretError::Vault(_))), "{found:?}");
    }
}

#[test]
fn without_a_master_key_nothing_is_kept_or_given_out() {
    let database = database();
    wait(secrets(&database, &[]).set("A", &secret("x"), NOW)).unwrap();
    let without = Secrets::new(database.driver.clone(), None).with_environment(Arc::new(|_| None));
    for done in [
        wait(without.resolve("A")).map(drop),
        wait(without.set("B", &secret("x"), NOW)),
    ] {
        assert!(matches!(done, Err(SecretError::NoMasterKey)), "{done:?}");
    }
    assert!(wait(without.resolve("UNKNOWN")).unwrap().is_none());
}

#[test]
fn names_could_be_variables() {
    for good in ["A", "PRINTER_SECRET", "S3_KEY", &"A".repeat(100)] {
        check_name(good).unwrap();
    }
    for bad in [
        "",
        "a",
        "_A",
        "3S",
        "A-B",
        "A B",
        "Ä",
        "FRONTDESK_X",
        "frontdesk/audit",
        &"A".repeat(101),
    ] {
        check_name(bad).unwrap_err();
    }
}

#[test]
fn a_secret_is_not_shown() {
    let shown = format!("{:?}", secret("hunter2"));
    assert!(!shown.contains("hunter2"), "{shown}");
    for (written, meant) in [
        ("x\n", "x"),
        ("x\r\n", "x"),
        ("x\n\n", "x\n"),
        (" x ", " x "),
    ] {
        assert_eq!(secret(written).reveal(), meant);
    }
}
