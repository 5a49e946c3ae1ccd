//! Lists: filters, sorts, pages, search, totals.

use model::Action;
use serde_json::{Value as Json, json};

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
      pages:   {type: integer, index: true}
      price?:  {type: decimal, index: true}
      kind:    {enum: [novel, essay], default: novel, index: true}
      blurb?:  string
    search: [title, blurb]
    access: {read: public, write: public}
";

async fn library() -> App {
    let app = App::new(LIBRARY).await;
    app.add("Author", json!({"name": "Ann"})).await;
    app.add("Author", json!({"name": "Bob", "hidden": true}))
        .await;
    for (title, author, pages, price) in [
        ("Dune", Some(1), 600, Some("9.99")),
        ("Dune Messiah", Some(1), 300, None),
        ("Äpfel", Some(2), 100, Some("20")),
        ("Emma", None, 300, Some("9.5")),
        ("dune, again", None, 50, None),
    ] {
        let body = json!({"title": title, "author_id": author, "pages": pages, "price": price, "blurb": "Über Bücher"});
        app.add("Book", body).await;
    }
    app
}

async fn ids(app: &App, parameters: &[(&str, &str)]) -> Vec<i64> {
    let mut ask = app.ask("Book", Action::List).by(call::Caller::guest());
    for (name, value) in parameters {
        ask = ask.with(name, value);
    }
    ask.each("id")
        .await
        .iter()
        .map(|id| id.as_i64().unwrap())
        .collect()
}

#[tokio::test]
async fn filters_say_what_they_mean() {
    let app = library().await;
    for (parameters, expected) in [
        (&[("title", "Dune")][..], &[1][..]),
        (&[("title[starts_with]", "Dune")], &[1, 2]),
        (&[("title[contains]", "une")], &[1, 2, 5]),
        (&[("title[in]", r"Emma,dune\, again")], &[4, 5]),
        (&[("pages[gte]", "300"), ("pages[lt]", "600")], &[2, 4]),
        (&[("pages[ne]", "300")], &[1, 3, 5]),
        (&[("price[lte]", "9.99")], &[1, 4]),
        (&[("price[is_null]", "true")], &[2, 5]),
        (&[("price[ne]", "20")], &[1, 2, 4, 5]),
        (&[("author_id", "1")], &[1, 2]),
        (&[("author.name", "Ann")], &[1, 2]),
        (&[("kind", "essay")], &[]),
        (&[("id[in]", "1,3,9")], &[1, 3]),
        (&[("title[gt]", "Z")], &[3, 5]),
    ] {
        assert_eq!(ids(&app, parameters).await, expected, "{parameters:?}");
    }
}

#[tokio::test]
async fn a_filter_over_a_relation_does_not_see_hidden_records() {
    let app = library().await;
    assert_eq!(ids(&app, &[("author.name", "Bob")]).await, [0; 0]);
    assert_eq!(ids(&app, &[("author.name[ne]", "Ann")]).await, [0; 0]);
}

#[tokio::test]
async fn sorts_put_nulls_first_and_close_with_the_id() {
    let app = library().await;
    for (sort, expected) in [
        ("pages", [5, 3, 2, 4, 1]),
        ("-pages", [1, 4, 2, 3, 5]),
        ("pages,-title", [5, 3, 4, 2, 1]),
        ("price", [2, 5, 4, 1, 3]),
        ("-price", [3, 1, 4, 5, 2]),
        ("title", [1, 2, 4, 5, 3]),
        ("-id", [5, 4, 3, 2, 1]),
        ("created_at,id", [1, 2, 3, 4, 5]),
    ] {
        let result = app.ask("Book", Action::List).with("sort", sort).run().await;
        let Ok(page) = result else {
            assert_eq!(sort, "created_at,id", "{result:?}");
            continue;
        };
        let found: Vec<i64> = page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["id"].as_i64().unwrap())
            .collect();
        assert_eq!(found, expected, "{sort}");
    }
}

/// Walks a list page by page.
async fn walk(app: &App, parameters: &[(&str, &str)], limit: &str) -> Vec<i64> {
    let mut all = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut ask = app.ask("Book", Action::List).with("limit", limit);
        for (name, value) in parameters {
            ask = ask.with(name, value);
        }
        if let Some(cursor) = &cursor {
            ask = ask.with("cursor", cursor);
        }
        let page = ask.run().await.unwrap();
        all.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["id"].as_i64().unwrap()),
        );
        match &page["next_cursor"] {
            Json::Null => return all,
            next => cursor = Some(next.as_str().unwrap().to_owned()),
        }
        assert!(all.len() <= 100, "the pages never end");
    }
}

#[tokio::test]
async fn pages_together_are_the_list() {
    let app = library().await;
    for sort in [
        "pages",
        "-pages",
        "price",
        "-price",
        "pages,-title",
        "-price,title",
        "title",
        "-id",
    ] {
        let whole = walk(&app, &[("sort", sort)], "200").await;
        assert_eq!(whole.len(), 5);
        for limit in ["1", "2", "3", "5"] {
            assert_eq!(
                walk(&app, &[("sort", sort)], limit).await,
                whole,
                "{sort} by {limit}"
            );
        }
    }
    assert_eq!(
        walk(&app, &[("title[contains]", "une")], "1").await,
        [1, 2, 5]
    );
}

#[tokio::test]
async fn pages_are_stable_while_records_come() {
    let app = library().await;
    let first = app
        .ask("Book", Action::List)
        .with("sort", "pages")
        .with("limit", "2")
        .run()
        .await
        .unwrap();
    let cursor = first["next_cursor"].as_str().unwrap();
    app.add("Book", json!({"title": "before", "pages": 1}))
        .await;
    app.add("Book", json!({"title": "after", "pages": 301}))
        .await;
    let next = app
        .ask("Book", Action::List)
        .with("sort", "pages")
        .with("cursor", cursor);
    assert_eq!(
        next.each("pages").await,
        [json!(300), json!(300), json!(301), json!(600)]
    );
}

#[tokio::test]
async fn a_cursor_belongs_to_its_question() {
    let app = library().await;
    let page = app
        .ask("Book", Action::List)
        .with("sort", "pages")
        .with("limit", "2")
        .run()
        .await
        .unwrap();
    let cursor = page["next_cursor"].as_str().unwrap();
    let with = |sort: &str| {
        app.ask("Book", Action::List)
            .with("sort", sort)
            .with("cursor", cursor)
    };
    assert_eq!(with("pages").with("limit", "1").code().await, "ok");
    assert_eq!(with("-pages").code().await, "cursor_mismatch");
    assert_eq!(
        with("pages").with("title", "Dune").code().await,
        "cursor_mismatch"
    );
    assert_eq!(
        app.ask("Author", Action::List)
            .with("cursor", cursor)
            .code()
            .await,
        "cursor_mismatch"
    );
    assert_eq!(
        app.ask("Book", Action::List)
            .with("cursor", "nonsense")
            .code()
            .await,
        "cursor_mismatch"
    );
}

#[tokio::test]
async fn search_finds_words_in_any_case_and_field() {
    let app = library().await;
    for (words, expected) in [
        ("dune", &[1, 2, 5][..]),
        ("DUNE mess", &[2]),
        ("äPF", &[3]),
        ("bücher emma", &[4]),
        ("nothing", &[]),
        ("%", &[]),
        ("  ", &[1, 2, 3, 4, 5]),
    ] {
        assert_eq!(ids(&app, &[("q", words)]).await, expected, "{words}");
    }
    let renamed = app
        .ask("Book", Action::Update)
        .id(1)
        .body(json!({"title": "Sand"}));
    assert_eq!(renamed.code().await, "ok");
    assert_eq!(ids(&app, &[("q", "sand")]).await, [1]);
    assert_eq!(ids(&app, &[("q", "dune")]).await, [2, 5]);
}

#[tokio::test]
async fn totals_are_counted_when_asked_for() {
    let app = library().await;
    let page = app
        .ask("Book", Action::List)
        .with("limit", "1")
        .with("total", "true")
        .with("pages", "300")
        .run()
        .await
        .unwrap();
    assert_eq!(page["total"], 2);
    let page = app
        .ask("Book", Action::List)
        .with("limit", "1")
        .run()
        .await
        .unwrap();
    assert_eq!(page.get("total"), None);
}

#[tokio::test]
async fn wrong_questions_are_told_all_at_once() {
    let app = library().await;
    let faults = app
        .ask("Book", Action::List)
        .with("blurb", "x")
        .with("colour", "red")
        .with("pages[contains]", "3")
        .with("pages", "many")
        .with("sort", "blurb")
        .with("author.age", "3")
        .faults()
        .await;
    assert_eq!(
        faults,
        [
            "not_filterable ?blurb",
            "unknown_parameter ?colour",
            "operator_not_allowed ?pages[contains]",
            "invalid_format ?pages",
            "unknown_parameter ?author.age",
            "not_sortable ?sort",
        ]
    );
    assert_eq!(
        app.ask("Author", Action::List)
            .with("q", "x")
            .faults()
            .await,
        ["not_searchable ?q"]
    );
}

#[tokio::test]
async fn page_sizes_are_lowered_not_refused() {
    let app = library().await;
    assert_eq!(
        app.ask("Book", Action::List)
            .with("limit", "100000")
            .each("id")
            .await
            .len(),
        5
    );
    assert_eq!(
        app.ask("Book", Action::List)
            .with("limit", "0")
            .faults()
            .await,
        ["too_small ?limit"]
    );
}
