//! Tokens that are good only with a key or a certificate, and apps that prove who they are so.

use identity::clients::{CertificateProof, NewClient, NewProof};
use identity::dpop::certificate_thumbprint;
use identity::jws::{Algorithm, Jwk, Pair};
use model::KeySet;
use serde_json::{Value as Json, json};
use testdb::wait;

use crate::support::{Ask, BACK, ISSUER, VERIFIER, World, claims, printer, request, signed, with};

const VIEWER: &str = "https://viewer.example/back";

fn pair() -> Pair {
    Pair::generate(Algorithm::Es256).unwrap().0
}

fn jwk(pair: &Pair) -> Json {
    serde_json::from_str(&pair.public().canonical()).unwrap()
}

impl World {
    fn proof(&self, pair: &Pair, path: &str, method: &str, ath: Option<&str>) -> String {
        use base64::Engine;
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;
        use sha2::{Digest, Sha256};
        let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk(pair)});
        let mut said = json!({
            "jti": uuid::Uuid::now_v7().to_string(),
            "htm": method,
            "htu": format!("{ISSUER}{path}"),
            "iat": self.now().0 / 1000,
        });
        if let Some(token) = ath {
            said["ath"] = URL_SAFE_NO_PAD.encode(Sha256::digest(token)).into();
        }
        signed(pair, &header, &said)
    }

    fn register(&self, proof: NewProof) -> String {
        let wish = NewClient {
            title: "Billing".to_owned(),
            proof,
            redirect_uris: vec![],
            scopes: vec!["photos.read".to_owned()],
            post_logout_redirect_uris: vec![],
            backchannel_logout_uri: None,
            device: false,
            trusted: false,
        };
        let created = wait(self.clients.create(wish, &self.model, self.now()));
        created.unwrap().0.client.id
    }
}

fn exchange<'a>(code: &'a str, back: &'a str) -> Ask<'static> {
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", back),
        ("code_verifier", VERIFIER),
        ("client_id", "viewer"),
    ];
    Ask::post("/oauth2/token", &fields)
}

#[test]
fn tokens_are_bound_to_the_key_that_was_proved() {
    let world = World::new();
    let ann = world.person("ann");
    let (ours, theirs) = (pair(), pair());
    let code = world.code(&ann, &request("viewer", VIEWER, "openid photos.read"));
    let proof = world.proof(&ours, "/oauth2/token", "POST", None);
    let tokens = world
        .ask(exchange(&code, VIEWER).header("dpop", &proof))
        .json();
    assert_eq!(tokens["token_type"], "DPoP");
    let thumbprint = ours.public().thumbprint();
    assert_eq!(
        claims(&tokens["access_token"])["cnf"],
        json!({"jkt": thumbprint})
    );

    let token = tokens["access_token"].as_str().unwrap();
    let info = |scheme: &str, proof: Option<String>| {
        let ask = Ask::get("/oauth2/userinfo");
        let ask = ask.header("authorization", &format!("{scheme} {token}"));
        world.ask(match &proof {
            Some(proof) => ask.header("dpop", proof),
            None => ask,
        })
    };
    let proves = |pair, ath| Some(world.proof(pair, "/oauth2/userinfo", "GET", ath));
    assert_eq!(info("DPoP", proves(&ours, Some(token))).status, 200);
    for (why, refused) in [
        ("as if it were not bound", info("Bearer", None)),
        (
            "as if it were not bound",
            info("Bearer", proves(&ours, Some(token))),
        ),
        ("without a proof", info("DPoP", None)),
        ("another key", info("DPoP", proves(&theirs, Some(token)))),
        ("of no token", info("DPoP", proves(&ours, None))),
    ] {
        assert_eq!(refused.status, 401, "{why}: {}", refused.body);
        assert!(
            refused.header("www-authenticate").contains("error="),
            "{why}"
        );
    }
}

#[test]
fn proofs_are_for_this_request_and_good_once() {
    let world = World::new();
    let fields = [("grant_type", "client_credentials")];
    let ask = |proof: &str| {
        let ask = Ask::post("/oauth2/token", &fields).basic("robot", "r");
        world.ask(ask.header("dpop", proof))
    };
    let key = pair();
    let good = world.proof(&key, "/oauth2/token", "POST", None);
    assert_eq!(ask(&good).json()["token_type"], "DPoP");
    ask(&good).is_refused(400, "invalid_dpop_proof");
    ask("nonsense").is_refused(400, "invalid_dpop_proof");
    let elsewhere = world.proof(&key, "/oauth2/par", "POST", None);
    ask(&elsewhere).is_refused(400, "invalid_dpop_proof");
    let method = world.proof(&key, "/oauth2/token", "GET", None);
    ask(&method).is_refused(400, "invalid_dpop_proof");
    let late = world.proof(&key, "/oauth2/token", "POST", None);
    world.pass(120);
    ask(&late).is_refused(400, "invalid_dpop_proof");
}

#[test]
fn a_code_may_be_bound_beforehand() {
    let world = World::new();
    let ann = world.person("ann");
    let (ours, theirs) = (pair(), pair());
    let thumbprint = ours.public().thumbprint();
    let fields = request("viewer", VIEWER, "photos.read");
    let fields = with(&fields, "dpop_jkt", Some(&thumbprint));
    for (key, status) in [(&ours, 200), (&theirs, 400)] {
        let code = world.code(&ann, &fields);
        let proof = world.proof(key, "/oauth2/token", "POST", None);
        let answer = world.ask(exchange(&code, VIEWER).header("dpop", &proof));
        assert_eq!(answer.status, status, "{}", answer.body);
    }
    let code = world.code(&ann, &fields);
    world
        .exchange("viewer", &code, VIEWER)
        .is_refused(400, "invalid_grant");
}

#[test]
fn refresh_tokens_of_public_apps_are_bound_too() {
    let world = World::new();
    let ann = world.person("ann");
    let (ours, theirs) = (pair(), pair());
    let back = "https://photos.example/app";
    let code = world.code(&ann, &request("own", back, "photos.read"));
    let token = |fields: &[(&str, &str)], key: Option<&Pair>| {
        let ask = Ask::post("/oauth2/token", fields).more(&[("client_id", "own")]);
        world.ask(match key {
            Some(key) => ask.header("dpop", &world.proof(key, "/oauth2/token", "POST", None)),
            None => ask,
        })
    };
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("code_verifier", VERIFIER),
    ];
    let tokens = token(&fields, Some(&ours)).json();
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    token(&fields, None).is_refused(400, "invalid_grant");
    token(&fields, Some(&theirs)).is_refused(400, "invalid_grant");
    assert_eq!(token(&fields, Some(&ours)).json()["token_type"], "DPoP");
}

#[test]
fn an_app_may_sign_who_it_is() {
    let world = World::new();
    let (ours, theirs) = (pair(), pair());
    let key = |pair: &Pair| {
        let mut key = jwk(pair);
        key["kid"] = "ours".into();
        key
    };
    let inline = KeySet::Inline(json!({"keys": [key(&ours)]}));
    let inline = world.register(NewProof::Keys(inline));
    let elsewhere = KeySet::Url("https://billing.example/jwks.json".to_owned());
    let elsewhere = world.register(NewProof::Keys(elsewhere));
    let known = Jwk::read(&key(&ours)).unwrap();
    world.others.keys.lock().unwrap().push(known);
    let assertion = |pair: &Pair, id: &str, audience: &str| {
        let said = json!({
            "iss": id,
            "sub": id,
            "aud": audience,
            "jti": uuid::Uuid::now_v7().to_string(),
            "exp": world.now().0 / 1000 + 60,
        });
        signed(pair, &json!({"alg": "ES256", "kid": "ours"}), &said)
    };
    let ask = |text: &str| {
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", kind),
            ("client_assertion", text),
        ];
        world.ask(Ask::post("/oauth2/token", &fields))
    };
    for id in [&inline, &elsewhere] {
        let good = assertion(&ours, id, ISSUER);
        let answer = ask(&good);
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(claims(&answer.json()["access_token"])["sub"], **id);
        ask(&good).is_refused(401, "invalid_client");
        ask(&assertion(&theirs, id, ISSUER)).is_refused(401, "invalid_client");
        let endpoint = format!("{ISSUER}/oauth2/token");
        ask(&assertion(&ours, id, &endpoint)).is_refused(401, "invalid_client");
    }
    ask(&assertion(&ours, "robot", ISSUER)).is_refused(401, "invalid_client");
    ask("nonsense").is_refused(401, "invalid_client");
    let named = [
        ("grant_type", "client_credentials"),
        ("client_id", &*inline),
    ];
    world
        .ask(Ask::post("/oauth2/token", &named))
        .is_refused(401, "invalid_client");
}

#[test]
fn an_app_may_be_known_by_its_certificate() {
    let world = World::new();
    let shown = web::tls::Certificate {
        der: Box::default(),
        thumbprint: [5; 32],
        subject: "CN=billing,O=Photos".to_owned(),
        names: vec!["billing.internal".to_owned()],
    };
    let other = web::tls::Certificate {
        thumbprint: [6; 32],
        subject: "CN=other".to_owned(),
        names: vec![],
        ..shown.clone()
    };
    let thumbprint = certificate_thumbprint(&shown.thumbprint);
    for proof in [
        CertificateProof::Subject("CN=billing,O=Photos".to_owned()),
        CertificateProof::San("billing.internal".to_owned()),
        CertificateProof::Thumbprint(thumbprint.clone()),
    ] {
        let id = world.register(NewProof::Certificate(proof));
        let fields = [("grant_type", "client_credentials"), ("client_id", &*id)];
        let ask = || Ask::post("/oauth2/token", &fields);
        let answer = world.ask(ask().with_certificate(shown.clone()));
        assert_eq!(answer.status, 200, "{}", answer.body);
        let bound = &claims(&answer.json()["access_token"])["cnf"];
        assert_eq!(*bound, json!({"x5t#S256": thumbprint}));
        world.ask(ask()).is_refused(401, "invalid_client");
        let refused = world.ask(ask().with_certificate(other.clone()));
        refused.is_refused(401, "invalid_client");
    }
}

#[test]
fn what_is_brought_beforehand_may_be_bound_as_well() {
    let world = World::new();
    let ann = world.person("ann");
    let (ours, theirs) = (pair(), pair());
    let fields = with(&printer("photos.read"), "client_id", None);
    let proof = world.proof(&ours, "/oauth2/par", "POST", None);
    let push = Ask::post("/oauth2/par", &fields).basic("printer", crate::support::PRINTER_SECRET);
    let pushed = world.ask(push.header("dpop", &proof)).json();
    let uri = pushed["request_uri"].as_str().unwrap();
    let code = world.code(&ann, &[("client_id", "printer"), ("request_uri", uri)]);
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
    ];
    let ask = Ask::post("/oauth2/token", &fields).basic("printer", crate::support::PRINTER_SECRET);
    let foreign = world.proof(&theirs, "/oauth2/token", "POST", None);
    world
        .ask(ask.header("dpop", &foreign))
        .is_refused(400, "invalid_grant");
}
