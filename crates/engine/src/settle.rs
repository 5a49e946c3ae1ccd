//! From a request to write to its transaction.
//!
//! What can be told without the data is decided first ([`Decided`]), so that the writer is only
//! bothered with what may succeed. How it is then carried out is said by the request's
//! [`Manner`](call::Manner).

use std::sync::Arc;

use call::{Code, Failure, Outcome, Request};
use model::{Action, Idempotency};
use store::driver::Transaction;

use crate::Core;
use crate::create::Creating;
use crate::delete::Deleting;
use crate::once;
use crate::update::Updating;
use crate::work::Writing;

/// A write whose caller may try it and whose input, as far as it stands for itself, is good.
pub enum Decided {
    Create(Creating),
    Update(Updating),
    Delete(Deleting),
}

impl Core {
    pub async fn settle(self: &Arc<Self>, mut request: Request) -> Result<Outcome, Failure> {
        let resource = self.model.resource(request.resource);
        let (key, scribe) = (request.manner.key.take(), request.manner.scribe.take());
        match (key, scribe) {
            (Some(key), Some(scribe)) => self.once(request, &key, scribe).await,
            (Some(_), None) => Err(Failure::internal("a key without a scribe")),
            (None, _) => {
                let decided = self.decide(&request).await?;
                let needs_key = matches!(request.action, Action::Create | Action::Update);
                if needs_key && resource.idempotency == Idempotency::Required {
                    return Err(once::required(&self.model, &request));
                }
                self.in_transaction(request, decided).await
            }
        }
    }

    /// Everything about a write that needs no look at the data it changes.
    pub async fn decide(self: &Arc<Self>, request: &Request) -> Result<Decided, Failure> {
        match request.action {
            Action::Create => self.create(request).await.map(Decided::Create),
            Action::Update | Action::Replace => self.update(request).await,
            Action::Delete => self.delete(request).map(Decided::Delete),
            Action::List | Action::Get => {
                Err(Failure::new(Code::Internal, "a read is not a write"))
            }
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
            Decided::Create(creating) => creating.write(core, request, transaction).await,
            Decided::Update(updating) => updating.write(core, request, transaction).await,
            Decided::Delete(deleting) => deleting.write(core, request, transaction).await,
        }
    }
}
