use identity::jws::Algorithm;
use identity::tokens::{Binding, NewAccess, NewIdToken, Refused};
use testdb::wait;

use crate::support::{AUDIENCE, HOUR, ISSUER, MINUTE, NOW, SECOND, Service, ann, at};

#[test]
fn a_token_says_what_was_put_in() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
        let node = Service::signing_with(&[algorithm]).node(NOW);
        let binding = Binding {
            jkt: Some("abc".to_owned()),
            certificate: None,
        };
        let new = NewAccess {
            client: "printer".to_owned(),
            scopes: Some(vec!["photos.read".to_owned(), "photos.list".to_owned()]),
            binding: Some(binding.clone()),
            ..ann()
        };
        let minted = node.tokens.mint(new, NOW).unwrap();
        assert_eq!(minted.expires_at, at(15 * MINUTE));
        let access = node.verify(&minted.text, NOW).unwrap();
        assert_eq!(access.issuer, ISSUER);
        assert_eq!(access.subject, "user_ann");
        assert_eq!(access.audience, [AUDIENCE]);
        assert_eq!(access.client, "printer");
        assert!(!access.is_first_party());
        assert_eq!(access.scopes().unwrap(), ["photos.read", "photos.list"]);
        assert_eq!(access.authenticated_at(), Some(NOW));
        assert_eq!(access.methods, ["pwd"]);
        assert_eq!(access.family.as_deref(), Some("family-1"));
        assert_eq!(access.epoch, Some(3));
        assert_eq!(access.id, minted.id);
        assert_eq!(access.expires_at(), at(15 * MINUTE));
        assert_eq!(access.issued_at(), NOW);
        assert_eq!(access.binding.as_ref(), Some(&binding));
    }
}

#[test]
fn a_persons_own_sign_in_has_all_scopes() {
    let node = Service::new().node(NOW);
    let access = node.verify(&node.mint(ann(), NOW), NOW).unwrap();
    assert!(access.is_first_party());
    assert_eq!(access.scopes(), None);
}

#[test]
fn an_app_without_scopes_has_none() {
    let node = Service::new().node(NOW);
    let new = NewAccess {
        client: "printer".to_owned(),
        scopes: Some(vec![]),
        ..ann()
    };
    let access = node.verify(&node.mint(new, NOW), NOW).unwrap();
    assert_eq!(access.scopes(), Some(vec![]));
}

#[test]
fn a_token_lives_as_long_as_it_says_and_no_more_than_clocks_differ() {
    let node = Service::new().node(NOW);
    let text = node.mint(ann(), NOW);
    let check = |now, expected: Option<Refused>| {
        node.tick(now);
        assert_eq!(node.verify(&text, now).err(), expected, "{now}");
    };
    check(at(-31 * SECOND), Some(Refused::NotYet));
    check(at(-30 * SECOND), None);
    check(at(0), None);
    check(at(15 * MINUTE - 1), None);
    check(at(15 * MINUTE + 29 * SECOND), None);
    check(at(15 * MINUTE + 30 * SECOND), Some(Refused::Expired));
    check(at(HOUR), Some(Refused::Expired));
}

#[test]
fn a_token_for_another_resource_is_none_for_this() {
    let node = Service::new().node(NOW);
    let new = NewAccess {
        audience: vec!["https://elsewhere.example".to_owned()],
        ..ann()
    };
    let text = node.mint(new, NOW);
    assert_eq!(node.verify(&text, NOW).err(), Some(Refused::Audience));
    // Nor after somebody has asked what it is.
    assert!(wait(node.tokens.read(&text, NOW)).is_ok());
    assert_eq!(node.verify(&text, NOW).err(), Some(Refused::Audience));
    let new = NewAccess {
        audience: vec!["https://elsewhere.example".to_owned(), AUDIENCE.to_owned()],
        ..ann()
    };
    assert!(node.verify(&node.mint(new, NOW), NOW).is_ok());
}

#[test]
fn id_and_logout_tokens_are_no_access_tokens() {
    let node = Service::new().node(NOW);
    let id = node.tokens.mint_id(
        NewIdToken {
            subject: "user_ann",
            client: AUDIENCE,
            claims: serde_json::from_str(r#"{"client_id": "x", "jti": "y"}"#).unwrap(),
            ..NewIdToken::default()
        },
        NOW,
    );
    let logout = node
        .tokens
        .mint_logout(AUDIENCE, Some("user_ann"), None, None, NOW);
    for text in [id.unwrap(), logout.unwrap()] {
        assert_eq!(node.verify(&text, NOW).err(), Some(Refused::Type));
    }
    // Nor is an access token a hint of who was signed in.
    let text = node.mint(ann(), NOW);
    let hint = wait(node.tokens.read_id_hint(&text, NOW));
    assert_eq!(hint.err(), Some(Refused::Type));
}

#[test]
fn an_id_token_binds_what_comes_with_it_and_is_a_hint_for_long() {
    let service = Service::signing_with(&[Algorithm::Es256, Algorithm::Rs256]);
    let node = service.node(NOW);
    let new = NewIdToken {
        subject: "user_ann",
        client: "printer",
        nonce: Some("n-0S6_WzA2Mj"),
        family: Some("family-1"),
        access_token: Some("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"),
        // It may not say who it is by itself.
        claims: serde_json::from_str(r#"{"email": "ann@example.com", "sub": "bob"}"#).unwrap(),
        algorithm: Some(Algorithm::Rs256),
        ..NewIdToken::default()
    };
    let text = node.tokens.mint_id(new, NOW).unwrap();
    let claims = foreign::read(&node.signing.key_set(NOW), &text, "printer");
    assert_eq!(claims["sub"], "user_ann");
    assert_eq!(claims["email"], "ann@example.com");
    assert_eq!(claims["nonce"], "n-0S6_WzA2Mj");
    assert_eq!(claims["sid"], "family-1");
    // The example of OpenID Connect Core A.3.
    assert_eq!(claims["at_hash"], "77QmUPtjPfzWtF2AnpK9RQ");
    let hint = wait(node.tokens.read_id_hint(&text, at(24 * HOUR))).unwrap();
    assert_eq!((&*hint.sub, &*hint.client), ("user_ann", "printer"));
}

#[test]
fn another_library_accepts_what_is_signed_here() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
        let node = Service::signing_with(&[algorithm]).node(NOW);
        let text = node.mint(ann(), NOW);
        let claims = foreign::read(&node.signing.key_set(NOW), &text, AUDIENCE);
        assert_eq!(claims["sub"], "user_ann");
    }
}

#[test]
fn a_binding_asks_for_all_of_it() {
    let binding = |jkt: Option<&str>, certificate: Option<&str>| Binding {
        jkt: jkt.map(str::to_owned),
        certificate: certificate.map(str::to_owned),
    };
    let check = |wanted: &Binding, shown: &Binding, met| {
        assert_eq!(wanted.is_met_by(shown), met, "{wanted:?} {shown:?}");
    };
    let both = binding(Some("a"), Some("b"));
    check(&Binding::default(), &Binding::default(), true);
    check(&both, &both, true);
    check(&both, &binding(Some("a"), None), false);
    check(&both, &binding(None, Some("b")), false);
    check(&binding(Some("a"), None), &Binding::default(), false);
    check(&binding(Some("a"), None), &binding(Some("b"), None), false);
    check(&binding(None, Some("b")), &both, true);
}

/// Another's implementation.
mod foreign {
    use jsonwebtoken::jwk::JwkSet;
    use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};

    pub fn read(set: &str, text: &str, audience: &str) -> serde_json::Value {
        let set: JwkSet = serde_json::from_str(set).unwrap();
        let header = decode_header(text).unwrap();
        let jwk = set.find(&header.kid.unwrap()).unwrap();
        let mut validation = Validation::new(header.alg);
        validation.set_audience(&[audience]);
        validation.validate_exp = false;
        let key = DecodingKey::from_jwk(jwk).unwrap();
        decode(text, &key, &validation).unwrap().claims
    }
}
