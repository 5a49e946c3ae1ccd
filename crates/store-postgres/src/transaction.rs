//! Statements inside one transaction or snapshot.
//!
//! PostgreSQL ends a transaction inwardly with its first refused statement, where SQLite undoes
//! that statement alone. Works may rely on the latter: told that a reference leads nowhere,
//! they ask which. To put a savepoint before every statement would make all pay for what is
//! rare, so a transaction is run *boldly* first, without any; if a statement was refused and
//! the work went on, it is undone and the work is run again, *carefully*, with savepoints.

use std::sync::Arc;
use std::time::Duration;

use store::driver::{BoxFuture, Rows, Statement, StoreError, Transaction};
use value::Value;

use crate::connection::Answer;
use crate::error::{Failed, Then, internal};
use crate::pool::Lease;

const SAVE: &str = "SAVEPOINT s";
const UNDO: &str = "ROLLBACK TO SAVEPOINT s";
const KEEP: &str = "RELEASE SAVEPOINT s";

pub(crate) struct Open {
    pub lease: Lease,
    /// Sent with the first statement.
    begin: Option<String>,
    allowed: Duration,
    careful: bool,
    state: State,
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

    /// Makes it last, if there is anything.
    pub async fn commit(&mut self) -> Result<(), Failed> {
        self.ended = true;
        let committed = self.lease.command("COMMIT", self.allowed).await;
        if committed.is_err() {
            self.lease.give_up();
        }
        committed
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
        match &self.state {
            State::Whole => {}
            State::Ended(failed) => return Err(failed.error.clone()),
            State::Refused | State::WentOn => {
                self.state = State::WentOn;
                return Err(internal("the transaction will be run again"));
            }
        }
        let begin = self.begin.take();
        let before = match (begin, self.careful) {
            (Some(begin), true) => Some(format!("{begin}; {SAVE}")),
            (begin @ Some(_), false) => begin,
            (None, true) => Some(SAVE.to_owned()),
            (None, false) => None,
        };
        let ran = self
            .lease
            .run(before.as_deref(), statement, parameters, self.allowed)
            .await;
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
}

/// Undone unless it has ended: whoever began it may have gone.
impl Drop for Open {
    fn drop(&mut self) {
        if !self.ended && self.has_begun() && !self.lease.is_broken() {
            self.lease.send("ROLLBACK");
        }
    }
}
