//! Lists as NDJSON and CSV: whole, in pieces, and never silently short.

use std::io::Read;
use std::time::{Duration, Instant};

use frontdesk::engine::STREAMS_MAX;
use serde_json::{Value as Json, json};
use testkit::{Answer, App, eventually};

use crate::support::{Connection, LIBRARY, ids, next, raw};

const NDJSON: &str = "application/x-ndjson";
const CSV: &str = "text/csv";

#[track_caller]
fn get(app: &App, target: &str, accept: &str) -> Answer {
    app.request("GET", target).header("accept", accept).send()
}

#[track_caller]
fn lines(answer: &Answer) -> Vec<Json> {
    let text = answer.text();
    assert!(text.is_empty() || text.ends_with('\n'), "{text:?}");
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// All records of a list, page by page.
fn by_pages(app: &App, target: &str) -> Vec<Json> {
    let mut records = Vec::new();
    let mut page = Some(target.to_owned());
    while let Some(target) = page {
        let answer = app.get(&target).expect(200);
        records.extend(answer.items());
        page = next(&answer);
    }
    records
}

#[test]
fn a_stream_is_the_whole_list_in_its_order() {
    let app = LIBRARY.get();
    for query in [
        "/v1/events?",
        "/v1/events?sort=-number",
        "/v1/events?number[gt]=100&fields=number",
        "/v1/events?number[lt]=0",
        "/v1/books?",
        "/v1/books?sort=price",
        "/v1/books?sort=-price,title",
        "/v1/books?sort=author_id,-published",
        "/v1/books?q=dune",
        "/v1/books?include=author,reviews&fields=title",
        "/v1/authors/1/books?sort=-id",
        "/v1/books/4/reviews?sort=-id",
    ] {
        let answer = get(&app, query, NDJSON).expect(200);
        assert_eq!(answer.header("content-type").unwrap(), NDJSON);
        assert_eq!(answer.header("content-length"), None);
        let vary = answer.header("vary").unwrap();
        assert!(vary.contains("Accept"), "{vary}");
        assert_eq!(
            lines(&answer),
            by_pages(&app, &format!("{query}&limit=7")),
            "{query}"
        );
    }
}

#[test]
fn limit_and_cursor_cut_a_stream() {
    let app = LIBRARY.get();
    for limit in [1, 49, 50, 51, 200, 201, 249, 250, 251, 100_000] {
        let answer = get(&app, &format!("/v1/events?limit={limit}"), NDJSON).expect(200);
        assert_eq!(lines(&answer).len(), limit.min(250), "{limit}");
    }
    let page = app.get("/v1/events?limit=200").expect(200).json();
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = get(&app, &format!("/v1/events?cursor={cursor}"), NDJSON).expect(200);
    let rest: Vec<Json> = lines(&rest).iter().map(|line| line["id"].clone()).collect();
    assert_eq!(rest, (201..=250).map(Json::from).collect::<Vec<_>>());
}

#[test]
fn the_client_chooses_the_format() {
    let app = LIBRARY.get();
    let json = "application/json";
    let csv = "text/csv; charset=utf-8; header=present";
    let bare = "text/csv; charset=utf-8; header=absent";
    for (accept, expected) in [
        ("*/*", json),
        ("application/*", json),
        ("text/*", csv),
        ("application/vnd.api+json", json),
        ("text/csv, application/json", json),
        ("text/csv, application/json;q=0.9", csv),
        ("application/x-ndjson, */*;q=0.1", NDJSON),
        ("text/csv;q=0.5, application/x-ndjson;q=0.6", NDJSON),
        ("application/json;q=0, */*", NDJSON),
        ("Text/CSV", csv),
        ("text/csv; charset=UTF-8; header=present", csv),
        ("text/csv; header=absent", bare),
        ("text/csv; header=absent; q=0.5, text/csv", csv),
        ("text/csv; charset=utf-16, */*;q=0.1", json),
        ("application/ndjson", NDJSON),
        ("application/jsonl, text/html", NDJSON),
    ] {
        let answer = get(&app, "/v1/books", accept).expect(200);
        assert_eq!(answer.header("content-type").unwrap(), expected, "{accept}");
        let head = app.request("HEAD", "/v1/books").header("accept", accept);
        let head = head.send().expect(200);
        assert_eq!(head.header("content-type").unwrap(), expected, "{accept}");
        assert_eq!(head.body, b"");
    }
    let refused = get(&app, "/v1/books", "text/html").expect(406);
    assert_eq!(
        refused.json()["offered"],
        json!(["application/json", "application/x-ndjson", "text/csv"])
    );
    get(&app, "/v1/books", "text/csv; charset=utf-16").expect(406);
    get(&app, "/v1/books", "text/csv; header=maybe").expect(406);
    // Records are no lists.
    for target in ["/v1/books/1", "/v1/authors/1"] {
        get(&app, target, CSV).expect(406);
    }
    // HTTP/1.0 could not tell a whole answer from one that was cut.
    let old = |accept: &str| {
        raw(
            &app,
            format!("GET /v1/books HTTP/1.0\r\nAccept: {accept}\r\n\r\n"),
        )
    };
    old(NDJSON).expect(406);
    old("application/x-ndjson, application/json;q=0.1").expect(200);
}

#[test]
fn what_refuses_a_list_refuses_a_stream() {
    let app = LIBRARY.get();
    for (target, status) in [
        ("/v1/books?colour=red", 400),
        ("/v1/books?limit=0", 400),
        ("/v1/books?cursor=c_AAAA", 400),
        ("/v1/books?cost=5", 401),
        ("/v1/authors/2/books", 404),
        ("/v1/notes", 401),
        ("/v1/nothing", 404),
    ] {
        for accept in [NDJSON, CSV] {
            let refused = get(&app, target, accept);
            assert_eq!(refused.status, status, "{target}: {refused:?}");
            let media = refused.header("content-type").unwrap();
            assert_eq!(media, "application/problem+json", "{target}");
        }
    }
    let refused = get(&app, "/v1/books?total=true", CSV).expect(400);
    assert_eq!(refused.faults(), ["?total not_here"]);
    // Nothing to see is not the same as nothing to be seen.
    let reader = app.key().user("ann").scope("notes.read").client();
    let empty = reader.request("GET", "/v1/notes").header("accept", NDJSON);
    assert_eq!(empty.send().expect(200).body, b"");
}

#[test]
fn queries_in_bodies_are_streamed_too() {
    let app = LIBRARY.get();
    let body = json!({"where": {"not": {"id": {"in": [1, 2]}}}, "fields": ["id"], "limit": 2});
    for (method, target) in [("QUERY", "/v1/books"), ("POST", "/v1/books/query")] {
        let ask = |accept: &str| {
            let request = app.request(method, target).header("accept", accept);
            request.json(&body).send().expect(200)
        };
        assert_eq!(ask(NDJSON).text(), "{\"id\":3}\n{\"id\":4}\n");
        assert_eq!(ask(CSV).text(), "id\r\n3\r\n4\r\n");
    }
    let wrong = app.request("QUERY", "/v1/books").header("accept", CSV);
    let wrong = wrong.json(&json!({"total": true})).send().expect(422);
    assert_eq!(wrong.faults(), ["/total not_here"]);
}

#[test]
fn csv_has_a_row_of_names_and_a_row_for_each_record() {
    let app = LIBRARY.get();
    let fields = "id,title,price,lent,published,blurb";
    let answer = get(
        &app,
        &format!("/v1/books?fields={fields}&id[in]=1,2,3"),
        CSV,
    )
    .expect(200);
    assert_eq!(
        answer.text(),
        "id,title,price,published,lent,blurb\r\n\
         1,Dune,9.99,1965-08-01,false,\"Sand, and Über-worms\"\r\n\
         2,Dune Messiah,,1969-10-15,false,\r\n\
         3,Äpfel,20,,true,\r\n"
    );
    let none = get(&app, "/v1/books?fields=id,title&id=99", CSV).expect(200);
    assert_eq!(none.text(), "id,title\r\n");
    let bare = "text/csv; header=absent";
    let answer = get(&app, "/v1/books?fields=id,title&id=1", bare).expect(200);
    assert_eq!(answer.text(), "1,Dune\r\n");
    let none = get(&app, "/v1/books?fields=id,title&id=99", bare).expect(200);
    assert_eq!(none.text(), "");
}

#[test]
fn what_is_nested_has_columns_or_is_json() {
    let app = LIBRARY.get();
    let target = "/v1/books?fields=id,author.name,reviews.stars&id[in]=1,3,5&include=author";
    let answer = get(&app, target, CSV).expect(200);
    assert_eq!(
        answer.text(),
        "id,author.name,reviews\r\n\
         1,Ann,\"{\"\"items\"\":[{\"\"stars\"\":5},{\"\"stars\"\":2}],\"\"next_cursor\"\":null}\"\r\n\
         3,,\"{\"\"items\"\":[{\"\"stars\"\":4}],\"\"next_cursor\"\":null}\"\r\n\
         5,,\"{\"\"items\"\":[],\"\"next_cursor\"\":null}\"\r\n"
    );
}

#[test]
fn every_value_has_its_cells() {
    let app = App::start(
        "
frontdesk: 1
name: shop
auth: {api_keys: true}
rules: {staff: user.role == 'staff'}
resources:
  Shop:
    id: integer
    fields: {name: string, till: money, note?: string}
    access: {read: public}
  Item:
    id: integer
    fields:
      text:   string
      price?: money
      tags:   {type: array, items: string, default: []}
      shop?:  Shop
      cost?:  {type: integer, access: {read: this.text == 'open' || staff}}
    access: {read: public}
",
    );
    let admin = app.admin();
    let shop = json!({"name": "a", "till": {"amount": "5", "currency": "EUR"}});
    admin.post("/v1/shops", &shop).expect(201);
    for item in [
        json!({"text": "open", "price": {"amount": "12.50", "currency": "EUR"}, "tags": ["a", "b,c"], "shop_id": 1, "cost": 3}),
        json!({"text": "a \"b\"\r\nc", "cost": 4}),
        json!({"text": ""}),
        json!({"text": "=1+1", "tags": ["x"]}),
    ] {
        admin.post("/v1/items", &item).expect(201);
    }
    let fields = "id,text,price,tags,cost,shop.name,shop.till,shop.note";
    let answer = get(&app, &format!("/v1/items?fields={fields}"), CSV).expect(200);
    assert_eq!(
        answer.text(),
        "id,text,price_amount,price_currency,tags,cost,shop.name,shop.till_amount,shop.till_currency,shop.note\r\n\
         1,open,12.50,EUR,\"[\"\"a\"\",\"\"b,c\"\"]\",3,a,5.00,EUR,\r\n\
         2,\"a \"\"b\"\"\r\nc\",,,[],,,,,\r\n\
         3,\"\",,,[],,,,,\r\n\
         4,=1+1,,,\"[\"\"x\"\"]\",,,,,\r\n"
    );
}

#[test]
fn a_stream_is_compressed_while_it_passes() {
    let app = LIBRARY.get();
    let plain = get(&app, "/v1/events", NDJSON).expect(200).body;
    for coding in ["gzip", "br"] {
        let request = app.request("GET", "/v1/events").header("accept", NDJSON);
        let answer = request.header("accept-encoding", coding).send().expect(200);
        assert_eq!(answer.header("content-encoding").unwrap(), coding);
        assert!(answer.body.len() < plain.len() / 5);
        let mut found = Vec::new();
        if coding == "gzip" {
            let mut decoder = flate2::read::GzDecoder::new(&*answer.body);
            decoder.read_to_end(&mut found).unwrap();
        } else {
            brotli::BrotliDecompress(&mut &*answer.body, &mut found).unwrap();
        }
        assert_eq!(found, plain, "{coding}");
    }
}

/// Enough records that no buffer between server and client holds them all.
fn much(name: &str) -> App {
    let text = "x".repeat(4000);
    let records: String = (1..=4000)
        .map(|n| format!("{{\"id\": {n}, \"text\": \"{text}\"}}\n"))
        .collect();
    App::builder()
        .file("frontdesk.yaml", &much_contract(name, ""))
        .file("seed/pages.ndjson", &records)
        .start()
}

fn much_contract(name: &str, more: &str) -> String {
    format!(
        "
frontdesk: 1
name: much
resources:
  {name}:
    id: integer
    fields: {{text: string}}
    access: {{read: public}}
    {more}
"
    )
}

#[test]
fn what_fails_on_the_way_is_cut_and_not_ended() {
    let app = much("Page");
    let ask = || {
        let mut connection = Connection::open(app.address());
        connection
            .send("GET /v1/pages HTTP/1.1\r\nHost: x\r\nAccept: application/x-ndjson\r\n\r\n");
        connection.head();
        connection
    };
    let connection = ask();
    // The table that is read from goes away under the reader.
    app.swap(&much_contract("Leaf", "was: Page")).unwrap();
    let rest = connection.rest();
    assert!(rest.len() > 10_000, "{}", rest.len());
    assert!(
        !rest.ends_with(b"0\r\n\r\n"),
        "it ended as if it were whole"
    );
    // What goes well has an end.
    app.swap(&much_contract("Page", "was: Leaf")).unwrap();
    assert!(ask().until(b"0\r\n\r\n") > 4000 * 4000);
}

#[test]
fn a_client_that_goes_away_ends_its_stream_and_nobody_elses() {
    let app = much("Page");
    for _ in 0..20 {
        let mut connection = Connection::open(app.address());
        connection
            .send("GET /v1/pages HTTP/1.1\r\nHost: x\r\nAccept: application/x-ndjson\r\n\r\n");
        connection.head();
    }
    assert_eq!(ids(&app.get("/v1/pages?limit=2").expect(200)), [1, 2]);
    let whole = get(&app, "/v1/pages?fields=id", NDJSON).expect(200);
    assert_eq!(lines(&whole).len(), 4000);
}

#[test]
fn streams_that_nobody_reads_hold_up_nobody_and_are_bounded() {
    let app = much("Page");
    let ask = || {
        let mut connection = Connection::open(app.address());
        connection
            .send("GET /v1/pages HTTP/1.1\r\nHost: x\r\nAccept: application/x-ndjson\r\n\r\n");
        connection
    };
    let mut unread: Vec<Connection> = (0..STREAMS_MAX).map(|_| ask()).collect();
    for _ in 0..10 {
        let began = Instant::now();
        app.get("/healthz").expect(200);
        assert_eq!(app.get("/v1/pages/7?fields=id").expect(200).json()["id"], 7);
        let took = began.elapsed();
        assert!(took < Duration::from_secs(2), "{took:?}");
    }
    for connection in &mut unread {
        assert_eq!(connection.head().status, 200);
    }
    for format in [NDJSON, CSV] {
        let refused = get(&app, "/v1/pages", format).expect(503);
        assert_eq!(refused.header("retry-after").as_deref(), Some("1"));
    }
    // What is refused anyway is told first, and pages are for everybody.
    get(&app, "/v1/pages?colour=red", NDJSON).expect(400);
    assert_eq!(ids(&app.get("/v1/pages?limit=2").expect(200)), [1, 2]);

    drop(unread);
    eventually("a free place", || {
        (get(&app, "/v1/pages?fields=id", NDJSON).status == 200).then_some(())
    });
}
