//! The body of a batch: `{"create": […], "update": […], "delete": […]}`.
//!
//! A record to change is named by its `id`, and with `etag` changed only if it is still as it
//! was read. One to delete may be its id alone.

use call::{Batch, Change, Code, Failure, FieldProblem, Part, Place, Precondition, RecordKey};
use http::header::IF_MATCH;
use http::{HeaderMap, HeaderValue};
use serde_json::{Map, Value};
use web::RequestBody;

use super::body;
use crate::failure::Refusal;

/// A batch may be as large as so many bodies of other writes.
const BODIES_MAX: usize = 4;

/// Reads the body of a batch.
pub async fn read(
    headers: &HeaderMap,
    body: &mut RequestBody,
    body_bytes_max: usize,
) -> Result<Change, Refusal> {
    let bytes_max = body_bytes_max.saturating_mul(BODIES_MAX);
    let members = body::read_object(headers, body, bytes_max).await?;
    parse(members).map(Change::Batch).map_err(Into::into)
}

fn parse(members: Map<String, Value>) -> Result<Batch, Failure> {
    let mut batch = Batch::default();
    let mut faults = Faults(Vec::new());
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
                "create" => batch.create.extend(faults.object(pointer, item)),
                "update" => {
                    let part = faults.object(pointer.clone(), item);
                    batch
                        .update
                        .extend(part.and_then(|it| faults.part(&pointer, it)));
                }
                _ => batch.delete.extend(faults.delete(&pointer, item)),
            }
        }
    }
    if faults.0.is_empty() {
        Ok(batch)
    } else {
        Err(Failure::with_problems(Code::Invalid, faults.0))
    }
}

struct Faults(Vec<FieldProblem>);

impl Faults {
    fn add(&mut self, pointer: String, code: &'static str, detail: String) {
        /// As many as are told of one request; the rest would be noise.
        const FAULTS_MAX: usize = 100;
        if self.0.len() < FAULTS_MAX {
            let place = Place::Pointer(pointer);
            self.0.push(FieldProblem {
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

    /// A record that is there, with what is to be changed of it.
    fn part(&mut self, pointer: &str, mut members: Map<String, Value>) -> Option<Part> {
        let id = members.shift_remove("id");
        let precondition = match members.shift_remove("etag") {
            None => Some(Precondition::default()),
            Some(etag) => self.precondition(pointer, &etag),
        };
        let target = match id {
            Some(id) => self.key(format!("{pointer}/id"), &id),
            None => {
                let detail = "`id` is required: which record is meant.".to_owned();
                self.add(format!("{pointer}/id"), "required", detail);
                None
            }
        };
        Some(Part {
            target: target?,
            change: members,
            precondition: precondition?,
        })
    }

    fn delete(&mut self, pointer: &str, item: Value) -> Option<Part> {
        let Value::Object(members) = item else {
            return Some(Part {
                target: self.key(pointer.to_owned(), &item)?,
                change: Map::new(),
                precondition: Precondition::default(),
            });
        };
        let part = self.part(pointer, members)?;
        for name in part.change.keys() {
            let name = name.replace('~', "~0").replace('/', "~1");
            let detail = "To delete a record only `id` and `etag` are needed.".to_owned();
            self.add(format!("{pointer}/{name}"), "unknown_field", detail);
        }
        Some(part)
    }

    fn key(&mut self, pointer: String, id: &Value) -> Option<RecordKey> {
        match id {
            Value::String(text) => Some(RecordKey::Id(text.clone())),
            Value::Number(number) => Some(RecordKey::Id(number.to_string())),
            _ => {
                let detail = "The id of a record is expected here.".to_owned();
                self.add(pointer, "wrong_type", detail);
                None
            }
        }
    }

    /// Means what it means in `If-Match`.
    fn precondition(&mut self, pointer: &str, etag: &Value) -> Option<Precondition> {
        let read = || {
            let value = HeaderValue::from_str(etag.as_str()?).ok()?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, expected: Result<&str, &[&str]>) {
        let members = serde_json::from_str(body).unwrap();
        let found = parse(members).map(|batch| {
            let part = |part: &Part| {
                let change = Value::Object(part.change.clone());
                let versions = part.precondition.versions.clone();
                format!("{:?} {change} {versions:?}", part.target.name())
            };
            let update: Vec<String> = batch.update.iter().map(part).collect();
            let delete: Vec<String> = batch.delete.iter().map(part).collect();
            format!("+{} ~{update:?} -{delete:?}", batch.create.len())
        });
        let found = found.map_err(|failure| {
            let told = failure.problems.iter().map(|problem| match &problem.place {
                Place::Pointer(pointer) => format!("{pointer} {}", problem.code),
                other => panic!("{other:?}"),
            });
            told.collect::<Vec<_>>()
        });
        let expected = expected
            .map(str::to_owned)
            .map_err(|faults| faults.iter().map(|fault| (*fault).to_owned()).collect());
        assert_eq!(found, expected, "{body}");
    }

    #[test]
    fn batches_are_read() {
        check("{}", Ok("+0 ~[] -[]"));
        check(r#"{"create": [{}, {"id": 1}]}"#, Ok("+2 ~[] -[]"));
        check(
            r#"{"update": [{"id": 1, "a": null}, {"etag": "\"3.a\"", "id": "x"}], "delete": [1, "x"]}"#,
            Ok(
                r#"+0 ~["\"1\" {\"a\":null} None", "\"x\" {} Some([3])"] -["\"1\" {} None", "\"x\" {} None"]"#,
            ),
        );
        check(
            r#"{"delete": [{"id": 1, "etag": "\"2.b\""}]}"#,
            Ok(r#"+0 ~[] -["\"1\" {} Some([2])"]"#),
        );
    }

    #[test]
    fn faults_say_where_they_are() {
        check(
            r#"{"a/b": [], "create": {}, "update": [1, {"a": 1}, {"id": [], "etag": 3}], "delete": [null, {"id": 1, "x": 2}]}"#,
            Err(&[
                "/a~1b unknown_field",
                "/create wrong_type",
                "/update/0 wrong_type",
                "/update/1/id required",
                "/update/2/etag invalid",
                "/update/2/id wrong_type",
                "/delete/0 wrong_type",
                "/delete/1/x unknown_field",
            ]),
        );
    }
}
