//! The body of a batch: `{"create": […], "update": […], "delete": […]}`.
//!
//! A record to change is named by what its path ends with: its `id`, or the values of its key. With
//! `etag` it is changed only if it is still as it was read. One to delete may be that value alone.

use call::{Batch, Change, FieldProblem, Part, Place, Precondition, RecordKey};
use http::header::IF_MATCH;
use http::{HeaderMap, HeaderValue};
use model::{Field, Model, Resource};
use serde_json::{Map, Value};
use value::json::Mismatch;
use value::{IdKind, Type};
use web::RequestBody;

use super::body;
use crate::failure::Refusal;
use crate::mount::{Key, Target};

/// A batch may be as large as so many bodies of other writes.
const BODIES_MAX: usize = 4;

/// How the records of one batch are named.
pub struct Names<'m> {
    resource: &'m Resource,
    /// The values in front of the list's word, if records are within others.
    around: Vec<String>,
}

impl<'m> Names<'m> {
    /// `target`: where the batch is sent.
    pub fn new(model: &'m Model, target: &Target<'_>) -> Names<'m> {
        let around = match target {
            Target::Batch(list) => match &**list {
                Target::List {
                    key: Key::Id(id), ..
                } => vec![id.clone().into_owned()],
                Target::List {
                    key: Key::Values(values),
                    ..
                } => values.clone(),
                _ => vec![],
            },
            _ => vec![],
        };
        Names {
            resource: model.resource(target.resource()),
            around,
        }
    }

    fn fields(&self) -> impl Iterator<Item = &'m Field> {
        self.resource.key_fields()
    }

    /// The only field, if there is one only.
    fn alone(&self) -> Option<&'m Field> {
        let mut fields = self.fields();
        fields.next().filter(|_| fields.next().is_none())
    }

    fn key(&self, mut values: Vec<String>) -> RecordKey {
        if !self.resource.has_own_path()
            && let Some(id) = values.pop()
        {
            return RecordKey::Id(id);
        }
        let mut path = self.around.clone();
        path.append(&mut values);
        RecordKey::Natural(path)
    }

    /// `id`, or `owner` and `name`.
    fn told(&self) -> String {
        let names: Vec<String> = self
            .fields()
            .map(|field| format!("`{}`", field.name))
            .collect();
        names.join(" and ")
    }
}

/// Reads the body of a batch.
pub async fn read(
    headers: &HeaderMap,
    body: &mut RequestBody,
    body_bytes_max: usize,
    names: &Names<'_>,
) -> Result<Change, Refusal> {
    let bytes_max = body_bytes_max.saturating_mul(BODIES_MAX);
    let members = body::read_object(headers, body, bytes_max).await?;
    Ok(Change::Batch(parse(members, names)))
}

fn parse(members: Map<String, Value>, names: &Names<'_>) -> Batch {
    let mut batch = Batch::default();
    let mut faults = Faults {
        names,
        found: Vec::new(),
    };
    for (name, value) in members {
        let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        let known = matches!(name.as_str(), "create" | "update" | "delete");
        let items = match value {
            _ if !known => {
                let detail = format!("A batch has `create`, `update` and `delete`, no `{name}`.");
                faults.add(pointer, "unknown_field", detail);
                continue;
            }
            Value::Array(items) => items,
            _ => {
                faults.add(pointer, "wrong_type", "A list is expected here.".to_owned());
                continue;
            }
        };
        for (index, item) in items.into_iter().enumerate() {
            let pointer = format!("{pointer}/{index}");
            match name.as_str() {
                "create" => batch.create.push(faults.object(pointer, item)),
                "update" => {
                    let part = faults.object(pointer.clone(), item);
                    let part = part.and_then(|it| faults.part(&pointer, it));
                    batch.update.push(part);
                }
                _ => batch.delete.push(faults.delete(&pointer, item)),
            }
        }
    }
    batch.unreadable = faults.found;
    batch
}

struct Faults<'a> {
    names: &'a Names<'a>,
    found: Vec<FieldProblem>,
}

impl Faults<'_> {
    fn add(&mut self, pointer: String, code: &'static str, detail: String) {
        /// As many as are told of one request; the rest would be noise.
        const FAULTS_MAX: usize = 100;
        if self.found.len() < FAULTS_MAX {
            let place = Place::Pointer(pointer);
            self.found.push(FieldProblem {
                place,
                code,
                detail,
            });
        }
    }

    fn object(&mut self, pointer: String, item: Value) -> Option<Map<String, Value>> {
        match item {
            Value::Object(members) => Some(members),
            _ => {
                self.add(
                    pointer,
                    "wrong_type",
                    "An object is expected here.".to_owned(),
                );
                None
            }
        }
    }

    /// A record that is there, with what is to be changed of it, if it can be told which one.
    fn part(&mut self, pointer: &str, mut members: Map<String, Value>) -> Option<Part> {
        let precondition = match members.shift_remove("etag") {
            None => Precondition::default(),
            // Nothing is done where a fault has been told, so it does not matter what is left.
            Some(etag) => self.precondition(pointer, &etag).unwrap_or_default(),
        };
        let mut values = Some(Vec::new());
        for field in self.names.fields() {
            let pointer = format!("{pointer}/{}", field.name);
            let value = match members.shift_remove(&field.name) {
                Some(value) => self.value(pointer, field, &value),
                None => {
                    let told = self.names.told();
                    let detail = format!("{told} must be given: which record is meant.");
                    self.add(pointer, "required", detail);
                    None
                }
            };
            values = values.zip(value).map(|(mut values, value)| {
                values.push(value);
                values
            });
        }
        Some(Part {
            target: self.names.key(values?),
            change: members,
            precondition,
        })
    }

    fn delete(&mut self, pointer: &str, item: Value) -> Option<Part> {
        let Value::Object(members) = item else {
            let Some(field) = self.names.alone() else {
                let told = self.names.told();
                let detail = format!("An object with {told} is expected here.");
                self.add(pointer.to_owned(), "wrong_type", detail);
                return None;
            };
            let value = self.value(pointer.to_owned(), field, &item)?;
            return Some(Part {
                target: self.names.key(vec![value]),
                change: Map::new(),
                precondition: Precondition::default(),
            });
        };
        let part = self.part(pointer, members)?;
        for name in part.change.keys() {
            let name = name.replace('~', "~0").replace('/', "~1");
            let told = self.names.told();
            let detail = format!("To delete a record nothing but {told} and `etag` is needed.");
            self.add(format!("{pointer}/{name}"), "unknown_field", detail);
        }
        Some(part)
    }

    /// A value of a key, as a path would spell it. Whether there is such a record is asked later.
    fn value(&mut self, pointer: String, field: &Field, value: &Value) -> Option<String> {
        let is_number = matches!(field.shape.ty, Type::Int32 | Type::Int53)
            || matches!(&field.shape.ty, Type::Id(id) if id.kind == IdKind::Integer && id.prefix.is_empty());
        let is_of_kind = match value {
            Value::String(_) => !is_number,
            Value::Number(_) => is_number,
            _ => false,
        };
        if !is_of_kind {
            let kind = if is_number { "number" } else { "string" };
            let detail = format!("`{}` is a {kind}.", field.name);
            self.add(pointer, "wrong_type", detail);
            return None;
        }
        let read = value::json::read(&field.shape.ty, value);
        match (read, value) {
            // A path knows one spelling only.
            (Ok(_), Value::String(text)) => Some(text.clone()),
            (Ok(read), _) => Some(value::text::print(&field.shape.ty, &read)),
            (Err(mismatches), _) => {
                for Mismatch { code, detail, .. } in mismatches {
                    self.add(pointer.clone(), code, detail);
                }
                None
            }
        }
    }

    /// Means what it means in `If-Match`.
    fn precondition(&mut self, pointer: &str, etag: &Value) -> Option<Precondition> {
        let read = || {
            let value = HeaderValue::from_str(etag.as_str().filter(is_one_tag)?).ok()?;
            let headers = HeaderMap::from_iter([(IF_MATCH, value)]);
            super::precondition::read(&headers, model::Action::Update).ok()
        };
        let precondition = read();
        if precondition.is_none() {
            let detail = "This is no entity tag; send it as it came, such as `\"12.a8f3\"`.";
            self.add(format!("{pointer}/etag"), "invalid", detail.to_owned());
        }
        precondition
    }
}

/// A header field could hold several, or `*`. Of one record there is one.
fn is_one_tag(text: &&str) -> bool {
    let inner = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    inner.is_some_and(|inner| !inner.is_empty() && !inner.contains(['"', '\\', ' ']))
}
