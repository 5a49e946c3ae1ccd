//! Whatever is refused changes nothing: not the record, not its tag, not the feed.

use serde_json::json;
use testkit::{App, Call, Client};

use crate::support::{feed, raw};

const CONTRACT: &str = "
frontdesk: 1
name: desk
auth: {api_keys: true}
rules: {staff: user.role == 'staff'}
resources:
  Team:
    id: integer
    fields: {name: {type: string, unique: true}}
    lists: {tickets: Ticket.team}
    access: {read: public, write: staff}
  Ticket:
    id: integer
    fields:
      title:   {type: string, minLength: 1, maxLength: 20}
      team:    Team
      owner:   {type: string, set: =user.id}
      number?: {type: integer, unique: true}
      lock?:   {type: string, access: {write: staff}}
    rules: {mine: this.owner == user.id}
    check:
      - {rule: this.title != 'forbidden', message: any other title, at: title}
      - {rule: this.team.name != 'closed', message: an open team, at: team}
    access: {read: public, create: signed_in, update: mine, delete: mine}
  Law:
    id: integer
    fields: {text: string}
    concurrency: required
    access: {read: public, write: signed_in}
";

#[test]
fn what_is_refused_changes_nothing() {
    let app = App::start(CONTRACT);
    let admin = app.admin();
    for name in ["open", "closed"] {
        admin.post("/v1/teams", &json!({"name": name})).expect(201);
    }
    let user = |id: &str| app.key().all_scopes().user(id).client();
    let (ann, bob) = (user("ann"), user("bob"));
    let unscoped = app.key().user("ann").client();
    for number in [1, 2] {
        let ticket = json!({"title": "t", "team_id": 1, "number": number});
        ann.post("/v1/tickets", &ticket).expect(201);
    }
    ann.post("/v1/laws", &json!({"text": "a"})).expect(201);

    let paths = [
        "/v1/teams",
        "/v1/tickets",
        "/v1/laws",
        "/v1/teams/1",
        "/v1/teams/2",
        "/v1/tickets/1",
        "/v1/tickets/2",
        "/v1/laws/1",
    ];
    let state = || {
        let reads = paths.map(|path| {
            let read = admin.get(path).expect(200);
            (read.etag(), read.json())
        });
        (reads, feed(&app))
    };
    let before = state();
    assert_eq!(before.1.len(), 5);

    let whole = || json!({"title": "x", "team_id": 1});
    let post = |client: &Client, body: serde_json::Value| {
        client.request("POST", "/v1/tickets").json(&body)
    };
    let patch = |client: &Client, body: serde_json::Value| {
        client.request("PATCH", "/v1/tickets/1").json(&body)
    };
    let put = |client: &Client, body: serde_json::Value| {
        client.request("PUT", "/v1/tickets/1").json(&body)
    };
    let delete = |client: &Client, path: &str| client.request("DELETE", path);
    let steps = |body: &str| {
        ann.request("PATCH", "/v1/tickets/1")
            .body("application/json-patch+json", body)
    };
    let refused: Vec<(u16, &str, Call)> = vec![
        (401, "guest creates", post(&app, whole())),
        (401, "guest changes", patch(&app, json!({"title": "x"}))),
        (401, "guest replaces", put(&app, whole())),
        (401, "guest deletes", delete(&app, "/v1/tickets/1")),
        (401, "bad key", post(&app.with_key("bad"), whole())),
        (403, "no scope to create", post(&unscoped, whole())),
        (
            403,
            "no scope to change",
            patch(&unscoped, json!({"title": "x"})),
        ),
        (403, "no scope to replace", put(&unscoped, whole())),
        (
            403,
            "no scope to delete",
            delete(&unscoped, "/v1/tickets/1"),
        ),
        (
            403,
            "not the owner changes",
            patch(&bob, json!({"title": "x"})),
        ),
        (403, "not the owner replaces", put(&bob, whole())),
        (403, "not the owner deletes", delete(&bob, "/v1/tickets/1")),
        (
            403,
            "rule for all",
            ann.request("POST", "/v1/teams").json(&json!({"name": "x"})),
        ),
        (
            403,
            "closed field in create",
            post(&ann, json!({"title": "x", "team_id": 1, "lock": "y"})),
        ),
        (
            403,
            "closed field in change",
            patch(&ann, json!({"title": "x", "lock": "y"})),
        ),
        (
            403,
            "closed field in steps",
            steps(r#"[{"op":"replace","path":"/lock","value":"y"}]"#),
        ),
        (
            404,
            "no such record",
            ann.request("PATCH", "/v1/tickets/9")
                .json(&json!({"title": "x"})),
        ),
        (
            404,
            "no such parent",
            ann.request("POST", "/v1/teams/9/tickets")
                .json(&json!({"title": "x"})),
        ),
        (
            404,
            "no such record to delete",
            delete(&ann, "/v1/tickets/9"),
        ),
        (
            400,
            "no JSON",
            ann.request("POST", "/v1/tickets")
                .body("application/json", "{"),
        ),
        (
            400,
            "a member twice",
            ann.request("POST", "/v1/tickets").body(
                "application/json",
                r#"{"title":"a","title":"b","team_id":1}"#,
            ),
        ),
        (400, "no body", ann.request("POST", "/v1/tickets")),
        (
            400,
            "unknown parameter",
            ann.request("POST", "/v1/tickets?dry=1").json(&whole()),
        ),
        (
            400,
            "unknown field wanted back",
            ann.request("PATCH", "/v1/tickets/1?fields=x")
                .json(&json!({"title": "x"})),
        ),
        (
            400,
            "unknown relation wanted back",
            ann.request("POST", "/v1/tickets?include=x").json(&whole()),
        ),
        (
            400,
            "body on delete",
            ann.request("DELETE", "/v1/tickets/1").json(&json!({})),
        ),
        (
            400,
            "unreadable condition",
            delete(&ann, "/v1/tickets/1").header("if-match", "1"),
        ),
        (
            400,
            "two credentials",
            delete(&ann, "/v1/tickets/1").header("authorization", "Bearer x"),
        ),
        (405, "delete a list", delete(&admin, "/v1/tickets")),
        (
            406,
            "answer not wanted",
            post(&ann, whole()).header("accept", "image/png"),
        ),
        (
            415,
            "form",
            ann.request("POST", "/v1/tickets")
                .body("application/x-www-form-urlencoded", "title=x"),
        ),
        (
            413,
            "too large",
            post(&ann, json!({"title": "x".repeat(1_100_000)})),
        ),
        (
            422,
            "unknown field",
            post(&ann, json!({"title": "x", "team_id": 1, "colour": "red"})),
        ),
        (
            422,
            "read-only field",
            patch(&ann, json!({"title": "x", "owner": "bob"})),
        ),
        (422, "missing field", put(&ann, json!({"title": "x"}))),
        (
            422,
            "too long",
            patch(&ann, json!({"title": "x".repeat(21)})),
        ),
        (
            409,
            "dangling reference in create",
            post(&ann, json!({"title": "x", "team_id": 9})),
        ),
        (
            409,
            "dangling reference in change",
            patch(&ann, json!({"title": "x", "team_id": 9})),
        ),
        (
            422,
            "check on the row in create",
            post(&ann, json!({"title": "forbidden", "team_id": 1})),
        ),
        (
            422,
            "check on the row in change",
            patch(&ann, json!({"title": "forbidden"})),
        ),
        (
            422,
            "check on others in create",
            post(&ann, json!({"title": "x", "team_id": 2})),
        ),
        (
            422,
            "check on others in change",
            patch(&ann, json!({"title": "x", "team_id": 2})),
        ),
        (
            422,
            "check on others in replace",
            put(&ann, json!({"title": "x", "team_id": 2})),
        ),
        (
            422,
            "conflict with the path",
            ann.request("POST", "/v1/teams/1/tickets")
                .json(&json!({"title": "x", "team_id": 2})),
        ),
        (
            409,
            "a step that does not apply",
            steps(
                r#"[{"op":"replace","path":"/title","value":"x"},{"op":"remove","path":"/nothing"}]"#,
            ),
        ),
        (
            409,
            "a test that fails",
            steps(
                r#"[{"op":"replace","path":"/title","value":"x"},{"op":"test","path":"/title","value":"y"}]"#,
            ),
        ),
        (
            409,
            "unique value in create",
            post(&ann, json!({"title": "x", "team_id": 1, "number": 2})),
        ),
        (
            409,
            "unique value in change",
            patch(&ann, json!({"title": "x", "number": 2})),
        ),
        (
            409,
            "unique value in replace",
            put(&ann, json!({"title": "x", "team_id": 1, "number": 2})),
        ),
        (409, "still referenced", delete(&admin, "/v1/teams/1")),
        (
            412,
            "stale change",
            patch(&ann, json!({"title": "x"})).header("if-match", "\"9.1\""),
        ),
        (
            412,
            "stale replacement",
            put(&ann, whole()).header("if-match", "\"9.1\""),
        ),
        (
            412,
            "stale delete",
            delete(&ann, "/v1/tickets/1").header("if-match", "\"9.1\""),
        ),
        (
            412,
            "weak tag",
            delete(&ann, "/v1/tickets/1").header(
                "if-match",
                format!("W/{}", admin.get("/v1/tickets/1").etag()),
            ),
        ),
        (
            412,
            "must not exist",
            put(&ann, whole()).header("if-none-match", "*"),
        ),
        (428, "no condition", delete(&ann, "/v1/laws/1")),
        (
            428,
            "no condition to change",
            ann.request("PATCH", "/v1/laws/1")
                .json(&json!({"text": "b"})),
        ),
    ];
    for (status, what, call) in refused {
        let answer = call.send();
        assert_eq!(answer.status, status, "{what}: {answer:?}");
        assert_eq!(answer.header("etag"), None, "{what}");
        assert_eq!(answer.header("location"), None, "{what}");
        assert_eq!(state(), before, "{what}");
    }
    let ambiguous = "DELETE /v1/laws/1 HTTP/1.1\r\nHost: x\r\nIf-Match: *\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n";
    assert_eq!(raw(&app, ambiguous).status, 400);
    assert_eq!(state(), before);

    // And what is allowed changes exactly what it says.
    ann.patch("/v1/tickets/1", &json!({"title": "x"}))
        .expect(200);
    let mut after = before.1.clone();
    after.push("update Ticket 1 v2".to_owned());
    assert_eq!(feed(&app), after);
}
