//! Media types and content codings.

use std::io::Read;

use serde_json::json;
use testkit::{Answer, App};

use crate::support::LIBRARY;

const LONG: &str = "/v1/events?limit=200";

#[test]
fn json_is_what_there_is() {
    let app = LIBRARY.get();
    for target in ["/v1/books", "/v1/books/1"] {
        for accept in [
            "*/*",
            "application/json",
            "application/*",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/vnd.example+json",
            "text/html, application/xhtml+xml, */*;q=0.8",
            "image/png, application/json;q=0.1",
            "",
        ] {
            let answer = app
                .request("GET", target)
                .header("accept", accept)
                .send()
                .expect(200);
            assert_eq!(
                answer.header("content-type").unwrap(),
                "application/json",
                "{accept}"
            );
        }
        let answer = app.get(target).expect(200);
        assert_eq!(answer.header("content-type").unwrap(), "application/json");
        for accept in [
            "text/html",
            "text/csv",
            "application/x-ndjson",
            "text/event-stream",
            "image/*",
            "application/json;q=0",
            "*/*;q=0",
            "application/json;q=0, */*",
        ] {
            // Lists have more formats than records.
            let more = [
                "text/csv",
                "application/x-ndjson",
                "application/json;q=0, */*",
            ];
            if target == "/v1/books" && more.contains(&accept) {
                continue;
            }
            let refused = app
                .request("GET", target)
                .header("accept", accept)
                .send()
                .expect(406);
            assert_eq!(refused.code(), "not_acceptable", "{accept}");
            assert_eq!(
                refused.header("content-type").unwrap(),
                "application/problem+json"
            );
        }
    }
}

#[test]
fn who_reads_a_dialect_of_json_only_gets_problems_as_json() {
    let app = LIBRARY.get();
    for (accept, media) in [
        ("application/vnd.example+json", "application/json"),
        (
            "application/vnd.example.v2+json, application/vnd.example+json;q=0.5",
            "application/json",
        ),
        (
            "text/html, application/vnd.example+json",
            "application/json",
        ),
        ("application/problem+json", "application/problem+json"),
        (
            "application/vnd.example+json, application/problem+json",
            "application/problem+json",
        ),
        (
            "application/vnd.example+json, application/json",
            "application/problem+json",
        ),
        (
            "application/vnd.example+json, */*;q=0.1",
            "application/problem+json",
        ),
        ("application/json", "application/problem+json"),
        ("text/html", "application/problem+json"),
        ("", "application/problem+json"),
    ] {
        let request = app.request("GET", "/v1/books/999999");
        let refused = request.header("accept", accept).send();
        assert!([404, 406].contains(&refused.status), "{accept}");
        assert_eq!(refused.header("content-type").unwrap(), media, "{accept}");
        let problem = refused.json();
        assert_eq!(problem["status"], refused.status, "{accept}");
        let message = match media {
            "application/json" => problem["detail"].clone(),
            _ => serde_json::Value::Null,
        };
        assert_eq!(problem["message"], message, "{accept}");
    }
}

#[test]
fn a_refused_accept_changes_nothing() {
    let app = LIBRARY.get();
    let admin = app.admin();
    let delete = admin
        .request("DELETE", "/v1/reviews/1")
        .header("accept", "image/png");
    delete.send().expect(406);
    app.get("/v1/reviews/1").expect(200);
}

#[test]
fn bodies_are_json_and_say_so() {
    let app = LIBRARY.get();
    let admin = app.admin();
    for (method, target) in [
        ("POST", "/v1/books"),
        ("PUT", "/v1/books/1"),
        ("PATCH", "/v1/books/1"),
    ] {
        for media in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/xml",
            "application/json; charset=latin1",
            "application/vnd.example+json",
            "json",
            "",
        ] {
            let refused = admin.request(method, target).body(media, "{}").send();
            assert_eq!(
                (refused.status, &*refused.code()),
                (415, "unsupported_media_type"),
                "{method} {media:?}: {refused:?}"
            );
        }
        let twice = admin
            .request(method, target)
            .json(&json!({}))
            .header("content-type", "application/json");
        twice.send().expect(415);
    }
    for method in ["POST", "PUT"] {
        let target = if method == "POST" {
            "/v1/books"
        } else {
            "/v1/books/1"
        };
        for media in [
            "application/merge-patch+json",
            "application/json-patch+json",
        ] {
            admin
                .request(method, target)
                .body(media, "{}")
                .send()
                .expect(415);
        }
    }
    for coding in ["gzip", "br", "identity, gzip"] {
        let request = admin
            .request("POST", "/v1/books")
            .header("content-encoding", coding);
        let refused = request.json(&json!({})).send().expect(415);
        assert_eq!(refused.code(), "content_encoding_unsupported", "{coding}");
    }
}

fn coded(app: &App, target: &str, accept: Option<&str>) -> Answer {
    let request = app.request("GET", target);
    match accept {
        Some(accept) => request.header("accept-encoding", accept).send(),
        None => request.send(),
    }
}

fn decoded(answer: &Answer) -> Vec<u8> {
    let mut plain = Vec::new();
    match answer.header("content-encoding").as_deref() {
        None => plain.clone_from(&answer.body),
        Some("gzip") => {
            let mut decoder = flate2::read::GzDecoder::new(&*answer.body);
            decoder.read_to_end(&mut plain).unwrap();
        }
        Some("br") => brotli::BrotliDecompress(&mut &*answer.body, &mut plain).unwrap(),
        Some(other) => panic!("{other}"),
    }
    plain
}

#[test]
fn long_answers_are_compressed_for_those_who_ask() {
    let app = LIBRARY.get();
    let plain = coded(&app, LONG, None).expect(200);
    assert_eq!(plain.header("content-encoding"), None);
    for (accept, coding) in [
        ("gzip", Some("gzip")),
        ("br", Some("br")),
        ("gzip, deflate, br", Some("br")),
        ("gzip, br;q=0.5", Some("gzip")),
        ("*", Some("br")),
        ("x-gzip", Some("gzip")),
        ("gzip;q=0", None),
        ("identity", None),
        ("zstd", None),
        ("", None),
    ] {
        let answer = coded(&app, LONG, Some(accept)).expect(200);
        assert_eq!(
            answer.header("content-encoding").as_deref(),
            coding,
            "{accept}"
        );
        assert_eq!(decoded(&answer), plain.body, "{accept}");
        assert_eq!(
            answer.body.len() < plain.body.len(),
            coding.is_some(),
            "{accept}"
        );
        assert_eq!(answer.header("link"), plain.header("link"));
        assert!(answer.header("vary").unwrap().contains("Accept-Encoding"));
    }
    // What fits into a packet anyway is sent as it is.
    let short = coded(&app, "/v1/books/1", Some("gzip, br")).expect(200);
    assert_eq!(short.header("content-encoding"), None);
    assert!(short.header("vary").unwrap().contains("Accept-Encoding"));
}

#[test]
fn every_coding_has_its_tag_and_each_is_good_for_a_304() {
    let app = LIBRARY.get();
    let tags = [None, Some("gzip"), Some("br")].map(|coding| coded(&app, LONG, coding).etag());
    assert!(tags.iter().all(|tag| tag.starts_with('"')), "{tags:?}");
    assert!(
        tags[0] != tags[1] && tags[1] != tags[2] && tags[0] != tags[2],
        "{tags:?}"
    );
    let ask = |tag: &str, accept: &str| {
        let request = app.request("GET", LONG).header("if-none-match", tag);
        request.header("accept-encoding", accept).send()
    };
    for (tag, accept) in tags.iter().zip(["identity", "gzip", "br"]) {
        let same = ask(tag, accept).expect(304);
        assert_eq!(same.etag(), *tag, "{accept}");
        assert_eq!(same.header("content-encoding"), None);
        assert!(same.header("vary").unwrap().contains("Accept-Encoding"));
        // Whoever takes several codings may hold any of them.
        assert_eq!(ask(tag, "gzip, br").expect(304).etag(), *tag);
    }
    // A copy in a coding is no good to one who does not take it.
    ask(&tags[1], "identity").expect(200);
    ask(&tags[2], "gzip").expect(200);
}

#[test]
fn the_tag_of_a_compressed_record_still_names_its_version() {
    let app = LIBRARY.get();
    let ask = app
        .request("GET", "/v1/books/4?include=reviews")
        .header("accept-encoding", "gzip");
    let answer = ask.send().expect(200);
    assert_eq!(answer.header("content-encoding").unwrap(), "gzip");
    let patch = |tag: &str| {
        let request = app
            .admin()
            .request("PATCH", "/v1/books/4")
            .json(&json!({"title": "Emma"}));
        request.header("if-match", tag).send()
    };
    patch(&answer.etag()).expect(200);
    patch(&answer.etag().replace("\"1.", "\"2.")).expect(412);
}

#[test]
fn a_long_refusal_is_compressed_like_any_answer() {
    let app = LIBRARY.get();
    let many: String = (0..20).map(|n| format!("colour{n}=red&")).collect();
    let plain = app.get(&format!("/v1/books?{many}")).expect(400);
    let answer = coded(&app, &format!("/v1/books?{many}"), Some("gzip")).expect(400);
    assert_eq!(answer.header("content-encoding").unwrap(), "gzip");
    assert_eq!(
        answer.header("content-type").unwrap(),
        "application/problem+json"
    );
    assert_eq!(decoded(&answer), plain.body);
}
