//! Computed fields: what they give at their limits, and what is said to those who send them.

use serde_json::json;
use testkit::App;

use crate::support::Shared;

static SHOP: Shared = Shared::new(|| App::start(CONTRACT));

const CONTRACT: &str = "
frontdesk: 1
name: shop
resources:
  Order:
    id: integer
    fields:
      name: string
      total?: {type: decimal, value: '=this.lines.sum(l, l.price)'}
      worth?: {type: decimal, value: '=this.lines.sum(l, l.price * l.count)'}
      weight?: {type: number, value: '=this.lines.sum(l, l.weight)'}
      mean?: {type: number, value: '=this.lines.avg(l, l.weight)'}
      score?: {type: int64, value: '=this.lines.sum(l, l.points)'}
    lists: {lines: Line.order}
    rules: {dear: 'this.lines.sum(l, l.price) != null && this.lines.sum(l, l.price) > 5'}
    access: {read: public, write: public}
  DearOrder:
    id: integer
    fields: {order: Order}
    access: {read: this.order.dear, create: public}
  Line:
    id: integer
    fields:
      order: Order
      price: {type: decimal, default: '0'}
      dear: {type: decimal, minimum: 0, maximum: 1000000, default: '1'}
      count: {type: integer, minimum: 0, maximum: 1, default: 1}
      weight: {type: number, default: 0}
      points: {type: int64, default: '0'}
      n: {type: integer, default: 1}
      square: {type: int64, value: '=this.n * this.n'}
      small?: {type: integer, value: '=this.n * this.n'}
      cost: {type: decimal, value: '=this.dear * this.count'}
    check: [{rule: this.dear * 2 < 1500, message: is too dear}]
    access: {read: public, write: public}
";

#[test]
fn sums_that_leave_their_range_are_null() {
    let app = SHOP.get();
    let order = app.post("/v1/orders", &json!({"name": "a"})).expect(201);
    let id = order.json()["id"].clone();
    let dear = app
        .post("/v1/dear-orders", &json!({"order_id": id}))
        .expect(201)
        .header("location")
        .unwrap();
    let path = order.header("location").unwrap();
    let nothing = app.get(&path).expect(200).json();
    assert_eq!(nothing["total"], "0");
    assert_eq!(nothing["weight"], 0.0);
    assert_eq!(nothing["mean"], json!(null));
    assert_eq!(nothing["score"], "0");
    for n in 1..=12 {
        let line = json!({
            "order_id": id, "price": "999999999999.999999", "weight": 1e308,
            "points": "9223372036854775807",
        });
        app.post("/v1/lines", &line).expect(201);
        let now = app.get(&path).expect(200).json();
        if n == 1 {
            assert_eq!(now["total"], "999999999999.999999");
            assert_eq!(now["worth"], "999999999999.999999");
            assert_eq!(now["score"], "9223372036854775807");
            app.get(&dear).expect(200);
        } else {
            assert_eq!(now["total"], json!(null));
            assert_eq!(now["worth"], json!(null));
            assert_eq!(now["score"], json!(null));
            // Whether there is too much is not known to be so.
            app.get(&dear).expect(404);
        }
        assert_eq!(now["weight"], json!(null));
        assert_eq!(now["mean"], json!(null));
    }
    app.get("/v1/orders").expect(200);
    app.get("/v1/dear-orders").expect(200);
}

#[test]
fn products_keep_what_the_document_says() {
    let app = SHOP.get();
    let order = app.post("/v1/orders", &json!({"name": "b"})).expect(201);
    let id = order.json()["id"].clone();
    let made = app
        .post("/v1/lines", &json!({"order_id": id, "n": 2_000_000_000}))
        .expect(201)
        .json();
    assert_eq!(made["square"], "4000000000000000000");
    assert_eq!(made["small"], json!(null));
    let made = app
        .post(
            "/v1/lines",
            &json!({"order_id": id, "n": 200, "dear": "12.5"}),
        )
        .expect(201)
        .json();
    assert_eq!(made["small"], 40_000);
    assert_eq!(made["cost"], "12.5");
    // What breaks a limit is told before anything is computed with it.
    let beyond = json!({"order_id": id, "dear": "999999999999.999999"});
    app.post("/v1/lines", &beyond).expect(422);
    let modest = json!({"order_id": id, "dear": "800"});
    app.post("/v1/lines", &modest).expect(422);
}

#[test]
fn what_is_sent_of_a_computed_member_must_be_so() {
    let app = SHOP.get();
    let order = app.post("/v1/orders", &json!({"name": "c"})).expect(201);
    let path = order.header("location").unwrap();
    let line = json!({"order_id": order.json()["id"], "price": "2.50", "weight": 0.1});
    app.post("/v1/lines", &line).expect(201);
    app.post("/v1/lines", &line).expect(201);

    let refused = app.patch(&path, &json!({"total": "1"})).expect(422).json();
    assert_eq!(refused["errors"][0]["code"], "read_only");
    assert_eq!(refused["errors"][0]["pointer"], "/total");
    for (sent, status) in [
        (json!({"total": "5.00", "name": "d"}), 200),
        (json!({"total": "5", "weight": 0.2, "mean": 0.1}), 200),
        (json!({"total": null}), 422),
        (json!({"total": 5}), 422),
        (json!({"weight": 0.3}), 422),
    ] {
        app.patch(&path, &sent).expect(status);
    }
    // What was read can be edited and sent back whole.
    let mut whole = app.get(&path).expect(200).json();
    whole["name"] = json!("e");
    assert_eq!(app.put(&path, &whole).expect(200).json()["name"], "e");
    let mut whole = app.get(&path).expect(200).json();
    whole["total"] = json!("6");
    app.put(&path, &whole).expect(422);
    whole.as_object_mut().unwrap().remove("total");
    app.put(&path, &whole).expect(200);

    for (operations, status) in [
        (json!([{"op": "test", "path": "/total", "value": "5"}]), 200),
        (json!([{"op": "test", "path": "/total", "value": "6"}]), 409),
        (
            json!([{"op": "copy", "from": "/total", "path": "/name"}]),
            200,
        ),
        (
            json!([{"op": "replace", "path": "/total", "value": "6"}]),
            422,
        ),
        (json!([{"op": "add", "path": "/total", "value": "5"}]), 200),
        (json!([{"op": "remove", "path": "/total"}]), 422),
        (
            json!([{"op": "replace", "path": "", "value": {"name": "f", "total": "6"}}]),
            422,
        ),
        (
            json!([{"op": "replace", "path": "", "value": {"name": "f", "total": "5"}}]),
            200,
        ),
    ] {
        let answer = app
            .request("PATCH", &path)
            .body("application/json-patch+json", operations.to_string())
            .send()
            .expect(status);
        if status == 422 {
            assert_eq!(answer.json()["errors"][0]["code"], "read_only");
        }
    }
    assert_eq!(app.get(&path).expect(200).json()["name"], "f");
}
