//! Master keys as they are written.

use vault::{MasterKeys, MasterKeysError, Vault};

use crate::support::{key, keys};

#[test]
fn keys_are_read_as_people_write_them() {
    let id = |text: &str| MasterKeys::parse(text).unwrap().current_id().to_owned();
    let [one, two] = [1, 0xfb].map(key);
    let expected = id(&one);
    assert_ne!(id(&two), expected);
    for text in [
        format!("{one}\n"),
        format!("  {one}\r\n"),
        one.trim_end_matches('=').to_owned(),
        format!("# the first\n{one}\n# the second\n{two}\n"),
        format!("{one},{two}"),
        format!("{one} {one}"),
    ] {
        assert_eq!(id(&text), expected, "{text}");
    }
    // The other alphabet of base64.
    let web = two.replace('+', "-").replace('/', "_");
    assert_ne!(web, two);
    assert_eq!(id(&web), id(&two));
}

#[test]
fn what_is_no_key_is_refused_without_being_repeated() {
    let check = |text: &str, expected: MasterKeysError| {
        let error = MasterKeys::parse(text).unwrap_err();
        assert_eq!(error, expected, "{text}");
        let told = error.to_string();
        assert!(text.len() < 8 || !told.contains(&text[..8]), "{told}");
    };
    let good = key(1);
    check("", MasterKeysError::Empty);
    check("# nothing\n \n", MasterKeysError::Empty);
    check("hunter2-hunter2", MasterKeysError::Malformed(1));
    check(&good[..40], MasterKeysError::Malformed(1));
    check(
        &format!("{good}\n{good}AAAA"),
        MasterKeysError::Malformed(2),
    );
    check(
        &keys(&(0..17).collect::<Vec<_>>()),
        MasterKeysError::TooMany,
    );
}

#[test]
fn a_new_key_is_one_that_can_be_read() {
    let [one, two] = [0, 1].map(|_| MasterKeys::generate().unwrap());
    assert_ne!(one, two);
    let sealed = Vault::new(MasterKeys::parse(&one).unwrap()).seal("a", b"x");
    let again = Vault::new(MasterKeys::parse(&one).unwrap());
    assert_eq!(&again.open("a", &sealed.unwrap()).unwrap()[..], b"x");
}
