//! Contracts to describe.

use std::sync::OnceLock;

use model::{Audience, Model};
use serde_json::Value;
use surface::openapi::{Limits, document};

/// The model of a contract that has no mistakes.
#[track_caller]
pub fn model(contract: &str) -> Model {
    let mut sources = diag::Sources::new();
    let main = sources.add("frontdesk.yaml", contract.to_owned());
    let mut out = diag::Diagnostics::new();
    let model = contract::compile(main, &mut sources, &mut |_| Ok(Vec::new()), &mut out);
    let errors: Vec<String> = out.iter().map(|found| format!("{found:?}")).collect();
    model.unwrap_or_else(|| panic!("{errors:#?}"))
}

pub fn bookstore() -> &'static Model {
    static MODEL: OnceLock<Model> = OnceLock::new();
    MODEL.get_or_init(|| {
        model(include_str!(
            "../../../../examples/bookstore/frontdesk.yaml"
        ))
    })
}

/// A contract that uses every type, every kind of id and every switch that a document shows.
pub fn everything() -> &'static Model {
    static MODEL: OnceLock<Model> = OnceLock::new();
    MODEL.get_or_init(|| model(include_str!("everything.yaml")))
}

pub fn describe(model: &Model, audience: Audience) -> Value {
    document(model, audience, &Limits::default())
}

/// All documents that the tests look at, with a name for messages.
pub fn documents() -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for (name, model) in [("bookstore", bookstore()), ("everything", everything())] {
        for audience in [Audience::Public, Audience::Partner, Audience::Private] {
            all.push((
                format!("{name} for {audience:?}"),
                describe(model, audience),
            ));
        }
    }
    all
}

/// Calls `visit` for every value inside, with its pointer.
pub fn walk<'v>(value: &'v Value, pointer: &str, visit: &mut dyn FnMut(&str, &'v Value)) {
    visit(pointer, value);
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                walk(member, &format!("{pointer}/{name}"), visit);
            }
        }
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                walk(item, &format!("{pointer}/{place}"), visit);
            }
        }
        _ => {}
    }
}

/// Every operation: path, method, operation.
pub fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if method != "parameters" {
                all.push((path.clone(), method.clone(), operation));
            }
        }
    }
    all
}
