//! Bodies of requests and of responses.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http_body::Frame;
use web::{Body, BoxError, Limits, Request, Response, handler_fn};

use crate::support::{PATIENCE, Running, bytes, echo, field, gist, status};

#[tokio::test]
async fn bodies_beyond_the_limit_are_refused() {
    let limits = Limits {
        body_bytes: 10,
        ..Limits::default()
    };
    let server = Running::echo(limits);
    for (fields, body, expected) in [
        ("Content-Length: 10\r\n", "0123456789".to_owned(), "200"),
        ("Content-Length: 11\r\n", "0123456789a".to_owned(), "413"),
        ("Content-Length: 99999999999\r\n", String::new(), "413"),
        (
            "Transfer-Encoding: chunked\r\n",
            "a\r\n0123456789\r\n0\r\n\r\n".to_owned(),
            "200",
        ),
        (
            "Transfer-Encoding: chunked\r\n",
            "5\r\n01234\r\n6\r\n56789a\r\n0\r\n\r\n".to_owned(),
            "413",
        ),
    ] {
        let request =
            format!("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{fields}\r\n{body}");
        let answer = server.exchange(&request).await;
        assert!(
            gist(&answer).0.contains(expected),
            "{request:?} gave {answer:?}"
        );
    }
}

#[tokio::test]
async fn bodies_share_their_room() {
    let server = Running::echo(Limits {
        body_bytes: 8,
        bodies_bytes: 10,
        ..Limits::default()
    });
    let post = async |body: &str| {
        let head = "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length";
        let length = body.len();
        let request = format!("{head}: {length}\r\n\r\n{body}");
        server.exchange(&request).await
    };
    // One after the other they take each other's place.
    for _ in 0..5 {
        assert_eq!(gist(&post("01234567").await).1, "POST / 01234567");
    }
    let mut slow = server.connect().await;
    let head = "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 8\r\n\r\n";
    slow.send(&format!("{head}012345")).await;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let refused = loop {
        let answer = post("01234").await;
        if gist(&answer).0.contains("503") {
            break answer;
        }
        assert!(tokio::time::Instant::now() < deadline, "{answer}");
    };
    assert!(refused.contains("\"code\":\"overloaded\""), "{refused}");
    assert_eq!(field(&refused, "retry-after"), Some("1"));
    // Also what is not announced, at the moment when it becomes too much.
    let chunked = "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n\
                   2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n";
    let answer = server.exchange(chunked).await;
    assert!(gist(&answer).0.contains("503"), "{answer}");
    // Whatever fits is answered, and what has no body anyway.
    assert_eq!(gist(&post("012").await).1, "POST / 012");
    let get = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert_eq!(gist(&server.exchange(get).await).1, "GET / ");
    slow.send("67").await;
    assert_eq!(gist(&slow.read_all().await).1, "POST / 01234567");
    // It was given back with the answer; so is that of a client who goes away.
    let mut leaver = server.connect().await;
    leaver.send(&format!("{head}0123456")).await;
    drop(leaver);
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !gist(&post("01234567").await).0.contains("200") {
        assert!(tokio::time::Instant::now() < deadline);
    }
}

#[tokio::test]
async fn a_refusal_reaches_a_client_that_is_still_sending() {
    let limits = Limits {
        body_bytes: 10,
        ..Limits::default()
    };
    let server = Running::echo(limits);
    let body = "x".repeat(700_000);
    let request = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = server.exchange(&request).await;
    assert!(gist(&answer).0.contains("413"), "{answer:?}");
}

#[tokio::test]
async fn nothing_is_asked_for_that_is_not_read() {
    let server = Running::echo(Limits {
        body_bytes: 10,
        ..Limits::default()
    });
    let head = "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\n";
    let mut client = server.connect().await;
    client
        .send(&format!("{head}Content-Length: 11\r\n\r\n"))
        .await;
    assert!(client.read_all().await.starts_with("HTTP/1.1 413"));

    let mut client = server.connect().await;
    client
        .send(&format!("{head}Content-Length: 2\r\n\r\n"))
        .await;
    assert_eq!(
        client.read_until("\r\n\r\n").await,
        "HTTP/1.1 100 Continue\r\n\r\n"
    );
    client.send("ab").await;
    assert_eq!(
        gist(&client.read_all().await),
        ("HTTP/1.1 200 OK", "POST / ab")
    );
}

#[tokio::test]
async fn encoded_bodies_are_refused() {
    let server = Running::echo(Limits::default());
    for (coding, expected) in [
        ("gzip", "415"),
        ("identity, gzip", "415"),
        ("Identity", "200"),
    ] {
        let answer = server
            .exchange(&format!(
                "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Encoding: {coding}\r\nContent-Length: 1\r\n\r\na"
            ))
            .await;
        assert!(gist(&answer).0.contains(expected), "{coding}: {answer:?}");
        assert_eq!(
            field(&answer, "accept-encoding").is_some(),
            expected == "415"
        );
    }
}

#[tokio::test]
async fn a_body_that_is_cut_off_is_no_body() {
    let (said, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let server = Running::start(
        Limits::default(),
        handler_fn(move |mut request: Request| {
            let said = said.clone();
            async move {
                said.send(request.body.read(100).await.is_ok()).unwrap();
                Response::default()
            }
        }),
    );
    let mut client = server.connect().await;
    client
        .send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\nzz\r\n")
        .await;
    assert_eq!(heard.recv().await, Some(false));
}

#[tokio::test]
async fn a_dripping_body_is_given_up() {
    let limits = Limits {
        body_grace: Duration::from_millis(50),
        body_rate: 1_000_000,
        ..Limits::default()
    };
    let server = Running::echo(limits);
    for fields in [
        "Content-Length: 100\r\n\r\nabc",
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ] {
        // The client keeps its side open and sends no more.
        let answer = server
            .exchange(&format!("POST / HTTP/1.1\r\nHost: x\r\n{fields}"))
            .await;
        assert!(gist(&answer).0.contains("408"), "{answer:?}");
        assert!(gist(&answer).1.contains("body_too_slow"));
    }
}

#[tokio::test]
async fn a_body_that_is_fast_enough_is_still_bounded_in_time() {
    let limits = Limits {
        body_time: Duration::from_millis(50),
        body_rate: 1,
        ..Limits::default()
    };
    let server = Running::echo(limits);
    let answer = server
        .exchange(&format!(
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6000\r\n\r\n{}",
            "x".repeat(5000)
        ))
        .await;
    assert!(gist(&answer).0.contains("408"), "{answer:?}");
}

#[tokio::test]
async fn head_gets_the_head_of_get() {
    let server = Running::echo(Limits::default());
    let mut heads = Vec::new();
    for method in ["GET", "HEAD"] {
        let answer = server
            .exchange(&format!(
                "{method} /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            ))
            .await;
        assert_eq!(gist(&answer).1.is_empty(), method == "HEAD", "{answer:?}");
        heads.push((
            field(&answer, "content-type").map(str::to_owned),
            field(&answer, "content-length").is_some(),
        ));
    }
    assert_eq!(heads[0], heads[1]);
}

#[tokio::test]
async fn answers_without_a_body_have_none() {
    let server = Running::start(
        Limits::default(),
        handler_fn(|request: Request| async move {
            let mut response = bytes(5);
            *response.status_mut() = request.path()[1..].parse::<StatusCode>().unwrap();
            response
        }),
    );
    let mut client = server.connect().await;
    for code in ["204", "304"] {
        client
            .send(&format!("GET /{code} HTTP/1.1\r\nHost: x\r\n\r\n"))
            .await;
        let head = client.read_until("\r\n\r\n").await;
        assert!(head.starts_with(&format!("HTTP/1.1 {code}")), "{head}");
        assert_eq!(field(&head, "content-length"), None);
        assert_eq!(field(&head, "transfer-encoding"), None);
    }
    client
        .send("GET /200 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await;
    assert_eq!(gist(&client.read_all().await), ("HTTP/1.1 200 OK", "xxxxx"));
}

#[tokio::test]
async fn an_empty_answer_says_so() {
    let server = Running::start(
        Limits::default(),
        handler_fn(|_| async { status(StatusCode::CREATED) }),
    );
    let answer = server.exchange("POST / HTTP/1.0\r\n\r\n").await;
    assert_eq!(field(&answer, "content-length"), Some("0"));
}

/// Gives `left` pieces and rests before each until it is polled again.
struct Pieces {
    left: usize,
    rested: bool,
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        if !self.rested {
            self.rested = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.rested = false;
        self.left -= 1;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"piece ")))))
    }
}

#[tokio::test]
async fn streams_are_sent_and_the_connection_lives_on() {
    let server = Running::start(
        Limits::default(),
        handler_fn(|_| async {
            Response::new(Body::stream(Pieces {
                left: 3,
                rested: false,
            }))
        }),
    );
    let mut client = server.connect().await;
    for _ in 0..2 {
        client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let answer = client.read_until("\r\n0\r\n\r\n").await;
        assert_eq!(answer.matches("piece ").count(), 3, "{answer}");
    }
    client
        .send("HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await;
    assert_eq!(gist(&client.read_all().await).1, "");
}

#[tokio::test]
async fn a_panic_is_an_answer() {
    let server = Running::start(
        Limits::default(),
        handler_fn(|request: Request| async move {
            assert_ne!(request.path(), "/panic", "as it was told");
            echo(request).await
        }),
    );
    let mut client = server.connect().await;
    client.send("GET /panic HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let head = client.read_until("\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 500"), "{head}");
    let problem = client.read_until("}").await;
    assert!(
        problem.contains("\"internal\"") && !problem.contains("told"),
        "{problem}"
    );
    client
        .send("GET /fine HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await;
    assert_eq!(gist(&client.read_all().await).1, "GET /fine ");
}
