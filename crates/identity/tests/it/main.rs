//! Who is calling, through the surface that doors see.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

mod attacks;
mod client_assertion;
mod denied;
mod dpop;
mod families;
mod outside;
mod signing;
mod support;
mod tokens;
