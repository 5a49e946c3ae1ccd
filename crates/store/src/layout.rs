//! A model's tables: which columns and indexes a resource has, and what they are called.
//!
//! Names are taken from the contract (`Resource::snake`, `Field::name`) and always quoted, so
//! no word of SQL is reserved. What is said here holds for both databases; how it is spelled
//! as DDL is the business of [`crate::migrate`].

use model::{Field, FieldKind, Model, Resource};
use value::{FieldId, IdKind, IdType, Type};

use crate::driver::Storage;

/// Counts the changes of a row, from 1. Part of its ETag.
pub const VERSION: &str = "_version";
/// The folded text that `q` looks through.
pub const SEARCH: &str = "_search";
/// When a record was deleted, where that can be taken back; null in records that are there.
pub const DELETED_AT: &str = "_deleted_at";

/// The longest name PostgreSQL keeps whole, in bytes.
const NAME_BYTES_MAX: usize = 63;

/// A column of a resource's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub storage: Storage,
    pub nullable: bool,
}

/// An index of a resource's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    pub name: String,
    /// The fields it is about. Money brings two columns.
    pub fields: Vec<FieldId>,
    /// In order; a trailing `id` makes pages stable and is no part of `fields`.
    pub columns: Vec<String>,
    pub unique: bool,
    pub rows: Rows,
}

/// Which rows an index holds. Where records are deleted softly, lists walk indexes that hold
/// only what is there: a page costs the same however much has been deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rows {
    #[default]
    All,
    /// Not deleted.
    Live,
    Deleted,
}

/// How values of a type lie in a column. Money lies in two, see [`columns`].
pub fn storage(ty: &Type) -> Storage {
    match ty {
        Type::Bool => Storage::Bool,
        // A duration is no field's type; computed with, it is milliseconds.
        Type::Int32 | Type::Int53 | Type::Int64 | Type::Duration => Storage::Int,
        Type::Float => Storage::Float,
        Type::Text | Type::Enum(_) => Storage::Text,
        Type::Decimal | Type::Money => Storage::Decimal,
        Type::Date => Storage::Date,
        Type::Timestamp => Storage::Timestamp,
        Type::Uuid => Storage::Uuid,
        Type::Id(id) => id_storage(id),
        Type::List(_) | Type::Object(_) | Type::Json => Storage::Json,
    }
}

pub fn id_storage(id: &IdType) -> Storage {
    match id.kind {
        IdKind::TypeId | IdKind::Random | IdKind::Uuid => Storage::Uuid,
        IdKind::Integer => Storage::Int,
        IdKind::Text => Storage::Text,
    }
}

/// The columns of a field: none if it is computed, two for money, one otherwise.
pub fn columns(field: &Field) -> Vec<Column> {
    let column = |name: String, storage| Column {
        name,
        storage,
        nullable: field.shape.nullable,
    };
    match (&field.kind, &field.shape.ty) {
        (FieldKind::Computed(_), _) => vec![],
        (_, Type::Money) => vec![
            column(amount_column(&field.name), Storage::Decimal),
            column(currency_column(&field.name), Storage::Text),
        ],
        (_, ty) => vec![column(field.name.clone(), storage(ty))],
    }
}

pub(crate) fn amount_column(field: &str) -> String {
    format!("{field}_amount")
}

pub(crate) fn currency_column(field: &str) -> String {
    format!("{field}_currency")
}

/// All columns of a resource's table, the hidden ones last.
pub fn table_columns(resource: &Resource) -> Vec<Column> {
    let mut all: Vec<Column> = resource.fields.iter().flat_map(columns).collect();
    all.push(Column {
        name: VERSION.to_owned(),
        storage: Storage::Int,
        nullable: false,
    });
    if !resource.search.is_empty() {
        all.push(Column {
            name: SEARCH.to_owned(),
            storage: Storage::Text,
            nullable: false,
        });
    }
    if resource.soft_delete.is_some() {
        all.push(Column {
            name: DELETED_AT.to_owned(),
            storage: Storage::Timestamp,
            nullable: true,
        });
    }
    all
}

/// The fields that lie in the table, in the order of their ids.
pub fn stored_fields(resource: &Resource) -> impl Iterator<Item = &Field> {
    resource.fields.iter().filter(|field| field.is_stored())
}

/// The indexes of a resource's table besides its primary key.
pub fn indexes(resource: &Resource) -> Vec<Index> {
    let id = resource.id_field();
    let mut all: Vec<Index> = Vec::new();
    let mut add = |index: Index| {
        if !all.iter().any(|known| known.name == index.name) {
            all.push(index);
        }
    };
    let soft = resource.soft_delete.is_some();
    for field in stored_fields(resource).filter(|field| field.id != id.id) {
        if field.unique {
            add(unique(resource, &[field.id]));
        } else if field.indexed && (!soft || field.relation().is_some()) {
            // Databases look through it, deleted rows and all, when what is pointed at goes.
            add(plain(resource, &[field.id], Rows::All));
        }
        if soft && field.indexed {
            add(plain(resource, &[field.id], Rows::Live));
        }
    }
    for fields in resource.unique.iter().filter(|fields| !fields.is_empty()) {
        add(unique(resource, fields));
    }
    let listed = if soft { Rows::Live } else { Rows::All };
    for fields in resource.index.iter().filter(|fields| !fields.is_empty()) {
        add(plain(resource, fields, listed));
    }
    if soft {
        add(plain(resource, &[id.id], Rows::Live));
        add(Index {
            name: name(format!("{}__deleted", resource.snake)),
            fields: vec![],
            columns: vec![DELETED_AT.to_owned(), id.name.clone()],
            unique: false,
            rows: Rows::Deleted,
        });
    }
    all
}

fn unique(resource: &Resource, fields: &[FieldId]) -> Index {
    Index {
        name: index_name(resource, fields, "unique"),
        fields: fields.to_vec(),
        columns: index_columns(resource, fields),
        unique: true,
        rows: Rows::All,
    }
}

fn plain(resource: &Resource, fields: &[FieldId], rows: Rows) -> Index {
    let mut columns = index_columns(resource, fields);
    let id = &resource.id_field().name;
    if !columns.contains(id) {
        columns.push(id.clone());
    }
    Index {
        name: index_name(
            resource,
            fields,
            if rows == Rows::Live { "live" } else { "index" },
        ),
        fields: fields.to_vec(),
        columns,
        unique: false,
        rows,
    }
}

fn index_columns(resource: &Resource, fields: &[FieldId]) -> Vec<String> {
    fields
        .iter()
        .flat_map(|field| columns(resource.field(*field)))
        .map(|column| column.name)
        .collect()
}

fn index_name(resource: &Resource, fields: &[FieldId], end: &str) -> String {
    let fields: Vec<&str> = fields
        .iter()
        .map(|field| resource.field(*field).name.as_str())
        .collect();
    name(format!("{}__{}__{end}", resource.snake, fields.join("__")))
}

/// A name as both databases keep it: one that is too long is cut and told apart by a hash.
pub(crate) fn name(name: String) -> String {
    if name.len() <= NAME_BYTES_MAX {
        return name;
    }
    // FNV-1a: the same in every release, since the names stay in databases.
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mut cut = NAME_BYTES_MAX - 18;
    while !name.is_char_boundary(cut) {
        cut -= 1;
    }
    format!("{}__{hash:016x}", &name[..cut])
}

/// The table a relation's field points to.
pub(crate) fn reference<'m>(model: &'m Model, field: &Field) -> Option<&'m Resource> {
    field.relation().map(|(_, target)| model.resource(target))
}
