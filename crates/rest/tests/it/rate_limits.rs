//! Rate limits: who is counted, against what, what every answer says about it, and what a refusal is.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::json;
use testkit::{Answer, App, Call, Client};

/// Long windows, so that nothing is restored while a test runs.
const CONTRACT: &str = "
frontdesk: 1
name: counted
auth: {api_keys: true}
cors: ['https://app.example']
limits:
  guests:  {by: ip,       allow: 3/day}
  default: {by: user,     allow: 5/day}
  narrow:  {by: key,      allow: 2/day}
  shared:  {by: everyone, allow: 4/day, burst: 2}
resources:
  Thing:
    id: integer
    fields: {name: string}
    access: {read: public, write: public}
  Narrow:
    id: integer
    fields: {name: string}
    limit: narrow
    access: {read: public, write: signed_in}
  Shared:
    id: integer
    fields: {name: string}
    limit: shared
    access: {read: public}
  Secret:
    id: integer
    fields: {name: string}
    limit: shared
    audience: private
    access: {read: public}
";

fn serve() -> App {
    App::builder()
        .file("frontdesk.yaml", CONTRACT)
        .trusted_proxies(&["127.0.0.0/8"])
        .start()
}

/// A request from elsewhere: the tests stand behind a proxy that is trusted.
fn from(client: &Client, address: &str, method: &str, target: &str) -> Call {
    client
        .request(method, target)
        .header("x-forwarded-for", address)
        .header("x-forwarded-proto", "https")
}

/// `200 guests 2`: the status and what is left of each limit.
fn told(answer: &Answer) -> String {
    let mut told = answer.status.to_string();
    for (policy, left) in fields(answer) {
        told.push_str(&format!(" {} {}", policy.name, left.number("r")));
    }
    told
}

/// Both fields, read as the structured fields they are, entry by entry.
fn fields(answer: &Answer) -> Vec<(Item, Item)> {
    let read = |name: &str| answer.header(name).map(|value| items(&value));
    match (read("ratelimit-policy"), read("ratelimit")) {
        (None, None) => vec![],
        (Some(policies), Some(left)) => {
            assert_eq!(policies.len(), left.len(), "{answer:?}");
            let both: Vec<_> = policies.into_iter().zip(left).collect();
            for (policy, left) in &both {
                assert_eq!(policy.name, left.name, "{answer:?}");
            }
            both
        }
        _ => panic!("one field without the other: {answer:?}"),
    }
}

/// An item of a list: a string with integers as parameters (RFC 9651).
#[derive(Debug)]
struct Item {
    name: String,
    parameters: Vec<(String, u64)>,
}

impl Item {
    #[track_caller]
    fn number(&self, name: &str) -> u64 {
        let found = self.parameters.iter().find(|(known, _)| known == name);
        found.unwrap_or_else(|| panic!("no {name} in {self:?}")).1
    }
}

#[track_caller]
fn items(field: &str) -> Vec<Item> {
    field
        .split(", ")
        .map(|item| {
            let (name, rest) = item.strip_prefix('"').unwrap().split_once('"').unwrap();
            assert!(name.bytes().all(|byte| matches!(byte, b' '..=b'~')));
            let parameters = rest.split(';').skip(1).map(|parameter| {
                let (key, value) = parameter.split_once('=').unwrap();
                assert!(key.bytes().all(|byte| byte.is_ascii_lowercase()));
                assert!(value.len() <= 15);
                (key.to_owned(), value.parse().unwrap())
            });
            Item {
                name: name.to_owned(),
                parameters: parameters.collect(),
            }
        })
        .collect()
}

#[test]
fn every_answer_says_what_is_left_and_a_refusal_when_there_is_more() {
    let app = serve();
    let first = app.get("/v1/things").expect(200);
    assert_eq!(
        first.header("ratelimit-policy").as_deref(),
        Some(r#""guests";q=3;w=86400"#)
    );
    assert_eq!(
        first.header("ratelimit").as_deref(),
        Some(r#""guests";r=2;t=28800"#)
    );
    assert_eq!(told(&app.get("/v1/things/1").expect(404)), "404 guests 1");
    assert_eq!(told(&app.delete("/v1/things").expect(405)), "405 guests 0");

    let refused = app.get("/v1/things").expect(429);
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((28_000..=28_800).contains(&wait), "{wait}");
    let (policy, left) = &fields(&refused)[0];
    assert_eq!((policy.number("q"), policy.number("w")), (3, 86_400));
    assert_eq!((left.number("r"), left.number("t")), (0, wait));
    let problem = refused.json();
    assert_eq!(
        problem,
        json!({
            "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
            "title": "Too many requests",
            "status": 429,
            "detail": "You have used up the limit `guests` (3 per day); there is room again in 8 h.",
            "instance": "/v1/things",
            "code": "rate_limited",
            "violated-policies": ["guests"],
        })
    );
    app.get("/problems/rate_limited").expect(200);
}

#[test]
fn guessing_counts_like_asking() {
    let app = serve();
    // Each from an address of its own, of which a guest has three requests.
    let wrong = app.with_key("fdk_live_wrong");
    let body = |method: &str, target: &str, text: &str| {
        let call = app.request(method, target);
        call.body("application/json", text)
    };
    let from_app = |method: &str, target: &str| app.request(method, target);
    for (address, call, expected) in [
        ("192.0.2.1", from_app("GET", "/v1/things"), "200 guests 2"),
        ("192.0.2.2", from_app("GET", "/v1/nothing"), "404 guests 2"),
        (
            "192.0.2.3",
            from_app("GET", "/v1/things/%zz"),
            "400 guests 2",
        ),
        (
            "192.0.2.4",
            from_app("GET", "/v1/things?limit=x"),
            "400 guests 2",
        ),
        ("192.0.2.5", from_app("PATCH", "/v1/things"), "405 guests 2"),
        ("192.0.2.6", body("POST", "/v1/things", "{"), "400 guests 2"),
        (
            "192.0.2.7",
            body("POST", "/v1/things", "{}"),
            "422 guests 2",
        ),
        (
            "192.0.2.8",
            wrong.request("GET", "/v1/things"),
            "401 guests 2",
        ),
        (
            "192.0.2.9",
            wrong.request("GET", "/v1/nothing"),
            "401 guests 2",
        ),
        (
            "192.0.2.10",
            from_app("OPTIONS", "/v1/things"),
            "204 guests 2",
        ),
        // What is private is as little there as what is not there at all.
        ("192.0.2.11", from_app("GET", "/v1/secrets"), "404 guests 2"),
        (
            "192.0.2.12",
            from_app("GET", "/v1/things").header("accept", "image/png"),
            "406 guests 2",
        ),
    ] {
        let from = call
            .clone()
            .header("x-forwarded-for", address)
            .header("x-forwarded-proto", "https");
        let send = || from.clone().send();
        assert_eq!(told(&send()), expected, "{call:?}");
        send();
        send();
        let refused = send();
        assert_eq!(told(&refused), "429 guests 0", "{call:?}");
        assert!(refused.header("retry-after").is_some());
    }
}

#[test]
fn documents_health_and_preflights_are_free() {
    let app = serve();
    let free = [
        ("GET", "/"),
        ("GET", "/docs"),
        ("GET", "/v1/openapi.json"),
        ("GET", "/problems/not_found"),
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("OPTIONS", "/docs"),
    ];
    for (method, target) in free {
        for _ in 0..5 {
            let answer = app.request(method, target).send();
            assert!(answer.status < 300, "{target}: {answer:?}");
            assert_eq!(fields(&answer).len(), 0, "{target}");
        }
    }
    for _ in 0..5 {
        let preflight = app
            .request("OPTIONS", "/v1/things")
            .header("origin", "https://app.example")
            .header("access-control-request-method", "GET")
            .send();
        assert_eq!(told(&preflight), "204");
    }
    let answer = app
        .request("GET", "/v1/things")
        .header("origin", "https://app.example")
        .send();
    assert_eq!(told(&answer), "200 guests 2");
    let exposed = answer.header("access-control-expose-headers").unwrap();
    for name in ["RateLimit", "RateLimit-Policy", "Retry-After"] {
        assert!(exposed.split(", ").any(|known| known == name), "{exposed}");
    }
}

#[test]
fn callers_are_counted_by_what_the_limit_says() {
    let app = serve();
    let (ann, again) = (
        app.key().all_scopes().user("ann").client(),
        app.key().all_scopes().user("ann").client(),
    );
    let bob = app.key().all_scopes().user("bob").client();
    let robot = app.key().all_scopes().client();
    // By user: two keys of one share, whatever the address.
    assert_eq!(told(&ann.get("/v1/things")), "200 default 4");
    let elsewhere = from(&again, "192.0.2.1", "GET", "/v1/things").send();
    assert_eq!(told(&elsewhere), "200 default 3");
    assert_eq!(told(&bob.get("/v1/things")), "200 default 4");
    // A key without a user is its own.
    assert_eq!(told(&robot.get("/v1/things")), "200 default 4");
    // By key: the narrower limit is told first.
    assert_eq!(told(&ann.get("/v1/narrows")), "200 narrow 1 default 2");
    assert_eq!(told(&again.get("/v1/narrows")), "200 narrow 1 default 1");
    // A guest has no key, and is counted by address.
    let guest = |address: &str| from(&app, address, "GET", "/v1/narrows").send();
    assert_eq!(told(&guest("192.0.2.7")), "200 narrow 1 guests 2");
    assert_eq!(told(&guest("192.0.2.8")), "200 narrow 1 guests 2");
    // By everyone: one count, with a burst of its own.
    assert_eq!(told(&bob.get("/v1/shareds")), "200 shared 1 default 3");
    let other = from(&app, "192.0.2.9", "GET", "/v1/shareds").send();
    assert_eq!(told(&other), "200 shared 0 guests 2");
    assert_eq!(told(&robot.get("/v1/shareds")), "429 shared 0 default 4");
    // A credential is no way around the limit of another: unknown keys count by address.
    let wrong = app.with_key("wrong");
    let guess = from(&wrong, "192.0.2.7", "GET", "/v1/things").send();
    assert_eq!(told(&guess), "401 guests 1");
}

#[test]
fn a_request_passes_all_limits_or_uses_none() {
    let app = serve();
    let ann = app.key().all_scopes().user("ann").client();
    ann.get("/v1/narrows");
    assert_eq!(told(&ann.get("/v1/narrows")), "200 narrow 0 default 3");
    for _ in 0..10 {
        let refused = ann.get("/v1/narrows").expect(429);
        assert_eq!(told(&refused), "429 narrow 0 default 3");
        assert_eq!(refused.json()["violated-policies"], json!(["narrow"]));
    }
    for left in [2, 1, 0] {
        assert_eq!(told(&ann.get("/v1/things")), format!("200 default {left}"));
    }
    let both = ann.get("/v1/narrows").expect(429).json();
    assert_eq!(both["violated-policies"], json!(["narrow", "default"]));
    // A refused write has written nothing.
    ann.post("/v1/things", &json!({"name": "x"})).expect(429);
    let things = app.admin().get("/v1/things").expect(200).items();
    assert_eq!(things, Vec::<serde_json::Value>::new());
}

#[test]
fn that_there_was_no_room_is_no_answer_to_a_key() {
    let app = serve();
    let ann = app.key().all_scopes().user("ann").client();
    let send = || {
        let call = ann
            .request("POST", "/v1/things")
            .json(&json!({"name": "x"}));
        call.header("idempotency-key", "later").send()
    };
    for _ in 0..5 {
        ann.get("/v1/things").expect(200);
    }
    send().expect(429);
    app.swap(&CONTRACT.replace("allow: 5/day", "allow: 50/day"))
        .unwrap();
    assert_eq!(send().expect(201).header("idempotency-replayed"), None);
    assert!(send().expect(201).header("idempotency-replayed").is_some());
}

#[test]
fn operators_are_not_counted() {
    let app = serve();
    let admin = app.admin();
    for _ in 0..20 {
        assert_eq!(told(&admin.get("/v1/shareds")), "200");
    }
    assert_eq!(told(&app.get("/v1/shareds")), "200 shared 1 guests 2");
}

#[test]
fn networks_of_ipv6_are_one_caller() {
    let app = serve();
    let get = |address: &str| told(&from(&app, address, "GET", "/v1/things").send());
    assert_eq!(get("2001:db8::1"), "200 guests 2");
    assert_eq!(get("2001:db8::ffff:2"), "200 guests 1");
    assert_eq!(get("2001:db8:0:1::1"), "200 guests 2");
    assert_eq!(get("192.0.2.1"), "200 guests 2");
    assert_eq!(get("::ffff:192.0.2.1"), "200 guests 1");
    // What a client writes itself is left of what the proxy saw.
    assert_eq!(get("203.0.113.5, 192.0.2.1"), "200 guests 0");
    assert_eq!(get("203.0.113.6, 192.0.2.1"), "429 guests 0");
    // The proxy itself, where nobody can be made out.
    assert_eq!(get("unknown"), "200 guests 2");
}

#[test]
fn nobody_is_believed_who_is_not_a_proxy() {
    let app = App::start(CONTRACT);
    for left in [2, 1, 0] {
        let address = format!("192.0.2.{left}");
        let answer = from(&app, &address, "GET", "/v1/things").send();
        assert_eq!(told(&answer), format!("200 guests {left}"));
    }
    from(&app, "192.0.2.9", "GET", "/v1/things")
        .send()
        .expect(429);
}

#[test]
fn another_contract_goes_on_counting_what_is_the_same() {
    let app = serve();
    let ann = app.key().all_scopes().user("ann").client();
    assert_eq!(told(&app.get("/v1/things")), "200 guests 2");
    assert_eq!(told(&ann.get("/v1/things")), "200 default 4");
    let changed = CONTRACT.replace("allow: 5/day", "allow: 6/day");
    app.swap(&changed).unwrap();
    assert_eq!(told(&app.get("/v1/things")), "200 guests 1");
    assert_eq!(told(&ann.get("/v1/things")), "200 default 5");
    // One that cannot be served changes nothing.
    assert!(app.swap("frontdesk: 1\nname: x\nresources: {}").is_err());
    assert_eq!(told(&app.get("/v1/things")), "200 guests 0");
}

#[test]
fn guests_have_the_default_where_they_have_no_limit_of_their_own() {
    let app = App::start(
        "
frontdesk: 1
name: plain
limits: {default: {by: user, allow: 2/day}}
resources: {Thing: {fields: {name: string}, access: {read: public}}}
",
    );
    assert_eq!(told(&app.get("/v1/things")), "200 default 1");
    assert_eq!(told(&app.get("/v1/nothing")), "404 default 0");
    app.get("/v1/things").expect(429);
}

#[test]
fn without_limits_nothing_is_said() {
    let app = App::start(
        "
frontdesk: 1
name: free
resources: {Thing: {fields: {name: string}, access: {read: public}}}
",
    );
    for _ in 0..100 {
        assert_eq!(told(&app.get("/v1/things")), "200");
    }
}

#[test]
fn sixty_four_clients_at_once_get_exactly_what_is_allowed() {
    let app = App::start(
        "
frontdesk: 1
name: exact
limits:
  guests: {by: ip, allow: 100/day}
  all:    {by: everyone, allow: 70/day}
resources:
  Thing: {fields: {name: string}, limit: all, access: {read: public, write: public}}
",
    );
    let (made, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                for _ in 0..2 {
                    match app.post("/v1/things", &json!({"name": "x"})).status {
                        201 => made.fetch_add(1, Ordering::Relaxed),
                        429 => refused.fetch_add(1, Ordering::Relaxed),
                        other => panic!("{other}"),
                    };
                }
            });
        }
    });
    assert_eq!((made.into_inner(), refused.into_inner()), (70, 58));
    let count = app.admin().get("/v1/things?total=true&limit=1").json();
    assert_eq!(count["total"], 70);
    // The others were charged nothing.
    assert_eq!(told(&app.get("/v1/nothing")), "404 guests 29");
}

#[test]
fn a_batch_counts_as_many_as_it_has_writes() {
    let app = App::start(
        "
frontdesk: 1
name: counted
auth: {api_keys: true}
limits:
  default: {by: user, allow: 10/day}
  narrow:  {by: everyone, allow: 100/day, burst: 4}
resources:
  Thing:
    id: integer
    fields: {name: string}
    access: {read: public, write: public}
  Narrow:
    id: integer
    fields: {name: string}
    limit: narrow
    access: {read: public, write: public}
",
    );
    let things = |count: usize| json!({"create": vec![json!({"name": "a"}); count]});
    let ann = app.key().all_scopes().user("ann").client();
    let send = |count: usize| ann.post("/v1/things/batch", &things(count));
    assert_eq!(told(&send(4)), "200 default 6");
    assert_eq!(told(&send(0)), "200 default 5");
    // As a whole or not at all. That it was read counts one.
    let refused = send(6).expect(429);
    assert_eq!(told(&refused), "429 default 4");
    assert_eq!(refused.json()["violated-policies"], json!(["default"]));
    // Whoever waits so long can send all of it again: two more of them, and some restored already.
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((17_200..=17_280).contains(&wait), "{wait}");
    assert_eq!(told(&send(4)), "200 default 0");
    assert_eq!(app.get("/v1/things").items().len(), 8);

    // What can never pass is not to be tried again.
    let bob = app.key().all_scopes().user("bob").client();
    let never = bob.post("/v1/things/batch", &things(11)).expect(422);
    assert_eq!(never.faults(), [" too_many_items"]);
    assert!(never.text().contains("`default` lets you make 10 at once"));
    assert_eq!(told(&never), "422 default 9");
    let never = bob.post("/v1/narrows/batch", &things(5)).expect(422);
    assert!(never.text().contains("`narrow` lets you make 4 at once"));
    assert_eq!(
        told(&bob.post("/v1/narrows/batch", &things(3))),
        "200 narrow 0 default 5"
    );
    // Nor is what is too large for anybody counted.
    let large = bob.post("/v1/things/batch", &things(1001)).expect(422);
    assert_eq!(told(&large), "422 default 4");
    // Those who mend what others overload are not counted.
    let operator = app.admin();
    operator.post("/v1/things/batch", &things(50)).expect(200);
}
