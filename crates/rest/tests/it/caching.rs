//! `cache:`: what may be given to others, and what never.

use serde_json::json;
use testkit::App;

use crate::support::Shared;

const PRIVATE: &str = "private, no-cache";

static SHOP: Shared = Shared::new(|| {
    App::builder()
        .file(
            "frontdesk.yaml",
            "
frontdesk: 1
name: shop
auth: {api_keys: true}
rules: {staff: user.role == 'staff'}
resources:
  Maker:
    id: integer
    fields: {name: {type: string, index: true}}
    lists: {items: Item.maker, parts: Part.maker}
    cache: 2h
    access: {read: public}
  Item:
    id: integer
    fields: {name: {type: string, index: true}, maker?: Maker, rack?: Rack, stock?: Stock}
    cache: 60s
    access: {read: public}
  Part:
    id: integer
    fields: {maker: Maker}
    access: {read: public}
  Rack:
    id: integer
    fields: {name: {type: string, index: true}}
    cache: 60s
    access: {read: '!(this.name == \"x\")'}
  Stock:
    id: integer
    fields: {count: {type: integer, index: true}, cost?: {type: integer, access: {read: staff}}}
    cache: 60s
    access: {read: public}
  Draft:
    id: integer
    fields: {name: string}
    cache: 60s
    access: {list: public, get: signed_in}
",
        )
        .file("seed/makers.ndjson", "{\"id\": 1, \"name\": \"a\"}\n")
        .file("seed/racks.ndjson", "{\"id\": 1, \"name\": \"s\"}\n")
        .file("seed/stocks.ndjson", "{\"id\": 1, \"count\": 3}\n")
        .file(
            "seed/items.ndjson",
            "{\"id\": 1, \"name\": \"i\", \"maker_id\": 1, \"rack_id\": 1, \"stock_id\": 1}\n",
        )
        .file("seed/drafts.ndjson", "{\"id\": 1, \"name\": \"d\"}\n")
        .start()
});

#[test]
fn what_is_given_to_others_says_nothing_of_one_callers_limits() {
    let app = App::start(
        "
frontdesk: 1
name: shop
auth: {api_keys: true}
limits: {default: {by: ip, allow: 100/day}}
resources:
  Item:
    id: integer
    fields: {name: string}
    cache: 60s
    access: {read: public, create: public}
",
    );
    let made = app.post("/v1/items", &json!({"name": "a"})).expect(201);
    assert_eq!(made.header("ratelimit").unwrap(), r#""default";r=99;t=864"#);
    let policy = made.header("ratelimit-policy");
    for target in ["/v1/items", "/v1/items/1"] {
        let answer = app.get(target).expect(200);
        assert_eq!(answer.header("cache-control").unwrap(), "max-age=60");
        assert_eq!(answer.header("ratelimit"), None, "{target}");
        assert_eq!(answer.header("ratelimit-policy"), policy, "{target}");
        let kept = app
            .request("GET", target)
            .header("if-none-match", answer.etag());
        assert_eq!(
            kept.send().expect(304).header("ratelimit"),
            None,
            "{target}"
        );
    }
    // What is for nobody else says it.
    let missing = app.get("/v1/items/7").expect(404);
    assert_eq!(
        missing.header("ratelimit").unwrap(),
        r#""default";r=94;t=864"#
    );
}

#[track_caller]
fn check(app: &App, targets: &[(&str, &str)]) {
    for (target, expected) in targets {
        let answer = app.get(target).expect(200);
        assert_eq!(
            answer.header("cache-control").unwrap(),
            *expected,
            "{target}"
        );
        let tagged = app
            .request("GET", target)
            .header("if-none-match", answer.etag());
        let kept = tagged.send().expect(304);
        assert_eq!(kept.header("cache-control").unwrap(), *expected, "{target}");
        let vary = answer.header("vary").unwrap();
        for name in ["Accept", "Authorization", "Origin"] {
            assert!(vary.split(", ").any(|known| known == name), "{vary}");
        }
        assert_eq!(kept.header("vary").unwrap(), vary);
    }
}

#[test]
fn what_is_literally_public_may_be_shared() {
    let app = SHOP.get();
    let minute = "max-age=60";
    check(
        &app,
        &[
            ("/v1/items", minute),
            ("/v1/items/1", minute),
            ("/v1/items?name=i&sort=-name&limit=1&total=true", minute),
            ("/v1/items?maker.name=a", minute),
            ("/v1/makers", "max-age=7200"),
            ("/v1/makers/1", "max-age=7200"),
            ("/v1/makers/1/items", minute),
            // The shortest counts.
            ("/v1/items?include=maker", minute),
            ("/v1/makers?include=items", minute),
            ("/v1/makers/1?fields=name,items.name", minute),
            ("/v1/items/1?include=maker.items", minute),
            ("/v1/drafts", minute),
        ],
    );
    for accept in ["text/csv", "application/x-ndjson"] {
        let answer = app.request("GET", "/v1/items").header("accept", accept);
        let control = answer.send().expect(200).header("cache-control");
        assert_eq!(control.unwrap(), minute);
    }
    let query = app.request("QUERY", "/v1/items");
    let query = query.json(&json!({"where": {"not": {"maker.name": "b"}}}));
    let control = query.send().expect(200).header("cache-control");
    assert_eq!(control.unwrap(), minute);
}

#[test]
fn what_differs_by_caller_is_never_shared() {
    let app = SHOP.get();
    check(
        &app,
        &[
            ("/v1/parts", PRIVATE),
            ("/v1/racks", PRIVATE),
            ("/v1/racks/1", PRIVATE),
            ("/v1/stocks", PRIVATE),
            ("/v1/stocks/1?fields=count", PRIVATE),
            ("/v1/makers/1/parts", PRIVATE),
            ("/v1/makers?include=parts", PRIVATE),
            ("/v1/items?include=rack", PRIVATE),
            ("/v1/items?fields=name,rack.name", PRIVATE),
            ("/v1/items?include=maker,stock", PRIVATE),
            ("/v1/items?rack.name=s", PRIVATE),
            ("/v1/items?stock.count=3", PRIVATE),
        ],
    );
    let query = app.request("QUERY", "/v1/items");
    let query = query.json(&json!({"where": {"or": [{"not": {"rack.name": "b"}}]}}));
    let control = query.send().expect(200).header("cache-control");
    assert_eq!(control.unwrap(), PRIVATE);
}

#[test]
fn a_credential_makes_every_answer_private() {
    let app = SHOP.get();
    for client in [app.key().all_scopes().client(), app.admin()] {
        for target in ["/v1/items", "/v1/items/1", "/v1/makers/1/items"] {
            let answer = client.get(target).expect(200);
            assert_eq!(answer.header("cache-control").unwrap(), PRIVATE, "{target}");
        }
    }
}

#[test]
fn refusals_and_writes_are_not_kept() {
    let app = SHOP.get();
    for (target, status) in [
        ("/v1/items/2", 404),
        ("/v1/items?nothing=1", 400),
        ("/v1/drafts/1", 401),
    ] {
        let refused = app.get(target).expect(status);
        assert_eq!(
            refused.header("cache-control").unwrap(),
            "no-store",
            "{target}"
        );
    }
    let by_post = app.post("/v1/items/query", &json!({})).expect(200);
    assert_eq!(by_post.header("cache-control").unwrap(), "no-store");
}
