//! Which fields a refused write was about.
//!
//! Databases name what was violated each in their own way; here those names become fields
//! again, in one place.

use model::Model;
use value::{FieldId, ResourceId};

use crate::driver::StoreError;
use crate::layout;

/// The resource and the fields whose values are taken, for [`StoreError::Unique`].
///
/// Understands an index's name, and SQLite's `TABLE.column, TABLE.column`.
pub fn fields(model: &Model, error: &StoreError) -> Option<(ResourceId, Vec<FieldId>)> {
    let StoreError::Unique { name } = error else {
        return None;
    };
    by_index(model, name).or_else(|| by_columns(model, name))
}

fn by_index(model: &Model, name: &str) -> Option<(ResourceId, Vec<FieldId>)> {
    model.resources.iter().find_map(|resource| {
        if name == primary_key(&resource.snake) {
            return Some((resource.id, vec![resource.id_field().id]));
        }
        let index = layout::indexes(resource)
            .into_iter()
            .find(|index| index.name == name)?;
        Some((resource.id, index.fields))
    })
}

fn by_columns(model: &Model, names: &str) -> Option<(ResourceId, Vec<FieldId>)> {
    let (table, _) = names.split_once('.')?;
    let resource = model
        .resources
        .iter()
        .find(|resource| resource.snake == table)?;
    let mut found = Vec::new();
    for name in names.split(',') {
        let (_, column) = name.trim().split_once('.')?;
        let field = layout::stored_fields(resource).find(|field| {
            layout::columns(field)
                .iter()
                .any(|known| known.name == column)
        })?;
        if !found.contains(&field.id) {
            found.push(field.id);
        }
    }
    Some((resource.id, found))
}

/// Name of a table's primary key, where it has one.
pub(crate) fn primary_key(table: &str) -> String {
    layout::name(format!("{table}__key"))
}
