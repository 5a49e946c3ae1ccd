//! What the descriptions promise, on the contract of the bookstore and on one with everything.

#![allow(clippy::unwrap_used)]

mod document;
mod examples;
mod pages;
mod support;
mod yaml;
