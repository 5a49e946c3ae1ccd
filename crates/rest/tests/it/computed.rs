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
