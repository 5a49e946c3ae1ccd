//! HTTPS from the settings to the client, and what becomes of credentials that come without it.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use serde_json::json;
use testca::{Authority, Identity};
use testkit::{Answer, App, Client, Process, eventually};

use crate::support::{BINARY, LIBRARY, contract, run, serve, write};

const HOST: &str = "127.0.0.1";
const FILES: [&str; 4] = ["--tls-cert", "cert.pem", "--tls-key", "key.pem"];

fn put(place: &tempfile::TempDir, identity: &Identity) {
    write(place.path(), "cert.pem", &identity.certificate);
    write(place.path(), "key.pem", &identity.key);
}

#[test]
fn a_certificate_is_served_and_renewed() {
    let place = contract(LIBRARY);
    let (ours, next) = (Authority::new("ours"), Authority::new("next"));
    put(&place, &ours.server(&[HOST]));
    let process = serve(place.path(), &FILES);
    let trusting = |authority| {
        process
            .client()
            .over_tls(testca::client(&[authority], None))
    };
    let answer = trusting(&ours).get("/v1/books").expect(200);
    let strict = answer.header("strict-transport-security");
    assert_eq!(strict.as_deref(), Some("max-age=31536000"));
    assert!(
        process.said().contains("listens on https://"),
        "{}",
        process.said()
    );
    // Not our certificate's authority, and no TLS at all.
    let refused = trusting(&next).request("GET", "/v1/books").try_send();
    assert!(refused.is_err());
    let plain = process.client().get("/v1/books").expect(400);
    assert_eq!(plain.code(), "https_expected");

    let renewed = next.server(&[HOST]);
    write(place.path(), "key.pem", &renewed.key);
    process.wait_for("the certificate stays as it was");
    process.wait_for("is not the key of the first certificate");
    trusting(&ours).get("/v1/books").expect(200);
    put(&place, &renewed);
    eventually("the next certificate", || {
        trusting(&next).request("GET", "/v1/books").try_send().ok()
    })
    .expect(200);
}

#[test]
fn in_development_browsers_are_told_nothing_that_lasts() {
    let place = contract(LIBRARY);
    let ours = Authority::new("ours");
    put(&place, &ours.server(&[HOST]));
    let arguments = ["dev", "--listen", "127.0.0.1:0"].iter().chain(&FILES);
    let arguments: Vec<&str> = arguments.copied().collect();
    let process = Process::start(BINARY, place.path(), &arguments);
    let client = process.client().over_tls(testca::client(&[&ours], None));
    let answer = client.get("/v1/books").expect(200);
    assert_eq!(answer.header("strict-transport-security"), None);
    assert!(
        process.said().contains("https://127.0.0.1:"),
        "{}",
        process.said()
    );
}

#[test]
fn callers_show_certificates_where_they_are_asked_for_them() {
    let place = contract(LIBRARY);
    let (ours, services) = (Authority::new("ours"), Authority::new("services"));
    put(&place, &ours.server(&[HOST]));
    write(place.path(), "ca.pem", services.pem());
    let arguments = FILES.iter().chain(&["--tls-client-ca", "ca.pem"]).copied();
    let process = serve(place.path(), &arguments.collect::<Vec<_>>());
    let ask = |shown: Option<&Identity>| {
        let client = process.client().over_tls(testca::client(&[&ours], shown));
        client.request("GET", "/v1/books").try_send()
    };
    ask(None).unwrap().expect(200);
    ask(Some(&services.client("billing", &["billing.internal"])))
        .unwrap()
        .expect(200);
    assert!(ask(Some(&ours.client("billing", &["billing.internal"]))).is_err());
}

#[test]
fn what_keeps_https_from_being_served_is_said() {
    let place = contract(LIBRARY);
    let authority = Authority::new("ours");
    let identity = authority.server(&[HOST]);
    write(place.path(), "cert.pem", &identity.certificate);
    let serve = ["serve", "--migrate", "--listen", "127.0.0.1:0"];
    let with = |more: &[&str]| run(place.path(), &[&serve[..], more].concat());
    let told = with(&FILES).expect(1).stderr;
    assert!(told.contains("`key.pem` cannot be read"), "{told}");
    assert!(told.contains("help: name a file that is there"), "{told}");
    write(place.path(), "key.pem", &authority.server(&[HOST]).key);
    let told = with(&FILES).expect(1).stderr;
    assert!(told.contains("`key.pem` is not the key"), "{told}");
    let told = with(&["--tls-cert", "cert.pem"]).expect(2).stderr;
    assert!(told.contains("--tls-key"), "{told}");
    let told = with(&["--origin", "api.example"]).expect(2).stderr;
    assert!(told.contains("https://api.example"), "{told}");
}

#[test]
fn an_origin_without_https_behind_it_is_warned_of() {
    let place = contract(LIBRARY);
    let process = serve(place.path(), &["--origin", "https://api.example"]);
    process.wait_for("no proxy in front is trusted");
    let sound = contract(LIBRARY);
    let arguments = [
        "--origin",
        "https://api.example",
        "--trusted-proxies",
        "10.0.0.1",
    ];
    let process = serve(sound.path(), &arguments);
    process.client().get("/v1/books").expect(200);
    assert!(!process.said().contains("is trusted"), "{}", process.said());
}

#[test]
fn an_authority_that_is_away_keeps_nobody_from_starting() {
    let place = contract(LIBRARY);
    let directory = "https://127.0.0.1:1/directory";
    let arguments = ["--acme", "api.example", "--acme-directory", directory];
    let process = serve(place.path(), &arguments);
    process.wait_for("no certificate received");
    let authority = Authority::new("any");
    let client = process
        .client()
        .over_tls(testca::client(&[&authority], None));
    assert!(client.request("GET", "/v1/books").try_send().is_err());
    assert!(place.path().join(".frontdesk/acme").is_dir());
}

/// An address of this machine that is not only its own.
fn outside() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // Sends nothing; only finds out which way it would go.
    socket.connect("198.51.100.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

fn write_book(client: &Client, fields: &[(&str, &str)]) -> Answer {
    let mut call = client.request("POST", "/v1/books");
    for (name, value) in fields {
        call = call.header(name, *value);
    }
    call.json(&json!({"title": "Dune"})).send()
}

#[test]
fn credentials_in_the_clear_are_refused_unseen() {
    let app = App::builder()
        .file("frontdesk.yaml", LIBRARY)
        .trusted_proxies(&["127.0.0.1"])
        .everywhere()
        .start();
    let ann = app.key().all_scopes().user("ann").client();
    // From this machine, and through a proxy that was asked by HTTPS.
    write_book(&ann, &[]).expect(201);
    let from = ("x-forwarded-for", "192.0.2.1");
    write_book(&ann, &[from, ("x-forwarded-proto", "https")]).expect(201);
    write_book(&ann, &[("forwarded", "for=192.0.2.1;proto=https")]).expect(201);
    // Others may have read these.
    let wrong = app.with_key("fdk_live_wrong");
    for fields in [
        &[from, ("x-forwarded-proto", "http")][..],
        &[from],
        &[("forwarded", "for=192.0.2.1;proto=http")],
        &[
            ("forwarded", "for=192.0.2.1;proto=https"),
            ("x-forwarded-proto", "http"),
        ],
    ] {
        for client in [&ann, &wrong] {
            let refused = write_book(client, fields).expect(403);
            assert_eq!(refused.code(), "insecure_transport", "{fields:?}");
            let told = refused.text();
            assert!(told.contains("replace it"), "{told}");
        }
        let mut guest = app.request("GET", "/v1/books");
        for (name, value) in fields {
            guest = guest.header(name, *value);
        }
        assert_eq!(guest.send().expect(200).items().len(), 3);
    }
    let Some(address) = outside() else { return };
    let address = SocketAddr::new(address, app.address().port());
    let refused = write_book(&ann.at(address), &[]).expect(403);
    assert_eq!(refused.code(), "insecure_transport");
    // Whoever is no proxy of ours can say what they like.
    let refused = write_book(&ann.at(address), &[("x-forwarded-proto", "https")]);
    assert_eq!(refused.expect(403).code(), "insecure_transport");
    app.at(address).get("/v1/books").expect(200);
}

#[test]
fn a_proxy_on_this_machine_is_trusted_only_when_it_is_named() {
    let app = App::start(LIBRARY);
    let ann = app.key().all_scopes().user("ann").client();
    let https = ("x-forwarded-proto", "https");
    let refused = write_book(&ann, &[("x-forwarded-for", "192.0.2.1"), https]).expect(403);
    assert_eq!(refused.code(), "insecure_transport");
    let local = [
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "http"),
    ];
    write_book(&ann, &local).expect(201);
}
