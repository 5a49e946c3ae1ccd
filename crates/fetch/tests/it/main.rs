//! Asking others, who are servers on this machine.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fetch::{BYTES_MAX, Fetcher, Named};
use identity::outside::{Answer, Ask, Fetch};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{RootCertStore, ServerConfig};
use testca::{Authority, Kind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A server that gives everybody the same answer, and what it was asked.
struct Server {
    url: String,
    asked: Arc<AtomicUsize>,
    heard: tokio::sync::mpsc::UnboundedReceiver<String>,
}

impl Server {
    async fn answering(answer: Option<String>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys?x=1", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let (tell, heard) = tokio::sync::mpsc::unbounded_channel();
        let count = Arc::clone(&asked);
        tokio::spawn(async move {
            let mut open = Vec::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                let mut bytes = vec![0; 4096];
                let length = stream.read(&mut bytes).await.unwrap();
                let _ = tell.send(String::from_utf8_lossy(&bytes[..length]).into_owned());
                match &answer {
                    Some(answer) => {
                        let _ = stream.write_all(answer.as_bytes()).await;
                    }
                    // Never.
                    None => open.push(stream),
                }
            }
        });
        Server { url, asked, heard }
    }

    async fn with(status: &str, headers: &str, body: &str) -> Server {
        let length = body.len();
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{headers}\r\n");
        Server::answering(Some(head + body)).await
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// By somebody whose contract names it.
    async fn ask(&self, form: Option<&str>) -> Result<Answer, String> {
        get(&Named::of([&*self.url]), &self.url, form).await
    }
}

async fn get(named: &Named, url: &str, form: Option<&str>) -> Result<Answer, String> {
    let ask = Ask {
        url,
        headers: &[("accept", "application/json")],
        form,
    };
    Fetcher::new(named.clone()).unwrap().fetch(ask).await
}

#[tokio::test]
async fn an_answer_is_what_was_sent() {
    let mut server = Server::with("200 OK", "", r#"{"keys": []}"#).await;
    let answer = server.ask(None).await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, br#"{"keys": []}"#);
    let heard = server.heard.recv().await.unwrap().to_lowercase();
    assert!(heard.starts_with("get /keys?x=1 http/1.1\r\n"), "{heard}");
    assert!(heard.contains("accept: application/json\r\n"), "{heard}");
    assert!(heard.contains("user-agent: frontdesk/"), "{heard}");
    server.ask(Some("grant_type=x&code=y")).await.unwrap();
    let heard = server.heard.recv().await.unwrap().to_lowercase();
    assert!(heard.starts_with("post /keys?x=1 http/1.1\r\n"), "{heard}");
    let form = "content-type: application/x-www-form-urlencoded\r\n";
    assert!(heard.contains(form), "{heard}");
}

#[tokio::test]
async fn what_the_contract_does_not_name_is_not_reached() {
    let server = Server::with("200 OK", "", "secret").await;
    let port = server.url.split(':').nth(2).unwrap();
    let port = port.split('/').next().unwrap();
    let nobody = Named::default();
    for url in [
        server.url.clone(),
        server.url.replace("http", "https"),
        format!("https://localhost:{port}/"),
        format!("https://localhost.:{port}/"),
        format!("https://[::1]:{port}/"),
        format!("https://[::ffff:127.0.0.1]:{port}/"),
        format!("https://0.0.0.0:{port}/"),
        format!("https://2130706433:{port}/"),
        format!("https://0x7f.1:{port}/"),
        "https://169.254.169.254/latest/meta-data".to_owned(),
    ] {
        let answer = get(&nobody, &url, None).await;
        assert!(answer.is_err(), "{url}");
    }
    assert_eq!(server.asked(), 0);
    let why = get(&nobody, &format!("https://127.0.0.1:{port}/"), None).await;
    let why = why.unwrap_err();
    assert!(why.contains("none of the internet's"), "{why}");
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let target = Server::with("200 OK", "", "elsewhere").await;
    let location = format!("Location: {}\r\n", target.url);
    let server = Server::with("302 Found", &location, "").await;
    let named = Named::of([&*server.url, &*target.url]);
    let answer = get(&named, &server.url, None).await.unwrap();
    assert_eq!(answer.status, 302);
    assert_eq!(target.asked(), 0);
}

#[tokio::test]
async fn large_answers_are_not_read() {
    let fits = Server::with("200 OK", "", &"x".repeat(BYTES_MAX)).await;
    assert_eq!(fits.ask(None).await.unwrap().body.len(), BYTES_MAX);
    let large = Server::with("200 OK", "", &"x".repeat(BYTES_MAX + 1)).await;
    assert!(large.ask(None).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn nobody_is_waited_for_for_long() {
    let server = Server::answering(None).await;
    let why = server.ask(None).await.unwrap_err();
    assert!(why.contains("no answer in 5 s"), "{why}");
}

#[tokio::test]
async fn only_who_is_trusted_is_believed() {
    let (authority, other) = (Authority::new("ours"), Authority::new("theirs"));
    let check = async |server: testca::Identity, expected: bool| {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!(
            "https://localhost:{}/",
            listener.local_addr().unwrap().port()
        );
        let acceptor = TlsAcceptor::from(Arc::new(config(&server)));
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = stream.read(&mut [0; 4096]).await;
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                let _ = stream.write_all(answer).await;
                let _ = stream.shutdown().await;
            }
        });
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap();
        roots.add(root).unwrap();
        let fetcher = Fetcher::trusting(roots, Named::of([&*url])).unwrap();
        let ask = Ask {
            url: &url,
            headers: &[],
            form: None,
        };
        let answer = fetcher.fetch(ask).await;
        assert_eq!(answer.is_ok(), expected, "{answer:?}");
    };
    check(authority.server(&["localhost"]), true).await;
    check(authority.server(&["elsewhere.example"]), false).await;
    check(authority.expired(Kind::Server, "localhost"), false).await;
    check(other.server(&["localhost"]), false).await;
}

fn config(server: &testca::Identity) -> ServerConfig {
    let certificates = CertificateDer::pem_slice_iter(server.certificate.as_bytes());
    let certificates = certificates.collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(server.key.as_bytes()).unwrap();
    ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .unwrap()
}

#[tokio::test]
async fn who_does_not_speak_tls_is_not_believed() {
    let server = Server::with("200 OK", "", "in the clear").await;
    let url = server.url.replace("http", "https");
    let answer = get(&Named::of([&*url]), &url, None).await;
    assert!(answer.is_err());
}
