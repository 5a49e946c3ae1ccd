//! Writes that go on after their request has been answered.
//!
//! ```text
//!  decide ─► one transaction: the operation runs ─► 202
//!                                     └─► another: the write, and that it succeeded
//!                                              refused: undone; a third: that it failed
//! ```
//!
//! 1. What is refused without a look at the data is refused at once, and is no operation.
//! 2. That it succeeded is written down in the transaction of the write: there is one exactly
//!    if the other is there, whatever happens to the process.
//! 3. One that ended because the server could not, and not because of what was asked, may be asked
//!    for again with the same key: with its end the answer that was kept under the key goes.
//! 4. An operation that was left running by a process that is gone has failed, and nothing of
//!    it was done. That is written down by whoever looks first once the process has no lease any
//!    more, or the operation's time is over; a write that comes too late finds its operation
//!    ended, and is undone.
//! 5. It is told to its caller as long as they are who they were: with the same scopes and claims,
//!    served as much. For everybody else there is none.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use call::{Caller, Code, Failure, Operation, OperationState, Outcome, Request, Scribe};
use store::driver::Transaction;
use store::operations::{self, State};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use value::{IdKind, IdType, ResourceId, Timestamp, Value};

use crate::Core;
use crate::rights::{self, whose};
use crate::settle::Decided;
use crate::statements::{Kind, ShapeKey};
use crate::work::Writing;

/// Operations that run or wait in one process. Each keeps its input in memory, and all wait for
/// the same database.
pub const RUNNING_MAX: usize = 32;
/// How long an operation may take before it counts as left behind: more than the longest write
/// takes, with all the others before it.
const TIME_MAX_MILLIS: i64 = 3 * 60 * 1_000;
/// Seconds that a request waits for its operation at most: well below the time a request may take.
pub const WAIT_SECONDS_MAX: u32 = 20;
/// Seconds after which an operation has most likely ended.
const RETRY_AFTER_SECONDS: u32 = 1;

/// An operation that is about to begin.
pub struct Starting {
    id: [u8; 16],
    owner: [u8; 16],
    /// What the answer of this request is kept under, if it has a key.
    kept: Option<[u8; 16]>,
}

/// Everything that an operation needs to go on without its request, once it is written down.
pub struct Starter {
    id: [u8; 16],
    request: Box<Request>,
    decided: Decided,
    scribe: Arc<dyn Scribe>,
    permit: OwnedSemaphorePermit,
    wait: Duration,
}

/// How operations are named.
fn id_type() -> IdType {
    IdType {
        resource: ResourceId(0),
        resource_name: "Operation".into(),
        // They tell no time, and nobody guesses one.
        kind: IdKind::Random,
        prefix: "operation".into(),
    }
}

/// For whom it is there.
fn owner(caller: &Caller, origin: Option<IpAddr>) -> [u8; 16] {
    let whose = whose(caller, origin);
    let rights = rights::of_caller(caller);
    rights::digest([whose.as_bytes(), rights.as_slice()])
}

/// Whether a failure says nothing about what was asked, so that the same may be asked again.
fn may_pass(code: Code) -> bool {
    matches!(code, Code::TimedOut | Code::Unavailable | Code::Internal)
}

impl Core {
    /// Makes an operation of a write. `kept`: what the answer that begins it is kept under.
    pub async fn later(
        self: &Arc<Self>,
        request: &Request,
        decided: Decided,
        scribe: Arc<dyn Scribe>,
        kept: Option<[u8; 16]>,
    ) -> Result<(Decided, Starter), Failure> {
        let permit = Arc::clone(&self.later).try_acquire_owned();
        let permit = permit.map_err(|_| Failure {
            retry_after_seconds: Some(RETRY_AFTER_SECONDS),
            ..Failure::new(
                Code::Unavailable,
                "too many operations run already; try again, or send it without `respond-async`",
            )
        })?;
        self.hold_lease().await?;
        let id = uuid::Uuid::new_v4().into_bytes();
        let starting = Starting {
            id,
            owner: owner(&request.caller, request.manner.origin),
            kept,
        };
        let wait = request.manner.wait_seconds.unwrap_or(0);
        let wait = wait.min(WAIT_SECONDS_MAX);
        let starter = Starter {
            id,
            request: request.clone().into(),
            decided,
            scribe,
            permit,
            wait: Duration::from_secs(wait.into()),
        };
        Ok((Decided::Later(starting), starter))
    }

    /// Lets an operation go on, and waits for it as long as its request wants to.
    pub async fn start(
        self: &Arc<Self>,
        starter: Starter,
        begun: Outcome,
    ) -> Result<Outcome, Failure> {
        let wait = starter.wait;
        let (told, end) = oneshot::channel();
        let core = Arc::clone(self);
        tokio::spawn(async move {
            let end = core.carry_out(starter).await;
            // Nobody may wait for it any more.
            drop(told.send(end));
        });
        if wait.is_zero() {
            return Ok(begun);
        }
        match tokio::time::timeout(wait, end).await {
            Ok(Ok(end)) => end,
            _ => Ok(begun),
        }
    }

    async fn carry_out(self: &Arc<Self>, starter: Starter) -> Result<Outcome, Failure> {
        let Starter {
            id,
            request,
            decided,
            scribe,
            permit,
            ..
        } = starter;
        let (caller, now) = (Arc::clone(&request.caller), request.now);
        let bare = Request::new(request.resource, request.action, caller, now).into();
        let wanted = self.wanted(&request, &decided);
        let finishing = Finishing {
            id,
            decided,
            scribe: Arc::clone(&scribe),
        };
        let done = match self.in_transaction(request, finishing).await {
            Err(failure) => Err(self.explained(failure, wanted).await),
            done => done,
        };
        if let Err(failure) = &done {
            let answer = scribe.write(Err(failure));
            let failing = Failing {
                id,
                answer: Some(answer),
                release: may_pass(failure.code),
            };
            // Where that cannot be kept, it will count as left behind.
            drop(self.in_transaction(bare, failing).await);
        }
        drop(permit);
        done
    }

    /// An operation, for its caller and for operators.
    pub async fn operation(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        origin: IpAddr,
        id: &str,
        now: Timestamp,
    ) -> Result<Operation, Failure> {
        let unknown = || {
            let detail = format!("there is no operation `{id}`, or it is not yours");
            Failure::new(Code::NotFound, detail)
        };
        let Ok(Value::Uuid(key)) = id_type().parse(id) else {
            return Err(unknown());
        };
        let request = Request::new(ResourceId(0), model::Action::Get, Arc::clone(caller), now);
        let mut found = self.find_operation(key, &request).await?;
        if let Some(operation) = &found
            && operation.state == State::Running
            && (operation.until < now || self.is_left_behind(operation))
        {
            let failing = Failing {
                id: key,
                answer: None,
                release: true,
            };
            self.in_transaction(request.clone().into(), failing).await?;
            found = self.find_operation(key, &request).await?;
        }
        let operation = found
            .filter(|found| caller.is_operator() || found.owner == owner(caller, Some(origin)))
            .ok_or_else(unknown)?;
        Ok(Operation {
            id: id_type().to_text(&Value::Uuid(key)),
            state: match operation.state {
                State::Running => OperationState::Running,
                State::Succeeded => OperationState::Succeeded,
                State::Failed => OperationState::Failed,
            },
            answer: operation.answer,
            same_rights: caller.is_operator() || operation.rights == Some(self.contract_rights()),
            began: operation.began,
            ended: operation.ended,
        })
    }

    /// Whether it was begun by a process that is gone.
    fn is_left_behind(&self, operation: &operations::Operation) -> bool {
        let elsewhere = operation.node.is_some_and(|node| node != self.lease.node);
        elsewhere && operation.is_forsaken
    }

    async fn find_operation(
        &self,
        id: [u8; 16],
        request: &Request,
    ) -> Result<Option<operations::Operation>, Failure> {
        let finding = self
            .statements
            .get_or_make(ShapeKey::new(Kind::FindOperation), || {
                Ok(operations::find(self.driver.dialect()))
            })?;
        let parameters = self.bind(&finding, &[Value::Uuid(id)], request);
        let rows = self.driver.query(&finding.statement, &parameters).await;
        rows.and_then(operations::operation)
            .map_err(|error| self.trouble(&error))
    }

    /// Whether it was still running.
    async fn end_operation(
        &self,
        request: &Request,
        transaction: &mut dyn Transaction,
        id: [u8; 16],
        state: State,
        answer: Option<String>,
    ) -> Result<bool, Failure> {
        let ending = self
            .statements
            .get_or_make(ShapeKey::new(Kind::EndOperation), || {
                Ok(operations::end(self.driver.dialect()))
            })?;
        // The request that began it has long been made.
        let now = Timestamp::from(SystemTime::now()).max(request.now);
        let arguments = [
            Value::Uuid(id),
            Value::Text(state.name().to_owned()),
            answer.map_or(Value::Null, Value::Text),
            Value::Timestamp(now),
        ];
        let parameters = self.bind(&ending, &arguments, request);
        let ended = transaction.execute(&ending.statement, &parameters).await;
        ended
            .map(|rows| rows > 0)
            .map_err(|error| self.trouble(&error))
    }
}

impl Writing for Starting {
    type Done = Outcome;

    async fn write(
        &mut self,
        core: &Core,
        request: &Request,
        transaction: &mut dyn Transaction,
    ) -> Result<Outcome, Failure> {
        let beginning = core
            .statements
            .get_or_make(ShapeKey::new(Kind::BeginOperation), || {
                Ok(operations::begin(core.driver.dialect()))
            })?;
        let until = Timestamp(request.now.0.saturating_add(TIME_MAX_MILLIS));
        let arguments = [
            Value::Uuid(self.id),
            Value::Uuid(self.owner),
            Value::Timestamp(request.now),
            Value::Timestamp(until),
            Value::Uuid(core.lease.node),
            self.kept.map_or(Value::Null, Value::Uuid),
            Value::Uuid(core.contract_rights()),
        ];
        let parameters = core.bind(&beginning, &arguments, request);
        let begun = transaction.execute(&beginning.statement, &parameters).await;
        begun.map_err(|error| core.trouble(&error))?;
        Ok(Outcome::Started(Operation {
            id: id_type().to_text(&Value::Uuid(self.id)),
            state: OperationState::Running,
            answer: None,
            same_rights: true,
            began: request.now,
            ended: None,
        }))
    }
}

/// The write, and that it succeeded.
struct Finishing {
    id: [u8; 16],
    decided: Decided,
    scribe: Arc<dyn Scribe>,
}

impl Writing for Finishing {
    type Done = Outcome;

    async fn write(
        &mut self,
        core: &Core,
        request: &Request,
        transaction: &mut dyn Transaction,
    ) -> Result<Outcome, Failure> {
        let outcome = self.decided.write(core, request, transaction).await?;
        let answer = Some(self.scribe.write(Ok(&outcome)));
        let succeeded = State::Succeeded;
        if core
            .end_operation(request, transaction, self.id, succeeded, answer)
            .await?
        {
            Ok(outcome)
        } else {
            Err(Failure::new(
                Code::TimedOut,
                "the operation waited too long and was given up; nothing was changed",
            ))
        }
    }
}

/// That it failed, if it still runs.
struct Failing {
    id: [u8; 16],
    answer: Option<String>,
    /// Whether the same may be asked for again with the same key.
    release: bool,
}

impl Writing for Failing {
    type Done = ();

    async fn write(
        &mut self,
        core: &Core,
        request: &Request,
        transaction: &mut dyn Transaction,
    ) -> Result<(), Failure> {
        let answer = self.answer.clone();
        let ended = core
            .end_operation(request, transaction, self.id, State::Failed, answer)
            .await?;
        if !ended || !self.release {
            return Ok(());
        }
        let releasing = core
            .statements
            .get_or_make(ShapeKey::new(Kind::ReleaseKey), || {
                Ok(operations::release(core.driver.dialect()))
            })?;
        let parameters = core.bind(&releasing, &[Value::Uuid(self.id)], request);
        let released = transaction.execute(&releasing.statement, &parameters).await;
        released.map(drop).map_err(|error| core.trouble(&error))
    }
}
