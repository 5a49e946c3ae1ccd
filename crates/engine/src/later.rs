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
//! 3. If the database goes away meanwhile, the write is carried out when it is back: 2 makes sure
//!    that it is so once, even if nobody knew whether it was committed.
//! 4. One that ended because the server could not, and not because of what was asked, may be asked
//!    for again with the same key: with its end the answer that was kept under the key goes.
//! 5. An operation that was left running by a process that is gone has failed, and nothing of
//!    it was done. That is written down by whoever looks first once the process has no lease any
//!    more, or the operation's time is over; a write that comes too late finds its operation
//!    ended, and is undone.
//! 6. It is told to its caller as long as they are who they were: with the same scopes and claims,
//!    served as much. For everybody else there is none.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use call::{Caller, Code, Failure, Operation, OperationState, Outcome, Request, Scribe};
use store::driver::Transaction;
use store::operations::{self, State};
use tokio::sync::{Mutex, OwnedSemaphorePermit, oneshot};
use tokio::time::{Instant, sleep};
use value::{IdKind, IdType, ResourceId, Timestamp, Value};

use crate::Core;
use crate::ending::{End, Failing, GoingOn, Settled};
use crate::rights::{self, whose};
use crate::settle::Decided;
use crate::statements::Kind;
use crate::taken::Watched;
use crate::work::Writing;

/// Operations that run or wait in one process. Each keeps its input in memory, and all wait for
/// the same database.
pub const RUNNING_MAX: usize = 32;
/// How long an operation may take before it counts as left behind: more than the longest write
/// takes, with all the others before it.
const TIME_MAX: Duration = Duration::from_secs(3 * 60);
/// How soon an operation goes on when the database is back.
const ABSENCE_LOOKED_AT_EVERY: Duration = Duration::from_millis(250);
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
    _permit: OwnedSemaphorePermit,
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
        let starter = Starter {
            id,
            request: request.clone().into(),
            decided,
            scribe,
            _permit: permit,
        };
        Ok((Decided::Later(starting), starter))
    }

    /// Lets an operation go on.
    pub fn start(self: &Arc<Self>, starter: Starter, begun: Outcome) -> Settled {
        let (told, end) = oneshot::channel();
        let core = Arc::clone(self);
        tokio::spawn(async move {
            let end = core.carry_out(starter).await;
            // Nobody may wait for it any more.
            drop(told.send(end));
            core.ended.notify_waiters();
        });
        let end = End::Told(end);
        Settled::GoesOn(Box::new(GoingOn { begun, end }))
    }

    /// Makes sure that an operation is not left running of which nobody knows whether it was
    /// written down: its request is told so, and nothing of it will be done.
    pub fn abandon(self: &Arc<Self>, starter: Starter) {
        let core = Arc::clone(self);
        tokio::spawn(async move {
            let deadline = Instant::now() + TIME_MAX;
            let Starter { id, request, .. } = starter;
            let bare = request.bare();
            loop {
                let failing = Failing::left_behind(id);
                let failed = core.in_transaction(bare.clone().into(), failing).await;
                if failed.is_ok() || !core.database_is_back(deadline).await {
                    return;
                }
            }
        });
    }

    async fn carry_out(self: &Arc<Self>, starter: Starter) -> Result<Outcome, Failure> {
        let Starter {
            id,
            request,
            decided,
            scribe,
            _permit,
        } = starter;
        let deadline = Instant::now() + TIME_MAX;
        let bare = request.bare();
        let (watched, wanted) = self.watch(&request, decided);
        let task = Arc::new(Task {
            id,
            request,
            watched: Mutex::new(watched),
            scribe,
        });
        loop {
            let finishing = Finishing(Arc::clone(&task));
            let failure = match self.in_transaction(bare.clone().into(), finishing).await {
                Ok(outcome) => return Ok(outcome),
                Err(failure) => self.explained(failure, wanted.clone()).await,
            };
            let failing = Failing {
                id,
                answer: Some(task.scribe.write(Err(&failure))),
                release: may_pass(failure.code),
            };
            match self.in_transaction(bare.clone().into(), failing).await {
                Ok(true) => return Err(failure),
                // It had ended before: an attempt that was in doubt was committed.
                Ok(false) => return self.ended_before(id, &bare, failure).await,
                Err(_) if self.database_is_back(deadline).await => {}
                // By now it counts as left behind.
                Err(_) => return Err(failure),
            }
        }
    }

    /// Waits until something can be written again. Not if that takes too long, or if the tables have
    /// become another contract's meanwhile.
    async fn database_is_back(self: &Arc<Self>, deadline: Instant) -> bool {
        while Instant::now() < deadline {
            sleep(ABSENCE_LOOKED_AT_EVERY).await;
            // Others may see that it lives before they see its operations.
            if self.renew_lease().await.is_ok() {
                return self.tables.are_ours().is_ok();
            }
        }
        false
    }

    async fn ended_before(
        &self,
        id: [u8; 16],
        bare: &Request,
        failure: Failure,
    ) -> Result<Outcome, Failure> {
        match self.find_operation(id, bare).await? {
            Some(operations::Operation {
                state: State::Succeeded,
                answer: Some(answer),
                ..
            }) => Ok(Outcome::Kept {
                answer,
                replayed: false,
                same_rights: true,
            }),
            _ => Err(failure),
        }
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
        let found = self.look_at(key, &request).await?;
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
}

impl Starting {
    pub fn id(&self) -> [u8; 16] {
        self.id
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
        let most = i64::try_from(TIME_MAX.as_millis()).unwrap_or(i64::MAX);
        let until = Timestamp(request.now.0.saturating_add(most));
        let arguments = [
            Value::Uuid(self.id),
            Value::Uuid(self.owner),
            Value::Timestamp(request.now),
            Value::Timestamp(until),
            Value::Uuid(core.lease.node),
            self.kept.map_or(Value::Null, Value::Uuid),
            Value::Uuid(core.contract_rights()),
        ];
        let (kind, begin) = (Kind::BeginOperation, operations::begin);
        core.execute(request, transaction, kind, begin, &arguments)
            .await?;
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

/// Everything that an operation is to do. It is not moved, as it may have to be done again.
struct Task {
    id: [u8; 16],
    request: Box<Request>,
    /// One attempt ends before the next begins, so nobody waits for another here.
    watched: Mutex<Watched>,
    scribe: Arc<dyn Scribe>,
}

/// The write, and that it succeeded.
struct Finishing(Arc<Task>);

impl Writing for Finishing {
    type Done = Outcome;

    async fn write(
        &mut self,
        core: &Core,
        _: &Request,
        transaction: &mut dyn Transaction,
    ) -> Result<Outcome, Failure> {
        let Task {
            id,
            request,
            watched,
            scribe,
        } = &*self.0;
        let mut watched = watched.lock().await;
        let outcome = watched.write(core, request, transaction).await?;
        let answer = Some(scribe.write(Ok(&outcome)));
        let succeeded = State::Succeeded;
        if core
            .end_operation(request, transaction, *id, succeeded, answer)
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
