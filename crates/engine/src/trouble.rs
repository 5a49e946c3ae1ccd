//! What a database refused, in the words of a request.

use call::{Code, Failure, FieldProblem, Place};
use model::{Audience, Model};
use store::driver::StoreError;

/// Seconds after which an overloaded or absent database is worth another try.
pub const RETRY_AFTER_SECONDS: u32 = 1;

/// What is said of a write of which nobody knows whether it was made.
const IN_DOUBT: &str = "the connection to the database was lost while the change was being \
                        committed: it may have been made or not; read before you try again";

/// Whether a failure leaves open if the change was made.
pub fn is_in_doubt(failure: &Failure) -> bool {
    failure.detail == IN_DOUBT
}

pub fn failure(model: &Model, error: &StoreError) -> Failure {
    match error {
        StoreError::Unique { .. } => taken(model, error),
        StoreError::ForeignKey => Failure::new(
            Code::UnknownReference,
            "a reference points to a record that does not exist",
        ),
        StoreError::TimedOut { after } => Failure::new(
            Code::TimedOut,
            format!(
                "the database needed more than {} ms; ask for less",
                after.as_millis()
            ),
        ),
        StoreError::TooLarge { most_bytes } => Failure::new(
            Code::Malformed,
            format!(
                "the answer would be larger than {} MiB; ask for less: a smaller `limit`, or \
                 only some `fields`",
                most_bytes >> 20
            ),
        ),
        StoreError::Overloaded | StoreError::Unavailable { .. } => Failure {
            retry_after_seconds: Some(RETRY_AFTER_SECONDS),
            cause: Some(error.to_string().into()),
            ..Failure::new(
                Code::Unavailable,
                "the database cannot take this now; try again",
            )
        },
        StoreError::InDoubt { .. } => Failure {
            cause: Some(error.to_string().into()),
            ..Failure::new(Code::Internal, IN_DOUBT)
        },
        StoreError::Newer | StoreError::Corrupt { .. } | StoreError::Internal { .. } => {
            Failure::internal(error)
        }
    }
}

fn taken(model: &Model, error: &StoreError) -> Failure {
    let Some((resource, fields)) = store::constraint::fields(model, error) else {
        return Failure::internal(error);
    };
    let resource = model.resource(resource);
    // Fields that are not for everybody are not told by name, whoever asks: here nobody knows.
    let names: Vec<&str> = fields
        .iter()
        .map(|field| resource.field(*field))
        .filter(|field| field.audience == Audience::Public)
        .map(|field| field.name.as_str())
        .collect();
    let noun = resource.noun();
    let detail = match names.as_slice() {
        [] => format!("another {noun} has a value that must be unique"),
        [one] => format!("another {noun} has this `{one}`"),
        many => format!("another {noun} has this combination of {}", many.join(", ")),
    };
    let problems = names
        .iter()
        .map(|name| FieldProblem {
            place: Place::Pointer(format!("/{name}")),
            code: "already_exists",
            detail: detail.clone(),
        })
        .collect();
    Failure {
        problems,
        ..Failure::new(Code::AlreadyExists, detail)
    }
}
