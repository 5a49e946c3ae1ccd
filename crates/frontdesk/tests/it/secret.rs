//! `secret`, the master key, and that nothing shows either.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use frontdesk::model::{Client, ClientProof, SecretName};
use frontdesk::vault::{Secret, Secrets};
use frontdesk::{App, Error, MasterKey, Missing, Project};
use serde_json::{Value as Json, json};
use testkit::Output;

use crate::support::{BINARY, LIBRARY, contract, on_sqlite, run, serve, write};

const VALUE: &str = "correct-horse-battery";

const PEOPLE: &str = "\
frontdesk: 1
name: people
auth: {users: User}
resources:
  User:
    fields:
      name?: {type: string, maxLength: 100}
    access: {read: signed_in}
";

/// Runs with these variables.
#[track_caller]
fn run_with(folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = testkit::command(BINARY, folder, arguments);
    let output = command.envs(variables.iter().copied()).output().unwrap();
    Output {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn master_key(folder: &Path) -> String {
    run(folder, &["secret", "new-key"])
        .expect(0)
        .stdout
        .trim()
        .to_owned()
}

/// A contract with a file that says where its master key is.
fn with_key_file(text: &str) -> tempfile::TempDir {
    let place = contract(text);
    let key = master_key(place.path());
    write(place.path(), "key", &format!("{key}\n"));
    write(
        place.path(),
        "frontdesk.toml",
        "master_key_file = \"key\"\n",
    );
    place
}

#[test]
fn secrets_are_kept_listed_and_removed_and_never_shown() {
    let place = with_key_file(LIBRARY);
    let folder = place.path();
    write(folder, "value", &format!("{VALUE}\n"));
    let mut shown = String::new();
    let mut run = |arguments: &[&str], code| {
        let output = run(folder, arguments).expect(code);
        shown.push_str(&format!("{}{}", output.stdout, output.stderr));
        output.stdout
    };
    let empty = run(&["migrate", "apply"], 0) + &run(&["secret", "list"], 0);
    assert!(empty.contains("No secrets are kept here"), "{empty}");
    run(&["secret", "set", "PRINTER", "--file", "value"], 0);
    let set = run(
        &["secret", "set", "SCANNER", "--file", "value", "--json"],
        0,
    );
    let set: Json = serde_json::from_str(&set).unwrap();
    assert_eq!(set, json!({"name": "SCANNER", "set": true}));
    let listed: Json = serde_json::from_str(&run(&["secret", "list", "--json"], 0)).unwrap();
    let names = |listed: &Json| {
        let secrets = listed["secrets"].as_array().unwrap().iter();
        secrets
            .map(|secret| secret["name"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&listed), ["PRINTER", "SCANNER"]);
    run(&["secret", "remove", "PRINTER"], 0);
    run(&["secret", "remove", "PRINTER"], 1);
    for arguments in [
        &["check"][..],
        &["secret", "list"],
        &["secret", "rewrap"],
        &["export", "openapi"],
        &["serve", "--print-config"],
        &["backup", "copy.db"],
    ] {
        run(arguments, 0);
    }
    // Wrong names and values are wrong usage, and not repeated where they may be secrets.
    run(&["secret", "set", "printer", "--file", "value"], 2);
    run(&["secret", "set", "PRINTER"], 2);
    assert!(!shown.contains(VALUE), "{shown}");
    let key = fs::read_to_string(folder.join("key")).unwrap();
    assert!(!shown.contains(key.trim()), "{shown}");
    if on_sqlite() {
        for file in [".frontdesk/frontdesk.db", "copy.db"] {
            let bytes = fs::read(folder.join(file)).unwrap();
            let holds = |text: &str| {
                bytes
                    .windows(text.len())
                    .any(|some| some == text.as_bytes())
            };
            assert!(holds("SCANNER") && !holds(VALUE), "{file}");
        }
    }
}

#[test]
fn a_contract_with_people_makes_a_master_key_where_it_may() {
    let place = contract(PEOPLE);
    let key = place.path().join(".frontdesk/master.key");
    if on_sqlite() {
        drop(serve(place.path(), &[]));
        assert!(key.exists());
        return;
    }
    let arguments = ["serve", "--migrate", "--listen", "127.0.0.1:0"];
    let refused = run(place.path(), &arguments).expect(1);
    for part in [
        "no master key",
        "secret new-key",
        "FRONTDESK_MASTER_KEY_FILE",
    ] {
        assert!(refused.stderr.contains(part), "{}", refused.stderr);
    }
    assert!(!key.exists());
    let process = crate::support::dev(place.path());
    drop(process);
    assert!(key.exists());
}

#[test]
fn a_contract_without_secrets_needs_no_master_key() {
    let place = contract(LIBRARY);
    drop(serve(place.path(), &[]));
    assert!(!place.path().join(".frontdesk/master.key").exists());
}

#[test]
fn with_another_master_key_nothing_is_served_and_with_both_everything_is() {
    let place = with_key_file(PEOPLE);
    let folder = place.path();
    write(folder, "value", VALUE);
    drop(serve(folder, &[]));
    run(folder, &["secret", "set", "PRINTER", "--file", "value"]).expect(0);
    let old = fs::read_to_string(folder.join("key")).unwrap();
    let new = master_key(folder);

    write(folder, "key", &new);
    let refused = run(folder, &["serve", "--listen", "127.0.0.1:0"]).expect(1);
    for part in ["was sealed with the master key", "FRONTDESK_MASTER_KEY_OLD"] {
        assert!(refused.stderr.contains(part), "{}", refused.stderr);
    }
    let refused = run(folder, &["secret", "rewrap"]).expect(1);
    assert!(
        refused.stderr.contains("5 values stay"),
        "{}",
        refused.stderr
    );

    write(folder, "key", &format!("# since today\n{new}\n{old}"));
    drop(serve(folder, &[]));
    let done = run(folder, &["secret", "rewrap", "--json"])
        .expect(0)
        .stdout;
    let done: Json = serde_json::from_str(&done).unwrap();
    assert_eq!((&done["renewed"], &done["failed"]), (&json!(5), &json!(0)));
    write(folder, "key", &new);
    drop(serve(folder, &[]));

    // If it is lost, what it has sealed is, too.
    let lost = contract(PEOPLE);
    let lost = lost.path();
    write(lost, "frontdesk.toml", "master_key_file = \"key\"\n");
    write(lost, "key", &old);
    run(lost, &["migrate", "apply"]).expect(0);
    write(lost, "value", VALUE);
    run(lost, &["secret", "set", "PRINTER", "--file", "value"]).expect(0);
    write(lost, "key", &new);
    run(lost, &["secret", "rewrap"]).expect(1);
    let done = run(lost, &["secret", "rewrap", "--discard"]).expect(0);
    assert!(done.stderr.contains("`PRINTER` in"), "{}", done.stderr);
    drop(serve(lost, &[]));
    let listed = run(lost, &["secret", "list"]).expect(0).stdout;
    assert!(listed.contains("No secrets"), "{listed}");

    // The environment gives the same.
    write(folder, "frontdesk.toml", "");
    let given = [
        ("FRONTDESK_MASTER_KEY", old.trim()),
        ("FRONTDESK_MASTER_KEY_OLD", new.as_str()),
    ];
    let done = run_with(folder, &given, &["secret", "rewrap"])
        .expect(0)
        .stdout;
    assert!(done.contains("5 values"), "{done}");
}

#[tokio::test]
async fn what_a_contract_names_is_looked_for_at_the_start() {
    let place = with_key_file(PEOPLE);
    let (mut model, _) = Project::open(place.path())
        .unwrap()
        .compile()
        .unwrap()
        .into_model()
        .unwrap();
    let name = "FOR_A_TEST_THAT_NAMES_A_SECRET";
    model.auth.clients.push(Client {
        id: "printer".to_owned(),
        title: "Print shop".to_owned(),
        proof: ClientProof::Secret(SecretName::new(name).unwrap()),
        redirect_uris: vec![],
        scopes: vec![],
        post_logout_redirect_uris: vec![],
        backchannel_logout_uri: None,
        device: false,
        trusted: false,
    });
    let model = Arc::new(model);
    let key = MasterKey::File(place.path().join("key"));
    let open = || {
        App::builder(place.path())
            .database(testkit::target(place.path()))
            .master_key(key.clone())
            .open_model(Arc::clone(&model))
    };
    let missing = open().await.unwrap_err();
    assert!(
        matches!(&missing, Error::NoSecret(names) if names == &[name]),
        "{missing:?}"
    );
    assert!(missing.to_string().contains("$FOR_A_TEST"), "{missing}");

    let database = frontdesk::Database::connect(&match testkit::target(place.path()) {
        Some(target) => frontdesk::Location::Server(Box::new(target)),
        None => frontdesk::Location::Folder(place.path().join(".frontdesk")),
    })
    .await
    .unwrap();
    let vault = key.vault(place.path(), Missing::Refuse).unwrap();
    let secrets = Secrets::new(database.driver().clone(), vault);
    let value = Secret::of(VALUE.as_bytes().to_vec().into()).unwrap();
    secrets.set(name, &value, frontdesk::now()).await.unwrap();
    let app = open().await.unwrap();
    let found = app.secrets().unwrap().resolve(name).await.unwrap().unwrap();
    assert_eq!(found.reveal(), VALUE);
    assert!(!format!("{app:?}{found:?}{secrets:?}").contains(VALUE));
}
