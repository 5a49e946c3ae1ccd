use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use call::BoxFuture;
use identity::jws::{Algorithm, Pair};
use identity::outside::{
    Answer, Ask, Fetch, Issuer, KeySource, KeysRefused, Outside, OutsideRefused, OutsideToken,
    Source, metadata,
};
use serde_json::{Value as Json, json};
use testdb::wait;
use value::Timestamp;

use crate::support::{MINUTE, NOW, SECOND, at, signed};

const ISSUER: &str = "https://id.partner.example/tenant";
const KEYS: &str = "https://id.partner.example/tenant/keys";
const AUDIENCE: &str = "https://photos.example/api";

/// Pages of the internet, and how often any was asked for.
#[derive(Default)]
struct Net {
    pages: Mutex<HashMap<String, Json>>,
    asked: AtomicUsize,
}

impl Net {
    fn put(&self, url: &str, page: Json) {
        self.pages.lock().unwrap().insert(url.to_owned(), page);
    }

    fn remove(&self, url: &str) {
        self.pages.lock().unwrap().remove(url);
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Fetch for Net {
    fn fetch<'a>(&'a self, ask: Ask<'a>) -> BoxFuture<'a, Result<Answer, String>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let page = self.pages.lock().unwrap().get(ask.url).cloned();
        Box::pin(async move {
            Ok(match page {
                Some(page) => Answer {
                    status: 200,
                    body: page.to_string().into_bytes(),
                },
                None => Answer {
                    status: 404,
                    body: vec![],
                },
            })
        })
    }
}

struct World {
    net: Arc<Net>,
    outside: Outside,
    pair: Pair,
}

impl World {
    fn new(algorithms: &[Algorithm]) -> World {
        let net = Arc::new(Net::default());
        let (pair, _) = Pair::generate(algorithms[0]).unwrap();
        let source = Source::Url(KEYS.to_owned(), Arc::clone(&net) as Arc<dyn Fetch>);
        let world = World {
            outside: Outside::new(vec![issuer(KeySource::new(source, algorithms.to_vec()))]),
            net,
            pair,
        };
        world.publish(&[(&world.pair, "one")]);
        world
    }

    fn publish(&self, pairs: &[(&Pair, &str)]) {
        self.net.put(KEYS, set(pairs));
    }

    fn verify(&self, text: &str, now: Timestamp) -> Result<OutsideToken, OutsideRefused> {
        wait(self.outside.verify(text, now))
    }

    #[track_caller]
    fn check(&self, header: &Json, claims: &Json, expected: Option<OutsideRefused>) {
        let text = signed(&self.pair, &header.to_string(), &claims.to_string());
        let refused = self.verify(&text, NOW).err();
        assert_eq!(refused, expected, "{header} {claims}");
    }
}

fn issuer(keys: KeySource) -> Issuer {
    Issuer {
        issuer: ISSUER.to_owned(),
        audience: vec![AUDIENCE.to_owned(), "photos".to_owned()],
        keys,
        user: "sub".to_owned(),
        scopes: Some("scope".to_owned()),
        claims: vec![
            ("role".to_owned(), "https://partner.example/role".to_owned()),
            ("level".to_owned(), "level".to_owned()),
        ],
    }
}

fn set(pairs: &[(&Pair, &str)]) -> Json {
    let keys = pairs.iter().map(|(pair, kid)| {
        let mut jwk: Json = serde_json::from_str(&pair.public().canonical()).unwrap();
        jwk["kid"] = json!(kid);
        jwk
    });
    let mut keys: Vec<Json> = keys.collect();
    // What nobody here can use does not spoil the rest.
    keys.push(json!({"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"}));
    keys.push(json!("?"));
    json!({"keys": keys})
}

fn header(kid: &str) -> Json {
    json!({"alg": "ES256", "typ": "JWT", "kid": kid})
}

fn claims() -> Json {
    let second = NOW.0 / 1000;
    json!({
        "iss": ISSUER, "sub": "7", "aud": AUDIENCE, "exp": second + 300, "iat": second,
        "scope": "photos.read photos.list photos.read", "https://partner.example/role": "staff",
        "level": 3, "jti": "x1", "auth_time": second - 60,
    })
}

fn with(mut object: Json, name: &str, value: Json) -> Json {
    object[name] = value;
    object
}

fn token(pair: &Pair, kid: &str) -> String {
    signed(pair, &header(kid).to_string(), &claims().to_string())
}

#[test]
fn a_token_of_somebody_trusted_says_who_the_user_is() {
    let world = World::new(&[Algorithm::Es256]);
    let text = token(&world.pair, "one");
    assert!(world.outside.claims(&text));
    let said = world.verify(&text, NOW).unwrap();
    assert_eq!(said.issuer, ISSUER);
    assert_eq!(said.user, "7");
    assert_eq!(said.scopes.unwrap(), ["photos.list", "photos.read"]);
    let claims = [("role", "staff"), ("level", "3")];
    let claims = claims.map(|(name, text)| (name.to_owned(), text.to_owned()));
    assert_eq!(said.claims, claims);
    assert_eq!(said.expires_at, at(5 * MINUTE));
    assert_eq!(said.authenticated_at, Some(at(-MINUTE)));
    assert_eq!(said.binding, None);
}

#[test]
fn claims_are_checked() {
    let world = World::new(&[Algorithm::Es256]);
    let second = NOW.0 / 1000;
    let check = |name: &str, value: Json, expected: Option<OutsideRefused>| {
        world.check(&header("one"), &with(claims(), name, value), expected);
    };
    check("aud", json!(["other", "photos"]), None);
    check("aud", json!("other"), Some(OutsideRefused::Audience));
    check("aud", json!(null), Some(OutsideRefused::Audience));
    let other = json!("https://id.evil.example");
    check("iss", other, Some(OutsideRefused::Issuer));
    check("iss", json!(null), Some(OutsideRefused::Malformed));
    check("exp", json!(second as f64 + 0.5), None);
    check("exp", json!(second - 30), Some(OutsideRefused::Expired));
    check("exp", json!(-1e300), Some(OutsideRefused::Expired));
    check("exp", json!(null), Some(OutsideRefused::Malformed));
    check("nbf", json!(second + 31), Some(OutsideRefused::NotYet));
    check("iat", json!(second + 31), Some(OutsideRefused::NotYet));
    check("sub", json!(null), Some(OutsideRefused::User));
    check("sub", json!(""), Some(OutsideRefused::User));
    check("sub", json!(["7"]), Some(OutsideRefused::User));
    check("sub", json!(7), None);
    check("scope", json!(["photos.read"]), None);
}

#[test]
fn what_a_token_may_be_signed_with_is_not_its_choice() {
    let world = World::new(&[Algorithm::Es256]);
    let check = |name: &str, value: Json, expected| {
        let header = with(header("one"), name, value);
        world.check(&header, &claims(), Some(expected));
    };
    let algorithm = OutsideRefused::Keys(KeysRefused::Algorithm);
    for alg in ["none", "HS256", "RS256", "EdDSA", "ES384", "es256"] {
        check("alg", json!(alg), algorithm);
    }
    for typ in ["dpop+jwt", "logout+jwt", "client-authentication+jwt"] {
        check("typ", json!(typ), OutsideRefused::Type);
    }
    check("crit", json!(["x"]), OutsideRefused::Malformed);
    // A key that it brings along.
    let (own, _) = Pair::generate(Algorithm::Es256).unwrap();
    let jwk: Json = serde_json::from_str(&own.public().canonical()).unwrap();
    let brings = with(header("one"), "jwk", jwk);
    let text = signed(&own, &brings.to_string(), &claims().to_string());
    assert_eq!(
        world.verify(&text, NOW),
        Err(OutsideRefused::Keys(KeysRefused::Signature))
    );
}

#[test]
fn one_issuer_does_not_speak_for_another() {
    let (ours, theirs) = (
        Pair::generate(Algorithm::Es256).unwrap().0,
        Pair::generate(Algorithm::Es256).unwrap().0,
    );
    let known = |pair: &Pair| {
        let source = Source::inline(&set(&[(pair, "one")])).unwrap();
        KeySource::new(source, vec![Algorithm::Es256])
    };
    let second = Issuer {
        issuer: "https://id.second.example".to_owned(),
        ..issuer(known(&theirs))
    };
    let outside = Outside::new(vec![issuer(known(&ours)), second]);
    assert!(wait(outside.verify(&token(&ours, "one"), NOW)).is_ok());
    let refused = wait(outside.verify(&token(&theirs, "one"), NOW)).err();
    let signature = OutsideRefused::Keys(KeysRefused::Signature);
    assert_eq!(refused, Some(signature));
}

#[test]
fn keys_are_read_again_when_one_is_missing_and_at_most_so_often() {
    let world = World::new(&[Algorithm::Es256]);
    let (next, _) = Pair::generate(Algorithm::Es256).unwrap();
    assert!(world.verify(&token(&world.pair, "one"), NOW).is_ok());
    assert_eq!(world.net.asked(), 1);
    // Names that are made up.
    let unknown = Err(OutsideRefused::Keys(KeysRefused::Unknown));
    for number in 0..20 {
        let made_up = token(&next, &format!("kid-{number}"));
        assert_eq!(world.verify(&made_up, at(29 * SECOND)), unknown);
    }
    assert_eq!(world.net.asked(), 1);
    world.publish(&[(&world.pair, "one"), (&next, "two")]);
    assert!(world.verify(&token(&next, "two"), at(30 * SECOND)).is_ok());
    assert_eq!(world.net.asked(), 2);
}

#[test]
fn the_last_good_keys_stay() {
    let world = World::new(&[Algorithm::Es256]);
    let tend = |now| wait(world.outside.tend(now));
    tend(NOW);
    let check = |expected: usize, now| {
        tend(now);
        assert_eq!(world.net.asked(), expected);
        assert!(world.verify(&token(&world.pair, "one"), NOW).is_ok());
        assert_eq!(world.net.asked(), expected, "verifying asked the net");
    };
    check(1, at(10 * MINUTE - 1));
    world.net.remove(KEYS);
    check(2, at(10 * MINUTE));
    check(2, at(10 * MINUTE + 29 * SECOND));
    check(3, at(10 * MINUTE + 30 * SECOND));
    world.net.put(KEYS, json!({"error": "try later"}));
    check(4, at(11 * MINUTE));
    world.net.put(KEYS, json!({"keys": []}));
    check(5, at(12 * MINUTE));
    let (next, _) = Pair::generate(Algorithm::Es256).unwrap();
    world.publish(&[(&next, "one")]);
    tend(at(22 * MINUTE));
    // What is no longer in it is no longer good.
    let gone = world.verify(&token(&world.pair, "one"), NOW);
    assert_eq!(gone, Err(OutsideRefused::Keys(KeysRefused::Signature)));
    assert!(world.verify(&token(&next, "one"), NOW).is_ok());
}

#[test]
fn nobody_is_let_in_by_keys_that_were_never_read() {
    let world = World::new(&[Algorithm::Es256]);
    world.net.remove(KEYS);
    let unreachable = Err(OutsideRefused::Keys(KeysRefused::Unreachable));
    let text = token(&world.pair, "one");
    assert_eq!(world.verify(&text, NOW), unreachable);
    assert_eq!(world.verify(&text, at(SECOND)), unreachable);
    assert_eq!(world.net.asked(), 1);
    world.publish(&[(&world.pair, "one")]);
    assert!(world.verify(&text, at(30 * SECOND)).is_ok());
}

#[test]
fn an_issuer_says_where_its_keys_lie_and_speaks_for_itself_alone() {
    let net = Arc::new(Net::default());
    let fetch = Arc::clone(&net) as Arc<dyn Fetch>;
    let (pair, _) = Pair::generate(Algorithm::Es256).unwrap();
    let source = Source::Issuer(ISSUER.to_owned(), Arc::clone(&fetch));
    let keys = KeySource::new(source, vec![Algorithm::Es256]);
    let outside = Outside::new(vec![issuer(keys)]);
    let verify = |now| wait(outside.verify(&token(&pair, "one"), now)).err();
    let unreachable = Some(OutsideRefused::Keys(KeysRefused::Unreachable));
    net.put(KEYS, set(&[(&pair, "one")]));
    let openid = format!("{ISSUER}/.well-known/openid-configuration");
    let said = |issuer: &str| json!({"issuer": issuer, "jwks_uri": KEYS, "token_endpoint": "x"});
    net.put(&openid, said("https://id.evil.example"));
    assert_eq!(verify(NOW), unreachable);
    net.put(&openid, said(ISSUER));
    assert_eq!(verify(at(30 * SECOND)), None);
    // An authorization server that is no OpenID provider.
    net.remove(&openid);
    let plain = "https://id.partner.example/.well-known/oauth-authorization-server/tenant";
    net.put(plain, said(ISSUER));
    let found = wait(metadata(&fetch, ISSUER)).unwrap();
    assert_eq!(found.token_endpoint.as_deref(), Some("x"));
    net.remove(plain);
    assert!(wait(metadata(&fetch, ISSUER)).is_err());
}
