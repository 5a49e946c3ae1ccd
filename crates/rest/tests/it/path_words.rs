//! One word in the paths of several: comments on repositories, on gists, and on nothing at all.

use std::collections::HashSet;

use serde_json::{Value as Json, json};
use testkit::App;

const COMMENTS: &str = "
frontdesk: 1
name: comments
base: /
auth: {api_keys: true}
resources:
  Repo:
    key: name
    fields: {name: {type: string, maxLength: 60}}
    access: {read: public, write: signed_in}
  Gist:
    id: string
    fields: {text: string}
    access: {read: public, write: signed_in}
  RepoComment:
    within: Repo
    path: comments
    id: integer
    fields: {repo: Repo, body: text}
    access: {read: public, write: signed_in}
  GistComment:
    within: Gist
    path: comments
    id: integer
    fields: {gist: Gist, body: text}
    access: {read: public, write: signed_in}
  Comment:
    id: integer
    fields: {body: text}
    access: {read: public, write: signed_in}
";

#[test]
fn what_is_within_different_records_may_be_called_alike() {
    let app = App::start(COMMENTS);
    let client = app.key().all_scopes().client();
    client
        .post("/repos", &json!({"name": "kettle"}))
        .expect(201);
    client
        .post("/gists", &json!({"id": "tea", "text": "Boil."}))
        .expect(201);
    for (at, place) in ["/repos/kettle/comments", "/gists/tea/comments", "/comments"]
        .into_iter()
        .enumerate()
    {
        let body = format!("comment {at}");
        let made = client.post(place, &json!({"body": body})).expect(201);
        let location = made.header("location").unwrap();
        assert_eq!(location, format!("{place}/1"));
        let read = app.get(&location).expect(200);
        assert_eq!(read.json()["body"], body);
        let listed = app.get(place).expect(200);
        assert_eq!(listed.json()["items"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn each_is_still_told_from_the_others() {
    let app = App::start(COMMENTS);
    let all = app.key().all_scopes().client();
    all.post("/repos", &json!({"name": "kettle"})).expect(201);
    all.post("/gists", &json!({"id": "tea", "text": "Boil."}))
        .expect(201);
    let comment = json!({"body": "Nice."});
    for (scope, place) in [
        ("repo-comments.write", "/repos/kettle/comments"),
        ("gist-comments.write", "/gists/tea/comments"),
        ("comments.write", "/comments"),
    ] {
        let client = app.key().scope(scope).client();
        client.post(place, &comment).expect(201);
        for other in ["/repos/kettle/comments", "/gists/tea/comments", "/comments"] {
            if other != place {
                let refused = client.post(other, &comment).expect(403);
                assert_eq!(refused.code(), "insufficient_scope", "{scope} {other}");
            }
        }
    }
}

#[test]
fn no_two_operations_have_one_id() {
    let app = App::start(COMMENTS);
    let document = app.get("/openapi.json").expect(200).json();
    let mut ids = HashSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            if let Json::String(id) = &operation["operationId"] {
                assert!(ids.insert(id.clone()), "{id} again at {path}");
            }
        }
    }
    for id in ["listComments", "listRepoComments", "queryGistComments"] {
        assert!(ids.contains(id), "{id}: {ids:?}");
    }
}
