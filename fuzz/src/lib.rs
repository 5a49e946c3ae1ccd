//! What the fuzzers ask of the product: one `run(&[u8])` for each target.
//!
//! Nothing here knows the fuzzer: the same functions are fed the saved inputs by
//! `crates/frontdesk/tests/fuzz.rs`, with plain `cargo test`. A finding is a panic. An input that
//! means nothing to a target is passed over.

pub mod app;
pub mod body;
pub mod condition;
pub mod contract_yaml;
pub mod cursor;
pub mod generate;
pub mod headers;
pub mod migrate;
pub mod names;
pub mod query;
pub mod rule;
pub mod serve;
pub mod value;

/// A target's name, which is that of its folders too, and its function.
pub type Target = (&'static str, fn(&[u8]));

pub const TARGETS: [Target; 10] = [
    ("contract_yaml", contract_yaml::run),
    ("rule", rule::run),
    ("query", query::run),
    ("cursor", cursor::run),
    ("body", body::run),
    ("condition", condition::run),
    ("headers", headers::run),
    ("value", self::value::run),
    ("serve", serve::run),
    ("migrate", migrate::run),
];
