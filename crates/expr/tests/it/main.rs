//! The rule language through its public surface.

mod support;

mod check;
mod eval;
mod explain;
mod law2;
mod nulls;
mod parse;
mod robust;
