//! Writing one record: insert, update, delete, and what is asked around them.
//!
//! An update or delete names the version it was decided on; that it changed no row means that
//! somebody else was faster. Whether the caller may write at all is asked in the same
//! transaction, with [`holds`] or an [`crate::Output::Holds`] of the locked row.

use expr::Expr;
use expr::ir::{NEXT, THIS};
use model::{Model, Resource, SystemField};
use value::{FieldId, IdKind, ResourceId, Type};

use crate::driver::{Cost, Dialect, Storage};
use crate::layout::{self, DELETED_AT, SEARCH, VERSION};
use crate::lower::{self, Form, Lowering, Place, Unsupported};
use crate::prepared::{Cell, Part, Prepared};
use crate::references::relations_to;
use crate::sql::{self, Sql};

mod published;

pub use published::{Published, insert_published, insert_published_once};

/// Inserts a record.
///
/// Arguments: all stored fields in the order of their ids (an integer id may be null: the
/// database counts), the version, and with `search:` the search text. If the database is to count
/// the id, run it as [`crate::driver::Transaction::insert`].
pub fn insert(model: &Model, dialect: Dialect, resource: ResourceId) -> Prepared {
    let resource = model.resource(resource);
    let mut sql = Sql::new(dialect);
    begin_insert(&mut sql, resource, true);
    // SQLite would gather what is returned in a table, which costs as much as the insert.
    if is_counted(resource) && dialect == Dialect::Postgres {
        sql.push(" RETURNING ");
        sql.name(&resource.id_field().name);
        sql.returns(Storage::Int, Cell::Plain);
    }
    sql.finish(Cost::Short)
}

fn is_counted(resource: &Resource) -> bool {
    resource.id_type.kind == IdKind::Integer
}

/// `INSERT INTO … VALUES (…)`; `with_id` unless the database counts it. Says which argument is
/// the version.
fn begin_insert(sql: &mut Sql, resource: &Resource, with_id: bool) -> u16 {
    let id = resource.id_field();
    sql.push("INSERT INTO ");
    sql.name(&resource.snake);
    sql.push(" (");
    let columns = layout::table_columns(resource);
    let filled = columns
        .iter()
        .filter(|column| column.name != DELETED_AT && (with_id || column.name != id.name));
    for (at, column) in filled.enumerate() {
        sql.comma(at);
        sql.name(&column.name);
    }
    sql.push(") VALUES (");
    let given = layout::stored_fields(resource).filter(|field| with_id || field.id != id.id);
    for (at, field) in given.enumerate() {
        sql.comma(at);
        let arg = sql.take_args(1);
        if field.id == id.id && is_counted(resource) && !sql.is_sqlite() {
            // An id that was given counts too: the next one is beyond it.
            let sequence = serial(resource);
            sql.push("CASE WHEN ");
            sql.arg(arg, &field.shape.ty);
            sql.push(" IS NULL THEN nextval(");
            sql.push(&sequence);
            sql.push(") WHEN ");
            sql.arg(arg, &field.shape.ty);
            sql.push(" > COALESCE(pg_sequence_last_value(");
            sql.push(&sequence);
            sql.push("::regclass), 0) THEN setval(");
            sql.push(&sequence);
            sql.push(", ");
            sql.arg(arg, &field.shape.ty);
            sql.push(") ELSE ");
            sql.arg(arg, &field.shape.ty);
            sql.push(" END");
        } else {
            parts(&field.shape.ty, |at, part| {
                sql.comma(at);
                sql.arg_part(arg, &field.shape.ty, part);
            });
        }
    }
    sql.push(", ");
    let version = sql.take_args(1);
    sql.arg(version, &Type::Int64);
    if !resource.search.is_empty() {
        sql.push(", ");
        let text = sql.take_args(1);
        sql.arg(text, &Type::Text);
    }
    sql.push(")");
    version
}

/// Whether ids can be drawn ahead: where they are counted, and not by the one writer as it writes.
pub fn draws(resource: &Resource, dialect: Dialect) -> bool {
    resource.id_type.kind == IdKind::Integer && dialect == Dialect::Postgres
}

/// Draws ids, where that [can be](draws), for records that are made next, so that nobody has to
/// wait for the id of each. Argument: how many. As many rows.
pub fn draw(resource: &Resource, dialect: Dialect) -> Prepared {
    let mut sql = Sql::new(dialect);
    sql.push("SELECT nextval(");
    sql.push(&serial(resource));
    sql.push(") FROM generate_series(1, ");
    let count = sql.take_args(1);
    sql.arg(count, &Type::Int64);
    sql.push(")");
    sql.returns(Storage::Int, Cell::Plain);
    sql.finish(Cost::Short)
}

/// What PostgreSQL counts ids with.
fn serial(resource: &Resource) -> String {
    format!(
        "pg_get_serial_sequence({}, {})",
        sql::literal(&sql::quoted(&resource.snake)),
        sql::literal(&resource.id_field().name)
    )
}

/// Whether [`update`] of these fields wants the search text too.
pub fn changes_search(resource: &Resource, fields: &[FieldId]) -> bool {
    resource.search.iter().any(|field| fields.contains(field))
}

/// Changes fields of a record, its version and the time of its last change.
///
/// Arguments: the new values of `fields` (stored ones, `updated_at` not among them) in their
/// order, with [`changes_search`] the search text, `updated_at`, the id, the version it had.
/// Changes one row, or none when the record is gone or has another version.
pub fn update(
    model: &Model,
    dialect: Dialect,
    resource: ResourceId,
    fields: &[FieldId],
) -> Prepared {
    let resource = model.resource(resource);
    let mut sql = begin_update(dialect, resource);
    for field in fields {
        let field = resource.field(*field);
        let arg = sql.take_args(1);
        let columns = layout::columns(field);
        parts(&field.shape.ty, |at, part| {
            if let Some(column) = columns.get(at) {
                sql.name(&column.name);
                sql.push(" = ");
                sql.arg_part(arg, &field.shape.ty, part);
                sql.push(", ");
            }
        });
    }
    if changes_search(resource, fields) {
        sql.name(SEARCH);
        sql.push(" = ");
        let text = sql.take_args(1);
        sql.arg(text, &Type::Text);
        sql.push(", ");
    }
    let updated_at = &resource.system_field(SystemField::UpdatedAt).name;
    end_update(sql, resource, updated_at)
}

/// Deletes a record. Arguments: the id, the version it had.
pub fn delete(model: &Model, dialect: Dialect, resource: ResourceId) -> Prepared {
    let resource = model.resource(resource);
    let mut sql = Sql::new(dialect);
    sql.push("DELETE FROM ");
    sql.name(&resource.snake);
    of_version(&mut sql, resource);
    sql.finish(Cost::Short)
}

/// Deletes a record so that it can be restored. Arguments: the time, the id, the version it had.
pub fn soft_delete(model: &Model, dialect: Dialect, resource: ResourceId) -> Prepared {
    let resource = model.resource(resource);
    let sql = begin_update(dialect, resource);
    end_update(sql, resource, DELETED_AT)
}

/// Takes a soft delete back. Arguments: the time, which becomes `updated_at`; the id, the version
/// the deleted record had.
pub fn restore(model: &Model, dialect: Dialect, resource: ResourceId) -> Prepared {
    let resource = model.resource(resource);
    let mut sql = begin_update(dialect, resource);
    sql.name(DELETED_AT);
    sql.push(" = NULL, ");
    let updated_at = &resource.system_field(SystemField::UpdatedAt).name;
    end_update(sql, resource, updated_at)
}

/// Records that [`purge`] deletes at once: other writes wait for no more than these.
pub const PURGED_AT_ONCE: u32 = 500;

/// Deletes for good what was deleted before a time, at most [`PURGED_AT_ONCE`] records and the
/// oldest first: repeat while it deletes so many. What other records still point to stays until
/// they are gone. Arguments: the time; with `only`, the value that this field must have.
pub fn purge(
    model: &Model,
    dialect: Dialect,
    resource: ResourceId,
    only: Option<FieldId>,
) -> Prepared {
    let resource = model.resource(resource);
    let id = &resource.id_field().name;
    let mut sql = Sql::new(dialect);
    let (table, old) = (sql.alias(), sql.alias());
    let before = sql.take_args(1);
    sql.push("DELETE FROM ");
    sql.table(&resource.snake, table);
    // Asked again of the row itself: it may be restored while this waits for it.
    sql.push(" WHERE ");
    sql.column(table, DELETED_AT);
    sql.push(" < ");
    sql.arg(before, &Type::Timestamp);
    sql.push(" AND ");
    sql.column(table, id);
    sql.push(" IN (SELECT ");
    sql.column(old, id);
    sql.push(" FROM ");
    sql.table(&resource.snake, old);
    sql.push(" WHERE ");
    sql.column(old, DELETED_AT);
    sql.push(" < ");
    sql.arg(before, &Type::Timestamp);
    if let Some(field) = only {
        let field = resource.field(field);
        let wanted = sql.take_args(1);
        sql.push(" AND ");
        sql.column(old, &field.name);
        sql.push(" = ");
        sql.arg(wanted, &field.shape.ty);
    }
    for (other, field) in relations_to(model, resource) {
        let there = sql.alias();
        sql.push(" AND NOT EXISTS (SELECT 1 FROM ");
        sql.table(&other.snake, there);
        sql.push(" WHERE ");
        sql.column(there, &field.name);
        sql.push(" = ");
        sql.column(old, id);
        if other.id == resource.id {
            sql.push(" AND ");
            sql.column(there, id);
            sql.push(" <> ");
            sql.column(old, id);
        }
        sql.push(")");
    }
    sql.push(" ORDER BY ");
    sql.column(old, DELETED_AT);
    sql.push(", ");
    sql.column(old, id);
    sql.push(" LIMIT ");
    sql.integer(i64::from(PURGED_AT_ONCE));
    sql.push(")");
    sql.finish(Cost::Short)
}

/// Whether a condition holds for a stored record: one row with one boolean, or no row if there
/// is no such record.
///
/// The condition is about THIS, and may be about NEXT. Arguments: the id; if the condition
/// names NEXT, then all stored fields of the record as it would become, in the order of their
/// ids.
///
/// # Errors
/// When only memory can decide the condition.
pub fn holds(
    model: &Model,
    dialect: Dialect,
    resource: ResourceId,
    condition: &Expr,
) -> Result<Prepared, Unsupported> {
    let described = model.resource(resource);
    let mut sql = Sql::new(dialect);
    let id = sql.take_args(1);
    let next = lower::names(condition, NEXT).then(|| take_record(&mut sql, described));
    let alias = sql.alias();
    sql.push("SELECT ");
    let mut lowering = Lowering::new(model, &mut sql, Form::Rows);
    lowering.bind(THIS, Place::Row { alias, resource });
    if let Some(first) = next {
        lowering.bind(NEXT, Place::Args { first, resource });
    }
    lowering.condition(condition)?;
    sql.push(" FROM ");
    sql.table(&described.snake, alias);
    sql.push(" WHERE ");
    sql.column(alias, &described.id_field().name);
    sql.push(" = ");
    sql.arg(id, &described.id_field().shape.ty);
    sql.returns(Storage::Bool, Cell::Plain);
    Ok(sql.finish(Cost::Short))
}

/// Whether a condition holds for a record that is not stored: one row with one boolean. Both
/// THIS and NEXT are that record.
///
/// Arguments: all its stored fields in the order of their ids.
///
/// # Errors
/// When only memory can decide the condition.
pub fn holds_unsaved(
    model: &Model,
    dialect: Dialect,
    resource: ResourceId,
    condition: &Expr,
) -> Result<Prepared, Unsupported> {
    let mut sql = Sql::new(dialect);
    let first = take_record(&mut sql, model.resource(resource));
    sql.push("SELECT ");
    let mut lowering = Lowering::new(model, &mut sql, Form::Rows);
    lowering.bind(THIS, Place::Args { first, resource });
    lowering.bind(NEXT, Place::Args { first, resource });
    lowering.condition(condition)?;
    sql.returns(Storage::Bool, Cell::Plain);
    Ok(sql.finish(Cost::Short))
}

/// Makes the database count integer ids on from at least this one. Argument: the highest id
/// that was given to [`insert`]. `None` where it does so by itself. Run it as a query.
pub fn count_on(model: &Model, dialect: Dialect, resource: ResourceId) -> Option<Prepared> {
    let resource = model.resource(resource);
    if dialect == Dialect::Sqlite || resource.id_type.kind != IdKind::Integer {
        return None;
    }
    let mut sql = Sql::new(dialect);
    sql.push("SELECT setval(counter, GREATEST(");
    let highest = sql.take_args(1);
    sql.arg(highest, &Type::Int64);
    sql.push(
        ", COALESCE(pg_sequence_last_value(counter), 1))) FROM (SELECT pg_get_serial_sequence(",
    );
    sql.push(&sql::literal(&sql::quoted(&resource.snake)));
    sql.push(", ");
    sql.push(&sql::literal(&resource.id_field().name));
    sql.push(")::regclass AS counter) AS counters WHERE ");
    sql.arg(highest, &Type::Int64);
    // Ids below those that are counted stand in nobody's way.
    sql.push(" > 0");
    sql.returns(Storage::Int, Cell::Plain);
    Some(sql.finish(Cost::Short))
}

fn begin_update(dialect: Dialect, resource: &Resource) -> Sql {
    let mut sql = Sql::new(dialect);
    sql.push("UPDATE ");
    sql.name(&resource.snake);
    sql.push(" SET ");
    sql
}

/// Ends an update of one record, which goes into its next version. Arguments: the time, which
/// goes into `column`; the id, the version it had.
fn end_update(mut sql: Sql, resource: &Resource, column: &str) -> Prepared {
    sql.name(column);
    sql.push(" = ");
    let at = sql.take_args(1);
    sql.arg(at, &Type::Timestamp);
    sql.push(", ");
    sql.name(VERSION);
    sql.push(" = ");
    sql.name(VERSION);
    sql.push(" + 1");
    of_version(&mut sql, resource);
    sql.finish(Cost::Short)
}

/// ` WHERE id = … AND version = …`
fn of_version(sql: &mut Sql, resource: &Resource) {
    let id = resource.id_field();
    sql.push(" WHERE ");
    sql.name(&id.name);
    sql.push(" = ");
    let arg = sql.take_args(1);
    sql.arg(arg, &id.shape.ty);
    sql.push(" AND ");
    sql.name(VERSION);
    sql.push(" = ");
    let arg = sql.take_args(1);
    sql.arg(arg, &Type::Int64);
}

fn take_record(sql: &mut Sql, resource: &Resource) -> u16 {
    let count = layout::stored_fields(resource).count();
    sql.take_args(u16::try_from(count).expect("fields are counted in 16 bits"))
}

/// Calls `write` for each column a value of the type lies in.
fn parts(ty: &Type, mut write: impl FnMut(usize, Part)) {
    if *ty == Type::Money {
        write(0, Part::Amount);
        write(1, Part::Currency);
    } else {
        write(0, Part::Whole);
    }
}
