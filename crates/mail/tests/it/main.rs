//! Letters as a mail server receives them.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

mod letters;
mod sending;
mod server;
mod templates;
mod urls;
