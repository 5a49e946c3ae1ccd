//! Connections: kept, pipelined, HTTP/2, many at once; and the id every request has.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use testkit::{Answer, App};

use crate::support::{Connection, LIBRARY, feed, ids, raw};

#[test]
fn a_connection_serves_one_request_after_another() {
    let app = LIBRARY.get();
    let mut connection = Connection::open(app.address());
    for (request, status) in [
        ("GET /v1/books/1 HTTP/1.1\r\nHost: x\r\n\r\n", 200),
        ("GET /v1/nothing HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (
            "POST /v1/books HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
            401,
        ),
        ("OPTIONS /v1/books HTTP/1.1\r\nHost: x\r\n\r\n", 204),
        ("GET /v1/books?limit=x HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (
            "GET /v1/books/2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            200,
        ),
    ] {
        assert_eq!(
            connection.send(request).answer().status,
            status,
            "{request}"
        );
    }
    assert_eq!(connection.rest(), b"");
}

#[test]
fn requests_sent_ahead_are_answered_in_order() {
    let app = LIBRARY.get();
    let mut connection = Connection::open(app.address());
    let requests: String = (1..=100)
        .map(|n| format!("GET /v1/events/{n}?fields=number HTTP/1.1\r\nHost: x\r\n\r\n"))
        .collect();
    connection.send(requests);
    for n in 1..=100 {
        assert_eq!(connection.answer().expect(200).json(), json!({"number": n}));
    }
}

#[test]
fn http_1_0_is_understood() {
    let app = LIBRARY.get();
    let mut connection = Connection::open(app.address());
    let answer = connection
        .send("GET /v1/books/1?fields=id HTTP/1.0\r\n\r\n")
        .answer();
    assert_eq!(answer.expect(200).json(), json!({"id": 1}));
    assert_eq!(connection.rest(), b"");
}

#[test]
fn an_offer_to_upgrade_may_be_left_aside() {
    let app = LIBRARY.get();
    for upgrade in ["h2c", "websocket", "TLS/1.0"] {
        let request = format!(
            "GET /v1/books/1?fields=id HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: {upgrade}\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
        );
        let answer = Connection::open(app.address()).send(request).answer();
        assert_eq!(answer.expect(200).json(), json!({"id": 1}), "{upgrade}");
    }
}

#[test]
fn a_client_that_waits_for_leave_gets_it_or_the_refusal() {
    let app = LIBRARY.get();
    let head = |length: usize| {
        format!(
            "POST /v1/books HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    let mut connection = Connection::open(app.address());
    assert_eq!(connection.send(head(2)).head().status, 100);
    assert_eq!(connection.send("{}").answer().status, 401);
    let mut connection = Connection::open(app.address());
    assert_eq!(connection.send(head(9_999_999)).answer().status, 413);
}

async fn over_http2(app: &App, requests: Vec<http::Request<Full<Bytes>>>) -> Vec<Answer> {
    let stream = tokio::net::TcpStream::connect(app.address()).await.unwrap();
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let running: Vec<_> = requests
        .into_iter()
        .map(|request| {
            let mut sender = sender.clone();
            tokio::spawn(async move {
                let (head, body) = sender.send_request(request).await.unwrap().into_parts();
                let headers = head.headers.iter().map(|(name, value)| {
                    (name.as_str().to_owned(), value.to_str().unwrap().to_owned())
                });
                Answer {
                    status: head.status.as_u16(),
                    headers: headers.collect(),
                    body: body.collect().await.unwrap().to_bytes().to_vec(),
                }
            })
        })
        .collect();
    let mut answers = Vec::new();
    for answer in running {
        answers.push(answer.await.unwrap());
    }
    answers
}

#[test]
fn http_2_says_the_same_on_the_same_port() {
    let app = LIBRARY.get();
    let targets = [
        "/v1/books",
        "/v1/books/1",
        "/v1/books?limit=1",
        "/v1/events?limit=200",
        "/v1/nothing",
        "/v1/books?x=1",
        "/v1/notes",
    ];
    let cases: Vec<(&str, &str)> = targets
        .iter()
        .flat_map(|target| ["GET", "HEAD", "OPTIONS", "DELETE"].map(|method| (method, *target)))
        .collect();
    let requests = cases.iter().map(|(method, target)| {
        let uri = format!("http://{}{target}", app.address());
        http::Request::builder()
            .method(*method)
            .uri(uri)
            .body(Full::default())
            .unwrap()
    });
    let answers = app.wait(over_http2(&app, requests.collect()));
    for ((method, target), answer) in cases.into_iter().zip(answers) {
        let other = app.request(method, target).send();
        let stable = |answer: &Answer| {
            let mut headers = answer.headers.clone();
            headers.retain(|(name, _)| !["date", "x-request-id", "connection"].contains(&&**name));
            headers.sort();
            headers
        };
        assert_eq!(answer.status, other.status, "{method} {target}");
        assert_eq!(stable(&answer), stable(&other), "{method} {target}");
        assert_eq!(answer.body, other.body, "{method} {target}");
    }
}

#[test]
fn http_2_serves_many_writes_at_once() {
    let app = App::start(COUNTER);
    let requests = (0..100).map(|n| {
        http::Request::post(format!("http://{}/v1/things", app.address()))
            .header("content-type", "application/json")
            .body(Full::from(json!({"text": n.to_string()}).to_string()))
            .unwrap()
    });
    let answers = app.wait(over_http2(&app, requests.collect()));
    let mut made: Vec<i64> = answers
        .into_iter()
        .map(|answer| answer.expect(201).json()["id"].as_i64().unwrap())
        .collect();
    made.sort_unstable();
    assert_eq!(made, (1..=100).collect::<Vec<i64>>());
}

const COUNTER: &str = "
frontdesk: 1
name: counter
resources:
  Thing:
    id: integer
    fields: {text: {type: string, unique: true}}
    access: {read: public, write: public}
";

#[test]
fn a_hundred_clients_at_once_each_find_what_they_wrote() {
    let app = App::start(COUNTER);
    let client = testkit::Client::clone(&app);
    std::thread::scope(|scope| {
        for n in 0..100 {
            let client = client.clone();
            scope.spawn(move || {
                let text = format!("of client {n}");
                let made = client
                    .post("/v1/things", &json!({"text": text}))
                    .expect(201);
                let path = made.header("location").unwrap();
                let read = client.get(&path).expect(200);
                assert_eq!((read.etag(), read.json()), (made.etag(), made.json()));
                let text = format!("still of client {n}");
                let patch = client.request("PATCH", &path).json(&json!({"text": text}));
                let patched = patch.header("if-match", made.etag()).send().expect(200);
                assert_eq!(client.get(&path).expect(200).json(), patched.json());
                if n % 2 == 0 {
                    client.delete(&path).expect(204);
                    client.get(&path).expect(404);
                }
            });
        }
    });
    let left = app.get("/v1/things?total=true&limit=200").expect(200);
    assert_eq!(left.json()["total"], 50);
    assert!(left.items().iter().all(|thing| {
        thing["text"]
            .as_str()
            .unwrap()
            .starts_with("still of client")
    }));
    assert_eq!(feed(&app).len(), 250);
}

#[test]
fn of_a_hundred_changes_to_the_same_state_one_is_made() {
    let app = App::start(COUNTER);
    let made = app
        .post("/v1/things", &json!({"text": "first"}))
        .expect(201);
    let path = made.header("location").unwrap();
    let client = testkit::Client::clone(&app);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..100)
            .map(|n| {
                let (client, path, tag) = (client.clone(), path.clone(), made.etag());
                scope.spawn(move || {
                    let patch = client
                        .request("PATCH", &path)
                        .json(&json!({"text": n.to_string()}));
                    patch.header("if-match", tag).send().status
                })
            })
            .collect();
        running
            .into_iter()
            .map(|running| running.join().unwrap())
            .collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1);
    assert_eq!(statuses.iter().filter(|status| **status == 412).count(), 99);
    assert_eq!(feed(&app), ["create Thing 1 v1", "update Thing 1 v2"]);
}

#[test]
fn of_a_hundred_takers_of_a_unique_value_one_gets_it() {
    let app = App::start(COUNTER);
    let client = testkit::Client::clone(&app);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..100)
            .map(|_| {
                let client = client.clone();
                scope.spawn(move || {
                    client
                        .post("/v1/things", &json!({"text": "seat A4"}))
                        .status
                })
            })
            .collect();
        running
            .into_iter()
            .map(|running| running.join().unwrap())
            .collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1);
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 99);
    assert_eq!(ids(&app.get("/v1/things")).len(), 1);
    assert_eq!(feed(&app).len(), 1);
}

#[test]
fn every_request_has_an_id() {
    let app = LIBRARY.get();
    let admin = app.admin();
    let made = |answer: Answer| answer.header("x-request-id").unwrap();
    let mut seen = Vec::new();
    for answer in [
        app.get("/v1/books"),
        app.get("/v1/books"),
        app.head("/v1/books/1"),
        app.options("/v1/books"),
        app.get("/v1/nothing"),
        app.get("/v1/books?x=1"),
        app.delete("/v1/books"),
        app.post("/v1/books", &json!({})),
        admin.post("/v1/books", &json!({})),
        app.with_key("wrong").get("/v1/books"),
    ] {
        let id = made(answer);
        assert!(id.len() >= 16, "{id}");
        assert!(!seen.contains(&id), "{id} twice");
        seen.push(id);
    }
    for (sent, kept) in [
        ("0c7a4b6e-91f3-4f0e-8a53-0f8f2f6e5b1a", true),
        ("a", true),
        ("a b", false),
        ("a\u{1b}[31m", false),
        ("\"><script>", false),
        ("", false),
        (&"x".repeat(129), false),
    ] {
        if sent.bytes().any(|byte| byte.is_ascii_control()) {
            continue;
        }
        let answer = app
            .request("GET", "/v1/books/1")
            .header("x-request-id", sent)
            .send();
        assert_eq!(made(answer) == sent, kept, "{sent:?}");
    }
}

#[test]
fn what_never_reaches_the_api_is_answered_like_everything_else() {
    let app = App::start(
        "
frontdesk: 1
name: strict
cors: ['https://app.example']
resources: {Thing: {fields: {name: string}, access: {read: public}}}
",
    );
    let long = "x".repeat(40_000);
    let fields = "Host: x\r\nOrigin: https://app.example\r\nX-Request-Id: mine-1\r\n";
    for (request, status, code, read) in [
        // The parser's own refusals: nothing of the request is known.
        ("nonsense\r\n\r\n".to_owned(), 400, "malformed_http", false),
        (
            format!("GET /v1/things HTTP/1.1\r\n{fields}A : b\r\n\r\n"),
            400,
            "malformed_http",
            false,
        ),
        (
            format!("GET /v1/things HTTP/1.1\r\n{fields}A: {long}\r\n\r\n"),
            431,
            "header_fields_too_large",
            false,
        ),
        // Those of the listener.
        (
            format!("GET /v1/things HTTP/1.1\r\n{fields}Host: y\r\n\r\n"),
            400,
            "invalid_host",
            true,
        ),
        (
            format!("GET /{} HTTP/1.1\r\n{fields}\r\n", &long[..9_000]),
            414,
            "url_too_long",
            true,
        ),
    ] {
        let refused = raw(&app, &request).expect(status);
        assert_eq!(refused.code(), code);
        let field = |name: &str| refused.header(name);
        assert_eq!(
            field("content-type").as_deref(),
            Some("application/problem+json")
        );
        assert_eq!(field("connection").as_deref(), Some("close"));
        assert!(field("date").is_some());
        assert_eq!(field("vary").as_deref(), Some("Origin"));
        let id = field("x-request-id").unwrap();
        let allowed = field("access-control-allow-origin");
        if read {
            assert_eq!(id, "mine-1");
            assert_eq!(allowed.as_deref(), Some("https://app.example"));
        } else {
            assert_eq!(id.len(), 16);
            assert_eq!(allowed, None);
        }
        let page = format!("/problems/{code}");
        assert_eq!(refused.json()["type"], page);
        app.get(&page).expect(200);
    }
    // After a good request on the same connection, too.
    let mut connection = Connection::open(app.address());
    connection.send("GET /v1/things HTTP/1.1\r\nHost: x\r\n\r\n");
    connection.answer().expect(200);
    connection.send("nonsense\r\n\r\n");
    assert_eq!(connection.answer().expect(400).code(), "malformed_http");
    assert_eq!(connection.rest(), b"");
}
