//! Operations: that one has begun, and how it stands.

use call::{Code, Failure, Operation, OperationState};
use http::header::{LOCATION, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use value::{Timestamp, Type, Value};
use web::Response;
use web::headers::no_store;

use super::{empty, kept, plain_json};
use crate::failure::Refusal;
use crate::mount::OPERATIONS;
use doorway::Credentials;

/// Seconds after which it is worth asking again.
const RETRY_SECONDS: u32 = 1;

/// The answer to a request that goes on. It has no body: what is answered with success is one type of
/// data, so that generated clients need not tell apart a record from an operation.
pub fn begun(operation: &Operation, base: &str) -> Response {
    let mut response = empty(StatusCode::ACCEPTED);
    let headers = response.headers_mut();
    let location = HeaderValue::try_from(format!("{base}{OPERATIONS}{}", operation.id));
    headers.insert(
        LOCATION,
        location.expect("a base and an id are made of visible ASCII"),
    );
    headers.insert(RETRY_AFTER, HeaderValue::from(RETRY_SECONDS));
    no_store(headers);
    response
}

/// How an operation stands.
pub fn write(
    operation: &Operation,
    head: &Parts,
    credentials: &Credentials,
) -> Result<Response, Refusal> {
    let answer = match (&operation.answer, operation.state) {
        (Some(text), _) => Some(kept::read(text, false, operation.same_rights)?),
        (None, OperationState::Failed) => Some(left_behind(head, credentials)),
        (None, _) => None,
    };
    let body = answer.as_ref().and_then(|answer| answer.body().bytes());
    let body = body.and_then(|body| std::str::from_utf8(body).ok());
    let body = body.filter(|body| !body.is_empty()).unwrap_or("null");
    let mut response = plain_json(StatusCode::OK, json(operation, body, answer.as_ref()));
    let headers = response.headers_mut();
    if operation.state == OperationState::Running {
        headers.insert(RETRY_AFTER, HeaderValue::from(RETRY_SECONDS));
    }
    no_store(headers);
    Ok(response)
}

/// The process that ran it has gone, and nobody wrote an answer.
fn left_behind(head: &Parts, credentials: &Credentials) -> Response {
    let detail = "the server stopped before the operation had ended; nothing of it was done, and \
                  it can be sent again";
    Refusal::from(Failure::new(Code::TimedOut, detail))
        .into_problem(credentials)
        .instance(head.uri.path())
        .respond()
}

/// `body` is what was or would have been answered, as JSON.
fn json(operation: &Operation, body: &str, answer: Option<&Response>) -> Vec<u8> {
    let (state, result, problem) = match operation.state {
        OperationState::Running => ("running", "null", "null"),
        OperationState::Succeeded => ("succeeded", body, "null"),
        OperationState::Failed => ("failed", "null", body),
    };
    let time = |at: Option<Timestamp>| {
        let mut text = Vec::new();
        match at {
            Some(at) => value::json::write(&Type::Timestamp, &Value::Timestamp(at), &mut text),
            None => text.extend_from_slice(b"null"),
        }
        String::from_utf8(text).expect("times are ASCII")
    };
    let status = answer.map_or("null".to_owned(), |answer| {
        answer.status().as_u16().to_string()
    });
    let location = answer.and_then(|answer| answer.headers().get(LOCATION));
    let location = location.and_then(|location| location.to_str().ok());
    let location = location.map_or("null".to_owned(), |path| format!("\"{path}\""));
    format!(
        "{{\"id\":\"{}\",\"state\":\"{state}\",\"status\":{status},\"location\":{location},\
         \"result\":{result},\"problem\":{problem},\"created_at\":{},\"ended_at\":{}}}",
        operation.id,
        time(Some(operation.began)),
        time(operation.ended)
    )
    .into_bytes()
}
