use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity::dpop::{Dpop, DpopRefused, For};
use identity::jws::{Algorithm, Pair};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use value::Timestamp;

use crate::support::{MINUTE, NOW, SECOND, at, signed};

const URL: &str = "https://photos.example/photos/1";
const TOKEN: &str = "an.access.token";

/// A client with its key, and a server.
struct World {
    dpop: Dpop,
    pair: Pair,
}

impl World {
    fn new() -> World {
        World {
            dpop: Dpop::new(&[3; 32]),
            pair: Pair::generate(Algorithm::Es256).unwrap().0,
        }
    }

    fn header(&self) -> Json {
        let jwk: Json = serde_json::from_str(&self.pair.public().canonical()).unwrap();
        json!({"typ": "dpop+jwt", "alg": self.pair.algorithm().name(), "jwk": jwk})
    }

    fn proof(&self, header: &Json, claims: &Json) -> String {
        signed(&self.pair, &header.to_string(), &claims.to_string())
    }

    #[track_caller]
    fn check(&self, header: &Json, claims: &Json, expected: Option<DpopRefused>) {
        let proof = self.proof(header, claims);
        let verified = self.dpop.verify(&proof, request(), NOW);
        assert_eq!(verified.as_ref().err(), expected.as_ref(), "{claims}");
        if let Ok(proof) = verified {
            assert_eq!(proof.jkt, self.pair.public().thumbprint());
        }
    }
}

fn request() -> For<'static> {
    For {
        method: "GET",
        url: URL,
        token: Some(TOKEN),
        nonce: false,
    }
}

/// With an id of its own each time.
fn claims() -> Json {
    let mut id = [0; 16];
    getrandom::fill(&mut id).unwrap();
    json!({
        "jti": URL_SAFE_NO_PAD.encode(id), "htm": "GET", "htu": URL, "iat": NOW.0 / 1000,
        "ath": URL_SAFE_NO_PAD.encode(Sha256::digest(TOKEN)),
    })
}

fn with(mut object: Json, name: &str, value: Json) -> Json {
    object[name] = value;
    object
}

/// RFC 9449 §4.1 and §6.1.
#[test]
fn the_proof_of_the_standard_holds() {
    let proof = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";
    let request = For {
        method: "POST",
        url: "https://server.example.com/token",
        token: None,
        nonce: false,
    };
    let now = Timestamp(1_562_262_616_000 + 5 * SECOND);
    let verified = World::new().dpop.verify(proof, request, now).unwrap();
    assert_eq!(verified.jkt, "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
}

#[test]
fn a_proof_is_for_one_request_with_one_token_just_now() {
    let world = World::new();
    let check = |name: &str, value: Json, expected: Option<DpopRefused>| {
        world.check(&world.header(), &with(claims(), name, value), expected);
    };
    check("x", json!("y"), None);
    check("htm", json!("POST"), Some(DpopRefused::Method));
    check("htm", json!("get"), Some(DpopRefused::Method));
    check("htu", json!("https://photos.example/photos/1?a=b"), None);
    let other = json!("https://photos.example/photos/2");
    check("htu", other, Some(DpopRefused::Url));
    let other = json!("https://evil.example/photos/1");
    check("htu", other, Some(DpopRefused::Url));
    let second = NOW.0 / 1000;
    check("iat", json!(second - 60), None);
    check("iat", json!(second - 61), Some(DpopRefused::Time));
    check("iat", json!(second + 30), None);
    check("iat", json!(second + 31), Some(DpopRefused::Time));
    check("iat", json!(i64::MIN), Some(DpopRefused::Time));
    check("iat", json!(i64::MAX), Some(DpopRefused::Time));
    check("iat", json!("now"), Some(DpopRefused::Malformed));
    let other = json!(URL_SAFE_NO_PAD.encode(Sha256::digest("another")));
    check("ath", other, Some(DpopRefused::Token));
    check("ath", json!(null), Some(DpopRefused::Token));
    check("jti", json!(""), Some(DpopRefused::Malformed));
    check("jti", json!("x".repeat(257)), Some(DpopRefused::Malformed));
    for name in ["jti", "htm", "htu", "iat"] {
        check(name, json!(null), Some(DpopRefused::Malformed));
    }
}

#[test]
fn a_proof_brings_a_public_key_that_signed_it() {
    let world = World::new();
    let check = |name: &str, value: Json, expected: DpopRefused| {
        let header = with(world.header(), name, value);
        world.check(&header, &claims(), Some(expected));
    };
    let own = world.header()["jwk"].clone();
    let private = with(own.clone(), "d", json!("AAAA"));
    check("jwk", private, DpopRefused::Key);
    check("jwk", json!(null), DpopRefused::Key);
    check("jwk", json!({"kty": "oct", "k": "AAAA"}), DpopRefused::Key);
    let half = with(own.clone(), "x", json!("AAAA"));
    check("jwk", half, DpopRefused::Key);
    let encrypts = with(own, "use", json!("enc"));
    check("jwk", encrypts, DpopRefused::Key);
    let (other, _) = Pair::generate(Algorithm::Es256).unwrap();
    let other: Json = serde_json::from_str(&other.public().canonical()).unwrap();
    check("jwk", other, DpopRefused::Signature);
    check("alg", json!("none"), DpopRefused::Algorithm);
    check("alg", json!("HS256"), DpopRefused::Algorithm);
    check("alg", json!("ES384"), DpopRefused::Algorithm);
    check("alg", json!("RS256"), DpopRefused::Key);
    check("typ", json!("JWT"), DpopRefused::Type);
    check("typ", json!("at+jwt"), DpopRefused::Type);
    check("crit", json!(["x"]), DpopRefused::Malformed);
}

#[test]
fn keys_of_other_kinds_prove_as_well() {
    for algorithm in [Algorithm::EdDsa, Algorithm::Rs256] {
        let world = World {
            pair: Pair::generate(algorithm).unwrap().0,
            ..World::new()
        };
        world.check(&world.header(), &claims(), None);
    }
}

#[test]
fn a_proof_is_good_once() {
    let world = World::new();
    let (header, claims) = (world.header(), claims());
    world.check(&header, &claims, None);
    world.check(&header, &claims, Some(DpopRefused::Replayed));
    // The same id is no replay if another chose it.
    let other = World {
        pair: Pair::generate(Algorithm::Es256).unwrap().0,
        ..world
    };
    other.check(&other.header(), &claims, None);
}

#[test]
fn what_does_not_hold_uses_nothing_up() {
    let world = World::new();
    let (header, claims) = (world.header(), claims());
    let proof = world.proof(&header, &claims);
    let elsewhere = For {
        method: "DELETE",
        ..request()
    };
    assert!(world.dpop.verify(&proof, elsewhere, NOW).is_err());
    assert!(world.dpop.verify(&proof, request(), NOW).is_ok());
}

#[test]
fn a_nonce_is_asked_for_and_good_for_minutes_on_all_nodes() {
    let (world, there) = (World::new(), Dpop::new(&[3; 32]));
    let asks = For {
        nonce: true,
        ..request()
    };
    let check = |nonce: Option<&str>, now: Timestamp, expected: Option<DpopRefused>| {
        let claims = with(claims(), "iat", json!(now.0 / 1000));
        let claims = with(claims, "nonce", json!(nonce));
        let proof = world.proof(&world.header(), &claims);
        let verified = world.dpop.verify(&proof, asks, now);
        assert_eq!(verified.err(), expected, "{nonce:?} {now}");
    };
    let given = there.nonce(NOW);
    let refused = Some(DpopRefused::Nonce);
    check(None, NOW, refused);
    check(Some(&given), NOW, None);
    check(Some(&given), at(150 * SECOND), None);
    check(Some(&given), at(-30 * SECOND), None);
    check(Some(&given), at(10 * MINUTE), refused);
    check(Some(&given), at(-10 * MINUTE), refused);
    check(Some(""), NOW, refused);
    check(Some("guessed"), NOW, refused);
    check(Some(&Dpop::new(&[4; 32]).nonce(NOW)), NOW, refused);
    // One that is shown without having been asked for counts, too.
    let claims = with(claims(), "nonce", json!("guessed"));
    world.check(&world.header(), &claims, refused);
}
