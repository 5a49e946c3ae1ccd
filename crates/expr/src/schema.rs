//! What the checker asks about a contract. The contract compiler answers.

use std::sync::Arc;

use value::{FieldId, ResourceId, Type, Value};

use crate::ir::{Expr, RuleDef};

/// What a name after `this.` stands for.
#[derive(Clone, Debug)]
pub enum Property {
    /// A stored field, also `author_id` of a relation `author`, and `id`, `created_at`, `updated_at`.
    Field {
        id: FieldId,
        ty: Type,
        nullable: bool,
    },
    /// `this.author`: one step to another record, held in field `author_id`.
    Relation {
        via: FieldId,
        target: ResourceId,
        nullable: bool,
    },
    /// `this.reviews`: the records of `resource` whose field `field` holds this record's id.
    List {
        resource: ResourceId,
        field: FieldId,
    },
    /// `value:` of a field. Rules see raw data (law 4), so the formula stands in for the name.
    Computed {
        ty: Type,
        nullable: bool,
        formula: Arc<Expr>,
    },
    /// A rule of the resource used as a boolean: `this.list.viewer`, `row.is_free`.
    Rule(Arc<RuleDef>),
}

/// What `user.NAME` stands for.
#[derive(Clone, Debug)]
pub enum UserField {
    /// Nothing is said about callers: it is a claim, which takes the type it meets.
    Open,
    /// A field of the caller's record. Where that is null, the claim is missing (law 2).
    Field(Type),
    /// There is none, or none that rules may read of a caller.
    Wrong {
        message: String,
        label: String,
        help: String,
    },
    /// It exists but is itself wrong, which has been reported where it stands.
    Broken,
}

/// Why a name could not be answered.
#[derive(Clone, Debug)]
pub enum Unresolved {
    Unknown,
    /// Resolving it needs itself; the names of the cycle, first to last.
    Cycle(Vec<String>),
    /// It exists but is itself wrong, which has been reported where it stands.
    Broken,
    /// Resolving it needs a chain of others longer than [`crate::ir::DEPTH_MAX`]: whoever
    /// compiles rules on demand must stop there, or the chain would use up the stack.
    TooDeep,
}

/// The names an expression may use.
pub trait Schema {
    fn property(&self, resource: ResourceId, name: &str) -> Result<Property, Unresolved>;
    /// A bare name in rule position: of the resource first, then of the whole contract,
    /// then the built-in `public`, `signed_in`, `nobody`.
    fn rule(&self, resource: Option<ResourceId>, name: &str) -> Result<Arc<RuleDef>, Unresolved>;
    /// For "did you mean": every name [`Schema::property`] would answer.
    fn property_names(&self, resource: ResourceId) -> Vec<String>;
    fn rule_names(&self, resource: Option<ResourceId>) -> Vec<String>;
    fn resource_name(&self, resource: ResourceId) -> &str;
    /// What `user.name` is; also of `id`. For all names open, or for none.
    fn user(&self, _: &str) -> UserField {
        UserField::Open
    }
    /// The least and the greatest value that a stored field is declared to hold.
    fn limits(&self, _: ResourceId, _: FieldId) -> (Option<Value>, Option<Value>) {
        (None, None)
    }
}
