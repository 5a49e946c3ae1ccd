//! An account comes to be with its record, once its address is proved.

use serde_json::json;
use testkit::App;

use crate::support::{NOTES, PASSWORD, log_in, sign_up, with};

#[test]
fn who_follows_the_letter_has_an_account_and_a_record() {
    let app = App::start(NOTES);
    let tokens = sign_up(&app, "Ann@example.com");
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["expires_in"], 900);
    let ann = with(&app, &tokens);
    let me = ann.get("/auth/me").expect(200).json();
    assert_eq!(me["email"], "Ann@example.com");
    assert_eq!(me["email_verified"], true);
    assert_eq!(me["record"]["name"], "Ann");
    assert_eq!(me["record"]["role"], "member");

    // Rules know the person.
    let note = ann
        .post("/v1/notes", &json!({"text": "mine"}))
        .expect(201)
        .json();
    assert_eq!(note["owner_id"], me["id"]);
    let bob = with(&app, &sign_up(&app, "bob@example.com"));
    let path = format!("/v1/notes/{}", note["id"].as_str().unwrap());
    bob.get(&path).expect(404);
    ann.get(&path).expect(200);
    app.get(&path).expect(401);
    log_in(&app, "ann@example.com", PASSWORD);
}

#[test]
fn a_letter_is_good_once() {
    let app = App::start(NOTES);
    sign_up(&app, "ann@example.com");
    let ticket = app.mailbox().ticket("ann@example.com");
    let again = app.post("/auth/sign-up/confirm", &json!({"token": ticket}));
    assert_eq!(again.expect(404).code(), "not_found");
}

#[test]
fn nobody_is_told_whether_an_address_is_taken() {
    let app = App::start(NOTES);
    sign_up(&app, "ann@example.com");
    let wish = |email: &str| json!({"email": email, "password": PASSWORD, "name": "Eve"});
    let taken = app
        .post("/auth/sign-up", &wish("ann@example.com"))
        .expect(202);
    let free = app
        .post("/auth/sign-up", &wish("eve@example.com"))
        .expect(202);
    assert_eq!(taken.body, free.body);
    let letters = app.mailbox().list();
    assert_eq!(letters[1], "ann@example.com: already_signed_up");
    assert_eq!(letters[2], "eve@example.com: confirm_sign_up");
}

#[test]
fn people_write_what_they_may_write() {
    let app = App::start(NOTES);
    let wish =
        json!({"email": "eve@example.com", "password": PASSWORD, "name": "Eve", "role": "staff"});
    let refused = app.post("/auth/sign-up", &wish);
    assert_eq!(refused.expect(403).code(), "forbidden");
    for (body, status, code) in [
        (
            json!({"email": "no address", "password": PASSWORD, "name": "Eve"}),
            422,
            "invalid",
        ),
        (
            json!({"email": "eve@example.com", "password": "short", "name": "Eve"}),
            422,
            "invalid",
        ),
        (
            json!({"email": "eve@example.com", "password": PASSWORD}),
            422,
            "invalid",
        ),
        (
            json!({"email": "eve@example.com", "password": PASSWORD, "name": "Eve", "x": 1}),
            422,
            "invalid",
        ),
        (json!({"password": PASSWORD, "name": "Eve"}), 422, "invalid"),
        (json!([]), 400, "malformed"),
    ] {
        let refused = app.post("/auth/sign-up", &body);
        assert_eq!(refused.expect(status).code(), code, "{body}");
    }
    assert_eq!(app.mailbox().list(), [""; 0]);
}

#[test]
fn an_account_takes_the_record_that_has_its_address() {
    let app = App::start(NOTES);
    let record = json!({"name": "Ann", "email": "ann@example.com", "role": "staff"});
    let record = app.admin().post("/v1/users", &record).expect(201).json();
    let ann = with(&app, &sign_up(&app, "ann@example.com"));
    let me = ann.get("/auth/me").expect(200).json();
    assert_eq!(me["id"], record["id"]);
    ann.get("/v1/users").expect(200);
}
