//! Parameters: paging, sorting, relations to include, and filters.
//!
//! Each filter is a parameter of its own with the brackets in its name (`title`, `title[gte]`).
//! OpenAPI's `deepObject` has no way to say that `title=x` stands beside `title[gte]=x`, and
//! neither fuzzers nor code generators agree on what it looks like inside; a plain parameter is
//! read alike by all of them.

use call::Operator;
use model::place::PathValue;
use model::{Audience, Field, Model, Resource};
use serde_json::{Map, Value as Json, json};
use value::Type;

use super::schemas::{NO_NUL, Schemas};
use super::{Limits, reference};
use crate::{access, words};

/// Filters described per list. No request can have more parameters than a hundred, and a document
/// must stay readable; lists with more filters have those that compare in other ways, or at all,
/// left out.
const FILTERS_DESCRIBED_MAX: usize = 90;

pub struct Parameters<'m, 'a> {
    pub model: &'m Model,
    pub schemas: &'a Schemas<'m>,
    pub limits: &'a Limits,
    pub audience: Audience,
}

/// Component parameters by their key, so that lists that take the same share them.
pub type Components = Map<String, Json>;

impl<'m> Parameters<'m, '_> {
    /// What every list takes.
    pub fn shared(&self, out: &mut Components) {
        out.insert("Limit".to_owned(), self.limit("limit"));
        out.insert(
            "Cursor".to_owned(),
            json!({
                "name": "cursor",
                "in": "query",
                "description": "Where to go on: `next_cursor` of the page before, or as its `Link` has it. It belongs to the same path, filters and sort; used with others it is refused.",
                "schema": {"type": "string", "minLength": 1, "pattern": NO_NUL},
            }),
        );
        out.insert(
            "Total".to_owned(),
            json!({
                "name": "total",
                "in": "query",
                "description": "Whether to count all records of the list into `total`. Counting costs time; ask only when it is shown.",
                "schema": {"type": "boolean", "default": false},
            }),
        );
        out.insert(
            "Words".to_owned(),
            json!({
                "name": "q",
                "in": "query",
                "description": "Words that must all occur in the searched fields.",
                "schema": {"type": "string", "maxLength": self.limits.words_chars_max, "pattern": NO_NUL},
            }),
        );
        out.insert(
            "IfMatch".to_owned(),
            json!({
                "name": "If-Match",
                "in": "header",
                "description": "The `ETag` of the record as it was read. The request is carried out only if nobody has changed the record since; otherwise the answer is 412. `*` stands for any state.",
                "schema": {"type": "string"},
            }),
        );
        out.insert(
            "IfMatchRequired".to_owned(),
            json!({
                "name": "If-Match",
                "in": "header",
                "required": true,
                "description": "The `ETag` of the record as it was read. The request is carried out only if nobody has changed the record since; otherwise the answer is 412. `*` stands for any state. Without it the answer is 428.",
                "schema": {"type": "string"},
            }),
        );
        out.insert(
            "IfMatchRead".to_owned(),
            json!({
                "name": "If-Match",
                "in": "header",
                "description": "The `ETag` of an earlier answer. What is asked for is only answered if it is still in that state; otherwise the answer is 412. `*` stands for any state.",
                "schema": {"type": "string"},
            }),
        );
        out.insert(
            "IfNoneMatch".to_owned(),
            json!({
                "name": "If-None-Match",
                "in": "header",
                "description": "The `ETag` of a copy that is already there. If that is still good the answer is 304, without a body.",
                "schema": {"type": "string"},
            }),
        );
        out.insert(
            "DryRun".to_owned(),
            json!({
                "name": "dry_run",
                "in": "query",
                "description": "Whether to do it only for show: everything is checked and answered as it would be, and nothing is stored.",
                "schema": {"type": "boolean", "default": false},
            }),
        );
        let key = |required: bool| {
            let mut key = json!({
                "name": "Idempotency-Key",
                "in": "header",
                "description": "A new value for each write, such as a random UUID. If the answer is lost, send the same request with the same key again: it is carried out once, and answered with what was answered first. Quotes around it are taken and do not count.",
                "schema": {"type": "string", "pattern": "^[!#-~][!-~]{0,254}$"},
                "example": "8e03978e-40d5-43dd-bc93-6894a57f9324",
            });
            if required {
                key["required"] = json!(true);
            }
            key
        };
        out.insert("IdempotencyKey".to_owned(), key(false));
        out.insert("IdempotencyKeyRequired".to_owned(), key(true));
        out.insert(
            "Prefer".to_owned(),
            json!({
                "name": "Prefer",
                "in": "header",
                "description": "What you would like about the answer (RFC 7240). `return=minimal`: no content. `respond-async`: 202 at once, and the write goes on; with `wait=10` only if it has not ended after so many seconds. Whatever else it says is passed over; `Preference-Applied` tells what was followed.",
                "schema": {"type": "string"},
                "examples": {
                    "minimal": {"summary": "No content", "value": "return=minimal"},
                    "async": {"summary": "Answer at once", "value": "respond-async"},
                },
            }),
        );
        out.insert(
            "OperationId".to_owned(),
            json!({
                "name": "id",
                "in": "path",
                "required": true,
                "description": "The id of an operation: what stands at the end of `Location`.",
                "schema": {"type": "string", "pattern": "^operation_[0-7][0-9a-hjkmnp-tv-z]{25}$"},
                "example": "operation_01h455vb4pex5vsknk084sn02q",
            }),
        );
        out.insert(
            "CreateOnly".to_owned(),
            json!({
                "name": "If-None-Match",
                "in": "header",
                "description": "With `*` the record is created under the id in the path, and 412 says that there is one already.",
                "schema": {"const": "*"},
            }),
        );
    }

    /// The size of a page, under the name that the list gives it.
    fn limit(&self, name: &str) -> Json {
        let Limits {
            page_default,
            page_max,
            ..
        } = self.limits;
        json!({
            "name": name,
            "in": "query",
            "description": format!("Records per page. Larger numbers than {page_max} are lowered to {page_max}."),
            "schema": {"type": "integer", "minimum": 1, "default": page_default},
        })
    }

    /// A value in a path.
    pub fn path_value(&self, value: &PathValue<'_>) -> Json {
        let noun = words::a(&value.resource.noun());
        let (what, schema) = match &value.field.shape.ty {
            Type::Id(id) => ("id".to_owned(), self.schemas.id(id)),
            _ => (
                value.field.name.replace('_', " "),
                self.schemas.path_value(value.field),
            ),
        };
        json!({
            "name": value.name,
            "in": "path",
            "required": true,
            "description": format!("The {what} of {noun}."),
            "schema": schema,
        })
    }

    /// `include`, if there is something to include.
    pub fn include(&self, resource: &Resource, out: &mut Components) -> Option<Json> {
        let (description, schema) = self.includable(resource)?;
        let key = format!("{}.include", resource.name);
        out.insert(
            key.clone(),
            json!({
                "name": "include",
                "in": "query",
                "description": description,
                "style": "form",
                "explode": false,
                "schema": schema,
            }),
        );
        Some(reference("parameters", &key))
    }

    fn includable(&self, resource: &Resource) -> Option<(String, Json)> {
        let mut paths = Vec::new();
        let mut inner = Vec::new();
        for way in access::ways(self.model, resource, self.audience) {
            paths.push(way.name.to_owned());
            inner.extend(
                access::ways(self.model, way.target, self.audience)
                    .map(|next| format!("{}.{}", way.name, next.name)),
            );
        }
        if paths.is_empty() {
            return None;
        }
        let most = self.limits.includes_max;
        let mut description =
            "Relations to answer with, as whole records or the first page of a list.".to_owned();
        // As many as are allowed together can all be asked for, so there is nothing to count.
        let few = paths.len() + inner.len() <= most;
        if few {
            paths.extend(inner);
        } else if !inner.is_empty() {
            description.push_str(&format!(
                " They may go one relation further (`{}`); {most} relations in all.",
                inner[0]
            ));
        }
        let mut schema = json!({
            "type": "array",
            "minItems": 1,
            "items": {"type": "string", "enum": paths},
        });
        if paths.len() > most {
            schema["maxItems"] = json!(most);
        }
        Some((description, schema))
    }

    /// Everything a list takes.
    pub fn of_list(&self, resource: &Resource, out: &mut Components) -> Vec<Json> {
        let mut parameters = vec![
            match &*resource.list.limit {
                "limit" => reference("parameters", "Limit"),
                name => self.limit(name),
            },
            reference("parameters", "Cursor"),
        ];
        parameters.push(self.sort(resource, out));
        if !resource.search.is_empty() {
            parameters.push(reference("parameters", "Words"));
        }
        parameters.extend(self.include(resource, out));
        // A bare array has no place for it.
        if !resource.list.bare {
            parameters.push(reference("parameters", "Total"));
        }
        parameters.extend(self.filters(resource, out));
        parameters
    }

    fn sort(&self, resource: &Resource, out: &mut Components) -> Json {
        let key = format!("{}.sort", resource.name);
        let mut schema = self.sorts(resource);
        // Nothing at all is left out; an empty one would be a name of no letters.
        schema["minItems"] = json!(1);
        out.insert(
            key.clone(),
            json!({
                "name": "sort",
                "in": "query",
                "description": "Fields to sort by, the most important first; `-` before one sorts downwards. The id always comes last.",
                "style": "form",
                "explode": false,
                "schema": schema,
            }),
        );
        reference("parameters", &key)
    }

    /// The keys of a sort.
    fn sorts(&self, resource: &Resource) -> Json {
        let names: Vec<&str> = access::fields(resource, self.audience)
            .filter(|field| is_sortable(field))
            .map(|field| field.name.as_str())
            .collect();
        let both_ways: Vec<String> = names
            .iter()
            .flat_map(|name| [(*name).to_owned(), format!("-{name}")])
            .collect();
        // A field is named once, whichever way.
        let mut twice: Vec<Json> = names
            .iter()
            .map(|name| {
                let way = |key: String| json!({"contains": {"const": key}});
                json!({"allOf": [way((*name).to_owned()), way(format!("-{name}"))]})
            })
            .collect();
        let twice = match twice.len() {
            1 => twice.remove(0),
            _ => json!({"anyOf": twice}),
        };
        json!({
            "type": "array",
            "maxItems": self.limits.sort_max,
            "uniqueItems": true,
            "items": {"type": "string", "enum": both_ways},
            "not": twice,
        })
    }

    fn filters(&self, resource: &Resource, out: &mut Components) -> Vec<Json> {
        let own: Vec<&Field> = filterable(resource, self.audience).collect();
        let one_hop = self.one_hop(resource);
        let operators = |field: &Field| -> Vec<Operator> {
            let applies =
                |operator: &Operator| operator.applies_to(&field.shape.ty, field.shape.nullable);
            Operator::ALL.into_iter().filter(applies).collect()
        };
        let all: usize = own.iter().map(|field| operators(field).len()).sum();
        let in_full = all + one_hop.len() <= FILTERS_DESCRIBED_MAX;
        let mut described = Vec::new();
        for field in &own {
            for operator in operators(field)
                .into_iter()
                .filter(|operator| in_full || *operator == Operator::Eq)
            {
                let (key, name) = match operator {
                    Operator::Eq => (
                        format!("{}.{}", resource.name, field.name),
                        field.name.clone(),
                    ),
                    other => (
                        format!("{}.{}.{}", resource.name, field.name, other.name()),
                        format!("{}[{}]", field.name, other.name()),
                    ),
                };
                described.push((key, self.filter(&name, &field.name, field, operator)));
            }
        }
        for (relation, target, field) in one_hop {
            let key = format!("{}.{relation}.{}", resource.name, field.name);
            let name = format!("{relation}.{}", field.name);
            let of = format!("{} of the {}", field.name, target.noun());
            described.push((key, self.filter(&name, &of, field, Operator::Eq)));
        }
        described.truncate(FILTERS_DESCRIBED_MAX);
        let keys = described.into_iter().map(|(key, filter)| {
            let found = reference("parameters", &key);
            out.insert(key, filter);
            found
        });
        keys.collect()
    }

    /// The body that asks for a list, and its condition.
    pub fn query(&self, resource: &Resource, names: &super::names::Components) -> (Json, Json) {
        let Limits {
            page_default,
            page_max,
            ..
        } = self.limits;
        let mut sort = self.sorts(resource);
        sort["description"] = json!(
            "Fields to sort by, the most important first; `-` before one sorts downwards. The id always comes last."
        );
        let mut properties = json!({
            "where": reference("schemas", &names.condition),
            "sort": sort,
            "limit": {
                "type": "integer",
                "description": format!("Records per page. Larger numbers than {page_max} are lowered to {page_max}."),
                "minimum": 1,
                "default": page_default,
            },
            "cursor": {
                "type": ["string", "null"],
                "description": "Where to go on: `next_cursor` of the page before, of the same query.",
                "minLength": 1,
            },
            "total": {
                "type": "boolean",
                "description": "Whether to count all records of the list into `total`. Counting costs time; ask only when it is shown.",
                "default": false,
            },
        });
        if let Some((description, mut schema)) = self.includable(resource) {
            schema["description"] = json!(description);
            // No names at all are a list too, which a URL cannot hold.
            if let Some(schema) = schema.as_object_mut() {
                schema.remove("minItems");
            }
            properties["include"] = schema;
        }
        if !resource.search.is_empty() {
            properties["q"] = json!({
                "type": "string",
                "description": "Words that must all occur in the searched fields.",
                "maxLength": self.limits.words_chars_max,
            });
        }
        let query = json!({
            "type": "object",
            "description": format!("What {} are wanted.", resource.nouns()),
            "properties": properties,
            "additionalProperties": false,
        });
        (query, self.condition(resource, names))
    }

    fn condition(&self, resource: &Resource, names: &super::names::Components) -> Json {
        let inner = || reference("schemas", &names.condition);
        let Limits {
            conditions_max,
            condition_depth_max,
            condition_values_max,
            ..
        } = self.limits;
        let mut properties = Map::new();
        let own = filterable(resource, self.audience).map(|field| (field.name.clone(), field));
        let one_hop = self.one_hop(resource);
        let one_hop = one_hop
            .into_iter()
            .map(|(relation, _, field)| (format!("{relation}.{}", field.name), field));
        for (name, field) in own.chain(one_hop).take(FILTERS_DESCRIBED_MAX) {
            properties.insert(name, self.comparison(field));
        }
        for (word, schema) in [
            (
                "and",
                json!({"type": "array", "description": "All of these hold.", "maxItems": conditions_max, "items": inner()}),
            ),
            (
                "or",
                json!({"type": "array", "description": "One of these holds.", "maxItems": conditions_max, "items": inner()}),
            ),
            (
                "not",
                json!({"allOf": [inner()], "description": "This does not hold."}),
            ),
        ] {
            properties.insert(word.to_owned(), schema);
        }
        json!({
            "type": "object",
            "description": format!("Conditions, which must all hold. A value stands for `eq`; null for a field that is empty. There can be {conditions_max} of them in all, with {condition_values_max} values, and they nest {condition_depth_max} levels deep."),
            "properties": properties,
            "additionalProperties": false,
        })
    }

    /// `"held"` or `{"gte": 1, "lt": 5}`.
    fn comparison(&self, field: &Field) -> Json {
        let ty = &field.shape.ty;
        let nullable = field.shape.nullable;
        let value = || self.schemas.json_operand(ty);
        let mut operators = Map::new();
        for operator in Operator::ALL {
            if !operator.applies_to(ty, nullable) {
                continue;
            }
            let schema = match operator {
                Operator::IsNull => json!({"type": "boolean"}),
                Operator::In => {
                    json!({"type": "array", "items": value(), "maxItems": self.limits.in_max})
                }
                _ => value(),
            };
            operators.insert(operator.name().to_owned(), schema);
        }
        let mut ways = Vec::new();
        if Operator::Eq.applies_to(ty, nullable) {
            ways.push(value());
        }
        if nullable {
            ways.push(json!({"type": "null"}));
        }
        ways.push(json!({
            "type": "object",
            "properties": operators,
            "minProperties": 1,
            "additionalProperties": false,
        }));
        json!({"anyOf": ways})
    }

    /// Fields of related records that a list can be filtered by. The id is not among them, since
    /// the record itself holds it.
    fn one_hop<'r>(&self, resource: &'r Resource) -> Vec<(&'r str, &'m Resource, &'m Field)> {
        let ways = access::fields(resource, self.audience).filter_map(|field| field.relation());
        ways.filter_map(|(relation, target)| {
            let target = self.model.resource(target);
            let readable = target.audience <= self.audience
                && access::of(target, model::Action::Get).is_some();
            readable.then_some((relation, target))
        })
        .flat_map(|(relation, target)| {
            filterable(target, self.audience)
                .filter(|field| {
                    !field.is_system() && Operator::Eq.applies_to(&field.shape.ty, false)
                })
                .map(move |field| (relation, target, field))
        })
        .collect()
    }

    fn filter(&self, name: &str, of: &str, field: &Field, operator: Operator) -> Json {
        let value = || self.schemas.operand(&field.shape.ty);
        let of = format!("`{of}`");
        let (description, schema) = match operator {
            Operator::Eq => (format!("{of} is this."), value()),
            Operator::Ne => (format!("{of} is not this."), value()),
            Operator::Lt => (format!("{of} is less than this."), value()),
            Operator::Lte => (format!("{of} is this or less."), value()),
            Operator::Gt => (format!("{of} is more than this."), value()),
            Operator::Gte => (format!("{of} is this or more."), value()),
            Operator::Contains => (format!("{of} contains this text."), value()),
            Operator::StartsWith => (format!("{of} starts with this text."), value()),
            Operator::IsNull => (
                format!("Whether {of} is empty."),
                json!({"type": "boolean"}),
            ),
            Operator::In => {
                // Not as `maxItems`: so many do not fit into a URL when they are long.
                let mut description =
                    format!("{of} is one of these, at most {}.", self.limits.in_max);
                if field.shape.ty == Type::Text {
                    description.push_str(
                        " A comma or backslash inside a value has a backslash before it.",
                    );
                }
                let schema = json!({
                    "type": "array",
                    "minItems": 1,
                    "items": value(),
                });
                (description, schema)
            }
        };
        let mut parameter = json!({
            "name": name,
            "in": "query",
            "description": description,
            "schema": schema,
        });
        if operator == Operator::In {
            parameter["style"] = json!("form");
            parameter["explode"] = json!(false);
        }
        if field.deprecated.is_some() {
            parameter["deprecated"] = json!(true);
        }
        parameter
    }
}

/// Indexed means queryable.
pub fn filterable(resource: &Resource, audience: Audience) -> impl Iterator<Item = &Field> {
    access::fields(resource, audience).filter(|field| field.indexed)
}

/// Indexed, and of a type that has an order.
fn is_sortable(field: &Field) -> bool {
    field.indexed
        && field.is_stored()
        && !matches!(
            field.shape.ty,
            Type::Money | Type::List(_) | Type::Object(_) | Type::Json
        )
}
