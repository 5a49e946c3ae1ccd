//! No request is too large, too deep or too slow to be refused in good time.

use std::net::SocketAddr;
use std::time::Duration;

use frontdesk::web::{self, Limits};
use serde_json::json;
use testkit::App;

use crate::support::{Connection, LIBRARY, Shared, raw};

static BOX: Shared = Shared::new(|| {
    App::start(
        "
frontdesk: 1
name: box
resources:
  Thing:
    id: integer
    fields: {text?: string, any?: json}
    access: {read: public, write: public}
",
    )
});

/// The same app behind a listener of its own, with other limits.
fn listen(app: &App, limits: Limits) -> SocketAddr {
    let inner = app.inner().clone();
    app.wait(async move {
        let listener = web::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(web::Server::run(
            listener,
            inner,
            limits,
            std::future::pending(),
        ));
        address
    })
}

#[test]
fn a_body_has_at_most_a_mebibyte() {
    let app = BOX.get();
    let most = 1024 * 1024;
    let of = |length: usize| {
        let frame = r#"{"text":""}"#.len();
        format!(r#"{{"text":"{}"}}"#, "x".repeat(length - frame))
    };
    let post = |body: String| {
        app.request("POST", "/v1/things?fields=id")
            .body("application/json", body)
            .send()
    };
    post(of(most)).expect(201);
    assert_eq!(post(of(most + 1)).expect(413).code(), "body_too_large");
    // Announced, it is refused before any of it is sent.
    let head = "POST /v1/things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
    let announced = raw(&app, format!("{head}Content-Length: 999999999999\r\n\r\n"));
    assert_eq!(announced.expect(413).code(), "body_too_large");
    // In chunks nothing is announced, so it ends where the limit is reached.
    let mut connection = Connection::open(app.address());
    connection.send(format!("{head}Transfer-Encoding: chunked\r\n\r\n"));
    let chunk = format!("{most:x}\r\n{}\r\n", "x".repeat(most));
    connection.send(&chunk).send("2\r\nxx\r\n");
    assert_eq!(connection.answer().expect(413).code(), "body_too_large");
}

#[test]
fn json_nests_at_most_64_levels() {
    let app = BOX.get();
    let post = |body: String| {
        app.request("POST", "/v1/things?fields=id")
            .body("application/json", body)
            .send()
    };
    let nested =
        |levels: usize| format!(r#"{{"any":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
    post(nested(63)).expect(201);
    assert_eq!(
        post(nested(65)).expect(400).faults()[0]
            .split(' ')
            .next_back(),
        Some("too_deep")
    );
    // Neither depth nor breadth is a question of the stack or of the memory.
    for body in [
        "[".repeat(1_000_000),
        "{\"a\":".repeat(200_000),
        format!("{{\"any\":[{}0]}}", "0,".repeat(400_000)),
    ] {
        assert_eq!(post(body).expect(400).code(), "malformed");
    }
}

#[test]
fn heads_are_bounded() {
    let app = LIBRARY.get();
    let head = |target: &str, fields: &str| {
        raw(
            &app,
            format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{fields}\r\n"),
        )
    };
    let long = |length: usize| "x".repeat(length);
    let many = |count: usize| {
        (0..count)
            .map(|n| format!("A{n}: b\r\n"))
            .collect::<String>()
    };
    let path = "/v1/books";
    for (target, fields, status) in [
        (path.to_owned(), format!("A: {}\r\n", long(20_000)), 200),
        (path.to_owned(), format!("A: {}\r\n", long(40_000)), 431),
        (path.to_owned(), many(90), 200),
        (path.to_owned(), many(120), 431),
        (format!("{path}/{}", long(8_000)), String::new(), 404),
        (format!("{path}/{}", long(8_200)), String::new(), 414),
        (format!("{path}?title={}", long(8_000)), String::new(), 200),
        (format!("{path}?title={}", long(8_200)), String::new(), 414),
    ] {
        let answer = head(&target, &fields);
        assert_eq!(
            answer.status,
            status,
            "{}… {} bytes of fields",
            &target[..9],
            fields.len()
        );
    }
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    let app = BOX.get();
    let line = "POST /v1/things HTTP/1.1\r\n";
    for head in [
        "Host: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        "Host: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n",
        "Host: x\r\nContent-Length: +2\r\n",
        "Host: x\r\nTransfer-Encoding: chunked, chunked\r\n",
        "Host: x\r\nHost: y\r\nContent-Length: 2\r\n",
        "Content-Length: 2\r\n",
        "Host: x\r\nContent_Length: 2\r\n",
        "Host: x\r\nA : b\r\n",
        "Host: x\r\nA: b\r\n c\r\n",
    ] {
        let mut connection = Connection::open(app.address());
        connection.send(format!(
            "{line}{head}Content-Type: application/json\r\n\r\n{{}}"
        ));
        let answer = connection.head();
        assert!([400, 501].contains(&answer.status), "{head:?}: {answer:?}");
        assert_eq!(
            answer.header("connection").as_deref(),
            Some("close"),
            "{head:?}"
        );
    }
    let total = app
        .get("/v1/things?total=true&limit=1&fields=id")
        .expect(200);
    let before = total.json();
    raw(
        &app,
        format!(
            "{line}Host: x\r\nContent-Type: application/json\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        ),
    );
    assert_eq!(
        app.get("/v1/things?total=true&limit=1&fields=id").json()["items"],
        before["items"]
    );
}

const SHORT: Duration = Duration::from_millis(60);

#[test]
fn a_slow_head_is_given_up() {
    let app = BOX.get();
    let address = listen(
        &app,
        Limits {
            head_time: SHORT,
            ..Limits::default()
        },
    );
    for begun in [
        "GET /v1/things",
        "GET /v1/things HTTP/1.1\r\nHost: x\r\nA: ",
    ] {
        let mut connection = Connection::open(address);
        connection.send(begun);
        assert_eq!(connection.answer().status, 408, "{begun:?}");
        assert_eq!(connection.rest(), b"");
    }
    assert_eq!(Connection::open(address).rest(), b"");
}

#[test]
fn a_slow_body_is_given_up_and_changes_nothing() {
    let app = App::start(
        "
frontdesk: 1
name: slow
resources:
  Thing: {id: integer, fields: {text: string}, access: {read: public, write: public}}
",
    );
    let by_time = listen(
        &app,
        Limits {
            body_time: SHORT,
            ..Limits::default()
        },
    );
    let by_rate = listen(
        &app,
        Limits {
            body_grace: SHORT,
            body_rate: 1024,
            ..Limits::default()
        },
    );
    for address in [by_time, by_rate] {
        let mut connection = Connection::open(address);
        connection.send("POST /v1/things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{\"text\":");
        let refused = connection.answer();
        assert_eq!(
            (refused.status, &*refused.code()),
            (408, "body_too_slow"),
            "{refused:?}"
        );
    }
    // A body that stops short of its length is none.
    let mut connection = Connection::open(app.address());
    connection.send("POST /v1/things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{\"text\":\"x\"}");
    drop(connection);
    assert_eq!(app.get("/v1/things").expect(200).json()["items"], json!([]));
    assert_eq!(crate::support::feed(&app), [""; 0]);
}
