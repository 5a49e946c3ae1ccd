//! Any contract that compiles can be served: tables, lists, records and writes, as anybody.

use http::{HeaderMap, Method};

use super::app::{ANN, App, OPERATOR, headers};
use super::contract_yaml;

/// More than this tells nothing new, and each costs some requests.
const RESOURCES_MAX: usize = 8;

pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Some(model) = contract_yaml::compile(text).model else {
        return;
    };
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
            let body = example(resource);
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

/// Something for each field that has to be given; constraints may refuse it.
fn example(resource: &model::Resource) -> String {
    use serde_json::{Map, Value as Json, json};
    use value::Type;
    fn of(ty: &Type) -> Json {
        match ty {
            Type::Bool => json!(true),
            Type::Int32 | Type::Int53 | Type::Float => json!(1),
            Type::Int64 | Type::Decimal => json!("1"),
            Type::Text => json!("a"),
            Type::Money => json!({"amount": "1", "currency": "EUR"}),
            Type::Date => json!("2026-01-01"),
            Type::Timestamp => json!("2026-01-01T00:00:00Z"),
            Type::Duration => json!("1h"),
            Type::Uuid => json!("00000000-0000-7000-8000-000000000000"),
            Type::Id(id) if id.is_json_number() => json!(1),
            Type::Id(_) => json!("a"),
            Type::Enum(words) => json!(words.first()),
            Type::List(item) => json!([of(item)]),
            Type::Object(object) => {
                let members = object
                    .members
                    .iter()
                    .map(|member| (member.name.to_string(), of(&member.ty)));
                Json::Object(members.collect())
            }
            Type::Json => json!({"a": 1}),
        }
    }
    let id = resource.id_field();
    let given = resource.fields.iter().filter(|field| {
        field.required_on_create()
            || (field.id == id.id && resource.id_type.kind == value::IdKind::Text)
    });
    let members: Map<String, Json> = given
        .map(|field| (field.name.clone(), of(&field.shape.ty)))
        .collect();
    Json::Object(members).to_string()
}
