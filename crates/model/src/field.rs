//! Fields: what a record consists of, and what each may hold.

use std::sync::Arc;

use expr::Expr;
use value::{Date, FieldId, ResourceId, Timestamp, Type, Value};

use crate::access::{Audience, Rule};

/// One field of a resource, system fields included.
#[derive(Clone, Debug)]
pub struct Field {
    pub id: FieldId,
    /// As in JSON: `title`, `author_id` (for the relation `author`), `created_at`.
    pub name: String,
    pub kind: FieldKind,
    pub shape: Shape,
    /// Default when absent on create. Never null.
    pub default: Option<Value>,
    /// `set:`: what the server fills in on create, instead of the client.
    pub set: Option<Arc<Expr>>,
    /// `sequence:`, the relation by which the server counts it: 1, 2, 3 … for each record that
    /// the relation points to.
    pub sequence: Option<FieldId>,
    /// Who may see it; `None` means everybody who may read the record.
    pub read: Option<Rule>,
    /// Who may write it, on top of the resource's rule.
    pub write: Option<Rule>,
    /// Clients may not write it (`readOnly`, `set`, `value`, system fields).
    pub read_only: bool,
    /// Clients may write but never read it.
    pub write_only: bool,
    /// May be given on create, not changed later.
    pub immutable: bool,
    pub unique: bool,
    /// Has an index of its own: `index: true`, `unique: true`, relations, id.
    /// Indexed means queryable: may be filtered and sorted by.
    pub indexed: bool,
    pub audience: Audience,
    pub deprecated: Option<Deprecated>,
    /// `was:`: its name before.
    pub was: Option<String>,
    pub description: Option<String>,
    pub examples: Vec<serde_json::Value>,
}

#[derive(Clone, Debug)]
pub enum FieldKind {
    /// `id`, `created_at`, `updated_at`.
    System(SystemField),
    /// A value of its own in one column (money: two).
    Stored,
    /// Holds the id of a record of `target`; `relation` is the contract's name (`author`),
    /// under which the record can be included.
    Relation {
        relation: String,
        target: ResourceId,
    },
    /// `value:`, computed when read.
    Computed(Arc<Expr>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemField {
    Id,
    CreatedAt,
    UpdatedAt,
}

/// A type with its constraints, and those of what is inside it.
#[derive(Clone, Debug)]
pub struct Shape {
    pub ty: Type,
    pub nullable: bool,
    pub constraints: Constraints,
    /// Of a list: its elements.
    pub items: Option<Arc<Shape>>,
    /// Of an object: its members, parallel to [`value::ObjectType::members`].
    pub members: Option<Arc<Vec<Shape>>>,
    /// Of an object's member: its default when absent. (Of a field: see [`Field::default`].)
    pub default: Option<Value>,
    pub description: Option<String>,
}

/// JSON Schema's words. Lengths count characters; numbers compare in the field's type.
#[derive(Clone, Debug, Default)]
pub struct Constraints {
    pub min_length: Option<u32>,
    pub max_length: Option<u32>,
    pub pattern: Option<Pattern>,
    /// `email` or `uri`.
    pub format: Option<TextFormat>,
    pub minimum: Option<Value>,
    pub maximum: Option<Value>,
    pub exclusive_minimum: Option<Value>,
    pub exclusive_maximum: Option<Value>,
    pub multiple_of: Option<Value>,
    pub min_items: Option<u32>,
    pub max_items: Option<u32>,
    pub unique_items: bool,
    /// It stands in a path (`key:`), where neither `.` nor `..` can: whoever resolves a URL takes
    /// them away (RFC 3986 §5.2.4).
    pub path_segment: bool,
}

impl Constraints {
    /// The least and the greatest number that is allowed, or that lies just outside of it.
    pub fn ends(&self) -> (Option<Value>, Option<Value>) {
        let either = |a: &Option<Value>, b: &Option<Value>| a.clone().or_else(|| b.clone());
        (
            either(&self.minimum, &self.exclusive_minimum),
            either(&self.maximum, &self.exclusive_maximum),
        )
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextFormat {
    Email,
    Uri,
    /// ISO 8601, as RFC 3339 appendix A has it: `P1Y2M3D`, `PT1H30M`, `P2W`.
    Duration,
}

/// A `pattern`, compiled once. Linear time; unanchored, as in JSON Schema.
#[derive(Clone, Debug)]
pub struct Pattern {
    pub source: String,
    pub regex: regex::Regex,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Deprecated {
    pub since: Option<String>,
    pub sunset: Option<String>,
    pub replacement: Option<String>,
    pub why: Option<String>,
}

impl Deprecated {
    /// From when on it is not served any more.
    pub fn gone_at(&self) -> Option<Timestamp> {
        let sunset = Date::parse(self.sunset.as_deref()?).ok()?;
        Some(sunset.midnight())
    }
}

impl Field {
    /// Lies in the table (everything but computed fields).
    pub fn is_stored(&self) -> bool {
        !matches!(self.kind, FieldKind::Computed(_))
    }

    pub fn is_system(&self) -> bool {
        matches!(self.kind, FieldKind::System(_))
    }

    /// `(relation name, target)` of a relation field.
    pub fn relation(&self) -> Option<(&str, ResourceId)> {
        match &self.kind {
            FieldKind::Relation { relation, target } => Some((relation, *target)),
            _ => None,
        }
    }

    /// Whether rules may read it of a caller whose record has it, as `user.NAME`: one value that
    /// is stored and has a text (a claim is one), and that is no secret.
    pub fn can_be_claim(&self) -> bool {
        let scalar = !matches!(
            self.shape.ty,
            Type::Duration | Type::Money | Type::List(_) | Type::Object(_) | Type::Json
        );
        self.is_stored() && scalar && !self.write_only
    }

    /// A client must give it on create.
    pub fn required_on_create(&self) -> bool {
        !self.read_only && !self.shape.nullable && self.default.is_none() && self.set.is_none()
    }
}
