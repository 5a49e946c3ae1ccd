//! Taking a delete back, where records are deleted softly.
//!
//! Who may delete a record may restore it. It comes back as it was, in its next version, and is
//! held against everything that a written record is held against.

use call::{Code, Failure, Outcome, Request};
use model::{Action, SystemField};
use store::driver::Transaction;
use value::Value;

use crate::Core;
use crate::place::Place;
use crate::statements::{Kind, ShapeKey};
use crate::write::{Stored, Terms};

impl Core {
    /// Decides a restore as far as that goes without its transaction.
    pub fn restore(&self, request: &Request) -> Result<Restoring, Failure> {
        let resource = self.model.resource(request.resource);
        if resource.soft_delete.is_none() {
            return Err(Failure::new(
                Code::NotFound,
                format!("deleted {} are gone for good", resource.plural),
            ));
        }
        let terms = self.terms(request, Action::Restore)?;
        let place = self.target(resource, request)?;
        Ok(Restoring { place, terms })
    }
}

/// A restore that has been decided.
pub struct Restoring {
    place: Place,
    terms: Terms,
}

impl crate::work::Writing for Restoring {
    type Done = Outcome;

    async fn write(
        &mut self,
        core: &Core,
        request: &Request,
        transaction: &mut dyn Transaction,
    ) -> Result<Outcome, Failure> {
        let resource = core.model.resource(request.resource);
        let terms = &self.terms;
        let deleted = match core
            .stored(transaction, request, terms, &self.place, true)
            .await
        {
            Err(failure) if failure.code == Code::NotFound => {
                core.current(transaction, request, terms, &self.place)
                    .await?;
                // AIP-164 has 409 too. No value is taken, so it is not `already_exists`.
                let noun = resource.noun();
                let detail = format!("this {noun} is there; it has not been deleted");
                return Err(Failure::new(Code::Conflict, detail));
            }
            found => found?,
        };
        core.require_allowed(transaction, request, terms, &deleted.row, None)
            .await?;
        let mut restored = Stored {
            row: deleted.row,
            version: deleted.version + 1,
        };
        let updated_at = resource.system_field(SystemField::UpdatedAt).id;
        restored.row[usize::from(updated_at.0)] = Value::Timestamp(request.now);
        core.require_own_checks(request, terms, &restored.row)?;
        let key = ShapeKey::new(Kind::Restore).resource(resource.id);
        let prepared = core.statements.get_or_make(key, || {
            let dialect = core.driver.dialect();
            Ok(store::write::restore(&core.model, dialect, resource.id))
        })?;
        let arguments = [
            Value::Timestamp(request.now),
            restored.row[usize::from(resource.id_field().id.0)].clone(),
            Value::Int(deleted.version),
        ];
        let parameters = core.bind(&prepared, &arguments, request);
        match transaction.execute(&prepared.statement, &parameters).await {
            Ok(1) => {}
            Ok(_) => {
                return Err(Failure::new(
                    Code::Stale,
                    "the record was restored at the same time",
                ));
            }
            Err(error) => return Err(core.trouble(&error)),
        }
        core.references_live(transaction, request, &restored.row, |_| true)
            .await?;
        core.related_checks(transaction, request, terms, &restored.row)
            .await?;
        core.publish(transaction, request, Action::Restore, None, Some(&restored))
            .await?;
        Ok(Outcome::Elsewhere {
            key: core.key_of(resource, request, &restored.row),
            record: core.answer(transaction, request, terms, &restored).await?,
        })
    }
}
