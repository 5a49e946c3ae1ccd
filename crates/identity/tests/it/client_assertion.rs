use std::sync::Arc;

use futures_util::future::join_all;
use identity::client_assertion::{AssertionRefused, Assertions, claimed_client};
use identity::jws::{Algorithm, Jwk, Pair};
use serde_json::{Value as Json, json};
use testdb::wait;
use value::Timestamp;

use crate::support::{ISSUER, MINUTE, NOW, SECOND, Service, at, signed};

/// A client with its key, and a server that knows it.
struct World {
    assertions: Assertions,
    pair: Pair,
    keys: Vec<Jwk>,
    _service: Service,
}

impl World {
    fn new() -> World {
        let service = Service::new();
        let driver = Arc::clone(&service.fresh.driver);
        let (pair, _) = Pair::generate(Algorithm::Es256).unwrap();
        let (other, _) = Pair::generate(Algorithm::EdDsa).unwrap();
        let keys = vec![jwk(&other, "older"), jwk(&pair, "ours")];
        World {
            assertions: Assertions::new(driver, ISSUER.to_owned()),
            pair,
            keys,
            _service: service,
        }
    }

    fn header(&self) -> Json {
        json!({"alg": "ES256", "kid": "ours"})
    }

    fn show(&self, text: &str, now: Timestamp) -> Option<AssertionRefused> {
        let verified = self.assertions.verify(text, "billing", &self.keys, now);
        wait(verified).unwrap().err()
    }

    #[track_caller]
    fn check(&self, header: &Json, claims: &Json, expected: Option<AssertionRefused>) {
        let text = signed(&self.pair, &header.to_string(), &claims.to_string());
        assert_eq!(self.show(&text, NOW), expected, "{header} {claims}");
    }
}

fn jwk(pair: &Pair, kid: &str) -> Jwk {
    let mut jwk: Json = serde_json::from_str(&pair.public().canonical()).unwrap();
    jwk["kid"] = json!(kid);
    Jwk::read(&jwk).unwrap()
}

/// As common clients write them, with an id of its own each time.
fn claims() -> Json {
    let mut id = [0; 16];
    getrandom::fill(&mut id).unwrap();
    let second = NOW.0 / 1000;
    json!({
        "jti": format!("{id:?}"), "aud": ISSUER, "exp": second + 60, "iat": second,
        "nbf": second, "iss": "billing", "sub": "billing",
    })
}

fn with(mut object: Json, name: &str, value: Json) -> Json {
    object[name] = value;
    object
}

#[test]
fn an_assertion_is_for_this_service_by_this_client_for_minutes() {
    let world = World::new();
    let check = |name: &str, value: Json, expected: Option<AssertionRefused>| {
        world.check(&world.header(), &with(claims(), name, value), expected);
    };
    let second = NOW.0 / 1000;
    check("x", json!("y"), None);
    check("aud", json!([ISSUER]), None);
    let audience = Some(AssertionRefused::Audience);
    check("aud", json!([ISSUER, "https://evil.example"]), audience);
    check("aud", json!(format!("{ISSUER}/oauth2/token")), audience);
    check("aud", json!("https://evil.example"), audience);
    check("aud", json!([]), audience);
    check("aud", json!(null), audience);
    check("iss", json!("scanner"), Some(AssertionRefused::Client));
    check("sub", json!("scanner"), Some(AssertionRefused::Client));
    check("exp", json!(second - 29), None);
    check("exp", json!(second - 30), Some(AssertionRefused::Expired));
    check("exp", json!(second + 330), None);
    check("exp", json!(second + 331), Some(AssertionRefused::TooLong));
    check("exp", json!(i64::MAX), Some(AssertionRefused::TooLong));
    check("nbf", json!(second + 31), Some(AssertionRefused::NotYet));
    check("iat", json!(second + 31), Some(AssertionRefused::NotYet));
    check("jti", json!(""), Some(AssertionRefused::Malformed));
    check(
        "jti",
        json!("x".repeat(257)),
        Some(AssertionRefused::Malformed),
    );
    for name in ["jti", "exp", "iss", "sub"] {
        check(name, json!(null), Some(AssertionRefused::Malformed));
    }
}

#[test]
fn an_assertion_is_signed_with_a_key_of_the_client() {
    let world = World::new();
    let check = |name: &str, value: Json, expected: Option<AssertionRefused>| {
        world.check(&with(world.header(), name, value), &claims(), expected);
    };
    check("kid", json!(null), None);
    check("kid", json!("theirs"), Some(AssertionRefused::Key));
    check("kid", json!("older"), Some(AssertionRefused::Key));
    check("alg", json!("none"), Some(AssertionRefused::Key));
    check("alg", json!("HS256"), Some(AssertionRefused::Key));
    check("alg", json!("RS256"), Some(AssertionRefused::Key));
    check("typ", json!("JWT"), None);
    check("typ", json!("client-authentication+jwt"), None);
    check("typ", json!("at+jwt"), Some(AssertionRefused::Type));
    check("typ", json!("dpop+jwt"), Some(AssertionRefused::Type));
    let (other, _) = Pair::generate(Algorithm::Es256).unwrap();
    let text = signed(&other, &world.header().to_string(), &claims().to_string());
    assert_eq!(world.show(&text, NOW), Some(AssertionRefused::Signature));
    assert_eq!(world.show("x.y.z", NOW), Some(AssertionRefused::Malformed));
}

#[test]
fn an_assertion_is_good_once_however_many_show_it() {
    let world = World::new();
    let claims = claims();
    let text = signed(
        &world.pair,
        &world.header().to_string(),
        &claims.to_string(),
    );
    let shown = (0..32).map(|_| world.assertions.verify(&text, "billing", &world.keys, NOW));
    let good = wait(join_all(shown))
        .into_iter()
        .filter(|verified| verified.as_ref().unwrap().is_ok());
    assert_eq!(good.count(), 1);
    let replayed = Some(AssertionRefused::Replayed);
    assert_eq!(world.show(&text, at(89 * SECOND)), replayed);
    assert_eq!(
        world.show(&text, at(10 * MINUTE)),
        Some(AssertionRefused::Expired)
    );
}

#[test]
fn whose_an_assertion_is_can_be_asked_before_it_is_believed() {
    let world = World::new();
    let text = signed(
        &world.pair,
        &world.header().to_string(),
        &claims().to_string(),
    );
    assert_eq!(claimed_client(&text).as_deref(), Some("billing"));
    assert_eq!(claimed_client("x.y.z"), None);
}
