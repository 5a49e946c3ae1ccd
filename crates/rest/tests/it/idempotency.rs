//! `Idempotency-Key`: a write is carried out once, however often it is sent.

use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::thread;

use frontdesk::{store, value};
use serde_json::{Value as Json, json};
use store::driver::{Cost, Statement, Storage};
use testkit::{Answer, App, Client, PATIENCE, eventually};
use value::Value;

use crate::held::hold;
use crate::support::{Shared, feed};

static DESK: Shared = Shared::new(|| App::start(CONTRACT));

const CONTRACT: &str = "
frontdesk: 1
name: desk
auth: {api_keys: true}
rules: {staff: user.role == 'staff'}
resources:
  Account:
    fields:
      name: {type: string, minLength: 1, maxLength: 40, unique: true}
      sum:  {type: integer, default: 0}
    lists: {charges: Charge.account}
    access: {read: public, write: public}
  Charge:
    idempotency: required
    fields:
      account: Account
      amount:  {type: integer, minimum: 1}
    access: {read: public, write: public}
  Secret:
    fields:
      text:  string
      owner: {type: string, set: =user.id}
      cost?: {type: integer, access: {read: staff}}
    rules: {mine: this.owner == user.id}
    access: {read: mine || staff, create: signed_in, update: mine, delete: mine}
";

fn keyed(client: &Client, method: &str, path: &str, key: &str, body: &Json) -> Answer {
    client
        .request(method, path)
        .header("idempotency-key", key)
        .json(body)
        .send()
}

fn post(client: &Client, path: &str, key: &str, body: &Json) -> Answer {
    keyed(client, "POST", path, key, body)
}

/// Whether it is the answer of then, byte for byte.
#[track_caller]
fn replays(first: &Answer, second: &Answer) {
    assert_eq!(
        second.header("idempotency-replayed").as_deref(),
        Some("true")
    );
    assert_eq!(first.header("idempotency-replayed"), None);
    assert_eq!((first.status, first.text()), (second.status, second.text()));
    for name in ["content-type", "etag", "location", "x-content-type-options"] {
        assert_eq!(first.header(name), second.header(name), "{name}");
    }
}

#[test]
fn the_same_request_is_answered_again_and_not_carried_out_again() {
    let app = DESK.get();
    let body = json!({"name": "again"});
    let first = post(&app, "/v1/accounts", "\"again-1\"", &body).expect(201);
    let path = first.header("location").unwrap();
    // With quotes or without, and whatever the white space.
    let second = app
        .request("POST", "/v1/accounts")
        .header("idempotency-key", "again-1")
        .body("application/json", " { \"name\" : \"again\" } ")
        .send();
    replays(&first, &second);

    let first = keyed(&app, "PATCH", &path, "again-2", &json!({"sum": 5})).expect(200);
    keyed(&app, "PATCH", &path, "again-3", &json!({"sum": 6})).expect(200);
    // The answer of then, not the record of now.
    let second = keyed(&app, "PATCH", &path, "again-2", &json!({"sum": 5}));
    replays(&first, &second);
    assert_eq!(app.get(&path).json()["sum"], 6);

    let put = json!({"name": "again", "sum": 7});
    let first = keyed(&app, "PUT", &path, "again-4", &put).expect(200);
    replays(&first, &keyed(&app, "PUT", &path, "again-4", &put));

    let delete = || {
        let call = app.request("DELETE", &path);
        call.header("idempotency-key", "again-5").send()
    };
    let first = delete().expect(204);
    replays(&first, &delete());
    // Without the key it is another request.
    app.delete(&path).expect(404);
    let told = feed(&app);
    let record = path.rsplit('/').next().unwrap();
    let told: Vec<_> = told.iter().filter(|entry| entry.contains(record)).collect();
    assert_eq!(told.len(), 5, "{told:?}");
}

#[test]
fn a_key_stands_for_one_request() {
    let app = DESK.get();
    let body = json!({"name": "one"});
    let made = post(&app, "/v1/accounts", "one-1", &body).expect(201);
    let path = made.header("location").unwrap();
    let mismatch = |answer: Answer| {
        let answer = answer.expect(422);
        assert_eq!(answer.code(), "idempotency_mismatch");
        assert_eq!(answer.faults(), ["Idempotency-Key: idempotency_mismatch"]);
        assert_eq!(answer.header("idempotency-replayed"), None);
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("is sent with a new key"), "{detail}");
    };
    mismatch(post(&app, "/v1/accounts", "one-1", &json!({"name": "two"})));
    mismatch(post(&app, "/v1/accounts?fields=id", "one-1", &body));
    let change = json!({"sum": 1});
    let first = app
        .request("PATCH", &path)
        .header("idempotency-key", "one-2")
        .header("if-match", made.etag())
        .json(&change);
    let first = first.send().expect(200);
    mismatch(keyed(&app, "PATCH", &path, "one-2", &change));
    mismatch(
        app.request("PATCH", &path)
            .header("idempotency-key", "one-2")
            .header("if-match", first.etag())
            .json(&change)
            .send(),
    );
    // Another operation has keys of its own.
    post(&app, "/v1/accounts", "one-2", &json!({"name": "three"})).expect(201);
}

#[test]
fn keys_are_their_callers_own() {
    let app = DESK.get();
    let (ann, bob) = (
        app.key().all_scopes().user("ann").client(),
        app.key().all_scopes().user("bob").client(),
    );
    let body = json!({"text": "a"});
    let first = post(&ann, "/v1/secrets", "own", &body).expect(201);
    let other = post(&bob, "/v1/secrets", "own", &body).expect(201);
    assert_ne!(first.header("location"), other.header("location"));
    replays(&first, &post(&ann, "/v1/secrets", "own", &body));
    post(&app, "/v1/secrets", "own", &body).expect(401);
    // With another key of hers, as while keys are changed, she is still herself.
    let next = app.key().all_scopes().user("ann").client();
    replays(&first, &post(&next, "/v1/secrets", "own", &body));
    // With one that may do something else she is told that it was done.
    let staff = app.key().all_scopes().user("ann").claim("role", "staff");
    let told = post(&staff.client(), "/v1/secrets", "own", &body).expect(201);
    assert_eq!(told.header("location"), first.header("location"));
    assert_eq!(told.text(), "");
    // Without a user a key stands for itself.
    let bare = || app.key().all_scopes().client();
    let account = |client: &Client, name: &str| {
        post(client, "/v1/accounts", "own", &json!({"name": name})).expect(201)
    };
    let (one, other) = (account(&bare(), "bare 1"), account(&bare(), "bare 2"));
    assert_ne!(one.header("location"), other.header("location"));
}

#[test]
fn what_the_data_refused_stays_refused() {
    let app = DESK.get();
    let body = json!({"name": "taken"});
    let made = app.post("/v1/accounts", &body).expect(201);
    let path = made.header("location").unwrap();
    let first = post(&app, "/v1/accounts", "refused-1", &body).expect(409);
    assert_eq!(first.code(), "already_exists");
    let change = json!({"sum": 1});
    let stale = |key: &str| {
        app.request("PATCH", &path)
            .header("idempotency-key", key)
            .header("if-match", "\"7.0\"")
            .json(&change)
            .send()
    };
    let second = stale("refused-2").expect(412);
    app.delete(&path).expect(204);
    let third = keyed(&app, "PATCH", &path, "refused-3", &change).expect(404);
    // By now the first would succeed.
    replays(&first, &post(&app, "/v1/accounts", "refused-1", &body));
    replays(&second, &stale("refused-2"));
    replays(&third, &keyed(&app, "PATCH", &path, "refused-3", &change));
    // Who reads a dialect of JSON alone is told it as such, whoever was told it first.
    let dialect = app
        .request("POST", "/v1/accounts")
        .header("idempotency-key", "refused-1")
        .header("accept", "application/vnd.desk+json")
        .json(&body);
    let dialect = dialect.send().expect(409);
    assert!(dialect.header("idempotency-replayed").is_some());
    let told = dialect.header("content-type");
    assert_eq!(told.as_deref(), Some("application/json"));
    let mut expected = first.json();
    expected["message"] = expected["detail"].clone();
    assert_eq!(dialect.json(), expected);
    post(&app, "/v1/accounts", "refused-4", &body).expect(201);
    let mismatch = post(&app, "/v1/accounts", "refused-1", &json!({"name": "x"}));
    assert_eq!(mismatch.expect(422).code(), "idempotency_mismatch");
}

#[test]
fn what_was_refused_before_anything_was_decided_may_be_mended() {
    let app = DESK.get();
    let refused = [
        (422, json!({"name": ""})),
        (422, json!({"name": "mended", "other": 1})),
        (422, json!([])),
    ];
    for (status, body) in refused {
        post(&app, "/v1/accounts", "mended", &body).expect(status);
    }
    let malformed = app
        .request("POST", "/v1/accounts")
        .header("idempotency-key", "mended")
        .body("application/json", "{")
        .send();
    malformed.expect(400);
    let made = post(&app, "/v1/accounts", "mended", &json!({"name": "mended"})).expect(201);
    assert_eq!(made.header("idempotency-replayed"), None);
}

#[test]
fn where_a_key_is_required_none_is_refused() {
    let app = DESK.get();
    let account = app
        .post("/v1/accounts", &json!({"name": "charged"}))
        .expect(201);
    let account = &account.json()["id"];
    let body = json!({"account_id": account, "amount": 5});
    let refused = app.post("/v1/charges", &body).expect(400);
    assert_eq!(refused.code(), "idempotency_required");
    assert_eq!(refused.faults(), ["Idempotency-Key: idempotency_required"]);
    let nested = format!("/v1/accounts/{}/charges", account.as_str().unwrap());
    let amount = json!({"amount": 5});
    app.post(&nested, &amount).expect(400);
    let made = post(&app, &nested, "required-1", &amount).expect(201);
    replays(&made, &post(&app, &nested, "required-1", &amount));
    let path = made.header("location").unwrap();
    app.patch(&path, &json!({"amount": 6})).expect(400);
    keyed(&app, "PATCH", &path, "required-2", &json!({"amount": 6})).expect(200);
    // These can be sent again as they are.
    app.put(&path, &body).expect(200);
    app.delete(&path).expect(204);
}

/// RFC 9651 §4.2.5, and what most clients send.
#[test]
fn a_key_is_spelt_in_quotes_or_bare() {
    let app = DESK.get();
    let longest = "k".repeat(255);
    for (n, spellings) in [
        &["bare", "\"bare\"", "\"bare\";a=1"][..],
        &["\"two words\"", "\"two words\"; p"],
        &["a\"b", r#""a\"b""#],
        &[&*longest, &format!("\"{longest}\"")],
    ]
    .into_iter()
    .enumerate()
    {
        let body = json!({"name": format!("spelt {n}")});
        let first = post(&app, "/v1/accounts", spellings[0], &body).expect(201);
        for spelling in spellings {
            replays(&first, &post(&app, "/v1/accounts", spelling, &body));
        }
    }
}

#[test]
fn unreadable_keys_are_refused() {
    let app = DESK.get();
    for key in ["", "\"\"", "a b", "\"a", &"k".repeat(256)] {
        let refused = post(&app, "/v1/accounts", key, &json!({"name": "unreadable"}));
        assert_eq!(
            refused.expect(400).faults(),
            ["Idempotency-Key: invalid"],
            "{key}"
        );
    }
    let twice = app
        .request("POST", "/v1/accounts")
        .header("idempotency-key", "a")
        .header("idempotency-key", "b")
        .json(&json!({"name": "unreadable"}))
        .send();
    assert_eq!(twice.expect(400).faults(), ["Idempotency-Key: repeated"]);
    // Reads have no use for one.
    let read = app
        .request("GET", "/v1/accounts")
        .header("idempotency-key", "");
    read.send().expect(200);
}

#[test]
fn whose_rights_have_changed_is_told_only_that_it_was_done() {
    let app = App::start(CONTRACT);
    let ann = app.key().all_scopes().user("ann").client();
    let body = json!({"text": "a"});
    let first = post(&ann, "/v1/secrets", "rights", &body).expect(201);
    replays(&first, &post(&ann, "/v1/secrets", "rights", &body));
    app.swap(&CONTRACT.replace("read: mine || staff", "read: staff"))
        .unwrap();
    let replayed = post(&ann, "/v1/secrets", "rights", &body).expect(201);
    assert_eq!(
        replayed.header("idempotency-replayed").as_deref(),
        Some("true")
    );
    assert_eq!(replayed.header("location"), first.header("location"));
    assert_eq!((replayed.text(), replayed.header("etag")), ("", None));
    // Who may not write any more is not told even that.
    app.swap(&CONTRACT.replace("create: signed_in", "create: staff"))
        .unwrap();
    let refused = post(&ann, "/v1/secrets", "rights", &body).expect(403);
    assert_eq!(refused.header("idempotency-replayed"), None);
    // And whoever sends what a new contract does not take learns that it was done all the same.
    let check = "check: [{rule: this.text != 'a', message: not this}]";
    let with_check = format!("    {check}\n    access: {{read: mine");
    app.swap(&CONTRACT.replace("    access: {read: mine", &with_check))
        .unwrap();
    ann.post("/v1/secrets", &body).expect(422);
    let replayed = post(&ann, "/v1/secrets", "rights", &body).expect(201);
    assert_eq!(replayed.header("location"), first.header("location"));
}

#[test]
fn while_the_first_runs_the_second_is_told_to_wait() {
    let builder = App::builder().file(frontdesk::FILE, CONTRACT);
    let app = builder.connections(3).start();
    // It serves once it has written that it does.
    app.get("/v1/accounts").expect(200);
    let (held, open) = hold(&**app.inner().database().driver());
    let body = json!({"name": "held"});
    let (tell, told) = channel();
    thread::scope(|scope| {
        for _ in 0..2 {
            let (tell, body) = (tell.clone(), &body);
            let client = Client::guest(app.address());
            scope.spawn(move || tell.send(post(&client, "/v1/accounts", "held", body)));
        }
        // Whichever came second: the other is not answered as long as nothing is written.
        let second = told.recv_timeout(PATIENCE).unwrap().expect(409);
        assert_eq!(second.code(), "idempotency_in_progress");
        assert_eq!(
            second.faults(),
            ["Idempotency-Key: idempotency_in_progress"]
        );
        assert_eq!(second.header("retry-after").as_deref(), Some("1"));
        open.send(()).unwrap();
        app.wait(held).unwrap();
        let first = told.recv_timeout(PATIENCE).unwrap().expect(201);
        replays(&first, &post(&app, "/v1/accounts", "held", &body));
    });
    assert_eq!(feed(&app).len(), 1);
}

#[test]
fn of_many_at_once_one_is_carried_out() {
    let app = DESK.get();
    let start = Arc::new(Barrier::new(64));
    let clients = (0..64).map(|_| {
        let (client, start) = (Client::guest(app.address()), Arc::clone(&start));
        thread::spawn(move || {
            start.wait();
            let body = json!({"name": "many"});
            let mut busy = 0;
            let answer = eventually("an answer", || {
                let answer = post(&client, "/v1/accounts", "many", &body);
                if answer.status == 409 {
                    assert_eq!(answer.code(), "idempotency_in_progress");
                    assert_eq!(answer.header("retry-after").as_deref(), Some("1"));
                    busy += 1;
                    return None;
                }
                Some(answer)
            });
            (answer.expect(201), busy)
        })
    });
    let clients: Vec<_> = clients.collect();
    let answers: Vec<_> = clients.into_iter().map(|one| one.join().unwrap()).collect();
    let (first, _) = &answers[0];
    let replayed = |answer: &Answer| answer.header("idempotency-replayed").is_some();
    for (answer, _) in &answers {
        assert_eq!(answer.text(), first.text());
        assert_eq!(answer.header("location"), first.header("location"));
    }
    let firsts = answers.iter().filter(|(answer, _)| !replayed(answer));
    assert_eq!(firsts.count(), 1);
    let id = first.json()["id"].as_str().unwrap().to_owned();
    let told = feed(&app).into_iter().filter(|entry| entry.contains(&id));
    assert_eq!(told.count(), 1);
}

const GATHERED: &str = "
frontdesk: 1
name: desk
resources:
  Note:
    fields: {text: string, code?: {type: string, unique: true}}
    access: {read: public, write: public}
  Page:
    id: integer
    fields: {text: string, code?: {type: string, unique: true}}
    access: {read: public, write: public}
";

/// Does this for every number at about the same time.
fn at_once<T: Send>(count: u64, doing: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let start = Barrier::new(usize::try_from(count).unwrap());
    thread::scope(|scope| {
        let (start, doing) = (&start, &doing);
        let each = (0..count).map(|number| {
            scope.spawn(move || {
                start.wait();
                doing(number)
            })
        });
        let each: Vec<_> = each.collect();
        each.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

#[test]
fn what_gathers_is_kept_with_its_answers() {
    const MANY: u64 = 48;
    let app = App::start(GATHERED);
    for path in ["/v1/notes", "/v1/pages"] {
        let send = |number: u64, body: Json| {
            let client = Client::guest(app.address());
            post(&client, path, &format!("{path}-{number}"), &body)
        };
        let made = at_once(MANY, |number| {
            send(number, json!({"text": number.to_string()}))
        });
        for (number, first) in (0..).zip(&made) {
            let location = first.clone().expect(201).header("location").unwrap();
            let there = app.get(&location);
            assert_eq!((there.json(), there.etag()), (first.json(), first.etag()));
            replays(first, &send(number, json!({"text": number.to_string()})));
        }
        // Beside others whose key is the same or none, with a value that only one may have.
        let taken = at_once(MANY, |number| {
            let body = json!({"text": "a", "code": "once"});
            match number % 3 {
                0 => app.post(path, &body),
                at => send(MANY + number / 3 * 2 + at % 2, body),
            }
        });
        let with = |status| {
            taken
                .iter()
                .filter(|answer| answer.status == status)
                .count()
        };
        assert_eq!(with(201), 1);
        assert_eq!(with(409), taken.len() - 1);
        // The next id is one that nobody has.
        app.post(path, &json!({"text": "after"})).expect(201);
        assert_eq!(
            app.get(&format!("{path}?limit=100")).items().len() as u64,
            MANY + 2
        );
    }
    let told = feed(&app);
    assert_eq!(told.len() as u64, 2 * (MANY + 2));
    let entries = app.wait(store::feed::read(
        &**app.inner().database().driver(),
        0,
        1_000,
    ));
    let mut members = std::collections::BTreeMap::new();
    for entry in entries.unwrap() {
        let after: Json = serde_json::from_str(entry.after.as_deref().unwrap()).unwrap();
        let path = match entry.resource.as_str() {
            "Note" => "notes",
            _ => "pages",
        };
        let found = app.get(&format!("/v1/{path}/{}", entry.record)).expect(200);
        assert_eq!(found.json()["text"], after["text"]);
        // Those with a key have the same as those without.
        let names: Vec<String> = after.as_object().unwrap().keys().cloned().collect();
        assert_eq!(members.entry(path).or_insert(names.clone()), &names);
    }
    if app.target().is_none() {
        return;
    }
    let count = |sql: &'static str| {
        let statement = Arc::new(Statement {
            text: sql.into(),
            parameters: vec![],
            columns: vec![Storage::Int],
            cost: Cost::Long,
        });
        let rows = app.wait(app.inner().database().driver().query(&statement, &[]));
        rows.unwrap().cells.remove(0)
    };
    let kept = "SELECT count(*) FROM frontdesk_answers WHERE xmin::text IN \
                (SELECT xmin::text FROM note UNION SELECT xmin::text FROM page)";
    let Value::Int(kept) = count(kept) else {
        panic!("a count is a number");
    };
    assert!(kept >= 96, "{kept} are kept with their records");
    let Value::Int(commits) = count("SELECT count(DISTINCT xmin::text) FROM frontdesk_answers")
    else {
        panic!("a count is a number");
    };
    assert!(commits < kept, "{commits} commits of {kept}");
}
