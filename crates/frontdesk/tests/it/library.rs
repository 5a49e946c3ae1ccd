//! The library: another model takes the place of the one being served.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use frontdesk::{Error, MasterKey};
use serde_json::json;
use testkit::App;

fn notes(more: &str) -> String {
    format!(
        "frontdesk: 1\nname: notes\nresources:\n  Note:\n    fields:\n      text: string\n{more}    access: {{read: public, write: signed_in}}\n"
    )
}

#[test]
fn no_request_notices_that_the_contract_is_replaced() {
    let app = App::start(&notes(""));
    app.admin()
        .post("/v1/notes", &json!({"text": "a"}))
        .expect(201);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let asking: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let mut asked = 0;
                    while !done.load(Ordering::Relaxed) {
                        assert_eq!(app.get("/v1/notes").expect(200).items()[0]["text"], "a");
                        asked += 1;
                    }
                    asked
                })
            })
            .collect();
        let mut fields = String::new();
        for number in 0..10 {
            fields.push_str(&format!("      more_{number}?: string\n"));
            app.swap(&notes(&fields)).unwrap();
            let note = &app.get("/v1/notes").items()[0];
            assert!(note.get(format!("more_{number}")).is_some(), "{note}");
        }
        done.store(true, Ordering::Relaxed);
        for thread in asking {
            assert!(thread.join().unwrap() > 0);
        }
    });
}

#[test]
fn what_cannot_be_served_changes_nothing() {
    let app = App::start(&notes("      extra?: string\n"));
    app.admin()
        .post("/v1/notes", &json!({"text": "a", "extra": "b"}))
        .expect(201);
    let broken = app.swap(&notes("      extra?: strin\n"));
    assert!(matches!(broken, Err(Error::Contract(_))), "{broken:?}");
    let vanished = app.swap(&notes(""));
    assert!(matches!(vanished, Err(Error::Refused(_))), "{vanished:?}");
    let removed = app.swap(&notes("").replace("  Note:\n", "  Note:\n    removed: [extra]\n"));
    assert!(matches!(removed, Err(Error::Pending(_))), "{removed:?}");
    assert_eq!(app.get("/v1/notes").items()[0]["extra"], "b");
}

#[test]
fn cursors_survive_a_restart() {
    let app = App::start(&notes(""));
    let admin = app.admin();
    for text in ["a", "b", "c"] {
        admin.post("/v1/notes", &json!({"text": text})).expect(201);
    }
    let cursor = app.get("/v1/notes?limit=1").json()["next_cursor"]
        .as_str()
        .unwrap()
        .to_owned();
    let vault = app.inner().vault().unwrap().unwrap();
    let again = frontdesk::App::builder(app.folder())
        .database(app.target())
        .master_key(MasterKey::Given(vault.clone()));
    let again = app.wait(again.open()).unwrap();
    let secret = app
        .wait(again.database().key("cursor", Some(&vault)))
        .unwrap();
    assert_eq!(
        app.wait(app.inner().database().key("cursor", Some(&vault)))
            .unwrap(),
        secret
    );
    app.swap(&notes("      more?: string\n")).unwrap();
    let next = app.get(&format!("/v1/notes?limit=1&cursor={cursor}"));
    assert_eq!(next.expect(200).items()[0]["text"], "b");
}

#[test]
fn the_bookstore_is_read_as_its_readme_says() {
    let app = App::example("bookstore");
    assert_eq!(app.get("/v1/authors").expect(200).items().len(), 3);
    assert_eq!(app.get("/v1/books").expect(200).items().len(), 12);
    assert_eq!(app.get("/v1/reviews").expect(200).items().len(), 6);
    let titles = |target: &str| -> Vec<String> {
        let items = app.get(target).expect(200).items();
        items
            .iter()
            .map(|item| item["title"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        titles("/v1/books?sort=-published&limit=3")[0],
        "Designing Data-Intensive Applications"
    );
    assert_eq!(
        titles("/v1/books?published[lt]=1970-01-01&q=hand"),
        ["The Left Hand of Darkness"]
    );
    assert_eq!(
        titles("/v1/books?author.name=Stanis%C5%82aw%20Lem").len(),
        5
    );
    let book = app
        .get("/v1/books/2?include=author,reviews")
        .expect(200)
        .json();
    assert_eq!(book["author"]["name"], "Ursula K. Le Guin");
    assert_eq!(book["reviews"]["items"].as_array().unwrap().len(), 2);
    assert_eq!(book["rating"], 4.5);
    let kept = |target: &str| app.get(target).expect(200).header("cache-control");
    assert_eq!(kept("/v1/authors").as_deref(), Some("max-age=300"));
    assert_eq!(kept("/v1/books").as_deref(), Some("private, no-cache"));
    let few = app
        .get("/v1/authors/2/books?fields=id,title")
        .expect(200)
        .items();
    assert_eq!(few[0], json!({"id": 6, "title": "Solaris"}));
}

#[test]
fn the_bookstore_is_written_as_its_readme_says() {
    let app = App::example("bookstore");
    let body =
        json!({"title": "Designing Data-Intensive Applications", "price": 3800, "currency": "JPY"});
    app.post("/v1/books", &body).expect(401);
    let reader = app.key().scope("books.read").client();
    assert_eq!(
        reader.post("/v1/books", &body).expect(403).code(),
        "insufficient_scope"
    );
    let shop = app.key().scope("books.write").client();
    let faulty = shop
        .post("/v1/books", &json!({"title": "", "currency": "yen"}))
        .expect(422);
    assert_eq!(faulty.faults().len(), 3, "{faulty:?}");

    let made = shop.post("/v1/books", &body).expect(201);
    assert_eq!(made.header("location").as_deref(), Some("/v1/books/43"));
    assert_eq!(made.json()["id"], 43);
    assert!(made.json()["created_at"].is_string());

    let patch = |tag: &str, body: &str| {
        let call = shop
            .request("PATCH", "/v1/books/43")
            .header("if-match", tag);
        call.body("application/merge-patch+json", body).send()
    };
    let changed = patch(&made.etag(), "{\"price\": 3500}").expect(200);
    assert_eq!(changed.json()["price"], 3500);
    patch(&made.etag(), "{\"price\": 1}").expect(412);
    shop.delete("/v1/books/43").expect(204);
    shop.get("/v1/books/43").expect(404);
    shop.delete("/v1/books/42").expect(204);
    assert_eq!(
        shop.delete("/v1/books/2").expect(409).code(),
        "still_referenced"
    );
}

#[test]
fn the_bookstore_s_reviews_belong_to_their_writers() {
    let app = App::example("bookstore");
    let key = |user: &str| app.key().scope("reviews.write").user(user).client();
    let (dan, bob) = (key("dan"), key("bob"));
    let review = json!({"book_id": 42, "stars": 5});
    let made = dan.post("/v1/reviews", &review).expect(201);
    assert_eq!(made.json()["reviewer"], "dan");
    assert_eq!(
        dan.post("/v1/reviews", &review).expect(409).code(),
        "already_exists"
    );
    let path = made.header("location").unwrap();
    let refused = bob.patch(&path, &json!({"stars": 1})).expect(403);
    assert_eq!(refused.json()["rule"], "mine");
    dan.patch(&path, &json!({"stars": 4})).expect(200);
    bob.delete(&path).expect(403);
    dan.delete(&path).expect(204);
}

#[test]
fn in_development_a_refusal_says_which_parts_of_the_rule_held() {
    let contract = "
frontdesk: 1
name: notes
resources:
  Note:
    id: integer
    fields:
      text: string
      owner?: {type: string}
      price?: {type: integer, access: {write: user.role == 'boss'}}
    rules: {mine: this.owner == user.id}
    access: {read: public, create: mine, update: mine || user.role == 'staff', delete: mine}
";
    let build = || App::builder().file(frontdesk::FILE, contract);
    let app = build().development().start();
    let admin = app.admin();
    let bobs = json!({"text": "a", "owner": "bob"});
    admin.post("/v1/notes", &bobs).expect(201);
    let key = |app: &App, user: &str| app.key().user(user).all_scopes().client();
    let ann = key(&app, "ann");
    let said = |answer: testkit::Answer| {
        let lines = answer.expect(403).json()["explanation"].clone();
        let lines = lines.as_array().expect("an explanation").iter();
        let lines: Vec<&str> = lines.map(|line| line.as_str().unwrap()).collect();
        lines.join("\n")
    };
    let bob = key(&app, "bob");
    let cases = [
        (
            ann.patch("/v1/notes/1", &json!({"text": "b"})),
            "caller: user ann
no  mine || user.role == 'staff'
  no  mine
    no  this.owner == user.id   (this.owner is 'bob', user.id is 'ann')
  no  user.role == 'staff'   (the caller has no `role`)",
        ),
        (
            ann.delete("/v1/notes/1"),
            "caller: user ann
no  mine
  no  this.owner == user.id   (this.owner is 'bob', user.id is 'ann')",
        ),
        // There is no record yet but the one that it would be.
        (
            ann.post("/v1/notes", &bobs),
            "caller: user ann
no  mine
  no  this.owner == user.id   (this.owner is 'bob', user.id is 'ann')",
        ),
        // The rule must hold before and after.
        (
            bob.patch("/v1/notes/1", &json!({"owner": "ann"})),
            "caller: user bob
yes mine || user.role == 'staff'
  yes mine
    yes this.owner == user.id   (this.owner is 'bob', user.id is 'bob')
  no  user.role == 'staff'   (the caller has no `role`)
so it holds for the record as it is, but not as it would become:
no  mine || user.role == 'staff'
  no  mine
    no  this.owner == user.id   (this.owner is 'ann', user.id is 'bob')
  no  user.role == 'staff'   (the caller has no `role`)",
        ),
        // A field's own rule.
        (
            bob.patch("/v1/notes/1", &json!({"price": 1})),
            "caller: user bob
no  user.role == 'boss'   (the caller has no `role`)",
        ),
    ];
    for (answer, expected) in cases {
        assert_eq!(said(answer), expected);
    }

    // Nobody else is told.
    let app = build().start();
    app.admin().post("/v1/notes", &bobs).expect(201);
    let refused = key(&app, "ann").delete("/v1/notes/1").expect(403).json();
    assert_eq!(refused["rule"], "mine");
    assert!(refused.get("explanation").is_none(), "{refused}");
}

#[test]
fn a_refused_create_is_explained_with_the_record_that_it_would_make() {
    let app = App::builder()
        .file(
            frontdesk::FILE,
            "\
frontdesk: 1
name: tracker
resources:
  Repo:
    id: integer
    key: [owner, name]
    fields: {owner: string, name: string, stars?: {type: integer, access: {write: this.name == 'big'}}}
    rules: {owned: this.owner == user.id}
    access: {read: public, create: owned, update: this.owner == 'all', delete: nobody}
  Issue:
    id: integer
    within: Repo
    fields: {repo: Repo, title: string}
    access: {read: public, create: this.repo.owned}
",
        )
        .development()
        .start();
    let bob = app.key().user("bob").all_scopes().client();
    let bobs = json!({"owner": "bob", "name": "p"});
    bob.post("/v1/repos", &bobs).expect(201);
    let nobody = app.key().all_scopes().client();
    let ann = app.key().user("ann").all_scopes().client();
    let owned = "caller: user ann
no  owned
no  this.owner == user.id   (this.owner is 'bob', user.id is 'ann')";
    let starred = json!({"owner": "ann", "name": "small", "stars": 1});
    for (answer, expected) in [
        (
            ann.post("/v1/repos", &json!({"owner": "bob", "name": "q"})),
            owned,
        ),
        // The rule for creating is what a PUT to what is not there is held against.
        (
            ann.request("PUT", "/v1/repos/bob/q")
                .header("if-none-match", "*")
                .json(&json!({"owner": "bob", "name": "q"}))
                .send(),
            owned,
        ),
        (
            ann.put("/v1/repos/bob/p", &bobs),
            "caller: user ann
no  this.owner == 'all'   (this.owner is 'bob')",
        ),
        // Asked in the database.
        (
            ann.post("/v1/repos/bob/p/issues", &json!({"title": "a"})),
            "caller: user ann
no  this.repo.owned
no  this.owner == user.id   (this.owner is 'bob', user.id is 'ann')",
        ),
        // A field's own rule.
        (
            ann.post("/v1/repos", &starred),
            "caller: user ann
no  this.name == 'big'   (this.name is 'small')",
        ),
        // Refused before the record was looked at.
        (
            nobody.post("/v1/repos", &bobs),
            "no  owned   (the caller has no id of this kind)",
        ),
    ] {
        let lines = answer.expect(403).json()["explanation"].clone();
        let lines = lines.as_array().expect("an explanation").iter();
        let lines: Vec<&str> = lines.map(|line| line.as_str().unwrap().trim()).collect();
        assert!(
            lines.join("\n").ends_with(expected),
            "{lines:#?}\n{expected}"
        );
    }
}
