//! A new master key takes over.

use store::people::{ACCOUNTS, SIGNING_KEYS};
use testdb::wait;
use value::Value;
use vault::{Place, Secret, Secrets, Unreadable, kept_key, rewrap, sealed_key};

use crate::support::{NOW, database, select, vault};

const EVERYTHING: &str = "SELECT \"value\" FROM \"frontdesk_secrets\" \
     UNION ALL SELECT \"value\" FROM \"frontdesk_sealed\" \
     UNION ALL SELECT \"private\" FROM \"frontdesk_signing_keys\"";

#[test]
fn everything_that_is_sealed_follows_a_new_master_key() {
    let database = database();
    let driver = &database.driver;
    let old = vault(&[1]);
    let plain = wait(kept_key(&**driver, None, "cursor", NOW)).unwrap();
    let audit = wait(sealed_key(&**driver, &old, "audit", NOW)).unwrap();
    let secrets = Secrets::new(driver.clone(), Some(old.clone()));
    // More than are read at once.
    for number in 0..150 {
        let secret = Secret::of(format!("value {number}").into_bytes().into()).unwrap();
        wait(secrets.set(&format!("S_{number:03}"), &secret, NOW)).unwrap();
    }
    let private = Place::SIGNING_KEY.seal(&old, "k1", b"private").unwrap();
    let text = |text: &str| Value::Text(text.to_owned());
    let row = SIGNING_KEYS.row([
        ("id", text("k1")),
        ("algorithm", text("ES256")),
        ("public", Value::Json("{}".into())),
        ("private", text(&private)),
        ("created_at", Value::Timestamp(NOW)),
        ("signs_at", Value::Timestamp(NOW)),
    ]);
    let insert = SIGNING_KEYS.insert(driver.dialect());
    wait(store::execute(&**driver, vec![(insert, row)])).unwrap();

    let both = vault(&[2, 1]);
    let done = wait(rewrap(&**driver, &both, Unreadable::Keep)).unwrap();
    assert_eq!((done.renewed, done.current), (153, 0), "{done:?}");
    assert!(done.failed.is_empty(), "{done:?}");
    let new = vault(&[2]);
    let all = select(&database, EVERYTHING);
    let prefix = format!("v1.{}.", new.key_id());
    assert_eq!(all.len(), 153);
    assert!(all.iter().all(|value| value.starts_with(&prefix)));

    assert_eq!(
        wait(kept_key(&**driver, Some(&new), "cursor", NOW)).unwrap(),
        plain
    );
    assert_eq!(
        wait(sealed_key(&**driver, &new, "audit", NOW)).unwrap(),
        audit
    );
    let secrets = Secrets::new(driver.clone(), Some(new.clone()));
    let found = wait(secrets.resolve("S_149")).unwrap().unwrap();
    assert_eq!(found.reveal(), "value 149");
    let again = wait(rewrap(&**driver, &new, Unreadable::Keep)).unwrap();
    assert_eq!((again.renewed, again.current), (0, 153));
}

#[test]
fn what_cannot_be_opened_is_told_and_left() {
    let database = database();
    let driver = &database.driver;
    wait(sealed_key(&**driver, &vault(&[1]), "audit", NOW)).unwrap();
    let before = select(&database, EVERYTHING);
    let done = wait(rewrap(&**driver, &vault(&[2]), Unreadable::Keep)).unwrap();
    assert_eq!((done.renewed, done.current, done.failed.len()), (0, 0, 1));
    assert_eq!(done.failed[0].1, "frontdesk/audit");
    assert_eq!(select(&database, EVERYTHING), before);
}

#[test]
fn what_a_lost_master_key_has_sealed_can_be_discarded() {
    let database = database();
    let driver = &database.driver;
    let (lost, ours) = (vault(&[1]), vault(&[2]));
    wait(sealed_key(&**driver, &lost, "audit", NOW)).unwrap();
    let cursor = wait(kept_key(&**driver, Some(&lost), "cursor", NOW)).unwrap();
    wait(sealed_key(&**driver, &ours, "other", NOW)).unwrap();
    let text = |text: &str| Value::Text(text.to_owned());
    let totp = Place::TOTP.seal(&lost, "acc_1", b"x").unwrap();
    let row = ACCOUNTS.row([
        ("id", text("acc_1")),
        ("user", text("1")),
        ("email", text("a@b.example")),
        ("address", text("a@b.example")),
        ("totp", text(&totp)),
        ("totp_at", Value::Timestamp(NOW)),
        ("epoch", Value::Int(0)),
        ("created_at", Value::Timestamp(NOW)),
    ]);
    let insert = ACCOUNTS.insert(driver.dialect());
    wait(store::execute(&**driver, vec![(insert, row)])).unwrap();

    let done = wait(rewrap(&**driver, &ours, Unreadable::Discard)).unwrap();
    assert_eq!((done.current, done.failed.len()), (1, 3), "{done:?}");
    let done = wait(rewrap(&**driver, &ours, Unreadable::Keep)).unwrap();
    assert_eq!((done.current, done.failed.len()), (1, 0), "{done:?}");
    // The account stays, without a second factor; keys are made anew.
    let without = "SELECT \"id\" FROM \"frontdesk_accounts\" \
         WHERE \"totp\" IS NULL AND \"totp_at\" IS NULL";
    assert_eq!(select(&database, without), ["acc_1"]);
    let anew = wait(kept_key(&**driver, Some(&ours), "cursor", NOW)).unwrap();
    assert_ne!(anew, cursor);
}
