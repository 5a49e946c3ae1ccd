//! Paths of one's own: natural keys, records within others, numbers counted for each of them.

use std::sync::Barrier;
use std::thread;

use serde_json::{Value as Json, json};
use testkit::{Answer, App, Client};

const TRACKER: &str = "
frontdesk: 1
name: tracker
base: /
auth: {api_keys: true}
rules: {staff: user.role == 'staff'}
resources:
  Repo:
    key: [owner, name]
    fields:
      owner:   {type: string, maxLength: 60}
      name:    {type: string, maxLength: 60}
      secret:  {type: boolean, default: false}
      stars:   {type: integer, default: 0, index: true}
    lists: {issues: Issue.repo, pins: Pin.repo}
    access: {read: '!this.secret || staff', write: signed_in}
  Issue:
    within: Repo
    key: number
    fields:
      repo:   Repo
      number: {type: integer, sequence: Repo}
      title:  {type: string, minLength: 1, index: true}
      author?: User
      open:   {type: boolean, default: true, index: true}
    lists: {comments: Comment.issue}
    check: [{rule: this.number < 1000 || this.title != 'late', message: came too late, at: title}]
    access: {read: public, write: signed_in}
  Comment:
    within: Issue
    id: integer
    fields: {issue: Issue, body: text}
    access: {read: public, write: signed_in}
  User:
    id: string
    fields: {name: string}
    lists: {issues: Issue.author}
    access: {read: public, write: signed_in}
  Pin:
    id: integer
    fields: {repo: Repo, note: string}
    access: {read: public, write: signed_in}
  Day:
    key: [day, kind, shift]
    fields:
      day: date
      kind: {enum: [early, late]}
      shift: {type: integer, format: int64}
    access: {read: public, write: signed_in}
";

fn tracker() -> (App, Client) {
    let app = App::start(TRACKER);
    let client = app.key().all_scopes().client();
    client
        .post("/repos", &json!({"owner": "octo", "name": "hello"}))
        .expect(201);
    (app, client)
}

fn issue(client: &Client, title: &str) -> Answer {
    client
        .post("/repos/octo/hello/issues", &json!({"title": title}))
        .expect(201)
}

fn member(answer: &Answer, name: &str) -> Json {
    answer.json()[name].clone()
}

#[test]
fn a_key_stands_in_the_path_and_the_id_in_the_record() {
    let (app, client) = tracker();
    let made = client
        .post("/repos", &json!({"owner": "octo", "name": "world"}))
        .expect(201);
    assert_eq!(made.header("location").unwrap(), "/repos/octo/world");
    let read = app.get("/repos/octo/world").expect(200);
    assert_eq!(read.json(), made.json());
    assert_eq!(read.etag(), made.etag());
    let id = member(&read, "id");
    assert!(id.as_str().unwrap().starts_with("repo_"), "{id}");
    // The id is no other way in.
    app.get(&format!("/repos/{}", id.as_str().unwrap()))
        .expect(404);
    app.head("/repos/octo/world").expect(200);
    let options = app.options("/repos/octo/world").expect(204);
    assert_eq!(
        options.header("allow").unwrap(),
        "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"
    );
    for missing in [
        "/repos/octo",
        "/repos/octo/",
        "/repos//world",
        "/repos/octo/none",
        "/repos/none/world",
        "/repos/octo/world/",
        "/repos/octo/world/none",
        "/repos/world/octo",
        "/repos/OCTO/world",
    ] {
        app.get(missing).expect(404);
    }
}

#[test]
fn every_method_works_by_natural_key() {
    let (app, client) = tracker();
    let path = "/repos/octo/hello";
    let read = app.get(path).expect(200);
    let changed = client
        .request("PATCH", path)
        .header("If-Match", read.etag())
        .json(&json!({"stars": 3}))
        .send()
        .expect(200);
    assert_eq!(member(&changed, "stars"), 3);
    let stale = client
        .request("PATCH", path)
        .header("If-Match", read.etag())
        .json(&json!({"stars": 4}))
        .send();
    assert_eq!(stale.expect(412).code(), "stale");
    let not_modified = app
        .request("GET", path)
        .header("If-None-Match", changed.etag())
        .send();
    not_modified.expect(304);
    let replaced = client.put(path, &json!({"owner": "octo", "name": "hello", "stars": 9}));
    assert_eq!(member(&replaced.expect(200), "stars"), 9);
    let patched = client
        .request("PATCH", path)
        .body(
            "application/json-patch+json",
            r#"[{"op": "replace", "path": "/stars", "value": 1}]"#,
        )
        .send();
    assert_eq!(member(&patched.expect(200), "stars"), 1);
    client.delete(path).expect(204);
    app.get(path).expect(404);
    client.delete(path).expect(404);
    client.patch(path, &json!({"stars": 1})).expect(404);
    client
        .put(path, &json!({"owner": "octo", "name": "hello"}))
        .expect(404);
}

#[test]
fn a_changed_key_moves_the_record() {
    let (app, client) = tracker();
    issue(&client, "stays");
    let before = app.get("/repos/octo/hello").expect(200);
    let rename = |path: &str, prefer: &str, name: &str| {
        let call = client.request("PATCH", path).header("prefer", prefer);
        call.json(&json!({"name": name})).send()
    };
    let elsewhere = |answer: &Answer| answer.header("content-location");
    let kept = rename("/repos/octo/hello", "", "hello").expect(200);
    assert_eq!(elsewhere(&kept), None);
    let renamed = rename("/repos/octo/hello", "", "good bye").expect(200);
    let place = elsewhere(&renamed).unwrap();
    assert!(place.ends_with("/repos/octo/good%20bye"), "{place}");
    assert_eq!(app.get(&place).expect(200).etag(), renamed.etag());
    let shown = "/repos/octo/good%20bye?dry_run=true";
    assert_eq!(elsewhere(&rename(shown, "", "x").expect(200)), None);
    let again = rename("/repos/octo/good%20bye", "return=minimal", "bye").expect(204);
    assert_eq!(elsewhere(&again), Some(place.replace("good%20", "")));
    app.get("/repos/octo/hello").expect(404);
    app.get("/repos/octo/hello/issues/1").expect(404);
    let after = app.get("/repos/octo/bye").expect(200);
    assert_eq!(member(&after, "id"), member(&before, "id"));
    let moved = app.get("/repos/octo/bye/issues/1").expect(200);
    assert_eq!(member(&moved, "title"), "stays");
    // Free again.
    client
        .post("/repos", &json!({"owner": "octo", "name": "hello"}))
        .expect(201);
    let again = client.patch("/repos/octo/bye", &json!({"name": "hello"}));
    let again = again.expect(409);
    assert_eq!(again.code(), "already_exists");
    assert_eq!(
        again.faults(),
        ["/owner already_exists", "/name already_exists"]
    );
}

#[test]
fn the_values_of_a_key_are_unique_together() {
    let (_app, client) = tracker();
    let taken = client.post("/repos", &json!({"owner": "octo", "name": "hello"}));
    let taken = taken.expect(409);
    assert_eq!(
        taken.faults(),
        ["/owner already_exists", "/name already_exists"]
    );
    for other in [
        json!({"owner": "octo", "name": "other"}),
        json!({"owner": "other", "name": "hello"}),
    ] {
        client.post("/repos", &other).expect(201);
    }
}

#[test]
fn any_text_that_a_path_can_hold_is_a_key() {
    let (app, client) = tracker();
    for (name, segment) in [
        ("a/b", "a%2Fb"),
        ("a b+c", "a%20b%2Bc"),
        ("größe 日本", "gr%C3%B6%C3%9Fe%20%E6%97%A5%E6%9C%AC"),
        ("...", "..."),
        (".git", ".git"),
        ("100%", "100%25"),
        ("?#&=;:@", "%3F%23%26%3D%3B%3A%40"),
        ("\"<>\\^`{|}'", "%22%3C%3E%5C%5E%60%7B%7C%7D%27"),
        ("query", "query"),
        ("line\nbreak\ttab", "line%0Abreak%09tab"),
        ("🦀", "%F0%9F%A6%80"),
        ("issues", "issues"),
    ] {
        let made = client.post("/repos", &json!({"owner": "o/", "name": name}));
        let location = made.expect(201).header("location").unwrap();
        assert_eq!(location, format!("/repos/o%2F/{segment}"), "{name}");
        let read = app.get(&location).expect(200);
        assert_eq!(member(&read, "name"), name);
        client
            .post(&format!("{location}/issues"), &json!({"title": name}))
            .expect(201);
        let issue = app.get(&format!("{location}/issues/1")).expect(200);
        assert_eq!(member(&issue, "title"), name);
        let none = app.get(&format!("{location}/issues/2")).expect(404);
        assert_eq!(member(&none, "instance"), format!("{location}/issues/2"));
    }
    for (name, code) in [
        ("", "too_short"),
        (".", "not_in_a_path"),
        ("..", "not_in_a_path"),
    ] {
        let refused = client.post("/repos", &json!({"owner": "o", "name": name}));
        assert_eq!(refused.expect(422).faults(), [format!("/name {code}")]);
        let refused = client.patch("/repos/octo/hello", &json!({"name": name}));
        assert_eq!(refused.expect(422).faults(), [format!("/name {code}")]);
    }
    for (path, status) in [
        ("/repos/octo/%", 400),
        ("/repos/octo/%ff", 400),
        ("/repos/octo/.", 404),
        ("/repos/octo/%2e%2e", 404),
        ("/repos/%00/x", 404),
    ] {
        app.get(path).expect(status);
    }
}

#[test]
fn typed_keys_have_one_spelling() {
    let (app, client) = tracker();
    let made = client
        .post(
            "/days",
            &json!({"day": "2026-11-23", "kind": "early", "shift": "-7"}),
        )
        .expect(201);
    assert_eq!(
        made.header("location").unwrap(),
        "/days/2026-11-23/early/-7"
    );
    app.get("/days/2026-11-23/early/-7").expect(200);
    for other in [
        "/days/2026-11-23/early/-07",
        "/days/2026-11-23/early/7",
        "/days/2026-11-23/Early/-7",
        "/days/2026-11-23/never/-7",
        "/days/2026-11-3/early/-7",
        "/days/2026-13-23/early/-7",
        "/days/2026-11-23/early/99999999999999999999",
        "/days/2026-11-23/early/x",
        "/days/2026-11-23/early",
    ] {
        app.get(other).expect(404);
    }
    issue(&client, "one");
    for other in ["01", "+1", "1.0", "0", "-1", "one", "2", "99999999999"] {
        app.get(&format!("/repos/octo/hello/issues/{other}"))
            .expect(404);
    }
}

#[test]
fn a_client_that_gives_the_whole_key_creates_with_put() {
    let (app, client) = tracker();
    let put = |path: &str, body: Json| {
        client
            .request("PUT", path)
            .header("If-None-Match", "*")
            .json(&body)
            .send()
    };
    let made = put("/repos/octo/new", json!({"stars": 2})).expect(201);
    assert_eq!(made.header("location").unwrap(), "/repos/octo/new");
    assert_eq!(member(&made, "owner"), "octo");
    let same = json!({"owner": "octo", "name": "new2"});
    put("/repos/octo/new2", same).expect(201);
    let again = put("/repos/octo/new", json!({})).expect(412);
    assert_eq!(again.code(), "stale");
    let other = put("/repos/octo/x", json!({"name": "y"})).expect(422);
    assert_eq!(other.faults(), ["/name conflicts_with_path"]);
    app.get("/repos/octo/x").expect(404);
    put("/days/2026-01-02/late/5", json!({})).expect(201);
    put("/days/never/late/5", json!({})).expect(404);
    // What the server counts, no client chooses.
    put("/repos/octo/hello/issues/5", json!({"title": "x"})).expect(404);
}

#[test]
fn what_is_within_a_record_is_made_and_found_there() {
    let (app, client) = tracker();
    let made = issue(&client, "first");
    assert_eq!(
        made.header("location").unwrap(),
        "/repos/octo/hello/issues/1"
    );
    let repo = member(&app.get("/repos/octo/hello").expect(200), "id");
    assert_eq!(member(&made, "repo_id"), repo);
    let comments = "/repos/octo/hello/issues/1/comments";
    let comment = client.post(comments, &json!({"body": "yes"})).expect(201);
    assert_eq!(
        comment.header("location").unwrap(),
        "/repos/octo/hello/issues/1/comments/1"
    );
    app.get(&comment.header("location").unwrap()).expect(200);
    assert_eq!(app.get(comments).expect(200).items().len(), 1);
    // It has this place alone.
    for elsewhere in [
        "/issues",
        "/issues/1",
        "/comments/1",
        "/repos/octo/issues/1",
    ] {
        app.get(elsewhere).expect(404);
    }
    client.post("/issues", &json!({"title": "x"})).expect(404);
}

#[test]
fn the_body_says_of_the_path_the_same_or_nothing() {
    let (app, client) = tracker();
    client
        .post("/repos", &json!({"owner": "octo", "name": "other"}))
        .expect(201);
    let id = |path: &str| member(&app.get(path).expect(200), "id");
    let (hello, other) = (id("/repos/octo/hello"), id("/repos/octo/other"));
    let issues = "/repos/octo/hello/issues";
    client
        .post(issues, &json!({"title": "x", "repo_id": hello}))
        .expect(201);
    let refused = client.post(issues, &json!({"title": "x", "repo_id": other}));
    assert_eq!(
        refused.expect(422).faults(),
        ["/repo_id conflicts_with_path"]
    );
    for change in [
        client.patch(&format!("{issues}/1"), &json!({"repo_id": other})),
        client.put(
            &format!("{issues}/1"),
            &json!({"title": "x", "repo_id": other}),
        ),
    ] {
        assert_eq!(change.expect(422).faults(), ["/repo_id immutable"]);
    }
    let numbered = client.post(issues, &json!({"title": "x", "number": 7}));
    assert_eq!(numbered.expect(422).faults(), ["/number read_only"]);
    client
        .put(&format!("{issues}/1"), &json!({"title": "y", "number": 1}))
        .expect(200);
    let renumbered = client.patch(&format!("{issues}/1"), &json!({"number": 2}));
    assert_eq!(renumbered.expect(422).faults(), ["/number read_only"]);
}

#[test]
fn a_put_may_leave_out_what_the_path_says() {
    let (app, client) = tracker();
    client
        .put("/repos/octo/hello", &json!({"stars": 3}))
        .expect(200);
    let stored = app.get("/repos/octo/hello").expect(200);
    assert_eq!(member(&stored, "name"), "hello");
    assert_eq!(member(&stored, "stars"), 3);
    let moved = client.put("/repos/octo/hello", &json!({"name": "bye"}));
    assert_eq!(member(&moved.expect(200), "stars"), 0);
    app.get("/repos/octo/hello").expect(404);
    app.get("/repos/octo/bye").expect(200);
    let document = app.get("/openapi.json").expect(200).json();
    let body = |name: &str| document["components"]["schemas"][name]["required"].clone();
    assert_eq!(body("RepoCreate"), json!(["owner", "name"]));
    assert_eq!(body("RepoReplace"), Json::Null);
}

#[test]
fn a_record_is_not_found_in_the_path_of_another() {
    let (app, client) = tracker();
    client
        .post("/repos", &json!({"owner": "octo", "name": "other"}))
        .expect(201);
    issue(&client, "mine");
    let other = "/repos/octo/other/issues/1";
    app.get(other).expect(404);
    client.patch(other, &json!({"title": "x"})).expect(404);
    client.delete(other).expect(404);
    app.get("/repos/none/none/issues/1").expect(404);
    app.get("/repos/none/none/issues").expect(404);
    client
        .post("/repos/none/none/issues", &json!({"title": "x"}))
        .expect(404);
    let read = app.get("/repos/octo/hello/issues/1").expect(200);
    assert_eq!(member(&read, "title"), "mine");
    // A comment two levels down belongs to its issue, not to another of the same number.
    client
        .post("/repos/octo/hello/issues/1/comments", &json!({"body": "c"}))
        .expect(201);
    client
        .post("/repos/octo/other/issues", &json!({"title": "x"}))
        .expect(201);
    app.get("/repos/octo/hello/issues/1/comments/1").expect(200);
    app.get("/repos/octo/other/issues/1/comments/1").expect(404);
}

#[test]
fn nothing_is_within_what_one_may_not_see() {
    let (app, client) = tracker();
    let staff = app.key().all_scopes().claim("role", "staff").client();
    issue(&client, "hidden soon");
    client
        .post("/repos/octo/hello/issues/1/comments", &json!({"body": "c"}))
        .expect(201);
    client
        .patch("/repos/octo/hello", &json!({"secret": true}))
        .expect(204);
    for path in [
        "/repos/octo/hello",
        "/repos/octo/hello/issues",
        "/repos/octo/hello/issues/1",
        "/repos/octo/hello/issues/1/comments",
        "/repos/octo/hello/issues/1/comments/1",
        "/repos/octo/hello/pins",
    ] {
        let hidden = app.get(path).expect(404);
        let missing = app.get(&path.replace("hello", "nothing")).expect(404);
        let told = |answer: &Answer| {
            let text = member(answer, "detail").as_str().unwrap().to_owned();
            text.replace("nothing", "hello")
        };
        assert_eq!(told(&hidden), told(&missing), "{path}");
        client.get(path).expect(404);
        staff.get(path).expect(200);
    }
    for list in [
        "/repos/octo/hello/issues",
        "/repos/octo/hello/issues/1/comments",
    ] {
        for accept in ["application/x-ndjson", "text/csv"] {
            let whole =
                |client: &Client| client.request("GET", list).header("accept", accept).send();
            whole(&client).expect(404);
            whole(&staff).expect(200);
        }
        let query = format!("{list}/query");
        client.post(&query, &json!({})).expect(404);
        staff.post(&query, &json!({})).expect(200);
        let asked = client.request("QUERY", list).json(&json!({}));
        asked.send().expect(404);
    }
    let path = "/repos/octo/hello/issues/1";
    client.patch(path, &json!({"title": "x"})).expect(404);
    client.delete(path).expect(404);
    client
        .post("/repos/octo/hello/issues", &json!({"title": "x"}))
        .expect(404);
    staff.patch(path, &json!({"title": "seen"})).expect(200);
    let last = staff.post("/repos/octo/hello/issues", &json!({"title": "x"}));
    assert_eq!(member(&last.expect(201), "number"), 2);
}

#[test]
fn a_scope_is_needed_for_what_is_around_as_well() {
    let (app, client) = tracker();
    issue(&client, "one");
    client
        .patch("/repos/octo/hello", &json!({"stars": 1}))
        .expect(200);
    // Issues are open to everybody, repositories as far as their rule holds.
    let narrow = app.key().scope("issues.read").client();
    let refused = narrow.get("/repos/octo/hello/issues/1").expect(403);
    assert_eq!(refused.code(), "insufficient_scope");
    let wide = app.key().scope("repos.read").client();
    wide.get("/repos/octo/hello/issues/1").expect(200);
}

#[test]
fn lists_under_natural_paths_are_lists() {
    let (app, client) = tracker();
    for n in 1..=7 {
        issue(&client, &format!("t{n}"));
    }
    client
        .patch("/repos/octo/hello/issues/3", &json!({"open": false}))
        .expect(200);
    client
        .post("/repos", &json!({"owner": "octo", "name": "other"}))
        .expect(201);
    client
        .post("/repos/octo/other/issues", &json!({"title": "t1"}))
        .expect(201);
    let numbers = |answer: &Answer| -> Vec<Json> {
        answer
            .items()
            .iter()
            .map(|item| item["number"].clone())
            .collect()
    };
    let list = |query: &str| {
        app.get(&format!("/repos/octo/hello/issues?{query}"))
            .expect(200)
    };
    assert_eq!(numbers(&list("")), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(numbers(&list("open=false")), [3]);
    assert_eq!(numbers(&list("title=t1&total=true")), [1]);
    assert_eq!(list("title=t1&total=true").json()["total"], 1);
    assert_eq!(numbers(&list("sort=-title&limit=2")), [7, 6]);
    let first = list("limit=3&sort=title");
    let link = first.header("link").unwrap();
    let next = link.split(['<', '>']).nth(1).unwrap();
    assert!(next.starts_with("/repos/octo/hello/issues?"), "{next}");
    assert_eq!(numbers(&app.get(next).expect(200)), [4, 5, 6]);
    // A cursor is bound to its parent.
    let elsewhere = next.replace("hello", "other");
    assert_eq!(app.get(&elsewhere).expect(400).code(), "cursor_mismatch");
    let included = app.get("/repos/octo/hello?include=issues").expect(200);
    let page = &included.json()["issues"];
    assert_eq!(page["items"].as_array().unwrap().len(), 7);
    let issue = app
        .get("/repos/octo/hello/issues/2?include=repo,comments&fields=title,repo.name")
        .expect(200);
    assert_eq!(issue.json()["repo"]["name"], "hello");
    let queried = app
        .request("QUERY", "/repos/octo/hello/issues")
        .json(&json!({"where": {"open": false}}))
        .send();
    assert_eq!(numbers(&queried.expect(200)), [3]);
    let pins = "/repos/octo/hello/pins";
    let pin = client.post(pins, &json!({"note": "n"})).expect(201);
    assert_eq!(pin.header("location").unwrap(), "/pins/1");
    assert_eq!(app.get(pins).expect(200).items().len(), 1);
}

#[test]
fn what_lives_elsewhere_is_listed_but_not_added() {
    let (app, client) = tracker();
    client
        .post("/users", &json!({"id": "ann", "name": "Ann"}))
        .expect(201);
    client
        .post(
            "/repos/octo/hello/issues",
            &json!({"title": "x", "author_id": "ann"}),
        )
        .expect(201);
    assert_eq!(app.get("/users/ann/issues").expect(200).items().len(), 1);
    let refused = client.post("/users/ann/issues", &json!({"title": "x"}));
    let refused = refused.expect(405);
    assert_eq!(
        refused.header("allow").unwrap(),
        "GET, HEAD, QUERY, OPTIONS"
    );
}

#[test]
fn numbers_are_counted_for_each_record_and_never_twice() {
    let (app, client) = tracker();
    client
        .post("/repos", &json!({"owner": "octo", "name": "other"}))
        .expect(201);
    let number = |answer: Answer| member(&answer.expect(201), "number");
    let add = |repo: &str, body: Json| client.post(&format!("/repos/octo/{repo}/issues"), &body);
    for n in 1..=3 {
        assert_eq!(number(add("hello", json!({"title": "x"}))), n);
    }
    assert_eq!(number(add("other", json!({"title": "x"}))), 1);
    // What is deleted leaves its number behind.
    client.delete("/repos/octo/hello/issues/3").expect(204);
    assert_eq!(number(add("hello", json!({"title": "x"}))), 4);
    // What is refused takes none.
    add("hello", json!({"title": ""})).expect(422);
    add("hello", json!({"title": "x", "author_id": "nobody"})).expect(409);
    assert_eq!(number(add("hello", json!({"title": "x"}))), 5);
    // A record of the same key is another record.
    client.delete("/repos/octo/other/issues/1").expect(204);
    client.delete("/repos/octo/other").expect(204);
    client
        .post("/repos", &json!({"owner": "octo", "name": "other"}))
        .expect(201);
    assert_eq!(number(add("other", json!({"title": "x"}))), 1);
    drop(app);
}

#[test]
fn many_creators_share_the_numbers() {
    let (app, client) = tracker();
    const CREATORS: i64 = 12;
    const EACH: i64 = 10;
    std::thread::scope(|scope| {
        for creator in 0..CREATORS {
            let client = client.clone();
            scope.spawn(move || {
                for n in 0..EACH {
                    let title = format!("{creator}-{n}");
                    client
                        .post("/repos/octo/hello/issues", &json!({"title": title}))
                        .expect(201);
                    // Refused in between, without a gap.
                    client
                        .post(
                            "/repos/octo/hello/issues",
                            &json!({"title": "x", "author_id": "nobody"}),
                        )
                        .expect(409);
                }
            });
        }
    });
    let list = app.get("/repos/octo/hello/issues?limit=200").expect(200);
    let mut numbers: Vec<i64> = list
        .items()
        .iter()
        .map(|item| item["number"].as_i64().unwrap())
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=CREATORS * EACH).collect::<Vec<i64>>());
}

#[test]
fn seeds_bring_their_numbers_and_counting_goes_on_after_them() {
    let seed =
        |lines: &[Json]| -> String { lines.iter().map(|line| format!("{line}\n")).collect() };
    let app = App::builder()
        .file("frontdesk.yaml", TRACKER)
        .file(
            "seed/repos.ndjson",
            &seed(&[json!({"id": "repo_01h455vb4pex5vsknk084sn02q", "owner": "o", "name": "n"})]),
        )
        .file(
            "seed/issues.ndjson",
            &seed(&[
                json!({"repo_id": "repo_01h455vb4pex5vsknk084sn02q", "number": 999, "title": "a"}),
                json!({"repo_id": "repo_01h455vb4pex5vsknk084sn02q", "number": 7, "title": "b"}),
            ]),
        )
        .start();
    let client = app.key().all_scopes().client();
    app.get("/repos/o/n/issues/7").expect(200);
    // A check may ask for the number that comes.
    let late = client.post("/repos/o/n/issues", &json!({"title": "late"}));
    assert_eq!(late.expect(422).faults(), ["/title check_failed"]);
    let made = client.post("/repos/o/n/issues", &json!({"title": "x"}));
    assert_eq!(member(&made.expect(201), "number"), 1000);
}

#[test]
fn a_wrong_path_is_told_what_was_meant() {
    let (app, _client) = tracker();
    for (path, meant) in [
        ("/repo/octo/hello", "/repos/octo/hello"),
        ("/repos/octo/hello/issue/1", "/repos/octo/hello/issues/1"),
        (
            "/repos/octo/hello/issues/1/coments",
            "/repos/octo/hello/issues/1/comments",
        ),
        ("/repos/octo/hello/", "/repos/octo/hello"),
    ] {
        let detail = member(&app.get(path).expect(404), "detail");
        assert!(
            detail.as_str().unwrap().contains(&format!("`{meant}`")),
            "{path}: {detail}"
        );
    }
}

#[test]
fn the_documents_tell_every_path() {
    let (app, _client) = tracker();
    let document = app.get("/openapi.json").expect(200).json();
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    for path in [
        "/repos/{owner}/{name}",
        "/repos/{owner}/{name}/issues",
        "/repos/{owner}/{name}/issues/query",
        "/repos/{owner}/{name}/issues/{number}",
        "/repos/{owner}/{name}/issues/{number}/comments/{id}",
        "/repos/{owner}/{name}/pins",
        "/users/{user_id}/issues",
        "/days/{day}/{kind}/{shift}",
    ] {
        assert!(
            paths.iter().any(|known| *known == path),
            "{path}: {paths:#?}"
        );
    }
    assert!(!paths.iter().any(|path| path.starts_with("/issues")));
    let place = &document["paths"]["/repos/{owner}/{name}/issues/{number}"];
    let names: Vec<&Json> = place["parameters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|parameter| &parameter["name"])
        .collect();
    assert_eq!(names, ["owner", "name", "number"]);
    let made = &document["paths"]["/repos/{owner}/{name}/issues"]["post"];
    let link = &made["responses"]["201"]["links"]["getIssue"]["parameters"];
    assert_eq!(
        *link,
        json!({
            "path.owner": "$request.path.owner",
            "path.name": "$request.path.name",
            "path.number": "$response.body#/number",
        })
    );
    let body = &document["components"]["schemas"]["IssueCreate"];
    assert!(body["properties"].get("repo_id").is_none(), "{body}");
    assert!(
        document["paths"]["/users/{user_id}/issues"]
            .get("post")
            .is_none()
    );
    let landing = app.get("/").expect(200);
    assert!(landing.text().contains("/issues/<em>number</em>"));
}

/// Repositories and issues; `issue` stands in the issue, `number` among its fields.
fn growing(issue: &str, number: &str) -> String {
    format!(
        "
frontdesk: 1
name: tracker
base: /
auth: {{api_keys: true}}
resources:
  Repo:
    id: string
    fields: {{name?: string}}
    access: {{read: public, write: signed_in}}
{issue}
    fields:
      repo: Repo
{number}
      title: string
    access: {{read: public, write: signed_in}}
"
    )
}

#[test]
fn what_is_there_is_numbered_when_counting_begins() {
    let plain = growing("  Issue:", "");
    let app = App::start(&plain);
    let client = app.key().all_scopes().client();
    for repo in ["a", "b", "empty"] {
        client.post("/repos", &json!({"id": repo})).expect(201);
    }
    for (repo, title) in [
        ("a", "a1"),
        ("b", "b1"),
        ("a", "a2"),
        ("a", "a3"),
        ("b", "b2"),
    ] {
        client
            .post("/issues", &json!({"repo_id": repo, "title": title}))
            .expect(201);
    }
    let counted = |issue: &str, number: &str| {
        app.swap(&growing(issue, number)).unwrap();
        app.key().all_scopes().client()
    };
    let within = "  Issue:\n    within: Repo\n    key: number";
    let client = counted(within, "      number: {type: integer, sequence: Repo}");
    let titles = |path: &str| -> Vec<String> {
        let list = app.get(path).expect(200).items();
        let title = |item: &Json| item["title"].as_str().unwrap().to_owned();
        list.iter().map(title).collect()
    };
    assert_eq!(titles("/repos/a/issues"), ["a1", "a2", "a3"]);
    for (path, title) in [
        ("a/issues/1", "a1"),
        ("a/issues/3", "a3"),
        ("b/issues/2", "b2"),
    ] {
        let read = app.get(&format!("/repos/{path}")).expect(200);
        assert_eq!(member(&read, "title"), title);
    }
    let add = |client: &Client, path: &str, number: i64| {
        let made = client.post(path, &json!({"title": "new"})).expect(201);
        assert_eq!(made.json()["number"].as_i64(), Some(number), "{path}");
    };
    add(&client, "/repos/a/issues", 4);
    add(&client, "/repos/empty/issues", 1);
    client.delete("/repos/a/issues/4").expect(204);
    // The count goes along when what is counted is called otherwise.
    let renamed = "  Ticket:\n    was: Issue\n    within: Repo\n    key: nr";
    let number = "      nr: {type: integer, sequence: Repo, was: number}";
    let client = counted(renamed, number);
    let made = client.post("/repos/a/tickets", &json!({"title": "new"}));
    assert_eq!(made.expect(201).json()["nr"], 5);
    // A field that was there may begin to count, after its highest number.
    let client = counted("  Ticket:", "      nr: {type: integer, unique: false}");
    client
        .post("/tickets", &json!({"repo_id": "b", "title": "x", "nr": 70}))
        .expect(201);
    let client = counted("  Ticket:", "      nr: {type: integer, sequence: repo}");
    let made = client.post("/tickets", &json!({"repo_id": "b", "title": "y"}));
    assert_eq!(made.expect(201).json()["nr"], 71);
    let made = client.post("/tickets", &json!({"repo_id": "empty", "title": "y"}));
    assert_eq!(made.expect(201).json()["nr"], 2);
}

#[test]
fn nobody_shares_what_is_within_something_hidden() {
    let cached = TRACKER.replace("    within: Repo\n", "    within: Repo\n    cache: 60s\n");
    let open = cached.replace("read: '!this.secret || staff'", "read: public");
    for (contract, shared) in [(&open, true), (&cached, false)] {
        let app = App::start(contract);
        let client = app.key().all_scopes().client();
        client
            .post("/repos", &json!({"owner": "octo", "name": "hello"}))
            .expect(201);
        issue(&client, "one");
        for path in ["/repos/octo/hello/issues", "/repos/octo/hello/issues/1"] {
            let control = app.get(path).expect(200).header("cache-control").unwrap();
            assert_eq!(control == "max-age=60", shared, "{path}: {control}");
        }
    }
}

#[test]
fn what_is_created_while_its_parent_goes_is_in_it_or_not_at_all() {
    let (_app, client) = tracker();
    for round in 0..60 {
        let name = format!("r{round}");
        client
            .post("/repos", &json!({"owner": "octo", "name": name}))
            .expect(201);
        let repo = format!("/repos/octo/{name}");
        let gate = Barrier::new(3);
        let create = |path: &str, body: Json| {
            gate.wait();
            client.post(&format!("{repo}/{path}"), &body)
        };
        let (issue, batch, deleted) = thread::scope(|scope| {
            let issue = scope.spawn(|| create("issues", json!({"title": "a"})));
            let batch = json!({"create": [{"title": "b"}]});
            let batch = scope.spawn(|| create("issues/batch", batch));
            gate.wait();
            let deleted = client.delete(&repo);
            (issue.join().unwrap(), batch.join().unwrap(), deleted)
        });
        // What has gone meanwhile was never there, as far as whoever asked can tell.
        for (created, status) in [(&issue, 201), (&batch, 200)] {
            match created.status {
                404 => assert_eq!(created.code(), "not_found"),
                found => assert_eq!(found, status, "{created:?}"),
            }
        }
        let any = [issue.status, batch.status] != [404, 404];
        assert_eq!(deleted.status, if any { 409 } else { 204 }, "{deleted:?}");
    }
}

#[test]
fn a_tag_of_what_was_there_before_does_not_match_what_is_there_now() {
    let (app, client) = tracker();
    let person = json!({"name": "Ann"});
    let put = |body: &Json| {
        let call = client.request("PUT", "/users/ann");
        call.header("if-none-match", "*")
            .json(body)
            .send()
            .expect(201)
    };
    let make = |path: &str, body: &Json| client.post(path, body).expect(201);
    let repo = json!({"owner": "octo", "name": "again"});
    let issue = json!({"title": "first"});
    let first = put(&person);
    let first_repo = make("/repos", &repo);
    let first_issue = make("/repos/octo/again/issues", &issue);
    // Versions go on from wherever they began.
    let changed = client
        .request("PATCH", "/users/ann")
        .header("if-match", first.etag())
        .json(&json!({"name": "Anna"}))
        .send()
        .expect(200);
    let version = |answer: &Answer| -> i64 {
        let tag = answer.etag();
        tag.trim_matches('"')
            .split('.')
            .next()
            .unwrap()
            .parse()
            .unwrap()
    };
    assert_eq!(version(&changed), version(&first) + 1);
    for path in [
        "/users/ann",
        "/repos/octo/again/issues/1",
        "/repos/octo/again",
    ] {
        client.delete(path).expect(204);
    }
    let second = put(&person);
    let second_repo = make("/repos", &repo);
    let second_issue = make("/repos/octo/again/issues", &issue);
    for (path, first, second) in [
        ("/users/ann", &first, &second),
        ("/users/ann", &changed, &second),
        ("/repos/octo/again", &first_repo, &second_repo),
        ("/repos/octo/again/issues/1", &first_issue, &second_issue),
    ] {
        assert_eq!(second.etag(), app.get(path).expect(200).etag());
        assert!(version(second) > version(first), "{path}");
        // JavaScript reads no larger numbers exactly.
        assert!(version(second) < 1 << 53);
        let call = |method: &str| {
            client
                .request(method, path)
                .header("if-match", first.etag())
        };
        let stale = call("PATCH").json(&json!({})).send().expect(412);
        assert_eq!(stale.code(), "stale");
        call("DELETE").send().expect(412);
        let read = app
            .request("GET", path)
            .header("if-none-match", first.etag());
        read.send().expect(200);
    }
    // Where the server gives the ids, none comes twice.
    let comments = "/repos/octo/again/issues/1/comments";
    let comment = || make(comments, &json!({"body": "a"}));
    let (one, other) = (comment(), comment());
    client
        .delete(&other.header("location").unwrap())
        .expect(204);
    let third = comment();
    assert_eq!(version(&one), 1);
    assert_ne!(other.header("location"), third.header("location"));
}
