//! Both ceremonies against a device made of a key pair and a counter, and what it must not get
//! away with.

use std::sync::{Arc, Mutex};

use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use proptest::prelude::*;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::*;

const ORIGIN: &str = "https://photos.example:8443";
const ANN: &str = "acc_01h455vb4pex5vsknk084sn02q";
const BOB: &str = "acc_01h455vb4pex5vsknk084sn02r";

const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 4;
const ATTESTED: u8 = 64;

/// A device, and what is wrong with it.
struct Device {
    key: SigningKey,
    id: [u8; 16],
    handle: Option<Vec<u8>>,
    counter: u32,
    flags: u8,
    origin: &'static str,
    host: &'static str,
}

impl Device {
    fn new() -> Device {
        Device {
            key: SigningKey::from_slice(&[7; 32]).unwrap(),
            id: [9; 16],
            handle: Some(handle(ANN).unwrap().as_bytes().to_vec()),
            counter: 0,
            flags: USER_PRESENT | USER_VERIFIED,
            origin: ORIGIN,
            host: "photos.example",
        }
    }

    fn client_data(&self, kind: &str, options: &Json) -> Vec<u8> {
        let challenge = &options["publicKey"]["challenge"];
        json!({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false})
            .to_string()
            .into_bytes()
    }

    /// WebAuthn §6.1.
    fn authenticator_data(&self, flags: u8) -> Vec<u8> {
        let mut data = Sha256::digest(self.host).to_vec();
        data.push(self.flags | flags);
        data.extend(self.counter.to_be_bytes());
        data
    }

    fn create(&self, options: &Json) -> String {
        let point = self.key.verifying_key().to_sec1_point(false);
        let mut data = self.authenticator_data(ATTESTED);
        data.extend([0; 16]);
        data.extend([0, self.id.len() as u8]);
        data.extend(self.id);
        // COSE: {1: 2 (EC2), 3: -7 (ES256), -1: 1 (P-256), -2: x, -3: y}.
        data.extend([0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32]);
        data.extend(point.x().unwrap());
        data.extend([0x22, 0x58, 32]);
        data.extend(point.y().unwrap());
        // CBOR: {"fmt": "none", "attStmt": {}, "authData": data}.
        let mut object = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".to_vec();
        object.push(data.len() as u8);
        object.extend(&data);
        json!({
            "id": encode(&self.id),
            "rawId": encode(&self.id),
            "type": "public-key",
            "response": {
                "attestationObject": encode(&object),
                "clientDataJSON": encode(&self.client_data("webauthn.create", options)),
                "transports": ["internal"],
            },
            "clientExtensionResults": {"credProps": {"rk": true}},
        })
        .to_string()
    }

    fn sign_in(&self, options: &Json) -> Answer {
        let client_data = self.client_data("webauthn.get", options);
        let data = self.authenticator_data(0);
        let signed = [data.as_slice(), &Sha256::digest(&client_data)].concat();
        let signature: Signature = self.key.sign(&signed);
        let answer = json!({
            "id": encode(&self.id),
            "rawId": encode(&self.id),
            "type": "public-key",
            "response": {
                "authenticatorData": encode(&data),
                "clientDataJSON": encode(&client_data),
                "signature": encode(signature.to_der().as_bytes()),
                "userHandle": self.handle.as_deref().map(encode),
            },
            "clientExtensionResults": {},
        });
        Answer::read(&answer.to_string()).unwrap()
    }
}

fn encode(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn site() -> Passkeys {
    Passkeys::new(ORIGIN, "Photos").unwrap()
}

fn registered(site: &Passkeys, device: &Device) -> Passkey {
    let begun = site
        .begin_registration(ANN, "ann@example.com", &[])
        .unwrap();
    let made = site.finish_registration(&begun.state, &device.create(&begun.options));
    Passkey::parse(&made.unwrap().data().unwrap()).unwrap()
}

#[test]
fn a_passkey_signs_in_whoever_it_was_made_for() {
    let (site, mut device) = (site(), Device::new());
    device.counter = 3;
    let passkey = registered(&site, &device);
    assert_eq!(passkey.id(), encode(&device.id));

    let begun = site.begin_sign_in(None).unwrap();
    device.counter = 4;
    let answer = device.sign_in(&begun.options);
    assert_eq!(answer.passkey_id(), passkey.id());
    let changed = site
        .finish_sign_in(&begun.state, &answer, ANN, &passkey)
        .unwrap();

    // The same count again is a copy's, against what was stored meanwhile.
    let changed = changed.expect("the counter has grown");
    let begun = site.begin_sign_in(None).unwrap();
    let answer = device.sign_in(&begun.options);
    let told = site.finish_sign_in(&begun.state, &answer, ANN, &changed);
    assert!(matches!(told, Err(PasskeyError::Cloned)), "{told:?}");
}

#[test]
fn a_device_that_does_not_count_changes_nothing() {
    let (site, device) = (site(), Device::new());
    let passkey = registered(&site, &device);
    for _ in 0..2 {
        let begun = site.begin_sign_in(None).unwrap();
        let answer = device.sign_in(&begun.options);
        let changed = site
            .finish_sign_in(&begun.state, &answer, ANN, &passkey)
            .unwrap();
        assert!(changed.is_none());
    }
}

#[test]
fn browsers_are_asked_for_what_is_needed() {
    let (site, device) = (site(), Device::new());
    let passkey = registered(&site, &device);
    let has = [passkey.clone()];
    let options = site
        .begin_registration(ANN, "ann@example.com", &has)
        .unwrap()
        .options;
    let asked = &options["publicKey"];
    assert_eq!(
        asked["rp"],
        json!({"name": "Photos", "id": "photos.example"})
    );
    assert_eq!(asked["user"]["id"], encode(handle(ANN).unwrap().as_bytes()));
    assert_eq!(asked["attestation"], "none");
    assert_eq!(asked["excludeCredentials"][0]["id"], passkey.id());
    let selection = &asked["authenticatorSelection"];
    assert_eq!(selection["residentKey"], "required");
    assert_eq!(selection["requireResidentKey"], true);
    assert_eq!(selection["userVerification"], "required");
    let algorithms = asked["pubKeyCredParams"].as_array().unwrap();
    assert!(
        algorithms.iter().any(|one| one["alg"] == -7),
        "{algorithms:?}"
    );

    let options = site.begin_sign_in(None).unwrap().options;
    assert_eq!(options["publicKey"]["userVerification"], "required");
    assert_eq!(options["publicKey"]["rpId"], "photos.example");
    assert_eq!(options["publicKey"]["allowCredentials"], json!([]));
    assert!(options.get("mediation").is_none());
    let known = Known {
        account: ANN,
        passkeys: &has,
    };
    let options = site.begin_sign_in(Some(known)).unwrap().options;
    assert_eq!(
        options["publicKey"]["allowCredentials"][0]["id"],
        passkey.id()
    );
}

/// A device that is as it should be but for one thing cannot register.
#[track_caller]
fn check_registration(spoil: impl FnOnce(&mut Device)) {
    let (site, mut device) = (site(), Device::new());
    spoil(&mut device);
    let begun = site
        .begin_registration(ANN, "ann@example.com", &[])
        .unwrap();
    let told = site.finish_registration(&begun.state, &device.create(&begun.options));
    assert!(matches!(told, Err(PasskeyError::Refused(_))), "{told:?}");
}

#[test]
fn registration_needs_this_site_and_its_owner() {
    check_registration(|device| device.origin = "https://photos.example");
    check_registration(|device| device.origin = "https://evil.example");
    check_registration(|device| device.origin = "https://a.photos.example:8443");
    check_registration(|device| device.host = "evil.example");
    check_registration(|device| device.flags = USER_PRESENT);
    check_registration(|device| device.flags = 0);
}

/// Nor sign in, as the owner of the passkey, where somebody else may have begun.
#[track_caller]
fn check_sign_in(begun_for: Option<&str>, spoil: impl FnOnce(&mut Device)) {
    let (site, mut device) = (site(), Device::new());
    let passkey = registered(&site, &device);
    spoil(&mut device);
    let passkeys = [passkey.clone()];
    let known = begun_for.map(|account| Known {
        account,
        passkeys: &passkeys,
    });
    let begun = site.begin_sign_in(known).unwrap();
    let answer = device.sign_in(&begun.options);
    let told = site.finish_sign_in(&begun.state, &answer, ANN, &passkey);
    assert!(matches!(told, Err(PasskeyError::Refused(_))), "{told:?}");
}

#[test]
fn signing_in_needs_the_key_the_site_and_the_owner() {
    check_sign_in(None, |device| {
        device.key = SigningKey::from_slice(&[8; 32]).unwrap()
    });
    check_sign_in(None, |device| device.id = [8; 16]);
    check_sign_in(None, |device| device.origin = "https://evil.example");
    check_sign_in(None, |device| device.host = "evil.example");
    check_sign_in(None, |device| device.flags = USER_PRESENT);
    check_sign_in(None, |device| device.flags = USER_VERIFIED);
    check_sign_in(None, |device| {
        device.handle = Some(handle(BOB).unwrap().as_bytes().to_vec())
    });
    check_sign_in(None, |device| device.handle = Some(b"ann".to_vec()));
    check_sign_in(None, |device| device.handle = None);
    check_sign_in(Some(BOB), |device| device.handle = None);
    check_sign_in(Some(BOB), |_| {});
    check_sign_in(Some(ANN), |device| {
        device.handle = Some(handle(BOB).unwrap().as_bytes().to_vec())
    });
}

#[test]
fn a_key_that_names_nobody_will_do_where_it_is_known_who_it_must_be() {
    let (site, mut device) = (site(), Device::new());
    let passkeys = [registered(&site, &device)];
    device.handle = None;
    let known = Known {
        account: ANN,
        passkeys: &passkeys,
    };
    let begun = site.begin_sign_in(Some(known)).unwrap();
    let answer = device.sign_in(&begun.options);
    assert!(
        site.finish_sign_in(&begun.state, &answer, ANN, &passkeys[0])
            .is_ok()
    );
}

#[test]
fn an_answer_belongs_to_one_challenge() {
    let (site, device) = (site(), Device::new());
    let passkey = registered(&site, &device);
    let first = site.begin_sign_in(None).unwrap();
    let second = site.begin_sign_in(None).unwrap();
    let answer = device.sign_in(&first.options);
    let told = site.finish_sign_in(&second.state, &answer, ANN, &passkey);
    assert!(matches!(told, Err(PasskeyError::Refused(_))), "{told:?}");
    // One ceremony cannot be finished as the other.
    let told = site.finish_registration(&first.state, &device.create(&first.options));
    assert!(matches!(told, Err(PasskeyError::Corrupt)), "{told:?}");
}

#[test]
fn not_every_site_can_have_passkeys() {
    for origin in [
        "http://localhost:8080",
        "http://a.localhost",
        "https://photos.example",
    ] {
        assert!(Passkeys::new(origin, "Photos").is_ok(), "{origin}");
    }
    for (origin, why) in [
        ("http://photos.example", "https"),
        ("https://192.0.2.1", "name"),
        ("http://127.0.0.1:8080", "name"),
        ("https://[::1]", "name"),
        ("photos.example", "URL"),
        ("", "URL"),
    ] {
        let Err(PasskeyError::Site(told)) = Passkeys::new(origin, "Photos") else {
            panic!("{origin} got passkeys");
        };
        assert!(told.contains(why), "{told}");
    }
}

/// Where the log would go.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_clients_send_does_not_fill_the_log() {
    let (site, device) = (site(), Device::new());
    let begun = site
        .begin_registration(ANN, "ann@example.com", &[])
        .unwrap();
    let mut answer: Json = serde_json::from_str(&device.create(&begun.options)).unwrap();
    // The data ends where the length of the key's id should be.
    let mut object = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58\x37".to_vec();
    object.extend(device.authenticator_data(ATTESTED));
    object.extend([0; 18]);
    answer["response"]["attestationObject"] = encode(&object).into();
    let log = Log::default();
    let writer = log.clone();
    let listening = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(listening, || {
        tracing::error!("heard");
        let told = site.finish_registration(&begun.state, &answer.to_string());
        assert!(matches!(told, Err(PasskeyError::Refused(_))), "{told:?}");
    });
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("heard"), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}

proptest! {
    /// Whatever a browser sends, and however it is bent, nothing panics and nobody gets in.
    #[test]
    fn no_answer_but_the_right_one(at in 0usize..2000, byte: u8, noise in "\\PC{0,200}") {
        let (site, device) = (site(), Device::new());
        let begun = site.begin_registration(ANN, "ann@example.com", &[]).unwrap();
        let right = device.create(&begun.options);
        prop_assert!(Answer::read(&noise).is_err());
        prop_assert!(site.finish_registration(&begun.state, &noise).is_err());
        let mut bent = right.clone().into_bytes();
        let at = at % bent.len();
        bent[at] = byte;
        if let Ok(bent) = String::from_utf8(bent)
            && let Ok(made) = site.finish_registration(&begun.state, &bent)
        {
            // Where nothing is signed yet, a bent key is another key.
            prop_assert!(made.data().is_ok());
        }
        let mut object = attestation_object(&right);
        let place = at % object.len();
        object[place] = byte;
        let mut answer: Json = serde_json::from_str(&right).unwrap();
        answer["response"]["attestationObject"] = encode(&object).into();
        let _ = site.finish_registration(&begun.state, &answer.to_string());
    }
}

fn attestation_object(answer: &str) -> Vec<u8> {
    let answer: Json = serde_json::from_str(answer).unwrap();
    let object = answer["response"]["attestationObject"].as_str().unwrap();
    BASE64_URL_SAFE_NO_PAD.decode(object).unwrap()
}
