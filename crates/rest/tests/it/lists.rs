//! Lists: envelope, pages, cursors, totals, filters, sorts, search, nested collections.

use serde_json::json;
use testkit::{Answer, App};

use crate::support::{LIBRARY, each, ids, members, next};

/// The ids of the books a query finds.
#[track_caller]
fn finds(app: &App, queries: &[(&str, &[i64])]) {
    for (query, expected) in queries {
        let answer = app.get(&format!("/v1/books?{query}")).expect(200);
        assert_eq!(ids(&answer), *expected, "{query}");
    }
}

/// The faults of a query that cannot be understood.
#[track_caller]
fn refuses(app: &App, queries: &[(&str, &str)]) {
    for (query, expected) in queries {
        let answer = app.get(&format!("/v1/books?{query}"));
        assert_eq!(answer.status, 400, "{query}: {answer:?}");
        assert_eq!(answer.code(), "malformed", "{query}");
        assert_eq!(answer.faults().join(", "), *expected, "{query}");
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let app = LIBRARY.get();
    let query = "limit=x&sort=nothing&colour=red&price[between]=1&fields=nowhere";
    let faults = [
        "?limit invalid",
        "?price[between] unknown_operator",
        "?colour unknown_parameter",
        "?sort not_sortable",
        "?fields unknown_field",
    ];
    refuses(&app, &[(query, &faults.join(", "))]);
    let body = json!({"limit": 0, "sort": ["nothing"], "fields": ["nowhere"]});
    let refused = app.post("/v1/books/query", &body).expect(422);
    let faults = [
        "/limit too_small",
        "/sort not_sortable",
        "/fields unknown_field",
    ];
    assert_eq!(refused.faults(), faults);
}

#[test]
fn a_list_is_an_envelope_and_a_record_is_bare() {
    let app = LIBRARY.get();
    let list = app.get("/v1/books").expect(200);
    assert_eq!(members(&list.json()), ["items", "next_cursor"]);
    assert_eq!(list.json()["next_cursor"], json!(null));
    assert_eq!(next(&list), None);
    assert_eq!(list.items()[0], app.get("/v1/books/1").expect(200).json());
}

#[test]
fn a_nested_list_is_a_path_in_kebab_case_and_a_name_in_snake_case() {
    let app = App::start(
        "
frontdesk: 1
name: league
resources:
  Team:
    id: integer
    fields: {name: string}
    lists: {away_games: Game.away}
    access: {read: public}
  Game:
    id: integer
    fields: {away: Team}
    access: {read: public}
",
    );
    let admin = app.admin();
    admin.post("/v1/teams", &json!({"name": "a"})).expect(201);
    let path = "/v1/teams/1/away-games";
    for _ in 0..2 {
        admin.post(path, &json!({})).expect(201);
    }
    let first = app.get(&format!("{path}?limit=1")).expect(200);
    assert_eq!(ids(&first), [1]);
    let second = next(&first).unwrap();
    assert!(second.starts_with(path), "{second}");
    assert_eq!(ids(&app.get(&second).expect(200)), [2]);
    let team = app.get("/v1/teams/1?include=away_games").expect(200).json();
    assert_eq!(team["away_games"]["items"][1]["away_id"], 1);
    let miss = app.get("/v1/teams/1/away_games").expect(404).json();
    let detail = miss["detail"].as_str().unwrap();
    assert!(
        detail.contains("Did you mean `/v1/teams/1/away-games`?"),
        "{detail}"
    );
}

#[test]
fn a_page_that_goes_on_says_where_in_body_and_link() {
    let app = LIBRARY.get();
    let first = app
        .get("/v1/books?sort=-pages&limit=2&fields=id,pages")
        .expect(200);
    let cursor = first.json()["next_cursor"].as_str().unwrap().to_owned();
    assert_eq!(
        next(&first).unwrap(),
        format!("/v1/books?sort=-pages&limit=2&fields=id,pages&cursor={cursor}")
    );
    let second = app.get(&next(&first).unwrap()).expect(200);
    let third = app.get(&next(&second).unwrap()).expect(200);
    let pages = [&first, &second, &third].map(ids);
    assert_eq!(pages, [vec![1, 4], vec![2, 3], vec![5]]);
    assert_eq!(next(&third), None);
    assert_eq!(third.json()["next_cursor"], json!(null));
}

#[test]
fn links_lead_through_the_whole_list_once() {
    let app = LIBRARY.get();
    for (sort, limit, pages) in [("number", 100, 3), ("-number", 125, 2), ("-id", 7, 36)] {
        let mut found = Vec::new();
        let mut target = Some(format!("/v1/events?sort={sort}&limit={limit}"));
        let mut count = 0;
        while let Some(page) = target {
            let answer = app.get(&page).expect(200);
            found.extend(ids(&answer));
            target = next(&answer);
            count += 1;
            assert!(count <= pages, "{sort}: the pages do not end");
        }
        if sort.starts_with('-') {
            found.reverse();
        }
        assert_eq!(count, pages, "{sort}");
        assert_eq!(found, (1..=250).collect::<Vec<i64>>(), "{sort}");
    }
}

/// Also where the last record of a page has nothing to be sorted by.
#[test]
fn pages_go_on_whatever_they_are_sorted_by() {
    let app = LIBRARY.get();
    for key in [
        "id",
        "title",
        "author_id",
        "isbn",
        "pages",
        "price",
        "published",
        "kind",
        "lent",
        "kind,-pages",
        "lent,price,-title",
        "-author_id,published",
        "pages,price,kind,lent",
    ] {
        for sort in [key.to_owned(), format!("-{key}").replace("--", "")] {
            let whole = ids(&app.get(&format!("/v1/books?sort={sort}")).expect(200));
            assert_eq!(whole.len(), 5, "{sort}");
            for limit in [1, 2, 4] {
                let mut found = Vec::new();
                let mut target = Some(format!("/v1/books?sort={sort}&limit={limit}"));
                while let Some(page) = target {
                    let answer = app.get(&page).expect(200);
                    found.extend(ids(&answer));
                    assert!(found.len() <= 5, "{sort} by {limit}: {found:?}");
                    target = next(&answer);
                }
                assert_eq!(found, whole, "{sort} by {limit}");
            }
        }
    }
}

#[test]
fn a_page_has_fifty_records_unless_said_and_two_hundred_at_most() {
    let app = LIBRARY.get();
    for (query, expected) in [
        ("", 50),
        ("?limit=1", 1),
        ("?limit=200", 200),
        ("?limit=201", 200),
        ("?limit=99999999999999999999999", 200),
    ] {
        let answer = app.get(&format!("/v1/events{query}")).expect(200);
        assert_eq!(answer.items().len(), expected, "{query}");
        assert!(next(&answer).is_some());
    }
    refuses(
        &app,
        &[
            ("limit=0", "?limit too_small"),
            ("limit=-1", "?limit invalid"),
            ("limit=ten", "?limit invalid"),
            ("limit=1.5", "?limit invalid"),
            ("limit=", "?limit invalid"),
            ("limit=1&limit=2", "?limit repeated"),
        ],
    );
}

#[test]
fn there_are_no_offsets_and_unknown_parameters_name_the_known_ones() {
    let app = LIBRARY.get();
    refuses(
        &app,
        &[
            ("offset=10", "?offset unknown_parameter"),
            ("page=2", "?page unknown_parameter"),
            ("colour[eq]=red", "?colour[eq] unknown_parameter"),
            ("author.age=3", "?author.age unknown_parameter"),
            ("writer.name=Ann", "?writer.name unknown_parameter"),
        ],
    );
    let refused = app.get("/v1/books?offset=10").expect(400).json();
    let detail = refused["errors"][0]["detail"].as_str().unwrap();
    for allowed in [
        "limit",
        "cursor",
        "sort",
        "q",
        "isbn",
        "title",
        "author_id",
        "author.FIELD",
    ] {
        assert!(detail.contains(allowed), "{allowed} is not in: {detail}");
    }
    for unindexed in ["blurb", "rating"] {
        assert!(!detail.contains(unindexed), "{unindexed} is in: {detail}");
    }
    let meant = app.get("/v1/books?limt=2").expect(400).json();
    let detail = meant["detail"].as_str().unwrap();
    assert!(detail.ends_with("Did you mean `limit`?"), "{detail}");
}

#[test]
fn a_cursor_continues_its_own_list_and_no_other() {
    let app = LIBRARY.get();
    let first = app
        .get("/v1/books?sort=pages&pages[gte]=100&limit=1")
        .expect(200);
    let cursor = first.json()["next_cursor"].as_str().unwrap().to_owned();
    let with = |path: &str| app.get(&format!("{path}cursor={cursor}"));
    // How much and which part of each record may change on the way.
    for query in [
        "",
        "limit=3&",
        "fields=id&",
        "include=author&",
        "total=true&",
    ] {
        let path = format!("/v1/books?sort=pages&pages[gte]=100&{query}");
        assert_eq!(ids(&with(&path).expect(200))[0], 2, "{query}");
    }
    let mut forged = cursor.clone();
    let last = forged.pop().unwrap();
    forged.push(if last == 'A' { 'B' } else { 'A' });
    for refused in [
        with("/v1/books?sort=-pages&pages[gte]=100&"),
        with("/v1/books?sort=pages,title&pages[gte]=100&"),
        with("/v1/books?sort=pages&pages[gte]=101&"),
        with("/v1/books?sort=pages&pages[gt]=100&"),
        with("/v1/books?sort=pages&pages[gte]=100&kind=novel&"),
        with("/v1/books?sort=pages&pages[gte]=100&q=dune&"),
        with("/v1/books?sort=pages&"),
        with("/v1/books?"),
        with("/v1/authors?"),
        with("/v1/authors/1/books?sort=pages&pages[gte]=100&"),
        app.get(&format!(
            "/v1/books?sort=pages&pages[gte]=100&cursor={forged}"
        )),
        app.get("/v1/books?cursor=nonsense"),
        app.get("/v1/books?cursor=c_"),
        app.get("/v1/books?cursor=MQ"),
    ] {
        assert_eq!(
            (refused.status, &*refused.code()),
            (400, "cursor_mismatch"),
            "{refused:?}"
        );
        assert_eq!(refused.faults(), ["?cursor cursor_mismatch"]);
    }
    refuses(&app, &[("cursor=", "?cursor invalid")]);
}

#[test]
fn a_cursor_gives_no_access_by_itself() {
    let app = LIBRARY.get();
    let user = |id: &str| {
        let key = app.key().scope("notes.read").scope("notes.write");
        key.user(id).client()
    };
    let (ann, bob) = (user("ann"), user("bob"));
    for n in 0..3 {
        ann.post("/v1/notes", &json!({"text": format!("ann's {n}")}))
            .expect(201);
        bob.post("/v1/notes", &json!({"text": format!("bob's {n}")}))
            .expect(201);
    }
    let target = next(&ann.get("/v1/notes?limit=1").expect(200)).unwrap();
    assert_eq!(each(&ann.get(&target), "owner"), ["ann"]);
    assert_eq!(each(&bob.get(&target), "owner"), ["bob"]);
    app.get(&target).expect(401);
    let unscoped = app.key().user("ann").client();
    assert_eq!(
        unscoped.get(&target).expect(403).code(),
        "insufficient_scope"
    );
}

#[test]
fn a_total_is_counted_when_asked_for() {
    let app = LIBRARY.get();
    let total = |target: &str| app.get(target).expect(200).json().get("total").cloned();
    assert_eq!(total("/v1/events?limit=1"), None);
    assert_eq!(total("/v1/events?limit=1&total=false"), None);
    assert_eq!(total("/v1/events?limit=1&total=true"), Some(json!(250)));
    assert_eq!(
        total("/v1/events?number[gt]=240&limit=1&total=true"),
        Some(json!(10))
    );
    assert_eq!(total("/v1/books?q=dune&total=true"), Some(json!(3)));
    // Of the whole list on every page, and never of what may not be seen.
    let second = next(&app.get("/v1/events?limit=200&total=true")).unwrap();
    assert_eq!(total(&second), Some(json!(250)));
    assert_eq!(total("/v1/authors?total=true"), Some(json!(1)));
    refuses(
        &app,
        &[("total=1", "?total invalid"), ("total", "?total invalid")],
    );
}

#[test]
fn every_operator_says_what_it_means() {
    let app = LIBRARY.get();
    finds(
        &app,
        &[
            ("title=Dune", &[1]),
            ("title[eq]=Dune", &[1]),
            ("title[ne]=Dune", &[2, 3, 4, 5]),
            ("pages[lt]=300", &[3, 5]),
            ("pages[lte]=300", &[2, 3, 4, 5]),
            ("pages[gt]=300", &[1]),
            ("pages[gte]=300", &[1, 2, 4]),
            ("id[in]=1,3,99", &[1, 3]),
            ("title[in]=Emma,dune%5C,%20again", &[4, 5]),
            ("title[contains]=une", &[1, 2, 5]),
            ("title[contains]=UNE", &[]),
            ("title[contains]=%25", &[]),
            ("title[starts_with]=Dune", &[1, 2]),
            ("title[starts_with]=%C3%84", &[3]),
            ("price[is_null]=true", &[2, 5]),
            ("price[is_null]=false", &[1, 3, 4]),
            // A value that is not there is no other value's equal, and different from all.
            ("price[ne]=20", &[1, 2, 4, 5]),
            ("price[lt]=100", &[1, 3, 4]),
        ],
    );
}

#[test]
fn every_type_is_compared_as_what_it_is() {
    let app = LIBRARY.get();
    finds(
        &app,
        &[
            // Not as text: 9.5 < 9.99 < 20.
            ("price[gt]=9.5", &[1, 3]),
            ("price=9.990", &[1]),
            ("pages[gt]=99", &[1, 2, 3, 4]),
            ("published[lt]=1900-01-01", &[4]),
            ("published[gte]=1965-08-01", &[1, 2]),
            ("kind=essay", &[3, 5]),
            ("kind[in]=essay,novel", &[1, 2, 3, 4, 5]),
            ("lent=true", &[3]),
            ("author_id=1", &[1, 2]),
            ("author_id[is_null]=true", &[4, 5]),
            ("isbn=222", &[2]),
            ("id=4", &[4]),
        ],
    );
}

#[test]
fn conditions_are_all_to_hold() {
    let app = LIBRARY.get();
    finds(
        &app,
        &[
            ("pages[gte]=100&pages[lt]=600", &[2, 3, 4]),
            ("title[starts_with]=Dune&pages=300&author_id=1", &[2]),
            ("kind=essay&author_id[is_null]=false", &[3]),
            ("kind=essay&kind[ne]=essay", &[]),
            // Brackets as browsers send them.
            ("pages%5Bgte%5D=300&title%5Bcontains%5D=+", &[2]),
        ],
    );
}

#[test]
fn one_hop_goes_over_a_relation_and_not_to_hidden_records() {
    let app = LIBRARY.get();
    finds(
        &app,
        &[
            ("author.name=Ann", &[1, 2]),
            ("author.name[starts_with]=A&pages[lt]=600", &[2]),
            ("author.id=1", &[1, 2]),
            ("author.name=Bob", &[]),
            ("author.name[ne]=Ann", &[]),
            ("author.name[in]=Ann,Bob", &[1, 2]),
        ],
    );
    refuses(
        &app,
        &[(
            "author.books.title=x",
            "?author.books.title unknown_parameter",
        )],
    );
}

#[test]
fn operators_and_operands_fit_the_field() {
    let app = LIBRARY.get();
    refuses(
        &app,
        &[
            ("pages[contains]=3", "?pages[contains] operator_not_allowed"),
            ("lent[gt]=false", "?lent[gt] operator_not_allowed"),
            ("kind[lt]=novel", "?kind[lt] operator_not_allowed"),
            (
                "title[is_null]=true",
                "?title[is_null] operator_not_allowed",
            ),
            ("price[is_null]=maybe", "?price[is_null] invalid_format"),
            ("pages=many", "?pages invalid_format"),
            ("pages=99999999999", "?pages out_of_range"),
            ("price=1e3", "?price invalid_format"),
            ("published=2026-02-30", "?published invalid_format"),
            ("kind=poem", "?kind not_in_enum"),
            ("lent=yes", "?lent invalid_format"),
            ("author_id=x", "?author_id invalid_format"),
            ("id[in]=1,x", "?id[in] invalid_format"),
            ("title[like]=x", "?title[like] unknown_operator"),
            ("title[LT]=x", "?title[LT] unknown_operator"),
            ("title[=x", "?title[ unknown_parameter"),
            ("title=%00", "?title invalid_character"),
            ("q=a%00b", "?q invalid_character"),
            ("title=%ff", "?title invalid_encoding"),
            ("title=%", "?title invalid_encoding"),
            ("title=a&title=b", "?title repeated"),
        ],
    );
    let many = vec!["1"; 101].join(",");
    refuses(&app, &[(&format!("id[in]={many}"), "?id[in] too_many")]);
}

#[test]
fn only_what_is_indexed_can_be_filtered_and_sorted_by() {
    let app = LIBRARY.get();
    refuses(
        &app,
        &[
            ("blurb=x", "?blurb not_filterable"),
            ("rating[gt]=3", "?rating[gt] not_filterable"),
            ("author.hidden=false", "?author.hidden unknown_parameter"),
            ("sort=blurb", "?sort not_sortable"),
            ("sort=rating", "?sort not_sortable"),
            ("sort=colour", "?sort not_sortable"),
            ("sort=author.name", "?sort invalid"),
        ],
    );
}

#[test]
fn sorts_have_several_keys_and_close_with_the_id() {
    let app = LIBRARY.get();
    finds(
        &app,
        &[
            ("sort=pages", &[5, 3, 2, 4, 1]),
            ("sort=-pages", &[1, 4, 2, 3, 5]),
            ("sort=pages,-title", &[5, 3, 4, 2, 1]),
            ("sort=kind,-pages", &[3, 5, 1, 4, 2]),
            ("sort=-id", &[5, 4, 3, 2, 1]),
            ("sort=title", &[1, 2, 4, 5, 3]),
            // Nothing comes before something, and after it the other way round.
            ("sort=price", &[2, 5, 4, 1, 3]),
            ("sort=-price", &[3, 1, 4, 5, 2]),
            ("sort=-published,title", &[2, 1, 4, 5, 3]),
        ],
    );
    refuses(
        &app,
        &[
            ("sort=", "?sort invalid"),
            ("sort=+title", "?sort invalid"),
            ("sort=title,", "?sort invalid"),
            ("sort=title%20desc", "?sort invalid"),
            ("sort=title,-title", "?sort repeated"),
            ("sort=title,pages,price,kind,lent", "?sort too_many"),
        ],
    );
}

#[test]
fn a_search_finds_records_with_all_the_words() {
    let app = LIBRARY.get();
    finds(
        &app,
        &[
            ("q=dune", &[1, 2, 5]),
            ("q=DUNE+mess", &[2]),
            ("q=%C3%A4pf", &[3]),
            ("q=sand+dune", &[1]),
            ("q=%C3%BCber", &[1]),
            ("q=nothing", &[]),
            ("q=%25", &[]),
            ("q=", &[1, 2, 3, 4, 5]),
            ("q=dune&pages[lt]=600&sort=-pages", &[2, 5]),
        ],
    );
    let refused = app.get("/v1/authors?q=ann").expect(400);
    assert_eq!(refused.faults(), ["?q not_searchable"]);
    refuses(&app, &[(&format!("q={}", "x".repeat(201)), "?q too_long")]);
}

#[test]
fn everything_wrong_with_a_query_is_told_at_once() {
    let app = LIBRARY.get();
    refuses(
        &app,
        &[
            (
                "blurb=x&pages=many&sort=colour&author.age=3",
                "?blurb not_filterable, ?pages invalid_format, ?author.age unknown_parameter, ?sort not_sortable",
            ),
            ("limit=x&total=y", "?limit invalid, ?total invalid"),
        ],
    );
    let many: String = (0..101).map(|n| format!("a{n}=1&")).collect();
    app.get(&format!("/v1/books?{many}")).expect(400);
}

#[test]
fn a_nested_collection_is_the_list_of_one_record() {
    let app = LIBRARY.get();
    let list = |target: &str| -> Answer { app.get(target).expect(200) };
    assert_eq!(ids(&list("/v1/authors/1/books")), [1, 2]);
    assert_eq!(ids(&list("/v1/authors/1/books?pages[lt]=600")), [2]);
    assert_eq!(ids(&list("/v1/authors/1/books?sort=-title&limit=1")), [2]);
    assert_eq!(list("/v1/books/4/reviews?total=true").json()["total"], 60);
    let page = list("/v1/books/4/reviews?limit=59");
    let target = next(&page).unwrap();
    assert!(
        target.starts_with("/v1/books/4/reviews?limit=59&cursor="),
        "{target}"
    );
    assert_eq!(list(&target).items().len(), 1);
    // One list's cursor is not another's.
    let cursor = target.split_once("cursor=").unwrap().1;
    let other = app.get(&format!("/v1/books/1/reviews?cursor={cursor}"));
    assert_eq!(other.expect(400).code(), "cursor_mismatch");
    // What cannot be seen has no lists, and neither has what is not there.
    for target in [
        "/v1/authors/2/books",
        "/v1/authors/99/books",
        "/v1/authors/x/books",
    ] {
        assert_eq!(app.get(target).expect(404).code(), "not_found", "{target}");
    }
}

#[test]
fn an_unknown_name_is_answered_with_the_one_that_was_meant() {
    let app = LIBRARY.get();
    for (query, expected) in [
        (
            "author=1",
            "There is no parameter `author` (use `author_id`).",
        ),
        (
            "authorId=1",
            "There is no parameter `authorId` (did you mean `author_id`?).",
        ),
        (
            "titel=Dune",
            "There is no parameter `titel` (did you mean `title`?).",
        ),
        (
            "author.nme=Ann",
            "There is no parameter `author.nme` (did you mean `author.name`?).",
        ),
        (
            "author_id.name=Ann",
            "There is no parameter `author_id.name` (use `author.name`).",
        ),
        ("sort=-author", "Cannot sort by `author` (use `author_id`);"),
        (
            "sort=titel",
            "Cannot sort by `titel` (did you mean `title`?);",
        ),
        (
            "fields=titel",
            "Book has no field `titel` (did you mean `title`?);",
        ),
        (
            "include=author_id",
            "There is no relation `author_id` (use `author`);",
        ),
        // Nothing is near, or it cannot be asked.
        ("colour=red", "There is no parameter `colour`. Allowed:"),
        ("blurbs=red", "There is no parameter `blurbs`. Allowed:"),
    ] {
        let refused = app.get(&format!("/v1/books?{query}")).expect(400).json();
        let detail = refused["errors"][0]["detail"].as_str().unwrap();
        assert!(detail.starts_with(expected), "{query}: {detail}");
    }
    let body = json!({"where": {"author": 1}});
    let refused = app.post("/v1/books/query", &body).expect(422).json();
    let detail = refused["errors"][0]["detail"].as_str().unwrap();
    assert!(
        detail.starts_with("There is no field `author` (use `author_id`)"),
        "{detail}"
    );
}
