//! A record and its entry in the feed, in one statement: what most creates are.
//!
//! To a database that is a journey away one statement is a transaction by itself, and many of them
//! can be sent one behind the other. The entry holds the whole record and so its id, which the
//! database may only count as it inserts; then the entry is put together around it there. What is written
//! with an idempotency key keeps its answer in the same statement; that names the record too, so such
//! a record is given its id, drawn before if need be.

use model::{Model, Resource};
use value::{ResourceId, Timestamp, Type, Value};

use super::{begin_insert, is_counted};
use crate::driver::{Cost, Dialect, Storage};
use crate::prepared::{Cell, Prepared};
use crate::sql::Sql;
use crate::{answers, feed, json, layout, search};

/// A new record, as it is written by [`insert_published`].
pub struct Published<'a> {
    /// Indexed by field. An id that the database counts is null, unless it has been drawn.
    pub row: &'a [Value],
    pub version: i64,
    pub at: Timestamp,
    /// As the engine names callers.
    pub caller: String,
}

/// Inserts a record and appends to the feed that it was created. Arguments: [`Published::args`].
/// Gives the id if the database counts it. `None` where one writer does both at once anyway.
pub fn insert_published(model: &Model, dialect: Dialect, resource: ResourceId) -> Option<Prepared> {
    if dialect == Dialect::Sqlite {
        return None;
    }
    let resource = model.resource(resource);
    let mut sql = Sql::new(dialect);
    sql.push("WITH ");
    insert(&mut sql, resource, is_counted(resource));
    Some(sql.finish(Cost::Short))
}

/// The same of a record that has its id, with the answer that is kept: all is refused if there is
/// one. Arguments: those of [`Answer::args`](crate::answers::Answer::args), then
/// [`Published::args`].
pub fn insert_published_once(
    model: &Model,
    dialect: Dialect,
    resource: ResourceId,
) -> Option<Prepared> {
    if dialect == Dialect::Sqlite {
        return None;
    }
    let mut sql = Sql::new(dialect);
    sql.push("WITH \"kept\" AS (");
    answers::insert(&mut sql);
    sql.push("), ");
    insert(&mut sql, model.resource(resource), false);
    Some(sql.finish(Cost::Short))
}

/// `counted`: the database is to give the id.
fn insert(sql: &mut Sql, resource: &Resource, counted: bool) {
    let id = &resource.id_field().name;
    sql.push("\"made\" AS (");
    let version = begin_insert(sql, resource, !counted);
    if counted {
        sql.push(" RETURNING ");
        sql.name(id);
        sql.push("), \"entry\" AS (");
    } else {
        sql.push(") ");
    }
    sql.push("INSERT INTO ");
    sql.name(feed::TABLE);
    sql.push(
        " (\"resource\", \"record\", \"action\", \"version\", \"at\", \"caller\", \"after\") SELECT ",
    );
    let made = |sql: &mut Sql| {
        sql.push(" || \"made\".");
        sql.name(id);
    };
    next(sql, &Type::Text);
    sql.push(", ");
    next(sql, &Type::Text);
    if counted {
        made(sql);
    }
    sql.push(", 'create', ");
    sql.arg(version, &Type::Int64);
    sql.push(", ");
    next(sql, &Type::Timestamp);
    sql.push(", ");
    next(sql, &Type::Text);
    sql.push(", ");
    if counted {
        sql.push("(");
        next(sql, &Type::Text);
        made(sql);
        sql.push(" || ");
        next(sql, &Type::Text);
        sql.push(")::json FROM \"made\") SELECT ");
        sql.name(id);
        sql.push(" FROM \"made\"");
        sql.returns(Storage::Int, Cell::Plain);
    } else {
        next(sql, &Type::Json);
    }
}

/// The next argument.
fn next(sql: &mut Sql, ty: &Type) {
    let arg = sql.take_args(1);
    sql.arg(arg, ty);
}

impl Published<'_> {
    /// The arguments of [`insert_published`]; an id that is not null, of the other one.
    pub fn args(self, resource: &Resource) -> Vec<Value> {
        let id = resource.id_field().id;
        let counted = is_counted(resource) && self.row[usize::from(id.0)].is_null();
        let mut args: Vec<Value> = layout::stored_fields(resource)
            .filter(|field| !counted || field.id != id)
            .map(|field| self.row[usize::from(field.id.0)].clone())
            .collect();
        args.push(Value::Int(self.version));
        args.extend(search::text(resource, self.row).map(Value::Text));
        args.push(Value::Text(resource.name.clone()));
        let record = match counted {
            true => resource.id_type.prefix.to_string(),
            false => resource.id_type.to_text(&self.row[usize::from(id.0)]),
        };
        args.push(Value::Text(record));
        args.push(Value::Timestamp(self.at));
        args.push(Value::Text(self.caller));
        if counted {
            let (before, after) = json::write_around_id(resource, self.row);
            args.extend([Value::Text(before), Value::Text(after)]);
        } else {
            let record = json::write_record(resource, self.row);
            args.push(Value::Json(record.into()));
        }
        args
    }
}
