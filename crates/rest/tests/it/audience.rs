//! What is not for everybody is, for everybody else, not there.

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
