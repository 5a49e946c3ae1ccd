//! The door for apps, asked as apps and browsers ask it.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

mod authorize;
mod bound;
mod clients;
mod consent;
mod device;
mod leave;
mod servers;
mod support;
mod token;
