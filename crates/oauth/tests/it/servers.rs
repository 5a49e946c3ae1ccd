//! What other servers and apps' pages are told: tokens, people, keys, what there is.

use audit::Filter;
use serde_json::json;
use testdb::wait;

use crate::support::{AUDIENCE, Answer, Ask, ISSUER, World, request};

fn info(world: &World, token: &str) -> Answer {
    let ask = Ask::get("/oauth2/userinfo");
    world.ask(ask.header("authorization", &format!("Bearer {token}")))
}

#[test]
fn tokens_are_explained_to_apps_that_prove_who_they_are() {
    let world = World::new();
    let ann = world.person("ann");
    let tokens = world.printer_tokens(&ann, "offline_access photos.read");
    let access = tokens["access_token"].as_str().unwrap();
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let ask = |client, token| world.post(client, "/oauth2/introspect", &[("token", token)]);
    for client in ["printer", "robot"] {
        let told = ask(client, access).json();
        assert_eq!(told["active"], true);
        assert_eq!(told["sub"], ann.account.user);
        assert_eq!(told["client_id"], "printer");
        assert_eq!(told["scope"], "offline_access photos.read");
        assert_eq!(told["aud"], AUDIENCE);
        assert_eq!(told["token_type"], "Bearer");
        assert!(told["epoch"].is_null());
    }
    assert_eq!(
        ask("printer", refresh).json()["token_type"],
        "refresh_token"
    );
    let nothing = json!({"active": false});
    assert_eq!(ask("robot", refresh).json(), nothing, "another app's");
    assert_eq!(ask("printer", "nonsense").json(), nothing);
    ask("viewer", access).is_refused(401, "invalid_client");
    let nobody = Ask::post("/oauth2/introspect", &[("token", access)]);
    world.ask(nobody).is_refused(401, "invalid_client");
    world.pass(16 * 60);
    assert_eq!(ask("printer", access).json(), nothing, "expired");
}

#[test]
fn tokens_are_given_back() {
    let world = World::new();
    let ann = world.person("ann");
    let give = |client, token| world.post(client, "/oauth2/revoke", &[("token", token)]);
    let tokens = world.printer_tokens(&ann, "offline_access photos.read");
    let access = tokens["access_token"].as_str().unwrap();
    let refresh = tokens["refresh_token"].as_str().unwrap();
    give("robot", access).is_refused(400, "unauthorized_client");
    give("viewer", refresh).is_refused(400, "unauthorized_client");
    assert!(world.accepts(&tokens["access_token"]));

    assert_eq!(give("printer", access).status, 200);
    assert!(!world.accepts(&tokens["access_token"]));
    let next = world.refresh("printer", refresh).json();
    assert!(world.accepts(&next["access_token"]), "the one token alone");

    let refresh = next["refresh_token"].as_str().unwrap();
    assert_eq!(give("printer", refresh).status, 200);
    assert!(
        !world.accepts(&next["access_token"]),
        "with a refresh token everything"
    );
    world
        .refresh("printer", refresh)
        .is_refused(400, "invalid_grant");
    assert_eq!(
        give("printer", "nonsense").status,
        200,
        "as good as given back"
    );
    let nobody = Ask::post("/oauth2/revoke", &[("token", "x")]);
    world.ask(nobody).is_refused(401, "invalid_client");
}

#[test]
fn people_are_told_of_as_far_as_they_allowed() {
    let world = World::new();
    let ann = world.person("ann");
    let told = |scope| {
        let tokens = world.printer_tokens(&ann, scope);
        info(&world, tokens["access_token"].as_str().unwrap())
    };
    let sub = &ann.account.user;
    assert_eq!(told("openid").json(), json!({"sub": sub}));
    assert_eq!(
        told("openid email").json(),
        json!({"sub": sub, "email": "ann@example.com", "email_verified": true})
    );
    assert_eq!(
        told("openid profile").json(),
        json!({"sub": sub, "name": "ann"})
    );
    let refused = told("photos.read");
    assert_eq!(refused.status, 403);
    let challenge = refused.header("www-authenticate");
    assert!(
        challenge.contains("error=\"insufficient_scope\", scope=\"openid\""),
        "{challenge}"
    );

    let nobody = world.ask(Ask::get("/oauth2/userinfo"));
    assert_eq!(nobody.status, 401);
    assert!(!nobody.header("www-authenticate").contains("error"));
    let wrong = info(&world, "nonsense");
    assert_eq!(wrong.status, 401);
    assert!(
        wrong
            .header("www-authenticate")
            .contains("error=\"invalid_token\"")
    );
    // An ID token is none to ask with, and an app is nobody.
    let tokens = world.printer_tokens(&ann, "openid");
    assert_eq!(
        info(&world, tokens["id_token"].as_str().unwrap()).status,
        401
    );
    let itself = [("grant_type", "client_credentials")];
    let itself = world.post("robot", "/oauth2/token", &itself).json();
    assert_eq!(
        info(&world, itself["access_token"].as_str().unwrap()).status,
        403
    );
    let in_query = Ask::get("/oauth2/userinfo?access_token=x");
    assert_eq!(world.ask(in_query).status, 401);
}

#[test]
fn what_there_is_is_described() {
    let world = World::new();
    let one = world.ask(Ask::get("/.well-known/oauth-authorization-server"));
    let other = world.ask(Ask::get("/.well-known/openid-configuration"));
    assert_eq!(one.body, other.body);
    assert_eq!(one.header("cache-control"), "public, max-age=900");
    let document = one.json();
    assert_eq!(document["issuer"], ISSUER);
    assert_eq!(document["response_types_supported"], json!(["code"]));
    assert_eq!(
        document["code_challenge_methods_supported"],
        json!(["S256"])
    );
    assert_eq!(
        document["authorization_response_iss_parameter_supported"],
        true
    );
    // What is named is there.
    for (name, place) in document.as_object().unwrap() {
        if name.ends_with("_endpoint") || name == "jwks_uri" {
            let path = place.as_str().unwrap().strip_prefix(ISSUER).unwrap();
            assert!(oauth::Door::serves(path), "{name}");
        }
    }
    for path in [
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource/api",
    ] {
        let resource = world.ask(Ask::get(path)).json();
        assert_eq!(resource["resource"], AUDIENCE);
        assert_eq!(resource["authorization_servers"], json!([ISSUER]));
        assert_eq!(resource["bearer_methods_supported"], json!(["header"]));
    }
    let none = Ask::get("/.well-known/oauth-protected-resource/else");
    assert_eq!(world.ask(none).status, 404);
    let keys = world.ask(Ask::get("/.well-known/jwks.json"));
    assert_eq!(keys.header("cache-control"), "public, max-age=900");
    let keys = keys.json();
    assert!(!keys["keys"].as_array().unwrap().is_empty());
    assert!(!keys.to_string().contains("\"d\""), "no private part");
}

/// Pages of apps ask from browsers, except where a cookie would count.
#[test]
fn pages_of_apps_may_ask() {
    let world = World::new();
    let preflight = |path: &str, origin: &str| {
        let ask = Ask::get(path).method("OPTIONS").header("origin", origin);
        let answer = world.ask(ask.header("access-control-request-method", "POST"));
        answer.header("access-control-allow-origin").to_owned()
    };
    for path in [
        "/oauth2/token",
        "/oauth2/revoke",
        "/oauth2/userinfo",
        "/.well-known/jwks.json",
    ] {
        assert_eq!(
            preflight(path, "https://viewer.example"),
            "https://viewer.example",
            "{path}"
        );
        assert_eq!(preflight(path, "https://evil.example"), "", "{path}");
        assert_eq!(preflight(path, "null"), "", "{path}");
    }
    for path in ["/oauth2/authorize", "/consent", "/device", "/oauth2/logout"] {
        assert_eq!(preflight(path, "https://viewer.example"), "", "{path}");
    }
    let ann = world.person("ann");
    let fields = request("viewer", "https://viewer.example/back", "photos.read");
    let target = format!("/oauth2/authorize?{}", crate::support::encoded(&fields));
    let ask = Ask::get(&target)
        .at_browser(&ann)
        .header("origin", "https://viewer.example");
    assert_eq!(world.ask(ask).header("access-control-allow-origin"), "");
}

#[test]
fn what_changes_who_may_do_what_is_written_down() {
    let world = World::new();
    let ann = world.person("ann");
    let tokens = world.printer_tokens(&ann, "openid offline_access photos.read");
    let fields = [("token", tokens["access_token"].as_str().unwrap())];
    world.post("printer", "/oauth2/revoke", &fields);
    let code = world.code(&ann, &crate::support::printer("photos.read"));
    world.exchange("printer", &code, crate::support::BACK);
    world.exchange("printer", &code, crate::support::BACK);
    let ending = identity::grants::Ending {
        families: &world.families,
        denied: &world.denied,
    };
    let (id, user) = (&ann.account.id, &ann.account.user);
    let revoked = world
        .grants
        .revoke(id, user, "printer", ending, world.now());
    wait(revoked).unwrap();
    let ended = world
        .door
        .end_session(&ann.account, &ann.session, world.now());
    wait(ended).unwrap();
    wait(world.audit.settle()).unwrap();
    let listed = wait(world.audit.list(&Filter::default(), 100)).unwrap();
    let actions: Vec<&str> = listed.iter().map(|entry| entry.action.as_str()).collect();
    for action in [
        "consent_granted",
        "token_revoked",
        "family_revoked",
        "consent_revoked",
        "sign_out",
    ] {
        assert!(actions.contains(&action), "{action}: {actions:?}");
    }
}

#[test]
fn methods_that_are_not_offered() {
    let world = World::new();
    for (method, path, allow) in [
        ("DELETE", "/oauth2/authorize", "GET, HEAD, POST"),
        ("GET", "/oauth2/introspect", "POST"),
        ("POST", "/.well-known/jwks.json", "GET, HEAD"),
    ] {
        let answer = world.ask(Ask::get(path).method(method));
        assert_eq!(
            (answer.status, answer.header("allow")),
            (405, allow),
            "{path}"
        );
    }
    assert!(!oauth::Door::serves("/oauth2/nothing") && !oauth::Door::serves("/"));
}
