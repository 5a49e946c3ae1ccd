//! Entity tags, conditional requests, and what caches are told.

use serde_json::{Value as Json, json};
use testkit::{Answer, App};

use crate::support::Shared;

static DESK: Shared = Shared::new(|| App::start(CONTRACT));

const CONTRACT: &str = "
frontdesk: 1
name: desk
resources:
  Note:
    id: integer
    fields: {text: string, colour?: string, stars?: {type: number, value: '=this.votes.avg(v, v.stars)'}}
    lists: {votes: Vote.note}
    access: {read: public, write: public}
  Vote:
    id: integer
    fields: {note: Note, stars: integer}
    access: {read: public, write: public}
  Page:
    id: integer
    fields: {text: string, colour?: string}
    access: {read: public, write: public}
  Law:
    id: integer
    fields: {text: string}
    concurrency: required
    access: {read: public, write: public}
";

/// A new page, and its path.
fn page(app: &App) -> (Answer, String) {
    let made = app.post("/v1/pages", &json!({"text": "a"})).expect(201);
    let path = made.header("location").unwrap();
    (made, path)
}

#[track_caller]
fn version(tag: &str) -> &str {
    let inner = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
    let (version, view) = inner
        .and_then(|tag| tag.split_once('.'))
        .unwrap_or_else(|| panic!("{tag}"));
    assert!(version.bytes().all(|byte| byte.is_ascii_digit()), "{tag}");
    assert!(
        !view.is_empty() && view.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{tag}"
    );
    version
}

#[test]
fn a_tag_is_strong_and_made_of_version_and_view() {
    let app = DESK.get();
    let (made, path) = page(&app);
    assert_eq!(version(&made.etag()), "1");
    let changed = app.patch(&path, &json!({"text": "b"})).expect(200);
    assert_eq!(version(&changed.etag()), "2");
    assert_eq!(app.get(&path).etag(), changed.etag());
    let part = app.get(&format!("{path}?fields=text")).etag();
    assert_eq!(version(&part), "2");
    assert_ne!(part, changed.etag());
}

#[test]
fn if_match_compares_the_version_whatever_the_view() {
    let app = DESK.get();
    let (_, path) = page(&app);
    let patch = |tag: &str, text: &str| {
        let request = app.request("PATCH", &path).json(&json!({"text": text}));
        request.header("if-match", tag).send()
    };
    // Read in one view, changed in another.
    let part = app.get(&format!("{path}?fields=text")).etag();
    patch(&part, "b").expect(200);
    assert_eq!(patch(&part, "c").expect(412).code(), "stale");

    let whole = app.get(&path).etag();
    for (sent, status) in [
        (format!("W/{whole}"), 412),
        (format!("\"x\", W/{whole}"), 412),
        ("\"1.0\"".to_owned(), 412),
        ("\"2\"".to_owned(), 412),
        ("\"foreign\"".to_owned(), 412),
        ("\"99999999999999999999.1\"".to_owned(), 412),
        (whole.clone(), 200),
        ("\"1.1\", \"3.ffff\"".to_owned(), 200),
        ("\"4.0-gzip\"".to_owned(), 200),
        ("".to_owned(), 412),
        ("*".to_owned(), 200),
    ] {
        let answer = patch(&sent, &sent);
        assert_eq!(answer.status, status, "{sent}: {answer:?}");
        if status == 412 {
            // A number that is none of the client's tells it nothing.
            let of_another = sent == "\"1.0\"";
            let told = answer.json()["detail"].to_string();
            assert_eq!(told.contains("another ETag by now"), of_another, "{told}");
            assert_eq!(told.contains("without `W/`"), !of_another, "{told}");
        }
    }
    for unreadable in ["2.1", "\"open", "\"a\" \"b\"", "*, \"1.1\""] {
        let refused = patch(unreadable, "x").expect(400);
        assert_eq!(refused.faults(), ["If-Match: invalid"], "{unreadable}");
    }
}

#[test]
fn every_write_keeps_to_its_condition() {
    let app = DESK.get();
    let (made, path) = page(&app);
    let old = made.etag();
    let new = app.patch(&path, &json!({"text": "b"})).expect(200).etag();
    let ask = |method: &str, name: &str, tag: &str| {
        let request = app.request(method, &path).header(name, tag);
        match method {
            "DELETE" => request.send(),
            _ => request.json(&json!({"text": "c"})).send(),
        }
    };
    for method in ["PATCH", "PUT", "DELETE"] {
        assert_eq!(
            ask(method, "if-match", &old).expect(412).code(),
            "stale",
            "{method}"
        );
        // The record exists, which this forbids.
        assert_eq!(
            ask(method, "if-none-match", "*").expect(412).code(),
            "stale",
            "{method}"
        );
        // What makes no sense on a write is not read over.
        let refused = ask(method, "if-none-match", &new).expect(400);
        assert_eq!(refused.faults(), ["If-None-Match: invalid"], "{method}");
    }
    assert_eq!(app.get(&path).etag(), new);
    let put = ask("PUT", "if-match", &new).expect(200);
    ask("DELETE", "if-match", &put.etag()).expect(204);
    ask("PATCH", "if-match", &put.etag()).expect(404);
    let post = app.request("POST", "/v1/pages").json(&json!({"text": "c"}));
    assert_eq!(
        post.header("if-match", "*").send().expect(400).faults(),
        ["If-Match: invalid"]
    );
}

#[test]
fn a_resource_may_insist_on_a_condition() {
    let app = DESK.get();
    let made = app.post("/v1/laws", &json!({"text": "a"})).expect(201);
    let path = made.header("location").unwrap();
    for method in ["PATCH", "PUT", "DELETE"] {
        let request = app.request(method, &path);
        let refused = match method {
            "DELETE" => request.send(),
            _ => request.json(&json!({"text": "b"})).send(),
        };
        assert_eq!(
            refused.expect(428).code(),
            "precondition_required",
            "{method}"
        );
    }
    assert_eq!(app.get(&path).etag(), made.etag());
    let patch = |tag: &str| {
        let request = app.request("PATCH", &path).json(&json!({"text": tag}));
        request.header("if-match", tag).send()
    };
    let changed = patch(&made.etag()).expect(200);
    patch(&made.etag()).expect(412);
    patch("*").expect(200);
    app.request("DELETE", &path)
        .header("if-match", changed.etag())
        .send()
        .expect(412);
    app.request("DELETE", &path)
        .header("if-match", "*")
        .send()
        .expect(204);
}

#[test]
fn a_copy_that_is_still_good_is_not_sent_again() {
    let app = DESK.get();
    let (_, path) = page(&app);
    for target in [
        path.clone(),
        format!("{path}?fields=text"),
        "/v1/laws".to_owned(),
    ] {
        for method in ["GET", "HEAD"] {
            let read = app.get(&target).expect(200);
            let tag = read.etag();
            let ask = |value: &str| {
                app.request(method, &target)
                    .header("if-none-match", value)
                    .send()
            };
            for value in [&*tag, &format!("W/{tag}"), &format!("\"x\", {tag}"), "*"] {
                let same = ask(value).expect(304);
                assert_eq!(same.body, b"");
                assert_eq!(same.etag(), tag);
                for name in ["cache-control", "vary"] {
                    assert_eq!(
                        same.header(name),
                        read.header(name),
                        "{method} {target} {name}"
                    );
                }
                assert_eq!(same.header("content-type"), None);
                assert_eq!(same.header("content-length"), None);
            }
            ask("\"x\"").expect(200);
            // What cannot be read names no copy; a read without it would have been answered.
            for unreadable in ["x", &tag[1..], "*, \"x\""] {
                assert_eq!(ask(unreadable).expect(200).etag(), tag, "{unreadable}");
            }
            let insist = app.request(method, &target).header("if-match", "x");
            insist.send().expect(400);
        }
    }
    let tag = app.get(&path).etag();
    app.patch(&path, &json!({"text": "new"})).expect(200);
    app.request("GET", &path)
        .header("if-none-match", tag.as_str())
        .send()
        .expect(200);
    // A read may insist, too.
    app.request("GET", &path)
        .header("if-match", tag)
        .send()
        .expect(412);
    app.request("GET", &path)
        .header("if-match", "*")
        .send()
        .expect(200);
}

#[test]
fn a_tag_changes_when_what_others_have_a_say_in_does() {
    let app = DESK.get();
    let note = app.post("/v1/notes", &json!({"text": "a"})).expect(201);
    let path = note.header("location").unwrap();
    let read = |query: &str| app.get(&format!("{path}{query}")).expect(200);
    let queries = ["", "?fields=stars", "?include=votes&fields=id"];
    let before = queries.map(|query| read(query).etag());
    assert_eq!(before[0], note.etag());
    app.post(
        "/v1/votes",
        &json!({"note_id": note.json()["id"], "stars": 4}),
    )
    .expect(201);
    let after = queries.map(|query| read(query).etag());
    for (before, after) in before.iter().zip(&after) {
        assert_ne!(before, after);
        // The record itself is the same, so one who saw it before may still change it.
        assert_eq!(version(before), version(after));
    }
    let patch = app.request("PATCH", &path).json(&json!({"text": "b"}));
    patch.header("if-match", &*before[1]).send().expect(200);
}

#[test]
fn a_list_has_a_tag_that_changes_with_its_contents() {
    let app = DESK.get();
    let list = |query: &str| app.get(&format!("/v1/laws?{query}")).expect(200).etag();
    let law = app
        .post("/v1/laws", &json!({"text": "in a list"}))
        .expect(201);
    let path = law.header("location").unwrap();
    let before = list("limit=200&fields=text");
    let patch = app
        .request("PATCH", &path)
        .json(&json!({"text": "changed"}));
    patch.header("if-match", "*").send().expect(200);
    assert_ne!(list("limit=200&fields=text"), before);
}

#[test]
fn reads_may_be_kept_by_their_reader_and_are_asked_about() {
    let app = DESK.get();
    let (_, path) = page(&app);
    for target in [&*path, "/v1/pages", "/v1/pages?limit=1"] {
        let read = app.get(target).expect(200);
        assert_eq!(
            read.header("cache-control").unwrap(),
            "private, no-cache",
            "{target}"
        );
        let vary = read.header("vary").unwrap();
        for name in ["Accept", "Accept-Encoding", "Authorization", "Origin"] {
            assert_eq!(
                vary.split(", ").filter(|known| *known == name).count(),
                1,
                "{name} in {vary}"
            );
        }
        assert_eq!(read.header("x-content-type-options").unwrap(), "nosniff");
    }
    for refused in [
        app.get("/v1/pages/0"),
        app.get("/v1/nothing"),
        app.get("/v1/pages?x=1"),
    ] {
        assert_eq!(refused.header("cache-control").unwrap(), "no-store");
        assert_eq!(refused.header("etag"), None);
    }
}

/// Whatever a page's tag is made of, it changes when the answer does, and only then.
#[test]
fn the_tag_of_a_page_stands_for_all_that_is_on_it() {
    for id in ["integer", "uuid", "string"] {
        let app = App::start(&format!(
            "
frontdesk: 1
name: words
resources:
  Word:
    id: {id}
    fields: {{text: {{type: string, index: true}}}}
    access: {{read: public, write: public}}
"
        ));
        let ids = [
            "00000000-0000-4000-8000-000000000001",
            "00000000-0000-4000-8000-000000000002",
        ];
        let make = |at: usize, text: &str| {
            let body = serde_json::json!({"text": text});
            match id {
                "string" => app
                    .request("PUT", &format!("/v1/words/{}", ids[at]))
                    .header("if-none-match", "*")
                    .json(&body)
                    .send()
                    .expect(201),
                _ => app.post("/v1/words", &body).expect(201),
            }
        };
        let views = [
            "",
            "?limit=1",
            "?total=true",
            "?fields=text",
            "?sort=-text",
            "?text=a",
        ];
        let mut seen: Vec<std::collections::HashMap<String, Vec<u8>>> =
            vec![std::collections::HashMap::new(); views.len()];
        let mut look = || {
            for (view, seen) in views.iter().zip(&mut seen) {
                let target = format!("/v1/words{view}");
                let answer = app.get(&target).expect(200);
                let known = seen.insert(answer.etag(), answer.body.clone());
                assert!(known.is_none_or(|known| known == answer.body), "{target}");
                let again = app
                    .request("GET", &target)
                    .header("if-none-match", answer.etag());
                again.send().expect(304);
            }
        };
        look();
        let first = make(0, "a").json()["id"].clone();
        look();
        make(1, "b");
        look();
        let first = format!("/v1/words/{}", first.to_string().trim_matches('"'));
        app.patch(&first, &serde_json::json!({"text": "c"}))
            .expect(200);
        look();
        app.patch(&first, &serde_json::json!({"text": "a"}))
            .expect(200);
        look();
        app.delete(&first).expect(204);
        look();
        make(0, "z");
        look();
    }
}

/// The row has the version it had, and the answer the shape; but what it held is gone.
#[test]
fn a_field_that_was_dropped_and_made_again_gives_other_tags() {
    let contract = |more: &str| {
        format!(
            "
frontdesk: 1
name: notes
resources:
  Note:
    id: integer
{more}
    access: {{read: public, write: public}}
"
        )
    };
    let with = contract("    fields: {text: string, aside?: string}");
    let without = contract("    removed: [aside]\n    fields: {text: string}");
    let app = App::start(&with);
    let made = json!({"text": "x", "aside": "y"});
    app.post("/v1/notes", &made).expect(201);
    let paths = ["/v1/notes/1", "/v1/notes", "/v1/notes/1?fields=aside"];
    let tags = paths.map(|path| app.get(path).header("etag").unwrap());
    let again = |path, tag: &str| app.request("GET", path).header("if-none-match", tag).send();
    for (path, tag) in paths.iter().zip(&tags) {
        again(path, tag).expect(304);
    }
    app.swap_losing_data(&without).unwrap();
    app.swap_losing_data(&with).unwrap();
    assert_eq!(app.get("/v1/notes/1").json()["aside"], Json::Null);
    for (path, tag) in paths.iter().zip(&tags) {
        again(path, tag).expect(200);
    }
    // Whoever has read the newest row may still write.
    let write = app.request("PATCH", "/v1/notes/1");
    let write = write.body("application/merge-patch+json", r#"{"text":"z"}"#);
    write.header("if-match", &tags[0]).send().expect(200);
}

#[test]
fn a_condition_that_would_be_passed_over_is_refused() {
    let app = DESK.get();
    let (made, path) = page(&app);
    let ask = |method: &str| {
        let body = json!({"text": "b"});
        app.request(method, &path)
            .header("if-unmodified-since", "Sun, 22 Nov 2026 08:00:00 GMT")
            .json(&body)
    };
    for method in ["PATCH", "PUT"] {
        let refused = ask(method).send().expect(400);
        assert_eq!(refused.json()["errors"][0]["header"], "If-Unmodified-Since");
    }
    // RFC 9110 §13.1.4: beside If-Match it says nothing.
    ask("PATCH")
        .header("if-match", made.etag())
        .send()
        .expect(200);
}

#[test]
fn a_put_that_would_create_is_told_where_to() {
    let app = DESK.get();
    let (_, path) = page(&app);
    let put = |path: &str| {
        let body = json!({"text": "b"});
        let call = app.request("PUT", path).header("if-none-match", "*");
        call.json(&body).send()
    };
    let there = put(&path).expect(412);
    assert_eq!(there.code(), "stale");
    let nothing = put("/v1/pages/999999").expect(404);
    let detail = nothing.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("create with POST"), "{detail}");
    // Without the condition, too.
    let body = json!({"text": "b"});
    let nothing = app.put("/v1/pages/999999", &body).expect(404);
    assert!(
        nothing.text().contains("create with POST"),
        "{}",
        nothing.text()
    );
    // Nobody creates by PATCH.
    let body = json!({"text": "b"});
    let patch = app
        .request("PATCH", "/v1/pages/999999")
        .header("if-none-match", "*");
    let nothing = patch.json(&body).send().expect(404);
    assert!(!nothing.text().contains("POST"), "{}", nothing.text());
}
