//! What is tried on tokens (RFC 8725 §2, and what has been found in others). Each is a token that
//! would be good but for one thing, and is refused for that.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity::jws::{Algorithm, Pair};
use identity::tokens::Refused;
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use testdb::wait;

use crate::support::{AUDIENCE, DAY, ISSUER, NOW, Node, Service, ann, signed};

const SECONDS: i64 = NOW.0 / 1000;

/// A service whose key we hold, so that everything can be signed rightly.
struct Target {
    node: Node,
    pair: Pair,
    kid: String,
}

impl Target {
    fn new(algorithm: Algorithm) -> Target {
        let service = Service::signing_with(&[algorithm]);
        let node = service.node(NOW);
        let kid = node.signing.current(algorithm, NOW).unwrap().kid.clone();
        // Out of the database, as the service itself has it.
        let find = store::people::SIGNING_KEYS.find(service.fresh.driver.dialect(), &[]);
        let rows = wait(service.fresh.driver.query(&find.statement, &[])).unwrap();
        let mut rows = store::people::SIGNING_KEYS.rows(&rows);
        let sealed = rows.next().unwrap().text("private").unwrap();
        let pkcs8 = vault::Place::SIGNING_KEY.open(&service.vault, &kid, &sealed);
        let pair = Pair::from_pkcs8(algorithm, &pkcs8.unwrap()).unwrap();
        Target { node, pair, kid }
    }

    fn header(&self) -> Json {
        json!({"alg": self.pair.algorithm().name(), "typ": "at+jwt", "kid": self.kid})
    }

    #[track_caller]
    fn refuses(&self, text: &str, expected: Refused) {
        let verified = self.node.verify(text, NOW);
        assert_eq!(verified.as_ref().err(), Some(&expected), "{text}");
    }

    #[track_caller]
    fn accepts(&self, text: &str) {
        assert!(self.node.verify(text, NOW).is_ok(), "{text}");
    }
}

fn claims() -> Json {
    json!({
        "iss": ISSUER, "sub": "user_ann", "aud": AUDIENCE, "exp": SECONDS + 900,
        "iat": SECONDS, "jti": "token-1", "client_id": "first-party", "epoch": 3,
    })
}

fn with(mut object: Json, name: &str, value: Json) -> Json {
    object[name] = value;
    object
}

fn without(mut object: Json, name: &str) -> Json {
    object.as_object_mut().unwrap().remove(name);
    object
}

fn forged(target: &Target, header: &Json, claims: &Json) -> String {
    signed(&target.pair, &header.to_string(), &claims.to_string())
}

#[test]
fn the_token_that_is_varied_here_is_good() {
    for algorithm in Pair::ALGORITHMS {
        let target = Target::new(algorithm);
        target.accepts(&forged(&target, &target.header(), &claims()));
        // Both forms of the type (RFC 9068 §4).
        let header = with(target.header(), "typ", json!("application/AT+JWT"));
        target.accepts(&forged(&target, &header, &claims()));
    }
}

#[test]
fn no_signature_is_no_signature() {
    let target = Target::new(Algorithm::Es256);
    let good = forged(&target, &target.header(), &claims());
    let (unsigned, _) = good.rsplit_once('.').unwrap();
    for text in [unsigned.to_owned(), format!("{unsigned}.")] {
        let verified = target.node.verify(&text, NOW);
        assert!(
            matches!(verified, Err(Refused::Malformed | Refused::Signature)),
            "{text}"
        );
    }
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let header = with(target.header(), "alg", json!(alg));
        let payload = URL_SAFE_NO_PAD.encode(claims().to_string());
        let text = format!("{}.{payload}.", URL_SAFE_NO_PAD.encode(header.to_string()));
        target.refuses(&text, Refused::Signature);
        // Nor if it is signed.
        target.refuses(&forged(&target, &header, &claims()), Refused::Signature);
    }
}

/// The public key as the secret of a symmetric algorithm, in the forms that libraries take.
#[test]
fn a_public_key_is_no_shared_secret() {
    use hmac::{Hmac, KeyInit, Mac};
    use sha2::Sha256;
    for algorithm in [Algorithm::Rs256, Algorithm::Es256] {
        let target = Target::new(algorithm);
        let set: Json = serde_json::from_str(&target.node.signing.key_set(NOW)).unwrap();
        let secrets = [
            set["keys"][0].to_string(),
            target.pair.public().canonical(),
            set["keys"][0]["n"].to_string(),
            String::new(),
        ];
        for secret in secrets {
            let header = with(target.header(), "alg", json!("HS256"));
            let head = URL_SAFE_NO_PAD.encode(header.to_string());
            let payload = URL_SAFE_NO_PAD.encode(claims().to_string());
            let text = format!("{head}.{payload}");
            let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
            mac.update(text.as_bytes());
            let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
            target.refuses(&format!("{text}.{signature}"), Refused::Signature);
        }
    }
}

#[test]
fn a_header_does_not_choose_the_algorithm() {
    let target = Target::new(Algorithm::Rs256);
    for alg in [
        "PS256", "RS384", "RS512", "ES256", "EdDSA", "HS256", "rs256",
    ] {
        let header = with(target.header(), "alg", json!(alg));
        target.refuses(&forged(&target, &header, &claims()), Refused::Signature);
    }
    let header = without(target.header(), "alg");
    target.refuses(&forged(&target, &header, &claims()), Refused::Malformed);
}

#[test]
fn a_header_does_not_bring_its_key() {
    let target = Target::new(Algorithm::Es256);
    let (own, _) = Pair::generate(Algorithm::Es256).unwrap();
    let jwk: Json = serde_json::from_str(&own.public().canonical()).unwrap();
    let brought = [
        ("jwk", jwk.clone()),
        ("jku", json!("https://evil.example/keys.json")),
        ("x5u", json!("https://evil.example/cert.pem")),
        ("x5c", json!(["MIIB"])),
    ];
    for (name, value) in brought {
        let header = with(target.header(), name, value);
        let text = signed(&own, &header.to_string(), &claims().to_string());
        target.refuses(&text, Refused::Signature);
        // Under its own name neither.
        let header = with(header, "kid", json!(own.public().thumbprint()));
        let text = signed(&own, &header.to_string(), &claims().to_string());
        target.refuses(&text, Refused::Key);
    }
}

#[test]
fn a_kid_is_a_name_and_nothing_else() {
    let target = Target::new(Algorithm::Es256);
    let kid = target.kid.clone();
    let names = [
        "",
        "../../../../../../dev/null",
        "/etc/passwd",
        "' OR '1'='1",
        "x' UNION SELECT 'a' --",
        "https://evil.example/key",
        "$(id)",
        "\u{0}",
        &kid[1..],
        &kid.to_lowercase(),
        &format!("{kid} "),
        &format!("{kid}\u{0}"),
        &"k".repeat(4_000),
    ];
    for name in names {
        let header = with(target.header(), "kid", json!(name));
        target.refuses(&forged(&target, &header, &claims()), Refused::Key);
    }
    let header = without(target.header(), "kid");
    target.refuses(&forged(&target, &header, &claims()), Refused::Key);
    let header = with(target.header(), "kid", json!([kid]));
    target.refuses(&forged(&target, &header, &claims()), Refused::Malformed);
}

#[test]
fn extensions_that_must_be_understood_are_refused() {
    let target = Target::new(Algorithm::Es256);
    for crit in [json!(["b64"]), json!(["exp"]), json!([]), json!(null)] {
        let header = with(target.header(), "crit", crit);
        target.refuses(&forged(&target, &header, &claims()), Refused::Malformed);
    }
}

#[test]
fn only_access_tokens_are_access_tokens() {
    let target = Target::new(Algorithm::Es256);
    for typ in ["JWT", "jwt", "logout+jwt", "dpop+jwt", "at", "at+jwt+x", ""] {
        let header = with(target.header(), "typ", json!(typ));
        target.refuses(&forged(&target, &header, &claims()), Refused::Type);
    }
    let header = without(target.header(), "typ");
    target.refuses(&forged(&target, &header, &claims()), Refused::Type);
}

#[test]
fn claims_are_checked() {
    let target = Target::new(Algorithm::Es256);
    let check = |name: &str, value: Json, expected: Refused| {
        let claims = with(claims(), name, value);
        target.refuses(&forged(&target, &target.header(), &claims), expected);
    };
    check("exp", json!(SECONDS - 30), Refused::Expired);
    check("exp", json!(i64::MIN), Refused::Expired);
    check("exp", json!("never"), Refused::Malformed);
    check("exp", json!(null), Refused::Malformed);
    check("exp", json!(1e300), Refused::Malformed);
    check("nbf", json!(SECONDS + 31), Refused::NotYet);
    check("nbf", json!(i64::MAX), Refused::NotYet);
    check("iat", json!(SECONDS + 31), Refused::NotYet);
    check("iss", json!("https://photos.example/"), Refused::Issuer);
    check("iss", json!("https://evil.example"), Refused::Issuer);
    check("iss", json!([ISSUER]), Refused::Malformed);
    check("aud", json!("https://photos.example"), Refused::Audience);
    check("aud", json!([]), Refused::Audience);
    check("aud", json!([format!("{AUDIENCE}/")]), Refused::Audience);
    check("aud", json!({"a": AUDIENCE}), Refused::Malformed);
    check("scope", json!(["a"]), Refused::Malformed);
    check("cnf", json!("x"), Refused::Malformed);
    for name in ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"] {
        let claims = without(claims(), name);
        let text = forged(&target, &target.header(), &claims);
        target.refuses(&text, Refused::Malformed);
    }
}

/// Two readers might take two different ones.
#[test]
fn what_is_said_twice_is_refused() {
    let target = Target::new(Algorithm::Es256);
    let (header, good) = (target.header().to_string(), claims().to_string());
    for name in ["sub", "aud", "exp", "client_id", "epoch"] {
        let twice = format!("{{\"{name}\": {}, {}", claims()[name], &good[1..]);
        let text = signed(&target.pair, &header, &twice);
        target.refuses(&text, Refused::Malformed);
    }
    for name in ["alg", "kid", "typ"] {
        let twice = format!("{{\"{name}\": {}, {}", target.header()[name], &header[1..]);
        let text = signed(&target.pair, &twice, &good);
        target.refuses(&text, Refused::Malformed);
    }
}

#[test]
fn large_tokens_are_not_read() {
    let target = Target::new(Algorithm::Es256);
    let long = |bytes: usize| {
        let claims = with(claims(), "x", json!("x".repeat(bytes)));
        forged(&target, &target.header(), &claims)
    };
    target.accepts(&long(5_000));
    target.refuses(&long(6_500), Refused::Malformed);
    target.refuses(&long(10 << 20), Refused::Malformed);
}

#[test]
fn one_token_has_one_text() {
    let target = Target::new(Algorithm::Es256);
    let good = target.node.mint(ann(), NOW);
    target.accepts(&good);
    let parts: Vec<&str> = good.split('.').collect();
    // Padding, other alphabets, white space, further parts, stray bits in the last letter (the
    // 64 bytes of the signature leave four of them).
    let (rest, last) = good.split_at(good.len() - 1);
    let stray = match last {
        "A" => "B",
        "Q" => "R",
        "g" => "h",
        _ => "x",
    };
    for text in [
        format!("{good}="),
        format!("{good}\n"),
        format!(" {good}"),
        format!("{good}."),
        format!(".{good}"),
        format!("{}.{}", good, parts[2]),
        format!("{}.{}", parts[0], parts[1]),
        format!("{rest}{stray}"),
        good.replace(['-', '_'], "+"),
        "..".to_owned(),
        String::new(),
    ] {
        if text != good {
            assert!(target.node.verify(&text, NOW).is_err(), "{text}");
        }
    }
}

#[test]
fn a_token_of_another_service_is_none_of_ours() {
    let (target, other) = (Target::new(Algorithm::Es256), Service::new().node(NOW));
    target.refuses(&other.mint(ann(), NOW), Refused::Key);
    // Nor if it takes the name of our key.
    let (own, _) = Pair::generate(Algorithm::Es256).unwrap();
    let header = target.header().to_string();
    target.refuses(
        &signed(&own, &header, &claims().to_string()),
        Refused::Signature,
    );
}

#[test]
fn what_is_remembered_is_the_token_and_not_part_of_it() {
    let target = Target::new(Algorithm::Es256);
    let good = target.node.mint(ann(), NOW);
    target.accepts(&good);
    let (signed, _) = good.rsplit_once('.').unwrap();
    let other = target.node.mint(ann(), NOW);
    let (_, signature) = other.rsplit_once('.').unwrap();
    target.refuses(&format!("{signed}.{signature}"), Refused::Signature);
    let late = value::Timestamp(NOW.0 + DAY);
    target.node.tick(late);
    assert_eq!(
        target.node.verify(&good, late).err(),
        Some(Refused::Expired)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bit_can_be_changed(flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8u8), 1..3)) {
        let target = target();
        let good = target.node.mint(ann(), NOW);
        let mut bytes = good.clone().into_bytes();
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        if let Ok(text) = String::from_utf8(bytes) && text != good {
            prop_assert!(target.node.verify(&text, NOW).is_err());
        }
    }

    #[test]
    fn whatever_comes_is_answered(text in "[ -~]{0,40}(\\.[ -~]{0,40}){0,4}", header in "\\PC{0,40}", claims in "\\PC{0,80}") {
        let target = target();
        prop_assert!(target.node.verify(&text, NOW).is_err());
        // What is read before and after the signature.
        prop_assert!(target.node.verify(&signed(&target.pair, &header, &claims), NOW).is_err());
        let header = target.header().to_string();
        prop_assert!(target.node.verify(&signed(&target.pair, &header, &claims), NOW).is_err());
    }
}

fn target() -> &'static Target {
    static TARGET: std::sync::OnceLock<Target> = std::sync::OnceLock::new();
    TARGET.get_or_init(|| Target::new(Algorithm::Es256))
}
