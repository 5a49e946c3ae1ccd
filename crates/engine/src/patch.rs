//! What a JSON Patch (RFC 6902) comes to, found by applying it to the record as JSON.
//!
//! Knows nothing of rules or of the database: what comes out is taken like any other input.

use call::{Code, Failure, FieldProblem, Place};
use json_patch::{CopyOperation, MoveOperation, PatchErrorKind, PatchOperation};
use model::{Field, Resource};
use serde_json::{Map, Value as Json};
use value::Value;

use crate::input::escape;

/// Operations of one JSON Patch; each may copy the whole document.
pub const PATCH_OPERATIONS_MAX: usize = 100;
/// Bytes that a patched document may grow to.
const PATCHED_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What a JSON Patch comes to.
pub enum Patched {
    /// The members that it changes.
    Members(Map<String, Json>),
    /// Another document: it is taken as PUT takes one.
    Whole(Map<String, Json>),
}

/// Whether operations speak of the member of this name, or of the whole document.
pub fn speaks_of(operations: &Json, name: &str) -> bool {
    let member = format!("/{}", escape(name));
    let speaks = |pointer: &Json| {
        pointer.as_str().is_some_and(|pointer| {
            pointer.is_empty()
                || pointer
                    .strip_prefix(&member)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    operations.as_array().is_some_and(|operations| {
        operations
            .iter()
            .flat_map(|operation| [operation.get("path"), operation.get("from")])
            .flatten()
            .any(speaks)
    })
}

/// Applies the operations to a row. `hidden` are the fields that are no part of the document;
/// of computed fields it has those that the operations speak of.
pub fn apply(
    resource: &Resource,
    row: &[Value],
    operations: &Json,
    hidden: &dyn Fn(&Field) -> bool,
) -> Result<Patched, Failure> {
    let patch: json_patch::Patch = serde_json::from_value(operations.clone()).map_err(|error| {
        malformed(
            String::new(),
            format!("not a JSON Patch (RFC 6902): {error}"),
        )
    })?;
    if patch.0.len() > PATCH_OPERATIONS_MAX {
        let count = patch.0.len();
        let detail = format!("{count} operations; the most is {PATCH_OPERATIONS_MAX}");
        return Err(malformed(String::new(), detail));
    }
    let left_out =
        |field: &Field| hidden(field) || !(field.is_stored() || speaks_of(operations, &field.name));
    let original = document(resource, row, &left_out)?;
    let mut patched = Json::Object(original.clone());
    for (index, operation) in patch.0.iter().enumerate() {
        json_patch::patch(&mut patched, std::slice::from_ref(operation)).map_err(|error| {
            // RFC 5789 §2.2: the patch is understood, but not for a record in this state.
            let detail = format!(
                "operation {index} does not apply: {}",
                why(operation, &error.kind)
            );
            refused(Code::Conflict, format!("/{index}"), "patch_failed", detail)
        })?;
        // `copy` can double the document with each operation.
        if size(&patched) > PATCHED_BYTES_MAX {
            let detail = "the patched record becomes too large".to_owned();
            return Err(malformed(format!("/{index}"), detail));
        }
    }
    let Json::Object(patched) = patched else {
        let detail = "the patch makes the record something else than an object".to_owned();
        return Err(malformed(String::new(), detail));
    };
    if patch.0.iter().any(puts_another) {
        return Ok(Patched::Whole(patched));
    }
    changed(resource, &original, patched).map(Patched::Members)
}

/// Why an operation does not fit the document.
fn why(operation: &PatchOperation, kind: &PatchErrorKind) -> String {
    let path = shown(operation.path());
    match (kind, operation) {
        (PatchErrorKind::TestFailed, _) => format!("`{path}` has another value"),
        (
            PatchErrorKind::InvalidFromPointer,
            PatchOperation::Move(MoveOperation { from, .. })
            | PatchOperation::Copy(CopyOperation { from, .. }),
        ) => format!("there is nothing at `{}`", shown(from)),
        (PatchErrorKind::CannotMoveInsideItself, _) => {
            "a value cannot be moved into itself".to_owned()
        }
        (_, PatchOperation::Remove(_) | PatchOperation::Replace(_) | PatchOperation::Test(_)) => {
            format!("there is nothing at `{path}`")
        }
        _ => format!("there is no place for a value at `{path}`"),
    }
}

/// A pointer, short enough for a sentence.
fn shown(pointer: &json_patch::jsonptr::Pointer) -> String {
    const CHARACTERS_MAX: usize = 100;
    let text = pointer.as_str();
    match text.char_indices().nth(CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The record as the JSON that the operations speak of.
fn document(
    resource: &Resource,
    row: &[Value],
    hidden: &dyn Fn(&Field) -> bool,
) -> Result<Map<String, Json>, Failure> {
    let shown = |field: &&Field| !hidden(field);
    let mut members = Map::new();
    for field in resource.fields.iter().filter(shown) {
        let mut text = Vec::new();
        value::json::write(&field.shape.ty, &row[usize::from(field.id.0)], &mut text);
        let json = serde_json::from_slice(&text).map_err(Failure::internal)?;
        members.insert(field.name.clone(), json);
    }
    Ok(members)
}

/// The members in which two documents differ; one that is gone becomes null.
fn changed(
    resource: &Resource,
    before: &Map<String, Json>,
    after: Map<String, Json>,
) -> Result<Map<String, Json>, Failure> {
    let changed = before
        .iter()
        .filter_map(|(name, before)| match after.get(name) {
            None => Some((name.clone(), Json::Null)),
            Some(after) if after != before => Some((name.clone(), after.clone())),
            Some(_) => None,
        });
    let mut members: Map<String, Json> = changed.collect();
    for (name, value) in after {
        if before.contains_key(&name) {
            continue;
        }
        let field = resource.field_named(&name);
        if field.is_some_and(|field| !field.is_stored()) {
            let detail = format!("`{name}` is computed; it cannot be patched");
            let pointer = format!("/{}", escape(&name));
            return Err(refused(Code::Invalid, pointer, "read_only", detail));
        }
        members.insert(name, value);
    }
    Ok(members)
}

fn malformed(pointer: String, detail: String) -> Failure {
    refused(Code::Malformed, pointer, "invalid_patch", detail)
}

fn refused(code: Code, pointer: String, fault: &'static str, detail: String) -> Failure {
    let problem = FieldProblem {
        place: Place::Pointer(pointer),
        code: fault,
        detail,
    };
    Failure::with_problems(code, vec![problem])
}

/// Whether an operation puts something in the place of the whole document.
fn puts_another(operation: &PatchOperation) -> bool {
    match operation {
        PatchOperation::Add(_)
        | PatchOperation::Replace(_)
        | PatchOperation::Move(_)
        | PatchOperation::Copy(_) => operation.path().is_root(),
        PatchOperation::Remove(_) | PatchOperation::Test(_) => false,
    }
}

/// Bytes of the strings and a few for each value: close enough to stop growth.
fn size(json: &Json) -> usize {
    match json {
        Json::String(text) => text.len() + 2,
        Json::Array(items) => items.iter().map(size).sum::<usize>() + 2,
        Json::Object(members) => {
            members
                .iter()
                .map(|(name, value)| name.len() + 4 + size(value))
                .sum::<usize>()
                + 2
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => 8,
    }
}
