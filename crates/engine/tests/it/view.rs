//! Sparse fields, included relations, nested lists.

use call::{Caller, NestedList, Parent, RecordKey};
use model::Action;
use serde_json::json;

use crate::support::App;

const LIBRARY: &str = "
frontdesk: 1
name: library
resources:
  Author:
    id: integer
    fields:
      name:   {type: string, index: true}
      hidden: {type: boolean, default: false}
    lists: {books: Book.author}
    access: {read: '!this.hidden', write: public}
  Book:
    id: integer
    fields:
      title:   {type: string, index: true}
      author?: Author
      rating?: {type: number, value: '=this.reviews.avg(r, r.stars)'}
    lists: {reviews: Review.book}
    access: {read: public, write: public}
  Review:
    id: integer
    fields:
      book:  Book
      stars: integer
    access: {read: public, write: public}
";

async fn library() -> App {
    let app = App::new(LIBRARY).await;
    app.add("Author", json!({"name": "Ann"})).await;
    app.add("Author", json!({"name": "Bob", "hidden": true}))
        .await;
    app.add("Book", json!({"title": "Dune", "author_id": 1}))
        .await;
    app.add("Book", json!({"title": "Emma", "author_id": 2}))
        .await;
    app.add("Book", json!({"title": "Ilias"})).await;
    for (book, stars) in [(1, 5), (1, 2), (2, 4)] {
        app.add("Review", json!({"book_id": book, "stars": stars}))
            .await;
    }
    app
}

#[tokio::test]
async fn fields_are_chosen() {
    let app = library().await;
    let get = |fields| app.ask("Book", Action::Get).id(1).with("fields", fields);
    assert_eq!(
        get("title,id").run().await.unwrap(),
        json!({"id": 1, "title": "Dune"})
    );
    assert_eq!(
        get("author.name").run().await.unwrap(),
        json!({"author": {"name": "Ann"}})
    );
    assert_eq!(get("rating").run().await.unwrap(), json!({"rating": 3.5}));
    assert_eq!(
        get("colour,author.age").faults().await,
        ["unknown_field ?fields", "unknown_field ?fields"]
    );
}

#[tokio::test]
async fn relations_are_included_as_far_as_they_may_be_seen() {
    let app = library().await;
    let books = app
        .ask("Book", Action::List)
        .by(Caller::guest())
        .with("include", "author,reviews")
        .with("fields", "id,author_id,author.name,reviews.stars")
        .run()
        .await
        .unwrap();
    assert_eq!(
        books["items"],
        json!([
            {"id": 1, "author_id": 1, "author": {"name": "Ann"}, "reviews": {"items": [{"stars": 5}, {"stars": 2}], "next_cursor": null}},
            {"id": 2, "author_id": 2, "author": null, "reviews": {"items": [{"stars": 4}], "next_cursor": null}},
            {"id": 3, "author_id": null, "author": null, "reviews": {"items": [], "next_cursor": null}},
        ])
    );
    let author = app
        .ask("Author", Action::Get)
        .id(1)
        .with("include", "books.reviews")
        .run()
        .await
        .unwrap();
    assert_eq!(
        author["books"]["items"][0]["reviews"]["items"][1]["stars"],
        2
    );
}

#[tokio::test]
async fn includes_have_bounds() {
    let app = library().await;
    let faults = app
        .ask("Book", Action::Get)
        .id(1)
        .with("include", "author.books.reviews,colour")
        .faults()
        .await;
    assert_eq!(faults, ["too_deep ?include", "unknown_relation ?include"]);
}

#[tokio::test]
async fn an_included_list_goes_on_where_it_stopped() {
    let app = library().await;
    for stars in 0..60 {
        app.add("Review", json!({"book_id": 3, "stars": stars}))
            .await;
    }
    let book = app
        .ask("Book", Action::Get)
        .id(3)
        .with("include", "reviews")
        .run()
        .await
        .unwrap();
    let first = &book["reviews"];
    assert_eq!(first["items"].as_array().unwrap().len(), 50);
    let mut rest = app
        .ask("Review", Action::List)
        .with("cursor", first["next_cursor"].as_str().unwrap());
    let book = app.engine.model().resource_named("Book").unwrap().id;
    rest.request.parent = Some(Parent {
        resource: book,
        key: RecordKey::Id("3".into()),
        list: NestedList::Named("reviews".into()),
    });
    let stars = rest.each("stars").await;
    assert_eq!(stars.first(), Some(&json!(50)));
    assert_eq!(stars.len(), 10);
}

#[tokio::test]
async fn nested_lists_belong_to_a_record_one_may_see() {
    let app = library().await;
    let author = app.engine.model().resource_named("Author").unwrap().id;
    let books = |id: &str| {
        let mut ask = app.ask("Book", Action::List).by(Caller::guest());
        ask.request.parent = Some(Parent {
            resource: author,
            key: RecordKey::Id(id.into()),
            list: NestedList::Named("books".into()),
        });
        ask
    };
    assert_eq!(books("1").each("title").await, [json!("Dune")]);
    for hidden in ["2", "9", "x"] {
        assert_eq!(books(hidden).code().await, "not_found", "{hidden}");
    }
    let mut create = app
        .ask("Book", Action::Create)
        .by(Caller::guest())
        .body(json!({"title": "New"}));
    create.request.parent = Some(Parent {
        resource: author,
        key: RecordKey::Id("1".into()),
        list: NestedList::Named("books".into()),
    });
    assert_eq!(create.run().await.unwrap()["author_id"], 1);
    let mut other = app
        .ask("Book", Action::Create)
        .body(json!({"title": "New", "author_id": 2}));
    other.request.parent = Some(Parent {
        resource: author,
        key: RecordKey::Id("1".into()),
        list: NestedList::Named("books".into()),
    });
    assert_eq!(other.faults().await, ["conflicts_with_path /author_id"]);
}
