//! Who may do what, as HTTP tells it: 401, 403 and 404.

use frontdesk::value;
use serde_json::{Value as Json, json};
use testkit::{Answer, App, Client};

use crate::support::{Shared, each, raw};

static DESK: Shared = Shared::new(|| App::start(CONTRACT));

const CONTRACT: &str = "
frontdesk: 1
name: desk
auth: {api_keys: true}
rules: {staff: user.role == 'staff'}
resources:
  Ticket:
    id: integer
    fields:
      title:   {type: string, minLength: 1}
      owner:   {type: string, set: =user.id}
      open:    {type: boolean, default: false}
      urgent?: {type: boolean, access: {write: staff}}
    rules: {mine: this.owner == user.id}
    access: {read: mine || this.open || staff, create: signed_in, update: mine, delete: staff}
  Diary:
    id: integer
    fields: {text: string}
  Flag:
    id: integer
    fields: {text: string}
    access: {read: signed_in, write: nobody}
  Poster:
    id: integer
    fields: {text: string}
    access: {read: public, write: staff}
  Box:
    id: integer
    fields: {text: string}
    access: {create: public}
";

fn user<'a>(app: &'a App, id: &str) -> testkit::Key<'a> {
    app.key().all_scopes().user(id)
}

/// A ticket of Ann's, and its path.
fn ticket(app: &App, open: bool) -> String {
    let ann = user(app, "ann").client();
    let made = ann
        .post("/v1/tickets", &json!({"title": "t", "open": open}))
        .expect(201);
    assert_eq!(made.json()["owner"], "ann");
    made.header("location").unwrap()
}

fn send(client: &Client, method: &str, path: &str, body: Option<&Json>) -> Answer {
    let request = client.request(method, path);
    match body {
        Some(body) => request.json(body).send(),
        None => request.send(),
    }
}

#[test]
fn hidden_is_404_visible_but_not_allowed_403_and_nobody_401() {
    let app = DESK.get();
    let change = json!({"title": "u"});
    let staff = user(&app, "sam").claim("role", "staff").client();
    let (ann, bob) = (user(&app, "ann").client(), user(&app, "bob").client());
    let unscoped = app.key().user("ann").client();
    let guest: &Client = &app;
    for (who, client, open, [get, patch, put, delete]) in [
        ("guest, closed", guest, false, [404, 401, 401, 401]),
        ("guest, open", guest, true, [200, 401, 401, 401]),
        ("stranger, closed", &bob, false, [404, 404, 404, 404]),
        ("stranger, open", &bob, true, [200, 403, 403, 403]),
        ("owner", &ann, false, [200, 200, 200, 403]),
        ("staff", &staff, false, [200, 403, 403, 204]),
        (
            "owner's key without scopes",
            &unscoped,
            false,
            [403, 403, 403, 403],
        ),
        ("administrator", &app.admin(), false, [200, 200, 200, 204]),
    ] {
        for (method, body, expected) in [
            ("GET", None, get),
            ("HEAD", None, get),
            ("PATCH", Some(&change), patch),
            ("PUT", Some(&change), put),
            ("DELETE", None, delete),
        ] {
            let path = ticket(&app, open);
            let before = app.admin().get(&path).etag();
            let answer = send(client, method, &path, body);
            assert_eq!(answer.status, expected, "{who}: {method}: {answer:?}");
            if expected >= 400 {
                assert_eq!(
                    app.admin().get(&path).expect(200).etag(),
                    before,
                    "{who}: {method}"
                );
            }
        }
    }
}

/// 401 and 404 do not tell what exists from what does not.
#[test]
fn what_is_hidden_cannot_be_told_from_what_is_not_there() {
    let app = DESK.get();
    let bob = user(&app, "bob").client();
    let hidden = ticket(&app, false);
    for (method, body) in [
        ("GET", None),
        ("PATCH", Some(json!({"title": "x"}))),
        ("PATCH", Some(json!({"nonsense": "x"}))),
        ("PUT", Some(json!({"title": "x"}))),
        ("DELETE", None),
    ] {
        for client in [&bob, &**app] {
            let told = |path: &str| {
                let answer = send(client, method, path, body.as_ref());
                let text = answer.text().replace(path, "PATH");
                let id = path.rsplit('/').next().unwrap();
                (answer.status, text.replace(&format!("`{id}`"), "ID"))
            };
            assert_eq!(told(&hidden), told("/v1/tickets/999999999"), "{method}");
        }
        // Nor with a condition.
        let condition = |path: &str| {
            let request = bob.request(method, path).header("if-match", "\"1.1\"");
            match &body {
                Some(body) => request.json(body).send().status,
                None => request.send().status,
            }
        };
        assert_eq!(
            condition(&hidden),
            condition("/v1/tickets/999999999"),
            "{method}"
        );
    }
}

#[test]
fn a_list_has_what_may_be_seen() {
    let app = DESK.get();
    let (open, closed) = (ticket(&app, true), ticket(&app, false));
    let sees = |client: &Client, path: &str| {
        let id: i64 = path.rsplit('/').next().unwrap().parse().unwrap();
        each(
            &client.get(&format!("/v1/tickets?id={id}")).expect(200),
            "id",
        ) == [json!(id)]
    };
    let staff = user(&app, "sam").claim("role", "staff").client();
    for (client, expected) in [
        (&**app, [true, false]),
        (&user(&app, "ann").client(), [true, true]),
        (&user(&app, "bob").client(), [true, false]),
        (&staff, [true, true]),
        (&app.admin(), [true, true]),
    ] {
        assert_eq!([sees(client, &open), sees(client, &closed)], expected);
    }
}

#[test]
fn challenges_say_what_to_bring() {
    let app = DESK.get();
    let challenge = |answer: Answer| answer.header("www-authenticate");
    let post = |client: &Client| client.post("/v1/tickets", &json!({"title": "t"}));
    assert_eq!(
        challenge(post(&app).expect(401)).unwrap(),
        "Bearer realm=\"desk\""
    );
    assert_eq!(
        challenge(app.get("/v1/flags").expect(401)).unwrap(),
        "Bearer realm=\"desk\""
    );
    let reader = app.key().scope("tickets.read").client();
    let refused = post(&reader).expect(403);
    assert_eq!(
        (&*refused.code(), &refused.json()["scope"]),
        ("insufficient_scope", &json!("tickets.write"))
    );
    assert_eq!(
        challenge(refused).unwrap(),
        "Bearer realm=\"desk\", error=\"insufficient_scope\", scope=\"tickets.write\""
    );
    // A rule is no question of the credential.
    let bob = user(&app, "bob").client();
    let refused = bob.delete(&ticket(&app, true)).expect(403);
    assert_eq!(
        (&*refused.code(), &refused.json()["rule"]),
        ("forbidden", &json!("staff"))
    );
    assert_eq!(challenge(refused), None);
    assert_eq!(challenge(bob.get("/v1/tickets/0").expect(404)), None);
}

#[test]
fn a_credential_that_is_not_accepted_is_refused_even_where_none_is_needed() {
    let app = DESK.get();
    app.get("/v1/posters").expect(200);
    let good = app.admin();
    good.get("/v1/posters").expect(200);
    for value in [
        "Bearer wrong",
        "Bearer fdk_live_0000000000000000000000000000000000000000",
        "Bearer",
        "Bearer a b",
        "Basic dXNlcjpwYXNz",
        "Digest username=\"x\"",
        "nonsense",
        "",
    ] {
        let client = app.with_authorization(value);
        for answer in [
            client.get("/v1/posters"),
            client.get("/v1/posters/1"),
            client.post("/v1/posters", &json!({"text": "x"})),
        ] {
            assert_eq!(
                (answer.status, &*answer.code()),
                (401, "unauthenticated"),
                "{value:?}"
            );
            let challenge = answer.header("www-authenticate").unwrap();
            let start = "Bearer realm=\"desk\", error=\"invalid_token\", error_description=\"";
            assert!(
                challenge.starts_with(start) && challenge.ends_with('"'),
                "{challenge}"
            );
        }
    }
    // Beside the API nothing is asked, so nothing is refused.
    app.with_key("wrong").options("/docs").expect(204);
}

#[test]
fn schemes_are_compared_without_case_and_two_credentials_are_one_too_many() {
    let app = DESK.get();
    let (_, key) = app
        .wait(app.inner().keys().create(
            frontdesk::identity::NewKey {
                name: "x".into(),
                admin: true,
                ..Default::default()
            },
            frontdesk::now(),
        ))
        .unwrap();
    let key = key.reveal();
    for value in [format!("bearer {key}"), format!("BEARER   {key}")] {
        app.with_authorization(value).get("/v1/flags").expect(200);
    }
    let twice = app
        .with_key(key)
        .request("GET", "/v1/posters")
        .header("authorization", format!("Bearer {key}"));
    let refused = twice.send().expect(400);
    assert_eq!(
        (&*refused.code(), refused.faults()),
        ("malformed", vec!["Authorization: repeated".to_owned()])
    );
    let refused = raw(
        &app,
        "GET /v1/posters HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a\r\nauthorization: Basic b\r\n\r\n",
    );
    refused.expect(400);
}

#[test]
fn a_revoked_key_is_refused_at_once() {
    let app = DESK.get();
    let wish = frontdesk::identity::NewKey {
        name: "x".into(),
        admin: true,
        ..Default::default()
    };
    let (made, key) = app
        .wait(app.inner().keys().create(wish, frontdesk::now()))
        .unwrap();
    let client = app.with_key(key.reveal());
    client.get("/v1/flags").expect(200);
    app.wait(app.inner().keys().revoke(&made.id, frontdesk::now()))
        .unwrap();
    client.get("/v1/flags").expect(401);
}

#[test]
fn what_no_rule_opens_is_closed_to_all_but_the_operator() {
    let app = DESK.get();
    let all = user(&app, "ann").claim("role", "staff").client();
    app.admin()
        .post("/v1/diaries", &json!({"text": "x"}))
        .expect(201);
    app.admin().get("/v1/diaries").expect(200);
    for (method, path) in [
        ("GET", "/v1/diaries"),
        ("GET", "/v1/diaries/1"),
        ("POST", "/v1/diaries"),
        ("DELETE", "/v1/diaries/1"),
    ] {
        let body = json!({"text": "x"});
        let body = (method == "POST").then_some(&body);
        send(&app, method, path, body).expect(401);
        let refused = send(&all, method, path, body).expect(403);
        assert_eq!(refused.json()["rule"], "nobody", "{method} {path}");
    }
}

#[test]
fn one_may_create_what_one_may_not_read() {
    let app = DESK.get();
    let made = app.post("/v1/boxes", &json!({"text": "x"})).expect(201);
    assert_eq!(
        (
            made.body.len(),
            made.header("etag"),
            made.header("content-type")
        ),
        (0, None, None)
    );
    let path = made.header("location").unwrap();
    // Reading is opened to nobody, so it is no part of the API, but for operators.
    let refused = app.get(&path).expect(405);
    assert_eq!(refused.header("allow").unwrap(), "OPTIONS");
    assert_eq!(app.admin().get(&path).expect(200).json()["text"], "x");
}

#[test]
fn a_field_may_be_closed_where_its_record_is_open() {
    let app = DESK.get();
    let ann = user(&app, "ann").client();
    let path = ticket(&app, true);
    let before = app.get(&path).etag();
    let refused = ann
        .patch(&path, &json!({"title": "x", "urgent": true}))
        .expect(403);
    assert_eq!(
        (&*refused.code(), refused.faults()),
        ("forbidden", vec!["/urgent forbidden".to_owned()])
    );
    assert_eq!(refused.json()["rule"], "staff");
    assert_eq!(app.get(&path).etag(), before);
    ann.post("/v1/tickets", &json!({"title": "x", "urgent": true}))
        .expect(403);
    let boss = user(&app, "ann").claim("role", "staff").client();
    boss.patch(&path, &json!({"urgent": true})).expect(200);
    // Sending back what is there is no change.
    ann.patch(&path, &json!({"urgent": true, "title": "z"}))
        .expect(200);
}

#[test]
fn an_expired_key_is_refused_and_says_so() {
    let app = DESK.get();
    let wish = |expires_at| frontdesk::identity::NewKey {
        name: "x".into(),
        admin: true,
        expires_at: Some(expires_at),
        ..Default::default()
    };
    let (made, later) = (value::Timestamp(0), value::Timestamp(1));
    let keys = app.inner().keys();
    let (_, over) = app.wait(keys.create(wish(later), made)).unwrap();
    let refused = app.with_key(over.reveal()).get("/v1/flags").expect(401);
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert_eq!(
        detail,
        "The key expired at 1970-01-01T00:00:00.001Z; ask for a new one."
    );
    assert!(app.wait(keys.create(wish(made), later)).is_err());
    let (_, good) = app
        .wait(keys.create(wish(value::Timestamp::MAX), frontdesk::now()))
        .unwrap();
    app.with_key(good.reveal()).get("/v1/flags").expect(200);
}

#[test]
fn the_last_use_of_a_key_is_noted_beside_its_request() {
    let app = DESK.get();
    let keys = app.inner().keys();
    let wish = || frontdesk::identity::NewKey {
        name: "x".into(),
        admin: true,
        ..Default::default()
    };
    let (used, text) = app.wait(keys.create(wish(), frontdesk::now())).unwrap();
    let (unused, _) = app.wait(keys.create(wish(), frontdesk::now())).unwrap();
    let noted = |id: &str| {
        let all = app.wait(keys.list()).unwrap();
        all.into_iter()
            .find(|key| key.id == id)
            .unwrap()
            .last_used_at
    };
    assert_eq!(noted(&used.id), None);
    app.with_key(text.reveal()).get("/v1/flags").expect(200);
    let at = testkit::eventually("the note", || noted(&used.id));
    assert!(at >= used.created_at && at <= frontdesk::now());
    assert_eq!(noted(&unused.id), None);
}
