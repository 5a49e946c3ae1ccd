//! From a request to write to its transaction.
//!
//! What can be told without the data is decided first ([`Decided`]), so that the writer is only
//! bothered with what may succeed. How it is then carried out is said by the request's
//! [`Manner`](call::Manner).

use std::sync::Arc;
use std::time::Duration;

use call::{Change, Failure, Outcome, Request, Scribe};
use model::{Action, Idempotency};
use store::driver::{Rows, Sole, Transaction};

use crate::Core;
use crate::batch::Batching;
use crate::create::Creating;
use crate::delete::Deleting;
use crate::ending::Settled;
use crate::later::{Starting, WAIT_SECONDS_MAX};
use crate::once;
use crate::restore::Restoring;
use crate::taken::Met;
use crate::trouble::is_in_doubt;
use crate::update::Updating;
use crate::work::Writing;

/// A write whose caller may try it and whose input, as far as it stands for itself, is good.
pub enum Decided {
    One(One),
    Batch(Batching),
    /// Only to be written down for now.
    Later(Starting),
}

/// Of one record.
pub enum One {
    Create(Creating),
    Update(Updating),
    Delete(Deleting),
    Restore(Restoring),
}

impl Core {
    pub async fn settle(self: &Arc<Self>, request: Box<Request>) -> Result<Outcome, Failure> {
        if request.manner.later && !request.manner.dry_run {
            return Box::pin(self.settle_later(request)).await;
        }
        match self.settle_here(request).await? {
            Settled::Told(outcome) => Ok(outcome),
            Settled::GoesOn(going_on) => Ok(going_on.begun),
        }
    }

    async fn settle_later(self: &Arc<Self>, request: Box<Request>) -> Result<Outcome, Failure> {
        let asker = request.bare();
        let wait = request.manner.wait_seconds.unwrap_or(0);
        let wait = Duration::from_secs(wait.min(WAIT_SECONDS_MAX).into());
        // A client that goes away does not stop what it has asked to go on without it. It only does
        // not wait for it any more.
        let core = Arc::clone(self);
        let settling = tokio::spawn(async move { core.settle_here(request).await });
        let settled = settling
            .await
            .unwrap_or_else(|error| Err(Failure::internal(error)));
        match settled? {
            Settled::Told(outcome) => Ok(outcome),
            Settled::GoesOn(going_on) => self.wait_for(*going_on, asker, wait).await,
        }
    }

    /// What only some writes need stands apart: a future is as large as its largest branch, and all
    /// of it is moved as it is handed up.
    async fn settle_here(self: &Arc<Self>, mut request: Box<Request>) -> Result<Settled, Failure> {
        let (key, scribe) = (request.manner.key.take(), request.manner.scribe.take());
        let Some(scribe) = scribe.filter(|_| !request.manner.dry_run) else {
            let decided = self.decide_with(&request, key.is_some()).await?;
            if key.is_some() && !request.manner.dry_run {
                return Err(Failure::internal("a key without a scribe"));
            }
            let (watched, wanted) = self.watch(&request, decided);
            let keep = !request.manner.dry_run;
            return match self.transact(request, watched, keep).await {
                Err(failure) => Err(Box::pin(self.explained(failure, wanted)).await),
                Ok(outcome) => Ok(Settled::Told(outcome)),
            };
        };
        if let Some(key) = key {
            return Box::pin(self.once(request, &key, scribe)).await;
        }
        Box::pin(self.in_background(request, scribe)).await
    }

    async fn in_background(
        self: &Arc<Self>,
        request: Box<Request>,
        scribe: Arc<dyn Scribe>,
    ) -> Result<Settled, Failure> {
        let decided = self.decide_with(&request, false).await?;
        let (decided, starter) = self.later(&request, decided, scribe, None).await?;
        match self.in_transaction(request, decided).await {
            Ok(begun) => Ok(self.start(starter, begun)),
            Err(failure) => {
                if is_in_doubt(&failure) {
                    self.abandon(starter);
                }
                Err(failure)
            }
        }
    }

    async fn decide_with(
        self: &Arc<Self>,
        request: &Request,
        has_key: bool,
    ) -> Result<Decided, Failure> {
        let decided = self.decide(request).await?;
        if !has_key && self.needs_key(request) {
            return Err(once::required(&self.model, request));
        }
        Ok(decided)
    }

    /// Whether a write must carry a key: all that cannot be sent again as they are.
    fn needs_key(&self, request: &Request) -> bool {
        let resource = self.model.resource(request.resource);
        let repeatable = matches!(request.action, Action::Replace | Action::Delete);
        resource.idempotency == Idempotency::Required && !repeatable
    }

    /// Everything about a write that needs no look at the data it changes.
    pub async fn decide(self: &Arc<Self>, request: &Request) -> Result<Decided, Failure> {
        match &request.change {
            Some(Change::Batch(batch)) => Box::pin(self.batch(request, batch))
                .await
                .map(Decided::Batch),
            _ => self.decide_one(request).await.map(Decided::One),
        }
    }

    pub async fn decide_one(self: &Arc<Self>, request: &Request) -> Result<One, Failure> {
        match request.action {
            Action::Create => self.create(request).await.map(One::Create),
            Action::Update | Action::Replace => self.update(request).await,
            Action::Delete => self.delete(request).map(One::Delete),
            Action::Restore => self.restore(request).map(One::Restore),
            Action::List | Action::Get => Err(Failure::internal("a read is no write")),
        }
    }
}

impl Writing for Decided {
    type Done = Outcome;

    async fn write(
        &mut self,
        core: &Core,
        request: &Request,
        transaction: &mut dyn Transaction,
    ) -> Result<Outcome, Failure> {
        match self {
            Decided::One(one) => one.write(core, request, transaction).await,
            Decided::Batch(batching) => Box::pin(batching.write(core, request, transaction)).await,
            Decided::Later(starting) => starting.write(core, request, transaction).await,
        }
    }

    fn sole(&mut self, core: &Core, request: &Request) -> Option<Sole> {
        match self {
            Decided::One(One::Create(creating)) => creating.sole(core, request),
            Decided::One(_) | Decided::Batch(_) | Decided::Later(_) => None,
        }
    }

    fn written(&mut self, core: &Core, request: &Request, rows: Rows) -> Result<Outcome, Failure> {
        match self {
            Decided::One(One::Create(creating)) => creating.written(core, request, rows),
            Decided::One(_) | Decided::Batch(_) | Decided::Later(_) => {
                Err(Failure::internal("only creates are done by one statement"))
            }
        }
    }
}

impl Decided {
    /// The operation that it begins, if it does.
    pub fn operation(&self) -> Option<[u8; 16]> {
        match self {
            Decided::Later(starting) => Some(starting.id()),
            Decided::One(_) | Decided::Batch(_) => None,
        }
    }

    /// What the write wanted when it met a value that is taken.
    pub fn met(&self) -> Option<Met> {
        match self {
            Decided::One(one) => one.met(),
            Decided::Batch(batching) => batching.met(),
            Decided::Later(_) => None,
        }
    }
}

impl One {
    pub fn met(&self) -> Option<Met> {
        match self {
            One::Create(creating) => Some(creating.met()),
            One::Update(updating) => updating.met(),
            One::Delete(_) | One::Restore(_) => None,
        }
    }
}

impl Writing for One {
    type Done = Outcome;

    async fn write(
        &mut self,
        core: &Core,
        request: &Request,
        transaction: &mut dyn Transaction,
    ) -> Result<Outcome, Failure> {
        match self {
            One::Create(creating) => creating.write(core, request, transaction).await,
            One::Update(updating) => updating.write(core, request, transaction).await,
            One::Delete(deleting) => deleting.write(core, request, transaction).await,
            One::Restore(restoring) => restoring.write(core, request, transaction).await,
        }
    }
}
