//! Stopping: nothing new, everything begun is finished, nobody is waited for too long.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use web::{Limits, Response, Stopped, handler_fn};

use crate::support::{Running, bytes, field, gist};

#[tokio::test]
async fn running_requests_finish_and_idle_connections_close() {
    let (said, mut heard) = mpsc::unbounded_channel();
    let gate = Arc::new(Notify::new());
    let open = Arc::clone(&gate);
    let mut server = Running::start(
        Limits::default(),
        handler_fn(move |_| {
            let (said, gate) = (said.clone(), Arc::clone(&gate));
            async move {
                said.send(()).unwrap();
                gate.notified().await;
                bytes(3)
            }
        }),
    );
    let address = server.address;
    let mut idle = server.connect().await;
    let mut busy = server.connect().await;
    busy.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    heard.recv().await.unwrap();

    server.begin_stop();
    assert_eq!(idle.read_all().await, "");
    assert!(TcpStream::connect(address).await.is_err());

    open.notify_one();
    let answer = busy.read_all().await;
    assert_eq!(gist(&answer), ("HTTP/1.1 200 OK", "xxx"));
    assert_eq!(field(&answer, "connection"), Some("close"));
    assert_eq!(server.stopped().await, Stopped { cut: 0 });
}

#[tokio::test]
async fn requests_that_outlive_the_grace_are_cut() {
    let (said, mut heard) = mpsc::unbounded_channel();
    let mut server = Running::start(
        Limits {
            stop_grace: Duration::from_millis(50),
            ..Limits::default()
        },
        handler_fn(move |_| {
            said.send(()).unwrap();
            pending::<Response>()
        }),
    );
    let mut client = server.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    heard.recv().await.unwrap();
    server.begin_stop();
    assert_eq!(client.read_all().await, "");
    assert_eq!(server.stopped().await, Stopped { cut: 1 });
}

#[tokio::test]
async fn a_server_without_connections_stops_at_once() {
    let mut server = Running::echo(Limits::default());
    server.begin_stop();
    assert_eq!(server.stopped().await, Stopped { cut: 0 });
}

#[tokio::test]
async fn a_silent_http2_client_does_not_hold_the_stop() {
    let mut server = Running::echo(Limits::default());
    let mut client = server.connect().await;
    client
        .send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .await;
    // The server's settings show that it serves this connection.
    client.stream.readable().await.unwrap();
    server.begin_stop();
    // Far less than the grace, although this client answers nothing.
    assert_eq!(server.stopped().await, Stopped { cut: 0 });
}
