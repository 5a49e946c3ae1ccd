//! The vocabulary of one request: who asks, for what, and how it ends.
//!
//! Every door turns its wire form into a [`Request`] and writes out the [`Outcome`] or the
//! [`Failure`] that the engine gives back. Nothing here decides anything, and nothing here
//! knows HTTP, SQL or how a request came in. Names in a request are the contract's own
//! (snake_case); whether they exist is the engine's question, so that every door refuses
//! alike.

pub mod caller;
pub mod credential;
pub mod failure;
pub mod manner;
pub mod outcome;
pub mod request;
pub mod standing;

pub use caller::{Caller, CallerKind, Proof, Scopes};
pub use credential::{
    Authenticate, BoxFuture, Certificate, ChallengeError, Credential, Presented, Unproven,
};
pub use failure::{Code, Failure, FieldProblem, Place};
pub use manner::{IdempotencyKey, Manner, Scribe};
pub use outcome::{
    BatchOutcome, Cell, Done, Operation, OperationState, Outcome, Page, Record, Slot, View, ViewTag,
};
pub use request::{
    Batch, Change, Condition, Filter, NestedList, Operand, Operator, Parent, Part, Precondition,
    Query, RecordKey, Request, SortKey, ViewRequest,
};
pub use standing::{Standing, Standings};
