//! Many writes of one resource in one transaction: all or none.
//!
//! Each part is a request of its own, decided and written like any other; what is refused says
//! where it stands (`/update/3/title`). Faults of the input are told for all parts at once.

use std::sync::Arc;

use call::{
    Batch, BatchOutcome, Change, Code, Done, Failure, FieldProblem, Outcome, Place, Request,
};
use model::Action;
use store::driver::Transaction;
use value::Value;

use crate::Core;
use crate::access::{admit, refuse};
use crate::settle::One;
use crate::statements::{Kind, ShapeKey};
use crate::taken::Met;
use crate::validate::PROBLEMS_MAX;
use crate::work::Writing;

/// Writes of one batch. They hold the writer for as long as they take: some hundredths of a
/// second.
pub const PARTS_MAX: usize = 1_000;

/// A batch whose parts have been decided.
pub struct Batching {
    parts: Vec<Deciding>,
    /// What is known to be wrong. With any fault it is only tried, to find all of them.
    faults: Vec<FieldProblem>,
    /// What a part wanted when it met a value that is taken.
    met: Option<Met>,
}

struct Deciding {
    request: Request,
    /// `/update/3`
    pointer: String,
    one: One,
}

impl Core {
    pub async fn batch(
        self: &Arc<Self>,
        request: &Request,
        batch: &Batch,
    ) -> Result<Batching, Failure> {
        count(batch)?;
        if parts_of(request, batch).next().is_none() {
            self.may_batch(request)?;
        }
        // Looked for once, and not for every part.
        let around = match &request.parent {
            Some(parent) => Some(self.parent(request, parent).await?),
            None => None,
        };
        let mut parts = Vec::new();
        let mut faults = Faults {
            of_input: batch.unreadable.clone(),
            other: None,
        };
        for (request, pointer) in parts_of(request, batch) {
            let one = match request.action {
                Action::Create => {
                    let creating = self.create_in(&request, around.clone()).await;
                    creating.map(One::Create)
                }
                _ => self.decide_one(&request).await,
            };
            match one {
                Ok(one) => parts.push(Deciding {
                    request,
                    pointer,
                    one,
                }),
                Err(failure) => faults.add(failure, &pointer)?,
            }
        }
        if faults.of_input.is_empty() {
            faults.end()?;
            let faults = vec![];
            return Ok(Batching {
                parts,
                faults,
                met: None,
            });
        }
        Err(self.all_faults(request, parts, faults).await)
    }

    /// The refusal of a batch with faults in it. What is wrong with the other parts may only be
    /// seen when they are held against what is stored; they are tried, and nothing of it stays.
    async fn all_faults(
        self: &Arc<Self>,
        request: &Request,
        parts: Vec<Deciding>,
        faults: Faults,
    ) -> Failure {
        let known = faults.of_input.clone();
        let trying = Batching {
            parts,
            faults: faults.of_input,
            met: None,
        };
        match self.in_rehearsal(request.clone().into(), trying).await {
            Err(failure) if failure.code == Code::Invalid || is_about_caller(failure.code) => {
                failure
            }
            // Whatever else came in between: these are as they were.
            _ => told(known),
        }
    }
}

/// How many writes a batch is, if it is not too many.
pub fn count(batch: &Batch) -> Result<u32, Failure> {
    let count = batch.create.len() + batch.update.len() + batch.delete.len();
    match u32::try_from(count) {
        Ok(known) if count <= PARTS_MAX => Ok(known),
        _ => Err(too_many(format!(
            "has {count} writes; the most is {PARTS_MAX}"
        ))),
    }
}

/// The refusal of a batch that is larger than any that could pass.
pub fn too_many(detail: String) -> Failure {
    let problem = FieldProblem {
        place: Place::Pointer(String::new()),
        code: "too_many_items",
        detail,
    };
    Failure::with_problems(Code::Invalid, vec![problem])
}

impl Core {
    /// A batch of nothing is for whoever could put something into it.
    fn may_batch(&self, request: &Request) -> Result<(), Failure> {
        let resource = self.model.resource(request.resource);
        let plan = self.plans.resource(resource.id);
        let actions = [Action::Create, Action::Update, Action::Delete];
        let asked = actions.map(|action| {
            let gate = plan.gate(action);
            let answer = admit(resource, gate, action, &request.caller, request.now);
            (gate.is_some(), answer.map(|_| ()))
        });
        if asked.iter().any(|(_, answer)| answer.is_ok()) {
            return Ok(());
        }
        // What is closed to everybody says the least about this caller.
        let mut refusals = asked.into_iter();
        let told = refusals.find(|(offered, _)| *offered);
        told.map_or_else(
            || Err(refuse(&request.caller, resource, Action::Create, "nobody")),
            |(_, refusal)| refusal,
        )
    }
}

/// Every part as a request of its own, in the order in which they are done, and where it stands.
fn parts_of<'a>(
    request: &'a Request,
    batch: &'a Batch,
) -> impl Iterator<Item = (Request, String)> + 'a {
    let like = |action| Request {
        parent: request.parent.clone(),
        view: request.view.clone(),
        ..Request::new(
            request.resource,
            action,
            Arc::clone(&request.caller),
            request.now,
        )
    };
    let create = numbered("create", &batch.create).map(move |(pointer, body)| {
        let create = Request {
            change: Some(Change::Whole(body.clone())),
            ..like(Action::Create)
        };
        (create, pointer)
    });
    let update = numbered("update", &batch.update).map(move |(pointer, part)| {
        let update = Request {
            target: Some(part.target.clone()),
            change: Some(Change::Merge(part.change.clone())),
            precondition: part.precondition.clone(),
            ..like(Action::Update)
        };
        (update, pointer)
    });
    let delete = numbered("delete", &batch.delete).map(move |(pointer, part)| {
        let delete = Request {
            target: Some(part.target.clone()),
            precondition: part.precondition.clone(),
            ..like(Action::Delete)
        };
        (delete, pointer)
    });
    create.chain(update).chain(delete)
}

/// What could be read of a list, and where it stands.
fn numbered<'a, T>(
    list: &'static str,
    parts: &'a [Option<T>],
) -> impl Iterator<Item = (String, &'a T)> + 'a {
    let numbered = parts.iter().enumerate();
    numbered.filter_map(move |(index, part)| Some((format!("/{list}/{index}"), part.as_ref()?)))
}

/// What is wrong with the parts.
struct Faults {
    of_input: Vec<FieldProblem>,
    /// The first refusal for another reason.
    other: Option<Failure>,
}

impl Faults {
    /// Adds a part's refusal. One that is about the caller ends it all: it most likely holds for
    /// every part, and nothing of the input is told.
    fn add(&mut self, failure: Failure, pointer: &str) -> Result<(), Failure> {
        let failure = placed(failure, pointer);
        match failure.code {
            Code::Invalid => self.of_input.extend(failure.problems),
            code if is_about_caller(code) => return Err(failure),
            _ => {
                self.other.get_or_insert(failure);
            }
        }
        Ok(())
    }

    fn end(self) -> Result<(), Failure> {
        if !self.of_input.is_empty() {
            return Err(told(self.of_input));
        }
        self.other.map_or(Ok(()), Err)
    }
}

fn is_about_caller(code: Code) -> bool {
    matches!(
        code,
        Code::Unauthenticated | Code::Forbidden | Code::InsufficientScope
    )
}

/// Faults in the order of the parts, as they were found in several rounds.
fn told(mut faults: Vec<FieldProblem>) -> Failure {
    faults.sort_by_key(|fault| match &fault.place {
        Place::Pointer(pointer) => {
            let mut segments = pointer.split('/').skip(1);
            let list = match segments.next() {
                Some("create") => 1,
                Some("update") => 2,
                Some("delete") => 3,
                _ => 0,
            };
            let index = segments.next().and_then(|index| index.parse::<u32>().ok());
            (list, index)
        }
        Place::Parameter(_) | Place::Header(_) => (0, None),
    });
    faults.truncate(PROBLEMS_MAX);
    Failure::with_problems(Code::Invalid, faults)
}

/// The refusal of a part as one of the whole: every pointer goes on from where the part stands.
fn placed(mut failure: Failure, pointer: &str) -> Failure {
    for problem in &mut failure.problems {
        if let Place::Pointer(inner) = &mut problem.place {
            inner.insert_str(0, pointer);
        }
    }
    if failure.problems.is_empty() {
        failure.problems.push(FieldProblem {
            place: Place::Pointer(pointer.to_owned()),
            code: failure.code.name(),
            detail: failure.detail.clone(),
        });
    }
    failure
}

impl Batching {
    pub fn met(&self) -> Option<Met> {
        self.met.clone()
    }

    /// Ids for all records to be made, at once where the database counts them.
    async fn draw_ids(
        &mut self,
        core: &Core,
        request: &Request,
        transaction: &mut dyn Transaction,
    ) -> Result<(), Failure> {
        let resource = core.model.resource(request.resource);
        let dialect = core.driver.dialect();
        if !store::write::draws(resource, dialect) {
            return Ok(());
        }
        let mut slots: Vec<&mut Value> = self
            .parts
            .iter_mut()
            .filter_map(|part| match &mut part.one {
                One::Create(creating) => Some(creating.id_slot(resource)),
                _ => None,
            })
            .filter(|slot| slot.is_null())
            .collect();
        if slots.len() < 2 {
            return Ok(());
        }
        let key = ShapeKey::new(Kind::DrawIds).resource(resource.id);
        let prepared = core
            .statements
            .get_or_make(key, || Ok(store::write::draw(resource, dialect)))?;
        let count = i64::try_from(slots.len()).unwrap_or(i64::MAX);
        let parameters = core.bind(&prepared, &[Value::Int(count)], request);
        let drawn = transaction.query(&prepared.statement, &parameters).await;
        let drawn = drawn.map_err(|error| core.trouble(&error))?;
        // Kept if it is run again: nobody else has them.
        for (slot, id) in slots.iter_mut().zip(drawn.cells) {
            **slot = id;
        }
        Ok(())
    }
}

impl Writing for Batching {
    type Done = Outcome;

    async fn write(
        &mut self,
        core: &Core,
        request: &Request,
        transaction: &mut dyn Transaction,
    ) -> Result<Outcome, Failure> {
        self.draw_ids(core, request, transaction).await?;
        let mut outcome = BatchOutcome::default();
        let mut faults = Faults {
            // It may run more than once.
            of_input: self.faults.clone(),
            other: None,
        };
        for part in &mut self.parts {
            match part.one.write(core, &part.request, transaction).await {
                Ok(written) => {
                    let named = part.request.target.clone();
                    let (list, key, record) = match (part.request.action, written) {
                        (_, Outcome::Created { key, record, .. }) => {
                            (&mut outcome.create, Some(key), record)
                        }
                        (Action::Delete, _) => (&mut outcome.delete, named, None),
                        (_, Outcome::Record(record)) => (&mut outcome.update, named, Some(record)),
                        (_, _) => (&mut outcome.update, named, None),
                    };
                    let key = key.ok_or_else(|| Failure::internal("a part names no record"))?;
                    list.push(Done { key, record });
                }
                // The input is at fault, the transaction is not: the others can still be looked at.
                Err(failure) if failure.code == Code::Invalid => {
                    faults.add(failure, &part.pointer)?;
                }
                Err(failure) => {
                    if failure.code == Code::AlreadyExists {
                        let met = part.one.met();
                        self.met = met.map(|met| met.within(&part.pointer));
                    }
                    faults.add(failure, &part.pointer)?;
                    break;
                }
            }
        }
        faults.end()?;
        Ok(Outcome::Batch(outcome))
    }
}
