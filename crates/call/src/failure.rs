//! How a request ends badly: one list of codes for every style.

use std::fmt;

use value::{ResourceId, Value};

/// A refusal or an error, to be written in each style's own form.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    pub code: Code,
    /// One sentence for the person who reads it: what was wrong and what would mend it.
    pub detail: String,
    /// Single faults of the input, all of them.
    pub problems: Vec<FieldProblem>,
    /// The rule that refused, as the contract states it.
    pub rule: Option<Box<str>>,
    /// The record as it would have become, if it was that which the rule refused: for whoever
    /// explains the refusal, indexed by field; never sent.
    pub becoming: Option<Box<Vec<Value>>>,
    /// The scope that was missing.
    pub scope: Option<Box<str>>,
    /// The resource that is past its sunset.
    pub gone: Option<ResourceId>,
    /// When to try again, in seconds.
    pub retry_after_seconds: Option<u32>,
    /// What really happened, for the log only; never sent.
    pub cause: Option<Box<str>>,
}

/// One fault of the input.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldProblem {
    pub place: Place,
    /// Stable, snake_case: `required`, `too_long`, `wrong_type`.
    pub code: &'static str,
    pub detail: String,
}

/// Where in the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// RFC 6901 pointer into the body.
    Pointer(String),
    /// A query parameter as the client spelled it.
    Parameter(String),
    /// A header field.
    Header(&'static str),
}

/// Whose move it is, and what a program can count on. The spelling is stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    Malformed,
    CursorMismatch,
    Unauthenticated,
    Forbidden,
    InsufficientScope,
    InsecureTransport,
    NotFound,
    Gone,
    AlreadyExists,
    UnknownReference,
    StillReferenced,
    Conflict,
    Stale,
    PreconditionRequired,
    IdempotencyRequired,
    IdempotencyMismatch,
    IdempotencyInProgress,
    Invalid,
    RateLimited,
    TimedOut,
    Unavailable,
    Internal,
}

impl Code {
    pub const ALL: [Code; 22] = [
        Code::Malformed,
        Code::CursorMismatch,
        Code::Unauthenticated,
        Code::Forbidden,
        Code::InsufficientScope,
        Code::InsecureTransport,
        Code::NotFound,
        Code::Gone,
        Code::AlreadyExists,
        Code::UnknownReference,
        Code::StillReferenced,
        Code::Conflict,
        Code::Stale,
        Code::PreconditionRequired,
        Code::IdempotencyRequired,
        Code::IdempotencyMismatch,
        Code::IdempotencyInProgress,
        Code::Invalid,
        Code::RateLimited,
        Code::TimedOut,
        Code::Unavailable,
        Code::Internal,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Code::Malformed => "malformed",
            Code::CursorMismatch => "cursor_mismatch",
            Code::Unauthenticated => "unauthenticated",
            Code::Forbidden => "forbidden",
            Code::InsufficientScope => "insufficient_scope",
            Code::InsecureTransport => "insecure_transport",
            Code::NotFound => "not_found",
            Code::Gone => "gone",
            Code::AlreadyExists => "already_exists",
            Code::UnknownReference => "unknown_reference",
            Code::StillReferenced => "still_referenced",
            Code::Conflict => "conflict",
            Code::Stale => "stale",
            Code::PreconditionRequired => "precondition_required",
            Code::IdempotencyRequired => "idempotency_required",
            Code::IdempotencyMismatch => "idempotency_mismatch",
            Code::IdempotencyInProgress => "idempotency_in_progress",
            Code::Invalid => "invalid",
            Code::RateLimited => "rate_limited",
            Code::TimedOut => "timed_out",
            Code::Unavailable => "unavailable",
            Code::Internal => "internal",
        }
    }

    /// A short title, the same for every occurrence (RFC 9457 §3.1.3).
    pub fn title(self) -> &'static str {
        match self {
            Code::Malformed => "The request could not be understood",
            Code::CursorMismatch => "The cursor belongs to another query",
            Code::Unauthenticated => "Credentials are needed",
            Code::Forbidden => "Not allowed",
            Code::InsufficientScope => "The credential lacks a scope",
            Code::InsecureTransport => "The credential came in the clear",
            Code::NotFound => "Not found",
            Code::Gone => "Not offered any more",
            Code::AlreadyExists => "A unique value is taken",
            Code::UnknownReference => "A reference leads to no record",
            Code::StillReferenced => "Other records still refer to this one",
            Code::Conflict => "The record is in another state",
            Code::Stale => "The record has changed",
            Code::PreconditionRequired => "A precondition is required",
            Code::IdempotencyRequired => "An idempotency key is required",
            Code::IdempotencyMismatch => "The idempotency key belongs to another request",
            Code::IdempotencyInProgress => "The first request with this key still runs",
            Code::Invalid => "The input is not valid",
            Code::RateLimited => "Too many requests",
            Code::TimedOut => "The request took too long",
            Code::Unavailable => "Not available right now",
            Code::Internal => "Something went wrong here",
        }
    }

    /// What it means and what to do, for the page its URL leads to.
    pub fn explanation(self) -> &'static str {
        match self {
            Code::Malformed => {
                "The server could not make sense of the request: the body is not JSON, a \
                 parameter is unknown or unreadable. `errors` names each place. Sending the \
                 same request again will fail again."
            }
            Code::CursorMismatch => {
                "A cursor continues one list: the same path, filter and sort, under the same \
                 contract. This one was made for another, or has been altered. Start again \
                 without `cursor`."
            }
            Code::Unauthenticated => {
                "This needs a caller. Send `Authorization: Bearer KEY` with a valid key; the \
                 one sent, if any, is unknown or revoked."
            }
            Code::Forbidden => {
                "The caller is known and may see the record, but the rule named in `rule` does \
                 not allow this action."
            }
            Code::InsufficientScope => {
                "The credential is valid but was not given the scope named in `scope`. Ask for \
                 a key that has it."
            }
            Code::InsecureTransport => {
                "Credentials are taken over HTTPS only, and from the server's own machine. This one \
                 has crossed a network where others may have read it, so it was not even looked \
                 at: replace it, and send the new one to an `https` URL. Behind a proxy that ends \
                 TLS, the server must be told to trust it."
            }
            Code::NotFound => {
                "There is no such record, or the caller may not see it. The two are not told \
                 apart on purpose."
            }
            Code::Gone => {
                "This part of the API has reached the day that its `Sunset` announced and is not \
                 served any more. `successor`, if there is one, is the path to use instead."
            }
            Code::AlreadyExists => {
                "A value that must be unique is taken by another record, and `errors` names the \
                 fields."
            }
            Code::UnknownReference => {
                "A field holds the id of a record that does not exist, or not any more. `errors` \
                 names the fields. Create that record first, or refer to another."
            }
            Code::StillReferenced => {
                "The record cannot be deleted while others refer to it. `detail` names them. \
                 Delete or change those first."
            }
            Code::Conflict => {
                "The change does not fit the state that the record is in: an operation of the JSON \
                 Patch does not apply to it, or its `test` failed; or the record to restore has not \
                 been deleted. Read the record again and decide again."
            }
            Code::Stale => {
                "The record is not in the state that `If-Match` or `If-None-Match` named: \
                 somebody was faster. Read it again, decide again, and send the new ETag."
            }
            Code::PreconditionRequired => {
                "This resource is only changed with `If-Match: ETAG`, so that nobody overwrites \
                 what they have not seen. Read the record and send its ETag."
            }
            Code::IdempotencyRequired => {
                "This is only written with `Idempotency-Key: KEY`, so that a request whose answer \
                 was lost can be sent again without being carried out twice. Choose a new key for \
                 every write, such as a random UUID, and send the same one when you try again."
            }
            Code::IdempotencyMismatch => {
                "A request with this key was carried out before, and it was another one: its path, \
                 parameters, preconditions or body differ. Nothing was changed now. Choose a new \
                 key for what is a new write."
            }
            Code::IdempotencyInProgress => {
                "A request with this key came in before and has not ended yet. Try again after \
                 `Retry-After` seconds; the answer will be that of the first."
            }
            Code::Invalid => {
                "The request was understood but breaks the contract. `errors` lists every fault \
                 with a JSON Pointer into the body."
            }
            Code::RateLimited => {
                "More requests than the contract's limits allow. `violated-policies` names the \
                 limits; each counts for itself, and a refused request counts against none. \
                 `Retry-After` says in how many seconds there is room again, and `RateLimit` on \
                 every answer how much is left."
            }
            Code::TimedOut => {
                "The request ran into a time limit and was given up. Unless `detail` says that the \
                 outcome is open, nothing was changed: ask for less, with a smaller page, a narrower \
                 filter, no `total`. If it is open, read before you write again, or send the same \
                 request with the same `Idempotency-Key`."
            }
            Code::Unavailable => {
                "The server has too much to do or its database is away. Nothing was changed. \
                 Try again after `Retry-After` seconds."
            }
            Code::Internal => {
                "This is a fault of the server, not of the request. It has been logged. If it \
                 was a write, read before you try again."
            }
        }
    }
}

impl Failure {
    /// A credential was sent where others may have read it. It is refused before it is looked up, so
    /// that nothing is learned about it, and its owner is told at the first request.
    pub fn in_the_clear() -> Failure {
        Failure::new(
            Code::InsecureTransport,
            "The credential has crossed the network in the clear: replace it, and send the new one \
             by HTTPS only.",
        )
    }

    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Failure {
            code,
            detail: detail.into(),
            problems: Vec::new(),
            rule: None,
            becoming: None,
            scope: None,
            gone: None,
            retry_after_seconds: None,
            cause: None,
        }
    }

    /// A 4xx with the faults that make it up. The detail counts them.
    pub fn with_problems(code: Code, problems: Vec<FieldProblem>) -> Self {
        let detail = match problems.as_slice() {
            [only] => only.detail.clone(),
            many => format!("{} faults; see `errors`", many.len()),
        };
        Failure {
            problems,
            ..Failure::new(code, detail)
        }
    }

    /// Both, or what is wrong with either: with the faults of both, where they are of one kind.
    pub fn both<A, B>(
        first: Result<A, Failure>,
        second: Result<B, Failure>,
    ) -> Result<(A, B), Failure> {
        match (first, second) {
            (Ok(first), Ok(second)) => Ok((first, second)),
            (Err(first), Err(second))
                if first.code == second.code
                    && !first.problems.is_empty()
                    && !second.problems.is_empty() =>
            {
                let problems = [first.problems, second.problems].concat();
                Err(Failure::with_problems(first.code, problems))
            }
            (Err(failure), _) | (_, Err(failure)) => Err(failure),
        }
    }

    /// An error of ours. `cause` goes to the log.
    pub fn internal(cause: impl fmt::Display) -> Self {
        Failure {
            cause: Some(cause.to_string().into()),
            ..Failure::new(
                Code::Internal,
                "the request failed for a reason that is not yours",
            )
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.name(), self.detail)
    }
}

impl std::error::Error for Failure {}
