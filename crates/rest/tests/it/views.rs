//! Which part of a record is sent: sparse fields and included relations.

use serde_json::json;
use testkit::App;

use crate::support::{LIBRARY, ids, members, next};

#[track_caller]
fn refuses(app: &App, target: &str, expected: &[&str]) {
    let refused = app.get(target).expect(400);
    assert_eq!(refused.code(), "malformed", "{target}");
    assert_eq!(refused.faults(), expected, "{target}");
}

#[test]
fn only_the_fields_asked_for_are_sent() {
    let app = LIBRARY.get();
    let get = |query: &str| app.get(&format!("/v1/books/1?{query}")).expect(200).json();
    assert_eq!(get("fields=title"), json!({"title": "Dune"}));
    assert_eq!(
        get("fields=title,id,title"),
        json!({"id": 1, "title": "Dune"})
    );
    assert_eq!(get("fields=rating"), json!({"rating": 3.5}));
    assert_eq!(
        get("fields=id,author.name"),
        json!({"id": 1, "author": {"name": "Ann"}})
    );
    let both = get("fields=title&include=author");
    assert_eq!(members(&both), ["title", "author"]);
    assert_eq!(both["author"]["id"], 1);
    let list = app.get("/v1/books?fields=id,title&limit=2").expect(200);
    assert_eq!(
        list.json()["items"],
        json!([{"id": 1, "title": "Dune"}, {"id": 2, "title": "Dune Messiah"}])
    );
    // What is wrong is the value, not the parameter.
    let refused = app.get("/v1/books?fields=colour").expect(400).json();
    let detail = refused["detail"].as_str().unwrap();
    assert!(
        detail.starts_with("`fields`: Book has no field `colour`; it has id, title,")
            && !detail.contains("Did you mean"),
        "{detail}"
    );
    refuses(
        &app,
        "/v1/books/1?fields=colour,author.age,hidden",
        &["?fields unknown_field"; 3],
    );
    refuses(&app, "/v1/books/1?fields=", &["?fields invalid"]);
    refuses(&app, "/v1/books/1?fields=a..b", &["?fields invalid"]);
    refuses(
        &app,
        "/v1/books/1?fields[eq]=id",
        &["?fields[eq] unknown_parameter"],
    );
}

#[test]
fn a_relation_keeps_two_names() {
    let app = LIBRARY.get();
    let plain = app.get("/v1/books/1").expect(200).json();
    let with = app.get("/v1/books/1?include=author").expect(200).json();
    assert_eq!(plain["author_id"], 1);
    assert_eq!(plain.get("author"), None);
    assert_eq!(with["author_id"], 1);
    assert_eq!(with["author"], app.get("/v1/authors/1").json());
    let rest: Vec<&str> = members(&with)
        .into_iter()
        .filter(|name| *name != "author")
        .collect();
    assert_eq!(rest, members(&plain));
}

#[test]
fn what_may_not_be_seen_is_included_as_nothing() {
    let app = LIBRARY.get();
    let books = app.get("/v1/books?include=author&fields=id,author_id,author.name");
    assert_eq!(
        books.expect(200).json()["items"],
        json!([
            {"id": 1, "author_id": 1, "author": {"name": "Ann"}},
            {"id": 2, "author_id": 1, "author": {"name": "Ann"}},
            {"id": 3, "author_id": 2, "author": null},
            {"id": 4, "author_id": null, "author": null},
            {"id": 5, "author_id": null, "author": null},
        ])
    );
}

#[test]
fn an_included_list_is_a_page_that_goes_on_at_its_own_path() {
    let app = LIBRARY.get();
    let book = app.get("/v1/books/4?include=reviews").expect(200).json();
    let page = &book["reviews"];
    assert_eq!(members(page), ["items", "next_cursor"]);
    assert_eq!(page["items"].as_array().unwrap().len(), 50);
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = app
        .get(&format!("/v1/books/4/reviews?cursor={cursor}"))
        .expect(200);
    assert_eq!(rest.items().len(), 10);
    assert_eq!(next(&rest), None);
    let mut all: Vec<i64> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|review| review["id"].as_i64().unwrap())
        .collect();
    all.extend(ids(&rest));
    assert_eq!(all, ids(&app.get("/v1/books/4/reviews?limit=200")));

    let short = app
        .get("/v1/books/1?include=reviews&fields=reviews.stars")
        .expect(200);
    assert_eq!(
        short.json(),
        json!({"reviews": {"items": [{"stars": 5}, {"stars": 2}], "next_cursor": null}})
    );
    let none = app.get("/v1/books/5?include=reviews&fields=id").expect(200);
    assert_eq!(
        none.json(),
        json!({"id": 5, "reviews": {"items": [], "next_cursor": null}})
    );
}

#[test]
fn every_record_of_a_page_has_its_own_list_once() {
    let app = LIBRARY.get();
    // However many there are; the last one here has sixty.
    for query in [
        "",
        "id[in]=1,4",
        "id[in]=1,3,4",
        "id[in]=1,2,3,4",
        "sort=pages&id[ne]=1",
    ] {
        let list = app
            .get(&format!("/v1/books?{query}&include=reviews"))
            .expect(200);
        for book in list.items() {
            let own = app
                .get(&format!("/v1/books/{}/reviews", book["id"]))
                .expect(200);
            assert_eq!(book["reviews"], own.json(), "{query}: {}", book["id"]);
        }
    }
}

#[test]
fn relations_of_relations_are_included_and_no_further() {
    let app = LIBRARY.get();
    let author = app
        .get("/v1/authors/1?include=books.reviews")
        .expect(200)
        .json();
    let books = author["books"]["items"].as_array().unwrap();
    let stars: Vec<_> = books
        .iter()
        .map(|book| book["reviews"]["items"].clone())
        .collect();
    assert_eq!(
        (stars[0][0]["stars"].clone(), &stars[1]),
        (json!(5), &json!([]))
    );
    let review = app
        .get("/v1/reviews/1?include=book.author")
        .expect(200)
        .json();
    assert_eq!(review["book"]["author"]["name"], "Ann");
    // The hidden one stays hidden however one comes to it.
    let review = app
        .get("/v1/reviews/3?include=book.author")
        .expect(200)
        .json();
    assert_eq!(
        (&review["book"]["author_id"], &review["book"]["author"]),
        (&json!(2), &json!(null))
    );
    refuses(
        &app,
        "/v1/authors/1?include=books.reviews.book",
        &["?include too_deep"],
    );
    refuses(
        &app,
        "/v1/books/1?include=colour",
        &["?include unknown_relation"],
    );
    refuses(
        &app,
        "/v1/books/1?include=author_id",
        &["?include unknown_relation"],
    );
    refuses(
        &app,
        "/v1/books/1?include=author.colour",
        &["?include unknown_relation"],
    );
    refuses(&app, "/v1/books/1?include=", &["?include invalid"]);
}

#[test]
fn a_field_that_may_not_be_read_is_left_out_and_cannot_be_asked_about() {
    let app = LIBRARY.get();
    let staff = app.key().all_scopes().claim("role", "staff").client();
    let other = app.key().all_scopes().claim("role", "intern").client();
    assert_eq!(staff.get("/v1/books/1").expect(200).json()["cost"], 5);
    assert_eq!(
        other.get("/v1/books/1").expect(200).json().get("cost"),
        None
    );
    assert_eq!(
        app.get("/v1/books/1?fields=id,cost").expect(200).json(),
        json!({"id": 1})
    );
    let included = other.get("/v1/books/1?include=author").expect(200).json();
    assert_eq!(included["author"].get("phone"), None);

    for query in [
        "cost=5",
        "cost[gt]=1",
        "sort=cost",
        "sort=-title,cost",
        "author.phone=11",
    ] {
        let target = format!("/v1/books?{query}");
        staff.get(&target).expect(200);
        let refused = other.get(&target).expect(403);
        assert_eq!(refused.code(), "forbidden", "{query}");
        assert_eq!(refused.json()["rule"], "staff", "{query}");
        // Who has said nothing is asked who they are.
        app.get(&target).expect(401);
    }
    assert_eq!(ids(&staff.get("/v1/books?cost=5")), [1]);
    assert_eq!(ids(&staff.get("/v1/books?author.phone=11")), [1, 2]);
}

#[test]
fn views_of_one_record_are_told_apart_by_their_tags() {
    let app = LIBRARY.get();
    let tag = |query: &str| app.get(&format!("/v1/events/1{query}")).expect(200).etag();
    assert_ne!(tag(""), tag("?fields=id"));
    assert_ne!(tag("?fields=number"), tag("?fields=id"));
    assert_eq!(tag("?fields=id,number"), tag("?fields=number,id"));
    assert_eq!(tag(""), tag(""));
}

/// However many records there are: each list begins, and goes on at its own path.
#[test]
fn lists_of_long_lists_are_shorter_and_go_on() {
    let lines = |count: usize, record: fn(usize) -> serde_json::Value| -> String {
        (1..=count).map(|n| format!("{}\n", record(n))).collect()
    };
    let contract = "
frontdesk: 1
name: many
resources:
  Author:
    id: integer
    fields: {name: string}
    lists: {books: Book.author}
    access: {read: public}
  Book:
    id: integer
    fields: {title: string, author: Author}
    lists: {reviews: Review.book}
    access: {read: public}
  Review:
    id: integer
    fields: {book: Book}
    access: {read: public}
";
    let app = App::builder()
        .file("frontdesk.yaml", contract)
        .file(
            "seed/authors.ndjson",
            &lines(20, |n| json!({"id": n, "name": format!("a{n}")})),
        )
        .file(
            "seed/books.ndjson",
            &lines(
                1000,
                |n| json!({"id": n, "title": format!("b{n}"), "author_id": (n - 1) / 50 + 1}),
            ),
        )
        .file(
            "seed/reviews.ndjson",
            &lines(
                1100,
                |n| json!({"id": n, "book_id": n.saturating_sub(100).max(1)}),
            ),
        )
        .start();
    let list = app
        .get("/v1/authors?include=books.reviews&fields=id,books.id,books.reviews.id")
        .expect(200);
    let authors = list.items();
    assert_eq!(authors.len(), 20);
    let mut books = 0;
    for author in &authors {
        for book in author["books"]["items"].as_array().unwrap() {
            books += 1;
            assert_eq!(book["id"], books);
            let reviews = &book["reviews"];
            let count = reviews["items"].as_array().unwrap().len();
            match reviews["next_cursor"].as_str() {
                None => assert_eq!(count, 1),
                Some(cursor) => {
                    assert_eq!((books, count), (1, 10));
                    let rest = app.get(&format!("/v1/books/1/reviews?limit=200&cursor={cursor}"));
                    assert_eq!(ids(&rest.expect(200)), (11..=101).collect::<Vec<i64>>());
                }
            }
        }
        assert_eq!(author["books"]["next_cursor"], json!(null));
    }
    assert_eq!(books, 1000);
    // The other way, a thousand records lead to a thousand others, and those to twenty.
    let list = app
        .get("/v1/reviews?limit=200&include=book.author")
        .expect(200);
    assert!(
        list.items()
            .iter()
            .all(|review| review["book"]["author"]["id"].is_i64())
    );
}
