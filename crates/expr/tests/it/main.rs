//! The rule language through its public surface.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

mod check;
mod eval;
mod explain;
mod law2;
mod mapped;
mod nulls;
mod parse;
mod robust;
