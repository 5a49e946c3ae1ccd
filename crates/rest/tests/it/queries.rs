//! QUERY and `POST …/query`: conditions with AND, OR and NOT in a body.

use std::cmp::Ordering;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value as Json, json};
use testkit::{Answer, App};

use crate::support::{LIBRARY, Shared, ids, next};

#[track_caller]
fn query(app: &App, target: &str, body: &Json) -> Answer {
    app.request("QUERY", target).json(body).send()
}

/// The ids of the books a condition finds, asked in both ways.
#[track_caller]
fn finds(app: &App, conditions: &[(Json, &[i64])]) {
    for (condition, expected) in conditions {
        let body = json!({"where": condition});
        let found = query(app, "/v1/books", &body).expect(200);
        assert_eq!(ids(&found), *expected, "{condition}");
        let by_post = app.post("/v1/books/query", &body).expect(200);
        assert_eq!(by_post.body, found.body, "{condition}");
    }
}

#[test]
fn conditions_are_joined_by_and_or_and_not() {
    let app = LIBRARY.get();
    finds(
        &app,
        &[
            (json!({}), &[1, 2, 3, 4, 5]),
            (json!({"kind": "essay"}), &[3, 5]),
            (json!({"kind": "essay", "lent": true}), &[3]),
            (json!({"or": [{"id": 1}, {"id": 4}]}), &[1, 4]),
            (
                json!({"or": [{"kind": "essay"}, {"pages": {"gte": 300, "lt": 600}}], "lent": false}),
                &[2, 4, 5],
            ),
            (json!({"not": {"kind": "essay"}}), &[1, 2, 4]),
            (json!({"not": {"not": {"kind": "essay"}}}), &[3, 5]),
            (
                json!({"and": [{"not": {"id": {"in": [1, 2]}}}, {"not": {"id": 5}}]}),
                &[3, 4],
            ),
            (
                json!({"or": [{"title": {"contains": "une"}}, {"author.name": "Bob"}]}),
                &[1, 2, 5],
            ),
            // What the caller may not see of a relation matches nothing, so its NOT everything.
            (json!({"not": {"author.name": "Bob"}}), &[1, 2, 3, 4, 5]),
            (json!({"and": []}), &[1, 2, 3, 4, 5]),
            (json!({"or": []}), &[]),
            (json!({"not": {"or": []}}), &[1, 2, 3, 4, 5]),
            (json!({"id": {"in": []}}), &[]),
        ],
    );
}

#[test]
fn not_finds_exactly_the_others_where_there_is_nothing_too() {
    let app = LIBRARY.get();
    finds(
        &app,
        &[
            (json!({"price": null}), &[2, 5]),
            (json!({"not": {"price": null}}), &[1, 3, 4]),
            (json!({"price": {"lt": "15"}}), &[1, 4]),
            (json!({"not": {"price": {"lt": "15"}}}), &[2, 3, 5]),
            (json!({"not": {"price": "9.99"}}), &[2, 3, 4, 5]),
            (json!({"not": {"price": {"ne": "9.99"}}}), &[1]),
            (json!({"not": {"isbn": {"in": ["111"]}}}), &[2, 3, 4, 5]),
            (
                json!({"not": {"isbn": {"starts_with": "1"}}}),
                &[2, 3, 4, 5],
            ),
            (json!({"not": {"author_id": 1}}), &[3, 4, 5]),
            (json!({"not": {"author.name": {"ne": "Bob"}}}), &[3, 4, 5]),
        ],
    );
}

#[test]
fn everything_else_of_a_list_can_be_said_too() {
    let app = LIBRARY.get();
    let body = json!({
        "where": {"or": [{"pages": {"gte": 300}}, {"kind": "essay"}]},
        "sort": ["-pages", "title"],
        "limit": 2,
        "fields": ["id", "pages"],
        "include": ["author"],
        "total": true,
    });
    let first = query(&app, "/v1/books", &body).expect(200).json();
    assert_eq!(first["total"], 5);
    assert_eq!(
        first["items"],
        json!([
            {"id": 1, "pages": 600, "author": app.get("/v1/authors/1").expect(200).json()},
            {"id": 2, "pages": 300, "author": app.get("/v1/authors/1").expect(200).json()},
        ])
    );
    let mut again = body.clone();
    again["cursor"] = first["next_cursor"].clone();
    let second = query(&app, "/v1/books", &again).expect(200);
    assert_eq!(ids(&second), [4, 3]);
    // By the other way the same cursor goes on.
    assert_eq!(
        ids(&app.post("/v1/books/query", &again).expect(200)),
        [4, 3]
    );
    let searched = json!({"q": "sand", "where": {"not": {"id": 2}}});
    assert_eq!(ids(&query(&app, "/v1/books", &searched).expect(200)), [1]);
}

#[test]
fn a_cursor_belongs_to_its_condition() {
    let app = LIBRARY.get();
    let of = |condition: Json| json!({"where": condition, "limit": 1});
    let with = |mut body: Json, cursor: &Json| {
        body["cursor"] = cursor.clone();
        body
    };
    let any = of(json!({"or": [{"id": 1}, {"id": 2}]}));
    let cursor = query(&app, "/v1/books", &any).expect(200).json()["next_cursor"].clone();
    let goes_on = query(&app, "/v1/books", &with(any, &cursor)).expect(200);
    assert_eq!(ids(&goes_on), [2]);
    for other in [
        json!({"or": [{"id": 1}, {"id": 3}]}),
        json!({"or": [{"id": 2}, {"id": 1}]}),
        json!({"and": [{"id": 1}, {"id": 2}]}),
        json!({"not": {"or": [{"id": 1}, {"id": 2}]}}),
        json!({}),
    ] {
        let refused = query(&app, "/v1/books", &with(of(other), &cursor)).expect(400);
        assert_eq!(refused.code(), "cursor_mismatch");
        assert_eq!(refused.faults(), ["/cursor cursor_mismatch"]);
    }
    let plain = format!("/v1/books?cursor={}", cursor.as_str().unwrap());
    assert_eq!(app.get(&plain).expect(400).code(), "cursor_mismatch");
}

#[test]
fn nested_lists_are_asked_alike() {
    let app = LIBRARY.get();
    let body = json!({"where": {"or": [{"pages": 600}, {"pages": 100}]}});
    let found = query(&app, "/v1/authors/1/books", &body).expect(200);
    assert_eq!(ids(&found), [1]);
    let by_post = app.post("/v1/authors/1/books/query", &body).expect(200);
    assert_eq!(ids(&by_post), [1]);
    query(&app, "/v1/authors/2/books", &body).expect(404);
    app.post("/v1/authors/2/books/query", &body).expect(404);
}

#[test]
fn what_is_wrong_is_told_where_it_stands() {
    let app = LIBRARY.get();
    for (body, expected) in [
        (
            json!({"where": {"colour": 1}}),
            "/where/colour unknown_field",
        ),
        (
            json!({"where": {"blurb": "x"}}),
            "/where/blurb not_filterable",
        ),
        (
            json!({"where": {"or": [{"id": 1}, {"pages": {"lte": "x"}}]}}),
            "/where/or/1/pages/lte wrong_type",
        ),
        (
            json!({"where": {"not": {"kind": "poem"}}}),
            "/where/not/kind not_in_enum",
        ),
        (
            json!({"where": {"id": {"in": [1, "x", 2, null]}}}),
            "/where/id/in/1 wrong_type, /where/id/in/3 not_null",
        ),
        (
            json!({"where": {"id": {"contains": 1}}}),
            "/where/id/contains operator_not_allowed",
        ),
        (
            json!({"where": {"pages": null}}),
            "/where/pages operator_not_allowed",
        ),
        (
            json!({"where": {"writer.name": "x"}}),
            "/where/writer.name unknown_field",
        ),
        (json!({"sort": ["blurb"]}), "/sort not_sortable"),
        (json!({"sort": ["id", "-id"]}), "/sort repeated"),
        (json!({"fields": ["nothing"]}), "/fields unknown_field"),
        (json!({"include": ["nothing"]}), "/include unknown_relation"),
        (json!({"whre": {}}), "/whre unknown_field"),
        (json!([]), " wrong_type"),
    ] {
        let refused = query(&app, "/v1/books", &body);
        assert_eq!(refused.status, 422, "{body}: {refused:?}");
        assert_eq!(refused.code(), "invalid");
        assert_eq!(refused.faults().join(", "), expected, "{body}");
        let by_post = app.post("/v1/books/query", &body).expect(422);
        assert_eq!(by_post.faults(), refused.faults());
    }
}

#[test]
fn what_is_too_much_is_refused() {
    let app = LIBRARY.get();
    let nested = |levels: usize| {
        let mut condition = json!({"id": 1});
        for _ in 0..levels {
            condition = json!({"not": condition});
        }
        condition
    };
    let branched = |levels: usize| {
        let mut condition = json!({"id": 1});
        for level in 0..levels {
            let word = ["or", "and"][level % 2];
            condition = json!({"id": {"ne": 99}, word: [condition, {"id": 2}]});
        }
        condition
    };
    let any = |parts: usize| json!({"or": vec![json!({"id": 1}); parts]});
    let lists = |lists: usize| {
        let values: Vec<i64> = (1..=100).collect();
        json!({"or": vec![json!({"id": {"in": values}}); lists]})
    };
    for (condition, expected) in [
        (nested(17), None),
        (nested(18), Some("too_deep")),
        // Objects with several members on each level.
        (branched(8), None),
        (branched(9), Some("too_deep")),
        (nested(50), Some("too_deep")),
        (any(256), None),
        (any(257), Some("too_many")),
        // Empty ones count too, or there would be no end of them.
        (json!({"and": vec![json!({}); 256]}), None),
        (json!({"and": vec![json!({}); 257]}), Some("too_many")),
        (any(5000), Some("too_many")),
        (lists(20), None),
        (lists(21), Some("too_many")),
    ] {
        let answer = query(&app, "/v1/books", &json!({"where": condition}));
        let code = match answer.status {
            200 => None,
            422 => answer.faults()[0].split(' ').nth(1).map(str::to_owned),
            _ => panic!("{answer:?}"),
        };
        assert_eq!(code.as_deref(), expected);
    }
}

#[test]
fn what_is_no_query_at_all_is_refused_as_http_says() {
    let app = LIBRARY.get();
    for (method, target) in [("QUERY", "/v1/books"), ("POST", "/v1/books/query")] {
        let ask = || app.request(method, target);
        ask().send().expect(400);
        let untyped = ask().header("content-length", "2").send();
        assert_eq!(untyped.status, 400, "{untyped:?}");
        let refused = ask().body("text/plain", "{}").send().expect(415);
        assert_eq!(refused.header("accept-query").unwrap(), "application/json");
        assert_eq!(
            ask()
                .body("application/json", "{")
                .send()
                .expect(400)
                .code(),
            "malformed"
        );
        ask()
            .json(&json!({}))
            .header("accept", "image/png")
            .send()
            .expect(406);
        let twice = app.request(method, &format!("{target}?limit=1"));
        let twice = twice.json(&json!({})).send().expect(400);
        assert_eq!(twice.faults(), ["?limit unknown_parameter"]);
    }
}

#[test]
fn query_is_offered_where_lists_are() {
    let app = LIBRARY.get();
    for target in ["/v1/books", "/v1/authors/1/books"] {
        let answer = app.options(target).expect(204);
        assert_eq!(answer.header("accept-query").unwrap(), "application/json");
        assert!(answer.header("allow").unwrap().contains("QUERY"));
        let path = format!("{target}/query");
        let answer = app.options(&path).expect(204);
        assert_eq!(answer.header("allow").unwrap(), "POST, OPTIONS");
        assert_eq!(answer.header("accept-query"), None);
        for method in ["GET", "PUT", "PATCH", "DELETE", "QUERY"] {
            let refused = app
                .request(method, &path)
                .json(&json!({}))
                .send()
                .expect(405);
            assert_eq!(
                refused.header("allow").unwrap(),
                "POST, OPTIONS",
                "{method}"
            );
        }
    }
    query(&app, "/v1/books/1", &json!({})).expect(405);
    app.post("/v1/books/1/query", &json!({})).expect(404);
    app.post("/v1/query", &json!({})).expect(404);
}

#[test]
fn an_answer_to_query_can_be_asked_about_again() {
    let app = LIBRARY.get();
    let ask = || {
        app.request("QUERY", "/v1/books")
            .json(&json!({"where": {"not": {"id": 1}}, "limit": 2}))
    };
    let first = ask().send().expect(200);
    // A link could not say what stands in the body.
    assert_eq!(next(&first), None);
    assert_ne!(first.json()["next_cursor"], json!(null));
    assert_eq!(first.header("cache-control").unwrap(), "private, no-cache");
    let same = ask().header("if-none-match", first.etag()).send();
    assert_eq!(same.expect(304).etag(), first.etag());
    // POST has no representation to compare with.
    let by_post = app
        .request("POST", "/v1/books/query")
        .header("if-none-match", first.etag())
        .json(&json!({"where": {"not": {"id": 1}}, "limit": 2}))
        .send()
        .expect(200);
    assert_eq!(by_post.header("etag"), None);
    assert_eq!(by_post.header("cache-control").unwrap(), "no-store");
}

/// It changes nothing, so there is nothing to do once only.
#[test]
fn a_query_by_post_is_no_write() {
    let app = LIBRARY.get();
    let ask = |id: i64| {
        let request = app.request("POST", "/v1/books/query");
        let request = request.header("idempotency-key", "one");
        request
            .json(&json!({"where": {"id": id}}))
            .send()
            .expect(200)
    };
    assert_eq!(ids(&ask(1)), [1]);
    let second = ask(2);
    assert_eq!(ids(&second), [2]);
    assert_eq!(second.header("idempotency-replayed"), None);
}

#[test]
fn an_id_called_query_keeps_its_other_methods() {
    let app = App::start(
        "
frontdesk: 1
name: words
resources:
  Word:
    id: string
    fields: {meaning: {type: string, index: true}}
    access: {read: public, write: public}
",
    );
    let made = app
        .request("PUT", "/v1/words/query")
        .header("if-none-match", "*")
        .json(&json!({"meaning": "a question"}));
    made.send().expect(201);
    assert_eq!(app.get("/v1/words/query").expect(200).json()["id"], "query");
    let found = app.post(
        "/v1/words/query",
        &json!({"where": {"not": {"meaning": "x"}}}),
    );
    assert_eq!(found.expect(200).items()[0]["id"], "query");
    app.options("/v1/words/query").expect(204);
    app.delete("/v1/words/query").expect(204);
}

#[test]
fn what_may_not_be_read_may_not_be_asked_about_in_any_corner() {
    let app = LIBRARY.get();
    let reader = app.key().scope("books.read").scope("authors.read").client();
    for condition in [
        json!({"cost": 5}),
        json!({"or": [{"id": 1}, {"not": {"cost": {"gt": 5}}}]}),
        json!({"not": {"author.phone": "11"}}),
    ] {
        let body = json!({"where": condition});
        query(&app, "/v1/books", &body).expect(401);
        let refused = reader.request("QUERY", "/v1/books").json(&body).send();
        assert_eq!(refused.expect(403).json()["rule"], "staff", "{condition}");
    }
    let refused = reader.post("/v1/books/query", &json!({"sort": ["cost"]}));
    assert_eq!(refused.expect(403).json()["rule"], "staff");
}

/// Records with every kind of value and much that is null.
static SHELF: Shared = Shared::new(|| {
    let mut lines = String::new();
    for record in shelf() {
        lines.push_str(&format!("{record}\n"));
    }
    App::builder()
        .file(
            "frontdesk.yaml",
            "
frontdesk: 1
name: shelf
resources:
  Owner:
    id: integer
    fields: {name?: {type: string, index: true}}
    access: {read: public}
  Thing:
    id: integer
    fields:
      word?:  {type: string, index: true}
      size?:  {type: integer, index: true}
      price?: {type: decimal, index: true}
      kind?:  {enum: [red, green, blue], index: true}
      old:    {type: boolean, index: true}
      owner?: Owner
    access: {read: public}
",
        )
        .file(
            "seed/owners.ndjson",
            "{\"id\": 1, \"name\": \"ann\"}\n{\"id\": 2}\n",
        )
        .file("seed/things.ndjson", &lines)
        .start()
});

fn shelf() -> Vec<Json> {
    let words = [json!("a"), json!("ab"), json!("b"), Json::Null, json!("Ä")];
    let sizes = [json!(1), json!(2), Json::Null];
    let prices = [json!("1"), Json::Null, json!("2.5"), json!("10")];
    let kinds = [json!("red"), json!("green"), json!("blue"), Json::Null];
    let owners = [json!(1), json!(2), Json::Null];
    let pick = |of: &[Json], at: usize| of[at % of.len()].clone();
    (0..60)
        .map(|n| {
            json!({
                "id": n + 1,
                "word": pick(&words, n),
                "size": pick(&sizes, n / 2),
                "price": pick(&prices, n / 3),
                "kind": pick(&kinds, n / 5),
                "old": n % 7 < 3,
                "owner_id": pick(&owners, n / 4),
            })
        })
        .collect()
}

fn any_condition() -> impl Strategy<Value = Json> {
    let word = || prop::sample::select(vec!["a", "ab", "b", "Ä", ""]);
    let size = || 0..4i64;
    let price = || prop::sample::select(vec!["0", "1", "2.5", "9.99", "10"]);
    let ordered = || prop::sample::select(vec!["eq", "ne", "lt", "lte", "gt", "gte"]);
    let text = || {
        prop::sample::select(vec![
            "eq",
            "ne",
            "lt",
            "lte",
            "gt",
            "gte",
            "contains",
            "starts_with",
        ])
    };
    let leaf = prop_oneof![
        (text(), word()).prop_map(|(operator, word)| json!({"word": {operator: word}})),
        (ordered(), size()).prop_map(|(operator, size)| json!({"size": {operator: size}})),
        (ordered(), price()).prop_map(|(operator, price)| json!({"price": {operator: price}})),
        prop::collection::vec(size(), 0..3).prop_map(|sizes| json!({"size": {"in": sizes}})),
        prop::collection::vec(word(), 0..3).prop_map(|words| json!({"word": {"in": words}})),
        prop::sample::select(vec!["red", "green"]).prop_map(|kind| json!({"kind": kind})),
        prop::sample::select(vec!["red", "green"]).prop_map(|kind| json!({"kind": {"ne": kind}})),
        any::<bool>().prop_map(|old| json!({"old": old})),
        any::<bool>().prop_map(|empty| json!({"word": {"is_null": empty}})),
        Just(json!({"kind": null})),
        (1..3i64).prop_map(|owner| json!({"owner_id": {"ne": owner}})),
        (text(), word()).prop_map(|(operator, word)| json!({"owner.name": {operator: word}})),
        Just(json!({"owner.name": {"in": ["ann"]}})),
        Just(json!({"owner.name": null})),
        (size(), word()).prop_map(|(size, word)| json!({"size": {"gt": size}, "word": word})),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|parts| json!({"and": parts})),
            prop::collection::vec(inner.clone(), 0..4).prop_map(|parts| json!({"or": parts})),
            inner.prop_map(|inner| json!({"not": inner})),
        ]
    })
}

/// What a person would say: a comparison with nothing does not hold, but for `ne` and `is_null`.
fn holds(condition: &Json, thing: &Json) -> bool {
    condition
        .as_object()
        .unwrap()
        .iter()
        .all(|(name, value)| match &**name {
            "and" => value
                .as_array()
                .unwrap()
                .iter()
                .all(|part| holds(part, thing)),
            "or" => value
                .as_array()
                .unwrap()
                .iter()
                .any(|part| holds(part, thing)),
            "not" => !holds(value, thing),
            "owner.name" => match thing["owner_id"].as_i64() {
                None => false,
                Some(owner) => {
                    let name = if owner == 1 { json!("ann") } else { Json::Null };
                    compares(&name, value, false)
                }
            },
            name => compares(&thing[name], value, name == "price"),
        })
}

fn compares(field: &Json, wanted: &Json, numbers: bool) -> bool {
    let order = |a: &Json, b: &Json| -> Option<Ordering> {
        match (a, b) {
            (Json::Null, _) => None,
            (Json::String(a), Json::String(b)) if numbers => {
                a.parse::<f64>().unwrap().partial_cmp(&b.parse().unwrap())
            }
            (Json::String(a), Json::String(b)) => Some(a.cmp(b)),
            (Json::Bool(a), Json::Bool(b)) => Some(a.cmp(b)),
            (a, b) => a.as_i64().partial_cmp(&b.as_i64()),
        }
    };
    let Json::Object(comparisons) = wanted else {
        return match wanted {
            Json::Null => field.is_null(),
            wanted => order(field, wanted) == Some(Ordering::Equal),
        };
    };
    let text = |json: &Json| json.as_str().map(str::to_owned);
    comparisons.iter().all(|(operator, wanted)| {
        let order_of = || order(field, wanted);
        match &**operator {
            "eq" => order_of() == Some(Ordering::Equal),
            "ne" => order_of() != Some(Ordering::Equal),
            "lt" => order_of().is_some_and(Ordering::is_lt),
            "lte" => order_of().is_some_and(Ordering::is_le),
            "gt" => order_of().is_some_and(Ordering::is_gt),
            "gte" => order_of().is_some_and(Ordering::is_ge),
            "in" => {
                let mut wanted = wanted.as_array().unwrap().iter();
                wanted.any(|wanted| order(field, wanted) == Some(Ordering::Equal))
            }
            "contains" => text(field).is_some_and(|field| field.contains(&text(wanted).unwrap())),
            "starts_with" => {
                text(field).is_some_and(|field| field.starts_with(&text(wanted).unwrap()))
            }
            "is_null" => field.is_null() == wanted.as_bool().unwrap(),
            other => panic!("{other}"),
        }
    })
}

#[test]
fn any_condition_finds_what_it_says() {
    let app: Arc<App> = SHELF.get();
    let things = shelf();
    let mut runner = TestRunner::new(Config {
        cases: 300,
        failure_persistence: None,
        ..Config::default()
    });
    runner
        .run(&any_condition(), |condition| {
            let body = json!({"where": condition, "limit": 200, "fields": ["id"]});
            let found = ids(&query(&app, "/v1/things", &body).expect(200));
            let expected: Vec<i64> = things
                .iter()
                .filter(|thing| holds(&condition, thing))
                .map(|thing| thing["id"].as_i64().unwrap())
                .collect();
            prop_assert_eq!(found, expected);
            Ok(())
        })
        .unwrap();
}
