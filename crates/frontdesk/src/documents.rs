//! What is served beside the API.

use model::{Audience, Model};
use rest::Documents;
use serde_json::Value as Json;

/// The OpenAPI document, with only what the audience is served.
pub fn openapi(model: &Model, audience: Audience) -> Json {
    surface::openapi::document(model, audience, &surface::openapi::Limits::default())
}

pub(crate) fn of(_model: &Model) -> Documents {
    Documents::default()
}
