//! The body of a request as a [`Change`].

use call::{Change, Code, Failure, FieldProblem, Place};
use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};
use model::Action;
use serde_json::{Map, Value};
use web::json::{JsonError, JsonFault};
use web::{BodyError, RequestBody};

use super::patch;
use crate::failure::Refusal;

/// RFC 5789.
pub const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");
/// The W3C's Linked Data Platform, section 7.1.
pub const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");

const JSON: &str = "application/json";
const MERGE_PATCH: &str = "application/merge-patch+json";
const JSON_PATCH: &str = "application/json-patch+json";

/// What PATCH takes.
pub const PATCH_TYPES: HeaderValue = HeaderValue::from_static(
    "application/merge-patch+json, application/json-patch+json, application/json",
);
/// What POST and PUT take.
pub const JSON_TYPE: HeaderValue = HeaderValue::from_static(JSON);

/// Reads the body of an action, or makes sure that there is none.
pub async fn read(
    headers: &HeaderMap,
    body: &mut RequestBody,
    bytes_max: usize,
    action: Action,
) -> Result<Option<Change>, Refusal> {
    let patching = action == Action::Update;
    let accepted: &[&'static str] = match action {
        Action::List | Action::Get | Action::Delete | Action::Restore => {
            return refuse_any(body).await;
        }
        Action::Create | Action::Replace => &[JSON],
        Action::Update => &[MERGE_PATCH, JSON_PATCH, JSON],
    };
    if body.is_empty() {
        let detail = "The request has no body; send a JSON object in it.";
        return Err(Failure::new(Code::Malformed, detail).into());
    }
    let media = web::media::content_type(headers, accepted).map_err(|error| {
        let problem = web::Problem::from(error);
        Refusal::from(match action {
            Action::Update => problem.header(ACCEPT_PATCH, PATCH_TYPES),
            Action::Create => problem.header(ACCEPT_POST, JSON_TYPE),
            _ => problem,
        })
    })?;
    let bytes = body.read(bytes_max).await.map_err(web::Problem::from)?;
    let json = web::json::parse(&bytes).map_err(unreadable)?;
    if accepted[media] == JSON_PATCH {
        let faults = patch::faults(&json);
        return if faults.is_empty() {
            Ok(Some(Change::Patch(json)))
        } else {
            Err(Failure::with_problems(Code::Malformed, faults).into())
        };
    }
    let members = object(json)?;
    Ok(Some(if patching {
        Change::Merge(members)
    } else {
        Change::Whole(members)
    }))
}

/// Reads a body that is one JSON object.
pub async fn read_object(
    headers: &HeaderMap,
    body: &mut RequestBody,
    bytes_max: usize,
) -> Result<Map<String, Value>, Refusal> {
    match read(headers, body, bytes_max, Action::Create).await? {
        Some(Change::Whole(members)) => Ok(members),
        _ => Err(Failure::internal("a body was read as something else").into()),
    }
}

/// For methods whose body would have no meaning (RFC 9110 section 9.3). It is refused rather than
/// read over, since whoever sent it expects it to count.
async fn refuse_any(body: &mut RequestBody) -> Result<Option<Change>, Refusal> {
    if body.is_empty() {
        return Ok(None);
    }
    match body.read(0).await {
        Ok(_) => Ok(None),
        Err(BodyError::TooLarge { .. } | BodyError::Encoded { .. }) => Err(Failure::new(
            Code::Malformed,
            "This method takes no request body; send the request without one.",
        )
        .into()),
        Err(error) => Err(web::Problem::from(error).into()),
    }
}

/// JSON that is no object is understood, and not what the contract says.
pub(super) fn object(json: Value) -> Result<Map<String, Value>, Refusal> {
    let found = match json {
        Value::Object(members) => return Ok(members),
        Value::Array(_) => "an array",
        Value::String(_) => "a string",
        Value::Number(_) => "a number",
        Value::Bool(_) => "a boolean",
        Value::Null => "null",
    };
    let fault = FieldProblem {
        place: Place::Pointer(String::new()),
        code: "wrong_type",
        detail: format!("The body is {found}; a JSON object is expected."),
    };
    Err(Failure::with_problems(Code::Invalid, vec![fault]).into())
}

pub(super) fn unreadable(error: JsonError) -> Refusal {
    let code = match error.fault {
        JsonFault::Empty => "empty",
        JsonFault::Encoding | JsonFault::ByteOrderMark => "invalid_encoding",
        JsonFault::Syntax(_) | JsonFault::Incomplete | JsonFault::Trailing => "syntax",
        JsonFault::Duplicate(_) => "repeated",
        JsonFault::TooDeep => "too_deep",
        JsonFault::TooMany => "too_many",
    };
    let detail = error.to_string();
    let fault = FieldProblem {
        place: Place::Pointer(error.pointer),
        code,
        detail,
    };
    Failure::with_problems(Code::Malformed, vec![fault]).into()
}
