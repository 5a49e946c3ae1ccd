//! Carries engine code into the store's snapshots and transactions and its answer out.
//!
//! The store runs [`Work`]; the engine thinks in functions from a transaction to a result.
//! What is carried owns everything it needs, because a write runs on even if its caller
//! has gone.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use call::{Failure, Request};
use store::Prepared;
use store::driver::{BoxFuture, Cost, Dialect, Rows, Sole, Transaction, Undo, Work};
use value::Value;

use crate::Core;
use crate::statements::{Kind, ShapeKey};

/// Something to read in one snapshot.
pub trait Reading: Send + 'static {
    type Found: Send + 'static;

    fn read(
        &mut self,
        core: &Core,
        request: &Request,
        transaction: &mut dyn Transaction,
    ) -> impl Future<Output = Result<Self::Found, Failure>> + Send;
}

/// Something to write in one transaction. May run more than once; a failure undoes it.
pub trait Writing: Send + 'static {
    type Done: Send + 'static;

    fn write(
        &mut self,
        core: &Core,
        request: &Request,
        transaction: &mut dyn Transaction,
    ) -> impl Future<Output = Result<Self::Done, Failure>> + Send;

    /// All of it as one statement, if it is no more than that. What it gives goes to
    /// [`Writing::written`].
    fn sole(&mut self, core: &Core, request: &Request) -> Option<Sole> {
        let _ = (core, request);
        None
    }

    /// The answer, once the sole statement is done. Nothing can be refused any more.
    fn written(
        &mut self,
        core: &Core,
        request: &Request,
        rows: Rows,
    ) -> Result<Self::Done, Failure> {
        let _ = (core, request, rows);
        Err(Failure::internal("nothing was to be done by itself"))
    }
}

/// Where the answer of a carried work is left.
type Slot<T> = Arc<Mutex<Option<Result<T, Failure>>>>;

struct CarriedReading<R: Reading> {
    core: Arc<Core>,
    request: Request,
    reading: R,
    slot: Slot<R::Found>,
}

impl<R: Reading> Work for CarriedReading<R> {
    fn run<'a>(
        &'a mut self,
        transaction: &'a mut dyn Transaction,
    ) -> BoxFuture<'a, Result<(), Undo>> {
        Box::pin(async move {
            let found = self
                .reading
                .read(&self.core, &self.request, transaction)
                .await;
            leave(&self.slot, found)
        })
    }
}

struct CarriedWriting<W: Writing> {
    core: Arc<Core>,
    request: Box<Request>,
    writing: W,
    /// Whether what is done is to stay.
    keep: bool,
    slot: Slot<W::Done>,
}

impl<W: Writing> Work for CarriedWriting<W> {
    fn run<'a>(
        &'a mut self,
        transaction: &'a mut dyn Transaction,
    ) -> BoxFuture<'a, Result<(), Undo>> {
        Box::pin(async move {
            let done = self
                .writing
                .write(&self.core, &self.request, transaction)
                .await;
            leave(&self.slot, done)?;
            if self.keep {
                Ok(())
            } else {
                Err(Undo::Refused)
            }
        })
    }

    fn sole(&mut self) -> Option<Sole> {
        self.keep
            .then(|| self.writing.sole(&self.core, &self.request))
            .flatten()
    }

    fn done(&mut self, rows: Rows) {
        let written = self.writing.written(&self.core, &self.request, rows);
        // It stays, whatever there is to say of it.
        let _ = leave(&self.slot, written);
    }
}

fn leave<T>(slot: &Slot<T>, result: Result<T, Failure>) -> Result<(), Undo> {
    let undo = if result.is_ok() {
        Ok(())
    } else {
        Err(Undo::Refused)
    };
    *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
    undo
}

fn take<T>(slot: &Slot<T>) -> Result<T, Failure> {
    slot.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take()
        .unwrap_or_else(|| {
            Err(Failure::internal(
                "the store ended a work without running it",
            ))
        })
}

impl Core {
    /// Runs a statement that is the same for every resource. How many rows it changed.
    pub async fn execute(
        &self,
        request: &Request,
        transaction: &mut dyn Transaction,
        kind: Kind,
        make: fn(Dialect) -> Prepared,
        arguments: &[Value],
    ) -> Result<u64, Failure> {
        let prepared = self
            .statements
            .get_or_make(ShapeKey::new(kind), || Ok(make(self.driver.dialect())))?;
        let parameters = self.bind(&prepared, arguments, request);
        let changed = transaction.execute(&prepared.statement, &parameters).await;
        changed.map_err(|error| self.trouble(&error))
    }

    pub async fn in_snapshot<R: Reading>(
        self: &Arc<Self>,
        cost: Cost,
        request: &Request,
        reading: R,
    ) -> Result<R::Found, Failure> {
        let slot = Slot::default();
        let work = CarriedReading {
            core: Arc::clone(self),
            request: request.clone(),
            reading,
            slot: Arc::clone(&slot),
        };
        match self.driver.snapshot(cost, Box::new(work)).await {
            Ok(()) | Err(Undo::Refused) => take(&slot),
            Err(Undo::Store(error)) => Err(self.trouble(&error)),
        }
    }

    pub async fn in_transaction<W: Writing>(
        self: &Arc<Self>,
        request: Box<Request>,
        writing: W,
    ) -> Result<W::Done, Failure> {
        self.transact(request, writing, true).await
    }

    /// Does it all in a transaction, and undoes it.
    pub async fn in_rehearsal<W: Writing>(
        self: &Arc<Self>,
        request: Box<Request>,
        writing: W,
    ) -> Result<W::Done, Failure> {
        self.transact(request, writing, false).await
    }

    /// Either of the two.
    pub async fn transact<W: Writing>(
        self: &Arc<Self>,
        request: Box<Request>,
        writing: W,
        keep: bool,
    ) -> Result<W::Done, Failure> {
        let slot = Slot::default();
        let work = CarriedWriting {
            core: Arc::clone(self),
            request,
            writing,
            keep,
            slot: Arc::clone(&slot),
        };
        match self.driver.write(Box::new(work)).await {
            Ok(()) | Err(Undo::Refused) => take(&slot),
            Err(Undo::Store(error)) => Err(self.trouble(&error)),
        }
    }
}
