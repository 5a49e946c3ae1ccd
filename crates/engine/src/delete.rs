//! Deleting a record.

use call::{Code, Failure, Outcome, Request};
use model::{Action, Resource};
use store::driver::{StoreError, Transaction};
use value::{Timestamp, Value};

use crate::Core;
use crate::place::Place;
use crate::statements::{Kind, ShapeKey};
use crate::write::{Stored, Terms};

impl Core {
    /// Decides a delete as far as that goes without its transaction.
    pub fn delete(&self, request: &Request) -> Result<Deleting, Failure> {
        let resource = self.model.resource(request.resource);
        let terms = self.terms(request, Action::Delete)?;
        let place = self.target(resource, request)?;
        Ok(Deleting { place, terms })
    }
}

/// A delete that has been decided.
pub struct Deleting {
    place: Place,
    terms: Terms,
}

impl crate::work::Writing for Deleting {
    type Done = Outcome;

    async fn write(
        &mut self,
        core: &Core,
        request: &Request,
        transaction: &mut dyn Transaction,
    ) -> Result<Outcome, Failure> {
        let resource = core.model.resource(request.resource);
        let terms = &self.terms;
        let before = core
            .current(transaction, request, terms, &self.place)
            .await?;
        core.require_allowed(transaction, request, terms, &before.row, None)
            .await?;
        core.precondition(request, &before)?;
        remove(core, request, transaction, resource, &before).await?;
        core.publish(transaction, request, Action::Delete, Some(&before), None)
            .await?;
        Ok(Outcome::Deleted)
    }
}

/// Takes the record away: for good, or so that it can be restored. Both mean the same to whoever
/// asks: what is there never points at what is not.
async fn remove(
    core: &Core,
    request: &Request,
    transaction: &mut dyn Transaction,
    resource: &Resource,
    before: &Stored,
) -> Result<(), Failure> {
    let id = before.row[usize::from(resource.id_field().id.0)].clone();
    let soft = resource.soft_delete.is_some();
    let plan = core.plans.resource(resource.id);
    if soft && plan.is_pointed_at && is_referred(core, request, transaction, &id).await? {
        return Err(referenced(core, request, transaction, &id).await);
    }
    take_away(core, request, transaction, before, request.now).await
}

/// The same of what nothing refers to. `at`: since when it is not there, if it can be restored.
pub async fn take_away(
    core: &Core,
    request: &Request,
    transaction: &mut dyn Transaction,
    before: &Stored,
    at: Timestamp,
) -> Result<(), Failure> {
    let resource = core.model.resource(request.resource);
    let id = before.row[usize::from(resource.id_field().id.0)].clone();
    let soft = resource.soft_delete.is_some();
    let key = ShapeKey::new(Kind::Delete).resource(resource.id);
    let prepared = core.statements.get_or_make(key, || {
        let statement = if soft {
            store::write::soft_delete
        } else {
            store::write::delete
        };
        Ok(statement(&core.model, core.driver.dialect(), resource.id))
    })?;
    let mut arguments = vec![id.clone(), Value::Int(before.version)];
    if soft {
        arguments.insert(0, Value::Timestamp(at));
    }
    let parameters = core.bind(&prepared, &arguments, request);
    match transaction.execute(&prepared.statement, &parameters).await {
        // What can be restored goes on counting.
        Ok(1) if soft => Ok(()),
        Ok(1) => core.forget_counted(transaction, request, &id).await,
        Ok(_) => Err(Failure::new(
            Code::Stale,
            "the record was changed at the same time; read it again",
        )),
        Err(StoreError::ForeignKey) => Err(referenced(core, request, transaction, &id).await),
        Err(error) => Err(core.trouble(&error)),
    }
}

/// Whether a record that is there points at this one. The database itself only asks that when
/// the row goes.
async fn is_referred(
    core: &Core,
    request: &Request,
    transaction: &mut dyn Transaction,
    id: &Value,
) -> Result<bool, Failure> {
    let key = ShapeKey::new(Kind::IsReferred).resource(request.resource);
    let prepared = core.statements.get_or_make(key, || {
        store::references::is_referred(&core.model, core.driver.dialect(), request.resource)
            .ok_or_else(|| Failure::internal("nothing refers to these records"))
    })?;
    let parameters = prepared.bind_args(std::slice::from_ref(id));
    core.is_true(transaction, &prepared, &parameters).await
}

/// Names the kinds of records that still refer to this one. Not which: they may be hidden.
async fn referenced(
    core: &Core,
    request: &Request,
    transaction: &mut dyn Transaction,
    id: &Value,
) -> Failure {
    let mut kinds = Vec::new();
    for reference in
        store::references::pointing_at(&core.model, core.driver.dialect(), request.resource)
    {
        let audience = request.caller.served_audience();
        let resource = core.model.resource(reference.resource);
        let field = resource.field(reference.field);
        if resource.audience > audience || field.audience > audience {
            // Not even the names of these are for this caller.
            continue;
        }
        let parameters = reference.find.bind_args(std::slice::from_ref(id));
        let found = transaction
            .query(&reference.find.statement, &parameters)
            .await;
        let deleted = match found.as_ref().map(|rows| rows.cells.first()) {
            Ok(Some(there)) if *there == Value::Bool(true) => "",
            Ok(Some(_)) => "deleted ",
            Ok(None) | Err(_) => continue,
        };
        kinds.push(format!("{deleted}{} by `{}`", resource.plural, field.name));
    }
    let by = if kinds.is_empty() {
        "other records".to_owned()
    } else {
        kinds.join(", ")
    };
    Failure::new(
        Code::StillReferenced,
        format!("this record is still referred to by {by}"),
    )
}
