//! Descriptions of a model: OpenAPI documents and pages.
