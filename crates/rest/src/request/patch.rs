//! Whether a JSON value is a JSON Patch (RFC 6902). Applying it, and bounding what that costs,
//! is the engine's work.

use call::{FieldProblem, Place};
use serde_json::{Map, Value};

/// Most faults that are told. What has more is not a patch at all, and an answer should not be longer
/// than the request.
pub const FAULTS_MAX: usize = 20;

const OPERATIONS: &str = "`add`, `remove`, `replace`, `move`, `copy` and `test`";

/// What is wrong with the form of a patch.
pub fn faults(patch: &Value) -> Vec<FieldProblem> {
    let mut faults = Vec::new();
    let Value::Array(operations) = patch else {
        fault(
            &mut faults,
            "",
            "wrong_type",
            "A JSON Patch is an array of operations.",
        );
        return faults;
    };
    for (place, operation) in operations.iter().enumerate() {
        if faults.len() >= FAULTS_MAX {
            faults.truncate(FAULTS_MAX);
            break;
        }
        let at = format!("/{place}");
        match operation {
            Value::Object(members) => check(members, &at, &mut faults),
            _ => fault(
                &mut faults,
                at,
                "wrong_type",
                "An operation is an object with `op` and `path`.",
            ),
        }
    }
    faults
}

fn check(members: &Map<String, Value>, at: &str, faults: &mut Vec<FieldProblem>) {
    let (needs_value, needs_from) = match members.get("op").and_then(Value::as_str) {
        Some("add" | "replace" | "test") => (true, false),
        Some("move" | "copy") => (false, true),
        Some("remove") => (false, false),
        Some(_) => {
            let detail = format!("The operations are {OPERATIONS}.");
            fault(faults, format!("{at}/op"), "unknown_operation", detail);
            (false, false)
        }
        None => {
            let detail = format!("`op` names the operation: {OPERATIONS}.");
            fault(faults, format!("{at}/op"), "required", detail);
            (false, false)
        }
    };
    pointer(members, "path", at, faults);
    if needs_from {
        pointer(members, "from", at, faults);
    }
    if needs_value && !members.contains_key("value") {
        fault(
            faults,
            format!("{at}/value"),
            "required",
            "This operation needs a `value`.",
        );
    }
}

fn pointer(members: &Map<String, Value>, name: &str, at: &str, faults: &mut Vec<FieldProblem>) {
    match members.get(name).and_then(Value::as_str) {
        None => {
            let detail = format!("`{name}` is a JSON Pointer in a string, such as \"/title\".");
            fault(faults, format!("{at}/{name}"), "required", detail);
        }
        Some(text) if !is_pointer(text) => {
            let detail = format!(
                "`{name}` is not a JSON Pointer: it is empty or begins with `/`, and `~` is \
                 written `~0`, `/` inside a name `~1`."
            );
            fault(faults, format!("{at}/{name}"), "not_a_pointer", detail);
        }
        Some(_) => {}
    }
}

/// RFC 6901.
fn is_pointer(text: &str) -> bool {
    let begins = text.is_empty() || text.starts_with('/');
    begins
        && text
            .split('~')
            .skip(1)
            .all(|after| after.starts_with(['0', '1']))
}

fn fault(
    faults: &mut Vec<FieldProblem>,
    at: impl Into<String>,
    code: &'static str,
    detail: impl Into<String>,
) {
    faults.push(FieldProblem {
        place: Place::Pointer(at.into()),
        code,
        detail: detail.into(),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(patch: &str, expected: &[(&str, &str)]) {
        let found = faults(&serde_json::from_str(patch).unwrap());
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|fault| match &fault.place {
                Place::Pointer(pointer) => (pointer.as_str(), fault.code),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(found, expected, "{patch}");
    }

    #[test]
    fn patches_pass() {
        for patch in [
            "[]",
            r#"[{"op":"add","path":"/tags/-","value":null},{"op":"remove","path":"/a~1b~0"}]"#,
            r#"[{"op":"move","from":"/a","path":"/b"},{"op":"copy","from":"","path":"/b","x":1}]"#,
            r#"[{"op":"test","path":"","value":{}},{"op":"replace","path":"/a","value":[]}]"#,
        ] {
            check(patch, &[]);
        }
    }

    #[test]
    fn everything_else_is_refused_at_its_place() {
        check("{}", &[("", "wrong_type")]);
        check("[1]", &[("/0", "wrong_type")]);
        check("[{}]", &[("/0/op", "required"), ("/0/path", "required")]);
        check(
            r#"[{"op":"delete","path":"/a"}]"#,
            &[("/0/op", "unknown_operation")],
        );
        check(r#"[{"op":"add","path":"/a"}]"#, &[("/0/value", "required")]);
        check(r#"[{"op":"move","path":"/a"}]"#, &[("/0/from", "required")]);
        check(
            r#"[{"op":"remove","path":"a"}]"#,
            &[("/0/path", "not_a_pointer")],
        );
        check(
            r#"[{"op":"remove","path":"/a~"}]"#,
            &[("/0/path", "not_a_pointer")],
        );
        check(
            r#"[{"op":"remove","path":"/a~2"}]"#,
            &[("/0/path", "not_a_pointer")],
        );
        check(
            r#"[{"op":"test","path":"/a","value":1},{"op":"remove","path":1}]"#,
            &[("/1/path", "required")],
        );
    }

    #[test]
    fn the_number_of_faults_is_bounded() {
        let many = serde_json::json!(vec![serde_json::json!({}); 1000]);
        assert_eq!(faults(&many).len(), FAULTS_MAX);
    }
}
