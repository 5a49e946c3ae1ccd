use std::collections::HashSet;

use model::Audience;
use serde_json::{Value, json};

use crate::support::{bookstore, describe, documents, everything, model, operations, walk};

#[test]
fn the_bookstore() {
    let document = describe(bookstore(), Audience::Public);
    insta::assert_snapshot!("bookstore", surface::openapi::to_yaml(&document));
}

#[test]
fn the_same_model_gives_the_same_bytes() {
    let bytes = || surface::openapi::to_json_bytes(&describe(everything(), Audience::Private));
    assert_eq!(bytes(), bytes());
    assert_eq!(bytes().last(), Some(&b'\n'));
}

#[test]
fn every_reference_leads_somewhere_and_every_component_is_used() {
    for (name, document) in documents() {
        let mut used = HashSet::new();
        walk(&document, "", &mut |pointer, value| {
            if pointer.ends_with("/$ref") {
                let target = value.as_str().unwrap().trim_start_matches('#');
                assert!(
                    document.pointer(target).is_some(),
                    "{name}: {pointer} → {target}"
                );
                used.insert(target.to_owned());
            }
        });
        for (kind, members) in document["components"].as_object().unwrap() {
            for key in members
                .as_object()
                .unwrap()
                .keys()
                .filter(|_| kind != "securitySchemes")
            {
                assert!(
                    used.contains(&format!("/components/{kind}/{key}")),
                    "{name}: {kind} {key}"
                );
                let legal = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
                assert!(key.chars().all(legal), "{name}: {key}");
            }
        }
    }
}

#[test]
fn operation_ids_and_tags() {
    for (name, document) in documents() {
        let tags: HashSet<&str> = document["tags"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tag| tag["name"].as_str().unwrap())
            .collect();
        let mut ids = HashSet::new();
        for (path, method, operation) in operations(&document) {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id), "{name}: {id} twice");
            assert!(
                tags.contains(operation["tags"][0].as_str().unwrap()),
                "{name}: {method} {path}"
            );
            for word in ["summary", "description"] {
                assert!(
                    !operation[word].as_str().unwrap().is_empty(),
                    "{name}: {id}"
                );
            }
        }
        // Links lead to operations that are there, and give every parameter of the path.
        walk(&document, "", &mut |pointer, value| {
            if pointer.ends_with("/operationId") && pointer.contains("/links/") {
                assert!(ids.contains(value.as_str().unwrap()), "{name}: {pointer}");
            }
        });
    }
}

#[test]
fn parameters_are_unique_and_those_of_paths_are_all_there() {
    for (name, document) in documents() {
        for (path, item) in document["paths"].as_object().unwrap() {
            let of_path = item
                .get("parameters")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            assert_eq!(path.contains('{'), of_path.len() == 1, "{name}: {path}");
            for (_, _, operation) in operations(&document)
                .iter()
                .filter(|(other, _, _)| other == path)
            {
                let own = operation
                    .get("parameters")
                    .and_then(Value::as_array)
                    .cloned()
                    .unwrap_or_default();
                let mut known = HashSet::new();
                for parameter in of_path.iter().chain(&own) {
                    let parameter = resolve(&document, parameter);
                    let key = (parameter["in"].to_string(), parameter["name"].to_string());
                    assert!(known.insert(key.clone()), "{name}: {path} {key:?}");
                    assert!(
                        parameter["description"].is_string(),
                        "{name}: {path} {key:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn answers_name_their_header_fields() {
    for (name, document) in documents() {
        for (path, method, operation) in operations(&document) {
            let mut good = 0;
            for (status, response) in operation["responses"].as_object().unwrap() {
                let response = resolve(&document, response);
                let fields: Vec<&str> = response["headers"]
                    .as_object()
                    .unwrap()
                    .keys()
                    .map(String::as_str)
                    .collect();
                let expected: &[&str] = match (method.as_str(), status.as_str()) {
                    ("get", "200") if path.contains("/operations/") => &["Cache-Control"],
                    ("get", "200" | "304") => &["ETag", "Cache-Control", "Vary"],
                    // What POST answers is nobody's representation.
                    ("post", "200") => &["Cache-Control"],
                    (_, "200") => &["ETag"],
                    (_, "201") => &["ETag", "Location"],
                    (_, "202") => &["Location", "Retry-After", "Cache-Control"],
                    (_, "401") => &["WWW-Authenticate", "Cache-Control"],
                    (_, "503") => &["Retry-After", "Cache-Control"],
                    (_, "204") => &[],
                    _ => &["Cache-Control"],
                };
                for field in expected.iter().chain(&["X-Request-Id"]) {
                    assert!(
                        fields.contains(field),
                        "{name}: {method} {path} {status} {field}"
                    );
                }
                let is_problem = response
                    .pointer("/content/application~1problem+json")
                    .is_some();
                assert_eq!(
                    is_problem,
                    status.as_str() >= "400",
                    "{name}: {method} {path} {status}"
                );
                good += usize::from(status.starts_with('2'));
            }
            assert!(good > 0, "{name}: {method} {path}");
        }
    }
}

#[track_caller]
fn statuses(document: &Value, path: &str, method: &str) -> Vec<u16> {
    let responses = document["paths"][path][method]["responses"]
        .as_object()
        .unwrap();
    responses
        .keys()
        .map(|status| status.parse().unwrap())
        .collect()
}

#[test]
fn operations_answer_what_they_can_answer() {
    let document = describe(bookstore(), Audience::Public);
    let check = |path: &str, method: &str, expected: &[u16]| {
        assert_eq!(
            statuses(&document, path, method),
            expected,
            "{method} {path}"
        );
    };
    check(
        "/v1/books",
        "get",
        &[200, 304, 400, 401, 406, 412, 414, 431, 500, 503],
    );
    check(
        "/v1/books/{id}",
        "get",
        &[200, 304, 400, 401, 404, 406, 412, 414, 431, 500, 503],
    );
    check(
        "/v1/books",
        "post",
        &[
            200, 201, 202, 204, 400, 401, 403, 406, 408, 409, 413, 414, 415, 422, 431, 500, 503,
        ],
    );
    // Nothing of an author is unique, and an author refers to nobody; but the first request with
    // the same key may still run.
    check(
        "/v1/authors",
        "post",
        &[
            200, 201, 202, 204, 400, 401, 403, 406, 408, 409, 413, 414, 415, 422, 431, 500, 503,
        ],
    );
    check(
        "/v1/books/{id}",
        "patch",
        &[
            200, 202, 204, 400, 401, 403, 404, 406, 408, 409, 412, 413, 414, 415, 422, 431, 500,
            503,
        ],
    );
    check(
        "/v1/books/{id}",
        "delete",
        &[
            202, 204, 400, 401, 403, 404, 406, 409, 412, 414, 422, 431, 500, 503,
        ],
    );
    check(
        "/v1/authors/{author_id}/books",
        "get",
        &[200, 304, 400, 401, 404, 406, 412, 414, 431, 500, 503],
    );

    let document = describe(everything(), Audience::Public);
    assert!(statuses(&document, "/v2/orders/{id}", "patch").contains(&428));
    assert!(!statuses(&document, "/v2/parts/{id}", "patch").contains(&428));
    // A client that chooses its ids creates by PUT.
    assert!(statuses(&document, "/v2/parts/{id}", "put").contains(&201));
    assert!(!statuses(&document, "/v2/orders/{id}", "put").contains(&201));
    // The list can be asked for an e-mail address, which is not for everybody.
    assert!(statuses(&document, "/v2/customers", "get").contains(&403));
}

#[test]
fn refusals_name_the_codes_that_can_come() {
    let document = describe(bookstore(), Audience::Public);
    let check = |path: &str, method: &str, status: &str, expected: &[&str]| {
        let answer = &document["paths"][path][method]["responses"][status];
        let text = match &answer["description"] {
            Value::String(own) => own.clone(),
            _ => resolve(&document, answer)["description"].to_string(),
        };
        // `code`: when
        let codes: Vec<&str> = text
            .split('`')
            .collect::<Vec<_>>()
            .windows(2)
            .filter(|pair| pair[1].starts_with(": "))
            .map(|pair| pair[0])
            .collect();
        assert_eq!(codes, expected, "{method} {path} {status}");
    };
    let running = "idempotency_in_progress";
    check("/v1/books", "get", "400", &["malformed", "cursor_mismatch"]);
    check("/v1/books/{id}", "get", "400", &["malformed"]);
    check(
        "/v1/books",
        "post",
        "409",
        &["already_exists", "unknown_reference", running],
    );
    check(
        "/v1/books/{id}",
        "patch",
        "409",
        &["already_exists", "unknown_reference", "conflict", running],
    );
    check(
        "/v1/books/{id}",
        "delete",
        "409",
        &["still_referenced", running],
    );
    // Nobody refers to a review, and nothing of an author is unique.
    check("/v1/reviews/{id}", "delete", "409", &[running]);
    check("/v1/authors", "post", "409", &[running]);
    check(
        "/v1/authors/batch",
        "post",
        "409",
        &["still_referenced", running],
    );
    check("/v1/books/{id}", "delete", "422", &["idempotency_mismatch"]);
    check("/v1/books/query", "post", "422", &["invalid"]);
    check(
        "/v1/books",
        "post",
        "422",
        &["invalid", "idempotency_mismatch"],
    );
}

#[test]
fn answers_say_how_the_caller_stands_and_what_goes_away_only_where_they_do() {
    let model = model(
        "
frontdesk: 1
name: shop
limits: {rare: {by: ip, allow: 10/minute}}
resources:
  Book:
    fields: {name: string}
    access: {read: public}
  Part:
    limit: rare
    fields: {name: string}
    access: {read: public}
  Rest:
    deprecated: {since: 2026-01-01}
    fields: {name: string}
    access: {read: public}
",
    );
    let document = describe(&model, Audience::Public);
    let check = |path: &str, status: &str, expected: &[&str]| {
        let answer = &document["paths"][path]["get"]["responses"][status];
        let headers = resolve(&document, answer)["headers"].as_object().unwrap();
        let marks = ["RateLimit", "RateLimit-Policy", "Deprecation", "Sunset"];
        let found: Vec<&str> = marks
            .into_iter()
            .filter(|name| headers.contains_key(*name))
            .collect();
        assert_eq!(found, expected, "{path} {status}");
    };
    for status in ["200", "304", "400", "404", "503"] {
        check("/v1/books/{id}", status, &[]);
        check("/v1/parts/{id}", status, &["RateLimit", "RateLimit-Policy"]);
        check("/v1/rests/{id}", status, &["Deprecation", "Sunset"]);
    }
    // Refused before it is known what they are about.
    check("/v1/parts/{id}", "414", &[]);
    assert!(statuses(&document, "/v1/parts/query", "post").contains(&429));
    assert!(!statuses(&document, "/v1/books", "get").contains(&429));
}

#[test]
fn what_is_not_offered_is_not_there() {
    let document = describe(everything(), Audience::Public);
    let paths = document["paths"].as_object().unwrap();
    assert!(paths["/v2/orders/{id}"].get("delete").is_none());
    assert!(!paths.keys().any(|path| path.contains("secrets")));
}

#[test]
fn lists_have_paths_in_kebab_case_and_names_in_snake_case() {
    let contract = "
frontdesk: 1
name: league
resources:
  Team:
    fields: {name: string}
    lists: {away_games: Game.away}
    access: {read: public}
  Game:
    fields: {away: Team}
    access: {read: public}
";
    let model = model(contract);
    let document = describe(&model, Audience::Public);
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.contains_key("/v1/teams/{team_id}/away-games"));
    assert!(!paths.keys().any(|path| path.contains("away_games")));
    assert!(document.to_string().contains("away_games"));
    let landing = surface::pages::landing(&model, Audience::Public, "http://127.0.0.1:8080");
    assert!(landing.contains("/away-games"));
    assert!(!landing.contains("/away_games"));
}

#[test]
fn each_audience_sees_its_own() {
    for (audience, resources, fields) in [
        (Audience::Public, vec![], vec![]),
        (Audience::Partner, vec!["/v2/recipes"], vec!["hint"]),
        (
            Audience::Private,
            vec!["/v2/recipes", "/v2/ledgers"],
            vec!["hint", "note"],
        ),
    ] {
        let document = describe(everything(), audience);
        for path in ["/v2/recipes", "/v2/ledgers"] {
            assert_eq!(
                document["paths"].get(path).is_some(),
                resources.contains(&path),
                "{audience:?} {path}"
            );
        }
        for field in ["hint", "note"] {
            for schema in ["Customer", "CustomerCreate", "CustomerPatch"] {
                let there = document["components"]["schemas"][schema]["properties"]
                    .get(field)
                    .is_some();
                assert_eq!(
                    there,
                    fields.contains(&field),
                    "{audience:?} {schema} {field}"
                );
            }
        }
        let text = document.to_string();
        assert_eq!(text.contains("Ledger"), audience == Audience::Private);
    }
}

#[test]
fn security_says_whether_a_credential_is_needed() {
    let document = describe(everything(), Audience::Private);
    let check = |path: &str, method: &str, expected: Value| {
        assert_eq!(
            document["paths"][path][method]["security"], expected,
            "{method} {path}"
        );
    };
    check("/v2/parts", "post", json!([{}, {"key": []}]));
    check("/v2/orders", "post", json!([{"key": []}]));
    check("/v2/customers/{id}", "patch", json!([{"key": []}]));
    check("/v2/ledgers", "get", json!([{"key": []}]));
}

#[test]
fn schemas_of_fields() {
    let document = describe(everything(), Audience::Public);
    let check = |component: &str, field: &str, expected: Value| {
        let found = &document["components"]["schemas"][component]["properties"][field];
        let mut found = found.clone();
        if expected.get("description").is_none() {
            found
                .as_object_mut()
                .map(|found| found.remove("description"));
        }
        assert_eq!(found, expected, "{component}.{field}");
    };
    check(
        "Order",
        "id",
        json!({
            "type": "string",
            "pattern": document["components"]["schemas"]["Order"]["properties"]["id"]["pattern"],
            "readOnly": true,
        }),
    );
    check(
        "Order",
        "sum",
        json!({"$ref": "#/components/schemas/Money"}),
    );
    check(
        "OrderCreate",
        "weight",
        json!({
            "type": "string", "format": "decimal", "pattern": r"^[0-9]{1,12}(\.[0-9]{1,6})?$",
            "description": "At least 0.",
        }),
    );
    check(
        "OrderCreate",
        "count",
        json!({
            "type": "integer", "format": "int32", "minimum": 1, "maximum": 99, "default": 1,
        }),
    );
    check(
        "Order",
        "views",
        json!({
            "type": "integer", "format": "int64", "minimum": -9007199254740991_i64,
            "maximum": 9007199254740991_i64, "readOnly": true,
        }),
    );
    check(
        "Order",
        "serial",
        json!({"$ref": "#/components/schemas/Int64"}),
    );
    check(
        "OrderPatch",
        "due",
        json!({
            "type": ["string", "null"], "format": "date",
        }),
    );
    check(
        "OrderCreate",
        "state",
        json!({"type": "string", "enum": ["open", "paid"], "default": "open"}),
    );
    check(
        "OrderCreate",
        "codes",
        json!({
            "type": ["array", "null"], "minItems": 1, "maxItems": 3, "uniqueItems": true,
            "items": {"type": "string", "pattern": "^[A-Z]+$"},
        }),
    );
    check(
        "OrderCreate",
        "labels",
        json!({
            "type": "array", "items": {"type": "string", "minLength": 1, "pattern": r"^[^\u0000]*$"},
        }),
    );
    check(
        "OrderCreate",
        "extra",
        json!({
            "anyOf": [{"$ref": "#/components/schemas/JsonValue"}, {"type": "null"}],
        }),
    );
    check("Order", "extra", json!({}));
    check(
        "Customer",
        "home",
        json!({"$ref": "#/components/schemas/Address"}),
    );
    check(
        "CustomerCreate",
        "home",
        json!({"$ref": "#/components/schemas/AddressInput"}),
    );
    check(
        "CustomerPatch",
        "away",
        json!({
            "anyOf": [{"$ref": "#/components/schemas/AddressPatch"}, {"type": "null"}],
        }),
    );
    check(
        "Order",
        "old",
        json!({
            "type": ["string", "null"], "deprecated": true,
            "description": "Deprecated since 2026-01-01, gone from 2027-01-01 on. Use `state`.",
        }),
    );
}

#[test]
fn what_must_be_given_and_what_is_always_there() {
    let document = describe(everything(), Audience::Public);
    let check = |component: &str, expected: &[&str]| {
        let found = &document["components"]["schemas"][component]["required"];
        assert_eq!(*found, json!(expected), "{component}");
    };
    check("Part", &["id", "name", "created_at", "updated_at"]);
    check("PartCreate", &["id", "name"]);
    check("PartReplace", &["name"]);
    // Not the e-mail, which a rule hides from some; never the secret.
    check(
        "Customer",
        &[
            "id",
            "name",
            "site",
            "role",
            "home",
            "away",
            "created_at",
            "updated_at",
        ],
    );
    check("CustomerCreate", &["name", "email", "home"]);
    check("CustomerReplace", &["name", "email", "home"]);
    check(
        "OrderCreate",
        &["customer_id", "sum", "weight", "serial", "token", "labels"],
    );
    // Settled when it was created.
    check(
        "OrderReplace",
        &["sum", "weight", "serial", "token", "labels"],
    );
    check(
        "CustomerOrdersCreate",
        &["sum", "weight", "serial", "token", "labels"],
    );
    check("Address", &["street", "city", "zip"]);
    check("AddressInput", &["street", "city"]);
    let schemas = &document["components"]["schemas"];
    assert!(schemas["CustomerPatch"].get("required").is_none());
    assert!(schemas["Customer"]["properties"].get("secret").is_none());
    assert!(
        schemas["CustomerCreate"]["properties"]
            .get("secret")
            .is_some()
    );
    for closed in [
        "PartCreate",
        "PartReplace",
        "PartPatch",
        "AddressInput",
        "AddressPatch",
    ] {
        assert_eq!(schemas[closed]["additionalProperties"], false, "{closed}");
    }
    assert!(schemas["Part"].get("additionalProperties").is_none());
}

#[test]
fn filters_are_parameters_of_their_own() {
    let document = describe(bookstore(), Audience::Public);
    let parameters = document["paths"]["/v1/books"]["get"]["parameters"]
        .as_array()
        .unwrap();
    let names: Vec<&str> = parameters
        .iter()
        .map(|parameter| resolve(&document, parameter)["name"].as_str().unwrap())
        .collect();
    for name in [
        "title",
        "title[contains]",
        "title[starts_with]",
        "price[lte]",
        "isbn[is_null]",
        "id[in]",
        "author_id",
        "author.name",
        "published[gte]",
        "limit",
        "cursor",
        "sort",
        "q",
        "include",
        "total",
    ] {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    for name in [
        "title[is_null]",
        "rating",
        "author.id",
        "author.bio",
        "id[lt]",
    ] {
        assert!(!names.contains(&name), "{name}");
    }
    let include = resolve(
        &document,
        &document["components"]["parameters"]["Book.include"],
    );
    assert_eq!(
        include["schema"]["items"]["enum"],
        json!(["author", "reviews", "author.books", "reviews.book"])
    );
}

#[test]
fn names_that_meet_are_told_apart() {
    let model = crate::support::model(
        "frontdesk: 1
name: clash
resources:
  Book:
    fields: {title: string}
    lists: {pages: BookPage.book}
    access: {read: public, write: public}
  BookPage:
    fields: {book: Book}
    access: {read: public, write: public}
",
    );
    let document = describe(&model, Audience::Public);
    let schemas = document["components"]["schemas"].as_object().unwrap();
    assert!(schemas["BookPage"]["properties"].get("book_id").is_some());
    assert!(schemas["BookPage2"]["properties"].get("items").is_some());
    let mut ids = HashSet::new();
    for (_, _, operation) in operations(&document) {
        assert!(ids.insert(operation["operationId"].as_str().unwrap()));
    }
}

/// The value itself, or the component it refers to.
fn resolve<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(target) => document.pointer(target.trim_start_matches('#')).unwrap(),
        None => value,
    }
}

#[test]
fn people_apps_and_services_have_ways_of_their_own() {
    let of = |auth: &str, audience: Audience| {
        let text = format!(
            "frontdesk: 1\nname: club\nauth: {auth}\nresources:\n  Person:\n    fields: {{name: string}}\n    access: {{read: public, update: signed_in}}\n  Ledger:\n    audience: private\n    fields: {{total: integer}}\n    access: {{read: signed_in}}\n"
        );
        describe(&model(&text), audience)
    };
    let names = |document: &Value| -> Vec<String> {
        let schemes = document["components"]["securitySchemes"].as_object();
        let mut names: Vec<String> = schemes.unwrap().keys().cloned().collect();
        names.sort_unstable();
        names
    };
    assert_eq!(names(&of("{api_keys: true}", Audience::Public)), ["key"]);
    let outside = "{jwt: {issuer: 'https://id.example', audience: club}}";
    assert_eq!(names(&of(outside, Audience::Public)), ["key", "token"]);
    let services = "{mtls: {billing: {san: billing.internal, scopes: [people.read]}}}";
    assert_eq!(
        names(&of(services, Audience::Public)),
        ["certificate", "key"]
    );

    let apps = of(
        "{clients: {job: {secret: $JOB_SECRET, scopes: [people.read]}}}",
        Audience::Public,
    );
    assert_eq!(names(&apps), ["key", "oauth", "token"]);
    let flows = &apps["components"]["securitySchemes"]["oauth"]["flows"];
    assert_eq!(
        *flows,
        json!({"clientCredentials": {
            "tokenUrl": "/oauth2/token",
            "scopes": {"people.read": "See people", "people.write": "Change people"},
        }})
    );

    let people = of(
        "{users: Person, basic: people, scopes: {people.read: Look at the members}}",
        Audience::Private,
    );
    assert_eq!(
        names(&people),
        ["basic", "key", "oauth", "openid", "session", "token"]
    );
    let code = &people["components"]["securitySchemes"]["oauth"]["flows"]["authorizationCode"];
    assert_eq!(code["authorizationUrl"], "/oauth2/authorize");
    assert_eq!(code["scopes"]["people.read"], "Look at the members");
    assert_eq!(code["scopes"]["ledgers.read"], "See ledgers");
    assert_eq!(code["scopes"]["openid"], "Know who you are");
    let ways = |scope: &str| {
        json!([
            {"key": []}, {"token": []}, {"oauth": [scope]}, {"openid": [scope]}, {"session": []}, {"basic": []}
        ])
    };
    let change = &people["paths"]["/v1/people/{id}"]["patch"]["security"];
    assert_eq!(*change, ways("people.write"));
    assert_eq!(
        people["paths"]["/v1/ledgers"]["get"]["security"],
        ways("ledgers.read")
    );
    assert_eq!(
        people["paths"]["/v1/people"]["get"]["security"][0],
        json!({})
    );
    // Whom a resource is not for does not learn of its scopes.
    let public = of("{users: Person}", Audience::Public);
    let code = &public["components"]["securitySchemes"]["oauth"]["flows"]["authorizationCode"];
    assert!(code["scopes"].get("ledgers.read").is_none());
}
