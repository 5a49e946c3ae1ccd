//! A record and its entry in the feed, in one statement: what most creates are.
//!
//! To a database that is a journey away one statement is a transaction by itself, and many of them
//! can be sent one behind the other. The entry holds the whole record and so its id, which the
//! database may only count as it inserts; then the entry is put together around it there.

use model::{Model, Resource};
use value::{ResourceId, Timestamp, Type, Value};

use super::{begin_insert, is_counted};
use crate::driver::{Cost, Dialect, Storage};
use crate::prepared::{Cell, Prepared};
use crate::sql::Sql;
use crate::{feed, json, layout, search};

/// A new record, as it is written by [`insert_published`].
pub struct Published<'a> {
    /// Indexed by field. An id that the database counts is null.
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
    let counted = is_counted(resource);
    let id = &resource.id_field().name;
    let mut sql = Sql::new(dialect);
    sql.push("WITH \"made\" AS (");
    let version = begin_insert(&mut sql, resource, !counted);
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
    next(&mut sql, &Type::Text);
    sql.push(", ");
    next(&mut sql, &Type::Text);
    if counted {
        made(&mut sql);
    }
    sql.push(", 'create', ");
    sql.arg(version, &Type::Int64);
    sql.push(", ");
    next(&mut sql, &Type::Timestamp);
    sql.push(", ");
    next(&mut sql, &Type::Text);
    sql.push(", ");
    if counted {
        sql.push("(");
        next(&mut sql, &Type::Text);
        made(&mut sql);
        sql.push(" || ");
        next(&mut sql, &Type::Text);
        sql.push(")::json FROM \"made\") SELECT ");
        sql.name(id);
        sql.push(" FROM \"made\"");
        sql.returns(Storage::Int, Cell::Plain);
    } else {
        next(&mut sql, &Type::Json);
    }
    Some(sql.finish(Cost::Short))
}

/// The next argument.
fn next(sql: &mut Sql, ty: &Type) {
    let arg = sql.take_args(1);
    sql.arg(arg, ty);
}

impl Published<'_> {
    /// The arguments of [`insert_published`].
    pub fn args(self, resource: &Resource) -> Vec<Value> {
        let counted = is_counted(resource);
        let id = resource.id_field().id;
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
