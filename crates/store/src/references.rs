//! What points at a record, and what a record points at.
//!
//! The database itself refuses a reference to no row, but does not name the field; and a deleted
//! record that can be restored is to it a row like any other. So both are asked for here.

use model::{Field, FieldKind, Model, Resource};
use value::{FieldId, ResourceId};

use crate::driver::{Cost, Dialect, Storage};
use crate::layout::{self, DELETED_AT};
use crate::prepared::{Cell, Prepared};
use crate::sql::Sql;

/// A relation of another resource (or the same) that may point at a record.
#[derive(Clone, Debug)]
pub struct Reference {
    pub resource: ResourceId,
    pub field: FieldId,
    /// Whether one that does is there, or only deleted ones do: one row with one boolean, or no
    /// row if none does. Argument: the id pointed at.
    pub find: Prepared,
}

/// Everything that may point at a record of `resource`: to say why it cannot be deleted.
pub fn pointing_at(model: &Model, dialect: Dialect, resource: ResourceId) -> Vec<Reference> {
    relations_to(model, model.resource(resource))
        .map(|(other, field)| {
            let mut sql = Sql::new(dialect);
            let arg = sql.take_args(1);
            let there = sql.alias();
            let soft = other.soft_delete.is_some();
            sql.push("SELECT ");
            if soft {
                sql.column(there, DELETED_AT);
                sql.push(" IS NULL");
            } else {
                sql.push("TRUE");
            }
            sql.returns(Storage::Bool, Cell::Plain);
            sql.push(" FROM ");
            sql.table(&other.snake, there);
            sql.push(" WHERE ");
            sql.column(there, &field.name);
            sql.push(" = ");
            sql.arg(arg, &field.shape.ty);
            if soft {
                // What is there first.
                sql.push(" ORDER BY ");
                sql.column(there, DELETED_AT);
                sql.push(" IS NOT NULL");
            }
            sql.push(" LIMIT 1");
            Reference {
                resource: other.id,
                field: field.id,
                find: sql.finish(Cost::Short),
            }
        })
        .collect()
}

/// Whether a record that is there points at this one, itself aside: one row with one boolean.
/// `None` where nothing can. Argument: the id pointed at.
pub fn is_referred(model: &Model, dialect: Dialect, resource: ResourceId) -> Option<Prepared> {
    let resource = model.resource(resource);
    let mut sql = Sql::new(dialect);
    let arg = sql.take_args(1);
    sql.push("SELECT ");
    let mut any = false;
    for (other, field) in relations_to(model, resource) {
        let there = sql.alias();
        sql.push(if any { " OR " } else { "(" });
        any = true;
        sql.push("EXISTS (SELECT 1 FROM ");
        sql.table(&other.snake, there);
        sql.push(" WHERE ");
        sql.live(other, there);
        if other.id == resource.id {
            sql.column(there, &other.id_field().name);
            sql.push(" <> ");
            sql.arg(arg, &field.shape.ty);
            sql.push(" AND ");
        }
        sql.column(there, &field.name);
        sql.push(" = ");
        sql.arg(arg, &field.shape.ty);
        sql.push(")");
    }
    sql.push(")");
    sql.returns(Storage::Bool, Cell::Plain);
    any.then(|| sql.finish(Cost::Short))
}

/// The relation fields of a resource, in the order of their ids.
pub fn relation_fields(resource: &Resource) -> impl Iterator<Item = FieldId> {
    resource
        .fields
        .iter()
        .filter(|field| matches!(field.kind, FieldKind::Relation { .. }))
        .map(|field| field.id)
}

/// Which references of a record point at nothing: to say why it cannot be stored.
///
/// Arguments: the values of its [`relation_fields`]. One row with one boolean for each: whether
/// it is null or its target is there. `None` for a resource without relations.
pub fn targets(
    model: &Model,
    dialect: Dialect,
    resource: ResourceId,
    kept: bool,
) -> Option<Prepared> {
    let resource = model.resource(resource);
    let mut sql = Sql::new(dialect);
    sql.push("SELECT ");
    let mut count = 0;
    for field in relation_fields(resource).map(|field| resource.field(field)) {
        let Some(target) = layout::reference(model, field) else {
            continue;
        };
        sql.comma(count);
        count += 1;
        let arg = sql.take_args(1);
        let ty = &field.shape.ty;
        sql.push("(");
        sql.arg(arg, ty);
        let there = sql.alias();
        sql.push(" IS NULL OR EXISTS (SELECT 1 FROM ");
        sql.table(&target.snake, there);
        sql.push(" WHERE ");
        if !kept {
            sql.live(target, there);
        }
        sql.column(there, &target.id_field().name);
        sql.push(" = ");
        sql.arg(arg, ty);
        sql.push("))");
        sql.returns(Storage::Bool, Cell::Plain);
    }
    (count > 0).then(|| sql.finish(Cost::Short))
}

/// The relation fields that point to what is deleted softly, in the order of their ids.
pub fn soft_relations<'m>(
    model: &'m Model,
    resource: &'m Resource,
) -> impl Iterator<Item = &'m Field> {
    resource.fields.iter().filter(|field| {
        layout::reference(model, field).is_some_and(|target| target.soft_delete.is_some())
    })
}

/// Which references of a record point at something deleted, whose row is still there, so that the
/// database does not mind.
///
/// Arguments: the values of its [`soft_relations`]. One row with one boolean for each. `None` for
/// a resource without any.
pub fn deleted_targets(model: &Model, dialect: Dialect, resource: ResourceId) -> Option<Prepared> {
    let resource = model.resource(resource);
    let mut sql = Sql::new(dialect);
    sql.push("SELECT ");
    let mut count = 0;
    for field in soft_relations(model, resource) {
        let Some(target) = layout::reference(model, field) else {
            continue;
        };
        sql.comma(count);
        count += 1;
        let arg = sql.take_args(1);
        let there = sql.alias();
        sql.push("EXISTS (SELECT 1 FROM ");
        sql.table(&target.snake, there);
        sql.push(" WHERE ");
        sql.column(there, DELETED_AT);
        sql.push(" IS NOT NULL AND ");
        sql.column(there, &target.id_field().name);
        sql.push(" = ");
        sql.arg(arg, &field.shape.ty);
        sql.push(")");
        sql.returns(Storage::Bool, Cell::Plain);
    }
    (count > 0).then(|| sql.finish(Cost::Short))
}

/// Lets references lead to nothing until the transaction ends.
pub fn defer(dialect: Dialect) -> Prepared {
    let mut sql = Sql::new(dialect);
    sql.either(
        "PRAGMA defer_foreign_keys = ON",
        "SET CONSTRAINTS ALL DEFERRED",
    );
    sql.finish(Cost::Short)
}

/// The relations that may point at a record of `resource`, in the order of [`pointing_at`].
pub(crate) fn relations_to<'m>(
    model: &'m Model,
    resource: &'m Resource,
) -> impl Iterator<Item = (&'m Resource, &'m Field)> {
    model.resources.iter().flat_map(move |other| {
        let fields = other.fields.iter();
        fields
            .filter(move |field| {
                field
                    .relation()
                    .is_some_and(|(_, target)| target == resource.id)
            })
            .map(move |field| (other, field))
    })
}
