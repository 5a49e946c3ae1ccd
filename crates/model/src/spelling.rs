//! The names behind an expression's numbers, for printing it in the contract's own words.

use std::borrow::Cow;

use expr::Names;
use value::{FieldId, ResourceId};

use crate::Model;

impl Names for Model {
    fn field(&self, resource: ResourceId, field: FieldId) -> Cow<'_, str> {
        Cow::Borrowed(&self.resource(resource).field(field).name)
    }

    fn relation(&self, resource: ResourceId, via: FieldId) -> Cow<'_, str> {
        let field = self.resource(resource).field(via);
        let relation = field.relation().map(|(relation, _)| relation);
        Cow::Borrowed(relation.unwrap_or(field.name.as_str()))
    }

    fn list(&self, of: ResourceId, resource: ResourceId, field: FieldId) -> Cow<'_, str> {
        let lists = &self.resource(of).lists;
        let found = lists
            .iter()
            .find(|list| list.resource == resource && list.field == field);
        Cow::Borrowed(found.map_or("?", |list| list.name.as_str()))
    }
}
