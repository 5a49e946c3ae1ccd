//! A write with an idempotency key: carried out once, however often it is sent.
//!
//! ```text
//!  key ─► enter: does one with this key run here? ─► decide ─► one transaction:
//!           yes: 409                                   claim, find the answer ─► write, keep the answer
//!                                                        found: that one           refused by the data: undone,
//!                                                                                  and the refusal is kept
//! ```
//!
//! 1. The answer is kept in the transaction of the write: there is one exactly if the other is
//!    there, whatever happens to the process.
//! 2. A refusal is kept if the data decided it. It is kept after the undo, in a transaction of
//!    its own; a crash in between leaves nothing, so that the next attempt is like a first.
//! 3. What goes on as an operation is answered with its end, once it has one. Until then whoever would
//!    be answered later is told of the operation again, and everybody else that it still runs.
//! 4. Whoever may not write any more, for want of a scope or because of the rule, is refused
//!    and not told what was answered before.
//! 5. Where works are committed together, a create under a new key is one statement. It claims
//!    nothing: if anybody has kept an answer meanwhile, the statement is refused, and the write is
//!    carried out as above.
//!
//! Knows nothing of what the answer looks like: the door's [`Scribe`] writes it.

mod turns;

use std::sync::Arc;

use call::{Change, Code, Failure, FieldProblem, IdempotencyKey, Outcome, Place, Request, Scribe};
use model::Model;
use store::answers::{self, Answer};
use store::driver::{Rows, Sole, StoreError, Transaction};
use store::operations::State;
use value::Value;

use crate::Core;
use crate::ending::{End, Failing, GoingOn, Settled};
use crate::rights::{self, whose};
use crate::statements::{Kind, ShapeKey};
use crate::taken::Watched;
use crate::trouble::is_in_doubt;
use crate::work::Writing;

pub use turns::Running;
use turns::Turn;

/// Seconds after which the first request has most likely ended.
const RETRY_AFTER_SECONDS: u32 = 1;

/// A key with everything that is compared and kept with it.
struct Keyed {
    /// Of the caller, the operation and the key.
    id: [u8; 16],
    fingerprint: [u8; 16],
    /// Of what decides what this caller may see.
    rights: [u8; 16],
    scribe: Arc<dyn Scribe>,
}

impl Core {
    /// Carries out a write with this key, or answers as it was answered before.
    pub async fn once(
        self: &Arc<Self>,
        request: Box<Request>,
        key: &IdempotencyKey,
        scribe: Arc<dyn Scribe>,
    ) -> Result<Settled, Failure> {
        let keyed = Arc::new(Keyed {
            id: self.place_of(&request, key),
            fingerprint: key.fingerprint,
            rights: self.rights(&request),
            scribe: Arc::clone(&scribe),
        });
        let turn = self.running.enter(keyed.id)?;
        let decided = match self.decide(&request).await {
            Ok(decided) => decided,
            Err(failure) if is_about_the_caller(failure.code) => return Err(failure),
            Err(failure) => {
                // The contract may have changed since it was carried out; what was done was done.
                if self.find(&request, &keyed).await?.is_none() {
                    return Err(failure);
                }
                let (bare, later) = (request.bare().into(), request.manner.later);
                let looking = Looking(Arc::clone(&keyed));
                return match self.in_transaction(bare, looking).await? {
                    Some(found) => found.told(&keyed, later),
                    None => Err(failure),
                };
            }
        };
        let (decided, starter) = match request.manner.later {
            true => {
                let (decided, starter) = self
                    .later(&request, decided, scribe, Some(keyed.id))
                    .await?;
                (decided, Some(starter))
            }
            false => (decided, None),
        };
        let later = request.manner.later;
        let bare = request.bare().into();
        let (mut inner, wanted) = self.watch(&request, decided);
        // Most keys are new ones. If this one is, and all that is to be done is one statement, that
        // may be committed together with others; whoever comes in between makes it be refused.
        let gathers = match inner.creating() {
            Some(creating) => {
                creating.gathers(self, &request)
                    && self.find(&request, &keyed).await?.is_none()
                    && creating.draw_id(self, &request).await?
            }
            None => false,
        };
        let once = Once {
            keyed: Arc::clone(&keyed),
            gathers,
            answer: String::new(),
            inner,
            _turn: Arc::clone(&turn),
        };
        let done = match self.in_transaction(request, once).await {
            Err(failure) if is_decided_by_data(failure.code) => {
                let failure = self.explained(failure, wanted).await;
                let answer = keyed.answer(Err(&failure), None);
                let keyed = Arc::clone(&keyed);
                let refusing = Refusing { keyed, answer };
                match self.in_transaction(bare, refusing).await {
                    Ok(Some(found)) => Ok(Done::Before(found)),
                    // Not kept, if the database could not: the next attempt decides anew.
                    Ok(None) | Err(_) => Err(failure),
                }
            }
            other => other,
        };
        turn.end();
        match (done, starter) {
            (Ok(Done::Now(begun)), Some(starter)) => Ok(self.start(starter, begun)),
            (Ok(Done::Now(outcome)), None) => Ok(Settled::Told(outcome)),
            (Ok(Done::Before(found)), _) => found.told(&keyed, later),
            (Err(failure), starter) => {
                if let Some(starter) = starter.filter(|_| is_in_doubt(&failure)) {
                    self.abandon(starter);
                }
                Err(failure)
            }
        }
    }

    /// The place of a key: one for each user, resource and action.
    fn place_of(&self, request: &Request, key: &IdempotencyKey) -> [u8; 16] {
        rights::digest([
            whose(&request.caller, request.manner.origin).as_str(),
            &self.model.resource(request.resource).name,
            match &request.change {
                Some(Change::Batch(_)) => "batch",
                _ => request.action.name(),
            },
            &key.text,
        ])
    }

    /// Of every rule of the contract that says what may be seen.
    pub fn contract_rights(&self) -> [u8; 16] {
        *self.rights.get_or_init(|| rights::of_contract(&self.model))
    }

    /// Everything but the data that decides what a caller may see of an answer.
    fn rights(&self, request: &Request) -> [u8; 16] {
        rights::digest([self.contract_rights(), rights::of_caller(&request.caller)])
    }

    /// The answer that is kept, read outside of any transaction: as yet it may stand for an
    /// operation that was left behind.
    async fn find(&self, request: &Request, keyed: &Keyed) -> Result<Option<Answer>, Failure> {
        let finding = self.finding()?;
        let parameters = self.bind(&finding, &[Value::Uuid(keyed.id)], request);
        let rows = self.driver.query(&finding.statement, &parameters).await;
        self.read(rows)
    }

    fn finding(&self) -> Result<Arc<store::Prepared>, Failure> {
        self.statements
            .get_or_make(ShapeKey::new(Kind::FindAnswer), || {
                Ok(answers::find(self.driver.dialect()))
            })
    }

    fn read(&self, rows: Result<Rows, StoreError>) -> Result<Option<Answer>, Failure> {
        rows.and_then(answers::answer)
            .map_err(|error| self.trouble(&error))
    }

    /// What was answered before. From now on nobody else is at work on this key.
    async fn find_inside(
        &self,
        request: &Request,
        transaction: &mut dyn Transaction,
        keyed: &Keyed,
    ) -> Result<Option<Found>, Failure> {
        if let Some(claim) = answers::claim(self.driver.dialect()) {
            let claim = self
                .statements
                .get_or_make(ShapeKey::new(Kind::ClaimKey), || Ok(claim))?;
            let number = [Value::Int(first_half(&keyed.id))];
            let parameters = self.bind(&claim, &number, request);
            let rows = transaction.query(&claim.statement, &parameters).await;
            let rows = rows.map_err(|error| self.trouble(&error))?;
            if rows.cells.first() != Some(&Value::Bool(true)) {
                return Err(in_progress());
            }
        }
        let finding = self.finding()?;
        let parameters = self.bind(&finding, &[Value::Uuid(keyed.id)], request);
        let rows = transaction.query(&finding.statement, &parameters).await;
        let Some(mut answer) = self.read(rows)? else {
            return Ok(None);
        };
        keyed.compare(&answer)?;
        let mut running = None;
        if let Some(id) = answer.operation {
            let operation = self.find_operation_inside(id, request, transaction);
            match operation.await? {
                Some(left_behind) if self.is_over(&left_behind, request.now) => {
                    let mut failing = Failing::left_behind(id);
                    failing.write(self, request, transaction).await?;
                    return Ok(None);
                }
                Some(operation) if operation.state == State::Running => running = Some(id),
                // Once it is forgotten, so is the answer in a moment.
                ended => {
                    if let Some(end) = ended.and_then(|ended| ended.answer) {
                        answer.text = end;
                    }
                }
            }
        }
        Ok(Some(Found { answer, running }))
    }

    /// Whether it was kept; not if another is there already.
    async fn keep(
        &self,
        request: &Request,
        transaction: &mut dyn Transaction,
        keyed: &Keyed,
        answer: &Answer,
    ) -> Result<bool, Failure> {
        let (kind, keep) = (Kind::KeepAnswer, answers::keep);
        let arguments = answer.args(keyed.id, request.now);
        let kept = self.execute(request, transaction, kind, keep, &arguments);
        Ok(kept.await? > 0)
    }
}

impl Keyed {
    fn answer(&self, end: Result<&Outcome, &Failure>, operation: Option<[u8; 16]>) -> Answer {
        Answer {
            fingerprint: self.fingerprint,
            rights: self.rights,
            text: self.scribe.write(end),
            operation,
        }
    }

    /// Whether this is an answer to the same request.
    fn compare(&self, answer: &Answer) -> Result<(), Failure> {
        // What another release kept may have been spelled otherwise. Nothing can be said of that,
        // and to carry out a write twice would be worse than to overlook that it is another one.
        let comparable = answer.fingerprint[0] == self.fingerprint[0];
        if comparable && answer.fingerprint != self.fingerprint {
            return Err(about_key(
                Code::IdempotencyMismatch,
                "this key was used for another request, whose answer is kept for 24 h; what is \
                 changed, be it the path, `If-Match` or the body, is sent with a new key",
            ));
        }
        Ok(())
    }
}

/// What came of one attempt.
enum Done {
    Now(Outcome),
    Before(Found),
}

/// What was answered before.
struct Found {
    answer: Answer,
    /// An operation that goes on still.
    running: Option<[u8; 16]>,
}

impl Found {
    /// What a request is told that came again. It may be `later`; else the first one's end is
    /// awaited by sending it once more.
    fn told(self, keyed: &Keyed, later: bool) -> Result<Settled, Failure> {
        let same_rights = self.answer.rights == keyed.rights;
        let kept = Outcome::Kept {
            answer: self.answer.text,
            replayed: true,
            same_rights,
        };
        match self.running {
            None => Ok(Settled::Told(kept)),
            Some(id) if later => Ok(Settled::GoesOn(Box::new(GoingOn {
                begun: kept,
                end: End::Earlier { id, same_rights },
            }))),
            Some(_) => Err(in_progress()),
        }
    }
}

/// The write and its answer, in one transaction.
struct Once {
    keyed: Arc<Keyed>,
    /// It may be done by one statement.
    gathers: bool,
    /// What that keeps.
    answer: String,
    inner: Watched,
    _turn: Arc<Turn>,
}

impl Writing for Once {
    type Done = Done;

    async fn write(
        &mut self,
        core: &Core,
        request: &Request,
        transaction: &mut dyn Transaction,
    ) -> Result<Done, Failure> {
        let found = core.find_inside(request, transaction, &self.keyed).await?;
        if let Some(found) = found {
            return Ok(Done::Before(found));
        }
        let outcome = self.inner.write(core, request, transaction).await?;
        let answer = self.keyed.answer(Ok(&outcome), self.inner.operation());
        if !core
            .keep(request, transaction, &self.keyed, &answer)
            .await?
        {
            // Somebody else has just kept one, who did not hold the claim: all of this is undone,
            // and theirs is what the next attempt is answered with.
            return Err(in_progress());
        }
        Ok(Done::Now(Outcome::Kept {
            answer: answer.text,
            replayed: false,
            same_rights: true,
        }))
    }

    fn sole(&mut self, core: &Core, request: &Request) -> Option<Sole> {
        let creating = self.inner.creating().filter(|_| self.gathers)?;
        let (keyed, kept) = (&self.keyed, &mut self.answer);
        creating.sole_once(core, request, |outcome| {
            let answer = keyed.answer(Ok(outcome), None);
            kept.clone_from(&answer.text);
            answer.args(keyed.id, request.now).into()
        })
    }

    fn written(&mut self, _: &Core, _: &Request, _: Rows) -> Result<Done, Failure> {
        Ok(Done::Now(Outcome::Kept {
            answer: std::mem::take(&mut self.answer),
            replayed: false,
            same_rights: true,
        }))
    }
}

/// Only finds what was kept.
struct Looking(Arc<Keyed>);

impl Writing for Looking {
    type Done = Option<Found>;

    async fn write(
        &mut self,
        core: &Core,
        request: &Request,
        transaction: &mut dyn Transaction,
    ) -> Result<Option<Found>, Failure> {
        core.find_inside(request, transaction, &self.0).await
    }
}

/// Keeps a refusal, or finds what was kept meanwhile.
struct Refusing {
    keyed: Arc<Keyed>,
    answer: Answer,
}

impl Writing for Refusing {
    type Done = Option<Found>;

    async fn write(
        &mut self,
        core: &Core,
        request: &Request,
        transaction: &mut dyn Transaction,
    ) -> Result<Option<Found>, Failure> {
        let found = core.find_inside(request, transaction, &self.keyed).await?;
        if found.is_none() {
            core.keep(request, transaction, &self.keyed, &self.answer)
                .await?;
        }
        Ok(found)
    }
}

/// The refusal of a write that must have a key.
pub fn required(model: &Model, request: &Request) -> Failure {
    let plural = &model.resource(request.resource).plural;
    about_key(
        Code::IdempotencyRequired,
        &format!("{plural} are only written with `Idempotency-Key`, a new one for each write"),
    )
}

fn in_progress() -> Failure {
    Failure {
        retry_after_seconds: Some(RETRY_AFTER_SECONDS),
        ..about_key(
            Code::IdempotencyInProgress,
            "the first request with this key has not ended yet; try again",
        )
    }
}

fn about_key(code: Code, detail: &str) -> Failure {
    let problem = FieldProblem {
        place: Place::Header("Idempotency-Key"),
        code: code.name(),
        detail: detail.to_owned(),
    };
    Failure::with_problems(code, vec![problem])
}

/// Refusals that say what this caller may do at all.
fn is_about_the_caller(code: Code) -> bool {
    matches!(
        code,
        Code::Unauthenticated | Code::Forbidden | Code::InsufficientScope
    )
}

/// Refusals that the state of the data decided. They are part of what happened to the request;
/// everything else was refused before anything happened, or is no decision at all.
fn is_decided_by_data(code: Code) -> bool {
    match code {
        Code::Forbidden
        | Code::NotFound
        | Code::AlreadyExists
        | Code::UnknownReference
        | Code::StillReferenced
        | Code::Conflict
        | Code::Stale => true,
        Code::Malformed
        | Code::CursorMismatch
        | Code::Unauthenticated
        | Code::InsufficientScope
        | Code::InsecureTransport
        | Code::Gone
        | Code::PreconditionRequired
        | Code::IdempotencyRequired
        | Code::IdempotencyMismatch
        | Code::IdempotencyInProgress
        | Code::Invalid
        | Code::RateLimited
        | Code::TimedOut
        | Code::Unavailable
        | Code::Internal => false,
    }
}

fn first_half(id: &[u8; 16]) -> i64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&id[..8]);
    i64::from_le_bytes(bytes)
}
