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

pub mod ast;
pub mod caller;
pub mod check;
pub mod eval;
pub mod explain;
pub mod ir;
mod lexer;
pub mod parse;
pub mod problem;
pub mod schema;
pub mod specialise;
pub mod sql;
pub mod walk;

pub use caller::{CallerValues, Guest};
pub use check::{Mode, Scope, builtin_rules, check};
pub use eval::{Env, EvalError, Lookup, Record, eval, holds};
pub use explain::{Names, why};
pub use ir::Expr;
pub use parse::parse;
pub use problem::Problem;
pub use specialise::{Condition, RowsRead, VariantKey};
pub use sql::{not_sql, not_sql_formula};
