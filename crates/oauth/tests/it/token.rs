//! What apps exchange for tokens.

use identity::jws::Algorithm;
use testdb::wait;

use crate::support::{
    AUDIENCE, Ask, BACK, ISSUER, PRINTER_SECRET, VERIFIER, World, claims, printer, request, with,
};

#[test]
fn a_code_becomes_tokens() {
    let world = World::new();
    let ann = world.person("ann");
    let tokens = world.printer_tokens(&ann, "openid offline_access photos.read photos.write");
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["expires_in"], 900);
    assert_eq!(tokens["scope"], "openid offline_access photos.read");
    assert!(tokens["refresh_token"].is_string());
    assert!(world.accepts(&tokens["access_token"]));
    let access = claims(&tokens["access_token"]);
    assert_eq!(access["sub"], ann.account.user);
    assert_eq!(access["client_id"], "printer");
    assert_eq!(access["aud"], AUDIENCE);
    assert_eq!(access["scope"], tokens["scope"]);
    let id = claims(&tokens["id_token"]);
    assert_eq!(id["iss"], ISSUER);
    assert_eq!(id["aud"], "printer");
    assert_eq!(id["sub"], ann.account.user);
    assert_eq!(id["nonce"], "n0nce");
    assert_eq!(id["amr"], serde_json::json!(["pwd"]));
    assert_eq!(id["sid"], access["sid"]);
    assert!(id["auth_time"].is_i64() && id["at_hash"].is_string());
}

#[test]
fn id_tokens_can_be_signed_with_rsa() {
    let world = World::signing_with(Algorithm::Rs256);
    let ann = world.person("ann");
    let tokens = world.printer_tokens(&ann, "openid");
    assert!(world.accepts(&tokens["access_token"]));
    assert!(
        tokens["id_token"]
            .as_str()
            .unwrap()
            .starts_with("eyJhbGciOiJSUzI1NiI")
    );
    let metadata = world
        .ask(Ask::get("/.well-known/openid-configuration"))
        .json();
    let offered = &metadata["id_token_signing_alg_values_supported"];
    assert_eq!(*offered, serde_json::json!(["RS256"]));
}

#[test]
fn a_code_is_good_for_its_app_with_its_verifier_alone() {
    let world = World::new();
    let ann = world.person("ann");
    let back = "https://viewer.example/back";
    let exchange = |name, value| {
        let code = world.code(&ann, &request("viewer", back, "photos.read"));
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", &*code),
            ("redirect_uri", back),
            ("code_verifier", VERIFIER),
        ];
        world.post("viewer", "/oauth2/token", &with(&fields, name, value))
    };
    assert_eq!(exchange("x", None).status, 200);
    assert_eq!(
        exchange("redirect_uri", None).status,
        200,
        "OAuth 2.1 needs it no more"
    );
    let wrong = "another-verifier-of-more-than-forty-three-characters";
    for (name, value, error) in [
        ("code_verifier", Some(wrong), "invalid_grant"),
        ("code_verifier", Some("short"), "invalid_grant"),
        ("code_verifier", None, "invalid_request"),
        (
            "redirect_uri",
            Some("https://viewer.example/other"),
            "invalid_grant",
        ),
        (
            "redirect_uri",
            Some("https://evil.example/"),
            "invalid_grant",
        ),
        ("code", Some("x"), "invalid_grant"),
        ("code", None, "invalid_request"),
        ("grant_type", Some("password"), "unsupported_grant_type"),
        ("grant_type", Some("implicit"), "unsupported_grant_type"),
        ("grant_type", None, "invalid_request"),
        ("resource", Some("https://other.example/"), "invalid_target"),
    ] {
        exchange(name, value).is_refused(400, error);
    }
    let code = world.code(&ann, &request("viewer", back, "photos.read"));
    world
        .exchange("printer", &code, back)
        .is_refused(400, "invalid_grant");
    world
        .exchange("viewer", &code, back)
        .is_refused(400, "invalid_grant");
}

#[test]
fn a_verifier_cannot_be_guessed_twice() {
    let world = World::new();
    let ann = world.person("ann");
    let code = world.code(&ann, &printer("photos.read"));
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", &*code),
        (
            "code_verifier",
            "another-verifier-of-more-than-forty-three-characters",
        ),
    ];
    world
        .post("printer", "/oauth2/token", &fields)
        .is_refused(400, "invalid_grant");
    world
        .exchange("printer", &code, BACK)
        .is_refused(400, "invalid_grant");
}

#[test]
fn a_code_lasts_a_minute() {
    let world = World::new();
    let ann = world.person("ann");
    let code = world.code(&ann, &printer("photos.read"));
    world.pass(61);
    world
        .exchange("printer", &code, BACK)
        .is_refused(400, "invalid_grant");
}

/// Two have it, and one of them stole it: nobody keeps what it gave.
#[test]
fn a_code_that_is_used_twice_ends_what_it_gave() {
    let world = World::new();
    let ann = world.person("ann");
    let fields = printer("offline_access photos.read");
    let code = world.code(&ann, &fields);
    let tokens = world.exchange("printer", &code, BACK).json();
    let other = world.printer_tokens(&ann, "offline_access photos.read");
    assert!(world.accepts(&tokens["access_token"]));
    world
        .exchange("printer", &code, BACK)
        .is_refused(400, "invalid_grant");
    assert!(!world.accepts(&tokens["access_token"]));
    let refresh = tokens["refresh_token"].as_str().unwrap();
    world
        .refresh("printer", refresh)
        .is_refused(400, "invalid_grant");
    assert!(
        world.accepts(&other["access_token"]),
        "another sign-in goes on"
    );
}

#[test]
fn refresh_tokens_follow_one_another() {
    let world = World::new();
    let ann = world.person("ann");
    let first = world.printer_tokens(&ann, "openid offline_access photos.read");
    let one = first["refresh_token"].as_str().unwrap();
    let second = world.refresh("printer", one).json();
    let two = second["refresh_token"].as_str().unwrap();
    assert_ne!(one, two);
    assert_eq!(second["scope"], first["scope"]);
    let id = claims(&second["id_token"]);
    assert_eq!(id["sub"], ann.account.user);
    assert!(id["nonce"].is_null(), "of the first sign-in alone");
    let again = world.refresh("printer", one).json();
    assert_eq!(
        again["refresh_token"], second["refresh_token"],
        "the answer was lost"
    );
    world.pass(31);
    world
        .refresh("printer", one)
        .is_refused(400, "invalid_grant");
    world
        .refresh("printer", two)
        .is_refused(400, "invalid_grant");
    assert!(!world.accepts(&second["access_token"]));
}

#[test]
fn scopes_can_be_fewer_and_never_more() {
    let world = World::new();
    let ann = world.person("ann");
    let tokens = world.printer_tokens(&ann, "openid offline_access photos.read");
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let with_scope = |scope| {
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh),
            ("scope", scope),
        ];
        world.post("printer", "/oauth2/token", &fields)
    };
    for more in ["photos.read photos.write", "email", "openid profile"] {
        with_scope(more).is_refused(400, "invalid_scope");
    }
    // And the token was not used up by that.
    assert_eq!(with_scope("photos.read").json()["scope"], "photos.read");
}

#[test]
fn a_refresh_token_is_good_for_its_app_alone() {
    let world = World::new();
    let ann = world.person("ann");
    let tokens = world.printer_tokens(&ann, "offline_access photos.read");
    let refresh = tokens["refresh_token"].as_str().unwrap();
    world
        .refresh("robot", refresh)
        .is_refused(400, "invalid_grant");
    world
        .refresh("viewer", refresh)
        .is_refused(400, "invalid_grant");
    world
        .refresh("printer", "nonsense")
        .is_refused(400, "invalid_grant");
    assert_eq!(
        world.refresh("printer", refresh).status,
        200,
        "nobody was harmed"
    );
}

/// Apps that may go on while their person is away, one's own, and those on people's own devices.
#[test]
fn who_gets_refresh_tokens() {
    let world = World::new();
    let ann = world.person("ann");
    let viewer = "https://viewer.example/back";
    let tool = "http://127.0.0.1:5000/back";
    let own = "https://photos.example/app";
    for (client, back, scope, expected) in [
        ("printer", BACK, "openid photos.read", false),
        ("printer", BACK, "photos.read offline_access", true),
        ("viewer", viewer, "photos.read", false),
        ("tool", tool, "photos.read", true),
        ("own", own, "photos.read", true),
    ] {
        let code = world.code(&ann, &request(client, back, scope));
        let tokens = world.exchange(client, &code, back).json();
        assert_eq!(
            tokens["refresh_token"].is_string(),
            expected,
            "{client} {scope}"
        );
    }
}

#[test]
fn an_app_acts_for_itself() {
    let world = World::new();
    let itself = |client, scope| {
        let fields = [("grant_type", "client_credentials"), ("scope", scope)];
        world.post(client, "/oauth2/token", &fields)
    };
    let tokens = itself("robot", "").json();
    assert_eq!(tokens["scope"], "photos.read");
    assert!(tokens["refresh_token"].is_null() && tokens["id_token"].is_null());
    let access = claims(&tokens["access_token"]);
    assert_eq!(
        (&access["sub"], &access["client_id"]),
        (&"robot".into(), &"robot".into())
    );
    assert!(access["auth_time"].is_null() && access["sid"].is_null());
    assert!(world.accepts(&tokens["access_token"]));
    // It is nobody, so nothing can be told of it.
    itself("robot", "openid").is_refused(400, "invalid_scope");
    itself("robot", "photos.write").is_refused(400, "invalid_scope");
    itself("viewer", "photos.read").is_refused(400, "unauthorized_client");
}

#[test]
fn what_is_taken_back_ends_at_once() {
    let world = World::new();
    let ann = world.person("ann");
    let tokens = world.printer_tokens(&ann, "offline_access photos.read");
    let ending = identity::grants::Ending {
        families: &world.families,
        denied: &world.denied,
    };
    let account = &ann.account;
    let (id, user) = (&account.id, &account.user);
    let revoked = world
        .grants
        .revoke(id, user, "printer", ending, world.now());
    assert!(wait(revoked).unwrap());
    assert!(!world.accepts(&tokens["access_token"]));
    let refresh = tokens["refresh_token"].as_str().unwrap();
    world
        .refresh("printer", refresh)
        .is_refused(400, "invalid_grant");
    let place = world
        .authorize(Some(&ann), &printer("photos.read"))
        .location();
    assert!(place.starts_with("/consent"), "and it has to ask again");
}

#[test]
fn apps_prove_who_they_are_in_one_way() {
    let world = World::new();
    let fields = [("grant_type", "client_credentials")];
    let body = || Ask::post("/oauth2/token", &fields);
    let encoded = "p%2Br%2Fi%256eter";
    let named = |id: &str, secret: &str| {
        let fields = [("client_id", id), ("client_secret", secret)];
        body().more(&fields)
    };
    for good in [
        body().basic("printer", PRINTER_SECRET),
        body().basic("printer", encoded),
        named("printer", PRINTER_SECRET),
        body()
            .basic("printer", PRINTER_SECRET)
            .more(&[("client_id", "printer")]),
    ] {
        let answer = world.ask(good);
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    for bad in [
        body(),
        body().more(&[("client_id", "printer")]),
        body().basic("printer", ""),
        body().basic("nobody", "x"),
        body().basic("viewer", "x"),
        body().header("authorization", "Basic ???"),
        body().header("authorization", "Bearer abc"),
        named("printer", ""),
        named("first-party", "x"),
        body()
            .basic("printer", PRINTER_SECRET)
            .more(&[("client_id", "robot")]),
    ] {
        let answer = world.ask(bad);
        answer.is_refused(401, "invalid_client");
        assert!(
            answer
                .header("www-authenticate")
                .starts_with("Basic realm=")
        );
    }
    let twice = named("printer", PRINTER_SECRET).basic("printer", PRINTER_SECRET);
    world.ask(twice).is_refused(400, "invalid_request");
    let twice = body().basic("robot", "r").more(&fields);
    world.ask(twice).is_refused(400, "invalid_request");
    let json = body()
        .basic("robot", "r")
        .header("content-type", "application/json");
    assert_eq!(world.ask(json).status, 400);
    assert_eq!(world.ask(Ask::get("/oauth2/token")).status, 405);
}

#[test]
fn secrets_are_guessed_a_handful_of_times() {
    let world = World::new();
    let fields = [("grant_type", "client_credentials")];
    let body = || Ask::post("/oauth2/token", &fields);
    for _ in 0..5 {
        world
            .ask(body().basic("printer", "wrong"))
            .is_refused(401, "invalid_client");
    }
    let held = world.ask(body().basic("printer", PRINTER_SECRET));
    held.is_refused(429, "temporarily_unavailable");
    assert_eq!(held.header("retry-after"), "1");
    let elsewhere = body()
        .basic("printer", PRINTER_SECRET)
        .from([198, 51, 100, 7]);
    assert_eq!(
        world.ask(elsewhere).status,
        200,
        "the app itself is not kept out"
    );
    assert_eq!(
        world.ask(body().basic("robot", "r")).status,
        200,
        "nor another one"
    );
}

#[test]
fn nothing_secret_is_spoken_in_the_clear() {
    let world = World::new();
    let fields = [("grant_type", "client_credentials")];
    let body = Ask::post("/oauth2/token", &fields).basic("robot", "r");
    world
        .ask(body.in_the_clear())
        .is_refused(400, "invalid_request");
    let open = Ask::get("/.well-known/jwks.json").in_the_clear();
    assert_eq!(world.ask(open).status, 200);
}
