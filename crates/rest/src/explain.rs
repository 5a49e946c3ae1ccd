//! A place for whoever composes the server to say more about a refusal.
//!
//! The door asks only if it was given somebody to ask, which is meant for development: what is
//! said goes out to the client. Knows nothing of how rules are evaluated.

use std::fmt;
use std::sync::Arc;

use call::{BoxFuture, Caller, Code, Failure, RecordKey, Request};
use model::Action;
use value::{ResourceId, Value};
use web::Problem;

use crate::failure;

/// Says how the rule that refused a request turned out.
pub trait Explain: fmt::Debug + Send + Sync {
    /// Line by line; nothing if there is nothing to say.
    fn explain<'a>(&'a self, refused: Refused<'a>) -> BoxFuture<'a, Vec<String>>;
}

/// What was refused.
#[derive(Clone, Copy, Debug)]
pub struct Refused<'a> {
    pub resource: ResourceId,
    pub action: Action,
    pub caller: &'a Caller,
    /// Which record, where there is one.
    pub target: Option<&'a RecordKey>,
    /// The record as it would have become, if it was that which was refused.
    pub becoming: Option<&'a [Value]>,
    /// The rule's text in the contract.
    pub rule: &'a str,
}

/// What is kept of a request until its end, in case that it is refused.
pub struct Asked<'e> {
    explain: &'e dyn Explain,
    resource: ResourceId,
    action: Action,
    caller: Arc<Caller>,
    target: Option<RecordKey>,
}

impl<'e> Asked<'e> {
    pub fn new(explain: &'e dyn Explain, request: &Request) -> Asked<'e> {
        Asked {
            explain,
            resource: request.resource,
            action: request.action,
            caller: Arc::clone(&request.caller),
            target: request.target.clone(),
        }
    }

    /// The problem with its explanation, if a rule is what refused.
    pub async fn explained(&self, failure: &Failure) -> Option<Problem> {
        let rule = failure
            .rule
            .as_deref()
            .filter(|_| failure.code == Code::Forbidden)?;
        let refused = Refused {
            resource: self.resource,
            action: self.action,
            caller: &self.caller,
            target: self.target.as_ref(),
            becoming: failure.becoming.as_ref().map(|row| row.as_slice()),
            rule,
        };
        let lines = self.explain.explain(refused).await;
        (!lines.is_empty()).then(|| failure::worded(failure.clone()).member("explanation", lines))
    }
}
