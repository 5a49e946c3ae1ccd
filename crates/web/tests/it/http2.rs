//! The same server over HTTP/2.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use web::{Limits, handler_fn};

use crate::support::{PATIENCE, Running, bytes};

type Sender = SendRequest<Full<Bytes>>;

async fn connect(server: &Running) -> (Sender, JoinHandle<hyper::Result<()>>) {
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    (sender, tokio::spawn(connection))
}

async fn call(
    sender: &mut Sender,
    method: Method,
    path: &str,
    body: &'static str,
) -> (StatusCode, Option<String>, String) {
    let request = Request::builder()
        .method(method)
        .uri(format!("http://x{path}"))
        .body(Full::new(Bytes::from_static(body.as_bytes())))
        .unwrap();
    let response = timeout(PATIENCE, sender.send_request(request))
        .await
        .unwrap()
        .unwrap();
    let status = response.status();
    let length = response
        .headers()
        .get("content-length")
        .map(|it| it.to_str().unwrap().to_owned());
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, length, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn requests_are_served_on_the_same_port() {
    let server = Running::echo(Limits::default());
    let (mut sender, _connection) = connect(&server).await;
    let (status, length, body) = call(&mut sender, Method::GET, "/a?b=c", "").await;
    assert_eq!(
        (status, length.as_deref(), body.as_str()),
        (StatusCode::OK, Some("11"), "GET /a?b=c ")
    );
    let (_, _, body) = call(&mut sender, Method::PUT, "/", "hello").await;
    assert_eq!(body, "PUT / hello");
    let (_, length, body) = call(&mut sender, Method::HEAD, "/a?b=c", "").await;
    assert_eq!((length.as_deref(), body.as_str()), (Some("12"), ""));
}

#[tokio::test]
async fn refusals_are_the_same() {
    let server = Running::echo(Limits {
        body_bytes: 3,
        url_bytes: 100,
        ..Limits::default()
    });
    let (mut sender, _connection) = connect(&server).await;
    let (status, _, body) = call(&mut sender, Method::POST, "/", "hello").await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(body.contains("body_too_large"));
    let (status, _, _) = call(
        &mut sender,
        Method::GET,
        &format!("/{}", "x".repeat(200)),
        "",
    )
    .await;
    assert_eq!(status, StatusCode::URI_TOO_LONG);
    let request = Request::get("http://x/")
        .header("x_user", "1")
        .body(Full::default())
        .unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    for (host, status) in [("x", StatusCode::OK), ("y", StatusCode::BAD_REQUEST)] {
        let request = Request::get("http://x/")
            .header("host", host)
            .body(Full::default())
            .unwrap();
        assert_eq!(
            sender.send_request(request).await.unwrap().status(),
            status,
            "{host}"
        );
    }
}

#[tokio::test]
async fn too_large_fields_are_refused() {
    let server = Running::echo(Limits {
        head_bytes: 8 * 1024,
        ..Limits::default()
    });
    let (mut sender, _connection) = connect(&server).await;
    let request = Request::get("http://x/")
        .header("a", "x".repeat(9000))
        .body(Full::default())
        .unwrap();
    let answer = timeout(PATIENCE, sender.send_request(request))
        .await
        .unwrap();
    match answer {
        Ok(response) => assert_eq!(
            response.status(),
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
        ),
        // The client has heard of the limit and does not even send it.
        Err(error) => assert!(error.is_user() || !error.is_timeout(), "{error}"),
    }
}

#[tokio::test]
async fn an_idle_connection_is_told_and_closed() {
    let server = Running::echo(Limits {
        idle_time: Duration::from_millis(60),
        ..Limits::default()
    });
    let (mut sender, connection) = connect(&server).await;
    call(&mut sender, Method::GET, "/", "").await;
    // Ends without an error: the server said goodbye first.
    timeout(PATIENCE, connection)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn pings_do_not_keep_a_connection() {
    let server = Running::echo(Limits {
        idle_time: Duration::from_millis(60),
        ..Limits::default()
    });
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
        .await
        .unwrap();
    let (mut read, mut write) = stream.split();
    let pings = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(10));
        loop {
            ticks.tick().await;
            let _ = write
                .write_all(b"\x00\x00\x08\x06\x00\x00\x00\x00\x0012345678")
                .await;
        }
    };
    let mut all = Vec::new();
    let end = async {
        let _ = read.read_to_end(&mut all).await;
    };
    tokio::select! {
        () = pings => unreachable!("the pings do not end"),
        ended = timeout(PATIENCE, end) => ended.unwrap(),
    }
    // A GOAWAY frame without error is the last word.
    assert!(
        all.windows(4).any(|frame| frame == b"\x08\x07\x00\x00"),
        "{all:?}"
    );
}

#[tokio::test]
async fn running_requests_outlive_the_stop() {
    let mut server = Running::start(
        Limits::default(),
        handler_fn(|_| async {
            tokio::time::sleep(Duration::from_millis(80)).await;
            bytes(3)
        }),
    );
    let (mut sender, connection) = connect(&server).await;
    let request = Request::get("http://x/").body(Full::default()).unwrap();
    let answer = sender.send_request(request);
    // The request must be under way before the stop.
    tokio::task::yield_now().await;
    let mut other = connect(&server).await;
    let (answer, ()) = tokio::join!(answer, async {
        call(&mut other.0, Method::GET, "/", "").await;
        server.begin_stop();
    });
    assert_eq!(answer.unwrap().status(), StatusCode::OK);
    assert_eq!(server.stopped().await.cut, 0);
    timeout(PATIENCE, connection)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_reset_storm_ends_the_connection() {
    let server = Running::echo(Limits::default());
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
        .await
        .unwrap();
    // `:method GET`, `:scheme http`, `:path /`, `:authority x`, then the same stream reset.
    let mut storm = Vec::new();
    for number in 0..2000_u32 {
        let id = (number * 2 + 1).to_be_bytes();
        let fields = [0x82, 0x86, 0x84, 0x41, 0x01, b'x'];
        storm.extend_from_slice(&[0, 0, 6, 1, 5]);
        storm.extend_from_slice(&id);
        storm.extend_from_slice(&fields);
        storm.extend_from_slice(&[0, 0, 4, 3, 0]);
        storm.extend_from_slice(&id);
        storm.extend_from_slice(&[0, 0, 0, 8]);
    }
    let (mut read, mut write) = stream.split();
    let mut all = Vec::new();
    let end = async {
        let _ = read.read_to_end(&mut all).await;
    };
    let send = async {
        let _ = write.write_all(&storm).await;
    };
    timeout(PATIENCE, async { tokio::join!(send, end) })
        .await
        .unwrap();
    // GOAWAY with ENHANCE_YOUR_CALM, unless the reset of the connection overtook it.
    assert!(
        all.is_empty() || all.windows(4).any(|code| code == [0, 0, 0, 11]),
        "{all:?}"
    );
}
