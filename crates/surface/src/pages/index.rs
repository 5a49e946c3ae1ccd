//! What the first page says, for programs: which resources there are, where, and what describes
//! them.

use model::{Audience, Model};
use serde_json::{Value as Json, json};

use super::DOCS_PATH;
use crate::access;

/// The index of an API whose documents are served.
pub fn index(model: &Model, audience: Audience) -> Json {
    let resources: Vec<Json> = access::resources(model, audience)
        .map(|resource| {
            json!({
                "name": resource.name,
                "path": model.collection_path(resource.id),
            })
        })
        .collect();
    let mut index = json!({
        "title": model.title,
        "resources": resources,
        "openapi": format!("{}/openapi.json", model.base),
        "documentation": DOCS_PATH,
    });
    if let Some(description) = &model.description {
        index["description"] = description.as_str().into();
    }
    index
}
