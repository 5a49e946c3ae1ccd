//! The values a contract speaks of: scalars, ids, time, money, and their JSON form.
//!
//! This is the vocabulary everything above shares. It knows no contract, no SQL and no
//! HTTP; it only knows what a value is, what type it has, and how it is spelled in JSON
//! and in URLs. Begin with [`Value`] and [`Type`].

pub mod csv;
pub mod currency;
pub mod decimal;
pub mod email;
pub mod id;
pub mod json;
pub mod money;
mod order;
pub mod text;
pub mod time;
mod words;

use std::sync::Arc;

pub use currency::Currency;
pub use decimal::Decimal;
pub use id::{IdKind, IdType};
pub use money::Money;
pub use time::{Date, Duration, Timestamp};

/// Index of a resource in its model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceId(pub u16);

/// Index of a field in its resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FieldId(pub u16);

/// One value of any type. Which type it has is known from where it stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    /// `integer`, `int53`, `int64` and integer ids.
    Int(i64),
    /// `number`; always finite.
    Float(f64),
    /// `string`, `text`, enum values and client-chosen ids; never contains U+0000.
    Text(String),
    Decimal(Decimal),
    Money(Money),
    Date(Date),
    Timestamp(Timestamp),
    /// Only inside expressions (`now + duration('10m')`).
    Duration(Duration),
    /// `uuid` fields and every id stored as 16 bytes.
    Uuid([u8; 16]),
    List(Vec<Value>),
    /// Members in the order of their [`ObjectType`].
    Object(Vec<Value>),
    /// A `json` field, kept as its JSON text.
    Json(Box<str>),
}

/// The type of a value, without its constraints (those belong to a field).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    Bool,
    /// `integer`: 32 bits.
    Int32,
    /// `format: int53`: a JSON number up to 2^53 - 1.
    Int53,
    /// `format: int64`: 64 bits, a string in JSON.
    Int64,
    Float,
    /// `string` and `text`.
    Text,
    Decimal,
    Money,
    Date,
    Timestamp,
    Duration,
    Uuid,
    /// The id of a record: of the resource itself, or what a relation holds.
    Id(Arc<IdType>),
    Enum(Arc<[Box<str>]>),
    List(Arc<Type>),
    Object(Arc<ObjectType>),
    Json,
}

/// A named (`types:`) or inline (`properties:`) object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectType {
    /// `None` for an inline object.
    pub name: Option<Box<str>>,
    pub members: Vec<Member>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub name: Box<str>,
    pub ty: Type,
    pub nullable: bool,
}

impl Value {
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }
}
