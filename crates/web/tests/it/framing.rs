//! Messages whose meaning is clear are served, all others are refused.

use web::Limits;

use crate::support::{Running, field, gist};

#[tokio::test]
async fn clear_requests_are_served() {
    let server = Running::echo(Limits::default());
    for (request, answer) in [
        (
            "GET /a?b=c HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            "GET /a?b=c ",
        ),
        ("GET / HTTP/1.0\r\n\r\n", "GET / "),
        ("\r\nGET / HTTP/1.0\r\n\r\n", "GET / "),
        (
            "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
            "POST / hello",
        ),
        (
            "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n\
             3\r\nhel\r\n2;a=b\r\nlo\r\n0\r\nX-Sum: 1\r\n\r\n",
            "POST / hello",
        ),
        (
            "POST http://x/abs HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
            "POST /abs ",
        ),
    ] {
        let whole = server.exchange(request).await;
        let (line, body) = gist(&whole);
        assert!(line.ends_with("200 OK"), "{request:?} gave {whole:?}");
        assert_eq!(body, answer);
        assert!(field(&whole, "date").is_some());
    }
}

#[tokio::test]
async fn ambiguous_requests_are_refused_and_the_connection_is_closed() {
    let server = Running::echo(Limits::default());
    let post =
        |fields: &str, body: &str| format!("POST / HTTP/1.1\r\nHost: x\r\n{fields}\r\n{body}");
    for (request, status, code) in [
        // Ours, where the parser would repair.
        (
            post(
                "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                "0\r\n\r\n",
            ),
            400,
            "ambiguous_framing",
        ),
        (
            post(
                "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
                "0\r\n\r\n",
            ),
            400,
            "ambiguous_framing",
        ),
        (
            post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"),
            400,
            "ambiguous_framing",
        ),
        (
            post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"),
            501,
            "transfer_coding_unsupported",
        ),
        (
            "GET / HTTP/1.1\nHost: x\n\n".to_owned(),
            400,
            "ambiguous_framing",
        ),
        (
            "GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n".to_owned(),
            400,
            "ambiguous_framing",
        ),
        // The parser's.
        (
            post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"),
            400,
            "malformed_http",
        ),
        (
            post("Content-Length: 5, 5\r\n", "hello"),
            400,
            "malformed_http",
        ),
        (
            post("Content-Length: -5\r\n", "hello"),
            400,
            "malformed_http",
        ),
        (
            post("Content-Length: +5\r\n", "hello"),
            400,
            "malformed_http",
        ),
        (
            post("Content-Length : 5\r\n", "hello"),
            400,
            "malformed_http",
        ),
        (
            post("Transfer-Encoding: identity\r\n", ""),
            400,
            "malformed_http",
        ),
        (
            post("Transfer-Encoding: chunked, gzip\r\n", ""),
            400,
            "malformed_http",
        ),
        (
            "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
            400,
            "malformed_http",
        ),
        (
            "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n".to_owned(),
            400,
            "malformed_http",
        ),
        (
            "GET / HTTP/1.1\r\n Host: x\r\n\r\n".to_owned(),
            400,
            "malformed_http",
        ),
        (
            "GET / HTTP/1.1\r\nHost: x\r\nA b: c\r\n\r\n".to_owned(),
            400,
            "malformed_http",
        ),
        (
            "GET / HTTP/1.1\r\nHost: x\r\nA\u{e9}: c\r\n\r\n".to_owned(),
            400,
            "malformed_http",
        ),
        (
            "GET / HTTP/1.1\r\nHost: x\r\n: c\r\n\r\n".to_owned(),
            400,
            "malformed_http",
        ),
        (
            "GET / HTTP/1.1\r\nHost: x\r\nA: b\rC: d\r\n\r\n".to_owned(),
            400,
            "malformed_http",
        ),
        (
            "GET / HTTP/1.1\r\nHost: x\r\nA: b\0\r\n\r\n".to_owned(),
            400,
            "malformed_http",
        ),
        (
            "GET  / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
            400,
            "malformed_http",
        ),
        (
            "GET / HTTP/1.2\r\nHost: x\r\n\r\n".to_owned(),
            400,
            "malformed_http",
        ),
        ("GET /\r\n\r\n".to_owned(), 400, "malformed_http"),
        (
            "G\u{1}T / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
            400,
            "malformed_http",
        ),
        // Ours, about what the request says.
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400, "invalid_host"),
        (
            "GET / HTTP/1.1\r\nHost: evil\"><script>\r\n\r\n".to_owned(),
            400,
            "invalid_host",
        ),
        (
            "GET / HTTP/1.1\r\nHost: a b\r\n\r\n".to_owned(),
            400,
            "invalid_host",
        ),
        (
            "GET http://user@x/ HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
            400,
            "invalid_host",
        ),
        (
            "GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n".to_owned(),
            400,
            "invalid_host",
        ),
        (
            "GET / HTTP/1.1\r\nHost: x\r\nX_User: 1\r\n\r\n".to_owned(),
            400,
            "invalid_header_name",
        ),
        (
            "GET / HTTP/1.1\r\nHost: x\r\nX.User: 1\r\n\r\n".to_owned(),
            400,
            "invalid_header_name",
        ),
        (
            "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example\r\n\r\n".to_owned(),
            501,
            "connect_not_supported",
        ),
    ] {
        // Nothing asks for the end: that the exchange ends at all shows that the server closes.
        let answer = server.exchange(&request).await;
        let (line, body) = gist(&answer);
        assert!(
            line.starts_with(&format!("HTTP/1.1 {status}")),
            "{request:?} gave {answer:?}"
        );
        assert_eq!(
            answer.matches("HTTP/1.1 ").count(),
            1,
            "{request:?} gave {answer:?}"
        );
        assert!(
            body.contains(&format!("\"code\":\"{code}\"")),
            "{request:?}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn a_smuggled_request_is_never_served() {
    let server = Running::echo(Limits::default());
    // Read by Content-Length, all of this is one request; read by chunks, it is two.
    let answer = server
        .exchange(
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 60\r\nTransfer-Encoding: chunked\r\n\r\n\
             0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        )
        .await;
    assert!(!answer.contains("smuggled"), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1);
}

#[tokio::test]
async fn requests_before_an_ambiguous_one_are_answered() {
    let server = Running::echo(Limits::default());
    let answer = server
        .exchange(
            "GET /one HTTP/1.1\r\nHost: x\r\n\r\n\
             POST /two HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n\
             POST /three HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na\
             GET /four HTTP/1.1\r\nHost: x\r\n\r\n",
        )
        .await;
    let statuses: Vec<_> = answer.matches("HTTP/1.1 ").collect();
    assert_eq!(statuses.len(), 3, "{answer}");
    assert!(answer.contains("GET /one ") && answer.contains("POST /two a"));
    assert!(answer.contains("ambiguous_framing") && !answer.contains("four"));
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let server = Running::echo(Limits::default());
    let mut client = server.connect().await;
    for round in 0..5 {
        client
            .send(&format!("GET /{round} HTTP/1.1\r\nHost: x\r\n\r\n"))
            .await;
        let head = client.read_until("\r\n\r\n").await;
        assert_eq!(field(&head, "content-length"), Some("7"));
        assert_eq!(client.read_until(" ").await, "GET ");
        assert_eq!(client.read_until(" ").await, format!("/{round} "));
    }
}

#[tokio::test]
async fn a_request_may_come_in_any_pieces() {
    let server = Running::echo(Limits::default());
    let mut client = server.connect().await;
    let request = "PUT / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc";
    for place in 0..request.len() {
        client.send(&request[place..=place]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(
        gist(&client.read_all().await),
        ("HTTP/1.1 200 OK", "PUT / abc")
    );
}
