//! What is asked.

use std::sync::Arc;

use model::Action;
use serde_json::{Map, Value as Json};
use value::{ResourceId, Timestamp};

use crate::caller::Caller;
use crate::failure::{FieldProblem, Place};
use crate::manner::Manner;

/// One request in any style, before anything is decided.
#[derive(Clone, Debug)]
pub struct Request {
    pub resource: ResourceId,
    pub action: Action,
    pub caller: Arc<Caller>,
    /// `now` in every rule and formula of this request.
    pub now: Timestamp,
    /// Which record; none for list and create.
    pub target: Option<RecordKey>,
    /// The record whose list this is: `/authors/{id}/books`. List and create only.
    pub parent: Option<Parent>,
    /// Create, update, replace.
    pub change: Option<Change>,
    /// List only.
    pub query: Query,
    pub view: ViewRequest,
    pub precondition: Precondition,
    /// Writes only.
    pub manner: Manner,
}

impl Request {
    /// A request that says nothing yet but who asks for what, and when.
    pub fn new(
        resource: ResourceId,
        action: Action,
        caller: Arc<Caller>,
        now: Timestamp,
    ) -> Request {
        Request {
            resource,
            action,
            caller,
            now,
            target: None,
            parent: None,
            change: None,
            query: Query::default(),
            view: ViewRequest::default(),
            precondition: Precondition::default(),
            manner: Manner::default(),
        }
    }

    /// Who asks for what, and when: what is left when all that it says is taken away.
    #[must_use]
    pub fn bare(&self) -> Request {
        let caller = Arc::clone(&self.caller);
        Request::new(self.resource, self.action, caller, self.now)
    }
}

/// What names a record, as text; whether it can be a key is the engine's question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordKey {
    Id(String),
    /// The values that stand in its path where the contract gives it a path of its own
    /// (`key:`, `within:`), those of the records around it first: `octo`, `hello`, `7`.
    Natural(Vec<String>),
}

impl RecordKey {
    /// What tells the record from others at the same place, for messages.
    pub fn name(&self) -> String {
        match self {
            RecordKey::Id(id) => id.clone(),
            RecordKey::Natural(values) => values.join("/"),
        }
    }
}

/// A list that belongs to a record: `/authors/{id}/books`.
#[derive(Clone, Debug, PartialEq)]
pub struct Parent {
    pub resource: ResourceId,
    pub key: RecordKey,
    pub list: NestedList,
}

/// Which of a record's lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NestedList {
    /// One that the contract names (`lists:`).
    Named(String),
    /// The records that live inside this one (`within:`).
    Within,
}

/// What to write. Members have three states: absent, null, a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// All of a new record, or all of an existing one (replace).
    Whole(Map<String, Json>),
    /// RFC 7396: absent keeps, null clears.
    Merge(Map<String, Json>),
    /// RFC 6902, to be applied to the record as the caller sees it.
    Patch(Json),
    /// Many writes of one resource, all or none. Each is judged as the action it is; that of
    /// the request itself does not count.
    Batch(Batch),
}

/// Many writes, done in this order. One that could not be read is nothing, in its place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Whole records.
    pub create: Vec<Option<Map<String, Json>>>,
    /// Merge patches.
    pub update: Vec<Option<Part>>,
    pub delete: Vec<Option<Part>>,
    /// What the door could not read: refused together with what the engine finds, so that a client
    /// is told everything at once.
    pub unreadable: Vec<FieldProblem>,
}

/// One write to a record that is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    pub target: RecordKey,
    /// Empty for a delete.
    pub change: Map<String, Json>,
    pub precondition: Precondition,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// All must hold.
    pub filters: Vec<Filter>,
    /// Must hold as well; filters alone are its AND.
    pub condition: Option<Condition>,
    /// `q`: words that must all occur in the resource's search fields.
    pub words: Option<String>,
    pub sort: Vec<SortKey>,
    pub limit: Option<u32>,
    pub cursor: Option<String>,
    pub total: bool,
    /// What the door could not read: refused together with what the engine finds, so that a client
    /// is told everything at once.
    pub unreadable: Vec<FieldProblem>,
}

/// Filters joined by AND, OR and NOT.
///
/// A filter holds or does not hold, also where a field is null, so NOT is what it says: exactly
/// the records that its inside does not find.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    Is(Filter),
    /// Of none: holds.
    All(Vec<Condition>),
    /// Of none: does not hold.
    Any(Vec<Condition>),
    Not(Box<Condition>),
}

/// One comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    /// The relation of a one-hop filter: `author` in `author.name`.
    pub relation: Option<String>,
    pub field: String,
    pub operator: Operator,
    pub operand: Operand,
    /// Where it stands in the request (`price[lte]`, `/where/price/lte`), for problems.
    pub place: Place,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// As text, to be read as the field's type. For `in`: comma-separated, a comma or
    /// backslash inside a value escaped by a backslash.
    Text(String),
    Json(Json),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    Eq,
    Ne,
    Lt,
    Lte,
    Gt,
    Gte,
    In,
    Contains,
    StartsWith,
    IsNull,
}

impl Operator {
    pub const ALL: [Operator; 10] = [
        Operator::Eq,
        Operator::Ne,
        Operator::Lt,
        Operator::Lte,
        Operator::Gt,
        Operator::Gte,
        Operator::In,
        Operator::Contains,
        Operator::StartsWith,
        Operator::IsNull,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Operator::Eq => "eq",
            Operator::Ne => "ne",
            Operator::Lt => "lt",
            Operator::Lte => "lte",
            Operator::Gt => "gt",
            Operator::Gte => "gte",
            Operator::In => "in",
            Operator::Contains => "contains",
            Operator::StartsWith => "starts_with",
            Operator::IsNull => "is_null",
        }
    }

    pub fn parse(name: &str) -> Option<Operator> {
        Operator::ALL
            .into_iter()
            .find(|operator| operator.name() == name)
    }

    /// Whether a field of this type and nullability can be asked so.
    pub fn applies_to(self, ty: &value::Type, nullable: bool) -> bool {
        use value::Type;
        let ordered = matches!(
            ty,
            Type::Int32
                | Type::Int53
                | Type::Int64
                | Type::Float
                | Type::Text
                | Type::Decimal
                | Type::Date
                | Type::Timestamp
        );
        match self {
            Operator::Eq | Operator::Ne | Operator::In => {
                ordered || matches!(ty, Type::Bool | Type::Uuid | Type::Id(_) | Type::Enum(_))
            }
            Operator::Lt | Operator::Lte | Operator::Gt | Operator::Gte => ordered,
            Operator::Contains | Operator::StartsWith => matches!(ty, Type::Text),
            Operator::IsNull => nullable,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct SortKey {
    pub field: String,
    pub descending: bool,
}

/// Which part of the records is wanted. Empty means all own fields and no relations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ViewRequest {
    /// `id`, `title`, `author.name`.
    pub fields: Option<Vec<String>>,
    /// `author`, `reviews`, `reviews.reviewer`.
    pub include: Vec<String>,
}

/// What the client believes the record's state to be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Precondition {
    /// `If-Match`: the row versions that are acceptable; `Some(empty)` accepts none.
    pub versions: Option<Vec<i64>>,
    /// `If-Match: *`: the record must exist.
    pub exists: bool,
    /// `If-None-Match: *` on a write: the record must not exist.
    pub absent: bool,
}

impl Precondition {
    /// Says anything at all about the state of an existing record.
    pub fn names_state(&self) -> bool {
        self.versions.is_some() || self.exists
    }
}
