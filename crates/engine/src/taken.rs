//! What to say when a unique value is taken, by whom it matters.
//!
//! Two records can have a value and still not be in each other's way as the client sees it: the
//! one that a PUT with `If-None-Match: *` names, and one that is deleted and can be restored. Both
//! are looked at after the write was undone, so nothing but a refusal pays for it. One whose time
//! to be restored is over is in nobody's way: it goes within the write itself.

use std::sync::{Arc, Mutex, PoisonError};

use call::{Code, Failure, Outcome, Place, Request};
use expr::Expr;
use model::Action;
use store::driver::{Rows, Sole, StoreError, Transaction};
use store::select::{Filter, Operator, Output, Select};
use value::{FieldId, Value};

use crate::Core;
use crate::access::{Verdict, admit};
use crate::create::Creating;
use crate::read::Via;
use crate::settle::{Decided, One};
use crate::statements::Kind;
use crate::work::Writing;
use crate::write::{Terms, is_kept, kept_since};

/// What a write wanted that met a value which is taken.
#[derive(Clone)]
pub struct Met {
    /// Where it stands in a batch; otherwise nothing.
    pointer: String,
    row: Vec<Value>,
    /// What of the resource this caller sees.
    visible: Verdict,
}

impl Met {
    pub fn new(row: Vec<Value>, terms: &Terms) -> Met {
        Met {
            pointer: String::new(),
            row,
            visible: terms.visible.clone(),
        }
    }

    pub fn within(self, pointer: &str) -> Met {
        let pointer = pointer.to_owned();
        Met { pointer, ..self }
    }
}

/// Where a write leaves what it met.
type Slot = Arc<Mutex<Option<Met>>>;

/// A write whose refusal may need more words.
pub struct Watched {
    inner: Decided,
    slot: Option<Slot>,
}

/// What has to be known once it was refused.
#[derive(Clone)]
pub struct Wanted {
    request: Request,
    slot: Slot,
}

impl Watched {
    pub fn operation(&self) -> Option<[u8; 16]> {
        self.inner.operation()
    }

    /// The create that it is, if it is nothing else.
    pub fn creating(&mut self) -> Option<&mut Creating> {
        match &mut self.inner {
            Decided::One(One::Create(creating)) => Some(creating),
            _ => None,
        }
    }
}

impl Writing for Watched {
    type Done = Outcome;

    async fn write(
        &mut self,
        core: &Core,
        request: &Request,
        transaction: &mut dyn Transaction,
    ) -> Result<Outcome, Failure> {
        let written = self.inner.write(core, request, transaction).await;
        if let (Err(failure), Some(slot)) = (&written, &self.slot)
            && failure.code == Code::AlreadyExists
        {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = self.inner.met();
        }
        written
    }

    fn sole(&mut self, core: &Core, request: &Request) -> Option<Sole> {
        self.inner.sole(core, request)
    }

    fn written(&mut self, core: &Core, request: &Request, rows: Rows) -> Result<Outcome, Failure> {
        self.inner.written(core, request, rows)
    }
}

impl Core {
    /// Has a write remember what it wanted, where its refusal may need more words.
    pub fn watch(&self, request: &Request, inner: Decided) -> (Watched, Option<Box<Wanted>>) {
        let soft = self.model.resource(request.resource).soft_delete.is_some();
        let unlike = matches!(inner, Decided::Later(_));
        if unlike || !soft && !request.precondition.absent {
            return (Watched { inner, slot: None }, None);
        }
        let mut bare = request.bare();
        bare.target.clone_from(&request.target);
        bare.precondition.absent = request.precondition.absent;
        let slot = Slot::default();
        let wanted = Wanted {
            request: bare,
            slot: Arc::clone(&slot),
        };
        let slot = Some(slot);
        (Watched { inner, slot }, Some(Box::new(wanted)))
    }

    /// The refusal of a write in the words that this caller may hear.
    pub async fn explained(&self, failure: Failure, wanted: Option<Box<Wanted>>) -> Failure {
        let Some(wanted) = wanted.filter(|_| failure.code == Code::AlreadyExists) else {
            return failure;
        };
        // RFC 9110 §13.1.2: whatever else is wrong, the precondition is false if the record is
        // there. If it is not, another record has a value that this one wants: a conflict.
        if wanted.request.precondition.absent && self.is_there(&wanted.request).await {
            return Failure::new(Code::Stale, "there is such a record already");
        }
        let met = wanted.slot.lock().map(|mut met| met.take());
        match met.unwrap_or_else(|poisoned| poisoned.into_inner().take()) {
            Some(met) => self.naming_deleted(failure, &wanted.request, &met).await,
            None => failure,
        }
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
    async fn naming_deleted(&self, mut failure: Failure, request: &Request, met: &Met) -> Failure {
        let Met {
            pointer,
            row,
            visible,
        } = met;
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
                let name = &resource.field(*field).name;
                let place = Place::Pointer(format!("{pointer}/{name}"));
                failure.problems.iter().any(|fault| fault.place == place)
            };
            if !fields.iter().all(is_named) {
                continue;
            }
            let via = &mut Via::Alone(&*self.driver);
            let found = self.deleted_with(via, request, row, &fields, &restrict);
            let Ok(Some((id, deleted_at))) = found.await else {
                continue;
            };
            if !is_kept(resource, &deleted_at, request.now) {
                continue;
            }
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

    /// Takes away for good what has the same unique value as a row and cannot be restored any more,
    /// as the next round of the housekeeping would. Whether there was something, so that the row
    /// can be tried again. What other deleted records still refer to stays until they are gone.
    pub async fn make_room(
        &self,
        request: &Request,
        transaction: &mut dyn Transaction,
        error: &StoreError,
        row: &[Value],
    ) -> Result<bool, Failure> {
        let resource = self.model.resource(request.resource);
        let taken = store::constraint::fields(&self.model, error);
        let Some((_, fields)) = taken.filter(|(of, _)| *of == resource.id) else {
            return Ok(false);
        };
        if resource.soft_delete.is_none() {
            return Ok(false);
        }
        let via = &mut Via::Inside(&mut *transaction);
        let found = self.deleted_with(via, request, row, &fields, &[]).await?;
        let over = found.filter(|(_, deleted_at)| !is_kept(resource, deleted_at, request.now));
        let Some((id, _)) = over else {
            return Ok(false);
        };
        let dialect = self.driver.dialect();
        // What refers to it may be over time as well.
        let mut places: Vec<_> = store::references::pointing_at(&self.model, dialect, resource.id)
            .iter()
            .map(|reference| (reference.resource, reference.field))
            .filter(|(other, _)| self.model.resource(*other).soft_delete.is_some())
            .collect();
        places.push((resource.id, resource.id_field().id));
        let mut gone = 0;
        for (of, field) in places {
            let purge = store::write::purge(&self.model, dialect, of, Some(field));
            let before = kept_since(self.model.resource(of), request.now);
            let parameters = purge.bind_args(&[Value::Timestamp(before), id.clone()]);
            let purged = transaction.execute(&purge.statement, &parameters).await;
            gone = purged.map_err(|error| self.trouble(&error))?;
        }
        Ok(gone > 0)
    }

    /// The id of a deleted record that has these values, and when it was deleted.
    async fn deleted_with(
        &self,
        via: &mut Via<'_>,
        request: &Request,
        row: &[Value],
        fields: &[FieldId],
        restrict: &[Arc<Expr>],
    ) -> Result<Option<(Value, Value)>, Failure> {
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
        let found = self.rows(via, &prepared, &parameters).await?;
        Ok(found.into_iter().next().and_then(|found| {
            let mut values = found.into_iter();
            values.next().zip(values.next())
        }))
    }
}
