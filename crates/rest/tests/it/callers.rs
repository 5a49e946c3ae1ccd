//! What `user` is where the contract says who people are: a record of theirs, with its types.

use serde_json::{Value as Json, json};
use testkit::{App, Client};

use crate::support::Shared;

static CLUB: Shared = Shared::new(|| App::start(CONTRACT));

const CONTRACT: &str = "
frontdesk: 1
name: club
auth: {users: Person}
rules:
  staff: user.role == 'staff'
  grown: user.age >= 18
resources:
  Team:
    id: integer
    fields: {name: string}
    access: {read: public, write: staff}
  Person:
    id: integer
    fields:
      name: string
      email?: {type: string, format: email, unique: true}
      role: {enum: [reader, staff], default: reader, access: {write: staff}}
      age?: {type: integer, access: {write: staff}}
      team?: {type: Team, access: {write: staff}}
      friend?: Person
    rules: {self: this.id == user.id}
    access: {read: signed_in, create: staff, update: self || staff}
  Note:
    id: integer
    fields:
      text: string
      author: {type: Person, set: =user.id}
      team?: {type: Team, set: =user.team_id}
      rough: {type: boolean, default: false}
    rules:
      mine: this.author_id == user.id
      ours: this.team_id == user.team_id
    access: {read: mine || ours || (this.rough && grown), create: signed_in, update: mine}
";

/// A person as the record says, and a client that acts for them.
fn person(app: &App, record: &Json) -> (Json, Client) {
    let made = app.admin().post("/v1/people", record).expect(201).json();
    let mut key = app.key().all_scopes().user(&made["id"].to_string());
    for claim in ["role", "age", "team_id"] {
        key = match &made[claim] {
            Json::Null => key,
            Json::String(text) => key.claim(claim, text),
            other => key.claim(claim, &other.to_string()),
        };
    }
    (made["id"].clone(), key.client())
}

#[test]
fn relations_to_people_are_filled_in_and_compared() {
    let app = CLUB.get();
    let team = app.admin().post("/v1/teams", &json!({"name": "red"}));
    let team = team.expect(201).json()["id"].clone();
    let (ann, as_ann) = person(&app, &json!({"name": "Ann", "team_id": team}));
    let (_, as_bob) = person(&app, &json!({"name": "Bob", "team_id": team}));
    let (_, as_eve) = person(&app, &json!({"name": "Eve"}));
    let made = as_ann.post("/v1/notes", &json!({"text": "hello"}));
    let note = made.expect(201).json();
    assert_eq!((&note["author_id"], &note["team_id"]), (&ann, &team));
    let path = format!("/v1/notes/{}", note["id"]);
    as_bob.get(&path).expect(200);
    as_bob.patch(&path, &json!({"text": "no"})).expect(403);
    as_ann.patch(&path, &json!({"text": "yes"})).expect(200);
    // No team is not the same team.
    let alone = as_eve.post("/v1/notes", &json!({"text": "alone"}));
    let alone = alone.expect(201).json();
    assert_eq!(alone["team_id"], Json::Null);
    as_eve.get(&path).expect(404);
    as_ann
        .get(&format!("/v1/notes/{}", alone["id"]))
        .expect(404);
    let with_author = as_ann.get(&format!("{path}?include=author")).expect(200);
    assert_eq!(with_author.json()["author"]["name"], "Ann");
}

#[test]
fn what_a_caller_is_known_by_has_the_type_of_the_field() {
    let app = CLUB.get();
    let team = app.admin().post("/v1/teams", &json!({"name": "blue"}));
    let team = team.expect(201).json()["id"].clone();
    let (_, writer) = person(&app, &json!({"name": "Wim", "team_id": team}));
    let made = writer.post("/v1/notes", &json!({"text": "rough", "rough": true}));
    let path = format!("/v1/notes/{}", made.expect(201).json()["id"]);
    for (age, status) in [
        (json!(9), 404),
        (json!(18), 200),
        (json!(110), 200),
        (Json::Null, 404),
    ] {
        let (_, reader) = person(&app, &json!({"name": "Reader", "age": age}));
        assert_eq!(reader.get(&path).status, status, "aged {age}");
    }
    // What is no number is no age, whoever was given it.
    let odd = app.key().all_scopes().claim("age", "old").client();
    odd.get(&path).expect(404);
}

#[test]
fn nobody_gives_themself_rights() {
    let app = CLUB.get();
    let (ann, as_ann) = person(&app, &json!({"name": "Ann"}));
    let (_, as_sam) = person(&app, &json!({"name": "Sam", "role": "staff"}));
    let path = format!("/v1/people/{ann}");
    as_ann.patch(&path, &json!({"name": "Anna"})).expect(200);
    as_ann.patch(&path, &json!({"role": "staff"})).expect(403);
    as_sam.patch(&path, &json!({"role": "staff"})).expect(200);
}

#[test]
fn an_address_is_not_taken_by_writing_it() {
    let app = CLUB.get();
    let sam = json!({"name": "Sam", "role": "staff"});
    let (_, as_sam) = person(&app, &sam);
    let ann = json!({"name": "Ann", "email": "ann@example.com"});
    let made = as_sam.post("/v1/people", &ann).expect(201).json();
    let as_ann = app.key().all_scopes().user(&made["id"].to_string());
    let as_ann = as_ann.client();
    let path = format!("/v1/people/{}", made["id"]);
    let bob = json!({"email": "bob@example.com"});
    for client in [&as_ann, &as_sam] {
        let refused = client.patch(&path, &bob).expect(403).json();
        assert_eq!(refused["rule"], "next.email == this.email");
        client.patch(&path, &json!({"email": null})).expect(403);
    }
    // What stays as it is is no change, and the operator decides about everything.
    let same = json!({"name": "Anna", "email": "ann@example.com"});
    as_ann.patch(&path, &same).expect(200);
    app.admin().patch(&path, &bob).expect(200);
}
