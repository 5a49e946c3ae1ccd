//! What people's apps can rely on, shown on a real server with a real database: signing up and in,
//! tokens that follow one another, and what is told to nobody.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

mod noted;
mod pages;
mod sign_in;
mod sign_up;
mod support;
mod tokens;
