//! Any bytes as the body of a write, in the three media types, through the door.
//!
//! The first byte chooses the request (see [`Write::of`]), the rest is the body. What is refused
//! changes nothing; what is accepted is what the RFCs say, by a second reading of them here.

use http::header::{ETAG, IF_NONE_MATCH, LOCATION};
use http::{HeaderValue, Method, StatusCode};
use model::{Field, FieldKind, Resource, Shape};
use serde_json::{Map, Value as Json};
use value::Type;

use super::app::{ANN, App, BOB, OPERATOR, Reply, STAFF, headers, with_own};

const JSON: &str = "application/json";
const MERGE: &str = "application/merge-patch+json";
const PATCH: &str = "application/json-patch+json";

pub fn run(data: &[u8]) {
    let Some((first, body)) = data.split_first() else {
        return;
    };
    with_own(|app| Write::of(app, *first).exercise(app, body));
}

/// A request but for its body.
struct Write {
    method: Method,
    path: String,
    media: &'static str,
    key: &'static str,
    resource: &'static str,
    if_none_match: bool,
}

impl Write {
    fn of(app: &App, letter: u8) -> Write {
        let write = |method, path: &str, media, key, resource| Write {
            method,
            path: path.to_owned(),
            media,
            key,
            resource,
            if_none_match: false,
        };
        match letter {
            b'b' => write(Method::POST, "/v1/books", JSON, ANN, "Book"),
            b'B' => write(Method::PUT, "/v1/books/1", JSON, ANN, "Book"),
            b'm' => write(Method::PATCH, "/v1/books/1", MERGE, ANN, "Book"),
            b'j' => write(Method::PATCH, "/v1/books/1", PATCH, ANN, "Book"),
            b'i' => write(Method::POST, "/v1/items", JSON, STAFF, "Item"),
            b'I' => write(Method::PUT, "/v1/items/full", JSON, STAFF, "Item"),
            b'n' => Write {
                if_none_match: true,
                ..write(Method::PUT, "/v1/items/new", JSON, ANN, "Item")
            },
            b'E' => write(Method::PATCH, "/v1/items/empty", MERGE, ANN, "Item"),
            b'J' => write(Method::PATCH, "/v1/items/full", PATCH, STAFF, "Item"),
            b'P' => write(Method::PATCH, "/v1/items/full", PATCH, ANN, "Item"),
            b'r' => write(Method::POST, "/v1/books/3/reviews", JSON, ANN, "Review"),
            b'R' => write(Method::PATCH, &review(app), MERGE, ANN, "Review"),
            b'S' => write(Method::PATCH, &review(app), PATCH, BOB, "Review"),
            b'v' => write(Method::PATCH, "/v1/vaults/V-1", MERGE, OPERATOR, "Vault"),
            _ => write(Method::PATCH, "/v1/items/full", JSON, STAFF, "Item"),
        }
    }

    fn exercise(&self, app: &App, body: &[u8]) {
        let before = State::of(app, self);
        let mut fields = headers(Some(self.key), Some(self.media));
        if self.if_none_match {
            fields.insert(IF_NONE_MATCH, HeaderValue::from_static("*"));
        }
        let reply = app.ask(self.method.clone(), &self.path, fields, body);
        reply.sound();
        let after = State::of(app, self);
        if !reply.status.is_success() {
            return assert_eq!(before, after, "{reply:?}");
        }
        let sent: Json = serde_json::from_slice(body).expect("what was accepted is JSON");
        let what = || format!("{} {} {sent} made {reply:?}", self.method, self.path);
        let written = if reply.status == StatusCode::CREATED {
            reply.headers[LOCATION]
                .to_str()
                .expect("paths are ASCII")
                .to_owned()
        } else {
            self.path.clone()
        };
        let now = app.get(&written, Some(self.key));
        assert!(now.is_ok(), "{}", what());
        assert_eq!(now.json(), reply.json(), "{}", what());
        assert_eq!(now.headers[ETAG], reply.headers[ETAG], "{}", what());

        let resource = app
            .engine
            .model()
            .resource_named(self.resource)
            .expect("a resource of the shop");
        let record = app.record(&written).expect("it was written");
        let changed = match self.outcome(resource, &before, &sent, &record, &reply) {
            Ok(()) => after != before,
            Err(why) => panic!(
                "{why}\nbefore {:?}\nafter {record}\n{}",
                before.record,
                what()
            ),
        };
        assert_eq!(
            app.changes_after(before.feed),
            usize::from(changed),
            "{}",
            what()
        );
        if changed {
            app.restore();
            assert_eq!(State::of(app, self), before, "put back");
        }
    }

    /// Whether the record is what the request asked for.
    fn outcome(
        &self,
        resource: &Resource,
        before: &State,
        sent: &Json,
        record: &Json,
        reply: &Reply,
    ) -> Result<(), String> {
        let whole = |is_there: fn(&Field) -> bool| -> Map<String, Json> {
            let fields = resource.fields.iter().filter(|field| is_there(field));
            fields
                .filter_map(|field| {
                    Some((
                        field.name.clone(),
                        before.record.as_ref()?.get(&field.name)?.clone(),
                    ))
                })
                .collect()
        };
        let expected = match (&self.method, self.media) {
            (&Method::PATCH, PATCH) => {
                // What is computed can be tested and copied, and is not changed.
                let mut document = Json::Object(whole(|field| !field.write_only));
                let hidden = |field: &&Field| {
                    field.audience != model::Audience::Public
                        || (field.read.is_some() && self.key != STAFF && self.resource == "Item")
                };
                for field in resource.fields.iter().filter(hidden) {
                    document
                        .as_object_mut()
                        .map(|members| members.remove(&field.name));
                }
                for operation in sent.as_array().ok_or("not a list of operations")? {
                    operate(&mut document, operation)?;
                }
                let Json::Object(mut document) = document else {
                    return Err("the record is no object any more".to_owned());
                };
                for field in resource.fields.iter().filter(hidden) {
                    let kept = before
                        .record
                        .as_ref()
                        .and_then(|record| record.get(&field.name));
                    document
                        .entry(field.name.clone())
                        .or_insert_with(|| kept.cloned().unwrap_or(Json::Null));
                }
                // Another document in place of the whole is taken as PUT takes one.
                let puts_another =
                    |operation: &Json| operation["path"] == "" && operation["op"] != "test";
                if sent
                    .as_array()
                    .is_some_and(|all| all.iter().any(puts_another))
                {
                    for field in resource.fields.iter().filter(|field| is_data(field)) {
                        let absent = if field.immutable || field.read_only || field.is_system() {
                            let record = before.record.as_ref();
                            record.and_then(|record| record.get(&field.name)).cloned()
                        } else {
                            let default = field.default.as_ref();
                            default.map(|default| json_of(&field.shape.ty, default))
                        };
                        document
                            .entry(field.name.clone())
                            .or_insert(absent.unwrap_or(Json::Null));
                    }
                }
                document
            }
            (&Method::PATCH, _) => match merge(Json::Object(whole(is_data)), sent) {
                Json::Object(merged) => merged,
                _ => return Err("the record is no object any more".to_owned()),
            },
            _ => {
                let mut made = sent.as_object().ok_or("not an object")?.clone();
                let created = reply.status == StatusCode::CREATED;
                for field in resource.fields.iter().filter(|field| is_data(field)) {
                    let kept = !created
                        && (field.immutable
                            || field.read_only
                            || field.audience != model::Audience::Public);
                    let from_path = created
                        && (field.is_system()
                            || field.set.is_some()
                            || (self.resource == "Review" && field.name == "book_id"));
                    if from_path || (kept && !made.contains_key(&field.name)) {
                        let source = if kept {
                            before.record.as_ref()
                        } else {
                            Some(record)
                        };
                        let there = source.and_then(|record| record.get(&field.name)).cloned();
                        made.insert(field.name.clone(), there.unwrap_or(Json::Null));
                    } else if !made.contains_key(&field.name)
                        && let Some(default) = &field.default
                    {
                        made.insert(field.name.clone(), json_of(&field.shape.ty, default));
                    }
                }
                made
            }
        };
        let null = Json::Null;
        for field in resource
            .fields
            .iter()
            .filter(|field| is_data(field) && !is_clock(field))
        {
            let expected = canonical(&field.shape, expected.get(&field.name).unwrap_or(&null));
            let expected =
                expected.map_err(|why| format!("{} should be refused: {why}", field.name))?;
            let found = record.get(&field.name).unwrap_or(&null);
            if expected != *found {
                return Err(format!(
                    "{} should be {expected} and is {found}",
                    field.name
                ));
            }
        }
        Ok(())
    }
}

/// Everything that a refused request must leave alone.
#[derive(PartialEq, Debug)]
struct State {
    record: Option<Json>,
    count: Option<Json>,
    feed: i64,
}

impl State {
    fn of(app: &App, write: &Write) -> State {
        let model = app.engine.model();
        let path = &model
            .resource_named(write.resource)
            .expect("a resource of the shop")
            .path;
        let list = app.get(&format!("/v1/{path}?limit=1&total=true"), Some(OPERATOR));
        State {
            record: if write.method == Method::POST {
                None
            } else {
                app.record(&write.path)
            },
            count: list.json().get("total").cloned(),
            feed: app.feed_end(),
        }
    }
}

/// The path of a review by Ann.
fn review(app: &App) -> String {
    let list = app
        .get("/v1/reviews?stars=5&fields=id", Some(OPERATOR))
        .json();
    let id = list["items"][0]["id"]
        .as_str()
        .expect("there is one with five stars");
    format!("/v1/reviews/{id}")
}

/// Stored, and shown to the operator.
fn is_data(field: &Field) -> bool {
    !matches!(field.kind, FieldKind::Computed(_)) && !field.write_only
}

fn is_clock(field: &Field) -> bool {
    matches!(field.kind, FieldKind::System(model::SystemField::UpdatedAt))
}

fn json_of(ty: &Type, value: &value::Value) -> Json {
    serde_json::from_str(&value::json::to_json_text(ty, value)).expect("JSON")
}

/// RFC 7396 section 2.
fn merge(target: Json, patch: &Json) -> Json {
    let Json::Object(patch) = patch else {
        return patch.clone();
    };
    let mut members = match target {
        Json::Object(members) => members,
        _ => Map::new(),
    };
    for (name, value) in patch {
        if value.is_null() {
            members.shift_remove(name);
        } else {
            let before = members.shift_remove(name).unwrap_or(Json::Null);
            members.insert(name.clone(), merge(before, value));
        }
    }
    Json::Object(members)
}

/// One operation of RFC 6902.
fn operate(document: &mut Json, operation: &Json) -> Result<(), String> {
    let text = |name: &str| operation[name].as_str().ok_or(format!("no {name}"));
    let value = || operation.get("value").cloned().ok_or("no value".to_owned());
    let path = text("path")?;
    match text("op")? {
        "add" => add(document, path, value()?),
        "remove" => remove(document, path).map(drop),
        "replace" => {
            if path.is_empty() {
                *document = value()?;
                return Ok(());
            }
            *document.pointer_mut(path).ok_or("nothing to replace")? = value()?;
            Ok(())
        }
        "move" => {
            let from = text("from")?;
            if path.starts_with(&format!("{from}/")) {
                return Err("moved into itself".to_owned());
            }
            let moved = remove(document, from)?;
            add(document, path, moved)
        }
        "copy" => {
            let copied = document
                .pointer(text("from")?)
                .ok_or("nothing to copy")?
                .clone();
            add(document, path, copied)
        }
        "test" => {
            let found = document.pointer(path).ok_or("nothing to test")?;
            if *found == value()? {
                Ok(())
            } else {
                Err(format!("{found} is something else"))
            }
        }
        other => Err(format!("no operation {other}")),
    }
}

fn split(path: &str) -> Result<(&str, String), String> {
    let (parent, name) = path.rsplit_once('/').ok_or("not a pointer")?;
    Ok((parent, name.replace("~1", "/").replace("~0", "~")))
}

fn index(name: &str, most: usize) -> Result<usize, String> {
    let plain =
        name == "0" || (!name.starts_with('0') && name.bytes().all(|byte| byte.is_ascii_digit()));
    let at: usize = name.parse().map_err(|_| "no index".to_owned())?;
    if plain && at <= most {
        Ok(at)
    } else {
        Err(format!("{name} is outside"))
    }
}

fn add(document: &mut Json, path: &str, value: Json) -> Result<(), String> {
    if path.is_empty() {
        *document = value;
        return Ok(());
    }
    let (parent, name) = split(path)?;
    match document.pointer_mut(parent).ok_or("nowhere to add")? {
        Json::Object(members) => drop(members.insert(name, value)),
        Json::Array(items) if name == "-" => items.push(value),
        Json::Array(items) => items.insert(index(&name, items.len())?, value),
        _ => return Err("nowhere to add".to_owned()),
    }
    Ok(())
}

fn remove(document: &mut Json, path: &str) -> Result<Json, String> {
    if path.is_empty() {
        return Ok(document.take());
    }
    let (parent, name) = split(path)?;
    match document.pointer_mut(parent).ok_or("nothing to remove")? {
        Json::Object(members) => members
            .shift_remove(&name)
            .ok_or("nothing to remove".to_owned()),
        Json::Array(items) if !items.is_empty() => Ok(items.remove(index(&name, items.len() - 1)?)),
        _ => Err("nothing to remove".to_owned()),
    }
}

/// What is stored for this JSON, as it is shown: members with defaults filled in, numbers and
/// times in their one spelling.
fn canonical(shape: &Shape, json: &Json) -> Result<Json, String> {
    if json.is_null() {
        return if shape.nullable {
            Ok(Json::Null)
        } else {
            Err("null".to_owned())
        };
    }
    let filled = filled(shape, json)?;
    if shape.ty == Type::Json {
        return Ok(filled);
    }
    let value = value::json::read(&shape.ty, &filled).map_err(|found| format!("{found:?}"))?;
    Ok(json_of(&shape.ty, &value))
}

fn filled(shape: &Shape, json: &Json) -> Result<Json, String> {
    match (&shape.ty, json) {
        (Type::List(_), Json::Array(items)) => {
            let Some(inner) = &shape.items else {
                return Ok(json.clone());
            };
            items.iter().map(|item| filled(inner, item)).collect()
        }
        (Type::Object(object), Json::Object(members)) => {
            let Some(shapes) = &shape.members else {
                return Ok(json.clone());
            };
            let mut members = members.clone();
            for (member, inner) in object.members.iter().zip(shapes.iter()) {
                match (members.get(&*member.name), &inner.default) {
                    (None, Some(default)) => {
                        drop(members.insert(member.name.to_string(), json_of(&inner.ty, default)))
                    }
                    (None, None) => {}
                    (Some(Json::Null), _) if inner.nullable => {}
                    (Some(Json::Null), _) => return Err(format!("{} is null", member.name)),
                    (Some(json), _) => {
                        let json = filled(inner, json)?;
                        members.insert(member.name.to_string(), json);
                    }
                }
            }
            Ok(Json::Object(members))
        }
        _ => Ok(json.clone()),
    }
}
