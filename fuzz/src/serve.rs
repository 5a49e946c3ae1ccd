//! Any contract that compiles can be served: tables, lists, records and writes, as anybody.
//!
//! The input is the contract, or what one is made from (see [`generate`](super::generate)).

use http::{HeaderMap, Method};
use model::{Audience, Resource};
use serde_json::{Map, Value as Json, json};
use surface::openapi;
use value::{IdKind, Type};

use super::app::{ANN, App, OPERATOR, headers};
use super::contract_yaml;
use super::generate::{Choices, Contract, GENERATED};

/// More than this tells nothing new, and each costs some requests.
const RESOURCES_MAX: usize = 8;

pub fn run(data: &[u8]) {
    let text = match data {
        [GENERATED, choices @ ..] => Contract::of(&mut Choices::new(choices)).text().into(),
        _ => String::from_utf8_lossy(data),
    };
    let Some(model) = contract_yaml::compile(&text).model else {
        return;
    };
    for audience in [Audience::Public, Audience::Partner, Audience::Private] {
        let document = openapi::document(&model, audience, &openapi::Limits::default());
        described(&document, &document);
        surface::yaml::write(&document);
    }
    let app = App::serve(model);
    let model = std::sync::Arc::clone(app.engine.model());
    for resource in model.resources.iter().take(RESOURCES_MAX) {
        let path = format!("{}/{}", model.base, resource.path);
        let sortable: Vec<&str> = resource
            .fields
            .iter()
            .filter(|field| engine::is_sortable(field))
            .map(|field| field.name.as_str())
            .take(4)
            .collect();
        let included: Vec<&str> = resource
            .lists
            .iter()
            .map(|list| list.name.as_str())
            .take(3)
            .collect();
        let mut lists = vec![path.clone(), format!("{path}?total=true&limit=1")];
        if !sortable.is_empty() {
            lists.push(format!("{path}?sort={}", sortable.join(",")));
        }
        if !included.is_empty() {
            lists.push(format!("{path}?include={}", included.join(",")));
        }
        if !resource.search.is_empty() {
            lists.push(format!("{path}?q=a"));
        }
        for key in [None, Some(ANN), Some(OPERATOR)] {
            let keyed = || headers(key, None);
            for list in &lists {
                app.ask(Method::GET, list, keyed(), b"").sound();
            }
            for id in ["1", "a", "00000000-0000-7000-8000-000000000000"] {
                let record = format!("{path}/{id}");
                app.ask(Method::GET, &record, keyed(), b"").sound();
                app.ask(Method::DELETE, &record, keyed(), b"").sound();
                app.ask(
                    Method::PATCH,
                    &record,
                    headers(key, Some("application/json")),
                    b"{}",
                )
                .sound();
                for list in resource.lists.iter().take(2) {
                    app.ask(
                        Method::GET,
                        &format!("{record}/{}", list.name),
                        keyed(),
                        b"",
                    )
                    .sound();
                }
            }
            let body = example(resource, 0);
            for body in ["{}", &body] {
                let reply = app.ask(
                    Method::POST,
                    &path,
                    headers(key, Some("application/json")),
                    body.as_bytes(),
                );
                reply.sound();
                if reply.status.is_success() {
                    app.ask(Method::GET, &path, keyed(), b"").sound();
                }
            }
        }
    }
    app.ask(Method::GET, "/nothing", HeaderMap::new(), b"")
        .sound();
}

/// Every `$ref` of a document leads somewhere.
fn described(document: &Json, part: &Json) {
    match part {
        Json::Object(members) => {
            if let Some(Json::String(path)) = members.get("$ref") {
                let pointer = path.strip_prefix('#');
                let found = pointer.and_then(|pointer| document.pointer(pointer));
                assert!(found.is_some(), "{path} leads nowhere");
            }
            members.values().for_each(|part| described(document, part));
        }
        Json::Array(items) => items.iter().for_each(|part| described(document, part)),
        _ => {}
    }
}

/// Something for each field that has to be given; constraints may refuse it. Another number
/// makes another record, where that is easy.
pub fn example(resource: &Resource, number: usize) -> String {
    let id = resource.id_field().id;
    let chosen = resource.id_type.kind == IdKind::Text;
    let given = resource
        .fields
        .iter()
        .filter(|field| field.required_on_create() || (field.id == id && chosen));
    let members: Map<String, Json> = given
        .map(|field| (field.name.clone(), of(&field.shape.ty, number)))
        .collect();
    Json::Object(members).to_string()
}

fn of(ty: &Type, number: usize) -> Json {
    match ty {
        Type::Bool => json!(number.is_multiple_of(2)),
        Type::Int32 | Type::Int53 | Type::Float => json!(number + 1),
        Type::Int64 | Type::Decimal => json!((number + 1).to_string()),
        Type::Text => json!(["a", "b", "0"][number % 3]),
        Type::Money => json!({"amount": number.to_string(), "currency": "EUR"}),
        Type::Date => json!(format!("2026-01-{:02}", number % 28 + 1)),
        Type::Timestamp => json!(format!("2026-01-01T00:00:{:02}Z", number % 60)),
        Type::Duration => json!("1h"),
        Type::Uuid => json!(format!("00000000-0000-7000-8000-{number:012}")),
        Type::Id(id) if id.is_json_number() => json!(number + 1),
        Type::Id(_) => json!(["a", "b", "0"][number % 3]),
        Type::Enum(words) => json!(words.get(number).or(words.first())),
        Type::List(item) => json!([of(item, number)]),
        Type::Object(object) => {
            let members = object.members.iter();
            let members = members.map(|member| (member.name.to_string(), of(&member.ty, number)));
            Json::Object(members.collect())
        }
        Type::Json => json!({"a": number}),
    }
}
