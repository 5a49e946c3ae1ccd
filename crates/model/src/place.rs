//! Where the records of a resource are: the path of the record around them, their word, their key.
//!
//! `/repos/{owner}/{name}/issues/{number}`. Every document and every door spells paths with what
//! is said here; none of them knows how a contract asks for it.

use value::{ResourceId, Value};

use crate::{Audience, Field, ListRelation, Model, Resource, Within};

/// A value in a path.
#[derive(Clone, Debug)]
pub struct PathValue<'m> {
    pub resource: &'m Resource,
    pub field: &'m Field,
    /// Different for each value of one path: `number`, or `repo_name` where two are called
    /// `name`.
    pub name: String,
}

impl Model {
    /// The resources whose records are around those of a resource (`within:`), the outermost
    /// first, itself the last.
    pub fn lineage(&self, resource: ResourceId) -> Vec<&Resource> {
        let mut lineage = vec![self.resource(resource)];
        while let Some(within) = lineage.last().and_then(|inner| inner.within) {
            lineage.push(self.resource(within.resource));
        }
        lineage.reverse();
        lineage
    }

    /// The values in the path of a record, in their order.
    pub fn path_values(&self, resource: ResourceId) -> Vec<PathValue<'_>> {
        self.named_values(resource, Some(resource))
    }

    /// The same where the record is around something else: `{author_id}` in
    /// `/authors/{author_id}/books`, so that nobody takes it for an id of a book.
    pub fn values_around(&self, resource: ResourceId) -> Vec<PathValue<'_>> {
        self.named_values(resource, None)
    }

    /// `own`: the resource whose values are called as its fields; those of the others give way.
    fn named_values(&self, inner: ResourceId, own: Option<ResourceId>) -> Vec<PathValue<'_>> {
        let bare: Vec<(&Resource, &Field)> = self
            .lineage(inner)
            .into_iter()
            .flat_map(|around| around.key_fields().map(move |field| (around, field)))
            .collect();
        let mut values: Vec<PathValue<'_>> = Vec::with_capacity(bare.len());
        for (around, field) in bare.iter().rev() {
            let is_taken = bare
                .iter()
                .any(|(other, known)| other.id != around.id && known.name == field.name);
            let mut name = field.name.clone();
            if own != Some(around.id) && (is_taken || field.is_system()) {
                name = format!("{}_{name}", around.snake);
            }
            while values.iter().any(|known| known.name == name) {
                name.push('_');
            }
            values.push(PathValue {
                resource: around,
                field,
                name,
            });
        }
        values.reverse();
        values
    }

    /// The values in the path of a record, read as what they are. `None` if they cannot lead to
    /// one: too many, too few, or spelled as no path spells them (`007`).
    pub fn read_path(&self, resource: ResourceId, texts: &[String]) -> Option<Vec<Value>> {
        let lineage = self.lineage(resource);
        let fields: Vec<&Field> = lineage
            .iter()
            .flat_map(|around| around.key_fields())
            .collect();
        if fields.len() != texts.len() {
            return None;
        }
        fields
            .iter()
            .zip(texts)
            .map(|(field, text)| {
                let value = value::text::parse(&field.shape.ty, text).ok()?;
                let is_number = matches!(value, Value::Int(_));
                (!is_number || value::text::print(&field.shape.ty, &value) == *text)
                    .then_some(value)
            })
            .collect()
    }

    /// `/v1/repos/{owner}/{name}/issues`
    pub fn collection_path(&self, resource: ResourceId) -> String {
        let mut path = self.template(resource, &self.path_values(resource));
        let own = self.resource(resource).key_fields().count();
        for _ in 0..own {
            path.truncate(path.rfind('/').unwrap_or(0));
        }
        path
    }

    /// `/v1/repos/{owner}/{name}/issues/{number}`
    pub fn record_path(&self, resource: ResourceId) -> String {
        self.template(resource, &self.path_values(resource))
    }

    /// Where the lists of a record begin: `/v1/authors/{author_id}`.
    pub fn path_around(&self, resource: ResourceId) -> String {
        self.template(resource, &self.values_around(resource))
    }

    fn template(&self, resource: ResourceId, values: &[PathValue<'_>]) -> String {
        let mut path = self.base.clone();
        for around in self.lineage(resource) {
            path.push('/');
            path.push_str(&around.path);
            for value in values.iter().filter(|value| value.resource.id == around.id) {
                path.push_str("/{");
                path.push_str(&value.name);
                path.push('}');
            }
        }
        path
    }

    /// What is served inside the records of a resource (`within:`).
    pub fn inside(&self, resource: ResourceId) -> impl Iterator<Item = &Resource> {
        self.resources.iter().filter(move |inner| {
            inner
                .within
                .is_some_and(|within| within.resource == resource)
        })
    }

    /// For whom the records of a resource are there: they and all those around them.
    pub fn served_to(&self, resource: ResourceId) -> Audience {
        let lineage = self.lineage(resource);
        let audiences = lineage.iter().map(|around| around.audience);
        audiences.max().unwrap_or_default()
    }

    /// What is used instead of a deprecated resource, if everybody who is told of the old one is
    /// served the new one.
    pub fn successor(&self, resource: &Resource) -> Option<&Resource> {
        let name = resource.deprecated.as_ref()?.replacement.as_deref()?;
        let successor = self.resources.iter().find(|other| other.name == name)?;
        let is_served = self.served_to(successor.id) <= self.served_to(resource.id);
        is_served.then_some(successor)
    }

    /// Whether a list's path is where the records in it have their place anyway.
    pub fn is_own_place(&self, parent: &Resource, list: &ListRelation) -> bool {
        let inner = self.resource(list.resource);
        inner.within
            == Some(Within {
                resource: parent.id,
                field: list.field,
            })
            && list.path() == inner.path
    }

    /// Whether records may be added to a list: what is within other records is added there.
    pub fn adds_to(&self, list: &ListRelation) -> bool {
        let within = self.resource(list.resource).within;
        within.is_none_or(|within| within.field == list.field)
    }
}
