//! No client holds a connection or fills the memory by being slow or greedy.

use std::future::pending;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::time::timeout;
use web::{Limits, Response, handler_fn};

use crate::support::{PATIENCE, Running, bytes, field, gist};

const SHORT: Duration = Duration::from_millis(60);

#[tokio::test]
async fn a_silent_connection_is_closed() {
    let server = Running::echo(Limits {
        head_time: SHORT,
        ..Limits::default()
    });
    assert_eq!(server.exchange("").await, "");
}

#[tokio::test]
async fn a_head_that_does_not_end_is_given_up() {
    let server = Running::echo(Limits {
        head_time: SHORT,
        ..Limits::default()
    });
    for begun in [
        "G",
        "GET / HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n",
    ] {
        let answer = server.exchange(begun).await;
        // So short a beginning may also be the one of another protocol.
        let told = answer.starts_with("HTTP/1.1 408")
            && answer.contains("\"head_too_slow\"")
            && answer.contains("within 0.06 s");
        assert!(told || begun == "G", "{begun:?} gave {answer:?}");
    }
    // The beginning of HTTP/2 is not enough either.
    assert_eq!(server.exchange("PRI * HTTP/2").await, "");
}

#[tokio::test]
async fn drops_of_a_head_do_not_buy_time() {
    let server = Running::echo(Limits {
        head_time: SHORT,
        ..Limits::default()
    });
    let mut client = server.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: x\r\n").await;
    let (mut read, mut write) = client.stream.split();
    let drip = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(5));
        loop {
            ticks.tick().await;
            if tokio::io::AsyncWriteExt::write_all(&mut write, b"A: b\r\n")
                .await
                .is_err()
            {
                pending::<()>().await;
            }
        }
    };
    let mut answer = Vec::new();
    let end = async {
        // Data that was under way when the server closed may turn the end into a reset.
        let _ = read.read_to_end(&mut answer).await;
    };
    tokio::select! {
        () = drip => unreachable!("the drip does not end"),
        ended = timeout(PATIENCE, end) => ended.unwrap(),
    }
    assert!(
        answer.is_empty() || answer.starts_with(b"HTTP/1.1 408"),
        "{answer:?}"
    );
}

#[tokio::test]
async fn an_idle_connection_is_closed_without_a_word() {
    let server = Running::echo(Limits {
        idle_time: SHORT,
        ..Limits::default()
    });
    let mut client = server.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let all = client.read_all().await;
    assert_eq!(gist(&all), ("HTTP/1.1 200 OK", "GET / "));
}

#[tokio::test]
async fn a_slow_handler_is_not_an_idle_connection() {
    let limits = Limits {
        idle_time: SHORT,
        head_time: SHORT,
        ..Limits::default()
    };
    let server = Running::start(
        limits,
        handler_fn(|_| async {
            tokio::time::sleep(SHORT * 4).await;
            bytes(3)
        }),
    );
    let answer = server
        .exchange("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await;
    assert_eq!(gist(&answer), ("HTTP/1.1 200 OK", "xxx"));
}

#[tokio::test]
async fn a_handler_that_takes_too_long_is_dropped() {
    struct Dropped(tokio::sync::mpsc::UnboundedSender<()>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }
    let (said, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let server = Running::start(
        Limits {
            request_time: SHORT,
            ..Limits::default()
        },
        handler_fn(move |_| {
            let dropped = Dropped(said.clone());
            async move {
                pending::<()>().await;
                drop(dropped);
                Response::default()
            }
        }),
    );
    let answer = server
        .exchange("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await;
    assert!(gist(&answer).0.contains("503"), "{answer}");
    assert!(gist(&answer).1.contains("timed_out"));
    assert!(field(&answer, "retry-after").is_some());
    assert_eq!(heard.recv().await, Some(()));
}

#[tokio::test]
async fn a_handler_ends_with_its_client() {
    let (said, mut heard) = tokio::sync::mpsc::unbounded_channel();
    struct Dropped(tokio::sync::mpsc::UnboundedSender<&'static str>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            let _ = self.0.send("dropped");
        }
    }
    let server = Running::start(
        Limits::default(),
        handler_fn(move |_| {
            let said = said.clone();
            async move {
                let _dropped = Dropped(said.clone());
                said.send("begun").unwrap();
                pending::<Response>().await
            }
        }),
    );
    let mut client = server.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(heard.recv().await, Some("begun"));
    drop(client);
    assert_eq!(
        timeout(PATIENCE, heard.recv()).await.unwrap(),
        Some("dropped")
    );
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut() {
    let limits = Limits {
        write_grace: SHORT,
        write_rate: u32::MAX,
        ..Limits::default()
    };
    // More than the buffers of both kernels hold.
    let server = Running::start(limits, handler_fn(|_| async { bytes(64 << 20) }));
    let mut client = server.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    // The stop waits for this connection; it would wait for half a minute.
    let mut server = server;
    server.begin_stop();
    assert_eq!(server.stopped().await.cut, 0);
    drop(client);
}

#[tokio::test]
async fn a_client_that_reads_slowly_but_steadily_gets_all() {
    let limits = Limits {
        write_grace: Duration::from_secs(5),
        idle_time: SHORT,
        ..Limits::default()
    };
    let server = Running::start(limits, handler_fn(|_| async { bytes(20 << 20) }));
    let mut client = server.connect().await;
    client
        .send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await;
    // Longer than an idle connection may last.
    tokio::time::sleep(SHORT * 3).await;
    assert_eq!(gist(&client.read_all().await).1.len(), 20 << 20);
}

#[tokio::test]
async fn heads_are_bounded() {
    let server = Running::echo(Limits {
        head_bytes: 16 * 1024,
        url_bytes: 1000,
        ..Limits::default()
    });
    let head = |target: &str, fields: &str| {
        format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{fields}\r\n")
    };
    let long = "x".repeat(20 * 1024);
    let many = |count: usize| {
        (0..count)
            .map(|n| format!("A{n}: b\r\n"))
            .collect::<String>()
    };
    for (request, expected) in [
        (head("/", &many(90)), "200"),
        (head("/", &many(120)), "431"),
        (head("/", &format!("A: {}\r\n", &long[..10_000])), "200"),
        (head("/", &format!("A: {long}\r\n")), "431"),
        (head("/", &format!("A: {long}")), "431"),
        (head(&format!("/{}", &long[..900]), ""), "200"),
        (head(&format!("/{}", &long[..1100]), ""), "414"),
        (head(&format!("/?{}", &long[..1100]), ""), "414"),
        (head(&format!("/{long}"), ""), "414"),
        (head(&format!("/{long}{long}{long}{long}"), ""), "414"),
        (format!("GET /{long}"), "414"),
    ] {
        let answer = server.exchange(&request).await;
        let told = expected == "200" || gist(&answer).1.contains("\"detail\"");
        assert!(told, "{answer:?}");
        assert!(
            gist(&answer).0.contains(expected),
            "{}… gave {answer:?}",
            &request[..60]
        );
    }
}

#[tokio::test]
async fn fewer_fields_can_be_asked_for() {
    let server = Running::echo(Limits {
        head_fields: 3,
        ..Limits::default()
    });
    let answer = server
        .exchange("GET / HTTP/1.1\r\nHost: x\r\nA: b\r\nB: c\r\nC: d\r\n\r\n")
        .await;
    assert!(gist(&answer).0.contains("431"), "{answer}");
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_their_turn() {
    let server = Running::echo(Limits {
        connections: 1,
        ..Limits::default()
    });
    let mut first = server.connect().await;
    first.send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n").await;
    first.read_until("GET /1 ").await;

    let mut second = server.connect().await;
    second
        .send("GET /2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await;
    let none = timeout(SHORT, second.stream.readable()).await;
    assert!(none.is_err(), "served beyond the limit");

    drop(first);
    assert_eq!(gist(&second.read_all().await).1, "GET /2 ");
}

#[tokio::test]
async fn idle_connections_make_room_when_it_is_crowded() {
    // One of one is in use, which is more than three quarters.
    let limits = Limits {
        connections: 4,
        head_time: SHORT,
        ..Limits::default()
    };
    let server = Running::echo(limits);
    let mut clients = Vec::new();
    for _ in 0..4 {
        let mut client = server.connect().await;
        client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        client.read_until("GET / ").await;
        clients.push(client);
    }
    let answer = server
        .exchange("GET /5 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await;
    assert_eq!(gist(&answer).1, "GET /5 ");
}
