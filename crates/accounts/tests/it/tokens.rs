//! Tokens follow one another, end when they are ended, and know what the record says now.

use std::sync::Barrier;

use serde_json::json;
use testkit::App;

use crate::support::{NOTES, PASSWORD, log_in, sign_up, with};

#[test]
fn a_challenge_says_whom_to_ask_for_a_token() {
    let app = App::start(NOTES);
    let refused = app.get("/v1/notes").expect(401);
    let challenge = refused.header("www-authenticate").unwrap();
    let url = challenge.split("resource_metadata=\"").nth(1).unwrap();
    let url = url.split('"').next().unwrap();
    let path = &url[url.find("/.well-known").unwrap()..];
    let resource = app.get(path).expect(200).json();
    let server = resource["authorization_servers"][0].as_str().unwrap();
    assert!(url.starts_with(server), "{url} {server}");
    let offered = app
        .get("/.well-known/oauth-authorization-server")
        .expect(200)
        .json();
    assert_eq!(offered["issuer"], server);
}

#[test]
fn a_refresh_token_gives_the_next_ones() {
    let app = App::start(NOTES);
    let first = sign_up(&app, "ann@example.com");
    let body = json!({"refresh_token": first["refresh_token"]});
    let second = app.post("/auth/refresh", &body).expect(200).json();
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    assert_eq!(second["expires_in"], 900);
    with(&app, &second).get("/auth/me").expect(200);
    // A lost answer is given again.
    let again = app.post("/auth/refresh", &body).expect(200).json();
    assert_eq!(again["refresh_token"], second["refresh_token"]);
    for wrong in ["", "fdr_x", "eyJ"] {
        let body = json!({"refresh_token": wrong});
        app.post("/auth/refresh", &body).expect(401);
    }
}

#[test]
fn many_who_refresh_at_once_get_the_same() {
    let app = App::start(NOTES);
    let first = sign_up(&app, "ann@example.com");
    let body = json!({"refresh_token": first["refresh_token"]});
    let barrier = Barrier::new(64);
    let refreshed: Vec<_> = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..64)
            .map(|_| {
                scope.spawn(|| {
                    barrier.wait();
                    app.post("/auth/refresh", &body).expect(200).json()["refresh_token"].clone()
                })
            })
            .collect();
        tries.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(refreshed.iter().all(|token| *token == refreshed[0]));
    let next = json!({"refresh_token": refreshed[0]});
    app.post("/auth/refresh", &next).expect(200);
}

#[test]
fn signing_out_ends_tokens_at_once() {
    let app = App::start(NOTES);
    let phone = sign_up(&app, "ann@example.com");
    let laptop = log_in(&app, "ann@example.com", PASSWORD);
    let (on_phone, on_laptop) = (with(&app, &phone), with(&app, &laptop));
    let sessions = on_phone.get("/auth/sessions").expect(200).json();
    assert_eq!(sessions["items"].as_array().unwrap().len(), 2);
    on_phone.post("/auth/logout", &json!({})).expect(204);
    on_phone.get("/auth/me").expect(401);
    let body = json!({"refresh_token": phone["refresh_token"]});
    app.post("/auth/refresh", &body).expect(401);
    on_laptop.get("/auth/me").expect(200);

    let phone = log_in(&app, "ann@example.com", PASSWORD);
    on_laptop
        .post("/auth/logout", &json!({"everywhere": true}))
        .expect(204);
    with(&app, &phone).get("/v1/notes").expect(401);
    on_laptop.get("/v1/notes").expect(401);
    let tokens = log_in(&app, "ann@example.com", PASSWORD);
    with(&app, &tokens).get("/v1/notes").expect(200);
}

#[test]
fn a_role_that_is_taken_away_is_gone_at_once() {
    let app = App::start(NOTES);
    let ann = with(&app, &sign_up(&app, "ann@example.com"));
    let me = ann.get("/auth/me").json();
    let path = format!("/v1/users/{}", me["id"].as_str().unwrap());
    let bob = sign_up(&app, "bob@example.com");
    let other = with(&app, &bob).get("/auth/me").json();
    let other = format!("/v1/users/{}", other["id"].as_str().unwrap());
    ann.get(&other).expect(404);
    app.admin()
        .patch(&path, &json!({"role": "staff"}))
        .expect(200);
    ann.get(&other).expect(200);
    ann.patch(&path, &json!({"role": "member"})).expect(200);
    ann.get(&other).expect(404);
    app.admin().delete(&path).expect(204);
    ann.get("/v1/notes").expect(401);
}

#[test]
fn a_browser_has_a_session_that_only_our_pages_use() {
    let app = App::start(NOTES);
    sign_up(&app, "ann@example.com");
    let login = json!({"email": "ann@example.com", "password": PASSWORD, "session": true});
    let answer = app.post("/auth/login", &login).expect(200);
    assert!(answer.json().get("access_token").is_none());
    let cookie = answer.header("set-cookie").unwrap();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"),
        "{cookie}"
    );
    let pair = cookie.split(';').next().unwrap().to_owned();
    let ask = |method: &str, path: &str, site: Option<&str>| {
        let call = app.request(method, path).header("cookie", &pair);
        let call = match site {
            Some(site) => call.header("sec-fetch-site", site),
            None => call,
        };
        call.json(&json!({"text": "x"})).send()
    };
    assert_eq!(ask("POST", "/v1/notes", Some("same-origin")).status, 201);
    for site in [Some("cross-site"), Some("same-site"), None] {
        assert_eq!(ask("POST", "/v1/notes", site).status, 403, "{site:?}");
    }
    let listed = app
        .request("GET", "/v1/notes")
        .header("cookie", &pair)
        .send();
    assert_eq!(
        listed.expect(200).json()["items"].as_array().unwrap().len(),
        1
    );

    // A session that was there before is worth nothing after signing in.
    let again = app
        .request("POST", "/auth/login")
        .header("cookie", &pair)
        .header("sec-fetch-site", "same-origin")
        .json(&login)
        .send();
    let other = again.expect(200).header("set-cookie").unwrap();
    assert_ne!(other.split(';').next().unwrap(), pair);
    let old = app
        .request("GET", "/v1/notes")
        .header("cookie", &pair)
        .send();
    assert_eq!(old.status, 401);
}
