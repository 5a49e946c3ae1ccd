//! How operations end, and who waits for that.
//!
//! ```text
//!  running ─► its own write ─► succeeded
//!          └► refused, left behind ─► failed; if the server could not, its key stands for nothing
//! ```
//!
//! Only one of these happens, as all change the same row and only one that still runs. A request
//! waits for an operation that it began by itself until it is told; for one that an earlier request
//! with the same key began, maybe in another process, by looking.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use call::{Code, Failure, Outcome, Request};
use store::Prepared;
use store::driver::{Rows, StoreError, Transaction};
use store::operations::{self, Operation, State};
use tokio::sync::oneshot;
use tokio::time::timeout;
use value::{Timestamp, Value};

use crate::Core;
use crate::statements::{Kind, ShapeKey};
use crate::work::Writing;

/// How often whoever waits looks at an operation that may run in another process. Of one that runs
/// here the end is told.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(1);

/// What a write has come to.
pub enum Settled {
    Told(Outcome),
    GoesOn(Box<GoingOn>),
}

/// A write that goes on as an operation.
pub struct GoingOn {
    /// What is answered if it has not ended in time.
    pub begun: Outcome,
    pub end: End,
}

/// Where its end is to be had from.
pub enum End {
    Told(oneshot::Receiver<Result<Outcome, Failure>>),
    /// An earlier request began it.
    Earlier {
        id: [u8; 16],
        same_rights: bool,
    },
}

impl Core {
    /// How it ended, or that it has begun if it takes longer than this. `asker`: a request of the
    /// same caller.
    pub async fn wait_for(
        self: &Arc<Self>,
        going_on: GoingOn,
        asker: Request,
        wait: Duration,
    ) -> Result<Outcome, Failure> {
        let GoingOn { begun, end } = going_on;
        if wait.is_zero() {
            return Ok(begun);
        }
        let ended = match end {
            End::Told(end) => timeout(wait, end).await.ok().and_then(Result::ok),
            End::Earlier { id, same_rights } => {
                let end = self.end_of(id, same_rights, asker);
                timeout(wait, end).await.ok()
            }
        };
        ended.unwrap_or(Ok(begun))
    }

    async fn end_of(
        self: &Arc<Self>,
        id: [u8; 16],
        same_rights: bool,
        mut asker: Request,
    ) -> Result<Outcome, Failure> {
        loop {
            // From before the look on, so that no end is missed.
            let mut ended = pin!(self.ended.notified());
            ended.as_mut().enable();
            asker.now = now(&asker);
            match self.look_at(id, &asker).await {
                // A database that is away tells nothing yet.
                Err(_) => {}
                Ok(Some(found)) if found.state == State::Running => {}
                Ok(found) => {
                    let answer = found.and_then(|found| found.answer);
                    let answer = answer.ok_or_else(left_behind)?;
                    return Ok(Outcome::Kept {
                        answer,
                        replayed: true,
                        same_rights,
                    });
                }
            }
            // Then it looks again, whichever it was.
            drop(timeout(LOOKED_AT_EVERY, ended).await);
        }
    }

    /// An operation as it stands: if it was left behind, it has failed from now on.
    pub async fn look_at(
        self: &Arc<Self>,
        id: [u8; 16],
        request: &Request,
    ) -> Result<Option<Operation>, Failure> {
        let found = self.find_operation(id, request).await?;
        if !found
            .as_ref()
            .is_some_and(|found| self.is_over(found, request.now))
        {
            return Ok(found);
        }
        let failing = Failing::left_behind(id);
        self.in_transaction(request.clone().into(), failing).await?;
        self.find_operation(id, request).await
    }

    /// Whether it is told to run and does not any more: its time has passed, or the process that it
    /// was begun in has gone.
    pub fn is_over(&self, operation: &Operation, now: Timestamp) -> bool {
        let elsewhere = operation.node.is_some_and(|node| node != self.lease.node);
        let left_behind = elsewhere && operation.is_forsaken;
        operation.state == State::Running && (operation.until < now || left_behind)
    }

    pub async fn find_operation(
        &self,
        id: [u8; 16],
        request: &Request,
    ) -> Result<Option<Operation>, Failure> {
        let finding = self.finding_operation()?;
        let parameters = self.bind(&finding, &[Value::Uuid(id)], request);
        let rows = self.driver.query(&finding.statement, &parameters).await;
        self.read_operation(rows)
    }

    pub async fn find_operation_inside(
        &self,
        id: [u8; 16],
        request: &Request,
        transaction: &mut dyn Transaction,
    ) -> Result<Option<Operation>, Failure> {
        let finding = self.finding_operation()?;
        let parameters = self.bind(&finding, &[Value::Uuid(id)], request);
        let rows = transaction.query(&finding.statement, &parameters).await;
        self.read_operation(rows)
    }

    fn finding_operation(&self) -> Result<Arc<Prepared>, Failure> {
        self.statements
            .get_or_make(ShapeKey::new(Kind::FindOperation), || {
                Ok(operations::find(self.driver.dialect()))
            })
    }

    fn read_operation(&self, rows: Result<Rows, StoreError>) -> Result<Option<Operation>, Failure> {
        rows.and_then(operations::operation)
            .map_err(|error| self.trouble(&error))
    }

    /// Writes down how an operation has ended. Whether it was still running.
    pub async fn end_operation(
        &self,
        request: &Request,
        transaction: &mut dyn Transaction,
        id: [u8; 16],
        state: State,
        answer: Option<String>,
    ) -> Result<bool, Failure> {
        let arguments = [
            Value::Uuid(id),
            Value::Text(state.name().to_owned()),
            answer.map_or(Value::Null, Value::Text),
            Value::Timestamp(now(request)),
        ];
        let (kind, end) = (Kind::EndOperation, operations::end);
        let ended = self.execute(request, transaction, kind, end, &arguments);
        Ok(ended.await? > 0)
    }
}

/// That an operation failed, if it still runs. Whether it did.
pub struct Failing {
    pub id: [u8; 16],
    pub answer: Option<String>,
    /// Whether the same may be asked for again with the same key.
    pub release: bool,
}

impl Failing {
    /// Nobody knows why, but that nothing was done.
    pub fn left_behind(id: [u8; 16]) -> Failing {
        Failing {
            id,
            answer: None,
            release: true,
        }
    }
}

impl Writing for Failing {
    type Done = bool;

    async fn write(
        &mut self,
        core: &Core,
        request: &Request,
        transaction: &mut dyn Transaction,
    ) -> Result<bool, Failure> {
        let answer = self.answer.clone();
        let ended = core
            .end_operation(request, transaction, self.id, State::Failed, answer)
            .await?;
        if !ended || !self.release {
            return Ok(ended);
        }
        let (kind, release) = (Kind::ReleaseKey, operations::release);
        let arguments = [Value::Uuid(self.id)];
        core.execute(request, transaction, kind, release, &arguments)
            .await?;
        Ok(ended)
    }
}

/// The request that asks may have been made long ago.
fn now(request: &Request) -> Timestamp {
    Timestamp::from(SystemTime::now()).max(request.now)
}

fn left_behind() -> Failure {
    Failure::new(
        Code::TimedOut,
        "the server stopped before the operation had ended; nothing of it was done, and it can be \
         sent again",
    )
}
