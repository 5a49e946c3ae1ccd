//! Gives every name its meaning and every expression its type, or says what is wrong.

use std::sync::Arc;

use value::{ResourceId, Type};

use crate::ir::{Expr, RuleDef};
use crate::problem::Problem;
use crate::schema::Schema;

/// How strict arithmetic is, and which functions there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A condition: becomes SQL too, so arithmetic must be provably exact.
    Rule,
    /// A formula (`=…`): a value, computed in memory; may fail when it is computed.
    Formula,
}

/// What the names in one expression may mean.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The resource `this` is a record of.
    pub this: Option<ResourceId>,
    /// Whether `next` may be used (a record of the same resource as `this`).
    pub next: bool,
    /// The resource of the candidate `row` in a `where` ([`crate::ir::ROW`]).
    pub row: Option<ResourceId>,
    /// Members of `input`: name, type, nullable.
    pub input: Vec<(Box<str>, Type, bool)>,
    pub expected: Type,
    /// The result may be null.
    pub expected_nullable: bool,
    pub mode: Mode,
}

impl Scope {
    /// A condition about a record of `this`.
    pub fn rule(this: Option<ResourceId>) -> Scope {
        Scope {
            this,
            next: false,
            row: None,
            input: vec![],
            expected: Type::Bool,
            expected_nullable: false,
            mode: Mode::Rule,
        }
    }

    /// A formula with a result of type `expected`.
    pub fn formula(this: Option<ResourceId>, expected: Type, nullable: bool) -> Scope {
        Scope {
            expected,
            expected_nullable: nullable,
            mode: Mode::Formula,
            ..Scope::rule(this)
        }
    }
}

/// Parses and checks `text`.
///
/// `None` without problems means that the text uses something that is itself wrong, which has
/// been reported where it stands.
pub fn check(text: &str, scope: &Scope, schema: &dyn Schema) -> (Option<Expr>, Vec<Problem>) {
    let _ = (text, scope, schema);
    (None, vec![])
}

/// `public`, `signed_in` and `nobody`, for [`Schema::rule`] to answer.
pub fn builtin_rules() -> Vec<Arc<RuleDef>> {
    vec![]
}
