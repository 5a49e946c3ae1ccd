//! `token keys`: what a server sees of what a command does, and the other way round.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use frontdesk::identity::denied::Denied;
use frontdesk::identity::jws::Algorithm;
use frontdesk::identity::signing::{Settings, Signing};
use frontdesk::vault::{MasterKeys, Vault};
use frontdesk::{Database, now};
use serde_json::Value as Json;

use crate::support::{LIBRARY, contract, on_sqlite, run};

/// The keys as a server has them that runs on the same data.
fn server(folder: &Path) -> (Arc<Denied>, Signing) {
    let data = folder.join(".frontdesk");
    let key = fs::read_to_string(data.join("master.key")).unwrap();
    let vault = Vault::new(MasterKeys::parse(&key).unwrap());
    testdb::wait(async move {
        let driver = Arc::clone(Database::open(&data).unwrap().driver());
        let denied = Arc::new(Denied::open(Arc::clone(&driver), now()).await.unwrap());
        let settings = Settings {
            algorithms: vec![Algorithm::Es256],
        };
        let opened = Signing::open(driver, vault, Arc::clone(&denied), settings, now()).await;
        (denied, opened.unwrap())
    })
}

fn listed(folder: &Path) -> Vec<(String, String)> {
    let listed = run(folder, &["token", "keys", "list", "--json"]).expect(0);
    let listed: Json = serde_json::from_str(&listed.stdout).unwrap();
    let text = |key: &Json, name: &str| key[name].as_str().unwrap().to_owned();
    let keys = listed["keys"].as_array().unwrap().iter();
    keys.map(|key| (text(key, "id"), text(key, "stage")))
        .collect()
}

#[test]
fn keys_are_seen_changed_and_taken_back_while_a_server_runs() {
    if !on_sqlite() {
        return;
    }
    let place = contract(LIBRARY);
    let folder = place.path();
    run(folder, &["migrate", "apply"]).expect(0);
    let none = run(folder, &["token", "keys", "list"]).expect(0);
    assert!(none.stdout.contains("No keys sign tokens yet"), "{none:?}");
    run(folder, &["token", "keys", "rotate"]).expect(1);
    let (denied, signing) = server(folder);
    let signs = || {
        signing
            .current(Algorithm::Es256, now())
            .map(|key| key.kid.clone())
    };
    let tend = || {
        testdb::wait(denied.poll(now())).unwrap();
        testdb::wait(signing.tend(now())).unwrap();
    };
    let first = signs().unwrap();
    assert_eq!(listed(folder), [(first.clone(), "current".to_owned())]);
    run(folder, &["token", "keys", "rotate"]).expect(0);
    let stages = |folder| -> Vec<String> {
        let listed = listed(folder).into_iter();
        listed.map(|(_, stage)| stage).collect()
    };
    assert_eq!(stages(folder), ["next", "current"]);
    run(folder, &["token", "keys", "rotate", "--now"]).expect(0);
    assert_eq!(stages(folder), ["current", "previous"]);
    let second = listed(folder)[0].0.clone();
    let revoke = |id: &str, says: &str| {
        let revoked = run(folder, &["token", "keys", "revoke", id]).expect(0);
        assert!(revoked.stdout.contains(says), "{revoked:?}");
        tend();
    };
    revoke(&first, "did not sign any more");
    assert_eq!(signs().as_ref(), Some(&second));
    revoke(&second, "signs in its place");
    let third = signs().unwrap();
    assert!(third != first && third != second);
    assert_eq!(stages(folder), ["current", "revoked", "revoked"]);
    let shown = run(folder, &["token", "keys", "list"]).expect(0).stdout;
    assert!(
        shown.contains(&third) && shown.contains("revoked"),
        "{shown}"
    );
    // Each act is written down.
    let noted = run(folder, &["audit", "list"]).expect(0).stdout;
    for action in ["signing_key_rotated", "signing_key_revoked"] {
        assert!(noted.contains(action), "{noted}");
    }
    let again = run(folder, &["token", "keys", "revoke", &second]).expect(1);
    assert!(again.stderr.contains("revoked already"), "{again:?}");
}

#[test]
fn keys_are_not_opened_with_another_master_key() {
    if !on_sqlite() {
        return;
    }
    let place = contract(LIBRARY);
    let folder = place.path();
    run(folder, &["migrate", "apply"]).expect(0);
    run(folder, &["token", "keys", "list"]).expect(0);
    drop(server(folder));
    let other = run(folder, &["secret", "new-key"]).expect(0).stdout;
    fs::write(folder.join(".frontdesk/master.key"), other).unwrap();
    let refused = run(folder, &["token", "keys", "list"]).expect(1);
    assert!(refused.stderr.contains("cannot be opened"), "{refused:?}");
    assert!(
        refused.stderr.contains("FRONTDESK_MASTER_KEY"),
        "{refused:?}"
    );
}
