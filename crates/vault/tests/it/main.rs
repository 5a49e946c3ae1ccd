//! What the vault promises: values open where they were sealed and nowhere else.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

mod keys;
mod own;
mod rewrap;
mod sealed;
mod secrets;
mod support;
