//! What has been applied: a description of tables that outlives the contract it came from.
//!
//! Kept as JSON in the database. Only ever add to its shape: old releases' texts must be read.

use model::{Field, FieldKind, Model, Resource};
use serde::{Deserialize, Serialize};
use value::{IdKind, IdType, Type};

use super::limits::Limits;
use crate::driver::{Storage, StoreError};
use crate::layout::{self, Rows};
use crate::prepared::corrupt;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Applied {
    /// Counts the migrations.
    #[serde(skip)]
    pub number: i64,
    /// Version of frontdesk's own tables.
    #[serde(skip)]
    pub system: u32,
    pub tables: Vec<Table>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Name in the contract: `Book`.
    pub resource: String,
    pub name: String,
    pub id: IdShape,
    /// The stored fields, in order.
    pub fields: Vec<FieldShape>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<IndexShape>,
    /// Names of the fields in the search text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub search: Vec<String>,
    /// Deleted rows stay for a while.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub soft_delete: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdShape {
    Uuid,
    Integer,
    Text,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldShape {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: Kind,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub nullable: bool,
    /// The resource it points to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub references: Option<String>,
    /// The column by which it is counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<String>,
    /// What its values were held to; `None` if an older release did not write it down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Bool,
    Int32,
    Int53,
    Int64,
    Float,
    Text,
    Decimal,
    Money,
    Date,
    Timestamp,
    Uuid,
    Id(IdShape),
    Enum(Vec<String>),
    List(Box<Kind>),
    Object(Vec<MemberShape>),
    Json,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemberShape {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: Kind,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub nullable: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IndexShape {
    pub name: String,
    pub columns: Vec<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unique: bool,
    #[serde(default, skip_serializing_if = "is_all")]
    pub rows: Rows,
}

fn is_all(rows: &Rows) -> bool {
    *rows == Rows::All
}

impl Applied {
    /// Whether frontdesk's own tables lack something that this release works with.
    pub fn is_of_older_release(&self) -> bool {
        self.system < crate::system::VERSION
    }
}

/// What a model needs.
pub fn describe(model: &Model) -> Applied {
    Applied {
        number: 0,
        system: crate::system::VERSION,
        tables: model
            .resources
            .iter()
            .map(|resource| table(model, resource))
            .collect(),
    }
}

fn table(model: &Model, resource: &Resource) -> Table {
    Table {
        resource: resource.name.clone(),
        name: resource.snake.clone(),
        id: IdShape::of(&resource.id_type),
        fields: layout::stored_fields(resource)
            .map(|known| field(model, resource, known))
            .collect(),
        indexes: layout::indexes(resource)
            .into_iter()
            .map(|index| IndexShape {
                name: index.name,
                columns: index.columns,
                unique: index.unique,
                rows: index.rows,
            })
            .collect(),
        search: resource
            .search
            .iter()
            .map(|known| resource.field(*known).name.clone())
            .collect(),
        soft_delete: resource.soft_delete.is_some(),
    }
}

fn field(model: &Model, resource: &Resource, field: &Field) -> FieldShape {
    FieldShape {
        name: field.name.clone(),
        kind: Kind::of(&field.shape.ty),
        nullable: field.shape.nullable,
        references: match &field.kind {
            FieldKind::Relation { target, .. } => Some(model.resource(*target).name.clone()),
            _ => None,
        },
        sequence: field.sequence.map(|by| resource.field(by).name.clone()),
        limits: Some(Limits::of(&field.shape)),
    }
}

impl IdShape {
    fn of(id: &IdType) -> IdShape {
        match id.kind {
            IdKind::TypeId | IdKind::Random | IdKind::Uuid => IdShape::Uuid,
            IdKind::Integer => IdShape::Integer,
            IdKind::Text => IdShape::Text,
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            IdShape::Uuid => "16 bytes (the default, random, uuid)",
            IdShape::Integer => "integers",
            IdShape::Text => "strings",
        }
    }
}

impl Kind {
    fn of(ty: &Type) -> Kind {
        match ty {
            Type::Bool => Kind::Bool,
            Type::Int32 => Kind::Int32,
            Type::Int53 => Kind::Int53,
            // No field is a duration.
            Type::Int64 | Type::Duration => Kind::Int64,
            Type::Float => Kind::Float,
            Type::Text => Kind::Text,
            Type::Decimal => Kind::Decimal,
            Type::Money => Kind::Money,
            Type::Date => Kind::Date,
            Type::Timestamp => Kind::Timestamp,
            Type::Uuid => Kind::Uuid,
            Type::Id(id) => Kind::Id(IdShape::of(id)),
            Type::Enum(values) => {
                Kind::Enum(values.iter().map(|value| value.to_string()).collect())
            }
            Type::List(item) => Kind::List(Box::new(Kind::of(item))),
            Type::Object(object) => Kind::Object(
                object
                    .members
                    .iter()
                    .map(|member| MemberShape {
                        name: member.name.to_string(),
                        kind: Kind::of(&member.ty),
                        nullable: member.nullable,
                    })
                    .collect(),
            ),
            Type::Json => Kind::Json,
        }
    }

    pub(super) fn storage(&self) -> Storage {
        match self {
            Kind::Bool => Storage::Bool,
            Kind::Int32 | Kind::Int53 | Kind::Int64 | Kind::Id(IdShape::Integer) => Storage::Int,
            Kind::Float => Storage::Float,
            Kind::Text | Kind::Enum(_) | Kind::Id(IdShape::Text) => Storage::Text,
            Kind::Decimal | Kind::Money => Storage::Decimal,
            Kind::Date => Storage::Date,
            Kind::Timestamp => Storage::Timestamp,
            Kind::Uuid | Kind::Id(IdShape::Uuid) => Storage::Uuid,
            Kind::List(_) | Kind::Object(_) | Kind::Json => Storage::Json,
        }
    }

    /// In the contract's words.
    pub(super) fn words(&self) -> String {
        match self {
            Kind::Bool => "boolean".to_owned(),
            Kind::Int32 => "integer".to_owned(),
            Kind::Int53 => "integer of format int53".to_owned(),
            Kind::Int64 => "integer of format int64".to_owned(),
            Kind::Float => "number".to_owned(),
            Kind::Text => "string".to_owned(),
            Kind::Decimal => "decimal".to_owned(),
            Kind::Money => "money".to_owned(),
            Kind::Date => "date".to_owned(),
            Kind::Timestamp => "date-time".to_owned(),
            Kind::Uuid => "uuid".to_owned(),
            Kind::Id(shape) => format!("id of {}", shape.words()),
            Kind::Enum(values) => format!("enum of {}", values.join(", ")),
            Kind::List(item) => format!("array of {}", item.words()),
            Kind::Object(members) => {
                let names: Vec<&str> = members.iter().map(|member| member.name.as_str()).collect();
                format!("object of {}", names.join(", "))
            }
            Kind::Json => "json".to_owned(),
        }
    }
}

impl FieldShape {
    /// The columns it lies in, and how.
    pub(super) fn columns(&self) -> Vec<(String, Storage)> {
        match self.kind {
            Kind::Money => vec![
                (layout::amount_column(&self.name), Storage::Decimal),
                (layout::currency_column(&self.name), Storage::Text),
            ],
            _ => vec![(self.name.clone(), self.kind.storage())],
        }
    }
}

impl Table {
    pub(super) fn field(&self, name: &str) -> Option<&FieldShape> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl Applied {
    /// How often the tables had been changed, when this was applied, since they were made.
    pub fn times(&self) -> u64 {
        super::changes(self.number)
    }

    pub fn table(&self, resource: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.resource == resource)
    }

    /// The tables alone, without what their values are held to.
    pub(super) fn bare_tables(&self) -> Vec<Table> {
        let mut tables = self.tables.clone();
        for field in tables.iter_mut().flat_map(|table| &mut table.fields) {
            field.limits = None;
        }
        tables
    }

    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("plain data with text keys is always JSON")
    }

    pub(super) fn from_json(json: &str, number: i64, system: u32) -> Result<Applied, StoreError> {
        let applied: Applied = serde_json::from_str(json)
            .map_err(|error| corrupt(format!("what was applied last cannot be read: {error}")))?;
        Ok(Applied {
            number,
            system,
            ..applied
        })
    }
}
