//! The example that textbooks begin with, to the letter, as `examples/bookstore` serves it.

use serde_json::{Value as Json, json};
use testkit::App;

use crate::support::{Shared, each, ids, members};

static BOOKSTORE: Shared = Shared::new(|| App::example("bookstore"));

fn textbook() -> Json {
    json!({"title": "Designing Data-Intensive Applications", "price": 3800, "currency": "JPY"})
}

#[test]
fn a_book_is_created_read_changed_and_deleted() {
    let app = BOOKSTORE.get();
    let writer = app.key().scope("books.write").client();

    let made = writer.post("/v1/books", &textbook()).expect(201);
    let book = made.json();
    let id = book["id"].as_i64().expect("an integer id");
    let path = format!("/v1/books/{id}");
    assert_eq!(made.header("location").unwrap(), path);
    for (name, value) in textbook().as_object().unwrap() {
        assert_eq!(&book[name], value, "{name}");
    }
    assert!(book["created_at"].as_str().unwrap().ends_with('Z'));

    let read = app.get(&path).expect(200);
    assert_eq!(read.json(), book);
    assert_eq!(read.etag(), made.etag());

    let put = json!({"title": "DDIA", "price": 4200, "currency": "JPY", "isbn": "9780000000002"});
    let put = writer.put(&path, &put).expect(200).json();
    assert_eq!(
        (&put["title"], &put["price"]),
        (&json!("DDIA"), &json!(4200))
    );
    let patched = writer
        .patch(&path, &json!({"price": 3500}))
        .expect(200)
        .json();
    assert_eq!(
        (&patched["title"], &patched["price"]),
        (&json!("DDIA"), &json!(3500))
    );
    assert_eq!(app.get(&path).expect(200).json(), patched);

    let deleted = writer.delete(&path).expect(204);
    assert_eq!(deleted.body, b"");
    assert_eq!(app.get(&path).expect(404).code(), "not_found");
    assert_eq!(writer.delete(&path).expect(404).code(), "not_found");
}

#[test]
fn writing_takes_a_key_with_the_scope() {
    let app = BOOKSTORE.get();
    let other = app.key().scope("reviews.write").client();
    for (method, path, body) in [
        ("POST", "/v1/books", Some(textbook())),
        ("PUT", "/v1/books/1", Some(textbook())),
        ("PATCH", "/v1/books/1", Some(json!({"price": 1}))),
        ("DELETE", "/v1/books/1", None),
    ] {
        let call = |client: &testkit::Client| {
            let request = client.request(method, path);
            match &body {
                Some(body) => request.json(body).send(),
                None => request.send(),
            }
        };
        let refused = call(&app).expect(401);
        assert_eq!(
            refused.header("www-authenticate").unwrap(),
            "Bearer realm=\"bookstore\"",
            "{method}"
        );
        let refused = call(&other).expect(403);
        assert_eq!(refused.code(), "insufficient_scope", "{method}");
        assert_eq!(refused.json()["scope"], "books.write", "{method}");
    }
    assert_ne!(app.get("/v1/books/1").expect(200).json()["price"], 1);
}

#[test]
fn everybody_may_look_around() {
    let app = BOOKSTORE.get();
    let list = app.get("/v1/books?q=darkness&include=author").expect(200);
    assert_eq!(each(&list, "title"), ["The Left Hand of Darkness"]);
    assert_eq!(list.items()[0]["author"]["name"], "Ursula K. Le Guin");
    assert_eq!(
        members(&list.items()[0]),
        [
            "id",
            "title",
            "author_id",
            "isbn",
            "price",
            "currency",
            "published",
            "rating",
            "created_at",
            "updated_at",
            "author"
        ]
    );
    let author = list.items()[0]["author_id"].clone();
    let of_author = app.get(&format!("/v1/authors/{author}/books")).expect(200);
    assert!(ids(&of_author).contains(&list.items()[0]["id"].as_i64().unwrap()));
    app.get("/v1/authors").expect(200);
    app.get("/v1/reviews").expect(200);
}

#[test]
fn what_the_contract_says_of_a_book_is_held() {
    let app = BOOKSTORE.get();
    let writer = app.key().scope("books.write").client();
    for (body, faults) in [
        (
            json!({}),
            vec!["/title required", "/price required", "/currency required"],
        ),
        (
            json!({"title": "", "price": -1, "currency": "yen"}),
            vec![
                "/title too_short",
                "/price too_small",
                "/currency pattern_mismatch",
            ],
        ),
        (
            json!({"title": "x", "price": 1.5, "currency": "JPY"}),
            vec!["/price wrong_type"],
        ),
        (
            json!({"title": "x", "price": 1, "currency": "JPY", "isbn": "1"}),
            vec!["/isbn pattern_mismatch"],
        ),
        (
            json!({"title": "x", "price": 1, "currency": "JPY", "rating": 5}),
            vec!["/rating read_only"],
        ),
    ] {
        let refused = writer.post("/v1/books", &body).expect(422);
        assert_eq!(refused.faults(), faults, "{body}");
    }
}

#[test]
fn a_review_belongs_to_the_user_who_wrote_it() {
    let app = BOOKSTORE.get();
    let shop = app.key().scope("books.write").client();
    let book = shop.post("/v1/books", &textbook()).expect(201).json()["id"].clone();
    let ann = app.key().scope("reviews.write").user("ann").client();
    let bob = app.key().scope("reviews.write").user("bob").client();

    let review = json!({"book_id": book, "stars": 5});
    let made = ann.post("/v1/reviews", &review).expect(201);
    let path = made.header("location").unwrap();
    let twice = ann.post("/v1/reviews", &review).expect(409);
    assert_eq!(twice.code(), "already_exists");
    bob.post("/v1/reviews", &json!({"book_id": book, "stars": 2}))
        .expect(201);

    let refused = bob.patch(&path, &json!({"stars": 1})).expect(403);
    assert_eq!(
        (&*refused.code(), &refused.json()["rule"]),
        ("forbidden", &json!("mine"))
    );
    assert_eq!(
        ann.patch(&path, &json!({"stars": 4})).expect(200).json()["stars"],
        4
    );
    let moved = ann.patch(&path, &json!({"book_id": 1})).expect(422);
    assert_eq!(moved.faults(), ["/book_id immutable"]);

    let rating = app.get(&format!("/v1/books/{book}")).expect(200).json()["rating"].clone();
    assert_eq!(rating, 3.0);
    let kept = shop.delete(&format!("/v1/books/{book}")).expect(409);
    assert_eq!(kept.code(), "still_referenced");
}
