//! The same server over TLS: who is let in, with what, and that nobody holds up others.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2::handshake;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, HandshakeKind, RootCertStore};
use sha2::{Digest, Sha256};
use testca::{Authority, Identity, Kind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use web::tls::{Files, Tls, TlsError};
use web::{Body, Handler, Limits, Listener, Request, Response, bind, handler_fn};

use crate::support::{PATIENCE, Running, bytes, field, gist};

const HOST: &str = "127.0.0.1";

/// A server with its files, and who has signed its certificate.
struct Secure {
    running: Running,
    folder: tempfile::TempDir,
    authority: Authority,
    tls: Tls,
}

/// Writes the files of a server.
fn put(folder: &Path, identity: &Identity) {
    fs::write(folder.join("cert.pem"), &identity.certificate).unwrap();
    fs::write(folder.join("key.pem"), &identity.key).unwrap();
}

fn files(folder: &Path, client_ca: Option<&Authority>) -> Files {
    let client_ca = client_ca.map(|authority| {
        let path = folder.join("ca.pem");
        fs::write(&path, authority.pem()).unwrap();
        path
    });
    Files {
        certificate: folder.join("cert.pem"),
        key: folder.join("key.pem"),
        client_ca,
    }
}

impl Secure {
    fn start(client_ca: Option<&Authority>) -> Secure {
        Secure::start_with(client_ca, Limits::default(), handler_fn(shown))
    }

    fn start_with(client_ca: Option<&Authority>, limits: Limits, handler: impl Handler) -> Secure {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new("ours");
        put(folder.path(), &authority.server(&[HOST]));
        let tls = Tls::open(files(folder.path(), client_ca)).unwrap();
        let listener = Listener {
            tcp: bind(([127, 0, 0, 1], 0).into()).unwrap(),
            tls: Some(tls.clone().strict()),
        };
        Secure {
            running: Running::start_at(listener, limits, handler),
            folder,
            authority,
            tls,
        }
    }

    async fn connect(&self, config: ClientConfig) -> std::io::Result<TlsStream<TcpStream>> {
        let tcp = TcpStream::connect(self.running.address).await?;
        let name = ServerName::try_from(HOST).unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        timeout(PATIENCE, connector.connect(name, tcp))
            .await
            .unwrap()
    }

    /// The answer to one request; nothing if there is no connection.
    async fn ask(&self, config: ClientConfig) -> std::io::Result<String> {
        let mut stream = self.connect(config).await?;
        let request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        // Ends with an error unless the end is announced.
        timeout(PATIENCE, stream.read_to_string(&mut answer))
            .await
            .unwrap()?;
        Ok(answer)
    }

    fn plain_client(&self) -> ClientConfig {
        testca::client(&[&self.authority], None)
    }
}

/// What the kit says of who has come, and how.
async fn shown(request: Request) -> Response {
    let mut text = format!("{} secure={}", request.scheme.as_str(), request.secure);
    if let Some(certificate) = &request.certificate {
        let names = certificate.names.join(" ");
        text.push_str(&format!(" {} [{names}]", certificate.subject));
        let print = certificate.thumbprint;
        assert_eq!(print[..], Sha256::digest(&certificate.der)[..]);
    }
    Response::new(Body::from(text))
}

#[tokio::test]
async fn both_versions_are_spoken_and_browsers_are_told_to_stay() {
    let server = Secure::start(None);
    for version in [&TLS12, &TLS13] {
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(server.authority.pem().as_bytes()).unwrap();
        roots.add(root).unwrap();
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let answer = server.ask(config).await.unwrap();
        assert_eq!(gist(&answer), ("HTTP/1.1 200 OK", "https secure=true"));
        assert_eq!(
            field(&answer, "strict-transport-security"),
            Some("max-age=31536000")
        );
    }
}

#[tokio::test]
async fn plain_servers_say_nothing_of_tls() {
    let server = Running::start(Limits::default(), handler_fn(shown));
    let answer = server
        .exchange("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await;
    assert_eq!(gist(&answer), ("HTTP/1.1 200 OK", "http secure=false"));
    assert_eq!(field(&answer, "strict-transport-security"), None);
}

#[tokio::test]
async fn clients_choose_among_the_protocols_there_are() {
    let server = Secure::start(None);
    for (offered, expected) in [
        (&["h2", "http/1.1"][..], Some("h2")),
        (&["http/1.1"], Some("http/1.1")),
        (&[], None),
    ] {
        let mut config = server.plain_client();
        config.alpn_protocols = offered.iter().map(|name| name.as_bytes().into()).collect();
        let stream = server.connect(config).await.unwrap();
        let chosen = stream.get_ref().1.alpn_protocol();
        assert_eq!(chosen, expected.map(str::as_bytes));
    }
    let mut config = server.plain_client();
    config.alpn_protocols = vec![b"smtp".to_vec()];
    assert!(server.connect(config).await.is_err());
}

#[tokio::test]
async fn http2_over_tls() {
    let server = Secure::start(None);
    let mut config = server.plain_client();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = server.connect(config).await.unwrap();
    let (mut sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    let requests = (0..100).map(|_| {
        let request = http::Request::get("https://x/").body(Empty::<Bytes>::new());
        sender.send_request(request.unwrap())
    });
    for answer in futures_util::future::join_all(requests).await {
        let answer = answer.unwrap();
        assert_eq!(
            answer.headers()["strict-transport-security"],
            "max-age=31536000"
        );
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "https secure=true");
    }
    drop(sender);
    timeout(PATIENCE, connection)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn callers_may_show_a_certificate() {
    let ours = Authority::new("ours");
    let server = Secure::start(Some(&ours));
    let client = |shown: Option<&Identity>| testca::client(&[&server.authority], shown);

    let answer = server.ask(client(None)).await.unwrap();
    assert_eq!(gist(&answer).1, "https secure=true");

    let names = [
        "Billing.Internal",
        "spiffe://photos/billing",
        "ops@photos.example",
    ];
    let billing = ours.client("billing, \"the\" one", &names);
    let answer = server.ask(client(Some(&billing))).await.unwrap();
    assert_eq!(
        gist(&answer).1,
        "https secure=true CN=billing\\, \\\"the\\\" one \
         [billing.internal spiffe://photos/billing ops@photos.example]"
    );

    let strangers = Authority::new("ours");
    for refused in [
        strangers.client("billing", &["billing.internal"]),
        ours.expired(Kind::Client, "billing"),
        // What is good for servers is good for no client.
        ours.server(&["billing.internal"]),
    ] {
        assert!(server.ask(client(Some(&refused))).await.is_err());
    }
    // Nothing is remembered of a caller by which they could come back without it.
    let config = client(Some(&billing));
    for _ in 0..2 {
        let stream = server.connect(config.clone()).await.unwrap();
        let kind = stream.get_ref().1.handshake_kind();
        assert_eq!(kind, Some(HandshakeKind::Full));
    }
}

#[tokio::test]
async fn a_certificate_nobody_asks_for_is_not_taken() {
    let server = Secure::start(None);
    let identity = Authority::new("ours").client("billing", &[]);
    let config = testca::client(&[&server.authority], Some(&identity));
    let answer = server.ask(config).await.unwrap();
    assert_eq!(gist(&answer).1, "https secure=true");
}

#[tokio::test]
async fn whoever_speaks_plain_http_is_told_so() {
    let server = Secure::start(None);
    let request = "GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer secret\r\n\r\n";
    let answer = server.running.exchange(request).await;
    let (line, body) = gist(&answer);
    assert_eq!(line, "HTTP/1.1 400 Bad Request");
    assert!(body.contains(r#""code":"https_expected""#), "{body}");
    assert_eq!(field(&answer, "strict-transport-security"), None);
}

#[tokio::test]
async fn rubbish_and_silence_hold_up_nobody() {
    let server = Secure::start(None);
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(server.running.connect().await);
    }
    for rubbish in [
        &b"\x16\x03\x01\xff\xff"[..],
        b"\x00\x01\x02",
        b"\x16\x03",
        b"\xff",
    ] {
        let mut client = server.running.connect().await;
        client.stream.write_all(rubbish).await.unwrap();
        silent.push(client);
    }
    let started = std::time::Instant::now();
    let answer = server.ask(server.plain_client()).await.unwrap();
    assert_eq!(gist(&answer).1, "https secure=true");
    assert!(started.elapsed() < Duration::from_secs(5));
    // They are shown the door in the time of a handshake.
    for client in &mut silent {
        let mut rest = Vec::new();
        let read = timeout(PATIENCE, client.stream.read_to_end(&mut rest)).await;
        // An end or a reset, but not for ever.
        let _ = read.expect("closed");
    }
}

#[tokio::test]
async fn a_stop_waits_for_no_handshake() {
    let mut server = Secure::start(None);
    let _silent = server.running.connect().await;
    let answer = server.ask(server.plain_client()).await.unwrap();
    assert_eq!(gist(&answer).0, "HTTP/1.1 200 OK");
    server.running.begin_stop();
    let stopped = timeout(Duration::from_secs(3), server.running.stopped()).await;
    assert_eq!(stopped.unwrap().cut, 0);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut() {
    let limits = Limits {
        write_grace: Duration::from_millis(100),
        write_rate: u32::MAX,
        ..Limits::default()
    };
    // More than TLS and the buffers of both kernels hold.
    let large = handler_fn(|_| async { bytes(64 << 20) });
    let mut server = Secure::start_with(None, limits, large);
    let mut stream = server.connect(server.plain_client()).await.unwrap();
    let request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    stream.write_all(request).await.unwrap();
    // The stop waits for this connection; it would wait for half a minute.
    server.running.begin_stop();
    let stopped = timeout(Duration::from_secs(10), server.running.stopped()).await;
    assert_eq!(stopped.unwrap().cut, 0);
    drop(stream);
}

#[tokio::test]
async fn large_bodies_come_and_go_whole() {
    let handler = handler_fn(async |mut request: Request| {
        let body = request.body.read(8 << 20).await.unwrap();
        Response::new(Body::from(body))
    });
    let server = Secure::start_with(None, Limits::default(), handler);
    let mut stream = server.connect(server.plain_client()).await.unwrap();
    let sent: Vec<u8> = (0..5_000_000_u32).map(|at| (at % 251) as u8).collect();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        sent.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&sent).await.unwrap();
    let mut answer = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 OK"));
    assert!(answer.ends_with(&sent));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_renewed_without_a_failed_request() {
    let server = Arc::new(Secure::start(None));
    let tls = server.tls.clone();
    let keeping = tokio::spawn(async move { tls.keep_current().await });
    let next = Authority::new("next");
    let (running, served) = (
        Arc::new(AtomicBool::new(true)),
        Arc::new(AtomicUsize::new(0)),
    );
    let both = testca::client(&[&server.authority, &next], None);
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let (server, both) = (Arc::clone(&server), both.clone());
            let (running, served) = (Arc::clone(&running), Arc::clone(&served));
            tokio::spawn(async move {
                while running.load(Ordering::Relaxed) {
                    let answer = server.ask(both.clone()).await.unwrap();
                    assert_eq!(gist(&answer).0, "HTTP/1.1 200 OK");
                    served.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let until = async |trusted: &Authority| {
        let only = testca::client(&[trusted], None);
        let deadline = std::time::Instant::now() + PATIENCE;
        while server.ask(only.clone()).await.is_err() {
            assert!(std::time::Instant::now() < deadline, "never renewed");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let folder = server.folder.path();
    for (last, identity) in [
        (&next, next.server(&[HOST])),
        (&server.authority, server.authority.server(&[HOST])),
    ] {
        // For a moment the two do not belong together; that leaves all as it was.
        put(folder, &identity);
        until(last).await;
    }
    running.store(false, Ordering::Relaxed);
    for caller in callers {
        timeout(PATIENCE, caller).await.unwrap().unwrap();
    }
    assert!(served.load(Ordering::Relaxed) > 100);
    keeping.abort();
}

#[tokio::test]
async fn what_is_wrong_with_a_file_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let authority = Authority::new("ours");
    let (one, other) = (authority.server(&[HOST]), authority.server(&[HOST]));
    let certificate = one.certificate.as_str();
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let broken = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    for (cert, key, ca, file, expected) in [
        (
            certificate,
            other.key.as_str(),
            None,
            "key.pem",
            "is not the key of the first certificate",
        ),
        (
            one.key.as_str(),
            certificate,
            None,
            "cert.pem",
            "have the two files been exchanged?",
        ),
        (
            certificate,
            certificate,
            None,
            "key.pem",
            "holds no private key; it holds a certificate",
        ),
        (
            certificate,
            encrypted,
            None,
            "key.pem",
            "is encrypted; decrypt it",
        ),
        (certificate, "", None, "key.pem", "holds no private key"),
        (
            "",
            one.key.as_str(),
            None,
            "cert.pem",
            "holds no certificate",
        ),
        (
            "rubbish",
            "rubbish",
            None,
            "cert.pem",
            "holds no certificate",
        ),
        (broken, one.key.as_str(), None, "cert.pem", "cannot be used"),
        (
            certificate,
            one.key.as_str(),
            Some(""),
            "ca.pem",
            "holds no certificate",
        ),
        (
            certificate,
            one.key.as_str(),
            Some(broken),
            "ca.pem",
            "cannot be used",
        ),
    ] {
        fs::write(at.join("cert.pem"), cert).unwrap();
        fs::write(at.join("key.pem"), key).unwrap();
        let mut files = files(at, None);
        if let Some(ca) = ca {
            fs::write(at.join("ca.pem"), ca).unwrap();
            files.client_ca = Some(at.join("ca.pem"));
        }
        let error: TlsError = Tls::open(files).unwrap_err();
        assert!(error.file.ends_with(file), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    fs::remove_file(at.join("cert.pem")).unwrap();
    let error = Tls::open(files(at, None)).unwrap_err();
    assert!(error.to_string().contains("cannot be read"), "{error}");
    // A certificate that has expired is told of and served: what clients say is clearer than
    // a server that is not there.
    put(at, &authority.expired(Kind::Server, HOST));
    assert!(Tls::open(files(at, None)).is_ok());
}
