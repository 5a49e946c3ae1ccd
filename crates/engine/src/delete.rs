//! Deleting a record.

use call::{Code, Failure, Outcome, Request};
use model::Action;
use store::driver::{StoreError, Transaction};
use value::Value;

use crate::Core;
use crate::access::{admit, refuse};
use crate::statements::ShapeKey;
use crate::write::Terms;

impl Core {
    /// Decides a delete as far as that goes without its transaction.
    pub fn delete(&self, request: &Request) -> Result<Deleting, Failure> {
        let resource = self.model.resource(request.resource);
        let gate = self.plans.resource(resource.id).gate(Action::Delete);
        let allowed = admit(resource, gate, Action::Delete, &request.caller, request.now)?;
        let terms = self.terms(request, allowed)?;
        let id = self.target(resource, request)?;
        Ok(Deleting { id, terms })
    }
}

/// A delete that has been decided.
pub struct Deleting {
    id: Value,
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
        let before = core
            .current(transaction, request, &self.terms, &self.id)
            .await?;
        if !core
            .verdict_holds(transaction, request, &self.terms.allowed, &before.row, None)
            .await?
        {
            return Err(refuse(
                &request.caller,
                resource,
                Action::Delete,
                &self.terms.rule,
            ));
        }
        core.precondition(request, &before)?;
        let prepared = core.statements.get_or_make(
            ShapeKey::new(b'd').number(u64::from(resource.id.0)),
            || {
                Ok(store::write::delete(
                    &core.model,
                    core.driver.dialect(),
                    resource.id,
                ))
            },
        )?;
        let arguments = [self.id.clone(), Value::Int(before.version)];
        let parameters = core.bind(&prepared, &arguments, request);
        match transaction.execute(&prepared.statement, &parameters).await {
            Ok(1) => {}
            Ok(_) => {
                return Err(Failure::new(
                    Code::Stale,
                    "the record was changed at the same time; read it again",
                ));
            }
            Err(StoreError::ForeignKey) => {
                return Err(referenced(core, request, transaction, &self.id).await);
            }
            Err(error) => return Err(core.trouble(&error)),
        }
        core.publish(transaction, request, Action::Delete, Some(&before), None)
            .await?;
        Ok(Outcome::Deleted)
    }
}

/// Names the kinds of records that still refer to this one. Not which: they may be hidden.
async fn referenced(
    core: &Core,
    request: &Request,
    transaction: &mut dyn Transaction,
    id: &Value,
) -> Failure {
    let mut kinds = Vec::new();
    for reference in store::write::references(&core.model, core.driver.dialect(), request.resource)
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
        if found.is_ok_and(|rows| !rows.is_empty()) {
            kinds.push(format!("{} by `{}`", resource.path, field.name));
        }
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
