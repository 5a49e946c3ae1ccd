//! Signing out where an app asks for it.

use serde_json::{Value as Json, json};
use testdb::wait;

use crate::support::{Answer, Ask, Browser, ISSUER, World, claims, encoded};

const BYE: &str = "https://print.example/bye";

fn leave(world: &World, who: &Browser, fields: &[(&str, &str)]) -> Answer {
    let target = format!("/oauth2/logout?{}", encoded(fields));
    world.ask(Ask::get(&target).at_browser(who))
}

fn is_signed_in(world: &World, who: &Browser) -> bool {
    let fields = crate::support::printer("photos.read");
    !world
        .authorize(Some(who), &fields)
        .location()
        .starts_with("/login")
}

#[test]
fn who_shows_the_id_token_of_this_sign_in_ends_it() {
    let world = World::new();
    let ann = world.person("ann");
    let tokens = world.printer_tokens(&ann, "openid offline_access photos.read");
    let hint = tokens["id_token"].as_str().unwrap();
    let fields = [
        ("id_token_hint", hint),
        ("post_logout_redirect_uri", BYE),
        ("state", "a b"),
    ];
    let answer = leave(&world, &ann, &fields);
    assert_eq!(answer.location(), format!("{BYE}?state=a%20b"));
    assert!(answer.header("set-cookie").starts_with("__Host-session=; "));
    assert!(!is_signed_in(&world, &ann));
    assert!(!world.accepts(&tokens["access_token"]));
    let refresh = tokens["refresh_token"].as_str().unwrap();
    world
        .refresh("printer", refresh)
        .is_refused(400, "invalid_grant");
}

#[test]
fn apps_that_want_to_know_are_told() {
    let world = World::new();
    let ann = world.person("ann");
    let tokens = world.printer_tokens(&ann, "openid");
    let ended = world
        .door
        .end_session(&ann.account, &ann.session, world.now());
    wait(ended).unwrap();
    let told = world.others.told.lock().unwrap().clone();
    let [(url, token)] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(url, "https://print.example/signed-out");
    let said = claims(&Json::from(token.as_str()));
    assert_eq!(
        (&said["iss"], &said["aud"]),
        (&json!(ISSUER), &json!("printer"))
    );
    assert_eq!(said["sid"], claims(&tokens["id_token"])["sid"]);
    assert_eq!(said["sub"], ann.account.user);
    assert!(said["events"].is_object() && said["nonce"].is_null());
}

#[test]
fn who_shows_less_has_to_ask() {
    let world = World::new();
    let (ann, eve) = (world.person("ann"), world.person("eve"));
    let foreign = world.printer_tokens(&eve, "openid");
    let foreign = foreign["id_token"].as_str().unwrap();
    let own = world.printer_tokens(&ann, "openid");
    let own = own["id_token"].as_str().unwrap();
    for fields in [
        vec![],
        vec![("client_id", "printer"), ("post_logout_redirect_uri", BYE)],
        vec![("id_token_hint", foreign)],
        vec![("id_token_hint", "nonsense")],
        vec![("id_token_hint", own), ("client_id", "viewer")],
    ] {
        let page = leave(&world, &ann, &fields);
        assert_eq!(page.status, 200, "{fields:?}");
        assert!(page.body.contains("name=\"token\""), "{}", page.body);
        assert!(is_signed_in(&world, &ann), "{fields:?}");
    }
    let fields = [("client_id", "printer"), ("post_logout_redirect_uri", BYE)];
    let page = leave(&world, &ann, &fields);
    let token = page.input("token");
    let mut fields = fields.to_vec();
    fields.push(("token", &token));
    let post = || Ask::post("/oauth2/logout", &fields).at_browser(&ann);
    let cross = world.ask(post().header("sec-fetch-site", "cross-site"));
    assert_eq!(cross.status, 200);
    assert!(is_signed_in(&world, &ann), "another site's page");
    assert_eq!(world.ask(post().own_page()).location(), BYE);
    assert!(!is_signed_in(&world, &ann));
}

#[test]
fn nobody_is_sent_to_an_address_that_was_not_registered() {
    let world = World::new();
    for uri in [
        "https://evil.example/",
        "https://print.example/bye?x",
        "https://print.example/back",
        "//evil",
    ] {
        let ann = world.person(&format!("ann{}", uri.len()));
        let tokens = world.printer_tokens(&ann, "openid");
        let hint = tokens["id_token"].as_str().unwrap();
        let fields = [("id_token_hint", hint), ("post_logout_redirect_uri", uri)];
        let answer = leave(&world, &ann, &fields);
        assert_eq!(
            (answer.status, answer.header("location")),
            (200, ""),
            "{uri}"
        );
        assert!(answer.body.contains("You are signed out."));
    }
    let ann = world.person("ann");
    let fields = [("client_id", "viewer"), ("post_logout_redirect_uri", BYE)];
    let nobody = format!("/oauth2/logout?{}", encoded(&fields));
    assert_eq!(
        world.ask(Ask::get(&nobody)).header("location"),
        "",
        "another app's"
    );
    assert!(is_signed_in(&world, &ann));
}
