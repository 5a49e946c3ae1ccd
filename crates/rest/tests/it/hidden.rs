//! What a field's read rule hides cannot be learned in a roundabout way.

use serde_json::json;
use testkit::{App, Client};

use crate::support::Shared;

static CLUB: Shared = Shared::new(|| {
    let app = App::start(CONTRACT);
    let admin = app.admin();
    for name in ["Ann", "Bob"] {
        admin
            .post("/v1/members", &json!({"name": name}))
            .expect(201);
    }
    for (path, body) in [
        ("/v1/letters", json!({"text": "x", "sender_id": 1})),
        ("/v1/gifts", json!({"open": false, "giver_id": 1})),
        ("/v1/gifts", json!({"open": true, "giver_id": 1})),
    ] {
        admin.post(path, &body).expect(201);
    }
    app
});

const CONTRACT: &str = "
frontdesk: 1
name: club
auth: {api_keys: true}
rules: {staff: user.role == 'staff'}
resources:
  Member:
    id: integer
    fields: {name: {type: string, index: true}}
    lists: {letters: Letter.sender, gifts: Gift.giver, posts: Post.writer}
    access: {read: public, write: public}
  File:
    id: integer
    fields:
      title: string
      aside?: {type: string, access: {read: staff}}
    access: {read: public, write: public}
  Letter:
    id: integer
    fields:
      text:    string
      sender?: {type: Member, access: {read: staff}}
    access: {read: public, write: public}
  Gift:
    id: integer
    fields:
      open:   {type: boolean, default: false}
      giver?: {type: Member, access: {read: this.open || staff}}
    access: {read: public, write: public}
  Vote:
    id: integer
    fields:
      text:  string
      voter: {type: string, set: =user.id, access: {read: staff}}
      weight: {type: integer, default: 7, readOnly: true, access: {read: this.text == 'open' || staff}}
      pin?:  {type: string, writeOnly: true, immutable: true}
    access: {read: public, write: signed_in}
  Post:
    id: integer
    fields:
      text:   string
      writer: {type: Member, set: =user.id}
    access: {read: public, create: signed_in}
";

#[test]
fn a_hidden_relation_is_not_followed() {
    let app = CLUB.get();
    let key = app.key().all_scopes().client();
    let staff = app.key().all_scopes().claim("role", "staff").client();
    let letter = |client: &Client| {
        client
            .get("/v1/letters/1?include=sender")
            .expect(200)
            .json()
    };
    assert_eq!(letter(&staff)["sender"]["name"], "Ann");
    for client in [&**app, &key] {
        let seen = letter(client);
        assert_eq!(
            (seen.get("sender_id"), &seen["sender"]),
            (None, &json!(null))
        );
        let list = client
            .get("/v1/letters?include=sender&fields=sender.name")
            .expect(200);
        assert_eq!(list.items(), [json!({"sender": null})]);
        let gifts = client
            .get("/v1/gifts?include=giver&fields=id,giver_id,giver.name")
            .expect(200);
        assert_eq!(
            gifts.items(),
            [
                json!({"id": 1, "giver": null}),
                json!({"id": 2, "giver_id": 1, "giver": {"name": "Ann"}})
            ]
        );
    }
    let gifts = staff.get("/v1/gifts?fields=giver.name").expect(200);
    assert_eq!(
        gifts.items(),
        [
            json!({"giver": {"name": "Ann"}}),
            json!({"giver": {"name": "Ann"}})
        ]
    );
}

#[test]
fn the_other_side_of_a_hidden_relation_is_closed_too() {
    let app = CLUB.get();
    let key = app.key().all_scopes().client();
    let staff = app.key().all_scopes().claim("role", "staff").client();
    for (target, rule) in [
        ("/v1/members/1/letters", "staff"),
        ("/v1/members/1?include=letters", "staff"),
        ("/v1/members?include=letters", "staff"),
        ("/v1/letters?sender_id=1", "staff"),
        ("/v1/letters?sender.name=Ann", "staff"),
        ("/v1/letters?sort=sender_id", "staff"),
        ("/v1/members/1/gifts", "this.open || staff"),
        ("/v1/members/1?include=gifts", "this.open || staff"),
        ("/v1/gifts?giver_id=1", "this.open || staff"),
    ] {
        staff.get(target).expect(200);
        let refused = key.get(target).expect(403);
        assert_eq!(refused.code(), "forbidden", "{target}");
        assert_eq!(refused.json()["rule"], rule, "{target}");
        app.get(target).expect(401);
    }
}

#[test]
fn what_the_server_fills_in_is_not_taken_from_the_path() {
    let app = CLUB.get();
    let ann = app.key().all_scopes().user("1").client();
    let own = ann
        .post("/v1/members/1/posts", &json!({"text": "x"}))
        .expect(201);
    assert_eq!(own.json()["writer_id"], 1);
    let refused = ann
        .post("/v1/members/2/posts", &json!({"text": "x"}))
        .expect(422);
    assert_eq!(refused.faults(), ["/writer_id conflicts_with_path"]);
    let refused = ann
        .post("/v1/posts", &json!({"text": "x", "writer_id": 2}))
        .expect(422);
    assert_eq!(refused.faults(), ["/writer_id read_only"]);
    assert_eq!(app.get("/v1/members/2/posts?total=true").json()["total"], 0);
}

/// A read-only member may be sent back as it was read, which must not become a way of guessing.
#[test]
fn a_hidden_value_cannot_be_guessed_by_sending_it() {
    let app = CLUB.get();
    let ann = app.key().all_scopes().user("ann").client();
    let bob = app.key().all_scopes().user("bob").client();
    let staff = app
        .key()
        .all_scopes()
        .user("sam")
        .claim("role", "staff")
        .client();
    let made = ann
        .post("/v1/votes", &json!({"text": "x", "pin": "1234"}))
        .expect(201);
    let path = made.header("location").unwrap();
    for (member, right, wrong, code) in [
        ("voter", json!("ann"), json!("eve"), "read_only"),
        ("weight", json!(7), json!(8), "read_only"),
        ("pin", json!("1234"), json!("4321"), "immutable"),
    ] {
        for method in ["PATCH", "PUT"] {
            let send = |value: &serde_json::Value| {
                let body = json!({"text": "x", member: value});
                let refused = bob.request(method, &path).json(&body).send().expect(422);
                assert_eq!(refused.faults(), [format!("/{member} {code}")]);
                refused.text().replace(&value.to_string(), "VALUE")
            };
            assert_eq!(send(&right), send(&wrong), "{method} {member}");
        }
    }
    let add = bob.request("PATCH", &path);
    let add = add.body(
        "application/json-patch+json",
        r#"[{"op":"add","path":"/voter","value":"ann"}]"#,
    );
    assert_eq!(add.send().expect(422).faults(), ["/voter read_only"]);

    // Who sees it may send it back.
    let seen = staff.get(&path).expect(200).json();
    assert_eq!(
        (&seen["voter"], &seen["weight"]),
        (&json!("ann"), &json!(7))
    );
    staff.put(&path, &seen).expect(200);
    ann.patch(&path, &json!({"text": "open"})).expect(200);
    let seen = bob.get(&path).expect(200).json();
    assert_eq!((seen.get("voter"), &seen["weight"]), (None, &json!(7)));
    bob.put(&path, &seen).expect(200);
}

#[test]
fn what_a_put_could_not_see_it_does_not_clear() {
    let app = CLUB.get();
    let staff = app.key().all_scopes().claim("role", "staff").client();
    let made = json!({"title": "a", "aside": "keep"});
    let path = staff.post("/v1/files", &made).expect(201);
    let path = path.header("location").unwrap();
    let mut seen = app.get(&path).expect(200).json();
    assert_eq!(seen.get("aside"), None);
    seen["title"] = json!("b");
    app.put(&path, &seen).expect(200);
    let now = staff.get(&path).expect(200).json();
    assert_eq!(
        (&now["title"], &now["aside"]),
        (&json!("b"), &json!("keep"))
    );
    // Whoever sees it clears it by leaving it out.
    staff.put(&path, &json!({"title": "c"})).expect(200);
    assert_eq!(staff.get(&path).json()["aside"], json!(null));
}

#[test]
fn a_reference_tells_that_a_record_is_there_and_nothing_else() {
    let app = App::start(
        "
frontdesk: 1
name: jobs
auth: {api_keys: true}
rules: {staff: user.role == 'staff'}
resources:
  Team:
    id: integer
    fields: {name: {type: string, index: true}, open: {type: boolean, default: false}}
    lists: {jobs: Job.team}
    access: {read: this.open || staff, write: staff}
  Vault:
    id: integer
    audience: private
    fields: {code: {type: string, index: true}}
    access: {read: public}
  Job:
    id: integer
    fields: {title: string, team: Team, vault?: Vault}
    access: {read: public, write: public}
  Task:
    id: integer
    fields: {team: Team}
    access: {read: public, create: this.team.open, update: this.team.open}
  Plan:
    id: integer
    fields: {team: {type: Team, access: {read: staff}}}
    access: {read: public, create: public}
",
    );
    let admin = app.admin();
    for (path, body) in [
        ("/v1/teams", json!({"name": "dark"})),
        ("/v1/teams", json!({"name": "bright", "open": true})),
        ("/v1/vaults", json!({"code": "1234"})),
    ] {
        admin.post(path, &body).expect(201);
    }
    // Whether there is such a record is told, as for a value that is taken.
    let job = |team: i64| {
        app.post(
            "/v1/jobs",
            &json!({"title": "x", "team_id": team, "vault_id": 1}),
        )
    };
    let made = job(1).expect(201).json();
    assert_eq!(
        (&made["team_id"], &made["vault_id"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(job(7).expect(409).faults(), ["/team_id unknown_reference"]);
    // What is in it is not.
    let seen = app.get("/v1/jobs/1?include=team").expect(200).json();
    assert_eq!((&seen["team_id"], &seen["team"]), (&json!(1), &json!(null)));
    app.get("/v1/teams/1").expect(404);
    app.get("/v1/teams/1/jobs").expect(404);
    let found = app.get("/v1/jobs?team.name=dark").expect(200);
    assert!(found.items().is_empty(), "{found:?}");
    app.get("/v1/jobs/1?include=vault").expect(400);
    app.get("/v1/jobs?vault.code=1234").expect(400);
    // Where a rule says what may be referred to, what is hidden and what is not there are one.
    let refused = |team: i64| {
        app.post("/v1/tasks", &json!({"team_id": team}))
            .expect(401)
            .text()
            .to_owned()
    };
    assert_eq!(refused(1), refused(7));
    let task = app.post("/v1/tasks", &json!({"team_id": 2})).expect(201);
    let path = task.header("location").unwrap();
    let moved = |team: i64| {
        app.patch(&path, &json!({"team_id": team}))
            .expect(401)
            .code()
    };
    assert_eq!(moved(1), moved(7));
    // The id itself can be kept from those whom it does not concern.
    let plan = app
        .post("/v1/plans", &json!({"team_id": 1}))
        .expect(201)
        .json();
    assert_eq!(plan.get("team_id"), None);
    app.get("/v1/plans?team_id=1").expect(401);
}
