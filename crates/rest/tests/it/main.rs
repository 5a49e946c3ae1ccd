//! What HTTP clients can rely on, shown on a real server: real sockets, a real database in a
//! temporary folder or on a server, real keys.
//!
//! `docs/conformance.md` says for each behaviour which of these tests holds it. A file here is
//! about one part of the door; who looks for the test of something begins there.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

mod access;
mod audience;
mod bare;
mod batch;
mod bookstore;
mod caching;
mod callers;
mod computed;
mod conditions;
mod connections;
mod cors;
mod deprecation;
mod held;
mod hidden;
mod idempotency;
mod limits;
mod lists;
mod manner;
mod methods;
mod negotiation;
mod operations;
mod overload;
mod path_words;
mod paths;
mod problems;
mod queries;
mod rate_limits;
mod refusals;
mod soft_delete;
mod streams;
mod support;
mod time_passes;
mod values;
mod views;
mod writes;
