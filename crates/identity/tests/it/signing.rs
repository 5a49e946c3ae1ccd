use std::sync::Arc;

use futures_util::future::join_all;
use identity::jws::Algorithm;
use identity::signing::{SigningError, Stage, When};
use identity::tokens::Refused;
use testdb::wait;
use value::Timestamp;

use crate::support::{DAY, HOUR, MINUTE, NOW, Node, SECOND, Service, ann, at};

const ES256: Algorithm = Algorithm::Es256;

/// The stages of all keys, the newest first.
fn stages(node: &Node, now: Timestamp) -> Vec<Stage> {
    let keys = wait(node.signing.list(now)).unwrap();
    keys.into_iter().map(|(_, stage)| stage).collect()
}

fn published(node: &Node, now: Timestamp) -> Vec<String> {
    let set: serde_json::Value = serde_json::from_str(&node.signing.key_set(now)).unwrap();
    let keys = set["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_key_is_published_for_a_day_signs_for_a_month_and_goes_when_its_tokens_have() {
    use Stage::{Current, Next, Previous, Retired};
    let service = Service::new();
    let node = service.node(NOW);
    let check = |now, expected: &[Stage], in_set: usize| {
        node.tick(now);
        assert_eq!(stages(&node, now), expected, "{now}");
        assert_eq!(published(&node, now).len(), in_set, "{now}");
    };
    check(NOW, &[Current], 1);
    check(at(29 * DAY - 1), &[Current], 1);
    check(at(29 * DAY), &[Next, Current], 2);
    check(at(30 * DAY - 1), &[Next, Current], 2);
    check(at(30 * DAY), &[Current, Previous], 2);
    check(at(30 * DAY + 62 * MINUTE - 1), &[Current, Previous], 2);
    check(at(30 * DAY + 62 * MINUTE), &[Current, Retired], 1);
    check(at(59 * DAY), &[Next, Current, Retired], 2);
    // Switched off for months: it signs on with the key that others know, until they know the
    // next. Those of long ago are gone.
    check(at(400 * DAY), &[Next, Current], 2);
    check(at(401 * DAY - 1), &[Next, Current], 2);
    check(at(401 * DAY), &[Current, Previous], 2);
}

#[test]
fn the_key_set_is_what_others_expect() {
    let service = Service::signing_with(&[Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256]);
    let node = service.node(NOW);
    let set: serde_json::Value = serde_json::from_str(&node.signing.key_set(NOW)).unwrap();
    let keys = set["keys"].as_array().unwrap();
    let of = |name: &str| -> Vec<&str> {
        let texts = keys.iter().map(|key| key[name].as_str().unwrap());
        texts.collect()
    };
    assert_eq!(of("alg"), ["ES256", "EdDSA", "RS256"]);
    assert_eq!(of("kty"), ["EC", "OKP", "RSA"]);
    assert_eq!(of("use"), ["sig"; 3]);
    for key in keys {
        let known = identity::jws::Jwk::read(key).unwrap();
        assert_eq!(key["kid"], known.thumbprint());
        let members = key.as_object().unwrap();
        let secret = ["d", "p", "q", "dp", "dq", "qi", "k"];
        assert!(secret.iter().all(|name| !members.contains_key(*name)));
    }
    assert_eq!(keys[2]["e"], "AQAB");
}

/// RFC 7638 §3.1 and RFC 8037 A.3.
#[test]
fn thumbprints_are_those_of_the_standards() {
    let check = |jwk: &str, expected: &str| {
        let jwk = identity::jws::Jwk::read(&serde_json::from_str(jwk).unwrap()).unwrap();
        assert_eq!(jwk.thumbprint(), expected);
    };
    check(
        r#"{"kty": "RSA", "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"}"#,
        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
    );
    check(
        r#"{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
    );
}

#[test]
fn many_nodes_that_begin_at_once_make_one_key() {
    let service = Service::new();
    let nodes = wait(join_all((0..8).map(|_| service.opened(NOW))));
    for node in &nodes {
        assert_eq!(stages(node, NOW), [Stage::Current]);
    }
    // And one that is to follow it.
    let due = at(29 * DAY);
    let made = wait(join_all(nodes.iter().map(|node| node.signing.tend(due))));
    let made = made.into_iter().filter(|made| *made.as_ref().unwrap());
    assert_eq!(made.count(), 1);
    for node in &nodes {
        assert_eq!(stages(node, due), [Stage::Next, Stage::Current]);
    }
}

#[test]
fn a_key_that_another_node_has_made_is_asked_for() {
    let service = Service::new();
    let (here, there) = (service.node(NOW), service.node(NOW));
    let now = at(2 * SECOND);
    wait(here.signing.rotate(ES256, When::Now, now)).unwrap();
    let token = here.mint(ann(), now);
    assert!(there.verify(&token, now).is_ok());
}

#[test]
fn unknown_keys_cost_the_database_one_question_a_second() {
    let service = Service::new();
    let (here, there) = (service.node(NOW), service.node(NOW));
    let now = at(2 * SECOND);
    let stranger = Service::new().node(NOW).mint(ann(), NOW);
    assert_eq!(there.verify(&stranger, now).err(), Some(Refused::Key));
    // It has just asked, and does not again for a second.
    wait(here.signing.rotate(ES256, When::Now, now)).unwrap();
    let token = here.mint(ann(), now);
    assert_eq!(there.verify(&token, now).err(), Some(Refused::Key));
    assert!(there.verify(&token, at(3 * SECOND)).is_ok());
}

#[test]
fn a_key_that_was_taken_back_verifies_nothing_anywhere() {
    let service = Service::new();
    let (here, there) = (service.node(NOW), service.node(NOW));
    let token = here.mint(ann(), NOW);
    assert!(there.verify(&token, NOW).is_ok());
    let stolen = here.signing.current(ES256, NOW).unwrap().kid.clone();
    let now = at(SECOND);
    let revoked = wait(here.signing.revoke(&stolen, now)).unwrap();
    let successor = here.signing.current(ES256, now).unwrap();
    assert_eq!(revoked.successor.as_ref(), Some(&successor.kid));
    assert_eq!(here.verify(&token, now).err(), Some(Refused::Key));
    assert!(!published(&here, now).contains(&stolen));
    wait(there.denied.poll(now)).unwrap();
    assert!(there.verify(&token, now).is_err());
    // It signs nothing that nobody would accept, while it does not know the successor.
    assert!(there.signing.current(ES256, now).is_none());
    there.tick(now);
    assert!(there.verify(&token, now).is_err());
    assert!(!published(&there, now).contains(&stolen));
    // It signs with another, which all accept.
    assert_eq!(
        there.signing.current(ES256, now).unwrap().kid,
        successor.kid
    );
    assert!(here.verify(&there.mint(ann(), now), now).is_ok());
    let again = wait(here.signing.revoke(&stolen, now));
    assert!(matches!(again, Err(SigningError::Unknown)));
}

#[test]
fn the_next_key_takes_the_place_of_one_that_was_taken_back() {
    let service = Service::new();
    let node = service.node(NOW);
    let now = at(29 * DAY);
    node.tick(now);
    let keys = wait(node.signing.list(now)).unwrap();
    let (next, current) = (keys[0].0.kid.clone(), keys[1].0.kid.clone());
    let revoked = wait(node.signing.revoke(&current, now)).unwrap();
    assert_eq!(revoked.successor, Some(next));
    assert_eq!(stages(&node, now), [Stage::Current, Stage::Revoked]);
    // One that is no longer or not yet in use has no successor.
    wait(node.signing.rotate(ES256, When::Now, now)).unwrap();
    let previous = wait(node.signing.list(now)).unwrap();
    let (previous, stage) = &previous[1];
    assert_eq!(*stage, Stage::Previous);
    let revoked = wait(node.signing.revoke(&previous.kid, now)).unwrap();
    assert_eq!(revoked.successor, None);
}

#[test]
fn a_change_that_is_asked_for_waits_until_others_know_the_key() {
    let service = Service::new();
    let node = service.node(NOW);
    let first = node.signing.current(ES256, NOW).unwrap().kid.clone();
    let signs = |now| node.signing.current(ES256, now).unwrap().kid.clone();
    for _ in 0..3 {
        // Asking again does not put it off.
        wait(node.signing.rotate(ES256, When::Published, at(HOUR))).unwrap();
    }
    assert_eq!(stages(&node, at(HOUR)), [Stage::Next, Stage::Current]);
    assert_eq!(signs(at(25 * HOUR - 1)), first);
    assert_ne!(signs(at(25 * HOUR)), first);
}

#[test]
fn a_node_signs_with_a_key_that_others_have_before_their_time() {
    let service = Service::new();
    let (here, ahead) = (service.node(NOW), service.node(NOW));
    here.tick(at(29 * DAY));
    ahead.tick(at(29 * DAY));
    let token = ahead.mint(ann(), at(30 * DAY));
    let behind = at(30 * DAY - 5 * SECOND);
    here.tick(behind);
    assert!(here.verify(&token, behind).is_ok());
}

#[test]
fn ten_changes_of_keys_under_load_refuse_nobody() {
    let service = Service::signing_with(&[Algorithm::EdDsa]);
    let nodes = Arc::new([service.node(NOW), service.node(NOW)]);
    let mut tokens: Vec<(Timestamp, String)> = Vec::new();
    let mut kids = std::collections::BTreeSet::new();
    for second in 0..100 {
        let now = at(second * SECOND);
        for node in nodes.iter() {
            node.tick(now);
        }
        if second % 10 == 5 {
            wait(nodes[0].signing.rotate(Algorithm::EdDsa, When::Now, now)).unwrap();
        }
        for node in nodes.iter() {
            let key = node.signing.current(Algorithm::EdDsa, now).unwrap();
            kids.insert(key.kid.clone());
            tokens.push((now, node.mint(ann(), now)));
        }
        for (minted, token) in &tokens {
            for node in nodes.iter() {
                let verified = node.verify(token, now);
                assert!(verified.is_ok(), "{verified:?}, minted {minted}, now {now}");
            }
        }
    }
    assert_eq!(kids.len(), 11);
}

#[test]
fn keys_open_only_with_the_master_key_they_were_sealed_with() {
    let service = Service::new();
    drop(service.node(NOW));
    let driver = Arc::clone(&service.fresh.driver);
    let other = Service::new();
    let opened = wait(async {
        let denied = identity::denied::Denied::open(Arc::clone(&driver), NOW).await;
        let settings = identity::signing::Settings {
            algorithms: vec![ES256],
        };
        let vault = other.vault.clone();
        let denied = Arc::new(denied.unwrap());
        identity::signing::Signing::open(driver, vault, denied, settings, NOW).await
    });
    assert!(matches!(opened.err(), Some(SigningError::Sealed(_))));
}
