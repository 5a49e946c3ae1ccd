//! What people do is in the audit log, without their secrets.

use audit::Filter;
use serde_json::json;
use testkit::App;

use crate::support::{NOTES, PASSWORD, log_in, sign_up, with};

/// `action actor outcome`, oldest first.
fn noted(app: &App) -> Vec<String> {
    let audit = app.inner().audit().clone();
    let listed = app.wait(async move {
        let listed = audit.list(&Filter::default(), 100).await.unwrap();
        assert_eq!(audit.verify(&[]).await.unwrap().wrong, None);
        listed
    });
    let shown: Vec<String> = listed
        .iter()
        .map(|entry| entry.to_json().to_string())
        .collect();
    for secret in [PASSWORD, "wrong wrong wrong", "refresh", "eyJ"] {
        assert!(
            shown.iter().all(|entry| !entry.contains(secret)),
            "{shown:#?}"
        );
    }
    assert!(
        shown.iter().all(|entry| entry.contains("127.0.0.1")),
        "{shown:#?}"
    );
    let mut noted: Vec<String> = listed
        .iter()
        .map(|entry| {
            let (actor, _) = entry.actor.split_once(':').unwrap_or((&entry.actor, ""));
            format!("{} {actor} {}", entry.action, entry.outcome)
        })
        .collect();
    noted.reverse();
    noted
}

#[test]
fn sign_ups_and_sign_ins_are_written_down_also_those_that_fail() {
    let app = App::start(NOTES);
    sign_up(&app, "ann@example.com");
    let wish = |email: &str, password: &str| json!({"email": email, "password": password});
    let wrong = "wrong wrong wrong";
    app.post("/auth/login", &wish("ann@example.com", wrong))
        .expect(401);
    app.post("/auth/login", &wish("eve@example.com", wrong))
        .expect(401);
    log_in(&app, "ann@example.com", PASSWORD);
    assert_eq!(
        noted(&app),
        [
            "sign_up account done",
            "sign_in account done",
            "sign_in_failed unknown refused",
            "sign_in_failed unknown refused",
            "sign_in account done",
        ]
    );
}

#[test]
fn a_new_password_and_leaving_are_written_down() {
    let app = App::start(NOTES);
    sign_up(&app, "ann@example.com");
    app.post("/auth/reset", &json!({"email": "ann@example.com"}))
        .expect(202);
    let ticket = app.mailbox().ticket("ann@example.com");
    let new = json!({"token": ticket, "password": "nine green umbrellas"});
    app.post("/auth/reset/confirm", &new).expect(204);
    // Worth nothing now, so nothing is done and nothing written down.
    app.post("/auth/reset/confirm", &new).expect(404);
    let ann = with(
        &app,
        &log_in(&app, "ann@example.com", "nine green umbrellas"),
    );
    ann.delete("/auth/me").expect(204);
    assert_eq!(
        noted(&app),
        [
            "sign_up account done",
            "sign_in account done",
            "password_reset account done",
            "sign_in account done",
            "account_deleted account done",
        ]
    );
}
