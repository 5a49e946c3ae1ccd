//! The schemas of one resource: a record as it is answered, and the bodies that change it.

use model::{Audience, Field, Model, Resource};
use serde_json::{Map, Value as Json, json};
use value::{FieldId, IdKind};

use super::names::Components;
use super::patch;
use super::schemas::{Schemas, Side, is_read_only, nullable, reference};
use crate::{access, example, words};

pub struct Resources<'m, 'a> {
    pub model: &'m Model,
    pub schemas: &'a Schemas<'m>,
    /// Indexed by resource.
    pub names: &'a [Components],
    pub parameters: &'a super::parameters::Parameters<'m, 'a>,
    pub audience: Audience,
    /// Most operations in one JSON Patch.
    pub patch_operations_max: usize,
}

impl<'m> Resources<'m, '_> {
    pub fn components(&self, resource: &'m Resource, out: &mut Map<String, Json>) {
        let names = &self.names[usize::from(resource.id.0)];
        out.insert(names.read.clone(), self.read(resource));
        out.insert(names.page.clone(), self.page(resource));
        let (query, condition) = self.parameters.query(resource, names);
        out.insert(names.query.clone(), query);
        out.insert(names.condition.clone(), condition);
        let around = resource.within.map(|within| within.field);
        out.insert(names.create.clone(), self.create(resource, around));
        out.insert(names.replace.clone(), self.replace(resource));
        out.insert(names.patch.clone(), self.patch(resource));
        out.insert(
            names.json_patch.clone(),
            patch::json_patch(
                self.schemas,
                resource,
                self.audience,
                self.patch_operations_max,
            ),
        );
        for (list, name) in resource.lists.iter().zip(&names.create_in) {
            let target = self.model.resource(list.resource);
            if target.audience <= self.audience {
                out.insert(name.clone(), self.create(target, Some(list.field)));
            }
        }
    }

    fn read(&self, resource: &'m Resource) -> Json {
        let mut properties = Map::new();
        let mut required = Vec::new();
        let mut example = Some(Map::new());
        for field in access::fields(resource, self.audience).filter(|field| !field.write_only) {
            properties.insert(field.name.clone(), self.schemas.field(field, Side::Answer));
            // Who may not see a field gets an answer without it.
            if field.read.is_none() {
                required.push(field.name.as_str());
            }
            add_example(&mut example, field);
        }
        for way in access::ways(self.model, resource, self.audience) {
            let target = &self.names[usize::from(way.target.id.0)];
            let mut schema = if way.many {
                reference(&target.page)
            } else {
                nullable(reference(&target.read))
            };
            let noun = way.name.replace('_', " ");
            let description = if way.many {
                format!("The first page of its {noun}. Only there when it is included.")
            } else {
                format!(
                    "Its {noun}, or null when there is none that you may see. Only there when it is included."
                )
            };
            schema.insert("description".to_owned(), json!(description));
            schema.insert("readOnly".to_owned(), json!(true));
            properties.insert(way.name.to_owned(), Json::Object(schema));
        }
        let mut description = resource.description.clone().unwrap_or_else(|| {
            format!(
                "{}, as far as you may see it.",
                words::heading(&words::a(&resource.noun()))
            )
        });
        if let Some(deprecated) = &resource.deprecated {
            description.push(' ');
            description.push_str(&super::deprecation(deprecated));
        }
        let mut schema = object(properties, &required);
        schema["description"] = json!(description);
        if resource.deprecated.is_some() {
            schema["deprecated"] = json!(true);
        }
        with_example(schema, example)
    }

    fn page(&self, resource: &Resource) -> Json {
        let names = &self.names[usize::from(resource.id.0)];
        json!({
            "type": "object",
            "description": format!("One page of {}.", resource.nouns()),
            "properties": {
                "items": {"type": "array", "items": reference(&names.read)},
                "next_cursor": {
                    "type": ["string", "null"],
                    "description": "The `cursor` of the next page; null on the last one.",
                },
                "total": {
                    "type": "integer",
                    "format": "int64",
                    "minimum": 0,
                    "description": "Records on all pages. Only there when asked for.",
                },
            },
            "required": ["items", "next_cursor"],
        })
    }

    /// The body of a create; `settled` is the field that the path gives.
    fn create(&self, resource: &'m Resource, settled: Option<FieldId>) -> Json {
        let mut properties = Map::new();
        let mut required = Vec::new();
        let mut example = Some(Map::new());
        if resource.id_type.kind == IdKind::Text {
            let id = resource.id_field();
            properties.insert(id.name.clone(), self.schemas.id(&resource.id_type));
            required.push(id.name.as_str());
            add_example(&mut example, id);
        }
        for field in self
            .writable(resource)
            .filter(|field| settled != Some(field.id))
        {
            properties.insert(field.name.clone(), self.schemas.field(field, Side::Input));
            if field.required_on_create() {
                required.push(field.name.as_str());
            }
            add(&mut example, field, example::of_new(field));
        }
        let mut schema = closed(object(properties, &required));
        schema["description"] = json!(format!(
            "What {} is created from.",
            words::a(&resource.noun())
        ));
        with_example(schema, example)
    }

    fn replace(&self, resource: &'m Resource) -> Json {
        let mut properties = Map::new();
        let mut required = Vec::new();
        let mut example = Some(Map::new());
        for field in self.changeable(resource) {
            properties.insert(field.name.clone(), self.schemas.field(field, Side::Input));
            // The path says what its key is.
            let is_said = resource.key.contains(&field.id);
            if field.required_on_create() && !field.write_only && !is_said {
                required.push(field.name.as_str());
            }
            add_example(&mut example, field);
        }
        let mut schema = closed(object(properties, &required));
        schema["description"] = json!(format!(
            "All of {}. What is left out goes back to its default or to nothing. What the server fills in may stay in the body, as long as it says what is so.",
            words::a(&resource.noun())
        ));
        with_example(schema, example)
    }

    fn patch(&self, resource: &'m Resource) -> Json {
        let properties = self
            .changeable(resource)
            .map(|field| (field.name.clone(), self.schemas.field(field, Side::Patch)));
        let mut schema = closed(object(properties.collect(), &[]));
        schema["description"] = json!(format!(
            "What to change of {} (RFC 7396): what is left out stays, null clears.",
            words::a(&resource.noun())
        ));
        // One change is the usual case, and what an example should show.
        let example = self.changeable(resource).find_map(|field| {
            let value = example::of_field(field)?;
            Some(Map::from_iter([(field.name.clone(), value)]))
        });
        with_example(schema, example)
    }

    /// What clients may give on create.
    fn writable(&self, resource: &'m Resource) -> impl Iterator<Item = &'m Field> + use<'m> {
        access::fields(resource, self.audience).filter(|field| !is_read_only(field))
    }

    /// What clients may change later.
    fn changeable(&self, resource: &'m Resource) -> impl Iterator<Item = &'m Field> + use<'m> {
        self.writable(resource).filter(|field| !field.immutable)
    }
}

fn object(properties: Map<String, Json>, required: &[&str]) -> Json {
    let mut schema = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// Nothing else is taken.
fn closed(mut schema: Json) -> Json {
    schema["additionalProperties"] = json!(false);
    schema
}

/// Puts the example of a field in, or gives the whole example up when a needed one is missing.
fn add_example(example: &mut Option<Map<String, Json>>, field: &Field) {
    add(example, field, example::of_field(field));
}

/// Without a value for each field there is no example.
fn add(example: &mut Option<Map<String, Json>>, field: &Field, value: Option<Json>) {
    let value = match value {
        None if field.shape.nullable => Some(Json::Null),
        value => value,
    };
    match (value, example.as_mut()) {
        (Some(value), Some(example)) => {
            example.insert(field.name.clone(), value);
        }
        _ => *example = None,
    }
}

fn with_example(mut schema: Json, example: Option<Map<String, Json>>) -> Json {
    if let Some(example) = example.filter(|example| !example.is_empty()) {
        schema["examples"] = json!([example]);
    }
    schema
}
