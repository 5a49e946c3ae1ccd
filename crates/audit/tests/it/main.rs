//! What the audit log promises, shown on real databases.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

mod append;
mod prune;
mod support;
mod verify;
