//! What a client sent, read as a row: types, unknown and read-only members, defaults,
//! `set:` formulas, constraints. Collects every fault with its pointer.

use call::{Caller, Code, Failure, FieldProblem, Place};
use expr::Env;
use expr::eval::NoRows;
use model::{Field, FieldKind, Resource, Shape, SystemField};
use serde_json::{Map, Value as Json};
use value::json::Mismatch;
use value::{FieldId, IdKind, Timestamp, Value};

use crate::caller::Claims;
use crate::meant;
use crate::spot::Spot;
use crate::validate;

/// Who writes, and when.
pub struct Writer<'a> {
    pub resource: &'a Resource,
    pub caller: &'a Caller,
    pub now: Timestamp,
    /// Fields of the record to be changed that the caller does not see. Whether they are as sent
    /// is not told either.
    pub unseen: &'a [FieldId],
}

/// A row to be, indexed by [`FieldId`], and which fields the client itself gave.
pub struct Draft {
    pub row: Vec<Value>,
    pub given: Vec<FieldId>,
}

impl Writer<'_> {
    /// A new record. `preset` are fields that the path has settled (`/authors/{id}/books`).
    pub fn create(
        &self,
        body: &Map<String, Json>,
        preset: &[(FieldId, Value)],
    ) -> Result<Draft, Failure> {
        let mut problems = Vec::new();
        let mut row = vec![Value::Null; self.resource.fields.len()];
        let mut given = Vec::new();
        self.unknown_members(body, &mut problems);
        for field in &self.resource.fields {
            let slot = &mut row[usize::from(field.id.0)];
            let preset = preset
                .iter()
                .find(|(id, _)| *id == field.id)
                .map(|(_, value)| value);
            match (body.get(&field.name), &field.kind) {
                (sent, FieldKind::System(SystemField::Id)) => {
                    if self.resource.id_type.kind != IdKind::Text {
                        if sent.is_some() {
                            problems.push(read_only(field));
                        }
                        continue;
                    }
                    match (sent, preset) {
                        (Some(json), _) => *slot = self.read(field, json, &mut problems),
                        (None, Some(preset)) => *slot = preset.clone(),
                        (None, None) => problems.push(required(field)),
                    }
                    if let Some(preset) = preset.filter(|preset| *preset != slot) {
                        problems.push(conflicts_with_path(field, preset));
                    }
                }
                (sent, FieldKind::System(_)) => {
                    *slot = Value::Timestamp(self.now);
                    if sent.is_some() {
                        problems.push(read_only(field));
                    }
                }
                (sent, FieldKind::Computed(_)) => {
                    if sent.is_some() {
                        problems.push(read_only(field));
                    }
                }
                (sent, _) if field.set.is_some() || field.read_only => {
                    if sent.is_some() {
                        problems.push(read_only(field));
                    }
                    *slot = match preset {
                        Some(preset) => preset.clone(),
                        None => self.filled_in(field)?,
                    };
                }
                (Some(json), _) => {
                    given.push(field.id);
                    *slot = self.read(field, json, &mut problems);
                    if let Some(preset) = preset.filter(|preset| *preset != slot) {
                        problems.push(conflicts_with_path(field, preset));
                    }
                }
                (None, _) => match (preset, &field.default) {
                    (Some(preset), _) => {
                        given.push(field.id);
                        *slot = preset.clone();
                    }
                    (None, Some(default)) => *slot = default.clone(),
                    (None, None) if !field.shape.nullable => problems.push(required(field)),
                    (None, None) => {}
                },
            }
        }
        finish(problems, Draft { row, given })
    }

    /// Some members of an existing record: absent keeps, null clears, and an object keeps the
    /// members that are not named (RFC 7396).
    pub fn merge(&self, current: &[Value], body: &Map<String, Json>) -> Result<Draft, Failure> {
        self.some(current, body, |field, json, current| {
            merge_inside(field, json, current)
        })
    }

    /// Some members of an existing record, each as a whole.
    pub fn set(&self, current: &[Value], body: &Map<String, Json>) -> Result<Draft, Failure> {
        self.some(current, body, |_, _, _| None)
    }

    /// `before` makes of a member what is really to be written, if that is something else.
    fn some(
        &self,
        current: &[Value],
        body: &Map<String, Json>,
        before: impl Fn(&Field, &Json, &Value) -> Option<Json>,
    ) -> Result<Draft, Failure> {
        let mut problems = Vec::new();
        let mut row = current.to_vec();
        let mut given = Vec::new();
        self.unknown_members(body, &mut problems);
        for field in &self.resource.fields {
            if let Some(json) = body.get(&field.name) {
                let made = before(field, json, &current[usize::from(field.id.0)]);
                let json = made.as_ref().unwrap_or(json);
                self.change(field, json, &mut row, &mut given, &mut problems);
            }
        }
        finish(problems, Draft { row, given })
    }

    /// All of an existing record: what is absent goes back to its default or to nothing.
    /// What the client can neither see nor set is kept, and so is what its path says.
    pub fn replace(
        &self,
        current: &[Value],
        body: &Map<String, Json>,
        hidden: &dyn Fn(&Field) -> bool,
    ) -> Result<Draft, Failure> {
        let mut problems = Vec::new();
        let mut row = current.to_vec();
        let mut given = Vec::new();
        self.unknown_members(body, &mut problems);
        for field in &self.resource.fields {
            match body.get(&field.name) {
                Some(json) => self.change(field, json, &mut row, &mut given, &mut problems),
                None if field.read_only
                    || field.immutable
                    || field.write_only
                    || field.is_system()
                    || self.resource.key.contains(&field.id)
                    || hidden(field) => {}
                None => {
                    let cleared = match &field.default {
                        Some(default) => default.clone(),
                        None if field.shape.nullable => Value::Null,
                        None => {
                            problems.push(required(field));
                            continue;
                        }
                    };
                    if row[usize::from(field.id.0)] != cleared {
                        given.push(field.id);
                        row[usize::from(field.id.0)] = cleared;
                    }
                }
            }
        }
        finish(problems, Draft { row, given })
    }

    fn change(
        &self,
        field: &Field,
        json: &Json,
        row: &mut [Value],
        given: &mut Vec<FieldId>,
        problems: &mut Vec<FieldProblem>,
    ) {
        let slot = &mut row[usize::from(field.id.0)];
        // A record that was read and is sent back whole holds its read-only members too;
        // they are fine as long as they say what is so (part 2 #16).
        if field.read_only || field.is_system() || field.immutable {
            let mut ignored = Vec::new();
            let same = !self.unseen.contains(&field.id)
                && self.read_unchecked(field, json, &mut ignored) == *slot
                && ignored.is_empty();
            if !same {
                problems.push(if field.immutable && !field.read_only {
                    FieldProblem {
                        place: pointer(field),
                        code: "immutable",
                        detail: format!("`{}` is set on create and cannot change", field.name),
                    }
                } else {
                    read_only(field)
                });
            }
            return;
        }
        let before = problems.len();
        let value = self.read(field, json, problems);
        // What the client does not see counts as changed even if it is not: whether the value was
        // guessed must make no difference.
        let differs = value != *slot || self.unseen.contains(&field.id);
        if problems.len() == before && differs {
            given.push(field.id);
            *slot = value;
        }
    }

    fn read(&self, field: &Field, json: &Json, problems: &mut Vec<FieldProblem>) -> Value {
        let value = self.read_unchecked(field, json, problems);
        // Of what is of the wrong type nothing more is said, of what stands beside it all.
        validate::check(&field.shape, &value, Spot::field(&field.name), problems);
        value
    }

    fn read_unchecked(
        &self,
        field: &Field,
        json: &Json,
        problems: &mut Vec<FieldProblem>,
    ) -> Value {
        if json.is_null() {
            if !field.shape.nullable {
                problems.push(FieldProblem {
                    place: pointer(field),
                    code: "not_null",
                    detail: format!("`{}` cannot be null", field.name),
                });
            }
            return Value::Null;
        }
        let (mut value, mismatches) = value::json::read_partly(&field.shape.ty, json);
        problems.extend(located(field, mismatches));
        let spot = Spot::field(&field.name);
        complete(&field.shape, &mut value, json, spot, problems);
        value
    }

    /// `set:` or the default of a field that the client does not give.
    fn filled_in(&self, field: &Field) -> Result<Value, Failure> {
        let Some(formula) = &field.set else {
            return Ok(field.default.clone().unwrap_or(Value::Null));
        };
        let env = Env {
            now: self.now,
            caller: &Claims(self.caller),
            this: None,
            next: None,
            row: None,
            input: &[],
            lookup: &NoRows,
        };
        match expr::eval(formula, &env) {
            Ok(Value::Null) if !field.shape.nullable => Err(Failure::new(
                Code::Forbidden,
                format!("`{}` cannot be filled in for this caller", field.name),
            )),
            Ok(value) => Ok(value),
            Err(expr::EvalError::Missing(_)) if field.shape.nullable => Ok(Value::Null),
            Err(expr::EvalError::Missing(claim)) => {
                let name = match claim {
                    expr::ir::Claim::Id => "id".to_owned(),
                    expr::ir::Claim::Named(name) => name.into_string(),
                };
                Err(Failure::new(
                    if self.caller.is_guest() {
                        Code::Unauthenticated
                    } else {
                        Code::Forbidden
                    },
                    format!(
                        "`{}` is filled in from `user.{name}`, which this caller does not have",
                        field.name
                    ),
                ))
            }
            Err(error) => Err(Failure::new(
                Code::Invalid,
                format!("`{}` cannot be computed: {error}", field.name),
            )),
        }
    }

    fn unknown_members(&self, body: &Map<String, Json>, problems: &mut Vec<FieldProblem>) {
        let unknown = body.keys().filter(|name| {
            let field = self.resource.field_named(name);
            field.is_none_or(|field| field.audience > self.caller.served_audience())
        });
        // More are not told anyway, and each is compared with every field.
        for name in unknown.take(validate::PROBLEMS_MAX) {
            problems.push(FieldProblem {
                place: Place::Pointer(format!("/{}", escape(name))),
                code: "unknown_field",
                detail: unknown_detail(self.resource, self.caller, name),
            });
        }
    }
}

/// Puts the defaults of an object's members where the client said nothing. A member with a
/// default may be left out, but null is not a way of doing that.
fn complete(
    shape: &Shape,
    value: &mut Value,
    json: &Json,
    spot: Spot<'_>,
    problems: &mut Vec<FieldProblem>,
) {
    match (value, json, &shape.ty) {
        (Value::List(items), Json::Array(given), _) => {
            let Some(inner) = &shape.items else { return };
            for (index, (item, json)) in items.iter_mut().zip(given).enumerate() {
                complete(inner, item, json, spot.item(index), problems);
            }
        }
        (Value::Object(members), Json::Object(given), value::Type::Object(object)) => {
            let Some(shapes) = &shape.members else { return };
            for ((member, inner), described) in
                members.iter_mut().zip(shapes.iter()).zip(&object.members)
            {
                let spot = spot.member(&described.name);
                match (given.get(&*described.name), &inner.default) {
                    (None, Some(default)) => *member = default.clone(),
                    (Some(Json::Null), Some(_)) if !inner.nullable => problems.push(FieldProblem {
                        detail: format!(
                            "`{}` cannot be null; leave it out for its default",
                            described.name
                        ),
                        place: spot.place(),
                        code: "not_null",
                    }),
                    (Some(json), _) => complete(inner, member, json, spot, problems),
                    (None, None) => {}
                }
            }
        }
        _ => {}
    }
}

fn located(field: &Field, mismatches: Vec<Mismatch>) -> impl Iterator<Item = FieldProblem> {
    mismatches.into_iter().map(|mismatch| FieldProblem {
        place: Place::Pointer(format!("/{}{}", field.name, mismatch.pointer)),
        code: mismatch.code,
        detail: mismatch.detail,
    })
}

/// A field's value of the wrong type, as a refusal of the whole.
pub fn mismatched(field: &Field, mismatches: Vec<Mismatch>) -> Failure {
    Failure::with_problems(Code::Invalid, located(field, mismatches).collect())
}

fn unknown_detail(resource: &Resource, caller: &Caller, name: &str) -> String {
    let served = |field: &&Field| field.audience <= caller.served_audience();
    if let Some(field) = resource.relation_named(name).filter(served) {
        return format!("`{name}` is a relation; give its id as `{}`", field.name);
    }
    let writable: Vec<&str> = resource
        .fields
        .iter()
        .filter(|field| !field.read_only)
        .filter(served)
        .map(|field| field.name.as_str())
        .collect();
    format!(
        "{} has no field `{name}`{}; it has {}",
        resource.name,
        meant::field(resource, name, "", |field| {
            !field.read_only && field.audience <= caller.served_audience()
        }),
        writable.join(", ")
    )
}

/// Merge patch goes on inside objects (RFC 7396 §2): the stored object with the members that
/// were sent. Other types are replaced whole.
fn merge_inside(field: &Field, json: &Json, current: &Value) -> Option<Json> {
    let (Json::Object(_), value::Type::Object(_) | value::Type::Json) = (json, &field.shape.ty)
    else {
        return None;
    };
    // Where nothing is, an empty object is merged into, so that nulls are not kept there either.
    let mut text = Vec::new();
    value::json::write(&field.shape.ty, current, &mut text);
    let mut target: Json = serde_json::from_slice(&text).ok()?;
    json_patch::merge(&mut target, json);
    // A member set to null is gone from the merged object; for a typed object that reads as null.
    Some(target)
}

/// RFC 6901 §3.
pub fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn pointer(field: &Field) -> Place {
    Place::Pointer(format!("/{}", field.name))
}

fn required(field: &Field) -> FieldProblem {
    FieldProblem {
        place: pointer(field),
        code: "required",
        detail: format!(
            "`{}` is required: {}",
            field.name,
            field.shape.ty.describe()
        ),
    }
}

/// A value that is not the one in the path.
pub fn conflicts_with_path(field: &Field, preset: &Value) -> FieldProblem {
    FieldProblem {
        place: pointer(field),
        code: "conflicts_with_path",
        detail: format!(
            "the path says {}; leave it out or say the same",
            value::text::print(&field.shape.ty, preset)
        ),
    }
}

fn read_only(field: &Field) -> FieldProblem {
    FieldProblem {
        place: pointer(field),
        code: "read_only",
        detail: format!("`{}` is filled in by the server; leave it out", field.name),
    }
}

fn finish(mut problems: Vec<FieldProblem>, draft: Draft) -> Result<Draft, Failure> {
    if problems.is_empty() {
        return Ok(draft);
    }
    problems.truncate(validate::PROBLEMS_MAX);
    Err(Failure::with_problems(Code::Invalid, problems))
}
