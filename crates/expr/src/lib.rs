//! The rule language: a typed subset of CEL, parsed, checked and evaluated.
//!
//! ```text
//! text ──parse──► ast ──check(Schema)──► ir ──┬─ eval (rows in memory)
//!                                             └─ specialise(caller) ─► lowered to SQL by `store`
//! ```
//!
//! This crate knows neither YAML nor SQL nor how a contract is stored: what names mean
//! comes in through [`schema::Schema`]. The laws named in comments are those of the
//! contract language (docs/rules.md).

pub mod ir;
pub mod schema;

pub use ir::Expr;
