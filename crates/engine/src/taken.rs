//! What to say when a unique value is taken, by whom it matters.
//!
//! Two records can have a value and still not be in each other's way as the client sees it: the
//! one that a PUT with `If-None-Match: *` names, and one that is deleted and can be restored. Both
//! are looked at after the write was undone, so nothing but a refusal pays for it.

use std::sync::Arc;

use call::{Code, Failure, Place, Request};
use expr::Expr;
use model::Action;
use store::select::{Filter, Operator, Output, Select};
use value::{FieldId, Value};

use crate::Core;
use crate::access::{Verdict, admit};
use crate::read::Via;
use crate::settle::{Decided, One};
use crate::statements::Kind;
use crate::write::is_kept;

/// What of a create has to be known once it was refused.
#[derive(Clone)]
pub struct Wanted {
    request: Request,
    row: Vec<Value>,
    visible: Verdict,
}

impl Core {
    /// Remembers a create whose refusal may need more words.
    pub fn wanted(&self, request: &Request, decided: &Decided) -> Option<Box<Wanted>> {
        let Decided::One(One::Create(creating)) = decided else {
            return None;
        };
        let soft = self.model.resource(request.resource).soft_delete.is_some();
        if !soft && !request.precondition.absent {
            return None;
        }
        let (caller, now) = (Arc::clone(&request.caller), request.now);
        let mut bare = Request::new(request.resource, request.action, caller, now);
        bare.target.clone_from(&request.target);
        bare.precondition.absent = request.precondition.absent;
        Some(Box::new(Wanted {
            request: bare,
            row: creating.row().to_vec(),
            visible: creating.visible().clone(),
        }))
    }

    /// The refusal of a create in the words that this caller may hear.
    pub async fn explained(&self, failure: Failure, wanted: Option<Box<Wanted>>) -> Failure {
        let Some(wanted) = wanted.filter(|_| failure.code == Code::AlreadyExists) else {
            return failure;
        };
        // RFC 9110 §13.1.2: whatever else is wrong, the precondition is false if the record is
        // there. If it is not, another record has a value that this one wants: a conflict.
        if wanted.request.precondition.absent && self.is_there(&wanted.request).await {
            return Failure::new(Code::Stale, "there is such a record already");
        }
        self.naming_deleted(failure, &wanted).await
    }

    /// Whether there is a record with the id of the request, whoever may see it.
    async fn is_there(&self, request: &Request) -> bool {
        let resource = self.model.resource(request.resource);
        let Ok(place) = self.target(resource, request) else {
            return false;
        };
        let key = place.key(Kind::Exists).resource(resource.id);
        let prepared = self
            .statements
            .get_or_make(key, || self.select(&place.select(Select::new(resource.id))));
        let Ok(prepared) = prepared else { return false };
        let parameters = self.bind(&prepared, place.arguments(), request);
        let rows = self
            .rows(&mut Via::Alone(&*self.driver), &prepared, &parameters)
            .await;
        rows.is_ok_and(|rows| !rows.is_empty())
    }

    /// Who could restore the record that is in the way is told which it is. To others a deleted
    /// record is not there, and its value merely taken.
    async fn naming_deleted(&self, mut failure: Failure, wanted: &Wanted) -> Failure {
        let Wanted {
            request,
            row,
            visible,
        } = wanted;
        let resource = self.model.resource(request.resource);
        if resource.soft_delete.is_none() {
            return failure;
        }
        let (caller, now) = (&request.caller, request.now);
        let gate = self.plans.resource(resource.id).gate(Action::Restore);
        let Ok(allowed) = admit(resource, gate, Action::Restore, caller, now) else {
            return failure;
        };
        let mut restrict = Vec::new();
        for verdict in [visible, &allowed] {
            match verdict {
                Verdict::Open => {}
                Verdict::Closed => return failure,
                Verdict::Rows(residual) => restrict.push(Arc::clone(&residual.expr)),
            }
        }
        let single = resource.fields.iter().filter(|field| field.unique);
        let unique = single
            .map(|field| vec![field.id])
            .chain(resource.unique.iter().cloned());
        for fields in unique {
            let is_named = |field: &FieldId| {
                let place = Place::Pointer(format!("/{}", resource.field(*field).name));
                failure.problems.iter().any(|fault| fault.place == place)
            };
            if !fields.iter().all(is_named) {
                continue;
            }
            let found = self.deleted_with(request, row, &fields, &restrict).await;
            let Ok(Some(id)) = found else { continue };
            let noun = resource.noun();
            let id = resource.id_type.to_text(&id);
            let hint = format!("; it is the deleted {noun} `{id}`, which can be restored");
            failure.detail.push_str(&hint);
            for fault in &mut failure.problems {
                fault.detail.push_str(&hint);
            }
            break;
        }
        failure
    }

    /// The id of a deleted record that has these values.
    async fn deleted_with(
        &self,
        request: &Request,
        row: &[Value],
        fields: &[FieldId],
        restrict: &[Arc<Expr>],
    ) -> Result<Option<Value>, Failure> {
        let resource = self.model.resource(request.resource);
        let prepared = self.select(&Select {
            outputs: vec![Output::Field(resource.id_field().id), Output::DeletedAt],
            filters: fields
                .iter()
                .map(|field| Filter {
                    via: None,
                    field: *field,
                    operator: Operator::Eq,
                    via_restrict: None,
                })
                .collect(),
            restrict: restrict.to_vec(),
            deleted: true,
            limit: true,
            ..Select::new(resource.id)
        })?;
        let mut arguments: Vec<Value> = fields
            .iter()
            .map(|field| row[usize::from(field.0)].clone())
            .collect();
        arguments.push(Value::Int(1));
        let parameters = self.bind(&prepared, &arguments, request);
        let rows = self
            .rows(&mut Via::Alone(&*self.driver), &prepared, &parameters)
            .await?;
        Ok(rows.into_iter().next().and_then(|found| match &found[..] {
            [id, deleted_at] if is_kept(resource, deleted_at, request.now) => Some(id.clone()),
            _ => None,
        }))
    }
}
