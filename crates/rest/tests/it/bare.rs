//! `list: {shape: array, limit: per_page}`: lists for clients that expect nothing but an array.

use serde_json::{Value as Json, json};
use testkit::{Answer, App};

use crate::support::Shared;

static TRACKER: Shared = Shared::new(|| {
    let issues = (1..=250).map(|n| json!({"id": n, "number": n, "state": "open", "repo_id": 1}));
    let issues: String = issues.map(|issue| format!("{issue}\n")).collect();
    App::builder()
        .file(
            "frontdesk.yaml",
            "
frontdesk: 1
name: tracker
base: /
resources:
  Repo:
    id: integer
    fields: {name: string}
    lists: {issues: Issue.repo}
    access: {read: public}
  Issue:
    id: integer
    fields:
      number: {type: integer, index: true}
      state: {type: string, index: true}
      repo: Repo
    list: {shape: array, limit: per_page}
    access: {read: public, write: public}
",
        )
        .file("seed/repos.ndjson", "{\"id\": 1, \"name\": \"hello\"}\n")
        .file("seed/issues.ndjson", &issues)
        .start()
});

fn numbers(answer: &Answer) -> Vec<i64> {
    let Json::Array(items) = answer.json() else {
        panic!("no array: {answer:?}")
    };
    items
        .iter()
        .map(|item| item["number"].as_i64().unwrap())
        .collect()
}

/// The links by their relation.
fn links(answer: &Answer) -> Vec<(String, String)> {
    let header = answer.header("link").unwrap_or_default();
    let links = header.split(", ").filter(|link| !link.is_empty());
    let links = links.map(|link| {
        let (target, rest) = link
            .strip_prefix('<')
            .unwrap()
            .split_once(">; rel=\"")
            .unwrap();
        (rest.trim_end_matches('"').to_owned(), target.to_owned())
    });
    links.collect()
}

#[test]
fn a_list_is_an_array_and_pages_are_links() {
    let app = TRACKER.get();
    for path in ["/issues", "/repos/1/issues"] {
        let ask = |target: &str| {
            let request = app.request("GET", target);
            request
                .header("accept", "application/vnd.github.v3+json")
                .send()
                .expect(200)
        };
        let first = ask(&format!("{path}?state=open&per_page=100"));
        assert_eq!(first.header("content-type").unwrap(), "application/json");
        assert_eq!(numbers(&first), (1..=100).collect::<Vec<_>>());
        let [(next, target)] = &links(&first)[..] else {
            panic!("{first:?}")
        };
        assert_eq!(next, "next");
        assert!(target.starts_with(&format!("{path}?state=open&per_page=100&cursor=")));
        let second = ask(target);
        assert_eq!(numbers(&second), (101..=200).collect::<Vec<_>>());
        let relations: Vec<String> = links(&second).into_iter().map(|(rel, _)| rel).collect();
        assert_eq!(relations, ["next", "first"]);
        let third = ask(&links(&second)[0].1);
        assert_eq!(numbers(&third), (201..=250).collect::<Vec<_>>());
        let [(rel, target)] = &links(&third)[..] else {
            panic!("{third:?}")
        };
        assert_eq!(
            (rel.as_str(), target.as_str()),
            ("first", &*format!("{path}?state=open&per_page=100"))
        );
        assert_eq!(ask(target).body, first.body);
    }
    assert_eq!(numbers(&app.get("/issues").expect(200)).len(), 50);
    assert_eq!(app.get("/issues?state=closed").expect(200).text(), "[]");
    let tag = app.get("/issues?per_page=3").expect(200).etag();
    let again = app
        .request("GET", "/issues?per_page=3")
        .header("if-none-match", tag);
    again.send().expect(304);
}

#[test]
fn the_size_of_a_page_has_its_own_name_only() {
    let app = TRACKER.get();
    assert_eq!(numbers(&app.get("/issues?per_page=2").expect(200)), [1, 2]);
    assert_eq!(
        numbers(&app.get("/issues?per_page=999").expect(200)).len(),
        200
    );
    for (query, faults) in [
        ("per_page=0", "?per_page too_small"),
        ("per_page=x", "?per_page invalid"),
        ("limit=1", "?limit unknown_parameter"),
        ("total=true", "?total unknown_parameter"),
        ("page=2", "?page unknown_parameter"),
    ] {
        let refused = app.get(&format!("/issues?{query}")).expect(400);
        assert_eq!(refused.faults().join(", "), faults);
    }
    let refused = app.get("/issues?limit=1").expect(400).json();
    let detail = refused["detail"].as_str().unwrap();
    assert!(
        detail.contains("Allowed: per_page, cursor, sort"),
        "{detail}"
    );
    for meant in ["limit", "perpage"] {
        let refused = app.get(&format!("/issues?{meant}=1")).expect(400).json();
        let detail = refused["detail"].as_str().unwrap();
        assert!(detail.ends_with("Did you mean `per_page`?"), "{detail}");
    }
    let refused = app.get("/issues?totl=1").expect(400).json();
    let detail = refused["detail"].as_str().unwrap();
    assert!(!detail.contains("Did you mean"), "{detail}");
    // Other lists are as ever.
    assert_eq!(app.get("/repos?limit=1").expect(200).items().len(), 1);
}

#[test]
fn only_the_list_itself_is_bare() {
    let app = TRACKER.get();
    let repo = app.get("/repos/1?include=issues").expect(200).json();
    assert_eq!(repo["issues"]["items"].as_array().unwrap().len(), 50);
    let query = app.request("QUERY", "/issues");
    let page = query.json(&json!({"limit": 1})).send().expect(200);
    assert_eq!(page.items().len(), 1);
    assert!(page.json()["next_cursor"].is_string());
    let lines = app.request("GET", "/issues?per_page=2&fields=number");
    let lines = lines
        .header("accept", "application/x-ndjson")
        .send()
        .expect(200);
    assert_eq!(lines.text(), "{\"number\":1}\n{\"number\":2}\n");
}

#[test]
fn another_api_s_page_is_answered_with_where_the_next_one_is() {
    let refused = TRACKER.get().get("/issues?page=2").expect(400);
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(
        detail.ends_with(
            "Did you mean `cursor`? The URL of the page after this one is in this one's `Link`, with `rel=\"next\"`."
        ),
        "{detail}"
    );
}
