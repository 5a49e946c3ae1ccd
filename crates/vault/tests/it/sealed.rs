//! Sealed values.

use vault::{Place, Vault, VaultError};

use crate::support::vault;

const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

#[test]
fn what_is_sealed_opens_for_its_purpose_alone() {
    let ours = vault(&[1]);
    for plain in [&b""[..], b"s", b"a secret of some length \0\xff"] {
        let sealed = ours.seal("totp/1", plain).unwrap();
        assert!(Vault::is_sealed(&sealed));
        assert_eq!(&ours.open("totp/1", &sealed).unwrap()[..], plain);
        for other in ["totp/2", "totp", "", "secret/1", "totp/1 "] {
            let opened = ours.open(other, &sealed);
            assert_eq!(opened.unwrap_err(), VaultError::Tampered, "{other}");
        }
    }
    // Neither the text nor its parts tell that two values are the same.
    let [one, two] = [0, 1].map(|_| ours.seal("a", b"same").unwrap());
    let parts = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
    assert_ne!(parts(&one)[2..], parts(&two)[2..]);
    assert!(!one.contains("same"));
}

#[test]
fn a_change_of_any_character_is_refused() {
    let ours = vault(&[1]);
    let sealed = ours.seal("a", b"the secret").unwrap();
    for at in 0..sealed.len() {
        let old = sealed.as_bytes()[at];
        let others = DIGITS.iter().chain(b".=\0").filter(|new| **new != old);
        for new in others {
            let mut changed = sealed.clone().into_bytes();
            changed[at] = *new;
            let changed = String::from_utf8(changed).unwrap();
            assert!(ours.open("a", &changed).is_err(), "{at}: {changed}");
            assert!(ours.rewrap("a", &changed).is_err(), "{at}: {changed}");
        }
    }
    for length in 0..sealed.len() {
        assert!(ours.open("a", &sealed[..length]).is_err(), "{length}");
    }
    assert!(ours.open("a", &format!("{sealed}A")).is_err());
}

#[test]
fn parts_of_two_values_do_not_fit_together() {
    let ours = vault(&[1]);
    let [one, two] = [b"one", b"two"].map(|plain| ours.seal("a", plain).unwrap());
    let [one, two] = [&one, &two].map(|text| text.split('.').collect::<Vec<_>>());
    for mixed in [
        [one[0], one[1], one[2], two[3]],
        [one[0], one[1], two[2], one[3]],
    ] {
        let opened = ours.open("a", &mixed.join("."));
        assert_eq!(opened.unwrap_err(), VaultError::Tampered);
    }
}

#[test]
fn another_master_key_opens_nothing_and_says_which_is_missing() {
    let ours = vault(&[1]);
    let theirs = vault(&[2]);
    let sealed = ours.seal("a", b"x").unwrap();
    let expected = VaultError::UnknownKey {
        id: ours.key_id().to_owned(),
    };
    assert_eq!(theirs.open("a", &sealed).unwrap_err(), expected);
    // Neither does it under the id of the right one.
    let renamed = sealed.replace(ours.key_id(), theirs.key_id());
    assert_eq!(
        theirs.open("a", &renamed).unwrap_err(),
        VaultError::Tampered
    );
    for bad in [
        "",
        "v1",
        "v1.a.b",
        "v2.a.b.c",
        "v1..b.c",
        "v1.a.b.c.d",
        "v1.a.=.=",
        "plain",
    ] {
        assert_eq!(
            ours.open("a", bad).unwrap_err(),
            VaultError::Malformed,
            "{bad}"
        );
    }
}

#[test]
fn an_older_master_key_opens_until_everything_is_wrapped_anew() {
    let old = vault(&[1]);
    let both = vault(&[2, 1]);
    let new = vault(&[2]);
    let sealed = old.seal("a", b"x").unwrap();
    assert_eq!(&both.open("a", &sealed).unwrap()[..], b"x");
    assert!(new.open("a", &sealed).is_err());
    let rewrapped = both.rewrap("a", &sealed).unwrap().unwrap();
    assert_eq!(&new.open("a", &rewrapped).unwrap()[..], b"x");
    assert!(new.open("b", &rewrapped).is_err());
    assert_eq!(both.rewrap("a", &rewrapped).unwrap(), None);
    assert!(both.rewrap("b", &sealed).is_err());
}

#[test]
fn derived_keys_depend_on_the_master_key_and_the_purpose() {
    let derive = |byte, purpose| *vault(&[byte]).derive(purpose);
    assert_eq!(derive(1, "csrf"), derive(1, "csrf"));
    assert_ne!(derive(1, "csrf"), derive(1, "csrg"));
    assert_ne!(derive(1, "csrf"), derive(2, "csrf"));
    assert_eq!(*vault(&[2, 1]).derive("csrf"), derive(2, "csrf"));
}

#[test]
fn a_place_seals_for_itself_and_the_row() {
    let ours = vault(&[1]);
    let sealed = Place::TOTP.seal(&ours, "acc_1", b"x").unwrap();
    assert_eq!(
        &Place::TOTP.open(&ours, "acc_1", &sealed).unwrap()[..],
        b"x"
    );
    assert!(Place::TOTP.open(&ours, "acc_2", &sealed).is_err());
    assert!(Place::SIGNING_KEY.open(&ours, "acc_1", &sealed).is_err());
}

#[test]
fn nothing_that_can_be_shown_shows_a_secret() {
    let ours = vault(&[7]);
    let shown = format!(
        "{ours:?} {:?}",
        ours.open("b", &ours.seal("a", b"hidden").unwrap())
    );
    assert!(!shown.contains("hidden"), "{shown}");
    assert!(!shown.contains(&crate::support::key(7)[..8]), "{shown}");
    assert!(shown.contains(ours.key_id()), "{shown}");
}
