//! Signing in, by password and by letter, and what nobody learns from being refused.

use serde_json::json;
use testkit::App;

use crate::support::{NOTES, PASSWORD, log_in, sign_up, with};

#[test]
fn wrong_passwords_and_unknown_addresses_are_answered_alike() {
    let app = App::start(NOTES);
    sign_up(&app, "ann@example.com");
    let wrong = json!({"email": "ann@example.com", "password": "eight blue umbrellas"});
    let unknown = json!({"email": "bob@example.com", "password": "eight blue umbrellas"});
    let (wrong, unknown) = (
        app.post("/auth/login", &wrong),
        app.post("/auth/login", &unknown),
    );
    assert_eq!(wrong.status, 401);
    assert_eq!(wrong.body, unknown.body);
    let names = |answer: &testkit::Answer| -> Vec<String> {
        answer
            .headers
            .iter()
            .map(|(name, _)| name.clone())
            .collect()
    };
    assert_eq!(names(&wrong), names(&unknown));
    assert!(
        wrong
            .header("www-authenticate")
            .unwrap()
            .starts_with("Bearer")
    );
}

#[test]
fn many_wrong_tries_have_to_wait_and_nobody_is_locked_out() {
    let app = App::start(NOTES);
    sign_up(&app, "ann@example.com");
    let wrong = json!({"email": "ann@example.com", "password": "nine blue umbrellas"});
    let refused = (0..20).map(|_| app.post("/auth/login", &wrong));
    let waited = refused.into_iter().find(|answer| answer.status == 429);
    let seconds: u32 = waited
        .unwrap()
        .header("retry-after")
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=900).contains(&seconds), "{seconds}");
}

#[test]
fn a_letter_signs_in_once() {
    let app = App::start(NOTES);
    sign_up(&app, "ann@example.com");
    let asked = app
        .post("/auth/magic-link", &json!({"email": "ann@example.com"}))
        .expect(202);
    let nobody = app
        .post("/auth/magic-link", &json!({"email": "eve@example.com"}))
        .expect(202);
    assert_eq!(asked.body, nobody.body);
    let ticket = app.mailbox().ticket("ann@example.com");
    let body = json!({"token": ticket});
    let tokens = app
        .post("/auth/magic-link/confirm", &body)
        .expect(200)
        .json();
    with(&app, &tokens).get("/auth/me").expect(200);
    app.post("/auth/magic-link/confirm", &body).expect(404);
}

#[test]
fn a_new_password_signs_everybody_out() {
    let app = App::start(NOTES);
    let old = sign_up(&app, "ann@example.com");
    app.post("/auth/reset", &json!({"email": "ann@example.com"}))
        .expect(202);
    let ticket = app.mailbox().ticket("ann@example.com");
    let weak = json!({"token": ticket, "password": "short"});
    app.post("/auth/reset/confirm", &weak).expect(422);
    let new = json!({"token": ticket, "password": "nine purple bicycles"});
    app.post("/auth/reset/confirm", &new).expect(204);
    app.post("/auth/reset/confirm", &new).expect(404);

    with(&app, &old).get("/auth/me").expect(401);
    let refresh = json!({"refresh_token": old["refresh_token"]});
    app.post("/auth/refresh", &refresh).expect(401);
    let login = json!({"email": "ann@example.com", "password": PASSWORD});
    app.post("/auth/login", &login).expect(401);
    let tokens = log_in(&app, "ann@example.com", "nine purple bicycles");
    with(&app, &tokens).get("/auth/me").expect(200);
}

#[test]
fn an_address_is_changed_once_it_is_proved() {
    let app = App::start(NOTES);
    let ann = with(&app, &sign_up(&app, "ann@example.com"));
    ann.post("/auth/email", &json!({"email": "ann@new.example"}))
        .expect(202);
    assert_eq!(ann.get("/auth/me").json()["email"], "ann@example.com");
    let ticket = app.mailbox().ticket("ann@new.example");
    app.post("/auth/email/confirm", &json!({"token": ticket}))
        .expect(204);
    let me = ann.get("/auth/me").expect(200).json();
    assert_eq!(me["email"], "ann@new.example");
    assert_eq!(me["record"]["email"], "ann@new.example");
    assert!(
        app.mailbox()
            .list()
            .contains(&"ann@example.com: email_changed".to_owned())
    );
    log_in(&app, "ann@new.example", PASSWORD);
}

#[test]
fn who_leaves_is_gone() {
    let app = App::start(NOTES);
    let tokens = sign_up(&app, "ann@example.com");
    let ann = with(&app, &tokens);
    let id = ann.get("/auth/me").json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let export = ann.get("/auth/export").expect(200).json();
    assert_eq!(export["record"]["email"], "ann@example.com");
    ann.delete("/auth/me").expect(204);
    ann.get("/auth/me").expect(401);
    app.admin().get(&format!("/v1/users/{id}")).expect(404);
    let login = json!({"email": "ann@example.com", "password": PASSWORD});
    app.post("/auth/login", &login).expect(401);
    sign_up(&app, "ann@example.com");
}
