//! What an app sends its person with.

use identity::clients::{NewClient, NewProof};
use testdb::wait;

use crate::support::{AUDIENCE, Ask, BACK, ISSUER, World, printer, request, with};

#[test]
fn a_code_comes_back_with_state_and_issuer() {
    let world = World::new();
    let ann = world.person("ann");
    let first = world.authorize(Some(&ann), &printer("openid photos.read"));
    let back = world.consent(&ann, &first.location(), "allow");
    assert!(back.location().starts_with(&format!("{BACK}?code=")));
    assert_eq!(back.parameter("state"), "s&t=a te");
    assert_eq!(back.parameter("iss"), ISSUER);
    assert_eq!(back.header("cache-control"), "no-store");
    assert_eq!(back.header("referrer-policy"), "no-referrer");
}

#[test]
fn who_is_not_signed_in_signs_in_and_comes_back() {
    let world = World::new();
    let first = world.authorize(
        None,
        &with(&printer("photos.read"), "login_hint", Some("ann")),
    );
    assert!(first.location().starts_with("/login?continue="));
    let place = first.parameter("continue");
    let ticket = place.rsplit('=').next().unwrap().to_owned();
    let pending = wait(world.door.pending(&ticket, world.now()))
        .unwrap()
        .unwrap();
    assert_eq!(pending.client_title.as_deref(), Some("Print shop"));
    assert_eq!(pending.login_hint.as_deref(), Some("ann"));
    let ann = world.person("ann");
    let next = world.ask(Ask::get(&place).at_browser(&ann));
    assert!(next.location().starts_with("/consent?request="));
}

/// Nobody is sent to an address that was not registered, whatever else is wrong.
#[test]
fn addresses_that_are_not_registered_get_nobody() {
    let world = World::new();
    let ann = world.person("ann");
    for back in [
        "https://print.example/back/",
        "https://print.example/back?x=1",
        "https://print.example/back#x",
        "https://print.example/BACK",
        "https://print.example:444/back",
        "http://print.example/back",
        "https://print.example@evil.example/back",
        "https://evil.example/https://print.example/back",
        "https://print.example/back/../evil",
        "//evil.example",
        "/back",
        "javascript:alert(1)",
    ] {
        let fields = with(&printer("photos.read"), "redirect_uri", Some(back));
        for fields in [&fields, &with(&fields, "response_type", Some("token"))] {
            let answer = world.authorize(Some(&ann), fields);
            assert_eq!(
                (answer.status, answer.header("location")),
                (400, ""),
                "{back}"
            );
        }
    }
    for client in [None, Some("nobody"), Some("first-party"), Some("app_1")] {
        let fields = with(&printer("photos.read"), "client_id", client);
        assert_eq!(
            world.authorize(Some(&ann), &fields).status,
            400,
            "{client:?}"
        );
    }
    // Which of two is meant, is for the app to say.
    let fields = request("viewer", "", "photos.read");
    let fields = with(&fields, "redirect_uri", None);
    assert_eq!(world.authorize(Some(&ann), &fields).status, 400);
}

#[test]
fn ones_own_machine_may_have_any_port() {
    let world = World::new();
    let ann = world.person("ann");
    for (back, status) in [
        ("http://127.0.0.1:51234/back", 303),
        ("http://127.0.0.1/back", 303),
        ("http://127.0.0.1:51234/else", 400),
        ("http://localhost:51234/back", 400),
        ("http://127.0.0.1:51234@evil.example/back", 400),
    ] {
        let answer = world.authorize(Some(&ann), &request("tool", back, "photos.read"));
        assert_eq!(answer.status, status, "{back}");
    }
}

#[test]
fn what_cannot_be_granted_is_told_to_the_app() {
    let world = World::new();
    let ann = world.person("ann");
    let fields = printer("photos.read");
    for (name, value, error) in [
        ("response_type", None, "invalid_request"),
        ("response_type", Some("token"), "unsupported_response_type"),
        (
            "response_type",
            Some("code id_token"),
            "unsupported_response_type",
        ),
        ("response_mode", Some("fragment"), "invalid_request"),
        ("code_challenge", None, "invalid_request"),
        ("code_challenge", Some("short"), "invalid_request"),
        ("code_challenge_method", None, "invalid_request"),
        ("code_challenge_method", Some("plain"), "invalid_request"),
        ("scope", Some("photos.write"), "invalid_scope"),
        ("scope", Some("nonsense"), "invalid_scope"),
        ("scope", Some("photos.read\u{e9}"), "invalid_scope"),
        ("prompt", Some("none login"), "invalid_request"),
        ("prompt", Some("dance"), "invalid_request"),
        ("max_age", Some("-1"), "invalid_request"),
        ("request", Some("a.b.c"), "request_not_supported"),
        ("resource", Some("https://other.example/"), "invalid_target"),
    ] {
        let answer = world.authorize(Some(&ann), &with(&fields, name, value));
        answer.is_sent_back(error);
        assert_eq!(answer.parameter("state"), "s&t=a te");
    }
    let own = with(&fields, "resource", Some(AUDIENCE));
    assert!(
        world
            .authorize(Some(&ann), &own)
            .location()
            .starts_with("/consent")
    );
}

#[test]
fn a_parameter_that_is_there_twice_is_refused() {
    let world = World::new();
    let mut fields = printer("photos.read");
    fields.push(("redirect_uri", "https://evil.example/"));
    let answer = world.authorize(None, &fields);
    assert_eq!((answer.status, answer.header("location")), (400, ""));
}

#[test]
fn silence_is_kept_where_it_is_asked_for() {
    let world = World::new();
    let fields = printer("photos.read");
    let silent = with(&fields, "prompt", Some("none"));
    world
        .authorize(None, &silent)
        .is_sent_back("login_required");
    let ann = world.person("ann");
    world
        .authorize(Some(&ann), &silent)
        .is_sent_back("consent_required");
    world.code(&ann, &fields);
    assert!(
        !world
            .authorize(Some(&ann), &silent)
            .parameter("code")
            .is_empty()
    );
}

#[test]
fn a_new_sign_in_is_one_that_came_after_the_request() {
    let world = World::new();
    let ann = world.person("ann");
    world.pass(100);
    let fields = printer("photos.read");
    for (name, value) in [("prompt", "login"), ("max_age", "60"), ("max_age", "0")] {
        let first = world.authorize(Some(&ann), &with(&fields, name, Some(value)));
        assert!(first.location().starts_with("/login"), "{name}={value}");
        // Neither by going on, nor by going to the next page.
        let resumed = first.parameter("continue");
        let ticket = resumed.rsplit('=').next().unwrap().to_owned();
        let again = world.ask(Ask::get(&resumed).at_browser(&ann));
        assert!(again.location().starts_with("/login"));
        let consent = format!("/consent?request={ticket}");
        let again = world.ask(Ask::get(&consent).at_browser(&ann));
        assert!(again.location().starts_with("/login"));
        world.pass(1);
        let anew = world.sign_in(ann.account.clone());
        let next = world.ask(Ask::get(&resumed).at_browser(&anew));
        assert!(next.location().starts_with("/consent"), "{name}={value}");
    }
    let young = with(&fields, "max_age", Some("3600"));
    assert!(
        world
            .authorize(Some(&ann), &young)
            .location()
            .starts_with("/consent")
    );
}

#[test]
fn a_request_can_be_brought_beforehand() {
    let world = World::new();
    let ann = world.person("ann");
    let fields = with(&printer("photos.read"), "client_id", None);
    let pushed = world.post("printer", "/oauth2/par", &fields);
    assert_eq!(pushed.status, 201, "{}", pushed.body);
    let pushed = pushed.json();
    assert_eq!(pushed["expires_in"], 90);
    let uri = pushed["request_uri"].as_str().unwrap();
    // What the browser brings besides does not count.
    let with_uri = [
        ("client_id", "printer"),
        ("request_uri", uri),
        ("scope", "photos.write"),
        ("redirect_uri", "https://evil.example/"),
    ];
    let foreign = [("client_id", "viewer"), ("request_uri", uri)];
    let answer = world.authorize(Some(&ann), &with_uri);
    let code = world
        .consent(&ann, &answer.location(), "allow")
        .parameter("code");
    assert_eq!(world.exchange("printer", &code, BACK).status, 200);
    assert_eq!(
        world.authorize(Some(&ann), &with_uri).status,
        400,
        "a second time"
    );

    let push = || {
        let pushed = world.post("printer", "/oauth2/par", &fields).json();
        pushed["request_uri"].as_str().unwrap().to_owned()
    };
    let uri = push();
    let foreign = with(&foreign, "request_uri", Some(&uri));
    assert_eq!(
        world.authorize(Some(&ann), &foreign).status,
        400,
        "of another app"
    );
    let uri = push();
    world.pass(91);
    let late = [("client_id", "printer"), ("request_uri", &*uri)];
    assert_eq!(world.authorize(Some(&ann), &late).status, 400, "too late");

    let wrong = with(&fields, "redirect_uri", Some("https://evil.example/"));
    world
        .post("printer", "/oauth2/par", &wrong)
        .is_refused(400, "invalid_request");
    let nested = with(&fields, "request_uri", Some(&uri));
    world
        .post("printer", "/oauth2/par", &nested)
        .is_refused(400, "invalid_request");
    let nobody = Ask::post("/oauth2/par", &fields).basic("printer", "wrong");
    world.ask(nobody).is_refused(401, "invalid_client");
}

#[test]
fn an_app_that_is_disabled_gets_nobody() {
    let world = World::new();
    let ann = world.person("ann");
    let wish = NewClient {
        title: "Frames".to_owned(),
        proof: NewProof::Public,
        redirect_uris: vec!["https://frames.example/back".to_owned()],
        scopes: vec!["photos.read".to_owned()],
        post_logout_redirect_uris: vec![],
        backchannel_logout_uri: None,
        device: false,
        trusted: false,
    };
    let created = wait(world.clients.create(wish, &world.model, world.now()));
    let (app, secret) = created.unwrap();
    assert!(secret.is_none());
    let id = app.client.id.as_str();
    let fields = request(id, "https://frames.example/back", "photos.read");
    let code = world.code(&ann, &fields);
    let exchanged = world.exchange(id, &code, "https://frames.example/back");
    assert_eq!(exchanged.status, 200, "{}", exchanged.body);
    wait(world.clients.disable(id, world.now())).unwrap();
    assert_eq!(world.authorize(Some(&ann), &fields).status, 400);
    let answer = world.exchange(id, "x", "https://frames.example/back");
    answer.is_refused(401, "invalid_client");
}
