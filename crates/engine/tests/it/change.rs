//! Creating, changing, replacing and deleting.

use model::Action;
use serde_json::json;

use crate::support::App;

const SHOP: &str = "
frontdesk: 1
name: shop
types:
  Size:
    width: {type: integer, minimum: 1}
    unit:  {enum: [cm, in], default: cm}
resources:
  Maker:
    fields:
      name: {type: string, unique: true}
    access: {read: public, write: public}
  Item:
    id: integer
    fields:
      name:     {type: string, minLength: 1, maxLength: 10, index: true}
      code:     {type: string, pattern: '^[A-Z]+$', immutable: true}
      price:    money
      maker?:   Maker
      tags:     {type: array, items: {type: string, maxLength: 5}, maxItems: 3, uniqueItems: true, default: []}
      size?:    Size
      weight?:  {type: decimal, minimum: 0.5}
      made?:    date
      more?:    json
      note?:    {type: string, default: none}
      state:    {enum: [new, used], default: new, readOnly: true}
      pin?:     {type: string, writeOnly: true}
      label:    {type: string, value: '=this.name + \"!\"'}
    unique: [[name, maker]]
    access: {read: public, write: public}
  Key:
    id: string
    fields: {text: string}
    access: {read: public, write: public}
  Page:
    id: integer
    fields: {text: string}
    concurrency: required
    access: {read: public, write: public}
";

async fn with_item() -> App {
    let app = App::new(SHOP).await;
    app.add(
        "Item",
        json!({"name": "chair", "code": "AB", "price": {"amount": "12.50", "currency": "EUR"}}),
    )
    .await;
    app
}

#[tokio::test]
async fn a_record_has_every_field() {
    let app = with_item().await;
    let item = app.ask("Item", Action::Get).id(1).run().await.unwrap();
    assert_eq!(
        item,
        json!({
            "id": 1, "name": "chair", "code": "AB",
            "price": {"amount": "12.50", "currency": "EUR"},
            "maker_id": null, "tags": [], "size": null, "weight": null, "made": null, "more": null, "note": "none",
            "state": "new", "label": "chair!",
            "created_at": "2026-09-21T14:13:20.000Z", "updated_at": "2026-09-21T14:13:20.000Z",
        })
    );
}

#[tokio::test]
async fn every_fault_is_told_at_once_with_its_place() {
    let app = App::new(SHOP).await;
    let body = json!({
        "name": "much too long a name", "code": "ab", "price": {"amount": "1.5x", "currency": "EUR"},
        "tags": ["a", "a", "toolong"], "size": {"width": 0, "unit": "mm"}, "weight": "0.4",
        "made": "2026-02-30", "state": "used", "label": "x", "colour": "red", "id": 7,
    });
    let mut faults = app.ask("Item", Action::Create).body(body).faults().await;
    faults.sort();
    assert_eq!(
        faults,
        [
            "duplicate_item /tags",
            "invalid_format /made",
            "invalid_format /price/amount",
            "not_in_enum /size/unit",
            "pattern_mismatch /code",
            "read_only /id",
            "read_only /label",
            "read_only /state",
            "too_long /name",
            "too_long /tags/2",
            "too_small /size/width",
            "too_small /weight",
            "unknown_field /colour",
        ]
    );
    assert_eq!(app.feed().await, []);
    let mut missing = app
        .ask("Item", Action::Create)
        .body(json!({"price": null}))
        .faults()
        .await;
    missing.sort();
    assert_eq!(
        missing,
        ["not_null /price", "required /code", "required /name"]
    );
}

#[tokio::test]
async fn merge_patch_keeps_sets_and_clears() {
    let app = with_item().await;
    let patch = |body| app.ask("Item", Action::Update).id(1).body(body);
    let nulls = json!({"more": {"a": null, "b": {"c": null, "d": 1}}});
    let item = patch(nulls).run().await.unwrap();
    assert_eq!(item["more"], json!({"b": {"d": 1}}), "nothing holds a null");
    let item = patch(json!({"size": {"width": 3}, "note": null, "tags": ["a"]}))
        .run()
        .await
        .unwrap();
    assert_eq!(
        (&item["size"], &item["note"], &item["name"]),
        (
            &json!({"width": 3, "unit": "cm"}),
            &json!(null),
            &json!("chair")
        )
    );
    let item = patch(json!({"size": {"unit": "in"}})).run().await.unwrap();
    assert_eq!(item["size"], json!({"width": 3, "unit": "in"}));
    assert_eq!(
        patch(json!({"name": null})).faults().await,
        ["not_null /name"]
    );
    assert_eq!(
        patch(json!({"code": "CD"})).faults().await,
        ["immutable /code"]
    );
    assert_eq!(
        patch(json!({"state": "used"})).faults().await,
        ["read_only /state"]
    );
}

#[tokio::test]
async fn what_changes_nothing_is_no_change() {
    let app = with_item().await;
    let whole = app.ask("Item", Action::Get).id(1).run().await.unwrap();
    let feed = app.feed().await;
    // A record that was read may be sent back whole, read-only members and all.
    let same = app
        .ask("Item", Action::Replace)
        .id(1)
        .body(whole.clone())
        .run()
        .await
        .unwrap();
    assert_eq!(same, whole);
    assert_eq!(
        app.ask("Item", Action::Update)
            .id(1)
            .body(json!({"name": "chair"}))
            .code()
            .await,
        "ok"
    );
    assert_eq!(app.feed().await, feed);
}

#[tokio::test]
async fn put_replaces_all_the_client_can_set() {
    let app = with_item().await;
    let put = |body| app.ask("Item", Action::Replace).id(1).body(body);
    assert_eq!(
        app.ask("Item", Action::Update)
            .id(1)
            .body(json!({"weight": "2", "pin": "1234"}))
            .code()
            .await,
        "ok"
    );
    let price = json!({"amount": "1", "currency": "JPY"});
    let item = put(json!({"name": "table", "price": price}))
        .run()
        .await
        .unwrap();
    assert_eq!(
        (
            &item["name"],
            &item["weight"],
            &item["note"],
            &item["code"],
            &item["price"]
        ),
        (
            &json!("table"),
            &json!(null),
            &json!("none"),
            &json!("AB"),
            &price
        )
    );
    assert_eq!(
        put(json!({"name": "table"})).faults().await,
        ["required /price"]
    );
    assert_eq!(
        app.ask("Item", Action::Replace)
            .id(99)
            .body(json!({}))
            .code()
            .await,
        "not_found"
    );
}

#[tokio::test]
async fn json_patch_changes_the_record_as_the_client_sees_it() {
    let app = with_item().await;
    let patch = |operations| app.ask("Item", Action::Update).id(1).patch(operations);
    let item = patch(json!([
        {"op": "test", "path": "/name", "value": "chair"},
        {"op": "replace", "path": "/name", "value": "stool"},
        {"op": "add", "path": "/tags/-", "value": "oak"},
        {"op": "remove", "path": "/note"},
    ]))
    .run()
    .await
    .unwrap();
    assert_eq!(
        (&item["name"], &item["tags"], &item["note"]),
        (&json!("stool"), &json!(["oak"]), &json!(null))
    );
    for (operations, code) in [
        (
            json!([{"op": "test", "path": "/name", "value": "chair"}]),
            "conflict",
        ),
        (json!([{"op": "remove", "path": "/nothing"}]), "conflict"),
        (json!([{"op": "remove", "path": "/name"}]), "invalid"),
        (
            json!([{"op": "replace", "path": "/id", "value": 2}]),
            "invalid",
        ),
        (
            json!([{"op": "replace", "path": "/pin", "value": "1"}]),
            "conflict",
        ),
        (
            json!([{"op": "add", "path": "/colour", "value": "red"}]),
            "invalid",
        ),
        (
            json!([{"op": "replace", "path": "", "value": 3}]),
            "malformed",
        ),
        (json!([{"op": "jump", "path": "/name"}]), "malformed"),
        (json!({"op": "add"}), "malformed"),
    ] {
        assert_eq!(patch(operations.clone()).code().await, code, "{operations}");
    }
    // An object is replaced as a whole, not merged as by a merge patch.
    let whole = json!([{"op": "add", "path": "/size", "value": {"width": 3, "unit": "in"}}]);
    assert_eq!(patch(whole).code().await, "ok");
    let other = json!([{"op": "replace", "path": "/size", "value": {"width": 4}}]);
    assert_eq!(
        patch(other).run().await.unwrap()["size"],
        json!({"width": 4, "unit": "cm"})
    );
    assert_eq!(
        app.ask("Item", Action::Get).id(1).run().await.unwrap()["name"],
        "stool"
    );
}

#[tokio::test]
async fn unique_values_are_taken_once() {
    let app = App::new(SHOP).await;
    let maker = app.add("Maker", json!({"name": "ikko"})).await;
    assert_eq!(
        app.ask("Maker", Action::Create)
            .body(json!({"name": "ikko"}))
            .faults()
            .await,
        ["already_exists /name"]
    );
    let item = |maker: Option<&str>| {
        let body = json!({"name": "chair", "code": "A", "price": {"amount": "1", "currency": "EUR"}, "maker_id": maker});
        app.ask("Item", Action::Create).body(body)
    };
    assert_eq!(item(Some(&maker)).code().await, "ok");
    assert_eq!(
        item(Some(&maker)).faults().await,
        ["already_exists /name", "already_exists /maker_id"]
    );
    // Null is no value, so it is never taken.
    assert_eq!(item(None).code().await, "ok");
    assert_eq!(item(None).code().await, "ok");
}

#[tokio::test]
async fn references_lead_somewhere() {
    let app = with_item().await;
    let maker = app.add("Maker", json!({"name": "ikko"})).await;
    let unknown = "maker_01h455vb4pex5vsknk084sn02q";
    let set = |id: &str| {
        app.ask("Item", Action::Update)
            .id(1)
            .body(json!({"maker_id": id}))
    };
    assert_eq!(set(unknown).faults().await, ["unknown_reference /maker_id"]);
    assert_eq!(
        set("item_01h455vb4pex5vsknk084sn02q").faults().await,
        ["invalid_format /maker_id"]
    );
    assert_eq!(set(&maker).code().await, "ok");
    let refused = app
        .ask("Maker", Action::Delete)
        .id(&maker)
        .run()
        .await
        .unwrap_err();
    assert_eq!(refused.code.name(), "still_referenced", "{refused:?}");
    assert!(refused.detail.contains("items"), "{}", refused.detail);
    assert_eq!(app.ask("Item", Action::Delete).id(1).code().await, "ok");
    assert_eq!(
        app.ask("Maker", Action::Delete).id(&maker).code().await,
        "ok"
    );
    assert_eq!(
        app.ask("Maker", Action::Get).id(&maker).code().await,
        "not_found"
    );
    assert_eq!(
        app.ask("Maker", Action::Delete).id(&maker).code().await,
        "not_found"
    );
}

#[tokio::test]
async fn every_change_is_in_the_feed_once() {
    let app = with_item().await;
    app.ask("Item", Action::Update)
        .id(1)
        .body(json!({"name": "stool"}))
        .run()
        .await
        .unwrap();
    app.ask("Item", Action::Delete).id(1).run().await.unwrap();
    let entry = |action: &str, version| (action.to_owned(), "Item".to_owned(), version);
    assert_eq!(
        app.feed().await,
        [entry("create", 1), entry("update", 2), entry("delete", 2)]
    );
}

#[tokio::test]
async fn preconditions_guard_changes() {
    let app = with_item().await;
    let update = || {
        app.ask("Item", Action::Update)
            .id(1)
            .body(json!({"name": "stool"}))
    };
    assert_eq!(update().if_match(2).code().await, "stale");
    assert_eq!(update().if_match(1).code().await, "ok");
    assert_eq!(update().if_match(1).code().await, "stale");
    assert_eq!(
        app.ask("Item", Action::Delete)
            .id(1)
            .if_match(1)
            .code()
            .await,
        "stale"
    );
    assert_eq!(
        app.ask("Item", Action::Delete)
            .id(1)
            .if_match(2)
            .code()
            .await,
        "ok"
    );

    app.add("Page", json!({"text": "a"})).await;
    let change = || {
        app.ask("Page", Action::Update)
            .id(1)
            .body(json!({"text": "b"}))
    };
    assert_eq!(change().code().await, "precondition_required");
    assert_eq!(
        app.ask("Page", Action::Delete).id(1).code().await,
        "precondition_required"
    );
    assert_eq!(change().if_match(1).code().await, "ok");
}

#[tokio::test]
async fn clients_choose_ids_where_the_contract_says_so() {
    let app = App::new(SHOP).await;
    assert_eq!(
        app.ask("Key", Action::Create)
            .body(json!({"text": "a"}))
            .faults()
            .await,
        ["required /id"]
    );
    assert_eq!(
        app.ask("Key", Action::Create)
            .body(json!({"id": "a/b", "text": "a"}))
            .faults()
            .await,
        ["invalid_format /id"]
    );
    assert_eq!(
        app.add("Key", json!({"id": "one", "text": "a"})).await,
        "one"
    );
    assert_eq!(
        app.ask("Key", Action::Create)
            .body(json!({"id": "one", "text": "b"}))
            .faults()
            .await,
        ["already_exists /id"]
    );
    let put = |id: &str| {
        let mut ask = app
            .ask("Key", Action::Replace)
            .id(id)
            .body(json!({"text": "b"}));
        ask.request.precondition.absent = true;
        ask
    };
    assert_eq!(put("two").run().await.unwrap()["id"], "two");
    assert_eq!(put("two").code().await, "stale");
    assert_eq!(
        app.ask("Key", Action::Replace)
            .id("three")
            .body(json!({"text": "b"}))
            .code()
            .await,
        "not_found"
    );
}

#[tokio::test]
async fn what_is_taken_in_is_checked_like_what_is_created() {
    let app = App::new(
        "
frontdesk: 1
name: taken
resources:
  Span:
    id: integer
    fields:
      low:  integer
      high: integer
      rank: {type: integer, minimum: 1, readOnly: true, default: 1}
    check:
      - {rule: this.low < this.high, at: high, message: high must be above low}
",
    )
    .await;
    let span = app.engine.model().resource_named("Span").unwrap().id;
    let take = async |records: serde_json::Value| {
        let records = records.as_array().unwrap().iter();
        let records = records
            .map(|record| crate::support::object(record.clone()))
            .collect();
        app.engine.take_in(span, records, crate::support::NOW).await
    };
    let good = json!({"id": 7, "low": 1, "high": 2, "rank": 5});
    for bad in [
        json!({"low": 5, "high": 1}),
        json!({"low": 1, "high": 2, "rank": 0}),
        json!({"low": 1}),
        json!({"id": 7, "low": 1, "high": 2}),
    ] {
        let error = take(json!([good, bad])).await.unwrap_err();
        assert_eq!(error.record, Some((span, 2)), "{bad}");
    }
    assert_eq!(app.feed().await, []);
    assert_eq!(take(json!([good])).await.unwrap(), 1);
    let stored = app.ask("Span", Action::Get).id(7).run().await.unwrap();
    assert_eq!((&stored["rank"], &stored["high"]), (&json!(5), &json!(2)));
}
