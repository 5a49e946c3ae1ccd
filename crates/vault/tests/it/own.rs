//! Keys that the server makes for itself.

use testdb::wait;
use vault::{SecretError, VaultError, kept_key, sealed_key};

use crate::support::{NOW, database, execute, select, vault};

#[test]
fn the_first_key_of_a_name_stays() {
    let database = database();
    let driver = &*database.driver;
    let kept = |name| wait(kept_key(driver, None, name, NOW)).unwrap();
    let first = kept("cursor");
    assert_eq!(first, kept("cursor"));
    assert_ne!(first, kept("other"));
}

#[test]
fn a_key_that_lay_open_is_sealed_when_there_is_a_vault() {
    let database = database();
    let driver = &*database.driver;
    let open = wait(kept_key(driver, None, "cursor", NOW)).unwrap();
    let ours = vault(&[1]);
    let sealed = wait(kept_key(driver, Some(&ours), "cursor", NOW)).unwrap();
    assert_eq!(open, sealed);
    let value = select(&database, "SELECT \"value\" FROM \"frontdesk_secrets\"");
    assert!(value[0].starts_with("v1."), "{value:?}");
    assert_eq!(
        wait(kept_key(driver, Some(&ours), "cursor", NOW)).unwrap(),
        open
    );
    let without = wait(kept_key(driver, None, "cursor", NOW));
    assert!(
        matches!(without, Err(SecretError::NoMasterKey)),
        "{without:?}"
    );
    let other = wait(kept_key(driver, Some(&vault(&[2])), "cursor", NOW));
    assert!(
        matches!(
            other,
            Err(SecretError::Vault(VaultError::UnknownKey { .. }))
        ),
        "{other:?}"
    );
}

#[test]
fn a_sealed_key_cannot_be_replaced_by_who_lacks_the_master_key() {
    let database = database();
    let driver = &*database.driver;
    let ours = vault(&[1]);
    let audit = wait(sealed_key(driver, &ours, "audit", NOW)).unwrap();
    assert_eq!(
        wait(sealed_key(driver, &ours, "audit", NOW)).unwrap(),
        audit
    );
    wait(sealed_key(driver, &ours, "other", NOW)).unwrap();
    let zeros = "0".repeat(64);
    for forged in [
        format!("UPDATE \"frontdesk_sealed\" SET \"value\" = '{zeros}'"),
        // Another row's.
        "UPDATE \"frontdesk_sealed\" SET \"value\" = (SELECT \"value\" FROM \"frontdesk_sealed\" \
         WHERE \"name\" = 'frontdesk/other') WHERE \"name\" = 'frontdesk/audit'"
            .to_owned(),
    ] {
        execute(&database, &forged);
        let found = wait(sealed_key(driver, &ours, "audit", NOW));
        assert!(matches!(found, Err(SecretError::Vault(_))), "{found:?}");
    }
}
