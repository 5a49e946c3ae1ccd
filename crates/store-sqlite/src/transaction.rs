//! Runs a [`Work`] on a session: polled once, panics caught, what it lost remembered.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use store::driver::{BoxFuture, Rows, Statement, StoreError, Transaction, Undo, Work};
use value::Value;

use crate::error::internal;
use crate::session::Session;

/// What became of a work.
pub(crate) struct Ran {
    pub outcome: Result<(), Undo>,
    /// The error with which SQLite ended the whole transaction, if it did. Everything in
    /// it is undone then, whatever the work thinks.
    pub lost: Option<StoreError>,
}

/// Runs a work in the transaction that is open on `session`.
pub(crate) fn run(session: &mut Session, work: &mut dyn Work) -> Ran {
    let mut tx = Tx {
        session,
        lost: None,
    };
    // Whatever the work left behind half done is undone with its transaction.
    let polled = catch_unwind(AssertUnwindSafe(|| {
        work.run(&mut tx)
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
    }));
    let outcome = match polled {
        Ok(Poll::Ready(outcome)) => outcome,
        Ok(Poll::Pending) => Err(Undo::Store(internal(
            "a work awaited something that is not its transaction",
        ))),
        Err(_) => Err(Undo::Store(internal("a work panicked"))),
    };
    let lost = match tx.lost {
        None if tx.session.connection.is_autocommit() => {
            Some(internal("a work ended its transaction by itself"))
        }
        lost => lost,
    };
    Ran { outcome, lost }
}

struct Tx<'s> {
    session: &'s mut Session,
    lost: Option<StoreError>,
}

impl Tx<'_> {
    fn run<T>(
        &mut self,
        run: impl FnOnce(&Session) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        // Without its transaction, each further statement would be one of its own.
        if let Some(error) = &self.lost {
            return Err(error.clone());
        }
        if self.session.limit.expired() {
            return Err(StoreError::TimedOut {
                after: self.session.limit.allowed(),
            });
        }
        let result = run(self.session);
        if let Err(error) = &result
            && self.session.connection.is_autocommit()
        {
            self.lost = Some(error.clone());
        }
        result
    }
}

impl Transaction for Tx<'_> {
    fn query<'a>(
        &'a mut self,
        statement: &'a Arc<Statement>,
        parameters: &'a [Value],
    ) -> BoxFuture<'a, Result<Rows, StoreError>> {
        Box::pin(async move { self.run(|session| session.query(statement, parameters)) })
    }

    fn insert<'a>(
        &'a mut self,
        statement: &'a Arc<Statement>,
        parameters: &'a [Value],
    ) -> BoxFuture<'a, Result<Value, StoreError>> {
        Box::pin(async move {
            self.run(|session| {
                session.execute(statement, parameters)?;
                Ok(Value::Int(session.connection.last_insert_rowid()))
            })
        })
    }

    fn execute<'a>(
        &'a mut self,
        statement: &'a Arc<Statement>,
        parameters: &'a [Value],
    ) -> BoxFuture<'a, Result<u64, StoreError>> {
        Box::pin(async move { self.run(|session| session.execute(statement, parameters)) })
    }
}
