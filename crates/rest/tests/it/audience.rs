//! What is not for everybody is, for everybody else, not there.

use frontdesk::model::Audience;
use serde_json::{Value as Json, json};
use testkit::{Answer, App, Client};

use crate::support::Shared;

/// A supplier, a product of it and a delivery, all with the id 1.
static FIRM: Shared = Shared::new(|| {
    let app = App::start(CONTRACT);
    let admin = app.admin();
    for (path, body) in [
        ("/v1/suppliers", json!({"name": "Acme"})),
        (
            "/v1/products",
            json!({"name": "anvil", "supplier_id": 1, "margin": 30}),
        ),
        ("/v1/deliveries", json!({"product_id": 1})),
    ] {
        admin.post(path, &body).expect(201);
    }
    app
});

const CONTRACT: &str = "
frontdesk: 1
name: firm
auth: {api_keys: true}
cors: ['https://app.example']
resources:
  Product:
    id: integer
    fields:
      name:      {type: string, index: true}
      supplier?: Supplier
      margin?:   {type: integer, index: true, audience: private}
    lists: {deliveries: Delivery.product}
    access: {read: public, write: public}
  Supplier:
    id: integer
    audience: private
    fields: {name: {type: string, index: true}}
    lists: {products: Product.supplier}
    access: {read: public, write: public}
  Delivery:
    id: integer
    audience: private
    fields: {product: Product}
    access: {read: public, write: public}
";

#[test]
fn a_private_resource_cannot_be_told_from_none() {
    let app = FIRM.get();
    let key = app.key().all_scopes().client();
    let told = |client: &Client, method: &str, path: &str, body: &str| {
        let answer = client
            .request(method, path)
            .body("application/json", body)
            .send();
        let text = String::from_utf8(answer.body.clone()).unwrap();
        let mut headers = answer.headers;
        headers.retain(|(name, _)| !["date", "x-request-id", "content-length"].contains(&&**name));
        let path = path.split('?').next().unwrap();
        (answer.status, headers, text.replace(path, "PATH"))
    };
    for client in [&**app, &key] {
        for (hidden, none) in [
            ("/v1/suppliers", "/v1/quasimodos"),
            ("/v1/suppliers/1", "/v1/quasimodos/1"),
            ("/v1/suppliers?limit=x", "/v1/quasimodos?limit=x"),
            ("/v1/suppliers/1/products", "/v1/quasimodos/1/products"),
            ("/v1/suppliers/1/zebras", "/v1/quasimodos/1/zebras"),
            ("/v1/products/1/deliveries", "/v1/products/1/quasimodos"),
        ] {
            for (method, body) in [
                ("GET", ""),
                ("HEAD", ""),
                ("POST", "{"),
                ("PUT", "{}"),
                ("DELETE", ""),
                ("OPTIONS", ""),
                ("BREW", ""),
            ] {
                assert_eq!(
                    told(client, method, hidden, body),
                    told(client, method, none, body),
                    "{method} {hidden}"
                );
            }
        }
    }
    for path in [
        "/v1/suppliers",
        "/v1/suppliers/1",
        "/v1/suppliers/1/products",
        "/v1/products/1/deliveries",
    ] {
        app.admin().get(path).expect(200);
        app.admin().options(path).expect(204);
    }
}

#[test]
fn a_page_may_ask_what_it_may_send_before_it_sends_its_key() {
    let app = FIRM.get();
    let ask = app
        .request("OPTIONS", "/v1/suppliers")
        .header("origin", "https://app.example");
    let answer = ask
        .header("access-control-request-method", "POST")
        .send()
        .expect(204);
    assert!(answer.header("access-control-allow-methods").is_some());
}

#[test]
fn nothing_private_is_reached_through_what_is_public() {
    let app = FIRM.get();
    let key = app.key().all_scopes().client();
    for client in [&**app, &key] {
        let product = client.get("/v1/products/1").expect(200).json();
        assert_eq!(product.get("margin"), None);
        for (query, fault) in [
            ("margin=30", "?margin unknown_parameter"),
            ("sort=margin", "?sort not_sortable"),
            ("supplier.name=Acme", "?supplier.name unknown_parameter"),
            ("supplier.id=1", "?supplier.id unknown_parameter"),
            ("include=supplier", "?include unknown_relation"),
            ("include=deliveries", "?include unknown_relation"),
            ("fields=margin", "?fields unknown_field"),
            ("fields=supplier.name", "?fields unknown_field"),
        ] {
            let refused: Answer = client.get(&format!("/v1/products?{query}")).expect(400);
            assert_eq!(refused.faults(), [fault], "{query}");
            let text = refused.text().replace(query, "");
            let allowed: Json = refused.json();
            assert!(!text.contains("Acme"), "{text}");
            let detail = allowed["detail"].as_str().unwrap();
            for name in [", margin", "supplier.FIELD"] {
                assert!(!detail.contains(name), "{detail}");
            }
        }
        let refused = client
            .post("/v1/products", &json!({"name": "x", "margin": 1}))
            .expect(422);
        assert_eq!(refused.faults(), ["/margin unknown_field"]);
        let refused = client
            .patch("/v1/products/1", &json!({"margin": 1}))
            .expect(422);
        assert_eq!(refused.faults(), ["/margin unknown_field"]);
        // A replacement leaves alone what its sender does not know of.
        let body = json!({"name": "anvil", "supplier_id": 1});
        client.put("/v1/products/1", &body).expect(200);
        let test = client.request("PATCH", "/v1/products/1");
        let test = test.body(
            "application/json-patch+json",
            r#"[{"op":"test","path":"/margin","value":30}]"#,
        );
        test.send().expect(409);
    }
    let admin = app.admin();
    assert_eq!(admin.get("/v1/products/1").json()["margin"], 30);
    let all = admin
        .get("/v1/products?margin=30&supplier.name=Acme&include=supplier,deliveries")
        .expect(200);
    assert_eq!(all.items()[0]["supplier"]["name"], "Acme");
    assert_eq!(all.items()[0]["deliveries"]["items"][0]["product_id"], 1);
}

/// Shops and their prices: some for all, some for partners, some for services.
const SHOP: &str = "
frontdesk: 1
name: shop
auth: {api_keys: true}
resources:
  Item:
    id: integer
    fields:
      name:   {type: string, index: true}
      price?: {type: integer, index: true, audience: partner}
      cost?:  {type: integer, index: true, audience: private}
      offer?: Offer
    lists: {offers: Offer.item, orders: Order.item}
    access: {read: public, write: public}
  Offer:
    id: integer
    audience: partner
    fields: {item: Item, note: {type: string, audience: private, default: ''}}
    access: {read: public, create: signed_in, update: nobody, delete: nobody}
  Order:
    id: integer
    audience: private
    fields: {item: Item}
    access: {read: user.role == 'auditor', write: nobody}
";

static OFFERS: Shared = Shared::new(|| {
    let app = App::builder()
        .file(frontdesk::FILE, SHOP)
        .private_listener()
        .start();
    let admin = app.admin();
    let item = json!({"name": "anvil", "price": 7, "cost": 3});
    admin.post("/v1/items", &item).expect(201);
    admin
        .post("/v1/offers", &json!({"item_id": 1, "note": "x"}))
        .expect(201);
    admin.post("/v1/orders", &json!({"item_id": 1})).expect(201);
    admin
        .patch("/v1/items/1", &json!({"offer_id": 1}))
        .expect(200);
    app
});

/// What this caller is served: the fields of an item, the paths that answer, what the description
/// tells of, and the parameters that are understood.
fn served(client: &Client) -> String {
    let item = client.get("/v1/items/1").expect(200).json();
    let fields: Vec<_> = ["name", "price", "cost", "offer_id"]
        .into_iter()
        .filter(|name| item.get(*name).is_some())
        .collect();
    let statuses =
        |paths: &[&str]| -> Vec<u16> { paths.iter().map(|path| client.get(path).status).collect() };
    let paths = statuses(&[
        "/v1/offers/1",
        "/v1/items/1/offers",
        "/v1/orders",
        "/v1/items/1/orders",
    ]);
    let queries = statuses(&[
        "/v1/items?price=7",
        "/v1/items?sort=price",
        "/v1/items?include=offer",
        "/v1/items?include=offers",
        "/v1/items?cost=3",
        "/v1/items?sort=cost",
        "/v1/items?fields=cost",
        "/v1/items?include=orders",
    ]);
    let document = client.get("/v1/openapi.json").expect(200);
    let told: Vec<_> = ["price", "cost", "Offer", "Order"]
        .into_iter()
        .filter(|name| document.text().contains(&format!("\"{name}\"")))
        .collect();
    let wrong = client.get("/v1/items?colour=x").expect(400);
    let named: Vec<_> = ["price", "cost"]
        .into_iter()
        .filter(|name| wrong.text().contains(name))
        .collect();
    format!("{fields:?} {paths:?} {queries:?} {told:?} {named:?}")
}

const PUBLIC: &str =
    r#"["name", "offer_id"] [404, 404, 404, 404] [400, 400, 400, 400, 400, 400, 400, 400] [] []"#;
const PARTNER: &str = r#"["name", "price", "offer_id"] [200, 200, 404, 404] [200, 200, 200, 200, 400, 400, 400, 400] ["price", "Offer"] ["price"]"#;
const PRIVATE: &str = r#"["name", "price", "cost", "offer_id"] [200, 200, 200, 200] [200, 200, 200, 200, 200, 200, 200, 200] ["price", "cost", "Offer", "Order"] ["price", "cost"]"#;

#[test]
fn each_key_is_served_what_its_audience_is() {
    let app = OFFERS.get();
    let key = |audience| app.key().all_scopes().audience(audience).client();
    assert_eq!(served(&app), PUBLIC);
    assert_eq!(served(&key(Audience::Public)), PUBLIC);
    assert_eq!(served(&key(Audience::Partner)), PARTNER);
    assert_eq!(served(&key(Audience::Private)), PRIVATE);
    // Nor does the record of a partner show a partner what is private in it.
    let partner = key(Audience::Partner);
    let offer = partner.get("/v1/items/1?include=offer").json()["offer"].clone();
    assert_eq!(offer.get("note"), None);
    let refused = partner.post("/v1/offers", &json!({"item_id": 1, "note": "y"}));
    assert_eq!(refused.expect(422).faults(), ["/note unknown_field"]);
}

#[test]
fn an_audience_opens_no_rule_and_no_scope() {
    let app = OFFERS.get();
    let offer = json!({"item_id": 1});
    let partner = || app.key().audience(Audience::Partner);
    let refused = partner().scope("offers.read").client();
    let refused = refused.post("/v1/offers", &offer).expect(403);
    assert_eq!(refused.code(), "insufficient_scope");
    let maker = partner().scope("offers.write").client();
    maker.post("/v1/offers", &offer).expect(201);
    maker.delete("/v1/offers/1").expect(403);
    // Orders are for auditors, whoever may know that there are orders.
    let service = || app.key().all_scopes().audience(Audience::Private);
    assert!(service().client().get("/v1/orders").items().is_empty());
    let auditor = service().claim("role", "auditor").client();
    assert_eq!(auditor.get("/v1/orders").items().len(), 1);
}

#[test]
fn services_come_in_where_private_things_are() {
    let app = OFFERS.get();
    let inside = app.private();
    let key = app.key().all_scopes();
    // Nobody in particular is still nobody in particular.
    let guest = served(inside).replace("401", "200");
    assert_eq!(guest, PRIVATE);
    inside.get("/v1/orders").expect(401);
    assert_eq!(app.get("/v1/items/1").json().get("cost"), None);
    let auditor = key.claim("role", "auditor").make();
    let (outside, inside) = (app.with_key(&auditor), inside.with_key(&auditor));
    assert_eq!(served(&outside), PUBLIC);
    assert_eq!(served(&inside), PRIVATE);
    assert_eq!(inside.get("/v1/orders").items().len(), 1);
    // What is kept for later is not mixed up: the same record has another tag in there.
    let tag = |client: &Client| client.get("/v1/items/1").header("etag").unwrap();
    assert_ne!(tag(&outside), tag(&inside));
    let refused = app.private().post("/v1/offers", &json!({"item_id": 1}));
    refused.expect(401);
    let bare = app.private().with_key(&app.key().make());
    let refused = bare.post("/v1/offers", &json!({"item_id": 1}));
    assert_eq!(refused.expect(403).code(), "insufficient_scope");
    for path in ["/healthz", "/readyz"] {
        app.private().get(path).expect(200);
    }
}
