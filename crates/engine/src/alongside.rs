//! Writes for other parts of the server: with something of theirs in the same transaction, and a
//! new person's record, for which nobody could have been asked yet.
//!
//! Knows nothing of accounts; whoever has proved who they are is given in.

use std::sync::Arc;

use call::{BoxFuture, Caller, CallerKind, Change, Failure, Outcome, Request, Scopes};
use model::Action;
use serde_json::{Map, Value as Json};
use store::driver::Transaction;
use value::{FieldId, IdKind, ResourceId, Timestamp, Value};

use crate::access::Verdict;
use crate::settle::{Decided, One};
use crate::work::Writing;
use crate::{Core, Engine};

/// What is to be done in the transaction of a write, after it. May run more than once, so it
/// keeps nothing between runs; only the transaction may be awaited.
pub trait Alongside: Send + 'static {
    /// # Errors
    /// A failure undoes the write, too.
    fn write<'a>(
        &'a mut self,
        transaction: &'a mut dyn Transaction,
        outcome: &'a Outcome,
    ) -> BoxFuture<'a, Result<(), Failure>>;
}

/// A person who is to have a record.
#[derive(Debug)]
pub struct NewPerson {
    /// The contract's users.
    pub resource: ResourceId,
    /// What they say about themselves: what they may write in a record of their own.
    pub fields: Map<String, Json>,
    /// What is known of them, whoever may write it.
    pub known: Vec<(FieldId, Value)>,
    pub now: Timestamp,
}

struct Both {
    decided: Decided,
    alongside: Box<dyn Alongside>,
}

impl Writing for Both {
    type Done = Outcome;

    async fn write(
        &mut self,
        core: &Core,
        request: &Request,
        transaction: &mut dyn Transaction,
    ) -> Result<Outcome, Failure> {
        let outcome = self.decided.write(core, request, transaction).await?;
        self.alongside.write(transaction, &outcome).await?;
        Ok(outcome)
    }
}

impl Engine {
    /// A write with something else in its transaction. For parts of the server itself: it is not
    /// counted, and carried out once.
    ///
    /// # Errors
    /// As [`Engine::handle`], and what the other part refuses.
    pub async fn handle_alongside(
        &self,
        request: Request,
        alongside: Box<dyn Alongside>,
    ) -> Result<Outcome, Failure> {
        self.core.tables.are_ours()?;
        let request = Box::new(request);
        let decided = self.core.decide(&request).await?;
        self.core.together(request, decided, alongside).await
    }

    /// Makes the record of a person who has none yet. Who may add records does not matter, as that
    /// is about those who are there already; the rules of single fields do, and are asked about the
    /// person themselves.
    ///
    /// # Errors
    /// As [`Engine::handle`] of a create, and what the other part refuses.
    pub async fn add_person(
        &self,
        person: NewPerson,
        alongside: Box<dyn Alongside>,
    ) -> Result<Outcome, Failure> {
        self.core.tables.are_ours()?;
        let (request, decided) = self.core.new_person(person)?;
        self.core.together(request, decided, alongside).await
    }
}

impl Engine {
    /// Whether what a person says of themselves fits, as far as that can be told without the data.
    ///
    /// # Errors
    /// As [`Engine::add_person`].
    pub fn check_person(&self, person: NewPerson) -> Result<(), Failure> {
        self.core.new_person(person).map(drop)
    }
}

impl Core {
    fn new_person(&self, person: NewPerson) -> Result<(Box<Request>, Decided), Failure> {
        let resource = self.model.resource(person.resource);
        let mut known = person.known;
        let mut user_id = None;
        if matches!(
            resource.id_type.kind,
            IdKind::TypeId | IdKind::Uuid | IdKind::Random
        ) {
            let mut row = vec![Value::Null; resource.fields.len()];
            self.give_id(resource, &mut row);
            let id = row.swap_remove(usize::from(resource.id_field().id.0));
            user_id = Some(resource.id_type.to_text(&id));
            known.push((resource.id_field().id, id));
        }
        let caller = Caller {
            kind: CallerKind::User {
                id: user_id.clone().unwrap_or_default(),
            },
            user_id,
            scopes: Scopes::All,
            ..Caller::guest()
        };
        let caller = Arc::new(caller);
        let mut request = Request::new(person.resource, Action::Create, caller, person.now);
        request.change = Some(Change::Whole(person.fields));
        let terms = self.terms_given(&request, Action::Create, Verdict::Open, false)?;
        let creating = self.create_given(&request, terms, known)?;
        Ok((Box::new(request), Decided::One(One::Create(creating))))
    }

    async fn together(
        self: &Arc<Self>,
        request: Box<Request>,
        decided: Decided,
        alongside: Box<dyn Alongside>,
    ) -> Result<Outcome, Failure> {
        let both = Both { decided, alongside };
        let resource = request.resource;
        let done = self.in_transaction(request, both).await;
        self.written(resource);
        match done {
            Err(failure) if failure.code == call::Code::Internal => {
                Err(self.explain_failure(failure).await)
            }
            done => done,
        }
    }
}
