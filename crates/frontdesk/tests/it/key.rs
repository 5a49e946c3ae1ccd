//! `key`: made once, shown once, ended for good.

use serde_json::{Value as Json, json};
use testkit::eventually;

use crate::support::{LIBRARY, contract, folder, on_sqlite, run, serve};

#[test]
fn keys_are_made_listed_and_revoked_while_a_server_runs() {
    let place = contract(LIBRARY);
    let process = serve(place.path(), &[]);
    let guest = process.client();
    guest
        .post("/v1/books", &json!({"title": "Dune"}))
        .expect(401);

    let arguments = [
        "key",
        "create",
        "shop",
        "--scope",
        "books.write",
        "--scope",
        "books.read",
        "--user",
        "ann",
        "--json",
    ];
    let made: Json = serde_json::from_str(&run(place.path(), &arguments).expect(0).stdout).unwrap();
    assert_eq!(made["scopes"], json!(["books.read", "books.write"]));
    let shop = guest.with_key(made["key"].as_str().unwrap());
    let book = shop
        .post("/v1/books", &json!({"title": "Dune"}))
        .expect(201)
        .json();
    assert_eq!(book["owner"], "ann");
    assert_eq!(
        shop.post("/v1/authors", &json!({"name": "x"}))
            .expect(403)
            .code(),
        "insufficient_scope"
    );

    let id = made["id"].as_str().unwrap();
    let listed: Json = serde_json::from_str(
        &run(place.path(), &["key", "list", "--json"])
            .expect(0)
            .stdout,
    )
    .unwrap();
    assert_eq!(listed["keys"][0]["id"], id);
    assert_eq!(listed["keys"][0]["user"], "ann");
    assert!(
        !listed.to_string().contains(made["key"].as_str().unwrap()),
        "a secret is listed"
    );

    run(place.path(), &["key", "revoke", id]).expect(0);
    eventually("the revocation", || {
        let answer = shop.post("/v1/books", &json!({"title": "Dune"}));
        (answer.status == 401).then_some(())
    });
    run(place.path(), &["key", "revoke", id]).expect(1);
    let listed = run(place.path(), &["key", "list"]).expect(0);
    assert!(listed.stdout.contains("revoked"), "{}", listed.stdout);
}

#[test]
fn claims_and_administrators() {
    let place = contract(LIBRARY);
    let process = serve(place.path(), &[]);
    let key = |more: &[&str]| {
        let mut arguments = vec!["key", "create", "k"];
        arguments.extend(more);
        process
            .client()
            .with_key(run(place.path(), &arguments).expect(0).stdout.trim())
    };
    let author = json!({"name": "Lem"});
    let reader = key(&["--scope", "authors.write", "--claim", "role=reader"]);
    assert_eq!(
        reader.post("/v1/authors", &author).expect(403).json()["rule"],
        "staff"
    );
    key(&["--scope", "authors.write", "--claim", "role=staff"])
        .post("/v1/authors", &author)
        .expect(201);
    key(&["--admin"]).post("/v1/authors", &author).expect(201);
}

#[test]
fn the_key_alone_is_on_the_standard_output() {
    let place = contract(LIBRARY);
    // Nothing has served this contract yet: the tables are made on the way.
    let made = run(
        place.path(),
        &["key", "create", "k", "--scope", "books.read"],
    )
    .expect(0);
    assert!(
        made.stdout.starts_with("fdk_live_") && made.stdout.lines().count() == 1,
        "{}",
        made.stdout
    );
    assert!(made.stderr.contains("shown this once"), "{}", made.stderr);
}

#[test]
fn wishes_are_checked() {
    let place = contract(LIBRARY);
    let wrong = run(
        place.path(),
        &["key", "create", "k", "--scope", "book.read"],
    )
    .expect(1);
    assert!(
        wrong.stderr.contains("did you mean `books.read`?"),
        "{}",
        wrong.stderr
    );
    let wrong = run(
        place.path(),
        &["key", "create", "k", "--admin", "--claim", "id=7"],
    )
    .expect(2);
    assert!(wrong.stderr.contains("--user"), "{}", wrong.stderr);
    let bare = run(place.path(), &["key", "create", "k"]).expect(0);
    assert!(bare.stderr.contains("warning"), "{}", bare.stderr);
}

#[test]
fn data_alone_is_enough_to_manage_keys() {
    if !on_sqlite() {
        return;
    }
    let place = contract(LIBRARY);
    run(place.path(), &["key", "create", "k", "--admin"]).expect(0);
    let data = place.path().join(".frontdesk");
    let elsewhere = folder(&[]);
    let data = data.to_str().unwrap();
    let listed = run(elsewhere.path(), &["key", "list", "--data", data]).expect(0);
    assert!(listed.stdout.contains("admin"), "{}", listed.stdout);
    run(
        elsewhere.path(),
        &["key", "create", "l", "--scope", "anything", "--data", data],
    )
    .expect(0);
    let none = run(elsewhere.path(), &["key", "list", "--data", "nowhere"]).expect(1);
    assert!(none.stderr.contains("no database"), "{}", none.stderr);
    assert!(!elsewhere.path().join("nowhere").exists());
}

#[test]
fn keys_have_an_audience_and_an_end() {
    let place = contract(LIBRARY);
    let arguments =
        |more: &[&'static str]| [&["key", "create", "k", "--admin", "--json"], more].concat();
    let make = |more: &[&'static str]| -> Json {
        let made = run(place.path(), &arguments(more)).expect(0);
        serde_json::from_str(&made.stdout).unwrap()
    };
    let made = make(&["--audience", "partner", "--expires", "2999-01-01"]);
    assert_eq!(made["audience"], "partner");
    assert_eq!(made["expires_at"], "2999-01-01T00:00:00.000Z");
    let made = make(&["--expires", "90d"]);
    assert_eq!(made["audience"], "public");
    assert!(made["expires_at"].is_string());
    let listed = run(place.path(), &["key", "list"]).expect(0).stdout;
    assert!(
        listed.contains("partner  expires 2999-01-01T00:00:00.000Z"),
        "{listed}"
    );
    let listed = run(place.path(), &["key", "list", "--json"])
        .expect(0)
        .stdout;
    let listed: Json = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["keys"][1]["audience"], "partner");
    assert_eq!(listed["keys"][1]["last_used_at"], Json::Null);
    for (more, said) in [
        (["--audience", "friends"], "public, partner or private"),
        (["--expires", "soon"], "a time such as 90d"),
        (["--expires", "2001-01-01"], "could never be used"),
    ] {
        let refused = run(place.path(), &arguments(&more)).expect(2);
        assert!(refused.stderr.contains(said), "{}", refused.stderr);
    }
}

#[test]
fn tables_of_an_older_release_are_told_of() {
    if !crate::support::on_sqlite() {
        return;
    }
    let place = contract(LIBRARY);
    run(place.path(), &["key", "create", "k", "--admin"]).expect(0);
    crate::support::older_release(place.path());
    let refused = run(place.path(), &["key", "list"]).expect(1);
    assert!(
        refused.stderr.contains("frontdesk migrate apply"),
        "{}",
        refused.stderr
    );
    run(place.path(), &["migrate", "apply"]).expect(0);
    let listed = run(place.path(), &["key", "list"]).expect(0);
    assert!(listed.stdout.contains("admin"), "{}", listed.stdout);
}

#[test]
fn serve_warns_of_keys_that_dev_keeps_as_text() {
    let place = contract(LIBRARY);
    drop(crate::support::dev(place.path()));
    let server = crate::support::serve(place.path(), &[]);
    server.wait_for("a key that `dev` made");
    server.wait_for("dev-keys.json");
}

#[test]
fn a_claim_has_one_value() {
    let place = contract(LIBRARY);
    let wish = [
        "key", "create", "ann", "--claim", "role=a", "--claim", "role=b",
    ];
    let refused = run(place.path(), &wish).expect(2);
    assert!(refused.stderr.contains("given twice"), "{}", refused.stderr);
}

#[test]
fn what_a_key_says_of_its_caller_is_what_people_are() {
    let place = contract(
        "frontdesk: 1
name: club
auth: {users: Person}
rules: {staff: user.role == 'staff'}
resources:
  Person:
    id: integer
    fields:
      role: {enum: [reader, staff], default: reader, access: {write: staff}}
      secret?: {type: string, writeOnly: true}
    access: {read: staff}
",
    );
    let create = |more: &[&str]| {
        let arguments = [&["key", "create", "x", "--scope", "people.read"], more].concat();
        run(place.path(), &arguments)
    };
    create(&["--user", "7", "--claim", "role=staff"]).expect(0);
    for (more, said) in [
        (["--claim", "role=staf"], "did you mean staff?"),
        (["--claim", "rol=staff"], "did you mean `role`?"),
        (
            ["--claim", "tenant=a"],
            "known of callers are id, role, created_at, updated_at",
        ),
        (["--claim", "secret=a"], "no such field"),
        (["--user", "ann"], "`user.id` cannot be `ann`"),
    ] {
        let refused = create(&more).expect(1);
        assert!(
            refused.stderr.contains(said),
            "{more:?}: {}",
            refused.stderr
        );
    }
    let explain = |caller: &str| run(place.path(), &["explain", "Person", "list", "--as", caller]);
    explain("user=7,role=staff").expect(0);
    let refused = explain("user=7,rol=staff").expect(1);
    assert!(
        refused.stderr.contains("did you mean `role`?"),
        "{}",
        refused.stderr
    );
}
