//! Statements inside one transaction or snapshot.
//!
//! PostgreSQL ends a transaction inwardly with its first refused statement, where SQLite undoes
//! that statement alone. Works may rely on the latter: told that a reference leads nowhere,
//! they ask which. To put a savepoint before every statement would make all pay for what is
//! rare, so a transaction is run *boldly* first, without any; if a statement was refused and
//! the work went on, it is undone and the work is run again, *carefully*, with savepoints.
//!
//! Boldly also means not to wait for what nobody needs to know: such statements are sent one
//! behind the other, and what came of them is looked at when the next answer comes, or with the
//! commit. One that was refused is a statement after which the work went on.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use store::driver::{BoxFuture, Rows, Statement, StoreError, Transaction};
use value::Value;

use crate::connection::{Answer, OnItsWay, arrival};
use crate::error::{Failed, Then, internal};
use crate::pool::Lease;

const SAVE: &str = "SAVEPOINT s";
const UNDO: &str = "ROLLBACK TO SAVEPOINT s";
const KEEP: &str = "RELEASE SAVEPOINT s";

/// Statements on their way at once. Enough that the journey is shared by many; what they take is
/// in memory here and there.
const AHEAD_MAX: usize = 128;
/// With so many the commit is sent along: those of a single write. More of them may take longer
/// than a commit may.
const AHEAD_OF_COMMIT_MAX: usize = 5;

pub(crate) struct Open {
    pub lease: Lease,
    /// Sent with the first statement.
    begin: Option<String>,
    allowed: Duration,
    careful: bool,
    state: State,
    on_their_way: Vec<OnItsWay>,
    ended: bool,
}

/// What has happened to the transaction.
#[derive(Clone, Debug)]
pub(crate) enum State {
    /// It can be gone on with.
    Whole,
    /// A statement was refused, and nothing was asked since.
    Refused,
    /// A statement was refused, and the work went on: it is to be run again, carefully.
    WentOn,
    /// The database ended it.
    Ended(Failed),
}

impl Open {
    pub fn new(lease: Lease, begin: String, allowed: Duration, careful: bool) -> Open {
        Open {
            lease,
            begin: Some(begin),
            allowed,
            careful,
            state: State::Whole,
            on_their_way: Vec::new(),
            ended: false,
        }
    }

    pub fn state(&self) -> &State {
        &self.state
    }

    /// Whether the server knows of it.
    pub fn has_begun(&self) -> bool {
        self.begin.is_none()
    }

    /// More than what a commit is sent along with.
    pub fn has_much_ahead(&self) -> bool {
        self.on_their_way.len() > AHEAD_OF_COMMIT_MAX
    }

    /// Makes it last, if there is anything. Only if it is [`State::Whole`] afterwards: what is
    /// still on its way may have been refused, and then the server makes an undo of a commit.
    ///
    /// A commit that is lost is in doubt, everything else can be run again. So it is only sent
    /// along on a connection that has just shown that somebody is there.
    pub async fn commit(&mut self) -> Result<(), Failed> {
        if self.has_much_ahead() || !self.lease.is_fresh() {
            self.settle().await;
            if !matches!(self.state, State::Whole) {
                return Ok(());
            }
        }
        self.ended = true;
        let arrival = self.arrival();
        let commit = self.lease.command("COMMIT", self.allowed);
        let (committed, arrived) = tokio::join!(commit, arrival);
        match committed {
            Ok(()) => self.lease.hear(),
            Err(_) => self.lease.give_up(),
        }
        self.note(arrived);
        committed
    }

    /// Waits for all that is on its way.
    pub async fn settle(&mut self) {
        if self.on_their_way.is_empty() {
            return;
        }
        let arrived = self.arrival().await;
        if arrived.is_ok() {
            self.lease.hear();
        }
        self.note(arrived);
    }

    /// The outcome of all that is on its way, to be told to [`Open::note`].
    fn arrival(&mut self) -> impl Future<Output = Result<(), Failed>> + Send + use<> {
        let sent = std::mem::take(&mut self.on_their_way);
        let patience = self.lease.patience(self.allowed);
        arrival(sent, self.allowed, patience)
    }

    fn note(&mut self, arrived: Result<(), Failed>) {
        let Err(failed) = arrived else {
            return;
        };
        self.lease.note(failed.then);
        self.state = match failed.then {
            Then::Nothing => State::WentOn,
            Then::Again | Then::Forget | Then::Lost => State::Ended(failed),
        };
    }

    /// What a work is told whose transaction cannot be gone on with.
    fn refusal(&mut self) -> Option<StoreError> {
        match &self.state {
            State::Whole => None,
            State::Ended(failed) => Some(failed.error.clone()),
            State::Refused | State::WentOn => {
                self.state = State::WentOn;
                Some(internal("the transaction will be run again"))
            }
        }
    }

    /// Ends what was only read. Nothing can come of it that anybody would wait for.
    pub fn finish(&mut self) {
        if self.has_begun() && !self.lease.is_broken() {
            self.lease.send("COMMIT");
        }
        self.ended = true;
    }

    async fn run(
        &mut self,
        statement: &Statement,
        parameters: &[Value],
    ) -> Result<Answer, StoreError> {
        if let Some(refusal) = self.refusal() {
            return Err(refusal);
        }
        let begin = self.begin.take();
        let before = match (begin, self.careful) {
            (Some(begin), true) => Some(format!("{begin}; {SAVE}")),
            (begin @ Some(_), false) => begin,
            (None, true) => Some(SAVE.to_owned()),
            (None, false) => None,
        };
        let arrival = self.arrival();
        let allowed = self.allowed;
        let running = self
            .lease
            .run(before.as_deref(), statement, parameters, allowed);
        let (ran, arrived) = tokio::join!(running, arrival);
        self.note(arrived);
        if let Some(refusal) = self.refusal() {
            return Err(refusal);
        }
        match ran {
            Ok(answer) => {
                if self.careful {
                    self.lease.send(KEEP);
                }
                Ok(answer)
            }
            Err(failed) => {
                match failed.then {
                    Then::Nothing if self.careful => self.lease.send(UNDO),
                    Then::Nothing => self.state = State::Refused,
                    Then::Again | Then::Forget | Then::Lost => {
                        self.state = State::Ended(failed.clone());
                    }
                }
                Err(failed.error)
            }
        }
    }
}

impl Transaction for Open {
    fn query<'a>(
        &'a mut self,
        statement: &'a Arc<Statement>,
        parameters: &'a [Value],
    ) -> BoxFuture<'a, Result<Rows, StoreError>> {
        Box::pin(async move { Ok(self.run(statement, parameters).await?.rows) })
    }

    fn execute<'a>(
        &'a mut self,
        statement: &'a Arc<Statement>,
        parameters: &'a [Value],
    ) -> BoxFuture<'a, Result<u64, StoreError>> {
        Box::pin(async move { Ok(self.run(statement, parameters).await?.changed) })
    }

    fn execute_ahead<'a>(
        &'a mut self,
        statement: &'a Arc<Statement>,
        parameters: Vec<Value>,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            if self.careful {
                return self.run(statement, &parameters).await.map(drop);
            }
            if self.on_their_way.len() >= AHEAD_MAX || !self.lease.knows(statement) {
                self.settle().await;
            }
            if let Some(refusal) = self.refusal() {
                return Err(refusal);
            }
            let begin = self.begin.take();
            let allowed = self.allowed;
            let sent = &mut self.on_their_way;
            let sending = self
                .lease
                .send_ahead(begin, statement, parameters, allowed, sent);
            let Err(failed) = sending.await else {
                return Ok(());
            };
            self.settle().await;
            if let Some(refusal) = self.refusal() {
                return Err(refusal);
            }
            self.state = match failed.then {
                Then::Nothing => State::Refused,
                Then::Again | Then::Forget | Then::Lost => State::Ended(failed.clone()),
            };
            Err(failed.error)
        })
    }
}

/// Undone unless it has ended: whoever began it may have gone.
impl Drop for Open {
    fn drop(&mut self) {
        if !self.ended && self.has_begun() && !self.lease.is_broken() {
            self.lease.send("ROLLBACK");
        }
    }
}
