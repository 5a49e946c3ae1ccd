//! Descriptions of a model, for programs and for people: the OpenAPI document and the pages.
//!
//! Everything here is a pure projection: the same model gives the same bytes. Nothing is read
//! from disk, network, clock or environment, and nothing is decided; what is described here
//! happens in the engine and the REST door. Begin at [`openapi::document`] and [`pages`].

mod access;
pub mod example;
pub mod openapi;
pub mod pages;
mod pattern;
mod words;
pub mod yaml;
