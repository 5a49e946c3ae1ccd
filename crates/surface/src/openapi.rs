//! The OpenAPI 3.1 document of a model.
//!
//! It promises what the server keeps, as exactly as OpenAPI can say it: a program that sends what
//! the document allows is never told that it broke the contract, and one that sends anything else
//! is. It knows what rules exist, but not who will ask.

mod answers;
mod batch;
mod headers;
mod long_work;
mod names;
mod operations;
mod parameters;
mod patch;
mod problem;
mod resources;
mod schemas;
mod security;

use std::collections::HashSet;

use model::{Audience, Deprecated, Model};
use serde_json::{Map, Value as Json, json};

use crate::{access, words};
use answers::Answers;
use headers::Marks;
use names::Names;
use operations::Operations;
use parameters::Parameters;
use resources::Resources;
use schemas::Schemas;

/// The schema of every refusal.
const PROBLEM: &str = "Problem";

/// The schema of a write that goes on, and how its path is called.
const OPERATION: &str = "Operation";
const OPERATION_ID: &str = "getOperation";

/// Numbers that the engine and the door keep. They are told here, as a description may know
/// neither; the defaults are theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Page size when none is asked for.
    pub page_default: u32,
    /// Larger page sizes are lowered to this.
    pub page_max: u32,
    /// Values of one `in`.
    pub in_max: usize,
    /// Keys of one sort.
    pub sort_max: usize,
    /// Characters of `q`.
    pub words_chars_max: usize,
    /// Relations included in one answer.
    pub includes_max: usize,
    /// Operations of one JSON Patch.
    pub patch_operations_max: usize,
    /// Writes of one batch.
    pub batch_max: usize,
    /// Comparisons of one query in a body, and items of one list in it.
    pub conditions_max: usize,
    /// How deep its lists and negations nest.
    pub condition_depth_max: usize,
    /// Values in all of its comparisons.
    pub condition_values_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            page_default: 50,
            page_max: 200,
            in_max: 100,
            sort_max: 4,
            words_chars_max: 200,
            includes_max: 10,
            patch_operations_max: 100,
            batch_max: 1000,
            conditions_max: 256,
            condition_depth_max: 8,
            condition_values_max: 2000,
        }
    }
}

/// The document, with only what the audience is served.
pub fn document(model: &Model, audience: Audience, limits: &Limits) -> Json {
    let mut names = Names::default();
    // Contracts may not call anything so.
    names.take(PROBLEM.to_owned());
    names.take(OPERATION.to_owned());
    let components = names::components(model, &mut names);
    let schemas = Schemas::new(model, &mut names);

    let mut shared = Map::new();
    let parameters = Parameters {
        model,
        schemas: &schemas,
        limits,
        audience,
    };
    parameters.shared(&mut shared);
    let mut marks = vec![Marks::of_operations(model)];
    marks.extend(access::resources(model, audience).map(|resource| Marks::of(model, resource)));
    let answers = Answers::new(marks);
    let operations = Operations {
        model,
        parameters: &parameters,
        names: &components,
        answers: &answers,
        audience,
    };
    let mut paths = operations.paths(&mut shared);

    let mut described = Map::new();
    let resources = Resources {
        model,
        schemas: &schemas,
        names: &components,
        parameters: &parameters,
        audience,
        patch_operations_max: limits.patch_operations_max,
    };
    for resource in access::resources(model, audience) {
        resources.components(resource, &mut described);
        let names = &components[usize::from(resource.id.0)];
        batch::components(&schemas, resource, names, limits.batch_max, &mut described);
    }
    schemas.shared(&mut described);
    described.insert(PROBLEM.to_owned(), problem::schema());
    described.insert(OPERATION.to_owned(), long_work::schema());
    let has_operations = paths.values().any(writes);
    if has_operations {
        let item = long_work::path_item(model, &answers, Marks::of_operations(model));
        paths.insert(format!("{}/operations/{{id}}", model.base), item);
    }

    let tags = access::resources(model, audience).map(|resource| {
        let description = resource
            .description
            .clone()
            .unwrap_or_else(|| format!("Everything about {}.", resource.nouns()));
        json!({"name": words::heading(&resource.plural), "description": description})
    });
    let mut tags: Vec<Json> = tags.collect();
    // A resource cannot have this path, and so not this tag.
    if has_operations {
        tags.push(json!({
            "name": "Operations",
            "description": "Writes that go on after their request has been answered.",
        }));
    }
    let mut document = json!({
        "openapi": "3.1.0",
        "info": info(model),
        "servers": [{"url": "/", "description": "The server that serves this document"}],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": described,
            "responses": answers.components(),
            "parameters": shared,
            "headers": headers::components(),
            "securitySchemes": security::schemes(model, audience),
        },
    });
    prune(&mut document);
    document
}

/// Whether anything at a path can go on after its request.
fn writes(path: &Json) -> bool {
    ["post", "put", "patch", "delete"]
        .iter()
        .any(|method| path[*method]["responses"]["202"].is_object())
}

/// The document as a file.
pub fn to_json_bytes(document: &Json) -> Vec<u8> {
    let mut bytes =
        serde_json::to_vec_pretty(document).expect("JSON values can always be written to memory");
    bytes.push(b'\n');
    bytes
}

/// The document as a file for people.
pub fn to_yaml(document: &Json) -> String {
    crate::yaml::write(document)
}

fn info(model: &Model) -> Json {
    let about = model
        .description
        .clone()
        .unwrap_or_else(|| format!("The REST API of {}.", model.title));
    json!({
        "title": model.title,
        "version": version(model),
        "description": format!("{}\n\n{CONVENTIONS}", about.trim_end()),
        "contact": {"name": model.title},
    })
}

/// What holds everywhere and need not be said at each operation.
const CONVENTIONS: &str = "\
**Lists** come in pages: `items`, and `next_cursor` to go on with.

**Changes** can be made safe: send the `ETag` of what you have read as `If-Match`, and nobody \
else's change is overwritten.

**Refusals** are problem details (RFC 9457): `code` is for programs and never changes, `type` \
leads to a page that explains it, and `errors` names every fault.

**Records** gain fields and enums gain values with time; ignore what you do not know.";

/// `/v2` is version 2.
fn version(model: &Model) -> String {
    let digits: String = model
        .base
        .chars()
        .filter(|c| c.is_ascii_digit() || *c == '.')
        .collect();
    if digits.is_empty() {
        "1".to_owned()
    } else {
        digits
    }
}

/// What a deprecation says, in a sentence or two.
fn deprecation(deprecated: &Deprecated) -> String {
    let mut text = "Deprecated".to_owned();
    if let Some(since) = &deprecated.since {
        text.push_str(&format!(" since {since}"));
    }
    if let Some(sunset) = &deprecated.sunset {
        text.push_str(&format!(", gone from {sunset} on"));
    }
    text.push('.');
    if let Some(replacement) = &deprecated.replacement {
        text.push_str(&format!(" Use `{replacement}`."));
    }
    if let Some(why) = &deprecated.why {
        text.push(' ');
        text.push_str(why);
    }
    text
}

fn reference(kind: &str, key: &str) -> Json {
    json!({"$ref": format!("#/components/{kind}/{key}")})
}

/// Takes away the components that nothing leads to.
fn prune(document: &mut Json) {
    let mut used = HashSet::new();
    let mut open = Vec::new();
    references(&document["paths"], &mut open);
    while let Some(next) = open.pop() {
        if let Some(found) = document.pointer(next.trim_start_matches('#'))
            && !used.contains(&next)
        {
            references(found, &mut open);
            used.insert(next);
        }
    }
    let Some(components) = document["components"].as_object_mut() else {
        return;
    };
    for (kind, members) in components
        .iter_mut()
        .filter(|(kind, _)| *kind != "securitySchemes")
    {
        if let Some(members) = members.as_object_mut() {
            members.retain(|key, _| used.contains(&format!("#/components/{kind}/{key}")));
        }
    }
    components.retain(|_, members| {
        members
            .as_object()
            .is_none_or(|members| !members.is_empty())
    });
}

/// Every `$ref` in a part of the document.
fn references(part: &Json, out: &mut Vec<String>) {
    match part {
        Json::Object(members) => {
            for (name, member) in members {
                match member {
                    Json::String(target) if name == "$ref" => out.push(target.clone()),
                    member => references(member, out),
                }
            }
        }
        Json::Array(items) => items.iter().for_each(|item| references(item, out)),
        _ => {}
    }
}
