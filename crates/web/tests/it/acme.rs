//! Certificates that are asked for: from an authority of our own, which looks at the names and the
//! proofs as real ones do.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{CONTENT_TYPE, HeaderName, LOCATION};
use http::{HeaderValue, Method, StatusCode};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use testca::Authority;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use web::tls::acme::Acme;
use web::tls::{Files, Tls};
use web::{Body, Limits, Listener, Request, Response, bind, handler_fn};
use x509_cert::der::Decode;

use crate::support::{PATIENCE, Running, gist};

/// The names there are in this world. All lead to the server under test.
const NAMES: [&str; 2] = ["api.example", "www.example"];

const REPLAY_NONCE: HeaderName = HeaderName::from_static("replay-nonce");

/// Somebody who gives certificates for names that are shown to lead somewhere.
struct Giver {
    running: Running,
    folder: TempDir,
    state: Arc<Mutex<State>>,
}

struct State {
    authority: Authority,
    /// Where names lead.
    target: SocketAddr,
    /// Whether what is given is soon over.
    old: bool,
    nonces: Vec<String>,
    accounts: Vec<String>,
    orders: Vec<Order>,
}

struct Order {
    names: Vec<String>,
    /// Of each name, whether it was shown; nothing before anybody has looked.
    shown: Vec<Option<Result<(), String>>>,
    certificate: Option<String>,
}

impl Giver {
    fn start(target: SocketAddr) -> Giver {
        let folder = tempfile::tempdir().unwrap();
        let own = Authority::new("the giver's own");
        let identity = own.server(&["127.0.0.1"]);
        let at = |name: &str| folder.path().join(name);
        fs::write(at("cert.pem"), &identity.certificate).unwrap();
        fs::write(at("key.pem"), &identity.key).unwrap();
        fs::write(at("root.pem"), own.pem()).unwrap();
        let files = Files {
            certificate: at("cert.pem"),
            key: at("key.pem"),
            client_ca: None,
        };
        let listener = Listener {
            tcp: bind(([127, 0, 0, 1], 0).into()).unwrap(),
            tls: Some(Tls::open(files).unwrap()),
        };
        let state = Arc::new(Mutex::new(State {
            authority: Authority::new("given"),
            target,
            old: false,
            nonces: vec![],
            accounts: vec![],
            orders: vec![],
        }));
        let shared = Arc::clone(&state);
        let handler = handler_fn(move |request| give(Arc::clone(&shared), request));
        Giver {
            running: Running::start_at(listener, Limits::default(), handler),
            folder,
            state,
        }
    }

    fn acme(&self, folder: &TempDir, names: &[&str]) -> Acme {
        Acme {
            domains: names.iter().map(|name| (*name).to_owned()).collect(),
            email: Some("ops@api.example".to_owned()),
            directory: format!("https://{}/directory", self.running.address),
            directory_ca: Some(self.folder.path().join("root.pem")),
            folder: folder.path().join("acme"),
        }
    }

    /// How many accounts and orders there have been.
    fn count(&self) -> (usize, usize) {
        let state = self.state.lock().unwrap();
        (state.accounts.len(), state.orders.len())
    }

    /// A client that trusts what is given.
    fn client(&self) -> ClientConfig {
        testca::client(&[&self.state.lock().unwrap().authority], None)
    }
}

/// What RFC 8555 §7 has a server do. Signatures are not looked at: whoever makes them is not under test.
async fn give(state: Arc<Mutex<State>>, mut request: Request) -> Response {
    // HTTP/2 has no Host.
    let host = request.uri().authority().unwrap().to_string();
    let url = |path: String| format!("https://{host}{path}");
    let path = request.path().to_owned();
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let nonce = {
        let mut state = state.lock().unwrap();
        let nonce = format!("nonce-{}-{}", state.nonces.len(), state.orders.len());
        state.nonces.push(nonce.clone());
        nonce
    };
    let body = request.body.read(1 << 20).await.unwrap();
    let mut payload = Json::Null;
    let mut protected = Json::Null;
    if request.method() == Method::POST {
        assert_eq!(request.headers()["content-type"], "application/jose+json");
        let message: Json = serde_json::from_slice(&body).unwrap();
        let part = |name: &str| {
            URL_SAFE_NO_PAD
                .decode(message[name].as_str().unwrap())
                .unwrap()
        };
        protected = serde_json::from_slice(&part("protected")).unwrap();
        payload = serde_json::from_slice(&part("payload")).unwrap_or_default();
        assert_eq!(protected["url"], url(path.clone()));
        let mut state = state.lock().unwrap();
        let used = state
            .nonces
            .iter()
            .position(|one| *one == protected["nonce"]);
        state
            .nonces
            .remove(used.expect("a nonce that is good once"));
    }
    let number = |place: usize| parts[place].parse::<usize>().unwrap();
    let mut status = StatusCode::OK;
    let mut location = None;
    let answer = match parts[0] {
        "directory" => json!({
            "newNonce": url("/nonce".into()),
            "newAccount": url("/account".into()),
            "newOrder": url("/orders".into()),
            "revokeCert": url("/revoke".into()),
            "keyChange": url("/key".into()),
        }),
        "nonce" => Json::Null,
        "account" => {
            assert_eq!(payload["termsOfServiceAgreed"], true);
            assert_eq!(payload["contact"], json!(["mailto:ops@api.example"]));
            let key = &protected["jwk"];
            // RFC 7638: these members, in this order.
            let text = json!({"crv": key["crv"], "kty": key["kty"], "x": key["x"], "y": key["y"]});
            let print = URL_SAFE_NO_PAD.encode(Sha256::digest(text.to_string()));
            state.lock().unwrap().accounts.push(print);
            (status, location) = (StatusCode::CREATED, Some(url("/account/1".into())));
            json!({"status": "valid"})
        }
        "orders" => {
            let names = payload["identifiers"].as_array().unwrap().iter();
            let names: Vec<String> = names
                .map(|one| one["value"].as_str().unwrap().to_owned())
                .collect();
            let mut state = state.lock().unwrap();
            state.orders.push(Order {
                shown: vec![None; names.len()],
                names,
                certificate: None,
            });
            let at = state.orders.len() - 1;
            (status, location) = (StatusCode::CREATED, Some(url(format!("/order/{at}"))));
            order(&state.orders[at], at, &url)
        }
        "order" => order(&state.lock().unwrap().orders[number(1)], number(1), &url),
        "authorization" => {
            let (at, which) = (number(1), number(2));
            let state = state.lock().unwrap();
            authorization(&state.orders[at], at, which, &url)
        }
        "challenge" => {
            let (at, which) = (number(1), number(2));
            let (target, name, print) = {
                let state = state.lock().unwrap();
                let name = state.orders[at].names[which].clone();
                (state.target, name, state.accounts.last().unwrap().clone())
            };
            let shown = look(target, &name, &format!("{}.{print}", token(at, which))).await;
            let mut state = state.lock().unwrap();
            state.orders[at].shown[which] = Some(shown);
            authorization(&state.orders[at], at, which, &url)["challenges"][0].clone()
        }
        "finalize" => {
            let mut state = state.lock().unwrap();
            let csr = URL_SAFE_NO_PAD
                .decode(payload["csr"].as_str().unwrap())
                .unwrap();
            let at = number(1);
            let (names, chain) = state.authority.grant(&csr, state.old);
            assert_eq!(names, state.orders[at].names);
            assert!(
                state.orders[at]
                    .shown
                    .iter()
                    .all(|shown| *shown == Some(Ok(())))
            );
            state.orders[at].certificate = Some(chain);
            order(&state.orders[at], at, &url)
        }
        "certificate" => {
            let chain = state.lock().unwrap().orders[number(1)].certificate.clone();
            return with_nonce(Response::new(Body::from(chain.unwrap())), &nonce);
        }
        other => panic!("nobody asks for {other}"),
    };
    let mut response = Response::new(Body::from(answer.to_string()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    if let Some(location) = location {
        let location = HeaderValue::try_from(location).unwrap();
        response.headers_mut().insert(LOCATION, location);
    }
    with_nonce(response, &nonce)
}

fn with_nonce(mut response: Response, nonce: &str) -> Response {
    let nonce = HeaderValue::try_from(nonce).unwrap();
    response.headers_mut().insert(REPLAY_NONCE, nonce);
    response
}

fn order(order: &Order, at: usize, url: &dyn Fn(String) -> String) -> Json {
    let status = if order.certificate.is_some() {
        "valid"
    } else if order
        .shown
        .iter()
        .any(|shown| matches!(shown, Some(Err(_))))
    {
        "invalid"
    } else if order.shown.iter().all(Option::is_some) {
        "ready"
    } else {
        "pending"
    };
    let names = 0..order.names.len();
    let mut told = json!({
        "status": status,
        "identifiers": order.names.iter().map(|name| json!({"type": "dns", "value": name})).collect::<Vec<_>>(),
        "authorizations": names.map(|which| url(format!("/authorization/{at}/{which}"))).collect::<Vec<_>>(),
        "finalize": url(format!("/finalize/{at}")),
    });
    if status == "valid" {
        told["certificate"] = url(format!("/certificate/{at}")).into();
    }
    told
}

fn authorization(order: &Order, at: usize, which: usize, url: &dyn Fn(String) -> String) -> Json {
    let (status, error) = match &order.shown[which] {
        None => ("pending", None),
        Some(Ok(())) => ("valid", None),
        Some(Err(why)) => ("invalid", Some(why)),
    };
    let mut challenge = json!({
        "type": "tls-alpn-01",
        "url": url(format!("/challenge/{at}/{which}")),
        "token": token(at, which),
        "status": status,
    });
    if let Some(why) = error {
        let kind = "urn:ietf:params:acme:error:unauthorized";
        challenge["error"] = json!({"type": kind, "detail": why, "status": 403});
    }
    json!({
        "identifier": {"type": "dns", "value": order.names[which]},
        "status": status,
        "challenges": [challenge, {"type": "http-01", "url": url("/no".into()), "token": "no", "status": "pending"}],
    })
}

fn token(at: usize, which: usize) -> String {
    format!("token-{at}-{which}-0123456789abcdef")
}

/// Looks where a name leads, as RFC 8737 §3 has it.
async fn look(target: SocketAddr, name: &str, authorization: &str) -> Result<(), String> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"acme-tls/1".to_vec()];
    let tcp = TcpStream::connect(target)
        .await
        .map_err(|error| error.to_string())?;
    let host = ServerName::try_from(name.to_owned()).unwrap();
    let stream = TlsConnector::from(Arc::new(config))
        .connect(host, tcp)
        .await;
    let stream = stream.map_err(|error| format!("no handshake: {error}"))?;
    let session = stream.get_ref().1;
    assert_eq!(session.alpn_protocol(), Some(&b"acme-tls/1"[..]));
    let der = session.peer_certificates().unwrap()[0].to_vec();
    let names = web::tls::Certificate::read(&der).unwrap().names;
    assert_eq!(names, [name]);
    let certificate = x509_cert::Certificate::from_der(&der).unwrap();
    let extensions = certificate.tbs_certificate.extensions.unwrap();
    let proof = extensions
        .iter()
        .find(|one| one.extn_id.to_string() == "1.3.6.1.5.5.7.1.31")
        .unwrap();
    assert!(proof.critical);
    // An OCTET STRING of 32 bytes.
    let expected = [&[4, 32][..], &Sha256::digest(authorization)].concat();
    assert_eq!(proof.extn_value.as_bytes(), expected);
    Ok(())
}

/// A proof is not signed by anybody.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let provider = aws_lc_rs::default_provider();
        provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// The server under test, for as long as it runs.
struct Asker {
    running: Running,
    keeping: JoinHandle<()>,
}

impl Asker {
    fn start(tcp: tokio::net::TcpListener, acme: Acme) -> Asker {
        let tls = Tls::ordered(acme, None).unwrap();
        let keeper = tls.clone();
        let listener = Listener {
            tcp,
            tls: Some(tls),
        };
        let hello = handler_fn(async |_| Response::new(Body::from("hello")));
        Asker {
            running: Running::start_at(listener, Limits::default(), hello),
            keeping: tokio::spawn(async move { keeper.keep_current().await }),
        }
    }

    async fn ask(&self, config: ClientConfig, name: &str) -> std::io::Result<String> {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let tcp = TcpStream::connect(self.running.address).await?;
        let host = ServerName::try_from(name.to_owned()).unwrap();
        let mut stream = TlsConnector::from(Arc::new(config))
            .connect(host, tcp)
            .await?;
        let request = format!("GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut answer))
            .await
            .unwrap()?;
        Ok(gist(&answer).1.to_owned())
    }

    /// Until it is served under this name with a certificate that was given.
    async fn served(&self, giver: &Giver, name: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.ask(giver.client(), name).await.is_err() {
            assert!(Instant::now() < deadline, "no certificate");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn stop(mut self) {
        self.keeping.abort();
        self.running.begin_stop();
        self.running.stopped().await;
    }
}

fn socket() -> (tokio::net::TcpListener, SocketAddr) {
    let tcp = bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = tcp.local_addr().unwrap();
    (tcp, address)
}

async fn until(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_asked_for_kept_and_asked_for_again() {
    let (tcp, target) = socket();
    let giver = Giver::start(target);
    let folder = tempfile::tempdir().unwrap();
    giver.state.lock().unwrap().old = true;

    // The first time: an account, an order, a proof for each name.
    let asker = Asker::start(tcp, giver.acme(&folder, &NAMES));
    for name in NAMES {
        asker.served(&giver, name).await;
        assert_eq!(asker.ask(giver.client(), name).await.unwrap(), "hello");
    }
    assert_eq!(giver.count(), (1, 1));
    for entry in fs::read_dir(folder.path().join("acme")).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let mode = fs::metadata(folder.path().join("acme"))
        .unwrap()
        .permissions();
    assert_eq!(mode.mode() & 0o777, 0o700);
    asker.stop().await;

    // What is kept is served at once, and as most of its life is over, another is asked for.
    giver.state.lock().unwrap().old = false;
    let (tcp, target) = socket();
    giver.state.lock().unwrap().target = target;
    let before = fs::read(folder.path().join("acme/certificate.pem")).unwrap();
    let asker = Asker::start(tcp, giver.acme(&folder, &NAMES));
    assert_eq!(asker.ask(giver.client(), NAMES[0]).await.unwrap(), "hello");
    until("the second certificate", || {
        fs::read(folder.path().join("acme/certificate.pem")).unwrap() != before
    })
    .await;
    assert_eq!(giver.count(), (1, 2));
    asker.served(&giver, NAMES[1]).await;
    asker.stop().await;

    // It is good for long, so nobody is asked; but one name less is no reason, one more is.
    let (tcp, target) = socket();
    giver.state.lock().unwrap().target = target;
    let asker = Asker::start(tcp, giver.acme(&folder, &NAMES[..1]));
    assert_eq!(asker.ask(giver.client(), NAMES[0]).await.unwrap(), "hello");
    asker.stop().await;
    assert_eq!(giver.count(), (1, 2));
    let (tcp, target) = socket();
    giver.state.lock().unwrap().target = target;
    let names = [NAMES[0], NAMES[1], "more.example"];
    let asker = Asker::start(tcp, giver.acme(&folder, &names));
    asker.served(&giver, "more.example").await;
    assert_eq!(giver.count(), (1, 3));
    asker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_certificate_there_are_no_connections() {
    let (tcp, _) = socket();
    // The names lead elsewhere, where nobody proves anything.
    let (_elsewhere, target) = socket();
    drop(_elsewhere);
    let giver = Giver::start(target);
    let folder = tempfile::tempdir().unwrap();
    let asker = Asker::start(tcp, giver.acme(&folder, &NAMES[..1]));
    until("the look", || {
        let state = giver.state.lock().unwrap();
        let looked = |order: &Order| order.shown[0].is_some();
        state.orders.first().is_some_and(looked)
    })
    .await;
    assert!(asker.ask(giver.client(), NAMES[0]).await.is_err());
    // Nothing is shown to whoever asks for a proof of another name.
    let strange = look(asker.running.address, "strange.example", "").await;
    assert!(strange.unwrap_err().contains("no handshake"));
    assert!(!folder.path().join("acme/certificate.pem").exists());
    asker.stop().await;
}

#[tokio::test]
async fn what_keeps_certificates_from_being_kept_is_said() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("acme"), "a file").unwrap();
    let (_, target) = socket();
    let giver = Giver::start(target);
    let refused = Tls::ordered(giver.acme(&folder, &NAMES), None).unwrap_err();
    assert!(refused.to_string().contains("cannot be made"), "{refused}");
    let other = tempfile::tempdir().unwrap();
    let missing = Acme {
        directory_ca: Some(other.path().join("none.pem")),
        ..giver.acme(&other, &NAMES)
    };
    let refused = Tls::ordered(missing, None).unwrap_err();
    assert!(refused.to_string().contains("cannot be read"), "{refused}");
}
