//! Counters: `sequence: Repo` counts a field 1, 2, 3 … for each record of another resource.
//!
//! A counter is moved in the transaction of the write that uses its number. So a write that is
//! undone leaves no gap, two writers of one record's numbers wait for each other, and a number
//! is not given again when what had it is deleted.

use model::{Field, Model, Resource};
use value::{FieldId, ResourceId, Type};

use crate::driver::{Cost, Dialect, Storage};
use crate::layout;
use crate::prepared::{Cell, Prepared};
use crate::sql::{Sql, literal, quoted};

pub(crate) const TABLE: &str = "frontdesk_sequences";

/// Takes the next number. Argument: the id of the record it is counted for. One row with the
/// number.
pub fn next(model: &Model, dialect: Dialect, resource: ResourceId, field: FieldId) -> Prepared {
    let (mut sql, parent) = counter(model, dialect, resource, field);
    let id = sql.take_args(1);
    begin(&mut sql, model.resource(resource), field, parent, id);
    sql.push("1) ON CONFLICT (\"sequence\", \"parent\") DO UPDATE SET \"last\" = ");
    sql.name(TABLE);
    sql.push(".\"last\" + 1 RETURNING \"last\"");
    sql.returns(Storage::Int, Cell::Plain);
    sql.finish(Cost::Short)
}

/// Follows a number that a record brings along: the next one is higher. Arguments: the id of
/// the record it is counted for, the number.
pub fn follow(model: &Model, dialect: Dialect, resource: ResourceId, field: FieldId) -> Prepared {
    let (mut sql, parent) = counter(model, dialect, resource, field);
    let id = sql.take_args(1);
    let number = sql.take_args(1);
    begin(&mut sql, model.resource(resource), field, parent, id);
    sql.arg(number, &Type::Int64);
    sql.push(") ON CONFLICT (\"sequence\", \"parent\") DO UPDATE SET \"last\" = CASE WHEN ");
    sql.name(TABLE);
    sql.push(".\"last\" < excluded.\"last\" THEN excluded.\"last\" ELSE ");
    sql.name(TABLE);
    sql.push(".\"last\" END");
    sql.finish(Cost::Short)
}

/// Forgets what was counted for a record that is deleted. Argument: its id. `None` where nothing
/// is counted for records of the resource.
pub fn forget(model: &Model, dialect: Dialect, resource: ResourceId) -> Option<Prepared> {
    let names: Vec<String> = counted_for(model, resource)
        .map(|(counted, field)| literal(&name(&counted.snake, &field.name)))
        .collect();
    if names.is_empty() {
        return None;
    }
    let mut sql = Sql::new(dialect);
    let id = sql.take_args(1);
    sql.push("DELETE FROM ");
    sql.name(TABLE);
    sql.push(" WHERE \"parent\" = ");
    parent(&mut sql, &model.resource(resource).id_field().shape.ty, id);
    sql.push(" AND \"sequence\" IN (");
    sql.push(&names.join(", "));
    sql.push(")");
    Some(sql.finish(Cost::Short))
}

/// The fields that are counted for records of a resource, and whose they are.
pub fn counted_for(
    model: &Model,
    resource: ResourceId,
) -> impl Iterator<Item = (&Resource, &Field)> {
    model.resources.iter().flat_map(move |counted| {
        counted
            .fields
            .iter()
            .filter(move |field| {
                let by = field.sequence.and_then(|by| counted.field(by).relation());
                by.is_some_and(|(_, target)| target == resource)
            })
            .map(move |field| (counted, field))
    })
}

fn counter(model: &Model, dialect: Dialect, resource: ResourceId, field: FieldId) -> (Sql, Type) {
    let resource = model.resource(resource);
    let by = resource.field(field).sequence.unwrap_or(field);
    (Sql::new(dialect), resource.field(by).shape.ty.clone())
}

/// As far as the number.
fn begin(sql: &mut Sql, resource: &Resource, field: FieldId, parent_type: Type, id: u16) {
    sql.push("INSERT INTO ");
    sql.name(TABLE);
    sql.push(" (\"sequence\", \"parent\", \"last\") VALUES (");
    sql.push(&literal(&name(
        &resource.snake,
        &resource.field(field).name,
    )));
    sql.push(", ");
    parent(sql, &parent_type, id);
    sql.push(", ");
}

/// The id as text.
fn parent(sql: &mut Sql, ty: &Type, id: u16) {
    let (front, back) = as_text(layout::storage(ty), sql.dialect);
    sql.push(front);
    sql.arg(id, ty);
    sql.push(back);
}

/// What stands around an id so that it is text, whatever kind of id it is.
fn as_text(storage: Storage, dialect: Dialect) -> (&'static str, &'static str) {
    match (dialect, storage) {
        // Sixteen bytes are no text there.
        (Dialect::Sqlite, Storage::Uuid) => ("hex(", ")"),
        // A parameter must be told from text first.
        (Dialect::Postgres, Storage::Uuid) => ("CAST(CAST(", " AS uuid) AS TEXT)"),
        (Dialect::Postgres, Storage::Int) => ("CAST(CAST(", " AS bigint) AS TEXT)"),
        _ => ("CAST(", " AS TEXT)"),
    }
}

/// What a counter is called: the table and the column, as they are called now.
fn name(table: &str, column: &str) -> String {
    format!("{table}.{column}")
}

pub(crate) fn create_table(dialect: Dialect) -> String {
    let (text, int, end) = match dialect {
        Dialect::Sqlite => ("TEXT", "INTEGER", " STRICT, WITHOUT ROWID"),
        Dialect::Postgres => ("text COLLATE \"C\"", "bigint", ""),
    };
    format!(
        "CREATE TABLE \"{TABLE}\" (\"sequence\" {text} NOT NULL, \"parent\" {text} NOT NULL, \
         \"last\" {int} NOT NULL, PRIMARY KEY (\"sequence\", \"parent\")){end}"
    )
}

/// For migrations: the counters of a table's column, as high as its highest numbers.
pub(crate) fn recount(
    table: &str,
    column: &str,
    by: &str,
    by_storage: Storage,
    dialect: Dialect,
) -> Vec<String> {
    let (front, back) = as_text(by_storage, dialect);
    let by = quoted(by);
    vec![
        forget_all(table, column),
        format!(
            "INSERT INTO \"{TABLE}\" (\"sequence\", \"parent\", \"last\") \
             SELECT {}, {front}{by}{back}, MAX({}) FROM {} GROUP BY {by}",
            literal(&name(table, column)),
            quoted(column),
            quoted(table),
        ),
    ]
}

/// For migrations: the counters of a column that is no longer counted.
pub(crate) fn forget_all(table: &str, column: &str) -> String {
    format!(
        "DELETE FROM \"{TABLE}\" WHERE \"sequence\" = {}",
        literal(&name(table, column))
    )
}

/// Begins the names of counters on their way to another name: two may change theirs.
const MOVING: &str = "moving ";

/// For migrations: the counters follow a column that is called otherwise. [`arrive`] ends it.
pub(crate) fn depart(from: (&str, &str), to: (&str, &str)) -> String {
    format!(
        "UPDATE \"{TABLE}\" SET \"sequence\" = {} WHERE \"sequence\" = {}",
        literal(&format!("{MOVING}{}", name(to.0, to.1))),
        literal(&name(from.0, from.1)),
    )
}

/// Whether a statement is of those that [`depart`] makes.
pub(crate) fn departs(sql: &str) -> bool {
    sql.starts_with(&format!("UPDATE \"{TABLE}\" SET \"sequence\" = '{MOVING}"))
}

pub(crate) fn arrive() -> String {
    format!(
        "UPDATE \"{TABLE}\" SET \"sequence\" = substr(\"sequence\", {}) \
         WHERE substr(\"sequence\", 1, {}) = '{MOVING}'",
        MOVING.len() + 1,
        MOVING.len(),
    )
}
